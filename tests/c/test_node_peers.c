/* Peers of the embedded node that are slow, greedy or gone, whose turn it is, and the node's own
 * end. */
#include "node_limits.h"

#include "until.h"

/* ---- peers that are slow, or gone ---- */

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
    assert_true(ms_since(started) < 20000);
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
    assert_true(ms_since(started) < 20000);
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
    /* Others are answered while it is under way. Where this thread came too late for that, it is
     * sent again. */
    anp_node_stats stats;
    uint64_t sent = 0;
    do {
        assert_true(sent < 20 * ROWS);
        send_all(busy, longer.data, longer.size);
        sent += ROWS;
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(get_code(fd, "none"), 2);
        }
        anp_node_stats_get(w.node, &stats);
    } while (stats.batch_rows == sent);
    uint64_t started = anp_clock_now();
    anp_node_stop(w.node);
    assert_true(ms_since(started) < 20000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_for_a_frame_grows_with_bytes_that_came),
        cmocka_unit_test(test_peer_that_does_not_read_holds_up_nobody_and_costs_little),
        cmocka_unit_test(test_peer_that_leaves_in_the_middle_is_forgotten),
        cmocka_unit_test(test_half_closed_peer_still_gets_its_replies),
        cmocka_unit_test(test_stop_ends_within_a_second_whatever_peers_do),
        cmocka_unit_test(test_start_and_stop_leave_no_descriptor_behind),
        cmocka_unit_test(test_pipelined_requests_are_all_answered_however_little_output_may_wait),
        cmocka_unit_test(test_long_batch_lets_others_have_their_turn_and_the_node_stop),
        cmocka_unit_test(test_bytes_behind_a_suspended_batch_do_not_disturb_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
