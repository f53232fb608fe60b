/* See mailbox.h. */
#include "python/engine/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"

struct anp_mailbox {
    _Atomic uint32_t references;
    int fd;
    pthread_mutex_t lock; /* held for a few instructions */
    anp_letter *first, *last;
};

anp_status anp_mailbox_new(anp_mailbox **out, anp_error *err)
{
    anp_mailbox *box = anp_calloc(1, sizeof *box);
    if (box == NULL) {
        return anp_error_memory(err, sizeof *box, "a mailbox");
    }
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (box->fd < 0) {
        anp_free(box);
        return anp_error_set(err, ANP_ERR_CLIENT, "can't make an eventfd (errno %d)", errno);
    }
    atomic_init(&box->references, 1);
    (void)pthread_mutex_init(&box->lock, NULL);
    *out = box;
    return ANP_OK;
}

anp_mailbox *anp_mailbox_retain(anp_mailbox *box)
{
    (void)atomic_fetch_add_explicit(&box->references, 1, memory_order_relaxed);
    return box;
}

void anp_mailbox_release(anp_mailbox *box)
{
    if (box != NULL && atomic_fetch_sub_explicit(&box->references, 1, memory_order_acq_rel) == 1) {
        (void)close(box->fd);
        (void)pthread_mutex_destroy(&box->lock);
        anp_free(box);
    }
}

int anp_mailbox_fd(const anp_mailbox *box)
{
    return box->fd;
}

void anp_mailbox_post(anp_mailbox *box, anp_letter *letter, uint32_t says)
{
    /* With the last letter its owner may go, and this reference to the mailbox with it. */
    (void)anp_mailbox_retain(box);
    bool is_first = false;
    (void)pthread_mutex_lock(&box->lock);
    letter->says |= says;
    if (!letter->is_posted) {
        letter->is_posted = true;
        letter->next = NULL;
        is_first = box->last == NULL;
        if (is_first) {
            box->first = letter;
        } else {
            box->last->next = letter;
        }
        box->last = letter;
    }
    (void)pthread_mutex_unlock(&box->lock);
    if (is_first) { /* after the lock: who is woken takes it at once. Too late is once in vain */
        (void)eventfd_write(box->fd, 1);
    }
    anp_mailbox_release(box);
}

anp_letter *anp_mailbox_take(anp_mailbox *box, uint32_t *says)
{
    (void)pthread_mutex_lock(&box->lock);
    anp_letter *letter = box->first;
    if (letter != NULL) {
        box->first = letter->next;
        letter->is_posted = false;
        *says = letter->says;
        letter->says = 0;
    }
    if (box->first == NULL) {
        eventfd_t value;
        box->last = NULL;
        (void)eventfd_read(box->fd, &value);
    }
    (void)pthread_mutex_unlock(&box->lock);
    return letter;
}

void anp_mailbox_wait(const anp_mailbox *box, int ms)
{
    struct pollfd p = {.fd = box->fd, .events = POLLIN};
    (void)poll(&p, 1, ms);
}
