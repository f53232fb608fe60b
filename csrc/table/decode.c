/* The row loop: one reply message into one row.
 *
 *   operation  u32 4 + name + value, op u8, particle u8, flags u8, name length u8, name, value
 *
 * Replies name the bins in the order that they were asked for, so the next field is guessed, and
 * the name's length with its first seven bytes are compared in one load (head_key); only when
 * that fails is the name looked up. One thread writes to a table at a time. */
#include "table/decode.h"

#include <inttypes.h>

#include "table/cell.h"

enum { OP_HEAD = 8, OP_NAME_SIZE = 7 };

/* Keeps what is rare out of the loop's registers. */
#define RARE __attribute__((noinline))

void anp_table_init(anp_table *t)
{
    anp_buffer_init(&t->errors, PTRDIFF_MAX);
    anp_buffer_init(&t->deferred, PTRDIFF_MAX);
    anp_buffer_init(&t->arena, PTRDIFF_MAX);
    anp_buffer_init(&t->form, PTRDIFF_MAX);
}

void anp_table_deinit(anp_table *t)
{
    anp_buffer_deinit(&t->errors);
    anp_buffer_deinit(&t->deferred);
    anp_buffer_deinit(&t->arena);
    anp_buffer_deinit(&t->form);
}

static inline uint8_t *slot_of(const anp_field *f, uint64_t row)
{
    return f->base + (ptrdiff_t)row * f->stride;
}

static inline uint8_t *missing_of(const anp_table *t, uint64_t row)
{
    return t->missing + row * t->missing_stride;
}

void anp_table_soon(const anp_table *t, uint64_t row)
{
    const anp_plan *plan = t->plan;
    __builtin_prefetch(&t->codes[row], 1);
    __builtin_prefetch(&t->meta[2 * row], 1);
    __builtin_prefetch(missing_of(t, row), 1);
    if (plan->n_fields != 0) { /* of a row the first and the last; of columns that helps with two */
        __builtin_prefetch(slot_of(&plan->fields[0], row), 1);
        __builtin_prefetch(slot_of(&plan->fields[plan->n_fields - 1], row), 1);
    }
}

/* All fields missing; the spare bits of the last byte stay 0. */
static inline void set_all_missing(const anp_table *t, uint8_t *bits)
{
    uint32_t n = t->plan->n_fields;
    size_t whole = n / 8;
    if (whole != 0) {
        memset(bits, 0xff, whole);
    }
    if (n % 8 != 0) {
        bits[whole] = (uint8_t)((1u << n % 8) - 1);
    }
}

static void fill_missing(const anp_table *t, uint64_t row, const uint8_t *bits)
{
    uint32_t n = t->plan->n_fields;
    for (uint32_t at = 0; at < n; at += 8) {
        unsigned left = bits[at / 8];
        while (left != 0) {
            const anp_field *f = &t->plan->fields[at + (unsigned)__builtin_ctz(left)];
            if (f->kind != ANP_KIND_DEFERRED) { /* its slot owns what is in it */
                anp_cell_fill(f, slot_of(f, row));
            }
            left &= left - 1;
        }
    }
}

static inline bool any_missing(const anp_table *t, const uint8_t *bits)
{
    unsigned any = 0;
    for (size_t i = 0; i < (t->plan->n_fields + 7u) / 8; i++) {
        any |= bits[i];
    }
    return any != 0;
}

void anp_table_settle(anp_table *t, uint64_t row, int32_t code)
{
    uint8_t *bits = missing_of(t, row);
    set_all_missing(t, bits);
    fill_missing(t, row, bits);
    anp_row_gaps(t, row);
    t->meta[2 * row] = 0;
    t->meta[2 * row + 1] = 0;
    t->codes[row] = code;
}

RARE static void note(anp_table *t, uint64_t row, int32_t field, anp_reason reason,
                      uint8_t particle)
{
    anp_cell_error e = {
        .row = (int64_t)row, .field = field, .reason = (int16_t)reason, .particle = particle};
    anp_buffer_put(&t->errors, &e, sizeof e);
}

static void add_deferred(anp_table *t, anp_deferred d, const void *bytes)
{
    d.offset = t->arena.size;
    anp_buffer_put(&t->arena, bytes, d.size);
    anp_buffer_put(&t->deferred, &d, sizeof d);
}

