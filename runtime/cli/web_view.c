#include "cli/web_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "cli/web_view_impl.h"
#include "monitor/page.h"

enum {
  QUICK_MS = 250, /* of the tick while somebody reads a stream */
  SLOW_MS = 1000, /* and while nobody does; also how often what moves all the time is told */
  LINES_AT_FIRST = 300,
  POINTS_DEFAULT = 600,
  POINTS_MOST = 2400
};
#define MS INT64_C(1000000)

/* Somebody who reads the stream. */
typedef struct web_stream {
  kl_list link;
  kl_web_view *v;
  kl_monitor_stream *s;
  uint64_t state, orders, positions, fills; /* versions that it was told */
  char book[64];                            /* "": none */
  bool book_told, book_held;
  uint64_t book_changes, book_orders;
  bool book_stale;
  int64_t book_ns;
  uint64_t line; /* the last one that it was told */
} web_stream;

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- what happens ---- */

static void order_changed(void *data, const kl_desk_order *o) {
  kl_web_view *v = ((kl_web_account *)data)->v;
  (void)o;
  v->orders_changed = true;
  v->orders_version++;
}

static void filled(void *data, kl_party *p, const kl_account_fill *f) {
  const kl_web_account *at_account = data;
  kl_web_view *v = at_account->v;
  size_t at = (v->fills_first + v->n_fills) % KL_WEB_FILLS_KEPT;
  if (v->n_fills == KL_WEB_FILLS_KEPT)
    v->fills_first = (v->fills_first + 1) % KL_WEB_FILLS_KEPT;
  else
    v->n_fills++;
  kl_web_fill *x = &v->fills[at];
  *x = (kl_web_fill){.of_script = p != NULL,
                     .is_taker = f->is_taker,
                     .side = f->side,
                     .yes_price = f->yes_price,
                     .count = f->count,
                     .fee = f->fee,
                     .ts_ms = f->ts_ms};
  memcpy(x->trade_id, f->trade_id, sizeof x->trade_id);
  memcpy(x->order_id, f->order_id, sizeof x->order_id);
  memcpy(x->ticker, f->ticker, sizeof x->ticker);
  memcpy(x->profile, at_account->of->profile.name, sizeof x->profile);
  if (p) snprintf(x->script, sizeof x->script, "%s", kl_party_name(p));
  v->fills_changed = true;
}

/* ---- samples of the profit ---- */

static kl_web_series *series_of(kl_web_view *v, const kl_app_account *x, const kl_party *p) {
  for (kl_list *n = v->series.next; n != &v->series; n = n->next) {
    kl_web_series *s = KL_CONTAINER(n, kl_web_series, link);
    if (s->of == x && s->party == p) return s;
  }
  kl_web_series *s = calloc(1, sizeof *s);
  if (s) s->samples = kl_samples_new();
  if (!s || !s->samples) {
    free(s);
    return NULL;
  }
  s->of = x;
  s->party = p;
  kl_list_init(&s->link);
  kl_list_append(&v->series, &s->link);
  return s;
}

static void sample_one(kl_web_view *v, const kl_app_account *x, const kl_party *p, const kl_portfolio *from,
                       int64_t wall_ms) {
  kl_portfolio_totals t;
  kl_web_series *s = series_of(v, x, p);
  kl_portfolio_totals_get(from, &t);
  /* Nothing is drawn before there is something to draw. */
  if (s && (t.fills || t.open || t.profit || kl_samples_count(s->samples)))
    kl_samples_add(s->samples, wall_ms, t.profit);
}

static void sample(kl_web_view *v) {
  int64_t wall_ms = kl_wall_ms(kl_clock_real());
  for (const kl_app_account *x = &v->app->first; x; x = x->next) {
    kl_desk *d = x->desk;
    if (!d) continue;
    sample_one(v, x, NULL, kl_desk_portfolio(d), wall_ms);
    for (kl_party *p = kl_desk_party_next(d, NULL); p; p = kl_desk_party_next(d, p))
      sample_one(v, x, p, kl_party_portfolio(p), wall_ms);
  }
}

typedef struct points {
  kl_buf *b;
  size_t n;
} points;

static void add_point(void *data, int64_t wall_ms, int64_t value) {
  points *x = data;
  kl_buf_str(x->b, x->n++ ? ",[" : "[");
  kl_buf_int(x->b, wall_ms);
  kl_buf_char(x->b, ',');
  kl_buf_json_decimal(x->b, value, KL_MONEY_PLACES);
  kl_buf_char(x->b, ']');
}

/* ---- single questions ---- */

static void as_json(kl_monitor_answer *a) { a->type = "application/json"; }

