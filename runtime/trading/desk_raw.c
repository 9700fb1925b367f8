/* Raw operations of scripts. What writes orders goes the way of all orders: its body is read, what it is checked for is
 * what is sent, and each order of it has a record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/json_member.h"
#include "trading/lease.h"

typedef struct raw_kind {
  const char *id;
  kl_write_kind kind;
  bool batch;
} raw_kind;

static const raw_kind kinds[] = {
    {"CreateOrderV2", KL_WRITE_CREATE, false},       {"BatchCreateOrdersV2", KL_WRITE_CREATE, true},
    {"AmendOrderV2", KL_WRITE_AMEND, false},         {"DecreaseOrderV2", KL_WRITE_DECREASE, false},
    {"CancelOrderV2", KL_WRITE_CANCEL, false},       {"BatchCancelOrdersV2", KL_WRITE_CANCEL, true},
    {"CancelAllOrders", KL_WRITE_CANCEL_ALL, false},
};

static const raw_kind *kind_of(const kl_operation *op) {
  for (size_t i = 0; op && i < sizeof kinds / sizeof kinds[0]; i++)
    if (!strcmp(op->id, kinds[i].id)) return &kinds[i];
  return NULL;
}

/* ---- reading bodies ---- */

/* False where the exchange would refuse it, too: what is missing is said in `e`. */
static bool read_create(const json_t *o, kl_order_intent *i, kl_error *e) {
  const char *side = kl_member_text(o, "side"), *missing = NULL;
  memset(i, 0, sizeof *i);
  i->ticker = kl_member_text(o, "ticker");
  i->side = strcmp(side, "ask") != 0 ? KL_BID : KL_ASK;
  if (!i->ticker[0] || strlen(i->ticker) >= 64)
    missing = "ticker";
  else if (strcmp(side, "ask") != 0 && strcmp(side, "bid") != 0)
    missing = "side (\"bid\" or \"ask\")";
  else if (!kl_member_fixed(o, "price", KL_PRICE_PLACES, &i->yes_price) || i->yes_price <= 0 ||
           i->yes_price >= KL_PRICE_ONE)
    missing = "price (a text like \"0.4200\", between 0 and 1 dollar)";
  else if (!kl_member_fixed(o, "count", KL_COUNT_PLACES, &i->count) || i->count <= 0 ||
           i->count > INT64_MAX / KL_PRICE_ONE / 4)
    missing = "count (a text like \"10.00\", more than 0)";
  else if (!kl_desk_tif_read(kl_member_text(o, "time_in_force"), &i->tif))
    missing = "time_in_force (\"good_till_canceled\", \"immediate_or_cancel\" or \"fill_or_kill\")";
  i->post_only = json_is_true(json_object_get(o, "post_only"));
  i->reduce_only = json_is_true(json_object_get(o, "reduce_only"));
  i->cancel_on_pause = json_is_true(json_object_get(o, "cancel_order_on_pause"));
  i->stp_maker = !strcmp(kl_member_text(o, "self_trade_prevention_type"), "maker");
  i->expiration_s = json_integer_value(json_object_get(o, "expiration_time"));
  i->has_subaccount = json_is_integer(json_object_get(o, "subaccount"));
  i->subaccount = (int32_t)json_integer_value(json_object_get(o, "subaccount"));
  i->client_id = kl_member_text(o, "client_order_id");
  i->group_id = kl_member_text(o, "order_group_id");
  if (!missing) return true;
  kl_error_coded(e, KL_ERR_VALIDATION, "missing_parameter", "an order needs %s, and this one has none that can be read",
                 missing);
  return false;
}

/* The id behind "/portfolio/events/orders/"; "" where there is none, or no path. */
static void id_of_path(const char *path, char out[64]) {
  static const char base[] = "/portfolio/events/orders/";
  out[0] = 0;
  if (!path || strncmp(path, base, sizeof base - 1) != 0) return;
  path += sizeof base - 1;
  size_t n = strcspn(path, "/");
  if (n > 0 && n < 64) {
    memcpy(out, path, n);
    out[n] = 0;
  }
}

static kl_desk_entry *entry_of(kl_desk *d, const char *order_id) {
  kl_desk_entry *x = order_id[0] ? kl_desk_entry_of(d, order_id, NULL) : NULL;
  if (x) kl_desk_order_retain(&x->o);
  return x;
}

