/* The sets of a namespace: a name gets a number at its first write, for good. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/cursor.h"
#include "base/error.h"
#include "wire/protocol.h"

enum { ANP_SETS_MAX = 4095 };

typedef struct anp_set {
    char name[ANP_SET_MAX + 1];
    uint8_t name_size;
    _Atomic uint64_t objects;
    _Atomic uint64_t data;         /* bytes of their records */
    _Atomic uint64_t truncate_lut; /* records not written after this (ns since 1970) are gone; 0: none */
} anp_set;

typedef struct anp_set_table {
    pthread_mutex_t lock;  /* of names, sets and n; what a set holds is atomic */
    anp_set **sets;        /* owned; by number - 1. Room for all, so that it never moves */
    uint16_t *names;       /* numbers by hash of the name */
    uint32_t n;
} anp_set_table;

anp_status anp_set_table_init(anp_set_table *t, anp_error *err);
void anp_set_table_deinit(anp_set_table *t);

/* The number of a set, which is made when there is none; 0: the name is too long, or there are too many. */
uint16_t anp_set_table_number(anp_set_table *t, anp_slice name);

/* NULL: there is none of this name. Sets live as long as the table. */
anp_set *anp_set_table_find(anp_set_table *t, anp_slice name);

uint32_t anp_set_table_count(anp_set_table *t);

/* The set of a number that was given out (1..count). */
static inline anp_set *anp_set_table_get(const anp_set_table *t, uint16_t number)
{
    return t->sets[number - 1];
}
