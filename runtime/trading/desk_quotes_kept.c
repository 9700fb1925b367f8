/* Deals that may become orders by themselves outlive the process: a note of the journal for each party. A quote that is
 * merely open is not kept, since nothing comes of it unless it is confirmed, and then it is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trading/desk_quotes.h"

enum {
  KEPT_MOST = 64,       /* of a party, the newest */
  KEPT_CAP = 64 * 1024, /* bytes of the note */
  KEPT_S = 300,         /* a quote executes within a minute of its acceptance */
  FIRST_MS = 300
};

static void key_of(const kl_party *p, char out[320]) { snprintf(out, 320, "deals:%.255s", kl_party_name(p)); }

static bool is_kept(const kl_desk_deal *q, const kl_party *p, int64_t now_ns) {
  if (q->party != p || (q->state != KL_DEAL_BOUND && q->state != KL_DEAL_NEW) || !q->id[0]) return false;
  return q->kind == KL_DEAL_BLOCK || kl_deal_reserved(q) || now_ns - q->since_ns < KEPT_S * 1000 * KL_DESK_MS;
}

static json_t *row_of(const kl_desk_deal *q) {
  return json_pack("{s:i, s:s, s:s, s:s, s:I, s:i, s:b, s:b, s:[I, I], s:[I, I]}", "kind", (int)q->kind, "id", q->id,
                   "rfq", q->rfq_id, "ticker", q->ticker, "generation", (json_int_t)q->generation, "subaccount",
                   (int)q->subaccount, "sized", q->sized, "proposed", q->proposed, "yes", (json_int_t)q->yes[KL_BID],
                   (json_int_t)q->yes[KL_ASK], "count", (json_int_t)q->count[KL_BID], (json_int_t)q->count[KL_ASK]);
}

void kl_deals_keep(kl_desk *d, kl_party *p) {
  char key[320];
  if (!d->journal || d->closing) return;
  json_t *rows = json_array();
  int64_t now = kl_desk_now_ns(d);
  for (kl_list *n = d->deals.prev; n != &d->deals && json_array_size(rows) < KEPT_MOST; n = n->prev) {
    const kl_desk_deal *q = KL_CONTAINER(n, const kl_desk_deal, link);
    if (is_kept(q, p, now)) (void)json_array_append_new(rows, row_of(q));
  }
  char *text = json_array_size(rows) ? json_dumps(rows, JSON_COMPACT) : NULL;
  key_of(p, key);
  if (text || p->deals_kept) kl_order_journal_note(d->journal, key, text);
  p->deals_kept = text != NULL;
  free(text);
  json_decref(rows);
}

static void copy_text(const json_t *row, const char *name, char *out, size_t cap) {
  const char *s = json_string_value(json_object_get(row, name));
  snprintf(out, cap, "%s", s ? s : "");
}

static void take_row(kl_desk *d, kl_party *p, const json_t *row) {
  json_int_t kind = json_integer_value(json_object_get(row, "kind"));
  kl_error e;
  if (kind < KL_DEAL_QUOTE || kind > KL_DEAL_BLOCK) return;
  kl_desk_deal *q =
      kl_deal_new(d, p, (uint32_t)json_integer_value(json_object_get(row, "generation")), (kl_deal_kind)kind);
  if (!q) return;
  copy_text(row, "id", q->id, sizeof q->id);
  copy_text(row, "rfq", q->rfq_id, sizeof q->rfq_id);
  copy_text(row, "ticker", q->ticker, sizeof q->ticker);
  q->subaccount = (int32_t)json_integer_value(json_object_get(row, "subaccount"));
  q->sized = json_is_true(json_object_get(row, "sized"));
  q->proposed = json_is_true(json_object_get(row, "proposed"));
  kl_desk_market *m = q->ticker[0] ? kl_desk_market_of(d, q->ticker, &e) : NULL;
  for (int side = KL_BID; side <= KL_ASK; side++) {
    q->yes[side] = json_integer_value(json_array_get(json_object_get(row, "yes"), (size_t)side));
    q->count[side] = json_integer_value(json_array_get(json_object_get(row, "count"), (size_t)side));
    if (m && q->yes[side] && q->count[side])
      (void)kl_risk_adopt(d->risk, kl_party_risk(p), m->risk, (kl_side)side, q->yes[side], q->count[side],
                          &q->slot[side]);
  }
  q->since_ns = kl_desk_now_ns(d);
  if (q->id[0] && !kl_deal_find(d, q->kind, q->id)) {
    kl_deal_adopt(q);
    q->doubt = true; /* it is read once at least */
    kl_deal_later(q, FIRST_MS);
    kl_log_info("desk", "%s of an earlier run may have become an order of %s: looking it up", q->id, kl_party_name(p));
  }
  kl_desk_deal_release(q);
}

void kl_desk_deals_kept(kl_party *p) {
  kl_desk *d = p->d;
  char key[320], *text = d->journal ? malloc(KEPT_CAP) : NULL;
  key_of(p, key);
  json_t *rows = text && kl_order_journal_noted(d->journal, key, text, KEPT_CAP) ? json_loads(text, 0, NULL) : NULL,
         *row;
  size_t i;
  kl_error e;
  p->deals_kept = rows != NULL;
  json_array_foreach(rows, i, row) take_row(d, p, row);
  if (json_array_size(rows) && !kl_desk_watch_account(d, &e))
    kl_log_warn("desk", "the account cannot be kept, so quotes of an earlier run are only looked up: %s", e.message);
  json_decref(rows);
  free(text);
}
