/* Racks: how a client learns them, and which replica it prefers. */
#include "cluster/cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/log.h"
#include "steady.h"
#include "tend_client.h"

typedef struct pair { /* each is master of a half, and the other's replica */
    fake_node a, b;
    anp_cluster *cluster;
} pair;

static void pair_open(pair *t, const char *racks_a, const char *racks_b, int32_t first,
                      int32_t second)
{
    fake_start(&t->a, "A0");
    fake_start(&t->b, "B0");
    fake_node *nodes[] = {&t->a, &t->b};
    for (int i = 0; i < 2; i++) {
        fake_node *f = nodes[i];
        FAKE_SET(f, f->share = i == 0 ? FAKE_FIRST_HALF : FAKE_SECOND_HALF;
                 f->second = i == 0 ? FAKE_SECOND_HALF : FAKE_FIRST_HALF; f->has_second = true;
                 f->peers_generation = f->rebalance_generation = 2;
                 (void)snprintf(f->racks, sizeof f->racks, "%s", i == 0 ? racks_a : racks_b);
                 (void)snprintf(f->peers, sizeof f->peers, "[%s,,[127.0.0.1:%u]]",
                                i == 0 ? "B0" : "A0", nodes[1 - i]->port));
    }
    anp_seed seed = seed_of(&t->a);
    anp_cluster_config config = config_of(&seed, 1);
    config.is_rack_aware = true;
    config.n_racks = 2;
    config.racks[0] = first;
    config.racks[1] = second;
    t->cluster = open_with(&config);
    anp_error err = {0};
    if (anp_cluster_wait(t->cluster, 20000, &err) != ANP_OK) {
        fail_msg("%s", err.message);
    }
}

static void pair_close(pair *t)
{
    anp_cluster_release(t->cluster);
    fake_stop(&t->a);
    fake_stop(&t->b);
}

/* The name of the node that is asked, or "" */
static const char *asked(anp_cluster *cluster, const char *ns, unsigned p, bool is_write,
                         uint32_t attempt)
{
    static char name[20];
    name[0] = 0;
    anp_map *map = anp_cluster_map(cluster);
    anp_cluster_node *node = NULL;
    if (anp_cluster_route(map, anp_map_find(map, ns, strlen(ns)), p, ANP_REPLICA_PREFER_RACK,
                          is_write, attempt, &node, NULL) == ANP_OK) {
        (void)snprintf(name, sizeof name, "%s", node->name);
        anp_cluster_node_release(node);
    }
    anp_map_release(map);
    return name;
}

static bool is_asked(anp_cluster *cluster, unsigned p, const char *name)
{
    return strcmp(asked(cluster, "test", p, false, 0), name) == 0;
}

static void test_the_replica_on_the_preferred_rack_is_asked_first(void **state)
{
    (void)state;
    pair t;
    pair_open(&t, "test:1;other:7", "test:2;other:7", 2, 99);
    assert_string_equal(asked(t.cluster, "test", 0, false, 0), "B0"); /* A is the master */
    assert_string_equal(asked(t.cluster, "test", 0, false, 1), "A0");
    assert_string_equal(asked(t.cluster, "test", 4095, false, 0), "B0");
    assert_string_equal(asked(t.cluster, "test", 4095, false, 1), "A0");
    /* Writes are the master's, and a namespace has racks of its own. */
    assert_string_equal(asked(t.cluster, "test", 0, true, 0), "A0");
    assert_string_equal(asked(t.cluster, "other", 0, false, 0), "A0");
    pair_close(&t);
}

static void test_racks_are_preferred_in_the_order_given(void **state)
{
    (void)state;
    pair t;
    pair_open(&t, "test:1", "test:2", 1, 2);
    assert_string_equal(asked(t.cluster, "test", 4095, false, 0), "A0");
    assert_string_equal(asked(t.cluster, "test", 4095, false, 1), "B0");
    pair_close(&t);
    pair_open(&t, "test:1", "test:2", 2, 1);
    assert_string_equal(asked(t.cluster, "test", 0, false, 0), "B0");
    pair_close(&t);
    pair_open(&t, "test:1", "test:2", 5, 6); /* none is preferred: sequence */
    assert_string_equal(asked(t.cluster, "test", 0, false, 0), "A0");
    assert_string_equal(asked(t.cluster, "test", 4095, false, 0), "B0");
    pair_close(&t);
}

