/* The language of faults: `--faults SPEC` and `kalua trigger fault`. Reading only; faults.h does them.
 *
 *   SPEC   rules, separated by ";" or line ends
 *   rule   TARGET[,TARGET...]:FAULT[=VALUE] [P%] [next N] [skip N] [from T] [every T] [for T] [user U]
 *
 * docs/simulator.md explains each word. */
#ifndef KL_SIM_FAULT_SPEC_H
#define KL_SIM_FAULT_SPEC_H

#include "base/error.h"
#include "kalshi/operation.h"
#include "sim/fault_dist.h"

/* What a rule is about; a rule has one. */
typedef enum {
  KL_FAULT_ON_REST = 1,
  KL_FAULT_ON_HANDSHAKE = 2, /* of a WebSocket */
  KL_FAULT_ON_WS = 4,        /* messages to a client, or its connection */
  KL_FAULT_ON_EXCHANGE = 8,
  KL_FAULT_ON_TRIGGER = 16 /* a trigger by schedule */
} kl_fault_scope;

typedef enum {
  KL_FAULT_NONE,
  /* a request */
  KL_FAULT_LATENCY, /* the answer, or the message, comes later */
  KL_FAULT_ARRIVAL, /* the request is handled later */
  KL_FAULT_SLOW,    /* written at so many bytes a second */
  KL_FAULT_LOSE_BEFORE,
  KL_FAULT_LOSE_AFTER,
  KL_FAULT_HANG_BEFORE,
  KL_FAULT_HANG_AFTER,
  KL_FAULT_RESET_BEFORE,
  KL_FAULT_RESET_AFTER,
  KL_FAULT_FAIL_BEFORE,
  KL_FAULT_FAIL_AFTER,
  KL_FAULT_LIMIT, /* 429 */
  KL_FAULT_REPEAT,
  KL_FAULT_CUT,
  /* a message, a connection */
  KL_FAULT_DROP,
  KL_FAULT_VANISH,
  KL_FAULT_DUPLICATE,
  KL_FAULT_GAP,
  KL_FAULT_STALL,
  KL_FAULT_DISCONNECT,
  KL_FAULT_CLOSE,
  KL_FAULT_RESET,
  KL_FAULT_END,
  /* the exchange */
  KL_FAULT_PAUSE,
  KL_FAULT_MAINTENANCE,
  KL_FAULT_OUTAGE,
  KL_FAULT_CLOCK,

  KL_FAULT_TRIGGER
} kl_fault_kind;

/* The word for it; "" for NONE. */
const char *kl_fault_name(kl_fault_kind k);

typedef enum {
  KL_FAULT_TARGET_ALL,
  KL_FAULT_TARGET_READS,
  KL_FAULT_TARGET_WRITES,
  KL_FAULT_TARGET_OPERATION,
  KL_FAULT_TARGET_PATH
} kl_fault_target_kind;

typedef struct kl_fault_target {
  kl_fault_target_kind kind;
  const kl_operation *op;
  char method[8];    /* of PATH; "": any */
  char pattern[160]; /* of PATH: below /trade-api/v2, "*" stands for any text */
} kl_fault_target;

enum { KL_FAULT_TARGETS_MOST = 16, KL_FAULT_RULES_MOST = 64, KL_FAULT_SPEC_MOST = 16384 };

typedef struct kl_fault_rule {
  kl_fault_scope scope;
  kl_fault_kind kind;
  kl_fault_target targets[KL_FAULT_TARGETS_MOST]; /* of ON_REST */
  int n_targets;
  uint32_t channels; /* of ON_WS: a bit for each kl_sim_channel; bit KL_CH_COUNT: answers to commands */
  kl_dist dist;      /* of LATENCY, ARRIVAL, STALL */
  int64_t value;     /* status, bytes a second, numbers skipped, close code, error code, microseconds of CLOCK */

  double probability; /* 0 to 1; 1 where none is said */
  bool has_probability;
  uint64_t next, skip;     /* 0: not said */
  int64_t from, every, on; /* microseconds; 0: not said. `on` is what "for" says */
  bool has_from;
  char user[48]; /* a number from 1, or a key id; "": everybody */

  char *text;       /* owned: the rule as it was written, trimmed */
  char **arguments; /* of TRIGGER: its kind, then "k=v" words, NULL-terminated; owned with their texts */
} kl_fault_rule;

/* A strike at a moment, at all connections that match, and not at one of the requests or messages as they come. */
bool kl_fault_is_moment(const kl_fault_rule *r);
/* A state that lasts while the rule is on. */
static inline bool kl_fault_is_window(const kl_fault_rule *r) { return r->scope == KL_FAULT_ON_EXCHANGE; }

/* Whether a path ("/markets/X", below /trade-api/v2) matches a pattern with "*". */
bool kl_fault_path_matches(const char *pattern, const char *path);

/* Reads a specification: *rules (owned; free each with kl_fault_rule_free, then the array) and *n. An empty one has no
 * rules. False with an error of kind "config" that says what is wrong in which rule and column. */
bool kl_fault_spec_parse(const char *text, kl_fault_rule **rules, size_t *n, kl_error *e);
void kl_fault_rule_free(kl_fault_rule *r);
void kl_fault_rules_free(kl_fault_rule *rules, size_t n); /* takes NULL */

#endif
