/* The batch engine: many keys, many nodes, windows pipelined over several connections, one result a
 * row.
 *
 * Every row ends exactly once: in sink->row with the server's message, or in sink->settle with a
 * code of ours. */
#pragma once

#include "command/command.h"
#include "command/keys.h"
#include "wire/batch.h"

/* What each row asks for. */
typedef struct anp_row_request {
    uint8_t flags, info1, info2, info3; /* as anp_batch_row; flags without REPEAT */
    uint16_t generation;
    uint32_t ttl;
    anp_slice fields; /* further fields, whole (filter, ...), after namespace, set and key */
    uint16_t n_fields;
    anp_slice ops; /* whole operations */
    uint16_t n_ops;
    bool send_key; /* of this row, also where the source says no */
} anp_row_request;

typedef struct anp_row_source {
    anp_row_request same; /* for all rows: full once, then REPEAT */
    /* Where rows differ (NULL: they don't): sets what is different in *request (a copy of `same`)
     * for this row, and may append its operations to `ops` (then request->ops.data NULL and
     * request->n_ops set). A code below 0: the row is not sent, and settled with it. Called on the
     * driving thread, again on a retry. */
    anp_status (*row)(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops);
    void *context;
    bool send_key;
    bool is_write; /* any row writes: counts for routing, retries and doubt */
} anp_row_source;

typedef struct anp_row_sink {
    /* A row's whole answer; body stands at its first field. Called once a row. Not 0: the reply is
     * broken, its connection is closed, the row is settled with ANP_ERR_PROTOCOL's public code.
     * Only for codes that are definite. */
    anp_status (*row)(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                      anp_error *err);
    /* The same for a whole row that is ok, has no fields, and is like one before: gives the size of
     * its operations, of which `here` bytes are there. 0: row() must look at it. NULL: there is
     * nothing faster. */
    size_t (*again)(void *context, uint64_t row, uint32_t generation, uint32_t void_time,
                    uint32_t n_ops, const uint8_t *ops, size_t here);
    /* A row without an answer. in_doubt: it may have been applied. */
    void (*settle)(void *context, uint64_t row, anp_status code, bool in_doubt);
    /* How often was the row sent, and is it in doubt though it has an answer? Called right before
     * row() or settle(), only for writes. NULL: not wanted. */
    void (*sent)(void *context, uint64_t row, uint32_t attempts, bool in_doubt);
    /* This row's answer comes soon: what row() will touch may be fetched. NULL: not wanted. */
    void (*soon)(void *context, uint64_t row);
    void *context;
} anp_row_sink;

typedef struct anp_batch_timings { /* seconds */
    double digests, sending, waiting, decoding;
} anp_batch_timings;

typedef struct anp_batch anp_batch; /* begins with an anp_command */

/* `keys` (only the struct is copied) holds all rows, or the first slice: then the driver says
 * ANP_DRIVE_KEYS, and anp_batch_give gives the next, which must go on where the last ended. source
 * and sink are copied. */
anp_status anp_batch_new(anp_cluster *cluster, const anp_policy *policy, const anp_keys *keys,
                         const anp_row_source *source, const anp_row_sink *sink, anp_slice filter,
                         anp_batch **out, anp_error *err);
void anp_batch_free(anp_batch *b); /* only when done, or never driven */

anp_command *anp_batch_command(anp_batch *b);
void anp_batch_give(anp_batch *b, const anp_keys *keys);

/* Rows that have ended so far; may be read from any thread. */
uint64_t anp_batch_progress(const anp_batch *b);
void anp_batch_timings_get(const anp_batch *b, anp_batch_timings *out);
