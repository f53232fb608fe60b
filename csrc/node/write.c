/* Writes: checks in the server's order, operations from left to right on a copy, and all
 * or nothing. */
#include "base/alloc.h"
#include "base/clock.h"
#include "node/bins.h"
#include "node/compute.h"
#include "node/execute.h"
#include "node/value.h"
#include "node/view.h"

/* ---- the operations themselves: one function a type ---- */

typedef struct change {
    anp_bins bins;
    anp_reply *reply;
    anp_view view;
    anp_outcome outcome;
    bool respond_all;
} change;

typedef uint8_t (*operation)(change *c, const anp_op *op);

static void answer(change *c, const anp_op *op, const anp_particle *value)
{
    if (value == NULL && !c->respond_all) {
        return;
    }
    anp_particle nothing = {0};
    const anp_particle *v = value != NULL ? value : &nothing;
    anp_op_write(c->reply->out, (anp_op_type)op->type, op->name.data, op->name.size, v->type,
                 v->data, v->size);
    c->reply->n_ops++;
}

static uint8_t do_read(change *c, const anp_op *op)
{
    if (op->name.size == 0) {
        for (uint32_t i = 0; i < c->bins.n; i++) {
            const anp_bin *bin = &c->bins.bins[i];
            anp_op_write(c->reply->out, ANP_OP_READ, bin->name.data, bin->name.size,
                         bin->value.type, bin->value.data, bin->value.size);
            c->reply->n_ops++;
        }
        return ANP_OK;
    }
    anp_bin *bin = anp_bins_find(&c->bins, op->name);
    answer(c, op, bin != NULL ? &bin->value : NULL);
    return ANP_OK;
}

static uint8_t do_write(change *c, const anp_op *op)
{
    if (op->value.type == ANP_PARTICLE_NULL) {
        anp_bin *bin = anp_bins_find(&c->bins, op->name);
        if (bin != NULL) {
            anp_bins_remove(&c->bins, bin);
        }
    } else {
        anp_particle value;
        uint8_t code = anp_node_value(&c->bins, &op->value, &value);
        if (code != ANP_OK) {
            return code;
        }
        anp_bins_set(&c->bins, op->name, value);
    }
    answer(c, op, NULL);
    return ANP_OK;
}

/* Where there is no bin yet, what would be added to it becomes it, of whatever type it is. */
static uint8_t operand_of(change *c, const anp_op *op, anp_particle *operand, anp_bin **bin)
{
    if (op->value.type == ANP_PARTICLE_NULL) {
        return ANP_PARAMETER;
    }
    uint8_t code = anp_node_value(&c->bins, &op->value, operand);
    *bin = code == ANP_OK ? anp_bins_find(&c->bins, op->name) : NULL;
    if (code == ANP_OK && *bin == NULL) {
        anp_bins_set(&c->bins, op->name, *operand);
    }
    return code;
}

static uint8_t do_increment(change *c, const anp_op *op)
{
    anp_particle delta;
    anp_bin *bin;
    uint8_t code = operand_of(c, op, &delta, &bin);
    if (code != ANP_OK) {
        return code;
    }
    if (bin != NULL) {
        if (bin->value.type != delta.type ||
            (delta.type != ANP_PARTICLE_INTEGER && delta.type != ANP_PARTICLE_FLOAT)) {
            return ANP_INCOMPATIBLE_TYPE;
        }
        uint8_t *sum = anp_bins_make(&c->bins, 8);
        if (sum == NULL) {
            return ANP_SERVER_ERROR;
        }
        if (delta.type == ANP_PARTICLE_INTEGER) {
            anp_store_be64(sum, anp_load_be64(bin->value.data) +
                                    anp_load_be64(delta.data)); /* wraps, as the server's do */
        } else {
            double x = 0, y = 0;
            (void)anp_particle_float(&bin->value, &x);
            (void)anp_particle_float(&delta, &y);
            x += y;
            uint64_t bits;
            memcpy(&bits, &x, sizeof bits);
            anp_store_be64(sum, bits);
        }
        bin->value.data = sum;
    }
    answer(c, op, NULL);
    return ANP_OK;
}

