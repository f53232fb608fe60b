/* Nested structs, from a map with string keys (each child by its own rules; keys that are no
 * field are passed over; a child that is absent or nil gets its own fill) or from a blob that is
 * the image of the struct in memory. Thread-safe as its sink is. */
#include "table/cell.h"
#include "table/utf8.h"
#include "wire/msgpack.h"

static void fill_children(const anp_field *f, uint8_t *slot)
{
    memset(slot, 0, f->itemsize); /* gaps too */
    for (uint32_t i = 0; i < f->n_fields; i++) {
        const anp_field *child = &f->fields[i];
        if (child->kind == ANP_KIND_STRUCT && child->fill == NULL) {
            fill_children(child, slot + child->offset);
        } else {
            anp_cell_fill(child, slot + child->offset);
        }
    }
}

static anp_reason from_map(const anp_field *f, uint8_t *slot, anp_slice bytes, int mode,
                           anp_cell_sink *sink)
{
    anp_cursor c = anp_cursor_over(bytes.data, bytes.size);
    anp_msgpack_item map;
    uint8_t order;
    if (!anp_msgpack_read(&c, &map)) {
        return ANP_REASON_MALFORMED;
    }
    if (map.kind != ANP_MSGPACK_MAP) {
        return ANP_REASON_KIND;
    }
    if (!anp_msgpack_take_order_mark(&c, &map, &order)) {
        return ANP_REASON_MALFORMED;
    }
    fill_children(f, slot);
    uint32_t guess = 0;
    for (uint32_t i = 0; i < map.count; i++) {
        anp_value key;
        if (!anp_value_read(&c, &key)) {
            return ANP_REASON_MALFORMED;
        }
        int32_t at = key.type == ANP_PARTICLE_STRING ? anp_field_find(f, key.bytes, guess) : -1;
        if (at < 0) {
            if (!anp_msgpack_skip(&c)) {
                return ANP_REASON_MALFORMED;
            }
            continue;
        }
        anp_value v;
        if (!anp_value_read(&c, &v)) {
            return ANP_REASON_MALFORMED;
        }
        const anp_field *child = &f->fields[at];
        guess = (uint32_t)at + 1;
        if (v.type == ANP_PARTICLE_NULL) {
            continue;
        }
        anp_reason reason = anp_cell_value(child, slot + child->offset, &v, mode, sink);
        if (reason != ANP_REASON_NONE) {
            return reason;
        }
    }
    return c.at == c.end ? ANP_REASON_NONE : ANP_REASON_MALFORMED;
}

/* Bytes that are a struct's image must not hold what NumPy never writes. */
static anp_reason check_image(const anp_field *f, const uint8_t *image)
{
    if (f->kind == ANP_KIND_BOOL) {
        for (size_t i = 0; i < f->itemsize; i++) {
            if (image[i] > 1) {
                return ANP_REASON_RANGE;
            }
        }
    } else if (f->kind == ANP_KIND_TEXT) {
        for (size_t i = 0; i + 4 <= f->itemsize; i += 4) {
            uint32_t v = anp_load32(image + i);
            uint8_t scratch[4];
            if (anp_utf8_put(scratch, f->swapped ? anp_swap32(v) : v) == 0) {
                return ANP_REASON_ENCODING;
            }
        }
    } else if (f->kind == ANP_KIND_STRUCT) {
        for (uint32_t i = 0; i < f->n_fields; i++) {
            anp_reason reason = check_image(&f->fields[i], image + f->fields[i].offset);
            if (reason != ANP_REASON_NONE) {
                return reason;
            }
        }
    }
    return ANP_REASON_NONE;
}

anp_reason anp_cell_struct(const anp_field *f, uint8_t *slot, const anp_value *v, int mode,
                           anp_cell_sink *sink)
{
    if (v->type == ANP_PARTICLE_MAP) {
        return from_map(f, slot, v->bytes, mode, sink);
    }
    if (!anp_particle_is_blob(v->type) || f->has_deferred) { /* bytes never become pointers */
        return ANP_REASON_KIND;
    }
    if (v->bytes.size != f->itemsize) {
        return ANP_REASON_LENGTH;
    }
    anp_reason reason = check_image(f, v->bytes.data);
    if (reason == ANP_REASON_NONE && f->itemsize != 0) {
        memcpy(slot, v->bytes.data, f->itemsize);
    }
    return reason;
}
