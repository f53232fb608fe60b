/* UTF-8 into U (zero-padded UCS-4 in the field's byte order). Thread-safe: no state. */
#include "table/cell.h"
#include "table/utf8.h"

anp_reason anp_cell_text(const anp_field *f, uint8_t *slot, const anp_value *v, int mode)
{
    if (v->type != ANP_PARTICLE_STRING && v->type != ANP_PARTICLE_GEOJSON) {
        return ANP_REASON_KIND;
    }
    anp_cursor c = anp_cursor_over(v->bytes.data, v->bytes.size);
    uint8_t *at = slot;
    uint8_t *end = slot + (f->itemsize & ~(size_t)3);
    bool swapped = f->swapped;
    while (c.at != c.end) {
        uint32_t code_point;
        if (!anp_utf8_take(&c, &code_point)) {
            return ANP_REASON_ENCODING;
        }
        if (at == end) {
            /* The rest is still looked at: text that is not UTF-8 is never forced. */
            if (!anp_utf8_valid(c.at, anp_cursor_left(&c))) {
                return ANP_REASON_ENCODING;
            }
            return mode == ANP_ERRORS_UNSAFE ? ANP_REASON_NONE : ANP_REASON_LENGTH;
        }
        anp_store32(at, swapped ? anp_swap32(code_point) : code_point);
        at += 4;
    }
    memset(at, 0, (size_t)(end - at));
    return ANP_REASON_NONE;
}
