/* Writes an array of structs, reads it back in another order, and prints it.
 *
 *     ./rows 127.0.0.1 3000 */
#include <stdio.h>
#include <stdlib.h>

#include <aerospike_np/aerospike_np.h>

typedef struct weather {
    int64_t station; /* the key */
    char city[16];
    double temp;
    bool is_dry;
} weather;

/* Which bin goes to which member. */
static const anp_row_field fields[] = {
    ANP_FIELD(weather, city, ANP_SLOT_STRING, "city"),
    ANP_FIELD(weather, temp, ANP_SLOT_FLOAT, "temp"),
    ANP_FIELD(weather, is_dry, ANP_SLOT_BOOL, "is_dry"),
};
enum { CITY, TEMP, IS_DRY, N_FIELDS };

static const anp_row_layout layout = {fields, N_FIELDS, sizeof(weather)};

/* The keys lie in the structs too. */
static anp_key_array keys_of(const weather *rows, uint64_t n)
{
    anp_key_array keys = {0};
    keys.namespace_name = "test";
    keys.set_name = "weather";
    keys.kind = ANP_KEY_INT;
    keys.size = sizeof rows->station;
    keys.base = &rows->station;
    keys.stride = sizeof *rows;
    keys.count = n;
    return keys;
}

static int failed(const char *what, const anp_error *err)
{
    fprintf(stderr, "%s: %s (%s)\n", what, err->message, anp_status_name(err->code));
    return 1;
}

static int write_rows(anp_client *client)
{
    static const weather rows[] = {{1, "Oslo", 20.5, true}, {2, "Rome", -3, false}};
    anp_status codes[2];
    anp_write_source source = {0};
    source.layout = layout;
    source.rows = rows;
    source.codes = codes;
    anp_key_array keys = keys_of(rows, 2);
    anp_batch_result result;
    anp_error err;
    if (anp_write_rows(client, &keys, &source, NULL, &result, &err) != ANP_OK) {
        return failed("write", &err);
    }
    printf("%d written, %d failed\n", (int)result.n_ok, (int)result.n_failed);
    return 0;
}

static int read_rows(anp_client *client)
{
    weather rows[3] = {{.station = 2}, {.station = 1}, {.station = 7}};
    anp_status codes[3];
    uint8_t missing[3]; /* one bit a field: anp_missing_size(N_FIELDS) is one byte */
    anp_read_target target = {0};
    target.layout = layout;
    target.rows = rows;
    target.codes = codes;
    target.missing = missing;
    anp_key_array keys = keys_of(rows, 3);
    anp_error err;
    if (anp_read_rows(client, &keys, &target, NULL, NULL, &err) != ANP_OK) {
        return failed("read", &err);
    }
    for (int i = 0; i < 3; i++) {
        if (codes[i] != ANP_OK) {
            printf("%d: %s\n", (int)rows[i].station, anp_status_name(codes[i]));
        } else if (anp_is_missing(missing, N_FIELDS, (uint64_t)i, TEMP)) {
            printf("%d: %s, no temperature\n", (int)rows[i].station, rows[i].city);
        } else {
            printf("%d: %s, %.1f, %s\n", (int)rows[i].station, rows[i].city, rows[i].temp,
                   rows[i].is_dry ? "dry" : "wet");
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    anp_host host = {argc > 1 ? argv[1] : "127.0.0.1",
                     (uint16_t)(argc > 2 ? strtol(argv[2], NULL, 10) : 3000)};
    anp_client_config config = {0};
    config.hosts = &host;
    config.n_hosts = 1;
    anp_client *client;
    anp_error err;
    if (anp_client_open(&config, &client, &err) != ANP_OK) {
        return failed("connect", &err);
    }
    int status = write_rows(client);
    if (status == 0) {
        status = read_rows(client);
    }
    anp_client_close(client);
    return status;
}
