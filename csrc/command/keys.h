/* User keys of a batch, as they lie in the caller's memory: read in place, no object each. A run of
 * keys shares a namespace and a set. */
#pragma once

#include "base/buffer.h"
#include "wire/digest.h"

typedef enum {
    ANP_KEYS_INT,    /* integers of `width` bytes, signed or not */
    ANP_KEYS_BYTES,  /* S: width bytes, trailing zeros trimmed, hashed as a string */
    ANP_KEYS_TEXT,   /* U: width bytes of UCS-4, trailing zeros trimmed, hashed as UTF-8 */
    ANP_KEYS_BLOB,   /* V: width bytes, hashed as a blob */
    ANP_KEYS_DIGEST, /* 20 bytes each: no key, only its digest */
    ANP_KEYS_PACKED, /* types[i], bytes[offsets[i] .. offsets[i + 1]); integers are 8 bytes, host
                        order; type 0: a digest */
    ANP_KEYS_CHARS,  /* char[width], up to the first zero where there is one; hashed as a string */
    ANP_KEYS_SLICES, /* an anp_slice each, hashed as `particle` says: STRING or BLOB */
} anp_keys_kind;

typedef struct anp_key_run {
    anp_slice namespace_name, set; /* borrowed */
    uint64_t
        first; /* row where the run begins; runs are in order, the first at the slice's first row */
} anp_key_run;

typedef struct anp_keys {
    anp_keys_kind kind;
    uint64_t first, count; /* rows [first, first + count) are here */
    uint64_t total;        /* rows of the whole batch */
    const anp_key_run *runs;
    uint32_t n_runs;
    /* INT, BYTES, TEXT, BLOB, DIGEST, CHARS, SLICES: row r is at base + (r - first) * stride. */
    const uint8_t *base;
    ptrdiff_t stride;
    uint32_t width;
    bool is_signed, swapped;
    uint8_t particle; /* SLICES */
    /* PACKED; index r - first. */
    const uint8_t *types;
    const uint64_t *offsets;
    const uint8_t *bytes;
} anp_keys;

/* The run that a row of this slice belongs to, and the row after its last in this slice. */
const anp_key_run *anp_keys_run(const anp_keys *keys, uint64_t row, uint64_t *end);

/* Digests rows [row, row + count) into out[i * 20]; they share one run. `scratch` holds UTF-8 while
 * it is hashed. ANP_ERR_PARAM names the row: an unsigned key above 2^63 - 1, UCS-4 that is no text
 * (another thread changed it: the binding has checked), or a slice that can't be. */
anp_status anp_keys_digest(const anp_keys *keys, uint64_t row, uint32_t count, uint8_t *out,
                           anp_buffer *scratch, anp_error *err);

/* One key, for sending it along (field 2). type 0: only a digest is known. bytes may point into
 * scratch. */
anp_status anp_keys_get(const anp_keys *keys, uint64_t row, anp_key *out, anp_buffer *scratch,
                        anp_error *err);
