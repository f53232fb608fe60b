/* Storing and ordering lists and maps. No state; recursion is bounded by ANP_MSGPACK_DEPTH. */
#include "data/collection.h"

#include "wire/msgpack.h"
#include "wire/protocol.h"

enum { ORDERED = 0x01, KEY_VALUE_ORDERED = 0x03, PERSIST_INDEX = 0x10 };

/* ---- order ---- */

enum {
    RANK_NIL,
    RANK_BOOL,
    RANK_INT,
    RANK_STRING,
    RANK_LIST,
    RANK_MAP,
    RANK_BLOB,
    RANK_DOUBLE,
    RANK_GEOJSON,
    RANK_EXTENSION,
    RANK_INFINITY,
    RANK_ANYTHING
};

/* Infinity and the wildcard are for comparing alone. */
static bool is_for_comparing(const anp_msgpack_item *item)
{
    return item->kind == ANP_MSGPACK_EXT && item->ext == -1 && item->bytes.size >= 1 &&
           item->bytes.size <= 3;
}

static int rank_of_bytes(anp_slice bytes)
{
    switch (bytes.size != 0 ? bytes.data[0] : ANP_PARTICLE_BLOB) {
    case ANP_PARTICLE_STRING:
        return RANK_STRING;
    case ANP_PARTICLE_GEOJSON:
        return RANK_GEOJSON;
    default:
        return RANK_BLOB;
    }
}

static int rank_of(const anp_msgpack_item *item)
{
    switch (item->kind) {
    case ANP_MSGPACK_NIL:
        return RANK_NIL;
    case ANP_MSGPACK_BOOL:
        return RANK_BOOL;
    case ANP_MSGPACK_INT:
    case ANP_MSGPACK_UINT:
        return RANK_INT;
    case ANP_MSGPACK_STRING:
    case ANP_MSGPACK_BIN:
        return rank_of_bytes(item->bytes);
    case ANP_MSGPACK_LIST:
        return RANK_LIST;
    case ANP_MSGPACK_MAP:
        return RANK_MAP;
    case ANP_MSGPACK_EXT:
        return !is_for_comparing(item)       ? RANK_EXTENSION
               : item->bytes.data[0] == 0x01 ? RANK_INFINITY
                                             : RANK_ANYTHING;
    default:
        return RANK_DOUBLE;
    }
}

/* Takes the order mark of a list or map off its count. */
static void skip_mark(anp_cursor *c, anp_msgpack_item *container)
{
    uint8_t flags;
    (void)anp_msgpack_take_order_mark(c, container, &flags);
}

static int compare(anp_cursor *a, anp_cursor *b, int depth);

enum { MATCHES = 2 }; /* a wildcard was met: all that follows is equal, at every depth */

static int compare_inside(anp_cursor *a, anp_msgpack_item *x, anp_cursor *b, anp_msgpack_item *y,
                          int depth)
{
    skip_mark(a, x);
    skip_mark(b, y);
    if (x->kind == ANP_MSGPACK_MAP && x->count != y->count) {
        return x->count > y->count ? 1 : -1;
    }
    uint64_t per = x->kind == ANP_MSGPACK_MAP ? 2 : 1;
    uint64_t n = per * (x->count < y->count ? x->count : y->count);
    for (uint64_t i = 0; i < n; i++) {
        int c = compare(a, b, depth + 1);
        if (c != 0) {
            return c;
        }
    }
    return (x->count > y->count) - (x->count < y->count);
}

/* Moves both cursors behind their elements where they are equal; where not, nobody needs them any
 * more. */
static int compare(anp_cursor *a, anp_cursor *b, int depth)
{
    anp_msgpack_item x, y;
    if (depth > ANP_MSGPACK_DEPTH || !anp_msgpack_read(a, &x) || !anp_msgpack_read(b, &y)) {
        return 0;
    }
    int r = rank_of(&x), s = rank_of(&y);
    if (r == RANK_ANYTHING || s == RANK_ANYTHING) {
        return MATCHES;
    }
    if (r != s) {
        return r < s ? -1 : 1;
    }
    switch (r) {
    case RANK_BOOL:
        return (int)x.boolean - (int)y.boolean;
    case RANK_INT:
        return anp_msgpack_compare_integers(&x, &y);
    case RANK_DOUBLE:
        return (x.real > y.real) - (x.real < y.real);
    case RANK_STRING:
    case RANK_BLOB:
    case RANK_GEOJSON:
    case RANK_EXTENSION:
        return anp_msgpack_compare_texts(x.bytes, y.bytes);
    case RANK_LIST:
    case RANK_MAP:
        return compare_inside(a, &x, b, &y, depth);
    default:
        return 0;
    }
}

int anp_collection_compare(anp_cursor a, anp_cursor b)
{
    int order = compare(&a, &b, 0);
    return order == MATCHES ? 0 : order;
}

/* ---- stored form ---- */

static bool store_one(anp_buffer *b, anp_cursor *c, int depth);

static bool store_list(anp_buffer *b, anp_cursor *c, anp_msgpack_item *list, int depth)
{
    uint8_t flags;
    if (!anp_msgpack_take_order_mark(c, list, &flags) || (flags & ~(ORDERED | PERSIST_INDEX))) {
        return false;
    }
    flags &= ORDERED;
    uint32_t count = list->count;
    anp_msgpack_put_list(b, count + (flags != 0 ? 1u : 0u));
    if (flags != 0) {
        anp_msgpack_put_order_mark(b, flags);
    }
    size_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t start = b->size;
        if (!store_one(b, c, depth + 1) || b->failed != ANP_OK) {
            return false;
        }
        if (flags != 0 && i != 0 &&
            anp_collection_compare(anp_cursor_over(b->data + before, start - before),
                                   anp_cursor_over(b->data + start, b->size - start)) > 0) {
            return false;
        }
        before = start;
    }
    return true;
}

