/* Reads expressions into nodes and checks their types. No state; recursion is bounded by
 * ANP_MSGPACK_DEPTH, which the first look at the bytes enforces.
 *
 *   node      [operator u8, argument, ...] or a literal
 *   literal   number, bool, nil, text behind its type byte, map; [126, list]
 *   names     text without a type byte */
#include "base/alloc.h"
#include "data/collection.h"
#include "data/expression_tree.h"

typedef struct scope {
    const struct scope *outer;
    anp_slice name;
    uint32_t number;
    uint8_t type;
} scope;

typedef struct parser {
    anp_expression *e;
    anp_cursor at;
    bool no_memory;
} parser;

static uint32_t parse(parser *p, const scope *names);

/* ---- nodes ---- */

static uint32_t add(parser *p, uint8_t op, uint8_t type)
{
    anp_expression *e = p->e;
    if (e->n_nodes == e->room) {
        uint32_t room = e->room == 0 ? 16 : e->room * 2;
        anp_exp_node *grown = anp_realloc(e->nodes, room * sizeof *grown);
        if (grown == NULL) {
            p->no_memory = true;
            return ANP_EXP_NONE;
        }
        e->nodes = grown;
        e->room = room;
    }
    e->nodes[e->n_nodes] = (anp_exp_node){.op = op, .type = type};
    return e->n_nodes++;
}

static anp_exp_node *node_at(const parser *p, uint32_t number)
{
    return &p->e->nodes[number];
}

/* Puts an argument behind the one before it; false where there is none. */
static bool attach(parser *p, uint32_t to, uint32_t *before, uint32_t argument)
{
    if (argument == ANP_EXP_NONE) {
        return false;
    }
    if (*before == ANP_EXP_NONE) {
        node_at(p, to)->first = argument;
    } else {
        node_at(p, *before)->next = argument;
    }
    *before = argument;
    node_at(p, to)->n_args++;
    return true;
}

static uint32_t add_literal(parser *p, anp_exp_value v)
{
    uint32_t node = add(p, ANP_EXP_OP_LITERAL, (uint8_t)v.type);
    if (node != ANP_EXP_NONE) {
        node_at(p, node)->literal = v;
    }
    return node;
}

static bool read_name(parser *p, anp_slice *out)
{
    anp_msgpack_item item;
    if (!anp_msgpack_read(&p->at, &item) || item.kind != ANP_MSGPACK_STRING) {
        return false;
    }
    *out = item.bytes;
    return true;
}

static bool read_integer(parser *p, int64_t *out)
{
    anp_msgpack_item item;
    if (!anp_msgpack_read(&p->at, &item) || item.kind != ANP_MSGPACK_INT) {
        return false;
    }
    *out = item.integer;
    return true;
}

static bool read_type(parser *p, uint8_t *out)
{
    int64_t type;
    if (!read_integer(p, &type) || type < ANP_EXP_NIL || type > ANP_EXP_HLL) {
        return false;
    }
    *out = (uint8_t)type;
    return true;
}

/* ---- literals ---- */

/* A list or map in the form in which records have it, so that the two compare. */
static uint32_t parse_collection(parser *p, uint8_t particle)
{
    const uint8_t *start = p->at.at;
    anp_buffer form;
    anp_buffer_init(&form, ANP_EXP_SIZE_MAX * 2);
    uint32_t node = ANP_EXP_NONE;
    if (anp_msgpack_skip(&p->at) &&
        anp_collection_store(&form, particle, (anp_slice){start, (size_t)(p->at.at - start)})) {
        uint8_t *bytes = anp_arena_copy(&p->e->literals, form.data, form.size);
        if (bytes != NULL) {
            node =
                add_literal(p, (anp_exp_value){.type = particle == ANP_PARTICLE_LIST ? ANP_EXP_LIST
                                                                                     : ANP_EXP_MAP,
                                               .bytes = {bytes, form.size}});
        }
    }
    p->no_memory = p->no_memory || form.failed != ANP_OK;
    anp_buffer_deinit(&form);
    return node;
}

