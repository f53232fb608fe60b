/* An info request to one node: one attempt, no retries. Driven by one thread at a time. */
#include "command/info_command.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "command/attempt.h"
#include "wire/info.h"

struct anp_info_state {
    anp_attempt
    try
        ;
    bool has_begun;
};

static bool step(anp_info_command *c)
{
    struct anp_info_state *m = c->state;
    if (!m->has_begun) {
        m->has_begun = true;
        if (atomic_load(&c->command.is_cancelled)) {
            (void)anp_error_set(&m->try.error, ANP_ERR_ABORTED, "the call was cancelled");
            m->
            try
                .state = ANP_ATTEMPT_FAILED;
        } else {
            anp_attempt_begin(&m->try, c->node, (anp_slice){c->request.data, c->request.size},
                              ANP_PROTO_INFO, &c->reply);
        }
    }
    anp_attempt_state state = anp_attempt_step(&m->try);
    return state == ANP_ATTEMPT_DONE || state == ANP_ATTEMPT_FAILED;
}

static void finish(anp_info_command *c)
{
    anp_attempt *x = &c->state->
    try
        ;
    anp_command_finish(&c->command, x->state == ANP_ATTEMPT_DONE ? ANP_OK : x->error.code,
                       &x->error);
}

static void look_for_close(anp_info_command *c)
{
    if (anp_attempt_is_closed(c->command.cluster)) {
        anp_attempt_abort(&c->state->try, ANP_ERR_CLOSED, "the client was closed");
    }
}

static anp_drive drive(anp_command *command, int slice_ms)
{
    anp_info_command *c = (anp_info_command *)command;
    uint64_t slice_end = anp_clock_now() + (uint64_t)(slice_ms > 0 ? slice_ms : 0) * ANP_NS_PER_MS;
    while (!step(c)) {
        if (anp_clock_now() >= slice_end) {
            look_for_close(c);
            return ANP_DRIVE_AGAIN;
        }
        anp_attempt_wait(&c->state->try, slice_end);
    }
    finish(c);
    return ANP_DRIVE_DONE;
}

static void pump(anp_info_command *c)
{
    anp_attempt *x = &c->state->
    try
        ;
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
        look_for_close(c);
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
    anp_attempt_abort(&i->state->try, ANP_ERR_ABORTED, "the call was cancelled");
    if (c->is_submitted) {
        pump(i);
    }
}

static const anp_command_kind kind = {
    .name = "info", .start = start, .drive = drive, .cancel = cancel};

anp_status anp_info_command_init(anp_info_command *c, anp_cluster *cluster,
                                 const anp_policy *policy, anp_cluster_node *node, anp_slice text,
                                 anp_error *err)
{
    memset(c, 0, sizeof *c);
    struct anp_info_state *m = anp_calloc(1, sizeof *m);
    if (m == NULL) {
        return anp_error_memory(err, sizeof *m, "a command");
    }
    anp_buffer_init(&c->request, 1024 * 1024);
    anp_buffer_init(&c->reply, ANP_PROTO_MAX);
    anp_info_request(&c->request, (const char *)text.data, text.size);
    anp_status status = c->request.failed != ANP_OK
                            ? anp_buffer_error(&c->request, "the info request", err)
                            : anp_attempt_init(&m->try, &c->command, resume, err);
    if (status != ANP_OK) {
        anp_buffer_deinit(&c->request);
        anp_free(m);
        return status;
    }
    c->state = m;
    c->node = anp_cluster_node_retain(node);
    anp_command_init(&c->command, &kind, cluster, policy);
    return ANP_OK;
}

void anp_info_command_deinit(anp_info_command *c)
{
    if (c->state != NULL) {
        anp_attempt_deinit(&c->state->try);
        anp_free(c->state);
        c->state = NULL;
        anp_cluster_node_release(c->node);
        anp_buffer_deinit(&c->request);
        anp_buffer_deinit(&c->reply);
        anp_command_deinit(&c->command);
    }
}
