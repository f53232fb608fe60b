/* Records into an array of structs. */
#include "aerospike_np/batch.h"

#include <inttypes.h>

#include "api/call.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "table/decode.h"

/* Generation and time to live lie as the table writes them. */
_Static_assert(sizeof(anp_record_meta) == 8 && offsetof(anp_record_meta, ttl) == 4,
               "anp_record_meta is a pair of uint32_t");

typedef struct reading {
    anp_api_call call;
    anp_plan plan;
    anp_table table;
    anp_buffer ops;
    void *spare_meta, *spare_missing; /* for what the caller doesn't want */
} reading;

static anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                         anp_error *err)
{
    reading *r = context;
    anp_status status = anp_table_decode(&r->table, row, m, body, err);
    if (status == ANP_OK) {
        anp_api_call_count(&r->call, row, m->result, false);
    }
    return status; /* else the row is settled */
}

static size_t on_row_again(void *context, uint64_t row, uint32_t generation, uint32_t void_time,
                           uint32_t n_ops, const uint8_t *ops, size_t here)
{
    reading *r = context;
    size_t size = anp_table_again(&r->table, row, generation, void_time, n_ops, ops, here);
    if (size != 0) {
        anp_api_call_count(&r->call, row, ANP_OK, false);
    }
    return size;
}

static void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    (void)in_doubt;
    reading *r = context;
    anp_table_settle(&r->table, row, code);
    anp_api_call_count(&r->call, row, code, false);
}

/* What every row asks for: the bins of the layout. */
static anp_status read_source(reading *r, anp_row_source *out, anp_error *err)
{
    *out = (anp_row_source){.send_key = r->call.policy.send_key};
    anp_row_request *same = &out->same;
    same->flags = ANP_ROW_INFO | ANP_ROW_TTL;
    same->info1 = ANP_INFO1_READ;
    if (r->plan.n_fields == 0) {
        same->info1 |= ANP_INFO1_GET_NO_BINS;
        return ANP_OK;
    }
    for (uint32_t i = 0; i < r->plan.n_fields; i++) {
        const anp_field *f = &r->plan.fields[i];
        anp_op_write(&r->ops, ANP_OP_READ, f->name, f->name_size, ANP_PARTICLE_NULL, NULL, 0);
    }
    if (r->ops.failed != ANP_OK) {
        return anp_buffer_error(&r->ops, "the names of the bins", err);
    }
    same->ops = (anp_slice){r->ops.data, r->ops.size};
    same->n_ops = (uint16_t)r->plan.n_fields;
    return ANP_OK;
}

static anp_status take_outputs(reading *r, const anp_read_target *target, anp_error *err)
{
    anp_table *t = &r->table;
    uint64_t n = r->call.keys.total;
    size_t stride = anp_missing_size(r->plan.n_fields);
    if ((unsigned)target->errors > ANP_ERRORS_UNSAFE) {
        return anp_error_set(err, ANP_ERR_PARAM, "errors is %d, which is none",
                             (int)target->errors);
    }
    if (n != 0 && target->codes == NULL) {
        return anp_error_set(err, ANP_ERR_PARAM, "codes is a null pointer");
    }
    if (n > PTRDIFF_MAX / (stride + sizeof(anp_record_meta))) {
        return anp_error_set(err, ANP_ERR_PARAM, "%" PRIu64 " rows are too many", n);
    }
    if (target->meta == NULL) {
        r->spare_meta = anp_calloc((size_t)n + 1, sizeof(anp_record_meta));
    }
    if (target->missing == NULL) {
        r->spare_missing = anp_calloc((size_t)n + 1, stride + 1);
    }
    t->plan = &r->plan;
    t->n_rows = n;
    t->mode = target->errors;
    t->now = (uint32_t)(anp_clock_wall() / ANP_NS_PER_S - ANP_EPOCH);
    t->codes = target->codes;
    t->meta = (uint32_t *)(target->meta != NULL ? target->meta : r->spare_meta);
    t->missing = target->missing != NULL ? target->missing : r->spare_missing;
    t->missing_stride = stride;
    if (t->meta == NULL || t->missing == NULL) {
        return anp_error_memory(err, (size_t)n * (stride + sizeof(anp_record_meta)),
                                "what a read says of its rows");
    }
    return ANP_OK;
}

static anp_cell_error error_at(const anp_table *t, size_t i)
{
    anp_cell_error e;
    memcpy(&e, t->errors.data + i * sizeof e, sizeof e);
    return e;
}

/* Hands out the values that did not fit; what the mode makes of them. */
static anp_status give_errors(reading *r, const anp_read_target *target, anp_error *err)
{
    const anp_table *t = &r->table;
    size_t n = t->errors.size / sizeof(anp_cell_error);
    r->call.result.n_errors = n;
    if (n == 0) {
        return ANP_OK;
    }
    size_t first = 0; /* they come as replies do: the lowest row is named */
    for (size_t i = 0; i < n; i++) {
        anp_cell_error e = error_at(t, i);
        if (target->cell_errors != NULL && i < target->cell_errors_room) {
            target->cell_errors[i] = e;
        }
        if (e.row < error_at(t, first).row) {
            first = i;
        }
    }
    if (t->mode != ANP_ERRORS_RAISE) {
        return ANP_OK;
    }
    char what[80];
    anp_cell_error e = error_at(t, first);
    const anp_field *f = &r->plan.fields[e.field];
    anp_field_describe(f, what, sizeof what);
    return anp_error_set(err, ANP_ERR_CONVERSION,
                         "%zu values do not fit; first row %" PRId64 ", bin %s (%s): %s", n, e.row,
                         f->name, what, anp_reason_text((anp_reason)e.reason));
}

anp_status anp_read_rows(anp_client *client, const anp_key_array *keys,
                         const anp_read_target *target, const anp_batch_policy *policy,
                         anp_batch_result *result, anp_error *err)
{
    reading r = {.plan = {0}};
    anp_row_source source;
    anp_row_sink sink = {.row = on_row, .again = on_row_again, .settle = on_settle, .context = &r};
    anp_table_init(&r.table);
    anp_buffer_init(&r.ops, ANP_PROTO_MAX);
    anp_status status = anp_api_call_init(&r.call, client, keys, policy, err);
    if (status == ANP_OK) {
        status = anp_api_plan_init(&target->layout, target->rows, &r.plan, err);
    }
    if (status == ANP_OK) {
        status = take_outputs(&r, target, err);
    }
    if (status == ANP_OK) {
        status = read_source(&r, &source, err);
    }
    if (status == ANP_OK) {
        status = anp_api_call_run(&r.call, &source, &sink, err);
        anp_status converted = give_errors(&r, target, status == ANP_OK ? err : NULL);
        status = status == ANP_OK ? converted : status;
    }
    if (result != NULL) {
        *result = r.call.result;
    }
    anp_api_plan_deinit(&r.plan);
    anp_table_deinit(&r.table);
    anp_buffer_deinit(&r.ops);
    anp_free(r.spare_meta);
    anp_free(r.spare_missing);
    return status;
}
