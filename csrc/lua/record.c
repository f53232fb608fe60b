/* The record: its bins by name, what is known about it, and `aerospike:create(rec)` and its like.
 * Values that were read or set are kept in a table (the user value 1), so that a bin is one object
 * however often it is read; names that were set stand in another (the user value 2), in their
 * order, until create or update hands them to the host. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "lua/value.h"
#include "wire/protocol.h"

enum { VALUES = 1, CHANGED = 2 };

static const anp_lua_record *record_of(lua_State *L)
{
    const anp_lua *l = anp_lua_of(L);
    if (l->call == NULL) {
        (void)luaL_error(L, "there is no record while a module is loaded");
    }
    return l->call->record;
}

static const anp_lua_record *check(lua_State *L, int index)
{
    (void)anp_lua_check(L, index, ANP_LUA_RECORD);
    return record_of(L);
}

/* ---- bins ---- */

static int get_bin(lua_State *L)
{
    const anp_lua_record *r = check(L, 1);
    size_t size;
    const char *name = luaL_checklstring(L, 2, &size);
    (void)lua_getiuservalue(L, 1, VALUES);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) {
        if (lua_islightuserdata(L, -1)) { /* it was set to nil */
            lua_pushnil(L);
        }
        return 1;
    }
    anp_particle p;
    if (r->exists(r->context) && r->bin(r->context, (anp_slice){(const uint8_t *)name, size}, &p)) {
        anp_lua_push_particle(L, &p);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -2);
        lua_rawset(L, 3);
    }
    return 1;
}

static int set_bin(lua_State *L)
{
    (void)check(L, 1);
    (void)luaL_checkstring(L, 2);
    lua_settop(L, 3);
    int type = lua_type(L, 3);
    if (type == LUA_TTABLE || type == LUA_TFUNCTION) {
        return luaL_error(L,
                          "bin %s: a %s can't be stored; lists and maps are made by list() and "
                          "map()",
                          lua_tostring(L, 2), luaL_typename(L, 3));
    }
    (void)lua_getiuservalue(L, 1, VALUES);
    lua_pushvalue(L, 2);
    if (type == LUA_TNIL) {
        lua_pushlightuserdata(L, NULL);
    } else {
        lua_pushvalue(L, 3);
    }
    lua_rawset(L, 4);
    (void)lua_getiuservalue(L, 1, CHANGED); /* by number, and by name */
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 5) == LUA_TNIL) {
        lua_pushvalue(L, 2);
        lua_rawseti(L, 5, (lua_Integer)lua_rawlen(L, 5) + 1);
        lua_pushvalue(L, 2);
        lua_pushboolean(L, true);
        lua_rawset(L, 5);
    }
    return 0;
}

/* Hands the bins that were set to the host; the record is at `index`. */
static bool hand_over(lua_State *L, const anp_lua_record *r, int index)
{
    anp_buffer *b = &anp_lua_of(L)->scratch;
    (void)lua_getiuservalue(L, index, VALUES);
    (void)lua_getiuservalue(L, index, CHANGED);
    int changed = lua_gettop(L);
    bool ok = true;
    for (lua_Integer i = 1; lua_rawgeti(L, changed, i) != LUA_TNIL; i++) {
        size_t size;
        const char *name = lua_tolstring(L, -1, &size);
        lua_pushvalue(L, -1);
        (void)lua_rawget(L, changed - 1);
        if (lua_islightuserdata(L, -1)) {
            lua_pushnil(L);
        }
        char what[64];
        (void)snprintf(what, sizeof what, "bin %.20s", name);
        anp_particle p = {.type = anp_lua_particle(L, -1, b, what)};
        if (b->failed != ANP_OK) {
            (void)luaL_error(L, "%s: larger than %d bytes", what, (int)b->max);
        }
        anp_lua_charge(L, b->size / 16);
        p.data = b->data;
        p.size = (uint32_t)b->size;
        ok = r->put(r->context, (anp_slice){(const uint8_t *)name, size}, &p) && ok;
        lua_settop(L, changed);
    }
    lua_newtable(L);
    (void)lua_setiuservalue(L, index, CHANGED);
    return ok && r->update(r->context);
}

/* ---- aerospike:... ---- */

static int answer(lua_State *L, lua_Integer code)
{
    lua_pushinteger(L, code);
    return 1;
}

static const anp_lua_record *check_both(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_AEROSPIKE);
    return check(L, 2);
}

static int exists(lua_State *L)
{
    const anp_lua_record *r = check_both(L);
    lua_pushboolean(L, r->exists(r->context));
    return 1;
}

/* 0, 1 where the record is there, below 0 where it can't be written. */
static int create(lua_State *L)
{
    const anp_lua_record *r = check_both(L);
    return answer(L, r->exists(r->context) ? 1 : hand_over(L, r, 2) ? 0 : -1);
}

/* 0, below 0 where the record isn't there, or can't be written. */
static int update(lua_State *L)
{
    const anp_lua_record *r = check_both(L);
    return answer(L, !r->exists(r->context) ? -2 : hand_over(L, r, 2) ? 0 : -1);
}

/* 0, 1 where the record isn't there. */
static int take_out(lua_State *L)
{
    const anp_lua_record *r = check_both(L);
    if (!r->exists(r->context)) {
        return answer(L, 1);
    }
    for (int i = VALUES; i <= CHANGED; i++) {
        lua_newtable(L);
        (void)lua_setiuservalue(L, 2, i);
    }
    return answer(L, r->remove(r->context) ? 0 : -1);
}

