/* The door to NumPy's C API, with numpy_memory.c: dtypes and arrays turned into plans of fields.
 * Its API target is 1.23, so that one build serves NumPy 1.24 and 2.x. Needs the GIL. */
#include "python/engine/numpy_field.h"

#define PY_ARRAY_UNIQUE_SYMBOL anp_numpy_api /* shared with numpy_memory.c */
#include <numpy/arrayobject.h>
#include <stdatomic.h>

#include "base/alloc.h"

bool anp_numpy_bind(void)
{
    /* Not PyArray_API alone: it is set before the version is, which other macros go by. Threads
     * that bind at once write the same values. */
    static _Atomic bool is_bound;
    if (!atomic_load_explicit(&is_bound, memory_order_acquire)) {
        if (_import_array() < 0) {
            return false;
        }
        atomic_store_explicit(&is_bound, true, memory_order_release);
    }
    return true;
}

/* ---- one dtype ---- */

static void refuse(const char *name, PyArray_Descr *descr, const char *why)
{
    PyErr_Format(PyExc_TypeError, "field %s: dtype %R %s", name, (PyObject *)descr, why);
}

static bool time_unit(PyArray_Descr *descr, anp_field *f)
{
    PyArray_DatetimeDTypeMetaData *meta =
        (PyArray_DatetimeDTypeMetaData *)(void *)PyDataType_C_METADATA(descr);
    static const uint8_t units[] = {
        [NPY_FR_Y] = ANP_UNIT_YEAR,   [NPY_FR_M] = ANP_UNIT_MONTH,
        [NPY_FR_W] = ANP_UNIT_WEEK,   [NPY_FR_D] = ANP_UNIT_DAY,
        [NPY_FR_h] = ANP_UNIT_HOUR,   [NPY_FR_m] = ANP_UNIT_MINUTE,
        [NPY_FR_s] = ANP_UNIT_SECOND, [NPY_FR_ms] = ANP_UNIT_MS,
        [NPY_FR_us] = ANP_UNIT_US,    [NPY_FR_ns] = ANP_UNIT_NS,
        [NPY_FR_ps] = ANP_UNIT_PS,    [NPY_FR_fs] = ANP_UNIT_FS,
        [NPY_FR_as] = ANP_UNIT_AS,    [NPY_FR_GENERIC] = ANP_UNIT_GENERIC};
    if (meta == NULL || (size_t)meta->meta.base >= sizeof units) {
        return false;
    }
    f->unit = units[meta->meta.base];
    f->unit_count = meta->meta.num;
    return true;
}

/* Zeros that are freed with the plan: the pool remembers them. NULL: MemoryError. */
static void *take_memory(anp_buffer *pool, size_t size)
{
    void *memory = PyMem_Calloc(1, size != 0 ? size : 1);
    uint8_t *place = memory != NULL ? anp_buffer_add(pool, sizeof memory) : NULL;
    if (place == NULL) {
        PyMem_Free(memory);
        (void)PyErr_NoMemory();
        return NULL;
    }
    memcpy(place, &memory, sizeof memory);
    return memory;
}

static bool set_kind(anp_state *state, anp_field *f, PyArray_Descr *descr, const char *name,
                     int depth, anp_buffer *pool);

/* Children of a nested struct. */
static bool set_struct(anp_state *state, anp_field *f, PyArray_Descr *descr, const char *name,
                       int depth, anp_buffer *pool)
{
    PyObject *names = PyDataType_NAMES(descr), *fields = PyDataType_FIELDS(descr);
    if (depth >= ANP_PLAN_DEPTH) {
        refuse(name, descr, "is nested too deep");
        return false;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(names);
    f->kind = ANP_KIND_STRUCT;
    f->n_fields = (uint32_t)n;
    f->fields = take_memory(pool, (size_t)n * sizeof *f->fields);
    if (f->fields == NULL) {
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        anp_field *child = &f->fields[i];
        PyObject *key = PyTuple_GET_ITEM(names, i);
        PyObject *entry = PyDict_GetItemWithError(fields, key);
        Py_ssize_t size;
        const char *text = entry != NULL ? PyUnicode_AsUTF8AndSize(key, &size) : NULL;
        if (text == NULL || size > UINT16_MAX) {
            if (!PyErr_Occurred()) {
                refuse(name, descr,
                       "changed during the call, or has a field name that is too long");
            }
            return false;
        }
        char *copy = take_memory(pool, (size_t)size + 1);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, text, (size_t)size + 1);
        child->name = copy;
        child->name_size = (uint16_t)size;
        child->offset = (size_t)PyLong_AsSize_t(PyTuple_GET_ITEM(entry, 1));
        if (!set_kind(state, child, (PyArray_Descr *)(void *)PyTuple_GET_ITEM(entry, 0), copy,
                      depth + 1, pool)) {
            return false;
        }
        if (child->kind == ANP_KIND_DEFERRED) {
            refuse(name, descr,
                   "has an object inside a nested field; use an object for the whole field");
            return false;
        }
    }
    return true;
}

