/* Waker: the async driver's side in Python. It hands requests to the I/O threads, and is called by
 * its event loop when there is word of them: one wake-up for many. One event loop's own; the I/O
 * threads know only its mailbox, and never take the GIL. When that event loop is closed, any thread
 * may abandon what it left: the list is changed in a critical section. */
#include "python/engine/core.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/process.h"

enum { TURN_MS = 1, ABANDON_MS = 10000 };

typedef struct waker {
    PyObject_HEAD anp_state *state;
    anp_mailbox *box;
    anp_request *under_way; /* a list, each owned */
    long pid;               /* of the process that made it */
} waker;

static waker *waker_of(PyObject *self)
{
    return (waker *)(void *)self;
}

/* After a fork the parent's threads and work are not here: what the child has of them it leaves
 * alone, locks and memory too. */
static bool is_foreign(const waker *w)
{
    return w->pid != anp_process_id();
}

static PyObject *refuse_foreign(const waker *w)
{
    anp_error err = {.code = ANP_ERR_CLOSED,
                     .message = "this was begun by the parent of this process, before the fork; "
                                "begin it anew"};
    (void)anp_raise(w->state, &err, NULL);
    return NULL;
}

static void link_in(waker *w, anp_request *r)
{
    Py_INCREF(r);
    r->next = w->under_way;
    r->link = &w->under_way;
    if (r->next != NULL) {
        r->next->link = &r->next;
    }
    w->under_way = r;
}

/* The reference is the caller's now. */
static void link_out(anp_request *r)
{
    *r->link = r->next;
    if (r->next != NULL) {
        r->next->link = r->link;
    }
    r->next = NULL;
    r->link = NULL;
}

static PyObject *waker_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (!PyArg_ParseTuple(args, "") || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)) {
        return NULL;
    }
    waker *w = waker_of(type->tp_alloc(type, 0));
    anp_error err;
    if (w == NULL) {
        return NULL;
    }
    w->pid = anp_process_id();
    w->state = anp_state_of_type(type);
    if (w->state == NULL || anp_mailbox_new(&w->box, &err) != ANP_OK) {
        if (w->state != NULL) {
            (void)anp_raise(w->state, &err, NULL);
        }
        Py_DECREF(w);
        return NULL;
    }
    return (PyObject *)w;
}

/* ---- on the I/O threads ---- */

static void on_done(anp_command *c)
{
    anp_request *r = c->owner;
    anp_seat_leave(r->seat);
    if (r->is_in) {
        anp_gate_leave(r->core->gate);
    }
    anp_mailbox_post(r->box, &r->letter, ANP_LETTER_DONE);
}

static void on_keys(anp_command *c)
{
    anp_request *r = c->owner;
    anp_mailbox_post(r->box, &r->letter, ANP_LETTER_KEYS);
}

static void on_turn(anp_ticket *ticket) /* from whichever thread has left the gate */
{
    anp_request *r = (anp_request *)(void *)((char *)ticket - offsetof(anp_request, ticket));
    r->is_in = true;
    anp_command_submit(r->command, r->seat->loop);
}

/* ---- on the event loop's thread ---- */

