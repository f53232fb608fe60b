/* Info commands about the modules of UDFs. */
#include "base/alloc.h"
#include "node/info_query.h"
#include "wire/base64.h"
#include "wire/info.h"

static void say_list_entry(anp_query *q, const anp_module *m)
{
    anp_buffer_print(q->out, "filename=%s,hash=", m->name);
    for (int i = 0; i < ANP_SHA1_SIZE; i++) {
        anp_buffer_print(q->out, "%02x", m->hash[i]);
    }
    anp_query_say(q, ",type=LUA;");
}

void anp_info_udf_list(anp_query *q)
{
    anp_module *m;
    for (uint32_t i = 0; (m = anp_modules_at(&q->node->store->modules, i)) != NULL; i++) {
        say_list_entry(q, m);
        anp_module_release(m);
    }
}

void anp_info_udf_get(anp_query *q)
{
    anp_slice name;
    anp_module *m = anp_query_parameter(q->parameters, "filename", &name)
                        ? anp_modules_find(&q->node->store->modules, name)
                        : NULL;
    if (m == NULL) {
        anp_query_say(q, "error=not_found");
        return;
    }
    anp_query_say(q, "type=LUA;content=");
    anp_base64_encode(q->out, m->source.data, m->source.size);
    anp_query_say(q, ";");
    anp_module_release(m);
}

void anp_info_udf_remove(anp_query *q)
{
    anp_slice name;
    if (!anp_query_parameter(q->parameters, "filename", &name)) {
        anp_query_say(q, "error=invalid_filename");
        return;
    }
    anp_modules_remove(&q->node->store->modules, name);
    anp_query_say(q, "ok");
}

/* ---- udf-put ---- */

static bool is_name(anp_slice name)
{
    return name.size > 4 && name.size <= ANP_MODULE_NAME_MAX &&
           memcmp(name.data + name.size - 4, ".lua", 4) == 0 && name.data[0] != '.' &&
           memchr(name.data, '/', name.size) == NULL && memchr(name.data, 0, name.size) == NULL &&
           memchr(name.data, ',', name.size) == NULL;
}

/* The command's parameters; what is wrong with them as the server says it, or NULL. */
static const char *read_put(anp_slice parameters, anp_slice *name, anp_slice *content)
{
    anp_slice size_text, type;
    uint64_t size;
    if (!anp_query_parameter(parameters, "filename", name) || !is_name(*name)) {
        return "invalid_filename";
    }
    if (anp_query_parameter(parameters, "udf-type", &type) && !anp_slice_is(type, "LUA")) {
        return "invalid_udf_type";
    }
    if (!anp_query_parameter(parameters, "content", content) || content->size == 0) {
        return "invalid_content";
    }
    if (!anp_query_parameter(parameters, "content-len", &size_text) ||
        !anp_info_uint(size_text, &size) || size != content->size) {
        return "invalid_content_len";
    }
    return content->size / 4 * 3 > ANP_MODULE_SIZE_MAX + 2 ? "invalid_udf_content_len,>1M" : NULL;
}

/* Modules see those that are there already while they are compiled. */
static bool compile(anp_query *q, anp_module *m)
{
    anp_module_finder finder = {.store = &q->node->store->modules};
    anp_lua_modules modules = {&finder, anp_module_finder_find};
    anp_lua_fault fault;
    anp_slice name = {(const uint8_t *)m->name, strlen(m->name) - 4};
    bool ok = anp_lua_compile(&modules, name, (anp_slice){m->source.data, m->source.size},
                              &m->compiled, &fault);
    anp_module_finder_release(&finder);
    if (!ok) {
        anp_buffer_print(q->out, "error=compile_error;file=%s;line=%u;message=", m->name,
                         fault.line);
        anp_base64_encode(q->out, fault.text, strlen(fault.text));
    }
    return ok;
}

void anp_info_udf_put(anp_query *q)
{
    anp_slice name, content;
    const char *wrong = read_put(q->parameters, &name, &content);
    if (wrong != NULL) {
        anp_buffer_print(q->out, "error=%s", wrong);
        return;
    }
    size_t room = content.size / 4 * 3, size;
    uint8_t *source = anp_malloc(room);
    if (source == NULL || !anp_base64_decode(content, source, room, &size)) {
        anp_free(source);
        anp_query_say(q, "error=invalid_base64_content");
        return;
    }
    anp_module *m =
        size <= ANP_MODULE_SIZE_MAX ? anp_module_new(name, (anp_slice){source, size}) : NULL;
    anp_free(source);
    if (m == NULL) {
        anp_query_say(q, "error=invalid_udf_content_len,>1M");
    } else if (!compile(q, m)) {
        anp_module_release(m);
    } else {
        anp_query_say(q, anp_modules_put(&q->node->store->modules, m) ? "ok"
                                                                      : "error=too_many_modules");
    }
}
