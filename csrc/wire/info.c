/* Info text: requests, lines, errors, builds. No state. */
#include "wire/info.h"

#include "wire/frame.h"

void anp_info_request(anp_buffer *b, const char *text, size_t size)
{
    size_t begin = anp_frame_begin(b);
    anp_buffer_put(b, text, size);
    if (size != 0 && text[size - 1] != '\n') {
        anp_buffer_u8(b, '\n');
    }
    anp_frame_end(b, begin, ANP_PROTO_INFO);
}

static const uint8_t *find(anp_slice s, uint8_t byte)
{
    return s.size != 0 ? memchr(s.data, byte, s.size) : NULL;
}

bool anp_info_next(anp_cursor *c, anp_info_line *out)
{
    size_t left = anp_cursor_left(c);
    if (left == 0) {
        return false;
    }
    const uint8_t *end = memchr(c->at, '\n', left);
    size_t size = end != NULL ? (size_t)(end - c->at) : left;
    anp_slice line = {anp_cursor_take(c, size), size};
    (void)anp_cursor_take(c, 1); /* the LF, where there is one */
    const uint8_t *tab = find(line, '\t');
    size_t name = tab != NULL ? (size_t)(tab - line.data) : line.size;
    out->name = (anp_slice){line.data, name};
    out->value = tab != NULL ? (anp_slice){tab + 1, line.size - name - 1}
                             : (anp_slice){line.data + line.size, 0};
    return true;
}

bool anp_slice_is(anp_slice s, const char *text)
{
    size_t size = strlen(text);
    return s.size == size && memcmp(s.data, text, size) == 0;
}

bool anp_info_find(anp_slice body, const char *name, anp_slice *value)
{
    anp_cursor c = anp_cursor_over(body.data, body.size);
    anp_info_line line;
    while (anp_info_next(&c, &line)) {
        if (anp_slice_is(line.name, name)) {
            *value = line.value;
            return true;
        }
    }
    return false;
}

static bool starts_with(anp_slice s, const char *text)
{
    size_t size = strlen(text);
    return s.size >= size && memcmp(s.data, text, size) == 0;
}

int anp_info_error(anp_slice value, anp_slice *text)
{
    *text = value;
    if (starts_with(value, "error=")) {
        *text = (anp_slice){value.data + 6, value.size - 6};
        return 100;
    }
    size_t head = starts_with(value, "ERROR") ? 5 : starts_with(value, "FAIL") ? 4 : 0;
    if (head == 0 || (value.size > head && value.data[head] != ':')) {
        return 0;
    }
    if (value.size == head) {
        text->size = 0;
        return 1;
    }
    anp_slice rest = {value.data + head + 1, value.size - head - 1};
    const uint8_t *colon = find(rest, ':');
    anp_slice digits = {rest.data, colon != NULL ? (size_t)(colon - rest.data) : rest.size};
    *text = colon != NULL ? (anp_slice){colon + 1, rest.size - digits.size - 1}
                          : (anp_slice){rest.data + rest.size, 0};
    int64_t code;
    return anp_info_int(digits, &code) && code > 0 && code < 100000 ? (int)code : 1;
}

bool anp_info_uint(anp_slice s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.size == 0) {
        return false;
    }
    for (size_t i = 0; i < s.size; i++) {
        unsigned d = (unsigned)s.data[i] - '0';
        if (d > 9 || v > (UINT64_MAX - d) / 10) {
            return false;
        }
        v = v * 10 + d;
    }
    *out = v;
    return true;
}

bool anp_info_int(anp_slice s, int64_t *out)
{
    bool negative = s.size != 0 && s.data[0] == '-';
    uint64_t v;
    if (negative) {
        s = (anp_slice){s.data + 1, s.size - 1};
    }
    if (!anp_info_uint(s, &v) || v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool anp_info_build(anp_slice value, uint32_t build[4])
{
    size_t at = 0;
    int parts = 0;
    memset(build, 0, 4 * sizeof *build);
    while (parts < 4) {
        uint64_t v = 0;
        size_t start = at;
        while (at < value.size && value.data[at] >= '0' && value.data[at] <= '9' &&
               v <= UINT32_MAX) {
            v = v * 10 + (uint64_t)(value.data[at++] - '0');
        }
        if (at == start || v > UINT32_MAX) {
            return parts > 0 && v <= UINT32_MAX;
        }
        build[parts++] = (uint32_t)v;
        if (at == value.size || value.data[at] != '.') {
            break;
        }
        at++;
    }
    return parts > 0;
}