anp_reason anp_cell_defer(const anp_field *f, uint8_t *slot, const anp_value *v,
                          anp_cell_sink *sink)
{
    if (sink == NULL || v->type == ANP_VALUE_ODD || v->type == ANP_PARTICLE_NULL) {
        return ANP_REASON_KIND;
    }
    uint8_t number[8];
    anp_slice bytes = v->bytes;
    if (v->type == ANP_PARTICLE_INTEGER) {
        if (v->above) {
            return ANP_REASON_RANGE;
        }
        anp_store_be64(number, (uint64_t)v->integer);
        bytes = (anp_slice){number, 8};
    } else if (v->type == ANP_PARTICLE_FLOAT) {
        uint64_t bits;
        memcpy(&bits, &v->real, sizeof bits);
        anp_store_be64(number, bits);
        bytes = (anp_slice){number, 8};
    } else if (v->type == ANP_PARTICLE_BOOL) {
        number[0] = v->boolean;
        bytes = (anp_slice){number, 1};
    }
    size_t head = v->type == ANP_PARTICLE_GEOJSON ? 3 : 0; /* no flags, no cells */
    if (bytes.size > UINT32_MAX - 3) {
        return ANP_REASON_LENGTH;
    }
    memset(slot, 0, f->itemsize);
    anp_deferred d = {
        .row = sink->row,
        .slot = slot,
        .offset = sink->table->arena.size,
        .size = (uint32_t)(head + bytes.size),
        .field = sink->field,
        .particle = v->type,
    };
    anp_buffer_put(&sink->table->arena, "\0\0\0", head);
    anp_buffer_put(&sink->table->arena, bytes.data, bytes.size);
    anp_buffer_put(&sink->table->deferred, &d, sizeof d);
    return ANP_REASON_NONE;
}

/* A bin that came twice: what was deferred for its field in this row is dropped. */
RARE static void drop_deferred(anp_table *t, size_t mark, int32_t field)
{
    size_t to = mark;
    for (size_t from = mark; from < t->deferred.size; from += sizeof(anp_deferred)) {
        anp_deferred d;
        memcpy(&d, t->deferred.data + from, sizeof d);
        if (d.field != field) {
            memcpy(t->deferred.data + to, &d, sizeof d);
            to += sizeof d;
        }
    }
    t->deferred.size = to;
}

RARE static anp_reason store_deferred(anp_table *t, uint64_t row, int32_t at, uint8_t *slot,
                                      const anp_particle *p)
{
    const anp_field *f = &t->plan->fields[at];
    if (f->kind == ANP_KIND_DEFERRED) {
        anp_deferred d = {
            .row = (int64_t)row, .slot = slot, .size = p->size, .field = at, .particle = p->type};
        add_deferred(t, d, p->data);
        return ANP_REASON_NONE;
    }
    anp_value v;
    if (!anp_value_of_particle(p, &v)) {
        return ANP_REASON_MALFORMED;
    }
    size_t deferred = t->deferred.size;
    size_t arena = t->arena.size;
    anp_cell_sink sink = {t, (int64_t)row, at};
    anp_reason reason = anp_cell_value(f, slot, &v, (int)t->mode, &sink);
    if (reason != ANP_REASON_NONE) {
        t->deferred.size = deferred;
        t->arena.size = arena;
    }
    return reason;
}

/* Of a bin that came twice the last value counts: drops what was noted in this row, from `mark` on,
 * of fields that took a later one. */
RARE static void drop_errors(anp_table *t, size_t mark, const uint8_t *bits)
{
    size_t to = mark;
    for (size_t from = mark; from < t->errors.size; from += sizeof(anp_cell_error)) {
        anp_cell_error e;
        memcpy(&e, t->errors.data + from, sizeof e);
        if ((bits[e.field >> 3] & (1u << (e.field & 7))) != 0) {
            memcpy(t->errors.data + to, &e, sizeof e);
            to += sizeof e;
        }
    }
    t->errors.size = to;
}

/* One bin into its field, and the field's bit. */
static inline void store_bin(anp_table *t, uint64_t row, const anp_field *f, int32_t at,
                             const anp_particle *p, uint8_t *bits, size_t deferred_mark)
{
    uint8_t *slot = slot_of(f, row);
    uint8_t bit = (uint8_t)(1u << (at & 7));
    uint8_t *byte = &bits[at >> 3];
    anp_reason reason;
    if (p->type == ANP_PARTICLE_NULL) { /* of several operations one that only wrote */
        return;
    }
    if (f->has_deferred && (*byte & bit) == 0) {
        drop_deferred(t, deferred_mark, at);
    }
    if (f->has_deferred) {
        reason = store_deferred(t, row, at, slot, p);
    } else {
        reason = f->store(f, slot, p, (int)t->mode);
    }
    if (reason == ANP_REASON_NONE) {
        *byte &= (uint8_t)~bit;
        return;
    }
    *byte |= bit;
    note(t, row, at, reason, p->type);
}

