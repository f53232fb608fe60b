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

ANP_RIPEMD160_LANES(word, 16, "avx512f")

const anp_ripemd160_kind *anp_ripemd160_avx512(void)
{
    static const anp_ripemd160_kind kind = {"avx512", 16, hash_lanes};
    return __builtin_cpu_supports("avx512f") ? &kind : NULL;
}

#else

const anp_ripemd160_kind *anp_ripemd160_avx512(void)
{
    return NULL;
}

#endif
