/* Subscriptions: who wants which channel and market, and who gets which message. */
#include <inttypes.h>
#include <stdio.h>
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
  for (kl_feed_channel *o = c->is_wide ? c : NULL; o; o = o->next) {
    for (kl_list *n = o->markets.next; n != &o->markets; n = n->next)
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

void kl_feed_subs_want_initial(kl_feed_market *m) {
  for (kl_list *n = m->interests.next; n != &m->interests; n = n->next) {
    const kl_feed_sub *s = KL_CONTAINER(n, kl_feed_interest, in_market)->sub;
    if (s && s->initial && m->channel->has_initial) m->initial = true;
  }
}

/* `covered`: by another one, which has ended; what its own connection still brings stays acknowledged. */
static void markets_unacked(kl_feed_channel *c, bool covered) {
  for (kl_list *n = c->markets.next; n != &c->markets; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    if (covered && c->sid && m->acked) continue;
    for (kl_list *k = m->interests.next; k != &m->interests; k = k->next) {
      kl_feed_interest *i = KL_CONTAINER(k, kl_feed_interest, in_market);
      if (i->sub) unacked(i->sub, &i->acked);
    }
    kl_feed_subs_want_initial(m);
  }
}

void kl_feed_subs_unacked(kl_feed_channel *c) {
  if (c != c->head && c->head->is_wide && c->head->sid) return; /* that one brings it all, and goes on */
  markets_unacked(c, false);
  for (kl_feed_channel *o = c->is_wide ? c->next : NULL; o; o = o->next)
    markets_unacked(o, true); /* it covered them, too */
  const kl_list *lists[] = {&c->narrow, &c->wide};
  for (size_t k = 0; k < 2; k++) {
    for (kl_list *n = lists[k]->next; n != lists[k]; n = n->next) {
      kl_feed_part *p = KL_CONTAINER(n, kl_feed_part, link);
      if (!p->sub || !(p->sub->all || p->sub->keyless)) continue;
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
  kl_feed_channel *head = c->head;
  if (c != head && head->is_wide && head->sid) return; /* that one brings it, too */
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
  if (!has_ticker) to_parts(&head->narrow, ev, raw, n);
  to_parts(&head->wide, ev, raw, n);
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
  if (interest_of(s, kl_feed_market_known(c, ticker, n))) return true;
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
  } else if (c->snapshots && m->sent && m->shown) {
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
    if (s->keyless) {
      p->channel->wanted--;
      kl_feed_channel_touch(p->channel);
    }
    if (!s->all) continue;
    p->channel->wide_refs--;
    p->channel->wanted--;
    for (kl_feed_channel *c = p->channel; c; c = c->next) /* what was covered is so no longer */
      kl_feed_channel_touch(c);
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

/* It has another market of that channel, and worked already. */
static bool can_do_without(const kl_feed_sub *s, const kl_feed_interest *lost) {
  if (!s->was_ready) return false;
  for (const kl_list *n = s->interests.next; n != &s->interests; n = n->next) {
    const kl_feed_interest *i = KL_CONTAINER(n, kl_feed_interest, in_sub);
    if (i != lost && i->market->channel->head == lost->market->channel->head) return true;
  }
  return false;
}

/* A subscription that has others goes on with those: a wrong ticker in an addition, or a market that is gone when the
 * connection comes back, is not the end of the rest. */
void kl_feed_subs_fail_market(kl_feed_market *m, const kl_error *e) {
  kl_feed *f = m->channel->f;
  bool told = false;
  while (!kl_list_empty(&m->interests)) {
    kl_feed_interest *i = KL_CONTAINER(m->interests.next, kl_feed_interest, in_market);
    kl_feed_sub *s = i->sub;
    if (!can_do_without(s, i)) {
      kl_feed_sub_fail(s, e);
      continue;
    }
    interest_drop(i);
    if (s->refused) s->refused(s->data, e);
    maybe_settled(s);
    told = true;
  }
  if (told) kl_feed_tell(f, "refused", e->message);
}

/* ---- owners ---- */

/* The further parameters as they are written behind others. */
static bool write_params(const kl_feed_sub_options *o, char out[KL_FEED_PARAMS_MAX], kl_error *e) {
  out[0] = '\0';
  if (o->shard_factor < 0 || o->shard_factor > 100 || o->shard_key < 0 ||
      (o->shard_key && o->shard_key >= o->shard_factor)) {
    kl_error_coded(e, KL_ERR_VALIDATION, "out_of_range",
                   "shard_factor %d with shard_key %d: the factor is 1 to 100, the key from 0 and less than the factor",
                   o->shard_factor, o->shard_key);
    return false;
  }
  size_t n = 0;
  if (o->no_levels_in_no_prices) n += (size_t)snprintf(out + n, KL_FEED_PARAMS_MAX - n, ",\"use_yes_price\":false");
  if (o->only_own_rfqs) n += (size_t)snprintf(out + n, KL_FEED_PARAMS_MAX - n, ",\"user_filter\":\"self\"");
  if (o->shard_factor) {
    snprintf(out + n, KL_FEED_PARAMS_MAX - n, ",\"shard_factor\":%d,\"shard_key\":%d", o->shard_factor, o->shard_key);
  }
  return true;
}

static bool has_part(const kl_feed_sub *s, const kl_feed_channel *c) {
  for (size_t k = 0; k < s->n_parts; k++) {
    if (s->parts[k].channel == c) return true;
  }
  return false;
}

static bool parts_init(kl_feed_sub *s, const char *const *channels, size_t n, const char *params, kl_error *e) {
  for (size_t i = 0; i < n; i++) {
    kl_feed_channel *c = kl_feed_channel_get(s->f, channels[i], s->key, params, e);
    if (!c) return false;
    if (s->all && c->filter == KL_FILTER_REQUIRED) {
      kl_error_coded(e, KL_ERR_VALIDATION, "missing_parameter",
                     "channel %s needs market_tickers: it has no subscription to all markets", c->name);
      return false;
    }
    if (has_part(s, c)) continue;
    kl_feed_part *p = &s->parts[s->n_parts++];
    p->sub = s;
    p->channel = c;
    kl_list_append(s->all ? &c->wide : &c->narrow, &p->link);
    if (s->all) c->wide_refs++;
    if (s->all || s->keyless) c->wanted++;
    if (s->initial && c->has_initial && (c->is_wide || c->wide_refs)) {
      c->initial = true;
      if (c->sid || c->subscribe_cmd) c->restart = true; /* the only way to the first state of all markets */
    }
    p->acked = !(s->all || s->keyless) || (c->sid && !c->restart && (!s->all || c->is_wide));
    if (!p->acked) s->pending++;
    for (; c; c = c->next)
      kl_feed_channel_touch(c);
  }
  return true;
}

static bool options_check(const kl_feed *f, const kl_feed_sub_options *o, size_t n_channels, kl_error *e) {
  if (f->closing) {
    kl_error_coded(e, KL_ERR_CLOSED, "session_closed", "the session is closed");
    return false;
  }
  if (!n_channels) {
    kl_error_coded(e, KL_ERR_VALIDATION, "missing_parameter", "a subscription needs at least one channel");
    return false;
  }
  if (!f->o.can_connect) {
    kl_error_coded(e, KL_ERR_AUTH, "key_missing",
                   "channel %s needs an API key, as all of the feed does: give --key-id and --key "
                   "(KALSHI_API_KEY_ID, KALSHI_PRIVATE_KEY_PATH)",
                   o->channels[0]);
    return false;
  }
  for (size_t i = 0; o->tickers && o->tickers[i]; i++) {
    if (!kl_feed_key_check(o->key, o->tickers[i], e)) return false;
  }
  return true;
}

kl_feed_sub *kl_feed_subscribe(kl_feed *f, const kl_feed_sub_options *o, kl_error *e) {
  static const char *const none[] = {NULL};
  char params[KL_FEED_PARAMS_MAX];
  size_t n = 0;
  while (o->channels && o->channels[n])
    n++;
  if (!options_check(f, o, n, e) || !write_params(o, params, e)) return NULL;
  const char *const *tickers = o->tickers ? o->tickers : none;
  bool by_market = o->key == KL_KEY_TICKER || o->key == KL_KEY_MARKET_ID;
  if (o->key == KL_KEY_MARKET_ID && !tickers[0]) {
    kl_error_coded(e, KL_ERR_VALIDATION, "missing_parameter", "market_ids is empty; leave it out for all markets");
    return NULL;
  }
  kl_feed_sub *s = calloc(1, sizeof *s + n * sizeof s->parts[0]);
  if (!s) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a subscription");
    return NULL;
  }
  s->f = f;
  s->key = o->key;
  s->all = by_market ? !tickers[0] : tickers[0] && !tickers[1] && !strcmp(tickers[0], "all");
  s->keyless = !by_market && !tickers[0];
  s->initial = o->send_initial_snapshot;
  s->data = o->data;
  s->message = o->message;
  s->ready = o->ready;
  s->on_failed = o->failed;
  s->refused = o->refused;
  kl_list_init(&s->dead);
  kl_list_init(&s->interests);
  kl_list_append(&f->subs, &s->link);
  bool good = parts_init(s, o->channels, n, params, e) && (s->all || kl_feed_sub_add(s, tickers, e));
  if (!good) {
    kl_feed_sub_close(s);
    return NULL;
  }
  maybe_settled(s);
  return s;
}

bool kl_feed_sub_list(kl_feed_sub *s, kl_feed_request *r, kl_error *e) {
  kl_feed_channel *c = s->n_parts ? s->parts[0].channel : NULL;
  const char *action = kl_feed_key_words[s->key].list;
  if (!action) {
    kl_error_coded(e, KL_ERR_VALIDATION, "contradicting_options",
                   "only channels that are chosen by index have a list of what there is");
    return false;
  }
  if (s->failed || !c || !c->sid || c->link->state != KL_LINK_OPEN) {
    kl_error_coded(e, KL_ERR_WS, "feed_not_connected", "channel %s is not connected just now: try again",
                   c ? c->name : "");
    e->retryable = true;
    return false;
  }
  kl_buf_printf(kl_feed_command_begin(c->link, "update_subscription"),
                ",\"params\":{\"sid\":%" PRId64 ",\"action\":\"%s\"}", c->sid, action);
  if (kl_feed_command_send(c->link, KL_CMD_LIST, c, r)) return true;
  kl_feed_request_cancel(s->f, r);
  kl_error_coded(e, KL_ERR_WS, "feed_not_connected", "the connection of channel %s has just ended: try again", c->name);
  e->retryable = true;
  return false;
}

bool kl_feed_subscriptions(kl_feed *f, uint32_t i, kl_feed_request *r, kl_error *e) {
  for (kl_list *n = f->links.next; n != &f->links; n = n->next) {
    kl_feed_link *l = KL_CONTAINER(n, kl_feed_link, in_feed);
    if (l->number != i + 1 || l->state != KL_LINK_OPEN) continue;
    kl_feed_command_begin(l, "list_subscriptions");
    if (kl_feed_command_send(l, KL_CMD_LIST, NULL, r)) return true;
    kl_feed_request_cancel(f, r);
    break;
  }
  kl_error_coded(e, KL_ERR_WS, "feed_not_connected", "connection %u of the feed is not open", (unsigned)i + 1);
  e->retryable = true;
  return false;
}

bool kl_feed_sub_add(kl_feed_sub *s, const char *const *tickers, kl_error *e) {
  if (s->failed || s->all) {
    kl_error_set(e, s->failed ? KL_ERR_CLOSED : KL_ERR_VALIDATION, "%s",
                 s->failed ? "the exchange has refused this subscription"
                           : "this subscription covers all markets already");
    return false;
  }
  for (size_t i = 0; tickers[i]; i++) {
    if (!kl_feed_key_check(s->key, tickers[i], e)) return false;
    if ((s->key == KL_KEY_INDEX || s->key == KL_KEY_UNDERLYING) && !strcmp(tickers[i], "all")) {
      kl_error_coded(e, KL_ERR_VALIDATION, "contradicting_options",
                     "\"all\" stands alone, when the subscription is made");
      return false;
    }
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
  for (size_t k = 0; tickers[k]; k++) {
    kl_feed_interest *i = interest_of(s, kl_feed_market_known(s->parts[0].channel, tickers[k], strlen(tickers[k])));
    if (i) i->going = true; /* named twice it goes once */
  }
  for (const kl_list *n = s->interests.next; n != &s->interests; n = n->next) {
    kl_feed_interest *i = KL_CONTAINER(n, kl_feed_interest, in_sub);
    held += i->market->channel->head == s->parts[0].channel;
    going += i->going;
    i->going = false;
  }
  if (going == held && !s->keyless) {
    kl_error_coded(e, KL_ERR_VALIDATION, "contradicting_options",
                   "that would leave the subscription without a market: close it instead");
    return false;
  }
  bool waited = s->pending > 0;
  for (size_t k = 0; tickers[k]; k++) {
    for (size_t j = 0; j < s->n_parts; j++) {
      kl_feed_market *m = kl_feed_market_known(s->parts[j].channel, tickers[k], strlen(tickers[k]));
      kl_feed_interest *i = interest_of(s, m);
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
