/* Python objects -> wire bytes: a bin's particle, or MessagePack inside lists and maps.
 *
 * User code can run in here (GeoJSON.dumps, an array's tolist), and may change what is being
 * walked: every object is held while it is written, and containers must end with the size that
 * their head announced. On failure the buffer is cut back to where it was. */
#include "python/engine/value_look.h"

#include "wire/message.h"
#include "wire/msgpack.h"

enum {
    DEPTH_MAX = 64, /* of lists and maps in a value; also ends those that hold themselves */
    ORDERED = 1,    /* order mark of a map: by its keys */
    OP_HEAD = 8,    /* size u32, op, particle, flags, name length */
};

typedef struct encoder {
    anp_whose whose;
    anp_buffer *b;
} encoder;

static bool pack(const encoder *e, PyObject *value, unsigned depth);

/* The buffer's failure, if it has one, as an exception. */
static bool buffer_ok(const encoder *e)
{
    if (e->b->failed == ANP_OK) {
        return true;
    }
    if (e->b->failed == ANP_ERR_MEMORY) {
        PyErr_NoMemory();
    } else {
        anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                      "%s: with this value the request would be larger than %zu bytes",
                      e->whose.where, e->b->max);
    }
    return false;
}

static bool changed(const encoder *e, const char *what)
{
    anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                  "%s: the %s was changed while it was being written", e->whose.where, what);
    return false;
}

static bool size_ok(const encoder *e, Py_ssize_t n)
{
    if (n <= ANP_PROTO_MAX) {
        return true;
    }
    anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                  "%s: the value's size of %zd is above the protocol's largest, %d", e->whose.where,
                  n, ANP_PROTO_MAX);
    return false;
}

/* New reference to element i, or NULL without exception when it is no longer there. */
static PyObject *element(PyObject *sequence, Py_ssize_t i)
{
    if (PyTuple_Check(sequence)) {
        return Py_NewRef(PyTuple_GET_ITEM(sequence, i));
    }
#ifdef Py_GIL_DISABLED
    PyObject *item = PyList_GetItemRef(sequence, i);
    if (item == NULL) {
        PyErr_Clear();
    }
    return item;
#else
    return i < PyList_GET_SIZE(sequence) ? Py_NewRef(PyList_GET_ITEM(sequence, i)) : NULL;
#endif
}

static bool pack_list(const encoder *e, PyObject *list, unsigned depth)
{
    bool is_tuple = PyTuple_Check(list);
    Py_ssize_t n = is_tuple ? PyTuple_GET_SIZE(list) : PyList_GET_SIZE(list);
    if (!size_ok(e, n)) {
        return false;
    }
    anp_msgpack_put_list(e->b, (uint32_t)n);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = element(list, i);
        if (item == NULL) {
            return changed(e, "list");
        }
        bool ok = pack(e, item, depth);
        Py_DECREF(item);
        if (!ok) {
            return false;
        }
    }
    if (!is_tuple && PyList_GET_SIZE(list) != n) {
        return changed(e, "list");
    }
    return buffer_ok(e);
}

static bool pack_map_key(const encoder *e, PyObject *key, unsigned depth)
{
    anp_look look;
    bool ok = anp_look_at(&e->whose, key, &look);
    if (ok) {
        /* The server takes integers, strings and blobs, and answers anything else with code 1. */
        ok = look.kind == ANP_LOOK_INT || look.kind == ANP_LOOK_UINT ||
             (look.kind == ANP_LOOK_TEXT &&
              (look.particle == ANP_PARTICLE_STRING || look.particle == ANP_PARTICLE_BLOB));
        if (!ok) {
            anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                          "%s: a map's keys are int, str or bytes, not %.100s", e->whose.where,
                          Py_TYPE(key)->tp_name);
        }
    }
    anp_look_release(&look);
    return ok && pack(e, key, depth);
}

/* The pairs of a map that is being written. Maps are sent in the order of their keys, so that equal
 * ones are equal bytes: the server compares what it is given with what it has, which is in order.
 */
typedef struct pairs {
    size_t start, last; /* of the pairs, and of the last one, in the buffer */
    uint32_t n;
    bool is_sorted;
} pairs;

