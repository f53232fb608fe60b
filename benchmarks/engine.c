/* The engine without Python: the same batch read as aerospike_np's, by a program in C.
 *
 *   engine PORT N      reads the usual five bins of N integer keys into fresh rows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aerospike_np/aerospike_np.h"
#include "worker.h"

typedef struct row {
    double f0, f1;
    int64_t i0, i1;
    char s0[16];
} row;

static const anp_row_field fields[] = {
    ANP_FIELD(row, f0, ANP_SLOT_FLOAT, "f0"),  ANP_FIELD(row, f1, ANP_SLOT_FLOAT, "f1"),
    ANP_FIELD(row, i0, ANP_SLOT_INT, "i0"),    ANP_FIELD(row, i1, ANP_SLOT_INT, "i1"),
    ANP_FIELD(row, s0, ANP_SLOT_PADDED, "s0"),
};

static anp_client *client;
static anp_key_array keys;

static void die(const char *what)
{
    fprintf(stderr, "engine: %s\n", what);
    exit(1);
}

static void one_round(void)
{
    size_t n = keys.count;
    anp_read_target target = {
        .layout = {fields, sizeof fields / sizeof *fields, sizeof(row)},
        .rows = malloc(n * sizeof(row)),
        .codes = malloc(n * sizeof *target.codes),
        .meta = malloc(n * sizeof *target.meta),
        .missing = malloc(n),
    };
    anp_batch_result result;
    anp_error err;
    if (target.rows == NULL || target.codes == NULL || target.meta == NULL ||
        target.missing == NULL) {
        die("out of memory");
    }
    if (anp_read_rows(client, &keys, &target, NULL, &result, &err) != ANP_OK) {
        die(err.message);
    }
    const row *last = (const row *)target.rows + n - 1;
    if (result.n_ok != n || last->i1 != last->i0 + 1 || last->f1 != last->f0 + 0.5) {
        die("a wrong row");
    }
    free(target.rows);
    free(target.codes);
    free(target.meta);
    free(target.missing);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        die("give a port and a number of keys");
    }
    anp_host host = {.name = "127.0.0.1", .port = (uint16_t)strtoul(argv[1], NULL, 10)};
    anp_client_config config = {.hosts = &host, .n_hosts = 1};
    anp_error err;
    if (anp_client_open(&config, &client, &err) != ANP_OK) {
        die(err.message);
    }
    size_t n = strtoul(argv[2], NULL, 10);
    int64_t *numbers = malloc(n * sizeof *numbers);
    if (numbers == NULL) {
        die("out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (int64_t)i;
    }
    keys = (anp_key_array){.namespace_name = "test",
                           .set_name = "perf",
                           .kind = ANP_KEY_INT,
                           .base = numbers,
                           .size = sizeof *numbers,
                           .stride = sizeof *numbers,
                           .count = n};
    one_round();
    work(one_round);
    anp_client_close(client);
    free(numbers);
    return 0;
}
