/* Lists and maps as the server stores them: integers in their smallest form, blobs under str heads,
 * maps sorted by key, ordered lists checked. And the total order of values. */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"

/* Appends the stored form of a whole list (particle ANP_PARTICLE_LIST) or map. false: not one
 * well-formed element of that kind, a key that can't be, a key twice, or an ordered list or map out
 * of order; the buffer is then as it was. */
bool anp_collection_store(anp_buffer *b, uint8_t particle, anp_slice bytes);

/* Appends the stored form of one element of any kind; false, and the buffer as it was, where there
 * is none. */
bool anp_collection_store_element(anp_buffer *b, anp_slice bytes);

/* Infinity and the wildcard, which stand for other values, can't be stored, wherever they are
 * inside. */
bool anp_collection_is_storable(anp_slice element);

/* May this element, in stored form, be a map's key? */
bool anp_collection_is_key(anp_slice element);

/* Below, at or above 0, as values are ordered. Both stand at one element in stored form. */
int anp_collection_compare(anp_cursor a, anp_cursor b);

/* Appends the keys of a map, or its values, as a list in the map's order. */
void anp_collection_half(anp_buffer *b, anp_slice map, bool values);
