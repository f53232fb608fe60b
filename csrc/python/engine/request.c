/* Requests: driven to the end with the GIL released, coming back every slice so that Ctrl-C is
 * heard, then wrapped. A request runs once. */
#include "python/engine/core.h"

#include "base/clock.h"
#include "base/process.h"
#include "python/engine/key_source.h"

enum { SLICE_MS = 100 };

uint32_t anp_ttl_left(uint32_t void_time)
{
    if (void_time == 0) {
        return UINT32_MAX;
    }
    uint64_t now = anp_clock_wall() / ANP_NS_PER_S - ANP_EPOCH;
    return void_time > now ? (uint32_t)(void_time - now) : 1;
}

anp_request *anp_request_new(anp_core *core)
{
    PyTypeObject *type = core->state->request_type;
    anp_request *r = (anp_request *)(void *)type->tp_alloc(type, 0);
    if (r != NULL) {
        Py_INCREF(core);
        r->core = core;
        r->state = core->state;
    }
    return r;
}

/* The exception that the command's end stands for; NULL, none set: it ended well. */
static PyObject *ending(anp_request *r)
{
    anp_command *c = r->command;
    if (c->status == ANP_OK || (r->miss_is_data && c->status == ANP_NOT_FOUND)) {
        return NULL;
    }
    anp_error err = c->error;
    if (err.code == ANP_OK) {
        err.code = c->status;
    }
    if (r->single != NULL) {
        err.in_doubt = r->single->in_doubt;
        if (err.node[0] == 0) {
            memcpy(err.node, r->single->node, sizeof err.node);
        }
    }
    return anp_exception_new(r->state, &err, r->key);
}

/* Calls the progress callable, where there is one. */
static bool tell_progress(anp_request *r)
{
    if (r->progress == NULL || (r->batch == NULL && r->parts == NULL)) {
        return true;
    }
    uint64_t done =
        r->parts != NULL ? anp_batch_parts_progress(r->parts) : anp_batch_progress(r->batch);
    PyObject *got = PyObject_CallFunction(r->progress, "KK", (unsigned long long)done,
                                          (unsigned long long)r->keys->view.total);
    Py_XDECREF(got);
    return got != NULL;
}

bool anp_request_next_keys(anp_request *r)
{
    if (!anp_key_source_next(r->state, r->keys)) {
        return false;
    }
    anp_batch_give(r->batch, &r->keys->view);
    return true;
}

/* A client whose connect() doesn't raise may not have found its cluster yet. */
static bool lacks_map(const anp_request *r)
{
    if (r->core->settings.fail_if_not_connected) {
        return false;
    }
    anp_map *map = anp_cluster_map(r->command->cluster);
    anp_map_release(map);
    return map == NULL;
}

/* So much of the call's time is over before it began. */
static void spend(anp_command *c, uint64_t ms)
{
    if (c->policy.total_timeout_ms != 0 && !c->policy.each_window) {
        uint32_t all = c->policy.total_timeout_ms;
        c->policy.total_timeout_ms = ms < all ? all - (uint32_t)ms : 1;
    }
}

/* The call waits for its cluster, as long as its own time allows. false: an exception is set. */
static bool await_cluster(anp_request *r)
{
    anp_command *c = r->command;
    if (!lacks_map(r)) {
        return true;
    }
    uint64_t begin = anp_clock_now();
    uint64_t deadline = anp_clock_deadline(begin, c->policy.total_timeout_ms);
    anp_status status = ANP_ERR_CLIENT_TIMEOUT;
    while (status != ANP_OK && status != ANP_ERR_CLOSED && anp_clock_now() < deadline) {
        uint32_t ms = (uint32_t)anp_clock_ms_left(deadline, anp_clock_now(), SLICE_MS);
        Py_BEGIN_ALLOW_THREADS status = anp_cluster_wait(c->cluster, ms, NULL);
        Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0)
        {
            return false;
        }
    }
    spend(c, (anp_clock_now() - begin) / ANP_NS_PER_MS);
    return true;
}

/* Drives to the end. Returns an exception that came up on this side (Ctrl-C, a bad key, the
 * progress callable), or NULL. */
static PyObject *drive(anp_request *r)
{
    PyObject *raised = NULL;
    if (!await_cluster(r)) {
        raised = anp_exception_take();
        anp_command_cancel(r->command);
    }
    for (;;) {
        anp_drive what;
        Py_BEGIN_ALLOW_THREADS what = anp_command_drive(r->command, SLICE_MS);
        Py_END_ALLOW_THREADS if (what == ANP_DRIVE_DONE)
        {
            break;
        }
        bool ok = raised != NULL || (PyErr_CheckSignals() == 0 && tell_progress(r));
        if (ok && what == ANP_DRIVE_KEYS) {
            ok = raised == NULL && anp_request_next_keys(r);
        }
        if (!ok && raised == NULL) {
            raised = anp_exception_take();
            anp_command_cancel(r->command);
        }
    }
    if (raised == NULL && !tell_progress(r)) {
        raised = anp_exception_take();
    }
    return raised;
}

