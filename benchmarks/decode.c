/* Replies to rows, nothing else: the engine's own decoder, on bytes that are in the cache.
 *
 *   decode KIND FIELDS ROWS      KIND: i (integers), f (doubles) or s (strings of 16)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/decode.h"
#include "worker.h"

enum { FIELDS_MAX = 100, ROWS_MAX = 100000 };

static struct {
    char kind;
    size_t size; /* of a value */
    uint32_t n_fields, n_rows;
    anp_buffer replies;
    uint8_t *rows;
    char names[FIELDS_MAX][4];
    anp_field fields[FIELDS_MAX];
    anp_plan plan;
    anp_table table;
} run;

static void die(const char *what)
{
    fprintf(stderr, "decode: %s\n", what);
    exit(1);
}

static void put_value(uint8_t value[16], uint32_t row, uint32_t field)
{
    double number = row + field / 2.0;
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    anp_store_be64(value, run.kind == 'f' ? bits : row + field);
    memset(value + 8, 'x', 8);
}

static void write_replies(void)
{
    static const uint8_t particles[] = {
        ['i'] = ANP_PARTICLE_INTEGER, ['f'] = ANP_PARTICLE_FLOAT, ['s'] = ANP_PARTICLE_STRING};
    anp_buffer_init(&run.replies, (size_t)1 << 30);
    for (uint32_t row = 0; row < run.n_rows; row++) {
        anp_message head = {.generation = 1, .index = row, .n_ops = (uint16_t)run.n_fields};
        anp_message_write(&run.replies, &head);
        for (uint32_t i = 0; i < run.n_fields; i++) {
            uint8_t value[16];
            put_value(value, row, i);
            anp_op_write(&run.replies, ANP_OP_READ, run.names[i], strlen(run.names[i]),
                         particles[(uint8_t)run.kind], value, run.size);
        }
    }
    if (run.replies.failed) {
        die("no memory for the replies");
    }
}

static void make_table(void)
{
    anp_error err;
    size_t row = run.size * run.n_fields;
    run.rows = calloc(run.n_rows, row);
    run.table = (anp_table){.plan = &run.plan,
                            .n_rows = run.n_rows,
                            .codes = calloc(run.n_rows, sizeof *run.table.codes),
                            .meta = calloc(run.n_rows, 2 * sizeof *run.table.meta),
                            .missing_stride = (run.n_fields + 7) / 8};
    run.table.missing = calloc(run.n_rows, run.table.missing_stride);
    if (run.rows == NULL || run.table.codes == NULL || run.table.meta == NULL ||
        run.table.missing == NULL) {
        die("no memory for the rows");
    }
    for (uint32_t i = 0; i < run.n_fields; i++) {
        run.fields[i] = (anp_field){
            .name = run.names[i],
            .name_size = (uint16_t)snprintf(run.names[i], sizeof run.names[i], "b%u", (unsigned)i),
            .kind = run.kind == 'i'   ? ANP_KIND_INT
                    : run.kind == 'f' ? ANP_KIND_FLOAT
                                      : ANP_KIND_BYTES,
            .width = run.kind == 's' ? 0 : 8,
            .itemsize = run.size,
            .base = run.rows + i * run.size,
            .stride = (ptrdiff_t)row,
        };
    }
    run.plan = (anp_plan){.fields = run.fields,
                          .n_fields = run.n_fields,
                          .row_base = run.rows,
                          .row_stride = (ptrdiff_t)row};
    if (anp_plan_prepare(&run.plan, &err) != ANP_OK) {
        die(err.message);
    }
    anp_table_init(&run.table);
}

/* As the engine takes a reply: like the one before; or measured, its head read, decoded. */
static void one_round(void)
{
    const uint8_t *at = run.replies.data;
    for (size_t left = run.replies.size; left != 0;) {
        size_t size = anp_table_again(&run.table, anp_load_be32(at + 14), anp_load_be32(at + 6),
                                      anp_load_be32(at + 10), anp_load_be16(at + 20),
                                      at + ANP_MESSAGE_HEAD, left - ANP_MESSAGE_HEAD);
        if (size != 0) {
            at += ANP_MESSAGE_HEAD + size;
            left -= ANP_MESSAGE_HEAD + size;
            continue;
        }
        anp_message head;
        anp_error err;
        if (anp_message_measure(at, left, left, &size) != ANP_MEASURE_WHOLE) {
            die("a reply that is cut");
        }
        anp_cursor body = anp_cursor_over(at, size);
        if (!anp_message_read(&body, &head) ||
            anp_table_decode(&run.table, head.index, &head, body, &err) != ANP_OK) {
            die("a reply that can't be read");
        }
        at += size;
        left -= size;
    }
}

static void check(void)
{
    for (uint32_t row = 0; row < run.n_rows; row++) {
        for (uint32_t i = 0; i < run.n_fields; i++) {
            uint8_t value[16], got[16];
            put_value(value, row, i);
            memcpy(got, run.rows + (row * run.n_fields + i) * run.size, run.size);
            if (run.kind != 's') {
                anp_store_be64(got, anp_load64(got));
            }
            if (run.table.codes[row] != 0 || memcmp(got, value, run.size) != 0) {
                die("a wrong value");
            }
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 4 || strchr("ifs", argv[1][0]) == NULL) {
        die("give i, f or s, a number of fields and a number of rows");
    }
    run.kind = argv[1][0];
    run.size = run.kind == 's' ? 16 : 8;
    run.n_fields = (uint32_t)strtoul(argv[2], NULL, 10);
    run.n_rows = (uint32_t)strtoul(argv[3], NULL, 10);
    if (run.n_fields == 0 || run.n_fields > FIELDS_MAX || run.n_rows == 0 ||
        run.n_rows > ROWS_MAX) {
        die("1 to 100 fields, 1 to 100,000 rows");
    }
    make_table();
    write_replies();
    one_round();
    check();
    work(one_round);
    check();
    return 0;
}
