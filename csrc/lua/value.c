/* Values in and out. All memory that may be left by an error is Lua's, or the call's scratch. */
#include "lua/value.h"

#include "data/container.h"
#include "wire/msgpack.h"

/* ---- in ---- */

static void push_text_like(lua_State *L, const anp_msgpack_item *item)
{
    anp_slice s = item->bytes;
    uint8_t particle = ANP_PARTICLE_BLOB;
    if (item->kind == ANP_MSGPACK_STRING) {
        particle = s.size != 0 ? s.data[0] : (uint8_t)ANP_PARTICLE_STRING;
        s = s.size != 0 ? (anp_slice){s.data + 1, s.size - 1} : s;
    }
    if (particle == ANP_PARTICLE_STRING) {
        (void)lua_pushlstring(L, (const char *)s.data, s.size);
    } else if (particle == ANP_PARTICLE_GEOJSON) {
        anp_lua_push_geojson(L, s.data, s.size);
    } else {
        (void)anp_lua_push_bytes(L, particle, s.data, s.size);
    }
}

/* Takes the order mark off; its flags. */
static uint8_t take_mark(anp_cursor *c, anp_msgpack_item *container)
{
    uint8_t flags;
    (void)anp_msgpack_take_order_mark(c, container, &flags);
    return flags & ANP_KEY_VALUE_ORDERED;
}

static void push_element(lua_State *L, anp_cursor *c);

static void push_list(lua_State *L, anp_cursor *c, anp_msgpack_item *item)
{
    uint8_t order = take_mark(c, item);
    anp_lua_list *list = anp_lua_push_list(L, item->count);
    (void)lua_getiuservalue(L, -1, 1);
    for (uint32_t i = 1; i <= item->count; i++) {
        push_element(L, c);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 1);
    list->n = item->count;
    list->order = order;
}

static void push_map(lua_State *L, anp_cursor *c, anp_msgpack_item *item)
{
    uint8_t order = take_mark(c, item);
    anp_lua_map *map = anp_lua_push_map(L, item->count);
    map->order = order;
    (void)lua_getiuservalue(L, -1, 1);
    for (uint32_t i = 0; i < item->count; i++) {
        push_element(L, c);
        anp_lua_push_key(L, -1);
        lua_remove(L, -2);
        lua_pushvalue(L, -1);
        map->n += lua_rawget(L, -3) == LUA_TNIL ? 1u : 0u;
        lua_pop(L, 1);
        push_element(L, c);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushlightuserdata(L, NULL);
        }
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}

static void push_element(lua_State *L, anp_cursor *c)
{
    anp_msgpack_item item;
    luaL_checkstack(L, 8, "values are nested too deeply");
    if (!anp_msgpack_read(c, &item)) {
        (void)luaL_error(L, "a value is malformed");
    }
    switch (item.kind) {
    case ANP_MSGPACK_BOOL:
        lua_pushboolean(L, item.boolean);
        break;
    case ANP_MSGPACK_INT:
        lua_pushinteger(L, item.integer);
        break;
    case ANP_MSGPACK_UINT:
        lua_pushinteger(L, (lua_Integer)item.uinteger);
        break;
    case ANP_MSGPACK_FLOAT:
    case ANP_MSGPACK_DOUBLE:
        lua_pushnumber(L, item.real);
        break;
    case ANP_MSGPACK_STRING:
    case ANP_MSGPACK_BIN:
        push_text_like(L, &item);
        break;
    case ANP_MSGPACK_LIST:
        push_list(L, c, &item);
        break;
    case ANP_MSGPACK_MAP:
        push_map(L, c, &item);
        break;
    default:
        lua_pushnil(L);
        break;
    }
}

void anp_lua_push_element(lua_State *L, anp_cursor *c)
{
    anp_cursor look = *c;
    if (!anp_msgpack_skip(&look)) { /* or nested too deeply for what calls itself */
        (void)luaL_error(L, "a value is malformed");
    }
    push_element(L, c);
}

