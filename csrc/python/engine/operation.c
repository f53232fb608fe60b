/* Operations as dicts -> operations as the server takes them, straight into a request. What each
 * takes stands in operation_table.c.
 *
 * User code can run in here (a value's own methods), and may change the dict that is being written:
 * so all of its values are held meanwhile. */
#include "python/engine/operation.h"

#include "wire/msgpack.h"
#include "wire/protocol.h"

enum {
    HEAD = 8, /* of an operation: size u32, type, particle, flags, name length */
    WITH_CONTEXT = 0xff,
    BY_PATH = 0xfe,
    PATH_MODIFIES = 4,
    INVERTED = 0x10000,
    RETURN_EXISTS = 13, /* return types: 0 to this, and the two kinds of maps */
    RETURN_MAP = 16,
    RETURN_ORDERED_MAP = 17,
};

/* ---- arguments ---- */

bool anp_op_put_integer(anp_op_encoder *e, int64_t v)
{
    anp_msgpack_put_int(e->at.b, v);
    e->written++;
    return true;
}

/* An integer, up to 2^64 - 1 where it is a number to count with. */
static bool put_int_arg(anp_op_encoder *e, unsigned key)
{
    PyObject *value = e->values[key];
    if (key == ANP_KEY_VALUE && PyLong_CheckExact(value)) {
        unsigned long long large = PyLong_AsUnsignedLongLong(value);
        if (large > INT64_MAX && !PyErr_Occurred()) {
            anp_msgpack_put_uint(e->at.b, large);
            e->written++;
            return true;
        }
        PyErr_Clear();
    }
    int64_t number;
    return anp_op_integer(&e->at, value, anp_op_key_names[key], &number) &&
           anp_op_put_integer(e, number);
}

/* A count of elements. Below 0 it is more than there can be: that is what the official client makes
 * of it. */
static bool put_count(anp_op_encoder *e, unsigned key)
{
    int64_t number;
    if (!anp_op_integer(&e->at, e->values[key], anp_op_key_names[key], &number)) {
        return false;
    }
    anp_msgpack_put_uint(e->at.b, (uint64_t)number);
    e->written++;
    return true;
}

static bool put_value(anp_op_encoder *e, unsigned key)
{
    e->written++;
    return anp_value_pack(&e->at.whose, e->values[key], e->at.b);
}

/* NumPy's: how many dimensions, and what kind of numbers. -1: it is none of NumPy's. */
static long dimensions(PyObject *value, char *kind)
{
    PyObject *n = PyObject_HasAttrString(value, "__array_interface__")
                      ? PyObject_GetAttrString(value, "ndim")
                      : NULL;
    PyObject *dtype = n != NULL ? PyObject_GetAttrString(value, "dtype") : NULL;
    PyObject *letter = dtype != NULL ? PyObject_GetAttrString(dtype, "kind") : NULL;
    bool is_letter = letter != NULL && PyUnicode_Check(letter) && PyUnicode_GET_LENGTH(letter) == 1;
    long out = is_letter ? PyLong_AsLong(n) : -1;
    *kind = is_letter && PyUnicode_READ_CHAR(letter, 0) < 128 ? (char)PyUnicode_READ_CHAR(letter, 0)
                                                              : 0;
    Py_XDECREF(letter);
    Py_XDECREF(dtype);
    Py_XDECREF(n);
    PyErr_Clear();
    return out;
}

static bool is_sequence(PyObject *value)
{
    char kind;
    return PyList_Check(value) || PyTuple_Check(value) || dimensions(value, &kind) > 0;
}

static bool is_number(PyObject *value)
{
    char kind;
    long n = dimensions(value, &kind);
    return n < 0 ? !PyBool_Check(value) && (PyFloat_Check(value) || PyIndex_Check(value))
                 : n == 0 && (kind == 'i' || kind == 'u' || kind == 'f');
}

static bool is_text(PyObject *value)
{
    return PyUnicode_Check(value) || PyBytes_Check(value) || PyByteArray_Check(value) ||
           PyMemoryView_Check(value);
}

