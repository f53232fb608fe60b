/* Integers, doubles and booleans into INT, UINT, BOOL and FLOAT fields. The rules are in
 * anp_cell_number; the functions that anp_cell_pick_number gives out are short cuts for fields in
 * the host's byte order, and fall back to it. Thread-safe: no state.
 *
 * UNSAFE: integers wrap modulo 2^k (bool: not zero), doubles are truncated, and beyond the
 * field's range become its minimum (0 where unsigned; bool: not zero, NaN too, as in NumPy). */
#include "table/cell.h"
#include "table/half.h"

static void put(uint8_t *slot, unsigned width, bool swapped, uint64_t bits)
{
    switch (width) {
    case 1:
        *slot = (uint8_t)bits;
        break;
    case 2:
        anp_store16(slot, swapped ? anp_swap16((uint16_t)bits) : (uint16_t)bits);
        break;
    case 4:
        anp_store32(slot, swapped ? anp_swap32((uint32_t)bits) : (uint32_t)bits);
        break;
    default:
        anp_store64(slot, swapped ? anp_swap64(bits) : bits);
        break;
    }
}

/* Does v fit? `width` in bytes, 1 to 8. */
static inline bool int_fits(int64_t v, unsigned width)
{
    int64_t top = INT64_MAX >> (64 - 8 * width);
    return v <= top && v >= -top - 1;
}

static inline bool uint_fits(int64_t v, unsigned width)
{
    return v >= 0 && (width == 8 || (uint64_t)v <= (UINT64_C(1) << (8 * width % 64)) - 1);
}

static anp_reason put_integer(const anp_field *f, uint8_t *slot, int64_t v, bool above, int mode)
{
    bool fits;
    uint64_t bits = (uint64_t)v;
    switch (f->kind) {
    case ANP_KIND_INT:
        fits = !above && int_fits(v, f->width);
        break;
    case ANP_KIND_UINT:
        fits = above ? f->width == 8 : uint_fits(v, f->width);
        break;
    default:
        fits = !above && (v == 0 || v == 1);
        bits = v != 0;
        break;
    }
    if (!fits && mode != ANP_ERRORS_UNSAFE) {
        return ANP_REASON_RANGE;
    }
    put(slot, f->width, f->swapped, bits);
    return ANP_REASON_NONE;
}

static anp_reason put_float(const anp_field *f, uint8_t *slot, double v, int mode)
{
    uint64_t bits;
    bool overflow = false;
    bool finite = v - v == 0;
    if (f->width == 8) {
        memcpy(&bits, &v, sizeof v);
    } else if (f->width == 4) {
        float x = (float)v;
        uint32_t half;
        memcpy(&half, &x, sizeof x);
        bits = half;
        overflow = (half & 0x7fffffff) == 0x7f800000;
    } else {
        bits = anp_half_from_double(v);
        overflow = (bits & 0x7fff) == 0x7c00;
    }
    if (overflow && finite && mode != ANP_ERRORS_UNSAFE) {
        return ANP_REASON_RANGE;
    }
    put(slot, f->width, f->swapped, bits);
    return ANP_REASON_NONE;
}

static anp_reason integer_to_float(const anp_field *f, uint8_t *slot, int64_t v, bool above,
                                   int mode)
{
    uint64_t size = v < 0 && !above ? 0 - (uint64_t)v : (uint64_t)v;
    uint64_t exact = UINT64_C(1) << (f->width == 8 ? 53 : f->width == 4 ? 24 : 11);
    if (size > exact && mode != ANP_ERRORS_UNSAFE) {
        return ANP_REASON_INEXACT;
    }
    if (f->width == 4) { /* straight to float, so that it is rounded once */
        float x = above ? (float)(uint64_t)v : (float)v;
        uint32_t bits;
        memcpy(&bits, &x, sizeof x);
        put(slot, 4, f->swapped, bits);
        return ANP_REASON_NONE;
    }
    return put_float(f, slot, above ? (double)(uint64_t)v : (double)v, mode);
}

