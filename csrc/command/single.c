/* Single-record commands: attempts over attempt.h, with retries and doubt. Driven by one thread at
 * a time.
 *
 *   attempt -> judged: done, or a pause -> attempt ...
 *
 * A retry goes to another node than the one that failed, or waits for the tend thread to know more
 * of that one, at most ANP_WAIT_MS; so does one for a partition that nobody owns.
 *
 * Not asked again: what the server said definitely, bytes that are no protocol, a cancel. Asked
 * again while retries and time are left: failed connections, time-outs, and codes 9, 11 and 18. */
#include "command/single.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "command/attempt.h"
#include "command/request.h"
#include "command/server_error.h"

typedef enum { PHASE_ATTEMPT, PHASE_EXCHANGE, PHASE_PAUSE, PHASE_WAIT, PHASE_DONE } phase;

struct anp_single_state {
    anp_attempt attempt;
    anp_single *single;
    phase phase;
    uint32_t replica; /* attempts as routing counts them */
    uint64_t resume_at;
    anp_cluster_node *failed; /* retained: the last node that failed; NULL: none */
    anp_map *map;             /* retained: what was known then */
    uint64_t rounds;          /* of the tend thread; likewise */
    uint64_t wait_until;      /* for more */
    bool has_waited;          /* for the map without a node that left */
    anp_status status;
    anp_error error;
};

static void end(anp_single *s, anp_status status)
{
    struct anp_single_state *m = s->state;
    m->status = status;
    m->phase = PHASE_DONE;
    if (status != ANP_OK) {
        m->error.code = status;
        m->error.in_doubt = s->in_doubt;
    }
}

/* ---- what is known of the cluster ---- */

/* Remembers what is known now, and asks for more. `failed`: the node it is about; NULL: none. */
static void want_news(anp_single *s, anp_cluster_node *failed)
{
    struct anp_single_state *m = s->state;
    anp_cluster *cluster = s->command.cluster;
    (void)anp_cluster_node_retain(failed);
    anp_cluster_node_release(m->failed);
    anp_map_release(m->map);
    m->failed = failed;
    m->map = anp_cluster_map(cluster);
    m->rounds = anp_cluster_rounds(cluster);
    uint64_t until = anp_clock_now() + ANP_WAIT_MS * ANP_NS_PER_MS;
    m->wait_until = until < s->command.deadline ? until : s->command.deadline;
    anp_cluster_refresh(cluster);
}

static bool is_news(anp_single *s)
{
    struct anp_single_state *m = s->state;
    if (anp_clock_now() >= m->wait_until || anp_cluster_rounds(s->command.cluster) != m->rounds) {
        return true;
    }
    anp_map *map = anp_cluster_map(s->command.cluster);
    bool is_newer = map != m->map; /* it can't be another at the same address: that is retained */
    anp_map_release(map);
    return is_newer;
}

/* ---- attempts ---- */

typedef enum {
    AGAIN_HERE, /* the same replica */
    AGAIN_NEXT, /* the next one, where the policy says so */
    AGAIN_NEWS, /* the same, when more is known of the cluster */
    AGAIN_NOT,
} again;

/* An attempt ended without a definite answer. */
static void again_or_end(anp_single *s, anp_status status, again how)
{
    struct anp_single_state *m = s->state;
    anp_command *c = &s->command;
    uint64_t now = anp_clock_now();
    uint64_t resume_at = now + c->policy.sleep_ms * ANP_NS_PER_MS;
    if (how == AGAIN_NOT || c->retries >= c->policy.max_retries || resume_at >= c->deadline ||
        atomic_load(&c->is_cancelled)) {
        if (c->retries != 0 && m->error.code != ANP_ERR_ABORTED) {
            size_t used = strlen(m->error.message);
            (void)snprintf(m->error.message + used, sizeof m->error.message - used, " (attempt %u)",
                           (unsigned)c->retries + 1);
        }
        end(s, status);
        return;
    }
    c->retries++;
    m->replica += how == AGAIN_NEXT;
    if (how == AGAIN_NEWS) {
        want_news(s, NULL);
    } else {
        anp_cluster_refresh(c->cluster);
    }
    m->resume_at = resume_at;
    m->phase = how == AGAIN_NEWS ? PHASE_WAIT : PHASE_PAUSE;
}

