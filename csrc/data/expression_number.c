/* Arithmetic and bits of integers. Integers wrap, and shifts are by the rest of the word's bits; a
 * division by zero has no value. No state. */
#include <math.h>

#include "data/expression_tree.h"

enum { WORD = 64 };

static anp_exp_value shift(uint8_t op, int64_t v, unsigned by)
{
    switch (op) {
    case ANP_EXP_OP_LSHIFT:
        return anp_exp_int((int64_t)((uint64_t)v << by));
    case ANP_EXP_OP_RSHIFT:
        return anp_exp_int((int64_t)((uint64_t)v >> by));
    case ANP_EXP_OP_ARSHIFT:
        return anp_exp_int(v >> by);
    default:
        return anp_exp_unknown();
    }
}

static anp_exp_value join_ints(uint8_t op, int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case ANP_EXP_OP_ADD:
        return anp_exp_int((int64_t)(x + y));
    case ANP_EXP_OP_SUB:
        return anp_exp_int((int64_t)(x - y));
    case ANP_EXP_OP_MUL:
        return anp_exp_int((int64_t)(x * y));
    case ANP_EXP_OP_DIV:
        if (b == 0) {
            return anp_exp_unknown();
        }
        return anp_exp_int(b == -1 ? (int64_t)(0 - x) : a / b);
    case ANP_EXP_OP_MOD:
        if (b == 0) {
            return anp_exp_unknown();
        }
        return anp_exp_int(b == -1 ? 0 : a % b);
    case ANP_EXP_OP_INT_AND:
        return anp_exp_int(a & b);
    case ANP_EXP_OP_INT_OR:
        return anp_exp_int(a | b);
    case ANP_EXP_OP_INT_XOR:
        return anp_exp_int(a ^ b);
    case ANP_EXP_OP_MIN:
        return anp_exp_int(a < b ? a : b);
    case ANP_EXP_OP_MAX:
        return anp_exp_int(a > b ? a : b);
    default:
        return shift(op, a, (unsigned)(y % WORD));
    }
}

static anp_exp_value join_floats(uint8_t op, double a, double b)
{
    switch (op) {
    case ANP_EXP_OP_ADD:
        return anp_exp_float(a + b);
    case ANP_EXP_OP_SUB:
        return anp_exp_float(a - b);
    case ANP_EXP_OP_MUL:
        return anp_exp_float(a * b);
    case ANP_EXP_OP_DIV:
        return anp_exp_float(a / b);
    case ANP_EXP_OP_POW:
        return anp_exp_float(pow(a, b));
    case ANP_EXP_OP_LOG:
        return anp_exp_float(log(a) / log(b));
    case ANP_EXP_OP_MIN: /* the first one, next to what is no number */
        return anp_exp_float(b < a ? b : a);
    case ANP_EXP_OP_MAX:
        return anp_exp_float(b > a ? b : a);
    default:
        return anp_exp_unknown();
    }
}

static anp_exp_value join(uint8_t op, const anp_exp_value *a, const anp_exp_value *b)
{
    if (a->type != b->type) {
        return anp_exp_unknown();
    }
    return a->type == ANP_EXP_INT     ? join_ints(op, a->integer, b->integer)
           : a->type == ANP_EXP_FLOAT ? join_floats(op, a->real, b->real)
                                      : anp_exp_unknown();
}

/* What no integer holds becomes what the processors of servers make of it. */
static anp_exp_value to_int(double v)
{
    const double end = 9223372036854775808.0; /* 2^63 */
    return anp_exp_int(v >= -end && v < end ? (int64_t)v : INT64_MIN);
}

/* The operators of one argument, and those of several that have only one. */
static anp_exp_value alone(uint8_t op, const anp_exp_value *v)
{
    bool is_float = v->type == ANP_EXP_FLOAT;
    uint64_t bits = is_float ? 0 : (uint64_t)v->integer;
    if (!is_float && v->type != ANP_EXP_INT) {
        return anp_exp_unknown();
    }
    switch (op) {
    case ANP_EXP_OP_SUB:
        return is_float ? anp_exp_float(0 - v->real) : anp_exp_int((int64_t)(0 - bits));
    case ANP_EXP_OP_DIV:
        return is_float ? anp_exp_float(1 / v->real) : join_ints(ANP_EXP_OP_DIV, 1, v->integer);
    case ANP_EXP_OP_ABS:
        return is_float ? anp_exp_float(fabs(v->real))
                        : anp_exp_int(v->integer < 0 ? (int64_t)(0 - bits) : v->integer);
    case ANP_EXP_OP_FLOOR:
        return is_float ? anp_exp_float(floor(v->real)) : anp_exp_unknown();
    case ANP_EXP_OP_CEIL:
        return is_float ? anp_exp_float(ceil(v->real)) : anp_exp_unknown();
    case ANP_EXP_OP_TO_INT:
        return is_float ? to_int(v->real) : anp_exp_unknown();
    case ANP_EXP_OP_TO_FLOAT:
        return is_float ? anp_exp_unknown() : anp_exp_float((double)v->integer);
    case ANP_EXP_OP_INT_NOT:
        return is_float ? anp_exp_unknown() : anp_exp_int((int64_t)~bits);
    case ANP_EXP_OP_COUNT:
        return is_float ? anp_exp_unknown() : anp_exp_int(__builtin_popcountll(bits));
    default:
        return *v;
    }
}

/* Positions are counted from the highest bit. */
static anp_exp_value scan(uint8_t op, const anp_exp_value *v, const anp_exp_value *bit)
{
    if (v->type != ANP_EXP_INT || bit->type != ANP_EXP_BOOL) {
        return anp_exp_unknown();
    }
    uint64_t bits = bit->boolean ? (uint64_t)v->integer : ~(uint64_t)v->integer;
    if (bits == 0) {
        return anp_exp_int(-1);
    }
    return anp_exp_int(op == ANP_EXP_OP_LSCAN ? __builtin_clzll(bits)
                                              : WORD - 1 - __builtin_ctzll(bits));
}

/* Joins a value and those from `next` on, one after the other. */
static anp_exp_value join_all(anp_exp_run *run, uint8_t op, anp_exp_value sum, uint32_t next)
{
    for (; next != ANP_EXP_NONE && sum.type != ANP_EXP_UNKNOWN;
         next = anp_exp_node_at(run->e, next)->next) {
        anp_exp_value v = anp_exp_eval(run, next);
        bool scans = op == ANP_EXP_OP_LSCAN || op == ANP_EXP_OP_RSCAN;
        sum = scans ? scan(op, &sum, &v) : join(op, &sum, &v);
    }
    return sum;
}

anp_exp_value anp_exp_eval_number(anp_exp_run *run, const anp_exp_node *node)
{
    anp_exp_value first = anp_exp_eval(run, node->first);
    uint32_t next = anp_exp_node_at(run->e, node->first)->next;
    if (next == ANP_EXP_NONE) {
        return alone(node->op, &first);
    }
    if (node->op != ANP_EXP_OP_DIV || first.type == ANP_EXP_UNKNOWN) {
        return join_all(run, node->op, first, next);
    }
    anp_exp_value divisor = anp_exp_eval(run, next); /* all that follow, multiplied */
    next = anp_exp_node_at(run->e, next)->next;
    divisor = join_all(run, ANP_EXP_OP_MUL, divisor, next);
    return join(node->op, &first, &divisor);
}
