#include "sim/rfqs.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rfqs_impl.h"

#define KEPT_US (INT64_C(7) * 24 * 3600 * 1000000)

const kl_sim_refusal kl_rfq_not_found = {404, "not_found", "not found", NULL};
const kl_sim_refusal kl_rfq_closed = {400, "RFQ_CLOSED", "RFQ is closed", NULL};
const kl_sim_refusal kl_rfq_no_memory = {500, "internal_error", "the simulator is out of memory", NULL};
const kl_sim_refusal kl_rfq_market_inactive = {400, "MARKET_INACTIVE", "market inactive", NULL};
const kl_sim_refusal kl_rfq_insufficient_balance = {400, "INSUFFICIENT_BALANCE", "insufficient balance", NULL};

static const kl_sim_refusal no_market = {400, "invalid_parameters", "invalid parameters",
                                         "no market has this market_ticker"};
static const kl_sim_refusal one_size = {400, "invalid_parameters", "invalid parameters",
                                        "exactly one of contracts_fp and target_cost_dollars is required"};
static const kl_sim_refusal bad_size = {400, "invalid_parameters", "invalid parameters",
                                        "contracts_fp and target_cost_dollars must be more than zero"};
static const kl_sim_refusal exists = {409, "rfq_already_exists", "an open RFQ exists on this market",
                                      "delete it, or send replace_existing"};
static const kl_sim_refusal too_many = {400, "invalid_parameters", "invalid parameters", "at most 100 open RFQs"};
static const kl_sim_refusal locked = {400, "invalid_parameters", "invalid parameters",
                                      "a quote of this RFQ is confirmed: it can no longer be withdrawn"};

const char *kl_sim_rfqs_reason(const char *text) {
  static const char *const reasons[] = {"deleted",         "replaced",       "executed",        "expired",
                                        "rfq_closed",      "not_confirmed",  "post_only_cross", "insufficient_balance",
                                        "market_inactive", "trading_paused", "not_executed"};
  for (size_t i = 0; text && i < sizeof reasons / sizeof *reasons; i++)
    if (!strcmp(reasons[i], text)) return reasons[i];
  return NULL;
}

bool kl_sim_rfq_volatile(const kl_market *m) { return !strncmp(m->ticker, "KXMVE", 5); }

kl_sim_rfqs *kl_sim_rfqs_new(kl_exchange *x, uint64_t seed, double speed, kl_sim_rfqs_sink sink) {
  kl_sim_rfqs *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->x = x;
  r->sink = sink;
  r->speed = speed > 0 ? speed : 1;
  r->random = kl_sim_random_new(seed, 33);
  kl_list_init(&r->all_rfqs);
  kl_list_init(&r->all_quotes);
  kl_list_init(&r->open);
  kl_list_init(&r->closed);
  kl_list_init(&r->live);
  kl_list_init(&r->cancelled);
  r->rfqs = kl_map_new();
  r->quotes = kl_map_new();
  if (r->rfqs && r->quotes) return r;
  kl_sim_rfqs_free(r);
  return NULL;
}

void kl_sim_rfqs_free(kl_sim_rfqs *r) {
  if (!r) return;
  for (kl_list *n = r->all_quotes.next, *next; n != &r->all_quotes; n = next) {
    next = n->next;
    free(KL_CONTAINER(n, kl_sim_rfq_quote, all));
  }
  for (kl_list *n = r->all_rfqs.next, *next; n != &r->all_rfqs; n = next) {
    next = n->next;
    free(KL_CONTAINER(n, kl_sim_rfq, all));
  }
  kl_map_free(r->rfqs);
  kl_map_free(r->quotes);
  free(r);
}

void kl_rfqs_make_id(kl_sim_rfqs *r, kl_uuid out) {
  do
    kl_sim_uuid(&r->random, out);
  while (kl_map_get(r->rfqs, out, 36) || kl_map_get(r->quotes, out, 36));
}

int64_t kl_rfqs_window(const kl_sim_rfqs *r, const kl_market *m, int64_t normal_s, int64_t short_s, int64_t least_us) {
  double us = 1e6 * (double)(kl_sim_rfq_volatile(m) ? short_s : normal_s) / r->speed;
  return us < (double)least_us ? least_us : (int64_t)us;
}