/* No node can be asked now. */
static void nowhere(anp_single *s, anp_status status, bool has_left)
{
    struct anp_single_state *m = s->state;
    const anp_policy *policy = &s->command.policy;
    again how = AGAIN_NEWS;
    if (anp_attempt_is_closed(s->command.cluster)) {
        status = anp_error_closed(&m->error);
        how = AGAIN_NOT;
    } else if (has_left && !m->has_waited) { /* the map without it is about to be published */
        m->has_waited = true;
        want_news(s, NULL);
        m->resume_at = 0;
        m->phase = PHASE_WAIT;
        return;
    } else if (status == ANP_ERR_MAX_ERROR_RATE) {
        how = policy->sleep_ms != 0 ? AGAIN_HERE : AGAIN_NOT; /* at once it would be no better */
    } else if (status == ANP_NAMESPACE && s->command.retries != 0) {
        how = AGAIN_NOT;
    }
    again_or_end(s, status, how);
}

/* The node to ask: the record's replica, or for reads the next one that is not known to be bad.
 * *wait: the only one has failed, and nothing more is known of it yet. */
static anp_status choose(anp_single *s, const anp_map *map, const anp_map_namespace *ns,
                         anp_cluster_node **out, bool *wait)
{
    struct anp_single_state *m = s->state;
    const anp_policy *policy = &s->command.policy;
    uint32_t n = anp_policy_tries(policy, ns->n_replicas, s->is_write);
    anp_cluster_node *second = NULL;
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < n; i++) {
        anp_cluster_node *node = NULL;
        anp_status routed =
            anp_cluster_route(map, ns, anp_partition_of(s->digest), anp_policy_replica(policy, i),
                              s->is_write, m->replica + i, &node, &m->error);
        if (routed != ANP_OK) {
            status = routed;
            break;
        }
        if (!anp_cluster_node_allows(node)) {
            status = anp_attempt_left_alone(node, &m->error);
        } else if (node != m->failed) {
            anp_cluster_node_release(second);
            *wait = false;
            *out = node;
            return ANP_OK;
        } else if (second == NULL && is_news(s)) {
            second = node;
            continue;
        } else {
            *wait = true;
        }
        anp_cluster_node_release(node);
    }
    *out = second;
    *wait &= second == NULL;
    return second != NULL || *wait ? ANP_OK : status;
}

static void begin(anp_single *s, anp_cluster_node *node)
{
    struct anp_single_state *m = s->state;
    const anp_command *c = &s->command;
    memcpy(s->node, node->name, sizeof s->node);
    int ms =
        c->deadline == ANP_NEVER ? 0 : anp_clock_ms_left(c->deadline, anp_clock_now(), INT32_MAX);
    anp_record_request_timeout(&s->request, ms > 0 || c->deadline == ANP_NEVER ? (uint32_t)ms : 1);
    m->attempt.is_write = s->is_write;
    anp_attempt_begin(&m->attempt, node, (anp_slice){s->request.data, s->request.size},
                      ANP_PROTO_MESSAGE, &s->reply);
    m->phase = PHASE_EXCHANGE;
}

static void attempt(anp_single *s)
{
    struct anp_single_state *m = s->state;
    anp_command *c = &s->command;
    s->message = (anp_message){0}; /* an earlier reply's bytes are about to be overwritten */
    s->body = anp_cursor_over(NULL, 0);
    anp_map *map = anp_cluster_map(c->cluster);
    const anp_map_namespace *ns =
        map != NULL ? anp_map_find(map, s->namespace_name, s->namespace_size) : NULL;
    anp_cluster_node *node = NULL;
    anp_status status;
    bool wait = false, has_left = false;
    if (map == NULL) {
        status = anp_error_set(&m->error, ANP_ERR_INVALID_NODE, "the cluster is not connected");
    } else if (ns == NULL) {
        status = anp_map_not_found(map, s->namespace_name, s->namespace_size, &m->error);
    } else {
        status = choose(s, map, ns, &node, &wait);
        has_left = status == ANP_ERR_INVALID_NODE &&
                   ns->partitions[anp_partition_of(s->digest)].replica[0] != NULL;
    }
    anp_map_release(map);
    if (status != ANP_OK) {
        nowhere(s, status, has_left);
    } else if (wait) {
        m->resume_at = 0;
        m->phase = PHASE_WAIT;
    } else {
        begin(s, node);
        anp_cluster_node_release(node);
    }
}

