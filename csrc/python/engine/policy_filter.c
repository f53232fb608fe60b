/* The filter of a policy: the bytes of an expression. Needs the GIL. */
#include "python/engine/policy.h"

void anp_policy_copy(anp_py_policy *out, const anp_py_policy *from)
{
    *out = *from;
    Py_XINCREF(out->filter);
}

void anp_policy_release(anp_py_policy *policy)
{
    Py_CLEAR(policy->filter);
}

anp_slice anp_policy_filter(const anp_py_policy *policy)
{
    PyObject *filter = policy->filter;
    return filter == NULL ? (anp_slice){NULL, 0}
                          : (anp_slice){(const uint8_t *)PyBytes_AS_STRING(filter),
                                        (size_t)PyBytes_GET_SIZE(filter)};
}

bool anp_filter_take(anp_state *state, const char *name, PyObject *value, const char *where,
                     PyObject **out)
{
    if ((PyObject *)Py_TYPE(value) != state->expression_class) {
        (void)anp_raise_arg(state,
                            "%s: %s must be an expression, made with aerospike_np.exp or "
                            "aerospike_np.helpers.expressions, not %R",
                            where, name, value);
        return false;
    }
    PyObject *packed = PyObject_GetAttrString(value, "_filter");
    if (packed == NULL) {
        char inside[128];
        (void)PyOS_snprintf(inside, sizeof inside, "%s: %s", where, name);
        anp_raise_inside(state, inside);
        return false;
    }
    Py_XSETREF(*out, packed);
    return true;
}

bool anp_filter_is_one(anp_state *state, PyObject *dict, const char *where)
{
    PyObject *one = PyDict_GetItemString(dict, "expressions");
    PyObject *other = PyDict_GetItemString(dict, "filter_expression");
    if (one == NULL || other == NULL || one == Py_None || other == Py_None || one == other) {
        return true;
    }
    (void)anp_raise_arg(state, "%s: expressions and filter_expression are one key; give one filter",
                        where);
    return false;
}
