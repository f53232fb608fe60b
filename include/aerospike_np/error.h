/* Status codes and the error record of the engine.
 *
 * Every call that can fail returns an anp_status (0 is ok, above 0 the server's result code, below
 * 0 a code of the client's own) and takes `anp_error *err` last. The record lives on the caller's
 * stack; it is written only when the call fails. It may be NULL. A row of a batch that failed is
 * data, not an error. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aerospike_np/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t anp_status;

enum {
    ANP_OK = 0,
    /* Server result codes that the engine itself looks at. */
    ANP_SERVER_ERROR = 1,
    ANP_NOT_FOUND = 2,
    ANP_GENERATION = 3,
    ANP_PARAMETER = 4,
    ANP_RECORD_EXISTS = 5,
    ANP_BIN_EXISTS = 6,
    ANP_OUT_OF_SPACE = 8,
    ANP_SERVER_TIMEOUT = 9,
    ANP_UNAVAILABLE = 11,
    ANP_INCOMPATIBLE_TYPE = 12,
    ANP_RECORD_TOO_BIG = 13,
    ANP_KEY_BUSY = 14,
    ANP_UNSUPPORTED_FEATURE = 16,
    ANP_BIN_NOT_FOUND = 17,
    ANP_DEVICE_OVERLOAD = 18,
    ANP_KEY_MISMATCH = 19,
    ANP_NAMESPACE = 20,
    ANP_BIN_NAME = 21,
    ANP_FORBIDDEN = 22,
    ANP_ELEMENT_NOT_FOUND = 23,
    ANP_ELEMENT_EXISTS = 24,
    ANP_ENTERPRISE_ONLY = 25,
    ANP_OP_NOT_APPLICABLE = 26,
    ANP_FILTERED_OUT = 27,
    ANP_SECURITY_NOT_SUPPORTED = 51,
    ANP_UDF = 100,
    ANP_BATCH_DISABLED = 150,
    ANP_BATCH_MAX_REQUESTS = 151,
    ANP_BATCH_QUEUES_FULL = 152,
    ANP_INDEX_NOT_FOUND = 201,
    /* Codes of the client's own; the numbers are the ones other Aerospike clients use. */
    ANP_ERR_CLIENT =
        -1, /* anything else that went wrong on this side, or a reply that makes no sense */
    ANP_ERR_PARAM = -2,        /* an argument that can't be right */
    ANP_ERR_INVALID_HOST = -4, /* a seed that can't be resolved */
    ANP_ERR_ABORTED = -5,      /* the caller asked to stop (Ctrl-C, cancel, close) */
    ANP_ERR_NO_MORE_CONNECTIONS = -7,
    ANP_ERR_INVALID_NODE = -8, /* a partition without a node */
    ANP_ERR_TLS = -9,
    ANP_ERR_CONNECTION = -10,
    ANP_ERR_QUEUE_FULL = -11,
    ANP_ERR_MAX_RETRIES = -12,
    ANP_ERR_MAX_ERROR_RATE = -14,
    ANP_ERR_NO_RESPONSE = -15, /* a batch row that was never answered */
    ANP_ERR_BATCH_FAILED = -16,
    ANP_ERR_MEMORY = -100, /* the allocator said no; MemoryError in Python */
    ANP_ERR_CLIENT_TIMEOUT =
        -101,                  /* the client's own deadline; code 9 in Python, like the server's */
    ANP_ERR_PROTOCOL = -102,   /* bytes that are not the protocol; code -1 in Python */
    ANP_ERR_CONVERSION = -103, /* a value that doesn't fit where it should go; code -2 in Python */
    ANP_ERR_CLOSED = -104,     /* the client, or the node, is closed; code -1 in Python */
};

typedef struct anp_error {
    anp_status code;
    uint8_t in_doubt;  /* a write that may have been applied */
    char node[20];     /* name or address of the node that it was about; empty where none was */
    char message[239]; /* one sentence with the numbers in it; always terminated */
} anp_error;

/* A short constant name of a code, "RECORD_NOT_FOUND" or "unknown"; never NULL. Thread-safe. */
ANP_API const char *anp_status_name(anp_status code);

#ifdef __cplusplus
}
#endif
