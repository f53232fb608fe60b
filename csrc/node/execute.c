/* Dispatch of single-record requests, reads and deletes. Threads share only the store. */
#include "node/execute.h"

#include "base/clock.h"
#include "node/bins.h"
#include "node/compute.h"
#include "node/view.h"

void anp_executor_init(anp_executor *e, anp_store *store, const anp_members *members,
                       uint32_t member)
{
    e->store = store;
    e->members = members;
    e->member = member;
    atomic_init(&e->proxied, 0);
    e->filter = NULL;
}

void anp_executor_deinit(anp_executor *e)
{
    anp_expression_free(e->filter);
}

void anp_reply_code(anp_buffer *out, uint8_t code, uint32_t index, uint8_t info3)
{
    anp_message m = {.info3 = info3, .result = code, .index = index};
    anp_message_write(out, &m);
}

/* ---- what requests and records have in common ---- */

bool anp_request_set_is(const anp_node_request *r, const anp_record *record)
{
    size_t size = record->set != NULL ? record->set->name_size : 0;
    return r->set.size == size && (size == 0 || memcmp(r->set.data, record->set->name, size) == 0);
}

bool anp_request_key_is(const anp_node_request *r, const anp_record *record)
{
    return r->key.size == 0 || record->key == NULL ||
           (r->key.size == record->key_size && memcmp(r->key.data, record->key, r->key.size) == 0);
}

bool anp_bin_name_is_good(anp_slice name)
{
    return name.size <= ANP_BIN_NAME_MAX &&
           (name.size == 0 || memchr(name.data, 0, name.size) == NULL);
}

static bool find_from(anp_cursor c, anp_slice name, anp_cursor *at, anp_op *out)
{
    while (anp_op_read(&c, out)) {
        if (out->name.size == name.size && memcmp(out->name.data, name.data, name.size) == 0) {
            *at = c;
            return true;
        }
    }
    return false;
}

bool anp_record_bin(const anp_record *record, anp_slice name, anp_cursor *at, anp_op *out)
{
    anp_cursor all = anp_cursor_over(record->bins, record->bins_size);
    anp_cursor next = *at;
    if (anp_op_read(&next, out) && out->name.size == name.size &&
        memcmp(out->name.data, name.data, name.size) == 0) {
        *at = next;
        return true;
    }
    return find_from(all, name, at, out);
}

/* ---- reading ---- */

/* A record that is read in the last part of its life gets its whole life again. The reply is still
 * about the one before. */
static uint8_t touch_on_read(const anp_node_request *r, anp_record *record)
{
    if (record->void_time == 0 || r->ttl == 0 || r->ttl == UINT32_MAX) {
        return ANP_OK;
    }
    if (r->ttl > 100) {
        return ANP_PARAMETER;
    }
    uint32_t written = (uint32_t)(record->last_update / ANP_NS_PER_S - ANP_EPOCH),
             now = anp_store_now();
    uint32_t life = record->void_time > written ? record->void_time - written : 0;
    uint32_t left = record->void_time > now ? record->void_time - now : 0;
    if ((uint64_t)left * 100 <= (uint64_t)life * r->ttl && now + life > record->void_time) {
        record->void_time = now + life;
        record->last_update = anp_clock_wall();
    }
    return ANP_OK;
}

static void read_all(const anp_record *record, anp_reply *reply)
{
    anp_buffer_put(reply->out, record->bins, record->bins_size);
    reply->n_ops = (uint16_t)(reply->n_ops + record->n_bins);
}

enum { WALK_MAX = 4096 }; /* bins times operations, up to which looking through is quick enough */

/* Looks up one bin: through `many` where it was opened, else along the record's block. */
static bool find_bin(const anp_record *record, anp_bins *many, anp_slice name, anp_cursor *guess,
                     anp_op *out)
{
    if (many == NULL) {
        return anp_record_bin(record, name, guess, out);
    }
    const anp_bin *bin = anp_bins_find(many, name);
    if (bin != NULL) {
        *out = (anp_op){.name = bin->name, .value = bin->value};
    }
    return bin != NULL;
}

static bool is_read(uint8_t op_type)
{
    return op_type == ANP_OP_READ || op_type == ANP_OP_CDT_READ || op_type == ANP_OP_EXP_READ ||
           op_type == ANP_OP_BITS_READ || op_type == ANP_OP_HLL_READ;
}

