/* Calls of HyperLogLog operations: arguments, policies, and what is done. No state. */
#include "base/alloc.h"
#include "data/hll.h"

enum { /* policy */
       CREATE_ONLY = 1,
       UPDATE_ONLY = 2,
       NO_FAIL = 4,
       ALLOW_FOLD = 8,
};

enum { UNION = 51, UNION_COUNT, INTERSECT_COUNT, SIMILARITY }; /* codes of readings of several */

typedef struct hll_op {
    anp_call call;
    int64_t index_bits, minhash_bits, policy;
    anp_call list; /* elements, or values */
    const anp_particle *bin;
    anp_hll old; /* of the bin, where there is one */
    anp_outcome *out;
} hll_op;

/* ---- lists ---- */

static bool take_list(anp_call *c, anp_call *list)
{
    anp_msgpack_item item;
    if (!anp_call_item(c, &item) || item.kind != ANP_MSGPACK_LIST) {
        return false;
    }
    anp_cursor at = c->at;
    for (uint32_t i = 0; i < item.count; i++) {
        if (!anp_msgpack_skip(&c->at)) {
            return false;
        }
    }
    uint8_t flags;
    if (!anp_msgpack_take_order_mark(&at, &item, &flags)) {
        return false;
    }
    *list = (anp_call){.at = at, .left = item.count};
    return true;
}

/* The next element's bytes as they are hashed: numbers in their smallest form, which is made in
 * `scratch`. */
static bool take_element(anp_call *list, anp_buffer *scratch, anp_slice *out)
{
    const uint8_t *start = list->at.at;
    anp_cursor at = list->at;
    anp_msgpack_item item;
    if (!anp_msgpack_read(&at, &item) || !anp_msgpack_skip(&list->at)) {
        return false;
    }
    list->left--;
    anp_buffer_clear(scratch);
    switch (item.kind) {
    case ANP_MSGPACK_INT:
        anp_msgpack_put_int(scratch, item.integer);
        break;
    case ANP_MSGPACK_UINT:
        anp_msgpack_put_uint(scratch, item.uinteger);
        break;
    case ANP_MSGPACK_BIN:
        anp_msgpack_put_raw_text(scratch, item.bytes.data, item.bytes.size);
        break;
    case ANP_MSGPACK_LIST:
    case ANP_MSGPACK_MAP:
    case ANP_MSGPACK_EXT: /* infinity and wildcard are no values */
        return false;
    default:
        *out = (anp_slice){start, (size_t)(list->at.at - start)};
        return true;
    }
    *out = (anp_slice){scratch->data, scratch->size};
    return scratch->failed == ANP_OK;
}

/* More than two values that intersect must have MinHash bits, the same in all. */
static bool can_intersect(const hll_op *o, const anp_hll *given, uint32_t n)
{
    bool intersects = o->call.code == INTERSECT_COUNT || o->call.code == SIMILARITY;
    for (uint32_t i = 0; intersects && n > 2 && i < n; i++) {
        if (given[i].minhash_bits == 0 || given[i].minhash_bits != given[0].minhash_bits) {
            return false;
        }
    }
    return true;
}

/* All values of the list, one at least, then the bin's own (where there is one); *n. The caller
 * frees *out, whatever the code. */
static uint8_t take_sets(hll_op *o, anp_hll **out, uint32_t *n)
{
    *out = NULL;
    *n = 0;
    if (o->list.left == 0 || o->list.left > anp_cursor_left(&o->list.at) / ANP_HLL_HEAD) {
        return ANP_PARAMETER;
    }
    anp_hll *sets = *out = anp_calloc((size_t)o->list.left + 1, sizeof *sets);
    if (sets == NULL) {
        return ANP_SERVER_ERROR;
    }
    while (o->list.left != 0) {
        anp_slice bytes;
        if (!anp_call_blob(&o->list, &bytes) || !anp_hll_open(&sets[(*n)++], bytes)) {
            return ANP_PARAMETER;
        }
    }
    if (!can_intersect(o, sets, *n)) {
        return ANP_PARAMETER;
    }
    if (o->bin != NULL) {
        sets[(*n)++] = o->old;
    }
    return *n <= 3 || can_intersect(o, sets, *n) ? ANP_OK : ANP_OP_NOT_APPLICABLE;
}

