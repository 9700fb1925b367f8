/* What the back end of the prompt shares. */
#ifndef KL_PROMPT_INTERNAL_H
#define KL_PROMPT_INTERNAL_H

#include "base/list.h"
#include "prompt/session.h"
#include "script/debugger.h"
#include "script/evaluate.h"

struct kl_prompt {
  kl_control *control; /* borrowed, as host and env */
  kl_host *host;
  const char *env;
  const char *elsewhere; /* address of a simulator that is a process of its own; NULL: there is none */
  kl_journal *journal;   /* owned; NULL: none */
  kl_list sessions;      /* of kl_prompt_session.link */
};

struct kl_prompt_session {
  kl_list link;
  kl_prompt *prompt;
  kl_control_call *call;
  kl_prompt_client client;
  kl_strategy *strategy;
  kl_strategy_observer observer;
  kl_evaluator *evaluator; /* in the version that runs; NULL until one is asked for */
  kl_list watches;         /* of watch_ops.c */
  kl_debug_client debug;   /* of debug_ops.c */
  bool armed;
};

/* What is remembered with a call begins with it, for operations that work first and answer in parts then. */
typedef enum { KL_PROMPT_WORKS, KL_PROMPT_ANSWERS } kl_prompt_state;
/* How many bytes of a text go into one event: no character of UTF-8 is cut. */
size_t kl_prompt_part(const char *text, size_t left);

/* The part of this session in the version that runs; NULL with `e` where none does. */
kl_evaluator *kl_prompt_session_evaluator(kl_prompt_session *s, kl_error *e);
/* Ends it: what it evaluates is cancelled for this reason, and its call is answered. */
void kl_prompt_session_end(kl_prompt_session *s, const char *why);
/* Its watches end, as the session does. */
void kl_prompt_end_watches(kl_prompt_session *s, const char *why);

/* The operations of session.c, eval_ops.c and watch_ops.c; `data` is the prompt. */
extern const kl_control_op kl_prompt_session_ops[], kl_prompt_eval_ops[], kl_prompt_watch_ops[];
/* Those of debug_ops.c. */
extern const kl_control_op kl_prompt_debug_ops[];
/* Those of inspect_ops.c. */
extern const kl_control_op kl_prompt_inspect_ops[];

#endif
