/* What each operation takes, in the order in which the server wants it. Sorted by code. */
#include "python/engine/operation.h"

const char *const anp_op_key_names[ANP_OP_KEYS] = {
    [ANP_KEY_OP] = "op",
    [ANP_KEY_BIN] = "bin",
    [ANP_KEY_VAL] = "val",
    [ANP_KEY_INDEX] = "index",
    [ANP_KEY_RANK] = "rank",
    [ANP_KEY_KEY] = "key",
    [ANP_KEY_COUNT] = "count",
    [ANP_KEY_RETURN_TYPE] = "return_type",
    [ANP_KEY_INVERTED] = "inverted",
    [ANP_KEY_CTX] = "ctx",
    [ANP_KEY_RANGE] = "range",
    [ANP_KEY_VALUE_LIST] = "value_list",
    [ANP_KEY_VALUE_BEGIN] = "value_begin",
    [ANP_KEY_VALUE_END] = "value_end",
    [ANP_KEY_LIST_POLICY] = "list_policy",
    [ANP_KEY_MAP_POLICY] = "map_policy",
    [ANP_KEY_LIST_ORDER] = "list_order",
    [ANP_KEY_MAP_ORDER] = "map_order",
    [ANP_KEY_SORT_FLAGS] = "sort_flags",
    [ANP_KEY_PAD] = "pad",
    [ANP_KEY_PERSIST_INDEX] = "persist_index",
    [ANP_KEY_BIT_OFFSET] = "bit_offset",
    [ANP_KEY_BIT_SIZE] = "bit_size",
    [ANP_KEY_BYTE_OFFSET] = "byte_offset",
    [ANP_KEY_BYTE_SIZE] = "byte_size",
    [ANP_KEY_VALUE] = "value",
    [ANP_KEY_VALUE_BYTE_SIZE] = "value_byte_size",
    [ANP_KEY_RESIZE_FLAGS] = "resize_flags",
    [ANP_KEY_SIGN] = "sign",
    [ANP_KEY_ACTION] = "action",
    [ANP_KEY_POLICY] = "policy",
    [ANP_KEY_INDEX_BIT_COUNT] = "index_bit_count",
    [ANP_KEY_MH_BIT_COUNT] = "mh_bit_count",
    [ANP_KEY_HLL_POLICY] = "hll_policy",
    [ANP_KEY_EXPR] = "expr",
    [ANP_KEY_EXPR_FLAGS] = "expr_flags",
    [ANP_KEY_CDT_FLAGS] = "cdt_flags",
    [ANP_KEY_MOD_EXP] = "mod_exp",
};

/* clang-format off */
#define ARGS(...) {__VA_ARGS__}
#define ARG(kind, key) {ANP_ARG_##kind, ANP_KEY_##key}
#define INT(key) ARG(INT, key)
#define VALUE(key) ARG(VALUE, key)
#define LIST(key) ARG(LIST, key)
#define ONE ARG(RETURN, RETURN_TYPE)
#define MANY ARG(RETURN_MANY, RETURN_TYPE)
#define COUNT ARG(COUNT, COUNT)
#define BITS INT(BIT_OFFSET), INT(BIT_SIZE)
#define BIT_POLICY ARG(BIT_POLICY, POLICY)
#define PLAIN(code, name, type, is_read, ...) {code, name, ANP_OP_##type, ANP_FORM_PLAIN, 0, is_read, ARGS(__VA_ARGS__)}
#define WHOLE(code, name, type, ...) {code, name, ANP_OP_##type, ANP_FORM_WHOLE, 0, false, ARGS(__VA_ARGS__)}
#define GET(code, name, sub, ...) {code, name, ANP_OP_CDT_READ, ANP_FORM_CDT, sub, true, ARGS(__VA_ARGS__)}
#define SET(code, name, sub, ...) {code, name, ANP_OP_CDT_MODIFY, ANP_FORM_CDT, sub, false, ARGS(__VA_ARGS__)}
#define BIT_GET(code, name, sub, ...) {code, name, ANP_OP_BITS_READ, ANP_FORM_PACKED, sub, true, ARGS(__VA_ARGS__)}
#define BIT_SET(code, name, sub, ...) {code, name, ANP_OP_BITS_MODIFY, ANP_FORM_PACKED, sub, false, ARGS(__VA_ARGS__)}
#define HLL_GET(code, name, sub, ...) {code, name, ANP_OP_HLL_READ, ANP_FORM_PACKED, sub, true, ARGS(__VA_ARGS__)}
#define HLL_SET(code, name, sub, ...) {code, name, ANP_OP_HLL_MODIFY, ANP_FORM_PACKED, sub, false, ARGS(__VA_ARGS__)}
#define NOTHING {ANP_ARG_END, 0}

