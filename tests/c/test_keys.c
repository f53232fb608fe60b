/* Keys in place: every width, sign and byte order gives the digest of the number; text is hashed as
 * UTF-8. */
#include "command/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const anp_key_run run = {{(const uint8_t *)"test", 4}, {(const uint8_t *)"demo", 4}, 0};

static void expect(const uint8_t *got, const anp_key *key)
{
    uint8_t want[ANP_DIGEST_SIZE];
    anp_digest("demo", 4, key, want);
    assert_memory_equal(got, want, sizeof want);
}

static anp_keys over(anp_keys_kind kind, const void *base, uint64_t n, uint32_t width)
{
    return (anp_keys){.kind = kind,
                      .count = n,
                      .total = n,
                      .runs = &run,
                      .n_runs = 1,
                      .base = base,
                      .stride = (ptrdiff_t)width,
                      .width = width};
}

static void digest_all(const anp_keys *k, uint8_t *out)
{
    anp_buffer scratch;
    anp_buffer_init(&scratch, 1 << 20);
    anp_error err;
    assert_int_equal(anp_keys_digest(k, k->first, (uint32_t)k->count, out, &scratch, &err), ANP_OK);
    anp_buffer_deinit(&scratch);
}

static void test_integers_of_any_width_sign_and_order_are_numbers(void **state)
{
    (void)state;
    const int64_t values[] = {0, 1, 5, 100, -1, -128, -7};
    for (uint32_t width = 1; width <= 8; width *= 2) {
        for (int variant = 0; variant < 4; variant++) {
            bool is_signed = variant & 1, swapped = variant & 2;
            uint8_t memory[8 * 8] = {0};
            uint32_t n = is_signed ? 7 : 4;
            for (uint32_t i = 0; i < n; i++) {
                for (uint32_t k = 0; k < width; k++) {
                    bool is_little = ANP_BIG_ENDIAN_HOST ? swapped : !swapped;
                    memory[i * width + (is_little ? k : width - 1 - k)] =
                        (uint8_t)((uint64_t)values[i] >> (8 * k));
                }
            }
            anp_keys keys = over(ANP_KEYS_INT, memory, n, width);
            keys.is_signed = is_signed;
            keys.swapped = swapped;
            uint8_t out[7 * 20];
            digest_all(&keys, out);
            for (uint32_t i = 0; i < n; i++) {
                expect(out + i * 20,
                       &(anp_key){.type = ANP_PARTICLE_INTEGER, .integer = values[i]});
            }
        }
    }
}

static void test_known_digest_of_k1(void **state)
{
    (void)state; /* ("test", "demo", "k1") */
    static const uint8_t want[20] = {0xb7, 0x47, 0xf5, 0x85, 0x4d, 0x0b, 0x33, 0x25, 0x99, 0x28,
                                     0xd0, 0xcf, 0xab, 0x7f, 0xad, 0x81, 0xd6, 0xab, 0xfb, 0xf6};
    uint8_t out[20];
    anp_keys keys = over(ANP_KEYS_BYTES, "k1\0\0", 1, 4);
    digest_all(&keys, out);
    assert_memory_equal(out, want, 20);
    const uint32_t ucs4[4] = {'k', '1', 0, 0};
    keys = over(ANP_KEYS_TEXT, ucs4, 1, 16);
    digest_all(&keys, out);
    assert_memory_equal(out, want, 20);
}

static void test_unsigned_above_int64_is_refused_by_row(void **state)
{
    (void)state;
    const uint64_t values[] = {1, UINT64_C(1) << 63};
    anp_keys keys = over(ANP_KEYS_INT, values, 2, 8);
    uint8_t out[40];
    anp_buffer scratch;
    anp_buffer_init(&scratch, 100);
    anp_error err;
    assert_int_equal(anp_keys_digest(&keys, 0, 2, out, &scratch, &err), ANP_ERR_PARAM);
    assert_non_null(strstr(err.message, "row 1 "));
}

