/* Orders, positions, fills. */
#include <string.h>

#include "base/json_fields.h"
#include "cli/web_view_impl.h"

/* Appends a comma between elements, and the bracket of the next one. */
static void next_row(kl_buf *b) {
  if (b->len && b->data[b->len - 1] != '[') kl_buf_char(b, ',');
  kl_buf_char(b, '{');
}

static void open_rows(kl_buf *b, const char *key) {
  kl_json_key(b, key);
  kl_buf_char(b, '[');
}

static bool is_open(const kl_desk_order *o) { return !kl_desk_status_final(o->status); }

bool kl_web_chooses(const kl_web_choice *c, const kl_app_account *x) {
  return !c->profile || !strcmp(c->profile, x->profile.name);
}

/* ---- orders ---- */

static void add_order(const kl_app_account *x, const kl_desk_order *o, kl_buf *b) {
  next_row(b);
  kl_json_field_str(b, "profile", x->profile.name);
  kl_json_field_str(b, "id", o->client_id);
  kl_json_field_str(b, "order_id", o->id);
  kl_json_field_str(b, "script", o->party ? kl_party_name(o->party) : "");
  kl_json_field_str(b, "ticker", o->ticker);
  kl_json_field_str(b, "status", kl_desk_status_name(o->status));
  kl_json_field_str(b, "side", o->side == KL_BID ? "bid" : "ask");
  kl_json_field_str(b, "outcome", o->on_no ? "no" : "yes");
  kl_web_price(b, "yes_price", o->yes_price);
  kl_web_count(b, "count", o->count + o->before);
  kl_web_count(b, "filled", o->filled + o->before);
  kl_web_count(b, "remaining", o->remaining);
  kl_web_money(b, "cost", o->cost + o->before_cost);
  kl_web_money(b, "fees", o->fees + o->before_fees);
  kl_json_field_bool(b, "post_only", o->post_only);
  kl_json_field_int(b, "generation", o->generation);
  kl_json_field_int(b, "created_ms", o->created_ms);
  kl_json_field_int(b, "updated_ms", o->updated_ms);
  kl_json_field_int(b, "expiration_ms", o->expiration_ms);
  kl_json_field_str(b, "reason", o->reason);
  if (o->error) {
    kl_json_key(b, "error");
    kl_buf_char(b, '{');
    kl_json_field_str(b, "kind", o->error->kind);
    kl_json_field_str(b, "code", o->error->code);
    kl_json_field_str(b, "message", o->error->message);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, '}');
}

/* Of one account; false where there are none of the script's. */
static bool orders_of(const kl_app_account *x, const kl_web_choice *c, kl_party **p) {
  *p = c->script ? kl_desk_party_find(x->desk, c->script) : NULL;
  return x->desk && kl_web_chooses(c, x) && (!c->script || *p);
}

static size_t count_open(const kl_app_account *x, kl_party *p) {
  kl_desk_counts n;
  kl_desk_counts_get(x->desk, p, &n);
  return n.pending + n.unknown + n.resting;
}

/* Open ones may stand behind any number of ended ones: the walk ends once all of them were seen. */
static size_t add_open(const kl_app_account *x, kl_party *p, size_t most, kl_buf *b) {
  size_t all = count_open(x, p), n = 0;
  if (most > all) most = all;
  for (const kl_desk_order *o = kl_desk_next(x->desk, p, NULL); o && n < most && !b->failed;
       o = kl_desk_next(x->desk, p, o)) {
    if (!is_open(o) || o->renewed) continue;
    add_order(x, o, b);
    n++;
  }
  return n;
}

static void add_ended(const kl_app_account *x, kl_party *p, size_t most, kl_buf *b) {
  size_t n = 0;
  for (const kl_desk_order *o = kl_desk_next(x->desk, p, NULL); o && n < most && !b->failed;
       o = kl_desk_next(x->desk, p, o)) {
    if (is_open(o) || o->renewed) continue;
    add_order(x, o, b);
    n++;
  }
}

void kl_web_orders(const kl_web_view *v, const kl_web_choice *c, size_t open, size_t ended, kl_buf *b) {
  const kl_app_account *all = &v->app->first;
  kl_party *p;
  size_t there = 0, given = 0;
  kl_buf_char(b, '{');
  open_rows(b, "orders");
  for (const kl_app_account *x = all; x; x = x->next) {
    if (!orders_of(x, c, &p)) continue;
    there += count_open(x, p);
    given += add_open(x, p, open, b);
  }
  for (const kl_app_account *x = all; x; x = x->next)
    if (orders_of(x, c, &p)) add_ended(x, p, ended, b);
  kl_buf_char(b, ']');
  kl_json_field_int(b, "open", (int64_t)there);
  kl_json_field_int(b, "open_left_out", (int64_t)(there > given ? there - given : 0));
  kl_buf_char(b, '}');
}

