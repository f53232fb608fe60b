/* The topology answers of info: `replicas` and `peers-*`. No state. */
#include "wire/base64.h"
#include "wire/info.h"

static anp_slice until(anp_cursor *c, const char *stops)
{
    const uint8_t *start = c->at;
    while (c->at < c->end && strchr(stops, *c->at) == NULL) {
        c->at++;
    }
    return (anp_slice){start, (size_t)(c->at - start)};
}

static bool take_byte(anp_cursor *c, char wanted)
{
    if (c->at < c->end && *c->at == (uint8_t)wanted) {
        c->at++;
        return true;
    }
    return false;
}

/* ---- replicas: ns:<regime>,<n>,<bitmap>,...;ns:... ---- */

enum { BITMAP_TEXT = (ANP_BITMAP_SIZE + 2) / 3 * 4 };

static int bad_replicas(anp_slice name, const char *what, anp_error *err)
{
    return anp_error_set(err, ANP_ERR_PROTOCOL, "replicas of namespace %.*s: %s",
                         (int)(name.size < 32 ? name.size : 32), (const char *)name.data, what);
}

int anp_replicas_next(anp_cursor *c, anp_replicas *out, anp_error *err)
{
    if (anp_cursor_left(c) == 0) {
        return 0;
    }
    uint64_t regime, n;
    anp_slice name = until(c, ":;");
    if (name.size == 0 || name.size > ANP_NAMESPACE_MAX || !take_byte(c, ':')) {
        return bad_replicas(name, "no name, or one that is too long", err);
    }
    if (!anp_info_uint(until(c, ",;"), &regime) || regime > UINT32_MAX || !take_byte(c, ',') ||
        !anp_info_uint(until(c, ",;"), &n) || n == 0 || n > 256) {
        return bad_replicas(name, "regime or replication factor is no number", err);
    }
    out->namespace_name = name;
    out->regime = (uint32_t)regime;
    out->n_bitmaps = (uint32_t)n;
    out->n_kept = 0;
    for (uint64_t i = 0; i < n; i++) {
        anp_slice text = {NULL, 0};
        uint8_t scratch[ANP_BITMAP_SIZE];
        uint8_t *bitmap = i < 3 ? out->bitmap[i] : scratch;
        size_t size;
        if (take_byte(c, ',')) {
            text = until(c, ",;");
        }
        if (text.size != BITMAP_TEXT || !anp_base64_decode(text, bitmap, ANP_BITMAP_SIZE, &size) ||
            size != ANP_BITMAP_SIZE) {
            return bad_replicas(name, "a bitmap is missing, or not 684 characters of base64", err);
        }
        out->n_kept += i < 3 ? 1 : 0;
    }
    if (anp_cursor_left(c) != 0 && !take_byte(c, ';')) {
        return bad_replicas(name, "more bitmaps than its replication factor", err);
    }
    return 1;
}

void anp_bitmap_print(anp_buffer *b, const uint8_t bitmap[ANP_BITMAP_SIZE])
{
    anp_base64_encode(b, bitmap, ANP_BITMAP_SIZE);
}

/* ---- peers: <generation>,<default port>,[[node,tls,[endpoint,...]],...] ---- */

static anp_status bad_peers(const char *what, anp_error *err)
{
    return anp_error_set(err, ANP_ERR_PROTOCOL, "peers: %s", what);
}

anp_status anp_peers_open(anp_slice value, anp_peers *out, anp_error *err)
{
    anp_cursor c = anp_cursor_over(value.data, value.size);
    uint64_t port = 3000;
    if (!anp_info_int(until(&c, ","), &out->generation) || !take_byte(&c, ',')) {
        return bad_peers("the generation is no number", err);
    }
    anp_slice text = until(&c, ",");
    if ((text.size != 0 && (!anp_info_uint(text, &port) || port == 0 || port > UINT16_MAX)) ||
        !take_byte(&c, ',')) {
        return bad_peers("the default port is no port", err);
    }
    if (!take_byte(&c, '[') || c.at == c.end || c.end[-1] != ']') {
        return bad_peers("there is no list", err);
    }
    c.end--;
    out->default_port = (uint16_t)port;
    out->rest = c;
    return ANP_OK;
}

/* The text between the brackets that start at the cursor; nested ones belong to it. */
static bool take_brackets(anp_cursor *c, anp_slice *out)
{
    if (!take_byte(c, '[')) {
        return false;
    }
    const uint8_t *start = c->at;
    for (unsigned depth = 1; c->at < c->end; c->at++) {
        depth += *c->at == '[' ? 1u : 0u;
        depth -= *c->at == ']' ? 1u : 0u;
        if (depth == 0) {
            *out = (anp_slice){start, (size_t)(c->at - start)};
            c->at++;
            return true;
        }
    }
    return false;
}

int anp_peers_next(anp_peers *p, anp_peer *out, anp_error *err)
{
    anp_slice inside;
    if (anp_cursor_left(&p->rest) == 0) {
        return 0;
    }
    if (!take_brackets(&p->rest, &inside) ||
        (anp_cursor_left(&p->rest) != 0 && !take_byte(&p->rest, ','))) {
        return bad_peers("an entry is not in brackets", err);
    }
    anp_cursor c = anp_cursor_over(inside.data, inside.size);
    out->node = until(&c, ",");
    if (out->node.size == 0 || out->node.size > 19 || !take_byte(&c, ',')) {
        return bad_peers("an entry has no node name, or one that is too long", err);
    }
    out->tls_name = until(&c, ",");
    if (!take_byte(&c, ',')) {
        return bad_peers("an entry has no endpoints", err);
    }
    out->endpoints = (anp_slice){c.at, 0}; /* a node that left has nothing here */
    if (anp_cursor_left(&c) != 0 &&
        (!take_brackets(&c, &out->endpoints) || anp_cursor_left(&c) != 0)) {
        return bad_peers("the endpoints are not in brackets", err);
    }
    return 1;
}

int anp_peer_endpoint(anp_cursor *c, uint16_t default_port, anp_slice *host, uint16_t *port,
                      anp_error *err)
{
    uint64_t number = default_port;
    if (anp_cursor_left(c) == 0) {
        return 0;
    }
    if (take_byte(c, '[')) {
        *host = until(c, "]");
        if (!take_byte(c, ']')) {
            return bad_peers("an IPv6 address has no closing bracket", err);
        }
    } else {
        *host = until(c, ":,");
    }
    if (take_byte(c, ':')) {
        anp_slice digits = until(c, ",");
        if (!anp_info_uint(digits, &number)) {
            return bad_peers("a port is no number", err);
        }
    }
    if (host->size == 0 || host->size > 255 || number == 0 || number > UINT16_MAX ||
        (anp_cursor_left(c) != 0 && !take_byte(c, ','))) {
        return bad_peers("an endpoint is malformed", err);
    }
    *port = (uint16_t)number;
    return 1;
}