/* What a function of the record says of its failure stands in the reply's operation. */
static void take_failure(anp_single *s, anp_error *err)
{
    static const char failure[] = "FAILURE";
    anp_cursor body = s->body;
    anp_field_view field;
    anp_op op;
    for (uint16_t i = 0; i < s->message.n_fields; i++) {
        if (!anp_field_read(&body, &field)) {
            return;
        }
    }
    if (s->message.n_ops == 0 || !anp_op_read(&body, &op) || op.name.size != sizeof failure - 1 ||
        memcmp(op.name.data, failure, op.name.size) != 0 || op.value.type != ANP_PARTICLE_STRING) {
        return;
    }
    size_t size = op.value.size;
    size_t most = sizeof err->message - 32;
    (void)anp_error_set(err, ANP_UDF, "the UDF failed: %.*s (UDF)",
                        (int)(size < most ? size : most), (const char *)op.value.data);
}

static void judge_reply(anp_single *s)
{
    struct anp_single_state *m = s->state;
    anp_cluster_node *node = m->attempt.node;
    size_t length = 0;
    s->body = anp_cursor_over(s->reply.data, s->reply.size);
    if (anp_message_measure(s->reply.data, s->reply.size, s->reply.size, &length) !=
            ANP_MEASURE_WHOLE ||
        length != s->reply.size || !anp_message_read(&s->body, &s->message)) {
        (void)anp_error_set(&m->error, ANP_ERR_PROTOCOL, "the reply of %zu bytes is no message",
                            s->reply.size);
        anp_error_node(&m->error, node->name);
        s->in_doubt |= s->is_write;
        end(s, ANP_ERR_PROTOCOL);
        return;
    }
    uint8_t code = s->message.result;
    if (code == 0) {
        end(s, ANP_OK);
        return;
    }
    (void)anp_server_error(&m->error, code);
    if (code == ANP_UDF) {
        take_failure(s, &m->error);
    }
    anp_error_node(&m->error, node->name);
    if (!anp_server_code_passes(code)) {
        end(s, code);
        return;
    }
    bool is_late = s->is_write && code == ANP_SERVER_TIMEOUT;
    s->in_doubt |= is_late;
    if (anp_server_code_overloaded(code)) {
        anp_cluster_node_count_error(node);
    }
    if (code == ANP_UNAVAILABLE) {
        want_news(s, node); /* it doesn't serve the partition, as far as is known */
    }
    again_or_end(s, code, is_late ? AGAIN_HERE : AGAIN_NEXT);
}

static void judge_failure(anp_single *s)
{
    struct anp_single_state *m = s->state;
    anp_attempt *x = &m->attempt;
    anp_status code = x->error.code;
    m->error = x->error;
    s->in_doubt |= s->is_write && x->was_sent;
    if (code == ANP_ERR_CONNECTION && anp_attempt_is_closed(s->command.cluster)) {
        code = anp_error_closed(&m->error);
    }
    bool is_timeout = code == ANP_ERR_CLIENT_TIMEOUT;
    if (!is_timeout && code != ANP_ERR_CONNECTION) {
        if (code == ANP_ERR_PROTOCOL) {
            anp_cluster_node_count_error(x->node);
        }
        again_or_end(s, code, AGAIN_NOT);
        return;
    }
    if (!is_timeout && !x->was_sent && !atomic_load(&x->node->active)) {
        m->phase = PHASE_ATTEMPT; /* it has left and was not asked: the next one is no retry */
        return;
    }
    if (x->was_given) {
        anp_cluster_node_count_error(x->node);
        want_news(s, x->node);
    }
    /* a write stays with the master that did not answer in time */
    again_or_end(s, code, s->is_write && is_timeout ? AGAIN_HERE : AGAIN_NEXT);
}

/* Goes on as far as it can; true: ended. */
static bool step(anp_single *s)
{
    struct anp_single_state *m = s->state;
    anp_command *c = &s->command;
    for (;;) {
        switch (m->phase) {
        case PHASE_PAUSE:
            if (!atomic_load(&c->is_cancelled) && anp_clock_now() < m->resume_at) {
                m->attempt.state = ANP_ATTEMPT_IDLE;
                m->attempt.wake_at = m->resume_at;
                return false;
            }
            m->phase = PHASE_ATTEMPT;
            break;
        case PHASE_WAIT:
            if (!atomic_load(&c->is_cancelled) && (anp_clock_now() < m->resume_at || !is_news(s))) {
                m->attempt.state = ANP_ATTEMPT_IDLE;
                m->attempt.wake_at = anp_clock_now() + ANP_WAIT_LOOK_MS * ANP_NS_PER_MS;
                return false;
            }
            m->phase = PHASE_ATTEMPT;
            break;
        case PHASE_ATTEMPT:
            if (atomic_load(&c->is_cancelled)) {
                (void)anp_error_set(&m->error, ANP_ERR_ABORTED, "the call was cancelled");
                end(s, ANP_ERR_ABORTED);
            } else {
                attempt(s);
            }
            break;
        case PHASE_EXCHANGE:
            switch (anp_attempt_step(&m->attempt)) {
            case ANP_ATTEMPT_DONE:
                s->was_sent = true;
                judge_reply(s);
                break;
            case ANP_ATTEMPT_FAILED:
                s->was_sent |= m->attempt.was_sent;
                judge_failure(s);
                break;
            case ANP_ATTEMPT_IDLE:
            case ANP_ATTEMPT_GRANT:
            case ANP_ATTEMPT_CONNECTING:
            case ANP_ATTEMPT_WRITING:
            case ANP_ATTEMPT_READING:
            case ANP_ATTEMPT_LEAVING:
            default:
                return false;
            }
            break;
        case PHASE_DONE:
        default:
            return true;
        }
    }
}

