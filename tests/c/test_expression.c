/* Expressions: those that clients were seen to send and what they mean of one record; what is
 * refused; damaged bytes. */
#include "data/expression.h"
#include "data/geo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"
#include "hex.h"
#include "page.h"

#define A "93 51 02 a1 61 "       /* integer bin a: 7 */
#define F "93 51 07 a1 66 "       /* float bin f: 1.5 */
#define S "93 51 03 a1 73 "       /* string bin s: "abc" */
#define T "93 51 01 a1 74 "       /* bool bin t: false */
#define L "93 51 04 a1 6c "       /* list bin l: [1, 2] */
#define M "93 51 05 a1 6d "       /* map bin m: {"a": 1} */
#define Y "93 51 06 a1 79 "       /* blob bin y: 01 42 03 */
#define H "93 51 09 a1 68 "       /* HLL bin h: of "a" */
#define MISSING "93 51 02 a1 7a " /* no such bin */
#define SOME_FLOAT "cb 40 04 00 00 00 00 00 00 "
#define HLL_OF_A "00 04 00 00 00 00 00 00 00 00 00 00 00 00 00 40 00 00 00 00 00 00 00"

/* ---- the record ---- */

typedef struct bin {
    const char *name;
    uint8_t type;
    const char *hex;
} bin;

static const bin bins[] = {
    {"a", ANP_PARTICLE_INTEGER, "00 00 00 00 00 00 00 07"},
    {"f", ANP_PARTICLE_FLOAT, "3f f8 00 00 00 00 00 00"},
    {"s", ANP_PARTICLE_STRING, "61 62 63"},
    {"t", ANP_PARTICLE_BOOL, "00"},
    {"l", ANP_PARTICLE_LIST, "92 01 02"},
    {"m", ANP_PARTICLE_MAP, "81 a2 03 61 01"},
    {"y", ANP_PARTICLE_BLOB, "01 42 03"},
    {"h", ANP_PARTICLE_HLL, HLL_OF_A},
};
static hex_bytes values[sizeof bins / sizeof *bins];

static bool find_bin(void *context, anp_slice name, anp_particle *out)
{
    (void)context;
    for (size_t i = 0; i < sizeof bins / sizeof *bins; i++) {
        if (name.size == 1 && name.data[0] == (uint8_t)bins[i].name[0]) {
            values[i] = from_hex(bins[i].hex);
            *out = (anp_particle){bins[i].type, values[i].data, (uint32_t)values[i].size};
            return true;
        }
    }
    return false;
}

static const uint8_t digest[20] = {[16] = 10, [17] = 1};
#define SECOND UINT64_C(1000000000)
static const anp_exp_record record = {
    .exists = true,
    .digest = digest,
    .set = {(const uint8_t *)"demo", 4},
    .key = {(const uint8_t *)"\3k1", 3},
    .last_update = 1000 * SECOND,
    .now = 1060 * SECOND,
    .void_time = 1160 * SECOND,
    .size = 208,
    .bin = find_bin,
};

/* ---- checks ---- */

static uint8_t open_expression(const char *hex, anp_expression **e)
{
    hex_bytes b = from_hex(hex);
    return anp_expression_new((anp_slice){page_end_copy(b.data, b.size), b.size}, e);
}

typedef struct meaning {
    const char *hex;
    const char *want; /* the value as MessagePack; NULL: unknown */
} meaning;

