/* What a Python object is as a value of the server: the one place where types are told apart,
 * shared by the two ways of writing a value (as a bin's particle, as MessagePack). Private to
 * value_*.c. */
#pragma once

#include "python/engine/binding.h"

typedef enum {
    ANP_LOOK_NULL,
    ANP_LOOK_BOOL,
    ANP_LOOK_INT,
    ANP_LOOK_UINT, /* above 2^63 - 1 */
    ANP_LOOK_FLOAT,
    ANP_LOOK_TEXT,     /* bytes of type `particle`: string, blob, HLL, GeoJSON, ... */
    ANP_LOOK_LIST,     /* `container` is a list or a tuple */
    ANP_LOOK_MAP,      /* `container` is a dict; is_ordered: its keys are to stay in order */
    ANP_LOOK_INFINITE, /* these two stand for other values, in lists and maps only */
    ANP_LOOK_WILDCARD,
} anp_look_kind;

typedef struct anp_look {
    anp_look_kind kind;
    uint8_t particle;
    union {
        bool boolean;
        bool is_ordered;
        int64_t integer;
        uint64_t uinteger;
        double real;
    };
    anp_slice text;
    PyObject *container; /* borrowed: from the object that was looked at, or from hold */
    PyObject *hold;      /* owned, or NULL: keeps text or container alive */
    Py_buffer view;      /* view.obj is NULL where there is none */
} anp_look;

/* Fills *out, which anp_look_release must let go of whatever comes back. false: exception. */
bool anp_look_at(const anp_whose *whose, PyObject *value, anp_look *out);

static inline void anp_look_release(anp_look *look)
{
    Py_CLEAR(look->hold);
    if (look->view.obj != NULL) {
        PyBuffer_Release(&look->view);
    }
}
