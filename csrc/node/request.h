/* One record's request, from a message or a batch row: the fields it carries and where its
 * operations are. Everything points into the request's bytes. */
#pragma once

#include "wire/message.h"

typedef struct anp_node_request {
    uint8_t info1, info2, info3, info4;
    uint32_t generation;
    uint32_t ttl;
    uint16_t n_ops;
    bool in_batch;
    bool has_digest, has_namespace, has_transaction, has_filter, has_udf, has_udf_args, has_query;
    anp_slice udf_module, udf_function, udf_args;
    anp_slice filter;
    anp_slice namespace_name, set, key; /* key: field 2's data, size 0 where it was not sent */
    uint8_t digest[ANP_DIGEST_SIZE];
    anp_cursor ops;
} anp_node_request;

/* Reads n fields into the request. false: they don't fit. */
bool anp_node_request_fields(anp_node_request *r, anp_cursor *c, uint16_t n);

/* Moves the cursor behind n operations, and notes where they are. false: they don't fit. */
bool anp_node_request_ops(anp_node_request *r, anp_cursor *c, uint16_t n);
