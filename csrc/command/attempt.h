/* One request and one reply frame on one connection of one node: what a single-record command and
 * an info command have in common. A machine without a thread: step() goes on as far as it can; then
 * either a thread waits for it (anp_attempt_wait, with poll) or a loop calls `resume`
 * (anp_attempt_arm). */
#pragma once

#include <pthread.h>

#include "command/command.h"
#include "wire/protocol.h"

enum {
    ANP_WAIT_MS = 100,    /* retries wait so long at most for the tend thread to know more */
    ANP_WAIT_LOOK_MS = 5, /* ... and look so often whether it does */
};

typedef enum {
    ANP_ATTEMPT_IDLE,  /* nothing under way */
    ANP_ATTEMPT_GRANT, /* queued at the pool */
    ANP_ATTEMPT_CONNECTING,
    ANP_ATTEMPT_WRITING,
    ANP_ATTEMPT_READING,
    ANP_ATTEMPT_LEAVING, /* given up, but the pool is just about to grant: its connection must be
                            put back */
    ANP_ATTEMPT_DONE,    /* the reply's body is there */
    ANP_ATTEMPT_FAILED,  /* `error` says why */
} anp_attempt_state;

typedef struct anp_attempt anp_attempt;
struct anp_attempt {
    anp_attempt_state state;
    anp_command *command;
    anp_cluster_node *node; /* retained from begin to deinit or the next begin */
    anp_connection *connection;
    anp_waiter waiter;
    anp_slice request; /* borrowed */
    size_t written;
    anp_buffer *reply; /* borrowed; body only */
    uint64_t body_size;
    anp_proto_type type;
    bool is_write, has_head;
    bool was_given;   /* a connection, in this attempt: what fails from here on is the node's */
    bool was_sent;    /* in this attempt: the kernel took the last byte */
    bool was_heard;   /* a byte of the reply came */
    bool was_renewed; /* a stale connection was replaced already */
    bool is_clean;    /* nothing came behind the reply */
    uint64_t wake_at; /* when step() must be called though nothing happened */
    uint64_t patient_until; /* the driver's: until then step() itself may wait; 0: it must not */
    uint64_t connect_by, silent_at;
    anp_error error;
    uint32_t n_first;
    uint8_t first[1024]; /* the first bytes of the reply: small replies take one receive */

    pthread_mutex_t lock; /* sync: guards `granted` */
    pthread_cond_t ready;
    bool granted;
    bool has_lock;

    anp_watch watch; /* on a loop */
    anp_timer timer;
    anp_task task;
    void (*resume)(anp_attempt *x);
};

anp_status anp_attempt_init(anp_attempt *x, anp_command *command, void (*resume)(anp_attempt *x),
                            anp_error *err);
void anp_attempt_deinit(anp_attempt *x); /* idle, done or failed */

/* Starts an attempt: request is a whole frame. */
void anp_attempt_begin(anp_attempt *x, anp_cluster_node *node, anp_slice request,
                       anp_proto_type type, anp_buffer *reply);

/* Goes on. Returns the state: DONE and FAILED are ends; at any other it waits. */
anp_attempt_state anp_attempt_step(anp_attempt *x);

/* Gives up with this code; ends as FAILED at the next step (or the one after the pool's grant). */
void anp_attempt_abort(anp_attempt *x, anp_status code, const char *why);

/* Gives up if the cluster was closed meanwhile. Every waiting driver asks now and then. */
void anp_attempt_look_for_close(anp_attempt *x);

/* Waits on the calling thread until something happened, wake_at or `until`, whichever comes first.
 */
void anp_attempt_wait(anp_attempt *x, uint64_t until);

/* Lets the command's loop wait; then `resume` is called on it. */
anp_status anp_attempt_arm(anp_attempt *x, anp_error *err);
void anp_attempt_disarm(anp_attempt *x);

/* Fills in err: the node has too many errors to be asked at present. ANP_ERR_MAX_ERROR_RATE. */
anp_status anp_attempt_left_alone(const anp_cluster_node *node, anp_error *err);

/* Was the cluster closed? */
bool anp_attempt_is_closed(anp_cluster *cluster);
