/* The batch engine against several nodes of which one is slow, frozen, dead, gone or without its
 * partitions: the rows of the others don't wait, and those of that one end as they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch_run.h"
#include "steady.h"

/* How many of the rows a node owns. */
static uint32_t rows_of(ring *r, uint32_t n, uint32_t node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        count += ring_owner(r, 0, i) == node;
    }
    return count;
}

/* ---- a slow node ---- */

/* Node 0 answers when its gate is opened. */
static bool node_0_waits(scripted_call *c)
{
    if (ring_index(c->node) == 0) {
        scripted_gate_wait(c->node);
    }
    return scripted_serve_well(c);
}

static void test_rows_of_other_nodes_do_not_wait_for_a_stalled_one(void **state)
{
    (void)state;
    for (int sliced = 0; sliced < 2; sliced++) {
        ring *r = ring_open(3, 1, node_0_waits, NULL);
        job j = {.n = 60000, .policy = reads, .source = read_source, .slice = sliced ? 7000 : 0};
        j.policy.total_timeout_ms = 60000;
        j.policy.window = 100;
        run *x = run_open(r, &j);
        uint32_t others = j.n - rows_of(r, j.n, 0);
        RUN_UNTIL(x, anp_batch_progress(x->batch) == others);
        for (uint32_t i = 0; i < j.n; i++) {
            assert_int_equal(x->outcome.times[i], ring_owner(r, 0, i) != 0);
        }
        scripted_gate_open(&r->nodes[0]);
        run_end(x);
        check_good(&x->outcome);
        assert_int_equal(x->outcome.retries, 0);
        run_free(x);
        ring_close(r);
    }
}

/* Drives until nothing more is planned; gives how many keys were asked for. */
static uint64_t keys_asked_for(run *x, uint64_t least)
{
    uint64_t before = 0;
    RUN_UNTIL(x, x->next >= least);
    for (int quiet = 0; quiet < 10; quiet++) {
        before = x->next;
        assert_true(run_step(x));
        quiet = x->next == before ? quiet : 0;
    }
    return x->next;
}

static void test_planning_does_not_run_ahead_of_a_node_that_is_alone(void **state)
{
    (void)state;
    ring *r = ring_open(1, 1, node_0_waits, NULL);
    job j = {.n = 30000, .policy = reads, .source = read_source, .slice = 100};
    j.policy.total_timeout_ms = 60000;
    j.policy.window = 100;
    run *x = run_open(r, &j);
    /* two windows on each of two connections, two in the queue, one open */
    assert_true(keys_asked_for(x, 400) <= 8 * 100);
    scripted_gate_open(&r->nodes[0]);
    run_end(x);
    check_good(&x->outcome);
    run_free(x);
    ring_close(r);
}

static void test_what_is_held_back_for_a_stalled_node_is_bounded(void **state)
{
    (void)state;
    ring *r = ring_open(3, 1, node_0_waits, NULL);
    /* a window's memory is that of so many rows, though nodes take 5,000 */
    job j = {.n = 600000, .policy = reads, .source = read_source, .slice = 500};
    j.policy.total_timeout_ms = 60000;
    j.policy.window = 600000;
    run *x = run_open(r, &j);
    uint64_t asked = keys_asked_for(x, 3 * 6 * 5000);
    assert_true(asked <= 3 * 15 * 5000); /* 200 MiB in windows of 24 MB, and those in flight */
    uint32_t others = 0;
    for (uint32_t i = 0; i < asked; i++) {
        others += ring_owner(r, 0, i) != 0;
    }
    /* half-filled windows leave; of the last keys some may not be planned yet */
    RUN_UNTIL(x, anp_batch_progress(x->batch) + 500 > others);
    scripted_gate_open(&r->nodes[0]);
    run_end(x);
    check_good(&x->outcome);
    run_free(x);
    ring_close(r);
}