static void refuse(kl_monitor_answer *a, int status, const char *code, const char *message) {
  a->status = status;
  as_json(a);
  kl_buf_str(&a->body, "{\"error\":{");
  kl_json_field_str(&a->body, "code", code);
  kl_json_field_str(&a->body, "message", message);
  kl_buf_str(&a->body, "}}");
}

/* A whole number of the query; false after a refusal. */
static bool number_arg(const kl_monitor_request *r, kl_monitor_answer *a, const char *name, int64_t most,
                       int64_t *out) {
  const char *text = kl_monitor_arg(r, name);
  char message[96], *end;
  if (!text) return true;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (text[0] >= '0' && text[0] <= '9' && !*end && errno == 0 && n <= most) {
    *out = n;
    return true;
  }
  snprintf(message, sizeof message, "%s is a whole number from 0 to %lld", name, (long long)most);
  refuse(a, 400, "bad_argument", message);
  return false;
}

static kl_web_choice choice_of(const kl_monitor_request *r) {
  return (kl_web_choice){.profile = kl_monitor_arg(r, "profile"), .script = kl_monitor_arg(r, "script")};
}

static void give_state(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  (void)r;
  as_json(a);
  (void)kl_web_state(data, &a->body);
}

static void give_orders(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  int64_t limit = KL_WEB_OPEN_SHOWN, ended = KL_WEB_ENDED_SHOWN;
  if (!number_arg(r, a, "limit", KL_WEB_ORDERS_MOST, &limit) || !number_arg(r, a, "ended", KL_WEB_ORDERS_MOST, &ended))
    return;
  as_json(a);
  kl_web_choice c = choice_of(r);
  kl_web_orders(data, &c, (size_t)limit, (size_t)ended, &a->body);
}

static void give_positions(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  as_json(a);
  kl_web_choice c = choice_of(r);
  kl_web_positions(data, &c, &a->body);
}

static void give_fills(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  int64_t limit = KL_WEB_FILLS_SHOWN;
  if (!number_arg(r, a, "limit", KL_WEB_FILLS_KEPT, &limit)) return;
  as_json(a);
  kl_web_choice c = choice_of(r);
  kl_web_fills(data, &c, (size_t)limit, &a->body);
}

static void give_book(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  const char *ticker = kl_monitor_arg(r, "ticker");
  if (!ticker || !*ticker) {
    refuse(a, 400, "bad_argument", "ticker says which book: one of `books` of /api/state");
    return;
  }
  as_json(a);
  if (kl_web_book(data, ticker, &a->body)) return;
  kl_buf_clear(&a->body);
  refuse(a, 404, "book_not_held", "no script of this process has that book open, and this page opens none itself");
}

static void give_log(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  kl_web_view *v = data;
  const char *script = kl_monitor_arg(r, "script");
  kl_lines *kept = kl_control_lines(v->app->control);
  int64_t limit = LINES_AT_FIRST, given = -1;
  if (!number_arg(r, a, "limit", KL_WEB_LINES_MOST, &limit) || !number_arg(r, a, "after", INT64_MAX, &given)) return;
  uint64_t after = given >= 0 ? (uint64_t)given : kept ? kl_lines_last(kept, script, (size_t)limit) : 0;
  as_json(a);
  (void)kl_web_lines(v, script, &after, limit > 0 ? (size_t)limit : 1, &a->body);
}

static void give_profit(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  kl_web_view *v = data;
  const kl_web_choice c = choice_of(r);
  int64_t seconds = 0, points_wanted = POINTS_DEFAULT, now_ms = kl_wall_ms(kl_clock_real());
  if (!number_arg(r, a, "seconds", INT64_C(1) << 31, &seconds) ||
      !number_arg(r, a, "points", POINTS_MOST, &points_wanted))
    return;
  if (points_wanted < 2) points_wanted = 2;
  int64_t since_ms = seconds > 0 ? now_ms - seconds * 1000 : v->app->started_ms;
  int64_t step_ms = (now_ms - since_ms) / points_wanted;
  size_t n = 0;
  kl_buf *b = &a->body;
  as_json(a);
  kl_buf_char(b, '{');
  kl_json_field_int(b, "now_ms", now_ms);
  kl_json_key(b, "series");
  kl_buf_char(b, '[');
  for (kl_list *l = v->series.next; l != &v->series && n < KL_WEB_SCRIPTS_MOST; l = l->next) {
    const kl_web_series *s = KL_CONTAINER(l, kl_web_series, link);
    if (!kl_web_chooses(&c, s->of)) continue;
    /* "": that of the account. */
    if (c.script && strcmp(s->party ? kl_party_name(s->party) : "", c.script) != 0) continue;
    kl_buf_str(b, n++ ? ",{" : "{");
    kl_json_field_str(b, "profile", s->of->profile.name);
    if (s->party)
      kl_json_field_str(b, "script", kl_party_name(s->party));
    else
      kl_web_null(b, "script");
    kl_json_key(b, "samples");
    kl_buf_char(b, '[');
    kl_samples_each(s->samples, since_ms, step_ms, add_point, &(points){.b = b});
    kl_buf_str(b, "]}");
  }
  kl_buf_str(b, "]}");
}

