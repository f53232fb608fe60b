/* Finding the list or map that an operation is for. No state; recursion is as deep as the context,
 * which is bounded by CONTEXT_MAX. */
#include "data/collection_call.h"

#include "data/collection_op.h"

enum { /* context types: by what a child is found, in what, and how that is made */
       BY_INDEX = 0x00,
       BY_RANK = 0x01,
       BY_KEY = 0x02,
       BY_VALUE = 0x03,
       BASE_BITS = 0x0f,
       IN_LIST = 0x10, /* neither of both: in whatever is there */
       IN_MAP = 0x20,
       CREATE_BITS = 0xc0,
       CREATE_UNORDERED = 0x40, /* a list, at its end only; or a map */
       CREATE_PADDED = 0x80,    /* a list, wherever; or a map ordered by its keys */
       CREATE_ORDERED = 0xc0,   /* a list; or a map by keys and values */
       PERSIST_INDEX = 0x100,
};
enum { CONTEXT = 0xff, CONTEXT_MAX = 64, MEMORY_MAX = 64 << 20, INDEX_MAX = 1 << 20 };

typedef struct walk {
    anp_collection_op op;
    anp_call context; /* levels that are still to come, two arguments each */
    bool is_modify;
    bool is_map;        /* the operation is for one */
    bool is_inside_new; /* in what was made for a level above */
} walk;

/* ---- the operation itself ---- */

static uint8_t run(walk *w)
{
    return (w->is_map ? anp_map_op : anp_list_op)(&w->op, w->is_modify);
}

static uint8_t run_on_new(walk *w, bool is_bin)
{
    uint8_t order;
    enum { SORT = 13, REPLACE_ITEMS = 70 };
    if (w->is_modify && w->op.call.code == SORT) {
        return is_bin ? ANP_INCOMPATIBLE_TYPE : ANP_OK;
    }
    if (!w->is_modify || !(w->is_map ? anp_map_makes : anp_list_makes)(&w->op.call, &order)) {
        return ANP_OK;
    }
    anp_container_make(&w->op.c, w->is_map ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST, order);
    uint8_t code = run(w);
    if (code == ANP_OK && w->op.call.code == REPLACE_ITEMS) {
        return ANP_ELEMENT_NOT_FOUND; /* even if there is nothing to replace */
    }
    w->op.has_changed = true; /* an empty one stays where nothing was put in */
    return code;
}

static uint8_t run_on(walk *w, anp_slice bytes)
{
    if (!anp_container_open(&w->op.c, w->op.arena, bytes)) {
        return ANP_INCOMPATIBLE_TYPE;
    }
    if ((w->op.c.particle == ANP_PARTICLE_MAP) != w->is_map) {
        return ANP_INCOMPATIBLE_TYPE;
    }
    return run(w);
}

/* ---- the way to it ---- */

/* Where a level's child is; false: nowhere. */
static bool find_child(walk *w, anp_container *c, int64_t type, anp_slice value, uint32_t *at)
{
    anp_cursor look = anp_cursor_over(value.data, value.size);
    anp_msgpack_item item;
    int64_t base = type & BASE_BITS;
    if (base == BY_KEY) {
        return c->particle == ANP_PARTICLE_MAP && anp_container_find_key(c, value, at);
    }
    if (base == BY_VALUE) { /* the first one */
        *at = 0;
        while (*at < c->n && anp_slice_compare(c->values[*at], value) != 0) {
            ++*at;
        }
        return *at < c->n;
    }
    if (base == BY_RANK && !anp_container_rank(c, w->op.arena)) {
        return false;
    }
    if (!anp_msgpack_read(&look, &item) || item.kind != ANP_MSGPACK_INT ||
        !anp_collection_index(item.integer, c->n, at)) {
        return false;
    }
    *at = base == BY_RANK ? c->by_rank[*at] : *at;
    return true;
}

/* May a child be made, and where does it go? Only the first level that is missing says how: what is
 * made inside of it is unordered where its own level doesn't. */
