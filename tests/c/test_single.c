/* Single-record and info commands against a node whose replies the test writes. */
#include "command/single.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "command/info_command.h"
#include "command/request.h"
#include "scripted_world.h"
#include "single_open.h"
#include "steady.h"

typedef struct script {
    uint8_t codes[8]; /* of the calls, in order; then 0 */
    enum { SAY_CODE, SAY_NOTHING, HANG_UP, SAY_GARBAGE, SAY_TOO_MUCH, SAY_HUGE, CLOSE_AFTER } what;
    int until; /* calls below this number do `what`, others are answered well */
} script;

static bool serve(scripted_call *c)
{
    script *s = c->node->context;
    anp_buffer b;
    anp_buffer_init(&b, 1 << 20);
    if (c->number < s->until) {
        switch (s->what) {
        case SAY_NOTHING:
            scripted_gate_wait(c->node);
            return true;
        case HANG_UP:
            return false;
        case SAY_GARBAGE:
            return scripted_send(c, "\x02\x03\0\0\0\0\0\x05zzzzz", 13);
        case SAY_HUGE:
            return scripted_send(c, "\x02\x03\0\0\x08\0\0\0", 8);
        case SAY_CODE:
        case SAY_TOO_MUCH:
        case CLOSE_AFTER:
        default:
            break;
        }
    }
    size_t f = scripted_frame(&b);
    scripted_message(&b, 0, c->number < 8 ? s->codes[c->number] : 0, 7, 0);
    scripted_frame_end(&b, f);
    if (s->what == SAY_TOO_MUCH) {
        anp_buffer_u8(&b, 0);
    }
    bool ok = scripted_send_buffer(c, &b);
    return ok && s->what != CLOSE_AFTER;
}

static void make(anp_single *s, world *w, const anp_policy *policy, bool is_write)
{
    single_open(s, w->cluster, policy, 0x33, is_write);
}

static _Atomic bool async_is_done;

static void on_done(anp_command *c)
{
    (void)c;
    async_is_done = true;
}

/* Drives to the end: from here, or on a loop's own thread. */
static void run(anp_command *c, bool is_async)
{
    if (!is_async) {
        while (anp_command_drive(c, 20) != ANP_DRIVE_DONE) {
        }
        return;
    }
    anp_loop *loop;
    anp_error err;
    assert_int_equal(anp_loop_new(&loop, &err), ANP_OK);
    assert_int_equal(anp_loop_thread_start(loop, &err), ANP_OK);
    async_is_done = false;
    c->done = on_done;
    anp_command_submit(c, loop);
    assert_true(UNTIL(async_is_done));
    anp_loop_thread_stop(loop);
    anp_loop_free(loop);
}

