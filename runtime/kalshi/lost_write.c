#include "kalshi/lost_write.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/log.h"
#include "kalshi/json_member.h"
#include "kalshi/order_route.h"

enum {
  PATIENCE_MS = 30000,   /* then it is unknown */
  SETTLE_MS = 1000,      /* a write whose connection broke is through or dead by then */
  SETTLE_LATE_MS = 5000, /* one that timed out may sit in a queue for longer */
  BLIND_MS = 10000,      /* how long to wait where the exchange does not say how fresh its reads are */
  PAUSE_FIRST_MS = 50,
  PAUSE_MOST_MS = 1000,
  LOOKUP_TIMEOUT_MS = 4000, /* then the channel is looked at again, and another try made */
  ITEMS_MAX = 1000,
  CLOCK_SLACK_S = 60
};

/* An order that the write concerns. */
typedef struct item {
  const char *client_id, *order_id; /* borrowed from the body or the path */
  json_t *order;                    /* as looked up, owned; NULL: not seen */
  bool gone;                        /* the exchange knows no such order */
  /* Of its fills, for the averages: sum of count times price, of fees; known when `filled`. */
  bool filled;
  int64_t value, fees; /* 1e-6 dollar, 1e-6 dollar */
} item;

typedef enum { STEP_ORDERS, STEP_FILLS, STEP_FRESH } step;

struct kl_lost_write {
  kl_session *s;
  kl_call *c;
  kl_lost_cb cb;
  void *data;
  kl_timer timer;
  kl_call *lookup;
  json_t *body;
  char id[80]; /* of the order in the path */
  item *items;
  size_t n_items, at;
  step step;
  char cursor[512];
  bool creates, batch, by_timeout;
  bool fresh;         /* reads that begin now are newer than the loss */
  bool ended;         /* the verdict is to be told, or was */
  int64_t lost_at_ms; /* the exchange's clock */
  int64_t until_ns;   /* of our patience */
  int64_t pause_ms;
  kl_lost_verdict verdict;
  kl_buf text;
};

typedef struct {
  const char *id;
  enum { KIND_CREATE, KIND_CANCEL, KIND_AMEND, KIND_DECREASE } kind;
  bool batch;
} plan;

static const plan plans[] = {{"CreateOrderV2", KIND_CREATE, false}, {"BatchCreateOrdersV2", KIND_CREATE, true},
                             {"CancelOrderV2", KIND_CANCEL, false}, {"BatchCancelOrdersV2", KIND_CANCEL, true},
                             {"AmendOrderV2", KIND_AMEND, false},   {"DecreaseOrderV2", KIND_DECREASE, false}};

static const plan *plan_of(const kl_operation *op) {
  for (size_t i = 0; op && i < sizeof plans / sizeof plans[0]; i++)
    if (!strcmp(op->id, plans[i].id)) return &plans[i];
  return NULL;
}

/* NULL where it is absent or empty. */
static const char *text_of(const json_t *o, const char *name) {
  const char *s = kl_member_text(o, name);
  return s[0] ? s : NULL;
}

static bool count_of(const json_t *o, const char *name, kl_count *out) {
  return kl_member_fixed(o, name, KL_COUNT_PLACES, out);
}

bool kl_lost_write_can(const kl_call *c) {
  const plan *p = plan_of(c->op);
  char id[80];
  if (!p) return false;
  if (!p->batch && p->kind != KIND_CREATE) return kl_order_id_of_path(c->path, id, sizeof id);
  json_t *body = c->body ? json_loadb(c->body, c->body_len, 0, NULL) : NULL;
  bool can = true;
  if (p->batch) {
    const json_t *orders = json_object_get(body, "orders"), *one;
    size_t i;
    can = json_array_size(orders) > 0 && json_array_size(orders) <= ITEMS_MAX;
    json_array_foreach(orders, i, one) can =
        can && text_of(one, p->kind == KIND_CREATE ? "client_order_id" : "order_id") != NULL;
  } else {
    can = text_of(body, "client_order_id") != NULL;
  }
  json_decref(body);
  return can;
}

