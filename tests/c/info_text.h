/* For tests of info text: slices at the end of a page. */
#pragma once

#include "wire/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "page.h"

static inline anp_slice slice(const char *text)
{
    size_t size = strlen(text);
    return (anp_slice){page_end_copy(text, size), size};
}

static inline void is_text(anp_slice s, const char *text)
{
    assert_int_equal(s.size, strlen(text));
    assert_memory_equal(s.data, text, s.size);
}
