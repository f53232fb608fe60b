/* Times to live that are no number of seconds. Others are 1 to 315,360,000 (ten years). */
#pragma once

#include <stdint.h>

#define ANP_TTL_DEFAULT UINT32_C(0)        /* as the namespace has it */
#define ANP_TTL_NEVER UINT32_C(0xffffffff) /* never expires; in what is read too */
#define ANP_TTL_KEEP UINT32_C(0xfffffffe)  /* as the record has it already */