static uint8_t do_join(change *c, const anp_op *op)
{
    anp_particle operand;
    anp_bin *bin;
    uint8_t code = operand_of(c, op, &operand, &bin);
    if (code != ANP_OK) {
        return code;
    }
    if (bin != NULL) {
        if (bin->value.type != operand.type ||
            (operand.type != ANP_PARTICLE_STRING && operand.type != ANP_PARTICLE_BLOB)) {
            return ANP_INCOMPATIBLE_TYPE;
        }
        const anp_particle *first = op->type == ANP_OP_APPEND ? &bin->value : &operand;
        const anp_particle *second = op->type == ANP_OP_APPEND ? &operand : &bin->value;
        uint64_t size = (uint64_t)first->size + second->size;
        uint8_t *joined = size <= ANP_PROTO_MAX ? anp_bins_make(&c->bins, (size_t)size + 1) : NULL;
        if (joined == NULL) {
            return size > ANP_PROTO_MAX ? ANP_RECORD_TOO_BIG : ANP_SERVER_ERROR;
        }
        memcpy(joined, first->data, first->size);
        memcpy(joined + first->size, second->data, second->size);
        anp_bins_replace(&c->bins, bin, (anp_particle){op->value.type, joined, (uint32_t)size});
    }
    answer(c, op, NULL);
    return ANP_OK;
}

/* Puts what an operation made into the record and the reply. `answers`: also where it found nothing
 * to say. */
static uint8_t take_outcome(change *c, const anp_op *op, bool answers)
{
    anp_outcome *o = &c->outcome;
    if (o->has_changed && o->bin_type == ANP_PARTICLE_NULL) {
        anp_bin *bin = anp_bins_find(&c->bins, op->name);
        if (bin != NULL) {
            anp_bins_remove(&c->bins, bin);
        }
    } else if (o->has_changed) {
        uint8_t *bytes = anp_bins_make(&c->bins, o->bin.size + 1);
        if (bytes == NULL) {
            return ANP_SERVER_ERROR;
        }
        if (o->bin.size != 0) {
            memcpy(bytes, o->bin.data, o->bin.size);
        }
        anp_particle value = {o->bin_type, bytes, (uint32_t)o->bin.size};
        anp_bin *bin = anp_bins_find(&c->bins, op->name);
        if (bin != NULL) {
            anp_bins_replace(&c->bins, bin, value);
        } else {
            anp_bins_set(&c->bins, op->name, value);
        }
    }
    anp_particle result = {o->type, o->result.data, (uint32_t)o->result.size};
    answer(c, op, answers || o->type != ANP_PARTICLE_NULL ? &result : NULL);
    return ANP_OK;
}

static uint8_t do_compute(change *c, const anp_op *op)
{
    anp_bin *bin = anp_bins_find(&c->bins, op->name);
    anp_outcome_clear(&c->outcome);
    uint8_t code = anp_compute(op, bin != NULL ? &bin->value : NULL, &c->view.record, &c->outcome);
    bool reads_bin =
        op->type == ANP_OP_CDT_READ || op->type == ANP_OP_BITS_READ || op->type == ANP_OP_HLL_READ;
    bool answers = op->type == ANP_OP_EXP_READ || (reads_bin && bin != NULL);
    return code != ANP_OK ? code : take_outcome(c, op, answers);
}

static uint8_t do_touch(change *c, const anp_op *op)
{
    (void)c; /* the record's times change with any write */
    (void)op;
    return ANP_OK;
}

static uint8_t do_delete_all(change *c, const anp_op *op)
{
    anp_bins_clear(&c->bins);
    answer(c, op, NULL);
    return ANP_OK;
}

enum { IS_READ = 1, MAY_ANSWER = 2, NEEDS_OLD_BINS = 4, HAS_NAME = 8 };

