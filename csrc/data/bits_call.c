/* Calls of bit operations: arguments, policies, ranges. No state.
 *
 *   [code, offset, size, ...]; what follows is in the table of operations below */
#include "data/bits.h"

enum { /* policy */
       CREATE_ONLY = 1,
       UPDATE_ONLY = 2,
       NO_FAIL = 4,
       PARTIAL = 8,
};
enum { RESIZE_FROM_FRONT = 1, RESIZE_GROW_ONLY = 2, RESIZE_SHRINK_ONLY = 4 };
enum { SIGNED = 1, SATURATE = 2, WRAP = 4 };
enum { OPPOSED = 2 | 4 }; /* in both */
enum { OPPOSED_POLICY = CREATE_ONLY | UPDATE_ONLY };
enum { WORD = 64 };

typedef struct bits_op {
    anp_call call;
    int64_t offset, size; /* bytes or bits, as the operation has it */
    anp_slice blob;
    uint64_t number; /* shift, operand */
    bool bit;
    int64_t policy, flags;
    anp_bit_run run; /* what offset and size stand for */
    uint8_t *bytes;  /* the blob under change, or (not changed) the one that is read */
    uint64_t n_bytes;
    anp_outcome *out;
} bits_op;

/* ---- what is done with the range ---- */

static uint8_t do_set(bits_op *o)
{
    anp_bits_merge(&o->run, o->blob.data, ANP_BITS_SET);
    return ANP_OK;
}

static uint8_t do_or(bits_op *o)
{
    anp_bits_merge(&o->run, o->blob.data, ANP_BITS_OR);
    return ANP_OK;
}

static uint8_t do_xor(bits_op *o)
{
    anp_bits_merge(&o->run, o->blob.data, ANP_BITS_XOR);
    return ANP_OK;
}

static uint8_t do_and(bits_op *o)
{
    anp_bits_merge(&o->run, o->blob.data, ANP_BITS_AND);
    return ANP_OK;
}

static uint8_t do_not(bits_op *o)
{
    anp_bits_merge(&o->run, NULL, ANP_BITS_NOT);
    return ANP_OK;
}

static uint8_t do_shift_left(bits_op *o)
{
    anp_bits_shift_left(&o->run, o->number);
    return ANP_OK;
}

static uint8_t do_shift_right(bits_op *o)
{
    anp_bits_shift_right(&o->run, o->number);
    return ANP_OK;
}

static uint8_t do_set_integer(bits_op *o)
{
    anp_bits_store(&o->run, o->number);
    return ANP_OK;
}

/* Has a sum of signed numbers gone over? As a server sees it: a sum of 0 has not, and what is
 * subtracted is turned round first, which the lowest number survives. */
static bool has_overflowed(int64_t a, int64_t added, int64_t sum)
{
    return (a < 0 && added < 0 && sum > 0) || (a > 0 && added > 0 && sum < 0);
}

/* Adds in the highest bits of a word, so that the word's own overflow is the number's. */
static uint8_t do_add(bits_op *o)
{
    bool is_add = o->call.code == 10;
    unsigned up = WORD - (unsigned)o->run.size;
    uint64_t a = anp_bits_load(&o->run) << up, b = o->number << up, sum;
    uint64_t most = UINT64_MAX << up, limit;
    bool over;
    if (o->flags & SIGNED) {
        uint64_t added = is_add ? b : 0 - b;
        sum = a + added;
        over = has_overflowed((int64_t)a, (int64_t)added, (int64_t)sum);
        limit = (int64_t)a < 0 ? (uint64_t)INT64_MIN : (uint64_t)INT64_MAX & most;
    } else {
        over = is_add ? __builtin_add_overflow(a, b, &sum) : __builtin_sub_overflow(a, b, &sum);
        limit = is_add ? most : 0;
    }
    over = over && !(o->flags & WRAP);
    if (over && !(o->flags & SATURATE)) {
        return ANP_OP_NOT_APPLICABLE;
    }
    anp_bits_store(&o->run, (over ? limit : sum) >> up);
    return ANP_OK;
}