/* ---- the end of it ---- */

static void lost_closed(uv_handle_t *h) {
  kl_lost_write *w = h->data;
  kl_session *s = w->s;
  bool last = s->closing;
  for (size_t i = 0; i < w->n_items; i++)
    json_decref(w->items[i].order);
  free(w->items);
  json_decref(w->body);
  kl_buf_free(&w->text);
  free(w);
  if (last)
    kl_session_part_closed(s);
  else
    s->open--;
}

void kl_lost_write_cancel(kl_lost_write *w) {
  if (w->lookup) kl_call_cancel(w->lookup);
  w->lookup = NULL;
  w->ended = true;
  kl_timer_close(&w->timer, lost_closed);
}

static void fired(uv_timer_t *t);

/* Told from the timer, so that it never comes from within. */
static void end(kl_lost_write *w, kl_lost_verdict verdict) {
  w->verdict = verdict;
  w->ended = true;
  kl_timer_start(&w->timer, fired, 0, 0);
}

static void end_saying(kl_lost_write *w, kl_lost_verdict verdict, const char *why) {
  kl_buf_clear(&w->text);
  kl_buf_str(&w->text, why);
  end(w, verdict);
}

/* ---- the answer that would have come ---- */

static void put_text(kl_buf *b, const char *key, const char *value) {
  kl_buf_json_key(b, key);
  kl_buf_json_cstr(b, value);
  kl_buf_char(b, ',');
}

static void put_count(kl_buf *b, const char *key, kl_count v) {
  kl_buf_json_key(b, key);
  kl_buf_json_decimal(b, v, KL_COUNT_PLACES);
  kl_buf_char(b, ',');
}

/* Rounded to the nearest of `places` decimals. */
static void put_average(kl_buf *b, const char *key, int64_t sum, kl_count count) {
  int64_t twice = 2 * (sum < 0 ? -sum : sum) * KL_COUNT_ONE, each = (twice + count) / (2 * count);
  kl_buf_json_key(b, key);
  kl_buf_json_decimal(b, sum < 0 ? -each : each, KL_MONEY_PLACES);
  kl_buf_char(b, ',');
}

/* The members of one order's answer, as the operation has them. */
static void put_order(kl_lost_write *w, const item *it) {
  kl_buf *b = &w->text;
  const plan *p = plan_of(w->c->op);
  kl_count filled = 0, remaining = 0, initial = 0;
  (void)count_of(it->order, "fill_count_fp", &filled);
  (void)count_of(it->order, "remaining_count_fp", &remaining);
  (void)count_of(it->order, "initial_count_fp", &initial);
  const char *order_id = text_of(it->order, "order_id"), *client_id = text_of(it->order, "client_order_id");
  kl_buf_char(b, '{');
  if (order_id) put_text(b, "order_id", order_id);
  if (client_id) put_text(b, "client_order_id", client_id);
  if (p->kind == KIND_CANCEL) {
    put_count(b, "reduced_by", initial > filled ? initial - filled : 0);
  } else {
    put_count(b, "remaining_count", remaining);
    if (p->kind != KIND_DECREASE) put_count(b, "fill_count", filled);
    if (p->kind == KIND_CREATE && it->filled && filled > 0) {
      put_average(b, "average_fill_price", it->value, filled);
      put_average(b, "average_fee_paid", it->fees, filled);
    }
  }
  int64_t ts = kl_member_time_ms(it->order, p->kind == KIND_CREATE ? "created_time" : "last_update_time");
  kl_buf_json_key(b, "ts_ms");
  kl_buf_int(b, ts ? ts : kl_session_timestamp_ms(w->s));
  kl_buf_str(b, ",\"resolved\":true}");
}

