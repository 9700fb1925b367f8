#include "kalshi/book_audit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"

enum {
  FAILING_TIMES = 6,   /* as long between two audits while REST gives no books */
  WINDOW_MS = 3000,    /* REST shows a write up to 1.5 s after its acknowledgement */
  RECONNECT_MS = 1000, /* nothing is asked so soon after a connection came */
  CHANGES_MAX = 65536, /* of a book in a window: 1 MiB */
  CHANGES_FIRST = 256,
  STATES_NONE = INT32_MAX
};
#define MS INT64_C(1000000)

/* A change of one level. */
typedef struct change {
  kl_count delta;
  int32_t price;
  uint8_t side;
  bool more; /* the message that the one before it came from goes on: the book was never as it is between the two */
} change;

typedef enum {
  IDLE,     /* the timer runs until the next audit */
  WATCHING, /* changes are kept, REST is not asked yet */
  ASKING,
  SETTLING /* the answer is none of the states so far; the stream may be behind it */
} phase;

struct kl_book_audit {
  kl_book_audit_options o;
  uv_timer_t timer;
  kl_feed_listener listener;
  uint64_t random;
  int64_t connected_ns; /* when a connection came last; 0: none yet */
  kl_book_audit_stats stats;
  bool sign;    /* unsigned questions were refused */
  bool failing; /* the last question got no book */

  phase phase;
  int64_t begun_ns;
  kl_book_watcher watcher;
  kl_feed_book *book; /* not retained: there while the watcher is in its list */
  char ticker[64];
  bool again; /* this is the second question about the book */
  void *asked;
  change *changes;
  size_t n, cap;
  int64_t seq; /* of the last change; -1: it had none */
  bool lost;   /* a change could not be kept */

  kl_book *rest; /* the answer */
  /* For each level the count of a state of the book minus the answer's, and in how many they differ. While SETTLING the
   * state is the present one. */
  kl_count (*differ)[KL_PRICE_ONE];
  uint32_t n_differ;
  uint32_t nearest; /* the least n_differ of all states, and how many changes had been then */
  size_t nearest_at;

  void (*closed)(void *);
  void *closed_data;
};

static void begin(kl_book_audit *a);

/* ---- the end of one audit ---- */

static void wait_for_next(kl_book_audit *a, int64_t ms);

static void release(kl_book_audit *a) {
  kl_feed_unwatch(&a->watcher);
  if (a->asked) a->o.cancel(a->asked);
  a->asked = NULL;
  a->book = NULL;
  free(a->differ);
  a->differ = NULL;
}

static void end(kl_book_audit *a) {
  release(a);
  a->phase = IDLE;
  int64_t passed = (kl_mono_ns(a->o.clock) - a->begun_ns) / MS;
  int64_t every = a->failing ? a->o.every_ms * FAILING_TIMES : a->o.every_ms;
  wait_for_next(a, passed < every ? every - passed : 0);
}

static void undecided(kl_book_audit *a, const char *why) {
  a->stats.undecided++;
  kl_log_debug("audit", "%s: no verdict: %s", a->ticker, why);
  end(a);
}

static void agreed(kl_book_audit *a) {
  a->stats.audits++;
  kl_log_debug("audit", "%s is as REST says (%zu changes while it was watched)", a->ticker, a->n);
  end(a);
}

/* ---- the answer against the states ---- */

static void shift(kl_book_audit *a, const change *c, kl_count by) {
  kl_count *level = &a->differ[c->side][c->price];
  bool before = *level != 0;
  *level += by;
  bool after = *level != 0;
  if (after && !before) a->n_differ++;
  if (before && !after) a->n_differ--;
}

/* The state after the first `i` changes, which is the one in `differ`. */
static void look_at_state(kl_book_audit *a, size_t i) {
  if (a->n_differ >= a->nearest) return;
  a->nearest = a->n_differ;
  a->nearest_at = i;
}

static void add_levels(kl_book_audit *a, const kl_book *b, kl_count sign) {
  for (int side = 0; side < 2; side++) {
    kl_price price;
    kl_count count;
    for (size_t i = 0; kl_book_bid_at(b, (kl_outcome)side, i, &price, &count); i++)
      shift(a, &(change){.price = (int32_t)price, .side = (uint8_t)side}, sign * count);
  }
}

/* Whether the answer is any state of the window so far; `differ` is then at the present. */
static bool is_any_state(kl_book_audit *a) {
  memset(a->differ, 0, sizeof *a->differ * 2);
  a->n_differ = 0;
  a->nearest = STATES_NONE;
  add_levels(a, a->book->book, 1);
  add_levels(a, a->rest, -1);
  look_at_state(a, a->n);
  for (size_t i = a->n; i-- > 0;) {
    shift(a, &a->changes[i], -a->changes[i].delta);
    if (!a->changes[i].more) look_at_state(a, i);
  }
  for (size_t i = 0; i < a->n; i++)
    shift(a, &a->changes[i], a->changes[i].delta);
  return a->nearest == 0;
}

