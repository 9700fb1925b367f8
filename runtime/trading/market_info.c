/* A market is known once its own row, that of its event and that of its series were read: three kinds of record, each
 * read once for all that need it. */
#include "trading/market_info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "base/map.h"
#include "base/timer.h"
#include "trading/market_rows.h"

#define SECOND_NS INT64_C(1000000000)

enum {
  TICK_MS = 1000,
  FAILED_MS = 1500, /* how long an error is remembered */
  USED_S = 600,     /* what nobody asked for so long is not kept fresh */
  MARKET_S = 300,   /* and what is, is read again after so long */
  CLOSED_S = 30,    /* the same between the close and the settlement */
  EVENT_S = 600,    /* events and series */
  AGAIN_S = 30,     /* after a read that failed, while there is an old one */
  MOST = 4096       /* records, before those that nobody uses go */
};

typedef enum { OF_MARKET, OF_EVENT, OF_SERIES } record_kind;

typedef struct record {
  kl_market_infos *m;
  record_kind kind;
  char ticker[64];
  kl_list link; /* in all */
  kl_call *call;
  bool again;         /* what is on its way may be too old */
  bool known;         /* the row was read once */
  int64_t read_ns;    /* when it was asked for */
  int64_t asked_ns;   /* when what is on its way was */
  int64_t failed_ns;  /* 0: it did not, or has been read since */
  kl_error error;     /* of then */
  kl_list needed_by;  /* markets that wait for this event or series */
  kl_event_row event; /* or */
  kl_series_row series;
  /* a market's: */
  kl_list needs; /* in needed_by */
  bool complete; /* its event and series are known, too */
  int64_t used_ns;
  kl_list waiters;
  kl_list due; /* in kl_market_infos.due */
  kl_market_info info;
} record;

struct kl_market_infos {
  kl_session *s;
  kl_map *by_key;
  kl_list all;
  size_t count;
  kl_list due;           /* of records: their waiters are told */
  kl_list without;       /* of waiters for whom there was no memory */
  kl_timer *soon, *tick; /* owned; freed when they are closed */
};

static int64_t now_ns(const kl_market_infos *m) { return kl_mono_ns(kl_session_clock(m->s)); }

/* ---- records ---- */

enum { KEY_MAX = 66 };
static size_t key_of(record_kind kind, const char *ticker, char out[KEY_MAX]) {
  size_t n = strnlen(ticker, 64);
  out[0] = "mes"[kind];
  memcpy(out + 1, ticker, n);
  return n + 1;
}

static record *find(const kl_market_infos *m, record_kind kind, const char *ticker) {
  char key[KEY_MAX];
  size_t n = key_of(kind, ticker, key);
  return n < KEY_MAX - 1 ? kl_map_get(m->by_key, key, n) : NULL;
}

static void forget(record *r) {
  char key[KEY_MAX];
  if (r->call) kl_call_cancel(r->call);
  kl_map_remove(r->m->by_key, key, key_of(r->kind, r->ticker, key));
  kl_list_remove(&r->link);
  kl_list_remove(&r->needs);
  kl_list_remove(&r->due);
  r->m->count--;
  free(r);
}

/* Nobody waits for it, and nothing is on its way. */
static bool idle(const record *r) {
  return !r->call && kl_list_empty(&r->waiters) && kl_list_empty(&r->needed_by) && kl_list_empty(&r->needs);
}

static void make_room(kl_market_infos *m, const record *but) {
  int64_t old = now_ns(m) - USED_S * SECOND_NS;
  for (kl_list *n = m->all.next; m->count >= MOST && n != &m->all;) {
    record *r = KL_CONTAINER(n, record, link);
    n = n->next;
    if (r != but && idle(r) && r->used_ns < old && r->read_ns < old) forget(r);
  }
}

/* Made where there is none; NULL when out of memory. */
static record *get_record(kl_market_infos *m, record_kind kind, const char *ticker, const record *needing) {
  char key[KEY_MAX];
  record *r = find(m, kind, ticker);
  if (r) return r;
  make_room(m, needing);
  r = calloc(1, sizeof *r);
  if (!r || !kl_map_set(m->by_key, key, key_of(kind, ticker, key), r)) {
    free(r);
    return NULL;
  }
  r->m = m;
  r->kind = kind;
  memcpy(r->ticker, ticker, strlen(ticker) + 1);
  kl_list_init(&r->needed_by);
  kl_list_init(&r->needs);
  kl_list_init(&r->waiters);
  kl_list_init(&r->due);
  kl_list_append(&m->all, &r->link);
  m->count++;
  return r;
}

