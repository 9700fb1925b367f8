#include <curl/curl.h>
#include <libwebsockets.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/doctor_impl.h"
#include "net/url.h"

/* ---- version ---- */

/* The plug-in is loaded at run time, so it may be missing where the program starts all the same. */
static bool has_uv_plugin(void) {
  uv_loop_t loop;
  void *loops[] = {&loop};
  struct lws_context_creation_info ci = {
      .port = CONTEXT_PORT_NO_LISTEN, .options = LWS_SERVER_OPTION_LIBUV, .foreign_loops = loops};
  if (uv_loop_init(&loop) != 0) return true; /* that is said elsewhere */
  lws_set_log_level(0, NULL);
  struct lws_context *c = lws_create_context(&ci);
  if (c) lws_context_destroy(c); /* begins to close its handles */
  uv_run(&loop, UV_RUN_DEFAULT);
  if (c) lws_context_destroy(c);
  uv_loop_close(&loop);
  return c != NULL;
}

void kl_doctor_versions(kl_report *r) {
  char text[512];
  char lws[32];
  snprintf(lws, sizeof lws, "%.*s", (int)strcspn(lws_get_library_version(), "-"), lws_get_library_version());
  const char *curl = curl_version_info(CURLVERSION_NOW)->version, *ssl = OpenSSL_version(OPENSSL_VERSION_STRING);
  snprintf(text, sizeof text, "kalua %s (%s, libuv %s, libcurl %s, OpenSSL %s, libwebsockets %s, SQLite %s), API %s",
           KL_VERSION, LUA_RELEASE, uv_version_string(), curl, ssl, lws, sqlite3_libversion(), kl_operations_version);
  kl_check c = {.name = "version",
                .text = text,
                .fields = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kalua", KL_VERSION, "lua", LUA_RELEASE,
                                    "libuv", uv_version_string(), "libcurl", curl, "openssl", ssl, "libwebsockets", lws,
                                    "sqlite", sqlite3_libversion(), "api", kl_operations_version)};
  kl_report_add(r, &c);
  if (has_uv_plugin()) return;
  kl_report_add(
      r, &(kl_check){.state = KL_CHECK_NOTE,
                     .name = "libraries",
                     .text = "libwebsockets is there without its libuv plug-in: no embedded exchange, no kalua sim, "
                             "no paper trading",
                     .remedy = "install libwebsockets-evlib-uv"});
}

/* ---- settings ---- */

enum { ENVIRONMENT, KEY_ID, KEY_FILE, KEY_TEXT, REST_URL, WS_URL, CA_FILE, RISK, LOG, MODULES, SETTINGS };

static const struct {
  const char *label, *variable;
  bool shown; /* its value is no secret, and short */
} known[SETTINGS] = {
    [ENVIRONMENT] = {"environment", "KALSHI_ENV", true},
    [KEY_ID] = {"key id", "KALSHI_API_KEY_ID", true},
    [KEY_FILE] = {"key file", "KALSHI_PRIVATE_KEY_PATH", true},
    [KEY_TEXT] = {"key", "KALSHI_PRIVATE_KEY", false},
    [REST_URL] = {"REST URL", "KALSHI_REST_URL", false}, /* it may have a password in it, and is shown once checked */
    [WS_URL] = {"WebSocket URL", "KALSHI_WS_URL", false},
    [CA_FILE] = {"CA file", "KALUA_CA", true},
    [RISK] = {"risk limits", "KALUA_RISK", true},
    [LOG] = {"log level", "KALUA_LOG", true},
    [MODULES] = {"modules", "KALUA_PATH", true},
};

/* A key id is no secret, but a part of it is enough to know it by. */
enum { ID_SHOWN = 8 };

static void put_value(kl_buf *b, int which, const char *value) {
  if (!known[which].shown) return;
  size_t n = strlen(value);
  bool cut = which == KEY_ID && n > ID_SHOWN;
  kl_buf_char(b, ' ');
  kl_buf_add(b, value, cut ? ID_SHOWN : n);
  if (cut) kl_buf_str(b, "…");
}

