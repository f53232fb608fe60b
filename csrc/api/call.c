/* Policies, and driving a batch on the calling thread. Thread-safe: a call is one thread's. */
#include "api/call.h"

#include <inttypes.h>

#include "api/client.h"
#include "command/server_error.h"

enum { SLICE_MS = 50, CONNECTIONS_MAX = 64, WINDOW_MAX = 65535, RETRIES_MAX = 1000 };

void anp_batch_policy_init(anp_batch_policy *policy)
{
    *policy = (anp_batch_policy){
        .total_timeout_ms = 1000,
        .for_each_window = true,
        .socket_timeout_ms = 30000,
        .max_retries = -1,
        .read_from = ANP_READ_SEQUENCE,
        .connections = 2,
        .window = 5000,
    };
}

static anp_status check_policy(const anp_batch_policy *p, anp_error *err)
{
    if (p->connections < 1 || p->connections > CONNECTIONS_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM,
                             "connections is %u, and goes from 1 to %d; anp_batch_policy_init sets "
                             "what is not zero",
                             (unsigned)p->connections, CONNECTIONS_MAX);
    }
    if (p->window < 1 || p->window > WINDOW_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "window is %u, and goes from 1 to %d",
                             (unsigned)p->window, WINDOW_MAX);
    }
    if (p->max_retries < -1 || p->max_retries > RETRIES_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "max_retries is %d, and goes from -1 to %d",
                             (int)p->max_retries, RETRIES_MAX);
    }
    if ((unsigned)p->read_from > ANP_READ_PREFER_RACK) {
        return anp_error_set(err, ANP_ERR_PARAM, "read_from is %d, which is none",
                             (int)p->read_from);
    }
    return ANP_OK;
}

anp_status anp_api_call_init(anp_api_call *call, anp_client *client, const anp_key_array *keys,
                             const anp_batch_policy *policy, anp_error *err)
{
    *call = (anp_api_call){.client = client, .result = {.first_failed = UINT64_MAX}};
    if (policy != NULL) {
        call->policy = *policy;
    } else {
        anp_batch_policy_init(&call->policy);
    }
    anp_status status = check_policy(&call->policy, err);
    if (status == ANP_OK) {
        status = anp_api_keys(keys, &call->run, &call->keys, err);
    }
    return status;
}

void anp_api_call_count(anp_api_call *call, uint64_t row, anp_status code, bool in_doubt)
{
    anp_batch_result *r = &call->result;
    r->n_in_doubt += in_doubt;
    if (code == ANP_OK) {
        r->n_ok++;
    } else if (code == ANP_NOT_FOUND) {
        r->n_missing++;
    } else {
        r->n_failed++;
        if (row < r->first_failed) {
            r->first_failed = row;
            r->first_error.code = code;
            r->first_error.in_doubt = in_doubt;
        }
    }
}

static void engine_policy(const anp_batch_policy *p, bool is_write, anp_policy *out)
{
    static const anp_replica replicas[] = {
        [ANP_READ_SEQUENCE] = ANP_REPLICA_SEQUENCE,
        [ANP_READ_MASTER] = ANP_REPLICA_MASTER,
        [ANP_READ_ANY] = ANP_REPLICA_ANY,
        [ANP_READ_PREFER_RACK] = ANP_REPLICA_PREFER_RACK,
    };
    *out = (anp_policy){
        .total_timeout_ms = p->total_timeout_ms,
        .socket_timeout_ms = p->socket_timeout_ms,
        .max_retries = p->max_retries >= 0 ? (uint32_t)p->max_retries : (is_write ? 0u : 2u),
        .sleep_ms = p->retry_sleep_ms,
        .replica = replicas[p->read_from],
        .each_window = p->for_each_window,
        .allow_inline = true,
        .respond_all = true,
        .window = p->window,
        .connections = p->connections,
    };
}

/* The first failed row's sentence. */
static void word_first_error(anp_batch_result *r, const anp_error *whole)
{
    anp_error *first = &r->first_error;
    uint8_t in_doubt = first->in_doubt;
    anp_status code = first->code;
    if (code > 0) {
        (void)anp_server_error(first, (uint8_t)code);
    } else if (code == whole->code) {
        *first = *whole;
    } else if (code == ANP_ERR_CONVERSION) {
        (void)anp_error_set(first, code, "row %" PRIu64 ": a value changed while it was written",
                            r->first_failed);
    } else if (code == ANP_ERR_PARAM) {
        (void)anp_error_set(first, code,
                            "row %" PRIu64 ": its key can't be, or it has nothing to write",
                            r->first_failed);
    } else if (code != ANP_OK) {
        (void)anp_error_set(first, code, "row %" PRIu64 ": %s", r->first_failed,
                            anp_status_name(code));
    }
    first->in_doubt = in_doubt;
}

anp_status anp_api_call_run(anp_api_call *call, const anp_row_source *source,
                            const anp_row_sink *sink, anp_error *err)
{
    if (call->keys.total == 0) {
        return ANP_OK;
    }
    anp_policy policy;
    anp_batch *batch;
    engine_policy(&call->policy, source->is_write, &policy);
    anp_status status = anp_batch_new(call->client->cluster, &policy, &call->keys, source, sink,
                                      (anp_slice){NULL, 0}, &batch, err);
    if (status != ANP_OK) {
        return status;
    }
    anp_command *command = anp_batch_command(batch);
    while (anp_command_drive(command, SLICE_MS) != ANP_DRIVE_DONE) {
        if (call->policy.interrupt != NULL &&
            call->policy.interrupt(call->policy.interrupt_context)) {
            anp_command_cancel(command);
        }
    }
    status = command->status;
    word_first_error(&call->result, &command->error);
    if (status != ANP_OK && err != NULL) {
        *err = command->error;
    }
    anp_batch_free(batch);
    return status;
}
