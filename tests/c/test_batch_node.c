/* The batch engine against embedded nodes: what was written is what is read, over one node, over
 * three, and while they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node_world.h"
#include "steady.h"

enum { ROWS = 100000 };

static void round_trip(uint32_t n_nodes)
{
    world w;
    open_world(&w, n_nodes, ROWS);
    table t = {.values = malloc(ROWS * sizeof *t.values)};
    assert_int_equal(run_batch(w.cluster, &writes, &w.keys, &t), ANP_OK);
    assert_int_equal(t.n_ok, ROWS);
    free(t.values);
    read_all(&w, ROWS);
    read_all(&w, ROWS);
    close_world(&w);
}

static void test_what_was_written_is_read_from_one_node(void **state)
{
    (void)state;
    round_trip(1);
}

static void test_what_was_written_is_read_from_three_nodes(void **state)
{
    (void)state;
    round_trip(3);
}

/* ---- faults ---- */

enum { FAULTS = 40, FEWER_ROWS = 20000 };

static void test_reads_are_whole_while_nodes_fail(void **state)
{
    (void)state;
    world w;
    open_world(&w, 3, FEWER_ROWS);
    table t = {.values = malloc(FEWER_ROWS * sizeof *t.values)};
    assert_int_equal(run_batch(w.cluster, &writes, &w.keys, &t), ANP_OK);
    faults f = {.group = w.group, .n = FAULTS};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_faults, &f), 0);
    uint32_t rounds = 0;
    while (!atomic_load(&f.is_over)) {
        read_all(&w, FEWER_ROWS);
        table again = {.values = t.values}; /* a write may fail, but each row ends */
        (void)run_batch(w.cluster, &writes, &w.keys, &again);
        rounds++;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("%u rounds of reading and writing during %d faults\n", rounds, (int)FAULTS);
    read_all(&w, FEWER_ROWS);
    free(t.values);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_from_one_node),
        cmocka_unit_test(test_what_was_written_is_read_from_three_nodes),
        cmocka_unit_test(test_reads_are_whole_while_nodes_fail),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
