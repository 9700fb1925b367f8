#include "bindings/inspect.h"

#include <math.h>
#include <string.h>

#include "base/json_fields.h"
#include "bindings/sessions.h"
#include "kalshi/account.h"
#include "kalshi/session.h"

enum { URL_SHOWN = 100 };

/* ---- words ---- */

static void add_seconds(kl_buf *out, uint64_t ms) {
  kl_buf_printf(out, ms < 60000 ? "%.1f s" : "%.0f s", (double)ms / 1e3);
}

void kl_wait_left(kl_buf *out, const kl_timer *t) {
  kl_buf_str(out, ", ");
  add_seconds(out, kl_timer_left_ms(t));
  kl_buf_str(out, " left");
}

void kl_wait_since(kl_buf *out, const uv_loop_t *loop, uint64_t since_ms) {
  uint64_t now = uv_now(loop);
  kl_buf_str(out, ", since ");
  add_seconds(out, now > since_ms ? now - since_ms : 0);
}

void kl_wait_url(kl_buf *out, const char *url) {
  const char *host = strstr(url, "://");
  host = host ? host + 3 : url;
  size_t n = strcspn(host, "?#"), authority = strcspn(host, "/?#");
  const char *user = memchr(host, '@', authority);
  kl_buf_add(out, url, (size_t)(host - url));
  if (user) {
    n -= (size_t)(user + 1 - host);
    host = user + 1;
  }
  kl_buf_add(out, host, n < URL_SHOWN ? n : URL_SHOWN);
  if (n > URL_SHOWN) kl_buf_str(out, "…");
}

/* ---- the session ---- */

/* JSON has no infinity and no NaN. */
static void field_number(kl_buf *b, const char *key, double v) {
  kl_json_key(b, key);
  if (isfinite(v))
    kl_buf_printf(b, "%.6g", v);
  else
    kl_buf_str(b, "null");
}

static void field_count(kl_buf *b, const char *key, uint64_t v) { kl_json_field_int(b, key, (int64_t)v); }

static void open_object(kl_buf *b, const char *key) {
  kl_json_key(b, key);
  kl_buf_char(b, '{');
}

static void add_feed(kl_buf *b, kl_session *s) {
  kl_feed_status f;
  kl_feed_status_get(kl_session_feed(s), &f);
  open_object(b, "feed");
  kl_json_field_bool(b, "connected", f.connected);
  field_count(b, "connections", f.connections);
  if (f.age >= 0) field_number(b, "age", f.age);
  field_number(b, "delay", f.delay);
  kl_json_field_bool(b, "late", f.late);
  field_count(b, "reconnects", f.reconnects);
  field_count(b, "messages", f.messages);
  field_count(b, "gaps", f.gaps);
  field_count(b, "books", f.books);
  field_count(b, "stale_books", f.stale_books);
  if (f.last_error[0]) kl_json_field_str(b, "last_error", f.last_error);
  kl_buf_char(b, '}');
}

static void add_rest(kl_buf *b, kl_session *markets, kl_session *own) {
  kl_session_stats st;
  kl_sessions_stats(markets, own, &st);
  open_object(b, "rest");
  field_count(b, "calls", st.calls);
  field_count(b, "errors", st.errors);
  field_count(b, "retries", st.retries);
  field_count(b, "rate_limited", st.rate_limited);
  field_count(b, "lost", st.lost);
  field_count(b, "lost_unknown", st.lost_unknown);
  field_count(b, "writes_pending", kl_session_writes_pending(own));
  kl_buf_char(b, '}');
}

static void add_budget(kl_buf *b, kl_session *markets, kl_session *own) {
  kl_budget t;
  kl_sessions_budget(markets, own, &t);
  open_object(b, "budget");
  field_number(b, "read", t.read);
  field_number(b, "read_capacity", t.read_capacity);
  field_number(b, "read_rate", t.read_rate);
  field_number(b, "write", t.write);
  field_number(b, "write_capacity", t.write_capacity);
  field_number(b, "write_rate", t.write_rate);
  field_count(b, "waiting", t.waiting);
  if (t.tier[0]) kl_json_field_str(b, "tier", t.tier);
  kl_buf_char(b, '}');
}

/* The account is kept once a script has asked for it; before that nothing is known. */
static void add_account(kl_buf *b, kl_session *s) {
  kl_account_status a;
  kl_account_status_get(kl_session_account(s), &a);
  if (!a.started && !a.loaded) {
    kl_json_key(b, "account");
    kl_buf_str(b, "null");
    return;
  }
  open_object(b, "account");
  kl_json_field_bool(b, "loaded", a.loaded);
  kl_json_field_bool(b, "stale", a.stale);
  if (a.age >= 0) field_number(b, "age", a.age);
  field_count(b, "resting", a.resting);
  field_count(b, "fills", a.fills);
  field_count(b, "positions", a.positions);
  kl_buf_char(b, '}');
}

/* Of each account that is open what kalshi.connect calls it, and its exchange. */
static void add_accounts(kl_buf *b, const kl_environment *env) {
  const kl_place *p = env->next_place ? env->next_place(env->connect_data, NULL) : NULL;
  kl_json_key(b, "accounts");
  kl_buf_char(b, '[');
  for (bool first = true; p; p = env->next_place(env->connect_data, p), first = false) {
    kl_buf_str(b, first ? "{" : ",{");
    kl_json_field_str(b, "profile", kl_place_name(p));
    kl_json_field_str(b, "env", p->env);
    kl_json_field_bool(b, "paper", p->account_session && p->account_session != p->session);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

void kl_inspect_kalshi(kl_script *s, kl_buf *out) {
  const kl_environment *env = kl_script_data(s);
  if (!env || !env->place.session) return;
  kl_session *own = kl_account_session(&env->place);
  add_feed(out, env->place.session);
  add_rest(out, env->place.session, own);
  add_budget(out, env->place.session, own);
  add_account(out, own);
  add_accounts(out, env);
}
