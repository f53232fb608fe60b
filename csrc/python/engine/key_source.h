/* The keys of a batch, whatever the caller gave: a list of key tuples (walked in slices, or all at
 * once where they are needed again), or a Keys object over an array or packed keys. */
#pragma once

#include "python/engine/binding.h"

typedef struct anp_key_source {
    anp_keys view; /* what the engine sees now */
    anp_key_pack pack;
    anp_key_run run;    /* of arrays */
    PyObject *sequence; /* owned: the list that is being sliced, or NULL */
    PyObject *hold;     /* owned: the Keys object, its array and names, or NULL */
    Py_ssize_t next;    /* first row of the next slice */
} anp_key_source;

/* `keys` is a list or tuple of key tuples, or a Keys. sliced: only the first slice is walked now
 * (the rest is checked). NULL: exception. */
anp_key_source *anp_key_source_new(anp_state *state, PyObject *keys, bool sliced);
void anp_key_source_free(anp_key_source *s);

/* Walks the next slice of a sequence. */
bool anp_key_source_next(anp_state *state, anp_key_source *s);
