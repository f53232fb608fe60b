/* Messages (type 3): a 22-byte head, fields, operations.
 *
 *   head      size u8 = 22, info1..info4 u8, result u8, generation u32, ttl u32, index u32, fields
 * u16, ops u16 field     u32 1 + n, type u8, n bytes operation u32 4 + name + value, op u8,
 * particle u8, flags u8, name length u8, name, value
 *
 * Readers take a cursor and fail (ANP_ERR_PROTOCOL) on lengths that don't fit; slices that they
 * give point into the cursor's bytes. Writers append to a buffer and never fail by themselves. */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"
#include "wire/particle.h"
#include "wire/protocol.h"

typedef struct anp_message {
    uint8_t info1, info2, info3, info4;
    uint8_t result;
    uint32_t generation;
    uint32_t
        ttl; /* requests: seconds to live, or the read-touch percentage; replies: the void time */
    uint32_t index; /* requests: the server's time limit in ms; batch replies: the row */
    uint16_t n_fields;
    uint16_t n_ops;
} anp_message;

typedef struct anp_field_view {
    uint8_t type;
    anp_slice data;
} anp_field_view;

typedef struct anp_op {
    uint8_t type;
    uint8_t flags;
    anp_slice name; /* of the bin; as sent, up to 255 bytes and not checked */
    anp_particle value;
} anp_op;

/* Reads the head; false when fewer than 22 bytes are left or the head's size is below 22. A larger
 * size (a newer server) is skipped. */
bool anp_message_read(anp_cursor *c, anp_message *out);
bool anp_field_read(anp_cursor *c, anp_field_view *out);
bool anp_op_read(anp_cursor *c, anp_op *out);

typedef enum { ANP_MEASURE_WHOLE, ANP_MEASURE_SHORT, ANP_MEASURE_BAD } anp_measure;

/* How long is the message that starts at `data`, of which `size` bytes are here, inside a frame
 * that has `frame_left` bytes from there on? WHOLE: *length is set, and every field and operation
 * fits. SHORT: go on when at least *length bytes are here. BAD: it can never be right (a length
 * below its own head, or beyond the frame). Cost grows with the number of operations only. */
anp_measure anp_message_measure(const uint8_t *data, size_t size, uint64_t frame_left,
                                size_t *length);

/* Appends a head. */
void anp_message_write(anp_buffer *b, const anp_message *m);

void anp_field_write(anp_buffer *b, anp_field_type type, const void *data, size_t size);

/* Appends an operation with a value that is already in wire form (data may be NULL for size 0). */
void anp_op_write(anp_buffer *b, anp_op_type op, const void *name, size_t name_size,
                  uint8_t particle, const void *data, size_t size);
