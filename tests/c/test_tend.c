/* Tending: what a client learns from its seeds, and what it makes of nodes that change, lie, stall
 * or go. */
#include "cluster/cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/log.h"
#include "steady.h"
#include "tend_client.h"

static void test_one_node_gives_map_name_build_and_gets_user_agent(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "BB9A0");
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    (void)snprintf(config.user_agent, sizeof config.user_agent, "1,python-19.3.0,not-set");
    (void)snprintf(config.cluster_name, sizeof config.cluster_name, "real-one");
    anp_cluster *cluster = open_with(&config);
    assert_int_equal(anp_cluster_wait(cluster, 20000, NULL), ANP_OK);
    assert_true(anp_cluster_is_connected(cluster));
    anp_map *map = anp_cluster_map(cluster);
    assert_int_equal(map->n_namespaces, 2);
    assert_int_equal(anp_map_unowned(&map->namespaces[0]), 0);
    assert_int_equal(anp_map_unowned(&map->namespaces[1]), 0);
    anp_cluster_node *node = NULL;
    assert_int_equal(anp_cluster_route(map, anp_map_find(map, "other", 5), 4095,
                                       ANP_REPLICA_SEQUENCE, true, 0, &node, NULL),
                     ANP_OK);
    anp_map_release(map);
    assert_string_equal(node->name, "BB9A0");
    assert_int_equal(node->build[0], 8);
    assert_int_equal(node->build[2], 2);
    anp_cluster_node *nodes[4];
    assert_int_equal(anp_cluster_nodes(cluster, nodes, 4), 1);
    assert_ptr_equal(nodes[0], node);
    anp_cluster_node_release(nodes[0]);
    char agent[128];
    FAKE_SET(&f, memcpy(agent, f.user_agent, sizeof agent));
    assert_string_equal(agent, "MSxweXRob24tMTkuMy4wLG5vdC1zZXQ=");
    /* Nothing changes: nothing is fetched again, on one connection. */
    uint64_t before = tends(cluster);
    assert_true(UNTIL(tends(cluster) > before + 5));
    assert_int_equal(FAKE_GET(&f, replicas_reads), 1);
    assert_int_equal(FAKE_GET(&f, peers_reads), 1);
    assert_int_equal(FAKE_GET(&f, accepts), 1);
    anp_cluster_close(cluster);
    assert_false(anp_cluster_is_connected(cluster));
    anp_connection *c = NULL;
    assert_int_equal(anp_pool_take(node->pool, NULL, &c), ANP_POOL_NONE);
    anp_cluster_node_release(node);
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_wrong_cluster_name_names_both(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    (void)snprintf(config.cluster_name, sizeof config.cluster_name, "wished-for");
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_CLIENT);
    assert_non_null(strstr(err.message, "'real-one'"));
    assert_non_null(strstr(err.message, "'wished-for'"));
    assert_null(strstr(err.message, "Is the port right"));
    assert_false(anp_cluster_is_connected(cluster));
    assert_null(anp_cluster_map(cluster));
    FAKE_SET(&f, (void)snprintf(f.cluster, sizeof f.cluster, "wished-for"));
    assert_true(
        UNTIL(anp_cluster_wait(cluster, 1000, &err) == ANP_OK)); /* the caller may wait again */
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_failure_to_connect_gives_a_reason_for_each_seed(void **state)
{
    (void)state;
    anp_address address;
    int holder = listener_refusing(&address);
    anp_seed seeds[] = {
        {.host = "127.0.0.1", .port = ntohs(address.v4.sin_port)},
        {.host = "no such name", .port = 3000},
    };
    anp_cluster_config config = config_of(seeds, 2);
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_CONNECTION);
    char expected[239];
    (void)snprintf(expected, sizeof expected,
                   "can't connect to any of 2 seeds: 127.0.0.1:%u: connection refused; no such "
                   "name:3000: name not known. "
                   "Is the port right (default 3000), and is the server running?",
                   seeds[0].port);
    assert_string_equal(err.message, expected);
    assert_int_equal(anp_cluster_wait(cluster, 0, &err),
                     ANP_ERR_CLIENT_TIMEOUT); /* that failure was told */
    anp_cluster_release(cluster);
    config.n_seeds = 1;
    cluster = open_with(&config);
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_CONNECTION);
    (void)snprintf(expected, sizeof expected,
                   "can't connect to 127.0.0.1:%u: connection refused. "
                   "Is the port right (default 3000), and is the server running?",
                   seeds[0].port);
    assert_string_equal(err.message, expected);
    anp_cluster_release(cluster);
    (void)close(holder);
}

