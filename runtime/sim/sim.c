#include "sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/archive.h"
#include "sim/auth.h"
#include "sim/channels.h"
#include "sim/communications.h"
#include "sim/fault_doors.h"
#include "sim/fee_changes.h"
#include "sim/journal.h"
#include "sim/lag.h"
#include "sim/levels.h"
#include "sim/mirror_door.h"
#include "sim/order_groups.h"
#include "sim/persist.h"
#include "sim/reference.h"
#include "sim/registry.h"
#include "sim/rewards.h"
#include "sim/rolling.h"
#include "sim/schedule.h"
#include "sim/server.h"
#include "sim/stage_impl.h"
#include "sim/tls.h"
#include "sim/transfers.h"

enum {
  DESCRIPTORS = 20, /* that a simulator and its first clients open */
  DEFAULT_MARKETS = 36,
  MOST_MARKETS = 10000,
  MOST_USERS = 1000,
  DEFAULT_SKEW_MS = 15000,
  DEFAULT_WS_CONNECTIONS = 200,
  DEFAULT_WS_MARKETS = 500000,
  DEFAULT_WS_COMMANDS = 10000,
  TICKER_EVERY_MS = 100,
  WARM_UP_STEPS = 1500,    /* half a minute before the first client, so that it finds trades and deep books */
  STEPS_AT_ONCE = 200,     /* of the traders */
  STEPS_MOST_NS = 50000000 /* of the loop's time at once: clients want to be served, too */
};
static const double default_rate_of_market = 3.5, default_rate_most = 5000; /* book messages a second */

void kl_sim_touch(kl_sim *s) { s->now_us = kl_wall_us(s->clock); }

/* ---- the loop thread ---- */

/* The end of a turn: what has changed goes into the file, and then what follows from it is told. */
static void end_turn(kl_sim *s) {
  if (!s->broken && !kl_sim_persist_commit(s)) {
    kl_log_error("sim", "%s; nothing is served any more", kl_sim_store_error(s->store)->message);
    s->error = *kl_sim_store_error(s->store);
    s->broken = true;
    kl_sim_server_break(s);
  }
  s->turn++;
  kl_sim_server_release(s);
}

static void on_before_poll(uv_prepare_t *h) { end_turn(h->data); }
static void on_after_poll(uv_check_t *h) { end_turn(h->data); }

void kl_sim_run_step(kl_sim *s) {
  kl_sim_world *w = &s->world;
  if (s->broken) return;
  kl_sim_touch(s);
  if (s->o.mirror) return; /* its world is the live one */
  uint64_t due = kl_sim_world_step_at(w, s->now_us);
  /* The world keeps pace with the wall, come what may; traders who would be late miss a few steps. */
  if (due > w->step + STEPS_AT_ONCE) kl_sim_world_step(w, due - STEPS_AT_ONCE);
  uint64_t before = s->traders ? kl_sim_traders_orders(s->traders) : 0;
  int64_t until_ns = kl_mono_ns(kl_clock_real()) + STEPS_MOST_NS;
  while (w->step < due) {
    kl_sim_world_step(w, w->step + 1);
    if (!s->traders) continue;
    kl_sim_traders_step(s->traders, s->now_us);
    if (kl_mono_ns(kl_clock_real()) > until_ns) kl_sim_world_step(w, due);
  }
  if (s->traders)
    atomic_fetch_add_explicit(&s->counters.orders, kl_sim_traders_orders(s->traders) - before, memory_order_relaxed);
}

void kl_sim_run_tick(kl_sim *s) {
  if (s->broken) return;
  kl_sim_touch(s);
  kl_exchange_tick(s->x, s->now_us);
  kl_sim_rolling_tick(s);
  kl_sim_transfers_tick(s);
  kl_sim_fee_changes_tick(s);
  kl_sim_communications_tick(s);
  kl_sim_faults_tick(s);
  kl_sim_lag_settle(s->lag);
  kl_sim_channels_flush(s);
  if (!s->o.mirror) kl_sim_reference_tick(s);
}