/* Node 0 sends the beginning of a message of 3 MB, and the rest when its gate is opened. */
static bool node_0_sends_slowly(scripted_call *c)
{
    if (ring_index(c->node) != 0) {
        return scripted_serve_well(c);
    }
    enum { EXTRA = 3000000 };
    anp_buffer b;
    anp_buffer_init(&b, 64 << 20);
    size_t f = scripted_frame(&b);
    const uint8_t head[6] = {22, 0, 0, 0, 0, 0};
    anp_buffer_put(&b, head, sizeof head);
    anp_buffer_be32(&b, scripted_generation(c->rows[0].digest));
    anp_buffer_be32(&b, 0);
    anp_buffer_be32(&b, c->rows[0].index);
    anp_buffer_be32(&b, 1); /* no fields, one operation */
    anp_buffer_be32(&b, 4 + 1 + EXTRA);
    anp_buffer_put(&b, "\1\4\0\1a", 5);
    memset(anp_buffer_add(&b, EXTRA), 'x', EXTRA);
    scripted_frame_end(&b, f);
    scripted_rows(&b, c, 1, c->n_rows);
    scripted_last(&b, 0);
    bool ok = scripted_send(c, b.data, EXTRA / 2);
    scripted_gate_wait(c->node);
    ok = ok && scripted_send(c, b.data + EXTRA / 2, b.size - EXTRA / 2);
    anp_buffer_deinit(&b);
    return ok;
}

static void test_half_of_a_long_message_is_kept_while_others_are_read(void **state)
{
    (void)state;
    ring *r = ring_open(3, 1, node_0_sends_slowly, NULL);
    job j = {.n = 60000, .policy = reads, .source = read_source};
    j.policy.window = 1000;
    run *x = run_open(r, &j);
    uint32_t others = j.n - rows_of(r, j.n, 0);
    RUN_UNTIL(x, anp_batch_progress(x->batch) == others);
    scripted_gate_open(&r->nodes[0]);
    run_end(x);
    check_good(&x->outcome);
    run_free(x);
    ring_close(r);
}

/* ---- a dead node ---- */

static bool answer_well(scripted_call *c)
{
    return scripted_serve_well(c);
}

static void test_reads_of_a_dead_node_go_to_the_next_replica(void **state)
{
    (void)state;
    ring *r = ring_open(3, 2, answer_well, NULL);
    ring_kill(r, 0);
    job j = {.n = 30000, .policy = reads, .source = read_source};
    j.policy.window = 100;
    j.policy.max_retries = 1;
    j.policy.replica = ANP_REPLICA_SEQUENCE;
    run *x = run_open(r, &j);
    run_end(x);
    check_good(&x->outcome);
    assert_true(x->outcome.retries < 20); /* not each of its 100 windows had to fail */
    run_free(x);
    ring_close(r);
}

/* A node that is dead, and still the map's: the next attempts wait until the map is newer. */
static void test_rows_of_a_dead_node_wait_for_a_newer_map(void **state)
{
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        ring *r = ring_open(2, 1, answer_well, NULL);
        ring_kill(r, 0);
        job j = {.n = 5000,
                 .policy = is_write ? writes : reads,
                 .source = is_write ? write_source : read_source};
        j.policy.max_retries = 1000; /* not even a second's, if they were made at once */
        j.policy.window = 100;
        run *x = run_open(r, &j);
        RUN_UNTIL(x, anp_batch_command(x->batch)->retries >= 60);
        assert_true(anp_batch_progress(x->batch) < j.n);
        ring_give(r, 0, 1);
        run_end(x);
        check_good(&x->outcome);
        for (uint32_t i = 0; i < j.n && is_write; i++) {
            assert_int_equal(x->outcome.attempts[i], 1); /* it was never sent to the dead one */
            assert_false(x->outcome.doubt[i]);
        }
        run_free(x);
        ring_close(r);
    }
}

static void test_rows_of_a_dead_node_end_when_retries_do(void **state)
{
    (void)state;
    ring *r = ring_open(2, 1, answer_well, NULL);
    ring_kill(r, 0);
    job j = {.n = 20000, .policy = writes, .source = write_source};
    j.policy.max_retries = 1;
    j.policy.window = 100;
    run *x = run_open(r, &j);
    uint64_t begin = anp_clock_now();
    run_end(x);
    assert_true(anp_clock_now() - begin < 20 * ANP_NS_PER_S);
    assert_int_equal(x->outcome.whole, ANP_ERR_CONNECTION);
    for (uint32_t i = 0; i < j.n; i++) {
        bool is_lost = ring_owner(r, 0, i) == 0;
        assert_int_equal(x->outcome.status[i], is_lost ? ANP_ERR_CONNECTION : 0);
        assert_int_equal(x->outcome.attempts[i], !is_lost);
        assert_false(x->outcome.doubt[i]);
    }
    run_free(x);
    ring_close(r);
}

/* ---- partitions that nobody owns ---- */

static void leave_a_gap(ring *r)
{
    for (unsigned p = 0; p < ANP_PARTITIONS; p += 8) {
        r->owner[0][p] = RING_NOBODY;
        r->owner[1][p] = RING_NOBODY;
    }
}

