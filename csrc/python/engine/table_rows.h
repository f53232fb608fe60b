/* Rows of arrays as batches that write take them: encoded by the engine from the caller's memory as
 * it sends. */
#pragma once

#include "python/engine/batch_ops.h"

enum {                        /* `flags` as Python gives them */
       ANP_TABLE_REMOVES = 1, /* a masked value deletes its bin */
       ANP_TABLE_STRINGS = 2, /* S as string */
       ANP_TABLE_LISTS = 4,   /* sub-arrays as lists */
       ANP_TABLE_SKIPS = 8,   /* rows with nothing to write are left out */
};

typedef struct anp_table_rows {
    anp_write_results results;
    anp_array_plan plan;
    anp_rows rows;
    anp_row_mask *masks;
    anp_ready_column *ready;
    anp_buffer *columns; /* three buffers a field: types, offsets, bytes */
    uint32_t n_columns;
    const uint8_t *ttl, *generation;
    ptrdiff_t ttl_stride, generation_stride;
    bool skip_empty;
} anp_table_rows;

/* Makes a value of an object column wire-ready: appends its bytes and gives its particle type, any
 * but NULL. false: an exception. */
typedef bool (*anp_table_ready)(void *context, uint32_t field, Py_ssize_t row, PyObject *value,
                                anp_buffer *b, uint8_t *particle);

/* Of zeroed memory. fields: (name, array) pairs; masks: None, or a tuple with a bool array or None
 * a field; ttl (as on the wire) and generation: uint32 arrays or None. The arrays are borrowed.
 * false: an exception; anp_table_rows_deinit in any case. */
bool anp_table_rows_init(anp_state *state, anp_table_rows *t, PyObject *fields, Py_ssize_t n,
                         PyObject *masks, PyObject *ttl, PyObject *generation, int flags);
void anp_table_rows_deinit(anp_table_rows *t);

/* Makes the values of object columns ready. None, NaT and NA are left out. */
bool anp_table_rows_ready(anp_table_rows *t, PyObject *fields, Py_ssize_t n, anp_table_ready make,
                          void *context);

/* What a row's request has of its own, once its operations were appended: or the row's end. */
anp_status anp_table_rows_meta(const anp_table_rows *t, uint64_t row, anp_row_request *request);

/* The end of the preparation. `t` begins the payload. `ok` false: an exception is there, and keys
 * (which may be NULL) and payload are freed. The policy is released. */
PyObject *anp_table_rows_request(anp_core *core, bool ok, anp_py_policy *policy,
                                 anp_key_source *keys, anp_table_rows *t,
                                 const anp_row_source *source, void (*free_payload)(void *),
                                 PyObject *arrays, PyObject *hold);
