/* One client's connection: frames in, replies out, one request after the other. Memory grows with
 * bytes that came, not with what a head announces; who doesn't read its replies isn't served any
 * further. One thread's own. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "node/server.h"
#include "node/view.h"
#include "wire/frame.h"

enum { READ_SIZE = 64 * 1024, KEEP = 1024 * 1024, TURN_MS = 10 };

void anp_node_connection_open(anp_node_thread *t, int fd)
{
    anp_node_connection *c = anp_calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (c == NULL || epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        anp_free(c);
        (void)close(fd);
        atomic_fetch_sub(&t->node->connections, 1);
        return;
    }
    c->thread = t;
    c->fd = fd;
    c->events = EPOLLIN;
    anp_buffer_init(&c->in, (size_t)ANP_PROTO_MAX + READ_SIZE * 2);
    anp_buffer_init(&c->out, SIZE_MAX / 4);
    anp_node_batch_init(&c->batch);
    c->next = t->connections;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    t->connections = c;
}

static void set_waiting(anp_node_connection *c, bool on)
{
    if (c->is_waiting != on) {
        c->is_waiting = on;
        c->thread->n_waiting += on ? 1 : UINT32_MAX;
    }
}

/* The peer hears of it at once, though a fork of this process may have the socket too: closing
 * alone would tell it nothing. */
static void hang_up(int fd, bool resets)
{
    if (resets) { /* what was sent and not read yet is lost too, as in a crash */
        struct sockaddr nobody = {.sa_family = AF_UNSPEC};
        (void)connect(fd, &nobody, sizeof nobody);
    } else {
        (void)shutdown(fd, SHUT_RDWR);
    }
    (void)close(fd);
}

