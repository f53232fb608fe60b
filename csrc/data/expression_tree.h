/* Inside of expressions: the operators' numbers, nodes, and what an evaluation keeps. */
#pragma once

#include <regex.h>

#include "data/expression.h"

typedef enum {
    ANP_EXP_OP_UNKNOWN = 0,
    ANP_EXP_OP_EQ = 1,
    ANP_EXP_OP_NE = 2,
    ANP_EXP_OP_GT = 3,
    ANP_EXP_OP_GE = 4,
    ANP_EXP_OP_LT = 5,
    ANP_EXP_OP_LE = 6,
    ANP_EXP_OP_REGEX = 7,
    ANP_EXP_OP_GEO = 8,
    ANP_EXP_OP_IN = 9,
    ANP_EXP_OP_AND = 16,
    ANP_EXP_OP_OR = 17,
    ANP_EXP_OP_NOT = 18,
    ANP_EXP_OP_EXCLUSIVE = 19,
    ANP_EXP_OP_ADD = 20,
    ANP_EXP_OP_SUB = 21,
    ANP_EXP_OP_MUL = 22,
    ANP_EXP_OP_DIV = 23,
    ANP_EXP_OP_POW = 24,
    ANP_EXP_OP_LOG = 25,
    ANP_EXP_OP_MOD = 26,
    ANP_EXP_OP_ABS = 27,
    ANP_EXP_OP_FLOOR = 28,
    ANP_EXP_OP_CEIL = 29,
    ANP_EXP_OP_TO_INT = 30,
    ANP_EXP_OP_TO_FLOAT = 31,
    ANP_EXP_OP_INT_AND = 32,
    ANP_EXP_OP_INT_OR = 33,
    ANP_EXP_OP_INT_XOR = 34,
    ANP_EXP_OP_INT_NOT = 35,
    ANP_EXP_OP_LSHIFT = 36,
    ANP_EXP_OP_RSHIFT = 37,
    ANP_EXP_OP_ARSHIFT = 38,
    ANP_EXP_OP_COUNT = 39,
    ANP_EXP_OP_LSCAN = 40,
    ANP_EXP_OP_RSCAN = 41,
    ANP_EXP_OP_MIN = 50,
    ANP_EXP_OP_MAX = 51,
    ANP_EXP_OP_DIGEST_MODULO = 64,
    ANP_EXP_OP_DEVICE_SIZE = 65,
    ANP_EXP_OP_LAST_UPDATE = 66,
    ANP_EXP_OP_SINCE_UPDATE = 67,
    ANP_EXP_OP_VOID_TIME = 68,
    ANP_EXP_OP_TTL = 69,
    ANP_EXP_OP_SET_NAME = 70,
    ANP_EXP_OP_KEY_EXISTS = 71,
    ANP_EXP_OP_IS_TOMBSTONE = 72,
    ANP_EXP_OP_MEMORY_SIZE = 73,
    ANP_EXP_OP_RECORD_SIZE = 74,
    ANP_EXP_OP_KEY = 80,
    ANP_EXP_OP_BIN = 81,
    ANP_EXP_OP_BIN_TYPE = 82,
    ANP_EXP_OP_REMOVE = 100,
    ANP_EXP_OP_MAP_KEYS = 101,
    ANP_EXP_OP_MAP_VALUES = 102,
    ANP_EXP_OP_CHILD = 122,
    ANP_EXP_OP_COND = 123,
    ANP_EXP_OP_VAR = 124,
    ANP_EXP_OP_LET = 125,
    ANP_EXP_OP_QUOTE = 126,
    ANP_EXP_OP_CALL = 127,
    ANP_EXP_OPS,
    /* ours */
    ANP_EXP_OP_LITERAL = 128,
    ANP_EXP_OP_RAW, /* bytes of a call that stand as they are */
} anp_exp_op;

enum {
    ANP_EXP_SIZE_MAX = 1 << 20, /* bytes of an expression */
    ANP_EXP_NONE = 0,           /* no node: the first one is never used */
};

typedef struct anp_exp_node {
    uint8_t op;
    uint8_t type;   /* anp_exp_type of its values */
    uint8_t system; /* CALL */
    uint32_t n_args;
    uint32_t first, next; /* argument, and the next one of whoever has this one */
    union {
        anp_exp_value literal;
        anp_slice bytes; /* RAW; BIN, BIN_TYPE: the name */
        uint32_t number; /* VAR, LET: its place; REGEX: of its pattern; CHILD: its id */
        int64_t modulus; /* DIGEST_MODULO */
    };
} anp_exp_node;

struct anp_expression {
    uint8_t *bytes; /* owned */
    size_t size;
    anp_exp_node *nodes; /* owned */
    uint32_t n_nodes, room;
    uint32_t root;
    uint32_t n_vars;
    regex_t *patterns; /* owned */
    uint32_t n_patterns;
    anp_arena literals; /* lists and maps in stored form; names while it is read */
};

/* One evaluation. */
typedef struct anp_exp_run {
    const anp_expression *e;
    const anp_exp_record *record;
    const anp_exp_child *child;
    anp_arena *arena;
    anp_exp_value *vars;
    uint64_t steps; /* that are left */
    uint8_t failed; /* a result code */
} anp_exp_run;

static inline const anp_exp_node *anp_exp_node_at(const anp_expression *e, uint32_t number)
{
    return &e->nodes[number];
}

anp_exp_value anp_exp_eval(anp_exp_run *run, uint32_t node);

/* Takes so many steps; false (and failed) when they are used up. */
bool anp_exp_step(anp_exp_run *run, uint64_t steps);

static inline anp_exp_value anp_exp_unknown(void)
{
    return (anp_exp_value){.type = ANP_EXP_UNKNOWN};
}
static inline anp_exp_value anp_exp_bool(bool v)
{
    return (anp_exp_value){.type = ANP_EXP_BOOL, .boolean = v};
}
static inline anp_exp_value anp_exp_int(int64_t v)
{
    return (anp_exp_value){.type = ANP_EXP_INT, .integer = v};
}
static inline anp_exp_value anp_exp_float(double v)
{
    return (anp_exp_value){.type = ANP_EXP_FLOAT, .real = v};
}
static inline anp_exp_value anp_exp_bytes(anp_exp_type type, anp_slice bytes)
{
    return (anp_exp_value){.type = type, .bytes = bytes};
}

/* One letter an argument: b bool, i integer, f float, s string, l list, m map, g GeoJSON; n numbers
 * of one type, a values of one type, x any value. + : the last one once or more. The result is a
 * letter too; n is the type of the numbers. */
typedef struct anp_exp_signature {
    const char *args; /* NULL: the operator has a form of its own, or is none */
    char result;
} anp_exp_signature;

const anp_exp_signature *anp_exp_signature_of(uint8_t op);
uint8_t anp_exp_type_of_letter(char letter);

/* Groups of operators, each in a file of its own. */
anp_exp_value anp_exp_eval_number(anp_exp_run *run, const anp_exp_node *node);
anp_exp_value anp_exp_eval_record(anp_exp_run *run, const anp_exp_node *node);
anp_exp_value anp_exp_eval_call(anp_exp_run *run, const anp_exp_node *node);

/* Compiles a pattern. false: it is none, or one whose matching can't be bounded. */
bool anp_exp_regex_compile(regex_t *out, int64_t flags, anp_slice pattern);
bool anp_exp_regex_matches(const regex_t *pattern, anp_slice text);
