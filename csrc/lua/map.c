/* Maps: `map` makes them and works on them; `m[key]` reads, sets, and with nil removes. Keys are
 * integers, strings and bytes, and are walked through in their order. */
#include <stdlib.h>

#include "data/container.h"
#include "lua/value.h"

anp_lua_map *anp_lua_push_map(lua_State *L, uint32_t room)
{
    anp_lua_map *map = lua_newuserdatauv(L, sizeof *map, 1);
    *map = (anp_lua_map){0};
    lua_createtable(L, 0, (int)(room < 1 << 20 ? room : 1 << 20));
    (void)lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, ANP_LUA_MAP);
    return map;
}

/* ---- order ---- */

static int by_key(const void *a, const void *b)
{
    return anp_slice_compare(*(const anp_slice *)a, *(const anp_slice *)b);
}

void anp_lua_push_keys(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    const anp_lua_map *map = lua_touserdata(L, index);
    anp_lua_charge(L, (uint64_t)map->n * 16);
    anp_slice *keys = lua_newuserdatauv(L, sizeof *keys * (map->n + 1), 0);
    (void)lua_getiuservalue(L, index, 1);
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) { /* the strings stay where they are, as the table has them */
        keys[n].data = (const uint8_t *)lua_tolstring(L, -2, &keys[n].size);
        n++;
        lua_pop(L, 1);
    }
    qsort(keys, n, sizeof *keys, by_key);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        (void)lua_pushlstring(L, (const char *)keys[i].data, keys[i].size);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* ---- access ---- */

/* Replaces a value that came out of a map's table by what it stands for. */
static void unwrap(lua_State *L)
{
    if (lua_islightuserdata(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
}

static int at_key(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    (void)lua_getiuservalue(L, 1, 1);
    if (lua_isnoneornil(L, 2)) {
        lua_pushnil(L);
        return 1;
    }
    anp_lua_push_key(L, 2);
    (void)lua_rawget(L, -2);
    unwrap(L);
    return 1;
}

/* The value at `index`, if it can be in a map. */
static void check_value(lua_State *L, int index)
{
    int type = lua_type(L, index);
    if (type == LUA_TTABLE || type == LUA_TFUNCTION) {
        (void)luaL_error(
            L, "a %s can't be in a map; lists and maps in it are made by list() and map()",
            luaL_typename(L, index));
    }
}

/* Sets, or (nil) removes: the map is at `index`; key and value on top, taken off. */
static void set(lua_State *L, int index)
{
    anp_lua_map *map = lua_touserdata(L, index);
    int value = lua_gettop(L), key = value - 1;
    check_value(L, value);
    (void)lua_getiuservalue(L, index, 1);
    anp_lua_push_key(L, key);
    lua_pushvalue(L, -1);
    bool was = lua_rawget(L, -3) != LUA_TNIL, is = !lua_isnil(L, value);
    lua_pop(L, 1);
    lua_pushvalue(L, value);
    lua_rawset(L, -3);
    map->n += (uint32_t)is - (uint32_t)was;
    lua_settop(L, key - 1);
}

static int set_key(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    lua_settop(L, 3);
    set(L, 1);
    return 0;
}

static int take_out(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        lua_pushnil(L);
        set(L, 1);
    }
    return 0;
}

static int size(lua_State *L)
{
    const anp_lua_map *map = anp_lua_check(L, 1, ANP_LUA_MAP);
    lua_pushinteger(L, map->n);
    return 1;
}

static int nbytes(lua_State *L)
{
    anp_buffer *b = &anp_lua_of(L)->scratch;
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    anp_buffer_clear(b);
    anp_lua_pack(L, 1, b, "map.nbytes");
    lua_pushinteger(L, (lua_Integer)b->size);
    return 1;
}

static int text(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    anp_lua_push_text(L, 1);
    return 1;
}

/* ---- walking: over the keys that there were when it began; those removed since are left out ----
 */

enum { KEYS = 1, VALUES = 2 };

static int next_pair(lua_State *L)
{
    int what = (int)lua_tointeger(L, lua_upvalueindex(4));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
    lua_settop(L, 0);
    (void)lua_getiuservalue(L, lua_upvalueindex(1), 1);
    for (;;) {
        anp_lua_charge(L, 1);
        if (lua_rawgeti(L, lua_upvalueindex(2), ++at) == LUA_TNIL) {
            return 0;
        }
        size_t n;
        const char *key = lua_tolstring(L, -1, &n);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) {
            lua_pushinteger(L, at);
            lua_replace(L, lua_upvalueindex(3));
            unwrap(L);
            anp_cursor c = anp_cursor_over(key, n);
            anp_lua_push_element(L, &c);
            if (what == (KEYS | VALUES)) {
                lua_pushvalue(L, -2);
                return 2;
            }
            if (what == VALUES) {
                lua_pop(L, 1);
            }
            return 1;
        }
        lua_pop(L, 2);
    }
}