/* Is it the field that is next? `head` is an operation of OP_HEAD + rest bytes. */
static inline bool is_next(const anp_field *f, const uint8_t *head, size_t rest)
{
    if (rest < 7 || rest < f->name_size ||
        (anp_load64(head + OP_NAME_SIZE) & f->head_mask) != f->head_key) {
        return false;
    }
    return f->name_size <= 7 || anp_load64(head + OP_HEAD + f->name_size - 8) == f->tail_key;
}

/* The operations, to the message's end. False: lengths that don't fit. */
static bool decode_ops(anp_table *t, uint64_t row, uint32_t n_ops, anp_cursor *c, uint8_t *bits)
{
    const anp_plan *plan = t->plan;
    const anp_field *fields = plan->fields;
    const uint32_t n_fields = plan->n_fields;
    const size_t mark = t->deferred.size;
    uint32_t next = 0;
    for (uint32_t i = 0; i < n_ops; i++) {
        const uint8_t *head = anp_cursor_take(c, OP_HEAD);
        if (head == NULL) {
            return false;
        }
        size_t size = anp_load_be32(head);
        size_t name_size = head[OP_NAME_SIZE];
        if (size < 4 || name_size > size - 4) {
            return false;
        }
        size_t rest = size - 4;
        const uint8_t *name = anp_cursor_take(c, rest);
        if (name == NULL) {
            return false;
        }
        int32_t at = (int32_t)next;
        if (next >= n_fields || !is_next(&fields[next], head, rest)) {
            at = anp_plan_find(plan, (anp_slice){name, name_size}, next);
            if (at < 0) {
                continue;
            }
        }
        next = (uint32_t)at + 1;
        anp_particle p = {head[5], name + name_size, (uint32_t)(rest - name_size)};
        store_bin(t, row, &fields[at], at, &p, bits, mark);
    }
    return c->at == c->end;
}

static anp_status fail(anp_table *t, const size_t marks[3], anp_status status)
{
    t->errors.size = marks[0];
    t->deferred.size = marks[1];
    t->arena.size = marks[2];
    return status;
}

anp_status anp_table_decode(anp_table *t, uint64_t row, const anp_message *m, anp_cursor body,
                            anp_error *err)
{
    if (row >= t->n_rows) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "a reply for row %" PRIu64 " of %" PRIu64, row,
                             t->n_rows);
    }
    if (m->result != 0) {
        anp_table_settle(t, row, m->result);
        return ANP_OK;
    }
    const size_t marks[3] = {t->errors.size, t->deferred.size, t->arena.size};
    uint8_t *bits = missing_of(t, row);
    set_all_missing(t, bits);
    for (uint32_t i = 0; i < m->n_fields; i++) {
        anp_field_view field;
        if (!anp_field_read(&body, &field)) {
            (void)anp_error_set(err, ANP_ERR_PROTOCOL,
                                "row %" PRIu64 ": field %" PRIu32 " of %u does not fit its message",
                                row, i, m->n_fields);
            return fail(t, marks, ANP_ERR_PROTOCOL);
        }
    }
    const uint8_t *ops = body.at;
    if (!decode_ops(t, row, m->n_ops, &body, bits)) {
        (void)anp_error_set(err, ANP_ERR_PROTOCOL,
                            "row %" PRIu64 ": %u bins do not fit their message", row, m->n_ops);
        return fail(t, marks, ANP_ERR_PROTOCOL);
    }
    if ((t->errors.failed | t->deferred.failed | t->arena.failed) != ANP_OK) {
        return fail(t, marks, anp_error_memory(err, t->arena.size, "values of a batch"));
    }
    if (t->errors.size != marks[0]) {
        drop_errors(t, marks[0], bits);
    }
    if (any_missing(t, bits)) {
        fill_missing(t, row, bits);
    } else if (m->n_ops != 0) {
        anp_row_learn(t, m->n_ops, ops);
    }
    anp_row_end(t, row, m->generation, m->ttl);
    return ANP_OK;
}
