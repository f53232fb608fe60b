/* Sub-arrays of numbers, from a blob of little-endian numbers or from a list as deeply nested as
 * the field has dimensions. Thread-safe: no state. */
#include "table/cell.h"
#include "wire/msgpack.h"

enum { DOUBLE = 0xcb, DOUBLE_SIZE = 9 }; /* in MessagePack */

static anp_reason from_blob(const anp_field *f, uint8_t *slot, anp_slice bytes)
{
    if (bytes.size != f->itemsize) {
        return ANP_REASON_LENGTH;
    }
    if (f->kind == ANP_KIND_BOOL) {
        for (size_t i = 0; i < bytes.size; i++) {
            if (bytes.data[i] > 1) {
                return ANP_REASON_RANGE;
            }
        }
    }
    if (bytes.size == 0) {
        return ANP_REASON_NONE;
    }
    const uint8_t *from = bytes.data;
    bool reverse = f->swapped != (ANP_BIG_ENDIAN_HOST != 0);
    if (!reverse || f->width == 1) {
        memcpy(slot, from, bytes.size);
    } else if (f->width == 2) {
        for (size_t i = 0; i < bytes.size; i += 2) {
            anp_store16(slot + i, anp_swap16(anp_load16(from + i)));
        }
    } else if (f->width == 4) {
        for (size_t i = 0; i < bytes.size; i += 4) {
            anp_store32(slot + i, anp_swap32(anp_load32(from + i)));
        }
    } else {
        for (size_t i = 0; i < bytes.size; i += 8) {
            anp_store64(slot + i, anp_swap64(anp_load64(from + i)));
        }
    }
    return ANP_REASON_NONE;
}

/* Doubles at the front of a list, into a field of them; how many. What comes then is for others. */
static uint32_t take_doubles(anp_cursor *c, uint8_t *slot, uint32_t most)
{
    const uint8_t *p;
    uint32_t n = 0;
    while (n < most && anp_cursor_left(c) >= DOUBLE_SIZE && *c->at == DOUBLE &&
           (p = anp_cursor_take(c, DOUBLE_SIZE)) != NULL) {
        anp_store64(slot + 8 * (size_t)n, anp_load_be64(p + 1));
        n++;
    }
    return n;
}

/* One dimension; calls itself for the next, at most ANP_PLAN_NDIM deep. */
static anp_reason from_list(const anp_field *f, unsigned dimension, anp_cursor *c, uint8_t **slot,
                            int mode)
{
    anp_msgpack_item list;
    uint8_t order;
    if (!anp_msgpack_read(c, &list)) {
        return ANP_REASON_MALFORMED;
    }
    if (list.kind != ANP_MSGPACK_LIST) {
        return ANP_REASON_SHAPE;
    }
    if (!anp_msgpack_take_order_mark(c, &list, &order)) {
        return ANP_REASON_MALFORMED;
    }
    if (list.count != f->shape[dimension]) {
        return ANP_REASON_SHAPE;
    }
    bool last = dimension + 1u == f->ndim;
    anp_reason reason = ANP_REASON_NONE;
    uint32_t first = 0;
    if (last && f->kind == ANP_KIND_FLOAT && f->width == 8 && !f->swapped) {
        first = take_doubles(c, *slot, list.count);
        *slot += 8 * (size_t)first;
    }
    for (uint32_t i = first; i < list.count && reason == ANP_REASON_NONE; i++) {
        if (!last) {
            reason = from_list(f, dimension + 1, c, slot, mode);
            continue;
        }
        anp_value v;
        if (!anp_value_read(c, &v)) {
            return ANP_REASON_MALFORMED;
        }
        if (v.type == ANP_PARTICLE_LIST) {
            return ANP_REASON_SHAPE;
        }
        reason = anp_cell_number(f, *slot, &v, mode);
        *slot += f->width;
    }
    return reason;
}

anp_reason anp_cell_array(const anp_field *f, uint8_t *slot, const anp_value *v, int mode)
{
    if (anp_particle_is_blob(v->type)) {
        return from_blob(f, slot, v->bytes);
    }
    if (v->type != ANP_PARTICLE_LIST) {
        return ANP_REASON_KIND;
    }
    anp_cursor c = anp_cursor_over(v->bytes.data, v->bytes.size);
    anp_reason reason = from_list(f, 0, &c, &slot, mode);
    if (reason == ANP_REASON_NONE && c.at != c.end) {
        return ANP_REASON_MALFORMED;
    }
    return reason;
}
