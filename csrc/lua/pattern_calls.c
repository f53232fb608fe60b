/* string.find, match, gmatch and gsub. */
#include "lua/pattern.h"

/* ---- captures ---- */

/* Pushes one capture; number 0 is the whole match where there are none. */
static void push_capture(const anp_pattern *m, int i, const char *s, const char *end)
{
    if (i == 0 && m->n == 0) {
        (void)lua_pushlstring(m->L, s, (size_t)(end - s));
        return;
    }
    if (i >= m->n) {
        (void)luaL_error(m->L, "invalid capture index %%%d", i + 1);
    }
    ptrdiff_t size = m->captures[i].size;
    if (size == ANP_CAPTURE_OPEN) {
        (void)luaL_error(m->L, "unfinished capture");
    } else if (size == ANP_CAPTURE_POSITION) {
        lua_pushinteger(m->L, m->captures[i].start - m->subject + 1);
    } else {
        (void)lua_pushlstring(m->L, m->captures[i].start, (size_t)size);
    }
}

/* All captures, or (with `whole`) the match where there are none. */
static int push_captures(const anp_pattern *m, const char *s, const char *end, bool whole)
{
    int n = m->n == 0 && whole ? 1 : m->n;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++) {
        push_capture(m, i, s, end);
    }
    return n;
}

/* ---- find and match ---- */

static anp_pattern prepare(lua_State *L, const char **pattern)
{
    size_t size, pattern_size;
    const char *s = luaL_checklstring(L, 1, &size);
    *pattern = luaL_checklstring(L, 2, &pattern_size);
    return (anp_pattern){
        .L = L, .subject = s, .subject_end = s + size, .end = *pattern + pattern_size};
}

/* A place as strings are counted, from the end below 0, made an offset; beyond the end is size + 1.
 */
static size_t offset(lua_Integer place, size_t size)
{
    if (place > 0) {
        return (lua_Unsigned)place > size + 1 ? size + 1 : (size_t)place - 1;
    }
    return place == 0 || place < -(lua_Integer)size ? 0 : size - (size_t)-place;
}

static const char *find_plain(anp_pattern *m, const char *s, const char *text)
{
    size_t size = (size_t)(m->end - text), left = (size_t)(m->subject_end - s);
    anp_lua_charge(m->L, left / 16 + 1);
    return memmem(s, left, text, size);
}

static bool has_specials(const anp_pattern *m, const char *pattern)
{
    for (; pattern < m->end; pattern++) {
        if (*pattern != 0 && strchr("^$*+?.([%-", *pattern) != NULL) {
            return true;
        }
    }
    return false;
}

/* The first match at or behind s: its begin and *end; NULL: none. */
static const char *search(anp_pattern *m, const char *s, const char *pattern, const char **end)
{
    bool anchored = pattern < m->end && *pattern == '^';
    pattern += anchored ? 1 : 0;
    do {
        *end = anp_pattern_match(m, s, pattern);
        if (*end != NULL) {
            return s;
        }
    } while (s++ < m->subject_end && !anchored);
    return NULL;
}

static int find_or_match(lua_State *L, bool finds)
{
    const char *pattern, *end;
    anp_pattern m = prepare(L, &pattern);
    size_t size = (size_t)(m.subject_end - m.subject), at = offset(luaL_optinteger(L, 3, 1), size);
    if (at > size) {
        lua_pushnil(L);
        return 1;
    }
    const char *s;
    if (finds && (lua_toboolean(L, 4) || !has_specials(&m, pattern))) {
        s = find_plain(&m, m.subject + at, pattern);
        end = s != NULL ? s + (m.end - pattern) : NULL;
    } else {
        s = search(&m, m.subject + at, pattern, &end);
    }
    if (s == NULL) {
        lua_pushnil(L);
        return 1;
    }
    if (!finds) {
        return push_captures(&m, s, end, true);
    }
    lua_pushinteger(L, s - m.subject + 1);
    lua_pushinteger(L, end - m.subject);
    return 2 + push_captures(&m, s, end, false);
}