/* ---- modifying ---- */

/* The bits that a new or reset value has. */
static uint8_t choose_bits(hll_op *o)
{
    if (o->index_bits == ANP_HLL_UNSET) {
        if (o->bin == NULL) {
            return ANP_OP_NOT_APPLICABLE;
        }
        o->index_bits = o->old.index_bits;
    }
    if (o->minhash_bits == ANP_HLL_UNSET) {
        o->minhash_bits = o->bin != NULL ? o->old.minhash_bits : 0;
    }
    return anp_hll_bits_are_good(o->index_bits, o->minhash_bits) ? ANP_OK : ANP_OP_NOT_APPLICABLE;
}

static uint8_t do_init(hll_op *o)
{
    uint8_t code = choose_bits(o);
    if (code == ANP_OK) {
        (void)anp_hll_make(&o->out->bin, (unsigned)o->index_bits, (unsigned)o->minhash_bits);
        o->out->has_changed = true;
    }
    return code;
}

/* Puts the bin's value, or a new one, into the outcome. NULL: see *code. */
static uint8_t *start_change(hll_op *o, anp_hll *h, uint8_t *code)
{
    *code = o->bin == NULL ? choose_bits(o) : ANP_OK;
    if (*code != ANP_OK) {
        return NULL;
    }
    if (o->bin != NULL) {
        anp_buffer_put(&o->out->bin, o->old.data, o->old.size);
    } else {
        (void)anp_hll_make(&o->out->bin, (unsigned)o->index_bits, (unsigned)o->minhash_bits);
    }
    if (o->out->bin.failed != ANP_OK ||
        !anp_hll_open(h, (anp_slice){o->out->bin.data, o->out->bin.size})) {
        return NULL;
    }
    return o->out->bin.data;
}

static uint8_t do_add(hll_op *o)
{
    anp_hll h;
    uint8_t code, *data = start_change(o, &h, &code);
    anp_buffer scratch;
    anp_buffer_init(&scratch, ANP_PROTO_MAX);
    int64_t changed = 0;
    while (data != NULL && code == ANP_OK && o->list.left != 0) {
        anp_slice element;
        if (!take_element(&o->list, &scratch, &element)) {
            code = scratch.failed != ANP_OK ? ANP_SERVER_ERROR : ANP_PARAMETER;
            break;
        }
        anp_hll_place place = anp_hll_place_of(&h, element);
        if (place.value > anp_hll_register(&h, place.number)) {
            anp_hll_set_register(data, &h, place.number, place.value);
            changed++;
        }
    }
    anp_buffer_deinit(&scratch);
    if (data != NULL && code == ANP_OK) {
        if (changed != 0) {
            anp_hll_forget_count(data);
        }
        anp_outcome_integer(o->out, changed);
        o->out->has_changed = true;
    }
    return code;
}

static uint8_t do_union(hll_op *o)
{
    uint32_t n;
    anp_hll *sets;
    uint8_t index_bits, minhash_bits, code = take_sets(o, &sets, &n);
    if (code == ANP_OK) {
        anp_hll_union_bits(sets, n, &index_bits, &minhash_bits);
        if (o->bin != NULL && !(o->policy & ALLOW_FOLD) &&
            (index_bits != o->old.index_bits || minhash_bits != o->old.minhash_bits)) {
            code = ANP_OP_NOT_APPLICABLE;
        } else {
            o->out->has_changed = anp_hll_union(&o->out->bin, sets, n);
        }
    }
    anp_free(sets);
    return code;
}

static uint8_t do_refresh(hll_op *o)
{
    uint64_t count = anp_hll_count(&o->old);
    anp_buffer_put(&o->out->bin, o->old.data, o->old.size);
    if (o->out->bin.failed == ANP_OK) {
        anp_hll_remember_count(o->out->bin.data, count);
        anp_outcome_integer(o->out, (int64_t)count);
        o->out->has_changed = true;
    }
    return ANP_OK;
}

