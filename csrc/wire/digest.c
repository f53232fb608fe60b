/* RIPEMD-160 (Dobbertin, Bosselaers, Preneel, 1996) in portable C, and record digests over it. No
 * state. */
#include "wire/digest.h"

typedef struct state {
    uint32_t h[5];
} state;

static const state initial = {{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};

static inline uint32_t rol(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

#define F0(x, y, z) ((x) ^ (y) ^ (z))
#define F1(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))
#define F2(x, y, z) (((x) | ~(y)) ^ (z))
#define F3(x, y, z) ((((x) ^ (y)) & (z)) ^ (y))
#define F4(x, y, z) ((x) ^ ((y) | ~(z)))
enum { K0 = 0, L4 = 0 };
#define K1 0x5a827999u
#define K2 0x6ed9eba1u
#define K3 0x8f1bbcdcu
#define K4 0xa953fd4eu
#define L0 0x50a28be6u
#define L1 0x5c4dd124u
#define L2 0x6d703ef3u
#define L3 0x7a6d76e9u
#define STEP(f, a, b, c, d, e, r, s, k)                                                            \
    (a) = rol((a) + f(b, c, d) + x[r] + (k), s) + (e);                                             \
    (c) = rol(c, 10)

/* One block of 64 bytes, given as sixteen little-endian words. */
static void compress(uint32_t h[5], const uint32_t x[16])
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    uint32_t left[5];
    /* left round 1 */
    STEP(F0, a, b, c, d, e, 0, 11, K0);
    STEP(F0, e, a, b, c, d, 1, 14, K0);
    STEP(F0, d, e, a, b, c, 2, 15, K0);
    STEP(F0, c, d, e, a, b, 3, 12, K0);
    STEP(F0, b, c, d, e, a, 4, 5, K0);
    STEP(F0, a, b, c, d, e, 5, 8, K0);
    STEP(F0, e, a, b, c, d, 6, 7, K0);
    STEP(F0, d, e, a, b, c, 7, 9, K0);
    STEP(F0, c, d, e, a, b, 8, 11, K0);
    STEP(F0, b, c, d, e, a, 9, 13, K0);
    STEP(F0, a, b, c, d, e, 10, 14, K0);
    STEP(F0, e, a, b, c, d, 11, 15, K0);
    STEP(F0, d, e, a, b, c, 12, 6, K0);
    STEP(F0, c, d, e, a, b, 13, 7, K0);
    STEP(F0, b, c, d, e, a, 14, 9, K0);
    STEP(F0, a, b, c, d, e, 15, 8, K0);
    /* left round 2 */
    STEP(F1, e, a, b, c, d, 7, 7, K1);
    STEP(F1, d, e, a, b, c, 4, 6, K1);
    STEP(F1, c, d, e, a, b, 13, 8, K1);
    STEP(F1, b, c, d, e, a, 1, 13, K1);
    STEP(F1, a, b, c, d, e, 10, 11, K1);
    STEP(F1, e, a, b, c, d, 6, 9, K1);
    STEP(F1, d, e, a, b, c, 15, 7, K1);
    STEP(F1, c, d, e, a, b, 3, 15, K1);
    STEP(F1, b, c, d, e, a, 12, 7, K1);
    STEP(F1, a, b, c, d, e, 0, 12, K1);
    STEP(F1, e, a, b, c, d, 9, 15, K1);
    STEP(F1, d, e, a, b, c, 5, 9, K1);
    STEP(F1, c, d, e, a, b, 2, 11, K1);
    STEP(F1, b, c, d, e, a, 14, 7, K1);
    STEP(F1, a, b, c, d, e, 11, 13, K1);
    STEP(F1, e, a, b, c, d, 8, 12, K1);
    /* left round 3 */
    STEP(F2, d, e, a, b, c, 3, 11, K2);
    STEP(F2, c, d, e, a, b, 10, 13, K2);
    STEP(F2, b, c, d, e, a, 14, 6, K2);
    STEP(F2, a, b, c, d, e, 4, 7, K2);
    STEP(F2, e, a, b, c, d, 9, 14, K2);
    STEP(F2, d, e, a, b, c, 15, 9, K2);
    STEP(F2, c, d, e, a, b, 8, 13, K2);
    STEP(F2, b, c, d, e, a, 1, 15, K2);
    STEP(F2, a, b, c, d, e, 2, 14, K2);
    STEP(F2, e, a, b, c, d, 7, 8, K2);
    STEP(F2, d, e, a, b, c, 0, 13, K2);
    STEP(F2, c, d, e, a, b, 6, 6, K2);
    STEP(F2, b, c, d, e, a, 13, 5, K2);
    STEP(F2, a, b, c, d, e, 11, 12, K2);
    STEP(F2, e, a, b, c, d, 5, 7, K2);
    STEP(F2, d, e, a, b, c, 12, 5, K2);
    /* left round 4 */
    STEP(F3, c, d, e, a, b, 1, 11, K3);
    STEP(F3, b, c, d, e, a, 9, 12, K3);
    STEP(F3, a, b, c, d, e, 11, 14, K3);
    STEP(F3, e, a, b, c, d, 10, 15, K3);
    STEP(F3, d, e, a, b, c, 0, 14, K3);
    STEP(F3, c, d, e, a, b, 8, 15, K3);
    STEP(F3, b, c, d, e, a, 12, 9, K3);
    STEP(F3, a, b, c, d, e, 4, 8, K3);
    STEP(F3, e, a, b, c, d, 13, 9, K3);
    STEP(F3, d, e, a, b, c, 3, 14, K3);
    STEP(F3, c, d, e, a, b, 7, 5, K3);
    STEP(F3, b, c, d, e, a, 15, 6, K3);
    STEP(F3, a, b, c, d, e, 14, 8, K3);
    STEP(F3, e, a, b, c, d, 5, 6, K3);
    STEP(F3, d, e, a, b, c, 6, 5, K3);
    STEP(F3, c, d, e, a, b, 2, 12, K3);
    /* left round 5 */
    STEP(F4, b, c, d, e, a, 4, 9, K4);
    STEP(F4, a, b, c, d, e, 0, 15, K4);
    STEP(F4, e, a, b, c, d, 5, 5, K4);
    STEP(F4, d, e, a, b, c, 9, 11, K4);
    STEP(F4, c, d, e, a, b, 7, 6, K4);
    STEP(F4, b, c, d, e, a, 12, 8, K4);
    STEP(F4, a, b, c, d, e, 2, 13, K4);
    STEP(F4, e, a, b, c, d, 10, 12, K4);
    STEP(F4, d, e, a, b, c, 14, 5, K4);
    STEP(F4, c, d, e, a, b, 1, 12, K4);
    STEP(F4, b, c, d, e, a, 3, 13, K4);
    STEP(F4, a, b, c, d, e, 8, 14, K4);
    STEP(F4, e, a, b, c, d, 11, 11, K4);
    STEP(F4, d, e, a, b, c, 6, 8, K4);
    STEP(F4, c, d, e, a, b, 15, 5, K4);
    STEP(F4, b, c, d, e, a, 13, 6, K4);
    left[0] = a, left[1] = b, left[2] = c, left[3] = d, left[4] = e;
    a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    /* right round 1 */
    STEP(F4, a, b, c, d, e, 5, 8, L0);
    STEP(F4, e, a, b, c, d, 14, 9, L0);
    STEP(F4, d, e, a, b, c, 7, 9, L0);
    STEP(F4, c, d, e, a, b, 0, 11, L0);
    STEP(F4, b, c, d, e, a, 9, 13, L0);
    STEP(F4, a, b, c, d, e, 2, 15, L0);
    STEP(F4, e, a, b, c, d, 11, 15, L0);
    STEP(F4, d, e, a, b, c, 4, 5, L0);
    STEP(F4, c, d, e, a, b, 13, 7, L0);
    STEP(F4, b, c, d, e, a, 6, 7, L0);
    STEP(F4, a, b, c, d, e, 15, 8, L0);
    STEP(F4, e, a, b, c, d, 8, 11, L0);
    STEP(F4, d, e, a, b, c, 1, 14, L0);
    STEP(F4, c, d, e, a, b, 10, 14, L0);
    STEP(F4, b, c, d, e, a, 3, 12, L0);
    STEP(F4, a, b, c, d, e, 12, 6, L0);
    /* right round 2 */
    STEP(F3, e, a, b, c, d, 6, 9, L1);
    STEP(F3, d, e, a, b, c, 11, 13, L1);
    STEP(F3, c, d, e, a, b, 3, 15, L1);
    STEP(F3, b, c, d, e, a, 7, 7, L1);
    STEP(F3, a, b, c, d, e, 0, 12, L1);
    STEP(F3, e, a, b, c, d, 13, 8, L1);
    STEP(F3, d, e, a, b, c, 5, 9, L1);
    STEP(F3, c, d, e, a, b, 10, 11, L1);
    STEP(F3, b, c, d, e, a, 14, 7, L1);
    STEP(F3, a, b, c, d, e, 15, 7, L1);
    STEP(F3, e, a, b, c, d, 8, 12, L1);
    STEP(F3, d, e, a, b, c, 12, 7, L1);
    STEP(F3, c, d, e, a, b, 4, 6, L1);
    STEP(F3, b, c, d, e, a, 9, 15, L1);
    STEP(F3, a, b, c, d, e, 1, 13, L1);
    STEP(F3, e, a, b, c, d, 2, 11, L1);
    /* right round 3 */
    STEP(F2, d, e, a, b, c, 15, 9, L2);
    STEP(F2, c, d, e, a, b, 5, 7, L2);
    STEP(F2, b, c, d, e, a, 1, 15, L2);
    STEP(F2, a, b, c, d, e, 3, 11, L2);
    STEP(F2, e, a, b, c, d, 7, 8, L2);
    STEP(F2, d, e, a, b, c, 14, 6, L2);
    STEP(F2, c, d, e, a, b, 6, 6, L2);
    STEP(F2, b, c, d, e, a, 9, 14, L2);
    STEP(F2, a, b, c, d, e, 11, 12, L2);
    STEP(F2, e, a, b, c, d, 8, 13, L2);
    STEP(F2, d, e, a, b, c, 12, 5, L2);
    STEP(F2, c, d, e, a, b, 2, 14, L2);
    STEP(F2, b, c, d, e, a, 10, 13, L2);
    STEP(F2, a, b, c, d, e, 0, 13, L2);
    STEP(F2, e, a, b, c, d, 4, 7, L2);
    STEP(F2, d, e, a, b, c, 13, 5, L2);
    /* right round 4 */
    STEP(F1, c, d, e, a, b, 8, 15, L3);
    STEP(F1, b, c, d, e, a, 6, 5, L3);
    STEP(F1, a, b, c, d, e, 4, 8, L3);
    STEP(F1, e, a, b, c, d, 1, 11, L3);
    STEP(F1, d, e, a, b, c, 3, 14, L3);
    STEP(F1, c, d, e, a, b, 11, 14, L3);
    STEP(F1, b, c, d, e, a, 15, 6, L3);
    STEP(F1, a, b, c, d, e, 0, 14, L3);
    STEP(F1, e, a, b, c, d, 5, 6, L3);
    STEP(F1, d, e, a, b, c, 12, 9, L3);
    STEP(F1, c, d, e, a, b, 2, 12, L3);
    STEP(F1, b, c, d, e, a, 13, 9, L3);
    STEP(F1, a, b, c, d, e, 9, 12, L3);
    STEP(F1, e, a, b, c, d, 7, 5, L3);
    STEP(F1, d, e, a, b, c, 10, 15, L3);
    STEP(F1, c, d, e, a, b, 14, 8, L3);
    /* right round 5 */
    STEP(F0, b, c, d, e, a, 12, 8, L4);
    STEP(F0, a, b, c, d, e, 15, 5, L4);
    STEP(F0, e, a, b, c, d, 10, 12, L4);
    STEP(F0, d, e, a, b, c, 4, 9, L4);
    STEP(F0, c, d, e, a, b, 1, 12, L4);
    STEP(F0, b, c, d, e, a, 5, 5, L4);
    STEP(F0, a, b, c, d, e, 8, 14, L4);
    STEP(F0, e, a, b, c, d, 7, 6, L4);
    STEP(F0, d, e, a, b, c, 6, 8, L4);
    STEP(F0, c, d, e, a, b, 2, 13, L4);
    STEP(F0, b, c, d, e, a, 13, 6, L4);
    STEP(F0, a, b, c, d, e, 14, 5, L4);
    STEP(F0, e, a, b, c, d, 0, 15, L4);
    STEP(F0, d, e, a, b, c, 3, 13, L4);
    STEP(F0, c, d, e, a, b, 9, 11, L4);
    STEP(F0, b, c, d, e, a, 11, 11, L4);
    uint32_t t = h[1] + left[2] + d;
    h[1] = h[2] + left[3] + e;
    h[2] = h[3] + left[4] + a;
    h[3] = h[4] + left[0] + b;
    h[4] = h[0] + left[1] + c;
    h[0] = t;
}

static void compress_bytes(uint32_t h[5], const uint8_t *block)
{
    uint32_t x[16];
    for (int i = 0; i < 16; i++) {
        x[i] = anp_load_le32(block + 4 * i);
    }
    compress(h, x);
}

static void store(const uint32_t h[5], uint8_t out[20])
{
    for (int i = 0; i < 5; i++) {
        anp_store_le32(out + 4 * i, h[i]);
    }
}

enum { BLOCK = 64, ROOM = BLOCK - 9 }; /* what fits one block beside the padding */

/* Bytes that come in parts. */
typedef struct hasher {
    state s;
    uint64_t total;
    size_t held;
    uint8_t block[BLOCK];
} hasher;

static void feed(hasher *hash, const uint8_t *bytes, size_t size)
{
    hash->total += size;
    while (size != 0) {
        size_t n = BLOCK - hash->held < size ? BLOCK - hash->held : size;
        memcpy(hash->block + hash->held, bytes, n);
        hash->held += n;
        bytes += n;
        size -= n;
        if (hash->held == BLOCK) {
            compress_bytes(hash->s.h, hash->block);
            hash->held = 0;
        }
    }
}

static void finish(hasher *hash, uint8_t out[20])
{
    uint64_t bits = hash->total * 8;
    hash->block[hash->held++] = 0x80;
    if (hash->held > BLOCK - 8) {
        memset(hash->block + hash->held, 0, BLOCK - hash->held);
        compress_bytes(hash->s.h, hash->block);
        hash->held = 0;
    }
    memset(hash->block + hash->held, 0, BLOCK - 8 - hash->held);
    anp_store_le64(hash->block + BLOCK - 8, bits);
    compress_bytes(hash->s.h, hash->block);
    store(hash->s.h, out);
}

void anp_ripemd160(const void *bytes, size_t size, uint8_t out[20])
{
    hasher hash = {.s = initial};
    if (size != 0) {
        feed(&hash, bytes, size);
    }
    finish(&hash, out);
}

/* ---- record digests ---- */

static void digest_long(const void *set, size_t set_size, const uint8_t head[9], size_t head_size,
                        const anp_key *key, uint8_t *out)
{
    hasher hash = {.s = initial};
    if (set_size != 0) {
        feed(&hash, set, set_size);
    }
    feed(&hash, head, head_size);
    if (key->type != ANP_PARTICLE_INTEGER && key->size != 0) {
        feed(&hash, key->bytes, key->size);
    }
    finish(&hash, out);
}

void anp_digest_many(const void *set, size_t set_size, const anp_key *keys, size_t n, uint8_t *out)
{
    uint8_t block[BLOCK];
    size_t prefix = set_size < ROOM ? set_size : 0;
    if (prefix != 0) {
        memcpy(block, set, prefix);
    }
    for (size_t i = 0; i < n; i++, out += ANP_DIGEST_SIZE) {
        const anp_key *key = &keys[i];
        uint8_t head[9] = {key->type};
        bool is_integer = key->type == ANP_PARTICLE_INTEGER;
        size_t head_size = is_integer ? 9 : 1, size = is_integer ? 0 : key->size;
        if (is_integer) {
            anp_store_be64(head + 1, (uint64_t)key->integer);
        }
        if (set_size > ROOM || size > ROOM || set_size + head_size + size > ROOM) {
            digest_long(set, set_size, head, head_size, key, out);
            if (prefix != 0) {
                memcpy(block, set, prefix);
            }
            continue;
        }
        size_t at = set_size;
        memcpy(block + at, head, head_size);
        at += head_size;
        if (size != 0) {
            memcpy(block + at, key->bytes, size);
            at += size;
        }
        block[at] = 0x80;
        memset(block + at + 1, 0, BLOCK - 8 - at - 1);
        anp_store_le64(block + BLOCK - 8, (uint64_t)at * 8);
        state s = initial;
        compress_bytes(s.h, block);
        store(s.h, out);
    }
}

void anp_digest(const void *set, size_t set_size, const anp_key *key, uint8_t out[ANP_DIGEST_SIZE])
{
    anp_digest_many(set, set_size, key, 1, out);
}
