/* Arguments and outcomes of operations. No state. */
#include "data/call.h"

bool anp_call_open(anp_call *c, anp_slice bytes)
{
    anp_cursor whole = anp_cursor_over(bytes.data, bytes.size);
    anp_msgpack_item list;
    c->at = whole;
    if (!anp_msgpack_skip(&whole) || anp_cursor_left(&whole) != 0 ||
        !anp_msgpack_read(&c->at, &list) || list.kind != ANP_MSGPACK_LIST) {
        return false;
    }
    c->left = list.count;
    return anp_call_integer(c, &c->code);
}

bool anp_call_item(anp_call *c, anp_msgpack_item *out)
{
    if (c->left == 0 || !anp_msgpack_read(&c->at, out)) {
        return false;
    }
    c->left--;
    return true;
}

bool anp_call_integer(anp_call *c, int64_t *out)
{
    anp_msgpack_item item;
    bool ok =
        anp_call_item(c, &item) && (item.kind == ANP_MSGPACK_INT || item.kind == ANP_MSGPACK_UINT);
    *out = !ok ? 0 : item.kind == ANP_MSGPACK_INT ? item.integer : INT64_MAX;
    return ok;
}

bool anp_call_bits(anp_call *c, uint64_t *out)
{
    anp_msgpack_item item;
    if (!anp_call_item(c, &item) ||
        (item.kind != ANP_MSGPACK_INT && item.kind != ANP_MSGPACK_UINT)) {
        return false;
    }
    *out = item.uinteger;
    return true;
}

bool anp_call_bool(anp_call *c, bool *out)
{
    anp_msgpack_item item;
    bool ok = anp_call_item(c, &item) && item.kind == ANP_MSGPACK_BOOL;
    *out = ok && item.boolean;
    return ok;
}

bool anp_call_blob(anp_call *c, anp_slice *out)
{
    anp_msgpack_item item;
    if (!anp_call_item(c, &item) ||
        (item.kind != ANP_MSGPACK_STRING && item.kind != ANP_MSGPACK_BIN) || item.bytes.size == 0) {
        return false;
    }
    *out = (anp_slice){item.bytes.data + 1, item.bytes.size - 1};
    return true;
}

bool anp_call_option(anp_call *c, int64_t *out)
{
    return c->left == 0 || anp_call_integer(c, out);
}

void anp_outcome_init(anp_outcome *o, size_t max)
{
    *o = (anp_outcome){0};
    anp_buffer_init(&o->result, max);
    anp_buffer_init(&o->bin, max);
}

void anp_outcome_deinit(anp_outcome *o)
{
    anp_buffer_deinit(&o->result);
    anp_buffer_deinit(&o->bin);
}

void anp_outcome_clear(anp_outcome *o)
{
    o->type = ANP_PARTICLE_NULL;
    o->has_changed = false;
    anp_buffer_clear(&o->result);
    anp_buffer_clear(&o->bin);
}

void anp_outcome_integer(anp_outcome *o, int64_t v)
{
    o->type = ANP_PARTICLE_INTEGER;
    anp_buffer_be64(&o->result, (uint64_t)v);
}

uint8_t anp_outcome_code(const anp_outcome *o, uint8_t code)
{
    anp_status failed = o->result.failed != ANP_OK ? o->result.failed : o->bin.failed;
    if (failed == ANP_OK) {
        return code;
    }
    return failed == ANP_ERR_MEMORY ? ANP_SERVER_ERROR : ANP_RECORD_TOO_BIG;
}
