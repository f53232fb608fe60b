/* The engine of aerospike_np for C and C++ programs: connect to a cluster, read records into an
 * array of structs, write them from one.
 *
 *     cc rows.c -I"$(python -c 'import aerospike_np as a; print(a.get_include())')" \
 *         -L"$(python -c 'import aerospike_np as a; print(a.get_library_dir())')" \
 *         -laerospike_np -pthread
 *
 * No Python is in it. What one header needs it includes itself. */
#pragma once

#include "aerospike_np/batch.h"
#include "aerospike_np/client.h"
#include "aerospike_np/error.h"
#include "aerospike_np/keys.h"
#include "aerospike_np/rows.h"
#include "aerospike_np/ttl.h"

#define ANP_VERSION "0.1.0"