/* What interrupted the write of one record (Ctrl-C) says whether it may have been applied. */
static void tell_doubt(const anp_request *r, PyObject *raised)
{
    if (r->single == NULL || !r->single->is_write) {
        return;
    }
    bool in_doubt = r->single->in_doubt || r->command->status == ANP_OK;
    if (PyObject_SetAttrString(raised, "in_doubt", in_doubt ? Py_True : Py_False) < 0) {
        PyErr_Clear(); /* an exception without room for it */
    }
}

PyObject *anp_request_conclude(anp_request *r, PyObject *raised)
{
    if (raised != NULL) {
        tell_doubt(r, raised);
    }
    PyObject *exception = raised != NULL ? raised : ending(r);
    if (exception == NULL && PyErr_Occurred()) {
        return NULL;
    }
    if (exception != NULL && r->finish == NULL) {
        anp_exception_give(exception);
        return NULL;
    }
    PyObject *raw = r->wrap(r);
    if (raw == NULL) {
        Py_XDECREF(exception);
        return NULL;
    }
    if (r->finish == NULL) {
        return raw;
    }
    PyObject *result =
        PyObject_CallFunctionObjArgs(r->finish, raw, exception != NULL ? exception : Py_None, NULL);
    Py_DECREF(raw);
    Py_XDECREF(exception);
    return result;
}

bool anp_request_begin(anp_request *r)
{
    if (r->command == NULL || atomic_exchange(&r->ran, true)) {
        PyErr_SetString(PyExc_RuntimeError, "a request runs once");
        return false;
    }
    return true;
}

PyObject *anp_core_run(PyObject *self, PyObject *request)
{
    anp_core *core = (anp_core *)(void *)self;
    if (!PyObject_TypeCheck(request, core->state->request_type)) {
        PyErr_Format(PyExc_TypeError, "run() takes a Request, not %s", Py_TYPE(request)->tp_name);
        return NULL;
    }
    anp_request *r = (anp_request *)(void *)request;
    if (!anp_request_begin(r)) {
        return NULL;
    }
    PyObject *refused = anp_turn_take(core);
    if (refused != NULL) {
        anp_command_cancel(r->command); /* it ends at once, each row of a batch with its code */
    }
    PyObject *raised = drive(r);
    if (refused == NULL) {
        anp_gate_leave(core->gate);
        return anp_request_conclude(r, raised);
    }
    Py_XDECREF(raised);
    return anp_request_conclude(r, refused);
}

static int request_traverse(anp_request *r, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(r));
    Py_VISIT(r->core);
    Py_VISIT(r->finish);
    Py_VISIT(r->progress);
    Py_VISIT(r->key);
    Py_VISIT(r->hold);
    Py_VISIT(r->future);
    Py_VISIT(r->raised);
    return 0;
}

static int request_clear(anp_request *r)
{
    Py_CLEAR(r->core);
    Py_CLEAR(r->finish);
    Py_CLEAR(r->progress);
    Py_CLEAR(r->key);
    Py_CLEAR(r->hold);
    Py_CLEAR(r->future);
    Py_CLEAR(r->raised);
    return 0;
}

static void request_dealloc(anp_request *r)
{
    PyTypeObject *type = Py_TYPE(r);
    PyObject_GC_UnTrack(r);
    if (r->single != NULL) {
        anp_single_deinit(r->single);
        PyMem_RawFree(r->single);
    }
    if (r->info != NULL) {
        anp_info_command_deinit(r->info);
        PyMem_RawFree(r->info);
    }
    if (r->batch != NULL) {
        anp_batch_free(r->batch);
    }
    if (r->parts != NULL) {
        anp_batch_parts_free(r->parts);
    }
    if (r->payload != NULL) {
        r->free_payload(r->payload);
    }
    if (r->keys != NULL) {
        anp_key_source_free(r->keys);
    }
    anp_mailbox_release(r->box);
    (void)request_clear(r);
    type->tp_free(r);
    Py_DECREF(type);
}

static PyObject *request_set_finish(PyObject *self, PyObject *finish)
{
    anp_request *r = (anp_request *)(void *)self;
    Py_INCREF(finish);
    Py_XSETREF(r->finish, finish);
    Py_INCREF(self);
    return self;
}

static PyObject *request_set_progress(PyObject *self, PyObject *progress)
{
    anp_request *r = (anp_request *)(void *)self;
    if (progress != Py_None) {
        Py_INCREF(progress);
        Py_XSETREF(r->progress, progress);
    }
    Py_INCREF(self);
    return self;
}

/* ---- of a request that a waker has ---- */

/* It may be told of: it is submitted, not over, and of this process. (After a fork nothing of the
 * parent's work is touched.) */
static bool is_under_way(const anp_request *r)
{
    return r->box != NULL && !r->is_over && r->pid == anp_process_id();
}