static uint32_t parse_literal(parser *p)
{
    anp_exp_value v = anp_exp_value_read(&p->at);
    return v.type == ANP_EXP_UNKNOWN ? ANP_EXP_NONE : add_literal(p, v);
}

/* ---- operators with arguments of given types ---- */

/* Makes *common the type that both have; false where they differ. What is not known before it is
 * evaluated goes with all. */
static bool unite(uint8_t *common, uint8_t type)
{
    if (*common == ANP_EXP_ANY) {
        *common = type;
    }
    return type == ANP_EXP_ANY || type == *common;
}

static bool fits(char letter, uint8_t type, uint8_t *common)
{
    switch (letter) {
    case 'x':
        return true;
    case 'a':
        return unite(common, type);
    case 'n':
        return (type == ANP_EXP_INT || type == ANP_EXP_FLOAT || type == ANP_EXP_ANY) &&
               unite(common, type);
    default:
        return type == ANP_EXP_ANY || type == anp_exp_type_of_letter(letter);
    }
}

static uint32_t parse_signed(parser *p, uint8_t op, uint32_t count, const scope *names)
{
    const anp_exp_signature *signature = anp_exp_signature_of(op);
    const char *letters = signature->args;
    uint8_t common = ANP_EXP_ANY;
    uint32_t before = ANP_EXP_NONE, node = add(p, op, ANP_EXP_ANY);
    if (node == ANP_EXP_NONE) {
        return ANP_EXP_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (*letters == 0) {
            return ANP_EXP_NONE; /* too many */
        }
        uint32_t argument = parse(p, names);
        if (!attach(p, node, &before, argument) ||
            !fits(*letters, node_at(p, argument)->type, &common)) {
            return ANP_EXP_NONE;
        }
        if (letters[1] != '+') {
            letters++;
        }
    }
    if (*letters != 0 && (letters[1] != '+' || count < strlen(signature->args) - 1)) {
        return ANP_EXP_NONE; /* too few */
    }
    char result = signature->result;
    node_at(p, node)->type = result == 'n' ? common : anp_exp_type_of_letter(result);
    return node;
}

/* ---- operators of their own form; each gets the count of what follows the operator ---- */

static uint32_t parse_regex(parser *p, uint32_t count, const scope *names)
{
    int64_t flags;
    anp_slice pattern;
    anp_expression *e = p->e;
    if (count != 3 || !read_integer(p, &flags) || !read_name(p, &pattern)) {
        return ANP_EXP_NONE;
    }
    regex_t *grown = anp_realloc(e->patterns, (e->n_patterns + 1) * sizeof *grown);
    if (grown == NULL) {
        p->no_memory = true;
        return ANP_EXP_NONE;
    }
    e->patterns = grown;
    if (!anp_exp_regex_compile(&e->patterns[e->n_patterns], flags, pattern)) {
        return ANP_EXP_NONE;
    }
    uint32_t number = e->n_patterns++, before = ANP_EXP_NONE;
    uint32_t node = add(p, ANP_EXP_OP_REGEX, ANP_EXP_BOOL);
    if (node == ANP_EXP_NONE) {
        return ANP_EXP_NONE;
    }
    node_at(p, node)->number = number;
    uint32_t text = parse(p, names);
    uint8_t common;
    return attach(p, node, &before, text) && fits('s', node_at(p, text)->type, &common)
               ? node
               : ANP_EXP_NONE;
}

static uint32_t parse_digest_modulo(parser *p, uint32_t count)
{
    int64_t modulus;
    if (count != 1 || !read_integer(p, &modulus) || modulus <= 0) {
        return ANP_EXP_NONE;
    }
    uint32_t node = add(p, ANP_EXP_OP_DIGEST_MODULO, ANP_EXP_INT);
    if (node != ANP_EXP_NONE) {
        node_at(p, node)->modulus = modulus;
    }
    return node;
}

enum { CHILD_INDEX = 2 }; /* the highest id */

