/* Blocking conversations of the tend thread, which a stop descriptor can cut short. */
#pragma once

#include "base/buffer.h"
#include "net/stream.h"

/* Messages are reasons without the address ("connection refused"), for whoever adds it. Where
 * stop_fd (-1: none) becomes readable, the answer is ANP_ERR_CLOSED; after the deadline
 * ANP_ERR_CLIENT_TIMEOUT. */

/* Opens s and waits until it is open. On failure it is closed. */
anp_status anp_exchange_connect(anp_stream *s, const anp_address *address, int stop_fd,
                                uint64_t deadline, anp_error *err);

/* Goes on with a connect that was begun. */
anp_status anp_exchange_finish_connect(anp_stream *s, int stop_fd, uint64_t deadline,
                                       anp_error *err);

/* One info request; the body of the answer replaces what is in `reply`, whose maximum is the
 * answer's. After a failure the stream is in the middle of something: close it. */
anp_status anp_exchange_info(anp_stream *s, int stop_fd, const char *text, uint64_t deadline,
                             anp_buffer *reply, anp_error *err);
