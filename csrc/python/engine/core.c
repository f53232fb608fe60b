/* Core: connecting, closing, forking. Any thread may call any method; the lock is
 * never held while Python code or the engine runs. */
#include "python/engine/core.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <structmember.h>

#include "aerospike_np/aerospike_np.h"
#include "base/clock.h"
#include "base/process.h"

static int core_init(anp_core *core, PyObject *args, PyObject *kwargs)
{
    PyObject *config;
    static char *names[] = {"config", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &config)) {
        return -1;
    }
    if (core->config != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a Core is made once");
        return -1;
    }
    /* Another thread may change the caller's own meanwhile; what is no dict is refused below. */
    PyObject *copy = PyDict_Check(config) ? PyDict_Copy(config) : Py_NewRef(config);
    int result = copy != NULL ? anp_core_take_config(core, copy) : -1;
    Py_XDECREF(copy);
    return result;
}

static PyObject *core_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    anp_core *core = (anp_core *)(void *)type->tp_alloc(type, 0);
    if (core != NULL) {
        core->state = anp_state_of_type(type);
        core->lock = PyThread_allocate_lock();
        atomic_init(&core->pid, anp_process_id());
        if (core->state == NULL || core->lock == NULL) {
            Py_DECREF(core);
            return PyErr_NoMemory();
        }
    }
    return (PyObject *)core;
}

/* ---- connecting ---- */

enum { SLICE_MS = 100 };

#define CLOSED_MEANWHILE "the client was closed while it was connecting"

/* Forgets what belongs to the parent of a fork: its locks, sockets and memory are left behind on
 * purpose. The parent's other threads may have been anywhere, in the few instructions of the lock
 * too. Of the child's threads one does it, and the others wait for it. */
static void after_fork(anp_core *core)
{
    long me = anp_process_id(), pid;
    while ((pid = atomic_load(&core->pid)) != me) {
        if (pid != -me && atomic_compare_exchange_strong(&core->pid, &pid, -me)) {
            core->lock = PyThread_allocate_lock();
            core->cluster = NULL;
            core->runtime = NULL;
            core->gate = NULL; /* no memory for it: calls say so */
            (void)anp_gate_new((uint32_t)core->settings.max_operations, &core->gate, NULL);
            atomic_store(&core->pid, me);
        } else {
            (void)sched_yield();
        }
    }
}

static void hold_lock(anp_core *core)
{
    after_fork(core);
    (void)PyThread_acquire_lock(
        core->lock, WAIT_LOCK); /* a few instructions long, and never with the GIL wanted inside */
}

anp_cluster *anp_core_current(anp_core *core, bool *closed)
{
    hold_lock(core);
    anp_cluster *cluster = core->cluster != NULL ? anp_cluster_retain(core->cluster) : NULL;
    *closed = core->closed;
    PyThread_release_lock(core->lock);
    return cluster;
}

static bool fill_seeds(anp_core *core, anp_seed *seeds, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GET_ITEM(core->hosts, i);
        const char *host = PyUnicode_AsUTF8(PyTuple_GET_ITEM(pair, 0));
        long port = PyLong_AsLong(PyTuple_GET_ITEM(pair, 1));
        if (host == NULL || (port == -1 && PyErr_Occurred())) {
            return false;
        }
        (void)snprintf(seeds[i].host, sizeof seeds[i].host, "%s", host);
        seeds[i].port = (uint16_t)port;
    }
    return true;
}

