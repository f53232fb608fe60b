/* Functions of records, in Lua 5.4. Each call has a state of its own, with its own limits of
 * steps, memory and time: nothing is left behind by one, and threads share nothing. What a call may
 * touch is the record that it is given, through function pointers; there is no file, no process, no
 * other record. This header knows no Lua: it is what a node without the library has, too. */
#pragma once

#include "base/buffer.h"
#include "wire/particle.h"

#define ANP_LUA_STEPS 10000000u /* of one call: instructions, and bytes that were made / 16 */
#define ANP_LUA_MEMORY ((size_t)16 << 20) /* of one call */
#define ANP_LUA_SECONDS 3u                /* whatever the steps say */

/* Where the server that is imitated keeps modules: errors begin with it. */
#define ANP_LUA_FOLDER "/opt/aerospike/usr/udf/usr/udf/lua/"

typedef struct anp_lua_record {
    const uint8_t *digest;
    anp_slice set, key; /* key: type and value, as field 2 has it; size 0: none */
    uint32_t generation, seconds_left;
    void *context; /* for: */
    bool (*exists)(void *context);
    bool (*bin)(void *context, anp_slice name, anp_particle *out);
    bool (*bin_name)(void *context, uint32_t number, anp_slice *out); /* false: no more */

    /* Changes, which the host keeps or drops at the end. A type of 0 removes the bin. Each false:
     * it can't be, and the host knows why. */
    bool (*put)(void *context, anp_slice name, const anp_particle *value);
    bool (*update)(void *context);
    bool (*remove)(void *context);
    void (*set_ttl)(void *context, uint32_t ttl);
    void (*drop_key)(void *context);
} anp_lua_record;

/* A module's source or (is_compiled) what anp_lua_compile made of it, good for the whole call. */
typedef struct anp_lua_code {
    anp_slice bytes;
    bool is_compiled;
} anp_lua_code;

typedef struct anp_lua_modules {
    void *context;
    bool (*find)(void *context, anp_slice name, anp_lua_code *out); /* name without `.lua` */
} anp_lua_modules;

typedef struct anp_lua_call {
    anp_slice module, function; /* names */
    anp_slice args;             /* one list in MessagePack */
    const anp_lua_modules *modules;
    const anp_lua_record *record;
} anp_lua_call;

typedef struct anp_lua_fault {
    uint32_t line; /* 0: not known */
    char text[256];
} anp_lua_fault;

/* Compiles a module of that name (without `.lua`) and runs it once, as each call does first. The
 * compiled form is appended to `out`. false: what is wrong. */
bool anp_lua_compile(const anp_lua_modules *modules, anp_slice name, anp_slice source,
                     anp_buffer *out, anp_lua_fault *fault);

/* Calls a function. true: its result, a particle, of which `out` has the value. false: `out` has
 * the text of the failure. Arguments that are no list are the caller's fault. */
bool anp_lua_apply(const anp_lua_call *call, uint8_t *type, anp_buffer *out);
