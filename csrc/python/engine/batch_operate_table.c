/* Batches of operations with values of arrays: the operations are written once, with places that
 * the engine fills from the caller's memory as it sends. */
#include "python/engine/operation.h"
#include "python/engine/row_request.h"
#include "python/engine/table_rows.h"
#include "table/template.h"

enum { WHERE_SIZE = 160 };

static const char WHERE[] = "batch_operate_numpy";

typedef struct operate_payload {
    anp_table_rows table;
    anp_template template;
    anp_buffer bytes;
    anp_op_holes holes;
    anp_template_op *ops;
    anp_template_hole *places;
    anp_state *state;
} operate_payload;

static void free_operate(void *payload)
{
    operate_payload *p = payload;
    anp_table_rows_deinit(&p->table);
    anp_buffer_deinit(&p->bytes);
    anp_op_holes_deinit(&p->holes);
    PyMem_RawFree(p->ops);
    PyMem_RawFree(p->places);
    PyMem_RawFree(p);
}

static anp_status encode_row(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    operate_payload *p = context;
    uint32_t hole;
    anp_reason reason;
    anp_status status =
        anp_template_encode(&p->template, row, ops, &request->n_ops, &hole, &reason);
    return status == ANP_OK ? anp_table_rows_meta(&p->table, row, request) : status;
}

static uint32_t n_holes(const operate_payload *p)
{
    return (uint32_t)(p->holes.list.size / sizeof(anp_op_hole));
}

static const anp_op_hole *hole_of(const operate_payload *p, uint32_t i)
{
    return (const anp_op_hole *)(const void *)p->holes.list.data + i;
}

/* ---- columns ---- */

/* (number, array) pairs of the places' fields, and their masks; new tuples. */
static bool take_columns(operate_payload *p, PyObject *columns, PyObject *masks, PyObject **fields,
                         PyObject **field_masks)
{
    Py_ssize_t n = n_holes(p);
    *fields = PyTuple_New(n);
    *field_masks = *fields != NULL ? PyTuple_New(n) : NULL;
    for (Py_ssize_t i = 0; *field_masks != NULL && i < n; i++) {
        PyObject *name = PyList_GET_ITEM(p->holes.names, i);
        PyObject *array = PyDict_GetItemWithError(columns, name);
        PyObject *mask = PyDict_GetItemWithError(masks, name);
        PyObject *pair = NULL;
        if (array != NULL) {
            pair = Py_BuildValue("(NO)", PyUnicode_FromFormat("%zd", i), array);
        } else if (!PyErr_Occurred()) { /* Python gathered the fields of all operations */
            PyErr_SetObject(PyExc_KeyError, name);
        }
        if (pair == NULL) {
            return false;
        }
        PyTuple_SET_ITEM(*fields, i, pair);
        PyTuple_SET_ITEM(*field_masks, i, Py_NewRef(mask != NULL ? mask : Py_None));
    }
    return *field_masks != NULL;
}

/* What values of this kind must be, where this field has none; else NULL. */
static const char *field_must_be(const operate_payload *p, const anp_op_hole *hole,
                                 const anp_field *f)
{
    bool is_scalar = f->ndim == 0, is_int = f->kind == ANP_KIND_INT || f->kind == ANP_KIND_UINT;
    bool is_bytes = f->kind == ANP_KIND_RAW || f->kind == ANP_KIND_BYTES;
    if (f->kind == ANP_KIND_DEFERRED) {
        return NULL;
    }
    switch (hole->kind) {
    case ANP_ARG_NUMBER:
        return is_scalar && (is_int || f->kind == ANP_KIND_FLOAT) ? NULL : "an int or a float";
    case ANP_ARG_TEXT:
        return is_scalar && (is_bytes || f->kind == ANP_KIND_TEXT) ? NULL : "a str or bytes";
    case ANP_ARG_BLOB:
        return f->ndim != 0 || f->kind == ANP_KIND_RAW ||
                       (is_bytes && !p->table.rows.bytes_as_string)
                   ? NULL
                   : "bytes";
    case ANP_ARG_LIST:
        return !is_scalar ? NULL : "a list";
    case ANP_ARG_MAP:
        return is_scalar && f->kind == ANP_KIND_STRUCT ? NULL : "a dict";
    case ANP_ARG_INT:
    case ANP_ARG_INT_OR_ZERO:
    case ANP_ARG_INT_OR_NONE:
    case ANP_ARG_SIZE:
    case ANP_ARG_COUNT:
        return is_scalar && is_int ? NULL : "an integer";
    default:
        return NULL;
    }
}

