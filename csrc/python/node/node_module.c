/* aerospike_np._node: embedded nodes for Python. A Cluster has the data, and nodes that are added
 * to it; they serve until stop(), its deallocation, or the end of the process. A node never calls
 * into Python, so the GIL is needed only at the doors. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <unistd.h>

#include "node/group.h"

typedef struct cluster_object {
    PyObject_HEAD anp_group *group; /* freed with the object only: methods may be under way */
    long pid;                       /* of the process that started it; a fork has no nodes */
} cluster_object;

typedef struct module_state {
    PyTypeObject *cluster_type;
    PyObject *error; /* aerospike_np._codes.error_of */
} module_state;

static struct PyModuleDef node_module;

static PyObject *raise(PyTypeObject *type, const anp_error *err)
{
    PyObject *module = PyType_GetModuleByDef(type, &node_module);
    module_state *state = module != NULL ? PyModule_GetState(module) : NULL;
    if (state == NULL) {
        return NULL;
    }
    PyObject *exception = PyObject_CallFunction(
        state->error, "is", (int)(err->code == ANP_ERR_PARAM ? -2 : -1), err->message);
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

static bool copy_text(const char *from, char *into, size_t room, const char *what)
{
    if (strlen(from) >= room) {
        PyErr_Format(PyExc_ValueError, "%s is longer than %zu bytes", what, room - 1);
        return false;
    }
    memcpy(into, from, strlen(from) + 1);
    return true;
}

/* namespaces: a list of (name, default_ttl, nsup_period, max_record_size) */
static bool take_namespaces(PyObject *list, anp_namespace_config *out, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        const char *name;
        unsigned int ttl, period, size;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "sIII", &name, &ttl, &period, &size) ||
            !copy_text(name, out[i].name, sizeof out[i].name, "a namespace's name")) {
            return false;
        }
        out[i].default_ttl = ttl;
        out[i].nsup_period = period;
        out[i].max_record_size = size;
    }
    return true;
}

/* The cluster, where it runs in this process; else an exception. Whether it is stopped it says
 * itself. */
static anp_group *ours(PyObject *object)
{
    cluster_object *self = (cluster_object *)(void *)object;
    if (self->pid == (long)getpid()) {
        return self->group;
    }
    anp_error err = {.code = ANP_ERR_CLOSED};
    (void)PyOS_snprintf(err.message, sizeof err.message,
                        "the node runs in process %ld, and this is its fork %ld; start one here, "
                        "or use the address",
                        self->pid, (long)getpid());
    (void)raise(Py_TYPE(object), &err);
    return NULL;
}

static PyObject *cluster_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"namespaces", "replication_factor", "max_memory", NULL};
    PyObject *namespaces;
    unsigned int factor;
    unsigned long long max_memory;
    anp_namespace_config spaces[32] = {{{0}, 0, 0, false, 0}};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!IK", names, &PyList_Type, &namespaces,
                                     &factor, &max_memory)) {
        return NULL;
    }
    Py_ssize_t n = PyList_GET_SIZE(namespaces);
    if (n > 32) {
        PyErr_SetString(PyExc_ValueError, "a node has at most 32 namespaces");
        return NULL;
    }
    if (!take_namespaces(namespaces, spaces, n)) {
        return NULL;
    }
    anp_store_config config = {
        .namespaces = spaces, .n_namespaces = (uint32_t)n, .max_memory = max_memory};
    anp_store *store = NULL;
    anp_group *group = NULL;
    anp_error err;
    anp_status status = anp_store_new(&config, &store, &err);
    if (status == ANP_OK) {
        status = anp_group_new(store, factor, &group, &err);
        anp_store_release(store);
    }
    if (status != ANP_OK) {
        return raise(type, &err);
    }
    cluster_object *self = (cluster_object *)(void *)type->tp_alloc(type, 0);
    if (self == NULL) {
        anp_group_free(group);
        return NULL;
    }
    self->group = group;
    self->pid = (long)getpid();
    return (PyObject *)self;
}

