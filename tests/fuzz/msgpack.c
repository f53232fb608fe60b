/* MessagePack of any bytes: what is skipped is what is read item by item, and pairs are sorted
 * without one of them being lost or changed.
 *
 * An input is elements, one behind the other. */
#include <stdlib.h>

#include "fuzz.h"
#include "wire/msgpack.h"

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Reads one element, nested or not, with a count of what is left to read in place of a stack. */
static bool walk(anp_cursor *c)
{
    for (uint64_t left = 1; left != 0; left--) {
        anp_msgpack_item item;
        if (!anp_msgpack_read(c, &item)) {
            return false;
        }
        left += item.kind == ANP_MSGPACK_LIST  ? (uint64_t)item.count
                : item.kind == ANP_MSGPACK_MAP ? 2 * (uint64_t)item.count
                                               : 0;
    }
    return true;
}

/* What is skipped can be read, and ends at the same byte; what can't be skipped and can be read is
 * too deep, so it has that many bytes at least. */
static bool skip(anp_cursor *c)
{
    anp_cursor read = *c;
    size_t before = anp_cursor_left(c);
    bool is_read = walk(&read);
    bool is_skipped = anp_msgpack_skip(c);
    require(is_skipped ? is_read && anp_cursor_left(c) == anp_cursor_left(&read)
                       : !is_read || before - anp_cursor_left(&read) > ANP_MSGPACK_DEPTH);
    return is_skipped;
}

static int compare_slices(const void *a, const void *b)
{
    const anp_slice *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int differs = size != 0 ? memcmp(x->data, y->data, size) : 0;
    return differs != 0 ? differs : (x->size > y->size) - (x->size < y->size);
}

static uint32_t pairs_of(anp_slice bytes, anp_slice *pairs, uint32_t most)
{
    anp_cursor c = anp_cursor_over(bytes.data, bytes.size);
    uint32_t n = 0;
    while (n < most && anp_cursor_left(&c) != 0) {
        const uint8_t *start = c.at;
        require(anp_msgpack_skip(&c) && anp_msgpack_skip(&c));
        pairs[n++] = (anp_slice){start, (size_t)(c.at - start)};
    }
    return n;
}

static void check_sorted(anp_slice before, const anp_buffer *sorted, bool is_done, uint32_t n)
{
    anp_slice was[64], is[64];
    anp_slice after = {sorted->data, sorted->size};
    require(after.size == before.size);
    if (!is_done) {
        require(memcmp(after.data, before.data, before.size) == 0);
        return;
    }
    require(pairs_of(before, was, 64) == n && pairs_of(after, is, 64) == n);
    for (uint32_t i = 1; i < n; i++) {
        require(anp_msgpack_compare_keys(is[i - 1], is[i]) < 0);
        require(anp_msgpack_compare_keys(is[i], is[i - 1]) > 0);
    }
    qsort(was, n, sizeof *was, compare_slices);
    qsort(is, n, sizeof *is, compare_slices);
    for (uint32_t i = 0; i < n; i++) {
        require(compare_slices(&was[i], &is[i]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anp_cursor c = anp_cursor_over(data, size);
    uint32_t n = 0;
    size_t pairs_end = 0;
    while (n < 64 && skip(&c) && skip(&c)) { /* a key and its value */
        n++;
        pairs_end = size - anp_cursor_left(&c);
    }
    if (n != 0) {
        anp_buffer pairs;
        anp_buffer_init(&pairs, FUZZ_VALUE_MAX);
        anp_buffer_put(&pairs, data, pairs_end);
        bool is_done = anp_msgpack_sort_pairs(&pairs, 0, n);
        check_sorted((anp_slice){data, pairs_end}, &pairs, is_done, n);
        anp_buffer_deinit(&pairs);
    }
    return 0;
}
