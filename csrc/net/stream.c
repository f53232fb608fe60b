/* TCP streams that never block, but where they are asked to: each call says so itself, once the
 * stream is connected. The hook is for tests and simulators; apart from it there is no
 * state. */
#include "net/stream.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

static const anp_stream_table *hooked;

void anp_stream_reason(int error, char *text, size_t size)
{
    char room[96];
    const char *words = strerror_r(error, room, sizeof room);
    (void)snprintf(text, size, "%s", words);
    if (size > 1 && isupper((unsigned char)text[0]) && islower((unsigned char)text[1])) {
        text[0] = (char)tolower((unsigned char)text[0]);
    }
}

static int failed(anp_stream *s, int error)
{
    s->error = error;
    return ANP_STREAM_FAILED;
}

static int again(anp_stream *s, short wants)
{
    s->wants = wants;
    return ANP_STREAM_AGAIN;
}

/* Connecting to a free ephemeral port of this very host can meet itself: TCP's simultaneous open.
 */
static bool is_own_echo(int fd)
{
    anp_address here = {.size = sizeof here.v6};
    anp_address there = {.size = sizeof there.v6};
    return getsockname(fd, &here.any, &here.size) == 0 &&
           getpeername(fd, &there.any, &there.size) == 0 && anp_address_equal(&here, &there);
}

static int tcp_connect(anp_stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    int n;
    do {
        n = poll(&p, 1, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return failed(s, errno);
    }
    if (n == 0) {
        return again(s, POLLOUT);
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return failed(s, errno);
    }
    if (error != 0) {
        return failed(s, error);
    }
    if (is_own_echo(s->fd)) {
        return failed(s, ECONNREFUSED);
    }
    const struct timeval patience = {.tv_usec = ANP_STREAM_PATIENCE_MS * 1000};
    int flags = fcntl(s->fd, F_GETFL);
    if (flags < 0 || setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        fcntl(s->fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
        return failed(s, errno);
    }
    return 0;
}

static ptrdiff_t tcp_read_waiting(anp_stream *s, void *into, size_t size)
{
    ssize_t n = recv(s->fd, into, size, 0);
    if (n >= 0) {
        return n;
    }
    bool is_over = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return is_over ? again(s, POLLIN) : failed(s, errno);
}

static ptrdiff_t tcp_read(anp_stream *s, void *into, size_t size)
{
    for (;;) {
        ssize_t n = recv(s->fd, into, size, MSG_DONTWAIT);
        if (n >= 0) {
            return n;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return again(s, POLLIN);
        }
        if (errno != EINTR) {
            return failed(s, errno);
        }
    }
}

static ptrdiff_t tcp_write(anp_stream *s, const void *from, size_t size)
{
    for (;;) {
        ssize_t n = send(s->fd, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            return n;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return again(s, POLLOUT);
        }
        if (errno != EINTR) {
            return failed(s, errno);
        }
    }
}

static bool tcp_is_idle(anp_stream *s)
{
    for (;;) {
        char byte;
        ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n >= 0 || errno != EINTR) {
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
    }
}

static void tcp_close(anp_stream *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd); /* never again on EINTR: Linux has freed the number by then */
    }
}

static const anp_stream_table tcp_table = {
    .connect = tcp_connect,
    .read = tcp_read,
    .write = tcp_write,
    .read_waiting = tcp_read_waiting,
    .is_idle = tcp_is_idle,
    .close = tcp_close,
};

const anp_stream_table *anp_stream_tcp(void)
{
    return &tcp_table;
}

void anp_stream_hook(const anp_stream_table *table)
{
    hooked = table;
}

anp_status anp_stream_open_tcp(anp_stream *s, const anp_address *address, anp_error *err)
{
    *s = (anp_stream){.fd = -1};
    int fd =
        socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    int error = errno;
    if (fd >= 0) {
        int yes = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        /* An interrupted connect goes on in the background, like one that is in progress. */
        if (connect(fd, &address->any, address->size) == 0 || errno == EINPROGRESS ||
            errno == EINTR) {
            s->table = hooked != NULL ? hooked : &tcp_table;
            s->fd = fd;
            s->wants = POLLOUT;
            return ANP_OK;
        }
        error = errno;
        (void)close(fd);
    }
    s->error = error;
    char where[ANP_ADDRESS_TEXT];
    char why[96];
    anp_address_print(address, where);
    anp_stream_reason(error, why, sizeof why);
    return anp_error_set(err, ANP_ERR_CONNECTION, "can't connect to %s: %s", where, why);
}

void anp_stream_close(anp_stream *s)
{
    if (s->table != NULL) {
        s->table->close(s);
        s->table = NULL;
    }
    s->fd = -1;
    s->extra = NULL;
}

int anp_stream_wait(anp_stream *s, int ms)
{
    uint64_t deadline = ms < 0 ? ANP_NEVER : anp_clock_now() + (uint64_t)ms * ANP_NS_PER_MS;
    struct pollfd p = {.fd = s->fd, .events = s->wants};
    for (;;) {
        int n = poll(&p, 1, ms);
        if (n > 0) {
            return 1;
        }
        if (n == 0) {
            return 0;
        }
        if (errno != EINTR) {
            return 1; /* whatever it is, the next read or write says it better */
        }
        if (ms >= 0) {
            ms = anp_clock_ms_left(deadline, anp_clock_now(), ms);
        }
    }
}
