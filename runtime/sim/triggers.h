/* What a tester can make happen: `kalua trigger KIND k=v...`, POST /sim/trigger/KIND, and rules of --faults. One table
 * says the kinds and their arguments, to the command's help, to completions and to the page. */
#ifndef KL_SIM_TRIGGERS_H
#define KL_SIM_TRIGGERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "sim/sim.h"

enum { KL_SIM_TRIGGER_ARGS_MOST = 6 };

typedef enum {
  KL_TRIGGER_TEXT,    /* one word */
  KL_TRIGGER_SPEC,    /* any text */
  KL_TRIGGER_COUNT,   /* contracts, "12.50" */
  KL_TRIGGER_PRICE,   /* dollars, 0 to 1 */
  KL_TRIGGER_WHOLE,   /* a whole number from 1 */
  KL_TRIGGER_NUMBER,  /* any number */
  KL_TRIGGER_TIME,    /* "20ms", "5s" */
  KL_TRIGGER_DIST,    /* a time or a distribution of times */
  KL_TRIGGER_SIDE,    /* bid or ask */
  KL_TRIGGER_CHANNEL, /* of the WebSocket */
  KL_TRIGGER_TARGET,  /* an operation, a path, "writes" … as --faults names them */
  KL_TRIGGER_CHOICE   /* one of `choices` */
} kl_sim_trigger_type;

typedef struct kl_sim_trigger_arg {
  const char *name; /* NULL ends the list */
  kl_sim_trigger_type type;
  bool required;
  const char *help;
  const char *choices; /* "yes|no"; of CHOICE */
} kl_sim_trigger_arg;

typedef struct kl_sim_trigger_call kl_sim_trigger_call;

typedef struct kl_sim_trigger_kind {
  const char *name;    /* NULL ends the table */
  const char *group;   /* "orders", "markets", "money", "connections", "requests", "rules" */
  const char *summary; /* one line */
  kl_sim_trigger_arg args[KL_SIM_TRIGGER_ARGS_MOST + 1];
  bool (*run)(kl_sim_trigger_call *c);
  bool not_by_schedule;
} kl_sim_trigger_kind;

extern const kl_sim_trigger_kind kl_sim_trigger_kinds[];
const kl_sim_trigger_kind *kl_sim_trigger_find(const char *name); /* NULL: there is none */

/* Whether kind and arguments ("k=v", NULL-terminated) can be understood; false with an error of kind "validation" that
 * says what is wrong. Knows nothing of any exchange. */
bool kl_sim_trigger_check(const char *kind, const char *const *words, bool by_schedule, kl_error *e);
/* Does it; appends a JSON object that says what was done, with a `message` for people. False: e->status is 400, 404 or
 * 409 and nothing was done. Loop thread. */
bool kl_sim_trigger_run(kl_sim *s, const char *kind, const char *const *words, kl_buf *out, kl_error *e);
/* The table as a JSON array. */
void kl_sim_trigger_json(kl_buf *b);

#endif
