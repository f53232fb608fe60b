/* Inside of selections: what was chosen of a container, and giving it back. */
#pragma once

#include "data/collection_op.h"

typedef struct anp_run {
    uint32_t first, n;
} anp_run;

typedef enum {
    ANP_CHOSEN_PLACES, /* runs of indexes */
    ANP_CHOSEN_RANKS,  /* runs in the order of the values */
    ANP_CHOSEN_MARKED, /* whatever is marked */
} anp_chosen;

typedef struct anp_selection {
    anp_select_kind kind;
    int64_t what;   /* comes back */
    bool is_single; /* of at most one, which comes back by itself */
    bool inverted;
    anp_chosen chosen;
    anp_run runs[2]; /* the second only where what lies between them was turned into the others */
    bool *marks;
    uint32_t *asked; /* places or ranks of a list's elements in the order in which it has them */
    uint32_t n_asked;
    uint32_t *numbers; /* of elements, in the order in which they come back */
    uint32_t n;
} anp_selection;

/* Puts what is selected into the outcome. */
uint8_t anp_selection_answer(anp_collection_op *o, anp_selection *s);
