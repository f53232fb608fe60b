/* aerospike_np._engine: multi-phase init, heap types, all state in the module. */
#include "python/engine/batch_ops.h"

static struct PyModuleDef engine_module;

anp_state *anp_state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

anp_state *anp_state_of_type(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, &engine_module);
    return module != NULL ? PyModule_GetState(module) : NULL;
}

/* calc_digest(namespace, set, key): 20 bytes */
static PyObject *calc_digest(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    anp_py_key key;
    if (!anp_args_are("calc_digest", n, 3)) {
        return NULL;
    }
    PyObject *tuple = PyTuple_Pack(3, args[0], args[1], args[2]);
    PyObject *digest = NULL;
    if (tuple != NULL && anp_key_parse(anp_state_of(module), tuple, -1, &key)) {
        digest = PyByteArray_FromStringAndSize((const char *)key.digest, ANP_DIGEST_SIZE);
        anp_key_release(&key);
    }
    Py_XDECREF(tuple);
    return digest;
}

/* digests(keys): n * 20 bytes, for a list of key tuples or a Keys */
static PyObject *digests(PyObject *module, PyObject *keys)
{
    anp_state *state = anp_state_of(module);
    anp_key_source *s = anp_key_source_new(state, keys, false);
    if (s == NULL) {
        return NULL;
    }
    uint64_t n = s->view.count;
    PyObject *out = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * ANP_DIGEST_SIZE));
    anp_error err;
    anp_status status = ANP_OK;
    if (out != NULL) {
        uint8_t *bytes = (uint8_t *)PyBytes_AS_STRING(out);
        anp_buffer scratch;
        anp_buffer_init(&scratch, 1 << 24);
        Py_BEGIN_ALLOW_THREADS for (uint32_t i = 0; i < s->view.n_runs && status == ANP_OK; i++)
        {
            uint64_t first = s->view.runs[i].first;
            uint64_t end = i + 1 < s->view.n_runs ? s->view.runs[i + 1].first : n;
            for (uint64_t row = first; row < end && status == ANP_OK; row += 4096) {
                uint32_t count = (uint32_t)(end - row < 4096 ? end - row : 4096);
                status = anp_keys_digest(&s->view, row, count, bytes + row * ANP_DIGEST_SIZE,
                                         &scratch, &err);
            }
        }
        Py_END_ALLOW_THREADS anp_buffer_deinit(&scratch);
    }
    anp_key_source_free(s);
    if (status != ANP_OK) {
        Py_CLEAR(out);
        (void)anp_raise(state, &err, NULL);
    }
    return out;
}

static PyObject *bind_numpy(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    if (!anp_numpy_bind()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"bind_numpy", bind_numpy, METH_NOARGS, "Imports NumPy's C API, where that was not done."},
    {"calc_digest", (PyCFunction)(void (*)(void))calc_digest, METH_FASTCALL,
     "calc_digest(namespace, set, key) -> bytearray"},
    {"digests", digests, METH_O, "digests(keys) -> bytes, 20 a key"},
    {"msgpack", anp_value_msgpack, METH_VARARGS, "msgpack(value, where) -> bytes"},
    {"policy_table", anp_policy_table, METH_NOARGS, "Every policy and configuration key."},
    {NULL, NULL, 0, NULL},
};

static bool import_class(PyObject *module, const char *name, PyObject **out)
{
    *out = PyObject_GetAttrString(module, name);
    return *out != NULL;
}

static bool make_name(const char *name, PyObject **out)
{
    *out = PyUnicode_InternFromString(name);
    return *out != NULL;
}

static bool add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
    *out = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *out != NULL && PyModule_AddType(module, *out) == 0;
}

