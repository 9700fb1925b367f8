/* Strategies: named scripts that go on while their versions change. A version is a script (a Lua state) of its own; the
 * strategy starts a new one beside the one that runs, swaps them between two events, returns to the old one when the
 * new one proves wrong, and decides what happens when one fails. Everything runs on the loop thread. */
#ifndef KL_STRATEGY_H
#define KL_STRATEGY_H

#include "script/script.h"

/* What happens when the running version fails after its probation. */
typedef enum {
  KL_FAILED_STOP,      /* the strategy ends, failed */
  KL_FAILED_RESTART,   /* its source is read anew and started, after 1 s, 2 s, 4 s and so on to 60 s, with its state */
  KL_FAILED_LAST_GOOD, /* the same with the source of the last version that outlived its probation, kept in memory */
  KL_FAILED_COUNT
} kl_on_failure;
extern const char *const kl_on_failure_names[KL_FAILED_COUNT]; /* "stop" "restart" "last-good" */

typedef struct kl_strategy_options {
  kl_script_options script;
  kl_on_failure on_failure;
  bool watch;       /* a changed file is a reload */
  int probation_ms; /* errors of a new version within that time undo the reload; 0: 10,000; negative: no probation */
  int start_ms;     /* how long a new version may read and wait before it has started; 0: 10,000 */
  /* It is the shadow of that one: beside it, beginning with a copy of its state, it has no effect outside of the
   * process (kl_may_act), and no file keeps its state. Of the same host; NULL: it is none. */
  kl_strategy *shadow_of;
} kl_strategy_options;

typedef enum {
  KL_STRATEGY_RUNNING,
  KL_STRATEGY_RELOADING, /* runs, and a new version starts beside it */
  KL_STRATEGY_PROBATION, /* a new version runs, the one before it is kept */
  KL_STRATEGY_PAUSED,    /* no task of it runs; events queue */
  KL_STRATEGY_WAITING,   /* failed, and is started again soon */
  KL_STRATEGY_ENDED
} kl_strategy_phase;
extern const char *const kl_strategy_phase_names[]; /* "running" "reloading" "probation" "paused" "waiting" "ended" */

typedef struct kl_strategy_status {
  kl_strategy_phase phase;
  const char *name, *path; /* path NULL: from a text */
  int generation;
  char hash[17];                          /* of the source and of all modules it loaded: 16 hex digits */
  int64_t started_ms, version_started_ms; /* wall */
  uint64_t reloads, refused, rolled_back, restarts;
  bool failed;            /* ended by an error */
  bool stopping;          /* it was told to end, or was and has */
  char last_error[256];   /* of the last failure, refusal or return, unless a later reload has undone it; "" */
  char last_code[64];     /* the code of that, or its kind: what `kalua explain` takes; "" */
  kl_script_stats script; /* of the running version; zeroed when none runs */
} kl_strategy_status;

/* Compiles and schedules the first version, as kl_script_start. *out is borrowed and valid until kl_host_close. */
bool kl_strategy_start(kl_host *h, const kl_strategy_options *o, kl_strategy **out, kl_error *e);
/* Reads the source again, and starts it as a new version whether it has changed or not. What comes of it is said in the
 * log, and to `done` when that is given: once, maybe within the call, with e NULL after the swap. Fails with `e` when
 * the strategy has ended. */
typedef void kl_reload_done(void *data, kl_strategy *g, const kl_error *e);
bool kl_strategy_reload(kl_strategy *g, kl_reload_done *done, void *data, kl_error *e);
/* The same with the source of another file, which is its own from the swap on: watched, reloaded, started again. The
 * state is that of the version that runs. A rollback brings the old file back, too. Fails with `e` as above, while a
 * reload is under way, and where it was not started from a file. */
bool kl_strategy_promote(kl_strategy *g, const char *path, kl_reload_done *done, void *data, kl_error *e);
/* As kl_script_stop, of all its versions; nothing is started again. */
void kl_strategy_stop(kl_strategy *g, kl_stop_reason why, bool now);
/* Starts one that has ended anew: source, generation and state as for a reload. */
bool kl_strategy_start_again(kl_strategy *g, kl_error *e);
/* Tasks rest and events queue until it is resumed. False with `e` when it has ended. */
bool kl_strategy_pause(kl_strategy *g, bool paused, kl_error *e);
/* The version that runs; NULL when none does. Borrowed until the next turn of the loop. */
kl_script *kl_strategy_script(kl_strategy *g);
const char *kl_strategy_name(const kl_strategy *g);
/* The strategy whose shadow it is; NULL when it is none. */
kl_strategy *kl_strategy_shadow_of(const kl_strategy *g);
/* As it was started; borrowed, its path until a promotion. */
const kl_strategy_options *kl_strategy_get_options(const kl_strategy *g);
void kl_strategy_status_get(const kl_strategy *g, kl_strategy_status *out);
/* Somebody who wants to know which version runs: told when it is another one, and when none does any more (`s` NULL: it
 * has ended, or failed and is started again later). `s` is live then, and of the one before all tasks rest or have
 * ended. Owned by the caller. */
typedef struct kl_strategy_observer kl_strategy_observer;
struct kl_strategy_observer {
  kl_list link;
  void (*changed)(kl_strategy_observer *o, kl_strategy *g, kl_script *s); /* starts, ends and runs nothing */
};
void kl_strategy_observe(kl_strategy *g, kl_strategy_observer *o);
void kl_strategy_unobserve(kl_strategy_observer *o); /* harmless when repeated */
/* The strategy that a script is a version of; NULL for a script of its own. */
kl_strategy *kl_script_strategy(const kl_script *s);
/* All strategies of the host, in order of their start, ended ones too: start with NULL; NULL at the end. */
kl_strategy *kl_strategy_next(kl_host *h, const kl_strategy *g);

#endif
