/* What a row of a batch asks for, made of Python's objects: operations, a function, or that the
 * record be removed. All take a policy that is parsed already. Bytes go to buffers of the caller,
 * which sets the slices of the request when they have stopped growing. */
#pragma once

#include "command/batch.h"
#include "python/engine/core.h"
#include "python/engine/operation.h"

/* The policy and the meta of one row of a batch, over the policy that is there. Keys that are the
 * whole call's are refused. */
bool anp_row_policy_parse(anp_state *state, PyObject *dict, PyObject *meta, anp_policy_group group,
                          const char *where, anp_py_policy *out, uint32_t *generation);

/* Appends operations, a list or tuple of dicts; says what they ask for. */
bool anp_row_encode(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                    anp_operations *out);

/* A row of operations: a read, or a write if one of them writes. */
void anp_row_operate(const anp_operations *ops, const anp_py_policy *policy, anp_row_request *out);

/* A row that calls a function: appends its three fields. `args` is a list. */
bool anp_row_apply(anp_state *state, PyObject *module, PyObject *function, PyObject *args,
                   const char *where, const anp_py_policy *policy, anp_buffer *fields,
                   anp_row_request *out);

void anp_row_remove(const anp_py_policy *policy, anp_row_request *out);

/* The name of a module or a function, as the server takes them. */
bool anp_function_name(anp_state *state, PyObject *name, const char *what, const char *where,
                       anp_slice *out);