static void test_rows_nobody_owns_wait_for_an_owner(void **state)
{
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        ring *r = ring_open(2, 2, answer_well, leave_a_gap);
        job j = {.n = 3000,
                 .policy = is_write ? writes : reads,
                 .source = is_write ? write_source : read_source};
        j.policy.max_retries = 1000;
        run *x = run_open(r, &j);
        uint32_t owned = j.n - rows_of(r, j.n, RING_NOBODY);
        RUN_UNTIL(x, anp_batch_command(x->batch)->retries >= 3);
        assert_int_equal(anp_batch_progress(x->batch), owned);
        ring_give(r, RING_NOBODY, 1);
        run_end(x);
        check_good(&x->outcome);
        run_free(x);
        ring_close(r);
    }
}

static void test_rows_nobody_owns_are_settled_when_retries_end(void **state)
{
    (void)state;
    for (uint32_t retries = 0; retries < 3; retries += 2) {
        ring *r = ring_open(2, 2, answer_well, leave_a_gap);
        job j = {.n = 3000, .policy = reads, .source = read_source};
        j.policy.max_retries = retries;
        run *x = run_open(r, &j);
        run_end(x);
        assert_int_equal(x->outcome.whole, ANP_ERR_INVALID_NODE);
        assert_int_equal(x->outcome.retries, retries);
        for (uint32_t i = 0; i < j.n; i++) {
            assert_int_equal(x->outcome.status[i],
                             ring_owner(r, 0, i) == RING_NOBODY ? ANP_ERR_INVALID_NODE : 0);
        }
        run_free(x);
        ring_close(r);
    }
}

static void test_waiting_ends_at_the_deadline(void **state)
{
    (void)state;
    ring *r = ring_open(2, 2, answer_well, leave_a_gap);
    job j = {.n = 3000, .policy = reads, .source = read_source};
    j.policy.max_retries = 60000;
    j.policy.total_timeout_ms = 150;
    run *x = run_open(r, &j);
    uint64_t begin = anp_clock_now();
    run_end(x);
    assert_true(anp_clock_now() - begin >= 140 * ANP_NS_PER_MS);
    assert_int_equal(x->outcome.whole, ANP_ERR_CLIENT_TIMEOUT);
    run_free(x);
    ring_close(r);
}

static bool node_0_has_no_partitions(scripted_call *c)
{
    if (ring_index(c->node) != 0) {
        return scripted_serve_well(c);
    }
    anp_buffer b;
    anp_buffer_init(&b, 64 << 20);
    for (uint32_t i = 0; i < c->n_rows; i++) {
        scripted_row_frame(&b, c, i, ANP_UNAVAILABLE);
    }
    scripted_last(&b, 0);
    return scripted_send_buffer(c, &b);
}

static void test_rows_a_node_does_not_serve_are_asked_for_again_on_a_newer_map(void **state)
{
    (void)state;
    ring *r = ring_open(2, 1, node_0_has_no_partitions, NULL);
    job j = {.n = 3000, .policy = reads, .source = read_source};
    j.policy.max_retries = 1000;
    run *x = run_open(r, &j);
    RUN_UNTIL(x, anp_batch_command(x->batch)->retries >= 3);
    ring_give(r, 0, 1);
    run_end(x);
    check_good(&x->outcome);
    assert_in_range(x->outcome.retries, 3, 500);
    run_free(x);
    ring_close(r);
}

/* ---- a node that leaves ---- */

static void test_rows_queued_for_a_node_that_leaves_go_elsewhere(void **state)
{
    (void)state;
    for (int is_write = 0; is_write < 2; is_write++) {
        ring *r = ring_open(3, 1, node_0_waits, NULL);
        job j = {.n = 10000,
                 .policy = is_write ? writes : reads,
                 .source = is_write ? write_source : read_source};
        j.policy.total_timeout_ms = 60000;
        j.policy.max_retries = 0;
        j.policy.window = 100;
        run *x = run_open(r, &j);
        uint32_t others = j.n - rows_of(r, j.n, 0);
        RUN_UNTIL(x, anp_batch_progress(x->batch) == others);
        ring_leave(r, 0, 1);
        /* two windows on each of two connections are in flight */
        RUN_UNTIL(x, anp_batch_progress(x->batch) == j.n - 400);
        scripted_gate_open(&r->nodes[0]);
        run_end(x);
        check_good(&x->outcome);
        assert_int_equal(x->outcome.retries, 0);
        run_free(x);
        ring_close(r);
    }
}

