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
  bool keeps_state;        /* what runs are strategies, whose states are kept in the file `state`, too */
  bool quick; /* somebody waits for the prompt: the embedded exchange's keys are those that are made soonest */
  bool quiet; /* nothing is said on the terminal, but to the control socket: a prompt has the terminal, and SIGINT */
  /* May be NULL. Called in the middle of the opening, once nobody is asked for a passphrase any more and the
   * environment of the process is as it stays: from then on another thread may use both, while the exchange is started,
   * which is the embedded one or is not. */
  void (*settled)(void *data, bool embedded);
  void *settled_data;
  bool live, log_json, no_watch;
  int64_t memory_mb, cpu_ms, seed, markets;
  int64_t presign_ms; /* -1: as the environment has it */
  int64_t audit_s;
  kl_limits limits;  /* of each script; `queued` comes from queued_mb */
  int64_t queued_mb; /* 0: the default */
  double speed, rate;
  bool allow_all, allow_run;
  kl_text_list allow_fs, allow_net, allow_env;
} kl_connect_options;

enum { KL_CONNECT_OPT_COUNT = 35 };
/* Fills a table for kl_opts_parse that stores into `o` and sets the defaults. */
void kl_connect_opts(kl_connect_options *o, kl_opt table[KL_CONNECT_OPT_COUNT]);
void kl_connect_options_free(kl_connect_options *o);
/* A host that is none in --allow-net would allow nothing, and leave people to wonder: false with `e`. */
bool kl_connect_options_check(const kl_connect_options *o, kl_error *e);

#endif