/* Of a field that is an array itself. */
static bool set_subarray(anp_state *state, anp_field *f, PyArray_Descr *descr, const char *name,
                         int depth, anp_buffer *pool)
{
    const PyArray_ArrayDescr *sub = PyDataType_SUBARRAY(descr);
    Py_ssize_t ndim = PyTuple_GET_SIZE(sub->shape);
    if (!set_kind(state, f, sub->base, name, depth, pool)) {
        return false;
    }
    if (f->ndim != 0 || ndim > ANP_PLAN_NDIM) {
        refuse(name, descr, "has too many dimensions");
        return false;
    }
    for (Py_ssize_t i = 0; i < ndim; i++) {
        f->shape[i] = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(sub->shape, i));
    }
    f->ndim = (uint8_t)ndim;
    f->itemsize = (size_t)PyDataType_ELSIZE(descr);
    if (f->kind > ANP_KIND_FLOAT) {
        refuse(name, descr, "is an array of something else than numbers");
        return false;
    }
    return true;
}

static bool set_number(anp_field *f, anp_kind kind)
{
    f->kind = kind;
    f->width = (uint8_t)f->itemsize;
    return true;
}

static bool set_kind(anp_state *state, anp_field *f, PyArray_Descr *descr, const char *name,
                     int depth, anp_buffer *pool)
{
    f->itemsize = (size_t)PyDataType_ELSIZE(descr);
    if (PyDataType_SUBARRAY(descr) != NULL) {
        return set_subarray(state, f, descr, name, depth, pool);
    }
    f->swapped = PyDataType_ISBYTESWAPPED(descr) != 0;
    switch (descr->kind) {
    case 'i':
        return set_number(f, ANP_KIND_INT);
    case 'u':
        return set_number(f, ANP_KIND_UINT);
    case 'b':
        f->swapped = false;
        return set_number(f, ANP_KIND_BOOL);
    case 'f':
        if (f->itemsize > 8) {
            refuse(name, descr, "is a long double, which the server has no value for; use f8");
            return false;
        }
        return set_number(f, ANP_KIND_FLOAT);
    case 'S':
        f->kind = ANP_KIND_BYTES;
        f->swapped = false;
        break;
    case 'U':
        f->kind = ANP_KIND_TEXT;
        break;
    case 'V':
        f->swapped = false;
        if (PyDataType_HASFIELDS(descr)) {
            return set_struct(state, f, descr, name, depth, pool);
        }
        f->kind = ANP_KIND_RAW;
        break;
    case 'M':
    case 'm':
        f->kind = descr->kind == 'M' ? ANP_KIND_TIME : ANP_KIND_SPAN;
        f->width = 8;
        if (!time_unit(descr, f)) {
            refuse(name, descr, "has no unit that is known here");
            return false;
        }
        return true;
    case 'O':
    case 'T': /* StringDType */
        f->kind = ANP_KIND_DEFERRED;
        f->swapped = false;
        return true;
    default:
        refuse(name, descr,
               "is not a type that bins can have; integers, floats, bool, S, U, V, times, nested "
               "fields and objects are");
        return false;
    }
    if (f->itemsize == 0) {
        refuse(name, descr,
               f->kind == ANP_KIND_TEXT ? "has no size; give a length, like U16"
                                        : "has no size; give a length, like S16");
        return false;
    }
    return true;
}

/* ---- arrays ---- */

/* Where the rows of a field are, whose kind and shape are known. `itemsize` is that of one number,
 * or of the whole field where it has no further axes. */
