/* Functions in Lua: what they can't reach, what stops them, and what happens where memory ends.
 * That they do what a server's do is told by the recorded calls and by the modules in
 * tests/modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "lua_calls.h"

static const uint8_t no_args[] = {0x90};
static const anp_slice none = {no_args, sizeof no_args};

/* Compiles a function f(rec, ...) of this body, and calls it. */
static bool run(lua_world *w, const char *body)
{
    char source[4096];
    anp_lua_fault fault;
    int size = snprintf(source, sizeof source, "function f(rec, ...)\n%s\nend", body);
    if (!lua_compile(w, source, (size_t)size, &fault)) {
        fail_msg("%s: line %u: %s", body, fault.line, fault.text);
    }
    bool ok = lua_call_f(w, none);
    anp_buffer_u8(&w->out, 0); /* a text to be compared */
    return ok;
}

static void expect_text(const char *body, const char *text)
{
    lua_world w;
    lua_world_open(&w);
    if (!run(&w, body) || w.type != ANP_PARTICLE_STRING || strcmp((char *)w.out.data, text) != 0) {
        fail_msg("%s: %s", body, (char *)w.out.data);
    }
    lua_world_close(&w);
}

static void expect_failure(const char *body, const char *part)
{
    lua_world w;
    lua_world_open(&w);
    if (run(&w, body) || strstr((char *)w.out.data, part) == NULL) {
        fail_msg("%s: %s", body, w.out.size != 0 ? (char *)w.out.data : "");
    }
    lua_world_close(&w);
}

/* ---- the sandbox ---- */

static void test_what_reaches_out_of_a_call_is_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {
        "io",         "os",       "package", "coroutine",      "load",
        "loadstring", "loadfile", "dofile",  "collectgarbage", "string.dump",
        "module",     "setfenv",  "getfenv", "newproxy",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "return tostring(%s)", names[i]);
        expect_text(body, "nil");
    }
    expect_text("return type(debug)", "function"); /* it writes to the log */
    expect_text("return type(warn)", "function");
    expect_failure("return require('io')", "module 'io' not found");
    expect_failure("return require('debug')", "module 'debug' not found");
    expect_failure("return require('../m')", "not found");
}

static void test_globals_are_those_that_are_meant(void **state)
{
    (void)state;
    expect_text(
        "local names = {} for k in pairs(_G) do names[#names + 1] = k end table.sort(names) "
        "return table.concat(names, ' ')",
        "_G _VERSION aerospike assert bytes debug error f geojson getmetatable info ipairs "
        "list map math next pairs pcall print rawequal rawget rawlen rawset record require "
        "select setmetatable string table tonumber tostring trace type utf8 warn xpcall");
    expect_text("local names = {} for k in pairs(string) do names[#names + 1] = k end "
                "table.sort(names) return table.concat(names, ' ')",
                "byte char find format gmatch gsub len lower match pack packsize rep reverse sub "
                "unpack upper");
}

static void test_compiled_code_is_not_taken_as_a_source(void **state)
{
    (void)state;
    lua_world w;
    anp_lua_fault fault;
    lua_world_open(&w);
    assert_true(run(&w, "return 1"));
    char *chunk = malloc(w.compiled.size);
    memcpy(chunk, w.compiled.data, w.compiled.size);
    size_t size = w.compiled.size;
    assert_false(lua_compile(&w, chunk, size, &fault));
    assert_non_null(strstr(fault.text, "binary"));
    free(chunk);
    lua_world_close(&w);
}

static void test_objects_hide_what_they_are_made_of(void **state)
{
    (void)state;
    expect_text("return tostring(getmetatable(list())) .. tostring(getmetatable(map())) .. "
                "tostring(getmetatable(bytes())) .. tostring(getmetatable(rec)) .. "
                "tostring(getmetatable(aerospike)) .. tostring(getmetatable(list))",
                "falsefalsefalsefalsefalsefalse");
    expect_failure("setmetatable(list(), {})", "table expected");
    expect_failure("setmetatable(list, {})", "protected metatable");
    expect_failure("setmetatable({}, {__gc = function() end})", "no finalizers");
    expect_failure("rawset(list(), 1, 2)", "table expected");
    expect_failure("aerospike.update = nil", "attempt to index a Aerospike value");
    expect_failure("list.append(rec, 1)", "List expected");
    expect_failure("rec.a = 1 aerospike.update(rec, rec)", "Aerospike expected");
    /* What a module does to its own tables is its own matter. */
    expect_text("list.append = nil string.rep = nil return type(list())", "userdata");
}

static void test_record_is_out_of_reach_while_a_module_is_loaded(void **state)
{
    (void)state;
    lua_world w;
    anp_lua_fault fault;
    lua_world_open(&w);
    static const char source[] = "local r = record.gen(1)";
    assert_false(lua_compile(&w, source, sizeof source - 1, &fault));
    assert_int_equal(fault.line, 1);
    lua_world_close(&w);
}