static PyObject *waker_submit(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    waker *w = waker_of(self);
    if (!anp_args_are("submit", n, 2)) {
        return NULL;
    }
    if (!PyObject_TypeCheck(args[0], w->state->request_type)) {
        PyErr_Format(PyExc_TypeError, "submit() takes a Request, not %s",
                     Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    if (is_foreign(w)) {
        return refuse_foreign(w);
    }
    anp_request *r = (anp_request *)(void *)args[0];
    if (r->core->gate == NULL) {
        return PyErr_NoMemory();
    }
    anp_seat *seat = anp_core_sit(r->core);
    if (seat == NULL) {
        return NULL;
    }
    if (!anp_request_begin(r)) {
        anp_seat_leave(seat);
        return NULL;
    }
    Py_INCREF(args[1]);
    r->future = args[1];
    r->wants_result = true;
    r->box = anp_mailbox_retain(w->box);
    r->command->owner = r;
    r->command->done = on_done;
    r->command->keys = on_keys;
    r->seat = seat;
    r->ticket.open = on_turn;
    bool is_in;
    Py_BEGIN_CRITICAL_SECTION(self);
    r->pid = w->pid;
    link_in(w, r);
    is_in = anp_gate_enter(r->core->gate, &r->ticket);
    if (is_in) {
        on_turn(&r->ticket);
    }
    Py_END_CRITICAL_SECTION();
    return PyBool_FromLong(is_in);
}

/* 1: somebody waits; 0: not any more; -1: exception. */
static int is_awaited(const anp_state *state, PyObject *future)
{
    if (Py_IS_TYPE(future, state->reply_type)) {
        return anp_reply_is_pending(future);
    }
    PyObject *done = PyObject_CallMethodNoArgs(future, state->done);
    int is_done = done != NULL ? PyObject_IsTrue(done) : -1;
    Py_XDECREF(done);
    return is_done < 0 ? -1 : !is_done;
}

/* Who waits gets it: one of the two. */
static bool give(const anp_state *state, PyObject *future, PyObject *result, PyObject *exception)
{
    if (Py_IS_TYPE(future, state->reply_type)) {
        return anp_reply_give(future, result, exception);
    }
    PyObject *got = result != NULL
                        ? PyObject_CallMethodOneArg(future, state->set_result, result)
                        : PyObject_CallMethodOneArg(future, state->set_exception, exception);
    Py_XDECREF(got);
    return got != NULL;
}

/* Tells who waits, unless nobody does any more. */
static bool tell(anp_request *r, PyObject *future)
{
    int waits = is_awaited(r->state, future);
    if (waits <= 0) {
        return waits == 0;
    }
    PyObject *exception = NULL, *result = Py_NewRef(Py_None);
    if (r->wants_result) {
        PyObject *raised = r->raised;
        r->raised = NULL;
        Py_SETREF(result, anp_request_conclude(r, raised));
        exception = result == NULL ? anp_exception_take() : NULL;
    }
    bool ok = give(r->state, future, result, exception);
    Py_XDECREF(result);
    Py_XDECREF(exception);
    return ok;
}

static bool end(waker *w, anp_request *r)
{
    Py_BEGIN_CRITICAL_SECTION((PyObject *)w);
    link_out(r);
    Py_END_CRITICAL_SECTION();
    r->is_over = true;
    PyObject *future = r->future;
    r->future = NULL;
    bool ok = tell(r, future);
    Py_XDECREF(future);
    Py_DECREF(r);
    return ok;
}

static void give_keys(anp_request *r)
{
    if (anp_request_next_keys(r)) {
        anp_command_resume(r->command);
    } else if (r->raised == NULL) {
        r->raised = anp_exception_take();
        anp_command_cancel(r->command);
    } else {
        PyErr_Clear();
    }
}

/* Handles letters for a moment, at least one; what is left makes the descriptor readable still.
 * Tasks go on in here, and begin new requests. */
static bool drain(waker *w)
{
    uint64_t until = anp_clock_now() + TURN_MS * ANP_NS_PER_MS;
    anp_letter *letter;
    uint32_t says = 0;
    do {
        letter = anp_mailbox_take(w->box, &says);
        if (letter != NULL) {
            anp_request *r =
                (anp_request *)(void *)((char *)letter - offsetof(anp_request, letter));
            if ((says & ANP_LETTER_DONE) == 0) {
                give_keys(r);
            } else if (!end(w, r)) {
                return false; /* the loop reports it, and calls again for the rest */
            }
        }
    } while (letter != NULL && anp_clock_now() < until);
    return true;
}

/* Cancels what is under way and waits for its end, which is soon; nobody is told. */
static void abandon(waker *w)
{
    if (is_foreign(w)) {
        w->under_way = NULL;
        return;
    }
    for (anp_request *r = w->under_way; r != NULL; r = r->next) {
        anp_command_cancel(r->command);
        if (anp_gate_give_up(r->core->gate, &r->ticket)) {
            anp_command_submit(r->command, r->seat->loop);
        }
    }
    uint64_t until = anp_clock_now() + ABANDON_MS * ANP_NS_PER_MS;
    while (w->under_way != NULL && anp_clock_now() < until) {
        uint32_t says;
        anp_letter *letter = anp_mailbox_take(w->box, &says);
        if (letter == NULL) {
            Py_BEGIN_ALLOW_THREADS anp_mailbox_wait(w->box, 100);
            Py_END_ALLOW_THREADS
        } else if ((says & ANP_LETTER_DONE) != 0) {
            anp_request *r =
                (anp_request *)(void *)((char *)letter - offsetof(anp_request, letter));
            link_out(r);
            r->is_over = true;
            Py_DECREF(r);
        }
    }
}

static PyObject *waker_drain(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (is_foreign(waker_of(self))) {
        return refuse_foreign(waker_of(self));
    }
    return drain(waker_of(self)) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *waker_abandon(PyObject *self, PyObject *unused)
{
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    abandon(waker_of(self));
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

/* wait(seconds): until there is word, at most so long; for drivers without an event loop */
static PyObject *waker_wait(PyObject *self, PyObject *seconds)
{
    double s = PyFloat_AsDouble(seconds);
    if (s == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (is_foreign(waker_of(self))) {
        return refuse_foreign(waker_of(self));
    }
    int ms = s > 0 ? (s < 1e6 ? (int)(s * 1000) : 1000000000) : 0;
    Py_BEGIN_ALLOW_THREADS anp_mailbox_wait(waker_of(self)->box, ms);
    Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0)
    {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *waker_reply(PyObject *self, PyObject *loop)
{
    return anp_reply_new(waker_of(self)->state, loop);
}

static PyObject *waker_fileno(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(anp_mailbox_fd(waker_of(self)->box));
}

static PyObject *waker_count(PyObject *self, PyObject *unused)
{
    long n = 0;
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    const anp_request *first = is_foreign(waker_of(self)) ? NULL : waker_of(self)->under_way;
    for (const anp_request *r = first; r != NULL; r = r->next) {
        n++;
    }
    Py_END_CRITICAL_SECTION();
    return PyLong_FromLong(n);
}

static void waker_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (waker_of(self)->under_way != NULL) {
        abandon(waker_of(self));
    }
    anp_mailbox_release(waker_of(self)->box);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef waker_methods[] = {
    {"submit", (PyCFunction)(void (*)(void))waker_submit, METH_FASTCALL,
     "submit(request, future): an I/O thread drives it; the future gets what it comes to. False: "
     "it waits for its turn first."},
    {"reply", waker_reply, METH_O,
     "reply(event loop): a future for submit(), that one task awaits."},
    {"drain", waker_drain, METH_NOARGS, "Called when fileno() is readable: completes futures."},
    {"abandon", waker_abandon, METH_NOARGS, "Cancels all, and waits until they have ended."},
    {"wait", waker_wait, METH_O,
     "Waits until there is something to drain, at most so many seconds."},
    {"fileno", waker_fileno, METH_NOARGS, "A descriptor for add_reader."},
    {"under_way", waker_count, METH_NOARGS, "How many requests have not ended."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot waker_slots[] = {
    {Py_tp_new, waker_new},
    {Py_tp_dealloc, waker_dealloc},
    {Py_tp_methods, waker_methods},
    {0, NULL},
};

PyType_Spec anp_waker_spec = {
    .name = "aerospike_np._engine.Waker",
    .basicsize = sizeof(waker),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = waker_slots,
};
