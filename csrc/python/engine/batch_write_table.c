/* Batch writes of arrays: a record a row, a bin a field. */
#include "python/engine/table_rows.h"

enum { WHERE_SIZE = 96 };

static void free_rows(void *payload)
{
    anp_table_rows_deinit(payload);
    PyMem_RawFree(payload);
}

static anp_status encode_row(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    anp_table_rows *t = context;
    int32_t field;
    anp_reason reason;
    anp_status status = anp_rows_encode(&t->rows, row, ops, &request->n_ops, &field, &reason);
    return status == ANP_OK ? anp_table_rows_meta(t, row, request) : status;
}

typedef struct value_maker {
    anp_state *state;
    const anp_table_rows *table;
} value_maker;

static bool make_value(void *context, uint32_t field, Py_ssize_t row, PyObject *value,
                       anp_buffer *b, uint8_t *particle)
{
    const value_maker *m = context;
    const anp_field *f = &m->table->plan.plan.fields[field];
    char where[WHERE_SIZE];
    const anp_whose whose = {.state = m->state, .where = where};
    (void)PyOS_snprintf(where, sizeof where, "bin %.*s, row %zd", (int)f->name_size, f->name, row);
    return anp_value_encode(&whose, value, b, particle);
}

/* Looks at all rows before anything is sent. */
static bool check_rows(anp_core *core, anp_table_rows *t, Py_ssize_t n)
{
    uint64_t row = 0;
    int32_t field = -1;
    anp_reason reason = ANP_REASON_NONE;
    anp_status status;
    Py_BEGIN_ALLOW_THREADS status =
        anp_rows_check(&t->rows, 0, (uint64_t)n, !t->skip_empty, &row, &field, &reason);
    Py_END_ALLOW_THREADS if (status == ANP_OK)
    {
        return true;
    }
    if (status == ANP_ERR_MEMORY) {
        (void)PyErr_NoMemory();
    } else if (field < 0) {
        (void)anp_raise_arg(core->state,
                            "batch_write_numpy: row %llu has nothing to write (all its values are "
                            "masked or missing); "
                            "empty=\"skip\" leaves such rows out",
                            (unsigned long long)row);
    } else {
        char what[80];
        const anp_field *f = &t->plan.plan.fields[field];
        anp_field_describe(f, what, sizeof what);
        (void)anp_raise_arg(core->state, "batch_write_numpy: row %llu, field %s (%s): %s",
                            (unsigned long long)row, f->name, what, anp_reason_text(reason));
    }
    return false;
}

/* batch_write_table(keys, fields, masks, ttl, generation, flags, arrays, policy): what
 * anp_table_rows_init takes, and arrays as anp_write_results_take does. */
PyObject *anp_core_batch_write_table(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *fields, *masks, *ttl, *generation, *arrays, *policy_dict;
    int flags;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "OO!OOOiOO", &keys, &PyTuple_Type, &fields, &masks, &ttl,
                          &generation, &flags, &arrays, &policy_dict) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_WRITE, "batch_write_numpy", &policy)) {
        return NULL;
    }
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, false);
    anp_table_rows *t = source_keys != NULL ? PyMem_RawCalloc(1, sizeof *t) : NULL;
    bool ok = t != NULL;
    if (ok) {
        Py_ssize_t n = (Py_ssize_t)source_keys->view.total;
        value_maker maker = {core->state, t};
        ok = anp_table_rows_init(core->state, t, fields, n, masks, ttl, generation, flags) &&
             anp_table_rows_ready(t, fields, n, make_value, &maker) && check_rows(core, t, n);
    } else if (source_keys != NULL) {
        (void)PyErr_NoMemory();
    }
    anp_row_source source;
    anp_write_source(&policy, false, t, &source);
    source.row = encode_row;
    return anp_table_rows_request(core, ok, &policy, source_keys, t, &source, free_rows, arrays,
                                  args);
}
