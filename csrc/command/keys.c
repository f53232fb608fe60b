/* Digests and user keys, from the caller's memory in place. The caller's memory may change under us
 * (another thread writes the array): whatever is read is checked here again, and read once. No
 * state; thread-safe. */
#include "command/keys.h"

enum { LANES = 256 }; /* keys that are handed to anp_digest_many at a time */

const anp_key_run *anp_keys_run(const anp_keys *keys, uint64_t row, uint64_t *end)
{
    uint32_t low = 0, high = keys->n_runs; /* the last run that begins at or before row */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (keys->runs[middle].first <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *end = low + 1 < keys->n_runs ? keys->runs[low + 1].first : keys->first + keys->count;
    return &keys->runs[low];
}

static const uint8_t *place(const anp_keys *keys, uint64_t row)
{
    return keys->base + (ptrdiff_t)(row - keys->first) * keys->stride;
}

/* An integer as int64; false when an unsigned one doesn't fit. */
static bool read_integer(const anp_keys *keys, const uint8_t *p, int64_t *out)
{
    switch (keys->width) {
    case 1:
        *out = keys->is_signed ? (int64_t)(int8_t)*p : (int64_t)*p;
        return true;
    case 2: {
        uint16_t v = anp_load16(p);
        v = keys->swapped ? anp_swap16(v) : v;
        *out = keys->is_signed ? (int64_t)(int16_t)v : (int64_t)v;
        return true;
    }
    case 4: {
        uint32_t v = anp_load32(p);
        v = keys->swapped ? anp_swap32(v) : v;
        *out = keys->is_signed ? (int64_t)(int32_t)v : (int64_t)v;
        return true;
    }
    default: {
        uint64_t v = anp_load64(p);
        v = keys->swapped ? anp_swap64(v) : v;
        *out = (int64_t)v;
        return keys->is_signed || v <= INT64_MAX;
    }
    }
}

static uint32_t trimmed(const uint8_t *p, uint32_t width)
{
    while (width != 0 && p[width - 1] == 0) {
        width--;
    }
    return width;
}

/* Writes one code point; 0: it is none. At most 4 bytes. */
static uint32_t put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c >= 0xd800 && c < 0xe000) {
        return 0;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    if (c > 0x10ffff) {
        return 0;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* UCS-4 to UTF-8, trailing zeros trimmed; never longer than `width`. */
static bool read_text(const anp_keys *keys, const uint8_t *p, uint8_t *to, uint32_t *size)
{
    uint32_t n = 0, end = 0; /* end: behind the last code point that isn't zero */
    for (uint32_t i = 0; i + 4 <= keys->width; i += 4) {
        uint32_t c = anp_load32(p + i);
        c = keys->swapped ? anp_swap32(c) : c;
        uint32_t wrote = put_utf8(to + n, c);
        if (wrote == 0) {
            return false;
        }
        n += wrote;
        if (c != 0) {
            end = n;
        }
    }
    *size = end;
    return true;
}

static anp_status too_large(uint64_t row, anp_error *err)
{
    return anp_error_set(err, ANP_ERR_PARAM, "key of row %llu is above 2^63 - 1",
                         (unsigned long long)row);
}

static anp_status no_text(uint64_t row, anp_error *err)
{
    return anp_error_set(err, ANP_ERR_PARAM,
                         "key of row %llu is no text: it holds a code point that Unicode hasn't",
                         (unsigned long long)row);
}

static anp_status bad_slice(uint64_t row, anp_slice s, anp_error *err)
{
    if (s.data == NULL) {
        return anp_error_set(err, ANP_ERR_PARAM, "key of row %llu has %zu bytes at a null pointer",
                             (unsigned long long)row, s.size);
    }
    return anp_error_set(err, ANP_ERR_PARAM, "key of row %llu has %zu bytes; at most %d are sent",
                         (unsigned long long)row, s.size, (int)ANP_PROTO_MAX);
}

/* One key; text goes to the end of scratch, which has room (the caller saw to that). */
static anp_status read_key(const anp_keys *keys, uint64_t row, anp_key *out, anp_buffer *scratch,
                           anp_error *err)
{
    *out = (anp_key){0};
    switch (keys->kind) {
    case ANP_KEYS_INT:
        out->type = ANP_PARTICLE_INTEGER;
        return read_integer(keys, place(keys, row), &out->integer) ? ANP_OK : too_large(row, err);
    case ANP_KEYS_BYTES:
        *out = (anp_key){.type = ANP_PARTICLE_STRING, .bytes = place(keys, row)};
        out->size = trimmed(out->bytes, keys->width);
        return ANP_OK;
    case ANP_KEYS_TEXT: {
        uint8_t *to = scratch->data + scratch->size;
        out->type = ANP_PARTICLE_STRING;
        out->bytes = to;
        if (!read_text(keys, place(keys, row), to, &out->size)) {
            return no_text(row, err);
        }
        scratch->size += out->size;
        return ANP_OK;
    }
    case ANP_KEYS_BLOB:
        *out = (anp_key){.type = ANP_PARTICLE_BLOB, .bytes = place(keys, row), .size = keys->width};
        return ANP_OK;
    case ANP_KEYS_CHARS: {
        *out = (anp_key){.type = ANP_PARTICLE_STRING, .bytes = place(keys, row)};
        const uint8_t *end = memchr(out->bytes, 0, keys->width);
        out->size = end != NULL ? (uint32_t)(end - out->bytes) : keys->width;
        return ANP_OK;
    }
    case ANP_KEYS_SLICES: {
        anp_slice s;
        memcpy(&s, place(keys, row), sizeof s);
        if (s.size > ANP_PROTO_MAX || (s.data == NULL && s.size != 0)) {
            return bad_slice(row, s, err);
        }
        *out = (anp_key){.type = keys->particle, .bytes = s.data, .size = (uint32_t)s.size};
        return ANP_OK;
    }
    case ANP_KEYS_DIGEST:
        out->bytes = place(keys, row);
        out->size = ANP_DIGEST_SIZE;
        return ANP_OK;
    case ANP_KEYS_PACKED:
    default: {
        uint64_t i = row - keys->first;
        out->type = keys->types[i];
        out->bytes = keys->bytes + keys->offsets[i];
        out->size = (uint32_t)(keys->offsets[i + 1] - keys->offsets[i]);
        if (out->type == ANP_PARTICLE_INTEGER) {
            out->integer = (int64_t)anp_load64(out->bytes);
        }
        return ANP_OK;
    }
    }
}

/* As many integers as there are, up to one that doesn't fit. */
static uint32_t read_integers(const anp_keys *keys, uint64_t row, uint32_t n, anp_key *out)
{
    const uint8_t *p = place(keys, row);
    for (uint32_t i = 0; i < n; i++, p += keys->stride) {
        out[i] = (anp_key){.type = ANP_PARTICLE_INTEGER};
        if (!read_integer(keys, p, &out[i].integer)) {
            return i;
        }
    }
    return n;
}

/* Room for the UTF-8 of n keys, so that pointers into scratch stay. */
static anp_status make_room(const anp_keys *keys, uint32_t n, anp_buffer *scratch, anp_error *err)
{
    if (keys->kind != ANP_KEYS_TEXT) {
        return ANP_OK;
    }
    anp_buffer_clear(scratch);
    if (!anp_buffer_reserve(scratch, (size_t)n * keys->width + 1)) {
        return anp_buffer_error(scratch, "a key's text", err);
    }
    return ANP_OK;
}

static void copy_digests(const anp_keys *keys, uint64_t row, uint32_t count, uint8_t *out)
{
    const uint8_t *from = keys->base + (ptrdiff_t)(row - keys->first) * keys->stride;
    if (keys->stride == ANP_DIGEST_SIZE) {
        memcpy(out, from, (size_t)count * ANP_DIGEST_SIZE);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(out + (size_t)i * ANP_DIGEST_SIZE, from + (ptrdiff_t)i * keys->stride,
               ANP_DIGEST_SIZE);
    }
}

anp_status anp_keys_digest(const anp_keys *keys, uint64_t row, uint32_t count, uint8_t *out,
                           anp_buffer *scratch, anp_error *err)
{
    if (count == 0) {
        return ANP_OK;
    }
    if (keys->kind == ANP_KEYS_DIGEST) {
        copy_digests(keys, row, count, out);
        return ANP_OK;
    }
    uint64_t run_end;
    anp_slice set = anp_keys_run(keys, row, &run_end)->set;
    anp_key lane[LANES];
    uint32_t lanes = keys->kind == ANP_KEYS_TEXT && keys->width > 65536 ? 1 : LANES;
    for (uint32_t done = 0; done < count;) {
        uint32_t want = count - done < lanes ? count - done : lanes;
        anp_status status = make_room(keys, want, scratch, err);
        uint32_t n = keys->kind == ANP_KEYS_INT ? read_integers(keys, row + done, want, lane) : 0;
        bool is_digest = false; /* the key after the n is only a digest */
        while (status == ANP_OK && n < want && !is_digest) {
            status = read_key(keys, row + done + n, &lane[n], scratch, err);
            is_digest = lane[n].type == 0;
            n += !is_digest;
        }
        if (status != ANP_OK) {
            return status;
        }
        if (n != 0) {
            anp_digest_many(set.data, set.size, lane, n, out + (size_t)done * ANP_DIGEST_SIZE);
        }
        done += n;
        if (is_digest) {
            if (lane[n].size != ANP_DIGEST_SIZE) {
                return anp_error_set(err, ANP_ERR_PARAM, "digest of row %llu has %u bytes, not 20",
                                     (unsigned long long)(row + done), (unsigned)lane[n].size);
            }
            memcpy(out + (size_t)done * ANP_DIGEST_SIZE, lane[n].bytes, ANP_DIGEST_SIZE);
            done++;
        }
    }
    return ANP_OK;
}

anp_status anp_keys_get(const anp_keys *keys, uint64_t row, anp_key *out, anp_buffer *scratch,
                        anp_error *err)
{
    anp_status status = make_room(keys, 1, scratch, err);
    return status != ANP_OK ? status : read_key(keys, row, out, scratch, err);
}