/* What an item of a batch gets that has no order: `code` as the exchange would say it. */
static void put_item_error(kl_buf *b, const item *it, const char *code, const char *message) {
  kl_buf_char(b, '{');
  if (it->client_id) put_text(b, "client_order_id", it->client_id);
  if (it->order_id) put_text(b, "order_id", it->order_id);
  kl_buf_str(b, "\"error\":{");
  put_text(b, "code", code);
  kl_buf_json_key(b, "message");
  kl_buf_json_cstr(b, message);
  kl_buf_str(b, "},\"resolved\":true}");
}

/* ---- judging ---- */

typedef enum { ITEM_DONE, ITEM_NOT_DONE, ITEM_UNKNOWN } item_state;

static bool status_is(const item *it, const char *status) {
  const char *s = text_of(it->order, "status");
  return s && !strcmp(s, status);
}

/* An amend names the total (filled and resting) and the price that are wanted, so they can be compared. */
static item_state judge_amend(const kl_lost_write *w, const item *it) {
  kl_count wanted, filled, remaining;
  kl_price price, now;
  if (!count_of(w->body, "count", &wanted) || !kl_member_fixed(w->body, "price", KL_PRICE_PLACES, &price) ||
      !count_of(it->order, "fill_count_fp", &filled) || !count_of(it->order, "remaining_count_fp", &remaining) ||
      !kl_member_fixed(it->order, "yes_price_dollars", KL_PRICE_PLACES, &now))
    return ITEM_UNKNOWN;
  const char *renamed = text_of(w->body, "updated_client_order_id"), *name = text_of(it->order, "client_order_id");
  if (renamed && (!name || strcmp(renamed, name) != 0)) return ITEM_NOT_DONE;
  return now == price && filled + remaining == wanted ? ITEM_DONE : ITEM_NOT_DONE;
}

/* A decrease to a number can be compared; one by a number only where the size before is known. */
static item_state judge_decrease(const kl_lost_write *w, const item *it) {
  kl_count filled, remaining, to, by;
  if (!count_of(it->order, "fill_count_fp", &filled) || !count_of(it->order, "remaining_count_fp", &remaining))
    return ITEM_UNKNOWN;
  if (count_of(w->body, "reduce_to", &to)) return remaining <= to ? ITEM_DONE : ITEM_NOT_DONE;
  if (!count_of(w->body, "reduce_by", &by)) return ITEM_UNKNOWN;
  kl_count before = w->c->total_before;
  if (before < 0) return ITEM_UNKNOWN;
  if (filled + remaining == before - by) return ITEM_DONE;
  return filled + remaining == before ? ITEM_NOT_DONE : ITEM_UNKNOWN;
}

static item_state judge(const kl_lost_write *w, const item *it) {
  if (!it->order) return ITEM_NOT_DONE;
  switch (plan_of(w->c->op)->kind) {
  case KIND_CREATE:
    return ITEM_DONE;
  case KIND_CANCEL:
    return status_is(it, "canceled") ? ITEM_DONE : ITEM_NOT_DONE;
  case KIND_AMEND:
    return judge_amend(w, it);
  case KIND_DECREASE:
    return judge_decrease(w, it);
  }
  return ITEM_UNKNOWN;
}

/* The account channel may have told what we need: then nothing has to be asked. Fills at creation need their averages,
 * so those are looked up all the same. */
