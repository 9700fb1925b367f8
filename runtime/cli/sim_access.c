#include "cli/sim_access.h"

#include <stdlib.h>
#include <string.h>

static struct {
  kl_text_list users;
  kl_sim_known_key *known;
  bool *is_private;
  int n;
  bool fcm, fcm_fix_only;
  int64_t clock_skew_ms, read_lag_ms, history_s, region_s, connections, markets, commands;
} access_options = {.region_s = -1};

const kl_opt *kl_sim_access_options(void) {
  static const kl_opt table[] = {
      {"user", KL_OPT_LIST, &access_options.users, "ID=FILE", "an account for a key that you have: its id, PEM file", 0,
       0},
      {"clock-skew", KL_OPT_INT, &access_options.clock_skew_ms, "MS", "how far a timestamp may be off", 1, 1e9,
       .fallback = "15000"},
      {"read-lag", KL_OPT_INT, &access_options.read_lag_ms, "MS",
       "how far reads of one's own orders, fills and money lag", 0, 60000, .fallback = "0"},
      {"history", KL_OPT_INT, &access_options.history_s, "S", "what is older is in /historical only", 1, 1e9,
       .fallback = "90 and 14 days"},
      {"region-expires", KL_OPT_INT, &access_options.region_s, "S",
       "seconds until keys may not trade sports and elections", 0, 1e9},
      {"fcm", KL_OPT_FLAG, &access_options.fcm, NULL, "the first account is an FCM member", 0, 0},
      {"fcm-fix-only", KL_OPT_FLAG, &access_options.fcm_fix_only, NULL, "keys of subtraders may not use REST", 0, 0},
      {"ws-connections", KL_OPT_INT, &access_options.connections, "N", "WebSockets of an account at once", 1, 1e6,
       .fallback = "200"},
      {"ws-markets", KL_OPT_INT, &access_options.markets, "N", "market subscriptions of a WebSocket", 1, 1e9,
       .fallback = "500000"},
      {"ws-commands", KL_OPT_INT, &access_options.commands, "N", "commands of a WebSocket a second", 1, 1e9,
       .fallback = "10000"},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  return table;
}

static bool is_key_id(const char *text, size_t n) {
  static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
  return n > 0 && n <= KL_SIM_KEY_ID_MOST && strspn(text, allowed) >= n;
}

static bool load_user(const char *text, kl_sim_known_key *out, bool *is_private, kl_error *e) {
  const char *equals = strchr(text, '=');
  if (!equals || !equals[1] || !is_key_id(text, (size_t)(equals - text))) {
    kl_error_set(e, KL_ERR_CONFIG,
                 "--user takes ID=FILE, the id of an API key (at most %d letters, digits, -, _ and .) and a PEM file, "
                 "not \"%s\"",
                 KL_SIM_KEY_ID_MOST, text);
    return false;
  }
  memcpy(out->id, text, (size_t)(equals - text));
  return kl_public_key_load_file(equals + 1, kl_passphrase_from_tty, NULL, &out->key, is_private, e);
}

bool kl_sim_access_apply(kl_sim_options *so, kl_error *e) {
  size_t n = access_options.users.n;
  access_options.known = calloc(n + 1, sizeof *access_options.known);
  access_options.is_private = calloc(n + 1, sizeof *access_options.is_private);
  if (!access_options.known || !access_options.is_private) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the users");
    return false;
  }
  for (size_t i = 0; i < n; i++) {
    if (load_user(access_options.users.items[i], &access_options.known[i], &access_options.is_private[i], e)) continue;
    for (size_t k = 0; k < i; k++)
      kl_public_key_release(access_options.known[k].key);
    return false;
  }
  access_options.n = (int)n;
  so->known = access_options.known;
  so->n_known = (int)n;
  so->fcm = access_options.fcm || access_options.fcm_fix_only;
  so->fcm_fix_only = access_options.fcm_fix_only;
  so->max_clock_skew_ms = access_options.clock_skew_ms;
  so->read_lag_ms = access_options.read_lag_ms;
  so->history_s = access_options.history_s;
  so->region_s = access_options.region_s < 0 ? 0 : access_options.region_s == 0 ? -1 : access_options.region_s;
  so->ws_connections = (int)access_options.connections;
  so->ws_markets = access_options.markets;
  so->ws_commands = access_options.commands;
  return true;
}

void kl_sim_access_end(void) {
  free(access_options.known);
  free(access_options.is_private);
  kl_text_list_free(&access_options.users);
}

const char *kl_sim_access_file(int i, bool *is_private) {
  *is_private = access_options.is_private[i];
  return strchr(access_options.users.items[i], '=') + 1;
}
