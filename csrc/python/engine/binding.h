/* What the files of the binding share: the module's state and their doors to each other. The only
 * place, with csrc/python/node, that includes Python.h. Every function here needs the GIL (or an
 * attached thread state) unless it says otherwise. Functions that return NULL, -1 or false have set
 * an exception. */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030D0000 /* the GIL is all that is needed there */
#define Py_BEGIN_CRITICAL_SECTION(object)                                                          \
    {                                                                                              \
        (void)(object);
#define Py_END_CRITICAL_SECTION() }
#endif

#include <stdatomic.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "command/keys.h"
#include "wire/digest.h"
#include "wire/particle.h"

enum { ANP_NAMES = 256 };

/* All state of the module; nothing is global. */
typedef struct anp_state {
    /* Types of this module. */
    PyTypeObject *core_type, *request_type, *waker_type, *reply_type, *errand_type,
        *packed_keys_type, *raw_rows_type, *read_plan_type;
    /* Classes of the package, imported when the module is executed. */
    PyObject *record_class, *batch_record_class, *key_class, *meta_class, *exists_class,
        *bin_tuple_class, *ordered_class, *info_result_class;
    PyObject *geojson_class, *hll_class, *typed_blob_class;
    PyObject *infinite_class, *wildcard_class, *key_ordered_class;
    PyObject *expression_class;
    PyObject *field_class;
    PyObject *keys_class;   /* aerospike_np._keys.Keys; NULL until first asked for */
    PyObject *raise_status; /* aerospike_np._codes.error_of(code, message, in_doubt, node, key,
                               bin) -> exception */
    PyObject *invalid_arg_error;
    PyObject *done, *set_result, *set_exception; /* names of a future's methods */
    _Atomic(PyObject *) names[ANP_NAMES];        /* of bins, see value_decode.c */
} anp_state;

anp_state *anp_state_of(PyObject *module);
anp_state *anp_state_of_type(PyTypeObject *type);

/* Exactly `want` positional arguments; else TypeError. */
static inline bool anp_args_are(const char *name, Py_ssize_t n, Py_ssize_t want)
{
    if (n != want) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", name, want, n);
    }
    return n == want;
}

/* The exception that is set, taken away; and put back. NULL stands for none. */
static inline PyObject *anp_exception_take(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (type == NULL) {
        return NULL;
    }
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL && value != NULL) {
        (void)PyException_SetTraceback(value, trace);
    }
    Py_DECREF(type);
    Py_XDECREF(trace);
    return value;
#endif
}

static inline void anp_exception_give(PyObject *exception) /* steals */
{
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
}

/* ---- named_tuple.c ---- */

/* A named tuple of one of the package's classes. Steals the items; NULL among them (an exception is
 * set): NULL. */
PyObject *anp_named_tuple(PyObject *class, PyObject *const *items, Py_ssize_t n);

/* RecordMetadata; seconds left. */
PyObject *anp_meta_tuple(anp_state *state, uint32_t generation, uint32_t ttl);

/* ---- values: value_encode.c, value_decode.c ---- */

/* What a value belongs to, for errors. */
typedef struct anp_whose {
    anp_state *state;
    const char *where; /* 'bin "x"' or an argument's name */
    PyObject *bin;     /* borrowed name, or NULL */
} anp_whose;

/* Appends a bin value's wire bytes (no operation head) and gives its particle type. None is
 * ANP_PARTICLE_NULL with no bytes. false: exception. */
bool anp_value_encode(const anp_whose *whose, PyObject *value, anp_buffer *b, uint8_t *particle);

/* Appends a value as lists and maps hold it. */
bool anp_value_pack(const anp_whose *whose, PyObject *value, anp_buffer *b);

/* msgpack(value, where): the bytes of a value inside a list, a map or an expression. */
PyObject *anp_value_msgpack(PyObject *module, PyObject *args);

/* Appends a whole operation: head, bin name, value. `name` must be a str of 1 to 15 UTF-8 bytes (0
 * when allow_empty). */
bool anp_value_op(anp_state *state, anp_buffer *b, uint8_t op, PyObject *name, PyObject *value,
                  bool allow_empty);

/* A bin name's UTF-8, checked: str, 1 to 15 bytes, no NUL. Borrowed from the str. */
bool anp_bin_name(anp_state *state, PyObject *name, anp_slice *out);

/* New reference. Bytes that are no UTF-8 come back as bytes; particles that nobody knows as
 * typed_blob_class. NULL only when memory is out or a list or map is malformed (a ValueError-free
 * InvalidArgError-free ClientError naming `bin`). */
