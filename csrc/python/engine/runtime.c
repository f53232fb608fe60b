/* See runtime.h. */
#include "python/engine/runtime.h"

#include <stdatomic.h>

#include "base/alloc.h"

struct anp_runtime {
    _Atomic uint32_t turn;
    uint32_t n;
    anp_loop *loops[];
};

void anp_runtime_stop(anp_runtime *r)
{
    for (uint32_t i = 0; r != NULL && i < r->n; i++) {
        anp_loop_thread_stop(r->loops[i]);
        anp_loop_free(r->loops[i]);
    }
    anp_free(r);
}

anp_status anp_runtime_start(uint32_t workers, anp_runtime **out, anp_error *err)
{
    anp_runtime *r = anp_calloc(1, sizeof *r + workers * sizeof r->loops[0]);
    if (r == NULL) {
        return anp_error_memory(err, sizeof *r, "I/O threads");
    }
    for (uint32_t i = 0; i < workers; i++) {
        anp_loop *loop = NULL;
        anp_status status = anp_loop_new(&loop, err);
        if (status == ANP_OK) {
            status = anp_loop_thread_start(loop, err);
        }
        if (status != ANP_OK) {
            if (loop != NULL) {
                anp_loop_free(loop);
            }
            anp_runtime_stop(r);
            return status;
        }
        r->loops[r->n++] = loop;
    }
    *out = r;
    return ANP_OK;
}

anp_loop *anp_runtime_loop(anp_runtime *r)
{
    return r->loops[atomic_fetch_add_explicit(&r->turn, 1, memory_order_relaxed) % r->n];
}
