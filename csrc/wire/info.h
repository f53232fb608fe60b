/* Info text (type 1): requests are commands that each end in LF; a reply has one line for each,
 * `command TAB value LF`. Here are the lines, the errors in values, and the topology answers. */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"
#include "wire/protocol.h"

/* Appends a whole info frame for `text`; a missing final LF is added. */
void anp_info_request(anp_buffer *b, const char *text, size_t size);

typedef struct anp_info_line {
    anp_slice name;  /* the command as it was sent */
    anp_slice value; /* empty where there was no TAB */
} anp_info_line;

/* Next line of a reply's body; false at its end. */
bool anp_info_next(anp_cursor *c, anp_info_line *out);

/* Finds the value of `name` in a body; false when it isn't there. */
bool anp_info_find(anp_slice body, const char *name, anp_slice *value);

/* 0 when the value is no error; else the code of `ERROR:<code>:...`, `FAIL:...` (1 where it names
 * none) or 100 for `error=...`. *text is the sentence behind the code. */
int anp_info_error(anp_slice value, anp_slice *text);

/* A decimal number that is the whole slice, sign allowed; false otherwise or out of range. */
bool anp_info_int(anp_slice s, int64_t *out);
bool anp_info_uint(anp_slice s, uint64_t *out);

bool anp_slice_is(anp_slice s, const char *text);

/* `build` as four numbers, missing ones 0; stops at the first byte that is neither digit nor dot.
 */
bool anp_info_build(anp_slice value, uint32_t build[4]);

/* ---- partition maps: `replicas` ---- */

#define ANP_BITMAP_SIZE (ANP_PARTITIONS / 8)

typedef struct anp_replicas {
    anp_slice namespace_name;
    uint32_t regime;
    uint32_t n_bitmaps;                 /* in the answer */
    uint32_t n_kept;                    /* in `bitmap` */
    uint8_t bitmap[3][ANP_BITMAP_SIZE]; /* partition p: byte p >> 3, mask 0x80 >> (p & 7) */
} anp_replicas;

/* Takes the next namespace of a `replicas` value. 1: taken; 0: the end; ANP_ERR_PROTOCOL: malformed
 * (wrong length, bad base64, no number), with err set. */
int anp_replicas_next(anp_cursor *c, anp_replicas *out, anp_error *err);

static inline bool anp_bitmap_has(const uint8_t *bitmap, unsigned partition)
{
    return (bitmap[partition >> 3] & (0x80u >> (partition & 7))) != 0;
}

/* Appends base64 of a bitmap, as `replicas` has it. */
void anp_bitmap_print(anp_buffer *b, const uint8_t bitmap[ANP_BITMAP_SIZE]);

/* ---- peers: `<generation>,<default port>,[[node,tls,[host:port,...]],...]` ---- */

typedef struct anp_peer {
    anp_slice node;      /* node id */
    anp_slice tls_name;  /* may be empty */
    anp_slice endpoints; /* text between the inner brackets; walk it with anp_peer_endpoint */
} anp_peer;

typedef struct anp_peers {
    int64_t generation;
    uint16_t default_port;
    anp_cursor rest;
} anp_peers;

/* Reads generation and default port (3000 when empty). ANP_ERR_PROTOCOL with err set when
 * malformed. */
anp_status anp_peers_open(anp_slice value, anp_peers *out, anp_error *err);
int anp_peers_next(anp_peers *p, anp_peer *out,
                   anp_error *err); /* 1, 0 at the end, ANP_ERR_PROTOCOL */

/* Takes `host`, `host:port`, `[v6]` or `[v6]:port` from a comma list. 1, 0 at the end,
 * ANP_ERR_PROTOCOL. The host is without brackets. */
int anp_peer_endpoint(anp_cursor *c, uint16_t default_port, anp_slice *host, uint16_t *port,
                      anp_error *err);
