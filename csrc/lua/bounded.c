/* Lua's own libraries, as far as modules may have them: nothing that reaches out of the call,
 * nothing that loads code or looks into it, and nothing that runs long without an instruction of
 * Lua's, which is where the limits are looked at. What walks over as many elements as it is told to
 * walk is charged for them before it begins. */
#include <lualib.h>

#include "lua/state.h"

/* ---- tables ---- */

/* A table whose length is not a function's word. */
static lua_Integer length(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    if (luaL_getmetafield(L, index, "__len") != LUA_TNIL) {
        (void)luaL_error(L, "a table with a length of its own is not taken here");
    }
    return (lua_Integer)lua_rawlen(L, index);
}

static void charge_range(lua_State *L, lua_Integer first, lua_Integer last)
{
    if (last >= first) {
        lua_Unsigned more = (lua_Unsigned)last - (lua_Unsigned)first;
        anp_lua_charge(L, more < ANP_LUA_STEPS ? more + 1 : more); /* which may be all there are */
    }
}

/* Carries on with the library's function, which is the upvalue, as if it had been called. */
static int go_on(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* What is at the place that argument 2 names, and behind it, moves. */
static void charge_shift(lua_State *L, lua_Integer size)
{
    lua_Integer at = luaL_checkinteger(L, 2);
    charge_range(L, at > 1 ? at : 1, size);
}

static int insert(lua_State *L) /* insert(t, [at,] value) */
{
    lua_Integer n = length(L, 1);
    if (lua_gettop(L) > 2) {
        charge_shift(L, n);
    }
    return go_on(L);
}

static int take_out(lua_State *L) /* remove(t [, at]) */
{
    lua_Integer n = length(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        charge_shift(L, n);
    }
    return go_on(L);
}

static int by_range(lua_State *L) /* unpack(t, i, j) */
{
    lua_Integer n = length(L, 1);
    charge_range(L, luaL_optinteger(L, 2, 1), luaL_optinteger(L, 3, n));
    return go_on(L);
}

static int concat(lua_State *L) /* concat(t, separator, i, j) */
{
    lua_Integer n = length(L, 1);
    charge_range(L, luaL_optinteger(L, 3, 1), luaL_optinteger(L, 4, n));
    return go_on(L);
}

static int move(lua_State *L) /* move(from, first, last, at, to) */
{
    (void)length(L, 1);
    if (!lua_isnoneornil(L, 5)) {
        (void)length(L, 5);
    }
    charge_range(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
    return go_on(L);
}

static int sort(lua_State *L)
{
    lua_Unsigned n = (lua_Unsigned)length(L, 1), cost = n;
    for (lua_Unsigned rest = n; rest > 1; rest /= 2) {
        cost += n;
    }
    anp_lua_charge(L, cost);
    return go_on(L);
}

/* ---- strings ---- */

enum { BYTES_A_STEP = 16 };

static int by_size(lua_State *L) /* what looks at all of a string */
{
    size_t size;
    (void)luaL_checklstring(L, 1, &size);
    anp_lua_charge(L, size / BYTES_A_STEP);
    return go_on(L);
}

static int rep(lua_State *L)
{
    size_t size, between;
    const char *s = luaL_checklstring(L, 1, &size);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &between);
    if (n <= 0 || size + between == 0) {
        (void)lua_pushliteral(L, "");
        return 1;
    }
    if ((lua_Unsigned)n > ANP_LUA_MEMORY / (size + between)) {
        return luaL_error(L, "resulting string too large");
    }
    anp_lua_charge(L, (lua_Unsigned)n + (lua_Unsigned)n * (size + between) / BYTES_A_STEP);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (lua_Integer i = 0; i < n; i++) {
        luaL_addlstring(&b, s, size);
        if (i + 1 < n) {
            luaL_addlstring(&b, separator, between);
        }
    }
    luaL_pushresult(&b);
    return 1;
}

/* ---- metatables ---- */

/* Finalizers would run where no limit is looked at. */
static int set_metatable(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TTABLE) {
        (void)lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "there are no finalizers here");
        }
        lua_pop(L, 1);
    }
    return go_on(L);
}

/* print(...): there is nobody to read it. */
static int print(lua_State *L)
{
    (void)L;
    return 0;
}

/* ---- what there is ---- */

static void wrap(lua_State *L, const char *name, lua_CFunction wrapper)
{
    (void)lua_getfield(L, -1, name);
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, -2, name);
}

static void drop(lua_State *L, const char *const names[])
{
    for (; *names != NULL; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
}

static void open_base(lua_State *L)
{
    static const char *const not_here[] = {"collectgarbage", "dofile", "load",
                                           "loadfile",       "warn",   NULL};
    luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
    drop(L, not_here);
    wrap(L, "setmetatable", set_metatable);
    lua_pushcfunction(L, print);
    lua_setfield(L, -2, "print");
    lua_pop(L, 1);
}

static void open_string(lua_State *L)
{
    static const char *const not_here[] = {"dump", "find", "match", "gmatch", "gsub", NULL};
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
    drop(L, not_here);
    lua_pushcfunction(L, rep);
    lua_setfield(L, -2, "rep");
    wrap(L, "byte", by_size);
    wrap(L, "unpack", by_size);
    anp_lua_open_patterns(L);
    lua_pop(L, 1);
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 1);
    wrap(L, "len", by_size);
    wrap(L, "offset", by_size);
    wrap(L, "codepoint", by_size);
    lua_pop(L, 1);
}

static void open_table(lua_State *L)
{
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
    wrap(L, "insert", insert);
    wrap(L, "remove", take_out);
    wrap(L, "unpack", by_range);
    wrap(L, "concat", concat);
    wrap(L, "move", move);
    wrap(L, "sort", sort);
    lua_pop(L, 1);
}

/* Random numbers are each call's own, and the same for the same record. */
static void open_math(lua_State *L)
{
    const anp_lua *l = anp_lua_of(L);
    const uint8_t *digest = l->call != NULL ? l->call->record->digest : NULL;
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
    (void)lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, digest != NULL ? (lua_Integer)anp_load_be64(digest) : 0);
    lua_pushinteger(L, digest != NULL ? (lua_Integer)anp_load_be64(digest + 8) : 0);
    lua_call(L, 2, 0);
    lua_pop(L, 1);
}

void anp_lua_open_bounded(lua_State *L)
{
    open_base(L);
    open_string(L);
    open_table(L);
    open_math(L);
}
