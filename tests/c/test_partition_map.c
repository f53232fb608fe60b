/* The partition map: what a node's word changes, regimes, forgetting, routing, and publishing under
 * readers. */
#include "cluster/partition_map.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "listener.h"

static anp_cluster_node *new_node(const char *name)
{
    anp_address address = {.size = sizeof address.v4};
    address.v4.sin_family = AF_INET;
    anp_cluster_node *node = NULL;
    assert_int_equal(anp_cluster_node_new(name, &address, 4, 1, &node, NULL), ANP_OK);
    return node;
}

static anp_replicas said(const char *ns, uint32_t regime, uint32_t n)
{
    anp_replicas r = {.regime = regime, .n_bitmaps = n, .n_kept = n < 3 ? n : 3};
    r.namespace_name = (anp_slice){(const uint8_t *)ns, strlen(ns)};
    return r;
}

static void own(anp_replicas *r, unsigned k, unsigned from, unsigned to)
{
    for (unsigned p = from; p < to; p++) {
        r->bitmap[k][p >> 3] = (uint8_t)(r->bitmap[k][p >> 3] | 0x80 >> (p & 7));
    }
}

static anp_map *empty_map(void)
{
    anp_map *map = NULL;
    assert_int_equal(anp_map_copy(NULL, &map, NULL), ANP_OK);
    return map;
}

static const anp_map_partition *at(const anp_map *map, const char *ns, unsigned p)
{
    const anp_map_namespace *found = anp_map_find(map, ns, strlen(ns));
    assert_non_null(found);
    return &found->partitions[p];
}

static void test_node_owns_what_its_bits_say(void **state)
{
    (void)state;
    anp_map *map = empty_map();
    anp_cluster_node *a = new_node("A");
    anp_cluster_node *b = new_node("B");
    anp_replicas r = said("test", 0, 2);
    own(&r, 0, 0, 2);
    own(&r, 0, 9, 10);
    own(&r, 1, 4095, 4096);
    assert_int_equal(anp_map_apply(map, a, &r, NULL), ANP_OK);
    assert_ptr_equal(at(map, "test", 0)->replica[0], a);
    assert_ptr_equal(at(map, "test", 1)->replica[0], a);
    assert_null(at(map, "test", 2)->replica[0]);
    assert_ptr_equal(at(map, "test", 9)->replica[0], a);
    assert_ptr_equal(at(map, "test", 4095)->replica[1], a);
    assert_null(at(map, "test", 4095)->replica[0]);
    assert_int_equal(anp_map_unowned(&map->namespaces[0]), 4096 - 4);
    r = said("test", 0, 2);
    own(&r, 0, 2, 4096);
    assert_int_equal(anp_map_apply(map, b, &r, NULL), ANP_OK);
    assert_ptr_equal(at(map, "test", 0)->replica[0], a); /* bits that are not set change nothing */
    assert_ptr_equal(at(map, "test", 9)->replica[0], b);
    assert_int_equal(anp_map_unowned(&map->namespaces[0]), 0);
    assert_null(anp_map_find(map, "tes", 3));
    assert_null(anp_map_find(map, "tests", 5));
    assert_int_equal(anp_map_find(map, "test", 4)->n_replicas, 2);
    anp_map_release(map);
    anp_cluster_node_release(a);
    anp_cluster_node_release(b);
}

static void test_lower_regime_is_not_believed(void **state)
{
    (void)state;
    anp_map *map = empty_map();
    anp_cluster_node *a = new_node("A");
    anp_cluster_node *b = new_node("B");
    a->partition_generation = 5;
    anp_replicas r = said("sc", 7, 1);
    own(&r, 0, 0, 10);
    assert_int_equal(anp_map_apply(map, a, &r, NULL), ANP_OK);
    assert_true(anp_map_find(map, "sc", 2)->is_sc);
    r.regime = 6;
    assert_int_equal(anp_map_apply(map, b, &r, NULL), ANP_OK);
    assert_ptr_equal(at(map, "sc", 3)->replica[0], a);
    assert_int_equal(a->partition_generation, 5);
    r.regime = 7;
    assert_int_equal(anp_map_apply(map, b, &r, NULL), ANP_OK);
    assert_ptr_equal(at(map, "sc", 3)->replica[0], b);
    assert_int_equal(a->partition_generation, -1); /* asked again: it lost something */
    r.regime = 9;
    assert_int_equal(anp_map_apply(map, a, &r, NULL), ANP_OK);
    assert_int_equal(at(map, "sc", 3)->regime, 9);
    anp_map_release(map);
    anp_cluster_node_release(a);
    anp_cluster_node_release(b);
}

