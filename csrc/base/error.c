/* Error records: formatting, and the names of the codes. Thread-safe: no state. */
#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(anp_error) == 264, "the error record is part of the C API");

anp_status anp_error_set(anp_error *err, anp_status code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->code = code;
        err->in_doubt = 0;
        err->node[0] = 0;
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return code;
}

void anp_error_node(anp_error *err, const char *node)
{
    if (err != NULL && node != NULL) {
        (void)snprintf(err->node, sizeof err->node, "%s", node);
    }
}

anp_status anp_error_closed(anp_error *err)
{
    return anp_error_set(err, ANP_ERR_CLOSED, "the client was closed");
}

anp_status anp_error_memory(anp_error *err, uint64_t size, const char *what)
{
    return anp_error_set(err, ANP_ERR_MEMORY, "out of memory (%llu bytes for %s)",
                         (unsigned long long)size, what);
}

static const struct {
    anp_status code;
    const char *name;
} names[] = {
    {0, "OK"},
    {1, "SERVER_ERROR"},
    {2, "RECORD_NOT_FOUND"},
    {3, "RECORD_GENERATION"},
    {4, "PARAMETER"},
    {5, "RECORD_EXISTS"},
    {6, "BIN_EXISTS"},
    {7, "CLUSTER_KEY_MISMATCH"},
    {8, "OUT_OF_SPACE"},
    {9, "TIMEOUT"},
    {10, "ALWAYS_FORBIDDEN"},
    {11, "PARTITION_UNAVAILABLE"},
    {12, "BIN_INCOMPATIBLE_TYPE"},
    {13, "RECORD_TOO_BIG"},
    {14, "KEY_BUSY"},
    {15, "SCAN_ABORTED"},
    {16, "UNSUPPORTED_FEATURE"},
    {17, "BIN_NOT_FOUND"},
    {18, "DEVICE_OVERLOAD"},
    {19, "KEY_MISMATCH"},
    {20, "NAMESPACE_NOT_FOUND"},
    {21, "BIN_NAME"},
    {22, "FORBIDDEN"},
    {23, "ELEMENT_NOT_FOUND"},
    {24, "ELEMENT_EXISTS"},
    {25, "ENTERPRISE_ONLY"},
    {26, "OP_NOT_APPLICABLE"},
    {27, "FILTERED_OUT"},
    {28, "LOST_CONFLICT"},
    {29, "INVALID_ENCODING"},
    {32, "XDR_KEY_BUSY"},
    {50, "QUERY_END"},
    {51, "SECURITY_NOT_SUPPORTED"},
    {52, "SECURITY_NOT_ENABLED"},
    {53, "SECURITY_SCHEME"},
    {54, "SECURITY_COMMAND"},
    {55, "SECURITY_FIELD"},
    {56, "SECURITY_STATE"},
    {60, "INVALID_USER"},
    {61, "USER_EXISTS"},
    {62, "PASSWORD"},
    {63, "EXPIRED_PASSWORD"},
    {64, "FORBIDDEN_PASSWORD"},
    {65, "CREDENTIAL"},
    {66, "EXPIRED_SESSION"},
    {70, "ROLE"},
    {71, "ROLE_EXISTS"},
    {72, "PRIVILEGE"},
    {73, "WHITELIST"},
    {74, "QUOTAS_NOT_ENABLED"},
    {75, "QUOTA"},
    {80, "NOT_AUTHENTICATED"},
    {81, "ROLE_VIOLATION"},
    {82, "NOT_WHITELISTED"},
    {83, "QUOTA_EXCEEDED"},
    {90, "LDAP_NOT_CONFIGURED"},
    {91, "LDAP_SETUP"},
    {92, "LDAP_TLS_SETUP"},
    {93, "LDAP_AUTHENTICATION"},
    {94, "LDAP_QUERY"},
    {100, "UDF"},
    {120, "MRT_BLOCKED"},
    {121, "MRT_VERSION_MISMATCH"},
    {122, "MRT_EXPIRED"},
    {123, "MRT_TOO_MANY_WRITES"},
    {124, "MRT_COMMITTED"},
    {125, "MRT_ABORTED"},
    {126, "MRT_ALREADY_LOCKED"},
    {127, "MRT_MONITOR_EXISTS"},
    {150, "BATCH_DISABLED"},
    {151, "BATCH_MAX_REQUESTS"},
    {152, "BATCH_QUEUES_FULL"},
    {160, "INVALID_GEOJSON"},
    {200, "INDEX_FOUND"},
    {201, "INDEX_NOT_FOUND"},
    {202, "INDEX_OOM"},
    {203, "INDEX_NOT_READABLE"},
    {204, "INDEX"},
    {205, "INDEX_NAME"},
    {206, "INDEX_MAX_COUNT"},
    {210, "QUERY_ABORTED"},
    {211, "QUERY_QUEUE_FULL"},
    {212, "QUERY_TIMEOUT"},
    {213, "QUERY"},
    {ANP_ERR_CLIENT, "CLIENT_ERROR"},
    {ANP_ERR_PARAM, "INVALID_ARGUMENT"},
    {ANP_ERR_INVALID_HOST, "INVALID_HOST"},
    {ANP_ERR_ABORTED, "ABORTED"},
    {ANP_ERR_NO_MORE_CONNECTIONS, "NO_MORE_CONNECTIONS"},
    {ANP_ERR_INVALID_NODE, "INVALID_NODE"},
    {ANP_ERR_TLS, "TLS"},
    {ANP_ERR_CONNECTION, "CONNECTION"},
    {ANP_ERR_QUEUE_FULL, "QUEUE_FULL"},
    {ANP_ERR_MAX_RETRIES, "MAX_RETRIES"},
    {ANP_ERR_MAX_ERROR_RATE, "MAX_ERROR_RATE"},
    {ANP_ERR_NO_RESPONSE, "NO_RESPONSE"},
    {ANP_ERR_BATCH_FAILED, "BATCH_FAILED"},
    {ANP_ERR_MEMORY, "MEMORY"},
    {ANP_ERR_CLIENT_TIMEOUT, "CLIENT_TIMEOUT"},
    {ANP_ERR_PROTOCOL, "PROTOCOL"},
    {ANP_ERR_CONVERSION, "CONVERSION"},
    {ANP_ERR_CLOSED, "CLOSED"},
};

const char *anp_status_name(anp_status code)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "unknown";
}
