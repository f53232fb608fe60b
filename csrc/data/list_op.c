/* Operations on lists. No state. */
#include "data/collection_op.h"

enum { /* codes; the others are selections */
       SET_TYPE = 0,
       APPEND = 1,
       APPEND_ITEMS = 2,
       INSERT = 3,
       INSERT_ITEMS = 4,
       POP = 5,
       POP_RANGE = 6,
       REMOVE = 7,
       REMOVE_RANGE = 8,
       SET = 9,
       TRIM = 10,
       CLEAR = 11,
       INCREMENT = 12,
       SORT = 13,
       SIZE = 16,
       GET = 17,
       GET_RANGE = 18,
       FIRST_SELECTING = 19,
       FIRST_REMOVING = 32,
       LAST = 40,
};
enum { ADD_UNIQUE = 1, INSERT_BOUNDED = 2, NO_FAIL = 4, PARTIAL = 8 };
enum { DESCENDING = 1, DROP_DUPLICATES = 2 };
enum { ORDER_BITS = 0x11 };   /* ordered, or kept with an index */
enum { INDEX_MAX = 1 << 20 }; /* of what may be padded to; a record has no room for more */

bool anp_is_list_op(int64_t code)
{
    return code >= SET_TYPE && code <= LAST;
}

/* ---- arguments ---- */

static const anp_slice no_key = {NULL, 0};
static const anp_slice nil = {(const uint8_t *)"\xc0", 1};

/* [order [, flags]] at the end of what adds; the order is for a new list only. */
static bool read_policy(anp_collection_op *o, bool has_order, int64_t *flags)
{
    int64_t order = 0;
    *flags = 0;
    return (!has_order || anp_call_option(&o->call, &order)) && anp_call_option(&o->call, flags) &&
           o->call.left == 0;
}

/* The values to add: one, or those of a list. */
static uint8_t read_values(anp_collection_op *o, bool is_list, anp_container *out)
{
    anp_slice value;
    if (!anp_collection_new_value(o, &value)) {
        return ANP_PARAMETER;
    }
    if (is_list) {
        return anp_container_open(out, o->arena, value) && out->particle == ANP_PARTICLE_LIST
                   ? ANP_OK
                   : ANP_PARAMETER;
    }
    anp_container_make(out, ANP_PARTICLE_LIST, ANP_UNORDERED);
    return anp_container_insert(out, o->arena, 0, no_key, value) ? ANP_OK : ANP_SERVER_ERROR;
}

/* ---- adding ---- */

/* Is a value there at another place than `except`? */
static bool has_value(anp_collection_op *o, anp_slice value, uint32_t except)
{
    uint32_t at = anp_container_values_below(&o->c, value, false);
    at += at < o->c.n && o->c.by_rank[at] == except;
    return at < o->c.n && anp_slice_compare(o->c.values[o->c.by_rank[at]], value) == 0;
}

/* What becomes of a value that may not be added: it is left out, or nothing is added at all. */
static uint8_t leave_out(anp_container *add, uint32_t i, int64_t flags, uint8_t code)
{
    if (!(flags & NO_FAIL)) {
        return code;
    }
    if (flags & PARTIAL) {
        add->values[i].size = 0;
    } else {
        add->n = 0;
    }
    return ANP_OK;
}

/* Which of the values to add equal one before them. */
static bool *find_repeated(anp_collection_op *o, anp_container *add)
{
    bool *repeated = anp_arena_take(o->arena, add->n + 1u);
    if (repeated == NULL || !anp_container_rank(add, o->arena)) {
        return NULL;
    }
    for (uint32_t r = 0; r < add->n; r++) {
        const anp_slice *v = add->values;
        const uint32_t *at = add->by_rank + r;
        repeated[*at] = r != 0 && anp_slice_compare(v[at[-1]], v[at[0]]) == 0;
    }
    return repeated;
}

