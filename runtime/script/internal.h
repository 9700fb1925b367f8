/* The inside of script/: what its files share. */
#ifndef KL_SCRIPT_INTERNAL_H
#define KL_SCRIPT_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/timer.h"
#include "script/evaluate.h"
#include "script/file_watch.h"
#include "script/limits.h"
#include "script/look.h"
#include "script/rehearsal.h"
#include "script/script.h"
#include "script/sources.h"
#include "script/strategy.h"
#include "script/task.h"

/* ---- the watchdog: ends what runs too long without waiting ---- */

typedef enum { KL_BROKEN_NOT, KL_BROKEN_TIME, KL_BROKEN_INTERRUPT } kl_broken;

typedef struct kl_watch {
  pthread_t helper, loop_thread;
  int wake;   /* eventfd: there is something to watch */
  int delays; /* a file in which the system says how long the loop thread waited for a processor; -1: none */
  atomic_uint_fast64_t turn;      /* odd while a script runs; the identity of one resume */
  atomic_uint_fast64_t pass;      /* passes over the ready list so far */
  atomic_uint_fast64_t held;      /* the pass that has run for a tick and more */
  atomic_uint_fast64_t over;      /* the turn that shall be broken */
  atomic_uint_fast64_t stretched; /* the turn that has run for STRETCH_MS and more */
  atomic_int why;                 /* kl_broken */
  atomic_int limit_ms;            /* of the script that runs */
  _Atomic(const char *) name;     /* of the script that runs; lives as long as the host */
  atomic_bool asleep, interrupt, quit;
  kl_task *volatile task; /* that runs, NULL in none; for the signal handler */
  lua_State *volatile co; /* its innermost coroutine */
  int64_t put_off_ns;     /* since when a C function may go on although the task is to be broken; 0: it may not */
} kl_watch;

bool kl_watch_open(kl_host *h);
void kl_watch_close(kl_host *h);
/* A pass begins: the helper must be awake. */
void kl_watch_pass(kl_host *h);
/* The pass has run for a tick of the helper or two: the loop should get its turn. */
bool kl_watch_pass_is_long(kl_host *h);
/* Brackets every stretch of Lua code. `t` may be NULL (closing something): then nothing is broken. */
void kl_watch_begin(kl_script *s, kl_task *t, lua_State *co);
void kl_watch_end(kl_script *s);
/* The running task has done its work: it is not broken any more. */
void kl_watch_done(kl_task *t);
/* What runs has not waited for a tick of the helper or two. */
bool kl_watch_stretched(kl_host *h);
/* The running task goes on in another coroutine. */
void kl_watch_switch(kl_script *s, lua_State *co);
/* For the hook of a task that is to be broken, and for C functions: ends it, out of the reach of its pcalls. */
void kl_watch_break(lua_State *L); /* raises, or suspends the task for good */
/* Raises when the running task is to be broken. */
void kl_watch_check(lua_State *L); /* raises */
/* The running task is to be broken, and has not been yet. */
bool kl_watch_over(const kl_script *s);
/* Pushes what is raised in a task that is broken; the place is where that was noticed first, or where `co` stands. */
void kl_watch_push_error(lua_State *L, const kl_task *t, lua_State *co); /* raises */
enum { KL_PLACE_MAX = LUA_IDSIZE + 16 };

/* ---- host ---- */

struct kl_host {
  uv_loop_t *loop;
  kl_host_options o;
  kl_list scripts;    /* of kl_script.link */
  kl_list ready;      /* of kl_task.ready: resumed in the next pass */
  kl_list todo;       /* of kl_script.todo: looked at after the next pass */
  kl_list strategies; /* of kl_strategy.link */
  kl_list wanted;     /* of kl_strategy.wanted: reloaded after the next pass */
  kl_list printers;   /* waits of tasks that print */
  kl_list tidying;    /* of kl_strategy.tidying: tidied up behind the next pass */
  kl_list inputs;     /* of kl_evaluation.link: whose task has ended, to be told after the pass */
  kl_list dropping;   /* of kl_script.dropping: log lines of theirs were dropped, and that was not said yet */
  uv_timer_t tell;    /* runs while `dropping` has any */
  uv_check_t check;
  uv_idle_t idle;
  size_t running;
  size_t open_handles;
  bool closing;
  uv_timer_t save_timer;
  char *module_path; /* KALUA_PATH; owned, may be NULL */
  kl_buf *compiled;  /* of each of kl_stdlib; owned, NULL until one is loaded */
  kl_watch watch;
};

