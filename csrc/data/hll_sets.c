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

/* ---- by registers: all have the same MinHash bits ---- */

/* As servers look: at so many bytes as there are registers, which are wider. */
static bool has_data(const anp_hll *h)
{
    size_t n = (size_t)1 << h->index_bits;
    for (size_t i = ANP_HLL_HEAD; i < ANP_HLL_HEAD + n && i < h->size; i++) {
        if (h->data[i] != 0) {
            return true;
        }
    }
    return false;
}

static uint32_t used_registers(const anp_hll *h)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < 1u << h->index_bits; i++) {
        used += anp_hll_register(h, i) != 0;
    }
    return used;
}

/* Leaves the registers that are the same in `other`. */
static void intersect(uint8_t *data, const anp_hll *h, const anp_hll *other)
{
    anp_hll to = {data, h->size, h->index_bits, h->minhash_bits};
    uint32_t mask = (1u << h->index_bits) - 1;
    for (uint32_t i = 0; i < 1u << other->index_bits; i++) {
        if (anp_hll_register(&to, i & mask) != anp_hll_register(other, i)) {
            anp_hll_set_register(data, h, i & mask, 0);
        }
    }
}

/* How many registers of two values are the same by chance, expected of so many elements each. */
static double collisions(const anp_hll *h, uint64_t count, uint64_t other)
{
    enum { RANKS = 64 };
    double sum = 0, registers = (double)(1u << h->index_bits);
    for (int i = 1; i <= RANKS; i++) {
        double low = i == RANKS ? 0 : ldexp(1, -i) / registers;
        double high = ldexp(1, 1 - i) / registers;
        sum += (pow(1 - low, (double)count) - pow(1 - high, (double)count)) *
               (pow(1 - low, (double)other) - pow(1 - high, (double)other));
    }
    return sum * registers / ldexp(1, h->minhash_bits);
}

static bool similar_registers(const anp_hll *sets, uint32_t n, anp_buffer *scratch, double *out)
{
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < n; i++) {
        n_empty += !has_data(&sets[i]);
    }
    if (n_empty != 0) {
        *out = n_empty == n ? (double)NAN : 0;
        return true;
    }
    anp_hll all;
    anp_buffer_clear(scratch);
    if (!anp_hll_union(scratch, sets, n) ||
        !anp_hll_open(&all, (anp_slice){scratch->data, scratch->size})) {
        return false;
    }
    uint32_t used = used_registers(&all);
    memset(scratch->data + ANP_HLL_HEAD, 0, scratch->size - ANP_HLL_HEAD);
    anp_hll_merge(scratch->data, &all, &sets[0]);
    for (uint32_t i = 1; i < n; i++) {
        intersect(scratch->data, &all, &sets[i]);
    }
    double same = used_registers(&all);
    if (n == 2) {
        same -= collisions(&all, anp_hll_count(&sets[0]), anp_hll_count(&sets[1]));
    }
    *out = same > 0 ? same / used : 0;
    return true;
}

/* ---- by counts: not all have them ---- */

static bool have_minhash(const anp_hll *sets, uint32_t n)
{
    uint8_t index_bits, minhash_bits;
    anp_hll_union_bits(sets, n, &index_bits, &minhash_bits);
    return minhash_bits != 0;
}

/* What is in two or three of them, from the counts of their unions. */
static bool common_count(const anp_hll *sets, uint32_t n, anp_buffer *scratch, uint64_t *out)
{
    uint64_t all, sum = 0, pairs = 0;
    if (n < 2 || n > 3 || !union_count(sets, n, scratch, &all)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t count = anp_hll_count(&sets[i]);
        sum = sum + count < sum ? UINT64_MAX : sum + count;
    }
    if (n == 2) {
        *out = sum > all ? sum - all : 0;
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        const anp_hll two[] = {sets[i], sets[(i + 1) % n]};
        uint64_t common;
        if (!anp_hll_intersect_count(two, 2, scratch, &common)) {
            return false;
        }
        pairs += common;
    }
    int64_t common = (int64_t)(all - (sum - pairs));
    *out = common < 0 ? 0 : (uint64_t)common;
    return true;
}

bool anp_hll_similarity(const anp_hll *sets, uint32_t n, anp_buffer *scratch, double *out)
{
    uint64_t common, all;
    if (have_minhash(sets, n)) {
        return similar_registers(sets, n, scratch, out);
    }
    if (!common_count(sets, n, scratch, &common) || !union_count(sets, n, scratch, &all)) {
        return false;
    }
    *out = (double)common / (double)all;
    return true;
}

bool anp_hll_intersect_count(const anp_hll *sets, uint32_t n, anp_buffer *scratch, uint64_t *out)
{
    uint64_t all;
    double similarity;
    if (!have_minhash(sets, n)) {
        return common_count(sets, n, scratch, out);
    }
    if (!similar_registers(sets, n, scratch, &similarity) || !union_count(sets, n, scratch, &all)) {
        return false;
    }
    *out = isnan(similarity) ? 0 : (uint64_t)round((double)all * similarity);
    return true;
}
