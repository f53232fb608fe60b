/* Walking a path: at each level some children of a list or map are chosen, and the next level is
 * asked of each. No state; recursion is as deep as the path, which is bounded by LEVELS_MAX. */
#include "data/path.h"

#include "data/collection_op.h"

enum { /* context types */
       EXPRESSION = 0x04,
       AND_EXPRESSION = 0x204,
       LIST_INDEX = 0x10,
       LIST_RANK = 0x11,
       LIST_VALUE = 0x13,
       MAP_INDEX = 0x20,
       MAP_RANK = 0x21,
       MAP_KEY = 0x22,
       MAP_VALUE = 0x23,
       MAP_KEYS = 0x2a,
       IS_MAP = 0x20,
};
enum { /* flags */
       MATCHING_TREE = 0,
       VALUES = 1,
       KEYS = 2,
       KEYS_AND_VALUES = 3,
       APPLY = 4,
       WHAT_BITS = 7,
       NO_FAIL = 0x10,
};
enum { SELECT = 0xfe, LEVELS_MAX = 64, MEMORY_MAX = 64 << 20 };

typedef struct level {
    int64_t type;
    anp_slice value;                  /* of a context type that has one */
    uint32_t first_filter, n_filters; /* all must be true of a child */
} level;

typedef struct path {
    anp_call call;
    level levels[LEVELS_MAX];
    uint32_t n_levels;
    anp_expression *filters[LEVELS_MAX];
    uint32_t n_filters;
    anp_expression *apply;
    int64_t what;
    bool no_fail;
    const anp_exp_record *record;
    anp_arena *arena;
    anp_container leaves; /* of VALUES, KEYS, KEYS_AND_VALUES */
    uint64_t steps;
} path;

bool anp_path_is_call(anp_slice call)
{
    anp_call c;
    return anp_call_open(&c, call) && c.code == SELECT;
}

/* ---- reading it ---- */

static bool take_raw(anp_call *c, anp_slice *out)
{
    const uint8_t *start = c->at.at;
    if (c->left == 0 || !anp_msgpack_skip(&c->at)) {
        return false;
    }
    c->left--;
    *out = (anp_slice){start, (size_t)(c->at.at - start)};
    return true;
}

static uint8_t add_filter(path *p, level *to, anp_slice bytes)
{
    anp_expression *e;
    if (p->n_filters == LEVELS_MAX) {
        return ANP_PARAMETER;
    }
    uint8_t code = anp_expression_new(bytes, &e);
    if (code != ANP_OK) {
        return code;
    }
    to->first_filter = to->n_filters == 0 ? p->n_filters : to->first_filter;
    to->n_filters++;
    p->filters[p->n_filters++] = e;
    anp_exp_type type = anp_expression_type(e);
    return type == ANP_EXP_BOOL || type == ANP_EXP_ANY ? ANP_OK : ANP_PARAMETER;
}

static uint8_t read_levels(path *p, anp_call *context)
{
    while (context->left != 0) {
        int64_t type;
        anp_slice value;
        if (!anp_call_integer(context, &type) || !take_raw(context, &value)) {
            return ANP_PARAMETER;
        }
        bool is_more = type == AND_EXPRESSION;
        if (is_more ? p->n_levels == 0 : p->n_levels == LEVELS_MAX) {
            return ANP_PARAMETER;
        }
        if (!is_more) {
            p->levels[p->n_levels++] = (level){.type = type, .value = value};
        }
        if (is_more || type == EXPRESSION) {
            uint8_t code = add_filter(p, &p->levels[p->n_levels - 1], value);
            if (code != ANP_OK) {
                return code;
            }
        } else if (type != LIST_INDEX && type != LIST_RANK && type != LIST_VALUE &&
                   type != MAP_KEYS && !(type >= MAP_INDEX && type <= MAP_VALUE)) {
            return ANP_PARAMETER;
        }
    }
    return p->n_levels != 0 ? ANP_OK : ANP_PARAMETER;
}

static uint8_t read_path(path *p, anp_slice call, bool is_modify)
{
    anp_slice context, expression;
    anp_call levels;
    anp_msgpack_item head;
    int64_t flags;
    if (!anp_call_open(&p->call, call) || p->call.code != SELECT ||
        p->call.left != (is_modify ? 3u : 2u) || !take_raw(&p->call, &context) ||
        !anp_call_integer(&p->call, &flags) || (flags & ~(int64_t)(WHAT_BITS | NO_FAIL))) {
        return ANP_PARAMETER;
    }
    p->what = flags & WHAT_BITS;
    p->no_fail = (flags & NO_FAIL) != 0;
    if (is_modify ? p->what != APPLY : p->what > KEYS_AND_VALUES) {
        return ANP_PARAMETER;
    }
    levels.at = anp_cursor_over(context.data, context.size);
    if (!anp_msgpack_read(&levels.at, &head) || head.kind != ANP_MSGPACK_LIST ||
        head.count % 2 != 0) {
        return ANP_PARAMETER;
    }
    levels.left = head.count;
    uint8_t code = read_levels(p, &levels);
    if (code == ANP_OK && is_modify) {
        code = take_raw(&p->call, &expression) ? anp_expression_new(expression, &p->apply)
                                               : ANP_PARAMETER;
    }
    return code;
}