/* Something is ready: the loop must not block. */
void kl_host_wake(kl_host *h);
/* One of its handles is closed; the last one frees it. */
void kl_host_release(kl_host *h);

/* ---- scripts ---- */

typedef enum { KL_PHASE_RUN, KL_PHASE_HANDLERS, KL_PHASE_CANCEL, KL_PHASE_ENDED } kl_phase;

/* Tokens of a rate: see limits.c. Zeroed: full. */
typedef struct kl_rate {
  double tokens;
  int64_t at_ns; /* when `tokens` was right; 0: never used */
} kl_rate;

/* What the versions of a strategy use together of their ceilings. */
struct kl_meter {
  size_t used, most; /* bytes, of kl_charge */
  kl_rate log, orders;
};

/* Of what kl_embedded_load has compiled. */
void kl_embedded_free(kl_host *h);

/* Raises when the running task may start no other one. */
void kl_limit_tasks(lua_State *L); /* raises */
/* Says of each script of the host how many lines of it were dropped. */
void kl_limits_tell(uv_timer_t *timer);
/* The script ends: the same for it alone. */
void kl_limits_end(kl_script *s);

/* How long tasks run: see kl_strategy_measure. */
typedef struct kl_timing {
  size_t lookers;
  kl_run_time time;
} kl_timing;
/* Around a resume, while that is on. */
int64_t kl_timing_begin(const kl_script *s);
void kl_timing_end(kl_script *s, int64_t began_ns);

/* The kept things of a strategy, or of a script without one. */
typedef struct kl_keeper {
  size_t refs;
  kl_meter meter;
  kl_timing timing;
  struct kl_debugger *debugger; /* owned; NULL: nobody ever debugged it */
  bool looks_at_lines;          /* each line that a task of it runs is to be looked at */
  struct kl_coverage *coverage; /* counts them; borrowed, NULL: nothing does */
  kl_map *map;                  /* key to the first kl_kept of it */
} kl_keeper;
kl_keeper *kl_keeper_new(void); /* NULL when out of memory */
kl_keeper *kl_keeper_retain(kl_keeper *keeper);
void kl_keeper_release(kl_keeper *keeper); /* takes NULL */
/* Lets go of what an ended script still holds. */
void kl_keeper_forget(kl_keeper *keeper, kl_script *s);

/* What a strategy gives to a version of it. */
typedef struct kl_version {
  kl_strategy *strategy;
  kl_keeper *keeper;
  const char *name; /* outlives the version */
  int generation;
  const kl_sources *snapshot; /* read instead of the disk; NULL: none */
  const kl_buf *image;        /* of its state; empty: none */
  int schema;                 /* of that state */
  bool starting;              /* not live yet */
  kl_rehearsal *rehearsal;    /* for what it is answered, or was in an earlier build; taken; NULL when not starting */
  kl_sources *tried;          /* gets the sources when it cannot be built; may be NULL */
} kl_version;

