/* Who owns which partition in an embedded cluster: dealt evenly, promoted when a member leaves, and
 * told truly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/members.h"

enum { SEVERAL = 5 };

static anp_members *members_of(uint32_t n, uint32_t factor, const int32_t *racks)
{
    anp_members *m;
    anp_error err;
    assert_int_equal(anp_members_new(factor, &m, &err), ANP_OK);
    for (uint32_t i = 0; i < n; i++) {
        char name[] = {'A', (char)('1' + i), 0};
        uint32_t number;
        assert_int_equal(anp_members_join(m, name, "127.0.0.1", 3100, racks != NULL ? racks[i] : -1,
                                          &number, &err),
                         ANP_OK);
        assert_int_equal(number, i);
    }
    return m;
}

static void owned(anp_members *m, uint32_t n, uint32_t k, uint32_t counts[SEVERAL])
{
    memset(counts, 0, SEVERAL * sizeof counts[0]);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        if (anp_members_owners(m, p, owners) > k) {
            assert_true(owners[k] < n);
            counts[owners[k]]++;
        }
    }
}

static anp_membership look(anp_members *m, uint32_t i)
{
    anp_membership seen;
    anp_members_look(m, i, &seen);
    return seen;
}

static void digest_of(unsigned partition, uint8_t digest[ANP_DIGEST_SIZE])
{
    memset(digest, 0, ANP_DIGEST_SIZE);
    digest[0] = (uint8_t)partition;
    digest[1] = (uint8_t)(partition >> 8);
    assert_int_equal(anp_partition_of(digest), partition);
}

static void test_partitions_are_dealt_evenly_and_never_twice_to_one(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= SEVERAL; n++) {
        anp_members *m = members_of(n, 2, NULL);
        uint32_t counts[SEVERAL];
        for (uint32_t k = 0; k < 2 && k < n; k++) {
            owned(m, n, k, counts);
            uint32_t sum = 0;
            for (uint32_t i = 0; i < n; i++) {
                sum += counts[i];
                assert_in_range(counts[i], ANP_PARTITIONS / n * 85 / 100,
                                ANP_PARTITIONS / n * 115 / 100);
            }
            assert_int_equal(sum, ANP_PARTITIONS);
        }
        for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
            uint8_t owners[ANP_OWNERS_MAX];
            assert_int_equal(anp_members_owners(m, p, owners), n < 2 ? n : 2);
            assert_true(n < 2 || owners[0] != owners[1]);
        }
        anp_members_release(m);
    }
}

static void test_bitmaps_say_what_the_table_says(void **state)
{
    (void)state;
    anp_members *m = members_of(3, 2, NULL);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            uint8_t bitmap[ANP_BITMAP_SIZE];
            anp_members_bitmap(m, i, k, bitmap);
            for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
                uint8_t owners[ANP_OWNERS_MAX];
                assert_int_equal(anp_members_owners(m, p, owners), 2);
                assert_int_equal(anp_bitmap_has(bitmap, p), owners[k] == i);
            }
        }
    }
    anp_members_release(m);
}

static void test_leaving_promotes_replicas_and_moves_nothing_else(void **state)
{
    (void)state;
    anp_members *m = members_of(4, 2, NULL);
    uint8_t before[ANP_PARTITIONS][2];
    uint8_t lost[ANP_BITMAP_SIZE];
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        (void)anp_members_owners(m, p, owners);
        memcpy(before[p], owners, 2);
    }
    anp_members_leave(m, 1, lost);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        assert_int_equal(anp_members_owners(m, p, owners), 2);
        assert_false(anp_bitmap_has(lost, p));
        assert_true(owners[0] != 1 && owners[1] != 1);
        assert_int_equal(owners[0], before[p][0] != 1 ? before[p][0] : before[p][1]);
        if (before[p][0] != 1 && before[p][1] != 1) {
            assert_int_equal(owners[1], before[p][1]);
        }
    }
    assert_int_equal(look(m, 0).n_present, 3);
    anp_members_return(m, 1, "127.0.0.1", 3100);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        (void)anp_members_owners(m, p, owners);
        assert_memory_equal(owners, before[p], 2);
    }
    anp_members_release(m);
}

static void test_without_a_replica_a_partition_has_no_owner(void **state)
{
    (void)state;
    anp_members *m = members_of(2, 1, NULL);
    uint8_t lost[ANP_BITMAP_SIZE];
    anp_members_leave(m, 0, lost);
    unsigned n_lost = 0;
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        uint8_t digest[ANP_DIGEST_SIZE];
        digest_of(p, digest);
        bool is_lost = anp_bitmap_has(lost, p);
        n_lost += is_lost;
        assert_int_equal(anp_members_owners(m, p, owners), is_lost ? 0 : 1);
        assert_int_equal(anp_members_serve(m, 1, digest, false),
                         is_lost ? ANP_SERVE_NOBODY : ANP_SERVE_OWN);
    }
    assert_in_range(n_lost, ANP_PARTITIONS / 3, ANP_PARTITIONS * 2 / 3);
    anp_members_return(m, 0, "127.0.0.1", 3100);
    uint32_t counts[SEVERAL];
    owned(m, 2, 0, counts);
    assert_int_equal(counts[0] + counts[1], ANP_PARTITIONS);
    anp_members_release(m);
}

static void test_replicas_are_on_other_racks(void **state)
{
    (void)state;
    const int32_t racks[] = {1, 1, 2, 2};
    anp_members *m = members_of(4, 2, racks);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        assert_int_equal(anp_members_owners(m, p, owners), 2);
        assert_int_not_equal(racks[owners[0]], racks[owners[1]]);
    }
    assert_int_equal(look(m, 2).rack, 2);
    anp_members_release(m);
}

static void test_moved_partitions_have_another_master_and_keep_the_old_one(void **state)
{
    (void)state;
    anp_members *m = members_of(3, 2, NULL);
    uint16_t all[ANP_PARTITIONS];
    uint8_t before[ANP_PARTITIONS];
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        (void)anp_members_owners(m, p, owners);
        before[p] = owners[0];
        all[p] = (uint16_t)p;
    }
    assert_int_equal(anp_members_move(m, all, ANP_PARTITIONS, -1), ANP_PARTITIONS);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        assert_int_equal(anp_members_owners(m, p, owners), 2);
        assert_int_equal(owners[0], (before[p] + 1) % 3);
        assert_int_equal(owners[1], before[p]);
    }
    unsigned n_there = 0;
    for (unsigned p = 0; p < 100; p++) {
        n_there += (before[p] + 1) % 3 == 2;
    }
    assert_int_equal(anp_members_move(m, all, 100, 2), 100 - n_there);
    anp_members_release(m);
}

static void test_requests_are_served_proxied_or_wait(void **state)
{
    (void)state;
    anp_members *m = members_of(3, 2, NULL);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        uint8_t owners[ANP_OWNERS_MAX];
        uint8_t digest[ANP_DIGEST_SIZE];
        (void)anp_members_owners(m, p, owners);
        digest_of(p, digest);
        uint32_t other = 3u - owners[0] - owners[1];
        assert_int_equal(anp_members_serve(m, owners[0], digest, true), ANP_SERVE_OWN);
        assert_int_equal(anp_members_serve(m, owners[1], digest, false), ANP_SERVE_OWN);
        assert_int_equal(anp_members_serve(m, owners[1], digest, true), ANP_SERVE_PROXY);
        assert_int_equal(anp_members_serve(m, other, digest, false), ANP_SERVE_PROXY);
        anp_members_freeze(m, owners[0], true);
        assert_int_equal(anp_members_serve(m, other, digest, false), ANP_SERVE_WAIT);
        assert_int_equal(anp_members_serve(m, owners[1], digest, true), ANP_SERVE_WAIT);
        assert_int_equal(anp_members_serve(m, owners[1], digest, false), ANP_SERVE_OWN);
        anp_members_freeze(m, owners[0], false);
    }
    anp_members_release(m);
}

static void test_generations_change_with_what_they_count(void **state)
{
    (void)state;
    anp_members *m = members_of(1, 2, NULL);
    assert_int_equal(look(m, 0).peers_generation, 0); /* as a lone server says */
    uint32_t number;
    anp_error err;
    assert_int_equal(anp_members_join(m, "B", "127.0.0.1", 3000, -1, &number, &err), ANP_OK);
    anp_membership a = look(m, 0), b = look(m, 1);
    assert_int_equal(a.peers_generation, 1);
    uint16_t one = 0;
    uint8_t owners[ANP_OWNERS_MAX];
    (void)anp_members_owners(m, 0, owners);
    assert_int_equal(anp_members_move(m, &one, 1, owners[0]), 0);
    assert_int_equal(look(m, 0).partition_generation, a.partition_generation);
    assert_int_equal(anp_members_move(m, &one, 1, owners[1]), 1);
    assert_int_equal(look(m, 0).partition_generation, a.partition_generation + 1);
    assert_int_equal(look(m, 1).partition_generation, b.partition_generation + 1);
    assert_int_equal(look(m, 0).peers_generation, a.peers_generation);
    uint8_t lost[ANP_BITMAP_SIZE];
    anp_members_leave(m, 1, lost);
    assert_int_equal(look(m, 0).peers_generation, a.peers_generation + 1);
    assert_int_equal(look(m, 0).replication_factor, 1);
    anp_members_release(m);
}

