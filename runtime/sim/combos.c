#include "sim/combos.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/map.h"
#include "sim/shards.h"

#define DAY_US (INT64_C(24) * 3600 * 1000000)

enum { COLLECTIONS = 2, WEEKLY_MOST = 5000, SETTLEMENT_TIMER_S = 60, KEY_MOST = KL_SIM_LEGS_MOST * 72 + 64 };

/* How many combos a user has made in the week that began with its first. */
typedef struct quota {
  int64_t since_us;
  int n;
} quota;

struct kl_sim_combos {
  kl_exchange *x;
  kl_sim_combos_sink sink;
  kl_sim_collection collections[COLLECTIONS];
  kl_sim_combo **combos; /* owned, in order of creation */
  size_t n, cap;
  size_t settled;    /* the first ones that are finalized, which nobody looks at again */
  kl_map *by_legs;   /* key to combo */
  kl_map *by_events; /* key to event of the exchange */
  quota *quotas;     /* by user */
  size_t n_quotas;
};

static const char resolution[] =
    "The resulting market resolves to Yes only if every selected market resolves to its selected side; scalar outcomes "
    "are multiplied.";

static bool add_collection(kl_sim_combos *c, size_t i, int64_t now_us, kl_sim_collection k, const char *series,
                           const char *category) {
  kl_series s = {.fee_type = KL_FEE_QUADRATIC_COMBO_MAKER,
                 .fee_multiplier_ppm = 1000000,
                 .exchange_index = kl_sim_shard_of_series(series, category)};
  snprintf(s.ticker, sizeof s.ticker, "%s", series);
  snprintf(s.title, sizeof s.title, "%s", k.title);
  snprintf(s.category, sizeof s.category, "%s", category);
  snprintf(s.frequency, sizeof s.frequency, "custom");
  k.series = kl_exchange_series(c->x, series);
  if (!k.series) k.series = kl_exchange_add_series(c->x, &s);
  k.size_min = 2;
  k.size_max = KL_SIM_LEGS_MOST;
  k.open_us = now_us;
  k.close_us = now_us + 365 * DAY_US;
  c->collections[i] = k;
  return k.series != NULL;
}

kl_sim_combos *kl_sim_combos_new(kl_exchange *x, int64_t now_us, kl_sim_combos_sink sink) {
  kl_sim_combos *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->x = x;
  c->sink = sink;
  c->by_legs = kl_map_new();
  c->by_events = kl_map_new();
  bool ok = c->by_legs && c->by_events &&
            add_collection(c, 0, now_us,
                           (kl_sim_collection){.ticker = "KXMVESPORTSMULTIGAMEEXTENDED-R",
                                               .title = "Combos of games",
                                               .description = "Outcomes of games, combined",
                                               .category = "Sports"},
                           "KXMVESPORTSMULTIGAMEEXTENDED", "Sports") &&
            add_collection(c, 1, now_us,
                           (kl_sim_collection){.ticker = "KXMVECROSSCATEGORY-SHARD1-R",
                                               .title = "Combos across categories",
                                               .description = "Outcomes of any events, combined"},
                           "KXMVECROSSCATEGORY-SHARD1", "Exotics");
  if (ok) return c;
  kl_sim_combos_free(c);
  return NULL;
}

void kl_sim_combos_free(kl_sim_combos *c) {
  if (!c) return;
  for (size_t i = 0; i < c->n; i++)
    free(c->combos[i]);
  free((void *)c->combos);
  free(c->quotas);
  kl_map_free(c->by_legs);
  kl_map_free(c->by_events);
  free(c);
}

/* ---- collections ---- */

size_t kl_sim_collections_count(const kl_sim_combos *c) {
  (void)c;
  return COLLECTIONS;
}

const kl_sim_collection *kl_sim_collection_at(const kl_sim_combos *c, size_t i) {
  return i < COLLECTIONS ? &c->collections[i] : NULL;
}