static void ask_the_channel(kl_lost_write *w) {
  for (size_t i = 0; i < w->n_items; i++) {
    item *it = &w->items[i];
    const kl_own_order *own = w->creates ? kl_own_orders_by_client_id(w->s->own, it->client_id)
                                         : kl_own_orders_by_id(w->s->own, it->order_id);
    if (it->order || !own || !own->ts_ms || (w->creates && own->filled > 0)) continue;
    /* From before the write; of a create, another order whose name was used again. */
    if (own->ts_ms < w->c->first_sent_ms - (w->creates ? CLOCK_SLACK_S * 1000 : 0)) continue;
    char filled[32], remaining[32], initial[32], price[32], updated[40];
    kl_decimal_format(filled, sizeof filled, own->filled, KL_COUNT_PLACES);
    kl_decimal_format(remaining, sizeof remaining, own->remaining, KL_COUNT_PLACES);
    kl_decimal_format(initial, sizeof initial, own->initial, KL_COUNT_PLACES);
    kl_decimal_format(price, sizeof price, own->yes_price, KL_PRICE_PLACES);
    kl_time_rfc3339(updated, sizeof updated, own->ts_ms * 1000, 3);
    json_t *order = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "order_id", own->order_id, "client_order_id",
                              own->client_order_id, "status", kl_own_status_name(own->status), "fill_count_fp", filled,
                              "remaining_count_fp", remaining, "initial_count_fp", initial, "yes_price_dollars", price,
                              "created_time", updated, "last_update_time", updated);
    it->order = order;
    /* What the channel said last may be older than the write: only what shows it done counts. */
    if (order && judge(w, it) != ITEM_DONE) {
      json_decref(order);
      it->order = NULL;
    }
  }
}

static void look(kl_lost_write *w);

static void pause_then_look(kl_lost_write *w) {
  if (kl_mono_ns(w->s->clock) >= w->until_ns) {
    end_saying(w, KL_LOST_UNKNOWN, "it could not be looked up within half a minute");
    return;
  }
  kl_timer_start(&w->timer, fired, (uint64_t)w->pause_ms, 0);
  w->pause_ms = w->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : w->pause_ms * 2;
}

static void tell_done(kl_lost_write *w) {
  kl_buf_clear(&w->text);
  if (w->batch) kl_buf_str(&w->text, "{\"orders\":[");
  for (size_t i = 0; i < w->n_items; i++) {
    const item *it = &w->items[i];
    if (i) kl_buf_char(&w->text, ',');
    if (judge(w, it) == ITEM_DONE)
      put_order(w, it);
    else if (w->creates)
      put_item_error(&w->text, it, "not_done",
                     "the answer was lost and this order does not exist: it may be sent again");
    else
      put_item_error(&w->text, it, status_is(it, "resting") ? "not_done" : "not_found",
                     status_is(it, "resting") ? "the answer was lost and this order still rests: cancel it again"
                                              : "the answer was lost and this order neither rests nor was canceled");
  }
  if (w->batch) kl_buf_str(&w->text, "],\"resolved\":true}");
  if (w->text.failed)
    end_saying(w, KL_LOST_UNKNOWN, "there was not enough memory to look it up");
  else
    end(w, KL_LOST_DONE);
}

/* A cancel may be repeated at any time and must not wait: if a stale read was to blame, the second is refused, and that
 * is looked into. */
static bool is_urgent(const kl_lost_write *w) {
  return plan_of(w->c->op)->kind == KIND_CANCEL && !w->batch && !w->c->refused;
}

/* Everything was read once: is it decided? */
static void conclude(kl_lost_write *w) {
  size_t done = 0, unknown = 0;
  for (size_t i = 0; i < w->n_items; i++) {
    item_state state = judge(w, &w->items[i]);
    done += state == ITEM_DONE;
    unknown += state == ITEM_UNKNOWN;
  }
  if (done == w->n_items || (w->fresh && done > 0 && unknown == 0)) {
    tell_done(w);
  } else if (is_urgent(w)) {
    end_saying(w, KL_LOST_NOT_DONE, "the order is not canceled");
  } else if (w->fresh && unknown > 0) {
    end_saying(w, KL_LOST_UNKNOWN,
               "the order was found, but not how large it was before; give reduce_to instead of reduce_by");
  } else if (w->fresh) {
    end_saying(w, KL_LOST_NOT_DONE, w->creates ? "no order has its client_order_id" : "the order is as it was before");
  } else {
    w->step = STEP_FRESH;
    look(w);
  }
}

/* ---- looking ---- */

static void next_item(kl_lost_write *w) {
  w->at++;
  w->cursor[0] = 0;
}