const char *anp_op_must_be(unsigned kind, PyObject *value)
{
    switch (kind) {
    case ANP_ARG_NUMBER:
        return is_number(value) ? NULL : "an int or a float";
    case ANP_ARG_TEXT:
        return is_text(value) ? NULL : "a str or bytes";
    case ANP_ARG_BLOB:
        return is_text(value) && !PyUnicode_Check(value) ? NULL : "bytes";
    case ANP_ARG_LIST:
        return is_sequence(value) ? NULL : "a list";
    case ANP_ARG_MAP:
        return PyDict_Check(value) ? NULL : "a dict";
    case ANP_ARG_INT:
    case ANP_ARG_INT_OR_ZERO:
    case ANP_ARG_INT_OR_NONE:
    case ANP_ARG_SIZE:
    case ANP_ARG_COUNT:
        return PyIndex_Check(value) && !PyBool_Check(value) ? NULL : "an integer";
    default:
        return NULL;
    }
}

/* Is the value of this key of the argument's kind? Else an exception. */
static bool is_of_kind(const anp_op_encoder *e, const anp_op_arg *arg)
{
    const char *must = anp_op_must_be(arg->kind, e->values[arg->key]);
    return must == NULL || anp_op_wrong(e, arg->key, must);
}

/* The map of keys and values to put. It is no value itself: its own order is none of theirs. */
static bool put_map(anp_op_encoder *e, unsigned key)
{
    PyObject *value = e->values[key];
    if (!PyDict_CheckExact(value)) {
        PyObject *plain = PyObject_CallOneArg((PyObject *)&PyDict_Type, value);
        if (plain == NULL) {
            return false;
        }
        Py_SETREF(e->values[key], plain);
    }
    return put_value(e, key);
}

static bool put_blob(anp_op_encoder *e, unsigned key)
{
    PyObject *value = e->values[key], *size = e->values[ANP_KEY_VALUE_BYTE_SIZE];
    Py_ssize_t length = PyObject_Size(value);
    int64_t announced = length;
    if (length < 0 ||
        (size != NULL && !anp_op_integer(&e->at, size, "value_byte_size", &announced))) {
        return false;
    }
    if (announced != length) {
        (void)anp_raise_bin(e->at.whose.state, ANP_ERR_PARAM, e->at.whose.bin,
                            "%s: 'value_byte_size' is %lld, but 'value' has %zd bytes",
                            e->at.whose.where, (long long)announced, length);
        return false;
    }
    return put_value(e, key);
}

static bool take_bool(const anp_op_encoder *e, unsigned key, bool *out)
{
    return anp_op_bool(&e->at, e->values[key], anp_op_key_names[key], out);
}

static bool put_return(anp_op_encoder *e, unsigned key)
{
    int64_t type;
    bool inverted;
    if (!take_bool(e, ANP_KEY_INVERTED, &inverted) ||
        !anp_op_integer(&e->at, e->values[key], "return_type", &type)) {
        return false;
    }
    int64_t plain = type & ~(int64_t)INVERTED;
    if (plain < 0 || plain > RETURN_ORDERED_MAP || (plain > RETURN_EXISTS && plain < RETURN_MAP)) {
        return anp_op_wrong(e, key, "one of LIST_RETURN_* or MAP_RETURN_*");
    }
    return anp_op_put_integer(e, inverted ? type | INVERTED : type);
}

static bool put_action(anp_op_encoder *e, unsigned key)
{
    int64_t action = 0;
    bool sign;
    return take_bool(e, ANP_KEY_SIGN, &sign) &&
           anp_op_integer(&e->at, e->values[key], "action", &action) &&
           anp_op_put_integer(e, action | sign);
}

static bool is_optional(unsigned kind)
{
    switch (kind) {
    case ANP_ARG_TTL:
    case ANP_ARG_INT_OR_ZERO:
    case ANP_ARG_INT_OR_NONE:
    case ANP_ARG_COUNT:
    case ANP_ARG_FROM:
    case ANP_ARG_UNTIL:
    case ANP_ARG_SIGNED:
        return true;
    default:
        return false;
    }
}

/* An optional argument that is not there. */
static bool put_nothing(anp_op_encoder *e, unsigned kind)
{
    switch (kind) {
    case ANP_ARG_INT_OR_ZERO:
        return anp_op_put_integer(e, 0);
    case ANP_ARG_INT_OR_NONE:
        return anp_op_put_integer(e, -1);
    case ANP_ARG_FROM:
        anp_msgpack_put_nil(e->at.b);
        e->written++;
        return true;
    default:
        return true;
    }
}

