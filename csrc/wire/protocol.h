/* The numbers of Aerospike's wire protocol: bits, ids, types, limits. Nothing else. */
#pragma once

#include <stdint.h>

enum {
    ANP_PROTO_VERSION = 2,
    ANP_PROTO_HEAD = 8,                /* version u8, type u8, size u48 */
    ANP_PROTO_MAX = 128 * 1024 * 1024, /* largest body of a frame */
    ANP_MESSAGE_HEAD = 22,
    ANP_DIGEST_SIZE = 20,
    ANP_PARTITIONS = 4096,
    ANP_NAMESPACE_MAX = 31,
    ANP_SET_MAX = 63,
    ANP_BIN_NAME_MAX = 15,
    ANP_BINS_MAX = 32767,
    ANP_OPS_MAX = 32768,
    ANP_TTL_MAX = 315360000, /* ten years, in seconds */
    ANP_EPOCH = 1262304000,  /* 2010-01-01 UTC in Unix seconds: where void times count from */
};

typedef enum {
    ANP_PROTO_INFO = 1,
    ANP_PROTO_ADMIN = 2,
    ANP_PROTO_MESSAGE = 3,
    ANP_PROTO_COMPRESSED = 4,
} anp_proto_type;

enum { /* info1 */
       ANP_INFO1_READ = 0x01,
       ANP_INFO1_GET_ALL = 0x02,
       ANP_INFO1_SHORT_QUERY = 0x04,
       ANP_INFO1_BATCH = 0x08,
       ANP_INFO1_XDR = 0x10,
       ANP_INFO1_GET_NO_BINS = 0x20,
       ANP_INFO1_READ_MODE_AP_ALL = 0x40,
       ANP_INFO1_COMPRESS_RESPONSE = 0x80,
};
enum { /* info2 */
       ANP_INFO2_WRITE = 0x01,
       ANP_INFO2_DELETE = 0x02,
       ANP_INFO2_GENERATION = 0x04,
       ANP_INFO2_GENERATION_GT = 0x08,
       ANP_INFO2_DURABLE_DELETE = 0x10,
       ANP_INFO2_CREATE_ONLY = 0x20,
       ANP_INFO2_RELAX_AP_LONG_QUERY = 0x40,
       ANP_INFO2_RESPOND_ALL_OPS = 0x80,
};
enum { /* info3 */
       ANP_INFO3_LAST = 0x01,
       ANP_INFO3_COMMIT_MASTER = 0x02,
       ANP_INFO3_PARTITION_DONE = 0x04,
       ANP_INFO3_UPDATE_ONLY = 0x08,
       ANP_INFO3_CREATE_OR_REPLACE = 0x10,
       ANP_INFO3_REPLACE_ONLY = 0x20,
       ANP_INFO3_SC_READ_TYPE = 0x40,
       ANP_INFO3_SC_READ_RELAX = 0x80,
};
enum { /* info4 */
       ANP_INFO4_MRT_VERIFY_READ = 0x01,
       ANP_INFO4_MRT_ROLL_FORWARD = 0x02,
       ANP_INFO4_MRT_ROLL_BACK = 0x04,
       ANP_INFO4_MRT_ON_LOCKING_ONLY = 0x10,
};

typedef enum {
    ANP_FIELD_NAMESPACE = 0,
    ANP_FIELD_SET = 1,
    ANP_FIELD_KEY = 2,
    ANP_FIELD_RECORD_VERSION = 3,
    ANP_FIELD_DIGEST = 4,
    ANP_FIELD_MRT_ID = 5,
    ANP_FIELD_MRT_DEADLINE = 6,
    ANP_FIELD_QUERY_ID = 7,
    ANP_FIELD_SOCKET_TIMEOUT = 9,
    ANP_FIELD_RECORDS_PER_SECOND = 10,
    ANP_FIELD_PARTITIONS = 11,
    ANP_FIELD_DIGESTS = 12,
    ANP_FIELD_MAX_RECORDS = 13,
    ANP_FIELD_BVALS = 15,
    ANP_FIELD_INDEX_NAME = 21,
    ANP_FIELD_INDEX_RANGE = 22,
    ANP_FIELD_INDEX_CONTEXT = 23,
    ANP_FIELD_INDEX_EXPRESSION = 24,
    ANP_FIELD_INDEX_TYPE = 26,
    ANP_FIELD_UDF_PACKAGE = 30,
    ANP_FIELD_UDF_FUNCTION = 31,
    ANP_FIELD_UDF_ARGS = 32,
    ANP_FIELD_UDF_OP = 33,
    ANP_FIELD_QUERY_BINS = 40,
    ANP_FIELD_BATCH = 41,
    ANP_FIELD_BATCH_WITH_SET = 42,
    ANP_FIELD_FILTER = 43,
    ANP_FIELD_ERROR_DETAILS = 45,
} anp_field_type;

typedef enum {
    ANP_OP_READ = 1,
    ANP_OP_WRITE = 2,
    ANP_OP_CDT_READ = 3,
    ANP_OP_CDT_MODIFY = 4,
    ANP_OP_INCR = 5,
    ANP_OP_EXP_READ = 7,
    ANP_OP_EXP_MODIFY = 8,
    ANP_OP_APPEND = 9,
    ANP_OP_PREPEND = 10,
    ANP_OP_TOUCH = 11,
    ANP_OP_BITS_READ = 12,
    ANP_OP_BITS_MODIFY = 13,
    ANP_OP_DELETE_ALL = 14,
    ANP_OP_HLL_READ = 15,
    ANP_OP_HLL_MODIFY = 16,
} anp_op_type;

typedef enum {
    ANP_PARTICLE_NULL = 0,
    ANP_PARTICLE_INTEGER = 1,
    ANP_PARTICLE_FLOAT = 2,
    ANP_PARTICLE_STRING = 3,
    ANP_PARTICLE_BLOB = 4,
    ANP_PARTICLE_JAVA_BLOB = 7,
    ANP_PARTICLE_CSHARP_BLOB = 8,
    ANP_PARTICLE_PYTHON_BLOB = 9,
    ANP_PARTICLE_RUBY_BLOB = 10,
    ANP_PARTICLE_PHP_BLOB = 11,
    ANP_PARTICLE_ERLANG_BLOB = 12,
    ANP_PARTICLE_VECTOR = 16,
    ANP_PARTICLE_BOOL = 17,
    ANP_PARTICLE_HLL = 18,
    ANP_PARTICLE_MAP = 19,
    ANP_PARTICLE_LIST = 20,
    ANP_PARTICLE_GEOJSON = 23,
} anp_particle_type;

enum { /* flags of a batch */
       ANP_BATCH_ALLOW_INLINE = 0x01,
       ANP_BATCH_ALLOW_INLINE_SSD = 0x02,
       ANP_BATCH_RESPOND_ALL = 0x04,
       ANP_BATCH_RETURN_ERROR_ROW = 0x08,
};
enum { /* flags of a batch row */
       ANP_ROW_REPEAT = 0x01,
       ANP_ROW_INFO = 0x02,
       ANP_ROW_GENERATION = 0x04,
       ANP_ROW_TTL = 0x08,
       ANP_ROW_INFO4 = 0x10,
};

/* Special times to live in requests. */
#define ANP_TTL_DEFAULT UINT32_C(0)
#define ANP_TTL_NEVER UINT32_C(0xffffffff)
#define ANP_TTL_KEEP UINT32_C(0xfffffffe)
