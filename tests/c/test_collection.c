/* Operations on lists and maps: what a real server gave, its codes, contexts, and damaged calls. */
#include "data/collection_call.h"

#include "data_call.h"

#define BASE "95 05 01 04 01 03"                                 /* [5, 1, 4, 1, 3] */
#define ORDERED "96 c7 00 01 01 01 03 04 05"                     /* the same, ordered */
#define MAP "84 a2 03 61 05 a2 03 62 02 a2 03 63 02 a2 03 64 01" /* {a: 5, b: 2, c: 2, d: 1} */
#define DEEP                                                                                       \
    "82 a2 03 6c 92 01 92 02 03 a2 03 6d 81 a2 03 6b 07" /* {l: [1, [2, 3]], m: {k: 7}}            \
                                                          */
#define INTEGER(n) "00 00 00 00 00 00 00 " n

static const call_case list_writes[] = {
    {"92 01 05", NULL, 0, "91 05"},
    {"94 01 05 01 01", NULL, 0, "92 c7 00 01 05"},
    {"92 01 cd 00 05", NULL, 0, "91 05"},
    {"92 01 02", ORDERED, 0, "97 c7 00 01 01 01 02 03 04 05"},
    {"94 01 05 00 01", BASE, 24, NULL},
    {"94 01 05 00 05", BASE, 0, NULL},
    {"94 02 92 06 06 00 01", BASE, 26, NULL},
    {"94 02 92 05 06 00 0d", BASE, 0, "96 05 01 04 01 03 06"},
    {"94 02 92 05 06 00 05", BASE, 0, NULL},
    {"92 00 01", NULL, 0, "91 c7 00 01"},
    {"92 00 01", BASE, 0, ORDERED},
    {"93 03 ff 09", BASE, 0, "96 05 01 04 01 09 03"},
    {"93 03 07 09", BASE, 0, "98 05 01 04 01 03 c0 c0 09"},
    {"94 03 07 09 02", BASE, 26, NULL},
    {"93 03 fa 09", BASE, 26, NULL},
    {"93 03 00 09", ORDERED, 26, NULL},
    {"93 04 01 92 08 09", BASE, 0, "97 05 08 09 01 04 01 03"},
    {"92 05 01", BASE, 0, "94 05 04 01 03"},
    {"92 05 05", BASE, 26, NULL},
    {"92 06 03", BASE, 0, "93 05 01 04"},
    {"92 07 00", BASE, 0, "94 01 04 01 03"},
    {"93 08 01 02", BASE, 0, "93 05 01 03"},
    {"93 09 06 08", BASE, 0, "97 05 01 04 01 03 c0 08"},
    {"93 09 00 08", ORDERED, 26, NULL},
    {"93 0a 01 02", BASE, 0, "92 01 04"},
    {"91 0b", ORDERED, 0, "91 c7 00 01"},
    {"93 0c 00 cb 3f f8 00 00 00 00 00 00", BASE, 0, "95 06 01 04 01 03"},
    {"92 0c 06", BASE, 0, "97 05 01 04 01 03 c0 01"},
    {"92 0d 00", BASE, 0, "95 01 01 03 04 05"},
    {"92 0d 03", BASE, 0, "94 05 04 03 01"},
    {"91 0d", NULL, 12, NULL},
    {"91 0b", NULL, 0, NULL},
    {"93 23 05 01", BASE, 0, "93 05 04 03"},
    {"93 24 ce 00 01 00 05 92 01 03", BASE, 0, "93 01 01 03"}, /* all but these */
    {"95 28 00 03 00 01", BASE, 0, "94 05 01 04 01"},
    {"92 02 90", NULL, 0, "90"}, /* an empty one stays */
    {"94 04 05 91 01 06", NULL, 0, "90"},
    {"94 01 05 02 00", NULL, 0, "91 05"}, /* an order that is none */
    {"94 01 09 00 20", BASE, 0, "96 05 01 04 01 03 09"},
    {"92 00 02", BASE, 26, NULL},
    {"92 01 d4 ff 01", BASE, 4, NULL}, /* infinity is for comparing */
    {"92 01 a2 03 6b", "90", 0, "91 a2 03 6b"},
    {"92 01 c4 02 03 6b", "90", 0, "91 a2 03 6b"}, /* a head of bytes: the type is inside */
    {"94 02 93 06 06 05 00 01", BASE, 26, NULL},   /* in turn: 6 again, then 5 that is there */
    {"94 02 93 05 06 06 00 01", BASE, 24, NULL},
    {"94 02 93 05 06 06 00 01", ORDERED, 26, NULL}, /* first what is there twice */
    {"94 02 93 05 06 06 00 05", BASE, 0, NULL},
    {"94 02 93 05 06 06 00 0d", BASE, 0, "96 05 01 04 01 03 06"},
    {"94 02 93 05 06 06 00 0d", ORDERED, 0, "97 c7 00 01 01 01 03 04 05 06"},
    {"94 02 92 05 06 00 09", BASE, 24, NULL}, /* a part only where none is an error */
    {"94 03 05 09 02", BASE, 0, "96 05 01 04 01 03 09"},
    {"94 03 06 09 06", BASE, 0, NULL},
    {"93 04 fa 90", BASE, 0, NULL}, /* no item, no index */
    {"93 04 00 90", ORDERED, 26, NULL},
    {"93 03 ce 80 00 00 00 09", BASE, 26, NULL},
    {"94 09 05 09 02", BASE, 0, "96 05 01 04 01 03 09"},
    {"94 09 06 09 02", BASE, 26, NULL},
    {"94 09 00 05 01", BASE, 0, BASE}, /* its own value again */
    {"94 09 00 04 01", BASE, 24, NULL},
    {"94 09 00 04 05", BASE, 0, NULL},
    {"93 0c 05 02", ORDERED, 0, "97 c7 00 01 01 01 02 03 04 05"},
    {"93 0c 06 02", ORDERED, 26, NULL},
    {"95 0c 06 02 00 04", ORDERED, 0, NULL},
    {"95 0c 04 ff 00 01", BASE, 0, "95 05 01 04 01 02"},
    {"95 0c 04 01 00 01", BASE, 24, NULL},
    {"95 0c 02 00 00 01", ORDERED, 0, ORDERED},
    {"92 0d 01", ORDERED, 0, ORDERED},
    {"92 0d 03", ORDERED, 0, "95 c7 00 01 01 03 04 05"},
    {"92 0d 08", BASE, 0, "95 01 01 03 04 05"},
    {"93 08 01 ff", BASE, 0, "91 05"}, /* a count below 0: to the end */
    {"92 11 00", BASE, 4, NULL},       /* a reading one */
    {"93 01 05 06 07 08", BASE, 4, NULL},
    {"91 01", BASE, 4, NULL},
    {"92 01 05", MAP, 12, NULL},
    {"92 01 d4 ff 01", BASE, 4, NULL}, /* infinity and the wildcard are no values to keep */
    {"92 02 92 01 91 d4 ff 00", BASE, 4, NULL},
};