/* ---- children ---- */

static uint8_t failure(const path *p, uint8_t code)
{
    return p->no_fail ? ANP_OK : code;
}

static anp_exp_value value_of(anp_slice element)
{
    anp_cursor c = anp_cursor_over(element.data, element.size);
    return anp_exp_value_read(&c);
}

/* Asks an expression about a child; what is unknown is ANP_EXP_UNKNOWN. The value is good as long
 * as `memory`. */
static uint8_t ask(path *p, const anp_expression *e, const anp_container *c, uint32_t at,
                   anp_arena *memory, anp_exp_value *out)
{
    anp_exp_child child = {
        .key = c->keys != NULL ? value_of(c->keys[at]) : (anp_exp_value){.type = ANP_EXP_UNKNOWN},
        .value = value_of(c->values[at]),
        .index = {.type = ANP_EXP_INT, .integer = at},
    };
    return anp_expression_eval(e, p->record, &child, memory, &p->steps, out);
}

static uint8_t passes(path *p, const level *l, const anp_container *c, uint32_t at, bool *out)
{
    *out = true;
    for (uint32_t i = 0; *out && i < l->n_filters; i++) {
        anp_arena memory;
        anp_exp_value v;
        anp_arena_init(&memory, MEMORY_MAX);
        uint8_t code = ask(p, p->filters[l->first_filter + i], c, at, &memory, &v);
        anp_arena_deinit(&memory);
        if (code == ANP_OK && v.type != ANP_EXP_BOOL) {
            code = failure(p, ANP_PARAMETER);
            v.boolean = false;
        }
        if (code != ANP_OK) {
            return code;
        }
        *out = v.boolean;
    }
    return ANP_OK;
}

/* Marks those that a level's type names; the filters come afterwards. Nothing by that name is no
 * error. */
static uint8_t mark_named(path *p, const level *l, anp_container *c, bool *marks)
{
    anp_cursor look = anp_cursor_over(l->value.data, l->value.size);
    anp_msgpack_item item = {.kind = ANP_MSGPACK_NIL};
    uint32_t at = 0;
    if (l->type == EXPRESSION) {
        memset(marks, true, c->n);
        return ANP_OK;
    }
    if (((l->type & IS_MAP) != 0) != (c->particle == ANP_PARTICLE_MAP)) {
        return ANP_PARAMETER;
    }
    if (!anp_container_rank(c, p->arena)) {
        return ANP_SERVER_ERROR;
    }
    if (l->type == MAP_KEYS) {
        anp_container keys;
        if (!anp_container_open(&keys, p->arena, l->value) || keys.keys != NULL) {
            return ANP_PARAMETER;
        }
        for (uint32_t i = 0; i < keys.n; i++) {
            if (anp_container_find_key(c, keys.values[i], &at)) {
                marks[at] = true;
            }
        }
    } else if (l->type == MAP_KEY) {
        if (anp_container_find_key(c, l->value, &at)) {
            marks[at] = true;
        }
    } else if (l->type == LIST_VALUE || l->type == MAP_VALUE) {
        uint32_t end = anp_container_values_below(c, l->value, true);
        for (at = anp_container_values_below(c, l->value, false); at < end; at++) {
            marks[c->by_rank[at]] = true;
        }
    } else if (anp_msgpack_read(&look, &item) && item.kind == ANP_MSGPACK_INT &&
               anp_collection_index(item.integer, c->n, &at)) {
        marks[l->type == LIST_RANK || l->type == MAP_RANK ? c->by_rank[at] : at] = true;
    }
    return ANP_OK;
}

/* ---- leaves ---- */

static bool add_leaf(path *p, anp_slice element)
{
    return anp_container_insert(&p->leaves, p->arena, p->leaves.n, (anp_slice){NULL, 0}, element);
}

static uint8_t take_leaf(path *p, const anp_container *c, uint32_t at)
{
    bool wants_key = p->what == KEYS || p->what == KEYS_AND_VALUES;
    if (wants_key && c->keys == NULL) {
        return failure(p, ANP_INCOMPATIBLE_TYPE);
    }
    bool ok =
        (!wants_key || add_leaf(p, c->keys[at])) && (p->what == KEYS || add_leaf(p, c->values[at]));
    return ok ? ANP_OK : ANP_SERVER_ERROR;
}

