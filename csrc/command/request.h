/* Building single-record requests: one frame from what was asked. */
#pragma once

#include "wire/digest.h"
#include "wire/message.h"

typedef struct anp_record_request {
    uint8_t info1, info2, info3;
    uint16_t generation;
    uint32_t ttl;
    anp_slice namespace_name, set;
    const uint8_t *digest;
    const anp_key *key;               /* sent along (field 2) where not NULL */
    anp_slice filter;                 /* field 43 where size != 0 */
    anp_slice module, function, args; /* fields 30 to 32 where module.size != 0; args: a list */
    anp_slice ops;                    /* whole operations */
    uint16_t n_ops;
} anp_record_request;

/* Appends the frame (C client's order of fields: namespace, set, digest, key, filter, function).
 * The set's field is left out when it is empty. */
void anp_record_request_write(anp_buffer *b, const anp_record_request *r);

/* Sets the server's time limit (ms) in a frame that anp_record_request_write made. */
void anp_record_request_timeout(anp_buffer *b, uint32_t ms);

/* Appends the key field's data (type and value). */
void anp_key_field_write(anp_buffer *b, const anp_key *key);
