/* The events of the world: which there are, when they end, what their markets ask. Names and dates follow the world's
 * calendar, which runs ahead of the wall's when the world is faster. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/shards.h"
#include "sim/world_process.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)
#define ZONE_US (5 * HOUR_US) /* New York, winter time all year: only names and dates depend on it */

/* An event under construction. */
typedef struct maker {
  kl_sim_world *w;
  kl_exchange *x;
  uint32_t k;     /* number of the event in its series */
  size_t most;    /* markets */
  int64_t cal_us; /* the world's date and time */
  int64_t day_us; /* start of the first day of the world, in New York */
  kl_sim_event *event;
  kl_sim_process *p; /* of the event */
  const struct event_spec *spec;
  bool failed;
} maker;

typedef struct event_spec {
  const char *ticker, *title, *sub_title;
  kl_series series;
  bool exclusive, exhaustive;
  double activity;
  const char *structure, *rules;
  double closes; /* world time; the process may end earlier or later */
  double expires;
} event_spec;

static void text(char *out, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void text(char *out, size_t cap, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  if (vsnprintf(out, cap, fmt, ap) < 0) out[0] = '\0';
  va_end(ap);
}

static const char months[12][4] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

/* The date of an instant in New York. */
static struct tm date_of(int64_t us) {
  time_t t = (time_t)((us - ZONE_US) / 1000000);
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  return tm;
}

static void day_code(char out[16], int64_t us) {
  struct tm d = date_of(us);
  text(out, 16, "%02d%s%02d", d.tm_year % 100, months[d.tm_mon % 12], d.tm_mday);
}

static double world_time(const maker *b, int64_t cal_us) { return (double)(cal_us - b->w->o.now_us) / 1e6; }
static bool past(const maker *b, int64_t cal_us) { return cal_us <= b->cal_us; }

/* The k-th month from the start on: its code and the middle of it. */
static int64_t month_of(const maker *b, char code[16]) {
  struct tm d = date_of(b->w->o.now_us);
  int month = d.tm_mon + 1 + (int)b->k, year = d.tm_year + month / 12;
  struct tm middle = {.tm_year = year, .tm_mon = month % 12, .tm_mday = 15, .tm_hour = 18};
  text(code, 16, "%02d%s", year % 100, months[month % 12]);
  return (int64_t)timegm(&middle) * 1000000;
}

/* Opens the process's event; the process is set up. */
static void add_event(maker *b, const event_spec *spec) {
  kl_sim_world *w = b->w;
  kl_series *series = kl_exchange_series(b->x, spec->series.ticker);
  if (!series) {
    kl_series s = spec->series;
    s.fee_multiplier_ppm = 1000000;
    s.exchange_index = kl_sim_shard_of_series(s.ticker, s.category);
    series = kl_exchange_add_series(b->x, &s);
  }
  kl_market_event e = {.series = series, .mutually_exclusive = spec->exclusive};
  text(e.ticker, sizeof e.ticker, "%s", spec->ticker);
  text(e.title, sizeof e.title, "%s", spec->title);
  text(e.sub_title, sizeof e.sub_title, "%s", spec->sub_title);
  b->spec = spec;
  b->event->event = series ? kl_exchange_add_event(b->x, &e) : NULL;
  if (!b->event->event) {
    b->failed = true;
    return;
  }
  b->event->kind = b->p->type->kind;
  b->event->complete = spec->exclusive && spec->exhaustive;
  b->event->activity = spec->activity * exp(0.5 * kl_sim_gauss(&b->p->random));
  b->event->start_us = kl_sim_world_wall_us(w, b->p->start);
  b->event->end_us = kl_sim_world_wall_us(w, spec->expires);
}

static void add_market(maker *b, const char *suffix, const char *yes, const char *strike_type, kl_sim_claim claim,
                       double floor_strike, double cap_strike) {
  kl_sim_world *w = b->w;
  const event_spec *spec = b->spec;
  if (b->failed) return;
  if (b->event->event->n_markets >= b->most) {
    b->event->complete = false;
    return;
  }
  int64_t now = kl_sim_world_wall_us(w, world_time(b, b->cal_us));
  bool at_start = w->step == 0;
  kl_market m = {.event = b->event->event,
                 .created_us = at_start ? now - 6 * DAY_US : now,
                 .open_us = at_start ? now - 5 * DAY_US : now,
                 .close_us = kl_sim_world_wall_us(w, spec->closes),
                 .expected_expiration_us = kl_sim_world_wall_us(w, spec->expires + 3600),
                 .latest_expiration_us = kl_sim_world_wall_us(w, spec->expires + 7 * 86400),
                 .settlement_timer_s = 60,
                 .settlement = -1,
                 .updated_us = now};
  text(m.ticker, sizeof m.ticker, "%s-%s", spec->ticker, suffix);
  text(m.title, sizeof m.title, "%s", spec->title);
  text(m.yes_sub_title, sizeof m.yes_sub_title, "%s", yes);
  text(m.no_sub_title, sizeof m.no_sub_title, "Not %s", yes);
  text(m.rules, sizeof m.rules, "If %s, then the market resolves to Yes. Made up by the simulator.", spec->rules);
  text(m.strike_type, sizeof m.strike_type, "%s", strike_type);
  m.has_floor = isfinite(floor_strike);
  m.has_cap = isfinite(cap_strike);
  if (m.has_floor) m.floor_strike = floor_strike;
  if (m.has_cap) m.cap_strike = cap_strike;
  kl_market *added = kl_price_structure(spec->structure, &m) ? kl_exchange_add_market(b->x, &m) : NULL;
  kl_sim_market *place = added ? kl_sim_world_place(w, added) : NULL;
  if (!place) {
    b->failed = true;
    return;
  }
  *place = (kl_sim_market){.market = added, .event = b->event, .claim = claim};
}

static kl_sim_claim between(double low, double high) { return (kl_sim_claim){low, high, -1}; }
static kl_sim_claim wins(int contender) { return (kl_sim_claim){-INFINITY, INFINITY, contender}; }
static void add_above(maker *b, const char *suffix, const char *yes, double strike, double bound) {
  add_market(b, suffix, yes, "greater", between(bound, INFINITY), strike, INFINITY);
}

/* ---- the series ---- */

typedef struct city {
  const char *series, *name, *station;
  double mean, swing; /* of the highest temperature over the year */
} city;

static bool high_temperature(maker *b, const city *c) {
  char day[16], ticker[48], title[160], sub[96], suffix[24], yes[64], rules[160];
  int64_t at = b->day_us + (int64_t)(b->k + 1) * DAY_US;
  struct tm d = date_of(at);
  if (past(b, at + DAY_US)) return false;
  day_code(day, at);
  text(ticker, sizeof ticker, "%s-%s", c->series, day);
  text(title, sizeof title, "Highest temperature in %s", c->name);
  text(sub, sizeof sub, "On %s %d", months[d.tm_mon % 12], d.tm_mday);
  text(rules, sizeof rules, "the highest temperature recorded at %s lies in the strike range", c->station);
  double season = c->mean - c->swing * cos(6.2832 * (d.tm_yday - 20) / 365.0);
  kl_sim_weather_begin(b->p, season + 5 * kl_sim_gauss(&b->p->random), world_time(b, at));
  double low = floor(kl_sim_weather_expected(b->p)) - 4;
  event_spec spec = {.ticker = ticker,
                     .title = title,
                     .sub_title = sub,
                     .series = {.category = "Climate and Weather", .frequency = "daily"},
                     .exclusive = true,
                     .exhaustive = true,
                     .activity = 1.2,
                     .structure = "linear_cent",
                     .closes = b->p->end,
                     .expires = b->p->end,
                     .rules = rules};
  text(spec.series.ticker, sizeof spec.series.ticker, "%s", c->series);
  text(spec.series.title, sizeof spec.series.title, "%s", title);
  add_event(b, &spec);
  text(suffix, sizeof suffix, "T%.0f", low);
  text(yes, sizeof yes, "%.0f° or below", low - 1);
  /* The reading counts to the whole degree. */
  add_market(b, suffix, yes, "less", between(-INFINITY, low - 0.5), -INFINITY, low);
  for (int i = 0; i < 4; i++) {
    text(suffix, sizeof suffix, "B%.1f", low + 0.5);
    text(yes, sizeof yes, "%.0f° to %.0f°", low, low + 1);
    add_market(b, suffix, yes, "between", between(low - 0.5, low + 1.5), low, low + 1);
    low += 2;
  }
  text(suffix, sizeof suffix, "T%.0f", low - 1);
  text(yes, sizeof yes, "%.0f° or above", low);
  add_above(b, suffix, yes, low - 1, low - 0.5);
  return true;
}

static bool new_york(maker *b) { return high_temperature(b, &(city){"KXHIGHNY", "NYC", "Central Park", 62, 23}); }
static bool chicago(maker *b) { return high_temperature(b, &(city){"KXHIGHCHI", "Chicago", "Midway Airport", 59, 26}); }
static bool miami(maker *b) { return high_temperature(b, &(city){"KXHIGHMIA", "Miami", "Miami Airport", 84, 6}); }
static bool austin(maker *b) {
  return high_temperature(b, &(city){"KXHIGHAUS", "Austin", "Bergstrom Airport", 80, 17});
}
static bool denver(maker *b) { return high_temperature(b, &(city){"KXHIGHDEN", "Denver", "Denver Airport", 65, 22}); }

static bool fed_rate(maker *b) {
  char month[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t close = month_of(b, month);
  if (past(b, close)) return false;
  text(ticker, sizeof ticker, "KXFED-%s", month);
  text(sub, sizeof sub, "After the %s meeting", month);
  double middle = 3.5 + 0.25 * floor(4 * kl_sim_uniform(&b->p->random));
  kl_sim_economy_begin(b->p, middle + 0.1 * kl_sim_gauss(&b->p->random), 0.35, 0.25, middle, world_time(b, close));
  event_spec spec = {.ticker = ticker,
                     .title = "Upper bound of the federal funds rate",
                     .sub_title = sub,
                     .series = {.ticker = "KXFED",
                                .title = "Federal funds rate",
                                .category = "Economics",
                                .frequency = "custom",
                                .fee_type = KL_FEE_QUADRATIC},
                     .activity = 0.8,
                     .structure = "tapered_deci_cent",
                     .closes = b->p->end,
                     .expires = b->p->end,
                     .rules = "the upper bound of the target rate after the meeting is above the strike"};
  add_event(b, &spec);
  for (int i = -2; i <= 2; i++) {
    double strike = middle + 0.25 * i;
    text(suffix, sizeof suffix, "T%.2f", strike);
    text(yes, sizeof yes, "Above %.2f%%", strike);
    add_above(b, suffix, yes, strike, strike + 0.125);
  }
  return true;
}

/* The smallest usual distance of strikes that is not below `least`. */
static double strike_step(double least) {
  static const double steps[] = {250, 500, 1000, 2000, 5000, 10000};
  size_t i = 0;
  while (i + 1 < sizeof steps / sizeof *steps && steps[i] < least)
    i++;
  return steps[i];
}

static bool bitcoin_range(maker *b) {
  char day[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t at = (b->w->o.now_us / HOUR_US + 3 + b->k) * HOUR_US;
  struct tm d = date_of(at);
  if (past(b, at)) return false;
  day_code(day, at);
  text(ticker, sizeof ticker, "KXBTC-%s%02d", day, d.tm_hour);
  text(sub, sizeof sub, "On %s %d at %d:00 EST", months[d.tm_mon % 12], d.tm_mday, d.tm_hour);
  kl_sim_crypto_begin(b->p, b->w->asset, world_time(b, at));
  double price = exp(b->w->asset->log_price);
  double step = strike_step(price * kl_sim_asset_sd(b->w->asset, b->p->end - b->p->t) / 4.5);
  double low = step * floor(price / step) - 3 * step;
  event_spec spec = {.ticker = ticker,
                     .title = "Bitcoin price range",
                     .sub_title = sub,
                     .series = {.ticker = "KXBTC",
                                .title = "Bitcoin price range",
                                .category = "Crypto",
                                .frequency = "hourly",
                                .fee_type = KL_FEE_QUADRATIC},
                     .exclusive = true,
                     .exhaustive = true,
                     .activity = 2.0,
                     .structure = "deci_cent",
                     .closes = b->p->end,
                     .expires = b->p->end,
                     .rules = "the price of Bitcoin at the named time lies in the strike range"};
  add_event(b, &spec);
  /* Prices are whole cents, so a bound lies half a cent below the first price that counts. */
  text(suffix, sizeof suffix, "T%.2f", low);
  text(yes, sizeof yes, "$%.2f or below", low - 0.01);
  add_market(b, suffix, yes, "less", between(-INFINITY, low - 0.005), -INFINITY, low);
  for (int i = 0; i < 6; i++) {
    text(suffix, sizeof suffix, "B%.0f", low + step / 2);
    text(yes, sizeof yes, "$%.0f to %.2f", low, low + step - 0.01);
    add_market(b, suffix, yes, "between", between(low - 0.005, low + step - 0.005), low, low + step - 0.01);
    low += step;
  }
  text(suffix, sizeof suffix, "T%.2f", low - 0.01);
  text(yes, sizeof yes, "$%.0f or above", low);
  add_above(b, suffix, yes, low - 0.01, low - 0.005);
  return true;
}

static bool bitcoin_above(maker *b) {
  char day[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t at = b->day_us + (int64_t)(b->k + 1) * DAY_US + 17 * HOUR_US;
  struct tm d = date_of(at);
  if (past(b, at)) return false;
  day_code(day, at);
  text(ticker, sizeof ticker, "KXBTCD-%s17", day);
  text(sub, sizeof sub, "On %s %d at 17:00 EST", months[d.tm_mon % 12], d.tm_mday);
  kl_sim_crypto_begin(b->p, b->w->asset, world_time(b, at));
  double price = exp(b->w->asset->log_price);
  double step = 4 * strike_step(price * kl_sim_asset_sd(b->w->asset, b->p->end - b->p->t) / 8 / 2);
  double middle = step * round(price / step);
  event_spec spec = {.ticker = ticker,
                     .title = "Bitcoin price above",
                     .sub_title = sub,
                     .series = {.ticker = "KXBTCD",
                                .title = "Bitcoin price above",
                                .category = "Crypto",
                                .frequency = "daily",
                                .fee_type = KL_FEE_QUADRATIC},
                     .activity = 1.5,
                     .structure = "center_deci_edge_centi_cent",
                     .closes = b->p->end,
                     .expires = b->p->end,
                     .rules = "the price of Bitcoin at the named time is above the strike"};
  add_event(b, &spec);
  for (int i = -2; i <= 2; i++) {
    double strike = middle + step * i - 0.01;
    text(suffix, sizeof suffix, "T%.2f", strike);
    text(yes, sizeof yes, "$%.0f or above", strike + 0.01);
    add_above(b, suffix, yes, strike, strike + 0.005);
  }
  return true;
}

typedef struct team {
  const char *code, *name;
} team;

/* Games are played around the clock, one every 96 minutes: fifteen a day, each team once. */
static bool basketball(maker *b) {
  static const team teams[] = {
      {"LAL", "Los Angeles L"}, {"BOS", "Boston"},        {"NYK", "New York"},    {"DEN", "Denver"},
      {"GSW", "Golden State"},  {"MIA", "Miami"},         {"PHX", "Phoenix"},     {"CHI", "Chicago"},
      {"DAL", "Dallas"},        {"MIL", "Milwaukee"},     {"ATL", "Atlanta"},     {"BKN", "Brooklyn"},
      {"CHA", "Charlotte"},     {"CLE", "Cleveland"},     {"DET", "Detroit"},     {"HOU", "Houston"},
      {"IND", "Indiana"},       {"LAC", "Los Angeles C"}, {"MEM", "Memphis"},     {"MIN", "Minnesota"},
      {"NOP", "New Orleans"},   {"OKC", "Oklahoma City"}, {"ORL", "Orlando"},     {"PHI", "Philadelphia"},
      {"POR", "Portland"},      {"SAC", "Sacramento"},    {"SAS", "San Antonio"}, {"TOR", "Toronto"},
      {"UTA", "Utah"},          {"WAS", "Washington"}};
  enum { TEAMS = sizeof teams / sizeof *teams, GAMES = TEAMS / 2 };
  static const int64_t every_us = DAY_US / GAMES;
  char day[16], ticker[48], title[160];
  /* The first one is the nearest to the start, and may be under way. */
  int64_t slot = (b->w->o.now_us - ZONE_US + every_us / 2) / every_us + b->k, at = slot * every_us + ZONE_US;
  if (b->w->step > 0 && past(b, at)) return false;
  /* A round robin by the circle method: the first team stays, the others move on by one each day. */
  uint32_t round = (uint32_t)(slot / GAMES), game = (uint32_t)(slot % GAMES);
  uint32_t away = game == 0 ? 0 : 1 + (game - 1 + round) % (TEAMS - 1);
  uint32_t home = 1 + (TEAMS - 2 - game + round) % (TEAMS - 1);
  day_code(day, at);
  text(ticker, sizeof ticker, "KXNBAGAME-%s%s%s", day, teams[away].code, teams[home].code);
  text(title, sizeof title, "%s at %s winner?", teams[away].name, teams[home].name);
  double tip_off = world_time(b, at);
  kl_sim_sports_begin(b->p, tip_off, b->p->t);
  event_spec spec = {.ticker = ticker,
                     .title = title,
                     .sub_title = day,
                     .series = {.ticker = "KXNBAGAME",
                                .title = "Professional basketball game",
                                .category = "Sports",
                                .frequency = "custom",
                                .fee_type = KL_FEE_QUADRATIC_MAKER},
                     .exclusive = true,
                     .exhaustive = true,
                     .activity = 1.6,
                     .structure = "linear_cent",
                     .closes = kl_sim_sports_latest(tip_off) + 12 * 3600,
                     .expires = kl_sim_sports_latest(tip_off),
                     .rules = "the named team wins the game"};
  add_event(b, &spec);
  add_market(b, teams[away].code, teams[away].name, "structured", wins(0), NAN, NAN);
  add_market(b, teams[home].code, teams[home].name, "structured", wins(1), NAN, NAN);
  return true;
}

/* Special elections, one a day. */
static bool election(maker *b) {
  static const char *const states[] = {"NY", "GA", "PA", "AZ", "MI", "WI", "NV", "NC", "TX", "FL"};
  enum { STATES = sizeof states / sizeof *states };
  char ticker[48], title[160], sub[96];
  const char *state = states[b->k % STATES];
  uint32_t district = 1 + b->k / STATES;
  int64_t at = b->day_us + (int64_t)(b->k + 2) * DAY_US + 20 * HOUR_US;
  struct tm d = date_of(at);
  if (past(b, at)) return false;
  text(ticker, sizeof ticker, "KXHOUSERACE-%02d%s%02u", d.tm_year % 100, state, district);
  text(title, sizeof title, "Who will win the House race in %s-%02u?", state, district);
  text(sub, sizeof sub, "%s-%02u on %s %d", state, district, months[d.tm_mon % 12], d.tm_mday);
  double lean = 1.2 * kl_sim_gauss(&b->p->random), third = 43 + 1.5 * kl_sim_uniform(&b->p->random);
  double support[KL_SIM_CONTENDERS] = {47 + lean, 47 - lean, third};
  kl_sim_poll_begin(b->p, support, KL_SIM_CONTENDERS, world_time(b, at));
  event_spec spec = {.ticker = ticker,
                     .title = title,
                     .sub_title = sub,
                     .series = {.ticker = "KXHOUSERACE",
                                .title = "House race",
                                .category = "Elections",
                                .frequency = "custom",
                                .fee_type = KL_FEE_QUADRATIC},
                     .exclusive = true,
                     .exhaustive = true,
                     .activity = 0.7,
                     .structure = "tapered_deci_cent",
                     .closes = b->p->end,
                     .expires = b->p->end,
                     .rules = "the candidate of the named party wins the seat"};
  add_event(b, &spec);
  add_market(b, "D", "Democratic party", "custom", wins(0), NAN, NAN);
  add_market(b, "R", "Republican party", "custom", wins(1), NAN, NAN);
  add_market(b, "I", "Independent", "custom", wins(2), NAN, NAN);
  return true;
}

static bool inflation(maker *b) {
  char month[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t close = month_of(b, month);
  if (past(b, close)) return false;
  text(ticker, sizeof ticker, "KXCPIYOY-%s", month);
  text(sub, sizeof sub, "Release of %s", month);
  double middle = 2.6 + 0.1 * floor(6 * kl_sim_uniform(&b->p->random));
  kl_sim_economy_begin(b->p, middle + 0.05 * kl_sim_gauss(&b->p->random), 0.18, 0.1, middle, world_time(b, close));
  event_spec spec = {.ticker = ticker,
                     .title = "CPI, year over year",
                     .sub_title = sub,
                     .series = {.ticker = "KXCPIYOY",
                                .title = "CPI, year over year",
                                .category = "Economics",
                                .frequency = "monthly",
                                .fee_type = KL_FEE_QUADRATIC},
                     .activity = 0.9,
                     .structure = "deci_cent",
                     .closes = b->p->end,
                     .expires = b->p->end,
                     .rules = "the consumer price index rose by more than the strike over twelve months"};
  add_event(b, &spec);
  for (int i = -2; i <= 2; i++) {
    double strike = middle + 0.1 * i;
    text(suffix, sizeof suffix, "T%.1f", strike);
    text(yes, sizeof yes, "Above %.1f%%", strike);
    add_above(b, suffix, yes, strike, strike + 0.05);
  }
  return true;
}

/* ---- all of them ---- */

/* Each returns false when that event would be over already. */
static bool (*const series[])(maker *) = {new_york,  fed_rate, bitcoin_range, bitcoin_above, basketball, election,
                                          inflation, chicago,  miami,         austin,        denver};

size_t kl_sim_calendar_series(void) { return sizeof series / sizeof *series; }

kl_sim_event *kl_sim_calendar_add(kl_sim_world *w, uint32_t which, size_t most) {
  double t = (double)w->step * w->step_s;
  maker b = {.w = w,
             .x = w->x,
             .most = most,
             .cal_us = w->o.now_us + (int64_t)(t * 1e6),
             .day_us = (w->o.now_us - ZONE_US) / DAY_US * DAY_US + ZONE_US};
  b.event = calloc(1, sizeof *b.event);
  b.p = calloc(1, sizeof *b.p);
  if (b.event && b.p) {
    b.event->process = b.p;
    b.event->serial = w->made++;
    b.event->series = which;
    b.event->step = w->step;
    b.p->random = kl_sim_random_new(w->o.seed, 1000 + b.event->serial);
    b.p->t = t;
    do
      b.k = w->next[which]++;
    while (!series[which](&b));
    if (!b.failed) return b.event;
  }
  free(b.p);
  free(b.event);
  return NULL;
}
