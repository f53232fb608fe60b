/* MessagePack: the recorded list, item by item and back; every head; and what must not be believed.
 */
#include "wire/msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "hex.h"
#include "page.h"
#include "wire/protocol.h"

/* [1.5, -1, -200, 300, 70000, 2^40, True, None, "", b"\xff", [1], {"z": 1}, WILDCARD, INF], as the
 * official client sent it. */
#define RECORDED                                                                                   \
    "9e cb 3f f8 00 00 00 00 00 00 ff d1 ff 38 cd 01 2c ce 00 01 11 70 cf 00 00 01 00 00 00 00 "   \
    "00 c3 c0 a1 03 a2 04 ff 91 01 81 a2 03 7a 01 d4 ff 00 d4 ff 01"

/* Valid elements; each is one, whole. */
static const char *const elements[] = {
    RECORDED,
    "93 c7 00 01 01 05",                            /* ordered [1, 5] */
    "82 c7 00 01 c0 a2 03 61 01",                   /* K-ordered {"a": 1} */
    "94 cc d0 00 cc a2 a2 03 6b",                   /* a context */
    "93 cc ff 92 22 a2 03 78 94 43 a2 03 6b 01 00", /* a put under a context */
    ("93 10 93 11 93 04 93 51 02 a1 61 01 93 05 93 51 07 a1 66 cb 40 04 00 00 00 00 00 00 92 12 93 "
     "51 01 a1 74"), /* an expression */
    "a1 03",
    "c4 02 01 02",
    "c5 00 01 aa",
    "c6 00 00 00 01 aa",
    "d9 02 03 61",
    "da 00 02 03 61",
    "db 00 00 00 02 03 61",
    "dc 00 02 01 02",
    "dd 00 00 00 02 01 02",
    "de 00 01 01 02",
    "df 00 00 00 01 01 02",
    "90",
    "80",
    "c7 03 05 01 02 03",
    "c8 00 01 05 01",
    "c9 00 00 00 01 05 01",
    "d5 05 01 02",
    "d6 05 01 02 03 04",
    "d7 05 01 02 03 04 05 06 07 08",
    "ca 3f c0 00 00",
    "d8 05 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
};

static anp_cursor over(const char *hex)
{
    hex_bytes b = from_hex(hex);
    return anp_cursor_over(page_end_copy(b.data, b.size), b.size);
}

static anp_msgpack_item next(anp_cursor *c)
{
    anp_msgpack_item item;
    assert_true(anp_msgpack_read(c, &item));
    return item;
}

static void next_int(anp_cursor *c, int64_t want)
{
    anp_msgpack_item item = next(c);
    assert_int_equal(item.kind, ANP_MSGPACK_INT);
    assert_true(item.integer == want);
}

static void next_text(anp_cursor *c, const char *want, size_t size)
{
    anp_msgpack_item item = next(c);
    assert_int_equal(item.kind, ANP_MSGPACK_STRING);
    assert_int_equal(item.bytes.size, size);
    assert_memory_equal(item.bytes.data, want, size);
}

static void next_ext(anp_cursor *c, int8_t type, const char *want, size_t size)
{
    anp_msgpack_item item = next(c);
    assert_int_equal(item.kind, ANP_MSGPACK_EXT);
    assert_int_equal(item.ext, type);
    assert_int_equal(item.bytes.size, size);
    assert_memory_equal(item.bytes.data, want, size);
}

/* ---- reading ---- */