static void test_many_seeds_are_cut_to_fit(void **state)
{
    (void)state;
    static anp_seed seeds[12];
    for (int i = 0; i < 12; i++) {
        (void)snprintf(seeds[i].host, sizeof seeds[i].host,
                       "no such name, and a long one, number %d", i);
        seeds[i].port = 3000;
    }
    anp_cluster_config config = config_of(seeds, 12);
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_INVALID_HOST);
    assert_true(strlen(err.message) < sizeof err.message);
    assert_non_null(strstr(err.message, "any of 12 seeds"));
    anp_cluster_release(cluster);
}

static void test_second_seed_serves_when_the_first_is_down(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_address address;
    int holder = listener_refusing(&address);
    anp_seed seeds[] = {{.host = "127.0.0.1", .port = ntohs(address.v4.sin_port)}, seed_of(&f)};
    anp_cluster_config config = config_of(seeds, 2);
    anp_cluster *cluster = open_with(&config);
    assert_int_equal(anp_cluster_wait(cluster, 20000, NULL), ANP_OK);
    assert_true(master_is(cluster, 0, "A0"));
    anp_cluster_release(cluster);
    fake_stop(&f);
    (void)close(holder);
}

/* Every kind of nonsense: the map stays, the node is asked less and less often, and taken back at
 * once when it recovers. */