void anp_lua_push_particle(lua_State *L, const anp_particle *p)
{
    int64_t integer;
    double real;
    bool boolean;
    anp_slice text;
    anp_cursor c = anp_cursor_over(p->data, p->size);
    if (p->type == ANP_PARTICLE_NULL) {
        lua_pushnil(L);
    } else if (anp_particle_integer(p, &integer)) {
        lua_pushinteger(L, integer);
    } else if (anp_particle_float(p, &real)) {
        lua_pushnumber(L, real);
    } else if (anp_particle_bool(p, &boolean)) {
        lua_pushboolean(L, boolean);
    } else if (p->type == ANP_PARTICLE_STRING) {
        (void)lua_pushlstring(L, (const char *)p->data, p->size);
    } else if (anp_particle_geojson(p, &text)) {
        anp_lua_push_geojson(L, text.data, text.size);
    } else if (p->type == ANP_PARTICLE_LIST || p->type == ANP_PARTICLE_MAP) {
        anp_lua_push_element(L, &c);
    } else {
        (void)anp_lua_push_bytes(L, p->type, p->data, p->size);
    }
}

/* ---- out ---- */

/* An ordered list that was changed is sorted again. */
static bool sort_list(anp_buffer *b, size_t start)
{
    anp_buffer stored, sorted;
    anp_container list;
    anp_arena arena;
    anp_buffer_init(&stored, b->max);
    anp_buffer_init(&sorted, b->max);
    anp_arena_init(&arena, b->max * 4);
    bool ok =
        anp_collection_store_element(&stored, (anp_slice){b->data + start, b->size - start}) &&
        anp_container_open(&list, &arena, (anp_slice){stored.data, stored.size}) &&
        anp_container_reorder(&list, &arena);
    if (ok) {
        list.order = ANP_ORDERED;
        anp_container_write(&sorted, &list);
        b->size = start;
        anp_buffer_put(b, sorted.data, sorted.size);
        ok = sorted.failed == ANP_OK && b->failed == ANP_OK;
    }
    anp_arena_deinit(&arena);
    anp_buffer_deinit(&stored);
    anp_buffer_deinit(&sorted);
    return ok;
}

static void pack(lua_State *L, int index, anp_buffer *b, const char *what, int depth);

