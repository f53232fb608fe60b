/* Functions in Lua that call everything there is with anything: each ends, and the result of each
 * that has one can be stored as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "data/collection.h"
#include "lua_calls.h"

enum { ROUNDS = 1500, CALLS = 30 };

static unsigned seed, dice;

static const char *any(const char *const of[], size_t n)
{
    return of[(unsigned)rand_r(&dice) % n];
}

#define ANY(of) any(of, sizeof(of) / sizeof *(of))

static const char *const functions[] = {
    "list.new",
    "list.create",
    "list.insert",
    "list.append",
    "list.prepend",
    "list.remove",
    "list.concat",
    "list.trim",
    "list.take",
    "list.drop",
    "list.clone",
    "list.merge",
    "list.size",
    "list.nbytes",
    "list.iterator",
    "list.tostring",
    "list",
    "map.new",
    "map.create",
    "map.pairs",
    "map.keys",
    "map.values",
    "map.remove",
    "map.size",
    "map.nbytes",
    "map.tostring",
    "map.clone",
    "map.merge",
    "map.diff",
    "map",
    "bytes",
    "bytes.size",
    "bytes.set_size",
    "bytes.get_type",
    "bytes.set_type",
    "bytes.get_string",
    "bytes.get_bytes",
    "bytes.get_var_int",
    "bytes.set_string",
    "bytes.set_bytes",
    "bytes.set_var_int",
    "bytes.append_string",
    "bytes.append_bytes",
    "bytes.append_var_int",
    "bytes.tostring",
    "bytes.get_byte",
    "bytes.set_byte",
    "bytes.append_byte",
    "bytes.get_int16_le",
    "bytes.set_int32",
    "bytes.append_int64_le",
    "bytes.get_int64",
    "record.gen",
    "record.ttl",
    "record.setname",
    "record.key",
    "record.digest",
    "record.numbins",
    "record.bin_names",
    "record.set_ttl",
    "record.drop_key",
    "aerospike.update",
    "aerospike.create",
    "aerospike.remove",
    "aerospike.exists",
    "aerospike.log",
    "geojson",
    "string.find",
    "string.gsub",
    "string.gmatch",
    "string.rep",
    "string.byte",
    "string.format",
    "string.pack",
    "string.unpack",
    "table.concat",
    "table.move",
    "table.insert",
    "table.remove",
    "table.unpack",
    "table.sort",
    "tostring",
    "next",
    "setmetatable",
    "getmetatable",
    "select",
    "info",
    "function(a, b) return a[b] end",
    "function(a, b, c) a[b] = c return a end",
    "function(a) return #a end",
    "function(a, b) return a .. b end",
    "function(a) for x in a do return x end end",
    "require",
};
static const char *const arguments[] = {
    "v",
    "w",
    "x",
    "rec",
    "aerospike",
    "nil",
    "0",
    "1",
    "2",
    "-1",
    "1.5",
    "4096",
    "1 << 21",
    "1 << 40",
    "math.mininteger",
    "math.maxinteger",
    "math.mininteger + 1",
    "math.huge",
    "true",
    "''",
    "'a'",
    "'%w+'",
    "'{}'",
    "'<i4'",
    "{}",
    "{1, 2, 3}",
    "{a = 1}",
    "list{1, 'x'}",
    "map{a = 1, [2] = list{}}",
    "rec.l",
    "rec.m",
    "bytes()",
    "print",
    "function() end",
    "l",
    "m",
    "b",
    "l",
    "m",
    "b",
};

/* l, m and b are a list, a map and bytes; v, w and x what the calls before gave. */
static void make(char *out, size_t room)
{
    size_t at = (size_t)snprintf(out, room,
                                 "function f(rec)\nlocal l, m, b, v, w, x, ok = list{1, 2}, "
                                 "map{a = 1}, bytes()\n");
    for (int i = 0; i < CALLS; i++) {
        at += (size_t)snprintf(out + at, room - at, "x, w = w, v ok, v = pcall(%s, %s, %s, %s)\n",
                               ANY(functions), ANY(arguments), ANY(arguments), ANY(arguments));
    }
    (void)snprintf(out + at, room - at,
                   "rec.a = l rec.b = m rec.c = b aerospike:update(rec)\n"
                   "return list{l, m, b}\nend\n");
}

static bool is_stored(const lua_world *w)
{
    anp_buffer again;
    anp_buffer_init(&again, ANP_LUA_MEMORY);
    bool same = anp_collection_store(&again, w->type, (anp_slice){w->out.data, w->out.size}) &&
                again.size == w->out.size && memcmp(again.data, w->out.data, again.size) == 0;
    anp_buffer_deinit(&again);
    return same;
}

static void test_calls_of_anything_end(void **state)
{
    (void)state;
    static char source[CALLS * 200];
    const char *chosen = getenv("ANP_TEST_SEED");
    dice = seed = chosen != NULL ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    int n_ok = 0;
    for (int i = 0; i < ROUNDS; i++) {
        lua_world w;
        anp_lua_fault fault;
        lua_world_open(&w);
        make(source, sizeof source);
        if (!lua_compile(&w, source, strlen(source), &fault)) {
            fail_msg("ANP_TEST_SEED=%u: line %u: %s\n%s", seed, fault.line, fault.text, source);
        }
        static const uint8_t none[] = {0x90};
        if (lua_call_f(&w, (anp_slice){none, 1})) {
            n_ok++;
            if (!is_stored(&w)) {
                fail_msg("ANP_TEST_SEED=%u:\n%s", seed, source);
            }
        }
        lua_world_close(&w);
    }
    assert_true(n_ok > ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls_of_anything_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
