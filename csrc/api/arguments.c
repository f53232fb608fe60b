/* Checks what can be checked before anything is sent. */
#include "api/arguments.h"

#include <string.h>

#include "base/alloc.h"

/* A caller's bytes are the engine's slices, so that they are read in place. */
_Static_assert(sizeof(anp_bytes) == sizeof(anp_slice) &&
                   offsetof(anp_bytes, data) == offsetof(anp_slice, data) &&
                   offsetof(anp_bytes, size) == offsetof(anp_slice, size),
               "anp_bytes is an anp_slice");

/* ---- keys ---- */

static anp_status take_name(const char *text, const char *what, size_t max, anp_slice *out,
                            anp_error *err)
{
    size_t size = text != NULL ? strlen(text) : 0;
    if (size > max) {
        return anp_error_set(err, ANP_ERR_PARAM, "the %s '%.60s' has %zu bytes; at most %zu", what,
                             text, size, max);
    }
    *out = (anp_slice){(const uint8_t *)text, size};
    return ANP_OK;
}

/* Kind and width; false: there is no such kind. */
static bool take_kind(const anp_key_array *in, anp_keys *out, size_t *width)
{
    *width = in->size;
    switch (in->kind) {
    case ANP_KEY_INT:
    case ANP_KEY_UINT:
        out->kind = ANP_KEYS_INT;
        out->is_signed = in->kind == ANP_KEY_INT;
        return true;
    case ANP_KEY_STRING:
        out->kind = ANP_KEYS_CHARS;
        return true;
    case ANP_KEY_BLOB:
        out->kind = ANP_KEYS_BLOB;
        return true;
    case ANP_KEY_DIGEST:
        out->kind = ANP_KEYS_DIGEST;
        *width = ANP_DIGEST_SIZE;
        return true;
    case ANP_KEY_STRING_AT:
    case ANP_KEY_BLOB_AT:
        out->kind = ANP_KEYS_SLICES;
        out->particle = in->kind == ANP_KEY_STRING_AT ? ANP_PARTICLE_STRING : ANP_PARTICLE_BLOB;
        *width = sizeof(anp_bytes);
        return true;
    }
    return false;
}

anp_status anp_api_keys(const anp_key_array *in, anp_key_run *run, anp_keys *out, anp_error *err)
{
    *run = (anp_key_run){.first = 0};
    anp_status status =
        take_name(in->namespace_name, "namespace", ANP_NAMESPACE_MAX, &run->namespace_name, err);
    if (status == ANP_OK) {
        status = take_name(in->set_name, "set", ANP_SET_MAX, &run->set, err);
    }
    if (status != ANP_OK) {
        return status;
    }
    if (run->namespace_name.size == 0) {
        return anp_error_set(err, ANP_ERR_PARAM, "keys need a namespace");
    }
    *out = (anp_keys){.count = in->count, .total = in->count, .runs = run, .n_runs = 1};
    size_t width;
    if (!take_kind(in, out, &width)) {
        return anp_error_set(err, ANP_ERR_PARAM, "there are no keys of kind %d", (int)in->kind);
    }
    if (out->kind == ANP_KEYS_INT && width != 1 && width != 2 && width != 4 && width != 8) {
        return anp_error_set(err, ANP_ERR_PARAM, "integer keys have 1, 2, 4 or 8 bytes, not %zu",
                             width);
    }
    if (width == 0 || width > ANP_PROTO_MAX) {
        return anp_error_set(err, ANP_ERR_PARAM, "keys of %zu bytes; 1 to %d are possible", width,
                             (int)ANP_PROTO_MAX);
    }
    if (in->base == NULL && in->count != 0) {
        return anp_error_set(err, ANP_ERR_PARAM, "%llu keys at a null pointer",
                             (unsigned long long)in->count);
    }
    out->base = in->base;
    out->stride = in->stride != 0 ? in->stride : (ptrdiff_t)width;
    out->width = (uint32_t)width;
    return ANP_OK;
}

/* ---- layouts ---- */

