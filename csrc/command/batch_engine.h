/* What the batch engine's files share; nobody else includes this.
 *
 *   batch.c         life, the pump, ends
 *   batch_plan.c    keys -> digests -> open windows
 *   batch_route.c   which node a row goes to, and when it waits until more is known
 *   window.c        a sub-batch: its rows, its request, what becomes of rows without an answer
 *   channel.c       a connection and the windows in flight on it
 *   channel_time.c  its time-outs
 *   batch_reply.c   received bytes -> rows
 *
 * All of it runs on the driving thread, but for a pool's grants. Callbacks end with anp_batch_pump,
 * which may free the batch: nothing is done after it. */
#pragma once

#include "command/attempt.h"
#include "command/batch.h"

enum {
    ANP_CHUNK_ROWS = 1024, /* digested at a time */
    ANP_WINDOW_ROWS = 5000,
    ANP_WINDOW_BYTES = 4 * 1024 *
        1024, /* a request that has grown to this ends; its other rows make another window */
    ANP_WINDOWS_FLYING = 2, /* in flight on a connection */
    ANP_WINDOWS_QUEUED = 2, /* of a node; then planning pauses, unless another node is hungry */
    ANP_HELD_BYTES = 200 * 1024 * 1024, /* of windows held back for slow nodes, some 1,024 full
                                           ones; then planning pauses all the same */
    ANP_NO_PEER = 0xffff,
};

enum { /* of a row in a window */
       ANP_WROW_ANSWERED =
           1, /* a message with its index came, or it was refused here: another one is an error */
       ANP_WROW_AGAIN = 2, /* ... but it said only that this was a bad moment: `code` */
       ANP_WROW_DOUBT = 4,
       ANP_WROW_SENT = 8, /* its index is in the request */
};

typedef struct anp_window_row {
    uint64_t row;
    uint8_t digest[ANP_DIGEST_SIZE];
    uint32_t space;
    uint16_t retries, sends;
    uint8_t flags, code;
    uint8_t hops; /* replicas that failed it */
} anp_window_row;

/* What was known of the cluster at a moment. */
typedef struct anp_batch_news {
    uint32_t map;    /* anp_batch.n_maps */
    uint64_t rounds; /* of the tend thread */
    uint64_t until;  /* nobody waits longer for more */
} anp_batch_news;

typedef struct anp_batch_peer anp_batch_peer;

typedef struct anp_window {
    anp_spare spare; /* between batches */
    struct anp_window *next;
    uint32_t n_rows;
    bool is_encoded, is_sent, was_renewed;
    bool is_overloaded;          /* a row's code says so of the node */
    bool is_counted;             /* parked: its rows' retries are counted */
    bool is_hopping;             /* parked: the next replica is tried */
    bool is_waiting;             /* parked: until more than `news` is known */
    const anp_batch_peer *peer;  /* that was asked */
    const anp_batch_peer *stale; /* parked: does not serve these rows, as far as `news` goes */
    anp_batch_news news;
    uint64_t deadline;  /* each_window only; ANP_NEVER */
    uint64_t resume_at; /* parked: not before */
    size_t written;
    anp_buffer request;
    anp_window_row rows[];
} anp_window;

typedef struct anp_window_list {
    anp_window *first, *last;
    uint32_t count;
} anp_window_list;

/* A namespace and a set; `bytes` holds both. */
typedef struct anp_batch_space {
    uint8_t *bytes;
    uint32_t namespace_size, set_size;
    int32_t namespace_index; /* in the map; -1: not there, -2: not looked up */
} anp_batch_space;

typedef enum {
    ANP_CHANNEL_FREE,
    ANP_CHANNEL_WAITING, /* for the pool */
    ANP_CHANNEL_CONNECTING,
    ANP_CHANNEL_OPEN,
    ANP_CHANNEL_LEAVING, /* given up; the pool's grant is on its way */
} anp_channel_state;

typedef struct anp_channel {
    anp_batch *batch;
    anp_batch_peer *peer;
    anp_channel_state state;
    anp_connection *connection;
    anp_waiter waiter;
    anp_task task;
    anp_watch watch;
    anp_window_list windows; /* the first is the one whose reply is next */
    bool was_heard;
    uint64_t wait_by; /* waiting, connecting */
    uint64_t silent_at;
    uint64_t frame_left; /* of the frame that is being read */
    anp_buffer carry;    /* a message's beginning, while another channel has the receive buffer */
} anp_channel;

