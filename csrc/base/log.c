/* The log sink: one of the process's few named singletons. */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

_Atomic int anp_log_limit = ANP_LOG_OFF;
static _Atomic(anp_log_sink) log_sink;

void anp_log_set(anp_log_sink sink, anp_log_level level)
{
    atomic_store(&log_sink, sink);
    atomic_store(&anp_log_limit, sink != NULL ? (int)level : (int)ANP_LOG_OFF);
}

void anp_log_write(anp_log_level level, const char *format, ...)
{
    anp_log_sink sink = atomic_load(&log_sink);
    if (sink == NULL) {
        return;
    }
    char message[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    sink(level, message);
}
