/* The thread that frees expired and truncated records: for each namespace every nsup-period seconds, and
 * when it is woken. That such records are not seen any more doesn't wait for it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct anp_store;

typedef struct anp_expiry {
    struct anp_store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running;
    bool asked; /* for a pass over all namespaces, now. With the lock */
    atomic_bool stop;
} anp_expiry;

anp_status anp_expiry_start(anp_expiry *e, struct anp_store *store, anp_error *err);

/* Joins the thread; harmless when it never started. */
void anp_expiry_stop(anp_expiry *e);

/* Asks for a pass over all namespaces; does not wait for it. */
void anp_expiry_wake(anp_expiry *e);
