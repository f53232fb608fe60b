/* For tests: a server of info text in a thread, whose answers the test sets, and which can
 * misbehave. The bitmaps are written out here, not by our own encoder. */
#pragma once

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "listener.h"

enum { FAKE_CONNECTIONS = 64, FAKE_REPLY = 64 * 1024, FAKE_STAMPS = 64 };

typedef enum {
    FAKE_NORMAL,
    FAKE_SILENT,  /* accepts, reads, says nothing */
    FAKE_GARBAGE, /* bytes that are no frame */
    FAKE_BANANA,  /* a frame whose numbers aren't */
    FAKE_HUGE,    /* announces a frame of 2 MiB */
    FAKE_BAD_MAP, /* a bitmap that is too short, after one that is right */
    FAKE_CLOSING, /* hangs up at once */
} fake_mode;

typedef enum { FAKE_ALL, FAKE_NONE, FAKE_FIRST_HALF, FAKE_SECOND_HALF, FAKE_SLICE } fake_share;

typedef struct fake_node {
    int listener, stop;
    anp_address address;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    fake_mode mode;
    fake_share share, second; /* as replica 0; as replica 1, where it has_second */
    bool has_second;
    int from, to; /* of FAKE_SLICE: groups of 24 partitions, of 171; the last one has 16 */
    char name[32], build[32], cluster[64], user_agent[128];
    char peers[4096], peers_alternate[256], services[256], services_alternate[256];
    char racks[128]; /* "": it is no enterprise server */
    int peers_generation, partition_generation, rebalance_generation;
    int accepts, requests, replicas_reads, peers_reads, racks_reads;
    uint64_t stamps[FAKE_STAMPS]; /* when the last requests came, by request number */
} fake_node;

static inline void fake_run(char *out, char c, int n)
{
    size_t used = strlen(out);
    memset(out + used, c, (size_t)n);
    out[used + (size_t)n] = 0;
}

static inline void fake_slice(char *out, int from, int to)
{
    fake_run(out, 'A', from * 4);
    fake_run(out, '/', ((to < 170 ? to : 170) - from) * 4);
    if (to < 171) {
        fake_run(out, 'A', (170 - to) * 4);
    }
    strcat(out, to == 171 ? "//8=" : "AAA=");
}

static inline void fake_bitmap(const fake_node *f, char *out, fake_share share)
{
    switch (share) {
    case FAKE_SLICE:
        fake_slice(out, f->from, f->to);
        break;
    case FAKE_ALL:
        fake_run(out, '/', 682);
        strcat(out, "8=");
        break;
    case FAKE_NONE:
        fake_run(out, 'A', 683);
        strcat(out, "=");
        break;
    case FAKE_FIRST_HALF:
        fake_run(out, '/', 340);
        strcat(out, "/wAA");
        fake_run(out, 'A', 336);
        strcat(out, "AAA=");
        break;
    case FAKE_SECOND_HALF:
        fake_run(out, 'A', 340);
        strcat(out, "AP//");
        fake_run(out, '/', 336);
        strcat(out, "//8=");
        break;
    }
}

/* One line of an answer; with the lock. */
static inline void fake_answer(fake_node *f, const char *command, char *out)
{
    bool banana = f->mode == FAKE_BANANA;
    char text[64];
    strcat(out, command);
    strcat(out, "\t");
    if (strcmp(command, "node") == 0) {
        strcat(out, f->name);
    } else if (strcmp(command, "build") == 0) {
        strcat(out, banana ? "banana" : f->build);
    } else if (strcmp(command, "cluster-name") == 0) {
        strcat(out, f->cluster);
    } else if (strcmp(command, "partition-generation") == 0) {
        (void)snprintf(text, sizeof text, "%d", f->partition_generation);
        strcat(out, banana ? "banana" : text);
    } else if (strcmp(command, "peers-generation") == 0) {
        (void)snprintf(text, sizeof text, "%d", f->peers_generation);
        strcat(out, banana ? "ERROR:4:unrecognized command" : text);
    } else if (strcmp(command, "rebalance-generation") == 0) {
        (void)snprintf(text, sizeof text, "%d", f->rebalance_generation);
        strcat(out, banana ? "banana" : text);
    } else if (strcmp(command, "rack-ids") == 0) {
        f->racks_reads++;
        strcat(out, f->racks[0] != 0 ? f->racks : "ERROR:25:enterprise only");
    } else if (strcmp(command, "service-clear-std") == 0) {
        strcat(out, f->services);
    } else if (strcmp(command, "service-clear-alt") == 0) {
        strcat(out, f->services_alternate);
    } else if (strncmp(command, "peers-clear-", 12) == 0) {
        f->peers_reads++;
        (void)snprintf(text, sizeof text, "%d,3000,[", f->peers_generation);
        strcat(out, text);
        strcat(out, strcmp(command + 12, "alt") == 0 ? f->peers_alternate : f->peers);
        strcat(out, "]");
    } else if (strcmp(command, "replicas") == 0) {
        f->replicas_reads++;
        strcat(out, f->has_second ? "test:0,2," : "test:0,1,");
        fake_bitmap(f, out, f->mode == FAKE_BAD_MAP ? FAKE_NONE : f->share);
        if (f->has_second) {
            strcat(out, ",");
            fake_bitmap(f, out, f->second);
        }
        strcat(out, ";other:0,1,");
        fake_bitmap(f, out, f->share);
        if (f->mode == FAKE_BAD_MAP) {
            out[strlen(out) - 8] = 0;
        }
    } else if (strncmp(command, "user-agent-set:value=", 21) == 0) {
        (void)snprintf(f->user_agent, sizeof f->user_agent, "%s", command + 21);
        strcat(out, "ok");
    } else {
        strcat(out, "ERROR:4:unrecognized command");
    }
    strcat(out, "\n");
}

