/* Sentences for the server's result codes. No state; thread-safe. */
#include "command/server_error.h"

#include <stddef.h>

static const struct {
    uint8_t code;
    const char *text;
} sentences[] = {
    {1, "the server failed without a reason of its own; its log may say more"},
    {2, "record not found"},
    {3, "generation does not match: the record was changed in between; read it again"},
    {4, "the server refused the request's parameters"},
    {5, "record exists already"},
    {6, "bin exists already"},
    {7, "the cluster changed meanwhile; try again"},
    {8, "the namespace is out of space and takes no writes"},
    {9, "the server's time limit passed; allow more with total_timeout"},
    {10, "the server never allows this"},
    {11, "the partition is not available at present; try again"},
    {12, "the bin holds another type than the operation needs"},
    {13, "the record would be larger than the namespace allows (max-record-size)"},
    {14, "too many requests wait for this key; try again"},
    {15, "the query was stopped on the server"},
    {16, "the server does not support this"},
    {17, "bin not found"},
    {18, "the server's device can't keep up; try again later"},
    {19, "another user key is stored under this digest"},
    {20, "the server does not know the namespace"},
    {21, "bin name is too long or malformed"},
    {22,
     "forbidden by the server's configuration at present (for a time to live: nsup-period may be 0)"},
    {23, "element not found"},
    {24, "element exists already"},
    {25, "only the enterprise edition does this"},
    {26, "the operation can't be applied to the bin's value (index, rank or context is not there)"},
    {27, "the filter expression is not true for the record"},
    {28, "lost a conflict against another cluster's write"},
    {29, "the server can't read the request's encoding"},
    {32, "another cluster's write holds the key; try again"},
    {50, "the server's list of users or roles has ended"},
    {51, "the server has no security; leave user and password out"},
    {52, "security is not enabled on the server; leave user and password out"},
    {53, "the server does not know this kind of authentication"},
    {54, "the server does not know this security command"},
    {55, "a field of a security command is malformed"},
    {56, "the security command can't be given at this point"},
    {60, "user is not known"},
    {61, "user exists already"},
    {62, "password is wrong or malformed"},
    {63, "password has expired; set a new one"},
    {64, "password is not allowed; it may have been used before"},
    {65, "credential is wrong"},
    {66, "the session has expired; connect again"},
    {70, "role is not known"},
    {71, "role exists already"},
    {72, "privilege is not known"},
    {73, "the list of allowed addresses is malformed"},
    {74, "quotas are not enabled on the server"},
    {75, "quota is malformed"},
    {80, "not authenticated: give user and password"},
    {81, "the user's roles do not allow this"},
    {82, "this address is not on the user's list"},
    {83, "the user's quota is used up; try again later"},
    {90, "LDAP is not configured on the server"},
    {91, "the server could not set up LDAP"},
    {92, "the server could not set up TLS for LDAP"},
    {93, "LDAP did not accept user and password"},
    {94, "the server's question to LDAP failed"},
    {100, "the UDF failed"},
    {120, "the record is part of another transaction; try again"},
    {121, "the record has changed since the transaction read it"},
    {122, "the transaction has expired"},
    {123, "the transaction has written as many records as one may"},
    {124, "the transaction is committed already"},
    {125, "the transaction is aborted already"},
    {126, "the record was locked by this transaction before"},
    {127, "the transaction's monitor exists already"},
    {150, "batches are switched off on the server"},
    {151, "more rows than the server's batch-max-requests"},
    {152, "all batch queues of the server are full; try again"},
    {160, "GeoJSON is malformed, or no region or point that there can be"},
    {200, "index exists already"},
    {201, "index not found"},
    {202, "no memory for the index"},
    {203, "the index is still being built; try again"},
    {204, "the index failed on the server; its log may say more"},
    {205, "index name is too long or malformed"},
    {206, "the namespace has as many indexes as it may"},
    {210, "the query was aborted"},
    {211, "the server's queue of queries is full; try again later"},
    {212, "the server's time limit for the query passed"},
    {213, "the query failed on the server; its log may say more"},
};

anp_status anp_server_error(anp_error *err, uint8_t code)
{
    const char *text = "unknown to this client; the server is newer, or its log says more";
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        if (sentences[i].code == code) {
            text = sentences[i].text;
            break;
        }
    }
    const char *name = anp_status_name(code);
    if (name[0] == 'u') { /* "unknown" */
        name = "SERVER_CODE";
    }
    return anp_error_set(err, code, "%s (%s)", text, name);
}

bool anp_server_code_overloaded(uint8_t code)
{
    return code == ANP_SERVER_TIMEOUT || code == ANP_DEVICE_OVERLOAD;
}

bool anp_server_code_passes(uint8_t code)
{
    return code == ANP_SERVER_TIMEOUT || code == ANP_UNAVAILABLE || code == ANP_DEVICE_OVERLOAD;
}