static anp_cluster *open_cluster(anp_core *core)
{
    Py_ssize_t n = PyList_GET_SIZE(core->hosts);
    anp_seed *seeds = PyMem_Calloc((size_t)n, sizeof *seeds);
    if (seeds == NULL) {
        (void)PyErr_NoMemory();
        return NULL;
    }
    anp_cluster *cluster = NULL;
    if (fill_seeds(core, seeds, n)) {
        anp_cluster_config config = {
            .seeds = seeds,
            .n_seeds = (uint32_t)n,
            .connect_timeout_ms = (uint32_t)core->settings.connect_timeout,
            .tend_interval_ms = (uint32_t)core->settings.tend_interval,
            .min_conns_per_node = (uint32_t)core->settings.min_conns,
            .max_conns_per_node = (uint32_t)core->settings.max_conns,
            .max_socket_idle_ms = (uint32_t)core->settings.idle_ms,
            .max_error_rate = (uint32_t)core->settings.max_error_rate,
            .error_rate_window = (uint32_t)core->settings.error_rate_window,
            .use_services_alternate = core->settings.use_services_alternate,
            .is_rack_aware = core->settings.is_rack_aware,
            .n_racks = core->settings.n_rack_ids != 0 ? core->settings.n_rack_ids : 1,
        };
        memcpy(config.racks, core->settings.rack_ids, sizeof config.racks);
        if (core->settings.n_rack_ids == 0) {
            config.racks[0] = core->settings.rack_id;
        }
        memcpy(config.cluster_name, core->settings.cluster_name, sizeof config.cluster_name);
        (void)snprintf(config.user_agent, sizeof config.user_agent,
                       "1,aerospike_np-" ANP_VERSION ",%.32s",
                       core->settings.app_id[0] != 0 ? core->settings.app_id : "not-set");
        anp_error err;
        if (anp_cluster_open(&config, &cluster, &err) != ANP_OK) {
            (void)anp_raise(core->state, &err, NULL);
            cluster = NULL;
        }
    }
    PyMem_Free(seeds);
    return cluster;
}

static void drop_cluster(anp_cluster *cluster)
{
    Py_BEGIN_ALLOW_THREADS anp_cluster_close(cluster);
    anp_cluster_release(cluster);
    Py_END_ALLOW_THREADS
}

static bool raise_closed(const anp_core *core, const char *message)
{
    anp_error err;
    (void)anp_error_set(&err, ANP_ERR_CLOSED, "%s", message);
    (void)anp_raise(core->state, &err, NULL);
    return false;
}

static uint32_t count_closes(anp_core *core)
{
    hold_lock(core);
    uint32_t n = core->n_closes;
    PyThread_release_lock(core->lock);
    return n;
}

anp_cluster *anp_core_open(anp_core *core, uint32_t *n_closes)
{
    *n_closes = count_closes(core);
    return open_cluster(core);
}

/* 1: it is connected, or that is no error; 0: not yet; -1: exception. */
static int look_connected(anp_core *core, anp_cluster *cluster, uint32_t n_closes, uint32_t ms)
{
    anp_error err;
    anp_status status;
    if (count_closes(core) != n_closes) {
        (void)raise_closed(core, CLOSED_MEANWHILE);
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS status = anp_cluster_wait(cluster, ms, &err);
    Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0)
    {
        return -1;
    }
    if (status == ANP_ERR_CLIENT_TIMEOUT) {
        return 0;
    }
    if (status != ANP_OK && core->settings.fail_if_not_connected) {
        (void)anp_raise(core->state, &err, NULL);
        return -1;
    }
    return 1;
}

/* The core's cluster from now on, where nobody was first; else it is dropped. Retained. */
static anp_cluster *install(anp_core *core, anp_cluster *mine, uint32_t n_closes)
{
    hold_lock(core);
    anp_cluster *winner = core->cluster;
    if (winner == NULL && core->n_closes == n_closes) {
        core->cluster = mine;
        core->closed = false;
        winner = mine;
        mine = NULL;
    }
    if (winner != NULL) {
        (void)anp_cluster_retain(winner);
    }
    PyThread_release_lock(core->lock);
    if (mine != NULL) {
        drop_cluster(mine);
    }
    if (winner == NULL) {
        (void)raise_closed(core, CLOSED_MEANWHILE);
    }
    return winner;
}

int anp_core_connected(anp_core *core, anp_cluster *mine, uint32_t n_closes, uint32_t ms,
                       anp_cluster **out)
{
    int is_over = look_connected(core, mine, n_closes, ms);
    if (is_over < 0) {
        PyObject *exception = anp_exception_take();
        drop_cluster(mine);
        anp_exception_give(exception);
    } else if (is_over > 0) {
        *out = install(core, mine, n_closes);
        is_over = *out != NULL ? 1 : -1;
    }
    return is_over;
}

