/* Growing of bounded buffers. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

void anp_buffer_deinit(anp_buffer *b)
{
    anp_free(b->data);
    *b = (anp_buffer){.max = b->max};
}

bool anp_buffer_grow(anp_buffer *b, size_t more)
{
    if (b->failed != ANP_OK) {
        return false;
    }
    if (more > b->max - b->size) {
        b->failed = ANP_ERR_PARAM;
        return false;
    }
    size_t need = b->size + more;
    if (need <= b->capacity) {
        return true;
    }
    size_t capacity = b->capacity < 256 ? 256 : b->capacity;
    while (capacity < need) {
        capacity = capacity > b->max / 2 ? b->max : capacity * 2;
    }
    if (capacity > b->max) {
        capacity = b->max;
    }
    uint8_t *data = anp_realloc(b->data, capacity);
    if (data == NULL) {
        b->failed = ANP_ERR_MEMORY;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void anp_buffer_print(anp_buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0 &&
        anp_buffer_reserve(b, (size_t)n + 1)) { /* room for the terminator, which isn't counted */
        (void)vsnprintf((char *)b->data + b->size, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    }
    va_end(again);
}

anp_status anp_buffer_error(const anp_buffer *b, const char *what, anp_error *err)
{
    if (b->failed == ANP_ERR_MEMORY) {
        return anp_error_memory(err, b->capacity, what);
    }
    return anp_error_set(err, ANP_ERR_PARAM, "%s would be larger than %zu bytes", what, b->max);
}