/* KEY type; BIN type, name; BIN_TYPE name; CHILD type, id */
static uint32_t parse_access(parser *p, uint8_t op, uint32_t count)
{
    uint8_t type = ANP_EXP_INT;
    anp_slice name = {NULL, 0};
    int64_t id = 0;
    bool has_type = op != ANP_EXP_OP_BIN_TYPE;
    bool has_name = op == ANP_EXP_OP_BIN || op == ANP_EXP_OP_BIN_TYPE;
    bool has_id = op == ANP_EXP_OP_CHILD;
    if (count != (uint32_t)has_type + has_name + has_id || (has_type && !read_type(p, &type)) ||
        (has_name && (!read_name(p, &name) || name.size > ANP_BIN_NAME_MAX)) ||
        (has_id && (!read_integer(p, &id) || id < 0 || id > CHILD_INDEX))) {
        return ANP_EXP_NONE;
    }
    bool is_key_type = type == ANP_EXP_INT || type == ANP_EXP_STRING || type == ANP_EXP_BLOB;
    if ((op == ANP_EXP_OP_KEY && !is_key_type) ||
        (has_id && id == CHILD_INDEX && type != ANP_EXP_INT)) {
        return ANP_EXP_NONE;
    }
    uint32_t node = add(p, op, type);
    if (node != ANP_EXP_NONE && has_name) {
        node_at(p, node)->bytes = name;
    } else if (node != ANP_EXP_NONE) {
        node_at(p, node)->number = (uint32_t)id;
    }
    return node;
}

static uint32_t parse_cond(parser *p, uint32_t count, const scope *names)
{
    uint8_t common = ANP_EXP_ANY, ignored;
    uint32_t before = ANP_EXP_NONE, node = add(p, ANP_EXP_OP_COND, ANP_EXP_ANY);
    if (node == ANP_EXP_NONE || count < 3 || count % 2 == 0) {
        return ANP_EXP_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t argument = parse(p, names);
        if (!attach(p, node, &before, argument)) {
            return ANP_EXP_NONE;
        }
        uint8_t type = node_at(p, argument)->type;
        bool is_test = i % 2 == 0 && i + 1 < count;
        if (is_test ? !fits('b', type, &ignored) : !unite(&common, type)) {
            return ANP_EXP_NONE;
        }
    }
    node_at(p, node)->type = common;
    return node;
}

static const scope *find_name(const scope *names, anp_slice name)
{
    while (names != NULL &&
           (names->name.size != name.size || memcmp(names->name.data, name.data, name.size) != 0)) {
        names = names->outer;
    }
    return names;
}

/* Letters, digits and _, no digit first. */
static bool is_good_name(anp_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.size != 0;
}

static uint32_t parse_var(parser *p, uint32_t count, const scope *names)
{
    anp_slice name;
    if (count != 1 || !read_name(p, &name)) {
        return ANP_EXP_NONE;
    }
    const scope *found = find_name(names, name);
    uint32_t node = found != NULL ? add(p, ANP_EXP_OP_VAR, found->type) : ANP_EXP_NONE;
    if (node != ANP_EXP_NONE) {
        node_at(p, node)->number = found->number;
    }
    return node;
}

/* Each name is seen by the values behind it, and by the expression at the end. None may stand for
 * two values at once. */
static uint32_t parse_let(parser *p, uint32_t count, const scope *names)
{
    uint32_t before = ANP_EXP_NONE, node = add(p, ANP_EXP_OP_LET, ANP_EXP_ANY);
    if (node == ANP_EXP_NONE || count < 3 || count % 2 == 0) {
        return ANP_EXP_NONE;
    }
    uint32_t number = p->e->n_vars, value = ANP_EXP_NONE;
    node_at(p, node)->number = number;
    p->e->n_vars += count / 2;
    for (; count > 1; count -= 2, number++) {
        scope *inner = anp_arena_take(&p->e->literals, sizeof *inner);
        anp_slice name;
        if (inner == NULL || !read_name(p, &name) || !is_good_name(name) ||
            find_name(names, name) != NULL || !attach(p, node, &before, value = parse(p, names))) {
            return ANP_EXP_NONE;
        }
        *inner = (scope){names, name, number, node_at(p, value)->type};
        names = inner;
    }
    if (!attach(p, node, &before, value = parse(p, names))) {
        return ANP_EXP_NONE;
    }
    node_at(p, node)->type = node_at(p, value)->type;
    return node;
}

