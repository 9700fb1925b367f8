/* The state of an order follows from what has been said of it, each thing kept with the exchange's time and with who
 * said it. So the order in which answers, channels and lists come does not matter, and a late message undoes nothing.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "trading/desk_impl.h"

/* What others see of a record. */
typedef struct face {
  kl_desk_status status;
  kl_count count, filled, remaining, seen;
  kl_price yes_price;
  kl_money cost, fees;
  int64_t updated_ms, expiration_ms;
  int32_t exchange_index;
  char reason[32];
} face;

static void look(const kl_desk_entry *x, face *f) {
  const kl_desk_order *o = &x->o;
  f->status = o->status;
  f->count = o->count;
  f->filled = o->filled;
  f->remaining = o->remaining;
  f->seen = o->seen;
  f->yes_price = o->yes_price;
  f->cost = o->cost;
  f->fees = o->fees;
  f->updated_ms = o->updated_ms;
  f->expiration_ms = o->expiration_ms;
  f->exchange_index = o->exchange_index;
  memcpy(f->reason, o->reason, sizeof f->reason);
}

static void copy_text(char *to, size_t cap, const char *from) {
  size_t n = strnlen(from, cap - 1);
  memcpy(to, from, n);
  memset(to + n, 0, cap - n);
}

/* The later one counts; of the same time, the one that is trusted more, and then the one that came later. */
static bool later(int64_t ts_ms, kl_desk_source by, int64_t known_ms, kl_desk_source known_by) {
  return ts_ms > known_ms || (ts_ms == known_ms && by >= known_by);
}

/* ---- its terms ---- */

enum { ECHO_MS = 2000 }; /* so much later a change is told of on the channel at most, by the exchange's times */

static kl_desk_terms terms_of(const kl_desk_entry *x) {
  return (kl_desk_terms){.total = x->total, .yes_price = x->o.yes_price};
}

static bool same_terms(kl_desk_terms a, kl_desk_terms b) { return a.total == b.total && a.yes_price == b.yes_price; }

/* The channel tells of a change or a fill from before an answer that came already. */
static bool is_overtaken(const kl_desk_entry *x, const kl_desk_news *n) {
  kl_desk_terms told = {.total = n->total, .yes_price = n->yes_price};
  if (!x->n_replaced || n->by != KL_BY_CHANNEL || n->total <= 0 || n->yes_price <= 0 || x->unsure) return false;
  if (n->ts_ms > x->replaced_ms + ECHO_MS || same_terms(told, terms_of(x))) return false;
  for (unsigned i = 0; i < x->n_replaced; i++)
    if (same_terms(told, x->replaced[i])) return true;
  return false;
}

/* What is told of its terms counts when it is later than what is known of them. */
static void take_terms(kl_desk_entry *x, const kl_desk_news *n) {
  kl_desk_order *o = &x->o;
  kl_desk_terms before = terms_of(x);
  int64_t known_ms = x->total_ms > x->price_ms ? x->total_ms : x->price_ms;
  bool after_all = n->by == KL_BY_ANSWER && n->since > x->terms; /* nothing else has changed it since it was sent */
  if (is_overtaken(x, n)) return;
  if (n->total > 0 && (after_all || later(n->ts_ms, n->by, x->total_ms, x->total_by))) {
    x->total = n->total;
    x->total_ms = n->ts_ms;
    x->total_by = n->by;
  }
  if (n->yes_price > 0 && (after_all || later(n->ts_ms, n->by, x->price_ms, x->price_by))) {
    o->yes_price = n->yes_price;
    x->price_ms = n->ts_ms;
    x->price_by = n->by;
  }
  bool other = !same_terms(before, terms_of(x));
  if (other) x->terms++;
  if (other && n->since && !x->overlap) {
    memmove(x->replaced + 1, x->replaced, sizeof x->replaced - sizeof x->replaced[0]);
    x->replaced[0] = before;
    if (x->n_replaced < KL_DESK_REPLACED) x->n_replaced++;
    x->replaced_ms = n->ts_ms > known_ms ? n->ts_ms : known_ms;
  } else if (other || (n->by == KL_BY_CHANNEL && n->total > 0 && n->ts_ms >= x->total_ms)) {
    x->n_replaced = 0;
  }
}

static kl_count filled_of(const kl_desk_entry *x) {
  kl_count filled = x->filled_told;
  if (!x->end_counted && x->filled_derived > filled) filled = x->filled_derived;
  return x->o.seen > filled ? x->o.seen : filled;
}

