/* The modules that a store keeps, and the hash that they are listed with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_sha1_for_each_size),
        cmocka_unit_test(test_modules_are_kept_by_name_in_their_order),
        cmocka_unit_test(test_module_stays_as_it_was_for_whom_has_it),
        cmocka_unit_test(test_there_is_a_most_of_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