static void test_recorded_list_is_read_item_by_item(void **state)
{
    (void)state;
    anp_cursor c = over(RECORDED);
    anp_msgpack_item item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_LIST);
    assert_int_equal(item.count, 14);
    item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_DOUBLE);
    assert_true(item.real == 1.5);
    next_int(&c, -1);
    next_int(&c, -200);
    next_int(&c, 300);
    next_int(&c, 70000);
    next_int(&c, INT64_C(1) << 40);
    item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_BOOL);
    assert_true(item.boolean);
    assert_int_equal(next(&c).kind, ANP_MSGPACK_NIL);
    next_text(&c, "\3", 1);
    next_text(&c, "\4\xff", 2);
    assert_int_equal(next(&c).count, 1);
    next_int(&c, 1);
    item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_MAP);
    assert_int_equal(item.count, 1);
    next_text(&c, "\3z", 2);
    next_int(&c, 1);
    next_ext(&c, -1, "\0", 1);
    next_ext(&c, -1, "\1", 1);
    assert_int_equal(anp_cursor_left(&c), 0);
    assert_false(anp_msgpack_read(&c, &item));
}

static void test_integers_that_are_not_in_smallest_form_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int64_t value;
    } vectors[] = {
        {"cc 05", 5},
        {"cd 00 05", 5},
        {"ce 00 00 00 05", 5},
        {"cf 00 00 00 00 00 00 00 05", 5},
        {"d0 05", 5},
        {"d1 00 05", 5},
        {"d2 00 00 00 05", 5},
        {"d3 00 00 00 00 00 00 00 05", 5},
        {"d0 ff", -1},
        {"d1 ff ff", -1},
        {"d2 ff ff ff ff", -1},
        {"d3 ff ff ff ff ff ff ff ff", -1},
        {"d0 80", -128},
        {"d1 80 00", -32768},
        {"d2 80 00 00 00", INT32_MIN},
        {"d3 80 00 00 00 00 00 00 00", INT64_MIN},
        {"cf 7f ff ff ff ff ff ff ff", INT64_MAX},
        {"cc ff", 255},
        {"cd ff ff", 65535},
        {"ce ff ff ff ff", 4294967295},
        {"7f", 127},
        {"e0", -32},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        anp_cursor c = over(vectors[i].hex);
        next_int(&c, vectors[i].value);
        assert_int_equal(anp_cursor_left(&c), 0);
    }
}

static void test_integers_above_63_bits_are_unsigned(void **state)
{
    (void)state;
    anp_cursor c = over("cf 80 00 00 00 00 00 00 00 cf ff ff ff ff ff ff ff ff");
    anp_msgpack_item item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_UINT);
    assert_true(item.uinteger == UINT64_C(1) << 63);
    item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_UINT);
    assert_true(item.uinteger == UINT64_MAX);
}

static void test_float_of_32_bits_is_read_as_its_own_kind(void **state)
{
    (void)state;
    anp_cursor c = over("ca 3f c0 00 00");
    anp_msgpack_item item = next(&c);
    assert_int_equal(item.kind, ANP_MSGPACK_FLOAT);
    assert_true(item.real == 1.5);
}

static void test_bin_headers_of_any_width_are_read(void **state)
{
    (void)state;
    anp_cursor c = over("c4 01 aa c5 00 01 bb c6 00 00 00 01 cc c4 00");
    const uint8_t want[] = {0xaa, 0xbb, 0xcc};
    for (int i = 0; i < 3; i++) {
        anp_msgpack_item item = next(&c);
        assert_int_equal(item.kind, ANP_MSGPACK_BIN);
        assert_int_equal(item.bytes.size, 1);
        assert_int_equal(item.bytes.data[0], want[i]);
    }
    assert_int_equal(next(&c).bytes.size, 0);
}

static void test_order_mark_is_told_from_other_extensions(void **state)
{
    (void)state;
    uint8_t flags = 0xee;
    anp_cursor c = over("c7 00 01 c7 00 03 d4 ff 00 c7 01 01 00 05");
    anp_msgpack_item item = next(&c);
    assert_true(anp_msgpack_is_order_mark(&item, &flags));
    assert_int_equal(flags, 1);
    item = next(&c);
    assert_true(anp_msgpack_is_order_mark(&item, &flags));
    assert_int_equal(flags, 3);
    for (int i = 0; i < 3; i++) { /* a wildcard, an extension with data, a number */
        item = next(&c);
        assert_false(anp_msgpack_is_order_mark(&item, &flags));
    }
}