static void test_racks_are_read_again_when_they_may_have_changed(void **state)
{
    (void)state;
    pair t;
    pair_open(&t, "test:1", "test:2", 2, 99);
    anp_map *before = anp_cluster_map(t.cluster);
    uint64_t rounds = tends(t.cluster);
    assert_true(UNTIL(tends(t.cluster) > rounds + 3));
    assert_int_equal(FAKE_GET(&t.a, racks_reads), 1);
    anp_map *same = anp_cluster_map(t.cluster);
    assert_ptr_equal(before, same);
    anp_map_release(same);
    FAKE_SET(&t.a, (void)strcpy(t.a.racks, "test:2"); t.a.rebalance_generation++);
    FAKE_SET(&t.b, (void)strcpy(t.b.racks, "test:1"); t.b.rebalance_generation++);
    assert_true(UNTIL(is_asked(t.cluster, 4095, "A0")));
    assert_int_equal(before->namespaces[0].partitions[0].rank[1], 0); /* it doesn't change */
    anp_map_release(before);
    pair_close(&t);
}

static void test_nonsense_keeps_the_old_racks(void **state)
{
    (void)state;
    static const char *const nonsense[] = {"test",
                                           "test:",
                                           ":1",
                                           "test:one",
                                           "test:1;other:99999999999",
                                           "ERROR:4:no such thing",
                                           "namespace-with-a-name-that-is-too-long:1"};
    pair t;
    pair_open(&t, "test:1", "test:2", 2, 99);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        uint64_t failed = failures(t.cluster);
        FAKE_SET(&t.b, (void)snprintf(t.b.racks, sizeof t.b.racks, "%s", nonsense[i]);
                 t.b.rebalance_generation++);
        if (!UNTIL(failures(t.cluster) > failed)) {
            fail_msg("'%s' was taken", nonsense[i]);
        }
        assert_true(is_asked(t.cluster, 0, "B0"));
        FAKE_SET(&t.b, (void)strcpy(t.b.racks, "test:2"); t.b.rebalance_generation++);
        int reads = FAKE_GET(&t.b, racks_reads);
        assert_true(UNTIL(FAKE_GET(&t.b, racks_reads) > reads));
    }
    FAKE_SET(&t.b, (void)strcpy(t.b.racks, "test:9"); t.b.rebalance_generation++);
    assert_true(UNTIL(is_asked(t.cluster, 0, "A0"))); /* and it is believed again */
    pair_close(&t);
}

static _Atomic int warnings;

static void count_warnings(anp_log_level level, const char *message)
{
    (void)atomic_fetch_add(&warnings,
                           level == ANP_LOG_WARN && strstr(message, "knows no racks") != NULL);
}

static void test_without_racks_prefer_rack_is_sequence_and_said_once(void **state)
{
    (void)state;
    atomic_store(&warnings, 0);
    anp_log_set(count_warnings, ANP_LOG_WARN);
    pair t;
    pair_open(&t, "", "", 0, 1);
    assert_string_equal(asked(t.cluster, "test", 0, false, 0), "A0");
    assert_string_equal(asked(t.cluster, "test", 0, false, 1), "B0");
    assert_string_equal(asked(t.cluster, "test", 4095, false, 0), "B0");
    FAKE_SET(&t.a, t.a.rebalance_generation++);
    int reads = FAKE_GET(&t.a, racks_reads);
    assert_true(UNTIL(FAKE_GET(&t.a, racks_reads) > reads));
    assert_int_equal(atomic_load(&warnings), 1);
    assert_int_equal(failures(t.cluster), 0);
    anp_log_set(NULL, ANP_LOG_OFF);
    pair_close(&t);
}

static void test_a_node_that_left_is_not_preferred(void **state)
{
    (void)state;
    pair t;
    pair_open(&t, "test:1", "test:2", 2, 99);
    assert_true(is_asked(t.cluster, 0, "B0"));
    FAKE_SET(&t.b, t.b.mode = FAKE_CLOSING);
    FAKE_SET(&t.a, t.a.peers[0] = 0; t.a.peers_generation++; t.a.share = FAKE_ALL;
             t.a.partition_generation++);
    assert_true(UNTIL(is_asked(t.cluster, 0, "A0")));
    assert_true(UNTIL(is_asked(t.cluster, 4095, "A0")));
    pair_close(&t);
}

static void test_clients_that_want_no_racks_ask_for_none(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, (void)strcpy(f.racks, "test:1"));
    anp_cluster *cluster = connect_to(&f);
    uint64_t rounds = tends(cluster);
    assert_true(UNTIL(tends(cluster) > rounds + 2));
    assert_int_equal(FAKE_GET(&f, racks_reads), 0);
    anp_cluster_release(cluster);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_replica_on_the_preferred_rack_is_asked_first),
        cmocka_unit_test(test_racks_are_preferred_in_the_order_given),
        cmocka_unit_test(test_racks_are_read_again_when_they_may_have_changed),
        cmocka_unit_test(test_nonsense_keeps_the_old_racks),
        cmocka_unit_test(test_without_racks_prefer_rack_is_sequence_and_said_once),
        cmocka_unit_test(test_a_node_that_left_is_not_preferred),
        cmocka_unit_test(test_clients_that_want_no_racks_ask_for_none),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
