/* For tests: a single-record command, ready to be driven. */
#pragma once

#include "command/request.h"
#include "command/single.h"

/* A write without operations, or a read of all bins, of the record in test.demo whose digest is 20
 * times this byte. Asserts that it could be made. */
static inline void single_open(anp_single *s, anp_cluster *cluster, const anp_policy *policy,
                               uint8_t digest, bool is_write)
{
    anp_error err;
    assert_int_equal(anp_single_init(s, cluster, policy, &err), ANP_OK);
    memcpy(s->namespace_name, "test", 4);
    s->namespace_size = 4;
    memset(s->digest, digest, sizeof s->digest);
    s->is_write = is_write;
    anp_record_request request = {
        .info1 = is_write ? 0 : 3,
        .info2 = is_write ? 1 : 0,
        .namespace_name = {(const uint8_t *)"test", 4},
        .set = {(const uint8_t *)"demo", 4},
        .digest = s->digest,
    };
    anp_record_request_write(&s->request, &request);
}
