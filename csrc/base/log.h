/* The log: one sink for the process, silent until one is set. A level that is off costs one load.
 * Thread-safe: the sink may be called from any thread and must not call back into the engine. */
#pragma once

#include <stdatomic.h>

typedef enum {
    ANP_LOG_OFF = -1,
    ANP_LOG_ERROR,
    ANP_LOG_WARN,
    ANP_LOG_INFO,
    ANP_LOG_DEBUG,
    ANP_LOG_TRACE
} anp_log_level;

typedef void (*anp_log_sink)(anp_log_level level, const char *message);

extern _Atomic int anp_log_limit; /* the most talkative level that is on */

void anp_log_set(anp_log_sink sink, anp_log_level level);
void anp_log_write(anp_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define anp_log(level, ...)                                                                        \
    do {                                                                                           \
        if ((int)(level) <= atomic_load_explicit(&anp_log_limit, memory_order_relaxed)) {          \
            anp_log_write((level), __VA_ARGS__);                                                   \
        }                                                                                          \
    } while (0)
