/* Evaluates expressions: logic, comparison, choice, variables; the rest is in the files beside.
 * Recursion is as deep as the expression, which was bounded when it was read. */
#include "data/collection.h"
#include "data/expression_tree.h"
#include "data/geo.h"

enum { STEP_BYTES = 64 };

bool anp_exp_step(anp_exp_run *run, uint64_t steps)
{
    if (run->failed == ANP_OK && run->steps < steps) {
        run->failed = ANP_SERVER_TIMEOUT;
    }
    run->steps -= run->failed == ANP_OK ? steps : 0;
    return run->failed == ANP_OK;
}

/* ---- logic: false and anything is false, true or anything is true ---- */

static anp_exp_value eval_and_or(anp_exp_run *run, const anp_exp_node *node)
{
    bool decides = node->op == ANP_EXP_OP_OR, unknown = false;
    for (uint32_t n = node->first; n != ANP_EXP_NONE; n = anp_exp_node_at(run->e, n)->next) {
        anp_exp_value v = anp_exp_eval(run, n);
        if (v.type != ANP_EXP_BOOL) {
            unknown = true;
        } else if (v.boolean == decides) {
            return v;
        }
    }
    return unknown ? anp_exp_unknown() : anp_exp_bool(!decides);
}

static anp_exp_value eval_exclusive(anp_exp_run *run, const anp_exp_node *node)
{
    uint32_t n_true = 0;
    for (uint32_t n = node->first; n != ANP_EXP_NONE; n = anp_exp_node_at(run->e, n)->next) {
        anp_exp_value v = anp_exp_eval(run, n);
        if (v.type != ANP_EXP_BOOL) {
            return anp_exp_unknown();
        }
        n_true += v.boolean;
    }
    return anp_exp_bool(n_true == 1);
}

static anp_exp_value eval_not(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value v = anp_exp_eval(run, node->first);
    return v.type == ANP_EXP_BOOL ? anp_exp_bool(!v.boolean) : anp_exp_unknown();
}

/* ---- comparison ---- */

static bool is_value(const anp_exp_value *v)
{
    return v->type <= ANP_EXP_HLL;
}

static bool step_bytes(anp_exp_run *run, const anp_exp_value *v)
{
    bool is_long = v->type == ANP_EXP_LIST || v->type == ANP_EXP_MAP || v->type == ANP_EXP_STRING ||
                   v->type == ANP_EXP_BLOB || v->type == ANP_EXP_GEO;
    return anp_exp_step(run, is_long ? v->bytes.size / STEP_BYTES : 0);
}

static anp_exp_value eval_compare(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value a = anp_exp_eval(run, node->first);
    anp_exp_value b = anp_exp_eval(run, anp_exp_node_at(run->e, node->first)->next);
    if (!is_value(&a) || a.type != b.type || !step_bytes(run, &a) || !step_bytes(run, &b)) {
        return anp_exp_unknown();
    }
    bool ordered;
    int c = anp_exp_value_compare(&a, &b, &ordered);
    switch (node->op) {
    case ANP_EXP_OP_EQ:
        return anp_exp_bool(ordered && c == 0);
    case ANP_EXP_OP_NE:
        return anp_exp_bool(!ordered || c != 0);
    case ANP_EXP_OP_GT:
        return anp_exp_bool(ordered && c > 0);
    case ANP_EXP_OP_GE:
        return anp_exp_bool(ordered && c >= 0);
    case ANP_EXP_OP_LT:
        return anp_exp_bool(ordered && c < 0);
    default:
        return anp_exp_bool(ordered && c <= 0);
    }
}

static anp_exp_value eval_in(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value v = anp_exp_eval(run, node->first);
    anp_exp_value list = anp_exp_eval(run, anp_exp_node_at(run->e, node->first)->next);
    if (!is_value(&v) || list.type != ANP_EXP_LIST || !step_bytes(run, &list)) {
        return anp_exp_unknown();
    }
    anp_buffer wanted;
    anp_buffer_init(&wanted, ANP_PROTO_MAX);
    anp_exp_value_put(&wanted, &v);
    bool found = false;
    anp_cursor c = anp_cursor_over(list.bytes.data, list.bytes.size), at;
    anp_msgpack_item head;
    uint8_t flags;
    (void)anp_msgpack_read(&c, &head);
    (void)anp_msgpack_take_order_mark(&c, &head, &flags);
    for (uint32_t i = 0; !found && wanted.failed == ANP_OK && i < head.count; i++) {
        at = c;
        if (!anp_msgpack_skip(&c) || !anp_exp_step(run, 1 + wanted.size / STEP_BYTES)) {
            break;
        }
        found = anp_collection_compare(at, anp_cursor_over(wanted.data, wanted.size)) == 0;
    }
    if (wanted.failed != ANP_OK) {
        run->failed = ANP_SERVER_ERROR;
    }
    anp_buffer_deinit(&wanted);
    return anp_exp_bool(found);
}

static anp_exp_value eval_geo(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value a = anp_exp_eval(run, node->first);
    anp_exp_value b = anp_exp_eval(run, anp_exp_node_at(run->e, node->first)->next);
    if (a.type != ANP_EXP_GEO || b.type != ANP_EXP_GEO || !step_bytes(run, &a) ||
        !step_bytes(run, &b)) {
        return anp_exp_unknown();
    }
    anp_geo_answer answer = anp_geo_compare(a.bytes, b.bytes);
    return answer == ANP_GEO_UNKNOWN ? anp_exp_unknown() : anp_exp_bool(answer == ANP_GEO_YES);
}

static anp_exp_value eval_regex(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value v = anp_exp_eval(run, node->first);
    if (v.type != ANP_EXP_STRING || !step_bytes(run, &v)) {
        return anp_exp_unknown();
    }
    return anp_exp_bool(anp_exp_regex_matches(&run->e->patterns[node->number], v.bytes));
}

