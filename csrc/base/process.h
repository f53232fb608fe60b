/* Which process this is: what was made before a fork belongs to another one. Thread-safe. */
#pragma once

/* getpid(), without a system call. */
long anp_process_id(void);