void kl_sim_run_second(kl_sim *s) {
  if (s->broken) return;
  kl_sim_touch(s);
  if (!s->o.mirror) {
    kl_sim_schedule_second(s);
    kl_sim_reference_second(s);
  }
  kl_sim_lag_all_money(s->lag); /* moves of money end by themselves, too */
  kl_sim_lag_settle(s->lag);
  kl_sim_archive_second(s);
  kl_sim_levels_second(s);
  kl_sim_persist_second(s);
}

static void on_step(uv_timer_t *t) { kl_sim_run_step(t->data); }
static void on_ticker(uv_timer_t *t) { kl_sim_run_tick(t->data); }

static void on_second(uv_timer_t *t) {
  kl_sim *s = t->data;
  if (!s->o.clock) kl_sim_run_second(s); /* else when its time is moved */
  kl_sim_server_second(s);
}

static void on_stop(uv_async_t *a) {
  kl_sim *s = a->data;
  if (s->stopping) return;
  s->stopping = true;
  uv_close((uv_handle_t *)&s->stop, NULL);
  uv_close((uv_handle_t *)&s->stage.asked, NULL);
  uv_close((uv_handle_t *)&s->step_timer, NULL);
  uv_close((uv_handle_t *)&s->ticker_timer, NULL);
  uv_close((uv_handle_t *)&s->second_timer, NULL);
  kl_sim_mirror_end(s);
  if (s->store) {
    uv_close((uv_handle_t *)&s->before_poll, NULL);
    uv_close((uv_handle_t *)&s->after_poll, NULL);
  }
  kl_sim_server_close(s);
}

static void start_timer(kl_sim *s, uv_timer_t *t, uv_timer_cb cb, uint64_t every_ms) {
  uv_timer_init(&s->loop, t);
  t->data = s;
  if (cb) uv_timer_start(t, cb, every_ms, every_ms);
}

/* What timers do is written before the loop waits, and what requests do as soon as they are handled. */
static void watch_turns(kl_sim *s) {
  s->turn = 1;
  uv_prepare_init(&s->loop, &s->before_poll);
  uv_check_init(&s->loop, &s->after_poll);
  s->before_poll.data = s->after_poll.data = s;
  uv_prepare_start(&s->before_poll, on_before_poll);
  uv_check_start(&s->after_poll, on_after_poll);
}

static void tell_ready(kl_sim *s, bool ok) {
  pthread_mutex_lock(&s->lock);
  s->is_ready = true;
  s->failed = !ok;
  pthread_cond_signal(&s->ready);
  pthread_mutex_unlock(&s->lock);
}

static void *run(void *data) {
  kl_sim *s = data;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are the main thread's */
  bool ok = kl_sim_server_open(s, &s->error);
  start_timer(s, &s->step_timer, s->o.clock ? NULL : on_step, KL_SIM_STEP_MS);
  start_timer(s, &s->ticker_timer, s->o.clock ? NULL : on_ticker, TICKER_EVERY_MS);
  start_timer(s, &s->second_timer, on_second, 1000);
  if (s->store) watch_turns(s);
  kl_sim_touch(s);
  if (s->mirror)
    ok = kl_sim_mirror_begin(s) && ok;
  else
    kl_sim_reference_begin(s);
  ok = ok && kl_sim_faults_put(s, s->o.faults ? s->o.faults : "", false, NULL, &s->error); /* their time begins here */
  if (ok) {
    const char *tail = s->o.tls ? "s" : "";
    snprintf(s->page_url, sizeof s->page_url, "http%s://127.0.0.1:%d/", tail, s->port);
    snprintf(s->rest_url, sizeof s->rest_url, "http%s://127.0.0.1:%d/trade-api/v2", tail, s->port);
    snprintf(s->ws_url, sizeof s->ws_url, "ws%s://127.0.0.1:%d/trade-api/ws/v2", tail, s->port);
  } else {
    on_stop(&s->stop);
  }
  tell_ready(s, ok);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  kl_sim_server_free(s);
  int rc = uv_loop_close(&s->loop);
  if (rc) kl_log_error("sim", "the simulator's loop still had work at its end: %s", uv_strerror(rc));
  return NULL;
}