kl_sim_rfq *kl_rfq_get(const kl_sim_rfqs *r, const char *rfq_id) {
  return rfq_id ? kl_map_get(r->rfqs, rfq_id, strlen(rfq_id)) : NULL;
}

static void tell(const kl_sim_rfqs *r, const kl_sim_rfq *q) {
  if (r->sink.rfq) r->sink.rfq(r->sink.data, q);
}

/* ---- the end ---- */

void kl_rfq_close(kl_sim_rfqs *r, int64_t now_us, kl_sim_rfq *q, const char *reason) {
  q->open = false;
  q->reason = reason;
  q->closed_us = q->updated_us = now_us;
  kl_list_remove(&q->state);
  kl_list_append(&r->closed, &q->state);
  r->n_open--;
  r->n_closed++;
  tell(r, q);
  for (kl_list *n = q->quotes.next; n != &q->quotes; n = n->next) {
    kl_sim_rfq_quote *quote = KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq);
    if (quote->status == KL_QUOTE_OPEN || quote->status == KL_QUOTE_ACCEPTED)
      kl_quote_cancel(r, now_us, quote, "rfq_closed");
  }
}

static void forget(kl_sim_rfqs *r, kl_sim_rfq *q) {
  for (kl_list *n = q->quotes.next, *next; n != &q->quotes; n = next) {
    next = n->next;
    kl_quote_forget(r, KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq));
  }
  if (r->sink.forgotten) r->sink.forgotten(r->sink.data, false, q->id);
  kl_map_remove(r->rfqs, q->id, strlen(q->id));
  kl_list_remove(&q->all);
  kl_list_remove(&q->state);
  r->n_closed--;
  free(q);
}

void kl_sim_rfqs_retire(kl_sim_rfqs *r, int64_t now_us, const kl_market *m) {
  for (kl_list *n = r->all_rfqs.next, *next; n != &r->all_rfqs; n = next) {
    next = n->next;
    kl_sim_rfq *q = KL_CONTAINER(n, kl_sim_rfq, all);
    if (q->market != m) continue;
    if (q->open) kl_rfq_close(r, now_us, q, "expired");
    forget(r, q);
  }
}

void kl_sim_rfqs_tick(kl_sim_rfqs *r, int64_t now_us) {
  kl_quotes_tick(r, now_us);
  for (kl_list *n = r->open.next, *next; n != &r->open; n = next) {
    next = n->next;
    kl_sim_rfq *q = KL_CONTAINER(n, kl_sim_rfq, state);
    if (q->market->status >= KL_MARKET_CLOSED) kl_rfq_close(r, now_us, q, "expired");
  }
  for (kl_list *n = r->closed.next, *next; n != &r->closed; n = next) {
    next = n->next;
    kl_sim_rfq *q = KL_CONTAINER(n, kl_sim_rfq, state);
    if (q->closed_us + KEPT_US > now_us && r->n_closed <= KL_RFQ_CLOSED_KEPT) break;
    if (kl_quote_under_way(q)) break; /* its execution is a matter of seconds */
    forget(r, q);
  }
  for (kl_list *n = r->cancelled.next, *next; n != &r->cancelled; n = next) {
    next = n->next;
    kl_sim_rfq_quote *q = KL_CONTAINER(n, kl_sim_rfq_quote, state);
    if (q->cancelled_us + KEPT_US > now_us && r->n_cancelled <= KL_RFQ_CANCELLED_KEPT) break;
    kl_quote_forget(r, q);
  }
}

/* ---- create, delete ---- */

static kl_sim_rfq *link_rfq(kl_sim_rfqs *r, const kl_sim_rfq *value) {
  kl_sim_rfq *q = malloc(sizeof *q);
  if (!q) return NULL;
  *q = *value;
  if (!kl_map_set(r->rfqs, q->id, strlen(q->id), q)) {
    free(q);
    return NULL;
  }
  kl_list_init(&q->quotes);
  kl_list_init(&q->all);
  kl_list_init(&q->state);
  kl_list_append(&r->all_rfqs, &q->all);
  kl_list_append(q->open ? &r->open : &r->closed, &q->state);
  if (q->open)
    r->n_open++;
  else
    r->n_closed++;
  return q;
}

