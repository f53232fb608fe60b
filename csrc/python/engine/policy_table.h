/* The keys of policies and of the client's configuration: what values each takes, of which
 * commands, and where they go. */
#pragma once

#include "python/engine/policy.h"

typedef enum {
    ANP_POLICY_INT,
    ANP_POLICY_BOOL,
    ANP_POLICY_TTL,
    ANP_POLICY_TOUCH,
    ANP_POLICY_TEXT,
    ANP_POLICY_RACKS,
    ANP_POLICY_FILTER,
    ANP_POLICY_ANY
} anp_policy_kind;

typedef enum {
    ANP_POLICY_USED,
    ANP_POLICY_IDLE,    /* accepted: changes nothing here */
    ANP_POLICY_REFUSED, /* not built yet, and would change what happens: only its "off" value is
                           taken */
} anp_policy_effect;

typedef struct anp_policy_key {
    const char *name;
    anp_policy_kind kind;
    int64_t low, high;
    unsigned groups;
    anp_policy_effect effect;
    size_t place; /* in anp_py_policy, or in anp_py_config */
    const char *note;
} anp_policy_key;

/* One after the other; NULL behind the last. */
const anp_policy_key *anp_policy_key_at(size_t i);
