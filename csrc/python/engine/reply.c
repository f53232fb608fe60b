/* Reply: what a task awaits while a request of its own is under way: a future as asyncio's tasks
 * need one, with one difference. A future's task is told of its end by a callback that the event
 * loop is asked to make, in its next round; here the waker, which the loop has called, steps the
 * task itself.
 *
 * One event loop's own, as its futures are. The critical sections are for those who cancel a task
 * from another thread all the same. */
#include "python/engine/core.h"

#include <stddef.h>
#include <structmember.h>

typedef enum { PENDING, HAS_RESULT, HAS_EXCEPTION, CANCELLED } reply_state;

typedef struct reply {
    PyObject_HEAD PyObject *loop;
    PyObject *callback, *context; /* the task's; NULL: nobody waits, or it was called */
    PyObject *value;              /* the result, the exception, or a cancel's message */
    reply_state state;
    char is_blocking; /* asyncio's mark of what was awaited, and not just yielded */
} reply;

static reply *reply_of(PyObject *self)
{
    return (reply *)(void *)self;
}

PyObject *anp_reply_new(const anp_state *state, PyObject *loop)
{
    reply *f = reply_of(state->reply_type->tp_alloc(state->reply_type, 0));
    if (f != NULL) {
        f->loop = Py_NewRef(loop);
    }
    return (PyObject *)f;
}

/* Takes who waits out: nobody else tells it then. */
static PyObject *take_callback(reply *f, PyObject **context)
{
    PyObject *callback = f->callback;
    *context = f->context;
    f->callback = f->context = NULL;
    return callback;
}

/* It ends so, unless it did before; steals the value. The callback is the caller's to make. */
static bool settle(reply *f, reply_state state, PyObject *value, PyObject **callback,
                   PyObject **context)
{
    bool is_first;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)f);
    is_first = f->state == PENDING;
    if (is_first) {
        f->state = state;
        f->value = value;
        *callback = take_callback(f, context);
    }
    Py_END_CRITICAL_SECTION();
    if (!is_first) {
        Py_XDECREF(value);
    }
    return is_first;
}

bool anp_reply_is_pending(PyObject *self)
{
    bool is_pending;
    Py_BEGIN_CRITICAL_SECTION(self);
    is_pending = reply_of(self)->state == PENDING;
    Py_END_CRITICAL_SECTION();
    return is_pending;
}

bool anp_reply_give(PyObject *self, PyObject *result, PyObject *exception)
{
    PyObject *callback = NULL, *context = NULL, *got = NULL;
    reply_state state = result != NULL ? HAS_RESULT : HAS_EXCEPTION;
    PyObject *value = result != NULL ? result : exception;
    if (!settle(reply_of(self), state, Py_NewRef(value), &callback, &context) || callback == NULL) {
        return true;
    }
    if (PyContext_Enter(context) == 0) {
        got = PyObject_CallOneArg(callback, self);
        if (got == NULL) { /* Ctrl-C, or an exit */
            PyObject *raised = anp_exception_take();
            (void)PyContext_Exit(context);
            anp_exception_give(raised);
        } else if (PyContext_Exit(context) < 0) {
            Py_CLEAR(got);
        }
    }
    Py_DECREF(callback);
    Py_DECREF(context);
    Py_XDECREF(got);
    return got != NULL;
}

/* loop.call_soon(callback, self, context=context) */
static bool call_soon(reply *f, PyObject *callback, PyObject *context)
{
    PyObject *method = PyObject_GetAttrString(f->loop, "call_soon");
    PyObject *args = method != NULL ? PyTuple_Pack(2, callback, (PyObject *)f) : NULL;
    PyObject *kwargs = args != NULL ? Py_BuildValue("{sO}", "context", context) : NULL;
    PyObject *got = kwargs != NULL ? PyObject_Call(method, args, kwargs) : NULL;
    Py_XDECREF(method);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    Py_XDECREF(got);
    return got != NULL;
}

/* cancel(msg=None): from a task, which may not step another one */
static PyObject *reply_cancel(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"msg", NULL};
    PyObject *message = Py_None, *callback = NULL, *context = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:cancel", names, &message)) {
        return NULL;
    }
    if (!settle(reply_of(self), CANCELLED, Py_NewRef(message), &callback, &context)) {
        Py_RETURN_FALSE;
    }
    bool ok = callback == NULL || call_soon(reply_of(self), callback, context);
    Py_XDECREF(callback);
    Py_XDECREF(context);
    return ok ? Py_NewRef(Py_True) : NULL;
}

static void raise_cancelled(const reply *f)
{
    PyObject *module = PyImport_ImportModule("asyncio");
    PyObject *class = module != NULL ? PyObject_GetAttrString(module, "CancelledError") : NULL;
    PyObject *exception = class == NULL         ? NULL
                          : f->value == Py_None ? PyObject_CallNoArgs(class)
                                                : PyObject_CallOneArg(class, f->value);
    Py_XDECREF(module);
    Py_XDECREF(class);
    anp_exception_give(exception);
}