static bool check_field(operate_payload *p, uint32_t i)
{
    const anp_op_hole *hole = hole_of(p, i);
    const anp_field *f = &p->table.plan.plan.fields[i];
    const char *must = field_must_be(p, hole, f), *key = anp_op_key_names[hole->key];
    PyObject *name = PyList_GET_ITEM(p->holes.names, i);
    if (must != NULL) {
        char what[80];
        anp_field_describe(f, what, sizeof what);
        (void)anp_raise_arg(p->state, "%s: operation %d: '%s' must be %s, and field %R is %s",
                            WHERE, (int)hole->op, key, must, name, what);
        return false;
    }
    if (hole->size >= 0 && f->kind != ANP_KIND_DEFERRED && (size_t)hole->size != f->itemsize) {
        (void)anp_raise_arg(p->state,
                            "%s: operation %d: 'value_byte_size' is %lld, and field %R has %zu "
                            "bytes",
                            WHERE, (int)hole->op, (long long)hole->size, name, f->itemsize);
        return false;
    }
    return true;
}

/* A value of an object column. */
static bool make_value(void *context, uint32_t field, Py_ssize_t row, PyObject *value,
                       anp_buffer *b, uint8_t *particle)
{
    operate_payload *p = context;
    const anp_op_hole *hole = hole_of(p, field);
    const char *must = anp_op_must_be(hole->kind, value);
    char where[WHERE_SIZE];
    const anp_whose whose = {.state = p->state, .where = where};
    PyObject *name = PyList_GET_ITEM(p->holes.names, field);
    if (must != NULL) {
        (void)anp_raise_arg(p->state,
                            "%s: row %zd: field %R must be %s for '%s' of operation %d, "
                            "not %.200R",
                            WHERE, row, name, must, anp_op_key_names[hole->key], (int)hole->op,
                            value);
        return false;
    }
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL) {
        return false;
    }
    (void)PyOS_snprintf(where, sizeof where, "%s: row %zd: field '%.80s'", WHERE, row, text);
    if (!hole->is_packed) {
        return anp_value_encode(&whose, value, b, particle);
    }
    *particle = ANP_PARTICLE_BLOB; /* any but NULL */
    return anp_value_pack(&whose, value, b);
}

/* ---- the template ---- */

static bool make_template(operate_payload *p, uint32_t n_ops)
{
    uint32_t n = n_holes(p), hole = 0;
    p->ops = PyMem_RawCalloc(n_ops + 1, sizeof *p->ops);
    p->places = PyMem_RawCalloc((size_t)n + 1, sizeof *p->places);
    if (p->ops == NULL || p->places == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < n_ops; i++) {
        size_t end = at + 4 + anp_load_be32(p->bytes.data + at);
        p->ops[i] = (anp_template_op){.begin = at, .end = end, .hole = hole};
        for (; hole < n && hole_of(p, hole)->op == i; hole++) {
            const anp_op_hole *h = hole_of(p, hole);
            bool is_list = h->kind == ANP_ARG_LIST && p->table.plan.plan.fields[hole].ndim != 0;
            bool is_count = h->kind == ANP_ARG_SIZE || h->kind == ANP_ARG_COUNT;
            p->places[hole] = (anp_template_hole){h->at, h->is_packed, is_list, is_count};
            p->ops[i].n_holes++;
        }
        at = end;
    }
    p->template = (anp_template){.bytes = p->bytes.data,
                                 .ops = p->ops,
                                 .n_ops = n_ops,
                                 .holes = p->places,
                                 .rows = &p->table.rows,
                                 .lists = p->table.rows};
    p->template.lists.subarrays_as_list = true;
    return true;
}

