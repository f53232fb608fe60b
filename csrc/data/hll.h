/* HyperLogLog values: registers of 6 bits, or with MinHash bits behind each.
 *
 *   flags u8 = 0, index bits n u8, MinHash bits r u8, cached count u64 little-endian (0: none),
 *   2^n registers of 6 + r bits, the highest bit first, filled up to whole bytes
 *
 * hll.c has registers and estimates, hll_sets.c what is made of several values, hll_call.c the
 * operations. */
#pragma once

#include "data/call.h"

enum { ANP_HLL_HEAD = 11, ANP_HLL_UNSET = -1 };

typedef struct anp_hll {
    const uint8_t *data; /* the whole value; borrowed */
    size_t size;
    uint8_t index_bits, minhash_bits;
} anp_hll;

/* Carries out one operation on a bin (NULL: there is none), a modifying one or a reading one. A
 * result code; where it is 0, what came of it is in `out`, which was empty. */
uint8_t anp_hll_call(anp_slice call, bool is_modify, const anp_particle *bin, anp_outcome *out);

/* ---- one value ---- */

/* false: bits out of range, or not their size. */
bool anp_hll_open(anp_hll *h, anp_slice bytes);
bool anp_hll_bits_are_good(int64_t index_bits, int64_t minhash_bits);
size_t anp_hll_size(unsigned index_bits, unsigned minhash_bits);

/* Appends an empty value; NULL without room. Valid until the next append. */
uint8_t *anp_hll_make(anp_buffer *b, unsigned index_bits, unsigned minhash_bits);

uint64_t anp_hll_register(const anp_hll *h, uint32_t number);
void anp_hll_set_register(uint8_t *data, const anp_hll *h, uint32_t number, uint64_t v);

typedef struct anp_hll_place {
    uint32_t number;
    uint64_t value;
} anp_hll_place;

/* Where an element goes, by its MessagePack bytes, and the value that the register then has at
 * least. */
anp_hll_place anp_hll_place_of(const anp_hll *h, anp_slice element);

/* The cached count where there is one, else the estimate. */
uint64_t anp_hll_count(const anp_hll *h);
void anp_hll_forget_count(uint8_t *data);
void anp_hll_remember_count(uint8_t *data, uint64_t count);

/* ---- several ---- */

/* Which bits a union has: the fewest index bits; the MinHash bits that all have, else none. */
void anp_hll_union_bits(const anp_hll *sets, uint32_t n, uint8_t *index_bits,
                        uint8_t *minhash_bits);

/* Takes each register of `from` into `data` (laid out as `h`), the larger value of two; `from` has
 * at least as many bits of both kinds. */
void anp_hll_merge(uint8_t *data, const anp_hll *h, const anp_hll *from);

/* Appends the union; false without room. */
bool anp_hll_union(anp_buffer *b, const anp_hll *sets, uint32_t n);

/* Estimates over all of them; false without room, or of more than three that have not all the same
 * MinHash bits. */
bool anp_hll_similarity(const anp_hll *sets, uint32_t n, anp_buffer *scratch, double *out);
bool anp_hll_intersect_count(const anp_hll *sets, uint32_t n, anp_buffer *scratch, uint64_t *out);
