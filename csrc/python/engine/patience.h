/* Time limits that nobody has said: a test suite on a machine that stalls wants longer ones. */
#pragma once

#include <stdint.h>

/* So many ms, times AEROSPIKE_NP_PATIENCE where that is a number from 1 to 1000. */
int32_t anp_patient_ms(int32_t ms);
