/* Members and the table of owners. See members.h. */
#include "node/members.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"

typedef struct member {
    char name[20];
    char host[64]; /* "": all addresses */
    uint16_t port;
    int32_t rack;
    bool is_present;
    uint32_t changed; /* the cluster's generation when it last came or left */
    _Atomic bool is_frozen;
    int64_t peers_generation, partition_generation, rebalance_generation;
    _Atomic uint8_t rank[ANP_PARTITIONS]; /* 0: not its own; else it is replica rank - 1 */
} member;

typedef struct owners {
    uint8_t n;
    uint8_t member[ANP_OWNERS_MAX]; /* master first */
} owners;

struct anp_members {
    _Atomic uint32_t references;
    uint32_t factor;                        /* as asked for */
    _Atomic uint8_t master[ANP_PARTITIONS]; /* ANP_MEMBERS_MAX: nobody */
    pthread_mutex_t lock;                   /* guards what follows, and members' plain fields */
    owners owners[ANP_PARTITIONS];
    uint32_t generation; /* changes of who is present */
    uint32_t n_members;
    member *members[ANP_MEMBERS_MAX]; /* never removed: who holds a number may look without the lock
                                       */
};

static void lock(anp_members *m)
{
    (void)pthread_mutex_lock(&m->lock);
}

static void unlock(anp_members *m)
{
    (void)pthread_mutex_unlock(&m->lock);
}

anp_status anp_members_new(uint32_t replication_factor, anp_members **out, anp_error *err)
{
    if (replication_factor == 0 || replication_factor > ANP_OWNERS_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "a replication factor is from 1 to %d, not %u",
                             (int)ANP_OWNERS_MAX, replication_factor);
    }
    anp_members *m = anp_calloc(1, sizeof *m);
    if (m == NULL) {
        return anp_error_memory(err, sizeof *m, "the members of a cluster");
    }
    atomic_init(&m->references, 1);
    m->factor = replication_factor;
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        atomic_init(&m->master[p], ANP_MEMBERS_MAX);
    }
    (void)pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return ANP_OK;
}

anp_members *anp_members_retain(anp_members *m)
{
    (void)atomic_fetch_add(&m->references, 1);
    return m;
}

void anp_members_release(anp_members *m)
{
    if (m == NULL || atomic_fetch_sub(&m->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < m->n_members; i++) {
        anp_free(m->members[i]);
    }
    (void)pthread_mutex_destroy(&m->lock);
    anp_free(m);
}

/* ---- who owns what (with the lock) ---- */

/* How much a member wants a partition: the same on each call, and evenly spread (rendezvous
 * hashing), so that a member that leaves or comes back moves its own share and no more. */
static uint64_t weight(unsigned partition, uint32_t number)
{
    uint64_t x = ((uint64_t)partition << 32 | number) + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool is_owner(const owners *o, uint32_t number)
{
    return memchr(o->member, (int)number, o->n) != NULL;
}

static bool has_rack(const anp_members *m, const owners *o, int32_t rack)
{
    for (uint32_t i = 0; i < o->n; i++) {
        if (m->members[o->member[i]]->rack == rack) {
            return true;
        }
    }
    return false;
}

/* Adds replicas up to the factor, the next in weight, those on another rack first. */
static void fill(const anp_members *m, unsigned partition, owners *o)
{
    while (o->n < m->factor) {
        uint32_t best = ANP_MEMBERS_MAX;
        uint64_t best_weight = 0;
        bool best_is_apart = false;
        for (uint32_t i = 0; i < m->n_members; i++) {
            if (!m->members[i]->is_present || is_owner(o, i)) {
                continue;
            }
            bool is_apart = !has_rack(m, o, m->members[i]->rack);
            uint64_t w = weight(partition, i);
            if (best == ANP_MEMBERS_MAX || (is_apart && !best_is_apart) ||
                (is_apart == best_is_apart && w > best_weight)) {
                best = i;
                best_weight = w;
                best_is_apart = is_apart;
            }
        }
        if (best == ANP_MEMBERS_MAX) {
            return;
        }
        o->member[o->n++] = (uint8_t)best;
    }
}

/* Makes what `owners` says true for requests and for info: ranks, masters, generations. */
static void publish(anp_members *m, bool has_new_members)
{
    m->generation += has_new_members;
    for (uint32_t i = 0; i < m->n_members; i++) {
        member *one = m->members[i];
        bool has_changed = false;
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            const owners *o = &m->owners[p];
            const uint8_t *at = memchr(o->member, (int)i, o->n);
            uint8_t rank = at != NULL ? (uint8_t)(at - o->member + 1) : 0;
            if (atomic_load_explicit(&one->rank[p], memory_order_relaxed) != rank) {
                atomic_store_explicit(&one->rank[p], rank, memory_order_relaxed);
                has_changed = true;
            }
        }
        one->partition_generation += has_changed;
        one->peers_generation += has_new_members;
        one->rebalance_generation += has_new_members || has_changed;
    }
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        const owners *o = &m->owners[p];
        /* Who sees a new member's number must see the member too. */
        atomic_store_explicit(&m->master[p], o->n != 0 ? o->member[0] : ANP_MEMBERS_MAX,
                              memory_order_release);
    }
}

