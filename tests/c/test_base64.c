/* Base64: the vectors of RFC 4648; anything but clean padded text is refused. */
#include "wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "page.h"

static const struct {
    const char *bytes, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"1,python-19.3.0,not-set", "MSxweXRob24tMTkuMy4wLG5vdC1zZXQ="}, /* recorded */
    {"\xfb\xff\xbf", "+/+/"},
};

static void test_vectors_are_encoded_and_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t size = strlen(vectors[i].bytes), text_size = strlen(vectors[i].text), got;
        anp_buffer b;
        anp_buffer_init(&b, 100);
        anp_base64_encode(&b, page_end_copy(vectors[i].bytes, size), size);
        assert_int_equal(b.size, text_size);
        assert_memory_equal(b.data, vectors[i].text, text_size);
        anp_buffer_deinit(&b);
        uint8_t out[64];
        anp_slice text = {page_end_copy(vectors[i].text, text_size), text_size};
        assert_true(anp_base64_decode(text, out, sizeof out, &got));
        assert_int_equal(got, size);
        assert_memory_equal(out, vectors[i].bytes, size);
    }
}

static void test_anything_but_clean_padded_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",      "Zg",       "Zg=",      "Zg===",    "=",
                                      "====",   "A===",     "Zg=a",     "Zg==Zg==", "Z=g=",
                                      "Zm9v\n", "Zm 9",     "Zm9-",     "Zm9_",     "Zm9\xff",
                                      "=m9v",   "Zm9vZm=v", "Zm9v====", "Zh==",     "Zm9="};
    uint8_t out[64];
    size_t size;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t n = strlen(bad[i]);
        anp_slice text = {page_end_copy(bad[i], n), n};
        if (anp_base64_decode(text, out, sizeof out, &size)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void test_output_never_grows_beyond_its_room(void **state)
{
    (void)state;
    for (size_t room = 0; room <= 8; room++) {
        uint8_t zeros[8] = {0};
        uint8_t *out = page_end_copy(zeros, room);
        size_t size;
        assert_int_equal(
            anp_base64_decode((anp_slice){(const uint8_t *)"Zm9vYmFy", 8}, out, room, &size),
            room >= 6);
        assert_int_equal(
            anp_base64_decode((anp_slice){(const uint8_t *)"Zm9vYg==", 8}, out, room, &size),
            room >= 4);
    }
}

static void test_every_byte_value_survives_in_every_place(void **state)
{
    (void)state;
    uint8_t bytes[258], out[258];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    for (size_t from = 0; from < 3; from++) {
        anp_buffer b;
        size_t size;
        anp_buffer_init(&b, 1000);
        anp_base64_encode(&b, bytes + from, 256);
        assert_int_equal(b.size, 344);
        assert_true(anp_base64_decode((anp_slice){b.data, b.size}, out, 256, &size));
        assert_int_equal(size, 256);
        assert_memory_equal(out, bytes + from, 256);
        anp_buffer_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_are_encoded_and_decoded),
        cmocka_unit_test(test_anything_but_clean_padded_text_is_refused),
        cmocka_unit_test(test_output_never_grows_beyond_its_room),
        cmocka_unit_test(test_every_byte_value_survives_in_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
