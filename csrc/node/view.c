/* Views borrow; a filter is read once and kept until another one comes, so that a batch's rows
 * share it. Threads share nothing. */
#include "node/view.h"

#include "base/clock.h"

static bool bin_stored(void *context, anp_slice name, anp_particle *out)
{
    anp_view *v = context;
    anp_op op;
    if (!anp_record_bin(v->stored, name, &v->guess, &op)) {
        return false;
    }
    *out = op.value;
    return true;
}

static bool bin_changed(void *context, anp_slice name, anp_particle *out)
{
    anp_view *v = context;
    const anp_bin *bin = anp_bins_find(v->bins, name);
    if (bin != NULL) {
        *out = bin->value;
    }
    return bin != NULL;
}

/* What a server's storage would take: a head, set and key, each bin with its name, an end mark, in
 * units of 16 bytes. */
enum { FLAT_HEAD = 35, FLAT_VOID_TIME = 4, FLAT_END = 4, FLAT_UNIT = 16, FLAT_SIZE = 4 };

static uint64_t flat_count(uint64_t n) /* seven bits a byte */
{
    uint64_t bytes = 1;
    for (; n >= 0x80; n >>= 7) {
        bytes++;
    }
    return bytes;
}

static uint64_t flat_particle(const anp_particle *p)
{
    switch (p->type) {
    case ANP_PARTICLE_INTEGER: {
        uint64_t v = p->size == 8 ? anp_load_be64(p->data) : 0;
        return 2 + (v <= UINT8_MAX ? 1u : v <= UINT16_MAX ? 2u : v <= UINT32_MAX ? 4u : 8u);
    }
    case ANP_PARTICLE_FLOAT:
    case ANP_PARTICLE_BOOL:
        return 1 + (uint64_t)p->size;
    default:
        return 1 + FLAT_SIZE + (uint64_t)p->size;
    }
}

static uint64_t flat_size(const anp_record *r)
{
    uint64_t size = FLAT_HEAD + (r->void_time != 0 ? FLAT_VOID_TIME : 0u) + flat_count(r->n_bins);
    size += r->set != NULL ? 1 + (uint64_t)r->set->name_size : 0;
    size += r->key != NULL ? flat_count(r->key_size) + r->key_size : 0;
    anp_cursor c = anp_cursor_over(r->bins, r->bins_size);
    anp_op op;
    while (anp_op_read(&c, &op)) {
        size += 1 + op.name.size + flat_particle(&op.value);
    }
    return (size + FLAT_END + FLAT_UNIT - 1) / FLAT_UNIT * FLAT_UNIT;
}

void anp_view_init(anp_view *v, const anp_node_request *r, const anp_record *stored, anp_bins *bins)
{
    *v = (anp_view){.stored = stored, .bins = bins};
    anp_exp_record *record = &v->record;
    record->digest = r->digest;
    record->set = r->set;
    record->key = r->key;
    record->now = anp_clock_wall();
    record->bin = bins != NULL ? bin_changed : bin_stored;
    record->context = v;
    if (stored == NULL) {
        return;
    }
    v->guess = anp_cursor_over(stored->bins, stored->bins_size);
    record->exists = true;
    record->key = (anp_slice){stored->key, stored->key != NULL ? stored->key_size : 0};
    record->set = stored->set != NULL
                      ? (anp_slice){(const uint8_t *)stored->set->name, stored->set->name_size}
                      : (anp_slice){NULL, 0};
    record->last_update = stored->last_update;
    record->void_time =
        stored->void_time != 0 ? ((uint64_t)stored->void_time + ANP_EPOCH) * ANP_NS_PER_S : 0;
    record->size = flat_size(stored);
}

static bool is_kept(const anp_executor *e, anp_slice filter)
{
    if (e->filter == NULL) {
        return false;
    }
    anp_slice kept = anp_expression_bytes(e->filter);
    return kept.size == filter.size && memcmp(kept.data, filter.data, kept.size) == 0;
}

uint8_t anp_filter_read(anp_executor *e, anp_slice filter)
{
    if (!is_kept(e, filter)) {
        anp_expression_free(e->filter);
        uint8_t code = anp_expression_new(filter, &e->filter);
        if (code != ANP_OK) {
            return code;
        }
    }
    anp_exp_type type = anp_expression_type(e->filter);
    return type == ANP_EXP_BOOL || type == ANP_EXP_ANY ? ANP_OK : ANP_PARAMETER;
}

uint8_t anp_filter_check(anp_executor *e, const anp_node_request *r, const anp_record *record)
{
    if (!r->has_filter) {
        return ANP_OK;
    }
    uint8_t code = anp_filter_read(e, r->filter);
    if (code != ANP_OK) {
        return code;
    }
    anp_view view;
    bool holds;
    anp_view_init(&view, r, record, NULL);
    code = anp_expression_holds(e->filter, &view.record, &holds);
    return code != ANP_OK ? code : holds ? ANP_OK : ANP_FILTERED_OUT;
}