bool anp_collection_is_storable(anp_slice element)
{
    anp_cursor c = anp_cursor_over(element.data, element.size);
    anp_msgpack_item item;
    while (anp_cursor_left(&c) != 0 && anp_msgpack_read(&c, &item)) {
        if (is_for_comparing(&item)) {
            return false;
        }
    }
    return true;
}

bool anp_collection_is_key(anp_slice element)
{
    anp_cursor c = anp_cursor_over(element.data, element.size);
    anp_msgpack_item item;
    if (!anp_msgpack_read(&c, &item)) {
        return false;
    }
    int rank = rank_of(&item);
    return rank == RANK_INT || rank == RANK_STRING || rank == RANK_BLOB;
}

static bool store_map(anp_buffer *b, anp_cursor *c, anp_msgpack_item *map, int depth)
{
    uint8_t flags;
    if (!anp_msgpack_take_order_mark(c, map, &flags) ||
        (flags & ~(KEY_VALUE_ORDERED | PERSIST_INDEX))) {
        return false;
    }
    flags &= KEY_VALUE_ORDERED;
    uint32_t count = map->count;
    anp_msgpack_put_map(b, count + (flags != 0 ? 1u : 0u));
    if (flags != 0) {
        anp_msgpack_put_order_mark(b, flags);
        anp_msgpack_put_nil(b);
    }
    size_t start = b->size;
    size_t before = start;
    bool sorted = true;
    for (uint32_t i = 0; i < count; i++) {
        size_t at_key = b->size;
        if (!store_one(b, c, depth + 1) || b->failed != ANP_OK) {
            return false;
        }
        anp_slice key = {b->data + at_key, b->size - at_key};
        anp_slice last = {b->data + before, at_key - before};
        sorted = sorted && (i == 0 || anp_msgpack_compare_keys(last, key) < 0);
        before = at_key;
        if (!anp_collection_is_key(key) || !store_one(b, c, depth + 1) || b->failed != ANP_OK) {
            return false;
        }
    }
    return sorted || (flags == 0 && anp_msgpack_sort_pairs(b, start, count));
}

/* Does a str head take fewer bytes than this head of a blob? */
static bool has_shorter_head(uint8_t head, size_t size)
{
    return head == 0xc4 ? size < 32 : head == 0xc5 ? size <= UINT8_MAX : size <= UINT16_MAX;
}

static bool store_one(anp_buffer *b, anp_cursor *c, int depth)
{
    const uint8_t *start = c->at;
    anp_msgpack_item item;
    if (depth > ANP_MSGPACK_DEPTH || !anp_msgpack_read(c, &item)) {
        return false;
    }
    switch (item.kind) {
    case ANP_MSGPACK_INT:
        anp_msgpack_put_int(b, item.integer);
        return true;
    case ANP_MSGPACK_UINT:
        anp_msgpack_put_uint(b, item.uinteger);
        return true;
    case ANP_MSGPACK_STRING:
        anp_msgpack_put_raw_text(b, item.bytes.data, item.bytes.size);
        return true;
    case ANP_MSGPACK_BIN: /* its first byte is the type too */
        if (has_shorter_head(*start, item.bytes.size)) {
            anp_msgpack_put_raw_text(b, item.bytes.data, item.bytes.size);
        } else {
            anp_buffer_put(b, start, (size_t)(c->at - start));
        }
        return true;
    case ANP_MSGPACK_LIST:
        return store_list(b, c, &item, depth);
    case ANP_MSGPACK_MAP:
        return store_map(b, c, &item, depth);
    default: /* as it is */
        anp_buffer_put(b, start, (size_t)(c->at - start));
        return true;
    }
}

bool anp_collection_store(anp_buffer *b, uint8_t particle, anp_slice bytes)
{
    size_t before = b->size;
    anp_cursor c = anp_cursor_over(bytes.data, bytes.size), look = c;
    anp_msgpack_item item;
    bool ok = anp_msgpack_read(&look, &item) &&
              item.kind == (particle == ANP_PARTICLE_LIST ? ANP_MSGPACK_LIST : ANP_MSGPACK_MAP) &&
              store_one(b, &c, 0) && anp_cursor_left(&c) == 0;
    if (!ok) {
        b->size = before;
    }
    return ok;
}

bool anp_collection_store_element(anp_buffer *b, anp_slice bytes)
{
    size_t before = b->size;
    anp_cursor c = anp_cursor_over(bytes.data, bytes.size);
    bool ok = store_one(b, &c, 0) && anp_cursor_left(&c) == 0 && b->failed == ANP_OK;
    if (!ok) {
        b->size = before;
    }
    return ok;
}

void anp_collection_half(anp_buffer *b, anp_slice map, bool values)
{
    anp_cursor c = anp_cursor_over(map.data, map.size);
    anp_msgpack_item head = {0};
    (void)anp_msgpack_read(&c, &head);
    skip_mark(&c, &head);
    anp_msgpack_put_list(b, head.count);
    for (uint32_t i = 0; i < head.count; i++) {
        anp_cursor key = c;
        if (!anp_msgpack_skip(&c)) {
            return;
        }
        anp_cursor value = c;
        if (!anp_msgpack_skip(&c)) {
            return;
        }
        const uint8_t *start = values ? value.at : key.at;
        anp_buffer_put(b, start, (size_t)((values ? c.at : value.at) - start));
    }
}
