/* What the answer to a write says of its orders. */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "kalshi/json_member.h"
#include "kalshi/order_answer.h"
#include "trading/seat_belt.h"

/* One order's answer, single or of a batch. */
typedef struct reply {
  kl_order_answer a;
  bool has_price, has_fee, has_reduced;
  int64_t price, fee; /* averages, of a contract: 1e-6 dollar */
  kl_count reduced;
  bool resolved; /* it was looked up, so what was canceled is a guess */
} reply;

/* Not below zero, nor so much that sums of some would not fit. */
static bool fixed(const json_t *o, const char *name, int places, int64_t *out) {
  int64_t n;
  if (!kl_member_fixed(o, name, places, &n) || n < 0 || n > INT64_MAX / 4) return false;
  *out = n;
  return true;
}

static void read_reply(const json_t *o, reply *r) {
  memset(r, 0, sizeof *r);
  (void)kl_member_copy(o, "order_id", r->a.order_id, sizeof r->a.order_id);
  (void)kl_member_copy(o, "client_order_id", r->a.client_order_id, sizeof r->a.client_order_id);
  r->a.has_filled = fixed(o, "fill_count", KL_COUNT_PLACES, &r->a.filled);
  r->a.has_remaining = fixed(o, "remaining_count", KL_COUNT_PLACES, &r->a.remaining);
  r->a.ts_ms = json_integer_value(json_object_get(o, "ts_ms"));
  r->has_price = fixed(o, "average_fill_price", KL_MONEY_PLACES, &r->price);
  r->has_fee = fixed(o, "average_fee_paid", KL_MONEY_PLACES, &r->fee);
  r->has_reduced = fixed(o, "reduced_by", KL_COUNT_PLACES, &r->reduced);
  r->resolved = json_is_true(json_object_get(o, "resolved"));
}

static kl_desk_news news_of(const reply *r) {
  return (kl_desk_news){.by = KL_BY_ANSWER,
                        .ts_ms = r->a.ts_ms,
                        .status = KL_OWN_RESTING,
                        .left_over = -1,
                        .id = r->a.order_id,
                        .exchange_index = -1};
}

/* Of so much a contract; whatever the exchange says, it is a number. */
static kl_money amount(int64_t each, kl_count count) {
  __int128 v = ((__int128)each * count + KL_COUNT_ONE / 2) / KL_COUNT_ONE;
  return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (kl_money)v;
}

static void created(kl_desk_entry *x, const reply *r) {
  kl_desk_order *o = &x->o;
  kl_desk_news n = news_of(r);
  if (!r->a.order_id[0]) { /* a success that names no order: nobody knows */
    if (kl_desk_entry_lose(x)) kl_desk_entry_changed(x);
    return;
  }
  n.has_filled = r->a.has_filled;
  n.filled = r->a.filled;
  if (r->a.has_filled && r->a.has_remaining) {
    if (r->a.remaining > 0)
      n.total = r->a.filled + r->a.remaining;
    else
      n.status = r->a.filled >= o->count ? KL_OWN_EXECUTED : KL_OWN_CANCELED;
  }
  if (r->has_price && r->a.filled > 0) {
    n.covers = r->a.filled;
    n.cost = amount(o->side == KL_BID ? r->price : KL_MONEY_ONE - r->price, r->a.filled);
    n.fees = r->has_fee ? amount(r->fee, r->a.filled) : 0;
  }
  kl_desk_entry_told(x, &n);
}

/* It rests no longer, and how it ended is to be found out. */
static void gone(kl_desk_entry *x) {
  kl_desk_news n = {.by = KL_BY_ANSWER, .status = KL_OWN_UNKNOWN, .left_over = -1, .exchange_index = -1};
  if (kl_desk_status_final(x->o.status)) return;
  x->vanished_ms = kl_desk_now_ms(x->d);
  kl_desk_doubt_anew(x);
  kl_desk_entry_told(x, &n);
}

