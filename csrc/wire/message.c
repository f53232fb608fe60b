/* Messages: heads, fields, operations; see message.h for the bytes. No state. */
#include "wire/message.h"

bool anp_message_read(anp_cursor *c, anp_message *out)
{
    if (anp_cursor_left(c) < ANP_MESSAGE_HEAD || c->at[0] < ANP_MESSAGE_HEAD) {
        return false;
    }
    const uint8_t *p = anp_cursor_take(c, c->at[0]);
    if (p == NULL) {
        return false;
    }
    *out = (anp_message){
        .info1 = p[1],
        .info2 = p[2],
        .info3 = p[3],
        .info4 = p[4],
        .result = p[5],
        .generation = anp_load_be32(p + 6),
        .ttl = anp_load_be32(p + 10),
        .index = anp_load_be32(p + 14),
        .n_fields = anp_load_be16(p + 18),
        .n_ops = anp_load_be16(p + 20),
    };
    return true;
}

bool anp_field_read(anp_cursor *c, anp_field_view *out)
{
    anp_cursor at = *c;
    uint32_t size;
    const uint8_t *p;
    if (!anp_cursor_be32(&at, &size) || size == 0 || (p = anp_cursor_take(&at, size)) == NULL) {
        return false;
    }
    *out = (anp_field_view){p[0], {p + 1, size - 1}};
    *c = at;
    return true;
}

bool anp_op_read(anp_cursor *c, anp_op *out)
{
    anp_cursor at = *c;
    uint32_t size;
    const uint8_t *p;
    if (!anp_cursor_be32(&at, &size) || size < 4 || (p = anp_cursor_take(&at, size)) == NULL ||
        size - 4 < p[3]) {
        return false;
    }
    *out = (anp_op){
        .type = p[0],
        .flags = p[2],
        .name = {p + 4, p[3]},
        .value = {.type = p[1], .data = p + 4 + p[3], .size = size - 4 - p[3]},
    };
    *c = at;
    return true;
}

anp_measure anp_message_measure(const uint8_t *data, size_t size, uint64_t frame_left,
                                size_t *length)
{
    if (frame_left < ANP_MESSAGE_HEAD) {
        return ANP_MEASURE_BAD;
    }
    if (size < ANP_MESSAGE_HEAD) {
        *length = ANP_MESSAGE_HEAD;
        return size > 0 && data[0] < ANP_MESSAGE_HEAD ? ANP_MEASURE_BAD : ANP_MEASURE_SHORT;
    }
    if (data[0] < ANP_MESSAGE_HEAD || data[0] > frame_left) {
        return ANP_MEASURE_BAD;
    }
    uint32_t n_fields = anp_load_be16(data + 18), n_ops = anp_load_be16(data + 20);
    uint64_t at = data[0];
    for (uint32_t i = 0; i < n_fields + n_ops; i++) {
        uint64_t least = i < n_fields ? 5 : 8; /* its own head */
        if (frame_left - at < least) {
            return ANP_MEASURE_BAD;
        }
        if (size < at + least) {
            *length = (size_t)(at + least);
            return ANP_MEASURE_SHORT;
        }
        uint64_t body = anp_load_be32(data + at);
        if (body < least - 4 || body > frame_left - at - 4 ||
            (i >= n_fields && body - 4 < data[at + 7])) {
            return ANP_MEASURE_BAD;
        }
        at += 4 + body;
    }
    *length = (size_t)at;
    return size < at ? ANP_MEASURE_SHORT : ANP_MEASURE_WHOLE;
}

void anp_message_write(anp_buffer *b, const anp_message *m)
{
    uint8_t *p = anp_buffer_add(b, ANP_MESSAGE_HEAD);
    if (p == NULL) {
        return;
    }
    p[0] = ANP_MESSAGE_HEAD;
    p[1] = m->info1;
    p[2] = m->info2;
    p[3] = m->info3;
    p[4] = m->info4;
    p[5] = m->result;
    anp_store_be32(p + 6, m->generation);
    anp_store_be32(p + 10, m->ttl);
    anp_store_be32(p + 14, m->index);
    anp_store_be16(p + 18, m->n_fields);
    anp_store_be16(p + 20, m->n_ops);
}

void anp_field_write(anp_buffer *b, anp_field_type type, const void *data, size_t size)
{
    uint8_t *p = anp_buffer_add(b, 5 + size);
    if (p == NULL) {
        return;
    }
    anp_store_be32(p, (uint32_t)(size + 1));
    p[4] = (uint8_t)type;
    if (size != 0) {
        memcpy(p + 5, data, size);
    }
}

void anp_op_write(anp_buffer *b, anp_op_type op, const void *name, size_t name_size,
                  uint8_t particle, const void *data, size_t size)
{
    uint8_t *p = anp_buffer_add(b, 8 + name_size + size);
    if (p == NULL) {
        return;
    }
    anp_store_be32(p, (uint32_t)(4 + name_size + size));
    p[4] = (uint8_t)op;
    p[5] = particle;
    p[6] = 0;
    p[7] = (uint8_t)name_size;
    if (name_size != 0) {
        memcpy(p + 8, name, name_size);
    }
    if (size != 0) {
        memcpy(p + 8 + name_size, data, size);
    }
}
