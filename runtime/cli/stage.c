#include "cli/stage.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/timeline.h"
#include "bindings/bindings.h"
#include "bindings/http.h"
#include "bindings/metric_store.h"
#include "bindings/shadow.h"
#include "cli/breaker.h"
#include "sim/stage.h"
#include "store/store.h"

enum {
  TURNS_MOST = 20000,     /* of the loop in which scripts run, between two of these: */
  STEPS_MOST = 3000,      /* things let go at one moment of the stage's time, */
  TIMERS_MOST = 20000,    /* timers due at one moment */
  MOMENTS_AT_ONCE = 2000, /* of time, before the loop gets a turn */
  LOOK_MS = 1,            /* where what is waited for has no event of its own */
  STUCK_S = 30            /* of the machine's time without anything that moves */
};

/* The machine was switched on so long before: a time of 0 means that something has not happened. */
#define UP_US INT64_C(3600000000)

typedef struct fill {
  kl_list link;
  const kl_party *party;
  kl_account_fill f;
} fill;

struct kl_stage {
  kl_environment environment; /* first: the bindings' */
  uv_loop_t *loop;
  pthread_t thread; /* the loop's */
  kl_clock_virtual clock;
  kl_timeline line;
  kl_sim *sim;
  kl_session *session;
  kl_http *http;
  kl_desk *desk;
  kl_host *host;
  kl_list scripts;
  kl_list fills;
  kl_desk_listener listener;

  uv_check_t check; /* looks at every turn of the loop while it settles */
  uv_idle_t spin;   /* so that the loop does not wait where it need not */
  uv_timer_t fallback;
  kl_sim_look look;
  kl_session_look seen; /* the session when the simulator was last looked at */
  bool stale;           /* the simulator has to be looked at again */
  int turns, steps, timers;
  int64_t moved_ns; /* by the machine's clock: when something last moved */

  bool settling;
  int64_t until_us;
  void (*done)(void *, const kl_error *);
  void *data;

  bool closing;
  int open;
  void (*gone)(void *);
  void *gone_data;
};

static int64_t now_us(const kl_stage *g) { return kl_wall_us(&g->clock.clock); }
static int64_t machine_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- settling ---- */

static void idle(uv_idle_t *h) { (void)h; }
static void on_fallback(uv_timer_t *t) { (void)t; }

static void spins(kl_stage *g, bool on) {
  if (on) {
    uv_idle_start(&g->spin, idle);
    uv_timer_stop(&g->fallback);
  } else {
    uv_idle_stop(&g->spin);
    if (!uv_is_active((uv_handle_t *)&g->fallback)) uv_timer_start(&g->fallback, on_fallback, LOOK_MS, LOOK_MS);
  }
}

static void rest(kl_stage *g) {
  g->settling = false;
  uv_check_stop(&g->check);
  uv_idle_stop(&g->spin);
  uv_timer_stop(&g->fallback);
}

static void finish(kl_stage *g, const kl_error *e) {
  void (*done)(void *, const kl_error *) = g->done;
  void *data = g->data;
  rest(g);
  done(data, e);
}

/* Who is to blame, as far as that can be told. */
static const char *busy_script(const kl_stage *g) {
  const char *name = kl_host_busy(g->host);
  if (name) return name;
  kl_stage_script *s = kl_list_empty(&g->scripts) ? NULL : KL_CONTAINER(g->scripts.prev, kl_stage_script, link);
  return s ? kl_strategy_name(s->strategy) : "the strategy";
}

static bool restless(kl_stage *g) {
  kl_error e;
  if (g->turns <= TURNS_MOST && g->steps <= STEPS_MOST && g->timers <= TIMERS_MOST) return false;
  kl_error_set(&e, "test",
               "%s does not come to rest: %d turns, %d calls and %d timers at one moment of the test's time, which "
               "only moves while nothing runs. Is there a loop with task.yield or task.sleep(0), or one that sends an "
               "order or a request for every answer? Give it a task.sleep(0.001)",
               busy_script(g), g->turns, g->steps, g->timers);
  finish(g, &e);
  return true;
}

