/* kalua sim: the exchange simulator as a server of its own. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/connect_options.h"
#include "cli/sim_access.h"
#include "sim/sim.h"

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk) {
  (void)st;
  (void)flag;
  (void)walk;
  return remove(path);
}

/* A folder of mode 0700 for the throw-away keys. */
static bool make_folder(char *out, size_t cap, kl_error *e) {
  const char *base = getenv("XDG_RUNTIME_DIR");
  if (!base || !*base || access(base, W_OK) != 0) base = getenv("TMPDIR");
  if (!base || !*base) base = "/tmp";
  snprintf(out, cap, "%s/kalua-sim-XXXXXX", base);
  if (mkdtemp(out)) return true;
  kl_error_set(e, KL_ERR_CONFIG, "cannot make a folder for the keys in %s: %s", base, strerror(errno));
  return false;
}

/* The folder beside the state file, where the keys stay: a bot that was set up once goes on working. */
static bool keep_folder(char *out, size_t cap, const char *state, kl_error *e) {
  int n = snprintf(out, cap, "%s.keys", state);
  if (n > 0 && (size_t)n < cap && (mkdir(out, 0700) == 0 || errno == EEXIST)) return true;
  kl_error_set(e, KL_ERR_CONFIG, "cannot make the folder %.300s.keys for the keys: %s", state,
               n > 0 && (size_t)n < cap ? strerror(errno) : "the name is too long");
  return false;
}

static void key_path(char *out, size_t cap, const char *folder, int user) {
  snprintf(out, cap, "%s/user%d.pem", folder, user + 1);
}

static bool write_keys(const kl_sim *sim, const char *folder, kl_error *e) {
  for (int i = 0; i < kl_sim_users(sim); i++) {
    char path[512];
    if (!kl_sim_user_at(sim, i)->key) break; /* from here on they have keys of their own */
    key_path(path, sizeof path, folder, i);
    (void)unlink(path); /* of an earlier run with the same state file */
    if (!kl_key_write_file(kl_sim_user_at(sim, i)->key, path, e)) return false;
  }
  return true;
}

/* The key file of a user, throw-away or brought along; *is_private says whether one can sign with it. */
static const char *key_file(const kl_sim *sim, const char *folder, int i, char *path, size_t cap, bool *is_private) {
  int own = 0;
  *is_private = true;
  while (own < i && kl_sim_user_at(sim, own)->key)
    own++;
  if (!kl_sim_user_at(sim, i)->key) return kl_sim_access_file(i - own, is_private);
  key_path(path, cap, folder, i);
  return path;
}

static void print_user(kl_buf *b, const kl_sim *sim, const char *folder, int i) {
  char path[512];
  bool is_private;
  const char *file = key_file(sim, folder, i, path, sizeof path, &is_private);
  kl_buf_str(b, "\"key_id\":");
  kl_buf_json_cstr(b, kl_sim_user_at(sim, i)->key_id);
  kl_buf_str(b, is_private ? ",\"key_path\":" : ",\"public_key_path\":");
  kl_buf_json_cstr(b, file);
}

static bool print_json(const kl_sim *sim, const char *folder) {
  kl_buf b = {0};
  kl_buf_str(&b, "{\"rest_url\":");
  kl_buf_json_cstr(&b, kl_sim_rest_url(sim));
  kl_buf_str(&b, ",\"ws_url\":");
  kl_buf_json_cstr(&b, kl_sim_ws_url(sim));
  kl_buf_char(&b, ',');
  print_user(&b, sim, folder, 0);
  kl_buf_str(&b, ",\"page_url\":");
  kl_buf_json_cstr(&b, kl_sim_page_url(sim));
  if (kl_sim_ca_path(sim)) {
    kl_buf_str(&b, ",\"ca_path\":");
    kl_buf_json_cstr(&b, kl_sim_ca_path(sim));
  }
  if (kl_sim_users(sim) > 1) {
    kl_buf_str(&b, ",\"users\":[");
    for (int i = 0; i < kl_sim_users(sim); i++) {
      kl_buf_str(&b, i ? ",{" : "{");
      print_user(&b, sim, folder, i);
      kl_buf_char(&b, '}');
    }
    kl_buf_char(&b, ']');
  }
  kl_buf_str(&b, "}\n");
  bool ok = !b.failed && fwrite(b.data, 1, b.len, stdout) == b.len && fflush(stdout) == 0;
  kl_buf_free(&b);
  return ok;
}

