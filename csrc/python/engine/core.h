/* Core: what a Client holds. Configuration, default policies, and the cluster while it is
 * connected. Request: one operation that was prepared and waits to be driven; sync and async
 * clients differ only in who drives it. */
#pragma once

#include "command/batch_parts.h"
#include "command/gate.h"
#include "command/info_command.h"
#include "command/single.h"
#include "python/engine/mailbox.h"
#include "python/engine/policy.h"
#include "python/engine/runtime.h"

typedef struct anp_core {
    PyObject_HEAD anp_state *state; /* borrowed: the type keeps the module */
    PyObject *config; /* the dict it was made from, for pickling and for reconnecting */
    PyObject *hosts;  /* list of (host, port), normalised */
    anp_py_config settings;
    anp_py_policy policies[ANP_GROUPS];
    PyThread_type_lock lock; /* guards the four below; held for a few instructions, never while
                                calling out */
    anp_cluster *cluster;    /* retained; NULL: not connected */
    anp_runtime *runtime;    /* owned; NULL: nothing was async yet */
    bool closed;             /* close() was called: connect() is needed before the next call */
    uint32_t n_closes;       /* so that a connect() that close() overtook does not open it again */
    anp_gate *gate;          /* owned; NULL: no memory for one after a fork */
    _Atomic long pid; /* of the process that all this is of; negative: it is just taken over */
} anp_core;

typedef struct anp_request anp_request;
struct anp_request {
    PyObject_HEAD anp_state *state;
    anp_core *core;       /* owned */
    anp_command *command; /* points into one of the next four */
    anp_single *single;
    anp_info_command *info;
    anp_batch *batch;
    anp_batch_parts *parts;
    /* Makes the raw result when the command is done, whatever its status. NULL only with an
     * exception set. */
    PyObject *(*wrap)(anp_request *r);
    PyObject *finish; /* owned; finish(raw, exception or None) -> result; NULL: raw is the result */
    PyObject *progress; /* owned; called with (done, total) now and then, or NULL */
    PyObject *key;      /* owned; for errors, and the key of the result */
    PyObject *hold;     /* owned; whatever must live as long as the request */
    bool miss_is_data;  /* code 2 is an answer (exists) */
    _Atomic bool ran;
    /* Async only. */
    anp_ticket ticket;
    bool is_in;     /* by its ticket */
    anp_seat *seat; /* on the thread that drives it */
    anp_letter letter;
    anp_mailbox *box;            /* retained: where it is told of */
    long pid;                    /* of the process that submitted it */
    PyObject *future;            /* owned; who waits */
    PyObject *raised;            /* owned; what came up on this side while it was under way */
    bool wants_result;           /* the future gets the result; else only word that it is over */
    _Atomic bool is_over;        /* the command is done, and this side knows */
    anp_request *next, **link;   /* in its waker's list, which owns a reference */
    struct anp_key_source *keys; /* of a batch; owned */
    void *payload;               /* of a batch; freed by free_payload */
    void (*free_payload)(void *payload);
};

extern PyType_Spec anp_core_spec, anp_request_spec, anp_waker_spec, anp_reply_spec, anp_errand_spec;

/* ---- core ---- */

/* The connected cluster, retained; connects first where that was never done. NULL: exception. */
anp_cluster *anp_core_cluster(anp_core *core);

/* The cluster, retained, where it is open; NULL without an exception: it isn't. No I/O. */
anp_cluster *anp_core_current(anp_core *core, bool *closed);

/* Opens a cluster, which is not the core's yet; and for that one: 1: somebody's is (`*out`,
 * retained), 0: not yet, -1: exception. It waits at most so long; once it is not 0, `mine` is no
 * longer the caller's. */
anp_cluster *anp_core_open(anp_core *core, uint32_t *n_closes);
int anp_core_connected(anp_core *core, anp_cluster *mine, uint32_t n_closes, uint32_t ms,
                       anp_cluster **out);

/* The core is closed; its cluster, where it had one, is the caller's, to be drained and closed.
 * false: exception. */
