/* Inside of operations on lists and maps: one operation on one opened container, and selections of
 * its elements. */
#pragma once

#include "data/call.h"
#include "data/container.h"

enum { /* what a selection gives back */
       ANP_RETURN_NONE = 0,
       ANP_RETURN_INDEX = 1,
       ANP_RETURN_REVERSE_INDEX = 2,
       ANP_RETURN_RANK = 3,
       ANP_RETURN_REVERSE_RANK = 4,
       ANP_RETURN_COUNT = 5,
       ANP_RETURN_KEY = 6,
       ANP_RETURN_VALUE = 7,
       ANP_RETURN_KEY_VALUE = 8,
       ANP_RETURN_INDEX_RANGE = 9,
       ANP_RETURN_REVERSE_INDEX_RANGE = 10,
       ANP_RETURN_RANK_RANGE = 11,
       ANP_RETURN_REVERSE_RANK_RANGE = 12,
       ANP_RETURN_EXISTS = 13,
       ANP_RETURN_UNORDERED_MAP = 16,
       ANP_RETURN_ORDERED_MAP = 17,
       ANP_RETURN_INVERTED = 0x10000,
};

typedef struct anp_collection_op {
    anp_call call;    /* its arguments */
    anp_arena *arena; /* once it has failed, the code of an operation means nothing */
    anp_container c;
    bool has_changed; /* c is to be written */
    anp_outcome *out; /* for the result */
} anp_collection_op;

typedef enum {
    ANP_SELECT_BY_INDEX,
    ANP_SELECT_BY_RANK,
    ANP_SELECT_BY_KEY,
    ANP_SELECT_BY_VALUE, /* the first one */
    ANP_SELECT_BY_VALUE_ALL,
    ANP_SELECT_BY_VALUE_LIST,
    ANP_SELECT_BY_KEY_LIST,
    ANP_SELECT_BY_INDEX_RANGE,
    ANP_SELECT_BY_RANK_RANGE,
    ANP_SELECT_BY_KEY_INTERVAL,
    ANP_SELECT_BY_VALUE_INTERVAL,
    ANP_SELECT_BY_KEY_INDEX_RANGE,  /* relative to a key's place */
    ANP_SELECT_BY_VALUE_RANK_RANGE, /* relative to a value's */
} anp_select_kind;

/* Reads the arguments [return type, ...], gives the selected elements back, and `removes` them. */
uint8_t anp_collection_select(anp_collection_op *o, anp_select_kind kind, bool removes);

/* index and count as a range of n; the part that lies outside is cut off. */
void anp_collection_range(int64_t index, int64_t count, uint32_t n, uint32_t *first,
                          uint32_t *size);
/* The count of a range, if there is one. Without it, or below 0, the range goes to the end. */
bool anp_collection_count(anp_collection_op *o, int64_t *out);
/* An index, below 0 from the end; false: out of range. */
bool anp_collection_index(int64_t index, uint32_t n, uint32_t *out);

/* The next argument, whatever it is: as sent, or brought into stored form. false: none, or one
 * that can't be. */
bool anp_collection_argument(anp_collection_op *o, anp_slice *out);
bool anp_collection_new_value(anp_collection_op *o, anp_slice *out);

/* An element in stored form, made in the arena. false: no memory (`failed`), or none that can be.
 */
bool anp_collection_stored(anp_arena *arena, anp_slice sent, anp_slice *out);

/* Adds `delta` to a number, which keeps its type. false: one is none. */
bool anp_collection_add(anp_collection_op *o, anp_slice number, anp_slice delta, bool subtract,
                        anp_slice *out);

void anp_collection_result(anp_collection_op *o,
                           anp_slice element); /* as the particle that it is */

/* An operation by its code; on 0 has_changed says whether c is to be written. */
uint8_t anp_list_op(anp_collection_op *o, bool is_modify);
uint8_t anp_map_op(anp_collection_op *o, bool is_modify);

/* May it make a list (or map) that is not there? If so, *order is that of the new one. */
bool anp_list_makes(const anp_call *call, uint8_t *order);
bool anp_map_makes(const anp_call *call, uint8_t *order);

bool anp_is_list_op(int64_t code);
bool anp_is_map_op(int64_t code);
