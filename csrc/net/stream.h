/* A byte stream to one peer, behind a small table of functions, so that TLS (and a simulator) fit
 * in. Streams never block: what can't go on now says AGAIN, and `wants` says what to poll for. One
 * thread at a time. SIGPIPE is never raised, EINTR never seen. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/address.h"

enum { ANP_STREAM_PATIENCE_MS = 50 };
enum { ANP_STREAM_AGAIN = -1, ANP_STREAM_FAILED = -2 }; /* FAILED: `error` holds errno */

typedef struct anp_stream anp_stream;

typedef struct anp_stream_table {
    /* Goes on with connecting (and later: with a handshake). 0: open; AGAIN; FAILED. */
    int (*connect)(anp_stream *s);
    /* Above 0: so many bytes; 0 (read only): the peer closed; AGAIN; FAILED. */
    ptrdiff_t (*read)(anp_stream *s, void *into, size_t size);
    ptrdiff_t (*write)(anp_stream *s, const void *from, size_t size);
    /* As read, but it waits: at most about ANP_STREAM_PATIENCE_MS, or until a signal comes; then
     * AGAIN. For who has nothing else to wait for: one system call in place of two. NULL: poll. */
    ptrdiff_t (*read_waiting)(anp_stream *s, void *into, size_t size);
    /* Is a stream that should be idle still clean: no byte waiting, not closed by the peer? */
    bool (*is_idle)(anp_stream *s);
    void (*close)(anp_stream *s);
} anp_stream_table;

struct anp_stream {
    const anp_stream_table *table; /* NULL: closed or never opened */
    int fd;
    short wants; /* POLLIN and POLLOUT, after AGAIN */
    int error;   /* errno, after FAILED */
    void *extra; /* the table's own */
};

/* Starts a TCP connection; go on with table->connect until it is open. ANP_ERR_CONNECTION, with
 * address and reason in err, when it failed at once. */
anp_status anp_stream_open_tcp(anp_stream *s, const anp_address *address, anp_error *err);

void anp_stream_close(anp_stream *s); /* harmless twice */

/* Polls for `wants` for at most ms milliseconds (-1: no end). 1 ready, 0 not yet. */
int anp_stream_wait(anp_stream *s, int ms);

/* For tests and simulators: replaces the TCP table (NULL: the real one is back) for streams opened
 * from now on. Set it while no other thread runs. */
void anp_stream_hook(const anp_stream_table *table);

/* The TCP table itself, for a hook to pass calls on to. */
const anp_stream_table *anp_stream_tcp(void);

/* An errno in words, lower case: "connection refused". */
void anp_stream_reason(int error, char *text, size_t size);
