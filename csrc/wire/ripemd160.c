/* Which kind of RIPEMD-160 this CPU gets: chosen once, at first use. */
#include "wire/ripemd160.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const anp_ripemd160_kind *choose(void)
{
    const char *forced = getenv("AEROSPIKE_NP_SIMD");
    const anp_ripemd160_kind *kind = NULL;
    if (forced == NULL || (strcmp(forced, "portable") != 0 && strcmp(forced, "avx2") != 0)) {
        kind = anp_ripemd160_avx512();
    }
    if (kind == NULL && (forced == NULL || strcmp(forced, "portable") != 0)) {
        kind = anp_ripemd160_avx2();
    }
    return kind != NULL ? kind : anp_ripemd160_portable();
}

const anp_ripemd160_kind *anp_ripemd160_best(void)
{
    static _Atomic(const anp_ripemd160_kind *) best; /* whoever comes first writes what all would */
    const anp_ripemd160_kind *kind = atomic_load_explicit(&best, memory_order_relaxed);
    if (kind == NULL) {
        kind = choose();
        atomic_store_explicit(&best, kind, memory_order_relaxed);
    }
    return kind;
}
