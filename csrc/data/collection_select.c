/* Selections: which elements. No state. */
#include "data/collection_select.h"

#include <stdlib.h>

bool anp_collection_index(int64_t index, uint32_t n, uint32_t *out)
{
    index += index < 0 ? n : 0;
    *out = (uint32_t)index;
    return index >= 0 && index < n;
}

bool anp_collection_count(anp_collection_op *o, int64_t *out)
{
    *out = INT64_MAX;
    if (!anp_call_option(&o->call, out)) {
        return false;
    }
    *out = *out < 0 ? INT64_MAX : *out;
    return true;
}

void anp_collection_range(int64_t index, int64_t count, uint32_t n, uint32_t *first, uint32_t *size)
{
    int64_t max = UINT32_MAX;
    index += index < 0 ? n : 0;
    index = index < -max ? -max : index > max ? max : index;
    int64_t end = count > 2 * max ? max : index + count;
    index = index < 0 ? 0 : index < n ? index : n;
    end = end < index ? index : end < n ? end : n;
    *first = (uint32_t)index;
    *size = (uint32_t)(end - index);
}

/* ---- runs ---- */

static anp_run run_between(uint32_t begin, uint32_t end)
{
    return (anp_run){begin, end > begin ? end - begin : 0};
}

static anp_run values_between(const anp_container *c, anp_slice begin, const anp_slice *end)
{
    uint32_t last = end != NULL ? anp_container_values_below(c, *end, false) : c->n;
    return run_between(anp_container_values_below(c, begin, false), last);
}

static anp_run equal_values(const anp_container *c, anp_slice value)
{
    return run_between(anp_container_values_below(c, value, false),
                       anp_container_values_below(c, value, true));
}

static anp_run equal_keys(const anp_container *c, anp_slice key)
{
    return run_between(anp_container_keys_below(c, key, false),
                       anp_container_keys_below(c, key, true));
}

/* ---- by a list of values or keys ---- */

/* Which of the asked values count: of equal ones the last. */
static bool *last_of_equals(anp_collection_op *o, anp_container *asked)
{
    bool *counts = anp_arena_take(o->arena, asked->n + 1u);
    if (counts == NULL || !anp_container_rank(asked, o->arena)) {
        return NULL;
    }
    for (uint32_t r = 0; r < asked->n; r++) {
        const anp_slice *v = asked->values;
        const uint32_t *at = asked->by_rank + r;
        counts[*at] = r + 1 == asked->n || anp_slice_compare(v[at[0]], v[at[1]]) != 0;
    }
    return counts;
}

/* Marks what equals one of the asked, and writes down where that is: the places of keys and of the
 * values of an ordered list as often as they are asked for, the ranks of other values once. */
static uint8_t choose_asked(anp_collection_op *o, anp_selection *s, anp_container *asked)
{
    bool by_key = s->kind == ANP_SELECT_BY_KEY_LIST;
    bool is_sorted = o->c.particle == ANP_PARTICLE_LIST && o->c.order != 0;
    bool *counts = by_key || is_sorted ? NULL : last_of_equals(o, asked);
    anp_run *runs = anp_arena_take(o->arena, asked->n * sizeof *runs);
    s->marks = anp_arena_take(o->arena, o->c.n + 1u);
    uint64_t total = 0;
    for (uint32_t i = 0; runs != NULL && i < asked->n; i++) {
        runs[i] =
            by_key ? equal_keys(&o->c, asked->values[i]) : equal_values(&o->c, asked->values[i]);
        total += runs[i].n;
    }
    s->asked = total > UINT32_MAX ? NULL : anp_arena_take(o->arena, total * sizeof *s->asked);
    if (runs == NULL || (counts == NULL && !by_key && !is_sorted) || s->marks == NULL ||
        s->asked == NULL) {
        return ANP_SERVER_ERROR;
    }
    memset(s->marks, 0, o->c.n + 1u);
    for (uint32_t i = 0; i < asked->n; i++) {
        for (uint32_t r = runs[i].first; r < runs[i].first + runs[i].n; r++) {
            s->marks[by_key ? r : o->c.by_rank[r]] = true;
            if (counts == NULL || counts[i]) {
                s->asked[s->n_asked++] = r;
            }
        }
    }
    s->chosen = ANP_CHOSEN_MARKED;
    return ANP_OK;
}

