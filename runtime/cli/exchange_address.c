#include "cli/exchange_address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kalshi/session.h"
#include "net/url.h"

static bool copy_url(char *out, size_t cap, const char *url, const char *name, kl_error *e) {
  size_t n = strlen(url);
  while (n && url[n - 1] == '/')
    n--; /* the exchange redirects a trailing slash, and the signature covers the path */
  if (n >= cap) {
    kl_error_coded(e, KL_ERR_CONFIG, "url_wrong", "%s: longer than %zu characters", name, cap - 1);
    return false;
  }
  memcpy(out, url, n);
  out[n] = 0;
  return true;
}

/* A URL of another scheme, with a password, or unencrypted to another machine is refused here and not by the first
 * call. So is the real exchange under the name of another environment: it would take orders without --live. */
static bool check_url(const char *env, kl_url_family family, const char *text, const char *name, kl_error *e) {
  static const char domain[] = "kalshi.com";
  const size_t len = sizeof domain - 1;
  kl_url u = {0};
  kl_error inner = {0};
  if (!kl_url_parse(&u, family, text, &inner)) {
    kl_error_coded(e, KL_ERR_CONFIG, inner.code, "%s: %s", name, inner.message);
    return false;
  }
  size_t n = strlen(u.host);
  while (n && u.host[n - 1] == '.')
    n--;
  bool real = n >= len && !strncasecmp(u.host + n - len, domain, len) && (n == len || u.host[n - len - 1] == '.');
  bool ok = !real || !strcmp(env, "prod");
  if (!ok) {
    kl_error_coded(e, KL_ERR_CONFIG, "real_exchange",
                   "%s: %.200s is the real exchange: say so by --env prod, or name another one", name, u.host);
  }
  kl_url_free(&u);
  return ok;
}

bool kl_exchange_address_choose(const kl_connect_options *o, const kl_settings *settings, kl_exchange_address *out,
                                kl_error *e) {
  *out = (kl_exchange_address){0};
  if (o->embedded) {
    snprintf(out->env, sizeof out->env, "sim");
    out->embedded = true;
    return true;
  }
  const char *env = kl_settings_get(settings, o->env, "KALSHI_ENV");
  bool named = env != NULL;
  if (!named) env = "sim";
  if (strcmp(env, "sim") != 0 && strcmp(env, "demo") != 0 && strcmp(env, "prod") != 0) {
    kl_error_coded(e, KL_ERR_CONFIG, "env_unknown",
                   "unknown environment \"%.40s\": sim, demo or prod (--env or KALSHI_ENV)", env);
    return false;
  }
  snprintf(out->env, sizeof out->env, "%s", env);
  const char *rest = kl_settings_get(settings, o->rest_url, "KALSHI_REST_URL");
  const char *ws = kl_settings_get(settings, o->ws_url, "KALSHI_WS_URL");
  out->ca_file = kl_settings_get(settings, o->ca_file, "KALUA_CA");
  if (!strcmp(env, "sim") && !rest && !ws) {
    out->embedded = true;
    out->key_unused = !named && kl_settings_get(settings, o->key_id, "KALSHI_API_KEY_ID");
    return true;
  }
  if (o->faults) {
    kl_error_set(e, "usage",
                 "--faults is about the embedded exchange, and this is another one; see `kalua trigger fault`");
    return false;
  }
  const char *default_rest = NULL, *default_ws = NULL;
  kl_environment_urls(env, &default_rest, &default_ws);
  if (!rest) rest = default_rest;
  if (!ws) ws = default_ws;
  if (!rest || !ws) {
    kl_error_coded(e, KL_ERR_CONFIG, "urls_incomplete",
                   "with --env sim give both --rest-url and --ws-url, or neither for the embedded exchange");
    return false;
  }
  return check_url(env, KL_URL_HTTP, rest, "rest-url", e) && check_url(env, KL_URL_WS, ws, "ws-url", e) &&
         copy_url(out->rest_url, sizeof out->rest_url, rest, "rest-url", e) &&
         copy_url(out->ws_url, sizeof out->ws_url, ws, "ws-url", e);
}
