/* Reading particles. No state. */
#include "wire/particle.h"

bool anp_particle_integer(const anp_particle *p, int64_t *out)
{
    if (p->type != ANP_PARTICLE_INTEGER || p->size != 8) {
        return false;
    }
    *out = (int64_t)anp_load_be64(p->data);
    return true;
}

bool anp_particle_float(const anp_particle *p, double *out)
{
    if (p->type != ANP_PARTICLE_FLOAT || p->size != 8) {
        return false;
    }
    uint64_t bits = anp_load_be64(p->data);
    memcpy(out, &bits, sizeof *out);
    return true;
}

bool anp_particle_bool(const anp_particle *p, bool *out)
{
    if (p->type != ANP_PARTICLE_BOOL || p->size != 1 || p->data[0] > 1) {
        return false;
    }
    *out = p->data[0] != 0;
    return true;
}

bool anp_particle_geojson(const anp_particle *p, anp_slice *text)
{
    anp_cursor c = anp_cursor_over(p->data, p->size);
    uint8_t flags;
    uint16_t cells;
    if (p->type != ANP_PARTICLE_GEOJSON || !anp_cursor_u8(&c, &flags) ||
        !anp_cursor_be16(&c, &cells) || anp_cursor_take(&c, (size_t)cells * 8) == NULL) {
        return false;
    }
    *text = (anp_slice){c.at, anp_cursor_left(&c)};
    return true;
}
