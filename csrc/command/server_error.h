/* Sentences for the server's result codes. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Fills in err: name, number, and what to do next where that helps. Returns the code. */
anp_status anp_server_error(anp_error *err, uint8_t code);

/* Would the same request possibly go well a little later? 9, 11, 18. */
bool anp_server_code_passes(uint8_t code);

/* Does the code say that the node has too much to do? Counted by the circuit breaker. */
bool anp_server_code_overloaded(uint8_t code);