static pairs begin_pairs(const encoder *e, uint32_t n, bool is_ordered)
{
    anp_msgpack_put_map(e->b, n + is_ordered);
    if (is_ordered) {
        anp_msgpack_put_order_mark(e->b, ORDERED);
        anp_msgpack_put_nil(e->b);
    }
    return (pairs){.start = e->b->size, .last = e->b->size, .n = 0, .is_sorted = true};
}

static bool pack_pair(const encoder *e, pairs *p, PyObject *key, PyObject *value, unsigned depth)
{
    size_t start = e->b->size;
    Py_INCREF(key);
    Py_INCREF(value);
    bool ok = pack_map_key(e, key, depth) && buffer_ok(e);
    if (ok && p->is_sorted && p->n != 0) {
        const uint8_t *b = e->b->data;
        p->is_sorted = anp_msgpack_compare_keys((anp_slice){b + p->last, start - p->last},
                                                (anp_slice){b + start, e->b->size - start}) < 0;
    }
    p->n++;
    p->last = start;
    ok = ok && pack(e, value, depth);
    Py_DECREF(key);
    Py_DECREF(value);
    return ok;
}

static bool end_pairs(const encoder *e, const pairs *p)
{
    if (!buffer_ok(e)) {
        return false;
    }
    if (p->is_sorted || anp_msgpack_sort_pairs(e->b, p->start, p->n)) {
        return true;
    }
    if (buffer_ok(e)) {
        anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                      "%s: two keys of the dict are one key to the server", e->whose.where);
    }
    return false;
}

static bool pack_dict(const encoder *e, PyObject *dict, unsigned depth)
{
    Py_ssize_t n = PyDict_GET_SIZE(dict);
    Py_ssize_t position = 0;
    Py_ssize_t seen = 0;
    PyObject *key;
    PyObject *value;
    if (!size_ok(e, n)) {
        return false;
    }
    pairs p = begin_pairs(e, (uint32_t)n, false);
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (seen++ == n) {
            return changed(e, "dict");
        }
        if (!pack_pair(e, &p, key, value, depth)) {
            return false;
        }
        if (PyDict_GET_SIZE(dict) != n) {
            return changed(e, "dict");
        }
    }
    return seen == n ? end_pairs(e, &p) : changed(e, "dict");
}

/* A subclass of dict: its own items(). */
static bool pack_items(const encoder *e, PyObject *mapping, bool is_ordered, unsigned depth)
{
    PyObject *items = PyMapping_Items(mapping);
    if (items == NULL) {
        return false;
    }
    Py_ssize_t n = PyList_GET_SIZE(items); /* PyMapping_Items gives a list of its own */
    bool ok = size_ok(e, n);
    pairs p = {0};
    if (ok) {
        p = begin_pairs(e, (uint32_t)n, is_ordered);
    }
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        PyObject *pair = element(items, i);
        if (pair == NULL) {
            ok = changed(e, "dict");
        } else if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            PyErr_Format(PyExc_TypeError, "%s: items() of %.100s gives no pairs", e->whose.where,
                         Py_TYPE(mapping)->tp_name);
            ok = false;
        } else {
            ok = pack_pair(e, &p, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1), depth);
        }
        Py_XDECREF(pair);
    }
    Py_DECREF(items);
    return ok && end_pairs(e, &p);
}

static bool pack_map(const encoder *e, const anp_look *look, unsigned depth)
{
    PyObject *map = look->container;
    if (!PyDict_CheckExact(map)) {
        return pack_items(e, map, look->is_ordered, depth);
    }
#ifdef Py_GIL_DISABLED
    PyObject *copy = PyDict_Copy(map); /* another thread may change the dict between two steps */
    bool ok = copy != NULL && pack_dict(e, copy, depth);
    Py_XDECREF(copy);
    return ok;
#else
    return pack_dict(e, map, depth);
#endif
}

static bool pack_container(const encoder *e, const anp_look *look, unsigned depth)
{
    if (depth >= DEPTH_MAX) {
        anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                      "%s: lists and dicts are nested deeper than %d (or one holds itself)",
                      e->whose.where, DEPTH_MAX);
        return false;
    }
    return look->kind == ANP_LOOK_LIST ? pack_list(e, look->container, depth + 1)
                                       : pack_map(e, look, depth + 1);
}

