/* Base64, standard alphabet with padding. */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"

/* Appends the text of `size` bytes. */
void anp_base64_encode(anp_buffer *b, const void *bytes, size_t size);

/* Decodes into out (room for at least size / 4 * 3 bytes); false on anything but clean padded
 * base64. */
bool anp_base64_decode(anp_slice text, uint8_t *out, size_t room, size_t *size);