/* Names the best level that differs in the nearest state. */
static void describe(kl_book_audit *a, char *out, size_t cap) {
  for (size_t i = a->n; i-- > a->nearest_at;)
    shift(a, &a->changes[i], -a->changes[i].delta);
  for (int side = 0; side < 2; side++) {
    for (int price = KL_PRICE_ONE - 1; price > 0; price--) {
      if (!a->differ[side][price]) continue;
      char at[32], here[32], there[32];
      kl_count rest = kl_book_count_at(a->rest, (kl_outcome)side, price);
      kl_decimal_format(at, sizeof at, price, KL_PRICE_PLACES);
      kl_decimal_format(here, sizeof here, rest + a->differ[side][price], KL_COUNT_PLACES);
      kl_decimal_format(there, sizeof there, rest, KL_COUNT_PLACES);
      snprintf(out, cap,
               "%s is not as REST says: %s bids at %s are %s here and %s there, and %" PRIu32 " other levels differ",
               a->ticker, side == KL_YES ? "YES" : "NO", at, here, there, a->nearest - 1);
      return;
    }
  }
  snprintf(out, cap, "%s is not as REST says", a->ticker);
}

static void ask(kl_book_audit *a);

/* The time in which the stream might have shown what REST said is over. */
static void disagreed(kl_book_audit *a) {
  if (!a->again) {
    a->again = true;
    ask(a);
    return;
  }
  char text[256];
  describe(a, text, sizeof text);
  a->stats.audits++;
  a->stats.differences++;
  kl_log_warn("audit", "%s: asking for a snapshot", text);
  kl_feed_book *b = a->book;
  end(a);
  kl_feed_book_distrust(b, "audit", text);
}

/* ---- REST ---- */

/* One side of an answer: [["0.3800","45.50"], …]; null and absent are an empty side. */
static bool read_side(const json_t *book, const char *name, kl_level **out, size_t *n) {
  const json_t *array = json_object_get(book, name);
  size_t size = json_array_size(array);
  *n = 0;
  *out = NULL;
  if (array && !json_is_null(array) && !json_is_array(array)) return false;
  if (!size) return true;
  if (size >= KL_PRICE_ONE || !(*out = calloc(size, sizeof **out))) return false;
  for (size_t i = 0; i < size; i++) {
    const json_t *level = json_array_get(array, i);
    const json_t *price = json_array_get(level, 0), *count = json_array_get(level, 1);
    int64_t at, many;
    if (!json_is_string(price) || !json_is_string(count)) return false;
    if (!kl_decimal_parse(json_string_value(price), json_string_length(price), KL_PRICE_PLACES, &at)) return false;
    if (!kl_decimal_parse(json_string_value(count), json_string_length(count), KL_COUNT_PLACES, &many)) return false;
    if (at <= 0 || at >= KL_PRICE_ONE) return false;
    if (many) (*out)[(*n)++] = (kl_level){(int32_t)at, many};
  }
  return true;
}

static bool read_answer(kl_book_audit *a, const kl_http_response *res) {
  json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
  const json_t *book = json_object_get(root, "orderbook_fp");
  kl_level *yes = NULL, *no = NULL;
  size_t n_yes = 0, n_no = 0;
  bool ok = json_is_object(book) && read_side(book, "yes_dollars", &yes, &n_yes) &&
            read_side(book, "no_dollars", &no, &n_no) && kl_book_snapshot(a->rest, yes, n_yes, no, n_no);
  free(yes);
  free(no);
  json_decref(root);
  return ok;
}

/* Said once, until it works again. */
static void no_book(kl_book_audit *a, const char *why) {
  if (!a->failing) kl_log_warn("audit", "books cannot be compared with REST: %s", why);
  a->failing = true;
  undecided(a, why);
}

static bool is_gone(const kl_book_audit *a) { return kl_list_empty(&a->watcher.link); }

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_book_audit *a = data;
  a->asked = NULL;
  if (is_gone(a)) {
    undecided(a, "the book was closed");
  } else if (e && (e->status == 401 || e->status == 403) && !a->sign) {
    a->sign = true;
    ask(a);
  } else if (e && e->status == 404) {
    undecided(a, "REST does not know the market");
  } else if (e) {
    no_book(a, e->message);
  } else if (!read_answer(a, res)) {
    no_book(a, "the answer is not an order book");
  } else if (!a->differ && !(a->differ = calloc(2, sizeof *a->differ))) {
    undecided(a, "out of memory");
  } else {
    a->failing = false;
    if (is_any_state(a)) {
      agreed(a);
    } else {
      a->phase = SETTLING;
      wait_for_next(a, a->o.window_ms);
    }
  }
}

static void ask(kl_book_audit *a) {
  a->phase = ASKING;
  a->asked = a->o.ask(a->o.data, a->ticker, a->sign, answered, a);
  if (a->asked) {
    uv_timer_stop(&a->timer);
  } else {
    undecided(a, "others need the tokens");
  }
}

/* ---- the book ---- */

static void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  kl_book_audit *a = w->data;
  if (b->stale || b->failed) {
    undecided(a, "the book became stale");
  } else if (a->lost) {
    undecided(a, "the book changes too often");
  } else if (a->phase == SETTLING) {
    look_at_state(a, a->n);
    if (!a->nearest) agreed(a);
  }
}

