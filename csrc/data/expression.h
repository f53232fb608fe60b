/* Expressions: read from MessagePack and checked once, then evaluated for as many records as one
 * likes. A node of an expression is [operator, argument, ...] or a literal; the numbers stand in
 * expression_tree.h.
 *
 * What can't be said of a record (a bin is missing, or of another type; a division by zero) makes
 * the value unknown, which goes up through most operators. A filter that is unknown is as good as
 * false. */
#pragma once

#include "data/arena.h"
#include "data/call.h"

typedef enum { /* as on the wire */
               ANP_EXP_NIL = 0,
               ANP_EXP_BOOL = 1,
               ANP_EXP_INT = 2,
               ANP_EXP_STRING = 3,
               ANP_EXP_LIST = 4,
               ANP_EXP_MAP = 5,
               ANP_EXP_BLOB = 6,
               ANP_EXP_FLOAT = 7,
               ANP_EXP_GEO = 8,
               ANP_EXP_HLL = 9,
               /* ours */
               ANP_EXP_ANY,     /* of a node: not known before it is evaluated */
               ANP_EXP_UNKNOWN, /* of a value */
               ANP_EXP_REMOVED, /* of a value: what it was made for is to go */
} anp_exp_type;

typedef struct anp_exp_value {
    anp_exp_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        anp_slice bytes; /* the others: bytes, GeoJSON's text, MessagePack of lists and maps;
                            borrowed from the expression, the record or the arena */
    };
} anp_exp_value;

/* What an expression may ask of a record. */
typedef struct anp_exp_record {
    bool exists;           /* false: it is being made, and has bins only */
    const uint8_t *digest; /* of the record */
    anp_slice set;
    anp_slice key;        /* a type byte and the value, as in a request; size 0: not stored */
    uint64_t last_update; /* ns since 1970, as now and void_time */
    uint64_t now;
    uint64_t void_time; /* 0: never */
    uint64_t size;      /* of the stored record, in bytes */
    bool (*bin)(void *context, anp_slice name, anp_particle *out);
    void *context;
} anp_exp_record;

/* What stands under a path while it is walked. */
typedef struct anp_exp_child {
    anp_exp_value key, value, index;
} anp_exp_child;

typedef struct anp_expression anp_expression;

/* Reads and checks an expression. ANP_PARAMETER: malformed, too deep, too large, or of types that
 * don't fit together. The expression keeps a copy of the bytes. */
uint8_t anp_expression_new(anp_slice bytes, anp_expression **out);
void anp_expression_free(anp_expression *e); /* NULL is nothing */

anp_exp_type anp_expression_type(const anp_expression *e);
anp_slice anp_expression_bytes(const anp_expression *e);

enum { ANP_EXP_STEPS = 16 * 1000 * 1000 }; /* nodes, or units of 64 bytes that were gone through */

/* Evaluates it; `child` is NULL outside of paths. What it takes is taken off *steps. A result code
 * above 0 where these or the memory are used up. */
uint8_t anp_expression_eval(const anp_expression *e, const anp_exp_record *record,
                            const anp_exp_child *child, anp_arena *arena, uint64_t *steps,
                            anp_exp_value *out);

/* For filters: true only where it is known to be true. */
uint8_t anp_expression_holds(const anp_expression *e, const anp_exp_record *record, bool *out);

/* ---- values ---- */

/* A bin's value, which is then borrowed; unknown where there is no such type in expressions. */
anp_exp_value anp_exp_value_of(const anp_particle *p);

/* As a bin's value, made in the arena. ANP_PARTICLE_NULL: nil, or no value at all. */
anp_particle anp_exp_value_particle(const anp_exp_value *v, anp_arena *arena);

/* Appends it as an element of a list. */
void anp_exp_value_put(anp_buffer *b, const anp_exp_value *v);

/* An element of a list or map in stored form; moves the cursor behind it. */
anp_exp_value anp_exp_value_read(anp_cursor *c);

/* Below, at or above 0; both of one type. *ordered: false where one is not a number. */
int anp_exp_value_compare(const anp_exp_value *a, const anp_exp_value *b, bool *ordered);
