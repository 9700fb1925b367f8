/* A book that scripts hold, with the own orders in it; the last lines of the log. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "cli/web_view_impl.h"

typedef bool level_at(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count);

static void add_levels(const kl_book *book, const char *key, level_at *at, kl_buf *b) {
  kl_price price;
  kl_count count;
  kl_json_key(b, key);
  kl_buf_char(b, '[');
  for (size_t i = 0; i < KL_WEB_LEVELS_MOST && at(book, KL_YES, i, &price, &count); i++) {
    kl_buf_str(b, i ? ",[" : "[");
    kl_buf_json_decimal(b, price, KL_PRICE_PLACES);
    kl_buf_char(b, ',');
    kl_buf_json_decimal(b, count, KL_COUNT_PLACES);
    kl_buf_char(b, ']');
  }
  kl_buf_char(b, ']');
}

static void add_own_of(const kl_app_account *x, const char *ticker, size_t *n, kl_buf *b) {
  kl_desk *d = x->desk;
  kl_desk_counts counts = {0};
  size_t seen = 0;
  if (d) kl_desk_counts_get(d, NULL, &counts);
  size_t all = counts.pending + counts.unknown + counts.resting;
  for (const kl_desk_order *o = d ? kl_desk_next(d, NULL, NULL) : NULL; o && seen < all && *n < KL_WEB_OWN_MOST;
       o = kl_desk_next(d, NULL, o)) {
    if (kl_desk_status_final(o->status) || o->renewed) continue;
    seen++;
    if (strcmp(o->ticker, ticker) != 0) continue;
    if ((*n)++) kl_buf_char(b, ',');
    kl_buf_char(b, '{');
    kl_json_field_str(b, "profile", x->profile.name);
    kl_json_field_str(b, "side", o->side == KL_BID ? "bid" : "ask");
    kl_web_price(b, "yes_price", o->yes_price);
    kl_web_count(b, "remaining", o->remaining);
    kl_json_field_str(b, "status", kl_desk_status_name(o->status));
    kl_json_field_str(b, "script", o->party ? kl_party_name(o->party) : "");
    kl_buf_char(b, '}');
  }
}

static void add_own(const kl_web_view *v, const char *ticker, kl_buf *b) {
  size_t n = 0;
  kl_json_key(b, "own");
  kl_buf_char(b, '[');
  for (const kl_app_account *x = &v->app->first; x; x = x->next)
    add_own_of(x, ticker, &n, b);
  kl_buf_char(b, ']');
}

const kl_feed_book *kl_web_held(const kl_web_view *v, const char *ticker, kl_feed **feed) {
  const kl_feed_book *f = NULL;
  for (const kl_app_account *x = &v->app->first; x && !f; x = x->next) {
    *feed = kl_session_feed(x->session);
    f = kl_feed_book_find(*feed, ticker);
  }
  return f;
}

bool kl_web_book(const kl_web_view *v, const char *ticker, kl_buf *b) {
  kl_feed *feed = NULL;
  const kl_feed_book *f = kl_web_held(v, ticker, &feed);
  kl_buf_char(b, '{');
  kl_json_field_str(b, "ticker", ticker);
  kl_json_field_bool(b, "held", f != NULL);
  if (f) {
    double age = kl_feed_book_age(feed, f);
    kl_json_field_bool(b, "ready", f->ready);
    kl_json_field_bool(b, "stale", f->stale);
    if (f->failed)
      kl_json_field_str(b, "error", f->error.message);
    else
      kl_web_null(b, "error");
    if (f->ready && isfinite(age) && age >= 0)
      kl_json_field_int(b, "changed_ms", kl_wall_ms(kl_clock_real()) - llround(age * 1000));
    else
      kl_web_null(b, "changed_ms");
    add_levels(f->book, "bids", kl_book_bid_at, b);
    add_levels(f->book, "asks", kl_book_ask_at, b);
    kl_json_field_int(b, "bid_levels", (int64_t)kl_book_levels(f->book, KL_YES));
    kl_json_field_int(b, "ask_levels", (int64_t)kl_book_levels(f->book, KL_NO));
  }
  add_own(v, ticker, b);
  kl_buf_char(b, '}');
  return f != NULL;
}

/* ---- lines ---- */

typedef struct lines {
  kl_buf *b;
  size_t n, most, from;
} lines;

static bool add_line(void *data, const kl_line *line) {
  lines *x = data;
  kl_buf *b = x->b;
  if (x->n++) kl_buf_char(b, ',');
  kl_buf_char(b, '{');
  kl_json_field_int(b, "number", (int64_t)line->number);
  kl_json_field_int(b, "ts_ms", line->wall_us / 1000);
  kl_json_field_str(b, "level", line->level);
  kl_json_field_str(b, "source", line->source);
  kl_json_key(b, "text");
  kl_buf_json_string(b, line->text, line->n);
  kl_buf_char(b, '}');
  return x->n < x->most && b->len - x->from < KL_WEB_LINES_BYTES && !b->failed;
}

bool kl_web_lines(const kl_web_view *v, const char *source, uint64_t *after, size_t most, kl_buf *b) {
  kl_lines *kept = kl_control_lines(v->app->control);
  lines x = {.b = b, .most = most, .from = b->len};
  uint64_t before = *after, dropped = 0;
  kl_buf_str(b, "{\"lines\":[");
  if (kept) dropped = kl_lines_read(kept, source, after, add_line, &x);
  kl_buf_char(b, ']');
  kl_json_field_int(b, "after", (int64_t)*after);
  kl_json_field_bool(b, "lost", dropped > before);
  kl_buf_char(b, '}');
  return x.n > 0;
}
