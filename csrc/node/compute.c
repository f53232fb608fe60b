/* Which part of data/ an operation's type stands for. No state. */
#include "node/compute.h"

#include "data/bits.h"
#include "data/hll.h"

uint8_t anp_compute(const anp_op *op, const anp_particle *bin, anp_outcome *out)
{
    anp_slice call = {op->value.data, op->value.size};
    if (op->value.type != ANP_PARTICLE_BLOB) {
        return ANP_PARAMETER;
    }
    switch (op->type) {
    case ANP_OP_BITS_READ:
    case ANP_OP_BITS_MODIFY:
        return anp_bits_call(call, op->type == ANP_OP_BITS_MODIFY, bin, out);
    case ANP_OP_HLL_READ:
    case ANP_OP_HLL_MODIFY:
        return anp_hll_call(call, op->type == ANP_OP_HLL_MODIFY, bin, out);
    default:
        return ANP_UNSUPPORTED_FEATURE;
    }
}