static void check(const meaning *m)
{
    anp_expression *e;
    anp_arena arena;
    anp_exp_value v;
    anp_buffer got;
    uint64_t steps = ANP_EXP_STEPS;
    anp_arena_init(&arena, 1 << 20);
    anp_buffer_init(&got, 1 << 20);
    if (open_expression(m->hex, &e) != ANP_OK) {
        fail_msg("%s: refused", m->hex);
    }
    assert_int_equal(anp_expression_eval(e, &record, NULL, &arena, &steps, &v), ANP_OK);
    if ((m->want == NULL) != (v.type == ANP_EXP_UNKNOWN)) {
        fail_msg("%s: %s", m->hex, m->want == NULL ? "is known" : "is unknown");
    }
    if (m->want != NULL) {
        hex_bytes want = from_hex(m->want);
        anp_exp_value_put(&got, &v);
        if (got.size != want.size || memcmp(got.data, want.data, want.size) != 0) {
            for (size_t i = 0; i < got.size; i++) {
                print_message("%02x ", got.data[i]);
            }
            fail_msg("%s: not %s", m->hex, m->want);
        }
    }
    anp_expression_free(e);
    anp_buffer_deinit(&got);
    anp_arena_deinit(&arena);
}

static const meaning meanings[] = {
    /* captured */
    {"93 03 " A "05", "c3"},
    {"93 01 " S "a4 03 61 62 63", "c3"},
    {"93 10 93 11 93 04 " A "01 93 05 " F SOME_FLOAT "92 12 " T, "c3"},
    {"91 47", "c3"},
    {"93 03 91 45 64", "c2"},
    {"93 01 91 46 a5 03 64 65 6d 6f", "c3"},
    {"93 01 92 40 03 02", "c3"}, /* 266 % 3 */
    {"94 07 02 a4 61 62 2e 2a " S, "c3"},
    {"94 7d a1 78 " A "93 03 93 14 92 7c a1 78 01 92 7c a1 78", "c3"},
    {"94 7b 93 03 " A "01 c3 c2", "c3"},
    {"93 01 " L "92 7e 92 01 02", "c3"},
    {"93 01 " M "81 a2 03 61 01", "c3"},
    {"93 01 " Y "a3 04 01 02", "c2"},
    {"93 03 95 7f 02 01 93 33 00 08 " Y "03", "c2"},
    {"93 03 95 7f 02 02 91 32 " H "03", "c2"},
    {"93 02 92 52 a1 61 00", "c3"},
    {"93 14 " A "01", "08"},
    /* comparison */
    {"93 02 " A "07", "c2"},
    {"93 04 " A "07", "c3"},
    {"93 05 " A "07", "c2"},
    {"93 06 " A "07", "c3"},
    {"93 05 92 7e 91 01 " L, "c3"}, /* a shorter list is below */
    {"93 01 c0 c0", "c3"},
    {"93 01 82 02 c0 01 c0 82 01 c0 02 c0", "c3"}, /* maps, whatever the order of their keys */
    {"93 09 02 " L, "c3"},
    {"93 09 03 " L, "c2"},
    {"93 09 a2 03 61 92 7e 91 a2 03 61", "c3"},
    /* numbers */
    {"94 14 01 02 03", "06"},
    {"94 15 01 02 03", "fc"},
    {"92 15 05", "fb"},
    {"93 16 " A A, "31"},
    {"93 17 " A "02", "03"},
    {"93 17 " A "00", NULL},
    {"94 17 " A "02 02", "01"}, /* by the product */
    {"94 17 cf 7f ff ff ff ff ff ff ff cf 00 00 00 01 00 00 00 00 cf 00 00 00 01 00 00 00 00",
     NULL},
    {"94 32 cb 7f f8 00 00 00 00 00 00 cb 3f f0 00 00 00 00 00 00 cb 40 00 00 00 00 00 00 00",
     "cb 7f f8 00 00 00 00 00 00"}, /* the first stays where it is no number */
    {"92 15 cb 00 00 00 00 00 00 00 00", "cb 00 00 00 00 00 00 00 00"},
    {"93 17 " F "cb 00 00 00 00 00 00 00 00", "cb 7f f0 00 00 00 00 00 00"},
    {"92 17 02", "00"},
    {"93 18 " SOME_FLOAT "cb 40 00 00 00 00 00 00 00", "cb 40 19 00 00 00 00 00 00"},
    {"93 19 cb 40 20 00 00 00 00 00 00 cb 40 00 00 00 00 00 00 00", "cb 40 08 00 00 00 00 00 00"},
    {"93 1a " A "04", "03"},
    {"93 1a " A "00", NULL},
    {"93 1a d3 80 00 00 00 00 00 00 00 ff", "00"},
    {"93 17 d3 80 00 00 00 00 00 00 00 ff", "d3 80 00 00 00 00 00 00 00"},
    {"93 14 cf 7f ff ff ff ff ff ff ff 01", "d3 80 00 00 00 00 00 00 00"},
    {"92 1b f9", "07"},
    {"92 1c " F, "cb 3f f0 00 00 00 00 00 00"},
    {"92 1d " F, "cb 40 00 00 00 00 00 00 00"},
    {"92 1e " F, "01"},
    {"92 1e cb 7f f8 00 00 00 00 00 00", "d3 80 00 00 00 00 00 00 00"}, /* no number */
    {"92 1e cb 43 e0 00 00 00 00 00 00", "d3 80 00 00 00 00 00 00 00"},
    {"92 1f " A, "cb 40 1c 00 00 00 00 00 00"},
    {"93 20 " A "0c", "04"},
    {"93 21 " A "08", "0f"},
    {"93 22 " A "05", "02"},
    {"92 23 " A, "f8"},
    {"93 24 " A "02", "1c"},
    {"93 25 ff 3c", "0f"},
    {"93 26 ff 3c", "ff"},
    {"93 24 " A "40", "07"}, /* by whole words: not at all */
    {"93 24 " A "41", "0e"},
    {"93 25 " A "ff", "00"},
    {"92 27 " A, "03"},
    {"93 28 01 c3", "3f"},
    {"93 28 00 c3", "ff"},
    {"93 29 " A "c2", "3c"},
    {"94 32 " A "03 09", "03"},
    {"94 33 " A "03 09", "09"},
    /* of the record */
    {"91 41", "00"},
    {"91 42", "cf 00 00 00 e8 d4 a5 10 00"},
    {"91 43", "cd ea 60"},
    {"94 07 10 a1 61 " S, "c3"}, /* a flag that there is not */
    {"91 44", "cf 00 00 01 0e 15 63 50 00"},
    {"91 45", "64"},
    {"91 48", "c2"},
    {"91 4a", "cc d0"},
    {"92 50 03", "a3 03 6b 31"},
    {"92 50 02", NULL},
    {"92 52 a1 7a", "00"},
    {"92 52 a1 6d", "13"},
    {MISSING, NULL},
    {"93 51 03 a1 61", NULL}, /* of another type */
    {"92 65 " M, "91 a2 03 61"},
    {"92 66 " M, "91 01"},
    {"92 66 " A, NULL}, /* no map */
    /* unknown */
    {"91 00", NULL},
    {"93 01 " MISSING "01", NULL},
    {"93 10 c2 93 01 " MISSING "01", "c2"},
    {"93 10 93 01 " MISSING "01 c2", "c2"},
    {"93 10 93 01 " MISSING "01 c3", NULL},
    {"93 11 93 01 " MISSING "01 c3", "c3"},
    {"93 11 93 01 " MISSING "01 c2", NULL},
    {"92 12 93 01 " MISSING "01", NULL},
    {"94 13 c3 c2 c2", "c3"},
    {"93 13 c3 c3", "c2"},
    {"93 13 c2 c2", "c2"},
    {"94 7b 93 01 " MISSING "01 01 02", NULL},
    {"94 7b c3 01 91 00", "01"}, /* what isn't chosen does not count */
    {"94 7b c2 01 91 00", NULL},
    {"94 7d a1 78 " MISSING "05", "05"},
    /* calls */
    {"95 7f 06 41 94 03 00 08 a2 04 ff " Y, "a4 04 ff 42 03"},
    {"95 7f 02 01 93 36 08 08 " Y, "42"},
    {"95 7f 02 01 93 36 93 14 04 04 08 " Y, "42"}, /* an argument that is computed */
    {"95 7f 02 01 93 36 " MISSING "08 " Y, NULL},
    {"95 7f 02 01 93 36 18 01 " Y, NULL}, /* beyond the blob */
    {"95 7f 02 01 93 36 08 08 95 7f 06 41 94 03 08 08 a2 04 ff " Y, "cc ff"},
    {"95 7f 04 02 91 37 " H, "92 04 00"},
    {"95 7f 02 02 92 38 92 7e 91 a2 03 61 " H, "01"},
    {"95 7f 02 02 91 32 95 7f 09 42 92 01 92 7e 91 01 " H, "02"},
};

