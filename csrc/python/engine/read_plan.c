/* Batch reads into arrays. What is the same for each read of some fields stands in a ReadPlan, made
 * once: the fields' kinds and names, the policy, and the operations of the request. A read points
 * it at its own arrays. */
#include "base/clock.h"
#include "python/engine/batch_ops.h"

typedef struct read_plan {
    PyObject_HEAD anp_array_plan fields;
    PyObject *samples; /* the (bin name, array) pairs it was made from */
    /* How to make new arrays; dtype NULL: others make them. */
    PyObject *dtype, *meta_dtype;
    size_t *offsets; /* of the fields in a row */
    bool is_matrix, is_zeroed;
    anp_errors_mode mode;
    anp_py_policy policy;
    anp_buffer ops;
    anp_row_source source; /* points into ops */
} read_plan;

/* ---- plans ---- */

/* rows: (dtype, is_matrix, is_zeroed, offsets, meta dtype), or None. */
static bool take_rows(read_plan *p, PyObject *rows)
{
    Py_ssize_t n = p->fields.plan.n_fields;
    PyObject *dtype, *offsets, *meta_dtype;
    int is_matrix, is_zeroed;
    if (rows == Py_None) {
        return true;
    }
    if (!PyTuple_Check(rows) || !PyArg_ParseTuple(rows, "OppO!O", &dtype, &is_matrix, &is_zeroed,
                                                  &PyTuple_Type, &offsets, &meta_dtype)) {
        return false;
    }
    if (!anp_numpy_is_dtype(dtype) || !anp_numpy_is_dtype(meta_dtype) ||
        PyTuple_GET_SIZE(offsets) != n || p->fields.plan.has_deferred) {
        PyErr_SetString(PyExc_TypeError, "rows: two dtypes, an offset a field, and no objects");
        return false;
    }
    p->offsets = PyMem_Calloc((size_t)n + 1, sizeof *p->offsets);
    if (p->offsets == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        p->offsets[i] = PyLong_AsSize_t(PyTuple_GET_ITEM(offsets, i));
        if (p->offsets[i] == (size_t)-1 && PyErr_Occurred()) {
            return false;
        }
    }
    p->is_matrix = is_matrix != 0;
    p->is_zeroed = is_zeroed != 0;
    p->dtype = Py_NewRef(dtype);
    p->meta_dtype = Py_NewRef(meta_dtype);
    return true;
}

PyObject *anp_core_read_plan(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *samples, *fills, *policy_dict, *bins, *rows;
    const char *where;
    int mode;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "sO!OiOO!O", &where, &PyTuple_Type, &samples, &fills, &mode,
                          &policy_dict, &PyTuple_Type, &bins, &rows) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_READ, where, &policy)) {
        return NULL;
    }
    PyTypeObject *type = core->state->read_plan_type;
    read_plan *p = (read_plan *)(void *)type->tp_alloc(type, 0);
    if (p == NULL) {
        anp_policy_release(&policy);
        return NULL;
    }
    p->samples = Py_NewRef(samples);
    p->mode = (anp_errors_mode)mode;
    p->policy = policy;
    anp_buffer_init(&p->ops, ANP_READ_OPS_MAX);
    if (!anp_array_plan_init(core->state, &p->fields, samples, 0, false) ||
        !anp_array_plan_fills(core->state, &p->fields, fills) ||
        !anp_read_source(core->state, bins, &policy, &p->ops, &p->source) || !take_rows(p, rows)) {
        Py_DECREF(p);
        return NULL;
    }
    return (PyObject *)p;
}

static void plan_dealloc(PyObject *self)
{
    read_plan *p = (read_plan *)(void *)self;
    PyTypeObject *type = Py_TYPE(self);
    anp_array_plan_deinit(&p->fields);
    anp_buffer_deinit(&p->ops);
    PyMem_Free(p->offsets);
    Py_XDECREF(p->dtype);
    Py_XDECREF(p->meta_dtype);
    anp_policy_release(&p->policy);
    Py_XDECREF(p->samples);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot plan_slots[] = {{Py_tp_dealloc, plan_dealloc}, {0, NULL}};

PyType_Spec anp_read_plan_spec = {
    .name = "aerospike_np._engine.ReadPlan",
    .basicsize = sizeof(read_plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = plan_slots,
};

/* ---- reads ---- */

enum { LEAST_ROWS = 5000 /* of a thread */, THREADS_MAX = 64 };

typedef struct table_payload {
    anp_plan plan; /* the read plan's, over this read's arrays */
    anp_new_arrays arrays;
    uint32_t n_tables; /* one a thread, over the same arrays */
    anp_table tables[];
} table_payload;

static void free_table(void *payload)
{
    table_payload *p = payload;
    for (uint32_t i = 0; i < p->n_tables; i++) {
        anp_table_deinit(&p->tables[i]);
    }
    PyMem_Free(p->plan.fields);
    anp_new_arrays_drop(&p->arrays);
    PyMem_Free(p);
}

static uint32_t n_threads(const read_plan *how, uint64_t n_rows)
{
    uint64_t most = n_rows / LEAST_ROWS, threads = how->policy.engine.threads;
    threads = threads < most ? threads : most;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    return threads != 0 ? (uint32_t)threads : 1;
}

static table_payload *new_payload(const read_plan *how, uint64_t n_rows)
{
    uint32_t n = n_threads(how, n_rows);
    table_payload *p = PyMem_Calloc(1, sizeof *p + n * sizeof p->tables[0]);
    if (p == NULL) {
        return (table_payload *)(void *)PyErr_NoMemory();
    }
    p->n_tables = n;
    for (uint32_t i = 0; i < n; i++) {
        anp_table_init(&p->tables[i]);
    }
    return p;
}

static anp_status table_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                            anp_error *err)
{
    return anp_table_decode(context, row, m, body, err);
}

static size_t table_again(void *context, uint64_t row, uint32_t generation, uint32_t void_time,
                          uint32_t n_ops, const uint8_t *ops, size_t here)
{
    return anp_table_again(context, row, generation, void_time, n_ops, ops, here);
}

static void table_soon(void *context, uint64_t row)
{
    anp_table_soon(context, row);
}

static void table_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    (void)in_doubt;
    anp_table_settle(context, row, anp_public_code(code));
}

