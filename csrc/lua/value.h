/* Values between the wire and Lua. Integers, doubles, booleans, nil and strings are Lua's own;
 * lists, maps, bytes and GeoJSON are userdata of the classes below. Private to csrc/lua. */
#pragma once

#include "lua/state.h"

#define ANP_LUA_LIST "List"
#define ANP_LUA_MAP "Map"
#define ANP_LUA_BYTES "Bytes"
#define ANP_LUA_GEOJSON "GeoJSON"
#define ANP_LUA_RECORD "Record"
#define ANP_LUA_AEROSPIKE "Aerospike"

/* The elements are in a table, the user value: a list's by number from 1; a map's by the stored
 * form of the key. A map's nil is the light userdata NULL there. */
typedef struct anp_lua_list {
    uint32_t n;
    uint8_t order; /* container.h */
} anp_lua_list;

typedef struct anp_lua_map {
    uint32_t n;
    uint8_t order;
} anp_lua_map;

/* The bytes are in a block of their own, the user value. */
typedef struct anp_lua_bytes {
    uint8_t particle;
    uint8_t *data;
    uint32_t size, room;
} anp_lua_bytes;

/* Each leaves one new value on the stack. */
anp_lua_list *anp_lua_push_list(lua_State *L, uint32_t room);
anp_lua_map *anp_lua_push_map(lua_State *L, uint32_t room);
anp_lua_bytes *anp_lua_push_bytes(lua_State *L, uint8_t particle, const void *data, size_t size);
void anp_lua_push_geojson(lua_State *L, const void *text, size_t size);

/* Pushes one element in MessagePack, and moves behind it; raises for what is none. */
void anp_lua_push_element(lua_State *L, anp_cursor *c);
void anp_lua_push_particle(lua_State *L, const anp_particle *p);

/* Appends the value at `index` in MessagePack as requests have it. Raises for what has no form:
 * tables, functions; `what` begins that message. */
void anp_lua_pack(lua_State *L, int index, anp_buffer *b, const char *what);

/* The value as a particle in stored form; its bytes are in `b`, which is cleared before. */
uint8_t anp_lua_particle(lua_State *L, int index, anp_buffer *b, const char *what);

/* Pushes the stored form of a key as a string; raises for what is no key. */
void anp_lua_push_key(lua_State *L, int index);

/* Pushes a map's keys as a table of such strings, in the map's order. */
void anp_lua_push_keys(lua_State *L, int map);

/* Pushes a text for people. */
void anp_lua_push_text(lua_State *L, int index);
