/* Wire bytes -> Python objects. The bytes come from a peer that may be hostile: nesting is capped,
 * room for elements is taken as they come and not as they are announced, and whatever makes no
 * sense is a ClientError that names the bin. */
#include "python/engine/binding.h"

#include "wire/message.h"
#include "wire/msgpack.h"

enum {
    LIST_AHEAD = 1024, /* elements that a list's head alone can reserve */
    ORDERED = 0x01,    /* order mark of a map: by its keys */
    KEY_VALUE_ORDERED = 0x03,
    MARK_PAIRS = 0x08, /* keys and values in the order of the result */
};

typedef struct decoder {
    anp_state *state;
    anp_slice bin;
    anp_cursor c;
} decoder;

static PyObject *decode_item(decoder *d, unsigned depth);

static PyObject *name_of(anp_slice bin)
{
    return PyUnicode_DecodeUTF8((const char *)bin.data, (Py_ssize_t)bin.size, "backslashreplace");
}

static bool is_name(PyObject *text, anp_slice bin)
{
    return (size_t)PyUnicode_GET_LENGTH(text) == bin.size &&
           memcmp(PyUnicode_1BYTE_DATA(text), bin.data, bin.size) == 0;
}

/* The str of a bin's name. The first names that come (ASCII, of a length that bins have) are kept:
 * to find one costs less than to make it, and its hash is known. Kept is for good, so that nobody
 * needs a lock; and the same str as in the program's own text, which dicts find at once. */
static PyObject *known_name(anp_state *state, anp_slice bin)
{
    uint32_t hash = (uint32_t)bin.size;
    for (size_t i = 0; i < bin.size; i++) {
        hash = hash * 31 + bin.data[i];
    }
    _Atomic(PyObject *) *place = &state->names[hash % ANP_NAMES];
    PyObject *name = atomic_load_explicit(place, memory_order_acquire);
    if (name != NULL) {
        return is_name(name, bin) ? Py_NewRef(name) : name_of(bin);
    }
    name = name_of(bin);
    if (name != NULL && PyUnicode_IS_ASCII(name) && bin.size <= ANP_BIN_NAME_MAX &&
        is_name(name, bin)) {
        PyUnicode_InternInPlace(&name);
        PyObject *none = NULL;
        if (atomic_compare_exchange_strong(place, &none, name)) {
            Py_INCREF(name);
        }
    }
    return name;
}

static PyObject *malformed(anp_state *state, anp_slice bin, const char *what)
{
    if (PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
            return NULL;
        }
        PyErr_Clear();
    }
    PyObject *name = name_of(bin);
    if (name != NULL) {
        anp_raise_bin(state, ANP_ERR_CLIENT, name, "bin \"%U\": the server sent %s", name, what);
        Py_DECREF(name);
    }
    return NULL;
}

/* Text, or bytes where it isn't UTF-8. */
static PyObject *decode_text(const uint8_t *data, size_t size)
{
    PyObject *text = PyUnicode_DecodeUTF8((const char *)data, (Py_ssize_t)size, NULL);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        text = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
    }
    return text;
}

static PyObject *call_with_bytes(PyObject *class, const uint8_t *data, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
    PyObject *out = bytes != NULL ? PyObject_CallOneArg(class, bytes) : NULL;
    Py_XDECREF(bytes);
    return out;
}

static PyObject *decode_geojson(anp_state *state, anp_slice bin, const uint8_t *data, size_t size)
{
    PyObject *text = decode_text(data, size);
    if (text == NULL || !PyUnicode_Check(text)) {
        return text;
    }
    PyObject *value = PyObject_CallOneArg(state->geojson_class, text);
    Py_DECREF(text);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
        return malformed(state, bin, "GeoJSON that is no JSON");
    }
    return value;
}

