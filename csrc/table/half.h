/* IEEE 754 binary16 (NumPy's f2) from and to double, in integers only: no compiler's __fp16, no
 * rounding twice by way of float. Thread-safe. */
#pragma once

#include <stdint.h>

/* Rounds to nearest, ties to even; too large gives infinity, NaN stays NaN. */
uint16_t anp_half_from_double(double v);

/* Exact. */
double anp_half_to_double(uint16_t v);
