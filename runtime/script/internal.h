/* The inside of script/: what its files share. */
#ifndef KL_SCRIPT_INTERNAL_H
#define KL_SCRIPT_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/map.h"
#include "script/rehearsal.h"
#include "script/script.h"
#include "script/task.h"

/* ---- the watchdog: ends what runs too long without waiting ---- */

typedef enum { KL_BROKEN_NOT, KL_BROKEN_TIME, KL_BROKEN_INTERRUPT } kl_broken;

typedef struct kl_watch {
  pthread_t helper, loop_thread;
  int wake;                       /* eventfd: there is something to watch */
  atomic_uint_fast64_t turn;      /* odd while a script runs; the identity of one resume */
  atomic_uint_fast64_t pass;      /* passes over the ready list so far */
  atomic_uint_fast64_t over;      /* the turn that shall be broken */
  atomic_uint_fast64_t stretched; /* the turn that has run for STRETCH_MS and more */
  atomic_int why;                 /* kl_broken */
  atomic_int limit_ms;            /* of the script that runs */
  _Atomic(const char *) name;     /* of the script that runs; lives as long as the host */
  atomic_bool asleep, interrupt, quit;
  kl_task *volatile task; /* that runs, NULL in none; for the signal handler */
  lua_State *volatile co; /* its innermost coroutine */
} kl_watch;

bool kl_watch_open(kl_host *h);
void kl_watch_close(kl_host *h);
/* A pass begins: the helper must be awake. */
void kl_watch_pass(kl_host *h);
/* Brackets every stretch of Lua code. `t` may be NULL (closing something): then nothing is broken. */
void kl_watch_begin(kl_script *s, kl_task *t, lua_State *co);
void kl_watch_end(kl_script *s);
/* The running task has done its work: it is not broken any more. */
void kl_watch_done(kl_task *t);
/* What runs has not waited for a tick of the helper or two. */
bool kl_watch_stretched(kl_host *h);
/* The running task goes on in another coroutine. */
void kl_watch_switch(kl_script *s, lua_State *co);
/* Raises when the running task is to be broken. */
void kl_watch_check(lua_State *L); /* raises */
/* Pushes what is raised in a task that is broken; the place is where that was noticed first, or where `co` stands. */
void kl_watch_push_error(lua_State *L, const kl_task *t, lua_State *co); /* raises */
enum { KL_PLACE_MAX = LUA_IDSIZE + 16 };

/* ---- host ---- */

struct kl_host {
  uv_loop_t *loop;
  kl_host_options o;
  kl_list scripts; /* of kl_script.link */
  kl_list ready;   /* of kl_task.ready: resumed in the next pass */
  kl_list todo;    /* of kl_script.todo: looked at after the next pass */
  uv_check_t check;
  uv_idle_t idle;
  size_t running;
  size_t open_handles;
  bool closing;
  char *module_path; /* KALUA_PATH; owned, may be NULL */
  kl_watch watch;
};

/* Something is ready: the loop must not block. */
void kl_host_wake(kl_host *h);
void kl_host_handle_closed(uv_handle_t *handle);

/* ---- scripts ---- */

typedef enum { KL_PHASE_RUN, KL_PHASE_HANDLERS, KL_PHASE_CANCEL, KL_PHASE_ENDED } kl_phase;

/* The kept things of a strategy, or of a script without one. */
typedef struct kl_keeper {
  size_t refs;
  kl_map *map; /* key to the first kl_kept of it */
} kl_keeper;
kl_keeper *kl_keeper_new(void); /* NULL when out of memory */
kl_keeper *kl_keeper_retain(kl_keeper *keeper);
void kl_keeper_release(kl_keeper *keeper); /* takes NULL */

struct kl_script {
  kl_list link, todo;
  kl_keeper *keeper; /* retained */
  bool live;         /* its tasks run */
  kl_rehearsal *rehearsal; /* script/rehearsal.h; borrowed from the strategy while this version starts, else NULL */
  kl_host *host;
  lua_State *L;                 /* the main thread; NULL once ended */
  char *name;                   /* owned */
  char *chunk;                  /* chunk name of the main chunk; owned */
  char *folder;                 /* of the script's file, for require; owned, NULL without a file */
  kl_script_options o;          /* owned copies */
  char broken_at[KL_PLACE_MAX]; /* place of a task that is being broken, with ": " behind it */
  kl_task *current;             /* the task that runs */
  bool no_wait;                 /* a C call between the task and the running coroutine cannot be suspended */
  kl_list tasks;                /* of kl_task.link, in order of birth */
  size_t n_tasks;
  kl_list members;        /* of kl_member.link, in order of birth */
  kl_task *main;          /* NULL once it ended */
  size_t used, peak, cap; /* bytes */
  uint64_t resumes, errors;
  /* the end */
  kl_phase phase;
  bool stop, now, failed;
  kl_stop_reason why;
  uv_timer_t timer;
  kl_task *handler; /* the on_stop handler that runs */
  int next_handler; /* index in the list of handlers, from 1 */
  int n_handlers;
  int64_t deadline_ns;                  /* of the handlers together */
  char *error, *error_kind, *traceback; /* owned */
};