static void take_orders(kl_lost_write *w, const json_t *root) {
  const json_t *orders = json_object_get(root, "orders"), *one;
  size_t i;
  json_array_foreach(orders, i, one) {
    const char *client_id = text_of(one, "client_order_id");
    for (size_t k = 0; client_id && k < w->n_items; k++) {
      item *it = &w->items[k];
      if (strcmp(it->client_id, client_id) != 0) continue;
      json_decref(it->order);
      it->order = json_incref((json_t *)(uintptr_t)one);
    }
  }
}

static bool take_cursor(kl_lost_write *w, const json_t *root) {
  const char *cursor = text_of(root, "cursor");
  bool more = cursor && strlen(cursor) < sizeof w->cursor && strcmp(cursor, w->cursor) != 0;
  snprintf(w->cursor, sizeof w->cursor, "%s", more ? cursor : "");
  return more;
}

static bool all_seen(const kl_lost_write *w) {
  for (size_t i = 0; i < w->n_items; i++)
    if (!w->items[i].order) return false;
  return true;
}

static void begin_fills(kl_lost_write *w) {
  w->step = STEP_FILLS;
  w->at = 0;
  w->cursor[0] = 0;
  look(w);
}

static void take_fills(kl_lost_write *w, const json_t *root) {
  item *it = &w->items[w->at];
  const json_t *fills = json_object_get(root, "fills"), *one;
  size_t i;
  bool good = json_is_array(fills);
  json_array_foreach(fills, i, one) {
    kl_count count = 0;
    int64_t price = 0, fee = 0;
    good = good && count_of(one, "count_fp", &count) &&
           kl_member_fixed(one, "yes_price_dollars", KL_PRICE_PLACES, &price) &&
           kl_member_fixed(one, "fee_cost", KL_MONEY_PLACES, &fee);
    it->value += count * price;
    it->fees += fee;
  }
  if (good && take_cursor(w, root)) {
    look(w);
    return;
  }
  it->filled = good;
  next_item(w);
  look(w);
}

static void take_freshness(kl_lost_write *w, const json_t *root) {
  const char *as_of = text_of(root, "as_of_time");
  int64_t us;
  int64_t settle = w->by_timeout ? SETTLE_LATE_MS : SETTLE_MS;
  if (as_of && kl_time_parse_rfc3339(as_of, strlen(as_of), &us))
    w->fresh = us / 1000 >= w->lost_at_ms + settle;
  else
    w->fresh = kl_session_timestamp_ms(w->s) >= w->lost_at_ms + BLIND_MS;
  w->step = STEP_ORDERS;
  w->at = 0;
  w->cursor[0] = 0;
  /* Something may have come meanwhile, also where it is not fresh yet. */
  if (w->fresh)
    look(w);
  else
    pause_then_look(w);
}

