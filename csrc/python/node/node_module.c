/* aerospike_np._node: the embedded node for Python. Node(config) serves until stop(), its
 * deallocation, or the end of the process. It never calls into Python, so it needs the GIL only at
 * its doors. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <unistd.h>

#include "node/node.h"

typedef struct node_object {
    PyObject_HEAD anp_node *node; /* NULL: stopped */
    long pid;                     /* of the process that started it; a fork has no node */
} node_object;

typedef struct module_state {
    PyTypeObject *node_type;
    PyObject *error; /* aerospike_np.exception._error */
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

static PyObject *node_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"host",
                            "port",
                            "namespaces",
                            "name",
                            "cluster_name",
                            "allow_remote",
                            "max_memory",
                            "max_connections",
                            "batch_max_requests",
                            "max_output",
                            "threads",
                            NULL};
    const char *host, *name, *cluster;
    unsigned short port;
    PyObject *namespaces;
    int allow_remote;
    unsigned long long max_memory, max_output;
    unsigned int max_connections, batch_max, threads;
    anp_node_config config = {0};
    anp_namespace_config spaces[32] = {{{0}, 0, 0, false, 0}};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sHO!sspKIIKI", names, &host, &port,
                                     &PyList_Type, &namespaces, &name, &cluster, &allow_remote,
                                     &max_memory, &max_connections, &batch_max, &max_output,
                                     &threads)) {
        return NULL;
    }
    Py_ssize_t n = PyList_GET_SIZE(namespaces);
    if (n > 32) {
        PyErr_SetString(PyExc_ValueError, "a node has at most 32 namespaces");
        return NULL;
    }
    if (!take_namespaces(namespaces, spaces, n) ||
        !copy_text(host, config.host, sizeof config.host, "host") ||
        !copy_text(name, config.name, sizeof config.name, "name") ||
        !copy_text(cluster, config.cluster_name, sizeof config.cluster_name, "cluster_name")) {
        return NULL;
    }
    config.port = port;
    config.allow_remote = allow_remote != 0;
    config.batch_max_requests = batch_max;
    config.max_connections = max_connections;
    config.max_output = max_output;
    config.threads = threads;
    anp_store_config store_config = {
        .namespaces = spaces, .n_namespaces = (uint32_t)n, .max_memory = max_memory};
    anp_store *store = NULL;
    anp_node *node = NULL;
    anp_error err;
    anp_status status = anp_store_new(&store_config, &store, &err);
    if (status == ANP_OK) {
        Py_BEGIN_ALLOW_THREADS status = anp_node_start(&config, store, &node, &err);
        Py_END_ALLOW_THREADS anp_store_release(store);
    }
    if (status != ANP_OK) {
        return raise(type, &err);
    }
    node_object *self = (node_object *)(void *)type->tp_alloc(type, 0);
    if (self == NULL) {
        anp_node_stop(node);
        return NULL;
    }
    self->node = node;
    self->pid = (long)getpid();
    return (PyObject *)self;
}

/* Without a GIL stop() could free the node under another thread's eyes: its users look at it, and
 * stop() takes it away, with the object locked. */
#ifdef Py_GIL_DISABLED
#define WITH_OBJECT(object) Py_BEGIN_CRITICAL_SECTION(object)
#define WITH_OBJECT_END() Py_END_CRITICAL_SECTION()
#else
#define WITH_OBJECT(object) {
#define WITH_OBJECT_END() }
#endif

/* The node, where it runs in this process; else an exception. */
static anp_node *running(PyObject *object)
{
    node_object *self = (node_object *)(void *)object;
    anp_error err = {.code = ANP_ERR_CLOSED, .message = "the node is stopped"};
    if (self->node != NULL && self->pid == (long)getpid()) {
        return self->node;
    }
    if (self->node != NULL) {
        (void)PyOS_snprintf(err.message, sizeof err.message,
                            "the node runs in process %ld, and this is its fork %ld; start one "
                            "here, or use the address",
                            self->pid, (long)getpid());
    }
    (void)raise(Py_TYPE(object), &err);
    return NULL;
}