/* One operation's answer: the bin, or what was computed from it. In a batch all are plain reads. */
static void answer(anp_reply *reply, const anp_op *op, const anp_particle *value)
{
    anp_op_write(reply->out, reply->in_batch ? ANP_OP_READ : (anp_op_type)op->type, op->name.data,
                 op->name.size, value->type, value->data, value->size);
    reply->n_ops++;
}

static uint8_t read_computed(const anp_op *op, const anp_particle *bin, const anp_view *view,
                             bool respond_all, anp_outcome *outcome, anp_reply *reply)
{
    anp_outcome_clear(outcome);
    uint8_t code = anp_compute(op, bin, &view->record, outcome);
    if (code == ANP_OK && (outcome->type != ANP_PARTICLE_NULL || respond_all)) {
        answer(
            reply, op,
            &(anp_particle){outcome->type, outcome->result.data, (uint32_t)outcome->result.size});
    }
    return code;
}

static uint8_t read_ops(const anp_node_request *r, const anp_record *record, anp_bins *many,
                        anp_outcome *outcome, anp_reply *reply)
{
    bool respond_all = (r->info2 & ANP_INFO2_RESPOND_ALL_OPS) != 0;
    anp_cursor ops = r->ops, guess = anp_cursor_over(record->bins, record->bins_size);
    anp_op op, bin;
    anp_view view = {.stored = NULL};
    for (uint16_t i = 0; i < r->n_ops && anp_op_read(&ops, &op); i++) {
        if (!is_read(op.type)) {
            return ANP_PARAMETER;
        }
        if (!anp_bin_name_is_good(op.name)) {
            return ANP_BIN_NAME;
        }
        if (!anp_reply_fits(reply,
                            (uint32_t)reply->n_ops + (op.name.size == 0 ? record->n_bins : 1u))) {
            return ANP_RECORD_TOO_BIG;
        }
        if (op.type == ANP_OP_READ && op.name.size == 0) {
            read_all(record, reply);
            continue;
        }
        bool found = find_bin(record, many, op.name, &guess, &bin);
        if (op.type != ANP_OP_READ) {
            if (view.stored == NULL) {
                anp_view_init(&view, r, record, many);
            }
            uint8_t code =
                read_computed(&op, found ? &bin.value : NULL, &view, respond_all, outcome, reply);
            if (code != ANP_OK) {
                return code;
            }
        } else if (found || respond_all) {
            answer(reply, &op, found ? &bin.value : &(anp_particle){0});
        }
    }
    return ANP_OK;
}

static uint8_t read_named(const anp_node_request *r, const anp_record *record, anp_reply *reply)
{
    anp_bins many;
    anp_outcome outcome;
    uint8_t code;
    anp_outcome_init(&outcome, ANP_PROTO_MAX);
    if ((uint32_t)r->n_ops * record->n_bins <= WALK_MAX) {
        code = read_ops(r, record, NULL, &outcome, reply);
    } else {
        anp_bins_open(&many, record);
        code = many.failed ? ANP_SERVER_ERROR : read_ops(r, record, &many, &outcome, reply);
        anp_bins_close(&many);
    }
    anp_outcome_deinit(&outcome);
    return code;
}

static uint8_t read_locked(anp_executor *e, anp_namespace *ns, anp_shard *shard,
                           const anp_node_request *r, anp_reply *reply)
{
    anp_record *record = anp_shard_find(ns, shard, r->digest);
    if (record == NULL) {
        return ANP_NOT_FOUND;
    }
    if (r->set.size != 0 && !anp_request_set_is(r, record)) {
        return ANP_PARAMETER;
    }
    reply->generation = record->generation;
    reply->void_time = record->void_time;
    uint8_t code = anp_filter_check(e, r, record);
    if (code != ANP_OK) {
        return code;
    }
    if (!anp_request_key_is(r, record)) {
        return ANP_KEY_MISMATCH;
    }
    code = touch_on_read(r, record);
    if (code != ANP_OK) {
        return code;
    }
    if (r->info1 & ANP_INFO1_GET_NO_BINS) {
        return ANP_OK;
    }
    if (r->n_ops != 0) {
        return read_named(r, record, reply);
    }
    if (!(r->info1 & ANP_INFO1_GET_ALL)) {
        return ANP_PARAMETER;
    }
    read_all(record, reply);
    return ANP_OK;
}

