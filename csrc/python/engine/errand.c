/* Errands: what an event loop waits for that is no request: a cluster that is being opened, closed,
 * or found. Each has a descriptor that becomes readable when it is worth a look; nobody blocks. For
 * one task. */
#include "python/engine/core.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"

enum { SLICE_MS = 100 }; /* for what rings no bell: a close() of another thread, a slow resolver */

typedef struct errand errand;
struct errand {
    PyObject_HEAD anp_core *core; /* owned */
    /* 1: over; 0: not yet; -1: exception. Not called again once it is over. */
    int (*step)(errand *e);
    anp_cluster *cluster; /* retained; NULL: the errand is over */
    anp_cluster *mine;    /* of connecting: retained until it is the core's, or dropped */
    anp_bell cluster_bell, gate_bell;
    int fd;
    long pid;
    uint32_t n_closes; /* of connecting */
    uint64_t until;    /* of draining, or of finding */
};

static errand *errand_of(PyObject *self)
{
    return (errand *)(void *)self;
}

/* It is over: hears nothing more, and lets go of the cluster. */
static void leave(errand *e, bool close)
{
    anp_cluster *cluster = e->cluster, *mine = e->mine;
    e->cluster = e->mine = NULL;
    anp_cluster_unlisten(cluster, &e->cluster_bell);
    if (e->core->gate != NULL) {
        anp_gate_unlisten(e->core->gate, &e->gate_bell);
    }
    Py_BEGIN_ALLOW_THREADS if (close)
    {
        anp_cluster_close(cluster);
    }
    anp_cluster_release(mine);
    anp_cluster_release(cluster);
    Py_END_ALLOW_THREADS
}

/* Takes the cluster over; NULL is an exception that is set. */
static PyObject *errand_new(anp_core *core, anp_cluster *cluster, int (*step)(errand *))
{
    PyTypeObject *type = core->state->errand_type;
    errand *e = errand_of(type->tp_alloc(type, 0));
    if (e == NULL) {
        anp_cluster_release(cluster);
        return NULL;
    }
    e->core = (anp_core *)(void *)Py_NewRef((PyObject *)core);
    e->pid = anp_process_id();
    e->step = step;
    e->cluster = cluster;
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e->cluster_bell.fd = e->gate_bell.fd = e->fd;
    anp_cluster_listen(cluster, &e->cluster_bell);
    if (e->fd < 0) {
        (void)PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(e);
        return NULL;
    }
    return (PyObject *)e;
}

/* ---- the kinds ---- */

static int connect_step(errand *e)
{
    anp_cluster *connected = NULL;
    int is_over = anp_core_connected(e->core, e->mine, e->n_closes, 0, &connected);
    if (is_over != 0) {
        e->mine = NULL;
        anp_cluster_release(connected);
        leave(e, false);
    }
    return is_over;
}

PyObject *anp_core_connecting(PyObject *self, PyObject *unused)
{
    anp_core *core = (anp_core *)(void *)self;
    bool closed;
    (void)unused;
    anp_cluster *cluster = anp_core_current(core, &closed);
    if (cluster != NULL) {
        anp_cluster_release(cluster);
        Py_RETURN_NONE;
    }
    uint32_t n_closes;
    cluster = anp_core_open(core, &n_closes);
    PyObject *made = cluster != NULL ? errand_new(core, cluster, connect_step) : NULL;
    if (made != NULL) {
        errand_of(made)->mine = anp_cluster_retain(cluster);
        errand_of(made)->n_closes = n_closes;
    }
    return made;
}

static int close_step(errand *e)
{
    anp_gate *gate = e->core->gate;
    if (gate != NULL && anp_clock_now() < e->until && !anp_gate_wait_empty(gate, 0)) {
        return 0;
    }
    e->until = 0;
    if (!anp_cluster_stop(e->cluster)) {
        return 0;
    }
    leave(e, true);
    return 1;
}

PyObject *anp_core_closing(PyObject *self, PyObject *drain)
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
    PyObject *made = errand_new(core, cluster, close_step);
    if (made != NULL) {
        errand *e = errand_of(made);
        e->until = anp_clock_now() + (uint64_t)(seconds * (double)ANP_NS_PER_S);
        if (core->gate != NULL) {
            anp_gate_listen(core->gate, &e->gate_bell);
        }
    }
    return made;
}

static int find_step(errand *e)
{
    anp_status status = anp_cluster_wait(e->cluster, 0, NULL);
    if (status != ANP_OK && status != ANP_ERR_CLOSED && anp_clock_now() < e->until) {
        return 0;
    }
    leave(e, false);
    return 1;
}

PyObject *anp_request_finding(PyObject *self, PyObject *unused)
{
    anp_request *r = (anp_request *)(void *)self;
    (void)unused;
    PyObject *made = errand_new(r->core, anp_cluster_retain(r->command->cluster), find_step);
    if (made != NULL) {
        errand_of(made)->until =
            anp_clock_deadline(anp_clock_now(), r->command->policy.total_timeout_ms);
    }
    return made;
}

/* ---- the type ---- */

static PyObject *errand_look(PyObject *self, PyObject *unused)
{
    errand *e = errand_of(self);
    eventfd_t rung;
    int is_over;
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    (void)eventfd_read(e->fd, &rung);
    is_over = e->cluster == NULL || e->pid != anp_process_id() ? 1 : e->step(e);
    Py_END_CRITICAL_SECTION();
    return is_over < 0 ? NULL : PyBool_FromLong(is_over);
}

static PyObject *errand_seconds(PyObject *self, PyObject *unused)
{
    const errand *e = errand_of(self);
    (void)unused;
    int ms = SLICE_MS;
    if (e->until != 0) {
        ms = anp_clock_ms_left(e->until, anp_clock_now(), 3600 * 1000);
    }
    return PyFloat_FromDouble(ms / 1e3);
}

static PyObject *errand_fileno(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(errand_of(self)->fd);
}

static void errand_dealloc(PyObject *self)
{
    errand *e = errand_of(self);
    PyTypeObject *type = Py_TYPE(self);
    if (e->cluster != NULL && e->pid == anp_process_id()) { /* nobody waits for it any more */
        leave(e, e->step != find_step);
    }
    if (e->fd >= 0) {
        (void)close(e->fd);
    }
    Py_XDECREF(e->core);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef errand_methods[] = {
    {"look", errand_look, METH_NOARGS, "Goes on; True: it is over. Raises what it came to."},
    {"seconds", errand_seconds, METH_NOARGS, "After which to look though nothing was heard."},
    {"fileno", errand_fileno, METH_NOARGS, "A descriptor for add_reader."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot errand_slots[] = {
    {Py_tp_dealloc, errand_dealloc},
    {Py_tp_methods, errand_methods},
    {0, NULL},
};

PyType_Spec anp_errand_spec = {
    .name = "aerospike_np._engine.Errand",
    .basicsize = sizeof(errand),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = errand_slots,
};
