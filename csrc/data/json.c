/* JSON (RFC 8259), checked and walked where it stands. Recursion is bounded by DEPTH. */
#include "data/json.h"

#include <math.h>

enum { DEPTH = 64 };

static bool is_value(anp_cursor *c, unsigned depth);

static void skip_space(anp_cursor *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
}

static bool take(anp_cursor *c, char wanted)
{
    if (c->at < c->end && *c->at == (uint8_t)wanted) {
        c->at++;
        return true;
    }
    return false;
}

static bool is_word(anp_cursor *c, const char *word)
{
    const uint8_t *p = anp_cursor_take(c, strlen(word));
    return p != NULL && memcmp(p, word, strlen(word)) == 0;
}

static bool is_string(anp_cursor *c)
{
    if (!take(c, '"')) {
        return false;
    }
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '"') {
            return true;
        }
        if (byte < 0x20 || (byte == '\\' && anp_cursor_take(c, 1) == NULL)) {
            return false;
        }
    }
    return false;
}

static bool digits(anp_cursor *c)
{
    const uint8_t *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        c->at++;
    }
    return c->at != start;
}

static bool is_number(anp_cursor *c)
{
    (void)take(c, '-');
    if (!digits(c) || (take(c, '.') && !digits(c))) {
        return false;
    }
    if (take(c, 'e') || take(c, 'E')) {
        (void)(take(c, '+') || take(c, '-'));
        return digits(c);
    }
    return true;
}

static bool is_run(anp_cursor *c, char end, bool named, unsigned depth)
{
    skip_space(c);
    if (take(c, end)) {
        return true;
    }
    do {
        skip_space(c);
        if (named) {
            if (!is_string(c)) {
                return false;
            }
            skip_space(c);
            if (!take(c, ':')) {
                return false;
            }
        }
        if (!is_value(c, depth)) {
            return false;
        }
        skip_space(c);
    } while (take(c, ','));
    return take(c, end);
}

static bool is_value(anp_cursor *c, unsigned depth)
{
    skip_space(c);
    if (c->at == c->end || depth == DEPTH) {
        return false;
    }
    switch (*c->at) {
    case '{':
        c->at++;
        return is_run(c, '}', true, depth + 1);
    case '[':
        c->at++;
        return is_run(c, ']', false, depth + 1);
    case '"':
        return is_string(c);
    case 't':
        return is_word(c, "true");
    case 'f':
        return is_word(c, "false");
    case 'n':
        return is_word(c, "null");
    default:
        return is_number(c);
    }
}

bool anp_json_is_object(anp_slice text)
{
    anp_cursor c = anp_cursor_over(text.data, text.size);
    skip_space(&c);
    if (c.at == c.end || *c.at != '{' || !is_value(&c, 0)) {
        return false;
    }
    skip_space(&c);
    return anp_cursor_left(&c) == 0;
}

bool anp_json_take(anp_cursor *c, char wanted)
{
    skip_space(c);
    return take(c, wanted);
}

bool anp_json_text(anp_cursor *c, anp_slice *out)
{
    skip_space(c);
    const uint8_t *start = c->at;
    if (!is_string(c)) {
        return false;
    }
    *out = (anp_slice){start + 1, (size_t)(c->at - start) - 2};
    return true;
}

/* A number that is_number let through, whatever the process's locale says of decimal points. */
static double value_of(const uint8_t *p, const uint8_t *end)
{
    double v = 0;
    int scale = 0, exponent = 0;
    bool is_negative = *p == '-', in_fraction = false, is_small = false;
    for (p += is_negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            in_fraction = true;
            continue;
        }
        v = v * 10 + (*p - '0');
        scale += in_fraction;
    }
    for (; p < end; p++) {
        is_small = is_small || *p == '-';
        if (*p >= '0' && *p <= '9' && exponent < 1000) {
            exponent = exponent * 10 + (*p - '0');
        }
    }
    exponent = (is_small ? -exponent : exponent) - scale;
    v = exponent < 0 ? v / pow(10, -exponent) : v * pow(10, exponent);
    return is_negative ? -v : v;
}

bool anp_json_number(anp_cursor *c, double *out)
{
    skip_space(c);
    const uint8_t *start = c->at;
    if (!is_number(c)) {
        return false;
    }
    *out = value_of(start, c->at);
    return true;
}

bool anp_json_find(anp_slice object, const char *name, anp_cursor *out)
{
    anp_cursor c = anp_cursor_over(object.data, object.size);
    if (!anp_json_take(&c, '{')) {
        return false;
    }
    do {
        anp_slice key;
        if (!anp_json_text(&c, &key) || !anp_json_take(&c, ':')) {
            return false;
        }
        anp_cursor value = c;
        if (!is_value(&c, 0)) {
            return false;
        }
        if (key.size == strlen(name) && memcmp(key.data, name, key.size) == 0) {
            *out = (anp_cursor){value.at, c.at};
            return true;
        }
    } while (anp_json_take(&c, ','));
    return false;
}
