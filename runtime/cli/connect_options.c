#include "cli/connect_options.h"

#include <stdio.h>
#include <string.h>

#include "auth/ready.h"
#include "net/permit.h"
#include "trading/desk.h"
#include "trading/risk.h"

/* "max_order_count=" and so on. */
static const char *const *risk_words(void) {
  enum { LONGEST = 32 };
  static char texts[KL_LIMITS][LONGEST];
  static const char *words[KL_LIMITS + 1];
  for (int i = 0; i < KL_LIMITS; i++) {
    snprintf(texts[i], LONGEST, "%s=", kl_limit_table[i].name);
    words[i] = texts[i];
  }
  return words;
}

void kl_connect_opts(kl_connect_options *o, kl_opt table[KL_CONNECT_OPT_COUNT]) {
  *o = (kl_connect_options){.log_default = "info",
                            .presign_ms = -1,
                            .audit_s = 10,
                            .memory_mb = 256,
                            .cpu_ms = 1000,
                            .seed = 1,
                            .speed = 1,
                            .paper_latency_ms = -1,
                            .paper_balance = -1};
  const kl_opt opts[KL_CONNECT_OPT_COUNT] = {
      {"env", KL_OPT_TEXT, &o->env, "sim|demo|prod", "which exchange; sim runs inside this process", .fallback = "sim",
       .variable = "KALSHI_ENV", .common = true, .group = "The exchange and the key"},
      {"key-id", KL_OPT_TEXT, &o->key_id, "ID", "API key id", .variable = "KALSHI_API_KEY_ID", .common = true},
      {"key", KL_OPT_TEXT, &o->key_path, "FILE",
       "private key, PEM: RSA of 2048 bits or more, or Ed25519; the passphrase of an encrypted one is asked for",
       .variable = "KALSHI_PRIVATE_KEY_PATH", .common = true},
      {"rest-url", KL_OPT_TEXT, &o->rest_url, "URL", "REST base, up to /trade-api/v2", .variable = "KALSHI_REST_URL"},
      {"ws-url", KL_OPT_TEXT, &o->ws_url, "URL", "WebSocket address", .variable = "KALSHI_WS_URL"},
      {"ca", KL_OPT_TEXT, &o->ca_file, "FILE", "certificates to trust instead of the system's", .variable = "KALUA_CA"},
      {"audit", KL_OPT_INT, &o->audit_s, "SECONDS", "how often a live book is compared with REST; 0: never", 0, 86400,
       .fallback = "10"},

      {"live", KL_OPT_FLAG, &o->live, NULL, "allow orders on prod; without it scripts trade there on paper",
       .common = true, .group = "Orders"},
      {"paper", KL_OPT_FLAG, &o->paper, NULL, "fill orders here, by live market data; on prod without --live as well",
       .common = true},
      {"paper-latency", KL_OPT_INT, &o->paper_latency_ms, "MS", "how long a paper order takes to the exchange, one way",
       0, 10000, .fallback = "half of the measured round trip"},
      {"paper-balance", KL_OPT_REAL, &o->paper_balance, "DOLLARS", "what a paper account begins with, over all shards",
       0, 1e9, .fallback = "the live account's balance"},
      {"risk", KL_OPT_LIST, &o->risk, "LIMIT=N[,...]",
       "limit of the account's orders, as max_exposure=500: docs/risk.md", .variable = "KALUA_RISK",
       .words = risk_words, .common = true},
      {"order-groups", KL_OPT_INT, &o->order_group, "CONTRACTS",
       "orders of each script in order groups, which the exchange stops at so many contracts in 15 s", 1, KL_BELT_MOST},
      {"lease", KL_OPT_REAL, &o->lease_s, "SECONDS",
       "orders of kalshi.order expire so soon unless this process renews them", KL_LEASE_LEAST, KL_LEASE_MOST},
      {"order-rate", KL_OPT_REAL, &o->limits.order_rate, "N",
       "orders of a script a second; more are refused, cancels and decreases always pass", 0.001, 1e5,
       .fallback = "no limit"},
      {"presign", KL_OPT_INT, &o->presign_ms, "MS", "make signatures for orders ahead, used up to that age; 0: none", 0,
       KL_READY_AGE_MAX_MS, .fallback = "1000; on prod 0"},
      {"orders-sync", KL_OPT_FLAG, &o->orders_sync, NULL, "each order is on the disk before it is sent"},

      {"state", KL_OPT_TEXT, &o->state, "FILE",
       "keep kalua.state of the scripts in it, their orders in FILE.orders, the embedded exchange in FILE.exchange, "
       "the "
       "paper account in FILE.paper, and go on with all of them at the next start",
       .common = true, .group = "What outlives the process, and the log"},
      {"no-watch", KL_OPT_FLAG, &o->no_watch, NULL, "do not reload a script when its file changes"},
      {"log", KL_OPT_TEXT, &o->log_level, "error|warn|info|debug|trace", "how much is logged", .variable = "KALUA_LOG",
       .fallback = "info for run; warn or error for others", .common = true},
      {"log-json", KL_OPT_FLAG, &o->log_json, NULL, "log as one JSON object per line"},
      {"log-file", KL_OPT_TEXT, &o->log_file, "FILE", "log there instead of stderr"},
      {"log-rate", KL_OPT_INT, &o->limits.log_rate, "N",
       "log lines of a script a second, and five times as many at once; the rest is dropped and counted", 1, 1e6,
       .fallback = "1000"},

      {"allow-fs", KL_OPT_LIST, &o->allow_fs, "PATH",
       "scripts may use the file PATH or what is below the folder; PATH:ro: only read",
       .group = "Permissions of scripts"},
      {"allow-net", KL_OPT_LIST, &o->allow_net, "HOST",
       "scripts may connect to HOST: a name or an address, maybe with a port; *.example.com is every name below it"},
      {"allow-env", KL_OPT_LIST, &o->allow_env, "VAR", "scripts may read the environment variable VAR"},
      {"allow-run", KL_OPT_FLAG, &o->allow_run, NULL, "scripts may start programs"},
      {"allow-all", KL_OPT_FLAG, &o->allow_all, NULL, "all of these permissions"},

      {"mem", KL_OPT_INT, &o->memory_mb, "MB", "memory ceiling of each script", 1, 65536, .fallback = "256",
       .group = "Ceilings of each script"},
      {"cpu-ms", KL_OPT_INT, &o->cpu_ms, "MS", "longest stretch of a script without yielding", 1, 3600000,
       .fallback = "1000"},
      {"max-tasks", KL_OPT_INT, &o->limits.tasks, "N", "tasks that have not ended", 1, 1e6, .fallback = "20000"},
      {"max-timers", KL_OPT_INT, &o->limits.timers, "N", "sleeps and time limits", 1, 1e6, .fallback = "20000"},
      {"max-sockets", KL_OPT_INT, &o->limits.sockets, "N", "http requests and connections", 1, 1e5, .fallback = "64"},
      {"max-handles", KL_OPT_INT, &o->limits.handles, "N", "open books and subscriptions", 1, 1e6, .fallback = "20000"},
      {"max-queued", KL_OPT_INT, &o->queued_mb, "MB", "messages and bodies that wait for a script or for its servers",
       1, 65536, .fallback = "128"},
      {"max-store", KL_OPT_INT, &o->store_mb, "MB", "the store of a script on the disk", 1, 65536, .fallback = "64"},

      {"seed", KL_OPT_INT, &o->seed, "N", "the same seed gives the same market", 0, 9e15, .fallback = "1",
       .group = "The embedded exchange"},
      {"markets", KL_OPT_INT, &o->markets, "N", "how many markets", 1, 10000, .fallback = "36"},
      {"speed", KL_OPT_REAL, &o->speed, "X", "1 is real time", 0.01, 1000, .fallback = "1"},
      {"rate", KL_OPT_REAL, &o->rate, "N", "book messages a second that the traders aim at", 0.1, 100000},
      {"tier", KL_OPT_TEXT, &o->tier, KL_TIERS, "rate limits of the account", .fallback = "prestige"},
      {"faults", KL_OPT_TEXT, &o->faults, "SPEC", "what goes wrong, as create_order:lose-after=1%: docs/simulator.md"},
      {NULL}};
  memcpy(table, opts, sizeof opts);
  for (kl_opt *at = table; at->name; at++)
    at->connects = true;
}

void kl_connect_options_free(kl_connect_options *o) {
  kl_text_list_free(&o->allow_fs);
  kl_text_list_free(&o->allow_net);
  kl_text_list_free(&o->allow_env);
  kl_text_list_free(&o->risk);
}

bool kl_connect_options_check(const kl_connect_options *o, kl_error *e) {
  kl_error why;
  for (size_t i = 0; i < o->allow_net.n; i++) {
    if (kl_permit_check(o->allow_net.items[i], &why)) continue;
    kl_error_set(e, "usage", "--allow-net: %s", why.message);
    return false;
  }
  kl_limit_values limits = {0};
  for (size_t i = 0; i < o->risk.n; i++) {
    if (kl_limits_parse(o->risk.items[i], &limits, &why)) continue;
    kl_error_set(e, "usage", "--risk: %s", why.message);
    return false;
  }
  return true;
}