/* The result; NULL: what it came to is raised. */
static PyObject *outcome(reply *f)
{
    switch (f->state) {
    case HAS_RESULT:
        return Py_NewRef(f->value);
    case HAS_EXCEPTION:
        anp_exception_give(Py_NewRef(f->value));
        return NULL;
    case CANCELLED:
        raise_cancelled(f);
        return NULL;
    case PENDING:
    default:
        PyErr_SetString(PyExc_RuntimeError, "the request is under way");
        return NULL;
    }
}

static PyObject *reply_result(PyObject *self, PyObject *unused)
{
    (void)unused;
    return outcome(reply_of(self));
}

static PyObject *reply_exception(PyObject *self, PyObject *unused)
{
    reply *f = reply_of(self);
    (void)unused;
    if (f->state == HAS_EXCEPTION) {
        return Py_NewRef(f->value);
    }
    PyObject *result = outcome(f);
    Py_XDECREF(result);
    return result != NULL ? Py_NewRef(Py_None) : NULL;
}

static PyObject *reply_done(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(!anp_reply_is_pending(self));
}

static PyObject *reply_cancelled(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(reply_of(self)->state == CANCELLED);
}

static PyObject *reply_get_loop(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(reply_of(self)->loop);
}

/* add_done_callback(callback, *, context): one, the task's that awaits it */
static PyObject *reply_add_done_callback(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"callback", "context", NULL};
    reply *f = reply_of(self);
    PyObject *callback, *context;
    bool is_taken, is_pending;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O$O:add_done_callback", names, &callback,
                                     &context)) {
        return NULL;
    }
    if (!PyContext_CheckExact(context)) {
        PyErr_SetString(PyExc_TypeError, "add_done_callback: context is a task's");
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    is_pending = f->state == PENDING;
    is_taken = f->callback != NULL;
    if (is_pending && !is_taken) {
        f->callback = Py_NewRef(callback);
        f->context = Py_NewRef(context);
    }
    Py_END_CRITICAL_SECTION();
    if (is_taken) {
        PyErr_SetString(PyExc_RuntimeError, "another task awaits it");
        return NULL;
    }
    return is_pending || call_soon(f, callback, context) ? Py_NewRef(Py_None) : NULL;
}

/* ---- await ---- */

static PySendResult reply_send(PyObject *self, PyObject *unused, PyObject **out)
{
    reply *f = reply_of(self);
    (void)unused;
    if (anp_reply_is_pending(self)) {
        f->is_blocking = 1;
        *out = Py_NewRef(self);
        return PYGEN_NEXT;
    }
    *out = outcome(f);
    return *out != NULL ? PYGEN_RETURN : PYGEN_ERROR;
}

static PyObject *reply_next(PyObject *self)
{
    PyObject *value = NULL;
    PySendResult what = reply_send(self, Py_None, &value);
    if (what == PYGEN_RETURN) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, value);
        Py_DECREF(value);
        anp_exception_give(stop);
        return NULL;
    }
    return value;
}

/* ---- the type ---- */

static int reply_traverse(reply *f, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(f));
    Py_VISIT(f->loop);
    Py_VISIT(f->callback);
    Py_VISIT(f->context);
    Py_VISIT(f->value);
    return 0;
}

static int reply_clear(reply *f)
{
    Py_CLEAR(f->loop);
    Py_CLEAR(f->callback);
    Py_CLEAR(f->context);
    Py_CLEAR(f->value);
    return 0;
}

static void reply_dealloc(reply *f)
{
    PyTypeObject *type = Py_TYPE(f);
    PyObject_GC_UnTrack(f);
    (void)reply_clear(f);
    type->tp_free(f);
    Py_DECREF(type);
}

static PyMethodDef reply_methods[] = {
    {"done", reply_done, METH_NOARGS, "It has a result or an exception, or was cancelled."},
    {"cancelled", reply_cancelled, METH_NOARGS, "Nobody waits any more."},
    {"result", reply_result, METH_NOARGS, "The result, or raises what it came to."},
    {"exception", reply_exception, METH_NOARGS, "The exception, or None."},
    {"cancel", (PyCFunction)(void (*)(void))reply_cancel, METH_VARARGS | METH_KEYWORDS,
     "cancel(msg=None): who waits is told that it was cancelled. False: it was done."},
    {"get_loop", reply_get_loop, METH_NOARGS, "The event loop."},
    {"add_done_callback", (PyCFunction)(void (*)(void))reply_add_done_callback,
     METH_VARARGS | METH_KEYWORDS, "add_done_callback(callback, *, context): for the task."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reply_members[] = {
    {"_asyncio_future_blocking", T_BOOL, offsetof(reply, is_blocking), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot reply_slots[] = {
    {Py_tp_dealloc, reply_dealloc}, {Py_tp_traverse, reply_traverse},
    {Py_tp_clear, reply_clear},     {Py_tp_methods, reply_methods},
    {Py_tp_members, reply_members}, {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, reply_next},   {Py_am_await, PyObject_SelfIter},
    {Py_am_send, reply_send},       {0, NULL},
};

PyType_Spec anp_reply_spec = {
    .name = "aerospike_np._engine.Reply",
    .basicsize = sizeof(reply),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = reply_slots,
};
