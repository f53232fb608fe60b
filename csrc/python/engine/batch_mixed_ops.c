/* Batches whose rows differ in what they ask for: reads, writes, functions and removals side by
 * side, each with its own policy. All is encoded before anything is sent. */
#include "python/engine/batch_ops.h"
#include "python/engine/row_request.h"

enum { WHERE_SIZE = 96 };

typedef enum { ROW_READ, ROW_WRITE, ROW_APPLY, ROW_REMOVE, ROW_KINDS } row_kind;

static const struct {
    anp_policy_group group;
    const char *name;
} kinds[ROW_KINDS] = {{ANP_GROUP_BATCH_READ, "Read"},
                      {ANP_GROUP_BATCH_WRITE, "Write"},
                      {ANP_GROUP_BATCH_APPLY, "Apply"},
                      {ANP_GROUP_BATCH_REMOVE, "Remove"}};

typedef struct mixed_row {
    anp_row_request request; /* without its slices, which are here: */
    size_t fields, fields_size, ops, ops_size;
} mixed_row;

typedef struct mixed_payload {
    anp_buffer bytes; /* of fields and operations */
    anp_buffer rows;  /* of mixed_row */
} mixed_payload;

static void free_mixed(void *payload)
{
    mixed_payload *p = payload;
    anp_buffer_deinit(&p->bytes);
    anp_buffer_deinit(&p->rows);
    PyMem_RawFree(p);
}

static mixed_payload *new_mixed(void)
{
    mixed_payload *p = PyMem_RawCalloc(1, sizeof *p);
    if (p == NULL) {
        return (mixed_payload *)PyErr_NoMemory();
    }
    anp_buffer_init(&p->bytes, SIZE_MAX / 2);
    anp_buffer_init(&p->rows, SIZE_MAX / 2);
    return p;
}

static anp_status mixed_request(void *context, uint64_t row, anp_row_request *request,
                                anp_buffer *ops)
{
    const mixed_payload *p = context;
    const mixed_row *r = (const mixed_row *)(const void *)p->rows.data;
    (void)ops;
    if (row >= p->rows.size / sizeof *r) {
        return ANP_ERR_PARAM;
    }
    r += row;
    *request = r->request;
    request->fields = (anp_slice){p->bytes.data + r->fields, r->fields_size};
    request->ops = (anp_slice){p->bytes.data + r->ops, r->ops_size};
    return ANP_OK;
}

/* ---- rows ---- */

/* What is encoded now. */
typedef struct mixed_encoder {
    anp_core *core;
    mixed_payload *payload;
    anp_py_policy base[ROW_KINDS]; /* of rows that have none of their own */
    const char *where, *list;      /* the method, and its argument that holds the rows */
    unsigned seen;                 /* a bit a kind of row */
    /* The operations that were encoded last, which many rows may share: read once. */
    PyObject *ops; /* borrowed from the rows */
    anp_operations sum;
    size_t ops_at, ops_size;
} mixed_encoder;

static bool encode(mixed_encoder *e, PyObject *ops, const char *where)
{
    anp_buffer *bytes = &e->payload->bytes;
    if (ops == e->ops) {
        return true;
    }
    e->ops = NULL;
    e->ops_at = bytes->size;
    if (!anp_row_encode(e->core->state, ops, where, bytes, &e->sum)) {
        return false;
    }
    e->ops = ops;
    e->ops_size = bytes->size - e->ops_at;
    return true;
}

static bool put_operations(mixed_encoder *e, row_kind kind, PyObject *ops, const char *where,
                           const anp_py_policy *policy, mixed_row *row)
{
    if (!encode(e, ops, where)) {
        return false;
    }
    if (e->sum.writes != (kind == ROW_WRITE)) {
        (void)anp_raise_arg(e->core->state,
                            e->sum.writes ? "%s: an operation writes; put it into a Write"
                                          : "%s: no operation writes; put them into a Read",
                            where);
        return false;
    }
    row->ops = e->ops_at;
    row->ops_size = e->ops_size;
    anp_row_operate(&e->sum, policy, &row->request);
    return true;
}

/* ops of a Read may be None, for the metadata alone, and True, for all bins. */
static bool put_read(mixed_encoder *e, PyObject *ops, const char *where,
                     const anp_py_policy *policy, mixed_row *row)
{
    if (ops != Py_None && ops != Py_True) {
        return put_operations(e, ROW_READ, ops, where, policy, row);
    }
    const anp_operations sum = {.reads = true, .reads_all = ops == Py_True};
    anp_row_operate(&sum, policy, &row->request);
    row->request.info1 |= ops == Py_None ? ANP_INFO1_GET_NO_BINS : 0;
    return true;
}

static bool put_apply(mixed_encoder *e, PyObject *call, const char *where,
                      const anp_py_policy *policy, mixed_row *row)
{
    PyObject *module, *function, *args;
    anp_buffer *bytes = &e->payload->bytes;
    bool ok =
        PyArg_ParseTuple(call, "OOO", &module, &function, &args) &&
        anp_row_apply(e->core->state, module, function, args, where, policy, bytes, &row->request);
    row->fields_size = bytes->size - row->fields;
    return ok;
}

