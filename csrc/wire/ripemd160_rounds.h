/* The rounds of RIPEMD-160 (Dobbertin, Bosselaers, Preneel, 1996) for any type of word: one
 * uint32_t, or a vector of them, one lane a message. A kind of CPU defines ANP_WORD and ANP_ROTATE,
 * and puts ANP_RIPEMD160_COMPRESS in a function. Private to csrc/wire. */
#pragma once

#include <stdint.h>

/* The state that each message starts from. */
#define ANP_RIPEMD160_INITIAL {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}

#define ANP_F0(x, y, z) ((x) ^ (y) ^ (z))
#define ANP_F1(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))
#define ANP_F2(x, y, z) (((x) | ~(y)) ^ (z))
#define ANP_F3(x, y, z) ((((x) ^ (y)) & (z)) ^ (y))
#define ANP_F4(x, y, z) ((x) ^ ((y) | ~(z)))

#define ANP_K_LEFT0 0u
#define ANP_K_LEFT1 0x5a827999u
#define ANP_K_LEFT2 0x6ed9eba1u
#define ANP_K_LEFT3 0x8f1bbcdcu
#define ANP_K_LEFT4 0xa953fd4eu
#define ANP_K_RIGHT0 0x50a28be6u
#define ANP_K_RIGHT1 0x5c4dd124u
#define ANP_K_RIGHT2 0x6d703ef3u
#define ANP_K_RIGHT3 0x7a6d76e9u
#define ANP_K_RIGHT4 0u

