/* The modules of UDFs that a store has: sources, and what they were compiled to. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "lua/engine.h"
#include "node/sha1.h"

enum { ANP_MODULES_MAX = 256, ANP_MODULE_NAME_MAX = 127, ANP_MODULE_SIZE_MAX = 1024 * 1024 };

/* Never changes once it is there; freed when the last who has it lets go. */
typedef struct anp_module {
    _Atomic uint32_t references;
    char name[ANP_MODULE_NAME_MAX + 1]; /* with `.lua` */
    uint8_t hash[ANP_SHA1_SIZE];        /* of the source */
    anp_buffer source, compiled;        /* compiled: empty without Lua in the build */
} anp_module;

typedef struct anp_module_store {
    pthread_mutex_t lock;
    anp_module *modules[ANP_MODULES_MAX]; /* by name; each is referenced */
    uint32_t n;
} anp_module_store;

void anp_modules_init(anp_module_store *s);
void anp_modules_deinit(anp_module_store *s);

/* The module of that name (with `.lua`), to be released; NULL: there is none. */
anp_module *anp_modules_find(anp_module_store *s, anp_slice name);
anp_module *anp_modules_at(anp_module_store *s,
                           uint32_t number); /* in their order; NULL: no more */
void anp_module_release(anp_module *m);

/* A new module of a copy of the source; NULL: no memory. */
anp_module *anp_module_new(anp_slice name, anp_slice source);

/* Puts a module in (it is the store's then) in place of one of its name. false: there are too many.
 */
bool anp_modules_put(anp_module_store *s, anp_module *m);
void anp_modules_remove(anp_module_store *s, anp_slice name);

/* The modules that one call has asked for, which stay as they are until it is over. */
typedef struct anp_module_finder {
    anp_module_store *store;
    anp_module *found[ANP_MODULES_MAX];
    uint32_t n;
} anp_module_finder;

/* For anp_lua_modules, of which it is the context. */
bool anp_module_finder_find(void *finder, anp_slice name, anp_lua_code *out);
void anp_module_finder_release(anp_module_finder *f);