static uint8_t select_asked(anp_collection_op *o, anp_selection *s)
{
    anp_slice list;
    anp_container asked;
    if (!anp_collection_argument(o, &list) || !anp_container_open(&asked, o->arena, list) ||
        asked.particle != ANP_PARTICLE_LIST) {
        return ANP_PARAMETER;
    }
    return choose_asked(o, s, &asked);
}

/* ---- by everything else ---- */

static uint8_t select_value(anp_collection_op *o, anp_selection *s)
{
    anp_slice value;
    if (!anp_collection_argument(o, &value)) {
        return ANP_PARAMETER;
    }
    s->runs[0] = equal_values(&o->c, value);
    return ANP_OK;
}

static uint8_t select_interval(anp_collection_op *o, anp_selection *s)
{
    anp_slice begin, end = {NULL, 0};
    bool has_end = o->call.left == 2;
    if (!anp_collection_argument(o, &begin) || (has_end && !anp_collection_argument(o, &end))) {
        return ANP_PARAMETER;
    }
    if (s->kind == ANP_SELECT_BY_VALUE_INTERVAL) {
        s->runs[0] = values_between(&o->c, begin, has_end ? &end : NULL);
    } else {
        uint32_t last = has_end ? anp_container_keys_below(&o->c, end, false) : o->c.n;
        s->runs[0] = run_between(anp_container_keys_below(&o->c, begin, false), last);
    }
    return ANP_OK;
}

static uint8_t select_range(anp_collection_op *o, anp_selection *s)
{
    bool by_key = s->kind == ANP_SELECT_BY_KEY_INDEX_RANGE;
    bool by_value = s->kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
    anp_slice relative;
    int64_t index, count, max = UINT32_MAX;
    if (((by_key || by_value) && !anp_collection_argument(o, &relative)) ||
        !anp_call_integer(&o->call, &index) || !anp_collection_count(o, &count)) {
        return ANP_PARAMETER;
    }
    if (by_key || by_value) {
        int64_t base = by_key ? anp_container_keys_below(&o->c, relative, false)
                              : anp_container_values_below(&o->c, relative, false);
        index = index > max ? max : index < -max ? -max : base + index;
        if (index < 0) { /* here, below 0 is before the first */
            count = count > max ? count : count + index > 0 ? count + index : 0;
            index = 0;
        }
    }
    anp_collection_range(index, count, o->c.n, &s->runs[0].first, &s->runs[0].n);
    return ANP_OK;
}

static uint8_t select_one(anp_collection_op *o, anp_selection *s)
{
    if (s->kind == ANP_SELECT_BY_KEY) {
        anp_slice key;
        if (!anp_collection_argument(o, &key)) {
            return ANP_PARAMETER;
        }
        s->runs[0] = equal_keys(&o->c, key);
        return ANP_OK;
    }
    int64_t index;
    if (!anp_call_integer(&o->call, &index)) {
        return ANP_PARAMETER;
    }
    s->runs[0].n = 1;
    return anp_collection_index(index, o->c.n, &s->runs[0].first) ? ANP_OK : ANP_OP_NOT_APPLICABLE;
}

static uint8_t choose(anp_collection_op *o, anp_selection *s)
{
    switch (s->kind) {
    case ANP_SELECT_BY_INDEX:
    case ANP_SELECT_BY_RANK:
    case ANP_SELECT_BY_KEY:
        return select_one(o, s);
    case ANP_SELECT_BY_VALUE:
    case ANP_SELECT_BY_VALUE_ALL:
        return select_value(o, s);
    case ANP_SELECT_BY_VALUE_LIST:
    case ANP_SELECT_BY_KEY_LIST:
        return select_asked(o, s);
    case ANP_SELECT_BY_KEY_INTERVAL:
    case ANP_SELECT_BY_VALUE_INTERVAL:
        return select_interval(o, s);
    default:
        return select_range(o, s);
    }
}

/* ---- the numbers of what was chosen ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All that was not chosen instead. */
static void invert(const anp_collection_op *o, anp_selection *s)
{
    uint32_t end = s->runs[0].first + s->runs[0].n;
    s->runs[1] = (anp_run){end, o->c.n - end};
    s->runs[0] = (anp_run){0, s->runs[0].first};
    if (s->runs[0].n == 0) {
        s->runs[0] = s->runs[1];
        s->runs[1].n = 0;
    }
    for (uint32_t i = 0; s->marks != NULL && i < o->c.n; i++) {
        s->marks[i] = !s->marks[i];
    }
}

