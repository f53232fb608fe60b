/* Lists: `list` makes them and works on them; `l[i]` reads and sets. What names no element is
 * nil, and nothing is done to it. */
#include "lua/value.h"

enum { LIST_MAX = 1 << 22 }; /* elements */

anp_lua_list *anp_lua_push_list(lua_State *L, uint32_t room)
{
    anp_lua_list *list = lua_newuserdatauv(L, sizeof *list, 1);
    *list = (anp_lua_list){0};
    lua_createtable(L, (int)(room < LIST_MAX ? room : LIST_MAX), 0);
    (void)lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, ANP_LUA_LIST);
    return list;
}

/* The list at `index`, and its table pushed. */
static anp_lua_list *open(lua_State *L, int index)
{
    anp_lua_list *list = anp_lua_check(L, index, ANP_LUA_LIST);
    (void)lua_getiuservalue(L, index, 1);
    return list;
}

static void grow(lua_State *L, anp_lua_list *list, lua_Integer n)
{
    if (n > LIST_MAX) {
        (void)luaL_error(L, "a list has at most %d elements", (int)LIST_MAX);
    }
    anp_lua_charge(L, n > list->n ? (uint64_t)n - list->n : 0);
    list->n = (uint32_t)n;
}

/* The value at `index`, if it can be in a list. */
static void check_value(lua_State *L, int index)
{
    int type = lua_type(L, index);
    if (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TNONE ||
        luaL_testudata(L, index, ANP_LUA_RECORD) != NULL ||
        luaL_testudata(L, index, ANP_LUA_AEROSPIKE) != NULL) {
        (void)luaL_error(
            L, "a %s can't be in a list; lists and maps in it are made by list() and map()",
            luaL_typename(L, index));
    }
}

/* Makes room for `n` elements at `at` (from 1) in the table on top, or (below 0) takes them out. */
static void shift(lua_State *L, anp_lua_list *list, lua_Integer at, lua_Integer n)
{
    lua_Integer size = list->n;
    anp_lua_charge(L, (uint64_t)(size - at + 1));
    if (n > 0) {
        grow(L, list, size + n);
        for (lua_Integer i = size; i >= at; i--) {
            (void)lua_rawgeti(L, -1, i);
            lua_rawseti(L, -2, i + n);
        }
        return;
    }
    for (lua_Integer i = at; i <= size; i++) {
        (void)lua_rawgeti(L, -1, i - n); /* behind the end there is nil */
        lua_rawseti(L, -2, i);
    }
    list->n = (uint32_t)(size + n);
}

static void put(lua_State *L, anp_lua_list *list, lua_Integer at, int value)
{
    if (at > list->n) {
        grow(L, list, at);
    }
    lua_pushvalue(L, value);
    lua_rawseti(L, -2, at);
}

static int append(lua_State *L)
{
    anp_lua_list *list = anp_lua_check(L, 1, ANP_LUA_LIST);
    lua_settop(L, 2);
    check_value(L, 2);
    (void)open(L, 1);
    put(L, list, (lua_Integer)list->n + 1, 2);
    return 0;
}

static int insert_at(lua_State *L, lua_Integer at, int value)
{
    check_value(L, value);
    anp_lua_list *list = open(L, 1);
    if (at >= 1 && at <= list->n) {
        shift(L, list, at, 1);
    }
    if (at >= 1) {
        put(L, list, at, value);
    }
    return 0;
}

static int prepend(lua_State *L)
{
    lua_settop(L, 2);
    (void)anp_lua_check(L, 1, ANP_LUA_LIST);
    return insert_at(L, 1, 2);
}

static int insert(lua_State *L)
{
    lua_settop(L, 3);
    (void)anp_lua_check(L, 1, ANP_LUA_LIST);
    return insert_at(L, luaL_optinteger(L, 2, 0), 3);
}

static int take_out(lua_State *L)
{
    anp_lua_list *list = open(L, 1);
    lua_Integer at = luaL_optinteger(L, 2, 0);
    if (at >= 1 && at <= list->n) {
        shift(L, list, at, -1);
    }
    return 0;
}

/* Appends elements of the list at `from`, beginning with number `first`, to the one at `to`. */
static void copy(lua_State *L, int from, lua_Integer first, lua_Integer n, int to)
{
    from = lua_absindex(L, from);
    to = lua_absindex(L, to);
    anp_lua_list *target = open(L, to);
    (void)open(L, from);
    lua_Integer size = target->n;
    grow(L, target, size + n);
    for (lua_Integer i = 0; i < n; i++) {
        (void)lua_rawgeti(L, -1, first + i);
        lua_rawseti(L, -3, size + i + 1);
    }
    lua_pop(L, 2);
}

static int concat(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_LIST);
    const anp_lua_list *second = anp_lua_check(L, 2, ANP_LUA_LIST);
    copy(L, 2, 1, second->n, 1);
    return 0;
}

/* A new list of some elements. */
static int part(lua_State *L, lua_Integer first, lua_Integer n)
{
    (void)anp_lua_push_list(L, n > 0 ? (uint32_t)n : 0);
    if (n > 0) {
        copy(L, 1, first, n, -1);
    }
    return 1;
}

