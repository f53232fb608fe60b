/* Digests: the vectors of the official client, and RIPEMD-160 against its paper and OpenSSL. */
#include "wire/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ripemd.h>

#include "hex.h"
#include "page.h"
#include "wire/ripemd160.h"

#define TEXT(s) {.type = ANP_PARTICLE_STRING, .bytes = (const uint8_t *)(s), .size = sizeof(s) - 1}
#define NUMBER(n) {.type = ANP_PARTICLE_INTEGER, .integer = (n)}

static const uint8_t blob_123[] = {1, 2, 3};

static const struct {
    const char *set;
    anp_key key;
    const char *digest;
    unsigned partition;
} records[] = {
    {"demo", TEXT("k1"), "b747f5854d0b33259928d0cfab7fad81d6abfbf6", 1975},
    {"demo", TEXT("k2"), "a933ee0e8f82c106697150d15e504f08b2b2e01d", 937},
    {"demo", TEXT("key1"), "ec91192d4b7f8ce35d5d78d34bca65cbaaaac960", 492},
    {"demo", NUMBER(1), "b7f4b83889e2da67de683e1df6919a1eacc446c8", 1207},
    {"demo", NUMBER(0), "ceded27492b392e0232514bb54a8ec2076acef37", 3790},
    {"demo", NUMBER(-1), "e9d49a24c3debdc5a6d551d3e7087999a263bb97", 1257},
    {"demo", NUMBER(12345), "8d60730e4a37c88b573022bdfe2e94497669c6b1", 141},
    {"demo", NUMBER(INT64_MAX), "6964c1df0d52acf332aef2bfdd54ba366285d051", 1129},
    {"demo",
     {.type = ANP_PARTICLE_BLOB, .bytes = blob_123, .size = 3},
     "ff31c926fbef445648ce63ca72a698a5473425c1",
     511},
    {"users", TEXT("h\xc3\xa9llo"), "05c5de3882fd1e473148b520b7954251a1fcf3e7", 1285},
    {"", TEXT("k1"), "50149955959c2fef0a83613ae80c78bb9c96b269", 1104},
    {"", NUMBER(1), "a443f05d05d962202b59abb402afae1737dbf66a", 932},
};

static void test_digest_and_partition_are_those_of_the_official_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        hex_bytes want = from_hex(records[i].digest);
        uint8_t one[ANP_DIGEST_SIZE], many[ANP_DIGEST_SIZE];
        size_t set_size = strlen(records[i].set);
        anp_digest(records[i].set, set_size, &records[i].key, one);
        anp_digest_many(records[i].set, set_size, &records[i].key, 1, many);
        assert_memory_equal(one, want.data, sizeof one);
        assert_memory_equal(many, want.data, sizeof many);
        assert_int_equal(anp_partition_of(one), records[i].partition);
    }
}

static void test_set_may_be_no_pointer_when_it_is_empty(void **state)
{
    (void)state;
    const anp_key key = NUMBER(1);
    hex_bytes want = from_hex("a443f05d05d962202b59abb402afae1737dbf66a");
    uint8_t out[ANP_DIGEST_SIZE];
    anp_digest(NULL, 0, &key, out);
    assert_memory_equal(out, want.data, sizeof out);
    anp_digest_many(NULL, 0, &key, 1, out);
    assert_memory_equal(out, want.data, sizeof out);
}

/* ---- RIPEMD-160 ---- */

static void test_ripemd160_gives_the_vectors_of_its_paper(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
        {"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"},
        {"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
        {"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"},
        {"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "12a053384a9c0c88e405a06c27dcf49ada62eb2b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "b0e20b6e3116640286ed3a87a5713079b21f5189"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "9b752e45573d4b39f4dbd3323cab82bf63326bfb"},
    };
    uint8_t out[20];
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        anp_ripemd160(vectors[i][0], strlen(vectors[i][0]), out);
        assert_memory_equal(out, from_hex(vectors[i][1]).data, sizeof out);
    }
    uint8_t *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    anp_ripemd160(million, 1000000, out);
    free(million);
    assert_memory_equal(out, from_hex("52783243c1697bdbe16d37f97f68f08325dc1528").data, sizeof out);
}

static void fill(uint8_t *bytes, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] = (uint8_t)(seed >> 16);
    }
}

static void test_ripemd160_agrees_with_openssl_at_every_length(void **state)
{
    (void)state;
    uint8_t bytes[300], got[20], want[20];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        fill(bytes, size, (unsigned)size);
        anp_ripemd160(page_end_copy(bytes, size), size, got);
        RIPEMD160(bytes, size, want);
        assert_memory_equal(got, want, sizeof got);
    }
}

