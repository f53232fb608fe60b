/* Lists of keys -> packed keys. This walk holds the GIL, so it is the part of a batch that nothing
 * hides: rows of the usual kind (a tuple with the namespace and set objects of the row before, and
 * an exact int, str or bytes) are read without a call into the interpreter; all others go through
 * key.c. */
#include "python/engine/key_look.h"

#include <stdint.h>

enum {
    AHEAD_TUPLE =
        16, /* rows ahead of which memory is asked for: first the tuple, then its user key */
    AHEAD_KEY = 8,
    RUNS_BACK = 8, /* runs that are looked through for the same names */
};

void anp_key_pack_init(anp_key_pack *p)
{
    *p = (anp_key_pack){.count = 0};
    anp_buffer *all[] = {&p->types, &p->offsets, &p->bytes, &p->runs, &p->names, &p->marks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        anp_buffer_init(all[i], PTRDIFF_MAX);
    }
}

void anp_key_pack_clear(anp_key_pack *p)
{
    anp_buffer *all[] = {&p->types, &p->offsets, &p->bytes, &p->runs, &p->names, &p->marks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        anp_buffer_clear(all[i]);
    }
    p->first = p->count = 0;
    Py_CLEAR(p->last_namespace);
    Py_CLEAR(p->last_set);
}

void anp_key_pack_deinit(anp_key_pack *p)
{
    anp_buffer *all[] = {&p->types, &p->offsets, &p->bytes, &p->runs, &p->names, &p->marks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        anp_buffer_deinit(all[i]);
    }
    p->first = p->count = 0;
    Py_CLEAR(p->last_namespace);
    Py_CLEAR(p->last_set);
}

static bool no_memory(void)
{
    PyErr_NoMemory();
    return false;
}