/* Frees what is left of an ended script. */
void kl_script_free(kl_script *s);
/* Looks whether the script goes into its next phase; called by the host after a pass. */
void kl_script_step(kl_script *s);
/* Has kl_script_step called after the next pass. */
void kl_script_touch(kl_script *s);
/* Ends the script at once, without callbacks to it. */
void kl_script_finish(kl_script *s);
/* Calls fn(L, p) in protected mode on the script's main thread, with some memory beyond the cap. False when it raised;
 * the error is dropped, or logged as `what` when that is given. */
bool kl_script_protected(kl_script *s, int (*fn)(lua_State *), void *p, const char *what);

/* Lists of handlers: registry tables under these keys. */
extern const char kl_on_stop_key, kl_on_error_key;

/* ---- tasks ---- */

typedef struct kl_reason {
  size_t refs;
  char text[];
} kl_reason;

/* Lives in the memory of its task object, which is anchored in the registry while the task runs. */
struct kl_task {
  kl_list link, ready, joiners;
  kl_script *script;
  lua_State *co;         /* anchored by the object */
  kl_wait *wait;         /* owned */
  const char *cancelled; /* why; NULL when it is not */
  kl_reason *reason;     /* owns the text of `cancelled`, where that is a copy */
  int ref;               /* of the object, in the registry */
  int nargs;             /* of the function, for the first resume */
  int results;           /* on the stack of `co`, once ended */
  kl_task_status status;
  volatile sig_atomic_t broken; /* kl_broken */
  lua_State *broken_in; /* the coroutine it was broken in, reachable from co; NULL unless it was suspended for that */
  bool started;
  bool resetting; /* its closing variables run for the last time; its error is known already */
  bool quiet;     /* an on_error handler: its own errors are not handed to on_error */
  int line;       /* where it was spawned; 0: unknown */
  char source[LUA_IDSIZE];
};

/* User values of a task object. */
enum { KL_UV_THREAD = 1, KL_UV_TRACE, KL_UV_RAISED, KL_UV_RAISED_TRACE, KL_UV_COUNT = KL_UV_RAISED_TRACE };

void kl_tasks_open(lua_State *L); /* raises; the metatable of task objects without its methods */
void kl_ready(kl_task *t);
/* Resumes a task from the ready list. */
void kl_task_resume(kl_task *t);
/* Ends a task that cannot be waited for any longer, saying so in the log. */
void kl_task_reset(kl_task *t);
/* The error value at the top of L was raised elsewhere and is raised again now: its traceback (at the top, popped)
 * belongs before that of the running task. */
void kl_task_note_trace(lua_State *L); /* raises */
/* With an error value and a traceback on top of L: puts the traceback of an earlier raise of that error in front. */
void kl_task_join_trace(lua_State *L); /* raises */

/* The mark of a yield that is ours. It stays on the stack of a thread while that is suspended (and after the end of a
 * task's thread), which keeps scripts from resuming it. */
extern const char kl_await_mark;
bool kl_is_marked(lua_State *co);

/* ---- errors ---- */

void kl_errors_open(lua_State *L);                     /* raises */
int kl_raise_cancelled(lua_State *L, const char *why); /* raises */
bool kl_is_cancelled_error(lua_State *L, int idx);
/* Finds the innermost running function of the script's own files (modules of the program are passed over) and fills the
 * fields of "Sl". False where there is none. */
bool kl_find_place(lua_State *L, lua_Debug *ar);
/* Pushes one line for the error value at idx; with its place in front, where that is known and `where` is set. */
void kl_describe(lua_State *L, int idx, bool where); /* raises */

/* ---- what a script sees ---- */

void kl_sandbox_open(lua_State *L);    /* raises; fills the globals */
void kl_coroutines_open(lua_State *L); /* raises; pushes the table `coroutine` */
void kl_files_open(lua_State *L);      /* raises; adds os and, where allowed, io to the globals */
void kl_require_open(lua_State *L);    /* raises; pushes the function */
/* Reads a whole file; NULL with errno. The result is owned and NUL-terminated. */
char *kl_read_file(const char *path, size_t *n);

#endif
