/* Selections: which elements, what of them comes back, and in which order. No state. */
#include <stdlib.h>

#include "data/collection_op.h"

typedef struct selection {
    uint32_t *numbers; /* of elements, in the order in which they come back */
    uint32_t n;
    uint32_t *asked; /* of what is equal to something: in the order in which that was asked for */
    uint32_t n_asked;
    uint32_t first; /* of a range */
    bool is_single; /* of at most one, which comes back by itself */
    anp_select_kind kind;
    int64_t what; /* comes back */
    bool inverted;
} selection;

bool anp_collection_index(int64_t index, uint32_t n, uint32_t *out)
{
    index += index < 0 ? n : 0;
    *out = (uint32_t)index;
    return index >= 0 && index < n;
}

void anp_collection_range(int64_t index, bool has_count, int64_t count, uint32_t n, uint32_t *first,
                          uint32_t *size)
{
    int64_t max = UINT32_MAX, end;
    index += index < 0 ? n : 0;
    index = index < -max ? -max : index > max ? max : index;
    count = !has_count || count > max ? max : count < 0 ? 0 : count;
    end = has_count ? index + count : max;
    index = index < 0 ? 0 : index < n ? index : n;
    end = end < index ? index : end < n ? end : n;
    *first = (uint32_t)index;
    *size = (uint32_t)(end - index);
}

/* ---- choosing ---- */

enum { LOOKS_MAX = 10 * 1000 * 1000 }; /* at elements, for values with wildcards */

