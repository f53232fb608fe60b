/* Batch reads into raw rows, from which records are made when they are asked for (batch_records),
 * and what all batch methods share. */
#include "python/engine/batch_ops.h"
#include "python/engine/operation.h"

int32_t anp_public_code(anp_status code)
{
    switch (code) {
    case ANP_ERR_CLIENT_TIMEOUT:
        return ANP_ERR_NO_RESPONSE;
    case ANP_ERR_PROTOCOL:
    case ANP_ERR_CLOSED:
    case ANP_ERR_MEMORY:
        return ANP_ERR_CLIENT;
    case ANP_ERR_CONVERSION:
        return ANP_ERR_PARAM;
    case ANP_ROW_SKIPPED:
        return ANP_OK;
    default:
        return code;
    }
}

PyObject *anp_batch_request(anp_core *core, const anp_py_policy *policy, anp_key_source *keys,
                            const anp_row_source *source, const anp_row_sink *sinks,
                            uint32_t n_parts, PyObject *(*wrap)(anp_request *), void *payload,
                            void (*free_payload)(void *), PyObject *hold)
{
    anp_cluster *cluster = anp_core_cluster(core);
    anp_request *r = cluster != NULL ? anp_request_new(core) : NULL;
    if (r == NULL) {
        anp_key_source_free(keys);
        if (payload != NULL) {
            free_payload(payload);
        }
    } else {
        anp_error err;
        r->keys = keys;
        r->payload = payload;
        r->free_payload = free_payload;
        r->wrap = wrap;
        Py_INCREF(hold);
        r->hold = hold;
        const anp_slice filter = anp_policy_filter(policy);
        const anp_policy *engine = &policy->engine;
        anp_status status = n_parts > 1
                                ? anp_batch_parts_new(cluster, engine, &keys->view, source, sinks,
                                                      n_parts, filter, &r->parts, &err)
                                : anp_batch_new(cluster, engine, &keys->view, source, sinks, filter,
                                                &r->batch, &err);
        if (status != ANP_OK) {
            r->parts = NULL;
            r->batch = NULL;
            (void)anp_raise(core->state, &err, NULL);
            Py_CLEAR(r);
        } else {
            r->command =
                n_parts > 1 ? anp_batch_parts_command(r->parts) : anp_batch_command(r->batch);
        }
    }
    if (cluster != NULL) {
        anp_cluster_release(cluster);
    }
    return (PyObject *)r;
}

PyObject *anp_batch_timings_tuple(anp_request *r)
{
    anp_batch_timings t;
    if (r->parts != NULL) {
        anp_batch_parts_timings(r->parts, &t);
    } else {
        anp_batch_timings_get(r->batch, &t);
    }
    return Py_BuildValue("(dddd)", t.digests, t.sending, t.waiting, t.decoding);
}

/* ---- what rows of a read ask for ---- */

/* A bin, or an operation as a dict. */
static bool add_read(anp_state *state, PyObject *what, anp_buffer *ops)
{
    anp_slice name;
    if (PyDict_Check(what)) {
        anp_operations sum;
        PyObject *one = PyTuple_Pack(1, what);
        bool ok = one != NULL && anp_operations_encode(state, one, "batch_read", ops, &sum);
        Py_XDECREF(one);
        if (ok && sum.writes) {
            (void)anp_raise_arg(state, "batch_read: %.200R writes; batch_operate takes it", what);
        }
        return ok && !sum.writes;
    }
    if (!anp_bin_name(state, what, &name)) {
        return false;
    }
    anp_op_write(ops, ANP_OP_READ, name.data, name.size, ANP_PARTICLE_NULL, NULL, 0);
    return true;
}

bool anp_read_source(anp_state *state, PyObject *bins, const anp_py_policy *policy, anp_buffer *ops,
                     anp_row_source *out)
{
    *out = (anp_row_source){.send_key = policy->key == 1};
    anp_row_request *same = &out->same;
    same->flags = ANP_ROW_INFO | ANP_ROW_TTL;
    same->info1 = ANP_INFO1_READ;
    same->ttl = (uint32_t)policy->read_touch;
    anp_policy_read_bits(policy, &same->info1, &same->info3);
    if (bins == NULL) {
        same->info1 |= ANP_INFO1_GET_ALL;
        return true;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(bins);
    if (n == 0) {
        same->info1 |= ANP_INFO1_GET_NO_BINS;
        return true;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!add_read(state, PyTuple_GET_ITEM(bins, i), ops)) {
            return false;
        }
    }
    if (ops->failed != ANP_OK || n > ANP_OPS_MAX) {
        (void)anp_raise_arg(state, "batch_read: %zd bins are too many", n);
        return false;
    }
    same->ops = (anp_slice){ops->data, ops->size};
    same->n_ops = (uint16_t)n;
    return true;
}

/* ---- values that are made when the batch is over ---- */