/* The user's open request on the market, NULL when there is none; *n: how many the user has open. */
static kl_sim_rfq *open_one(const kl_sim_rfqs *r, uint32_t user, const kl_market *m, size_t *n) {
  kl_sim_rfq *found = NULL;
  *n = 0;
  for (const kl_list *at = r->open.next; at != &r->open; at = at->next) {
    kl_sim_rfq *q = KL_CONTAINER(at, kl_sim_rfq, state);
    if (q->user != user) continue;
    ++*n;
    if (q->market == m) found = q;
  }
  return found;
}

static bool has_confirmed(const kl_sim_rfq *q) {
  const kl_sim_rfq_quote *quote = kl_quote_under_way(q);
  return quote && quote->status == KL_QUOTE_CONFIRMED;
}

const kl_sim_refusal *kl_sim_rfq_create(kl_sim_rfqs *r, int64_t now_us, const kl_sim_rfq_request *q,
                                        const kl_sim_rfq **out) {
  /* A billion contracts, and the dollars of as many: products stay far inside 64 bits. */
  static const int64_t count_most = INT64_C(100000000000), cost_most = INT64_C(1000000000000000);
  size_t n;
  kl_sim_rfqs_tick(r, now_us);
  kl_market *m = kl_exchange_market(r->x, q->ticker);
  if (!m) return &no_market;
  if (m->status != KL_MARKET_ACTIVE) return &kl_rfq_market_inactive;
  if ((q->contracts != 0) == (q->target_cost != 0)) return &one_size;
  if (q->contracts < 0 || q->target_cost < 0 || q->contracts > count_most || q->target_cost > cost_most)
    return &bad_size;
  kl_sim_rfq *old = open_one(r, q->user, m, &n);
  if (old && !q->replace) return &exists;
  if (old && has_confirmed(old)) return &locked;
  if (!old && n >= KL_RFQ_OPEN_MOST) return &too_many;
  kl_sim_rfq made = {.user = q->user,
                     .subaccount = q->subaccount,
                     .market = m,
                     .contracts = q->contracts,
                     .target_cost = q->target_cost,
                     .target_excludes_fees = q->target_excludes_fees,
                     .rest_remainder = q->rest_remainder,
                     .open = true,
                     .created_us = now_us,
                     .updated_us = now_us};
  kl_rfqs_make_id(r, made.id);
  *out = link_rfq(r, &made);
  if (!*out) return &kl_rfq_no_memory;
  if (old) kl_rfq_close(r, now_us, old, "replaced");
  tell(r, *out);
  return NULL;
}

const kl_sim_refusal *kl_sim_rfq_delete(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id) {
  kl_sim_rfqs_tick(r, now_us);
  kl_sim_rfq *q = kl_rfq_get(r, rfq_id);
  if (!q || q->user != user) return &kl_rfq_not_found;
  if (!q->open) return &kl_rfq_closed;
  if (has_confirmed(q)) return &locked;
  kl_rfq_close(r, now_us, q, "deleted");
  return NULL;
}

/* ---- look-ups ---- */

const kl_sim_rfq *kl_sim_rfq_find(const kl_sim_rfqs *r, const char *rfq_id) { return kl_rfq_get(r, rfq_id); }

const kl_sim_rfq *kl_sim_rfq_before(const kl_sim_rfqs *r, const kl_sim_rfq *last) {
  const kl_list *n = last ? last->all.prev : r->all_rfqs.prev;
  return n == &r->all_rfqs ? NULL : KL_CONTAINER(n, kl_sim_rfq, all);
}

size_t kl_sim_rfqs_open(const kl_sim_rfqs *r) { return r->n_open; }

bool kl_sim_rfq_restore(kl_sim_rfqs *r, const kl_sim_rfq *saved) {
  return saved->market && !kl_rfq_get(r, saved->id) && link_rfq(r, saved);
}
