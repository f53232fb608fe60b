/* The base: buffers keep to their maximum and survive a failed allocation, cursors to their end;
 * deadlines, error records, random numbers, the log, forks. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "base/random.h"
#include "page.h"

/* The sanitizer would rather end the program than let an allocation that is too large fail. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- allocation ---- */

static int allow_first(void *left)
{
    return (*(int *)left)-- > 0;
}

static void test_hook_refuses_every_kind_of_allocation(void **state)
{
    (void)state;
    int left = 0;
    void *block = anp_malloc(8);
    assert_non_null(block);
    anp_alloc_hook(allow_first, &left);
    void *a = anp_malloc(1), *b = anp_calloc(1, 1), *c = anp_realloc(block, 100);
    void *d = anp_memdup("x", 1);
    anp_alloc_hook(NULL, NULL);
    assert_null(a);
    assert_null(b);
    assert_null(c);
    assert_null(d);
    anp_free(block); /* it is still there */
}

static void test_allocations_of_nothing_can_be_freed(void **state)
{
    (void)state;
    void *a = anp_malloc(0), *b = anp_calloc(0, 8), *c = anp_calloc(8, 0), *d = anp_memdup(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    a = anp_realloc(a, 0);
    assert_non_null(a);
    anp_free(a);
    anp_free(b);
    anp_free(c);
    anp_free(d);
    anp_free(NULL);
}

static void test_calloc_is_zero_and_refuses_a_product_that_wraps(void **state)
{
    (void)state;
    static const uint8_t zeros[100];
    uint8_t *a = anp_calloc(10, 10);
    assert_non_null(a);
    assert_memory_equal(a, zeros, 100);
    anp_free(a);
    volatile size_t huge = SIZE_MAX / 2; /* not known to the compiler, who would warn */
    assert_null(anp_calloc(huge, 4));
}

static void test_memdup_is_a_copy(void **state)
{
    (void)state;
    char text[] = "abc";
    char *copy = anp_memdup(text, 4);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    anp_free(copy);
}

/* ---- buffers ---- */

static void test_buffer_takes_its_maximum_and_not_a_byte_more(void **state)
{
    (void)state;
    anp_buffer b;
    for (size_t max = 0; max < 600; max += 7) {
        anp_buffer_init(&b, max);
        for (size_t i = 0; i < max; i++) {
            anp_buffer_u8(&b, (uint8_t)i);
        }
        assert_int_equal(b.failed, ANP_OK);
        assert_int_equal(b.size, max);
        assert_in_range(b.capacity, max, max);
        anp_buffer_u8(&b, 1);
        assert_int_equal(b.failed, ANP_ERR_PARAM);
        assert_int_equal(b.size, max);
        for (size_t i = 0; i < max; i++) {
            assert_int_equal(b.data[i], (uint8_t)i);
        }
        anp_buffer_deinit(&b);
    }
}

static void test_append_that_fails_changes_nothing_and_is_remembered(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 10);
    anp_buffer_put(&b, "12345678", 8);
    anp_buffer_be32(&b, 1);
    assert_int_equal(b.size, 8);
    assert_memory_equal(b.data, "12345678", 8);
    assert_int_equal(b.failed, ANP_ERR_PARAM);
    assert_null(anp_buffer_add(&b, 100));
    anp_buffer_put(&b, NULL, 0); /* nothing is always possible */
    assert_int_equal(b.failed, ANP_ERR_PARAM);
    anp_buffer_clear(&b);
    assert_int_equal(b.failed, ANP_OK);
    assert_int_equal(b.size, 0);
    anp_buffer_put(&b, "0123456789", 10);
    assert_int_equal(b.failed, ANP_OK);
    anp_buffer_deinit(&b);
}

static void test_sizes_near_the_end_of_size_t_do_not_wrap(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 100);
    anp_buffer_u8(&b, 1);
    assert_null(anp_buffer_add(&b, SIZE_MAX));
    assert_int_equal(b.failed, ANP_ERR_PARAM);
    anp_buffer_clear(&b);
    assert_null(anp_buffer_add(&b, SIZE_MAX - 1));
    assert_int_equal(b.size, 0);
    anp_buffer_deinit(&b);
}

