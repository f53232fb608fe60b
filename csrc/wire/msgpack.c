/* MessagePack items, read one at a time and written in the smallest form. No state, no allocation.
 */
#include "wire/msgpack.h"

static bool take_bytes(anp_cursor *c, uint64_t n, anp_slice *out)
{
    const uint8_t *p = n <= anp_cursor_left(c) ? anp_cursor_take(c, (size_t)n) : NULL;
    *out = (anp_slice){p, (size_t)n};
    return p != NULL;
}

static bool take_uint(anp_cursor *c, unsigned width, uint64_t *out)
{
    const uint8_t *p = anp_cursor_take(c, width);
    if (p == NULL) {
        return false;
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++) {
        v = v << 8 | p[i];
    }
    *out = v;
    return true;
}

static bool take_count(anp_cursor *c, unsigned width, anp_msgpack_item *out)
{
    uint64_t n;
    if (!take_uint(c, width, &n)) {
        return false;
    }
    out->count = (uint32_t)n;
    return true;
}

/* Each element needs a byte, each pair two: a count beyond that is refused before anybody believes
 * it. */
static bool count_fits(const anp_cursor *c, const anp_msgpack_item *item)
{
    size_t left = anp_cursor_left(c);
    return item->kind == ANP_MSGPACK_MAP ? item->count <= left / 2 : item->count <= left;
}

static bool read_container(anp_cursor *c, anp_msgpack_item *out, anp_msgpack_kind kind,
                           unsigned width)
{
    out->kind = kind;
    return (width == 0 || take_count(c, width, out)) && count_fits(c, out);
}

static bool read_bytes(anp_cursor *c, anp_msgpack_item *out, anp_msgpack_kind kind, unsigned width)
{
    uint64_t n;
    out->kind = kind;
    return take_uint(c, width, &n) && take_bytes(c, n, &out->bytes);
}

static bool read_ext(anp_cursor *c, anp_msgpack_item *out, uint64_t n)
{
    uint8_t type;
    out->kind = ANP_MSGPACK_EXT;
    if (!anp_cursor_u8(c, &type)) {
        return false;
    }
    out->ext = (int8_t)type;
    return take_bytes(c, n, &out->bytes);
}

static bool read_signed(anp_cursor *c, anp_msgpack_item *out, unsigned width)
{
    uint64_t v;
    if (!take_uint(c, width, &v)) {
        return false;
    }
    unsigned shift = 64 - 8 * width;
    out->kind = ANP_MSGPACK_INT;
    out->integer = (int64_t)(v << shift) >> shift;
    return true;
}

static bool read_unsigned(anp_cursor *c, anp_msgpack_item *out, unsigned width)
{
    uint64_t v;
    if (!take_uint(c, width, &v)) {
        return false;
    }
    if (v > INT64_MAX) {
        out->kind = ANP_MSGPACK_UINT;
        out->uinteger = v;
    } else {
        out->kind = ANP_MSGPACK_INT;
        out->integer = (int64_t)v;
    }
    return true;
}

static bool read_real(anp_cursor *c, anp_msgpack_item *out, unsigned width)
{
    uint64_t v;
    if (!take_uint(c, width, &v)) {
        return false;
    }
    if (width == 8) {
        out->kind = ANP_MSGPACK_DOUBLE;
        memcpy(&out->real, &v, sizeof out->real);
    } else {
        uint32_t narrow = (uint32_t)v;
        float f;
        memcpy(&f, &narrow, sizeof f);
        out->kind = ANP_MSGPACK_FLOAT;
        out->real = (double)f;
    }
    return true;
}

