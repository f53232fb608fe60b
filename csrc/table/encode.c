/* One row as WRITE operations, straight from the caller's memory. Each value is loaded once and
 * checked as it was loaded. Any number of threads, each with its own buffer.
 *
 *   operation  u32 4 + name + value, op u8 = 2, particle u8, flags u8 = 0, name length u8, name,
 *              value */
#include "table/encode.h"

#include "table/pack.h"
#include "wire/msgpack.h"

enum { OP_HEAD = 8 };

static inline const uint8_t *slot_of(const anp_field *f, uint64_t row)
{
    return f->base + (ptrdiff_t)row * f->stride;
}

static inline bool is_masked(const anp_rows *rows, uint32_t i, uint64_t row)
{
    if (rows->missing != NULL &&
        (rows->missing[row * rows->missing_stride + i / 8] >> (i % 8) & 1) != 0) {
        return true;
    }
    if (rows->masks == NULL || rows->masks[i].base == NULL) {
        return false;
    }
    return rows->masks[i].base[(ptrdiff_t)row * rows->masks[i].stride] != 0;
}

/* Appends a head and `size` bytes for the value, and gives their place; NULL: the buffer has
 * failed. */
static inline uint8_t *add_op(anp_buffer *b, const anp_op_head *h, uint8_t particle, size_t size)
{
    uint8_t *p = anp_buffer_add(b, OP_HEAD + h->name_size + size);
    if (p == NULL) {
        return NULL;
    }
    anp_store_be32(p, (uint32_t)(4 + h->name_size + size));
    p[4] = h->type;
    p[5] = particle;
    p[6] = 0;
    p[7] = (uint8_t)h->name_size;
    memcpy(p + OP_HEAD, h->name, h->name_size);
    return p + OP_HEAD + h->name_size;
}

static inline void add_number(anp_buffer *b, const anp_op_head *h, uint8_t particle, uint64_t bits)
{
    uint8_t *p = add_op(b, h, particle, 8);
    if (p != NULL) {
        anp_store_be64(p, bits);
    }
}

/* The value of the operation that begins at `start` ends where the buffer does. */
static anp_reason close_op(anp_buffer *b, size_t start)
{
    if (b->failed != ANP_OK) {
        return ANP_REASON_NONE;
    }
    size_t size = b->size - start - 4;
    if (size > ANP_PROTO_MAX) {
        return ANP_REASON_LENGTH;
    }
    anp_store_be32(b->data + start, (uint32_t)size);
    return ANP_REASON_NONE;
}

static anp_reason add_text(anp_buffer *b, const anp_op_head *h, const anp_field *f,
                           const uint8_t *slot)
{
    size_t start = b->size;
    uint8_t *p = add_op(b, h, ANP_PARTICLE_STRING, f->itemsize);
    if (p == NULL) {
        return ANP_REASON_NONE;
    }
    size_t size;
    anp_reason reason = anp_slot_text(f, slot, p, &size);
    if (reason == ANP_REASON_NONE) {
        b->size -= f->itemsize - size;
        reason = close_op(b, start);
    }
    return reason;
}

static anp_reason add_packed(anp_buffer *b, const anp_op_head *h, const anp_field *f,
                             const uint8_t *slot, const anp_rows *rows)
{
    size_t start = b->size;
    if (add_op(b, h, f->ndim != 0 ? ANP_PARTICLE_LIST : ANP_PARTICLE_MAP, 0) == NULL) {
        return ANP_REASON_NONE;
    }
    anp_reason reason = anp_cell_pack(f, slot, rows, b);
    return reason == ANP_REASON_NONE ? close_op(b, start) : reason;
}

static anp_reason add_array(anp_buffer *b, const anp_op_head *h, const anp_field *f,
                            const uint8_t *slot, const anp_rows *rows)
{
    if (rows->subarrays_as_list) {
        return add_packed(b, h, f, slot, rows);
    }
    uint8_t *p = add_op(b, h, ANP_PARTICLE_BLOB, f->itemsize);
    if (p != NULL) {
        anp_slot_array(f, slot, p);
    }
    return ANP_REASON_NONE;
}

static anp_reason add_blob(anp_buffer *b, const anp_op_head *h, const anp_field *f,
                           const uint8_t *slot)
{
    uint8_t *p = add_op(b, h, ANP_PARTICLE_BLOB, f->itemsize);
    if (p != NULL && f->itemsize != 0) {
        memcpy(p, slot, f->itemsize);
    }
    return ANP_REASON_NONE;
}

static bool ready_bytes(const anp_rows *rows, uint32_t i, uint64_t row, uint8_t *type,
                        anp_slice *bytes)
{
    const anp_ready_column *column = &rows->ready[i];
    *type = column->types[row];
    uint64_t from = column->offsets[row];
    uint64_t to = column->offsets[row + 1];
    if (to < from || to - from > ANP_PROTO_MAX) {
        return false;
    }
    *bytes = (anp_slice){column->bytes + from, (size_t)(to - from)};
    return true;
}

