/* Checks a plan, chooses each field's store function, and builds the name tables (open
 * addressing, at most half full). prepare and deinit belong to one thread; a prepared plan is
 * only read. */
#include "table/plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "table/cell.h"

typedef struct name_table {
    uint32_t mask;
    int32_t slots[]; /* mask + 1 of them; -1 is empty */
} name_table;

static uint32_t hash_name(const uint8_t *name, size_t size)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ size;
    for (; size >= 8; name += 8, size -= 8) {
        h = (h ^ anp_load64(name)) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < size; i++) {
        rest = rest << 8 | name[i];
    }
    h = (h ^ rest) * UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)(h >> 32);
}

static bool same_name(const anp_field *f, anp_slice name)
{
    return f->name_size == name.size && memcmp(f->name, name.data, name.size) == 0;
}

static int32_t find_name(const anp_field *fields, uint32_t n, const void *index, anp_slice name,
                         uint32_t guess)
{
    if (name.size == 0) {
        return -1;
    }
    if (guess < n && same_name(&fields[guess], name)) {
        return (int32_t)guess;
    }
    const name_table *table = index;
    if (table == NULL) {
        return -1;
    }
    uint32_t at = hash_name(name.data, name.size) & table->mask;
    while (table->slots[at] >= 0) {
        if (same_name(&fields[table->slots[at]], name)) {
            return table->slots[at];
        }
        at = (at + 1) & table->mask;
    }
    return -1;
}

int32_t anp_plan_find(const anp_plan *plan, anp_slice name, uint32_t guess)
{
    return find_name(plan->fields, plan->n_fields, plan->index, name, guess);
}

int32_t anp_field_find(const anp_field *parent, anp_slice name, uint32_t guess)
{
    return find_name(parent->fields, parent->n_fields, parent->index, name, guess);
}

static anp_status build_index(const anp_field *fields, uint32_t n, void **out, anp_error *err)
{
    uint32_t size = 4;
    while (size < 2 * n) {
        size *= 2;
    }
    size_t bytes = sizeof(name_table) + size * sizeof(int32_t);
    name_table *table = anp_malloc(bytes);
    if (table == NULL) {
        return anp_error_memory(err, bytes, "the table of bin names");
    }
    table->mask = size - 1;
    for (uint32_t i = 0; i < size; i++) {
        table->slots[i] = -1;
    }
    *out = table;
    for (uint32_t i = 0; i < n; i++) {
        anp_slice name = {(const uint8_t *)fields[i].name, fields[i].name_size};
        uint32_t at = hash_name(name.data, name.size) & table->mask;
        while (table->slots[at] >= 0) {
            if (same_name(&fields[table->slots[at]], name)) {
                return anp_error_set(err, ANP_ERR_PARAM, "two fields are named '%.*s'",
                                     (int)name.size, fields[i].name);
            }
            at = (at + 1) & table->mask;
        }
        table->slots[at] = (int32_t)i;
    }
    return ANP_OK;
}

static anp_status refuse(const anp_field *f, const char *what, anp_error *err)
{
    return anp_error_set(err, ANP_ERR_PARAM, "field '%.*s': %s", (int)f->name_size, f->name, what);
}

static bool is_number(anp_kind kind)
{
    return kind == ANP_KIND_INT || kind == ANP_KIND_UINT || kind == ANP_KIND_BOOL ||
           kind == ANP_KIND_FLOAT;
}

/* NULL: the width is one that the kind has. */
static const char *bad_width(const anp_field *f)
{
    unsigned w = f->width;
    switch (f->kind) {
    case ANP_KIND_INT:
    case ANP_KIND_UINT:
        return w == 1 || w == 2 || w == 4 || w == 8 ? NULL : "integers have 1, 2, 4 or 8 bytes";
    case ANP_KIND_FLOAT:
        return w == 2 || w == 4 || w == 8 ? NULL : "floats have 2, 4 or 8 bytes";
    case ANP_KIND_BOOL:
        return w == 1 ? NULL : "booleans have one byte";
    case ANP_KIND_TIME:
    case ANP_KIND_SPAN:
        return w == 8 ? NULL : "times have 8 bytes";
    default:
        return NULL;
    }
}