static bool put_flags(anp_op_encoder *e, unsigned key, int64_t more)
{
    int64_t flags;
    return anp_op_integer(&e->at, e->values[key], anp_op_key_names[key], &flags) &&
           anp_op_put_integer(e, flags | more);
}

/* An argument of what makes a list or a map. */
static bool put_order(anp_op_encoder *e, unsigned key)
{
    bool persists, nested = e->values[ANP_KEY_CTX] != NULL;
    return take_bool(e, ANP_KEY_PERSIST_INDEX, &persists) &&
           put_flags(e, key, persists && !nested ? ANP_OP_PERSISTS : 0);
}

static bool put_present(anp_op_encoder *e, const anp_op_arg *arg)
{
    unsigned key = arg->key;
    PyObject *value = e->values[key];
    bool yes;
    switch (arg->kind) {
    case ANP_ARG_INT:
    case ANP_ARG_INT_OR_ZERO:
    case ANP_ARG_INT_OR_NONE:
        return put_int_arg(e, key);
    case ANP_ARG_SIZE:
    case ANP_ARG_COUNT:
        return put_count(e, key);
    case ANP_ARG_NUMBER:
    case ANP_ARG_LIST:
        return is_of_kind(e, arg) && put_value(e, key);
    case ANP_ARG_VALUE:
    case ANP_ARG_FROM:
    case ANP_ARG_UNTIL:
        return put_value(e, key);
    case ANP_ARG_MAP:
        return is_of_kind(e, arg) && put_map(e, key);
    case ANP_ARG_BLOB:
        return is_of_kind(e, arg) && put_blob(e, key);
    case ANP_ARG_BOOL:
    case ANP_ARG_SIGNED:
        if (!take_bool(e, key, &yes)) {
            return false;
        }
        if (arg->kind == ANP_ARG_BOOL) {
            anp_msgpack_put_bool(e->at.b, yes);
            e->written++;
        }
        return arg->kind == ANP_ARG_BOOL || !yes || anp_op_put_integer(e, 1);
    case ANP_ARG_EXPRESSION:
        e->written++;
        return anp_op_expression(&e->at, value, anp_op_key_names[key]);
    case ANP_ARG_RETURN:
    case ANP_ARG_RETURN_MANY:
        return put_return(e, key);
    case ANP_ARG_LIST_CREATE:
    case ANP_ARG_MAP_CREATE:
        return put_order(e, key);
    case ANP_ARG_BIT_ACTION:
        return put_action(e, key);
    case ANP_ARG_SELECT_FLAGS:
        return put_flags(e, key, 0);
    default: /* ANP_ARG_MODIFY_FLAGS */
        return put_flags(e, key, PATH_MODIFIES);
    }
}

static bool put_arg(anp_op_encoder *e, const anp_op_arg *arg)
{
    PyObject *value = e->values[arg->key];
    if (anp_op_is_hole(e, value)) {
        return anp_op_put_hole(e, arg, true);
    }
    if (arg->kind >= ANP_ARG_LIST_POLICY && arg->kind <= ANP_ARG_HLL_POLICY) {
        return anp_op_put_policy(e, arg);
    }
    if (!is_optional(arg->kind)) {
        return value != NULL ? put_present(e, arg) : anp_op_missing(e, arg->key);
    }
    bool takes_none = arg->kind == ANP_ARG_FROM || arg->kind == ANP_ARG_UNTIL;
    return value != NULL && (value != Py_None || takes_none) ? put_present(e, arg)
                                                             : put_nothing(e, arg->kind);
}

/* ---- payloads ---- */

/* The bits by which the last step to a new list or map makes it. */
static bool create_bits(const anp_op_encoder *e, unsigned *bits)
{
    unsigned kind = e->spec->args[0].kind;
    int64_t order = 0;
    *bits = 0;
    if (kind != ANP_ARG_LIST_CREATE && kind != ANP_ARG_MAP_CREATE) {
        return true;
    }
    unsigned key = e->spec->args[0].key;
    bool pad;
    if (e->values[key] == NULL) {
        return anp_op_missing(e, key);
    }
    if (!take_bool(e, ANP_KEY_PAD, &pad) ||
        !anp_op_integer(&e->at, e->values[key], anp_op_key_names[key], &order)) {
        return false;
    }
    if (kind == ANP_ARG_LIST_CREATE) {
        *bits = order == 1 ? 0xc0 : pad ? 0x80 : 0x40;
    } else {
        *bits = order == 3 ? 0xc0 : order == 1 ? 0x80 : 0x40;
    }
    return true;
}

