/* RIPEMD-160 of 8 messages at a time, a lane each, in AVX2 registers. Vectors are the compiler's
 * (GCC and clang alike). */
#include "wire/ripemd160.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <string.h>

#include "wire/ripemd160_rounds.h"

typedef uint32_t word __attribute__((vector_size(32)));

#define ANP_WORD word
#define ANP_ROTATE(v, n) ((v) << (n) | (v) >> (32 - (n)))

ANP_RIPEMD160_LANES(word, 8, "avx2")

const anp_ripemd160_kind *anp_ripemd160_avx2(void)
{
    static const anp_ripemd160_kind kind = {"avx2", 8, hash_lanes};
    return __builtin_cpu_supports("avx2") ? &kind : NULL;
}

#else

const anp_ripemd160_kind *anp_ripemd160_avx2(void)
{
    return NULL;
}

#endif
