#include "sim/fee_changes.h"

#include <stdlib.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/random.h"

#define MINUTE_US INT64_C(60000000)
#define DAY_US (1440 * MINUTE_US)

enum { STREAM = 32, KEEP = 2000 };
/* Of simulated time: how often an event gets its lower fee, how long before that is known, and how long it lasts. */
static const int64_t promotion_every_us = 20 * MINUTE_US, known_before_us = 5 * MINUTE_US,
                     promotion_us = 10 * MINUTE_US;

struct kl_sim_fee_changes {
  kl_sim_fee_change *list; /* by time */
  size_t n, cap;
  kl_sim_random random;
  int64_t promoted_us;
};

static void put_change(kl_sim *s, const kl_sim_fee_change *c) {
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "series", c->series->ticker);
  if (c->event) kl_sim_field_str(&b, "event", c->event->ticker);
  if (c->has_type) kl_sim_field_int(&b, "type", c->fees.type);
  if (c->has_multiplier) kl_sim_field_int(&b, "multiplier_ppm", c->fees.multiplier_ppm);
  kl_sim_field_int(&b, "at_us", c->at_us);
  kl_sim_field_bool(&b, "applied", c->applied);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, "fee_change", c->id, &b);
  kl_buf_free(&b);
}

static void apply(kl_sim *s, kl_sim_fee_change *c) {
  c->applied = true;
  if (c->event)
    (void)kl_exchange_set_event_fees(s->x, s->now_us, c->event, c->has_type ? &c->fees.type : NULL,
                                     c->has_multiplier ? &c->fees.multiplier_ppm : NULL);
  else
    (void)kl_exchange_set_series_fees(s->x, s->now_us, c->series, c->fees);
}

/* Into its place by time; NULL when out of memory. */
static kl_sim_fee_change *insert(kl_sim *s, const kl_sim_fee_change *c) {
  kl_sim_fee_changes *f = s->fee_changes;
  if (f->n > KEEP + KEEP / 4) {
    size_t drop = 0;
    while (drop < f->n - KEEP && f->list[drop].applied)
      kl_sim_store_delete(s->store, "fee_change", f->list[drop++].id);
    f->n -= drop;
    memmove(f->list, f->list + drop, f->n * sizeof *f->list);
  }
  if (f->n == f->cap) {
    size_t cap = f->cap ? f->cap * 2 : 16;
    kl_sim_fee_change *grown = realloc(f->list, cap * sizeof *grown);
    if (!grown) return NULL;
    f->list = grown;
    f->cap = cap;
  }
  size_t i = f->n++;
  for (; i > 0 && f->list[i - 1].at_us > c->at_us; i--)
    f->list[i] = f->list[i - 1];
  f->list[i] = *c;
  return &f->list[i];
}

static bool add(kl_sim *s, kl_sim_fee_change c) {
  kl_sim_uuid(&s->fee_changes->random, c.id);
  kl_sim_fee_change *in = insert(s, &c);
  if (!in) return false;
  if (!in->applied && in->at_us <= s->now_us) apply(s, in);
  put_change(s, in);
  return true;
}

bool kl_sim_fee_change_series(kl_sim *s, kl_series *series, kl_fee_schedule fees, int64_t at_us) {
  return add(
      s, (kl_sim_fee_change){.series = series, .has_type = true, .has_multiplier = true, .fees = fees, .at_us = at_us});
}

bool kl_sim_fee_change_event(kl_sim *s, kl_market_event *event, const kl_fee_type *type, const int64_t *multiplier_ppm,
                             int64_t at_us) {
  kl_sim_fee_change c = {.series = kl_exchange_series(s->x, event->series->ticker),
                         .event = event,
                         .has_type = type != NULL,
                         .has_multiplier = multiplier_ppm != NULL,
                         .at_us = at_us};
  if (type) c.fees.type = *type;
  if (multiplier_ppm) c.fees.multiplier_ppm = *multiplier_ppm;
  return add(s, c);
}

const kl_sim_fee_change *kl_sim_fee_change_at(const kl_sim *s, size_t i) {
  return i < s->fee_changes->n ? &s->fee_changes->list[i] : NULL;
}

/* ---- what comes from the seed ---- */

static int64_t scaled(const kl_sim *s, int64_t us) { return (int64_t)((double)us / s->o.speed); }

