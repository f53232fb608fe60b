/* Calls of UDFs: the record's side of them. The call runs with the record's shard locked, on a copy
 * of its bins; what it handed over by then is kept even where it fails later, as the server does.
 */
#include "base/alloc.h"
#include "lua/engine.h"
#include "node/bins.h"
#include "node/execute.h"
#include "node/value.h"
#include "wire/msgpack.h"

enum { MADE_MAX = 64 << 20 }; /* bytes of values that one call may set */

typedef struct call {
    anp_namespace *ns;
    const anp_record *old;     /* NULL: there is none */
    anp_node_request changing; /* the request, with what the call says of time to live and key */
    anp_bins bins;
    bool exists;     /* as the call sees it */
    bool is_changed; /* the bins are to be kept */
    bool is_new;     /* and are not the old record's: it was removed */
    bool drops_key;
    uint8_t code; /* of the first change that can't be */
    size_t made;
} call;

/* ---- what a call may do with its record ---- */

static bool fail(call *c, uint8_t code)
{
    c->code = c->code == ANP_OK ? code : c->code;
    return false;
}

static bool exists(void *context)
{
    const call *c = context;
    return c->exists;
}

static bool get_bin(void *context, anp_slice name, anp_particle *out)
{
    call *c = context;
    const anp_bin *bin = anp_bins_find(&c->bins, name);
    if (bin != NULL) {
        *out = bin->value;
    }
    return bin != NULL;
}

static bool bin_name(void *context, uint32_t number, anp_slice *out)
{
    const call *c = context;
    if (number >= c->bins.n) {
        return false;
    }
    *out = c->bins.bins[number].name;
    return true;
}

static bool copy(call *c, const uint8_t *data, size_t size, const uint8_t **out)
{
    uint8_t *bytes = anp_bins_make(&c->bins, size + 1);
    if (bytes == NULL) {
        return fail(c, ANP_SERVER_ERROR);
    }
    if (size != 0) {
        memcpy(bytes, data, size);
    }
    *out = bytes;
    return true;
}

static bool put_bin(void *context, anp_slice name, const anp_particle *value)
{
    call *c = context;
    if (name.size == 0 || !anp_bin_name_is_good(name)) {
        return fail(c, ANP_BIN_NAME);
    }
    anp_bin *bin = anp_bins_find(&c->bins, name);
    if (value->type == ANP_PARTICLE_NULL) {
        if (bin != NULL) {
            anp_bins_remove(&c->bins, bin);
        }
        return true;
    }
    c->made += value->size;
    if (value->size > c->ns->config.max_record_size || c->made > MADE_MAX) {
        return fail(c, ANP_RECORD_TOO_BIG);
    }
    anp_particle kept;
    uint8_t code = anp_node_value(&c->bins, value, &kept);
    if (code != ANP_OK) {
        return fail(c, code);
    }
    if ((kept.data == value->data && !copy(c, value->data, value->size, &kept.data)) ||
        (bin == NULL && !copy(c, name.data, name.size, &name.data))) {
        return false;
    }
    anp_bins_set(&c->bins, name, kept);
    return c->bins.failed ? fail(c, ANP_SERVER_ERROR) : true;
}

static bool update(void *context)
{
    call *c = context;
    c->exists = c->exists || c->bins.n != 0;
    c->is_changed = true;
    return c->code == ANP_OK;
}

static bool take_out(void *context)
{
    call *c = context;
    anp_bins_clear(&c->bins);
    c->exists = false;
    c->is_changed = c->is_new = true;
    return true;
}

static void set_ttl(void *context, uint32_t ttl)
{
    call *c = context;
    c->changing.ttl = ttl;
}

static void drop_key(void *context)
{
    call *c = context;
    c->changing.key.size = 0;
    c->drops_key = true;
}

/* ---- the call ---- */

static bool is_list(anp_slice args)
{
    anp_cursor c = anp_cursor_over(args.data, args.size), first = c;
    anp_msgpack_item item;
    return anp_msgpack_read(&first, &item) && item.kind == ANP_MSGPACK_LIST &&
           anp_msgpack_skip(&c) && anp_cursor_left(&c) == 0;
}

