/* What `kalua kill` does inside a process that runs strategies. */
#ifndef KL_KILL_H
#define KL_KILL_H

#include "control/server.h"

/* "kill": stops all strategies at once, cancels every order of the account, and answers when nothing rests any more:
 * found, left, scripts. The process then ends. For kl_control_add, with the app as `data`. */
extern const kl_control_op kl_kill_ops[];

#endif
