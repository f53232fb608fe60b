/* Tending a cluster of many nodes: they move, restart, take another's place, are cut off, or tell
 * nonsense, one among good ones. */
#include "cluster/cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "steady.h"
#include "tend_client.h"

enum { MANY = 64, GROUPS = 171, IN_GROUP = 24 };

static anp_cluster *connect_with(const anp_cluster_config *config)
{
    anp_cluster *cluster = open_with(config);
    anp_error err = {0};
    if (anp_cluster_wait(cluster, 20000, &err) != ANP_OK) {
        fail_msg("%s", err.message);
    }
    return cluster;
}

/* Partitions without an owner, of all namespaces. */
static uint32_t unowned(anp_cluster *cluster)
{
    uint32_t n = 0;
    anp_map *map = anp_cluster_map(cluster);
    for (uint32_t i = 0; i < map->n_namespaces; i++) {
        n += anp_map_unowned(&map->namespaces[i]);
    }
    anp_map_release(map);
    return n;
}

/* The port of the master of a partition of namespace test, or 0. */
static uint16_t port_of(anp_cluster *cluster, unsigned p)
{
    anp_map *map = anp_cluster_map(cluster);
    const anp_map_namespace *ns = anp_map_find(map, "test", 4);
    const anp_cluster_node *node = ns != NULL ? ns->partitions[p].replica[0] : NULL;
    uint16_t port = node != NULL ? ntohs(node->address.v4.sin_port) : 0;
    anp_map_release(map);
    return port;
}

static void tell_of(fake_node *f, const char *peers)
{
    FAKE_SET(f, f->peers_generation++; (void)snprintf(f->peers, sizeof f->peers, "%s", peers));
}

/* Two nodes with a half each, that tell of each other. */
static anp_cluster *open_two(fake_node *a, fake_node *b)
{
    char peers[64];
    fake_start(a, "A0");
    fake_start(b, "B0");
    a->share = FAKE_FIRST_HALF;
    b->share = FAKE_SECOND_HALF;
    (void)snprintf(peers, sizeof peers, "[B0,,[127.0.0.1:%u]]", b->port);
    tell_of(a, peers);
    (void)snprintf(peers, sizeof peers, "[A0,,[127.0.0.1:%u]]", a->port);
    tell_of(b, peers);
    anp_cluster *cluster = connect_to(a);
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 2 && unowned(cluster) == 0));
    return cluster;
}

/* ---- many ---- */

static fake_node many[MANY];

/* Each tells of all others that are marked. */
static void tell_all(const bool *is_in)
{
    for (int i = 0; i < MANY; i++) {
        char text[4096] = "";
        for (int k = 0; k < MANY; k++) {
            if (k != i && is_in[k]) {
                size_t used = strlen(text);
                (void)snprintf(text + used, sizeof text - used, "%s[N%d,,[127.0.0.1:%u]]",
                               used != 0 ? "," : "", k, many[k].port);
            }
        }
        tell_of(&many[i], text);
    }
}

static unsigned first_of(int i)
{
    return (unsigned)(i * GROUPS / MANY * IN_GROUP);
}

static void test_sixty_four_nodes_are_found_from_one_and_lost_ones_are_noticed(void **state)
{
    (void)state;
    bool is_in[MANY];
    for (int i = 0; i < MANY; i++) {
        char name[20];
        (void)snprintf(name, sizeof name, "N%d", i);
        fake_start(&many[i], name);
        many[i].share = FAKE_SLICE;
        many[i].from = i * GROUPS / MANY;
        many[i].to = (i + 1) * GROUPS / MANY;
        is_in[i] = true;
    }
    tell_all(is_in);
    anp_cluster *cluster = connect_to(&many[17]);
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), MANY);
    assert_int_equal(unowned(cluster), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(port_of(cluster, first_of(i)), many[i].port);
    }
    /* The last eight go, and nobody takes what they had. */
    for (int i = MANY - 8; i < MANY; i++) {
        FAKE_SET(&many[i], many[i].mode = FAKE_CLOSING);
        is_in[i] = false;
    }
    tell_all(is_in);
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == MANY - 8));
    assert_true(UNTIL(unowned(cluster) == 2 * (ANP_PARTITIONS - first_of(MANY - 8))));
    assert_int_equal(port_of(cluster, first_of(MANY - 8)), 0);
    assert_int_equal(port_of(cluster, first_of(MANY - 8) - 1), many[MANY - 9].port);
    /* And come back. */
    for (int i = MANY - 8; i < MANY; i++) {
        FAKE_SET(&many[i], many[i].mode = FAKE_NORMAL);
        is_in[i] = true;
    }
    tell_all(is_in);
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == MANY && unowned(cluster) == 0));
    anp_cluster_stats stats;
    anp_cluster_stats_get(cluster, &stats);
    assert_int_equal(stats.nodes_added, MANY + 8);
    assert_int_equal(stats.nodes_removed, 8);
    anp_cluster_release(cluster);
    for (int i = 0; i < MANY; i++) {
        fake_stop(&many[i]);
    }
}

