/* Looking into scripts from outside, between two resumes: for prompts and debuggers. Nothing here runs code of a
 * script's. Everything on the loop thread. */
#ifndef KL_SCRIPT_LOOK_H
#define KL_SCRIPT_LOOK_H

#include "base/buf.h"
#include "script/limits.h"
#include "script/script.h"
#include "script/strategy.h"
#include "script/task.h"

/* Calls fn(L, p) in protected mode on the main thread of a script that has not ended, with some memory beyond its cap.
 * False with `e` where it raised. No task may be running. */
bool kl_script_look(kl_script *s, int (*fn)(lua_State *L), void *p, kl_error *e);

/* ---- tasks ---- */

/* Those that have not ended, in order of birth: start with NULL; NULL at the end. */
kl_task *kl_task_next(const kl_script *s, const kl_task *after);
bool kl_task_is_main(const kl_task *t);
bool kl_task_is_input(const kl_task *t); /* runs what was typed at a prompt */
/* Where it was spawned, "maker.lua" with *line; NULL where that is not known, as of the main chunk. Borrowed. */
const char *kl_task_place(const kl_task *t, int *line);
/* It is to go on in the next pass, or as soon as its script may run. */
bool kl_task_is_ready(const kl_task *t);
/* Appends what it waits for, in words: "sleep, 0.8 s left". */
void kl_task_describe_wait(const kl_task *t, kl_buf *out);

/* ---- frames of a task that does not run ---- */

/* A frame is known by its level: 0 is the innermost, where the task waits. A task that waits inside of coroutines has
 * the frames of these first; they are counted through. */
typedef struct kl_frame {
  int level;
  lua_State *co; /* the thread it is in; borrowed until the task runs */
  lua_Debug ar;  /* with the fields of "nSltu" filled */
} kl_frame;

/* Coroutines inside of coroutines: Lua ends them at 200. */
enum { KL_FRAMES_DEPTH = 256 };

typedef struct kl_frames {
  lua_State *chain[KL_FRAMES_DEPTH]; /* from the task's own thread inward */
  int depth;                         /* of those that are left */
  int in_thread, level;
} kl_frames;
/* For each frame: begin, then next until it is false. A task that has not begun has none. */
void kl_frames_begin(kl_frames *it, kl_task *t);
bool kl_frames_next(kl_frames *it, kl_frame *out);
/* The frame of this level; false where there are not so many. */
bool kl_task_frame(kl_task *t, int level, kl_frame *out);
/* Where a level may be given: kl_task_usual_frame's. */
enum { KL_FRAME_USUAL = -1 };
/* How many frames it has. */
int kl_task_frames(kl_task *t);
/* The level of the frame whose variables somebody means who names only the task: where it was stopped, the innermost
 * one of Lua; while it waits the outermost, which lasts as long as the task. 0 where none is of Lua. */
int kl_task_usual_frame(kl_task *t);
/* That it has none of this level. */
void kl_task_no_frame(kl_task *t, int level, kl_error *e);

/* ---- what a script holds ---- */

/* Calls fn for each of its members (books, subscriptions, connections) that can say what it is, in order of birth. `fn`
 * may not change them. */
void kl_script_each_member(const kl_script *s, void (*fn)(void *data, const kl_member *m), void *data);
/* How many of a kind it holds, and may hold. */
void kl_script_slots(const kl_script *s, kl_slot_kind kind, int64_t *used, int64_t *most);
/* The bytes outside of Lua that wait for it, and how many may. */
void kl_script_queued(const kl_script *s, size_t *used, size_t *most);

/* ---- how long its tasks run ---- */

typedef struct kl_run_time {
  bool on;
  int64_t since_ns;           /* monotonic: when it was begun to measure */
  int64_t ran_ns, longest_ns; /* since then; of one resume */
  uint64_t resumes;
} kl_run_time;
/* From now on it is measured how long the tasks of a strategy run, of all its versions; or no longer. That takes two
 * readings of the clock at each resume, so it is done only while somebody looks. Counts: as many off as on. */
void kl_strategy_measure(kl_strategy *g, bool on);
void kl_strategy_run_time(const kl_strategy *g, kl_run_time *out);

#endif
