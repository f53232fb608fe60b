/* Requests on single records, executed: the checks in the server's order, and one reply message. */
#pragma once

#include "data/expression.h"
#include "node/members.h"
#include "node/request.h"
#include "node/store.h"

enum { ANP_PROXY_MS = 1000 }; /* how long the answer of a frozen owner is waited for */

/* What one serving thread keeps between requests. */
typedef struct anp_executor {
    anp_store *store;
    const anp_members *members;
    uint32_t member;          /* who serves */
    _Atomic uint64_t proxied; /* requests on records of others */
    anp_expression *filter;   /* the last one that was read; owned */
} anp_executor;

void anp_executor_init(anp_executor *e, anp_store *store, const anp_members *members,
                       uint32_t member);
void anp_executor_deinit(anp_executor *e);

/* Must the request wait, because its record's owner is frozen? `until` (monotonic ns) is kept by
 * the caller, 0 at first: when it has passed the answer is ANP_SERVER_TIMEOUT. */
bool anp_execute_waits(const anp_executor *e, const anp_node_request *r, uint64_t *until);

/* Appends the reply message (with this index); returns its result code. */
uint8_t anp_execute(anp_executor *e, const anp_node_request *r, uint32_t index, anp_buffer *out);

/* A message with a code and nothing else. */
void anp_reply_code(anp_buffer *out, uint8_t code, uint32_t index, uint8_t info3);

/* ---- between the files of execution ---- */

typedef struct anp_reply {
    anp_buffer *out;
    size_t head;
    uint32_t generation, void_time;
    uint16_t n_ops;
    bool in_batch;
} anp_reply;

/* May a reply of so many operations, and of the bytes it has, go into one frame? */
static inline bool anp_reply_fits(const anp_reply *reply, uint32_t n_ops)
{
    return n_ops <= UINT16_MAX && reply->out->size - reply->head <= ANP_PROTO_MAX;
}

/* Each answers with a code; on 0 operations were appended. */
uint8_t anp_execute_write(anp_executor *e, anp_namespace *ns, const anp_node_request *r,
                          anp_reply *reply);
uint8_t anp_execute_udf(anp_executor *e, anp_namespace *ns, const anp_node_request *r,
                        anp_reply *reply);

/* ---- what writes and UDFs have in common (write.c) ---- */

struct anp_bins;

/* Is there as much in the store as it may have? */
bool anp_write_is_full(const anp_executor *e);

/* Checks of the live record, in the server's order; old NULL: there is none. */
uint8_t anp_write_check(anp_executor *e, const anp_node_request *r, const anp_record *old,
                        bool touches, anp_reply *reply);

/* The void time that the request's time to live makes. */
uint8_t anp_write_void_time(const anp_namespace *ns, const anp_node_request *r,
                            const anp_record *old, uint32_t *out);

/* Puts the changed bins into the record (made where old is NULL), or removes it where none are
 * left. All that can fail comes before anything changes. */
uint8_t anp_write_commit(anp_namespace *ns, anp_shard *shard, const anp_node_request *r,
                         anp_record *old, const struct anp_bins *bins, uint32_t void_time,
                         anp_reply *reply);

/* Does the set that was sent (maybe none) agree with the record's? */
bool anp_request_set_is(const anp_node_request *r, const anp_record *record);
bool anp_request_key_is(const anp_node_request *r, const anp_record *record);
bool anp_bin_name_is_good(anp_slice name);

/* Finds a bin in a record's block; `at` is tried first and left behind the one that was found. */
bool anp_record_bin(const anp_record *record, anp_slice name, anp_cursor *at, anp_op *out);
