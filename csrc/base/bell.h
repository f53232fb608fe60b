/* Bells: what event loops hear where threads wait on a condition. A list of them stands beside a
 * condition variable, and is rung when that is signalled; the lock is the same. */
#pragma once

#include <stddef.h>
#include <sys/eventfd.h>

typedef struct anp_bell {
    struct anp_bell *next, **link; /* link NULL: it hangs nowhere */
    int fd;                        /* an eventfd that does not block */
} anp_bell;

static inline void anp_bell_hang(anp_bell *bell, anp_bell **list)
{
    bell->next = *list;
    bell->link = list;
    if (bell->next != NULL) {
        bell->next->link = &bell->next;
    }
    *list = bell;
}

static inline void anp_bell_take_down(anp_bell *bell)
{
    if (bell->link != NULL) {
        *bell->link = bell->next;
        if (bell->next != NULL) {
            bell->next->link = bell->link;
        }
        bell->link = NULL;
    }
}

static inline void anp_bells_ring(const anp_bell *list)
{
    for (const anp_bell *bell = list; bell != NULL; bell = bell->next) {
        (void)eventfd_write(bell->fd, 1);
    }
}