static const char *option_of(const kl_connect_options *o, int which) {
  const char *const options[SETTINGS] = {
      [ENVIRONMENT] = o->env, [KEY_ID] = o->key_id,   [KEY_FILE] = o->key_path, [REST_URL] = o->rest_url,
      [WS_URL] = o->ws_url,   [CA_FILE] = o->ca_file, [LOG] = o->log_level};
  return options[which];
}

static void settings_line(kl_report *r, const kl_settings *s, const kl_connect_options *o, kl_buf *hidden) {
  kl_buf text = {0};
  json_t *fields = json_object();
  for (int i = 0; i < SETTINGS; i++) {
    bool covered = false;
    const char *value = kl_settings_get(s, option_of(o, i), known[i].variable);
    const char *from = kl_settings_origin(s, option_of(o, i), known[i].variable, &covered);
    if (covered) kl_buf_printf(hidden, "%s%s", hidden->len ? ", " : "", known[i].variable);
    if (!from) continue;
    kl_buf_printf(&text, "%s%s", text.len ? ", " : "", known[i].label);
    put_value(&text, i, value);
    kl_buf_printf(&text, " (%s)", from);
    if (fields) json_object_set_new(fields, known[i].variable, json_string(from));
  }
  if (o->risk.n) kl_buf_printf(&text, "%srisk limits (option)", text.len ? ", " : "");
  if (!text.len) kl_buf_str(&text, "none: everything is as it comes, on the exchange inside this process");
  kl_report_add(r, &(kl_check){.name = "settings",
                               .text = text.failed ? "" : text.data,
                               .fields = json_pack("{s:o}", "from", fields ? fields : json_null())});
  kl_buf_free(&text);
}

static void dotenv_line(kl_report *r, const kl_settings *s, const kl_buf *hidden) {
  struct stat st;
  char text[512];
  if (stat(".env", &st) != 0) return;
  unsigned mode = (unsigned)(st.st_mode & 07777);
  const char *key = kl_settings_origin(s, NULL, "KALSHI_PRIVATE_KEY", NULL);
  bool has_key = key && !strcmp(key, ".env"), open = (mode & (S_IRWXG | S_IRWXO)) != 0;
  if (open) {
    snprintf(text, sizeof text, "others can get at it (mode %04o)%s", mode,
             has_key ? ", and the private key is in it: whoever has read it can trade with it" : "");
    kl_report_add(r, &(kl_check){.state = has_key ? KL_CHECK_WRONG : KL_CHECK_NOTE,
                                 .name = ".env",
                                 .text = text,
                                 .remedy = "chmod 600 .env",
                                 .kind = has_key ? KL_ERR_CONFIG : NULL,
                                 .fields = json_pack("{s:i}", "mode", (int)mode)});
  }
  if (hidden->len && !hidden->failed) {
    snprintf(text, sizeof text, "%.300s in it %s not used: the environment, or an option, says something else",
             hidden->data, strchr(hidden->data, ',') ? "are" : "is");
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = ".env",
                                 .text = text,
                                 .remedy = "unset the variable where .env shall hold"});
  }
  if (!open && !hidden->len) kl_report_say(r, ".env", "read, mode %04o", mode);
}

void kl_doctor_settings(kl_report *r, const kl_settings *s, const kl_connect_options *o) {
  kl_buf hidden = {0};
  settings_line(r, s, o, &hidden);
  dotenv_line(r, s, &hidden);
  kl_buf_free(&hidden);
  if (kl_settings_get(s, o->key_path, "KALSHI_PRIVATE_KEY_PATH") && kl_settings_get(s, NULL, "KALSHI_PRIVATE_KEY"))
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "settings",
                                 .text = "a key file is named, and KALSHI_PRIVATE_KEY is set as well: the file counts",
                                 .remedy = "leave one of them away"});
}

/* ---- addresses ---- */

