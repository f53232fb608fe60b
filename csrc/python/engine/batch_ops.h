/* What the batch methods share. */
#pragma once

#include "python/engine/core.h"
#include "python/engine/key_source.h"
#include "python/engine/numpy_field.h"

/* A row's code as users see it. Of our own, a time-out is -15 (no response), a conversion a wrong
 * parameter; a broken connection, a malformed reply and missing memory are errors of the client; a
 * row that was left out is ok. The server's stay as they are. */
int32_t anp_public_code(anp_status code);

/* Makes the batch, in so many parts with a sink each, and hands keys and payload to the request. On
 * failure keys and payload are freed. Steals keys. */
PyObject *anp_batch_request(anp_core *core, const anp_py_policy *policy, anp_key_source *keys,
                            const anp_row_source *source, const anp_row_sink *sinks,
                            uint32_t n_parts, PyObject *(*wrap)(anp_request *), void *payload,
                            void (*free_payload)(void *), PyObject *hold);

/* READ operations for the names of a tuple, and those that it holds as dicts, kept in `ops`; NULL:
 * all bins; empty: no bins. */
enum { ANP_READ_OPS_MAX = 1 << 23 };
bool anp_read_source(anp_state *state, PyObject *bins, const anp_py_policy *policy, anp_buffer *ops,
                     anp_row_source *out);

/* What rows of a batch_operate ask for; its operations go to `bytes`. The policy is the caller's to
 * release, unless this fails. */
bool anp_operate_source(anp_core *core, PyObject *ops, PyObject *policy_dict, PyObject *over,
                        PyObject *ttl, anp_buffer *bytes, anp_py_policy *policy,
                        anp_row_source *out);

/* (digests, sending, waiting, decoding) in seconds. */
PyObject *anp_batch_timings_tuple(anp_request *r);

/* Makes the values of the deferred fields from the arena. `fields` is the tuple the plan was made
 * from. What can't be made is noted in the table's errors and masked. false: an exception (memory).
 */
bool anp_table_resolve(anp_state *state, anp_table *t, PyObject *fields);

/* The results of a batch of writes: arrays that the caller's Python code made. */
typedef struct anp_write_results {
    int32_t *codes;
    uint32_t *generations;
    uint8_t *in_doubt;
    uint8_t *attempts;
} anp_write_results;

bool anp_write_results_take(PyObject *arrays, Py_ssize_t n, anp_write_results *out);
void anp_write_results_sink(anp_write_results *results, anp_row_sink *out);

/* What rows of a write ask for, with the policy's bits; without what they differ in. */
void anp_write_source(const anp_py_policy *policy, bool deletes, void *context,
                      anp_row_source *out);

/* The status of a row that the caller left out on purpose (empty="skip"); its public code is 0. */
enum { ANP_ROW_SKIPPED = -1000 };

extern PyType_Spec anp_raw_rows_spec, anp_read_plan_spec;

/* A RawRows over n rows whose results go to `arrays` (codes int32, meta 2 * uint32, in_doubt bool,
 * and of what writes attempts uint8); its sink. */
PyObject *anp_raw_rows_new(anp_state *state, Py_ssize_t n, PyObject *arrays, anp_row_sink *sink);

/* The request of a batch whose answers are kept: its result is the RawRows. Frees the payload on
 * failure too. */
PyObject *anp_batch_raw_request(anp_core *core, const anp_py_policy *policy, PyObject *keys,
                                const anp_row_source *source, bool sliced, void *payload,
                                void (*free_payload)(void *), PyObject *arrays);
