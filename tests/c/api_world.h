/* For tests of the C API: a node, a client of it, and a struct. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steady.h"

#include "aerospike_np/aerospike_np.h"
#include "node/group.h"

typedef struct weather {
    int64_t id;
    char city[16];
    double temp;
    int16_t height;
    bool is_dry;
    uint8_t note; /* no field's */
    uint8_t mark[3];
    float wind[2];
} weather;

static const anp_row_field fields[] = {
    ANP_FIELD(weather, city, ANP_SLOT_STRING, "city"),
    ANP_FIELD(weather, temp, ANP_SLOT_FLOAT, "temp"),
    ANP_FIELD(weather, height, ANP_SLOT_INT, "height"),
    ANP_FIELD(weather, is_dry, ANP_SLOT_BOOL, "is_dry"),
    ANP_FIELD(weather, mark, ANP_SLOT_BLOB, "mark"),
    ANP_FIELD_ARRAY(weather, wind, ANP_SLOT_FLOAT, "wind"),
};

enum { FIELDS = sizeof fields / sizeof fields[0], ROWS = 3000 };
enum { CITY, TEMP, HEIGHT, DRY, MARK, WIND };

static const anp_row_layout layout = {fields, FIELDS, sizeof(weather)};

/* ---- a node and a client ---- */

typedef struct world {
    anp_store *store;
    anp_node *node;
    anp_host host;
    anp_client *client;
} world;

static inline void must(anp_status status, const anp_error *err)
{
    if (status != ANP_OK) {
        fail_msg("%d %s: %s", (int)status, anp_status_name(status), err->message);
    }
}

static inline int start(void **state)
{
    static world w;
    anp_error err = {0};
    assert_int_equal(steady_start(state), 0);
    anp_namespace_config ns = {.name = "test", .allow_ttl_without_nsup = true};
    anp_store_config stores = {.namespaces = &ns, .n_namespaces = 1};
    must(anp_store_new(&stores, &w.store, &err), &err);
    must(anp_node_start(&(anp_node_config){.cluster_name = "oslo"}, w.store, &w.node, &err), &err);
    w.host = (anp_host){"127.0.0.1", anp_node_port(w.node)};
    anp_client_config config = {.hosts = &w.host, .n_hosts = 1, .cluster_name = "oslo"};
    must(anp_client_open(&config, &w.client, &err), &err);
    *state = &w;
    return 0;
}

static inline int stop(void **state)
{
    world *w = *state;
    anp_client_close(w->client);
    anp_node_stop(w->node);
    anp_store_release(w->store);
    return steady_stop(state);
}

/* ---- rows ---- */

static inline anp_key_array ids_of(const weather *rows, uint64_t n, const char *set)
{
    return (anp_key_array){.namespace_name = "test",
                           .set_name = set,
                           .kind = ANP_KEY_INT,
                           .size = sizeof rows->id,
                           .base = &rows->id,
                           .stride = sizeof *rows,
                           .count = n};
}

static inline void fill_row(weather *row, int64_t id)
{
    memset(row, 0, sizeof *row);
    row->id = id;
    memset(row->city, '!', sizeof row->city); /* what is behind the zero is not sent */
    (void)snprintf(row->city, sizeof row->city, "city %d", (int)(id % 100000));
    row->temp = (double)id / 4;
    row->height = (int16_t)(id - 500);
    row->is_dry = id % 3 == 0;
    row->note = (uint8_t)id;
    memcpy(row->mark, &id, sizeof row->mark);
    row->wind[0] = (float)id;
    row->wind[1] = -1.5f;
}

static inline void expect_row(const weather *row, int64_t id)
{
    weather wanted;
    fill_row(&wanted, id);
    assert_int_equal(row->id, id);
    assert_string_equal(row->city, wanted.city);
    assert_true(row->temp == wanted.temp);
    assert_int_equal(row->height, wanted.height);
    assert_int_equal(row->is_dry, wanted.is_dry);
    assert_memory_equal(row->mark, wanted.mark, sizeof wanted.mark);
    assert_memory_equal(row->wind, wanted.wind, sizeof wanted.wind);
}

static inline void write_rows(const world *w, const weather *rows, uint64_t n, const char *set)
{
    anp_error err = {0};
    anp_status *codes = malloc((size_t)n * sizeof *codes);
    anp_key_array keys = ids_of(rows, n, set);
    anp_write_source source = {.layout = layout, .rows = rows, .codes = codes};
    anp_batch_result result;
    must(anp_write_rows(w->client, &keys, &source, NULL, &result, &err), &err);
    assert_int_equal(result.n_ok, n);
    free(codes);
}

/* One bin of one record, of the kind that the field says. */
static inline void write_one(const world *w, const char *set, int64_t id, anp_row_field field,
                             const void *value)
{
    anp_error err = {0};
    anp_status code;
    anp_key_array keys = {.namespace_name = "test",
                          .set_name = set,
                          .kind = ANP_KEY_INT,
                          .size = 8,
                          .base = &id,
                          .count = 1};
    anp_write_source source = {.layout = {&field, 1, field.size}, .rows = value, .codes = &code};
    must(anp_write_rows(w->client, &keys, &source, NULL, NULL, &err), &err);
    assert_int_equal(code, ANP_OK);
}

/* A record whose city is too long, and whose height is no int16_t. */
static inline void write_misfits(const world *w)
{
    int64_t height = 40000;
    write_one(w, "fits", 1, (anp_row_field){"city", ANP_SLOT_STRING, 0, 32, 0},
              "Llanfairpwllgwyngyll\0aaaaaaaaaaa");
    write_one(w, "fits", 1, (anp_row_field){"height", ANP_SLOT_INT, 0, 8, 0}, &height);
    write_one(w, "fits", 1, (anp_row_field){"mark", ANP_SLOT_BLOB, 0, 2, 0}, "ab");
}
