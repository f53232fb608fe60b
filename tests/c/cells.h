/* For tests of table/cell_*: a value stored into a field of its own, and what the field holds then.
 */
#pragma once

#include "table_fields.h"

#include "table/cell.h"

#define R ANP_ERRORS_RAISE
#define K ANP_ERRORS_MASK
#define W ANP_ERRORS_UNSAFE
#define OK ANP_REASON_NONE
#define KIND ANP_REASON_KIND
#define RANGE ANP_REASON_RANGE
#define INEXACT ANP_REASON_INEXACT
#define LENGTH ANP_REASON_LENGTH
#define ENCODING ANP_REASON_ENCODING
#define SHAPE ANP_REASON_SHAPE
#define MALFORMED ANP_REASON_MALFORMED

static uint8_t slot[512]; /* what the last store left */
static anp_field *current;

/* Stores into a field at every misalignment of two, with guard bytes on both sides. */
static inline anp_reason store_in(anp_field field, uint8_t type, const void *data, uint32_t size,
                                  anp_errors_mode mode)
{
    static anp_field held;
    held = field;
    current = &held;
    anp_plan plan = {.fields = &held, .n_fields = 1};
    anp_error err;
    assert_int_equal(anp_plan_prepare(&plan, &err), ANP_OK);
    paged p = paged_copy(data, size);
    anp_particle particle = {type, p.data, size};
    anp_reason reason = OK;
    for (size_t shift = 1; shift < 3; shift++) {
        uint8_t memory[sizeof slot + 8];
        memset(memory, 0xaa, sizeof memory);
        reason = anp_cell_store(&held, memory + shift, &particle, mode);
        for (size_t i = 0; i < shift; i++) {
            assert_int_equal(memory[i], 0xaa);
        }
        for (size_t i = shift + held.itemsize; i < sizeof memory; i++) {
            assert_int_equal(memory[i], 0xaa);
        }
        memcpy(slot, memory + shift, held.itemsize);
    }
    paged_free(p);
    anp_plan_deinit(&plan);
    return reason;
}

static inline anp_reason store(const char *spec, uint8_t type, const void *data, uint32_t size,
                               anp_errors_mode mode)
{
    return store_in(make_field("f", spec), type, data, size, mode);
}

static inline anp_reason store_i(const char *spec, int64_t v, anp_errors_mode mode)
{
    uint8_t b[8];
    anp_store_be64(b, (uint64_t)v);
    return store(spec, ANP_PARTICLE_INTEGER, b, 8, mode);
}

static inline void holds(const char *spec, const char *what)
{
    bytes want = hex(what);
    anp_field f = make_field("f", spec);
    assert_int_equal(want.size, f.itemsize);
    assert_memory_equal(slot, want.data, want.size);
}

/* The number in the slot, whatever its width and order. */
static inline int64_t integer_held(const char *spec)
{
    bool swapped = *spec == '>';
    spec += swapped;
    unsigned width = *spec == 'M' || *spec == 'm' ? 8 : (unsigned)(spec[1] - '0');
    uint64_t bits = 0;
    for (unsigned i = 0; i < width; i++) {
        bits |= (uint64_t)slot[swapped ? width - 1 - i : i] << 8 * i;
    }
    if (*spec != 'u' && width < 8 && (bits >> (8 * width - 1) & 1) != 0) {
        bits |= UINT64_MAX << 8 * width;
    }
    return (int64_t)bits;
}
