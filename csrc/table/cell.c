/* One value into one slot: turns particles and elements into values and sends them to their family.
 * Thread-safe: no state. */
#include "table/cell.h"

#include "wire/msgpack.h"

bool anp_value_of_particle(const anp_particle *p, anp_value *out)
{
    *out = (anp_value){.type = p->type, .bytes = {p->data, p->size}};
    switch (p->type) {
    case ANP_PARTICLE_INTEGER:
        return anp_particle_integer(p, &out->integer);
    case ANP_PARTICLE_FLOAT:
        return anp_particle_float(p, &out->real);
    case ANP_PARTICLE_BOOL:
        return anp_particle_bool(p, &out->boolean);
    case ANP_PARTICLE_GEOJSON:
        return anp_particle_geojson(p, &out->bytes);
    default:
        return true;
    }
}

/* A string's leading type byte says what it is. */
static bool read_typed(const anp_slice *bytes, anp_value *out)
{
    anp_cursor c = anp_cursor_over(bytes->data, bytes->size);
    uint8_t type;
    if (!anp_cursor_u8(&c, &type)) {
        return false;
    }
    out->type = anp_particle_is_text(type) ? type : ANP_VALUE_ODD;
    out->bytes = (anp_slice){c.at, anp_cursor_left(&c)};
    return true;
}

bool anp_value_read(anp_cursor *c, anp_value *out)
{
    anp_cursor start = *c;
    anp_msgpack_item item;
    if (!anp_msgpack_read(c, &item)) {
        return false;
    }
    *out = (anp_value){.type = ANP_VALUE_ODD};
    switch (item.kind) {
    case ANP_MSGPACK_NIL:
        out->type = ANP_PARTICLE_NULL;
        return true;
    case ANP_MSGPACK_BOOL:
        out->type = ANP_PARTICLE_BOOL;
        out->boolean = item.boolean;
        return true;
    case ANP_MSGPACK_INT:
        out->type = ANP_PARTICLE_INTEGER;
        out->integer = item.integer;
        return true;
    case ANP_MSGPACK_UINT:
        out->type = ANP_PARTICLE_INTEGER;
        out->integer = (int64_t)item.uinteger;
        out->above = item.uinteger > INT64_MAX;
        return true;
    case ANP_MSGPACK_FLOAT:
    case ANP_MSGPACK_DOUBLE:
        out->type = ANP_PARTICLE_FLOAT;
        out->real = item.real;
        return true;
    case ANP_MSGPACK_STRING:
        return read_typed(&item.bytes, out);
    case ANP_MSGPACK_BIN:
        out->type = ANP_PARTICLE_BLOB;
        out->bytes = item.bytes;
        return true;
    case ANP_MSGPACK_LIST:
    case ANP_MSGPACK_MAP:
        *c = start;
        if (!anp_msgpack_skip(c)) {
            return false;
        }
        out->type = item.kind == ANP_MSGPACK_LIST ? ANP_PARTICLE_LIST : ANP_PARTICLE_MAP;
        out->bytes = (anp_slice){start.at, (size_t)(c->at - start.at)};
        return true;
    case ANP_MSGPACK_EXT:
        return true;
    }
    return false;
}

anp_reason anp_cell_value(const anp_field *f, uint8_t *slot, const anp_value *v, int mode,
                          anp_cell_sink *sink)
{
    if (f->ndim != 0) {
        return anp_cell_array(f, slot, v, mode);
    }
    switch (f->kind) {
    case ANP_KIND_INT:
    case ANP_KIND_UINT:
    case ANP_KIND_BOOL:
    case ANP_KIND_FLOAT:
        return anp_cell_number(f, slot, v, mode);
    case ANP_KIND_BYTES:
        return anp_cell_bytes(f, slot, v, mode);
    case ANP_KIND_CHARS:
        return anp_cell_chars(f, slot, v, mode);
    case ANP_KIND_TEXT:
        return anp_cell_text(f, slot, v, mode);
    case ANP_KIND_RAW:
        return anp_cell_raw(f, slot, v);
    case ANP_KIND_TIME:
    case ANP_KIND_SPAN:
        return anp_cell_time(f, slot, v, mode);
    case ANP_KIND_STRUCT:
        return anp_cell_struct(f, slot, v, mode, sink);
    case ANP_KIND_DEFERRED:
        return anp_cell_defer(f, slot, v, sink);
    }
    return ANP_REASON_KIND;
}

static anp_reason store_any(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    anp_value v;
    if (!anp_value_of_particle(p, &v)) {
        return ANP_REASON_MALFORMED;
    }
    return anp_cell_value(f, slot, &v, mode, NULL);
}

/* Copies 1 to 16 bytes, in two loads that may overlap: short strings are the most, and a call
 * costs more. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 8) {
        uint64_t first = anp_load64(from);
        uint64_t last = anp_load64(from + n - 8);
        anp_store64(to, first);
        anp_store64(to + n - 8, last);
    } else if (n >= 4) {
        uint32_t first = anp_load32(from);
        uint32_t last = anp_load32(from + n - 4);
        anp_store32(to, first);
        anp_store32(to + n - 4, last);
    } else {
        uint8_t middle = from[n / 2];
        uint8_t last = from[n - 1];
        to[0] = from[0];
        to[n / 2] = middle;
        to[n - 1] = last;
    }
}

static inline void zero_short(uint8_t *to, size_t n)
{
    if (n >= 8) {
        anp_store64(to, 0);
        anp_store64(to + n - 8, 0);
    } else if (n >= 4) {
        anp_store32(to, 0);
        anp_store32(to + n - 4, 0);
    } else if (n != 0) {
        to[0] = to[n / 2] = to[n - 1] = 0;
    }
}

static anp_reason store_bytes(const anp_field *f, uint8_t *slot, const anp_particle *p, int mode)
{
    bool plain = p->type == ANP_PARTICLE_STRING || p->type == ANP_PARTICLE_BLOB;
    if (plain && p->size != 0 && p->size <= f->itemsize) {
        if (f->itemsize <= 16) {
            copy_short(slot, p->data, p->size);
            zero_short(slot + p->size, f->itemsize - p->size);
        } else {
            memcpy(slot, p->data, p->size);
            memset(slot + p->size, 0, f->itemsize - p->size);
        }
        return ANP_REASON_NONE;
    }
    return store_any(f, slot, p, mode);
}

anp_reason (*anp_cell_pick(const anp_field *f))(const anp_field *, uint8_t *, const anp_particle *,
                                                int)
{
    if (f->ndim == 0) {
        switch (f->kind) {
        case ANP_KIND_INT:
        case ANP_KIND_UINT:
        case ANP_KIND_BOOL:
        case ANP_KIND_FLOAT:
            return anp_cell_pick_number(f);
        case ANP_KIND_BYTES:
            return store_bytes;
        default:
            break;
        }
    }
    return store_any;
}

anp_reason anp_cell_store(const anp_field *field, uint8_t *slot, const anp_particle *p,
                          anp_errors_mode mode)
{
    return field->store(field, slot, p, (int)mode);
}