/* Puts the expression's value into the child's place; *stays false: the child goes. */
static uint8_t apply(path *p, anp_container *c, uint32_t at, bool *stays)
{
    anp_arena memory;
    anp_exp_value v;
    anp_buffer form;
    anp_arena_init(&memory, MEMORY_MAX);
    anp_buffer_init(&form, MEMORY_MAX);
    uint8_t code = ask(p, p->apply, c, at, &memory, &v);
    *stays = v.type != ANP_EXP_REMOVED;
    if (code == ANP_OK && v.type == ANP_EXP_UNKNOWN) {
        code = failure(p, ANP_OP_NOT_APPLICABLE);
    } else if (code == ANP_OK && *stays) {
        anp_exp_value_put(&form, &v);
        uint8_t *copy =
            form.failed == ANP_OK ? anp_arena_copy(p->arena, form.data, form.size) : NULL;
        c->values[at] = (anp_slice){copy, form.size};
        code = copy != NULL ? ANP_OK : ANP_SERVER_ERROR;
    }
    anp_buffer_deinit(&form);
    anp_arena_deinit(&memory);
    return code;
}

/* ---- the walk ---- */

static bool write(path *p, const anp_container *c, anp_slice *out)
{
    anp_buffer form;
    anp_buffer_init(&form, MEMORY_MAX);
    anp_container_write(&form, c);
    *out = (anp_slice){
        form.failed == ANP_OK ? anp_arena_copy(p->arena, form.data, form.size) : NULL, form.size};
    anp_buffer_deinit(&form);
    return out->data != NULL;
}

/* Walks on from one list or map. *rebuilt: it as a tree of what matches, or with what was applied.
 * What has no children stays in both, and has no leaves. */
static uint8_t walk(path *p, uint32_t depth, anp_slice bytes, anp_slice *rebuilt)
{
    const level *l = &p->levels[depth];
    bool is_last = depth + 1 == p->n_levels, rebuilds = p->what == MATCHING_TREE || p->apply;
    anp_container c;
    *rebuilt = bytes;
    if (!anp_container_open(&c, p->arena, bytes)) {
        return ANP_OK;
    }
    bool *marks = anp_arena_take(p->arena, c.n);
    if (marks == NULL) {
        return ANP_SERVER_ERROR;
    }
    memset(marks, false, c.n);
    uint8_t code = mark_named(p, l, &c, marks);
    uint32_t kept = 0;
    for (uint32_t i = 0; code == ANP_OK && i < c.n; i++) {
        bool stays = p->apply != NULL;
        if (marks[i]) {
            code = passes(p, l, &c, i, &marks[i]);
        }
        if (code == ANP_OK && marks[i]) {
            stays = true;
            if (!is_last) {
                code = walk(p, depth + 1, c.values[i], &c.values[i]);
            } else if (p->apply != NULL) {
                code = apply(p, &c, i, &stays);
            } else if (!rebuilds) {
                code = take_leaf(p, &c, i);
            }
        }
        if (stays) {
            c.values[kept] = c.values[i];
            if (c.keys != NULL) {
                c.keys[kept] = c.keys[i];
            }
            kept++;
        }
    }
    if (code != ANP_OK || !rebuilds) {
        return code;
    }
    c.n = kept;
    c.by_rank = NULL;
    bool sorts = p->apply != NULL && c.particle == ANP_PARTICLE_LIST && c.order != 0;
    return (!sorts || anp_container_reorder(&c, p->arena)) && write(p, &c, rebuilt)
               ? ANP_OK
               : ANP_SERVER_ERROR;
}

static void give(const path *p, anp_slice rebuilt, bool is_modify, uint8_t particle,
                 anp_outcome *out)
{
    anp_buffer *to = is_modify ? &out->bin : &out->result;
    if (is_modify || p->what == MATCHING_TREE) {
        anp_buffer_put(to, rebuilt.data, rebuilt.size);
    } else {
        particle = ANP_PARTICLE_LIST;
        anp_container_write(to, &p->leaves);
    }
    out->has_changed = is_modify;
    *(is_modify ? &out->bin_type : &out->type) = particle;
}

uint8_t anp_path_call(anp_slice call, bool is_modify, const anp_particle *bin,
                      const anp_exp_record *record, anp_outcome *out)
{
    anp_arena arena;
    path p = {.record = record, .arena = &arena, .steps = ANP_EXP_STEPS};
    anp_slice rebuilt;
    anp_arena_init(&arena, MEMORY_MAX);
    anp_container_make(&p.leaves, ANP_PARTICLE_LIST, ANP_UNORDERED);
    uint8_t code = read_path(&p, call, is_modify);
    if (code == ANP_OK && bin == NULL) {
        code = is_modify ? ANP_INCOMPATIBLE_TYPE : ANP_OK;
    } else if (code == ANP_OK && bin->type != ANP_PARTICLE_LIST && bin->type != ANP_PARTICLE_MAP) {
        code = ANP_INCOMPATIBLE_TYPE;
    } else if (code == ANP_OK) {
        code = walk(&p, 0, (anp_slice){bin->data, bin->size}, &rebuilt);
        code = arena.failed ? ANP_SERVER_ERROR : code;
        if (code == ANP_OK) {
            give(&p, rebuilt, is_modify, bin->type, out);
        }
    }
    for (uint32_t i = 0; i < p.n_filters; i++) {
        anp_expression_free(p.filters[i]);
    }
    anp_expression_free(p.apply);
    anp_arena_deinit(&arena);
    return anp_outcome_code(out, code);
}