static bool read_long(anp_cursor *c, uint8_t head, anp_msgpack_item *out)
{
    uint64_t n;
    switch (head) {
    case 0xc0:
        out->kind = ANP_MSGPACK_NIL;
        return true;
    case 0xc2:
    case 0xc3:
        out->kind = ANP_MSGPACK_BOOL;
        out->boolean = head == 0xc3;
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_bytes(c, out, ANP_MSGPACK_BIN, 1u << (head - 0xc4));
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return take_uint(c, 1u << (head - 0xc7), &n) && read_ext(c, out, n);
    case 0xca:
        return read_real(c, out, 4);
    case 0xcb:
        return read_real(c, out, 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_unsigned(c, out, 1u << (head - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_signed(c, out, 1u << (head - 0xd0));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_ext(c, out, UINT64_C(1) << (head - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_bytes(c, out, ANP_MSGPACK_STRING, 1u << (head - 0xd9));
    case 0xdc:
    case 0xdd:
        return read_container(c, out, ANP_MSGPACK_LIST, head == 0xdc ? 2 : 4);
    case 0xde:
    case 0xdf:
        return read_container(c, out, ANP_MSGPACK_MAP, head == 0xde ? 2 : 4);
    default: /* c1 */
        return false;
    }
}

bool anp_msgpack_read(anp_cursor *c, anp_msgpack_item *out)
{
    anp_cursor at = *c;
    uint8_t head;
    *out = (anp_msgpack_item){0};
    if (!anp_cursor_u8(&at, &head)) {
        return false;
    }
    bool ok = true;
    if (head < 0x80 || head >= 0xe0) {
        out->kind = ANP_MSGPACK_INT;
        out->integer = (int8_t)head;
    } else if (head < 0x90) {
        out->count = head & 0x0f;
        ok = read_container(&at, out, ANP_MSGPACK_MAP, 0);
    } else if (head < 0xa0) {
        out->count = head & 0x0f;
        ok = read_container(&at, out, ANP_MSGPACK_LIST, 0);
    } else if (head < 0xc0) {
        out->kind = ANP_MSGPACK_STRING;
        ok = take_bytes(&at, head & 0x1f, &out->bytes);
    } else {
        ok = read_long(&at, head, out);
    }
    if (ok) {
        *c = at;
    }
    return ok;
}

bool anp_msgpack_skip(anp_cursor *c)
{
    anp_cursor at = *c;
    uint64_t left[ANP_MSGPACK_DEPTH]; /* elements still to come, by level */
    unsigned depth = 0;
    do {
        anp_msgpack_item item;
        if (!anp_msgpack_read(&at, &item)) {
            return false;
        }
        uint64_t inside = item.kind == ANP_MSGPACK_LIST  ? item.count
                          : item.kind == ANP_MSGPACK_MAP ? 2 * (uint64_t)item.count
                                                         : 0;
        if (inside != 0) {
            if (depth == ANP_MSGPACK_DEPTH) {
                return false;
            }
            left[depth++] = inside;
            continue;
        }
        while (depth != 0 && --left[depth - 1] == 0) {
            depth--;
        }
    } while (depth != 0);
    *c = at;
    return true;
}

bool anp_msgpack_is_order_mark(const anp_msgpack_item *item, uint8_t *flags)
{
    if (item->kind != ANP_MSGPACK_EXT || item->bytes.size != 0) {
        return false;
    }
    *flags = (uint8_t)item->ext;
    return true;
}

bool anp_msgpack_take_order_mark(anp_cursor *c, anp_msgpack_item *container, uint8_t *flags)
{
    anp_cursor at = *c;
    anp_msgpack_item first;
    *flags = 0;
    if (container->count == 0) {
        return true;
    }
    if (!anp_msgpack_read(&at, &first)) {
        return false;
    }
    if (!anp_msgpack_is_order_mark(&first, flags)) {
        return true;
    }
    if (container->kind == ANP_MSGPACK_MAP && !anp_msgpack_skip(&at)) {
        *flags = 0;
        return false;
    }
    container->count--;
    *c = at;
    return true;
}

/* ---- writing ---- */

static void put_sized(anp_buffer *b, uint8_t head, uint64_t v, unsigned width)
{
    uint8_t *p = anp_buffer_add(b, 1 + (size_t)width);
    if (p == NULL) {
        return;
    }
    *p++ = head;
    for (unsigned i = width; i-- != 0;) {
        *p++ = (uint8_t)(v >> (8 * i));
    }
}

void anp_msgpack_put_nil(anp_buffer *b)
{
    anp_buffer_u8(b, 0xc0);
}

void anp_msgpack_put_bool(anp_buffer *b, bool v)
{
    anp_buffer_u8(b, v ? 0xc3 : 0xc2);
}

void anp_msgpack_put_uint(anp_buffer *b, uint64_t v)
{
    if (v < 0x80) {
        anp_buffer_u8(b, (uint8_t)v);
    } else if (v <= UINT8_MAX) {
        put_sized(b, 0xcc, v, 1);
    } else if (v <= UINT16_MAX) {
        put_sized(b, 0xcd, v, 2);
    } else if (v <= UINT32_MAX) {
        put_sized(b, 0xce, v, 4);
    } else {
        put_sized(b, 0xcf, v, 8);
    }
}

void anp_msgpack_put_int(anp_buffer *b, int64_t v)
{
    uint64_t bits = (uint64_t)v;
    if (v >= 0) {
        anp_msgpack_put_uint(b, bits);
    } else if (v >= -32) {
        anp_buffer_u8(b, (uint8_t)bits);
    } else if (v >= INT8_MIN) {
        put_sized(b, 0xd0, bits, 1);
    } else if (v >= INT16_MIN) {
        put_sized(b, 0xd1, bits, 2);
    } else if (v >= INT32_MIN) {
        put_sized(b, 0xd2, bits, 4);
    } else {
        put_sized(b, 0xd3, bits, 8);
    }
}

void anp_msgpack_put_double(anp_buffer *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_sized(b, 0xcb, bits, 8);
}

static void put_text_head(anp_buffer *b, size_t size)
{
    if (size < 32) {
        anp_buffer_u8(b, (uint8_t)(0xa0 | size));
    } else if (size <= UINT8_MAX) {
        put_sized(b, 0xd9, size, 1);
    } else if (size <= UINT16_MAX) {
        put_sized(b, 0xda, size, 2);
    } else {
        put_sized(b, 0xdb, size, 4);
    }
}

void anp_msgpack_put_text(anp_buffer *b, uint8_t particle, const void *bytes, size_t size)
{
    put_text_head(b, size + 1);
    anp_buffer_u8(b, particle);
    anp_buffer_put(b, bytes, size);
}

void anp_msgpack_put_raw_text(anp_buffer *b, const void *bytes, size_t size)
{
    put_text_head(b, size);
    anp_buffer_put(b, bytes, size);
}

static void put_count(anp_buffer *b, uint8_t small, uint8_t medium, uint32_t n)
{
    if (n < 16) {
        anp_buffer_u8(b, (uint8_t)(small | n));
    } else if (n <= UINT16_MAX) {
        put_sized(b, medium, n, 2);
    } else {
        put_sized(b, (uint8_t)(medium + 1), n, 4);
    }
}

void anp_msgpack_put_list(anp_buffer *b, uint32_t count)
{
    put_count(b, 0x90, 0xdc, count);
}

void anp_msgpack_put_map(anp_buffer *b, uint32_t pairs)
{
    put_count(b, 0x80, 0xde, pairs);
}

void anp_msgpack_put_order_mark(anp_buffer *b, uint8_t flags)
{
    anp_buffer_put(b, (const uint8_t[]){0xc7, 0x00, flags}, 3);
}

void anp_msgpack_put_wildcard(anp_buffer *b)
{
    anp_buffer_put(b, (const uint8_t[]){0xd4, 0xff, 0x00}, 3);
}

void anp_msgpack_put_infinity(anp_buffer *b)
{
    anp_buffer_put(b, (const uint8_t[]){0xd4, 0xff, 0x01}, 3);
}
