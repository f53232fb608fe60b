/* The least that a batch read can cost here: a C program without Python, map, retries or choice.
 *
 *   floor read PORT N      array of N integer keys -> lane digests, requests, replies, fresh rows
 *   floor receive PORT N   the same requests, made beforehand; the replies are received, that is
 * all floor digest 0 N       digests of N integer keys
 *
 * It talks to canned_server, on one connection with two requests of 5,000 rows under way. `read` is
 * for the server's usual five bins and counts on their order, but checks every head.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/batch.h"
#include "wire/digest.h"
#include "wire/frame.h"
#include "worker.h"

enum {
    WINDOW = 5000,
    CHUNK = 1000, /* keys that are digested at a time */
    BUFFER = 256 * 1024,
    RECORD = 120, /* bytes of the usual five bins */
    HUGE_FROM = 4 << 20,
};

typedef struct row {
    double f[2];
    int64_t i[2];
    char s[16];
} row;

static struct {
    const char *mode;
    uint32_t n;
    int64_t *keys;
    row *rows;
    size_t rows_size;
    int fd;
    anp_buffer request; /* one window's; in `receive` all of them, one after the other */
    uint8_t *in;        /* what was received: [at, end) is not read yet */
    size_t at, end;
} run;

static void die(const char *what)
{
    fprintf(stderr, "floor: %s\n", what);
    exit(1);
}

/* ---- requests ---- */

static void digest(uint32_t first, uint32_t n, uint8_t *out)
{
    anp_key keys[CHUNK];
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = (anp_key){.type = ANP_PARTICLE_INTEGER, .integer = run.keys[first + i]};
    }
    anp_digest_many("perf", 4, keys, n, out);
}

/* The first row of a window says everything, the rest repeat it. */
static void first_row(anp_batch_frame *frame, uint32_t index, const uint8_t *hash)
{
    static const char *names[] = {"f0", "f1", "i0", "i1", "s0"};
    anp_batch_row first = {
        .index = index, .info1 = ANP_INFO1_READ, .n_fields = 2, .n_ops = 5, .flags = 0};
    memcpy(first.digest, hash, ANP_DIGEST_SIZE);
    anp_batch_row_write(&run.request, frame, &first);
    anp_field_write(&run.request, ANP_FIELD_NAMESPACE, "test", 4);
    anp_field_write(&run.request, ANP_FIELD_SET, "perf", 4);
    for (int i = 0; i < 5; i++) {
        anp_op_write(&run.request, ANP_OP_READ, names[i], 2, 0, NULL, 0);
    }
}

static void build(uint32_t first, uint32_t n)
{
    uint8_t hashes[CHUNK * ANP_DIGEST_SIZE];
    anp_batch_frame frame;
    anp_batch_begin(&run.request, 0, ANP_BATCH_ALLOW_INLINE | ANP_BATCH_RESPOND_ALL,
                    (anp_slice){NULL, 0}, &frame);
    for (uint32_t done = 0; done < n; done += CHUNK) {
        uint32_t now = n - done < CHUNK ? n - done : CHUNK, i = 0;
        digest(first + done, now, hashes);
        if (done == 0) {
            first_row(&frame, first, hashes);
            i = 1;
        }
        for (; i < now; i++) {
            anp_batch_repeat_write(&run.request, &frame, first + done + i,
                                   hashes + i * ANP_DIGEST_SIZE);
        }
    }
    anp_batch_end(&run.request, &frame);
    if (run.request.failed) {
        die("no memory for a request");
    }
}

static void transmit(const uint8_t *p, size_t n)
{
    while (n != 0) {
        ssize_t put = send(run.fd, p, n, MSG_NOSIGNAL);
        if (put <= 0) {
            die("the server does not take the request");
        }
        p += put;
        n -= (size_t)put;
    }
}

/* ---- replies ---- */

/* Makes at least n bytes ready at run.in + run.at. */
static void want(size_t n)
{
    if (run.end - run.at >= n) {
        return;
    }
    memmove(run.in, run.in + run.at, run.end - run.at);
    run.end -= run.at;
    run.at = 0;
    while (run.end < n) {
        ssize_t got = recv(run.fd, run.in + run.end, BUFFER - run.end, 0);
        if (got <= 0) {
            die("the server has closed the connection");
        }
        run.end += (size_t)got;
    }
}

/* Size u32, operation, particle, flags and length of the name, name: as the number that they are.
 */
static bool is_bin(const uint8_t *p, uint8_t size, uint8_t particle, const char *name)
{
    const uint8_t head[8] = {0, 0, 0, size, 1, particle, 0, 2};
    return anp_load64(p) == anp_load64(head) && anp_load16(p + 8) == anp_load16(name);
}

static void decode(const uint8_t *p)
{
    uint32_t index = anp_load_be32(p + 14);
    if (p[0] != ANP_MESSAGE_HEAD || p[5] != 0 || index >= run.n || anp_load_be32(p + 18) != 5 ||
        !is_bin(p + 22, 14, 2, "f0") || !is_bin(p + 40, 14, 2, "f1") ||
        !is_bin(p + 58, 14, 1, "i0") || !is_bin(p + 76, 14, 1, "i1") ||
        !is_bin(p + 94, 22, 3, "s0")) {
        die("another record than the usual one");
    }
    uint64_t words[4];
    for (int i = 0; i < 4; i++) {
        words[i] = anp_load_be64(p + 32 + 18 * i);
    }
    memcpy(&run.rows[index], words, sizeof words);
    memcpy(run.rows[index].s, p + 104, 16);
}

