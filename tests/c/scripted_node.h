/* For tests of commands: a node whose every reply the test writes. A thread a connection; info is
 * answered like a lone node that owns all partitions of namespace "test"; each message frame goes
 * to `serve`, on that connection's thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "listener.h"
#include "wire/base64.h"
#include "wire/batch.h"
#include "wire/frame.h"
#include "wire/info.h"

enum { SCRIPTED_CONNECTIONS = 256 };

typedef struct scripted_node scripted_node;

typedef struct scripted_row {
    uint32_t index;
    uint8_t digest[ANP_DIGEST_SIZE];
    uint8_t flags;
} scripted_row;

typedef struct scripted_call {
    scripted_node *node;
    int fd;
    int connection; /* from 0 */
    int number;     /* of this call at the node, from 0 */
    anp_message head;
    anp_buffer body; /* of the frame */
    bool is_batch;
    uint32_t n_rows;
    uint8_t batch_flags;
    scripted_row *rows;
} scripted_call;

typedef struct scripted_connection {
    scripted_node *node;
    int fd;
    int number;
    pthread_t thread;
} scripted_connection;

struct scripted_node {
    bool (*serve)(scripted_call *call); /* false: the connection is closed */
    void *context;
    /* An info command's value; false: it is answered like a lone node. NULL: all are. */
    bool (*tell)(scripted_node *n, const char *name, size_t size, anp_buffer *out);
    uint16_t port;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n_connections;
    scripted_connection connections[SCRIPTED_CONNECTIONS];
    _Atomic int n_calls, n_used; /* messages; connections that sent one */
    bool is_open;                /* the gate */
    bool is_stopping;
};

/* ---- replies ---- */

static inline void scripted_message(anp_buffer *b, uint8_t info3, uint8_t result,
                                    uint32_t generation, uint32_t index)
{
    const uint8_t head[6] = {22, 0, 0, info3, 0, result};
    anp_buffer_put(b, head, sizeof head);
    anp_buffer_be32(b, generation);
    anp_buffer_be32(b, 0);
    anp_buffer_be32(b, index);
    anp_buffer_be32(b, 0);
}

static inline size_t scripted_frame(anp_buffer *b)
{
    anp_buffer_be64(b, UINT64_C(0x0203) << 48);
    return b->size;
}

static inline void scripted_frame_end(anp_buffer *b, size_t begin)
{
    anp_store_be64(b->data + begin - 8, UINT64_C(0x0203) << 48 | (b->size - begin));
}

static inline void scripted_last(anp_buffer *b, uint8_t result)
{
    size_t f = scripted_frame(b);
    scripted_message(b, 1, result, 0, 0);
    scripted_frame_end(b, f);
}

/* The generation that stands for a key in these tests. */
static inline uint32_t scripted_generation(const uint8_t *digest)
{
    return anp_load_be32(digest + 4) | 1;
}