/* ---- what a write does to orders ---- */

static bool add_create(kl_desk_write *w, kl_desk_item *it, uint32_t generation, json_t *o, kl_error *e) {
  kl_desk *d = w->d;
  kl_order_intent i;
  if (!read_create(o, &i, e)) return false;
  it->x = kl_desk_entry_new(d, w->p, generation, &i, e);
  if (!it->x) return false;
  bool ok = json_object_set_new(o, "client_order_id", json_string(it->x->o.client_id)) == 0;
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
  return ok;
}

static bool add_change(kl_desk_write *w, const char *path, const json_t *body, kl_error *e) {
  kl_desk_item *it = &w->one;
  char id[64];
  kl_count by;
  id_of_path(path, id);
  it->x = entry_of(w->d, id);
  if (w->kind == KL_WRITE_AMEND) {
    const char *renamed = kl_member_text(body, "updated_client_order_id");
    w->renamed = renamed[0] ? strdup(renamed) : NULL;
    bool ok = kl_member_fixed(body, "price", KL_PRICE_PLACES, &it->price) && it->price > 0 &&
              it->price < KL_PRICE_ONE && kl_member_fixed(body, "count", KL_COUNT_PLACES, &it->total) &&
              it->total > 0 && it->total < INT64_MAX / KL_PRICE_ONE / 4;
    if (!ok)
      kl_error_coded(e, KL_ERR_VALIDATION, "missing_parameter",
                     "an amend needs price and count, as texts like \"0.4200\" and \"10.00\"");
    /* Another program's, maybe. */
    return ok && (it->x || !kl_risk_needs(w->d->risk, w->p->risk) || kl_desk_seek_begin(w, id, e));
  }
  if (!it->x) return true;
  const kl_desk_order *o = &it->x->o;
  /* What it is reduced to is beside what has filled until then, which is not known. */
  if (kl_member_fixed(body, "reduce_by", KL_COUNT_PLACES, &by) && by > 0 && by < o->count) it->total = o->count - by;
  return true;
}

static void add_cancel(kl_desk_write *w, kl_desk_item *it, const char *id) {
  it->x = entry_of(w->d, id);
  if (it->x) it->x->cancel_wanted = true;
}

static void add_cancels(kl_desk_write *w, const json_t *orders) {
  for (size_t i = 0; i < w->n_items; i++)
    add_cancel(w, &w->items[i], kl_member_text(json_array_get(orders, i), "order_id"));
}

static bool read_items(kl_desk_write *w, const raw_kind *k, const kl_call_request *r, uint32_t generation, json_t *body,
                       kl_error *e) {
  json_t *orders = k->batch ? json_object_get(body, "orders") : NULL;
  switch (k->kind) {
  case KL_WRITE_CREATE:
    for (size_t i = 0; i < w->n_items; i++) {
      json_t *one = k->batch ? json_array_get(orders, i) : body;
      if (add_create(w, &w->items[i], generation, one, e)) continue;
      if (k->batch) {
        kl_error why = *e;
        kl_error_coded(e, why.kind, why.code, "order %zu of %zu: %.600s", i + 1, w->n_items, why.message);
      }
      return false;
    }
    return true;
  case KL_WRITE_AMEND:
  case KL_WRITE_DECREASE:
    return add_change(w, r->path, body, e);
  case KL_WRITE_CANCEL:
    if (k->batch) {
      add_cancels(w, orders);
    } else {
      char id[64];
      id_of_path(r->path, id);
      add_cancel(w, &w->one, id);
    }
    return true;
  case KL_WRITE_CANCEL_ALL:
  case KL_WRITE_OTHER:
    return true;
  }
  return true;
}

/* ---- the call ---- */

static void drop(kl_desk_write *w) {
  for (size_t i = 0; w->kind == KL_WRITE_CREATE && i < w->n_items; i++) {
    if (w->items[i].x) kl_desk_entry_drop(w->items[i].x);
    w->items[i].x = NULL;
  }
  kl_desk_write_free(w);
}

