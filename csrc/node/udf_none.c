/* What is built in place of csrc/lua where there is no Lua: modules are kept, calls fail. */
#include "lua/engine.h"

bool anp_lua_compile(const anp_lua_modules *modules, anp_slice name, anp_slice source,
                     anp_buffer *out, anp_lua_fault *fault)
{
    (void)modules;
    (void)name;
    (void)source;
    (void)out;
    (void)fault;
    return true;
}

bool anp_lua_apply(const anp_lua_call *call, uint8_t *type, anp_buffer *out)
{
    (void)call;
    *type = ANP_PARTICLE_STRING;
    anp_buffer_print(out, "UDF: the embedded node was built without Lua 5.4");
    return false;
}
