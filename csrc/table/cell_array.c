/* Sub-arrays of numbers, from a blob of little-endian numbers or from a list as deeply nested as
 * the field has dimensions. Thread-safe: no state. */
#include "table/cell.h"
#include "wire/msgpack.h"

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

/* Takes a list's head and its order mark; count is what is left. */
static anp_reason take_head(anp_cursor *c, uint32_t *count)
{
    anp_msgpack_item item;
    if (!anp_msgpack_read(c, &item)) {
        return ANP_REASON_MALFORMED;
    }
    if (item.kind != ANP_MSGPACK_LIST) {
        return ANP_REASON_SHAPE;
    }
    *count = item.count;
    if (item.count != 0) {
        anp_cursor first = *c;
        uint8_t flags;
        if (!anp_msgpack_read(&first, &item)) {
            return ANP_REASON_MALFORMED;
        }
        if (anp_msgpack_is_order_mark(&item, &flags)) {
            *c = first;
            --*count;
        }
    }
    return ANP_REASON_NONE;
}

/* One dimension; calls itself for the next, at most ANP_PLAN_NDIM deep. */
static anp_reason from_list(const anp_field *f, unsigned dimension, anp_cursor *c, uint8_t **slot,
                            int mode)
{
    uint32_t count;
    anp_reason reason = take_head(c, &count);
    if (reason != ANP_REASON_NONE) {
        return reason;
    }
    if (count != f->shape[dimension]) {
        return ANP_REASON_SHAPE;
    }
    bool last = dimension + 1u == f->ndim;
    for (uint32_t i = 0; i < count && reason == ANP_REASON_NONE; i++) {
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
    if (anp_value_is_blob(v->type)) {
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