static void nonsense(fake_mode mode)
{
    fake_node f;
    fake_start(&f, "A0");
    anp_cluster *cluster = connect_to(&f);
    anp_map *before = anp_cluster_map(cluster);
    FAKE_SET(&f, f.mode = mode; f.partition_generation++);
    uint64_t failed = failures(cluster);
    assert_true(UNTIL(failures(cluster) >= failed + 5));
    anp_map *after = anp_cluster_map(cluster);
    assert_ptr_equal(before, after);
    assert_int_equal(anp_map_unowned(&after->namespaces[0]), 0);
    assert_true(anp_cluster_is_connected(cluster));
    anp_map_release(before);
    anp_map_release(after);
    FAKE_SET(&f, f.mode = FAKE_NORMAL; f.share = FAKE_FIRST_HALF);
    int reads = FAKE_GET(&f, replicas_reads);
    assert_true(UNTIL(FAKE_GET(&f, replicas_reads) > reads));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_garbage_instead_of_frames_keeps_the_map(void **state)
{
    (void)state;
    nonsense(FAKE_GARBAGE);
}

static void test_words_instead_of_numbers_keep_the_map(void **state)
{
    (void)state;
    nonsense(FAKE_BANANA);
}

static void test_reply_above_the_cap_keeps_the_map(void **state)
{
    (void)state;
    nonsense(FAKE_HUGE);
}

static void test_malformed_bitmap_keeps_the_whole_map(void **state)
{
    (void)state;
    nonsense(FAKE_BAD_MAP);
}

static void test_nonsense_is_asked_again_less_and_less_often(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_cluster *cluster = connect_to(&f);
    FAKE_SET(&f, f.mode = FAKE_BANANA; f.requests = 0);
    assert_true(UNTIL(FAKE_GET(&f, requests) >= 7));
    uint64_t stamps[7];
    FAKE_SET(&f, memcpy(stamps, f.stamps, sizeof stamps));
    uint64_t intervals =
        1 + 2 + 4 + 8 + 8 + 8; /* none is skipped; the first stamp may lag behind its round */
    assert_true(stamps[6] - stamps[0] >= (intervals - 2) * INTERVAL_MS * ANP_NS_PER_MS);
    /* Being asked for rounds doesn't change that. */
    int requests = FAKE_GET(&f, requests);
    uint64_t start = anp_clock_now();
    while (anp_clock_now() - start < 300 * ANP_NS_PER_MS) {
        anp_cluster_refresh(cluster);
    }
    assert_true(FAKE_GET(&f, requests) <=
                requests + 1 +
                    (int)((anp_clock_now() - start) / (7 * INTERVAL_MS * ANP_NS_PER_MS)));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_seed_that_answers_nonsense_is_no_busy_loop(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, f.mode = FAKE_GARBAGE);
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_PROTOCOL);
    assert_true(UNTIL(FAKE_GET(&f, requests) >= 5));
    uint64_t stamps[5];
    FAKE_SET(&f, memcpy(stamps, f.stamps, sizeof stamps));
    assert_true(stamps[4] - stamps[0] >= (1 + 2 + 4 + 8 - 2) * INTERVAL_MS * ANP_NS_PER_MS);
    FAKE_SET(&f, f.mode = FAKE_NORMAL);
    assert_true(UNTIL(anp_cluster_wait(cluster, 1000, &err) == ANP_OK));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_node_that_is_not_ready_is_taken_once_it_is(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, f.partition_generation = -1);
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_INVALID_NODE);
    assert_non_null(strstr(err.message, "isn't ready yet"));
    assert_null(anp_cluster_map(cluster));
    FAKE_SET(&f, f.partition_generation = 0);
    assert_true(UNTIL(anp_cluster_wait(cluster, 1000, &err) == ANP_OK));
    /* Not ready again, later: what it owned is kept. */
    FAKE_SET(&f, f.partition_generation = -1; f.share = FAKE_NONE);
    uint64_t before = tends(cluster);
    assert_true(UNTIL(tends(cluster) > before + 4));
    assert_true(master_is(cluster, 7, "A0"));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_new_partition_generation_is_picked_up(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, f.share = FAKE_FIRST_HALF);
    anp_cluster *cluster = connect_to(&f);
    assert_true(master_is(cluster, 2047, "A0"));
    assert_true(master_is(cluster, 2048, ""));
    FAKE_SET(&f, f.share = FAKE_SECOND_HALF; f.partition_generation++);
    assert_true(UNTIL(master_is(cluster, 2048, "A0")));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_refresh_asks_soon_but_not_too_often(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, f.share = FAKE_FIRST_HALF);
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    config.tend_interval_ms = 60000;
    anp_cluster *cluster = open_with(&config);
    assert_int_equal(anp_cluster_wait(cluster, 20000, NULL), ANP_OK);
    FAKE_SET(&f, f.share = FAKE_ALL; f.partition_generation++);
    anp_cluster_refresh(cluster);
    assert_true(UNTIL(master_is(cluster, 2048, "A0")));
    uint64_t start = anp_clock_now();
    uint64_t before = tends(cluster);
    while (anp_clock_now() - start < 300 * ANP_NS_PER_MS) {
        anp_cluster_refresh(cluster);
    }
    uint64_t rounds = tends(cluster) - before;
    uint64_t most = (anp_clock_now() - start) / (50 * ANP_NS_PER_MS) + 2;
    assert_true(rounds >= 1);
    assert_true(rounds <= most);
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_node_that_restarts_under_another_name_is_replaced(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_cluster *cluster = connect_to(&f);
    anp_cluster_node *old = any_node(cluster);
    FAKE_SET(&f, (void)snprintf(f.name, sizeof f.name, "B0"));
    assert_true(UNTIL(master_is(cluster, 0, "B0")));
    assert_true(master_is(cluster, 4095, "B0"));
    assert_false(atomic_load(&old->active));
    anp_cluster_node_release(old);
    anp_cluster_node *node = any_node(cluster);
    assert_string_equal(node->name, "B0");
    anp_cluster_node_release(node);
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_lost_connection_is_made_anew_and_all_is_read_again(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_cluster *cluster = connect_to(&f);
    FAKE_SET(&f, f.mode = FAKE_CLOSING);
    uint64_t failed = failures(cluster);
    assert_true(UNTIL(failures(cluster) > failed));
    FAKE_SET(&f, f.mode = FAKE_NORMAL);
    int reads = FAKE_GET(&f, replicas_reads);
    assert_true(
        UNTIL(FAKE_GET(&f, replicas_reads) > reads)); /* though the generation is the same */
    assert_true(anp_cluster_is_connected(cluster));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_dead_node_is_given_up_and_found_again_by_the_seed(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_cluster *cluster = connect_to(&f);
    FAKE_SET(&f, f.mode = FAKE_CLOSING);
    assert_true(UNTIL(!anp_cluster_is_connected(cluster)));
    assert_true(UNTIL(master_is(cluster, 0, ""))); /* the map follows at the end of the round */
    anp_error err = {0};
    assert_true(UNTIL(anp_cluster_wait(cluster, 1000, &err) == ANP_ERR_CONNECTION));
    FAKE_SET(&f, f.mode = FAKE_NORMAL);
    assert_true(UNTIL(anp_cluster_wait(cluster, 1000, &err) == ANP_OK));
    assert_true(master_is(cluster, 0, "A0"));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_peers_join_and_leave(void **state)
{
    (void)state;
    fake_node a;
    fake_node b;
    fake_start(&a, "A0");
    fake_start(&b, "B0");
    FAKE_SET(&a, a.share = FAKE_FIRST_HALF; a.peers_generation = 2;
             (void)snprintf(a.peers, sizeof a.peers, "[B0,,[127.0.0.1:%u]]", b.port));
    FAKE_SET(&b, b.share = FAKE_SECOND_HALF; b.peers_generation = 2;
             (void)snprintf(b.peers, sizeof b.peers, "[A0,,[127.0.0.1:%u]]", a.port));
    anp_cluster *cluster = connect_to(&a);
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), 2);
    assert_true(master_is(cluster, 0, "A0"));
    assert_true(master_is(cluster, 2048, "B0"));
    /* B goes: it doesn't answer, and A lists it no more, and owns everything. */
    FAKE_SET(&b, b.mode = FAKE_CLOSING);
    FAKE_SET(&a, a.share = FAKE_ALL; a.peers_generation++; a.partition_generation++;
             a.peers[0] = 0);
    assert_true(UNTIL(master_is(cluster, 2048, "A0")));
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 1));
    /* And comes back. */
    FAKE_SET(&b, b.mode = FAKE_NORMAL);
    FAKE_SET(&a, a.peers_generation++;
             (void)snprintf(a.peers, sizeof a.peers, "[B0,,[127.0.0.1:%u]]", b.port));
    assert_true(UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 2));
    assert_true(UNTIL(master_is(cluster, 2048, "B0")));
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

