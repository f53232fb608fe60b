/* Selections: what comes back, and in which order. No state. */
#include "data/collection_select.h"

static bool is_plain_list(const anp_collection_op *o)
{
    return o->c.particle == ANP_PARTICLE_LIST && o->c.order == 0;
}

static bool is_sorted_list(const anp_collection_op *o)
{
    return o->c.particle == ANP_PARTICLE_LIST && o->c.order != 0;
}

/* ---- elements ---- */

/* A server takes the ranks of an unordered list from a heap: from the nearer end, and leaves them
 * with the other end first. */
static void order_as_heap(anp_selection *s, uint32_t total)
{
    if (s->runs[0].first > total - s->runs[0].first - s->n) {
        return;
    }
    for (uint32_t i = 0; i < s->n / 2; i++) {
        uint32_t swap = s->numbers[i];
        s->numbers[i] = s->numbers[s->n - 1 - i];
        s->numbers[s->n - 1 - i] = swap;
    }
}

static void put_map(anp_collection_op *o, const anp_selection *s)
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

static void put_elements(anp_collection_op *o, anp_selection *s)
{
    const anp_slice *from = s->what == ANP_RETURN_KEY ? o->c.keys : o->c.values;
    bool by_ranks =
        s->kind == ANP_SELECT_BY_RANK_RANGE || s->kind == ANP_SELECT_BY_VALUE_RANK_RANGE;
    if (is_plain_list(o) && by_ranks && !s->inverted) {
        order_as_heap(s, o->c.n);
    }
    if (s->is_single) {
        if (s->n != 0) {
            anp_collection_result(o, from[s->numbers[0]]);
        }
        return;
    }
    bool as_asked = is_sorted_list(o) && s->asked != NULL && !s->inverted;
    const uint32_t *numbers = as_asked ? s->asked : s->numbers;
    uint32_t n = as_asked ? s->n_asked : s->n;
    o->out->type = ANP_PARTICLE_LIST;
    anp_msgpack_put_list(&o->out->result, n);
    for (uint32_t i = 0; i < n; i++) {
        anp_buffer_put(&o->out->result, from[numbers[i]].data, from[numbers[i]].size);
    }
}

/* ---- places and ranks ---- */

typedef struct numbering {
    anp_collection_op *o;
    bool is_single, is_reverse;
} numbering;

static void start_numbers(const numbering *to, uint32_t n)
{
    if (!to->is_single) {
        to->o->out->type = ANP_PARTICLE_LIST;
        anp_msgpack_put_list(&to->o->out->result, n);
    } else if (n == 0) {
        anp_outcome_integer(to->o->out, -1);
    }
}

static void put_number(const numbering *to, int64_t number)
{
    if (to->is_single) {
        anp_outcome_integer(to->o->out, number);
    } else {
        anp_msgpack_put_int(&to->o->out->result, number);
    }
}

/* The numbers of runs rise, from the other end too. */
static void put_runs(const numbering *to, const anp_selection *s)
{
    start_numbers(to, s->n);
    for (const anp_run *r = s->runs; r < s->runs + 2; r++) {
        uint32_t first = to->is_reverse ? to->o->c.n - r->first - r->n : r->first;
        for (uint32_t i = 0; i < r->n; i++) {
            put_number(to, (int64_t)first + i);
        }
    }
}

static void put_each(const numbering *to, const uint32_t *numbers, uint32_t n)
{
    start_numbers(to, n);
    for (uint32_t i = 0; i < n; i++) {
        put_number(to, to->is_reverse ? (int64_t)to->o->c.n - 1 - numbers[i] : numbers[i]);
    }
}

/* The rank of each chosen element. Equal ones in an unordered list share the lowest, but not where
 * all were chosen. */
static bool find_ranks(anp_collection_op *o, const anp_selection *s, uint32_t *ranks)
{
    uint32_t *places = anp_arena_take(o->arena, (size_t)o->c.n * sizeof *places);
    if (places == NULL || !anp_container_rank(&o->c, o->arena)) {
        return false;
    }
    const uint32_t *by_rank = o->c.by_rank;
    for (uint32_t r = 0; r < o->c.n; r++) {
        bool shares = is_plain_list(o) && r != 0 &&
                      anp_slice_compare(o->c.values[by_rank[r - 1]], o->c.values[by_rank[r]]) == 0;
        places[by_rank[r]] = shares ? places[by_rank[r - 1]] : r;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        ranks[i] = places[s->numbers[i]];
    }
    return true;
}

