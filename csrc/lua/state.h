/* One call's Lua state: its limits, and what the objects in it share. Private to csrc/lua. */
#pragma once

#include <lauxlib.h>
#include <lua.h>

#include "lua/engine.h"

typedef struct anp_lua {
    const anp_lua_call *call; /* NULL while a module is only compiled */
    const anp_lua_modules *modules;
    lua_State *state;
    size_t used;    /* bytes of the state, never above ANP_LUA_MEMORY */
    uint64_t steps; /* left */
    uint64_t until; /* monotonic ns */
    bool is_over;   /* a limit was reached: the call has failed, whatever catches the error */
    char over[256]; /* where, and which */
    anp_buffer scratch;
} anp_lua;

/* Opens a state with everything in it that modules may use. false: no memory. */
bool anp_lua_open(anp_lua *l, const anp_lua_call *call, const anp_lua_modules *modules);
void anp_lua_close(anp_lua *l);

anp_lua *anp_lua_of(lua_State *L);

/* Counts work that the instructions don't show; raises where it is too much. */
void anp_lua_charge(lua_State *L, uint64_t steps);

/* Loads and runs a module, as `require` does; leaves what it gave on the stack. Raises. */
void anp_lua_load(lua_State *L, anp_slice name, anp_lua_code code);

/* Pushes the record of the call. */
void anp_lua_push_record(lua_State *L);

/* A class of userdata: its metatable, which modules can't see or change. */
void anp_lua_class(lua_State *L, const char *name, const luaL_Reg *methods);

/* A global table of functions that can be called itself, by `call`. */
void anp_lua_object(lua_State *L, const char *name, const luaL_Reg *functions, lua_CFunction call);

/* Userdata of a class, or an error in the server's words. */
void *anp_lua_check(lua_State *L, int index, const char *name);

/* ---- what fills a state: each adds its globals ---- */
void anp_lua_open_bounded(lua_State *L);  /* Lua's own libraries, what is endless replaced */
void anp_lua_open_patterns(lua_State *L); /* into the table on top */
void anp_lua_open_list(lua_State *L);
void anp_lua_open_map(lua_State *L);
void anp_lua_open_bytes(lua_State *L);
void anp_lua_open_geojson(lua_State *L);
void anp_lua_open_record(lua_State *L);
void anp_lua_open_aerospike(lua_State *L);