/* ---- telling ---- */

static void on_soon(uv_timer_t *t);

static void tell_soon(record *r) {
  if (kl_list_empty(&r->due)) kl_list_append(&r->m->due, &r->due);
  kl_timer_start(r->m->soon, on_soon, 0, 0);
}

static void tell(kl_list *waiters, const kl_market_info *info, const kl_error *e) {
  while (!kl_list_empty(waiters)) {
    kl_market_waiter *w = KL_CONTAINER(waiters->next, kl_market_waiter, link);
    kl_list_remove(&w->link);
    w->done(w, info, e);
  }
}

static void on_soon(uv_timer_t *t) {
  kl_market_infos *m = t->data;
  kl_list records, waiters;
  kl_error e;
  kl_list_move(&records, &m->due);
  while (!kl_list_empty(&records)) {
    record *r = KL_CONTAINER(records.next, record, due);
    kl_list_remove(&r->due);
    /* Copies: whoever is told may have it forgotten. */
    bool complete = r->complete;
    kl_market_info info = r->info;
    e = r->error;
    kl_list_move(&waiters, &r->waiters);
    tell(&waiters, complete ? &info : NULL, complete ? NULL : &e);
  }
  kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory to read what is known of a market");
  kl_list_move(&waiters, &m->without);
  tell(&waiters, NULL, &e);
}

static void market_failed(record *r, const kl_error *e) {
  kl_list_remove(&r->needs);
  r->error = *e;
  r->failed_ns = now_ns(r->m);
  if (!kl_list_empty(&r->waiters)) tell_soon(r);
}

static void failed(record *r, const kl_error *e) {
  if (r->known)
    kl_log_debug("markets", "%s could not be read again, and what is known of it gets old: %s", r->ticker, e->message);
  r->error = *e;
  r->failed_ns = now_ns(r->m);
  while (!kl_list_empty(&r->needed_by))
    market_failed(KL_CONTAINER(r->needed_by.next, record, needs), e);
  if (r->kind == OF_MARKET) market_failed(r, e);
}

/* ---- reading ---- */

static void advance(record *r);

static bool remembers_failure(const record *r) {
  return r->failed_ns && now_ns(r->m) - r->failed_ns < FAILED_MS * INT64_C(1000000);
}

/* Of the market's event and series, where they are known. */
static void merge(record *r) {
  const record *event = find(r->m, OF_EVENT, r->info.event_ticker);
  const record *series = event && event->known ? find(r->m, OF_SERIES, event->event.series_ticker) : NULL;
  if (!series || !series->known) return;
  memcpy(r->info.series_ticker, event->event.series_ticker, sizeof r->info.series_ticker);
  memcpy(r->info.event_title, event->event.title, sizeof r->info.event_title);
  r->info.exclusive = event->event.exclusive;
  r->info.fee_type = event->event.has_fee_type ? event->event.fee_type : series->series.fee_type;
  r->info.fee_multiplier_ppm =
      event->event.has_fee_multiplier ? event->event.fee_multiplier_ppm : series->series.fee_multiplier_ppm;
  r->complete = true;
}

static void merge_all(kl_market_infos *m) {
  for (kl_list *n = m->all.next; n != &m->all; n = n->next) {
    record *r = KL_CONTAINER(n, record, link);
    if (r->kind == OF_MARKET && r->complete) merge(r);
  }
}

/* An event or a series that the exchange does not show (of some combinations) has no say. */
static bool is_absent(record *r, const kl_error *e) {
  if (!e || e->status != 404 || r->kind == OF_MARKET) return false;
  kl_log_warn("markets", "%s %s is not shown by the exchange: %s", r->kind == OF_EVENT ? "event" : "series", r->ticker,
              r->kind == OF_EVENT ? "its markets are taken for independent ones"
                                  : "fees are taken to be the usual ones");
  if (r->kind == OF_EVENT)
    kl_event_row_absent(&r->event, r->ticker);
  else
    kl_series_row_absent(&r->series);
  return true;
}

static bool read_row(record *r, const kl_http_response *res, kl_error *e) {
  switch (r->kind) {
  case OF_MARKET:
    return kl_market_row_read(&r->info, res->body, res->body_len, e);
  case OF_EVENT:
    return kl_event_row_read(&r->event, res->body, res->body_len, e);
  default:
    return kl_series_row_read(&r->series, res->body, res->body_len, e);
  }
}

