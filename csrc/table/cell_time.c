/* Integers and ISO 8601 text into M8 and m8. The calendar is the proleptic Gregorian one, with a
 * year 0, no leap seconds and UTC, as NumPy has it. Stricter than NumPy where it guesses:
 * five-digit years need a sign, so that "20200101" is refused and not the year 20,200,101.
 * Thread-safe: no state. */
#include "table/cell.h"

__extension__ typedef __int128 wide;

typedef struct moment {
    int64_t year;
    int month, day; /* from 1 */
    int64_t second; /* of the day; less the offset it may leave 0..86399 */
    int64_t atto;   /* 10^-18 s, of the second */
    bool finer;     /* digits beyond that which are not zero */
} moment;

static bool digit(const anp_cursor *c)
{
    return c->at != c->end && *c->at >= '0' && *c->at <= '9';
}

static bool take_char(anp_cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != (uint8_t)wanted) {
        return false;
    }
    c->at++;
    return true;
}

/* Two digits, from low to high. */
static bool take_two(anp_cursor *c, int low, int high, int *out)
{
    const uint8_t *p = anp_cursor_take(c, 2);
    if (p == NULL || p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') {
        return false;
    }
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return *out >= low && *out <= high;
}

static bool take_year(anp_cursor *c, int64_t *out)
{
    bool minus = take_char(c, '-');
    bool is_signed = minus || take_char(c, '+');
    int64_t year = 0;
    int digits = 0;
    for (; digit(c) && digits < 13; digits++, c->at++) {
        year = year * 10 + (*c->at - '0');
    }
    *out = minus ? -year : year;
    return digits == 4 || (is_signed && digits > 4 && digits <= 12);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int64_t year, int month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static void take_fraction(anp_cursor *c, moment *m)
{
    int64_t scale = INT64_C(100000000000000000);
    for (; digit(c); c->at++) {
        int d = *c->at - '0';
        m->finer = m->finer || (scale == 0 && d != 0);
        m->atto += scale * d;
        scale /= 10;
    }
}

/* Z, or +hh, +hhmm, +hh:mm. */
static bool take_offset(anp_cursor *c, moment *m)
{
    if (c->at == c->end || take_char(c, 'Z')) {
        return true;
    }
    bool minus = take_char(c, '-');
    int hours;
    int minutes = 0;
    if ((!minus && !take_char(c, '+')) || !take_two(c, 0, 23, &hours)) {
        return false;
    }
    if (c->at != c->end) {
        (void)take_char(c, ':');
        if (!take_two(c, 0, 59, &minutes)) {
            return false;
        }
    }
    int64_t offset = hours * 3600 + minutes * 60;
    m->second -= minus ? -offset : offset;
    return true;
}

static bool take_clock(anp_cursor *c, moment *m)
{
    int hour;
    int minute = 0;
    int second = 0;
    if (!take_two(c, 0, 23, &hour)) {
        return false;
    }
    if (take_char(c, ':')) {
        if (!take_two(c, 0, 59, &minute)) {
            return false;
        }
        if (take_char(c, ':')) {
            if (!take_two(c, 0, 59, &second)) {
                return false;
            }
            if (take_char(c, '.')) {
                if (!digit(c)) {
                    return false;
                }
                take_fraction(c, m);
            }
        }
    }
    m->second = hour * 3600 + minute * 60 + second;
    return take_offset(c, m);
}

static bool take_moment(anp_cursor *c, moment *m)
{
    *m = (moment){.month = 1, .day = 1};
    if (!take_year(c, &m->year)) {
        return false;
    }
    if (c->at == c->end) {
        return true;
    }
    if (!take_char(c, '-') || !take_two(c, 1, 12, &m->month)) {
        return false;
    }
    if (c->at == c->end) {
        return true;
    }
    if (!take_char(c, '-') || !take_two(c, 1, days_in(m->year, m->month), &m->day)) {
        return false;
    }
    if (c->at == c->end) {
        return true;
    }
    if (!take_char(c, 'T') && !take_char(c, ' ')) {
        return false;
    }
    return take_clock(c, m) && c->at == c->end;
}

/* Days since 1970-01-01. Years are counted from March, so that the leap day is the last one. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* An offset can move the moment to the day before or after. */
static void settle_day(moment *m)
{
    if (m->second < 0) {
        m->second += 86400;
        if (--m->day == 0) {
            if (--m->month == 0) {
                m->month = 12;
                m->year--;
            }
            m->day = days_in(m->year, m->month);
        }
    } else if (m->second >= 86400) {
        m->second -= 86400;
        if (++m->day > days_in(m->year, m->month)) {
            m->day = 1;
            if (++m->month > 12) {
                m->month = 1;
                m->year++;
            }
        }
    }
}

/* The moment in a unit; false: it is not whole. */
static bool count_units(const moment *m, anp_unit unit, wide *out)
{
    static const int64_t per_second[] = {1,
                                         1000,
                                         1000000,
                                         1000000000,
                                         INT64_C(1000000000000),
                                         INT64_C(1000000000000000),
                                         INT64_C(1000000000000000000)};
    if (m->finer) {
        return false;
    }
    bool midnight = m->second == 0 && m->atto == 0;
    int64_t days = days_from_civil(m->year, m->month, m->day);
    wide seconds = (wide)days * 86400 + m->second;
    switch (unit) {
    case ANP_UNIT_YEAR:
        *out = m->year - 1970;
        return midnight && m->month == 1 && m->day == 1;
    case ANP_UNIT_MONTH:
        *out = (wide)(m->year - 1970) * 12 + m->month - 1;
        return midnight && m->day == 1;
    case ANP_UNIT_WEEK:
        *out = days / 7;
        return midnight && days % 7 == 0;
    case ANP_UNIT_DAY:
        *out = days;
        return midnight;
    case ANP_UNIT_HOUR:
        *out = seconds / 3600;
        return m->atto == 0 && seconds % 3600 == 0;
    case ANP_UNIT_MINUTE:
        *out = seconds / 60;
        return m->atto == 0 && seconds % 60 == 0;
    default: {
        int64_t scale = per_second[unit - ANP_UNIT_SECOND];
        int64_t atto_per_unit = INT64_C(1000000000000000000) / scale;
        *out = seconds * scale + m->atto / atto_per_unit; /* twelve digits of years: below 2^127 */
        return m->atto % atto_per_unit == 0;
    }
    }
}

/* ISO 8601 -> count of the unit. Years are four digits, or signed and four to twelve; then -MM,
 * -DD, T or a space, hh, :mm, :ss, .fraction, Z or +hh:mm. MALFORMED: no such text. INEXACT: not
 * a whole number of the field's unit. RANGE: beyond int64. */
static anp_reason parse_time(const uint8_t *text, size_t size, anp_unit unit, int32_t unit_count,
                             int64_t *out)
{
    anp_cursor c = anp_cursor_over(text, size);
    moment m;
    if (!take_moment(&c, &m)) {
        return ANP_REASON_MALFORMED;
    }
    settle_day(&m);
    wide count;
    if (!count_units(&m, unit, &count) || count % unit_count != 0) {
        return ANP_REASON_INEXACT;
    }
    count /= unit_count;
    if (count > INT64_MAX || count <= INT64_MIN) { /* INT64_MIN is NaT */
        return ANP_REASON_RANGE;
    }
    *out = (int64_t)count;
    return ANP_REASON_NONE;
}

anp_reason anp_cell_time(const anp_field *f, uint8_t *slot, const anp_value *v, int mode)
{
    int64_t count;
    if (v->type == ANP_PARTICLE_INTEGER) {
        count = v->integer;
        if (count == INT64_MIN || (v->above && mode != ANP_ERRORS_UNSAFE)) {
            return ANP_REASON_RANGE; /* NaT would say that nothing came: not even UNSAFE makes it */
        }
    } else if (v->type == ANP_PARTICLE_STRING && f->kind == ANP_KIND_TIME &&
               f->unit != ANP_UNIT_GENERIC) {
        anp_reason reason =
            parse_time(v->bytes.data, v->bytes.size, (anp_unit)f->unit, f->unit_count, &count);
        if (reason != ANP_REASON_NONE) {
            return reason;
        }
    } else {
        return ANP_REASON_KIND;
    }
    anp_store64(slot, f->swapped ? anp_swap64((uint64_t)count) : (uint64_t)count);
    return ANP_REASON_NONE;
}
