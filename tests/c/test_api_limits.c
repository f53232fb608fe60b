/* The C API where something is wrong: arguments, hosts, memory, time; and threads that share a
 * client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "api_world.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "listener.h"

/* ---- what can't be ---- */

static void expect_no_open(anp_client_config config, anp_status code, const char *says)
{
    anp_error err = {0};
    anp_client *client = (anp_client *)&err;
    assert_int_equal(anp_client_open(&config, &client, &err), code);
    assert_int_equal(err.code, code);
    assert_null(client);
    if (strstr(err.message, says) == NULL) {
        fail_msg("'%s' is not in: %s", says, err.message);
    }
}

static void test_a_configuration_that_can_not_be_right_is_refused(void **state)
{
    const world *w = *state;
    char name[300];
    memset(name, 'x', sizeof name);
    name[299] = 0;
    const anp_host none = {NULL, 3000}, zero = {"127.0.0.1", 0}, wide = {name, 3000};
    expect_no_open((anp_client_config){0}, ANP_ERR_PARAM, "at least one host");
    expect_no_open((anp_client_config){.hosts = &none, .n_hosts = 1}, ANP_ERR_PARAM, "hosts[0]");
    expect_no_open((anp_client_config){.hosts = &zero, .n_hosts = 1}, ANP_ERR_PARAM, "port 0");
    expect_no_open((anp_client_config){.hosts = &wide, .n_hosts = 1}, ANP_ERR_PARAM,
                   "1 to 255 bytes");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .cluster_name = name},
                   ANP_ERR_PARAM, "cluster_name");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .tend_interval_ms = 1},
                   ANP_ERR_PARAM, "tend_interval_ms");
    expect_no_open(
        (anp_client_config){
            .hosts = &w->host, .n_hosts = 1, .min_conns_per_node = 3, .max_conns_per_node = 2},
        ANP_ERR_PARAM, "min_conns_per_node (3)");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .n_rack_ids = 33},
                   ANP_ERR_PARAM, "n_rack_ids is 33");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .n_rack_ids = 2},
                   ANP_ERR_PARAM, "rack_ids is a null pointer");
    expect_no_open((anp_client_config){.hosts = &w->host, .n_hosts = 1, .cluster_name = "rome"},
                   ANP_ERR_CLIENT, "its cluster is named 'oslo', not 'rome'");
}

static void test_an_unreachable_host_is_named_with_its_reason(void **state)
{
    (void)state;
    anp_address address;
    int fd = listener_refusing(&address);
    anp_host host = {"127.0.0.1", ntohs(address.v4.sin_port)};
    char where[32];
    (void)snprintf(where, sizeof where, "127.0.0.1:%u", (unsigned)host.port);
    expect_no_open((anp_client_config){.hosts = &host, .n_hosts = 1}, ANP_ERR_CONNECTION, where);
    expect_no_open((anp_client_config){.hosts = &host, .n_hosts = 1}, ANP_ERR_CONNECTION,
                   "refused");
    (void)close(fd);
}

