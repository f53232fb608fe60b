/* What the operations on single records are prepared with. Private to single_ops.c and
 * operate_ops.c. */
#pragma once

#include "python/engine/core.h"

typedef struct anp_prepared {
    anp_py_key key;
    anp_py_policy policy;
    anp_slice module, function; /* of apply */
    anp_buffer args;
    anp_buffer ops;
    uint16_t n_ops;
    uint8_t info1, info2, info3;
    uint32_t generation;
    uint32_t ttl;
} anp_prepared;

/* Takes key, meta and policy, and sets the bits of a write. anp_prepared_close must be called
 * whatever comes back. */
bool anp_prepared_write(anp_prepared *p, anp_core *core, PyObject *key, PyObject *meta,
                        PyObject *policy, anp_policy_group group, const char *where);
void anp_prepared_close(anp_prepared *p);

/* Builds the request. Takes what it needs from p; p stays the caller's. */
PyObject *anp_prepared_request(anp_core *core, anp_prepared *p, PyObject *key,
                               PyObject *(*wrap)(anp_request *));

/* The tuple (key, metadata, bins) of a reply; its class, and what becomes of the bins. */
PyObject *anp_wrap_bins(anp_request *r, PyObject *class,
                        PyObject *(*decode)(anp_state *, anp_cursor *, uint16_t));
PyObject *anp_wrap_record(anp_request *r);
