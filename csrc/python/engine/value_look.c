/* Telling Python's and NumPy's types apart. NumPy is never imported: its scalars and arrays are
 * known by
 * `__array_interface__` on their type, and asked for Python objects (`tolist`). */
#include "python/engine/value_look.h"

static bool is_a(PyObject *value, PyObject *class)
{
    return class != NULL && PyType_Check(class) && PyObject_TypeCheck(value, (PyTypeObject *)class);
}

static bool look_integer(const anp_whose *whose, PyObject *value, anp_look *out)
{
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) {
        out->kind = ANP_LOOK_INT;
        out->integer = v;
        return v != -1 || !PyErr_Occurred();
    }
    if (overflow > 0) {
        unsigned long long u = PyLong_AsUnsignedLongLong(value);
        if (u != (unsigned long long)-1 || !PyErr_Occurred()) {
            out->kind = ANP_LOOK_UINT;
            out->uinteger = u;
            return true;
        }
        PyErr_Clear();
    }
    /* Not the number itself: it may have millions of digits. */
    anp_raise_bin(whose->state, ANP_ERR_PARAM, whose->bin,
                  "%s: the integer doesn't fit into 64 bits (-9223372036854775808 to "
                  "9223372036854775807); store it as str or bytes",
                  whose->where);
    return false;
}

static bool look_text(const anp_whose *whose, PyObject *value, uint8_t particle, anp_look *out)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
            anp_raise_bin(whose->state, ANP_ERR_PARAM, whose->bin,
                          "%s: the str holds lone surrogates, which UTF-8 has no bytes for; store "
                          "bytes: value.encode(\"utf-8\", \"surrogatepass\")",
                          whose->where);
        }
        return false;
    }
    out->kind = ANP_LOOK_TEXT;
    out->particle = particle;
    out->text = (anp_slice){(const uint8_t *)text, (size_t)size};
    return true;
}

static void look_bytes(PyObject *value, uint8_t particle, anp_look *out)
{
    out->kind = ANP_LOOK_TEXT;
    out->particle = particle;
    out->text =
        (anp_slice){(const uint8_t *)PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value)};
}

static bool look_buffer(const anp_whose *whose, PyObject *value, anp_look *out)
{
    if (PyObject_GetBuffer(value, &out->view, PyBUF_SIMPLE) < 0) {
        out->view.obj = NULL;
        if (PyErr_ExceptionMatches(PyExc_BufferError)) {
            PyErr_Clear();
            anp_raise_bin(whose->state, ANP_ERR_PARAM, whose->bin,
                          "%s: the %.100s is not contiguous; pass bytes(value)", whose->where,
                          Py_TYPE(value)->tp_name);
        }
        return false;
    }
    out->kind = ANP_LOOK_TEXT;
    out->particle = ANP_PARTICLE_BLOB;
    out->text = (anp_slice){out->view.buf, (size_t)out->view.len};
    return true;
}

static bool look_geojson(const anp_whose *whose, PyObject *value, anp_look *out)
{
    out->hold = PyObject_CallMethod(value, "dumps", NULL);
    if (out->hold == NULL) {
        return false;
    }
    if (!PyUnicode_Check(out->hold)) {
        PyErr_Format(PyExc_TypeError, "%s: %.100s.dumps() gave %.100s, not str", whose->where,
                     Py_TYPE(value)->tp_name, Py_TYPE(out->hold)->tp_name);
        return false;
    }
    return look_text(whose, out->hold, ANP_PARTICLE_GEOJSON, out);
}

/* A subclass of bytes that says which particle it is. */
static bool look_typed_blob(const anp_whose *whose, PyObject *value, anp_look *out)
{
    PyObject *number = PyObject_GetAttrString(value, "particle_type");
    if (number == NULL) {
        return false;
    }
    long type = PyLong_AsLong(number);
    Py_DECREF(number);
    if (type == -1 && PyErr_Occurred()) {
        return false;
    }
    switch (type) {
    case ANP_PARTICLE_NULL:
    case ANP_PARTICLE_INTEGER:
    case ANP_PARTICLE_FLOAT:
    case ANP_PARTICLE_BOOL:
    case ANP_PARTICLE_MAP:
    case ANP_PARTICLE_LIST:
    case ANP_PARTICLE_GEOJSON:
        type = -1;
        break;
    default:
        break;
    }
    if (type < 0 || type > 254) { /* 255 marks an extension that was read out of a list */
        anp_raise_bin(
            whose->state, ANP_ERR_PARAM, whose->bin,
            "%s: particle_type of %.100s is none that is written as bytes (3, 4, 7 to 12, "
            "16, 18)",
            whose->where, Py_TYPE(value)->tp_name);
        return false;
    }
    look_bytes(value, (uint8_t)type, out);
    return true;
}