static bool make_place(const walk *w, const anp_container *c, int64_t type, anp_slice value,
                       uint32_t *at)
{
    int64_t create = type & CREATE_BITS;
    anp_cursor look = anp_cursor_over(value.data, value.size);
    anp_msgpack_item item;
    if (create == 0 && !w->is_inside_new) {
        return false;
    }
    if (c->particle == ANP_PARTICLE_MAP) {
        return (type & ~(int64_t)(CREATE_BITS | PERSIST_INDEX)) == (IN_MAP | BY_KEY) &&
               anp_collection_is_key(value) && !anp_container_find_key(c, value, at);
    }
    if ((type & ~(int64_t)(CREATE_BITS | PERSIST_INDEX)) != (IN_LIST | BY_INDEX) ||
        !anp_msgpack_read(&look, &item) || item.kind != ANP_MSGPACK_INT) {
        return false;
    }
    int64_t index = item.integer + (item.integer < 0 && c->n == 0 ? 1 : 0);
    if (c->order != 0) { /* it goes where it belongs */
        *at = c->n;
        return index >= 0;
    }
    *at = (uint32_t)index;
    return index >= 0 && index <= INDEX_MAX && (create == CREATE_PADDED || index <= c->n);
}

static bool put_child(walk *w, anp_container *c, bool is_new, uint32_t at, anp_slice key,
                      anp_slice child)
{
    static const anp_slice nil = {(const uint8_t *)"\xc0", 1};
    bool is_list = c->particle == ANP_PARTICLE_LIST;
    if (is_list && c->order != 0) { /* it goes where it belongs */
        if (!is_new) {
            anp_container_remove(c, at, 1);
        }
        if (!anp_container_rank(c, w->op.arena)) {
            return false;
        }
        at = anp_container_values_below(c, child, true);
    } else if (!is_new) {
        c->values[at] = child;
        return true;
    }
    while (is_list && c->n < at) {
        if (!anp_container_insert(c, w->op.arena, c->n, key, nil)) {
            return false;
        }
    }
    return anp_container_insert(c, w->op.arena, at, key, child);
}

static bool write(walk *w, const anp_container *c, anp_slice *out)
{
    anp_buffer form;
    anp_buffer_init(&form, MEMORY_MAX);
    anp_container_write(&form, c);
    bool ok = form.failed == ANP_OK;
    *out = (anp_slice){ok ? anp_arena_copy(w->op.arena, form.data, form.size) : NULL, form.size};
    anp_buffer_deinit(&form);
    return out->data != NULL;
}

/* The list or map of a level: opened, or made where it is missing and may be. */
static uint8_t open_level(walk *w, const anp_slice *bytes, int64_t type, bool is_bin,
                          anp_container *c)
{
    bool is_map = (type & IN_MAP) != 0;
    uint8_t particle = is_map ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST;
    if (bytes != NULL) {
        if (!anp_container_open(c, w->op.arena, *bytes)) {
            return is_bin ? ANP_INCOMPATIBLE_TYPE : ANP_OP_NOT_APPLICABLE;
        }
        bool fits = !(type & (IN_LIST | IN_MAP)) || c->particle == particle;
        return fits ? ANP_OK : ANP_OP_NOT_APPLICABLE;
    }
    int64_t create = type & CREATE_BITS;
    if (create == 0 && !w->is_inside_new) {
        return ANP_OP_NOT_APPLICABLE;
    }
    uint8_t map_order = create == CREATE_ORDERED  ? ANP_KEY_VALUE_ORDERED
                        : create == CREATE_PADDED ? ANP_ORDERED
                                                  : ANP_UNORDERED;
    uint8_t list_order = create == CREATE_ORDERED ? ANP_ORDERED : ANP_UNORDERED;
    anp_container_make(c, particle, is_map ? map_order : list_order);
    return ANP_OK;
}

/* Goes down one level after the other, and back up with what has changed. bytes NULL: nothing is
 * there. *changed has data where there is something new. */
static uint8_t descend(walk *w, const anp_slice *bytes, bool is_bin, anp_slice *changed)
{
    *changed = (anp_slice){NULL, 0};
    if (w->context.left == 0) {
        uint8_t code = bytes != NULL ? run_on(w, *bytes) : run_on_new(w, is_bin);
        if (code == ANP_OK && w->op.has_changed && !write(w, &w->op.c, changed)) {
            return ANP_SERVER_ERROR;
        }
        return code;
    }
    int64_t type;
    anp_container c;
    uint32_t at;
    (void)anp_call_integer(&w->context, &type); /* looked at before */
    const uint8_t *start = w->context.at.at;
    (void)anp_msgpack_skip(&w->context.at);
    w->context.left--;
    anp_slice value = {start, (size_t)(w->context.at.at - start)}, key = {0}, child;
    uint8_t code = open_level(w, bytes, type, is_bin, &c);
    if (code != ANP_OK) {
        return code;
    }
    bool found = find_child(w, &c, type, value, &at);
    if (!found &&
        (!w->is_modify || !make_place(w, &c, type, value, &at) ||
         !anp_collection_is_storable(value) || !anp_collection_stored(w->op.arena, value, &key))) {
        return ANP_OP_NOT_APPLICABLE;
    }
    w->is_inside_new = !found;
    anp_slice old = found ? c.values[at] : (anp_slice){NULL, 0};
    code = descend(w, found ? &old : NULL, false, &child);
    if (code != ANP_OK || child.data == NULL) {
        return code;
    }
    return put_child(w, &c, !found, at, key, child) && write(w, &c, changed) ? ANP_OK
                                                                             : ANP_SERVER_ERROR;
}