static bool take_slot(anp_slot_kind kind, anp_field *f)
{
    static const anp_kind kinds[] = {
        [ANP_SLOT_INT] = ANP_KIND_INT,      [ANP_SLOT_UINT] = ANP_KIND_UINT,
        [ANP_SLOT_BOOL] = ANP_KIND_BOOL,    [ANP_SLOT_FLOAT] = ANP_KIND_FLOAT,
        [ANP_SLOT_STRING] = ANP_KIND_CHARS, [ANP_SLOT_PADDED] = ANP_KIND_BYTES,
        [ANP_SLOT_BLOB] = ANP_KIND_RAW,
    };
    if ((unsigned)kind >= sizeof kinds / sizeof kinds[0]) {
        return false;
    }
    f->kind = kinds[kind];
    return true;
}

static bool is_number(anp_slot_kind kind)
{
    return kind == ANP_SLOT_INT || kind == ANP_SLOT_UINT || kind == ANP_SLOT_BOOL ||
           kind == ANP_SLOT_FLOAT;
}

static anp_status take_field(const anp_row_field *in, uint32_t i, size_t row_size, uint8_t *rows,
                             anp_field *f, anp_error *err)
{
    size_t name_size = in->bin != NULL ? strlen(in->bin) : 0;
    if (name_size == 0 || name_size > ANP_BIN_NAME_MAX) {
        return anp_error_set(
            err, ANP_ERR_PARAM, "fields[%u]: a bin's name has 1 to %d bytes; '%.40s' has %zu",
            (unsigned)i, (int)ANP_BIN_NAME_MAX, in->bin != NULL ? in->bin : "", name_size);
    }
    size_t size;
    if (__builtin_mul_overflow(in->size, in->count != 0 ? in->count : 1, &size) ||
        in->offset > row_size || size > row_size - in->offset) {
        return anp_error_set(err, ANP_ERR_PARAM,
                             "field '%s' reaches beyond its row: offset %zu, size %zu, count %u, "
                             "row_size %zu",
                             in->bin, in->offset, in->size, (unsigned)in->count, row_size);
    }
    if (!take_slot(in->kind, f)) {
        return anp_error_set(err, ANP_ERR_PARAM, "field '%s': there is no kind %d", in->bin,
                             (int)in->kind);
    }
    if (is_number(in->kind)) {
        if (in->size > 8 || (in->kind == ANP_SLOT_FLOAT && in->size < 4)) {
            return anp_error_set(err, ANP_ERR_PARAM, "field '%s': no number has %zu bytes", in->bin,
                                 in->size);
        }
        f->width = (uint8_t)in->size;
    }
    f->name = in->bin;
    f->name_size = (uint16_t)name_size;
    f->itemsize = size;
    f->base = rows + in->offset;
    f->stride = (ptrdiff_t)row_size;
    if (in->count != 0) {
        f->ndim = 1;
        f->shape[0] = in->count;
    }
    return ANP_OK;
}

anp_status anp_api_plan_init(const anp_row_layout *layout, void *rows, anp_plan *out,
                             anp_error *err)
{
    *out = (anp_plan){0};
    if (layout->n_fields > ANP_PLAN_FIELDS) {
        return anp_error_set(err, ANP_ERR_PARAM, "%u fields; a record has at most %d bins",
                             (unsigned)layout->n_fields, ANP_PLAN_FIELDS);
    }
    if (layout->n_fields != 0 && (layout->fields == NULL || rows == NULL)) {
        return anp_error_set(err, ANP_ERR_PARAM, "%s is a null pointer",
                             rows == NULL ? "rows" : "layout.fields");
    }
    size_t size = (layout->n_fields + 1) * sizeof(anp_field);
    out->fields = anp_calloc(layout->n_fields + 1, sizeof *out->fields);
    if (out->fields == NULL) {
        return anp_error_memory(err, size, "a layout");
    }
    out->n_fields = layout->n_fields;
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < layout->n_fields && status == ANP_OK; i++) {
        status = take_field(&layout->fields[i], i, layout->row_size, rows, &out->fields[i], err);
    }
    if (status == ANP_OK) {
        status = anp_plan_prepare(out, err);
    }
    if (status != ANP_OK) {
        anp_free(out->fields);
        *out = (anp_plan){0};
    }
    return status;
}

void anp_api_plan_deinit(anp_plan *plan)
{
    anp_plan_deinit(plan);
    anp_free(plan->fields);
    *plan = (anp_plan){0};
}