static uint8_t do_get(bits_op *o)
{
    o->out->type = ANP_PARTICLE_BLOB;
    uint8_t *copy = anp_buffer_add(&o->out->result, (size_t)((o->run.size + 7) / 8));
    if (copy != NULL) {
        anp_bits_copy(&o->run, copy);
    }
    return ANP_OK;
}

static uint8_t do_get_integer(bits_op *o)
{
    unsigned up = WORD - (unsigned)o->run.size;
    uint64_t v = anp_bits_load(&o->run) << up;
    anp_outcome_integer(o->out, o->flags & SIGNED ? (int64_t)v >> up : (int64_t)(v >> up));
    return ANP_OK;
}

static uint8_t do_count(bits_op *o)
{
    anp_outcome_integer(o->out, (int64_t)anp_bits_count(&o->run));
    return ANP_OK;
}

static uint8_t do_find_first(bits_op *o)
{
    anp_outcome_integer(o->out, anp_bits_find_first(&o->run, o->bit));
    return ANP_OK;
}

static uint8_t do_find_last(bits_op *o)
{
    anp_outcome_integer(o->out, anp_bits_find_last(&o->run, o->bit));
    return ANP_OK;
}

/* ---- operations that change the blob's size, by bytes ---- */

/* The old blob is still where it was; the new one is made in `out->bin`. */
static uint8_t *make(bits_op *o, uint64_t size)
{
    return anp_buffer_add(&o->out->bin, (size_t)size);
}

static uint8_t do_resize(bits_op *o)
{
    uint64_t old = o->n_bytes, size = (uint64_t)o->size;
    if (((o->flags & RESIZE_GROW_ONLY) && size < old) ||
        ((o->flags & RESIZE_SHRINK_ONLY) && size > old)) {
        return ANP_PARAMETER;
    }
    uint8_t *to = size != 0 ? make(o, size) : NULL;
    if (to == NULL) {
        return ANP_OK;
    }
    uint64_t kept = size < old ? size : old;
    bool front = o->flags & RESIZE_FROM_FRONT;
    memset(to, 0, (size_t)size);
    if (kept != 0) {
        memcpy(front ? to + (size - kept) : to, front ? o->bytes + (old - kept) : o->bytes,
               (size_t)kept);
    }
    return ANP_OK;
}

static uint64_t byte_offset(const bits_op *o)
{
    return o->offset < 0 ? o->n_bytes - (0 - (uint64_t)o->offset) : (uint64_t)o->offset;
}

static uint8_t do_insert(bits_op *o)
{
    uint64_t at = byte_offset(o);
    uint64_t before = at < o->n_bytes ? at : o->n_bytes, after = o->n_bytes - before;
    uint8_t *to = make(o, at + o->blob.size + after);
    if (to == NULL) {
        return ANP_OK;
    }
    memset(to, 0, (size_t)at);
    if (before != 0) {
        memcpy(to, o->bytes, (size_t)before);
    }
    if (o->blob.size != 0) {
        memcpy(to + at, o->blob.data, o->blob.size);
    }
    if (after != 0) {
        memcpy(to + at + o->blob.size, o->bytes + before, (size_t)after);
    }
    return ANP_OK;
}

static uint8_t do_remove(bits_op *o)
{
    uint64_t at = byte_offset(o), size = (uint64_t)o->size;
    if (at >= o->n_bytes) {
        return ANP_PARAMETER;
    }
    if (size > o->n_bytes - at) {
        if (!(o->policy & PARTIAL)) {
            return ANP_PARAMETER;
        }
        size = o->n_bytes - at;
    }
    anp_buffer_put(&o->out->bin, o->bytes, (size_t)at);
    anp_buffer_put(&o->out->bin, o->bytes + at + size, (size_t)(o->n_bytes - at - size));
    return ANP_OK;
}

/* ---- the table ---- */