static void test_order_mark_is_taken_off_with_its_value_and_off_the_count(void **state)
{
    (void)state;
    static const struct {
        const char *container;
        bool is_taken;
        uint32_t count;
        uint8_t flags;
        size_t left;
    } cases[] = {
        {"92 c7 00 01 05", true, 1, 1, 1},
        {"92 05 c7 00 01", true, 2, 0, 4}, /* only the first element is one */
        {"90", true, 0, 0, 0},
        {"82 c7 00 03 c0 01 02", true, 1, 3, 2},
        {"81 01 02", true, 1, 0, 2},
        {"81 c7 00 01 da", false, 1, 0, 4}, /* without a value */
        {"91 c1", false, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        anp_cursor c = over(cases[i].container);
        anp_msgpack_item item = next(&c);
        uint8_t flags = 0xee;
        assert_int_equal(anp_msgpack_take_order_mark(&c, &item, &flags), cases[i].is_taken);
        assert_int_equal(item.count, cases[i].count);
        assert_int_equal(flags, cases[i].flags);
        assert_int_equal(anp_cursor_left(&c), cases[i].left);
    }
}

static void test_every_element_is_skipped_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        anp_cursor c = over(elements[i]);
        assert_true(anp_msgpack_skip(&c));
        assert_int_equal(anp_cursor_left(&c), 0);
    }
}

/* ---- refusing ---- */

static void test_elements_cut_at_any_byte_are_refused_and_leave_the_cursor(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        hex_bytes b = from_hex(elements[i]);
        for (size_t size = 0; size < b.size; size++) {
            uint8_t *data = page_end_copy(b.data, size);
            anp_cursor c = anp_cursor_over(data, size);
            assert_false(anp_msgpack_skip(&c));
            assert_ptr_equal(c.at, data);
        }
    }
}

static void test_damaged_elements_are_read_within_bounds(void **state)
{
    (void)state;
    anp_random_seed(2);
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        hex_bytes b = from_hex(elements[i]);
        for (int round = 0; round < 1000; round++) {
            uint8_t *data = page_end_copy(b.data, b.size);
            for (uint64_t n = 1 + anp_random() % 3; n != 0; n--) {
                data[anp_random() % b.size] = (uint8_t)anp_random();
            }
            anp_cursor c = anp_cursor_over(data, b.size);
            bool ok = anp_msgpack_skip(&c);
            assert_true(ok ? c.at > data && c.at <= c.end : c.at == data);
        }
    }
}

static void test_the_byte_c1_is_refused(void **state)
{
    (void)state;
    anp_msgpack_item item;
    anp_cursor c = over("c1 00 00");
    assert_false(anp_msgpack_read(&c, &item));
    c = over("92 01 c1");
    assert_false(anp_msgpack_skip(&c));
}

static void test_counts_and_lengths_beyond_what_is_left_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const vectors[] = {
        "91",
        "92 01",
        "9f 01 02",
        "dc ff ff 01",
        "dd ff ff ff ff 01 02 03",
        "dd 00 00 00 04 01 02 03",
        "81 01",
        "82 01 02 03",
        "de ff ff 01 02",
        "df ff ff ff ff 01 02",
        "df 80 00 00 00 01 02",
        "df 00 00 00 02 01 02 03",
        "a2 03",
        "bf 03",
        "d9 ff 03",
        "da ff ff 03",
        "db ff ff ff ff 03",
        "c4 02 01",
        "c5 ff ff 01",
        "c6 ff ff ff ff 01",
        "c7 ff 01 00",
        "c8 ff ff 01 00",
        "c9 ff ff ff ff 01 00",
        "d4 01",
        "d8 01 02",
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        anp_cursor c = over(vectors[i]);
        anp_msgpack_item item;
        const uint8_t *start = c.at;
        assert_false(anp_msgpack_read(&c, &item));
        assert_ptr_equal(c.at, start);
    }
}

