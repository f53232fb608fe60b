/* RawRows: the replies of a batch as they came, record by record, until somebody asks for one.
 * Filled by the engine without the GIL; read only afterwards. */
#include "python/engine/batch_ops.h"

typedef struct raw_rows {
    PyObject_HEAD anp_state *state;
    PyObject *arrays; /* owned: (codes, meta, in_doubt), of what writes also attempts */
    Py_ssize_t n;
    int32_t *codes;
    uint32_t *meta;
    uint8_t *in_doubt;
    uint8_t *attempts;
    uint64_t *offsets; /* of a row's operations in the arena */
    uint64_t *sizes;   /* of those, in bytes; a table wants each message's own end */
    uint16_t *n_ops;
    anp_buffer arena;
} raw_rows;

static anp_status take_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                           anp_error *err)
{
    raw_rows *r = context;
    anp_field_view field;
    anp_op op;
    for (uint16_t i = 0; i < m->n_fields; i++) {
        if (!anp_field_read(&body, &field)) {
            return anp_error_set(err, ANP_ERR_PROTOCOL, "a field does not fit into its message");
        }
    }
    const uint8_t *start = body.at;
    for (uint16_t i = 0; i < m->n_ops; i++) {
        if (!anp_op_read(&body, &op)) {
            return anp_error_set(err, ANP_ERR_PROTOCOL,
                                 "an operation does not fit into its message");
        }
    }
    r->offsets[row] = r->arena.size;
    r->sizes[row] = (size_t)(body.at - start);
    anp_buffer_put(&r->arena, start, r->sizes[row]);
    if (r->arena.failed != ANP_OK) {
        return anp_buffer_error(&r->arena, "the records of a batch", err);
    }
    r->n_ops[row] = m->n_ops;
    r->meta[2 * row] = m->result == 0 ? m->generation : 0;
    r->meta[2 * row + 1] = m->result == 0 ? anp_ttl_left(m->ttl) : 0;
    r->codes[row] = m->result;
    return ANP_OK;
}

static void settle_row(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    raw_rows *r = context;
    r->codes[row] = anp_public_code(code);
    r->in_doubt[row] = in_doubt;
    r->meta[2 * row] = r->meta[2 * row + 1] = 0;
    r->sizes[row] = r->n_ops[row] = 0;
}

static void row_sent(void *context, uint64_t row, uint32_t attempts, bool in_doubt)
{
    raw_rows *r = context;
    r->attempts[row] = (uint8_t)(attempts < 255 ? attempts : 255);
    r->in_doubt[row] = in_doubt;
}

PyObject *anp_raw_rows_new(anp_state *state, Py_ssize_t n, PyObject *arrays, anp_row_sink *sink)
{
    Py_ssize_t n_arrays = PyTuple_GET_SIZE(arrays);
    if (n_arrays != 3 && n_arrays != 4) {
        PyErr_SetString(PyExc_TypeError, "arrays are codes, meta, in_doubt and attempts");
        return NULL;
    }
    raw_rows *r = (raw_rows *)(void *)state->raw_rows_type->tp_alloc(state->raw_rows_type, 0);
    if (r == NULL) {
        return NULL;
    }
    r->state = state;
    r->n = n;
    r->arrays = Py_NewRef(arrays);
    anp_buffer_init(&r->arena, SIZE_MAX / 2);
    r->codes = anp_numpy_data(PyTuple_GET_ITEM(arrays, 0), sizeof(int32_t), n, "codes", true);
    r->meta =
        r->codes != NULL ? anp_numpy_data(PyTuple_GET_ITEM(arrays, 1), 8, n, "meta", true) : NULL;
    r->in_doubt = r->meta != NULL
                      ? anp_numpy_data(PyTuple_GET_ITEM(arrays, 2), 1, n, "in_doubt", true)
                      : NULL;
    if (r->in_doubt != NULL && n_arrays == 4) {
        r->attempts = anp_numpy_data(PyTuple_GET_ITEM(arrays, 3), 1, n, "attempts", true);
    }
    if (r->in_doubt == NULL || (n_arrays == 4 && r->attempts == NULL)) {
        Py_DECREF(r);
        return NULL;
    }
    r->offsets = PyMem_RawCalloc((size_t)n + 1, sizeof *r->offsets);
    r->sizes = PyMem_RawCalloc((size_t)n + 1, sizeof *r->sizes);
    r->n_ops = PyMem_RawCalloc((size_t)n + 1, sizeof *r->n_ops);
    if (r->offsets == NULL || r->sizes == NULL || r->n_ops == NULL) {
        Py_DECREF(r);
        return PyErr_NoMemory();
    }
    *sink = (anp_row_sink){.row = take_row,
                           .settle = settle_row,
                           .sent = n_arrays == 4 ? row_sent : NULL,
                           .context = r};
    return (PyObject *)r;
}

