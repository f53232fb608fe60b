/* What the fuzz targets share: a record, and how much they may take. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "data/expression.h"

enum { FUZZ_VALUE_MAX = 1 << 20 }; /* bytes of a value */

/* A target: 0, whatever the bytes are. What is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_BIN(letter, type, bytes) {letter, {type, (const uint8_t *)(bytes), sizeof(bytes) - 1}}

static inline bool fuzz_bin(void *context, anp_slice name, anp_particle *out)
{
    static const struct {
        char name;
        anp_particle value;
    } bins[] = {
        FUZZ_BIN('a', ANP_PARTICLE_INTEGER, "\0\0\0\0\0\0\0\7"),
        FUZZ_BIN('f', ANP_PARTICLE_FLOAT, "\x3f\xf8\0\0\0\0\0\0"),
        FUZZ_BIN('s', ANP_PARTICLE_STRING, "abc"),
        FUZZ_BIN('t', ANP_PARTICLE_BOOL, "\0"),
        FUZZ_BIN('l', ANP_PARTICLE_LIST, "\x93\1\2\x92\3\4"),
        FUZZ_BIN('m', ANP_PARTICLE_MAP, "\x82\xa2\3a\1\xa2\3b\x81\1\2"),
        FUZZ_BIN('y', ANP_PARTICLE_BLOB, "\1\x42\3"),
        FUZZ_BIN('h', ANP_PARTICLE_HLL, "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0"),
    };
    (void)context;
    for (size_t i = 0; i < sizeof bins / sizeof *bins; i++) {
        if (name.size == 1 && name.data[0] == (uint8_t)bins[i].name) {
            *out = bins[i].value;
            return true;
        }
    }
    return false;
}

static const uint8_t fuzz_digest[20] = {[16] = 10, [17] = 1};
static const anp_exp_record fuzz_record = {
    .exists = true,
    .digest = fuzz_digest,
    .set = {(const uint8_t *)"demo", 4},
    .key = {(const uint8_t *)"\3k1", 3},
    .last_update = 1000000000000,
    .now = 1060000000000,
    .void_time = 1160000000000,
    .size = 208,
    .bin = fuzz_bin,
};