/* (data, codes, meta, missing, bytes of the cell errors, timings) */
static PyObject *wrap_table(anp_request *r)
{
    table_payload *p = r->payload;
    PyObject *fields = PyTuple_GET_ITEM(r->hold, 3);
    anp_buffer *errors = &p->tables[0].errors;
    for (uint32_t i = 0; i < p->n_tables; i++) {
        anp_table *t = &p->tables[i];
        if (fields != Py_None && !anp_table_resolve(r->state, t, fields)) {
            return NULL;
        }
        if (i != 0) {
            anp_buffer_put(errors, t->errors.data, t->errors.size);
        }
    }
    if (errors->failed != ANP_OK) {
        return PyErr_NoMemory();
    }
    const anp_new_arrays *a = &p->arrays;
    return Py_BuildValue("(OOOOy#N)", a->data, a->codes, a->meta, a->missing,
                         errors->size != 0 ? (const char *)errors->data : "",
                         (Py_ssize_t)errors->size, anp_batch_timings_tuple(r));
}

/* Points the tables at the arrays. */
static bool take_outputs(table_payload *p, anp_errors_mode mode, Py_ssize_t n)
{
    const anp_new_arrays *a = &p->arrays;
    anp_table *first = &p->tables[0];
    for (uint32_t i = 0; i < p->n_tables; i++) {
        anp_table *t = &p->tables[i];
        t->plan = &p->plan;
        t->mode = mode;
        t->n_rows = (uint64_t)n;
        t->missing_stride = (p->plan.n_fields + 7) / 8;
        t->now = (uint32_t)(anp_clock_wall() / ANP_NS_PER_S - ANP_EPOCH);
        if (i != 0) {
            t->codes = first->codes;
            t->meta = first->meta;
            t->missing = first->missing;
            continue;
        }
        t->codes = anp_numpy_data(a->codes, sizeof(int32_t), n, "codes", true);
        t->meta = t->codes != NULL ? anp_numpy_data(a->meta, 8, n, "meta", true) : NULL;
        t->missing =
            t->meta != NULL
                ? anp_numpy_data(a->missing, 1, n * (Py_ssize_t)t->missing_stride, "missing", true)
                : NULL;
    }
    return first->missing != NULL;
}

/* The arrays of a read: new ones, or those that are given. */
static bool take_arrays(const read_plan *how, table_payload *p, PyObject *given, PyObject *fields,
                        Py_ssize_t n)
{
    anp_new_arrays *a = &p->arrays;
    if (given == Py_None) {
        if (how->dtype == NULL) {
            PyErr_SetString(PyExc_TypeError, "this plan makes no arrays");
            return false;
        }
        return anp_array_plan_new(&how->fields, how->dtype, how->is_matrix, how->is_zeroed,
                                  how->offsets, how->meta_dtype, n, a, &p->plan);
    }
    if (!PyTuple_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "arrays is a tuple of four");
        return false;
    }
    if (!PyArg_ParseTuple(given, "OOOO", &a->data, &a->codes, &a->meta, &a->missing)) {
        *a = (anp_new_arrays){0};
        return false;
    }
    Py_INCREF(a->data);
    Py_INCREF(a->codes);
    Py_INCREF(a->meta);
    Py_INCREF(a->missing);
    return anp_array_plan_place(&how->fields, how->samples, fields, n, &p->plan);
}

/* batch_table(plan, keys, arrays, fields): the result is (data, codes, meta, missing, errors,
 * timings). arrays: the first four, and in fields the (bin name, array) pairs; or both None. */
PyObject *anp_core_batch_table(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *plan, *keys, *given, *fields;
    if (!PyArg_ParseTuple(args, "O!OOO", core->state->read_plan_type, &plan, &keys, &given,
                          &fields)) {
        return NULL;
    }
    const read_plan *how = (const read_plan *)(const void *)plan;
    bool is_sliced = how->policy.key == 0 && how->policy.engine.threads <= 1;
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, is_sliced);
    if (source_keys == NULL) {
        return NULL;
    }
    Py_ssize_t n = (Py_ssize_t)source_keys->view.total;
    table_payload *p = new_payload(how, (uint64_t)n);
    if (p == NULL || !take_arrays(how, p, given, fields, n) || !take_outputs(p, how->mode, n)) {
        anp_key_source_free(source_keys);
        if (p != NULL) {
            free_table(p);
        }
        return NULL;
    }
    anp_row_sink sinks[THREADS_MAX];
    for (uint32_t i = 0; i < p->n_tables; i++) {
        sinks[i] = (anp_row_sink){.row = table_row,
                                  .again = table_again,
                                  .settle = table_settle,
                                  .soon = table_soon,
                                  .context = &p->tables[i]};
    }
    return anp_batch_request(core, &how->policy, source_keys, &how->source, sinks, p->n_tables,
                             wrap_table, p, free_table, args);
}