/* false: hang up. */
static inline bool fake_serve(fake_node *f, int fd)
{
    unsigned char head[8];
    char body[1024];
    static _Thread_local char out[FAKE_REPLY];
    if (recv(fd, head, 8, MSG_WAITALL) != 8 || head[0] != 2 || head[1] != 1 || head[5] != 0) {
        return false;
    }
    size_t size = (size_t)head[6] << 8 | head[7];
    if (size >= sizeof body || recv(fd, body, size, MSG_WAITALL) != (ssize_t)size) {
        return false;
    }
    body[size] = 0;
    (void)pthread_mutex_lock(&f->lock);
    f->stamps[f->requests++ % FAKE_STAMPS] = anp_clock_now();
    fake_mode mode = f->mode;
    memset(out, 0, 8);
    char *text = out + 8;
    text[0] = 0;
    char *save = NULL;
    for (char *line = strtok_r(body, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        fake_answer(f, line, text);
    }
    (void)pthread_mutex_unlock(&f->lock);
    size = strlen(text);
    out[0] = 2;
    out[1] = 1;
    out[5] = (char)(size >> 16);
    out[6] = (char)(size >> 8);
    out[7] = (char)size;
    switch (mode) {
    case FAKE_SILENT:
        return true;
    case FAKE_CLOSING:
        return false;
    case FAKE_GARBAGE:
        return send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL) == 28;
    case FAKE_HUGE:
        return send(fd, "\2\1\0\0\0\x20\0\0some", 12, MSG_NOSIGNAL) == 12;
    default:
        return send(fd, out, 8 + size, MSG_NOSIGNAL) == (ssize_t)(8 + size);
    }
}

static inline void *fake_main(void *argument)
{
    fake_node *f = argument;
    struct pollfd p[2 + FAKE_CONNECTIONS] = {{.fd = f->stop, .events = POLLIN},
                                             {.fd = f->listener, .events = POLLIN}};
    for (int i = 2; i < 2 + FAKE_CONNECTIONS; i++) {
        p[i].fd = -1;
        p[i].events = POLLIN;
    }
    while (poll(p, 2 + FAKE_CONNECTIONS, -1) >= 0 && p[0].revents == 0) {
        for (int i = 2; i < 2 + FAKE_CONNECTIONS; i++) {
            if (p[i].fd >= 0 && p[i].revents != 0 && !fake_serve(f, p[i].fd)) {
                (void)close(p[i].fd);
                p[i].fd = -1;
            }
        }
        if (p[1].revents != 0) {
            int fd = accept(f->listener, NULL, NULL);
            (void)pthread_mutex_lock(&f->lock);
            f->accepts++;
            (void)pthread_mutex_unlock(&f->lock);
            int i = 2;
            while (i < 2 + FAKE_CONNECTIONS && p[i].fd >= 0) {
                i++;
            }
            if (i < 2 + FAKE_CONNECTIONS) {
                p[i].fd = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    for (int i = 2; i < 2 + FAKE_CONNECTIONS; i++) {
        if (p[i].fd >= 0) {
            (void)close(p[i].fd);
        }
    }
    return NULL;
}

static inline void fake_start(fake_node *f, const char *name)
{
    *f = (fake_node){.partition_generation = 1};
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    (void)snprintf(f->build, sizeof f->build, "8.1.2.0");
    (void)snprintf(f->cluster, sizeof f->cluster, "real-one");
    (void)pthread_mutex_init(&f->lock, NULL);
    f->listener = listener_open(&f->address, 0);
    f->port = ntohs(f->address.v4.sin_port);
    f->stop = eventfd(0, EFD_CLOEXEC);
    if (f->listener < 0 || f->stop < 0 || pthread_create(&f->thread, NULL, fake_main, f) != 0) {
        abort();
    }
}

static inline void fake_stop(fake_node *f)
{
    uint64_t one = 1;
    (void)!write(f->stop, &one, sizeof one);
    (void)pthread_join(f->thread, NULL);
    (void)close(f->listener);
    (void)close(f->stop);
    (void)pthread_mutex_destroy(&f->lock);
}

/* Changes or reads a field of it. */
#define FAKE_SET(f, statement)                                                                     \
    do {                                                                                           \
        (void)pthread_mutex_lock(&(f)->lock);                                                      \
        statement;                                                                                 \
        (void)pthread_mutex_unlock(&(f)->lock);                                                    \
    } while (0)

#define FAKE_GET(f, field)                                                                         \
    ({                                                                                             \
        (void)pthread_mutex_lock(&(f)->lock);                                                      \
        __typeof__((f)->field) got = (f)->field;                                                   \
        (void)pthread_mutex_unlock(&(f)->lock);                                                    \
        got;                                                                                       \
    })
