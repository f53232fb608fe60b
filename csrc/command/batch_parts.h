/* A batch of reads in parts: each has a share of the rows, one behind the other, and a thread of
 * its own that digests, sends, receives and decodes. For where one core is not enough.
 *
 * Driven as any command; a sync driver's thread takes the first part itself. */
#pragma once

#include "command/batch.h"

typedef struct anp_batch_parts anp_batch_parts; /* begins with an anp_command */

/* `keys` holds all rows, and must outlive the call, unlike a batch's. A part has a sink of its own,
 * which is called on the part's thread, with rows counted in the whole. n_parts: at most as many as
 * rows. source: as a batch's, of rows that are all alike. */
anp_status anp_batch_parts_new(anp_cluster *cluster, const anp_policy *policy, const anp_keys *keys,
                               const anp_row_source *source, const anp_row_sink *sinks,
                               uint32_t n_parts, anp_slice filter, anp_batch_parts **out,
                               anp_error *err);
void anp_batch_parts_free(anp_batch_parts *p); /* only when done, or never driven */

anp_command *anp_batch_parts_command(anp_batch_parts *p);

/* Rows that have ended so far; may be read from any thread. */
uint64_t anp_batch_parts_progress(const anp_batch_parts *p);
/* The sums of all threads. */
void anp_batch_parts_timings(const anp_batch_parts *p, anp_batch_timings *out);
