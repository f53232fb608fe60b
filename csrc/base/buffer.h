/* A growing run of bytes with a maximum that it is born with. All outgoing bytes, and all arenas,
 * are buffers. Appending fails, and changes nothing, when the maximum or the memory is reached; the
 * failure is remembered (`failed`), so that a run of appends needs one check at its end. Not
 * thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

typedef struct anp_buffer {
    uint8_t *data; /* owned; NULL while nothing was ever reserved */
    size_t size;
    size_t capacity;
    size_t max;
    anp_status failed; /* 0, ANP_ERR_MEMORY, or ANP_ERR_PARAM where the maximum was reached */
} anp_buffer;

/* An empty buffer that never grows beyond max bytes. Nothing is allocated yet. */
static inline void anp_buffer_init(anp_buffer *b, size_t max)
{
    *b = (anp_buffer){.max = max};
}

/* Frees the bytes; the buffer may be used again. */
void anp_buffer_deinit(anp_buffer *b);

/* Empties it and forgives a failure; keeps the memory. */
static inline void anp_buffer_clear(anp_buffer *b)
{
    b->size = 0;
    b->failed = ANP_OK;
}

/* Makes room for `more` bytes beyond size; false (and `failed` set) when that can't be. */
bool anp_buffer_grow(anp_buffer *b, size_t more);

static inline bool anp_buffer_reserve(anp_buffer *b, size_t more)
{
    return b->capacity - b->size >= more || anp_buffer_grow(b, more);
}

/* Adds n bytes and gives their place for the caller to fill; NULL on failure. Valid until the next
 * append. */
static inline uint8_t *anp_buffer_add(anp_buffer *b, size_t n)
{
    if (!anp_buffer_reserve(b, n)) {
        return NULL;
    }
    uint8_t *p = b->data + b->size;
    b->size += n;
    return p;
}

static inline void anp_buffer_put(anp_buffer *b, const void *bytes, size_t n)
{
    if (n != 0) {
        uint8_t *p = anp_buffer_add(b, n);
        if (p != NULL) {
            memcpy(p, bytes, n);
        }
    }
}

static inline void anp_buffer_u8(anp_buffer *b, uint8_t v)
{
    uint8_t *p = anp_buffer_add(b, 1);
    if (p != NULL) {
        *p = v;
    }
}

static inline void anp_buffer_be16(anp_buffer *b, uint16_t v)
{
    uint8_t *p = anp_buffer_add(b, 2);
    if (p != NULL) {
        anp_store_be16(p, v);
    }
}

static inline void anp_buffer_be32(anp_buffer *b, uint32_t v)
{
    uint8_t *p = anp_buffer_add(b, 4);
    if (p != NULL) {
        anp_store_be32(p, v);
    }
}

static inline void anp_buffer_be64(anp_buffer *b, uint64_t v)
{
    uint8_t *p = anp_buffer_add(b, 8);
    if (p != NULL) {
        anp_store_be64(p, v);
    }
}

/* Appends formatted text, without the terminating zero. */
void anp_buffer_print(anp_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The failure as an error: "<what> would be larger than <max> bytes" or out of memory. */
anp_status anp_buffer_error(const anp_buffer *b, const char *what, anp_error *err);