static void test_text_is_utf8_and_surrogates_are_refused(void **state)
{
    (void)state;
    const uint32_t text[] = {0x41, 0xe9, 0x20ac, 0x1f600, 0, 0x41, 0, 0x42,
                             0,    0,    0xd800, 0,       0, 0,    0};
    anp_keys keys = over(ANP_KEYS_TEXT, text, 2, 20);
    uint8_t out[40];
    digest_all(&keys, out);
    const char *first = "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    expect(out,
           &(anp_key){.type = ANP_PARTICLE_STRING, .bytes = (const uint8_t *)first, .size = 10});
    expect(out + 20,
           &(anp_key){.type = ANP_PARTICLE_STRING, .bytes = (const uint8_t *)"A\0B", .size = 3});
    keys.count = keys.total = 3;
    anp_buffer scratch;
    anp_buffer_init(&scratch, 1000);
    anp_error err;
    assert_int_equal(anp_keys_digest(&keys, 2, 1, out, &scratch, &err), ANP_ERR_PARAM);
    anp_key key;
    assert_int_equal(anp_keys_get(&keys, 0, &key, &scratch, &err), ANP_OK);
    assert_int_equal(key.size, 10);
    assert_memory_equal(key.bytes, first, 10);
    anp_buffer_deinit(&scratch);
}

static void test_strides_and_blobs_and_digests(void **state)
{
    (void)state;
    uint8_t memory[3 * 32];
    for (size_t i = 0; i < sizeof memory; i++) {
        memory[i] = (uint8_t)(i * 7);
    }
    anp_keys keys = over(ANP_KEYS_BLOB, memory + 64, 3, 16);
    keys.stride = -32;
    uint8_t out[60];
    digest_all(&keys, out);
    for (int i = 0; i < 3; i++) {
        expect(out + i * 20,
               &(anp_key){.type = ANP_PARTICLE_BLOB, .bytes = memory + 64 - 32 * i, .size = 16});
    }
    keys = over(ANP_KEYS_DIGEST, memory, 3, 20);
    keys.stride = 32;
    digest_all(&keys, out);
    assert_memory_equal(out + 20, memory + 32, 20);
}

static void test_packed_keys_mix_types(void **state)
{
    (void)state;
    uint8_t bytes[8 + 2 + 20 + 8];
    int64_t number = -5;
    memcpy(bytes, &number, 8);
    memcpy(bytes + 8, "ab", 2);
    memset(bytes + 10, 0x5a, 20);
    memcpy(bytes + 30, "\x40\x09\x21\xfb\x54\x44\x2d\x18", 8);
    const uint8_t types[] = {ANP_PARTICLE_INTEGER, ANP_PARTICLE_STRING, 0, ANP_PARTICLE_FLOAT};
    const uint64_t offsets[] = {0, 8, 10, 30, 38};
    anp_keys keys = {.kind = ANP_KEYS_PACKED,
                     .first = 10,
                     .count = 4,
                     .total = 14,
                     .runs = &run,
                     .n_runs = 1,
                     .types = types,
                     .offsets = offsets,
                     .bytes = bytes};
    uint8_t out[80];
    digest_all(&keys, out);
    expect(out, &(anp_key){.type = ANP_PARTICLE_INTEGER, .integer = -5});
    expect(out + 20, &(anp_key){.type = ANP_PARTICLE_STRING, .bytes = bytes + 8, .size = 2});
    assert_memory_equal(out + 40, bytes + 10, 20);
    expect(out + 60, &(anp_key){.type = ANP_PARTICLE_FLOAT, .bytes = bytes + 30, .size = 8});
}

static void test_runs_are_found_by_row(void **state)
{
    (void)state;
    anp_key_run runs[] = {run, run, run};
    runs[0].first = 10;
    runs[1].first = 12;
    runs[2].first = 19;
    anp_keys keys = {.first = 10, .count = 10, .total = 20, .runs = runs, .n_runs = 3};
    uint64_t end;
    assert_ptr_equal(anp_keys_run(&keys, 10, &end), &runs[0]);
    assert_int_equal(end, 12);
    assert_ptr_equal(anp_keys_run(&keys, 18, &end), &runs[1]);
    assert_int_equal(end, 19);
    assert_ptr_equal(anp_keys_run(&keys, 19, &end), &runs[2]);
    assert_int_equal(end, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_of_any_width_sign_and_order_are_numbers),
        cmocka_unit_test(test_known_digest_of_k1),
        cmocka_unit_test(test_unsigned_above_int64_is_refused_by_row),
        cmocka_unit_test(test_text_is_utf8_and_surrogates_are_refused),
        cmocka_unit_test(test_strides_and_blobs_and_digests),
        cmocka_unit_test(test_packed_keys_mix_types),
        cmocka_unit_test(test_runs_are_found_by_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
