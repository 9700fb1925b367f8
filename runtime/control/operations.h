/* What the control socket can do with the strategies of a process. Fields of requests and answers:
 *
 *   ps                                 strategies: [{name, pid, env, path, phase, failed, generation, hash, started_ms,
 *                                      version_started_ms, reloads, refused, rolled_back, restarts, tasks, memory,
 *                                      memory_peak, errors, last_error, notes: [text]}]
 *   reload {name}                      once it is decided: generation, ms
 *   stop {name, now}                   once it has ended: failed, ms
 *   start {name, resume}               generation, resumed
 *   pause {name}, resume {name}
 *   logs {name, n, after, follow}      events "line" {number, ts, level, source, msg}, "lost" {}; then `after`: what to
 *                                      give to go on behind the last one. `name` left out: of the whole process. The
 * last n lines, or those behind `after`. With `follow` it ends when it is cancelled.
 *
 * `phase` is "running", "reloading", "probation", "paused", "waiting" (it failed and is started again soon) or "ended".
 */
#ifndef KL_CONTROL_OPERATIONS_H
#define KL_CONTROL_OPERATIONS_H

#include "control/lines.h"
#include "control/server.h"
#include "script/strategy.h"

typedef struct kl_operations kl_operations;
/* `env` and `lines` are borrowed until the close. NULL when memory is out. */
kl_operations *kl_operations_new(kl_host *host, uv_loop_t *loop, const char *env, kl_lines *lines);
/* For kl_control_server_add, with the operations as `data`. */
extern const kl_control_op kl_operations_table[];
/* Asked before a strategy is started again; see control.h. */
typedef bool kl_operations_may_start(void *data, kl_strategy *g, bool resume, bool *lifted, kl_error *e);
void kl_operations_on_start(kl_operations *o, kl_operations_may_start *may, void *data);
/* Asked for what else a person should know of a strategy; see control.h. */
typedef void kl_operations_notes(void *data, const kl_strategy *g, kl_buf *list);
void kl_operations_on_notes(kl_operations *o, kl_operations_notes *notes, void *data);
/* Whether somebody reads lines; from any thread. */
bool kl_operations_read(const kl_operations *o);
/* Lines have come: gives them to those who follow. */
void kl_operations_lines(kl_operations *o);
/* Answers those who wait for an end that has come, gives the last lines, refuses the others. Before the server is
 * closed, and the loop must run once more. Takes NULL. */
void kl_operations_close(kl_operations *o);

#endif
