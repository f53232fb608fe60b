/* A node of canned answers: it owns every partition, stores nothing, and answers reads and writes
 * at about the speed of memory, so that a client is what is measured.
 *
 *   canned_server [-n NAMESPACE] [-m PERCENT] [-c PERCENT] [NAME:KIND ...]
 *
 * It prints its port, which is free and on loopback only, and ends with its input. -m says how many
 * records of a hundred are missing; -c of how many a batch's filter is true, whatever it says. A
 * kind is a letter and, except for the first two, a size:
 *
 *   i      integer   seed + bin        (bin: 0 for the first one that was named)
 *   f      double    (seed + bin) / 2
 *   sN     string    the digest's first eight bytes in hexadecimal, then x up to N bytes (N >= 16)
 *   bN     blob      the digest's first eight bytes, then k + bin for byte k (N >= 8)
 *   vN     blob      N little-endian float32: seed % 2^24, then k + bin for element k
 *   lN     list      N integers: seed, then k + bin for element k (N + bins <= 128)
 *   dN     list      N doubles: seed / 2, then k + bin + 0.5 for element k (N < 65536)
 *
 * where the seed is the digest's first four bytes, little-endian. A record is missing where
 * digest[4] * 100 < PERCENT * 256. Without bins it has the five of most benchmarks: f0:f f1:f i0:i
 * i1:i s0:s16. A read is answered with all bins in this order, whatever it asked for; batches in
 * blocks of 128 KiB. One thread a connection; rows and lengths are checked, what they mean is not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "wire/batch.h"
#include "wire/frame.h"
#include "wire/info.h"

enum {
    AHEAD = 128 * 1024,
    INFO_MAX = 4096,
    BLOCK = 128 * 1024,
    RECORD_MAX = 1 << 20,
    BINS_MAX = 1000,
    NOT_FOUND = 2,
    FILTERED_OUT = 27
};

typedef struct canned_bin {
    char kind;
    size_t at; /* of the value, in the record */
    uint32_t number;
} canned_bin;

/* Written before the first thread begins. */
static struct {
    const char *namespace_name;
    unsigned missing, changed;
    uint16_t port;
    uint32_t n_bins;
    canned_bin bins[BINS_MAX];
    anp_buffer record; /* as it is sent, except for what follows from the digest */
    anp_buffer replicas;
} canned;

/* ---- records ---- */

static void digits(uint8_t *out, const uint8_t *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = (uint8_t)hex[bytes[i] >> 4];
        out[2 * i + 1] = (uint8_t)hex[bytes[i] & 15];
    }
}

static void fill(const canned_bin *bin, uint8_t *value, const uint8_t *digest)
{
    uint32_t seed = anp_load_le32(digest), bits;
    double half = ((double)seed + bin->number) / 2;
    float number = (float)(seed & 0xffffff);
    uint64_t wide;
    switch (bin->kind) {
    case 'i':
        anp_store_be64(value, (uint64_t)seed + bin->number);
        break;
    case 'f':
        memcpy(&wide, &half, sizeof wide);
        anp_store_be64(value, wide);
        break;
    case 's':
        digits(value, digest, 8);
        break;
    case 'b':
        memcpy(value, digest, 8);
        break;
    case 'v':
        memcpy(&bits, &number, sizeof bits);
        anp_store_le32(value, bits);
        break;
    case 'd': /* the list's head is three bytes, then comes the mark of a double */
        half -= bin->number * 0.5;
        memcpy(&wide, &half, sizeof wide);
        anp_store_be64(value + 4, wide);
        break;
    default: /* the list's head is one byte or three, then comes the mark of an unsigned integer */
        anp_store_be32(value + (value[0] == 0xdc ? 4 : 2), seed);
        break;
    }
}

static bool is_missing(const uint8_t *digest)
{
    return digest[4] * 100u < canned.missing * 256u;
}

/* Is the filter true? */
static bool is_changed(const uint8_t *digest)
{
    return digest[5] * 100u < canned.changed * 256u;
}

/* A message without bins. */
static uint8_t *put_head(uint8_t *out, uint32_t index, uint8_t result, uint8_t info3)
{
    memset(out, 0, ANP_MESSAGE_HEAD);
    out[0] = ANP_MESSAGE_HEAD;
    out[3] = info3;
    out[5] = result;
    anp_store_be32(out + 6, result == 0); /* the generation */
    anp_store_be32(out + 14, index);
    return out + ANP_MESSAGE_HEAD;
}

static uint8_t *put_record(uint8_t *out, uint32_t index, const uint8_t *digest)
{
    memcpy(out, canned.record.data, canned.record.size);
    anp_store_be32(out + 14, index);
    for (uint32_t i = 0; i < canned.n_bins; i++) {
        fill(&canned.bins[i], out + canned.bins[i].at, digest);
    }
    return out + canned.record.size;
}

