/* What a policy asks for, as the bits of a request. No state. */
#include "python/engine/policy.h"

uint32_t anp_policy_ttl(const anp_py_policy *p)
{
    int64_t ttl = p->ttl == ANP_TTL_CLIENT ? p->client_ttl : p->ttl;
    return ttl == ANP_TTL_CLIENT ? 0 : (uint32_t)ttl;
}

void anp_policy_write_bits(const anp_py_policy *p, uint8_t *info2, uint8_t *info3)
{
    static const uint8_t exists2[] = {0, ANP_INFO2_CREATE_ONLY, 0, 0, 0};
    static const uint8_t exists3[] = {0, 0, ANP_INFO3_UPDATE_ONLY, ANP_INFO3_REPLACE_ONLY,
                                      ANP_INFO3_CREATE_OR_REPLACE};
    static const uint8_t gen[] = {0, ANP_INFO2_GENERATION, ANP_INFO2_GENERATION_GT};
    *info2 |= (uint8_t)(exists2[p->exists] | gen[p->gen] |
                        (p->durable_delete ? ANP_INFO2_DURABLE_DELETE : 0));
    *info3 |= (uint8_t)(exists3[p->exists] | (p->commit_level == 1 ? ANP_INFO3_COMMIT_MASTER : 0));
}

void anp_policy_read_bits(const anp_py_policy *p, uint8_t *info1, uint8_t *info3)
{
    static const uint8_t sc[] = {0, ANP_INFO3_SC_READ_TYPE, ANP_INFO3_SC_READ_RELAX,
                                 ANP_INFO3_SC_READ_RELAX | ANP_INFO3_SC_READ_TYPE};
    *info1 |= (uint8_t)(p->read_mode_ap == 1 ? ANP_INFO1_READ_MODE_AP_ALL : 0);
    *info3 |= sc[p->read_mode_sc];
}