static kl_desk_status status_of(const kl_desk_entry *x) {
  if (x->end == KL_OWN_EXECUTED) return KL_DESK_FILLED;
  /* Canceled for its lease to be renewed is no end, and neither is that what was left was refused when placed anew: the
   * order before it was one. */
  if (x->end == KL_OWN_CANCELED) return x->renewing ? KL_DESK_PENDING : KL_DESK_CANCELED;
  if (!x->exists && x->rejected) return x->renewal ? KL_DESK_CANCELED : KL_DESK_REJECTED;
  if (!x->exists) return x->lost ? KL_DESK_UNKNOWN : KL_DESK_PENDING;
  /* A change that is on its way may make it larger. */
  if (x->total > 0 && x->o.filled >= x->total && !x->changing && !x->unsure) return KL_DESK_FILLED;
  if (x->vanished) return KL_DESK_UNKNOWN;
  if (x->renewing) return KL_DESK_PENDING;
  if (x->rests || x->o.tif == KL_DESK_GTC) return KL_DESK_RESTING;
  if (x->creating) return KL_DESK_PENDING;
  return x->lost ? KL_DESK_UNKNOWN : KL_DESK_RESTING;
}

static bool is_refused(const kl_desk_entry *x) { return x->rejected && !x->exists; }

static void give_reason(kl_desk_entry *x) {
  kl_desk_order *o = &x->o;
  if (x->end == KL_OWN_UNKNOWN && !is_refused(x)) {
    memcpy(o->reason, x->word, sizeof o->reason);
  } else if (!x->end_word[0] && o->status == KL_DESK_CANCELED && o->tif != KL_DESK_GTC) {
    copy_text(o->reason, sizeof o->reason, kl_desk_tif_name(o->tif));
  } else {
    memcpy(o->reason, x->end_word, sizeof o->reason);
  }
}

/* Whoever knows of the most contracts; fills are exact, and averages of an answer are rounded. */
static void give_cost(kl_desk_entry *x) {
  kl_desk_order *o = &x->o;
  if (o->seen >= x->told_covers && o->seen >= x->answer_covers) {
    o->cost = x->fill_cost;
    o->fees = x->fill_fees;
  } else if (x->told_covers >= x->answer_covers) {
    o->cost = x->told_cost;
    o->fees = x->told_fees;
  } else {
    o->cost = x->answer_cost;
    o->fees = x->answer_fees;
  }
}

static void conclude(kl_desk_entry *x) {
  kl_desk_order *o = &x->o;
  o->filled = filled_of(x);
  o->status = status_of(x);
  o->count = x->total > o->filled ? x->total : o->filled;
  if (o->status == KL_DESK_FILLED) o->count = o->filled;
  o->remaining = kl_desk_status_final(o->status) ? 0 : o->count - o->filled;
  if (o->error && !is_refused(x)) kl_desk_order_set_error(o, NULL);
  give_reason(x);
  give_cost(x);
}

static bool is_other(const kl_desk_entry *x, const face *before) {
  face now;
  look(x, &now);
  bool same = now.status == before->status && now.count == before->count && now.filled == before->filled &&
              now.remaining == before->remaining && now.seen == before->seen && now.yes_price == before->yes_price &&
              now.cost == before->cost && now.fees == before->fees && now.updated_ms == before->updated_ms &&
              now.expiration_ms == before->expiration_ms && now.exchange_index == before->exchange_index &&
              memcmp(now.reason, before->reason, sizeof now.reason) == 0;
  return !same;
}

void kl_desk_entry_begin(kl_desk_entry *x) {
  kl_desk_order *o = &x->o;
  x->total = o->count;
  x->filled_told = o->filled;
  if (o->id[0]) x->exists = true;
  conclude(x);
}

static void take_end(kl_desk_entry *x, const kl_desk_news *n) {
  bool first = x->end == KL_OWN_UNKNOWN;
  x->exists = true;
  if (first || n->by > x->end_by) {
    x->end = n->status;
    x->end_by = n->by;
  }
  if (first && x->rejected) copy_text(x->end_word, sizeof x->end_word, ""); /* it was thought to be refused */
  /* An answer to a cancel does not say how much was filled; what its end is told with does. */
  if (n->has_filled) x->end_counted = true;
  if (n->left_over >= 0 && n->left_over <= x->total && x->total - n->left_over > x->filled_derived)
    x->filled_derived = x->total - n->left_over;
  if (n->reason && n->reason[0]) copy_text(x->end_word, sizeof x->end_word, n->reason);
}