/* ---- addresses that change ---- */

static void test_a_node_is_followed_to_its_new_address(void **state)
{
    (void)state;
    fake_node a, b, moved;
    anp_cluster *cluster = open_two(&a, &b);
    fake_start(&moved, "B0");
    moved.share = FAKE_SECOND_HALF;
    FAKE_SET(&b, b.mode = FAKE_CLOSING);
    uint64_t failed = failures(cluster);
    assert_true(UNTIL(failures(cluster) > failed));
    char peers[64];
    (void)snprintf(peers, sizeof peers, "[B0,,[127.0.0.1:%u]]", moved.port);
    tell_of(&a, peers);
    uint32_t most = 0;
    assert_true(UNTIL((most = most > unowned(cluster) ? most : unowned(cluster),
                       port_of(cluster, 4095) == moved.port)));
    assert_int_equal(most, 0); /* nothing was without an owner meanwhile */
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), 2);
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
    fake_stop(&moved);
}

static void test_an_address_told_before_the_old_one_fails_is_followed_then(void **state)
{
    (void)state;
    fake_node a, b, moved;
    anp_cluster *cluster = open_two(&a, &b);
    fake_start(&moved, "B0");
    moved.share = FAKE_SECOND_HALF;
    char peers[64];
    (void)snprintf(peers, sizeof peers, "[B0,,[127.0.0.1:%u]]", moved.port);
    int reads = FAKE_GET(&a, peers_reads);
    tell_of(&a, peers);
    assert_true(UNTIL(FAKE_GET(&a, peers_reads) > reads));
    assert_int_equal(port_of(cluster, 4095), b.port); /* it answers still */
    FAKE_SET(&b, b.mode = FAKE_CLOSING);
    assert_true(UNTIL(port_of(cluster, 4095) == moved.port));
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
    fake_stop(&moved);
}

static void test_another_node_at_the_old_address_is_not_taken_for_it(void **state)
{
    (void)state;
    fake_node a, b, moved;
    anp_cluster *cluster = open_two(&a, &b);
    fake_start(&moved, "B0");
    moved.share = FAKE_SECOND_HALF;
    char peers[128];
    (void)snprintf(peers, sizeof peers, "[A0,,[127.0.0.1:%u]]", a.port);
    tell_of(&moved, peers);
    (void)snprintf(peers, sizeof peers, "[B0,,[127.0.0.1:%u]],[C0,,[127.0.0.1:%u]]", moved.port,
                   b.port);
    FAKE_SET(&b, (void)strcpy(b.name, "C0"); b.share = FAKE_NONE);
    tell_of(&a, peers);
    assert_true(UNTIL(port_of(cluster, 4095) == moved.port));
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 3));
    assert_true(master_is(cluster, 4095, "B0"));
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
    fake_stop(&moved);
}

static void test_a_cluster_is_found_again_though_its_seed_is_gone_for_good(void **state)
{
    (void)state;
    fake_node a, b; /* a is the seed */
    anp_cluster *cluster = open_two(&a, &b);
    FAKE_SET(&a, a.mode = FAKE_CLOSING);
    FAKE_SET(&b, b.mode = FAKE_CLOSING);
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 0));
    FAKE_SET(&b, b.mode = FAKE_NORMAL; b.share = FAKE_ALL);
    tell_of(&b, "");
    assert_true(UNTIL(master_is(cluster, 0, "B0") && unowned(cluster) == 0));
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), 1);
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

/* ---- nonsense, and nodes that are not ours ---- */

static void test_the_next_seed_is_asked_when_the_first_ones_map_is_nonsense(void **state)
{
    (void)state;
    fake_node a, c;
    fake_start(&a, "A0");
    fake_start(&c, "C0");
    FAKE_SET(&a, a.mode = FAKE_BAD_MAP);
    anp_seed seeds[] = {seed_of(&a), seed_of(&c)};
    anp_cluster_config config = config_of(seeds, 2);
    anp_cluster *cluster = connect_with(&config);
    assert_true(master_is(cluster, 0, "C0"));
    assert_int_equal(unowned(cluster), 0);
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&c);
}