const kl_sim_collection *kl_sim_collection_find(const kl_sim_combos *c, const char *ticker) {
  for (size_t i = 0; i < COLLECTIONS; i++)
    if (!strcmp(c->collections[i].ticker, ticker)) return &c->collections[i];
  return NULL;
}

static bool is_combo_event(const kl_market_event *e) { return !strncmp(e->ticker, "KXMVE", 5); }

bool kl_sim_collection_takes(const kl_sim_collection *k, const kl_market_event *e) {
  return !is_combo_event(e) && (!k->category || !strcmp(k->category, e->series->category));
}

/* ---- which legs go together ---- */

static bool refuse(kl_sim_combo_refusal *why, int status, const char *code, const char *message, const char *ticker,
                   const char *what) {
  snprintf(why->text, sizeof why->text, "%s%s%s", ticker ? ticker : "", ticker ? ": " : "", what);
  why->refusal = (kl_sim_refusal){status, code, message, why->text};
  return false;
}

static bool invalid(kl_sim_combo_refusal *why, const char *ticker, const char *what) {
  return refuse(why, 400, "invalid_market_combination", "invalid market combination", ticker, what);
}

/* The values for which a market that is about a number ends YES. */
typedef struct span {
  double low, high;
} span;

static bool span_of(const kl_market *m, span *out) {
  *out = (span){m->has_floor ? m->floor_strike : -INFINITY, m->has_cap ? m->cap_strike : INFINITY};
  return m->has_floor || m->has_cap;
}

/* Whether two legs of one event cannot both come true. */
static bool conflict(const kl_leg *a, const kl_leg *b) {
  span p, q;
  if (a->market == b->market) return a->side != b->side;
  if (a->market->event != b->market->event) return false;
  if (a->market->event->mutually_exclusive && a->side == KL_YES && b->side == KL_YES) return true;
  if (!span_of(a->market, &p) || !span_of(b->market, &q)) return false;
  if (a->side == KL_YES && b->side == KL_YES) return p.low >= q.high || q.low >= p.high;
  if (a->side == KL_YES) return p.low >= q.low && p.high <= q.high;
  if (b->side == KL_YES) return q.low >= p.low && q.high <= p.high;
  return (p.low == -INFINITY && q.high == INFINITY && q.low <= p.high) ||
         (q.low == -INFINITY && p.high == INFINITY && p.low <= q.high);
}

static int by_ticker(const void *a, const void *b) {
  const kl_leg *p = a, *q = b;
  int d = strcmp(p->market->ticker, q->market->ticker);
  return d ? d : (int)p->side - (int)q->side;
}

/* The legs found and put in order; false with `why`. */
static bool read_legs(kl_sim_combos *c, const kl_sim_collection *k, const kl_sim_leg_name *names, size_t n,
                      kl_leg legs[KL_SIM_LEGS_MOST], kl_sim_combo_refusal *why) {
  char sizes[64];
  snprintf(sizes, sizeof sizes, "this collection takes %d to %d legs", k->size_min, k->size_max);
  if (n < (size_t)k->size_min || n > (size_t)k->size_max) return invalid(why, NULL, sizes);
  for (size_t i = 0; i < n; i++) {
    kl_market *m = kl_exchange_market(c->x, names[i].market);
    if (!m)
      return refuse(why, 400, "invalid_parameters", "invalid parameters", names[i].market, "no market has this ticker");
    if (strcmp(m->event->ticker, names[i].event) != 0)
      return refuse(why, 400, "invalid_parameters", "invalid parameters", names[i].event,
                    "not the event of its market");
    if (!kl_sim_collection_takes(k, m->event)) return invalid(why, m->event->ticker, "not an event of this collection");
    if (m->status != KL_MARKET_ACTIVE) return invalid(why, m->ticker, "the market is not open");
    legs[i] = (kl_leg){m, names[i].side};
  }
  qsort(legs, n, sizeof *legs, by_ticker);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = i + 1; j < n; j++) {
      if (legs[i].market == legs[j].market && legs[i].side == legs[j].side)
        return refuse(why, 400, "duplicated_legs", "duplicated legs", legs[i].market->ticker, "selected twice");
      if (conflict(&legs[i], &legs[j]))
        return refuse(why, 400, "conflicting_leg_outcomes", "conflicting leg outcomes", legs[i].market->ticker,
                      legs[i].market == legs[j].market ? "both sides of it are selected" : legs[j].market->ticker);
    }
  }
  return true;
}