static PyObject *decode_bytes(anp_state *state, anp_slice bin, uint8_t particle,
                              const uint8_t *data, size_t size)
{
    switch (particle) {
    case ANP_PARTICLE_STRING:
        return decode_text(data, size);
    case ANP_PARTICLE_BLOB:
        return PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
    case ANP_PARTICLE_HLL:
        return call_with_bytes(state->hll_class, data, size);
    case ANP_PARTICLE_GEOJSON:
        return decode_geojson(state, bin, data, size);
    default:
        return PyObject_CallFunction(state->typed_blob_class, "y#i",
                                     size != 0 ? (const char *)data : "", (Py_ssize_t)size,
                                     (int)particle);
    }
}

/* A string of MessagePack: its first byte says what it is. */
static PyObject *decode_string(decoder *d, anp_slice s)
{
    if (s.size == 0) {
        return PyUnicode_New(0, 0);
    }
    if (!anp_particle_is_text(s.data[0])) { /* without a type byte, as in expressions */
        return decode_text(s.data, s.size);
    }
    return decode_bytes(d->state, d->bin, s.data[0], s.data + 1, s.size - 1);
}

static PyObject *decode_list(decoder *d, uint32_t count, unsigned depth)
{
    Py_ssize_t ahead = count < LIST_AHEAD ? (Py_ssize_t)count : LIST_AHEAD;
    PyObject *list = PyList_New(ahead);
    if (list == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        PyObject *item = decode_item(d, depth);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        if ((Py_ssize_t)i < ahead) {
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
            continue;
        }
        int failed = PyList_Append(list, item);
        Py_DECREF(item);
        if (failed) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

/* Adds to a dict, or, for results that ask for pairs in order, to a list of tuples. Steals key and
 * value. */
static bool add_pair(decoder *d, PyObject *map, PyObject *key, PyObject *value)
{
    bool ok;
    if (PyDict_Check(map)) {
        ok = PyDict_SetItem(map, key, value) == 0;
        if (!ok) {
            malformed(d->state, d->bin, "a map with a key that no dict can have (a list or a map)");
        }
    } else {
        PyObject *pair = PyTuple_Pack(2, key, value);
        ok = pair != NULL && PyList_Append(map, pair) == 0;
        Py_XDECREF(pair);
    }
    Py_DECREF(key);
    Py_DECREF(value);
    return ok;
}

static PyObject *decode_map(decoder *d, uint32_t pairs, uint8_t flags, unsigned depth)
{
    PyObject *map = (flags & MARK_PAIRS) != 0 ? PyList_New(0)
                    : (flags & KEY_VALUE_ORDERED) == ORDERED
                        ? PyObject_CallNoArgs(d->state->key_ordered_class)
                        : PyDict_New();
    for (uint32_t i = 0; map != NULL && i < pairs; i++) {
        PyObject *key = decode_item(d, depth);
        PyObject *value = key != NULL ? decode_item(d, depth) : NULL;
        if (value == NULL) {
            Py_XDECREF(key);
            Py_CLEAR(map);
        } else if (!add_pair(d, map, key, value)) {
            Py_CLEAR(map);
        }
    }
    return map;
}

static PyObject *decode_item(decoder *d, unsigned depth)
{
    anp_msgpack_item item;
    uint8_t flags;
    if (!anp_msgpack_read(&d->c, &item)) {
        return malformed(d->state, d->bin, "a list or map that is cut short or malformed");
    }
    switch (item.kind) {
    case ANP_MSGPACK_NIL:
        Py_RETURN_NONE;
    case ANP_MSGPACK_BOOL:
        return PyBool_FromLong(item.boolean);
    case ANP_MSGPACK_INT:
        return PyLong_FromLongLong(item.integer);
    case ANP_MSGPACK_UINT:
        return PyLong_FromUnsignedLongLong(item.uinteger);
    case ANP_MSGPACK_FLOAT:
    case ANP_MSGPACK_DOUBLE:
        return PyFloat_FromDouble(item.real);
    case ANP_MSGPACK_STRING:
        return decode_string(d, item.bytes);
    case ANP_MSGPACK_BIN:
        return PyBytes_FromStringAndSize((const char *)item.bytes.data,
                                         (Py_ssize_t)item.bytes.size);
    case ANP_MSGPACK_LIST:
    case ANP_MSGPACK_MAP:
        if (depth >= ANP_MSGPACK_DEPTH) {
            return malformed(d->state, d->bin, "lists or maps that are nested too deep");
        }
        if (!anp_msgpack_take_order_mark(&d->c, &item, &flags)) {
            return malformed(d->state, d->bin, "a list or map that is cut short or malformed");
        }
        return item.kind == ANP_MSGPACK_LIST ? decode_list(d, item.count, depth + 1)
                                             : decode_map(d, item.count, flags, depth + 1);
    case ANP_MSGPACK_EXT:
        if (item.ext == -1 && item.bytes.size == 1 && item.bytes.data[0] <= 1) {
            return PyObject_CallNoArgs(item.bytes.data[0] == 1 ? d->state->infinite_class
                                                               : d->state->wildcard_class);
        }
        /* nobody knows it: no particle, so never written back */
        return decode_bytes(d->state, d->bin, 255, item.bytes.data, item.bytes.size);
    }
    return malformed(d->state, d->bin, "a list or map that is malformed");
}

static PyObject *decode_container(anp_state *state, const anp_particle *p, anp_slice bin)
{
    decoder d = {.state = state, .bin = bin, .c = anp_cursor_over(p->data, p->size)};
    anp_cursor root = d.c;
    anp_msgpack_item item;
    anp_msgpack_kind kind = p->type == ANP_PARTICLE_LIST ? ANP_MSGPACK_LIST : ANP_MSGPACK_MAP;
    if (!anp_msgpack_read(&root, &item) || item.kind != kind) {
        return malformed(state, bin,
                         kind == ANP_MSGPACK_LIST ? "a list that is none" : "a map that is none");
    }
    PyObject *value = decode_item(&d, 0);
    if (value != NULL && anp_cursor_left(&d.c) != 0) {
        Py_DECREF(value);
        return malformed(state, bin, "a list or map with bytes left over behind it");
    }
    return value;
}

PyObject *anp_value_decode(anp_state *state, const anp_particle *p, anp_slice bin)
{
    int64_t integer;
    double real;
    bool boolean;
    anp_slice text;
    switch (p->type) {
    case ANP_PARTICLE_NULL:
        Py_RETURN_NONE;
    case ANP_PARTICLE_INTEGER:
        return anp_particle_integer(p, &integer)
                   ? PyLong_FromLongLong(integer)
                   : malformed(state, bin, "an integer that isn't 8 bytes long");
    case ANP_PARTICLE_FLOAT:
        return anp_particle_float(p, &real)
                   ? PyFloat_FromDouble(real)
                   : malformed(state, bin, "a float that isn't 8 bytes long");
    case ANP_PARTICLE_BOOL:
        return anp_particle_bool(p, &boolean)
                   ? PyBool_FromLong(boolean)
                   : malformed(state, bin, "a bool that is neither 0 nor 1");
    case ANP_PARTICLE_GEOJSON:
        return anp_particle_geojson(p, &text) ? decode_geojson(state, bin, text.data, text.size)
                                              : malformed(state, bin, "GeoJSON that is cut short");
    case ANP_PARTICLE_LIST:
    case ANP_PARTICLE_MAP:
        return decode_container(state, p, bin);
    default:
        return decode_bytes(state, bin, p->type, p->data, p->size);
    }
}

/* Operations that only write. They come to None where each operation has to answer, and are not
 * heard of where not. */
static bool only_writes(uint8_t type)
{
    return type == ANP_OP_WRITE || type == ANP_OP_INCR || type == ANP_OP_APPEND ||
           type == ANP_OP_PREPEND || type == ANP_OP_BITS_MODIFY || type == ANP_OP_EXP_MODIFY ||
           type == ANP_OP_DELETE_ALL;
}

/* Notes of a bin what add_bin has to know of it. */
static bool note(PyObject **seen, PyObject *name, PyObject *what)
{
    return (*seen != NULL || (*seen = PyDict_New()) != NULL) &&
           PyDict_SetItem(*seen, name, what) == 0;
}

/* One more value for a bin that the dict may have already. `seen` (made when first needed) holds
 * the lists of bins with several results, since a single result can be a list itself; and None for
 * a bin that was only written so far. */
static bool add_bin(PyObject *bins, PyObject **seen, PyObject *name, PyObject *value,
                    bool is_silent)
{
    PyObject *first = PyDict_GetItemWithError(bins, name);
    if (first == NULL) {
        return !PyErr_Occurred() && PyDict_SetItem(bins, name, value) == 0 &&
               (!is_silent || note(seen, name, Py_None));
    }
    if (is_silent) {
        return true;
    }
    PyObject *several = *seen != NULL ? PyDict_GetItemWithError(*seen, name) : NULL;
    if (several == Py_None) { /* this is the first to count */
        return PyDict_DelItem(*seen, name) == 0 && PyDict_SetItem(bins, name, value) == 0;
    }
    if (several != NULL) {
        return PyList_Append(several, value) == 0;
    }
    if (PyErr_Occurred() || (several = PyList_New(2)) == NULL) {
        return false;
    }
    PyList_SET_ITEM(several, 0, Py_NewRef(first));
    PyList_SET_ITEM(several, 1, Py_NewRef(value));
    bool ok = note(seen, name, several) && PyDict_SetItem(bins, name, several) == 0;
    Py_DECREF(several);
    return ok;
}

/* The next operation of a reply: a bin's name and a value, both new references. `i` is its number
 * of `n_ops`. */
static bool next_bin(anp_state *state, anp_cursor *c, uint16_t i, uint16_t n_ops, PyObject **name,
                     PyObject **value, uint8_t *type)
{
    anp_op op;
    *name = *value = NULL;
    if (!anp_op_read(c, &op)) {
        anp_raise_bin(state, ANP_ERR_CLIENT, NULL,
                      "a reply announces %d bins and is cut short or malformed at number %d",
                      (int)n_ops, (int)i + 1);
        return false;
    }
    *type = op.type;
    *name = known_name(state, op.name);
    *value = *name != NULL ? anp_value_decode(state, &op.value, op.name) : NULL;
    if (*value == NULL) {
        Py_CLEAR(*name);
    }
    return *value != NULL;
}

PyObject *anp_bins_decode(anp_state *state, anp_cursor *c, uint16_t n_ops)
{
    PyObject *bins = PyDict_New();
    PyObject *seen = NULL, *name, *value;
    uint8_t type;
    for (uint16_t i = 0; bins != NULL && i < n_ops; i++) {
        if (!next_bin(state, c, i, n_ops, &name, &value, &type) ||
            !add_bin(bins, &seen, name, value, value == Py_None && only_writes(type))) {
            Py_CLEAR(bins);
        }
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    Py_XDECREF(seen);
    return bins;
}

PyObject *anp_bins_last(anp_state *state, anp_cursor *c, uint16_t n_ops)
{
    PyObject *bins = PyDict_New(), *name, *value;
    uint8_t type;
    for (uint16_t i = 0; bins != NULL && i < n_ops; i++) {
        bool ok = next_bin(state, c, i, n_ops, &name, &value, &type);
        if (ok && value != Py_None) {
            ok = PyDict_SetItem(bins, name, value) == 0;
        } else if (ok && PyUnicode_GET_LENGTH(name) != 0) { /* else of the whole record */
            ok = PyDict_SetDefault(bins, name, value) != NULL;
        }
        if (!ok) {
            Py_CLEAR(bins);
        }
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return bins;
}

PyObject *anp_bins_in_order(anp_state *state, anp_cursor *c, uint16_t n_ops)
{
    PyObject *bins = PyList_New(0);
    for (uint16_t i = 0; bins != NULL && i < n_ops; i++) {
        PyObject *items[2];
        uint8_t type;
        PyObject *pair = next_bin(state, c, i, n_ops, &items[0], &items[1], &type)
                             ? anp_named_tuple(state->bin_tuple_class, items, 2)
                             : NULL;
        if (pair == NULL || PyList_Append(bins, pair) < 0) {
            Py_CLEAR(bins);
        }
        Py_XDECREF(pair);
    }
    return bins;
}