static PyObject *cluster_add(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"host",
                            "port",
                            "name",
                            "rack",
                            "cluster_name",
                            "allow_remote",
                            "max_connections",
                            "batch_max_requests",
                            "max_output",
                            "threads",
                            NULL};
    const char *host, *name, *cluster;
    unsigned short port;
    int rack, allow_remote;
    unsigned long long max_output;
    unsigned int max_connections, batch_max, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sHsispIIKI", names, &host, &port, &name, &rack,
                                     &cluster, &allow_remote, &max_connections, &batch_max,
                                     &max_output, &threads)) {
        return NULL;
    }
    anp_node_config config = {
        .port = port,
        .rack = rack,
        .allow_remote = allow_remote != 0,
        .batch_max_requests = batch_max,
        .max_connections = max_connections,
        .max_output = max_output,
        .threads = threads,
    };
    anp_group *group = ours(object);
    if (group == NULL || !copy_text(host, config.host, sizeof config.host, "host") ||
        !copy_text(name, config.name, sizeof config.name, "name") ||
        !copy_text(cluster, config.cluster_name, sizeof config.cluster_name, "cluster_name")) {
        return NULL;
    }
    uint32_t index = 0;
    anp_error err;
    anp_status status;
    Py_BEGIN_ALLOW_THREADS status = anp_group_add(group, &config, &index, &err);
    Py_END_ALLOW_THREADS return status == ANP_OK ? PyLong_FromUnsignedLong(index)
                                                 : raise(Py_TYPE(object), &err);
}

/* ---- what is done to one node ---- */

typedef anp_status (*action)(anp_group *g, uint32_t index, anp_error *err);

static PyObject *act(PyObject *object, PyObject *args, action what)
{
    unsigned int index;
    anp_group *group = ours(object);
    if (group == NULL || !PyArg_ParseTuple(args, "I", &index)) {
        return NULL;
    }
    anp_error err;
    anp_status status;
    Py_BEGIN_ALLOW_THREADS status = what(group, index, &err);
    Py_END_ALLOW_THREADS if (status != ANP_OK)
    {
        return raise(Py_TYPE(object), &err);
    }
    Py_RETURN_NONE;
}

static PyObject *cluster_kill(PyObject *object, PyObject *args)
{
    return act(object, args, anp_group_kill);
}

static PyObject *cluster_freeze(PyObject *object, PyObject *args)
{
    return act(object, args, anp_group_freeze);
}

static PyObject *cluster_thaw(PyObject *object, PyObject *args)
{
    return act(object, args, anp_group_thaw);
}

static PyObject *cluster_restart(PyObject *object, PyObject *args)
{
    unsigned int index;
    unsigned short port;
    anp_group *group = ours(object);
    if (group == NULL || !PyArg_ParseTuple(args, "IH", &index, &port)) {
        return NULL;
    }
    anp_error err;
    anp_status status;
    Py_BEGIN_ALLOW_THREADS status = anp_group_restart(group, index, port, &err);
    Py_END_ALLOW_THREADS if (status != ANP_OK)
    {
        return raise(Py_TYPE(object), &err);
    }
    Py_RETURN_NONE;
}

/* ---- partitions ---- */

static bool take_partitions(PyObject *list, uint16_t *out, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        unsigned long p = PyLong_AsUnsignedLong(PyList_GET_ITEM(list, i));
        if (p >= ANP_PARTITIONS) {
            if (!PyErr_Occurred()) {
                PyErr_Format(PyExc_ValueError, "partition %lu: there are %d", p,
                             (int)ANP_PARTITIONS);
            }
            return false;
        }
        out[i] = (uint16_t)p;
    }
    return true;
}

static PyObject *cluster_move(PyObject *object, PyObject *args)
{
    PyObject *list;
    int to;
    uint16_t partitions[ANP_PARTITIONS];
    anp_group *group = ours(object);
    if (group == NULL || !PyArg_ParseTuple(args, "O!i", &PyList_Type, &list, &to)) {
        return NULL;
    }
    Py_ssize_t n = PyList_GET_SIZE(list);
    if (n > ANP_PARTITIONS) {
        PyErr_Format(PyExc_ValueError, "%zd partitions: there are %d", n, (int)ANP_PARTITIONS);
        return NULL;
    }
    if (!take_partitions(list, partitions, n)) {
        return NULL;
    }
    uint32_t moved = 0;
    anp_error err;
    anp_status status = anp_group_move(group, partitions, (uint32_t)n, to, &moved, &err);
    return status == ANP_OK ? PyLong_FromUnsignedLong(moved) : raise(Py_TYPE(object), &err);
}

static PyObject *owners_of(anp_group *group, unsigned partition)
{
    uint8_t owners[ANP_OWNERS_MAX];
    uint32_t n = anp_group_owners(group, partition, owners);
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (uint32_t i = 0; tuple != NULL && i < n; i++) {
        PyObject *number = PyLong_FromLong(owners[i]);
        if (number == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, number);
        }
    }
    return tuple;
}

static PyObject *cluster_owners(PyObject *object, PyObject *unused)
{
    (void)unused;
    anp_group *group = ours(object);
    PyObject *list = group != NULL ? PyList_New(ANP_PARTITIONS) : NULL;
    for (unsigned p = 0; list != NULL && p < ANP_PARTITIONS; p++) {
        PyObject *tuple = owners_of(group, p);
        if (tuple == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)p, tuple);
        }
    }
    return list;
}