static bool within(const char *host, const char *domain) {
  size_t n = strlen(host), len = strlen(domain);
  while (n && host[n - 1] == '.')
    n--;
  return n >= len && !strncasecmp(host + n - len, domain, len) && (n == len || host[n - len - 1] == '.');
}

/* What is strange about an address; NULL where nothing is. */
static const char *strange(const kl_exchange_address *x, kl_url_family family, const char *text, const char *path) {
  kl_url u = {0};
  const char *what = NULL;
  bool prod = !strcmp(x->env, "prod"), demo = !strcmp(x->env, "demo");
  if (!kl_url_parse(&u, family, text, NULL)) return NULL; /* was checked before */
  if (prod && !within(u.host, "kalshi.com"))
    what = "is none of kalshi.com: orders and signatures go to somebody else, or to a stand-in";
  else if (demo && !within(u.host, "kalshi.co"))
    what = "is none of kalshi.co: this is not Kalshi's demo, or it is a stand-in";
  else if (strcmp(u.target, path) != 0)
    what = family == KL_URL_HTTP ? "does not end in /trade-api/v2" : "does not end in /trade-api/ws/v2";
  kl_url_free(&u);
  return what;
}

void kl_doctor_address(kl_report *r, const kl_exchange_address *x) {
  char text[700];
  if (x->key_unused) {
    snprintf(text, sizeof text, "%s: the exchange inside this process, and your key is not looked at", x->env);
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "environment",
                                 .text = text,
                                 .remedy = "say which exchange it is for: kalua doctor --env demo, or --env prod"});
    return;
  }
  if (x->embedded) {
    kl_report_say(r, "environment", "%s: the exchange inside this process", x->env);
    return;
  }
  snprintf(text, sizeof text, "%s, %s, %s", x->env, x->rest_url, x->ws_url);
  kl_report_add(r, &(kl_check){.name = "environment",
                               .text = text,
                               .fields = json_pack("{s:s, s:s}", "rest_url", x->rest_url, "ws_url", x->ws_url)});
  const char *rest = strange(x, KL_URL_HTTP, x->rest_url, "/trade-api/v2");
  const char *ws = strange(x, KL_URL_WS, x->ws_url, "/trade-api/ws/v2");
  for (int i = 0; i < 2; i++) {
    const char *what = i == 0 ? rest : ws == rest ? NULL : ws; /* the same of both is said once */
    if (!what) continue;
    snprintf(text, sizeof text, "%s %s", i == 0 ? x->rest_url : x->ws_url, what);
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "environment",
                                 .text = text,
                                 .remedy = i == 0 && ws != rest ? "unset KALSHI_REST_URL, unless it is meant"
                                           : i == 0 ? "unset KALSHI_REST_URL and KALSHI_WS_URL, unless it is meant"
                                                    : "unset KALSHI_WS_URL, unless it is meant"});
  }
}

/* ---- key ---- */

/* `before` stands in front of what is said of it; `fields` are taken. */
static void key_line(kl_report *r, const char *name, const char *before, const kl_key *key, const char *origin,
                     const char *path, json_t *fields) {
  kl_key_file file;
  char text[900], remedy[512];
  bool rsa = !strcmp(kl_key_type(key), "RSA"), looked = path && kl_key_file_look(path, &file, NULL);
  char kind[32];
  snprintf(kind, sizeof kind, rsa ? "%s, %d bits" : "%s", kl_key_type(key), kl_key_bits(key));
  if (fields) json_object_set_new(fields, "key_type", json_string(rsa ? "rsa" : "ed25519"));
  if (fields) json_object_set_new(fields, "bits", json_integer(kl_key_bits(key)));
  if (!looked) {
    snprintf(text, sizeof text, "%s%s, %s", before, kind, origin);
    kl_report_add(r, &(kl_check){.name = name, .text = text, .fields = fields});
    return;
  }
  if (fields) json_object_set_new(fields, "encrypted", json_boolean(file.encrypted));
  if (fields) json_object_set_new(fields, "mode", json_integer((json_int_t)file.mode));
  bool open = file.regular && (file.mode & (S_IRWXG | S_IRWXO)) != 0;
  snprintf(text, sizeof text, "%s%s, %s%s, %s", before, kind, path, file.encrypted ? "" : ", not encrypted",
           !file.regular ? "not a file"
           : open        ? "others can get at it"
                         : "readable by you only");
  if (open) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, " (mode %04o%s)", file.mode, file.mine ? "" : ", and another user's");
  }
  snprintf(remedy, sizeof remedy, "chmod 600 '%.400s'", path);
  kl_report_add(r, &(kl_check){.state = open ? KL_CHECK_NOTE : KL_CHECK_OK,
                               .name = name,
                               .text = text,
                               .remedy = open ? remedy : NULL,
                               .fields = fields});
}

