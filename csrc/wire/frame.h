/* The eight-byte head that starts every frame: version u8, type u8, body size u48 big-endian. */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"
#include "wire/protocol.h"

typedef struct anp_frame {
    uint8_t type;
    uint64_t size; /* of the body */
} anp_frame;

/* Reads a head from 8 bytes. ANP_ERR_PROTOCOL: wrong version, unknown type, or a body above `max`.
 */
anp_status anp_frame_read(const uint8_t head[ANP_PROTO_HEAD], uint64_t max, anp_frame *out,
                          anp_error *err);

void anp_frame_write(uint8_t head[ANP_PROTO_HEAD], anp_proto_type type, uint64_t size);

/* Starts a frame at the buffer's end; returns the position to give to anp_frame_end, which writes
 * the size of what was appended since. */
size_t anp_frame_begin(anp_buffer *b);
void anp_frame_end(anp_buffer *b, size_t begin, anp_proto_type type);
