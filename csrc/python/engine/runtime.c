/* See runtime.h. */
#include "python/engine/runtime.h"

#include "base/alloc.h"

struct anp_runtime {
    uint32_t n;
    anp_seat seats[];
};

void anp_runtime_stop(anp_runtime *r)
{
    for (uint32_t i = 0; r != NULL && i < r->n; i++) {
        anp_loop_thread_stop(r->seats[i].loop);
        anp_loop_free(r->seats[i].loop);
    }
    anp_free(r);
}

anp_status anp_runtime_start(uint32_t workers, anp_runtime **out, anp_error *err)
{
    anp_runtime *r = anp_calloc(1, sizeof *r + workers * sizeof r->seats[0]);
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
        r->seats[r->n++].loop = loop;
    }
    *out = r;
    return ANP_OK;
}

anp_seat *anp_runtime_sit(anp_runtime *r)
{
    anp_seat *best = &r->seats[0];
    uint32_t least = atomic_load_explicit(&best->n_taken, memory_order_relaxed);
    for (uint32_t i = 1; i < r->n && least != 0; i++) {
        uint32_t n = atomic_load_explicit(&r->seats[i].n_taken, memory_order_relaxed);
        if (n < least) {
            best = &r->seats[i];
            least = n;
        }
    }
    (void)atomic_fetch_add_explicit(&best->n_taken, 1, memory_order_relaxed);
    return best;
}

void anp_seat_leave(anp_seat *seat)
{
    (void)atomic_fetch_sub_explicit(&seat->n_taken, 1, memory_order_relaxed);
}
