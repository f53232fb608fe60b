/* Values as texts for people, and GeoJSON, which is one. */
#include "data/json.h"
#include "lua/value.h"
#include "wire/msgpack.h"

static void add(lua_State *L, anp_buffer *b, int index, int depth);

static void add_list(lua_State *L, anp_buffer *b, int index, int depth)
{
    const anp_lua_list *list = lua_touserdata(L, index);
    (void)lua_getiuservalue(L, index, 1);
    anp_buffer_print(b, "List(");
    for (uint32_t i = 1; i <= list->n; i++) {
        anp_buffer_print(b, "%s", i != 1 ? ", " : "");
        (void)lua_rawgeti(L, -1, i);
        add(L, b, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
    }
    anp_buffer_u8(b, ')');
    lua_pop(L, 1);
}

static void add_map(lua_State *L, anp_buffer *b, int index, int depth)
{
    const anp_lua_map *map = lua_touserdata(L, index);
    anp_lua_push_keys(L, index);
    (void)lua_getiuservalue(L, index, 1);
    anp_buffer_print(b, "Map(");
    for (uint32_t i = 1; i <= map->n; i++) {
        anp_buffer_print(b, "%s", i != 1 ? ", " : "");
        (void)lua_rawgeti(L, -2, i);
        anp_slice key;
        key.data = (const uint8_t *)lua_tolstring(L, -1, &key.size);
        anp_cursor c = anp_cursor_over(key.data, key.size);
        anp_lua_push_element(L, &c);
        add(L, b, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
        anp_buffer_print(b, "->");
        (void)lua_rawget(L, -2);
        add(L, b, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
    }
    anp_buffer_u8(b, ')');
    lua_pop(L, 2);
}

static void add_bytes(lua_State *L, anp_buffer *b, int index)
{
    const anp_lua_bytes *bytes = lua_touserdata(L, index);
    for (uint32_t i = 0; i < bytes->size && b->failed == ANP_OK; i++) {
        anp_buffer_print(b, "%s%02X", i != 0 ? " " : "", bytes->data[i]);
    }
}

static void add(lua_State *L, anp_buffer *b, int index, int depth)
{
    size_t size;
    const char *text;
    anp_lua_charge(L, 4);
    luaL_checkstack(L, 12, "tostring");
    if (depth > ANP_MSGPACK_DEPTH || b->failed != ANP_OK) {
        (void)luaL_error(L, "tostring: a value is too large, or nested too deeply");
    }
    if (luaL_testudata(L, index, ANP_LUA_LIST) != NULL) {
        add_list(L, b, index, depth);
    } else if (luaL_testudata(L, index, ANP_LUA_MAP) != NULL) {
        add_map(L, b, index, depth);
    } else if (luaL_testudata(L, index, ANP_LUA_BYTES) != NULL) {
        add_bytes(L, b, index);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        text = lua_tolstring(L, index, &size);
        anp_buffer_u8(b, '"');
        anp_buffer_put(b, text, size);
        anp_buffer_u8(b, '"');
    } else if (lua_islightuserdata(L, index)) { /* a map's nil */
        anp_buffer_print(b, "nil");
    } else {
        text = luaL_tolstring(L, index, &size);
        anp_buffer_put(b, text, size);
        lua_pop(L, 1);
    }
}

void anp_lua_push_text(lua_State *L, int index)
{
    anp_buffer *b = &anp_lua_of(L)->scratch;
    anp_buffer_clear(b);
    add(L, b, lua_absindex(L, index), 0);
    if (b->failed != ANP_OK) {
        (void)luaL_error(L, "tostring: a value is too large");
    }
    (void)lua_pushlstring(L, (const char *)b->data, b->size);
}

/* ---- GeoJSON ---- */

void anp_lua_push_geojson(lua_State *L, const void *text, size_t size)
{
    (void)lua_newuserdatauv(L, 0, 1);
    (void)lua_pushlstring(L, text, size);
    (void)lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, ANP_LUA_GEOJSON);
}

static int geojson_text(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_GEOJSON);
    (void)lua_getiuservalue(L, 1, 1);
    return 1;
}

/* geojson('{"type": ...}') */
static int geojson_make(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    anp_lua_charge(L, size);
    luaL_argcheck(L, anp_json_is_object((anp_slice){(const uint8_t *)text, size}), 1,
                  "it is no JSON object");
    anp_lua_push_geojson(L, text, size);
    return 1;
}

void anp_lua_open_geojson(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__tostring", geojson_text}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"tostring", geojson_text}, {NULL, NULL}};
    anp_lua_class(L, ANP_LUA_GEOJSON, methods);
    anp_lua_object(L, "geojson", functions, geojson_make);
}
