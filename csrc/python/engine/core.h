/* Core: what a Client holds. Configuration, default policies, and the cluster while it is
 * connected. Request: one operation that was prepared and waits to be driven; sync and async
 * clients differ only in who drives it. */
#pragma once

#include "command/batch.h"
#include "command/info_command.h"
#include "command/single.h"
#include "python/engine/policy.h"

typedef struct anp_core {
    PyObject_HEAD anp_state *state; /* borrowed: the type keeps the module */
    PyObject *config; /* the dict it was made from, for pickling and for reconnecting */
    PyObject *hosts;  /* list of (host, port), normalised */
    anp_py_config settings;
    anp_py_policy policies[ANP_GROUPS];
    PyThread_type_lock
        lock; /* guards the three below; held for a few instructions, never while calling out */
    anp_cluster *cluster; /* retained; NULL: not connected */
    bool closed;          /* close() was called: connect() is needed before the next call */
    long pid;             /* of the process that connected */
} anp_core;

typedef struct anp_request anp_request;
struct anp_request {
    PyObject_HEAD anp_state *state;
    anp_core *core;       /* owned */
    anp_command *command; /* points into one of the next three */
    anp_single *single;
    anp_info_command *info;
    anp_batch *batch;
    /* Makes the raw result when the command is done, whatever its status. NULL only with an
     * exception set. */
    PyObject *(*wrap)(anp_request *r);
    PyObject *finish; /* owned; finish(raw, exception or None) -> result; NULL: raw is the result */
    PyObject *progress; /* owned; called with (done, total) now and then, or NULL */
    PyObject *key;      /* owned; for errors, and the key of the result */
    PyObject *hold;     /* owned; whatever must live as long as the request */
    bool miss_is_data;  /* code 2 is an answer (exists) */
    bool ran;
    struct anp_key_source *keys; /* of a batch; owned */
    void *payload;               /* of a batch; freed by free_payload */
    void (*free_payload)(void *payload);
};

extern PyType_Spec anp_core_spec, anp_request_spec;

/* ---- core ---- */

/* The connected cluster, retained; connects first where that was never done. NULL: exception. */
anp_cluster *anp_core_cluster(anp_core *core);

/* The cluster, retained, where it is open; NULL without an exception: it isn't. No I/O. */
anp_cluster *anp_core_current(anp_core *core, bool *closed);

/* The policy of a call: the group's, and over it what `dict` says. */
bool anp_core_policy(anp_core *core, PyObject *dict, anp_group group, const char *where,
                     anp_py_policy *out);

/* ---- requests ---- */

anp_request *anp_request_new(anp_core *core);

/* Drives to the end on this thread (the GIL released), then wraps. */
PyObject *anp_core_run(PyObject *core, PyObject *request);

/* Methods of Core that prepare requests, by file. */
PyObject *anp_core_get(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_select(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_exists(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_put(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_write_ops(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_remove(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_info(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *anp_core_state(PyObject *self, PyObject *unused);
PyObject *anp_core_partition_owners(PyObject *self, PyObject *namespace_name);
PyObject *anp_core_batch_table(PyObject *self, PyObject *args);
PyObject *anp_core_batch_records(PyObject *self, PyObject *args);
PyObject *anp_core_batch_write_rows(PyObject *self, PyObject *args);
PyObject *anp_core_batch_write_table(PyObject *self, PyObject *args);
PyObject *anp_core_batch_remove(PyObject *self, PyObject *args);

/* Seconds left of a void time, as replies have it: 0xffffffff never. */
uint32_t anp_ttl_left(uint32_t void_time);
