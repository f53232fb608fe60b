/* The matcher: one item of the pattern after the other, backtracking where an item may take more or
 * less. Recursion is bounded, each step is counted. */
#include "lua/pattern.h"

#include <ctype.h>

enum { DEPTH_MAX = 200, STEPS_A_CHARGE = 256 };

static void spend(anp_pattern *m, uint32_t steps)
{
    m->steps += steps;
    if (m->steps >= STEPS_A_CHARGE) {
        anp_lua_charge(m->L, m->steps);
        m->steps = 0;
    }
}

/* ---- one character ---- */

static bool in_class(int c, char letter)
{
    bool in;
    switch (tolower((unsigned char)letter)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    default:
        return (unsigned char)letter == c;
    }
    return isupper((unsigned char)letter) ? !in : in;
}

/* Behind the single-character item that begins at p. */
static const char *item_end(anp_pattern *m, const char *p)
{
    char first = *p++;
    if (first == '%') {
        if (p == m->end) {
            (void)luaL_error(m->L, "malformed pattern (ends with '%%')");
        }
        return p + 1;
    }
    if (first != '[') {
        return p;
    }
    p += p < m->end && *p == '^' ? 1 : 0;
    for (bool is_first = true; is_first || p >= m->end || *p != ']'; is_first = false) {
        if (p >= m->end) {
            (void)luaL_error(m->L, "malformed pattern (missing ']')");
        }
        p += *p == '%' && p + 1 < m->end ? 2 : 1; /* a first ']' stands for itself */
    }
    return p + 1;
}

/* Is c in the set from '[' to the ']' before `end`? */
static bool in_set(int c, const char *p, const char *end)
{
    bool wanted = true;
    const char *last = end - 1;
    if (*++p == '^') {
        wanted = false;
        p++;
    }
    while (p < last) {
        if (*p == '%') {
            if (in_class(c, p[1])) {
                return wanted;
            }
            p += 2;
        } else if (p + 2 < last && p[1] == '-') {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) {
                return wanted;
            }
            p += 3;
        } else if ((unsigned char)*p++ == c) {
            return wanted;
        }
    }
    return !wanted;
}

static bool is_single(anp_pattern *m, const char *s, const char *p, const char *end)
{
    spend(m, 1 + (uint32_t)(end - p) / 16);
    if (s >= m->subject_end) {
        return false;
    }
    int c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class(c, p[1]);
    case '[':
        return in_set(c, p, end);
    default:
        return (unsigned char)*p == c;
    }
}

/* ---- items ---- */

static const char *match(anp_pattern *m, const char *s, const char *p);