static void test_peer_with_another_name_is_not_taken_in(void **state)
{
    (void)state;
    fake_node a;
    fake_node b;
    fake_start(&a, "A0");
    fake_start(&b, "C0");
    FAKE_SET(&a, (void)snprintf(a.peers, sizeof a.peers, "[B0,,[127.0.0.1:%u]]", b.port));
    anp_cluster *cluster = connect_to(&a);
    uint64_t before = tends(cluster);
    assert_true(UNTIL(tends(cluster) > before + 3));
    assert_int_equal(anp_cluster_nodes(cluster, NULL, 0), 1);
    assert_true(anp_cluster_is_connected(cluster));
    FAKE_SET(&b, (void)snprintf(b.name, sizeof b.name, "B0"));
    assert_true(
        UNTIL(anp_cluster_nodes(cluster, NULL, 0) == 2)); /* the generation wasn't taken as read */
    anp_cluster_release(cluster);
    fake_stop(&a);
    fake_stop(&b);
}

static void test_closing_is_prompt_while_the_server_is_silent(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, f.mode = FAKE_SILENT);
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    config.connect_timeout_ms = 600000;
    anp_cluster *cluster = open_with(&config);
    assert_true(UNTIL(FAKE_GET(&f, requests) == 1));
    uint64_t start = anp_clock_now();
    anp_cluster_close(cluster);
    assert_true(anp_clock_now() - start < 20 * ANP_NS_PER_S);
    anp_cluster_close(cluster);
    assert_int_equal(anp_cluster_wait(cluster, 20000, NULL), ANP_ERR_CLOSED);
    anp_cluster_release(cluster);
    /* And in the middle of tending. */
    FAKE_SET(&f, f.mode = FAKE_NORMAL);
    cluster = open_with(&config);
    assert_int_equal(anp_cluster_wait(cluster, 20000, NULL), ANP_OK);
    FAKE_SET(&f, f.mode = FAKE_SILENT; f.requests = 0);
    assert_true(UNTIL(FAKE_GET(&f, requests) == 1));
    start = anp_clock_now();
    anp_cluster_release(cluster);
    assert_true(anp_clock_now() - start < 20 * ANP_NS_PER_S);
    fake_stop(&f);
}

