/* Finding the list or map that an operation is for. No state; recursion is as deep as the context,
 * which is bounded by CONTEXT_MAX. */
#include "data/collection_call.h"

#include "data/collection_op.h"

enum { /* context types */
       LIST_INDEX = 0x10,
       LIST_RANK = 0x11,
       LIST_VALUE = 0x13,
       MAP_INDEX = 0x20,
       MAP_RANK = 0x21,
       MAP_KEY = 0x22,
       MAP_VALUE = 0x23,
       IS_MAP = 0x20,
       TYPE_BITS = 0x3f,
       CREATE_BITS = 0xc0,
       CREATE_UNORDERED = 0x40, /* a list, at its end only; or a map */
       CREATE_PADDED = 0x80,    /* a list, wherever; or a map ordered by its keys */
       CREATE_ORDERED = 0xc0,   /* a list; or a map by keys and values */
       PERSIST_INDEX = 0x100,
};
enum { CONTEXT = 0xff, CONTEXT_MAX = 64, MEMORY_MAX = 64 << 20 };

typedef struct walk {
    anp_collection_op op;
    anp_call context; /* levels that are still to come, two arguments each */
    bool is_modify;
    bool is_map; /* the operation is for one */
} walk;

/* ---- the operation itself ---- */

static uint8_t run(walk *w)
{
    return (w->is_map ? anp_map_op : anp_list_op)(&w->op, w->is_modify);
}

static uint8_t run_on_new(walk *w)
{
    uint8_t order;
    enum { SORT = 13, SET_LIST_TYPE = 0, SET_MAP_TYPE = 64 };
    if (w->is_modify && w->op.call.code == SORT) {
        return ANP_INCOMPATIBLE_TYPE;
    }
    if (!w->is_modify || !(w->is_map ? anp_map_makes : anp_list_makes)(&w->op.call, &order)) {
        return ANP_OK;
    }
    anp_container_make(&w->op.c, w->is_map ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST, order);
    uint8_t code = run(w);
    w->op.has_changed =
        w->op.has_changed || w->op.call.code == SET_LIST_TYPE || w->op.call.code == SET_MAP_TYPE;
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
    bool is_rank = type == LIST_RANK || type == MAP_RANK;
    if (type == MAP_KEY) {
        return anp_container_find_key(c, value, at);
    }
    if (type == LIST_VALUE || type == MAP_VALUE) { /* the first one */
        *at = 0;
        while (*at < c->n && anp_slice_compare(c->values[*at], value) != 0) {
            ++*at;
        }
        return *at < c->n;
    }
    if (is_rank && !anp_container_rank(c, w->op.arena)) {
        return false;
    }
    if (!anp_msgpack_read(&look, &item) || item.kind != ANP_MSGPACK_INT ||
        !anp_collection_index(item.integer, c->n, at)) {
        return false;
    }
    *at = is_rank ? c->by_rank[*at] : *at;
    return true;
}

/* May a child be made, and where does it go? */
static bool make_place(const anp_container *c, int64_t type, anp_slice value, uint32_t *at)
{
    int64_t create = type & CREATE_BITS;
    anp_cursor look = anp_cursor_over(value.data, value.size);
    anp_msgpack_item item;
    if (create == 0) {
        return false;
    }
    if ((type & TYPE_BITS) == MAP_KEY) {
        return anp_collection_is_key(value) && !anp_container_find_key(c, value, at);
    }
    if ((type & TYPE_BITS) != LIST_INDEX || !anp_msgpack_read(&look, &item) ||
        item.kind != ANP_MSGPACK_INT || item.integer < c->n || item.integer > UINT16_MAX) {
        return false;
    }
    *at = (uint32_t)item.integer;
    return create == CREATE_PADDED || *at == c->n;
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
    bool is_map = (type & IS_MAP) != 0;
    uint8_t particle = is_map ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST;
    if (bytes != NULL) {
        if (!anp_container_open(c, w->op.arena, *bytes)) {
            return is_bin ? ANP_INCOMPATIBLE_TYPE : ANP_OP_NOT_APPLICABLE;
        }
        return c->particle == particle ? ANP_OK : ANP_OP_NOT_APPLICABLE;
    }
    int64_t create = type & CREATE_BITS;
    if (create == 0) {
        return ANP_OP_NOT_APPLICABLE;
    }
    anp_container_make(c, particle,
                       is_map ? (create == CREATE_ORDERED     ? ANP_KEY_VALUE_ORDERED
                                 : create == CREATE_UNORDERED ? ANP_UNORDERED
                                                              : ANP_ORDERED)
                              : (create == CREATE_ORDERED ? ANP_ORDERED : ANP_UNORDERED));
    return ANP_OK;
}

