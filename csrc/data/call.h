/* The call of a bit or HLL operation, [code, argument, ...] in MessagePack, taken one argument
 * after the other; and what an operation gives back. */
#pragma once

#include "base/buffer.h"
#include "wire/msgpack.h"
#include "wire/particle.h"

typedef struct anp_call {
    anp_cursor at;
    uint32_t left; /* arguments */
    int64_t code;
} anp_call;

/* false: not one well-formed list that begins with a number. */
bool anp_call_open(anp_call *c, anp_slice bytes);

/* Each takes the next argument; false where there is none, or it is of another kind. */
bool anp_call_item(anp_call *c, anp_msgpack_item *out);
bool anp_call_integer(anp_call *c, int64_t *out); /* what is above 2^63 - 1 counts as that */
bool anp_call_bits(anp_call *c, uint64_t *out);   /* of an integer of any sign */
bool anp_call_bool(anp_call *c, bool *out);
bool anp_call_blob(anp_call *c, anp_slice *out); /* behind its type byte, whatever that is */

/* An optional number; `out` is left alone where nothing follows. */
bool anp_call_option(anp_call *c, int64_t *out);

/* What an operation did. The buffers are the caller's: kept from one operation to the next, their
 * maximum is the largest value that may come of it. */
typedef struct anp_outcome {
    uint8_t type;      /* of the result; ANP_PARTICLE_NULL: none */
    bool has_changed;  /* the bin's new value is in `bin` */
    uint8_t bin_type;  /* of that value */
    anp_buffer result; /* as the value of a particle */
    anp_buffer bin;
} anp_outcome;

void anp_outcome_init(anp_outcome *o, size_t max);
void anp_outcome_deinit(anp_outcome *o);
void anp_outcome_clear(anp_outcome *o);
void anp_outcome_integer(anp_outcome *o, int64_t v);

/* The code of an operation that ended with this one: that of a buffer which is too small or can't
 * grow comes before. */
uint8_t anp_outcome_code(const anp_outcome *o, uint8_t code);