static void taken(kl_lost_write *w, const json_t *root) {
  switch (w->step) {
  case STEP_FRESH:
    take_freshness(w, root);
    break;
  case STEP_FILLS:
    take_fills(w, root);
    break;
  case STEP_ORDERS:
    if (!w->creates) {
      json_t *order = json_object_get(root, "order");
      json_decref(w->items[w->at].order);
      w->items[w->at].order = json_is_object(order) ? json_incref(order) : NULL;
      next_item(w);
      look(w);
      return;
    }
    take_orders(w, root);
    if (!all_seen(w) && take_cursor(w, root))
      look(w);
    else
      begin_fills(w);
    break;
  }
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_lost_write *w = data;
  w->lookup = NULL;
  if (kl_mono_ns(w->s->clock) >= w->until_ns) {
    end_saying(w, KL_LOST_UNKNOWN, "it could not be looked up within half a minute");
    return;
  }
  if (e && w->step == STEP_ORDERS && !w->creates && e->status == 404) {
    /* Reads may not show a young order yet; it may be gone to the historical tier, or be another subaccount's. */
    if (is_urgent(w)) {
      end_saying(w, KL_LOST_NOT_DONE, "reads do not show the order");
    } else if (w->fresh) {
      end_saying(w, KL_LOST_UNKNOWN, "the exchange shows no order of that id");
    } else {
      w->step = STEP_FRESH;
      look(w);
    }
    return;
  }
  json_t *root = e ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
  bool usable = json_is_object(root);
  if (w->step == STEP_ORDERS && usable)
    usable =
        w->creates ? json_is_array(json_object_get(root, "orders")) : json_is_object(json_object_get(root, "order"));
  if (usable || (w->step == STEP_FRESH && e && (e->status == 404 || e->status == 501))) {
    taken(w, root);
  } else if (w->step == STEP_FILLS) {
    next_item(w); /* without the averages, then */
    look(w);
  } else if (e && e->kind && (!strcmp(e->kind, KL_ERR_AUTH) || !strcmp(e->kind, KL_ERR_CLOSED))) {
    end_saying(w, KL_LOST_UNKNOWN, e->message);
  } else {
    kl_log_debug("session", "%s: a look-up failed: %s", w->c->name, e ? e->message : "no usable answer");
    w->step = STEP_ORDERS;
    w->at = 0;
    w->cursor[0] = 0;
    pause_then_look(w);
  }
  json_decref(root);
}

static void ask(kl_lost_write *w, const char *operation, const char *path, const char *query) {
  kl_error e;
  kl_call_request r = {.op = kl_operation_find(operation),
                       .path = path,
                       .query = query,
                       .urgent = true,
                       .timeout_ms = LOOKUP_TIMEOUT_MS};
  w->lookup = kl_session_call(w->s, &r, answered, w, &e);
  if (!w->lookup) end_saying(w, KL_LOST_UNKNOWN, e.message);
}

/* The ticker that all orders of the write have in common; NULL when they have none. */
static const char *common_ticker(const kl_lost_write *w) {
  if (!w->batch) return text_of(w->body, "ticker");
  const json_t *orders = json_object_get(w->body, "orders"), *one;
  const char *ticker = NULL;
  size_t i;
  json_array_foreach(orders, i, one) {
    const char *t = text_of(one, "ticker");
    if (!t || (ticker && strcmp(t, ticker) != 0)) return NULL;
    ticker = t;
  }
  return ticker;
}

static void ask_for_orders(kl_lost_write *w) {
  if (!w->creates) {
    kl_buf path = {0};
    kl_buf_printf(&path, "/portfolio/orders/%s", w->items[w->at].order_id);
    if (path.failed)
      end_saying(w, KL_LOST_UNKNOWN, "there was not enough memory to look it up");
    else
      ask(w, "GetOrder", path.data, NULL);
    kl_buf_free(&path);
    return;
  }
  kl_buf query = {0};
  kl_buf_printf(&query, "min_ts=%lld&limit=1000", (long long)(w->c->first_sent_ms / 1000 - CLOCK_SLACK_S));
  const char *ticker = common_ticker(w);
  if (ticker) kl_buf_query(&query, "ticker", ticker);
  if (w->cursor[0]) kl_buf_query(&query, "cursor", w->cursor);
  if (query.failed)
    end_saying(w, KL_LOST_UNKNOWN, "there was not enough memory to look it up");
  else
    ask(w, "GetOrders", "/portfolio/orders", query.data);
  kl_buf_free(&query);
}

/* The next order of a create that has fills; false when there is none left. */
static bool find_filled(kl_lost_write *w) {
  for (; w->creates && w->at < w->n_items; next_item(w)) {
    kl_count filled = 0;
    const item *it = &w->items[w->at];
    if (it->order && !it->filled && count_of(it->order, "fill_count_fp", &filled) && filled > 0) return true;
  }
  return false;
}

