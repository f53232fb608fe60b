/* Selecting by a path, and putting something else in the place of what was selected. */
#include "data/path.h"

#include "data_call.h"

/* {a: {p: 5, q: [1, 2]}, b: {p: 15, q: [3]}} */
#define BIN "82 a2 03 61 82 a2 03 70 05 a2 03 71 92 01 02 a2 03 62 82 a2 03 70 0f a2 03 71 91 03"
#define ALL "04 c3"
#define P_ABOVE_10 "04 93 03 95 7f 02 00 93 61 07 a2 03 70 93 7a 05 01 0a"
#define KEY_IS_B "93 01 93 7a 03 00 a2 03 62"
#define Q "22 a2 03 71"
#define VALUE "93 7a 02 01"

static const call_case reading[] = {
    {"93 cc fe 92 " P_ABOVE_10 " 00", BIN, 0, "81 a2 03 62 82 a2 03 70 0f a2 03 71 91 03"},
    {"93 cc fe 92 " P_ABOVE_10 " 01", BIN, 0, "91 82 a2 03 70 0f a2 03 71 91 03"},
    {"93 cc fe 92 " P_ABOVE_10 " 02", BIN, 0, "91 a2 03 62"},
    {"93 cc fe 94 " P_ABOVE_10 " " Q " 03", BIN, 0, "92 a2 03 71 91 03"},
    {"93 cc fe 96 " ALL " " Q " " ALL " 01", BIN, 0, "93 01 02 03"},
    {"93 cc fe 96 " ALL " " Q " 04 93 03 " VALUE " 01 00", BIN, 0,
     "82 a2 03 61 81 a2 03 71 91 02 a2 03 62 81 a2 03 71 91 03"},
    {"93 cc fe 92 2a 92 a2 03 62 a2 03 7a 02", BIN, 0, "91 a2 03 62"},
    {"93 cc fe 94 2a 92 a2 03 61 a2 03 62 cd 02 04 " KEY_IS_B " 02", BIN, 0, "91 a2 03 62"},
    {"93 cc fe 94 " ALL " 22 a2 03 7a 01", BIN, 0, "90"}, /* no such key */
    {"93 cc fe 94 " ALL " 22 a2 03 7a 00", BIN, 0, "82 a2 03 61 80 a2 03 62 80"},
    {"93 cc fe 94 " ALL " 20 05 01", BIN, 0, "90"},
    {"93 cc fe 96 " ALL " " ALL " " ALL " 01", BIN, 0, "93 01 02 03"}, /* numbers have none */
    {"93 cc fe 96 " ALL " 22 a2 03 70 " ALL " 00", BIN, 0,
     "82 a2 03 61 81 a2 03 70 05 a2 03 62 81 a2 03 70 0f"},
    {"93 cc fe 94 " ALL " 10 00 01", BIN, 4, NULL},          /* an index of a map */
    {"93 cc fe 96 " ALL " " Q " " ALL " 02", BIN, 12, NULL}, /* keys of a list */
    {"93 cc fe 96 " ALL " " Q " " ALL " 12", BIN, 0, "90"},
    {"93 cc fe 96 " ALL " " Q " 13 02 01", BIN, 0, "91 02"},
    {"93 cc fe 96 " ALL " " Q " 13 d4 ff 00 01", BIN, 0, "93 01 02 03"}, /* all that are equal */
    {"93 cc fe 92 04 93 01 93 7a 02 01 05 01", BIN, 4, NULL},            /* a map is no integer */
    {"93 cc fe 92 04 93 01 93 7a 02 01 05 11", BIN, 0, "90"},
    {"93 cc fe 92 " ALL " 01", NULL, 0, NULL},
    {"93 cc fe 90 01", BIN, 4, NULL},
    {"93 cc fe 91 04 01", BIN, 4, NULL},
    {"93 cc fe 92 04 01 01", BIN, 4, NULL}, /* neither true nor false */
    {"93 cc fe 92 " ALL " 04", BIN, 4, NULL},
    {"93 cc fe 92 " ALL " 20", BIN, 4, NULL},
    {"93 cc fe 92 cd 02 04 c3 01", BIN, 4, NULL},
    {"93 cc fe 92 05 c3 01", BIN, 4, NULL},
};

static const call_case modifying[] = {
    {"94 cc fe 96 " ALL " " Q " " ALL " 04 93 16 " VALUE " 02", BIN, 0,
     "82 a2 03 61 82 a2 03 70 05 a2 03 71 92 02 04 a2 03 62 82 a2 03 70 0f a2 03 71 91 06"},
    {"94 cc fe 92 " P_ABOVE_10 " 04 91 64", BIN, 0, "81 a2 03 61 82 a2 03 70 05 a2 03 71 92 01 02"},
    {"94 cc fe 92 " ALL " 04 91 00", BIN, 26, NULL},
    {"94 cc fe 92 " ALL " 14 91 00", BIN, 0, BIN},
    {"94 cc fe 92 " ALL " 04 01", NULL, 12, NULL},
    {"94 cc fe 92 " ALL " 01 01", BIN, 4, NULL},
    {"93 cc fe 92 " ALL " 04", BIN, 4, NULL},
};

static const call_cases all[] = {CASES(modifying, true), CASES(reading, false)};

static bool no_bin(void *context, anp_slice name, anp_particle *out)
{
    (void)context;
    (void)name;
    (void)out;
    return false;
}

static uint8_t run(anp_slice call, bool is_modify, const anp_particle *bin, anp_outcome *out)
{
    static const uint8_t digest[20] = {0};
    const anp_exp_record record = {.digest = digest, .bin = no_bin};
    return anp_path_call(call, is_modify, bin, &record, out);
}

static void test_children_are_selected_and_replaced(void **state)
{
    (void)state;
    check_calls(run, ANP_PARTICLE_MAP, all, COUNT(all));
}

static void test_damaged_calls_end_with_a_code(void **state)
{
    (void)state;
    check_damaged_calls(run, ANP_PARTICLE_MAP, BIN, all, COUNT(all), 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_are_selected_and_replaced),
        cmocka_unit_test(test_damaged_calls_end_with_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