static bool same(anp_slice a, anp_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Appends a name; the runs' slices follow when the buffer moves. */
static bool keep_name(anp_key_pack *p, anp_slice name, anp_slice *kept)
{
    uintptr_t before = (uintptr_t)p->names.data;
    uint8_t *place = anp_buffer_add(&p->names, name.size);
    if (place == NULL && name.size != 0) {
        return false;
    }
    if ((uintptr_t)p->names.data != before) {
        anp_key_run *runs = (anp_key_run *)(void *)p->runs.data;
        size_t n = p->runs.size / sizeof *runs;
        for (size_t i = 0; i < n; i++) {
            runs[i].namespace_name.data =
                p->names.data + ((uintptr_t)runs[i].namespace_name.data - before);
            runs[i].set.data = p->names.data + ((uintptr_t)runs[i].set.data - before);
        }
    }
    if (name.size != 0) {
        memcpy(place, name.data, name.size);
    }
    *kept = (anp_slice){p->names.data + p->names.size - name.size, name.size};
    return true;
}

bool anp_key_pack_run(anp_key_pack *p, anp_slice namespace_name, anp_slice set)
{
    const anp_key_run *runs = (const anp_key_run *)(const void *)p->runs.data;
    size_t n = p->runs.size / sizeof *runs;
    anp_key_run run = {.first = p->first + p->count};
    bool found = false;
    for (size_t back = 1; back <= n && back <= RUNS_BACK && !found; back++) {
        const anp_key_run *other = &runs[n - back];
        if (same(other->namespace_name, namespace_name) && same(other->set, set)) {
            if (back == 1) {
                return true;
            }
            run.namespace_name = other->namespace_name;
            run.set = other->set;
            found = true;
        }
    }
    if (n >= UINT32_MAX) {
        return no_memory();
    }
    if (!found) {
        anp_slice moved; /* keeping the set may move it */
        if (!anp_buffer_reserve(&p->runs, sizeof run) || !keep_name(p, namespace_name, &moved)) {
            return no_memory();
        }
        size_t at = p->names.size - namespace_name.size;
        if (!keep_name(p, set, &run.set)) {
            return no_memory();
        }
        run.namespace_name = (anp_slice){p->names.data + at, namespace_name.size};
    }
    anp_buffer_put(&p->runs, &run, sizeof run);
    return p->runs.failed == ANP_OK || no_memory();
}

/* types and offsets have room already. */
static inline bool append(anp_key_pack *p, uint8_t type, const void *data, size_t size)
{
    uint8_t *place = anp_buffer_add(&p->bytes, size);
    if (place == NULL && size != 0) {
        return no_memory();
    }
    if (size != 0) {
        memcpy(place, data, size);
    }
    p->types.data[p->types.size++] = type;
    anp_store64(p->offsets.data + p->offsets.size, p->bytes.size);
    p->offsets.size += sizeof(uint64_t);
    p->count++;
    return true;
}

static inline bool append_integer(anp_key_pack *p, int64_t v)
{
    return append(p, ANP_PARTICLE_INTEGER, &v, sizeof v);
}

/* Remembers that the last key was bytes, which types says no different from str. */
static bool mark_last(anp_key_pack *p)
{
    uint64_t index = p->count - 1;
    size_t need = (size_t)(index / 8) + 1;
    if (p->marks.size < need) {
        size_t more = need - p->marks.size;
        uint8_t *place = anp_buffer_add(&p->marks, more);
        if (place == NULL) {
            return no_memory();
        }
        memset(place, 0, more);
    }
    p->marks.data[index / 8] |= (uint8_t)(1u << (index % 8));
    return true;
}

/* An exact int, str or bytes. 1: packed; 0: of another kind, or out of range; -1: MemoryError. */
static inline int append_plain(anp_key_pack *p, PyObject *key)
{
    if (PyLong_CheckExact(key)) {
#if PY_VERSION_HEX >= 0x030C0000
        if (PyUnstable_Long_IsCompact((PyLongObject *)key)) {
            return append_integer(p, PyUnstable_Long_CompactValue((PyLongObject *)key)) ? 1 : -1;
        }
#endif
        int overflow;
        long long v = PyLong_AsLongLongAndOverflow(key, &overflow);
        return overflow != 0 ? 0 : append_integer(p, v) ? 1 : -1;
    }
    if (PyUnicode_CheckExact(key) && PyUnicode_IS_COMPACT_ASCII(key)) {
        size_t size = (size_t)PyUnicode_GET_LENGTH(key);
        if (size > ANP_PROTO_MAX) {
            return 0;
        }
        return append(p, ANP_PARTICLE_STRING, PyUnicode_1BYTE_DATA(key), size) ? 1 : -1;
    }
    if (PyBytes_CheckExact(key)) {
        size_t size = (size_t)PyBytes_GET_SIZE(key);
        if (size > ANP_PROTO_MAX) {
            return 0;
        }
        return append(p, ANP_PARTICLE_STRING, PyBytes_AS_STRING(key), size) && mark_last(p) ? 1
                                                                                            : -1;
    }
    return 0;
}

/* A user key that key.c has looked at. */
static bool append_key(anp_key_pack *p, const anp_key *key, bool is_bytes)
{
    if (key->type == ANP_PARTICLE_INTEGER) {
        return append_integer(p, key->integer);
    }
    return append(p, key->type, key->bytes, key->size) && (!is_bytes || mark_last(p));
}

static bool is_marked_bytes(PyObject *value, const anp_key *key)
{
    return key->type == ANP_PARTICLE_STRING && PyBytes_Check(value);
}

static bool append_user_key(anp_state *state, anp_key_pack *p, PyObject *value, Py_ssize_t row)
{
    anp_key key;
    PyObject *hold;
    if (!anp_user_key_parse(state, value, row, &key, &hold)) {
        return false;
    }
    bool ok = p == NULL || append_key(p, &key, is_marked_bytes(value, &key));
    Py_XDECREF(hold);
    return ok;
}

static bool append_looked(anp_key_pack *p, PyObject *tuple, const anp_py_key *key)
{
    if (!anp_key_pack_run(p, key->namespace_name, key->set)) {
        return false;
    }
    Py_XSETREF(p->last_namespace, Py_NewRef(PyTuple_GET_ITEM(tuple, 0)));
    Py_XSETREF(p->last_set, Py_NewRef(PyTuple_GET_ITEM(tuple, 1)));
    bool is_bytes = is_marked_bytes(PyTuple_GET_ITEM(tuple, 2), &key->key);
    if (!key->has_digest) {
        return append_key(p, &key->key, is_bytes);
    }
    if (p->keep_keys && key->key.type != ANP_PARTICLE_NULL) {
        uint8_t digest[ANP_DIGEST_SIZE];
        anp_digest(key->set.data, key->set.size, &key->key, digest);
        if (memcmp(digest, key->digest, sizeof digest) == 0) {
            return append_key(p, &key->key, is_bytes);
        }
    }
    return append(p, ANP_PARTICLE_NULL, key->digest, sizeof key->digest);
}

/* Any row, the slow way. p NULL: only looks. */
static bool append_tuple(anp_state *state, anp_key_pack *p, PyObject *tuple, Py_ssize_t row)
{
    anp_py_key key;
    if (!anp_key_look(state, tuple, row, &key)) {
        return false;
    }
    bool ok = p == NULL || append_looked(p, tuple, &key);
    anp_key_release(&key);
    return ok;
}

/* Like append_plain, for the usual tuple. */
static inline int append_usual(anp_key_pack *p, PyObject *tuple)
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 3 ||
        PyTuple_GET_ITEM(tuple, 0) != p->last_namespace ||
        PyTuple_GET_ITEM(tuple, 1) != p->last_set) {
        return 0;
    }
    return append_plain(p, PyTuple_GET_ITEM(tuple, 2));
}