static anp_status check_size(anp_field *f, anp_error *err)
{
    f->count = 1;
    if (f->ndim > ANP_PLAN_NDIM) {
        return refuse(f, "a sub-array has at most 8 dimensions", err);
    }
    if (f->ndim != 0 && !is_number(f->kind)) {
        return refuse(f, "only numbers may be in a sub-array", err);
    }
    for (unsigned i = 0; i < f->ndim; i++) {
        if (__builtin_mul_overflow(f->count, f->shape[i], &f->count)) {
            return refuse(f, "the sub-array has too many elements", err);
        }
    }
    if (f->width != 0 && f->itemsize != (size_t)f->count * f->width) {
        return refuse(f, "the item size is not that of its elements", err);
    }
    if (f->kind == ANP_KIND_TEXT && f->itemsize % 4 != 0) {
        return refuse(f, "text has 4 bytes a code point", err);
    }
    if (f->kind == ANP_KIND_CHARS && f->itemsize == 0) {
        return refuse(f, "a C string has room for its zero at least", err);
    }
    if (f->kind == ANP_KIND_TIME || f->kind == ANP_KIND_SPAN) {
        if (f->unit > ANP_UNIT_GENERIC || f->unit_count <= 0) {
            return refuse(f, "the unit of time is none", err);
        }
    }
    return ANP_OK;
}

static anp_status prepare_field(anp_field *f, unsigned depth, anp_error *err);

static anp_status prepare_fields(anp_field *fields, uint32_t n, size_t room, unsigned depth,
                                 anp_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        anp_field *f = &fields[i];
        anp_status status = prepare_field(f, depth, err);
        if (status != ANP_OK) {
            return status;
        }
        if (depth > 0 && (f->offset > room || f->itemsize > room - f->offset)) {
            return refuse(f, "it reaches beyond its parent", err);
        }
    }
    return ANP_OK;
}

static anp_status prepare_struct(anp_field *f, unsigned depth, anp_error *err)
{
    if (depth + 1 >= ANP_PLAN_DEPTH) {
        return refuse(f, "fields are nested too deeply", err);
    }
    if (f->n_fields > ANP_PLAN_FIELDS) {
        return refuse(f, "it has too many fields", err);
    }
    anp_status status = prepare_fields(f->fields, f->n_fields, f->itemsize, depth + 1, err);
    if (status != ANP_OK) {
        return status;
    }
    for (uint32_t i = 0; i < f->n_fields; i++) {
        f->has_deferred = f->has_deferred || f->fields[i].has_deferred;
    }
    if (f->index != NULL) { /* two parents may share their fields' fields */
        return ANP_OK;
    }
    return build_index(f->fields, f->n_fields, &f->index, err);
}

/* What an operation has behind its head of 7 bytes: the name's length, then the name, of which
 * the first 7 bytes fit one load. */
static void set_head_key(anp_field *f)
{
    uint8_t key[8] = {0};
    uint8_t mask[8] = {0};
    size_t n = f->name_size < 7 ? f->name_size : 7;
    key[0] = (uint8_t)f->name_size;
    memcpy(key + 1, f->name, n);
    memset(mask, 0xff, n + 1);
    f->head_key = anp_load64(key);
    f->head_mask = anp_load64(mask);
    f->tail_key = f->name_size > 7 ? anp_load64(f->name + f->name_size - 8) : 0;
}

static anp_status prepare_field(anp_field *f, unsigned depth, anp_error *err)
{
    if (f->name == NULL || f->name_size == 0) {
        return anp_error_set(err, ANP_ERR_PARAM, "a field has no name");
    }
    if (depth == 0 && f->name_size > ANP_BIN_NAME_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM,
                             "bin name '%.*s' has %u bytes; at most 15 are allowed",
                             (int)f->name_size, f->name, (unsigned)f->name_size);
    }
    if ((unsigned)f->kind > ANP_KIND_DEFERRED) {
        return refuse(f, "its kind is unknown", err);
    }
    const char *wrong = bad_width(f);
    if (wrong != NULL) {
        return refuse(f, wrong, err);
    }
    anp_status status = check_size(f, err);
    if (status != ANP_OK) {
        return status;
    }
    f->has_deferred = f->kind == ANP_KIND_DEFERRED;
    if (f->kind == ANP_KIND_STRUCT) {
        status = prepare_struct(f, depth, err);
        if (status != ANP_OK) {
            return status;
        }
    }
    if (depth == 0) {
        set_head_key(f);
    }
    f->store = anp_cell_pick(f);
    return ANP_OK;
}

