/* PackedKeys: user keys that were walked once, as the engine reads them. Never changes after it was
 * made, so that any number of threads and batches may share one. Pickles as its buffers. */
#include "python/engine/key_look.h"

#include "base/error.h"

typedef struct packed_keys {
    PyObject_HEAD anp_key_pack pack;
} packed_keys;

static const anp_key_run *runs_of(const anp_key_pack *p)
{
    return (const anp_key_run *)(const void *)p->runs.data;
}

static size_t run_count(const anp_key_pack *p)
{
    return p->runs.size / sizeof(anp_key_run);
}

/* An empty one; tp_alloc has zeroed it. */
static packed_keys *new_empty(PyTypeObject *type)
{
    packed_keys *self = (packed_keys *)type->tp_alloc(type, 0);
    if (self != NULL) {
        anp_key_pack_init(&self->pack);
    }
    return self;
}

static PyObject *new_from(PyTypeObject *type, PyObject *keys, PyObject *namespace_name,
                          PyObject *set)
{
    anp_state *state = anp_state_of_type(type);
    if (state == NULL) {
        return NULL;
    }
    if (PyUnicode_Check(keys) || PyBytes_Check(keys) || PyByteArray_Check(keys)) {
        PyErr_Format(PyExc_TypeError, "keys are a sequence of keys, not one %.100s",
                     Py_TYPE(keys)->tp_name);
        return NULL;
    }
    PyObject *rows = PySequence_Fast(keys, "keys must be a sequence");
    packed_keys *self = rows != NULL ? new_empty(type) : NULL;
    if (self != NULL && !anp_key_pack_walk(state, &self->pack, rows, 0,
                                           PySequence_Fast_GET_SIZE(rows), namespace_name, set)) {
        Py_CLEAR(self);
    }
    if (self != NULL) {
        Py_CLEAR(
            self->pack.last_namespace); /* so that there is nothing for the garbage collector */
        Py_CLEAR(self->pack.last_set);
    }
    Py_XDECREF(rows);
    return (PyObject *)self;
}

static PyObject *packed_keys_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sequence", "namespace", "set_name", NULL};
    PyObject *keys;
    PyObject *namespace_name;
    PyObject *set = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:PackedKeys", names, &keys, &namespace_name,
                                     &set)) {
        return NULL;
    }
    if (namespace_name == Py_None) {
        PyErr_SetString(PyExc_TypeError, "PackedKeys: the namespace is a str, not NoneType");
        return NULL;
    }
    return new_from(type, keys, namespace_name, set);
}

static PyObject *from_tuples(PyObject *type, PyObject *keys)
{
    return new_from((PyTypeObject *)type, keys, NULL, NULL);
}

static void packed_keys_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    anp_key_pack_deinit(&((packed_keys *)self)->pack);
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t packed_keys_length(PyObject *self)
{
    return (Py_ssize_t)((packed_keys *)self)->pack.count;
}

/* Index of an argument, negative from the end; -1 with an exception. */
static Py_ssize_t row_of(PyObject *self, PyObject *number)
{
    Py_ssize_t n = packed_keys_length(self);
    Py_ssize_t i = PyNumber_AsSsize_t(number, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred()) {
        return -1;
    }
    i = i < 0 ? i + n : i;
    if (i < 0 || i >= n) {
        PyErr_Format(PyExc_IndexError, "there are %zd keys", n);
        return -1;
    }
    return i;
}

static PyObject *get(PyObject *self, PyObject *number)
{
    const anp_key_pack *p = &((packed_keys *)self)->pack;
    Py_ssize_t i = row_of(self, number);
    if (i < 0) {
        return NULL;
    }
    const uint8_t *ends = p->offsets.data + (size_t)i * sizeof(uint64_t);
    uint64_t start = anp_load64(ends);
    const char *data = (const char *)p->bytes.data + start;
    Py_ssize_t size = (Py_ssize_t)(anp_load64(ends + sizeof(uint64_t)) - start);
    switch (p->types.data[i]) {
    case ANP_PARTICLE_INTEGER:
        return PyLong_FromLongLong((int64_t)anp_load64(data));
    case ANP_PARTICLE_STRING:
        return anp_key_pack_marked(p, (uint64_t)i) ? PyBytes_FromStringAndSize(data, size)
                                                   : PyUnicode_DecodeUTF8(data, size, NULL);
    case ANP_PARTICLE_BLOB:
        return PyByteArray_FromStringAndSize(data, size);
    default:
        Py_RETURN_NONE; /* only its digest is known */
    }
}

static PyObject *run_tuple(const anp_key_run *run)
{
    return run->set.size == 0
               ? Py_BuildValue("(Ks#O)", (unsigned long long)run->first,
                               (const char *)run->namespace_name.data,
                               (Py_ssize_t)run->namespace_name.size, Py_None)
               : Py_BuildValue("(Ks#s#)", (unsigned long long)run->first,
                               (const char *)run->namespace_name.data,
                               (Py_ssize_t)run->namespace_name.size, (const char *)run->set.data,
                               (Py_ssize_t)run->set.size);
}

