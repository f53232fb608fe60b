/* Batch requests, written and read; see batch.h for the bytes. No state. */
#include "wire/batch.h"

#include "wire/frame.h"

void anp_batch_begin(anp_buffer *b, uint32_t timeout_ms, uint8_t batch_flags, anp_slice filter,
                     anp_batch_frame *out)
{
    out->frame = anp_frame_begin(b);
    out->rows = 0;
    anp_message head = {.info1 = ANP_INFO1_BATCH,
                        .index = timeout_ms,
                        .n_fields = (uint16_t)(filter.size != 0 ? 2 : 1)};
    anp_message_write(b, &head);
    if (filter.size != 0) {
        anp_field_write(b, ANP_FIELD_FILTER, filter.data, filter.size);
    }
    out->field = b->size;
    uint8_t *p = anp_buffer_add(b, 10); /* field size, type, rows, flags */
    if (p != NULL) {
        memset(p, 0, 10);
        p[4] = ANP_FIELD_BATCH;
        p[9] = batch_flags;
    }
}

void anp_batch_row_write(anp_buffer *b, anp_batch_frame *f, const anp_batch_row *row)
{
    f->rows++;
    anp_buffer_be32(b, row->index);
    anp_buffer_put(b, row->digest, ANP_DIGEST_SIZE);
    anp_buffer_u8(b, row->flags);
    anp_buffer_u8(b, row->info1);
    if (row->flags & ANP_ROW_INFO) {
        anp_buffer_u8(b, row->info2);
        anp_buffer_u8(b, row->info3);
    }
    if (row->flags & ANP_ROW_INFO4) {
        anp_buffer_u8(b, row->info4);
    }
    if (row->flags & ANP_ROW_GENERATION) {
        anp_buffer_be16(b, row->generation);
    }
    if (row->flags & ANP_ROW_TTL) {
        anp_buffer_be32(b, row->ttl);
    }
    anp_buffer_be16(b, row->n_fields);
    anp_buffer_be16(b, row->n_ops);
}

void anp_batch_end(anp_buffer *b, const anp_batch_frame *f)
{
    if (b->failed == ANP_OK) {
        anp_store_be32(b->data + f->field, (uint32_t)(b->size - f->field - 4));
        anp_store_be32(b->data + f->field + 5, f->rows);
    }
    anp_frame_end(b, f->frame, ANP_PROTO_MESSAGE);
}

bool anp_batch_open(anp_cursor *c, uint32_t *rows, uint8_t *batch_flags)
{
    anp_cursor at = *c;
    if (!anp_cursor_be32(&at, rows) || !anp_cursor_u8(&at, batch_flags)) {
        return false;
    }
    *c = at;
    return true;
}

bool anp_batch_row_read(anp_cursor *c, anp_batch_row *out)
{
    anp_cursor at = *c;
    const uint8_t *p = anp_cursor_take(&at, 25);
    if (p == NULL) {
        return false;
    }
    *out = (anp_batch_row){.index = anp_load_be32(p), .flags = p[24]};
    memcpy(out->digest, p + 4, ANP_DIGEST_SIZE);
    if (!(out->flags & ANP_ROW_REPEAT)) {
        if (!anp_cursor_u8(&at, &out->info1) ||
            ((out->flags & ANP_ROW_INFO) &&
             (!anp_cursor_u8(&at, &out->info2) || !anp_cursor_u8(&at, &out->info3))) ||
            ((out->flags & ANP_ROW_INFO4) && !anp_cursor_u8(&at, &out->info4)) ||
            ((out->flags & ANP_ROW_GENERATION) && !anp_cursor_be16(&at, &out->generation)) ||
            ((out->flags & ANP_ROW_TTL) && !anp_cursor_be32(&at, &out->ttl)) ||
            !anp_cursor_be16(&at, &out->n_fields) || !anp_cursor_be16(&at, &out->n_ops)) {
            return false;
        }
    }
    *c = at;
    return true;
}
