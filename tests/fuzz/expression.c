/* Expressions: any bytes are refused, or evaluated within their steps and memory. */
#include "data/expression.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anp_expression *e;
    if (anp_expression_new((anp_slice){data, size}, &e) != ANP_OK) {
        return 0;
    }
    anp_arena arena;
    anp_exp_value value;
    uint64_t steps = 100 * 1000;
    anp_arena_init(&arena, FUZZ_VALUE_MAX);
    if (anp_expression_eval(e, &fuzz_record, NULL, &arena, &steps, &value) == ANP_OK) {
        (void)anp_exp_value_particle(&value, &arena);
    }
    anp_arena_deinit(&arena);
    anp_expression_free(e);
    return 0;
}