/* Deals all partitions anew. */
static void rebalance(anp_members *m)
{
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        m->owners[p].n = 0;
        fill(m, p, &m->owners[p]);
    }
    publish(m, true);
}

static void set_address(member *one, const char *host, uint16_t port)
{
    (void)snprintf(one->host, sizeof one->host, "%s", host);
    one->port = port;
}

anp_status anp_members_join(anp_members *m, const char *name, const char *host, uint16_t port,
                            int32_t rack, uint32_t *number, anp_error *err)
{
    member *one = anp_calloc(1, sizeof *one);
    if (one == NULL) {
        return anp_error_memory(err, sizeof *one, "a member of a cluster");
    }
    (void)snprintf(one->name, sizeof one->name, "%s", name);
    set_address(one, host, port);
    one->rack = rack;
    one->is_present = true;
    lock(m);
    for (uint32_t i = 0; i < m->n_members; i++) {
        if (strcmp(m->members[i]->name, name) == 0) {
            unlock(m);
            anp_free(one);
            return anp_error_set(err, ANP_ERR_PARAM, "the cluster has a node %s already", name);
        }
    }
    if (m->n_members == ANP_MEMBERS_MAX) {
        unlock(m);
        anp_free(one);
        return anp_error_set(err, ANP_ERR_PARAM, "a cluster has at most %d nodes",
                             (int)ANP_MEMBERS_MAX);
    }
    *number = m->n_members;
    one->peers_generation = (int64_t)m->n_members - 1; /* before this change: a lone node has 0 */
    m->members[m->n_members++] = one;
    rebalance(m);
    one->changed = m->generation;
    unlock(m);
    return ANP_OK;
}

void anp_members_return(anp_members *m, uint32_t number, const char *host, uint16_t port)
{
    lock(m);
    member *one = m->members[number];
    set_address(one, host, port);
    one->is_present = true;
    atomic_store(&one->is_frozen, false);
    rebalance(m);
    one->changed = m->generation;
    unlock(m);
}

void anp_members_leave(anp_members *m, uint32_t number, uint8_t lost[ANP_BITMAP_SIZE])
{
    memset(lost, 0, ANP_BITMAP_SIZE);
    lock(m);
    m->members[number]->is_present = false;
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        owners *o = &m->owners[p];
        uint8_t *at = memchr(o->member, (int)number, o->n);
        if (at == NULL) {
            continue;
        }
        o->n--;
        memmove(at, at + 1, (size_t)(o->member + o->n - at));
        if (o->n != 0) {
            fill(m, p, o);
        } else {
            lost[p >> 3] |= (uint8_t)(0x80u >> (p & 7));
        }
    }
    publish(m, true);
    m->members[number]->changed = m->generation;
    unlock(m);
}

void anp_members_freeze(anp_members *m, uint32_t number, bool on)
{
    lock(m);
    atomic_store(&m->members[number]->is_frozen, on);
    unlock(m);
}

/* The member that is there after `number`, going round; it may be the same. */
static uint32_t next_present(const anp_members *m, uint32_t number)
{
    uint32_t next = number;
    do {
        next = (next + 1) % m->n_members;
    } while (!m->members[next]->is_present && next != number);
    return next;
}

uint32_t anp_members_move(anp_members *m, const uint16_t *partitions, uint32_t n, int32_t to)
{
    uint32_t moved = 0;
    lock(m);
    for (uint32_t i = 0; i < n && m->n_members != 0; i++) {
        owners *o = &m->owners[partitions[i] % ANP_PARTITIONS];
        uint32_t master = o->n != 0 ? o->member[0] : 0;
        uint32_t target = to >= 0 ? (uint32_t)to : next_present(m, master);
        if (target >= m->n_members || !m->members[target]->is_present ||
            (o->n != 0 && o->member[0] == target)) {
            continue;
        }
        uint8_t *at = memchr(o->member, (int)target, o->n);
        if (at == NULL) { /* it takes a place of its own, or the last replica's */
            o->n = (uint8_t)(o->n < m->factor ? o->n + 1 : o->n);
            at = &o->member[o->n - 1];
        }
        memmove(o->member + 1, o->member, (size_t)(at - o->member));
        o->member[0] = (uint8_t)target;
        moved++;
    }
    if (moved != 0) {
        publish(m, false);
    }
    unlock(m);
    return moved;
}