static bool place_array(anp_field *f, PyArrayObject *array, Py_ssize_t n_rows, bool writeable,
                        const char *name)
{
    int ndim = PyArray_NDIM(array);
    if (ndim < 1 || PyArray_DIM(array, 0) != n_rows) {
        PyErr_Format(PyExc_ValueError, "field %s: %zd rows are needed, not %zd", name, n_rows,
                     ndim < 1 ? 0 : (Py_ssize_t)PyArray_DIM(array, 0));
        return false;
    }
    if (writeable && !PyArray_ISWRITEABLE(array)) {
        PyErr_Format(PyExc_ValueError, "field %s: the array is read-only", name);
        return false;
    }
    npy_intp expect = PyArray_ITEMSIZE(array);
    for (int i = ndim - 1; i > 0; i--) {
        npy_intp dim = PyArray_DIM(array, i);
        if (dim > 1 && n_rows != 0 && PyArray_STRIDE(array, i) != expect) {
            PyErr_Format(PyExc_ValueError,
                         "field %s: a row's numbers must lie side by side (C order)", name);
            return false;
        }
        expect *= dim;
    }
    f->base = (uint8_t *)PyArray_DATA(array);
    f->stride = PyArray_STRIDE(array, 0);
    return true;
}

static bool set_array(anp_state *state, anp_field *f, PyArrayObject *array, Py_ssize_t n_rows,
                      bool writeable, const char *name, anp_buffer *pool)
{
    if (!place_array(f, array, n_rows, writeable, name) ||
        !set_kind(state, f, PyArray_DESCR(array), name, 0, pool)) {
        return false;
    }
    int ndim = PyArray_NDIM(array);
    if (ndim > 1) {
        if (f->kind > ANP_KIND_FLOAT || ndim - 1 > ANP_PLAN_NDIM) {
            refuse(name, PyArray_DESCR(array),
                   "is an array of something else than numbers, or has too many dimensions");
            return false;
        }
        f->ndim = (uint8_t)(ndim - 1);
        for (int i = 1; i < ndim; i++) {
            f->shape[i - 1] = (uint32_t)PyArray_DIM(array, i);
            f->itemsize *= (size_t)PyArray_DIM(array, i);
        }
    }
    return true;
}

static void free_pool(anp_buffer *pool)
{
    for (size_t at = 0; at + sizeof(void *) <= pool->size; at += sizeof(void *)) {
        void *block;
        memcpy(&block, pool->data + at, sizeof block);
        PyMem_Free(block);
    }
    anp_buffer_deinit(pool);
}

/* What the plan owns: a pool of blocks to free (names, nested fields, fills). */
typedef struct plan_memory {
    anp_buffer pool;
    anp_field *fields;
    uint8_t **fills;
    uint32_t n_fields;
} plan_memory;

void anp_array_plan_deinit(anp_array_plan *p)
{
    plan_memory *m = p->memory;
    if (m == NULL) {
        return;
    }
    anp_plan_deinit(&p->plan);
    free_pool(&m->pool);
    for (uint32_t i = 0; m->fills != NULL && i < m->n_fields; i++) {
        PyMem_Free(m->fills[i]);
    }
    PyMem_Free(m->fills);
    PyMem_Free(m->fields);
    PyMem_Free(m);
    *p = (anp_array_plan){0};
}

/* The array of a (bin name, array) pair; NULL: exception. */
static PyArrayObject *array_of(PyObject *pair)
{
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
        !PyArray_Check(PyTuple_GET_ITEM(pair, 1))) {
        PyErr_SetString(PyExc_TypeError, "fields are pairs of bin name and array");
        return NULL;
    }
    return (PyArrayObject *)(void *)PyTuple_GET_ITEM(pair, 1);
}

static bool add_field(anp_state *state, plan_memory *m, anp_field *f, PyObject *pair,
                      Py_ssize_t n_rows, bool writeable)
{
    PyArrayObject *array = array_of(pair);
    anp_slice name;
    if (array == NULL || !anp_bin_name(state, PyTuple_GET_ITEM(pair, 0), &name)) {
        return false;
    }
    char *copy = PyMem_Malloc(name.size + 1);
    uint8_t *place = copy != NULL ? anp_buffer_add(&m->pool, sizeof(void *)) : NULL;
    if (place == NULL) {
        PyMem_Free(copy);
        (void)PyErr_NoMemory();
        return false;
    }
    memcpy(copy, name.data, name.size);
    copy[name.size] = 0;
    memcpy(place, &copy, sizeof(void *));
    f->name = copy;
    f->name_size = (uint16_t)name.size;
    return set_array(state, f, array, n_rows, writeable, copy, &m->pool);
}