static anp_reason add_ready(anp_buffer *b, const anp_op_head *h, const anp_rows *rows, uint32_t i,
                            uint64_t row, bool *left_out)
{
    uint8_t type;
    anp_slice bytes;
    if (rows->ready == NULL || rows->ready[i].types == NULL) {
        return ANP_REASON_KIND;
    }
    if (!ready_bytes(rows, i, row, &type, &bytes)) {
        return ANP_REASON_LENGTH;
    }
    *left_out = type == ANP_PARTICLE_NULL;
    if (!*left_out) {
        uint8_t *p = add_op(b, h, type, bytes.size);
        if (p != NULL && bytes.size != 0) {
            memcpy(p, bytes.data, bytes.size);
        }
    }
    return ANP_REASON_NONE;
}

/* One value that isn't masked. */
static inline anp_reason add_value(anp_buffer *b, const anp_op_head *h, const anp_rows *rows,
                                   uint32_t i, uint64_t row, bool *left_out)
{
    const anp_field *f = &rows->plan->fields[i];
    if (f->kind == ANP_KIND_DEFERRED) {
        return add_ready(b, h, rows, i, row, left_out);
    }
    const uint8_t *slot = slot_of(f, row);
    if (f->itemsize > ANP_PROTO_MAX) {
        return ANP_REASON_LENGTH;
    }
    if (f->ndim != 0) {
        return add_array(b, h, f, slot, rows);
    }
    switch (f->kind) {
    case ANP_KIND_INT:
        add_number(b, h, ANP_PARTICLE_INTEGER,
                   (uint64_t)anp_slot_integer(slot, f->width, f->swapped));
        return ANP_REASON_NONE;
    case ANP_KIND_UINT: {
        uint64_t v = anp_slot_bits(slot, f->width, f->swapped);
        if (v > INT64_MAX) {
            return ANP_REASON_RANGE;
        }
        add_number(b, h, ANP_PARTICLE_INTEGER, v);
        return ANP_REASON_NONE;
    }
    case ANP_KIND_BOOL: {
        uint8_t *p = add_op(b, h, ANP_PARTICLE_BOOL, 1);
        if (p != NULL) {
            *p = *slot != 0;
        }
        return ANP_REASON_NONE;
    }
    case ANP_KIND_FLOAT:
        add_number(b, h, ANP_PARTICLE_FLOAT, anp_slot_double(slot, f->width, f->swapped));
        return ANP_REASON_NONE;
    case ANP_KIND_TIME:
    case ANP_KIND_SPAN: {
        uint64_t v = anp_slot_bits(slot, 8, f->swapped);
        *left_out = (int64_t)v == INT64_MIN;
        if (!*left_out) {
            add_number(b, h, ANP_PARTICLE_INTEGER, v);
        }
        return ANP_REASON_NONE;
    }
    case ANP_KIND_BYTES:
        return rows->bytes_as_string ? add_text(b, h, f, slot) : add_blob(b, h, f, slot);
    case ANP_KIND_TEXT:
    case ANP_KIND_CHARS:
        return add_text(b, h, f, slot);
    case ANP_KIND_RAW:
        return add_blob(b, h, f, slot);
    case ANP_KIND_STRUCT:
        return add_packed(b, h, f, slot, rows);
    default:
        return ANP_REASON_KIND;
    }
}

anp_reason anp_rows_put(const anp_rows *rows, uint32_t i, uint64_t row, const anp_op_head *head,
                        anp_buffer *b, bool *left_out)
{
    *left_out = is_masked(rows, i, row);
    return *left_out ? ANP_REASON_NONE : add_value(b, head, rows, i, row, left_out);
}

anp_reason anp_rows_pack(const anp_rows *rows, uint32_t i, uint64_t row, anp_buffer *b,
                         bool *left_out)
{
    const anp_field *f = &rows->plan->fields[i];
    *left_out = is_masked(rows, i, row);
    if (*left_out) {
        return ANP_REASON_NONE;
    }
    if (f->kind == ANP_KIND_DEFERRED) {
        uint8_t type;
        anp_slice bytes;
        if (!ready_bytes(rows, i, row, &type, &bytes)) {
            return ANP_REASON_LENGTH;
        }
        *left_out = type == ANP_PARTICLE_NULL;
        anp_buffer_put(b, bytes.data, bytes.size);
        return ANP_REASON_NONE;
    }
    const uint8_t *slot = slot_of(f, row);
    if (f->kind == ANP_KIND_TIME || f->kind == ANP_KIND_SPAN) {
        int64_t v = anp_slot_integer(slot, 8, f->swapped);
        *left_out = v == INT64_MIN;
        anp_msgpack_put_int(b, v);
        return ANP_REASON_NONE;
    }
    return anp_cell_pack(f, slot, rows, b);
}

