/* A node's life: listening, threads with an epoll each, connections handed from the accepting
 * thread to the others. */
#include "node/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
    EVENTS = 64,
    TICK_MS = 1000,
    WAIT_TICK_MS = 10, /* while requests wait for a node that is frozen */
    CONNECTIONS = 1024
};

/* ---- one thread ---- */

/* Without a descriptor the caller can't even be sent away: leave it waiting, instead of being told
 * of it without an end. */
static void listen_again(anp_node *node, bool again)
{
    struct epoll_event event = {.events = again ? (uint32_t)EPOLLIN : 0, .data.ptr = node};
    (void)epoll_ctl(node->threads[0].epoll, EPOLL_CTL_MOD, node->listener, &event);
    node->deaf_until = again ? 0 : anp_clock_now() + TICK_MS * ANP_NS_PER_MS;
}

/* With no descriptor left, takes a caller in for a moment by the one in reserve, to send it away.
 * false: nobody is there (accept asks for a descriptor first). */
static bool send_one_away(anp_node *node)
{
    (void)close(node->spare);
    int fd = accept(node->listener, NULL, NULL);
    if (fd >= 0) {
        (void)close(fd);
        atomic_fetch_add(&node->refused, 1);
    }
    node->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* Gives a connection to another thread. false: no memory. */
static bool hand_over(anp_node_thread *t, int fd)
{
    (void)pthread_mutex_lock(&t->lock);
    bool ok = t->n_handed < t->room_handed;
    if (!ok) {
        uint32_t room = t->room_handed * 2 + 16;
        int *grown = anp_realloc(t->handed, room * sizeof(int));
        if (grown != NULL) {
            t->handed = grown;
            t->room_handed = room;
            ok = true;
        }
    }
    if (ok) {
        t->handed[t->n_handed++] = fd;
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (ok) {
        (void)eventfd_write(t->wake, 1);
    }
    return ok;
}

static void take_in(anp_node *node, int fd)
{
    int64_t max = node->config.max_connections != 0 ? node->config.max_connections : CONNECTIONS;
    if (atomic_fetch_add(&node->connections, 1) >= max) {
        atomic_fetch_sub(&node->connections, 1);
        atomic_fetch_add(&node->refused, 1);
        (void)close(fd);
        return;
    }
    atomic_fetch_add(&node->opened, 1);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    anp_node_thread *t = &node->threads[node->next_thread++ % node->n_threads];
    if (t == &node->threads[0]) {
        anp_node_connection_open(t, fd);
    } else if (!hand_over(t, fd)) {
        (void)close(fd);
        atomic_fetch_sub(&node->connections, 1);
    }
}

static void accept_all(anp_node *node)
{
    while (atomic_load(&node->is_member)) { /* it is: with that we see what joining wrote */
        int fd = accept4(node->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_in(node, fd);
        } else if ((errno == EMFILE || errno == ENFILE) && node->spare >= 0) {
            if (!send_one_away(node)) {
                return;
            }
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                listen_again(node, false);
            }
            return;
        }
    }
}

static void take_handed(anp_node_thread *t)
{
    eventfd_t value;
    (void)eventfd_read(t->wake, &value);
    (void)pthread_mutex_lock(&t->lock);
    uint32_t n = t->n_handed;
    t->n_handed = 0;
    for (uint32_t i = 0; i < n; i++) {
        anp_node_connection_open(t, t->handed[i]);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

/* Stays here while the node is frozen. */
static void halt(anp_node *node)
{
    (void)pthread_mutex_lock(&node->freeze_lock);
    node->n_halted++;
    (void)pthread_cond_broadcast(&node->freeze_changed);
    while (atomic_load(&node->is_frozen) && !atomic_load(&node->stopping)) {
        (void)pthread_cond_wait(&node->freeze_changed, &node->freeze_lock);
    }
    node->n_halted--;
    (void)pthread_cond_broadcast(&node->freeze_changed);
    (void)pthread_mutex_unlock(&node->freeze_lock);
}

static bool goes_on(const anp_node *node)
{
    return !atomic_load(&node->stopping) && !atomic_load(&node->is_frozen);
}

static void try_waiting(anp_node_thread *t)
{
    for (anp_node_connection *c = t->connections, *next; c != NULL && t->n_waiting != 0; c = next) {
        next = c->next;
        if (c->is_waiting) {
            anp_node_connection_ready(c, 0);
        }
    }
}

static void look_after(anp_node *node)
{
    if (node->deaf_until != 0 && anp_clock_now() >= node->deaf_until) {
        if (node->spare < 0) {
            node->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        }
        listen_again(node, true);
    }
    anp_store_expire(node->store, anp_clock_now());
}

static void *run(void *argument)
{
    anp_node_thread *t = argument;
    anp_node *node = t->node;
    bool is_first = t == &node->threads[0];
    struct epoll_event events[EVENTS];
    while (!atomic_load(&node->stopping)) {
        if (atomic_load(&node->is_frozen)) {
            halt(node);
            continue;
        }
        int timeout = t->n_waiting != 0 ? WAIT_TICK_MS : is_first ? TICK_MS : -1;
        int n = epoll_wait(t->epoll, events, EVENTS, timeout);
        for (int i = 0; i < n && goes_on(node); i++) {
            void *what = events[i].data.ptr;
            if (what == &t->wake) {
                take_handed(t);
            } else if (what == node) {
                accept_all(node);
            } else { /* a connection closes only itself, so the others of this round are still there
                      */
                anp_node_connection_ready(what, events[i].events);
            }
        }
        if (goes_on(node)) {
            try_waiting(t);
            if (is_first) {
                look_after(node);
            }
        }
    }
    while (t->connections != NULL) {
        anp_node_connection_close(t->connections);
    }
    return NULL;
}

static anp_status start_thread(anp_node *node, anp_node_thread *t, anp_error *err)
{
    t->node = node;
    anp_executor_init(&t->executor, node->store, node->members, 0);
    (void)pthread_mutex_init(&t->lock, NULL);
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &t->wake},
                       listening = {.events = 0, .data.ptr = node}; /* not before it is a member */
    bool ok = t->epoll >= 0 && t->wake >= 0 &&
              epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->wake, &wake) == 0 &&
              (t != &node->threads[0] ||
               epoll_ctl(t->epoll, EPOLL_CTL_ADD, node->listener, &listening) == 0);
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the host's threads */
    int failed = ok ? pthread_create(&t->thread, NULL, run, t) : errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->started = failed == 0;
    return failed == 0 ? ANP_OK
                       : anp_error_set(err, ANP_ERR_CLIENT, "can't start a thread of the node: %s",
                                       strerror(failed));
}

/* ---- listening ---- */

static bool parse_host(const char *host, uint16_t port, struct sockaddr_storage *out,
                       socklen_t *size, bool *is_loopback, bool *is_all)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    memset(out, 0, sizeof *out);
    if (strcmp(host, "localhost") == 0) {
        host = "127.0.0.1";
    }
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *size = sizeof *v4;
        *is_loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
        *is_all = v4->sin_addr.s_addr == htonl(INADDR_ANY);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *size = sizeof *v6;
        *is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        *is_all = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
        return true;
    }
    return false;
}

