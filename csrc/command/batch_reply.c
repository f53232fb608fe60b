/* Batch replies: frames of messages, cut anywhere.
 *
 *   frame head 8 | message | message ... | frame head 8 | message with LAST
 *
 * A message is taken when it is wholly here; its index must be one that this window asked for, and
 * that was not answered yet. Anything else closes the connection (ANP_ERR_PROTOCOL); what was
 * answered before stays answered. */
#include <string.h>

#include "command/batch_engine.h"
#include "command/server_error.h"
#include "wire/frame.h"

enum { ROWS_AHEAD = 8 };

static bool is_bad_moment(uint8_t code)
{
    return anp_server_code_passes(code) || code == ANP_KEY_BUSY;
}

/* Answers come about in order. Of many nodes each has but a few of the rows that lie together, so
 * that the processor can't see which memory is next. */
static void look_ahead(const anp_batch *b, const anp_window *w, uint32_t index)
{
    if (b->sink.soon != NULL && w->n_rows - index > ROWS_AHEAD) {
        b->sink.soon(b->sink.context, w->rows[index + ROWS_AHEAD].row);
    }
}

static anp_status row_arrived(anp_batch *b, anp_window *w, const anp_message *m, anp_cursor body,
                              anp_error *err)
{
    if (m->index >= w->n_rows || (w->rows[m->index].flags & ANP_WROW_SENT) == 0) {
        return anp_error_set(err, ANP_ERR_PROTOCOL,
                             "a row with index %u, which was not asked for here (%u rows)",
                             (unsigned)m->index, (unsigned)w->n_rows);
    }
    anp_window_row *r = &w->rows[m->index];
    look_ahead(b, w, m->index);
    if ((r->flags & ANP_WROW_ANSWERED) != 0) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "two answers for the row with index %u",
                             (unsigned)m->index);
    }
    r->flags |= ANP_WROW_ANSWERED;
    r->flags &= (uint8_t)~ANP_WROW_AGAIN; /* of an earlier attempt */
    w->is_overloaded |= anp_server_code_overloaded(m->result);
    if (!b->source.is_write) {
        if (is_bad_moment(m->result) && anp_batch_may_retry(b, r)) {
            r->flags |= ANP_WROW_AGAIN;
            r->code = m->result;
            return ANP_OK;
        }
    } else if (m->result == ANP_SERVER_TIMEOUT) { /* not definite */
        r->flags |= ANP_WROW_DOUBT;
        if (anp_batch_may_retry(b, r)) {
            r->flags |= ANP_WROW_AGAIN;
            r->code = m->result;
        } else {
            anp_batch_settle(b, r, m->result, false, NULL);
        }
        return ANP_OK;
    }
    return anp_batch_deliver(b, r, m, body, err) == ANP_OK ? ANP_OK : ANP_ERR_PROTOCOL;
}

/* 151: the node takes no window this large. Halved, remembered, asked again; that is no retry. */
static bool halve(anp_batch *b, anp_channel *c, anp_window *w)
{
    if (w->n_rows <= 1) {
        return false;
    }
    uint32_t rows = w->n_rows / 2;
    _Atomic uint32_t *limit = &c->peer->node->batch_rows;
    uint32_t now = atomic_load_explicit(limit, memory_order_relaxed);
    while ((now == 0 || now > rows) &&
           !atomic_compare_exchange_weak_explicit(limit, &now, rows, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    anp_window_end(b, w, ANP_BATCH_MAX_REQUESTS, true, false, NULL);
    return true;
}

/* Did the server answer any row of this window? */
static bool is_begun(const anp_window *w)
{
    const uint8_t both = ANP_WROW_ANSWERED | ANP_WROW_SENT;
    for (uint32_t i = 0; i < w->n_rows; i++) {
        if ((w->rows[i].flags & both) == both) {
            return true;
        }
    }
    return false;
}

static anp_status window_ended(anp_channel *c, const anp_message *m, anp_error *err)
{
    anp_batch *b = c->batch;
    if (!c->windows.first->is_sent) {
        return anp_error_set(err, ANP_ERR_PROTOCOL,
                             "the end of a reply to a request that was not sent yet");
    }
    anp_window *w = anp_window_pop(&c->windows);
    anp_channel_window_done(c);
    if (w->is_overloaded || anp_server_code_overloaded(m->result)) {
        anp_cluster_node_count_error(c->peer->node); /* once, not for each row */
    }
    if (m->result == ANP_BATCH_MAX_REQUESTS && halve(b, c, w)) {
        return ANP_OK;
    }
    anp_error why;
    anp_status code = m->result;
    if (code == ANP_OK) {
        code = anp_error_set(&why, ANP_ERR_NO_RESPONSE,
                             "the reply ended without an answer for each row");
    } else if (is_begun(w)) { /* of the rows that are left the code says nothing */
        code = anp_error_set(&why, ANP_ERR_NO_RESPONSE, "code %u of another row ended the batch",
                             (unsigned)m->result);
    } else {
        (void)anp_server_error(&why, m->result);
    }
    anp_error_node(&why, c->peer->node->name);
    bool may_retry =
        !b->source.is_write &&
        (m->result == ANP_OK || m->result == ANP_BATCH_QUEUES_FULL || is_bad_moment(m->result));
    anp_window_end(b, w, code, may_retry, true, &why);
    return ANP_OK;
}

/* A whole message. */
static anp_status message_arrived(anp_channel *c, const uint8_t *at, size_t size, anp_error *err)
{
    anp_cursor body = anp_cursor_over(at, size);
    anp_message m;
    if (!anp_message_read(&body, &m)) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "a message that is cut short");
    }
    if ((m.info3 & ANP_INFO3_LAST) == 0) {
        return row_arrived(c->batch, c->windows.first, &m, body, err);
    }
    if (c->frame_left != 0) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "bytes behind the last message of a reply");
    }
    return window_ended(c, &m, err);
}

