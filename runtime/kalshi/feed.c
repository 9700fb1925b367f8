/* The feed's connection: sign, connect, come back; and the way of a message from the wire to books and subscriptions.
 */
#include "kalshi/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

enum { TICK_MS = 100, RETRY_MIN_MS = 500, RETRY_MAX_MS = 30000, STEADY_MS = 5000 };

static void connect_now(kl_feed *f);

/* ---- memory that callbacks under way may still look at ---- */

void kl_feed_enter(kl_feed *f) { f->depth++; }

void kl_feed_leave(kl_feed *f) {
  if (--f->depth) return;
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

static bool anything_wanted(const kl_feed *f) {
  for (size_t i = 0; i < f->n_channels; i++) {
    if (f->channels[i]->wanted) return true;
  }
  return false;
}

static void tell_owners(kl_feed *f) {
  kl_feed_subs_settle(f);
  kl_feed_books_tell(f);
}

/* ---- deadlines ---- */

static void on_tick(uv_timer_t *t) {
  kl_feed *f = t->data;
  f->burst_ns = 0;
  int64_t now = kl_feed_now(f);
  bool busy = false;
  kl_feed_enter(f);
  if (f->link == KL_LINK_OPEN) {
    busy = kl_feed_commands_check(f, now);
    if (kl_feed_books_check(f, now)) busy = true;
    for (size_t i = 0; i < f->n_channels; i++) {
      kl_feed_channel *c = f->channels[i];
      if (!c->not_before_ns) continue;
      if (now >= c->not_before_ns) {
        c->not_before_ns = 0;
        kl_feed_channel_touch(c);
      } else {
        busy = true;
      }
    }
  }
  tell_owners(f);
  if (!busy && f->tick_on) {
    f->tick_on = false;
    uv_timer_stop(&f->tick);
  }
  f->burst_ns = 0;
  kl_feed_leave(f);
}

void kl_feed_tick_on(kl_feed *f) {
  if (f->tick_on || f->closing) return;
  f->tick_on = uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS) == 0;
}

/* ---- flush: all that was asked for in one loop turn goes out together ---- */

