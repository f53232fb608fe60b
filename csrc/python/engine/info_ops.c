/* Info requests, prepared. */
#include "python/engine/core.h"
#include "wire/info.h"

static PyObject *wrap_info(anp_request *r)
{
    const anp_buffer *reply = &r->info->reply;
    if (r->command->status != ANP_OK) { /* the finish function has the exception */
        Py_RETURN_NONE;
    }
    return PyUnicode_DecodeUTF8((const char *)reply->data, (Py_ssize_t)reply->size,
                                "surrogateescape");
}

static anp_cluster_node *find_node(anp_cluster *cluster, const char *name)
{
    anp_cluster_node *nodes[256];
    size_t n = anp_cluster_nodes(cluster, nodes, 256);
    anp_cluster_node *found = NULL;
    for (size_t i = 0; i < n && i < 256; i++) {
        if (found == NULL && strcmp(nodes[i]->name, name) == 0) {
            found = nodes[i];
        } else {
            anp_cluster_node_release(nodes[i]);
        }
    }
    return found;
}

/* info(node name or None for any, text, policy): the whole reply's text */
PyObject *anp_core_info(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    anp_core *core = (anp_core *)(void *)self;
    anp_py_policy policy;
    anp_error err;
    if (!anp_args_are("info", n, 3) ||
        !anp_core_policy(core, args[2], ANP_GROUP_INFO, "info", &policy)) {
        return NULL;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_Check(args[1]) ? PyUnicode_AsUTF8AndSize(args[1], &size) : NULL;
    if (text == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_TypeError, "an info command is a str, not %s",
                         Py_TYPE(args[1])->tp_name);
        }
        return NULL;
    }
    const char *name = args[0] == Py_None ? NULL : PyUnicode_AsUTF8(args[0]);
    if (name == NULL && args[0] != Py_None) {
        return NULL;
    }
    anp_cluster *cluster = anp_core_cluster(core);
    if (cluster == NULL) {
        return NULL;
    }
    anp_cluster_node *node = name != NULL ? find_node(cluster, name) : NULL;
    anp_request *r = node != NULL || name == NULL ? anp_request_new(core) : NULL;
    if (node == NULL && name != NULL) {
        (void)anp_error_set(&err, ANP_ERR_INVALID_NODE, "there is no node %s; see get_node_names()",
                            name);
        (void)anp_raise(core->state, &err, NULL);
    }
    if (r != NULL) {
        r->info = PyMem_RawCalloc(1, sizeof *r->info);
        r->wrap = wrap_info;
        anp_status status =
            r->info == NULL
                ? ANP_ERR_MEMORY
                : anp_info_command_init(r->info, cluster, &policy.engine, node,
                                        (anp_slice){(const uint8_t *)text, (size_t)size}, &err);
        if (status != ANP_OK) {
            if (r->info == NULL) {
                (void)PyErr_NoMemory();
            } else {
                PyMem_RawFree(r->info);
                r->info = NULL;
                (void)anp_raise(core->state, &err, NULL);
            }
            Py_CLEAR(r);
        } else {
            r->command = &r->info->command;
        }
    }
    if (node != NULL) {
        anp_cluster_node_release(node);
    }
    anp_cluster_release(cluster);
    return (PyObject *)r;
}
