/* Strings and blobs into S (zero-padded bytes), char[] (ended by a zero) and V (exactly so many).
 * Thread-safe: no state. */
#include "table/cell.h"
#include "table/utf8.h"

/* At most `room` bytes, the rest of the slot zeroed. */
static anp_reason store_padded(const anp_field *f, uint8_t *slot, const anp_value *v, size_t room,
                               int mode)
{
    bool text = v->type == ANP_PARTICLE_STRING || v->type == ANP_PARTICLE_GEOJSON;
    if (!text && !anp_particle_is_blob(v->type)) {
        return ANP_REASON_KIND;
    }
    size_t size = v->bytes.size;
    if (size > room) {
        if (mode != ANP_ERRORS_UNSAFE || !text) { /* half a blob is no blob */
            return ANP_REASON_LENGTH;
        }
        size = anp_utf8_cut(v->bytes.data, size, room);
    }
    if (size != 0) {
        memcpy(slot, v->bytes.data, size);
    }
    memset(slot + size, 0, f->itemsize - size);
    return ANP_REASON_NONE;
}

anp_reason anp_cell_bytes(const anp_field *f, uint8_t *slot, const anp_value *v, int mode)
{
    return store_padded(f, slot, v, f->itemsize, mode);
}

anp_reason anp_cell_chars(const anp_field *f, uint8_t *slot, const anp_value *v, int mode)
{
    anp_reason reason = store_padded(f, slot, v, f->itemsize - 1, mode);
    bool has_zero = reason == ANP_REASON_NONE && mode != ANP_ERRORS_UNSAFE && v->bytes.size != 0 &&
                    memchr(v->bytes.data, 0, v->bytes.size) != NULL;
    return has_zero ? ANP_REASON_INEXACT : reason; /* C would take what is before it for all */
}

anp_reason anp_cell_raw(const anp_field *f, uint8_t *slot, const anp_value *v)
{
    if (!anp_particle_is_blob(v->type)) {
        return ANP_REASON_KIND;
    }
    if (v->bytes.size != f->itemsize) {
        return ANP_REASON_LENGTH;
    }
    if (f->itemsize != 0) {
        memcpy(slot, v->bytes.data, f->itemsize);
    }
    return ANP_REASON_NONE;
}
