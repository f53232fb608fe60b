/* Arguments of a function in Lua, which come back as its result: any list ends with a result or a
 * failure, and what comes back can be stored as it is.
 *
 * An input is the list, or what should be one. */
#include <stdlib.h>

#include "../c/lua_calls.h"
#include "data/collection.h"
#include "fuzz.h"
#include "wire/msgpack.h"

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_list(const uint8_t *data, size_t size)
{
    anp_cursor c = anp_cursor_over(data, size), first = c;
    anp_msgpack_item item;
    return anp_msgpack_read(&first, &item) && item.kind == ANP_MSGPACK_LIST &&
           anp_msgpack_skip(&c) && anp_cursor_left(&c) == 0;
}

static void check_stored(const lua_world *w)
{
    anp_buffer again;
    anp_buffer_init(&again, ANP_LUA_MEMORY);
    require(anp_collection_store(&again, w->type, (anp_slice){w->out.data, w->out.size}));
    require(again.size == w->out.size && memcmp(again.data, w->out.data, again.size) == 0);
    anp_buffer_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char source[] = "function f(rec, ...)\n"
                                 "  rec.x = list{...} tostring(rec.x) aerospike:update(rec)\n"
                                 "  return list.clone(rec.x)\n"
                                 "end\n";
    static lua_world w; /* compiled once, never freed */
    anp_lua_fault fault;
    if (w.compiled.size == 0) {
        lua_world_open(&w);
        require(lua_compile(&w, source, sizeof source - 1, &fault));
    }
    if (is_list(data, size) && lua_call_f(&w, (anp_slice){data, size})) {
        require(w.type == ANP_PARTICLE_LIST);
        check_stored(&w);
    }
    return 0;
}