/* The start of the payload: what leads to the list or map. */
static bool put_envelope(anp_op_encoder *e)
{
    PyObject *context = e->values[ANP_KEY_CTX];
    unsigned bits;
    bool is_path = e->spec->form == ANP_FORM_PATH;
    if (context != NULL && !is_path) {
        if (context == Py_None || ((PyList_Check(context) || PyTuple_Check(context)) &&
                                   PySequence_Fast_GET_SIZE(context) == 0)) {
            Py_CLEAR(e->values[ANP_KEY_CTX]);
            context = NULL;
        }
    }
    if (context == NULL) {
        return !is_path || anp_op_missing(e, ANP_KEY_CTX);
    }
    uint32_t n = is_path && e->spec->args[1].kind != ANP_ARG_END ? 4 : 3;
    anp_msgpack_put_list(e->at.b, n);
    anp_msgpack_put_int(e->at.b, is_path ? BY_PATH : WITH_CONTEXT);
    return create_bits(e, &bits) && anp_op_context(&e->at, context, bits, is_path);
}

static bool put_packed(anp_op_encoder *e)
{
    bool has_list = e->spec->form != ANP_FORM_PATH;
    if ((e->spec->form == ANP_FORM_CDT || !has_list) && !put_envelope(e)) {
        return false;
    }
    size_t at = e->at.b->size;
    if (has_list) {
        anp_msgpack_put_list(e->at.b, 0); /* filled in below: there are fewer than 16 */
    }
    if (has_list && e->spec->form != ANP_FORM_COMPUTED) {
        (void)anp_op_put_integer(e, e->spec->sub);
    }
    for (const anp_op_arg *arg = e->spec->args; arg->kind != ANP_ARG_END; arg++) {
        if (!put_arg(e, arg)) {
            return false;
        }
    }
    if (has_list && e->at.b->failed == ANP_OK) {
        e->at.b->data[at] = (uint8_t)(0x90 | e->written);
    }
    return true;
}

static bool put_plain(anp_op_encoder *e, uint8_t *particle)
{
    const anp_op_arg *arg = &e->spec->args[0];
    PyObject *value = e->values[arg->key];
    *particle = ANP_PARTICLE_NULL;
    if (arg->kind != ANP_ARG_END && anp_op_is_hole(e, value)) {
        return anp_op_put_hole(e, arg, false);
    }
    switch (arg->kind) {
    case ANP_ARG_END:
        return true;
    case ANP_ARG_TTL:
        if (value == NULL || value == Py_None) {
            return true;
        }
        if (!anp_ttl_parse(e->at.whose.state, value, e->at.whose.where, &e->sum->ttl)) {
            return false;
        }
        e->sum->has_ttl = e->sum->ttl != ANP_TTL_CLIENT; /* which is the policy's to tell */
        return true;
    default:
        break;
    }
    if (value == NULL) {
        return anp_op_missing(e, arg->key);
    }
    return is_of_kind(e, arg) && anp_value_encode(&e->at.whose, value, e->at.b, particle);
}

/* ---- operations ---- */

static bool take_bin(anp_op_encoder *e, anp_slice *bin)
{
    PyObject *name = e->values[ANP_KEY_BIN];
    bool is_none = name == NULL || name == Py_None ||
                   (PyUnicode_Check(name) && PyUnicode_GET_LENGTH(name) == 0);
    *bin = (anp_slice){NULL, 0};
    if (is_none && (e->spec->form == ANP_FORM_WHOLE || e->spec->type == ANP_OP_READ)) {
        e->sum->reads_all = e->sum->reads_all || e->spec->type == ANP_OP_READ;
        return true;
    }
    if (e->spec->form == ANP_FORM_WHOLE) {
        return anp_op_wrong(e, ANP_KEY_BIN, "left out: it is of the whole record");
    }
    if (name == NULL) {
        return anp_op_missing(e, ANP_KEY_BIN);
    }
    if (!anp_bin_name(e->at.whose.state, name, bin)) {
        anp_raise_inside(e->at.whose.state, e->at.whose.where);
        return false;
    }
    return true;
}