/* Reads the replies to one request. */
static void take(bool decoding)
{
    for (;;) {
        want(ANP_PROTO_HEAD);
        anp_frame frame;
        anp_error err;
        if (anp_frame_read(run.in + run.at, ANP_PROTO_MAX, &frame, &err) != ANP_OK) {
            die(err.message);
        }
        run.at += ANP_PROTO_HEAD;
        if (frame.size == ANP_MESSAGE_HEAD) {
            want(ANP_MESSAGE_HEAD);
            bool last = run.in[run.at + 3] & ANP_INFO3_LAST;
            run.at += ANP_MESSAGE_HEAD;
            if (last) {
                return;
            }
            continue;
        }
        for (uint64_t left = frame.size; left != 0;) {
            want(decoding ? RECORD : 1);
            size_t here = run.end - run.at < left ? run.end - run.at : (size_t)left, used = here;
            if (decoding) {
                for (used = 0; here - used >= RECORD; used += RECORD) {
                    decode(run.in + run.at + used);
                }
            }
            run.at += used;
            left -= used;
        }
    }
}

/* ---- rounds ---- */

static size_t window_size(uint32_t first)
{
    return run.n - first < WINDOW ? run.n - first : WINDOW;
}

/* Sends the window that begins at key `first`. In `receive` it lies ready. */
static void ask(uint32_t first, size_t *ready)
{
    if (ready != NULL) {
        anp_frame frame;
        anp_error err;
        const uint8_t *p = run.request.data + *ready;
        if (anp_frame_read(p, ANP_PROTO_MAX, &frame, &err) != ANP_OK) {
            die(err.message);
        }
        transmit(p, ANP_PROTO_HEAD + (size_t)frame.size);
        *ready += ANP_PROTO_HEAD + (size_t)frame.size;
        return;
    }
    anp_buffer_clear(&run.request);
    build(first, (uint32_t)window_size(first));
    transmit(run.request.data, run.request.size);
}

static void exchange(bool decoding)
{
    uint32_t asked = 0;
    size_t ready = 0;
    for (uint32_t taken = 0; taken < run.n; taken += WINDOW) {
        while (asked < run.n && asked < taken + 2 * WINDOW) {
            ask(asked, decoding ? NULL : &ready);
            asked += WINDOW;
        }
        take(decoding);
    }
}

static void fresh_rows(void)
{
    if (run.rows != NULL) {
        munmap(run.rows, run.rows_size);
    }
    run.rows_size = run.n * sizeof *run.rows;
    void *rows =
        mmap(NULL, run.rows_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rows == MAP_FAILED) {
        die("no memory for the rows");
    }
    if (run.rows_size >= HUGE_FROM) {
        madvise(rows, run.rows_size, MADV_HUGEPAGE); /* as NumPy does it */
    }
    run.rows = rows;
}

static void one_round(void)
{
    if (strcmp(run.mode, "digest") == 0) {
        static uint8_t hashes[CHUNK * ANP_DIGEST_SIZE];
        for (uint32_t i = 0; i < run.n; i += CHUNK) {
            digest(i, run.n - i < CHUNK ? run.n - i : CHUNK, hashes);
        }
        return;
    }
    bool decoding = strcmp(run.mode, "read") == 0;
    if (decoding) {
        fresh_rows();
    }
    exchange(decoding);
}

/* What the rows must have been filled with; not timed. */
static void check(void)
{
    for (uint32_t i = 0; i < run.n && run.rows != NULL; i++) {
        uint8_t hash[ANP_DIGEST_SIZE];
        digest(i, 1, hash);
        uint32_t seed = anp_load_le32(hash);
        if (run.rows[i].i[0] != (int64_t)seed + 2 || run.rows[i].f[1] != ((double)seed + 1) / 2) {
            die("a wrong row");
        }
    }
}

static void connect_to(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, room = 1 << 20; /* a request fits while the server waits for us to read */
    run.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(run.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(run.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (run.fd < 0 || connect(run.fd, (struct sockaddr *)&at, sizeof at) != 0) {
        die("no server there");
    }
}

static void prepare(uint16_t port)
{
    anp_buffer_init(&run.request, (size_t)1 << 30);
    run.keys = malloc(run.n * sizeof *run.keys);
    run.in = malloc(BUFFER);
    if (run.keys == NULL || run.in == NULL) {
        die("out of memory");
    }
    for (uint32_t i = 0; i < run.n; i++) {
        run.keys[i] = i;
    }
    if (port != 0) {
        connect_to(port);
    }
    for (uint32_t i = 0; i < run.n && strcmp(run.mode, "receive") == 0; i += WINDOW) {
        build(i, (uint32_t)window_size(i));
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        die("give read, receive or digest, then a port and a number of keys");
    }
    run.mode = argv[1];
    run.n = (uint32_t)strtoul(argv[3], NULL, 10);
    prepare((uint16_t)strtoul(argv[2], NULL, 10));
    one_round();
    check();
    work(one_round);
    check();
    return 0;
}
