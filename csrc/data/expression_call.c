/* Operations on lists, maps, bits and HLLs inside of expressions: the same calls as outside, their
 * arguments evaluated first. What a modifying one changes is a value, and goes nowhere. */
#include "data/bits.h"
#include "data/collection_call.h"
#include "data/expression_tree.h"
#include "data/hll.h"
#include "data/path.h"

enum { SYSTEM_COLLECTION = 0, SYSTEM_BITS = 1, SYSTEM_HLL = 2, SYSTEM_MODIFIES = 0x40 };
enum { STEP_BYTES = 64 };

static uint8_t run_call(const anp_exp_run *run, uint8_t system, anp_slice call,
                        const anp_particle *bin, anp_outcome *out)
{
    bool is_modify = (system & SYSTEM_MODIFIES) != 0;
    switch (system & ~SYSTEM_MODIFIES) {
    case SYSTEM_BITS:
        return anp_bits_call(call, is_modify, bin, out);
    case SYSTEM_HLL:
        return anp_hll_call(call, is_modify, bin, out);
    default:
        return anp_path_is_call(call) ? anp_path_call(call, is_modify, bin, run->record, out)
                                      : anp_collection_call(call, is_modify, bin, out);
    }
}

/* Puts the call together; leaves the bin, which is the last argument, in *bin. false: one is
 * unknown, or the bin is nothing to call on. */
static bool make_call(anp_exp_run *run, const anp_exp_node *node, anp_buffer *call,
                      anp_exp_value *bin)
{
    uint32_t n = node->first;
    for (uint32_t left = node->n_args; left > 1; left--) {
        const anp_exp_node *part = anp_exp_node_at(run->e, n);
        if (part->op == ANP_EXP_OP_RAW) {
            anp_buffer_put(call, part->bytes.data, part->bytes.size);
        } else {
            anp_exp_value v = anp_exp_eval(run, n);
            if (v.type > ANP_EXP_HLL) {
                return false;
            }
            anp_exp_value_put(call, &v);
        }
        n = part->next;
    }
    *bin = anp_exp_eval(run, n);
    run->failed = call->failed != ANP_OK ? ANP_SERVER_ERROR : run->failed;
    return (bin->type == ANP_EXP_LIST || bin->type == ANP_EXP_MAP || bin->type == ANP_EXP_BLOB ||
            bin->type == ANP_EXP_HLL) &&
           call->failed == ANP_OK;
}

/* What came of it, copied to the arena. */
static anp_exp_value take(anp_exp_run *run, const anp_exp_node *node, const anp_outcome *out,
                          const anp_exp_value *bin)
{
    bool is_modify = (node->system & SYSTEM_MODIFIES) != 0;
    if (is_modify && !out->has_changed) {
        return *bin;
    }
    const anp_buffer *b = is_modify ? &out->bin : &out->result;
    uint8_t *copy = anp_arena_copy(run->arena, b->data, b->size);
    if (copy == NULL) {
        return anp_exp_unknown();
    }
    anp_particle p = {is_modify ? out->bin_type : out->type, copy, (uint32_t)b->size};
    anp_exp_value v = anp_exp_value_of(&p);
    return node->type == ANP_EXP_ANY || (uint8_t)v.type == node->type ? v : anp_exp_unknown();
}

anp_exp_value anp_exp_eval_call(anp_exp_run *run, const anp_exp_node *node)
{
    anp_buffer call;
    anp_outcome out;
    anp_exp_value bin, result = anp_exp_unknown();
    anp_buffer_init(&call, ANP_PROTO_MAX);
    anp_outcome_init(&out, run->arena->max);
    if (make_call(run, node, &call, &bin) && anp_exp_step(run, bin.bytes.size / STEP_BYTES)) {
        anp_particle p = anp_exp_value_particle(&bin, run->arena);
        uint8_t code = run_call(run, node->system, (anp_slice){call.data, call.size}, &p, &out);
        if (code == ANP_OK) {
            result = take(run, node, &out, &bin);
        } else if (code == ANP_SERVER_ERROR) {
            run->failed = code;
        }
    }
    anp_outcome_deinit(&out);
    anp_buffer_deinit(&call);
    return result;
}
