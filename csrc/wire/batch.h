/* Batch requests: one message with field 41, whose data is
 *
 *   rows u32, flags u8, then rows:
 *   index u32, digest 20, row flags u8, and unless REPEAT
 *     info1 u8, [info2 u8, info3 u8], [info4 u8], [generation u16], [ttl u32], fields u16, ops u16,
 * fields, ops
 *
 * The namespace is the first field of a row. Writers are for the client, readers for the node. */
#pragma once

#include "wire/message.h"

/* What a row asks for, without its fields and operations. */
typedef struct anp_batch_row {
    uint32_t index;
    uint8_t digest[ANP_DIGEST_SIZE];
    uint8_t flags; /* ANP_ROW_... */
    uint8_t info1, info2, info3, info4;
    uint16_t generation;
    uint32_t ttl;
    uint16_t n_fields, n_ops;
} anp_batch_row;

/* Where the counts and sizes of a batch that is being written must go. */
typedef struct anp_batch_frame {
    size_t frame; /* position of the frame's head */
    size_t field; /* position of field 41 */
    uint32_t rows;
} anp_batch_frame;

/* Appends frame head, message head (time limit in ms), the filter field where filter.size != 0, and
 * the head of field 41. */
void anp_batch_begin(anp_buffer *b, uint32_t timeout_ms, uint8_t batch_flags, anp_slice filter,
                     anp_batch_frame *out);

/* Appends a full row's head, up to and including its counts; the fields and operations follow. */
void anp_batch_row_write(anp_buffer *b, anp_batch_frame *f, const anp_batch_row *row);

/* Appends 25 bytes: as the row before, for another key. */
static inline void anp_batch_repeat_write(anp_buffer *b, anp_batch_frame *f, uint32_t index,
                                          const uint8_t digest[ANP_DIGEST_SIZE])
{
    uint8_t *p = anp_buffer_add(b, 25);
    f->rows++;
    if (p != NULL) {
        anp_store_be32(p, index);
        memcpy(p + 4, digest, ANP_DIGEST_SIZE);
        p[24] = ANP_ROW_REPEAT;
    }
}

/* Fills in row count, field size and frame size. */
void anp_batch_end(anp_buffer *b, const anp_batch_frame *f);

/* Reader: the head of field 41's data. */
bool anp_batch_open(anp_cursor *c, uint32_t *rows, uint8_t *batch_flags);

/* Reader: one row's head. Of a REPEAT row only index, digest and flags are set. The caller then
 * reads n_fields fields and n_ops operations from the cursor. */
bool anp_batch_row_read(anp_cursor *c, anp_batch_row *out);