/* ---- limits ---- */

static const char *const endless[] = {
    "while true do end",
    "local function g() return g() end return g()",
    "repeat until false",
    "goto a ::a:: while true do local x = 1 end",
    "while true do pcall(function() while true do end end) end",
    "while true do xpcall(function() while true do end end, function(m) while true do end end) end",
    "while true do pcall(error, 'x') end",
    "while true do pcall(string.rep, 'x', 1 << 20) end",
    "while true do local c <close> = setmetatable({}, {__close = function() while true do end end}) end",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do "
    "pcall(function() return t[1] end) end",
    "return tostring(setmetatable({}, {__tostring = function() while true do end end}))",
    "table.sort({3, 2, 1, 5, 4}, function() while true do end end)",
    "string.gsub('x', 'x', function() while true do end end)",
    "map.merge(map{a = 1}, map{a = 2}, function() while true do end end)",
    "for i = 1, math.huge do end",
    "for v in function() return 1 end do end",
    "list.append(rec.l, 1) while true do rec.l = rec.l aerospike:update(rec) end",
    "local l = list() while true do list.append(l, nil) list.take(l, 1 << 20) end",
    "local b = bytes() bytes.set_size(b, 1 << 23) while true do bytes.get_string(b, 1, 1 << 23) end",
    /* What runs in C only. */
    "return string.rep('', 1 << 60)  .. table.concat(setmetatable({}, {__index = getmetatable, "
    "__metatable = ''}), '', 1, 1 << 60)",
    "table.concat(setmetatable({}, {__index = getmetatable, __metatable = ''}), '', math.mininteger, "
    "math.maxinteger)",
    "table.move({}, 1, 1 << 60, 2)",
    "table.unpack({}, 1, 1 << 23)",
    "table.sort(setmetatable({}, {__len = function() return (1 << 31) - 2 end}), tonumber)",
    "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)",
    "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)",
    "local t = {} for i = 1, 500000 do t[i] = i end while true do table.insert(t, 1, 1) "
    "table.remove(t, 1) end",
    "return ('a'):rep(5000):find(('a-'):rep(150) .. 'b')",
    "return ('a'):rep(100):match(('a?'):rep(100) .. ('a'):rep(101))",
    "return ('a'):rep(1 << 20):gsub('.-b', '')",
    "for _ in ('a'):rep(1 << 20):gmatch('a*b') do end",
    "return ('('):rep(1 << 20):find('%b()')",
    "local s = ('x'):rep(1 << 22) while true do s:find('y', 1, true) end",
    "local s = ('x'):rep(1 << 22) while true do utf8.len(s) end",
    "local s = ('x'):rep(1 << 22) while true do s:upper() end",
    "local s = ('x'):rep(1 << 22) while true do local t = s .. 'y' end",
    "local s = (' '):rep(1 << 22) while true do tonumber(s) end",
    "local s = ('x'):rep(1 << 18) while true do s:byte(1, -1) end",
};

static const char *const greedy[] = {
    "local t = {} while true do t[#t + 1] = {} end",
    "local s = 'x' while true do s = s .. s end",
    "local l = list() while true do list.append(l, 'x' .. list.size(l)) end",
    "local m = map() local i = 0 while true do i = i + 1 m[i] = i end",
    "local b = bytes() while true do bytes.append_bytes(b, b, 1 << 20) bytes.append_byte(b, 1) end",
    "return bytes.set_size(bytes(), 1 << 24)",
    "return string.rep('x', 1 << 40)",
    "return string.rep('x', 1 << 24)",
    "return ('%99s'):rep(1 << 16):format()",
    "return table.concat({}, 'x', 1, 1 << 50)",
    "local function g() return 1 + g() end return g()",
    "return table.unpack({}, 1, 1 << 22)",
    "local l = list() for i = 1, 64 do local m = list() list.append(m, l) list.append(m, l) l = m "
    "end return l",
    "local l = list() for i = 1, 64 do local m = list() list.append(m, l) list.append(m, l) l = m "
    "end return tostring(l)",
    "local l = list() l[1 << 22] = 1 l[1 << 40] = 1",
    "local function g() local a = {pcall(g)} end g() local t = {} while true do t[#t + 1] = t end",
};

/* Few instructions that take long. */
static const char *const slow[] = {
    "local function g() pcall(g) g() end while true do pcall(g) end",
    "local function g(...) return g(1, ...) end return g()",
    "local s = (' '):rep(1 << 22) while true do pcall(function() return s + 1 end) end",
    "local s = ('x'):rep(1 << 11):rep(1 << 11) local t = s .. 'y' while s < t do end",
};

