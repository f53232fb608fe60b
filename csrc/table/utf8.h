/* UTF-8, strict: no overlong forms, no surrogates, nothing above U+10FFFF. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/* Is the whole run valid? Empty is. */
bool anp_utf8_valid(const uint8_t *text, size_t size);

/* Takes one code point; false (and the cursor stays) where the bytes at it are not valid, or none
 * are left. */
bool anp_utf8_take(anp_cursor *c, uint32_t *code_point);

/* Writes one code point, 1 to 4 bytes; 0 when it is a surrogate or above U+10FFFF. */
size_t anp_utf8_put(uint8_t out[4], uint32_t code_point);

/* How many bytes of text to keep so that at most `room` are kept: whole code points where the
 * text is valid UTF-8, else just `room`. */
size_t anp_utf8_cut(const uint8_t *text, size_t size, size_t room);