/* Nothing to do but to wait for the machine. */
static void wait_for(kl_stage *g, const char *what) {
  spins(g, false);
  if (machine_ns() - g->moved_ns < (int64_t)STUCK_S * 1000000000) return;
  kl_error e;
  kl_error_set(&e, "test",
               "the exchange of the test has not moved for %d s: waiting for %s (commands %llu of %llu, messages %llu "
               "of %llu, connections %zu and %zu, requests %zu and %zu)",
               STUCK_S, what, (unsigned long long)g->look.heard, (unsigned long long)g->seen.commands,
               (unsigned long long)g->seen.received, (unsigned long long)g->look.told, g->seen.links, g->look.sessions,
               g->seen.calls, g->look.held);
  finish(g, &e);
}

static bool same(const kl_session_look *a, const kl_session_look *b) {
  return a->commands == b->commands && a->received == b->received && a->links == b->links && a->calls == b->calls;
}

/* All that was sent has arrived, at both ends. */
static bool arrived(kl_stage *g) {
  kl_session_look now;
  kl_session_look_at(g->session, &now);
  if (now.busy || kl_http_active(g->http) || kl_stores_pending(g->environment.stores)) {
    g->stale = true;
    wait_for(g, "a signature, a connection, a request of the module http or a store");
    return false;
  }
  bool quiet = !g->stale && same(&now, &g->seen);
  if (!quiet) kl_sim_stage_turn(g->sim, &g->look);
  g->seen = now;
  bool there = now.commands == g->look.heard && now.links == g->look.sessions && now.received >= g->look.told &&
               now.calls <= g->look.held;
  g->stale = !there;
  if (!there) wait_for(g, "what is on its way");
  return there;
}

static void moved(kl_stage *g) {
  g->moved_ns = machine_ns();
  g->stale = true;
}

/* To the next moment at which something is due; false where that is behind the goal. */
static bool move_time(kl_stage *g) {
  int64_t now = now_us(g), next = kl_timeline_next(&g->line);
  if (now >= g->until_us) return false;
  if (g->look.next_us < next) next = g->look.next_us;
  if (next > g->until_us) next = g->until_us;
  if (next > now) kl_clock_virtual_advance(&g->clock, next - now);
  if (now_us(g) >= g->look.next_us) g->stale = true;
  g->turns = g->steps = g->timers = 0;
  g->moved_ns = machine_ns();
  return true;
}

static void on_turn(uv_check_t *h) {
  kl_stage *g = h->data;
  for (int i = 0; i < MOMENTS_AT_ONCE; i++) {
    if (restless(g)) return;
    if (!kl_host_at_rest(g->host)) {
      g->turns++;
      g->moved_ns = machine_ns();
      spins(g, true);
      return;
    }
    if (!arrived(g)) return;
    if (kl_session_step(g->session)) {
      g->steps++;
      g->turns = 0;
      moved(g);
      spins(g, true);
      return;
    }
    size_t fired = kl_timeline_fire(&g->line, now_us(g));
    if (fired) {
      g->timers += (int)fired;
      continue;
    }
    if (!move_time(g)) {
      finish(g, NULL);
      return;
    }
  }
  spins(g, true);
}

static bool settle(kl_stage *g, int64_t until_us, void (*done)(void *, const kl_error *), void *data) {
  if (g->settling || g->closing) return false;
  g->settling = true;
  g->until_us = until_us;
  g->done = done;
  g->data = data;
  g->turns = g->steps = g->timers = 0;
  moved(g);
  uv_check_start(&g->check, on_turn);
  spins(g, true);
  return true;
}

static void leave(kl_stage *g) {
  if (g->settling) rest(g);
}

/* ---- the exchange ---- */

static bool add_market(kl_stage *g, const kl_stage_market *m, kl_error *e) {
  const kl_sim_stage_market o = {.ticker = m->ticker,
                                 .event_ticker = m->event_ticker,
                                 .series_ticker = m->series_ticker,
                                 .title = m->title,
                                 .structure = m->structure,
                                 .close_us = m->close_us,
                                 .exclusive = m->exclusive};
  g->stale = true;
  return kl_sim_stage_add(g->sim, &o, e);
}

static bool put_orders(kl_stage *g, const char *ticker, const kl_stage_order *orders, size_t n, bool replace,
                       kl_error *e) {
  kl_sim_stage_order *list = calloc(n + 1, sizeof *list);
  if (!list) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  for (size_t i = 0; i < n; i++)
    list[i] = (kl_sim_stage_order){orders[i].side, orders[i].price, orders[i].count};
  bool ok = kl_sim_stage_orders(g->sim, ticker, list, n, replace, e);
  free(list);
  g->stale = true;
  return ok;
}