static uint8_t *put_answer(uint8_t *out, uint32_t index, const uint8_t *digest, uint8_t info1,
                           uint8_t info2)
{
    if (info2 & ANP_INFO2_WRITE) {
        return put_head(out, index, 0, 0);
    }
    if (is_missing(digest)) {
        return put_head(out, index, NOT_FOUND, 0);
    }
    return info1 & ANP_INFO1_GET_NO_BINS ? put_head(out, index, 0, 0)
                                         : put_record(out, index, digest);
}

/* ---- what a record is made of ---- */

/* Appends the value of a bin, where what follows from the digest is zero; 0, or its particle type.
 */
static uint8_t put_value(anp_buffer *b, char kind, size_t size, uint32_t number)
{
    size_t bytes = kind == 'i' || kind == 'f' ? 8 : kind == 'v' ? 4 * size : size;
    if (kind == 'd') {
        if (size == 0 || size > UINT16_MAX) {
            return 0;
        }
        anp_buffer_u8(b, 0xdc);
        anp_buffer_be16(b, (uint16_t)size);
        for (size_t k = 0; k < size; k++) {
            double element = (double)(k + number) + 0.5;
            uint64_t bits;
            memcpy(&bits, &element, sizeof bits);
            anp_buffer_u8(b, 0xcb);
            anp_buffer_be64(b, bits);
        }
        return ANP_PARTICLE_LIST;
    }
    if (kind == 'l') {
        if (size == 0 || size + number > 128) {
            return 0;
        }
        anp_buffer_u8(b, (uint8_t)(size < 16 ? 0x90 | size : 0xdc));
        if (size >= 16) {
            anp_buffer_be16(b, (uint16_t)size);
        }
        anp_buffer_put(b, "\xce\0\0\0", 5);
        for (size_t k = 1; k < size; k++) {
            anp_buffer_u8(b, (uint8_t)(k + number));
        }
        return ANP_PARTICLE_LIST;
    }
    uint8_t *p = anp_buffer_add(b, bytes);
    if (p == NULL || bytes == 0) {
        return 0;
    }
    memset(p, kind == 's' ? 'x' : 0, bytes);
    for (size_t k = 0; k < size && kind == 'b'; k++) {
        p[k] = (uint8_t)(k + number);
    }
    for (size_t k = 1; k < size && kind == 'v'; k++) {
        float element = (float)(k + number);
        uint32_t bits;
        memcpy(&bits, &element, sizeof bits);
        anp_store_le32(p + 4 * k, bits);
    }
    switch (kind) {
    case 'i':
        return ANP_PARTICLE_INTEGER;
    case 'f':
        return ANP_PARTICLE_FLOAT;
    case 's':
        return size >= 16 ? ANP_PARTICLE_STRING : 0;
    case 'b':
        return size >= 8 ? ANP_PARTICLE_BLOB : 0;
    default:
        return kind == 'v' ? ANP_PARTICLE_BLOB : 0;
    }
}

/* Takes NAME:KIND; false when it is neither. */
static bool add_bin(const char *text)
{
    const char *colon = strchr(text, ':');
    size_t name = colon != NULL ? (size_t)(colon - text) : 0;
    if (name == 0 || name > ANP_BIN_NAME_MAX || colon[1] == 0 || canned.n_bins == BINS_MAX) {
        return false;
    }
    char *end;
    unsigned long size = strtoul(colon + 2, &end, 10);
    if (*end != 0 || size > RECORD_MAX) {
        return false;
    }
    anp_buffer value;
    anp_buffer_init(&value, 5 * RECORD_MAX);
    uint32_t number = canned.n_bins;
    uint8_t particle = put_value(&value, colon[1], size, number);
    if (particle != 0 && !value.failed) {
        anp_op_write(&canned.record, ANP_OP_READ, text, name, particle, value.data, value.size);
        canned.bins[number] =
            (canned_bin){colon[1], canned.record.size - value.size, canned.n_bins++};
    }
    anp_buffer_deinit(&value);
    return particle != 0 && !canned.record.failed;
}

static void make(int n, char **bins)
{
    static char *usual[] = {"f0:f", "f1:f", "i0:i", "i1:i", "s0:s16"};
    anp_buffer_init(&canned.record, RECORD_MAX);
    anp_message_write(&canned.record, &(anp_message){.generation = 1});
    if (n == 0) {
        bins = usual;
        n = sizeof usual / sizeof *usual;
    }
    for (int i = 0; i < n; i++) {
        if (!add_bin(bins[i])) {
            fprintf(stderr,
                    "canned_server: '%s' is not NAME:KIND, or too large; kinds are i, f, s16, b8, "
                    "v1, l1, d1 and larger sizes\n",
                    bins[i]);
            exit(2);
        }
    }
    anp_store_be16(canned.record.data + 20, (uint16_t)canned.n_bins); /* the head's count */
    uint8_t all[ANP_BITMAP_SIZE];
    memset(all, 0xff, sizeof all);
    anp_buffer_init(&canned.replicas, 4096);
    anp_buffer_print(&canned.replicas, "%s:0,1,", canned.namespace_name);
    anp_bitmap_print(&canned.replicas, all);
}