anp_status anp_plan_prepare(anp_plan *plan, anp_error *err)
{
    plan->has_deferred = false;
    if (plan->n_fields > ANP_PLAN_FIELDS) {
        return anp_error_set(err, ANP_ERR_PARAM, "%" PRIu32 " fields; a record has at most %d bins",
                             plan->n_fields, ANP_PLAN_FIELDS);
    }
    anp_status status = prepare_fields(plan->fields, plan->n_fields, 0, 0, err);
    if (status == ANP_OK) {
        for (uint32_t i = 0; i < plan->n_fields; i++) {
            plan->has_deferred = plan->has_deferred || plan->fields[i].has_deferred;
        }
        anp_free(plan->index);
        plan->index = NULL;
        status = build_index(plan->fields, plan->n_fields, &plan->index, err);
    }
    if (status != ANP_OK) {
        anp_plan_deinit(plan);
    }
    return status;
}

static void free_indexes(anp_field *fields, uint32_t n, unsigned depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i].kind == ANP_KIND_STRUCT && depth < ANP_PLAN_DEPTH) {
            free_indexes(fields[i].fields, fields[i].n_fields, depth + 1);
            anp_free(fields[i].index);
            fields[i].index = NULL;
        }
    }
}

void anp_plan_deinit(anp_plan *plan)
{
    if (plan->n_fields <= ANP_PLAN_FIELDS) {
        free_indexes(plan->fields, plan->n_fields, 0);
    }
    anp_free(plan->index);
    plan->index = NULL;
}

/* "2 x 3 array of " */
static size_t describe_shape(const anp_field *f, char *text, size_t size)
{
    size_t used = 0;
    for (unsigned i = 0; i < f->ndim; i++) {
        int n = snprintf(text + used, size - used, "%s%" PRIu32, i != 0 ? " x " : "", f->shape[i]);
        used = n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n;
    }
    if (f->ndim != 0) {
        int n = snprintf(text + used, size - used, " array of ");
        used = n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n;
    }
    return used;
}

static void describe_time(const anp_field *f, const char *what, char *text, size_t size)
{
    static const char *const units[] = {
        "years", "months", "weeks", "days", "hours", "minutes", "seconds",
        "ms",    "us",     "ns",    "ps",   "fs",    "as",      "no unit",
    };
    const char *unit = f->unit <= ANP_UNIT_GENERIC ? units[f->unit] : "no unit";
    if (f->unit_count != 1) {
        (void)snprintf(text, size, "%s in %" PRId32 " %s", what, f->unit_count, unit);
    } else {
        (void)snprintf(text, size, "%s in %s", what, unit);
    }
}

void anp_field_describe(const anp_field *f, char *text, size_t size)
{
    if (size == 0) {
        return;
    }
    size_t used = f->ndim <= ANP_PLAN_NDIM ? describe_shape(f, text, size) : 0;
    text += used;
    size -= used;
    switch (f->kind) {
    case ANP_KIND_INT:
        (void)snprintf(text, size, "%u-byte integer", (unsigned)f->width);
        break;
    case ANP_KIND_UINT:
        (void)snprintf(text, size, "unsigned %u-byte integer", (unsigned)f->width);
        break;
    case ANP_KIND_BOOL:
        (void)snprintf(text, size, "bool");
        break;
    case ANP_KIND_FLOAT:
        (void)snprintf(text, size, "%u-byte float", (unsigned)f->width);
        break;
    case ANP_KIND_BYTES:
        (void)snprintf(text, size, "string of %zu bytes", f->itemsize);
        break;
    case ANP_KIND_CHARS:
        (void)snprintf(text, size, "char[%zu]", f->itemsize);
        break;
    case ANP_KIND_TEXT:
        (void)snprintf(text, size, "text of %zu characters", f->itemsize / 4);
        break;
    case ANP_KIND_RAW:
        (void)snprintf(text, size, "%zu raw bytes", f->itemsize);
        break;
    case ANP_KIND_TIME:
        describe_time(f, "time", text, size);
        break;
    case ANP_KIND_SPAN:
        describe_time(f, "time span", text, size);
        break;
    case ANP_KIND_STRUCT:
        (void)snprintf(text, size, "struct of %" PRIu32 " fields", f->n_fields);
        break;
    case ANP_KIND_DEFERRED:
        (void)snprintf(text, size, "object");
        break;
    }
}

const char *anp_reason_text(anp_reason reason)
{
    switch (reason) {
    case ANP_REASON_NONE:
        return "no reason";
    case ANP_REASON_KIND:
        return "of a type that does not go there";
    case ANP_REASON_RANGE:
        return "out of range";
    case ANP_REASON_INEXACT:
        return "not exact there";
    case ANP_REASON_LENGTH:
        return "of the wrong length";
    case ANP_REASON_ENCODING:
        return "not valid Unicode";
    case ANP_REASON_SHAPE:
        return "a list of another shape";
    case ANP_REASON_MALFORMED:
        return "malformed";
    }
    return "unknown";
}
