/* Operations whose result is computed: on lists, maps, bits and HLLs, and expressions. */
#pragma once

#include "data/expression.h"
#include "wire/message.h"

/* Carries out such an operation on the bin's value (NULL: there is no bin) of this record. A result
 * code; where it is 0, what came of it is in `out`, which was empty. */
uint8_t anp_compute(const anp_op *op, const anp_particle *bin, const anp_exp_record *record,
                    anp_outcome *out);
