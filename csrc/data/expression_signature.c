/* The types that the arguments of operators have, of those whose types alone say what they are. No
 * state. */
#include "data/expression_tree.h"

static const anp_exp_signature signatures[ANP_EXP_OPS] = {
    [ANP_EXP_OP_UNKNOWN] = {"", 'x'},      [ANP_EXP_OP_EQ] = {"aa", 'b'},
    [ANP_EXP_OP_NE] = {"aa", 'b'},         [ANP_EXP_OP_GT] = {"aa", 'b'},
    [ANP_EXP_OP_GE] = {"aa", 'b'},         [ANP_EXP_OP_LT] = {"aa", 'b'},
    [ANP_EXP_OP_LE] = {"aa", 'b'},         [ANP_EXP_OP_GEO] = {"gg", 'b'},
    [ANP_EXP_OP_IN] = {"xl", 'b'},         [ANP_EXP_OP_AND] = {"bb+", 'b'},
    [ANP_EXP_OP_OR] = {"bb+", 'b'},        [ANP_EXP_OP_NOT] = {"b", 'b'},
    [ANP_EXP_OP_EXCLUSIVE] = {"bb+", 'b'}, [ANP_EXP_OP_ADD] = {"n+", 'n'},
    [ANP_EXP_OP_SUB] = {"n+", 'n'},        [ANP_EXP_OP_MUL] = {"n+", 'n'},
    [ANP_EXP_OP_DIV] = {"n+", 'n'},        [ANP_EXP_OP_POW] = {"ff", 'f'},
    [ANP_EXP_OP_LOG] = {"ff", 'f'},        [ANP_EXP_OP_MOD] = {"ii", 'i'},
    [ANP_EXP_OP_ABS] = {"n", 'n'},         [ANP_EXP_OP_FLOOR] = {"f", 'f'},
    [ANP_EXP_OP_CEIL] = {"f", 'f'},        [ANP_EXP_OP_TO_INT] = {"f", 'i'},
    [ANP_EXP_OP_TO_FLOAT] = {"i", 'f'},    [ANP_EXP_OP_INT_AND] = {"i+", 'i'},
    [ANP_EXP_OP_INT_OR] = {"i+", 'i'},     [ANP_EXP_OP_INT_XOR] = {"i+", 'i'},
    [ANP_EXP_OP_INT_NOT] = {"i", 'i'},     [ANP_EXP_OP_LSHIFT] = {"ii", 'i'},
    [ANP_EXP_OP_RSHIFT] = {"ii", 'i'},     [ANP_EXP_OP_ARSHIFT] = {"ii", 'i'},
    [ANP_EXP_OP_COUNT] = {"i", 'i'},       [ANP_EXP_OP_LSCAN] = {"ib", 'i'},
    [ANP_EXP_OP_RSCAN] = {"ib", 'i'},      [ANP_EXP_OP_MIN] = {"n+", 'n'},
    [ANP_EXP_OP_MAX] = {"n+", 'n'},        [ANP_EXP_OP_DEVICE_SIZE] = {"", 'i'},
    [ANP_EXP_OP_LAST_UPDATE] = {"", 'i'},  [ANP_EXP_OP_SINCE_UPDATE] = {"", 'i'},
    [ANP_EXP_OP_VOID_TIME] = {"", 'i'},    [ANP_EXP_OP_TTL] = {"", 'i'},
    [ANP_EXP_OP_SET_NAME] = {"", 's'},     [ANP_EXP_OP_KEY_EXISTS] = {"", 'b'},
    [ANP_EXP_OP_IS_TOMBSTONE] = {"", 'b'}, [ANP_EXP_OP_MEMORY_SIZE] = {"", 'i'},
    [ANP_EXP_OP_RECORD_SIZE] = {"", 'i'},  [ANP_EXP_OP_REMOVE] = {"", 'x'},
    [ANP_EXP_OP_MAP_KEYS] = {"x", 'l'},    [ANP_EXP_OP_MAP_VALUES] = {"x", 'l'},
};

uint8_t anp_exp_type_of_letter(char letter)
{
    static const struct {
        char letter;
        uint8_t type;
    } letters[] = {{'b', ANP_EXP_BOOL},  {'i', ANP_EXP_INT}, {'f', ANP_EXP_FLOAT},
                   {'l', ANP_EXP_LIST},  {'m', ANP_EXP_MAP}, {'g', ANP_EXP_GEO},
                   {'s', ANP_EXP_STRING}};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].letter == letter) {
            return letters[i].type;
        }
    }
    return ANP_EXP_ANY;
}

const anp_exp_signature *anp_exp_signature_of(uint8_t op)
{
    return &signatures[op];
}