anp_status anp_rows_encode(const anp_rows *rows, uint64_t row, anp_buffer *b, uint16_t *n_ops,
                           int32_t *field, anp_reason *reason)
{
    size_t start = b->size;
    uint16_t count = 0;
    *n_ops = 0;
    *field = -1;
    *reason = ANP_REASON_NONE;
    for (uint32_t i = 0; i < rows->plan->n_fields; i++) {
        bool left_out = false;
        anp_reason why = ANP_REASON_NONE;
        const anp_field *f = &rows->plan->fields[i];
        const anp_op_head head = {f->name, (uint8_t)f->name_size, ANP_OP_WRITE};
        if (is_masked(rows, i, row)) {
            left_out = !rows->masked_removes;
            if (rows->masked_removes) { /* a write of nothing deletes the bin */
                (void)add_op(b, &head, ANP_PARTICLE_NULL, 0);
            }
        } else {
            why = add_value(b, &head, rows, i, row, &left_out);
        }
        if (why != ANP_REASON_NONE) {
            b->size = start;
            *field = (int32_t)i;
            *reason = why;
            return ANP_ERR_CONVERSION;
        }
        count = (uint16_t)(count + !left_out);
    }
    if (b->failed != ANP_OK) {
        b->size = start;
        return b->failed;
    }
    *n_ops = count;
    return ANP_OK;
}

static anp_reason check_cell(const anp_field *f, const uint8_t *slot, const anp_rows *rows,
                             bool nested)
{
    size_t size;
    if (f->itemsize > ANP_PROTO_MAX) {
        return ANP_REASON_LENGTH;
    }
    switch (f->kind) {
    case ANP_KIND_UINT:
        if (f->width < 8 || (f->ndim != 0 && !rows->subarrays_as_list)) {
            return ANP_REASON_NONE;
        }
        for (uint32_t i = 0; i < f->count; i++) {
            if (anp_slot_bits(slot + (size_t)i * 8, 8, f->swapped) > INT64_MAX) {
                return ANP_REASON_RANGE;
            }
        }
        return ANP_REASON_NONE;
    case ANP_KIND_TEXT:
    case ANP_KIND_CHARS:
        return anp_slot_text(f, slot, NULL, &size);
    case ANP_KIND_BYTES:
        return rows->bytes_as_string ? anp_slot_text(f, slot, NULL, &size) : ANP_REASON_NONE;
    case ANP_KIND_STRUCT:
        for (uint32_t i = 0; i < f->n_fields; i++) {
            anp_reason reason = check_cell(&f->fields[i], slot + f->fields[i].offset, rows, true);
            if (reason != ANP_REASON_NONE) {
                return reason;
            }
        }
        return ANP_REASON_NONE;
    case ANP_KIND_DEFERRED:
        return nested ? ANP_REASON_KIND : ANP_REASON_NONE;
    default:
        return ANP_REASON_NONE;
    }
}

anp_reason anp_rows_look(const anp_rows *rows, uint32_t i, uint64_t row, bool *written)
{
    const anp_field *f = &rows->plan->fields[i];
    *written = true;
    if (is_masked(rows, i, row)) {
        *written = rows->masked_removes;
        return ANP_REASON_NONE;
    }
    if (f->kind == ANP_KIND_DEFERRED) {
        uint8_t type;
        anp_slice bytes;
        if (rows->ready == NULL || rows->ready[i].types == NULL) {
            return ANP_REASON_KIND;
        }
        if (!ready_bytes(rows, i, row, &type, &bytes)) {
            return ANP_REASON_LENGTH;
        }
        *written = type != ANP_PARTICLE_NULL;
        return ANP_REASON_NONE;
    }
    const uint8_t *slot = slot_of(f, row);
    if (f->kind == ANP_KIND_TIME || f->kind == ANP_KIND_SPAN) {
        *written = anp_slot_integer(slot, 8, f->swapped) != INT64_MIN;
        return ANP_REASON_NONE;
    }
    return check_cell(f, slot, rows, false);
}

anp_status anp_rows_check(const anp_rows *rows, uint64_t first, uint64_t count, bool empty_is_bad,
                          uint64_t *row, int32_t *field, anp_reason *reason)
{
    *field = -1;
    *reason = ANP_REASON_NONE;
    for (uint64_t at = first; at < first + count; at++) {
        bool any = false;
        for (uint32_t i = 0; i < rows->plan->n_fields; i++) {
            bool written;
            anp_reason why = anp_rows_look(rows, i, at, &written);
            if (why != ANP_REASON_NONE) {
                *row = at;
                *field = (int32_t)i;
                *reason = why;
                return ANP_ERR_CONVERSION;
            }
            any = any || written;
        }
        if (!any && empty_is_bad) {
            *row = at;
            return ANP_ERR_CONVERSION;
        }
    }
    return ANP_OK;
}
