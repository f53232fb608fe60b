/* For tests of the node's limits: what is large, and what it costs. */
#pragma once

#include <time.h>

#include "node_client.h"

#include "base/clock.h"

static inline uint64_t ms_since(uint64_t start_ns)
{
    return (anp_clock_now() - start_ns) / ANP_NS_PER_MS;
}

/* Of all threads: what a request costs, however busy the machine is. */
static inline uint64_t cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline int put_blob(int fd, const char *key, size_t size)
{
    uint8_t *blob = calloc(size, 1);
    assert_non_null(blob);
    bytes b = {0};
    start_key(&b, (request){.info2 = 1, .info3 = 0x10}, "test", "demo", key);
    put_op(&b, WRITE, BLOB, "b", blob, size);
    free(blob);
    return code_of(fd, &b, 3, 1);
}

static inline void start_batch(bytes *b, uint32_t rows)
{
    uint8_t digest[20];
    digest_of("k", digest);
    start(b, (request){.info1 = 8});
    put_number(b, 0, 4);
    put_number(b, 41, 1);
    put_number(b, rows, 4);
    put_number(b, 0x0d, 1);
    put_number(b, 0, 4);
    put(b, digest, 20);
    put(b, "\0\3\0\2\0\0", 6); /* all bins; two fields, no operation */
    put_field(b, 0, "test", 4);
    put_field(b, 1, "demo", 4);
    for (uint32_t i = 1; i < rows; i++) {
        put_number(b, i, 4);
        put(b, digest, 20);
        put_number(b, 1, 1);
    }
    set_number(b, HEAD, b->size - HEAD - 4, 4);
    finish(b, 0, 1, 0);
}

static inline size_t resident(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &ignored, &pages), 2);
    (void)fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}