static bool choose_run(anp_collection_op *o, selection *s, uint32_t first, uint32_t n,
                       const uint32_t *order)
{
    s->first = first;
    s->n = n;
    s->numbers = anp_arena_take(o->arena, n * sizeof *s->numbers);
    for (uint32_t i = 0; s->numbers != NULL && i < n; i++) {
        s->numbers[i] = order != NULL ? order[first + i] : first + i;
    }
    return s->numbers != NULL;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A run in the order of values, given back in the container's. */
static bool choose_ranks(anp_collection_op *o, selection *s, uint32_t first, uint32_t n)
{
    if (!choose_run(o, s, first, n, o->c.by_rank)) {
        return false;
    }
    qsort(s->numbers, n, sizeof *s->numbers, by_number);
    return true;
}

static bool has_wildcard(anp_slice element)
{
    for (size_t i = 0; i + 3 <= element.size; i++) {
        if (memcmp(element.data + i, "\xd4\xff", 3) == 0) {
            return true;
        }
    }
    return false;
}

static void mark(selection *s, bool *marks, uint32_t at)
{
    if (!marks[at]) {
        marks[at] = true;
        s->asked[s->n_asked++] = at;
    }
}

/* Marks all elements that equal the value. Only where there is a wildcard in it must each be looked
 * at. */
static void mark_equal(selection *s, const anp_container *c, anp_slice value, bool *marks)
{
    if (has_wildcard(value)) {
        for (uint32_t i = 0; i < c->n; i++) {
            if (anp_slice_compare(c->values[i], value) == 0) {
                mark(s, marks, i);
            }
        }
        return;
    }
    uint32_t end = anp_container_values_below(c, value, true);
    for (uint32_t r = anp_container_values_below(c, value, false); r < end; r++) {
        mark(s, marks, c->by_rank[r]);
    }
}

static bool choose_marked(anp_collection_op *o, selection *s, const bool *marks, bool wanted)
{
    s->n = 0;
    s->numbers = anp_arena_take(o->arena, o->c.n * sizeof *s->numbers);
    for (uint32_t i = 0; s->numbers != NULL && i < o->c.n; i++) {
        if (marks[i] == wanted) {
            s->numbers[s->n++] = i;
        }
    }
    return s->numbers != NULL;
}

static bool *take_marks(anp_collection_op *o)
{
    bool *marks = anp_arena_take(o->arena, o->c.n + 1u);
    if (marks != NULL) {
        memset(marks, 0, o->c.n + 1u);
    }
    return marks;
}

static uint8_t select_values(anp_collection_op *o, selection *s)
{
    anp_slice value;
    bool *marks = take_marks(o);
    if (!anp_collection_argument(o, &value)) {
        return ANP_PARAMETER;
    }
    s->asked = anp_arena_take(o->arena, o->c.n * sizeof *s->asked);
    if (marks == NULL || s->asked == NULL) {
        return ANP_SERVER_ERROR;
    }
    if (s->kind == ANP_SELECT_BY_VALUE_LIST) {
        anp_container values;
        if (!anp_container_open(&values, o->arena, value) || values.particle != ANP_PARTICLE_LIST) {
            return ANP_PARAMETER;
        }
        uint64_t looks = 0;
        for (uint32_t i = 0; i < values.n; i++) {
            looks += has_wildcard(values.values[i]) ? o->c.n : 0;
            if (looks > LOOKS_MAX) {
                return ANP_SERVER_TIMEOUT;
            }
            mark_equal(s, &o->c, values.values[i], marks);
        }
    } else {
        mark_equal(s, &o->c, value, marks);
    }
    if (!choose_marked(o, s, marks, true)) {
        return ANP_SERVER_ERROR;
    }
    if (s->is_single && s->n > 1) { /* the first in a list, of the lowest key in a map */
        s->n = 1;
    }
    return ANP_OK;
}

static uint8_t select_keys(anp_collection_op *o, selection *s)
{
    anp_slice list;
    anp_container keys;
    bool *marks = take_marks(o);
    if (!anp_collection_argument(o, &list) || !anp_container_open(&keys, o->arena, list) ||
        keys.particle != ANP_PARTICLE_LIST) {
        return ANP_PARAMETER;
    }
    s->asked = anp_arena_take(o->arena, o->c.n * sizeof *s->asked);
    if (marks == NULL || s->asked == NULL) {
        return ANP_SERVER_ERROR;
    }
    for (uint32_t i = 0; i < keys.n; i++) {
        uint32_t at;
        if (anp_container_find_key(&o->c, keys.values[i], &at)) {
            mark(s, marks, at);
        }
    }
    return choose_marked(o, s, marks, true) ? ANP_OK : ANP_SERVER_ERROR;
}

static uint8_t select_interval(anp_collection_op *o, selection *s)
{
    anp_slice begin, end = {NULL, 0};
    bool has_end = o->call.left == 2, by_key = s->kind == ANP_SELECT_BY_KEY_INTERVAL;
    if (!anp_collection_argument(o, &begin) || (has_end && !anp_collection_argument(o, &end))) {
        return ANP_PARAMETER;
    }
    uint32_t first = by_key ? anp_container_keys_below(&o->c, begin)
                            : anp_container_values_below(&o->c, begin, false);
    uint32_t last = !has_end ? o->c.n
                    : by_key ? anp_container_keys_below(&o->c, end)
                             : anp_container_values_below(&o->c, end, false);
    uint32_t n = last > first ? last - first : 0;
    bool ok = by_key ? choose_run(o, s, first, n, NULL) : choose_ranks(o, s, first, n);
    return ok ? ANP_OK : ANP_SERVER_ERROR;
}

static uint8_t select_range(anp_collection_op *o, selection *s)
{
    bool by_key = s->kind == ANP_SELECT_BY_KEY_INDEX_RANGE;
    bool by_value = s->kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
    bool by_index = by_key || s->kind == ANP_SELECT_BY_INDEX_RANGE;
    anp_slice relative;
    int64_t index, count = 0;
    uint32_t first, n;
    if (((by_key || by_value) && !anp_collection_argument(o, &relative)) ||
        !anp_call_integer(&o->call, &index)) {
        return ANP_PARAMETER;
    }
    bool has_count = o->call.left != 0;
    if (!anp_call_option(&o->call, &count)) {
        return ANP_PARAMETER;
    }
    if (by_key || by_value) {
        int64_t base = by_key ? anp_container_keys_below(&o->c, relative)
                              : anp_container_values_below(&o->c, relative, false);
        int64_t start = index > UINT32_MAX             ? UINT32_MAX
                        : index < -(int64_t)UINT32_MAX ? -(int64_t)UINT32_MAX
                                                       : base + index;
        if (start < 0) { /* here, below 0 is before the first */
            count = count + start > 0 ? count + start : 0;
            start = 0;
        }
        index = start;
    }
    anp_collection_range(index, has_count, count, o->c.n, &first, &n);
    bool ok = choose_run(o, s, first, n, by_index ? NULL : o->c.by_rank);
    return ok ? ANP_OK : ANP_SERVER_ERROR;
}

static uint8_t select_one(anp_collection_op *o, selection *s)
{
    uint32_t at;
    if (s->kind == ANP_SELECT_BY_KEY) {
        anp_slice key;
        if (!anp_collection_argument(o, &key)) {
            return ANP_PARAMETER;
        }
        bool found = anp_container_find_key(&o->c, key, &at);
        return choose_run(o, s, found ? at : 0, found, NULL) ? ANP_OK : ANP_SERVER_ERROR;
    }
    int64_t index;
    if (!anp_call_integer(&o->call, &index)) {
        return ANP_PARAMETER;
    }
    if (!anp_collection_index(index, o->c.n, &at)) {
        return ANP_OP_NOT_APPLICABLE;
    }
    const uint32_t *order = s->kind == ANP_SELECT_BY_RANK ? o->c.by_rank : NULL;
    return choose_run(o, s, at, 1, order) ? ANP_OK : ANP_SERVER_ERROR;
}

static uint8_t choose(anp_collection_op *o, selection *s)
{
    switch (s->kind) {
    case ANP_SELECT_BY_INDEX:
    case ANP_SELECT_BY_RANK:
    case ANP_SELECT_BY_KEY:
        return select_one(o, s);
    case ANP_SELECT_BY_VALUE:
    case ANP_SELECT_BY_VALUE_ALL:
    case ANP_SELECT_BY_VALUE_LIST:
        return select_values(o, s);
    case ANP_SELECT_BY_KEY_LIST:
        return select_keys(o, s);
    case ANP_SELECT_BY_KEY_INTERVAL:
    case ANP_SELECT_BY_VALUE_INTERVAL:
        return select_interval(o, s);
    default:
        return select_range(o, s);
    }
}

/* ---- what comes back ---- */

static bool is_by_ranks(anp_select_kind kind)
{
    return kind == ANP_SELECT_BY_RANK_RANGE || kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
}

/* A server takes the ranks of an unordered list from a heap: from the nearer end, and leaves them
 * with the other end first. */
static void order_as_heap(selection *s, uint32_t total)
{
    if (s->first > total - s->first - s->n) {
        return;
    }
    for (uint32_t i = 0; i < s->n / 2; i++) {
        uint32_t swap = s->numbers[i];
        s->numbers[i] = s->numbers[s->n - 1 - i];
        s->numbers[s->n - 1 - i] = swap;
    }
}

static void put_map(anp_collection_op *o, const selection *s)
{
    anp_buffer *b = &o->out->result;
    bool marks = s->what != ANP_RETURN_UNORDERED_MAP;
    o->out->type = ANP_PARTICLE_MAP;
    anp_msgpack_put_map(b, s->n + (marks ? 1u : 0u));
    if (marks) {
        anp_msgpack_put_order_mark(b, s->what == ANP_RETURN_KEY_VALUE ? 0x08 : ANP_ORDERED);
        anp_msgpack_put_nil(b);
    }
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = s->numbers[i];
        anp_buffer_put(b, o->c.keys[at].data, o->c.keys[at].size);
        anp_buffer_put(b, o->c.values[at].data, o->c.values[at].size);
    }
}

