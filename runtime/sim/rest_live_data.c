/* Live data of milestones and of events, and the play by play of games. All public. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/indices.h"
#include "sim/json_out.h"
#include "sim/milestones.h"
#include "sim/plays.h"
#include "sim/reference.h"
#include "sim/routes.h"
#include "sim/weather.h"

enum { BATCH_MOST = 100 };

static void not_found(kl_sim_response *rs) { kl_sim_fail(rs, 404, "not_found", "not found", NULL); }

static bool ready(kl_sim *s, kl_sim_response *rs) {
  if (kl_sim_milestones_sync(s)) return true;
  kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
  return false;
}

static void number(kl_buf *b, const char *key, double v, double unit) {
  kl_sim_key(b, key);
  kl_buf_printf(b, "%.12g", round(v / unit) * unit);
}

static void field_clock(kl_buf *b, int clock_s) {
  char text[24];
  snprintf(text, sizeof text, "%02d:%02d", clock_s / 60, clock_s % 60);
  kl_sim_field_str(b, "clock", text);
}

/* ---- milestones ---- */

static void game_details(kl_buf *b, const kl_sim *s, const kl_sim_milestone *m, const kl_sim_observation *o) {
  size_t n;
  const kl_sim_play *plays = kl_sim_plays_of(s->reference->plays, m->events[0]->ticker, &n);
  kl_sim_field_int(b, "away_points", o->score[0]);
  kl_sim_field_int(b, "home_points", o->score[1]);
  kl_sim_field_int(b, "period", o->period);
  field_clock(b, o->clock_s);
  kl_sim_json_teams(b, m);
  if (n > 0) kl_sim_field_time(b, "last_play_time", plays[n - 1].at_us);
}

static void poll_details(kl_buf *b, const kl_sim_milestone *m, const kl_sim_observation *o) {
  const kl_market_event *e = m->events[0];
  kl_sim_field_str(b, "contender", e->markets[0]->yes_sub_title);
  number(b, "poll_share", o->value, 0.001);
}

/* {"type":…,"details":{…},"milestone_id":…} */
static void write_live_data(kl_buf *b, const kl_sim *s, const kl_sim_milestone *m) {
  kl_sim_milestone_state st;
  kl_sim_milestone_look(s, m, &st);
  const kl_sim_observation *o = &st.seen;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "type", m->about.milestone_type);
  kl_sim_key(b, "details");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "status", kl_sim_milestone_status(&st));
  if (st.observed) {
    switch (m->about.about) {
    case KL_SIM_ABOUT_SPORTS:
      game_details(b, s, m, o);
      break;
    case KL_SIM_ABOUT_WEATHER:
      kl_sim_field_str(b, "city", m->about.place);
      number(b, "temperature_f", o->value, 0.01);
      if (isfinite(o->extreme)) number(b, "high_f", o->extreme, 0.01);
      break;
    case KL_SIM_ABOUT_CRYPTO: {
      const kl_sim_index *x = kl_sim_index_of_coin(s->reference->indices, m->about.place);
      if (x) kl_sim_field_str(b, "index_id", x->id);
      number(b, "price", o->value, 0.01);
      break;
    }
    case KL_SIM_ABOUT_ELECTION:
      poll_details(b, m, o);
      break;
    default:
      number(b, "last_reading", o->value, 0.0001);
      break;
    }
  }
  kl_buf_char(b, '}');
  kl_sim_field_str(b, "milestone_id", m->id);
  kl_buf_char(b, '}');
}

/* `type`: what the path says it is; NULL: it does not say. */
static void answer_milestone(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const char *type,
                             const char *id) {
  bool players; /* the simulated games have teams only: there is nothing to add */
  if (!kl_sim_arg_bool(rq, rs, "include_player_stats", &players) || !ready(s, rs)) return;
  const kl_sim_milestone *m = kl_sim_milestone_find(s->reference->milestones, id);
  if (!m || (type && strcmp(type, m->about.milestone_type) != 0)) {
    not_found(rs);
    return;
  }
  kl_buf_str(&rs->body, "{\"live_data\":");
  write_live_data(&rs->body, s, m);
  kl_buf_char(&rs->body, '}');
}

static void get_live_data(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  answer_milestone(s, rq, rs, rq->params[0], rq->params[1]);
}

static void get_live_data_by_milestone(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  answer_milestone(s, rq, rs, NULL, rq->params[0]);
}

