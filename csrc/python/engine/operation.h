/* Operations on a record, as users write them (dicts) and as the server takes them: one table says
 * what each takes, one encoder writes it. */
#pragma once

#include "python/engine/policy.h"

/* ---- operation_table.c ---- */

/* Keys of an operation's dict. */
typedef enum anp_op_key {
    ANP_KEY_OP,
    ANP_KEY_BIN,
    ANP_KEY_VAL,
    ANP_KEY_INDEX,
    ANP_KEY_RANK,
    ANP_KEY_KEY,
    ANP_KEY_COUNT,
    ANP_KEY_RETURN_TYPE,
    ANP_KEY_INVERTED,
    ANP_KEY_CTX,
    ANP_KEY_RANGE,
    ANP_KEY_VALUE_LIST,
    ANP_KEY_VALUE_BEGIN,
    ANP_KEY_VALUE_END,
    ANP_KEY_LIST_POLICY,
    ANP_KEY_MAP_POLICY,
    ANP_KEY_LIST_ORDER,
    ANP_KEY_MAP_ORDER,
    ANP_KEY_SORT_FLAGS,
    ANP_KEY_PAD,
    ANP_KEY_PERSIST_INDEX,
    ANP_KEY_BIT_OFFSET,
    ANP_KEY_BIT_SIZE,
    ANP_KEY_BYTE_OFFSET,
    ANP_KEY_BYTE_SIZE,
    ANP_KEY_VALUE,
    ANP_KEY_VALUE_BYTE_SIZE,
    ANP_KEY_RESIZE_FLAGS,
    ANP_KEY_SIGN,
    ANP_KEY_ACTION,
    ANP_KEY_POLICY,
    ANP_KEY_INDEX_BIT_COUNT,
    ANP_KEY_MH_BIT_COUNT,
    ANP_KEY_HLL_POLICY,
    ANP_KEY_EXPR,
    ANP_KEY_EXPR_FLAGS,
    ANP_KEY_CDT_FLAGS,
    ANP_KEY_MOD_EXP,
    ANP_OP_KEYS
} anp_op_key;

extern const char *const anp_op_key_names[ANP_OP_KEYS];

/* How an argument is written. All but the optional ones must be in the dict. */
typedef enum anp_op_arg_kind {
    ANP_ARG_END,
    /* operations with a plain value, which is the whole payload */
    ANP_ARG_ANY,    /* any value a bin takes */
    ANP_ARG_NUMBER, /* int or float */
    ANP_ARG_TEXT,   /* str or bytes */
    ANP_ARG_TTL,    /* optional, seconds; goes into the request */
    /* arguments of a packed list */
    ANP_ARG_INT,         /* integer */
    ANP_ARG_INT_OR_ZERO, /* optional: 0 */
    ANP_ARG_INT_OR_NONE, /* optional: -1, which stands for "not given" */
    ANP_ARG_SIZE,        /* of elements: below 0 it is more than there can be */
    ANP_ARG_COUNT,       /* the same, optional, not written without: "to the end" */
    ANP_ARG_BOOL,
    ANP_ARG_VALUE, /* any value a list holds */
    ANP_ARG_LIST,
    ANP_ARG_MAP,
    ANP_ARG_BLOB,        /* bytes; beside them their size is taken too, for old callers */
    ANP_ARG_FROM,        /* any value, optional: nil, which is before everything */
    ANP_ARG_UNTIL,       /* any value, optional, not written without */
    ANP_ARG_EXPRESSION,  /* what has its bytes as `packed` */
    ANP_ARG_RETURN,      /* return_type */
    ANP_ARG_RETURN_MANY, /* the same, with inverted */
    /* of a policy, which may be missing: from here to HLL_POLICY */
    ANP_ARG_LIST_POLICY,  /* order and flags, both not written without a policy */
    ANP_ARG_LIST_FLAGS,   /* flags alone of the same */
    ANP_ARG_MAP_ORDER,    /* of a policy, 0 without */
    ANP_ARG_MAP_POLICY,   /* order, and flags unless they are 0 */
    ANP_ARG_BIT_POLICY,   /* flags, 0 without a policy */
    ANP_ARG_HLL_POLICY,   /* flags, 0 without a policy */
    ANP_ARG_LIST_CREATE,  /* list_order, pad, persist_index */
    ANP_ARG_MAP_CREATE,   /* map_order, persist_index */
    ANP_ARG_BIT_ACTION,   /* action and sign as flags */
    ANP_ARG_SIGNED,       /* 1, not written for unsigned */
    ANP_ARG_SELECT_FLAGS, /* of a path */
    ANP_ARG_MODIFY_FLAGS, /* the same, with the mark of a change */
} anp_op_arg_kind;

typedef struct anp_op_arg {
    uint8_t kind; /* anp_op_arg_kind */
    uint8_t key;  /* anp_op_key, where the kind leaves a choice */
} anp_op_arg;

typedef enum anp_op_form {
    ANP_FORM_PLAIN,    /* the payload is one value, or nothing */
    ANP_FORM_WHOLE,    /* plain, of the whole record: no bin */
    ANP_FORM_PACKED,   /* the list [sub, arguments] */
    ANP_FORM_CDT,      /* the same, with a context around it where one is given */
    ANP_FORM_PATH,     /* [0xfe, context, arguments] */
    ANP_FORM_COMPUTED, /* the list [arguments] */
} anp_op_form;