static bool refuse(const anp_whose *whose, PyObject *value, const char *what_to_do)
{
    PyErr_Format(PyExc_TypeError, "%s: a value of type %.100s can't be stored; %s", whose->where,
                 Py_TYPE(value)->tp_name, what_to_do);
    return false;
}

/* The letter of value.dtype.kind; 0: there is none (no exception). */
static char dtype_kind(PyObject *value)
{
    char kind = 0;
    PyObject *dtype = PyObject_GetAttrString(value, "dtype");
    PyObject *letter = dtype != NULL ? PyObject_GetAttrString(dtype, "kind") : NULL;
    if (letter != NULL && PyUnicode_Check(letter) && PyUnicode_GET_LENGTH(letter) == 1) {
        Py_UCS4 c = PyUnicode_READ_CHAR(letter, 0);
        kind = c < 128 ? (char)c : 0;
    }
    Py_XDECREF(letter);
    Py_XDECREF(dtype);
    PyErr_Clear();
    return kind;
}

/* Number of dimensions; -1: none to be had (no exception). */
static long dimensions(PyObject *value)
{
    PyObject *number = PyObject_GetAttrString(value, "ndim");
    long n = number != NULL ? PyLong_AsLong(number) : -1;
    Py_XDECREF(number);
    PyErr_Clear();
    return n;
}

/* Why a scalar or an array of NumPy's isn't taken, and what to do; NULL: it is. */
static const char *numpy_refusal(char kind, bool is_scalar)
{
    switch (kind) {
    case 'b':
    case 'i':
    case 'u':
    case 'f':
        return NULL;
    case 'U':
    case 'S':
    case 'T':
        return is_scalar ? NULL
                         : "an array of strings isn't numeric: pass array.tolist(), or wrap it "
                           "with aerospike_np.blob(...) to store its bytes";
    case 'M':
    case 'm':
        return "store dates and durations as integers (value.astype(\"int64\")) or as text "
               "(str(value))";
    default:
        return "only bool, integer and float arrays become lists: pass value.tolist(), or wrap it "
               "with aerospike_np.blob(...) to store its bytes";
    }
}

/* A scalar or an array of NumPy's: as Python objects. Those of Python's own types are looked at;
 * longdouble stays itself in tolist() and goes through float(). */
static bool look_numpy(const anp_whose *whose, PyObject *value, anp_look *out)
{
    const char *why = numpy_refusal(dtype_kind(value), dimensions(value) == 0);
    if (why != NULL) {
        return refuse(whose, value, why);
    }
    PyObject *plain = PyObject_CallMethod(value, "tolist", NULL);
    if (plain != NULL && Py_TYPE(plain) == Py_TYPE(value)) {
        Py_SETREF(plain, PyNumber_Float(plain));
    }
    if (plain == NULL) {
        return false;
    }
    out->hold = plain;
    if (PyList_CheckExact(plain)) {
        out->kind = ANP_LOOK_LIST;
        out->container = plain;
        return true;
    }
    if (plain == Py_None) { /* numpy.ma.masked */
        out->kind = ANP_LOOK_NULL;
        return true;
    }
    if (PyBool_Check(plain)) {
        out->kind = ANP_LOOK_BOOL;
        out->boolean = plain == Py_True;
        return true;
    }
    if (PyLong_Check(plain)) {
        return look_integer(whose, plain, out);
    }
    if (PyFloat_Check(plain)) {
        out->kind = ANP_LOOK_FLOAT;
        out->real = PyFloat_AS_DOUBLE(plain);
        return true;
    }
    if (PyUnicode_Check(plain)) {
        return look_text(whose, plain, ANP_PARTICLE_STRING, out);
    }
    if (PyBytes_Check(plain)) {
        look_bytes(plain, ANP_PARTICLE_BLOB, out);
        return true;
    }
    return refuse(whose, value, "pass a Python object or a numeric array");
}