struct anp_batch_peer {
    anp_cluster_node *node; /* retained */
    anp_window *open;       /* being filled */
    anp_window_list queue;  /* full, not yet on a channel */
    bool no_more;           /* a further connection was not to be had: don't ask again */
    bool is_doubtful;       /* it failed or was silent, and nothing was heard of it since */
    anp_batch_news news;    /* doubtful: what was known then */
    uint64_t heard_at;      /* the last byte */
    uint32_t n_silent;      /* windows whose time passed since then without one */
    anp_channel channels[]; /* policy.connections */
};

struct anp_batch {
    anp_command command;
    anp_row_source source;
    anp_row_sink sink;
    anp_slice filter; /* owned */
    anp_keys keys;    /* the slice that is planned; `given` is the next one */
    anp_keys given;
    bool has_given, has_asked;
    uint64_t total, next_row, slice_end; /* rows [next_row, slice_end) have no digest yet */
    _Atomic uint64_t progress;
    uint32_t window_rows, connections;

    uint8_t *chunk; /* digests of rows [chunk_row, next_row) */
    uint64_t chunk_row;
    uint64_t chunk_base; /* the row of the first digest */
    anp_buffer scratch, ops;

    anp_map *map;
    uint32_t n_maps;      /* that were looked at */
    uint64_t rounds, now; /* of the tend thread, and the clock, as the pump last saw them */
    bool has_doubts;      /* `rounds` is kept: some peer is doubtful, or rows wait */
    uint16_t *routes[ANP_MAP_NAMESPACES]; /* partition -> peer, for first attempts */
    anp_batch_space *spaces;
    uint32_t n_spaces, room_spaces, last_space;
    uint32_t *space_table; /* open addressing; index + 1 */
    uint32_t table_size;
    const anp_key_run *run;
    uint64_t run_end;
    uint32_t run_space;

    anp_batch_peer **peers;
    uint32_t n_peers, room_peers;
    anp_window *spare;
    anp_window_list parked;
    anp_window *waiting,
        *stranded; /* being filled: rows whose node is doubtful; rows without one */
    anp_timer timer;
    anp_buffer in;      /* the receive buffer */
    size_t in_room;     /* its least capacity */
    anp_channel *owner; /* whose unread bytes are in it */

    bool is_dirty; /* something changed that the pump must look at again */
    bool is_stopping, is_over, has_window_timeout;
    anp_status stop_code;
    uint64_t n_lost; /* rows without a server's answer */
    anp_error first_error;
    uint64_t started_at;
    uint64_t ns_digests, ns_sending, ns_decoding, ns_total;
};

/* ---- batch.c ---- */
void anp_batch_pump(anp_batch *b);
/* Ends a row without an answer of its own. lost: the call is not ok by that; err says why. */
void anp_batch_settle(anp_batch *b, const anp_window_row *r, anp_status code, bool lost,
                      const anp_error *err);
void anp_batch_count(anp_batch *b, uint64_t rows); /* so many have ended */
/* Ends a row with the server's message. */
anp_status anp_batch_deliver(anp_batch *b, const anp_window_row *r, const anp_message *m,
                             anp_cursor body, anp_error *err);
/* Would there be another attempt for this row? */
bool anp_batch_may_retry(const anp_batch *b, const anp_window_row *r);

/* ---- batch_plan.c ---- */
void anp_batch_plan(anp_batch *b); /* as far as there is room */
/* Routes a row of a window that was parked into an open window, lets it wait, or settles it. */
void anp_batch_add(anp_batch *b, const anp_window_row *r, const anp_window *from);
/* Could this node take another window now? */
bool anp_batch_is_hungry(const anp_batch *b, const anp_batch_peer *p);
bool anp_batch_is_full(const anp_batch *b); /* no more windows may be held back */
void anp_batch_plan_free(anp_batch *b);
static inline bool anp_batch_is_planned(const anp_batch *b) /* nothing is left of the slice */
{
    return b->chunk_row == b->next_row && b->next_row == b->slice_end;
}

/* ---- batch_route.c ---- */
typedef enum {
    ANP_WAY_PEER,    /* *peer */
    ANP_WAY_WAIT,    /* until more is known of its node */
    ANP_WAY_LEFT,    /* its node has just left the cluster; code and err say so */
    ANP_WAY_NOWHERE, /* no node at present; likewise */
    ANP_WAY_SHUT,    /* its nodes have too many errors at present; likewise */
    ANP_WAY_REFUSED, /* for good; likewise */
} anp_batch_way;
/* The peer of an earlier row of the same partition, where it may be asked now; NULL: route it. Rows
 * that no replica has failed yet. */