/* Each series got today's fees some weeks ago, and one of them gets half of it in a week. */
static bool history(kl_sim *s) {
  kl_sim_random *r = &s->fee_changes->random;
  size_t n = kl_exchange_series_count(s->x), halved = n ? kl_sim_below(r, (uint32_t)n) : 0;
  for (size_t i = 0; i < n; i++) {
    kl_series *series = kl_exchange_series_at(s->x, i);
    kl_fee_schedule fees = {series->fee_type, series->fee_multiplier_ppm};
    int64_t ago = (20 + (int64_t)kl_sim_below(r, 40)) * DAY_US;
    if (!add(s, (kl_sim_fee_change){.series = series,
                                    .has_type = true,
                                    .has_multiplier = true,
                                    .fees = fees,
                                    .at_us = s->now_us - ago,
                                    .applied = true}))
      return false;
    if (i != halved) continue;
    fees.multiplier_ppm /= 2;
    if (!kl_sim_fee_change_series(s, series, fees, s->now_us + scaled(s, 7 * DAY_US))) return false;
  }
  return true;
}

static bool is_open(const kl_market_event *e) {
  for (size_t i = 0; i < e->n_markets; i++)
    if (e->markets[i]->status == KL_MARKET_ACTIVE) return true;
  return false;
}

static bool has_upcoming(const kl_sim_fee_changes *f, const kl_market_event *e) {
  for (size_t i = f->n; i > 0 && !f->list[i - 1].applied; i--)
    if (f->list[i - 1].event == e) return true;
  return false;
}

/* An event pays no fees, or half of them, for a while. */
static void promote(kl_sim *s) {
  kl_sim_fee_changes *f = s->fee_changes;
  size_t n = kl_exchange_event_count(s->x);
  if (n == 0) return;
  size_t at = kl_sim_below(&f->random, (uint32_t)n), seen = 0;
  int64_t multiplier = kl_sim_below(&f->random, 2) ? 500000 : 0, from = s->now_us + scaled(s, known_before_us);
  kl_market_event *e = kl_exchange_event_at(s->x, at);
  for (; !is_open(e) || has_upcoming(f, e); e = kl_exchange_event_at(s->x, (at + seen) % n))
    if (++seen == n) return;
  if (kl_sim_fee_change_event(s, e, NULL, &multiplier, from))
    (void)kl_sim_fee_change_event(s, e, NULL, NULL, from + scaled(s, promotion_us));
}

void kl_sim_fee_changes_forget(kl_sim *s, const kl_market_event *e) {
  kl_sim_fee_changes *f = s->fee_changes;
  size_t kept = 0;
  for (size_t i = 0; i < f->n; i++) {
    if (f->list[i].event == e)
      kl_sim_store_delete(s->store, "fee_change", f->list[i].id);
    else
      f->list[kept++] = f->list[i];
  }
  f->n = kept;
}

void kl_sim_fee_changes_tick(kl_sim *s) {
  kl_sim_fee_changes *f = s->fee_changes;
  size_t first = f->n;
  while (first > 0 && !f->list[first - 1].applied)
    first--;
  for (size_t i = first; i < f->n && f->list[i].at_us <= s->now_us; i++) {
    apply(s, &f->list[i]);
    put_change(s, &f->list[i]);
  }
  if (s->o.quiet || s->now_us - f->promoted_us < scaled(s, promotion_every_us)) return;
  f->promoted_us = s->now_us;
  promote(s);
}

/* ---- start and end ---- */

static void load_change(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  const char *series = json_string_value(json_object_get(o, "series"));
  const char *event = json_string_value(json_object_get(o, "event"));
  const json_t *type = json_object_get(o, "type"), *multiplier = json_object_get(o, "multiplier_ppm");
  kl_sim_fee_change c = {.series = series ? kl_exchange_series(s->x, series) : NULL,
                         .event = event ? kl_exchange_event(s->x, event) : NULL,
                         .has_type = type != NULL,
                         .has_multiplier = multiplier != NULL,
                         .fees = {(kl_fee_type)json_integer_value(type), json_integer_value(multiplier)},
                         .at_us = json_integer_value(json_object_get(o, "at_us")),
                         .applied = json_is_true(json_object_get(o, "applied"))};
  if (!c.series || (event && !c.event) || strlen(id) >= sizeof c.id) return;
  memcpy(c.id, id, strlen(id) + 1);
  (void)insert(s, &c);
}

bool kl_sim_fee_changes_start(kl_sim *s, kl_error *e) {
  kl_sim_fee_changes *f = s->fee_changes = calloc(1, sizeof *f);
  if (f) {
    f->random = kl_sim_random_new(s->o.seed ^ (s->store ? (uint64_t)s->now_us : 0), STREAM);
    f->promoted_us = s->now_us;
    if (!kl_sim_store_each(s->store, "fee_change", load_change, s)) {
      if (e) *e = *kl_sim_store_error(s->store);
      return false;
    }
    for (size_t i = 0; i < f->n; i++)
      if (f->list[i].applied) apply(s, &f->list[i]);
    if (f->n > 0 || history(s)) return true;
  }
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the exchange simulator");
  return false;
}

void kl_sim_fee_changes_free(kl_sim_fee_changes *f) {
  if (!f) return;
  free(f->list);
  free(f);
}