static bool ask(record *r);

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  record *r = data;
  kl_error odd;
  r->call = NULL;
  if (r->again && (!e || e->retryable)) {
    r->again = false;
    (void)ask(r);
    return;
  }
  r->again = false;
  if (!is_absent(r, e)) {
    if (!e && !read_row(r, res, &odd)) e = &odd;
    if (e) {
      failed(r, e);
      return;
    }
  }
  r->known = true;
  r->read_ns = r->asked_ns;
  r->failed_ns = 0;
  if (r->kind == OF_MARKET) {
    r->info.read_ns = r->asked_ns;
    advance(r);
    return;
  }
  merge_all(r->m);
  kl_list waiting;
  kl_list_move(&waiting, &r->needed_by);
  while (!kl_list_empty(&waiting)) {
    record *market = KL_CONTAINER(waiting.next, record, needs);
    kl_list_remove(&market->needs);
    advance(market);
  }
}

/* False: it could not be asked for, and has failed. */
static bool ask(record *r) {
  static const char *const operations[] = {"GetMarket", "GetEvent", "GetSeries"};
  static const char *const paths[] = {"/markets/", "/events/", "/series/"};
  kl_error e;
  char path[96];
  if (r->call) return true;
  snprintf(path, sizeof path, "%s%s", paths[r->kind], r->ticker);
  kl_call_request q = {.op = kl_operation_find(operations[r->kind]), .path = path, .urgent = true};
  r->asked_ns = now_ns(r->m);
  r->call = kl_session_call(r->m->s, &q, answered, r, &e);
  if (!r->call) failed(r, &e);
  return r->call != NULL;
}

/* The market waits until `other` is known. False when that cannot be, and the market has failed. */
static bool need(record *r, record *other) {
  kl_error e;
  if (!other) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory to read what is known of %s", r->ticker);
    market_failed(r, &e);
    return false;
  }
  if (other->known) {
    bool old = now_ns(r->m) - other->read_ns > EVENT_S * SECOND_NS;
    if (old && !remembers_failure(other)) (void)ask(other);
    return true;
  }
  if (remembers_failure(other)) {
    market_failed(r, &other->error);
    return false;
  }
  kl_list_append(&other->needed_by, &r->needs);
  (void)ask(other);
  return false;
}

/* Its next step towards being complete. */
static void advance(record *r) {
  if (!kl_list_empty(&r->needs)) return;
  if (!r->known) {
    (void)ask(r);
    return;
  }
  record *event = get_record(r->m, OF_EVENT, r->info.event_ticker, r);
  if (!need(r, event)) return;
  char series[64];
  memcpy(series, event->event.series_ticker, sizeof series); /* the event may make room */
  if (!need(r, get_record(r->m, OF_SERIES, series, r))) return;
  merge(r);
  if (!kl_list_empty(&r->waiters)) tell_soon(r);
}

/* ---- keeping it fresh ---- */

static bool is_final(const kl_market_info *i) { return !strcmp(i->status, "finalized"); }

static bool is_old(const record *r, int64_t now, int64_t exchange_ms) {
  int64_t age_s = (now - r->read_ns) / SECOND_NS, read_ms = exchange_ms - (now - r->read_ns) / 1000000;
  const int64_t times[] = {r->info.open_ms, r->info.close_ms};
  if (is_final(&r->info)) return false;
  if (age_s >= MARKET_S || (r->info.close_ms && read_ms > r->info.close_ms && age_s >= CLOSED_S)) return true;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    if (times[i] > read_ms && times[i] + 1000 <= exchange_ms) return true; /* reads lag behind by a second */
  return false;
}

static void on_tick(uv_timer_t *t) {
  kl_market_infos *m = t->data;
  int64_t now = now_ns(m), exchange_ms = kl_session_timestamp_ms(m->s);
  for (kl_list *n = m->all.next; n != &m->all; n = n->next) {
    record *r = KL_CONTAINER(n, record, link);
    if (r->kind != OF_MARKET || !r->complete || r->call || now - r->used_ns > USED_S * SECOND_NS) continue;
    if (r->failed_ns && now - r->failed_ns < AGAIN_S * SECOND_NS) continue;
    if (is_old(r, now, exchange_ms)) (void)ask(r);
  }
}

/* ---- asking ---- */

const kl_market_info *kl_market_info_get(const kl_market_infos *m, const char *ticker) {
  record *r = find(m, OF_MARKET, ticker);
  if (!r) return NULL;
  r->used_ns = now_ns(m);
  return r->complete ? &r->info : NULL;
}