static int walk(lua_State *L, int what)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    lua_pushvalue(L, 1);
    anp_lua_push_keys(L, 1);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, what);
    lua_pushcclosure(L, next_pair, 4);
    return 1;
}

static int walk_pairs(lua_State *L)
{
    return walk(L, KEYS | VALUES);
}

static int walk_keys(lua_State *L)
{
    return walk(L, KEYS);
}

static int walk_values(lua_State *L)
{
    return walk(L, VALUES);
}

/* ---- making ---- */

/* map.create(capacity): empty; capacities are the server's concern. */
static int create(lua_State *L)
{
    if (luaL_optinteger(L, 1, 0) < 1) {
        return 0;
    }
    (void)anp_lua_push_map(L, 0);
    return 1;
}

/* map{...} */
static int make(lua_State *L)
{
    (void)anp_lua_push_map(L, 0);
    if (lua_type(L, 2) != LUA_TTABLE) {
        return 1;
    }
    int map = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) {
        anp_lua_charge(L, 1);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        set(L, map);
    }
    return 1;
}

/* Puts the pairs of the map at `from` into the one on top, but those whose key `but` has (0: all).
 * `f` merges the values of a key that both have (0: the later one is taken). */
static void add_all(lua_State *L, int from, int but, int f)
{
    int to = lua_gettop(L), keys = to + 1, source = to + 2, target = to + 3, left_out = to + 4,
        key = to + 5;
    anp_lua_push_keys(L, from);
    (void)lua_getiuservalue(L, from, 1);
    (void)lua_getiuservalue(L, to, 1);
    if (but != 0) {
        (void)lua_getiuservalue(L, but, 1);
    } else {
        lua_newtable(L);
    }
    for (lua_Integer i = 1; lua_rawgeti(L, keys, i) != LUA_TNIL; lua_settop(L, left_out), i++) {
        anp_lua_charge(L, 4);
        lua_pushvalue(L, key);
        if (lua_rawget(L, left_out) != LUA_TNIL) {
            continue;
        }
        lua_pushvalue(L, key);
        bool is_there = lua_rawget(L, target) != LUA_TNIL;
        bool merges = is_there && f != 0;
        unwrap(L);
        if (merges) {
            lua_pushvalue(L, f);
            lua_insert(L, -2);
        }
        lua_pushvalue(L, key);
        (void)lua_rawget(L, source);
        if (merges) {
            unwrap(L);
            lua_call(L, 2, 1);
            check_value(L, -1);
        }
        if (!lua_isnil(L, -1)) {
            lua_pushvalue(L, key);
            lua_insert(L, -2);
            lua_rawset(L, target);
            ((anp_lua_map *)lua_touserdata(L, to))->n += is_there ? 0u : 1u;
        }
    }
    lua_settop(L, to);
}

static int clone(lua_State *L)
{
    const anp_lua_map *map = anp_lua_check(L, 1, ANP_LUA_MAP);
    uint8_t order = map->order;
    anp_lua_map *copy = anp_lua_push_map(L, map->n);
    copy->order = order;
    add_all(L, 1, 0, 0);
    return 1;
}

/* map.merge(a, b[, f]): both; of a key in both f(a's, b's), or b's. */
static int merge(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    (void)anp_lua_check(L, 2, ANP_LUA_MAP);
    lua_settop(L, 3);
    (void)anp_lua_push_map(L, 0);
    add_all(L, 1, 0, 0);
    add_all(L, 2, 0, lua_isfunction(L, 3) ? 3 : 0);
    return 1;
}

/* map.diff(a, b): the pairs whose key only one of them has. */
static int diff(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_MAP);
    (void)anp_lua_check(L, 2, ANP_LUA_MAP);
    (void)anp_lua_push_map(L, 0);
    add_all(L, 1, 2, 0);
    add_all(L, 2, 1, 0);
    return 1;
}

void anp_lua_open_map(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__index", at_key},
                                       {"__newindex", set_key},
                                       {"__len", size},
                                       {"__tostring", text},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"new", create},       {"create", create},  {"iterator", walk_pairs},
        {"pairs", walk_pairs}, {"keys", walk_keys}, {"values", walk_values},
        {"remove", take_out},  {"size", size},      {"nbytes", nbytes},
        {"tostring", text},    {"clone", clone},    {"merge", merge},
        {"diff", diff},        {NULL, NULL}};
    anp_lua_class(L, ANP_LUA_MAP, methods);
    anp_lua_object(L, "map", functions, make);
}
