/* For tests: functions of modules, called on a record that keeps its bins in memory. */
#pragma once

#include "lua/engine.h"

typedef struct lua_world {
    anp_buffer compiled, out;
    anp_slice key;
    uint8_t type;
    bool exists;
    uint32_t n_puts, n_updates;
    size_t bytes_put;
} lua_world;

static inline bool lua_exists(void *context)
{
    return ((lua_world *)context)->exists;
}

static inline bool lua_bin(void *context, anp_slice name, anp_particle *out)
{
    static const uint8_t list[] = {0x93, 1, 2, 0x92, 3, 4},
                         map[] = {0x82, 0xa2, 3, 'a', 1, 0xa2, 3, 'b', 0xc0};
    (void)context;
    if (name.size == 1 && name.data[0] == 'l') {
        *out = (anp_particle){ANP_PARTICLE_LIST, list, sizeof list};
    } else if (name.size == 1 && name.data[0] == 'm') {
        *out = (anp_particle){ANP_PARTICLE_MAP, map, sizeof map};
    } else {
        return false;
    }
    return true;
}

static inline bool lua_bin_name(void *context, uint32_t number, anp_slice *out)
{
    (void)context;
    *out = (anp_slice){(const uint8_t *)"lm" + number, 1};
    return number < 2;
}

static inline bool lua_put(void *context, anp_slice name, const anp_particle *value)
{
    lua_world *w = context;
    (void)name;
    w->n_puts++;
    w->bytes_put += value->size;
    return true;
}

static inline bool lua_update(void *context)
{
    lua_world *w = context;
    w->exists = true;
    w->n_updates++;
    return true;
}

static inline bool lua_remove_record(void *context)
{
    ((lua_world *)context)->exists = false;
    return true;
}

static inline void lua_take_ttl(void *context, uint32_t ttl)
{
    (void)context;
    (void)ttl;
}

static inline void lua_drop_key(void *context)
{
    (void)context;
}

static inline bool lua_no_module(void *context, anp_slice name, anp_lua_code *out)
{
    (void)context;
    (void)name;
    (void)out;
    return false;
}

static inline bool lua_find(void *context, anp_slice name, anp_lua_code *out)
{
    const lua_world *w = context;
    *out = (anp_lua_code){{w->compiled.data, w->compiled.size}, true};
    return name.size == 1 && name.data[0] == 'm';
}

static inline void lua_world_open(lua_world *w)
{
    *w = (lua_world){.exists = true};
    anp_buffer_init(&w->compiled, 16 << 20);
    anp_buffer_init(&w->out, ANP_LUA_MEMORY);
}

static inline void lua_world_close(lua_world *w)
{
    anp_buffer_deinit(&w->compiled);
    anp_buffer_deinit(&w->out);
}

static inline bool lua_compile(lua_world *w, const char *source, size_t size, anp_lua_fault *fault)
{
    const anp_lua_modules none = {w, lua_no_module};
    anp_buffer_clear(&w->compiled);
    return anp_lua_compile(&none, (anp_slice){(const uint8_t *)"m", 1},
                           (anp_slice){(const uint8_t *)source, size}, &w->compiled, fault);
}

/* Calls the function `f` of what was compiled; its result, or the failure, is in w->out. */
static inline bool lua_call_f(lua_world *w, anp_slice args)
{
    static const uint8_t digest[20] = {1, 2, 3};
    const anp_lua_record record = {.digest = digest,
                                   .set = {(const uint8_t *)"demo", 4},
                                   .key = w->key,
                                   .context = w,
                                   .exists = lua_exists,
                                   .bin = lua_bin,
                                   .bin_name = lua_bin_name,
                                   .put = lua_put,
                                   .update = lua_update,
                                   .remove = lua_remove_record,
                                   .set_ttl = lua_take_ttl,
                                   .drop_key = lua_drop_key};
    const anp_lua_modules modules = {w, lua_find};
    const anp_lua_call call = {
        {(const uint8_t *)"m", 1}, {(const uint8_t *)"f", 1}, args, &modules, &record};
    return anp_lua_apply(&call, &w->type, &w->out);
}
