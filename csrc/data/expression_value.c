/* Values of expressions, from bins and MessagePack and back; comparison. No state. */
#include "data/collection.h"
#include "data/expression_tree.h"

enum { GEO_HEAD = 3 }; /* flags u8, count of cells u16 */

/* ---- bins ---- */

anp_exp_value anp_exp_value_of(const anp_particle *p)
{
    anp_exp_value v = anp_exp_bytes(ANP_EXP_UNKNOWN, (anp_slice){p->data, p->size});
    switch (p->type) {
    case ANP_PARTICLE_NULL:
        return (anp_exp_value){.type = ANP_EXP_NIL};
    case ANP_PARTICLE_INTEGER:
        return anp_particle_integer(p, &v.integer) ? anp_exp_int(v.integer) : anp_exp_unknown();
    case ANP_PARTICLE_FLOAT:
        return anp_particle_float(p, &v.real) ? anp_exp_float(v.real) : anp_exp_unknown();
    case ANP_PARTICLE_BOOL:
        return anp_particle_bool(p, &v.boolean) ? anp_exp_bool(v.boolean) : anp_exp_unknown();
    case ANP_PARTICLE_STRING:
        v.type = ANP_EXP_STRING;
        return v;
    case ANP_PARTICLE_BLOB:
        v.type = ANP_EXP_BLOB;
        return v;
    case ANP_PARTICLE_HLL:
        v.type = ANP_EXP_HLL;
        return v;
    case ANP_PARTICLE_LIST:
        v.type = ANP_EXP_LIST;
        return v;
    case ANP_PARTICLE_MAP:
        v.type = ANP_EXP_MAP;
        return v;
    case ANP_PARTICLE_GEOJSON:
        v.type = ANP_EXP_GEO;
        return anp_particle_geojson(p, &v.bytes) ? v : anp_exp_unknown();
    default:
        return anp_exp_unknown();
    }
}

