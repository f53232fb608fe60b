/* Rows that are like one before: the same bins in the same order, of the same types. Most are.
 *
 *   operation  u32 4 + name + value, op u8, particle u8, flags u8, name length u8, name, value
 *
 * A row that was decoded whole leaves its form: for each operation the bytes of its head and name,
 * and the way its value goes to its field. A row whose operations have these very bytes is written
 * in one go. Any other is left to anp_table_decode, which looks at everything and writes the whole
 * row anew: nothing is concluded from a part that was alike. */
#include "table/cell.h"
#include "table/decode.h"

enum { OP_HEAD = 8, NAME_WORD = 8 };

typedef enum { /* how a value of this type goes to this field; STORE: by the field's function */
               WAY_STORE,
               WAY_8, /* 8 bytes, the other way round */
               WAY_I4,
               WAY_F4,
               WAY_BYTES,
} way;

typedef struct cell_form {
    uint64_t head, head_mask; /* of the operation's first 8 bytes; without a mask for the size the
                                 value may be of any */
    uint64_t name, name_mask; /* of the next 8 */
    uint64_t tail, tail_mask; /* of the name's last 8, where it has more than 8 */
    uint8_t *base;
    ptrdiff_t stride;
    uint16_t field;
    uint8_t name_size, particle, way;
    uint8_t need; /* bytes that are looked at, or are there in any case */
} cell_form;

/* Bytes [0, n) of a word in memory. */
static uint64_t first_bytes(size_t n)
{
    uint8_t mask[8] = {0};
    memset(mask, 0xff, n < 8 ? n : 8);
    return anp_load64(mask);
}

static way way_of(const anp_field *f, uint8_t particle, uint32_t size)
{
    bool is_number = (particle == ANP_PARTICLE_INTEGER && f->kind == ANP_KIND_INT) ||
                     (particle == ANP_PARTICLE_FLOAT && f->kind == ANP_KIND_FLOAT);
    bool is_bytes = particle == ANP_PARTICLE_STRING || particle == ANP_PARTICLE_BLOB;
    if (f->ndim != 0 || f->swapped) {
        return WAY_STORE;
    }
    if (is_number && size == 8) {
        bool is_int = f->kind == ANP_KIND_INT;
        return f->width == 8 ? WAY_8 : f->width == 4 ? (is_int ? WAY_I4 : WAY_F4) : WAY_STORE;
    }
    return is_bytes && f->kind == ANP_KIND_BYTES ? WAY_BYTES : WAY_STORE;
}

static void set_cell(cell_form *c, const anp_field *f, uint32_t at, const uint8_t *op,
                     uint32_t value_size)
{
    size_t name_size = op[7];
    size_t short_size = name_size < NAME_WORD ? name_size : NAME_WORD;
    uint8_t name[NAME_WORD] = {0};
    memcpy(name, op + OP_HEAD, short_size);
    way w = way_of(f, op[5], value_size);
    bool is_sized = w == WAY_8 || w == WAY_I4 || w == WAY_F4;
    bool is_long = name_size > NAME_WORD;
    *c = (cell_form){
        .head_mask = is_sized ? UINT64_MAX : ~first_bytes(4),
        .name = anp_load64(name),
        .name_mask = first_bytes(name_size),
        .tail = is_long ? anp_load64(op + name_size) : 0,
        .tail_mask = is_long ? UINT64_MAX : 0,
        .base = f->base,
        .stride = f->stride,
        .field = (uint16_t)at,
        .name_size = (uint8_t)name_size,
        .particle = op[5],
        .way = (uint8_t)w,
        .need = (uint8_t)(is_sized || is_long ? OP_HEAD + name_size : OP_HEAD + NAME_WORD),
    };
    c->need = (uint8_t)(c->need + (is_sized ? 8 : 0));
    c->head = anp_load64(op) & c->head_mask;
}