static void test_a_map_that_stays_nonsense_is_asked_for_less_and_less_often(void **state)
{
    (void)state;
    fake_node a, b;
    anp_cluster *cluster = open_two(&a, &b);
    FAKE_SET(&b, b.mode = FAKE_BAD_MAP; b.partition_generation++; b.replicas_reads = 0);
    assert_true(UNTIL(FAKE_GET(&b, replicas_reads) >= 1));
    uint64_t start = anp_clock_now();
    assert_true(UNTIL(FAKE_GET(&b, replicas_reads) >= 6));
    assert_true(anp_clock_now() - start >= (1 + 2 + 4 + 8 + 8 - 2) * INTERVAL_MS * ANP_NS_PER_MS);
    assert_true(master_is(cluster, 4095, "B0"));
    FAKE_SET(&b, b.mode = FAKE_NORMAL; b.share = FAKE_ALL);
    assert_true(UNTIL(master_is(cluster, 0, "B0")));
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

static void test_a_peer_of_another_cluster_is_left_out(void **state)
{
    (void)state;
    fake_node a, b;
    fake_start(&a, "A0");
    fake_start(&b, "B0");
    FAKE_SET(&b, (void)strcpy(b.cluster, "another"));
    char peers[64];
    (void)snprintf(peers, sizeof peers, "[B0,,[127.0.0.1:%u]]", b.port);
    tell_of(&a, peers);
    anp_seed seed = seed_of(&a);
    anp_cluster_config config = config_of(&seed, 1);
    (void)strcpy(config.cluster_name, "real-one");
    anp_cluster *cluster = connect_with(&config);
    uint64_t rounds = tends(cluster);
    assert_true(UNTIL(tends(cluster) > rounds + 3));
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), 1);
    FAKE_SET(&b, (void)strcpy(b.cluster, "real-one"));
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 2));
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

