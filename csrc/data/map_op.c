/* Operations on maps. A map's entries lie in the order of their keys, whatever its mark says. No
 * state. */
#include "data/collection_op.h"

enum { /* codes; the others are selections */
       SET_TYPE = 64,
       ADD = 65,
       ADD_ITEMS = 66,
       PUT = 67,
       PUT_ITEMS = 68,
       REPLACE = 69,
       REPLACE_ITEMS = 70,
       INCREMENT = 73,
       DECREMENT = 74,
       CLEAR = 75,
       FIRST_REMOVING = 76,
       SIZE = 96,
       FIRST = 64,
       LAST = 110,
};
enum { NO_OVERWRITE = 1, NO_CREATE = 2, NO_FAIL = 4, PARTIAL = 8 };
enum { ORDER_BITS = 0x13 };

bool anp_is_map_op(int64_t code)
{
    return code >= FIRST && code <= LAST;
}

/* ---- putting ---- */

static bool put_one(anp_collection_op *o, anp_slice key, anp_slice value)
{
    uint32_t at;
    o->has_changed = true;
    if (anp_container_find_key(&o->c, key, &at)) {
        o->c.values[at] = value;
        o->c.by_rank = NULL;
        return true;
    }
    return anp_container_insert(&o->c, o->arena, at, key, value);
}

/* The entries to put: a key and a value, or those of a map. */
static uint8_t read_entries(anp_collection_op *o, bool is_map, anp_container *out)
{
    anp_slice key, value;
    if (!anp_collection_new_value(o, &key)) {
        return ANP_PARAMETER;
    }
    if (is_map) {
        return anp_container_open(out, o->arena, key) && out->particle == ANP_PARTICLE_MAP
                   ? ANP_OK
                   : ANP_PARAMETER;
    }
    if (!anp_collection_new_value(o, &value) || !anp_collection_is_key(key)) {
        return ANP_PARAMETER;
    }
    anp_container_make(out, ANP_PARTICLE_MAP, ANP_UNORDERED);
    return anp_container_insert(out, o->arena, 0, key, value) ? ANP_OK : ANP_SERVER_ERROR;
}

/* May an entry be put, by the flags? */
static uint8_t deny(bool is_there, int64_t flags)
{
    return is_there && (flags & NO_OVERWRITE) ? ANP_ELEMENT_EXISTS
           : !is_there && (flags & NO_CREATE) ? ANP_ELEMENT_NOT_FOUND
                                              : ANP_OK;
}

/* Merges entries, which are in the order of their keys too, into the map. */
static uint8_t merge(anp_collection_op *o, const anp_container *add, int64_t flags)
{
    anp_container *c = &o->c, both = *c;
    both.room = c->n + add->n;
    both.keys = anp_arena_take(o->arena, (size_t)both.room * sizeof *both.keys);
    both.values = anp_arena_take(o->arena, (size_t)both.room * sizeof *both.values);
    if (both.keys == NULL || both.values == NULL) {
        return ANP_SERVER_ERROR;
    }
    bool has_changed = false;
    both.n = 0;
    for (uint32_t i = 0, k = 0; i < c->n || k < add->n; both.n++) {
        int order = i == c->n ? 1 : k == add->n ? -1 : anp_slice_compare(c->keys[i], add->keys[k]);
        uint8_t code = order < 0 ? ANP_OK : deny(order == 0, flags);
        if (code != ANP_OK && !(flags & PARTIAL)) {
            return flags & NO_FAIL ? ANP_OK : code;
        }
        if (code != ANP_OK && !(flags & NO_FAIL)) {
            return code;
        }
        bool puts = order >= 0 && code == ANP_OK;
        if (puts || order <= 0) {
            both.keys[both.n] = order <= 0 ? c->keys[i] : add->keys[k];
            both.values[both.n] = puts ? add->values[k] : c->values[i];
        } else {
            both.n--; /* a new one that may not be */
        }
        has_changed = has_changed || puts;
        i += order <= 0;
        k += order >= 0;
    }
    if (has_changed) {
        both.by_rank = NULL;
        *c = both;
        o->has_changed = true;
    }
    return ANP_OK;
}

static uint8_t put(anp_collection_op *o, bool is_map, bool has_policy, int64_t flags)
{
    anp_container add;
    int64_t order = 0;
    bool may_order = !(flags & NO_CREATE); /* replacing has none */
    uint8_t code = read_entries(o, is_map, &add);
    if (code != ANP_OK) {
        return code;
    }
    if ((may_order && !anp_call_option(&o->call, &order)) ||
        (has_policy && !anp_call_option(&o->call, &flags)) || o->call.left != 0) {
        return ANP_PARAMETER;
    }
    code = merge(o, &add, flags);
    if (code != ANP_OK) {
        return code;
    }
    anp_outcome_integer(o->out, o->c.n);
    return ANP_OK;
}