static bool skip_nested(uint8_t head, size_t depth)
{
    size_t heads = head == 0x81 ? 2 * depth : depth; /* a map's key stands before what is inside */
    uint8_t *bytes = malloc(heads + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < heads; i++) {
        bytes[i] = head == 0x81 && i % 2 == 1 ? 1 : head;
    }
    bytes[heads] = 0xc0;
    anp_cursor c = anp_cursor_over(page_end_copy(bytes, heads + 1), heads + 1);
    free(bytes);
    bool ok = anp_msgpack_skip(&c);
    assert_true(!ok || anp_cursor_left(&c) == 0);
    return ok;
}

static void test_nesting_is_taken_to_the_limit_and_no_further(void **state)
{
    (void)state;
    assert_true(skip_nested(0x91, ANP_MSGPACK_DEPTH));
    assert_false(skip_nested(0x91, ANP_MSGPACK_DEPTH + 1));
    assert_true(skip_nested(0x81, ANP_MSGPACK_DEPTH));
    assert_false(skip_nested(0x81, ANP_MSGPACK_DEPTH + 1));
}

static void test_a_million_nested_lists_are_refused(void **state)
{
    (void)state;
    assert_false(skip_nested(0x91, 1000000));
    assert_false(skip_nested(0x81, 1000000));
}

static void test_wide_lists_are_skipped_without_a_limit(void **state)
{
    (void)state;
    size_t n = 1000000;
    uint8_t *bytes = malloc(n + 5);
    assert_non_null(bytes);
    memcpy(bytes, from_hex("dd 00 0f 42 40").data, 5);
    memset(bytes + 5, 0x90, n); /* empty lists */
    anp_cursor c = anp_cursor_over(bytes, n + 5);
    assert_true(anp_msgpack_skip(&c));
    assert_int_equal(anp_cursor_left(&c), 0);
    free(bytes);
}

/* ---- writing ---- */

static void is_written(anp_buffer *b, const char *hex)
{
    hex_bytes want = from_hex(hex);
    assert_int_equal(b->failed, ANP_OK);
    assert_int_equal(b->size, want.size);
    assert_memory_equal(b->data, want.data, want.size);
    anp_buffer_clear(b);
}

static void test_recorded_list_is_written_to_the_byte(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    anp_msgpack_put_list(&b, 14);
    anp_msgpack_put_double(&b, 1.5);
    anp_msgpack_put_int(&b, -1);
    anp_msgpack_put_int(&b, -200);
    anp_msgpack_put_int(&b, 300);
    anp_msgpack_put_int(&b, 70000);
    anp_msgpack_put_int(&b, INT64_C(1) << 40);
    anp_msgpack_put_bool(&b, true);
    anp_msgpack_put_nil(&b);
    anp_msgpack_put_text(&b, ANP_PARTICLE_STRING, "", 0);
    anp_msgpack_put_text(&b, ANP_PARTICLE_BLOB, "\xff", 1);
    anp_msgpack_put_list(&b, 1);
    anp_msgpack_put_int(&b, 1);
    anp_msgpack_put_map(&b, 1);
    anp_msgpack_put_text(&b, ANP_PARTICLE_STRING, "z", 1);
    anp_msgpack_put_int(&b, 1);
    anp_msgpack_put_wildcard(&b);
    anp_msgpack_put_infinity(&b);
    is_written(&b, RECORDED);
    anp_buffer_deinit(&b);
}

