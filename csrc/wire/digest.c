/* Record digests: messages of one block are hashed in lanes, many at a time; longer ones block by
 * block. */
#include "wire/digest.h"

#include "wire/ripemd160.h"
#include "wire/ripemd160_rounds.h"

enum { BLOCK = 64, ROOM = BLOCK - 9 }; /* what fits one block beside the padding */

/* ---- one message, in parts ---- */

typedef struct hasher {
    uint32_t state[5];
    uint64_t total;
    size_t held;
    uint8_t block[BLOCK];
} hasher;

static void feed(hasher *hash, const uint8_t *bytes, size_t size)
{
    hash->total += size;
    while (size != 0) {
        size_t n = BLOCK - hash->held < size ? BLOCK - hash->held : size;
        memcpy(hash->block + hash->held, bytes, n);
        hash->held += n;
        bytes += n;
        size -= n;
        if (hash->held == BLOCK) {
            anp_ripemd160_block(hash->state, hash->block);
            hash->held = 0;
        }
    }
}

static void finish(hasher *hash, uint8_t out[20])
{
    uint64_t bits = hash->total * 8;
    hash->block[hash->held++] = 0x80;
    if (hash->held > BLOCK - 8) {
        memset(hash->block + hash->held, 0, BLOCK - hash->held);
        anp_ripemd160_block(hash->state, hash->block);
        hash->held = 0;
    }
    memset(hash->block + hash->held, 0, BLOCK - 8 - hash->held);
    anp_store_le64(hash->block + BLOCK - 8, bits);
    anp_ripemd160_block(hash->state, hash->block);
    for (int i = 0; i < 5; i++) {
        anp_store_le32(out + 4 * i, hash->state[i]);
    }
}

void anp_ripemd160(const void *bytes, size_t size, uint8_t out[20])
{
    hasher hash = {.state = ANP_RIPEMD160_INITIAL};
    if (size != 0) {
        feed(&hash, bytes, size);
    }
    finish(&hash, out);
}

/* ---- records ---- */

/* What of a key is hashed: its type, then an integer's eight bytes or the bytes. */
typedef struct parts {
    uint8_t head[9];
    size_t head_size, size;
} parts;

static parts parts_of(const anp_key *key)
{
    parts p = {.head = {key->type}, .head_size = 1, .size = key->size};
    if (key->type == ANP_PARTICLE_INTEGER) {
        anp_store_be64(p.head + 1, (uint64_t)key->integer);
        p.head_size = 9;
        p.size = 0;
    }
    return p;
}

static void digest_long(const void *set, size_t set_size, const anp_key *key, const parts *p,
                        uint8_t *out)
{
    hasher hash = {.state = ANP_RIPEMD160_INITIAL};
    if (set_size != 0) {
        feed(&hash, set, set_size);
    }
    feed(&hash, p->head, p->head_size);
    if (p->size != 0) {
        feed(&hash, key->bytes, p->size);
    }
    finish(&hash, out);
}

/* Messages of one block each, word by word beside one another. */
typedef struct lanes {
    const anp_ripemd160_kind *kind;
    unsigned n;                  /* lanes in use */
    unsigned words;              /* the most words that any lane has used; the rest are zero */
    uint8_t *out[ANP_LANES_MAX]; /* where each digest goes */
    _Alignas(64) uint32_t x[16 * ANP_LANES_MAX];
} lanes;

static void run(lanes *l)
{
    _Alignas(64) uint32_t h[5 * ANP_LANES_MAX];
    unsigned width = l->kind->lanes;
    l->kind->hash(l->x, h);
    for (unsigned i = 0; i < l->n; i++) {
        for (unsigned w = 0; w < 5; w++) {
            anp_store_le32(l->out[i] + 4 * w, h[w * width + i]);
        }
    }
    l->n = 0;
}

/* Puts a block whose first `size` bytes are the message into the next lane. */
static void add(lanes *l, uint8_t block[BLOCK], size_t size, uint8_t *out)
{
    unsigned width = l->kind->lanes, lane = l->n++;
    size_t end = (size + 4) / 4 * 4; /* whole words: the message and its 0x80 */
    block[size] = 0x80;
    memset(block + size + 1, 0, end - size - 1);
    unsigned words = (unsigned)(end / 4), last = words > l->words ? words : l->words;
    for (unsigned w = 0; w < words; w++) {
        l->x[w * width + lane] = anp_load_le32(block + 4 * w);
    }
    for (unsigned w = words; w < last; w++) {
        l->x[w * width + lane] = 0;
    }
    l->x[14 * width + lane] =
        (uint32_t)size * 8; /* word 15 is zero: a message is shorter than 2^29 bytes */
    l->words = last < 14 ? last : 14;
    l->out[lane] = out;
    if (l->n == width) {
        run(l);
    }
}