static bool pack_text(const encoder *e, const anp_look *look)
{
    if (!anp_particle_is_text(look->particle)) {
        anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                      "%s: bytes of particle type %d can't be inside a list or a map",
                      e->whose.where, (int)look->particle);
        return false;
    }
    if (!size_ok(e, (Py_ssize_t)look->text.size)) {
        return false;
    }
    anp_msgpack_put_text(e->b, look->particle, look->text.data, look->text.size);
    return true;
}

static bool pack(const encoder *e, PyObject *value, unsigned depth)
{
    anp_look look;
    bool ok = anp_look_at(&e->whose, value, &look);
    if (ok) {
        switch (look.kind) {
        case ANP_LOOK_NULL:
            anp_msgpack_put_nil(e->b);
            break;
        case ANP_LOOK_BOOL:
            anp_msgpack_put_bool(e->b, look.boolean);
            break;
        case ANP_LOOK_INT:
            anp_msgpack_put_int(e->b, look.integer);
            break;
        case ANP_LOOK_UINT:
            anp_msgpack_put_uint(e->b, look.uinteger);
            break;
        case ANP_LOOK_FLOAT:
            anp_msgpack_put_double(e->b, look.real);
            break;
        case ANP_LOOK_TEXT:
            ok = pack_text(e, &look);
            break;
        case ANP_LOOK_LIST:
        case ANP_LOOK_MAP:
            ok = pack_container(e, &look, depth);
            break;
        case ANP_LOOK_INFINITE:
            anp_msgpack_put_infinity(e->b);
            break;
        case ANP_LOOK_WILDCARD:
            anp_msgpack_put_wildcard(e->b);
            break;
        }
    }
    anp_look_release(&look);
    return ok;
}

static void put_double(anp_buffer *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    anp_buffer_be64(b, bits);
}

/* As a bin's value. */
static bool encode(const encoder *e, PyObject *value, uint8_t *particle)
{
    anp_look look;
    bool ok = anp_look_at(&e->whose, value, &look);
    if (ok) {
        switch (look.kind) {
        case ANP_LOOK_NULL:
            *particle = ANP_PARTICLE_NULL;
            break;
        case ANP_LOOK_BOOL:
            *particle = ANP_PARTICLE_BOOL;
            anp_buffer_u8(e->b, look.boolean ? 1 : 0);
            break;
        case ANP_LOOK_INT:
            *particle = ANP_PARTICLE_INTEGER;
            anp_buffer_be64(e->b, (uint64_t)look.integer);
            break;
        case ANP_LOOK_UINT:
            anp_raise_bin(
                e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                "%s: integer %llu doesn't fit into 64 bits with sign (-9223372036854775808 "
                "to 9223372036854775807)",
                e->whose.where, (unsigned long long)look.uinteger);
            ok = false;
            break;
        case ANP_LOOK_FLOAT:
            *particle = ANP_PARTICLE_FLOAT;
            put_double(e->b, look.real);
            break;
        case ANP_LOOK_TEXT:
            *particle = look.particle;
            ok = size_ok(e, (Py_ssize_t)look.text.size);
            if (ok && look.particle == ANP_PARTICLE_GEOJSON) {
                anp_buffer_put(e->b, "\0\0\0",
                               3); /* no flags, no cells: the server computes them */
            }
            if (ok) {
                anp_buffer_put(e->b, look.text.data, look.text.size);
            }
            break;
        case ANP_LOOK_LIST:
        case ANP_LOOK_MAP:
            *particle = look.kind == ANP_LOOK_LIST ? ANP_PARTICLE_LIST : ANP_PARTICLE_MAP;
            ok = pack_container(e, &look, 0);
            break;
        case ANP_LOOK_INFINITE:
        case ANP_LOOK_WILDCARD:
            anp_raise_bin(e->whose.state, ANP_ERR_PARAM, e->whose.bin,
                          "%s: %.100s stands for other values and can't be stored; give it to "
                          "operations on lists and maps, and to expressions",
                          e->whose.where, Py_TYPE(value)->tp_name);
            ok = false;
            break;
        }
    }
    anp_look_release(&look);
    return ok && buffer_ok(e);
}

