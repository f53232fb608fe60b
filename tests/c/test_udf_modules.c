/* The modules that a store keeps, and the hash that they are listed with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "lua_calls.h"
#include "node/udf_modules.h"

static anp_slice slice(const char *text)
{
    return (anp_slice){(const uint8_t *)text, strlen(text)};
}

static void test_hash_is_sha1_for_each_size(void **state)
{
    (void)state;
    uint8_t bytes[300], want[20], got[ANP_SHA1_SIZE];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 13);
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        (void)SHA1(bytes, size, want);
        anp_sha1((anp_slice){bytes, size}, got);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void put(anp_module_store *s, const char *name, const char *source, bool fits)
{
    anp_module *m = anp_module_new(slice(name), slice(source));
    assert_non_null(m);
    assert_int_equal(anp_modules_put(s, m), fits);
}

static void expect_names(anp_module_store *s, const char *const names[], uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        anp_module *m = anp_modules_at(s, i);
        assert_non_null(m);
        assert_string_equal(m->name, names[i]);
        anp_module_release(m);
    }
    assert_null(anp_modules_at(s, n));
}

static void test_modules_are_kept_by_name_in_their_order(void **state)
{
    (void)state;
    anp_module_store s;
    anp_modules_init(&s);
    put(&s, "b.lua", "1", true);
    put(&s, "c.lua", "2", true);
    put(&s, "a.lua", "3", true);
    put(&s, "ab.lua", "4", true);
    expect_names(&s, (const char *const[]){"a.lua", "ab.lua", "b.lua", "c.lua"}, 4);
    assert_null(anp_modules_find(&s, slice("a.lu")));
    assert_null(anp_modules_find(&s, slice("a.luax")));
    anp_modules_remove(&s, slice("b.lua"));
    anp_modules_remove(&s, slice("b.lua"));
    expect_names(&s, (const char *const[]){"a.lua", "ab.lua", "c.lua"}, 3);
    anp_modules_deinit(&s);
}

static void test_module_stays_as_it_was_for_whom_has_it(void **state)
{
    (void)state;
    anp_module_store s;
    anp_modules_init(&s);
    put(&s, "a.lua", "old", true);
    anp_module *old = anp_modules_find(&s, slice("a.lua"));
    put(&s, "a.lua", "new", true);
    anp_module *new = anp_modules_find(&s, slice("a.lua"));
    anp_modules_remove(&s, slice("a.lua"));
    anp_modules_deinit(&s);
    assert_memory_equal(old->source.data, "old", 3);
    assert_memory_equal(new->source.data, "new", 3);
    anp_module_release(old);
    anp_module_release(new);
}

static void test_there_is_a_most_of_modules(void **state)
{
    (void)state;
    anp_module_store s;
    anp_modules_init(&s);
    for (int i = 0; i <= ANP_MODULES_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "m%d.lua", i);
        put(&s, name, "x", i < ANP_MODULES_MAX);
    }
    put(&s, "m7.lua", "y", true); /* one that is there may be replaced */
    char name[200];
    memset(name, 'a', sizeof name);
    assert_null(anp_module_new((anp_slice){(uint8_t *)name, sizeof name}, slice("x")));
    anp_modules_deinit(&s);
}

/* ---- threads ---- */

enum { THREADS = 4, CALLS = 300 };

static anp_module *compiled(char digit)
{
    static char source[] = "function f(rec, x) n = (n or 0) + x return list{n, 0} end";
    const anp_lua_modules none = {NULL, lua_no_module};
    anp_lua_fault fault;
    source[sizeof source - 7] = digit;
    anp_module *m = anp_module_new(slice("m.lua"), slice(source));
    assert_true(anp_lua_compile(&none, slice("m"), slice(source), &m->compiled, &fault));
    return m;
}

/* Calls with 7 until it has answered often enough; each answer is [7, a digit]. */
static void *call_on(void *context)
{
    static const uint8_t digest[20] = {1}, args[] = {0x91, 7};
    lua_world w;
    size_t wrong = 0;
    lua_world_open(&w);
    const anp_lua_record record = {
        .digest = digest, .context = &w, .exists = lua_exists, .bin = lua_bin};
    for (int i = 0; i < CALLS; i++) {
        anp_module_finder finder = {.store = context};
        const anp_lua_modules modules = {&finder, anp_module_finder_find};
        const anp_lua_call call = {slice("m"), slice("f"), {args, sizeof args}, &modules, &record};
        bool ok = anp_lua_apply(&call, &w.type, &w.out) && w.out.size == 3;
        wrong += !ok || w.out.data[1] != 7 || w.out.data[2] > 9;
        anp_module_finder_release(&finder);
    }
    lua_world_close(&w);
    return (void *)wrong;
}

static void test_threads_call_while_modules_change(void **state)
{
    (void)state;
    anp_module_store s;
    pthread_t threads[THREADS];
    anp_modules_init(&s);
    assert_true(anp_modules_put(&s, compiled('0')));
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &s), 0);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(anp_modules_put(&s, compiled((char)('0' + i % 10))));
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    anp_modules_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_sha1_for_each_size),
        cmocka_unit_test(test_modules_are_kept_by_name_in_their_order),
        cmocka_unit_test(test_module_stays_as_it_was_for_whom_has_it),
        cmocka_unit_test(test_there_is_a_most_of_modules),
        cmocka_unit_test(test_threads_call_while_modules_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