static void test_silent_server_is_a_reason_not_the_callers_time_out(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    FAKE_SET(&f, f.mode = FAKE_SILENT);
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    config.connect_timeout_ms = 50;
    anp_cluster *cluster = open_with(&config);
    anp_error err = {0};
    assert_int_equal(anp_cluster_wait(cluster, 20000, &err), ANP_ERR_CONNECTION);
    assert_non_null(strstr(err.message, "no answer in time"));
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static void test_least_number_of_connections_is_kept_ready(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    config.min_conns_per_node = 3;
    anp_cluster *cluster = open_with(&config);
    assert_int_equal(anp_cluster_wait(cluster, 20000, NULL), ANP_OK);
    anp_cluster_node *node = any_node(cluster);
    anp_pool_stats s;
    assert_true(UNTIL((anp_pool_stats_get(node->pool, &s), s.idle == 3)));
    anp_connection *c = NULL;
    assert_int_equal(anp_pool_take(node->pool, NULL, &c), ANP_POOL_GOT);
    assert_non_null(c->stream.table);
    anp_pool_put(c, false);
    assert_true(UNTIL((anp_pool_stats_get(node->pool, &s), s.idle == 3)));
    assert_int_equal(s.opened, 4);
    anp_cluster_node_release(node);
    anp_cluster_release(cluster);
    fake_stop(&f);
}

static _Atomic int warnings;

static void count_warnings(anp_log_level level, const char *message)
{
    (void)message;
    (void)atomic_fetch_add(&warnings, level == ANP_LOG_WARN);
}

static void test_failing_is_logged_once(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_cluster *cluster = connect_to(&f);
    atomic_store(&warnings, 0);
    anp_log_set(count_warnings, ANP_LOG_WARN);
    FAKE_SET(&f, f.mode = FAKE_BANANA);
    uint64_t failed = failures(cluster);
    assert_true(UNTIL(failures(cluster) >= failed + 4));
    assert_int_equal(atomic_load(&warnings), 1);
    anp_cluster_release(cluster);
    anp_log_set(NULL, ANP_LOG_OFF);
    fake_stop(&f);
}

static void test_loops_are_kept_for_the_next_caller(void **state)
{
    (void)state;
    anp_seed seed = {.host = "no such name", .port = 3000};
    anp_cluster_config config = config_of(&seed, 1);
    anp_cluster *cluster = open_with(&config);
    anp_loop *loops[10];
    for (int i = 0; i < 10; i++) {
        loops[i] = anp_cluster_loop_take(cluster);
        assert_non_null(loops[i]);
    }
    for (int i = 0; i < 10; i++) {
        anp_cluster_loop_put(cluster, loops[i]);
    }
    assert_ptr_equal(anp_cluster_loop_take(cluster), loops[7]);
    anp_cluster_loop_put(cluster, loops[7]);
    anp_cluster_release(cluster);
}

static void test_config_that_cannot_be_right_is_refused(void **state)
{
    (void)state;
    anp_seed seed = {.host = "127.0.0.1", .port = 3000};
    anp_cluster_config config = config_of(&seed, 0);
    anp_cluster *cluster = NULL;
    anp_error err = {0};
    assert_int_equal(anp_cluster_open(&config, &cluster, &err), ANP_ERR_PARAM);
    config = config_of(&seed, 1);
    config.min_conns_per_node = 101;
    assert_int_equal(anp_cluster_open(&config, &cluster, &err), ANP_ERR_PARAM);
    seed.port = 0;
    config = config_of(&seed, 1);
    assert_int_equal(anp_cluster_open(&config, &cluster, &err), ANP_ERR_PARAM);
    assert_null(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_node_gives_map_name_build_and_gets_user_agent),
        cmocka_unit_test(test_wrong_cluster_name_names_both),
        cmocka_unit_test(test_failure_to_connect_gives_a_reason_for_each_seed),
        cmocka_unit_test(test_many_seeds_are_cut_to_fit),
        cmocka_unit_test(test_second_seed_serves_when_the_first_is_down),
        cmocka_unit_test(test_garbage_instead_of_frames_keeps_the_map),
        cmocka_unit_test(test_words_instead_of_numbers_keep_the_map),
        cmocka_unit_test(test_reply_above_the_cap_keeps_the_map),
        cmocka_unit_test(test_malformed_bitmap_keeps_the_whole_map),
        cmocka_unit_test(test_nonsense_is_asked_again_less_and_less_often),
        cmocka_unit_test(test_seed_that_answers_nonsense_is_no_busy_loop),
        cmocka_unit_test(test_node_that_is_not_ready_is_taken_once_it_is),
        cmocka_unit_test(test_new_partition_generation_is_picked_up),
        cmocka_unit_test(test_refresh_asks_soon_but_not_too_often),
        cmocka_unit_test(test_node_that_restarts_under_another_name_is_replaced),
        cmocka_unit_test(test_lost_connection_is_made_anew_and_all_is_read_again),
        cmocka_unit_test(test_dead_node_is_given_up_and_found_again_by_the_seed),
        cmocka_unit_test(test_peers_join_and_leave),
        cmocka_unit_test(test_peer_with_another_name_is_not_taken_in),
        cmocka_unit_test(test_closing_is_prompt_while_the_server_is_silent),
        cmocka_unit_test(test_silent_server_is_a_reason_not_the_callers_time_out),
        cmocka_unit_test(test_least_number_of_connections_is_kept_ready),
        cmocka_unit_test(test_failing_is_logged_once),
        cmocka_unit_test(test_loops_are_kept_for_the_next_caller),
        cmocka_unit_test(test_config_that_cannot_be_right_is_refused),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