static uint8_t particle_type(anp_exp_type type)
{
    static const uint8_t types[] = {
        [ANP_EXP_NIL] = ANP_PARTICLE_NULL,     [ANP_EXP_BOOL] = ANP_PARTICLE_BOOL,
        [ANP_EXP_INT] = ANP_PARTICLE_INTEGER,  [ANP_EXP_STRING] = ANP_PARTICLE_STRING,
        [ANP_EXP_LIST] = ANP_PARTICLE_LIST,    [ANP_EXP_MAP] = ANP_PARTICLE_MAP,
        [ANP_EXP_BLOB] = ANP_PARTICLE_BLOB,    [ANP_EXP_FLOAT] = ANP_PARTICLE_FLOAT,
        [ANP_EXP_GEO] = ANP_PARTICLE_GEOJSON,  [ANP_EXP_HLL] = ANP_PARTICLE_HLL,
        [ANP_EXP_REMOVED] = ANP_PARTICLE_NULL,
    };
    return types[type];
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

anp_particle anp_exp_value_particle(const anp_exp_value *v, anp_arena *arena)
{
    anp_particle p = {.type = particle_type(v->type)};
    uint8_t *bytes;
    switch (v->type) {
    case ANP_EXP_INT:
    case ANP_EXP_FLOAT:
        bytes = anp_arena_take(arena, p.size = 8);
        if (bytes != NULL) {
            anp_store_be64(bytes, v->type == ANP_EXP_INT ? (uint64_t)v->integer : bits_of(v->real));
        }
        break;
    case ANP_EXP_BOOL:
        bytes = anp_arena_take(arena, p.size = 1);
        if (bytes != NULL) {
            bytes[0] = v->boolean;
        }
        break;
    case ANP_EXP_GEO:
        p.size = (uint32_t)(GEO_HEAD + v->bytes.size);
        bytes = anp_arena_take(arena, p.size);
        if (bytes != NULL) {
            memset(bytes, 0, GEO_HEAD);
            memcpy(bytes + GEO_HEAD, v->bytes.data, v->bytes.size);
        }
        break;
    case ANP_EXP_STRING:
    case ANP_EXP_BLOB:
    case ANP_EXP_HLL:
    case ANP_EXP_LIST:
    case ANP_EXP_MAP:
        p.data = v->bytes.data;
        p.size = (uint32_t)v->bytes.size;
        return p;
    default:
        return (anp_particle){0};
    }
    p.data = bytes;
    return bytes != NULL ? p : (anp_particle){0};
}

/* ---- MessagePack ---- */

void anp_exp_value_put(anp_buffer *b, const anp_exp_value *v)
{
    switch (v->type) {
    case ANP_EXP_BOOL:
        anp_msgpack_put_bool(b, v->boolean);
        break;
    case ANP_EXP_INT:
        anp_msgpack_put_int(b, v->integer);
        break;
    case ANP_EXP_FLOAT:
        anp_msgpack_put_double(b, v->real);
        break;
    case ANP_EXP_STRING:
    case ANP_EXP_BLOB:
    case ANP_EXP_GEO:
    case ANP_EXP_HLL:
        anp_msgpack_put_text(b, particle_type(v->type), v->bytes.data, v->bytes.size);
        break;
    case ANP_EXP_LIST:
    case ANP_EXP_MAP:
        anp_buffer_put(b, v->bytes.data, v->bytes.size);
        break;
    default:
        anp_msgpack_put_nil(b);
    }
}

static anp_exp_value read_text(anp_slice bytes)
{
    if (bytes.size == 0) {
        return anp_exp_unknown();
    }
    anp_slice rest = {bytes.data + 1, bytes.size - 1};
    switch (bytes.data[0]) {
    case ANP_PARTICLE_STRING:
        return anp_exp_bytes(ANP_EXP_STRING, rest);
    case ANP_PARTICLE_BLOB:
        return anp_exp_bytes(ANP_EXP_BLOB, rest);
    case ANP_PARTICLE_GEOJSON:
        return anp_exp_bytes(ANP_EXP_GEO, rest);
    case ANP_PARTICLE_HLL:
        return anp_exp_bytes(ANP_EXP_HLL, rest);
    default:
        return anp_exp_unknown();
    }
}

anp_exp_value anp_exp_value_read(anp_cursor *c)
{
    anp_cursor start = *c;
    anp_msgpack_item item;
    if (!anp_msgpack_read(c, &item)) {
        return anp_exp_unknown();
    }
    switch (item.kind) {
    case ANP_MSGPACK_NIL:
        return (anp_exp_value){.type = ANP_EXP_NIL};
    case ANP_MSGPACK_BOOL:
        return anp_exp_bool(item.boolean);
    case ANP_MSGPACK_INT:
        return anp_exp_int(item.integer);
    case ANP_MSGPACK_FLOAT:
    case ANP_MSGPACK_DOUBLE:
        return anp_exp_float(item.real);
    case ANP_MSGPACK_BIN:
        return anp_exp_bytes(ANP_EXP_BLOB, item.bytes);
    case ANP_MSGPACK_STRING:
        return read_text(item.bytes);
    case ANP_MSGPACK_LIST:
    case ANP_MSGPACK_MAP:
        *c = start;
        if (!anp_msgpack_skip(c)) {
            return anp_exp_unknown();
        }
        return anp_exp_bytes(item.kind == ANP_MSGPACK_LIST ? ANP_EXP_LIST : ANP_EXP_MAP,
                             (anp_slice){start.at, (size_t)(c->at - start.at)});
    default:
        return anp_exp_unknown();
    }
}

/* ---- order ---- */

static int compare_bytes(anp_slice a, anp_slice b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int c = n != 0 ? memcmp(a.data, b.data, n) : 0;
    return c != 0 ? c : (a.size > b.size) - (a.size < b.size);
}

int anp_exp_value_compare(const anp_exp_value *a, const anp_exp_value *b, bool *ordered)
{
    *ordered = true;
    switch (a->type) {
    case ANP_EXP_BOOL:
        return (int)a->boolean - (int)b->boolean;
    case ANP_EXP_INT:
        return (a->integer > b->integer) - (a->integer < b->integer);
    case ANP_EXP_FLOAT:
        *ordered = a->real == a->real && b->real == b->real;
        return (a->real > b->real) - (a->real < b->real);
    case ANP_EXP_LIST:
    case ANP_EXP_MAP:
        return anp_collection_compare(anp_cursor_over(a->bytes.data, a->bytes.size),
                                      anp_cursor_over(b->bytes.data, b->bytes.size));
    case ANP_EXP_STRING:
    case ANP_EXP_BLOB:
    case ANP_EXP_GEO:
    case ANP_EXP_HLL:
        return compare_bytes(a->bytes, b->bytes);
    default:
        return 0;
    }
}
