/* Errors of the engine as exceptions of the package. The class is chosen in Python, by
 * aerospike_np._codes.error_of; here only codes that have no meaning outside C are translated.
 * Every function needs an attached thread state. */
#include "python/engine/binding.h"

#include <stdarg.h>

/* The code that Python shows. The numbers below -100 are C's own. */
static long public_code(anp_status code)
{
    switch (code) {
    case ANP_ERR_PROTOCOL:
    case ANP_ERR_CLOSED:
        return ANP_ERR_CLIENT;
    case ANP_ERR_CONVERSION:
        return ANP_ERR_PARAM;
    case ANP_ERR_CLIENT_TIMEOUT:
        return ANP_SERVER_TIMEOUT;
    default:
        return code;
    }
}

/* Steals message (which may be NULL: then its exception stays). */
static PyObject *exception_of(anp_state *state, anp_status code, PyObject *message, bool in_doubt,
                              const char *node, PyObject *key, PyObject *bin)
{
    if (message == NULL) {
        return NULL;
    }
    PyObject *node_name = node != NULL && node[0] != '\0'
                              ? PyUnicode_DecodeUTF8(node, (Py_ssize_t)strlen(node), "replace")
                              : Py_NewRef(Py_None);
    PyObject *exception = NULL;
    if (node_name != NULL) {
        exception = PyObject_CallFunction(state->raise_status, "lOOOOO", public_code(code), message,
                                          in_doubt ? Py_True : Py_False, node_name,
                                          key != NULL ? key : Py_None, bin != NULL ? bin : Py_None);
    }
    Py_XDECREF(node_name);
    Py_DECREF(message);
    if (exception != NULL && !PyExceptionInstance_Check(exception)) {
        PyErr_Format(PyExc_SystemError, "_codes.error_of gave %.100s, which is no exception",
                     Py_TYPE(exception)->tp_name);
        Py_CLEAR(exception);
    }
    return exception;
}

/* Steals exception, which may be NULL. */
static PyObject *raise_exception(PyObject *exception)
{
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

PyObject *anp_exception_new(anp_state *state, const anp_error *err, PyObject *key)
{
    PyObject *message =
        PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    if (err->code == ANP_ERR_MEMORY && message != NULL) {
        PyObject *exception = PyObject_CallOneArg(PyExc_MemoryError, message);
        Py_DECREF(message);
        return exception;
    }
    return exception_of(state, err->code, message, err->in_doubt != 0, err->node, key, NULL);
}

PyObject *anp_raise(anp_state *state, const anp_error *err, PyObject *key)
{
    /* Ctrl-C ends a wait as "aborted": its own exception says more. */
    if (err->code == ANP_ERR_ABORTED && PyErr_Occurred()) {
        return NULL;
    }
    if (err->code == ANP_ERR_MEMORY) {
        return PyErr_NoMemory(); /* no allocation for a text now */
    }
    return raise_exception(anp_exception_new(state, err, key));
}

PyObject *anp_raise_arg(anp_state *state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PyObject *message = PyUnicode_FromFormatV(format, args);
    va_end(args);
    return raise_exception(exception_of(state, ANP_ERR_PARAM, message, false, NULL, NULL, NULL));
}

PyObject *anp_raise_bin(anp_state *state, anp_status code, PyObject *bin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PyObject *message = PyUnicode_FromFormatV(format, args);
    va_end(args);
    return raise_exception(exception_of(state, code, message, false, NULL, NULL, bin));
}

void anp_raise_inside(anp_state *state, const char *where)
{
    bool is_type = PyErr_ExceptionMatches(PyExc_TypeError);
    if (!is_type && !PyErr_ExceptionMatches(state->invalid_arg_error)) {
        return;
    }
    PyObject *inner = anp_exception_take();
    PyObject *bin = is_type ? Py_NewRef(Py_None) : PyObject_GetAttrString(inner, "bin");
    if (is_type) {
        PyErr_Format(PyExc_TypeError, "%s: %S", where, inner);
    } else if (bin != NULL) {
        (void)anp_raise_bin(state, ANP_ERR_PARAM, bin, "%s: %S", where, inner);
    }
    Py_XDECREF(bin);
    Py_XDECREF(inner);
}
