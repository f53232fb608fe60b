/* Info text: lines, errors, numbers and replicas, as real servers wrote them. */
#include "info_text.h"

#include <stdio.h>

#include "hex.h"

/* ---- requests and lines ---- */

static void test_request_ends_in_a_line_feed_and_no_more(void **state)
{
    (void)state;
    hex_bytes want = from_hex("02 01 00 00 00 00 00 0b  6e 6f 64 65 0a 62 75 69 6c 64 0a");
    const char *const texts[] = {"node\nbuild\n", "node\nbuild"};
    for (int i = 0; i < 2; i++) {
        anp_buffer b;
        anp_buffer_init(&b, 100);
        anp_info_request(&b, texts[i], strlen(texts[i]));
        assert_int_equal(b.size, want.size);
        assert_memory_equal(b.data, want.data, want.size);
        anp_buffer_deinit(&b);
    }
}

static void test_empty_request_is_an_empty_frame(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 100);
    anp_info_request(&b, NULL, 0);
    assert_int_equal(b.size, 8);
    assert_memory_equal(b.data, from_hex("02 01 00 00 00 00 00 00").data, 8);
    anp_buffer_deinit(&b);
}

static void test_recorded_reply_gives_its_lines(void **state)
{
    (void)state;
    hex_bytes b = from_hex("6e 6f 64 65 09 41 30 0a 62 75 69 6c 64 09 38 2e 31 2e 32 2e 30 0a");
    anp_cursor c = anp_cursor_over(page_end_copy(b.data, b.size), b.size);
    anp_info_line line;
    assert_true(anp_info_next(&c, &line));
    is_text(line.name, "node");
    is_text(line.value, "A0");
    assert_true(anp_info_next(&c, &line));
    is_text(line.name, "build");
    is_text(line.value, "8.1.2.0");
    assert_false(anp_info_next(&c, &line));
}

static void test_lines_without_tab_value_or_line_feed_are_lines(void **state)
{
    (void)state;
    anp_slice body = slice("a\n\tb\n\nc\td\te\nlast");
    anp_cursor c = anp_cursor_over(body.data, body.size);
    static const char *const want[][2] = {
        {"a", ""}, {"", "b"}, {"", ""}, {"c", "d\te"}, {"last", ""}};
    anp_info_line line;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(anp_info_next(&c, &line));
        is_text(line.name, want[i][0]);
        is_text(line.value, want[i][1]);
    }
    assert_false(anp_info_next(&c, &line));
}

static void test_reply_cut_at_any_byte_is_walked_to_its_end(void **state)
{
    (void)state;
    const char *body = "node\tA0\nbuild\t8.1.2.0\npeers-generation\t4\n";
    for (size_t size = 0; size <= strlen(body); size++) {
        anp_cursor c = anp_cursor_over(page_end_copy(body, size), size);
        anp_info_line line;
        unsigned lines = 0;
        while (anp_info_next(&c, &line)) {
            lines++;
        }
        assert_in_range(lines, 0, 3);
        assert_int_equal(anp_cursor_left(&c), 0);
    }
}

static void test_value_is_found_by_its_whole_name(void **state)
{
    (void)state;
    anp_slice value, body = slice("peers-generation\t4\npeers\t1\nnode\tA0\nservice-clear-std\t\n");
    assert_true(anp_info_find(body, "peers", &value));
    is_text(value, "1");
    assert_true(anp_info_find(body, "service-clear-std", &value));
    is_text(value, "");
    assert_false(anp_info_find(body, "peer", &value));
    assert_false(anp_info_find(body, "nodes", &value));
    assert_false(anp_info_find(body, "", &value));
    assert_false(anp_info_find((anp_slice){NULL, 0}, "node", &value));
}

/* ---- errors and numbers ---- */

