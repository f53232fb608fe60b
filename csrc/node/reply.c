/* Reply messages. No state. */
#include "node/reply.h"

#include "wire/frame.h"

void anp_reply_end(anp_reply *r, anp_status result, uint32_t generation, uint32_t void_time, uint32_t index)
{
    if (r->out->failed != ANP_OK) {
        return;
    }
    uint8_t *p = r->out->data + r->head;
    memset(p, 0, ANP_MESSAGE_HEAD);
    p[0] = ANP_MESSAGE_HEAD;
    p[5] = (uint8_t)result;
    anp_store_be32(p + 6, generation);
    anp_store_be32(p + 10, void_time);
    anp_store_be32(p + 14, index);
    anp_store_be16(p + 20, (uint16_t)r->n_ops);
}

void anp_reply_alone(anp_buffer *out, anp_status result, uint8_t info3)
{
    size_t frame = anp_frame_begin(out);
    anp_message_write(out, &(anp_message){.info3 = info3, .result = (uint8_t)result});
    anp_frame_end(out, frame, ANP_PROTO_MESSAGE);
}