bool anp_array_plan_init(anp_state *state, anp_array_plan *out, PyObject *fields, Py_ssize_t n_rows,
                         bool writeable)
{
    *out = (anp_array_plan){0};
    if (!anp_numpy_bind()) {
        return false;
    }
    if (!PyTuple_Check(fields)) {
        PyErr_SetString(PyExc_TypeError, "fields is a tuple");
        return false;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(fields);
    plan_memory *m = PyMem_Calloc(1, sizeof *m);
    if (m == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    out->memory = m;
    anp_buffer_init(&m->pool, 1 << 24);
    m->n_fields = (uint32_t)n;
    m->fields = PyMem_Calloc((size_t)(n > 0 ? n : 1), sizeof *m->fields);
    m->fills = PyMem_Calloc((size_t)(n > 0 ? n : 1), sizeof *m->fills);
    bool ok = m->fields != NULL && m->fills != NULL;
    if (!ok) {
        (void)PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        ok = add_field(state, m, &m->fields[i], PyTuple_GET_ITEM(fields, i), n_rows, writeable);
    }
    if (ok) {
        anp_error err;
        out->plan.fields = m->fields;
        out->plan.n_fields = (uint32_t)n;
        if (anp_plan_prepare(&out->plan, &err) != ANP_OK) {
            (void)anp_raise(state, &err, NULL);
            ok = false;
        }
    }
    if (!ok) {
        anp_array_plan_deinit(out);
    }
    return ok;
}

static bool is_like(PyArrayObject *array, PyArrayObject *sample)
{
    int ndim = PyArray_NDIM(sample);
    return PyArray_NDIM(array) == ndim &&
           (PyArray_DESCR(array) == PyArray_DESCR(sample) ||
            PyArray_EquivTypes(PyArray_DESCR(array), PyArray_DESCR(sample))) &&
           (ndim == 1 ||
            PyArray_CompareLists(PyArray_DIMS(array) + 1, PyArray_DIMS(sample) + 1, ndim - 1));
}

bool anp_array_plan_place(const anp_array_plan *p, PyObject *samples, PyObject *fields,
                          Py_ssize_t n_rows, anp_plan *out)
{
    uint32_t n = p->plan.n_fields;
    if (!PyTuple_Check(fields) || PyTuple_GET_SIZE(fields) != (Py_ssize_t)n) {
        PyErr_Format(PyExc_TypeError, "fields is a tuple of %u", (unsigned)n);
        return false;
    }
    *out = p->plan;
    out->fields = PyMem_Malloc((n != 0 ? n : 1) * sizeof *out->fields);
    if (out->fields == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) {
        anp_field *f = &out->fields[i];
        *f = p->plan.fields[i];
        PyArrayObject *array = array_of(PyTuple_GET_ITEM(fields, i));
        PyArrayObject *sample = array_of(PyTuple_GET_ITEM(samples, i));
        ok = array != NULL && sample != NULL;
        if (ok && !is_like(array, sample)) {
            PyErr_Format(PyExc_TypeError, "field %s: not an array of %R as it was planned", f->name,
                         (PyObject *)PyArray_DESCR(sample));
            ok = false;
        }
        ok = ok && place_array(f, array, n_rows, true, f->name);
    }
    if (!ok) {
        PyMem_Free(out->fields);
        out->fields = NULL;
    }
    return ok;
}

void anp_new_arrays_drop(anp_new_arrays *a)
{
    Py_CLEAR(a->data);
    Py_CLEAR(a->codes);
    Py_CLEAR(a->meta);
    Py_CLEAR(a->missing);
}

static PyObject *new_array(PyObject *dtype, int ndim, npy_intp *dims, bool is_zeroed)
{
    Py_INCREF(dtype);
    PyArray_Descr *descr = (PyArray_Descr *)(void *)dtype;
    return is_zeroed ? PyArray_Zeros(ndim, dims, descr, 0)
                     : PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, NULL, NULL, 0, NULL);
}

/* Rows that are given, retained. Their dtype was compared; another thread may have set it since,
 * but not to one of another size, or of objects. */
static PyObject *given_rows(PyObject *given, PyObject *dtype, Py_ssize_t n_rows)
{
    PyArrayObject *array = (PyArrayObject *)(void *)given;
    PyArray_Descr *wanted = (PyArray_Descr *)(void *)dtype;
    if (!PyArray_Check(given) || PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != n_rows ||
        PyArray_ITEMSIZE(array) != PyDataType_ELSIZE(wanted) || !PyArray_ISWRITEABLE(array) ||
        PyDataType_REFCHK(PyArray_DESCR(array))) {
        PyErr_Format(PyExc_TypeError, "out: not an array of %zd rows that can be written to",
                     n_rows);
        return NULL;
    }
    return Py_NewRef(given);
}

bool anp_array_plan_new(const anp_array_plan *p, const anp_array_form *form, PyObject *given,
                        Py_ssize_t n_rows, anp_new_arrays *arrays, anp_plan *out)
{
    uint32_t n = p->plan.n_fields;
    npy_intp dims[2] = {n_rows, n}, bits[2] = {n_rows, (n + 7) / 8};
    *arrays = (anp_new_arrays){0};
    *out = p->plan;
    out->fields = PyMem_Malloc((n != 0 ? n : 1) * sizeof *out->fields);
    if (out->fields == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    arrays->data = given != NULL
                       ? given_rows(given, form->dtype, n_rows)
                       : new_array(form->dtype, form->is_matrix ? 2 : 1, dims, form->is_zeroed);
    if (arrays->data == NULL || (arrays->codes = PyArray_SimpleNew(1, dims, NPY_INT32)) == NULL ||
        (arrays->meta = new_array(form->meta_dtype, 1, dims, false)) == NULL ||
        (arrays->missing = PyArray_ZEROS(2, bits, NPY_UINT8, 0)) == NULL) {
        PyMem_Free(out->fields);
        out->fields = NULL;
        anp_new_arrays_drop(arrays);
        return false;
    }
    PyArrayObject *data = (PyArrayObject *)(void *)arrays->data;
    for (uint32_t i = 0; i < n; i++) {
        out->fields[i] = p->plan.fields[i];
        out->fields[i].base = (uint8_t *)PyArray_DATA(data) + form->offsets[i];
        out->fields[i].stride = PyArray_STRIDE(data, 0);
    }
    return true;
}

/* Nested fields that a map lacks get their part of the whole field's fill. */
static void share_fill(anp_field *f)
{
    for (uint32_t i = 0; f->kind == ANP_KIND_STRUCT && i < f->n_fields; i++) {
        f->fields[i].fill = f->fill + f->fields[i].offset;
        share_fill(&f->fields[i]);
    }
}

bool anp_array_plan_fills(anp_state *state, anp_array_plan *p, PyObject *fills)
{
    plan_memory *m = p->memory;
    (void)state;
    if (fills == Py_None) {
        return true;
    }
    if (!PyTuple_Check(fills)) {
        PyErr_SetString(PyExc_TypeError, "fills is a tuple");
        return false;
    }
    for (uint32_t i = 0; i < m->n_fields && i < (uint32_t)PyTuple_GET_SIZE(fills); i++) {
        PyObject *fill = PyTuple_GET_ITEM(fills, i);
        if (fill == Py_None || m->fields[i].kind == ANP_KIND_DEFERRED) {
            continue;
        }
        PyArrayObject *array = (PyArrayObject *)(void *)fill;
        if (!PyArray_Check(fill) || !PyArray_IS_C_CONTIGUOUS(array) ||
            (size_t)PyArray_NBYTES(array) != m->fields[i].itemsize) {
            PyErr_Format(PyExc_ValueError, "field %s: the fill value is not one row of it",
                         m->fields[i].name);
            return false;
        }
        m->fills[i] = PyMem_Malloc(m->fields[i].itemsize);
        if (m->fills[i] == NULL) {
            (void)PyErr_NoMemory();
            return false;
        }
        memcpy(m->fills[i], PyArray_DATA(array), m->fields[i].itemsize);
        m->fields[i].fill = m->fills[i];
        share_fill(&m->fields[i]);
    }
    return true;
}
