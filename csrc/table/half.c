/* binary16 <-> binary64. Thread-safe: no state. */
#include "table/half.h"

#include <string.h>

uint16_t anp_half_from_double(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    uint64_t mantissa = bits & UINT64_C(0xfffffffffffff);
    if (exponent == 1024) {
        if (mantissa == 0) {
            return (uint16_t)(sign | 0x7c00);
        }
        return (uint16_t)(sign | 0x7e00 | (mantissa >> 42 & 0x1ff));
    }
    if (exponent > 15) {
        return (uint16_t)(sign | 0x7c00);
    }
    if (exponent < -25) { /* less than half of the smallest */
        return sign;
    }
    uint64_t kept, rest, tie;
    if (exponent >= -14) {
        kept = (uint64_t)(exponent + 15) << 10 | mantissa >> 42;
        rest = mantissa & ((UINT64_C(1) << 42) - 1);
        tie = UINT64_C(1) << 41;
    } else {
        uint64_t full = mantissa | UINT64_C(1) << 52;
        int shift = 42 + (-14 - exponent);
        kept = full >> shift;
        rest = full & ((UINT64_C(1) << shift) - 1);
        tie = UINT64_C(1) << (shift - 1);
    }
    if (rest > tie || (rest == tie && (kept & 1) != 0)) {
        kept++; /* may carry into the exponent, up to infinity: the bits are laid out for that */
    }
    return (uint16_t)(sign | kept);
}

double anp_half_to_double(uint16_t v)
{
    uint64_t sign = (uint64_t)(v & 0x8000) << 48;
    uint64_t exponent = v >> 10 & 0x1f;
    uint64_t mantissa = v & 0x3ff;
    uint64_t bits;
    if (exponent == 31) {
        bits = sign | UINT64_C(0x7ff) << 52 | mantissa << 42;
    } else if (exponent != 0) {
        bits = sign | (exponent + 1008) << 52 | mantissa << 42;
    } else if (mantissa == 0) {
        bits = sign;
    } else {
        exponent = 1009;
        while ((mantissa & 0x400) == 0) {
            mantissa <<= 1;
            exponent--;
        }
        bits = sign | exponent << 52 | (mantissa & 0x3ff) << 42;
    }
    double out;
    memcpy(&out, &bits, sizeof out);
    return out;
}
