/* JSON text, checked and walked where it stands. No state, no allocation. */
#pragma once

#include "base/cursor.h"

/* Is the text one well-formed object? Nesting is taken to 64 levels. */
bool anp_json_is_object(anp_slice text);

/* Each moves the cursor behind what it read, and over spaces before it; false where something else
 * stands there. */
bool anp_json_take(anp_cursor *c, char wanted);
bool anp_json_number(anp_cursor *c, double *out);
bool anp_json_text(anp_cursor *c, anp_slice *out); /* between the quotes, escapes as they are */

/* Finds a name of an object, and gives its value's bytes. */
bool anp_json_find(anp_slice object, const char *name, anp_cursor *out);