static void print_human(const kl_sim *sim, const char *folder, bool kept) {
  char path[512];
  printf("The exchange is ready. Point a client at it with\n\n"
         "  export KALSHI_REST_URL=%s\n  export KALSHI_WS_URL=%s\n",
         kl_sim_rest_url(sim), kl_sim_ws_url(sim));
  if (kl_sim_ca_path(sim)) printf("  export KALUA_CA=%s\n", kl_sim_ca_path(sim));
  for (int i = 0; i < kl_sim_users(sim); i++) {
    bool is_private;
    const char *file = key_file(sim, folder, i, path, sizeof path, &is_private);
    if (i > 0) printf("\nand as user %d\n\n", i + 1);
    printf("  export KALSHI_API_KEY_ID=%s\n", kl_sim_user_at(sim, i)->key_id);
    if (is_private)
      printf("  export KALSHI_PRIVATE_KEY_PATH=%s\n", file);
    else
      printf("  and the private key of %s\n", file);
  }
  printf("\nand look at it in a browser: %s\n", kl_sim_page_url(sim));
  puts(kept ? "\nThe keys that it made stay with the state file. Ctrl-C stops it."
            : "\nThe keys that it made are thrown away at the end. Ctrl-C stops it.");
  fflush(stdout);
}

/* The counters as one line of JSON, for whoever asked by SIGUSR1. */
static void print_stats(const kl_sim *sim) {
  kl_sim_stats st;
  kl_sim_stats_get(sim, &st);
  fprintf(stderr,
          "{\"requests\":%" PRIu64 ",\"rejected_auth\":%" PRIu64 ",\"rate_limited\":%" PRIu64 ",\"orders\":%" PRIu64
          ",\"trades\":%" PRIu64 ",\"ws_messages\":%" PRIu64 ",\"ws_clients\":%" PRIu64 "}\n",
          st.requests, st.rejected_auth, st.rate_limited, st.orders, st.trades, st.ws_messages, st.ws_clients);
}

/* Serves until a signal says to stop, or the state file cannot be written any more; then the exit code says so. */
static int wait_for_end(const kl_sim *sim, const sigset_t *set) {
  kl_error e;
  for (;;) {
    int got = sigtimedwait(set, NULL, &(struct timespec){.tv_nsec = 250000000});
    if (got == SIGUSR1) print_stats(sim);
    if (got == SIGINT || got == SIGTERM) return KL_EXIT_OK;
    if (kl_sim_broken(sim, &e)) return kl_cli_fail(&e);
  }
}