/* NumPy's, and what can't be stored. */
static bool look_foreign(const anp_whose *whose, PyObject *value, anp_look *out)
{
    PyObject *numpy = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__array_interface__");
    if (numpy != NULL) {
        Py_DECREF(numpy);
        return look_numpy(whose, value, out);
    }
    PyErr_Clear();
    if (is_a(value, whose->state->expression_class)) {
        return refuse(whose, value,
                      "the server computes it: use expression_read or expression_write");
    }
    if (PyObject_HasAttrString(value, "isoformat")) {
        return refuse(whose, value,
                      "store a time as an integer (int(value.timestamp())) or as text "
                      "(value.isoformat()), and a column of times with a zone as "
                      "column.dt.tz_convert(None), which are those of UTC");
    }
    if (PyAnySet_Check(value)) {
        return refuse(whose, value, "Aerospike has no sets: pass a list");
    }
    if (PyObject_CheckBuffer(value) || PyObject_HasAttrString(value, "__array__")) {
        return refuse(whose, value,
                      "pass value.tolist() to store a list, or wrap it with "
                      "aerospike_np.blob(...) to store its bytes");
    }
    return refuse(whose, value,
                  "pass None, bool, int, float, str, bytes, list, dict, a NumPy scalar "
                  "or a numeric array");
}

/* Whatever is of no exact type of Python's own. */
static bool look_other(const anp_whose *whose, PyObject *value, anp_look *out)
{
    anp_state *state = whose->state;
    if (is_a(value, state->geojson_class)) { /* first: what it inherits from is its own affair */
        return look_geojson(whose, value, out);
    }
    if (PyUnicode_Check(value)) { /* numpy.str_ too */
        return look_text(whose, value, ANP_PARTICLE_STRING, out);
    }
    if (PyLong_Check(value)) { /* IntEnum */
        return look_integer(whose, value, out);
    }
    if (PyFloat_Check(value)) { /* numpy.float64 */
        out->kind = ANP_LOOK_FLOAT;
        out->real = PyFloat_AS_DOUBLE(value);
        return true;
    }
    if (PyBytes_Check(value)) {
        if (is_a(value, state->typed_blob_class)) {
            return look_typed_blob(whose, value, out);
        }
        look_bytes(value, is_a(value, state->hll_class) ? ANP_PARTICLE_HLL : ANP_PARTICLE_BLOB,
                   out);
        return true;
    }
    if (PyList_Check(value) || PyTuple_Check(value)) {
        out->kind = ANP_LOOK_LIST;
        out->container = value;
        return true;
    }
    if (PyDict_Check(value)) {
        out->kind = ANP_LOOK_MAP;
        out->container = value;
        out->is_ordered = is_a(value, state->key_ordered_class);
        return true;
    }
    if (PyByteArray_Check(value) || PyMemoryView_Check(value)) {
        return look_buffer(whose, value, out);
    }
    if (is_a(value, state->infinite_class) || is_a(value, state->wildcard_class)) {
        out->kind = is_a(value, state->infinite_class) ? ANP_LOOK_INFINITE : ANP_LOOK_WILDCARD;
        return true;
    }
    return look_foreign(whose, value, out);
}

bool anp_look_at(const anp_whose *whose, PyObject *value, anp_look *out)
{
    out->hold = NULL;
    out->view.obj = NULL;
    out->container = value;
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyUnicode_Type) {
        return look_text(whose, value, ANP_PARTICLE_STRING, out);
    }
    if (type == &PyLong_Type) {
        return look_integer(whose, value, out);
    }
    if (type == &PyFloat_Type) {
        out->kind = ANP_LOOK_FLOAT;
        out->real = PyFloat_AS_DOUBLE(value);
        return true;
    }
    if (type == &PyBool_Type) {
        out->kind = ANP_LOOK_BOOL;
        out->boolean = value == Py_True;
        return true;
    }
    if (type == &PyBytes_Type) {
        look_bytes(value, ANP_PARTICLE_BLOB, out);
        return true;
    }
    if (type == &PyList_Type || type == &PyTuple_Type) {
        out->kind = ANP_LOOK_LIST;
        return true;
    }
    if (type == &PyDict_Type) {
        out->kind = ANP_LOOK_MAP;
        out->is_ordered = false;
        return true;
    }
    if (value == Py_None) {
        out->kind = ANP_LOOK_NULL;
        return true;
    }
    return look_other(whose, value, out);
}