static void test_expressions_mean_what_they_mean_to_the_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        check(&meanings[i]);
    }
}

static const char *const refused[] = {
    "",
    "90",
    "91",
    "91 c3",
    "91 7f",
    "91 cc 80",
    "91 20",
    "91 63",
    "93 01 " A SOME_FLOAT, /* an integer and a float */
    "93 01 " A "a2 03 61",
    "92 01 " A,
    "94 01 01 01 01",
    "93 10 " A "c3",
    "92 10 c3",
    "92 12 01",
    "93 14 " A F,
    "91 14",
    "93 1a " F F,
    "93 24 01 c3",
    "92 40 00",
    "92 40 ff",
    "92 40 " A,
    "92 41 01",
    "92 50 0a",
    "93 51 02 01",
    "93 51 0a a1 61",
    "93 51 02 b0 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61",
    "92 51 02",
    "92 7c a1 78",                         /* a name that nobody gave */
    "94 7d a1 78 92 7c a1 78 01",          /* not yet */
    "93 10 94 7d a1 78 01 c3 92 7c a1 78", /* no longer */
    "93 7d a1 78 01",
    "94 7d a0 01 02", /* no name */
    "94 7d a1 31 01 02",
    "94 7d a2 78 2d 01 02",
    "96 7d a1 78 01 a1 78 02 03", /* the same again */
    "94 7d a1 78 01 94 7d a1 78 02 03",
    "92 50 01",             /* no type of keys */
    "93 7a 03 02",          /* an index is a number */
    "94 7b 01 c3 c2",       /* the test is no bool */
    "94 7b c3 01 a2 03 61", /* values of two types */
    "93 7b c3 01",
    "92 7e 01",
    "91 7e",
    "94 07 01 a1 28 " S, /* no pattern */
    "94 07 01 a1 61 " A,
    "94 07 01 ac 61 7b 31 30 30 7d 7b 31 30 30 7d " S,
    "94 07 00 a8 5c 28 61 5c 29 5c 31 62 " S,
    "a1 61", /* text without its type */
    "a0",
    "d4 ff 01",
    "cf ff ff ff ff ff ff ff ff",
    "95 7f 02 03 91 32 " H,
    "95 7f 02 02 91 32 " Y,
    "95 7f 02 01 90 " Y,
    "95 7f 02 01 01 " Y,
    "95 7f 02 41 93 02 00 01 " Y, /* a changed blob is no integer */
    "94 7f 02 01 91 32",
    "93 01 82 01 01 01 01 80", /* a key twice */
    "01 01",
};

