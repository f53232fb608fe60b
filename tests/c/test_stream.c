/* TCP streams: opening, refusal, what the peer does, and whether an idle one is clean. */
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "listener.h"
#include "base/clock.h"
#include "until.h"

/* Connects to a new listener; returns the accepted end. */
static int connect_to_listener(anp_stream *s)
{
    anp_address address;
    int listener = listener_open(&address, 0);
    assert_true(listener >= 0);
    assert_int_equal(anp_stream_open_tcp(s, &address, NULL), ANP_OK);
    while (s->table->connect(s) == ANP_STREAM_AGAIN) {
        assert_int_equal(s->wants, POLLOUT);
        assert_int_equal(anp_stream_wait(s, 5000), 1);
    }
    assert_int_equal(s->table->connect(s), 0);
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    (void)close(listener);
    return peer;
}

static void test_stream_carries_bytes_and_never_blocks(void **state)
{
    (void)state;
    anp_stream s;
    int peer = connect_to_listener(&s);
    char text[8];
    assert_int_equal(s.table->read(&s, text, sizeof text), ANP_STREAM_AGAIN);
    assert_int_equal(s.wants, POLLIN);
    assert_int_equal(anp_stream_wait(&s, 0), 0);
    assert_int_equal(write(peer, "hello", 5), 5);
    assert_int_equal(anp_stream_wait(&s, 5000), 1);
    assert_int_equal(s.table->read(&s, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(s.table->write(&s, "abc", 3), 3);
    assert_int_equal(recv(peer, text, sizeof text, 0), 3);
    static char much[1 << 20];
    ptrdiff_t n;
    while ((n = s.table->write(&s, much, sizeof much)) > 0) {
    }
    assert_int_equal(n, ANP_STREAM_AGAIN);
    assert_int_equal(s.wants, POLLOUT);
    (void)close(peer);
    anp_stream_close(&s);
    anp_stream_close(&s);
    assert_null(s.table);
}

static void test_socket_has_no_delay_and_is_not_inherited(void **state)
{
    (void)state;
    anp_stream s;
    int peer = connect_to_listener(&s);
    int value = 0;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    assert_int_not_equal(value, 0);
    assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
    (void)close(peer);
    anp_stream_close(&s);
}

static void test_refused_connect_fails_with_its_reason(void **state)
{
    (void)state;
    anp_address address;
    int holder = listener_refusing(&address);
    anp_stream s;
    anp_error err = {0};
    int result;
    if (anp_stream_open_tcp(&s, &address, &err) ==
        ANP_OK) { /* the kernel may say it at once, or later */
        while ((result = s.table->connect(&s)) == ANP_STREAM_AGAIN) {
            assert_int_equal(anp_stream_wait(&s, 5000), 1);
        }
        assert_int_equal(result, ANP_STREAM_FAILED);
    } else {
        assert_int_equal(err.code, ANP_ERR_CONNECTION);
        assert_non_null(strstr(err.message, "127.0.0.1:"));
    }
    assert_int_equal(s.error, ECONNREFUSED);
    char why[64];
    anp_stream_reason(s.error, why, sizeof why);
    assert_string_equal(why, "connection refused");
    anp_stream_close(&s);
    (void)close(holder);
}

static void test_peer_that_closes_reads_as_end(void **state)
{
    (void)state;
    anp_stream s;
    int peer = connect_to_listener(&s);
    assert_true(s.table->is_idle(&s));
    (void)close(peer);
    char byte;
    s.wants = POLLIN;
    assert_int_equal(anp_stream_wait(&s, 5000), 1);
    assert_false(s.table->is_idle(&s));
    assert_int_equal(s.table->read(&s, &byte, 1), 0);
    anp_stream_close(&s);
}

static void *write_later(void *argument)
{
    (void)poll(NULL, 0, 10);
    assert_int_equal(write(*(int *)argument, "x", 1), 1);
    return NULL;
}

static void test_read_that_waits_takes_what_comes_and_is_patient_for_a_while_only(void **state)
{
    (void)state;
    anp_stream s;
    int peer = connect_to_listener(&s);
    char byte = 0;
    uint64_t begin = anp_clock_now();
    assert_int_equal(s.table->read(&s, &byte, 1), ANP_STREAM_AGAIN); /* this one never waits */
    s.wants = 0;
    assert_int_equal(s.table->read_waiting(&s, &byte, 1), ANP_STREAM_AGAIN);
    assert_int_equal(s.wants, POLLIN);
    uint64_t took = anp_clock_now() - begin;
    assert_true(took >= ANP_STREAM_PATIENCE_MS * ANP_NS_PER_MS / 2 && took < 20 * ANP_NS_PER_S);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_later, &peer), 0);
    ptrdiff_t n = 0;
    assert_true(UNTIL((n = s.table->read_waiting(&s, &byte, 1)) != ANP_STREAM_AGAIN));
    assert_int_equal(n, 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(pthread_join(writer, NULL), 0);
    (void)close(peer);
    assert_int_equal(s.table->read_waiting(&s, &byte, 1), 0);
    anp_stream_close(&s);
}

static void test_write_after_reset_fails_without_a_signal(void **state)
{
    (void)state;
    anp_stream s;
    int peer = connect_to_listener(&s);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    (void)close(peer); /* a reset */
    ptrdiff_t n = 0;
    assert_true(UNTIL((n = s.table->write(&s, "x", 1)) == ANP_STREAM_FAILED));
    assert_true(s.error == ECONNRESET || s.error == EPIPE);
    n = s.table->write(&s, "x", 1);
    assert_int_equal(n, ANP_STREAM_FAILED);
    assert_int_equal(s.error, EPIPE);
    anp_stream_close(&s);
}

static void test_stream_with_a_byte_waiting_is_not_idle(void **state)
{
    (void)state;
    anp_stream s;
    int peer = connect_to_listener(&s);
    assert_true(s.table->is_idle(&s));
    assert_int_equal(write(peer, "x", 1), 1);
    s.wants = POLLIN;
    assert_int_equal(anp_stream_wait(&s, 5000), 1);
    assert_false(s.table->is_idle(&s));
    char byte;
    assert_int_equal(s.table->read(&s, &byte, 1), 1); /* looking did not eat it */
    assert_true(s.table->is_idle(&s));
    (void)close(peer);
    anp_stream_close(&s);
}

static ptrdiff_t read_nothing(anp_stream *s, void *into, size_t size)
{
    (void)into;
    (void)size;
    s->error = EIO;
    return ANP_STREAM_FAILED;
}

static void test_hook_replaces_the_table_of_new_streams(void **state)
{
    (void)state;
    anp_stream_table table = *anp_stream_tcp();
    table.read = read_nothing;
    anp_stream_hook(&table);
    anp_stream s;
    int peer = connect_to_listener(&s);
    anp_stream_hook(NULL);
    char byte;
    assert_int_equal(s.table->read(&s, &byte, 1), ANP_STREAM_FAILED);
    assert_int_equal(s.error, EIO);
    (void)close(peer);
    anp_stream_close(&s);
}

static void test_addresses_print_compare_and_resolve(void **state)
{
    (void)state;
    anp_address a[4];
    anp_address b[4];
    anp_error err = {0};
    char text[ANP_ADDRESS_TEXT];
    assert_int_equal(anp_address_resolve("127.0.0.1", 3000, a, 4, &err), 1);
    anp_address_print(&a[0], text);
    assert_string_equal(text, "127.0.0.1:3000");
    assert_true(anp_address_is_loopback(&a[0]));
    assert_int_equal(anp_address_resolve("127.0.0.1", 3001, b, 4, &err), 1);
    assert_false(anp_address_equal(&a[0], &b[0]));
    assert_int_equal(anp_address_resolve("::1", 3000, b, 4, &err), 1);
    anp_address_print(&b[0], text);
    assert_string_equal(text, "[::1]:3000");
    assert_true(anp_address_is_loopback(&b[0]));
    assert_false(anp_address_equal(&a[0], &b[0]));
    assert_true(anp_address_equal(&b[0], &b[0]));
    assert_int_equal(anp_address_resolve("10.0.0.1", 3000, b, 4, &err), 1);
    assert_false(anp_address_is_loopback(&b[0]));
    assert_int_equal(anp_address_resolve("no such name", 3000, b, 4, &err), 0);
    assert_int_equal(err.code, ANP_ERR_INVALID_HOST);
    assert_string_not_equal(err.message, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_carries_bytes_and_never_blocks),
        cmocka_unit_test(test_socket_has_no_delay_and_is_not_inherited),
        cmocka_unit_test(test_refused_connect_fails_with_its_reason),
        cmocka_unit_test(test_peer_that_closes_reads_as_end),
        cmocka_unit_test(test_read_that_waits_takes_what_comes_and_is_patient_for_a_while_only),
        cmocka_unit_test(test_write_after_reset_fails_without_a_signal),
        cmocka_unit_test(test_stream_with_a_byte_waiting_is_not_idle),
        cmocka_unit_test(test_hook_replaces_the_table_of_new_streams),
        cmocka_unit_test(test_addresses_print_compare_and_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
