/* The one way to read received bytes: a position and an end. Every read says whether there was
 * enough, and moves only then. A cursor borrows its bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

typedef struct anp_cursor {
    const uint8_t *at;
    const uint8_t *end;
} anp_cursor;

/* A run of bytes somewhere else; never owns. */
typedef struct anp_slice {
    const uint8_t *data;
    size_t size;
} anp_slice;

static inline anp_cursor anp_cursor_over(const void *data, size_t size)
{
    const uint8_t *p = (const uint8_t *)data;
    return (anp_cursor){p, size != 0 ? p + size : p};
}

static inline size_t anp_cursor_left(const anp_cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* Takes n bytes; NULL when fewer are left. */
static inline const uint8_t *anp_cursor_take(anp_cursor *c, size_t n)
{
    if (anp_cursor_left(c) < n) {
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}

/* Takes n bytes as a cursor of their own. */
static inline bool anp_cursor_sub(anp_cursor *c, size_t n, anp_cursor *out)
{
    const uint8_t *p = anp_cursor_take(c, n);
    if (p == NULL) {
        return false;
    }
    *out = (anp_cursor){p, p + n};
    return true;
}

static inline bool anp_cursor_u8(anp_cursor *c, uint8_t *out)
{
    const uint8_t *p = anp_cursor_take(c, 1);
    if (p == NULL) {
        return false;
    }
    *out = *p;
    return true;
}

static inline bool anp_cursor_be16(anp_cursor *c, uint16_t *out)
{
    const uint8_t *p = anp_cursor_take(c, 2);
    if (p == NULL) {
        return false;
    }
    *out = anp_load_be16(p);
    return true;
}

static inline bool anp_cursor_be32(anp_cursor *c, uint32_t *out)
{
    const uint8_t *p = anp_cursor_take(c, 4);
    if (p == NULL) {
        return false;
    }
    *out = anp_load_be32(p);
    return true;
}

static inline bool anp_cursor_be64(anp_cursor *c, uint64_t *out)
{
    const uint8_t *p = anp_cursor_take(c, 8);
    if (p == NULL) {
        return false;
    }
    *out = anp_load_be64(p);
    return true;
}