static PyObject *node_stop(PyObject *object, PyObject *unused)
{
    node_object *self = (node_object *)(void *)object;
    anp_node *node = NULL;
    (void)unused;
    WITH_OBJECT(object);
    if (self->pid == (long)getpid()) {
        node = self->node;
        self->node = NULL;
    }
    WITH_OBJECT_END();
    if (node != NULL) {
        Py_BEGIN_ALLOW_THREADS anp_node_stop(node);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static PyObject *node_stats(PyObject *object, PyObject *unused)
{
    bool is_there = false;
    anp_node_stats s;
    (void)unused;
    WITH_OBJECT(object);
    anp_node *node = running(object);
    if (node != NULL) {
        anp_node_stats_get(node, &s);
        is_there = true;
    }
    WITH_OBJECT_END();
    if (!is_there) {
        return NULL;
    }
    return Py_BuildValue(
        "{sKsKsKsKsKsKsK}", "objects", (unsigned long long)s.objects, "memory",
        (unsigned long long)s.memory, "connections", (unsigned long long)s.connections,
        "connections_opened", (unsigned long long)s.connections_opened, "connections_refused",
        (unsigned long long)s.connections_refused, "requests", (unsigned long long)s.requests,
        "batch_rows", (unsigned long long)s.batch_rows);
}

static PyObject *node_host(PyObject *object, void *unused)
{
    PyObject *host = NULL;
    (void)unused;
    WITH_OBJECT(object);
    anp_node *node = running(object);
    host = node != NULL ? PyUnicode_FromString(anp_node_host(node)) : NULL;
    WITH_OBJECT_END();
    return host;
}

static PyObject *node_port(PyObject *object, void *unused)
{
    PyObject *port = NULL;
    (void)unused;
    WITH_OBJECT(object);
    anp_node *node = running(object);
    port = node != NULL ? PyLong_FromLong(anp_node_port(node)) : NULL;
    WITH_OBJECT_END();
    return port;
}

static PyObject *node_name(PyObject *object, void *unused)
{
    PyObject *name = NULL;
    (void)unused;
    WITH_OBJECT(object);
    anp_node *node = running(object);
    name = node != NULL ? PyUnicode_FromString(anp_node_name(node)) : NULL;
    WITH_OBJECT_END();
    return name;
}

static void node_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *done = node_stop(object, NULL);
    Py_XDECREF(done);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef node_methods[] = {
    {"stop", node_stop, METH_NOARGS, "Stops serving; harmless twice."},
    {"stats", node_stats, METH_NOARGS, "Counters, as a dict."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef node_getset[] = {
    {"host", node_host, NULL, "The address it listens on.", NULL},
    {"port", node_port, NULL, "The port it listens on.", NULL},
    {"name", node_name, NULL, "The node's id.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot node_slots[] = {
    {Py_tp_new, node_new},
    {Py_tp_dealloc, node_dealloc},
    {Py_tp_methods, node_methods},
    {Py_tp_getset, node_getset},
    {0, NULL},
};

static PyType_Spec node_spec = {
    .name = "aerospike_np._node.Node",
    .basicsize = sizeof(node_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = node_slots,
};

static int exec_module(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "aerospike_np does not run in subinterpreters (NumPy does not)");
        return -1;
    }
    PyObject *exceptions = PyImport_ImportModule("aerospike_np.exception");
    state->error = exceptions != NULL ? PyObject_GetAttrString(exceptions, "_error") : NULL;
    Py_XDECREF(exceptions);
    state->node_type =
        state->error != NULL
            ? (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, &node_spec, NULL)
            : NULL;
    return state->node_type != NULL ? PyModule_AddType(module, state->node_type) : -1;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) {
        Py_VISIT(state->node_type);
        Py_VISIT(state->error);
    }
    return 0;
}

static int clear(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) {
        Py_CLEAR(state->node_type);
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
    .m_doc = "The embedded node's binding. Private: use aerospike_np.local.",
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
