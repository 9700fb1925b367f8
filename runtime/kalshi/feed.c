/* The way of a message from the wire to books and subscriptions, and the life of the feed. */
#include "kalshi/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

enum { TICK_MS = 100, LATE_FOR_MS = 1000 };

/* ---- memory that callbacks under way may still look at ---- */

void kl_feed_enter(kl_feed *f) { f->depth++; }

static void free_dead(kl_feed *f) {
  for (kl_list *n = f->dead.next; n != &f->dead;) {
    kl_list *next = n->next;
    free(n);
    n = next;
  }
  kl_list_init(&f->dead);
  while (!kl_list_empty(&f->dead_own)) {
    kl_feed_book_own *b = KL_CONTAINER(f->dead_own.next, kl_feed_book_own, dead);
    kl_list_remove(&b->dead);
    kl_feed_book_free(b);
  }
}

void kl_feed_leave(kl_feed *f) {
  if (--f->depth || (kl_list_empty(&f->dead) && kl_list_empty(&f->dead_own))) return;
  free_dead(f);
}

void kl_feed_bury(kl_feed *f, void *p) {
  if (!f->depth) {
    free(p);
    return;
  }
  kl_list *n = p;
  kl_list_init(n);
  kl_list_append(&f->dead, n);
}

/* ---- small things ---- */

int64_t kl_feed_now(kl_feed *f) {
  if (!f->depth) return kl_mono_ns(f->o.clock); /* called by an owner, not in a burst */
  if (!f->burst_ns) f->burst_ns = kl_mono_ns(f->o.clock);
  return f->burst_ns;
}

/* xorshift64: spreads reconnects, nothing more. */
uint64_t kl_feed_random(kl_feed *f) {
  uint64_t x = f->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return f->random = x;
}

void kl_feed_note(kl_feed *f, const char *text) { snprintf(f->last_error, sizeof f->last_error, "%.255s", text); }

