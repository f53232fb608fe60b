/* What the embedded node takes, and what it doesn't: sizes, counts, addresses, memory, replies. */
#include "node_limits.h"

#include <netinet/in.h>

#include <sys/resource.h>

#include "base/alloc.h"
#include "until.h"

/* ---- records ---- */

static void test_record_above_the_limit_gets_13(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    assert_int_equal(put_blob(fd, "k", 1048576), 13);
    assert_int_equal(get_code(fd, "k"), 2);
    assert_int_equal(put_blob(fd, "k", 1048376), 0);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    put_op(&b, APPEND, BLOB, "b",
           "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
           "7890123456789"
           "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
           "7890123456789",
           200);
    assert_int_equal(code_of(fd, &b, 3, 1), 13); /* growing is no way around it */
    (void)close(fd);
    close_world(&w);
}

static void test_bins_of_a_record_have_a_limit(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    for (uint32_t extra = 0; extra < 2; extra++) {
        bytes b = {0};
        start_key(&b, (request){.info2 = 1}, "test", "demo", extra != 0 ? "more" : "most");
        for (uint32_t i = 0; i < 32767 + extra; i++) {
            char name[8];
            (void)snprintf(name, sizeof name, "%x", i);
            put_op(&b, WRITE, BOOL, name, "\1", 1);
        }
        assert_int_equal(code_of(fd, &b, 3, 32767 + extra), extra != 0 ? 4 : 0);
    }
    bytes reply = get(fd, "most");
    assert_int_equal(number(reply.data + 28, 2), 32767);
    drop(&reply);
    (void)close(fd);
    close_world(&w);
}

static void test_operations_of_a_request_have_a_limit(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    for (unsigned extra = 0; extra < 2; extra++) {
        bytes b = {0};
        start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
        for (unsigned i = 0; i < 32768 + extra; i++) {
            put_integer(&b, INCR, "n", 1);
        }
        assert_int_equal(code_of(fd, &b, 3, 32768 + extra), extra != 0 ? 4 : 0);
    }
    (void)close(fd);
    close_world(&w);
}

static void test_full_store_refuses_writes_only(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 1024 * 1024);
    int fd = dial(w.node);
    char key[16];
    int code = 0;
    for (int i = 0; code == 0 && i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        code = put_blob(fd, key, 100000);
    }
    assert_int_equal(code, 8);
    anp_node_stats stats;
    anp_node_stats_get(w.node, &stats);
    assert_in_range(stats.objects, 10, 11);
    assert_in_range(stats.memory, 900000, 1200000);
    assert_int_equal(get_code(fd, "k0"), 0);
    for (int i = 0; i < 3; i++) {
        bytes b = {0};
        (void)snprintf(key, sizeof key, "k%d", i);
        start_key(&b, (request){.info2 = 3}, "test", "demo", key);
        assert_int_equal(code_of(fd, &b, 3, 0), 0);
    }
    assert_int_equal(put_blob(fd, "k0", 100000), 0); /* there is room again */
    (void)close(fd);
    close_world(&w);
}

static void test_memory_is_given_back_with_the_records(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    anp_node_stats stats;
    for (int i = 0; i < 3; i++) { /* written anew: one record */
        assert_int_equal(put_blob(fd, "k", 1000u * (unsigned)(3 - i)), 0);
    }
    anp_node_stats_get(w.node, &stats);
    assert_int_equal(stats.objects, 1);
    assert_in_range(stats.memory, 1000, 1400);
    assert_int_equal(put_blob(fd, "l", 1000), 0);
    expect_info(fd, "truncate:namespace=test;set=demo", "ok");
    assert_true(UNTIL((anp_node_stats_get(w.node, &stats), stats.objects == 0)));
    assert_int_equal(stats.memory, 0);
    (void)close(fd);
    close_world(&w);
}

/* ---- batches ---- */

static void test_batch_above_batch_max_requests_gets_151(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){.batch_max_requests = 5}, 0);
    int fd = dial(w.node);
    for (uint32_t rows = 5; rows <= 6; rows++) {
        bytes b = {0};
        start_batch(&b, rows);
        send_all(fd, b.data, b.size);
        drop(&b);
        bytes reply = read_frame(fd);
        if (rows == 5) {
            assert_int_equal(reply.size, 8 + 5 * 22);
            drop(&reply);
            reply = read_frame(fd);
        }
        assert_int_equal(reply.size, HEAD);
        assert_int_equal(reply.data[11] & 1, 1);
        assert_int_equal(reply.data[13], rows == 5 ? 0 : 151);
        drop(&reply);
    }
    (void)close(fd);
    close_world(&w);
}

