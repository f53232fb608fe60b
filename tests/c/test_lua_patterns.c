/* Patterns: our matcher against Lua's own, on random subjects and patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/clock.h"
#include "lua/state.h"

enum { ROUNDS = 20000 };

/* Calls a function of a library with two strings (three for gsub), and writes down all that comes
 * of it: errors, too, but without the words. */
static const char ask[] = "local string, name, s, p = ...\n"
                          "local function show(...)\n"
                          "  local t = {}\n"
                          "  for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end\n"
                          "  return table.concat(t, ',')\n"
                          "end\n"
                          "local found\n"
                          "if name == 'gmatch' then\n"
                          "  found = {pcall(function()\n"
                          "    local t = {}\n"
                          "    for a, b in string.gmatch(s, p) do t[#t + 1] = show(a, b) end\n"
                          "    return table.concat(t, ';')\n"
                          "  end)}\n"
                          "elseif name == 'gsub' then\n"
                          "  found = {pcall(string.gsub, s, p, '<%0%%>')}\n"
                          "else\n"
                          "  found = {pcall(string[name], s, p)}\n"
                          "end\n"
                          "return found[1] and show(table.unpack(found)) or 'error'\n";

static const char *answer(lua_State *L, const char *name, const char *s, const char *p)
{
    lua_settop(L, 2); /* the function and its library */
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushstring(L, name);
    lua_pushstring(L, s);
    lua_pushstring(L, p);
    if (lua_pcall(L, 4, 1, 0) != LUA_OK) {
        fail_msg("%s", lua_tostring(L, -1));
    }
    return lua_tostring(L, -1);
}

static void prepare(lua_State *L)
{
    assert_int_equal(luaL_loadstring(L, ask), LUA_OK);
    lua_getglobal(L, "string");
}

static unsigned seed, dice;

static unsigned below(unsigned n)
{
    return (unsigned)rand_r(&dice) % n;
}

static void make(char *out, const char *const parts[], unsigned n_parts, unsigned n)
{
    *out = 0;
    for (unsigned i = 0; i < n; i++) {
        (void)strcat(out, parts[below(n_parts)]);
    }
}

static void test_patterns_match_as_luas_own_do(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "b", "1", " ", "(", ")", ".", "]", "-", "%"};
    static const char *const items[] = {
        "a",    "b",     "1",      ".",    "%a",      "%d",  "%s",   "%W",    "%%",
        "[ab]", "[^a]",  "[a-b1]", "[%d]", "[]]",     "[%]", "(",    ")",     "()",
        "*",    "+",     "-",      "?",    "^",       "$",   "%b()", "%f[a]", "%1",
        "%2",   "[^%s]", "%f",     "[a-]", "%f[^%w]", "[",   "%",    "a-",    "(a*)",
    };
    static const char *const names[] = {"find", "match", "gmatch", "gsub"};
    const char *chosen = getenv("ANP_TEST_SEED");
    dice = seed = chosen != NULL ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    lua_State *theirs = luaL_newstate();
    anp_lua l;
    assert_true(anp_lua_open(&l, NULL, NULL));
    l.until = ANP_NEVER; /* the rounds are not one call */
    luaL_openlibs(theirs);
    prepare(theirs);
    prepare(l.state);
    for (int i = 0; i < ROUNDS; i++) {
        char s[64], p[128];
        make(s, letters, sizeof letters / sizeof *letters, below(12));
        make(p, items, sizeof items / sizeof *items, 1 + below(6));
        l.steps = ANP_LUA_STEPS;
        for (int j = 0; j < 4; j++) {
            const char *want = answer(theirs, names[j], s, p),
                       *got = answer(l.state, names[j], s, p);
            if (strcmp(want, got) != 0) {
                fail_msg("ANP_TEST_SEED=%u: %s('%s', '%s'): %s, not %s", seed, names[j], s, p, got,
                         want);
            }
        }
    }
    anp_lua_close(&l);
    lua_close(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns_match_as_luas_own_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
