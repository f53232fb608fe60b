/* The id stands in a page that the kernel empties in the child of a fork, whoever forked and
 * however. */
#include "base/process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic long *kept; /* NULL: there is no such page */

static void make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) != 0) {
        (void)munmap(page, size);
        page = MAP_FAILED;
    }
    kept = page != MAP_FAILED ? page : NULL;
}

long anp_process_id(void)
{
    (void)pthread_once(&once, make_page);
    long id = kept != NULL ? atomic_load_explicit(kept, memory_order_relaxed) : 0;
    if (id == 0) {
        id = (long)getpid();
        if (kept != NULL) {
            atomic_store_explicit(kept, id, memory_order_relaxed);
        }
    }
    return id;
}
