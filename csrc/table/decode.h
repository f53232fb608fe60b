/* Bins -> row. One table is what one batch read writes to; only one thread writes to it at a time.
 */
#pragma once

#include "base/buffer.h"
#include "table/plan.h"
#include "wire/message.h"

/* A value that the binding must still make: where its slot is, and where its bytes wait in the
 * arena. A field's own slot is never written here, not even filled: what is in it (an object, a
 * string of NumPy's) owns memory that only the binding can let go. Inside a nested struct slots are
 * zeroed, and one may come twice (a map with double keys): the later one replaces the earlier.
 * Nested values look like top-level ones: integers are 8 bytes big-endian, lists and maps their
 * MessagePack, GeoJSON has its 3-byte head; `field` is the top-level field. */
typedef struct anp_deferred {
    int64_t row;
    uint8_t *slot;
    uint64_t offset;
    uint32_t size;
    int32_t field;
    uint8_t particle;
} anp_deferred;

typedef struct anp_table {
    const anp_plan *plan;
    uint64_t n_rows;
    anp_errors_mode mode;
    uint32_t now; /* seconds since ANP_EPOCH, for times to live */
    /* Outputs; all n_rows long, contiguous, borrowed. */
    int32_t *codes;   /* written last of a row */
    uint32_t *meta;   /* pairs of generation and ttl (seconds left, 0xffffffff never expires) */
    uint8_t *missing; /* one bit a field and row, set where a value is missing or refused; zeroed by
                         the caller */
    size_t missing_stride; /* bytes a row: (n_fields + 7) / 8 */
    /* Owned; anp_table_deinit frees them. */
    anp_buffer errors;   /* of anp_cell_error */
    anp_buffer deferred; /* of anp_deferred */
    anp_buffer arena;
    anp_buffer form; /* of the last whole row, see row_form.c */
} anp_table;

/* Prepares the owned buffers (bounded by memory only); the caller has set the rest. */
void anp_table_init(anp_table *t);
void anp_table_deinit(anp_table *t);

/* Writes one row from a reply message: `m` is its head, `body` stands at its first field and ends
 * with the message. Any result code: rows that are not ok get `fill`, all missing bits, and their
 * code; code 27, 2 and so on are data. The whole row is written anew, padding zeroed, code last.
 * ANP_ERR_PROTOCOL: the message's inside is wrong: row untouched in its code (the caller settles
 * it); ANP_ERR_MEMORY. A value that doesn't fit is no failure: it is noted in `errors`. Of a bin
 * that comes twice the last value counts that is not nil. */
anp_status anp_table_decode(anp_table *t, uint64_t row, const anp_message *m, anp_cursor body,
                            anp_error *err);

/* The same for a row that is ok, has no fields before its operations, and is like one before; gives
 * the size of its operations, of which `here` bytes are there. 0: it isn't like that, or not wholly
 * here: decode must look at it, and writes it anew. */
size_t anp_table_again(anp_table *t, uint64_t row, uint32_t generation, uint32_t void_time,
                       uint32_t n_ops, const uint8_t *ops, size_t here);

/* This row will be written soon: has its memory fetched. */
void anp_table_soon(const anp_table *t, uint64_t row);

/* A row that ends without a record: fill, all bits missing, meta 0, this code. */
void anp_table_settle(anp_table *t, uint64_t row, int32_t code);

/* Stores one particle at `slot` (the field's place in a row). For nested fields and tests too.
 * DEFERRED is not for here. Returns the reason why not; then the slot's content is undefined.
 * `mode` UNSAFE forces: integers wrap, doubles lose their fraction, text is cut; a blob never is.
 */
anp_reason anp_cell_store(const anp_field *field, uint8_t *slot, const anp_particle *p,
                          anp_errors_mode mode);