static int clone(lua_State *L)
{
    const anp_lua_list *list = anp_lua_check(L, 1, ANP_LUA_LIST);
    uint8_t order = list->order;
    (void)part(L, 1, list->n);
    ((anp_lua_list *)lua_touserdata(L, -1))->order = order;
    return 1;
}

static int merge(lua_State *L)
{
    const anp_lua_list *first = anp_lua_check(L, 1, ANP_LUA_LIST),
                       *second = anp_lua_check(L, 2, ANP_LUA_LIST);
    (void)part(L, 1, first->n);
    copy(L, 2, 1, second->n, -1);
    return 1;
}

/* How many of the elements are asked for, or 0, and nil pushed, where that is no number of them. */
static lua_Integer asked(lua_State *L)
{
    const anp_lua_list *list = anp_lua_check(L, 1, ANP_LUA_LIST);
    lua_settop(L, 2);
    lua_Integer n = luaL_optinteger(L, 2, 0);
    if (n <= 0) {
        lua_pushnil(L);
        return 0;
    }
    return n < list->n ? n : (lua_Integer)list->n;
}

static int take(lua_State *L)
{
    lua_Integer n = asked(L);
    return lua_isnil(L, -1) ? 1 : part(L, 1, n);
}

static int drop(lua_State *L)
{
    lua_Integer n = asked(L);
    const anp_lua_list *list = lua_touserdata(L, 1);
    return lua_isnil(L, -1) ? 1 : part(L, n + 1, (lua_Integer)list->n - n);
}

/* Takes out the element at a place and all behind it. */
static int trim(lua_State *L)
{
    anp_lua_list *list = open(L, 1);
    lua_Integer at = luaL_optinteger(L, 2, 0);
    if (at >= 1 && at <= list->n) {
        shift(L, list, at, at - (lua_Integer)list->n - 1);
    }
    return 0;
}

static int size(lua_State *L)
{
    const anp_lua_list *list = anp_lua_check(L, 1, ANP_LUA_LIST);
    lua_pushinteger(L, list->n);
    return 1;
}

static int nbytes(lua_State *L)
{
    anp_buffer *b = &anp_lua_of(L)->scratch;
    (void)anp_lua_check(L, 1, ANP_LUA_LIST);
    anp_buffer_clear(b);
    anp_lua_pack(L, 1, b, "list.nbytes");
    lua_pushinteger(L, (lua_Integer)b->size);
    return 1;
}

static int next_element(lua_State *L)
{
    const anp_lua_list *list = lua_touserdata(L, lua_upvalueindex(1));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2)) + 1;
    if (at > list->n) {
        return 0;
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(2));
    (void)lua_getiuservalue(L, lua_upvalueindex(1), 1);
    (void)lua_rawgeti(L, -1, at);
    return 1;
}

static int iterator(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_LIST);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_element, 2);
    return 1;
}

static int text(lua_State *L)
{
    (void)anp_lua_check(L, 1, ANP_LUA_LIST);
    anp_lua_push_text(L, 1);
    return 1;
}

/* list.create(capacity): empty; capacities are the server's concern. */
static int create(lua_State *L)
{
    if (luaL_optinteger(L, 1, -1) < 0) {
        return 0;
    }
    (void)anp_lua_push_list(L, 0);
    return 1;
}

/* list{...} */
static int make(lua_State *L)
{
    anp_lua_list *list = anp_lua_push_list(L, 0);
    if (lua_type(L, 2) != LUA_TTABLE) {
        return 1;
    }
    (void)open(L, -1);
    lua_Unsigned n = lua_rawlen(L, 2);
    anp_lua_charge(L, n);
    for (lua_Unsigned i = 1; i <= n; i++) {
        (void)lua_rawgeti(L, 2, (lua_Integer)i);
        check_value(L, -1);
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    grow(L, list, (lua_Integer)n);
    lua_pop(L, 1);
    return 1;
}

static int at_index(lua_State *L)
{
    const anp_lua_list *list = open(L, 1);
    lua_Integer at = luaL_optinteger(L, 2, 0);
    if (at < 1 || at > list->n) {
        lua_pushnil(L);
    } else {
        (void)lua_rawgeti(L, -1, at);
    }
    return 1;
}

static int set_index(lua_State *L)
{
    lua_settop(L, 3);
    lua_Integer at = luaL_optinteger(L, 2, 0);
    check_value(L, 3);
    anp_lua_list *list = open(L, 1);
    if (at >= 1) {
        put(L, list, at, 3);
    }
    return 0;
}

void anp_lua_open_list(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__index", at_index},
                                       {"__newindex", set_index},
                                       {"__len", size},
                                       {"__tostring", text},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"new", create},      {"create", create},   {"insert", insert},     {"append", append},
        {"prepend", prepend}, {"remove", take_out}, {"concat", concat},     {"trim", trim},
        {"take", take},       {"drop", drop},       {"clone", clone},       {"merge", merge},
        {"size", size},       {"nbytes", nbytes},   {"iterator", iterator}, {"tostring", text},
        {NULL, NULL}};
    anp_lua_class(L, ANP_LUA_LIST, methods);
    anp_lua_object(L, "list", functions, make);
}