static Py_ssize_t row_of(raw_rows *r, PyObject *index)
{
    Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (i < 0 || i >= r->n) {
        PyErr_Format(PyExc_IndexError, "row %zd of %zd", i, r->n);
        return -1;
    }
    return i;
}

static anp_cursor ops_of(raw_rows *r, Py_ssize_t i)
{
    return anp_cursor_over(r->arena.data + (r->arena.data != NULL ? r->offsets[i] : 0),
                           r->sizes[i]);
}

/* Also of a function that failed: its words are in a bin. */
static bool has_record(const raw_rows *r, Py_ssize_t i)
{
    return r->codes[i] == ANP_OK || (r->codes[i] == ANP_UDF && r->n_ops[i] != 0);
}

static PyObject *raw_code(PyObject *self, PyObject *index)
{
    raw_rows *r = (raw_rows *)(void *)self;
    Py_ssize_t i = row_of(r, index);
    return i < 0 ? NULL : PyLong_FromLong(r->codes[i]);
}

static PyObject *raw_in_doubt(PyObject *self, PyObject *index)
{
    raw_rows *r = (raw_rows *)(void *)self;
    Py_ssize_t i = row_of(r, index);
    return i < 0 ? NULL : PyBool_FromLong(r->in_doubt[i]);
}

static PyObject *raw_record(PyObject *self, PyObject *index)
{
    raw_rows *r = (raw_rows *)(void *)self;
    Py_ssize_t i = row_of(r, index);
    if (i < 0) {
        return NULL;
    }
    if (!has_record(r, i)) {
        Py_RETURN_NONE;
    }
    anp_cursor c = ops_of(r, i);
    PyObject *bins = anp_bins_last(r->state, &c, r->n_ops[i]);
    return bins == NULL ? NULL
                        : Py_BuildValue("(IIN)", (unsigned)r->meta[2 * i],
                                        (unsigned)r->meta[2 * i + 1], bins);
}

/* batch_record(i, namespace, set, user key, digest): a BatchRecord. */
static PyObject *raw_batch_record(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    raw_rows *r = (raw_rows *)(void *)self;
    anp_state *state = r->state;
    if (!anp_args_are("batch_record", n, 5)) {
        return NULL;
    }
    Py_ssize_t i = row_of(r, args[0]);
    if (i < 0) {
        return NULL;
    }
    PyObject *names[] = {Py_NewRef(args[1]), Py_NewRef(args[2]), Py_NewRef(args[3]),
                         Py_NewRef(args[4])};
    PyObject *key = anp_named_tuple(state->key_class, names, 4);
    PyObject *record = Py_NewRef(Py_None);
    if (key != NULL && has_record(r, i)) {
        anp_cursor c = ops_of(r, i);
        PyObject *parts[] = {Py_NewRef(key),
                             anp_meta_tuple(state, r->meta[2 * i], r->meta[2 * i + 1]),
                             anp_bins_last(state, &c, r->n_ops[i])};
        Py_SETREF(record, anp_named_tuple(state->record_class, parts, 3));
    }
    PyObject *items[] = {key, PyLong_FromLong(r->codes[i]), record,
                         PyBool_FromLong(r->in_doubt[i])};
    return anp_named_tuple(state->batch_record_class, items, 4);
}

/* to_table(fields, codes, meta, missing, mode, fills): the rows again, into arrays; the bytes of
 * the cell errors. */
