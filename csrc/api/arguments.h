/* The C API's keys and layouts, checked and turned into the engine's. Thread-safe: no state. */
#pragma once

#include "aerospike_np/keys.h"
#include "command/keys.h"
#include "table/plan.h"

/* Fills in *out, and *run, which it points to: both must stay. All else is borrowed from `in`.
 * ANP_ERR_PARAM. */
anp_status anp_api_keys(const anp_key_array *in, anp_key_run *run, anp_keys *out, anp_error *err);

/* A plan over `rows`, prepared. The caller frees it with anp_api_plan_deinit. ANP_ERR_PARAM. */
anp_status anp_api_plan_init(const anp_row_layout *layout, void *rows, anp_plan *out,
                             anp_error *err);
void anp_api_plan_deinit(anp_plan *plan);
