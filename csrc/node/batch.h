/* Batches, row by row, so that a reader that is slow can stop one in the middle. */
#pragma once

#include "node/execute.h"
#include "wire/batch.h"

typedef struct anp_node_batch {
    anp_cursor rows; /* still to come; into the request's bytes */
    uint32_t left;   /* rows still to come */
    uint32_t done;
    uint8_t flags;
    uint8_t error; /* that ends the sending (without RESPOND_ALL); goes into the trailer */
    bool can_repeat;
    bool has_filter; /* of all rows that have none of their own */
    anp_slice filter;
    bool is_waiting;       /* for the owner of `row`, which is frozen */
    uint64_t wait_until;   /* for all such rows; 0: none was met yet */
    anp_batch_row row;     /* under way */
    anp_node_request last; /* of the last full row */
    anp_buffer block;      /* the reply frame that is being filled */
} anp_node_batch;

void anp_node_batch_init(anp_node_batch *b);
void anp_node_batch_deinit(anp_node_batch *b);

/* Starts a batch from field 41's data. A code above 0: it is over before it began, and only a
 * trailer is due. */
uint8_t anp_node_batch_start(anp_node_batch *b, anp_slice data, uint32_t max_rows);

/* Executes rows until they are through (true; frames and trailer are in `out`), `out` holds more
 * than max_out bytes, it is `until` (monotonic ns) and others must have their turn, or is_waiting.
 */
bool anp_node_batch_run(anp_node_batch *b, anp_executor *e, anp_buffer *out, size_t max_out,
                        uint64_t until);

/* A frame with the last message of a stream. */
void anp_node_batch_trailer(anp_buffer *out, uint8_t code);
