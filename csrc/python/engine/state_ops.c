/* What the client knows of its cluster, for people and tests: read without asking anybody. */
#include "python/engine/core.h"

enum { NODES_MAX = 256 };

static PyObject *node_state(const anp_cluster_node *node)
{
    anp_pool_stats pool;
    char address[ANP_ADDRESS_TEXT];
    anp_pool_stats_get(node->pool, &pool);
    anp_address_print(&node->address, address);
    return Py_BuildValue(
        "(ssN(IIKKI)IIKN)", node->name, address, PyBool_FromLong(atomic_load(&node->active)),
        pool.in_use, pool.idle, (unsigned long long)pool.opened, (unsigned long long)pool.closed,
        pool.waiting, (unsigned)atomic_load(&node->errors), (unsigned)atomic_load(&node->failures),
        (unsigned long long)atomic_load(&node->round_trip_ns),
        PyBool_FromLong(anp_cluster_node_allows(node)));
}

static PyObject *node_states(anp_cluster *cluster)
{
    anp_cluster_node *nodes[NODES_MAX];
    size_t n = anp_cluster_nodes(cluster, nodes, NODES_MAX);
    n = n < NODES_MAX ? n : NODES_MAX;
    PyObject *all = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; i < n; i++) {
        PyObject *one = all != NULL ? node_state(nodes[i]) : NULL;
        if (one != NULL) {
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
        } else {
            Py_CLEAR(all);
        }
        anp_cluster_node_release(nodes[i]);
    }
    return all;
}

/* {namespace: partitions that no node is known to own} */
static PyObject *without_owner(anp_cluster *cluster)
{
    anp_map *map = anp_cluster_map(cluster);
    PyObject *all = PyDict_New();
    for (uint32_t i = 0; map != NULL && all != NULL && i < map->n_namespaces; i++) {
        const anp_map_namespace *ns = &map->namespaces[i];
        PyObject *count = PyLong_FromUnsignedLong(anp_map_unowned(ns));
        if (count == NULL || PyDict_SetItemString(all, ns->name, count) < 0) {
            Py_CLEAR(all);
        }
        Py_XDECREF(count);
    }
    anp_map_release(map);
    return all;
}

/* (nodes, {namespace: partitions without an owner}, (retries, tends, failed tends, ns of the last
 * one, nodes added, nodes removed)) */
PyObject *anp_core_state(PyObject *self, PyObject *unused)
{
    bool closed;
    (void)unused;
    anp_cluster *cluster = anp_core_current((anp_core *)(void *)self, &closed);
    if (cluster == NULL) {
        Py_RETURN_NONE;
    }
    anp_cluster_stats s;
    anp_cluster_stats_get(cluster, &s);
    PyObject *nodes = node_states(cluster);
    PyObject *unowned = nodes != NULL ? without_owner(cluster) : NULL;
    PyObject *state =
        unowned != NULL
            ? Py_BuildValue("(OO(KKKKKK))", nodes, unowned, (unsigned long long)s.retries,
                            (unsigned long long)s.tends, (unsigned long long)s.tend_failures,
                            (unsigned long long)s.last_tend_ns, (unsigned long long)s.nodes_added,
                            (unsigned long long)s.nodes_removed)
            : NULL;
    Py_XDECREF(nodes);
    Py_XDECREF(unowned);
    anp_cluster_release(cluster);
    return state;
}

static PyObject *names_of(const anp_map_partition *p, unsigned n)
{
    PyObject *names = PyTuple_New((Py_ssize_t)n);
    for (unsigned k = 0; names != NULL && k < n; k++) {
        PyObject *name =
            p->replica[k] != NULL ? PyUnicode_FromString(p->replica[k]->name) : Py_NewRef(Py_None);
        if (name == NULL) {
            Py_CLEAR(names);
        } else {
            PyTuple_SET_ITEM(names, (Py_ssize_t)k, name);
        }
    }
    return names;
}

PyObject *anp_core_partition_owners(PyObject *self, PyObject *namespace_name)
{
    anp_core *core = (anp_core *)(void *)self;
    Py_ssize_t size;
    const char *name =
        PyUnicode_Check(namespace_name) ? PyUnicode_AsUTF8AndSize(namespace_name, &size) : NULL;
    if (name == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_TypeError, "a namespace is a str, not %s",
                         Py_TYPE(namespace_name)->tp_name);
        }
        return NULL;
    }
    anp_cluster *cluster = anp_core_cluster(core);
    if (cluster == NULL) {
        return NULL;
    }
    anp_map *map = anp_cluster_map(cluster);
    const anp_map_namespace *ns = map != NULL ? anp_map_find(map, name, (size_t)size) : NULL;
    PyObject *owners = ns != NULL ? PyList_New(ANP_PARTITIONS) : NULL;
    for (unsigned p = 0; owners != NULL && p < ANP_PARTITIONS; p++) {
        PyObject *names = names_of(&ns->partitions[p], ns->n_replicas);
        if (names == NULL) {
            Py_CLEAR(owners);
        } else {
            PyList_SET_ITEM(owners, (Py_ssize_t)p, names);
        }
    }
    if (ns == NULL) {
        (void)anp_raise_arg(core->state, "the cluster has no namespace %s, or none is known yet",
                            name);
    }
    anp_map_release(map);
    anp_cluster_release(cluster);
    return owners;
}