bool anp_value_encode(const anp_whose *whose, PyObject *value, anp_buffer *b, uint8_t *particle)
{
    encoder e = {.whose = *whose, .b = b};
    size_t start = b->size;
    if (!encode(&e, value, particle)) {
        b->size = start;
        return false;
    }
    return true;
}

bool anp_value_pack(const anp_whose *whose, PyObject *value, anp_buffer *b)
{
    encoder e = {.whose = *whose, .b = b};
    size_t start = b->size;
    if (!pack(&e, value, 0) || !buffer_ok(&e)) {
        b->size = start;
        return false;
    }
    return true;
}

PyObject *anp_value_msgpack(PyObject *module, PyObject *args)
{
    PyObject *value, *packed = NULL;
    anp_whose whose = {.state = anp_state_of(module)};
    if (!PyArg_ParseTuple(args, "Os", &value, &whose.where)) {
        return NULL;
    }
    anp_buffer b;
    anp_buffer_init(&b, ANP_PROTO_MAX);
    if (anp_value_pack(&whose, value, &b)) {
        packed = PyBytes_FromStringAndSize((const char *)b.data, (Py_ssize_t)b.size);
    }
    anp_buffer_deinit(&b);
    return packed;
}

bool anp_bin_name(anp_state *state, PyObject *name, anp_slice *out)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "a bin's name is a str, not %.100s", Py_TYPE(name)->tp_name);
        return false;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
            anp_raise_bin(state, ANP_ERR_PARAM, name, "bin name %R can't be written as UTF-8",
                          name);
        }
        return false;
    }
    if (size == 0) {
        anp_raise_bin(state, ANP_ERR_PARAM, name, "a bin's name can't be empty");
        return false;
    }
    if (size > ANP_BIN_NAME_MAX) {
        anp_raise_bin(state, ANP_ERR_PARAM, name,
                      "bin name %.200R is %zd bytes long as UTF-8; the server takes at most %d",
                      name, size, ANP_BIN_NAME_MAX);
        return false;
    }
    if (memchr(text, 0, (size_t)size) != NULL) {
        anp_raise_bin(state, ANP_ERR_PARAM, name, "bin name %R holds a NUL character", name);
        return false;
    }
    *out = (anp_slice){(const uint8_t *)text, (size_t)size};
    return true;
}

bool anp_value_op(anp_state *state, anp_buffer *b, uint8_t op, PyObject *name, PyObject *value,
                  bool allow_empty)
{
    anp_slice bin = {NULL, 0};
    bool nameless = name == NULL || name == Py_None ||
                    (PyUnicode_Check(name) && PyUnicode_GET_LENGTH(name) == 0);
    if (!(allow_empty && nameless) && !anp_bin_name(state, name != NULL ? name : Py_None, &bin)) {
        return false;
    }
    char where[8 + ANP_BIN_NAME_MAX] = "value";
    if (bin.size != 0) {
        memcpy(where, "bin \"", 5);
        memcpy(where + 5, bin.data, bin.size);
        memcpy(where + 5 + bin.size, "\"", 2);
    }
    encoder e = {.whose = {.state = state, .where = where, .bin = bin.size != 0 ? name : NULL},
                 .b = b};
    size_t start = b->size;
    uint8_t *head = anp_buffer_add(b, OP_HEAD + bin.size);
    uint8_t particle = ANP_PARTICLE_NULL;
    if (head != NULL && bin.size != 0) {
        memcpy(head + OP_HEAD, bin.data, bin.size);
    }
    if (head == NULL ? !buffer_ok(&e) : !encode(&e, value != NULL ? value : Py_None, &particle)) {
        b->size = start;
        return false;
    }
    head = b->data + start; /* the value may have moved the buffer */
    anp_store_be32(head, (uint32_t)(b->size - start - 4));
    head[4] = op;
    head[5] = particle;
    head[6] = 0;
    head[7] = (uint8_t)bin.size;
    return true;
}
