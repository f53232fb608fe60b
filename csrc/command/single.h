/* A single-record command: one connection, one request, one reply. */
#pragma once

#include "command/command.h"
#include "wire/message.h"

typedef struct anp_single {
    anp_command command;
    char namespace_name[32];
    uint8_t namespace_size;
    uint8_t digest[ANP_DIGEST_SIZE];
    bool is_write;
    bool in_doubt;       /* writes: an attempt was sent whole and not answered definitely */
    bool was_sent;       /* the last byte of some attempt was taken by the kernel */
    anp_buffer request;  /* one whole frame; the server's time limit is filled in at each attempt */
    anp_buffer reply;    /* body of the reply's frame; valid until deinit */
    anp_message message; /* its head */
    anp_cursor body;     /* at its first field */
    char node[20];       /* who answered */
    struct anp_single_state *state; /* the machine's own */
} anp_single;

/* The caller then fills in namespace, digest, is_write and request. */
anp_status anp_single_init(anp_single *s, anp_cluster *cluster, const anp_policy *policy,
                           anp_error *err);
void anp_single_deinit(anp_single *s);

/* Ends with command.status ANP_OK when the server answered 0, its code when it answered another one
 * (error set, message read), or a code of ours. Retries as policy and deadline allow. */
