/* Which part of data/ an operation's type stands for. No state. */
#include "node/compute.h"

#include "data/bits.h"
#include "data/collection_call.h"
#include "data/hll.h"
#include "data/path.h"

enum { /* flags of expressions; reading ones have the last alone */
       CREATE_ONLY = 0x01,
       UPDATE_ONLY = 0x02,
       ALLOW_DELETE = 0x04,
       POLICY_NO_FAIL = 0x08,
       EVAL_NO_FAIL = 0x10,
       ALL_FLAGS = 0x1f,
};

/* [expression [, flags]] */
static uint8_t read_expression(anp_slice bytes, anp_expression **e, int64_t *flags)
{
    anp_cursor c = anp_cursor_over(bytes.data, bytes.size);
    anp_msgpack_item item;
    if (!anp_msgpack_read(&c, &item) || item.kind != ANP_MSGPACK_LIST || item.count == 0 ||
        item.count > 2) {
        return ANP_PARAMETER;
    }
    bool has_flags = item.count == 2;
    const uint8_t *start = c.at;
    if (!anp_msgpack_skip(&c)) {
        return ANP_PARAMETER;
    }
    anp_slice expression = {start, (size_t)(c.at - start)};
    *flags = 0;
    if (has_flags) {
        if (!anp_msgpack_read(&c, &item) || item.kind != ANP_MSGPACK_INT) {
            return ANP_PARAMETER;
        }
        *flags = item.integer;
    }
    if (anp_cursor_left(&c) != 0) {
        return ANP_PARAMETER;
    }
    return anp_expression_new(expression, e);
}

/* A map in an order of replies, which is none of stored ones. */
static bool is_of_reply(const anp_particle *p)
{
    enum { PRESERVED = 0x08 };
    anp_cursor c = anp_cursor_over(p->data, p->size);
    anp_msgpack_item head, first;
    uint8_t order;
    return p->type == ANP_PARTICLE_MAP && anp_msgpack_read(&c, &head) &&
           anp_msgpack_read(&c, &first) && anp_msgpack_is_order_mark(&first, &order) &&
           (order & PRESERVED);
}

static uint8_t put_value(const anp_exp_value *v, anp_arena *arena, bool is_modify, anp_outcome *out)
{
    anp_particle p = anp_exp_value_particle(v, arena);
    if (arena->failed) {
        return ANP_SERVER_ERROR;
    }
    if (is_modify && is_of_reply(&p)) {
        return ANP_INCOMPATIBLE_TYPE;
    }
    anp_buffer_put(is_modify ? &out->bin : &out->result, p.data, p.size);
    out->has_changed = is_modify;
    *(is_modify ? &out->bin_type : &out->type) = p.type;
    return anp_outcome_code(out, ANP_OK);
}

enum { MEMORY_MAX = 64 << 20 }; /* for the values of one expression */

static uint8_t evaluate(const anp_expression *e, int64_t flags, bool is_modify, bool is_there,
                        const anp_exp_record *record, anp_outcome *out)
{
    anp_arena arena;
    anp_exp_value v;
    uint64_t steps = ANP_EXP_STEPS;
    anp_arena_init(&arena, MEMORY_MAX);
    uint8_t code = anp_expression_eval(e, record, NULL, &arena, &steps, &v);
    bool is_value = v.type <= ANP_EXP_HLL;
    if (code != ANP_OK || !is_value) {
        code = code != ANP_OK || (flags & EVAL_NO_FAIL) ? code : ANP_OP_NOT_APPLICABLE;
    } else if (is_modify && v.type == ANP_EXP_NIL && !(flags & ALLOW_DELETE)) {
        code = !is_there || (flags & POLICY_NO_FAIL) ? ANP_OK : ANP_OP_NOT_APPLICABLE;
    } else {
        code = put_value(&v, &arena, is_modify, out);
    }
    anp_arena_deinit(&arena);
    return code;
}

static uint8_t run_expression(const anp_op *op, const anp_particle *bin,
                              const anp_exp_record *record, anp_outcome *out)
{
    bool is_modify = op->type == ANP_OP_EXP_MODIFY;
    anp_expression *e;
    int64_t flags;
    uint8_t code = read_expression((anp_slice){op->value.data, op->value.size}, &e, &flags);
    if (code != ANP_OK) {
        return code;
    }
    if (flags & ~(int64_t)(is_modify ? ALL_FLAGS : EVAL_NO_FAIL)) {
        code = ANP_PARAMETER;
    } else if (bin != NULL && (flags & CREATE_ONLY)) {
        code = flags & POLICY_NO_FAIL ? ANP_OK : ANP_BIN_EXISTS;
    } else if (is_modify && bin == NULL && (flags & UPDATE_ONLY)) {
        code = flags & POLICY_NO_FAIL ? ANP_OK : ANP_BIN_NOT_FOUND;
    } else {
        code = evaluate(e, flags, is_modify, bin != NULL, record, out);
    }
    anp_expression_free(e);
    return code;
}

uint8_t anp_compute(const anp_op *op, const anp_particle *bin, const anp_exp_record *record,
                    anp_outcome *out)
{
    anp_slice call = {op->value.data, op->value.size};
    switch (op->type) {
    case ANP_OP_CDT_READ:
    case ANP_OP_CDT_MODIFY:
        return anp_path_is_call(call)
                   ? anp_path_call(call, op->type == ANP_OP_CDT_MODIFY, bin, record, out)
                   : anp_collection_call(call, op->type == ANP_OP_CDT_MODIFY, bin, out);
    case ANP_OP_BITS_READ:
    case ANP_OP_BITS_MODIFY:
        if (op->value.type != ANP_PARTICLE_BLOB) { /* the others don't look */
            return ANP_INCOMPATIBLE_TYPE;
        }
        return anp_bits_call(call, op->type == ANP_OP_BITS_MODIFY, bin, out);
    case ANP_OP_HLL_READ:
    case ANP_OP_HLL_MODIFY:
        return anp_hll_call(call, op->type == ANP_OP_HLL_MODIFY, bin, out);
    case ANP_OP_EXP_READ:
    case ANP_OP_EXP_MODIFY:
        return run_expression(op, bin, record, out);
    default:
        return ANP_PARAMETER;
    }
}
