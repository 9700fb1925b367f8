/* What a session shows of a running strategy without evaluating anything: tasks, local variables, figures. The
 * operations, all with `session`:
 *
 * tasks {after, n, task, frames}: tasks: [{id, main, prompt, status, place, waits, selected, frames: [{level, what,
 * name, file, line, tail}], more_frames}], total, next. Those behind the id `after`, at most n (100); or only `task`.
 * Of each the innermost `frames` frames (8; of one task 100). `status`: "running", "ready", "waiting", "stopped".
 * `selected`: the level of the frame that the session has selected, where it is one of this task. `next`: to be given
 * as `after`; absent where no more are left.
 *
 * locals {task, frame}: parts: a list of {name, kind: "local"|"vararg"|"upvalue", value: portrait}, the innermost local
 * variables last; then {level, what, name, file, line}. Without `frame` of the selected one, or the usual one.
 *
 * inspect {n}: what kl_inspect_strategy writes, with at most n (200) of `open`.
 *
 * log_level {level}: was, level: of the whole process, and so without `session`; without `level` it stays.
 *
 * journal {text}: a command that was typed and has its effect by another operation is journalled.
 */
#ifndef KL_PROMPT_INSPECT_H
#define KL_PROMPT_INSPECT_H

#include "script/look.h"

/* Lists are bounded, for the loop thread serves strategies. */
enum {
  KL_INSPECT_TASKS = 100,
  KL_INSPECT_TASKS_MOST = 200,
  KL_INSPECT_FRAMES = 8,
  KL_INSPECT_FRAMES_MOST = 100,
  KL_INSPECT_OPEN = 200,
  KL_INSPECT_OPEN_MOST = 500
};

typedef struct kl_inspect_tasks {
  uint64_t after; /* 0: from the first */
  uint64_t task;  /* only this one; 0: all */
  size_t n;
  int frames;
  uint64_t selected_task; /* one frame of it is selected; 0: of none */
  int selected;           /* the level of that */
} kl_inspect_tasks;
/* Appends the fields of the answer. False with `e` where `task` is none. */
bool kl_inspect_write_tasks(kl_script *s, const kl_inspect_tasks *o, kl_buf *out, kl_error *e);
/* The list of variables of a frame (KL_FRAME_USUAL: of the usual one) into `out`, and the fields that say which it is
 * into `frame`. False with `e`. */
bool kl_inspect_write_locals(kl_script *s, uint64_t task, int level, kl_buf *out, kl_buf *frame, kl_error *e);
/* Appends {name, phase, generation, started_ms, version_started_ms, reloads, memory, memory_peak, memory_cap, resumes,
 * errors, run {seconds, ran, longest, resumes, cost_ns (of measuring one)}, limits {tasks, timers, sockets, handles,
 * queued: [used, most]}, open (what the version holds: objects with `kind`), open_total}, and what kl_inspect_kalshi
 * says. */
void kl_inspect_strategy(kl_strategy *g, size_t most, kl_buf *out);

#endif