static const char *most(anp_pattern *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t n = 0;
    while (is_single(m, s + n, p, end)) {
        n++;
    }
    for (; n >= 0; n--) {
        const char *found = match(m, s + n, end + 1);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static const char *fewest(anp_pattern *m, const char *s, const char *p, const char *end)
{
    for (;;) {
        const char *found = match(m, s, end + 1);
        if (found != NULL || !is_single(m, s, p, end)) {
            return found;
        }
        s++;
    }
}

/* %bxy: from an x to the y that closes it. */
static const char *balanced(anp_pattern *m, const char *s, const char *p)
{
    if (m->end - p < 2) {
        (void)luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    }
    if (s >= m->subject_end || *s != p[0]) {
        return NULL;
    }
    int open = 1;
    while (++s < m->subject_end) {
        spend(m, 1);
        if (*s == p[1]) {
            if (--open == 0) {
                return s + 1;
            }
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/* %f[set]: between what is not in the set and what is. */
static bool is_frontier(anp_pattern *m, const char *s, const char *p, const char *end)
{
    int before = s > m->subject ? (unsigned char)s[-1] : 0,
        after = s < m->subject_end ? (unsigned char)*s : 0;
    spend(m, 1 + (uint32_t)(end - p) / 8);
    return !in_set(before, p, end) && in_set(after, p, end);
}

static const char *repeated(anp_pattern *m, const char *s, char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->n || m->captures[i].size == ANP_CAPTURE_OPEN) {
        (void)luaL_error(m->L, "invalid capture index %%%d", i + 1);
    }
    ptrdiff_t size = m->captures[i].size; /* a position is never there again */
    spend(m, 1 + (uint32_t)(size > 0 ? size / 16 : 0));
    return size >= 0 && m->subject_end - s >= size &&
                   memcmp(s, m->captures[i].start, (size_t)size) == 0
               ? s + size
               : NULL;
}

static const char *open_capture(anp_pattern *m, const char *s, const char *p)
{
    bool is_position = p < m->end && *p == ')';
    if (m->n >= ANP_PATTERN_CAPTURES) {
        (void)luaL_error(m->L, "too many captures");
    }
    m->captures[m->n].start = s;
    m->captures[m->n++].size = is_position ? ANP_CAPTURE_POSITION : ANP_CAPTURE_OPEN;
    const char *found = match(m, s, is_position ? p + 1 : p);
    if (found == NULL) {
        m->n--;
    }
    return found;
}

static const char *close_capture(anp_pattern *m, const char *s, const char *p)
{
    int i = m->n - 1;
    while (i >= 0 && m->captures[i].size != ANP_CAPTURE_OPEN) {
        i--;
    }
    if (i < 0) {
        (void)luaL_error(m->L, "invalid pattern capture");
    }
    m->captures[i].size = s - m->captures[i].start;
    const char *found = match(m, s, p);
    if (found == NULL) {
        m->captures[i].size = ANP_CAPTURE_OPEN;
    }
    return found;
}

/* ---- the whole ---- */

/* A single character and what follows it. *s moves on and *p behind it where the rest is still to
 * be matched (true); else *s is the answer. */
static bool step_single(anp_pattern *m, const char **s, const char **p)
{
    const char *end = item_end(m, *p), *found;
    char how = end < m->end ? *end : 0;
    switch (how) {
    case '?':
        if (is_single(m, *s, *p, end) && (found = match(m, *s + 1, end + 1)) != NULL) {
            *s = found;
            return false;
        }
        *p = end + 1;
        return true;
    case '+':
        *s = is_single(m, *s, *p, end) ? most(m, *s + 1, *p, end) : NULL;
        return false;
    case '*':
        *s = most(m, *s, *p, end);
        return false;
    case '-':
        *s = fewest(m, *s, *p, end);
        return false;
    default:
        if (!is_single(m, *s, *p, end)) {
            *s = NULL;
            return false;
        }
        ++*s;
        *p = end;
        return true;
    }
}

/* %b, %f and %1 to %9. 0: it is something else; 1: go on; -1: *s is the answer. */
static int step_special(anp_pattern *m, const char **s, const char **p)
{
    char kind = *p + 1 < m->end ? (*p)[1] : 0;
    if (kind == 'b') {
        *s = balanced(m, *s, *p + 2);
        *p += 4;
    } else if (kind == 'f') {
        const char *set = *p + 2;
        if (set >= m->end || *set != '[') {
            (void)luaL_error(m->L, "missing '[' after '%%f' in pattern");
        }
        const char *end = item_end(m, set);
        *s = is_frontier(m, *s, set, end) ? *s : NULL;
        *p = end;
    } else if (kind >= '0' && kind <= '9') {
        *s = repeated(m, *s, kind);
        *p += 2;
    } else {
        return 0;
    }
    return *s != NULL ? 1 : -1;
}

static const char *match_here(anp_pattern *m, const char *s, const char *p)
{
    for (;;) {
        spend(m, 1);
        if (p == m->end) {
            return s;
        }
        if (*p == '(') {
            return open_capture(m, s, p + 1);
        }
        if (*p == ')') {
            return close_capture(m, s, p + 1);
        }
        if (*p == '$' && p + 1 == m->end) {
            return s == m->subject_end ? s : NULL;
        }
        int special = *p == '%' ? step_special(m, &s, &p) : 0;
        if (special < 0 || (special == 0 && !step_single(m, &s, &p))) {
            return s;
        }
    }
}

static const char *match(anp_pattern *m, const char *s, const char *p)
{
    if (++m->depth > DEPTH_MAX) {
        (void)luaL_error(m->L, "pattern too complex");
    }
    const char *found = match_here(m, s, p);
    m->depth--;
    return found;
}

const char *anp_pattern_match(anp_pattern *m, const char *s, const char *pattern)
{
    m->n = 0;
    m->depth = 0;
    return match(m, s, pattern);
}