/* ---- start and stop ---- */

typedef struct key_thread {
  kl_sim *s;
  bool ok;
  kl_error error;
} key_thread;

static void *make_keys(void *data) {
  key_thread *k = data;
  k->ok = kl_sim_auth_make_keys(k->s, &k->error);
  return NULL;
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the exchange simulator");
  return false;
}

static bool new_exchange(kl_sim *s, kl_error *e) {
  /* Enough to look back on; a simulator that runs for weeks does not grow. */
  kl_exchange_options xo = {.seed = s->o.seed,
                            .balance_precision = s->o.balance_precision,
                            .keep_trades = 20000,
                            .keep_market_trades = 100 + 36000 / (size_t)(s->o.markets ? s->o.markets : DEFAULT_MARKETS),
                            .speed = s->o.speed,
                            .journal = s->store != NULL,
                            .sink = kl_sim_channels_sink(s)};
  s->x = kl_exchange_new(&xo);
  return s->x || no_memory(e);
}

/* The exchange of the state file, as it was, and what time has done to it meanwhile. */
static bool resume(kl_sim *s, kl_error *e) {
  if (!kl_sim_persist_load(s, e) || !kl_sim_groups_load(s, e) || !kl_sim_auth_register(s, e)) return false;
  s->candles = kl_sim_candles_new(s->o.seed, (size_t)s->past_markets, s->start_us, s->had_past);
  if (!s->candles || !kl_sim_channels_init(s)) return no_memory(e);
  if (!kl_sim_persist_load_parts(s, e)) return false;
  if (!kl_sim_archive_new(s)) return no_memory(e);
  if (!kl_sim_reference_open(s)) return no_memory(e);
  if (!kl_sim_rewards_load(s, e) || !kl_sim_transfers_start(s, e) || !kl_sim_fee_changes_start(s, e)) return false;
  kl_exchange_tick(s->x, s->now_us);
  kl_sim_world_step(&s->world, kl_sim_world_step_at(&s->world, s->now_us)); /* it has not stood still */
  if (s->o.quiet) return kl_sim_communications_start(s, e);
  s->traders = kl_sim_traders_new(s->x, &s->world, s->o.seed, s->o.rate);
  if (!s->traders) return no_memory(e);
  kl_sim_traders_open(s->traders, s->now_us);
  return kl_sim_communications_start(s, e);
}

/* All that is traded and who trades it. */
static bool build(kl_sim *s, kl_error *e) {
  if (!new_exchange(s, e)) return false;
  if (kl_sim_persist_resumes(s)) return resume(s, e);
  if (!kl_sim_auth_register(s, e)) return false;
  kl_sim_world_options wo = kl_sim_rolling_options(s);
  if (!kl_sim_world_build(&s->world, s->x, &wo, e)) return false;
  s->past_markets = (int)kl_exchange_market_count(s->x);
  s->candles = kl_sim_candles_new(s->o.seed, (size_t)s->past_markets, s->start_us, !s->o.quiet);
  if (!s->candles || !kl_sim_archive_past(s)) return no_memory(e);
  kl_exchange_tick(s->x, s->now_us); /* the markets open */
  if (!kl_sim_archive_new(s) || !kl_sim_channels_init(s)) return no_memory(e);
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    kl_market *m = kl_exchange_market_at(s->x, i);
    if (m->status == KL_MARKET_FINALIZED) continue; /* of the past */
    kl_sim_candles_begin(s->candles, m, fmin(fmax(kl_sim_world_view(&s->world, m), 0.005), 0.995));
  }
  if (!kl_sim_reference_open(s)) return no_memory(e);
  if (!kl_sim_transfers_start(s, e) || !kl_sim_fee_changes_start(s, e)) return false;
  if (s->o.quiet) return kl_sim_communications_start(s, e);
  s->traders = kl_sim_traders_new(s->x, &s->world, s->o.seed, s->o.rate);
  if (!s->traders) return no_memory(e);
  kl_sim_traders_open(s->traders, s->now_us);
  for (int i = 0; i < WARM_UP_STEPS; i++) {
    kl_sim_world_step(&s->world, s->world.step + 1);
    s->now_us = kl_sim_world_wall_us(&s->world, (double)s->world.step * s->world.step_s);
    kl_sim_traders_step(s->traders, s->now_us);
  }
  return kl_sim_communications_start(s, e);
}