static void test_order_marks_and_names_of_expressions_are_written(void **state)
{
    (void)state;
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    anp_msgpack_put_list(&b, 3);
    anp_msgpack_put_order_mark(&b, 1);
    anp_msgpack_put_int(&b, 1);
    anp_msgpack_put_int(&b, 5);
    is_written(&b, "93 c7 00 01 01 05");
    anp_msgpack_put_list(&b, 3); /* the bin a > 5 */
    anp_msgpack_put_int(&b, 3);
    anp_msgpack_put_list(&b, 3);
    anp_msgpack_put_int(&b, 81);
    anp_msgpack_put_int(&b, 2);
    anp_msgpack_put_raw_text(&b, "a", 1);
    anp_msgpack_put_int(&b, 5);
    is_written(&b, "93 03 93 51 02 a1 61 05");
    anp_buffer_deinit(&b);
}

static void test_integers_are_written_in_their_smallest_form(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *hex;
    } vectors[] = {
        {0, "00"},
        {127, "7f"},
        {128, "cc 80"},
        {255, "cc ff"},
        {256, "cd 01 00"},
        {65535, "cd ff ff"},
        {65536, "ce 00 01 00 00"},
        {4294967295, "ce ff ff ff ff"},
        {4294967296, "cf 00 00 00 01 00 00 00 00"},
        {INT64_MAX, "cf 7f ff ff ff ff ff ff ff"},
        {-1, "ff"},
        {-32, "e0"},
        {-33, "d0 df"},
        {-128, "d0 80"},
        {-129, "d1 ff 7f"},
        {-32768, "d1 80 00"},
        {-32769, "d2 ff ff 7f ff"},
        {INT32_MIN, "d2 80 00 00 00"},
        {(int64_t)INT32_MIN - 1, "d3 ff ff ff ff 7f ff ff ff"},
        {INT64_MIN, "d3 80 00 00 00 00 00 00 00"},
    };
    anp_buffer b;
    anp_buffer_init(&b, 100);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        anp_msgpack_put_int(&b, vectors[i].value);
        is_written(&b, vectors[i].hex);
        if (vectors[i].value >= 0) {
            anp_msgpack_put_uint(&b, (uint64_t)vectors[i].value);
            is_written(&b, vectors[i].hex);
        }
    }
    anp_msgpack_put_uint(&b, UINT64_MAX);
    is_written(&b, "cf ff ff ff ff ff ff ff ff");
    anp_buffer_deinit(&b);
}

static void test_headers_grow_with_their_counts_and_lengths(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        const char *list, *map;
    } counts[] = {
        {0, "90", "80"},
        {15, "9f", "8f"},
        {16, "dc 00 10", "de 00 10"},
        {65535, "dc ff ff", "de ff ff"},
        {65536, "dd 00 01 00 00", "df 00 01 00 00"},
        {UINT32_MAX, "dd ff ff ff ff", "df ff ff ff ff"},
    };
    static const struct {
        size_t n; /* with the type byte */
        const char *head;
    } texts[] = {
        {1, "a1"},
        {31, "bf"},
        {32, "d9 20"},
        {255, "d9 ff"},
        {256, "da 01 00"},
        {65535, "da ff ff"},
        {65536, "db 00 01 00 00"},
    };
    static const char zeros[65536];
    anp_buffer b;
    anp_buffer_init(&b, 70000);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        anp_msgpack_put_list(&b, counts[i].n);
        is_written(&b, counts[i].list);
        anp_msgpack_put_map(&b, counts[i].n);
        is_written(&b, counts[i].map);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        hex_bytes head = from_hex(texts[i].head);
        anp_msgpack_put_text(&b, ANP_PARTICLE_STRING, zeros, texts[i].n - 1);
        assert_int_equal(b.size, head.size + texts[i].n);
        assert_memory_equal(b.data, head.data, head.size);
        assert_int_equal(b.data[head.size], 3);
        anp_buffer_clear(&b);
        anp_msgpack_put_raw_text(&b, zeros, texts[i].n);
        assert_int_equal(b.size, head.size + texts[i].n);
        assert_memory_equal(b.data, head.data, head.size);
        anp_buffer_clear(&b);
    }
    anp_buffer_deinit(&b);
}

