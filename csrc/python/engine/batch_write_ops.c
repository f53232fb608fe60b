/* Batch writes of dicts, and deletes, prepared: all is encoded before anything is sent. And the
 * results of all batches that write. */
#include "python/engine/batch_ops.h"
#include "python/engine/row_request.h"

/* ---- results ---- */

bool anp_write_results_take(PyObject *arrays, Py_ssize_t n, anp_write_results *out)
{
    if (!PyTuple_Check(arrays) || PyTuple_GET_SIZE(arrays) != 4) {
        PyErr_SetString(PyExc_TypeError, "arrays are codes, gen, in_doubt and attempts");
        return false;
    }
    out->codes = anp_numpy_data(PyTuple_GET_ITEM(arrays, 0), 4, n, "codes", true);
    out->generations =
        out->codes != NULL ? anp_numpy_data(PyTuple_GET_ITEM(arrays, 1), 4, n, "gen", true) : NULL;
    out->in_doubt = out->generations != NULL
                        ? anp_numpy_data(PyTuple_GET_ITEM(arrays, 2), 1, n, "in_doubt", true)
                        : NULL;
    out->attempts = out->in_doubt != NULL
                        ? anp_numpy_data(PyTuple_GET_ITEM(arrays, 3), 1, n, "attempts", true)
                        : NULL;
    return out->attempts != NULL;
}

static anp_status write_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                            anp_error *err)
{
    anp_write_results *w = context;
    (void)body;
    (void)err;
    w->generations[row] = m->result == 0 ? m->generation : 0;
    w->codes[row] = m->result;
    return ANP_OK;
}

static void write_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    anp_write_results *w = context;
    w->in_doubt[row] = in_doubt;
    w->generations[row] = 0;
    w->codes[row] = anp_public_code(code);
}

static void write_sent(void *context, uint64_t row, uint32_t attempts, bool in_doubt)
{
    anp_write_results *w = context;
    w->attempts[row] = (uint8_t)(attempts < 255 ? attempts : 255);
    w->in_doubt[row] = in_doubt;
}

void anp_write_results_sink(anp_write_results *results, anp_row_sink *out)
{
    *out = (anp_row_sink){
        .row = write_row, .settle = write_settle, .sent = write_sent, .context = results};
}

/* ---- what rows of a write ask for ---- */

typedef struct row_meta {
    uint8_t info2, info3;
    bool send_key;
    uint16_t generation;
    uint32_t ttl;
    size_t filter, filter_size; /* field 43 in `filters`; size 0: the batch's counts */
} row_meta;

typedef struct write_payload {
    anp_write_results results;
    anp_buffer ops, offsets, counts, metas,
        filters; /* offsets u64 n + 1, counts u16 n, metas row_meta n or empty; whole fields */
} write_payload;

static void free_write(void *payload)
{
    write_payload *p = payload;
    anp_buffer_deinit(&p->ops);
    anp_buffer_deinit(&p->offsets);
    anp_buffer_deinit(&p->counts);
    anp_buffer_deinit(&p->metas);
    anp_buffer_deinit(&p->filters);
    PyMem_RawFree(p);
}

static write_payload *new_write(void)
{
    write_payload *p = PyMem_RawCalloc(1, sizeof *p);
    if (p == NULL) {
        return (write_payload *)PyErr_NoMemory();
    }
    anp_buffer_init(&p->ops, SIZE_MAX / 2);
    anp_buffer_init(&p->offsets, SIZE_MAX / 2);
    anp_buffer_init(&p->counts, SIZE_MAX / 2);
    anp_buffer_init(&p->metas, SIZE_MAX / 2);
    anp_buffer_init(&p->filters, SIZE_MAX / 2);
    return p;
}

void anp_write_source(const anp_py_policy *policy, bool deletes, void *context, anp_row_source *out)
{
    *out = (anp_row_source){.context = context, .send_key = policy->key == 1, .is_write = true};
    anp_row_request *same = &out->same;
    same->flags = ANP_ROW_INFO | ANP_ROW_GENERATION | ANP_ROW_TTL;
    same->info2 = (uint8_t)(ANP_INFO2_WRITE | (deletes ? ANP_INFO2_DELETE : 0));
    anp_policy_write_bits(policy, &same->info2, &same->info3);
    same->ttl = deletes ? 0 : anp_policy_ttl(policy);
}