static void ask_for_fills(kl_lost_write *w) {
  const char *id = text_of(w->items[w->at].order, "order_id");
  if (!id) {
    next_item(w);
    look(w);
    return;
  }
  item *it = &w->items[w->at];
  if (!w->cursor[0]) it->value = it->fees = 0;
  kl_buf query = {0};
  kl_buf_str(&query, "limit=1000");
  kl_buf_query(&query, "order_id", id);
  if (w->cursor[0]) kl_buf_query(&query, "cursor", w->cursor);
  if (query.failed)
    end_saying(w, KL_LOST_UNKNOWN, "there was not enough memory to look it up");
  else
    ask(w, "GetFills", "/portfolio/fills", query.data);
  kl_buf_free(&query);
}

static void look(kl_lost_write *w) {
  switch (w->step) {
  case STEP_FRESH:
    ask(w, "GetUserDataTimestamp", "/exchange/user_data_timestamp", NULL);
    break;
  case STEP_ORDERS:
    if (w->at == 0 && !w->cursor[0]) ask_the_channel(w);
    if (!w->creates && w->at == w->n_items)
      conclude(w);
    else if (w->creates && all_seen(w))
      begin_fills(w);
    else if (!w->creates && w->items[w->at].order && judge(w, &w->items[w->at]) == ITEM_DONE) {
      next_item(w);
      look(w);
    } else
      ask_for_orders(w);
    break;
  case STEP_FILLS:
    if (find_filled(w))
      ask_for_fills(w);
    else
      conclude(w);
    break;
  }
}

static void fired(uv_timer_t *t) {
  kl_lost_write *w = t->data;
  if (!w->ended) {
    look(w);
    return;
  }
  kl_lost_cb cb = w->cb;
  void *data = w->data;
  cb(data, w->verdict, w->text.data ? w->text.data : "", w->text.len);
  kl_timer_close(&w->timer, lost_closed);
}

/* ---- the beginning ---- */

static bool read_items(kl_lost_write *w, const plan *p) {
  const json_t *orders = p->batch ? json_object_get(w->body, "orders") : NULL;
  w->n_items = p->batch ? json_array_size(orders) : 1;
  w->items = calloc(w->n_items ? w->n_items : 1, sizeof *w->items);
  if (!w->items || !w->n_items) return false;
  for (size_t i = 0; i < w->n_items; i++) {
    const json_t *from = p->batch ? json_array_get(orders, i) : w->body;
    item *it = &w->items[i];
    if (w->creates)
      it->client_id = text_of(from, "client_order_id");
    else if (p->batch)
      it->order_id = text_of(from, "order_id");
    else
      it->order_id = kl_order_id_of_path(w->c->path, w->id, sizeof w->id) ? w->id : NULL;
    if (!it->client_id && !it->order_id) return false;
  }
  return true;
}

kl_lost_write *kl_lost_write_start(kl_call *c, bool by_timeout, kl_lost_cb cb, void *data) {
  const plan *p = plan_of(c->op);
  kl_lost_write *w = p ? calloc(1, sizeof *w) : NULL;
  if (!w) return NULL;
  w->s = c->s;
  w->c = c;
  w->cb = cb;
  w->data = data;
  w->creates = p->kind == KIND_CREATE;
  w->batch = p->batch;
  /* A decrease by a number is not to be sent again while the first may still come through. */
  w->by_timeout = by_timeout || p->kind == KIND_DECREASE;
  w->body = c->body ? json_loadb(c->body, c->body_len, 0, NULL) : NULL;
  if (!read_items(w, p)) {
    free(w->items);
    json_decref(w->body);
    free(w);
    return NULL;
  }
  w->lost_at_ms = kl_session_timestamp_ms(c->s);
  w->until_ns = kl_mono_ns(c->s->clock) + PATIENCE_MS * INT64_C(1000000);
  w->pause_ms = PAUSE_FIRST_MS;
  kl_timer_init(c->s->loop, &w->timer, c->s->clock);
  w->timer.uv.data = w;
  c->s->open++;
  kl_timer_start(&w->timer, fired, 0, 0);
  return w;
}

