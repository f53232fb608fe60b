/* Bits of a blob, moved in pieces of at most eight. No state. */
#include "data/bits.h"

static uint8_t load(const uint8_t *p, uint64_t at, unsigned n)
{
    unsigned skip = (unsigned)(at % 8);
    unsigned word = (unsigned)p[at / 8] << 8;
    if (skip + n > 8) {
        word |= p[at / 8 + 1];
    }
    return (uint8_t)(word >> (16 - skip - n) & ((1u << n) - 1));
}

static void store(uint8_t *p, uint64_t at, unsigned n, unsigned v)
{
    unsigned skip = (unsigned)(at % 8), move = 16 - skip - n;
    unsigned mask = ((1u << n) - 1) << move;
    unsigned bits = v << move & mask;
    p += at / 8;
    p[0] = (uint8_t)((p[0] & ~(mask >> 8)) | bits >> 8);
    if (skip + n > 8) {
        p[1] = (uint8_t)((p[1] & ~mask) | (bits & 0xff));
    }
}

static unsigned piece(uint64_t left)
{
    return left < 8 ? (unsigned)left : 8;
}

void anp_bits_merge(const anp_bit_run *run, const uint8_t *with, anp_bits_join how)
{
    for (uint64_t i = 0; i < run->size; i += 8) {
        unsigned n = piece(run->size - i);
        unsigned old = load(run->data, run->at + i, n);
        unsigned more = how != ANP_BITS_NOT ? load(with, i, n) : 0;
        unsigned v = how == ANP_BITS_SET   ? more
                     : how == ANP_BITS_OR  ? old | more
                     : how == ANP_BITS_XOR ? old ^ more
                     : how == ANP_BITS_AND ? old & more
                                           : ~old;
        store(run->data, run->at + i, n, v);
    }
}

void anp_bits_shift_left(const anp_bit_run *run, uint64_t by)
{
    for (uint64_t i = 0; i < run->size; i += 8) {
        unsigned n = piece(run->size - i), v = 0;
        if (by < run->size - i) {
            unsigned m = piece(run->size - i - by);
            m = m < n ? m : n;
            v = (unsigned)load(run->data, run->at + i + by, m) << (n - m);
        }
        store(run->data, run->at + i, n, v);
    }
}

void anp_bits_shift_right(const anp_bit_run *run, uint64_t by)
{
    for (uint64_t end = run->size; end != 0;) {
        unsigned n = piece(end), v = 0;
        if (end > by) {
            unsigned m = piece(end - by);
            m = m < n ? m : n;
            v = load(run->data, run->at + end - by - m, m);
        }
        end -= n;
        store(run->data, run->at + end, n, v);
    }
}

uint64_t anp_bits_load(const anp_bit_run *run)
{
    uint64_t v = 0;
    for (uint64_t i = 0; i < run->size; i += 8) {
        unsigned n = piece(run->size - i);
        v = v << n | load(run->data, run->at + i, n);
    }
    return v;
}

void anp_bits_store(const anp_bit_run *run, uint64_t v)
{
    for (uint64_t end = run->size; end != 0;) {
        unsigned n = piece(end);
        end -= n;
        store(run->data, run->at + end, n, (unsigned)(v & 0xff));
        v >>= n;
    }
}

void anp_bits_copy(const anp_bit_run *run, uint8_t *out)
{
    for (uint64_t i = 0; i < run->size; i += 8) {
        unsigned n = piece(run->size - i);
        out[i / 8] = (uint8_t)(load(run->data, run->at + i, n) << (8 - n));
    }
}

uint64_t anp_bits_count(const anp_bit_run *run)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < run->size; i += 8) {
        count += (unsigned)__builtin_popcount(load(run->data, run->at + i, piece(run->size - i)));
    }
    return count;
}

int64_t anp_bits_find_first(const anp_bit_run *run, bool bit)
{
    for (uint64_t i = 0; i < run->size; i += 8) {
        unsigned n = piece(run->size - i);
        unsigned v = load(run->data, run->at + i, n) ^ (bit ? 0 : (1u << n) - 1);
        if (v != 0) {
            return (int64_t)i + (int64_t)n - 32 + __builtin_clz(v);
        }
    }
    return -1;
}

int64_t anp_bits_find_last(const anp_bit_run *run, bool bit)
{
    for (uint64_t end = run->size; end != 0;) {
        unsigned n = piece(end);
        unsigned v = load(run->data, run->at + end - n, n) ^ (bit ? 0 : (1u << n) - 1);
        if (v != 0) {
            return (int64_t)end - 1 - __builtin_ctz(v);
        }
        end -= n;
    }
    return -1;
}
