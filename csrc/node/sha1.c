/* SHA-1 (FIPS 180-4) of bytes that are all there. */
#include "node/sha1.h"

enum { BLOCK = 64 };

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void add_block(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++) {
        w[i] = anp_load_be32(block + 4 * i);
    }
    for (int i = 16; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (int i = 0; i < 80; i++) {
        uint32_t mixed, constant;
        if (i < 20) {
            mixed = (b & c) | (~b & d);
            constant = 0x5a827999;
        } else if (i < 40) {
            mixed = b ^ c ^ d;
            constant = 0x6ed9eba1;
        } else if (i < 60) {
            mixed = (b & c) | (b & d) | (c & d);
            constant = 0x8f1bbcdc;
        } else {
            mixed = b ^ c ^ d;
            constant = 0xca62c1d6;
        }
        uint32_t next = rotate(a, 5) + mixed + e + constant + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void anp_sha1(anp_slice bytes, uint8_t out[ANP_SHA1_SIZE])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    size_t whole = bytes.size / BLOCK * BLOCK, rest = bytes.size - whole;
    for (size_t at = 0; at < whole; at += BLOCK) {
        add_block(h, bytes.data + at);
    }
    uint8_t last[2 * BLOCK] = {0};
    if (rest != 0) {
        memcpy(last, bytes.data + whole, rest);
    }
    last[rest] = 0x80;
    size_t size = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    anp_store_be64(last + size - 8, (uint64_t)bytes.size * 8);
    for (size_t at = 0; at < size; at += BLOCK) {
        add_block(h, last + at);
    }
    for (int i = 0; i < 5; i++) {
        anp_store_be32(out + 4 * i, h[i]);
    }
}
