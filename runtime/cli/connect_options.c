#include "cli/connect_options.h"

#include <string.h>

#include "auth/ready.h"
#include "net/permit.h"

void kl_connect_opts(kl_connect_options *o, kl_opt table[KL_CONNECT_OPT_COUNT]) {
  *o = (kl_connect_options){
      .log_default = "info", .presign_ms = -1, .audit_s = 10, .memory_mb = 256, .cpu_ms = 1000, .seed = 1, .speed = 1};
  const kl_opt opts[KL_CONNECT_OPT_COUNT] = {
      {"env", KL_OPT_TEXT, &o->env, "sim|demo|prod", "which exchange; sim runs inside this process [sim]", 0, 0},
      {"key-id", KL_OPT_TEXT, &o->key_id, "ID", "API key id (KALSHI_API_KEY_ID)", 0, 0},
      {"key", KL_OPT_TEXT, &o->key_path, "FILE", "private key, PEM (KALSHI_PRIVATE_KEY_PATH)", 0, 0},
      {"rest-url", KL_OPT_TEXT, &o->rest_url, "URL", "REST base, up to /trade-api/v2 (KALSHI_REST_URL)", 0, 0},
      {"ws-url", KL_OPT_TEXT, &o->ws_url, "URL", "WebSocket address (KALSHI_WS_URL)", 0, 0},
      {"ca", KL_OPT_TEXT, &o->ca_file, "FILE", "certificates to trust instead of the system's (KALUA_CA)", 0, 0},
      {"live", KL_OPT_FLAG, &o->live, NULL, "allow orders on prod", 0, 0},
      {"presign", KL_OPT_INT, &o->presign_ms, "MS",
       "make signatures for orders ahead, used up to that age; 0: none [1000; on prod 0]", 0, KL_READY_AGE_MAX_MS},
      {"audit", KL_OPT_INT, &o->audit_s, "SECONDS", "how often a live book is compared with REST; 0: never [10]", 0,
       86400},
      {"log", KL_OPT_TEXT, &o->log_level, "LEVEL", "error, warn, info, debug or trace (KALUA_LOG)", 0, 0},
      {"log-json", KL_OPT_FLAG, &o->log_json, NULL, "log as one JSON object per line", 0, 0},
      {"log-file", KL_OPT_TEXT, &o->log_file, "FILE", "log there instead of stderr", 0, 0},
      {"seed", KL_OPT_INT, &o->seed, "N", "of the embedded exchange: the same seed gives the same market [1]", 0, 9e15},
      {"markets", KL_OPT_INT, &o->markets, "N", "of the embedded exchange [36]", 1, 10000},
      {"speed", KL_OPT_REAL, &o->speed, "X", "of the embedded exchange; 1 is real time [1]", 0.01, 1000},
      {"rate", KL_OPT_REAL, &o->rate, "N", "book messages a second of the embedded exchange", 0.1, 100000},
      {"tier", KL_OPT_TEXT, &o->tier, "NAME", "rate limits of the embedded exchange, basic to prestige [prestige]", 0,
       0},
      {"faults", KL_OPT_TEXT, &o->faults, "SPEC", "what goes wrong at the embedded exchange; see `kalua sim`", 0, 0},
      {"state", KL_OPT_TEXT, &o->state, "FILE",
       "keep kalua.state of the scripts in it, the embedded exchange in FILE.exchange", 0, 0},
      {"mem", KL_OPT_INT, &o->memory_mb, "MB", "memory ceiling of each script [256]", 1, 65536},
      {"cpu-ms", KL_OPT_INT, &o->cpu_ms, "MS", "longest stretch of a script without yielding [1000]", 1, 3600000},
      {"max-tasks", KL_OPT_INT, &o->limits.tasks, "N", "tasks of a script that have not ended [20000]", 1, 1e6},
      {"max-timers", KL_OPT_INT, &o->limits.timers, "N", "sleeps and time limits of a script [20000]", 1, 1e6},
      {"max-sockets", KL_OPT_INT, &o->limits.sockets, "N", "http requests and connections of a script [64]", 1, 1e5},
      {"max-handles", KL_OPT_INT, &o->limits.handles, "N", "open books and subscriptions of a script [20000]", 1, 1e6},
      {"max-queued", KL_OPT_INT, &o->queued_mb, "MB", "messages and bodies that wait for a script [128]", 1, 65536},
      {"log-rate", KL_OPT_INT, &o->limits.log_rate, "N", "log lines of a script a second [1000]", 1, 1e6},
      {"order-rate", KL_OPT_REAL, &o->limits.order_rate, "N", "orders of a script a second [no limit]", 0.001, 1e5},
      {"allow-fs", KL_OPT_LIST, &o->allow_fs, "PATH", "scripts may use files below PATH", 0, 0},
      {"allow-net", KL_OPT_LIST, &o->allow_net, "HOST", "scripts may connect to HOST", 0, 0},
      {"allow-env", KL_OPT_LIST, &o->allow_env, "VAR", "scripts may read the environment variable VAR", 0, 0},
      {"allow-run", KL_OPT_FLAG, &o->allow_run, NULL, "scripts may start programs", 0, 0},
      {"allow-all", KL_OPT_FLAG, &o->allow_all, NULL, "all of these permissions", 0, 0},
      {"no-watch", KL_OPT_FLAG, &o->no_watch, NULL, "do not reload a script when its file changes", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  memcpy(table, opts, sizeof opts);
}

void kl_connect_options_free(kl_connect_options *o) {
  kl_text_list_free(&o->allow_fs);
  kl_text_list_free(&o->allow_net);
  kl_text_list_free(&o->allow_env);
}

bool kl_connect_options_check(const kl_connect_options *o, kl_error *e) {
  kl_error why;
  for (size_t i = 0; i < o->allow_net.n; i++) {
    if (kl_permit_check(o->allow_net.items[i], &why)) continue;
    kl_error_set(e, "usage", "--allow-net: %s", why.message);
    return false;
  }
  return true;
}
