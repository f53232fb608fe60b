/* Taking lists and maps apart. No state. */
#include "data/container.h"

#include "wire/msgpack.h"

static anp_slice take(anp_cursor *c)
{
    const uint8_t *start = c->at;
    return anp_msgpack_skip(c) ? (anp_slice){start, (size_t)(c->at - start)} : (anp_slice){0};
}

bool anp_container_open(anp_container *c, anp_arena *arena, anp_slice bytes)
{
    anp_cursor at = anp_cursor_over(bytes.data, bytes.size);
    anp_msgpack_item head;
    if (!anp_msgpack_read(&at, &head) ||
        (head.kind != ANP_MSGPACK_LIST && head.kind != ANP_MSGPACK_MAP)) {
        return false;
    }
    bool is_map = head.kind == ANP_MSGPACK_MAP;
    uint8_t flags;
    if (!anp_msgpack_take_order_mark(&at, &head, &flags)) {
        return false;
    }
    *c = (anp_container){.particle = is_map ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST,
                         .n = head.count,
                         .order = flags & ANP_KEY_VALUE_ORDERED};
    c->room = c->n;
    c->values = anp_arena_take(arena, (size_t)c->n * sizeof *c->values);
    c->keys = is_map ? anp_arena_take(arena, (size_t)c->n * sizeof *c->keys) : NULL;
    if (c->values == NULL || (is_map && c->keys == NULL)) {
        return false;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (is_map) {
            c->keys[i] = take(&at);
        }
        c->values[i] = take(&at);
        if (c->values[i].size == 0) {
            return false;
        }
    }
    return true;
}

void anp_container_make(anp_container *c, uint8_t particle, uint8_t order)
{
    *c = (anp_container){.particle = particle, .order = order};
}

void anp_container_write(anp_buffer *b, const anp_container *c)
{
    bool is_map = c->particle == ANP_PARTICLE_MAP;
    uint32_t count = c->n + (c->order != 0 ? 1u : 0u);
    (is_map ? anp_msgpack_put_map : anp_msgpack_put_list)(b, count);
    if (c->order != 0) {
        anp_msgpack_put_order_mark(b, c->order);
        if (is_map) {
            anp_msgpack_put_nil(b);
        }
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (is_map) {
            anp_buffer_put(b, c->keys[i].data, c->keys[i].size);
        }
        anp_buffer_put(b, c->values[i].data, c->values[i].size);
    }
}

/* ---- changing ---- */

static bool grow(anp_slice **array, anp_arena *arena, uint32_t n, uint32_t room)
{
    anp_slice *more = anp_arena_take(arena, (size_t)room * sizeof *more);
    if (more != NULL && n != 0) {
        memcpy(more, *array, n * sizeof *more);
    }
    *array = more;
    return more != NULL;
}

static void shift_in(anp_slice *array, uint32_t n, uint32_t at, anp_slice what)
{
    memmove(array + at + 1, array + at, (n - at) * sizeof *array);
    array[at] = what;
}

bool anp_container_insert(anp_container *c, anp_arena *arena, uint32_t at, anp_slice key,
                          anp_slice value)
{
    bool is_map = c->particle == ANP_PARTICLE_MAP;
    if (c->n == c->room) {
        uint32_t room = c->room < 8 ? 16 : c->room * 2;
        if (room <= c->room || !grow(&c->values, arena, c->n, room) ||
            (is_map && !grow(&c->keys, arena, c->n, room))) {
            return false;
        }
        c->room = room;
    }
    shift_in(c->values, c->n, at, value);
    if (is_map) {
        shift_in(c->keys, c->n, at, key);
    }
    c->n++;
    c->by_rank = NULL;
    return true;
}

bool anp_container_splice(anp_container *c, anp_arena *arena, uint32_t at, const anp_slice *values,
                          uint32_t n)
{
    if (n == 0) {
        return true;
    }
    if (n > c->room - c->n) {
        uint32_t room = c->n + n;
        if (room < n || !grow(&c->values, arena, c->n, room)) {
            return false;
        }
        c->room = room;
    }
    memmove(c->values + at + n, c->values + at, (c->n - at) * sizeof *values);
    memcpy(c->values + at, values, n * sizeof *values);
    c->n += n;
    c->by_rank = NULL;
    return true;
}

