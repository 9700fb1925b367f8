/* The front end of the prompt: the terminal, or standard input, and what is typed there; its other end is the control
 * socket of the process that runs the strategies, which may be this one. It has a loop and a host of its own and blocks
 * the calling thread, so that keys are answered whatever the other thread does. */
#ifndef KL_PROMPT_FRONT_H
#define KL_PROMPT_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct kl_front_options {
  int fd;           /* connected to a control socket; taken */
  const char *name; /* of the strategy; NULL: the only one */
  bool local;       /* the other end is this process, and ends with the prompt */
  bool foreseen;    /* it will be an empty script on the embedded exchange: the prompt may be there before it */
  bool armed;       /* from the beginning */
  bool json;        /* values as JSON */
  bool keep_going;  /* after an input that failed, where nobody sits at a terminal */
  const char *const *inputs; /* what is evaluated, instead of what is typed; NULL-terminated; NULL: what is typed */
  /* Breaks what runs at the other end at this moment, from this thread. NULL: only its time limit does. */
  void (*interrupt)(void *data);
  void *data;
} kl_front_options;

/* Returns the exit code of the command: 0, 1 where an input failed or the other end has gone, that of an error's kind
 * as for scripts, 130 interrupted. What went wrong was said. */
int kl_front_run(const kl_front_options *o);

#endif
