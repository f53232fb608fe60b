/* Info commands about the cluster: peers, partitions, racks. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "node/info_query.h"
#include "wire/info.h"

static void print_int(anp_query *q, int64_t value)
{
    anp_buffer_print(q->out, "%lld", (long long)value);
}

void anp_info_peers_generation(anp_query *q)
{
    print_int(q, anp_query_membership(q).peers_generation);
}

void anp_info_partition_generation(anp_query *q)
{
    print_int(q, anp_query_membership(q).partition_generation);
}

void anp_info_rebalance_generation(anp_query *q)
{
    print_int(q, anp_query_membership(q).rebalance_generation);
}

/* The address at which the asker has reached us: of all addresses one that is good for it. */
static const char *reached(const anp_query *q, char text[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    const void *bytes = NULL;
    if (!q->node->listens_on_all ||
        getsockname(q->connection->fd, (struct sockaddr *)&address, &size) < 0) {
        return q->node->host;
    }
    const struct in6_addr *v6 = &((struct sockaddr_in6 *)(void *)&address)->sin6_addr;
    int family = address.ss_family;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
        family = AF_INET;
        bytes = v6->s6_addr + 12;
    } else if (family == AF_INET6) {
        bytes = v6;
    } else {
        bytes = &((struct sockaddr_in *)(void *)&address)->sin_addr;
    }
    const char *found = inet_ntop(family, bytes, text, INET6_ADDRSTRLEN);
    return found != NULL ? found : q->node->host;
}

static void print_peers(anp_query *q, anp_peers_kind kind, int64_t since)
{
    char text[INET6_ADDRSTRLEN];
    anp_members_print_peers(q->node->members, q->node->member, kind, since, reached(q, text),
                            q->out);
}

void anp_info_peers(anp_query *q)
{
    anp_slice text;
    int64_t since;
    bool has_since =
        anp_query_parameter(q->parameters, "generation", &text) && anp_info_int(text, &since);
    print_peers(q, has_since ? ANP_PEERS_CHANGED : ANP_PEERS_PRESENT, has_since ? since : 0);
}

void anp_info_alumni(anp_query *q)
{
    print_peers(q, ANP_PEERS_EVER, 0);
}

void anp_info_service(anp_query *q)
{
    char text[INET6_ADDRSTRLEN];
    const char *host = reached(q, text);
    anp_buffer_print(q->out, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
                     (unsigned)q->node->port);
}

/* No node has alternate addresses. */
void anp_info_no_peers(anp_query *q)
{
    anp_buffer_print(q->out, "%lld,3000,[]", (long long)anp_query_membership(q).peers_generation);
}

void anp_info_services(anp_query *q)
{
    char text[INET6_ADDRSTRLEN];
    anp_members_print_services(q->node->members, q->node->member, reached(q, text), q->out);
}

/* ---- partitions ---- */

static void each_namespace(anp_query *q, const char *head, uint32_t n_bitmaps)
{
    uint8_t bitmap[ANP_BITMAP_SIZE];
    for (uint32_t i = 0; i < q->node->store->n_namespaces; i++) {
        anp_buffer_print(q->out, "%s%s:%s", i != 0 ? ";" : "",
                         q->node->store->namespaces[i]->config.name, head);
        for (uint32_t k = 0; k < n_bitmaps; k++) {
            anp_members_bitmap(q->node->members, q->node->member, k, bitmap);
            anp_buffer_print(q->out, "%s", k != 0 ? "," : "");
            anp_bitmap_print(q->out, bitmap);
        }
    }
}

static void all_replicas(anp_query *q, const char *regime)
{
    char head[32];
    anp_slice text;
    uint64_t max;
    uint32_t n = anp_query_membership(q).replication_factor;
    if (anp_query_parameter(q->parameters, "max", &text) && anp_info_uint(text, &max) && max != 0 &&
        max < n) {
        n = (uint32_t)max;
    }
    (void)snprintf(head, sizeof head, "%s%u,", regime, n);
    each_namespace(q, head, n);
}

void anp_info_replicas(anp_query *q)
{
    all_replicas(q, "0,");
}

void anp_info_replicas_all(anp_query *q)
{
    all_replicas(q, "");
}

void anp_info_replicas_master(anp_query *q)
{
    each_namespace(q, "", 1);
}

/* ---- racks, and the cluster as a whole ---- */

void anp_info_rack_ids(anp_query *q)
{
    int32_t rack = anp_query_membership(q).rack;
    if (rack < 0) {
        anp_query_say(q, ANP_ENTERPRISE_TEXT);
        return;
    }
    for (uint32_t i = 0; i < q->node->store->n_namespaces; i++) {
        anp_buffer_print(q->out, "%s%s:%d", i != 0 ? ";" : "",
                         q->node->store->namespaces[i]->config.name, (int)rack);
    }
}

uint64_t anp_info_cluster_key(anp_query *q)
{
    /* 12 hexadecimal digits, other ones for each set of members */
    uint64_t x = anp_query_membership(q).cluster_generation * UINT64_C(0x9e3779b97f4a7c15);
    return (x >> 16) | UINT64_C(0x100000000000);
}

void anp_info_cluster_stable(anp_query *q)
{
    anp_slice text, name;
    uint64_t size;
    if (anp_query_parameter(q->parameters, "namespace", &name) &&
        anp_query_namespace(q, name) == NULL) {
        anp_query_say(q, "ERROR:20:namespace not found on node");
    } else if (anp_query_parameter(q->parameters, "size", &text) &&
               (!anp_info_uint(text, &size) || size != anp_query_membership(q).n_present)) {
        anp_query_say(q, "ERROR:7:cluster-not-specified-size");
    } else {
        anp_buffer_print(q->out, "%012llX", (unsigned long long)anp_info_cluster_key(q));
    }
}

/* ---- this node's share of the records ---- */

typedef struct tally {
    anp_query *query;
    anp_share *share;
} tally;

static void count(const anp_record *r, void *context)
{
    const tally *t = context;
    const anp_node *node = t->query->node;
    if (anp_members_serve(node->members, node->member, r->digest, true) == ANP_SERVE_OWN) {
        t->share->master++;
    } else if (anp_members_serve(node->members, node->member, r->digest, false) == ANP_SERVE_OWN) {
        t->share->replica++;
    } else {
        return;
    }
    if (t->share->by_set != NULL && r->set != NULL) {
        t->share->by_set[r->set->number]++;
    }
}

void anp_info_share(anp_query *q, anp_namespace *ns, anp_share *out)
{
    out->master = out->replica = 0;
    if (anp_query_membership(q).n_present > 1) {
        tally t = {q, out};
        anp_namespace_walk(ns, count, &t);
        return;
    }
    out->master = atomic_load(&ns->objects);
    uint32_t n = atomic_load(&ns->n_sets);
    for (uint32_t i = 0; i < n && out->by_set != NULL; i++) {
        out->by_set[i] = atomic_load(&ns->sets[i]->objects);
    }
}