static void test_what_makes_no_sense_is_refused_before_any_record_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        anp_expression *e;
        if (open_expression(refused[i], &e) != ANP_PARAMETER) {
            fail_msg("%s: taken", refused[i]);
        }
        assert_null(e);
    }
}

static void test_expressions_cut_at_any_byte_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        hex_bytes b = from_hex(meanings[i].hex);
        for (size_t n = 0; n < b.size; n++) {
            anp_expression *e;
            uint8_t *at = page_end_copy(b.data, n);
            assert_int_equal(anp_expression_new((anp_slice){at, n}, &e), ANP_PARAMETER);
        }
    }
}

static void test_damaged_expressions_end(void **state)
{
    (void)state;
    uint64_t seed = anp_random();
    print_message("seed %llu\n", (unsigned long long)seed);
    anp_random_seed(seed);
    size_t taken = 0;
    for (int i = 0; i < 200000; i++) {
        hex_bytes b = from_hex(meanings[anp_random() % (sizeof meanings / sizeof *meanings)].hex);
        for (uint64_t k = 1 + anp_random() % 3; k != 0; k--) {
            b.data[anp_random() % b.size] = (uint8_t)anp_random();
        }
        anp_expression *e;
        if (anp_expression_new((anp_slice){page_end_copy(b.data, b.size), b.size}, &e) == ANP_OK) {
            bool holds;
            taken++;
            (void)anp_expression_holds(e, &record, &holds);
            anp_expression_free(e);
        }
    }
    assert_true(taken > 1000);
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    uint8_t *bytes = malloc(2 * DEEP + 1);
    for (size_t i = 0; i < DEEP; i++) {
        bytes[2 * i] = 0x92;
        bytes[2 * i + 1] = 0x12;
    }
    bytes[2 * DEEP] = 0xc3;
    anp_expression *e;
    assert_int_equal(anp_expression_new((anp_slice){bytes, 2 * DEEP + 1}, &e), ANP_PARAMETER);
    assert_int_equal(anp_expression_new((anp_slice){bytes + 2 * (DEEP - 100), 201}, &e), ANP_OK);
    anp_expression_free(e);
    free(bytes);
}