static void test_copy_is_apart_from_its_original(void **state)
{
    (void)state;
    anp_map *map = empty_map();
    anp_cluster_node *a = new_node("A");
    anp_replicas r = said("test", 0, 1);
    own(&r, 0, 0, 4096);
    assert_int_equal(anp_map_apply(map, a, &r, NULL), ANP_OK);
    anp_map *copy = NULL;
    assert_int_equal(anp_map_copy(map, &copy, NULL), ANP_OK);
    assert_int_equal(a->references, 1 + 2 * 4096);
    anp_map_drop(copy, a);
    assert_int_equal(anp_map_unowned(&copy->namespaces[0]), 4096);
    assert_int_equal(anp_map_unowned(&map->namespaces[0]), 0);
    anp_map_release(map);
    anp_map_release(copy);
    assert_int_equal(a->references, 1);
    anp_cluster_node_release(a);
}

static void test_a_namespace_that_is_not_there_is_told_those_that_are(void **state)
{
    (void)state;
    anp_map *map = empty_map();
    anp_cluster_node *a = new_node("A");
    anp_error err;
    assert_int_equal(anp_map_not_found(map, "x", 1, &err), ANP_NAMESPACE);
    assert_string_equal(err.message, "namespace \"x\" is not in the cluster, which has none");
    char name[32] = {0};
    for (unsigned i = 0; i < ANP_MAP_NAMESPACES; i++) {
        (void)snprintf(name, sizeof name, "%.*s%02u", i == 0 ? 0 : 27,
                       "nnnnnnnnnnnnnnnnnnnnnnnnnnn", i);
        anp_replicas r = said(name, 0, 1);
        assert_int_equal(anp_map_apply(map, a, &r, &err), ANP_OK);
        (void)anp_map_not_found(map, name + 1, strlen(name) - 1, &err);
        assert_true(strlen(err.message) < sizeof err.message);
    }
    assert_non_null(strstr(err.message, "which has 00, nnnnnnnnnnnnnnnnnnnnnnnnnnn01, "));
    assert_non_null(strstr(err.message, "03, ..."));
    anp_map_release(map);
    anp_cluster_node_release(a);
}

static void test_long_names_and_too_many_namespaces_are_refused(void **state)
{
    (void)state;
    anp_map *map = empty_map();
    anp_cluster_node *a = new_node("A");
    anp_error err = {0};
    anp_replicas r = said("a23456789012345678901234567890z", 0, 1);
    assert_int_equal(anp_map_apply(map, a, &r, &err), ANP_OK);
    r = said("a23456789012345678901234567890zz", 0, 1);
    assert_int_equal(anp_map_apply(map, a, &r, &err), ANP_ERR_PROTOCOL);
    char name[16];
    for (int i = 1; i < ANP_MAP_NAMESPACES; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        r = said(name, 0, 1);
        assert_int_equal(anp_map_apply(map, a, &r, &err), ANP_OK);
    }
    r = said("one-more", 0, 1);
    assert_int_equal(anp_map_apply(map, a, &r, &err), ANP_ERR_PROTOCOL);
    anp_map_release(map);
    anp_cluster_node_release(a);
}

static anp_status route(const anp_map *map, const char *ns, unsigned p, anp_replica replica,
                        uint32_t attempt, anp_cluster_node **out)
{
    *out = NULL;
    anp_status status = anp_cluster_route(map, anp_map_find(map, ns, strlen(ns)), p, replica, false,
                                          attempt, out, NULL);
    if (*out != NULL) {
        anp_cluster_node_release(*out);
    }
    return status;
}

static void test_routing_follows_the_policy(void **state)
{
    (void)state;
    anp_map *map = empty_map();
    anp_cluster_node *a = new_node("A");
    anp_cluster_node *b = new_node("B");
    anp_cluster_node *got = NULL;
    anp_replicas r = said("test", 0, 2);
    own(&r, 0, 0, 10);
    assert_int_equal(anp_map_apply(map, a, &r, NULL), ANP_OK);
    r = said("test", 0, 2);
    own(&r, 1, 0, 10);
    assert_int_equal(anp_map_apply(map, b, &r, NULL), ANP_OK);
    for (uint32_t attempt = 0; attempt < 3; attempt++) {
        assert_int_equal(route(map, "test", 3, ANP_REPLICA_MASTER, attempt, &got), ANP_OK);
        assert_ptr_equal(got, a);
        assert_int_equal(route(map, "test", 3, ANP_REPLICA_SEQUENCE, attempt, &got), ANP_OK);
        assert_ptr_equal(got, attempt % 2 == 0 ? a : b);
    }
    bool saw_a = false;
    bool saw_b = false;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(route(map, "test", 3, ANP_REPLICA_ANY, 0, &got), ANP_OK);
        saw_a = saw_a || got == a;
        saw_b = saw_b || got == b;
    }
    assert_true(saw_a && saw_b);
    assert_int_equal(route(map, "test", 11, ANP_REPLICA_SEQUENCE, 0, &got), ANP_ERR_INVALID_NODE);
    assert_int_equal(route(map, "none", 3, ANP_REPLICA_SEQUENCE, 0, &got), ANP_NAMESPACE);
    anp_cluster_node_deactivate(a);
    assert_int_equal(route(map, "test", 3, ANP_REPLICA_MASTER, 0, &got), ANP_ERR_INVALID_NODE);
    assert_int_equal(route(map, "test", 3, ANP_REPLICA_SEQUENCE, 0, &got), ANP_OK);
    assert_ptr_equal(got, b);
    anp_map_release(map);
    anp_cluster_node_release(a);
    anp_cluster_node_release(b);
}