/* Takes one frame head or one message. 1: taken, *used bytes; 0: too few bytes are here; else a
 * status. */
static int take_one(anp_channel *c, const uint8_t *at, size_t here, size_t *used, anp_error *err)
{
    if (c->frame_left == 0) {
        if (here < ANP_PROTO_HEAD) {
            return 0;
        }
        anp_frame frame;
        anp_status status = anp_frame_read(at, ANP_PROTO_MAX, &frame, err);
        if (status != ANP_OK) {
            return status;
        }
        if (frame.type != ANP_PROTO_MESSAGE || frame.size < ANP_MESSAGE_HEAD) {
            return anp_error_set(err, ANP_ERR_PROTOCOL,
                                 "a frame of type %u and %llu bytes in a batch reply",
                                 (unsigned)frame.type, (unsigned long long)frame.size);
        }
        c->frame_left = frame.size;
        *used = ANP_PROTO_HEAD;
        return 1;
    }
    size_t length = 0;
    size_t in_frame = here < c->frame_left ? here : (size_t)c->frame_left;
    switch (anp_message_measure(at, in_frame, c->frame_left, &length)) {
    case ANP_MEASURE_SHORT:
        return 0;
    case ANP_MEASURE_WHOLE:
        break;
    case ANP_MEASURE_BAD:
    default:
        return anp_error_set(err, ANP_ERR_PROTOCOL, "a message that does not fit its frame");
    }
    c->frame_left -= length;
    *used = length;
    anp_status status = message_arrived(c, at, length, err);
    return status == ANP_OK ? 1 : status;
}

/* A row whose message begins at `p`, without fields, and may be of two kinds: ok and like one
 * before, or a head that says that there is nothing to read. Gives the bytes that were taken; 0: it
 * is of neither kind. */
static size_t take_row(anp_batch *b, uint64_t row, const uint8_t *p, size_t here)
{
    uint32_t generation = anp_load_be32(p + 6), void_time = anp_load_be32(p + 10);
    uint32_t n_ops = anp_load_be16(p + 20);
    if (p[5] == ANP_OK) {
        if (b->sink.again == NULL) {
            return 0;
        }
        size_t size = b->sink.again(b->sink.context, row, generation, void_time, n_ops,
                                    p + ANP_MESSAGE_HEAD, here - ANP_MESSAGE_HEAD);
        return size != 0 ? ANP_MESSAGE_HEAD + size : 0;
    }
    if (n_ops != 0 || (p[5] != ANP_NOT_FOUND && p[5] != ANP_FILTERED_OUT)) {
        return 0;
    }
    anp_message m = {
        .result = p[5], .generation = generation, .ttl = void_time, .index = anp_load_be32(p + 14)};
    anp_error ignored;
    anp_cursor empty = anp_cursor_over(p + ANP_MESSAGE_HEAD, 0);
    return b->sink.row(b->sink.context, row, &m, empty, &ignored) == ANP_OK ? ANP_MESSAGE_HEAD : 0;
}

/* Rows at the beginning of these bytes that are as most are: what take_one checks is checked in one
 * go. Gives the bytes that were taken; what it stops at is for take_one. */
static size_t take_more(anp_channel *c, const uint8_t *bytes, size_t here)
{
    anp_batch *b = c->batch;
    anp_window *w = c->windows.first;
    size_t at = 0, n = 0;
    here = here < c->frame_left ? here : (size_t)c->frame_left;
    while (here - at >= ANP_MESSAGE_HEAD) {
        const uint8_t *p = bytes + at;
        uint32_t index = anp_load_be32(p + 14);
        bool is_plain =
            p[0] == ANP_MESSAGE_HEAD && (p[3] & ANP_INFO3_LAST) == 0 && anp_load_be16(p + 18) == 0;
        if (!is_plain || index >= w->n_rows) {
            break;
        }
        anp_window_row *r = &w->rows[index];
        if ((r->flags & (ANP_WROW_SENT | ANP_WROW_ANSWERED)) != ANP_WROW_SENT) {
            break;
        }
        look_ahead(b, w, index);
        size_t size = take_row(b, r->row, p, here - at);
        if (size == 0) {
            break;
        }
        r->flags = (uint8_t)((r->flags | ANP_WROW_ANSWERED) & ~ANP_WROW_AGAIN);
        at += size;
        n++;
    }
    c->frame_left -= at;
    anp_batch_count(b, n);
    return at;
}

anp_status anp_batch_parse(anp_channel *c, anp_error *err)
{
    anp_buffer *in = &c->batch->in;
    size_t at = 0;
    int took = 1;
    bool has_more = !c->batch->source.is_write;
    while (took == 1 && c->windows.first != NULL && at < in->size) {
        at += has_more ? take_more(c, in->data + at, in->size - at) : 0;
        size_t used = 0;
        took = take_one(c, in->data + at, in->size - at, &used, err);
        at += took == 1 ? used : 0;
    }
    if (took < 0) {
        return took;
    }
    if (at != 0) {
        memmove(in->data, in->data + at, in->size - at);
        in->size -= at;
    }
    return ANP_OK;
}
