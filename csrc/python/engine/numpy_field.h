/* NumPy arrays as the engine's plans and keys see them: the only door to NumPy's C API, bound on
 * first use. */
#pragma once

#include "python/engine/binding.h"
#include "table/decode.h"
#include "table/encode.h"

/* Binds NumPy's C API, once, under a lock. */
bool anp_numpy_bind(void);

/* A plan over `fields`, a sequence of (bin name, array) pairs: each array has n rows in its first
 * axis, further axes are a sub-array. Names are copied into the plan's own memory; the arrays are
 * borrowed (the caller holds them). `writeable`: the arrays are written to. TypeError names a dtype
 * that no value can go to (complex, long double, ...). */
typedef struct anp_array_plan {
    anp_plan plan;
    void *memory; /* fields, names, fills */
} anp_array_plan;

bool anp_array_plan_init(anp_state *state, anp_array_plan *out, PyObject *fields, Py_ssize_t n_rows,
                         bool writeable);
void anp_array_plan_deinit(anp_array_plan *p);

/* The same plan over other arrays, which must be like the `samples` that it was made from: out's
 * fields are PyMem_Free'd by the caller, all else is the plan's. They are written to. */
bool anp_array_plan_place(const anp_array_plan *p, PyObject *samples, PyObject *fields,
                          Py_ssize_t n_rows, anp_plan *out);

/* How to make arrays for reads: structured rows, or a matrix of the plan's fields. */
typedef struct anp_array_form {
    PyObject *dtype; /* of the rows, or of the matrix's numbers, which lie one behind the other */
    PyObject *meta_dtype; /* of generations and times to live */
    size_t *offsets;      /* of the fields in a row */
    bool is_matrix, is_zeroed;
} anp_array_form;

typedef struct anp_new_arrays {
    PyObject *data, *codes, *meta, *missing; /* owned */
} anp_new_arrays;

/* New arrays of n rows, and the plan over them, as anp_array_plan_place gives it. `given`: the rows
 * where there are some already, or NULL. */
bool anp_array_plan_new(const anp_array_plan *p, const anp_array_form *form, PyObject *given,
                        Py_ssize_t n_rows, anp_new_arrays *arrays, anp_plan *out);
void anp_new_arrays_drop(anp_new_arrays *arrays);

/* Values for where nothing came: `fills` is a sequence, one item a field: None, or a 0-d or 1-row
 * array of the field's own dtype. Copied. */
bool anp_array_plan_fills(anp_state *state, anp_array_plan *p, PyObject *fills);

/* A 1-D (or, for digests, (n, 20) uint8) array as keys; runs are the caller's. */
bool anp_numpy_keys(anp_state *state, PyObject *array, anp_keys *out);

/* Memory of a contiguous array of `itemsize` bytes an item with at least n items; NULL with
 * TypeError otherwise. */
void *anp_numpy_data(PyObject *array, size_t itemsize, Py_ssize_t n, const char *what,
                     bool writeable);

/* Base and stride of a 1-D array with n rows and the given itemsize. */
bool anp_numpy_strided(PyObject *array, size_t itemsize, Py_ssize_t n, const char *what,
                       const uint8_t **base, ptrdiff_t *stride);

/* Stores `value` at `slot` of an object field of the array, in place of what is there. */
bool anp_numpy_store_object(PyObject *array, Py_ssize_t row, uint8_t *slot, PyObject *value);

bool anp_numpy_is_dtype(PyObject *object);

/* Is it an array of objects (and not of StringDType)? */
bool anp_numpy_is_object(PyObject *array);
