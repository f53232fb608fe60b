/* Drafts. A hash index of the names is made only for records of many bins, where a request could
 * otherwise cost the product of both counts. */
#include "node/draft.h"

#include "node/record.h"

enum { SMALL = 16 };

static uint32_t hash_of(const uint8_t *name, size_t size)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        h = (h ^ name[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

static bool named(const anp_bin *bin, anp_slice name)
{
    return bin->name_size == name.size && memcmp(bin->name, name.data, name.size) == 0;
}

static void index_add(anp_draft *d, uint32_t number)
{
    uint32_t at = hash_of(d->bins[number].name, d->bins[number].name_size) & d->mask;
    while (d->slots[at] != 0) {
        at = (at + 1) & d->mask;
    }
    d->slots[at] = number + 1;
}

static uint32_t index_slot(const anp_draft *d, uint32_t number)
{
    uint32_t at = hash_of(d->bins[number].name, d->bins[number].name_size) & d->mask;
    while (d->slots[at] != number + 1) {
        at = (at + 1) & d->mask;
    }
    return at;
}

/* Empties a slot, and moves back what had to step over it. */
static void index_remove(anp_draft *d, uint32_t hole)
{
    for (uint32_t at = (hole + 1) & d->mask; d->slots[at] != 0; at = (at + 1) & d->mask) {
        const anp_bin *bin = &d->bins[d->slots[at] - 1];
        uint32_t home = hash_of(bin->name, bin->name_size) & d->mask;
        if (((at - home) & d->mask) >= ((at - hole) & d->mask)) {
            d->slots[hole] = d->slots[at];
            hole = at;
        }
    }
    d->slots[hole] = 0;
}

static bool make_room(anp_draft *d, uint32_t capacity)
{
    if (capacity <= d->capacity) {
        return true;
    }
    uint32_t wanted = d->capacity < 8 ? 8 : d->capacity * 2;
    capacity = capacity < wanted ? wanted : capacity;
    anp_bin *bins = anp_arena_take(d->arena, capacity * sizeof *bins);
    if (bins == NULL) {
        return false;
    }
    if (d->n != 0) {
        memcpy(bins, d->bins, d->n * sizeof *bins);
    }
    d->bins = bins;
    d->capacity = capacity;
    if (capacity <= SMALL) {
        return true;
    }
    uint32_t slots = 64;
    while (slots < 2 * capacity) {
        slots *= 2;
    }
    d->slots = anp_arena_take(d->arena, slots * sizeof *d->slots);
    if (d->slots == NULL) {
        return false;
    }
    memset(d->slots, 0, slots * sizeof *d->slots);
    d->mask = slots - 1;
    for (uint32_t i = 0; i < d->n; i++) {
        index_add(d, i);
    }
    return true;
}

static void add(anp_draft *d, anp_slice name, anp_particle value)
{
    d->bins[d->n] = (anp_bin){.value = value, .name = name.data, .name_size = (uint8_t)name.size};
    if (d->slots != NULL) {
        index_add(d, d->n);
    }
    d->n++;
}

bool anp_draft_load(anp_draft *d, const anp_record *r)
{
    anp_slice bins = anp_record_bins(r);
    anp_cursor c = anp_cursor_over(bins.data, bins.size);
    anp_op op;
    if (!make_room(d, (uint32_t)r->n_bins + 4)) {
        return false;
    }
    while (anp_op_read(&c, &op)) {
        add(d, op.name, op.value);
    }
    return true;
}

anp_bin *anp_draft_find(const anp_draft *d, anp_slice name)
{
    if (d->slots != NULL) {
        for (uint32_t at = hash_of(name.data, name.size) & d->mask; d->slots[at] != 0; at = (at + 1) & d->mask) {
            anp_bin *bin = &d->bins[d->slots[at] - 1];
            if (named(bin, name)) {
                return bin;
            }
        }
        return NULL;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        if (named(&d->bins[i], name)) {
            return &d->bins[i];
        }
    }
    return NULL;
}

bool anp_draft_set(anp_draft *d, anp_slice name, anp_particle value)
{
    anp_bin *bin = anp_draft_find(d, name);
    if (bin != NULL) {
        bin->value = value;
        return true;
    }
    if (!make_room(d, d->n + 1)) {
        return false;
    }
    add(d, name, value);
    return true;
}

void anp_draft_remove(anp_draft *d, anp_bin *bin)
{
    uint32_t number = (uint32_t)(bin - d->bins), last = d->n - 1;
    if (d->slots != NULL) {
        index_remove(d, index_slot(d, number));
        if (number != last) {
            d->slots[index_slot(d, last)] = number + 1;
        }
    }
    d->bins[number] = d->bins[last];
    d->n = last;
}

void anp_draft_clear(anp_draft *d)
{
    d->n = 0;
    if (d->slots != NULL) {
        memset(d->slots, 0, ((size_t)d->mask + 1) * sizeof *d->slots);
    }
}
