/* What encode.c and pack.c share: reading a slot. Each value is loaded once. Private to table/. */
#pragma once

#include "table/encode.h"

/* The bits of a number in the host's order, widened with zeros. */
static inline uint64_t anp_slot_bits(const uint8_t *slot, unsigned width, bool swapped)
{
    switch (width) {
    case 1:
        return *slot;
    case 2: {
        uint16_t v = anp_load16(slot);
        return swapped ? anp_swap16(v) : v;
    }
    case 4: {
        uint32_t v = anp_load32(slot);
        return swapped ? anp_swap32(v) : v;
    }
    default: {
        uint64_t v = anp_load64(slot);
        return swapped ? anp_swap64(v) : v;
    }
    }
}

/* The bits of an INT, sign-extended. */
static inline int64_t anp_slot_integer(const uint8_t *slot, unsigned width, bool swapped)
{
    unsigned shift = 64 - 8 * width;
    return (int64_t)(anp_slot_bits(slot, width, swapped) << shift) >> shift;
}

/* An f2, f4 or f8 as the bits of a double. */
uint64_t anp_slot_double(const uint8_t *slot, unsigned width, bool swapped);

/* U as UTF-8, S as UTF-8, trailing zeros trimmed, char[] up to its zero, into `out` (itemsize bytes
 * are enough for all); *size is how many. `out` NULL only looks. ENCODING; LENGTH: a char[] that no
 * zero ends. */
anp_reason anp_slot_text(const anp_field *f, const uint8_t *slot, uint8_t *out, size_t *size);

/* A sub-array as little-endian bytes, booleans as 0 and 1; itemsize bytes. */
void anp_slot_array(const anp_field *f, const uint8_t *slot, uint8_t *out);

/* A sub-array as a nested list. */
anp_reason anp_slot_list(const anp_field *f, const uint8_t *slot, anp_buffer *b);
