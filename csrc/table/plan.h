/* A dtype as a plan of fields. Each field is a base pointer and a stride, so one plan serves
 * structured rows, separate columns and a matrix. The plan is built once a call (by the binding,
 * which knows NumPy; this layer doesn't) and is only read afterwards, by any number of threads. */
#pragma once

#include <stddef.h>

#include "base/cursor.h"
#include "aerospike_np/rows.h"
#include "base/error.h"
#include "wire/protocol.h"

typedef enum {
    ANP_KIND_INT,      /* i1 i2 i4 i8 */
    ANP_KIND_UINT,     /* u1 u2 u4 u8 */
    ANP_KIND_BOOL,     /* one byte, 0 or 1 */
    ANP_KIND_FLOAT,    /* f2 f4 f8 */
    ANP_KIND_BYTES,    /* S: zero-padded bytes */
    ANP_KIND_CHARS,    /* C's char[]: text up to a zero, which is there; not NumPy's */
    ANP_KIND_TEXT,     /* U: zero-padded UCS-4, itemsize / 4 code points */
    ANP_KIND_RAW,      /* V without fields: exactly itemsize bytes */
    ANP_KIND_TIME,     /* M8: int64 in `unit` * `unit_count` since 1970; NaT is INT64_MIN */
    ANP_KIND_SPAN,     /* m8: int64 */
    ANP_KIND_STRUCT,   /* nested fields */
    ANP_KIND_DEFERRED, /* object, StringDType: bytes wait in an arena, the binding makes the value
                        */
} anp_kind;

typedef enum { /* units of time, NumPy's order */
               ANP_UNIT_YEAR,
               ANP_UNIT_MONTH,
               ANP_UNIT_WEEK,
               ANP_UNIT_DAY,
               ANP_UNIT_HOUR,
               ANP_UNIT_MINUTE,
               ANP_UNIT_SECOND,
               ANP_UNIT_MS,
               ANP_UNIT_US,
               ANP_UNIT_NS,
               ANP_UNIT_PS,
               ANP_UNIT_FS,
               ANP_UNIT_AS,
               ANP_UNIT_GENERIC,
} anp_unit;

enum { ANP_PLAN_NDIM = 8, ANP_PLAN_DEPTH = 16, ANP_PLAN_FIELDS = 32767 };

struct anp_particle;
typedef struct anp_field anp_field;
struct anp_field {
    /* Filled in by the binding. */
    const char
        *name; /* the bin (top level) or map key (nested); borrowed, valid as long as the plan */
    uint16_t name_size; /* top level: at most 15 */
    anp_kind kind;
    uint8_t width;      /* bytes of one number: INT, UINT, BOOL, FLOAT, TIME, SPAN; else 0 */
    bool swapped;       /* the other byte order than the host's (numbers, times, U) */
    uint8_t unit;       /* anp_unit: TIME, SPAN */
    int32_t unit_count; /* TIME, SPAN: multiplier, usually 1 */
    uint8_t ndim; /* 0: a scalar; else a sub-array of numbers (INT UINT BOOL FLOAT) in C order */
    uint32_t shape[ANP_PLAN_NDIM];
    size_t itemsize;     /* bytes of the whole field in a row (all elements of a sub-array) */
    uint8_t *base;       /* row 0 of this field. Nested: NULL, use offset */
    ptrdiff_t stride;    /* to the next row */
    size_t offset;       /* nested: within the parent */
    const uint8_t *fill; /* itemsize bytes for where nothing came, in the field's own byte order;
                            NULL: zeros */
    anp_field *fields;   /* STRUCT: borrowed */
    uint32_t n_fields;

    /* Set by anp_plan_prepare; zero before. */
    uint32_t count;    /* elements: 1, or the product of shape */
    bool has_deferred; /* DEFERRED, or a STRUCT with such a field at any depth */
    uint64_t head_key; /* for the fast compare of an operation's head, see decode.c */
    uint64_t head_mask;
    uint64_t tail_key; /* the name's last 8 bytes, where it has more than 7 */
    anp_reason (*store)(const anp_field *f, uint8_t *slot, const struct anp_particle *p, int mode);
    void *index; /* STRUCT: name table of its fields */
};

typedef struct anp_plan {
    anp_field *fields; /* owned by whoever built the plan */
    uint32_t n_fields;
    bool has_deferred; /* set by prepare: some field is DEFERRED, at any depth */
    /* Row padding that must be zeroed (structured rows that are fresh): NULL or n_gaps of {offset,
     * size} relative to row_base + row * row_stride. */
    uint8_t *row_base;
    ptrdiff_t row_stride;
    const struct anp_gap {
        size_t offset, size;
    } *gaps;
    uint32_t n_gaps;
    void *index; /* name table, built by prepare */
} anp_plan;

/* Checks what the binding filled in (widths, counts, name lengths, depth, double names are the
 * binding's to refuse for NumPy's reasons; here they are ANP_ERR_PARAM with the field's name) and
 * builds the name table. The plan must then stay where it is. */
anp_status anp_plan_prepare(anp_plan *plan, anp_error *err);
void anp_plan_deinit(anp_plan *plan); /* frees the name tables only */

/* Field number of a bin, -1 if there is none. `guess` is tried first. */
int32_t anp_plan_find(const anp_plan *plan, anp_slice name, uint32_t guess);

/* The same among the fields of a STRUCT. */
int32_t anp_field_find(const anp_field *parent, anp_slice name, uint32_t guess);

/* "integer", "4-byte float", "string of 8 bytes" ... for messages; into `text`. */
void anp_field_describe(const anp_field *field, char *text, size_t size);
