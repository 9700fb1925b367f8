/* `/health`: whether somebody should come, and why. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/app_impl.h"
#include "cli/monitoring.h"

enum { FEED_AWAY_S = 15 };

typedef struct health {
  kl_buf reasons, notes; /* JSON strings, with commas between them */
} health;

static void look_at_feed(const kl_app_account *x, health *h) {
  const char *at = x->profile.name[0] ? " at account " : "", *name = x->profile.name;
  int64_t since_ns = x->feed_away_ns;
  kl_feed_status feed;
  kl_feed_status_get(kl_session_feed(x->session), &feed);
  double away = since_ns ? (double)(kl_mono_ns(kl_clock_real()) - since_ns) / 1e9 : 0;
  if (away > FEED_AWAY_S)
    kl_buf_json_item(&h->reasons, "the feed%s%s has been away for %.0f s%s%s: see `kalua doctor`", at, name, away,
                     feed.last_error[0] ? ": " : "", feed.last_error);
  else if (away > 0)
    kl_buf_json_item(&h->notes, "the feed%s%s has been away for %.0f s", at, name, away);
  if (feed.connected && feed.late)
    kl_buf_json_item(&h->notes, "the feed%s%s is late: what comes is %.1f s old", at, name, feed.delay);
  if (feed.stale_books)
    kl_buf_json_item(&h->notes, "%llu of %llu books%s%s are stale", (unsigned long long)feed.stale_books,
                     (unsigned long long)feed.books, at, name);
}

static void look_at_scripts(kl_app *a, health *h) {
  kl_strategy_status s;
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status_get(g, &s);
    kl_buf *list = kl_strategy_shadow_of(g) ? &h->notes : &h->reasons; /* its errors are its own */
    if (s.phase == KL_STRATEGY_ENDED && s.failed)
      kl_buf_json_item(list, "script %s has failed: %s; `kalua start %s` starts it again", s.name, s.last_error,
                       s.name);
    else if (s.phase == KL_STRATEGY_WAITING)
      kl_buf_json_item(list, "script %s has failed and is started again soon: %s", s.name, s.last_error);
    else if (s.phase == KL_STRATEGY_PAUSED)
      kl_buf_json_item(&h->notes, "script %s is paused", s.name);
  }
}

static void look_at_standstills(kl_app_account *x, health *h) {
  const kl_standstill *all;
  char text[256];
  for (kl_party *p = kl_desk_party_next(x->desk, NULL); p; p = kl_desk_party_next(x->desk, p)) {
    size_t n = kl_party_standstills(p, &all);
    for (size_t i = 0; i < n; i++)
      kl_buf_json_item(&h->notes, "script %s%s%s: %s", kl_party_name(p), x->profile.name[0] ? " at account " : "",
                       x->profile.name, kl_standstill_text(text, sizeof text, &all[i], kl_wall_ms(kl_clock_real())));
  }
}

static void look_at_trading(kl_app *a, health *h) {
  size_t waiting;
  kl_error broken;
  kl_desk_counts counts;
  if (a->killed) kl_buf_json_item(&h->reasons, "trading was stopped by `kalua kill`");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    const char *at = x->profile.name[0] ? " at account " : "", *name = x->profile.name;
    if (!x->desk) continue;
    for (kl_party *p = kl_desk_party_next(x->desk, NULL); p; p = kl_desk_party_next(x->desk, p))
      if (kl_party_halted(p))
        kl_buf_json_item(&h->reasons, "script %s is halted%s%s: %s", kl_party_name(p), at, name, kl_party_halted(p));
    look_at_standstills(x, h);
    if (kl_desk_journal(x->desk, &waiting, &broken) && broken.kind) kl_buf_json_item(&h->reasons, "%s", broken.message);
    kl_desk_counts_get(x->desk, NULL, &counts);
    if (counts.unknown)
      kl_buf_json_item(&h->notes, "%zu orders%s%s are unknown and being looked up", counts.unknown, at, name);
  }
  if (kl_log_lost())
    kl_buf_json_item(&h->notes, "%llu lines of the log could not be written", (unsigned long long)kl_log_lost());
}

static void list_scripts(kl_app *a, kl_buf *out) {
  kl_strategy_status s;
  bool first = true;
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status_get(g, &s);
    kl_buf_str(out, first ? "{\"name\":" : ",{\"name\":");
    kl_buf_json_cstr(out, s.name);
    kl_buf_printf(out, ",\"state\":\"%s\",\"generation\":%d}", kl_strategy_phase_names[s.phase], s.generation);
    first = false;
  }
}

bool kl_monitoring_health(kl_app *a, kl_buf *out) {
  health h = {0};
  for (const kl_app_account *x = a->first.session ? &a->first : NULL; x; x = x->next)
    look_at_feed(x, &h);
  look_at_scripts(a, &h);
  look_at_trading(a, &h);
  bool ok = h.reasons.len == 0 && !h.reasons.failed;
  kl_buf_printf(out, "{\"ok\":%s,\"version\":\"" KL_VERSION "\",\"env\":\"%s\",\"uptime_seconds\":%.1f,\"reasons\":[",
                ok ? "true" : "false", a->first.shown, (double)(kl_mono_ns(kl_clock_real()) - a->started_ns) / 1e9);
  kl_buf_add(out, h.reasons.data ? h.reasons.data : "", h.reasons.len);
  kl_buf_str(out, "],\"notes\":[");
  kl_buf_add(out, h.notes.data ? h.notes.data : "", h.notes.len);
  kl_buf_str(out, "],\"scripts\":[");
  list_scripts(a, out);
  kl_buf_str(out, "]}\n");
  kl_buf_free(&h.reasons);
  kl_buf_free(&h.notes);
  return ok;
}