/* What the first member tells of its peers. */
static void assert_peers(anp_members *m, anp_peers_kind kind, int64_t since, const char *expected)
{
    anp_buffer out;
    anp_buffer_init(&out, 4096);
    anp_members_print_peers(m, 0, kind, since, "127.0.0.1", &out);
    anp_buffer_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    anp_buffer_deinit(&out);
}

static void test_peers_are_told_as_a_server_tells_them(void **state)
{
    (void)state;
    anp_members *m;
    anp_error err;
    uint32_t number;
    uint8_t lost[ANP_BITMAP_SIZE];
    assert_int_equal(anp_members_new(2, &m, &err), ANP_OK);
    assert_int_equal(anp_members_join(m, "A1", "127.0.0.1", 3200, -1, &number, &err), ANP_OK);
    assert_peers(m, ANP_PEERS_PRESENT, 0, "0,3000,[]");
    assert_int_equal(anp_members_join(m, "A2", "", 3000, -1, &number, &err), ANP_OK);
    assert_int_equal(anp_members_join(m, "A3", "::1", 3220, -1, &number, &err), ANP_OK);
    assert_peers(m, ANP_PEERS_PRESENT, 0, "2,3000,[[A2,,[127.0.0.1]],[A3,,[[::1]:3220]]]");
    anp_members_leave(m, 1, lost);
    assert_peers(m, ANP_PEERS_PRESENT, 0, "3,3000,[[A3,,[[::1]:3220]]]");
    assert_peers(m, ANP_PEERS_CHANGED, 2, "3,3000,[[A2,,]]");
    assert_peers(m, ANP_PEERS_CHANGED, 3, "3,3000,[]");
    assert_peers(m, ANP_PEERS_CHANGED, 1, "3,3000,[[A2,,],[A3,,[[::1]:3220]]]");
    assert_peers(m, ANP_PEERS_EVER, 0, "3,3000,[[A2,,[127.0.0.1]],[A3,,[[::1]:3220]]]");
    anp_members_release(m);
}