/* ---- what a later look-up needs ---- */

static void remember_order(kl_session *s, const kl_order_answer *answer, const char *ticker) {
  bool counted = answer->has_filled && answer->has_remaining;
  if (answer->order_id[0])
    kl_own_orders_note(s->own, answer->order_id, answer->client_order_id, ticker,
                       counted ? answer->filled + answer->remaining : -1);
}

static bool remember_batch(kl_session *s, const kl_call *c, const char *body, size_t n) {
  json_t *root = json_loadb(body, n, 0, NULL), *asked = c->body ? json_loadb(c->body, c->body_len, 0, NULL) : NULL;
  const json_t *items = json_object_get(root, "orders"), *orders = json_object_get(asked, "orders"), *one;
  bool paired = json_array_size(items) == json_array_size(orders); /* one for each, in order */
  size_t i;
  json_array_foreach(items, i, one) {
    const char *id = text_of(one, "order_id"), *client_id = text_of(one, "client_order_id");
    kl_order_answer answer = {0};
    snprintf(answer.order_id, sizeof answer.order_id, "%s", id ? id : "");
    snprintf(answer.client_order_id, sizeof answer.client_order_id, "%s", client_id ? client_id : "");
    answer.has_filled = count_of(one, "fill_count", &answer.filled);
    answer.has_remaining = count_of(one, "remaining_count", &answer.remaining);
    remember_order(s, &answer, paired ? text_of(json_array_get(orders, i), "ticker") : NULL);
  }
  bool usable = json_is_object(root);
  json_decref(root);
  json_decref(asked);
  return usable;
}

/* An amend names the new size; a decrease by a number takes from the old one. */
static void remember_change(kl_session *s, const plan *p, const kl_call *c) {
  char id[80];
  if (!kl_order_id_of_path(c->path, id, sizeof id)) return;
  json_t *asked = c->body ? json_loadb(c->body, c->body_len, 0, NULL) : NULL;
  kl_count total = -1, by;
  if (p->kind == KIND_AMEND) {
    if (!count_of(asked, "count", &total)) total = -1;
  } else if (c->total_before >= 0 && count_of(asked, "reduce_by", &by) && by >= 0 && by <= c->total_before) {
    total = c->total_before - by;
  }
  json_decref(asked);
  kl_own_orders_note(s->own, id, NULL, NULL, total);
}

void kl_lost_write_before(kl_call *c) {
  const plan *p = plan_of(c->op);
  char id[80];
  c->total_before = -1;
  if (!p || p->kind != KIND_DECREASE || !kl_order_id_of_path(c->path, id, sizeof id)) return;
  for (kl_list *n = c->s->calls.next; n != &c->s->calls; n = n->next) {
    kl_call *other = KL_CONTAINER(n, kl_call, link);
    if (other == c || !other->write || !other->first_sent_ms || strcmp(other->path, c->path) != 0) continue;
    other->total_before = -1; /* two at once cannot be told apart */
    return;
  }
  const kl_own_order *own = kl_own_orders_by_id(c->s->own, id);
  if (own) c->total_before = own->total;
}

bool kl_lost_write_remember(kl_session *s, const kl_call *c, const char *body, size_t n, kl_order_answer *answer) {
  const plan *p = plan_of(c->op);
  memset(answer, 0, sizeof *answer);
  if (!p) return true;
  if (p->batch && p->kind == KIND_CREATE) return remember_batch(s, c, body, n);
  if (!kl_order_answer_read(body, n, answer)) return false;
  /* Cancelled orders need no memory, and most orders of a fast strategy end so. */
  char ticker[64];
  if (p->kind == KIND_CREATE)
    remember_order(s, answer, kl_order_ticker_of_body(c->body, ticker, sizeof ticker) ? ticker : NULL);
  else if (p->kind == KIND_AMEND || p->kind == KIND_DECREASE)
    remember_change(s, p, c);
  return true;
}
