/* The order of values that can be keys of maps, and of maps by their keys. No state. */
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/msgpack.h"
#include "wire/protocol.h"

enum { INTEGER, STRING, BLOB };

static int rank_of(const anp_msgpack_item *key)
{
    if (key->kind == ANP_MSGPACK_INT || key->kind == ANP_MSGPACK_UINT) {
        return INTEGER;
    }
    return key->bytes.size != 0 && key->bytes.data[0] == ANP_PARTICLE_STRING ? STRING : BLOB;
}

int anp_msgpack_compare_integers(const anp_msgpack_item *a, const anp_msgpack_item *b)
{
    if (a->kind != b->kind) { /* one is above 2^63 - 1 */
        return a->kind == ANP_MSGPACK_UINT ? 1 : -1;
    }
    if (a->kind == ANP_MSGPACK_UINT) {
        return (a->uinteger > b->uinteger) - (a->uinteger < b->uinteger);
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}

int anp_msgpack_compare_texts(anp_slice a, anp_slice b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int c = n != 0 ? memcmp(a.data, b.data, n) : 0;
    return c != 0 ? (c > 0) - (c < 0) : (a.size > b.size) - (a.size < b.size);
}

static int compare(const anp_msgpack_item *a, const anp_msgpack_item *b)
{
    int rank = rank_of(a), other = rank_of(b);
    if (rank != other) {
        return rank - other;
    }
    return rank == INTEGER ? anp_msgpack_compare_integers(a, b)
                           : anp_msgpack_compare_texts(a->bytes, b->bytes);
}

int anp_msgpack_compare_keys(anp_slice a, anp_slice b)
{
    anp_cursor left = anp_cursor_over(a.data, a.size), right = anp_cursor_over(b.data, b.size);
    anp_msgpack_item x, y;
    return anp_msgpack_read(&left, &x) && anp_msgpack_read(&right, &y) ? compare(&x, &y) : 0;
}

typedef struct pair {
    anp_msgpack_item key; /* read once: it is compared often */
    anp_slice bytes;      /* with its value */
} pair;

static int by_key(const void *a, const void *b)
{
    return compare(&((const pair *)a)->key, &((const pair *)b)->key);
}

/* Takes the pairs apart, and sorts them. false: they are not n pairs, or a key is there twice. */
static bool sort(pair *pairs, uint32_t n, anp_slice bytes)
{
    anp_cursor c = anp_cursor_over(bytes.data, bytes.size);
    for (uint32_t i = 0; i < n; i++) {
        anp_msgpack_item *key = &pairs[i].key;
        const uint8_t *start = c.at;
        if (!anp_msgpack_read(&c, key) || key->kind == ANP_MSGPACK_LIST ||
            key->kind == ANP_MSGPACK_MAP || !anp_msgpack_skip(&c)) {
            return false;
        }
        pairs[i].bytes = (anp_slice){start, (size_t)(c.at - start)};
    }
    qsort(pairs, n, sizeof *pairs, by_key);
    for (uint32_t i = 1; i < n; i++) {
        if (by_key(&pairs[i - 1], &pairs[i]) == 0) {
            return false;
        }
    }
    return anp_cursor_left(&c) == 0;
}

bool anp_msgpack_sort_pairs(anp_buffer *b, size_t start, uint32_t n)
{
    size_t size = b->size - start;
    pair *pairs = anp_malloc((n != 0 ? n : 1) * sizeof *pairs);
    uint8_t *copy = pairs != NULL ? anp_memdup(b->data + start, size) : NULL;
    bool ok = copy != NULL && sort(pairs, n, (anp_slice){copy, size});
    if (copy == NULL) {
        b->failed = ANP_ERR_MEMORY;
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        memcpy(b->data + start, pairs[i].bytes.data, pairs[i].bytes.size);
        start += pairs[i].bytes.size;
    }
    anp_free(copy);
    anp_free(pairs);
    return ok;
}
