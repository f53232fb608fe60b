/* Bit operations on blobs: bit 0 is the highest of byte 0, and offsets below 0 count from the end.
 * bits_call.c reads the call and checks it, bits_move.c moves the bits. */
#pragma once

#include "data/call.h"

/* Carries out one operation on a bin (NULL: there is none), a modifying one or a reading one. A
 * result code; where it is 0, what came of it is in `out`, which was empty. */
uint8_t anp_bits_call(anp_slice call, bool is_modify, const anp_particle *bin, anp_outcome *out);

/* ---- runs of bits; they lie within their bytes ---- */

typedef struct anp_bit_run {
    uint8_t *data;
    uint64_t at, size; /* in bits */
} anp_bit_run;

typedef enum { ANP_BITS_SET, ANP_BITS_OR, ANP_BITS_XOR, ANP_BITS_AND, ANP_BITS_NOT } anp_bits_join;

/* Joins the run with as many bits from the start of `with` (unused for NOT). */
void anp_bits_merge(const anp_bit_run *run, const uint8_t *with, anp_bits_join how);
void anp_bits_shift_left(const anp_bit_run *run, uint64_t by); /* zeros come in */
void anp_bits_shift_right(const anp_bit_run *run, uint64_t by);

/* At most 64 bits as a number, and back. */
uint64_t anp_bits_load(const anp_bit_run *run);
void anp_bits_store(const anp_bit_run *run, uint64_t v);

void anp_bits_copy(const anp_bit_run *run, uint8_t *out); /* left aligned, zeros behind */
uint64_t anp_bits_count(const anp_bit_run *run);

/* The first (or last) bit of that kind, counted from the run's start; -1: none. */
int64_t anp_bits_find_first(const anp_bit_run *run, bool bit);
int64_t anp_bits_find_last(const anp_bit_run *run, bool bit);