/* ---- calls of operations on lists, maps, bits and HLLs ---- */

enum { MODIFIES = 0x40, COLLECTION = 0, BITS = 1, HLL = 2, CONTEXT = 0xff, SELECT = 0xfe };

static bool is_list(const anp_cursor *c)
{
    anp_cursor at = *c;
    anp_msgpack_item item;
    return anp_msgpack_read(&at, &item) && item.kind == ANP_MSGPACK_LIST;
}

static bool attach_raw(parser *p, uint32_t call, uint32_t *before, const uint8_t *start)
{
    if (start == p->at.at) {
        return true;
    }
    uint32_t raw = add(p, ANP_EXP_OP_RAW, ANP_EXP_ANY);
    if (!attach(p, call, before, raw)) {
        return false;
    }
    node_at(p, raw)->bytes = (anp_slice){start, (size_t)(p->at.at - start)};
    return true;
}

/* Arguments that are lists are expressions; all else stands as it is: pieces of raw bytes and
 * expressions, one after the other, make the call. */
static bool parse_operation(parser *p, uint32_t call, uint32_t *before, const scope *names)
{
    const uint8_t *start = p->at.at;
    anp_cursor look = p->at;
    anp_msgpack_item list, code;
    if (!anp_msgpack_read(&look, &list) || list.kind != ANP_MSGPACK_LIST || list.count == 0 ||
        !anp_msgpack_read(&look, &code) || code.kind != ANP_MSGPACK_INT) {
        return false;
    }
    if (code.integer == SELECT) {
        return anp_msgpack_skip(&p->at) && attach_raw(p, call, before, start);
    }
    if (code.integer == CONTEXT) {
        if (list.count != 3 || !anp_msgpack_skip(&look) || !anp_msgpack_read(&look, &list) ||
            list.kind != ANP_MSGPACK_LIST || list.count == 0 || !anp_msgpack_read(&look, &code)) {
            return false;
        }
    }
    p->at = look;
    for (uint32_t i = 1; i < list.count; i++) {
        if (!is_list(&p->at)) {
            if (!anp_msgpack_skip(&p->at)) {
                return false;
            }
            continue;
        }
        if (!attach_raw(p, call, before, start) || !attach(p, call, before, parse(p, names))) {
            return false;
        }
        start = p->at.at;
    }
    return attach_raw(p, call, before, start);
}

/* The type that a call gives, where its system alone says so. */
static uint8_t type_of_call(int64_t system, uint8_t declared)
{
    switch (system) {
    case COLLECTION | MODIFIES:
        return declared == ANP_EXP_LIST || declared == ANP_EXP_MAP ? declared : ANP_EXP_ANY;
    case BITS | MODIFIES:
        return ANP_EXP_BLOB;
    case HLL | MODIFIES:
        return ANP_EXP_HLL;
    default:
        return declared;
    }
}

static uint32_t parse_call(parser *p, uint32_t count, const scope *names)
{
    uint8_t type;
    int64_t system;
    static const uint8_t takes[][2] = {
        {ANP_EXP_LIST, ANP_EXP_MAP}, {ANP_EXP_BLOB, ANP_EXP_BLOB}, {ANP_EXP_HLL, ANP_EXP_HLL}};
    if (count != 4 || !read_type(p, &type) || !read_integer(p, &system) ||
        (system & ~(int64_t)MODIFIES) < COLLECTION || (system & ~(int64_t)MODIFIES) > HLL ||
        type_of_call(system, type) != type) {
        return ANP_EXP_NONE;
    }
    uint32_t before = ANP_EXP_NONE, node = add(p, ANP_EXP_OP_CALL, type);
    if (node == ANP_EXP_NONE || !parse_operation(p, node, &before, names)) {
        return ANP_EXP_NONE;
    }
    node_at(p, node)->system = (uint8_t)system;
    uint32_t bin = parse(p, names);
    if (!attach(p, node, &before, bin)) {
        return ANP_EXP_NONE;
    }
    uint8_t has = node_at(p, bin)->type;
    const uint8_t *may = takes[system & ~(int64_t)MODIFIES];
    return has == ANP_EXP_ANY || has == may[0] || has == may[1] ? node : ANP_EXP_NONE;
}

