/* Particles: the values of bins, as they are on the wire. A particle is a view; it never owns.
 *
 *   integer 8 bytes big-endian (1, 2 and 4 are taken, zero-extended, in requests only)   float 8
 * bytes bool 1 byte   string, blob and the like: bytes   list, map: MessagePack GeoJSON: flags u8,
 * cells u16, cells * u64, text */
#pragma once

#include "base/buffer.h"
#include "base/cursor.h"
#include "wire/protocol.h"

typedef struct anp_particle {
    uint8_t type; /* anp_particle_type, or a number that we don't know */
    const uint8_t *data;
    uint32_t size;
} anp_particle;

/* Each false when type or size is wrong. */
bool anp_particle_integer(const anp_particle *p, int64_t *out); /* size 8 exactly */
bool anp_particle_float(const anp_particle *p, double *out);
bool anp_particle_bool(const anp_particle *p, bool *out);          /* 0 or 1 */
bool anp_particle_geojson(const anp_particle *p, anp_slice *text); /* skips flags and cells */