/* Milliseconds since 1970. */
static int current_time(lua_State *L)
{
    return answer(L, (lua_Integer)(anp_clock_wall() / ANP_NS_PER_MS));
}

static int write_log(lua_State *L, anp_log_level level, const char *message)
{
    lua_Debug where = {.currentline = 0};
    if (lua_getstack(L, 1, &where)) {
        (void)lua_getinfo(L, "Sl", &where);
    }
    anp_log(level, "UDF: %s:%d: %s", where.short_src, where.currentline, message);
    return 0;
}

static int write_message(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_AEROSPIKE);
    lua_Integer level = luaL_optinteger(L, 2, ANP_LOG_INFO);
    return write_log(L,
                     level < ANP_LOG_WARN    ? ANP_LOG_ERROR
                     : level > ANP_LOG_TRACE ? ANP_LOG_TRACE
                                             : (anp_log_level)level,
                     luaL_optstring(L, 3, ""));
}

/* info(format, ...) and its like: the level is the upvalue. */
static int write_formatted(lua_State *L)
{
    int n = lua_gettop(L);
    lua_getglobal(L, "string");
    (void)lua_getfield(L, -1, "format");
    lua_insert(L, 1);
    lua_pop(L, 1);
    lua_call(L, n, 1);
    const char *message = lua_tostring(L, -1); /* NULL: format is a module's own */
    return write_log(L, (anp_log_level)lua_tointeger(L, lua_upvalueindex(1)),
                     message != NULL ? message : "");
}

void anp_lua_open_aerospike(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"create", create},   {"update", update},     {"exists", exists},
        {"remove", take_out}, {"log", write_message}, {"get_current_time", current_time},
        {NULL, NULL}};
    static const struct {
        const char *name;
        anp_log_level level;
    } logs[] = {{"warn", ANP_LOG_WARN},
                {"info", ANP_LOG_INFO},
                {"debug", ANP_LOG_DEBUG},
                {"trace", ANP_LOG_TRACE}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    anp_lua_class(L, ANP_LUA_AEROSPIKE, none);
    (void)luaL_getmetatable(L, ANP_LUA_AEROSPIKE);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "__index");
    (void)lua_newuserdatauv(L, 0, 0);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    lua_setglobal(L, "aerospike");
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        lua_pushinteger(L, logs[i].level);
        lua_pushcclosure(L, write_formatted, 1);
        lua_setglobal(L, logs[i].name);
    }
}

/* ---- record.... ---- */

static int generation(lua_State *L)
{
    return answer(L, check(L, 1)->generation);
}

static int ttl(lua_State *L)
{
    return answer(L, check(L, 1)->seconds_left);
}

static int set_name(lua_State *L)
{
    anp_slice set = check(L, 1)->set;
    if (set.size == 0) {
        return 0;
    }
    (void)lua_pushlstring(L, (const char *)set.data, set.size);
    return 1;
}

static int key(lua_State *L)
{
    anp_slice k = check(L, 1)->key;
    if (k.size == 0) {
        return 0;
    }
    anp_particle p = {k.data[0], k.data + 1, (uint32_t)(k.size - 1)};
    anp_lua_push_particle(L, &p);
    return 1;
}

static int digest(lua_State *L)
{
    (void)anp_lua_push_bytes(L, ANP_PARTICLE_BLOB, check(L, 1)->digest, ANP_DIGEST_SIZE);
    return 1;
}

static int bin_names(lua_State *L)
{
    const anp_lua_record *r = check(L, 1);
    anp_slice name;
    lua_newtable(L);
    for (uint32_t i = 0; r->bin_name(r->context, i, &name); i++) {
        (void)lua_pushlstring(L, (const char *)name.data, name.size);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int numbins(lua_State *L)
{
    (void)bin_names(L);
    return answer(L, (lua_Integer)lua_rawlen(L, -1));
}

/* Seconds; 0 is the namespace's, -1 never, -2 as it is. */
static int set_ttl(lua_State *L)
{
    const anp_lua_record *r = check(L, 1);
    r->set_ttl(r->context, (uint32_t)luaL_optinteger(L, 2, 0));
    return 0;
}

static int drop_key(lua_State *L)
{
    const anp_lua_record *r = check(L, 1);
    r->drop_key(r->context);
    return 0;
}

void anp_lua_push_record(lua_State *L)
{
    (void)lua_newuserdatauv(L, 0, 2);
    for (int i = VALUES; i <= CHANGED; i++) {
        lua_newtable(L);
        (void)lua_setiuservalue(L, -2, i);
    }
    luaL_setmetatable(L, ANP_LUA_RECORD);
}

void anp_lua_open_record(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__index", get_bin}, {"__newindex", set_bin}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"gen", generation},      {"ttl", ttl},
                                         {"setname", set_name},    {"key", key},
                                         {"digest", digest},       {"numbins", numbins},
                                         {"bin_names", bin_names}, {"set_ttl", set_ttl},
                                         {"drop_key", drop_key},   {NULL, NULL}};
    anp_lua_class(L, ANP_LUA_RECORD, methods);
    anp_lua_object(L, "record", functions, NULL);
}
