/* Places in operations: where a Field stands for a value, which each row of arrays has its own of.
 */
#include "python/engine/operation.h"

bool anp_op_is_hole(const anp_op_encoder *e, PyObject *value)
{
    return e->holes != NULL && value != NULL &&
           (PyObject *)Py_TYPE(value) == e->at.whose.state->field_class;
}

/* May each row have its own? */
static bool may_differ(unsigned kind)
{
    switch (kind) {
    case ANP_ARG_ANY:
    case ANP_ARG_NUMBER:
    case ANP_ARG_TEXT:
    case ANP_ARG_INT:
    case ANP_ARG_INT_OR_ZERO:
    case ANP_ARG_INT_OR_NONE:
    case ANP_ARG_SIZE:
    case ANP_ARG_COUNT:
    case ANP_ARG_VALUE:
    case ANP_ARG_LIST:
    case ANP_ARG_MAP:
    case ANP_ARG_BLOB:
    case ANP_ARG_FROM:
    case ANP_ARG_UNTIL:
        return true;
    default:
        return false;
    }
}

bool anp_op_put_hole(anp_op_encoder *e, const anp_op_arg *arg, bool is_packed)
{
    if (!may_differ(arg->kind)) {
        return anp_op_wrong(e, arg->key, "the same for all rows");
    }
    anp_op_hole hole = {.at = e->at.b->size,
                        .op = e->number,
                        .kind = arg->kind,
                        .key = arg->key,
                        .is_packed = is_packed,
                        .size = -1};
    PyObject *size = e->values[ANP_KEY_VALUE_BYTE_SIZE];
    if (arg->kind == ANP_ARG_BLOB && size != NULL &&
        !anp_op_integer(&e->at, size, "value_byte_size", &hole.size)) {
        return false;
    }
    PyObject *name = PyObject_GetAttrString(e->values[arg->key], "name");
    bool ok = name != NULL && PyList_Append(e->holes->names, name) == 0;
    Py_XDECREF(name);
    anp_buffer_put(&e->holes->list, &hole, sizeof hole);
    if (ok && e->holes->list.failed != ANP_OK) {
        (void)PyErr_NoMemory();
        ok = false;
    }
    e->written++;
    return ok;
}

void anp_op_holes_deinit(anp_op_holes *holes)
{
    anp_buffer_deinit(&holes->list);
    Py_CLEAR(holes->names);
}