uint32_t anp_members_owners(anp_members *m, unsigned partition, uint8_t out[ANP_OWNERS_MAX])
{
    lock(m);
    const owners *o = &m->owners[partition % ANP_PARTITIONS];
    uint32_t n = o->n;
    memcpy(out, o->member, n);
    unlock(m);
    return n;
}

/* ---- requests ---- */

anp_serve anp_members_serve(const anp_members *m, uint32_t number,
                            const uint8_t digest[ANP_DIGEST_SIZE], bool is_write)
{
    unsigned p = anp_partition_of(digest);
    uint8_t rank = atomic_load_explicit(&m->members[number]->rank[p], memory_order_relaxed);
    if (rank == 1 || (rank != 0 && !is_write)) {
        return ANP_SERVE_OWN;
    }
    uint8_t master = atomic_load_explicit(&m->master[p], memory_order_acquire);
    if (master == ANP_MEMBERS_MAX) {
        return ANP_SERVE_NOBODY;
    }
    return atomic_load_explicit(&m->members[master]->is_frozen, memory_order_relaxed)
               ? ANP_SERVE_WAIT
               : ANP_SERVE_PROXY;
}

/* ---- info ---- */

void anp_members_look(anp_members *m, uint32_t number, anp_membership *out)
{
    lock(m);
    const member *one = m->members[number];
    *out = (anp_membership){
        .cluster_generation = m->generation,
        .rack = one->rack,
        .peers_generation = one->peers_generation,
        .partition_generation = one->partition_generation,
        .rebalance_generation = one->rebalance_generation,
    };
    for (uint32_t i = 0; i < m->n_members; i++) {
        out->n_present += m->members[i]->is_present;
    }
    out->replication_factor = out->n_present < m->factor ? out->n_present : m->factor;
    unlock(m);
}

void anp_members_bitmap(anp_members *m, uint32_t number, uint32_t k, uint8_t out[ANP_BITMAP_SIZE])
{
    memset(out, 0, ANP_BITMAP_SIZE);
    lock(m);
    const member *one = m->members[number];
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        if (atomic_load_explicit(&one->rank[p], memory_order_relaxed) == k + 1) {
            out[p >> 3] |= (uint8_t)(0x80u >> (p & 7));
        }
    }
    unlock(m);
}

static void print_endpoint(const member *one, const char *reached, anp_buffer *out)
{
    const char *host = one->host[0] != 0 ? one->host : reached;
    anp_buffer_print(out, strchr(host, ':') != NULL ? "[[%s]" : "[%s", host);
    if (one->port != 3000) { /* the default is left out */
        anp_buffer_print(out, ":%u", (unsigned)one->port);
    }
    anp_buffer_print(out, "]");
}

void anp_members_print_peers(anp_members *m, uint32_t number, anp_peers_kind kind, int64_t since,
                             const char *reached, anp_buffer *out)
{
    lock(m);
    int64_t generation = m->members[number]->peers_generation;
    int64_t since_cluster = since + ((int64_t)m->generation - generation); /* they count alike */
    anp_buffer_print(out, "%lld,3000,[", (long long)generation);
    bool is_first = true;
    for (uint32_t i = 0; i < m->n_members; i++) {
        const member *one = m->members[i];
        bool is_told = kind == ANP_PEERS_CHANGED ? (int64_t)one->changed > since_cluster
                                                 : one->is_present || kind == ANP_PEERS_EVER;
        if (i == number || !is_told) {
            continue;
        }
        anp_buffer_print(out, "%s[%s,,", is_first ? "" : ",", one->name);
        if (one->is_present || kind == ANP_PEERS_EVER) {
            print_endpoint(one, reached, out);
        }
        anp_buffer_print(out, "]");
        is_first = false;
    }
    anp_buffer_print(out, "]");
    unlock(m);
}

void anp_members_print_services(anp_members *m, uint32_t number, const char *reached,
                                anp_buffer *out)
{
    lock(m);
    bool is_first = true;
    for (uint32_t i = 0; i < m->n_members; i++) {
        const member *one = m->members[i];
        if (i != number && one->is_present) {
            const char *host = one->host[0] != 0 ? one->host : reached;
            anp_buffer_print(out, strchr(host, ':') != NULL ? "%s[%s]:%u" : "%s%s:%u",
                             is_first ? "" : ";", host, (unsigned)one->port);
            is_first = false;
        }
    }
    unlock(m);
}