static const struct {
    operation run;
    unsigned traits;
} operations[] = {
    [ANP_OP_READ] = {do_read, IS_READ | MAY_ANSWER},
    [ANP_OP_WRITE] = {do_write, HAS_NAME},
    [ANP_OP_CDT_READ] = {do_compute, IS_READ | MAY_ANSWER | HAS_NAME},
    [ANP_OP_CDT_MODIFY] = {do_compute, MAY_ANSWER | NEEDS_OLD_BINS | HAS_NAME},
    [ANP_OP_INCR] = {do_increment, NEEDS_OLD_BINS | HAS_NAME},
    [ANP_OP_EXP_READ] = {do_compute, IS_READ | MAY_ANSWER},
    [ANP_OP_EXP_MODIFY] = {do_compute, HAS_NAME},
    [ANP_OP_APPEND] = {do_join, NEEDS_OLD_BINS | HAS_NAME},
    [ANP_OP_PREPEND] = {do_join, NEEDS_OLD_BINS | HAS_NAME},
    [ANP_OP_TOUCH] = {do_touch, NEEDS_OLD_BINS},
    [ANP_OP_BITS_READ] = {do_compute, IS_READ | MAY_ANSWER | HAS_NAME},
    [ANP_OP_BITS_MODIFY] = {do_compute, NEEDS_OLD_BINS | HAS_NAME},
    [ANP_OP_DELETE_ALL] = {do_delete_all, NEEDS_OLD_BINS},
    [ANP_OP_HLL_READ] = {do_compute, IS_READ | MAY_ANSWER | HAS_NAME},
    [ANP_OP_HLL_MODIFY] = {do_compute, MAY_ANSWER | NEEDS_OLD_BINS | HAS_NAME},
};

/* ---- checks before anything is looked up ---- */

static uint8_t check_ops(const anp_node_request *r, bool *touches)
{
    bool replaces = (r->info3 & (ANP_INFO3_CREATE_OR_REPLACE | ANP_INFO3_REPLACE_ONLY)) != 0;
    unsigned reads_all = 0, answers = 0;
    bool bad_name = false;
    anp_cursor c = r->ops;
    anp_op op;
    *touches = false;
    if (r->n_ops == 0 || r->n_ops > ANP_OPS_MAX) {
        return ANP_PARAMETER;
    }
    for (uint16_t i = 0; i < r->n_ops && anp_op_read(&c, &op); i++) {
        if (op.type >= sizeof operations / sizeof operations[0] ||
            operations[op.type].run == NULL) {
            return ANP_PARAMETER;
        }
        unsigned traits = operations[op.type].traits;
        bool removes = op.type == ANP_OP_WRITE && op.value.type == ANP_PARTICLE_NULL;
        if ((replaces && ((traits & NEEDS_OLD_BINS) || removes)) ||
            ((traits & IS_READ) && !(r->info1 & ANP_INFO1_READ))) {
            return ANP_PARAMETER;
        }
        if (op.type == ANP_OP_READ && op.name.size == 0) {
            reads_all++;
        } else if (traits & MAY_ANSWER) {
            answers++;
        }
        *touches = *touches || op.type == ANP_OP_TOUCH;
        bad_name = bad_name || !anp_bin_name_is_good(op.name) ||
                   ((traits & HAS_NAME) && op.name.size == 0);
    }
    if ((r->info1 & ANP_INFO1_GET_ALL) && reads_all == 0) {
        return ANP_PARAMETER;
    }
    if (reads_all > 1 ||
        (reads_all != 0 && (answers != 0 || (r->info2 & ANP_INFO2_RESPOND_ALL_OPS)))) {
        return ANP_PARAMETER;
    }
    return bad_name ? ANP_BIN_NAME : ANP_OK;
}

