/* A thread's wait for its turn, where the operations under way are limited. */
#include <pthread.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/condition.h"
#include "python/engine/core.h"

enum { SLICE_MS = 100 };

typedef struct turn {
    anp_ticket ticket;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
} turn;

static void on_open(anp_ticket *ticket) /* any thread */
{
    turn *t = (turn *)(void *)((char *)ticket - offsetof(turn, ticket));
    (void)pthread_mutex_lock(&t->lock);
    t->is_open = true;
    (void)pthread_cond_signal(&t->opened);
    (void)pthread_mutex_unlock(&t->lock);
}

static bool wait_open(turn *t, int ms)
{
    uint64_t end = anp_clock_now() + (uint64_t)ms * ANP_NS_PER_MS;
    (void)pthread_mutex_lock(&t->lock);
    while (!t->is_open && anp_condition_wait(&t->opened, &t->lock, end)) {
    }
    bool is_open = t->is_open;
    (void)pthread_mutex_unlock(&t->lock);
    return is_open;
}

PyObject *anp_turn_refused(anp_core *core)
{
    PyObject *module = PyImport_ImportModule("aerospike_np.exception");
    PyObject *class = module != NULL ? PyObject_GetAttrString(module, "BackpressureError") : NULL;
    PyObject *exception =
        class != NULL
            ? PyObject_CallFunction(
                  class, "N",
                  PyUnicode_FromFormat("no turn within operation_queue_timeout_ms (%d): %d "
                                       "operations are under way (max_concurrent_operations)",
                                       (int)core->settings.queue_timeout,
                                       (int)core->settings.max_operations))
            : NULL;
    Py_XDECREF(class);
    Py_XDECREF(module);
    return exception != NULL ? exception : anp_exception_take();
}

/* What ends the wait early; NULL: nothing. */
static PyObject *interruption(anp_core *core, uint64_t deadline)
{
    if (PyErr_CheckSignals() < 0) {
        return anp_exception_take();
    }
    return anp_clock_now() >= deadline ? anp_turn_refused(core) : NULL;
}

/* On the heap: a daemon thread that the end of the interpreter stops here never comes back, and its
 * ticket stays in the queue. */
static turn *turn_new(void)
{
    turn *t = PyMem_RawCalloc(1, sizeof *t);
    if (t != NULL) {
        t->ticket.open = on_open;
        (void)pthread_mutex_init(&t->lock, NULL);
        anp_condition_init(&t->opened);
    }
    return t;
}

static void turn_free(turn *t)
{
    (void)pthread_cond_destroy(&t->opened);
    (void)pthread_mutex_destroy(&t->lock);
    PyMem_RawFree(t);
}

/* NULL: the turn has come. */
static PyObject *await_turn(anp_core *core, turn *t)
{
    PyObject *why = NULL;
    uint64_t deadline = anp_clock_deadline(anp_clock_now(), (uint32_t)core->settings.queue_timeout);
    bool is_open = false;
    while (!is_open) {
        int ms = why != NULL ? SLICE_MS : anp_clock_ms_left(deadline, anp_clock_now(), SLICE_MS);
        Py_BEGIN_ALLOW_THREADS is_open = wait_open(t, ms);
        Py_END_ALLOW_THREADS if (is_open || why != NULL)
        {
            continue; /* the turn is just coming: it must be waited for */
        }
        why = interruption(core, deadline);
        if (why != NULL && anp_gate_give_up(core->gate, &t->ticket)) {
            break;
        }
    }
    if (is_open && why != NULL) {
        anp_gate_leave(core->gate);
    }
    return why;
}

PyObject *anp_turn_take(anp_core *core)
{
    if (core->gate != NULL && anp_gate_enter(core->gate, NULL)) {
        return NULL;
    }
    turn *t = core->gate != NULL ? turn_new() : NULL;
    if (t == NULL) {
        (void)PyErr_NoMemory();
        return anp_exception_take();
    }
    PyObject *why = anp_gate_enter(core->gate, &t->ticket) ? NULL : await_turn(core, t);
    turn_free(t);
    return why;
}
