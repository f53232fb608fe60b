/* Bytes: a blob that grows as it is written to. Numbers are from 1. What can't be is answered with
 * false by what writes, and with nothing by what reads. */
#include "lua/value.h"
#include "wire/protocol.h"

anp_lua_bytes *anp_lua_push_bytes(lua_State *L, uint8_t particle, const void *data, size_t size)
{
    if (size > ANP_LUA_MEMORY) {
        (void)luaL_error(L, "bytes of more than %d", (int)ANP_LUA_MEMORY);
    }
    anp_lua_bytes *b = lua_newuserdatauv(L, sizeof *b, 1);
    *b = (anp_lua_bytes){.particle = particle};
    luaL_setmetatable(L, ANP_LUA_BYTES);
    if (size != 0) {
        b->data = lua_newuserdatauv(L, size, 0);
        memcpy(b->data, data, size);
        b->size = b->room = (uint32_t)size;
        (void)lua_setiuservalue(L, -2, 1);
    }
    return b;
}

static anp_lua_bytes *check(lua_State *L, int index)
{
    return anp_lua_check(L, index, ANP_LUA_BYTES);
}

/* The place that argument 2 names, from 0; below 0 where there is none. */
static lua_Integer place(lua_State *L)
{
    lua_Integer at = luaL_optinteger(L, 2, 0);
    return at > 0 ? at - 1 : -1;
}

/* Makes room for n bytes from `at` (from 0) on, the gap before them zeros. NULL: too many. */
static uint8_t *room(lua_State *L, int index, lua_Integer at, size_t n)
{
    anp_lua_bytes *b = lua_touserdata(L, index);
    if (at < 0 || at > (lua_Integer)ANP_LUA_MEMORY || n > ANP_LUA_MEMORY) {
        return NULL;
    }
    size_t need = (size_t)at + n;
    anp_lua_charge(L, n / 16 + 1);
    if (need > b->room) {
        size_t more = need < 2 * (size_t)b->room ? 2 * (size_t)b->room : need;
        uint8_t *data = lua_newuserdatauv(L, more, 0);
        if (b->size != 0) {
            memcpy(data, b->data, b->size);
        }
        b->data = data;
        b->room = (uint32_t)more;
        (void)lua_setiuservalue(L, index, 1);
    }
    if (need > b->size) {
        memset(b->data + b->size, 0, need - b->size);
        b->size = (uint32_t)need;
    }
    return b->data + at;
}

static int answer(lua_State *L, bool done)
{
    lua_pushboolean(L, done);
    return 1;
}

static int write_bytes(lua_State *L, lua_Integer at, const void *data, size_t n)
{
    uint8_t *p = room(L, 1, at, n);
    if (p != NULL && n != 0) {
        memcpy(p, data, n);
    }
    return answer(L, p != NULL);
}

/* ---- integers of a width and an order ---- */

enum { LITTLE = 0x10, WIDTH = 0x0f };

static int write_integer(lua_State *L, lua_Integer at, int value, int form)
{
    int width = form & WIDTH;
    lua_Integer v = luaL_optinteger(L, value, 0);
    lua_Integer most = width == 8 ? LUA_MAXINTEGER : ((lua_Integer)1 << (8 * width - 1)) - 1;
    if (width == 1 ? v < 0 || v > UINT8_MAX : v > most || v < -most - 1) {
        return answer(L, false);
    }
    uint8_t bytes[8];
    for (int i = 0; i < width; i++) {
        int shift = 8 * (form & LITTLE ? i : width - 1 - i);
        bytes[i] = (uint8_t)((lua_Unsigned)v >> shift);
    }
    return write_bytes(L, at, bytes, (size_t)width);
}

static int get_integer(lua_State *L)
{
    int form = (int)lua_tointeger(L, lua_upvalueindex(1)), width = form & WIDTH;
    const anp_lua_bytes *b = check(L, 1);
    lua_Integer at = place(L);
    if (at < 0 || at > (lua_Integer)b->size - width) {
        return 0;
    }
    lua_Unsigned v = 0;
    for (int i = 0; i < width; i++) {
        v = v << 8 | b->data[at + (form & LITTLE ? width - 1 - i : i)];
    }
    int spare = width == 1 ? 0 : 64 - 8 * width; /* single bytes have no sign */
    lua_pushinteger(L, (lua_Integer)(v << spare) >> spare);
    return 1;
}