static uint8_t put_elements(anp_collection_op *o, selection *s)
{
    const anp_slice *from = s->what == ANP_RETURN_KEY ? o->c.keys : o->c.values;
    bool is_plain_list = o->c.particle == ANP_PARTICLE_LIST && o->c.order == 0;
    if (is_plain_list && is_by_ranks(s->kind) && !s->inverted) {
        order_as_heap(s, o->c.n);
    }
    if (s->is_single) {
        if (s->n != 0) {
            anp_collection_result(o, from[s->numbers[0]]);
        }
        return ANP_OK;
    }
    o->out->type = ANP_PARTICLE_LIST;
    anp_msgpack_put_list(&o->out->result, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        anp_slice element = from[s->numbers[i]];
        anp_buffer_put(&o->out->result, element.data, element.size);
    }
    return ANP_OK;
}

/* Indexes in the container's order, or (of a list of keys) as they were asked for; ranks of values
 * as they were asked for. */
static uint8_t put_places(anp_collection_op *o, selection *s)
{
    bool by_rank = s->what == ANP_RETURN_RANK || s->what == ANP_RETURN_REVERSE_RANK;
    bool reverse = s->what == ANP_RETURN_REVERSE_INDEX || s->what == ANP_RETURN_REVERSE_RANK;
    uint32_t *places = NULL;
    if (by_rank) {
        if (!anp_container_rank(&o->c, o->arena) ||
            (places = anp_arena_take(o->arena, o->c.n * sizeof *places)) == NULL) {
            return ANP_SERVER_ERROR;
        }
        for (uint32_t r = 0; r < o->c.n; r++) {
            places[o->c.by_rank[r]] = r;
        }
    }
    bool as_asked = s->asked != NULL && !s->inverted && !s->is_single &&
                    by_rank == (s->kind != ANP_SELECT_BY_KEY_LIST);
    const uint32_t *numbers = as_asked ? s->asked : s->numbers;
    if (!by_rank && is_by_ranks(s->kind)) {
        qsort(s->numbers, s->n, sizeof *s->numbers, by_number);
    }
    if (!s->is_single) {
        o->out->type = ANP_PARTICLE_LIST;
        anp_msgpack_put_list(&o->out->result, s->n);
    } else if (s->n == 0) {
        anp_outcome_integer(o->out, -1);
    }
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t place = by_rank ? places[numbers[i]] : numbers[i];
        place = reverse ? (int64_t)o->c.n - 1 - place : place;
        if (s->is_single) {
            anp_outcome_integer(o->out, place);
        } else {
            anp_msgpack_put_int(&o->out->result, place);
        }
    }
    return ANP_OK;
}