static const anp_op_spec table[] = {
    PLAIN(0, "read", READ, true, NOTHING),
    PLAIN(1, "write", WRITE, false, ARG(ANY, VAL)),
    {2, "select_by_path", ANP_OP_CDT_READ, ANP_FORM_PATH, 0, true, ARGS(ARG(SELECT_FLAGS, CDT_FLAGS))},
    {3, "modify_by_path", ANP_OP_CDT_MODIFY, ANP_FORM_PATH, 0, false,
     ARGS(ARG(MODIFY_FLAGS, CDT_FLAGS), ARG(EXPRESSION, MOD_EXP))},
    PLAIN(6, "increment", INCR, false, ARG(NUMBER, VAL)),
    PLAIN(9, "append", APPEND, false, ARG(TEXT, VAL)),
    PLAIN(10, "prepend", PREPEND, false, ARG(TEXT, VAL)),
    WHOLE(11, "touch", TOUCH, ARG(TTL, VAL)),
    WHOLE(14, "delete", DELETE_ALL, NOTHING),

    SET(1001, "list_append", 1, VALUE(VAL), ARG(LIST_POLICY, LIST_POLICY)),
    SET(1002, "list_append_items", 2, LIST(VAL), ARG(LIST_POLICY, LIST_POLICY)),
    SET(1003, "list_insert", 3, INT(INDEX), VALUE(VAL), ARG(LIST_FLAGS, LIST_POLICY)),
    SET(1004, "list_insert_items", 4, INT(INDEX), LIST(VAL), ARG(LIST_FLAGS, LIST_POLICY)),
    SET(1005, "list_pop", 5, INT(INDEX)),
    SET(1006, "list_pop_range", 6, INT(INDEX), ARG(COUNT, VAL)),
    SET(1007, "list_remove", 7, INT(INDEX)),
    SET(1008, "list_remove_range", 8, INT(INDEX), ARG(COUNT, VAL)),
    SET(1009, "list_clear", 11, NOTHING),
    SET(1010, "list_set", 9, INT(INDEX), VALUE(VAL), ARG(LIST_FLAGS, LIST_POLICY)),
    GET(1011, "list_get", 17, INT(INDEX)),
    GET(1012, "list_get_range", 18, INT(INDEX), ARG(COUNT, VAL)),
    SET(1013, "list_trim", 10, INT(INDEX), ARG(SIZE, VAL)),
    GET(1014, "list_size", 16, NOTHING),
    SET(1015, "list_increment", 12, INT(INDEX), ARG(NUMBER, VAL), ARG(LIST_POLICY, LIST_POLICY)),
    GET(1016, "list_get_by_index", 19, ONE, INT(INDEX)),
    GET(1017, "list_get_by_index_range", 24, MANY, INT(INDEX), COUNT),
    GET(1018, "list_get_by_rank", 21, ONE, INT(RANK)),
    GET(1019, "list_get_by_rank_range", 26, MANY, INT(RANK), COUNT),
    GET(1020, "list_get_by_value", 22, MANY, VALUE(VAL)),
    GET(1021, "list_get_by_value_list", 23, MANY, LIST(VALUE_LIST)),
    GET(1022, "list_get_by_value_range", 25, MANY, ARG(FROM, VALUE_BEGIN), ARG(UNTIL, VALUE_END)),
    SET(1023, "list_remove_by_index", 32, ONE, INT(INDEX)),
    SET(1024, "list_remove_by_index_range", 37, MANY, INT(INDEX), COUNT),
    SET(1025, "list_remove_by_rank", 34, ONE, INT(RANK)),
    SET(1026, "list_remove_by_rank_range", 39, MANY, INT(RANK), COUNT),
    SET(1027, "list_remove_by_value", 35, MANY, VALUE(VAL)),
    SET(1028, "list_remove_by_value_list", 36, MANY, LIST(VALUE_LIST)),
    SET(1029, "list_remove_by_value_range", 38, MANY, ARG(FROM, VALUE_BEGIN), ARG(UNTIL, VALUE_END)),
    SET(1030, "list_set_order", 0, INT(LIST_ORDER)),
    SET(1031, "list_sort", 13, ARG(INT_OR_ZERO, SORT_FLAGS)),
    SET(1032, "list_remove_by_value_rank_range_relative", 40, MANY, VALUE(VAL), INT(RANK), COUNT),
    GET(1033, "list_get_by_value_rank_range_relative", 27, MANY, VALUE(VAL), INT(RANK), COUNT),
    SET(1041, "list_create", 0, ARG(LIST_CREATE, LIST_ORDER)),

    SET(1101, "map_set_policy", 64, ARG(MAP_ORDER, MAP_POLICY)),
    SET(1102, "map_put", 67, VALUE(KEY), VALUE(VAL), ARG(MAP_POLICY, MAP_POLICY)),
    SET(1103, "map_put_items", 68, ARG(MAP, VAL), ARG(MAP_POLICY, MAP_POLICY)),
    SET(1104, "map_increment", 73, VALUE(KEY), ARG(NUMBER, VAL), ARG(MAP_ORDER, MAP_POLICY)),
    SET(1105, "map_decrement", 74, VALUE(KEY), ARG(NUMBER, VAL), ARG(MAP_ORDER, MAP_POLICY)),
    GET(1106, "map_size", 96, NOTHING),
    SET(1107, "map_clear", 75, NOTHING),
    SET(1108, "map_remove_by_key", 76, ONE, VALUE(KEY)),
    SET(1109, "map_remove_by_key_list", 81, MANY, LIST(VAL)),
    SET(1110, "map_remove_by_key_range", 84, MANY, ARG(FROM, KEY), ARG(UNTIL, VAL)),
    SET(1111, "map_remove_by_value", 82, MANY, VALUE(VAL)),
    SET(1112, "map_remove_by_value_list", 83, MANY, LIST(VAL)),
    SET(1113, "map_remove_by_value_range", 86, MANY, ARG(FROM, VAL), ARG(UNTIL, RANGE)),
    SET(1114, "map_remove_by_index", 77, ONE, INT(INDEX)),
    SET(1115, "map_remove_by_index_range", 85, MANY, INT(INDEX), ARG(COUNT, VAL)),
    SET(1116, "map_remove_by_rank", 79, ONE, INT(INDEX)),
    SET(1117, "map_remove_by_rank_range", 87, MANY, INT(INDEX), ARG(COUNT, VAL)),
    GET(1118, "map_get_by_key", 97, ONE, VALUE(KEY)),
    GET(1119, "map_get_by_key_range", 103, MANY, ARG(FROM, KEY), ARG(UNTIL, RANGE)),
    GET(1120, "map_get_by_value", 102, MANY, VALUE(VAL)),
    GET(1121, "map_get_by_value_range", 105, MANY, ARG(FROM, VAL), ARG(UNTIL, RANGE)),
    GET(1122, "map_get_by_index", 98, ONE, INT(INDEX)),
    GET(1123, "map_get_by_index_range", 104, MANY, INT(INDEX), ARG(COUNT, VAL)),
    GET(1124, "map_get_by_rank", 100, ONE, INT(INDEX)),
    GET(1125, "map_get_by_rank_range", 106, MANY, INT(INDEX), ARG(COUNT, VAL)),
    GET(1126, "map_get_by_value_list", 108, MANY, LIST(VAL)),
    GET(1127, "map_get_by_key_list", 107, MANY, LIST(VAL)),
    SET(1128, "map_remove_by_value_rank_range_relative", 89, MANY, VALUE(VAL), INT(RANK), COUNT),
    SET(1129, "map_remove_by_key_index_range_relative", 88, MANY, VALUE(KEY), INT(INDEX), COUNT),
    GET(1130, "map_get_by_value_rank_range_relative", 110, MANY, VALUE(VAL), INT(RANK), COUNT),
    GET(1131, "map_get_by_key_index_range_relative", 109, MANY, VALUE(KEY), INT(INDEX), COUNT),
    SET(1144, "map_create", 64, ARG(MAP_CREATE, MAP_ORDER)),

    BIT_SET(2000, "bit_resize", 0, INT(BYTE_SIZE), BIT_POLICY, ARG(INT_OR_ZERO, RESIZE_FLAGS)),
    BIT_SET(2001, "bit_insert", 1, INT(BYTE_OFFSET), ARG(BLOB, VALUE), BIT_POLICY),
    BIT_SET(2002, "bit_remove", 2, INT(BYTE_OFFSET), INT(BYTE_SIZE), BIT_POLICY),
    BIT_SET(2003, "bit_set", 3, BITS, ARG(BLOB, VALUE), BIT_POLICY),
    BIT_SET(2004, "bit_or", 4, BITS, ARG(BLOB, VALUE), BIT_POLICY),
    BIT_SET(2005, "bit_xor", 5, BITS, ARG(BLOB, VALUE), BIT_POLICY),
    BIT_SET(2006, "bit_and", 6, BITS, ARG(BLOB, VALUE), BIT_POLICY),
    BIT_SET(2007, "bit_not", 7, BITS, BIT_POLICY),
    BIT_SET(2008, "bit_lshift", 8, BITS, INT(VALUE), BIT_POLICY),
    BIT_SET(2009, "bit_rshift", 9, BITS, INT(VALUE), BIT_POLICY),
    BIT_SET(2010, "bit_add", 10, BITS, INT(VALUE), BIT_POLICY, ARG(BIT_ACTION, ACTION)),
    BIT_SET(2011, "bit_subtract", 11, BITS, INT(VALUE), BIT_POLICY, ARG(BIT_ACTION, ACTION)),
    BIT_GET(2012, "bit_get_int", 54, BITS, ARG(SIGNED, SIGN)),
    BIT_SET(2013, "bit_set_int", 12, BITS, INT(VALUE), BIT_POLICY),
    BIT_GET(2014, "bit_get", 50, BITS),
    BIT_GET(2015, "bit_count", 51, BITS),
    BIT_GET(2016, "bit_lscan", 52, BITS, ARG(BOOL, VALUE)),
    BIT_GET(2017, "bit_rscan", 53, BITS, ARG(BOOL, VALUE)),

    HLL_SET(2100, "hll_add", 1, LIST(VALUE_LIST), ARG(INT_OR_NONE, INDEX_BIT_COUNT),
            ARG(INT_OR_NONE, MH_BIT_COUNT), ARG(HLL_POLICY, HLL_POLICY)),
    HLL_GET(2101, "hll_describe", 55, NOTHING),
    HLL_SET(2102, "hll_fold", 4, INT(INDEX_BIT_COUNT)),
    HLL_GET(2103, "hll_get_count", 50, NOTHING),
    HLL_GET(2104, "hll_get_intersect_count", 53, LIST(VALUE_LIST)),
    HLL_GET(2105, "hll_get_similarity", 54, LIST(VALUE_LIST)),
    HLL_GET(2106, "hll_get_union", 51, LIST(VALUE_LIST)),
    HLL_GET(2107, "hll_get_union_count", 52, LIST(VALUE_LIST)),
    HLL_SET(2108, "hll_init", 0, ARG(INT_OR_NONE, INDEX_BIT_COUNT), ARG(INT_OR_NONE, MH_BIT_COUNT),
            ARG(HLL_POLICY, HLL_POLICY)),
    HLL_SET(2109, "hll_refresh_count", 3, NOTHING),
    HLL_SET(2110, "hll_set_union", 2, LIST(VALUE_LIST), ARG(HLL_POLICY, HLL_POLICY)),
    HLL_GET(2111, "hll_may_contain", 56, LIST(VALUE_LIST)),

    {2200, "expression_read", ANP_OP_EXP_READ, ANP_FORM_COMPUTED, 0, true,
     ARGS(ARG(EXPRESSION, EXPR), ARG(INT_OR_ZERO, EXPR_FLAGS))},
    {2201, "expression_write", ANP_OP_EXP_MODIFY, ANP_FORM_COMPUTED, 0, false,
     ARGS(ARG(EXPRESSION, EXPR), ARG(INT_OR_ZERO, EXPR_FLAGS))},
};
/* clang-format on */

const anp_op_spec *anp_op_find(long code)
{
    size_t low = 0, high = sizeof table / sizeof table[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].code == code) {
            return &table[middle];
        }
        if (table[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