static anp_reason real_to_integer(const anp_field *f, uint8_t *slot, double v, int mode)
{
    bool unsafe = mode == ANP_ERRORS_UNSAFE;
    bool finite = v - v == 0;
    if (f->kind == ANP_KIND_BOOL && unsafe) {
        *slot = v != 0; /* NaN too */
        return ANP_REASON_NONE;
    }
    double whole = v; /* from 2^53 on there is nothing behind the point */
    if (v > -9007199254740992.0 && v < 9007199254740992.0) {
        whole = (double)(int64_t)v;
    }
    if (!unsafe && finite && whole != v) {
        return ANP_REASON_INEXACT;
    }
    double low = 0;
    double beyond = 2; /* the first number that is too large: a power of two, so exact */
    if (f->kind == ANP_KIND_INT) {
        beyond = (double)(UINT64_C(1) << (8 * f->width - 1));
        low = -beyond;
    } else if (f->kind == ANP_KIND_UINT) {
        beyond = 2 * (double)(UINT64_C(1) << (8 * f->width - 1));
    }
    if (!(whole >= low && whole < beyond)) {
        if (!unsafe) {
            return ANP_REASON_RANGE;
        }
        whole = low;
    }
    uint64_t bits = f->kind == ANP_KIND_INT ? (uint64_t)(int64_t)whole : (uint64_t)whole;
    put(slot, f->width, f->swapped, bits);
    return ANP_REASON_NONE;
}

anp_reason anp_cell_number(const anp_field *f, uint8_t *slot, const anp_value *v, int mode)
{
    bool to_float = f->kind == ANP_KIND_FLOAT;
    switch (v->type) {
    case ANP_PARTICLE_INTEGER:
        return to_float ? integer_to_float(f, slot, v->integer, v->above, mode)
                        : put_integer(f, slot, v->integer, v->above, mode);
    case ANP_PARTICLE_FLOAT:
        return to_float ? put_float(f, slot, v->real, mode)
                        : real_to_integer(f, slot, v->real, mode);
    case ANP_PARTICLE_BOOL:
        return to_float ? put_float(f, slot, v->boolean ? 1.0 : 0.0, mode)
                        : put_integer(f, slot, v->boolean, false, mode);
    default:
        return ANP_REASON_KIND;
    }
}

static anp_reason store_number(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    anp_value v;
    if (!anp_value_of_particle(p, &v)) {
        return ANP_REASON_MALFORMED;
    }
    return anp_cell_number(f, slot, &v, mode);
}

/* The sizes are looked at here, so that the bytes can be loaded without a call. */
static inline bool is_integer(const anp_particle *p)
{
    return p->type == ANP_PARTICLE_INTEGER && p->size == 8;
}

static inline anp_reason store_whole(const anp_field *f, uint8_t *slot, const anp_particle *p,
                                     int mode, bool is_signed, unsigned width)
{
    if (is_integer(p)) {
        int64_t v = (int64_t)anp_load_be64(p->data);
        if (is_signed ? int_fits(v, width) : uint_fits(v, width)) {
            put(slot, width, false, (uint64_t)v);
            return ANP_REASON_NONE;
        }
    }
    return store_number(f, slot, p, mode);
}

static anp_reason store_i1(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, true, 1);
}

static anp_reason store_i2(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, true, 2);
}

static anp_reason store_i4(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, true, 4);
}

static anp_reason store_i8(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, true, 8);
}

static anp_reason store_u1(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, false, 1);
}

static anp_reason store_u2(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, false, 2);
}

static anp_reason store_u4(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, false, 4);
}

static anp_reason store_u8(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    return store_whole(f, slot, p, mode, false, 8);
}

static anp_reason store_f8(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    if (p->type == ANP_PARTICLE_FLOAT && p->size == 8) {
        anp_store64(slot, anp_load_be64(p->data)); /* as bits: a NaN keeps its payload */
        return ANP_REASON_NONE;
    }
    return store_number(f, slot, p, mode);
}

static anp_reason store_f4(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    if (p->type == ANP_PARTICLE_FLOAT && p->size == 8) {
        uint64_t bits = anp_load_be64(p->data);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (v > -1e38 && v < 1e38) {
            float x = (float)v;
            memcpy(slot, &x, sizeof x);
            return ANP_REASON_NONE;
        }
    }
    return store_number(f, slot, p, mode);
}

anp_reason (*anp_cell_pick_number(const anp_field *f))(const anp_field *, uint8_t *,
                                                       const anp_particle *, int)
{
    if (f->swapped && f->width > 1) {
        return store_number;
    }
    switch (f->kind) {
    case ANP_KIND_INT:
        return f->width == 1   ? store_i1
               : f->width == 2 ? store_i2
               : f->width == 4 ? store_i4
                               : store_i8;
    case ANP_KIND_UINT:
        return f->width == 1   ? store_u1
               : f->width == 2 ? store_u2
               : f->width == 4 ? store_u4
                               : store_u8;
    case ANP_KIND_FLOAT:
        return f->width == 8 ? store_f8 : f->width == 4 ? store_f4 : store_number;
    default:
        return store_number;
    }
}
