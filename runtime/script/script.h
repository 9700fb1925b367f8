/* Scripts: a Lua state each, tasks that read as if they blocked, one await primitive, one scope. The only place that
 * resumes Lua. Everything runs on the loop thread. */
#ifndef KL_SCRIPT_H
#define KL_SCRIPT_H

#include <lauxlib.h>
#include <lua.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"

typedef struct kl_host kl_host;
typedef struct kl_script kl_script;
typedef struct kl_strategy kl_strategy;
typedef struct kl_task kl_task;
typedef struct kl_wait kl_wait;
typedef struct kl_member kl_member;

/* ---- waiting ---- */

/* What ends a wait. */
typedef enum {
  KL_WAIT_EVENT, /* time, the market, other processes: a version of a strategy has started when this is all it waits for
                  */
  KL_WAIT_START, /* the answer to something that was read: a part of the start of a version */
  KL_WAIT_INNER  /* only another task of the script */
} kl_wait_kind;

/* What a task waits for: malloc'ed by a binding, begins with this, dropped exactly once. */
struct kl_wait {
  kl_task *task;                        /* borrowed; NULL once nobody waits */
  int (*push)(lua_State *L, kl_wait *); /* push the results, in the waiting coroutine; may raise */
  void (*drop)(kl_wait *);              /* stop and release; once; never touches Lua */
  /* May be NULL. The task is being cancelled: true keeps the wait in place until kl_complete (then the task raises
   * "cancelled" and push is not called), false drops it at once. Never touches Lua. */
  bool (*cancel)(kl_wait *);
  /* May be NULL. Appends what is waited for, in words: "sleep, 0.8 s left". Called only when somebody looks; never
   * touches Lua. */
  void (*describe)(const kl_wait *, kl_buf *out);
  kl_wait_kind kind;
  bool timed; /* with KL_WAIT_INNER: time ends it, too */
};

/* Suspends the running task until kl_complete; returns as a C function returns. Takes w, whatever happens. Raises
 * "cancelled" when the task was cancelled, and an error where Lua cannot yield. */
int kl_await(lua_State *L, kl_wait *w); /* raises */
/* From the loop: the wait is over, the task resumes in the next pass. Harmless when repeated. */
void kl_complete(kl_wait *w);
/* Lets the other tasks run; returns as a C function returns. Raises as kl_await does. */
int kl_yield(lua_State *L); /* raises */
/* The same, but goes on with `k` in place of returning; `k` has to look at kl_check_cancelled. */
int kl_yield_to(lua_State *L, lua_KContext ctx, lua_KFunction k); /* raises */
/* The running task has not waited for some 25 to 50 ms and may wait here: who could go on at once, as an iterator over
 * a queue, yields, so that a slow loop slows no other task and no connection. Costs next to nothing. */
bool kl_stretched(lua_State *L);
/* Ends the running task when it has run for more than its time: for calls whose work a script can make as long as it
 * likes, every few thousand steps. Costs next to nothing. The call must own nothing then. */
void kl_check_time(lua_State *L); /* raises, or suspends the task for good */
/* Raises "cancelled" when the running task was cancelled: for calls that could have waited but did not need to. */
void kl_check_cancelled(lua_State *L); /* raises */

/* ---- versions ---- */

/* A script may be one version of a strategy (script/strategy.h). One that has not taken over yet, or that was replaced
 * and is kept for a return, is not live: its tasks do not run, but for what a start needs. */
bool kl_script_live(const kl_script *s);
/* For calls with an effect outside of this process, before they have any: false when the running version is not live
 * yet. Then return kl_hold(L, ctx, k), and go on in `k` once it is live. In a shadow (kl_strategy_options.shadow_of) it
 * raises kind "shadow": kl_may_pretend does not, for calls that have their effect taken from them there, or none. */
bool kl_may_act(lua_State *L); /* raises */
bool kl_may_pretend(lua_State *L);
/* Is a version of a shadow. */
bool kl_script_is_shadow(const kl_script *s);
int kl_hold(lua_State *L, lua_KContext ctx, lua_KFunction k); /* raises */

/* Another version has taken over from this one. What a wait of it has under way is not given up when the wait is
 * dropped: the state that went over counts on it. */