static anp_status dict_row(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    write_payload *p = context;
    const uint64_t *offsets = (const uint64_t *)(const void *)p->offsets.data;
    (void)ops;
    if (p->counts.size != 0) {
        request->ops =
            (anp_slice){p->ops.data + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
        request->n_ops = ((const uint16_t *)(const void *)p->counts.data)[row];
    }
    if (p->metas.size != 0) {
        const row_meta *meta = &((const row_meta *)(const void *)p->metas.data)[row];
        request->info2 = meta->info2;
        request->info3 = meta->info3;
        request->generation = meta->generation;
        request->ttl = meta->ttl;
        request->send_key = meta->send_key;
        if (meta->filter_size != 0) {
            request->fields = (anp_slice){p->filters.data + meta->filter, meta->filter_size};
            request->n_fields = 1;
        }
    }
    return ANP_OK;
}

/* Per-row meta over the call's policy. */
static bool add_meta(anp_core *core, write_payload *p, PyObject *meta, const anp_py_policy *policy,
                     anp_policy_group group, const char *where)
{
    anp_py_policy mine;
    uint32_t generation = 0;
    anp_policy_copy(&mine, policy);
    if (!anp_row_policy_parse(core->state, NULL, meta, group, where, &mine, &generation)) {
        anp_policy_release(&mine);
        return false;
    }
    bool deletes = group == ANP_GROUP_BATCH_REMOVE;
    row_meta m = {.info2 = (uint8_t)(ANP_INFO2_WRITE | (deletes ? ANP_INFO2_DELETE : 0)),
                  .generation = (uint16_t)generation,
                  .send_key = mine.key == 1};
    anp_policy_write_bits(&mine, &m.info2, &m.info3);
    m.ttl = deletes ? 0 : anp_policy_ttl(&mine);
    if (mine.filter != policy->filter) {
        anp_slice filter = anp_policy_filter(&mine);
        m.filter = p->filters.size;
        anp_field_write(&p->filters, ANP_FIELD_FILTER, filter.data, filter.size);
        m.filter_size = p->filters.size - m.filter;
    }
    anp_policy_release(&mine);
    anp_buffer_put(&p->metas, &m, sizeof m);
    return true;
}

static bool add_row(anp_core *core, write_payload *p, PyObject *bins, Py_ssize_t row)
{
    uint64_t offset = p->ops.size;
    anp_buffer_put(&p->offsets, &offset, sizeof offset);
    if (!PyDict_Check(bins)) {
        PyErr_Format(PyExc_TypeError, "batch_write: records[%zd]: bins is a dict, not %s", row,
                     Py_TYPE(bins)->tp_name);
        return false;
    }
    PyObject *items = PyDict_Items(bins);
    Py_ssize_t n = items != NULL ? PyList_GET_SIZE(items) : 0;
    bool ok = items != NULL;
    if (ok && (n == 0 || n > ANP_BINS_MAX)) {
        (void)anp_raise_arg(core->state,
                            "batch_write: records[%zd] has %zd bins; a record takes 1 to %d", row,
                            n, (int)ANP_BINS_MAX);
        ok = false;
    }
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        ok = anp_value_op(core->state, &p->ops, ANP_OP_WRITE, PyTuple_GET_ITEM(pair, 0),
                          PyTuple_GET_ITEM(pair, 1), false);
    }
    Py_XDECREF(items);
    uint16_t count = (uint16_t)n;
    anp_buffer_put(&p->counts, &count, sizeof count);
    return ok;
}

static bool buffers_are_good(anp_core *core, write_payload *p)
{
    const anp_buffer *buffers[] = {&p->ops, &p->offsets, &p->counts, &p->metas, &p->filters};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        if (buffers[i]->failed != ANP_OK) {
            anp_error err;
            (void)anp_buffer_error(buffers[i], "the rows of a batch", &err);
            (void)anp_raise(core->state, &err, NULL);
            return false;
        }
    }
    return true;
}

/* The end of each preparation: keys and payload become a request, or are freed; so is the policy.
 */