/* Elements that were found by their ranks come back in the order of their values, others in the
 * container's. So do the places of a list's, and those of a list, and of a map where there are two
 * runs, if all but the chosen come back. */
static bool keeps_ranks(const anp_collection_op *o, const anp_selection *s)
{
    bool is_map = o->c.particle == ANP_PARTICLE_MAP;
    bool places = s->what == ANP_RETURN_INDEX || s->what == ANP_RETURN_REVERSE_INDEX;
    bool by_rank = s->kind == ANP_SELECT_BY_RANK_RANGE || s->kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
    return by_rank && (is_map || !places) && (!s->inverted || (is_map && s->runs[1].n == 0));
}

static bool count_off(anp_collection_op *o, anp_selection *s)
{
    s->numbers = anp_arena_take(o->arena, (size_t)o->c.n * sizeof *s->numbers);
    if (s->numbers == NULL) {
        return false;
    }
    if (s->chosen == ANP_CHOSEN_MARKED) {
        for (uint32_t i = 0; i < o->c.n; i++) {
            if (s->marks[i]) {
                s->numbers[s->n++] = i;
            }
        }
        return true;
    }
    for (const anp_run *r = s->runs; r < s->runs + 2; r++) {
        for (uint32_t i = r->first; i < r->first + r->n; i++) {
            s->numbers[s->n++] = s->chosen == ANP_CHOSEN_RANKS ? o->c.by_rank[i] : i;
        }
    }
    if (s->chosen == ANP_CHOSEN_RANKS && !keeps_ranks(o, s)) {
        qsort(s->numbers, s->n, sizeof *s->numbers, by_number);
    }
    return true;
}

/* ---- and what goes ---- */

static bool remove_chosen(anp_collection_op *o, const anp_selection *s)
{
    bool *marks = anp_arena_take(o->arena, o->c.n + 1u);
    if (marks == NULL) {
        return false;
    }
    memset(marks, 0, o->c.n + 1u);
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

static bool needs_rank(anp_select_kind kind)
{
    return kind == ANP_SELECT_BY_RANK || kind == ANP_SELECT_BY_VALUE ||
           kind == ANP_SELECT_BY_VALUE_ALL || kind == ANP_SELECT_BY_VALUE_LIST ||
           kind == ANP_SELECT_BY_RANK_RANGE || kind == ANP_SELECT_BY_VALUE_INTERVAL ||
           kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
}

uint8_t anp_collection_select(anp_collection_op *o, anp_select_kind kind, bool removes)
{
    anp_selection s = {.kind = kind, .is_single = kind <= ANP_SELECT_BY_VALUE};
    if (!anp_call_integer(&o->call, &s.what)) {
        return ANP_PARAMETER;
    }
    s.inverted = (s.what & ANP_RETURN_INVERTED) != 0;
    s.what &= ~(int64_t)ANP_RETURN_INVERTED;
    if (needs_rank(kind)) {
        s.chosen = o->c.particle == ANP_PARTICLE_LIST && o->c.order != 0 ? ANP_CHOSEN_PLACES
                                                                         : ANP_CHOSEN_RANKS;
        if (!anp_container_rank(&o->c, o->arena)) {
            return ANP_SERVER_ERROR;
        }
    }
    uint8_t code = choose(o, &s);
    if (code != ANP_OK || o->call.left != 0) {
        return code != ANP_OK ? code : ANP_PARAMETER;
    }
    if (s.inverted && s.is_single) {
        return ANP_OP_NOT_APPLICABLE;
    }
    if (s.inverted) {
        invert(o, &s);
    }
    if (!count_off(o, &s)) {
        return ANP_SERVER_ERROR;
    }
    if (s.is_single && s.n > 1) { /* the first in a list, of the lowest key in a map */
        s.n = s.runs[0].n = 1;
    }
    code = anp_selection_answer(o, &s);
    if (code == ANP_OK && removes && s.n != 0 && !remove_chosen(o, &s)) {
        return ANP_SERVER_ERROR;
    }
    return code;
}
