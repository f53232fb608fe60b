/* What the cell_*.c files share: a value as a cell sees it, and one function a family that stores
 * it. Private to table/. All return the reason why not; then the slot's content is undefined.
 * Thread-safe: a cell writes its slot and nothing else (and the sink, where one is given). */
#pragma once

#include "table/decode.h"

/* A particle, or an element of a list or map. */
typedef struct anp_value {
    uint8_t type; /* anp_particle_type; ANP_VALUE_ODD for what is no value (extensions) */
    bool above;   /* INTEGER above 2^63 - 1 (only in lists and maps): `integer` holds its bits */
    bool boolean;
    int64_t integer;
    double real;
    anp_slice bytes; /* strings and blobs: without type byte; GeoJSON: the text; LIST, MAP: their
                        MessagePack */
} anp_value;

enum { ANP_VALUE_ODD = 255 };

/* Where the DEFERRED fields of a nested struct go; NULL where they have no place to go. */
typedef struct anp_cell_sink {
    anp_table *table;
    int64_t row;
    int32_t field;
} anp_cell_sink;

/* False: the particle's bytes are wrong. */
bool anp_value_of_particle(const anp_particle *p, anp_value *out);

/* Takes one element, whole. False: cut short, too deep, or a string without its type byte. */
bool anp_value_read(anp_cursor *c, anp_value *out);

/* Any kind of field. NULL is for the caller to look at first. */
anp_reason anp_cell_value(const anp_field *f, uint8_t *slot, const anp_value *v, int mode,
                          anp_cell_sink *sink);

anp_reason anp_cell_number(const anp_field *f, uint8_t *slot, const anp_value *v, int mode);
anp_reason anp_cell_bytes(const anp_field *f, uint8_t *slot, const anp_value *v, int mode);
anp_reason anp_cell_chars(const anp_field *f, uint8_t *slot, const anp_value *v, int mode);
anp_reason anp_cell_raw(const anp_field *f, uint8_t *slot, const anp_value *v);
anp_reason anp_cell_text(const anp_field *f, uint8_t *slot, const anp_value *v, int mode);
anp_reason anp_cell_time(const anp_field *f, uint8_t *slot, const anp_value *v, int mode);
anp_reason anp_cell_array(const anp_field *f, uint8_t *slot, const anp_value *v, int mode);
anp_reason anp_cell_struct(const anp_field *f, uint8_t *slot, const anp_value *v, int mode,
                           anp_cell_sink *sink);

static inline void anp_row_gaps(const anp_table *t, uint64_t row)
{
    const anp_plan *plan = t->plan;
    for (uint32_t i = 0; i < plan->n_gaps; i++) {
        memset(plan->row_base + (ptrdiff_t)row * plan->row_stride + plan->gaps[i].offset, 0,
               plan->gaps[i].size);
    }
}

static inline uint32_t anp_row_seconds_left(uint32_t void_time, uint32_t now)
{
    if (void_time == 0) {
        return ANP_TTL_NEVER;
    }
    return void_time > now ? void_time - now : 1; /* over, but still there: as other clients say */
}

/* A row's last step, when its fields and their bits are written. */
static inline void anp_row_end(anp_table *t, uint64_t row, uint32_t generation, uint32_t void_time)
{
    anp_row_gaps(t, row);
    t->meta[2 * row] = generation;
    t->meta[2 * row + 1] = anp_row_seconds_left(void_time, t->now);
    t->codes[row] = 0;
}

/* Remembers the form of a row that was decoded whole, nothing missing and nothing refused: `ops`
 * are its operations, whose lengths fit. */
void anp_row_learn(anp_table *t, uint32_t n_ops, const uint8_t *ops);

/* The store function of a field: specialised for numbers in the host's order. */
anp_reason (*anp_cell_pick(const anp_field *f))(const anp_field *, uint8_t *, const anp_particle *,
                                                int);
anp_reason (*anp_cell_pick_number(const anp_field *f))(const anp_field *, uint8_t *,
                                                       const anp_particle *, int);

/* Puts a value where the binding will make it from. NULL sink: KIND. */
anp_reason anp_cell_defer(const anp_field *f, uint8_t *slot, const anp_value *v,
                          anp_cell_sink *sink);

/* Writes the field's fill. */
static inline void anp_cell_fill(const anp_field *f, uint8_t *slot)
{
    if (f->fill != NULL) {
        memcpy(slot, f->fill, f->itemsize);
    } else {
        memset(slot, 0, f->itemsize);
    }
}
