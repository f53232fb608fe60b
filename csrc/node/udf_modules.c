/* A sorted array under one lock, which is only held to look at it. */
#include "node/udf_modules.h"

#include "base/alloc.h"

void anp_modules_init(anp_module_store *s)
{
    s->n = 0;
    (void)pthread_mutex_init(&s->lock, NULL);
}

void anp_module_release(anp_module *m)
{
    if (m != NULL && atomic_fetch_sub(&m->references, 1) == 1) {
        anp_buffer_deinit(&m->source);
        anp_buffer_deinit(&m->compiled);
        anp_free(m);
    }
}

void anp_modules_deinit(anp_module_store *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        anp_module_release(s->modules[i]);
    }
    (void)pthread_mutex_destroy(&s->lock);
}

anp_module *anp_module_new(anp_slice name, anp_slice source)
{
    anp_module *m = anp_calloc(1, sizeof *m);
    if (m == NULL || name.size > ANP_MODULE_NAME_MAX) {
        anp_free(m);
        return NULL;
    }
    atomic_init(&m->references, 1);
    memcpy(m->name, name.data, name.size);
    anp_sha1(source, m->hash);
    anp_buffer_init(&m->source, ANP_MODULE_SIZE_MAX);
    anp_buffer_init(&m->compiled, 8 * ANP_MODULE_SIZE_MAX);
    anp_buffer_put(&m->source, source.data, source.size);
    if (m->source.failed != ANP_OK) {
        anp_module_release(m);
        return NULL;
    }
    return m;
}

/* The place of a name, or where it would go. */
static uint32_t place_of(const anp_module_store *s, anp_slice name, bool *is_there)
{
    uint32_t i = 0;
    int order = 1;
    *is_there = false;
    for (; i < s->n; i++) {
        size_t size = strlen(s->modules[i]->name), least = size < name.size ? size : name.size;
        order = memcmp(s->modules[i]->name, name.data, least);
        if (order == 0) {
            order = (size > name.size) - (size < name.size);
        }
        if (order >= 0) {
            break;
        }
    }
    *is_there = i < s->n && order == 0;
    return i;
}

anp_module *anp_modules_find(anp_module_store *s, anp_slice name)
{
    bool is_there;
    (void)pthread_mutex_lock(&s->lock);
    uint32_t i = place_of(s, name, &is_there);
    anp_module *m = is_there ? s->modules[i] : NULL;
    if (m != NULL) {
        atomic_fetch_add(&m->references, 1);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return m;
}

anp_module *anp_modules_at(anp_module_store *s, uint32_t number)
{
    (void)pthread_mutex_lock(&s->lock);
    anp_module *m = number < s->n ? s->modules[number] : NULL;
    if (m != NULL) {
        atomic_fetch_add(&m->references, 1);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return m;
}

bool anp_modules_put(anp_module_store *s, anp_module *m)
{
    bool is_there;
    anp_module *old = NULL;
    (void)pthread_mutex_lock(&s->lock);
    uint32_t i = place_of(s, (anp_slice){(const uint8_t *)m->name, strlen(m->name)}, &is_there);
    bool fits = is_there || s->n < ANP_MODULES_MAX;
    if (is_there) {
        old = s->modules[i];
    } else if (fits) {
        memmove(s->modules + i + 1, s->modules + i, (s->n - i) * sizeof s->modules[0]);
        s->n++;
    }
    if (fits) {
        s->modules[i] = m;
    }
    (void)pthread_mutex_unlock(&s->lock);
    anp_module_release(fits ? old : m);
    return fits;
}

void anp_modules_remove(anp_module_store *s, anp_slice name)
{
    bool is_there;
    anp_module *old = NULL;
    (void)pthread_mutex_lock(&s->lock);
    uint32_t i = place_of(s, name, &is_there);
    if (is_there) {
        old = s->modules[i];
        s->n--;
        memmove(s->modules + i, s->modules + i + 1, (s->n - i) * sizeof s->modules[0]);
    }
    (void)pthread_mutex_unlock(&s->lock);
    anp_module_release(old);
}

bool anp_module_finder_find(void *finder, anp_slice name, anp_lua_code *out)
{
    anp_module_finder *f = finder;
    char file[ANP_MODULE_NAME_MAX];
    if (name.size + 4 > sizeof file || f->n == ANP_MODULES_MAX) {
        return false;
    }
    memcpy(file, name.data, name.size);
    memcpy(file + name.size, ".lua", 4);
    anp_module *m = anp_modules_find(f->store, (anp_slice){(uint8_t *)file, name.size + 4});
    if (m == NULL) {
        return false;
    }
    f->found[f->n++] = m;
    *out = (anp_lua_code){{m->compiled.data, m->compiled.size}, true};
    return true;
}

void anp_module_finder_release(anp_module_finder *f)
{
    while (f->n != 0) {
        anp_module_release(f->found[--f->n]);
    }
}
