/* Operations with places for values of rows: what is the same for all rows was written once, and
 * is copied. Only read after it was made, by any number of threads. */
#pragma once

#include "table/encode.h"

/* A place. Its value is that of the field of the rows with the place's own number. */
typedef struct anp_template_hole {
    size_t at;      /* where in the bytes it is: they go on behind it */
    bool is_packed; /* MessagePack inside the operation's value; else it is the value */
    bool is_list;   /* a sub-array goes in as a list, whatever the rows say */
    bool is_count;  /* an integer below 0 goes in as one of 64 bits without sign */
} anp_template_hole;

typedef struct anp_template_op {
    size_t begin, end; /* of its bytes, which are a whole operation without what is in places */
    uint32_t hole, n_holes; /* the first, and how many */
} anp_template_op;

typedef struct anp_template {
    const uint8_t *bytes;
    const anp_template_op *ops;
    uint32_t n_ops;
    const anp_template_hole *holes;
    const anp_rows *rows;
    anp_rows lists; /* the same rows, with sub-arrays as lists */
} anp_template;

/* Appends the operations of one row, but those of which a value is masked or not there. *n_ops: how
 * many. On failure the buffer is back at its old size; *hole and the reason say which value:
 * ANP_ERR_CONVERSION. ANP_ERR_MEMORY. */
anp_status anp_template_encode(const anp_template *t, uint64_t row, anp_buffer *b, uint16_t *n_ops,
                               uint32_t *hole, anp_reason *reason);

/* Looks at rows [0, count) as encode would. ANP_OK, or ANP_ERR_CONVERSION with the first bad row,
 * its place and reason; ANP_REASON_NONE: that row has nothing to do (only when empty_is_bad). */
anp_status anp_template_check(const anp_template *t, uint64_t count, bool empty_is_bad,
                              uint64_t *row, uint32_t *hole, anp_reason *reason);