static const call_case list_reads[] = {
    {"91 10", BASE, 0, INTEGER("05")},
    {"91 10", NULL, 0, NULL},
    {"92 11 ff", BASE, 0, INTEGER("03")},
    {"92 11 05", BASE, 26, NULL},
    {"93 12 01 02", BASE, 0, "92 01 04"},
    {"93 14 01 04", BASE, 0, INTEGER("02")},
    {"93 14 01 09", BASE, 0, "ff ff ff ff ff ff ff ff"},
    {"93 14 07 09", BASE, 0, NULL},
    {"93 15 07 ff", BASE, 0, INTEGER("05")},
    {"93 15 07 05", BASE, 26, NULL},
    {"93 16 01 01", BASE, 0, "92 01 03"},
    {"93 16 0d 09", BASE, 0, "00"},
    {"93 17 07 92 03 05", BASE, 0, "92 05 03"},
    {"93 17 03 92 05 03", BASE, 0, "92 04 02"},
    {"94 19 07 03 05", BASE, 0, "92 04 03"},
    {"93 19 07 c0", BASE, 0, BASE},
    {"94 1a 07 01 03", BASE, 0, "93 04 03 01"}, /* as from a heap */
    {"94 1b 07 03 ff", BASE, 0, "94 01 03 04 05"},
    {"94 18 07 f6 07", BASE, 0, "92 05 01"}, /* cut off at the beginning */
    {"94 18 09 01 63", BASE, 0, "92 01 04"},
    {"94 18 0b 01 02", BASE, 26, NULL},
    {"93 13 ce 00 01 00 07 00", BASE, 26, NULL}, /* all but a single one */
    {"94 18 07 01 ff", BASE, 0, "94 01 04 01 03"},
    {"94 18 02 00 02", BASE, 0, "92 03 04"}, /* from the end, rising */
    {"94 18 ce 00 01 00 02 01 01", BASE, 0, "94 04 00 01 02"},
    {"94 18 03 01 02", BASE, 0, "92 00 03"}, /* equal ones share a rank */
    {"94 18 03 01 03", BASE, 0, "93 00 03 00"},
    {"94 18 03 00 05", BASE, 0, "95 00 01 02 03 04"}, /* but not all of them */
    {"93 13 03 03", BASE, 0, INTEGER("00")},
    {"93 13 09 ff", BASE, 0, "92 04 01"},
    {"93 15 0b ff", BASE, 0, "92 04 01"},
    {"93 15 09 ff", BASE, 26, NULL},
    {"93 15 09 ff", ORDERED, 0, "92 04 01"},
    {"93 16 02 01", BASE, 0, "92 03 01"},
    {"93 16 03 01", BASE, 0, "92 00 01"},
    {"93 16 04 01", BASE, 0, "92 03 04"},
    {"93 16 0c 01", BASE, 0, "92 03 02"},
    {"93 16 0c 02", BASE, 0, "92 02 00"}, /* none: where it would be */
    {"93 17 0b 91 01", BASE, 26, NULL},
    {"93 17 03 93 05 03 05", BASE, 0, "92 02 04"},
    {"93 17 07 93 05 03 05", BASE, 0, "92 05 03"},
    {"93 17 07 93 05 03 05", ORDERED, 0, "93 05 03 05"}, /* as asked */
    {"93 17 01 93 05 03 05", ORDERED, 0, "93 04 02 04"},
    {"93 17 05 93 05 03 05", ORDERED, 0, INTEGER("02")},
    {"93 17 ce 00 01 00 03 92 05 03", BASE, 0, "93 00 01 03"},
    {"94 1a 03 01 02", BASE, 0, "92 01 02"},
    {"94 1a 04 01 02", BASE, 0, "92 02 03"},
    {"93 1a 01 03", BASE, 0, "92 00 02"}, /* places as in the list, not by rank */
    {"93 1a 02 03", BASE, 0, "92 04 02"},
    {"95 1b 01 03 00 03", BASE, 0, "93 00 02 04"},
    {"94 19 03 03 05", BASE, 0, "92 02 03"},
    {"94 19 07 02 d4 ff 01", BASE, 0, "93 05 04 03"},
    {"93 16 05 d4 ff 00", BASE, 0, INTEGER("05")},
    {"94 19 05 a2 03 78 d4 ff 01", "95 a2 03 78 c0 91 01 a2 04 78 a2 17 78", 0, INTEGER("04")},
    {"93 16 05 92 91 d4 ff 00 07", "91 92 91 05 08", 0, INTEGER("01")}, /* ends all levels */
    {"93 14 07 d4 ff 00", BASE, 0, INTEGER("05")}, /* the first that is equal, not the lowest */
    {"93 14 02 d4 ff 00", BASE, 0, INTEGER("04")},
    {"93 14 03 d4 ff 00", BASE, 0, INTEGER("00")},
    {"93 14 05 d4 ff 00", BASE, 0, INTEGER("01")},
    {"93 13 06 00", BASE, 26, NULL},
    {"93 13 2a 00", BASE, 26, NULL},
    {"93 16 07 92 01 d4 ff 00", "93 92 01 02 92 02 03 93 01 05 06", 0, "92 92 01 02 93 01 05 06"},
};

