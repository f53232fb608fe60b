/* An info request to one node, or to any. */
#pragma once

#include "command/command.h"

typedef struct anp_info_command {
    anp_command command;
    anp_buffer request; /* whole frame; see anp_info_request */
    anp_buffer reply;   /* body */
    struct anp_info_state *state;
} anp_info_command;

/* To this node, or (NULL) to any: one that can't be reached is passed over. `text`: commands, each
 * ended by a newline (a last one is added). ANP_ERR_INVALID_NODE: there is no node. */
anp_status anp_info_command_init(anp_info_command *c, anp_cluster *cluster,
                                 const anp_policy *policy, anp_cluster_node *node, anp_slice text,
                                 anp_error *err);
void anp_info_command_deinit(anp_info_command *c);
