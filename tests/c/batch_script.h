/* For tests of the batch engine: replies that go wrong in ways a test can name. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch_job.h"

typedef enum {
    WELL,
    BACKWARDS,
    BAD_INDEX,
    DOUBLE_INDEX,
    MISSING_ROWS,
    LAST_ONLY,
    CLOSE_IN_MIDDLE,
    HANG_UP,
    SAY_NOTHING,
    BEHIND_LAST,
    HUGE_HEAD,
    BAD_ROW,
    LAST_CODE,
    ROW_CODE,
    TAIL_IN_FRAME,
    LIMIT_ROWS,
} what;

typedef struct script {
    what what;
    int until; /* calls below this number misbehave */
    uint8_t code;
    uint32_t limit;
    _Atomic int n_rows; /* asked for in all */
    _Atomic int flags;  /* of the last batch */
    _Atomic int n_full; /* rows without REPEAT */
} script;

static inline bool misbehave(scripted_call *c, const script *s)
{
    anp_buffer b;
    anp_buffer_init(&b, 64 << 20);
    uint32_t half = c->n_rows / 2;
    bool go_on = true;
    switch (s->what) {
    case BACKWARDS:
        for (uint32_t i = c->n_rows; i-- > 0;) {
            scripted_row_frame(&b, c, i, 0);
        }
        scripted_last(&b, 0);
        break;
    case BAD_INDEX: {
        scripted_rows(&b, c, 0, half);
        size_t f = scripted_frame(&b);
        scripted_message(&b, 0, 0, 1, c->n_rows);
        scripted_frame_end(&b, f);
        break;
    }
    case DOUBLE_INDEX: {
        scripted_rows(&b, c, 0, half);
        size_t f = scripted_frame(&b);
        scripted_message(&b, 0, 0, 12345, 0);
        scripted_frame_end(&b, f);
        break;
    }
    case MISSING_ROWS:
        scripted_rows(&b, c, 0, half);
        scripted_last(&b, 0);
        break;
    case LAST_ONLY:
        scripted_last(&b, 0);
        break;
    case LAST_CODE:
        scripted_last(&b, s->code);
        break;
    case CLOSE_IN_MIDDLE:
        scripted_rows(&b, c, 0, half);
        anp_buffer_put(&b, "\x02\x03\0\0\0\0\0\x16\x16", 9);
        go_on = false;
        break;
    case HANG_UP:
        go_on = false;
        break;
    case SAY_NOTHING:
        scripted_gate_wait(c->node);
        break;
    case BEHIND_LAST:
        scripted_rows(&b, c, 0, c->n_rows);
        scripted_last(&b, 0);
        anp_buffer_u8(&b, 2);
        break;
    case TAIL_IN_FRAME: {
        size_t f = scripted_frame(&b);
        scripted_message(&b, 1, 0, 0, 0);
        scripted_message(&b, 0, 0, 0, 0);
        scripted_frame_end(&b, f);
        break;
    }
    case HUGE_HEAD:
        scripted_rows(&b, c, 0, half);
        anp_buffer_put(
            &b,
            "\x02\x03\0\0\x07\xff\xff\xff\x16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x07\0\0\0",
            8 + 26);
        break;
    case BAD_ROW: {
        size_t f = scripted_frame(&b);
        scripted_message(&b, 0, 0, 0xbad, 0);
        scripted_frame_end(&b, f);
        break;
    }
    case ROW_CODE:
        for (uint32_t i = 0; i < c->n_rows; i++) {
            scripted_row_frame(&b, c, i, i == 1 ? s->code : 0);
        }
        scripted_last(&b, 0);
        break;
    case LIMIT_ROWS:
    case WELL:
    default:
        scripted_rows(&b, c, 0, c->n_rows);
        scripted_last(&b, 0);
    }
    return scripted_send_buffer(c, &b) && go_on;
}

static inline bool serve(scripted_call *c)
{
    script *s = c->node->context;
    s->n_rows += (int)c->n_rows;
    s->flags = c->batch_flags;
    for (uint32_t i = 0; i < c->n_rows; i++) {
        s->n_full += (c->rows[i].flags & ANP_ROW_REPEAT) == 0;
    }
    if (s->what == LIMIT_ROWS && c->n_rows > s->limit) {
        anp_buffer b;
        anp_buffer_init(&b, 1000);
        scripted_last(&b, ANP_BATCH_MAX_REQUESTS);
        return scripted_send_buffer(c, &b);
    }
    return c->number < s->until ? misbehave(c, s) : scripted_serve_well(c);
}
