/* What the tests of table/ share: fields from specs like NumPy's ("i4", ">f8", "S16", "U3", "V4",
 * "M8[25ms]", "m8[s]", "2,3:f4", "O"), particles, hex, and copies that end at a page's end.
 * Expected slots are written as hex in memory order, so they are for little-endian hosts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "table/decode.h"
#include "table/encode.h"
#include "table/plan.h"

typedef struct bytes {
    uint8_t data[512];
    uint32_t size;
} bytes;

static inline int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bytes hex(const char *text)
{
    bytes out = {.size = 0};
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        assert_true(nibble(text[0]) >= 0 && nibble(text[1]) >= 0 && out.size < sizeof out.data);
        out.data[out.size++] = (uint8_t)(nibble(text[0]) << 4 | nibble(text[1]));
        text += 2;
    }
    return out;
}

static inline uint8_t unit_of(const char *name, size_t size)
{
    static const char *const names[] = {"Y",  "M",  "W",  "D",  "h",  "m", "s",
                                        "ms", "us", "ns", "ps", "fs", "as"};
    for (uint8_t i = 0; i < 13; i++) {
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0) {
            return i;
        }
    }
    return ANP_UNIT_GENERIC;
}

/* A field named `name` of a spec; prepared only with its plan. */
static inline anp_field make_field(const char *name, const char *spec)
{
    anp_field f = {.name = name, .name_size = (uint16_t)strlen(name), .unit_count = 1};
    const char *colon = strchr(spec, ':');
    if (colon != NULL) {
        while (spec < colon) {
            char *end;
            f.shape[f.ndim++] = (uint32_t)strtoul(spec, &end, 10);
            spec = end + (*end == ',');
        }
        spec = colon + 1;
    }
    if (*spec == '>') {
        f.swapped = true;
        spec++;
    }
    size_t n = strtoul(spec + 1, NULL, 10);
    f.itemsize = n;
    switch (*spec) {
    case 'i':
        f.kind = ANP_KIND_INT;
        f.width = (uint8_t)n;
        break;
    case 'u':
        f.kind = ANP_KIND_UINT;
        f.width = (uint8_t)n;
        break;
    case 'b':
        f.kind = ANP_KIND_BOOL;
        f.width = (uint8_t)n;
        break;
    case 'f':
        f.kind = ANP_KIND_FLOAT;
        f.width = (uint8_t)n;
        break;
    case 'S':
        f.kind = ANP_KIND_BYTES;
        break;
    case 'U':
        f.kind = ANP_KIND_TEXT;
        f.itemsize = 4 * n;
        break;
    case 'V':
        f.kind = ANP_KIND_RAW;
        break;
    case 'O':
        f.kind = ANP_KIND_DEFERRED;
        f.itemsize = 8;
        break;
    default: {
        f.kind = *spec == 'M' ? ANP_KIND_TIME : ANP_KIND_SPAN;
        f.width = 8;
        f.unit = ANP_UNIT_GENERIC;
        const char *open = strchr(spec, '[');
        if (open != NULL) {
            char *unit;
            unsigned long count = strtoul(open + 1, &unit, 10);
            f.unit_count = count != 0 ? (int32_t)count : 1;
            f.unit = unit_of(unit, strcspn(unit, "]"));
        }
        break;
    }
    }
    for (unsigned i = 0; i < f.ndim; i++) {
        f.itemsize *= f.shape[i];
    }
    return f;
}

static inline anp_field make_struct(const char *name, anp_field *fields, uint32_t n,
                                    size_t itemsize)
{
    return (anp_field){.name = name,
                       .name_size = (uint16_t)strlen(name),
                       .kind = ANP_KIND_STRUCT,
                       .itemsize = itemsize,
                       .fields = fields,
                       .n_fields = n,
                       .unit_count = 1};
}

static inline anp_field at_offset(anp_field f, size_t offset)
{
    f.offset = offset;
    return f;
}

/* A copy that is followed by a page that can't be read. */
typedef struct paged {
    uint8_t *block;
    size_t block_size;
    uint8_t *data;
} paged;

static inline paged paged_copy(const void *from, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (size + page - 1) / page * page;
    whole = whole != 0 ? whole : page;
    paged p = {.block_size = whole + page};
    p.block = mmap(NULL, p.block_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p.block != MAP_FAILED);
    assert_int_equal(mprotect(p.block + whole, page, PROT_NONE), 0);
    p.data = p.block + whole - size;
    if (size != 0) {
        memcpy(p.data, from, size);
    }
    return p;
}

static inline void paged_free(paged p)
{
    munmap(p.block, p.block_size);
}

/* For anp_alloc_hook: lets *context more allocations through. */
static inline int allow_some(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}
