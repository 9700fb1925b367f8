/* The process and its scripts. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/json_fields.h"
#include "bindings/sessions.h"
#include "cli/web_view_impl.h"
#include "trading/desk_portfolio.h"

void kl_web_money(kl_buf *b, const char *key, kl_money v) {
  kl_json_key(b, key);
  kl_buf_json_decimal(b, v, KL_MONEY_PLACES);
}

void kl_web_price(kl_buf *b, const char *key, kl_price v) {
  kl_json_key(b, key);
  kl_buf_json_decimal(b, v, KL_PRICE_PLACES);
}

void kl_web_count(kl_buf *b, const char *key, kl_count v) {
  kl_json_key(b, key);
  kl_buf_json_decimal(b, v, KL_COUNT_PLACES);
}

void kl_web_null(kl_buf *b, const char *key) {
  kl_json_key(b, key);
  kl_buf_str(b, "null");
}

static void field_text_or_null(kl_buf *b, const char *key, const char *text) {
  if (text && *text)
    kl_json_field_str(b, key, text);
  else
    kl_web_null(b, key);
}

static void field_tenths(kl_buf *b, const char *key, double v) {
  kl_json_key(b, key);
  kl_buf_decimal(b, isfinite(v) ? llround(v * 10) : 0, 1);
}

static void open_object(kl_buf *b, const char *key) {
  kl_json_key(b, key);
  kl_buf_char(b, '{');
}

/* Begins an element of an array of objects. */
static void next_object(kl_buf *b) {
  if (b->len && b->data[b->len - 1] != '[') kl_buf_char(b, ',');
  kl_buf_char(b, '{');
}

/* FNV-1a over numbers. */
static void mix(uint64_t *key, uint64_t v) { *key = (*key ^ v) * 1099511628211U; }

/* ---- the process ---- */

/* What orders are here, in the word that a person must not overlook. */
static const char *mode(const kl_app_account *x) {
  if (x->paper) return "paper";
  if (!strcmp(x->env_name, "prod")) return "live";
  return x->env_name; /* "demo", "sim" */
}

static void add_feed(const kl_app_account *x, kl_buf *b, uint64_t *key) {
  kl_feed_status f;
  kl_feed_status_get(kl_session_feed(x->session), &f);
  open_object(b, "feed");
  kl_json_field_bool(b, "wanted", f.connections_made > 0);
  kl_json_field_bool(b, "connected", f.connected);
  if (f.age >= 0)
    kl_json_field_int(b, "age_ms", llround(f.age * 1000));
  else
    kl_web_null(b, "age_ms");
  kl_json_field_int(b, "delay_ms", isfinite(f.delay) ? llround(f.delay * 1000) : 0);
  kl_json_field_bool(b, "late", f.late);
  kl_json_field_int(b, "reconnects", (int64_t)f.reconnects);
  kl_json_field_int(b, "messages", (int64_t)f.messages);
  kl_json_field_int(b, "books", (int64_t)f.books);
  kl_json_field_int(b, "stale_books", (int64_t)f.stale_books);
  field_text_or_null(b, "last_error", f.last_error);
  kl_buf_char(b, '}');
  mix(key, f.connected);
  mix(key, f.late);
  mix(key, f.stale_books);
}

static void add_budget(const kl_app_account *x, kl_buf *b) {
  kl_budget t;
  kl_sessions_budget(x->session, kl_app_session_of(x), &t);
  open_object(b, "budget");
  field_tenths(b, "read", t.read);
  field_tenths(b, "read_capacity", t.read_capacity);
  field_tenths(b, "write", t.write);
  field_tenths(b, "write_capacity", t.write_capacity);
  kl_json_field_int(b, "waiting", (int64_t)t.waiting);
  field_text_or_null(b, "tier", t.tier);
  kl_buf_char(b, '}');
}

static void add_counts(kl_buf *b, const kl_desk_counts *c, uint64_t *key) {
  kl_json_field_int(b, "orders_open", (int64_t)(c->resting + c->pending + c->unknown));
  kl_json_field_int(b, "orders_unknown", (int64_t)c->unknown);
  kl_json_field_int(b, "placed", (int64_t)c->placed);
  kl_json_field_int(b, "filled", (int64_t)c->filled);
  kl_json_field_int(b, "rejected", (int64_t)c->rejected);
  kl_json_field_int(b, "refused", (int64_t)c->refused);
  kl_json_field_int(b, "fills", (int64_t)c->fills);
  mix(key, c->resting + c->pending + c->unknown);
  mix(key, c->unknown);
  mix(key, c->placed + c->refused);
  mix(key, c->fills);
}

static void add_profit(kl_buf *b, const kl_portfolio_totals *t) {
  kl_web_money(b, "profit", t->profit);
  kl_web_money(b, "realized", t->realized);
  kl_web_money(b, "unrealized", t->unrealized);
  kl_web_money(b, "fees", t->fees);
  kl_web_money(b, "value", t->cost + t->unrealized);
  kl_web_money(b, "drawdown", t->drawdown);
  kl_web_count(b, "contracts", t->contracts);
  kl_json_field_int(b, "positions", (int64_t)t->open);
}

