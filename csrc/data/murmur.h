/* MurmurHash3, 128 bits for 64-bit machines (a public-domain algorithm by Austin Appleby), seed 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

void anp_murmur3(const void *data, size_t size, uint64_t out[2]);