static void test_errors_in_values_give_their_code_and_text(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int code;
        const char *text;
    } vectors[] = {
        {"ERROR:4:unrecognized command", 4, "unrecognized command"},
        {"ERROR:25:enterprise only", 25, "enterprise only"},
        {"ERROR:20:namespace not found on node", 20, "namespace not found on node"},
        {"ERROR::text", 1, "text"},
        {"ERROR:0:text", 1, "text"},
        {"ERROR:4:bad 'type': no", 4, "bad 'type': no"},
        {"ERROR:7", 7, ""},
        {"ERROR:", 1, ""},
        {"ERROR", 1, ""},
        {"ERROR:x:text", 1, "text"},
        {"ERROR:99999999999999999999:text", 1, "text"},
        {"FAIL:201:no index", 201, "no index"},
        {"FAIL::text", 1, "text"},
        {"FAIL", 1, ""},
        {"error=not_found", 100, "not_found"},
        {"error=", 100, ""},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        anp_slice text;
        assert_int_equal(anp_info_error(slice(vectors[i].value), &text), vectors[i].code);
        is_text(text, vectors[i].text);
    }
}

static void test_values_that_only_look_like_errors_are_none(void **state)
{
    (void)state;
    static const char *const values[] = {"",      "ok", "ERR",          "ERRORS:4:x", "FAILED",
                                         "error", "E",  "type=unknown", "Error:4:x",  "FAI"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        anp_slice text;
        assert_int_equal(anp_info_error(slice(values[i]), &text), 0);
    }
}

