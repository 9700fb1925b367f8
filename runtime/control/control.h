/* A process that runs scripts is listed for this user's other terminals, and does what they ask by its control socket:
 * show its strategies, reload, stop and start them, give their last lines. */
#ifndef KL_CONTROL_H
#define KL_CONTROL_H

#include "control/lines.h"
#include "control/listing.h"
#include "control/server.h"
#include "script/strategy.h"

typedef struct kl_control kl_control;

/* Lists this process, makes the socket, and begins to keep lines of the log. `env` is borrowed. Where it cannot be
 * listed it says so in the log and goes on. NULL, which all functions below take, when memory is out. */
kl_control *kl_control_open(uv_loop_t *loop, kl_host *host, const char *env);
/* Lists one more account that it trades on; the texts are copied. Where it cannot, the log has it. */
void kl_control_account(kl_control *c, const kl_listed_account *account);
/* The name for a new strategy: `wanted`, or with -2, -3 and so on behind it where a running script of this user has
 * that one. False without a control: then `out` is untouched. */
bool kl_control_name(kl_control *c, const char *wanted, char out[KL_LISTED_NAME]);
/* Keeps what a strategy said elsewhere than in the log, a line or several; `level` is static: "print", "error". */
void kl_control_said(kl_control *c, const char *name, const char *level, const char *text, size_t n);
/* The lines that it keeps, of the log and of strategies; as long as it is open. NULL without a control. */
kl_lines *kl_control_lines(kl_control *c);
/* More operations, for example of a prompt: see kl_control_server_add. */
bool kl_control_add(kl_control *c, const kl_control_op *ops, void *data);
/* Asked before a strategy is started again: false with `e` when it may not. `resume`: a person says that it may go on
 * all the same; *lifted when that has changed something, also of one that runs. */
typedef bool kl_may_start(void *data, kl_strategy *g, bool resume, bool *lifted, kl_error *e);
void kl_control_on_start(kl_control *c, kl_may_start *may, void *data);
/* Asked by "ps" for what else a person should know of a strategy: texts, JSON strings with commas between them, to be
 * added behind the "[" at the end of `list`. */
typedef void kl_strategy_notes(void *data, const kl_strategy *g, kl_buf *list);
void kl_control_on_notes(kl_control *c, kl_strategy_notes *notes, void *data);
/* Gives the lines so far to those who follow them now, not in the next turn of the loop: before an answer that is to
 * come behind them. */
void kl_control_give_lines(kl_control *c);
/* Takes a connected socket as a client, as kl_control_server_adopt does. */
bool kl_control_adopt(kl_control *c, int fd);
/* Takes the process off the list, answers who waits for an end that has come, and closes. Before kl_host_close; the
 * loop must run to its end afterwards. */
void kl_control_close(kl_control *c);

#endif
