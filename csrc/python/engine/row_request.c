/* Rows of batches: operations and functions, as requests. Needs the GIL; no state. */
#include "python/engine/row_request.h"

enum { NAME_MAX_BYTES = 127, WHERE_SIZE = 96 };

bool anp_row_policy_parse(anp_state *state, PyObject *dict, PyObject *meta, anp_policy_group group,
                          const char *where, anp_py_policy *out, uint32_t *generation)
{
    out->of_call = NULL;
    if (!anp_policy_parse(state, dict, group, where, out) ||
        !anp_meta_parse(state, meta, group, where, out, generation)) {
        return false;
    }
    if (out->of_call != NULL) {
        (void)anp_raise_arg(state, "%s: %s is for the whole batch; give it in the call's policy",
                            where, out->of_call);
    }
    return out->of_call == NULL;
}

bool anp_row_encode(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                    anp_operations *out)
{
    if (!PyList_Check(ops) && !PyTuple_Check(ops)) {
        PyErr_Format(PyExc_TypeError, "%s: ops is a list of operations, not %s", where,
                     Py_TYPE(ops)->tp_name);
        return false;
    }
    PyObject *held = PySequence_Tuple(ops);
    bool ok = held != NULL && anp_operations_encode(state, held, where, b, out);
    Py_XDECREF(held);
    return ok;
}

void anp_row_operate(const anp_operations *ops, const anp_py_policy *policy, anp_row_request *out)
{
    *out = (anp_row_request){.flags = ANP_ROW_INFO | ANP_ROW_TTL, .n_ops = ops->count};
    if (ops->reads) {
        out->info1 = (uint8_t)(ANP_INFO1_READ | (ops->reads_all ? ANP_INFO1_GET_ALL : 0));
        anp_policy_read_bits(policy, &out->info1, &out->info3);
    }
    if (!ops->writes) {
        out->ttl = (uint32_t)policy->read_touch;
        return;
    }
    out->flags |= ANP_ROW_GENERATION;
    out->info2 = (uint8_t)(ANP_INFO2_WRITE | (ops->reads_all ? 0 : ANP_INFO2_RESPOND_ALL_OPS));
    anp_policy_write_bits(policy, &out->info2, &out->info3);
    out->ttl = ops->has_ttl ? (uint32_t)ops->ttl : anp_policy_ttl(policy);
}

bool anp_function_name(anp_state *state, PyObject *name, const char *what, const char *where,
                       anp_slice *out)
{
    Py_ssize_t size = 0;
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "%s: %s is a str, not %s", where, what,
                     Py_TYPE(name)->tp_name);
        return false;
    }
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text == NULL) {
        return false;
    }
    if (size == 0 || size > NAME_MAX_BYTES) {
        (void)anp_raise_arg(state, "%s: %s has %zd bytes; it takes 1 to %d", where, what, size,
                            (int)NAME_MAX_BYTES);
        return false;
    }
    *out = (anp_slice){(const uint8_t *)text, (size_t)size};
    return true;
}

bool anp_row_apply(anp_state *state, PyObject *module, PyObject *function, PyObject *args,
                   const char *where, const anp_py_policy *policy, anp_buffer *fields,
                   anp_row_request *out)
{
    char text[WHERE_SIZE];
    (void)PyOS_snprintf(text, sizeof text, "%s: args", where);
    const anp_whose whose = {.state = state, .where = text};
    anp_slice package, name;
    uint8_t particle;
    *out = (anp_row_request){.flags = ANP_ROW_INFO | ANP_ROW_GENERATION | ANP_ROW_TTL,
                             .info2 = ANP_INFO2_WRITE,
                             .ttl = anp_policy_ttl(policy),
                             .n_fields = 3};
    anp_policy_write_bits(policy, &out->info2, &out->info3);
    if (!anp_function_name(state, module, "module", where, &package) ||
        !anp_function_name(state, function, "function", where, &name)) {
        return false;
    }
    if (!PyList_Check(args)) {
        PyErr_Format(PyExc_TypeError, "%s: args is a list, not %s", where, Py_TYPE(args)->tp_name);
        return false;
    }
    anp_field_write(fields, ANP_FIELD_UDF_PACKAGE, package.data, package.size);
    anp_field_write(fields, ANP_FIELD_UDF_FUNCTION, name.data, name.size);
    size_t start = fields->size;
    anp_field_write(fields, ANP_FIELD_UDF_ARGS, NULL, 0);
    if (!anp_value_encode(&whose, args, fields, &particle)) {
        return false;
    }
    if (fields->failed == ANP_OK) {
        anp_store_be32(fields->data + start, (uint32_t)(fields->size - start - 4));
    }
    return true;
}

void anp_row_remove(const anp_py_policy *policy, anp_row_request *out)
{
    *out =
        (anp_row_request){.flags = ANP_ROW_INFO | ANP_ROW_GENERATION | ANP_ROW_TTL,
                          .info2 = ANP_INFO2_WRITE | ANP_INFO2_RESPOND_ALL_OPS | ANP_INFO2_DELETE};
    anp_policy_write_bits(policy, &out->info2, &out->info3);
}