#define ANP_STEP(f, a, b, c, d, e, word, shift, k)                                                 \
    a = ANP_ROTATE(a + ANP_##f(b, c, d) + x[word] + (k), shift) + e;                               \
    c = ANP_ROTATE(c, 10);

/* Takes the block x[16] into the state h[5]; both of ANP_WORD. clang-format off: a table of steps.
 */
/* clang-format off */
#define ANP_RIPEMD160_COMPRESS(h, x) \
    ANP_WORD a = h[0], b = h[1], c = h[2], d = h[3], e = h[4]; \
    ANP_WORD p, q, r, s, t; \
    /* left line, round 1 */ \
    ANP_STEP(F0, a, b, c, d, e, 0, 11, ANP_K_LEFT0) \
    ANP_STEP(F0, e, a, b, c, d, 1, 14, ANP_K_LEFT0) \
    ANP_STEP(F0, d, e, a, b, c, 2, 15, ANP_K_LEFT0) \
    ANP_STEP(F0, c, d, e, a, b, 3, 12, ANP_K_LEFT0) \
    ANP_STEP(F0, b, c, d, e, a, 4, 5, ANP_K_LEFT0) \
    ANP_STEP(F0, a, b, c, d, e, 5, 8, ANP_K_LEFT0) \
    ANP_STEP(F0, e, a, b, c, d, 6, 7, ANP_K_LEFT0) \
    ANP_STEP(F0, d, e, a, b, c, 7, 9, ANP_K_LEFT0) \
    ANP_STEP(F0, c, d, e, a, b, 8, 11, ANP_K_LEFT0) \
    ANP_STEP(F0, b, c, d, e, a, 9, 13, ANP_K_LEFT0) \
    ANP_STEP(F0, a, b, c, d, e, 10, 14, ANP_K_LEFT0) \
    ANP_STEP(F0, e, a, b, c, d, 11, 15, ANP_K_LEFT0) \
    ANP_STEP(F0, d, e, a, b, c, 12, 6, ANP_K_LEFT0) \
    ANP_STEP(F0, c, d, e, a, b, 13, 7, ANP_K_LEFT0) \
    ANP_STEP(F0, b, c, d, e, a, 14, 9, ANP_K_LEFT0) \
    ANP_STEP(F0, a, b, c, d, e, 15, 8, ANP_K_LEFT0) \
    /* left line, round 2 */ \
    ANP_STEP(F1, e, a, b, c, d, 7, 7, ANP_K_LEFT1) \
    ANP_STEP(F1, d, e, a, b, c, 4, 6, ANP_K_LEFT1) \
    ANP_STEP(F1, c, d, e, a, b, 13, 8, ANP_K_LEFT1) \
    ANP_STEP(F1, b, c, d, e, a, 1, 13, ANP_K_LEFT1) \
    ANP_STEP(F1, a, b, c, d, e, 10, 11, ANP_K_LEFT1) \
    ANP_STEP(F1, e, a, b, c, d, 6, 9, ANP_K_LEFT1) \
    ANP_STEP(F1, d, e, a, b, c, 15, 7, ANP_K_LEFT1) \
    ANP_STEP(F1, c, d, e, a, b, 3, 15, ANP_K_LEFT1) \
    ANP_STEP(F1, b, c, d, e, a, 12, 7, ANP_K_LEFT1) \
    ANP_STEP(F1, a, b, c, d, e, 0, 12, ANP_K_LEFT1) \
    ANP_STEP(F1, e, a, b, c, d, 9, 15, ANP_K_LEFT1) \
    ANP_STEP(F1, d, e, a, b, c, 5, 9, ANP_K_LEFT1) \
    ANP_STEP(F1, c, d, e, a, b, 2, 11, ANP_K_LEFT1) \
    ANP_STEP(F1, b, c, d, e, a, 14, 7, ANP_K_LEFT1) \
    ANP_STEP(F1, a, b, c, d, e, 11, 13, ANP_K_LEFT1) \
    ANP_STEP(F1, e, a, b, c, d, 8, 12, ANP_K_LEFT1) \
    /* left line, round 3 */ \
    ANP_STEP(F2, d, e, a, b, c, 3, 11, ANP_K_LEFT2) \
    ANP_STEP(F2, c, d, e, a, b, 10, 13, ANP_K_LEFT2) \
    ANP_STEP(F2, b, c, d, e, a, 14, 6, ANP_K_LEFT2) \
    ANP_STEP(F2, a, b, c, d, e, 4, 7, ANP_K_LEFT2) \
    ANP_STEP(F2, e, a, b, c, d, 9, 14, ANP_K_LEFT2) \
    ANP_STEP(F2, d, e, a, b, c, 15, 9, ANP_K_LEFT2) \
    ANP_STEP(F2, c, d, e, a, b, 8, 13, ANP_K_LEFT2) \
    ANP_STEP(F2, b, c, d, e, a, 1, 15, ANP_K_LEFT2) \
    ANP_STEP(F2, a, b, c, d, e, 2, 14, ANP_K_LEFT2) \
    ANP_STEP(F2, e, a, b, c, d, 7, 8, ANP_K_LEFT2) \
    ANP_STEP(F2, d, e, a, b, c, 0, 13, ANP_K_LEFT2) \
    ANP_STEP(F2, c, d, e, a, b, 6, 6, ANP_K_LEFT2) \
    ANP_STEP(F2, b, c, d, e, a, 13, 5, ANP_K_LEFT2) \
    ANP_STEP(F2, a, b, c, d, e, 11, 12, ANP_K_LEFT2) \
    ANP_STEP(F2, e, a, b, c, d, 5, 7, ANP_K_LEFT2) \
    ANP_STEP(F2, d, e, a, b, c, 12, 5, ANP_K_LEFT2) \
    /* left line, round 4 */ \
    ANP_STEP(F3, c, d, e, a, b, 1, 11, ANP_K_LEFT3) \
    ANP_STEP(F3, b, c, d, e, a, 9, 12, ANP_K_LEFT3) \
    ANP_STEP(F3, a, b, c, d, e, 11, 14, ANP_K_LEFT3) \
    ANP_STEP(F3, e, a, b, c, d, 10, 15, ANP_K_LEFT3) \
    ANP_STEP(F3, d, e, a, b, c, 0, 14, ANP_K_LEFT3) \
    ANP_STEP(F3, c, d, e, a, b, 8, 15, ANP_K_LEFT3) \
    ANP_STEP(F3, b, c, d, e, a, 12, 9, ANP_K_LEFT3) \
    ANP_STEP(F3, a, b, c, d, e, 4, 8, ANP_K_LEFT3) \
    ANP_STEP(F3, e, a, b, c, d, 13, 9, ANP_K_LEFT3) \
    ANP_STEP(F3, d, e, a, b, c, 3, 14, ANP_K_LEFT3) \
    ANP_STEP(F3, c, d, e, a, b, 7, 5, ANP_K_LEFT3) \
    ANP_STEP(F3, b, c, d, e, a, 15, 6, ANP_K_LEFT3) \
    ANP_STEP(F3, a, b, c, d, e, 14, 8, ANP_K_LEFT3) \
    ANP_STEP(F3, e, a, b, c, d, 5, 6, ANP_K_LEFT3) \
    ANP_STEP(F3, d, e, a, b, c, 6, 5, ANP_K_LEFT3) \
    ANP_STEP(F3, c, d, e, a, b, 2, 12, ANP_K_LEFT3) \
    /* left line, round 5 */ \
    ANP_STEP(F4, b, c, d, e, a, 4, 9, ANP_K_LEFT4) \
    ANP_STEP(F4, a, b, c, d, e, 0, 15, ANP_K_LEFT4) \
    ANP_STEP(F4, e, a, b, c, d, 5, 5, ANP_K_LEFT4) \
    ANP_STEP(F4, d, e, a, b, c, 9, 11, ANP_K_LEFT4) \
    ANP_STEP(F4, c, d, e, a, b, 7, 6, ANP_K_LEFT4) \
    ANP_STEP(F4, b, c, d, e, a, 12, 8, ANP_K_LEFT4) \
    ANP_STEP(F4, a, b, c, d, e, 2, 13, ANP_K_LEFT4) \
    ANP_STEP(F4, e, a, b, c, d, 10, 12, ANP_K_LEFT4) \
    ANP_STEP(F4, d, e, a, b, c, 14, 5, ANP_K_LEFT4) \
    ANP_STEP(F4, c, d, e, a, b, 1, 12, ANP_K_LEFT4) \
    ANP_STEP(F4, b, c, d, e, a, 3, 13, ANP_K_LEFT4) \
    ANP_STEP(F4, a, b, c, d, e, 8, 14, ANP_K_LEFT4) \
    ANP_STEP(F4, e, a, b, c, d, 11, 11, ANP_K_LEFT4) \
    ANP_STEP(F4, d, e, a, b, c, 6, 8, ANP_K_LEFT4) \
    ANP_STEP(F4, c, d, e, a, b, 15, 5, ANP_K_LEFT4) \
    ANP_STEP(F4, b, c, d, e, a, 13, 6, ANP_K_LEFT4) \
    p = a, q = b, r = c, s = d, t = e; \
    a = h[0], b = h[1], c = h[2], d = h[3], e = h[4]; \
    /* right line, round 1 */ \
    ANP_STEP(F4, a, b, c, d, e, 5, 8, ANP_K_RIGHT0) \
    ANP_STEP(F4, e, a, b, c, d, 14, 9, ANP_K_RIGHT0) \
    ANP_STEP(F4, d, e, a, b, c, 7, 9, ANP_K_RIGHT0) \
    ANP_STEP(F4, c, d, e, a, b, 0, 11, ANP_K_RIGHT0) \
    ANP_STEP(F4, b, c, d, e, a, 9, 13, ANP_K_RIGHT0) \
    ANP_STEP(F4, a, b, c, d, e, 2, 15, ANP_K_RIGHT0) \
    ANP_STEP(F4, e, a, b, c, d, 11, 15, ANP_K_RIGHT0) \
    ANP_STEP(F4, d, e, a, b, c, 4, 5, ANP_K_RIGHT0) \
    ANP_STEP(F4, c, d, e, a, b, 13, 7, ANP_K_RIGHT0) \
    ANP_STEP(F4, b, c, d, e, a, 6, 7, ANP_K_RIGHT0) \
    ANP_STEP(F4, a, b, c, d, e, 15, 8, ANP_K_RIGHT0) \
    ANP_STEP(F4, e, a, b, c, d, 8, 11, ANP_K_RIGHT0) \
    ANP_STEP(F4, d, e, a, b, c, 1, 14, ANP_K_RIGHT0) \
    ANP_STEP(F4, c, d, e, a, b, 10, 14, ANP_K_RIGHT0) \
    ANP_STEP(F4, b, c, d, e, a, 3, 12, ANP_K_RIGHT0) \
    ANP_STEP(F4, a, b, c, d, e, 12, 6, ANP_K_RIGHT0) \
    /* right line, round 2 */ \
    ANP_STEP(F3, e, a, b, c, d, 6, 9, ANP_K_RIGHT1) \
    ANP_STEP(F3, d, e, a, b, c, 11, 13, ANP_K_RIGHT1) \
    ANP_STEP(F3, c, d, e, a, b, 3, 15, ANP_K_RIGHT1) \
    ANP_STEP(F3, b, c, d, e, a, 7, 7, ANP_K_RIGHT1) \
    ANP_STEP(F3, a, b, c, d, e, 0, 12, ANP_K_RIGHT1) \
    ANP_STEP(F3, e, a, b, c, d, 13, 8, ANP_K_RIGHT1) \
    ANP_STEP(F3, d, e, a, b, c, 5, 9, ANP_K_RIGHT1) \
    ANP_STEP(F3, c, d, e, a, b, 10, 11, ANP_K_RIGHT1) \
    ANP_STEP(F3, b, c, d, e, a, 14, 7, ANP_K_RIGHT1) \
    ANP_STEP(F3, a, b, c, d, e, 15, 7, ANP_K_RIGHT1) \
    ANP_STEP(F3, e, a, b, c, d, 8, 12, ANP_K_RIGHT1) \
    ANP_STEP(F3, d, e, a, b, c, 12, 7, ANP_K_RIGHT1) \
    ANP_STEP(F3, c, d, e, a, b, 4, 6, ANP_K_RIGHT1) \
    ANP_STEP(F3, b, c, d, e, a, 9, 15, ANP_K_RIGHT1) \
    ANP_STEP(F3, a, b, c, d, e, 1, 13, ANP_K_RIGHT1) \
    ANP_STEP(F3, e, a, b, c, d, 2, 11, ANP_K_RIGHT1) \
    /* right line, round 3 */ \
    ANP_STEP(F2, d, e, a, b, c, 15, 9, ANP_K_RIGHT2) \
    ANP_STEP(F2, c, d, e, a, b, 5, 7, ANP_K_RIGHT2) \
    ANP_STEP(F2, b, c, d, e, a, 1, 15, ANP_K_RIGHT2) \
    ANP_STEP(F2, a, b, c, d, e, 3, 11, ANP_K_RIGHT2) \
    ANP_STEP(F2, e, a, b, c, d, 7, 8, ANP_K_RIGHT2) \
    ANP_STEP(F2, d, e, a, b, c, 14, 6, ANP_K_RIGHT2) \
    ANP_STEP(F2, c, d, e, a, b, 6, 6, ANP_K_RIGHT2) \
    ANP_STEP(F2, b, c, d, e, a, 9, 14, ANP_K_RIGHT2) \
    ANP_STEP(F2, a, b, c, d, e, 11, 12, ANP_K_RIGHT2) \
    ANP_STEP(F2, e, a, b, c, d, 8, 13, ANP_K_RIGHT2) \
    ANP_STEP(F2, d, e, a, b, c, 12, 5, ANP_K_RIGHT2) \
    ANP_STEP(F2, c, d, e, a, b, 2, 14, ANP_K_RIGHT2) \
    ANP_STEP(F2, b, c, d, e, a, 10, 13, ANP_K_RIGHT2) \
    ANP_STEP(F2, a, b, c, d, e, 0, 13, ANP_K_RIGHT2) \
    ANP_STEP(F2, e, a, b, c, d, 4, 7, ANP_K_RIGHT2) \
    ANP_STEP(F2, d, e, a, b, c, 13, 5, ANP_K_RIGHT2) \
    /* right line, round 4 */ \
    ANP_STEP(F1, c, d, e, a, b, 8, 15, ANP_K_RIGHT3) \
    ANP_STEP(F1, b, c, d, e, a, 6, 5, ANP_K_RIGHT3) \
    ANP_STEP(F1, a, b, c, d, e, 4, 8, ANP_K_RIGHT3) \
    ANP_STEP(F1, e, a, b, c, d, 1, 11, ANP_K_RIGHT3) \
    ANP_STEP(F1, d, e, a, b, c, 3, 14, ANP_K_RIGHT3) \
    ANP_STEP(F1, c, d, e, a, b, 11, 14, ANP_K_RIGHT3) \
    ANP_STEP(F1, b, c, d, e, a, 15, 6, ANP_K_RIGHT3) \
    ANP_STEP(F1, a, b, c, d, e, 0, 14, ANP_K_RIGHT3) \
    ANP_STEP(F1, e, a, b, c, d, 5, 6, ANP_K_RIGHT3) \
    ANP_STEP(F1, d, e, a, b, c, 12, 9, ANP_K_RIGHT3) \
    ANP_STEP(F1, c, d, e, a, b, 2, 12, ANP_K_RIGHT3) \
    ANP_STEP(F1, b, c, d, e, a, 13, 9, ANP_K_RIGHT3) \
    ANP_STEP(F1, a, b, c, d, e, 9, 12, ANP_K_RIGHT3) \
    ANP_STEP(F1, e, a, b, c, d, 7, 5, ANP_K_RIGHT3) \
    ANP_STEP(F1, d, e, a, b, c, 10, 15, ANP_K_RIGHT3) \
    ANP_STEP(F1, c, d, e, a, b, 14, 8, ANP_K_RIGHT3) \
    /* right line, round 5 */ \
    ANP_STEP(F0, b, c, d, e, a, 12, 8, ANP_K_RIGHT4) \
    ANP_STEP(F0, a, b, c, d, e, 15, 5, ANP_K_RIGHT4) \
    ANP_STEP(F0, e, a, b, c, d, 10, 12, ANP_K_RIGHT4) \
    ANP_STEP(F0, d, e, a, b, c, 4, 9, ANP_K_RIGHT4) \
    ANP_STEP(F0, c, d, e, a, b, 1, 12, ANP_K_RIGHT4) \
    ANP_STEP(F0, b, c, d, e, a, 5, 5, ANP_K_RIGHT4) \
    ANP_STEP(F0, a, b, c, d, e, 8, 14, ANP_K_RIGHT4) \
    ANP_STEP(F0, e, a, b, c, d, 7, 6, ANP_K_RIGHT4) \
    ANP_STEP(F0, d, e, a, b, c, 6, 8, ANP_K_RIGHT4) \
    ANP_STEP(F0, c, d, e, a, b, 2, 13, ANP_K_RIGHT4) \
    ANP_STEP(F0, b, c, d, e, a, 13, 6, ANP_K_RIGHT4) \
    ANP_STEP(F0, a, b, c, d, e, 14, 5, ANP_K_RIGHT4) \
    ANP_STEP(F0, e, a, b, c, d, 0, 15, ANP_K_RIGHT4) \
    ANP_STEP(F0, d, e, a, b, c, 3, 13, ANP_K_RIGHT4) \
    ANP_STEP(F0, c, d, e, a, b, 9, 11, ANP_K_RIGHT4) \
    ANP_STEP(F0, b, c, d, e, a, 11, 11, ANP_K_RIGHT4) \
    d = h[1] + r + d; \
    h[1] = h[2] + s + e; \
    h[2] = h[3] + t + a; \
    h[3] = h[4] + p + b; \
    h[4] = h[0] + q + c; \
    h[0] = d;
/* clang-format on */

/* A function `hash_lanes` for vectors of `lanes` words (GCC's and clang's), of type `vector`, on
 * CPUs with `target_name`. */
#define ANP_RIPEMD160_LANES(vector, lanes, target_name)                                            \
    __attribute__((target(target_name))) static void hash_lanes(const uint32_t *words,             \
                                                                uint32_t *out)                     \
    {                                                                                              \
        static const uint32_t initial[5] = ANP_RIPEMD160_INITIAL;                                  \
        vector h[5], x[16];                                                                        \
        for (int i = 0; i < 5; i++) {                                                              \
            h[i] = (vector){0} + initial[i];                                                       \
        }                                                                                          \
        memcpy(x, words, sizeof x);                                                                \
        ANP_RIPEMD160_COMPRESS(h, x)                                                               \
        memcpy(out, h, sizeof h);                                                                  \
    }