static void test_record_request_bytes(void **state)
{
    (void)state; /* a read of all bins of ("test", "demo", k1), no time limit */
    static const uint8_t digest[20] = {0xb7, 0x47, 0xf5, 0x85, 0x4d, 0x0b, 0x33, 0x25, 0x99, 0x28,
                                       0xd0, 0xcf, 0xab, 0x7f, 0xad, 0x81, 0xd6, 0xab, 0xfb, 0xf6};
    static const uint8_t want[] = {
        0x02, 0x03, 0,    0,    0,    0,    0,    0x41, 0x16, 0x03, 0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0x03, 0xe8, 0,    3,    0,    0,
        0,    0,    0,    5,    0,    't',  'e',  's',  't',  0,    0,    0,    5,    1,    'd',
        'e',  'm',  'o',  0,    0,    0,    0x15, 4,    0xb7, 0x47, 0xf5, 0x85, 0x4d, 0x0b, 0x33,
        0x25, 0x99, 0x28, 0xd0, 0xcf, 0xab, 0x7f, 0xad, 0x81, 0xd6, 0xab, 0xfb, 0xf6};
    anp_buffer b;
    anp_buffer_init(&b, 1000);
    anp_record_request r = {.info1 = 3,
                            .namespace_name = {(const uint8_t *)"test", 4},
                            .set = {(const uint8_t *)"demo", 4},
                            .digest = digest};
    anp_record_request_write(&b, &r);
    anp_record_request_timeout(&b, 1000);
    assert_int_equal(b.size, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    anp_buffer_deinit(&b);
}

/* One command against a script, both drivers. */
static void try_it(script s, anp_policy policy, bool is_write, anp_status status, bool in_doubt,
                   int calls, int used, uint32_t retries)
{
    for (int is_async = 0; is_async < 2; is_async++) {
        world w;
        size_t at_most = tricks.read_at_most, in_all = tricks.write_in_all;
        world_open(&w, serve, &s, 0);
        tricks.read_at_most = at_most;
        tricks.write_in_all = in_all;
        anp_single c;
        make(&c, &w, &policy, is_write);
        run(&c.command, is_async);
        tricks_reset();
        assert_int_equal(c.command.status, status);
        assert_int_equal(c.in_doubt, in_doubt);
        assert_int_equal(c.command.retries, retries);
        if (status == ANP_OK) {
            assert_int_equal(c.message.generation, 7);
            assert_string_not_equal(c.node, "");
        } else {
            assert_int_equal(c.command.error.code, status);
            assert_string_not_equal(c.command.error.message, "");
        }
        assert_int_equal(w.node.n_calls, calls);
        assert_int_equal(w.node.n_used, used);
        anp_single_deinit(&c);
        tricks.read_at_most = at_most;
        tricks.write_in_all = in_all;
        world_close(&w);
    }
    tricks_reset();
}

static const anp_policy reads = {.total_timeout_ms = 10000, .max_retries = 2};
static const anp_policy writes = {.total_timeout_ms = 10000};

static void test_read_is_answered(void **state)
{
    (void)state;
    try_it((script){0}, reads, false, ANP_OK, false, 1, 1, 0);
}

static void test_read_is_answered_byte_by_byte(void **state)
{
    (void)state;
    tricks.read_at_most = 1;
    try_it((script){0}, reads, false, ANP_OK, false, 1, 1, 0);
}

static void test_definite_code_is_not_asked_again(void **state)
{
    (void)state;
    try_it((script){.codes = {2}}, reads, false, ANP_NOT_FOUND, false, 1, 1, 0);
    try_it((script){.codes = {14}}, reads, false, ANP_KEY_BUSY, false, 1, 1, 0);
    try_it((script){.codes = {3}}, writes, true, ANP_GENERATION, false, 1, 1, 0);
}

static void test_passing_codes_are_asked_again(void **state)
{
    (void)state;
    try_it((script){.codes = {9, 18}}, reads, false, ANP_OK, false, 3, 1, 2);
    try_it((script){.codes = {11, 11, 11, 11}}, reads, false, ANP_UNAVAILABLE, false, 3, 1, 2);
}

static void test_pause_between_retries_is_kept(void **state)
{
    (void)state;
    anp_policy policy = reads;
    policy.sleep_ms = 30;
    uint64_t begin = anp_clock_now();
    try_it((script){.codes = {9, 18}}, policy, false, ANP_OK, false, 3, 1, 2);
    assert_true(anp_clock_now() - begin >= 120 * ANP_NS_PER_MS); /* two drivers, two pauses each */
}

static void test_read_survives_connections_that_break(void **state)
{
    (void)state;
    try_it((script){.what = HANG_UP, .until = 2}, reads, false, ANP_OK, false, 3, 3, 2);
    try_it((script){.what = HANG_UP, .until = 9}, reads, false, ANP_ERR_CONNECTION, false, 3, 3, 2);
}

static void test_write_without_an_answer_is_in_doubt(void **state)
{
    (void)state;
    try_it((script){.what = HANG_UP, .until = 9}, writes, true, ANP_ERR_CONNECTION, true, 1, 1, 0);
    anp_policy policy = {.total_timeout_ms = 150};
    try_it((script){.what = SAY_NOTHING, .until = 9}, policy, true, ANP_ERR_CLIENT_TIMEOUT, true, 1,
           1, 0);
    try_it((script){.codes = {9}}, writes, true, ANP_SERVER_TIMEOUT, true, 1, 1, 0);
}

static void test_doubt_is_not_cleared_by_a_later_error(void **state)
{
    (void)state;
    anp_policy policy = {.total_timeout_ms = 10000, .max_retries = 1};
    try_it((script){.codes = {9, 3}}, policy, true, ANP_GENERATION, true, 2, 1, 1);
}

static void test_write_cut_before_its_last_byte_is_not_in_doubt(void **state)
{
    (void)state;
    tricks.write_in_all = 30;
    try_it((script){0}, writes, true, ANP_ERR_CONNECTION, false, 0, 0, 0);
    tricks.write_in_all = 72;
    try_it((script){0}, writes, true, ANP_ERR_CONNECTION, false, 0, 0, 0);
}

static void test_bytes_that_are_no_message_close_the_connection(void **state)
{
    (void)state;
    try_it((script){.what = SAY_GARBAGE, .until = 9}, reads, false, ANP_ERR_PROTOCOL, false, 1, 1,
           0);
    try_it((script){.what = SAY_GARBAGE, .until = 9}, writes, true, ANP_ERR_PROTOCOL, true, 1, 1,
           0);
}

static void test_deadline_ends_a_silent_read(void **state)
{
    (void)state;
    anp_policy policy = {.total_timeout_ms = 150, .max_retries = 2};
    uint64_t begin = anp_clock_now();
    try_it((script){.what = SAY_NOTHING, .until = 9}, policy, false, ANP_ERR_CLIENT_TIMEOUT, false,
           1, 1, 0);
    try_it((script){.what = SAY_HUGE, .until = 9}, policy, false, ANP_ERR_CLIENT_TIMEOUT, false, 1,
           1, 0);
    assert_true(anp_clock_now() - begin < 20 * ANP_NS_PER_S);
}

static void test_silence_is_a_retry(void **state)
{
    (void)state;
    anp_policy policy = {.total_timeout_ms = 10000, .socket_timeout_ms = 150, .max_retries = 2};
    try_it((script){.what = SAY_NOTHING, .until = 2}, policy, false, ANP_OK, false, 3, 3, 2);
}

static void test_unknown_namespace_is_code_20_without_asking(void **state)
{
    (void)state;
    world w;
    world_open(&w, serve, &(script){0}, 0);
    anp_single c;
    make(&c, &w, &reads, false);
    memcpy(c.namespace_name, "nope", 4);
    run(&c.command, false);
    assert_int_equal(c.command.status, ANP_NAMESPACE);
    assert_int_equal(w.node.n_calls, 0);
    anp_single_deinit(&c);
    world_close(&w);
}

static void test_connections_are_used_again_only_when_clean(void **state)
{
    (void)state;
    for (int too_much = 0; too_much < 2; too_much++) {
        world w;
        world_open(&w, serve, &(script){.what = too_much ? SAY_TOO_MUCH : SAY_CODE}, 0);
        for (int i = 0; i < 5; i++) {
            anp_single c;
            make(&c, &w, &reads, false);
            run(&c.command, i & 1);
            assert_int_equal(c.command.status, ANP_OK);
            anp_single_deinit(&c);
        }
        assert_int_equal(w.node.n_used, too_much ? 5 : 1);
        world_close(&w);
    }
}

/* A read on a pooled connection fails before any byte: another is taken, and that is no retry. */
static bool hang_up_on_second(scripted_call *c)
{
    if (c->number == 1) {
        return false;
    }
    return serve(c);
}

static void test_stale_connection_is_renewed_for_free(void **state)
{
    (void)state;
    world w;
    world_open(&w, hang_up_on_second, &(script){0}, 0);
    for (int i = 0; i < 2; i++) {
        anp_single c;
        make(&c, &w, &writes, false);
        run(&c.command, false);
        assert_int_equal(c.command.status, ANP_OK);
        assert_int_equal(c.command.retries, 0);
        anp_single_deinit(&c);
    }
    assert_int_equal(w.node.n_calls, 3);
    world_close(&w);
}

static void test_cancel_ends_soon(void **state)
{
    (void)state;
    for (int is_async = 0; is_async < 2; is_async++) {
        world w;
        world_open(&w, serve, &(script){.what = SAY_NOTHING, .until = 9}, 0);
        anp_single c;
        make(&c, &w, &(anp_policy){0}, true);
        if (is_async) {
            anp_loop *loop;
            anp_error err;
            assert_int_equal(anp_loop_new(&loop, &err), ANP_OK);
            assert_int_equal(anp_loop_thread_start(loop, &err), ANP_OK);
            async_is_done = false;
            c.command.done = on_done;
            anp_command_submit(&c.command, loop);
            assert_true(UNTIL(w.node.n_calls == 1));
            anp_command_cancel(&c.command);
            assert_true(UNTIL(async_is_done));
            anp_loop_thread_stop(loop);
            anp_loop_free(loop);
        } else {
            while (w.node.n_calls == 0) {
                assert_int_equal(anp_command_drive(&c.command, 5), ANP_DRIVE_AGAIN);
            }
            anp_command_cancel(&c.command);
            assert_int_equal(anp_command_drive(&c.command, 5), ANP_DRIVE_DONE);
        }
        assert_int_equal(c.command.status, ANP_ERR_ABORTED);
        assert_true(c.in_doubt);
        anp_single_deinit(&c);
        world_close(&w);
    }
}

static void test_closing_the_cluster_ends_commands(void **state)
{
    (void)state;
    world w;
    world_open(&w, serve, &(script){.what = SAY_NOTHING, .until = 9}, 0);
    anp_single c;
    make(&c, &w, &(anp_policy){0}, false);
    while (w.node.n_calls == 0) {
        assert_int_equal(anp_command_drive(&c.command, 5), ANP_DRIVE_AGAIN);
    }
    anp_cluster_close(w.cluster);
    run(&c.command, false);
    assert_int_equal(c.command.status, ANP_ERR_CLOSED);
    anp_single_deinit(&c);
    world_close(&w);
}

static void *run_many(void *argument)
{
    world *w = argument;
    for (int i = 0; i < 20; i++) {
        anp_single c;
        make(&c, w, &reads, false);
        while (anp_command_drive(&c.command, 50) != ANP_DRIVE_DONE) {
        }
        if (c.command.status != ANP_OK) {
            return argument;
        }
        anp_single_deinit(&c);
    }
    return NULL;
}

static void test_callers_wait_their_turn_at_the_cap(void **state)
{
    (void)state;
    world w;
    world_open(&w, serve, &(script){0}, 1);
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        pthread_create(&threads[i], NULL, run_many, &w);
    }
    for (int i = 0; i < 6; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(w.node.n_used, 1);
    assert_int_equal(w.node.n_calls, 120);
    world_close(&w);
}

static void test_waiting_for_a_connection_ends_at_the_deadline(void **state)
{
    (void)state;
    for (int is_async = 0; is_async < 2; is_async++) {
        world w;
        world_open(&w, serve, &(script){.what = SAY_NOTHING, .until = 1}, 1);
        anp_single first, second;
        make(&first, &w, &reads, false);
        while (w.node.n_calls == 0) {
            assert_int_equal(anp_command_drive(&first.command, 5), ANP_DRIVE_AGAIN);
        }
        make(&second, &w, &(anp_policy){.total_timeout_ms = 50}, true);
        run(&second.command, is_async);
        assert_int_equal(second.command.status, ANP_ERR_CLIENT_TIMEOUT);
        assert_false(second.in_doubt);
        anp_single_deinit(&second);
        anp_command_cancel(&first.command);
        run(&first.command, false);
        anp_single_deinit(&first);
        world_close(&w);
    }
}

static void test_info_is_answered(void **state)
{
    (void)state;
    for (int is_async = 0; is_async < 2; is_async++) {
        world w;
        world_open(&w, serve, &(script){0}, 0);
        anp_cluster_node *node = NULL;
        assert_int_equal(anp_cluster_nodes(w.cluster, &node, 1), 1);
        anp_info_command c;
        anp_error err;
        assert_int_equal(anp_info_command_init(&c, w.cluster, &reads, node,
                                               (anp_slice){(const uint8_t *)"build", 5}, &err),
                         ANP_OK);
        run(&c.command, is_async);
        assert_int_equal(c.command.status, ANP_OK);
        assert_int_equal(c.reply.size, 14);
        assert_memory_equal(c.reply.data, "build\t8.1.2.0\n", 14);
        anp_info_command_deinit(&c);
        anp_cluster_node_release(node);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_request_bytes),
        cmocka_unit_test(test_read_is_answered),
        cmocka_unit_test(test_read_is_answered_byte_by_byte),
        cmocka_unit_test(test_definite_code_is_not_asked_again),
        cmocka_unit_test(test_passing_codes_are_asked_again),
        cmocka_unit_test(test_pause_between_retries_is_kept),
        cmocka_unit_test(test_read_survives_connections_that_break),
        cmocka_unit_test(test_write_without_an_answer_is_in_doubt),
        cmocka_unit_test(test_doubt_is_not_cleared_by_a_later_error),
        cmocka_unit_test(test_write_cut_before_its_last_byte_is_not_in_doubt),
        cmocka_unit_test(test_bytes_that_are_no_message_close_the_connection),
        cmocka_unit_test(test_deadline_ends_a_silent_read),
        cmocka_unit_test(test_silence_is_a_retry),
        cmocka_unit_test(test_unknown_namespace_is_code_20_without_asking),
        cmocka_unit_test(test_connections_are_used_again_only_when_clean),
        cmocka_unit_test(test_stale_connection_is_renewed_for_free),
        cmocka_unit_test(test_cancel_ends_soon),
        cmocka_unit_test(test_closing_the_cluster_ends_commands),
        cmocka_unit_test(test_callers_wait_their_turn_at_the_cap),
        cmocka_unit_test(test_waiting_for_a_connection_ends_at_the_deadline),
        cmocka_unit_test(test_info_is_answered),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