static uint8_t put_range(anp_collection_op *o, const selection *s)
{
    bool by_index = s->kind == ANP_SELECT_BY_INDEX_RANGE || s->kind == ANP_SELECT_BY_KEY_INTERVAL ||
                    s->kind == ANP_SELECT_BY_KEY_INDEX_RANGE;
    bool by_rank = s->kind == ANP_SELECT_BY_RANK_RANGE || s->kind == ANP_SELECT_BY_VALUE_INTERVAL ||
                   s->kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
    bool wants_index =
        s->what == ANP_RETURN_INDEX_RANGE || s->what == ANP_RETURN_REVERSE_INDEX_RANGE;
    bool reverse =
        s->what == ANP_RETURN_REVERSE_INDEX_RANGE || s->what == ANP_RETURN_REVERSE_RANK_RANGE;
    if (s->inverted || (wants_index ? !by_index : !by_rank)) {
        return ANP_OP_NOT_APPLICABLE;
    }
    uint32_t first = reverse ? o->c.n - s->first - s->n : s->first;
    o->out->type = ANP_PARTICLE_LIST;
    anp_msgpack_put_list(&o->out->result, 2);
    anp_msgpack_put_int(&o->out->result, first);
    anp_msgpack_put_int(&o->out->result, s->n);
    return ANP_OK;
}