/* ---- a frozen node ---- */

static void test_windows_of_a_frozen_node_time_out_and_the_rest_is_read_elsewhere(void **state)
{
    (void)state;
    ring *r = ring_open(3, 2, node_0_waits, NULL);
    job j = {.n = 30000, .policy = reads, .source = read_source};
    j.policy.total_timeout_ms = 300;
    j.policy.each_window = true;
    j.policy.window = 100;
    j.policy.replica = ANP_REPLICA_SEQUENCE;
    run *x = run_open(r, &j);
    uint64_t begin = anp_clock_now();
    run_end(x);
    assert_true(anp_clock_now() - begin < 10 * ANP_NS_PER_S); /* 100 windows are not waited for */
    assert_int_equal(x->outcome.whole, ANP_ERR_CLIENT_TIMEOUT);
    uint32_t lost = 0;
    for (uint32_t i = 0; i < j.n; i++) {
        if (x->outcome.status[i] == ANP_ERR_CLIENT_TIMEOUT) {
            assert_int_equal(ring_owner(r, 0, i), 0);
            lost++;
        } else {
            check_row(&x->outcome, i);
        }
    }
    assert_int_equal(lost, 200); /* a window on each of its two connections */
    run_free(x);
    ring_close(r);
}

static void test_call_does_not_wait_for_each_window_of_a_frozen_node(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        int is_write = way & 1, is_socket = way & 2; /* which time-out ends it */
        ring *r = ring_open(3, 1, node_0_waits, NULL);
        job j = {.n = 30000,
                 .policy = is_write ? writes : reads,
                 .source = is_write ? write_source : read_source};
        j.policy.total_timeout_ms = is_socket ? 20000 : 300;
        j.policy.socket_timeout_ms = is_socket ? 300 : 0;
        j.policy.max_retries = is_socket ? 0 : j.policy.max_retries;
        j.policy.each_window = true;
        j.policy.window = 100;
        run *x = run_open(r, &j);
        uint64_t begin = anp_clock_now();
        run_end(x);
        /* its 100 windows are not waited for one after the other */
        assert_in_range(anp_clock_now() - begin, 300 * ANP_NS_PER_MS, 6 * ANP_NS_PER_S);
        assert_int_equal(x->outcome.whole, ANP_ERR_CLIENT_TIMEOUT);
        uint32_t in_doubt = 0;
        for (uint32_t i = 0; i < j.n; i++) {
            if (ring_owner(r, 0, i) != 0) {
                check_row(&x->outcome, i);
                continue;
            }
            assert_int_equal(x->outcome.status[i], ANP_ERR_CLIENT_TIMEOUT);
            assert_int_equal(x->outcome.doubt[i], is_write ? x->outcome.attempts[i] : 0);
            in_doubt += x->outcome.doubt[i];
        }
        assert_int_equal(in_doubt, is_write ? 400 : 0); /* two windows on two connections */
        run_free(x);
        ring_close(r);
    }
}

static void test_reads_of_a_frozen_node_go_to_the_next_replica_after_socket_timeout(void **state)
{
    (void)state;
    ring *r = ring_open(3, 2, node_0_waits, NULL);
    job j = {.n = 30000, .policy = reads, .source = read_source};
    j.policy.socket_timeout_ms = 100;
    j.policy.window = 100;
    j.policy.max_retries = 1;
    j.policy.replica = ANP_REPLICA_SEQUENCE;
    run *x = run_open(r, &j);
    run_end(x);
    check_good(&x->outcome);
    run_free(x);
    ring_close(r);
}

/* ---- the circuit breaker ---- */

static void allow_three_errors(ring *r)
{
    r->max_error_rate = 3;
    r->error_rate_window = 100000; /* longer than any test */
}

static anp_cluster_node *limited_node(ring *r)
{
    anp_map *map = anp_cluster_map(r->world.cluster);
    anp_cluster_node *node = anp_cluster_node_retain(map->namespaces[0].partitions[0].replica[0]);
    anp_map_release(map);
    assert_true(UNTIL(node->max_errors == 3));
    return node;
}