struct kl_script {
  kl_list link, todo;
  kl_host *host;
  lua_State *L;        /* the main thread; NULL once ended */
  const char *name;    /* of the strategy, or own_name */
  char *own_name;      /* owned */
  char *chunk;         /* chunk name of the main chunk; owned */
  char *folder;        /* of the script's file, for require; owned, NULL without a file */
  kl_script_options o; /* owned copies */
  kl_keeper *keeper;   /* retained */
  kl_sources sources;
  uint64_t modules;         /* of the program that it asked for: a bit each */
  size_t used, peak, cap;   /* bytes */
  uint64_t resumes, errors; /* errors that nobody took */
  /* tasks */
  bool live;                    /* they run */
  int nest;                     /* coroutines inside of coroutines that run, in the task that runs */
  kl_list bare;                 /* of kl_task.bare */
  bool no_wait;                 /* a C call between the task and the running coroutine cannot be suspended */
  char broken_at[KL_PLACE_MAX]; /* place of a task that is being broken, with ": " behind it */
  kl_task *current;             /* the task that runs */
  kl_task *main;                /* NULL once it ended */
  kl_list tasks;                /* of kl_task.link, in order of birth */
  size_t n_tasks;
  uint64_t last_task_id;
  size_t n_inner;               /* those that only another task can wake */
  size_t n_checks;              /* of kalua.on_probation, that run */
  kl_list members;              /* of kl_member.link, in order of birth */
  int64_t slots[KL_SLOT_KINDS]; /* see kl_slot */
  uint64_t dropped;             /* log lines, since that was said last */
  kl_list dropping;             /* in the host's list while that is not 0 */
  /* a version of a strategy */
  kl_strategy *strategy; /* NULL: a script of its own */
  int generation;
  int schema;                    /* of its state: 0 when it began without any, else as it was carried or migrated to */
  int declared;                  /* the schema that its calls of kalua.migrate lead to */
  bool starting;                 /* its start runs beside the live version */
  bool for_swap;                 /* its on_stop handlers run because another version takes over */
  bool discarded;                /* closed without a word */
  bool replaced;                 /* another version has taken over */
  const kl_sources *snapshot;    /* where its sources are from while it starts; NULL: the disk */
  kl_rehearsal *rehearsal;       /* of its start; owned, NULL once it is live */
  kl_buf image;                  /* of the state that it begins with; freed once it is live and has read it */
  kl_buf said;                   /* while it starts: what it printed and logged */
  kl_list start_ready;           /* of kl_task.ready: go on with the start */
  kl_list resting;               /* of kl_task.ready: go on once it is live (again) */
  char *late_error, *late_trace; /* of the last task whose error nobody took; owned */
  /* the end */
  kl_phase phase;
  kl_stop_reason why;
  bool stop, now, failed;
  bool at_once;        /* no time to end was given to it: a task that is cut off is not to blame */
  int next_handler;    /* index in the list of handlers, from 1 */
  kl_task *handler;    /* the on_stop handler that runs */
  int64_t deadline_ns; /* of the handlers together */
  kl_timer timer;
  char *error, *error_kind, *error_code, *traceback; /* owned */
};

/* A script in two parts. First its Lua state with the libraries and those modules of the program whose bits are set (in
 * the order of kl_host_options.modules); of `v` only strategy, keeper and name are used (NULL: a script of its own).
 * NULL with `e`. */
kl_script *kl_script_prepare(kl_host *h, const kl_script_options *o, const kl_version *v, uint64_t modules,
                             kl_error *e);
/* Then its source is read and compiled, and its main chunk is scheduled. On failure `s` is gone. Of `v` the rest is
 * used; its rehearsal is taken. */
bool kl_script_begin(kl_script *s, const kl_version *v, kl_error *e);
/* Frees one that was prepared and never begun. Takes NULL. */
void kl_script_drop_prepared(kl_script *s);
/* Frees what is left of an ended script. */
void kl_script_free(kl_script *s);
/* Ends a version at once, without callbacks and without a word, and frees it. */
void kl_script_discard(kl_script *s);
/* Deep copies and their end. False when memory is out; then free what there is. */
bool kl_options_copy(kl_script_options *to, const kl_script_options *from);
void kl_options_free(kl_script_options *o);
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
extern const char kl_on_stop_key, kl_on_error_key, kl_on_probation_key;
/* The number of handlers in such a list. */
int kl_count_handlers(kl_script *s, const char *key);
/* What a script says: to the log, or while it starts aside until it is live. */
void kl_say_later(kl_script *s, int level, const char *text, size_t n);

/* ---- versions (version.c) ---- */

/* The state that it will find. False with `e` when memory is out. */
bool kl_version_give_state(kl_script *s, const kl_buf *image, int schema, kl_error *e);
/* Runs what is ready of the start of a version, for a few milliseconds at most. */
void kl_version_run_start(kl_script *s);
/* Each of its tasks has ended, or waits for something that is no part of a start. */
bool kl_version_has_started(const kl_script *s);
void kl_version_go_live(kl_script *s);
void kl_version_suspend(kl_script *s);
/* The image of its state into `out`, cleared first, with its schema; false with `e` when it cannot cross. *has is
 * cleared where it never asked for a state. */