bool kl_script_replaced(const kl_script *s);

/* Something of a binding's that outlives versions, as a queue of messages: found by a key, shared by the versions that
 * hold it, freed when the last one has let go. A version may hold several of one key; the n-th it takes is the n-th
 * that the others took. Without a strategy it belongs to the one script. */
enum { KL_KEPT_HOLDERS = 4 };
typedef struct kl_kept kl_kept;
struct kl_kept {
  kl_kept *next; /* of the same key */
  kl_script *holders[KL_KEPT_HOLDERS];
  char *key;
  void (*free)(kl_kept *); /* the memory of the whole; never touches Lua */
};
/* The oldest of this key that `s` does not hold yet, and now holds; NULL when there is none. */
kl_kept *kl_kept_take(kl_script *s, const char *key);
/* `s` holds a new one (zeroed but for `free`). False when memory is out; then the caller frees it. */
bool kl_kept_add(kl_script *s, kl_kept *k, const char *key);
/* `s` lets go; k may be freed by that. */
void kl_kept_release(kl_script *s, kl_kept *k);
/* The oldest of this key, whoever holds it; the others follow by `next`. NULL when there is none. */
kl_kept *kl_kept_first(const kl_script *s, const char *key);
/* `s` holds k too. False where it does already, or where there are KL_KEPT_HOLDERS of them. */
bool kl_kept_hold(kl_script *s, kl_kept *k);
bool kl_kept_held(const kl_kept *k, const kl_script *s); /* by s */
/* Whose work this is, where that counts between strategies: one number for all versions of one, never 0. */
uint64_t kl_script_owner(const kl_script *s);

/* The script that L (any coroutine of it) belongs to. */
kl_script *kl_script_of(lua_State *L);
kl_host *kl_script_host(kl_script *s);
const char *kl_script_name(const kl_script *s);
uv_loop_t *kl_script_loop(kl_script *s);
const kl_clock *kl_script_clock(kl_script *s);
/* What the embedding program gave with kl_host_options.data. */
void *kl_script_data(kl_script *s);

/* ---- errors ---- */

/* Raises e as an error object: a table with kind, message, where known status, code, operation, retryable, where (the
 * script's line), and a __tostring ("kind: message"). */
int kl_raise(lua_State *L, const kl_error *e);                                                             /* raises */
int kl_raisef(lua_State *L, const char *kind, const char *fmt, ...) __attribute__((format(printf, 3, 4))); /* raises */
/* The same with a code, as kl_error_coded. */
int kl_raise_coded(lua_State *L, const char *kind, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5))); /* raises */
/* Pushes it instead. */
void kl_push_error(lua_State *L, const kl_error *e);

/* ---- tasks ---- */

/* Starts fn (at the top of L's stack below its nargs arguments, all popped) as a task of the script; it first runs in
 * the next pass. Pushes the task object. Raises when the scope is closing or memory is out. The pointer is valid while
 * the task runs or its object is reachable. What others may do with a task is in script/task.h. */
kl_task *kl_task_spawn(lua_State *L, int nargs); /* raises */
/* Sticky: the task's wait is dropped, it wakes and raises {kind="cancelled"}; every later await raises again. `why`
 * must be static or outlive the task. */
void kl_task_cancel(kl_task *t, const char *why);

/* ---- scopes: what a script owns ---- */

/* A member of a script: a subscription, a book handle, a timer. Closed when the script ends, in reverse order of birth.
 */
struct kl_member {
  kl_list link;
  void (*close)(kl_member *); /* release; never touches Lua; unlinked before */
  /* May be NULL. The version has become live: who waits for what is there already is to be woken (kl_complete). Never
   * touches Lua. */
  void (*live)(kl_member *);
  /* May be NULL. Appends what it is as fields of a JSON object: `kind`, what it is about, what waits in it. Called only
   * when somebody looks; never touches Lua. */
  void (*describe)(const kl_member *, kl_buf *out);
};
void kl_script_adopt(kl_script *s, kl_member *m);
void kl_script_disown(kl_member *m);

/* ---- the host ---- */

typedef enum { KL_STOP_EXIT, KL_STOP_ERROR, KL_STOP_RELOAD } kl_stop_reason;