enum { /* arguments, in this order */
       HAS_OFFSET = 1,
       HAS_SIZE = 2,
       HAS_BLOB = 4,
       HAS_NUMBER = 8, /* any 64 bits */
       HAS_SHIFT = 16, /* not below 0 */
       HAS_BIT = 32,
       HAS_FLAGS = 64, /* optional, behind the policy */
       IN_WORD = 128,  /* the size is at most 64 */
       BY_BYTES = 256, /* offset and size are bytes, and the size of the blob changes */
       RANGE = HAS_OFFSET | HAS_SIZE,
       MAKES = BY_BYTES | 512, /* may make the bin */
};

typedef struct bits_def {
    uint8_t (*run)(bits_op *o);
    unsigned traits, policies, flags; /* those that it may have */
} bits_def;

static const bits_def modifying[] = {
    {do_resize, HAS_SIZE | HAS_FLAGS | MAKES, CREATE_ONLY | UPDATE_ONLY | NO_FAIL, 7},
    {do_insert, HAS_OFFSET | HAS_BLOB | MAKES, CREATE_ONLY | UPDATE_ONLY | NO_FAIL, 0},
    {do_remove, RANGE | BY_BYTES, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_set, RANGE | HAS_BLOB, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_or, RANGE | HAS_BLOB, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_xor, RANGE | HAS_BLOB, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_and, RANGE | HAS_BLOB, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_not, RANGE, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_shift_left, RANGE | HAS_SHIFT, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_shift_right, RANGE | HAS_SHIFT, UPDATE_ONLY | NO_FAIL | PARTIAL, 0},
    {do_add, RANGE | HAS_NUMBER | HAS_FLAGS | IN_WORD, UPDATE_ONLY | NO_FAIL, 7},
    {do_add, RANGE | HAS_NUMBER | HAS_FLAGS | IN_WORD, UPDATE_ONLY | NO_FAIL, 7},
    {do_set_integer, RANGE | HAS_NUMBER | IN_WORD, UPDATE_ONLY | NO_FAIL, 0},
};
static const bits_def reading[] = {
    {do_get, RANGE, 0, 0},
    {do_count, RANGE, 0, 0},
    {do_find_first, RANGE | HAS_BIT, 0, 0},
    {do_find_last, RANGE | HAS_BIT, 0, 0},
    {do_get_integer, RANGE | HAS_FLAGS | IN_WORD, 0, SIGNED},
};
enum { FIRST_READING = 50 };

static const bits_def *find(int64_t code, bool is_modify)
{
    if (is_modify) {
        return code >= 0 && code < (int64_t)(sizeof modifying / sizeof *modifying)
                   ? &modifying[code]
                   : NULL;
    }
    code -= FIRST_READING;
    return code >= 0 && code < (int64_t)(sizeof reading / sizeof *reading) ? &reading[code] : NULL;
}

/* ---- arguments ---- */

static bool arguments(bits_op *o, const bits_def *def, bool is_modify)
{
    anp_call *c = &o->call;
    unsigned t = def->traits;
    const int64_t max = (int64_t)ANP_PROTO_MAX * (t & BY_BYTES ? 1 : 8);
    bool ok = (!(t & HAS_OFFSET) || anp_call_integer(c, &o->offset)) &&
              (!(t & HAS_SIZE) || anp_call_integer(c, &o->size)) &&
              (!(t & HAS_BLOB) || (anp_call_blob(c, &o->blob) && o->blob.size != 0)) &&
              (!(t & (HAS_NUMBER | HAS_SHIFT)) || anp_call_bits(c, &o->number)) &&
              (!(t & HAS_BIT) || anp_call_bool(c, &o->bit)) &&
              (!is_modify || anp_call_option(c, &o->policy)) &&
              (!(t & HAS_FLAGS) || anp_call_option(c, &o->flags)) && c->left == 0;
    if (!ok || (o->policy & ~(int64_t)def->policies) || (o->flags & ~(int64_t)def->flags)) {
        return false;
    }
    int64_t least = (t & RANGE) == HAS_SIZE ? 0 : 1; /* nothing is a size to have, but no range */
    if ((t & HAS_SIZE) && (o->size < least || o->size > ((t & IN_WORD) ? WORD : max))) {
        return false;
    }
    if (o->offset > max || o->offset < -max || ((t & HAS_SHIFT) && o->number > (uint64_t)max) ||
        ((t & RANGE) == RANGE && (t & HAS_BLOB) && o->blob.size < ((uint64_t)o->size + 7) / 8)) {
        return false;
    }
    return (o->flags & OPPOSED) != OPPOSED && (o->policy & OPPOSED_POLICY) != OPPOSED_POLICY;
}