static void on_flush(uv_prepare_t *p) {
  kl_feed *f = p->data;
  uv_prepare_stop(p);
  f->flush_on = false;
  f->burst_ns = 0;
  kl_feed_enter(f);
  if (f->link == KL_LINK_IDLE && anything_wanted(f)) connect_now(f);
  if (f->link == KL_LINK_OPEN) {
    for (size_t i = 0; i < f->n_channels && f->link == KL_LINK_OPEN; i++) {
      if (f->channels[i]->dirty) kl_feed_channel_flush(f->channels[i]);
    }
  }
  tell_owners(f);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

void kl_feed_wake(kl_feed *f) {
  if (f->flush_on || f->closing) return;
  f->flush_on = uv_prepare_start(&f->flush, on_flush) == 0;
}

/* ---- the way of a message ---- */

/* A message that cannot be read may have been a book's: then the book is wrong from here on. */
static void malformed(kl_feed *f, const char *p, size_t n, const kl_error *e) {
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
  kl_feed_channel *c = f->books;
  int64_t sid = kl_feed_scan_sid(p, n);
  if (!c || !c->sid || (sid && sid != c->sid)) return;
  c->seq = -1; /* whether it had a number is not known */
  kl_feed_books_resync(f);
}

/* Continuity of seq on a subscription. False: the message was here before. Two earlier numbers in order are no repeats:
 * the exchange counts anew, and what came in between is not known. */
static bool in_sequence(kl_feed *f, kl_feed_channel *c, const kl_event *ev) {
  if (!(ev->has & KL_HAS_SEQ)) return true;
  if (c->seq < 0 || ev->seq - c->seq == 1) {
    c->seq = ev->seq;
    c->earlier = 0;
    return true;
  }
  bool back = ev->seq <= c->seq;
  if (back && !(c->earlier && ev->seq - c->earlier == 1)) {
    /* An answer to get_snapshot that repeats the current number shows the state as of it. */
    if (ev->seq == c->seq && ev->type == KL_EV_SNAPSHOT && (ev->has & KL_HAS_ID)) return true;
    c->earlier = ev->seq;
    f->duplicates++;
    return false;
  }
  char detail[160];
  if (back) {
    snprintf(detail, sizeof detail, "%s: seq %" PRId64 " after %" PRId64 ", counted anew", c->name, ev->seq, c->seq);
  } else {
    snprintf(detail, sizeof detail, "%s: seq %" PRId64 " after %" PRId64 ", %" PRId64 " missing", c->name, ev->seq,
             c->seq, ev->seq - c->seq - 1);
  }
  f->gaps++;
  kl_log_warn("feed", "gap on %s", detail);
  c->seq = ev->seq;
  c->earlier = 0;
  if (c->books) kl_feed_books_resync(f);
  kl_feed_tell(f, "gap", detail);
  return true;
}

static void on_data(kl_feed *f, const kl_event *ev, const char *raw, size_t n) {
  kl_feed_channel *c = (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(f, ev->sid) : NULL;
  if (!c) { /* the last words of a subscription that was ended */
    f->ignored++;
    return;
  }
  if (!in_sequence(f, c, ev)) return;
  kl_str ticker = ev->ticker;
  bool has_subs = !kl_list_empty(&c->narrow) || !kl_list_empty(&c->wide);
  if (ev->type == KL_EV_OTHER && !kl_list_empty(&c->narrow)) {
    kl_str value;
    if (!kl_feed_scan_msg(raw, n, "market_ticker", &value) || !kl_feed_scan_unquote(value, &ticker)) {
      ticker = (kl_str){NULL, 0};
    }
  }
  kl_feed_market *m = ticker.n ? kl_feed_market_find(c, ticker.p, ticker.n) : NULL;
  if (c->books) kl_feed_books_message(f, m, ev);
  if (has_subs) kl_feed_subs_message(c, m, ticker.n > 0, ev, raw, n);
}

static void on_message(void *data, const char *p, size_t n) {
  kl_feed *f = data;
  kl_event ev;
  kl_error e;
  f->messages++;
  kl_feed_enter(f);
  if (!kl_wire_decode(f->decoder, p, n, &ev, &e)) {
    malformed(f, p, n, &e);
    kl_feed_leave(f);
    return;
  }
  kl_feed_channel *c;
  switch (ev.type) {
  case KL_EV_SUBSCRIBED:
    kl_feed_on_subscribed(f, &ev);
    break;
  case KL_EV_OK:
  case KL_EV_UNSUBSCRIBED:
  case KL_EV_ERROR:
    /* They count in seq where they carry one, but what they say holds in any case. */
    c = (ev.has & KL_HAS_SID) ? kl_feed_channel_of_sid(f, ev.sid) : NULL;
    if (c) in_sequence(f, c, &ev);
    if (ev.type == KL_EV_OK) {
      kl_feed_on_ok(f, &ev);
    } else if (ev.type == KL_EV_UNSUBSCRIBED) {
      kl_feed_on_unsubscribed(f, &ev);
    } else {
      kl_feed_on_error(f, &ev, p, n);
    }
    break;
  default:
    on_data(f, &ev, p, n);
    break;
  }
  kl_feed_leave(f);
}

static void on_burst_end(void *data) {
  kl_feed *f = data;
  kl_feed_enter(f);
  tell_owners(f);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

/* ---- the connection ---- */

/* All that the exchange knew of us is gone. */
static void forget_link(kl_feed *f) {
  if (f->ws) f->old_bytes += kl_ws_client_bytes(f->ws);
  f->ws = NULL;
  f->n_cmds = 0;
  for (size_t i = 0; i < f->n_channels; i++)
    kl_feed_channel_reset(f->channels[i]);
}

static void on_retry(uv_timer_t *t) {
  kl_feed *f = t->data;
  f->link = KL_LINK_IDLE;
  kl_feed_wake(f);
}

/* First retry after 100 to 300 ms, then from half a second doubling to 30 s, each between half and all of it. */
static void retry_later(kl_feed *f) {
  uint64_t ms = 100 + kl_feed_random(f) % 201;
  if (f->attempts) {
    uint32_t shift = f->attempts - 1 > 6 ? 6 : f->attempts - 1;
    uint64_t most = (uint64_t)RETRY_MIN_MS << shift;
    if (most > RETRY_MAX_MS) most = RETRY_MAX_MS;
    ms = most / 2 + kl_feed_random(f) % (most / 2 + 1);
  }
  if (f->attempts < 1000) f->attempts++;
  f->link = KL_LINK_WAITING;
  int rc = uv_timer_start(&f->retry, on_retry, ms, 0);
  if (rc) kl_log_error("feed", "no timer for the next connection: %s", uv_strerror(rc));
}

/* Without a valid signature waiting is of no use to those who have seen nothing yet. */
static void refuse_waiters(kl_feed *f, const kl_error *e) {
  kl_feed_channel *c = f->books;
  for (kl_list *n = c ? c->markets.next : NULL; n && n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next; /* failing a book calls nobody yet, so that n stays */
    if (m->book && !m->book->pub.ready) kl_feed_book_fail(m->book, e);
  }
  kl_feed_subs_fail_all(f, e, true);
}

/* The connection ended or never came about. */
static void link_lost(kl_feed *f, const kl_error *e, bool refused) {
  int64_t now = kl_feed_now(f);
  bool was_open = f->link == KL_LINK_OPEN;
  if (was_open && now - f->opened_ns >= STEADY_MS * MS) f->attempts = 0;
  kl_feed_note(f, e->message);
  forget_link(f);
  if (refused) {
    kl_log_error("feed", "%s", e->message);
    refuse_waiters(f, e);
  } else {
    kl_log_warn("feed", "%s", e->message);
  }
  if (was_open) kl_feed_tell(f, "disconnected", e->message);
  if (f->closing) return;
  if (anything_wanted(f)) {
    retry_later(f);
  } else {
    f->link = KL_LINK_IDLE;
  }
  tell_owners(f);
}

static void on_open(void *data, int64_t server_date_ms) {
  kl_feed *f = data;
  (void)server_date_ms;
  f->burst_ns = 0;
  kl_feed_enter(f);
  f->link = KL_LINK_OPEN;
  f->opened_ns = kl_feed_now(f);
  if (f->was_open) f->reconnects++;
  f->was_open = true;
  kl_log_info("feed", "connected to %s", f->url);
  for (size_t i = 0; i < f->n_channels; i++)
    kl_feed_channel_touch(f->channels[i]);
  kl_feed_tell(f, "connected", f->url);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

static void on_closed(void *data, const kl_error *e) {
  kl_feed *f = data;
  kl_error own;
  bool key_refused = f->link != KL_LINK_OPEN && (e->status == 401 || e->status == 403);
  /* Nor does waiting help against a certificate that is not trusted. */
  bool refused = key_refused || (f->link != KL_LINK_OPEN && !strcmp(e->kind, KL_ERR_CONFIG));
  if (key_refused) {
    kl_error_set(
        &own, KL_ERR_AUTH,
        "the exchange refused the key at the feed's handshake (HTTP %d): check the key id, that the key belongs "
        "to this environment, and this machine's clock",
        e->status);
    own.status = e->status;
    e = &own;
  }
  f->burst_ns = 0;
  kl_feed_enter(f);
  link_lost(f, e, refused);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

void kl_feed_drop_link(kl_feed *f, const kl_error *e) {
  if (!f->ws) return;
  kl_ws_client *ws = f->ws;
  f->old_bytes += kl_ws_client_bytes(ws);
  f->ws = NULL;
  kl_ws_client_close(ws);
  link_lost(f, e, false);
}

static void open_socket(kl_feed *f, const char *const *headers) {
  kl_error e;
  const kl_ws_client_options o = {
      .url = f->url,
      .headers = headers,
      .ca_file = f->ca_file,
      .data = f,
      .open = on_open,
      .message = on_message,
      .burst_end = on_burst_end,
      .closed = on_closed,
  };
  f->link = KL_LINK_CONNECTING;
  f->ws = kl_ws_client_open(f->loop, &o, &e);
  if (!f->ws) link_lost(f, &e, true);
}

static void on_headers(void *feed, const char *const *headers, const kl_error *e) {
  kl_feed *f = feed;
  f->signing = NULL;
  if (f->closing) return;
  f->burst_ns = 0;
  kl_feed_enter(f);
  if (headers) {
    open_socket(f, headers);
  } else {
    link_lost(f, e, true);
  }
  f->burst_ns = 0;
  kl_feed_leave(f);
}

static void connect_now(kl_feed *f) {
  if (!f->o.sign) {
    static const char *const none[] = {NULL};
    open_socket(f, none);
    return;
  }
  f->link = KL_LINK_SIGNING;
  f->signing = f->o.sign(f->o.sign_data, "GET", f->path, on_headers, f);
  if (!f->signing) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "the handshake of the feed could not be signed: not enough memory");
    link_lost(f, &e, false);
  }
}

/* ---- birth and death ---- */

static void free_feed(kl_feed *f) {
  for (size_t i = 0; i < f->n_channels; i++)
    kl_feed_channel_free(f->channels[i]);
  kl_decoder_free(f->decoder);
  kl_buf_free(&f->out);
  free(f->levels[0]);
  free(f->levels[1]);
  free(f->cmds);
  free(f->url);
  free(f->ca_file);
  free(f->path);
  free(f);
}

static void on_handle_closed(uv_handle_t *h) {
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
    kl_error_set(e, KL_ERR_CONFIG, "the feed's URL \"%s\" has no scheme: give one like wss://host/path",
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
  f->random = (uint64_t)kl_mono_ns(f->o.clock) ^ (uint64_t)kl_wall_us(f->o.clock) ^ (uint64_t)(uintptr_t)f;
  if (!f->random) f->random = 1;
  f->next_id = 1;
  int rc = 0;
  if (f->url && f->path && f->decoder && (f->ca_file || !o->ca_file)) {
    rc = uv_prepare_init(loop, &f->flush);
    if (!rc) rc = uv_timer_init(loop, &f->retry);
    if (!rc) rc = uv_timer_init(loop, &f->tick);
  } else {
    rc = UV_ENOMEM;
  }
  if (rc) { /* libuv's init of these three cannot fail half-way */
    kl_error_set(e, KL_ERR_INTERNAL, "the feed could not be set up: %s", uv_strerror(rc));
    free_feed(f);
    return NULL;
  }
  f->flush.data = f->retry.data = f->tick.data = f;
  f->handles = 3;
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
  if (f->signing && f->o.sign_cancel) f->o.sign_cancel(f->signing);
  f->signing = NULL;
  if (f->ws) kl_ws_client_close(f->ws);
  f->ws = NULL;
  f->link = KL_LINK_IDLE;
  for (size_t i = 0; i < f->n_channels; i++) {
    kl_feed_channel_reset(f->channels[i]);
    for (kl_list *n = f->channels[i]->markets.next; n != &f->channels[i]->markets;) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
      n = n->next;
      if (m->book) kl_feed_book_fail(m->book, &e);
    }
  }
  kl_feed_subs_fail_all(f, &e, false);
  tell_owners(f);
  uv_close((uv_handle_t *)&f->flush, on_handle_closed);
  uv_close((uv_handle_t *)&f->retry, on_handle_closed);
  uv_close((uv_handle_t *)&f->tick, on_handle_closed);
  kl_feed_leave(f);
}

void kl_feed_status_get(const kl_feed *f, kl_feed_status *out) {
  *out = (kl_feed_status){
      .connected = f->link == KL_LINK_OPEN,
      .age = -1,
      .reconnects = f->reconnects,
      .messages = f->messages,
      .bytes = f->old_bytes + (f->ws ? kl_ws_client_bytes(f->ws) : 0),
      .gaps = f->gaps,
      .malformed = f->malformed,
      .snapshots = f->snapshots,
      .duplicates = f->duplicates,
      .ignored = f->ignored,
      .desyncs = f->desyncs,
      .books = f->n_books,
      .stale_books = f->n_stale,
  };
  int64_t last = f->ws ? kl_ws_client_last_rx_ns(f->ws) : 0;
  if (last) out->age = (double)(kl_mono_ns(f->o.clock) - last) / 1e9;
  memcpy(out->last_error, f->last_error, sizeof out->last_error);
}

void kl_feed_listen(kl_feed *f, kl_feed_listener *l) { kl_list_append(&f->listeners, &l->link); }
void kl_feed_unlisten(kl_feed_listener *l) { kl_list_remove(&l->link); }
