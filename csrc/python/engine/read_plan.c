/* Batch reads into arrays. What is the same for each read of some fields stands in a ReadPlan, made
 * once: the fields' kinds and names, the policy, and the operations of the request. A read points
 * it at its own arrays. */
#include "base/clock.h"
#include "python/engine/batch_ops.h"

typedef struct read_plan {
    PyObject_HEAD anp_array_plan fields;
    PyObject *samples;   /* the (bin name, array) pairs it was made from */
    anp_array_form form; /* dtype NULL: others make the arrays */
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
    p->form.offsets = PyMem_Calloc((size_t)n + 1, sizeof *p->form.offsets);
    if (p->form.offsets == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        p->form.offsets[i] = PyLong_AsSize_t(PyTuple_GET_ITEM(offsets, i));
        if (p->form.offsets[i] == (size_t)-1 && PyErr_Occurred()) {
            return false;
        }
    }
    p->form.is_matrix = is_matrix != 0;
    p->form.is_zeroed = is_zeroed != 0;
    p->form.dtype = Py_NewRef(dtype);
    p->form.meta_dtype = Py_NewRef(meta_dtype);
    return true;
}

static bool take_bins(anp_core *core, read_plan *p, PyObject *bins, PyObject *policy,
                      const char *where)
{
    return anp_core_policy(core, policy, ANP_GROUP_BATCH_READ, where, &p->policy) &&
           anp_read_source(core->state, bins, &p->policy, &p->ops, &p->source);
}

/* Is there an operation on this bin? */
static bool is_operated(const anp_buffer *ops, const anp_field *f)
{
    anp_cursor c = anp_cursor_over(ops->data, ops->size);
    anp_op op;
    while (anp_op_read(&c, &op)) {
        if (op.name.size == f->name_size && memcmp(op.name.data, f->name, f->name_size) == 0) {
            return true;
        }
    }
    return false;
}

/* (operations, policy over the policy, ttl or None): each field takes what those on its bin come
 * to. */
static bool take_operations(anp_core *core, read_plan *p, PyObject *operate, PyObject *policy,
                            const char *where)
{
    PyObject *ops, *over, *ttl;
    if (!PyArg_ParseTuple(operate, "OOO", &ops, &over, &ttl) ||
        !anp_operate_source(core, ops, policy, over, ttl, &p->ops, &p->policy, &p->source)) {
        return false;
    }
    bool has_all = (p->source.same.info1 & ANP_INFO1_GET_ALL) != 0;
    for (uint32_t i = 0; i < p->fields.plan.n_fields && !has_all; i++) {
        const anp_field *f = &p->fields.plan.fields[i];
        if (!is_operated(&p->ops, f)) {
            (void)anp_raise_arg(core->state,
                                "%s: a field takes the result of the operations on bin '%s', and "
                                "there is none; a field that has another name than its bin is "
                                "named in bins={field: bin}",
                                where, f->name);
            return false;
        }
    }
    return true;
}

/* read_plan(method, samples, fills, mode, policy, bins, rows, operations): bins are a tuple of what
 * is read; or operations are given, as take_operations has them, else None. */
