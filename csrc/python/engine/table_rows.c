/* Rows of arrays for batches that write: what batch_write_table.c and batch_operate_table.c share.
 */
#include "python/engine/table_rows.h"

/* ---- object columns ---- */

static bool is_absent(PyObject *value)
{
    const char *name = Py_TYPE(value)->tp_name;
    return value == Py_None || strcmp(name, "NAType") == 0 || strstr(name, "NaTType") != NULL;
}

static bool ready_column(uint32_t field, PyObject *array, Py_ssize_t n, anp_table_ready make,
                         void *context, anp_buffer *buffers, anp_ready_column *out)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        uint64_t offset = buffers[2].size;
        uint8_t particle = ANP_PARTICLE_NULL;
        anp_buffer_put(&buffers[1], &offset, sizeof offset);
        PyObject *value = PySequence_GetItem(array, i);
        if (value == NULL) {
            return false;
        }
        bool ok = is_absent(value) || make(context, field, i, value, &buffers[2], &particle);
        Py_DECREF(value);
        if (!ok) {
            return false;
        }
        anp_buffer_u8(&buffers[0], particle);
    }
    uint64_t end = buffers[2].size;
    anp_buffer_put(&buffers[1], &end, sizeof end);
    for (int i = 0; i < 3; i++) {
        if (buffers[i].failed != ANP_OK) {
            (void)PyErr_NoMemory();
            return false;
        }
    }
    *out = (anp_ready_column){buffers[0].data, (const uint64_t *)(const void *)buffers[1].data,
                              buffers[2].data};
    return true;
}

bool anp_table_rows_ready(anp_table_rows *t, PyObject *fields, Py_ssize_t n, anp_table_ready make,
                          void *context)
{
    uint32_t k = t->plan.plan.n_fields;
    if (!t->plan.plan.has_deferred) {
        return true;
    }
    t->ready = PyMem_RawCalloc(k + 1, sizeof *t->ready);
    t->columns = PyMem_RawCalloc(3 * (size_t)k + 1, sizeof *t->columns);
    if (t->ready == NULL || t->columns == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    t->n_columns = k;
    for (uint32_t i = 0; i < 3 * k; i++) {
        anp_buffer_init(&t->columns[i], SIZE_MAX / 2);
    }
    t->rows.ready = t->ready;
    for (uint32_t i = 0; i < k; i++) {
        PyObject *array = PyTuple_GET_ITEM(PyTuple_GET_ITEM(fields, i), 1);
        if (t->plan.plan.fields[i].kind == ANP_KIND_DEFERRED &&
            !ready_column(i, array, n, make, context, &t->columns[3 * i], &t->ready[i])) {
            return false;
        }
    }
    return true;
}

/* ---- rows ---- */

static bool take_masks(anp_table_rows *t, PyObject *masks, Py_ssize_t n)
{
    if (masks == Py_None) {
        return true;
    }
    uint32_t k = t->plan.plan.n_fields;
    t->masks = PyMem_RawCalloc(k + 1, sizeof *t->masks);
    if (t->masks == NULL || !PyTuple_Check(masks) || PyTuple_GET_SIZE(masks) != (Py_ssize_t)k) {
        PyErr_SetString(PyExc_TypeError, "masks is a tuple with one item a field");
        return false;
    }
    for (uint32_t i = 0; i < k; i++) {
        PyObject *mask = PyTuple_GET_ITEM(masks, i);
        if (mask != Py_None &&
            !anp_numpy_strided(mask, 1, n, "mask", &t->masks[i].base, &t->masks[i].stride)) {
            return false;
        }
    }
    t->rows.masks = t->masks;
    return true;
}

bool anp_table_rows_init(anp_state *state, anp_table_rows *t, PyObject *fields, Py_ssize_t n,
                         PyObject *masks, PyObject *ttl, PyObject *generation, int flags)
{
    bool ok = anp_array_plan_init(state, &t->plan, fields, n, false);
    t->rows = (anp_rows){.plan = &t->plan.plan,
                         .masked_removes = (flags & ANP_TABLE_REMOVES) != 0,
                         .bytes_as_string = (flags & ANP_TABLE_STRINGS) != 0,
                         .subarrays_as_list = (flags & ANP_TABLE_LISTS) != 0};
    t->skip_empty = (flags & ANP_TABLE_SKIPS) != 0;
    return ok && take_masks(t, masks, n) &&
           (ttl == Py_None || anp_numpy_strided(ttl, 4, n, "ttl", &t->ttl, &t->ttl_stride)) &&
           (generation == Py_None || anp_numpy_strided(generation, 4, n, "generation",
                                                       &t->generation, &t->generation_stride));
}

void anp_table_rows_deinit(anp_table_rows *t)
{
    anp_array_plan_deinit(&t->plan);
    for (uint32_t i = 0; i < t->n_columns * 3; i++) {
        anp_buffer_deinit(&t->columns[i]);
    }
    PyMem_RawFree(t->columns);
    PyMem_RawFree(t->masks);
    PyMem_RawFree(t->ready);
}

anp_status anp_table_rows_meta(const anp_table_rows *t, uint64_t row, anp_row_request *request)
{
    if (request->n_ops == 0) {
        return t->skip_empty ? (anp_status)ANP_ROW_SKIPPED : ANP_ERR_PARAM;
    }
    request->ops.data = NULL; /* they were appended */
    if (t->ttl != NULL) {
        uint32_t ttl = anp_load32(t->ttl + (ptrdiff_t)row * t->ttl_stride);
        request->ttl = ttl == (uint32_t)ANP_TTL_CLIENT ? request->ttl : ttl;
    }
    if (t->generation != NULL) {
        request->generation =
            (uint16_t)anp_load32(t->generation + (ptrdiff_t)row * t->generation_stride);
        request->info2 = (uint8_t)(request->info2 | ANP_INFO2_GENERATION);
    }
    return ANP_OK;
}

PyObject *anp_table_rows_request(anp_core *core, bool ok, anp_py_policy *policy,
                                 anp_key_source *keys, anp_table_rows *t,
                                 const anp_row_source *source, void (*free_payload)(void *),
                                 PyObject *arrays, PyObject *hold)
{
    PyObject *request = NULL;
    ok = ok && anp_write_results_take(arrays, (Py_ssize_t)keys->view.total, &t->results);
    if (ok) {
        anp_row_sink sink;
        anp_write_results_sink(&t->results, &sink);
        request = anp_batch_request(core, policy, keys, source, &sink, 1, anp_batch_timings_tuple,
                                    t, free_payload, hold);
    } else {
        if (keys != NULL) {
            anp_key_source_free(keys);
        }
        if (t != NULL) {
            free_payload(t);
        }
    }
    anp_policy_release(policy);
    return request;
}