static bool put_row(mixed_encoder *e, row_kind kind, PyObject *what, const char *where,
                    const anp_py_policy *policy, mixed_row *row)
{
    anp_buffer *bytes = &e->payload->bytes;
    anp_slice filter = anp_policy_filter(policy);
    bool ok = true;
    row->fields = bytes->size;
    if (filter.size != 0) {
        anp_field_write(bytes, ANP_FIELD_FILTER, filter.data, filter.size);
    }
    row->fields_size = bytes->size - row->fields;
    switch (kind) {
    case ROW_READ:
        ok = put_read(e, what, where, policy, row);
        break;
    case ROW_WRITE:
        ok = put_operations(e, kind, what, where, policy, row);
        break;
    case ROW_APPLY:
        ok = put_apply(e, what, where, policy, row);
        break;
    default:
        anp_row_remove(policy, &row->request);
    }
    row->request.n_fields = (uint16_t)(row->request.n_fields + (filter.size != 0 ? 1 : 0));
    row->request.send_key = policy->key == 1;
    return ok;
}

/* (kind, what, policy, meta) */
static bool add_row(mixed_encoder *e, PyObject *tuple, Py_ssize_t i)
{
    int number;
    PyObject *what, *dict, *meta;
    mixed_row row = {0};
    uint32_t generation = 0;
    anp_py_policy policy;
    char where[WHERE_SIZE];
    if (!PyArg_ParseTuple(tuple, "iOOO", &number, &what, &dict, &meta)) {
        return false;
    }
    if (number < 0 || number >= ROW_KINDS) {
        PyErr_Format(PyExc_ValueError, "rows of the kind %d", number);
        return false;
    }
    row_kind kind = (row_kind)number;
    anp_state *state = e->core->state;
    (void)PyOS_snprintf(where, sizeof where, "%s: %s[%zd] (%s)", e->where, e->list, i,
                        kinds[kind].name);
    anp_policy_copy(&policy, &e->base[kind]);
    bool ok =
        anp_row_policy_parse(state, dict, meta, kinds[kind].group, where, &policy, &generation) &&
        put_row(e, kind, what, where, &policy, &row);
    anp_policy_release(&policy);
    row.request.generation = (uint16_t)generation;
    e->seen |= 1u << kind;
    anp_buffer_put(&e->payload->rows, &row, sizeof row);
    return ok;
}

static bool add_rows(mixed_encoder *e, PyObject *rows)
{
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(rows); i++) {
        PyObject *row = Py_NewRef(PyList_GET_ITEM(rows, i));
        ok = add_row(e, row, i);
        Py_DECREF(row);
    }
    const mixed_payload *p = e->payload;
    if (ok && (p->bytes.failed != ANP_OK || p->rows.failed != ANP_OK)) {
        (void)PyErr_NoMemory();
        ok = false;
    }
    return ok;
}

/* The policy of the whole: of rows of one kind theirs, else that of writes. */
static anp_py_policy *whole_policy(mixed_encoder *e)
{
    anp_py_policy *policy = &e->base[ROW_WRITE];
    for (int i = 0; i < ROW_KINDS; i++) {
        policy = e->seen == 1u << i ? &e->base[i] : policy;
    }
    Py_CLEAR(policy->filter); /* each row has its own */
    return policy;
}

/* batch_mixed(method, argument, keys, rows, arrays, policy): a RawRows. rows: (kind, what, policy,
 * meta) each key, where kind is 0 for a read of operations (None: the metadata, True: all bins), 1
 * for operations that write, 2 for a function (module, name, arguments), 3 for a removal. */
PyObject *anp_core_batch_mixed(PyObject *self, PyObject *args)
{
    const anp_policy_group all = ANP_GROUP_BATCH_READ | ANP_GROUP_BATCH_WRITE |
                                 ANP_GROUP_BATCH_APPLY | ANP_GROUP_BATCH_REMOVE;
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *rows, *arrays, *policy_dict, *request = NULL;
    mixed_encoder e = {.core = core};
    if (!PyArg_ParseTuple(args, "ssOO!O!O", &e.where, &e.list, &keys, &PyList_Type, &rows,
                          &PyTuple_Type, &arrays, &policy_dict)) {
        return NULL;
    }
    e.payload = new_mixed();
    bool ok = e.payload != NULL;
    for (int i = 0; i < ROW_KINDS; i++) {
        anp_policy_copy(&e.base[i], anp_core_default(core, kinds[i].group));
        ok = ok && anp_policy_parse(core->state, policy_dict, all, e.where, &e.base[i]);
    }
    ok = ok && add_rows(&e, rows);
    if (ok) {
        const anp_row_source source = {.row = mixed_request,
                                       .context = e.payload,
                                       .is_write = (e.seen & ~(1u << ROW_READ)) != 0};
        request = anp_batch_raw_request(core, whole_policy(&e), keys, &source, false, e.payload,
                                        free_mixed, arrays);
    } else if (e.payload != NULL) {
        free_mixed(e.payload);
    }
    for (int i = 0; i < ROW_KINDS; i++) {
        anp_policy_release(&e.base[i]);
    }
    return request;
}