/* Waits in slices, so that Ctrl-C is heard, and a close() of another thread. */
static anp_cluster *connect_now(anp_core *core)
{
    uint32_t n_closes;
    anp_cluster *mine = anp_core_open(core, &n_closes), *cluster = NULL;
    while (mine != NULL && anp_core_connected(core, mine, n_closes, SLICE_MS, &cluster) == 0) {
    }
    return cluster;
}

anp_cluster *anp_core_cluster(anp_core *core)
{
    bool closed;
    anp_cluster *cluster = anp_core_current(core, &closed);
    if (cluster == NULL && closed) {
        (void)raise_closed(core, "the client is closed; call connect() to open it again");
        return NULL;
    }
    return cluster != NULL ? cluster : connect_now(core);
}

/* ---- threads of async requests ---- */

static uint32_t workers(void)
{
    const char *text = getenv("AEROSPIKE_RUNTIME_WORKERS");
    char *end = NULL;
    long n = text != NULL ? strtol(text, &end, 10) : 0;
    bool is_number = text != NULL && end != text && *end == 0;
    return !is_number ? 2 : n < 1 ? 1 : n > 32 ? 32 : (uint32_t)n;
}

anp_seat *anp_core_sit(anp_core *core)
{
    hold_lock(core);
    anp_runtime *runtime = core->runtime;
    PyThread_release_lock(core->lock);
    if (runtime == NULL) {
        anp_runtime *mine;
        anp_error err;
        if (anp_runtime_start(workers(), &mine, &err) != ANP_OK) {
            (void)anp_raise(core->state, &err, NULL);
            return NULL;
        }
        hold_lock(core);
        if (core->runtime == NULL) {
            core->runtime = mine;
            mine = NULL;
        }
        runtime = core->runtime;
        PyThread_release_lock(core->lock);
        anp_runtime_stop(mine); /* another thread was first */
    }
    return anp_runtime_sit(runtime);
}

static PyObject *core_connect(PyObject *self, PyObject *unused)
{
    anp_core *core = (anp_core *)(void *)self;
    bool closed;
    (void)unused;
    anp_cluster *cluster = anp_core_current(core, &closed);
    if (cluster == NULL) {
        cluster = connect_now(core);
    }
    if (cluster == NULL) {
        return NULL;
    }
    anp_cluster_release(cluster);
    Py_RETURN_NONE;
}

/* Waits for what is under way, in slices, so that Ctrl-C is heard. */
static bool wait_idle(anp_core *core, double seconds)
{
    uint64_t end = anp_clock_now() + (uint64_t)(seconds * (double)ANP_NS_PER_S);
    bool is_idle = false;
    while (!is_idle && anp_clock_now() < end) {
        int ms = anp_clock_ms_left(end, anp_clock_now(), SLICE_MS);
        Py_BEGIN_ALLOW_THREADS is_idle = anp_gate_wait_empty(core->gate, (uint32_t)ms);
        Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0)
        {
            return false;
        }
    }
    return true;
}

bool anp_core_begin_close(anp_core *core, PyObject *drain, double *seconds, anp_cluster **out)
{
    *seconds = PyFloat_AsDouble(drain);
    if (*seconds == -1 && PyErr_Occurred()) {
        return false;
    }
    if (!(*seconds >= 0 && *seconds <= 1e6)) {
        (void)anp_raise_arg(core->state, "close: drain is a number of seconds, not %R", drain);
        return false;
    }
    hold_lock(core);
    *out = core->cluster;
    core->cluster = NULL;
    core->closed = true;
    core->n_closes++;
    PyThread_release_lock(core->lock);
    return true;
}