/* ---- the stream ---- */

/* Takes over the text that was built, where it differs from the last one. */
static void update_part(struct kl_web_part *part, kl_buf *b) {
  bool same = part->version && !b->failed && b->len == part->text.len && !memcmp(b->data, part->text.data, b->len);
  if (same || b->failed) {
    kl_buf_free(b);
    return;
  }
  kl_buf_free(&part->text);
  part->text = *b;
  part->version++;
}

static void build(kl_web_view *v) {
  int64_t now = now_ns();
  kl_buf b = {0};
  uint64_t key = kl_web_state(v, &b);
  if (key != v->state_key || now - v->state_ns >= SLOW_MS * MS || !v->state.version) {
    v->state_key = key;
    v->state_ns = now;
    update_part(&v->state, &b);
  } else {
    kl_buf_free(&b);
  }
  if (v->orders_changed || !v->orders.version) {
    v->orders_changed = false;
    b = (kl_buf){0};
    kl_web_orders(v, &(kl_web_choice){0}, KL_WEB_OPEN_SHOWN, KL_WEB_ENDED_SHOWN, &b);
    update_part(&v->orders, &b);
  }
  if (v->fills_changed || !v->positions.version || now - v->positions_ns >= SLOW_MS * MS) {
    v->positions_ns = now;
    b = (kl_buf){0};
    kl_web_positions(v, &(kl_web_choice){0}, &b);
    update_part(&v->positions, &b);
  }
  if (v->fills_changed || !v->fills_text.version) {
    v->fills_changed = false;
    b = (kl_buf){0};
    kl_web_fills(v, &(kl_web_choice){0}, KL_WEB_FILLS_SHOWN, &b);
    update_part(&v->fills_text, &b);
  }
}

static void send_part(web_stream *w, const char *event, const struct kl_web_part *part, uint64_t *told) {
  if (*told == part->version) return;
  if (kl_monitor_stream_send(w->s, event, part->text.data, part->text.len)) *told = part->version;
}

static void send_book(web_stream *w) {
  kl_web_view *v = w->v;
  kl_feed *feed;
  const kl_feed_book *f = w->book[0] ? kl_web_held(v, w->book, &feed) : NULL;
  bool same = w->book_told && w->book_held == (f != NULL) && w->book_orders == v->orders_version &&
              (!f || (w->book_changes == f->changes && w->book_stale == f->stale));
  if (!w->book[0] || same) return;
  kl_buf b = {0};
  (void)kl_web_book(v, w->book, &b);
  if (!b.failed && kl_monitor_stream_send(w->s, "book", b.data, b.len)) {
    w->book_told = true;
    w->book_held = f != NULL;
    w->book_orders = v->orders_version;
    w->book_changes = f ? f->changes : 0;
    w->book_stale = f && f->stale;
  }
  kl_buf_free(&b);
}

/* Of an event that waits the newest takes the place of an older one: lines, of which none may be missing, go out only
 * while nothing waits. */
static void send_lines(web_stream *w) {
  if (!kl_monitor_stream_idle(w->s)) return;
  kl_buf b = {0};
  uint64_t after = w->line;
  bool some = kl_web_lines(w->v, NULL, &after, KL_WEB_LINES_MOST, &b);
  if (some && !b.failed && kl_monitor_stream_send(w->s, "log", b.data, b.len)) w->line = after;
  kl_buf_free(&b);
}

static void send_all(web_stream *w) {
  kl_web_view *v = w->v;
  send_lines(w); /* first: the others are waiting then */
  send_part(w, "state", &v->state, &w->state);
  send_part(w, "orders", &v->orders, &w->orders);
  send_part(w, "positions", &v->positions, &w->positions);
  send_part(w, "fills", &v->fills_text, &w->fills);
  send_book(w);
}

static void on_tick(uv_timer_t *t) {
  kl_web_view *v = t->data;
  int64_t now = now_ns();
  if (now - v->sampled_ns >= SLOW_MS * MS - QUICK_MS * MS / 2) {
    v->sampled_ns = now;
    sample(v);
  }
  if (kl_list_empty(&v->streams)) return;
  build(v);
  for (kl_list *n = v->streams.next; n != &v->streams; n = n->next)
    send_all(KL_CONTAINER(n, web_stream, link));
}

static void set_pace(kl_web_view *v) {
  uint64_t ms = kl_list_empty(&v->streams) ? SLOW_MS : QUICK_MS;
  if (uv_timer_get_repeat(&v->tick) != ms) uv_timer_start(&v->tick, on_tick, ms, ms);
}