/* ---- publishing ---- */

enum { READERS = 4, MAPS = 2000 };

typedef struct scene {
    anp_map_slot slot;
    _Atomic bool done;
    _Atomic int wrong;
    _Atomic uint64_t taken;
} scene;

/* Each map is of one namespace whose partitions all have the same regime: a torn or freed one would
 * show. */
/* Partition 3 has three replicas, partition 4 only the master. */
static anp_map *map_of_three(anp_cluster_node *nodes[3])
{
    anp_map *map = empty_map();
    for (unsigned k = 0; k < 3; k++) {
        nodes[k] = new_node((const char *[]){"A", "B", "C"}[k]);
        anp_replicas r = said("test", 0, 3);
        own(&r, k, 3, k == 0 ? 5 : 4);
        assert_int_equal(anp_map_apply(map, nodes[k], &r, NULL), ANP_OK);
    }
    return map;
}

static void drop_three(anp_map *map, anp_cluster_node *nodes[3])
{
    anp_map_release(map);
    for (unsigned k = 0; k < 3; k++) {
        anp_cluster_node_release(nodes[k]);
    }
}

static void test_any_goes_round_and_each_retry_to_another_replica(void **state)
{
    (void)state;
    anp_cluster_node *nodes[3];
    anp_map *map = map_of_three(nodes);
    const anp_replica policies[] = {ANP_REPLICA_ANY, ANP_REPLICA_RANDOM};
    for (int i = 0; i < 2; i++) {
        unsigned begun[3] = {0};
        for (int turn = 0; turn < 300; turn++) {
            anp_cluster_node *got[3];
            for (uint32_t attempt = 0; attempt < 3; attempt++) {
                assert_int_equal(route(map, "test", 3, policies[i], attempt, &got[attempt]),
                                 ANP_OK);
            }
            assert_true(got[0] != got[1] && got[1] != got[2] && got[0] != got[2]);
            for (unsigned k = 0; k < 3; k++) {
                begun[k] += got[0] == nodes[k];
            }
            assert_int_equal(route(map, "test", 4, policies[i], 1, &got[0]), ANP_OK);
            assert_ptr_equal(got[0], nodes[0]);
        }
        for (unsigned k = 0; k < 3; k++) {
            assert_in_range(begun[k], i == 0 ? 100 : 50, i == 0 ? 100 : 150);
        }
    }
    anp_cluster_node *got = NULL; /* writes are the master's */
    for (int turn = 0; turn < 5; turn++) {
        assert_int_equal(anp_cluster_route(map, anp_map_find(map, "test", 4), 3, ANP_REPLICA_ANY,
                                           true, 0, &got, NULL),
                         ANP_OK);
        assert_ptr_equal(got, nodes[0]);
        anp_cluster_node_release(got);
    }
    drop_three(map, nodes);
}

static void test_prefer_rack_goes_by_rank_and_then_in_sequence(void **state)
{
    (void)state;
    static const struct {
        uint8_t rank[3];
        unsigned expected[3];
    } cases[] = {{{0, 0, 0}, {0, 1, 2}}, {{255, 255, 0}, {2, 0, 1}},   {{255, 1, 0}, {2, 1, 0}},
                 {{1, 0, 1}, {1, 0, 2}}, {{255, 255, 255}, {0, 1, 2}}, {{0, 255, 255}, {0, 1, 2}}};
    anp_cluster_node *nodes[3];
    anp_map *map = map_of_three(nodes);
    anp_cluster_node *got = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(map->namespaces[0].partitions[3].rank, cases[i].rank, 3);
        for (uint32_t attempt = 0; attempt < 6; attempt++) {
            assert_int_equal(route(map, "test", 3, ANP_REPLICA_PREFER_RACK, attempt, &got), ANP_OK);
            assert_ptr_equal(got, nodes[cases[i].expected[attempt % 3]]);
        }
    }
    map->namespaces[0].is_sc = true; /* strong consistency: the master, whatever its rack */
    memcpy(map->namespaces[0].partitions[3].rank, cases[1].rank, 3);
    assert_int_equal(route(map, "test", 3, ANP_REPLICA_PREFER_RACK, 0, &got), ANP_OK);
    assert_ptr_equal(got, nodes[0]);
    map->namespaces[0].is_sc = false;
    anp_cluster_node_deactivate(nodes[2]); /* who left is passed over */
    assert_int_equal(route(map, "test", 3, ANP_REPLICA_PREFER_RACK, 0, &got), ANP_OK);
    assert_ptr_equal(got, nodes[0]);
    drop_three(map, nodes);
}

