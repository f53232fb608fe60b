/* What expressions ask of a record: bins, key, times, sizes. No state. */
#include "base/clock.h"
#include "data/expression_tree.h"

/* The value if it is of the wanted type. */
static anp_exp_value of_type(anp_exp_value v, const anp_exp_node *node)
{
    return (uint8_t)v.type == node->type ? v : anp_exp_unknown();
}

static anp_exp_value eval_key(const anp_exp_record *r, const anp_exp_node *node)
{
    if (r->key.size == 0) {
        return anp_exp_unknown();
    }
    anp_particle p = {r->key.data[0], r->key.data + 1, (uint32_t)(r->key.size - 1)};
    return of_type(anp_exp_value_of(&p), node);
}

static anp_exp_value eval_bin(const anp_exp_record *r, const anp_exp_node *node)
{
    anp_particle p;
    if (!r->bin(r->context, node->bytes, &p)) {
        return node->op == ANP_EXP_OP_BIN ? anp_exp_unknown() : anp_exp_int(ANP_PARTICLE_NULL);
    }
    return node->op == ANP_EXP_OP_BIN ? of_type(anp_exp_value_of(&p), node) : anp_exp_int(p.type);
}

enum { DIGEST_TAIL = 16 }; /* the bytes of the digest that a modulo takes */

static anp_exp_value eval_stored(const anp_exp_record *r, const anp_exp_node *node)
{
    switch (node->op) {
    case ANP_EXP_OP_LAST_UPDATE:
        return anp_exp_int((int64_t)(r->last_update / ANP_NS_PER_MS * ANP_NS_PER_MS));
    case ANP_EXP_OP_SINCE_UPDATE:
        return anp_exp_int(r->now > r->last_update
                               ? (int64_t)(r->now / ANP_NS_PER_MS - r->last_update / ANP_NS_PER_MS)
                               : 0);
    case ANP_EXP_OP_VOID_TIME:
        return anp_exp_int(r->void_time != 0 ? (int64_t)r->void_time : -1);
    case ANP_EXP_OP_TTL:
        if (r->void_time == 0) {
            return anp_exp_int(-1);
        }
        return anp_exp_int(r->void_time / ANP_NS_PER_S > r->now / ANP_NS_PER_S
                               ? (int64_t)(r->void_time / ANP_NS_PER_S - r->now / ANP_NS_PER_S)
                               : 0);
    case ANP_EXP_OP_MEMORY_SIZE:
    case ANP_EXP_OP_RECORD_SIZE:
        return anp_exp_int((int64_t)r->size);
    case ANP_EXP_OP_DEVICE_SIZE: /* all is in memory */
        return anp_exp_int(0);
    default:
        return anp_exp_unknown();
    }
}

anp_exp_value anp_exp_eval_record(anp_exp_run *run, const anp_exp_node *node)
{
    const anp_exp_record *r = run->record;
    switch (node->op) {
    case ANP_EXP_OP_DIGEST_MODULO:
        return anp_exp_int((int64_t)anp_load_le32(r->digest + DIGEST_TAIL) % node->modulus);
    case ANP_EXP_OP_SET_NAME:
        return anp_exp_bytes(ANP_EXP_STRING, r->set);
    case ANP_EXP_OP_KEY_EXISTS:
        return anp_exp_bool(r->key.size != 0);
    case ANP_EXP_OP_IS_TOMBSTONE:
        return anp_exp_bool(false);
    case ANP_EXP_OP_KEY:
        return eval_key(r, node);
    case ANP_EXP_OP_BIN:
    case ANP_EXP_OP_BIN_TYPE:
        return eval_bin(r, node);
    default:
        return r->exists ? eval_stored(r, node) : anp_exp_unknown();
    }
}
