/* For tests of the node: the parts of which real clients' requests are made, and a node for each
 * test. */
#pragma once

#include "node_client.h"

#define NS "00 00 00 05 00 74 65 73 74 "
#define SET "00 00 00 05 01 64 65 6d 6f "
#define K1 "b7 47 f5 85 4d 0b 33 25 99 28 d0 cf ab 7f ad 81 d6 ab fb f6 "
#define K2 "a9 33 ee 0e 8f 82 c1 06 69 71 50 d1 5e 50 4f 08 b2 b2 e0 1d "
#define FIELDS NS SET "00 00 00 15 04 " K1
#define ZEROS8 "00 00 00 00 00 00 00 00 "
#define A1 "00 00 00 0d 02 01 00 01 61 00 00 00 00 00 00 00 01 "
#define PUT_AB                                                                                     \
    "02 03 00 00 00 00 00 5c 16 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "      \
    "02 " FIELDS A1 "00 00 00 06 02 03 00 01 62 78"
#define GET_ALL                                                                                    \
    "02 03 00 00 00 00 00 41 16 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 e8 00 03 00 "      \
    "00 " FIELDS
#define FOUND_AB                                                                                   \
    "02 03 00 00 00 00 00 31 16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 02 "   \
    "00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 01 00 00 00 06 01 03 00 01 62 78"
#define HEADER_ONLY(code, generation)                                                              \
    "02 03 00 00 00 00 00 16 16 00 00 00 00 " code " 00 00 00 " generation                         \
    " 00 00 00 00 00 00 00 00 00 00 00 00 "
#define TRAILER(code)                                                                              \
    "02 03 00 00 00 00 00 16 16 00 00 01 00 " code                                                 \
    " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "

typedef struct fixture {
    world w;
    int fd;
} fixture;

static inline int open_fixture(void **state)
{
    static fixture f;
    anp_node_config config = {.name = "A0"};
    f.w = open_world(&config, 0);
    f.fd = dial(f.w.node);
    *state = &f;
    return 0;
}

static inline int close_fixture(void **state)
{
    fixture *f = *state;
    (void)close(f->fd);
    close_world(&f->w);
    return 0;
}

static inline int fd_of(void **state)
{
    return ((fixture *)*state)->fd;
}