static void test_arguments_that_can_not_be_right_are_refused(void **state)
{
    const world *w = *state;
    weather rows[2] = {{.id = 1}, {.id = 2}};
    static const anp_row_field twice[] = {{"a", ANP_SLOT_INT, 0, 8, 0},
                                          {"a", ANP_SLOT_INT, 8, 8, 0}};
    static const anp_row_field beyond = {"a", ANP_SLOT_INT, 8, 8, 0};
    static const anp_row_field odd = {"a", ANP_SLOT_INT, 0, 3, 0};
    static const anp_row_field half = {"a", ANP_SLOT_FLOAT, 0, 2, 0};
    static const anp_row_field kind = {"a", (anp_slot_kind)7, 0, 8, 0};
    static const anp_row_field name = {"sixteen bytes...", ANP_SLOT_INT, 0, 8, 0};
    static const anp_row_field texts = {"a", ANP_SLOT_STRING, 0, 4, 2};
    const struct {
        anp_row_layout layout;
        const char *says;
    } cases[] = {
        {{twice, 2, 16}, "two fields are named 'a'"},
        {{&beyond, 1, 12}, "reaches beyond its row: offset 8, size 8"},
        {{&odd, 1, 8}, "integers have 1, 2, 4 or 8 bytes"},
        {{&half, 1, 8}, "no number has 2 bytes"},
        {{&kind, 1, 8}, "there is no kind 7"},
        {{&name, 1, 8}, "1 to 15 bytes; 'sixteen bytes...' has 16"},
        {{&texts, 1, 8}, "only numbers may be in a sub-array"},
        {{NULL, 1, 8}, "layout.fields is a null pointer"},
    };
    anp_status codes[2] = {99, 99};
    anp_error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        anp_key_array keys = ids_of(rows, 2, "args");
        anp_read_target target = {.layout = cases[i].layout, .rows = rows, .codes = codes};
        assert_int_equal(anp_read_rows(w->client, &keys, &target, NULL, NULL, &err), ANP_ERR_PARAM);
        if (strstr(err.message, cases[i].says) == NULL) {
            fail_msg("'%s' is not in: %s", cases[i].says, err.message);
        }
    }
    anp_read_target target = {.layout = layout, .rows = rows, .codes = codes};
    anp_key_array bad[] = {ids_of(rows, 2, "args"), ids_of(rows, 2, "args"),
                           ids_of(rows, 2, "args"), ids_of(rows, 2, "args")};
    bad[0].namespace_name = NULL;
    bad[1].size = 3;
    bad[2].kind = (anp_key_kind)9;
    bad[3].base = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(anp_read_rows(w->client, &bad[i], &target, NULL, NULL, &err),
                         ANP_ERR_PARAM);
    }
    anp_key_array keys = ids_of(rows, 2, "args");
    anp_batch_policy zero = {0};
    assert_int_equal(anp_read_rows(w->client, &keys, &target, &zero, NULL, &err), ANP_ERR_PARAM);
    assert_non_null(strstr(err.message, "anp_batch_policy_init"));
    anp_write_source source = {.layout = {NULL, 0, 0}, .rows = rows, .codes = codes};
    assert_int_equal(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), ANP_ERR_PARAM);
    source = (anp_write_source){.layout = layout, .rows = rows, .codes = codes, .ttl = 400000000};
    assert_int_equal(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), ANP_ERR_PARAM);
    assert_int_equal(codes[0], 99);
}

static void test_an_error_record_is_not_needed(void **state)
{
    const world *w = *state;
    weather row = {.id = 1};
    anp_status code;
    anp_client *client;
    assert_int_equal(anp_client_open(&(anp_client_config){0}, &client, NULL), ANP_ERR_PARAM);
    assert_int_equal(
        anp_client_open(
            &(anp_client_config){.hosts = &w->host, .n_hosts = 1, .cluster_name = "rome"}, &client,
            NULL),
        ANP_ERR_CLIENT);
    anp_key_array keys = ids_of(&row, 1, "fits");
    anp_read_target target = {.layout = layout, .rows = &row, .codes = &code};
    write_misfits(w);
    assert_int_equal(anp_read_rows(w->client, &keys, &target, NULL, NULL, NULL),
                     ANP_ERR_CONVERSION);
    anp_write_source source = {.layout = layout, .rows = &row, .mode = (anp_write_mode)5};
    assert_int_equal(anp_write_rows(w->client, &keys, &source, NULL, NULL, NULL), ANP_ERR_PARAM);
}

/* ---- memory ---- */

static _Thread_local int allocations_left =
    -1; /* of this thread, to one that fails; -1: none does */

static int allow(void *context)
{
    (void)context;
    return allocations_left < 0 || allocations_left-- > 0;
}

/* One round with the n-th allocation failing; true: there were not so many. */
static bool round_without_memory(const world *w, int n)
{
    anp_error err = {0};
    anp_client *client;
    weather rows[2], got[2] = {{.id = 1}, {.id = 2}};
    fill_row(&rows[0], 1);
    fill_row(&rows[1], 2);
    anp_status codes[2], statuses[3] = {ANP_OK, ANP_OK, ANP_OK};
    anp_key_array keys = ids_of(rows, 2, "memory"), got_keys = ids_of(got, 2, "memory");
    anp_write_source source = {.layout = layout, .rows = rows, .codes = codes};
    anp_read_target target = {.layout = layout, .rows = got, .codes = codes};
    anp_batch_result result;
    anp_client_config config = {.hosts = &w->host, .n_hosts = 1};
    allocations_left = n;
    statuses[0] = anp_client_open(&config, &client, &err);
    if (statuses[0] == ANP_OK) {
        statuses[1] = anp_write_rows(client, &keys, &source, NULL, &result, &err);
        if (statuses[1] == ANP_OK) {
            assert_int_equal(result.n_ok, 2);
        }
        statuses[2] = anp_read_rows(client, &got_keys, &target, NULL, &result, &err);
        if (statuses[2] == ANP_OK) {
            assert_int_equal(result.n_ok, 2);
            expect_row(&got[1], 2);
        }
        anp_client_close(client);
    } else {
        assert_null(client);
    }
    bool was_enough = allocations_left >= 0;
    allocations_left = -1;
    int n_failed = 0;
    for (int i = 0; i < 3; i++) {
        if (statuses[i] != ANP_OK && strcasestr(err.message, "memory") == NULL) {
            fail_msg("allocation %d: %d, %s", n, (int)statuses[i], err.message);
        }
        n_failed += statuses[i] != ANP_OK;
    }
    assert_true(n_failed <= 1);
    return was_enough;
}