static int allow_some(void *context)
{
    return (*(int *)context)-- != 0;
}

/* For each n, the n-th allocation of reading and evaluating is refused. */
static void test_expressions_live_with_every_refused_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        for (int n = 0, left = -1; left < 0; n++) {
            anp_expression *e;
            bool holds;
            left = n;
            anp_alloc_hook(allow_some, &left);
            uint8_t code = open_expression(meanings[i].hex, &e);
            if (code == ANP_OK) {
                code = anp_expression_holds(e, &record, &holds);
            }
            anp_alloc_hook(NULL, NULL);
            anp_expression_free(e);
            if (code != ANP_OK && (code != ANP_SERVER_ERROR || left >= 0)) {
                fail_msg("%s: code %d without allocation %d", meanings[i].hex, code, n);
            }
        }
    }
}

static void test_evaluation_is_bounded_in_memory(void **state)
{
    (void)state;
    anp_expression *e;
    anp_arena arena;
    anp_exp_value v;
    uint64_t steps = ANP_EXP_STEPS;
    /* A blob of 512 KiB, made twice in 600 KiB. */
    assert_int_equal(open_expression("93 01 95 7f 06 41 92 00 ce 00 08 00 00 " Y
                                     "95 7f 06 41 92 00 ce 00 08 00 00 " Y,
                                     &e),
                     ANP_OK);
    anp_arena_init(&arena, 600 << 10);
    assert_int_equal(anp_expression_eval(e, &record, NULL, &arena, &steps, &v), ANP_SERVER_ERROR);
    anp_arena_deinit(&arena);
    anp_expression_free(e);
}

static void test_filter_holds_only_where_it_is_known_to_be_true(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool holds;
    } filters[] = {{"c3", true}, {"c2", false}, {"91 00", false}, {"93 01 " MISSING "01", false}};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        anp_expression *e;
        bool holds;
        assert_int_equal(open_expression(filters[i].hex, &e), ANP_OK);
        assert_int_equal(anp_expression_holds(e, &record, &holds), ANP_OK);
        assert_int_equal(holds, filters[i].holds);
        anp_expression_free(e);
    }
}

/* ---- geometry ---- */

