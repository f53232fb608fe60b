/* Requests to the embedded node: whatever the bytes are, each whole frame has one whole reply, or
 * the connection ends.
 *
 * An input is frames without their heads: a type, the size (2 bytes, the higher first), the body;
 * or type 0 and bytes that stand as they are, heads and all. */
#include <stdlib.h>

#include "base/clock.h"
#include "fuzz.h"
#include "node/server.h"
#include "wire/frame.h"

enum { OUTPUT_MAX = 64 << 20 };

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static anp_members *members_of_one(void)
{
    static anp_members *members; /* never freed */
    uint32_t member;
    anp_error err;
    if (members == NULL) {
        require(anp_members_new(1, &members, &err) == ANP_OK);
        require(anp_members_join(members, "A0", "127.0.0.1", 3000, -1, &member, &err) == ANP_OK);
        require(member == 0);
    }
    return members;
}

static void put_frames(anp_buffer *in, const uint8_t *data, size_t size)
{
    anp_cursor c = anp_cursor_over(data, size);
    uint8_t type;
    uint16_t length;
    while (anp_cursor_u8(&c, &type) && anp_cursor_be16(&c, &length)) {
        size_t left = anp_cursor_left(&c), n = length < left ? length : left;
        const uint8_t *body = anp_cursor_take(&c, n);
        size_t begin = in->size;
        if (type != 0) {
            begin = anp_frame_begin(in);
        }
        anp_buffer_put(in, body, n);
        if (type != 0) {
            anp_frame_end(in, begin, (anp_proto_type)type);
        }
    }
}

/* Whole frames, and whole messages in them. */
static void check_replies(const anp_buffer *out)
{
    anp_cursor c = anp_cursor_over(out->data, out->size);
    while (anp_cursor_left(&c) != 0) {
        anp_frame frame;
        const uint8_t *head = anp_cursor_take(&c, ANP_PROTO_HEAD);
        require(head != NULL && anp_frame_read(head, ANP_PROTO_MAX, &frame, NULL) == ANP_OK);
        const uint8_t *body = anp_cursor_take(&c, (size_t)frame.size);
        require(body != NULL);
        for (size_t at = 0; frame.type == ANP_PROTO_MESSAGE && at < frame.size;) {
            size_t length = 0, left = (size_t)frame.size - at;
            require(anp_message_measure(body + at, left, left, &length) == ANP_MEASURE_WHOLE);
            at += length;
        }
    }
}

static void serve(anp_node *node, const uint8_t *data, size_t size)
{
    anp_node_connection *c = calloc(1, sizeof *c);
    require(c != NULL);
    c->thread = &node->threads[0];
    anp_buffer_init(&c->in, ANP_PROTO_MAX);
    anp_buffer_init(&c->out, OUTPUT_MAX);
    anp_node_batch_init(&c->batch);
    put_frames(&c->in, data, size);
    bool is_good = true;
    size_t before, answered;
    do { /* what was sent is no more in the way */
        before = c->in_at;
        answered = c->out.size;
        is_good = anp_node_connection_serve(c, ANP_NEVER);
        check_replies(&c->out);
        c->out_at = c->out.size;
    } while (is_good && (c->in_at != before || c->out.size != answered));
    require(!is_good || !c->in_batch);
    anp_node_batch_deinit(&c->batch);
    anp_buffer_deinit(&c->in);
    anp_buffer_deinit(&c->out);
    free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const anp_namespace_config namespaces[] = {{.name = "test", .nsup_period = 120}};
    anp_error err;
    anp_store *store;
    anp_node *node = calloc(1, sizeof *node);
    require(node != NULL);
    require(anp_store_new(&(anp_store_config){.namespaces = namespaces, .n_namespaces = 1}, &store,
                          &err) == ANP_OK);
    node->store = store;
    node->members = members_of_one();
    node->n_threads = 1;
    (void)strcpy(node->name, "A0");
    (void)strcpy(node->host, "127.0.0.1");
    node->port = 3000;
    node->started_at = anp_clock_now();
    node->threads[0].node = node;
    anp_executor_init(&node->threads[0].executor, store, node->members, 0);
    atomic_store(&node->is_member, true);
    serve(node, data, size);
    anp_executor_deinit(&node->threads[0].executor);
    anp_store_release(store);
    free(node);
    return 0;
}
