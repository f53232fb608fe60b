/* Selecting by a path: [0xfe, [context type, value, ...], flags [, expression]]. Beside the types
 * of other contexts there are keys of a list, and expressions that are asked of each child. */
#pragma once

#include "data/expression.h"

bool anp_path_is_call(anp_slice call);

/* Carries out such an operation on a bin (NULL: there is none) of this record: gives back what was
 * selected, or (is_modify) puts what the expression makes of it in its place. A result code; where
 * it is 0, what came of it is in `out`, which was empty. */
uint8_t anp_path_call(anp_slice call, bool is_modify, const anp_particle *bin,
                      const anp_exp_record *record, anp_outcome *out);