static bool changed(anp_state *state)
{
    anp_raise_arg(state, "the list of keys was made shorter while it was being read");
    return false;
}

#ifndef Py_GIL_DISABLED
/* The rows are scattered over the heap: ask for them before they are needed. */
static inline void prefetch(PyObject *const *items, Py_ssize_t i, Py_ssize_t size, bool tuples)
{
    if (i + AHEAD_TUPLE >= size) {
        return;
    }
    __builtin_prefetch(items[i + AHEAD_TUPLE]);
    if (tuples) {
        PyObject *near = items[i + AHEAD_KEY];
        if (PyTuple_CheckExact(near) && PyTuple_GET_SIZE(near) == 3) {
            __builtin_prefetch(PyTuple_GET_ITEM(near, 2));
        }
    }
}
#endif

/* One row. p NULL: only looks. */
static inline bool walk_row(anp_state *state, anp_key_pack *p, PyObject *item, Py_ssize_t row,
                            bool tuples)
{
    int done = 0;
    if (p != NULL) {
        done = tuples ? append_usual(p, item) : append_plain(p, item);
    }
    if (done != 0) {
        return done > 0;
    }
    Py_INCREF(item); /* Python code may run from here on, and drop it from the list */
    bool ok = tuples ? append_tuple(state, p, item, row) : append_user_key(state, p, item, row);
    Py_DECREF(item);
    return ok;
}

static bool walk_tuple(anp_state *state, anp_key_pack *p, PyObject *sequence, Py_ssize_t first,
                       Py_ssize_t count, bool tuples)
{
    for (Py_ssize_t i = first; i < first + count; i++) {
        if (!walk_row(state, p, PyTuple_GET_ITEM(sequence, i), i, tuples)) {
            return false;
        }
    }
    return true;
}