int kl_command_sim(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua sim\n\n"
      "Serves an exchange with synthetic traders on 127.0.0.1 until Ctrl-C or SIGTERM: the same\n"
      "REST and WebSocket protocol, signatures verified, and a page for a browser at the root of its\n"
      "address. With --json it prints one line when it is ready; on SIGUSR1 it prints a line of JSON\n"
      "with its counters to stderr.\n";
  int64_t port = 0, seed = 1, markets = 0, users = 1, post_only_throttle = 0;
  double speed = 1, rate = 0;
  bool tls = false, quiet = false, maintenance = false, json = false;
  const char *level_name = NULL, *tier = NULL, *faults = NULL, *precision = NULL, *state = NULL;
  const kl_opt own[] = {
      {"port", KL_OPT_INT, &port, "N", "0 takes any free one", 0, 65535, .fallback = "0"},
      {"seed", KL_OPT_INT, &seed, "N", "the same seed gives the same market", 0, 9e15, .fallback = "1",
       .group = "The market"},
      {"markets", KL_OPT_INT, &markets, "N", "how many markets", 1, 10000, .fallback = "36"},
      {"speed", KL_OPT_REAL, &speed, "X", "1 is real time", 0.01, 1000, .fallback = "1"},
      {"rate", KL_OPT_REAL, &rate, "N", "book messages a second that the traders aim at", 0.1, 100000},
      {"users", KL_OPT_INT, &users, "N", "accounts, each with a key", 1, 100, .fallback = "1", .group = "Accounts"},
      {"tier", KL_OPT_TEXT, &tier, KL_TIERS, "rate limits of every account", .fallback = "prestige"},
      {"faults", KL_OPT_TEXT, &faults, "SPEC", "what goes wrong, like create_order:lose-after=1%", 0, 0},
      {"balance-precision", KL_OPT_TEXT, &precision, "0.01|0.0001",
       "of balances: 0.01, or 0.0001 as direct members have it", .fallback = "0.01"},
      {"state", KL_OPT_TEXT, &state, "FILE", "the exchange goes on with it, and outlives a kill", 0, 0},
      {"tls", KL_OPT_FLAG, &tls, NULL, "https and wss, with a certificate of its own", 0, 0},
      {"quiet-market", KL_OPT_FLAG, &quiet, NULL, "no synthetic traders", 0, 0},
      {"post-only-throttle", KL_OPT_INT, &post_only_throttle, "N",
       "429 for post-only orders after N a minute would have crossed", 1, 100000},
      {"maintenance", KL_OPT_FLAG, &maintenance, NULL, "trading pauses Thursday 03:00 to 05:00 Eastern", 0, 0},
      {"json", KL_OPT_FLAG, &json, NULL, "one JSON line when it is ready", 0, 0},
      {"log", KL_OPT_TEXT, &level_name, "error|warn|info|debug|trace", "how much is logged", .fallback = "warn"},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code =
      kl_opts_parse("sim", usage, (const kl_opt *const[]){own, kl_sim_access_options(), NULL}, argc, argv, NULL, NULL);
  if (code >= 0) return code;
  kl_log_level level = KL_LOG_WARN;
  if (level_name) kl_log_level_parse(level_name, &level);
  kl_error e = {0};
  if (faults && !kl_sim_faults_check(faults, &e)) return kl_cli_usage("sim", "--%s", e.message);
  kl_log_open(level, false, NULL);
  kl_auth_harden_process();
  /* Blocked before the thread starts, so that the signals come to sigwait and to nobody else. */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a state file at the limit of its size is an error like a full disk */

  kl_sim_options so = {.port = (int)port,
                       .seed = (uint64_t)seed,
                       .markets = (int)markets,
                       .speed = speed,
                       .rate = rate,
                       .users = (int)users,
                       .tier = tier,
                       .faults = faults,
                       .title = "kalua sim",
                       .balance_precision = precision && !strcmp(precision, "0.0001") ? KL_MONEY_ONE / 10000 : 0,
                       .state = state,
                       .tls = tls,
                       .maintenance = maintenance,
                       .post_only_throttle = (int)post_only_throttle,
                       .quiet = quiet};
  kl_sim *sim = NULL;
  char folder[400];
  if (!state && !make_folder(folder, sizeof folder, &e)) return kl_cli_fail(&e);
  /* The folder beside a state file is made once that turned out to be one. */
  bool ok = kl_sim_access_apply(&so, &e) && kl_sim_start(&so, &sim, &e) &&
            (!state || keep_folder(folder, sizeof folder, state, &e)) && write_keys(sim, folder, &e);
  code = ok ? KL_EXIT_OK : kl_cli_fail(&e);
  if (ok) {
    if (json) {
      if (!print_json(sim, folder)) code = KL_EXIT_FAILED;
    } else {
      print_human(sim, folder, state != NULL);
    }
    if (code == KL_EXIT_OK) code = wait_for_end(sim, &set);
    if (!json) {
      kl_sim_stats st;
      kl_sim_stats_get(sim, &st);
      fprintf(stderr,
              "\n%" PRIu64 " requests (%" PRIu64 " answered 429), %" PRIu64 " orders, %" PRIu64 " trades, %" PRIu64
              " messages sent\n",
              st.requests, st.rate_limited, st.orders, st.trades, st.ws_messages);
    }
  }
  kl_sim_stop(sim);
  if (!state) nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  kl_sim_access_end();
  kl_log_close();
  return code;
}
