/* Policies and client configuration: one table (name, kind, range, which commands) parses dicts
 * into structs, and feeds the docs and the error texts. */
#pragma once

#include "command/policy.h"
#include "python/engine/binding.h"

typedef enum {                      /* which commands a key belongs to; bits */
               ANP_GROUP_READ = 1,  /* get, select, exists */
               ANP_GROUP_WRITE = 2, /* put, remove_bin */
               ANP_GROUP_REMOVE = 4,
               ANP_GROUP_BATCH_READ = 8,
               ANP_GROUP_BATCH_WRITE = 16,
               ANP_GROUP_BATCH_REMOVE = 32,
               ANP_GROUP_INFO = 64,     /* info, truncate */
               ANP_GROUP_CONFIG = 128,  /* the client's configuration */
               ANP_GROUP_APPLY = 256,   /* functions of records */
               ANP_GROUP_OPERATE = 512, /* operate, touch, append, ... */
               ANP_GROUP_BATCH_APPLY = 1024,
} anp_policy_group;

enum { ANP_GROUPS = 10 }; /* without CONFIG */

#define ANP_TTL_CLIENT INT64_C(4294967293) /* -3 */

typedef struct anp_py_policy {
    anp_policy engine;
    bool total_given; /* somebody named a total timeout */
    bool gen_given;
    const char *of_call; /* the last key that was given and is the whole call's, or NULL */
    int32_t key, exists, gen, commit_level, read_mode_ap, read_mode_sc;
    bool durable_delete;
    int64_t ttl;        /* -1, -2 and -3 as their unsigned forms; 0: the namespace's default */
    int64_t client_ttl; /* what -3 stands for: the ttl of the client's own policy */
    int64_t read_touch;
    PyObject *filter; /* owned; the bytes of an expression, or NULL */
} anp_py_policy;

typedef struct anp_py_config {
    char cluster_name[64];
    char app_id[64];
    int32_t connect_timeout, tend_interval, max_conns, min_conns, idle_ms;
    int32_t max_error_rate, error_rate_window;
    int32_t max_operations, queue_timeout; /* 0: no limit; ms, 0: without end */
    bool use_services_alternate, fail_if_not_connected;
    bool is_rack_aware;
    int32_t rack_id;
    uint32_t n_rack_ids; /* 0: rack_id counts */
    int32_t rack_ids[ANP_RACKS_MAX];
} anp_py_config;

/* The defaults of a group. */
void anp_policy_default(anp_py_policy *out, anp_policy_group group);

/* A policy owns its filter: who copies one takes a reference too, and each copy is released. */
void anp_policy_copy(anp_py_policy *out, const anp_py_policy *from);
void anp_policy_release(anp_py_policy *policy);

/* The bytes of the filter; size 0 where there is none. They live as long as the policy's filter. */
anp_slice anp_policy_filter(const anp_py_policy *policy);

/* Takes an expression that may be a filter, in place of the one at *out. */
bool anp_filter_take(anp_state *state, const char *name, PyObject *value, const char *where,
                     PyObject **out);

/* expressions and filter_expression in one dict, with two filters: one of them would be ignored. */
bool anp_filter_is_one(anp_state *state, PyObject *dict, const char *where);

/* Writes over `out` what `dict` says (NULL or None: nothing). InvalidArgError names an unknown key
 * and the nearest known one, a value of a wrong kind or range, and what is not built yet. `where`
 * is the method's name. */
bool anp_policy_parse(anp_state *state, PyObject *dict, anp_policy_group group, const char *where,
                      anp_py_policy *out);

/* The configuration, all keys but hosts and policies (which the caller takes itself). */
bool anp_config_parse(anp_state *state, PyObject *dict, anp_py_config *out);

/* meta={"ttl": , "gen": } of a write; other policy keys are taken too, and win over the policy.
 * *generation is set where gen is given. */
bool anp_meta_parse(anp_state *state, PyObject *dict, anp_policy_group group, const char *where,
                    anp_py_policy *policy, uint32_t *generation);

/* A time to live as people write it (-1, -2, -3, 4294967295, seconds) as the wire has it. */
bool anp_ttl_parse(anp_state *state, PyObject *value, const char *where, int64_t *out);

/* A policy's time to live as a request has it: -3 is what the client's own says. */
uint32_t anp_policy_ttl(const anp_py_policy *p);

/* The write bits of a policy: info2 and info3 beyond WRITE. */
void anp_policy_write_bits(const anp_py_policy *p, uint8_t *info2, uint8_t *info3);
void anp_policy_read_bits(const anp_py_policy *p, uint8_t *info1, uint8_t *info3);

/* list of (name, kind, low, high, groups, effect, note): for the docs and their test. */
PyObject *anp_policy_table(PyObject *module, PyObject *unused);
