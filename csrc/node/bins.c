/* Bins under change. Not thread-safe: one command's own. */
#include "node/bins.h"

#include "base/alloc.h"

static bool make_room(void **array, uint32_t *room, uint32_t n, size_t item)
{
    if (n < *room) {
        return true;
    }
    uint32_t more = *room == 0 ? 16 : *room * 2;
    void *grown = anp_realloc(*array, more * item);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *room = more;
    return true;
}

/* ---- names: looked through one by one while they are few, by hash when they are many, so that
 * no request costs the product of two counts ---- */

enum { FEW = 16 };

static uint32_t hash_of(anp_slice name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) {
        h = (h ^ name.data[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

static bool is_named(const anp_bin *bin, anp_slice name)
{
    return bin->name.size == name.size && memcmp(bin->name.data, name.data, name.size) == 0;
}

static void index_add(anp_bins *b, uint32_t number)
{
    uint32_t at = hash_of(b->bins[number].name) & b->mask;
    while (b->slots[at] != 0) {
        at = (at + 1) & b->mask;
    }
    b->slots[at] = number + 1;
}

static uint32_t slot_of(const anp_bins *b, uint32_t number)
{
    uint32_t at = hash_of(b->bins[number].name) & b->mask;
    while (b->slots[at] != number + 1) {
        at = (at + 1) & b->mask;
    }
    return at;
}

/* Empties a slot, and moves back what had to step over it. */
static void index_remove(anp_bins *b, uint32_t hole)
{
    for (uint32_t at = (hole + 1) & b->mask; b->slots[at] != 0; at = (at + 1) & b->mask) {
        uint32_t home = hash_of(b->bins[b->slots[at] - 1].name) & b->mask;
        if (((at - home) & b->mask) >= ((at - hole) & b->mask)) {
            b->slots[hole] = b->slots[at];
            hole = at;
        }
    }
    b->slots[hole] = 0;
}

/* Makes the index anew for all the room there is; false without memory. */
static bool index_all(anp_bins *b)
{
    uint32_t size = 64;
    while (size < 2 * b->room) {
        size *= 2;
    }
    anp_free(b->slots);
    b->slots = anp_calloc(size, sizeof *b->slots);
    b->mask = size - 1;
    for (uint32_t i = 0; b->slots != NULL && i < b->n; i++) {
        index_add(b, i);
    }
    return b->slots != NULL;
}

static void add(anp_bins *b, anp_slice name, anp_particle value)
{
    uint32_t room = b->room;
    if (!make_room((void **)&b->bins, &b->room, b->n, sizeof *b->bins) ||
        (b->room > FEW && b->room != room && !index_all(b))) {
        b->failed = true;
        return;
    }
    b->bins[b->n] = (anp_bin){.name = name, .value = value};
    if (b->slots != NULL) {
        index_add(b, b->n);
    }
    b->n++;
}

void anp_bins_open(anp_bins *b, const anp_record *record)
{
    *b = (anp_bins){0};
    if (record == NULL) {
        return;
    }
    anp_cursor c = anp_cursor_over(record->bins, record->bins_size);
    anp_op op;
    while (anp_op_read(&c, &op)) {
        add(b, op.name, op.value); /* no name is there twice */
    }
}

void anp_bins_close(anp_bins *b)
{
    for (uint32_t i = 0; i < b->n_made; i++) {
        anp_free(b->made[i]);
    }
    anp_free(b->made);
    anp_free(b->bins);
    anp_free(b->slots);
}

anp_bin *anp_bins_find(anp_bins *b, anp_slice name)
{
    if (b->slots == NULL) {
        for (uint32_t i = 0; i < b->n; i++) {
            if (is_named(&b->bins[i], name)) {
                return &b->bins[i];
            }
        }
        return NULL;
    }
    for (uint32_t at = hash_of(name) & b->mask; b->slots[at] != 0; at = (at + 1) & b->mask) {
        if (is_named(&b->bins[b->slots[at] - 1], name)) {
            return &b->bins[b->slots[at] - 1];
        }
    }
    return NULL;
}

void anp_bins_set(anp_bins *b, anp_slice name, anp_particle value)
{
    anp_bin *bin = anp_bins_find(b, name);
    if (bin == NULL) {
        add(b, name, value);
        return;
    }
    bin->value = value;
    bin->made = 0;
}

void anp_bins_remove(anp_bins *b, anp_bin *bin)
{
    uint32_t number = (uint32_t)(bin - b->bins), last = b->n - 1;
    if (b->slots != NULL) {
        index_remove(b, slot_of(b, number));
        if (number != last) {
            b->slots[slot_of(b, last)] = number + 1;
        }
    }
    b->bins[number] = b->bins[last];
    b->n = last;
}

void anp_bins_clear(anp_bins *b)
{
    b->n = 0;
    if (b->slots != NULL) {
        memset(b->slots, 0, ((size_t)b->mask + 1) * sizeof *b->slots);
    }
}

uint8_t *anp_bins_make(anp_bins *b, size_t size)
{
    uint8_t *block = make_room((void **)&b->made, &b->room_made, b->n_made, sizeof *b->made)
                         ? anp_malloc(size)
                         : NULL;
    if (block == NULL) {
        b->failed = true;
        return NULL;
    }
    b->made[b->n_made++] = block;
    return block;
}

void anp_bins_replace(anp_bins *b, anp_bin *bin, anp_particle value)
{
    if (bin->made != 0) {
        anp_free(b->made[bin->made - 1]);
        b->made[bin->made - 1] = b->made[--b->n_made];
        bin->value = value;
        return;
    }
    bin->value = value;
    bin->made = b->n_made;
}

uint8_t *anp_bins_block(const anp_bins *b, uint32_t *size)
{
    size_t total = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        total += 8 + b->bins[i].name.size + b->bins[i].value.size;
    }
    *size = (uint32_t)total;
    uint8_t *block = total != 0 && total < UINT32_MAX ? anp_malloc(total) : NULL;
    if (block == NULL) {
        return NULL;
    }
    uint8_t *p = block;
    for (uint32_t i = 0; i < b->n; i++) {
        const anp_bin *bin = &b->bins[i];
        anp_store_be32(p, (uint32_t)(4 + bin->name.size) + bin->value.size);
        p[4] = ANP_OP_READ;
        p[5] = bin->value.type;
        p[6] = 0;
        p[7] = (uint8_t)bin->name.size;
        memcpy(p + 8, bin->name.data, bin->name.size);
        p += 8 + bin->name.size;
        if (bin->value.size != 0) {
            memcpy(p, bin->value.data, bin->value.size);
            p += bin->value.size;
        }
    }
    return block;
}