bool kl_version_capture(kl_script *s, kl_buf *out, int *schema, bool *has, kl_error *e);
/* Starts the checks of kalua.on_probation as tasks, unless some still run. */
void kl_version_check(kl_script *s);
/* Runs the on_stop("reload") handlers of a suspended version, then kl_strategy_handlers_ran. */
void kl_script_before_swap(kl_script *s);
/* The swap that those handlers run for does not come about: the version rests as it did before they began. Does nothing
 * when none run. */
void kl_script_no_swap(kl_script *s);
/* The wait of kl_hold. */
bool kl_is_hold(const kl_wait *w);

/* Appends the image of kalua.state of the running version. Raises what cannot cross; false when it never asked for it.
 */
bool kl_version_write_state(lua_State *L, kl_buf *out); /* raises */

/* ---- states in a file (state_saver.c) ---- all do nothing where the host has none ---- */

void kl_saver_open(kl_host *h);
/* A strategy begins with the state, schema and generation that were kept under its name. */
bool kl_saver_load(kl_strategy *g, kl_error *e);
/* Keeps this image of its state. */
void kl_saver_put(kl_strategy *g, const kl_buf *image, int generation, int schema);

/* ---- strategies ---- */

/* Another version runs, or none. */
void kl_strategy_tell(kl_strategy *g);
/* Told by the scripts; see strategy.c. */
void kl_strategy_step(kl_strategy *g);        /* its turn: a reload is wanted */
void kl_strategy_tidy(kl_strategy *g);        /* what a swap has left to do; harmless when that is nothing */
void kl_strategy_start_step(kl_script *s);    /* something of the start of a version is ready, ended or failed */
bool kl_strategy_takes_failure(kl_script *s); /* the live version has failed: true when another one goes on */
void kl_strategy_handlers_ran(kl_script *s);
void kl_strategy_closing(kl_script *s); /* while its state can still be read */
void kl_strategy_version_ended(kl_script *s);
void kl_strategy_close(kl_strategy *g); /* with the host; frees it when its handles are closed */

/* One try to replace the version that runs. */
typedef struct kl_attempt {
  kl_script *next;      /* the version that starts; NULL: no try is under way */
  kl_script *second;    /* its second build, compiled already, once it is known that there will be one */
  kl_script *rehearsal; /* its first build, kept until the second one has what it had open */
  bool waited;          /* the live version ran on meanwhile, so its state may have changed */
  bool runs;            /* `next` has its state and runs */
  bool last;            /* the live version rests: next is the second build */
  bool handlers;        /* its on_stop handlers run */
  kl_buf image;         /* of the state that was carried over */
  int schema;
  int64_t began_ns, pause_ns; /* pause_ns: since when the live version rests */
} kl_attempt;

/* Somebody who asked for a reload. */
typedef struct kl_reload_waiter {
  kl_list link;
  kl_reload_done *done;
  void *data;
} kl_reload_waiter;

enum { KL_GONE_MAX = 2 };