static bool put_operation(anp_op_encoder *e)
{
    anp_buffer *b = e->at.b;
    anp_slice bin;
    uint8_t particle = ANP_PARTICLE_BLOB;
    if (!take_bin(e, &bin)) {
        return false;
    }
    e->at.whose.bin = bin.size != 0 ? e->values[ANP_KEY_BIN] : NULL;
    size_t start = b->size;
    uint8_t *head = anp_buffer_add(b, HEAD + bin.size);
    if (head != NULL && bin.size != 0) {
        memcpy(head + HEAD, bin.data, bin.size);
    }
    bool is_plain = e->spec->form == ANP_FORM_PLAIN || e->spec->form == ANP_FORM_WHOLE;
    if (!(is_plain ? put_plain(e, &particle) : put_packed(e))) {
        return false;
    }
    if (b->failed != ANP_OK) {
        anp_error err;
        (void)anp_buffer_error(b, "the request", &err);
        (void)anp_raise(e->at.whose.state, &err, NULL);
        return false;
    }
    head = b->data + start; /* the value may have moved the buffer */
    anp_store_be32(head, (uint32_t)(b->size - start - 4));
    head[4] = e->spec->type;
    head[5] = particle;
    head[6] = 0;
    head[7] = (uint8_t)bin.size;
    return true;
}

/* Which operations make the server answer each: maps, bits, HyperLogLogs and expressions. */
static bool answers_all(const anp_op_spec *spec)
{
    return (spec->form == ANP_FORM_CDT && spec->sub >= 64) || spec->form == ANP_FORM_PACKED ||
           spec->form == ANP_FORM_COMPUTED;
}

/* "where: operation i"; its end */
static size_t begin_where(char text[ANP_OP_WHERE], const char *where, Py_ssize_t i)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = (char)('0' + i % 10);
        i /= 10;
    } while (i != 0);
    size_t end = anp_op_where(text, 0, where);
    end = anp_op_where(text, end, ": operation ");
    return anp_op_where(text, end, at);
}

static bool encode_one(anp_op_encoder *e, PyObject *dict, const char *where, Py_ssize_t i)
{
    char text[ANP_OP_WHERE];
    size_t end = begin_where(text, where, i);
    e->at.whose.where = text;
    e->at.whose.bin = NULL;
    e->written = 0;
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError,
                     "%s: an operation is a dict, made by aerospike_np.helpers.operations; got %R",
                     text, dict);
        return false;
    }
    if (!anp_op_take_dict(e, dict, text, end) || !put_operation(e)) {
        return false;
    }
    e->sum->reads = e->sum->reads || e->spec->is_read;
    e->sum->writes = e->sum->writes || !e->spec->is_read;
    e->sum->respond_all = e->sum->respond_all || answers_all(e->spec);
    return true;
}

static bool encode_all(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                       anp_op_holes *holes, anp_operations *out)
{
    Py_ssize_t n = PyTuple_GET_SIZE(ops);
    *out = (anp_operations){.count = (uint16_t)n};
    if (n == 0 || n > ANP_BINS_MAX) {
        (void)anp_raise_arg(state, "%s: %zd operations; a request takes 1 to %d", where, n,
                            (int)ANP_BINS_MAX);
        return false;
    }
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        anp_op_encoder e = {.at = {.whose = {.state = state}, .b = b},
                            .number = (uint16_t)i,
                            .holes = holes,
                            .sum = out};
        ok = encode_one(&e, PyTuple_GET_ITEM(ops, i), where, i);
        for (uint64_t left = e.present; left != 0; left &= left - 1) {
            Py_XDECREF(e.values[__builtin_ctzll(left)]);
        }
    }
    if (ok && out->reads_all && out->respond_all) {
        out->respond_all = false; /* the server refuses both; all bins come as they are */
    }
    return ok;
}

bool anp_operations_encode(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                           anp_operations *out)
{
    return encode_all(state, ops, where, b, NULL, out);
}

bool anp_operations_template(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                             anp_op_holes *holes, anp_operations *out)
{
    anp_buffer_init(&holes->list, SIZE_MAX / 2);
    holes->names = PyList_New(0);
    return holes->names != NULL && encode_all(state, ops, where, b, holes, out);
}
