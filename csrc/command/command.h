/* One operation under way: a state machine without a thread. A loop drives it.
 *
 *   sync   anp_command_drive: the calling thread drives, and comes back every slice, so that
 * signals are heard async  anp_command_submit: a loop's own thread drives; `done` is called there,
 * once
 *
 * Life: init (by the kind: single, batch, info) -> drive until it says DONE, or submit and wait for
 * done -> read the results from the kind's struct -> deinit. After anp_command_cancel the command
 * still ends by itself, soon; the memory it writes to is not touched any more once it is done. */
#pragma once

#include "command/policy.h"
#include "net/loop.h"

typedef struct anp_command anp_command;

typedef enum {
    ANP_DRIVE_DONE,  /* `status` and `error` say how */
    ANP_DRIVE_AGAIN, /* the slice is over: look at signals, drive on */
    ANP_DRIVE_KEYS,  /* a batch needs its next keys: give them, drive on */
} anp_drive;

typedef struct anp_command_kind {
    const char *name;
    /* Loop drivers: starts on a loop's thread; ends by calling anp_command_finish (the last thing
     * that is done with the command: `done` may free it). It may be cancelled already. loop NULL:
     * there is none, end with c->error. */
    void (*start)(anp_command *c);
    /* Sync without a loop, where the kind has it (one connection, no epoll); NULL: it needs a loop.
     */
    anp_drive (*drive)(anp_command *c, int slice_ms);
    /* Called on the driving thread: stop soon, with ANP_ERR_ABORTED. */
    void (*cancel)(anp_command *c);
    /* The keys that were missing are there. */
    void (*resume)(anp_command *c);
} anp_command_kind;

struct anp_command {
    const anp_command_kind *kind;
    anp_cluster *cluster; /* retained */
    anp_policy policy;
    uint64_t deadline;            /* monotonic ns; ANP_NEVER */
    anp_loop *loop;               /* while it is driven by one */
    void (*done)(anp_command *c); /* async: called on the loop's thread */
    void (*keys)(
        anp_command *c); /* async: the next keys are wanted (called on the loop's thread) */
    void *owner;         /* the caller's */
    _Atomic bool is_done, is_cancelled, wants_keys;
    anp_status status;
    anp_error error;         /* of the whole call */
    uint32_t retries;        /* attempts beyond the first that were made */
    anp_task task;           /* for posting */
    _Atomic uint32_t wishes; /* what was posted and not yet done; see command.c */
    _Atomic bool is_started; /* by whom drives it */
    _Atomic bool is_submitted;
};

/* Drives on the calling thread for at most slice_ms. A loop is borrowed from the cluster's spare
 * ones where the kind needs it, and given back at the end. */
anp_drive anp_command_drive(anp_command *c, int slice_ms);

/* Hands it to a loop's thread. */
void anp_command_submit(anp_command *c, anp_loop *loop);

/* Any thread, any time until done: asks it to stop. With the sync driver call it between drives. */
void anp_command_cancel(anp_command *c);

/* Async: after `keys` was called and the next keys were given. Any thread. */
void anp_command_resume(anp_command *c);

/* For the kinds. */
void anp_command_init(anp_command *c, const anp_command_kind *kind, anp_cluster *cluster,
                      const anp_policy *policy);
void anp_command_deinit(anp_command *c);
void anp_command_finish(anp_command *c, anp_status status, const anp_error *err);