/* ---- looking ---- */

static PyObject *cluster_look(PyObject *object, PyObject *args)
{
    unsigned int index;
    anp_group_node seen;
    anp_error err;
    anp_group *group = ours(object);
    if (group == NULL || !PyArg_ParseTuple(args, "I", &index)) {
        return NULL;
    }
    if (anp_group_look(group, index, &seen, &err) != ANP_OK) {
        return raise(Py_TYPE(object), &err);
    }
    return Py_BuildValue("ssiis", seen.name, seen.host, (int)seen.port, (int)seen.rack,
                         anp_node_state_name(seen.state));
}

static PyObject *cluster_stats(PyObject *object, PyObject *args)
{
    unsigned int index;
    anp_node_stats s;
    anp_error err;
    anp_group *group = ours(object);
    if (group == NULL || !PyArg_ParseTuple(args, "I", &index)) {
        return NULL;
    }
    if (anp_group_stats(group, index, &s, &err) != ANP_OK) {
        return raise(Py_TYPE(object), &err);
    }
    return Py_BuildValue(
        "{sKsKsKsKsKsKsKsK}", "objects", (unsigned long long)s.objects, "memory",
        (unsigned long long)s.memory, "connections", (unsigned long long)s.connections,
        "connections_opened", (unsigned long long)s.connections_opened, "connections_refused",
        (unsigned long long)s.connections_refused, "requests", (unsigned long long)s.requests,
        "batch_rows", (unsigned long long)s.batch_rows, "proxied", (unsigned long long)s.proxied);
}

static PyObject *cluster_stop(PyObject *object, PyObject *unused)
{
    cluster_object *self = (cluster_object *)(void *)object;
    (void)unused;
    if (self->group != NULL && self->pid == (long)getpid()) {
        Py_BEGIN_ALLOW_THREADS anp_group_close(self->group);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static void cluster_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    cluster_object *self = (cluster_object *)(void *)object;
    if (self->pid == (long)getpid()) { /* a fork leaves it be */
        Py_BEGIN_ALLOW_THREADS anp_group_free(self->group);
        Py_END_ALLOW_THREADS
    }
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef cluster_methods[] = {
    {"add", (PyCFunction)(void (*)(void))cluster_add, METH_VARARGS | METH_KEYWORDS,
     "Starts one more node; returns its index."},
    {"kill", cluster_kill, METH_VARARGS, "Resets a node's connections and takes it out."},
    {"freeze", cluster_freeze, METH_VARARGS, "A node answers nothing any more."},
    {"thaw", cluster_thaw, METH_VARARGS, "A frozen node goes on."},
    {"restart", cluster_restart, METH_VARARGS,
     "A killed node comes back, at a port (0: a free one)."},
    {"move", cluster_move, METH_VARARGS, "Gives partitions another master; returns how many."},
    {"owners", cluster_owners, METH_NOARGS, "A tuple of node indexes a partition, master first."},
    {"look", cluster_look, METH_VARARGS, "(name, host, port, rack, state) of a node."},
    {"stats", cluster_stats, METH_VARARGS, "A node's counters, as a dict."},
    {"stop", cluster_stop, METH_NOARGS, "Stops all nodes and frees the data; harmless twice."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot cluster_slots[] = {
    {Py_tp_new, cluster_new},
    {Py_tp_dealloc, cluster_dealloc},
    {Py_tp_methods, cluster_methods},
    {0, NULL},
};

static PyType_Spec cluster_spec = {
    .name = "aerospike_np._node.Cluster",
    .basicsize = sizeof(cluster_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = cluster_slots,
};

static int exec_module(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "aerospike_np does not run in subinterpreters (NumPy does not)");
        return -1;
    }
    PyObject *codes = PyImport_ImportModule("aerospike_np._codes");
    state->error = codes != NULL ? PyObject_GetAttrString(codes, "error_of") : NULL;
    Py_XDECREF(codes);
    state->cluster_type =
        state->error != NULL
            ? (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, &cluster_spec, NULL)
            : NULL;
    return state->cluster_type != NULL ? PyModule_AddType(module, state->cluster_type) : -1;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) {
        Py_VISIT(state->cluster_type);
        Py_VISIT(state->error);
    }
    return 0;
}

static int clear(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) {
        Py_CLEAR(state->cluster_type);
        Py_CLEAR(state->error);
    }
    return 0;
}

static void free_module(void *module)
{
    (void)clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, exec_module},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef node_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "aerospike_np._node",
    .m_doc = "The embedded nodes' binding. Private: use aerospike_np.local.",
    .m_size = sizeof(module_state),
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__node(void)
{
    return PyModuleDef_Init(&node_module);
}
