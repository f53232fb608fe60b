/* A reply message that is being written: a head whose numbers come last, then the operations. */
#pragma once

#include "wire/message.h"

typedef struct anp_reply {
    anp_buffer *out;
    size_t head; /* position of the message */
    uint32_t n_ops;
    bool keep_types; /* do operations echo the request's type? Reads of a batch don't */
} anp_reply;

static inline void anp_reply_begin(anp_reply *r, anp_buffer *out)
{
    *r = (anp_reply){.out = out, .head = out->size, .keep_types = true};
    (void)anp_buffer_add(out, ANP_MESSAGE_HEAD);
}

/* Operations that are in wire form already. */
static inline void anp_reply_ready(anp_reply *r, anp_slice ops, uint32_t n)
{
    anp_buffer_put(r->out, ops.data, ops.size);
    r->n_ops += n;
}

/* One operation; a NULL value stands for "no result". */
static inline void anp_reply_op(anp_reply *r, uint8_t type, anp_slice name, const anp_particle *value)
{
    anp_op_type echo = r->keep_types ? (anp_op_type)type : ANP_OP_READ;
    if (value == NULL) {
        anp_op_write(r->out, echo, name.data, name.size, ANP_PARTICLE_NULL, NULL, 0);
    } else {
        anp_op_write(r->out, echo, name.data, name.size, value->type, value->data, value->size);
    }
    r->n_ops++;
}

/* Is it larger than a frame may be? */
static inline bool anp_reply_is_too_big(const anp_reply *r)
{
    return r->out->size - r->head > ANP_PROTO_MAX / 2;
}

/* Drops the operations. */
static inline void anp_reply_cut(anp_reply *r)
{
    if (r->out->failed == ANP_OK) {
        r->out->size = r->head + ANP_MESSAGE_HEAD;
    }
    r->n_ops = 0;
}

/* Writes the head. */
void anp_reply_end(anp_reply *r, anp_status result, uint32_t generation, uint32_t void_time, uint32_t index);

/* A whole message without operations, in a frame of its own. */
void anp_reply_alone(anp_buffer *out, anp_status result, uint8_t info3);
