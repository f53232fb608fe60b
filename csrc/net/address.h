/* Socket addresses: numbers and names. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct anp_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size;
} anp_address;

enum { ANP_ADDRESS_TEXT = 64 };

/* "127.0.0.1:3000" or "[::1]:3000". */
void anp_address_print(const anp_address *a, char text[ANP_ADDRESS_TEXT]);
bool anp_address_equal(const anp_address *a, const anp_address *b);
bool anp_address_is_loopback(const anp_address *a);

/* Resolves a host name or a number, blocking (call it off the caller's path): up to `room`
 * addresses, v4 and v6 as the system orders them. Returns how many; 0: err says why
 * (ANP_ERR_INVALID_HOST). */
size_t anp_address_resolve(const char *host, uint16_t port, anp_address *out, size_t room,
                           anp_error *err);
