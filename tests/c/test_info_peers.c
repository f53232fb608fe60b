/* Info text: the peers of a node, as real servers wrote them. */
#include "info_text.h"

#include "base/random.h"

static anp_peers open_peers(const char *text)
{
    anp_peers p;
    anp_error err;
    assert_int_equal(anp_peers_open(slice(text), &p, &err), ANP_OK);
    return p;
}

static void next_endpoint(anp_cursor *c, uint16_t default_port, const char *host, uint16_t port)
{
    anp_slice got;
    uint16_t got_port;
    anp_error err;
    assert_int_equal(anp_peer_endpoint(c, default_port, &got, &got_port, &err), 1);
    is_text(got, host);
    assert_int_equal(got_port, port);
}

static void no_endpoint(anp_cursor *c)
{
    anp_slice host;
    uint16_t port;
    anp_error err;
    assert_int_equal(anp_peer_endpoint(c, 3000, &host, &port, &err), 0);
}

static anp_cursor next_peer(anp_peers *p, const char *node, const char *tls_name)
{
    anp_peer peer;
    anp_error err;
    assert_int_equal(anp_peers_next(p, &peer, &err), 1);
    is_text(peer.node, node);
    is_text(peer.tls_name, tls_name);
    return anp_cursor_over(peer.endpoints.data, peer.endpoints.size);
}

static void no_peer(anp_peers *p)
{
    anp_peer peer;
    anp_error err;
    assert_int_equal(anp_peers_next(p, &peer, &err), 0);
}

static void test_lone_node_has_no_peers(void **state)
{
    (void)state;
    anp_peers p = open_peers("0,3000,[]");
    assert_int_equal(p.generation, 0);
    assert_int_equal(p.default_port, 3000);
    no_peer(&p);
}

static void test_recorded_peers_give_nodes_and_ports(void **state)
{
    (void)state;
    anp_peers p = open_peers("2,3000,[[B2,,[127.0.0.1:3410]]]");
    assert_int_equal(p.generation, 2);
    anp_cursor c = next_peer(&p, "B2", "");
    next_endpoint(&c, p.default_port, "127.0.0.1", 3410);
    no_endpoint(&c);
    no_peer(&p);

    p = open_peers("4,3000,[[A2,,[127.0.0.1:3210]],[A3,,[127.0.0.1:3220]]]");
    assert_int_equal(p.generation, 4);
    c = next_peer(&p, "A2", "");
    next_endpoint(&c, p.default_port, "127.0.0.1", 3210);
    c = next_peer(&p, "A3", "");
    next_endpoint(&c, p.default_port, "127.0.0.1", 3220);
    no_peer(&p);
}

static void test_peers_without_port_take_the_default_and_ipv6_loses_its_brackets(void **state)
{
    (void)state;
    anp_peers p =
        open_peers("12,3000,[[BB9A1,,[10.0.0.2,10.0.0.3:3100]],[BB9A2,,[[2001:db8::1]:3100]]]");
    anp_cursor c = next_peer(&p, "BB9A1", "");
    next_endpoint(&c, p.default_port, "10.0.0.2", 3000);
    next_endpoint(&c, p.default_port, "10.0.0.3", 3100);
    no_endpoint(&c);
    c = next_peer(&p, "BB9A2", "");
    next_endpoint(&c, p.default_port, "2001:db8::1", 3100);
    no_endpoint(&c);
    no_peer(&p);

    p = open_peers("1,4000,[[A,tls.example.com,[[::1],host.example.com,[fe80::1]:1]]]");
    c = next_peer(&p, "A", "tls.example.com");
    next_endpoint(&c, p.default_port, "::1", 4000);
    next_endpoint(&c, p.default_port, "host.example.com", 4000);
    next_endpoint(&c, p.default_port, "fe80::1", 1);
    no_endpoint(&c);
}

static void test_empty_default_port_is_3000(void **state)
{
    (void)state;
    anp_peers p = open_peers("7,,[[A,,[h]]]");
    assert_int_equal(p.default_port, 3000);
}

static void test_node_that_left_has_no_endpoints(void **state)
{
    (void)state;
    anp_peers p = open_peers("3,3000,[[B2,,]]");
    anp_cursor c = next_peer(&p, "B2", "");
    no_endpoint(&c);
    no_peer(&p);
    p = open_peers("3,3000,[[B2,,[]]]");
    c = next_peer(&p, "B2", "");
    no_endpoint(&c);
}