bool anp_core_begin_close(anp_core *core, PyObject *drain, double *seconds, anp_cluster **out);

/* The policy of a call: the group's, and over it what `dict` says. */
bool anp_core_policy(anp_core *core, PyObject *dict, anp_policy_group group, const char *where,
                     anp_py_policy *out);

/* The group's own, as the configuration has it. */
const anp_py_policy *anp_core_default(const anp_core *core, anp_policy_group group);

/* The policy of a batch whose operations say whether it writes: `dict`, and `over` it, take the
 * keys of reads and of writes. */
bool anp_core_policies(anp_core *core, PyObject *dict, PyObject *over, bool writes,
                       const char *where, anp_py_policy *out);

/* core_config.c: what the configuration says, which nobody else may change meanwhile. -1:
 * exception. */
int anp_core_take_config(anp_core *core, PyObject *config);

/* ---- requests ---- */

anp_request *anp_request_new(anp_core *core);

/* Drives to the end on this thread (the GIL released), then wraps. */
PyObject *anp_core_run(PyObject *core, PyObject *request);

/* A place on one of the I/O threads, which are started where there are none. NULL: exception. */
anp_seat *anp_core_sit(anp_core *core);

/* ---- request.c, for the async driver ---- */

/* Gives a batch its next keys. false with an exception set: it must be cancelled. */
bool anp_request_next_keys(anp_request *r);

/* The result: raw, finished by the package where it wants to; or the exception, with what there is
 * as `partial`. Steals `raised` (NULL: none). */
PyObject *anp_request_conclude(anp_request *r, PyObject *raised);

/* Marks that it runs now. false, RuntimeError: it ran before. */
bool anp_request_begin(anp_request *r);

/* ---- reply.c: what a task awaits ---- */

PyObject *anp_reply_new(const anp_state *state, PyObject *loop);
bool anp_reply_is_pending(PyObject *reply);

/* The result, or (NULL) the exception, where it is pending; the task that awaits it goes on here
 * and now, in the event loop's thread. false: exception. */
bool anp_reply_give(PyObject *reply, PyObject *result, PyObject *exception);

/* ---- errand.c: what an event loop waits for that is no request ---- */

PyObject *anp_core_connecting(PyObject *core, PyObject *unused);
PyObject *anp_core_closing(PyObject *core, PyObject *drain);
PyObject *anp_request_finding(PyObject *request, PyObject *unused);

/* ---- turn.c: max_concurrent_operations, for threads ---- */

/* Waits for the caller's turn at the gate. NULL: it is in. Else why not (Ctrl-C, or it took too
 * long), as an exception that was not raised. */
PyObject *anp_turn_take(anp_core *core);

/* A BackpressureError. */
PyObject *anp_turn_refused(anp_core *core);

/* Methods of Core that prepare requests, by file. */
PyObject *anp_core_get(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_select(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_exists(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_put(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_write_ops(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_apply(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_remove(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_operate(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_operate_ordered(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_info(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_state(PyObject *self, PyObject *unused);
PyObject *anp_core_partition_owners(PyObject *self, PyObject *namespace_name);
PyObject *anp_core_read_plan(PyObject *self, PyObject *args);
PyObject *anp_core_batch_table(PyObject *self, PyObject *args);
PyObject *anp_core_batch_records(PyObject *self, PyObject *args);
PyObject *anp_core_batch_write_rows(PyObject *self, PyObject *args);
PyObject *anp_core_batch_write_table(PyObject *self, PyObject *args);
PyObject *anp_core_batch_remove(PyObject *self, PyObject *args);
PyObject *anp_core_batch_look(PyObject *self, PyObject *args);
PyObject *anp_core_batch_operate_table(PyObject *self, PyObject *args);
PyObject *anp_core_batch_operate(PyObject *self, PyObject *args);
PyObject *anp_core_batch_apply(PyObject *self, PyObject *args);
PyObject *anp_core_batch_mixed(PyObject *self, PyObject *args);

/* Seconds left of a void time, as replies have it: 0xffffffff never. */
uint32_t anp_ttl_left(uint32_t void_time);