/* ---- the call ---- */

static bool is_context_type(int64_t type)
{
    int64_t where = type & (IN_LIST | IN_MAP), base = type & BASE_BITS;
    return !(type & ~(int64_t)(BASE_BITS | IN_LIST | IN_MAP | CREATE_BITS | PERSIST_INDEX)) &&
           where != (IN_LIST | IN_MAP) && base <= BY_VALUE && !(where == IN_LIST && base == BY_KEY);
}

/* Looks whether the context is one, before anything is done. */
static uint8_t check_context(anp_call context)
{
    if (context.left == 0 || context.left % 2 != 0 || context.left / 2 > CONTEXT_MAX) {
        return ANP_PARAMETER;
    }
    while (context.left != 0) {
        int64_t type;
        if (!anp_call_integer(&context, &type) || !anp_msgpack_skip(&context.at)) {
            return ANP_PARAMETER;
        }
        if (!is_context_type(type)) {
            return ANP_OP_NOT_APPLICABLE;
        }
        context.left--;
    }
    return ANP_OK;
}

static uint8_t open_call(walk *w, anp_slice call)
{
    anp_call *c = &w->op.call;
    if (!anp_call_open(c, call)) {
        return ANP_PARAMETER;
    }
    if (c->code == CONTEXT) {
        anp_msgpack_item list;
        if (c->left != 2 || !anp_call_item(c, &list) || list.kind != ANP_MSGPACK_LIST) {
            return ANP_PARAMETER;
        }
        w->context = (anp_call){.at = c->at, .left = list.count};
        uint8_t code = check_context(w->context);
        if (code != ANP_OK) {
            return code;
        }
        for (uint32_t i = 0; i < list.count; i++) {
            (void)anp_msgpack_skip(&c->at);
        }
        anp_slice rest = {c->at.at, anp_cursor_left(&c->at)};
        if (!anp_call_open(c, rest)) {
            return ANP_PARAMETER;
        }
    }
    w->is_map = anp_is_map_op(c->code);
    return w->is_map || anp_is_list_op(c->code) ? ANP_OK : ANP_PARAMETER;
}

uint8_t anp_collection_call(anp_slice call, bool is_modify, const anp_particle *bin,
                            anp_outcome *out)
{
    anp_arena arena;
    walk w = {.is_modify = is_modify};
    uint8_t code = open_call(&w, call);
    if (code != ANP_OK) {
        return code;
    }
    if (bin != NULL && bin->type != ANP_PARTICLE_LIST && bin->type != ANP_PARTICLE_MAP) {
        return ANP_INCOMPATIBLE_TYPE;
    }
    if (bin == NULL && !is_modify) {
        return ANP_OK;
    }
    anp_arena_init(&arena, MEMORY_MAX);
    w.op.arena = &arena;
    w.op.out = out;
    anp_slice bytes = {bin != NULL ? bin->data : NULL, bin != NULL ? bin->size : 0}, changed;
    code = descend(&w, bin != NULL ? &bytes : NULL, true, &changed);
    code = arena.failed ? ANP_SERVER_ERROR : code;
    if (code == ANP_OK && changed.data != NULL) {
        anp_cursor c = anp_cursor_over(changed.data, changed.size);
        anp_msgpack_item head;
        (void)anp_msgpack_read(&c, &head);
        out->bin_type = head.kind == ANP_MSGPACK_MAP ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST;
        out->has_changed = true;
        anp_buffer_put(&out->bin, changed.data, changed.size);
    }
    anp_arena_deinit(&arena);
    return anp_outcome_code(out, code);
}
