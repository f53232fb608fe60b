/* Bells: who may not wait hears what others wait for, and nothing is missed between two looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster/cluster.h"
#include "command/gate.h"
#include "tend_client.h"

enum { PATIENCE_MS = 20000 };

static anp_bell new_bell(void)
{
    anp_bell bell = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    assert_true(bell.fd >= 0);
    return bell;
}

static bool is_rung(const anp_bell *bell)
{
    eventfd_t times;
    return eventfd_read(bell->fd, &times) == 0;
}

static void wait_for(const anp_bell *bell)
{
    struct pollfd p = {.fd = bell->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    assert_true(is_rung(bell));
}

static void test_each_bell_of_a_list_rings_until_it_is_taken_down(void **state)
{
    (void)state;
    enum { N = 3 };
    for (int gone = 0; gone < N; gone++) {
        anp_bell *list = NULL, bells[N];
        for (int i = 0; i < N; i++) {
            bells[i] = new_bell();
            anp_bell_hang(&bells[i], &list);
        }
        anp_bell_take_down(&bells[gone]);
        anp_bell_take_down(&bells[gone]);
        anp_bells_ring(list);
        for (int i = 0; i < N; i++) {
            assert_int_equal(is_rung(&bells[i]), i != gone);
            anp_bell_take_down(&bells[i]);
            (void)close(bells[i].fd);
        }
        assert_null(list);
    }
}

static void *leave_soon(void *gate)
{
    anp_gate_leave(gate);
    return NULL;
}

static void test_gate_rings_when_the_last_one_has_left(void **state)
{
    (void)state;
    anp_gate *gate;
    pthread_t thread;
    anp_bell bell = new_bell();
    assert_int_equal(anp_gate_new(0, &gate, NULL), ANP_OK);
    assert_true(anp_gate_enter(gate, NULL) && anp_gate_enter(gate, NULL));
    anp_gate_listen(gate, &bell);
    anp_gate_leave(gate);
    assert_false(is_rung(&bell));
    assert_false(anp_gate_wait_empty(gate, 0));
    assert_int_equal(pthread_create(&thread, NULL, leave_soon, gate), 0);
    wait_for(&bell);
    assert_true(anp_gate_wait_empty(gate, 0));
    assert_int_equal(pthread_join(thread, NULL), 0);
    anp_gate_unlisten(gate, &bell);
    assert_true(anp_gate_enter(gate, NULL));
    anp_gate_leave(gate);
    assert_false(is_rung(&bell));
    anp_gate_free(gate);
    (void)close(bell.fd);
}

static anp_status look(anp_cluster *cluster)
{
    return anp_cluster_wait(cluster, 0, NULL);
}

static void test_cluster_rings_when_it_is_found_and_when_it_has_stopped(void **state)
{
    (void)state;
    fake_node f;
    fake_start(&f, "A0");
    anp_seed seed = seed_of(&f);
    anp_cluster_config config = config_of(&seed, 1);
    anp_cluster *cluster = open_with(&config);
    anp_bell bell = new_bell();
    anp_cluster_listen(cluster, &bell);
    anp_status found;
    while ((found = look(cluster)) == ANP_ERR_CLIENT_TIMEOUT) {
        wait_for(&bell);
    }
    assert_int_equal(found, ANP_OK);
    while (!anp_cluster_stop(cluster)) {
        wait_for(&bell);
    }
    assert_int_equal(look(cluster), ANP_ERR_CLOSED);
    assert_false(anp_cluster_is_connected(cluster));
    anp_cluster_unlisten(cluster, &bell);
    anp_cluster_close(cluster);
    assert_true(anp_cluster_stop(cluster));
    anp_cluster_release(cluster);
    (void)close(bell.fd);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bell_of_a_list_rings_until_it_is_taken_down),
        cmocka_unit_test(test_gate_rings_when_the_last_one_has_left),
        cmocka_unit_test(test_cluster_rings_when_it_is_found_and_when_it_has_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