static PyObject *request_cancel(PyObject *self, PyObject *unused)
{
    anp_request *r = (anp_request *)(void *)self;
    (void)unused;
    if (is_under_way(r)) {
        anp_command_cancel(r->command);
        if (anp_gate_give_up(r->core->gate, &r->ticket)) {
            anp_command_submit(r->command, r->seat->loop); /* it ends at once */
        }
    }
    Py_RETURN_NONE;
}

static PyObject *request_give_up(PyObject *self, PyObject *unused)
{
    anp_request *r = (anp_request *)(void *)self;
    (void)unused;
    if (!is_under_way(r) || !anp_gate_give_up(r->core->gate, &r->ticket)) {
        Py_RETURN_NONE; /* its turn has come */
    }
    if (r->raised == NULL) {
        r->raised = anp_turn_refused(r->core);
    }
    anp_command_cancel(r->command);
    anp_command_submit(r->command, r->seat->loop);
    Py_RETURN_NONE;
}

static PyObject *request_expect(PyObject *self, PyObject *future)
{
    anp_request *r = (anp_request *)(void *)self;
    Py_INCREF(future);
    Py_XSETREF(r->future, future);
    r->wants_result = false;
    Py_RETURN_NONE;
}

static PyObject *request_result(PyObject *self, PyObject *unused)
{
    anp_request *r = (anp_request *)(void *)self;
    (void)unused;
    if (!r->is_over) {
        PyErr_SetString(PyExc_RuntimeError, "the request is not over");
        return NULL;
    }
    PyObject *raised = r->raised;
    r->raised = NULL;
    return anp_request_conclude(r, raised);
}

static PyObject *request_show(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!tell_progress((anp_request *)(void *)self)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *request_await_cluster(PyObject *self, PyObject *unused)
{
    (void)unused;
    return await_cluster((anp_request *)(void *)self) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *request_spend(PyObject *self, PyObject *seconds)
{
    double s = PyFloat_AsDouble(seconds);
    if (s == -1 && PyErr_Occurred()) {
        return NULL;
    }
    spend(((anp_request *)(void *)self)->command, s > 0 && s < 1e6 ? (uint64_t)(s * 1000) : 0);
    Py_RETURN_NONE;
}

static PyObject *get_lacks_map(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(lacks_map((anp_request *)(void *)self));
}

static PyObject *get_queue_seconds(PyObject *self, void *unused)
{
    (void)unused;
    return PyFloat_FromDouble(((anp_request *)(void *)self)->core->settings.queue_timeout / 1e3);
}

static PyObject *get_is_over(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((anp_request *)(void *)self)->is_over);
}

static PyObject *get_has_progress(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((anp_request *)(void *)self)->progress != NULL);
}

static PyObject *get_is_write(PyObject *self, void *unused)
{
    const anp_single *single = ((anp_request *)(void *)self)->single;
    (void)unused;
    return PyBool_FromLong(single != NULL && single->is_write);
}

static PyMethodDef request_methods[] = {
    {"then", request_set_finish, METH_O,
     "then(finish): finish(raw, exception or None) makes the result; returns self."},
    {"watch", request_set_progress, METH_O,
     "watch(progress): progress(done, total) is called now and then; returns self."},
    {"cancel", request_cancel, METH_NOARGS, "Asks it to end; it is over soon."},
    {"give_up", request_give_up, METH_NOARGS, "Ends it, where it still waits for its turn."},
    {"expect", request_expect, METH_O, "expect(future): gets None when the request is over."},
    {"result", request_result, METH_NOARGS, "What it came to, once it is over."},
    {"await_cluster", request_await_cluster, METH_NOARGS,
     "Where connect() doesn't raise: waits until the cluster is found, as long as its time allows."},
    {"finding", anp_request_finding, METH_NOARGS, "await_cluster() as an errand."},
    {"spend", request_spend, METH_O, "spend(seconds): so much of its time is over already."},
    {"show", request_show, METH_NOARGS, "Calls progress."},
    {NULL, NULL, 0, NULL},
};

static PyObject *get_steps(PyObject *self, void *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static PyGetSetDef request_getset[] = {
    {"steps", get_steps, NULL, "None: it is one request, and no plan of several.", NULL},
    {"lacks_map", get_lacks_map, NULL, "The cluster was not found yet, which is no error.", NULL},
    {"queue_seconds", get_queue_seconds, NULL, "How long it may wait for its turn; 0: without end.",
     NULL},
    {"is_over", get_is_over, NULL, NULL, NULL},
    {"has_progress", get_has_progress, NULL, NULL, NULL},
    {"is_write", get_is_write, NULL, "Of one record.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot request_slots[] = {
    {Py_tp_dealloc, request_dealloc}, {Py_tp_traverse, request_traverse},
    {Py_tp_clear, request_clear},     {Py_tp_methods, request_methods},
    {Py_tp_getset, request_getset},   {0, NULL},
};

PyType_Spec anp_request_spec = {
    .name = "aerospike_np._engine.Request",
    .basicsize = sizeof(anp_request),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = request_slots,
};