static const call_case map_writes[] = {
    {"94 43 a2 03 6b 01 00", NULL, 0, "81 a2 03 6b 01"},
    {"95 43 a2 03 6b 01 01 02", NULL, 23, NULL},
    {"95 43 a2 03 61 09 00 01", MAP, 24, NULL},
    {"95 43 a2 03 61 09 00 05", MAP, 0, NULL},
    {"94 43 a2 03 61 09 01", MAP, 0, "84 a2 03 61 09 a2 03 62 02 a2 03 63 02 a2 03 64 01"},
    {"94 43 c0 01 00", MAP, 4, NULL}, /* no key */
    {"93 41 a2 03 61 01", MAP, 24, NULL},
    {"93 45 a2 03 7a 01", MAP, 23, NULL},
    {"93 45 a2 03 64 03", MAP, 0, "84 a2 03 61 05 a2 03 62 02 a2 03 63 02 a2 03 64 03"},
    {"94 44 82 a2 03 61 01 a2 03 7a 01 00 0d", "81 a2 03 61 05", 0, "82 a2 03 61 05 a2 03 7a 01"},
    {"94 49 a2 03 61 02 00", MAP, 0, "84 a2 03 61 07 a2 03 62 02 a2 03 63 02 a2 03 64 01"},
    {"94 4a a2 03 64 02 00", MAP, 0, "84 a2 03 61 05 a2 03 62 02 a2 03 63 02 a2 03 64 ff"},
    {"94 49 a2 03 61 a2 03 62 00", MAP, 4, NULL},
    {"92 40 01", "81 01 02", 0, "82 c7 00 01 c0 01 02"},
    {"92 40 02", MAP, 26, NULL}, /* by values alone */
    {"92 40 08", MAP, 26, NULL},
    {"94 43 05 06 04", NULL, 0, "81 05 06"}, /* an order that is none */
    {"95 43 05 06 00 20", NULL, 0, "81 05 06"},
    {"92 44 80", NULL, 0, "80"}, /* an empty one stays */
    {"94 44 81 01 02 00 06", NULL, 0, "80"},
    {"92 46 80", NULL, 23, NULL},
    {"93 43 05 d4 ff 00", MAP, 4, NULL}, /* a wildcard is for comparing */
    {"93 43 05 91 d4 ff 01", MAP, 4, NULL},
    {"93 43 05 83 c7 00 01 c0 02 00 01 00", MAP, 4, NULL}, /* ordered, and is not */
    {"93 43 05 82 02 00 01 00", "81 05 01", 0, "81 05 82 01 00 02 00"},
    {"93 43 05 82 c7 00 08 c0 01 00", MAP, 4, NULL}, /* an order of replies */
    {"91 4b", MAP, 0, "80"},
    {"93 4c 07 a2 03 61", "81 a2 03 61 05", 0, "80"},
    {"93 51 05 92 a2 03 61 a2 03 7a", MAP, 0, "83 a2 03 62 02 a2 03 63 02 a2 03 64 01"},
    {"93 51 00 a2 03 61", MAP, 4, NULL},
    {"93 52 05 02", MAP, 0, "82 a2 03 61 05 a2 03 64 01"},
    {"92 01 05", MAP, 12, NULL},
    {"91 47", MAP, 4, NULL},
};

