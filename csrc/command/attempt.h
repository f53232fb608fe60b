/* One request and one reply frame on one connection of one node: what a single-record command and an info command
 * have in common. A machine without a thread: step() goes on as far as it can; then either a thread waits for it
 * (anp_exchange_wait, with poll) or a loop calls `resume` (anp_exchange_arm). */
#pragma once

#include <pthread.h>

#include "command/command.h"
#include "wire/protocol.h"

typedef enum {
    ANP_EXCHANGE_IDLE,       /* nothing under way */
    ANP_EXCHANGE_GRANT,      /* queued at the pool */
    ANP_EXCHANGE_CONNECTING,
    ANP_EXCHANGE_WRITING,
    ANP_EXCHANGE_READING,
    ANP_EXCHANGE_LEAVING,    /* given up, but the pool is just about to grant: its connection must be put back */
    ANP_EXCHANGE_DONE,       /* the reply's body is there */
    ANP_EXCHANGE_FAILED,     /* `error` says why */
} anp_exchange_state;

typedef struct anp_exchange anp_exchange;
struct anp_exchange {
    anp_exchange_state state;
    anp_command *command;
    anp_cluster_node *node;      /* retained from begin to deinit or the next begin */
    anp_connection *connection;
    anp_waiter waiter;
    anp_slice request;           /* borrowed */
    size_t written;
    anp_buffer *reply;           /* borrowed; body only */
    uint64_t body_size;
    anp_proto_type type;
    bool is_write, has_head;
    bool was_sent;               /* in this attempt: the kernel took the last byte */
    bool was_heard;              /* a byte of the reply came */
    bool was_renewed;            /* a stale connection was replaced already */
    bool is_clean;               /* nothing came behind the reply */
    uint64_t wake_at;            /* when step() must be called though nothing happened */
    uint64_t connect_by, silent_at;
    anp_error error;
    uint32_t n_first;
    uint8_t first[1024];         /* the first bytes of the reply: small replies take one receive */

    pthread_mutex_t lock;        /* sync: guards `granted` */
    pthread_cond_t ready;
    bool granted;
    bool has_lock;

    anp_watch watch;             /* on a loop */
    anp_timer timer;
    anp_task task;
    void (*resume)(anp_exchange *x);
};

anp_status anp_exchange_init(anp_exchange *x, anp_command *command, void (*resume)(anp_exchange *x), anp_error *err);
void anp_exchange_deinit(anp_exchange *x); /* idle, done or failed */

/* Starts an attempt: request is a whole frame. */
void anp_exchange_begin(anp_exchange *x, anp_cluster_node *node, anp_slice request, anp_proto_type type, anp_buffer *reply);

/* Goes on. Returns the state: DONE and FAILED are ends; at any other it waits. */
anp_exchange_state anp_exchange_step(anp_exchange *x);

/* Gives up with this code; ends as FAILED at the next step (or the one after the pool's grant). */
void anp_exchange_abort(anp_exchange *x, anp_status code, const char *why);

/* Waits on the calling thread until something happened, wake_at or `until`, whichever comes first. */
void anp_exchange_wait(anp_exchange *x, uint64_t until);

/* Lets the command's loop wait; then `resume` is called on it. */
anp_status anp_exchange_arm(anp_exchange *x, anp_error *err);
void anp_exchange_disarm(anp_exchange *x);

/* Was the cluster closed? For the check that every waiting driver makes now and then. */
bool anp_exchange_is_closed(anp_cluster *cluster);