struct kl_strategy {
  kl_list link, wanted, tidying;
  kl_host *host;
  kl_strategy_options o; /* owned copies */
  char *name;            /* owned */
  kl_keeper *keeper;
  kl_script *live;     /* NULL: none runs */
  kl_script *previous; /* suspended, for a return; NULL: no probation is under way */
  kl_attempt attempt;
  char *promoting;              /* the file of the try, where that is another one; owned, NULL: it is not */
  kl_script *gone[KL_GONE_MAX]; /* versions that the last swap left behind; NULL: none */
  kl_script *spare;             /* prepared, so that the next reload takes less time; NULL: none yet */
  kl_strategy_phase ended;      /* KL_STRATEGY_ENDED or KL_STRATEGY_WAITING while none runs */
  bool stopping, paused, failed;
  bool again;                     /* a reload was asked for in the middle of one that cannot be begun anew */
  kl_list observers;              /* of kl_strategy_observer.link */
  kl_list waiters, waiters_again; /* of kl_reload_waiter.link: who asked before this try began, and since */
  int last_generation;            /* the highest number given so far */
  kl_buf image;                   /* the last known state while no version runs, or one that never asked for it does */
  int schema;
  kl_sources good;         /* of the last version that outlived its probation */
  kl_sources failed_files; /* of the last try that failed: a change of them is one worth looking at */
  bool has_failed_files;
  char hash[KL_HASH_MAX];
  uint64_t errors_at_swap;
  int ticks, failures;
  int open_timers;
  int64_t started_ms, version_started_ms, version_started_ns;
  uint64_t reloads, refused, rolled_back, restarts;
  char last_error[256], last_code[64];
  bool error_of_reload; /* that is why files do not run, which is over when they do */
  int64_t save_at_ns;   /* not before that its state is written to the file again */
  char *not_saved;      /* why it could not be the last time; owned, NULL: it could */
  kl_timer start_timer; /* a start has its time */
  kl_timer timer;       /* ticks of the probation, or the wait before a restart */
  kl_file_watch *watch;
};

/* ---- tasks ---- */

typedef struct kl_reason {
  size_t refs;
  char text[];
} kl_reason;

/* Lives in the memory of its task object, which is anchored in the registry while the task runs. */
struct kl_task {
  kl_list link, ready, joiners;
  kl_script *script;
  uint64_t id;           /* in order of birth, from 1 */
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
  struct kl_debug_task *debug; /* what a debugger asks of it; owned, NULL: nothing */
  lua_State *unmarked;         /* the coroutine of it that a debugger has suspended, without a mark; NULL: none */
  kl_list bare;                /* in the script's list while that is not NULL */
  bool yielded;                /* from a hook, and since then no hook was called: see script/hooks.c */
  bool started;
  bool resetting;       /* its closing variables run for the last time; its error is known already */
  bool quiet;           /* an on_error handler: its own errors are not handed to on_error */
  bool held;            /* the start of its version does not wait for it */
  bool inner;           /* counted in n_inner */
  kl_evaluation *input; /* that it runs for a prompt, until that has been told its end; NULL: none */
  bool prompt;  /* it runs an input of a prompt, also while the strategy is paused; its errors are nobody else's */
  bool waited;  /* it was suspended in a wait */
  int cpu_ms;   /* its longest stretch without waiting; 0: that of the script */
  bool guarded; /* it calls only what changes nothing: script/guard.h */
  bool check;   /* counted in n_checks */
  bool exempt;  /* runs although its version does not, while that is `for_swap`: on_stop handlers, what they start */
  int line;     /* where it was spawned; 0: unknown */
  char source[LUA_IDSIZE];
};

/* User values of a task object. */
enum { KL_UV_THREAD = 1, KL_UV_TRACE, KL_UV_RAISED, KL_UV_RAISED_TRACE, KL_UV_COUNT = KL_UV_RAISED_TRACE };

void kl_tasks_open(lua_State *L); /* raises; the metatable of task objects without its methods */
void kl_ready(kl_task *t);
/* It runs although its strategy is paused. */
bool kl_task_runs_paused(const kl_task *t);
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
/* (wait): kl_await of it, for functions that go on by a continuation. */
int kl_await_held_lua(lua_State *L);
int kl_await_room_lua(lua_State *L);
/* Whether kl_await would wait here, and not raise. */
bool kl_can_await(lua_State *L);
bool kl_is_marked(lua_State *co);
/* `w`, which the task takes, is what it waits for from now on; the yield is the caller's. */
void kl_wait_begin(kl_task *t, kl_wait *w);

/* ---- debugger (script/debugger.h): for the rest of script/; all of it costs next to nothing where nobody debugs ----
 */

void kl_debugger_free(struct kl_debugger *d); /* takes NULL */
/* Of a version: its main file is there, or it has read one more, the last in its list. */
void kl_debug_began(kl_script *s);
void kl_debug_loaded(kl_script *s);
/* In the hook: the running task comes to a line; has made a tail call; runs too long. Each but the second may suspend
 * it; true: has. */