static bool keep_change(kl_book_audit *a, const change *c) {
  if (a->n == a->cap) {
    size_t cap = a->cap ? a->cap * 2 : CHANGES_FIRST;
    if (cap > a->o.changes_max) cap = a->o.changes_max;
    if (cap == a->cap) return false;
    change *grown = realloc(a->changes, cap * sizeof *grown);
    if (!grown) return false;
    a->changes = grown;
    a->cap = cap;
  }
  a->changes[a->n++] = *c;
  return true;
}

static void on_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  kl_book_audit *a = w->data;
  (void)b;
  change c = {.delta = ev->delta.delta, .price = (int32_t)own_price, .side = (uint8_t)ev->delta.side};
  int64_t seq = (ev->has & KL_HAS_SEQ) ? ev->seq : -1;
  c.more = a->n > 0 && seq >= 0 && seq == a->seq;
  a->seq = seq;
  if (a->lost) return;
  if (a->phase == SETTLING) {
    if (!c.more) look_at_state(a, a->n); /* the verdict waits for the end of the burst */
    shift(a, &c, c.delta);
  }
  a->lost = !keep_change(a, &c);
}

/* ---- the course of things ---- */

static void on_timer(uv_timer_t *t) {
  kl_book_audit *a = t->data;
  if (a->phase == IDLE) {
    begin(a);
  } else if (is_gone(a)) {
    undecided(a, "the book was closed");
  } else if (a->phase == WATCHING) {
    ask(a);
  } else {
    disagreed(a);
  }
}

static void wait_for_next(kl_book_audit *a, int64_t ms) { uv_timer_start(&a->timer, on_timer, (uint64_t)ms, 0); }

static uint64_t next_random(kl_book_audit *a) { /* xorshift64 */
  a->random ^= a->random << 13;
  a->random ^= a->random >> 7;
  a->random ^= a->random << 17;
  return a->random;
}

static void begin(kl_book_audit *a) {
  int64_t now = kl_mono_ns(a->o.clock);
  int64_t connected_ms = (now - a->connected_ns) / MS;
  if (connected_ms < RECONNECT_MS) {
    wait_for_next(a, RECONNECT_MS - connected_ms);
    return;
  }
  kl_feed_book *b = kl_feed_book_sample(a->o.feed, next_random(a));
  if (!b) {
    wait_for_next(a, a->o.every_ms);
    return;
  }
  a->begun_ns = now;
  a->book = b;
  memcpy(a->ticker, b->ticker, sizeof a->ticker);
  a->n = 0;
  a->seq = -1;
  a->again = a->lost = false;
  kl_feed_watch(b, &a->watcher);
  a->phase = WATCHING;
  wait_for_next(a, a->o.window_ms);
}

static void on_status(void *data, const char *what, const char *detail) {
  kl_book_audit *a = data;
  (void)detail;
  if (strcmp(what, "connected") != 0) return;
  bool first = !a->connected_ns;
  a->connected_ns = kl_mono_ns(a->o.clock);
  if (first) wait_for_next(a, a->o.every_ms);
}

/* ---- life ---- */

kl_book_audit *kl_book_audit_new(uv_loop_t *loop, const kl_book_audit_options *o) {
  kl_book_audit *a = calloc(1, sizeof *a);
  kl_book *rest = a ? kl_book_new() : NULL;
  if (!rest) {
    free(a);
    return NULL;
  }
  a->o = *o;
  a->rest = rest;
  if (!a->o.window_ms) a->o.window_ms = WINDOW_MS;
  if (!a->o.changes_max) a->o.changes_max = CHANGES_MAX;
  a->random = ((uint64_t)kl_mono_ns(o->clock) ^ (uint64_t)kl_wall_us(o->clock)) | 1;
  kl_list_init(&a->watcher.link);
  a->watcher.data = a;
  a->watcher.changed = on_changed;
  a->watcher.delta = on_delta;
  uv_timer_init(loop, &a->timer);
  uv_unref((uv_handle_t *)&a->timer);
  a->timer.data = a;
  a->listener.data = a;
  a->listener.status = on_status;
  kl_feed_listen(o->feed, &a->listener);
  return a;
}

static void timer_closed(uv_handle_t *h) {
  kl_book_audit *a = h->data;
  void (*closed)(void *) = a->closed;
  void *data = a->closed_data;
  kl_book_free(a->rest);
  free(a->changes);
  free(a);
  if (closed) closed(data);
}

void kl_book_audit_close(kl_book_audit *a, void (*closed)(void *), void *data) {
  if (!a) return;
  a->closed = closed;
  a->closed_data = data;
  release(a);
  kl_feed_unlisten(&a->listener);
  uv_close((uv_handle_t *)&a->timer, timer_closed);
}

void kl_book_audit_stats_get(const kl_book_audit *a, kl_book_audit_stats *out) {
  *out = a ? a->stats : (kl_book_audit_stats){0, 0, 0};
}
