/* The serving side of a node: listener, threads, connections. Private to csrc/node. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "node/batch.h"

enum { ANP_NODE_THREADS = 16 };

typedef struct anp_node_thread anp_node_thread;

typedef struct anp_node_connection {
    struct anp_node_connection *next, *prev; /* the thread's list */
    anp_node_thread *thread;
    int fd;
    uint32_t events; /* what epoll watches for */
    anp_buffer in;   /* bytes of requests that are not through yet */
    size_t in_at;    /* where the next request starts in it */
    anp_buffer out;  /* bytes to send */
    size_t out_at;
    anp_node_batch batch;
    bool in_batch;   /* the request at in_at is a batch that goes on */
    bool is_waiting; /* the request at in_at waits for another node, which is frozen */
    uint64_t wait_until;
    size_t batch_size; /* of its frame */
    bool closing;      /* no more requests; close when everything is sent */
    bool has_user_agent;
} anp_node_connection;

struct anp_node_thread {
    anp_node *node;
    anp_executor executor;
    pthread_t thread;
    bool started;
    int epoll, wake; /* wake: an eventfd */
    anp_node_connection *connections;
    uint32_t n_waiting;   /* of them */
    pthread_mutex_t lock; /* guards what is handed over */
    int *handed;          /* fds from the accepting thread */
    uint32_t n_handed, room_handed;
};

struct anp_node {
    anp_node_config config;
    char host[64];
    uint16_t port;
    bool listens_on_all; /* addresses of the machine */
    char name[20];
    anp_store *store;
    int listener;
    uint64_t deaf_until; /* monotonic ns, the listener is not watched before; 0: it is */
    int spare;           /* an fd in reserve, for refusing when there are none left */
    uint64_t started_at; /* monotonic ns */
    anp_members *members;
    uint32_t member; /* our number among them */
    _Atomic bool is_member;
    _Atomic bool stopping;
    _Atomic bool resets; /* connections are reset when they are closed */
    _Atomic bool is_frozen;
    pthread_mutex_t freeze_lock; /* guards changes of is_frozen, and: */
    pthread_cond_t freeze_changed;
    uint32_t n_halted; /* threads that have seen is_frozen */
    uint32_t n_threads, next_thread;
    anp_node_thread threads[ANP_NODE_THREADS];
    _Atomic int64_t connections;
    _Atomic uint64_t opened, refused, requests, batch_rows;
};

/* Takes a new socket over; closes it where there is no memory. */
void anp_node_connection_open(anp_node_thread *t, int fd);
void anp_node_connection_close(anp_node_connection *c);

/* Reads, serves and sends what can be. The connection may be gone afterwards. */
void anp_node_connection_ready(anp_node_connection *c, uint32_t events);

/* Serves what is whole of `in`, until then (monotonic ns); replies go to `out`. false: bytes that
 * are no frame: the connection ends without a word, as the server's do. */
bool anp_node_connection_serve(anp_node_connection *c, uint64_t until);

/* Appends the whole reply frame of an info request's body. */
void anp_node_info(anp_node *node, anp_node_connection *c, anp_slice body, anp_buffer *out);