/* ---- a connection ---- */

typedef struct connection {
    int fd;
    anp_buffer in; /* received: a request, and what of the next ones came with it */
    anp_slice request;
    anp_buffer reply;
} connection;

/* Has at least n bytes in c->in, in as few receives as it takes. */
static bool want(connection *c, size_t n)
{
    while (c->in.size < n) {
        if (!anp_buffer_reserve(&c->in, AHEAD)) {
            return false;
        }
        ssize_t got = recv(c->fd, c->in.data + c->in.size, AHEAD, 0);
        if (got <= 0) {
            return false;
        }
        c->in.size += (size_t)got;
    }
    return true;
}

static bool transmit(int fd, const uint8_t *p, size_t n)
{
    while (n != 0) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static void answer_info(anp_buffer *b, const char *name)
{
    static const struct {
        const char *begin, *value;
    } table[] = {
        {"node", "BB9C0FFEE000001"},
        {"build", "8.1.2.0"},
        {"version", "Aerospike Community Edition build 8.1.2.0"},
        {"edition", "Aerospike Community Edition"},
        {"features", "batch-any;batch-index;blob-bits;cdt-list;cdt-map;cluster-stable;float;geo;"
                     "peers;pipelining;pquery;pscans;query-show;relaxed-sc;replicas;"
                     "truncate-namespace;udf"},
        {"partition-generation", "1"},
        {"peers-generation", "1"},
        {"rebalance-generation", "1"},
        {"cluster-name", "null"},
        {"partitions", "4096"},
        {"user-agent-set", "ok"},
    };
    anp_buffer_print(b, "%s\t", name);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strncmp(name, table[i].begin, strlen(table[i].begin)) == 0) {
            anp_buffer_print(b, "%s\n", table[i].value);
            return;
        }
    }
    if (strncmp(name, "replicas", 8) == 0) {
        anp_buffer_put(b, canned.replicas.data, canned.replicas.size);
    } else if (strncmp(name, "peers-", 6) == 0) {
        anp_buffer_print(b, "1,%d,[]", canned.port);
    } else if (strncmp(name, "service", 7) == 0) {
        anp_buffer_print(b, "127.0.0.1:%d", canned.port);
    } else if (strcmp(name, "namespaces") == 0) {
        anp_buffer_print(b, "%s", canned.namespace_name);
    }
    anp_buffer_u8(b, '\n');
}

static bool serve_info(connection *c)
{
    anp_buffer_clear(&c->reply);
    size_t begin = anp_frame_begin(&c->reply);
    char names[INFO_MAX], *rest = names, *name;
    if (c->request.size >= INFO_MAX) {
        return false;
    }
    memcpy(names, c->request.data, c->request.size);
    names[c->request.size] = 0;
    while ((name = strsep(&rest, "\n")) != NULL) {
        if (*name != 0) {
            answer_info(&c->reply, name);
        }
    }
    anp_frame_end(&c->reply, begin, ANP_PROTO_INFO);
    return !c->reply.failed && transmit(c->fd, c->reply.data, c->reply.size);
}

static bool skip(anp_cursor *rows, const anp_batch_row *row)
{
    anp_field_view field;
    anp_op op;
    for (uint16_t i = 0; i < row->n_fields; i++) {
        if (!anp_field_read(rows, &field)) {
            return false;
        }
    }
    for (uint16_t i = 0; i < row->n_ops; i++) {
        if (!anp_op_read(rows, &op)) {
            return false;
        }
    }
    return true;
}