void kl_feed_tell(kl_feed *f, const char *what, const char *detail) {
  kl_feed_listener cursor = {.status = NULL};
  for (kl_list *n = f->listeners.next; n != &f->listeners;) {
    kl_feed_listener *l = KL_CONTAINER(n, kl_feed_listener, link);
    kl_list_append(n->next, &cursor.link);
    if (l->status) l->status(l->data, what, detail);
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

void kl_feed_tell_owners(kl_feed *f) {
  kl_feed_subs_settle(f);
  kl_feed_books_tell(f);
}

/* ---- deadlines ---- */

/* Nothing is asked for on a channel before some time; true while that lies ahead. */
static bool pausing(kl_feed_link *l, int64_t now) {
  bool busy = false;
  for (kl_list *n = l->channels.next; n != &l->channels; n = n->next) {
    kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_link);
    if (!c->not_before_ns) continue;
    if (now >= c->not_before_ns) {
      c->not_before_ns = 0;
      kl_feed_channel_touch(c);
    } else {
      busy = true;
    }
  }
  return busy;
}

static void on_tick(uv_timer_t *t) {
  kl_feed *f = t->data;
  f->burst_ns = 0;
  int64_t now = kl_feed_now(f);
  bool busy = false;
  kl_feed_enter(f);
  for (kl_list *n = f->links.next; n != &f->links; n = n->next) {
    kl_feed_link *l = KL_CONTAINER(n, kl_feed_link, in_feed);
    if (l->state != KL_LINK_OPEN) continue;
    if (kl_feed_link_check(l, now)) busy = true;
    if (pausing(l, now)) busy = true;
  }
  for (kl_feed_channel *c = f->books; c; c = c->next) {
    if (c->link->state == KL_LINK_OPEN && kl_feed_books_check(c, now)) busy = true;
  }
  kl_feed_tell_owners(f);
  if (!busy && f->tick_on) {
    f->tick_on = false;
    kl_timer_stop(&f->tick);
  }
  f->burst_ns = 0;
  kl_feed_leave(f);
}

void kl_feed_tick_on(kl_feed *f) {
  if (f->tick_on || f->closing) return;
  kl_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
  f->tick_on = true;
}

/* ---- flush: all that was asked for in one loop turn goes out together ---- */

static void on_flush(uv_prepare_t *p) {
  kl_feed *f = p->data;
  uv_prepare_stop(p);
  f->flush_on = false;
  f->burst_ns = 0;
  kl_feed_enter(f);
  for (kl_list *n = f->links.next; n != &f->links; n = n->next) /* one that is added here comes last */
    kl_feed_link_flush(KL_CONTAINER(n, kl_feed_link, in_feed));
  kl_feed_tell_owners(f);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

void kl_feed_wake(kl_feed *f) {
  if (f->flush_on || f->closing) return;
  f->flush_on = uv_prepare_start(&f->flush, on_flush) == 0;
}

/* ---- stepped ---- */

bool kl_feed_step(kl_feed *f) {
  bool some = false;
  f->burst_ns = 0;
  kl_feed_enter(f);
  for (kl_list *n = f->links.next; n != &f->links && !some; n = n->next)
    some = kl_feed_link_step(KL_CONTAINER(n, kl_feed_link, in_feed));
  f->burst_ns = 0;
  kl_feed_leave(f);
  return some;
}

bool kl_feed_look(const kl_feed *f, uint64_t *commands, uint64_t *received, size_t *links) {
  bool busy = f->flush_on;
  *commands = *received = *links = 0;
  for (const kl_list *n = f->links.next; n != &f->links; n = n->next) {
    const kl_feed_link *l = KL_CONTAINER(n, const kl_feed_link, in_feed);
    busy = busy || l->state == KL_LINK_SIGNING || l->state == KL_LINK_CONNECTING;
    if (l->state != KL_LINK_OPEN) continue;
    *links += 1;
    *commands += l->stepped.commands;
    *received += l->stepped.received;
  }
  return busy;
}

/* ---- the way of a message ---- */

/* A message that cannot be read may have been a book's: then the book is wrong from here on. */
static void malformed(kl_feed_link *l, const char *p, size_t n, const kl_error *e) {
  kl_feed *f = l->f;
  int64_t now = kl_feed_now(f);
  f->malformed++;
  if (f->malformed_logged_ns && now - f->malformed_logged_ns < 1000 * MS) {
    f->malformed_quiet++;
  } else {
    kl_log_warn("feed", "malformed message of %zu bytes: %s (%" PRIu64 " more since the last report)", n, e->message,
                f->malformed_quiet);
    f->malformed_logged_ns = now;
    f->malformed_quiet = 0;
  }
  kl_feed_note(f, e->message);
  int64_t sid = kl_feed_scan_number(p, n, "\"sid\""), seq = kl_feed_scan_number(p, n, "\"seq\"");
  for (kl_list *at = l->channels.next; at != &l->channels; at = at->next) {
    kl_feed_channel *c = KL_CONTAINER(at, kl_feed_channel, in_link);
    if (!c->snapshots || !c->sid || (sid && sid != c->sid)) continue;
    if (c->seq.last >= 0) c->seq.before = c->seq.last;
    if (sid && seq > c->seq.before) c->seq.before = seq;
    c->seq.last = KL_SEQ_UNKNOWN; /* whether it had a number is not known */
    kl_feed_books_resync(c);
  }
}

/* Continuity of seq on a subscription. False: the message was here before. Two earlier numbers in order are no repeats:
 * the exchange counts anew, and what came in between is not known. */
static bool out_of_sequence(kl_feed *f, kl_feed_channel *c, kl_feed_seq *s, const kl_event *ev) {
  bool unknown = s->last < 0, back = ev->seq <= (unknown ? s->before : s->last);
  if (unknown && !back) {
    s->last = ev->seq;
    s->after = ev->seq - 1;
    s->earlier = 0;
    return true;
  }
  /* An answer to get_snapshot shows the state as of its number, which may be an earlier one. */
  if (back && ev->type == KL_EV_SNAPSHOT && (ev->has & KL_HAS_ID)) return true;
  if (back && !(s->earlier && ev->seq - s->earlier == 1)) {
    s->earlier = ev->seq;
    f->duplicates++;
    return false;
  }
  char detail[160];
  if (back) {
    snprintf(detail, sizeof detail, "%s: seq %" PRId64 " after %" PRId64 ", counted anew", c->name, ev->seq,
             unknown ? s->before : s->last);
  } else {
    snprintf(detail, sizeof detail, "%s: seq %" PRId64 " after %" PRId64 ", %" PRId64 " missing", c->name, ev->seq,
             s->last, ev->seq - s->last - 1);
  }
  f->gaps++;
  kl_log_warn("feed", "gap on %s", detail);
  s->last = ev->seq;
  s->earlier = 0;
  if (c->snapshots) kl_feed_books_resync(c);
  kl_feed_tell(f, "gap", detail);
  return true;
}

static inline bool in_sequence(kl_feed *f, kl_feed_channel *c, const kl_event *ev) {
  if (!(ev->has & KL_HAS_SEQ)) return true;
  kl_feed_seq *s = ev->sid == c->ending ? &c->ending_seq : &c->seq;
  if (__builtin_expect((uint64_t)ev->seq - (uint64_t)s->last == 1, 1)) {
    s->last = ev->seq;
    s->earlier = 0;
    return true;
  }
  return out_of_sequence(f, c, s, ev);
}

/* What a message of a type that is not decoded is about. */
static kl_str key_of(const kl_feed_channel *c, const char *raw, size_t n) {
  kl_str value, key;
  if (kl_feed_scan_msg(raw, n, kl_feed_key_words[c->key].member, &value) && kl_feed_scan_unquote(value, &key)) {
    return key;
  }
  return (kl_str){NULL, 0};
}

static void on_data(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n) {
  kl_feed *f = l->f;
  kl_feed_channel *c = (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(l, ev->sid) : NULL;
  if (!c) { /* the last words of a subscription that was ended */
    f->ignored++;
    return;
  }
  f->by_channel[c->kind]++;
  if (!in_sequence(f, c, ev)) return;
  /* Of what happens at its time; a first state of a quiet market is old and yet not late. */
  if (ev->has & KL_HAS_SENDING_TS) {
    l->sent_ms = ev->sending_ts_ms;
  } else if ((ev->has & KL_HAS_TS) && (ev->type == KL_EV_DELTA || ev->type == KL_EV_TRADE)) {
    l->sent_ms = ev->ts_ms;
  }
  const kl_feed_channel *head = c->head;
  bool has_subs = !kl_list_empty(&head->narrow) || !kl_list_empty(&head->wide);
  kl_str key = c->key == KL_KEY_MARKET_ID ? ev->market_id : ev->ticker;
  if (ev->type == KL_EV_OTHER) {
    if ((ev->has & KL_HAS_ID) && kl_feed_on_list(l, ev, raw, n)) return;
    key = has_subs ? key_of(c, raw, n) : (kl_str){NULL, 0};
  }
  kl_feed_market *m = NULL;
  if (key.n) m = c->is_wide ? kl_feed_market_known(c, key.p, key.n) : kl_feed_market_find(c, key.p, key.n);
  if (c->snapshots) {
    kl_feed_cmd cmd;
    if (kl_feed_command_is(l, ev, KL_CMD_SNAPSHOT)) kl_feed_command_take(l, ev->id, &cmd);
    kl_feed_books_message(f, m, ev);
  }
  if (!has_subs) return;
  f->origin = (kl_feed_origin){.number = f->messages, .channel = head->name, .key = key};
  kl_feed_subs_message(c, m, key.n > 0, ev, raw, n);
}

const kl_feed_origin *kl_feed_origin_of(const kl_feed *f) { return &f->origin; }

static void on_answer(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n) {
  /* It counts in seq where it carries one, but what it says holds in any case. */
  kl_feed_channel *c = (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(l, ev->sid) : NULL;
  switch (ev->type) {
  case KL_EV_SUBSCRIBED:
    kl_feed_on_subscribed(l, ev);
    break;
  case KL_EV_OK:
    if (c) in_sequence(l->f, c, ev);
    kl_feed_on_ok(l, ev, raw, n);
    break;
  case KL_EV_UNSUBSCRIBED:
    if (c) in_sequence(l->f, c, ev);
    kl_feed_on_unsubscribed(l, ev);
    break;
  default:
    if (c) in_sequence(l->f, c, ev);
    kl_feed_on_error(l, ev, raw, n);
    break;
  }
}

bool kl_feed_usual_message(kl_feed_link *l, const char *p, size_t n) {
  kl_feed *f = l->f;
  kl_event ev;
  if (!kl_wire_decode_usual(p, n, &ev)) return false;
  f->messages++;
  kl_feed_enter(f);
  on_data(l, &ev, p, n);
  kl_feed_leave(f);
  return true;
}

void kl_feed_message(kl_feed_link *l, const char *p, size_t n) {
  kl_feed *f = l->f;
  kl_event ev;
  kl_error e;
  f->messages++;
  kl_feed_enter(f);
  if (!kl_wire_decode(f->decoder, p, n, &ev, &e)) {
    malformed(l, p, n, &e);
  } else if (ev.type == KL_EV_SUBSCRIBED || ev.type == KL_EV_OK || ev.type == KL_EV_UNSUBSCRIBED ||
             ev.type == KL_EV_ERROR) {
    on_answer(l, &ev, p, n);
  } else {
    on_data(l, &ev, p, n);
  }
  kl_feed_leave(f);
}

/* ---- how old what comes is ---- */

static int64_t exchange_ms(const kl_feed *f) {
  return f->o.now_ms ? f->o.now_ms(f->o.sign_data) : kl_wall_us(f->o.clock) / 1000;
}

static bool any_late(const kl_feed *f, int64_t now) {
  for (const kl_list *n = f->links.next; n != &f->links; n = n->next) {
    const kl_feed_link *l = KL_CONTAINER(n, kl_feed_link, in_feed);
    if (l->late_since_ns && now - l->late_since_ns >= LATE_FOR_MS * MS) return true;
  }
  return false;
}

/* By the newest message of the read. It counts as late when nothing else has come for a second: one old message is an
 * accident, and a loop that was held up catches up. */
static void look_at_delay(kl_feed_link *l) {
  kl_feed *f = l->f;
  int64_t now = kl_feed_now(f);
  f->delay_ms = exchange_ms(f) - l->sent_ms;
  l->sent_ms = 0;
  if (f->delay_ms < f->o.late_ms) {
    l->late_since_ns = 0;
  } else if (!l->late_since_ns) {
    l->late_since_ns = now;
  }
  bool late = any_late(f, now);
  if (late == f->late) return;
  f->late = late;
  char detail[160];
  if (late) {
    snprintf(detail, sizeof detail, "what comes is %.1f s old: the exchange, the network or this program is behind",
             (double)f->delay_ms / 1e3);
    kl_log_warn("feed", "%s", detail);
    kl_feed_tell(f, "late", detail);
  } else {
    snprintf(detail, sizeof detail, "what comes is %.1f s old", (double)f->delay_ms / 1e3);
    kl_log_info("feed", "on time again: %s", detail);
    kl_feed_tell(f, "current", detail);
  }
}

double kl_feed_book_age(const kl_feed *f, const kl_feed_book *b) {
  double here = (double)(kl_mono_ns(f->o.clock) - b->rx_ns) / 1e9;
  double there = b->ts_last ? (double)(exchange_ms(f) - b->ts_ms) / 1e3 : 0;
  return here > there ? here : there;
}

void kl_feed_burst_end(kl_feed_link *l) {
  kl_feed *f = l->f;
  kl_feed_enter(f);
  if (l->sent_ms) look_at_delay(l);
  kl_feed_tell_owners(f);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

/* ---- refusals that concern all ---- */

bool kl_feed_has_open_link(const kl_feed *f) {
  for (const kl_list *n = f->links.next; n != &f->links; n = n->next) {
    if (KL_CONTAINER(n, kl_feed_link, in_feed)->state == KL_LINK_OPEN) return true;
  }
  return false;
}

/* Those who wait for something of this connection. */
static kl_feed_sub *sub_waiting_for(const kl_feed_link *l) {
  for (const kl_list *n = l->channels.next; n != &l->channels; n = n->next) {
    const kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_link);
    const kl_list *parts[] = {&c->wide, &c->narrow};
    for (size_t k = 0; k < 2; k++) {
      for (const kl_list *at = parts[k]->next; at != parts[k]; at = at->next) {
        const kl_feed_part *p = KL_CONTAINER(at, kl_feed_part, link);
        if (p->sub && !p->acked && !p->sub->was_ready) return p->sub;
      }
    }
    for (const kl_list *at = kl_feed_channel_covered(c) ? &c->markets : c->markets.next; at != &c->markets;
         at = at->next) {
      const kl_feed_market *m = KL_CONTAINER(at, kl_feed_market, all);
      for (const kl_list *k = m->interests.next; k != &m->interests; k = k->next) {
        kl_feed_sub *s = KL_CONTAINER(k, kl_feed_interest, in_market)->sub;
        if (s && !s->was_ready) return s;
      }
    }
  }
  return NULL;
}

/* Without a valid signature waiting is of no use to those who have seen nothing yet. Where another connection is open
 * the signature is valid, and the refusal is one of this connection. */
void kl_feed_refuse_waiters(kl_feed_link *l, const kl_error *e) {
  kl_feed *f = l->f;
  bool only_here = kl_feed_has_open_link(f);
  for (kl_feed_channel *c = f->books; c; c = c->next) {
    if (only_here && c->link != l) continue;
    for (kl_list *n = c->markets.next; n != &c->markets;) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
      n = n->next; /* failing a book calls nobody yet, so that n stays */
      if (m->book && !m->book->pub.ready) kl_feed_book_fail(m->book, e);
    }
  }
  if (!only_here) {
    kl_feed_subs_fail_all(f, e, true);
    return;
  }
  for (kl_feed_sub *s; (s = sub_waiting_for(l)) != NULL;)
    kl_feed_sub_fail(s, e);
}

/* ---- birth and death ---- */

static void free_feed(kl_feed *f) {
  while (!kl_list_empty(&f->links)) {
    kl_feed_link *l = KL_CONTAINER(f->links.next, kl_feed_link, in_feed);
    kl_list_remove(&l->in_feed);
    kl_feed_link_free(l);
  }
  kl_decoder_free(f->decoder);
  kl_buf_free(&f->out);
  free(f->levels[0]);
  free(f->levels[1]);
  free(f->url);
  free(f->ca_file);
  free(f->path);
  free(f);
}

void kl_feed_handle_closed(uv_handle_t *h) {
  kl_feed *f = h->data;
  if (--f->handles) return;
  void (*closed)(void *) = f->closed;
  void *data = f->closed_data;
  free_feed(f);
  if (closed) closed(data);
}

/* The path of a URL without its query, as it is signed. */
static char *path_of(const char *url) {
  const char *at = strstr(url, "://");
  if (!at) return NULL;
  at = strchr(at + 3, '/');
  return at ? strndup(at, strcspn(at, "?#")) : strdup("/");
}

kl_feed *kl_feed_new(uv_loop_t *loop, const kl_feed_options *o, kl_error *e) {
  if (!o->ws_url || !strstr(o->ws_url, "://")) {
    kl_error_coded(e, KL_ERR_CONFIG, "url_wrong", "the feed's URL \"%s\" has no scheme: give one like wss://host/path",
                   o->ws_url ? o->ws_url : "");
    return NULL;
  }
  kl_feed *f = calloc(1, sizeof *f);
  if (!f) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the feed");
    return NULL;
  }
  f->loop = loop;
  f->o = *o;
  if (!f->o.clock) f->o.clock = kl_clock_real();
  if (f->o.snapshot_timeout_ms <= 0) f->o.snapshot_timeout_ms = 5000;
  if (f->o.command_timeout_ms <= 0) f->o.command_timeout_ms = 10000;
  if (f->o.late_ms <= 0) f->o.late_ms = 2000;
  if (!f->o.max_connections) f->o.max_connections = 16;
  f->url = strdup(o->ws_url);
  f->path = path_of(o->ws_url);
  f->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
  f->decoder = kl_decoder_new();
  kl_list_init(&f->dead);
  kl_list_init(&f->dead_own);
  kl_list_init(&f->dirty);
  kl_list_init(&f->subs);
  kl_list_init(&f->settled);
  kl_list_init(&f->listeners);
  kl_list_init(&f->links);
  kl_list_init(&f->channels);
  f->random = (uint64_t)kl_mono_ns(f->o.clock) ^ (uint64_t)kl_wall_us(f->o.clock) ^
              (f->o.clock->line ? 0 : (uint64_t)(uintptr_t)f);
  if (!f->random) f->random = 1;
  int rc = UV_ENOMEM;
  if (f->url && f->path && f->decoder && (f->ca_file || !o->ca_file)) {
    rc = uv_prepare_init(loop, &f->flush); /* these cannot fail half-way */
    if (!rc) {
      kl_timer_init(loop, &f->tick, f->o.clock);
      f->flush.data = f->tick.uv.data = f;
      f->handles = 2;
    }
  }
  if (rc) {
    kl_error_set(e, KL_ERR_INTERNAL, "the feed could not be set up: %s", uv_strerror(rc));
    free_feed(f);
    return NULL;
  }
  if (!kl_feed_link_new(f)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the feed");
    kl_feed_close(f, NULL, NULL);
    return NULL;
  }
  return f;
}

void kl_feed_close(kl_feed *f, void (*closed)(void *), void *data) {
  if (!f || f->closing) return;
  kl_error e;
  kl_error_set(&e, KL_ERR_CLOSED, "the session was closed");
  f->closed = closed;
  f->closed_data = data;
  f->burst_ns = 0;
  kl_feed_enter(f);
  f->closing = true;
  for (kl_list *n = f->links.next; n != &f->links; n = n->next)
    kl_feed_link_close(KL_CONTAINER(n, kl_feed_link, in_feed));
  for (kl_feed_channel *c = f->books; c; c = c->next) {
    for (kl_list *n = c->markets.next; n != &c->markets;) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
      n = n->next;
      if (m->book) kl_feed_book_fail(m->book, &e);
    }
  }
  kl_feed_subs_fail_all(f, &e, false);
  kl_feed_tell_owners(f);
  uv_close((uv_handle_t *)&f->flush, kl_feed_handle_closed);
  kl_timer_close(&f->tick, kl_feed_handle_closed);
  kl_feed_leave(f);
}

uint64_t kl_feed_channel_messages(const kl_feed *f, size_t i) { return f->by_channel[i]; }

void kl_feed_status_get(const kl_feed *f, kl_feed_status *out) {
  *out = (kl_feed_status){
      .age = -1,
      .delay = (double)f->delay_ms / 1e3,
      .late = f->late,
      .connections_made = f->n_links,
      .reconnects = f->reconnects,
      .messages = f->messages,
      .gaps = f->gaps,
      .malformed = f->malformed,
      .snapshots = f->snapshots,
      .duplicates = f->duplicates,
      .ignored = f->ignored,
      .desyncs = f->desyncs,
      .books = f->n_books,
      .stale_books = f->n_stale,
  };
  bool missing = false;
  for (const kl_list *n = f->links.next; n != &f->links; n = n->next) {
    const kl_feed_link *l = KL_CONTAINER(n, kl_feed_link, in_feed);
    out->bytes += l->old_bytes + (l->ws ? kl_ws_client_bytes(l->ws) : 0);
    if (l->state == KL_LINK_OPEN) {
      out->connections++;
    } else if (kl_feed_link_wanted(l)) {
      missing = true;
    }
    int64_t last = l->ws ? kl_ws_client_last_rx_ns(l->ws) : 0;
    double age = last ? (double)(kl_mono_ns(f->o.clock) - last) / 1e9 : -1;
    if (age > out->age) out->age = age;
  }
  out->wanted = missing || out->connections > 0;
  out->connected = out->connections > 0 && !missing;
  memcpy(out->last_error, f->last_error, sizeof out->last_error);
}

void kl_feed_listen(kl_feed *f, kl_feed_listener *l) { kl_list_append(&f->listeners, &l->link); }
void kl_feed_unlisten(kl_feed_listener *l) { kl_list_remove(&l->link); }
