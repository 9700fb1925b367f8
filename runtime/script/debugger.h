/* Breakpoints and steps inside running strategies. What stops is one task: it is suspended at a line, as if it waited
 * there, and everything else runs on: the other tasks of the script, feeds, timers, time limits. Breakpoints belong to
 * a strategy, not to one version of it; they are found again by file and line when it is reloaded.
 *
 * Who debugs is a client, a session of a prompt for example. When it goes, what it asked for goes with it, and what it
 * stopped runs on; breakpoints without a client (from the command line) stay. Everything on the loop thread. */
#ifndef KL_SCRIPT_DEBUGGER_H
#define KL_SCRIPT_DEBUGGER_H

#include "script/strategy.h"
#include "script/task.h"

/* Why a task was stopped. */
typedef enum {
  KL_DEBUG_BREAK, /* at a breakpoint */
  KL_DEBUG_STEP,
  KL_DEBUG_PAUSE, /* by kl_debug_suspend */
  KL_DEBUG_LOOP,  /* it ran for longer than --cpu-ms, and a client wants to look at such tasks */
  KL_DEBUG_WHY_COUNT
} kl_debug_why;
extern const char *const kl_debug_why_names[KL_DEBUG_WHY_COUNT]; /* "break" "step" "pause" "loop" */

/* A task that is stopped. Borrowed: valid until it goes on. */
typedef struct kl_debug_stop {
  int generation; /* of the version that it is a task of: after a reload others have the same ids */
  uint64_t task;  /* kl_task_id */
  kl_debug_why why;
  const char *file; /* as the script or module was opened; borrowed until the script ends */
  int line;
  int breakpoint;    /* its number; 0: none */
  const char *error; /* of its condition, which could not be evaluated; NULL: none */
} kl_debug_stop;

/* Its owner zeroes it and fills in the functions, which may be NULL, are called outside of Lua, and may use everything
 * here. */
typedef struct kl_debug_client kl_debug_client;
struct kl_debug_client {
  void (*stopped)(kl_debug_client *c, const kl_debug_stop *stop);
  /* The task is not stopped any more; `why` says so when nobody asked for that, else it is NULL. */
  void (*went_on)(kl_debug_client *c, const kl_debug_stop *stop, const char *why);
  void (*note)(kl_debug_client *c, const char *text); /* one line for the user */
  /* private */
  kl_list link;
  struct kl_debugger *debugger; /* NULL: it is no client */
  bool on_loop;
};

/* From now on the client is told of what happens in this strategy: `stopped` at once for what is stopped already.
 * False when memory is out. */
bool kl_debug_attach(kl_strategy *g, kl_debug_client *c);
/* Harmless when repeated, and for a zeroed one. */
void kl_debug_detach(kl_debug_client *c);

typedef struct kl_breakpoint {
  int id;                /* from 1 */
  const char *file;      /* where it is, or as it was asked for while it is nowhere */
  int line;              /* where it stops; 0: nowhere now */
  int wanted;            /* the line that was asked for */
  const char *condition; /* NULL: none */
  bool once;             /* goes when it has stopped something */
  bool stays;            /* has no client */
  uint64_t hits;         /* how often a task came there while the condition held */
  uint64_t passed;       /* how many of these could not be stopped there */
} kl_breakpoint;

/* Sets one for a client; where that file and line have one with the same condition, that is it. `file` is a path, or
 * the end of one behind a '/'. A line without code stands for the next one that has some. Without a client the file
 * may be one that is loaded later. *out is borrowed until the next call here. False with `e`. */
bool kl_debug_break(kl_strategy *g, kl_debug_client *c, const char *file, int line, const char *condition, bool once,
                    kl_breakpoint *out, kl_error *e);
/* Reads "FILE:LINE", or that with " if CONDITION" behind it. *file and *condition are owned; *condition NULL where
 * there is none. False with `e`. */
bool kl_debug_parse(const char *text, char **file, int *line, char **condition, kl_error *e);
/* Removes one, or all with id 0. Tasks that it has stopped stay where they are. */
bool kl_debug_unbreak(kl_strategy *g, int id, kl_error *e);
/* The breakpoints in order; false at the end. Borrowed as above. */
bool kl_debug_breakpoint(const kl_strategy *g, size_t i, kl_breakpoint *out);
/* The stopped tasks, the longest stopped first. */
bool kl_debug_stop_at(const kl_strategy *g, size_t i, kl_debug_stop *out);

typedef enum {
  KL_STEP_NONE,
  KL_STEP_INTO, /* to the next line that the task runs, wherever that is in the strategy's own files */
  KL_STEP_OVER, /* the same, but not in functions and coroutines that it calls */
  KL_STEP_OUT   /* until the function, or the coroutine, has returned */
} kl_debug_how;
/* A stopped task goes on to its next stop. `c` may be NULL. */
bool kl_debug_step(kl_strategy *g, kl_debug_client *c, uint64_t task, kl_debug_how how, kl_error *e);
/* A stopped task goes on; 0: all of them. */
bool kl_debug_continue(kl_strategy *g, uint64_t task, kl_error *e);
/* Stops a task at the next line that it runs; 0: the next one that runs. */
bool kl_debug_suspend(kl_strategy *g, kl_debug_client *c, uint64_t task, kl_error *e);
/* While a client wants it, a task that runs for longer than --cpu-ms is stopped in place of being ended. */
void kl_debug_on_loop(kl_debug_client *c, bool on);
/* Cancels a stopped task: it goes on, and its next wait raises "cancelled". One that was stopped in a loop is ended as
 * the watchdog ends it. */
bool kl_debug_cancel(kl_strategy *g, uint64_t task, kl_error *e);
/* Whether the task is stopped. */
bool kl_debug_is_stopped(const kl_task *t);

/* The text of a file of the strategy, as it was loaded, found as in kl_debug_break. Borrowed until the loop goes on;
 * NULL with `e`. */
const char *kl_debug_source(kl_strategy *g, const char *file, const char **path, size_t *n, kl_error *e);

/* The paths of these files in the order in which they were loaded; NULL at the end. */
const char *kl_debug_file(const kl_strategy *g, size_t i);

/* ---- reading the frames of a task ---- */

/* Lua takes the top frame of a coroutine that was stopped at a line to be an instruction earlier, at the line before,
 * where variables of that line are not there yet. These two see to it; for all other frames they are as in Lua. */

/* As lua_getlocal. */
const char *kl_debug_local(lua_State *co, const lua_Debug *ar, int n);
/* Corrects the current line in what lua_getinfo(co, "l", ar) gave. */
void kl_debug_correct_line(lua_State *co, lua_Debug *ar);

#endif
