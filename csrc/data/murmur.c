/* No state. */
#include "data/murmur.h"

#include "base/bytes.h"

#define FIRST UINT64_C(0x87c37b91114253d5)
#define SECOND UINT64_C(0x4cf5ad432745937f)

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static uint64_t first(uint64_t k)
{
    return rotate(k * FIRST, 31) * SECOND;
}

static uint64_t second(uint64_t k)
{
    return rotate(k * SECOND, 33) * FIRST;
}

static uint64_t finish(uint64_t h)
{
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

void anp_murmur3(const void *data, size_t size, uint64_t out[2])
{
    const uint8_t *p = data;
    uint64_t a = 0, b = 0;
    size_t left = size;
    for (; left >= 16; p += 16, left -= 16) {
        a = (rotate(a ^ first(anp_load_le64(p)), 27) + b) * 5 + 0x52dce729;
        b = (rotate(b ^ second(anp_load_le64(p + 8)), 31) + a) * 5 + 0x38495ab5;
    }
    if (left != 0) {
        uint8_t rest[16] = {0};
        memcpy(rest, p, left);
        b ^= second(anp_load_le64(rest + 8));
        a ^= first(anp_load_le64(rest));
    }
    a ^= size;
    b ^= size;
    a += b;
    b += a;
    a = finish(a);
    b = finish(b);
    out[0] = a + b;
    out[1] = b + out[0];
}