/* Leaves of `add` what may be added where no value may be there twice. Before all else an ordered
 * list looks at the values that repeat each other, others look at one value after the other. */
static uint8_t keep_unique(anp_collection_op *o, anp_container *add, int64_t flags)
{
    bool *repeated = find_repeated(o, add);
    uint8_t code = ANP_OK;
    if (repeated == NULL || !anp_container_rank(&o->c, o->arena)) {
        return ANP_SERVER_ERROR;
    }
    for (uint32_t i = 0; o->c.order != 0 && i < add->n && code == ANP_OK; i++) {
        if (repeated[i]) {
            code = leave_out(add, i, flags, ANP_OP_NOT_APPLICABLE);
        }
    }
    for (uint32_t i = 0; i < add->n && code == ANP_OK; i++) {
        if (add->values[i].size != 0 && has_value(o, add->values[i], UINT32_MAX)) {
            code = leave_out(add, i, flags, ANP_ELEMENT_EXISTS);
        } else if (o->c.order == 0 && repeated[i]) {
            code = leave_out(add, i, flags, ANP_OP_NOT_APPLICABLE);
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < add->n; i++) {
        if (add->values[i].size != 0) {
            add->values[kept++] = add->values[i];
        }
    }
    add->n = kept;
    add->by_rank = NULL;
    return code;
}

static bool put_in(anp_collection_op *o, uint32_t at, const anp_container *add)
{
    if (!anp_container_splice(&o->c, o->arena, at, add->values, add->n)) {
        return false;
    }
    o->has_changed = o->has_changed || add->n != 0;
    return true;
}

static uint8_t append(anp_collection_op *o, bool is_list)
{
    anp_container add;
    int64_t flags;
    uint8_t code = read_values(o, is_list, &add);
    if (code == ANP_OK && !read_policy(o, true, &flags)) {
        code = ANP_PARAMETER;
    }
    if (code == ANP_OK && (flags & ADD_UNIQUE)) {
        code = keep_unique(o, &add, flags);
    }
    if (code != ANP_OK) {
        return code;
    }
    if (!put_in(o, o->c.n, &add) ||
        (o->c.order != 0 && add.n != 0 && !anp_container_reorder(&o->c, o->arena))) {
        return ANP_SERVER_ERROR;
    }
    anp_outcome_integer(o->out, o->c.n);
    return ANP_OK;
}

static uint8_t insert(anp_collection_op *o, bool is_list)
{
    anp_container add;
    int64_t index, flags;
    if (!anp_call_integer(&o->call, &index)) {
        return ANP_PARAMETER;
    }
    uint8_t code = read_values(o, is_list, &add);
    if (code == ANP_OK && !read_policy(o, false, &flags)) {
        code = ANP_PARAMETER;
    }
    if (code != ANP_OK) {
        return code;
    }
    if (o->c.order != 0) {
        return ANP_OP_NOT_APPLICABLE;
    }
    if (is_list && add.n == 0) {
        anp_outcome_integer(o->out, o->c.n);
        return ANP_OK;
    }
    index += index < 0 ? o->c.n : 0;
    if (index < 0 || index > INT32_MAX) {
        code = ANP_OP_NOT_APPLICABLE;
    } else if (index > INDEX_MAX) {
        code = ANP_RECORD_TOO_BIG;
    } else if (index > o->c.n && (flags & INSERT_BOUNDED)) {
        code = flags & NO_FAIL ? ANP_OK : ANP_OP_NOT_APPLICABLE;
        add.n = 0;
        index = o->c.n;
    } else if (flags & ADD_UNIQUE) {
        code = keep_unique(o, &add, flags);
    }
    if (code != ANP_OK) {
        return code;
    }
    while (add.n != 0 && o->c.n < index) {
        if (!anp_container_insert(&o->c, o->arena, o->c.n, no_key, nil)) {
            return ANP_SERVER_ERROR;
        }
    }
    if (!put_in(o, add.n != 0 ? (uint32_t)index : o->c.n, &add)) {
        return ANP_SERVER_ERROR;
    }
    anp_outcome_integer(o->out, o->c.n);
    return ANP_OK;
}

/* Pads with nil up to an index beyond the end. */
static bool reach(anp_collection_op *o, uint32_t index)
{
    while (o->c.n <= index) {
        if (!anp_container_insert(&o->c, o->arena, o->c.n, no_key, nil)) {
            return false;
        }
    }
    return true;
}

static uint8_t set(anp_collection_op *o)
{
    int64_t index, flags;
    anp_container add;
    if (!anp_call_integer(&o->call, &index)) {
        return ANP_PARAMETER;
    }
    uint8_t code = read_values(o, false, &add);
    if (code == ANP_OK && !read_policy(o, false, &flags)) {
        code = ANP_PARAMETER;
    }
    if (code != ANP_OK) {
        return code;
    }
    index += index < 0 ? o->c.n : 0;
    if (o->c.order != 0 || index < 0 || index > INDEX_MAX) {
        return index > INDEX_MAX && index <= INT32_MAX ? ANP_RECORD_TOO_BIG : ANP_OP_NOT_APPLICABLE;
    }
    if (index > o->c.n && (flags & INSERT_BOUNDED)) {
        return flags & NO_FAIL ? ANP_OK : ANP_OP_NOT_APPLICABLE;
    }
    if (flags & ADD_UNIQUE) {
        if (!anp_container_rank(&o->c, o->arena)) {
            return ANP_SERVER_ERROR;
        }
        if (has_value(o, add.values[0], (uint32_t)index)) {
            return flags & NO_FAIL ? ANP_OK : ANP_ELEMENT_EXISTS;
        }
    }
    if (!reach(o, (uint32_t)index)) {
        return ANP_SERVER_ERROR;
    }
    o->c.values[index] = add.values[0];
    o->c.by_rank = NULL;
    o->has_changed = true;
    return ANP_OK;
}

/* Puts a sum into its place. What the flags forbid is an error, or (NO_FAIL) leaves the list alone.
 */
static uint8_t put_sum(anp_collection_op *o, uint32_t at, anp_slice sum, int64_t flags)
{
    bool is_beyond = at > o->c.n && (o->c.order != 0 || (flags & INSERT_BOUNDED));
    if (is_beyond) {
        return flags & NO_FAIL ? ANP_OK : ANP_OP_NOT_APPLICABLE;
    }
    if (flags & ADD_UNIQUE) {
        if (!anp_container_rank(&o->c, o->arena)) {
            return ANP_SERVER_ERROR;
        }
        if (has_value(o, sum, at)) {
            return flags & NO_FAIL ? ANP_OK : ANP_ELEMENT_EXISTS;
        }
    }
    if (!reach(o, at)) {
        return ANP_SERVER_ERROR;
    }
    o->c.values[at] = sum;
    o->c.by_rank = NULL;
    o->has_changed = true;
    return o->c.order == 0 || anp_container_reorder(&o->c, o->arena) ? ANP_OK : ANP_SERVER_ERROR;
}

static uint8_t increment(anp_collection_op *o)
{
    int64_t index, flags;
    anp_slice delta = {(const uint8_t *)"\x01", 1}, sum;
    if (!anp_call_integer(&o->call, &index) ||
        (o->call.left != 0 && !anp_collection_new_value(o, &delta)) ||
        !read_policy(o, true, &flags)) {
        return ANP_PARAMETER;
    }
    delta = delta.data[0] == 0xc0 ? (anp_slice){(const uint8_t *)"\x01", 1} : delta;
    index += index < 0 ? o->c.n : 0;
    if (index < 0 || index > INDEX_MAX) {
        return index > INDEX_MAX && index <= INT32_MAX ? ANP_RECORD_TOO_BIG : ANP_OP_NOT_APPLICABLE;
    }
    bool is_there = index < o->c.n;
    anp_slice old = is_there ? o->c.values[index] : (anp_slice){(const uint8_t *)"\x00", 1};
    if (!is_there && delta.data[0] == 0xcb) {
        old = (anp_slice){(const uint8_t *)"\xcb\0\0\0\0\0\0\0\0", 9};
    }
    if (!anp_collection_add(o, old, delta, false, &sum)) {
        return ANP_PARAMETER;
    }
    uint8_t code = put_sum(o, (uint32_t)index, sum, flags);
    if (code == ANP_OK) {
        anp_collection_result(o, sum);
    }
    return code;
}

/* ---- taking away ---- */

static void put_run(anp_collection_op *o, uint32_t first, uint32_t n)
{
    o->out->type = ANP_PARTICLE_LIST;
    anp_msgpack_put_list(&o->out->result, n);
    for (uint32_t i = 0; i < n; i++) {
        anp_slice element = o->c.values[first + i];
        anp_buffer_put(&o->out->result, element.data, element.size);
    }
}

static uint8_t one(anp_collection_op *o)
{
    int64_t index, code = o->call.code;
    uint32_t at;
    if (!anp_call_integer(&o->call, &index) || o->call.left != 0) {
        return ANP_PARAMETER;
    }
    if (!anp_collection_index(index, o->c.n, &at)) {
        return ANP_OP_NOT_APPLICABLE;
    }
    if (code == REMOVE) {
        anp_outcome_integer(o->out, 1);
    } else {
        anp_collection_result(o, o->c.values[at]);
    }
    if (code != GET) {
        anp_container_remove(&o->c, at, 1);
        o->has_changed = true;
    }
    return ANP_OK;
}

static uint8_t range(anp_collection_op *o)
{
    int64_t index, count, code = o->call.code;
    uint32_t first, n;
    if (!anp_call_integer(&o->call, &index) || (code == TRIM && o->call.left == 0) ||
        !anp_collection_count(o, &count) || o->call.left != 0) {
        return ANP_PARAMETER;
    }
    anp_collection_range(index, count, o->c.n, &first, &n);
    if (code == GET_RANGE || code == POP_RANGE) {
        put_run(o, first, n);
    } else {
        anp_outcome_integer(o->out, code == TRIM ? o->c.n - n : n);
    }
    if (code == TRIM) {
        o->has_changed = n != o->c.n;
        anp_container_remove(&o->c, first + n, o->c.n - first - n);
        anp_container_remove(&o->c, 0, first);
    } else if (code != GET_RANGE) {
        o->has_changed = n != 0;
        anp_container_remove(&o->c, first, n);
    }
    return ANP_OK;
}

static uint8_t sort(anp_collection_op *o)
{
    int64_t flags = 0;
    if (!anp_call_option(&o->call, &flags) || o->call.left != 0) {
        return ANP_PARAMETER;
    }
    if (!anp_container_reorder(&o->c, o->arena)) {
        return ANP_SERVER_ERROR;
    }
    o->has_changed = true;
    anp_slice *v = o->c.values;
    if (flags & DROP_DUPLICATES) {
        uint32_t kept = o->c.n != 0;
        for (uint32_t i = 1; i < o->c.n; i++) {
            if (anp_slice_compare(v[kept - 1], v[i]) != 0) {
                v[kept++] = v[i];
            }
        }
        o->c.n = kept;
    }
    for (uint32_t i = 0; (flags & DESCENDING) && o->c.order == 0 && i < o->c.n / 2; i++) {
        anp_slice swap = v[i];
        v[i] = v[o->c.n - 1 - i];
        v[o->c.n - 1 - i] = swap;
    }
    return ANP_OK;
}

static uint8_t set_type(anp_collection_op *o)
{
    int64_t order, ignored = 0;
    if (!anp_call_integer(&o->call, &order) || !anp_call_option(&o->call, &ignored) ||
        o->call.left != 0) {
        return ANP_PARAMETER;
    }
    if (order & ~(int64_t)ORDER_BITS) {
        return ANP_OP_NOT_APPLICABLE;
    }
    uint8_t wanted = order & ANP_ORDERED;
    o->has_changed = wanted != o->c.order;
    o->c.order = wanted;
    return wanted == 0 || !o->has_changed || anp_container_reorder(&o->c, o->arena)
               ? ANP_OK
               : ANP_SERVER_ERROR;
}

/* ---- all of them ---- */

static uint8_t select(anp_collection_op *o, bool removes)
{
    static const uint8_t kinds[] = {
        ANP_SELECT_BY_INDEX,          ANP_SELECT_BY_VALUE,      ANP_SELECT_BY_RANK,
        ANP_SELECT_BY_VALUE_ALL,      ANP_SELECT_BY_VALUE_LIST, ANP_SELECT_BY_INDEX_RANGE,
        ANP_SELECT_BY_VALUE_INTERVAL, ANP_SELECT_BY_RANK_RANGE, ANP_SELECT_BY_VALUE_RANK_RANGE};
    int64_t number = o->call.code - (removes ? FIRST_REMOVING : FIRST_SELECTING);
    if (number < 0 || number >= (int64_t)sizeof kinds) {
        return ANP_PARAMETER;
    }
    return anp_collection_select(o, (anp_select_kind)kinds[number], removes);
}

static uint8_t modify(anp_collection_op *o)
{
    switch (o->call.code) {
    case SET_TYPE:
        return set_type(o);
    case APPEND:
    case APPEND_ITEMS:
        return append(o, o->call.code == APPEND_ITEMS);
    case INSERT:
    case INSERT_ITEMS:
        return insert(o, o->call.code == INSERT_ITEMS);
    case POP:
    case REMOVE:
        return one(o);
    case POP_RANGE:
    case REMOVE_RANGE:
    case TRIM:
        return range(o);
    case SET:
        return set(o);
    case CLEAR:
        o->has_changed = o->c.n != 0;
        o->c.n = 0;
        return o->call.left == 0 ? ANP_OK : ANP_PARAMETER;
    case INCREMENT:
        return increment(o);
    case SORT:
        return sort(o);
    default:
        return select(o, true);
    }
}

uint8_t anp_list_op(anp_collection_op *o, bool is_modify)
{
    if (is_modify) {
        return modify(o);
    }
    switch (o->call.code) {
    case SIZE:
        anp_outcome_integer(o->out, o->c.n);
        return o->call.left == 0 ? ANP_OK : ANP_PARAMETER;
    case GET:
        return one(o);
    case GET_RANGE:
        return range(o);
    default:
        return select(o, false);
    }
}

/* Where the order stands among the arguments of what makes lists; 0: unordered. */
bool anp_list_makes(const anp_call *call, uint8_t *order)
{
    static const struct {
        uint8_t code, order_at;
    } makers[] = {{SET_TYPE, 1},     {APPEND, 2}, {APPEND_ITEMS, 2}, {INSERT, 0},
                  {INSERT_ITEMS, 0}, {SET, 0},    {INCREMENT, 3}};
    *order = ANP_UNORDERED;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        if (makers[i].code != call->code) {
            continue;
        }
        anp_call look = *call;
        int64_t found = 0;
        for (uint8_t skip = 1; skip < makers[i].order_at; skip++) {
            look.left -= look.left != 0 && anp_msgpack_skip(&look.at);
        }
        if (makers[i].order_at != 0 && look.left != 0 && anp_call_integer(&look, &found)) {
            *order = (found & ~(int64_t)ORDER_BITS) == 0 ? found & ANP_ORDERED : ANP_UNORDERED;
        }
        return true;
    }
    return false;
}
