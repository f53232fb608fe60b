/* Row -> bins: rows of arrays as WRITE operations. Reads the caller's memory, each value once, so
 * that a value that another thread changes in the middle is either the old or the new one, and is
 * checked as it was read. Any number of threads may encode from one anp_rows. */
#pragma once

#include "base/buffer.h"
#include "table/plan.h"
#include "wire/message.h"

/* Values of a DEFERRED field, made wire-ready by the binding beforehand: particle types and bytes.
 */
typedef struct anp_ready_column {
    const uint8_t *types; /* n_rows; ANP_PARTICLE_NULL: leave the bin out (like a masked value) */
    const uint64_t *offsets; /* n_rows + 1, into bytes */
    const uint8_t *bytes;
} anp_ready_column;

typedef struct anp_row_mask {
    const uint8_t
        *base; /* bool of row 0; NULL: nothing of this field is masked. Non-zero: masked */
    ptrdiff_t stride;
} anp_row_mask;

typedef struct anp_rows {
    const anp_plan *plan;      /* fields that become bins, in bin order; bases and strides set */
    const anp_row_mask *masks; /* n_fields, or NULL */
    const uint8_t *missing;    /* bits as anp_table has them: set is masked too; or NULL */
    size_t missing_stride;     /* bytes a row */
    const anp_ready_column *ready; /* n_fields (used where the field is DEFERRED), or NULL */
    bool masked_removes;           /* a masked value deletes its bin; else it is left out */
    bool bytes_as_string; /* S becomes a string (trailing zeros trimmed, must be UTF-8), else a blob
                             of full width */
    bool subarrays_as_list; /* else a blob of little-endian bytes */
} anp_rows;

/* Appends the operations of one row. *n_ops: how many (0: nothing to write). On failure the buffer
 * is back at its old size; *field and the reason say which value: ANP_ERR_CONVERSION.
 * ANP_ERR_MEMORY. */
anp_status anp_rows_encode(const anp_rows *rows, uint64_t row, anp_buffer *b, uint16_t *n_ops,
                           int32_t *field, anp_reason *reason);

/* Looks at rows [first, first + count) as encode would, without making bytes. ANP_OK, or
 * ANP_ERR_CONVERSION with the first bad row, its field and reason; *field -1: that row has nothing
 * to write (only when empty_is_bad). */
anp_status anp_rows_check(const anp_rows *rows, uint64_t first, uint64_t count, bool empty_is_bad,
                          uint64_t *row, int32_t *field, anp_reason *reason);

/* What stands before a value in its operation. */
typedef struct anp_op_head {
    const char *name;
    uint8_t name_size, type; /* anp_op_type */
} anp_op_head;

/* One value, of field i. Appends an operation with it, or the value alone as lists and maps hold
 * it. *left_out: it is masked, or there is none; what is behind the buffer's old end then counts
 * for nothing. */
anp_reason anp_rows_put(const anp_rows *rows, uint32_t i, uint64_t row, const anp_op_head *head,
                        anp_buffer *b, bool *left_out);
anp_reason anp_rows_pack(const anp_rows *rows, uint32_t i, uint64_t row, anp_buffer *b,
                         bool *left_out);

/* Looks at it as these would. *written: is it in the request? */
anp_reason anp_rows_look(const anp_rows *rows, uint32_t i, uint64_t row, bool *written);

/* Appends one value as MessagePack (what nested structs and lists are made of). `slot` is the
 * field's place. */
anp_reason anp_cell_pack(const anp_field *field, const uint8_t *slot, const anp_rows *rows,
                         anp_buffer *b);