void anp_row_learn(anp_table *t, uint32_t n_ops, const uint8_t *ops)
{
    const anp_plan *plan = t->plan;
    anp_buffer *form = &t->form;
    anp_buffer_clear(form);
    if (n_ops != plan->n_fields || plan->has_deferred) {
        return;
    }
    const uint8_t *op = ops;
    for (uint32_t i = 0; i < n_ops; i++) {
        uint32_t size = anp_load_be32(op);
        anp_slice name = {op + OP_HEAD, op[7]};
        int32_t at = anp_plan_find(plan, name, i);
        cell_form *c = at >= 0 ? (cell_form *)(void *)anp_buffer_add(form, sizeof *c) : NULL;
        if (c == NULL) {
            anp_buffer_clear(form);
            return;
        }
        set_cell(c, &plan->fields[at], (uint32_t)at, op, size - 4 - op[7]);
        op += 4 + size;
    }
}

/* A value of 8 to 16 bytes that fills its field: a call costs more than to copy it. */
static inline bool put_bytes(const anp_field *f, uint8_t *slot, const uint8_t *value, size_t size)
{
    if (size != f->itemsize || size > 16 || size < 8) {
        return false;
    }
    uint64_t first = anp_load64(value), last = anp_load64(value + size - 8);
    anp_store64(slot, first);
    anp_store64(slot + size - 8, last);
    return true;
}

static inline bool put_i4(uint8_t *slot, uint64_t bits)
{
    int32_t whole = (int32_t)(uint32_t)bits;
    anp_store32(slot, (uint32_t)whole);
    return (uint64_t)(int64_t)whole == bits;
}

static inline bool put_f4(uint8_t *slot, uint64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    if (!(real > -1e38 && real < 1e38)) {
        return false;
    }
    float narrow = (float)real;
    memcpy(slot, &narrow, sizeof narrow);
    return true;
}

/* A value whose size is not part of the form. Gives the operation's size; 0: it does not fit. */
static inline size_t put_any(const anp_table *t, const cell_form *c, uint8_t *slot,
                             const uint8_t *op, size_t here)
{
    size_t size = anp_load_be32(op), name_size = c->name_size;
    if (size < name_size + 4 || here - 4 < size) {
        return 0;
    }
    const anp_field *f = &t->plan->fields[c->field];
    anp_particle p = {c->particle, op + OP_HEAD + name_size, (uint32_t)(size - 4 - name_size)};
    if (c->way == WAY_BYTES && put_bytes(f, slot, p.data, p.size)) {
        return 4 + size;
    }
    return f->store(f, slot, &p, (int)t->mode) == ANP_REASON_NONE ? 4 + size : 0;
}

/* Writes the value of an operation of this form. Gives its size; 0: it is none, or its value is not
 * as usual. */
static inline size_t take(const anp_table *t, const cell_form *c, uint64_t row, const uint8_t *op,
                          size_t here)
{
    if (here < c->need) {
        return 0;
    }
    uint64_t other = ((anp_load64(op) & c->head_mask) ^ c->head) |
                     ((anp_load64(op + OP_HEAD) & c->name_mask) ^ c->name) |
                     ((anp_load64(op + c->name_size) & c->tail_mask) ^ c->tail);
    if (other != 0) {
        return 0;
    }
    uint8_t *slot = c->base + (ptrdiff_t)row * c->stride;
    size_t head = OP_HEAD + (size_t)c->name_size;
    switch (c->way) {
    case WAY_8:
        anp_store64(slot, anp_load_be64(op + head));
        return head + 8;
    case WAY_I4:
        return put_i4(slot, anp_load_be64(op + head)) ? head + 8 : 0;
    case WAY_F4:
        return put_f4(slot, anp_load_be64(op + head)) ? head + 8 : 0;
    default:
        return put_any(t, c, slot, op, here);
    }
}

size_t anp_table_again(anp_table *t, uint64_t row, uint32_t generation, uint32_t void_time,
                       uint32_t n_ops, const uint8_t *ops, size_t here)
{
    const cell_form *c = (const cell_form *)(const void *)t->form.data;
    if (row >= t->n_rows || n_ops * sizeof *c != t->form.size || n_ops == 0) {
        return 0;
    }
    size_t at = 0;
    for (const cell_form *end = c + n_ops; c != end; c++) {
        size_t size = take(t, c, row, ops + at, here - at);
        if (size == 0) {
            return 0;
        }
        at += size;
    }
    uint8_t *missing = t->missing + row * t->missing_stride;
    for (size_t i = 0; i < t->missing_stride; i++) {
        missing[i] = 0;
    }
    anp_row_end(t, row, generation, void_time);
    return at;
}
