/* Building records, and finding bins in them. No state. */
#include "node/record.h"

#include "base/alloc.h"

enum {
    OP_HEAD = 8,
    INDEX_SHARE = 48,  /* of memory: index slot at its usual load, and the allocator's own */
    STORED_HEAD = 40,  /* of a record in a server's storage */
    STORED_BIN = 6,    /* name length, particle type, value size */
    STORED_ROUND = 16,
};

size_t anp_record_memory(const anp_record *r)
{
    return sizeof *r + r->key_size + r->bins_size + INDEX_SHARE;
}

anp_record *anp_record_new(const uint8_t digest[ANP_DIGEST_SIZE], anp_slice key, const anp_draft *draft)
{
    size_t bins = 0;
    for (uint32_t i = 0; i < draft->n; i++) {
        bins += (size_t)OP_HEAD + draft->bins[i].name_size + draft->bins[i].value.size;
    }
    if (bins > UINT32_MAX || key.size > UINT32_MAX) {
        return NULL;
    }
    anp_record *r = anp_malloc(sizeof *r + key.size + bins);
    if (r == NULL) {
        return NULL;
    }
    *r = (anp_record){.key_size = (uint32_t)key.size, .bins_size = (uint32_t)bins, .n_bins = (uint16_t)draft->n};
    memcpy(r->digest, digest, ANP_DIGEST_SIZE);
    uint8_t *at = r->bytes;
    if (key.size != 0) {
        memcpy(at, key.data, key.size);
        at += key.size;
    }
    for (uint32_t i = 0; i < draft->n; i++) {
        const anp_bin *bin = &draft->bins[i];
        anp_store_be32(at, 4 + bin->name_size + bin->value.size);
        at[4] = ANP_OP_READ;
        at[5] = bin->value.type;
        at[6] = 0;
        at[7] = bin->name_size;
        memcpy(at + OP_HEAD, bin->name, bin->name_size);
        at += OP_HEAD + bin->name_size;
        if (bin->value.size != 0) {
            memcpy(at, bin->value.data, bin->value.size);
            at += bin->value.size;
        }
    }
    return r;
}

uint64_t anp_record_stored_size(anp_slice set, anp_slice key, const anp_draft *draft)
{
    uint64_t size = STORED_HEAD + set.size + key.size;
    for (uint32_t i = 0; i < draft->n; i++) {
        size += (uint64_t)STORED_BIN + draft->bins[i].name_size + draft->bins[i].value.size;
    }
    return (size + STORED_ROUND - 1) / STORED_ROUND * STORED_ROUND;
}

static anp_slice find_until(anp_cursor *c, const uint8_t *end, anp_slice name)
{
    while (c->at < end) {
        const uint8_t *op = c->at;
        size_t size = 4 + (size_t)anp_load_be32(op);
        c->at += size;
        if (op[7] == name.size && memcmp(op + OP_HEAD, name.data, name.size) == 0) {
            return (anp_slice){op, size};
        }
    }
    return (anp_slice){NULL, 0};
}

anp_slice anp_bin_walk_find(anp_bin_walk *w, anp_slice name)
{
    const uint8_t *start = w->rest.at;
    anp_slice found = find_until(&w->rest, w->all.end, name);
    if (found.size == 0) { /* from the front, up to where we began */
        w->rest = w->all;
        found = find_until(&w->rest, start, name);
    }
    return found;
}
