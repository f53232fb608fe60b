/* Frame heads: version u8, type u8, size u48 big-endian. No state. */
#include "wire/frame.h"

anp_status anp_frame_read(const uint8_t head[ANP_PROTO_HEAD], uint64_t max, anp_frame *out,
                          anp_error *err)
{
    uint64_t word = anp_load_be64(head);
    uint8_t version = (uint8_t)(word >> 56), type = (uint8_t)(word >> 48);
    uint64_t size = word & UINT64_C(0xffffffffffff);
    if (version != ANP_PROTO_VERSION) {
        return anp_error_set(
            err, ANP_ERR_PROTOCOL,
            "frame of protocol version %u, not 2: is this an Aerospike port without TLS?",
            (unsigned)version);
    }
    if (type < ANP_PROTO_INFO || type > ANP_PROTO_COMPRESSED) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "frame of unknown type %u", (unsigned)type);
    }
    if (size > max) {
        return anp_error_set(err, ANP_ERR_PROTOCOL, "frame of %llu bytes, above the limit of %llu",
                             (unsigned long long)size, (unsigned long long)max);
    }
    *out = (anp_frame){type, size};
    return ANP_OK;
}

void anp_frame_write(uint8_t head[ANP_PROTO_HEAD], anp_proto_type type, uint64_t size)
{
    anp_store_be64(head, (uint64_t)ANP_PROTO_VERSION << 56 | (uint64_t)type << 48 | size);
}

size_t anp_frame_begin(anp_buffer *b)
{
    size_t begin = b->size;
    (void)anp_buffer_add(b, ANP_PROTO_HEAD);
    return begin;
}

void anp_frame_end(anp_buffer *b, size_t begin, anp_proto_type type)
{
    if (b->failed == ANP_OK) {
        anp_frame_write(b->data + begin, type, b->size - begin - ANP_PROTO_HEAD);
    }
}