static void get_live_datas(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  size_t asked = 0;
  bool players, any = false;
  for (size_t i = 0; i < rq->n_args; i++)
    asked += !strcmp(rq->args[i].key, "milestone_ids");
  if (asked == 0 || asked > BATCH_MOST) {
    kl_sim_fail_query(rq, rs, asked ? "milestone_ids: at most 100" : "milestone_ids is required");
    return;
  }
  if (!kl_sim_arg_bool(rq, rs, "include_player_stats", &players) || !ready(s, rs)) return;
  kl_buf_str(&rs->body, "{\"live_datas\":[");
  for (size_t i = 0; i < rq->n_args; i++) {
    if (strcmp(rq->args[i].key, "milestone_ids") != 0) continue;
    const kl_sim_milestone *m = kl_sim_milestone_find(s->reference->milestones, rq->args[i].value);
    if (!m) continue; /* an unknown one has no row */
    if (any) kl_buf_char(&rs->body, ',');
    any = true;
    write_live_data(&rs->body, s, m);
  }
  kl_buf_str(&rs->body, "]}");
}

/* ---- play by play ---- */

static void write_play(kl_buf *b, const kl_sim_milestone *m, const kl_sim_play *p, size_t number_of) {
  static const char *const kinds[] = {[KL_SIM_PLAY_BEGIN] = "gamestart",
                                      [KL_SIM_PLAY_PERIOD] = "periodstart",
                                      [KL_SIM_PLAY_SCORE] = "score",
                                      [KL_SIM_PLAY_END] = "gameend"};
  const kl_market_event *e = m->events[0];
  kl_buf_char(b, '{');
  kl_sim_field_int(b, "number", (int64_t)number_of + 1);
  kl_sim_field_str(b, "event_type", kinds[p->kind]);
  field_clock(b, p->clock_s);
  kl_sim_field_int(b, "away_points", p->score[0]);
  kl_sim_field_int(b, "home_points", p->score[1]);
  if (p->kind == KL_SIM_PLAY_SCORE) {
    kl_sim_field_int(b, "points", p->points);
    if ((size_t)p->side < e->n_markets) {
      char text[128];
      const char *team = e->markets[p->side]->yes_sub_title;
      kl_sim_field_str(b, "team", team);
      snprintf(text, sizeof text, "%s: %d", team, p->points);
      kl_sim_field_str(b, "description", text);
    }
  }
  kl_sim_field_time(b, "updated", p->at_us);
  kl_buf_char(b, '}');
}

static void get_game_stats(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  if (!ready(s, rs)) return;
  const kl_sim_milestone *m = kl_sim_milestone_find(s->reference->milestones, rq->params[0]);
  size_t n, i = 0;
  if (!m) {
    not_found(rs);
    return;
  }
  if (m->about.about != KL_SIM_ABOUT_SPORTS) { /* no plays are told of it */
    kl_buf_str(b, "{}");
    return;
  }
  const kl_sim_play *plays = kl_sim_plays_of(s->reference->plays, m->events[0]->ticker, &n);
  int periods = n ? plays[n - 1].period : 0;
  kl_buf_str(b, "{\"pbp\":{\"periods\":[");
  for (int period = 1; period <= periods; period++) {
    kl_buf_str(b, period > 1 ? ",{\"events\":[" : "{\"events\":[");
    for (size_t first = i; i < n && plays[i].period <= period; i++) {
      if (i > first) kl_buf_char(b, ',');
      write_play(b, m, &plays[i], i);
    }
    kl_buf_str(b, "]}");
  }
  kl_buf_str(b, "]}}");
}

/* ---- events ---- */

/* How much of the past a chart shows, and how densely. */
typedef struct chart_range {
  const char *name;
  int64_t length_ms, step_ms;
} chart_range;

static const chart_range price_ranges[] = {
    {"1h", 3600000, 1000}, {"15min", 900000, 1000}, {"1d", 86400000, 60000}, {NULL, 0, 0}};
static const chart_range weather_ranges[] = {
    {"1d", 86400000, 60000}, {"6h", 21600000, 60000}, {"1h", 3600000, 60000}, {NULL, 0, 0}};

/* A range by name; the first one, which is the default, for any other name. */
static const chart_range *range_of(const kl_sim_request *rq, const chart_range *ranges) {
  const char *name = kl_sim_arg_get(rq, "range");
  for (const chart_range *r = ranges; name && r->name; r++)
    if (!strcmp(r->name, name)) return r;
  return ranges;
}

static void write_ranges(kl_buf *b, const chart_range *ranges) {
  kl_sim_field_str(b, "default_range", ranges[0].name);
  kl_sim_key(b, "range_options");
  kl_buf_char(b, '[');
  for (const chart_range *r = ranges; r->name; r++) {
    if (r != ranges) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, r->name);
  }
  kl_buf_char(b, ']');
}