static int exec_module(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "aerospike_np does not run in subinterpreters (NumPy does not)");
        return -1;
    }
    anp_state *s = anp_state_of(module);
    PyObject *types = PyImport_ImportModule("aerospike_np.types");
    PyObject *exceptions = PyImport_ImportModule("aerospike_np.exception");
    PyObject *codes = PyImport_ImportModule("aerospike_np._codes");
    PyObject *expressions = PyImport_ImportModule("aerospike_np.expressions");
    bool ok = types != NULL && exceptions != NULL && codes != NULL && expressions != NULL &&
              import_class(types, "Record", &s->record_class) &&
              import_class(types, "BatchRecord", &s->batch_record_class) &&
              import_class(types, "AerospikeKey", &s->key_class) &&
              import_class(types, "RecordMetadata", &s->meta_class) &&
              import_class(types, "ExistsResult", &s->exists_class) &&
              import_class(types, "BinTuple", &s->bin_tuple_class) &&
              import_class(types, "OperateOrderedResult", &s->ordered_class) &&
              import_class(types, "InfoNodeResult", &s->info_result_class) &&
              import_class(types, "GeoJSON", &s->geojson_class) &&
              import_class(types, "HyperLogLog", &s->hll_class) &&
              import_class(types, "TypedBlob", &s->typed_blob_class) &&
              import_class(types, "CDTInfinite", &s->infinite_class) &&
              import_class(types, "CDTWildcard", &s->wildcard_class) &&
              import_class(types, "KeyOrderedDict", &s->key_ordered_class) &&
              import_class(types, "Field", &s->field_class) &&
              import_class(expressions, "Expression", &s->expression_class) &&
              import_class(codes, "error_of", &s->raise_status) &&
              import_class(exceptions, "InvalidArgError", &s->invalid_arg_error) &&
              make_name("done", &s->done) && make_name("set_result", &s->set_result) &&
              make_name("set_exception", &s->set_exception) &&
              add_type(module, &anp_core_spec, &s->core_type) &&
              add_type(module, &anp_request_spec, &s->request_type) &&
              add_type(module, &anp_waker_spec, &s->waker_type) &&
              add_type(module, &anp_reply_spec, &s->reply_type) &&
              add_type(module, &anp_errand_spec, &s->errand_type) &&
              add_type(module, &anp_packed_keys_spec, &s->packed_keys_type) &&
              add_type(module, &anp_raw_rows_spec, &s->raw_rows_type) &&
              add_type(module, &anp_read_plan_spec, &s->read_plan_type);
    Py_XDECREF(types);
    Py_XDECREF(exceptions);
    Py_XDECREF(codes);
    Py_XDECREF(expressions);
    return ok ? 0 : -1;
}

static PyObject **members(anp_state *s, size_t i)
{
    PyObject **all[] = {(PyObject **)(void *)&s->core_type,
                        (PyObject **)(void *)&s->request_type,
                        (PyObject **)(void *)&s->waker_type,
                        (PyObject **)(void *)&s->reply_type,
                        (PyObject **)(void *)&s->errand_type,
                        (PyObject **)(void *)&s->packed_keys_type,
                        (PyObject **)(void *)&s->raw_rows_type,
                        (PyObject **)(void *)&s->read_plan_type,
                        &s->record_class,
                        &s->batch_record_class,
                        &s->key_class,
                        &s->meta_class,
                        &s->exists_class,
                        &s->bin_tuple_class,
                        &s->ordered_class,
                        &s->info_result_class,
                        &s->geojson_class,
                        &s->hll_class,
                        &s->typed_blob_class,
                        &s->infinite_class,
                        &s->wildcard_class,
                        &s->key_ordered_class,
                        &s->expression_class,
                        &s->field_class,
                        &s->keys_class,
                        &s->raise_status,
                        &s->invalid_arg_error,
                        &s->done,
                        &s->set_result,
                        &s->set_exception};
    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    anp_state *s = anp_state_of(module);
    PyObject **member;
    for (size_t i = 0; s != NULL && (member = members(s, i)) != NULL; i++) {
        Py_VISIT(*member);
    }
    return 0;
}

static int clear(PyObject *module)
{
    anp_state *s = anp_state_of(module);
    PyObject **member;
    for (size_t i = 0; s != NULL && (member = members(s, i)) != NULL; i++) {
        Py_CLEAR(*member);
    }
    for (size_t i = 0; s != NULL && i < ANP_NAMES; i++) {
        Py_XDECREF(atomic_exchange(&s->names[i], NULL));
    }
    return 0;
}

static void free_module(void *module)
{
    (void)clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, exec_module},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef engine_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "aerospike_np._engine",
    .m_doc = "The engine's binding. Private: use aerospike_np.",
    .m_size = sizeof(anp_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__engine(void)
{
    return PyModuleDef_Init(&engine_module);
}