/* What the combo is found by: its collection and its legs in order. */
static size_t legs_key(char out[KEY_MOST], const kl_sim_collection *k, const kl_leg *legs, size_t n) {
  size_t at = (size_t)snprintf(out, KEY_MOST, "%s", k->ticker);
  for (size_t i = 0; i < n; i++)
    at +=
        (size_t)snprintf(out + at, KEY_MOST - at, "|%s%c", legs[i].market->ticker, legs[i].side == KL_YES ? '+' : '-');
  return at;
}

/* Combos on the same events share one event. */
static size_t events_key(char out[KEY_MOST], const kl_sim_collection *k, const kl_leg *legs, size_t n) {
  size_t at = (size_t)snprintf(out, KEY_MOST, "%s", k->ticker);
  for (size_t i = 0; i < n; i++) {
    bool seen = false;
    for (size_t j = 0; j < i && !seen; j++)
      seen = legs[j].market->event == legs[i].market->event;
    if (!seen) at += (size_t)snprintf(out + at, KEY_MOST - at, "|%s", legs[i].market->event->ticker);
  }
  return at;
}

/* ---- making them ---- */

/* "yes Boston,no Denver": as much as fits, and how many more. */
static void describe(char *out, size_t cap, const kl_leg *legs, size_t n) {
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < n; i++) {
    char part[96];
    int len = snprintf(part, sizeof part, "%s%s %s", i ? "," : "", legs[i].side == KL_YES ? "yes" : "no",
                       legs[i].market->yes_sub_title);
    size_t spare = i + 1 < n ? sizeof " and 10 more" : 1;
    if (len < 0 || at + (size_t)len + spare > cap) {
      snprintf(out + at, cap - at, "%s%zu more", i ? " and " : "", n - i);
      return;
    }
    memcpy(out + at, part, (size_t)len + 1);
    at += (size_t)len;
  }
}

static kl_market_event *event_for(kl_sim_combos *c, int64_t now_us, const kl_sim_collection *k, const kl_leg *legs,
                                  size_t n, const char *ticker) {
  char key[KEY_MOST];
  size_t size = events_key(key, k, legs, n);
  kl_market_event *e = kl_map_get(c->by_events, key, size);
  if (!e && ticker) e = kl_exchange_event(c->x, ticker);
  time_t seconds = (time_t)(now_us / 1000000);
  struct tm day = {0};
  gmtime_r(&seconds, &day);
  for (uint64_t salt = 0; !e && salt < 8; salt++) { /* another one's ticker, once in sixteen trillion */
    kl_market_event fresh = {.series = k->series};
    uint64_t hash = (kl_hash_bytes(key, size) + salt) & UINT64_C(0xfffffffffff);
    snprintf(fresh.ticker, sizeof fresh.ticker, "%.28s-S%04u%011llX", k->series->ticker,
             (unsigned)(day.tm_year + 1900) % 10000U, (unsigned long long)hash);
    if (ticker) snprintf(fresh.ticker, sizeof fresh.ticker, "%s", ticker);
    snprintf(fresh.title, sizeof fresh.title, "%s", k->title);
    e = kl_exchange_add_event(c->x, &fresh);
  }
  return e && kl_map_set(c->by_events, key, size, e) ? e : NULL;
}

