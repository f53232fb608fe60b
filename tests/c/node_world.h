/* For tests: batches of the engine over embedded nodes, and nodes that fail. Row i holds 3 * i. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "command/batch.h"
#include "node/group.h"

typedef struct table {
    int64_t *values;
    uint32_t n_ok, n_bad;
} table;

static inline anp_status put(void *context, uint64_t row, anp_row_request *request, anp_buffer *ops)
{
    (void)context;
    uint8_t value[8];
    anp_store_be64(value, row * 3);
    anp_op_write(ops, ANP_OP_WRITE, "a", 1, ANP_PARTICLE_INTEGER, value, 8);
    request->n_ops = 1;
    return ANP_OK;
}

static inline anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
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

static inline void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    (void)row;
    (void)code;
    (void)in_doubt;
    ((table *)context)->n_bad++;
}

static inline anp_status run_batch(anp_cluster *cluster, const anp_row_source *source,
                                   const anp_keys *keys, table *t)
{
    anp_row_sink sink = {.row = on_row, .settle = on_settle, .context = t};
    anp_policy policy = {.total_timeout_ms = 60000,
                         .socket_timeout_ms = 20000,
                         .max_retries = source->is_write ? 0 : 100,
                         .sleep_ms = 5,
                         .replica = ANP_REPLICA_SEQUENCE,
                         .allow_inline = true,
                         .respond_all = true};
    anp_batch *b;
    anp_error err;
    assert_int_equal(
        anp_batch_new(cluster, &policy, keys, source, &sink, (anp_slice){NULL, 0}, &b, &err),
        ANP_OK);
    anp_command *c = anp_batch_command(b);
    while (anp_command_drive(c, 100) != ANP_DRIVE_DONE) {
    }
    anp_status status = c->status;
    anp_batch_free(b);
    assert_int_equal(t->n_ok + t->n_bad, keys->total);
    return status;
}

/* ---- a cluster, a client, and keys ---- */

typedef struct world {
    anp_store *store;
    anp_group *group;
    anp_cluster *cluster;
    int64_t *numbers;
    anp_key_run run;
    anp_keys keys;
} world;

static inline void open_world(world *w, uint32_t n_nodes, uint32_t rows)
{
    anp_error err = {0};
    anp_namespace_config ns = {.name = "test", .allow_ttl_without_nsup = true};
    anp_store_config stores = {.namespaces = &ns, .n_namespaces = 1};
    assert_int_equal(anp_store_new(&stores, &w->store, &err), ANP_OK);
    assert_int_equal(anp_group_new(w->store, 2, &w->group, &err), ANP_OK);
    for (uint32_t i = 0; i < n_nodes; i++) {
        anp_node_config config = {.rack = -1, .name = {'A', (char)('1' + i)}};
        uint32_t index;
        if (anp_group_add(w->group, &config, &index, &err) != ANP_OK) {
            fail_msg("%s", err.message);
        }
    }
    anp_group_node first;
    assert_int_equal(anp_group_look(w->group, 0, &first, &err), ANP_OK);
    anp_seed seed = {.host = "127.0.0.1", .port = first.port};
    anp_cluster_config config = {.seeds = &seed, .n_seeds = 1, .tend_interval_ms = 50};
    assert_int_equal(anp_cluster_open(&config, &w->cluster, &err), ANP_OK);
    if (anp_cluster_wait(w->cluster, 10000, &err) != ANP_OK) {
        fail_msg("%s", err.message);
    }
    w->numbers = malloc(rows * sizeof *w->numbers);
    for (uint32_t i = 0; i < rows; i++) {
        w->numbers[i] = (int64_t)i * 7;
    }
    w->run = (anp_key_run){{(const uint8_t *)"test", 4}, {(const uint8_t *)"demo", 4}, 0};
    w->keys = (anp_keys){.kind = ANP_KEYS_INT,
                         .count = rows,
                         .total = rows,
                         .runs = &w->run,
                         .n_runs = 1,
                         .base = (const uint8_t *)w->numbers,
                         .stride = 8,
                         .width = 8,
                         .is_signed = true};
}

static inline void close_world(world *w)
{
    anp_cluster_close(w->cluster);
    anp_cluster_release(w->cluster);
    anp_group_free(w->group);
    anp_store_release(w->store);
    free(w->numbers);
}

static const anp_row_source writes = {
    .same = {.flags = 0x0e, .info2 = 0x81}, .row = put, .is_write = true};
static const anp_row_source reads = {.same = {.flags = 0x0a, .info1 = 3}};

static inline void read_all(world *w, uint32_t rows)
{
    table got = {.values = malloc(rows * sizeof *got.values)};
    memset(got.values, 0xff, rows * sizeof *got.values);
    assert_int_equal(run_batch(w->cluster, &reads, &w->keys, &got), ANP_OK);
    assert_int_equal(got.n_ok, rows);
    for (int64_t i = 0; i < rows; i++) {
        assert_int_equal(got.values[i], i * 3);
    }
    free(got.values);
}

/* ---- faults ---- */

typedef struct faults {
    anp_group *group;
    uint32_t n;
    _Atomic bool is_over;
} faults;

static inline void pause_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Moves partitions about, adds nodes, and takes the second and third node away and back, one at a
 * time. */
static inline void *make_faults(void *argument)
{
    faults *f = argument;
    uint16_t partitions[64];
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t victim = 1 + i % 2;
        uint32_t moved;
        anp_error err;
        for (uint32_t k = 0; k < 64; k++) {
            partitions[k] = (uint16_t)((i * 977 + k * 61) % ANP_PARTITIONS);
        }
        (void)anp_group_move(f->group, partitions, 64, -1, &moved, &err);
        if (i % 10 == 5) {
            uint32_t added;
            anp_node_config one_more = {.rack = -1, .name = {'B', (char)('0' + i / 10)}};
            (void)anp_group_add(f->group, &one_more, &added, &err);
        }
        bool kills = i % 4 < 2;
        (void)(kills ? anp_group_kill : anp_group_freeze)(f->group, victim, &err);
        pause_ms(10);
        anp_group_node seen;
        (void)anp_group_look(f->group, victim, &seen, &err);
        (void)(kills ? anp_group_restart(f->group, victim, seen.port, &err)
                     : anp_group_thaw(f->group, victim, &err));
        pause_ms(10);
    }
    atomic_store(&f->is_over, true);
    return NULL;
}
