/* A checker of JSON syntax (RFC 8259). Recursion is bounded by DEPTH. */
#include "node/geojson.h"

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

bool anp_geojson_is_object(anp_slice text)
{
    anp_cursor c = anp_cursor_over(text.data, text.size);
    skip_space(&c);
    if (c.at == c.end || *c.at != '{' || !is_value(&c, 0)) {
        return false;
    }
    skip_space(&c);
    return anp_cursor_left(&c) == 0;
}
