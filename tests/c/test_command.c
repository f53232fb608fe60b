/* A command that is cancelled while another thread, which has just left the gate, submits it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "cluster/cluster.h"
#include "command/command.h"
#include "net/loop.h"

#include "until.h"

enum { ROUNDS = 10000 };

typedef struct probe {
    anp_command command; /* first: kinds are told of it */
    bool is_begun;       /* on the loop's thread, as is all below */
    uint32_t n_done;
    _Atomic uint32_t n_wrong;
    _Atomic bool is_over;
} probe;

static anp_loop *loop;
static anp_cluster *cluster;
static _Atomic(probe *) handed;
static _Atomic bool is_last;
static _Thread_local bool is_loops_thread;

static void say_where(anp_task *t)
{
    (void)t;
    is_loops_thread = true;
}

static void finish(probe *p)
{
    anp_command_finish(&p->command, ANP_ERR_ABORTED, NULL);
}

static void start(anp_command *c)
{
    probe *p = (probe *)c;
    p->is_begun = true;
    if (atomic_load(&c->is_cancelled)) {
        finish(p);
    }
}

static void cancel(anp_command *c)
{
    probe *p = (probe *)c;
    if (!is_loops_thread || !p->is_begun) {
        atomic_fetch_add(&p->n_wrong, 1);
    } else if (p->n_done == 0) {
        finish(p);
    }
}

static const anp_command_kind kind = {.name = "probe", .start = start, .cancel = cancel};

static void on_done(anp_command *c)
{
    probe *p = (probe *)c;
    p->n_done++;
    atomic_store(&p->is_over, true);
}

static void *let_in(void *unused)
{
    uint32_t n = 0;
    while (!atomic_load(&is_last)) {
        probe *p = atomic_exchange(&handed, NULL);
        if (p != NULL) {
            anp_command_submit(&p->command, loop);
        } else if (++n % 4096 == 0) {
            (void)sched_yield();
        }
    }
    return unused;
}

static void test_cancel_beside_submit_is_heard_once_and_by_the_loops_thread(void **state)
{
    pthread_t thread;
    anp_policy policy = {0};
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, let_in, NULL), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        probe p = {.n_done = 0};
        anp_command_init(&p.command, &kind, cluster, &policy);
        p.command.done = on_done;
        atomic_store(&handed, &p);
        for (uint32_t k = 0; atomic_load(&handed) != NULL; k++) { /* close on its heels */
            if (k % 4096 == 4095) {
                (void)sched_yield();
            }
        }
        for (volatile uint32_t k = 0; k < i % 64; k++) {
        }
        anp_command_cancel(&p.command);
        bool is_over = UNTIL(atomic_load(&p.is_over));
        if (!is_over || p.n_done != 1 || p.n_wrong != 0) {
            fail_msg("round %u: over %d, told %u times, cancelled wrongly %u times", i, is_over,
                     p.n_done, p.n_wrong);
        }
        anp_command_deinit(&p.command);
    }
    atomic_store(&is_last, true);
    (void)pthread_join(thread, NULL);
}

static int setup(void **state)
{
    static anp_task task = {.run = say_where};
    anp_seed seed = {.host = "127.0.0.1", .port = 1};
    anp_cluster_config config = {
        .seeds = &seed, .n_seeds = 1, .tend_interval_ms = 60000, .connect_timeout_ms = 1000};
    anp_error err;
    (void)state;
    if (anp_cluster_open(&config, &cluster, &err) != ANP_OK ||
        anp_loop_new(&loop, &err) != ANP_OK || anp_loop_thread_start(loop, &err) != ANP_OK) {
        return 1;
    }
    anp_loop_post(loop, &task);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    anp_loop_free(loop);
    anp_cluster_close(cluster);
    anp_cluster_release(cluster);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_beside_submit_is_heard_once_and_by_the_loops_thread),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
