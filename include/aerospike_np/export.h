/* Marks what a program may call. All else in the library is hidden, also where it is linked into a
 * shared library. */
#pragma once

#if defined(__GNUC__)
#define ANP_API __attribute__((visibility("default")))
#else
#define ANP_API
#endif