static uint8_t put_ranks(anp_collection_op *o, const anp_selection *s)
{
    numbering to = {o, s->is_single, s->what == ANP_RETURN_REVERSE_RANK};
    if (s->kind == ANP_SELECT_BY_KEY_LIST) {
        return ANP_OP_NOT_APPLICABLE;
    }
    if (s->asked != NULL && !s->inverted) {
        put_each(&to, s->asked, s->n_asked);
        return ANP_OK;
    }
    if (s->chosen != ANP_CHOSEN_MARKED &&
        (s->chosen == ANP_CHOSEN_RANKS || is_sorted_list(o) || s->n == o->c.n)) {
        put_runs(&to, s);
        return ANP_OK;
    }
    uint32_t *ranks = anp_arena_take(o->arena, (size_t)o->c.n * sizeof *ranks);
    if (ranks == NULL) {
        return ANP_SERVER_ERROR;
    }
    uint32_t n = 0;
    if (s->chosen == ANP_CHOSEN_PLACES) {
        if (!find_ranks(o, s, ranks)) {
            return ANP_SERVER_ERROR;
        }
        n = s->n;
    } else {
        for (uint32_t r = 0; r < o->c.n; r++) { /* those that were not asked for */
            if (s->marks[o->c.by_rank[r]]) {
                ranks[n++] = r;
            }
        }
    }
    put_each(&to, ranks, n);
    return ANP_OK;
}

static void put_places(anp_collection_op *o, const anp_selection *s)
{
    numbering to = {o, s->is_single, s->what == ANP_RETURN_REVERSE_INDEX};
    bool as_asked = s->asked != NULL && !s->inverted &&
                    (s->kind == ANP_SELECT_BY_KEY_LIST || is_sorted_list(o));
    if (s->chosen == ANP_CHOSEN_PLACES) {
        put_runs(&to, s);
    } else if (as_asked) {
        put_each(&to, s->asked, s->n_asked);
    } else {
        put_each(&to, s->numbers, s->n);
    }
}

/* The run itself: where it begins, how long it is. */
static uint8_t put_range(anp_collection_op *o, const anp_selection *s)
{
    bool by_index = s->what == ANP_RETURN_INDEX_RANGE || s->what == ANP_RETURN_REVERSE_INDEX_RANGE;
    bool reverse =
        s->what == ANP_RETURN_REVERSE_INDEX_RANGE || s->what == ANP_RETURN_REVERSE_RANK_RANGE;
    bool is_list = o->c.particle == ANP_PARTICLE_LIST;
    anp_chosen wanted = by_index ? ANP_CHOSEN_PLACES : ANP_CHOSEN_RANKS;
    anp_run run = s->runs[0];
    if ((s->chosen != wanted && (!is_sorted_list(o) || s->chosen == ANP_CHOSEN_MARKED)) ||
        (s->inverted && (is_list || s->runs[1].n != 0))) {
        return ANP_OP_NOT_APPLICABLE;
    }
    run.first = reverse && run.n != 0 ? o->c.n - run.first - run.n : run.first;
    o->out->type = ANP_PARTICLE_LIST;
    anp_msgpack_put_list(&o->out->result, 2);
    anp_msgpack_put_int(&o->out->result, run.first);
    anp_msgpack_put_int(&o->out->result, run.n);
    return ANP_OK;
}

/* ---- all of them ---- */

static uint8_t put_of_map(anp_collection_op *o, anp_selection *s)
{
    if (o->c.particle != ANP_PARTICLE_MAP) {
        return ANP_OP_NOT_APPLICABLE;
    }
    if (s->what == ANP_RETURN_KEY) {
        put_elements(o, s);
    } else {
        put_map(o, s);
    }
    return ANP_OK;
}

uint8_t anp_selection_answer(anp_collection_op *o, anp_selection *s)
{
    switch (s->what) {
    case ANP_RETURN_NONE:
        return ANP_OK;
    case ANP_RETURN_INDEX:
    case ANP_RETURN_REVERSE_INDEX:
        put_places(o, s);
        return ANP_OK;
    case ANP_RETURN_RANK:
    case ANP_RETURN_REVERSE_RANK:
        return put_ranks(o, s);
    case ANP_RETURN_COUNT:
        anp_outcome_integer(o->out, s->n);
        return ANP_OK;
    case ANP_RETURN_VALUE:
        put_elements(o, s);
        return ANP_OK;
    case ANP_RETURN_KEY:
    case ANP_RETURN_KEY_VALUE:
    case ANP_RETURN_UNORDERED_MAP:
    case ANP_RETURN_ORDERED_MAP:
        return put_of_map(o, s);
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