#define POINT_AT(lng, lat) "{\"type\": \"Point\", \"coordinates\": [" lng ", " lat "]}"
#define REGION(type, coordinates) "{\"type\": \"" type "\", \"coordinates\": " coordinates "}"
#define SQUARE "[[0,0], [10,0], [10,10], [0,10], [0,0]]"
#define HOLE "[[4,4], [4,6], [6,6], [6,4], [4,4]]"
#define FAR_SIDE "[[170,-5], [170,5], [-170,5], [-170,-5], [170,-5]]"

static anp_slice text(const char *s)
{
    return (anp_slice){(const uint8_t *)s, strlen(s)};
}

static void test_points_are_in_regions_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *point, *region;
        anp_geo_answer answer;
    } cases[] = {
        {POINT_AT("-132.0", "37.5"), REGION("AeroCircle", "[[-132.0, 37.5], 1000]"), ANP_GEO_YES},
        {POINT_AT("-132.0", "37.51"), REGION("AeroCircle", "[[-132.0, 37.5], 1e3]"), ANP_GEO_NO},
        {POINT_AT("1", "1"), REGION("Polygon", "[" SQUARE "]"), ANP_GEO_YES},
        {POINT_AT("11", "1"), REGION("Polygon", "[" SQUARE "]"), ANP_GEO_NO},
        {POINT_AT("-179", "-1"), REGION("Polygon", "[" SQUARE "]"), ANP_GEO_NO}, /* opposite */
        {POINT_AT("5", "5"), REGION("Polygon", "[" SQUARE ", " HOLE "]"), ANP_GEO_NO},
        {POINT_AT("3", "5"), REGION("Polygon", "[" SQUARE ", " HOLE "]"), ANP_GEO_YES},
        {POINT_AT("5", "5"), REGION("Polygon", "[" HOLE "]"), ANP_GEO_YES}, /* clockwise */
        {POINT_AT("-179", "0"), REGION("Polygon", "[" FAR_SIDE "]"), ANP_GEO_YES},
        {POINT_AT("0", "0"), REGION("Polygon", "[" FAR_SIDE "]"), ANP_GEO_NO},
        {POINT_AT("20", "0"), REGION("MultiPolygon", "[[" FAR_SIDE "], [" SQUARE "]]"), ANP_GEO_NO},
        {POINT_AT("1", "1"), REGION("MultiPolygon", "[[" FAR_SIDE "], [" SQUARE "]]"), ANP_GEO_YES},
        {"{\"geometry\":" POINT_AT("10e-1", "1") ", \"type\":\"Feature\"}",
         REGION("Polygon", "[" SQUARE "]"), ANP_GEO_YES},
        {POINT_AT("1", "1"), POINT_AT("1", "1"), ANP_GEO_UNKNOWN},
        {POINT_AT("1", "95"), REGION("Polygon", "[" SQUARE "]"), ANP_GEO_UNKNOWN},
        {POINT_AT("1", "1"), REGION("Polygon", "[[[0, 0], [1"), ANP_GEO_UNKNOWN},
        {POINT_AT("1", "1"), REGION("LineString", SQUARE), ANP_GEO_UNKNOWN},
        {POINT_AT("1", "1"), "{}", ANP_GEO_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        anp_slice a = text(cases[i].point), b = text(cases[i].region);
        if (anp_geo_compare(a, b) != cases[i].answer || anp_geo_compare(b, a) != cases[i].answer) {
            fail_msg("%s in %s", cases[i].point, cases[i].region);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions_mean_what_they_mean_to_the_server),
        cmocka_unit_test(test_what_makes_no_sense_is_refused_before_any_record_is_seen),
        cmocka_unit_test(test_expressions_cut_at_any_byte_are_refused),
        cmocka_unit_test(test_damaged_expressions_end),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_expressions_live_with_every_refused_allocation),
        cmocka_unit_test(test_evaluation_is_bounded_in_memory),
        cmocka_unit_test(test_points_are_in_regions_or_not),
        cmocka_unit_test(test_filter_holds_only_where_it_is_known_to_be_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
