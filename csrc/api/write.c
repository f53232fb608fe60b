/* Records from an array of structs. */
#include "aerospike_np/batch.h"

#include <inttypes.h>

#include "api/call.h"
#include "table/encode.h"

typedef struct writing {
    anp_api_call call;
    anp_plan plan;
    anp_rows rows;
    const anp_write_source *to; /* the outputs */
    bool in_doubt;              /* the row that ends now */
} writing;

static anp_status encode_row(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    const writing *w = context;
    int32_t field;
    anp_reason reason;
    request->ops.data = NULL; /* they are appended */
    anp_status status = anp_rows_encode(&w->rows, row, ops, &request->n_ops, &field, &reason);
    return status == ANP_OK && request->n_ops == 0 ? ANP_ERR_PARAM : status;
}

static void end_row(writing *w, uint64_t row, anp_status code, uint32_t generation, bool in_doubt)
{
    if (w->to->generations != NULL) {
        w->to->generations[row] = generation;
    }
    if (w->to->in_doubt != NULL) {
        w->to->in_doubt[row] = in_doubt;
    }
    w->to->codes[row] = code;
    anp_api_call_count(&w->call, row, code, in_doubt);
}

static void on_sent(void *context, uint64_t row, uint32_t attempts, bool in_doubt)
{
    (void)row;
    (void)attempts;
    ((writing *)context)->in_doubt = in_doubt;
}

static anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                         anp_error *err)
{
    (void)body;
    (void)err;
    writing *w = context;
    end_row(w, row, m->result, m->result == 0 ? m->generation : 0, w->in_doubt && m->result != 0);
    return ANP_OK;
}

static void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    end_row(context, row, code, 0, in_doubt);
}

static anp_status take_mode(anp_write_mode mode, anp_row_request *same, anp_error *err)
{
    switch (mode) {
    case ANP_WRITE_UPDATE:
        return ANP_OK;
    case ANP_WRITE_CREATE_ONLY:
        same->info2 |= ANP_INFO2_CREATE_ONLY;
        return ANP_OK;
    case ANP_WRITE_UPDATE_ONLY:
        same->info3 |= ANP_INFO3_UPDATE_ONLY;
        return ANP_OK;
    case ANP_WRITE_REPLACE:
        same->info3 |= ANP_INFO3_CREATE_OR_REPLACE;
        return ANP_OK;
    case ANP_WRITE_REPLACE_ONLY:
        same->info3 |= ANP_INFO3_REPLACE_ONLY;
        return ANP_OK;
    }
    return anp_error_set(err, ANP_ERR_PARAM, "mode is %d, which is none", (int)mode);
}

static anp_status write_source(writing *w, anp_row_source *out, anp_error *err)
{
    uint32_t ttl = w->to->ttl;
    *out = (anp_row_source){
        .row = encode_row, .context = w, .send_key = w->call.policy.send_key, .is_write = true};
    out->same.flags = ANP_ROW_INFO | ANP_ROW_GENERATION | ANP_ROW_TTL;
    out->same.info2 = ANP_INFO2_WRITE;
    out->same.ttl = ttl;
    if (ttl > ANP_TTL_MAX && ttl != ANP_TTL_NEVER && ttl != ANP_TTL_KEEP) {
        return anp_error_set(err, ANP_ERR_PARAM, "ttl is %" PRIu32 " seconds; at most %d", ttl,
                             (int)ANP_TTL_MAX);
    }
    if (w->plan.n_fields == 0) {
        return anp_error_set(err, ANP_ERR_PARAM, "a write needs at least one field");
    }
    if (w->call.keys.total != 0 && w->to->codes == NULL) {
        return anp_error_set(err, ANP_ERR_PARAM, "codes is a null pointer");
    }
    return take_mode(w->to->mode, &out->same, err);
}

/* Looks at all values before anything is sent. */
static anp_status check_values(writing *w, anp_error *err)
{
    uint64_t row = 0;
    int32_t field = -1;
    anp_reason reason = ANP_REASON_NONE;
    anp_status status =
        anp_rows_check(&w->rows, 0, w->call.keys.total, false, &row, &field, &reason);
    if (status == ANP_ERR_CONVERSION && field >= 0) {
        char what[80];
        const anp_field *f = &w->plan.fields[field];
        anp_field_describe(f, what, sizeof what);
        return anp_error_set(err, status, "row %" PRIu64 ", bin %s (%s): %s", row, f->name, what,
                             anp_reason_text(reason));
    }
    return status;
}

anp_status anp_write_rows(anp_client *client, const anp_key_array *keys,
                          const anp_write_source *source, const anp_batch_policy *policy,
                          anp_batch_result *result, anp_error *err)
{
    writing w = {.to = source};
    anp_row_source rows;
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .sent = on_sent, .context = &w};
    anp_status status = anp_api_call_init(&w.call, client, keys, policy, err);
    if (status == ANP_OK) { /* a write only reads what the plan's bases point to */
        status = anp_api_plan_init(&source->layout, (void *)(uintptr_t)source->rows, &w.plan, err);
    }
    if (status == ANP_OK) {
        w.rows = (anp_rows){.plan = &w.plan,
                            .missing = source->missing,
                            .missing_stride = anp_missing_size(w.plan.n_fields),
                            .bytes_as_string = true,
                            .subarrays_as_list = source->arrays_as_lists};
        status = write_source(&w, &rows, err);
    }
    if (status == ANP_OK) {
        status = check_values(&w, err);
    }
    if (status == ANP_OK) {
        status = anp_api_call_run(&w.call, &rows, &sink, err);
    }
    if (result != NULL) {
        *result = w.call.result;
    }
    anp_api_plan_deinit(&w.plan);
    return status;
}
