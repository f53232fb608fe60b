/* Single-record requests.
 *
 *   frame head 8, message head 22, fields: namespace, [set], digest, [key: type u8, value],
 * [filter], [module, function, arguments], operations
 *
 * No state; thread-safe. */
#include "command/request.h"

#include "wire/frame.h"

enum { TIME_LIMIT_AT = ANP_PROTO_HEAD + 14 };

void anp_key_field_write(anp_buffer *b, const anp_key *key)
{
    anp_buffer_u8(b, key->type);
    if (key->type == ANP_PARTICLE_INTEGER) {
        anp_buffer_be64(b, (uint64_t)key->integer);
    } else {
        anp_buffer_put(b, key->bytes, key->size);
    }
}

static void key_field(anp_buffer *b, const anp_key *key)
{
    uint32_t size = key->type == ANP_PARTICLE_INTEGER ? 8 : key->size;
    anp_buffer_be32(b, size + 2); /* field type, key type, value */
    anp_buffer_u8(b, ANP_FIELD_KEY);
    anp_key_field_write(b, key);
}

void anp_record_request_write(anp_buffer *b, const anp_record_request *r)
{
    size_t begin = anp_frame_begin(b);
    uint16_t n_fields = 2;
    n_fields = (uint16_t)(n_fields + (r->set.size != 0) + (r->key != NULL) + (r->filter.size != 0) +
                          (r->module.size != 0 ? 3 : 0));
    anp_message head = {
        .info1 = r->info1,
        .info2 = r->info2,
        .info3 = r->info3,
        .generation = r->generation,
        .ttl = r->ttl,
        .n_fields = n_fields,
        .n_ops = r->n_ops,
    };
    anp_message_write(b, &head);
    anp_field_write(b, ANP_FIELD_NAMESPACE, r->namespace_name.data, r->namespace_name.size);
    if (r->set.size != 0) {
        anp_field_write(b, ANP_FIELD_SET, r->set.data, r->set.size);
    }
    anp_field_write(b, ANP_FIELD_DIGEST, r->digest, ANP_DIGEST_SIZE);
    if (r->key != NULL) {
        key_field(b, r->key);
    }
    if (r->filter.size != 0) {
        anp_field_write(b, ANP_FIELD_FILTER, r->filter.data, r->filter.size);
    }
    if (r->module.size != 0) {
        anp_field_write(b, ANP_FIELD_UDF_PACKAGE, r->module.data, r->module.size);
        anp_field_write(b, ANP_FIELD_UDF_FUNCTION, r->function.data, r->function.size);
        anp_field_write(b, ANP_FIELD_UDF_ARGS, r->args.data, r->args.size);
    }
    anp_buffer_put(b, r->ops.data, r->ops.size);
    anp_frame_end(b, begin, ANP_PROTO_MESSAGE);
}

void anp_record_request_timeout(anp_buffer *b, uint32_t ms)
{
    if (b->failed == ANP_OK && b->size >= ANP_PROTO_HEAD + ANP_MESSAGE_HEAD) {
        anp_store_be32(b->data + TIME_LIMIT_AT, ms);
    }
}