typedef struct kl_host_options {
  const kl_clock *clock;
  void *data;              /* for the bindings: kl_script_data */
  const luaL_Reg *modules; /* C modules, preloaded as `require` names; {NULL, NULL} ends it */
  int grace_ms;            /* how long tasks may take to end after a stop; 0: 3,000 */
  /* A script ended: its main chunk returned and no task is left, it failed, or it was stopped. */
  void (*script_ended)(void *data, kl_script *s, bool failed);
  void (*print)(void *data, kl_script *s, const char *text, size_t n); /* output of print; NULL: stdout */
  /* May be NULL. False: a task of `s` that prints waits until kl_host_print_room; one that cannot wait prints anyway.
   */
  bool (*print_room)(void *data, kl_script *s);
  /* A strategy ended; `s`, its last version, is valid within the call, and NULL where it ended without one running. */
  void (*strategy_ended)(void *data, kl_strategy *g, kl_script *s, bool failed);
  /* A reload came about or did not: one line, and where there is one a traceback (else NULL). NULL: the log. */
  void (*announce)(void *data, kl_strategy *g, bool bad, const char *text, const char *traceback);
  /* Keeps `kalua.state` of strategies over the end of the process (script/state_file.h); borrowed, to be closed after
   * the host. NULL: nothing does. */
  struct kl_state_file *state_file;
  /* Where the memory of scripts comes from, below their caps: as realloc, and size 0 frees. NULL: the C library. */
  void *(*memory)(void *data, void *p, size_t size);
  struct kl_coverage *coverage; /* counts the lines that run (script/coverage.h); borrowed, NULL: nothing does */
  void (*closed)(void *data);   /* after kl_host_close: the host is gone; may be NULL */
  /* What no permission gives to a script: files (as a private key; NULL-terminated paths) and variables of the
   * environment, which programs that a script starts do not get either. NULL: none. Borrowed until kl_host_close. */
  const char *const *secret_files, *const *secret_variables;
  const char *secret_folder; /* all that is or will be below it, too; NULL: none. Borrowed until kl_host_close */
  /* And what is or will be in the working folder by this name, or by one that begins with it and a dot: ".env" means
   * .env.NAME, too. Borrowed until kl_host_close. */
  const char *secret_settings;
} kl_host_options;

kl_host *kl_host_new(uv_loop_t *loop, const kl_host_options *o); /* NULL when out of memory */
/* After all scripts ended. Closes its handles; the memory goes when the loop has closed them: run the loop once more.
 */
void kl_host_close(kl_host *h);
uv_loop_t *kl_host_loop(const kl_host *h);
size_t kl_host_running(const kl_host *h); /* scripts not yet ended */
/* Nothing is ready to run: what comes next comes from outside, or with time. */
bool kl_host_at_rest(const kl_host *h);
struct kl_coverage *kl_host_coverage(const kl_host *h); /* as it was given */
/* The script of the task that runs next; NULL: none is ready. */
const char *kl_host_busy(const kl_host *h);
/* Tasks that wait in print are to ask again whether there is room. */
void kl_host_print_room(kl_host *h);
/* Breaks the script that runs at this moment, when it has not come to an end of its own a tenth of a second later; does
 * nothing between two resumes. For signal handlers: async-signal-safe, from any thread. */
void kl_host_interrupt(kl_host *h);

typedef struct kl_permissions { /* nothing is allowed unless listed; NULL-terminated lists */
  bool all, run;
  const char *const *fs, *const *net, *const *env;
} kl_permissions;

/* Ceilings of one script; 0: the default. script/limits.h counts. */
typedef struct kl_limits {
  int64_t tasks;     /* that have not ended; 20,000 */
  int64_t timers;    /* sleeps, and waits with a time limit; 20,000 */
  int64_t sockets;   /* http requests under way, http streams, ws connections; 64 */
  int64_t handles;   /* open books and subscriptions; 20,000 */
  int64_t queued;    /* bytes outside of Lua: messages and bodies that wait for it or for its servers; 128 MiB */
  int64_t log_rate;  /* log lines a second, and five times as many at once; 1,000 */
  int64_t store;     /* bytes of a store on the disk; 64 MiB */
  double order_rate; /* orders a second, and as many at once; by default only the exchange's own limits hold */
} kl_limits;