PyObject *anp_core_read_plan(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *samples, *fills, *policy, *bins, *rows, *operate;
    const char *where;
    int mode;
    if (!PyArg_ParseTuple(args, "sO!OiOO!OO", &where, &PyTuple_Type, &samples, &fills, &mode,
                          &policy, &PyTuple_Type, &bins, &rows, &operate)) {
        return NULL;
    }
    PyTypeObject *type = core->state->read_plan_type;
    read_plan *p = (read_plan *)(void *)type->tp_alloc(type, 0);
    if (p == NULL) {
        return NULL;
    }
    p->samples = Py_NewRef(samples);
    p->mode = (anp_errors_mode)mode;
    anp_buffer_init(&p->ops, ANP_READ_OPS_MAX);
    if (!anp_array_plan_init(core->state, &p->fields, samples, 0, false) ||
        !anp_array_plan_fills(core->state, &p->fields, fills) ||
        !(operate == Py_None ? take_bins(core, p, bins, policy, where)
                             : take_operations(core, p, operate, policy, where)) ||
        !take_rows(p, rows)) {
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
    PyMem_Free(p->form.offsets);
    Py_XDECREF(p->form.dtype);
    Py_XDECREF(p->form.meta_dtype);
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

typedef struct table_part { /* the context of a sink */
    anp_table table;
    uint8_t *in_doubt, *attempts; /* of rows that write, else NULL */
} table_part;

typedef struct table_payload {
    anp_plan plan; /* the read plan's, over this read's arrays */
    anp_new_arrays arrays;
    uint32_t n_tables; /* one a thread, over the same arrays */
    table_part parts[];
} table_payload;

static void free_table(void *payload)
{
    table_payload *p = payload;
    for (uint32_t i = 0; i < p->n_tables; i++) {
        anp_table_deinit(&p->parts[i].table);
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
    return threads != 0 && !how->source.is_write ? (uint32_t)threads : 1;
}

static table_payload *new_payload(const read_plan *how, uint64_t n_rows)
{
    uint32_t n = n_threads(how, n_rows);
    table_payload *p = PyMem_Calloc(1, sizeof *p + n * sizeof p->parts[0]);
    if (p == NULL) {
        return (table_payload *)(void *)PyErr_NoMemory();
    }
    p->n_tables = n;
    for (uint32_t i = 0; i < n; i++) {
        anp_table_init(&p->parts[i].table);
    }
    return p;
}

static anp_status table_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                            anp_error *err)
{
    table_part *p = context;
    return anp_table_decode(&p->table, row, m, body, err);
}

static size_t table_again(void *context, uint64_t row, uint32_t generation, uint32_t void_time,
                          uint32_t n_ops, const uint8_t *ops, size_t here)
{
    table_part *p = context;
    return anp_table_again(&p->table, row, generation, void_time, n_ops, ops, here);
}

static void table_soon(void *context, uint64_t row)
{
    const table_part *p = context;
    anp_table_soon(&p->table, row);
}

static void table_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    table_part *p = context;
    if (p->in_doubt != NULL) {
        p->in_doubt[row] = in_doubt;
    }
    anp_table_settle(&p->table, row, anp_public_code(code));
}

static void table_sent(void *context, uint64_t row, uint32_t attempts, bool in_doubt)
{
    table_part *p = context;
    p->attempts[row] = (uint8_t)(attempts < 255 ? attempts : 255);
    p->in_doubt[row] = in_doubt;
}

static anp_row_sink sink_of(table_part *p)
{
    return (anp_row_sink){.row = table_row,
                          .again = table_again,
                          .settle = table_settle,
                          .sent = p->attempts != NULL ? table_sent : NULL,
                          .soon = table_soon,
                          .context = p};
}

/* (data, codes, meta, missing, bytes of the cell errors, timings) */
static PyObject *wrap_table(anp_request *r)
{
    table_payload *p = r->payload;
    PyObject *fields = PyTuple_GET_ITEM(r->hold, 3);
    anp_buffer *errors = &p->parts[0].table.errors;
    for (uint32_t i = 0; i < p->n_tables; i++) {
        anp_table *t = &p->parts[i].table;
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
    anp_table *first = &p->parts[0].table;
    for (uint32_t i = 0; i < p->n_tables; i++) {
        anp_table *t = &p->parts[i].table;
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

/* The arrays of a read: new ones, or those that are given, rows alone or all four. */
static bool take_arrays(const read_plan *how, table_payload *p, PyObject *given, PyObject *fields,
                        Py_ssize_t n)
{
    anp_new_arrays *a = &p->arrays;
    if (!PyTuple_Check(given)) {
        if (how->form.dtype == NULL) {
            PyErr_SetString(PyExc_TypeError, "this plan makes no arrays");
            return false;
        }
        if (given != Py_None && how->form.is_matrix) {
            PyErr_SetString(PyExc_TypeError, "arrays: a tuple of four, where it is a matrix");
            return false;
        }
        return anp_array_plan_new(&how->fields, &how->form, given != Py_None ? given : NULL, n, a,
                                  &p->plan);
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

/* Where it goes what becomes of rows that write: (in_doubt, attempts). */
static bool take_doubts(const read_plan *how, table_payload *p, PyObject *doubts, Py_ssize_t n)
{
    if (!how->source.is_write) {
        return true;
    }
    if (!PyTuple_Check(doubts) || PyTuple_GET_SIZE(doubts) != 2) {
        PyErr_SetString(PyExc_TypeError, "what writes takes arrays in_doubt and attempts");
        return false;
    }
    table_part *part = &p->parts[0];
    part->in_doubt = anp_numpy_data(PyTuple_GET_ITEM(doubts, 0), 1, n, "in_doubt", true);
    part->attempts = part->in_doubt != NULL
                         ? anp_numpy_data(PyTuple_GET_ITEM(doubts, 1), 1, n, "attempts", true)
                         : NULL;
    return part->attempts != NULL;
}

/* batch_table(plan, keys, arrays, fields, doubts): the result is (data, codes, meta, missing,
 * errors, timings). arrays: the first four, and in fields the (bin name, array) pairs; or, of a
 * plan that makes arrays, the rows or None, and fields None. doubts: (in_doubt, attempts) for a
 * plan of operations, else None. */
PyObject *anp_core_batch_table(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *plan, *keys, *given, *fields, *doubts;
    if (!PyArg_ParseTuple(args, "O!OOOO", core->state->read_plan_type, &plan, &keys, &given,
                          &fields, &doubts)) {
        return NULL;
    }
    const read_plan *how = (const read_plan *)(const void *)plan;
    bool is_sliced =
        how->policy.key == 0 && how->policy.engine.threads <= 1 && !how->source.is_write;
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, is_sliced);
    if (source_keys == NULL) {
        return NULL;
    }
    Py_ssize_t n = (Py_ssize_t)source_keys->view.total;
    table_payload *p = new_payload(how, (uint64_t)n);
    if (p == NULL || !take_arrays(how, p, given, fields, n) || !take_outputs(p, how->mode, n) ||
        !take_doubts(how, p, doubts, n)) {
        anp_key_source_free(source_keys);
        if (p != NULL) {
            free_table(p);
        }
        return NULL;
    }
    anp_row_sink sinks[THREADS_MAX];
    for (uint32_t i = 0; i < p->n_tables; i++) {
        sinks[i] = sink_of(&p->parts[i]);
    }
    return anp_batch_request(core, &how->policy, source_keys, &how->source, sinks, p->n_tables,
                             wrap_table, p, free_table, args);
}