void anp_node_connection_close(anp_node_connection *c)
{
    anp_node_thread *t = c->thread;
    set_waiting(c, false);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        t->connections = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    /* A fork of this process has the socket too: closing it here would leave it in the epoll set,
     * which would go on naming a connection that is gone. */
    (void)epoll_ctl(t->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    hang_up(c->fd, t->node->resets);
    anp_buffer_deinit(&c->in);
    anp_buffer_deinit(&c->out);
    anp_node_batch_deinit(&c->batch);
    anp_free(c);
    atomic_fetch_sub(&t->node->connections, 1);
}

/* ---- requests ---- */

static void serve_record(anp_node_connection *c, const anp_node_request *r)
{
    set_waiting(c, anp_execute_waits(&c->thread->executor, r, &c->wait_until));
    if (c->is_waiting) {
        return;
    }
    c->wait_until = 0;
    size_t begin = anp_frame_begin(&c->out);
    (void)anp_execute(&c->thread->executor, r, 0, &c->out);
    anp_frame_end(&c->out, begin, ANP_PROTO_MESSAGE);
}

static void reply_code(anp_node_connection *c, uint8_t code)
{
    size_t begin = anp_frame_begin(&c->out);
    anp_reply_code(&c->out, code, 0, 0);
    anp_frame_end(&c->out, begin, ANP_PROTO_MESSAGE);
}

static bool find_field(anp_cursor c, uint16_t n, uint8_t type, anp_slice *out)
{
    anp_field_view f;
    for (uint16_t i = 0; i < n && anp_field_read(&c, &f); i++) {
        if (f.type == type) {
            *out = f.data;
            return true;
        }
    }
    return false;
}

enum { FIELD_HEAD = 5 };

/* The rows' field. As on a server, its own length may say more than there is: one client adds the
 * filter's to it. */
static bool find_rows(anp_cursor c, uint16_t n, anp_slice *out)
{
    anp_field_view f;
    for (uint16_t i = 0; i < n; i++) {
        bool is_whole = anp_field_read(&c, &f);
        if (!is_whole) {
            const uint8_t *head = anp_cursor_take(&c, FIELD_HEAD);
            if (head == NULL) {
                return false;
            }
            f = (anp_field_view){head[4], {c.at, anp_cursor_left(&c)}};
        }
        if (f.type == ANP_FIELD_BATCH || f.type == ANP_FIELD_BATCH_WITH_SET) {
            *out = f.data;
            return true;
        }
        if (!is_whole) {
            return false;
        }
    }
    return false;
}

static void start_batch(anp_node_connection *c, anp_cursor fields, uint16_t n)
{
    anp_slice data;
    uint8_t code = ANP_PARAMETER;
    if (find_rows(fields, n, &data)) {
        code = anp_node_batch_start(&c->batch, data, c->thread->node->config.batch_max_requests);
    }
    if (code == ANP_OK && find_field(fields, n, ANP_FIELD_FILTER, &c->batch.filter)) {
        c->batch.has_filter = true;
        code = anp_filter_read(&c->thread->executor, c->batch.filter);
    }
    if (code != ANP_OK) {
        anp_node_batch_trailer(&c->out, code);
        return;
    }
    c->in_batch = true;
}

static void serve_message(anp_node_connection *c, anp_slice body)
{
    anp_cursor at = anp_cursor_over(body.data, body.size);
    anp_message m;
    if (!anp_message_read(&at, &m)) {
        reply_code(c, ANP_PARAMETER);
        return;
    }
    anp_node_request r = {.info1 = m.info1,
                          .info2 = m.info2,
                          .info3 = m.info3,
                          .info4 = m.info4,
                          .generation = m.generation,
                          .ttl = m.ttl};
    if (m.info1 & ANP_INFO1_BATCH) {
        start_batch(c, at, m.n_fields);
        return;
    }
    if (!anp_node_request_fields(&r, &at, m.n_fields) || !anp_node_request_ops(&r, &at, m.n_ops) ||
        anp_cursor_left(&at) != 0) {
        reply_code(c, ANP_PARAMETER);
    } else if (!r.has_digest) { /* a query: not built yet */
        reply_code(c, !r.has_namespace ||
                              anp_store_find(c->thread->node->store, r.namespace_name) == NULL
                          ? ANP_NAMESPACE
                          : ANP_UNSUPPORTED_FEATURE);
    } else {
        serve_record(c, &r);
    }
}

/* Security is for other editions: 24 bytes of body, code 51. */
static void serve_admin(anp_node_connection *c)
{
    size_t begin = anp_frame_begin(&c->out);
    uint8_t *p = anp_buffer_add(&c->out, 16);
    if (p != NULL) {
        memset(p, 0, 16);
        p[1] = ANP_SECURITY_NOT_SUPPORTED;
    }
    anp_frame_end(&c->out, begin, ANP_PROTO_ADMIN);
}

static void serve(anp_node_connection *c, uint8_t type, anp_slice body)
{
    bool is_new = c->wait_until == 0;
    atomic_fetch_add_explicit(&c->thread->node->requests, is_new, memory_order_relaxed);
    switch (type) {
    case ANP_PROTO_INFO:
        anp_node_info(c->thread->node, c, body, &c->out);
        break;
    case ANP_PROTO_ADMIN:
        serve_admin(c);
        break;
    case ANP_PROTO_MESSAGE:
        serve_message(c, body);
        break;
    default: /* compressed: another edition's */
        reply_code(c, ANP_ENTERPRISE_ONLY);
        break;
    }
}

static uint64_t max_output(const anp_node_connection *c)
{
    uint64_t max = c->thread->node->config.max_output;
    return max != 0 ? max : 4 * 1024 * 1024;
}

static bool is_backed_up(const anp_node_connection *c)
{
    return c->out.size - c->out_at > max_output(c);
}

/* Reads a frame's head. Version 0 is taken of security frames, as old clients send them. */
static bool read_head(const anp_node_connection *c, anp_frame *out)
{
    uint8_t head[ANP_PROTO_HEAD];
    memcpy(head, c->in.data + c->in_at, sizeof head);
    if (head[0] == 0 && head[1] == ANP_PROTO_ADMIN) {
        head[0] = ANP_PROTO_VERSION;
    }
    return anp_frame_read(head, ANP_PROTO_MAX, out, NULL) == ANP_OK;
}

/* Is there something to do that needs no byte from the peer? (A head that is no frame's, too.) */
static bool has_work(const anp_node_connection *c)
{
    anp_frame frame;
    size_t have = c->in.size - c->in_at;
    if (c->in_batch) {
        return true;
    }
    return have >= ANP_PROTO_HEAD && (!read_head(c, &frame) || have - ANP_PROTO_HEAD >= frame.size);
}

bool anp_node_connection_serve(anp_node_connection *c, uint64_t until)
{
    while (!is_backed_up(c) && anp_clock_now() < until) {
        if (c->in_batch) {
            bool is_over = anp_node_batch_run(&c->batch, &c->thread->executor, &c->out,
                                              c->out_at + (size_t)max_output(c), until);
            set_waiting(c, c->batch.is_waiting);
            if (!is_over) {
                break;
            }
            atomic_fetch_add_explicit(&c->thread->node->batch_rows, c->batch.done,
                                      memory_order_relaxed);
            c->in_batch = false;
            c->in_at += c->batch_size;
        }
        anp_frame frame;
        size_t have = c->in.size - c->in_at;
        if (have < ANP_PROTO_HEAD) {
            break;
        }
        const uint8_t *head = c->in.data + c->in_at;
        if (!read_head(c, &frame)) {
            return false;
        }
        if (have - ANP_PROTO_HEAD < frame.size) {
            break;
        }
        serve(c, frame.type, (anp_slice){head + ANP_PROTO_HEAD, (size_t)frame.size});
        if (c->is_waiting) {
            break;
        }
        if (c->in_batch) {
            c->batch_size = ANP_PROTO_HEAD + (size_t)frame.size;
        } else {
            c->in_at += ANP_PROTO_HEAD + (size_t)frame.size;
        }
    }
    return c->out.failed == ANP_OK;
}

/* ---- bytes ---- */

static void drop_served(anp_node_connection *c)
{
    if (c->in_at == c->in.size) {
        c->in.size = c->in_at = 0;
    } else if (c->in_at > KEEP / 4 && !c->in_batch) {
        memmove(c->in.data, c->in.data + c->in_at, c->in.size - c->in_at);
        c->in.size -= c->in_at;
        c->in_at = 0;
    }
    if (c->in.size == 0 && c->in.capacity > KEEP) {
        anp_buffer_deinit(&c->in);
    }
}

/* Room for one read. Where a frame's size is known the buffer grows towards it, by doubling: bytes
 * that came pay for it. */
static bool read_some(anp_node_connection *c)
{
    if (!anp_buffer_reserve(&c->in, READ_SIZE)) {
        return false;
    }
    ssize_t n;
    do {
        n = recv(c->fd, c->in.data + c->in.size, c->in.capacity - c->in.size, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        c->in.size += (size_t)n;
        return true;
    }
    if (n == 0) {
        c->closing = true; /* what came before is served, and its replies are sent */
        return true;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static bool send_some(anp_node_connection *c)
{
    while (c->out_at < c->out.size) {
        ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.size - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        c->out_at += (size_t)n;
    }
    c->out.size = c->out_at = 0;
    if (c->out.capacity > KEEP) {
        anp_buffer_deinit(&c->out);
    }
    return true;
}

static void compact_output(anp_node_connection *c)
{
    if (c->out_at > KEEP) {
        memmove(c->out.data, c->out.data + c->out_at, c->out.size - c->out_at);
        c->out.size -= c->out_at;
        c->out_at = 0;
    }
}

static bool step(anp_node_connection *c, uint32_t events)
{
    if (c->is_waiting && (events & (EPOLLHUP | EPOLLERR)) != 0) {
        return false; /* nobody is there any more to hear the answer */
    }
    /* Nothing is read while there is work: a batch's rows point into the buffer that would grow. */
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !c->closing && !is_backed_up(c) &&
        !has_work(c) && !read_some(c)) {
        return false;
    }
    uint64_t until = anp_clock_now() + TURN_MS * ANP_NS_PER_MS;
    do {
        if (!anp_node_connection_serve(c, until) || !send_some(c)) {
            return false;
        }
        compact_output(c);
    } while (c->out.size == c->out_at && has_work(c) && !c->is_waiting && anp_clock_now() < until);
    drop_served(c);
    return !c->closing || c->out.size != c->out_at || has_work(c);
}

void anp_node_connection_ready(anp_node_connection *c, uint32_t events)
{
    if (!step(c, events)) {
        anp_node_connection_close(c);
        return;
    }
    /* Who has more to do waits until it can be sent, which is at once where nothing is pending. */
    bool busy = has_work(c) && !c->is_waiting;
    uint32_t wanted =
        (busy || c->out.size != c->out_at ? (uint32_t)EPOLLOUT : 0) |
        (busy || c->is_waiting || c->closing || is_backed_up(c) ? 0 : (uint32_t)EPOLLIN);
    if (wanted != c->events) {
        struct epoll_event event = {.events = wanted, .data.ptr = c};
        c->events = wanted;
        if (epoll_ctl(c->thread->epoll, EPOLL_CTL_MOD, c->fd, &event) < 0) {
            anp_node_connection_close(c);
        }
    }
}
