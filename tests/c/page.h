/* Inputs that end where readable memory ends: whoever reads one byte too many crashes. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_ROOM = 4 * 1024 * 1024 };

/* Copies `size` bytes (at most PAGE_ROOM) to the very end of readable memory and gives their new
 * place, which is good until the next call. */
static inline uint8_t *page_end_copy(const void *bytes, size_t size)
{
    static uint8_t *end;
    if (end == NULL) {
        const size_t guard = 64 * 1024; /* a whole page wherever this runs */
        uint8_t *map = mmap(NULL, PAGE_ROOM + guard, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED || mprotect(map + PAGE_ROOM, guard, PROT_NONE) != 0) {
            abort();
        }
        end = map + PAGE_ROOM;
    }
    if (size > PAGE_ROOM) {
        abort();
    }
    if (size != 0) {
        memmove(end - size, bytes, size);
    }
    return end - size;
}
