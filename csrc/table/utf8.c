/* UTF-8 <-> code points. Thread-safe: no state. */
#include "table/utf8.h"

#include "base/bytes.h"

static bool tail(uint8_t b)
{
    return (b & 0xc0) == 0x80;
}

bool anp_utf8_take(anp_cursor *c, uint32_t *code_point)
{
    size_t left = anp_cursor_left(c);
    const uint8_t *p = c->at;
    if (left == 0) {
        return false;
    }
    uint32_t v = p[0];
    size_t n;
    if (v < 0x80) {
        n = 1;
    } else if (v < 0xc2) { /* a tail byte, or an overlong two */
        return false;
    } else if (v < 0xe0) {
        if (left < 2 || !tail(p[1])) {
            return false;
        }
        v = (v & 0x1f) << 6 | (p[1] & 0x3fu);
        n = 2;
    } else if (v < 0xf0) {
        if (left < 3 || !tail(p[1]) || !tail(p[2])) {
            return false;
        }
        v = (v & 0x0f) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        if (v < 0x800 || (v >= 0xd800 && v < 0xe000)) {
            return false;
        }
        n = 3;
    } else if (v < 0xf5) {
        if (left < 4 || !tail(p[1]) || !tail(p[2]) || !tail(p[3])) {
            return false;
        }
        v = (v & 0x07) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        if (v < 0x10000 || v > 0x10ffff) {
            return false;
        }
        n = 4;
    } else {
        return false;
    }
    c->at += n;
    *code_point = v;
    return true;
}

bool anp_utf8_valid(const uint8_t *text, size_t size)
{
    anp_cursor c = anp_cursor_over(text, size);
    while (c.at != c.end) {
        while (anp_cursor_left(&c) >= 8 && (anp_load64(c.at) & UINT64_C(0x8080808080808080)) == 0) {
            c.at += 8; /* most text is ASCII */
        }
        uint32_t v;
        if (c.at != c.end && !anp_utf8_take(&c, &v)) {
            return false;
        }
    }
    return true;
}

size_t anp_utf8_put(uint8_t out[4], uint32_t v)
{
    if (v < 0x80) {
        out[0] = (uint8_t)v;
        return 1;
    }
    if (v < 0x800) {
        out[0] = (uint8_t)(0xc0 | v >> 6);
        out[1] = (uint8_t)(0x80 | (v & 0x3f));
        return 2;
    }
    if (v < 0x10000) {
        if (v >= 0xd800 && v < 0xe000) {
            return 0;
        }
        out[0] = (uint8_t)(0xe0 | v >> 12);
        out[1] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (v & 0x3f));
        return 3;
    }
    if (v > 0x10ffff) {
        return 0;
    }
    out[0] = (uint8_t)(0xf0 | v >> 18);
    out[1] = (uint8_t)(0x80 | (v >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (v & 0x3f));
    return 4;
}

size_t anp_utf8_cut(const uint8_t *text, size_t size, size_t room)
{
    if (size <= room) {
        return size;
    }
    if (!anp_utf8_valid(text, size)) {
        return room;
    }
    while (room > 0 && tail(text[room])) {
        room--;
    }
    return room;
}
