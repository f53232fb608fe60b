/* Compiling modules and calling their functions. Everything that Lua may raise happens below a
 * protected call. */
#include <stdio.h>
#include <stdlib.h>

#include "lua/value.h"
#include "wire/msgpack.h"

/* ---- calling ---- */

typedef struct outcome {
    uint8_t type;
    anp_buffer *out;
} outcome;

static void push_args(lua_State *L, anp_slice args, int *n)
{
    anp_cursor c = anp_cursor_over(args.data, args.size);
    anp_msgpack_item item;
    uint8_t flags;
    if (!anp_msgpack_read(&c, &item) || item.kind != ANP_MSGPACK_LIST) {
        (void)luaL_error(L, "the arguments are no list");
    }
    (void)anp_msgpack_take_order_mark(&c, &item, &flags);
    *n = 0;
    for (uint32_t i = 0; i < item.count; i++) {
        luaL_checkstack(L, 1, "too many arguments");
        anp_lua_push_element(L, &c);
        (*n)++;
    }
}

static int run(lua_State *L)
{
    const anp_lua_call *call = anp_lua_of(L)->call;
    outcome *o = lua_touserdata(L, 1);
    lua_settop(L, 0);
    (void)lua_pushlstring(L, (const char *)call->function.data, call->function.size);
    lua_pushglobaltable(L);
    lua_insert(L, 1);
    if (lua_rawget(L, 1) != LUA_TFUNCTION) {
        (void)lua_pushliteral(L, "function not found");
        return lua_error(L);
    }
    anp_lua_push_record(L);
    int n;
    push_args(L, call->args, &n);
    lua_call(L, n + 1, 1);
    o->type = anp_lua_particle(L, -1, o->out, "the result");
    return o->out->failed == ANP_OK ? 0 : luaL_error(L, "the result: no memory");
}

static int load(lua_State *L)
{
    const anp_lua_code *code = lua_touserdata(L, 1);
    anp_lua_load(L, anp_lua_of(L)->call->module, *code);
    return 0;
}

/* What went wrong, as far as it is a text. */
static void put_failure(anp_lua *l, anp_buffer *out)
{
    size_t size = 0;
    const char *text = l->is_over                              ? l->over
                       : l->steps == 0                         ? "it takes too many steps"
                       : lua_type(l->state, -1) == LUA_TSTRING ? lua_tolstring(l->state, -1, &size)
                                                               : "UDF: the error is no text";
    anp_buffer_clear(out);
    anp_buffer_put(out, text, size != 0 ? size : strlen(text));
}

bool anp_lua_apply(const anp_lua_call *call, uint8_t *type, anp_buffer *out)
{
    static const char unknown[] = "UDF: Execution Error 1";
    anp_lua l;
    anp_lua_code code;
    outcome o = {ANP_PARTICLE_STRING, out};
    *type = ANP_PARTICLE_STRING;
    anp_buffer_clear(out);
    if (call->module.size == 0 ||
        !call->modules->find(call->modules->context, call->module, &code)) {
        anp_buffer_put(out, unknown, sizeof unknown - 1);
        return false;
    }
    if (!anp_lua_open(&l, call, call->modules)) {
        anp_buffer_print(out, "UDF: no memory for a call");
        return false;
    }
    lua_pushcfunction(l.state, load);
    lua_pushlightuserdata(l.state, &code);
    bool ok = lua_pcall(l.state, 1, 0, 0) == LUA_OK;
    if (ok) {
        lua_pushcfunction(l.state, run);
        lua_pushlightuserdata(l.state, &o);
        ok = lua_pcall(l.state, 1, 0, 0) == LUA_OK;
    }
    ok = ok && !l.is_over;
    if (ok) {
        *type = o.type;
    } else {
        put_failure(&l, out);
    }
    anp_lua_close(&l);
    return ok;
}

/* ---- compiling ---- */

typedef struct compilation {
    anp_slice name, source;
    anp_buffer *out;
} compilation;

static int append(lua_State *L, const void *bytes, size_t n, void *context)
{
    anp_buffer *out = context;
    (void)L;
    anp_buffer_put(out, bytes, n);
    return out->failed != ANP_OK;
}

/* Compiles under the name that errors of calls have, then runs it as a call would. */
static int compile(lua_State *L)
{
    const compilation *c = lua_touserdata(L, 1);
    char chunk[256];
    (void)snprintf(chunk, sizeof chunk, "@" ANP_LUA_FOLDER "%.*s.lua", (int)c->name.size,
                   (const char *)c->name.data);
    if (luaL_loadbufferx(L, (const char *)c->source.data, c->source.size, chunk, "t") != LUA_OK) {
        return lua_error(L);
    }
    if (lua_dump(L, append, c->out, false) != 0) {
        return luaL_error(L, "it is too large when it is compiled");
    }
    lua_call(L, 0, 0);
    return 0;
}

/* Takes `file:line: ` off a message. */
static void take_apart(const char *message, anp_lua_fault *fault)
{
    const char *text = strstr(message, ".lua:");
    char *end = NULL;
    unsigned long line = text != NULL ? strtoul(text + 5, &end, 10) : 0;
    bool has_line = end != NULL && end != text + 5 && end[0] == ':' && end[1] == ' ';
    fault->line = has_line ? (uint32_t)line : 0;
    (void)snprintf(fault->text, sizeof fault->text, "%s", has_line ? end + 2 : message);
}

bool anp_lua_compile(const anp_lua_modules *modules, anp_slice name, anp_slice source,
                     anp_buffer *out, anp_lua_fault *fault)
{
    anp_lua l;
    compilation c = {name, source, out};
    if (!anp_lua_open(&l, NULL, modules)) {
        take_apart("no memory", fault);
        return false;
    }
    lua_pushcfunction(l.state, compile);
    lua_pushlightuserdata(l.state, &c);
    bool ok = lua_pcall(l.state, 1, 0, 0) == LUA_OK && !l.is_over;
    if (!ok) {
        const char *text = lua_type(l.state, -1) == LUA_TSTRING ? lua_tostring(l.state, -1) : NULL;
        take_apart(l.is_over ? l.over : text != NULL ? text : "the error is no text", fault);
    }
    anp_lua_close(&l);
    return ok;
}