static void pairs_become(const char *sent, uint32_t n, const char *sorted)
{
    hex_bytes bytes = from_hex(sent);
    anp_buffer b;
    anp_buffer_init(&b, 4096);
    anp_buffer_put(&b, "head", 4);
    anp_buffer_put(&b, bytes.data, bytes.size);
    hex_bytes want = from_hex(sorted != NULL ? sorted : sent);
    assert_int_equal(anp_msgpack_sort_pairs(&b, 4, n), sorted != NULL);
    assert_int_equal(b.size, 4 + want.size);
    assert_memory_equal(b.data, "head", 4);
    assert_memory_equal(b.data + 4, want.data, want.size);
    anp_buffer_deinit(&b);
}

static void test_pairs_are_sorted_by_integers_then_strings_then_blobs(void **state)
{
    (void)state;
    pairs_become("", 0, "");
    pairs_become("a2 03 62 91 01  a2 03 61 c0", 2, "a2 03 61 c0  a2 03 62 91 01");
    pairs_become("a2 04 00 05  a3 03 61 61 04  a2 03 61 03  a1 03 02  05 01  ff 00", 6,
                 "ff 00  05 01  a1 03 02  a2 03 61 03  a3 03 61 61 04  a2 04 00 05");
    pairs_become("cf ff ff ff ff ff ff ff ff 03  cd 01 00 02  d3 80 00 00 00 00 00 00 00 01", 3,
                 "d3 80 00 00 00 00 00 00 00 01  cd 01 00 02  cf ff ff ff ff ff ff ff ff 03");
}

static void test_pairs_with_a_key_twice_or_cut_short_stay_as_they_are(void **state)
{
    (void)state;
    pairs_become("a2 03 62 01  a2 03 61 02  a2 03 62 03", 3, NULL);
    pairs_become("a2 03 62 01  cd 00 05 02  05 03", 3, NULL); /* 5 in two sizes */
    pairs_become("a2 03 62 01  a2 03 61", 2, NULL);
    pairs_become("a2 03 62 01  a2 03 61 02 03", 2, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_list_is_read_item_by_item),
        cmocka_unit_test(test_integers_that_are_not_in_smallest_form_are_read),
        cmocka_unit_test(test_integers_above_63_bits_are_unsigned),
        cmocka_unit_test(test_float_of_32_bits_is_read_as_its_own_kind),
        cmocka_unit_test(test_bin_headers_of_any_width_are_read),
        cmocka_unit_test(test_order_mark_is_told_from_other_extensions),
        cmocka_unit_test(test_order_mark_is_taken_off_with_its_value_and_off_the_count),
        cmocka_unit_test(test_every_element_is_skipped_whole),
        cmocka_unit_test(test_elements_cut_at_any_byte_are_refused_and_leave_the_cursor),
        cmocka_unit_test(test_damaged_elements_are_read_within_bounds),
        cmocka_unit_test(test_the_byte_c1_is_refused),
        cmocka_unit_test(test_counts_and_lengths_beyond_what_is_left_are_refused_at_once),
        cmocka_unit_test(test_nesting_is_taken_to_the_limit_and_no_further),
        cmocka_unit_test(test_a_million_nested_lists_are_refused),
        cmocka_unit_test(test_wide_lists_are_skipped_without_a_limit),
        cmocka_unit_test(test_recorded_list_is_written_to_the_byte),
        cmocka_unit_test(test_order_marks_and_names_of_expressions_are_written),
        cmocka_unit_test(test_integers_are_written_in_their_smallest_form),
        cmocka_unit_test(test_headers_grow_with_their_counts_and_lengths),
        cmocka_unit_test(test_pairs_are_sorted_by_integers_then_strings_then_blobs),
        cmocka_unit_test(test_pairs_with_a_key_twice_or_cut_short_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