static void test_numbers_are_the_whole_text_and_in_range(void **state)
{
    (void)state;
    int64_t i;
    uint64_t u;
    assert_true(anp_info_int(slice("-1"), &i) && i == -1);
    assert_true(anp_info_int(slice("0"), &i) && i == 0);
    assert_true(anp_info_int(slice("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(anp_info_int(slice("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(anp_info_uint(slice("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(anp_info_uint(slice("007"), &u) && u == 7);
    static const char *const bad_ints[] = {"",
                                           "-",
                                           "--1",
                                           "1 ",
                                           " 1",
                                           "1x",
                                           "0x1",
                                           "1.",
                                           "9223372036854775808",
                                           "-9223372036854775809",
                                           "18446744073709551616"};
    for (size_t k = 0; k < sizeof bad_ints / sizeof bad_ints[0]; k++) {
        assert_false(anp_info_int(slice(bad_ints[k]), &i));
    }
    static const char *const bad_uints[] = {"", "-1", "18446744073709551616",
                                            "99999999999999999999", "1,"};
    for (size_t k = 0; k < sizeof bad_uints / sizeof bad_uints[0]; k++) {
        assert_false(anp_info_uint(slice(bad_uints[k]), &u));
    }
}

static void test_build_is_four_numbers_whatever_stands_behind(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t build[4];
    } vectors[] = {
        {"8.1.2.0", {8, 1, 2, 0}},
        {"8.1.2.0-3-gabc", {8, 1, 2, 0}},
        {"4.9.0.3", {4, 9, 0, 3}},
        {"7.0", {7, 0, 0, 0}},
        {"7", {7, 0, 0, 0}},
        {"7.", {7, 0, 0, 0}},
        {"8.1.3-rc1", {8, 1, 3, 0}},
        {"1.2.3.4.5", {1, 2, 3, 4}},
        {"4294967295.0", {UINT32_MAX, 0, 0, 0}},
    };
    uint32_t build[4];
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(anp_info_build(slice(vectors[i].text), build));
        assert_memory_equal(build, vectors[i].build, sizeof build);
    }
    assert_false(anp_info_build(slice(""), build));
    assert_false(anp_info_build(slice("x8.1"), build));
    assert_false(anp_info_build(slice("4294967296"), build));
    assert_false(anp_info_build(slice("8.99999999999999999999999"), build));
}

/* ---- replicas ---- */

/* Namespace test, as node A1 of three wrote it. */
static const char recorded_replicas[] =
    "test:0,2,IhfUNIgQKLMFlAodhQsAJQwk1QlmAOJgBAAApAQQsViYHkIlAJwSiGcUBDA4AgQ0I8QYAzZpKTIojCC1i"
    "BAtKhzBAEpJrIIRmbJdvAEAnDoiAogCgANDDDAXJKADIwEARDEIqm8BoYAFomc1UIEqwJ+S1RYVEyElEbNgKQhAQMC"
    "IdigAAQCACZgEQ+ABAhC1FiY6YpWAJsskSTADMZASp0T2ANGSFFKHGggwMewDrALipAAgI0mwQYQjUQKjISAQZAoYA"
    "BXMgSERrDAUMxiQAhgBI2qQQkceAjFQIwocCAJlZB56WGoiCKAUJ12FBNiMAFswhVQHCUEFQITCKQYEkXADELGQAVb"
    "KlcXMMQlIShUwggSSCB9hxIgiKoAFigFUhAQaITihEoQmADxRABhAIRdMEDCwIzVDgTcAACA24lHd3WYgYbAIE7CE0"
    "gkIWCMkmmYhIJ0AIFtQBHQ+WBBvw0CgAQNB+HqimJBuKJgtBGLgVJTMBmCJYgBCdgxCgbTTEAlFWAwAloRBceqC1Lj"
    "JAW0qKiOfCYSEYlVEsYNBgBEBAWNoFJxBSGQxCpo0SUABAEJuBAhibJA0IAoEASBgCEABACggBsayEQESpMqCKgD6A"
    "adEhIAMqR2GILUgDEgimwAVgoYCt45qkgl5ICgP0VoCZwE6H0QTAmYgBwj4gmA=,kKAjAHZhlgwiK4GiEnQCwsIYAr"
    "KIeByZI/edCDrODKAjYbiY4iGkNJhgIkPGJTAJFCOATMgEUMgQUYlCBknSQeMsOzCUQnEMAEGAA6DDQ4VMMSBcOyio"
    "oYVAEUsEGFymqw6GQJCACjowGQCKgxjBPUBAAsnIIErKjgSPxsaohCkwCFYtuG4HdkNSjBfc7cBK6RmEnUIJQBDLls"
    "VwDGglCAoA1AAMCKBAIJcMCgPAEd0EGrYJ3DQFmgmMoB0UStfpmvTm/GAhbFxCE8mKSGRgMIPyVIBuLIghKQCvAHXC"
    "wxiaGkEFppAYcwOBCCBSeyMSVgSIWCKY0iLwJlMMRHFwJglEYUZgRokVKBIgTLYVFALJHWppQsCQGzNVwBSaULKrOb"
    "AFjsZMiCrBhUKuDUUqyIiAaIYHUECMcsiTp5kJHAwCIJGGnk+TwEsKCGSlglzCYJBYlGJqgqCP0YJAocmAIK4PRDAc"
    "A4QNZ2MAAmSSqgkYqwgTMQYCDJ89ifGMMAkgq7IQAGFfYHgkgAUlKUQCvBIB0RhgonspDCKyDnggZQjQ9JSBQmCEgQ"
    "LKBESKBKzcPCEQ2NQEEyZK2EEy7AIM8g+EMNYDABEBylzMAxQNVKAF0EAgIUyBAEIx2gJXI4JZQMiqeVnpSAEUDQaE"
    "nlEwJiThEICEYLPo9ZnNWMIHEJo=";

static unsigned partitions_of(const uint8_t *bitmap)
{
    unsigned n = 0;
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        n += anp_bitmap_has(bitmap, p);
    }
    return n;
}

static void test_recorded_replicas_give_master_and_second_copies(void **state)
{
    (void)state;
    static const unsigned masters[] = {2, 6, 11, 13, 14, 15}, others[] = {0, 3, 8, 10, 18, 22};
    anp_slice value = slice(recorded_replicas);
    anp_cursor c = anp_cursor_over(value.data, value.size);
    anp_replicas r;
    anp_error err;
    assert_int_equal(anp_replicas_next(&c, &r, &err), 1);
    is_text(r.namespace_name, "test");
    assert_int_equal(r.regime, 0);
    assert_int_equal(r.n_bitmaps, 2);
    assert_int_equal(r.n_kept, 2);
    assert_int_equal(partitions_of(r.bitmap[0]), 1316);
    assert_int_equal(partitions_of(r.bitmap[1]), 1454);
    for (int i = 0; i < 6; i++) {
        assert_true(anp_bitmap_has(r.bitmap[0], masters[i]));
        assert_false(anp_bitmap_has(r.bitmap[1], masters[i]));
        assert_true(anp_bitmap_has(r.bitmap[1], others[i]));
    }
    assert_int_equal(anp_replicas_next(&c, &r, &err), 0);

    anp_buffer b; /* and back */
    anp_buffer_init(&b, 2000);
    anp_buffer_print(&b, "test:0,2,");
    anp_bitmap_print(&b, r.bitmap[0]);
    anp_buffer_print(&b, ",");
    anp_bitmap_print(&b, r.bitmap[1]);
    is_text((anp_slice){b.data, b.size}, recorded_replicas);
    anp_buffer_deinit(&b);
}

/* 684 characters: `head`, then `fill`s, then `tail`. */
static const char *bitmap_text(const char *head, char fill, const char *tail)
{
    static char text[4][685];
    static unsigned turn;
    char *t = text[turn++ % 4];
    memset(t, fill, 684);
    memcpy(t, head, strlen(head));
    memcpy(t + 684 - strlen(tail), tail, strlen(tail));
    t[684] = 0;
    return t;
}

static const char *all(void)
{
    return bitmap_text("", '/', "8=");
}
static const char *none(void)
{
    return bitmap_text("", 'A', "AAA=");
}

/* Takes the first namespace of a value. */
static int take(anp_replicas *r, anp_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int take(anp_replicas *r, anp_error *err, const char *format, ...)
{
    static char text[8192];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    anp_slice s = slice(text);
    anp_cursor c = anp_cursor_over(s.data, s.size);
    return anp_replicas_next(&c, r, err);
}

static void test_partition_zero_is_the_highest_bit_of_the_first_byte(void **state)
{
    (void)state;
    anp_replicas r;
    anp_error err;
    assert_int_equal(take(&r, &err, "ns1:0,1,%s", bitmap_text("wEA", 'A', "AAE=")), 1);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        assert_int_equal(anp_bitmap_has(r.bitmap[0], p), p == 0 || p == 1 || p == 9 || p == 4095);
    }
    assert_int_equal(take(&r, &err, "ns1:0,1,%s", all()), 1);
    assert_int_equal(partitions_of(r.bitmap[0]), ANP_PARTITIONS);
    assert_int_equal(take(&r, &err, "ns1:0,1,%s", none()), 1);
    assert_int_equal(partitions_of(r.bitmap[0]), 0);
}

static void test_every_namespace_is_taken_in_turn(void **state)
{
    (void)state;
    char text[4096];
    (void)snprintf(text, sizeof text, "ns1:0,1,%s;ns2:17,2,%s,%s;", all(), none(), all());
    anp_slice s = slice(text);
    anp_cursor c = anp_cursor_over(s.data, s.size);
    anp_replicas r;
    anp_error err;
    assert_int_equal(anp_replicas_next(&c, &r, &err), 1);
    is_text(r.namespace_name, "ns1");
    assert_int_equal(r.n_bitmaps, 1);
    assert_int_equal(anp_replicas_next(&c, &r, &err), 1);
    is_text(r.namespace_name, "ns2");
    assert_int_equal(r.regime, 17);
    assert_int_equal(r.n_kept, 2);
    assert_int_equal(partitions_of(r.bitmap[0]), 0);
    assert_int_equal(partitions_of(r.bitmap[1]), ANP_PARTITIONS);
    assert_int_equal(anp_replicas_next(&c, &r, &err), 0);
}

static void test_bitmaps_beyond_the_third_are_counted_and_dropped(void **state)
{
    (void)state;
    anp_replicas r;
    anp_error err;
    assert_int_equal(take(&r, &err, "ns1:0,5,%s,%s,%s,%s,%s", all(), none(), none(), none(), all()),
                     1);
    assert_int_equal(r.n_bitmaps, 5);
    assert_int_equal(r.n_kept, 3);
    assert_int_equal(partitions_of(r.bitmap[2]), 0);
}

static void test_malformed_replicas_are_refused(void **state)
{
    (void)state;
    anp_replicas r;
    anp_error err = {.code = 0};
    const char *full = all();
    assert_int_equal(take(&r, &err, "ns1:0,1,%.683s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(err.code, ANP_ERR_PROTOCOL);
    assert_non_null(strstr(err.message, "ns1"));
    assert_int_equal(take(&r, &err, "ns1:0,1,%sA", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:0,1,%s", bitmap_text("", '/', "88")), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:0,1,%s", bitmap_text("", '/', "==")), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:0,1,%s", bitmap_text("-", '/', "8=")), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:0,2,%s", full), ANP_ERR_PROTOCOL); /* one too few */
    assert_int_equal(take(&r, &err, "ns1:0,1,%s,%s", full, full), ANP_ERR_PROTOCOL); /* too many */
    assert_int_equal(take(&r, &err, "ns1:0,0,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:0,4294967296,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:x,1,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:-1,1,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:4294967296,1,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:,,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ns1:1,%s", full),
                     ANP_ERR_PROTOCOL); /* as replicas-all has it */
    assert_int_equal(take(&r, &err, ":0,1,%s", full), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "a-name-of-more-than-31-characters:0,1,%s", full),
                     ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, &err, "ERROR:4:x"), ANP_ERR_PROTOCOL);
    assert_int_equal(take(&r, NULL, ";"), ANP_ERR_PROTOCOL);
}

static void test_replicas_cut_at_any_byte_are_refused(void **state)
{
    (void)state;
    anp_replicas r;
    anp_error err;
    for (size_t size = 1; size < sizeof recorded_replicas - 1; size++) {
        anp_cursor c = anp_cursor_over(page_end_copy(recorded_replicas, size), size);
        assert_int_equal(anp_replicas_next(&c, &r, &err), ANP_ERR_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_ends_in_a_line_feed_and_no_more),
        cmocka_unit_test(test_empty_request_is_an_empty_frame),
        cmocka_unit_test(test_recorded_reply_gives_its_lines),
        cmocka_unit_test(test_lines_without_tab_value_or_line_feed_are_lines),
        cmocka_unit_test(test_reply_cut_at_any_byte_is_walked_to_its_end),
        cmocka_unit_test(test_value_is_found_by_its_whole_name),
        cmocka_unit_test(test_errors_in_values_give_their_code_and_text),
        cmocka_unit_test(test_values_that_only_look_like_errors_are_none),
        cmocka_unit_test(test_numbers_are_the_whole_text_and_in_range),
        cmocka_unit_test(test_build_is_four_numbers_whatever_stands_behind),
        cmocka_unit_test(test_recorded_replicas_give_master_and_second_copies),
        cmocka_unit_test(test_partition_zero_is_the_highest_bit_of_the_first_byte),
        cmocka_unit_test(test_every_namespace_is_taken_in_turn),
        cmocka_unit_test(test_bitmaps_beyond_the_third_are_counted_and_dropped),
        cmocka_unit_test(test_malformed_replicas_are_refused),
        cmocka_unit_test(test_replicas_cut_at_any_byte_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
