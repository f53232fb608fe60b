/* What the embedded node takes, and what it doesn't: sizes, counts, memory, slow and broken peers,
 * and its own end. */
#include "node_client.h"

#include <netinet/in.h>

#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "until.h"

static uint64_t ms_since(uint64_t start_ns)
{
    return (anp_clock_now() - start_ns) / ANP_NS_PER_MS;
}

static int put_blob(int fd, const char *key, size_t size)
{
    uint8_t *blob = calloc(size, 1);
    assert_non_null(blob);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1, .info3 = 0x10}, "test", "demo", key);
    put_op(&b, WRITE, BLOB, "b", blob, size);
    free(blob);
    return code_of(fd, &b, 3, 1);
}

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

static void start_batch(bytes *b, uint32_t rows)
{
    uint8_t digest[20];
    digest_of("k", digest);
    start(b, (request){.info1 = 8});
    put_number(b, 0, 4);
    put_number(b, 41, 1);
    put_number(b, rows, 4);
    put_number(b, 0x0d, 1);
    put_number(b, 0, 4);
    put(b, digest, 20);
    put(b, "\0\3\0\2\0\0", 6); /* all bins; two fields, no operation */
    put_field(b, 0, "test", 4);
    put_field(b, 1, "demo", 4);
    for (uint32_t i = 1; i < rows; i++) {
        put_number(b, i, 4);
        put(b, digest, 20);
        put_number(b, 1, 1);
    }
    set_number(b, HEAD, b->size - HEAD - 4, 4);
    finish(b, 0, 1, 0);
}

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

/* ---- peers that are slow, or gone ---- */

static size_t resident(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &ignored, &pages), 2);
    (void)fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_memory_for_a_frame_grows_with_bytes_that_came(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    enum { PEERS = 20 };
    int fds[PEERS];
    size_t before = resident();
    for (int i = 0; i < PEERS; i++) { /* each announces 128 MiB and sends a thousand bytes of it */
        fds[i] = dial(w.node);
        uint8_t some[1008] = {2, 3, 0, 0, 8};
        send_all(fds[i], some, sizeof some);
    }
    int fd = dial(w.node);
    free(info(fd, "node"));
    assert_true(resident() < before + (size_t)64 * 1024 * 1024);
    for (int i = 0; i < PEERS; i++) {
        (void)close(fds[i]);
    }
    (void)close(fd);
    close_world(&w);
}

static void test_peer_that_does_not_read_holds_up_nobody_and_costs_little(void **state)
{
    (void)state;
    enum { ROWS = 2000 };
    world w = open_world(&(anp_node_config){.threads = 1, .max_output = 1024 * 1024}, 0);
    int fd = dial(w.node), deaf = dial(w.node);
    assert_int_equal(put_blob(fd, "k", 100000), 0);
    bytes b = {0};
    start_batch(&b, ROWS); /* 200 MB of replies */
    size_t before = resident();
    send_all(deaf, b.data, b.size);
    uint64_t started = anp_clock_now();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(get_code(fd, "k"), 0);
    }
    assert_true(ms_since(started) < 5000);
    assert_true(resident() < before + (size_t)64 * 1024 * 1024);
    for (uint32_t rows = 0; rows < ROWS;) { /* when it reads at last, all is there */
        bytes frame = read_frame(deaf);
        for (size_t at = 8; at < frame.size; rows++) {
            at += 22 + 8 + 1 + 100000;
        }
        drop(&frame);
    }
    bytes last = read_frame(deaf);
    assert_int_equal(last.data[11] & 1, 1);
    drop(&last);
    drop(&b);
    (void)close(fd);
    (void)close(deaf);
    close_world(&w);
}

static void test_peer_that_leaves_in_the_middle_is_forgotten(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){.max_output = 65536}, 0);
    anp_node_stats stats;
    int fd = dial(w.node);
    assert_int_equal(put_blob(fd, "k", 100000), 0);
    for (int i = 0; i < 10; i++) {
        int gone = dial(w.node);
        bytes b = {0};
        start_batch(&b, 200);
        send_all(gone, b.data, i % 2 == 0 ? b.size : b.size / 2); /* in its reply; in its request */
        drop(&b);
        (void)setsockopt(gone, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = i % 3 == 0},
                         sizeof(struct linger)); /* some reset */
        (void)close(gone);
    }
    assert_true(UNTIL((anp_node_stats_get(w.node, &stats), stats.connections == 1)));
    assert_int_equal(get_code(fd, "k"), 0);
    (void)close(fd);
    close_world(&w);
}

static void test_half_closed_peer_still_gets_its_replies(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node);
    assert_int_equal(put_a(fd, "k", 1), 0);
    bytes b = {0};
    start_batch(&b, 1000);
    send_all(fd, b.data, b.size);
    drop(&b);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    bytes frame = read_frame(fd);
    assert_int_equal(frame.size, 8 + 1000 * 39);
    drop(&frame);
    frame = read_frame(fd);
    assert_int_equal(frame.data[11] & 1, 1);
    drop(&frame);
    assert_true(is_closed(fd));
    (void)close(fd);
    close_world(&w);
}

static void test_stop_ends_within_a_second_whatever_peers_do(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){0}, 0);
    int fd = dial(w.node), deaf = dial(w.node), half = dial(w.node), idle = dial(w.node);
    assert_int_equal(put_blob(fd, "k", 100000), 0);
    bytes b = {0};
    start_batch(&b, 1000);
    send_all(deaf, b.data, b.size);
    send_all(half, b.data, b.size / 2);
    drop(&b);
    free(info(fd, "node"));
    uint64_t started = anp_clock_now();
    anp_node_stop(w.node);
    assert_true(ms_since(started) < 1000);
    anp_store_release(w.store);
    assert_true(is_closed(idle));
    (void)close(fd);
    (void)close(deaf);
    (void)close(half);
    (void)close(idle);
}