/* ---- the drivers ---- */

static anp_drive drive(anp_command *c, int slice_ms)
{
    anp_single *s = (anp_single *)c;
    uint64_t slice_end = anp_clock_now() + (uint64_t)(slice_ms > 0 ? slice_ms : 0) * ANP_NS_PER_MS;
    s->state->attempt.patient_until = slice_end;
    while (!step(s)) {
        if (anp_clock_now() >= slice_end) {
            anp_attempt_look_for_close(&s->state->attempt);
            return ANP_DRIVE_AGAIN;
        }
        anp_attempt_wait(&s->state->attempt, slice_end);
    }
    anp_command_finish(c, s->state->status, &s->state->error);
    return ANP_DRIVE_DONE;
}

static void pump(anp_single *s)
{
    anp_attempt *x = &s->state->attempt;
    anp_error err;
    while (!step(s)) {
        anp_status status = anp_attempt_arm(x, &err);
        if (status == ANP_OK) {
            return;
        }
        anp_attempt_abort(x, status, err.message);
        if (x->state != ANP_ATTEMPT_FAILED) { /* nothing to abort: the timer of a pause, or a grant
                                                 that is coming */
            if (x->state == ANP_ATTEMPT_LEAVING) {
                return;
            }
            s->state->error = err;
            end(s, status);
        }
    }
    anp_attempt_disarm(x);
    anp_command_finish(&s->command, s->state->status, &s->state->error);
}

static void resume(anp_attempt *x)
{
    anp_single *s = (anp_single *)x->command;
    if (x->state != ANP_ATTEMPT_LEAVING) {
        anp_attempt_look_for_close(&s->state->attempt);
    }
    pump(s);
}

static void start(anp_command *c)
{
    pump((anp_single *)c);
}

static void cancel(anp_command *c)
{
    anp_single *s = (anp_single *)c;
    anp_attempt_abort(&s->state->attempt, ANP_ERR_ABORTED, "the call was cancelled");
    if (c->is_submitted) {
        pump(s);
    }
}

static const anp_command_kind kind = {
    .name = "single", .start = start, .drive = drive, .cancel = cancel};

anp_status anp_single_init(anp_single *s, anp_cluster *cluster, const anp_policy *policy,
                           anp_error *err)
{
    memset(s, 0, sizeof *s);
    struct anp_single_state *m = anp_malloc(sizeof *m);
    if (m == NULL) {
        return anp_error_memory(err, sizeof *m, "a command");
    }
    memset(m, 0, offsetof(struct anp_single_state, attempt.first));
    m->phase = PHASE_ATTEMPT;
    m->replica = 0;
    m->resume_at = 0;
    m->failed = NULL;
    m->map = NULL;
    m->has_waited = false;
    m->status = ANP_OK;
    m->error = (anp_error){.code = ANP_OK};
    m->single = s;
    anp_status status = anp_attempt_init(&m->attempt, &s->command, resume, err);
    if (status != ANP_OK) {
        anp_free(m);
        return status;
    }
    s->state = m;
    anp_buffer_init(&s->request, ANP_PROTO_HEAD + (size_t)ANP_PROTO_MAX);
    anp_buffer_init(&s->reply, ANP_PROTO_MAX);
    anp_command_init(&s->command, &kind, cluster, policy);
    return ANP_OK;
}

void anp_single_deinit(anp_single *s)
{
    if (s->state != NULL) {
        anp_attempt_deinit(&s->state->attempt);
        anp_cluster_node_release(s->state->failed);
        anp_map_release(s->state->map);
        anp_free(s->state);
        s->state = NULL;
        anp_buffer_deinit(&s->request);
        anp_buffer_deinit(&s->reply);
        anp_command_deinit(&s->command);
    }
}