void anp_container_remove(anp_container *c, uint32_t at, uint32_t n)
{
    uint32_t behind = c->n - at - n;
    if (behind != 0) {
        memmove(c->values + at, c->values + at + n, behind * sizeof *c->values);
        if (c->keys != NULL) {
            memmove(c->keys + at, c->keys + at + n, behind * sizeof *c->keys);
        }
    }
    c->n -= n;
    c->by_rank = NULL;
}

/* ---- order ---- */

int anp_slice_compare(anp_slice a, anp_slice b)
{
    return anp_collection_compare(anp_cursor_over(a.data, a.size), anp_cursor_over(b.data, b.size));
}

static void merge(const anp_container *c, const uint32_t *from, uint32_t *to, uint32_t start,
                  uint32_t middle, uint32_t end)
{
    uint32_t a = start, b = middle;
    for (uint32_t i = start; i < end; i++) {
        bool takes_first = a < middle && (b == end || anp_slice_compare(c->values[from[a]],
                                                                        c->values[from[b]]) <= 0);
        to[i] = takes_first ? from[a++] : from[b++];
    }
}

bool anp_container_sort(const anp_container *c, anp_arena *arena, uint32_t *numbers, uint32_t n)
{
    uint32_t *other = anp_arena_take(arena, n * sizeof *other), *from = numbers, *to = other;
    if (other == NULL) {
        return false;
    }
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t i = 0; i < n; i += 2 * width) {
            uint64_t middle = i + width < n ? i + width : n;
            uint64_t end = i + 2 * width < n ? i + 2 * width : n;
            merge(c, from, to, (uint32_t)i, (uint32_t)middle, (uint32_t)end);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != numbers) {
        memcpy(numbers, from, n * sizeof *numbers);
    }
    return true;
}

bool anp_container_reorder(anp_container *c, anp_arena *arena)
{
    uint32_t *numbers = anp_arena_take(arena, c->n * sizeof *numbers);
    anp_slice *values = anp_arena_take(arena, c->n * sizeof *values);
    for (uint32_t i = 0; numbers != NULL && i < c->n; i++) {
        numbers[i] = i;
    }
    if (numbers == NULL || values == NULL || !anp_container_sort(c, arena, numbers, c->n)) {
        return false;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        values[i] = c->values[numbers[i]];
    }
    c->values = values;
    c->room = c->n;
    c->by_rank = NULL;
    return true;
}

bool anp_container_rank(anp_container *c, anp_arena *arena)
{
    if (c->by_rank != NULL) {
        return true;
    }
    uint32_t *numbers = anp_arena_take(arena, c->n * sizeof *numbers);
    for (uint32_t i = 0; numbers != NULL && i < c->n; i++) {
        numbers[i] = i;
    }
    bool is_sorted = c->particle == ANP_PARTICLE_LIST && c->order != 0;
    if (numbers == NULL || (!is_sorted && !anp_container_sort(c, arena, numbers, c->n))) {
        return false;
    }
    c->by_rank = numbers;
    return true;
}

uint32_t anp_container_values_below(const anp_container *c, anp_slice value, bool or_equal)
{
    uint32_t low = 0, high = c->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = anp_slice_compare(c->values[c->by_rank[middle]], value);
        if (order < 0 || (or_equal && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t anp_container_keys_below(const anp_container *c, anp_slice key, bool or_equal)
{
    uint32_t low = 0, high = c->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = anp_slice_compare(c->keys[middle], key);
        if (order < 0 || (or_equal && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool anp_container_find_key(const anp_container *c, anp_slice key, uint32_t *at)
{
    *at = anp_container_keys_below(c, key, false);
    return *at < c->n && anp_slice_compare(c->keys[*at], key) == 0;
}
