/* Filling in error records. See include/aerospike_np/error.h for what the codes mean. */
#pragma once

#include "aerospike_np/error.h"

/* Writes code and message (printf form, cut to fit) into err, clears node and in_doubt; returns
 * code. err may be NULL: then only the code is passed on. */
anp_status anp_error_set(anp_error *err, anp_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Names the node of an error that has been set; the name is copied. */
void anp_error_node(anp_error *err, const char *node);

/* "the client was closed"; returns ANP_ERR_CLOSED. */
anp_status anp_error_closed(anp_error *err);

/* "out of memory (n bytes for what)"; returns ANP_ERR_MEMORY. */
anp_status anp_error_memory(anp_error *err, uint64_t size, const char *what);
