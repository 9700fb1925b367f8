/* Inputs of a prompt: source that is compiled and run as a task of a running script, from outside of it. An error in an
 * input is the input's alone: it fails no script, undoes no reload, and calls no on_error handler. Everything runs on
 * the loop thread. */
#ifndef KL_SCRIPT_EVALUATE_H
#define KL_SCRIPT_EVALUATE_H

#include "script/script.h"

/* What inputs of one prompt share in one script (a version): its variables. Names of an input mean, in this order: the
 * variables of the frame that was selected; `_`, the last value, and what inputs declared `local` outside of any block;
 * the script's globals; modules of the program, without `require`. */
typedef struct kl_evaluator kl_evaluator;
/* One input that runs. */
typedef struct kl_evaluation kl_evaluation;

/* NULL with `e` when the script has ended or memory is out. */
kl_evaluator *kl_evaluator_new(kl_script *s, kl_error *e);
/* Its evaluations end as cancelled for this reason, told within the call. Takes NULL. */
void kl_evaluator_free(kl_evaluator *v, const char *why);
/* The script; NULL once it has ended. */
kl_script *kl_evaluator_script(const kl_evaluator *v);
/* Pushes what a name means to its inputs; runs no code of the script's. False, and nothing pushed, where it means
 * nothing. `L` is of the script. */
bool kl_evaluator_lookup(kl_evaluator *v, lua_State *L, const char *name); /* raises */
/* The names of its own variables and of the modules: see kl_scope_each. */
void kl_evaluator_each(kl_evaluator *v, lua_State *L, void (*fn)(void *data, lua_State *L, const char *name),
                       void *data); /* raises */

/* From now on names are looked up first in this frame (as kl_task_frame counts, or KL_FRAME_USUAL) of a task that waits
 * or was stopped; task 0: no longer. False with `e` where there is no such frame. */
bool kl_evaluator_select(kl_evaluator *v, uint64_t task, int level, kl_error *e);
/* What is selected, and its level now; false: nothing, or that frame is gone. */
bool kl_evaluator_selected(const kl_evaluator *v, uint64_t *task, int *level);

typedef enum {
  KL_EVALUATION_VALUE,
  KL_EVALUATION_ERROR,
  KL_EVALUATION_CANCELLED,
  KL_EVALUATION_MORE /* the source is not complete: nothing was run */
} kl_evaluation_status;

enum { KL_EVALUATION_VALUES = 1000, KL_EVALUATION_GUARDED_MS = 100 };

typedef struct kl_evaluation_end {
  kl_evaluation_status status;
  int64_t ns;      /* since it was begun */
  bool waited;     /* it was suspended meanwhile */
  int values;      /* how many there were; the first KL_EVALUATION_VALUES were shown */
  const char *why; /* why it was cancelled, or why `show` was not called or did not come to its end; NULL: it did */
} kl_evaluation_end;

typedef struct kl_evaluation_options {
  const char *source; /* borrowed during the call */
  size_t n;
  const char *chunk; /* the file that it is from; NULL: it was typed. Borrowed during the call */
  bool armed;        /* false: only expressions, and guarded (script/guard.h) */
  int cpu_ms;        /* longest stretch without waiting; 0: KL_EVALUATION_GUARDED_MS, or when armed the script's own */
  bool silent;       /* its value does not become `_` */
  void *data;
  /* What the input itself prints, without a line end. */
  void (*print)(void *data, const char *text, size_t n);
  /* May be NULL. False: it waits in print until kl_host_print_room. */
  bool (*room)(void *data);
  /* Before `ended`, for a value or an error: the n values, or the one error value, at the top of L, which is the
   * script's main thread. The traceback is NULL for values, and where there is none. */
  void (*show)(void *data, lua_State *L, int n, const char *traceback); /* raises */
  /* Once, maybe within kl_evaluate; the evaluation is gone then. */
  void (*ended)(void *data, const kl_evaluation_end *end);
} kl_evaluation_options;

/* NULL when it has ended already, which `ended` was told. */
kl_evaluation *kl_evaluate(kl_evaluator *v, const kl_evaluation_options *o);
/* As kl_task_cancel: it ends soon. `why` is copied. */
void kl_evaluation_cancel(kl_evaluation *x, const char *why);
/* The task that runs it; borrowed until the end. */
kl_task *kl_evaluation_task(const kl_evaluation *x);

#endif