static inline anp_batch_peer *anp_batch_known_peer(const anp_batch *b, const anp_window_row *r)
{
    int32_t ns = b->spaces[r->space].namespace_index;
    const uint16_t *routes = ns >= 0 ? b->routes[ns] : NULL;
    uint16_t known = routes != NULL ? routes[anp_partition_of(r->digest)] : ANP_NO_PEER;
    if (known == ANP_NO_PEER) {
        return NULL;
    }
    anp_batch_peer *p = b->peers[known];
    bool is_well = !p->is_doubtful &&
                   atomic_load_explicit(&p->node->active, memory_order_relaxed) &&
                   anp_cluster_node_allows(p->node);
    return is_well ? p : NULL;
}
/* The same for the first row of a partition: the peer of its first replica, where that is what
 * anp_batch_route would say, and it is a peer already. */
anp_batch_peer *anp_batch_first_peer(anp_batch *b, const anp_window_row *r);

anp_batch_way anp_batch_route(anp_batch *b, const anp_window_row *r, uint32_t *peer,
                              anp_status *code, anp_error *err);
/* Keeps a row until more is known, at most ANP_WAIT_MS. is_stranded: it has no node, and that
 * counts as a retry. false: no memory. */
bool anp_batch_wait(anp_batch *b, const anp_window_row *r, bool is_stranded);
void anp_batch_seal(anp_batch *b); /* what waits is parked */
void anp_batch_look(anp_batch *b); /* at the newest map, where that matters */
void anp_batch_new_map(anp_batch *b);
/* What is known at this moment, to be told later from what is news. */
anp_batch_news anp_batch_news_now(anp_batch *b);
bool anp_batch_is_news(const anp_batch *b, const anp_batch_news *than);
/* May rows be read elsewhere when their node fails? */
bool anp_batch_has_choice(const anp_batch *b);
/* Takes back the windows of a node that have no connection yet; they end as anp_window_end says. */
void anp_batch_recall(anp_batch *b, anp_batch_peer *p, anp_status code, bool may_retry,
                      bool is_counted, const anp_error *err);
/* Likewise of all nodes that have left, or that have too many errors. */
void anp_batch_recall_all(anp_batch *b);

/* ---- window.c ---- */
void anp_window_push(anp_window_list *list, anp_window *w);
void anp_window_push_front(anp_window_list *list, anp_window *w);
anp_window *anp_window_pop(anp_window_list *list);
void anp_window_remove(anp_window_list *list, anp_window *w);
anp_window *anp_window_take(anp_batch *b); /* empty; NULL: no memory */
void anp_window_give(anp_batch *b, anp_window *w);
void anp_window_free(anp_batch *b, anp_window *w); /* or leaves it to the next batch */
uint32_t anp_window_limit(const anp_batch *b, const anp_batch_peer *p);
/* Makes the request; rows that can't be sent are settled. Rows beyond the byte limit go to a new
 * window in the queue. */
void anp_window_encode(anp_batch *b, anp_batch_peer *p, anp_window *w);
/* The window is over: rows without an answer are parked for another attempt where that is allowed,
 * or settled with code. */
void anp_window_end(anp_batch *b, anp_window *w, anp_status code, bool may_retry, bool is_counted,
                    const anp_error *err);

/* ---- channel.c ---- */
void anp_channel_init(anp_channel *c, anp_batch *b, anp_batch_peer *p);
void anp_channel_feed(anp_batch *b, anp_batch_peer *p); /* queue -> channels */
void anp_channel_fail(anp_channel *c, anp_status code, bool may_retry, const anp_error *err);
/* The connection failed; rows without an answer are tried again. */
void anp_channel_break(anp_channel *c, const char *what, const char *why);
/* Fills in err: what, the node's address, why. Returns the code. */
anp_status anp_channel_describe(const anp_channel *c, anp_error *err, anp_status code,
                                const char *what, const char *why);
/* Counts a failure of the node, where it is one. */
void anp_channel_blame(const anp_channel *c, anp_status code);
void anp_channel_release(anp_channel *c, bool clean); /* nothing is in flight */
void anp_channel_window_done(
    anp_channel *c); /* the first window's LAST was read; it is off the list */

/* ---- channel_time.c ---- */
void anp_channel_expire(anp_channel *c, uint64_t now);
uint64_t anp_channel_next(const anp_channel *c); /* when expire must look */

/* ---- batch_reply.c ---- */
/* Takes what is whole out of the receive buffer and leaves the rest at its front. */
anp_status anp_batch_parse(anp_channel *c, anp_error *err);
