/* Taking requests apart. No state. */
#include "node/request.h"

bool anp_node_request_fields(anp_node_request *r, anp_cursor *c, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        anp_field_view f;
        if (!anp_field_read(c, &f)) {
            return false;
        }
        switch (f.type) {
        case ANP_FIELD_NAMESPACE:
            r->namespace_name = f.data;
            r->has_namespace = true;
            break;
        case ANP_FIELD_SET:
            r->set = f.data;
            break;
        case ANP_FIELD_KEY:
            r->key = f.data;
            break;
        case ANP_FIELD_DIGEST:
            if (f.data.size != ANP_DIGEST_SIZE) {
                return false;
            }
            memcpy(r->digest, f.data.data, ANP_DIGEST_SIZE);
            r->has_digest = true;
            break;
        case ANP_FIELD_RECORD_VERSION:
        case ANP_FIELD_MRT_ID:
        case ANP_FIELD_MRT_DEADLINE:
            r->has_transaction = true;
            break;
        case ANP_FIELD_FILTER:
            r->has_filter = true;
            r->filter = f.data;
            break;
        case ANP_FIELD_UDF_PACKAGE:
            r->has_udf = true;
            r->udf_module = f.data;
            break;
        case ANP_FIELD_UDF_FUNCTION:
            r->udf_function = f.data;
            break;
        case ANP_FIELD_UDF_ARGS:
            r->has_udf_args = true;
            r->udf_args = f.data;
            break;
        case ANP_FIELD_QUERY_ID:
        case ANP_FIELD_PARTITIONS:
            r->has_query = true;
            break;
        default: /* others are for what is not built here, or for newer servers */
            break;
        }
    }
    return true;
}

bool anp_node_request_ops(anp_node_request *r, anp_cursor *c, uint16_t n)
{
    anp_op op;
    const uint8_t *start = c->at;
    for (uint16_t i = 0; i < n; i++) {
        if (!anp_op_read(c, &op)) {
            return false;
        }
    }
    r->n_ops = n;
    r->ops = (anp_cursor){start, c->at};
    return true;
}