static const call_case map_reads[] = {
    {"91 60", MAP, 0, INTEGER("04")},
    {"93 61 08 a2 03 62", MAP, 0, "82 c7 00 08 c0 a2 03 62 02"},
    {"93 61 10 a2 03 62", MAP, 0, "81 a2 03 62 02"},
    {"93 61 11 a2 03 62", MAP, 0, "82 c7 00 01 c0 a2 03 62 02"},
    {"93 61 08 a2 03 7a", MAP, 0, "81 c7 00 08 c0"},
    {"93 61 03 a2 03 7a", MAP, 0, "ff ff ff ff ff ff ff ff"},
    {"93 62 06 ff", MAP, 0, "64"},
    {"93 62 06 04", MAP, 26, NULL},
    {"93 64 06 00", MAP, 0, "64"},
    {"94 67 06 a2 03 61 a2 03 63", MAP, 0, "92 a2 03 61 a2 03 62"},
    {"94 69 06 02 05", MAP, 0, "92 a2 03 62 a2 03 63"},
    {"93 6b 01 92 a2 03 62 a2 03 61", MAP, 0, "92 01 00"},
    {"93 6b 07 92 a2 03 62 a2 03 61", MAP, 0, "92 05 02"},
    {"93 6b 03 92 a2 03 62 a2 03 61", MAP, 26, NULL},
    {"95 6d 06 a2 03 62 ff 02", MAP, 0, "92 a2 03 61 a2 03 62"},
    {"95 6e 06 02 00 01", MAP, 0, "91 a2 03 62"},
    {"94 68 02 00 02", MAP, 0, "92 02 03"},
    {"94 68 03 00 02", MAP, 0, "92 03 01"},
    {"94 68 03 00 04", MAP, 0, "94 00 01 02 03"}, /* all of them: counted through */
    {"93 62 09 01", MAP, 0, "92 01 01"},
    {"93 62 0b 01", MAP, 26, NULL},
    {"93 64 0b 01", MAP, 0, "92 01 01"},
    {"93 61 ce 00 01 00 07 a2 03 62", MAP, 26, NULL},
    {"94 6a 06 00 03", MAP, 0, "93 a2 03 64 a2 03 62 a2 03 63"},
    {"94 6a 01 00 03", MAP, 0, "93 03 01 02"}, /* in the order of the values */
    {"94 6a ce 00 01 00 01 00 01", MAP, 0, "93 01 02 00"},
    {"94 6a ce 00 01 00 01 01 02", MAP, 0, "92 00 03"}, /* of two runs: of the keys */
    {"94 6a ce 00 01 00 0b 00 01", MAP, 0, "92 01 03"},
    {"94 6a ce 00 01 00 0b 01 02", MAP, 26, NULL},
    {"93 66 03 02", MAP, 0, "92 01 02"},
    {"93 66 0b 02", MAP, 0, "92 01 02"},
    {"93 66 09 02", MAP, 26, NULL},
    {"93 6b 01 93 a2 03 62 a2 03 61 a2 03 62", MAP, 0, "93 01 00 01"},
    {"93 6b 05 91 d4 ff 00", MAP, 0, INTEGER("04")},
    {"94 6a 08 00 02", MAP, 0, "83 c7 00 08 c0 a2 03 64 01 a2 03 62 02"},
};