/* Each of them fails, in time. */
static void check_ends(const char *const bodies[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lua_world w;
        time_t start = time(NULL);
        lua_world_open(&w);
        bool ok = run(&w, bodies[i]);
        if (ok) {
            fail_msg("%s: %s", bodies[i], (char *)w.out.data);
        }
        if (time(NULL) - start > 2 * (time_t)ANP_LUA_SECONDS) {
            fail_msg("%s: %d seconds", bodies[i], (int)(time(NULL) - start));
        }
        lua_world_close(&w);
    }
}

static void test_what_would_not_end_is_ended(void **state)
{
    (void)state;
    check_ends(endless, sizeof endless / sizeof *endless);
}

static uint64_t hasty(void)
{
    static uint64_t time;
    return time += ANP_NS_PER_S / 2; /* half a second between two looks */
}

static void test_time_ends_what_takes_long_with_few_steps(void **state)
{
    (void)state;
    anp_clock_hook(hasty, NULL);
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        expect_failure(slow[i], "too long");
    }
    anp_clock_hook(NULL, NULL);
}

static void test_what_would_take_all_memory_is_refused(void **state)
{
    (void)state;
    check_ends(greedy, sizeof greedy / sizeof *greedy);
}

static void test_a_limit_that_was_caught_is_a_failure_all_the_same(void **state)
{
    (void)state;
    expect_failure("pcall(function() while true do end end) return 'went on'", "too many steps");
    expect_failure("return select(2, pcall(function() while true do end end))", "too many steps");
    expect_failure("pcall(table.move, {}, 1, 1 << 60, 2) return 1", "too many steps");
    /* Memory that is given back may be used again. */
    expect_text(
        "pcall(string.rep, 'x', 1 << 40) local ok = pcall(function() local t = {} for i = 1, "
        "1 << 30 do t[i] = {} end end) return tostring(ok)",
        "false");
}

static void test_what_is_handed_over_is_bounded_by_the_steps(void **state)
{
    (void)state;
    lua_world w;
    lua_world_open(&w);
    assert_false(run(&w, "rec.a = ('x'):rep(1 << 20) while true do rec.a = rec.a "
                         "aerospike:update(rec) end"));
    assert_true(w.n_puts > 10);
    assert_true(w.bytes_put < (size_t)1 << 30);
    lua_world_close(&w);
}

static void test_sources_that_are_deep_or_long_are_refused_or_compiled(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    static const char *const parts[] = {"(",    "{",  "a.",         "not ",  "do ", "function() ",
                                        "x=1 ", "-",  "a..",        "[",     "\"",  "--[[",
                                        "a(",   "a{", "local a=1 ", "::a::", "1e",  "\\"};
    char *source = malloc(SIZE);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        lua_world w;
        anp_lua_fault fault;
        size_t n = strlen(parts[i]), at = 0;
        for (; at + n <= SIZE; at += n) {
            memcpy(source + at, parts[i], n);
        }
        lua_world_open(&w);
        (void)lua_compile(&w, source, at, &fault);
        lua_world_close(&w);
    }
    free(source);
}

/* ---- arguments ---- */

static void test_arguments_of_any_bytes_end_with_a_result_or_a_failure(void **state)
{
    (void)state;
    lua_world w;
    anp_lua_fault fault;
    static const char source[] =
        "function f(rec, ...) local t = {...} local l = list() for i = 1, #t "
        "do list.append(l, t[i]) end rec.x = l aerospike:update(rec) "
        "return tostring(l) .. #t end";
    lua_world_open(&w);
    assert_true(lua_compile(&w, source, sizeof source - 1, &fault));
    unsigned seed = (unsigned)time(NULL);
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[24];
        unsigned n = 1 + (unsigned)rand_r(&seed) % sizeof bytes;
        for (unsigned j = 0; j < n; j++) {
            bytes[j] = (uint8_t)(rand_r(&seed) >> 4);
        }
        bytes[0] = (uint8_t)(0x90 | bytes[0] % 16); /* a list, by its first byte */
        (void)lua_call_f(&w, (anp_slice){bytes, n});
    }
    lua_world_close(&w);
}

static void test_what_is_nested_too_deeply_is_a_failure(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    uint8_t *bytes = malloc(SIZE);
    assert_non_null(bytes);
    memset(bytes, 0x91, SIZE); /* lists of one */
    lua_world w;
    lua_world_open(&w);
    bytes[0] = ANP_PARTICLE_LIST;
    w.key = (anp_slice){bytes, SIZE}; /* nobody looked at it */
    assert_false(run(&w, "return record.key(rec)"));
    assert_non_null(strstr((char *)w.out.data, "malformed"));
    bytes[0] = 0x91;
    w.key.size = 0;
    assert_false(lua_call_f(&w, (anp_slice){bytes, SIZE}));
    lua_world_close(&w);
    free(bytes);
}