/* close(seconds): what is under way gets so long to end */
static PyObject *core_close(PyObject *self, PyObject *drain)
{
    anp_core *core = (anp_core *)(void *)self;
    anp_cluster *cluster;
    double seconds;
    if (!anp_core_begin_close(core, drain, &seconds, &cluster)) {
        return NULL;
    }
    if (cluster == NULL) {
        Py_RETURN_NONE;
    }
    bool ok = seconds == 0 || core->gate == NULL || wait_idle(core, seconds);
    PyObject *exception = ok ? NULL : anp_exception_take();
    drop_cluster(cluster);
    if (!ok) {
        anp_exception_give(exception);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *core_is_connected(PyObject *self, PyObject *unused)
{
    bool closed;
    (void)unused;
    anp_cluster *cluster = anp_core_current((anp_core *)(void *)self, &closed);
    bool yes = cluster != NULL && anp_cluster_is_connected(cluster);
    if (cluster != NULL) {
        anp_cluster_release(cluster);
    }
    return PyBool_FromLong(yes);
}

/* Is a cluster open in this process? (No I/O; for the warning of a client that was dropped without
 * close.) */
static PyObject *core_is_open(PyObject *self, PyObject *unused)
{
    anp_core *core = (anp_core *)(void *)self;
    (void)unused;
    hold_lock(core);
    bool is_open = core->cluster != NULL;
    PyThread_release_lock(core->lock);
    return PyBool_FromLong(is_open);
}

static PyObject *core_is_closed(PyObject *self, PyObject *unused)
{
    anp_core *core = (anp_core *)(void *)self;
    (void)unused;
    hold_lock(core);
    bool is_closed = core->closed;
    PyThread_release_lock(core->lock);
    return PyBool_FromLong(is_closed);
}

enum { NODES_MAX = 256 };

/* [(name, host, port)] */
static PyObject *core_nodes(PyObject *self, PyObject *unused)
{
    anp_core *core = (anp_core *)(void *)self;
    (void)unused;
    anp_cluster *cluster = anp_core_cluster(core);
    if (cluster == NULL) {
        return NULL;
    }
    anp_cluster_node *nodes[NODES_MAX];
    size_t n = anp_cluster_nodes(cluster, nodes, NODES_MAX);
    n = n < NODES_MAX ? n : NODES_MAX;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; i < n; i++) {
        char text[ANP_ADDRESS_TEXT];
        anp_address_print(&nodes[i]->address, text);
        PyObject *row = Py_BuildValue("(ss)", nodes[i]->name, text);
        if (list != NULL && (row == NULL || PyList_Append(list, row) < 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
        anp_cluster_node_release(nodes[i]);
    }
    anp_cluster_release(cluster);
    return list;
}

static int core_traverse(anp_core *core, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(core));
    Py_VISIT(core->config);
    Py_VISIT(core->hosts);
    return 0;
}

static int core_clear(anp_core *core)
{
    Py_CLEAR(core->config);
    Py_CLEAR(core->hosts);
    return 0;
}

static void core_dealloc(anp_core *core)
{
    for (size_t i = 0; i < ANP_GROUPS; i++) {
        anp_policy_release(&core->policies[i]);
    }
    PyTypeObject *type = Py_TYPE(core);
    PyObject_GC_UnTrack(core);
    bool is_ours = atomic_load(&core->pid) == anp_process_id();
    if (core->cluster != NULL && is_ours) {
        drop_cluster(core->cluster);
    }
    if (core->runtime != NULL && is_ours) { /* a request holds its core: none is under way */
        Py_BEGIN_ALLOW_THREADS anp_runtime_stop(core->runtime);
        Py_END_ALLOW_THREADS
    }
    if (is_ours) {
        anp_gate_free(core->gate);
    }
    if (core->lock != NULL) {
        PyThread_free_lock(core->lock);
    }
    (void)core_clear(core);
    type->tp_free(core);
    Py_DECREF(type);
}

static PyMethodDef core_methods[] = {
    {"connect", core_connect, METH_NOARGS, "Connects where that was not done."},
    {"connecting", anp_core_connecting, METH_NOARGS, "connect() as an errand."},
    {"closing", anp_core_closing, METH_O, "close() as an errand."},
    {"close", core_close, METH_O, "close(seconds for what is under way); harmless twice."},
    {"is_connected", core_is_connected, METH_NOARGS, "No I/O."},
    {"is_open", core_is_open, METH_NOARGS, "No I/O."},
    {"is_closed", core_is_closed, METH_NOARGS, "close() was called last. No I/O."},
    {"nodes", core_nodes, METH_NOARGS, "[(name, address)]"},
    {"state", anp_core_state, METH_NOARGS, "What the client knows of its cluster; None: not open."},
    {"partition_owners", anp_core_partition_owners, METH_O,
     "Names of the nodes of each partition of a namespace, master first."},
    {"run", anp_core_run, METH_O, "Drives a request to its end."},
    {"get", (PyCFunction)(void (*)(void))anp_core_get, METH_FASTCALL, "get(key, policy)"},
    {"select", (PyCFunction)(void (*)(void))anp_core_select, METH_FASTCALL,
     "select(key, bins, policy)"},
    {"exists", (PyCFunction)(void (*)(void))anp_core_exists, METH_FASTCALL, "exists(key, policy)"},
    {"put", (PyCFunction)(void (*)(void))anp_core_put, METH_FASTCALL,
     "put(key, bins, meta, policy)"},
    {"apply", (PyCFunction)(void (*)(void))anp_core_apply, METH_FASTCALL,
     "apply(key, module, function, args, policy)"},
    {"write_ops", (PyCFunction)(void (*)(void))anp_core_write_ops, METH_FASTCALL,
     "write_ops(where, key, [(op, bin, value)], meta, policy, ttl)"},
    {"remove", (PyCFunction)(void (*)(void))anp_core_remove, METH_FASTCALL,
     "remove(key, meta, policy)"},
    {"operate", (PyCFunction)(void (*)(void))anp_core_operate, METH_FASTCALL,
     "operate(key, [operation], meta, policy)"},
    {"operate_ordered", (PyCFunction)(void (*)(void))anp_core_operate_ordered, METH_FASTCALL,
     "operate_ordered(key, [operation], meta, policy)"},
    {"info", (PyCFunction)(void (*)(void))anp_core_info, METH_FASTCALL,
     "info(node name or None, text, policy)"},
    {"read_plan", anp_core_read_plan, METH_VARARGS,
     "read_plan(where, ((bin, sample array), ...), fills, errors mode, policy, bins, rows): for any "
     "number of batch reads into arrays like the samples. bins: what to ask for; none: metadata."},
    {"batch_table", anp_core_batch_table, METH_VARARGS, "Batch read into arrays."},
    {"batch_records", anp_core_batch_records, METH_VARARGS, "Batch read into records."},
    {"batch_write_rows", anp_core_batch_write_rows, METH_VARARGS, "Batch write of dicts."},
    {"batch_write_table", anp_core_batch_write_table, METH_VARARGS, "Batch write of arrays."},
    {"batch_remove", anp_core_batch_remove, METH_VARARGS, "Batch delete."},
    {"batch_look", anp_core_batch_look, METH_VARARGS, "Which records have changed."},
    {"batch_operate_table", anp_core_batch_operate_table, METH_VARARGS,
     "Operations with values of arrays."},
    {"batch_operate", anp_core_batch_operate, METH_VARARGS, "Operations on many records."},
    {"batch_apply", anp_core_batch_apply, METH_VARARGS, "A function with many records."},
    {"batch_mixed", anp_core_batch_mixed, METH_VARARGS, "Rows that ask for different things."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef core_members[] = {
    {"config", T_OBJECT, offsetof(anp_core, config), READONLY, NULL},
    {"hosts", T_OBJECT, offsetof(anp_core, hosts), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot core_slots[] = {
    {Py_tp_new, core_new},         {Py_tp_init, core_init},
    {Py_tp_dealloc, core_dealloc}, {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},     {Py_tp_methods, core_methods},
    {Py_tp_members, core_members}, {0, NULL},
};

PyType_Spec anp_core_spec = {
    .name = "aerospike_np._engine.Core",
    .basicsize = sizeof(anp_core),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = core_slots,
};
