/* Reading and writing many records at once: an array of keys, an array of structs.
 *
 * Calls may be made from any number of threads with one client; each works on its calling thread
 * and returns when every row has ended. What a call is given is borrowed until then. A row that
 * failed is data, not an error: its code says so, and the others go on. */
#pragma once

#include "aerospike_np/client.h"
#include "aerospike_np/keys.h"
#include "aerospike_np/rows.h"
#include "aerospike_np/ttl.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which of a partition's replicas is asked. A write begins with the master, whatever is said. */
typedef enum anp_read_from {
    ANP_READ_SEQUENCE, /* the master; after a failure the next replica */
    ANP_READ_MASTER,
    ANP_READ_ANY,         /* all of them in turn */
    ANP_READ_PREFER_RACK, /* those on the client's rack_ids, in that order; then the others */
} anp_read_from;

typedef struct anp_batch_policy {
    uint32_t total_timeout_ms;  /* 1000; 0: no end */
    bool for_each_window;       /* true: total_timeout_ms counts for each `window` rows, from when
                                   they are sent, so that a call may have any number of rows. false:
                                   for the whole call */
    uint32_t socket_timeout_ms; /* 30000: longest silence of a connection; 0: no limit */
    int32_t max_retries;        /* -1: 2 of a read, none of a write. With more than none a row of a
                                   write may be applied more than once; it then stays in doubt */
    uint32_t retry_sleep_ms;    /* 0: between attempts */
    anp_read_from read_from;
    uint32_t connections; /* 2: to a node, at the same time; 1 to 64 */
    uint32_t window;      /* 5000: rows in one request; 1 to 65535 */
    bool send_key; /* false. true: a write stores the key with the record, a read checks it */
    anp_interrupt interrupt; /* asked at least every 100 ms; NULL: none */
    void *interrupt_context;
} anp_batch_policy;

/* Sets the defaults, which are named above. A NULL policy means the same. */
ANP_API void anp_batch_policy_init(anp_batch_policy *policy);

/* How a call went. n_ok + n_missing + n_failed is the number of rows, if anything was sent. */
typedef struct anp_batch_result {
    uint64_t n_ok;
    uint64_t n_missing;    /* ANP_NOT_FOUND */
    uint64_t n_failed;     /* any other code */
    uint64_t n_in_doubt;   /* of a write: rows that may have been applied, or not */
    uint64_t n_errors;     /* of a read: values that did not fit */
    uint64_t first_failed; /* the lowest row of n_failed; UINT64_MAX: none */
    anp_error first_error; /* why it failed; its code is that row's; ANP_OK: none */
} anp_batch_result;

typedef struct anp_record_meta {
    uint32_t generation;
    uint32_t ttl; /* seconds left, or ANP_TTL_NEVER */
} anp_record_meta;

/* Where a read goes. Only `codes` is needed; the others may be NULL. */
typedef struct anp_read_target {
    anp_row_layout layout;       /* no fields: codes and meta only */
    void *rows;                  /* one struct a key. Bytes that no field names stay as they are */
    anp_errors_mode errors;      /* ANP_ERRORS_RAISE where it is left out */
    anp_status *codes;           /* one a key: ANP_OK, the server's, or ours below 0 (no answer) */
    anp_record_meta *meta;       /* one a key; zeros where there is no record */
    uint8_t *missing;            /* anp_missing_size(n_fields) bytes a key; see anp_is_missing */
    anp_cell_error *cell_errors; /* the first of the values that did not fit, as they came ... */
    size_t cell_errors_room;     /* ... at most so many; result->n_errors counts them all */
} anp_read_target;

/* Reads one record a key. Fields without a value are zeros: look at `missing`, or the row's code.
 *
 * ANP_OK: the cluster answered for every row, but for those whose key can't be (ANP_ERR_PARAM).
 * Else the first reason why not; whatever did come is in its place and the other rows have their
 * codes: ANP_ERR_CLIENT_TIMEOUT, ANP_ERR_ABORTED (the interrupt), ANP_ERR_CONNECTION, ...
 * ANP_ERR_CONVERSION: see anp_errors_mode. ANP_ERR_PARAM, ANP_ERR_MEMORY where nothing was sent:
 * the outputs are as they were.
 *
 * result may be NULL. */
ANP_API anp_status anp_read_rows(anp_client *client, const anp_key_array *keys,
                                 const anp_read_target *target, const anp_batch_policy *policy,
                                 anp_batch_result *result, anp_error *err);

typedef enum anp_write_mode {
    ANP_WRITE_UPDATE,       /* bins are set, the record's others stay; made where there is none */
    ANP_WRITE_CREATE_ONLY,  /* else ANP_RECORD_EXISTS */
    ANP_WRITE_UPDATE_ONLY,  /* else ANP_NOT_FOUND */
    ANP_WRITE_REPLACE,      /* the record's other bins go */
    ANP_WRITE_REPLACE_ONLY, /* else ANP_NOT_FOUND */
} anp_write_mode;

/* What a write takes, and where it says how it went. Only `codes` is needed of the outputs. */
typedef struct anp_write_source {
    anp_row_layout layout;
    const void *rows;       /* one struct a key */
    const uint8_t *missing; /* bits as a read gives them: a bin that is missing is left out; a row
                               of which all is missing is not sent, and its code is ANP_ERR_PARAM.
                               NULL: nothing is missing */
    anp_write_mode mode;    /* ANP_WRITE_UPDATE where it is left out */
    uint32_t ttl;           /* seconds; ANP_TTL_DEFAULT where it is left out, see ttl.h */
    bool arrays_as_lists;   /* arrays are written as lists; else as blobs, little-endian */
    anp_status *codes;      /* one a key */
    uint32_t *generations;  /* one a key, of the record as written; 0 where it was not */
    uint8_t *in_doubt; /* one a key: 1 where the row may have been applied though its code is not
                          ANP_OK; else 0 */
} anp_write_source;

/* Writes one record a key. All values are looked at before anything is sent.
 *
 * As anp_read_rows; ANP_ERR_CONVERSION: a value can't be written, nothing was sent, the message
 * names row and bin. err->in_doubt: a row may have been applied; `in_doubt` says which. */
ANP_API anp_status anp_write_rows(anp_client *client, const anp_key_array *keys,
                                  const anp_write_source *source, const anp_batch_policy *policy,
                                  anp_batch_result *result, anp_error *err);

#ifdef __cplusplus
}
#endif