static inline bool scripted_send(scripted_call *c, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    while (size != 0) {
        ssize_t n = send(c->fd, p, size, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static inline bool scripted_send_buffer(scripted_call *c, anp_buffer *b)
{
    bool ok = scripted_send(c, b->data, b->size);
    anp_buffer_deinit(b);
    return ok;
}

/* Appends good answers to rows [from, to), 100 a frame. */
static inline void scripted_rows(anp_buffer *b, const scripted_call *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to;) {
        size_t f = scripted_frame(b);
        for (uint32_t k = 0; k < 100 && i < to; k++, i++) {
            scripted_message(b, 0, 0, scripted_generation(c->rows[i].digest), c->rows[i].index);
        }
        scripted_frame_end(b, f);
    }
}

/* One frame with one row. */
static inline void scripted_row_frame(anp_buffer *b, const scripted_call *c, uint32_t i,
                                      uint8_t result)
{
    size_t f = scripted_frame(b);
    scripted_message(b, 0, result, scripted_generation(c->rows[i].digest), c->rows[i].index);
    scripted_frame_end(b, f);
}

static inline bool scripted_serve_well(scripted_call *c)
{
    anp_buffer b;
    anp_buffer_init(&b, 64 << 20);
    scripted_rows(&b, c, 0, c->n_rows);
    scripted_last(&b, 0);
    return scripted_send_buffer(c, &b);
}

/* ---- the gate: a reply that waits for the test ---- */

static inline void scripted_gate_wait(scripted_node *n)
{
    pthread_mutex_lock(&n->lock);
    while (!n->is_open && !n->is_stopping) {
        pthread_cond_wait(&n->changed, &n->lock);
    }
    pthread_mutex_unlock(&n->lock);
}

static inline void scripted_gate_open(scripted_node *n)
{
    pthread_mutex_lock(&n->lock);
    n->is_open = true;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

/* ---- requests ---- */

static inline bool scripted_receive(int fd, uint8_t *to, size_t size)
{
    while (size != 0) {
        ssize_t n = recv(fd, to, size, 0);
        if (n <= 0) {
            return false;
        }
        to += n;
        size -= (size_t)n;
    }
    return true;
}

static inline bool scripted_read_rows(scripted_call *call, anp_slice field)
{
    anp_cursor c = anp_cursor_over(field.data, field.size);
    if (!anp_batch_open(&c, &call->n_rows, &call->batch_flags) || call->n_rows > field.size) {
        return false;
    }
    call->rows = anp_calloc(call->n_rows, sizeof *call->rows);
    for (uint32_t i = 0; i < call->n_rows; i++) {
        anp_batch_row row;
        if (!anp_batch_row_read(&c, &row)) {
            return false;
        }
        call->rows[i] = (scripted_row){.index = row.index, .flags = row.flags};
        memcpy(call->rows[i].digest, row.digest, ANP_DIGEST_SIZE);
        if ((row.flags & ANP_ROW_REPEAT) == 0) {
            anp_field_view f;
            anp_op op;
            for (uint16_t k = 0; k < row.n_fields; k++) {
                if (!anp_field_read(&c, &f)) {
                    return false;
                }
            }
            for (uint16_t k = 0; k < row.n_ops; k++) {
                if (!anp_op_read(&c, &op)) {
                    return false;
                }
            }
        }
    }
    return anp_cursor_left(&c) == 0;
}

static inline bool scripted_parse(scripted_call *call)
{
    anp_cursor c = anp_cursor_over(call->body.data, call->body.size);
    if (!anp_message_read(&c, &call->head)) {
        return false;
    }
    for (uint16_t i = 0; i < call->head.n_fields; i++) {
        anp_field_view f;
        if (!anp_field_read(&c, &f)) {
            return false;
        }
        if (f.type == ANP_FIELD_BATCH) {
            call->is_batch = true;
            if (!scripted_read_rows(call, f.data)) {
                (void)fprintf(stderr, "scripted node: a batch that can't be read\n");
                return false;
            }
        }
    }
    return true;
}

static inline bool scripted_info(scripted_node *n, int fd, const anp_buffer *body)
{
    uint8_t ones[ANP_BITMAP_SIZE];
    memset(ones, 0xff, sizeof ones);
    anp_buffer b;
    anp_buffer_init(&b, 1 << 20);
    anp_buffer_be64(&b, 0);
    const char *at = (const char *)body->data, *end = at + body->size;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((lf != NULL ? lf : end) - at);
        anp_buffer_put(&b, at, size);
        anp_buffer_u8(&b, '\t');
        if (n->tell != NULL && n->tell(n, at, size, &b)) {
            /* as the test wants it */
        } else if (size == 4 && memcmp(at, "node", 4) == 0) {
            anp_buffer_print(&b, "FAKE%05u", (unsigned)n->port);
        } else if (size == 5 && memcmp(at, "build", 5) == 0) {
            anp_buffer_print(&b, "8.1.2.0");
        } else if (size > 11 && memcmp(at, "peers-clear", 11) == 0) {
            anp_buffer_print(&b, "1,3000,[]");
        } else if (size == 8 && memcmp(at, "replicas", 8) == 0) {
            anp_buffer_print(&b, "test:0,1,");
            anp_base64_encode(&b, ones, sizeof ones);
        } else if (size > 10 && memcmp(at, "user-agent", 10) == 0) {
            anp_buffer_print(&b, "ok");
        } else {
            anp_buffer_print(&b, "1");
        }
        anp_buffer_u8(&b, '\n');
        at += size + 1;
    }
    anp_store_be64(b.data, UINT64_C(0x0201) << 48 | (b.size - 8));
    scripted_call call = {.fd = fd};
    return scripted_send_buffer(&call, &b);
}

static inline void *scripted_connection_run(void *argument)
{
    scripted_connection *self = argument;
    scripted_node *n = self->node;
    bool go_on = true, used = false;
    while (go_on) {
        uint8_t head[8];
        scripted_call call = {.node = n, .fd = self->fd, .connection = self->number};
        anp_buffer_init(&call.body, 64 << 20);
        if (!scripted_receive(self->fd, head, 8)) {
            break;
        }
        size_t size = anp_load_be64(head) & UINT64_C(0xffffffffffff);
        uint8_t *to = anp_buffer_add(&call.body, size);
        go_on = to != NULL && scripted_receive(self->fd, to, size);
        if (go_on && head[1] == ANP_PROTO_INFO) {
            go_on = scripted_info(n, self->fd, &call.body);
        } else if (go_on) {
            n->n_used += !used;
            used = true;
            call.number = n->n_calls++;
            go_on = scripted_parse(&call) && n->serve(&call);
            anp_free(call.rows);
        }
        anp_buffer_deinit(&call.body);
    }
    (void)shutdown(self->fd, SHUT_RDWR);
    return NULL;
}

static inline void *scripted_listen(void *argument)
{
    scripted_node *n = argument;
    for (;;) {
        int fd = accept(n->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        pthread_mutex_lock(&n->lock);
        if (n->is_stopping || n->n_connections == SCRIPTED_CONNECTIONS) {
            pthread_mutex_unlock(&n->lock);
            close(fd);
            continue;
        }
        scripted_connection *c = &n->connections[n->n_connections];
        *c = (scripted_connection){.node = n, .fd = fd, .number = n->n_connections++};
        pthread_create(&c->thread, NULL, scripted_connection_run, c);
        pthread_mutex_unlock(&n->lock);
    }
}

static inline void scripted_node_start_with(scripted_node *n, bool (*serve)(scripted_call *call),
                                            void *context,
                                            bool (*tell)(scripted_node *n, const char *name,
                                                         size_t size, anp_buffer *out))
{
    memset(n, 0, sizeof *n);
    n->serve = serve;
    n->context = context;
    n->tell = tell;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->changed, NULL);
    anp_address address;
    n->listener = listener_open(&address, 0);
    n->port = ntohs(address.v4.sin_port);
    pthread_create(&n->thread, NULL, scripted_listen, n);
}

static inline void scripted_node_start(scripted_node *n, bool (*serve)(scripted_call *call),
                                       void *context)
{
    scripted_node_start_with(n, serve, context, NULL);
}

static inline void scripted_node_stop(scripted_node *n)
{
    pthread_mutex_lock(&n->lock);
    n->is_stopping = true;
    pthread_cond_broadcast(&n->changed);
    for (int i = 0; i < n->n_connections; i++) {
        (void)shutdown(n->connections[i].fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&n->lock);
    (void)shutdown(n->listener, SHUT_RDWR);
    pthread_join(n->thread, NULL);
    close(n->listener);
    for (int i = 0; i < n->n_connections; i++) {
        (void)shutdown(n->connections[i].fd, SHUT_RDWR);
        pthread_join(n->connections[i].thread, NULL);
        close(n->connections[i].fd);
    }
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->lock);
}
