/* Particles: the values of bins, as they are on the wire. A particle is a view; it never owns.
 *
 *   integer              8 bytes, big-endian; 1, 2 and 4 in requests only, zero-extended
 *   float                8 bytes
 *   bool                 1 byte
 *   string, blobs, HLL   bytes
 *   list, map            MessagePack
 *   GeoJSON              flags u8, cells u16, cells * u64, text */
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

/* Blob, HLL, vector, or another client's language blob? */
static inline bool anp_particle_is_blob(uint8_t type)
{
    return type == ANP_PARTICLE_BLOB || type == ANP_PARTICLE_HLL || type == ANP_PARTICLE_VECTOR ||
           (type >= ANP_PARTICLE_JAVA_BLOB && type <= ANP_PARTICLE_ERLANG_BLOB);
}

/* One of those, a string or GeoJSON: what is a string of MessagePack inside of lists and maps? */
static inline bool anp_particle_is_text(uint8_t type)
{
    return type == ANP_PARTICLE_STRING || type == ANP_PARTICLE_GEOJSON ||
           anp_particle_is_blob(type);
}