static void canceled(kl_desk_entry *x, const reply *r) {
  kl_desk_news n = news_of(r);
  bool counted = r->has_reduced && !r->resolved && !x->changing && !x->unsure && r->reduced <= x->total;
  if (!counted && !x->end_counted) { /* it is canceled, and how much was filled before is not known */
    gone(x);
    return;
  }
  n.id = NULL;
  n.status = KL_OWN_CANCELED;
  if (counted) n.left_over = r->reduced;
  kl_desk_entry_told(x, &n);
}

/* An amend or a decrease has taken place: price and size are as they were asked for. How large a decrease leaves the
 * order follows only from how large it was, which another change may have made another. */
static void changed(const kl_desk_write *w, kl_desk_item *it, const reply *r) {
  kl_desk_entry *x = it->x;
  kl_desk_news n = news_of(r);
  bool empty = r->a.has_remaining && !r->a.remaining;
  bool sure = w->kind == KL_WRITE_AMEND || (it->total > 0 && !x->overlap && !x->unsure);
  n.id = NULL;
  n.since = it->since;
  n.yes_price = it->price;
  if (sure && !empty) n.total = it->total;
  if (w->kind == KL_WRITE_AMEND && r->a.has_remaining && r->a.remaining > 0 && it->total >= r->a.remaining) {
    n.has_filled = true;
    n.filled = it->total - r->a.remaining;
  }
  if (w->renamed) kl_desk_entry_rename(x, w->renamed);
  if (!sure || empty) x->unsure = true; /* before it is told: what is reserved stays so */
  kl_desk_entry_told(x, &n);
  /* Nothing rests of it: how much of it was filled is not said. The channel tells; if not, it is looked up. */
  if (x->unsure && !kl_desk_status_final(x->o.status)) kl_desk_doubt_anew(x);
}

/* ---- refusals ---- */

static bool is_code(const kl_error *e, const char *code) { return !strcmp(e->code, code); }

/* Whether a create that ended so may be at the exchange all the same. */
static bool may_exist(const kl_desk_entry *x, const kl_error *e) {
  if (is_code(e, "outcome_unknown")) return true;
  /* Nobody else has this name, so what exists already is this order: its answer was lost before. */
  return x->own_name && e->status == 409;
}

/* The exchange says what it does not like, and not of which order. */
static kl_error with_order(const kl_desk_entry *x, const kl_error *e) {
  kl_error told = *e;
  size_t n = strlen(told.message);
  char count[32], price[32];
  kl_decimal_format(count, sizeof count, x->o.count, KL_COUNT_PLACES);
  kl_decimal_format(price, sizeof price, x->o.yes_price, KL_PRICE_PLACES);
  snprintf(told.message + n, sizeof told.message - n, ", to %s %s at %s in %s",
           x->o.side == KL_BID ? "bid for" : "ask for", count, price, x->o.ticker);
  return told;
}

static void create_failed(kl_desk_entry *x, const kl_error *e) {
  kl_error told = with_order(x, e);
  bool by_exchange = kl_error_is_refusal(e);
  kl_belt_refused(x, e);
  if (x->o.party && by_exchange && !may_exist(x, e)) kl_desk_say_refused(x->o.party, "by the exchange", &told);
  bool changed_now = may_exist(x, e) ? kl_desk_entry_lose(x) : kl_desk_entry_reject(x, by_exchange ? &told : e);
  if (changed_now) kl_desk_entry_changed(x);
}

static void item_failed(kl_desk_write *w, kl_desk_item *it, const kl_error *e) {
  kl_desk_entry *x = it->x;
  kl_desk_standstill_refused(w->p, x->o.ticker, e);
  switch (w->kind) {
  case KL_WRITE_CREATE:
    create_failed(x, e);
    break;
  case KL_WRITE_AMEND:
  case KL_WRITE_DECREASE:
  case KL_WRITE_CANCEL:
    if (is_code(e, "outcome_unknown")) {
      x->unsure = x->change_lost = true;
      kl_desk_doubt_anew(x);
    } else if (e->status == 404 || is_code(e, "not_found")) {
      gone(x);
    }
    break;
  case KL_WRITE_CANCEL_ALL:
  case KL_WRITE_OTHER:
    break;
  }
}