static const call_case contexts[] = {
    {"93 cc ff 92 22 a2 03 6d 94 43 a2 03 6b 01 00", DEEP, 0,
     "82 a2 03 6c 92 01 92 02 03 a2 03 6d 81 a2 03 6b 01"},
    {"93 cc ff 94 22 a2 03 6c 10 ff 92 01 04", DEEP, 0,
     "82 a2 03 6c 92 01 93 02 03 04 a2 03 6d 81 a2 03 6b 07"},
    {"93 cc ff 94 22 a2 03 6c 11 ff 92 05 00", DEEP, 0,
     "82 a2 03 6c 92 01 91 03 a2 03 6d 81 a2 03 6b 07"},
    {"93 cc ff 92 22 a2 03 7a 92 01 04", DEEP, 26, NULL},
    {"93 cc ff 94 22 a2 03 6c 10 00 92 01 04", DEEP, 12, NULL}, /* on a number */
    {"93 cc ff 96 22 a2 03 6c 10 00 10 00 92 01 04", DEEP, 26, NULL},
    {"93 cc ff 92 10 00 92 01 04", DEEP, 26, NULL}, /* an index of a map */
    {"93 cc ff 92 cc a2 a2 03 78 92 01 04", NULL, 0, "82 c7 00 01 c0 a2 03 78 91 04"},
    {"93 cc ff 94 cc d0 00 cc a2 a2 03 6b 94 43 01 02 00", NULL, 0,
     "92 c7 00 01 82 c7 00 01 c0 a2 03 6b 81 01 02"},
    {"93 cc ff 92 22 a2 03 78 92 01 04", NULL, 26, NULL},
    {"93 cc ff 92 cc a2 cd 00 05 92 01 04", NULL, 0, "82 c7 00 01 c0 05 91 04"},
    {"93 cc ff 92 cc a2 c4 02 04 ff 92 01 04", NULL, 0, "82 c7 00 01 c0 a2 04 ff 91 04"},
    {"93 cc ff 92 cc a2 c0 92 01 04", NULL, 26, NULL}, /* no key */
    {"93 cc ff 92 cc a2 91 01 92 01 04", DEEP, 26, NULL},
    {"93 cc ff 92 13 d4 ff 00 92 01 04", "92 92 05 06 91 01", 0, "92 93 05 06 04 91 01"},
    {"93 cc ff 92 cc 90 02 92 01 04", "91 01", 0, "93 01 c0 91 04"},
    {"93 cc ff 92 50 02 92 01 04", "91 01", 26, NULL},
    {"93 cc ff 91 22 92 01 04", DEEP, 4, NULL},
    {"93 cc ff 92 07 00 92 01 04", DEEP, 26, NULL},
    {"93 cc ff 92 12 00 92 01 04", "91 90", 26, NULL}, /* a key of a list */
    {"93 cc ff 92 30 00 92 01 04", "91 90", 26, NULL},
    {"93 cc ff 92 c0 00 92 01 04", "91 90", 4, NULL},
    {"93 cc ff 92 00 00 92 01 04", "91 90", 0, "91 91 04"}, /* of whatever is there */
    {"93 cc ff 92 02 05 92 01 04", "81 05 90", 0, "81 05 91 04"},
    {"93 cc ff 92 01 00 92 01 04", "81 05 90", 0, "81 05 91 04"},
    {"93 cc ff 92 02 05 92 01 04", "91 90", 26, NULL},
    {"93 cc ff 92 40 00 92 01 04", NULL, 26, NULL},                     /* makes neither */
    {"93 cc ff 94 62 05 22 06 92 01 04", NULL, 0, "81 05 81 06 91 04"}, /* said once */
    {"93 cc ff 94 62 05 10 00 92 01 04", NULL, 0, "81 05 91 91 04"},
    {"93 cc ff 94 62 05 10 ff 92 01 04", NULL, 0, "81 05 91 91 04"},
    {"93 cc ff 94 62 05 10 01 92 01 04", NULL, 26, NULL},
    {"93 cc ff 94 62 05 cc d0 00 92 01 04", NULL, 0, "81 05 92 c7 00 01 91 04"},
    {"93 cc ff 94 62 05 22 06 92 01 04", "81 05 80", 26, NULL}, /* this level is the first */
    {"93 cc ff 94 62 05 21 00 92 01 04", NULL, 26, NULL},
    {"93 cc ff 92 50 ff 92 01 04", NULL, 0, "91 91 04"},
    {"93 cc ff 92 50 ff 92 01 04", "90", 0, "91 91 04"},
    {"93 cc ff 92 50 fe 92 01 04", NULL, 26, NULL},
    {"93 cc ff 92 50 01 92 01 04", NULL, 26, NULL},
    {"93 cc ff 92 cc 90 02 92 01 04", NULL, 0, "93 c0 c0 91 04"},
    {"93 cc ff 92 50 07 92 01 04", "92 c7 00 01 81 05 06", 0, "93 c7 00 01 91 04 81 05 06"},
    {"93 cc ff 92 62 d4 ff 00 92 01 04", NULL, 26, NULL},
    {"93 cc ff 92 62 05 92 02 90", NULL, 0, "81 05 90"},
    {"93 cc ff 92 62 05 91 0d", "80", 0, NULL}, /* nothing to sort */
    {"93 cc ff 90 92 01 04", DEEP, 4, NULL},
};

