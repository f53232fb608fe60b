/* The rounds of RIPEMD-160 (Dobbertin, Bosselaers, Preneel, 1996) for any type of word: one
 * uint32_t, or a vector of them, one lane a message. A kind of CPU defines ANP_WORD and ANP_ROTATE,
 * and puts ANP_RIPEMD160_COMPRESS in a function. Private to csrc/wire. */
#pragma once

#include <stdint.h>

/* The state that each message starts from. */
#define ANP_RIPEMD160_INITIAL {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}

#define ANP_F0(x, y, z) ((x) ^ ((y) ^ (z)))
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

/* What an earlier step has made last, b, is taken last: each step waits for it. */
#define ANP_STEP(f, a, b, c, d, e, word, shift, k)                                                 \
    a = ANP_ROTATE(a + x[word] + ANP_K_##k + ANP_##f(b, c, d), shift) + e;                         \
    c = ANP_ROTATE(c, 10);

/* Takes the block x[16] into the state h[5]; both of ANP_WORD. The two lines know nothing of one
 * another: side by side, one works while the other waits. clang-format off: a table of steps. */
/* clang-format off */
#define ANP_RIPEMD160_COMPRESS(h, x) \
    ANP_WORD a = h[0], b = h[1], c = h[2], d = h[3], e = h[4]; \
    ANP_WORD p = a, q = b, r = c, s = d, t = e; \
    /* round 1 */ \
    ANP_STEP(F0, a, b, c, d, e, 0, 11, LEFT0) ANP_STEP(F4, p, q, r, s, t, 5, 8, RIGHT0) \
    ANP_STEP(F0, e, a, b, c, d, 1, 14, LEFT0) ANP_STEP(F4, t, p, q, r, s, 14, 9, RIGHT0) \
    ANP_STEP(F0, d, e, a, b, c, 2, 15, LEFT0) ANP_STEP(F4, s, t, p, q, r, 7, 9, RIGHT0) \
    ANP_STEP(F0, c, d, e, a, b, 3, 12, LEFT0) ANP_STEP(F4, r, s, t, p, q, 0, 11, RIGHT0) \
    ANP_STEP(F0, b, c, d, e, a, 4, 5, LEFT0) ANP_STEP(F4, q, r, s, t, p, 9, 13, RIGHT0) \
    ANP_STEP(F0, a, b, c, d, e, 5, 8, LEFT0) ANP_STEP(F4, p, q, r, s, t, 2, 15, RIGHT0) \
    ANP_STEP(F0, e, a, b, c, d, 6, 7, LEFT0) ANP_STEP(F4, t, p, q, r, s, 11, 15, RIGHT0) \
    ANP_STEP(F0, d, e, a, b, c, 7, 9, LEFT0) ANP_STEP(F4, s, t, p, q, r, 4, 5, RIGHT0) \
    ANP_STEP(F0, c, d, e, a, b, 8, 11, LEFT0) ANP_STEP(F4, r, s, t, p, q, 13, 7, RIGHT0) \
    ANP_STEP(F0, b, c, d, e, a, 9, 13, LEFT0) ANP_STEP(F4, q, r, s, t, p, 6, 7, RIGHT0) \
    ANP_STEP(F0, a, b, c, d, e, 10, 14, LEFT0) ANP_STEP(F4, p, q, r, s, t, 15, 8, RIGHT0) \
    ANP_STEP(F0, e, a, b, c, d, 11, 15, LEFT0) ANP_STEP(F4, t, p, q, r, s, 8, 11, RIGHT0) \
    ANP_STEP(F0, d, e, a, b, c, 12, 6, LEFT0) ANP_STEP(F4, s, t, p, q, r, 1, 14, RIGHT0) \
    ANP_STEP(F0, c, d, e, a, b, 13, 7, LEFT0) ANP_STEP(F4, r, s, t, p, q, 10, 14, RIGHT0) \
    ANP_STEP(F0, b, c, d, e, a, 14, 9, LEFT0) ANP_STEP(F4, q, r, s, t, p, 3, 12, RIGHT0) \
    ANP_STEP(F0, a, b, c, d, e, 15, 8, LEFT0) ANP_STEP(F4, p, q, r, s, t, 12, 6, RIGHT0) \
    /* round 2 */ \
    ANP_STEP(F1, e, a, b, c, d, 7, 7, LEFT1) ANP_STEP(F3, t, p, q, r, s, 6, 9, RIGHT1) \
    ANP_STEP(F1, d, e, a, b, c, 4, 6, LEFT1) ANP_STEP(F3, s, t, p, q, r, 11, 13, RIGHT1) \
    ANP_STEP(F1, c, d, e, a, b, 13, 8, LEFT1) ANP_STEP(F3, r, s, t, p, q, 3, 15, RIGHT1) \
    ANP_STEP(F1, b, c, d, e, a, 1, 13, LEFT1) ANP_STEP(F3, q, r, s, t, p, 7, 7, RIGHT1) \
    ANP_STEP(F1, a, b, c, d, e, 10, 11, LEFT1) ANP_STEP(F3, p, q, r, s, t, 0, 12, RIGHT1) \
    ANP_STEP(F1, e, a, b, c, d, 6, 9, LEFT1) ANP_STEP(F3, t, p, q, r, s, 13, 8, RIGHT1) \
    ANP_STEP(F1, d, e, a, b, c, 15, 7, LEFT1) ANP_STEP(F3, s, t, p, q, r, 5, 9, RIGHT1) \
    ANP_STEP(F1, c, d, e, a, b, 3, 15, LEFT1) ANP_STEP(F3, r, s, t, p, q, 10, 11, RIGHT1) \
    ANP_STEP(F1, b, c, d, e, a, 12, 7, LEFT1) ANP_STEP(F3, q, r, s, t, p, 14, 7, RIGHT1) \
    ANP_STEP(F1, a, b, c, d, e, 0, 12, LEFT1) ANP_STEP(F3, p, q, r, s, t, 15, 7, RIGHT1) \
    ANP_STEP(F1, e, a, b, c, d, 9, 15, LEFT1) ANP_STEP(F3, t, p, q, r, s, 8, 12, RIGHT1) \
    ANP_STEP(F1, d, e, a, b, c, 5, 9, LEFT1) ANP_STEP(F3, s, t, p, q, r, 12, 7, RIGHT1) \
    ANP_STEP(F1, c, d, e, a, b, 2, 11, LEFT1) ANP_STEP(F3, r, s, t, p, q, 4, 6, RIGHT1) \
    ANP_STEP(F1, b, c, d, e, a, 14, 7, LEFT1) ANP_STEP(F3, q, r, s, t, p, 9, 15, RIGHT1) \
    ANP_STEP(F1, a, b, c, d, e, 11, 13, LEFT1) ANP_STEP(F3, p, q, r, s, t, 1, 13, RIGHT1) \
    ANP_STEP(F1, e, a, b, c, d, 8, 12, LEFT1) ANP_STEP(F3, t, p, q, r, s, 2, 11, RIGHT1) \
    /* round 3 */ \
    ANP_STEP(F2, d, e, a, b, c, 3, 11, LEFT2) ANP_STEP(F2, s, t, p, q, r, 15, 9, RIGHT2) \
    ANP_STEP(F2, c, d, e, a, b, 10, 13, LEFT2) ANP_STEP(F2, r, s, t, p, q, 5, 7, RIGHT2) \
    ANP_STEP(F2, b, c, d, e, a, 14, 6, LEFT2) ANP_STEP(F2, q, r, s, t, p, 1, 15, RIGHT2) \
    ANP_STEP(F2, a, b, c, d, e, 4, 7, LEFT2) ANP_STEP(F2, p, q, r, s, t, 3, 11, RIGHT2) \
    ANP_STEP(F2, e, a, b, c, d, 9, 14, LEFT2) ANP_STEP(F2, t, p, q, r, s, 7, 8, RIGHT2) \
    ANP_STEP(F2, d, e, a, b, c, 15, 9, LEFT2) ANP_STEP(F2, s, t, p, q, r, 14, 6, RIGHT2) \
    ANP_STEP(F2, c, d, e, a, b, 8, 13, LEFT2) ANP_STEP(F2, r, s, t, p, q, 6, 6, RIGHT2) \
    ANP_STEP(F2, b, c, d, e, a, 1, 15, LEFT2) ANP_STEP(F2, q, r, s, t, p, 9, 14, RIGHT2) \
    ANP_STEP(F2, a, b, c, d, e, 2, 14, LEFT2) ANP_STEP(F2, p, q, r, s, t, 11, 12, RIGHT2) \
    ANP_STEP(F2, e, a, b, c, d, 7, 8, LEFT2) ANP_STEP(F2, t, p, q, r, s, 8, 13, RIGHT2) \
    ANP_STEP(F2, d, e, a, b, c, 0, 13, LEFT2) ANP_STEP(F2, s, t, p, q, r, 12, 5, RIGHT2) \
    ANP_STEP(F2, c, d, e, a, b, 6, 6, LEFT2) ANP_STEP(F2, r, s, t, p, q, 2, 14, RIGHT2) \
    ANP_STEP(F2, b, c, d, e, a, 13, 5, LEFT2) ANP_STEP(F2, q, r, s, t, p, 10, 13, RIGHT2) \
    ANP_STEP(F2, a, b, c, d, e, 11, 12, LEFT2) ANP_STEP(F2, p, q, r, s, t, 0, 13, RIGHT2) \
    ANP_STEP(F2, e, a, b, c, d, 5, 7, LEFT2) ANP_STEP(F2, t, p, q, r, s, 4, 7, RIGHT2) \
    ANP_STEP(F2, d, e, a, b, c, 12, 5, LEFT2) ANP_STEP(F2, s, t, p, q, r, 13, 5, RIGHT2) \
    /* round 4 */ \
    ANP_STEP(F3, c, d, e, a, b, 1, 11, LEFT3) ANP_STEP(F1, r, s, t, p, q, 8, 15, RIGHT3) \
    ANP_STEP(F3, b, c, d, e, a, 9, 12, LEFT3) ANP_STEP(F1, q, r, s, t, p, 6, 5, RIGHT3) \
    ANP_STEP(F3, a, b, c, d, e, 11, 14, LEFT3) ANP_STEP(F1, p, q, r, s, t, 4, 8, RIGHT3) \
    ANP_STEP(F3, e, a, b, c, d, 10, 15, LEFT3) ANP_STEP(F1, t, p, q, r, s, 1, 11, RIGHT3) \
    ANP_STEP(F3, d, e, a, b, c, 0, 14, LEFT3) ANP_STEP(F1, s, t, p, q, r, 3, 14, RIGHT3) \
    ANP_STEP(F3, c, d, e, a, b, 8, 15, LEFT3) ANP_STEP(F1, r, s, t, p, q, 11, 14, RIGHT3) \
    ANP_STEP(F3, b, c, d, e, a, 12, 9, LEFT3) ANP_STEP(F1, q, r, s, t, p, 15, 6, RIGHT3) \
    ANP_STEP(F3, a, b, c, d, e, 4, 8, LEFT3) ANP_STEP(F1, p, q, r, s, t, 0, 14, RIGHT3) \
    ANP_STEP(F3, e, a, b, c, d, 13, 9, LEFT3) ANP_STEP(F1, t, p, q, r, s, 5, 6, RIGHT3) \
    ANP_STEP(F3, d, e, a, b, c, 3, 14, LEFT3) ANP_STEP(F1, s, t, p, q, r, 12, 9, RIGHT3) \
    ANP_STEP(F3, c, d, e, a, b, 7, 5, LEFT3) ANP_STEP(F1, r, s, t, p, q, 2, 12, RIGHT3) \
    ANP_STEP(F3, b, c, d, e, a, 15, 6, LEFT3) ANP_STEP(F1, q, r, s, t, p, 13, 9, RIGHT3) \
    ANP_STEP(F3, a, b, c, d, e, 14, 8, LEFT3) ANP_STEP(F1, p, q, r, s, t, 9, 12, RIGHT3) \
    ANP_STEP(F3, e, a, b, c, d, 5, 6, LEFT3) ANP_STEP(F1, t, p, q, r, s, 7, 5, RIGHT3) \
    ANP_STEP(F3, d, e, a, b, c, 6, 5, LEFT3) ANP_STEP(F1, s, t, p, q, r, 10, 15, RIGHT3) \
    ANP_STEP(F3, c, d, e, a, b, 2, 12, LEFT3) ANP_STEP(F1, r, s, t, p, q, 14, 8, RIGHT3) \
    /* round 5 */ \
    ANP_STEP(F4, b, c, d, e, a, 4, 9, LEFT4) ANP_STEP(F0, q, r, s, t, p, 12, 8, RIGHT4) \
    ANP_STEP(F4, a, b, c, d, e, 0, 15, LEFT4) ANP_STEP(F0, p, q, r, s, t, 15, 5, RIGHT4) \
    ANP_STEP(F4, e, a, b, c, d, 5, 5, LEFT4) ANP_STEP(F0, t, p, q, r, s, 10, 12, RIGHT4) \
    ANP_STEP(F4, d, e, a, b, c, 9, 11, LEFT4) ANP_STEP(F0, s, t, p, q, r, 4, 9, RIGHT4) \
    ANP_STEP(F4, c, d, e, a, b, 7, 6, LEFT4) ANP_STEP(F0, r, s, t, p, q, 1, 12, RIGHT4) \
    ANP_STEP(F4, b, c, d, e, a, 12, 8, LEFT4) ANP_STEP(F0, q, r, s, t, p, 5, 5, RIGHT4) \
    ANP_STEP(F4, a, b, c, d, e, 2, 13, LEFT4) ANP_STEP(F0, p, q, r, s, t, 8, 14, RIGHT4) \
    ANP_STEP(F4, e, a, b, c, d, 10, 12, LEFT4) ANP_STEP(F0, t, p, q, r, s, 7, 6, RIGHT4) \
    ANP_STEP(F4, d, e, a, b, c, 14, 5, LEFT4) ANP_STEP(F0, s, t, p, q, r, 6, 8, RIGHT4) \
    ANP_STEP(F4, c, d, e, a, b, 1, 12, LEFT4) ANP_STEP(F0, r, s, t, p, q, 2, 13, RIGHT4) \
    ANP_STEP(F4, b, c, d, e, a, 3, 13, LEFT4) ANP_STEP(F0, q, r, s, t, p, 13, 6, RIGHT4) \
    ANP_STEP(F4, a, b, c, d, e, 8, 14, LEFT4) ANP_STEP(F0, p, q, r, s, t, 14, 5, RIGHT4) \
    ANP_STEP(F4, e, a, b, c, d, 11, 11, LEFT4) ANP_STEP(F0, t, p, q, r, s, 0, 15, RIGHT4) \
    ANP_STEP(F4, d, e, a, b, c, 6, 8, LEFT4) ANP_STEP(F0, s, t, p, q, r, 3, 13, RIGHT4) \
    ANP_STEP(F4, c, d, e, a, b, 15, 5, LEFT4) ANP_STEP(F0, r, s, t, p, q, 9, 11, RIGHT4) \
    ANP_STEP(F4, b, c, d, e, a, 13, 6, LEFT4) ANP_STEP(F0, q, r, s, t, p, 11, 11, RIGHT4) \
    a = h[4] + a + q; \
    h[4] = h[0] + b + r; \
    h[0] = h[1] + c + s; \
    h[1] = h[2] + d + t; \
    h[2] = h[3] + e + p; \
    h[3] = a;
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