void kl_debug_line(lua_State *L, lua_Debug *ar, kl_task *t);
void kl_debug_tail_call(lua_State *L, kl_task *t);
bool kl_debug_loop(lua_State *L, kl_task *t);
/* A task that runs too long will be stopped, in place of being broken, once it is back from the C function it is in. */
bool kl_debug_will_stop(lua_State *L, const kl_task *t);
bool kl_debug_steps(const kl_task *t);
bool kl_debug_steps_over(const kl_task *t);
/* No Lua runs: what is new is told to those who debug. */
void kl_debug_tell(kl_script *s);
/* A task is about to be resumed; has ended. */
void kl_debug_resumes(kl_task *t);
void kl_debug_task_over(kl_task *t);
/* The tasks of this script that are stopped go on; `because` is static. */
void kl_debug_let_go(kl_script *s, const char *because);
/* Before a coroutine of the task is resumed: true where it was suspended by a debugger, and there is no mark on it. */
bool kl_task_unmark(kl_task *t, lua_State *co);
/* It was, and has not been resumed since. */
bool kl_is_unmarked(lua_State *co);
/* The task needs a hook. */
static inline bool kl_needs_hook(const kl_task *t) {
  return t->broken || t->guarded || t->debug || t->yielded || t->script->keeper->looks_at_lines ||
         t->script->keeper->coverage;
}

/* In the hook: a line of some file is about to run. */
void kl_coverage_line(struct kl_coverage *c, lua_State *L, lua_Debug *ar);

/* ---- inputs of prompts (evaluate.c) ---- */

/* Tells the ends of those whose tasks have ended. */
void kl_evaluations_tell(kl_host *h);
/* The input that the running task evaluates; NULL: none. */
kl_evaluation *kl_evaluation_current(const kl_script *s);
void kl_evaluation_print(kl_evaluation *x, const char *text, size_t n);
bool kl_evaluation_has_room(kl_evaluation *x);

/* ---- errors ---- */

void kl_errors_open(lua_State *L);                     /* raises */
int kl_raise_cancelled(lua_State *L, const char *why); /* raises */
bool kl_is_cancelled_error(lua_State *L, int idx);
/* Finds the innermost running function of the script's own files (modules of the program are passed over) and fills the
 * fields of "Sl". False where there is none. */
bool kl_find_place(lua_State *L, lua_Debug *ar);
/* The code of the entry that explains an error value (base/explain.h), NULL where none does. Static. */
const char *kl_error_value_code(lua_State *L, int idx);
/* Pushes one line for the error value at idx; with its place in front, where that is known and `where` is set. */
void kl_describe(lua_State *L, int idx, bool where); /* raises */

/* ---- what a script sees ---- */

int kl_print_lua(lua_State *L); /* print */
/* A line to where print goes. */
void kl_script_print(kl_script *s, const char *text, size_t n);
void kl_sandbox_open(lua_State *L);    /* raises; fills the globals */
void kl_coroutines_open(lua_State *L); /* raises; pushes the table `coroutine` */
/* The coroutine inside of which a suspended thread waits; NULL where it waits itself. */
lua_State *kl_coroutine_inner(lua_State *co);
void kl_files_open(lua_State *L);  /* raises; adds io, os, loadfile and dofile to the globals */
void kl_system_open(lua_State *L); /* raises; pushes the table `os` without its functions for files */
/* Pushes a function that raises kind "permission": no flag gives it, and what to use instead. */
void kl_push_never(lua_State *L, const char *name, const char *instead); /* raises */
/* A continuation that returns all that is on the stack. */
int kl_all_results(lua_State *L, int status, lua_KContext ctx);
/* Moves past a byte order mark and a first line for the shell (#!…); the line end stays. */
void kl_skip_shebang(const char **text, size_t *n);
void kl_require_open(lua_State *L); /* raises; pushes the function */
void kl_require_module(lua_State *L,
                       const char *name); /* raises; pushes the module, as the script's require gives it */
/* Reads a whole file; NULL with errno. The result is owned and NUL-terminated. */
char *kl_read_file(const char *path, size_t *n);

#endif