static void test_buffer_keeps_its_bytes_when_memory_runs_out(void **state)
{
    (void)state;
    for (int n = 0; n < 6; n++) {
        anp_buffer b;
        anp_buffer_init(&b, 100000);
        int left = n;
        size_t last = 0;
        anp_alloc_hook(allow_first, &left);
        while (b.failed == ANP_OK && b.size < 20000) {
            last = b.size;
            anp_buffer_u8(&b, (uint8_t)b.size);
        }
        anp_alloc_hook(NULL, NULL);
        assert_int_equal(b.failed, ANP_ERR_MEMORY); /* 256, 512 ... 4096 bytes are 5 allocations */
        assert_int_equal(b.size, last);
        for (size_t i = 0; i < b.size; i++) {
            assert_int_equal(b.data[i], (uint8_t)i);
        }
        anp_error err;
        assert_int_equal(anp_buffer_error(&b, "request", &err), ANP_ERR_MEMORY);
        assert_non_null(strstr(err.message, "out of memory"));
        anp_buffer_clear(&b);
        anp_buffer_be64(&b, 1); /* and works again */
        assert_int_equal(b.failed, ANP_OK);
        anp_buffer_deinit(&b);
    }
}

static void test_numbers_are_appended_big_endian(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 100);
    anp_buffer_u8(&b, 0x01);
    anp_buffer_be16(&b, 0x0203);
    anp_buffer_be32(&b, 0x04050607);
    anp_buffer_be64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    for (uint8_t i = 0; i < 15; i++) {
        assert_int_equal(b.data[i], i + 1);
    }
    anp_buffer_deinit(&b);
    assert_null(b.data);
    anp_buffer_u8(&b, 7); /* it may be used again, with the same maximum */
    assert_int_equal(b.size, 1);
    assert_int_equal(b.max, 100);
    anp_buffer_deinit(&b);
}

static void test_print_appends_text_without_its_terminator(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 20);
    anp_buffer_print(&b, "%s=%d", "port", 3000);
    anp_buffer_print(&b, "%s", "");
    anp_buffer_print(&b, ";");
    assert_int_equal(b.size, 10);
    assert_memory_equal(b.data, "port=3000;", 10);
    anp_buffer_print(&b, "%s", "a text that is too long for this");
    assert_int_equal(b.failed, ANP_ERR_PARAM);
    assert_int_equal(b.size, 10);
    anp_buffer_deinit(&b);
}

static void test_error_of_a_buffer_names_what_and_how_much(void **state)
{
    (void)state;
    anp_buffer b;
    anp_error err;
    anp_buffer_init(&b, 10);
    assert_null(anp_buffer_add(&b, 11));
    assert_int_equal(anp_buffer_error(&b, "the request", &err), ANP_ERR_PARAM);
    assert_int_equal(err.code, ANP_ERR_PARAM);
    assert_string_equal(err.message, "the request would be larger than 10 bytes");
}

/* ---- cursors ---- */