static void add_risk(kl_buf *b, kl_desk *d, uint32_t party) {
  kl_risk_state r;
  kl_risk_state_get(kl_desk_risk(d), party, &r);
  kl_web_money(b, "at_risk", r.exposure);
  field_text_or_null(b, "refused_by", r.refused_by < KL_LIMITS ? kl_limit_table[r.refused_by].name : NULL);
}

static void add_money(const kl_app_account *x, kl_buf *b, uint64_t *key) {
  kl_account *k = kl_session_account(kl_app_session_of(x));
  kl_account_balance balance = k ? kl_account_balance_get(k) : (kl_account_balance){0};
  /* Before the account is kept, which the first order begins, what the process was told at its start. */
  if (balance.read_ns)
    kl_web_money(b, "balance", balance.balance);
  else if (x->before.cash_known)
    kl_web_money(b, "balance", x->before.cash);
  else
    kl_web_null(b, "balance");
  if (!x->desk) return;
  kl_portfolio_totals totals;
  kl_desk_counts counts;
  kl_portfolio_totals_get(kl_desk_portfolio(x->desk), &totals);
  kl_desk_counts_get(x->desk, NULL, &counts);
  add_profit(b, &totals);
  kl_web_money(b, "profit_today", kl_ledger_today_get(kl_desk_ledger(x->desk), NULL).profit);
  add_counts(b, &counts, key);
  add_risk(b, x->desk, KL_RISK_ACCOUNT);
}

/* All of them, the first one too. */
static void add_accounts(const kl_web_view *v, kl_buf *b, uint64_t *key) {
  kl_json_key(b, "accounts");
  kl_buf_char(b, '[');
  for (const kl_app_account *x = &v->app->first; x; x = x->next) {
    next_object(b);
    kl_json_field_str(b, "profile", x->profile.name);
    kl_json_field_str(b, "shown", x->shown);
    kl_json_field_str(b, "env", x->env_name);
    kl_json_field_str(b, "mode", mode(x));
    add_money(x, b, key);
    add_feed(x, b, key);
    add_budget(x, b);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

/* ---- scripts ---- */

static void add_traded(const kl_app_account *x, kl_party *p, const char *name, kl_buf *b, uint64_t *key) {
  kl_desk *d = x->desk;
  kl_portfolio_totals totals;
  kl_desk_counts counts;
  const char *halted = kl_party_halted(p);
  kl_portfolio_totals_get(kl_party_portfolio(p), &totals);
  kl_desk_counts_get(d, p, &counts);
  open_object(b, name);
  add_profit(b, &totals);
  kl_web_money(b, "profit_today", kl_ledger_today_get(kl_desk_ledger(d), p).profit);
  add_counts(b, &counts, key);
  add_risk(b, d, kl_party_risk(p));
  field_text_or_null(b, "halted", halted);
  const kl_standstill *rests;
  size_t n = kl_party_standstills(p, &rests);
  char text[256];
  field_text_or_null(b, "standstill",
                     n ? kl_standstill_text(text, sizeof text, &rests[n - 1], kl_wall_ms(kl_clock_real())) : NULL);
  kl_buf_char(b, '}');
  mix(key, n);
  mix(key, halted != NULL);
}

/* What a script does on each account: on the first `trading`, on the others below their profiles. */
static void add_trading(const kl_web_view *v, const char *script, kl_buf *b, uint64_t *key) {
  const kl_app_account *first = &v->app->first;
  kl_party *p = kl_desk_party_find(first->desk, script);
  if (p)
    add_traded(first, p, "trading", b, key);
  else
    kl_web_null(b, "trading");
  open_object(b, "elsewhere");
  for (const kl_app_account *x = first->next; x; x = x->next)
    if ((p = kl_desk_party_find(x->desk, script))) add_traded(x, p, x->profile.name, b, key);
  kl_buf_char(b, '}');
}

static void add_strategy(const kl_web_view *v, const kl_strategy *g, kl_buf *b, uint64_t *key) {
  kl_strategy_status s;
  const kl_strategy *of = kl_strategy_shadow_of(g);
  kl_strategy_status_get(g, &s);
  next_object(b);
  kl_json_field_str(b, "name", s.name);
  kl_json_field_str(b, "phase", kl_strategy_phase_names[s.phase]);
  kl_json_field_bool(b, "failed", s.failed);
  field_text_or_null(b, "shadow_of", of ? kl_strategy_name(of) : NULL);
  field_text_or_null(b, "path", s.path);
  kl_json_field_int(b, "generation", s.generation);
  kl_json_field_int(b, "started_ms", s.started_ms);
  kl_json_field_int(b, "version_started_ms", s.version_started_ms);
  kl_json_field_int(b, "reloads", (int64_t)s.reloads);
  kl_json_field_int(b, "refused_reloads", (int64_t)s.refused);
  kl_json_field_int(b, "rolled_back", (int64_t)s.rolled_back);
  kl_json_field_int(b, "restarts", (int64_t)s.restarts);
  kl_json_field_int(b, "tasks", (int64_t)s.script.tasks);
  kl_json_field_int(b, "memory", (int64_t)s.script.memory);
  kl_json_field_int(b, "memory_peak", (int64_t)s.script.memory_peak);
  kl_json_field_int(b, "errors", (int64_t)s.script.errors);
  field_text_or_null(b, "last_error", s.last_error);
  field_text_or_null(b, "last_code", s.last_code);
  add_trading(v, s.name, b, key);
  kl_buf_char(b, '}');
  mix(key, (uint64_t)s.phase * 2 + s.failed);
  mix(key, (uint64_t)s.generation);
  mix(key, s.script.errors + s.refused + s.rolled_back);
}

static bool is_strategy(const kl_app *a, const char *name) {
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g))
    if (!strcmp(kl_strategy_name(g), name)) return true;
  return false;
}

