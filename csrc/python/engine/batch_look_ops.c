/* A look at records: which of them are not as their codes were, under a filter that holds for those
 * that have changed. Nothing is read, and nothing is kept of the others. */
#include "python/engine/batch_ops.h"

typedef struct look {
    const int32_t *before; /* codes */
    anp_buffer rows;       /* int64: what is not as before */
    anp_buffer ops;        /* none */
} look;

static void free_look(void *payload)
{
    look *l = payload;
    anp_buffer_deinit(&l->rows);
    anp_buffer_deinit(&l->ops);
    PyMem_RawFree(l);
}

static void add(look *l, uint64_t row)
{
    int64_t number = (int64_t)row;
    anp_buffer_put(&l->rows, &number, sizeof number);
}

static anp_status look_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                           anp_error *err)
{
    look *l = context;
    (void)body;
    (void)err;
    int32_t before = l->before[row];
    bool is_same = m->result == ANP_FILTERED_OUT
                       ? before == ANP_OK
                       : m->result == ANP_NOT_FOUND && before == m->result;
    if (!is_same) {
        add(l, row);
    }
    return ANP_OK;
}

static void look_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    (void)code;
    (void)in_doubt;
    add(context, row);
}

/* (bytes of the rows' numbers, in no order, and timings) */
static PyObject *wrap_look(anp_request *r)
{
    const look *l = r->payload;
    if (l->rows.failed != ANP_OK) {
        return PyErr_NoMemory();
    }
    return Py_BuildValue("(y#N)", l->rows.size != 0 ? (const char *)l->rows.data : "",
                         (Py_ssize_t)l->rows.size, anp_batch_timings_tuple(r));
}

/* batch_look(keys, codes, policy): the policy has the filter. */
PyObject *anp_core_batch_look(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *codes, *policy_dict, *request = NULL;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "OOO", &keys, &codes, &policy_dict) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_READ, "refresh", &policy)) {
        return NULL;
    }
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, policy.key == 0);
    look *l = source_keys != NULL ? PyMem_RawCalloc(1, sizeof *l) : NULL;
    PyObject *none = PyTuple_New(0);
    anp_row_source source;
    bool ok = l != NULL && none != NULL;
    if (ok) {
        anp_buffer_init(&l->rows, SIZE_MAX / 2);
        anp_buffer_init(&l->ops, 0);
        l->before = anp_numpy_data(codes, sizeof(int32_t), (Py_ssize_t)source_keys->view.total,
                                   "codes", false);
        ok = l->before != NULL && anp_read_source(core->state, none, &policy, &l->ops, &source);
    } else if (source_keys != NULL) {
        (void)PyErr_NoMemory();
    }
    if (ok) {
        anp_row_sink sink = {.row = look_row, .settle = look_settle, .context = l};
        request = anp_batch_request(core, &policy, source_keys, &source, &sink, 1, wrap_look, l,
                                    free_look, args);
    } else {
        if (source_keys != NULL) {
            anp_key_source_free(source_keys);
        }
        if (l != NULL) {
            free_look(l);
        }
    }
    anp_policy_release(&policy);
    Py_XDECREF(none);
    return request;
}
