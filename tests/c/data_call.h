/* For tests of operations: a call in hexadecimal digits on a bin, and what has to come of it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"
#include "data/call.h"
#include "hex.h"
#include "page.h"

typedef uint8_t (*data_call)(anp_slice call, bool is_modify, const anp_particle *bin,
                             anp_outcome *out);

/* bin NULL: there is none. want NULL: nothing comes of it; else the bin's new value, or of a
 * reading call the result's. */
typedef struct call_case {
    const char *call;
    const char *bin;
    int code;
    const char *want;
} call_case;

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CASES(array, is_modify) {array, COUNT(array), is_modify}

typedef struct call_cases {
    const call_case *cases;
    size_t n;
    bool is_modify;
} call_cases;

/* Lets so many allocations through, then one not. */
static inline int allow_some(void *context)
{
    return (*(int *)context)-- != 0;
}

/* The call again, its n-th allocation refused, for each n: it ends with the code that it has, or
 * that the server ran out of memory; run it under the address sanitizer. */
static inline void check_call_without_memory(data_call run, uint8_t particle, bool is_modify,
                                             const call_case *c)
{
    hex_bytes call = from_hex(c->call), bin = from_hex(c->bin != NULL ? c->bin : "");
    anp_particle value = {particle, bin.data, (uint32_t)bin.size};
    for (int n = 0;; n++) {
        anp_outcome out;
        int left = n;
        anp_outcome_init(&out, 1 << 20);
        anp_alloc_hook(allow_some, &left);
        int code =
            run((anp_slice){call.data, call.size}, is_modify, c->bin != NULL ? &value : NULL, &out);
        anp_alloc_hook(NULL, NULL);
        anp_outcome_deinit(&out);
        if (left >= 0) { /* none was refused */
            assert_int_equal(code, c->code);
            return;
        }
        if (code != ANP_SERVER_ERROR && code != c->code) {
            fail_msg("%s: code %d without allocation %d", c->call, code, n);
        }
    }
}

static inline void check_call(data_call run, uint8_t particle, bool is_modify, const call_case *c)
{
    hex_bytes call = from_hex(c->call), bin = from_hex(c->bin != NULL ? c->bin : "");
    anp_particle value = {particle, bin.data, (uint32_t)bin.size};
    anp_outcome out;
    anp_outcome_init(&out, 1 << 20);
    uint8_t *at = page_end_copy(call.data, call.size);
    int code = run((anp_slice){at, call.size}, is_modify, c->bin != NULL ? &value : NULL, &out);
    if (code != c->code) {
        fail_msg("%s: code %d, not %d", c->call, code, c->code);
    }
    bool has_come = is_modify ? out.has_changed : out.type != ANP_PARTICLE_NULL;
    anp_buffer *got = is_modify ? &out.bin : &out.result;
    if (code == ANP_OK && has_come != (c->want != NULL)) {
        fail_msg("%s: %s", c->call, has_come ? "gives a value" : "gives nothing");
    }
    if (c->want != NULL) {
        hex_bytes want = from_hex(c->want);
        if (got->size != want.size ||
            (want.size != 0 && memcmp(got->data, want.data, want.size) != 0)) {
            for (size_t i = 0; i < got->size; i++) {
                print_message("%02x ", got->data[i]);
            }
            fail_msg("%s: not %s", c->call, c->want);
        }
    }
    anp_outcome_deinit(&out);
    check_call_without_memory(run, particle, is_modify, c);
}

static inline void check_calls(data_call run, uint8_t particle, const call_cases *all, size_t n_all)
{
    for (size_t k = 0; k < n_all; k++) {
        for (size_t i = 0; i < all[k].n; i++) {
            check_call(run, particle, all[k].is_modify, &all[k].cases[i]);
        }
    }
}

/* The call of one of the cases, as likely as any other. */
static inline const char *any_call(const call_cases *all, size_t n_all)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < n_all; i++) {
        n += all[i].n;
    }
    size_t at = anp_random() % n;
    while (at >= all[k].n) {
        at -= all[k++].n;
    }
    return all[k].cases[at].call;
}

static inline void start_random(void)
{
    uint64_t seed = anp_random();
    print_message("seed %llu\n", (unsigned long long)seed);
    anp_random_seed(seed);
}

/* Any bytes at all, whole and damaged calls among them, end with a code; run it under the address
 * sanitizer. */
static inline void check_damaged_calls(data_call run, uint8_t particle, const char *bin,
                                       const call_cases *all, size_t n_all, int turns)
{
    hex_bytes value = from_hex(bin);
    anp_outcome out;
    start_random();
    anp_outcome_init(&out, 1 << 20);
    for (int i = 0; i < turns; i++) {
        hex_bytes call = from_hex(any_call(all, n_all));
        for (uint64_t k = anp_random() % 4; k != 0; k--) {
            call.data[anp_random() % call.size] = (uint8_t)anp_random();
        }
        size_t size = anp_random() % 8 == 0 ? anp_random() % (call.size + 1) : call.size;
        anp_particle p = {particle, page_end_copy(value.data, value.size), (uint32_t)value.size};
        anp_outcome_clear(&out);
        (void)run((anp_slice){call.data, size}, anp_random() % 2 != 0, anp_random() % 8 ? &p : NULL,
                  &out);
    }
    anp_outcome_deinit(&out);
}
