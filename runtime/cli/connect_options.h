/* The options that every connecting command takes. */
#ifndef KL_CONNECT_OPTIONS_H
#define KL_CONNECT_OPTIONS_H

#include "cli/cli.h"
#include "script/script.h"

/* The options every connecting command takes, before defaults. */
typedef struct kl_connect_options {
  const char *env, *key_id, *key_path, *rest_url, *ws_url, *ca_file, *log_level, *log_file, *tier, *faults, *state;
  const char *log_default; /* the level where neither --log nor KALUA_LOG says one */
  bool embedded;           /* the embedded exchange, whatever the settings say */
  bool keyless;            /* no key is loaded, whatever the settings say */
  bool keeps_state;        /* what runs are strategies, whose states are kept in the file `state`, too */
  bool quiet; /* nothing is said on the terminal, but to the control socket: a prompt has the terminal, and SIGINT */
  /* May be NULL. Called in the middle of the opening, once nobody is asked for a passphrase any more and the
   * environment of the process is as it stays: from then on another thread may use both, while the exchange is started,
   * which is the embedded one or is not. */
  void (*settled)(void *data, bool embedded);
  void *settled_data;
  struct kl_key *key; /* read already, in place of that which key_path or a variable names; borrowed, or NULL */
  struct kl_coverage *coverage; /* kl_host_options.coverage */
  bool live, log_json, no_watch, orders_sync;
  bool trades; /* what runs are scripts that may trade: on prod without `live` on paper */
  bool paper;
  int64_t paper_latency_ms; /* -1: not said */
  double paper_balance;     /* dollars; the same */
  int64_t memory_mb, cpu_ms, seed, markets;
  int64_t presign_ms; /* -1: as the environment has it */
  int64_t audit_s;
  kl_limits limits;  /* of each script; `queued` and `store` come from: */
  int64_t queued_mb; /* 0: the default */
  int64_t store_mb;  /* the same */
  double speed, rate;
  bool allow_all, allow_run;
  kl_text_list allow_fs, allow_net, allow_env;
  kl_text_list risk;   /* limits of the account */
  int64_t order_group; /* contracts in 15 s of each script; 0: no order groups */
  double lease_s;      /* 0: none */
} kl_connect_options;

/* Of an exchange: what --tier takes. */
#define KL_TIERS "basic|advanced|expert|premier|paragon|prime|prestige"

enum { KL_CONNECT_OPT_COUNT = 43 };
/* Fills a table for kl_opts_parse that stores into `o` and sets the defaults. */
void kl_connect_opts(kl_connect_options *o, kl_opt table[KL_CONNECT_OPT_COUNT]);
void kl_connect_options_free(kl_connect_options *o);
/* A host that is none in --allow-net would allow nothing, and leave people to wonder, and a limit that is none would
 * limit nothing: false with `e`. */
bool kl_connect_options_check(const kl_connect_options *o, kl_error *e);

#endif
