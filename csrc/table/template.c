/* Rows as operations made from a template. Each value is loaded once and checked as it was loaded.
 *
 *   operation  u32 4 + name + value, op u8, particle u8, flags u8, name length u8, name, value */
#include "table/template.h"

#include "wire/msgpack.h"

enum { OP_HEAD = 8 };

static const anp_rows *rows_of(const anp_template *t, const anp_template_hole *hole)
{
    return hole->is_list ? &t->lists : t->rows;
}

/* An operation whose whole value is of the row. */
static anp_reason put_plain(const anp_template *t, const anp_template_op *op, uint64_t row,
                            anp_buffer *b, bool *left_out)
{
    const uint8_t *head = t->bytes + op->begin;
    const anp_op_head h = {(const char *)head + OP_HEAD, head[7], head[4]};
    return anp_rows_put(rows_of(t, &t->holes[op->hole]), op->hole, row, &h, b, left_out);
}

/* A count of elements, packed at `at`. Below 0 it is more than there can be. */
static void as_count(anp_buffer *b, size_t at)
{
    anp_cursor c = anp_cursor_over(b->data + at, b->size - at);
    anp_msgpack_item item;
    if (b->failed == ANP_OK && anp_msgpack_read(&c, &item) && item.kind == ANP_MSGPACK_INT &&
        item.integer < 0) {
        b->size = at;
        anp_msgpack_put_uint(b, (uint64_t)item.integer);
    }
}

/* An operation with values of the row among its arguments. */
static anp_reason put_packed(const anp_template *t, const anp_template_op *op, uint64_t row,
                             anp_buffer *b, uint32_t *hole, bool *left_out)
{
    size_t start = b->size, from = op->begin;
    for (uint32_t i = op->hole; i < op->hole + op->n_holes; i++) {
        const anp_template_hole *h = &t->holes[i];
        anp_buffer_put(b, t->bytes + from, h->at - from);
        size_t at = b->size;
        anp_reason reason = anp_rows_pack(rows_of(t, h), i, row, b, left_out);
        *hole = i;
        if (reason != ANP_REASON_NONE || *left_out) {
            return reason;
        }
        if (h->is_count) {
            as_count(b, at);
        }
        from = h->at;
    }
    anp_buffer_put(b, t->bytes + from, op->end - from);
    if (b->failed == ANP_OK) {
        size_t size = b->size - start - 4;
        if (size > ANP_PROTO_MAX) {
            return ANP_REASON_LENGTH;
        }
        anp_store_be32(b->data + start, (uint32_t)size);
    }
    return ANP_REASON_NONE;
}

anp_status anp_template_encode(const anp_template *t, uint64_t row, anp_buffer *b, uint16_t *n_ops,
                               uint32_t *hole, anp_reason *reason)
{
    size_t begin = b->size;
    *n_ops = 0;
    *hole = 0;
    *reason = ANP_REASON_NONE;
    for (const anp_template_op *op = t->ops; op != t->ops + t->n_ops; op++) {
        size_t start = b->size;
        bool left_out = false;
        *hole = op->hole;
        if (op->n_holes == 0) {
            anp_buffer_put(b, t->bytes + op->begin, op->end - op->begin);
        } else if (t->holes[op->hole].is_packed) {
            *reason = put_packed(t, op, row, b, hole, &left_out);
        } else {
            *reason = put_plain(t, op, row, b, &left_out);
        }
        if (*reason != ANP_REASON_NONE) {
            b->size = begin;
            return ANP_ERR_CONVERSION;
        }
        if (left_out) {
            b->size = start;
        }
        *n_ops = (uint16_t)(*n_ops + !left_out);
    }
    if (b->failed != ANP_OK) {
        b->size = begin;
        return b->failed;
    }
    return ANP_OK;
}

/* *written: is the operation in the request? */
static anp_reason look(const anp_template *t, const anp_template_op *op, uint64_t row,
                       uint32_t *hole, bool *written)
{
    *written = true;
    for (uint32_t i = op->hole; i < op->hole + op->n_holes; i++) {
        bool is_there;
        anp_reason reason = anp_rows_look(rows_of(t, &t->holes[i]), i, row, &is_there);
        *hole = i;
        if (reason != ANP_REASON_NONE || !is_there) {
            *written = false;
            return reason;
        }
    }
    return ANP_REASON_NONE;
}

anp_status anp_template_check(const anp_template *t, uint64_t count, bool empty_is_bad,
                              uint64_t *row, uint32_t *hole, anp_reason *reason)
{
    *hole = 0;
    *reason = ANP_REASON_NONE;
    for (uint64_t at = 0; at < count; at++) {
        bool any = false;
        *row = at;
        for (const anp_template_op *op = t->ops; op != t->ops + t->n_ops; op++) {
            bool written;
            *reason = look(t, op, at, hole, &written);
            if (*reason != ANP_REASON_NONE) {
                return ANP_ERR_CONVERSION;
            }
            any = any || written;
        }
        if (!any && empty_is_bad) {
            return ANP_ERR_CONVERSION;
        }
    }
    return ANP_OK;
}
