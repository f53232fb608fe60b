/* Record digests: RIPEMD-160 of set name, key particle type, key bytes; and partition ids.
 * (RIPEMD-160: Dobbertin, Bosselaers, Preneel, 1996.) No state; thread-safe. */
#pragma once

#include "base/cursor.h"
#include "wire/protocol.h"

/* A user key as it is hashed: integers as a number, the rest as bytes. Borrowed. */
typedef struct anp_key {
    const uint8_t *bytes; /* not for integers */
    uint32_t size;
    uint8_t type; /* ANP_PARTICLE_INTEGER, _FLOAT (8 bytes, big-endian), _STRING or _BLOB */
    int64_t integer;
} anp_key;

/* One digest. */
void anp_digest(const void *set, size_t set_size, const anp_key *key, uint8_t out[ANP_DIGEST_SIZE]);

/* n digests of keys of one set, into out[i * 20]. Lanes of many keys at a time hide behind this. */
void anp_digest_many(const void *set, size_t set_size, const anp_key *keys, size_t n, uint8_t *out);

/* RIPEMD-160 of any bytes. */
void anp_ripemd160(const void *bytes, size_t size, uint8_t out[20]);

static inline unsigned anp_partition_of(const uint8_t digest[ANP_DIGEST_SIZE])
{
    return (unsigned)(digest[0] | digest[1] << 8) & (ANP_PARTITIONS - 1);
}
