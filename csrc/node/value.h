/* Values of write operations, checked and brought into stored form. */
#pragma once

#include "node/bins.h"

/* The value as it is stored: integers in 8 bytes, lists and maps as collection.h says, GeoJSON
 * behind three zeros. What must be made lives in b. A result code: 4 for a wrong size or an unknown
 * particle, 1 for a list or map that isn't one, 160 for GeoJSON that isn't. */
uint8_t anp_node_value(anp_bins *b, const anp_particle *sent, anp_particle *out);
