/* Set tables. A set's number is given to others only through the table's lock or a record's, so that its
 * entry may be read without one. */
#include "node/set_table.h"

#include <string.h>

#include "base/alloc.h"

enum { NAMES = 8192 };

static uint32_t hash_of(anp_slice name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) {
        h = (h ^ name.data[i]) * 16777619u;
    }
    return (h ^ h >> 13) & (NAMES - 1);
}

anp_status anp_set_table_init(anp_set_table *t, anp_error *err)
{
    *t = (anp_set_table){
        .sets = anp_calloc(ANP_SETS_MAX, sizeof *t->sets),
        .names = anp_calloc(NAMES, sizeof *t->names),
    };
    pthread_mutex_init(&t->lock, NULL);
    if (t->sets == NULL || t->names == NULL) {
        anp_set_table_deinit(t);
        return anp_error_set(err, ANP_ERR_MEMORY, "out of memory (a table of sets)");
    }
    return ANP_OK;
}

void anp_set_table_deinit(anp_set_table *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        anp_free(t->sets[i]);
    }
    anp_free(t->sets);
    anp_free(t->names);
    pthread_mutex_destroy(&t->lock);
}

/* Where the name is, or would be. With the lock held. */
static uint32_t place_of(const anp_set_table *t, anp_slice name)
{
    uint32_t at = hash_of(name);
    for (; t->names[at] != 0; at = (at + 1) & (NAMES - 1)) {
        const anp_set *set = t->sets[t->names[at] - 1];
        if (set->name_size == name.size && memcmp(set->name, name.data, name.size) == 0) {
            break;
        }
    }
    return at;
}

static uint16_t add(anp_set_table *t, anp_slice name, uint32_t place)
{
    anp_set *set = t->n < ANP_SETS_MAX ? anp_calloc(1, sizeof *set) : NULL;
    if (set == NULL) {
        return 0;
    }
    memcpy(set->name, name.data, name.size);
    set->name_size = (uint8_t)name.size;
    t->sets[t->n++] = set;
    return t->names[place] = (uint16_t)t->n;
}

uint16_t anp_set_table_number(anp_set_table *t, anp_slice name)
{
    if (name.size == 0 || name.size > ANP_SET_MAX) {
        return 0;
    }
    pthread_mutex_lock(&t->lock);
    uint32_t place = place_of(t, name);
    uint16_t number = t->names[place] != 0 ? t->names[place] : add(t, name, place);
    pthread_mutex_unlock(&t->lock);
    return number;
}

anp_set *anp_set_table_find(anp_set_table *t, anp_slice name)
{
    pthread_mutex_lock(&t->lock);
    uint16_t number = t->names[place_of(t, name)];
    pthread_mutex_unlock(&t->lock);
    return number != 0 ? t->sets[number - 1] : NULL;
}

uint32_t anp_set_table_count(anp_set_table *t)
{
    pthread_mutex_lock(&t->lock);
    uint32_t n = t->n;
    pthread_mutex_unlock(&t->lock);
    return n;
}
