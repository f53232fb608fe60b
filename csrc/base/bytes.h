/* Fixed-width numbers in memory, by byte order, at any alignment. No bounds: the cursor and the
 * buffer check those. */
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ANP_BIG_ENDIAN_HOST 0
#else
#define ANP_BIG_ENDIAN_HOST 1
#endif

static inline uint16_t anp_swap16(uint16_t v)
{
    return __builtin_bswap16(v);
}
static inline uint32_t anp_swap32(uint32_t v)
{
    return __builtin_bswap32(v);
}
static inline uint64_t anp_swap64(uint64_t v)
{
    return __builtin_bswap64(v);
}

static inline uint16_t anp_load16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t anp_load32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t anp_load64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void anp_store16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}
static inline void anp_store32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}
static inline void anp_store64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline uint16_t anp_be16(uint16_t v)
{
    return ANP_BIG_ENDIAN_HOST ? v : anp_swap16(v);
}
static inline uint32_t anp_be32(uint32_t v)
{
    return ANP_BIG_ENDIAN_HOST ? v : anp_swap32(v);
}
static inline uint64_t anp_be64(uint64_t v)
{
    return ANP_BIG_ENDIAN_HOST ? v : anp_swap64(v);
}
static inline uint16_t anp_le16(uint16_t v)
{
    return ANP_BIG_ENDIAN_HOST ? anp_swap16(v) : v;
}
static inline uint32_t anp_le32(uint32_t v)
{
    return ANP_BIG_ENDIAN_HOST ? anp_swap32(v) : v;
}
static inline uint64_t anp_le64(uint64_t v)
{
    return ANP_BIG_ENDIAN_HOST ? anp_swap64(v) : v;
}

static inline uint16_t anp_load_be16(const void *p)
{
    return anp_be16(anp_load16(p));
}
static inline uint32_t anp_load_be32(const void *p)
{
    return anp_be32(anp_load32(p));
}
static inline uint64_t anp_load_be64(const void *p)
{
    return anp_be64(anp_load64(p));
}
static inline void anp_store_be16(void *p, uint16_t v)
{
    anp_store16(p, anp_be16(v));
}
static inline void anp_store_be32(void *p, uint32_t v)
{
    anp_store32(p, anp_be32(v));
}
static inline void anp_store_be64(void *p, uint64_t v)
{
    anp_store64(p, anp_be64(v));
}

static inline uint16_t anp_load_le16(const void *p)
{
    return anp_le16(anp_load16(p));
}
static inline uint32_t anp_load_le32(const void *p)
{
    return anp_le32(anp_load32(p));
}
static inline uint64_t anp_load_le64(const void *p)
{
    return anp_le64(anp_load64(p));
}
static inline void anp_store_le32(void *p, uint32_t v)
{
    anp_store32(p, anp_le32(v));
}
static inline void anp_store_le64(void *p, uint64_t v)
{
    anp_store64(p, anp_le64(v));
}