static kl_market *market_for(kl_sim_combos *c, int64_t now_us, kl_sim_combo *combo, kl_market_event *e,
                             const char *ticker) {
  char key[KEY_MOST];
  size_t size = legs_key(key, combo->collection, combo->legs, combo->n);
  kl_market m = {.event = e,
                 .legs = combo->legs,
                 .n_legs = combo->n,
                 .collection = combo->collection->ticker,
                 .created_us = now_us,
                 .open_us = now_us,
                 .updated_us = now_us,
                 .settlement_timer_s = SETTLEMENT_TIMER_S,
                 .settlement = -1};
  for (size_t i = 0; i < combo->n; i++) {
    const kl_market *leg = combo->legs[i].market;
    if (leg->close_us > m.close_us) m.close_us = leg->close_us;
    if (leg->expected_expiration_us > m.expected_expiration_us) m.expected_expiration_us = leg->expected_expiration_us;
    if (leg->latest_expiration_us > m.latest_expiration_us) m.latest_expiration_us = leg->latest_expiration_us;
  }
  describe(m.title, sizeof m.title, combo->legs, combo->n);
  describe(m.yes_sub_title, sizeof m.yes_sub_title, combo->legs, combo->n);
  describe(m.no_sub_title, sizeof m.no_sub_title, combo->legs, combo->n);
  snprintf(m.rules, sizeof m.rules, "%s", resolution);
  snprintf(m.strike_type, sizeof m.strike_type, "custom");
  if (!kl_price_structure("center_deci_edge_centi_cent", &m)) return NULL;
  kl_market *made = NULL;
  for (uint64_t salt = 0; !made && salt < 8; salt++) {
    uint64_t hash = (kl_hash_bytes(key, size) + salt) & UINT64_C(0xfffffffffff);
    snprintf(m.ticker, sizeof m.ticker, "%s-%011llX", e->ticker, (unsigned long long)hash);
    if (ticker) snprintf(m.ticker, sizeof m.ticker, "%s", ticker);
    made = kl_exchange_add_market(c->x, &m);
  }
  return made;
}

static bool reserve(kl_sim_combos *c) {
  if (c->n < c->cap) return true;
  size_t cap = c->cap ? c->cap * 2 : 16;
  kl_sim_combo **grown = realloc((void *)c->combos, cap * sizeof(kl_sim_combo *));
  if (!grown) return false;
  c->combos = grown;
  c->cap = cap;
  return true;
}

/* The user's count of this week; NULL: out of memory. */
static quota *quota_of(kl_sim_combos *c, uint32_t user, int64_t now_us) {
  if (user >= c->n_quotas) {
    size_t n = (size_t)user + 16;
    quota *grown = realloc(c->quotas, n * sizeof *grown);
    if (!grown) return NULL;
    memset(grown + c->n_quotas, 0, (n - c->n_quotas) * sizeof *grown);
    c->quotas = grown;
    c->n_quotas = n;
  }
  quota *q = &c->quotas[user];
  if (q->n == 0 || now_us - q->since_us >= 7 * DAY_US) *q = (quota){.since_us = now_us};
  return q;
}

/* A combo of legs that were checked and are in order. `event_ticker` and `ticker` NULL: new ones. */
static kl_sim_combo *make(kl_sim_combos *c, int64_t now_us, uint32_t user, const kl_sim_collection *k,
                          const kl_leg *legs, size_t n, const char *event_ticker, const char *ticker) {
  char key[KEY_MOST];
  kl_sim_combo *combo = calloc(1, sizeof *combo);
  if (!combo || !reserve(c)) {
    free(combo);
    return NULL;
  }
  combo->collection = k;
  combo->user = user;
  combo->created_us = combo->looked_us = now_us;
  combo->n = n;
  memcpy(combo->legs, legs, n * sizeof *legs);
  size_t size = legs_key(key, k, legs, n);
  kl_market_event *e = event_for(c, now_us, k, legs, n, event_ticker);
  combo->market = ticker ? kl_exchange_market(c->x, ticker) : NULL;
  if (combo->market) { /* the exchange was restored with it */
    combo->market->legs = combo->legs;
    combo->market->n_legs = n;
    combo->market->collection = k->ticker;
  } else if (e) {
    combo->market = market_for(c, now_us, combo, e, ticker);
  }
  if (!combo->market) {
    free(combo);
    return NULL;
  }
  c->combos[c->n++] = combo; /* its legs are borrowed by the market from here on */
  return kl_map_set(c->by_legs, key, size, combo) ? combo : NULL;
}