typedef struct kl_script_options {
  const char *path;   /* of the file; NULL with `source` */
  const char *source; /* instead of a file (kalua -e, the prompt) */
  const char *runner; /* an embedded module whose value is called with the main chunk, in place of it; NULL: none */
  const char *name;   /* NULL: the file's name without .lua */
  const char *env;    /* "sim", "demo", "prod" */
  char *const *args;  /* kalua.args; NULL-terminated */
  size_t memory_cap;  /* bytes; 0: 256 MiB */
  int cpu_ms;         /* longest stretch without yielding; 0: 1,000 */
  bool stays;         /* it does not end when no task is left, but when it is stopped: somebody may yet start one */
  kl_limits limits;
  kl_permissions allow;
} kl_script_options;

/* Compiles and schedules a script. False with `e` for a file that cannot be read, a syntax error (message with line),
 * or memory. The options are copied. *out is borrowed and valid until kl_host_close, also after the script ended. */
bool kl_script_start(kl_host *h, const kl_script_options *o, kl_script **out, kl_error *e);
/* on_stop handlers run, then the scope closes. Repeating it with `now` true skips the grace. All of it happens later,
 * on the loop; does nothing to a script that ended. */
void kl_script_stop(kl_script *s, kl_stop_reason why, bool now);
/* Why a script failed: one line with its place; the `kind` of the error object; the traceback, several lines. Each is
 * NULL where there is none. Borrowed until kl_host_close. */
const char *kl_script_error(const kl_script *s);
const char *kl_script_error_kind(const kl_script *s);
const char *
kl_script_error_code(const kl_script *s); /* what `kalua explain` takes: its code, or its kind without one */
const char *kl_script_traceback(const kl_script *s);

typedef struct kl_script_stats {
  size_t memory, memory_peak;
  uint64_t resumes, errors; /* errors: of tasks nobody awaited, and of the main chunk */
  size_t tasks;
  int generation;
} kl_script_stats;
void kl_script_stats_get(const kl_script *s, kl_script_stats *out);

/* ---- for the bindings of `kalua` and `task` (bindings/) ---- */

/* Remembers a handler (function on top of L's stack, popped). */
void kl_script_on_stop(lua_State *L);      /* raises */
void kl_script_on_error(lua_State *L);     /* raises */
void kl_script_on_probation(lua_State *L); /* raises; a check: false or an error undoes the reload */
/* Sets field "state" of the table at the top of L's stack (the module kalua) to what was carried over, or to an empty
 * table; from there it is read when the next version takes over. */
void kl_script_open_state(lua_State *L); /* raises */
/* kalua.migrate(from, fn): where the state that was carried over has that schema, fn converts it to the next. Arguments
 * at 1 and 2; returns as a C function returns. */
int kl_script_migrate_lua(lua_State *L); /* raises */
/* kalua.save(): returns true once the state is on the disk, false where no file keeps it; returns as a C function
 * returns. */
int kl_script_save_lua(lua_State *L); /* raises */
/* A line of the script's, to the log under its name. */
void kl_script_log(kl_script *s, kl_log_level level, const char *text, size_t n);
/* The same with members as kl_log_write_with has them, borrowed; `generation` is added to them. */
void kl_script_log_with(kl_script *s, kl_log_level level, const kl_buf *members, const char *text, size_t n);
kl_permissions kl_script_permissions(const kl_script *s);
const kl_script_options *kl_script_get_options(const kl_script *s);

/* Lua modules embedded at build time (lua/stdlib). */
typedef struct kl_embedded {
  const char *name;
  const char *text;
  size_t len;
} kl_embedded;
extern const kl_embedded kl_stdlib[];
extern const size_t kl_stdlib_count;
/* NULL when there is none of that name. */
const kl_embedded *kl_embedded_find(const char *name);
/* Pushes its chunk; what was compiled before in this process is not compiled again, and keeps the chunk name of then.
 */
void kl_embedded_load(lua_State *L, const kl_embedded *m, const char *chunk_name); /* raises */

#endif
