/* Eight threads on one client: commands that they drive themselves or leave to the threads of
 * loops, turns at one gate, cancellations, clusters that are opened and closed, while nodes fail.
 * `make tsan` looks for data races in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/condition.h"
#include "command/gate.h"
#include "node_world.h"
#include "command/request.h"
#include "command/single.h"

enum { THREADS = 8, LOOPS = 2, TURNS = 3, N_ROWS = 2000, N_FAULTS = 20, WAIT_S = 60 };

typedef struct shared {
    world w;
    anp_gate *gate;
    anp_loop *loops[LOOPS];
    faults faults;
} shared;

typedef struct worker {
    shared *s;
    uint32_t number, n_right, n_ended;
    const char *wrong; /* what should not be; threads don't assert */
} worker;

/* ---- one command that may have to wait for its turn, and is told of when it is over ---- */

typedef struct call {
    anp_ticket ticket;
    anp_command *command;
    anp_loop *loop; /* NULL: the caller drives */
    anp_gate *gate;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_in, is_over;
} call;

static void tell(call *c, bool *what)
{
    (void)pthread_mutex_lock(&c->lock);
    *what = true;
    (void)pthread_cond_signal(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
}

static bool await(call *c, const bool *what, uint64_t ms)
{
    uint64_t end = anp_clock_now() + ms * ANP_NS_PER_MS;
    (void)pthread_mutex_lock(&c->lock);
    while (!*what && anp_condition_wait(&c->changed, &c->lock, end)) {
    }
    bool is_so = *what;
    (void)pthread_mutex_unlock(&c->lock);
    return is_so;
}

static void on_done(anp_command *command)
{
    call *c = command->owner;
    anp_gate_leave(c->gate);
    tell(c, &c->is_over);
}

static void on_turn(anp_ticket *ticket)
{
    call *c = (call *)(void *)((char *)ticket - offsetof(call, ticket));
    if (c->loop != NULL) {
        anp_command_submit(c->command, c->loop);
    } else {
        tell(c, &c->is_in);
    }
}

/* false: it gave its turn up, or did not end. */
static bool call_run(worker *k, anp_command *command, bool is_async, bool cancels)
{
    shared *s = k->s;
    call c = {.ticket.open = on_turn,
              .command = command,
              .gate = s->gate,
              .loop = is_async ? s->loops[k->n_ended % LOOPS] : NULL,
              .lock = PTHREAD_MUTEX_INITIALIZER};
    bool was_run = true;
    anp_condition_init(&c.changed);
    command->owner = &c;
    command->done = is_async ? on_done : NULL;
    if (anp_gate_enter(s->gate, &c.ticket)) {
        on_turn(&c.ticket);
    }
    if (is_async) {
        if (cancels && !await(&c, &c.is_over, 1)) {
            was_run = !anp_gate_give_up(s->gate, &c.ticket);
            anp_command_cancel(command);
        }
        if (was_run && !await(&c, &c.is_over, WAIT_S * 1000)) {
            k->wrong = "a command did not end";
        }
    } else if (await(&c, &c.is_in, cancels ? 1 : WAIT_S * 1000) ||
               !anp_gate_give_up(s->gate, &c.ticket)) {
        (void)await(&c, &c.is_in, WAIT_S * 1000);
        while (anp_command_drive(command, 5) != ANP_DRIVE_DONE) {
            if (cancels) {
                anp_command_cancel(command);
            }
        }
        anp_gate_leave(s->gate);
    } else {
        was_run = false;
    }
    (void)pthread_cond_destroy(&c.changed);
    (void)pthread_mutex_destroy(&c.lock);
    return was_run && k->wrong == NULL;
}

/* ---- what the threads do ---- */

static const anp_policy patient = {.total_timeout_ms = 1000 * WAIT_S,
                                   .socket_timeout_ms = 20000,
                                   .max_retries = 100,
                                   .sleep_ms = 5,
                                   .replica = ANP_REPLICA_SEQUENCE,
                                   .allow_inline = true,
                                   .respond_all = true};

static void one_batch(worker *k, bool is_async, bool writes_it, bool cancels)
{
    table t = {.values = malloc(N_ROWS * sizeof *t.values)};
    memset(t.values, 0xff, N_ROWS * sizeof *t.values);
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = &t};
    anp_batch *b;
    anp_error err;
    if (anp_batch_new(k->s->w.cluster, &patient, &k->s->w.keys, writes_it ? &writes : &reads, &sink,
                      (anp_slice){NULL, 0}, &b, &err) != ANP_OK) {
        k->wrong = "a batch was not made";
    } else {
        bool was_run = call_run(k, anp_batch_command(b), is_async, cancels);
        if (was_run && t.n_ok + t.n_bad != N_ROWS) {
            k->wrong = "a row ended not once";
        }
        for (int64_t i = 0; was_run && !writes_it && i < N_ROWS; i++) {
            if (t.values[i] != -1 && t.values[i] != i * 3) {
                k->wrong = "a row holds another one's value";
            }
        }
        k->n_right += was_run && t.n_ok == N_ROWS;
        anp_batch_free(b);
    }
    free(t.values);
}