/* ---- positions ---- */

static void add_holding(const kl_app_account *x, const kl_holding *h, const char *script, kl_buf *b) {
  kl_money average = kl_holding_average(h);
  next_row(b);
  kl_json_field_str(b, "profile", x->profile.name);
  if (script)
    kl_json_field_str(b, "script", script);
  else
    kl_web_null(b, "script");
  kl_json_field_str(b, "ticker", h->ticker);
  kl_json_field_int(b, "subaccount", h->subaccount);
  kl_web_count(b, "position", h->position);
  if (average >= 0)
    kl_web_money(b, "average_yes_price", average);
  else
    kl_web_null(b, "average_yes_price");
  kl_web_money(b, "cost", h->cost);
  if (h->mark >= 0)
    kl_web_price(b, "mark", h->mark);
  else
    kl_web_null(b, "mark");
  kl_web_money(b, "unrealized", kl_holding_unrealized(h));
  kl_web_money(b, "realized", h->realized);
  kl_web_money(b, "fees", h->fees);
  kl_json_field_int(b, "updated_ms", h->updated_ms);
  kl_buf_char(b, '}');
}

static void add_holdings(const kl_app_account *x, const kl_portfolio *p, const char *script, size_t *n,
                         size_t *left_out, kl_buf *b) {
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(p, h)) && !b->failed;) {
    if (h->position == 0) continue;
    if (*n < KL_WEB_POSITIONS_MOST)
      add_holding(x, h, script, b);
    else
      ++*left_out;
    ++*n;
  }
}

void kl_web_positions(const kl_web_view *v, const kl_web_choice *c, kl_buf *b) {
  const kl_app_account *all = &v->app->first;
  size_t n = 0, left_out = 0;
  kl_buf_char(b, '{');
  open_rows(b, "positions");
  for (const kl_app_account *x = all; x; x = x->next) {
    kl_desk *d = kl_web_chooses(c, x) ? x->desk : NULL;
    for (kl_party *p = d ? kl_desk_party_next(d, NULL) : NULL; p; p = kl_desk_party_next(d, p))
      if (!c->script || !strcmp(kl_party_name(p), c->script))
        add_holdings(x, kl_party_portfolio(p), kl_party_name(p), &n, &left_out, b);
  }
  kl_buf_char(b, ']');
  kl_json_field_int(b, "left_out", (int64_t)left_out);
  n = left_out = 0;
  open_rows(b, "account");
  for (const kl_app_account *x = all; x && !c->script; x = x->next)
    if (x->desk && kl_web_chooses(c, x)) add_holdings(x, kl_desk_portfolio(x->desk), NULL, &n, &left_out, b);
  kl_buf_char(b, ']');
  kl_json_field_int(b, "account_left_out", (int64_t)left_out);
  kl_buf_char(b, '}');
}

/* ---- fills ---- */

static void add_fill(const kl_web_fill *f, kl_buf *b) {
  next_row(b);
  kl_json_field_str(b, "profile", f->profile);
  kl_json_field_str(b, "trade_id", f->trade_id);
  kl_json_field_str(b, "order_id", f->order_id);
  if (f->of_script)
    kl_json_field_str(b, "script", f->script);
  else
    kl_web_null(b, "script");
  kl_json_field_str(b, "ticker", f->ticker);
  kl_json_field_str(b, "side", f->side == KL_BID ? "bid" : "ask");
  kl_web_price(b, "yes_price", f->yes_price);
  kl_web_count(b, "count", f->count);
  kl_web_money(b, "fee", f->fee);
  kl_json_field_bool(b, "taker", f->is_taker);
  kl_json_field_int(b, "ts_ms", f->ts_ms);
  kl_buf_char(b, '}');
}

void kl_web_fills(const kl_web_view *v, const kl_web_choice *c, size_t most, kl_buf *b) {
  size_t n = 0;
  kl_buf_char(b, '{');
  open_rows(b, "fills");
  for (size_t i = v->n_fills; i-- > 0 && n < most;) {
    const kl_web_fill *f = &v->fills[(v->fills_first + i) % KL_WEB_FILLS_KEPT];
    if (c->profile && strcmp(f->profile, c->profile) != 0) continue;
    if (c->script && (!f->of_script || strcmp(f->script, c->script) != 0)) continue;
    add_fill(f, b);
    n++;
  }
  kl_buf_str(b, "]}");
}
