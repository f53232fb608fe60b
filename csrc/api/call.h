/* What reading and writing share: the policy, the drive to the end, the counts. */
#pragma once

#include "aerospike_np/batch.h"
#include "api/arguments.h"
#include "command/batch.h"

typedef struct anp_api_call {
    anp_client *client;
    anp_keys keys;
    anp_key_run run;
    anp_batch_policy policy; /* the caller's, or the defaults */
    anp_batch_result result;
} anp_api_call;

/* Keys and policy, checked. The call must stay where it is. ANP_ERR_PARAM. */
anp_status anp_api_call_init(anp_api_call *call, anp_client *client, const anp_key_array *keys,
                             const anp_batch_policy *policy, anp_error *err);

/* Counts a row that ended. Called once a row, on the driving thread. */
void anp_api_call_count(anp_api_call *call, uint64_t row, anp_status code, bool in_doubt);

/* Sends, and drives until every row has ended. Gives the batch's own verdict. */
anp_status anp_api_call_run(anp_api_call *call, const anp_row_source *source,
                            const anp_row_sink *sink, anp_error *err);
