/* The members of an embedded cluster: nodes that share a store, and who of them owns which
 * partition, in every namespace alike. A lone node is a cluster of one.
 *
 * Thread-safe: one lock for whatever changes; what each request looks at is atomic. A request that
 * comes while partitions move finds the owner of before or of after: both have the same store. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "wire/digest.h"
#include "wire/info.h"

enum { ANP_MEMBERS_MAX = 64, ANP_OWNERS_MAX = 8 /* replicas a partition may have */ };

typedef struct anp_members anp_members;

/* No member yet. One reference. ANP_ERR_PARAM: a replication factor that can't be. */
anp_status anp_members_new(uint32_t replication_factor, anp_members **out, anp_error *err);
anp_members *anp_members_retain(anp_members *m);
void anp_members_release(anp_members *m);

/* A new member, which is there at once and is given its partitions. host: a numeric address (at
 * most 63 bytes), or "" where it listens on all. rack below 0: it has none. */
anp_status anp_members_join(anp_members *m, const char *name, const char *host, uint16_t port,
                            int32_t rack, uint32_t *member, anp_error *err);

/* One that had left is back, maybe at another address, and is given partitions. */
void anp_members_return(anp_members *m, uint32_t member, const char *host, uint16_t port);

/* A member is gone: replicas are promoted, and others take over as replicas. Where no replica is
 * left the partition has no owner; `lost` names those partitions. */
void anp_members_leave(anp_members *m, uint32_t member, uint8_t lost[ANP_BITMAP_SIZE]);

/* A frozen one owns what it owned, but what others ask it doesn't come back. */
void anp_members_freeze(anp_members *m, uint32_t member, bool on);

/* Makes `to` (or, below 0, for each partition the member after its master) the master of these
 * partitions; the old master stays as a replica while there is room. Members that have left are
 * never chosen. Returns how many have another master now. */
uint32_t anp_members_move(anp_members *m, const uint16_t *partitions, uint32_t n, int32_t to);

/* The owners of a partition, master first; returns how many. */
uint32_t anp_members_owners(anp_members *m, unsigned partition, uint8_t out[ANP_OWNERS_MAX]);

typedef enum {
    ANP_SERVE_OWN,    /* it is this member's */
    ANP_SERVE_PROXY,  /* another's, who answers through this one */
    ANP_SERVE_WAIT,   /* another's, who is frozen */
    ANP_SERVE_NOBODY, /* no member has it */
} anp_serve;

/* What a member does with a request that it gets. Writes are the master's; reads any replica's.
 * Takes no lock. */
anp_serve anp_members_serve(const anp_members *m, uint32_t member,
                            const uint8_t digest[ANP_DIGEST_SIZE], bool is_write);

/* ---- what info commands tell ---- */

typedef struct anp_membership {
    uint32_t n_present;          /* members that have not left */
    uint32_t cluster_generation; /* how often that changed; the same for all */
    uint32_t replication_factor; /* that there are enough members for */
    int32_t rack;
    int64_t peers_generation, partition_generation, rebalance_generation;
} anp_membership;

void anp_members_look(anp_members *m, uint32_t member, anp_membership *out);

/* The partitions of which a member is the k-th replica. */
void anp_members_bitmap(anp_members *m, uint32_t member, uint32_t k, uint8_t out[ANP_BITMAP_SIZE]);

typedef enum {
    ANP_PEERS_PRESENT,
    ANP_PEERS_EVER,    /* those who left too (alumni) */
    ANP_PEERS_CHANGED, /* since a generation: those who left have no address any more */
} anp_peers_kind;

/* Appends `peers-*` or `alumni-*`: the generation, the default port, and the others. `reached` is
 * the address at which the asker has reached this member: those who listen on all are told by it.
 */
void anp_members_print_peers(anp_members *m, uint32_t member, anp_peers_kind kind, int64_t since,
                             const char *reached, anp_buffer *out);

/* Appends the addresses of the others, as `services`: address:port;... */
void anp_members_print_services(anp_members *m, uint32_t member, const char *reached,
                                anp_buffer *out);