static PyObject *raw_to_table(PyObject *self, PyObject *args)
{
    raw_rows *r = (raw_rows *)(void *)self;
    PyObject *fields, *codes, *meta, *missing, *fills, *result = NULL;
    int mode;
    if (!PyArg_ParseTuple(args, "O!OOOiO", &PyTuple_Type, &fields, &codes, &meta, &missing, &mode,
                          &fills)) {
        return NULL;
    }
    anp_array_plan plan;
    if (!anp_array_plan_init(r->state, &plan, fields, r->n, true)) {
        return NULL;
    }
    anp_table t = {.plan = &plan.plan,
                   .n_rows = (uint64_t)r->n,
                   .mode = (anp_errors_mode)mode,
                   .missing_stride = (plan.plan.n_fields + 7) / 8};
    anp_table_init(&t);
    t.codes = anp_numpy_data(codes, sizeof(int32_t), r->n, "codes", true);
    t.meta = t.codes != NULL ? anp_numpy_data(meta, 8, r->n, "meta", true) : NULL;
    t.missing = t.meta != NULL ? anp_numpy_data(missing, 1, r->n * (Py_ssize_t)t.missing_stride,
                                                "missing", true)
                               : NULL;
    if (t.missing == NULL || !anp_array_plan_fills(r->state, &plan, fills)) {
        goto done;
    }
    anp_error err;
    anp_status status = ANP_OK;
    Py_BEGIN_ALLOW_THREADS for (Py_ssize_t i = 0; i < r->n && status == ANP_OK; i++)
    {
        if (r->codes[i] == 0) {
            anp_message m = {.generation = r->meta[2 * i], .n_ops = r->n_ops[i]};
            status = anp_table_decode(&t, (uint64_t)i, &m, ops_of(r, i), &err);
        } else {
            anp_table_settle(&t, (uint64_t)i, r->codes[i]);
        }
        t.meta[2 * i] = r->meta[2 * i];
        t.meta[2 * i + 1] = r->meta[2 * i + 1];
    }
    Py_END_ALLOW_THREADS if (status != ANP_OK)
    {
        (void)anp_raise(r->state, &err, NULL);
    }
    else if (anp_table_resolve(r->state, &t, fields))
    {
        result = PyBytes_FromStringAndSize((const char *)t.errors.data, (Py_ssize_t)t.errors.size);
    }
done:
    anp_table_deinit(&t);
    anp_array_plan_deinit(&plan);
    return result;
}

static Py_ssize_t raw_length(PyObject *self)
{
    return ((raw_rows *)(void *)self)->n;
}

static PyObject *raw_result_codes(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef(PyTuple_GET_ITEM(((raw_rows *)(void *)self)->arrays, 0));
}

static int raw_traverse(raw_rows *r, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(r));
    Py_VISIT(r->arrays);
    return 0;
}

static int raw_clear(raw_rows *r)
{
    (void)r; /* the arrays must outlive the engine's writing; they hold nothing that leads back here
              */
    return 0;
}

static void raw_dealloc(raw_rows *r)
{
    PyTypeObject *type = Py_TYPE(r);
    PyObject_GC_UnTrack(r);
    PyMem_RawFree(r->offsets);
    PyMem_RawFree(r->sizes);
    PyMem_RawFree(r->n_ops);
    anp_buffer_deinit(&r->arena);
    Py_XDECREF(r->arrays);
    type->tp_free(r);
    Py_DECREF(type);
}

static PyMethodDef raw_methods[] = {
    {"code", raw_code, METH_O, "code(i): result code of a row."},
    {"record", raw_record, METH_O, "record(i): (generation, ttl, bins), or None."},
    {"batch_record", (PyCFunction)(void (*)(void))raw_batch_record, METH_FASTCALL,
     "batch_record(i, namespace, set, user key, digest)"},
    {"in_doubt", raw_in_doubt, METH_O, "in_doubt(i)"},
    {"to_table", raw_to_table, METH_VARARGS,
     "to_table(fields, codes, meta, missing, mode, fills): cell errors."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef raw_getset[] = {
    {"result_codes", raw_result_codes, NULL, "int32 array of result codes", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot raw_slots[] = {
    {Py_tp_dealloc, raw_dealloc},
    {Py_tp_traverse, raw_traverse},
    {Py_tp_clear, raw_clear},
    {Py_tp_methods, raw_methods},
    {Py_tp_getset, raw_getset},
    {Py_sq_length, raw_length},
    {0, NULL},
};

PyType_Spec anp_raw_rows_spec = {
    .name = "aerospike_np._engine.RawRows",
    .basicsize = sizeof(raw_rows),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = raw_slots,
};
