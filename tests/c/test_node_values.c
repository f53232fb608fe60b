/* The values that the embedded node takes, and the form in which it keeps them. */
#include "node_requests.h"

/* ---- values ---- */

typedef struct value_case {
    uint8_t particle;
    const char *sent;
    int code;
    const char *stored; /* NULL: as sent */
} value_case;

static void check_values(int fd, const value_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes value = {0}, b = {0}, wanted = {0};
        put_hex(&value, cases[i].sent);
        start_key(&b, (request){.info2 = 1, .info3 = 0x10}, "test", "demo", "v");
        put_op(&b, WRITE, cases[i].particle, "a", value.data, value.size);
        assert_int_equal(code_of(fd, &b, 3, 1), cases[i].code);
        if (cases[i].code == 0) {
            put_hex(&wanted, cases[i].stored != NULL ? cases[i].stored : cases[i].sent);
            bytes reply = get(fd, "v");
            assert_int_equal(reply.data[HEAD + 5], cases[i].particle);
            assert_int_equal(reply.size - HEAD - 9, wanted.size);
            if (wanted.size != 0) {
                assert_memory_equal(reply.data + HEAD + 9, wanted.data, wanted.size);
            }
            drop(&reply);
        }
        drop(&value);
        drop(&wanted);
    }
}

