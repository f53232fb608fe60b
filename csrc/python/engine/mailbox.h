/* Where I/O threads leave what an event loop of Python has to do: requests that are done, and
 * batches that want their next keys. One mailbox an event loop; its descriptor becomes readable
 * once for however many there are.
 *
 * Thread-safe. Nothing here needs the GIL or touches a Python object. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct anp_mailbox anp_mailbox;

typedef struct anp_letter anp_letter;
struct anp_letter { /* in the request it is about */
    anp_letter *next;
    bool is_posted; /* guarded by the mailbox's lock, as is: */
    uint32_t says;  /* ANP_LETTER_* */
};

enum { ANP_LETTER_DONE = 1, ANP_LETTER_KEYS = 2 };

/* One reference. */
anp_status anp_mailbox_new(anp_mailbox **out, anp_error *err);
anp_mailbox *anp_mailbox_retain(anp_mailbox *box);
void anp_mailbox_release(anp_mailbox *box);

/* An eventfd, readable while there are letters. */
int anp_mailbox_fd(const anp_mailbox *box);

/* Any thread. A letter that is there already says both. After DONE the caller must not touch the
 * letter's owner any more: it may be gone. */
void anp_mailbox_post(anp_mailbox *box, anp_letter *letter, uint32_t says);

/* Takes the first letter out, and what it says; NULL: none is left, and the descriptor is quiet. */
anp_letter *anp_mailbox_take(anp_mailbox *box, uint32_t *says);

/* Waits until there are letters, at most so long. */
void anp_mailbox_wait(const anp_mailbox *box, int ms);