static uint8_t do_fold(hll_op *o)
{
    if (o->old.minhash_bits != 0 || o->index_bits > o->old.index_bits ||
        o->index_bits == ANP_HLL_UNSET) {
        return ANP_OP_NOT_APPLICABLE;
    }
    anp_hll h = {.index_bits = (uint8_t)o->index_bits,
                 .size = anp_hll_size((unsigned)o->index_bits, 0)};
    uint8_t *data = anp_hll_make(&o->out->bin, h.index_bits, 0);
    if (data != NULL) {
        anp_hll_merge(data, &h, &o->old);
        o->out->has_changed = true;
    }
    return ANP_OK;
}

/* ---- reading ---- */

static uint8_t do_count(hll_op *o)
{
    anp_outcome_integer(o->out, (int64_t)anp_hll_count(&o->old));
    return ANP_OK;
}

static uint8_t do_describe(hll_op *o)
{
    o->out->type = ANP_PARTICLE_LIST;
    anp_msgpack_put_list(&o->out->result, 2);
    anp_msgpack_put_int(&o->out->result, o->old.index_bits);
    anp_msgpack_put_int(&o->out->result, o->old.minhash_bits);
    return ANP_OK;
}

static uint8_t do_may_contain(hll_op *o)
{
    anp_buffer scratch;
    anp_buffer_init(&scratch, ANP_PROTO_MAX);
    bool ok = true, all = true;
    while (ok && o->list.left != 0) {
        anp_slice element;
        ok = take_element(&o->list, &scratch, &element);
        if (ok) {
            anp_hll_place place = anp_hll_place_of(&o->old, element);
            all = all && anp_hll_register(&o->old, place.number) >= place.value;
        }
    }
    bool no_memory = scratch.failed != ANP_OK;
    anp_buffer_deinit(&scratch);
    if (ok) {
        anp_outcome_integer(o->out, all);
    }
    return ok ? ANP_OK : no_memory ? ANP_SERVER_ERROR : ANP_PARAMETER;
}

static uint8_t read_sets(hll_op *o, const anp_hll *sets, uint32_t n)
{
    anp_buffer scratch;
    uint64_t count = 0;
    double similarity = 0;
    anp_hll all;
    anp_buffer_init(&scratch, ANP_PROTO_MAX);
    bool ok;
    switch (o->call.code) {
    case UNION:
        o->out->type = ANP_PARTICLE_HLL;
        ok = true;
        (void)anp_hll_union(&o->out->result, sets, n);
        break;
    case UNION_COUNT:
        ok = anp_hll_union(&scratch, sets, n) &&
             anp_hll_open(&all, (anp_slice){scratch.data, scratch.size});
        count = ok ? anp_hll_count(&all) : 0;
        break;
    case INTERSECT_COUNT:
        ok = anp_hll_intersect_count(sets, n, &scratch, &count);
        break;
    default:
        ok = anp_hll_similarity(sets, n, &scratch, &similarity);
    }
    bool no_memory = scratch.failed != ANP_OK;
    anp_buffer_deinit(&scratch);
    if (!ok) {
        return no_memory ? ANP_SERVER_ERROR : ANP_PARAMETER;
    }
    if (o->call.code == SIMILARITY) {
        uint64_t bits;
        memcpy(&bits, &similarity, sizeof bits);
        o->out->type = ANP_PARTICLE_FLOAT;
        anp_buffer_be64(&o->out->result, bits);
    } else if (o->call.code != UNION) {
        anp_outcome_integer(o->out, (int64_t)count);
    }
    return ANP_OK;
}

static uint8_t do_sets(hll_op *o)
{
    uint32_t n;
    anp_hll *sets;
    uint8_t code = take_sets(o, &sets, &n);
    code = code == ANP_OK ? read_sets(o, sets, n) : code;
    anp_free(sets);
    return code;
}

/* ---- the table ---- */

enum { /* arguments, in this order */
       HAS_LIST = 1,
       HAS_INDEX_BITS = 2,
       HAS_MINHASH_BITS = 4,
       IS_GIVEN = 8, /* the bits must be there */
       MAKES = 16,   /* may make the bin */
};

typedef struct hll_def {
    uint8_t (*run)(hll_op *o);
    unsigned traits;
    int64_t policies; /* 0: takes none */
} hll_def;