uint8_t anp_write_void_time(const anp_namespace *ns, const anp_node_request *r,
                            const anp_record *old, uint32_t *out)
{
    const anp_namespace_config *config = &ns->config;
    uint32_t ttl = r->ttl;
    if (ttl == ANP_TTL_KEEP && old != NULL) {
        *out = old->void_time;
        return ANP_OK;
    }
    if (ttl == ANP_TTL_NEVER) {
        *out = 0;
        return ANP_OK;
    }
    if (ttl == ANP_TTL_DEFAULT || ttl == ANP_TTL_KEEP) {
        ttl = config->default_ttl;
        *out = ttl == 0 ? 0 : anp_store_now() + ttl;
        return ANP_OK;
    }
    if (ttl > ANP_TTL_MAX) {
        return ANP_PARAMETER;
    }
    if (config->nsup_period == 0 && !config->allow_ttl_without_nsup) {
        return ANP_FORBIDDEN;
    }
    *out = anp_store_now() + ttl;
    return ANP_OK;
}

uint8_t anp_write_check(anp_executor *e, const anp_node_request *r, const anp_record *old,
                        bool touches, anp_reply *reply)
{
    bool must_exist = touches || (r->info3 & (ANP_INFO3_UPDATE_ONLY | ANP_INFO3_REPLACE_ONLY));
    if (old == NULL && must_exist) {
        return ANP_NOT_FOUND;
    }
    if (old != NULL) {
        reply->generation = old->generation;
        reply->void_time = old->void_time;
        if (r->info2 & ANP_INFO2_CREATE_ONLY) {
            return ANP_RECORD_EXISTS;
        }
    }
    uint32_t generation = old != NULL ? old->generation : 0;
    if (((r->info2 & ANP_INFO2_GENERATION) && r->generation != generation) ||
        ((r->info2 & ANP_INFO2_GENERATION_GT) && r->generation <= generation)) {
        return ANP_GENERATION;
    }
    if (old == NULL ? r->set.size > ANP_SET_MAX : !anp_request_set_is(r, old)) {
        return ANP_PARAMETER;
    }
    /* A filter never stands in the way of a new record. */
    uint8_t code = old != NULL ? anp_filter_check(e, r, old) : ANP_OK;
    if (code != ANP_OK) {
        return code;
    }
    return old != NULL && !anp_request_key_is(r, old) ? ANP_KEY_MISMATCH : ANP_OK;
}

/* ---- carrying it out ---- */

static uint8_t run_ops(change *c, const anp_node_request *r)
{
    anp_cursor cursor = r->ops;
    anp_op op;
    for (uint16_t i = 0; i < r->n_ops && anp_op_read(&cursor, &op); i++) {
        uint8_t code = operations[op.type].run(c, &op);
        if (code != ANP_OK) {
            return code;
        }
        if (c->bins.failed) {
            return ANP_SERVER_ERROR;
        }
        if (!anp_reply_fits(c->reply, c->reply->n_ops)) {
            return ANP_RECORD_TOO_BIG;
        }
    }
    return ANP_OK;
}

enum { RECORD_OVERHEAD = 64 };

