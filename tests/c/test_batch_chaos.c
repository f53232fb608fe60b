/* What is promised of rows, whatever nodes do: each ends exactly once; one that is OK was applied;
 * one that failed and is not in doubt was not; none was applied more often than it was sent. Nodes
 * hang up, stall, refuse, die and hand over partitions at random, and memory runs out. A failure
 * prints its seed; ANP_TEST_SEED runs that one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch_run.h"
#include "steady.h"

enum { ROWS = 3000, SEEDS = 40, NODES = 3 };

static uint64_t seed;
static _Atomic uint32_t n_dice;
static _Atomic uint32_t applied[ROWS];
static struct named_row {
    uint32_t name, row;
} names[ROWS];

static uint32_t roll(uint32_t sides) /* any thread */
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + n_dice++;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((x ^ x >> 31) % sides);
}

/* ---- which row a digest is ---- */

static int by_name(const void *a, const void *b)
{
    uint32_t x = ((const struct named_row *)a)->name, y = ((const struct named_row *)b)->name;
    return x < y ? -1 : x > y;
}

static void name_rows(void)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        uint8_t digest[ANP_DIGEST_SIZE];
        anp_digest("demo", 4, &(anp_key){.type = ANP_PARTICLE_INTEGER, .integer = i}, digest);
        names[i] = (struct named_row){scripted_generation(digest), i};
    }
    qsort(names, ROWS, sizeof names[0], by_name);
    for (uint32_t i = 1; i < ROWS; i++) {
        assert_int_not_equal(names[i].name, names[i - 1].name);
    }
}

static void apply(const scripted_call *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct named_row key = {.name = scripted_generation(c->rows[i].digest)};
        const struct named_row *found = bsearch(&key, names, ROWS, sizeof names[0], by_name);
        applied[found->row]++;
    }
}

/* ---- memory that runs out, for the driving thread ---- */

static _Thread_local bool fails_here;

static int allow(void *context)
{
    (void)context;
    return !fails_here || roll(20) != 0;
}

/* ---- nodes in a mood ---- */

static bool serve(scripted_call *c)
{
    uint32_t half = c->n_rows / 2;
    bool go_on = true;
    anp_buffer b;
    anp_buffer_init(&b, 64 << 20);
    switch (roll(16)) {
    case 0: /* nothing was done */
        go_on = false;
        break;
    case 1: /* all was done, and nobody is told */
        apply(c, 0, c->n_rows);
        go_on = false;
        break;
    case 2: /* half is told */
        apply(c, 0, c->n_rows);
        scripted_rows(&b, c, 0, half);
        go_on = false;
        break;
    case 3: /* half was done; the other half is elsewhere */
        apply(c, 0, half);
        scripted_rows(&b, c, 0, half);
        for (uint32_t i = half; i < c->n_rows; i++) {
            scripted_row_frame(&b, c, i, ANP_UNAVAILABLE);
        }
        scripted_last(&b, 0);
        break;
    case 4: /* too late, and done all the same */
        apply(c, 0, c->n_rows);
        for (uint32_t i = 0; i < c->n_rows; i++) {
            scripted_row_frame(&b, c, i, i % 2 != 0 ? ANP_SERVER_TIMEOUT : 0);
        }
        scripted_last(&b, 0);
        break;
    case 5: /* the batch was refused */
        scripted_last(&b, ANP_BATCH_QUEUES_FULL);
        break;
    case 6: /* slow */
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        apply(c, 0, c->n_rows);
        scripted_rows(&b, c, 0, c->n_rows);
        scripted_last(&b, 0);
        break;
    case 7: /* slower than socket_timeout, then done, and told to nobody */
        (void)nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
        apply(c, 0, c->n_rows);
        go_on = false;
        break;
    default:
        apply(c, 0, c->n_rows);
        scripted_rows(&b, c, 0, c->n_rows);
        scripted_last(&b, 0);
    }
    return scripted_send_buffer(c, &b) && go_on;
}

static void limit_errors(ring *r)
{
    r->max_error_rate = roll(3) == 0 ? 3 : 0;
    r->error_rate_window = 1 + roll(3);
}

/* ---- what must hold ---- */

static void check_promises(const outcome *o, bool is_write)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        bool is_ok = o->status[i] == 0;
        const char *wrong = o->times[i] != 1           ? "did not end once"
                            : is_ok && applied[i] == 0 ? "is OK, not applied"
                            : is_write && !is_ok && !o->doubt[i] && applied[i] != 0
                                ? "was applied, is neither OK nor in doubt"
                            : is_write && applied[i] > o->attempts[i] ? "was sent in secret"
                            : !is_write && o->doubt[i]                ? "is a read in doubt"
                                                                      : NULL;
        if (wrong != NULL) {
            fail_msg("ANP_TEST_SEED=%llu: row %u %s: code %d, in doubt %d, attempts %u, applied %u",
                     (unsigned long long)seed, i, wrong, (int)o->status[i], o->doubt[i],
                     o->attempts[i], applied[i]);
        }
    }
}

static void run_seed(void)
{
    n_dice = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        applied[i] = 0;
    }
    bool is_write = roll(3) != 0;
    ring *r = ring_open(NODES, 2, serve, limit_errors);
    job j = {.n = ROWS, .source = is_write ? write_source : read_source};
    j.slice = roll(2) != 0 ? 500 : 0;
    j.source.send_key = roll(4) == 0;
    j.policy = (anp_policy){.total_timeout_ms = roll(4) == 0 ? 100 : 3000,
                            .socket_timeout_ms = 100,
                            .max_retries = roll(4),
                            .sleep_ms = roll(3) == 0 ? 10 : 0,
                            .replica = (anp_replica)roll(ANP_REPLICA_RANDOM + 1),
                            .each_window = roll(2) != 0,
                            .respond_all = true,
                            .window = 20 + roll(300),
                            .connections = 1 + roll(2)};
    run *x = run_open(r, &j);
    int dead = -1;
    bool is_short = roll(4) == 0;
    uint32_t ending = roll(8); /* 0: cancelled, 1: the client is closed */
    for (;;) {
        fails_here = is_short;
        bool goes_on = run_step(x);
        fails_here = false;
        if (!goes_on) {
            break;
        }
        if (ending < 2 && roll(10) == 0) {
            if (ending == 0) {
                anp_command_cancel(anp_batch_command(x->batch));
            } else {
                anp_cluster_close(r->world.cluster);
            }
            ending = 2;
        }
        switch (roll(12)) {
        case 0:
            ring_give(r, (uint8_t)roll(NODES), roll(NODES));
            break;
        case 1:
            if (dead < 0 && roll(3) == 0) {
                dead = (int)roll(NODES);
                ring_kill(r, (uint32_t)dead);
            }
            break;
        case 2:
            if (dead >= 0) {
                ring_give(r, (uint8_t)dead, ((uint32_t)dead + 1) % NODES);
            }
            break;
        default:
            break;
        }
    }
    check_promises(&x->outcome, is_write);
    run_free(x);
    ring_close(r);
}

static void test_rows_are_what_they_are_said_to_be(void **state)
{
    (void)state;
    name_rows();
    anp_alloc_hook(allow, NULL);
    const char *chosen = getenv("ANP_TEST_SEED");
    for (uint64_t i = 1; i <= (chosen != NULL ? 1 : SEEDS); i++) {
        seed = chosen != NULL ? strtoull(chosen, NULL, 10) : i;
        run_seed();
    }
    anp_alloc_hook(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_what_they_are_said_to_be),
    };
    return cmocka_run_group_tests(tests, steady_start, steady_stop);
}