static PyObject *runs(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const anp_key_pack *p = &((packed_keys *)self)->pack;
    size_t n = run_count(p);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list != NULL && i < n; i++) {
        PyObject *run = run_tuple(&runs_of(p)[i]);
        if (run == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, run);
        }
    }
    return list;
}

/* All digests, a run at a time. No thread state needed: nothing changes the pack. */
static anp_status digest_all(const anp_keys *keys, uint8_t *out, anp_error *err)
{
    anp_buffer scratch;
    anp_buffer_init(&scratch, PTRDIFF_MAX);
    anp_status status = ANP_OK;
    for (uint32_t r = 0; r < keys->n_runs && status == ANP_OK; r++) {
        uint64_t row = keys->runs[r].first;
        uint64_t end = r + 1 < keys->n_runs ? keys->runs[r + 1].first : keys->count;
        while (row < end && status == ANP_OK) {
            uint32_t n = end - row < 65536 ? (uint32_t)(end - row) : 65536;
            status = anp_keys_digest(keys, row, n, out + row * ANP_DIGEST_SIZE, &scratch, err);
            row += n;
        }
    }
    anp_buffer_deinit(&scratch);
    return status;
}

static PyObject *digests(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t n = packed_keys_length(self);
    if (n > PY_SSIZE_T_MAX / ANP_DIGEST_SIZE) {
        return PyErr_NoMemory();
    }
    PyObject *out = PyBytes_FromStringAndSize(NULL, n * ANP_DIGEST_SIZE);
    if (out == NULL || n == 0) {
        return out;
    }
    anp_keys keys;
    anp_packed_keys_view(self, &keys);
    anp_error err;
    anp_status status;
    uint8_t *place = (uint8_t *)PyBytes_AS_STRING(out);
    Py_BEGIN_ALLOW_THREADS status = digest_all(&keys, place, &err);
    Py_END_ALLOW_THREADS if (status != ANP_OK)
    {
        Py_DECREF(out);
        anp_state *state = anp_state_of_type(Py_TYPE(self));
        return state != NULL ? anp_raise(state, &err, NULL) : NULL;
    }
    return out;
}

static PyObject *bytes_of(const anp_buffer *b)
{
    return PyBytes_FromStringAndSize((const char *)b->data, (Py_ssize_t)b->size);
}

static PyObject *reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const anp_key_pack *p = &((packed_keys *)self)->pack;
    PyObject *restore = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "_restore");
    PyObject *run_list = runs(self, NULL);
    /* N steals, and passes a failure on. */
    return Py_BuildValue("N(iNNNNN)", restore, ANP_BIG_ENDIAN_HOST, bytes_of(&p->types),
                         bytes_of(&p->offsets), bytes_of(&p->bytes), bytes_of(&p->marks), run_list);
}

static void put_object(anp_buffer *b, PyObject *bytes)
{
    anp_buffer_put(b, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
}

static size_t key_size(const anp_key_pack *p, size_t i)
{
    const uint8_t *at = p->offsets.data + i * sizeof(uint64_t);
    return (size_t)(anp_load64(at + sizeof(uint64_t)) - anp_load64(at));
}

static bool is_text(const anp_key_pack *p, size_t i)
{
    const char *data =
        (const char *)p->bytes.data + anp_load64(p->offsets.data + i * sizeof(uint64_t));
    PyObject *text = PyUnicode_DecodeUTF8(data, (Py_ssize_t)key_size(p, i), NULL);
    Py_XDECREF(text);
    PyErr_Clear();
    return text != NULL;
}

/* Pickled buffers may have been cut or forged, and the engine trusts a pack: NULL, or what is
 * wrong. */
static const char *what_is_wrong(const anp_key_pack *p)
{
    size_t n = p->types.size;
    if (n == 0) {
        return p->offsets.size > sizeof(uint64_t) || p->bytes.size != 0 || p->marks.size != 0
                   ? "bytes without keys"
                   : NULL;
    }
    if (p->offsets.size / sizeof(uint64_t) != n + 1 || p->offsets.size % sizeof(uint64_t) != 0 ||
        p->marks.size > (n + 7) / 8) {
        return "lengths that don't belong together";
    }
    uint64_t at = anp_load64(p->offsets.data);
    for (size_t i = 0; i < n; i++) {
        uint64_t next = anp_load64(p->offsets.data + (i + 1) * sizeof(uint64_t));
        if ((i == 0 && at != 0) || next < at || next > p->bytes.size || next - at > ANP_PROTO_MAX) {
            return "offsets outside of the bytes";
        }
        at = next;
    }
    if (at != p->bytes.size) {
        return "offsets that don't end where the bytes do";
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t type = p->types.data[i];
        bool marked = anp_key_pack_marked(p, i);
        size_t size = key_size(p, i);
        bool ok = (type == ANP_PARTICLE_INTEGER && size == sizeof(int64_t) && !marked) ||
                  (type == ANP_PARTICLE_NULL && size == ANP_DIGEST_SIZE && !marked) ||
                  (type == ANP_PARTICLE_BLOB && !marked) ||
                  (type == ANP_PARTICLE_STRING && (marked || is_text(p, i)));
        if (!ok) {
            return "a key whose type and bytes don't belong together";
        }
    }
    return NULL;
}

/* The runs of a pickle. `count` goes along, since a run begins at the end of the pack. */
static bool restore_runs(anp_state *state, anp_key_pack *p, PyObject *list)
{
    Py_ssize_t n = PyList_GET_SIZE(list);
    uint64_t total = p->types.size;
    bool ok = (n == 0) == (total == 0);
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        PyObject *run = PyList_GetItem(list, i); /* checked: Python code may have the list too */
        Py_XINCREF(run);
        PyObject *names[2];
        unsigned long long first;
        anp_slice namespace_name;
        anp_slice set;
        if (run == NULL || !PyTuple_Check(run) ||
            !PyArg_ParseTuple(run, "KOO", &first, &names[0], &names[1])) {
            PyErr_Clear();
            ok = false;
        } else if (first >= total || (i == 0 ? first != 0 : first <= p->count)) {
            ok = false;
        } else {
            p->count = first;
            ok = anp_namespace_look(state, names[0], -1, &namespace_name) &&
                 anp_set_look(state, names[1], -1, &set) &&
                 anp_key_pack_run(p, namespace_name, set);
        }
        Py_XDECREF(run);
    }
    p->count = total;
    if (!ok && !PyErr_Occurred()) {
        anp_raise_arg(state, "PackedKeys: the pickle has runs that don't belong to its keys");
    }
    return ok;
}