static uint8_t keep(anp_namespace *ns, anp_shard *shard, const anp_node_request *r, anp_record *old,
                    const anp_bins *bins, uint32_t void_time, anp_reply *reply)
{
    uint32_t size;
    if (bins->n > ANP_BINS_MAX) {
        return ANP_PARAMETER;
    }
    uint8_t *block = anp_bins_block(bins, &size);
    uint8_t *key = block != NULL && r->key.size != 0 ? anp_memdup(r->key.data, r->key.size) : NULL;
    if (block == NULL || (key == NULL && r->key.size != 0)) {
        anp_free(block);
        return ANP_SERVER_ERROR;
    }
    anp_set *set = NULL;
    uint8_t code = ANP_OK;
    if ((uint64_t)size + r->key.size + RECORD_OVERHEAD > ns->config.max_record_size) {
        code = ANP_RECORD_TOO_BIG;
    } else if (old == NULL) {
        set = anp_namespace_set(ns, r->set, true);
        code = set == NULL && r->set.size != 0 ? ANP_PARAMETER : ANP_OK;
    }
    if (code == ANP_OK && old == NULL) {
        old = anp_shard_add(ns, shard, r->digest);
        code = old == NULL ? ANP_SERVER_ERROR : ANP_OK;
        if (old != NULL) {
            old->set = set;
        }
    } else if (code == ANP_OK) {
        anp_record_count(ns, old, -1);
    }
    if (code != ANP_OK) {
        anp_free(block);
        anp_free(key);
        return code;
    }
    anp_free(old->bins);
    old->bins = block;
    old->bins_size = size;
    old->n_bins = (uint16_t)bins->n;
    if (key != NULL) {
        anp_free(old->key);
        old->key = key;
        old->key_size = (uint32_t)r->key.size;
    }
    old->generation = (uint16_t)(old->generation == UINT16_MAX ? 1 : old->generation + 1);
    old->void_time = void_time;
    old->last_update = anp_clock_wall();
    anp_record_count(ns, old, 1);
    reply->generation = old->generation;
    reply->void_time = void_time;
    return ANP_OK;
}

uint8_t anp_write_commit(anp_namespace *ns, anp_shard *shard, const anp_node_request *r,
                         anp_record *old, const anp_bins *bins, uint32_t void_time,
                         anp_reply *reply)
{
    if (bins->n != 0) {
        return keep(ns, shard, r, old, bins, void_time, reply);
    }
    reply->generation = reply->void_time = 0; /* nothing is left: the record goes */
    if (old == NULL) {
        return ANP_NOT_FOUND;
    }
    if (r->info2 & ANP_INFO2_DURABLE_DELETE) {
        return ANP_ENTERPRISE_ONLY;
    }
    anp_shard_remove(ns, shard, old);
    return ANP_OK;
}

static uint8_t write_locked(anp_executor *e, anp_namespace *ns, anp_shard *shard,
                            const anp_node_request *r, bool touches, anp_reply *reply)
{
    anp_record *old = anp_shard_find(ns, shard, r->digest);
    uint32_t void_time = 0;
    uint8_t code = anp_write_check(e, r, old, touches, reply);
    if (code == ANP_OK) {
        code = anp_write_void_time(ns, r, old, &void_time);
    }
    if (code != ANP_OK) {
        return code;
    }
    bool replaces = (r->info3 & (ANP_INFO3_CREATE_OR_REPLACE | ANP_INFO3_REPLACE_ONLY)) != 0;
    change c = {.reply = reply, .respond_all = (r->info2 & ANP_INFO2_RESPOND_ALL_OPS) != 0};
    anp_outcome_init(&c.outcome, ns->config.max_record_size);
    anp_bins_open(&c.bins, replaces ? NULL : old);
    anp_view_init(&c.view, r, old, &c.bins);
    code = c.bins.failed ? ANP_SERVER_ERROR : run_ops(&c, r);
    if (code == ANP_OK) {
        code = anp_write_commit(ns, shard, r, old, &c.bins, void_time, reply);
    }
    anp_bins_close(&c.bins);
    anp_outcome_deinit(&c.outcome);
    return code;
}

bool anp_write_is_full(const anp_executor *e)
{
    uint64_t max = e->store->max_memory;
    return max != 0 &&
           atomic_load_explicit(&e->store->memory, memory_order_relaxed) >= (int64_t)max;
}

uint8_t anp_execute_write(anp_executor *e, anp_namespace *ns, const anp_node_request *r,
                          anp_reply *reply)
{
    bool touches;
    if (anp_write_is_full(e)) {
        return ANP_OUT_OF_SPACE;
    }
    uint8_t code = check_ops(r, &touches);
    if (code != ANP_OK) {
        return code;
    }
    anp_shard *shard = anp_shard_lock(ns, r->digest);
    code = write_locked(e, ns, shard, r, touches, reply);
    (void)pthread_mutex_unlock(&shard->lock);
    return code;
}