/* A kind of CPU against OpenSSL, with another message in each lane. */
static void check_kind(const anp_ripemd160_kind *kind)
{
    _Alignas(64) uint32_t words[16 * ANP_LANES_MAX], out[5 * ANP_LANES_MAX];
    uint8_t messages[ANP_LANES_MAX][64], want[20];
    assert_in_range(kind->lanes, 1, ANP_LANES_MAX);
    for (size_t start = 0; start <= 55; start++) {
        for (unsigned lane = 0; lane < kind->lanes; lane++) {
            size_t size = (start + lane) % 56;
            uint8_t *m = messages[lane];
            memset(m, 0, 64);
            fill(m, size, (unsigned)(size * 31 + lane));
            m[size] = 0x80;
            anp_store_le64(m + 56, size * 8);
            for (unsigned w = 0; w < 16; w++) {
                words[w * kind->lanes + lane] = anp_load_le32(m + 4 * w);
            }
        }
        kind->hash(words, out);
        for (unsigned lane = 0; lane < kind->lanes; lane++) {
            RIPEMD160(messages[lane], (start + lane) % 56, want);
            for (unsigned w = 0; w < 5; w++) {
                assert_int_equal(out[w * kind->lanes + lane], anp_load_le32(want + 4 * w));
            }
        }
    }
}

static void test_portable_kind_agrees_with_openssl(void **state)
{
    (void)state;
    check_kind(anp_ripemd160_portable());
}

static void test_avx2_kind_agrees_with_openssl_in_every_lane(void **state)
{
    (void)state;
    if (anp_ripemd160_avx2() == NULL) {
        print_message("this CPU has no AVX2: run on one that has\n");
        skip();
    }
    check_kind(anp_ripemd160_avx2());
}

static void test_avx512_kind_agrees_with_openssl_in_every_lane(void **state)
{
    (void)state;
    if (anp_ripemd160_avx512() == NULL) {
        print_message("this CPU has no AVX-512: run on one that has\n");
        skip();
    }
    check_kind(anp_ripemd160_avx512());
}

/* ---- many keys ---- */

/* What is hashed, put together the slow way. */
static void expected(const uint8_t *set, size_t set_size, const anp_key *key, uint8_t out[20])
{
    uint8_t all[512];
    size_t n = 0;
    memcpy(all, set, set_size);
    n += set_size;
    all[n++] = key->type;
    if (key->type == ANP_PARTICLE_INTEGER) {
        for (int shift = 56; shift >= 0; shift -= 8) {
            all[n++] = (uint8_t)((uint64_t)key->integer >> shift);
        }
    } else {
        memcpy(all + n, key->bytes, key->size);
        n += key->size;
    }
    RIPEMD160(all, n, out);
}

/* Keys of every length, among them integers, all ending at the end of readable memory. */
static void check_many(size_t set_size, size_t n, size_t step)
{
    enum { LONGEST = 150 };
    static anp_key keys[256];
    static uint8_t out[256 * ANP_DIGEST_SIZE];
    uint8_t set[ANP_SET_MAX], bytes[LONGEST], want[ANP_DIGEST_SIZE];
    fill(set, set_size, 7);
    fill(bytes, sizeof bytes, 9);
    const uint8_t *end = page_end_copy(bytes, sizeof bytes) + sizeof bytes;
    for (size_t i = 0; i < n; i++) {
        uint32_t size = (uint32_t)(i * step % (LONGEST + 1));
        keys[i] = i % 5 == 4
                      ? (anp_key){.type = ANP_PARTICLE_INTEGER, .integer = (int64_t)i * -1000003}
                      : (anp_key){.type = i % 2 ? ANP_PARTICLE_STRING : ANP_PARTICLE_BLOB,
                                  .bytes = end - size,
                                  .size = size};
    }
    anp_digest_many(set, set_size, keys, n, out);
    for (size_t i = 0; i < n; i++) {
        expected(set, set_size, &keys[i], want);
        assert_memory_equal(out + i * ANP_DIGEST_SIZE, want, sizeof want);
        uint8_t one[ANP_DIGEST_SIZE];
        anp_digest(set, set_size, &keys[i], one);
        assert_memory_equal(one, want, sizeof want);
    }
}

static void test_many_keys_of_any_length_and_set_are_hashed_like_one(void **state)
{
    (void)state;
    static const size_t sets[] = {0, 1, 4, 40, 46, 47, 53, 54, 55, 56, ANP_SET_MAX};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        check_many(sets[i], 256, 1);
        check_many(sets[i], 256, 37);
    }
}

static void test_last_lanes_may_be_empty(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 50; n++) {
        check_many(4, n, 1);
    }
}

/* ---- a million keys ---- */

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

