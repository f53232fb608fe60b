/* For tests: a listening socket on a free loopback port. */
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"

/* Returns the descriptor; *address is where it listens. `port` 0: any free one. */
static inline int listener_open(anp_address *address, uint16_t port)
{
    *address = (anp_address){.size = sizeof address->v4};
    address->v4 = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, &address->any, address->size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, &address->any, &address->size) != 0) {
        return -1;
    }
    return fd;
}

/* A port where nobody listens: bound, never listened on, so that nobody else gets it either. */
static inline int listener_refusing(anp_address *address)
{
    *address = (anp_address){.size = sizeof address->v4};
    address->v4 =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, &address->any, address->size) != 0 ||
        getsockname(fd, &address->any, &address->size) != 0) {
        return -1;
    }
    return fd;
}