static void test_what_cannot_be_is_refused(void **state)
{
    (void)state;
    anp_members *m;
    anp_error err;
    uint32_t number;
    assert_int_equal(anp_members_new(0, &m, &err), ANP_ERR_PARAM);
    assert_int_equal(anp_members_new(ANP_OWNERS_MAX + 1, &m, &err), ANP_ERR_PARAM);
    m = members_of(1, 1, NULL);
    assert_int_equal(anp_members_join(m, "A1", "", 0, -1, &number, &err), ANP_ERR_PARAM);
    anp_members_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_are_dealt_evenly_and_never_twice_to_one),
        cmocka_unit_test(test_bitmaps_say_what_the_table_says),
        cmocka_unit_test(test_leaving_promotes_replicas_and_moves_nothing_else),
        cmocka_unit_test(test_without_a_replica_a_partition_has_no_owner),
        cmocka_unit_test(test_replicas_are_on_other_racks),
        cmocka_unit_test(test_moved_partitions_have_another_master_and_keep_the_old_one),
        cmocka_unit_test(test_requests_are_served_proxied_or_wait),
        cmocka_unit_test(test_generations_change_with_what_they_count),
        cmocka_unit_test(test_peers_are_told_as_a_server_tells_them),
        cmocka_unit_test(test_what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