static void test_node_with_too_many_errors_is_left_alone(void **state)
{
    (void)state;
    ring *r = ring_open(2, 2, answer_well, allow_three_errors);
    anp_cluster_node *node = limited_node(r);
    node->errors = 4;
    for (int is_write = 0; is_write < 2; is_write++) {
        job j = {.n = 3000,
                 .policy = is_write ? writes : reads,
                 .source = is_write ? write_source : read_source};
        j.policy.window = 100;
        j.policy.replica = ANP_REPLICA_SEQUENCE;
        run *x = run_open(r, &j);
        run_end(x);
        if (is_write) {
            assert_int_equal(x->outcome.whole, ANP_ERR_MAX_ERROR_RATE);
            for (uint32_t i = 0; i < j.n; i++) {
                bool is_lost = ring_owner(r, 0, i) == 0;
                assert_int_equal(x->outcome.status[i], is_lost ? ANP_ERR_MAX_ERROR_RATE : 0);
                assert_int_equal(x->outcome.attempts[i], !is_lost);
            }
        } else {
            check_good(&x->outcome);
            assert_int_equal(x->outcome.retries, 0);
        }
        run_free(x);
    }
    assert_int_equal(r->nodes[0].n_calls, 0);
    anp_cluster_node_release(node);
    ring_close(r);
}

static bool node_0_hangs_up(scripted_call *c)
{
    return ring_index(c->node) != 0 && scripted_serve_well(c);
}

static void test_broken_connection_is_one_error_however_many_its_rows(void **state)
{
    (void)state;
    ring *r = ring_open(2, 2, node_0_hangs_up, allow_three_errors);
    anp_cluster_node *node = limited_node(r);
    job j = {.n = 5000, .policy = reads, .source = read_source};
    j.policy.replica = ANP_REPLICA_SEQUENCE;
    j.policy.connections = 1;
    run *x = run_open(r, &j);
    run_end(x);
    check_good(&x->outcome);
    assert_int_equal(node->errors, 1);
    run_free(x);
    anp_cluster_node_release(node);
    ring_close(r);
}

static void test_queue_of_a_node_with_too_many_errors_goes_elsewhere(void **state)
{
    (void)state;
    ring *r = ring_open(2, 2, node_0_waits, allow_three_errors);
    anp_cluster_node *node = limited_node(r);
    job j = {.n = 10000, .policy = reads, .source = read_source};
    j.policy.window = 100;
    j.policy.replica = ANP_REPLICA_SEQUENCE;
    run *x = run_open(r, &j);
    uint32_t others = j.n - rows_of(r, j.n, 0);
    RUN_UNTIL(x, anp_batch_progress(x->batch) == others);
    node->errors = 4;
    RUN_UNTIL(x, anp_batch_progress(x->batch) == j.n - 400); /* all but what is in flight */
    scripted_gate_open(&r->nodes[0]);
    run_end(x);
    check_good(&x->outcome);
    assert_int_equal(x->outcome.retries, 0);
    run_free(x);
    anp_cluster_node_release(node);
    ring_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_other_nodes_do_not_wait_for_a_stalled_one),
        cmocka_unit_test(test_planning_does_not_run_ahead_of_a_node_that_is_alone),
        cmocka_unit_test(test_what_is_held_back_for_a_stalled_node_is_bounded),
        cmocka_unit_test(test_half_of_a_long_message_is_kept_while_others_are_read),
        cmocka_unit_test(test_reads_of_a_dead_node_go_to_the_next_replica),
        cmocka_unit_test(test_rows_of_a_dead_node_wait_for_a_newer_map),
        cmocka_unit_test(test_rows_of_a_dead_node_end_when_retries_do),
        cmocka_unit_test(test_rows_nobody_owns_wait_for_an_owner),
        cmocka_unit_test(test_rows_nobody_owns_are_settled_when_retries_end),
        cmocka_unit_test(test_waiting_ends_at_the_deadline),
        cmocka_unit_test(test_rows_a_node_does_not_serve_are_asked_for_again_on_a_newer_map),
        cmocka_unit_test(test_rows_queued_for_a_node_that_leaves_go_elsewhere),
        cmocka_unit_test(test_windows_of_a_frozen_node_time_out_and_the_rest_is_read_elsewhere),
        cmocka_unit_test(test_call_does_not_wait_for_each_window_of_a_frozen_node),
        cmocka_unit_test(test_reads_of_a_frozen_node_go_to_the_next_replica_after_socket_timeout),
        cmocka_unit_test(test_node_with_too_many_errors_is_left_alone),
        cmocka_unit_test(test_broken_connection_is_one_error_however_many_its_rows),
        cmocka_unit_test(test_queue_of_a_node_with_too_many_errors_goes_elsewhere),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