static void pack_list(lua_State *L, int index, anp_buffer *b, const char *what, int depth)
{
    const anp_lua_list *list = lua_touserdata(L, index);
    size_t start = b->size;
    anp_msgpack_put_list(b, list->n);
    (void)lua_getiuservalue(L, index, 1);
    for (uint32_t i = 1; i <= list->n; i++) {
        (void)lua_rawgeti(L, -1, i);
        pack(L, lua_gettop(L), b, what, depth + 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (list->order != ANP_UNORDERED && !sort_list(b, start)) {
        (void)luaL_error(L, "%s: no memory for a list", what);
    }
}

static void pack_map(lua_State *L, int index, anp_buffer *b, const char *what, int depth)
{
    const anp_lua_map *map = lua_touserdata(L, index);
    anp_msgpack_put_map(b, map->n + (map->order != ANP_UNORDERED ? 1 : 0));
    if (map->order != ANP_UNORDERED) {
        anp_msgpack_put_order_mark(b, map->order);
        anp_msgpack_put_nil(b);
    }
    anp_lua_push_keys(L, index);
    (void)lua_getiuservalue(L, index, 1);
    for (uint32_t i = 1; i <= map->n; i++) {
        size_t size;
        (void)lua_rawgeti(L, -2, i);
        const char *key = lua_tolstring(L, -1, &size);
        anp_buffer_put(b, key, size);
        (void)lua_rawget(L, -2);
        pack(L, lua_gettop(L), b, what, depth + 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static void pack_userdata(lua_State *L, int index, anp_buffer *b, const char *what, int depth)
{
    if (luaL_testudata(L, index, ANP_LUA_LIST) != NULL) {
        pack_list(L, index, b, what, depth);
    } else if (luaL_testudata(L, index, ANP_LUA_MAP) != NULL) {
        pack_map(L, index, b, what, depth);
    } else if (luaL_testudata(L, index, ANP_LUA_BYTES) != NULL) {
        const anp_lua_bytes *bytes = lua_touserdata(L, index);
        anp_msgpack_put_text(b, bytes->particle, bytes->data, bytes->size);
    } else if (luaL_testudata(L, index, ANP_LUA_GEOJSON) != NULL) {
        size_t size;
        (void)lua_getiuservalue(L, index, 1);
        const char *text = lua_tolstring(L, -1, &size);
        anp_msgpack_put_text(b, ANP_PARTICLE_GEOJSON, text, size);
        lua_pop(L, 1);
    } else {
        (void)luaL_error(L, "%s: a record is no value", what);
    }
}

static void pack(lua_State *L, int index, anp_buffer *b, const char *what, int depth)
{
    size_t size;
    const char *text;
    anp_lua_charge(L, 1);
    luaL_checkstack(L, 8, what);
    if (depth > ANP_MSGPACK_DEPTH) {
        (void)luaL_error(L, "%s: nested more than %d deep", what, ANP_MSGPACK_DEPTH);
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TLIGHTUSERDATA: /* a map's nil: modules have no others */
        anp_msgpack_put_nil(b);
        break;
    case LUA_TBOOLEAN:
        anp_msgpack_put_bool(b, lua_toboolean(L, index));
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            anp_msgpack_put_int(b, lua_tointeger(L, index));
        } else {
            anp_msgpack_put_double(b, lua_tonumber(L, index));
        }
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &size);
        anp_msgpack_put_text(b, ANP_PARTICLE_STRING, text, size);
        break;
    case LUA_TUSERDATA:
        pack_userdata(L, index, b, what, depth);
        break;
    default:
        (void)luaL_error(L, "%s: a %s is no value; lists and maps are made by list() and map()",
                         what, luaL_typename(L, index));
    }
    if (b->failed != ANP_OK) {
        (void)luaL_error(L, "%s: larger than %d bytes", what, (int)b->max);
    }
}

void anp_lua_pack(lua_State *L, int index, anp_buffer *b, const char *what)
{
    pack(L, lua_absindex(L, index), b, what, 0);
}

/* Leaves the bytes of a list or map in the buffer in stored form. */
static void store(lua_State *L, anp_buffer *b, uint8_t particle, const char *what)
{
    anp_buffer form;
    anp_buffer_init(&form, b->max);
    bool ok = anp_collection_store(&form, particle, (anp_slice){b->data, b->size});
    anp_buffer_clear(b);
    anp_buffer_put(b, form.data, form.size);
    anp_buffer_deinit(&form);
    if (!ok || b->failed != ANP_OK) {
        (void)luaL_error(L, "%s: it can't be stored", what);
    }
}

uint8_t anp_lua_particle(lua_State *L, int index, anp_buffer *b, const char *what)
{
    anp_buffer_clear(b);
    index = lua_absindex(L, index);
    size_t size;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return ANP_PARTICLE_NULL;
    case LUA_TBOOLEAN:
        anp_buffer_u8(b, lua_toboolean(L, index) ? 1 : 0);
        return ANP_PARTICLE_BOOL;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &size);
        anp_buffer_put(b, text, size);
        return ANP_PARTICLE_STRING;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            anp_buffer_be64(b, (uint64_t)lua_tointeger(L, index));
            return ANP_PARTICLE_INTEGER;
        } else {
            double real = lua_tonumber(L, index);
            uint64_t bits;
            memcpy(&bits, &real, sizeof bits);
            anp_buffer_be64(b, bits);
            return ANP_PARTICLE_FLOAT;
        }
    default:
        break;
    }
    const anp_lua_bytes *bytes = luaL_testudata(L, index, ANP_LUA_BYTES);
    if (bytes != NULL) {
        anp_buffer_put(b, bytes->data, bytes->size);
        return bytes->particle;
    }
    if (luaL_testudata(L, index, ANP_LUA_GEOJSON) != NULL) {
        (void)lua_getiuservalue(L, index, 1);
        text = lua_tolstring(L, -1, &size);
        anp_buffer_put(b, "\0\0", 3); /* no flags, no cells */
        anp_buffer_put(b, text, size);
        lua_pop(L, 1);
        return ANP_PARTICLE_GEOJSON;
    }
    uint8_t particle =
        luaL_testudata(L, index, ANP_LUA_LIST) != NULL ? ANP_PARTICLE_LIST : ANP_PARTICLE_MAP;
    anp_lua_pack(L, index, b, what);
    store(L, b, particle, what);
    return particle;
}

void anp_lua_push_key(lua_State *L, int index)
{
    anp_buffer *b = &anp_lua_of(L)->scratch;
    anp_buffer_clear(b);
    anp_lua_pack(L, index, b, "a map's key");
    if (!anp_collection_is_key((anp_slice){b->data, b->size})) {
        (void)luaL_error(L, "a %s is no key of a map", luaL_typename(L, index));
    }
    (void)lua_pushlstring(L, (const char *)b->data, b->size);
}