bool kl_desk_entry_tell(kl_desk_entry *x, const kl_desk_news *n) {
  kl_desk_order *o = &x->o;
  face before;
  look(x, &before);
  if (n->ts_ms > o->updated_ms) o->updated_ms = n->ts_ms;
  bool named = n->id && n->id[0] && !o->id[0];
  if (named) copy_text(o->id, sizeof o->id, n->id);
  bool grouped = n->group_id && n->group_id[0] && strcmp(n->group_id, o->group_id) != 0;
  if (grouped) copy_text(o->group_id, sizeof o->group_id, n->group_id);
  if (n->expiration_ms) o->expiration_ms = n->expiration_ms;
  if (n->exchange_index >= 0) o->exchange_index = n->exchange_index;
  if (n->has_filled && n->filled > x->filled_told) x->filled_told = n->filled;
  take_terms(x, n);
  if (n->by == KL_BY_CHANNEL && n->status == KL_OWN_RESTING && later(n->ts_ms, n->by, x->reason_ms, x->reason_by)) {
    copy_text(x->word, sizeof x->word, n->reason && n->reason[0] ? n->reason : x->renewal ? "lease" : "");
    x->reason_ms = n->ts_ms;
    x->reason_by = n->by;
  }
  if (n->covers > x->told_covers && n->by != KL_BY_ANSWER) {
    x->told_covers = n->covers;
    x->told_cost = n->cost;
    x->told_fees = n->fees;
  } else if (n->covers > x->answer_covers && n->by == KL_BY_ANSWER) {
    x->answer_covers = n->covers;
    x->answer_cost = n->cost;
    x->answer_fees = n->fees;
  }
  switch (n->status) {
  case KL_OWN_RESTING:
    x->exists = x->rests = true;
    if (n->by == KL_BY_CHANNEL || n->ts_ms > x->vanished_ms) x->vanished = false;
    break;
  case KL_OWN_CANCELED:
  case KL_OWN_EXECUTED:
    take_end(x, n);
    break;
  case KL_OWN_UNKNOWN:
    x->exists = x->vanished = true;
    if (n->ts_ms > x->vanished_ms) x->vanished_ms = n->ts_ms;
    break;
  }
  conclude(x);
  return named || grouped || is_other(x, &before);
}

bool kl_desk_entry_fill(kl_desk_entry *x, kl_price yes_price, kl_count count, kl_money fee, int64_t ts_ms) {
  kl_desk_order *o = &x->o;
  face before;
  look(x, &before);
  x->exists = true;
  o->seen += count;
  x->fill_cost += count * (o->side == KL_BID ? yes_price : KL_PRICE_ONE - yes_price);
  x->fill_fees += fee;
  if (ts_ms > o->updated_ms) o->updated_ms = ts_ms;
  conclude(x);
  return is_other(x, &before);
}

/* The code of an error in lower case, or its kind. */
static void refusal_word(char *to, size_t cap, const kl_error *e) {
  copy_text(to, cap, e->code[0] ? e->code : e->kind ? e->kind : "");
  for (char *c = to; *c; c++)
    *c = (char)tolower((unsigned char)*c);
}

bool kl_desk_entry_reject(kl_desk_entry *x, const kl_error *e) {
  if (x->exists) return false;
  face before;
  look(x, &before);
  x->rejected = true;
  kl_desk_order_set_error(&x->o, e);
  refusal_word(x->end_word, sizeof x->end_word, e);
  conclude(x);
  return is_other(x, &before);
}

bool kl_desk_entry_lose(kl_desk_entry *x) {
  face before;
  look(x, &before);
  x->lost = true;
  conclude(x);
  return is_other(x, &before);
}

bool kl_desk_entry_settle(kl_desk_entry *x) {
  face before;
  look(x, &before);
  conclude(x);
  return is_other(x, &before);
}

kl_count kl_desk_entry_left(const kl_desk_entry *x) {
  const kl_desk_order *o = &x->o;
  if (is_refused(x)) return 0;
  kl_count most = kl_desk_status_final(o->status) ? o->filled : o->count;
  return most > o->seen ? most - o->seen : 0;
}

bool kl_desk_entry_doubtful(const kl_desk_entry *x) {
  if (kl_desk_status_final(x->o.status)) return false;
  if (x->o.status == KL_DESK_UNKNOWN || x->unsure) return true;
  /* Nothing of it is left, and no change is on its way that could explain it. */
  return x->exists && x->o.remaining == 0 && !x->changing && !x->creating;
}
