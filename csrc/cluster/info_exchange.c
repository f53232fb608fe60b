/* One info request at a time on one stream, for the tend thread. Every wait polls the stop
 * descriptor too.
 *
 *     head   version u8 = 2, type u8 = 1, size u48    (wire/frame.h)
 *     body   text: commands, or lines of answers      (wire/info.h)
 *
 * Thread-safety: a stream is one thread's. */
#include "cluster/info_exchange.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/cluster.h"
#include "wire/frame.h"

enum { REQUEST_MAX = 4096, STEP = 64 * 1024, LONGEST_MS = 60 * 1000 };

static anp_status broken(const anp_stream *s, anp_error *err)
{
    char why[96];
    anp_stream_reason(s->error, why, sizeof why);
    return anp_error_set(err, ANP_ERR_CONNECTION, "%s", why);
}

/* Until s is ready for what it wants. */
static anp_status wait_for(anp_stream *s, int stop_fd, uint64_t deadline, anp_error *err)
{
    struct pollfd p[2] = {{.fd = s->fd, .events = s->wants}, {.fd = stop_fd, .events = POLLIN}};
    for (;;) {
        uint64_t now = anp_clock_now();
        int n = poll(p, 2, anp_clock_ms_left(deadline, now, LONGEST_MS));
        if (p[1].revents != 0 && n > 0) {
            return anp_error_closed(err);
        }
        if (n > 0) {
            return ANP_OK;
        }
        if (n < 0 && errno != EINTR) {
            s->error = errno;
            return broken(s, err);
        }
        if (n == 0 && now >= deadline) {
            return anp_error_set(err, ANP_ERR_CLIENT_TIMEOUT, "no answer in time");
        }
    }
}

anp_status anp_exchange_finish_connect(anp_stream *s, int stop_fd, uint64_t deadline,
                                       anp_error *err)
{
    for (;;) {
        int result = s->table->connect(s);
        if (result == 0) {
            return ANP_OK;
        }
        anp_status status =
            result == ANP_STREAM_AGAIN ? wait_for(s, stop_fd, deadline, err) : broken(s, err);
        if (status != ANP_OK) {
            return status;
        }
    }
}

anp_status anp_exchange_connect(anp_stream *s, const anp_address *address, int stop_fd,
                                uint64_t deadline, anp_error *err)
{
    if (anp_stream_open_tcp(s, address, NULL) != ANP_OK) {
        return broken(s, err);
    }
    anp_status status = anp_exchange_finish_connect(s, stop_fd, deadline, err);
    if (status != ANP_OK) {
        anp_stream_close(s);
    }
    return status;
}

static anp_status send_all(anp_stream *s, int stop_fd, const anp_buffer *b, uint64_t deadline,
                           anp_error *err)
{
    for (size_t done = 0; done < b->size;) {
        ptrdiff_t n = s->table->write(s, b->data + done, b->size - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        anp_status status =
            n == ANP_STREAM_FAILED ? broken(s, err) : wait_for(s, stop_fd, deadline, err);
        if (status != ANP_OK) {
            return status;
        }
    }
    return ANP_OK;
}

static anp_status receive(anp_stream *s, int stop_fd, uint8_t *into, size_t size, uint64_t deadline,
                          anp_error *err)
{
    for (size_t done = 0; done < size;) {
        ptrdiff_t n = s->table->read(s, into + done, size - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        if (n == 0) {
            return anp_error_set(err, ANP_ERR_CONNECTION,
                                 "the connection was closed by the server");
        }
        anp_status status =
            n == ANP_STREAM_FAILED ? broken(s, err) : wait_for(s, stop_fd, deadline, err);
        if (status != ANP_OK) {
            return status;
        }
    }
    return ANP_OK;
}

static anp_status read_reply(anp_stream *s, int stop_fd, uint64_t deadline, anp_buffer *reply,
                             anp_error *err)
{
    uint8_t head[ANP_PROTO_HEAD];
    anp_frame frame;
    anp_buffer_clear(reply);
    anp_status status = receive(s, stop_fd, head, sizeof head, deadline, err);
    if (status == ANP_OK) {
        status = anp_frame_read(head, reply->max, &frame, err);
    }
    if (status != ANP_OK) {
        return status;
    }
    if (frame.type != ANP_PROTO_INFO) {
        return anp_error_set(err, ANP_ERR_PROTOCOL,
                             "an info request was answered by a frame of type %u", frame.type);
    }
    while (frame.size >
           0) { /* memory follows the bytes that came, not the size that was announced */
        size_t step = frame.size < STEP ? (size_t)frame.size : (size_t)STEP;
        uint8_t *into = anp_buffer_add(reply, step);
        if (into == NULL) {
            return anp_buffer_error(reply, "an info reply", err);
        }
        status = receive(s, stop_fd, into, step, deadline, err);
        if (status != ANP_OK) {
            return status;
        }
        frame.size -= step;
    }
    return ANP_OK;
}

anp_status anp_exchange_info(anp_stream *s, int stop_fd, const char *text, uint64_t deadline,
                             anp_buffer *reply, anp_error *err)
{
    anp_buffer request;
    anp_buffer_init(&request, REQUEST_MAX);
    anp_info_request(&request, text, strlen(text));
    anp_status status = request.failed != ANP_OK
                            ? anp_buffer_error(&request, "an info request", err)
                            : send_all(s, stop_fd, &request, deadline, err);
    anp_buffer_deinit(&request);
    return status == ANP_OK ? read_reply(s, stop_fd, deadline, reply, err) : status;
}