static void item_done(kl_desk_write *w, kl_desk_item *it, const json_t *o) {
  reply r;
  read_reply(o, &r);
  /* A cancel is done in a pause, too. */
  if (w->kind == KL_WRITE_CREATE || w->kind == KL_WRITE_AMEND) kl_desk_standstill_over(w->d, it->x->o.ticker);
  switch (w->kind) {
  case KL_WRITE_CREATE:
    created(it->x, &r);
    break;
  case KL_WRITE_CANCEL:
    canceled(it->x, &r);
    break;
  case KL_WRITE_AMEND:
  case KL_WRITE_DECREASE:
    changed(w, it, &r);
    break;
  case KL_WRITE_CANCEL_ALL:
  case KL_WRITE_OTHER:
    break;
  }
}

static void item_error(const json_t *error, kl_error *e) {
  const char *code = json_string_value(json_object_get(error, "code"));
  const char *message = json_string_value(json_object_get(error, "message"));
  const char *details = json_string_value(json_object_get(error, "details"));
  kl_error_set(e, KL_ERR_HTTP, "%.200s%s%.200s", message ? message : "refused", details ? ": " : "",
               details ? details : "");
  kl_error_code(e, code ? code : "");
  e->status = is_code(e, "not_found") ? 404 : is_code(e, "order_already_exists") ? 409 : 400;
  e->retryable = is_code(e, "not_done");
}

/* One for each, in order. */
static void batch_answered(kl_desk_write *w, const json_t *root) {
  const json_t *rows = json_object_get(root, "orders");
  bool paired = json_array_size(rows) == w->n_items;
  kl_error odd;
  kl_error_set(&odd, KL_ERR_PROTOCOL, "the answer does not say what became of each order");
  kl_error_code(&odd, "outcome_unknown");
  for (size_t i = 0; i < w->n_items; i++) {
    const json_t *row = paired ? json_array_get(rows, i) : NULL, *error = json_object_get(row, "error");
    kl_error e;
    if (!w->items[i].x) continue;
    if (!row) {
      item_failed(w, &w->items[i], &odd);
    } else if (json_is_object(error)) {
      item_error(error, &e);
      item_failed(w, &w->items[i], &e);
    } else {
      item_done(w, &w->items[i], row);
    }
  }
}

void kl_desk_answered(kl_desk_write *w, const kl_http_response *res, const kl_error *e) {
  if (w->deal) {
    kl_desk_deal_answered(w, res, e);
    return;
  }
  kl_desk_entry *x = w->n_items ? w->items[0].x : NULL;
  if (e) {
    /* Of a lease's cancel it says that it is not to be placed anew. */
    bool lost_cancel = w->kind == KL_WRITE_CANCEL && !w->batch && !w->raw && !w->lease && e->status == 404;
    /* A change that came too late: whoever asked for it hears how the order ended. */
    bool lost_change = (w->kind == KL_WRITE_AMEND || w->kind == KL_WRITE_DECREASE) && !w->raw && e->status == 404;
    for (size_t i = 0; i < w->n_items; i++)
      if (w->items[i].x) item_failed(w, &w->items[i], e);
    if (!x || kl_desk_status_final(x->o.status)) {
      if (x && lost_cancel) kl_desk_write_end_canceled(w);
    } else if (lost_cancel || lost_change) {
      kl_desk_write_look_up(w, e);
    }
    return;
  }
  json_t *root = w->n_items && w->kind != KL_WRITE_OTHER ? json_loadb(res->body, res->body_len, 0, NULL) : NULL;
  if (w->batch)
    batch_answered(w, root);
  else if (x)
    item_done(w, &w->items[0], root);
  json_decref(root);
  bool canceled_how = x && w->kind == KL_WRITE_CANCEL && !w->batch && !w->raw && !w->lease; /* it looks itself */
  if (canceled_how && !kl_desk_status_final(x->o.status)) kl_desk_write_look_up(w, NULL);
}
