/* For tests of the node: a raw socket to it, and requests put together by hand, byte by byte, not
 * by the encoder that node and client share. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/node.h"

/* ---- nodes ---- */

typedef struct world {
    anp_store *store;
    anp_node *node;
} world;

/* Namespaces test, mem (as the recorded server has them) and still (no nsup). */
static inline anp_store *open_store(uint64_t max_memory)
{
    const anp_namespace_config namespaces[] = {
        {.name = "test", .nsup_period = 120},
        {.name = "mem", .nsup_period = 120, .default_ttl = 1000},
        {.name = "still"},
    };
    anp_store_config config = {
        .namespaces = namespaces, .n_namespaces = 3, .max_memory = max_memory};
    anp_store *store = NULL;
    assert_int_equal(anp_store_new(&config, &store, NULL), ANP_OK);
    return store;
}

static inline world open_world(const anp_node_config *config, uint64_t max_memory)
{
    world w = {.store = open_store(max_memory)};
    assert_int_equal(anp_node_start(config, w.store, &w.node, NULL), ANP_OK);
    return w;
}

static inline void close_world(world *w)
{
    anp_node_stop(w->node);
    anp_store_release(w->store);
}

/* ---- bytes ---- */

typedef struct bytes {
    uint8_t *data;
    size_t size, room;
} bytes;

static inline void put(bytes *b, const void *data, size_t size)
{
    if (b->room - b->size < size) {
        b->room = (b->room + size) * 2;
        b->data = realloc(b->data, b->room);
        assert_non_null(b->data);
    }
    if (size != 0) {
        memcpy(b->data + b->size, data, size);
    }
    b->size += size;
}

static inline void put_number(bytes *b, uint64_t v, unsigned width)
{
    while (width-- != 0) {
        put(b, &(uint8_t){(uint8_t)(v >> (8 * width))}, 1);
    }
}

static inline void put_hex(bytes *b, const char *hex)
{
    for (unsigned v, n; sscanf(hex, " %2x%n", &v, (int *)&n) == 1; hex += n) {
        put(b, &(uint8_t){(uint8_t)v}, 1);
    }
}

static inline void set_number(bytes *b, size_t at, uint64_t v, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        b->data[at + i] = (uint8_t)(v >> (8 * (width - 1 - i)));
    }
}

static inline uint64_t number(const uint8_t *p, unsigned width)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static inline void drop(bytes *b)
{
    free(b->data);
    *b = (bytes){0};
}

/* ---- requests ---- */

enum {
    HEAD = 30,
    READ = 1,
    WRITE = 2,
    INCR = 5,
    APPEND = 9,
    PREPEND = 10,
    TOUCH = 11,
    DELETE_ALL = 14
};
enum {
    NIL = 0,
    INT = 1,
    FLOAT = 2,
    STRING = 3,
    BLOB = 4,
    BOOL = 17,
    MAP = 19,
    LIST = 20,
    GEO = 23
};

typedef struct request {
    uint8_t info1, info2, info3, info4;
    uint32_t generation, ttl;
} request;

static inline void put_field(bytes *b, uint8_t type, const void *data, size_t size)
{
    put_number(b, size + 1, 4);
    put_number(b, type, 1);
    put(b, data, size);
}

static inline void put_op(bytes *b, uint8_t op, uint8_t particle, const char *name,
                          const void *data, size_t size)
{
    put_number(b, 4 + strlen(name) + size, 4);
    put_number(b, op, 1);
    put_number(b, particle, 1);
    put_number(b, 0, 1);
    put_number(b, strlen(name), 1);
    put(b, name, strlen(name));
    put(b, data, size);
}

static inline void put_integer(bytes *b, uint8_t op, const char *name, uint64_t v)
{
    uint8_t data[8];
    for (int i = 0; i < 8; i++) {
        data[i] = (uint8_t)(v >> (56 - 8 * i));
    }
    put_op(b, op, INT, name, data, 8);
}

/* Frame and message heads; sizes and counts come with finish(). */
static inline void start(bytes *b, request r)
{
    size_t at = b->size;
    put(b, (const uint8_t[HEAD]){2, 3, [8] = 22, r.info1, r.info2, r.info3, r.info4}, HEAD);
    set_number(b, at + 14, r.generation, 4);
    set_number(b, at + 18, r.ttl, 4);
}

static inline void finish(bytes *b, size_t at, unsigned n_fields, unsigned n_ops)
{
    set_number(b, at + 2, b->size - at - 8, 6);
    set_number(b, at + 26, n_fields, 2);
    set_number(b, at + 28, n_ops, 2);
}

/* A digest that is as good as a real one: the node never computes them. */
static inline void digest_of(const char *key, uint8_t out[20])
{
    uint64_t x = 1469598103934665603u;
    for (size_t i = 0; i < 20; i++) {
        for (const char *p = key; *p != 0; p++) {
            x = (x ^ (uint8_t)*p ^ i) * 1099511628211u;
        }
        out[i] = (uint8_t)(x >> 32);
    }
}