static void test_each_allocation_may_fail(void **state)
{
    const world *w = *state;
    weather rows[2];
    fill_row(&rows[0], 1);
    fill_row(&rows[1], 2);
    write_rows(w, rows, 2, "memory");
    int n = 0;
    while (!round_without_memory(w, n)) {
        n++;
    }
    assert_in_range(n, 10, 200);
}

/* ---- time ---- */

static void test_a_deadline_ends_a_call_and_the_client_goes_on(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather rows[2];
    fill_row(&rows[0], 1);
    fill_row(&rows[1], 2);
    write_rows(w, rows, 2, "slow");
    anp_status codes[2];
    uint8_t in_doubt[2];
    anp_batch_policy policy;
    anp_batch_policy_init(&policy);
    policy.total_timeout_ms = 400;
    policy.for_each_window = false;
    anp_batch_result result;
    anp_key_array keys = ids_of(rows, 2, "slow");
    anp_write_source source = {
        .layout = layout, .rows = rows, .codes = codes, .in_doubt = in_doubt};
    anp_node_freeze(w->node);
    uint64_t begin = anp_clock_now();
    anp_status status = anp_write_rows(w->client, &keys, &source, &policy, &result, &err);
    uint64_t took = anp_clock_now() - begin;
    anp_node_thaw(w->node);
    assert_int_equal(status, ANP_ERR_CLIENT_TIMEOUT);
    assert_true(took >= 399 * ANP_NS_PER_MS && took < 20 * ANP_NS_PER_S);
    assert_non_null(strstr(err.message, "2 of 2 rows without an answer"));
    assert_true(err.in_doubt); /* the request is with the node, which will apply it */
    assert_int_equal(result.n_in_doubt, 2);
    assert_int_equal(result.n_failed, 2);
    assert_int_equal(result.first_error.code, codes[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(codes[i], ANP_ERR_CLIENT_TIMEOUT);
        assert_int_equal(in_doubt[i], 1);
    }
    write_rows(w, rows, 2, "slow");
}

typedef struct asked {
    int times, until;
    uint64_t last, longest; /* ns between two times */
} asked;

static bool interrupt(void *context)
{
    asked *a = context;
    uint64_t now = anp_clock_now();
    if (a->times != 0 && now - a->last > a->longest) {
        a->longest = now - a->last;
    }
    a->last = now;
    return ++a->times >= a->until;
}

static void test_an_interrupt_is_asked_while_a_call_waits_and_ends_it(void **state)
{
    const world *w = *state;
    anp_error err = {0};
    weather row = {.id = 1};
    anp_status code = 99;
    asked a = {.until = 4};
    anp_batch_policy policy;
    anp_batch_policy_init(&policy);
    policy.total_timeout_ms = 0;
    policy.interrupt = interrupt;
    policy.interrupt_context = &a;
    anp_key_array keys = ids_of(&row, 1, "slow");
    anp_read_target target = {.layout = layout, .rows = &row, .codes = &code};
    anp_node_freeze(w->node);
    uint64_t begin = anp_clock_now();
    anp_status status = anp_read_rows(w->client, &keys, &target, &policy, NULL, &err);
    uint64_t took = anp_clock_now() - begin;
    anp_node_thaw(w->node);
    assert_int_equal(status, ANP_ERR_ABORTED);
    assert_int_equal(code, ANP_ERR_ABORTED);
    assert_in_range(a.times, 4, 5);
    assert_true(took < 20 * ANP_NS_PER_S);
    assert_true(a.longest < 5 * ANP_NS_PER_S); /* every 100 ms, on a machine that is not busy */
}

static void test_opening_ends_at_its_timeout_and_at_an_interrupt(void **state)
{
    (void)state;
    anp_address address;
    int fd = listener_open(&address, 0); /* the kernel connects; nobody answers */
    anp_host host = {"127.0.0.1", ntohs(address.v4.sin_port)};
    asked a = {.until = 2};
    anp_client_config config = {
        .hosts = &host, .n_hosts = 1, .open_timeout_ms = 120, .connect_timeout_ms = 60000};
    expect_no_open(config, ANP_ERR_CLIENT_TIMEOUT, "open_timeout_ms of 120 ms passed");
    config.open_timeout_ms = 0;
    config.interrupt = interrupt;
    config.interrupt_context = &a;
    expect_no_open(config, ANP_ERR_ABORTED, "interrupted");
    assert_int_equal(a.times, 2);
    (void)close(fd);
}

/* ---- threads ---- */

typedef struct worker {
    const world *w;
    pthread_t thread;
    int64_t first;
    int wrong;
} worker;

static void *work(void *argument)
{
    worker *me = argument;
    enum { N = 500 };
    weather *rows = calloc(N, sizeof *rows);
    weather *got = calloc(N, sizeof *got);
    anp_status codes[N];
    anp_error err = {0};
    for (int round = 0; round < 10; round++) {
        for (int64_t i = 0; i < N; i++) {
            fill_row(&rows[i], me->first + i);
            got[i].id = rows[i].id;
        }
        anp_key_array keys = ids_of(rows, N, "threads");
        anp_write_source source = {.layout = layout, .rows = rows, .codes = codes};
        anp_read_target target = {.layout = layout, .rows = got, .codes = codes};
        anp_batch_result wrote, read;
        if (anp_write_rows(me->w->client, &keys, &source, NULL, &wrote, &err) != ANP_OK ||
            anp_read_rows(me->w->client, &keys, &target, NULL, &read, &err) != ANP_OK ||
            wrote.n_ok != N || read.n_ok != N) {
            me->wrong++;
            continue;
        }
        for (int i = 0; i < N; i++) {
            me->wrong += strcmp(got[i].city, rows[i].city) != 0 || got[i].temp != rows[i].temp;
        }
    }
    free(rows);
    free(got);
    return NULL;
}

static void test_two_threads_share_a_client(void **state)
{
    worker workers[2];
    for (int i = 0; i < 2; i++) {
        workers[i] = (worker){.w = *state, .first = 10000 * (i + 1)};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
}

static void test_a_client_counts_its_nodes(void **state)
{
    const world *w = *state;
    assert_true(anp_client_is_connected(w->client));
    assert_int_equal(anp_client_node_count(w->client), 1);
    anp_client_close(NULL);
}

static uint64_t rows_served(anp_group *group, uint32_t node)
{
    anp_node_stats stats;
    assert_int_equal(anp_group_stats(group, node, &stats, NULL), ANP_OK);
    return stats.batch_rows;
}

static void test_reads_go_to_the_rack_that_is_preferred(void **state)
{
    const world *w = *state;
    enum { N = 300 };
    anp_error err;
    anp_group *group;
    anp_group_node seen;
    must(anp_group_new(w->store, 2, &group, &err), &err);
    for (int32_t rack = 1; rack <= 2; rack++) {
        uint32_t index;
        anp_node_config node = {.name = {'R', (char)('0' + rack)}, .rack = rack};
        must(anp_group_add(group, &node, &index, &err), &err);
    }
    must(anp_group_look(group, 0, &seen, &err), &err);
    const int32_t racks[] = {2};
    anp_host host = {seen.host, seen.port};
    anp_client_config config = {.hosts = &host, .n_hosts = 1, .rack_ids = racks, .n_rack_ids = 1};
    anp_client *client;
    must(anp_client_open(&config, &client, &err), &err);
    weather *rows = calloc(N, sizeof *rows);
    anp_key_array keys = ids_of(rows, N, "racks");
    anp_batch_policy policy;
    anp_batch_policy_init(&policy);
    policy.read_from = ANP_READ_PREFER_RACK;
    anp_status codes[N];
    anp_read_target target = {.layout = layout, .rows = rows, .codes = codes};
    uint64_t before[2] = {rows_served(group, 0), rows_served(group, 1)};
    must(anp_read_rows(client, &keys, &target, &policy, NULL, &err), &err);
    assert_int_equal(rows_served(group, 0), before[0]);
    assert_int_equal(rows_served(group, 1), before[1] + N);
    free(rows);
    anp_client_close(client);
    anp_group_free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_configuration_that_can_not_be_right_is_refused),
        cmocka_unit_test(test_an_unreachable_host_is_named_with_its_reason),
        cmocka_unit_test(test_arguments_that_can_not_be_right_are_refused),
        cmocka_unit_test(test_an_error_record_is_not_needed),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_a_deadline_ends_a_call_and_the_client_goes_on),
        cmocka_unit_test(test_an_interrupt_is_asked_while_a_call_waits_and_ends_it),
        cmocka_unit_test(test_opening_ends_at_its_timeout_and_at_an_interrupt),
        cmocka_unit_test(test_two_threads_share_a_client),
        cmocka_unit_test(test_a_client_counts_its_nodes),
        cmocka_unit_test(test_reads_go_to_the_rack_that_is_preferred),
    };
    anp_alloc_hook(allow, NULL);
    return cmocka_run_group_tests(tests, start, stop);
}
