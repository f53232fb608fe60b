/* Time-outs of channels: of connecting, of a silent connection, of a window, of a silent node. */
#include <stdio.h>

#include "base/clock.h"
#include "command/batch_engine.h"

uint64_t anp_channel_next(const anp_channel *c)
{
    if (c->state == ANP_CHANNEL_WAITING || c->state == ANP_CHANNEL_CONNECTING) {
        return c->wait_by;
    }
    if (c->state != ANP_CHANNEL_OPEN || c->windows.count == 0) {
        return ANP_NEVER;
    }
    return c->silent_at < c->windows.first->deadline ? c->silent_at : c->windows.first->deadline;
}

/* A time that ends at `end` is over for a connection: did no byte come meanwhile on any, and is
 * another one waited for, too, or is this not the first such time? Then it is the node that is
 * silent, not a connection. */
static bool is_node_silent(anp_channel *c, uint64_t end, uint32_t ms)
{
    anp_batch_peer *p = c->peer;
    const anp_batch *b = c->batch;
    if (c->state != ANP_CHANNEL_OPEN || p->heard_at + ms * ANP_NS_PER_MS >= end) {
        return false;
    }
    bool is_silent = p->n_silent++ != 0;
    for (uint32_t i = 0; i < b->connections; i++) {
        const anp_channel *other = &p->channels[i];
        is_silent |= other != c && other->state == ANP_CHANNEL_OPEN && other->windows.count != 0;
    }
    return is_silent;
}

/* Of an each_window batch: the first window's time is over. It is settled; the one behind it, whose
 * time would only begin now, loses its connection. Those that wait for a silent node, and can't be
 * read elsewhere, have waited long enough, too. */
static void expire_window(anp_channel *c)
{
    anp_batch *b = c->batch;
    uint64_t end = c->windows.first->deadline;
    bool is_silent = is_node_silent(c, end, b->command.policy.total_timeout_ms);
    anp_error err;
    char why[64];
    (void)snprintf(why, sizeof why, "total_timeout of %u ms passed for a window",
                   (unsigned)b->command.policy.total_timeout_ms);
    (void)anp_channel_describe(c, &err, ANP_ERR_CLIENT_TIMEOUT, "waiting for", why);
    b->has_window_timeout = true;
    anp_window_end(b, anp_window_pop(&c->windows), ANP_ERR_CLIENT_TIMEOUT, false, true, &err);
    bool may_retry = !is_silent || anp_batch_has_choice(b);
    anp_channel_fail(c, ANP_ERR_CLIENT_TIMEOUT, may_retry, &err);
    if (!may_retry) {
        anp_batch_recall(b, c->peer, ANP_ERR_CLIENT_TIMEOUT, false, true, &err);
    }
}

/* No byte for socket_timeout: what is in flight is asked for again. Of a silent node, what waits
 * for it and can't be read elsewhere had its attempt, too. */
static void expire_connection(anp_channel *c)
{
    anp_batch *b = c->batch;
    uint32_t ms = b->command.policy.socket_timeout_ms;
    bool is_silent = is_node_silent(c, c->silent_at, ms);
    anp_error err;
    char why[64];
    (void)snprintf(why, sizeof why, "silent for socket_timeout of %u ms", (unsigned)ms);
    (void)anp_channel_describe(c, &err, ANP_ERR_CLIENT_TIMEOUT, "waiting for", why);
    anp_channel_fail(c, ANP_ERR_CLIENT_TIMEOUT, true, &err);
    if (is_silent && !anp_batch_has_choice(b)) {
        anp_batch_recall(b, c->peer, ANP_ERR_CLIENT_TIMEOUT, true, true, &err);
    }
}

void anp_channel_expire(anp_channel *c, uint64_t now)
{
    if (anp_channel_next(c) > now) {
        return;
    }
    if (c->state == ANP_CHANNEL_WAITING) {
        expire_window(c);
    } else if (c->state == ANP_CHANNEL_CONNECTING) {
        anp_channel_break(c, "connecting to", "no answer within connect_timeout");
    } else if (c->silent_at <= now) {
        expire_connection(c);
    } else {
        expire_window(c);
    }
}
