/* Replies to batches, as the client reads them into rows: frames, messages, bins of every kind.
 * Each row ends once at most, and once at least where its window has ended.
 *
 * An input is a mode, the size of the pieces in which bytes come (0: all at once), and the bytes:
 * frames of messages, for two windows that are in flight. */
#include <stdlib.h>

#include "base/clock.h"
#include "command/batch_engine.h"
#include "fuzz.h"
#include "table/decode.h"

enum { WINDOW = 4, N_ROWS = 2 * WINDOW, N_FIELDS = 11 };

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static anp_field inner[] = {
    {.name = "x", .name_size = 1, .kind = ANP_KIND_INT, .width = 4, .itemsize = 4, .unit_count = 1},
    {.name = "y", .name_size = 1, .kind = ANP_KIND_BYTES, .itemsize = 4, .offset = 4},
    {.name = "o", .name_size = 1, .kind = ANP_KIND_DEFERRED, .itemsize = 8, .offset = 8},
};

static anp_field fields[N_FIELDS] = {
    {.name = "a", .kind = ANP_KIND_INT, .width = 8, .itemsize = 8},
    {.name = "b", .kind = ANP_KIND_BOOL, .width = 1, .itemsize = 1},
    {.name = "f", .kind = ANP_KIND_FLOAT, .width = 4, .itemsize = 4, .swapped = true},
    {.name = "n", .kind = ANP_KIND_UINT, .width = 2, .itemsize = 12, .ndim = 2, .shape = {2, 3}},
    {.name = "s", .kind = ANP_KIND_BYTES, .itemsize = 5},
    {.name = "c", .kind = ANP_KIND_CHARS, .itemsize = 6},
    {.name = "u", .kind = ANP_KIND_TEXT, .itemsize = 12},
    {.name = "r", .kind = ANP_KIND_RAW, .itemsize = 4},
    {.name = "t", .kind = ANP_KIND_TIME, .width = 8, .itemsize = 8, .unit = ANP_UNIT_MS},
    {.name = "m", .kind = ANP_KIND_STRUCT, .itemsize = 16, .fields = inner, .n_fields = 3},
    {.name = "o", .kind = ANP_KIND_DEFERRED, .itemsize = 8},
};

/* Columns of their own, each as long as it must be. */
static anp_plan *open_plan(void)
{
    static anp_plan plan; /* never freed */
    anp_error err;
    if (plan.fields == NULL) {
        for (uint32_t i = 0; i < N_FIELDS; i++) {
            fields[i].name_size = 1;
            fields[i].unit_count = 1;
            fields[i].base = calloc(N_ROWS, fields[i].itemsize);
            fields[i].stride = (ptrdiff_t)fields[i].itemsize;
            require(fields[i].base != NULL);
        }
        plan = (anp_plan){.fields = fields, .n_fields = N_FIELDS};
        require(anp_plan_prepare(&plan, &err) == ANP_OK);
    }
    return &plan;
}

/* ---- rows ---- */

typedef struct rows {
    anp_table table;
    int32_t codes[N_ROWS];
    uint32_t meta[2 * N_ROWS];
    uint8_t missing[2 * N_ROWS];
    uint8_t ends[N_ROWS];
} rows;

static anp_status on_row(void *context, uint64_t row, const anp_message *m, anp_cursor body,
                         anp_error *err)
{
    rows *r = context;
    anp_status status = anp_table_decode(&r->table, row, m, body, err);
    if (status == ANP_OK) {
        require(r->codes[row] == m->result);
        r->ends[row]++;
    }
    return status;
}

static size_t on_again(void *context, uint64_t row, uint32_t generation, uint32_t void_time,
                       uint32_t n_ops, const uint8_t *ops, size_t here)
{
    rows *r = context;
    size_t took = anp_table_again(&r->table, row, generation, void_time, n_ops, ops, here);
    require(took <= here);
    r->ends[row] = (uint8_t)(r->ends[row] + (took != 0));
    return took;
}

static void on_settle(void *context, uint64_t row, anp_status code, bool in_doubt)
{
    rows *r = context;
    (void)in_doubt;
    anp_table_settle(&r->table, row, code);
    r->ends[row]++;
}

static void rows_init(rows *r, uint8_t mode)
{
    *r = (rows){.table = {.plan = open_plan(),
                          .n_rows = N_ROWS,
                          .mode = (anp_errors_mode)(mode % 3),
                          .now = 1000,
                          .missing_stride = 2}};
    r->table.codes = r->codes;
    r->table.meta = r->meta;
    r->table.missing = r->missing;
    anp_table_init(&r->table);
}

/* ---- two windows on a connection that there is not ---- */

static void send_window(anp_channel *c, uint64_t first_row)
{
    anp_window *w = calloc(1, sizeof *w + WINDOW * sizeof w->rows[0]);
    require(w != NULL);
    w->n_rows = WINDOW;
    w->is_sent = true;
    for (uint32_t i = 0; i < WINDOW; i++) {
        w->rows[i] = (anp_window_row){.row = first_row + i, .flags = ANP_WROW_SENT};
    }
    anp_window_push(&c->windows, w);
}

static void drop_windows(anp_window *w)
{
    while (w != NULL) {
        anp_window *next = w->next;
        anp_buffer_deinit(&w->request);
        free(w);
        w = next;
    }
}

static void check_ends(const rows *r, const anp_channel *c)
{
    for (uint32_t i = 0; i < N_ROWS; i++) {
        bool is_over = c->windows.count == 0 || (c->windows.count == 1 && i < WINDOW);
        require(r->ends[i] <= 1 && (!is_over || c->batch->parked.count != 0 || r->ends[i] == 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static anp_cluster_node node = {.name = "A0"};
    anp_batch_peer peer = {.node = &node};
    rows r;
    if (size < 2) {
        return 0;
    }
    rows_init(&r, data[0]);
    anp_batch *b = calloc(1, sizeof *b);
    require(b != NULL);
    b->sink = (anp_row_sink){.row = on_row, .again = on_again, .settle = on_settle, .context = &r};
    b->source.is_write = data[0] >= 128;
    b->command.deadline = ANP_NEVER;
    anp_buffer_init(&b->in, FUZZ_VALUE_MAX);
    anp_channel c = {.batch = b, .peer = &peer, .state = ANP_CHANNEL_OPEN};
    send_window(&c, 0);
    send_window(&c, WINDOW);
    anp_error err;
    anp_status status = ANP_OK;
    for (size_t at = 2; status == ANP_OK && at < size && c.windows.count != 0;) {
        size_t left = size - at, n = data[1] == 0 || data[1] > left ? left : data[1];
        anp_buffer_put(&b->in, data + at, n);
        status = anp_batch_parse(&c, &err);
        at += n;
    }
    check_ends(&r, &c);
    drop_windows(c.windows.first);
    drop_windows(b->spare);
    drop_windows(b->parked.first);
    anp_buffer_deinit(&b->in);
    anp_table_deinit(&r.table);
    free(b);
    return 0;
}