static anp_lua_record view_of(call *c, const anp_node_request *r)
{
    const anp_record *old = c->old;
    uint32_t now = anp_store_now();
    anp_lua_record view = {
        .digest = r->digest,
        .set = r->set,
        .key = r->key,
        .context = c,
        .exists = exists,
        .bin = get_bin,
        .bin_name = bin_name,
        .put = put_bin,
        .update = update,
        .remove = take_out,
        .set_ttl = set_ttl,
        .drop_key = drop_key,
    };
    if (old != NULL) {
        view.generation = old->generation;
        view.seconds_left = old->void_time > now ? old->void_time - now : 0;
        if (old->key != NULL) {
            view.key = (anp_slice){old->key, old->key_size};
        }
    }
    return view;
}

static void forget_key(anp_namespace *ns, anp_record *record)
{
    anp_record_count(ns, record, -1);
    anp_free(record->key);
    record->key = NULL;
    record->key_size = 0;
    anp_record_count(ns, record, 1);
}

/* Keeps what was changed. */
static uint8_t finish(call *c, anp_shard *shard, anp_record *old, anp_reply *reply)
{
    uint32_t void_time;
    if (c->code != ANP_OK || !c->is_changed || (old == NULL && c->bins.n == 0)) {
        return c->code;
    }
    const anp_record *before = c->is_new ? NULL : old;
    uint8_t code = anp_write_void_time(c->ns, &c->changing, before, &void_time);
    uint16_t generation = old != NULL ? old->generation : 0;
    if (old != NULL && c->is_new) {
        old->generation = 0;
    }
    if (code == ANP_OK) {
        code = anp_write_commit(c->ns, shard, &c->changing, old, &c->bins, void_time, reply);
    }
    if (code != ANP_OK && old != NULL) {
        old->generation = generation;
    }
    if (code == ANP_OK && c->drops_key && old != NULL && c->bins.n != 0) {
        forget_key(c->ns, old);
    }
    return code;
}

static uint8_t run(call *c, anp_shard *shard, anp_record *old, const anp_node_request *r,
                   anp_reply *reply)
{
    static const char success[] = "SUCCESS", failure[] = "FAILURE";
    anp_lua_record view = view_of(c, r);
    anp_module_finder finder = {.store = &c->ns->store->modules};
    anp_lua_modules modules = {&finder, anp_module_finder_find};
    anp_lua_call lua = {r->udf_module, r->udf_function, r->udf_args, &modules, &view};
    anp_buffer result;
    uint8_t type;
    anp_buffer_init(&result, ANP_LUA_MEMORY);
    bool ok = anp_lua_apply(&lua, &type, &result);
    anp_module_finder_release(&finder);
    uint8_t code = finish(c, shard, old, reply);
    if (code == ANP_OK) {
        anp_op_write(reply->out, ANP_OP_READ, ok ? success : failure, sizeof success - 1, type,
                     result.data, (uint32_t)result.size);
        reply->n_ops++;
        code = ok ? ANP_OK : ANP_UDF;
    }
    anp_buffer_deinit(&result);
    return code;
}

static uint8_t call_locked(anp_executor *e, anp_namespace *ns, anp_shard *shard,
                           const anp_node_request *r, anp_reply *reply)
{
    anp_record *old = anp_shard_find(ns, shard, r->digest);
    uint8_t code = anp_write_check(e, r, old, false, reply);
    if (code != ANP_OK) {
        return code;
    }
    call c = {.ns = ns, .old = old, .changing = *r, .exists = old != NULL};
    anp_bins_open(&c.bins, old);
    code = c.bins.failed ? ANP_SERVER_ERROR : run(&c, shard, old, r, reply);
    anp_bins_close(&c.bins);
    return code;
}

uint8_t anp_execute_udf(anp_executor *e, anp_namespace *ns, const anp_node_request *r,
                        anp_reply *reply)
{
    const unsigned not_with_udf =
        ANP_INFO2_GENERATION | ANP_INFO2_GENERATION_GT | ANP_INFO2_CREATE_ONLY;
    if (!r->has_udf_args || !is_list(r->udf_args) || (r->info2 & not_with_udf) ||
        (r->info3 &
         (ANP_INFO3_UPDATE_ONLY | ANP_INFO3_CREATE_OR_REPLACE | ANP_INFO3_REPLACE_ONLY))) {
        return ANP_PARAMETER;
    }
    if (anp_write_is_full(e)) {
        return ANP_OUT_OF_SPACE;
    }
    anp_shard *shard = anp_shard_lock(ns, r->digest);
    uint8_t code = call_locked(e, ns, shard, r, reply);
    (void)pthread_mutex_unlock(&shard->lock);
    return code;
}
