/* MessagePack as Aerospike speaks it. Strings and blobs inside lists and maps carry one leading
 * type byte (3 string, 4 blob, 7..12 language blobs, 18 HLL, 23 GeoJSON) that the header counts.
 * Extensions: d4 ff 00 wildcard, d4 ff 01 infinity, c7 00 flags the order mark (first element of a
 * list, first key of a map, counted in the header).
 *
 * The reader pulls one item at a time from a cursor and keeps no stack: whoever needs nesting keeps
 * count. Nothing is allocated. */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"

typedef enum {
    ANP_MSGPACK_NIL,
    ANP_MSGPACK_BOOL,
    ANP_MSGPACK_INT,   /* fits int64 */
    ANP_MSGPACK_UINT,  /* above 2^63 - 1 */
    ANP_MSGPACK_FLOAT, /* 32 bits on the wire */
    ANP_MSGPACK_DOUBLE,
    ANP_MSGPACK_STRING, /* str header: bytes, with whatever leading type byte there is */
    ANP_MSGPACK_BIN,    /* bin header */
    ANP_MSGPACK_LIST,   /* count elements follow */
    ANP_MSGPACK_MAP,    /* count pairs follow */
    ANP_MSGPACK_EXT,    /* ext type in `ext`, data in bytes */
} anp_msgpack_kind;

typedef struct anp_msgpack_item {
    anp_msgpack_kind kind;
    union {
        bool boolean;
        int64_t integer;
        uint64_t uinteger;
        double real;
    };
    anp_slice bytes; /* STRING, BIN, EXT */
    uint32_t count;  /* LIST, MAP */
    int8_t ext;
} anp_msgpack_item;

#define ANP_MSGPACK_DEPTH 128 /* deepest nesting that is taken, both ways */

/* Reads one item's head (and the bytes of a scalar). false: cut short, or a count of elements
 * larger than the bytes that are left (each needs one byte at least; a pair two), or byte c1. */
bool anp_msgpack_read(anp_cursor *c, anp_msgpack_item *out);

/* Skips one whole element, nested or not. false: cut short, malformed, or deeper than
 * ANP_MSGPACK_DEPTH. */
bool anp_msgpack_skip(anp_cursor *c);

/* True for the order mark c7 00 xx; its flags in *flags. */
bool anp_msgpack_is_order_mark(const anp_msgpack_item *item, uint8_t *flags);

/* Takes the order mark off a list or a map whose head was read, and off its count; in a map with
 * the value that it has there. *flags are 0 where there is none. false: what comes first is cut
 * short or malformed. */
bool anp_msgpack_take_order_mark(anp_cursor *c, anp_msgpack_item *container, uint8_t *flags);

/* Writers: smallest form. String-like values get their leading type byte from `particle`. */
void anp_msgpack_put_nil(anp_buffer *b);
void anp_msgpack_put_bool(anp_buffer *b, bool v);
void anp_msgpack_put_int(anp_buffer *b, int64_t v);
void anp_msgpack_put_uint(anp_buffer *b, uint64_t v);
void anp_msgpack_put_double(anp_buffer *b, double v);
void anp_msgpack_put_text(anp_buffer *b, uint8_t particle, const void *bytes, size_t size);
void anp_msgpack_put_raw_text(anp_buffer *b, const void *bytes,
                              size_t size); /* no type byte: expressions, contexts */
void anp_msgpack_put_list(anp_buffer *b, uint32_t count);
void anp_msgpack_put_map(anp_buffer *b, uint32_t pairs);
void anp_msgpack_put_order_mark(anp_buffer *b, uint8_t flags); /* the extension alone */
void anp_msgpack_put_wildcard(anp_buffer *b);
void anp_msgpack_put_infinity(anp_buffer *b);

/* -1, 0 or 1, as values are ordered: two of INT or UINT; the bytes of two texts. */
int anp_msgpack_compare_integers(const anp_msgpack_item *a, const anp_msgpack_item *b);
int anp_msgpack_compare_texts(anp_slice a, anp_slice b);

/* The same of what begins with a map's key: integers come first, then strings, then blobs. */
int anp_msgpack_compare_keys(anp_slice a, anp_slice b);

/* Sorts the n pairs that go from `start` to the buffer's end by their keys. false, and the bytes as
 * they were: a key is there twice, or no memory (then b->failed says so). */
bool anp_msgpack_sort_pairs(anp_buffer *b, size_t start, uint32_t n);