/* Heads and the fields namespace, set, digest: three. */
static inline void start_key(bytes *b, request r, const char *ns, const char *set, const char *key)
{
    uint8_t digest[20];
    digest_of(key, digest);
    start(b, r);
    put_field(b, 0, ns, strlen(ns));
    put_field(b, 1, set, strlen(set));
    put_field(b, 4, digest, 20);
}

/* ---- conversation ---- */

/* Connects; reads that take longer than a minute fail. */
static inline int dial(const anp_node *node)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(anp_node_port(node))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 60},
                     sizeof(struct timeval));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 60},
                     sizeof(struct timeval));
    return fd;
}

static inline void send_all(int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = send(fd, (const uint8_t *)data + at, size - at, MSG_NOSIGNAL);
        assert_true(n > 0 || (n < 0 && errno == EINTR)); /* a process that was stopped */
        at += n > 0 ? (size_t)n : 0;
    }
}

static inline bool receive(int fd, void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = recv(fd, (uint8_t *)data + at, size - at, 0);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Has the node closed, without another byte? */
static inline bool is_closed(int fd)
{
    uint8_t byte;
    ssize_t n;
    do {
        n = recv(fd, &byte, 1, 0);
    } while (n < 0 && errno == EINTR);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Reads one frame, heads included; the caller drops it. */
static inline bytes read_frame(int fd)
{
    uint8_t head[8];
    bytes b = {0};
    assert_true(receive(fd, head, 8));
    assert_int_equal(head[0], 2);
    size_t size = (size_t)number(head + 2, 6);
    put(&b, head, 8);
    b.room = size + 8;
    b.data = realloc(b.data, b.room);
    assert_non_null(b.data);
    assert_true(receive(fd, b.data + 8, size));
    b.size = b.room;
    return b;
}

/* Sends a request that is finished here, drops it, and reads one frame. */
static inline bytes ask(int fd, bytes *b, unsigned n_fields, unsigned n_ops)
{
    finish(b, 0, n_fields, n_ops);
    send_all(fd, b->data, b->size);
    drop(b);
    return read_frame(fd);
}

/* As above, for the result code alone. */
static inline int code_of(int fd, bytes *b, unsigned n_fields, unsigned n_ops)
{
    bytes reply = ask(fd, b, n_fields, n_ops);
    int code = reply.data[13];
    drop(&reply);
    return code;
}

/* Sends these bytes, and expects exactly those. */
static inline void expect(int fd, const char *request_hex, const char *reply_hex)
{
    bytes sent = {0}, wanted = {0};
    put_hex(&sent, request_hex);
    put_hex(&wanted, reply_hex);
    send_all(fd, sent.data, sent.size);
    uint8_t *got = malloc(wanted.size);
    assert_non_null(got);
    assert_true(receive(fd, got, wanted.size));
    assert_memory_equal(got, wanted.data, wanted.size);
    free(got);
    drop(&sent);
    drop(&wanted);
}

/* An info command's value; the caller frees it. */
static inline char *info(int fd, const char *command)
{
    bytes b = {0};
    put(&b, (const uint8_t[]){2, 1}, 2);
    put_number(&b, strlen(command) + 1, 6);
    put(&b, command, strlen(command));
    put(&b, "\n", 1);
    send_all(fd, b.data, b.size);
    drop(&b);
    b = read_frame(fd);
    size_t head = 8 + strlen(command) + 1;
    assert_int_equal(b.data[1], 1);
    assert_true(b.size > head && b.data[b.size - 1] == '\n');
    assert_memory_equal(b.data + 8, command, strlen(command));
    char *value = strndup((const char *)b.data + head, b.size - head - 1);
    drop(&b);
    return value;
}

static inline void expect_info(int fd, const char *command, const char *wanted)
{
    char *value = info(fd, command);
    assert_string_equal(value, wanted);
    free(value);
}

/* Writes one integer bin "a" to a record of test.demo; the result code. */
static inline int put_a(int fd, const char *key, uint64_t v)
{
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", key);
    put_integer(&b, WRITE, "a", v);
    return code_of(fd, &b, 3, 1);
}

/* Reads all bins of a record of test.demo; the whole frame. */
static inline bytes get(int fd, const char *key)
{
    bytes b = {0};
    start_key(&b, (request){.info1 = 3}, "test", "demo", key);
    return ask(fd, &b, 3, 0);
}

static inline int get_code(int fd, const char *key)
{
    bytes reply = get(fd, key);
    int code = reply.data[13];
    drop(&reply);
    return code;
}

/* The bytes of a reply behind its heads. */
static inline void expect_ops(bytes *reply, int code, const char *ops_hex)
{
    bytes wanted = {0};
    put_hex(&wanted, ops_hex);
    assert_int_equal(reply->data[13], code);
    assert_int_equal(reply->size - HEAD, wanted.size);
    if (wanted.size != 0) {
        assert_memory_equal(reply->data + HEAD, wanted.data, wanted.size);
    }
    drop(&wanted);
    drop(reply);
}