static bool holds(const kl_app_account *x, kl_party *p) {
  kl_portfolio_totals totals;
  kl_desk_counts counts;
  kl_portfolio_totals_get(kl_party_portfolio(p), &totals);
  kl_desk_counts_get(x->desk, p, &counts);
  return counts.resting + counts.pending + counts.unknown > 0 || totals.open > 0;
}

static bool held_before(const kl_web_view *v, const kl_app_account *until, const char *script) {
  for (const kl_app_account *x = &v->app->first; x != until; x = x->next) {
    kl_party *p = kl_desk_party_find(x->desk, script);
    if (p && holds(x, p)) return true;
  }
  return false;
}

/* Orders and positions of an earlier run may be of a script that does not run now. */
static void add_absent(const kl_web_view *v, size_t *n, kl_buf *b, uint64_t *key) {
  for (const kl_app_account *x = &v->app->first; x; x = x->next) {
    kl_desk *d = x->desk;
    for (kl_party *p = d ? kl_desk_party_next(d, NULL) : NULL; p && *n < KL_WEB_SCRIPTS_MOST;
         p = kl_desk_party_next(d, p)) {
      const char *name = kl_party_name(p);
      if (!holds(x, p) || is_strategy(v->app, name) || held_before(v, x, name)) continue;
      next_object(b);
      kl_json_field_str(b, "name", name);
      kl_json_field_str(b, "phase", "absent");
      kl_json_field_bool(b, "failed", false);
      add_trading(v, name, b, key);
      kl_buf_char(b, '}');
      ++*n;
    }
  }
}

/* ---- books ---- */

typedef struct books {
  const kl_web_view *v;
  const kl_feed *feed; /* whose they are */
  kl_buf *b;
  size_t n;
} books;

static bool add_book_name(void *data, const kl_feed_book *f) {
  books *x = data;
  kl_feed *of = NULL;
  (void)kl_web_held(x->v, f->ticker, &of);
  if (of != x->feed) return true; /* of an account before */
  if (x->n++) kl_buf_char(x->b, ',');
  kl_buf_json_cstr(x->b, f->ticker);
  return x->n < KL_WEB_BOOKS_MOST;
}

uint64_t kl_web_state(const kl_web_view *v, kl_buf *b) {
  kl_app *a = v->app;
  uint64_t key = 14695981039346656037U;
  size_t n = 0, all = 0;
  kl_buf_char(b, '{');
  kl_json_field_int(b, "now_ms", kl_wall_ms(kl_clock_real()));
  open_object(b, "process");
  kl_json_field_str(b, "version", KL_VERSION);
  kl_json_field_int(b, "pid", getpid());
  kl_json_field_int(b, "started_ms", a->started_ms);
  kl_json_field_str(b, "env", a->first.env_name);
  kl_json_field_str(b, "mode", mode(&a->first));
  kl_json_field_bool(b, "key", a->first.key != NULL);
  kl_json_field_bool(b, "killed", a->killed);
  kl_buf_char(b, '}');
  add_feed(&a->first, b, &key);
  add_budget(&a->first, b);
  open_object(b, "account");
  add_money(&a->first, b, &key);
  kl_buf_char(b, '}');
  add_accounts(v, b, &key);
  kl_json_key(b, "scripts");
  kl_buf_char(b, '[');
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    if (n < KL_WEB_SCRIPTS_MOST) add_strategy(v, g, b, &key);
    n += n < KL_WEB_SCRIPTS_MOST;
    all++;
  }
  add_absent(v, &n, b, &key);
  kl_buf_char(b, ']');
  kl_json_field_int(b, "scripts_left_out", (int64_t)(all > n ? all - n : 0));
  kl_json_key(b, "books");
  kl_buf_char(b, '[');
  books names = {.v = v, .b = b};
  for (const kl_app_account *x = &a->first; x && names.n < KL_WEB_BOOKS_MOST; x = x->next) {
    names.feed = kl_session_feed(x->session);
    kl_feed_books_each(names.feed, add_book_name, &names);
  }
  kl_buf_char(b, ']');
  kl_buf_char(b, '}');
  return key;
}