static void test_a_node_that_sees_no_other_is_not_believed(void **state)
{
    (void)state;
    fake_node a, b;
    anp_cluster *cluster = open_two(&a, &b);
    tell_of(&b, ""); /* cut off: it thinks that all is its own */
    uint64_t rounds = tends(cluster);
    assert_true(UNTIL(tends(cluster) > rounds + 2));
    FAKE_SET(&b, b.share = FAKE_ALL; b.partition_generation++);
    rounds = tends(cluster);
    assert_true(UNTIL(tends(cluster) > rounds + 3));
    assert_true(master_is(cluster, 0, "A0"));
    char peers[64];
    (void)snprintf(peers, sizeof peers, "[A0,,[127.0.0.1:%u]]", a.port);
    tell_of(&b, peers);
    assert_true(UNTIL(master_is(cluster, 0, "B0"))); /* it is back among the others */
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

static void test_a_lower_generation_of_peers_is_a_restart_and_all_is_read(void **state)
{
    (void)state;
    fake_node a, b;
    anp_cluster *cluster = open_two(&a, &b);
    int maps = FAKE_GET(&b, replicas_reads), peers = FAKE_GET(&b, peers_reads);
    FAKE_SET(&b, b.peers_generation = 0; b.share = FAKE_ALL); /* its partitions' is the same */
    assert_true(UNTIL(FAKE_GET(&b, replicas_reads) > maps));
    assert_true(FAKE_GET(&b, peers_reads) > peers);
    assert_true(UNTIL(master_is(cluster, 0, "B0")));
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

/* ---- addresses that nodes give ---- */

static bool is_at(anp_cluster *cluster, const char *expected)
{
    anp_cluster_node *node = any_node(cluster);
    char text[ANP_ADDRESS_TEXT] = "";
    if (node != NULL) {
        anp_address_print(&node->address, text);
        anp_cluster_node_release(node);
    }
    return strcmp(text, expected) == 0;
}

/* The seed is "0.0.0.0": this machine, by an address that is none of the loopback. */
static anp_cluster *by_service(fake_node *f, const char *services, const char *alternate,
                               bool use_alternate)
{
    fake_start(f, "A0");
    FAKE_SET(f, (void)snprintf(f->services, sizeof f->services, services, f->port); (void)snprintf(
                 f->services_alternate, sizeof f->services_alternate, alternate, f->port));
    anp_seed seed = {.host = "0.0.0.0", .port = f->port};
    anp_cluster_config config = config_of(&seed, 1);
    config.use_services_alternate = use_alternate;
    return connect_with(&config);
}

static void expect_service(const char *services, const char *alternate, bool use_alternate,
                           const char *expected)
{
    fake_node f;
    char text[64];
    anp_cluster *cluster = by_service(&f, services, alternate, use_alternate);
    (void)snprintf(text, sizeof text, "%s:%u", expected, f.port);
    if (!is_at(cluster, text)) {
        fail_msg("'%s' and '%s' don't lead to %s", services, alternate, text);
    }
    anp_cluster_release(cluster);
    fake_stop(&f);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void test_a_seed_is_reached_where_it_wants_to_be(void **state)
{
    (void)state;
    expect_service("127.0.0.1:%u", "", false, "127.0.0.1");
    expect_service("127.0.0.1:1,127.0.0.1:%u", "", false, "127.0.0.1");
    expect_service("127.0.0.9:1", "127.0.0.1:%u", true, "127.0.0.1");
    expect_service("127.0.0.1:%u", "127.0.0.1:1", true, "0.0.0.0"); /* none answers */
    expect_service("", "", false, "0.0.0.0");
    expect_service("ERROR:4:unrecognized command", "", false, "0.0.0.0");
    expect_service("[[[", "", false, "0.0.0.0");
}

static void test_alternate_addresses_of_peers_are_used_where_wanted(void **state)
{
    (void)state;
    fake_node a, b;
    fake_start(&a, "A0");
    fake_start(&b, "B0");
    char peers[64];
    tell_of(&a, "[B0,,[127.0.0.1:1]]");
    (void)snprintf(peers, sizeof peers, "[B0,,[[::1]:1,127.0.0.1:%u]]", b.port);
    FAKE_SET(&a, (void)strcpy(a.peers_alternate, peers));
    anp_seed seed = seed_of(&a);
    anp_cluster_config config = config_of(&seed, 1);
    config.use_services_alternate = true;
    anp_cluster *cluster = connect_with(&config);
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), 2);
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

static void test_round_trips_are_measured(void **state)
{
    (void)state;
    fake_node a, b;
    anp_cluster *cluster = open_two(&a, &b);
    anp_cluster_node *nodes[2];
    assert_int_equal(anp_cluster_nodes(cluster, nodes, 2), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(UNTIL(atomic_load(&nodes[i]->round_trip_ns) > 0));
        assert_true(atomic_load(&nodes[i]->round_trip_ns) < 10 * ANP_NS_PER_S);
        assert_int_equal(atomic_load(&nodes[i]->failures), 0);
    }
    FAKE_SET(&a, a.mode = FAKE_BANANA);
    anp_cluster_node *bad = strcmp(nodes[0]->name, "A0") == 0 ? nodes[0] : nodes[1];
    assert_true(UNTIL(atomic_load(&bad->failures) >= 3));
    FAKE_SET(&a, a.mode = FAKE_NORMAL);
    assert_true(UNTIL(atomic_load(&bad->failures) == 0));
    anp_cluster_node_release(nodes[0]);
    anp_cluster_node_release(nodes[1]);
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sixty_four_nodes_are_found_from_one_and_lost_ones_are_noticed),
        cmocka_unit_test(test_a_node_is_followed_to_its_new_address),
        cmocka_unit_test(test_an_address_told_before_the_old_one_fails_is_followed_then),
        cmocka_unit_test(test_another_node_at_the_old_address_is_not_taken_for_it),
        cmocka_unit_test(test_a_cluster_is_found_again_though_its_seed_is_gone_for_good),
        cmocka_unit_test(test_the_next_seed_is_asked_when_the_first_ones_map_is_nonsense),
        cmocka_unit_test(test_a_map_that_stays_nonsense_is_asked_for_less_and_less_often),
        cmocka_unit_test(test_a_peer_of_another_cluster_is_left_out),
        cmocka_unit_test(test_a_node_that_sees_no_other_is_not_believed),
        cmocka_unit_test(test_a_lower_generation_of_peers_is_a_restart_and_all_is_read),
        cmocka_unit_test(test_a_seed_is_reached_where_it_wants_to_be),
        cmocka_unit_test(test_alternate_addresses_of_peers_are_used_where_wanted),
        cmocka_unit_test(test_round_trips_are_measured),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
