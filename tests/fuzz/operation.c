/* Operations on values, as a request asks for them: any bytes end with a code, and what lists and
 * maps become can be stored again as it is.
 *
 * An input is a kind (KINDS), 1 for a modifying call, the call's size (2 bytes, the higher first),
 * the call, and the bin's value; nothing behind the call: no bin. */
#include <stdlib.h>

#include "data/bits.h"
#include "data/collection.h"
#include "data/collection_call.h"
#include "data/hll.h"
#include "data/path.h"
#include "fuzz.h"

enum { LIST, MAP, BLOB, HLL, KINDS };

static const uint8_t particles[KINDS] = {ANP_PARTICLE_LIST, ANP_PARTICLE_MAP, ANP_PARTICLE_BLOB,
                                         ANP_PARTICLE_HLL};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_collection(uint8_t particle)
{
    return particle == ANP_PARTICLE_LIST || particle == ANP_PARTICLE_MAP;
}

/* In stored form; and a server could store it as it is. */
static void check_stored(uint8_t particle, const anp_buffer *value)
{
    anp_buffer again;
    anp_buffer_init(&again, FUZZ_VALUE_MAX);
    require(anp_collection_store(&again, particle, (anp_slice){value->data, value->size}));
    require(again.size == value->size && memcmp(again.data, value->data, value->size) == 0);
    anp_buffer_deinit(&again);
}

static void check_result(const anp_outcome *out)
{
    anp_cursor c = anp_cursor_over(out->result.data, out->result.size);
    if (is_collection(out->type)) {
        require(anp_msgpack_skip(&c) && anp_cursor_left(&c) == 0);
    }
}

static uint8_t run(uint8_t kind, anp_slice call, bool is_modify, const anp_particle *bin,
                   anp_outcome *out)
{
    if (kind == BLOB) {
        return anp_bits_call(call, is_modify, bin, out);
    }
    if (kind == HLL) {
        return anp_hll_call(call, is_modify, bin, out);
    }
    return anp_path_is_call(call) ? anp_path_call(call, is_modify, bin, &fuzz_record, out)
                                  : anp_collection_call(call, is_modify, bin, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anp_cursor c = anp_cursor_over(data, size);
    uint8_t kind, is_modify;
    uint16_t call_size;
    if (!anp_cursor_u8(&c, &kind) || !anp_cursor_u8(&c, &is_modify) ||
        !anp_cursor_be16(&c, &call_size)) {
        return 0;
    }
    const uint8_t *call = anp_cursor_take(&c, call_size);
    if (call == NULL) {
        return 0;
    }
    kind %= KINDS;
    anp_slice rest = {c.at, anp_cursor_left(&c)};
    anp_buffer stored;
    anp_buffer_init(&stored, FUZZ_VALUE_MAX);
    if (kind >= BLOB) {
        anp_buffer_put(&stored, rest.data, rest.size);
    } else if (rest.size != 0 && !anp_collection_store(&stored, particles[kind], rest)) {
        anp_buffer_deinit(&stored);
        return 0;
    }
    anp_particle bin = {particles[kind], stored.data, (uint32_t)stored.size};
    anp_outcome out;
    anp_outcome_init(&out, FUZZ_VALUE_MAX);
    uint8_t code = run(kind, (anp_slice){call, call_size}, is_modify % 2 != 0,
                       rest.size != 0 ? &bin : NULL, &out);
    if (code == ANP_OK) {
        check_result(&out);
        if (out.has_changed && is_collection(out.bin_type)) {
            check_stored(out.bin_type, &out.bin);
        }
    }
    anp_outcome_deinit(&out);
    anp_buffer_deinit(&stored);
    return 0;
}
