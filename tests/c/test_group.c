/* Nodes that are started and killed where something is in the way: no descriptors, a fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/group.h"

static anp_group *group_of(uint32_t n_nodes)
{
    anp_namespace_config ns = {.name = "test", .allow_ttl_without_nsup = true};
    anp_store_config config = {.namespaces = &ns, .n_namespaces = 1};
    anp_store *store;
    anp_group *g;
    anp_error err;
    assert_int_equal(anp_store_new(&config, &store, &err), ANP_OK);
    assert_int_equal(anp_group_new(store, 2, &g, &err), ANP_OK);
    anp_store_release(store);
    for (uint32_t i = 0; i < n_nodes; i++) {
        anp_node_config node = {.rack = -1, .name = {'A', (char)('1' + i)}};
        uint32_t index;
        if (anp_group_add(g, &node, &index, &err) != ANP_OK) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(index, i);
    }
    return g;
}

static anp_group_node look(anp_group *g, uint32_t index)
{
    anp_group_node seen = {.port = 0};
    anp_error err;
    assert_int_equal(anp_group_look(g, index, &seen, &err), ANP_OK);
    return seen;
}

/* Lets `act` go on with ever more descriptors, until it succeeds; returns how often it failed. */
static uint32_t starve(anp_group *g, anp_status (*act)(anp_group *g), void (*check)(anp_group *g))
{
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int first = open("/dev/null", O_RDONLY);
    assert_true(first >= 0);
    (void)close(first);
    limit = before;
    uint32_t failures = 0;
    anp_status status;
    for (limit.rlim_cur = (rlim_t)first;; limit.rlim_cur++) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        status = act(g);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (status == ANP_OK) {
            return failures;
        }
        assert_int_not_equal(status, ANP_ERR_PARAM); /* nothing of an earlier try is in the way */
        failures++;
        check(g);
    }
}

static anp_status add_another(anp_group *g)
{
    anp_node_config node = {.rack = -1, .name = "A2"};
    uint32_t index;
    anp_error err;
    return anp_group_add(g, &node, &index, &err);
}

static void has_only_one(anp_group *g)
{
    uint8_t owners[ANP_OWNERS_MAX];
    anp_group_node seen;
    anp_error err;
    assert_int_equal(anp_group_look(g, 1, &seen, &err), ANP_ERR_PARAM);
    assert_int_equal(anp_group_owners(g, 7, owners), 1);
    assert_int_equal(owners[0], 0);
}

static void test_a_node_that_cannot_be_started_leaves_no_trace(void **state)
{
    (void)state;
    anp_group *g = group_of(1);
    assert_true(starve(g, add_another, has_only_one) >= 4); /* listener, threads */
    anp_error err;
    uint8_t owners[ANP_OWNERS_MAX];
    assert_int_equal(anp_group_owners(g, 7, owners), 2);
    assert_int_equal(anp_group_kill(g, 1, &err), ANP_OK);
    anp_group_free(g);
}

static anp_status restart_second(anp_group *g)
{
    anp_error err;
    return anp_group_restart(g, 1, 0, &err);
}

static void second_is_killed(anp_group *g)
{
    uint8_t owners[ANP_OWNERS_MAX];
    assert_int_equal(look(g, 1).state, ANP_NODE_KILLED);
    assert_int_equal(anp_group_owners(g, 7, owners), 1);
}

static void test_a_node_that_cannot_come_back_stays_away(void **state)
{
    (void)state;
    anp_group *g = group_of(2);
    anp_error err;
    assert_int_equal(anp_group_kill(g, 1, &err), ANP_OK);
    assert_true(starve(g, restart_second, second_is_killed) >= 4);
    assert_int_equal(look(g, 1).state, ANP_NODE_RUNNING);
    anp_group_free(g);
}

static int dial(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int code = connect(fd, (struct sockaddr *)&at, sizeof at) == 0 ? 0 : errno;
    (void)close(fd);
    return code;
}

static void test_a_killed_node_listens_no_more_though_a_fork_has_its_sockets(void **state)
{
    (void)state;
    anp_group *g = group_of(2);
    uint16_t port = look(g, 1).port;
    anp_error err;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* holds what it was given until the parent is done */
        char byte;
        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void)close(ends[0]);
    assert_int_equal(dial(port), 0);
    assert_int_equal(anp_group_kill(g, 1, &err), ANP_OK);
    assert_int_equal(dial(port), ECONNREFUSED);
    if (anp_group_restart(g, 1, port, &err) != ANP_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(dial(port), 0);
    (void)close(ends[1]);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    anp_group_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_that_cannot_be_started_leaves_no_trace),
        cmocka_unit_test(test_a_node_that_cannot_come_back_stays_away),
        cmocka_unit_test(test_a_killed_node_listens_no_more_though_a_fork_has_its_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
