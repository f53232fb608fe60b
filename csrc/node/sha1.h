/* SHA-1, which modules are listed with. */
#pragma once

#include "base/cursor.h"

enum { ANP_SHA1_SIZE = 20 };

void anp_sha1(anp_slice bytes, uint8_t out[ANP_SHA1_SIZE]);