static uint8_t particle_of(const call_case *c)
{
    return c->bin != NULL && c->bin[0] == '8' ? ANP_PARTICLE_MAP : ANP_PARTICLE_LIST;
}

static const call_cases all[] = {CASES(list_writes, true), CASES(list_reads, false),
                                 CASES(map_writes, true), CASES(map_reads, false),
                                 CASES(contexts, true)};

static void test_calls_give_what_the_server_gives(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(all); k++) {
        for (size_t i = 0; i < all[k].n; i++) {
            const call_case *c = &all[k].cases[i];
            check_call(anp_collection_call, particle_of(c), all[k].is_modify, c);
        }
    }
}

static void test_bin_that_is_no_collection_is_refused(void **state)
{
    (void)state;
    check_call(anp_collection_call, ANP_PARTICLE_STRING, true,
               &(call_case){"92 01 05", "61", 12, NULL});
}

static void test_damaged_calls_end_with_a_code(void **state)
{
    (void)state;
    check_damaged_calls(anp_collection_call, ANP_PARTICLE_LIST, BASE, all, COUNT(all), 50000);
    check_damaged_calls(anp_collection_call, ANP_PARTICLE_MAP, DEEP, all, COUNT(all), 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_give_what_the_server_gives),
        cmocka_unit_test(test_bin_that_is_no_collection_is_refused),
        cmocka_unit_test(test_damaged_calls_end_with_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
