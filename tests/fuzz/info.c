/* Answers to info requests, as the client reads them: lines, numbers, errors, peers and partition
 * maps.
 *
 * An input is the body of an answer; # stands for a bitmap of all partitions. */
#include <stdlib.h>

#include "fuzz.h"
#include "wire/info.h"

static void read_number(anp_slice value)
{
    int64_t n;
    uint64_t u;
    uint32_t build[4];
    anp_slice text;
    (void)anp_info_int(value, &n);
    (void)anp_info_uint(value, &u);
    (void)anp_info_build(value, build);
    (void)anp_info_error(value, &text);
}

static void read_peers(anp_slice value)
{
    anp_error err;
    anp_peers peers;
    anp_peer peer;
    anp_slice host;
    uint16_t port;
    if (anp_peers_open(value, &peers, &err) != ANP_OK) {
        return;
    }
    while (anp_peers_next(&peers, &peer, &err) == 1) {
        anp_cursor endpoints = anp_cursor_over(peer.endpoints.data, peer.endpoints.size);
        while (anp_peer_endpoint(&endpoints, peers.default_port, &host, &port, &err) == 1) {
        }
    }
}

static void read_maps(anp_slice value)
{
    anp_cursor c = anp_cursor_over(value.data, value.size);
    anp_error err;
    anp_replicas replicas;
    while (anp_replicas_next(&c, &replicas, &err) == 1) {
        if (replicas.n_kept > sizeof replicas.bitmap / sizeof *replicas.bitmap) {
            abort();
        }
    }
}

static void read_all(anp_slice body)
{
    anp_cursor c = anp_cursor_over(body.data, body.size);
    anp_info_line line;
    anp_slice value;
    while (anp_info_next(&c, &line)) {
        read_number(line.value);
        read_peers(line.value);
        read_maps(line.value);
    }
    (void)anp_info_find(body, "replicas", &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bitmap[ANP_BITMAP_SIZE];
    anp_buffer body;
    memset(bitmap, 0xff, sizeof bitmap);
    anp_buffer_init(&body, FUZZ_VALUE_MAX);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '#') {
            anp_bitmap_print(&body, bitmap);
        } else {
            anp_buffer_u8(&body, data[i]);
        }
    }
    read_all((anp_slice){body.data, body.size});
    anp_buffer_deinit(&body);
    return 0;
}