static PyObject *finish_write(anp_core *core, bool ok, anp_py_policy *policy, anp_key_source *keys,
                              write_payload *p, bool deletes,
                              anp_status (*row)(void *, uint64_t, anp_row_request *, anp_buffer *),
                              PyObject *arrays, PyObject *hold)
{
    ok = ok && buffers_are_good(core, p) &&
         anp_write_results_take(arrays, (Py_ssize_t)keys->view.total, &p->results);
    if (!ok) {
        if (keys != NULL) {
            anp_key_source_free(keys);
        }
        if (p != NULL) {
            free_write(p);
        }
        anp_policy_release(policy);
        return NULL;
    }
    anp_row_source source;
    anp_row_sink sink;
    anp_write_source(policy, deletes, p, &source);
    source.row = row;
    source.send_key = source.send_key && p->metas.size == 0; /* else each row says */
    anp_write_results_sink(&p->results, &sink);
    PyObject *request = anp_batch_request(core, policy, keys, &source, &sink, 1,
                                          anp_batch_timings_tuple, p, free_write, hold);
    anp_policy_release(policy);
    return request;
}

/* batch_write_rows(keys, bins, metas or None, arrays, policy): bins and metas are lists as long as
 * keys; metas holds dicts and None. */
PyObject *anp_core_batch_write_rows(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *bins, *metas, *arrays, *policy_dict;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "OO!OOO", &keys, &PyList_Type, &bins, &metas, &arrays,
                          &policy_dict) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_WRITE, "batch_write", &policy)) {
        return NULL;
    }
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, false);
    write_payload *p = source_keys != NULL ? new_write() : NULL;
    bool ok = p != NULL;
    Py_ssize_t n = PyList_GET_SIZE(bins);
    for (Py_ssize_t i = 0; ok && i < n && i < PyList_GET_SIZE(bins); i++) {
        PyObject *row = Py_NewRef(PyList_GET_ITEM(bins, i));
        ok = add_row(core, p, row, i);
        Py_DECREF(row);
        if (ok && metas != Py_None) {
            char where[64];
            (void)PyOS_snprintf(where, sizeof where, "batch_write: records[%zd]", i);
            ok =
                add_meta(core, p, PyList_GET_ITEM(metas, i), &policy, ANP_GROUP_BATCH_WRITE, where);
        }
    }
    if (ok) {
        uint64_t end = p->ops.size;
        anp_buffer_put(&p->offsets, &end, sizeof end);
        ok = (uint64_t)n == source_keys->view.total;
        if (!ok) {
            PyErr_SetString(PyExc_RuntimeError, "batch_write: the records changed during the call");
        }
    }
    return finish_write(core, ok, &policy, source_keys, p, false, dict_row, arrays, args);
}

/* batch_remove(keys, metas or None, policy over the policy, arrays, policy) */
PyObject *anp_core_batch_remove(PyObject *self, PyObject *args)
{
    anp_core *core = (anp_core *)(void *)self;
    PyObject *keys, *metas, *arrays, *policy_dict, *over;
    anp_py_policy policy;
    if (!PyArg_ParseTuple(args, "OOOOO", &keys, &metas, &over, &arrays, &policy_dict) ||
        !anp_core_policy(core, policy_dict, ANP_GROUP_BATCH_REMOVE, "batch_remove", &policy)) {
        return NULL;
    }
    anp_key_source *source_keys = anp_key_source_new(core->state, keys, false);
    write_payload *p = source_keys != NULL ? new_write() : NULL;
    bool ok = p != NULL &&
              anp_policy_parse(core->state, over, ANP_GROUP_BATCH_REMOVE, "batch_remove", &policy);
    if (ok && metas != Py_None) {
        ok = PyList_Check(metas) && (uint64_t)PyList_GET_SIZE(metas) == source_keys->view.total;
        if (!ok) {
            PyErr_SetString(PyExc_TypeError, "metas is a list as long as keys");
        }
        for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(metas); i++) {
            char where[64];
            (void)PyOS_snprintf(where, sizeof where, "batch_remove: keys[%zd]", i);
            ok = add_meta(core, p, PyList_GET_ITEM(metas, i), &policy, ANP_GROUP_BATCH_REMOVE,
                          where);
        }
    }
    return finish_write(core, ok, &policy, source_keys, p, true, metas != Py_None ? dict_row : NULL,
                        arrays, args);
}
