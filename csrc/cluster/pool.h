/* The connections of one node: idle ones last in first out, at most `max` in all, and a queue of
 * those who wait, first come first served. Thread-safe: one lock, held for a few instructions;
 * granted() is called without it. A connection is put back only when its last reply was read
 * exactly to its end. */
#pragma once

#include "net/stream.h"

typedef struct anp_pool anp_pool;

typedef struct anp_connection {
    anp_stream stream; /* table NULL: not opened yet; the taker opens it (anp_connection_open) */
    anp_pool *pool;
    struct anp_connection *next; /* the pool's */
    uint64_t idle_since;         /* monotonic ns */
    bool
        reused; /* it served a request before: a failure before the first reply byte may be stale */
    bool counted; /* the pool's: it stands in `opened` */
    bool is_open; /* the stream is connected */
} anp_connection;

typedef struct anp_waiter anp_waiter;
struct anp_waiter {
    /* Called once, from the thread that put a connection back (or closed the pool: connection
     * NULL). Must not call the pool; usually it posts or signals. */
    void (*granted)(anp_waiter *w);
    anp_connection *connection;
    anp_waiter *next,
        *prev; /* the pool's; both NULL and not queued unless anp_pool_take said WAIT */
    bool queued;
};

typedef struct anp_pool_stats {
    uint32_t in_use, idle, waiting;
    uint64_t opened, closed; /* sockets since the pool was made */
} anp_pool_stats;

typedef enum { ANP_POOL_GOT, ANP_POOL_WAIT, ANP_POOL_NONE } anp_pool_answer;

anp_status anp_pool_new(const anp_address *address, uint32_t max, uint64_t max_idle_ns,
                        anp_pool **out, anp_error *err);

/* Refuses everybody from now on, closes idle ones; those in use are closed as they come back. The
 * memory goes with the last connection: hence counted. */
void anp_pool_close(anp_pool *pool);
anp_pool *anp_pool_retain(anp_pool *pool);
void anp_pool_release(anp_pool *pool);

/* GOT: *out is an idle connection that was looked at (no pending byte, not closed by the peer, not
 * idle too long), or an unopened one below the cap. WAIT: the waiter is queued. NONE: waiter was
 * NULL and the cap is reached, or the pool is closed, or there is no memory. With `idle_first_only`
 * a new one is made only below the cap too: further connections of a batch are taken with waiter
 * NULL. */
anp_pool_answer anp_pool_take(anp_pool *pool, anp_waiter *waiter, anp_connection **out);

/* An unopened connection if there are fewer than `below` in all (and the pool is open); else NULL.
 * For the tend thread, which keeps a few ready: it opens it and puts it back clean. */
anp_connection *anp_pool_add(anp_pool *pool, uint32_t below);

/* Gives a connection back; clean: its reply was read to its end, nothing is in flight. Else it is
 * closed. */
void anp_pool_put(anp_connection *connection, bool clean);

/* Leaves the queue. true: the waiter was still queued. false: granted() was or is being called; the
 * waiter must then wait for it and put the connection back. */
bool anp_pool_cancel(anp_pool *pool, anp_waiter *waiter);

/* Starts to connect (or goes on): 0 open, ANP_STREAM_AGAIN, ANP_STREAM_FAILED with err set. */
int anp_connection_open(anp_connection *connection, anp_error *err);

void anp_pool_trim(anp_pool *pool,
                   uint32_t min); /* closes idle ones beyond min that are idle too long */
void anp_pool_stats_get(anp_pool *pool, anp_pool_stats *out);