bool kl_market_info_on_grid(const kl_market_info *i, kl_price p) {
  if (p <= 0 || p >= KL_PRICE_ONE) return false;
  for (int k = 0; k < i->n_bands; k++) {
    const kl_price_band *b = &i->bands[k];
    if (p >= b->start && p <= b->end && (p - b->start) % b->step == 0) return true;
  }
  return false;
}

/* At least two places, as people write cents. */
static void show_price(kl_price p, char out[32]) { kl_decimal_short(out, p, KL_PRICE_PLACES, 2); }

void kl_market_info_steps(const kl_market_info *i, char out[KL_INFO_STEPS]) {
  size_t len = 0;
  out[0] = 0;
  for (int k = 0; k < i->n_bands && len < KL_INFO_STEPS; k++) {
    char from[32], to[32], step[32];
    show_price(i->bands[k].start, from);
    show_price(i->bands[k].end, to);
    show_price(i->bands[k].step, step);
    len += (size_t)snprintf(out + len, KL_INFO_STEPS - len, "%s%s from %s to %s", k ? ", " : "", step, from, to);
  }
}

/* Not a ticker: it would not go into a path. */
static bool is_ticker(const char *s) {
  size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
  return n > 0 && n < 64 && !s[n];
}

void kl_market_info_want(kl_market_infos *m, const char *ticker, kl_market_waiter *w) {
  record *r = is_ticker(ticker) ? get_record(m, OF_MARKET, ticker, NULL) : get_record(m, OF_MARKET, "", NULL);
  if (!r) {
    kl_list_append(&m->without, &w->link);
    kl_timer_start(m->soon, on_soon, 0, 0);
    return;
  }
  kl_list_append(&r->waiters, &w->link);
  r->used_ns = now_ns(m);
  if (!r->ticker[0]) {
    kl_error_coded(&r->error, KL_ERR_VALIDATION, "no_such_market", "\"%.63s\" is not the ticker of a market", ticker);
    tell_soon(r);
  } else if (r->complete || remembers_failure(r))
    tell_soon(r);
  else
    advance(r);
}

void kl_market_info_leave(kl_market_waiter *w) { kl_list_remove(&w->link); }

static void refresh(record *r) {
  if (!r || (!r->known && !r->call)) return;
  r->again = r->call != NULL;
  (void)ask(r);
}

void kl_market_info_refresh(kl_market_infos *m, const char *ticker) { refresh(find(m, OF_MARKET, ticker)); }
void kl_market_info_refresh_event(kl_market_infos *m, const char *event_ticker) {
  refresh(find(m, OF_EVENT, event_ticker));
}

/* ---- life ---- */

static void timer_closed(uv_handle_t *h) { free(h); }

static kl_timer *timer_new(kl_market_infos *m) {
  kl_timer *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  kl_timer_init(kl_session_loop(m->s), t, kl_session_clock(m->s));
  t->uv.data = m;
  return t;
}

static void timer_free(kl_timer *t) {
  if (t) kl_timer_close(t, timer_closed);
}

kl_market_infos *kl_market_infos_new(kl_session *s) {
  kl_market_infos *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->s = s;
  kl_list_init(&m->all);
  kl_list_init(&m->due);
  kl_list_init(&m->without);
  m->by_key = kl_map_new();
  m->soon = timer_new(m);
  m->tick = timer_new(m);
  if (!m->by_key || !m->soon || !m->tick) {
    kl_market_infos_free(m);
    return NULL;
  }
  kl_timer_start(m->tick, on_tick, TICK_MS, TICK_MS);
  uv_unref((uv_handle_t *)&m->tick->uv);
  return m;
}

void kl_market_infos_free(kl_market_infos *m) {
  kl_error e;
  if (!m) return;
  timer_free(m->soon);
  timer_free(m->tick);
  kl_error_set(&e, KL_ERR_CLOSED, "what is known of markets is read no longer");
  for (kl_list *n = m->all.next; n != &m->all;) {
    record *r = KL_CONTAINER(n, record, link);
    n = n->next;
    kl_list waiters;
    kl_list_move(&waiters, &r->waiters);
    kl_list_remove(&r->needs);
    tell(&waiters, NULL, &e);
  }
  tell(&m->without, NULL, &e);
  for (kl_list *n = m->all.next; n != &m->all;) {
    record *r = KL_CONTAINER(n, record, link);
    n = n->next;
    forget(r);
  }
  kl_map_free(m->by_key);
  free(m);
}
