/* Operations whose result is computed from a bin: bits and HLL. */
#pragma once

#include "data/call.h"
#include "wire/message.h"

/* Carries out such an operation on the bin's value (NULL: there is no bin). A result code; where it
 * is 0, what came of it is in `out`, which was empty. */
uint8_t anp_compute(const anp_op *op, const anp_particle *bin, anp_outcome *out);
