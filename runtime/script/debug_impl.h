/* The inside of the debugger: what its files share. */
#ifndef KL_SCRIPT_DEBUG_IMPL_H
#define KL_SCRIPT_DEBUG_IMPL_H

#include "script/debugger.h"
#include "script/internal.h"

/* A breakpoint, and who wants it. */
typedef struct kl_break {
  int id;
  char *asked; /* the file as it was asked for; owned */
  char *file;  /* as it was found; owned, NULL while it was not */
  int wanted, line;
  char *condition; /* owned, NULL: none */
  char *text;      /* of the line that was asked for; owned, NULL: not known */
  bool once, stays;
  bool told_cannot, told_failed;
  uint64_t hits, passed;
  kl_debug_client **clients; /* owned */
  size_t n_clients;
} kl_break;

/* Lines of this number may have a breakpoint, in some file. */
enum { LINE_BITS = 4096 };

typedef struct kl_debugger {
  kl_strategy *strategy;
  kl_keeper *keeper; /* whose it is */
  kl_break *breaks;  /* in order of their ids */
  size_t n_breaks, cap;
  int last_id;
  unsigned char lines[LINE_BITS / 8];
  kl_list clients; /* of kl_debug_client.link */
  kl_list stops;   /* of kl_stop.link */
  bool pause_any;  /* the next task that runs is to be stopped */
  kl_debug_client *pause_client;
  size_t n_on_loop; /* clients that want to look at loops */
  kl_buf said;      /* notes for the clients, each with a NUL behind it: told once no Lua runs */
  lua_State *frame; /* the coroutine whose frame a condition reads */
  lua_Debug *frame_ar;
} kl_debugger;

/* A stopped task: what it waits for. */
typedef struct kl_stop {
  kl_wait wait; /* first */
  kl_list link;
  kl_debugger *debugger;
  kl_script *script;
  uint64_t task;
  kl_debug_why why;
  bool stays;              /* by a breakpoint without a client that went with this stop */
  bool told;               /* the clients know of it */
  bool ended;              /* and that it goes on */
  kl_debug_client *client; /* who made it stop; NULL: a breakpoint */
  int breakpoint;
  char *file;  /* owned */
  char *error; /* owned, NULL: none */
  int line;
  int nest; /* coroutines inside of coroutines */
  lua_State *co;
  kl_buf names; /* of the variables of the top frame, in order, each with a NUL behind it */
} kl_stop;

/* What is asked of one task. */
typedef struct kl_debug_task {
  kl_debug_how how;
  bool paused; /* `how` is INTO, for kl_debug_suspend */
  kl_debug_client *client;
  int nest;      /* where the step began: coroutines inside of coroutines, */
  lua_State *co; /* the coroutine, only to be compared, */
  int depth;     /* functions in it */
  bool skipped;  /* told that there was a line at which it cannot be stopped */
} kl_debug_task;

/* Makes it where there is none yet; NULL when memory is out. */
kl_debugger *kl_debugger_for(kl_strategy *g);
/* Of the strategy of a script; NULL where nobody debugs it. */
static inline kl_debugger *kl_debugger_of(const kl_script *s) { return s->keeper->debugger; }

/* ---- breakpoints ---- */

kl_break *kl_break_find(kl_debugger *d, int id);
void kl_break_remove(kl_debugger *d, int id);
/* Those that only this client wants are removed. */
void kl_breaks_leave(kl_debugger *d, const kl_debug_client *c);
void kl_breaks_free(kl_debugger *d);
/* Says whether anything of the lines is to be looked at; after each change. */
void kl_debug_update(kl_debugger *d);
/* One line for the clients, or the log where there is none. */
void kl_debug_say(kl_debugger *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- conditions ---- */

/* Whether the text is an expression; the reason why not in `e`. */
bool kl_condition_check(const char *condition, kl_error *e);
typedef enum { KL_CONDITION_FALSE, KL_CONDITION_TRUE, KL_CONDITION_FAILED } kl_condition_result;
/* In the hook of L. A failure has its text in *error, owned; NULL where memory is out. */
kl_condition_result kl_condition_evaluate(kl_debugger *d, const kl_break *b, lua_State *L, lua_Debug *ar, char **error);

/* ---- stops ---- */

/* The stop of a task; NULL when it is not stopped. */
kl_stop *kl_stop_of(const kl_task *t);
kl_stop *kl_stop_find(const kl_debugger *d, uint64_t task);
void kl_stop_describe(const kl_stop *stop, kl_debug_stop *out);
/* It runs on in the next pass; the clients are told, with the reason where they have not asked for it. */
void kl_stop_end(kl_stop *stop, const char *because);
/* The client goes: what it had stopped, or what nobody is left for, runs on. */
void kl_stops_leave(kl_debugger *d, const kl_debug_client *c);
/* What is asked of a task, made where there is nothing yet; NULL when memory is out. */
kl_debug_task *kl_debug_task_for(kl_task *t);

#endif