static void stream_closed(void *data, kl_monitor_stream *s) {
  web_stream *w = data;
  kl_web_view *v = w->v;
  (void)s;
  kl_list_remove(&w->link);
  free(w);
  if (!uv_is_closing((uv_handle_t *)&v->tick)) set_pace(v);
}

static void give_events(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  kl_web_view *v = data;
  const char *book = kl_monitor_arg(r, "book");
  kl_lines *kept = kl_control_lines(v->app->control);
  int64_t after = -1;
  if (!number_arg(r, a, "after", INT64_MAX, &after)) return;
  if (book && strlen(book) >= sizeof((web_stream *)NULL)->book) {
    refuse(a, 400, "bad_argument", "book is the ticker of a market");
    return;
  }
  web_stream *w = calloc(1, sizeof *w);
  if (!w) {
    refuse(a, 500, "no_memory", "not enough memory");
    return;
  }
  w->v = v;
  snprintf(w->book, sizeof w->book, "%s", book ? book : "");
  w->line = after >= 0 ? (uint64_t)after : kept ? kl_lines_last(kept, NULL, LINES_AT_FIRST) : 0;
  w->s = kl_monitor_stream_begin(a, stream_closed, w);
  if (!w->s) {
    free(w);
    return;
  }
  kl_list_init(&w->link);
  kl_list_append(&v->streams, &w->link);
  set_pace(v);
  build(v);
  send_all(w);
}

/* ---- all of it ---- */

bool kl_web_view_join(kl_web_view *v, const kl_app_account *x) {
  kl_web_account *n = calloc(1, sizeof *n);
  if (!n || !series_of(v, x, NULL)) {
    free(n);
    return false;
  }
  n->v = v;
  n->of = x;
  n->listener = (kl_desk_listener){.data = n, .order = order_changed, .fill = filled};
  kl_list_init(&n->link);
  kl_list_init(&n->listener.link);
  kl_list_append(&v->accounts, &n->link);
  if (x->desk) kl_desk_listen(x->desk, &n->listener);
  return true;
}

static void free_view(kl_web_view *v) {
  for (kl_list *n = v->accounts.next, *next; n != &v->accounts; n = next) {
    next = n->next;
    free(KL_CONTAINER(n, kl_web_account, link));
  }
  for (kl_list *n = v->series.next, *next; n != &v->series; n = next) {
    kl_web_series *s = KL_CONTAINER(n, kl_web_series, link);
    next = n->next;
    kl_samples_free(s->samples);
    free(s);
  }
  kl_buf_free(&v->state.text);
  kl_buf_free(&v->orders.text);
  kl_buf_free(&v->positions.text);
  kl_buf_free(&v->fills_text.text);
  free(v->fills);
  free(v);
}

static void tick_closed(uv_handle_t *h) { free_view(h->data); }

static bool add_routes(kl_web_view *v, kl_monitor *m) {
  static const struct {
    const char *path;
    kl_monitor_handler *handler;
  } routes[] = {{"/api/state", give_state},   {"/api/orders", give_orders}, {"/api/positions", give_positions},
                {"/api/fills", give_fills},   {"/api/book", give_book},     {"/api/log", give_log},
                {"/api/profit", give_profit}, {"/api/events", give_events}};
  bool ok = kl_monitor_page(m);
  for (size_t i = 0; ok && i < sizeof routes / sizeof *routes; i++)
    ok = kl_monitor_route(m, routes[i].path, KL_MONITOR_TOKEN, routes[i].handler, v);
  return ok;
}

bool kl_web_view_open(kl_app *a, kl_monitor *m, kl_web_view **out, kl_error *e) {
  kl_web_view *v = calloc(1, sizeof *v);
  *out = NULL;
  if (v) {
    v->app = a;
    kl_list_init(&v->accounts);
    kl_list_init(&v->series);
    kl_list_init(&v->streams);
    v->fills = calloc(KL_WEB_FILLS_KEPT, sizeof *v->fills);
  }
  if (!v || !v->fills || !kl_web_view_join(v, &a->first) || !add_routes(v, m)) {
    if (v) free_view(v);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  uv_timer_init(&a->loop, &v->tick);
  v->tick.data = v;
  uv_unref((uv_handle_t *)&v->tick);
  set_pace(v);
  *out = v;
  return true;
}

void kl_web_view_close(kl_web_view *v) {
  if (!v) return;
  for (kl_list *n = v->accounts.next; n != &v->accounts; n = n->next)
    kl_desk_unlisten(&KL_CONTAINER(n, kl_web_account, link)->listener);
  uv_close((uv_handle_t *)&v->tick, tick_closed);
}
