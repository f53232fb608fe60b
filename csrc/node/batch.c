/* Batch requests: rows parsed and executed one after the other, replies gathered in blocks of 128
 * KiB, one frame each, the last message in a frame of its own. A connection's own;
 * not thread-safe. */
#include "node/batch.h"

#include "base/clock.h"
#include "wire/frame.h"

enum { ROWS_A_LOOK = 8 };         /* rows between two looks at the clock */
enum { BLOCK = 128 * 1024 - 16 }; /* of a frame's body */

void anp_node_batch_init(anp_node_batch *b)
{
    *b = (anp_node_batch){0};
    anp_buffer_init(&b->block, (size_t)1 << 30);
}

void anp_node_batch_deinit(anp_node_batch *b)
{
    anp_buffer_deinit(&b->block);
}

uint8_t anp_node_batch_start(anp_node_batch *b, anp_slice data, uint32_t max_rows)
{
    b->rows = anp_cursor_over(data.data, data.size);
    b->done = 0;
    b->error = 0;
    b->can_repeat = false;
    b->is_waiting = false;
    b->wait_until = 0;
    b->has_filter = false;
    anp_buffer_clear(&b->block);
    if (!anp_batch_open(&b->rows, &b->left, &b->flags) || b->left == 0) {
        return ANP_PARAMETER;
    }
    return max_rows != 0 && b->left > max_rows ? ANP_BATCH_MAX_REQUESTS : ANP_OK;
}

void anp_node_batch_trailer(anp_buffer *out, uint8_t code)
{
    size_t begin = anp_frame_begin(out);
    anp_reply_code(out, code, 0, ANP_INFO3_LAST);
    anp_frame_end(out, begin, ANP_PROTO_MESSAGE);
}

static void flush(anp_node_batch *b, anp_buffer *out)
{
    if (b->block.size != 0) {
        size_t begin = anp_frame_begin(out);
        anp_buffer_put(out, b->block.data, b->block.size);
        anp_frame_end(out, begin, ANP_PROTO_MESSAGE);
        anp_buffer_clear(&b->block);
    }
}

/* Takes the next row apart. false: malformed, or of an unknown namespace: the batch ends here. */
static bool next_row(anp_node_batch *b, anp_executor *e)
{
    anp_batch_row *row = &b->row;
    if (!anp_batch_row_read(&b->rows, row)) {
        return false;
    }
    if (row->flags & ANP_ROW_REPEAT) {
        if (!b->can_repeat) {
            return false;
        }
    } else {
        anp_node_request *r = &b->last;
        *r = (anp_node_request){
            .info1 = (uint8_t)(row->info1 & ~(ANP_INFO1_COMPRESS_RESPONSE | ANP_INFO1_XDR)),
            .info2 = row->info2,
            .info3 = row->info3,
            .info4 = row->info4,
            .generation = row->generation,
            .ttl = row->ttl,
            .in_batch = true,
            .has_filter = b->has_filter,
            .filter = b->filter,
        };
        uint16_t n_fields = row->n_fields != 0 ? row->n_fields : 1;
        if (b->rows.at + 5 > b->rows.end || b->rows.at[4] != ANP_FIELD_NAMESPACE ||
            !anp_node_request_fields(r, &b->rows, n_fields) ||
            !anp_node_request_ops(r, &b->rows, row->n_ops) ||
            anp_store_find(e->store, r->namespace_name) == NULL) {
            return false;
        }
        r->has_digest = true;
        b->can_repeat = r->key.size == 0;
    }
    memcpy(b->last.digest, row->digest, ANP_DIGEST_SIZE);
    return true;
}

/* Executes a row into the block; a full block is sent first. */
static void run_row(anp_node_batch *b, anp_executor *e, anp_buffer *out)
{
    size_t before = b->block.size;
    uint8_t code = anp_execute(e, &b->last, b->row.index, &b->block);
    if (b->error != 0) { /* rows after an error are executed, but not answered */
        b->block.size = before;
        return;
    }
    if (b->block.size > BLOCK && before != 0) {
        size_t begin = anp_frame_begin(out);
        anp_buffer_put(out, b->block.data, before);
        anp_frame_end(out, begin, ANP_PROTO_MESSAGE);
        memmove(b->block.data, b->block.data + before, b->block.size - before);
        b->block.size -= before;
    }
    bool is_error = code != ANP_OK && code != ANP_NOT_FOUND && code != ANP_FILTERED_OUT;
    if (is_error && !(b->flags & ANP_BATCH_RESPOND_ALL)) {
        b->error = code;
        if (b->flags & ANP_BATCH_RETURN_ERROR_ROW) {
            flush(b, out);
        }
        anp_buffer_clear(&b->block);
    }
}

bool anp_node_batch_run(anp_node_batch *b, anp_executor *e, anp_buffer *out, size_t max_out,
                        uint64_t until)
{
    while (b->left != 0 && out->size <= max_out) {
        if (!b->is_waiting && !next_row(b, e)) {
            anp_buffer_clear(&b->block);
            b->left = 0;
            anp_node_batch_trailer(out, ANP_PARAMETER);
            return true;
        }
        b->is_waiting = anp_execute_waits(e, &b->last, &b->wait_until);
        if (b->is_waiting) {
            return false;
        }
        run_row(b, e, out);
        b->left--;
        b->done++;
        bool looks = b->done % ROWS_A_LOOK == 0 || b->last.has_udf; /* functions may take long */
        if (b->left != 0 && looks && anp_clock_now() >= until) {
            return false;
        }
    }
    if (b->left != 0) {
        return false;
    }
    flush(b, out);
    anp_node_batch_trailer(out, b->error);
    return true;
}
