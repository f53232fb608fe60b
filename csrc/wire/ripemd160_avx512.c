/* RIPEMD-160 of 16 messages at a time, a lane each, in AVX-512 registers. Vectors are the
 * compiler's (GCC and clang alike). */
#include "wire/ripemd160.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <string.h>

#include "wire/ripemd160_rounds.h"

typedef uint32_t word __attribute__((vector_size(64)));

#define ANP_WORD word
#define ANP_ROTATE(v, n) ((v) << (n) | (v) >> (32 - (n)))

enum { LANES = 16 };

__attribute__((target("avx512f"))) static void hash_lanes(const uint32_t *words, uint32_t *out)
{
    static const uint32_t initial[5] = ANP_RIPEMD160_INITIAL;
    word h[5], x[16];
    for (int i = 0; i < 5; i++) {
        h[i] = (word){0} + initial[i];
    }
    memcpy(x, words, sizeof x);
    ANP_RIPEMD160_COMPRESS(h, x)
    memcpy(out, h, sizeof h);
}

const anp_ripemd160_kind *anp_ripemd160_avx512(void)
{
    static const anp_ripemd160_kind kind = {"avx512", LANES, hash_lanes};
    return __builtin_cpu_supports("avx512f") ? &kind : NULL;
}

#else

const anp_ripemd160_kind *anp_ripemd160_avx512(void)
{
    return NULL;
}

#endif