static bool trigger(kl_stage *g, const char *kind, const char *const *words, kl_buf *out, kl_error *e) {
  g->stale = true;
  return kl_sim_stage_trigger(g->sim, kind, words, out, e);
}

/* ---- scripts ---- */

static kl_stage_script *script_of(kl_stage *g, const char *name) {
  for (kl_list *n = g->scripts.next; n != &g->scripts; n = n->next) {
    kl_stage_script *s = KL_CONTAINER(n, kl_stage_script, link);
    if (!strcmp(kl_strategy_name(s->strategy), name)) return s;
  }
  return NULL;
}

/* A zero byte ends a line there, so that one in the text is written out. */
static void add_line(kl_buf *b, const char *text, size_t n) {
  for (const char *zero; (zero = memchr(text, 0, n)); n -= (size_t)(zero + 1 - text), text = zero + 1) {
    kl_buf_add(b, text, (size_t)(zero - text));
    kl_buf_str(b, "\\0");
  }
  kl_buf_add(b, text, n);
  kl_buf_add(b, "", 1);
}

static void print_line(void *data, kl_script *s, const char *text, size_t n) {
  kl_stage_script *x = script_of(data, kl_script_name(s));
  if (x) add_line(&x->printed, text, n > 0 && text[n - 1] == '\n' ? n - 1 : n);
}

static void strategy_ended(void *data, kl_strategy *g, kl_script *s, bool failed) {
  kl_stage_script *x = script_of(data, kl_strategy_name(g));
  if (!x || !failed) return;
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  const char *text = s ? kl_script_error(s) : status.last_error, *trace = s ? kl_script_traceback(s) : NULL;
  kl_buf b = {0};
  x->failed = true;
  kl_buf_str(&b, text ? text : "failed");
  if (trace && *trace) kl_buf_printf(&b, "\n%s", trace);
  if (!b.failed) add_line(&x->errors, b.data, b.len);
  kl_buf_free(&b);
}

/* What came of a reload is told by maker:reload. */
static void announce(void *data, kl_strategy *g, bool bad, const char *text, const char *traceback) {
  kl_stage_script *x = script_of(data, kl_strategy_name(g));
  (void)traceback;
  if (x && bad) add_line(&x->errors, text, strlen(text));
}

/* Errors of tasks that nobody awaited are only told by the log. */
static kl_stage *listening; /* the stage whose scripts' lines are kept; on its loop's thread */
static void on_log(void *data, kl_log_level level, const char *source, const char *text, size_t n) {
  kl_stage *g = data;
  if (level != KL_LOG_ERROR || !pthread_equal(pthread_self(), g->thread)) return;
  kl_stage_script *x = script_of(g, source);
  if (x) add_line(&x->errors, text, n);
}

static void on_fill(void *data, kl_party *p, const kl_account_fill *f) {
  kl_stage *g = data;
  fill *x = malloc(sizeof *x);
  if (!x) return;
  x->party = p;
  x->f = *f;
  kl_list_append(&g->fills, &x->link);
}

static const kl_account_fill *fill_next(const kl_stage *g, const kl_party *p, const kl_account_fill *after) {
  const kl_list *n = after ? KL_CONTAINER(after, const fill, f)->link.next : g->fills.next;
  for (; n != &g->fills; n = n->next) {
    const fill *x = KL_CONTAINER(n, const fill, link);
    if (!p || x->party == p) return &x->f;
  }
  return NULL;
}

