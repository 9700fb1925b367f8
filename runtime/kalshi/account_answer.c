/* What the answer to an order write says of its orders: a script that lists its orders behind a create finds it there,
 * though the channel may tell later. Fees and costs come by channel. */
#include <string.h>

#include "kalshi/account_internal.h"
#include "kalshi/json_member.h"

static bool fits(char *out, size_t cap, const char *text) {
  size_t n = strlen(text);
  if (n >= cap) return false;
  memcpy(out, text, n + 1);
  return true;
}

static int64_t integer_of(const json_t *o, const char *name) { return json_integer_value(json_object_get(o, name)); }

/* `asked` is the order as the create named it. */
static void created(kl_account *a, const json_t *asked, const kl_order_answer *answer) {
  kl_own_order o = {.ts_ms = answer->ts_ms,
                    .created_ms = answer->ts_ms,
                    .filled = answer->filled,
                    .remaining = answer->remaining,
                    .expiration_ms = integer_of(asked, "expiration_time") * 1000,
                    .subaccount = (int32_t)integer_of(asked, "subaccount"),
                    .told_ns = kl_account_now_ns(a)};
  const char *side = kl_member_text(asked, "side");
  if (!answer->ts_ms || !answer->has_filled || !answer->has_remaining) return; /* the channel will tell */
  if (!fits(o.order_id, sizeof o.order_id, answer->order_id) ||
      !fits(o.client_order_id, sizeof o.client_order_id, answer->client_order_id) ||
      !fits(o.ticker, sizeof o.ticker, kl_member_text(asked, "ticker")) ||
      !fits(o.order_group_id, sizeof o.order_group_id, kl_member_text(asked, "order_group_id")) || !o.order_id[0] ||
      !kl_member_fixed(asked, "price", KL_PRICE_PLACES, &o.yes_price) ||
      !kl_member_fixed(asked, "count", KL_COUNT_PLACES, &o.initial))
    return;
  o.side = strcmp(side, "ask") == 0 ? KL_ASK : KL_BID;
  o.status = o.remaining > 0 ? KL_OWN_RESTING : o.filled == o.initial ? KL_OWN_EXECUTED : KL_OWN_CANCELED;
  kl_account_tell_order(a, &o, KL_TOLD_BY_ANSWER);
}

/* The order as it is known, for an answer that changes it; false where nothing is known yet. */
static bool known(kl_account *a, const char *order_id, int64_t ts_ms, kl_own_order *out) {
  const kl_own_order *o = kl_own_orders_by_id(a->orders, order_id);
  if (!o || !o->ts_ms || !ts_ms) return false;
  *out = *o;
  out->ts_ms = ts_ms;
  out->told_ns = kl_account_now_ns(a);
  out->listed = 0;
  out->reason[0] = 0;
  return true;
}

static void canceled(kl_account *a, const char *order_id, int64_t ts_ms) {
  kl_own_order o;
  if (!known(a, order_id, ts_ms, &o)) return;
  o.status = KL_OWN_CANCELED;
  o.remaining = 0;
  kl_account_tell_order(a, &o, KL_TOLD_BY_ANSWER);
}

/* What rests of it is told, and with an amend the price and the whole that were asked for; what traded follows. One of
 * which nothing rests may have been filled or stopped at an own order: that is for the channel to tell. */
static void changed(kl_account *a, const json_t *asked, const kl_order_answer *answer, bool amend) {
  kl_own_order o;
  kl_count total;
  if (!answer->has_remaining || !known(a, answer->order_id, answer->ts_ms, &o)) return;
  o.remaining = answer->remaining;
  if (!amend) {
    if (o.remaining == 0) o.status = KL_OWN_CANCELED;
  } else {
    if (o.remaining == 0 || !kl_member_fixed(asked, "count", KL_COUNT_PLACES, &total) || total < o.remaining ||
        !kl_member_fixed(asked, "price", KL_PRICE_PLACES, &o.yes_price))
      return;
    o.filled = total - o.remaining;
    const char *name = kl_member_text(asked, "updated_client_order_id");
    if (name[0] && !fits(o.client_order_id, sizeof o.client_order_id, name)) return;
  }
  kl_account_tell_order(a, &o, KL_TOLD_BY_ANSWER);
}

/* Fields of one item of a batch's answer, as the answer to a single write has them. */
static void item_answer(const json_t *item, kl_order_answer *out) {
  memset(out, 0, sizeof *out);
  (void)(fits(out->order_id, sizeof out->order_id, kl_member_text(item, "order_id")) &&
         fits(out->client_order_id, sizeof out->client_order_id, kl_member_text(item, "client_order_id")));
  out->has_filled = kl_member_fixed(item, "fill_count", KL_COUNT_PLACES, &out->filled);
  out->has_remaining = kl_member_fixed(item, "remaining_count", KL_COUNT_PLACES, &out->remaining);
  out->ts_ms = integer_of(item, "ts_ms");
}

static void batch(kl_account *a, const json_t *asked, const char *body, size_t n, bool creates) {
  json_t *root = json_loadb(body, n, 0, NULL);
  const json_t *items = json_object_get(root, "orders"), *orders = json_object_get(asked, "orders"), *item;
  size_t i;
  bool paired = json_array_size(items) == json_array_size(orders); /* one for each, in order */
  json_array_foreach(items, i, item) {
    kl_order_answer answer;
    if (!paired || json_object_get(item, "error")) continue;
    item_answer(item, &answer);
    if (creates)
      created(a, json_array_get(orders, i), &answer);
    else
      canceled(a, answer.order_id, answer.ts_ms);
  }
  json_decref(root);
}

void kl_account_answered(kl_account *a, const kl_call *c, const kl_order_answer *answer, const char *body, size_t n) {
  const char *op = c->op ? c->op->id : "";
  if (!a->started) return;
  json_t *asked = c->body ? json_loadb(c->body, c->body_len, 0, NULL) : NULL;
  if (!strcmp(op, "CreateOrderV2"))
    created(a, asked, answer);
  else if (!strcmp(op, "CancelOrderV2"))
    canceled(a, answer->order_id, answer->ts_ms);
  else if (!strcmp(op, "AmendOrderV2") || !strcmp(op, "DecreaseOrderV2"))
    changed(a, asked, answer, !strcmp(op, "AmendOrderV2"));
  else if (!strcmp(op, "BatchCreateOrdersV2") || !strcmp(op, "BatchCancelOrdersV2"))
    batch(a, asked, body, n, !strcmp(op, "BatchCreateOrdersV2"));
  json_decref(asked);
}