static bool walk_list(anp_state *state, anp_key_pack *p, PyObject *list, Py_ssize_t first,
                      Py_ssize_t count, bool tuples)
{
    for (Py_ssize_t i = first; i < first + count; i++) {
#ifdef Py_GIL_DISABLED
        PyObject *item = PyList_GetItemRef(list, i);
        if (item == NULL) {
            PyErr_Clear();
            return changed(state);
        }
        bool ok = walk_row(state, p, item, i, tuples);
        Py_DECREF(item);
        if (!ok) {
            return false;
        }
#else
        Py_ssize_t size = PyList_GET_SIZE(list);
        if (i >= size) {
            return changed(state);
        }
        PyObject *const *items = ((PyListObject *)list)->ob_item;
        prefetch(items, i, size, tuples);
        if (!walk_row(state, p, items[i], i, tuples)) {
            return false;
        }
#endif
    }
    return true;
}

static bool walk(anp_state *state, anp_key_pack *p, PyObject *sequence, Py_ssize_t first,
                 Py_ssize_t count, bool tuples)
{
    if (PyTuple_Check(sequence)) {
        if (first < 0 || count < 0 || count > PyTuple_GET_SIZE(sequence) - first) {
            return changed(state);
        }
        return walk_tuple(state, p, sequence, first, count, tuples);
    }
    if (!PyList_Check(sequence)) {
        PyErr_Format(PyExc_TypeError, "keys are a list or a tuple of keys, not %.100s",
                     Py_TYPE(sequence)->tp_name);
        return false;
    }
    if (first < 0 || count < 0 || count > PyList_GET_SIZE(sequence) - first) {
        return changed(state);
    }
    return walk_list(state, p, sequence, first, count, tuples);
}

/* Room for types and offsets of all rows, and for the bytes if they are integers. */
static bool reserve(anp_key_pack *p, size_t count)
{
    if (count > PTRDIFF_MAX / 16 || !anp_buffer_reserve(&p->types, count) ||
        !anp_buffer_reserve(&p->offsets, (count + 1) * sizeof(uint64_t)) ||
        !anp_buffer_reserve(&p->bytes, count * sizeof(int64_t))) {
        return no_memory();
    }
    if (p->offsets.size == 0) {
        anp_store64(p->offsets.data, 0);
        p->offsets.size = sizeof(uint64_t);
    }
    return true;
}

bool anp_key_pack_walk(anp_state *state, anp_key_pack *p, PyObject *sequence, Py_ssize_t first,
                       Py_ssize_t count, PyObject *namespace_name, PyObject *set)
{
    if (p->count == 0) {
        p->first = (uint64_t)first;
    } else if (p->first + p->count != (uint64_t)first) {
        PyErr_SetString(PyExc_SystemError, "keys must be packed in their order");
        return false;
    }
    if (count < 0 || !reserve(p, (size_t)count)) {
        return count < 0 ? changed(state) : false;
    }
    bool tuples = namespace_name == NULL || namespace_name == Py_None;
    if (!tuples && count > 0) {
        anp_slice names[2];
        if (!anp_namespace_look(state, namespace_name, -1, &names[0]) ||
            !anp_set_look(state, set != NULL ? set : Py_None, -1, &names[1]) ||
            !anp_key_pack_run(p, names[0], names[1])) {
            return false;
        }
    }
    return walk(state, p, sequence, first, count, tuples);
}

bool anp_key_check_walk(anp_state *state, PyObject *sequence, Py_ssize_t first, Py_ssize_t count)
{
    return walk(state, NULL, sequence, first, count, true);
}

void anp_key_pack_view(const anp_key_pack *p, uint64_t total, anp_keys *out)
{
    *out = (anp_keys){
        .kind = ANP_KEYS_PACKED,
        .first = p->first,
        .count = p->count,
        .total = total,
        .runs = (const anp_key_run *)(const void *)p->runs.data,
        .n_runs = (uint32_t)(p->runs.size / sizeof(anp_key_run)),
        .types = p->types.data,
        .offsets = (const uint64_t *)(const void *)p->offsets.data,
        .bytes = p->bytes.data,
    };
}
