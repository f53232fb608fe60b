/* One HyperLogLog value: its registers and the estimate. No state. */
#include "data/hll.h"

#include <math.h>

#include "data/bits.h"
#include "data/murmur.h"

enum {
    INDEX_MIN = 4,
    INDEX_MAX = 16,
    MINHASH_MIN = 4,
    MINHASH_MAX = 51,
    HASH_BITS = 64,
    RANK_BITS = 6,
    RANK_MAX = (1 << RANK_BITS) - 1,
};

bool anp_hll_bits_are_good(int64_t index_bits, int64_t minhash_bits)
{
    return index_bits >= INDEX_MIN && index_bits <= INDEX_MAX &&
           (minhash_bits == 0 || (minhash_bits >= MINHASH_MIN && minhash_bits <= MINHASH_MAX)) &&
           index_bits + minhash_bits <= HASH_BITS;
}

size_t anp_hll_size(unsigned index_bits, unsigned minhash_bits)
{
    return ANP_HLL_HEAD + ((((size_t)RANK_BITS + minhash_bits) << index_bits) + 7) / 8;
}

bool anp_hll_open(anp_hll *h, anp_slice bytes)
{
    if (bytes.size < ANP_HLL_HEAD || bytes.data[0] != 0) {
        return false;
    }
    *h = (anp_hll){bytes.data, bytes.size, bytes.data[1], bytes.data[2]};
    return anp_hll_bits_are_good(h->index_bits, h->minhash_bits) &&
           bytes.size == anp_hll_size(h->index_bits, h->minhash_bits);
}

uint8_t *anp_hll_make(anp_buffer *b, unsigned index_bits, unsigned minhash_bits)
{
    size_t size = anp_hll_size(index_bits, minhash_bits);
    uint8_t *data = anp_buffer_add(b, size);
    if (data != NULL) {
        memset(data, 0, size);
        data[1] = (uint8_t)index_bits;
        data[2] = (uint8_t)minhash_bits;
    }
    return data;
}

static anp_bit_run run_of(uint8_t *data, const anp_hll *h, uint32_t number)
{
    uint64_t width = (uint64_t)RANK_BITS + h->minhash_bits;
    return (anp_bit_run){data + ANP_HLL_HEAD, number * width, width};
}

uint64_t anp_hll_register(const anp_hll *h, uint32_t number)
{
    anp_bit_run run = run_of((uint8_t *)(uintptr_t)h->data, h, number); /* only read */
    return anp_bits_load(&run);
}

void anp_hll_set_register(uint8_t *data, const anp_hll *h, uint32_t number, uint64_t v)
{
    anp_bit_run run = run_of(data, h, number);
    anp_bits_store(&run, v);
}

anp_hll_place anp_hll_place_of(const anp_hll *h, anp_slice element)
{
    uint64_t hash[2];
    anp_murmur3(element.data, element.size, hash);
    uint64_t rank = hash[1] == 0 ? RANK_MAX : (uint64_t)__builtin_ctzll(hash[1]) + 1;
    rank = rank < RANK_MAX ? rank : RANK_MAX;
    uint64_t index = hash[0] & ((UINT64_C(1) << h->index_bits) - 1);
    uint64_t minhash = hash[0] >> h->index_bits & ((UINT64_C(1) << h->minhash_bits) - 1);
    return (anp_hll_place){(uint32_t)index, rank << h->minhash_bits | minhash};
}

/* ---- the estimate, after Otmar Ertl ---- */

static double sigma(double x)
{
    if (x == 1) {
        return (double)INFINITY;
    }
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1) {
        return 0;
    }
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static double alpha(unsigned index_bits, double m)
{
    switch (index_bits) {
    case 4:
        return 0.673;
    case 5:
        return 0.697;
    case 6:
        return 0.709;
    default:
        return 0.7213 / (1.0 + 1.079 / m);
    }
}

static uint64_t estimate(const anp_hll *h)
{
    uint32_t count[HASH_BITS + 1] = {0}, n = 1u << h->index_bits;
    for (uint32_t i = 0; i < n; i++) {
        count[anp_hll_register(h, i) >> h->minhash_bits]++;
    }
    double m = n, z = m * tau(count[HASH_BITS] / m);
    for (unsigned k = HASH_BITS; k > 0; k--) {
        z = (z + count[k]) * 0.5;
    }
    z += m * sigma(count[0] / m);
    return (uint64_t)round(alpha(h->index_bits, m) * m * m / z);
}

enum { CACHE = 3 };

uint64_t anp_hll_count(const anp_hll *h)
{
    uint64_t cached = anp_load_le64(h->data + CACHE);
    return cached != 0 ? cached : estimate(h);
}

void anp_hll_forget_count(uint8_t *data)
{
    anp_store_le64(data + CACHE, 0);
}

void anp_hll_remember_count(uint8_t *data, uint64_t count)
{
    anp_store_le64(data + CACHE, count);
}
