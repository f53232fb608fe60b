/* How records lie in an array of structs: which bin goes to which member, and what is said of a
 * value that would not go there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aerospike_np/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a member is; what may be read into it, and what is written from it. A number goes into
 * another kind of number where nothing is lost: 3.0 into an integer, 5 into a double, not 0.5 into
 * an integer, nor 300 into one byte. */
typedef enum anp_slot_kind {
    ANP_SLOT_INT,    /* int8_t, int16_t, int32_t, int64_t */
    ANP_SLOT_UINT,   /* uint8_t to uint64_t; written up to 2^63 - 1 */
    ANP_SLOT_BOOL,   /* bool, or a byte; written as the server's own bool */
    ANP_SLOT_FLOAT,  /* float, double */
    ANP_SLOT_STRING, /* char[size] with a zero at its end: strings and blobs of less than size bytes
                        without a zero in them; written as a string, which must be UTF-8 */
    ANP_SLOT_PADDED, /* char[size] with zeros behind the text, which may fill it: up to size bytes;
                        written as a string without the zeros at its end, which must be UTF-8 */
    ANP_SLOT_BLOB,   /* size bytes: blobs of just this size */
} anp_slot_kind;

/* A bin and its member. */
typedef struct anp_row_field {
    const char *bin; /* at most 15 bytes */
    anp_slot_kind kind;
    size_t offset;  /* of the member in the struct */
    size_t size;    /* of the member; of an array: of one element */
    uint32_t count; /* 0: a single value; else an array of so many numbers: lists of just as many
                       elements, and blobs of them, little-endian */
} anp_row_field;

/* A member of a struct type: ANP_FIELD(struct weather, temp, ANP_SLOT_FLOAT, "temp"). */
#define ANP_FIELD(type, member, kind, bin)                                                         \
    {(bin), (kind), offsetof(type, member), sizeof(((type *)0)->member), 0}

/* A member that is an array of numbers, double v[3]. */
#define ANP_FIELD_ARRAY(type, member, kind, bin)                                                   \
    {(bin), (kind), offsetof(type, member), sizeof(((type *)0)->member[0]),                        \
     (uint32_t)(sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]))}

typedef struct anp_row_layout {
    const anp_row_field *fields; /* borrowed during the call; no bin twice */
    uint32_t n_fields;
    size_t row_size; /* sizeof the struct: from a row to the next */
} anp_row_layout;

/* Why a value was not stored. */
typedef enum anp_reason {
    ANP_REASON_NONE = 0,
    ANP_REASON_KIND = 1,      /* a value of this type never goes into this field */
    ANP_REASON_RANGE = 2,     /* out of the field's range */
    ANP_REASON_INEXACT = 3,   /* would lose digits, or what is behind a zero */
    ANP_REASON_LENGTH = 4,    /* too long, or not exactly as long as needed */
    ANP_REASON_ENCODING = 5,  /* not UTF-8, or not a code point */
    ANP_REASON_SHAPE = 6,     /* a list of other counts or nesting */
    ANP_REASON_MALFORMED = 7, /* the value's own bytes are wrong */
} anp_reason;

/* "out of range", ...; constant, never NULL. Thread-safe. */
ANP_API const char *anp_reason_text(anp_reason reason);

/* What a read does about values that do not fit. Refused ones are zeros in the row, missing in the
 * bits, and noted as errors, whatever it does. */
typedef enum anp_errors_mode {
    ANP_ERRORS_RAISE,  /* all rows are read; then the call says ANP_ERR_CONVERSION */
    ANP_ERRORS_MASK,   /* the call says ANP_OK */
    ANP_ERRORS_UNSAFE, /* what can be forced is: cut down, rounded, wrapped around; else as MASK */
} anp_errors_mode;

/* One value that was not stored (or, with UNSAFE, could not even be forced). */
typedef struct anp_cell_error {
    int64_t row;
    int32_t field;    /* of the layout */
    int16_t reason;   /* anp_reason */
    uint8_t particle; /* the server's number of the value's type: 1 integer, 2 double, 3 string,
                         4 blob, 17 bool, 19 map, 20 list, 23 GeoJSON */
    uint8_t unused;
} anp_cell_error;

/* Bytes a row has in the missing bits of a read: one bit a field. */
static inline size_t anp_missing_size(uint32_t n_fields)
{
    return ((size_t)n_fields + 7) / 8;
}

/* Was this field of this row missing (no such record, no such bin, or a value that did not fit)? */
static inline bool anp_is_missing(const uint8_t *missing, uint32_t n_fields, uint64_t row,
                                  uint32_t field)
{
    return (missing[row * anp_missing_size(n_fields) + field / 8] >> (field % 8) & 1) != 0;
}

#ifdef __cplusplus
}
#endif
