/* operate: several operations on one record, in one request. */
#include "python/engine/row_request.h"
#include "python/engine/single_ops.h"

static PyObject *wrap_ordered(anp_request *r)
{
    return anp_wrap_bins(r, r->state->ordered_class, anp_bins_in_order);
}

/* The bits that the operations ask for. */
static void set_bits(anp_prepared *p, const anp_operations *ops)
{
    if (ops->reads) {
        p->info1 |= ANP_INFO1_READ;
        anp_policy_read_bits(&p->policy, &p->info1, &p->info3);
    }
    if (ops->reads_all) {
        p->info1 |= ANP_INFO1_GET_ALL;
    }
    if (ops->respond_all) {
        p->info2 |= ANP_INFO2_RESPOND_ALL_OPS;
    }
    if (!ops->writes) {
        p->info2 &= (uint8_t)~ANP_INFO2_WRITE;
        p->ttl = (uint32_t)p->policy.read_touch;
    } else if (ops->has_ttl) {
        p->ttl = (uint32_t)ops->ttl;
    }
}

static PyObject *operate(anp_core *core, PyObject *const *args, const char *where,
                         PyObject *(*wrap)(anp_request *))
{
    PyObject *request = NULL;
    anp_prepared p;
    anp_operations sum;
    if (anp_prepared_write(&p, core, args[0], args[2], args[3], ANP_GROUP_OPERATE, where) &&
        anp_row_encode(core->state, args[1], where, &p.ops, &sum)) {
        p.n_ops = sum.count;
        set_bits(&p, &sum);
        request = anp_prepared_request(core, &p, args[0], wrap);
    }
    anp_prepared_close(&p);
    return request;
}

PyObject *anp_core_operate(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    return anp_args_are("operate", n, 4)
               ? operate((anp_core *)(void *)self, args, "operate", anp_wrap_record)
               : NULL;
}

PyObject *anp_core_operate_ordered(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    return anp_args_are("operate_ordered", n, 4)
               ? operate((anp_core *)(void *)self, args, "operate_ordered", wrap_ordered)
               : NULL;
}
