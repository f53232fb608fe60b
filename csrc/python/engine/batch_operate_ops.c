/* Batches of operations and of functions, prepared: the same ones for all keys. What came back is
 * kept as raw rows. */
#include "python/engine/batch_ops.h"
#include "python/engine/row_request.h"

enum { BYTES_MAX = 64 * 1024 * 1024 };

static void free_bytes(void *payload)
{
    anp_buffer_deinit(payload);
    PyMem_RawFree(payload);
}

static anp_buffer *new_bytes(void)
{
    anp_buffer *b = PyMem_RawCalloc(1, sizeof *b);
    if (b == NULL) {
        return (anp_buffer *)PyErr_NoMemory();
    }
    anp_buffer_init(b, BYTES_MAX);
    return b;
}

static bool is_whole(anp_core *core, const anp_buffer *b)
{
    if (b->failed != ANP_OK) {
        anp_error err;
        (void)anp_buffer_error(b, "the request", &err);
        (void)anp_raise(core->state, &err, NULL);
    }
    return b->failed == ANP_OK;
}

static PyObject *wrap_raw(anp_request *r)
{
    return Py_NewRef(PyTuple_GET_ITEM(r->hold, 0));
}

PyObject *anp_batch_raw_request(anp_core *core, const anp_py_policy *policy, PyObject *keys,
                                const anp_row_source *source, bool sliced, void *payload,
                                void (*free_payload)(void *), PyObject *arrays)
{
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, sliced);
    anp_row_sink sink;
    PyObject *raw =
        source_keys != NULL
            ? anp_raw_rows_new(core->state, (Py_ssize_t)source_keys->view.total, arrays, &sink)
            : NULL;
    PyObject *hold = raw != NULL ? PyTuple_Pack(2, raw, keys) : NULL;
    PyObject *request = NULL;
    if (hold != NULL) {
        request = anp_batch_request(core, policy, source_keys, source, &sink, 1, wrap_raw, payload,
                                    free_payload, hold);
    } else {
        if (source_keys != NULL) {
            anp_key_source_free(source_keys);
        }
        free_payload(payload);
    }
    Py_XDECREF(raw);
    Py_XDECREF(hold);
    return request;
}

bool anp_operate_source(anp_core *core, PyObject *ops, PyObject *policy_dict, PyObject *over,
                        PyObject *ttl, anp_buffer *bytes, anp_py_policy *policy,
                        anp_row_source *out)
{
    const char *where = "batch_operate";
    anp_operations sum;
    if (!anp_row_encode(core->state, ops, where, bytes, &sum) || !is_whole(core, bytes) ||
        !anp_core_policies(core, policy_dict, over, sum.writes, where, policy)) {
        return false;
    }
    if (ttl != Py_None && !anp_ttl_parse(core->state, ttl, where, &policy->ttl)) {
        anp_policy_release(policy);
        return false;
    }
    *out = (anp_row_source){.send_key = policy->key == 1, .is_write = sum.writes};
    anp_row_operate(&sum, policy, &out->same);
    out->same.ops = (anp_slice){bytes->data, bytes->size};
    return true;
}

/* batch_operate(keys, operations, arrays, policy, policy over it, ttl or None): a RawRows. */
PyObject *anp_core_batch_operate(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *ops, *arrays, *policy_dict, *over, *ttl;
    anp_py_policy policy;
    anp_row_source source;
    if (!PyArg_ParseTuple(args, "OOO!OOO", &keys, &ops, &PyTuple_Type, &arrays, &policy_dict, &over,
                          &ttl)) {
        return NULL;
    }
    anp_buffer *bytes = new_bytes();
    if (bytes == NULL) {
        return NULL;
    }
    if (!anp_operate_source(core, ops, policy_dict, over, ttl, bytes, &policy, &source)) {
        free_bytes(bytes);
        return NULL;
    }
    bool is_sliced = !source.is_write && !source.send_key;
    PyObject *request =
        anp_batch_raw_request(core, &policy, keys, &source, is_sliced, bytes, free_bytes, arrays);
    anp_policy_release(&policy);
    return request;
}

/* batch_apply(keys, module, function, arguments, arrays, policy, policy over it): a RawRows. */
PyObject *anp_core_batch_apply(PyObject *self, PyObject *args)
{
    const char *where = "batch_apply";
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *module, *function, *arguments, *arrays, *policy_dict, *over, *request = NULL;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "OOOOO!OO", &keys, &module, &function, &arguments, &PyTuple_Type,
                          &arrays, &policy_dict, &over) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_APPLY, where, &policy)) {
        return NULL;
    }
    anp_buffer *bytes = new_bytes();
    anp_row_source source = {.is_write = true};
    if (bytes != NULL &&
        anp_policy_parse(core->state, over, ANP_GROUP_BATCH_APPLY, where, &policy) &&
        anp_row_apply(core->state, module, function, arguments, where, &policy, bytes,
                      &source.same) &&
        is_whole(core, bytes)) {
        source.send_key = policy.key == 1;
        source.same.fields = (anp_slice){bytes->data, bytes->size};
        request =
            anp_batch_raw_request(core, &policy, keys, &source, false, bytes, free_bytes, arrays);
    } else if (bytes != NULL) {
        free_bytes(bytes);
    }
    anp_policy_release(&policy);
    return request;
}