static int set_integer(lua_State *L)
{
    (void)check(L, 1);
    return write_integer(L, place(L), 3, (int)lua_tointeger(L, lua_upvalueindex(1)));
}

static int append_integer(lua_State *L)
{
    const anp_lua_bytes *b = check(L, 1);
    return write_integer(L, b->size, 2, (int)lua_tointeger(L, lua_upvalueindex(1)));
}

/* ---- integers of seven bits a byte, the lowest first ---- */

static int write_var_int(lua_State *L, lua_Integer at, int value)
{
    lua_Integer given = luaL_optinteger(L, value, 0);
    uint8_t bytes[5];
    size_t n = 0;
    if (given < INT32_MIN || given > INT32_MAX) {
        lua_pushinteger(L, 0);
        return 1;
    }
    uint32_t v = (uint32_t)given;
    for (; v >= 0x80; v >>= 7) {
        bytes[n++] = (uint8_t)(v | 0x80);
    }
    bytes[n++] = (uint8_t)v;
    (void)write_bytes(L, at, bytes, n);
    lua_pushinteger(L, lua_toboolean(L, -1) ? (lua_Integer)n : 0);
    return 1;
}

static int set_var_int(lua_State *L)
{
    (void)check(L, 1);
    return write_var_int(L, place(L), 3);
}

static int append_var_int(lua_State *L)
{
    const anp_lua_bytes *b = check(L, 1);
    return write_var_int(L, b->size, 2);
}

/* The value, and how many bytes it has. */
static int get_var_int(lua_State *L)
{
    const anp_lua_bytes *b = check(L, 1);
    lua_Integer at = place(L);
    uint32_t v = 0;
    for (int n = 0; n < 5 && at >= 0 && at + n < b->size; n++) {
        uint8_t byte = b->data[at + n];
        v |= (uint32_t)(byte & 0x7f) << (7 * n);
        if (byte < 0x80) {
            lua_pushinteger(L, v);
            lua_pushinteger(L, n + 1);
            return 2;
        }
    }
    return 0;
}

/* ---- runs ---- */

static int set_string(lua_State *L)
{
    size_t n;
    (void)check(L, 1);
    const char *s = luaL_checklstring(L, 3, &n);
    return write_bytes(L, place(L), s, n);
}

static int append_string(lua_State *L)
{
    size_t n;
    const anp_lua_bytes *b = check(L, 1);
    const char *s = luaL_checklstring(L, 2, &n);
    return write_bytes(L, b->size, s, n);
}

/* Writes the first n of other bytes (all, where they are fewer). */
static int write_other(lua_State *L, lua_Integer at, int other)
{
    const anp_lua_bytes *from = check(L, other);
    lua_Integer n = luaL_optinteger(L, other + 1, from->size);
    if (n < 0) {
        return answer(L, false);
    }
    size_t size = n < from->size ? (size_t)n : from->size;
    uint8_t *p = room(L, 1, at, size); /* which may move `from`, where they are the same */
    if (p != NULL && size != 0) {
        memmove(p, from->data, size);
    }
    return answer(L, p != NULL);
}

static int set_bytes(lua_State *L)
{
    (void)check(L, 1);
    return write_other(L, place(L), 3);
}

static int append_bytes(lua_State *L)
{
    const anp_lua_bytes *b = check(L, 1);
    return write_other(L, b->size, 2);
}

/* The bytes that are asked for, as far as they are there. false: not even the first. */
static bool run(lua_State *L, anp_slice *out)
{
    const anp_lua_bytes *b = check(L, 1);
    lua_Integer at = place(L), n = luaL_optinteger(L, 3, 0);
    if (at < 0 || n < 0 || at > b->size || (at == b->size && n != 0)) {
        return false;
    }
    size_t left = b->size - (size_t)at;
    *out = (anp_slice){b->data + at, (size_t)n < left ? (size_t)n : left};
    return true;
}