static uint8_t put_result(anp_collection_op *o, selection *s)
{
    bool is_map = o->c.particle == ANP_PARTICLE_MAP;
    switch (s->what) {
    case ANP_RETURN_NONE:
        return ANP_OK;
    case ANP_RETURN_INDEX:
    case ANP_RETURN_REVERSE_INDEX:
        return put_places(o, s);
    case ANP_RETURN_RANK:
    case ANP_RETURN_REVERSE_RANK:
        return s->kind == ANP_SELECT_BY_KEY_LIST ? ANP_OP_NOT_APPLICABLE : put_places(o, s);
    case ANP_RETURN_COUNT:
        anp_outcome_integer(o->out, s->n);
        return ANP_OK;
    case ANP_RETURN_KEY:
        return is_map ? put_elements(o, s) : ANP_OP_NOT_APPLICABLE;
    case ANP_RETURN_VALUE:
        return put_elements(o, s);
    case ANP_RETURN_KEY_VALUE:
    case ANP_RETURN_UNORDERED_MAP:
    case ANP_RETURN_ORDERED_MAP:
        if (!is_map) {
            return ANP_OP_NOT_APPLICABLE;
        }
        put_map(o, s);
        return ANP_OK;
    case ANP_RETURN_INDEX_RANGE:
    case ANP_RETURN_REVERSE_INDEX_RANGE:
    case ANP_RETURN_RANK_RANGE:
    case ANP_RETURN_REVERSE_RANK_RANGE:
        return put_range(o, s);
    case ANP_RETURN_EXISTS:
        o->out->type = ANP_PARTICLE_BOOL;
        anp_buffer_u8(&o->out->result, s->n != 0);
        return ANP_OK;
    default:
        return ANP_OP_NOT_APPLICABLE;
    }
}

/* ---- and what goes ---- */

static bool remove_chosen(anp_collection_op *o, const selection *s)
{
    bool *marks = take_marks(o);
    if (marks == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        marks[s->numbers[i]] = true;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < o->c.n; i++) {
        if (!marks[i]) {
            o->c.values[kept] = o->c.values[i];
            if (o->c.keys != NULL) {
                o->c.keys[kept] = o->c.keys[i];
            }
            kept++;
        }
    }
    o->has_changed = true;
    o->c.n = kept;
    o->c.by_rank = NULL;
    return true;
}

static bool invert(anp_collection_op *o, selection *s)
{
    bool *marks = take_marks(o);
    for (uint32_t i = 0; marks != NULL && i < s->n; i++) {
        marks[s->numbers[i]] = true;
    }
    if (marks == NULL || !choose_marked(o, s, marks, false)) {
        return false;
    }
    bool by_rank = s->what == ANP_RETURN_RANK || s->what == ANP_RETURN_REVERSE_RANK;
    if (is_by_ranks(s->kind) && (by_rank || o->c.particle == ANP_PARTICLE_MAP)) {
        uint32_t n = 0;
        for (uint32_t r = 0; r < o->c.n; r++) {
            if (!marks[o->c.by_rank[r]]) {
                s->numbers[n++] = o->c.by_rank[r];
            }
        }
    }
    return true;
}

static bool needs_rank(anp_select_kind kind)
{
    return kind == ANP_SELECT_BY_RANK || kind == ANP_SELECT_BY_VALUE ||
           kind == ANP_SELECT_BY_VALUE_ALL || kind == ANP_SELECT_BY_VALUE_LIST ||
           kind == ANP_SELECT_BY_RANK_RANGE || kind == ANP_SELECT_BY_VALUE_INTERVAL ||
           kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
}

uint8_t anp_collection_select(anp_collection_op *o, anp_select_kind kind, bool removes)
{
    selection s = {.kind = kind, .is_single = kind <= ANP_SELECT_BY_VALUE};
    if (!anp_call_integer(&o->call, &s.what)) {
        return ANP_PARAMETER;
    }
    s.inverted = (s.what & ANP_RETURN_INVERTED) != 0;
    s.what &= ~(int64_t)ANP_RETURN_INVERTED;
    if (s.inverted && s.is_single) {
        return ANP_PARAMETER;
    }
    if (needs_rank(kind) && !anp_container_rank(&o->c, o->arena)) {
        return ANP_SERVER_ERROR;
    }
    uint8_t code = choose(o, &s);
    if (code != ANP_OK || o->call.left != 0) {
        return code != ANP_OK ? code : ANP_PARAMETER;
    }
    if (s.inverted && !invert(o, &s)) {
        return ANP_SERVER_ERROR;
    }
    code = put_result(o, &s);
    if (code == ANP_OK && removes && s.n != 0 && !remove_chosen(o, &s)) {
        return ANP_SERVER_ERROR;
    }
    return code;
}