static PyObject *restore(PyObject *type, PyObject *args)
{
    int big_endian;
    PyObject *parts[4];
    PyObject *run_list;
    anp_state *state = anp_state_of_type((PyTypeObject *)type);
    if (state == NULL ||
        !PyArg_ParseTuple(args, "iSSSSO!:_restore", &big_endian, &parts[0], &parts[1], &parts[2],
                          &parts[3], &PyList_Type, &run_list)) {
        return NULL;
    }
    if (big_endian != ANP_BIG_ENDIAN_HOST) {
        return anp_raise_arg(state,
                             "PackedKeys: the pickle comes from a machine of another byte order");
    }
    packed_keys *self = new_empty((PyTypeObject *)type);
    if (self == NULL) {
        return NULL;
    }
    anp_key_pack *p = &self->pack;
    put_object(&p->types, parts[0]);
    put_object(&p->offsets, parts[1]);
    put_object(&p->bytes, parts[2]);
    put_object(&p->marks, parts[3]);
    if (p->types.failed || p->offsets.failed || p->bytes.failed || p->marks.failed) {
        PyErr_NoMemory();
        Py_CLEAR(self);
        return NULL;
    }
    const char *wrong = what_is_wrong(p);
    if (wrong != NULL) {
        anp_raise_arg(state, "PackedKeys: the pickle has %s", wrong);
        Py_CLEAR(self);
    } else if (!restore_runs(state, p, run_list)) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PyMethodDef packed_keys_methods[] = {
    {"from_tuples", from_tuples, METH_O | METH_CLASS,
     "from_tuples(keys)\n--\n\nPack key tuples (namespace, set, user key[, digest])."},
    {"get", get, METH_O,
     "get(i)\n--\n\nUser key number i: int, str, bytes or bytearray; None where only a digest is "
     "known."},
    {"runs", runs, METH_NOARGS,
     "runs()\n--\n\nWhere namespace and set change: a list of (first row, namespace, set or "
     "None)."},
    {"digests", digests, METH_NOARGS, "digests()\n--\n\nAll digests, 20 bytes each, as bytes."},
    {"__reduce__", reduce, METH_NOARGS, NULL},
    {"_restore", restore, METH_VARARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot packed_keys_slots[] = {
    {Py_tp_new, packed_keys_new},
    {Py_tp_dealloc, packed_keys_dealloc},
    {Py_tp_methods, packed_keys_methods},
    {Py_sq_length, packed_keys_length},
    {Py_tp_doc, "PackedKeys(sequence, namespace, set_name=None)\n--\n\nUser keys, packed once."},
    {0, NULL},
};

PyType_Spec anp_packed_keys_spec = {
    .name = "aerospike_np._engine.PackedKeys",
    .basicsize = sizeof(packed_keys),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = packed_keys_slots,
};

void anp_packed_keys_view(PyObject *packed, anp_keys *out)
{
    const anp_key_pack *p = &((packed_keys *)packed)->pack;
    anp_key_pack_view(p, p->count, out);
}
