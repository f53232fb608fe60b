/* Records as expressions see them, and filters. */
#pragma once

#include "data/expression.h"
#include "node/bins.h"
#include "node/execute.h"

/* The view of a stored record, or (NULL) of the one that the request makes; its bins are the
 * record's, or with `bins` those under change. Good as long as all of these. */
typedef struct anp_view {
    anp_exp_record record;
    const anp_record *stored;
    anp_bins *bins;
    anp_cursor guess;
} anp_view;

void anp_view_init(anp_view *v, const anp_node_request *r, const anp_record *stored,
                   anp_bins *bins);

/* Reads a filter and keeps it in the executor. ANP_PARAMETER: it is no expression that is true or
 * false. */
uint8_t anp_filter_read(anp_executor *e, anp_slice filter);

/* Does the request's filter, if it has one, let it at this record? ANP_OK, ANP_FILTERED_OUT, or
 * what is wrong with the filter. */
uint8_t anp_filter_check(anp_executor *e, const anp_node_request *r, const anp_record *record);