static bool start_thread(kl_sim *s, kl_error *e) {
  int rc = uv_loop_init(&s->loop);
  if (rc) {
    kl_error_set(e, KL_ERR_INTERNAL, "no event loop for the simulator: %s", uv_strerror(rc));
    return false;
  }
  rc = uv_async_init(&s->loop, &s->stop, on_stop);
  s->stop.data = s;
  bool can_stop = rc == 0;
  if (rc == 0) rc = kl_sim_stage_open(s);
  if (rc == 0) s->thread_started = pthread_create(&s->thread, NULL, run, s) == 0;
  if (!s->thread_started) {
    if (can_stop) uv_close((uv_handle_t *)&s->stop, NULL);
    if (rc == 0) uv_close((uv_handle_t *)&s->stage.asked, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    kl_error_set(e, KL_ERR_INTERNAL, "the simulator's thread could not be started");
    return false;
  }
  pthread_mutex_lock(&s->lock);
  while (!s->is_ready)
    pthread_cond_wait(&s->ready, &s->lock);
  pthread_mutex_unlock(&s->lock);
  if (s->failed) *e = s->error;
  return !s->failed;
}

static bool assemble(kl_sim *s, kl_error *e) {
  s->faults = kl_sim_faults_new(s->o.seed);
  s->journal = kl_sim_journal_new();
  if (!s->faults || !s->journal) return no_memory(e);
  if (!kl_sim_persist_open(s, e)) return false;
  s->accounts = calloc((size_t)s->n_accounts + KL_SIM_MEMBERS_MOST, sizeof *s->accounts);
  if (!s->accounts) return no_memory(e);
  if (!kl_sim_persist_load_keys(s, e)) return false;
  if (!kl_sim_persist_resumes(s)) {
    double pace = s->o.speed < KL_SIM_FINE_SPEED ? s->o.speed : KL_SIM_FINE_SPEED;
    if (!s->o.quiet) s->now_us -= (int64_t)(WARM_UP_STEPS * KL_SIM_STEP_MS * 1000 / pace);
    s->start_us = s->now_us;
  }
  key_thread keys = {.s = s};
  pthread_t thread;
  bool apart = pthread_create(&thread, NULL, make_keys, &keys) == 0;
  bool ok = build(s, e);
  if (apart) {
    pthread_join(thread, NULL);
  } else {
    make_keys(&keys);
  }
  if (ok && !keys.ok) {
    *e = keys.error;
    ok = false;
  }
  ok = ok && kl_sim_auth_take_keys(s, e) && kl_sim_levels_begin(s, e);
  ok = ok && (!s->o.mirror || kl_sim_mirror_open(s, e));
  if (ok && s->o.read_lag_ms > 0 && !(s->lag = kl_sim_lag_new(s))) ok = no_memory(e);
  return ok && kl_sim_persist_begin(s, e);
}

static bool check_options(const kl_sim_options *o, kl_error *e) {
  if (o->markets < 0 || o->markets > MOST_MARKETS)
    kl_error_coded(e, KL_ERR_CONFIG, "out_of_range", "the simulator makes 1 to %d markets, not %d", MOST_MARKETS,
                   o->markets);
  else if (o->users < 0 || o->users > MOST_USERS)
    kl_error_coded(e, KL_ERR_CONFIG, "out_of_range", "the simulator makes 1 to %d users, not %d", MOST_USERS, o->users);
  else if (o->port < 0 || o->port > 65535)
    kl_error_coded(e, KL_ERR_CONFIG, "out_of_range", "%d is not a port", o->port);
  else if (o->tier && !kl_sim_tier_find(o->tier))
    kl_error_coded(e, KL_ERR_CONFIG, "unknown_value",
                   "unknown tier \"%.40s\": basic, advanced, expert, premier, paragon, prime or prestige (--tier)",
                   o->tier);
  else if (!(o->speed >= 0 && o->speed <= 1e6) || !(o->rate >= 0 && o->rate <= 1e6))
    kl_error_coded(e, KL_ERR_CONFIG, "out_of_range", "speed and rate of the simulator must be 0 to a million");
  else
    return true;
  return false;
}

/* The simulator's memory with what it takes from the options; NULL after releasing that. */
static kl_sim *allocate(const kl_sim_options *o, kl_error *e) {
  bool ok = check_options(o, e);
  kl_sim *s = ok ? calloc(1, sizeof *s) : NULL;
  kl_sim_known_key *known = s ? calloc((size_t)o->n_known + 1, sizeof *known) : NULL;
  if (!known) {
    if (ok) no_memory(e);
    for (int i = 0; i < o->n_known; i++)
      kl_public_key_release(o->known[i].key);
    free(s);
    return NULL;
  }
  if (o->n_known > 0) memcpy(known, o->known, (size_t)o->n_known * sizeof *known);
  s->o = *o;
  s->clock = o->clock ? o->clock : kl_clock_real();
  s->known = known;
  if (o->mirror) {
    s->mirror_options = *o->mirror;
    s->o.mirror = &s->mirror_options;
  }
  return s;
}

kl_sim *kl_sim_make(const kl_sim_options *o, kl_error *e) {
  kl_sim *s = allocate(o, e);
  if (!s) return NULL;
  if (s->o.mirror || s->o.clock) {
    s->o.markets = 0;
    s->o.quiet = true;
  } else if (!s->o.markets) {
    s->o.markets = DEFAULT_MARKETS;
  }
  if (!s->o.users) s->o.users = 1;
  s->tier = kl_sim_tier_find(s->o.tier ? s->o.tier : KL_SIM_DEFAULT_TIER);
  if (s->o.speed == 0) s->o.speed = 1;
  if (s->o.clock && s->o.max_clock_skew_ms <= 0) s->o.max_clock_skew_ms = INT64_MAX / 4;
  if (s->o.max_clock_skew_ms <= 0) s->o.max_clock_skew_ms = DEFAULT_SKEW_MS;
  if (s->o.ws_connections <= 0) s->o.ws_connections = DEFAULT_WS_CONNECTIONS;
  if (s->o.ws_markets <= 0) s->o.ws_markets = DEFAULT_WS_MARKETS;
  if (s->o.ws_commands <= 0) s->o.ws_commands = DEFAULT_WS_COMMANDS;
  if (s->o.rate == 0) s->o.rate = default_rate_of_market * (s->o.markets ? s->o.markets : DEFAULT_MARKETS);
  if (o->rate == 0 && s->o.rate > default_rate_most) s->o.rate = default_rate_most;
  s->n_accounts = s->o.users + s->o.n_known;
  s->hands[0] = s->hands[1] = UINT32_MAX;
  kl_list_init(&s->sessions);
  kl_list_init(&s->waiting);
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->ready, NULL);
  pthread_cond_init(&s->stage.done, NULL);
  kl_sim_touch(s);
  if (s->o.region_s) s->region_expires_us = kl_wall_us(s->clock) + s->o.region_s * 1000000;
  if (assemble(s, e)) return s;
  kl_sim_stop(s);
  return NULL;
}