static int get_string(lua_State *L)
{
    anp_slice s;
    if (!run(L, &s)) {
        return 0;
    }
    (void)lua_pushlstring(L, (const char *)s.data, s.size);
    return 1;
}

static int get_bytes(lua_State *L)
{
    anp_slice s;
    if (!run(L, &s)) {
        return 0;
    }
    (void)anp_lua_push_bytes(L, ANP_PARTICLE_BLOB, s.data, s.size);
    return 1;
}

/* ---- the whole ---- */

static int size(lua_State *L)
{
    lua_pushinteger(L, check(L, 1)->size);
    return 1;
}

static int set_size(lua_State *L)
{
    anp_lua_bytes *b = check(L, 1);
    lua_Integer n = luaL_optinteger(L, 2, 0);
    if (n >= 0 && n <= b->size) {
        b->size = (uint32_t)n;
        return answer(L, true);
    }
    return answer(L, room(L, 1, n, 0) != NULL);
}

static int get_type(lua_State *L)
{
    lua_pushinteger(L, check(L, 1)->particle);
    return 1;
}

static int set_type(lua_State *L)
{
    anp_lua_bytes *b = check(L, 1);
    lua_Integer type = luaL_optinteger(L, 2, 0);
    bool is_blob = type == ANP_PARTICLE_BLOB || type == ANP_PARTICLE_HLL ||
                   (type >= ANP_PARTICLE_JAVA_BLOB && type <= ANP_PARTICLE_ERLANG_BLOB);
    b->particle = is_blob ? (uint8_t)type : b->particle;
    return answer(L, is_blob);
}

static int text(lua_State *L)
{
    (void)check(L, 1);
    anp_lua_push_text(L, 1);
    return 1;
}

/* bytes(capacity): empty; the capacity is the server's concern. */
static int make(lua_State *L)
{
    (void)luaL_optinteger(L, 2, 0);
    (void)anp_lua_push_bytes(L, ANP_PARTICLE_BLOB, NULL, 0);
    return 1;
}

/* Adds a function for each width and order to the table on top: get_int16, get_int16_be ... */
static void add_integers(lua_State *L, const char *verb, lua_CFunction function)
{
    static const struct {
        const char *name;
        int form;
    } forms[] = {{"byte", 1},
                 {"int16", 2},
                 {"int16_be", 2},
                 {"int16_le", 2 | LITTLE},
                 {"int32", 4},
                 {"int32_be", 4},
                 {"int32_le", 4 | LITTLE},
                 {"int64", 8},
                 {"int64_be", 8},
                 {"int64_le", 8 | LITTLE}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        (void)lua_pushfstring(L, "%s_%s", verb, forms[i].name);
        lua_pushinteger(L, forms[i].form);
        lua_pushcclosure(L, function, 1);
        lua_rawset(L, -3);
    }
}

void anp_lua_open_bytes(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__len", size}, {"__tostring", text}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"size", size},
                                         {"set_size", set_size},
                                         {"get_type", get_type},
                                         {"set_type", set_type},
                                         {"get_string", get_string},
                                         {"get_bytes", get_bytes},
                                         {"get_var_int", get_var_int},
                                         {"set_string", set_string},
                                         {"set_bytes", set_bytes},
                                         {"set_var_int", set_var_int},
                                         {"append_string", append_string},
                                         {"append_bytes", append_bytes},
                                         {"append_var_int", append_var_int},
                                         {"tostring", text},
                                         {NULL, NULL}};
    anp_lua_class(L, ANP_LUA_BYTES, methods);
    anp_lua_object(L, "bytes", functions, make);
    (void)lua_getglobal(L, "bytes");
    add_integers(L, "get", get_integer);
    add_integers(L, "set", set_integer);
    add_integers(L, "append", append_integer);
    lua_pop(L, 1);
    (void)luaL_getmetatable(L, ANP_LUA_BYTES); /* b[i] is a byte */
    lua_pushinteger(L, 1);
    lua_pushcclosure(L, get_integer, 1);
    lua_setfield(L, -2, "__index");
    lua_pushinteger(L, 1);
    lua_pushcclosure(L, set_integer, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 1);
}
