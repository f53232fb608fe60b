/* Slots as MessagePack: nested structs and lists. Any number of threads, each with its own
 * buffer. */
#include "table/encode.h"

#include "table/half.h"
#include "table/pack.h"
#include "table/utf8.h"
#include "wire/msgpack.h"

uint64_t anp_slot_double(const uint8_t *slot, unsigned width, bool swapped)
{
    uint64_t bits = anp_slot_bits(slot, width, swapped);
    if (width == 8) {
        return bits;
    }
    double v;
    if (width == 4) {
        uint32_t narrow = (uint32_t)bits;
        float x;
        memcpy(&x, &narrow, sizeof x);
        v = (double)x;
    } else {
        v = anp_half_to_double((uint16_t)bits);
    }
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static anp_reason text_of_code_points(const anp_field *f, const uint8_t *slot, uint8_t *out,
                                      size_t *size)
{
    size_t at = 0;
    size_t end = 0; /* behind the last that is not zero */
    uint8_t scratch[4];
    for (size_t i = 0; i + 4 <= f->itemsize; i += 4) {
        uint32_t v = anp_load32(slot + i);
        if (f->swapped) {
            v = anp_swap32(v);
        }
        size_t n = anp_utf8_put(out != NULL ? out + at : scratch, v);
        if (n == 0) {
            return ANP_REASON_ENCODING;
        }
        at += n;
        if (v != 0) {
            end = at;
        }
    }
    *size = end;
    return ANP_REASON_NONE;
}

anp_reason anp_slot_text(const anp_field *f, const uint8_t *slot, uint8_t *out, size_t *size)
{
    if (f->kind == ANP_KIND_TEXT) {
        return text_of_code_points(f, slot, out, size);
    }
    const uint8_t *text = slot;
    size_t n = f->itemsize;
    if (out != NULL && f->itemsize != 0) { /* what is looked at is what is sent */
        memcpy(out, slot, f->itemsize);
        text = out;
    }
    if (f->kind == ANP_KIND_CHARS) {
        const uint8_t *end = memchr(text, 0, n);
        if (end == NULL) {
            return ANP_REASON_LENGTH;
        }
        n = (size_t)(end - text);
    }
    while (n > 0 && text[n - 1] == 0) {
        n--;
    }
    *size = n;
    return anp_utf8_valid(text, n) ? ANP_REASON_NONE : ANP_REASON_ENCODING;
}

void anp_slot_array(const anp_field *f, const uint8_t *slot, uint8_t *out)
{
    size_t size = f->itemsize;
    bool reverse = f->swapped != (ANP_BIG_ENDIAN_HOST != 0);
    if (f->kind == ANP_KIND_BOOL) {
        for (size_t i = 0; i < size; i++) {
            out[i] = slot[i] != 0;
        }
    } else if (!reverse || f->width == 1) {
        if (size != 0) {
            memcpy(out, slot, size);
        }
    } else if (f->width == 2) {
        for (size_t i = 0; i < size; i += 2) {
            anp_store16(out + i, anp_swap16(anp_load16(slot + i)));
        }
    } else if (f->width == 4) {
        for (size_t i = 0; i < size; i += 4) {
            anp_store32(out + i, anp_swap32(anp_load32(slot + i)));
        }
    } else {
        for (size_t i = 0; i < size; i += 8) {
            anp_store64(out + i, anp_swap64(anp_load64(slot + i)));
        }
    }
}

static anp_reason pack_number(const anp_field *f, const uint8_t *slot, anp_buffer *b)
{
    switch (f->kind) {
    case ANP_KIND_INT:
        anp_msgpack_put_int(b, anp_slot_integer(slot, f->width, f->swapped));
        return ANP_REASON_NONE;
    case ANP_KIND_UINT: {
        uint64_t v = anp_slot_bits(slot, f->width, f->swapped);
        if (v > INT64_MAX) {
            return ANP_REASON_RANGE;
        }
        anp_msgpack_put_int(b, (int64_t)v);
        return ANP_REASON_NONE;
    }
    case ANP_KIND_BOOL:
        anp_msgpack_put_bool(b, *slot != 0);
        return ANP_REASON_NONE;
    case ANP_KIND_FLOAT: {
        uint64_t bits = anp_slot_double(slot, f->width, f->swapped);
        double v;
        memcpy(&v, &bits, sizeof v);
        anp_msgpack_put_double(b, v);
        return ANP_REASON_NONE;
    }
    default: { /* TIME, SPAN */
        int64_t v = anp_slot_integer(slot, 8, f->swapped);
        if (v == INT64_MIN) {
            anp_msgpack_put_nil(b);
        } else {
            anp_msgpack_put_int(b, v);
        }
        return ANP_REASON_NONE;
    }
    }
}

/* One dimension; calls itself for the next, at most ANP_PLAN_NDIM deep. */
static anp_reason pack_dimension(const anp_field *f, unsigned dimension, const uint8_t **slot,
                                 anp_buffer *b)
{
    uint32_t count = f->shape[dimension];
    anp_msgpack_put_list(b, count);
    anp_reason reason = ANP_REASON_NONE;
    for (uint32_t i = 0; i < count && reason == ANP_REASON_NONE && b->failed == ANP_OK; i++) {
        if (dimension + 1u < f->ndim) {
            reason = pack_dimension(f, dimension + 1, slot, b);
        } else {
            reason = pack_number(f, *slot, b);
            *slot += f->width;
        }
    }
    return reason;
}

anp_reason anp_slot_list(const anp_field *f, const uint8_t *slot, anp_buffer *b)
{
    return pack_dimension(f, 0, &slot, b);
}

/* Text whose length is known only when it is made: it is made behind where it will go, so far
 * that the two do not meet, and put from there. */
static anp_reason pack_text(const anp_field *f, const uint8_t *slot, anp_buffer *b)
{
    size_t head = 8; /* header of at most 5 bytes, and the type byte */
    if (!anp_buffer_reserve(b, head + 2 * f->itemsize)) {
        return ANP_REASON_NONE; /* the buffer remembers */
    }
    uint8_t *made = b->data + b->size + head + f->itemsize;
    size_t size;
    anp_reason reason = anp_slot_text(f, slot, made, &size);
    if (reason == ANP_REASON_NONE) {
        anp_msgpack_put_text(b, ANP_PARTICLE_STRING, made, size);
    }
    return reason;
}

static anp_reason pack_array_blob(const anp_field *f, const uint8_t *slot, anp_buffer *b)
{
    size_t head = 8;
    if (!anp_buffer_reserve(b, head + 2 * f->itemsize)) {
        return ANP_REASON_NONE;
    }
    uint8_t *made = b->data + b->size + head + f->itemsize;
    anp_slot_array(f, slot, made);
    anp_msgpack_put_text(b, ANP_PARTICLE_BLOB, made, f->itemsize);
    return ANP_REASON_NONE;
}

static anp_reason pack_struct(const anp_field *f, const uint8_t *slot, const anp_rows *rows,
                              anp_buffer *b)
{
    anp_msgpack_put_map(b, f->n_fields);
    for (uint32_t i = 0; i < f->n_fields && b->failed == ANP_OK; i++) {
        const anp_field *child = &f->fields[i];
        anp_msgpack_put_text(b, ANP_PARTICLE_STRING, child->name, child->name_size);
        anp_reason reason = anp_cell_pack(child, slot + child->offset, rows, b);
        if (reason != ANP_REASON_NONE) {
            return reason;
        }
    }
    return ANP_REASON_NONE;
}

anp_reason anp_cell_pack(const anp_field *field, const uint8_t *slot, const anp_rows *rows,
                         anp_buffer *b)
{
    if (field->itemsize > ANP_PROTO_MAX) {
        return ANP_REASON_LENGTH;
    }
    if (field->ndim != 0) {
        return rows->subarrays_as_list ? anp_slot_list(field, slot, b)
                                       : pack_array_blob(field, slot, b);
    }
    switch (field->kind) {
    case ANP_KIND_TEXT:
    case ANP_KIND_CHARS:
        return pack_text(field, slot, b);
    case ANP_KIND_BYTES:
        if (rows->bytes_as_string) {
            return pack_text(field, slot, b);
        }
        anp_msgpack_put_text(b, ANP_PARTICLE_BLOB, slot, field->itemsize);
        return ANP_REASON_NONE;
    case ANP_KIND_RAW:
        anp_msgpack_put_text(b, ANP_PARTICLE_BLOB, slot, field->itemsize);
        return ANP_REASON_NONE;
    case ANP_KIND_STRUCT:
        return pack_struct(field, slot, rows, b);
    case ANP_KIND_DEFERRED:
        return ANP_REASON_KIND;
    default:
        return pack_number(field, slot, b);
    }
}
