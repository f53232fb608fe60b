/* RIPEMD-160 in portable C: one message at a time. */
#include "base/bytes.h"
#include "wire/ripemd160.h"
#include "wire/ripemd160_rounds.h"

#define ANP_WORD uint32_t

static inline uint32_t rotate(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}
#define ANP_ROTATE(v, n) rotate(v, n)

static void compress(uint32_t h[5], const uint32_t x[16])
{
    ANP_RIPEMD160_COMPRESS(h, x)
}

void anp_ripemd160_block(uint32_t state[5], const uint8_t block[64])
{
    uint32_t x[16];
    for (int i = 0; i < 16; i++) {
        x[i] = anp_load_le32(block + 4 * i);
    }
    compress(state, x);
}

static void hash_one(const uint32_t *words, uint32_t *out)
{
    uint32_t h[5] = ANP_RIPEMD160_INITIAL;
    compress(h, words);
    for (int i = 0; i < 5; i++) {
        out[i] = h[i];
    }
}

const anp_ripemd160_kind *anp_ripemd160_portable(void)
{
    static const anp_ripemd160_kind kind = {"portable", 1, hash_one};
    return &kind;
}
