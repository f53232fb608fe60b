/* An event loop: file descriptors, timers, and tasks posted from other threads. One thread
 * at a time drives a loop: the caller's own (sync), or the loop's thread (async). Everything but
 * anp_loop_post and anp_loop_wake is for the driving thread. Callbacks may add and remove anything,
 * themselves too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct anp_loop anp_loop;

typedef struct anp_watch anp_watch;
struct anp_watch {
    void (*ready)(anp_watch *w, short events); /* POLLIN, POLLOUT, POLLERR | POLLHUP as they are */
    int fd;                                    /* -1: not watched */
    short events;
};

typedef struct anp_timer anp_timer;
struct anp_timer {
    void (*fire)(anp_timer *t); /* it is no longer set when this is called */
    uint64_t at;                /* monotonic ns */
    uint32_t place;             /* in the heap, plus 1; 0: not set */
};

typedef struct anp_task anp_task;
struct anp_task {
    anp_task *next;
    void (*run)(anp_task *t); /* the task may free itself */
};

anp_status anp_loop_new(anp_loop **out, anp_error *err);
void anp_loop_free(
    anp_loop *loop); /* nothing may be watched or set any more; tasks not yet run are dropped */

/* Watches fd for events; again with other events to change them. */
anp_status anp_loop_watch(anp_loop *loop, anp_watch *w, int fd, short events, anp_error *err);
void anp_loop_unwatch(anp_loop *loop, anp_watch *w);

anp_status anp_loop_timer_set(anp_loop *loop, anp_timer *t, uint64_t at,
                              anp_error *err); /* ANP_NEVER: cancels */
void anp_loop_timer_cancel(anp_loop *loop, anp_timer *t);

/* Any thread: runs the task on the driving thread, in order of posting; wakes the loop. The task is
 * the loop's until it runs. */
void anp_loop_post(anp_loop *loop, anp_task *task);
void anp_loop_wake(anp_loop *loop);

/* Waits at most max_ms for something, and handles what came. */
void anp_loop_step(anp_loop *loop, int max_ms);

/* A thread of the loop's own that steps it until stopped; signals are blocked there. */
anp_status anp_loop_thread_start(anp_loop *loop, anp_error *err);
void anp_loop_thread_stop(anp_loop *loop); /* joins */
