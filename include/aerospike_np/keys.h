/* The keys of a batch, read where they lie in the caller's memory: in an array of their own, or in
 * a member of the rows' struct. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum anp_key_kind {
    ANP_KEY_INT,       /* a signed integer of `size` 1, 2, 4 or 8 bytes */
    ANP_KEY_UINT,      /* an unsigned one; above 2^63 - 1 it is no key (ANP_ERR_PARAM of its row) */
    ANP_KEY_STRING,    /* char[size]: up to the first zero, or all of it */
    ANP_KEY_BLOB,      /* `size` bytes, all of them. Another key than the string of these bytes */
    ANP_KEY_DIGEST,    /* 20 bytes: the digest itself, of a key that is not known */
    ANP_KEY_STRING_AT, /* an anp_bytes: a string that lies elsewhere */
    ANP_KEY_BLOB_AT,   /* an anp_bytes: a blob that lies elsewhere */
} anp_key_kind;

/* A run of bytes somewhere else; never owns. data may be NULL where size is 0. */
typedef struct anp_bytes {
    const void *data;
    size_t size;
} anp_bytes;

/* All are borrowed, and must stay as they are until the call returns. */
typedef struct anp_key_array {
    const char *namespace_name; /* at most 31 bytes */
    const char *set_name;       /* at most 63 bytes; NULL or "": none */
    anp_key_kind kind;
    size_t size; /* INT, UINT, STRING, BLOB: bytes of a key; of the other kinds not looked at */
    const void *base; /* the first key; no alignment is needed */
    ptrdiff_t stride; /* from a key to the next, in bytes; may be negative. 0: they lie close */
    uint64_t count;   /* how many; as many rows has the batch */
} anp_key_array;

#ifdef __cplusplus
}
#endif