static bool no_memory(kl_sim_combo_refusal *why) {
  return refuse(why, 500, "internal_error", "internal error", NULL, "the simulator is out of memory");
}

static bool find(kl_sim_combos *c, int64_t now_us, const kl_sim_collection *k, const kl_sim_leg_name *names, size_t n,
                 kl_leg legs[KL_SIM_LEGS_MOST], kl_sim_combo **out, kl_sim_combo_refusal *why) {
  char key[KEY_MOST];
  if (now_us < k->open_us || now_us >= k->close_us) return invalid(why, k->ticker, "the collection is not open");
  if (!read_legs(c, k, names, n, legs, why)) return false;
  size_t size = legs_key(key, k, legs, n);
  *out = kl_map_get(c->by_legs, key, size);
  if (*out) (*out)->looked_us = now_us;
  return true;
}

bool kl_sim_combo_create(kl_sim_combos *c, int64_t now_us, uint32_t user, const kl_sim_collection *k,
                         const kl_sim_leg_name *names, size_t n, const kl_sim_combo **out, kl_sim_combo_refusal *why) {
  kl_leg legs[KL_SIM_LEGS_MOST];
  kl_sim_combo *found = NULL;
  if (!find(c, now_us, k, names, n, legs, &found, why)) return false;
  if (!found) {
    quota *q = quota_of(c, user, now_us);
    if (!q) return no_memory(why);
    if (q->n >= WEEKLY_MOST)
      return refuse(why, 429, "too_many_requests", "too many requests", NULL, "at most 5,000 combos are made a week");
    found = make(c, now_us, user, k, legs, n, NULL, NULL);
    if (!found) return no_memory(why);
    q->n++;
    if (c->sink.made) c->sink.made(c->sink.data, found);
  }
  *out = found;
  return true;
}

bool kl_sim_combo_look_up(kl_sim_combos *c, int64_t now_us, const kl_sim_collection *k, const kl_sim_leg_name *names,
                          size_t n, const kl_sim_combo **out, kl_sim_combo_refusal *why) {
  kl_leg legs[KL_SIM_LEGS_MOST];
  kl_sim_combo *found = NULL;
  if (!find(c, now_us, k, names, n, legs, &found, why)) return false;
  *out = found;
  return found || refuse(why, 404, "not_found", "not found", NULL, "no market was created for these legs");
}

bool kl_sim_combo_restore(kl_sim_combos *c, const char *collection, const char *event_ticker, const char *ticker,
                          const kl_leg *legs, size_t n, uint32_t user, int64_t created_us, int64_t now_us) {
  const kl_sim_collection *k = kl_sim_collection_find(c, collection);
  kl_leg sorted[KL_SIM_LEGS_MOST];
  if (!k || n == 0 || n > KL_SIM_LEGS_MOST) return false;
  for (size_t i = 0; i < n; i++) {
    if (!legs[i].market) return false;
    sorted[i] = legs[i];
  }
  qsort(sorted, n, sizeof *sorted, by_ticker);
  kl_sim_combo *combo = make(c, created_us, user, k, sorted, n, event_ticker, ticker);
  if (!combo) return false;
  quota *q = quota_of(c, user, now_us);
  if (q && created_us > now_us - 7 * DAY_US) {
    if (q->n == 0) q->since_us = created_us;
    q->n++;
  }
  return true;
}

const kl_sim_combo *kl_sim_combo_at(const kl_sim_combos *c, size_t i) { return i < c->n ? c->combos[i] : NULL; }
size_t kl_sim_combos_count(const kl_sim_combos *c) { return c->n; }