static int find(lua_State *L)
{
    return find_or_match(L, true);
}

static int first_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch: the upvalues are subject, pattern, where to go on, and where the last match ended
 * ---- */

static int next_match(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    const char *pattern;
    anp_pattern m = prepare(L, &pattern);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    const char *s = m.subject + lua_tointeger(L, lua_upvalueindex(3));
    for (; s <= m.subject_end; s++) {
        const char *end = anp_pattern_match(&m, s, pattern);
        if (end != NULL && end - m.subject != last) {
            lua_pushinteger(L, end - m.subject);
            lua_copy(L, -1, lua_upvalueindex(3));
            lua_copy(L, -1, lua_upvalueindex(4));
            return push_captures(&m, s, end, true);
        }
    }
    return 0;
}

static int gmatch(lua_State *L)
{
    size_t size;
    (void)luaL_checklstring(L, 1, &size);
    (void)luaL_checkstring(L, 2);
    size_t at = offset(luaL_optinteger(L, 3, 1), size);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)at);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* ---- gsub ---- */

/* Adds the replacement text, with %0 to %9 and %% in it. */
static void add_text(anp_pattern *m, luaL_Buffer *b, const char *s, const char *end)
{
    size_t size;
    const char *text = lua_tolstring(m->L, 3, &size), *text_end = text + size;
    anp_lua_charge(m->L, size / 16 + 1);
    while (text < text_end) {
        if (*text != '%') {
            luaL_addchar(b, *text++);
            continue;
        }
        char what = text + 1 < text_end ? text[1] : 0;
        text += 2;
        if (what == '%') {
            luaL_addchar(b, '%');
        } else if (what == '0') {
            luaL_addlstring(b, s, (size_t)(end - s));
        } else if (what >= '1' && what <= '9') {
            push_capture(m, what - '1', s, end);
            (void)luaL_tolstring(m->L, -1, NULL); /* a position is a number */
            lua_remove(m->L, -2);
            luaL_addvalue(b);
        } else {
            (void)luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Adds what a function or table (argument 3) has for the match; nothing, or false, leaves it. */
static void add_looked_up(anp_pattern *m, luaL_Buffer *b, const char *s, const char *end)
{
    lua_State *L = m->L;
    if (lua_isfunction(L, 3)) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(m, s, end, true), 1);
    } else {
        push_capture(m, 0, s, end);
        (void)lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, s, (size_t)(end - s));
    } else if (!lua_isstring(L, -1)) {
        (void)luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    } else {
        luaL_addvalue(b);
    }
}

static int gsub(lua_State *L)
{
    const char *pattern, *last = NULL;
    anp_pattern m = prepare(L, &pattern);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer max = luaL_optinteger(L, 4, m.subject_end - m.subject + 1), n = 0;
    bool anchored = pattern < m.end && *pattern == '^';
    luaL_Buffer b;
    const char *s = m.subject;
    pattern += anchored ? 1 : 0;
    lua_settop(L, 3);
    if (type == LUA_TNUMBER) {
        (void)lua_tolstring(L, 3, NULL); /* which makes it one */
    }
    luaL_buffinit(L, &b);
    while (n < max) {
        const char *end = anp_pattern_match(&m, s, pattern);
        if (end != NULL && end != last) {
            n++;
            if (type == LUA_TFUNCTION || type == LUA_TTABLE) {
                add_looked_up(&m, &b, s, end);
            } else {
                add_text(&m, &b, s, end);
            }
            s = last = end;
        } else if (s < m.subject_end) {
            luaL_addchar(&b, *s++);
        } else {
            break;
        }
        if (anchored) {
            break;
        }
    }
    luaL_addlstring(&b, s, (size_t)(m.subject_end - s));
    luaL_pushresult(&b);
    lua_pushinteger(L, n);
    return 2;
}

void anp_lua_open_patterns(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", find}, {"match", first_match}, {"gmatch", gmatch}, {"gsub", gsub}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