/* Looks at all rows before anything is sent. */
static bool check_rows(operate_payload *p, Py_ssize_t n)
{
    uint64_t row = 0;
    uint32_t hole = 0;
    anp_reason reason = ANP_REASON_NONE;
    anp_status status;
    Py_BEGIN_ALLOW_THREADS status =
        anp_template_check(&p->template, (uint64_t)n, !p->table.skip_empty, &row, &hole, &reason);
    Py_END_ALLOW_THREADS if (status == ANP_OK)
    {
        return true;
    }
    if (status == ANP_ERR_MEMORY) {
        (void)PyErr_NoMemory();
        return false;
    }
    if (reason == ANP_REASON_NONE) {
        (void)anp_raise_arg(p->state,
                            "%s: row %llu has nothing to do (each operation has a value that is "
                            "masked or missing); empty=\"skip\" leaves such rows out",
                            WHERE, (unsigned long long)row);
        return false;
    }
    char what[80];
    anp_field_describe(&p->table.plan.plan.fields[hole], what, sizeof what);
    (void)anp_raise_arg(p->state, "%s: row %llu, field %R (%s): %s", WHERE, (unsigned long long)row,
                        PyList_GET_ITEM(p->holes.names, hole), what, anp_reason_text(reason));
    return false;
}

/* ---- the call ---- */

static bool prepare(operate_payload *p, PyObject *ops, PyObject *fields, PyObject *field_masks,
                    PyObject *ttl, PyObject *generation, int flags, Py_ssize_t n)
{
    uint32_t n_ops = (uint32_t)PyTuple_GET_SIZE(ops);
    if (!anp_table_rows_init(p->state, &p->table, fields, n, field_masks, ttl, generation, flags)) {
        return false;
    }
    for (uint32_t i = 0; i < n_holes(p); i++) {
        if (!check_field(p, i)) {
            return false;
        }
    }
    return anp_table_rows_ready(&p->table, fields, n, make_value, p) && make_template(p, n_ops) &&
           check_rows(p, n);
}

static bool encode(operate_payload *p, PyObject *ops, anp_operations *sum)
{
    anp_buffer_init(&p->bytes, ANP_PROTO_MAX);
    if (!anp_operations_template(p->state, ops, WHERE, &p->bytes, &p->holes, sum)) {
        return false;
    }
    if (sum->reads) {
        (void)anp_raise_arg(p->state,
                            "%s: one of the operations reads, and there is no place for what it "
                            "reads; batch_operate gives it",
                            WHERE);
        return false;
    }
    return true;
}

/* batch_operate_table(keys, ops, columns, masks, ttl, generation, flags, arrays, policy). ops: a
 * tuple of dicts; columns, masks: dicts of arrays by field; the rest as batch_write_table has it.
 */
PyObject *anp_core_batch_operate_table(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *ops, *columns, *masks, *ttl, *generation, *arrays, *policy_dict;
    PyObject *fields = NULL, *field_masks = NULL, *hold = NULL;
    int flags;
    anp_py_policy policy;
    anp_operations sum = {0};
    if (!PyArg_ParseTuple(args, "OO!O!O!OOiOO", &keys, &PyTuple_Type, &ops, &PyDict_Type, &columns,
                          &PyDict_Type, &masks, &ttl, &generation, &flags, &arrays, &policy_dict) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_WRITE, WHERE, &policy)) {
        return NULL;
    }
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, false);
    operate_payload *p = source_keys != NULL ? PyMem_RawCalloc(1, sizeof *p) : NULL;
    bool ok = p != NULL;
    if (ok) {
        p->state = core->state;
        ok = encode(p, ops, &sum) && take_columns(p, columns, masks, &fields, &field_masks) &&
             (hold = PyTuple_Pack(2, args, fields)) != NULL &&
             prepare(p, ops, fields, field_masks, ttl, generation, flags,
                     (Py_ssize_t)source_keys->view.total);
    } else if (source_keys != NULL) {
        (void)PyErr_NoMemory();
    }
    anp_row_source source;
    anp_write_source(&policy, false, p, &source);
    source.row = encode_row;
    if (sum.has_ttl) {
        source.same.ttl = (uint32_t)sum.ttl;
    }
    PyObject *request = anp_table_rows_request(core, ok, &policy, source_keys, (anp_table_rows *)p,
                                               &source, free_operate, arrays, hold);
    Py_XDECREF(fields);
    Py_XDECREF(field_masks);
    Py_XDECREF(hold);
    return request;
}