static uint8_t increment(anp_collection_op *o)
{
    anp_slice key, delta = {(const uint8_t *)"\x01", 1}, sum;
    int64_t order = 0;
    uint32_t at;
    if (!anp_collection_new_value(o, &key) || !anp_collection_is_key(key) ||
        (o->call.left != 0 && !anp_collection_new_value(o, &delta)) ||
        !anp_call_option(&o->call, &order) || o->call.left != 0) {
        return ANP_PARAMETER;
    }
    delta = delta.data[0] == 0xc0 ? (anp_slice){(const uint8_t *)"\x01", 1} : delta;
    anp_slice old = {(const uint8_t *)"\x00", 1};
    if (anp_container_find_key(&o->c, key, &at)) {
        old = o->c.values[at];
    } else if (delta.data[0] == 0xcb) {
        old = (anp_slice){(const uint8_t *)"\xcb\0\0\0\0\0\0\0\0", 9};
    }
    if (!anp_collection_add(o, old, delta, o->call.code == DECREMENT, &sum)) {
        return ANP_PARAMETER;
    }
    if (!put_one(o, key, sum)) {
        return ANP_SERVER_ERROR;
    }
    anp_collection_result(o, sum);
    return ANP_OK;
}

static uint8_t set_type(anp_collection_op *o)
{
    int64_t order;
    if (!anp_call_integer(&o->call, &order) || o->call.left != 0) {
        return ANP_PARAMETER;
    }
    if ((order & ~(int64_t)ORDER_BITS) || (order & ANP_KEY_VALUE_ORDERED) == 2) {
        return ANP_OP_NOT_APPLICABLE;
    }
    uint8_t wanted = order & ANP_KEY_VALUE_ORDERED;
    o->has_changed = wanted != o->c.order;
    o->c.order = wanted;
    return ANP_OK;
}

/* ---- all of them ---- */

enum { NO_SELECTION = 255 };

static uint8_t select(anp_collection_op *o, bool removes)
{
    static const uint8_t removing[] = {ANP_SELECT_BY_KEY,
                                       ANP_SELECT_BY_INDEX,
                                       ANP_SELECT_BY_VALUE,
                                       ANP_SELECT_BY_RANK,
                                       NO_SELECTION,
                                       ANP_SELECT_BY_KEY_LIST,
                                       ANP_SELECT_BY_VALUE_ALL,
                                       ANP_SELECT_BY_VALUE_LIST,
                                       ANP_SELECT_BY_KEY_INTERVAL,
                                       ANP_SELECT_BY_INDEX_RANGE,
                                       ANP_SELECT_BY_VALUE_INTERVAL,
                                       ANP_SELECT_BY_RANK_RANGE,
                                       ANP_SELECT_BY_KEY_INDEX_RANGE,
                                       ANP_SELECT_BY_VALUE_RANK_RANGE};
    static const uint8_t reading[] = {ANP_SELECT_BY_KEY,
                                      ANP_SELECT_BY_INDEX,
                                      ANP_SELECT_BY_VALUE,
                                      ANP_SELECT_BY_RANK,
                                      NO_SELECTION,
                                      ANP_SELECT_BY_VALUE_ALL,
                                      ANP_SELECT_BY_KEY_INTERVAL,
                                      ANP_SELECT_BY_INDEX_RANGE,
                                      ANP_SELECT_BY_VALUE_INTERVAL,
                                      ANP_SELECT_BY_RANK_RANGE,
                                      ANP_SELECT_BY_KEY_LIST,
                                      ANP_SELECT_BY_VALUE_LIST,
                                      ANP_SELECT_BY_KEY_INDEX_RANGE,
                                      ANP_SELECT_BY_VALUE_RANK_RANGE};
    int64_t number = o->call.code - (removes ? FIRST_REMOVING : SIZE + 1);
    if (number < 0 || number >= (int64_t)sizeof removing ||
        (removes ? removing : reading)[number] == NO_SELECTION) {
        return ANP_PARAMETER;
    }
    return anp_collection_select(o, (anp_select_kind)(removes ? removing : reading)[number],
                                 removes);
}

uint8_t anp_map_op(anp_collection_op *o, bool is_modify)
{
    if (!is_modify) {
        if (o->call.code == SIZE) {
            anp_outcome_integer(o->out, o->c.n);
            return o->call.left == 0 ? ANP_OK : ANP_PARAMETER;
        }
        return select(o, false);
    }
    switch (o->call.code) {
    case SET_TYPE:
        return set_type(o);
    case ADD:
    case ADD_ITEMS:
        return put(o, o->call.code == ADD_ITEMS, false, NO_OVERWRITE);
    case PUT:
    case PUT_ITEMS:
        return put(o, o->call.code == PUT_ITEMS, true, 0);
    case REPLACE:
    case REPLACE_ITEMS:
        return put(o, o->call.code == REPLACE_ITEMS, false, NO_CREATE);
    case INCREMENT:
    case DECREMENT:
        return increment(o);
    case CLEAR:
        o->has_changed = o->c.n != 0;
        o->c.n = 0;
        return o->call.left == 0 ? ANP_OK : ANP_PARAMETER;
    default:
        return select(o, true);
    }
}

bool anp_map_makes(const anp_call *call, uint8_t *order)
{
    static const struct {
        uint8_t code, order_at;
    } makers[] = {{SET_TYPE, 1}, {ADD, 3},           {ADD_ITEMS, 2}, {PUT, 3},      {PUT_ITEMS, 2},
                  {REPLACE, 0},  {REPLACE_ITEMS, 0}, {INCREMENT, 3}, {DECREMENT, 3}};
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
            *order = found & ANP_KEY_VALUE_ORDERED;
        }
        return true;
    }
    return false;
}
