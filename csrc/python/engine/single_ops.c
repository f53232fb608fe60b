/* Single-record operations, prepared: arguments are checked and turned into one request frame; the
 * result is made from the reply. All are methods of Core; the arguments come from
 * aerospike_np._record_operations, positionally. */
#include "python/engine/single_ops.h"

#include "command/request.h"
#include "python/engine/row_request.h"

enum { OPS_MAX = 64 * 1024 * 1024 };

static bool open_prepared(anp_prepared *p, anp_core *core, PyObject *key, PyObject *policy,
                          anp_policy_group group, const char *where)
{
    *p = (anp_prepared){0};
    anp_buffer_init(&p->ops, OPS_MAX);
    anp_buffer_init(&p->args, OPS_MAX);
    return anp_core_policy(core, policy, group, where, &p->policy) &&
           anp_key_parse(core->state, key, -1, &p->key);
}

void anp_prepared_close(anp_prepared *p)
{
    anp_buffer_deinit(&p->ops);
    anp_buffer_deinit(&p->args);
    anp_policy_release(&p->policy);
    anp_key_release(&p->key);
}

/* AerospikeKey(namespace, set, user key, digest) of the key tuple. */
static PyObject *whole_key(anp_state *state, PyObject *tuple, const uint8_t *digest)
{
    PyObject *items[] = {Py_NewRef(PyTuple_GET_ITEM(tuple, 0)),
                         Py_NewRef(PyTuple_GET_ITEM(tuple, 1)),
                         Py_NewRef(PyTuple_GET_ITEM(tuple, 2)),
                         PyBytes_FromStringAndSize((const char *)digest, ANP_DIGEST_SIZE)};
    return anp_named_tuple(state->key_class, items, 4);
}

static void put_request(anp_single *s, const anp_prepared *p)
{
    memcpy(s->namespace_name, p->key.namespace_name.data, p->key.namespace_name.size);
    s->namespace_size = (uint8_t)p->key.namespace_name.size;
    memcpy(s->digest, p->key.digest, ANP_DIGEST_SIZE);
    s->is_write = (p->info2 & ANP_INFO2_WRITE) != 0;
    anp_record_request request = {
        .info1 = p->info1,
        .info2 = p->info2,
        .info3 = p->info3,
        .generation = (uint16_t)p->generation,
        .ttl = p->ttl,
        .namespace_name = p->key.namespace_name,
        .set = p->key.set,
        .digest = p->key.digest,
        .key = p->policy.key == 1 && p->key.key.type != 0 ? &p->key.key : NULL,
        .filter = anp_policy_filter(&p->policy),
        .module = p->module,
        .function = p->function,
        .args = {p->args.data, p->args.size},
        .ops = {p->ops.data, p->ops.size},
        .n_ops = p->n_ops,
    };
    anp_record_request_write(&s->request, &request);
}

PyObject *anp_prepared_request(anp_core *core, anp_prepared *p, PyObject *key,
                               PyObject *(*wrap)(anp_request *))
{
    if (p->ops.failed != ANP_OK) {
        anp_error err;
        (void)anp_buffer_error(&p->ops, "the request", &err);
        return anp_raise(core->state, &err, key);
    }
    anp_cluster *cluster = anp_core_cluster(core);
    anp_request *r = cluster != NULL ? anp_request_new(core) : NULL;
    if (r == NULL) {
        goto fail;
    }
    r->key = whole_key(core->state, key, p->key.digest);
    r->single = r->key != NULL ? PyMem_RawCalloc(1, sizeof *r->single) : NULL;
    if (r->single == NULL) {
        if (r->key != NULL) {
            (void)PyErr_NoMemory();
        }
        goto fail;
    }
    anp_error err;
    anp_single *s = r->single;
    if (anp_single_init(s, cluster, &p->policy.engine, &err) != ANP_OK) {
        PyMem_RawFree(s);
        r->single = NULL;
        (void)anp_raise(core->state, &err, NULL);
        goto fail;
    }
    r->command = &s->command;
    r->wrap = wrap;
    put_request(s, p);
    if (s->request.failed != ANP_OK) {
        (void)anp_buffer_error(&s->request, "the request", &err);
        (void)anp_raise(core->state, &err, r->key);
        goto fail;
    }
    anp_cluster_release(cluster);
    return (PyObject *)r;
fail:
    if (cluster != NULL) {
        anp_cluster_release(cluster);
    }
    Py_XDECREF(r);
    return NULL;
}

/* ---- results ---- */

static bool skip_fields(anp_cursor *c, uint16_t n)
{
    anp_field_view field;
    for (uint16_t i = 0; i < n; i++) {
        if (!anp_field_read(c, &field)) {
            return false;
        }
    }
    return true;
}

static PyObject *meta_of(anp_state *state, const anp_message *m)
{
    return anp_meta_tuple(state, m->generation, anp_ttl_left(m->ttl));
}

