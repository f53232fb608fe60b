/* Unions, intersections and similarity of HyperLogLog values. No state. */
#include "data/hll.h"

#include <math.h>

void anp_hll_union_bits(const anp_hll *sets, uint32_t n, uint8_t *index_bits, uint8_t *minhash_bits)
{
    *index_bits = sets[0].index_bits;
    *minhash_bits = sets[0].minhash_bits;
    for (uint32_t i = 1; i < n; i++) {
        *index_bits = sets[i].index_bits < *index_bits ? sets[i].index_bits : *index_bits;
        *minhash_bits = sets[i].minhash_bits == *minhash_bits ? *minhash_bits : 0;
    }
}

void anp_hll_merge(uint8_t *data, const anp_hll *h, const anp_hll *from)
{
    anp_hll to = {data, h->size, h->index_bits, h->minhash_bits};
    uint32_t n = 1u << from->index_bits, mask = (1u << h->index_bits) - 1;
    unsigned drop = (unsigned)from->minhash_bits - h->minhash_bits;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = anp_hll_register(from, i) >> drop;
        if (v > anp_hll_register(&to, i & mask)) {
            anp_hll_set_register(data, h, i & mask, v);
        }
    }
}

bool anp_hll_union(anp_buffer *b, const anp_hll *sets, uint32_t n)
{
    anp_hll h = {0};
    anp_hll_union_bits(sets, n, &h.index_bits, &h.minhash_bits);
    h.size = anp_hll_size(h.index_bits, h.minhash_bits);
    uint8_t *data = anp_hll_make(b, h.index_bits, h.minhash_bits);
    for (uint32_t i = 0; data != NULL && i < n; i++) {
        anp_hll_merge(data, &h, &sets[i]);
    }
    return data != NULL;
}

static bool union_count(const anp_hll *sets, uint32_t n, anp_buffer *scratch, uint64_t *out)
{
    anp_hll all;
    anp_buffer_clear(scratch);
    if (!anp_hll_union(scratch, sets, n) ||
        !anp_hll_open(&all, (anp_slice){scratch->data, scratch->size})) {
        return false;
    }
    *out = anp_hll_count(&all);
    return true;
}

/* With MinHash bits in all of them: the part of the registers in use that are the same in all. */
static double same_registers(const anp_hll *sets, uint32_t n)
{
    uint32_t used = 0, same = 0;
    for (uint32_t i = 0; i < 1u << sets[0].index_bits; i++) {
        uint64_t v = anp_hll_register(&sets[0], i), any = v;
        bool equal = true;
        for (uint32_t k = 1; k < n; k++) {
            uint64_t other = anp_hll_register(&sets[k], i);
            any |= other;
            equal = equal && other == v;
        }
        used += any != 0;
        same += any != 0 && equal;
    }
    return used == 0 ? 0 : (double)same / used;
}

static bool have_minhash(const anp_hll *sets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (sets[i].minhash_bits == 0 || sets[i].minhash_bits != sets[0].minhash_bits ||
            sets[i].index_bits != sets[0].index_bits) {
            return false;
        }
    }
    return true;
}

/* |A| + |B| - |A or B|, of two. */
static bool two_counts(const anp_hll *sets, anp_buffer *scratch, uint64_t *common, uint64_t *all)
{
    if (!union_count(sets, 2, scratch, all)) {
        return false;
    }
    uint64_t sum = anp_hll_count(&sets[0]) + anp_hll_count(&sets[1]);
    *common = sum > *all ? sum - *all : 0;
    return true;
}

bool anp_hll_similarity(const anp_hll *sets, uint32_t n, anp_buffer *scratch, double *out)
{
    uint64_t common, all;
    if (have_minhash(sets, n)) {
        *out = same_registers(sets, n);
        return true;
    }
    if (n > 2 || !two_counts(sets, scratch, &common, &all)) {
        return false;
    }
    *out = all == 0 ? 0 : (double)common / (double)all;
    return true;
}

bool anp_hll_intersect_count(const anp_hll *sets, uint32_t n, anp_buffer *scratch, uint64_t *out)
{
    uint64_t all;
    if (!have_minhash(sets, n)) {
        return n <= 2 && two_counts(sets, scratch, out, &all);
    }
    if (!union_count(sets, n, scratch, &all)) {
        return false;
    }
    *out = (uint64_t)round(same_registers(sets, n) * (double)all);
    return true;
}