void kl_doctor_key(kl_report *r, const kl_app *a, const char *path) {
  if (kl_app_key(a)) {
    key_line(r, "key", "", kl_app_key(a), kl_app_key_origin(a), path, json_object());
    return;
  }
  kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                               .name = "key",
                               .text = "none: public data only, no feed, no orders",
                               .remedy = "set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH"});
}

/* ---- profiles ---- */

static void profile_mode(kl_report *r, const char *name, const kl_profile *p) {
  struct stat st;
  char text[256], remedy[64];
  if (stat(p->file, &st) != 0 || !(st.st_mode & (S_IRWXG | S_IRWXO))) return;
  snprintf(text, sizeof text, "others can get at %s (mode %04o)%s", p->file, (unsigned)(st.st_mode & 07777),
           p->in_file ? ", and the private key is in it: whoever has read it can trade with it" : "");
  snprintf(remedy, sizeof remedy, "chmod 600 %s", p->file);
  kl_report_add(r,
                &(kl_check){.state = p->in_file ? KL_CHECK_WRONG : KL_CHECK_NOTE,
                            .name = name,
                            .text = text,
                            .remedy = remedy,
                            .kind = p->in_file ? KL_ERR_CONFIG : NULL,
                            .fields = json_pack("{s:s, s:i}", "profile", p->name, "mode", (int)(st.st_mode & 07777))});
}

/* An account of the embedded exchange needs no key, so that any file is one: .env.example, too. */
static bool has_no_key(const kl_profile *p) {
  return !kl_settings_get(p->settings, NULL, "KALSHI_API_KEY_ID") &&
         !kl_settings_get(p->settings, NULL, "KALSHI_PRIVATE_KEY_PATH") &&
         !kl_settings_get(p->settings, NULL, "KALSHI_PRIVATE_KEY");
}

bool kl_doctor_profile(kl_report *r, const kl_profile_base *base, const char *profile, char *id, size_t cap) {
  kl_profile p;
  kl_error e = {0};
  char name[KL_PROFILE_NAME + 16], before[128];
  snprintf(name, sizeof name, "profile %s", profile);
  if (!kl_profile_read(base, profile, &p, &e)) {
    if (!strcmp(e.code, "key_missing")) return false;
    char remedy[128];
    snprintf(remedy, sizeof remedy, "put it right in .env.%s, or move the file away; kalua explain %s", profile,
             e.code[0] ? e.code : "account_twice");
    kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG,
                                 .name = name,
                                 .text = e.message,
                                 .remedy = remedy,
                                 .kind = e.kind,
                                 .fields = json_pack("{s:s, s:s}", "profile", profile, "code", e.code)});
    return false;
  }
  if (p.embedded && has_no_key(&p)) {
    kl_profile_close(&p);
    return false;
  }
  profile_mode(r, name, &p);
  snprintf(before, sizeof before, p.embedded ? "%s, " : "%s, id %.*s…, ", p.env, (int)ID_SHOWN, p.key_id);
  key_line(r, name, before, p.key, p.key_origin, p.embedded ? NULL : p.key_path,
           json_pack("{s:s, s:s}", "profile", profile, "env", p.env));
  snprintf(id, cap, "%s", p.key_id);
  kl_profile_close(&p);
  return true;
}