static void test_a_node_takes_anothers_place(void **state)
{
    (void)state;
    anp_cluster_node *nodes[3];
    anp_map *map = map_of_three(nodes);
    uint32_t before = anp_map_unowned(&map->namespaces[0]);
    anp_map_replace(map, nodes[0], nodes[1]);
    assert_ptr_equal(at(map, "test", 3)->replica[0], nodes[1]);
    assert_ptr_equal(at(map, "test", 4)->replica[0], nodes[1]);
    assert_ptr_equal(at(map, "test", 3)->replica[2], nodes[2]);
    assert_int_equal(anp_map_unowned(&map->namespaces[0]), before);
    drop_three(map, nodes);
}

static anp_map *numbered_map(uint32_t number)
{
    anp_map *map = anp_calloc(1, sizeof *map);
    anp_map_partition *partitions = anp_calloc(ANP_PARTITIONS, sizeof *partitions);
    for (unsigned p = 0; p < ANP_PARTITIONS; p++) {
        partitions[p].regime = number;
    }
    map->references = 1;
    map->n_namespaces = 1;
    map->namespaces[0] = (anp_map_namespace){.name = "n", .name_size = 1, .partitions = partitions};
    return map;
}

static void *read_maps(void *argument)
{
    scene *s = argument;
    uint32_t last = 0;
    anp_map *kept = NULL;
    while (!atomic_load(&s->done)) {
        anp_map *map = anp_map_slot_take(&s->slot);
        const anp_map_partition *p = map->namespaces[0].partitions;
        uint32_t number = p[0].regime;
        if (number < last || p[ANP_PARTITIONS / 2].regime != number ||
            p[ANP_PARTITIONS - 1].regime != number) {
            (void)atomic_fetch_add(&s->wrong, 1);
        }
        last = number;
        if (number % 5 == 0) { /* one is held for longer than it is current */
            anp_map_release(kept);
            kept = anp_map_retain(map);
        }
        anp_map_release(map);
        (void)atomic_fetch_add(&s->taken, 1);
    }
    anp_map_release(kept);
    return NULL;
}

static void test_readers_take_whole_maps_while_new_ones_are_published(void **state)
{
    (void)state;
    static scene s;
    assert_null(anp_map_slot_take(&s.slot));
    anp_map_slot_publish(&s.slot, numbered_map(1));
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_maps, &s), 0);
    }
    for (uint32_t n = 2; n < MAPS; n++) {
        uint64_t before = atomic_load(&s.taken);
        anp_map_slot_publish(&s.slot, numbered_map(n));
        while (n % 16 == 0 && atomic_load(&s.taken) == before) {
        }
    }
    atomic_store(&s.done, true);
    for (int i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(s.wrong, 0);
    anp_map *last = anp_map_slot_take(&s.slot);
    assert_int_equal(last->references,
                     1 + (1 << 20)); /* ours and the slot's: no reader is left in the count */
    anp_map_release(last);
    anp_map_slot_publish(&s.slot, NULL);
    assert_int_equal(s.slot.word, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_owns_what_its_bits_say),
        cmocka_unit_test(test_lower_regime_is_not_believed),
        cmocka_unit_test(test_copy_is_apart_from_its_original),
        cmocka_unit_test(test_a_namespace_that_is_not_there_is_told_those_that_are),
        cmocka_unit_test(test_long_names_and_too_many_namespaces_are_refused),
        cmocka_unit_test(test_routing_follows_the_policy),
        cmocka_unit_test(test_any_goes_round_and_each_retry_to_another_replica),
        cmocka_unit_test(test_prefer_rack_goes_by_rank_and_then_in_sequence),
        cmocka_unit_test(test_a_node_takes_anothers_place),
        cmocka_unit_test(test_readers_take_whole_maps_while_new_ones_are_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