static bool run(kl_stage *g, const kl_strategy_options *o, const kl_limit_values *risk, kl_count order_group,
                kl_stage_script **out, kl_error *e) {
  kl_strategy_options so = *o;
  char name[128];
  const char *path = o->script.path ? o->script.path : "strategy", *slash = strrchr(path, '/');
  const char *base = o->script.name ? o->script.name : slash ? slash + 1 : path;
  int n = (int)strlen(base);
  if (!o->script.name && n > 4 && !strcmp(base + n - 4, ".lua")) n -= 4;
  snprintf(name, sizeof name, "%.*s", n > 100 ? 100 : n, base);
  for (int i = 2; script_of(g, name); i++)
    snprintf(name, sizeof name, "%.*s-%d", n > 100 ? 100 : n, base, i);
  so.script.name = name;
  so.script.env = g->environment.place.env;
  so.watch = false;
  kl_stage_script *s = calloc(1, sizeof *s);
  kl_party *p = s ? kl_desk_party(g->desk, name) : NULL;
  if (!p) {
    free(s);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  kl_risk_configure(kl_desk_risk(g->desk), kl_party_risk(p), risk);
  kl_party_belt(p, order_group);
  s->stage = g;
  s->party = p;
  if (!kl_strategy_start(g->host, &so, &s->strategy, e)) {
    free(s);
    return false;
  }
  kl_list_append(&g->scripts, &s->link);
  *out = s;
  return true;
}

static void reload_over(void *data, kl_strategy *g, const kl_error *e) {
  kl_stage_script *s = data;
  (void)g;
  s->reloading = false;
  s->not_swapped = e ? *e : (kl_error){0};
}

static bool reload(kl_stage_script *s, const char *path, kl_error *e) {
  s->reloading = true;
  s->not_swapped = (kl_error){0};
  if (path ? kl_strategy_promote(s->strategy, path, reload_over, s, e)
           : kl_strategy_reload(s->strategy, reload_over, s, e))
    return true;
  s->reloading = false;
  return false;
}

static void breaker_stops(void *data, kl_party *p, const char *why) {
  kl_stage *g = data;
  kl_breaker_stop_in(g->host, p, why);
}

static bool breaker_runs(void *data, const kl_party *p) {
  kl_stage *g = data;
  return kl_breaker_runs_in(g->host, p);
}

/* ---- life ---- */

static void listen_to(kl_stage *g) {
  listening = g;
  kl_log_tap(on_log, g);
  kl_log_set_clock(&g->clock.clock);
}

/* The log's tap may be somebody else's as soon as the test is over. */
static void listen_no_more(const kl_stage *g) {
  if (listening != g) return;
  kl_log_tap(NULL, NULL);
  kl_log_set_clock(NULL);
  listening = NULL;
}

static void freed(kl_stage *g) {
  while (!kl_list_empty(&g->scripts)) {
    kl_stage_script *s = KL_CONTAINER(kl_list_take(&g->scripts), kl_stage_script, link);
    kl_buf_free(&s->printed);
    kl_buf_free(&s->errors);
    free(s);
  }
  while (!kl_list_empty(&g->fills))
    free(KL_CONTAINER(kl_list_take(&g->fills), fill, link));
  if (g->sim) kl_sim_stop(g->sim);
  kl_bus_free(g->environment.bus);
  kl_wishes_free(g->environment.place.wishes);
  kl_metric_store_free(g->environment.metrics);
  kl_shadows_free(g->environment.shadows);
  void (*gone)(void *) = g->gone;
  void *data = g->gone_data;
  free(g);
  if (gone) gone(data);
}

static void part_gone(kl_stage *g) {
  if (--g->open == 0) freed(g);
}

static void handle_closed(uv_handle_t *h) { part_gone(h->data); }
static void session_closed(void *data) { part_gone(data); }
static void host_closed(void *data) { part_gone(data); }

static void close_handles(kl_stage *g) {
  uv_close((uv_handle_t *)&g->check, handle_closed);
  uv_close((uv_handle_t *)&g->spin, handle_closed);
  uv_close((uv_handle_t *)&g->fallback, handle_closed);
}

/* The scripts have ended and the desk has closed. */
static void desk_closed(void *data) {
  kl_stage *g = data;
  g->desk = NULL;
  g->environment.place.desk = NULL;
  g->open = 6;
  kl_session_close(g->session, session_closed, g);
  kl_http_close(g->http, session_closed, g);
  kl_host_close(g->host);
  close_handles(g);
}

static void on_ending(uv_check_t *h) {
  kl_stage *g = h->data;
  if (kl_host_running(g->host)) return;
  uv_check_stop(h);
  uv_idle_stop(&g->spin);
  kl_desk_unlisten(&g->listener);
  kl_desk_close(g->desk, desk_closed, g);
}

static void close_stage(kl_stage *g, void (*gone)(void *), void *data) {
  kl_error over;
  g->gone = gone;
  g->gone_data = data;
  if (g->closing) return;
  g->closing = true;
  listen_no_more(g);
  kl_error_set(&over, KL_ERR_CLOSED, "this test is over, and its market and strategies with it");
  if (g->settling) finish(g, &over); /* a task that its test has left behind */
  for (kl_strategy *s = kl_strategy_next(g->host, NULL); s; s = kl_strategy_next(g->host, s))
    kl_strategy_stop(s, KL_STOP_EXIT, true);
  uv_check_start(&g->check, on_ending);
  uv_idle_start(&g->spin, idle);
}

/* What was opened of one that did not come about. */
static void give_up(kl_stage *g) {
  g->open = 3 + (g->session != NULL) + (g->http != NULL) + (g->host != NULL);
  if (g->session) kl_session_close(g->session, session_closed, g);
  if (g->http) kl_http_close(g->http, session_closed, g);
  kl_host_close(g->host);
  close_handles(g);
}

static bool open_host(kl_stage *g, const kl_host *of, kl_error *e) {
  const kl_host_options ho = {.clock = &g->clock.clock,
                              .data = g,
                              .modules = kl_modules,
                              .print = print_line,
                              .strategy_ended = strategy_ended,
                              .announce = announce,
                              .coverage = kl_host_coverage(of),
                              .closed = host_closed};
  g->host = kl_host_new(g->loop, &ho);
  if (!g->host) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return g->host != NULL;
}

static bool open_parts(kl_stage *g, const kl_host *of, const char *version, kl_error *e) {
  const kl_sim_options xo = {.seed = 1, .quick_keys = true, .quiet = true, .clock = &g->clock.clock};
  if (!open_host(g, of, e) || !kl_sim_start(&xo, &g->sim, e)) return false;
  const kl_sim_user *user = kl_sim_user_at(g->sim, 0);
  const kl_session_options so = {.env = "sim",
                                 .rest_url = kl_sim_rest_url(g->sim),
                                 .ws_url = kl_sim_ws_url(g->sim),
                                 .key_id = user->key_id,
                                 .key = user->key,
                                 .clock = &g->clock.clock,
                                 .stepped = true,
                                 .user_agent = "kalua-test"};
  g->session = kl_session_new(g->loop, &so, e);
  if (g->session) g->http = kl_http_new(g->loop, &(kl_http_options){.user_agent = so.user_agent}, e);
  if (!g->http) return false;
  const kl_desk_options deo = {.loop = g->loop,
                               .session = g->session,
                               .market_session = g->session,
                               .clock = &g->clock.clock,
                               .stop = breaker_stops,
                               .stop_data = g,
                               .runs = breaker_runs,
                               .runs_data = g};
  if (!kl_desk_open(&deo, &g->desk, e)) return false;
  g->listener = (kl_desk_listener){.data = g, .fill = on_fill};
  kl_desk_listen(g->desk, &g->listener);
  g->environment =
      (kl_environment){.place = {.session = g->session, .account_session = g->session, .desk = g->desk, .env = "sim"},
                       .http = g->http,
                       .version = version};
  return true;
}

static bool open_stage(const kl_host *of, const char *version, kl_stores *stores, int64_t at_us, kl_stage **out,
                       kl_error *e) {
  kl_stage *g = calloc(1, sizeof *g);
  if (!g) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  uv_loop_t *loop = kl_host_loop(of);
  g->loop = loop;
  g->thread = pthread_self();
  kl_clock_virtual_init(&g->clock, at_us - UP_US);
  kl_clock_virtual_advance(&g->clock, UP_US);
  g->clock.clock.line = &g->line;
  kl_list_init(&g->scripts);
  kl_list_init(&g->fills);
  uv_check_init(loop, &g->check);
  uv_idle_init(loop, &g->spin);
  uv_timer_init(loop, &g->fallback);
  g->check.data = g->spin.data = g->fallback.data = g;
  if (!open_parts(g, of, version, e)) {
    give_up(g);
    return false;
  }
  g->environment.stores = stores;
  listen_to(g);
  *out = g;
  return true;
}

static kl_desk *desk_of(kl_stage *g) { return g->desk; }

const kl_testing kl_stage_testing = {.open = open_stage,
                                     .close = close_stage,
                                     .now_us = now_us,
                                     .add = add_market,
                                     .orders = put_orders,
                                     .trigger = trigger,
                                     .run = run,
                                     .reload = reload,
                                     .settle = settle,
                                     .leave = leave,
                                     .fill_next = fill_next,
                                     .desk = desk_of};
