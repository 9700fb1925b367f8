/* Subscriptions: who wants which channel and market, and who gets which message. */
#include <stdlib.h>
#include <string.h>

#include "kalshi/feed_internal.h"

/* ---- acknowledgements ---- */

/* Owners hear of it from kl_feed_subs_settle: nothing is called in the midst of an answer. */
static void maybe_settled(kl_feed_sub *s) {
  if (s->pending || s->failed || s->closed || !kl_list_empty(&s->dead)) return;
  kl_list_append(&s->f->settled, &s->dead);
  kl_feed_wake(s->f);
}

void kl_feed_subs_settle(kl_feed *f) {
  while (!kl_list_empty(&f->settled)) {
    kl_feed_sub *s = KL_CONTAINER(f->settled.next, kl_feed_sub, dead);
    kl_list_remove(&s->dead);
    if (s->pending || s->failed) continue;
    bool again = s->again;
    s->was_ready = true;
    s->again = false;
    if (s->ready) s->ready(s->data, again);
  }
}

static void acked(kl_feed_sub *s, bool *flag) {
  if (*flag) return;
  *flag = true;
  s->pending--;
  maybe_settled(s);
}

void kl_feed_subs_market_acked(kl_feed_market *m) {
  for (kl_list *n = m->interests.next; n != &m->interests; n = n->next) {
    kl_feed_interest *i = KL_CONTAINER(n, kl_feed_interest, in_market);
    if (i->sub) acked(i->sub, &i->acked);
  }
}

static void parts_acked(const kl_list *parts) {
  for (kl_list *n = parts->next; n != parts; n = n->next) {
    kl_feed_part *p = KL_CONTAINER(n, kl_feed_part, link);
    if (p->sub && (p->channel->is_wide || !p->sub->all)) acked(p->sub, &p->acked);
  }
}

void kl_feed_subs_acked(kl_feed_channel *c) {
  for (kl_list *n = c->markets.next; c->is_wide && n != &c->markets; n = n->next) {
    kl_feed_subs_market_acked(KL_CONTAINER(n, kl_feed_market, all));
  }
  parts_acked(&c->narrow);
  parts_acked(&c->wide);
}

static void unacked(kl_feed_sub *s, bool *flag) {
  if (!*flag) return;
  *flag = false;
  s->pending++;
  s->again = s->was_ready;
}

void kl_feed_subs_unacked(kl_feed_channel *c) {
  for (kl_list *n = c->markets.next; n != &c->markets; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    for (kl_list *k = m->interests.next; k != &m->interests; k = k->next) {
      kl_feed_interest *i = KL_CONTAINER(k, kl_feed_interest, in_market);
      if (!i->sub) continue;
      unacked(i->sub, &i->acked);
      if (i->sub->initial && c->has_initial) m->initial = true; /* whoever asked for the first state wants it again */
    }
  }
  const kl_list *lists[] = {&c->narrow, &c->wide};
  for (size_t k = 0; k < 2; k++) {
    for (kl_list *n = lists[k]->next; n != lists[k]; n = n->next) {
      kl_feed_part *p = KL_CONTAINER(n, kl_feed_part, link);
      if (!p->sub) continue;
      unacked(p->sub, &p->acked);
      if (p->sub->initial && c->has_initial) c->initial = true;
    }
  }
}

/* ---- messages ---- */