PyObject *anp_wrap_bins(anp_request *r, PyObject *class,
                        PyObject *(*decode)(anp_state *, anp_cursor *, uint16_t))
{
    anp_single *s = r->single;
    anp_cursor body = s->body;
    if (!skip_fields(&body, s->message.n_fields)) {
        anp_error err = {.code = ANP_ERR_PROTOCOL,
                         .message = "the reply's fields do not fit into it"};
        return anp_raise(r->state, &err, r->key);
    }
    PyObject *bins = decode(r->state, &body, s->message.n_ops);
    PyObject *meta = bins != NULL ? meta_of(r->state, &s->message) : NULL;
    PyObject *items[] = {Py_NewRef(r->key), meta, bins};
    return anp_named_tuple(class, items, 3);
}

PyObject *anp_wrap_record(anp_request *r)
{
    return anp_wrap_bins(r, r->state->record_class, anp_bins_decode);
}

static PyObject *wrap_exists(anp_request *r)
{
    bool there = r->command->status == ANP_OK;
    PyObject *meta = there ? meta_of(r->state, &r->single->message) : Py_NewRef(Py_None);
    PyObject *items[] = {Py_NewRef(r->key), meta};
    return anp_named_tuple(r->state->exists_class, items, 2);
}

static PyObject *wrap_none(anp_request *r)
{
    (void)r;
    Py_RETURN_NONE;
}

/* ---- reads ---- */

static PyObject *prepare_read(anp_core *core, PyObject *key, PyObject *bins, PyObject *policy,
                              uint8_t info1, const char *where, PyObject *(*wrap)(anp_request *))
{
    anp_prepared p;
    PyObject *request = NULL, *names = NULL;
    if (!open_prepared(&p, core, key, policy, ANP_GROUP_READ, where)) {
        goto done;
    }
    p.info1 = info1;
    p.ttl = (uint32_t)p.policy.read_touch;
    anp_policy_read_bits(&p.policy, &p.info1, &p.info3);
    if (bins != NULL) {
        if (PyUnicode_Check(bins) || PyBytes_Check(bins)) {
            PyErr_Format(PyExc_TypeError, "%s: bins is a list of names, not %s", where,
                         Py_TYPE(bins)->tp_name);
            goto done;
        }
        names = PySequence_Tuple(bins);
        if (names == NULL) {
            goto done;
        }
        if (PyTuple_GET_SIZE(names) == 0) {
            (void)anp_raise_arg(
                core->state,
                "%s: bins is empty; use exists() for the metadata alone, get() for all bins",
                where);
            goto done;
        }
        if (PyTuple_GET_SIZE(names) > ANP_OPS_MAX) {
            (void)anp_raise_arg(core->state, "%s: %zd bins; a request takes at most %d", where,
                                PyTuple_GET_SIZE(names), (int)ANP_OPS_MAX);
            goto done;
        }
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
            anp_slice name;
            if (!anp_bin_name(core->state, PyTuple_GET_ITEM(names, i), &name)) {
                goto done;
            }
            anp_op_write(&p.ops, ANP_OP_READ, name.data, name.size, ANP_PARTICLE_NULL, NULL, 0);
        }
        p.n_ops = (uint16_t)PyTuple_GET_SIZE(names);
    }
    request = anp_prepared_request(core, &p, key, wrap);
done:
    Py_XDECREF(names);
    anp_prepared_close(&p);
    return request;
}

PyObject *anp_core_get(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    if (!anp_args_are("get", n, 2)) {
        return NULL;
    }
    return prepare_read((anp_core *)(void *)self, args[0], NULL, args[1],
                        ANP_INFO1_READ | ANP_INFO1_GET_ALL, "get", anp_wrap_record);
}

PyObject *anp_core_select(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    if (!anp_args_are("select", n, 3)) {
        return NULL;
    }
    return prepare_read((anp_core *)(void *)self, args[0], args[1], args[2], ANP_INFO1_READ,
                        "select", anp_wrap_record);
}

PyObject *anp_core_exists(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    if (!anp_args_are("exists", n, 2)) {
        return NULL;
    }
    PyObject *request = prepare_read((anp_core *)(void *)self, args[0], NULL, args[1],
                                     ANP_INFO1_READ | ANP_INFO1_GET_NO_BINS, "exists", wrap_exists);
    if (request != NULL) {
        ((anp_request *)(void *)request)->miss_is_data = true;
    }
    return request;
}

/* ---- writes ---- */

bool anp_prepared_write(anp_prepared *p, anp_core *core, PyObject *key, PyObject *meta,
                        PyObject *policy, anp_policy_group group, const char *where)
{
    if (!open_prepared(p, core, key, policy, group, where) ||
        !anp_meta_parse(core->state, meta, group, where, &p->policy, &p->generation)) {
        return false;
    }
    p->info2 = ANP_INFO2_WRITE;
    anp_policy_write_bits(&p->policy, &p->info2, &p->info3);
    p->ttl = anp_policy_ttl(&p->policy);
    return true;
}

