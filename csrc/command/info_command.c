/* An info request to one node, once; or to any node: then the next one is tried as long as no node
 * has got the request. Driven by one thread at a time. */
#include "command/info_command.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "command/attempt.h"
#include "wire/info.h"

enum { NODES = 256 };

struct anp_info_state {
    anp_attempt attempt;
    bool has_begun;
    uint32_t n_nodes, next; /* of those that may be tried; retained */
    anp_cluster_node *nodes[NODES];
};

/* Starts on the next node. */
static void begin(anp_info_command *c)
{
    struct anp_info_state *m = c->state;
    anp_attempt_begin(&m->attempt, m->nodes[m->next++],
                      (anp_slice){c->request.data, c->request.size}, ANP_PROTO_INFO, &c->reply);
}

/* May another node be asked? Not after one may have understood: some commands must not run twice.
 */
static bool may_go_on(const anp_info_command *c)
{
    const anp_attempt *x = &c->state->attempt;
    return x->state == ANP_ATTEMPT_FAILED && !x->was_sent && c->state->next < c->state->n_nodes &&
           x->error.code == ANP_ERR_CONNECTION && !atomic_load(&c->command.is_cancelled) &&
           anp_clock_now() < c->command.deadline;
}

static bool step(anp_info_command *c)
{
    struct anp_info_state *m = c->state;
    if (!m->has_begun) {
        m->has_begun = true;
        if (atomic_load(&c->command.is_cancelled)) {
            (void)anp_error_set(&m->attempt.error, ANP_ERR_ABORTED, "the call was cancelled");
            m->attempt.state = ANP_ATTEMPT_FAILED;
        } else {
            begin(c);
        }
    }
    anp_attempt_state state = anp_attempt_step(&m->attempt);
    while (may_go_on(c)) {
        begin(c);
        state = anp_attempt_step(&m->attempt);
    }
    return state == ANP_ATTEMPT_DONE || state == ANP_ATTEMPT_FAILED;
}

static void finish(anp_info_command *c)
{
    anp_attempt *x = &c->state->attempt;
    anp_command_finish(&c->command, x->state == ANP_ATTEMPT_DONE ? ANP_OK : x->error.code,
                       &x->error);
}

static anp_drive drive(anp_command *command, int slice_ms)
{
    anp_info_command *c = (anp_info_command *)command;
    uint64_t slice_end = anp_clock_now() + (uint64_t)(slice_ms > 0 ? slice_ms : 0) * ANP_NS_PER_MS;
    while (!step(c)) {
        if (anp_clock_now() >= slice_end) {
            anp_attempt_look_for_close(&c->state->attempt);
            return ANP_DRIVE_AGAIN;
        }
        anp_attempt_wait(&c->state->attempt, slice_end);
    }
    finish(c);
    return ANP_DRIVE_DONE;
}

static void pump(anp_info_command *c)
{
    anp_attempt *x = &c->state->attempt;
    anp_error err;
    while (!step(c)) {
        anp_status status = anp_attempt_arm(x, &err);
        if (status == ANP_OK) {
            return;
        }
        anp_attempt_abort(x, status, err.message);
        if (x->state == ANP_ATTEMPT_LEAVING) {
            return;
        }
    }
    anp_attempt_disarm(x);
    finish(c);
}

static void resume(anp_attempt *x)
{
    anp_info_command *c = (anp_info_command *)x->command;
    if (x->state != ANP_ATTEMPT_LEAVING) {
        anp_attempt_look_for_close(&c->state->attempt);
    }
    pump(c);
}

static void start(anp_command *c)
{
    pump((anp_info_command *)c);
}

static void cancel(anp_command *c)
{
    anp_info_command *i = (anp_info_command *)c;
    anp_attempt_abort(&i->state->attempt, ANP_ERR_ABORTED, "the call was cancelled");
    if (c->is_submitted) {
        pump(i);
    }
}

static const anp_command_kind kind = {
    .name = "info", .start = start, .drive = drive, .cancel = cancel};

static void release_nodes(struct anp_info_state *m)
{
    for (uint32_t i = 0; i < m->n_nodes; i++) {
        anp_cluster_node_release(m->nodes[i]);
    }
}

/* All nodes, from a random one on. */
static void take_all(struct anp_info_state *m, anp_cluster *cluster)
{
    anp_cluster_node *nodes[NODES];
    size_t n = anp_cluster_nodes(cluster, nodes, NODES);
    m->n_nodes = (uint32_t)(n < NODES ? n : NODES);
    uint32_t first = m->n_nodes > 1 ? (uint32_t)(anp_random() % m->n_nodes) : 0;
    for (uint32_t i = 0; i < m->n_nodes; i++) {
        m->nodes[i] = nodes[(first + i) % m->n_nodes];
    }
}

anp_status anp_info_command_init(anp_info_command *c, anp_cluster *cluster,
                                 const anp_policy *policy, anp_cluster_node *node, anp_slice text,
                                 anp_error *err)
{
    memset(c, 0, sizeof *c);
    struct anp_info_state *m = anp_calloc(1, sizeof *m);
    if (m == NULL) {
        return anp_error_memory(err, sizeof *m, "a command");
    }
    if (node != NULL) {
        m->nodes[m->n_nodes++] = anp_cluster_node_retain(node);
    } else {
        take_all(m, cluster);
    }
    anp_buffer_init(&c->request, 1024 * 1024);
    anp_buffer_init(&c->reply, ANP_PROTO_MAX);
    anp_info_request(&c->request, (const char *)text.data, text.size);
    anp_status status = ANP_OK;
    if (m->n_nodes == 0) {
        status = anp_error_set(err, ANP_ERR_INVALID_NODE, "no node of the cluster answers");
    } else if (c->request.failed != ANP_OK) {
        status = anp_buffer_error(&c->request, "the info request", err);
    } else {
        status = anp_attempt_init(&m->attempt, &c->command, resume, err);
    }
    if (status != ANP_OK) {
        anp_buffer_deinit(&c->request);
        release_nodes(m);
        anp_free(m);
        return status;
    }
    c->state = m;
    anp_command_init(&c->command, &kind, cluster, policy);
    return ANP_OK;
}

void anp_info_command_deinit(anp_info_command *c)
{
    if (c->state != NULL) {
        anp_attempt_deinit(&c->state->attempt);
        release_nodes(c->state);
        anp_free(c->state);
        c->state = NULL;
        anp_buffer_deinit(&c->request);
        anp_buffer_deinit(&c->reply);
        anp_command_deinit(&c->command);
    }
}