static uint8_t read_record(anp_executor *e, anp_namespace *ns, const anp_node_request *r,
                           anp_reply *reply)
{
    anp_shard *shard = anp_shard_lock(ns, r->digest);
    uint8_t code = read_locked(e, ns, shard, r, reply);
    (void)pthread_mutex_unlock(&shard->lock);
    return code;
}

/* ---- deleting ---- */

static uint8_t delete_locked(anp_executor *e, anp_namespace *ns, anp_shard *shard,
                             const anp_node_request *r)
{
    anp_record *record = anp_shard_find(ns, shard, r->digest);
    if (record == NULL) {
        return ANP_NOT_FOUND;
    }
    if (r->set.size != 0 && !anp_request_set_is(r, record)) {
        return ANP_PARAMETER;
    }
    if (((r->info2 & ANP_INFO2_GENERATION) && r->generation != record->generation) ||
        ((r->info2 & ANP_INFO2_GENERATION_GT) && r->generation <= record->generation)) {
        return ANP_GENERATION;
    }
    uint8_t code = anp_filter_check(e, r, record);
    if (code != ANP_OK) {
        return code;
    }
    if (!anp_request_key_is(r, record)) {
        return ANP_KEY_MISMATCH;
    }
    anp_shard_remove(ns, shard, record);
    return ANP_OK;
}

/* What a delete answers has neither generation nor void time, whatever its code. */
static uint8_t delete_record(anp_executor *e, anp_namespace *ns, const anp_node_request *r)
{
    if (r->info2 & ANP_INFO2_DURABLE_DELETE) {
        return ANP_ENTERPRISE_ONLY;
    }
    anp_shard *shard = anp_shard_lock(ns, r->digest);
    uint8_t code = delete_locked(e, ns, shard, r);
    (void)pthread_mutex_unlock(&shard->lock);
    return code;
}

/* ---- dispatch ---- */

static anp_serve whose(const anp_executor *e, const anp_node_request *r)
{
    return anp_members_serve(e->members, e->member, r->digest,
                             (r->info2 & ANP_INFO2_WRITE) != 0 || r->has_udf);
}

bool anp_execute_waits(const anp_executor *e, const anp_node_request *r, uint64_t *until)
{
    if (whose(e, r) != ANP_SERVE_WAIT) {
        return false;
    }
    if (*until == 0) {
        *until = anp_clock_now() + ANP_PROXY_MS * ANP_NS_PER_MS;
    }
    return anp_clock_now() < *until;
}

static uint8_t dispatch(anp_executor *e, const anp_node_request *r, anp_reply *reply)
{
    anp_namespace *ns = r->has_namespace ? anp_store_find(e->store, r->namespace_name) : NULL;
    if (ns == NULL) {
        return ANP_NAMESPACE;
    }
    anp_serve serve = whose(e, r);
    if (serve != ANP_SERVE_OWN) {
        atomic_fetch_add_explicit(&e->proxied, 1, memory_order_relaxed);
        if (serve != ANP_SERVE_PROXY) {
            return serve == ANP_SERVE_WAIT ? ANP_SERVER_TIMEOUT : ANP_UNAVAILABLE;
        }
    }
    if (r->has_transaction ||
        (r->info4 & 0x1f) != 0) { /* the other bits ask for texts that only newer servers have */
        return ANP_ENTERPRISE_ONLY;
    }
    if (r->info2 & ANP_INFO2_DELETE) {
        return delete_record(e, ns, r);
    }
    if (r->has_udf) {
        return anp_execute_udf(e, ns, r, reply);
    }
    if (r->info2 & ANP_INFO2_WRITE) {
        return anp_execute_write(e, ns, r, reply);
    }
    return r->info1 & ANP_INFO1_READ ? read_record(e, ns, r, reply) : ANP_PARAMETER;
}

uint8_t anp_execute(anp_executor *e, const anp_node_request *r, uint32_t index, anp_buffer *out)
{
    anp_reply reply = {.out = out, .head = out->size, .in_batch = r->in_batch};
    anp_reply_code(out, 0, index, 0);
    size_t body = out->size;
    uint8_t code = dispatch(e, r, &reply);
    if (code != ANP_OK && code != ANP_UDF && out->failed == ANP_OK) {
        out->size = body;
        reply.n_ops = 0;
    }
    if (out->failed == ANP_OK) {
        uint8_t *head = out->data + reply.head;
        head[5] = code;
        anp_store_be32(head + 6, reply.generation);
        anp_store_be32(head + 10, reply.void_time);
        anp_store_be16(head + 20, reply.n_ops);
    }
    return code;
}
