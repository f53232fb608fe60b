/* RIPEMD-160 of blocks, by kind of CPU. Private to csrc/wire. */
#pragma once

#include <stdint.h>

enum { ANP_LANES_MAX = 16 };

/* Hashes `lanes` messages of one padded block each: word w of message i at words[w * lanes + i]
 * (host order), word w of its digest at out[w * lanes + i]. */
typedef struct anp_ripemd160_kind {
    const char *name;
    unsigned lanes;
    void (*hash)(const uint32_t *words, uint32_t *out);
} anp_ripemd160_kind;

/* The best kind that this CPU has; AEROSPIKE_NP_SIMD=portable or avx2 takes a lesser one. Chosen
 * once. */
const anp_ripemd160_kind *anp_ripemd160_best(void);

/* Each of them, or NULL where the CPU or the compiler has it not. */
const anp_ripemd160_kind *anp_ripemd160_portable(void);
const anp_ripemd160_kind *anp_ripemd160_avx2(void);
const anp_ripemd160_kind *anp_ripemd160_avx512(void);

/* One block of one message of any length. */
void anp_ripemd160_block(uint32_t state[5], const uint8_t block[64]);