PyObject *anp_value_decode(anp_state *state, const anp_particle *p, anp_slice bin);

/* Bins of a reply message -> dict. The cursor stands at the first operation. Results of one bin
 * that come more than once become a list; an operation that only writes has none. */
PyObject *anp_bins_decode(anp_state *state, anp_cursor *c, uint16_t n_ops);

/* The same, but of several results of one bin the last that is not nil counts. */
PyObject *anp_bins_last(anp_state *state, anp_cursor *c, uint16_t n_ops);

/* The same as a list of BinTuple, in the order of the reply. */
PyObject *anp_bins_in_order(anp_state *state, anp_cursor *c, uint16_t n_ops);

/* ---- keys: key.c ---- */

/* One key tuple (namespace, set, user key[, digest]), looked at. Slices are borrowed from the
 * tuple's objects, which the caller keeps. */
typedef struct anp_py_key {
    anp_slice namespace_name, set;
    anp_key key; /* type 0: only a digest */
    uint8_t digest[ANP_DIGEST_SIZE];
    bool has_digest; /* given in the tuple: used as it is */
    PyObject *hold;  /* owned: keeps bytes alive (a bytearray's copy, ...) or NULL */
} anp_py_key;

/* Takes a key tuple apart and digests it. false: TypeError, or InvalidArgError that says what is
 * wrong and (row >= 0) where. */
bool anp_key_parse(anp_state *state, PyObject *tuple, Py_ssize_t row, anp_py_key *out);
void anp_key_release(anp_py_key *key);

/* The user key alone. */
bool anp_user_key_parse(anp_state *state, PyObject *value, Py_ssize_t row, anp_key *out,
                        PyObject **hold);

/* A growing set of packed keys, with their runs; what a list of tuples is turned into, slice by
 * slice or at once. Private to key_pack.c but for `keep_keys`. */
typedef struct anp_key_pack {
    anp_buffer types, offsets, bytes; /* see command/keys.h PACKED */
    anp_buffer runs,
        names;        /* of anp_key_run, whose slices point into names (namespaces and sets) */
    anp_buffer marks; /* one bit a key, set where it was given as bytes (hashed as a string); may be
                         short */
    uint64_t first, count;
    PyObject *last_namespace, *last_set; /* owned; of the last run, for the cheap compare */
    bool keep_keys; /* set after init: a key tuple's digest is compared with its user key's, which
                     * is then kept, for keys that are sent along; otherwise only the digest is
                     * packed */
} anp_key_pack;

void anp_key_pack_init(anp_key_pack *p);
void anp_key_pack_deinit(anp_key_pack *p);
/* Forgets all keys and keeps the memory: the next walk may begin at any row. */
void anp_key_pack_clear(anp_key_pack *p);

/* Adds rows [first, first + count) of a list or tuple of key tuples (or, with a namespace given, of
 * user keys; set may be NULL or None). The rows must follow those that are packed already. On
 * failure the pack holds some of the rows. */
bool anp_key_pack_walk(anp_state *state, anp_key_pack *p, PyObject *sequence, Py_ssize_t first,
                       Py_ssize_t count, PyObject *namespace_name, PyObject *set);
bool anp_key_check_walk(anp_state *state, PyObject *sequence, Py_ssize_t first, Py_ssize_t count);

/* The pack as the engine takes it; valid until the pack changes. */
void anp_key_pack_view(const anp_key_pack *p, uint64_t total, anp_keys *out);

/* PackedKeys(sequence, namespace, set_name): user keys packed once, for Keys. Also:
 * PackedKeys.from_tuples(list). Pickles. */
extern PyType_Spec anp_packed_keys_spec;
/* Its view; the caller holds the object. */
void anp_packed_keys_view(PyObject *packed, anp_keys *out);

/* ---- errors: raise.c (formats are PyUnicode_FromFormat's) ---- */

/* Raises the class that belongs to err->code; key may be NULL. Returns NULL. */
PyObject *anp_raise(anp_state *state, const anp_error *err, PyObject *key);
PyObject *anp_exception_new(anp_state *state, const anp_error *err,
                            PyObject *key);                         /* new, not raised */
PyObject *anp_raise_arg(anp_state *state, const char *format, ...); /* InvalidArgError */
/* Puts "where: " before the text of the InvalidArgError or TypeError that is set; others stay. */
void anp_raise_inside(anp_state *state, const char *where);
/* The class that belongs to code, with its attribute `bin` (NULL: None). Returns NULL. */
PyObject *anp_raise_bin(anp_state *state, anp_status code, PyObject *bin, const char *format, ...);