typedef struct anp_op_spec {
    int code;         /* OP_*, OPERATOR_* */
    const char *name; /* the builder's, for errors */
    uint8_t type;     /* anp_op_type */
    uint8_t form;     /* anp_op_form */
    uint8_t sub;
    bool is_read;
    anp_op_arg args[6]; /* ends with ANP_ARG_END */
} anp_op_spec;

/* NULL: no such operation. */
const anp_op_spec *anp_op_find(long code);

/* ---- operation.c ---- */

/* What operations ask of their request. */
typedef struct anp_operations {
    uint16_t count;
    bool reads, reads_all, writes;
    bool respond_all; /* each operation answers, be it with nothing */
    bool has_ttl;     /* a touch has one */
    int64_t ttl;
} anp_operations;

/* Appends the operations of `ops`, a tuple of dicts, to the buffer. `where` is the method's name.
 * false: an exception that names the operation. */
bool anp_operations_encode(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                           anp_operations *out);

/* A place in operations for a value of each row of arrays: a Field stood there. */
typedef struct anp_op_hole {
    size_t at;      /* in the operations' bytes, which go on behind it */
    uint16_t op;    /* its number */
    uint8_t kind;   /* anp_op_arg_kind */
    uint8_t key;    /* anp_op_key */
    bool is_packed; /* one of several arguments; else the payload */
    int64_t size;   /* of its bytes, as announced; -1: not announced */
} anp_op_hole;

typedef struct anp_op_holes {
    anp_buffer list; /* of anp_op_hole */
    PyObject *names; /* list of the fields' names; owned */
} anp_op_holes;

/* The same for operations that have places. `holes` is zeroed; anp_op_holes_deinit in any case. */
bool anp_operations_template(anp_state *state, PyObject *ops, const char *where, anp_buffer *b,
                             anp_op_holes *holes, anp_operations *out);
void anp_op_holes_deinit(anp_op_holes *holes);

/* What a value of this kind must be, where it isn't; else NULL. */
const char *anp_op_must_be(unsigned kind, PyObject *value);

/* ---- private to operation*.c ---- */

/* Where the encoder is, for its helpers. */
typedef struct anp_op_place {
    anp_whose whose; /* `where`: the method, and the operation's number, name and bin */
    anp_buffer *b;
} anp_op_place;

/* One operation that is being written. */
typedef struct anp_op_encoder {
    anp_op_place at;
    const anp_op_spec *spec;
    PyObject *values[ANP_OP_KEYS]; /* owned; NULL: not in the dict */
    uint64_t present;              /* a bit each */
    uint32_t written;              /* arguments */
    uint16_t number;
    anp_op_holes *holes; /* NULL: no places */
    anp_operations *sum;
} anp_op_encoder;

enum { ANP_OP_WHERE = 192 };
enum { ANP_OP_PERSISTS = 0x10 }; /* beside an order: its index is stored */

/* operation_dict.c */

/* Appends to `where`, which is what errors begin with, at `at`, as far as there is room; gives its
 * new end. Each operation has its own, whether there are errors or not: so printf() is too slow. */
size_t anp_op_where(char where[ANP_OP_WHERE], size_t at, const char *more);

/* Takes the dict's values, and finds out which operation it is. Appends its name to
 * `where`, at `at`. */
bool anp_op_take_dict(anp_op_encoder *e, PyObject *dict, char where[ANP_OP_WHERE], size_t at);

/* Each raises, and gives false: a key that must be there; a value that is not what it must be; a
 * key that is none of `names` (a new list, stolen), with what is near. */
bool anp_op_missing(const anp_op_encoder *e, unsigned key);
bool anp_op_wrong(const anp_op_encoder *e, unsigned key, const char *must);
bool anp_op_unknown(const anp_op_encoder *e, PyObject *key, PyObject *names);

/* operation_hole.c: leaves a place, where a Field stands for the value of each row. */
bool anp_op_is_hole(const anp_op_encoder *e, PyObject *value);
bool anp_op_put_hole(anp_op_encoder *e, const anp_op_arg *arg, bool is_packed);

/* operation.c */
bool anp_op_put_integer(anp_op_encoder *e, int64_t v);

/* operation_policy.c: the arguments that a policy has. */
bool anp_op_put_policy(anp_op_encoder *e, const anp_op_arg *arg);

/* operation_context.c */

/* Appends a context, the list of what leads to a list or a map inside the bin. `create`: bits for
 * the last step's type, of what is made where it does not exist. `is_path`: steps may take several
 * elements. */
bool anp_op_context(const anp_op_place *at, PyObject *context, unsigned create, bool is_path);

/* Appends the bytes of an expression. `what` is the key that holds it. */
bool anp_op_expression(const anp_op_place *at, PyObject *expression, const char *what);

/* An integer of 64 bits; bool is none. */
bool anp_op_integer(const anp_op_place *at, PyObject *value, const char *what, int64_t *out);

/* True or False, of any kind; NULL and None are False. */
bool anp_op_bool(const anp_op_place *at, PyObject *value, const char *what, bool *out);