enum { MILLION = 1000000, AT_ONCE = 700, LONGEST_KEY = 200, LONGEST_SET = 80 };

static anp_key any_key(uint64_t *state, const uint8_t *bytes, uint32_t kinds)
{
    uint64_t high = draw(state, UINT32_MAX), low = draw(state, UINT32_MAX);
    uint32_t most = draw(state, 8) == 0 ? LONGEST_KEY : 40;
    switch (kinds == 0 ? 0 : draw(state, 4)) {
    case 0:
        return (anp_key){.type = ANP_PARTICLE_INTEGER,
                         .integer = (int64_t)((high << 32 | low) >> draw(state, 64))};
    case 1:
        return (anp_key){.type = ANP_PARTICLE_FLOAT, .bytes = bytes + draw(state, 8), .size = 8};
    default:
        return (anp_key){.type = draw(state, 2) != 0 ? ANP_PARTICLE_STRING : ANP_PARTICLE_BLOB,
                         .bytes = bytes + draw(state, 64),
                         .size = draw(state, most + 1)};
    }
}

/* Batches of integers alone, and of keys of all kinds; sets and keys of more than a block, too. */
static int million(unsigned seed)
{
    static anp_key keys[AT_ONCE];
    static uint8_t out[AT_ONCE * ANP_DIGEST_SIZE], bytes[LONGEST_KEY + 64], set[LONGEST_SET];
    uint64_t state = seed;
    fill(bytes, sizeof bytes, seed);
    fill(set, sizeof set, seed + 1);
    for (size_t done = 0; done < MILLION;) {
        size_t n = 1 + draw(&state, AT_ONCE), set_size = draw(&state, LONGEST_SET + 1);
        uint32_t kinds = draw(&state, 2);
        for (size_t i = 0; i < n; i++) {
            keys[i] = any_key(&state, bytes, kinds);
        }
        anp_digest_many(set, set_size, keys, n, out);
        for (size_t i = 0; i < n; i++) {
            uint8_t want[ANP_DIGEST_SIZE];
            expected(set, set_size, &keys[i], want);
            if (memcmp(out + i * ANP_DIGEST_SIZE, want, sizeof want) != 0) {
                print_error("seed %u: key %zu of %zu, set of %zu bytes\n", seed, i, n, set_size);
                return 1;
            }
        }
        done += n;
    }
    return 0;
}

/* The kind is chosen once a process: a child has the choice before it. */
static void million_keys_on(const char *kind, bool has_it)
{
    if (!has_it) {
        print_message("this CPU has no %s\n", kind);
        skip();
    }
    unsigned seed = (unsigned)(strlen(kind) * 7919);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("AEROSPIKE_NP_SIMD", kind, 1);
        _exit(strcmp(anp_ripemd160_best()->name, kind) == 0 ? million(seed) : 2);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_million_keys_agree_with_openssl_on_portable(void **state)
{
    (void)state;
    million_keys_on("portable", true);
}

static void test_million_keys_agree_with_openssl_on_avx2(void **state)
{
    (void)state;
    million_keys_on("avx2", anp_ripemd160_avx2() != NULL);
}

static void test_million_keys_agree_with_openssl_on_avx512(void **state)
{
    (void)state;
    million_keys_on("avx512", anp_ripemd160_avx512() != NULL);
}

static void test_digests_of_no_keys_write_nothing(void **state)
{
    (void)state;
    uint8_t out[ANP_DIGEST_SIZE] = {0}, zero[ANP_DIGEST_SIZE] = {0};
    anp_digest_many("demo", 4, NULL, 0, out);
    assert_memory_equal(out, zero, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: the kind has not been chosen yet. */
        cmocka_unit_test(test_million_keys_agree_with_openssl_on_portable),
        cmocka_unit_test(test_million_keys_agree_with_openssl_on_avx2),
        cmocka_unit_test(test_million_keys_agree_with_openssl_on_avx512),
        cmocka_unit_test(test_digest_and_partition_are_those_of_the_official_client),
        cmocka_unit_test(test_set_may_be_no_pointer_when_it_is_empty),
        cmocka_unit_test(test_ripemd160_gives_the_vectors_of_its_paper),
        cmocka_unit_test(test_ripemd160_agrees_with_openssl_at_every_length),
        cmocka_unit_test(test_portable_kind_agrees_with_openssl),
        cmocka_unit_test(test_avx2_kind_agrees_with_openssl_in_every_lane),
        cmocka_unit_test(test_avx512_kind_agrees_with_openssl_in_every_lane),
        cmocka_unit_test(test_many_keys_of_any_length_and_set_are_hashed_like_one),
        cmocka_unit_test(test_last_lanes_may_be_empty),
        cmocka_unit_test(test_digests_of_no_keys_write_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
