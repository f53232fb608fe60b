/* Limits and the sandbox. One state is one call's own; there is nothing global. */
#include "lua/state.h"

#include <lualib.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"

/* One instruction may compare, or read a number from, a string of megabytes: so looks are not far
 * apart. */
enum { STEPS_A_LOOK = 100, BYTES_A_STEP = 16 };

anp_lua *anp_lua_of(lua_State *L)
{
    void *l;
    (void)lua_getallocf(L, &l);
    return l;
}

/* ---- limits ---- */

/* Memory that was taken counts as work, given back or not: so no few instructions move gigabytes.
 */
static bool spend(anp_lua *l, uint64_t steps)
{
    bool enough = l->steps > steps;
    l->steps = enough ? l->steps - steps : 0;
    return enough;
}

static void *allocate(void *context, void *block, size_t old, size_t size)
{
    anp_lua *l = context;
    if (block == NULL) {
        old = 0; /* it is a kind of object, then */
    }
    if (size == 0) {
        anp_free(block);
        l->used -= old;
        return NULL;
    }
    if (size > old && size - old > ANP_LUA_MEMORY - l->used) {
        (void)spend(l, l->used / BYTES_A_STEP); /* Lua looks through all of it, and asks again */
        return NULL;
    }
    if (size > old && !spend(l, size / BYTES_A_STEP)) {
        return NULL;
    }
    void *moved = anp_realloc(block, size);
    if (moved == NULL && size > old) {
        return NULL;
    }
    l->used = l->used - old + size;
    return moved != NULL ? moved : block; /* what becomes smaller must not fail */
}

static void end(lua_State *L, const char *why);

static void look(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    anp_lua *l = anp_lua_of(L);
    if (l->is_over || !spend(l, STEPS_A_LOOK)) {
        end(L, "it takes too many steps");
    }
    if (anp_clock_now() > l->until) {
        end(L, "it takes too long");
    }
}

/* From here on each instruction raises: whatever catches this error comes no further. */
static void end(lua_State *L, const char *why)
{
    anp_lua *l = anp_lua_of(L);
    if (!l->is_over) {
        (void)snprintf(l->over, sizeof l->over, "%s", why);
        lua_Debug where = {.currentline = 0};
        for (int i = 0; where.currentline <= 0 && lua_getstack(L, i, &where); i++) {
            if (lua_getinfo(L, "Sl", &where) && where.currentline > 0) {
                (void)snprintf(l->over, sizeof l->over, "%s:%d: %s", where.short_src,
                               where.currentline, why);
            }
        }
        l->is_over = true;
        lua_sethook(L, look, LUA_MASKCOUNT, 1);
    }
    (void)lua_pushstring(L, l->over);
    (void)lua_error(L);
}

void anp_lua_charge(lua_State *L, uint64_t steps)
{
    anp_lua *l = anp_lua_of(L);
    if (l->is_over || !spend(l, steps)) {
        end(L, "it takes too many steps");
    }
}

/* ---- modules ---- */

void anp_lua_load(lua_State *L, anp_slice name, anp_lua_code code)
{
    char chunk[256];
    (void)snprintf(chunk, sizeof chunk, "@" ANP_LUA_FOLDER "%.*s.lua", (int)name.size,
                   (const char *)name.data);
    if (luaL_loadbufferx(L, (const char *)code.bytes.data, code.bytes.size, chunk,
                         code.is_compiled ? "b" : "t") != LUA_OK) {
        (void)lua_error(L);
    }
    lua_call(L, 0, 1);
}

static int require(lua_State *L)
{
    anp_lua *l = anp_lua_of(L);
    size_t size;
    const char *name = luaL_checklstring(L, 1, &size);
    anp_slice slice = {(const uint8_t *)name, size};
    lua_settop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) != LUA_TNIL) {
        return 1;
    }
    anp_lua_code code;
    if (l->modules == NULL || !l->modules->find(l->modules->context, slice, &code)) {
        return luaL_error(L, "module '%s' not found", name);
    }
    anp_lua_charge(L, code.bytes.size / BYTES_A_STEP);
    lua_pushvalue(L, 1); /* marked as loaded first, so that a circle ends */
    lua_pushboolean(L, true);
    lua_rawset(L, 2);
    anp_lua_load(L, slice, code);
    if (lua_isnil(L, -1)) {
        lua_pushboolean(L, true);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}

/* ---- classes ---- */

void anp_lua_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
    (void)luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void anp_lua_object(lua_State *L, const char *name, const luaL_Reg *functions, lua_CFunction call)
{
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    if (call != NULL) {
        lua_createtable(L, 0, 2);
        lua_pushcfunction(L, call);
        lua_setfield(L, -2, "__call");
        lua_pushboolean(L, false);
        lua_setfield(L, -2, "__metatable");
        lua_setmetatable(L, -2);
    }
    lua_setglobal(L, name);
}

void *anp_lua_check(lua_State *L, int index, const char *name)
{
    luaL_checktype(L, index, LUA_TUSERDATA);
    return luaL_checkudata(L, index, name);
}

/* ---- the state ---- */

static int fill(lua_State *L)
{
    anp_lua_open_bounded(L);
    anp_lua_open_list(L);
    anp_lua_open_map(L);
    anp_lua_open_bytes(L);
    anp_lua_open_geojson(L);
    anp_lua_open_record(L);
    anp_lua_open_aerospike(L);
    lua_pushcfunction(L, require);
    lua_setglobal(L, "require");
    return 0;
}

bool anp_lua_open(anp_lua *l, const anp_lua_call *call, const anp_lua_modules *modules)
{
    *l = (anp_lua){.call = call, .modules = modules, .steps = ANP_LUA_STEPS};
    l->until = anp_clock_now() + ANP_LUA_SECONDS * ANP_NS_PER_S;
    anp_buffer_init(&l->scratch, ANP_LUA_MEMORY);
    l->state = lua_newstate(allocate, l);
    if (l->state == NULL) {
        return false;
    }
    lua_pushcfunction(l->state, fill);
    if (lua_pcall(l->state, 0, 0, 0) != LUA_OK) {
        anp_lua_close(l);
        return false;
    }
    lua_sethook(l->state, look, LUA_MASKCOUNT, STEPS_A_LOOK);
    return true;
}

void anp_lua_close(anp_lua *l)
{
    if (l->state != NULL) {
        lua_close(l->state);
    }
    anp_buffer_deinit(&l->scratch);
    l->state = NULL;
}
