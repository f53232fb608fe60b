/* Base64 (RFC 4648, section 4). No state. */
#include "wire/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void anp_base64_encode(anp_buffer *b, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    uint8_t *out = anp_buffer_add(b, (size + 2) / 3 * 4);
    if (out == NULL) {
        return;
    }
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t v =
            (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        *out++ = (uint8_t)alphabet[v >> 18];
        *out++ = (uint8_t)alphabet[v >> 12 & 63];
        *out++ = n > 1 ? (uint8_t)alphabet[v >> 6 & 63] : '=';
        *out++ = n > 2 ? (uint8_t)alphabet[v & 63] : '=';
    }
}

static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool anp_base64_decode(anp_slice text, uint8_t *out, size_t room, size_t *size)
{
    if (text.size % 4 != 0) {
        return false;
    }
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') {
        padding++;
    }
    size_t n = text.size / 4 * 3 - padding;
    if (n > room) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < text.size; i += 4) {
        size_t pad = i + 4 == text.size ? padding : 0;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k < 4 - pad ? digit(text.data[i + k]) : 0;
            if (d < 0) {
                return false;
            }
            v = v << 6 | (uint32_t)d;
        }
        if (pad != 0 && (v & ((UINT32_C(1) << (8 * pad)) - 1)) != 0) {
            return false; /* bits under the padding */
        }
        for (size_t k = 0; k < 3 - pad; k++) {
            out[at++] = (uint8_t)(v >> (16 - 8 * k));
        }
    }
    *size = n;
    return true;
}
