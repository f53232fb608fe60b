/* Socket addresses: printing, comparing, resolving. No state; thread-safe. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void anp_address_print(const anp_address *a, char text[ANP_ADDRESS_TEXT])
{
    char number[INET6_ADDRSTRLEN] = "?";
    if (a->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &a->v4.sin_addr, number, sizeof number);
        (void)snprintf(text, ANP_ADDRESS_TEXT, "%s:%u", number, ntohs(a->v4.sin_port));
    } else if (a->any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &a->v6.sin6_addr, number, sizeof number);
        (void)snprintf(text, ANP_ADDRESS_TEXT, "[%s]:%u", number, ntohs(a->v6.sin6_port));
    } else {
        (void)snprintf(text, ANP_ADDRESS_TEXT, "?");
    }
}

bool anp_address_equal(const anp_address *a, const anp_address *b)
{
    if (a->any.sa_family != b->any.sa_family) {
        return false;
    }
    if (a->any.sa_family == AF_INET) {
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    }
    return a->any.sa_family == AF_INET6 && a->v6.sin6_port == b->v6.sin6_port &&
           a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

bool anp_address_is_loopback(const anp_address *a)
{
    if (a->any.sa_family == AF_INET) {
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    }
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

/* The resolver's codes in words short enough to stand in a list of seeds. */
static const char *reason(int code)
{
    switch (code) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
        return "name not known";
    case EAI_AGAIN:
        return "name server does not answer";
    case EAI_MEMORY:
        return "out of memory";
    default:
        return gai_strerror(code);
    }
}

size_t anp_address_resolve(const char *host, uint16_t port, anp_address *out, size_t room,
                           anp_error *err)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host, service, &hints, &list);
    if (code != 0) {
        (void)anp_error_set(err, ANP_ERR_INVALID_HOST, "%s", reason(code));
        return 0;
    }
    size_t n = 0;
    for (struct addrinfo *i = list; i != NULL && n < room; i = i->ai_next) {
        if ((i->ai_family == AF_INET && i->ai_addrlen == sizeof out->v4) ||
            (i->ai_family == AF_INET6 && i->ai_addrlen == sizeof out->v6)) {
            out[n] = (anp_address){.size = i->ai_addrlen};
            memcpy(&out[n].any, i->ai_addr, i->ai_addrlen);
            n++;
        }
    }
    freeaddrinfo(list);
    if (n == 0) {
        (void)anp_error_set(err, ANP_ERR_INVALID_HOST, "no address of a family we speak");
    }
    return n;
}