/* ---- their end ---- */

kl_price kl_sim_combo_value(const kl_market *m, bool *decided) {
  double product = 1;
  bool open = false, failed = false;
  for (size_t i = 0; i < m->n_legs; i++) {
    const kl_leg *leg = &m->legs[i];
    if (leg->market->settlement < 0) {
      open = true;
      continue;
    }
    kl_price v = leg->side == KL_YES ? leg->market->settlement : KL_PRICE_ONE - leg->market->settlement;
    failed = failed || v == 0;
    product *= (double)v / KL_PRICE_ONE;
  }
  *decided = failed || !open;
  return failed ? 0 : (kl_price)llround(product * KL_PRICE_ONE);
}

static bool any_disputed(const kl_market *m) {
  for (size_t i = 0; i < m->n_legs; i++)
    if (m->legs[i].market->status == KL_MARKET_DISPUTED) return true;
  return false;
}

/* One step of a combo towards what its legs say. */
static void follow(kl_sim_combos *c, int64_t now_us, kl_market *m) {
  bool decided, disputed = any_disputed(m);
  kl_price value = kl_sim_combo_value(m, &decided);
  switch (m->status) {
  case KL_MARKET_ACTIVE:
  case KL_MARKET_INACTIVE:
  case KL_MARKET_CLOSED:
    if (decided && !disputed) kl_exchange_determine(c->x, now_us, m, value);
    return;
  case KL_MARKET_DETERMINED:
  case KL_MARKET_AMENDED:
    if (disputed)
      kl_exchange_dispute(c->x, now_us, m);
    else if (decided && value != m->settlement)
      kl_exchange_amend_result(c->x, now_us, m, value);
    return;
  case KL_MARKET_DISPUTED:
    if (!disputed && decided) kl_exchange_amend_result(c->x, now_us, m, value);
    return;
  default:
    return;
  }
}

void kl_sim_combos_tick(kl_sim_combos *c, int64_t now_us) {
  while (c->settled < c->n && c->combos[c->settled]->market->status == KL_MARKET_FINALIZED)
    c->settled++;
  for (size_t i = c->settled; i < c->n; i++)
    follow(c, now_us, c->combos[i]->market);
}

/* ---- forgetting ---- */

bool kl_sim_combos_need(const kl_sim_combos *c, const kl_market_event *e) {
  for (size_t i = 0; i < c->n; i++)
    for (size_t k = 0; k < c->combos[i]->n; k++)
      if (c->combos[i]->legs[k].market->event == e) return true;
  return false;
}

kl_market_event *kl_sim_combos_old(const kl_sim_combos *c, int64_t settled_by_us) {
  for (size_t i = 0; i < c->n; i++) {
    kl_market_event *e = c->combos[i]->market->event;
    bool old = c->combos[i]->market == e->markets[0]; /* an event of thousands of combos is looked at once */
    for (size_t k = 0; k < e->n_markets && old; k++)
      old = e->markets[k]->status == KL_MARKET_FINALIZED && e->markets[k]->settled_us <= settled_by_us;
    if (old && kl_exchange_retirable(e)) return e;
  }
  return NULL;
}

void kl_sim_combos_retire(kl_sim_combos *c, kl_market_event *e) {
  char key[KEY_MOST];
  size_t kept = 0;
  for (size_t i = 0; i < c->n; i++) {
    kl_sim_combo *combo = c->combos[i];
    if (combo->market->event != e) {
      c->combos[kept++] = combo;
      continue;
    }
    kl_map_remove(c->by_legs, key, legs_key(key, combo->collection, combo->legs, combo->n));
    kl_map_remove(c->by_events, key, events_key(key, combo->collection, combo->legs, combo->n));
    combo->market->legs = NULL;
    combo->market->n_legs = 0;
    free(combo);
  }
  c->n = kept;
  c->settled = 0;
  kl_exchange_retire_event(c->x, e);
}