static anp_status listen_on(anp_node *node, anp_error *err)
{
    struct sockaddr_storage address;
    socklen_t size;
    bool is_loopback;
    int on = 1;
    if (!parse_host(node->host, node->config.port, &address, &size, &is_loopback,
                    &node->listens_on_all)) {
        return anp_error_set(
            err, ANP_ERR_PARAM,
            "host %s is no address to listen on; give a number like 127.0.0.1 or ::1", node->host);
    }
    if (!is_loopback && !node->config.allow_remote) {
        return anp_error_set(err, ANP_ERR_PARAM,
                             "host %s is not loopback: the node has no authentication; "
                             "allow_remote lets it listen there",
                             node->host);
    }
    node->listener = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (node->listener < 0 ||
        setsockopt(node->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(node->listener, (struct sockaddr *)&address, size) < 0 ||
        listen(node->listener, 512) < 0 ||
        getsockname(node->listener, (struct sockaddr *)&address, &size) < 0) {
        const char *hint = errno == EADDRINUSE ? "; port=0 takes one that is free" : "";
        return anp_error_set(err, ANP_ERR_CONNECTION, "can't listen on %s port %u: %s%s",
                             node->host, (unsigned)node->config.port, strerror(errno), hint);
    }
    node->port =
        ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&address)->sin_port
                                           : ((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return ANP_OK;
}

int anp_node_hold_port(anp_node *node)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int on = 1;
    if (getsockname(node->listener, (struct sockaddr *)&address, &size) < 0 ||
        setsockopt(node->listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) {
        return -1;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
                    bind(fd, (struct sockaddr *)&address, size) < 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* ---- starting and stopping ---- */

/* Takes its place among the members, from where nothing can go wrong any more: others tell of it
 * from now on, and its number is never given to another. Then it serves. */
static anp_status join(anp_node *node, anp_error *err)
{
    const anp_node_config *config = &node->config;
    const char *host = node->listens_on_all ? "" : node->host;
    anp_status status = ANP_OK;
    if (config->is_back) {
        node->member = config->member;
        anp_members_return(node->members, node->member, host, node->port);
    } else {
        status = anp_members_join(node->members, node->name, host, node->port,
                                  config->members != NULL ? config->rack : -1, &node->member, err);
    }
    if (status == ANP_OK) {
        struct epoll_event listening = {.events = EPOLLIN, .data.ptr = node};
        for (uint32_t i = 0; i < node->n_threads; i++) { /* none has a connection yet */
            node->threads[i].executor.member = node->member;
        }
        atomic_store(&node->is_member, true);
        (void)epoll_ctl(node->threads[0].epoll, EPOLL_CTL_MOD, node->listener, &listening);
    }
    return status;
}

anp_status anp_node_start(const anp_node_config *config, anp_store *store, anp_node **out,
                          anp_error *err)
{
    anp_node *node = anp_calloc(1, sizeof *node);
    if (node == NULL) {
        return anp_error_memory(err, sizeof *node, "a node");
    }
    node->config = *config;
    (void)pthread_mutex_init(&node->freeze_lock, NULL);
    (void)pthread_cond_init(&node->freeze_changed, NULL);
    node->listener = -1;
    node->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    node->started_at = anp_clock_now();
    node->store = anp_store_retain(store);
    node->n_threads = config->threads == 0                 ? 2
                      : config->threads > ANP_NODE_THREADS ? ANP_NODE_THREADS
                                                           : config->threads;
    (void)snprintf(node->host, sizeof node->host, "%s",
                   config->host[0] != 0 ? config->host : "127.0.0.1");
    for (uint32_t i = 0; i < node->n_threads; i++) {
        node->threads[i].epoll = node->threads[i].wake = -1;
    }
    anp_status status = listen_on(node, err);
    if (status == ANP_OK) {
        if (config->name[0] != 0) {
            (void)snprintf(node->name, sizeof node->name, "%s", config->name);
        } else {
            (void)snprintf(node->name, sizeof node->name, "BB9%04X00000A001", (unsigned)node->port);
        }
        if (config->members != NULL) {
            node->members = anp_members_retain(config->members);
        } else {
            status = anp_members_new(1, &node->members, err);
        }
    }
    for (uint32_t i = node->n_threads;
         status == ANP_OK && i-- != 0;) { /* the accepting one last: it hands to the others */
        status = start_thread(node, &node->threads[i], err);
    }
    if (status == ANP_OK) {
        status = join(node, err);
    }
    if (status != ANP_OK) {
        anp_node_stop(node);
        return status;
    }
    *out = node;
    return ANP_OK;
}

void anp_node_freeze(anp_node *node)
{
    (void)pthread_mutex_lock(&node->freeze_lock);
    atomic_store(&node->is_frozen, true);
    for (uint32_t i = 0; i < node->n_threads; i++) {
        (void)eventfd_write(node->threads[i].wake, 1);
    }
    while (node->n_halted < node->n_threads) {
        (void)pthread_cond_wait(&node->freeze_changed, &node->freeze_lock);
    }
    (void)pthread_mutex_unlock(&node->freeze_lock);
}

void anp_node_thaw(anp_node *node)
{
    (void)pthread_mutex_lock(&node->freeze_lock);
    atomic_store(&node->is_frozen, false);
    (void)pthread_cond_broadcast(&node->freeze_changed);
    while (node->n_halted != 0) { /* so that a next freeze counts anew */
        (void)pthread_cond_wait(&node->freeze_changed, &node->freeze_lock);
    }
    (void)pthread_mutex_unlock(&node->freeze_lock);
}

void anp_node_stop(anp_node *node)
{
    if (node == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&node->freeze_lock);
    atomic_store(&node->stopping, true);
    (void)pthread_cond_broadcast(&node->freeze_changed);
    (void)pthread_mutex_unlock(&node->freeze_lock);
    for (uint32_t i = 0; i < node->n_threads; i++) {
        if (node->threads[i].started) {
            (void)eventfd_write(node->threads[i].wake, 1);
            (void)pthread_join(node->threads[i].thread, NULL);
        }
    }
    for (uint32_t i = 0; i < node->n_threads; i++) {
        anp_node_thread *t = &node->threads[i];
        for (uint32_t k = 0; k < t->n_handed; k++) {
            (void)close(t->handed[k]);
        }
        anp_free(t->handed);
        if (t->node != NULL) {
            anp_executor_deinit(&t->executor);
            (void)pthread_mutex_destroy(&t->lock);
        }
        if (t->epoll >= 0) {
            (void)close(t->epoll);
        }
        if (t->wake >= 0) {
            (void)close(t->wake);
        }
    }
    if (node->listener >= 0) { /* a fork of this process has it too, and would go on listening */
        (void)shutdown(node->listener, SHUT_RDWR);
        (void)close(node->listener);
    }
    if (node->spare >= 0) {
        (void)close(node->spare);
    }
    (void)pthread_cond_destroy(&node->freeze_changed);
    (void)pthread_mutex_destroy(&node->freeze_lock);
    anp_members_release(node->members);
    anp_store_release(node->store);
    anp_free(node);
}

void anp_node_kill(anp_node *node)
{
    if (node != NULL) {
        atomic_store(&node->resets, true);
        anp_node_stop(node);
    }
}

uint32_t anp_node_member(const anp_node *node)
{
    return node->member;
}

const char *anp_node_host(const anp_node *node)
{
    return node->host;
}

uint16_t anp_node_port(const anp_node *node)
{
    return node->port;
}

const char *anp_node_name(const anp_node *node)
{
    return node->name;
}

void anp_node_stats_get(const anp_node *node, anp_node_stats *out)
{
    *out = (anp_node_stats){
        .memory = (uint64_t)atomic_load(&node->store->memory),
        .connections = (uint64_t)atomic_load(&node->connections),
        .connections_opened = atomic_load(&node->opened),
        .connections_refused = atomic_load(&node->refused),
        .requests = atomic_load(&node->requests),
        .batch_rows = atomic_load(&node->batch_rows),
    };
    for (uint32_t i = 0; i < node->n_threads; i++) {
        out->proxied += atomic_load(&node->threads[i].executor.proxied);
    }
    for (uint32_t i = 0; i < node->store->n_namespaces; i++) {
        out->objects += (uint64_t)atomic_load(&node->store->namespaces[i]->objects);
    }
}