/* Loop, server and first connections find room for their descriptors: the library that serves does not tell when it did
 * not, and waits for ever. */
static bool has_descriptors(kl_error *e) {
  int held[DESCRIPTORS], n = 0, fd = 0;
  while (n < DESCRIPTORS && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
    held[n++] = fd;
  int why = errno, room = n;
  while (n > 0)
    close(held[--n]);
  if (fd >= 0 || (why != EMFILE && why != ENFILE)) return true;
  kl_error_set(
      e, KL_ERR_CONFIG,
      "the embedded exchange needs %d file descriptors, and there is room for %d: allow more (`ulimit -n 1024`)",
      DESCRIPTORS, room);
  return false;
}

bool kl_sim_start(const kl_sim_options *o, kl_sim **out, kl_error *e) {
  kl_error own;
  if (!e) e = &own;
  *out = NULL;
  if (!has_descriptors(e)) return false;
  kl_sim *s = kl_sim_make(o, e);
  bool ok = s && (!s->o.tls || kl_sim_tls_make(s, e)) && start_thread(s, e);
  if (ok && s->o.title) kl_sim_registry_add(s);
  if (!ok) kl_sim_stop(s);
  *out = ok ? s : NULL;
  return ok;
}

void kl_sim_stop(kl_sim *s) {
  if (!s) return;
  if (s->thread_started) {
    if (!s->failed) uv_async_send(&s->stop);
    pthread_join(s->thread, NULL);
  }
  kl_sim_registry_remove(s);
  kl_sim_tls_free(s);
  kl_sim_traders_free(s->traders);
  kl_sim_archive_free(s->archive);
  kl_sim_candles_free(s->candles);
  kl_sim_reference_free(s);
  kl_sim_transfers_free(s->transfers);
  kl_sim_fee_changes_free(s->fee_changes);
  kl_sim_communications_free(s);
  kl_sim_world_free(&s->world);
  kl_sim_mirror_free(s);
  if (s->x) kl_exchange_free(s->x);
  kl_sim_lag_free(s->lag);
  kl_sim_auth_free(s);
  kl_sim_persist_close(s);
  kl_sim_faults_free(s->faults);
  kl_sim_journal_free(s->journal);
  free(s->dirty);
  free(s->quotes);
  pthread_cond_destroy(&s->ready);
  pthread_cond_destroy(&s->stage.done);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* ---- what the outside sees ---- */

bool kl_sim_broken(const kl_sim *s, kl_error *e) {
  if (!s->broken) return false;
  *e = s->error; /* written before `broken` was set, and never again */
  return true;
}

int kl_sim_port(const kl_sim *s) { return s->port; }
const char *kl_sim_rest_url(const kl_sim *s) { return s->rest_url; }
const char *kl_sim_page_url(const kl_sim *s) { return s->page_url; }
const char *kl_sim_ws_url(const kl_sim *s) { return s->ws_url; }
const char *kl_sim_ca_path(const kl_sim *s) { return s->ca_path[0] ? s->ca_path : NULL; }
int kl_sim_users(const kl_sim *s) { return s->n_accounts; }

const kl_sim_user *kl_sim_user_at(const kl_sim *s, int i) {
  return i >= 0 && i < s->n_accounts ? &s->accounts[i].pub : NULL;
}

void kl_sim_stats_get(const kl_sim *s, kl_sim_stats *out) {
  const kl_sim_counters *c = &s->counters;
  *out = (kl_sim_stats){
      .requests = atomic_load_explicit(&c->requests, memory_order_relaxed),
      .rejected_auth = atomic_load_explicit(&c->rejected_auth, memory_order_relaxed),
      .rate_limited = atomic_load_explicit(&c->rate_limited, memory_order_relaxed),
      .orders = atomic_load_explicit(&c->orders, memory_order_relaxed),
      .trades = atomic_load_explicit(&c->trades, memory_order_relaxed),
      .ws_messages = atomic_load_explicit(&c->ws_messages, memory_order_relaxed),
      .ws_clients = atomic_load_explicit(&c->ws_clients, memory_order_relaxed),
  };
}