/* ---- any node ---- */

static uint32_t parse_list(parser *p, const scope *names)
{
    anp_msgpack_item list;
    int64_t op;
    if (!anp_msgpack_read(&p->at, &list) || list.count == 0 || !read_integer(p, &op) || op < 0 ||
        op >= ANP_EXP_OPS) {
        return ANP_EXP_NONE;
    }
    uint32_t count = list.count - 1;
    switch (op) {
    case ANP_EXP_OP_REGEX:
        return parse_regex(p, count, names);
    case ANP_EXP_OP_DIGEST_MODULO:
        return parse_digest_modulo(p, count);
    case ANP_EXP_OP_KEY:
    case ANP_EXP_OP_BIN:
    case ANP_EXP_OP_BIN_TYPE:
    case ANP_EXP_OP_CHILD:
        return parse_access(p, (uint8_t)op, count);
    case ANP_EXP_OP_COND:
        return parse_cond(p, count, names);
    case ANP_EXP_OP_VAR:
        return parse_var(p, count, names);
    case ANP_EXP_OP_LET:
        return parse_let(p, count, names);
    case ANP_EXP_OP_QUOTE:
        return count == 1 && is_list(&p->at) ? parse_collection(p, ANP_PARTICLE_LIST)
                                             : ANP_EXP_NONE;
    case ANP_EXP_OP_CALL:
        return parse_call(p, count, names);
    default:
        return anp_exp_signature_of((uint8_t)op)->args != NULL
                   ? parse_signed(p, (uint8_t)op, count, names)
                   : ANP_EXP_NONE;
    }
}

static uint32_t parse(parser *p, const scope *names)
{
    anp_cursor look = p->at;
    anp_msgpack_item item;
    if (!anp_msgpack_read(&look, &item)) {
        return ANP_EXP_NONE;
    }
    switch (item.kind) {
    case ANP_MSGPACK_LIST:
        return parse_list(p, names);
    case ANP_MSGPACK_MAP:
        return parse_collection(p, ANP_PARTICLE_MAP);
    default:
        return parse_literal(p);
    }
}

uint8_t anp_expression_new(anp_slice bytes, anp_expression **out)
{
    anp_cursor whole = anp_cursor_over(bytes.data, bytes.size);
    *out = NULL;
    if (bytes.size > ANP_EXP_SIZE_MAX || !anp_msgpack_skip(&whole) ||
        anp_cursor_left(&whole) != 0) {
        return ANP_PARAMETER;
    }
    anp_expression *e = anp_calloc(1, sizeof *e);
    if (e == NULL) {
        return ANP_SERVER_ERROR;
    }
    anp_arena_init(&e->literals, ANP_EXP_SIZE_MAX * 16);
    e->bytes = anp_memdup(bytes.data, bytes.size);
    e->size = bytes.size;
    parser p = {.e = e, .at = anp_cursor_over(e->bytes, e->bytes != NULL ? e->size : 0)};
    (void)add(&p, ANP_EXP_OP_UNKNOWN, ANP_EXP_ANY); /* the one that stands for none */
    e->root = e->n_nodes != 0 ? parse(&p, NULL) : ANP_EXP_NONE;
    if (e->root == ANP_EXP_NONE) {
        bool no_memory = p.no_memory || e->bytes == NULL || e->literals.failed;
        anp_expression_free(e);
        return no_memory ? ANP_SERVER_ERROR : ANP_PARAMETER;
    }
    *out = e;
    return ANP_OK;
}

void anp_expression_free(anp_expression *e)
{
    if (e == NULL) {
        return;
    }
    for (uint32_t i = 0; i < e->n_patterns; i++) {
        regfree(&e->patterns[i]);
    }
    anp_free(e->patterns);
    anp_arena_deinit(&e->literals);
    anp_free(e->nodes);
    anp_free(e->bytes);
    anp_free(e);
}

anp_exp_type anp_expression_type(const anp_expression *e)
{
    return (anp_exp_type)e->nodes[e->root].type;
}

anp_slice anp_expression_bytes(const anp_expression *e)
{
    return (anp_slice){e->bytes, e->size};
}