/* The reply's buffer has room for a block, one record more, and the trailer. */
static bool serve_batch(connection *c, anp_slice field, bool has_filter)
{
    anp_cursor rows = anp_cursor_over(field.data, field.size);
    uint32_t left;
    uint8_t flags, info1 = 0, info2 = 0;
    if (!anp_batch_open(&rows, &left, &flags)) {
        return false;
    }
    uint8_t *block = c->reply.data, *out = block + ANP_PROTO_HEAD;
    for (; left != 0; left--) {
        anp_batch_row row;
        if (!anp_batch_row_read(&rows, &row)) {
            return false;
        }
        if (!(row.flags & ANP_ROW_REPEAT)) {
            info1 = row.info1;
            info2 = row.info2;
            if (!skip(&rows, &row)) {
                return false;
            }
        }
        out = has_filter && !is_changed(row.digest)
                  ? put_head(out, row.index, FILTERED_OUT, 0)
                  : put_answer(out, row.index, row.digest, info1, info2);
        if (out >= block + BLOCK) {
            anp_frame_write(block, ANP_PROTO_MESSAGE, (uint64_t)(out - block - ANP_PROTO_HEAD));
            if (!transmit(c->fd, block, (size_t)(out - block))) {
                return false;
            }
            out = block + ANP_PROTO_HEAD;
        }
    }
    if (out != block + ANP_PROTO_HEAD) {
        anp_frame_write(block, ANP_PROTO_MESSAGE, (uint64_t)(out - block - ANP_PROTO_HEAD));
    } else {
        out = block;
    }
    anp_frame_write(out, ANP_PROTO_MESSAGE, ANP_MESSAGE_HEAD);
    out = put_head(out + ANP_PROTO_HEAD, 0, 0, ANP_INFO3_LAST);
    return transmit(c->fd, block, (size_t)(out - block));
}

static bool serve_message(connection *c)
{
    anp_cursor body = anp_cursor_over(c->request.data, c->request.size);
    anp_message head;
    anp_field_view field;
    const uint8_t *digest = NULL;
    bool has_filter = false;
    if (!anp_message_read(&body, &head)) {
        return false;
    }
    for (uint16_t i = 0; i < head.n_fields; i++) {
        if (!anp_field_read(&body, &field)) {
            return false;
        }
        if (field.type == ANP_FIELD_BATCH || field.type == ANP_FIELD_BATCH_WITH_SET) {
            return serve_batch(c, field.data, has_filter);
        }
        has_filter = has_filter || field.type == ANP_FIELD_FILTER;
        if (field.type == ANP_FIELD_DIGEST && field.data.size == ANP_DIGEST_SIZE) {
            digest = field.data.data;
        }
    }
    if (digest == NULL) {
        return false;
    }
    uint8_t *frame = c->reply.data;
    uint8_t *end = put_answer(frame + ANP_PROTO_HEAD, 0, digest, head.info1, head.info2);
    anp_frame_write(frame, ANP_PROTO_MESSAGE, (uint64_t)(end - frame - ANP_PROTO_HEAD));
    return transmit(c->fd, frame, (size_t)(end - frame));
}

static bool serve_one(connection *c)
{
    anp_frame frame;
    anp_error err;
    if (!want(c, ANP_PROTO_HEAD) ||
        anp_frame_read(c->in.data, ANP_PROTO_MAX, &frame, &err) != ANP_OK) {
        return false;
    }
    size_t size = ANP_PROTO_HEAD + (size_t)frame.size;
    if (!want(c, size)) {
        return false;
    }
    c->request = (anp_slice){c->in.data + ANP_PROTO_HEAD, (size_t)frame.size};
    bool ok = frame.type == ANP_PROTO_INFO ? serve_info(c)
                                           : frame.type == ANP_PROTO_MESSAGE && serve_message(c);
    c->in.size -= size;
    memmove(c->in.data, c->in.data + size, c->in.size);
    return ok;
}

static void *serve(void *accepted)
{
    connection c = {.fd = (int)(intptr_t)accepted};
    int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    anp_buffer_init(&c.in, ANP_PROTO_MAX + 2 * AHEAD);
    anp_buffer_init(&c.reply, BLOCK + RECORD_MAX + 4096);
    if (anp_buffer_reserve(&c.reply, BLOCK + RECORD_MAX + 4096)) {
        while (serve_one(&c)) {
        }
    }
    anp_buffer_deinit(&c.in);
    anp_buffer_deinit(&c.reply);
    close(c.fd);
    return NULL;
}

/* ---- main ---- */

static int listen_on_loopback(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        perror("canned_server");
        exit(1);
    }
    canned.port = ntohs(at.sin_port);
    return fd;
}

int main(int argc, char **argv)
{
    int option;
    canned.namespace_name = "test";
    canned.changed = 100;
    while ((option = getopt(argc, argv, "n:m:c:")) != -1) {
        if (option == 'n') {
            canned.namespace_name = optarg;
        } else if (option == 'm') {
            canned.missing = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'c') {
            canned.changed = (unsigned)strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    make(argc - optind, argv + optind);
    signal(SIGPIPE, SIG_IGN);
    int fd = listen_on_loopback();
    printf("%d\n", canned.port);
    fflush(stdout);
    struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    char ignored[256];
    for (;;) {
        if (poll(wait, 2, -1) < 0 && errno != EINTR) {
            return 1;
        }
        if (wait[1].revents != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0) {
            return 0;
        }
        pthread_t thread;
        int client = wait[0].revents != 0 ? accept(fd, NULL, NULL) : -1;
        if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0) {
            pthread_detach(thread);
        } else if (client >= 0) {
            close(client);
        }
    }
}
