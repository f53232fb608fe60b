/* Batches in parts, each with a thread: every row ends once, by its number in the whole. */
#include "command/batch_parts.h"

#include "batch_job.h"
#include "steady.h"

enum { N = 4001, PARTS = 5 };

typedef struct parts_run {
    world w;
    outcome o;
    int64_t keys[N];
    anp_key_run runs[3];
    anp_batch_parts *parts;
} parts_run;

static const char *set_of(uint64_t row)
{
    return row < 700 ? "demo" : row < 2700 ? "other" : "demo";
}

static void on_over(anp_command *c)
{
    *(_Atomic bool *)c->owner = true;
}

static anp_status make_parts(parts_run *x, anp_error *err)
{
    const uint64_t begins[] = {0, 700, 2700};
    for (int i = 0; i < 3; i++) {
        const char *set = set_of(begins[i]);
        x->runs[i] = (anp_key_run){
            {(const uint8_t *)"test", 4}, {(const uint8_t *)set, strlen(set)}, begins[i]};
    }
    for (int64_t i = 0; i < N; i++) {
        x->keys[i] = i;
    }
    anp_keys keys = {.kind = ANP_KEYS_INT,
                     .count = N,
                     .total = N,
                     .runs = x->runs,
                     .n_runs = 3,
                     .base = (const uint8_t *)x->keys,
                     .stride = 8,
                     .width = 8,
                     .is_signed = true};
    anp_policy policy = {.total_timeout_ms = 60000, .window = 300};
    anp_row_sink sinks[PARTS];
    for (int i = 0; i < PARTS; i++) {
        sinks[i] = (anp_row_sink){.row = on_row, .settle = on_settle, .context = &x->o};
    }
    return anp_batch_parts_new(x->w.cluster, &policy, &keys, &read_source, sinks, PARTS,
                               (anp_slice){NULL, 0}, &x->parts, err);
}

static parts_run *open_run(bool (*serve)(scripted_call *c), void *context)
{
    parts_run *x = calloc(1, sizeof *x);
    anp_error err;
    assert_non_null(x);
    world_open(&x->w, serve, context, 0);
    outcome_init(&x->o, N);
    assert_int_equal(make_parts(x, &err), ANP_OK);
    return x;
}

static void close_run(parts_run *x)
{
    anp_batch_parts_free(x->parts);
    outcome_deinit(&x->o);
    world_close(&x->w);
    free(x);
}

/* Drives it from here, or on a loop's thread; `cancel_at_call`: when the node has seen so many. */
static void drive_to_end(parts_run *x, bool is_async, int cancel_at_call)
{
    anp_command *c = anp_batch_parts_command(x->parts);
    if (!is_async) {
        while (anp_command_drive(c, 5) != ANP_DRIVE_DONE) {
            if (cancel_at_call != 0 && x->w.node.n_calls >= cancel_at_call) {
                anp_command_cancel(c);
            }
        }
        return;
    }
    anp_loop *loop;
    anp_error err;
    _Atomic bool is_over = false;
    assert_int_equal(anp_loop_new(&loop, &err), ANP_OK);
    assert_int_equal(anp_loop_thread_start(loop, &err), ANP_OK);
    c->owner = (void *)&is_over;
    c->done = on_over;
    anp_command_submit(c, loop);
    if (cancel_at_call != 0) {
        assert_true(UNTIL(x->w.node.n_calls >= cancel_at_call));
        anp_command_cancel(c);
    }
    assert_true(UNTIL(is_over));
    anp_loop_thread_stop(loop);
    anp_loop_free(loop);
}

static void check_rows(const parts_run *x)
{
    for (uint32_t row = 0; row < N; row++) {
        uint8_t digest[20];
        const char *set = set_of(row);
        anp_digest(set, strlen(set), &(anp_key){.type = ANP_PARTICLE_INTEGER, .integer = row},
                   digest);
        assert_int_equal(x->o.status[row], 0);
        assert_int_equal(x->o.generation[row], scripted_generation(digest));
    }
}

static void test_every_row_ends_once_by_its_number_in_the_whole(void **state)
{
    (void)state;
    for (int is_async = 0; is_async < 2; is_async++) {
        parts_run *x = open_run(scripted_serve_well, NULL);
        assert_int_equal(anp_batch_parts_progress(x->parts), 0);
        drive_to_end(x, is_async, 0);
        assert_int_equal(anp_batch_parts_command(x->parts)->status, ANP_OK);
        assert_int_equal(anp_batch_parts_progress(x->parts), N);
        anp_batch_timings t;
        anp_batch_parts_timings(x->parts, &t);
        assert_true(t.digests >= 0 && t.sending >= 0 && t.waiting >= 0 && t.decoding >= 0);
        check_whole(&x->o);
        check_rows(x);
        close_run(x);
    }
}

static bool serve_until_the_gate(scripted_call *c)
{
    if (c->node->n_calls > PARTS) {
        scripted_gate_wait(c->node);
    }
    return scripted_serve_well(c);
}

static void test_cancel_ends_every_row_of_every_thread(void **state)
{
    (void)state;
    for (int is_async = 0; is_async < 2; is_async++) {
        parts_run *x = open_run(serve_until_the_gate, NULL);
        drive_to_end(x, is_async, PARTS + 2);
        const anp_command *c = anp_batch_parts_command(x->parts);
        assert_int_equal(c->status, ANP_ERR_ABORTED);
        assert_non_null(strstr(c->error.message, "of the rows from "));
        check_whole(&x->o);
        assert_int_equal(anp_batch_parts_progress(x->parts), N);
        scripted_gate_open(&x->w.node);
        close_run(x);
    }
}

static void test_what_is_cancelled_before_it_begins_is_not_sent(void **state)
{
    (void)state;
    for (int is_async = 0; is_async < 2; is_async++) {
        parts_run *x = open_run(scripted_serve_well, NULL);
        anp_command_cancel(anp_batch_parts_command(x->parts));
        drive_to_end(x, is_async, 0);
        assert_int_equal(anp_batch_parts_command(x->parts)->status, ANP_ERR_ABORTED);
        check_whole(&x->o);
        for (uint32_t row = 0; row < N; row++) {
            assert_int_equal(x->o.status[row], ANP_ERR_ABORTED);
        }
        close_run(x);
    }
}

static int count_down(void *context)
{
    int *left = context;
    return (*left)-- != 0;
}

static void test_without_memory_nothing_is_made_and_nothing_stays(void **state)
{
    (void)state;
    parts_run *x = open_run(scripted_serve_well, NULL);
    anp_batch_parts *first = x->parts;
    anp_status status = ANP_ERR_MEMORY;
    int tries = 0;
    for (; status != ANP_OK && tries < 200; tries++) {
        int left = tries;
        anp_error err;
        anp_alloc_hook(count_down, &left);
        status = make_parts(x, &err);
        anp_alloc_hook(NULL, NULL);
        if (status != ANP_OK) {
            assert_int_equal(err.code, ANP_ERR_MEMORY);
        }
    }
    assert_true(tries > PARTS && status == ANP_OK);
    anp_batch_parts_free(x->parts); /* never driven */
    x->parts = first;
    close_run(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_ends_once_by_its_number_in_the_whole),
        cmocka_unit_test(test_cancel_ends_every_row_of_every_thread),
        cmocka_unit_test(test_what_is_cancelled_before_it_begins_is_not_sent),
        cmocka_unit_test(test_without_memory_nothing_is_made_and_nothing_stays),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