static void to_parts(kl_list *parts, const kl_event *ev, const char *raw, size_t n) {
  kl_feed_part cursor = {.sub = NULL};
  for (kl_list *at = parts->next; at != parts;) {
    kl_feed_part *p = KL_CONTAINER(at, kl_feed_part, link);
    kl_list_append(at->next, &cursor.link);
    if (p->sub && p->sub->message) p->sub->message(p->sub->data, ev, raw, n);
    at = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

void kl_feed_subs_message(kl_feed_channel *c, kl_feed_market *m, bool has_ticker, const kl_event *ev, const char *raw,
                          size_t n) {
  if (m) {
    kl_feed_interest cursor = {.sub = NULL};
    for (kl_list *at = m->interests.next; at != &m->interests;) {
      kl_feed_interest *i = KL_CONTAINER(at, kl_feed_interest, in_market);
      kl_list_append(at->next, &cursor.in_market);
      if (i->sub && i->sub->message) i->sub->message(i->sub->data, ev, raw, n);
      at = cursor.in_market.next;
      kl_list_remove(&cursor.in_market);
    }
  }
  if (!has_ticker) to_parts(&c->narrow, ev, raw, n);
  to_parts(&c->wide, ev, raw, n);
}

/* ---- interests ---- */

static void interest_drop(kl_feed_interest *i) {
  kl_feed *f = i->sub->f;
  kl_list_remove(&i->in_market);
  kl_list_remove(&i->in_sub);
  if (!i->acked) i->sub->pending--;
  i->sub = NULL;
  kl_feed_market_drop(i->market);
  kl_feed_bury(f, i);
}

static kl_feed_interest *interest_of(const kl_feed_sub *s, const kl_feed_market *m) {
  for (const kl_list *n = m ? m->interests.next : NULL; n && n != &m->interests; n = n->next) {
    kl_feed_interest *i = KL_CONTAINER(n, kl_feed_interest, in_market);
    if (i->sub == s) return i;
  }
  return NULL;
}

static bool interest_add(kl_feed_sub *s, kl_feed_channel *c, const char *ticker) {
  size_t n = strlen(ticker);
  if (interest_of(s, kl_feed_market_find(c, ticker, n))) return true;
  kl_feed_interest *i = calloc(1, sizeof *i);
  kl_feed_market *m = i ? kl_feed_market_want(c, ticker, n) : NULL;
  if (!m) {
    free(i);
    return false;
  }
  i->sub = s;
  i->market = m;
  kl_list_init(&i->dead);
  kl_list_append(&m->interests, &i->in_market);
  kl_list_append(&s->interests, &i->in_sub);
  if (s->initial && c->has_initial && !c->is_wide) {
    m->initial = true;
    kl_feed_market_work(m);
  } else if (c->books && m->sent && m->shown) {
    /* A newcomer to raw messages of books begins with a snapshot; for the book it is one more, in stream order. */
    m->need_snapshot = true;
    kl_feed_market_work(m);
  }
  i->acked = kl_feed_market_is_acked(m) && !m->initial;
  if (!i->acked) s->pending++;
  return true;
}

/* Lets go of everything; the subscription gets nothing any more. */
static void detach(kl_feed_sub *s) {
  while (!kl_list_empty(&s->interests)) {
    interest_drop(KL_CONTAINER(s->interests.next, kl_feed_interest, in_sub));
  }
  for (size_t i = 0; i < s->n_parts; i++) {
    kl_feed_part *p = &s->parts[i];
    if (!p->sub) continue;
    p->sub = NULL;
    kl_list_remove(&p->link);
    if (!s->all) continue;
    p->channel->wide_refs--;
    p->channel->wanted--;
    kl_feed_channel_touch(p->channel);
  }
  s->pending = 0;
}

void kl_feed_sub_fail(kl_feed_sub *s, const kl_error *e) {
  s->failed = true;
  detach(s);
  if (s->on_failed) s->on_failed(s->data, e);
}

void kl_feed_subs_fail_all(kl_feed *f, const kl_error *e, bool only_waiting) {
  for (kl_list *n = f->subs.next; n != &f->subs;) {
    kl_feed_sub *s = KL_CONTAINER(n, kl_feed_sub, link);
    n = n->next;
    if (s->failed || (only_waiting && s->was_ready)) continue;
    kl_feed_sub_fail(s, e);
    n = f->subs.next; /* its owner may have closed any other */
  }
}

void kl_feed_subs_fail_channel(kl_feed_channel *c, const kl_error *e) {
  while (!kl_list_empty(&c->narrow))
    kl_feed_sub_fail(KL_CONTAINER(c->narrow.next, kl_feed_part, link)->sub, e);
  while (!kl_list_empty(&c->wide))
    kl_feed_sub_fail(KL_CONTAINER(c->wide.next, kl_feed_part, link)->sub, e);
}

void kl_feed_subs_fail_market(kl_feed_market *m, const kl_error *e) {
  while (!kl_list_empty(&m->interests)) {
    kl_feed_sub_fail(KL_CONTAINER(m->interests.next, kl_feed_interest, in_market)->sub, e);
  }
}

/* ---- owners ---- */

static bool parts_init(kl_feed_sub *s, const char *const *channels, size_t n, kl_error *e) {
  for (size_t i = 0; i < n; i++) {
    kl_feed_channel *c = kl_feed_channel_get(s->f, channels[i], e);
    if (!c) return false;
    if (s->all && c->filter == KL_FILTER_REQUIRED) {
      kl_error_set(e, KL_ERR_VALIDATION, "channel %s needs market_tickers: it has no subscription to all markets",
                   c->name);
      return false;
    }
    bool twice = false;
    for (size_t k = 0; k < s->n_parts && !twice; k++)
      twice = s->parts[k].channel == c;
    if (twice) continue;
    kl_feed_part *p = &s->parts[s->n_parts++];
    p->sub = s;
    p->channel = c;
    kl_list_append(s->all ? &c->wide : &c->narrow, &p->link);
    if (s->all) {
      c->wide_refs++;
      c->wanted++;
    }
    if (s->initial && c->has_initial && (s->all || c->is_wide)) {
      c->initial = true;
      if (c->sid) c->restart = true; /* the only way to the first state of all markets */
    }
    p->acked = c->sid && !c->restart && (!s->all || c->is_wide);
    if (!p->acked) s->pending++;
    kl_feed_channel_touch(c);
  }
  return true;
}

kl_feed_sub *kl_feed_subscribe(kl_feed *f, const kl_feed_sub_options *o, kl_error *e) {
  size_t n = 0;
  while (o->channels && o->channels[n])
    n++;
  if (f->closing) {
    kl_error_set(e, KL_ERR_CLOSED, "the session is closed");
    return NULL;
  }
  if (!n) {
    kl_error_set(e, KL_ERR_VALIDATION, "a subscription needs at least one channel");
    return NULL;
  }
  if (!f->o.can_connect) {
    kl_error_set(e, KL_ERR_AUTH, "channel %s needs an API key: the exchange's feed is for signed connections only",
                 o->channels[0]);
    return NULL;
  }
  static const char *const none[] = {NULL};
  const char *const *tickers = o->tickers ? o->tickers : none;
  for (size_t i = 0; tickers[i]; i++) {
    if (!kl_feed_ticker_check(tickers[i], e)) return NULL;
  }
  kl_feed_sub *s = calloc(1, sizeof *s + n * sizeof s->parts[0]);
  if (!s) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a subscription");
    return NULL;
  }
  s->f = f;
  s->all = !tickers[0];
  s->initial = o->send_initial_snapshot;
  s->data = o->data;
  s->message = o->message;
  s->ready = o->ready;
  s->on_failed = o->failed;
  kl_list_init(&s->dead);
  kl_list_init(&s->interests);
  kl_list_append(&f->subs, &s->link);
  bool good = parts_init(s, o->channels, n, e) && (s->all || kl_feed_sub_add(s, tickers, e));
  if (!good) {
    kl_feed_sub_close(s);
    return NULL;
  }
  maybe_settled(s);
  return s;
}

bool kl_feed_sub_add(kl_feed_sub *s, const char *const *tickers, kl_error *e) {
  if (s->failed || s->all) {
    kl_error_set(e, s->failed ? KL_ERR_CLOSED : KL_ERR_VALIDATION, "%s",
                 s->failed ? "the exchange has refused this subscription"
                           : "this subscription covers all markets already");
    return false;
  }
  for (size_t i = 0; tickers[i]; i++) {
    if (!kl_feed_ticker_check(tickers[i], e)) return false;
  }
  for (size_t i = 0; tickers[i]; i++) {
    for (size_t k = 0; k < s->n_parts; k++) {
      if (interest_add(s, s->parts[k].channel, tickers[i])) continue;
      kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to add %s", tickers[i]);
      return false;
    }
  }
  return true;
}

bool kl_feed_sub_remove(kl_feed_sub *s, const char *const *tickers, kl_error *e) {
  if (s->failed || s->all) {
    kl_error_set(e, s->failed ? KL_ERR_CLOSED : KL_ERR_VALIDATION, "%s",
                 s->failed ? "the exchange has refused this subscription"
                           : "this subscription covers all markets: single ones cannot be removed");
    return false;
  }
  size_t going = 0, held = 0;
  for (const kl_list *n = s->interests.next; n != &s->interests; n = n->next) {
    const kl_feed_interest *i = KL_CONTAINER(n, kl_feed_interest, in_sub);
    if (i->market->channel != s->parts[0].channel) continue;
    held++;
    for (size_t k = 0; tickers[k]; k++) {
      if (!strcmp(tickers[k], i->market->ticker)) {
        going++;
        break;
      }
    }
  }
  if (going == held) {
    kl_error_set(e, KL_ERR_VALIDATION, "that would leave the subscription without a market: close it instead");
    return false;
  }
  bool waited = s->pending > 0;
  for (size_t k = 0; tickers[k]; k++) {
    for (size_t j = 0; j < s->n_parts; j++) {
      kl_feed_interest *i = interest_of(s, kl_feed_market_find(s->parts[j].channel, tickers[k], strlen(tickers[k])));
      if (i) interest_drop(i);
    }
  }
  if (waited) maybe_settled(s); /* what was waited for may be gone */
  return true;
}

bool kl_feed_sub_ready(const kl_feed_sub *s) { return !s->failed && !s->pending; }

void kl_feed_sub_close(kl_feed_sub *s) {
  if (!s || s->closed) return;
  kl_feed *f = s->f;
  s->closed = true;
  detach(s);
  kl_list_remove(&s->link);
  kl_list_remove(&s->dead);
  kl_feed_bury(f, s);
}
