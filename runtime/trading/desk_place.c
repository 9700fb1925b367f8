/* The writes of kalshi.order: from what is wanted to the body that says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "trading/lease.h"
#include "trading/seat_belt.h"

static void show_price(kl_price p, char out[32]) { kl_decimal_format(out, 32, p, KL_PRICE_PLACES); }

/* What the exchange would refuse for sure. */
static bool check_terms(kl_desk *d, const char *ticker, kl_price price, kl_count count, kl_error *e) {
  char text[32], steps[KL_INFO_STEPS];
  show_price(price, text);
  const kl_market_info *info = d->infos ? kl_market_info_get(d->infos, ticker) : NULL;
  if (price <= 0 || price >= KL_PRICE_ONE)
    kl_error_coded(e, KL_ERR_VALIDATION, "price_out_of_range", "a price is between 0 and 1 dollar, and this is %s",
                   text);
  else if (info && !kl_market_info_on_grid(info, price)) {
    kl_market_info_steps(info, steps);
    kl_error_coded(e, KL_ERR_VALIDATION, "price_off_grid", "%s is not a price of %s, whose steps are %s", text, ticker,
                   steps);
  } else if (count <= 0)
    kl_error_coded(e, KL_ERR_VALIDATION, "count_out_of_range", "an order is for more than 0 contracts");
  else if (count > INT64_MAX / KL_PRICE_ONE / 4)
    kl_error_coded(e, KL_ERR_VALIDATION, "count_out_of_range", "so many contracts cannot be counted");
  else
    return true;
  return false;
}

static bool complete_one(kl_desk_entry *x, json_t *body, kl_error *e) {
  return !x || (kl_belt_complete(x, body, e) && kl_lease_complete(x, body, e));
}

bool kl_desk_complete(kl_desk_write *w, kl_error *e) {
  bool any = false;
  for (size_t i = 0; w->kind == KL_WRITE_CREATE && i < w->n_items; i++)
    any = any || (w->items[i].x && (w->items[i].x->belted || w->items[i].x->lease_s > 0));
  if (!any) return true;
  json_t *root = json_loadb(w->body.data, w->body.len, 0, NULL);
  const json_t *orders = w->batch ? json_object_get(root, "orders") : NULL;
  bool ok = root != NULL;
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
  for (size_t i = 0; ok && i < w->n_items; i++)
    ok = complete_one(w->items[i].x, w->batch ? json_array_get(orders, i) : root, e);
  char *text = ok ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  json_decref(root);
  if (!ok) return false;
  kl_buf_clear(&w->body);
  if (text) kl_buf_str(&w->body, text);
  if (!text || w->body.failed) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
    ok = false;
  }
  free(text);
  return ok;
}

static bool begin(kl_desk_write *w, const char *operation, kl_desk_done *done, void *data, kl_desk_write **out,
                  kl_error *e) {
  w->op = kl_operation_find(operation);
  w->done = done;
  w->data = data;
  if (w->path.failed || w->query.failed || w->body.failed) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a write");
    for (size_t i = 0; w->kind == KL_WRITE_CREATE && !w->renewal && i < w->n_items; i++) {
      kl_desk_entry_drop(w->items[i].x);
      w->items[i].x = NULL;
    }
    kl_desk_write_free(w);
    return false;
  }
  if (!kl_desk_write_begin(w, e)) {
    snprintf(e->operation, sizeof e->operation, "%s", kl_operation_find(operation)->name);
    return false;
  }
  if (out) *out = w;
  return true;
}