/* ---- connections ---- */

static void test_connections_above_the_limit_are_closed_and_freed_ones_are_used_again(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){.max_connections = 3}, 0);
    anp_node_stats stats;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(w.node);
        free(info(fds[i], "node"));
    }
    int fd = dial(w.node);
    assert_true(is_closed(fd));
    (void)close(fd);
    anp_node_stats_get(w.node, &stats);
    assert_int_equal(stats.connections, 3);
    assert_int_equal(stats.connections_refused, 1);
    (void)close(fds[0]);
    assert_true(UNTIL((anp_node_stats_get(w.node, &stats), stats.connections == 2)));
    fds[0] = dial(w.node);
    free(info(fds[0], "node"));
    for (int i = 0; i < 3; i++) {
        (void)close(fds[i]);
    }
    close_world(&w);
}

static void test_addresses_that_are_not_loopback_are_refused(void **state)
{
    (void)state;
    anp_store *store = open_store(0);
    anp_node *node = NULL;
    anp_error err;
    static const char *const refused[] = {"0.0.0.0", "192.0.2.1", "::", "example.org"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        anp_node_config config = {0};
        (void)snprintf(config.host, sizeof config.host, "%s", refused[i]);
        assert_int_equal(anp_node_start(&config, store, &node, &err), ANP_ERR_PARAM);
        assert_non_null(strstr(err.message, refused[i]));
    }
    static const char *const taken[] = {"", "localhost", "127.0.0.1"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        anp_node_config config = {0};
        (void)snprintf(config.host, sizeof config.host, "%s", taken[i]);
        assert_int_equal(anp_node_start(&config, store, &node, &err), ANP_OK);
        assert_true(anp_node_port(node) != 0);
        assert_true(anp_node_name(node)[0] != 0);
        anp_node_stop(node);
    }
    anp_node_config remote = {.host = "0.0.0.0", .allow_remote = true};
    assert_int_equal(anp_node_start(&remote, store, &node, &err), ANP_OK);
    anp_node_stop(node);
    anp_store_release(store);
}

static void test_port_in_use_is_an_error_with_its_number(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    anp_node_config config = {.port = anp_node_port(w.node)};
    anp_node *node = NULL;
    anp_error err;
    char number_text[8];
    assert_int_equal(anp_node_start(&config, w.store, &node, &err), ANP_ERR_CONNECTION);
    (void)snprintf(number_text, sizeof number_text, "%u", (unsigned)config.port);
    assert_non_null(strstr(err.message, number_text));
    close_world(&w);
}

static void test_store_says_what_is_wrong_with_its_namespaces(void **state)
{
    (void)state;
    anp_store *store;
    anp_error err;
    anp_namespace_config twice[] = {{.name = "a"}, {.name = "a"}}, nameless = {0};
    assert_int_equal(anp_store_new(&(anp_store_config){0}, &store, &err), ANP_ERR_PARAM);
    assert_int_equal(
        anp_store_new(&(anp_store_config){.namespaces = twice, .n_namespaces = 2}, &store, &err),
        ANP_ERR_PARAM);
    assert_non_null(strstr(err.message, "a"));
    assert_int_equal(anp_store_new(&(anp_store_config){.namespaces = &nameless, .n_namespaces = 1},
                                   &store, &err),
                     ANP_ERR_PARAM);
}

static int allow_n(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void test_store_that_runs_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    anp_namespace_config namespaces[] = {{.name = "a"}, {.name = "b"}};
    anp_store_config config = {.namespaces = namespaces, .n_namespaces = 2};
    for (int n = 0; n < 100; n++) {
        anp_store *store = NULL;
        anp_error err;
        int left = n;
        anp_alloc_hook(allow_n, &left);
        anp_status status = anp_store_new(&config, &store, &err);
        anp_alloc_hook(NULL, NULL);
        if (status == ANP_OK) {
            anp_store_release(store);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(status, ANP_ERR_MEMORY);
    }
    fail();
}

static void test_nodes_share_a_store(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){.name = "A1"}, 0);
    anp_node *other = NULL;
    assert_int_equal(anp_node_start(&(anp_node_config){.name = "A2"}, w.store, &other, NULL),
                     ANP_OK);
    anp_store_release(w.store); /* the nodes keep it */
    int one = dial(w.node), two = dial(other);
    expect_info(two, "node", "A2");
    assert_int_equal(put_a(one, "k", 1), 0);
    assert_int_equal(get_code(two, "k"), 0);
    anp_node_stop(w.node);
    assert_int_equal(get_code(two, "k"), 0);
    (void)close(one);
    (void)close(two);
    anp_node_stop(other);
    anp_node_stop(NULL);
}

