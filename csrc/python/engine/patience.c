/* See patience.h. */
#include "python/engine/patience.h"

#include <stdbool.h>
#include <stdlib.h>

int32_t anp_patient_ms(int32_t ms)
{
    const char *text = getenv("AEROSPIKE_NP_PATIENCE");
    char *end = NULL;
    long n = text != NULL ? strtol(text, &end, 10) : 1;
    bool is_factor = text != NULL && end != text && *end == 0 && n >= 1 && n <= 1000;
    return is_factor ? ms * (int32_t)n : ms;
}
