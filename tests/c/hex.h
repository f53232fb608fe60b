/* Bytes as the protocol's description prints them: pairs of hexadecimal digits, spaces anywhere. */
#pragma once

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct hex_bytes {
    uint8_t data[2048];
    size_t size;
} hex_bytes;

static inline hex_bytes from_hex(const char *text)
{
    hex_bytes out = {.size = 0};
    while (*text != 0) {
        if (isspace((unsigned char)*text)) {
            text++;
            continue;
        }
        char pair[3] = {text[0], text[1], 0}, *end;
        unsigned long v = strtoul(pair, &end, 16);
        if (end != pair + 2 || out.size == sizeof out.data) {
            abort();
        }
        out.data[out.size++] = (uint8_t)v;
        text += 2;
    }
    return out;
}