static void test_cursor_reads_to_its_end_and_not_beyond(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    anp_cursor c = anp_cursor_over(page_end_copy(bytes, sizeof bytes), sizeof bytes);
    uint8_t a;
    uint16_t b;
    uint32_t d;
    uint64_t e;
    assert_true(anp_cursor_u8(&c, &a) && a == 1);
    assert_true(anp_cursor_be16(&c, &b) && b == 0x0203);
    assert_true(anp_cursor_be32(&c, &d) && d == 0x04050607);
    assert_true(anp_cursor_be64(&c, &e) && e == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(anp_cursor_left(&c), 0);
    assert_false(anp_cursor_u8(&c, &a));
    assert_non_null(anp_cursor_take(&c, 0));
    assert_null(anp_cursor_take(&c, 1));
}

static void test_read_that_is_too_long_does_not_move_the_cursor(void **state)
{
    (void)state;
    const uint8_t bytes[8] = {0};
    for (size_t size = 0; size < 8; size++) {
        anp_cursor c = anp_cursor_over(page_end_copy(bytes, size), size), sub = {NULL, NULL};
        const uint8_t *start = c.at;
        uint16_t b;
        uint32_t d;
        uint64_t e;
        assert_false(anp_cursor_be64(&c, &e));
        assert_int_equal(size >= 4, anp_cursor_be32(&(anp_cursor){c.at, c.end}, &d));
        assert_int_equal(size >= 2, anp_cursor_be16(&(anp_cursor){c.at, c.end}, &b));
        assert_null(anp_cursor_take(&c, SIZE_MAX));
        assert_false(anp_cursor_sub(&c, size + 1, &sub));
        assert_ptr_equal(c.at, start);
        assert_true(anp_cursor_sub(&c, size, &sub));
        assert_int_equal(anp_cursor_left(&sub), size);
        assert_int_equal(anp_cursor_left(&c), 0);
    }
}

static void test_cursor_over_nothing_is_at_its_end(void **state)
{
    (void)state;
    anp_cursor c = anp_cursor_over(NULL, 0);
    uint8_t v;
    assert_int_equal(anp_cursor_left(&c), 0);
    assert_false(anp_cursor_u8(&c, &v));
}

static void test_numbers_are_loaded_and_stored_at_any_alignment(void **state)
{
    (void)state;
    uint8_t bytes[16];
    for (size_t at = 0; at < 8; at++) {
        anp_store_be16(bytes + at, 0x0102);
        assert_int_equal(bytes[at], 1);
        assert_int_equal(anp_load_be16(bytes + at), 0x0102);
        assert_int_equal(anp_load_le16(bytes + at), 0x0201);
        anp_store_le32(bytes + at, 0x01020304);
        assert_int_equal(bytes[at], 4);
        assert_int_equal(anp_load_le32(bytes + at), 0x01020304);
        assert_int_equal(anp_load_be32(bytes + at), 0x04030201);
        anp_store_be64(bytes + at, UINT64_C(0x0102030405060708));
        assert_int_equal(bytes[at + 7], 8);
        assert_true(anp_load_be64(bytes + at) == UINT64_C(0x0102030405060708));
        assert_true(anp_load_le64(bytes + at) == UINT64_C(0x0807060504030201));
    }
}

/* ---- time ---- */

static void test_deadline_is_so_many_milliseconds_from_now(void **state)
{
    (void)state;
    assert_true(anp_clock_deadline(5, 1) == 5 + ANP_NS_PER_MS);
    assert_true(anp_clock_deadline(7, UINT32_MAX) == 7 + UINT64_C(4294967295) * ANP_NS_PER_MS);
    assert_true(anp_clock_deadline(7, 0) == ANP_NEVER);
}

static void test_time_left_is_rounded_up_and_capped(void **state)
{
    (void)state;
    const uint64_t now = 1000 * ANP_NS_PER_S;
    assert_int_equal(anp_clock_ms_left(now, now, 100), 0);
    assert_int_equal(anp_clock_ms_left(now - 1, now, 100), 0);
    assert_int_equal(anp_clock_ms_left(0, now, 100), 0);
    assert_int_equal(anp_clock_ms_left(now + 1, now, 100), 1);
    assert_int_equal(anp_clock_ms_left(now + ANP_NS_PER_MS, now, 100), 1);
    assert_int_equal(anp_clock_ms_left(now + ANP_NS_PER_MS + 1, now, 100), 2);
    assert_int_equal(anp_clock_ms_left(now + 99 * ANP_NS_PER_MS, now, 100), 99);
    assert_int_equal(anp_clock_ms_left(now + 500 * ANP_NS_PER_MS, now, 100), 100);
    assert_int_equal(anp_clock_ms_left(ANP_NEVER, now, 100), 100);
    assert_int_equal(anp_clock_ms_left(ANP_NEVER, 0, INT_MAX), INT_MAX);
    assert_int_equal(anp_clock_ms_left(now + 1, now, 0), 0);
}

static uint64_t at_noon(void)
{
    return 12;
}

static void test_clocks_go_forward_and_can_be_replaced(void **state)
{
    (void)state;
    uint64_t first = anp_clock_now();
    assert_true(anp_clock_now() >= first);
    assert_true(anp_clock_wall() > UINT64_C(1700000000) * ANP_NS_PER_S);
    anp_clock_hook(at_noon, at_noon);
    uint64_t now = anp_clock_now(), wall = anp_clock_wall();
    anp_clock_hook(NULL, NULL);
    assert_int_equal(now, 12);
    assert_int_equal(wall, 12);
    assert_true(anp_clock_now() >= first);
}

/* ---- errors ---- */

static void test_error_has_code_and_sentence_and_nothing_of_before(void **state)
{
    (void)state;
    anp_error err = {.code = 5, .in_doubt = 1, .node = "old"};
    assert_int_equal(anp_error_set(&err, ANP_ERR_PARAM, "%d bins, not %s", 3, "four"),
                     ANP_ERR_PARAM);
    assert_int_equal(err.code, ANP_ERR_PARAM);
    assert_int_equal(err.in_doubt, 0);
    assert_string_equal(err.node, "");
    assert_string_equal(err.message, "3 bins, not four");
}

static void test_long_message_and_node_are_cut_and_terminated(void **state)
{
    (void)state;
    char text[1000];
    anp_error err;
    memset(&err, 0xee, sizeof err);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    (void)anp_error_set(&err, 1, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    anp_error_node(&err, text);
    assert_int_equal(strlen(err.node), sizeof err.node - 1);
    anp_error_node(&err, "A1");
    assert_string_equal(err.node, "A1");
    anp_error_node(&err, NULL);
    assert_string_equal(err.node, "A1");
}

static void test_error_may_be_nowhere(void **state)
{
    (void)state;
    assert_int_equal(anp_error_set(NULL, 9, "%s", "x"), 9);
    assert_int_equal(anp_error_memory(NULL, 1, "x"), ANP_ERR_MEMORY);
    anp_error_node(NULL, "A1");
}

static void test_out_of_memory_says_how_much_for_what(void **state)
{
    (void)state;
    anp_error err;
    assert_int_equal(anp_error_memory(&err, UINT64_C(5000000000), "the rows"), ANP_ERR_MEMORY);
    assert_string_equal(err.message, "out of memory (5000000000 bytes for the rows)");
}

static void test_codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(anp_status_name(ANP_OK), "OK");
    assert_string_equal(anp_status_name(ANP_NOT_FOUND), "RECORD_NOT_FOUND");
    assert_string_equal(anp_status_name(ANP_FILTERED_OUT), "FILTERED_OUT");
    assert_string_equal(anp_status_name(ANP_ERR_NO_RESPONSE), "NO_RESPONSE");
    assert_string_equal(anp_status_name(ANP_ERR_CLOSED), "CLOSED");
    assert_string_equal(anp_status_name(12345), "unknown");
    assert_string_equal(anp_status_name(INT32_MIN), "unknown");
}

/* ---- random numbers, the log ---- */

static void test_seed_makes_random_numbers_repeatable(void **state)
{
    (void)state;
    anp_random_seed(42);
    uint64_t a = anp_random(), b = anp_random();
    assert_true(a != b);
    anp_random_seed(42);
    assert_true(anp_random() == a);
    assert_true(anp_random() == b);
    /* The generator's published first numbers for the seed 1234567. */
    anp_random_seed(1234567);
    assert_true(anp_random() == UINT64_C(6457827717110365317));
    assert_true(anp_random() == UINT64_C(3203168211198807973));
}

static char logged[1024];
static int times_logged;

static void keep(anp_log_level level, const char *message)
{
    (void)snprintf(logged, sizeof logged, "%d %s", (int)level, message);
    times_logged++;
}

static void test_log_is_silent_until_a_sink_and_its_level_say_otherwise(void **state)
{
    (void)state;
    anp_log(ANP_LOG_ERROR, "nobody hears %d", 1);
    anp_log_set(keep, ANP_LOG_WARN);
    anp_log(ANP_LOG_INFO, "too quiet");
    assert_int_equal(times_logged, 0);
    anp_log(ANP_LOG_WARN, "node %s left", "A1");
    assert_int_equal(times_logged, 1);
    assert_string_equal(logged, "1 node A1 left");
    anp_log_set(NULL, ANP_LOG_TRACE);
    anp_log(ANP_LOG_ERROR, "nobody hears");
    anp_log_write(ANP_LOG_ERROR, "nobody hears");
    assert_int_equal(times_logged, 1);
}

static void test_long_log_line_is_cut(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    anp_log_set(keep, ANP_LOG_ERROR);
    anp_log(ANP_LOG_ERROR, "%s", text);
    anp_log_set(NULL, ANP_LOG_OFF);
    assert_int_equal(strlen(logged), 2 + 511);
}

/* ---- processes ---- */

static void test_process_is_known_by_its_own_id_after_each_fork(void **state)
{
    (void)state;
    enum { GENERATIONS = 3 };
    assert_int_equal(anp_process_id(), getpid());
    int generation = 0, status = 0;
    pid_t child = 0;
    while (generation < GENERATIONS && child == 0) { /* each child goes on */
        child = fork();
        generation += child == 0;
    }
    bool ok = anp_process_id() == (long)getpid() && anp_process_id() == (long)getpid();
    if (generation < GENERATIONS) {
        ok = waitpid(child, &status, 0) == child && status == 0 && ok;
    }
    if (generation > 0) {
        _exit(ok ? 0 : 1);
    }
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hook_refuses_every_kind_of_allocation),
        cmocka_unit_test(test_allocations_of_nothing_can_be_freed),
        cmocka_unit_test(test_calloc_is_zero_and_refuses_a_product_that_wraps),
        cmocka_unit_test(test_memdup_is_a_copy),
        cmocka_unit_test(test_buffer_takes_its_maximum_and_not_a_byte_more),
        cmocka_unit_test(test_append_that_fails_changes_nothing_and_is_remembered),
        cmocka_unit_test(test_sizes_near_the_end_of_size_t_do_not_wrap),
        cmocka_unit_test(test_buffer_keeps_its_bytes_when_memory_runs_out),
        cmocka_unit_test(test_numbers_are_appended_big_endian),
        cmocka_unit_test(test_print_appends_text_without_its_terminator),
        cmocka_unit_test(test_error_of_a_buffer_names_what_and_how_much),
        cmocka_unit_test(test_cursor_reads_to_its_end_and_not_beyond),
        cmocka_unit_test(test_read_that_is_too_long_does_not_move_the_cursor),
        cmocka_unit_test(test_cursor_over_nothing_is_at_its_end),
        cmocka_unit_test(test_numbers_are_loaded_and_stored_at_any_alignment),
        cmocka_unit_test(test_deadline_is_so_many_milliseconds_from_now),
        cmocka_unit_test(test_time_left_is_rounded_up_and_capped),
        cmocka_unit_test(test_clocks_go_forward_and_can_be_replaced),
        cmocka_unit_test(test_error_has_code_and_sentence_and_nothing_of_before),
        cmocka_unit_test(test_long_message_and_node_are_cut_and_terminated),
        cmocka_unit_test(test_error_may_be_nowhere),
        cmocka_unit_test(test_out_of_memory_says_how_much_for_what),
        cmocka_unit_test(test_codes_have_names),
        cmocka_unit_test(test_seed_makes_random_numbers_repeatable),
        cmocka_unit_test(test_log_is_silent_until_a_sink_and_its_level_say_otherwise),
        cmocka_unit_test(test_long_log_line_is_cut),
        cmocka_unit_test(test_process_is_known_by_its_own_id_after_each_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
