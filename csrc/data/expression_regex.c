/* Regular expressions as the C library has them, in the C locale: bytes, not characters. No state.
 *
 * A library's matcher may take time and memory without end for a few bytes of pattern; patterns
 * with back-references, or whose counted repetitions multiply to more than REPEAT_MAX, are refused.
 */
#include <locale.h>

#include "base/alloc.h"
#include "data/expression_tree.h"

enum { EXTENDED = 1, IGNORE_CASE = 2, NEWLINE = 4, NO_SUB = 8 };
enum { PATTERN_MAX = 4096, REPEAT_MAX = 1000, TEXT_MAX = 1 << 30 };

static bool is_bounded(anp_slice pattern)
{
    uint64_t product = 1;
    for (size_t i = 0; i < pattern.size; i++) {
        uint8_t c = pattern.data[i];
        if (c == '\\' && i + 1 < pattern.size && pattern.data[i + 1] >= '1' &&
            pattern.data[i + 1] <= '9') {
            return false;
        }
        if (c != '{') {
            continue;
        }
        uint64_t most = 1, number = 0;
        for (i++; i < pattern.size &&
                  (pattern.data[i] == ',' || (pattern.data[i] >= '0' && pattern.data[i] <= '9'));
             i++) {
            number = pattern.data[i] == ',' ? 0 : number * 10 + (uint64_t)(pattern.data[i] - '0');
            most = number > most ? number : most;
            if (most > REPEAT_MAX) {
                return false;
            }
        }
        product *= most;
        if (product > REPEAT_MAX) {
            return false;
        }
    }
    return true;
}

bool anp_exp_regex_compile(regex_t *out, int64_t flags, anp_slice pattern)
{
    if (pattern.size > PATTERN_MAX || memchr(pattern.data, 0, pattern.size) != NULL ||
        !is_bounded(pattern)) {
        return false;
    }
    char text[PATTERN_MAX + 1];
    memcpy(text, pattern.data, pattern.size);
    text[pattern.size] = 0;
    int how = REG_NOSUB | (flags & EXTENDED ? REG_EXTENDED : 0) |
              (flags & IGNORE_CASE ? REG_ICASE : 0) | (flags & NEWLINE ? REG_NEWLINE : 0);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return false;
    }
    locale_t before = uselocale(plain);
    bool ok = regcomp(out, text, how) == 0;
    (void)uselocale(before);
    freelocale(plain);
    return ok;
}

/* Text ends at its first zero byte, as strings do for this matcher. */
bool anp_exp_regex_matches(const regex_t *pattern, anp_slice text)
{
    if (text.size > TEXT_MAX) {
        return false;
    }
    char few[256], *copy = text.size < sizeof few ? few : anp_malloc(text.size + 1);
    if (copy == NULL) {
        return false;
    }
    if (text.size != 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = 0;
    bool matches = regexec(pattern, copy, 0, NULL, 0) == 0;
    if (copy != few) {
        anp_free(copy);
    }
    return matches;
}