/* Integers of one set: their messages differ in eight bytes, which lie in three words; the others
 * are the same in each lane and stay from one run to the next. */
typedef struct integers {
    lanes l;
    unsigned word;  /* the first of the three */
    unsigned shift; /* bits in it that come before the integer */
    uint32_t first; /* what else is in the first word, */
    uint32_t last;  /* and in the last one */
} integers;

static void lay_out(integers *m, const void *set, size_t set_size)
{
    uint8_t block[BLOCK] = {0};
    if (set_size != 0) {
        memcpy(block, set, set_size);
    }
    size_t at = set_size + 1;
    block[set_size] = ANP_PARTICLE_INTEGER;
    block[at + 8] = 0x80;
    anp_store_le64(block + BLOCK - 8, (at + 8) * 8);
    m->word = (unsigned)at / 4;
    m->shift = (unsigned)at % 4 * 8;
    m->first = anp_load_le32(block + at / 4 * 4);
    m->last = anp_load_le32(block + at / 4 * 4 + 8);
    unsigned width = m->l.kind->lanes;
    for (unsigned w = 0; w < 16; w++) {
        for (unsigned i = 0; i < width; i++) {
            m->l.x[w * width + i] = anp_load_le32(block + 4 * w);
        }
    }
}

static inline void add_integer(integers *m, int64_t integer, uint8_t *out)
{
    lanes *l = &m->l;
    unsigned width = l->kind->lanes;
    uint32_t *x = l->x + m->word * width + l->n;
    uint64_t bytes = anp_swap64((uint64_t)integer); /* the first one lowest */
    x[0] = m->first | (uint32_t)(bytes << m->shift);
    x[width] = (uint32_t)(bytes >> (32 - m->shift));
    x[2 * width] = m->last | (uint32_t)(bytes >> 32 >> (32 - m->shift));
    l->out[l->n++] = out;
    if (l->n == width) {
        run(l);
    }
}

/* The integers that the keys begin with; gives how many they are. */
static size_t digest_integers(const void *set, size_t set_size, const anp_key *keys, size_t n,
                              uint8_t *out)
{
    if (set_size + 9 > ROOM || n == 0 || keys[0].type != ANP_PARTICLE_INTEGER) {
        return 0;
    }
    integers m;
    size_t i = 0;
    m.l.kind = anp_ripemd160_best();
    m.l.n = 0;
    lay_out(&m, set, set_size);
    for (; i < n && keys[i].type == ANP_PARTICLE_INTEGER; i++) {
        add_integer(&m, keys[i].integer, out + i * ANP_DIGEST_SIZE);
    }
    if (m.l.n != 0) {
        run(&m.l);
    }
    return i;
}

void anp_digest_many(const void *set, size_t set_size, const anp_key *keys, size_t n, uint8_t *out)
{
    size_t begin = digest_integers(set, set_size, keys, n, out);
    if (begin == n) {
        return;
    }
    lanes l;
    uint8_t block[BLOCK];
    l.kind = anp_ripemd160_best();
    l.n = l.words = 0;
    memset(l.x, 0, sizeof l.x);
    if (set_size != 0 && set_size <= ROOM) {
        memcpy(block, set, set_size);
    }
    for (size_t i = begin; i < n; i++) {
        const anp_key *key = &keys[i];
        parts p = parts_of(key);
        if (set_size > ROOM || p.size > ROOM || set_size + p.head_size + p.size > ROOM) {
            digest_long(set, set_size, key, &p, out + i * ANP_DIGEST_SIZE);
            continue;
        }
        memcpy(block + set_size, p.head, p.head_size);
        if (p.size != 0) {
            memcpy(block + set_size + p.head_size, key->bytes, p.size);
        }
        add(&l, block, set_size + p.head_size + p.size, out + i * ANP_DIGEST_SIZE);
    }
    if (l.n != 0) {
        run(&l);
    }
}

void anp_digest(const void *set, size_t set_size, const anp_key *key, uint8_t out[ANP_DIGEST_SIZE])
{
    parts p = parts_of(key);
    digest_long(set, set_size, key, &p, out);
}