static void one_single(worker *k, bool is_async, bool cancels)
{
    anp_single single;
    anp_error err;
    if (anp_single_init(&single, k->s->w.cluster, &patient, &err) != ANP_OK) {
        k->wrong = "a command was not made";
        return;
    }
    memcpy(single.namespace_name, "test", 4);
    single.namespace_size = 4;
    memset(single.digest, (int)k->number, sizeof single.digest);
    anp_record_request request = {.info1 = 3,
                                  .namespace_name = {(const uint8_t *)"test", 4},
                                  .set = {(const uint8_t *)"demo", 4},
                                  .digest = single.digest};
    anp_record_request_write(&single.request, &request);
    bool was_run = call_run(k, &single.command, is_async, cancels);
    k->n_right += was_run && single.command.status == ANP_NOT_FOUND;
    anp_single_deinit(&single);
}

/* Another client of the same nodes comes and goes, and this one is looked at. */
static void one_more_client(worker *k)
{
    anp_group_node first;
    anp_cluster_stats stats;
    anp_cluster_node *nodes[8];
    anp_cluster *other;
    anp_error err;
    (void)anp_group_look(k->s->w.group, 0, &first, &err);
    anp_seed seed = {.host = "127.0.0.1", .port = first.port};
    anp_cluster_config config = {.seeds = &seed, .n_seeds = 1, .tend_interval_ms = 20};
    if (anp_cluster_open(&config, &other, &err) != ANP_OK) {
        k->wrong = "a client was not opened";
        return;
    }
    k->n_right += anp_cluster_wait(other, 10000, &err) == ANP_OK;
    anp_cluster_close(other);
    anp_cluster_release(other);
    anp_cluster_stats_get(k->s->w.cluster, &stats);
    size_t n = anp_cluster_nodes(k->s->w.cluster, nodes, 8);
    for (size_t i = 0; i < n && i < 8; i++) {
        anp_pool_stats pool;
        anp_pool_stats_get(nodes[i]->pool, &pool);
        anp_cluster_node_release(nodes[i]);
    }
    anp_map *map = anp_cluster_map(k->s->w.cluster);
    anp_map_release(map);
}

static void *work(void *argument)
{
    worker *k = argument;
    bool is_async = k->number % 2 == 1;
    while (k->wrong == NULL && (k->n_right == 0 || !atomic_load(&k->s->faults.is_over))) {
        bool cancels = k->n_ended % 4 == 3;
        if (k->number == 0) {
            one_more_client(k);
        } else if (k->n_ended % 3 == 2) {
            one_single(k, is_async, cancels);
        } else {
            one_batch(k, is_async, k->n_ended % 6 == 4, cancels);
        }
        k->n_ended++;
    }
    return NULL;
}

static void test_eight_threads_share_a_client_while_nodes_fail(void **state)
{
    (void)state;
    shared s = {0};
    worker workers[THREADS] = {{0}};
    pthread_t threads[THREADS], fault_thread;
    anp_error err;
    open_world(&s.w, 3, N_ROWS);
    table t = {.values = malloc(N_ROWS * sizeof *t.values)};
    assert_int_equal(run_batch(s.w.cluster, &writes, &s.w.keys, &t), ANP_OK);
    free(t.values);
    assert_int_equal(anp_gate_new(TURNS, &s.gate, &err), ANP_OK);
    for (int i = 0; i < LOOPS; i++) {
        assert_int_equal(anp_loop_new(&s.loops[i], &err), ANP_OK);
        assert_int_equal(anp_loop_thread_start(s.loops[i], &err), ANP_OK);
    }
    s.faults.group = s.w.group;
    s.faults.n = N_FAULTS;
    assert_int_equal(pthread_create(&fault_thread, NULL, make_faults, &s.faults), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.s = &s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    assert_int_equal(pthread_join(fault_thread, NULL), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        if (workers[i].wrong != NULL) {
            fail_msg("thread %u: %s", i, workers[i].wrong);
        }
        print_message("thread %u: %u of %u whole\n", i, workers[i].n_right, workers[i].n_ended);
    }
    assert_true(anp_gate_wait_empty(s.gate, 1000));
    for (int i = 0; i < LOOPS; i++) {
        anp_loop_thread_stop(s.loops[i]);
    }
    read_all(&s.w, N_ROWS);
    anp_cluster_close(s.w.cluster);
    for (int i = 0; i < LOOPS; i++) {
        anp_loop_free(s.loops[i]);
    }
    anp_gate_free(s.gate);
    close_world(&s.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eight_threads_share_a_client_while_nodes_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