static void write_price_candles(kl_buf *b, const char *key, const kl_sim_index *x, int64_t from_ms, int64_t to_ms,
                                int64_t period_ms) {
  bool any = false;
  kl_sim_key(b, key);
  kl_buf_char(b, '[');
  for (int64_t begin = from_ms / period_ms * period_ms; begin <= to_ms; begin += period_ms) {
    double v, open = 0, low = 0, high = 0, close = 0;
    bool known = false;
    for (int64_t at = begin; at < begin + period_ms && at <= to_ms; at += 1000) {
      if (!kl_sim_history_at(x->history, at, &v)) continue;
      if (!known) open = low = high = v;
      known = true;
      if (v < low) low = v;
      if (v > high) high = v;
      close = v;
    }
    if (!known) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_int(b, "t", begin);
    number(b, "open", open, 0.01);
    number(b, "high", high, 0.01);
    number(b, "low", low, 0.01);
    number(b, "close", close, 0.01);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

/* A chart of the coin, which ends with the event. */
static void price_live_data(kl_buf *b, const kl_sim *s, const kl_sim_request *rq, const kl_sim_event *e,
                            const kl_sim_index *x) {
  const chart_range *range = range_of(rq, price_ranges);
  bool over = s->now_us >= e->end_us, any = false;
  int64_t newest = kl_sim_history_newest_ms(x->history), to = over ? e->end_us / 1000 : newest;
  if (to > newest) to = newest;
  int64_t from = to - range->length_ms;
  kl_sim_field_str(b, "type", "crypto");
  kl_sim_key(b, "details");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "index_id", x->id);
  kl_sim_key(b, "timeseries");
  kl_buf_char(b, '[');
  for (int64_t at = (from / range->step_ms + 1) * range->step_ms; at <= to; at += range->step_ms) {
    double v;
    if (!kl_sim_history_at(x->history, at, &v)) continue;
    kl_buf_printf(b, "%s{\"t\":%lld,\"v\":%.2f}", any ? "," : "", (long long)at, v);
    any = true;
  }
  kl_buf_char(b, ']');
  if (range->step_ms == 1000) { /* a day of seconds would be slow to gather */
    kl_sim_key(b, "candlesticks");
    kl_buf_char(b, '{');
    write_price_candles(b, "1M", x, from, to, 60000);
    write_price_candles(b, "15M", x, from, to, 900000);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, '}');
  kl_sim_field_bool(b, "is_historical", over);
  write_ranges(b, price_ranges);
}

/* The city's index as far as the event's day, or what there is of it. */
static void weather_live_data(kl_buf *b, const kl_sim *s, const kl_sim_request *rq, const kl_sim_event *e,
                              const kl_sim_city *c) {
  const chart_range *range = range_of(rq, weather_ranges);
  kl_sim_observation now;
  bool any = false;
  int64_t to = s->now_us / 1000 < e->end_us / 1000 ? s->now_us / 1000 : e->end_us / 1000;
  kl_sim_world_observe(&s->world, e, &now);
  kl_sim_field_str(b, "type", "weather");
  kl_sim_key(b, "details");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "city", c->id);
  kl_sim_field_str(b, "units", "fahrenheit");
  if (now.started) number(b, "temperature_f", now.value, 0.01);
  if (now.started && isfinite(now.extreme)) number(b, "high_f", now.extreme, 0.01);
  kl_sim_key(b, "timeseries");
  kl_buf_char(b, '[');
  for (int64_t at = (to - range->length_ms) / range->step_ms * range->step_ms; at <= to; at += range->step_ms) {
    double v;
    if (!kl_sim_city_at(s, c, at, &v)) continue;
    kl_buf_printf(b, "%s{\"t\":%lld,\"v\":%.2f}", any ? "," : "", (long long)at, v);
    any = true;
  }
  kl_buf_str(b, "]}");
  write_ranges(b, weather_ranges);
}

static void get_event_live_data(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_market_event *e = kl_exchange_event(s->x, rq->params[0]);
  const kl_sim_event *of = e ? kl_sim_world_event(&s->world, e) : NULL;
  kl_sim_subject about;
  kl_buf *b = &rs->body;
  if (!of) {
    not_found(rs);
    return;
  }
  kl_sim_subject_of(e->series, &about);
  const kl_sim_index *x =
      about.about == KL_SIM_ABOUT_CRYPTO ? kl_sim_index_of_coin(s->reference->indices, about.place) : NULL;
  const kl_sim_city *c =
      about.about == KL_SIM_ABOUT_WEATHER ? kl_sim_city_find(s->reference->weather, about.place) : NULL;
  if (!x && !c) { /* games, races and releases have theirs by milestone */
    kl_sim_fail(rs, 404, "not_found", "not found", "no chart belongs to this event; its milestone has live data");
    return;
  }
  kl_buf_str(b, "{\"live_data\":{");
  if (x) price_live_data(b, s, rq, of, x);
  if (c) weather_live_data(b, s, rq, of, c);
  kl_buf_str(b, "}}");
}

const kl_sim_route kl_sim_routes_live_data[] = {
    {"GetLiveData", get_live_data, false},
    {"GetLiveDatas", get_live_datas, false},
    {"GetLiveDataByMilestone", get_live_data_by_milestone, false},
    {"GetGameStats", get_game_stats, false},
    {"GetEventLiveData", get_event_live_data, false},
    {NULL, NULL, false},
};