bool kl_desk_place(kl_desk *d, kl_party *p, uint32_t generation, const kl_order_intent *i, kl_desk_order **out,
                   kl_desk_done *done, void *data, kl_desk_write **w, kl_error *e) {
  kl_order_intent wanted = *i;
  if (!i->ticker || !i->ticker[0] || strlen(i->ticker) >= sizeof((kl_desk_order *)0)->ticker) {
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_market", "\"%.80s\" is not the ticker of a market",
                   i->ticker ? i->ticker : "");
    return false;
  }
  if (!kl_desk_may_send(d, p, e) || !check_terms(d, i->ticker, i->yes_price, i->count, e)) return false;
  if (!wanted.lease_s && wanted.tif == KL_DESK_GTC && !wanted.expiration_s) wanted.lease_s = d->o.lease_s;
  kl_desk_entry *x = kl_desk_entry_new(d, p, generation, &wanted, e);
  if (!x) return false;
  kl_desk_write *write = kl_desk_write_new(d, p, KL_WRITE_CREATE, 1, e);
  if (!write) {
    kl_desk_entry_drop(x);
    return false;
  }
  write->one.x = x;
  write->sync = i->sync || d->o.journal_sync;
  kl_buf_str(&write->path, "/portfolio/events/orders");
  kl_desk_put_create(&write->body, &wanted, x->o.client_id);
  write->has_body = true;
  if (!begin(write, "CreateOrderV2", done, data, w, e)) return false;
  *out = kl_desk_order_retain(&x->o);
  return true;
}

bool kl_desk_place_again(kl_desk_entry *x, kl_error *e) {
  kl_desk *d = x->d;
  const kl_desk_order *o = &x->o;
  const kl_order_intent i = {.ticker = o->ticker,
                             .side = o->side,
                             .yes_price = o->yes_price,
                             .count = o->count,
                             .tif = o->tif,
                             .post_only = o->post_only,
                             .reduce_only = o->reduce_only,
                             .cancel_on_pause = x->cancel_on_pause,
                             .stp_maker = x->stp_maker,
                             .subaccount = o->subaccount,
                             .has_subaccount = x->has_subaccount,
                             .group_id = o->group_id};
  kl_desk_write *w = kl_desk_write_new(d, o->party, KL_WRITE_CREATE, 1, e);
  if (!w) return false;
  kl_desk_order_retain(&x->o);
  w->one.x = x;
  w->renewal = w->by_desk = true;
  w->sync = x->sync || d->o.journal_sync;
  kl_buf_str(&w->path, "/portfolio/events/orders");
  kl_desk_put_create(&w->body, &i, o->client_id);
  w->has_body = true;
  return begin(w, "CreateOrderV2", NULL, NULL, NULL, e);
}

/* A write of an order that the exchange knows. NULL with `e` otherwise. */
static kl_desk_write *write_of(kl_desk *d, kl_desk_order *o, kl_write_kind kind, const char *tail, kl_error *e) {
  kl_desk_entry *x = (kl_desk_entry *)o;
  const char *what = kind == KL_WRITE_AMEND ? "amended" : kind == KL_WRITE_DECREASE ? "decreased" : "canceled";
  if (!x->d || d->closing) {
    kl_error_coded(e, KL_ERR_CLOSED, "process_ending", "the process ends, and nothing is sent any more");
    return NULL;
  }
  if (kind != KL_WRITE_CANCEL && kl_desk_status_final(o->status)) {
    kl_error_set(e, KL_ERR_VALIDATION, "order %s cannot be %s: it is %s", o->client_id, what,
                 kl_desk_status_name(o->status));
    kl_error_code(e, kl_desk_status_name(o->status));
    return NULL;
  }
  if (kind != KL_WRITE_CANCEL && !o->id[0]) {
    kl_error_set(e, KL_ERR_VALIDATION, "order %s cannot be %s yet: it is %s; wait for it", o->client_id, what,
                 kl_desk_status_name(o->status));
    kl_error_code(e, kl_desk_status_name(o->status));
    e->retryable = true;
    return NULL;
  }
  if (kind != KL_WRITE_CANCEL && x->renewing) {
    kl_error_set(e, KL_ERR_VALIDATION, "order %s cannot be %s now: its lease is being renewed; wait for it",
                 o->client_id, what);
    kl_error_code(e, "pending");
    e->retryable = true;
    return NULL;
  }
  kl_desk_write *w = kl_desk_write_new(d, o->party, kind, 1, e);
  if (!w) return NULL;
  kl_desk_order_retain(o);
  w->one.x = x;
  if (o->id[0] && tail) kl_buf_printf(&w->path, "/portfolio/events/orders/%s%s", o->id, tail);
  if (o->subaccount && tail && kind != KL_WRITE_CANCEL) kl_buf_printf(&w->query, "subaccount=%d", (int)o->subaccount);
  return w;
}