/* ---- replies that would be much larger than what asked for them ---- */

static void test_reply_never_has_more_operations_than_it_can_count(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    for (unsigned i = 0; i < 40; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "a%u", i);
        put_integer(&b, WRITE, name, i);
    }
    assert_int_equal(code_of(fd, &b, 3, 40), 0);
    start_key(&b, (request){.info1 = 1}, "test", "demo", "k");
    for (unsigned i = 0; i < 2000; i++) {
        put_op(&b, READ, 0, "", NULL, 0);
    }
    bytes reply = ask(fd, &b, 3, 2000);
    expect_ops(&reply, 13, "");
    (void)close(fd);
    close_world(&w);
}

static void test_reply_that_no_frame_could_hold_gets_13(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    assert_int_equal(put_blob(fd, "k", 1000000), 0);
    for (int writes = 0; writes < 2; writes++) {
        bytes b = {0};
        start_key(&b, (request){.info1 = 1, .info2 = writes != 0}, "test", "demo", "k");
        for (int i = 0; i < 1000; i++) {
            put_op(&b, READ, 0, "b", NULL, 0);
        }
        if (writes != 0) {
            put_integer(&b, WRITE, "a", 1);
        }
        size_t before = resident();
        bytes reply = ask(fd, &b, 3, 1000 + (unsigned)writes);
        expect_ops(&reply, 13, "");
        assert_true(resident() < before + (size_t)400 * 1024 * 1024);
    }
    bytes reply = get(fd, "k");
    assert_int_equal(number(reply.data + 14, 4), 1);
    drop(&reply);
    (void)close(fd);
    close_world(&w);
}

static void test_info_that_asks_for_too_much_ends_the_connection(void **state)
{
    (void)state;
    enum { COMMANDS = 100000 };
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    bytes b = {0};
    put(&b, (const uint8_t[]){2, 1}, 2);
    put_number(&b, (uint64_t)COMMANDS * 9, 6);
    for (int i = 0; i < COMMANDS; i++) {
        put(&b, "replicas\n", 9);
    }
    send_all(fd, b.data, b.size);
    drop(&b);
    assert_true(is_closed(fd));
    (void)close(fd);
    fd = dial(w.node);
    free(info(fd, "node"));
    (void)close(fd);
    close_world(&w);
}

static void test_many_joins_cost_the_memory_of_one(void **state)
{
    (void)state;
    enum { JOINS = 600 };
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    bytes b = {0};
    assert_int_equal(put_blob(fd, "k", 1000000), 0);
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    for (int i = 0; i < JOINS; i++) {
        put_op(&b, i % 3 == 0 ? PREPEND : APPEND, BLOB, i % 2 == 0 ? "b" : "c", "x", 1);
    }
    struct rusage before, after; /* at their peak */
    (void)getrusage(RUSAGE_SELF, &before);
    assert_int_equal(code_of(fd, &b, 3, JOINS), 0);
    (void)getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss < before.ru_maxrss + 64 * 1024);
    bytes reply = get(fd, "k");
    assert_int_equal(reply.size, HEAD + 9 + 1000000 + JOINS / 2 + 9 + JOINS / 2);
    drop(&reply);
    (void)close(fd);
    close_world(&w);
}

static void test_node_without_descriptors_neither_spins_nor_dies(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int first = dial(w.node), late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    free(info(first, "node"));
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    int probe = dup(0);
    assert_true(probe >= 0);
    (void)close(probe);
    none.rlim_cur = (rlim_t)probe; /* no new descriptor below this */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(anp_node_port(w.node))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct rusage start_usage, end_usage;
    assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof to), 0);
    (void)getrusage(RUSAGE_SELF, &start_usage);
    (void)nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    (void)getrusage(RUSAGE_SELF, &end_usage);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    int64_t used = (end_usage.ru_utime.tv_sec + end_usage.ru_stime.tv_sec -
                    start_usage.ru_utime.tv_sec - start_usage.ru_stime.tv_sec) *
                       1000000 +
                   end_usage.ru_utime.tv_usec + end_usage.ru_stime.tv_usec -
                   start_usage.ru_utime.tv_usec - start_usage.ru_stime.tv_usec;
    assert_true(used < 150000);
    free(info(first, "node")); /* who is in is served */
    int again = dial(w.node);
    free(info(again, "node"));
    (void)close(again);
    (void)close(late);
    (void)close(first);
    close_world(&w);
}

