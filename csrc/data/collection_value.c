/* Arguments and results of operations on lists and maps. No state. */
#include <math.h>

#include "data/collection_op.h"

bool anp_collection_argument(anp_collection_op *o, anp_slice *out)
{
    anp_call *c = &o->call;
    const uint8_t *start = c->at.at;
    if (c->left == 0 || !anp_msgpack_skip(&c->at)) {
        return false;
    }
    c->left--;
    *out = (anp_slice){start, (size_t)(c->at.at - start)};
    return true;
}

bool anp_collection_stored(anp_arena *arena, anp_slice sent, anp_slice *out)
{
    anp_buffer form;
    anp_buffer_init(&form, ANP_PROTO_MAX);
    bool ok = anp_collection_store_element(&form, sent);
    *out = (anp_slice){ok ? anp_arena_copy(arena, form.data, form.size) : NULL, form.size};
    arena->failed = arena->failed || form.failed != ANP_OK;
    anp_buffer_deinit(&form);
    return out->data != NULL;
}

bool anp_collection_new_value(anp_collection_op *o, anp_slice *out)
{
    anp_slice sent;
    return anp_collection_argument(o, &sent) && anp_collection_is_storable(sent) &&
           anp_collection_stored(o->arena, sent, out);
}

static bool read_number(anp_slice element, anp_msgpack_item *out)
{
    anp_cursor c = anp_cursor_over(element.data, element.size);
    return anp_msgpack_read(&c, out) &&
           (out->kind == ANP_MSGPACK_INT || out->kind == ANP_MSGPACK_DOUBLE ||
            out->kind == ANP_MSGPACK_FLOAT);
}

static int64_t whole(const anp_msgpack_item *n)
{
    const double end = 9223372036854775808.0; /* 2^63 */
    if (n->kind == ANP_MSGPACK_INT) {
        return n->integer;
    }
    return n->real >= end ? INT64_MAX : n->real >= -end ? (int64_t)n->real : INT64_MIN;
}

bool anp_collection_add(anp_collection_op *o, anp_slice number, anp_slice delta, bool subtract,
                        anp_slice *out)
{
    anp_msgpack_item a, b;
    if (!read_number(number, &a) || !read_number(delta, &b)) {
        return false;
    }
    anp_buffer sum;
    anp_buffer_init(&sum, 16);
    if (a.kind == ANP_MSGPACK_INT) {
        uint64_t by = (uint64_t)whole(&b);
        anp_msgpack_put_int(&sum, (int64_t)((uint64_t)a.integer + (subtract ? 0 - by : by)));
    } else {
        double by = b.kind == ANP_MSGPACK_INT ? (double)b.integer : b.real;
        anp_msgpack_put_double(&sum, subtract ? a.real - by : a.real + by);
    }
    *out = (anp_slice){anp_arena_copy(o->arena, sum.data, sum.size), sum.size};
    o->arena->failed = o->arena->failed || sum.failed != ANP_OK;
    anp_buffer_deinit(&sum);
    return !o->arena->failed;
}

/* Text behind its type byte. */
static void put_text(anp_outcome *out, anp_slice bytes)
{
    uint8_t type = bytes.size != 0 ? bytes.data[0] : ANP_PARTICLE_STRING;
    size_t skip = bytes.size != 0;
    out->type = type;
    if (type == ANP_PARTICLE_GEOJSON) {
        anp_buffer_put(&out->result, (const uint8_t[]){0, 0, 0}, 3);
    }
    anp_buffer_put(&out->result, bytes.data + skip, bytes.size - skip);
}

static void put_real(anp_outcome *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    out->type = ANP_PARTICLE_FLOAT;
    anp_buffer_be64(&out->result, bits);
}

void anp_collection_result(anp_collection_op *o, anp_slice element)
{
    anp_outcome *out = o->out;
    anp_cursor c = anp_cursor_over(element.data, element.size);
    anp_msgpack_item item;
    if (!anp_msgpack_read(&c, &item)) {
        return;
    }
    switch (item.kind) {
    case ANP_MSGPACK_BOOL:
        out->type = ANP_PARTICLE_BOOL;
        anp_buffer_u8(&out->result, item.boolean);
        break;
    case ANP_MSGPACK_INT:
    case ANP_MSGPACK_UINT:
        anp_outcome_integer(out, item.integer);
        break;
    case ANP_MSGPACK_FLOAT:
    case ANP_MSGPACK_DOUBLE:
        put_real(out, item.real);
        break;
    case ANP_MSGPACK_STRING:
        put_text(out, item.bytes);
        break;
    case ANP_MSGPACK_BIN:
        out->type = ANP_PARTICLE_BLOB;
        anp_buffer_put(&out->result, item.bytes.data, item.bytes.size);
        break;
    case ANP_MSGPACK_LIST:
    case ANP_MSGPACK_MAP:
        out->type = item.kind == ANP_MSGPACK_LIST ? ANP_PARTICLE_LIST : ANP_PARTICLE_MAP;
        anp_buffer_put(&out->result, element.data, element.size);
        break;
    default: /* nil, and what is no value */
        break;
    }
}
