/* Patterns as Lua has them, matched by a matcher that counts its steps: Lua's own can be kept busy
 * for ages by one call. Private to csrc/lua. */
#pragma once

#include "lua/state.h"

enum { ANP_PATTERN_CAPTURES = 32 };

typedef struct anp_pattern {
    lua_State *L;
    const char *subject, *subject_end;
    const char *end; /* of the pattern */
    int depth;
    uint32_t steps; /* not charged yet */
    int n;
    struct {
        const char *start;
        ptrdiff_t size; /* or one of the two below */
    } captures[ANP_PATTERN_CAPTURES];
} anp_pattern;

enum { ANP_CAPTURE_OPEN = -1, ANP_CAPTURE_POSITION = -2 };

/* Matches at `s` only: where the match ends, or NULL. Raises for what is no pattern. */
const char *anp_pattern_match(anp_pattern *m, const char *s, const char *pattern);
