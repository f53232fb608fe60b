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

void anp_bins_open(anp_bins *b, const anp_record *record)
{
    *b = (anp_bins){0};
    if (record == NULL) {
        return;
    }
    anp_cursor c = anp_cursor_over(record->bins, record->bins_size);
    anp_op op;
    while (anp_op_read(&c, &op)) {
        anp_bins_set(b, op.name, op.value);
    }
}

void anp_bins_close(anp_bins *b)
{
    for (uint32_t i = 0; i < b->n_made; i++) {
        anp_free(b->made[i]);
    }
    anp_free(b->made);
    anp_free(b->bins);
}

anp_bin *anp_bins_find(anp_bins *b, anp_slice name)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->bins[i].name.size == name.size &&
            memcmp(b->bins[i].name.data, name.data, name.size) == 0) {
            return &b->bins[i];
        }
    }
    return NULL;
}

void anp_bins_set(anp_bins *b, anp_slice name, anp_particle value)
{
    anp_bin *bin = anp_bins_find(b, name);
    if (bin == NULL) {
        if (!make_room((void **)&b->bins, &b->room, b->n, sizeof *b->bins)) {
            b->failed = true;
            return;
        }
        bin = &b->bins[b->n++];
        bin->name = name;
    }
    bin->value = value;
    bin->made = 0;
}

void anp_bins_remove(anp_bins *b, anp_bin *bin)
{
    *bin = b->bins[--b->n];
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