static bool note_error(anp_table *t, const anp_deferred *d, anp_reason reason)
{
    anp_cell_error error = {
        .row = d->row, .field = d->field, .reason = (int16_t)reason, .particle = d->particle};
    anp_buffer_put(&t->errors, &error, sizeof error);
    t->missing[(size_t)d->row * t->missing_stride + (size_t)d->field / 8] |=
        (uint8_t)(1u << (d->field % 8));
    if (t->errors.failed != ANP_OK) {
        (void)PyErr_NoMemory();
        return false;
    }
    return true;
}

/* StringDType takes text only. */
static anp_reason text_reason(const anp_particle *p, PyObject *value)
{
    if (p->type != ANP_PARTICLE_STRING && p->type != ANP_PARTICLE_GEOJSON) {
        return ANP_REASON_KIND;
    }
    return PyBytes_Check(value) ? ANP_REASON_ENCODING : ANP_REASON_NONE;
}

static bool resolve_one(anp_state *state, anp_table *t, const anp_deferred *d, PyObject *array,
                        bool is_object)
{
    const anp_field *field = &t->plan->fields[d->field];
    anp_particle particle = {d->particle, t->arena.data + d->offset, d->size};
    PyObject *value = anp_value_decode(state, &particle,
                                       (anp_slice){(const uint8_t *)field->name, field->name_size});
    if (value == NULL) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
            return false;
        }
        PyErr_Clear();
        return note_error(t, d, ANP_REASON_MALFORMED);
    }
    bool ok = true;
    anp_reason reason = is_object ? ANP_REASON_NONE : text_reason(&particle, value);
    if (reason == ANP_REASON_NONE && !is_object && particle.type == ANP_PARTICLE_GEOJSON) {
        anp_slice text = {NULL, 0};
        if (anp_particle_geojson(&particle, &text)) {
            Py_SETREF(value, PyUnicode_DecodeUTF8((const char *)text.data, (Py_ssize_t)text.size,
                                                  "replace"));
            ok = value != NULL;
        }
    }
    if (reason != ANP_REASON_NONE) {
        ok = note_error(t, d, reason);
    } else if (ok) {
        ok = anp_numpy_store_object(array, (Py_ssize_t)d->row, d->slot, value);
    }
    Py_XDECREF(value);
    return ok;
}

bool anp_table_resolve(anp_state *state, anp_table *t, PyObject *fields)
{
    for (size_t at = 0; at + sizeof(anp_deferred) <= t->deferred.size; at += sizeof(anp_deferred)) {
        anp_deferred d;
        memcpy(&d, t->deferred.data + at, sizeof d);
        PyObject *array = PyTuple_GET_ITEM(PyTuple_GET_ITEM(fields, d.field), 1);
        if (!resolve_one(state, t, &d, array, anp_numpy_is_object(array))) {
            return false;
        }
    }
    anp_buffer_clear(&t->deferred);
    return true;
}

/* ---- into raw rows ---- */

static void free_ops(void *payload)
{
    anp_buffer_deinit(payload);
    PyMem_RawFree(payload);
}

static PyObject *wrap_records(anp_request *r)
{
    return Py_NewRef(PyTuple_GET_ITEM(r->hold, 0));
}

/* batch_records(keys, bins or None, arrays, policy): a RawRows. arrays: (codes int32, meta 8 bytes
 * a row, in_doubt bool) */
PyObject *anp_core_batch_records(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *bins, *arrays, *policy_dict;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "OOO!O", &keys, &bins, &PyTuple_Type, &arrays, &policy_dict) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_READ, "batch_read", &policy)) {
        return NULL;
    }
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, policy.key == 0);
    if (source_keys == NULL) {
        anp_policy_release(&policy);
        return NULL;
    }
    anp_buffer *ops = PyMem_RawCalloc(1, sizeof *ops);
    anp_row_sink sink;
    anp_row_source source;
    PyObject *names = bins != Py_None ? PySequence_Tuple(bins) : NULL;
    PyObject *raw =
        ops != NULL && (names != NULL || bins == Py_None)
            ? anp_raw_rows_new(core->state, (Py_ssize_t)source_keys->view.total, arrays, &sink)
            : NULL;
    PyObject *hold = raw != NULL ? PyTuple_Pack(2, raw, args) : NULL;
    PyObject *request = NULL;
    if (ops == NULL) {
        (void)PyErr_NoMemory();
    } else {
        anp_buffer_init(ops, ANP_READ_OPS_MAX);
    }
    if (hold != NULL && anp_read_source(core->state, names, &policy, ops, &source)) {
        request = anp_batch_request(core, &policy, source_keys, &source, &sink, 1, wrap_records,
                                    ops, free_ops, hold);
    } else {
        anp_key_source_free(source_keys);
        if (ops != NULL) {
            free_ops(ops);
        }
    }
    anp_policy_release(&policy);
    Py_XDECREF(names);
    Py_XDECREF(raw);
    Py_XDECREF(hold);
    return request;
}
