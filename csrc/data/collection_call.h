/* Operations on list and map bins: [code, argument, ...], or on what lies inside of them:
 * [0xff, [context type, value, ...], [code, argument, ...]]. collection_call.c finds the list or
 * map, and puts what changed back into what it lies in; list_op.c and map_op.c have the operations,
 * collection_select.c what selects elements. */
#pragma once

#include "data/call.h"

/* Carries out one operation on a bin (NULL: there is none), a modifying one or a reading one. A
 * result code; where it is 0, what came of it is in `out`, which was empty. */
uint8_t anp_collection_call(anp_slice call, bool is_modify, const anp_particle *bin,
                            anp_outcome *out);