static void test_start_and_stop_leave_no_descriptor_behind(void **state)
{
    (void)state;
    int lowest = dup(0);
    (void)close(lowest);
    for (int i = 0; i < 200; i++) {
        world w = open_world(&(anp_node_config){.threads = 3}, 0);
        int fd = dial(w.node);
        free(info(fd, "node"));
        (void)close(fd);
        close_world(&w);
    }
    int after = dup(0);
    (void)close(after);
    assert_int_equal(after, lowest);
}

/* ---- turns ---- */

static void test_pipelined_requests_are_all_answered_however_little_output_may_wait(void **state)
{
    (void)state;
    enum { REQUESTS = 100 };
    world w = open_world(&(anp_node_config){.max_output = 65536}, 0);
    int fd = dial(w.node);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10},
                     sizeof(struct timeval));
    assert_int_equal(put_blob(fd, "k", 200000), 0);
    bytes b = {0};
    for (int i = 0; i < REQUESTS; i++) {
        size_t at = b.size;
        start_key(&b, (request){.info1 = 3}, "test", "demo", "k");
        finish(&b, at, 3, 0);
    }
    send_all(fd, b.data, b.size);
    drop(&b);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (int i = 0; i < REQUESTS; i++) {
        bytes reply = read_frame(fd);
        assert_int_equal(reply.data[13], 0);
        drop(&reply);
    }
    assert_true(is_closed(fd));
    (void)close(fd);
    close_world(&w);
}

static void test_long_batch_lets_others_have_their_turn_and_the_node_stop(void **state)
{
    (void)state;
    enum { BINS = 500, ROWS = 20000 };
    world w = open_world(&(anp_node_config){.threads = 1}, 0);
    int fd = dial(w.node), busy = dial(w.node);
    bytes b = {0}, ops = {0};
    start_key(&b, (request){.info2 = 1}, "test", "demo", "k");
    for (unsigned i = 0; i < BINS; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "a%u", i);
        put_integer(&b, WRITE, name, i);
        name[0] = 'z';
        put_op(&ops, READ, 0, name, NULL, 0);
    }
    assert_int_equal(code_of(fd, &b, 3, BINS), 0);
    start_batch(&b, ROWS); /* each row asks for many bins that there aren't: much work, few bytes */
    size_t row = HEAD + 10 + 24, body = row + 6 + 9 + 9;
    bytes longer = {0};
    put(&longer, b.data, body);
    put(&longer, ops.data, ops.size);
    put(&longer, b.data + body, b.size - body);
    longer.data[row + 1] = 1; /* bins by name */
    set_number(&longer, row + 4, BINS, 2);
    set_number(&longer, HEAD, longer.size - HEAD - 4, 4);
    finish(&longer, 0, 1, 0);
    send_all(busy, longer.data, longer.size);
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    uint64_t started = anp_clock_now();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get_code(fd, "none"), 2);
    }
    assert_true(ms_since(started) < 1000);
    started = anp_clock_now();
    anp_node_stop(w.node);
    assert_true(ms_since(started) < 1000);
    anp_store_release(w.store);
    drop(&b);
    drop(&ops);
    drop(&longer);
    (void)close(fd);
    (void)close(busy);
}

/* What comes while a batch is suspended must not move the batch's bytes: seen by the sanitizer. */
static void test_bytes_behind_a_suspended_batch_do_not_disturb_it(void **state)
{
    (void)state;
    world w = open_world(&(anp_node_config){.threads = 1}, 0);
    int fd = dial(w.node);
    assert_int_equal(put_blob(fd, "k", 100000), 0);
    for (int i = 0; i < 6; i++) {
        int peer = dial(w.node);
        bytes b = {0};
        start_batch(&b, 3000);
        send_all(peer, b.data, b.size);
        drop(&b);
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        uint8_t *more = calloc(300000, 1);
        assert_non_null(more);
        more[0] = 2;
        more[1] = 3;
        more[5] = 0x10;
        send_all(peer, more, 300000);
        for (int k = 0; k < i;
             k++) { /* so that what is pending gets below the limit, more or less */
            (void)recv(peer, more, 200000, 0);
        }
        free(more);
        (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                         sizeof(struct linger));
        (void)close(peer);
        assert_int_equal(get_code(fd, "k"), 0);
    }
    (void)close(fd);
    close_world(&w);
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
    uint64_t started = anp_clock_now();
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
    assert_true(ms_since(started) < 2000);
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
        cmocka_unit_test(test_memory_for_a_frame_grows_with_bytes_that_came),
        cmocka_unit_test(test_peer_that_does_not_read_holds_up_nobody_and_costs_little),
        cmocka_unit_test(test_peer_that_leaves_in_the_middle_is_forgotten),
        cmocka_unit_test(test_half_closed_peer_still_gets_its_replies),
        cmocka_unit_test(test_stop_ends_within_a_second_whatever_peers_do),
        cmocka_unit_test(test_start_and_stop_leave_no_descriptor_behind),
        cmocka_unit_test(test_pipelined_requests_are_all_answered_however_little_output_may_wait),
        cmocka_unit_test(test_long_batch_lets_others_have_their_turn_and_the_node_stop),
        cmocka_unit_test(test_bytes_behind_a_suspended_batch_do_not_disturb_it),
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