PyObject *anp_core_put(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    anp_core *core = (anp_core *)(void *)self;
    anp_prepared p;
    PyObject *request = NULL, *items = NULL;
    if (!anp_args_are("put", n, 4)) {
        return NULL;
    }
    if (!anp_prepared_write(&p, core, args[0], args[2], args[3], ANP_GROUP_WRITE, "put")) {
        goto done;
    }
    if (!PyDict_Check(args[1])) {
        PyErr_Format(PyExc_TypeError, "put: bins is a dict of bin name to value, not %s",
                     Py_TYPE(args[1])->tp_name);
        goto done;
    }
    items = PyDict_Items(args[1]);
    if (items == NULL) {
        goto done;
    }
    if (PyList_GET_SIZE(items) == 0 || PyList_GET_SIZE(items) > ANP_BINS_MAX) {
        (void)anp_raise_arg(core->state, "put: %zd bins; a record takes 1 to %d",
                            PyList_GET_SIZE(items), (int)ANP_BINS_MAX);
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        if (!anp_value_op(core->state, &p.ops, ANP_OP_WRITE, PyTuple_GET_ITEM(pair, 0),
                          PyTuple_GET_ITEM(pair, 1), false)) {
            goto done;
        }
    }
    p.n_ops = (uint16_t)PyList_GET_SIZE(items);
    request = anp_prepared_request(core, &p, args[0], wrap_none);
done:
    Py_XDECREF(items);
    anp_prepared_close(&p);
    return request;
}

/* write_ops(where, key, [(op, bin name, value), ...], meta, policy, ttl or None): touch, append,
 * prepend, increment, remove_bin. An empty bin name is for operations without one. */
PyObject *anp_core_write_ops(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    anp_core *core = (anp_core *)(void *)self;
    anp_prepared p;
    PyObject *request = NULL;
    if (!anp_args_are("write_ops", n, 6)) {
        return NULL;
    }
    const char *where = PyUnicode_AsUTF8(args[0]);
    if (where == NULL) {
        return NULL;
    }
    /* As in the official client: what is an operation on a bin has the policy of operations. */
    anp_policy_group group = strcmp(where, "remove_bin") == 0 ? ANP_GROUP_WRITE : ANP_GROUP_OPERATE;
    if (!anp_prepared_write(&p, core, args[1], args[3], args[4], group, where)) {
        goto done;
    }
    if (args[5] != Py_None) {
        if (!anp_ttl_parse(core->state, args[5], where, &p.policy.ttl)) {
            goto done;
        }
        p.ttl = anp_policy_ttl(&p.policy);
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(args[2]); i++) {
        PyObject *op = PyList_GET_ITEM(args[2], i);
        long code = PyLong_AsLong(PyTuple_GET_ITEM(op, 0));
        if (code == -1 && PyErr_Occurred()) {
            goto done;
        }
        if (!anp_value_op(core->state, &p.ops, (uint8_t)code, PyTuple_GET_ITEM(op, 1),
                          PyTuple_GET_ITEM(op, 2), code == ANP_OP_TOUCH)) {
            goto done;
        }
    }
    p.n_ops = (uint16_t)PyList_GET_SIZE(args[2]);
    request = anp_prepared_request(core, &p, args[1], wrap_none);
done:
    anp_prepared_close(&p);
    return request;
}

PyObject *anp_core_remove(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    anp_core *core = (anp_core *)(void *)self;
    anp_prepared p;
    PyObject *request = NULL;
    if (!anp_args_are("remove", n, 3)) {
        return NULL;
    }
    if (anp_prepared_write(&p, core, args[0], args[1], args[2], ANP_GROUP_REMOVE, "remove")) {
        p.info2 |= ANP_INFO2_DELETE;
        p.ttl = 0;
        request = anp_prepared_request(core, &p, args[0], wrap_none);
    }
    anp_prepared_close(&p);
    return request;
}

/* ---- functions of a record ---- */

/* The value of a reply's one operation, SUCCESS; none: the function returned nothing. */
static PyObject *wrap_apply(anp_request *r)
{
    anp_single *s = r->single;
    anp_cursor body = s->body;
    anp_op op;
    if (r->command->status != ANP_OK || s->message.n_ops == 0) {
        Py_RETURN_NONE;
    }
    if (!skip_fields(&body, s->message.n_fields) || !anp_op_read(&body, &op)) {
        anp_error err = {.code = ANP_ERR_PROTOCOL,
                         .message = "what the function returned does not fit into the reply"};
        return anp_raise(r->state, &err, r->key);
    }
    return anp_value_decode(r->state, &op.value, op.name);
}

/* apply(key, module, function, list of arguments, policy) */
PyObject *anp_core_apply(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    anp_core *core = (anp_core *)(void *)self;
    const anp_whose whose = {.state = core->state, .where = "apply: args"};
    anp_prepared p;
    uint8_t particle;
    PyObject *request = NULL;
    if (!anp_args_are("apply", n, 5)) {
        return NULL;
    }
    if (anp_prepared_write(&p, core, args[0], Py_None, args[4], ANP_GROUP_APPLY, "apply") &&
        anp_function_name(core->state, args[1], "module", "apply", &p.module) &&
        anp_function_name(core->state, args[2], "function", "apply", &p.function) &&
        anp_value_encode(&whose, args[3], &p.args, &particle)) {
        request = anp_prepared_request(core, &p, args[0], wrap_apply);
    }
    anp_prepared_close(&p);
    return request;
}