static void test_nodes_of_one_store_expire_together(void **state)
{
    (void)state;
    anp_namespace_config quick = {.name = "test", .nsup_period = 1};
    anp_store *store;
    anp_node *nodes[2];
    anp_node_stats stats;
    assert_int_equal(
        anp_store_new(&(anp_store_config){.namespaces = &quick, .n_namespaces = 1}, &store, NULL),
        ANP_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(anp_node_start(&(anp_node_config){0}, store, &nodes[i], NULL), ANP_OK);
    }
    anp_store_release(store);
    int fd = dial(nodes[0]);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1, .ttl = 1}, "test", "demo", "k");
    put_integer(&b, WRITE, "a", 1);
    assert_int_equal(code_of(fd, &b, 3, 1), 0);
    assert_true(UNTIL((anp_node_stats_get(nodes[1], &stats), stats.objects == 0)));
    assert_int_equal(stats.memory, 0);
    (void)close(fd);
    anp_node_stop(nodes[0]);
    anp_node_stop(nodes[1]);
}

static void test_many_bins_and_many_operations_cost_their_sum(void **state)
{
    (void)state;
    enum { BINS = 32767 };
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    bytes b = {0};
    uint64_t used = cpu_ms();
    for (int kind = 0; kind < 3;
         kind++) { /* write; remove every other one, from the front; read, from the end */
        unsigned n = 0;
        start_key(&b, kind == 2 ? (request){.info1 = 1} : (request){.info2 = 1}, "test", "demo",
                  "k");
        for (unsigned i = 0; i < BINS; i++) {
            char name[8];
            (void)snprintf(name, sizeof name, "%x", kind == 2 ? BINS - 1 - i : i);
            if (kind == 0) {
                put_op(&b, WRITE, BOOL, name, "\1", 1);
            } else if (kind == 2) {
                put_op(&b, READ, 0, name, NULL, 0);
            } else if (i % 2 == 0) {
                put_op(&b, WRITE, NIL, name, NULL, 0);
            } else {
                continue;
            }
            n++;
        }
        bytes reply = ask(fd, &b, 3, n);
        assert_int_equal(reply.data[13], 0);
        assert_int_equal(number(reply.data + 28, 2), kind == 2 ? BINS / 2 : 0);
        drop(&reply);
    }
    assert_true(cpu_ms() - used < 2000);
    bytes reply = get(fd, "k"); /* the last one has taken the place of the first */
    assert_int_equal(number(reply.data + 28, 2), BINS / 2);
    drop(&reply);
    (void)close(fd);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_above_the_limit_gets_13),
        cmocka_unit_test(test_bins_of_a_record_have_a_limit),
        cmocka_unit_test(test_operations_of_a_request_have_a_limit),
        cmocka_unit_test(test_full_store_refuses_writes_only),
        cmocka_unit_test(test_memory_is_given_back_with_the_records),
        cmocka_unit_test(test_batch_above_batch_max_requests_gets_151),
        cmocka_unit_test(test_connections_above_the_limit_are_closed_and_freed_ones_are_used_again),
        cmocka_unit_test(test_addresses_that_are_not_loopback_are_refused),
        cmocka_unit_test(test_port_in_use_is_an_error_with_its_number),
        cmocka_unit_test(test_store_says_what_is_wrong_with_its_namespaces),
        cmocka_unit_test(test_store_that_runs_out_of_memory_leaks_nothing),
        cmocka_unit_test(test_nodes_share_a_store),
        cmocka_unit_test(test_reply_never_has_more_operations_than_it_can_count),
        cmocka_unit_test(test_reply_that_no_frame_could_hold_gets_13),
        cmocka_unit_test(test_info_that_asks_for_too_much_ends_the_connection),
        cmocka_unit_test(test_many_joins_cost_the_memory_of_one),
        cmocka_unit_test(test_node_without_descriptors_neither_spins_nor_dies),
        cmocka_unit_test(test_nodes_of_one_store_expire_together),
        cmocka_unit_test(test_many_bins_and_many_operations_cost_their_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
