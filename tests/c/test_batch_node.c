/* The batch engine against embedded nodes: what was written is what is read, over one node and over
 * three. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "command/batch.h"
#include "node/node.h"

enum { ROWS = 100000 };

typedef struct table {
    int64_t *values;
    uint32_t n_ok, n_bad;
} table;

static anp_status put(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    (void)context;
    uint8_t value[8];
    anp_store_be64(value, row * 3);
    anp_op_write(ops, ANP_OP_WRITE, "a", 1, ANP_PARTICLE_INTEGER, value, 8);
    request->n_ops = 1;
    return ANP_OK;
}

static anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                         anp_error *err)
{
    (void)err;
    table *t = context;
    anp_op op;
    int64_t value;
    for (uint16_t i = 0; i < m->n_ops; i++) {
        if (anp_op_read(&body, &op) && anp_particle_integer(&op.value, &value)) {
            t->values[row] = value;
        }
    }
    t->n_ok += m->result == 0;
    t->n_bad += m->result != 0;
    return ANP_OK;
}

static void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    (void)row;
    (void)code;
    (void)in_doubt;
    ((table *)context)->n_bad++;
}

static void run_batch(anp_cluster *cluster, const anp_row_source *source, const anp_keys *keys,
                      table *t)
{
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = t};
    anp_policy policy = {.total_timeout_ms = 60000,
                         .max_retries = source->is_write ? 0 : 2,
                         .replica = ANP_REPLICA_SEQUENCE,
                         .allow_inline = true,
                         .respond_all = true};
    anp_batch *b;
    anp_error err;
    assert_int_equal(
        anp_batch_new(cluster, &policy, keys, source, &sink, (anp_slice){NULL, 0}, &b, &err),
        ANP_OK);
    anp_command *c = anp_batch_command(b);
    uint64_t begin = anp_clock_now();
    while (anp_command_drive(c, 100) != ANP_DRIVE_DONE) {
    }
    anp_batch_timings ts;
    anp_batch_timings_get(b, &ts);
    print_message("%s %u rows in %.1f ms: digests %.1f sending %.1f waiting %.1f decoding %.1f\n",
                  source->is_write ? "wrote" : "read", ROWS,
                  (double)(anp_clock_now() - begin) / 1e6, ts.digests * 1e3, ts.sending * 1e3,
                  ts.waiting * 1e3, ts.decoding * 1e3);
    if (c->status != ANP_OK) {
        fail_msg("%s", c->error.message);
    }
    anp_batch_free(b);
}

static void round_trip(uint32_t n_nodes)
{
    anp_error err = {0};
    anp_namespace_config ns = {.name = "test", .allow_ttl_without_nsup = true};
    anp_store_config stores = {.namespaces = &ns, .n_namespaces = 1};
    anp_store *store;
    assert_int_equal(anp_store_new(&stores, &store, &err), ANP_OK);
    anp_node *nodes[3];
    for (uint32_t i = 0; i < n_nodes; i++) {
        anp_node_config config = {0};
        if (anp_node_start(&config, store, &nodes[i], &err) != ANP_OK) {
            fail_msg("%s", err.message);
        }
    }
    anp_seed seed = {.host = "127.0.0.1", .port = anp_node_port(nodes[0])};
    anp_cluster_config config = {.seeds = &seed, .n_seeds = 1};
    anp_cluster *cluster;
    assert_int_equal(anp_cluster_open(&config, &cluster, &err), ANP_OK);
    if (anp_cluster_wait(cluster, 10000, &err) != ANP_OK) {
        fail_msg("%s", err.message);
    }
    int64_t *numbers = malloc(ROWS * sizeof *numbers);
    table t = {.values = calloc(ROWS, sizeof *t.values)};
    for (int64_t i = 0; i < ROWS; i++) {
        numbers[i] = i * 7;
    }
    anp_key_run run = {{(const uint8_t *)"test", 4}, {(const uint8_t *)"demo", 4}, 0};
    anp_keys keys = {.kind = ANP_KEYS_INT,
                     .count = ROWS,
                     .total = ROWS,
                     .runs = &run,
                     .n_runs = 1,
                     .base = (const uint8_t *)numbers,
                     .stride = 8,
                     .width = 8,
                     .is_signed = true};
    run_batch(
        cluster,
        &(anp_row_source){.same = {.flags = 0x0e, .info2 = 0x81}, .row = put, .is_write = true},
        &keys, &t);
    assert_int_equal(t.n_ok, ROWS);
    for (int round = 0; round < 2; round++) {
        table got = {.values = t.values};
        memset(got.values, 0xff, ROWS * sizeof *got.values);
        run_batch(cluster, &(anp_row_source){.same = {.flags = 0x0a, .info1 = 3}}, &keys, &got);
        assert_int_equal(got.n_ok, ROWS);
        for (int64_t i = 0; i < ROWS; i++) {
            assert_int_equal(got.values[i], i * 3);
        }
    }
    anp_cluster_close(cluster);
    anp_cluster_release(cluster);
    for (uint32_t i = 0; i < n_nodes; i++) {
        anp_node_stop(nodes[i]);
    }
    anp_store_release(store);
    free(numbers);
    free(t.values);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_from_one_node),
        cmocka_unit_test(test_what_was_written_is_read_from_three_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