static const hll_def modifying[] = {
    {do_init, HAS_INDEX_BITS | HAS_MINHASH_BITS | MAKES, CREATE_ONLY | UPDATE_ONLY | NO_FAIL},
    {do_add, HAS_LIST | HAS_INDEX_BITS | HAS_MINHASH_BITS | MAKES, CREATE_ONLY | NO_FAIL},
    {do_union, HAS_LIST | MAKES, CREATE_ONLY | UPDATE_ONLY | NO_FAIL | ALLOW_FOLD},
    {do_refresh, 0, 0},
    {do_fold, HAS_INDEX_BITS | IS_GIVEN, 0},
};
static const hll_def reading[] = {
    {do_count, 0, 0},
    {do_sets, HAS_LIST, 0},
    {do_sets, HAS_LIST, 0},
    {do_sets, HAS_LIST, 0},
    {do_sets, HAS_LIST, 0},
    {do_describe, 0, 0},
    {do_may_contain, HAS_LIST, 0},
};
enum { FIRST_READING = 50 };

static const hll_def *find(int64_t code, bool is_modify)
{
    if (is_modify) {
        return code >= 0 && code < (int64_t)(sizeof modifying / sizeof *modifying)
                   ? &modifying[code]
                   : NULL;
    }
    code -= FIRST_READING;
    return code >= 0 && code < (int64_t)(sizeof reading / sizeof *reading) ? &reading[code] : NULL;
}

static bool arguments(hll_op *o, const hll_def *def)
{
    anp_call *c = &o->call;
    unsigned t = def->traits;
    o->index_bits = o->minhash_bits = ANP_HLL_UNSET;
    bool ok = (!(t & HAS_LIST) || take_list(c, &o->list)) &&
              (!(t & HAS_INDEX_BITS) || (t & IS_GIVEN ? anp_call_integer(c, &o->index_bits)
                                                      : anp_call_option(c, &o->index_bits))) &&
              (!(t & HAS_MINHASH_BITS) || anp_call_option(c, &o->minhash_bits)) &&
              (def->policies == 0 || anp_call_option(c, &o->policy)) && c->left == 0;
    enum { OPPOSED = CREATE_ONLY | UPDATE_ONLY };
    if (!ok || (o->policy & ~def->policies) || (o->policy & OPPOSED) == OPPOSED ||
        ((t & HAS_LIST) && o->list.left == 0)) {
        return false;
    }
    /* What is not given is fine here, whatever the other is. */
    return anp_hll_bits_are_good(o->index_bits == ANP_HLL_UNSET ? 4 : o->index_bits,
                                 o->minhash_bits == ANP_HLL_UNSET ? 0 : o->minhash_bits);
}

static uint8_t check_policy(const hll_op *o, const hll_def *def)
{
    if (o->bin != NULL) {
        return o->policy & CREATE_ONLY ? ANP_BIN_EXISTS : ANP_OK;
    }
    return !(def->traits & MAKES) || (o->policy & UPDATE_ONLY) ? ANP_BIN_NOT_FOUND : ANP_OK;
}

uint8_t anp_hll_call(anp_slice call, bool is_modify, const anp_particle *bin, anp_outcome *out)
{
    hll_op o = {.bin = bin, .out = out};
    if (bin != NULL && (bin->type != ANP_PARTICLE_HLL ||
                        !anp_hll_open(&o.old, (anp_slice){bin->data, bin->size}))) {
        return ANP_INCOMPATIBLE_TYPE;
    }
    const hll_def *def = anp_call_open(&o.call, call) ? find(o.call.code, is_modify) : NULL;
    if (def == NULL || !arguments(&o, def)) {
        return ANP_PARAMETER;
    }
    if (!is_modify) {
        return anp_outcome_code(out, bin == NULL ? ANP_OK : def->run(&o));
    }
    uint8_t code = check_policy(&o, def);
    if (code != ANP_OK) { /* all that the policy can keep from being an error */
        return o.policy & NO_FAIL ? ANP_OK : code;
    }
    out->bin_type = ANP_PARTICLE_HLL;
    return anp_outcome_code(out, def->run(&o));
}