static void test_a_log_line_that_is_no_text_is_empty(void **state)
{
    (void)state;
    expect_text("string.format = function() end info('x') return 'y'", "y");
}

static void test_tables_grow_and_shrink_at_their_end_for_little(void **state)
{
    (void)state;
    expect_text("local t = {} for i = 1, 20000 do table.insert(t, i) end\n"
                "for i = 1, 19999 do table.remove(t, nil) end return #t .. ' ' .. t[1]",
                "1 1");
    expect_failure("local t = {} for i = 1, 20000 do table.insert(t, 1, i) end", "too many steps");
    expect_failure("local t = {} for i = 1, 20000 do t[i] = i end\n"
                   "for i = 1, 20000 do table.remove(t, 1) end",
                   "too many steps");
}

static void test_what_merges_values_gives_one_that_a_map_can_hold(void **state)
{
    (void)state;
    expect_failure("return map.merge(map{a = 1}, map{a = 2}, function() return {} end)",
                   "a table can't be in a map");
    expect_text("return tostring(map.merge(map{a = 1}, map{a = 2}, math.max))", "Map(\"a\"->2)");
}

/* ---- memory ---- */

static int allow_first(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void test_memory_that_is_refused_is_a_failure_and_nothing_leaks(void **state)
{
    (void)state;
    static const char source[] =
        "function f(rec, ...)\n"
        "  local m, l, b = map{a = list{1, 2}, b = rec.m}, rec.l, bytes()\n"
        "  list.append(l, m) list.append(l, b) bytes.append_string(b, ('x'):rep(100))\n"
        "  for k, v in map.pairs(m) do m[k .. 'x'] = v end\n"
        "  rec.l = l rec.s = tostring(l) aerospike:update(rec)\n"
        "  return map.merge(m, map{z = ('abc'):gsub('b', '%0%0')})\n"
        "end";
    lua_world w;
    anp_lua_fault fault;
    lua_world_open(&w);
    bool ok = false;
    int n = 0, left;
    for (; !ok; n++) {
        left = n;
        anp_alloc_hook(allow_first, &left);
        ok = lua_compile(&w, source, sizeof source - 1, &fault);
        anp_alloc_hook(NULL, NULL);
    }
    assert_in_range(n, 100, 100000);
    ok = false;
    for (n = 0; !ok; n++) {
        left = n;
        anp_alloc_hook(allow_first, &left);
        ok = lua_call_f(&w, none);
        anp_alloc_hook(NULL, NULL);
    }
    assert_in_range(n, 100, 100000);
    assert_int_equal(w.type, ANP_PARTICLE_MAP);
    lua_world_close(&w);
}

static void test_a_result_for_which_there_is_no_memory_is_a_failure(void **state)
{
    (void)state;
    static const char source[] = "function f() return 'text' end";
    lua_world w;
    anp_lua_fault fault;
    bool ok = false;
    for (int n = 0, left; !ok; n++) {
        lua_world_open(&w);
        assert_true(lua_compile(&w, source, sizeof source - 1, &fault));
        left = n;
        anp_alloc_hook(allow_first, &left);
        ok = lua_call_f(&w, none);
        anp_alloc_hook(NULL, NULL);
        assert_true(!ok || w.out.size == 4);
        lua_world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_reaches_out_of_a_call_is_not_there),
        cmocka_unit_test(test_globals_are_those_that_are_meant),
        cmocka_unit_test(test_compiled_code_is_not_taken_as_a_source),
        cmocka_unit_test(test_objects_hide_what_they_are_made_of),
        cmocka_unit_test(test_record_is_out_of_reach_while_a_module_is_loaded),
        cmocka_unit_test(test_what_would_not_end_is_ended),
        cmocka_unit_test(test_time_ends_what_takes_long_with_few_steps),
        cmocka_unit_test(test_what_would_take_all_memory_is_refused),
        cmocka_unit_test(test_a_limit_that_was_caught_is_a_failure_all_the_same),
        cmocka_unit_test(test_what_is_handed_over_is_bounded_by_the_steps),
        cmocka_unit_test(test_sources_that_are_deep_or_long_are_refused_or_compiled),
        cmocka_unit_test(test_arguments_of_any_bytes_end_with_a_result_or_a_failure),
        cmocka_unit_test(test_what_is_nested_too_deeply_is_a_failure),
        cmocka_unit_test(test_a_log_line_that_is_no_text_is_empty),
        cmocka_unit_test(test_tables_grow_and_shrink_at_their_end_for_little),
        cmocka_unit_test(test_what_merges_values_gives_one_that_a_map_can_hold),
        cmocka_unit_test(test_memory_that_is_refused_is_a_failure_and_nothing_leaks),
        cmocka_unit_test(test_a_result_for_which_there_is_no_memory_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