/* ---- choice and names ---- */

static anp_exp_value eval_cond(anp_exp_run *run, const anp_exp_node *node)
{
    uint32_t n = node->first;
    for (uint32_t left = node->n_args; left > 1; left -= 2) {
        anp_exp_value test = anp_exp_eval(run, n);
        if (test.type != ANP_EXP_BOOL) {
            return anp_exp_unknown();
        }
        n = anp_exp_node_at(run->e, n)->next;
        if (test.boolean) {
            return anp_exp_eval(run, n);
        }
        n = anp_exp_node_at(run->e, n)->next;
    }
    return anp_exp_eval(run, n);
}

static anp_exp_value eval_let(anp_exp_run *run, const anp_exp_node *node)
{
    uint32_t n = node->first;
    for (uint32_t i = 0; i + 1 < node->n_args; i++) {
        run->vars[node->number + i] = anp_exp_eval(run, n);
        n = anp_exp_node_at(run->e, n)->next;
    }
    return anp_exp_eval(run, n);
}

static anp_exp_value eval_child(const anp_exp_run *run, const anp_exp_node *node)
{
    if (run->child == NULL) {
        return anp_exp_unknown();
    }
    const anp_exp_value *parts[] = {&run->child->key, &run->child->value, &run->child->index};
    const anp_exp_value *v = parts[node->number];
    return (uint8_t)v->type == node->type ? *v : anp_exp_unknown();
}

static anp_exp_value eval_map_half(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value map = anp_exp_eval(run, node->first);
    if (map.type != ANP_EXP_MAP || !step_bytes(run, &map)) {
        return anp_exp_unknown();
    }
    anp_buffer list;
    anp_buffer_init(&list, ANP_PROTO_MAX);
    anp_collection_half(&list, map.bytes, node->op == ANP_EXP_OP_MAP_VALUES);
    uint8_t *copy = anp_arena_copy(run->arena, list.data, list.size);
    anp_exp_value v = anp_exp_bytes(ANP_EXP_LIST, (anp_slice){copy, list.size});
    bool ok = copy != NULL && list.failed == ANP_OK;
    anp_buffer_deinit(&list);
    run->failed = ok ? run->failed : ANP_SERVER_ERROR;
    return ok ? v : anp_exp_unknown();
}

/* ---- all of them ---- */

anp_exp_value anp_exp_eval(anp_exp_run *run, uint32_t number)
{
    const anp_exp_node *node = anp_exp_node_at(run->e, number);
    if (!anp_exp_step(run, 1)) {
        return anp_exp_unknown();
    }
    switch (node->op) {
    case ANP_EXP_OP_LITERAL:
        return node->literal;
    case ANP_EXP_OP_EQ:
    case ANP_EXP_OP_NE:
    case ANP_EXP_OP_GT:
    case ANP_EXP_OP_GE:
    case ANP_EXP_OP_LT:
    case ANP_EXP_OP_LE:
        return eval_compare(run, node);
    case ANP_EXP_OP_REGEX:
        return eval_regex(run, node);
    case ANP_EXP_OP_IN:
        return eval_in(run, node);
    case ANP_EXP_OP_AND:
    case ANP_EXP_OP_OR:
        return eval_and_or(run, node);
    case ANP_EXP_OP_NOT:
        return eval_not(run, node);
    case ANP_EXP_OP_EXCLUSIVE:
        return eval_exclusive(run, node);
    case ANP_EXP_OP_REMOVE:
        return (anp_exp_value){.type = ANP_EXP_REMOVED};
    case ANP_EXP_OP_MAP_KEYS:
    case ANP_EXP_OP_MAP_VALUES:
        return eval_map_half(run, node);
    case ANP_EXP_OP_CHILD:
        return eval_child(run, node);
    case ANP_EXP_OP_COND:
        return eval_cond(run, node);
    case ANP_EXP_OP_VAR:
        return run->vars[node->number];
    case ANP_EXP_OP_LET:
        return eval_let(run, node);
    case ANP_EXP_OP_CALL:
        return anp_exp_eval_call(run, node);
    case ANP_EXP_OP_GEO:
        return eval_geo(run, node);
    case ANP_EXP_OP_UNKNOWN:
        return anp_exp_unknown();
    default:
        return node->op >= ANP_EXP_OP_DIGEST_MODULO ? anp_exp_eval_record(run, node)
                                                    : anp_exp_eval_number(run, node);
    }
}

uint8_t anp_expression_eval(const anp_expression *e, const anp_exp_record *record,
                            const anp_exp_child *child, anp_arena *arena, uint64_t *steps,
                            anp_exp_value *out)
{
    anp_exp_run run = {.e = e, .record = record, .child = child, .arena = arena, .steps = *steps};
    *out = anp_exp_unknown();
    run.vars = anp_arena_take(arena, e->n_vars * sizeof *run.vars);
    if (run.vars == NULL) {
        return ANP_SERVER_ERROR;
    }
    *out = anp_exp_eval(&run, e->root);
    *steps = run.steps;
    return arena->failed ? ANP_SERVER_ERROR : run.failed;
}

enum { FILTER_MEMORY = 64 << 20 };

uint8_t anp_expression_holds(const anp_expression *e, const anp_exp_record *record, bool *out)
{
    anp_arena arena;
    anp_exp_value v;
    uint64_t steps = ANP_EXP_STEPS;
    anp_arena_init(&arena, FILTER_MEMORY);
    uint8_t code = anp_expression_eval(e, record, NULL, &arena, &steps, &v);
    *out = code == ANP_OK && v.type == ANP_EXP_BOOL && v.boolean;
    anp_arena_deinit(&arena);
    return code;
}