/* Goes down one level after the other, and back up with what has changed. bytes NULL: nothing is
 * there. *changed has data where there is something new. */
static uint8_t descend(walk *w, const anp_slice *bytes, bool is_bin, anp_slice *changed)
{
    *changed = (anp_slice){NULL, 0};
    if (w->context.left == 0) {
        uint8_t code = bytes != NULL ? run_on(w, *bytes) : run_on_new(w);
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
    anp_slice sent = {start, (size_t)(w->context.at.at - start)}, value, child;
    uint8_t code = open_level(w, bytes, type, is_bin, &c);
    if (code != ANP_OK) {
        return code;
    }
    if (!anp_collection_stored(w->op.arena, sent, &value)) {
        return ANP_PARAMETER;
    }
    bool found = find_child(w, &c, type & TYPE_BITS, value, &at);
    if (!found && (!w->is_modify || !make_place(&c, type, value, &at))) {
        return ANP_OP_NOT_APPLICABLE;
    }
    anp_slice old = found ? c.values[at] : (anp_slice){NULL, 0};
    code = descend(w, found ? &old : NULL, false, &child);
    if (code != ANP_OK || child.data == NULL) {
        return code;
    }
    return put_child(w, &c, !found, at, value, child) && write(w, &c, changed) ? ANP_OK
                                                                               : ANP_SERVER_ERROR;
}

/* ---- the call ---- */

static bool is_context_type(int64_t type)
{
    int64_t base = type & TYPE_BITS;
    return !(type & ~(int64_t)(TYPE_BITS | CREATE_BITS | PERSIST_INDEX)) &&
           (base == LIST_INDEX || base == LIST_RANK || base == LIST_VALUE ||
            (base >= MAP_INDEX && base <= MAP_VALUE));
}

/* Looks whether the context is one, before anything is done. */
static bool check_context(anp_call context)
{
    if (context.left == 0 || context.left % 2 != 0 || context.left / 2 > CONTEXT_MAX) {
        return false;
    }
    while (context.left != 0) {
        int64_t type;
        if (!anp_call_integer(&context, &type) || !is_context_type(type) ||
            !anp_msgpack_skip(&context.at)) {
            return false;
        }
        context.left--;
    }
    return true;
}

static bool open_call(walk *w, anp_slice call)
{
    anp_call *c = &w->op.call;
    if (!anp_call_open(c, call)) {
        return false;
    }
    if (c->code == CONTEXT) {
        anp_msgpack_item list;
        if (c->left != 2 || !anp_call_item(c, &list) || list.kind != ANP_MSGPACK_LIST) {
            return false;
        }
        w->context = (anp_call){.at = c->at, .left = list.count};
        if (!check_context(w->context)) {
            return false;
        }
        for (uint32_t i = 0; i < list.count; i++) {
            (void)anp_msgpack_skip(&c->at);
        }
        anp_slice rest = {c->at.at, anp_cursor_left(&c->at)};
        if (!anp_call_open(c, rest)) {
            return false;
        }
    }
    w->is_map = anp_is_map_op(c->code);
    return w->is_map || anp_is_list_op(c->code);
}

uint8_t anp_collection_call(anp_slice call, bool is_modify, const anp_particle *bin,
                            anp_outcome *out)
{
    anp_arena arena;
    walk w = {.is_modify = is_modify};
    if (!open_call(&w, call)) {
        return ANP_PARAMETER;
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
    uint8_t code = descend(&w, bin != NULL ? &bytes : NULL, true, &changed);
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