/* Does the range lie in the blob? With the partial policy its end may lie beyond. */
static bool place(bits_op *o)
{
    uint64_t n = o->n_bytes * 8, from_end = 0 - (uint64_t)o->offset;
    if (o->offset >= 0 && (uint64_t)o->offset >= n) {
        return false;
    }
    o->run.data = o->bytes;
    o->run.at = o->offset < 0 ? n - from_end : (uint64_t)o->offset;
    o->run.size = (uint64_t)o->size;
    if (o->run.size > n - o->run.at) {
        o->run.size = n - o->run.at;
        return (o->policy & PARTIAL) != 0;
    }
    return true;
}

/* ---- carrying out ---- */

/* An offset below 0 that is before the first of them. */
static bool begins_before(const bits_op *o, const bits_def *def)
{
    uint64_t n = o->n_bytes * (def->traits & BY_BYTES ? 1 : 8);
    return o->offset < 0 && 0 - (uint64_t)o->offset > n;
}

static uint8_t check_policy(const bits_op *o, const bits_def *def, const anp_particle *bin)
{
    if (bin != NULL) {
        return o->policy & CREATE_ONLY ? ANP_BIN_EXISTS : ANP_OK;
    }
    return (o->policy & UPDATE_ONLY) || (def->traits & MAKES) != MAKES ? ANP_BIN_NOT_FOUND : ANP_OK;
}

static uint8_t modify(bits_op *o, const bits_def *def, const anp_particle *bin)
{
    if (!(def->traits & BY_BYTES)) {
        anp_buffer_put(&o->out->bin, o->bytes, (size_t)o->n_bytes);
        if (o->out->bin.failed != ANP_OK) {
            return ANP_OK;
        }
        o->bytes = o->out->bin.data;
        if (!place(o)) {
            return ANP_OP_NOT_APPLICABLE;
        }
    }
    o->out->bin_type = ANP_PARTICLE_BLOB;
    uint8_t code = def->run(o);
    bool stays_away = bin == NULL && o->out->bin.size == 0;
    o->out->has_changed = code == ANP_OK && !stays_away;
    return code;
}

uint8_t anp_bits_call(anp_slice call, bool is_modify, const anp_particle *bin, anp_outcome *out)
{
    bits_op o = {.out = out};
    const bits_def *def = anp_call_open(&o.call, call) ? find(o.call.code, is_modify) : NULL;
    if (def == NULL || !arguments(&o, def, is_modify)) {
        return ANP_PARAMETER;
    }
    bool fails = !(o.policy & NO_FAIL);
    uint8_t code = is_modify ? check_policy(&o, def, bin) : ANP_OK;
    if (code != ANP_OK) {
        return fails ? code : ANP_OK;
    }
    if (bin != NULL) {
        if (bin->type != ANP_PARTICLE_BLOB) {
            return ANP_INCOMPATIBLE_TYPE;
        }
        o.bytes = (uint8_t *)(uintptr_t)bin->data; /* written to only in the copy */
        o.n_bytes = bin->size;
    } else if (!is_modify) {
        return ANP_OK;
    }
    if (begins_before(&o, def)) { /* an error whatever the policy */
        return ANP_PARAMETER;
    }
    if (is_modify) {
        code = modify(&o, def, bin);
        return anp_outcome_code(out, fails ? code : ANP_OK);
    }
    return anp_outcome_code(out, place(&o) ? def->run(&o) : ANP_OP_NOT_APPLICABLE);
}
