/* Threads of the node: they never run the process's signal handlers. */
#pragma once

#include <pthread.h>
#include <signal.h>

/* Like pthread_create, with all signals blocked in the new thread; 0 or an errno. */
static inline int anp_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}