static const char *const peers[] = {
    "0,3000,[]",
    "2,3000,[[B2,,[127.0.0.1:3410]]]",
    "12,3000,[[BB9A1,,[10.0.0.2,10.0.0.3:3100]],[BB9A2,,[[2001:db8::1]:3100]]]",
    "3,3000,[[B2,,]]",
};

/* Walks everything; false where something is malformed. */
static bool walk_peers(const uint8_t *text, size_t size)
{
    anp_peers p;
    anp_peer peer;
    anp_error err = {.code = 0};
    if (anp_peers_open((anp_slice){text, size}, &p, &err) != ANP_OK) {
        assert_int_equal(err.code, ANP_ERR_PROTOCOL);
        return false;
    }
    int more;
    while ((more = anp_peers_next(&p, &peer, &err)) == 1) {
        anp_cursor c = anp_cursor_over(peer.endpoints.data, peer.endpoints.size);
        anp_slice host;
        uint16_t port;
        int endpoint;
        while ((endpoint = anp_peer_endpoint(&c, p.default_port, &host, &port, &err)) == 1) {
            assert_in_range(host.size, 1, 255);
            assert_int_not_equal(port, 0);
        }
        if (endpoint != 0) {
            assert_int_equal(endpoint, ANP_ERR_PROTOCOL);
            return false;
        }
    }
    assert_true(more == 0 || more == ANP_ERR_PROTOCOL);
    return more == 0;
}

static void test_peers_cut_at_any_byte_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        for (size_t size = 0; size <= strlen(peers[i]); size++) {
            assert_int_equal(walk_peers(page_end_copy(peers[i], size), size),
                             size == strlen(peers[i]));
        }
    }
}

static void test_malformed_peers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x,3000,[]",
        ",3000,[]",
        "1,0,[]",
        "1,65536,[]",
        "1,x,[]",
        "1,3000",
        "1,3000,",
        "1,3000,[",
        "1,3000,]",
        "1,3000,x",
        "1,3000,[x]",
        "1,3000,[[A,,[h]][B,,[h]]]",
        "1,3000,[[,,[h]]]",
        "1,3000,[[A]]",
        "1,3000,[[A,]]",
        "1,3000,[[A,,h]]",
        "1,3000,[[A,,[h]x]]",
        "1,3000,[[A-name-of-more-than-19,,[h]]]",
        "1,3000,[[A,,[h:0]]]",
        "1,3000,[[A,,[h:65536]]]",
        "1,3000,[[A,,[h:x]]]",
        "1,3000,[[A,,[h:]]]",
        "1,3000,[[A,,[:3000]]]",
        "1,3000,[[A,,[,h]]]",
        "1,3000,[[A,,[[]:3000]]]",
        "1,3000,[[A,,[[::1]x]]]",
        "1,3000,[[A,,[2001:db8::1]]]",
        "ERROR:25:enterprise only",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t size = strlen(bad[i]);
        if (walk_peers(page_end_copy(bad[i], size), size)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void test_damaged_peers_are_read_within_bounds(void **state)
{
    (void)state;
    static const char likely[] = "[]:,;0123456789ABh.\0\xff";
    anp_random_seed(4);
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        size_t size = strlen(peers[i]);
        for (int round = 0; round < 5000; round++) {
            uint8_t *text = page_end_copy(peers[i], size);
            for (uint64_t n = 1 + anp_random() % 4; n != 0; n--) {
                text[anp_random() % size] = (uint8_t)likely[anp_random() % (sizeof likely - 1)];
            }
            (void)walk_peers(text, size);
        }
    }
}

static void test_deep_brackets_are_walked_without_recursion(void **state)
{
    (void)state;
    size_t size = 1000000;
    uint8_t *text = malloc(size);
    assert_non_null(text);
    memset(text, '[', size);
    memcpy(text, "1,3000,", 7);
    memset(text + size / 2, ']', size - size / 2);
    assert_false(walk_peers(page_end_copy(text, size), size));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lone_node_has_no_peers),
        cmocka_unit_test(test_recorded_peers_give_nodes_and_ports),
        cmocka_unit_test(test_peers_without_port_take_the_default_and_ipv6_loses_its_brackets),
        cmocka_unit_test(test_empty_default_port_is_3000),
        cmocka_unit_test(test_node_that_left_has_no_endpoints),
        cmocka_unit_test(test_peers_cut_at_any_byte_are_refused),
        cmocka_unit_test(test_malformed_peers_are_refused),
        cmocka_unit_test(test_damaged_peers_are_read_within_bounds),
        cmocka_unit_test(test_deep_brackets_are_walked_without_recursion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