bool kl_desk_amend(kl_desk *d, kl_desk_order *o, kl_price yes_price, kl_count total, kl_desk_done *done, void *data,
                   kl_desk_write **out, kl_error *e) {
  kl_price price = yes_price ? yes_price : o->yes_price;
  kl_count count = total ? total - o->before : o->count;
  char text[32];
  if (!kl_desk_may_send(d, o->party, e)) return false;
  if (count <= o->filled && !kl_desk_status_final(o->status)) {
    kl_decimal_format(text, sizeof text, o->before + o->filled, KL_COUNT_PLACES);
    kl_error_coded(e, KL_ERR_VALIDATION, "count_out_of_range",
                   "the new size counts what has filled, which is %s: give more than that, or cancel the order", text);
    return false;
  }
  if (!check_terms(d, o->ticker, price, count, e)) return false;
  kl_desk_write *w = write_of(d, o, KL_WRITE_AMEND, "/amend", e);
  if (!w) return false;
  w->one.price = price;
  w->one.total = count;
  kl_desk_put_amend(&w->body, o, price, count);
  w->has_body = true;
  return begin(w, "AmendOrderV2", done, data, out, e);
}

bool kl_desk_decrease(kl_desk *d, kl_desk_order *o, kl_count by, kl_desk_done *done, void *data, kl_desk_write **out,
                      kl_error *e) {
  char text[32];
  if (!kl_desk_may_send(d, o->party, e)) return false;
  if (by <= 0 || (by > o->remaining && !kl_desk_status_final(o->status))) {
    kl_decimal_format(text, sizeof text, o->remaining, KL_COUNT_PLACES);
    kl_error_coded(e, KL_ERR_VALIDATION, "count_out_of_range",
                   "%s contracts are left of the order: decrease it by some of them", text);
    return false;
  }
  kl_desk_write *w = write_of(d, o, KL_WRITE_DECREASE, "/decrease", e);
  if (!w) return false;
  kl_desk_put_decrease(&w->body, o, by);
  w->has_body = true;
  w->one.total = o->count - by;
  return begin(w, "DecreaseOrderV2", done, data, out, e);
}

/* It was not sent yet: then it never is. */
static bool take_back(kl_desk *d, kl_desk_entry *x) {
  for (kl_list *n = d->writes.next; n != &d->writes; n = n->next) {
    kl_desk_write *w = KL_CONTAINER(n, kl_desk_write, link);
    if (w->kind != KL_WRITE_CREATE || w->batch || w->one.x != x) continue;
    return kl_desk_write_take_back(w, "it was canceled before");
  }
  return false;
}

bool kl_desk_cancel(kl_desk *d, kl_desk_order *o, kl_desk_done *done, void *data, kl_desk_write **out, kl_error *e) {
  kl_desk_entry *x = (kl_desk_entry *)o;
  if (o->status == KL_DESK_PENDING && x->d && x->creating) (void)take_back(d, x);
  kl_desk_write *w = write_of(d, o, KL_WRITE_CANCEL, NULL, e);
  if (!w) return false;
  x->cancel_wanted = true;
  if (kl_desk_status_final(o->status)) {
    w->done = done;
    w->data = data;
    w->op = kl_operation_find("CancelOrderV2");
    if (out) *out = w;
    kl_desk_write_end_canceled(w);
    return true;
  }
  return begin(w, "CancelOrderV2", done, data, out, e);
}