static void test_scalars_are_checked_by_type_and_size(void **state)
{
    static const value_case cases[] = {
        {INT, "ff", 0, "00 00 00 00 00 00 00 ff"},
        {INT, "80 00", 0, "00 00 00 00 00 00 80 00"},
        {INT, "ff ff ff ff", 0, "00 00 00 00 ff ff ff ff"},
        {INT, "01 02 03", 4, NULL},
        {INT, "", 4, NULL},
        {FLOAT, "3f f8 00 00 00 00 00 00", 0, NULL},
        {FLOAT, "3f f8 00 00", 4, NULL},
        {BOOL, "01", 0, NULL},
        {BOOL, "02", 4, NULL},
        {BOOL, "00 01", 4, NULL},
        {STRING, "", 0, NULL},
        {STRING, "ff fe", 0, NULL}, /* UTF-8 is not looked at */
        {BLOB, "", 0, NULL},
        {9, "80 03", 0, NULL}, /* a Python blob */
        {99, "00", 4, NULL},
        {24, "00", 4, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

static void test_collections_are_brought_into_stored_form(void **state)
{
    static const value_case cases[] = {
        {LIST, "94 01 a2 03 61 c0 fd", 0, NULL},
        {MAP, "81 a2 03 6b 01", 0, NULL},
        {LIST, "91 cd 00 05", 0, "91 05"}, /* the smallest integer */
        {LIST, "91 d3 ff ff ff ff ff ff ff ff", 0, "91 ff"},
        {LIST, "91 ca 3f 80 00 00", 0, NULL}, /* a short float stays one */
        {LIST, "91 c4 01 ff", 0,
         "91 a1 ff"}, /* the shorter head; the first byte is a type anyway */
        {LIST, "dc 00 01 01", 0, "91 01"},
        {MAP, "82 02 c0 01 c3", 0, "82 01 c3 02 c0"}, /* sorted by key */
        {MAP, "82 a2 03 61 01 05 02", 0, "82 05 02 a2 03 61 01"},
        {LIST, "91 82 02 c0 01 c3", 0, "91 82 01 c3 02 c0"}, /* inside, too */
        {LIST, "93 c7 00 01 01 05", 0, NULL},                /* ordered, and it is */
        {LIST, "93 c7 00 01 05 01", 1, NULL},                /* ordered, and it isn't */
        {LIST, "93 c7 00 11 01 05", 0, "93 c7 00 01 01 05"}, /* a persisted index is not told of */
        {MAP, "82 c7 00 01 c0 a2 03 61 01", 0, NULL},
        {MAP, "83 c7 00 01 c0 02 c0 01 c3", 1, NULL}, /* ordered, and it isn't */
        {MAP, "82 01 c0 01 c3", 1, NULL},             /* a key twice */
        {MAP, "82 01 c0 cc 01 c3", 1, NULL},
        {MAP, "81 c3 01", 1, NULL}, /* keys that can't be */
        {MAP, "81 c0 01", 1, NULL},
        {MAP, "81 90 01", 1, NULL},
        {MAP, "81 cb 3f f0 00 00 00 00 00 00 01", 1, NULL},
        {LIST, "81 01 02", 1, NULL}, /* the other kind */
        {MAP, "91 01", 1, NULL},
        {LIST, "01", 1, NULL},
        {LIST, "", 1, NULL},
        {LIST, "92 01", 1, NULL},    /* cut short */
        {LIST, "91 01 02", 1, NULL}, /* more than one element */
        {LIST, "dd ff ff ff ff", 1, NULL},
        {LIST, "90", 0, NULL},
        {MAP, "80", 0, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

static void test_values_have_a_total_order(void **state)
{
    /* nil < false < true < integer < string < list < map < blob < double < GeoJSON, as an ordered
     * list has them; infinity and the wildcard stand for others, and are not stored */
    static const value_case cases[] = {
        {LIST,
         "9b c7 00 01 c0 c2 c3 05 a2 03 61 90 80 a2 04 61 cb 3f f0 00 00 00 00 00 00 a2 17 7b", 0,
         NULL},
        {LIST, "92 c7 00 01 d4 ff 01", 1, NULL},
        {LIST, "92 c7 00 01 d4 ff 00", 1, NULL},
        {LIST, "93 c7 00 01 c3 c2", 1, NULL},
        {LIST, "93 c7 00 01 a2 03 61 05", 1, NULL},
        {LIST, "93 c7 00 01 80 91 01", 1, NULL},
        {LIST, "94 c7 00 01 90 92 00 09 91 01", 0, NULL}, /* element by element, then the shorter */
        {LIST, "93 c7 00 01 80 81 a2 03 61 01", 0, NULL},
        {LIST, "94 c7 00 01 ff 00 cf ff ff ff ff ff ff ff ff", 0,
         NULL}, /* by value, up to 2^64 - 1 */
        {LIST, "93 c7 00 01 a3 03 61 61 a2 03 61", 1, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

static void test_nesting_has_a_limit(void **state)
{
    int fd = fd_of(state);
    for (int deep = 0; deep < 2; deep++) {
        size_t n = deep ? 100000 : 100;
        uint8_t *lists = malloc(n + 1);
        assert_non_null(lists);
        memset(lists, 0x91, n);
        lists[n] = 0x90;
        bytes b = {0};
        start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
        put_op(&b, WRITE, LIST, "a", lists, n + 1);
        assert_int_equal(code_of(fd, &b, 3, 1), deep ? 1 : 0);
        free(lists);
    }
}

static void test_geojson_is_kept_without_cells(void **state)
{
    static const value_case cases[] = {
        {GEO, "00 00 00 7b 22 61 22 3a 31 7d", 0, NULL},
        {GEO, "01 00 01 11 22 33 44 55 66 77 88 7b 7d", 0, "00 00 00 7b 7d"},
        {GEO, "00 00 00 5b 31 5d", 160, NULL}, /* no object */
        {GEO, "00 00 00", 160, NULL},
    };
    check_values(fd_of(state), cases, sizeof cases / sizeof cases[0]);
}

/* ---- smaller promises ---- */

static void test_text_that_is_no_json_is_no_geojson(void **state)
{
    static const char *const texts[] = {"{nonsense}", "{\"a\":}",    "{\"a\":1}}",
                                        "{\"a\":1",   "{\"a\":01e}", "{} {}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bytes b = {0}, value = {0};
        put(&value, "\0\0\0", 3);
        put(&value, texts[i], strlen(texts[i]));
        start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
        put_op(&b, WRITE, GEO, "g", value.data, value.size);
        assert_int_equal(code_of(fd_of(state), &b, 3, 1), 160);
        drop(&value);
    }
    static const value_case good = {
        GEO, "00 00 00 20 7b 22 61 22 3a 5b 2d 31 2e 35 65 33 2c 6e 75 6c 6c 5d 7d 0a", 0, NULL};
    check_values(fd_of(state), &good, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scalars_are_checked_by_type_and_size),
        TEST(test_collections_are_brought_into_stored_form),
        TEST(test_values_have_a_total_order),
        TEST(test_nesting_has_a_limit),
        TEST(test_geojson_is_kept_without_cells),
        TEST(test_text_that_is_no_json_is_no_geojson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