static bool copy_request(kl_desk_write *w, const kl_call_request *r, const json_t *body, kl_error *e) {
  kl_buf_str(&w->path, r->path ? r->path : "");
  if (r->query) kl_buf_str(&w->query, r->query);
  char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  w->has_body = body || r->body;
  if (text)
    kl_buf_str(&w->body, text);
  else if (r->body)
    kl_buf_add(&w->body, r->body, r->body_len);
  if (!r->op && r->method) w->method = strdup(r->method);
  bool failed = w->path.failed || w->query.failed || w->body.failed || (body && !text) || (!r->op && !w->method);
  free(text);
  if (failed) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a call");
  w->count = r->items;
  w->routed = r->routed;
  w->shard = r->shard;
  w->owner = r->owner;
  if (r->timeout_ms) w->deadline_ns = kl_desk_now_ns(w->d) + r->timeout_ms * KL_DESK_MS;
  return !failed;
}

/* How many orders a body has. */
static size_t count_items(const raw_kind *k, const json_t *body) {
  if (!k || k->kind == KL_WRITE_CANCEL_ALL || k->kind == KL_WRITE_OTHER) return 0;
  return k->batch ? json_array_size(json_object_get(body, "orders")) : 1;
}

/* A body that cannot be read cannot be an order that the exchange takes. With limits it is not tried. */
static bool refuse_unread(kl_desk *d, const kl_party *p, const char *name, kl_error *e) {
  if (!kl_risk_needs(d->risk, p->risk)) return false;
  if (!e->kind)
    kl_error_coded(e, KL_ERR_VALIDATION, "missing_parameter",
                   "%s has no body that can be read, and limits have to be compared with it", name);
  return true;
}

kl_desk_write *kl_desk_call(kl_desk *d, kl_party *p, uint32_t generation, const kl_call_request *r, kl_desk_done *done,
                            void *data, kl_error *e) {
  const char *method = r->op ? r->op->method : r->method ? r->method : "";
  const kl_operation *op = r->op ? r->op : kl_operation_match(method, r->path ? r->path : "");
  const raw_kind *k = kind_of(op);
  e->kind = NULL;
  bool places = k && (k->kind == KL_WRITE_CREATE || k->kind == KL_WRITE_AMEND || k->kind == KL_WRITE_DECREASE);
  if (places && !kl_desk_may_send(d, p, e)) return NULL;
  json_t *body = r->body && op && strcmp(method, "GET") != 0
                     ? json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL)
                     : NULL;
  bool reads =
      !k || k->kind == KL_WRITE_CANCEL_ALL || (k->kind == KL_WRITE_CANCEL && !k->batch) || json_is_object(body);
  size_t n = reads ? count_items(k, body) : 0;
  kl_desk_write *w = kl_desk_write_new(d, p, k ? k->kind : KL_WRITE_OTHER, n, e);
  bool ok = w != NULL;
  if (w) {
    if (w->kind == KL_WRITE_CANCEL_ALL) kl_leases_stop(d);
    w->op = op;
    w->raw = true;
    w->batch = k && k->batch;
    w->sync = d->o.journal_sync;
    w->done = done;
    w->data = data;
    bool read = k && reads && n > 0 ? read_items(w, k, r, generation, body, e) : !places || n > 0;
    if (!read && !refuse_unread(d, p, op->name, e) && strcmp(e->kind ? e->kind : "", KL_ERR_RISK) != 0) {
      /* The exchange says what is wrong with it. */
      for (size_t i = 0; i < w->n_items; i++) {
        if (w->items[i].x && w->kind == KL_WRITE_CREATE) kl_desk_entry_drop(w->items[i].x);
        if (w->items[i].x && w->kind != KL_WRITE_CREATE) kl_desk_order_release(&w->items[i].x->o);
        w->items[i].x = NULL;
      }
      w->kind = KL_WRITE_OTHER;
      w->n_items = 0;
      read = true;
    }
    ok = read && copy_request(w, r, (k || kl_desk_rfq_reads(op)) && json_is_object(body) ? body : NULL, e) &&
         (k || kl_desk_rfq_prepare(w, op, r, generation, body, e));
  }
  json_decref(body);
  if (!ok) {
    if (w) drop(w);
    w = NULL;
  } else if (!kl_desk_write_begin(w, e)) {
    w = NULL;
  }
  if (!w && op) snprintf(e->operation, sizeof e->operation, "%s", op->name);
  return w;
}
