/* A key taken apart without its digest. Private to key*.c and packed_keys.c. */
#pragma once

#include "python/engine/binding.h"

/* Like anp_key_parse, but computes no digest: out->digest is filled only where has_digest. On
 * failure nothing needs to be released. */
bool anp_key_look(anp_state *state, PyObject *tuple, Py_ssize_t row, anp_py_key *out);

/* A namespace's or a set's name (None gives an empty set). */
bool anp_namespace_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_slice *out);
bool anp_set_look(anp_state *state, PyObject *value, Py_ssize_t row, anp_slice *out);

/* Whether key `index` of the pack was given as bytes. */
static inline bool anp_key_pack_marked(const anp_key_pack *p, uint64_t index)
{
    return index / 8 < p->marks.size && (p->marks.data[index / 8] >> (index % 8) & 1) != 0;
}

/* Begins a run at the pack's end unless the last one has the same names; the slices are copied.
 * false: MemoryError. */
bool anp_key_pack_run(anp_key_pack *p, anp_slice namespace_name, anp_slice set);
