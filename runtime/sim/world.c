#include "sim/world.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/shards.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)

/* How lively the hidden values are, per square root of a second, in units of the event's sd or of a logit; how fast
 * they return to where they started; how often they jump. Chosen so that a price near a half moves by about half a cent
 * a second and a few cents a minute. */
static const double value_volatility = 0.012, logit_volatility = 0.02;
static const double reversion_s = 1800, jump_every_s = 400, jump_size = 0.3;

typedef struct builder {
  kl_sim_world *w;
  kl_exchange *x;
  kl_sim_random random;
  uint64_t seed;
  int64_t now_us;
  size_t target;  /* markets wanted */
  int64_t day_us; /* start of today in New York, winter time */
  bool failed;
  kl_series *series;
  size_t cap_events;
} builder;

/* What an event is made from. */
typedef struct event_spec {
  const char *ticker, *title, *sub_title;
  bool exclusive;
  kl_sim_model model;
  double value, sd, activity;
  const char *structure;
  kl_price_band bands[4];
  int64_t close_us;
  const char *rules;
} event_spec;

static void text(char *out, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void text(char *out, size_t cap, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  if (vsnprintf(out, cap, fmt, ap) < 0) out[0] = '\0';
  va_end(ap);
}

static const char months[12][4] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

/* The date of an instant in New York, winter time all year: only tickers and titles depend on it. */
static struct tm date_of(int64_t us) {
  time_t t = (time_t)(us / 1000000 - 5 * 3600);
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  return tm;
}

static void day_code(char out[16], int64_t us) {
  struct tm d = date_of(us);
  text(out, 16, "%02d%s%02d", d.tm_year % 100, months[d.tm_mon % 12], d.tm_mday);
}

/* The k-th month from now on: its code and the middle of it. */
static int64_t month_of(const builder *b, uint32_t k, char code[16]) {
  struct tm d = date_of(b->now_us);
  int month = d.tm_mon + 1 + (int)k, year = d.tm_year + month / 12;
  struct tm middle = {.tm_year = year, .tm_mon = month % 12, .tm_mday = 15, .tm_hour = 18};
  text(code, 16, "%02d%s", year % 100, months[month % 12]);
  return (int64_t)timegm(&middle) * 1000000;
}

static void set_series(builder *b, const char *ticker, const char *title, const char *category, const char *frequency,
                       kl_fee_type fee) {
  b->series = kl_exchange_series(b->x, ticker);
  if (b->series) return;
  kl_series s = {
      .fee_type = fee, .fee_multiplier_ppm = 1000000, .exchange_index = kl_sim_shard_of_series(ticker, category)};
  text(s.ticker, sizeof s.ticker, "%s", ticker);
  text(s.title, sizeof s.title, "%s", title);
  text(s.category, sizeof s.category, "%s", category);
  text(s.frequency, sizeof s.frequency, "%s", frequency);
  b->series = kl_exchange_add_series(b->x, &s);
  if (!b->series) b->failed = true;
}

static kl_sim_event *add_event(builder *b, const event_spec *spec) {
  kl_sim_world *w = b->w;
  if (b->failed) return NULL;
  if (w->n_events == b->cap_events) {
    size_t cap = b->cap_events ? b->cap_events * 2 : 16;
    kl_sim_event *grown = realloc(w->events, cap * sizeof *grown);
    if (!grown) {
      b->failed = true;
      return NULL;
    }
    w->events = grown;
    b->cap_events = cap;
  }
  kl_market_event e = {.series = b->series, .mutually_exclusive = spec->exclusive};
  text(e.ticker, sizeof e.ticker, "%s", spec->ticker);
  text(e.title, sizeof e.title, "%s", spec->title);
  text(e.sub_title, sizeof e.sub_title, "%s", spec->sub_title);
  kl_market_event *added = kl_exchange_add_event(b->x, &e);
  if (!added) {
    b->failed = true;
    return NULL;
  }
  kl_sim_event *out = &w->events[w->n_events];
  *out = (kl_sim_event){.event = added,
                        .model = spec->model,
                        .random = kl_sim_random_new(b->seed, 1000 + w->n_events),
                        .value = spec->value,
                        .anchor = spec->value,
                        .sd = spec->sd,
                        .activity = spec->activity,
                        .first = (uint32_t)w->n_markets};
  w->n_events++;
  return out;
}

/* A market of the event: YES when low < outcome < high (VALUE), or a contender with this logit (RACE). False when
 * there are enough. */
static bool add_market(builder *b, kl_sim_event *e, const event_spec *spec, const char *suffix, const char *yes,
                       const char *strike_type, double low, double high, double logit) {
  kl_sim_world *w = b->w;
  if (b->failed || !e || w->n_markets >= b->target) return false;
  kl_market m = {.event = e->event,
                 .created_us = b->now_us - 6 * DAY_US,
                 .open_us = b->now_us - 5 * DAY_US,
                 .close_us = spec->close_us,
                 .expected_expiration_us = spec->close_us + HOUR_US,
                 .latest_expiration_us = spec->close_us + 7 * DAY_US,
                 .settlement_timer_s = 60,
                 .settlement = -1,
                 .updated_us = b->now_us};
  text(m.ticker, sizeof m.ticker, "%s-%s", spec->ticker, suffix);
  text(m.title, sizeof m.title, "%s", spec->title);
  text(m.yes_sub_title, sizeof m.yes_sub_title, "%s", yes);
  text(m.no_sub_title, sizeof m.no_sub_title, "Not %s", yes);
  text(m.rules, sizeof m.rules, "If %s, then the market resolves to Yes. Made up by the simulator.", spec->rules);
  text(m.strike_type, sizeof m.strike_type, "%s", strike_type);
  m.has_floor = isfinite(low) && spec->model == KL_SIM_VALUE;
  m.has_cap = isfinite(high) && spec->model == KL_SIM_VALUE;
  if (m.has_floor) m.floor_strike = low;
  if (m.has_cap) m.cap_strike = high;
  if (!kl_price_structure(spec->structure, &m)) {
    b->failed = true;
    return false;
  }
  kl_market *added = kl_exchange_add_market(b->x, &m);
  if (!added) {
    b->failed = true;
    return false;
  }
  w->markets[w->n_markets++] = (kl_sim_market){
      .market = added, .event = (uint32_t)(e - w->events), .low = low, .high = high, .logit = logit, .anchor = logit};
  e->n++;
  return true;
}

static void high_temperature(builder *b, uint32_t k) {
  char day[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t at = b->day_us + (int64_t)(k + 1) * DAY_US;
  struct tm d = date_of(at);
  day_code(day, at);
  text(ticker, sizeof ticker, "KXHIGHNY-%s", day);
  text(sub, sizeof sub, "On %s %d", months[d.tm_mon % 12], d.tm_mday);
  double season = 58 - 24 * cos(6.2832 * (d.tm_yday - 20) / 365.0);
  double middle = floor(season + 5 * kl_sim_gauss(&b->random));
  event_spec spec = {.ticker = ticker,
                     .title = "Highest temperature in NYC",
                     .sub_title = sub,
                     .exclusive = true,
                     .model = KL_SIM_VALUE,
                     .value = middle + kl_sim_uniform(&b->random),
                     .sd = 2.2,
                     .activity = 1.2,
                     .structure = "linear_cent",
                     .close_us = at + DAY_US,
                     .rules = "the highest temperature recorded in Central Park lies in the strike range"};
  set_series(b, "KXHIGHNY", "Highest temperature in NYC", "Climate and Weather", "daily", KL_FEE_QUADRATIC);
  kl_sim_event *e = add_event(b, &spec);
  double low = middle - 4;
  text(suffix, sizeof suffix, "T%.0f", low);
  text(yes, sizeof yes, "%.0f° or below", low - 1);
  add_market(b, e, &spec, suffix, yes, "less", -INFINITY, low, 0);
  for (int i = 0; i < 4; i++) {
    text(suffix, sizeof suffix, "B%.1f", low + 0.5);
    text(yes, sizeof yes, "%.0f° to %.0f°", low, low + 1);
    add_market(b, e, &spec, suffix, yes, "between", low, low + 2, 0);
    low += 2;
  }
  text(suffix, sizeof suffix, "T%.0f", low - 1);
  text(yes, sizeof yes, "%.0f° or above", low);
  add_market(b, e, &spec, suffix, yes, "greater", low, INFINITY, 0);
}

static void fed_rate(builder *b, uint32_t k) {
  char month[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t close = month_of(b, k, month);
  text(ticker, sizeof ticker, "KXFED-%s", month);
  text(sub, sizeof sub, "After the %s meeting", month);
  double middle = 3.5 + 0.25 * floor(4 * kl_sim_uniform(&b->random));
  event_spec spec = {.ticker = ticker,
                     .title = "Upper bound of the federal funds rate",
                     .sub_title = sub,
                     .model = KL_SIM_VALUE,
                     .value = middle + 0.2 * kl_sim_gauss(&b->random),
                     .sd = 0.3,
                     .activity = 0.8,
                     .structure = "tapered_deci_cent",
                     .close_us = close,
                     .rules = "the upper bound of the target rate after the meeting is above the strike"};
  set_series(b, "KXFED", "Federal funds rate", "Economics", "custom", KL_FEE_QUADRATIC);
  kl_sim_event *e = add_event(b, &spec);
  for (int i = -2; i <= 2; i++) {
    double strike = middle + 0.25 * i;
    text(suffix, sizeof suffix, "T%.2f", strike);
    text(yes, sizeof yes, "Above %.2f%%", strike);
    add_market(b, e, &spec, suffix, yes, "greater", strike, INFINITY, 0);
  }
}

static void bitcoin_range(builder *b, uint32_t k) {
  char day[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t at = (b->now_us / HOUR_US + 3 + k) * HOUR_US;
  struct tm d = date_of(at);
  day_code(day, at);
  text(ticker, sizeof ticker, "KXBTC-%s%02d", day, d.tm_hour);
  text(sub, sizeof sub, "On %s %d at %d:00 EST", months[d.tm_mon % 12], d.tm_mday, d.tm_hour);
  double middle = 250 * floor((95000 + 3000 * kl_sim_gauss(&b->random)) / 250);
  event_spec spec = {.ticker = ticker,
                     .title = "Bitcoin price range",
                     .sub_title = sub,
                     .exclusive = true,
                     .model = KL_SIM_VALUE,
                     .value = middle + 250 * kl_sim_uniform(&b->random),
                     .sd = 420,
                     .activity = 2.0,
                     .structure = "deci_cent",
                     .close_us = at,
                     .rules = "the price of Bitcoin at the named time lies in the strike range"};
  set_series(b, "KXBTC", "Bitcoin price range", "Crypto", "hourly", KL_FEE_QUADRATIC);
  kl_sim_event *e = add_event(b, &spec);
  double low = middle - 750;
  text(suffix, sizeof suffix, "T%.2f", low);
  text(yes, sizeof yes, "$%.0f or below", low - 0.01);
  add_market(b, e, &spec, suffix, yes, "less", -INFINITY, low, 0);
  for (int i = 0; i < 6; i++) {
    text(suffix, sizeof suffix, "B%.0f", low + 125);
    text(yes, sizeof yes, "$%.0f to %.2f", low, low + 249.99);
    add_market(b, e, &spec, suffix, yes, "between", low, low + 249.99, 0);
    low += 250;
  }
  text(suffix, sizeof suffix, "T%.2f", low - 0.01);
  text(yes, sizeof yes, "$%.0f or above", low);
  add_market(b, e, &spec, suffix, yes, "greater", low - 0.01, INFINITY, 0);
}

static void bitcoin_above(builder *b, uint32_t k) {
  char day[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t at = b->day_us + (int64_t)(k + 1) * DAY_US + 17 * HOUR_US;
  struct tm d = date_of(at);
  day_code(day, at);
  text(ticker, sizeof ticker, "KXBTCD-%s17", day);
  text(sub, sizeof sub, "On %s %d at 17:00 EST", months[d.tm_mon % 12], d.tm_mday);
  double middle = 1000 * floor((95500 + 3000 * kl_sim_gauss(&b->random)) / 1000);
  event_spec spec = {.ticker = ticker,
                     .title = "Bitcoin price above",
                     .sub_title = sub,
                     .model = KL_SIM_VALUE,
                     .value = middle + 300 * kl_sim_gauss(&b->random),
                     .sd = 1300,
                     .activity = 1.5,
                     .structure = "center_deci_edge_centi_cent",
                     .close_us = at,
                     .rules = "the price of Bitcoin at the named time is above the strike"};
  set_series(b, "KXBTCD", "Bitcoin price above", "Crypto", "daily", KL_FEE_QUADRATIC);
  kl_sim_event *e = add_event(b, &spec);
  for (int i = -2; i <= 2; i++) {
    double strike = middle + 1000 * i - 0.01;
    text(suffix, sizeof suffix, "T%.2f", strike);
    text(yes, sizeof yes, "$%.0f or above", strike + 0.01);
    add_market(b, e, &spec, suffix, yes, "greater", strike, INFINITY, 0);
  }
}

static void basketball(builder *b, uint32_t k) {
  static const char *const teams[][2] = {
      {"LAL", "Los Angeles L"}, {"BOS", "Boston"},  {"NYK", "New York"}, {"DEN", "Denver"}, {"GSW", "Golden State"},
      {"MIA", "Miami"},         {"PHX", "Phoenix"}, {"CHI", "Chicago"},  {"DAL", "Dallas"}, {"MIL", "Milwaukee"}};
  enum { TEAMS = sizeof teams / sizeof *teams, GAMES = TEAMS / 2 };
  char day[16], ticker[48], title[160];
  uint32_t round = k / GAMES, game = k % GAMES;
  int64_t at = b->day_us + (int64_t)(round + 1) * DAY_US;
  /* A round robin by the circle method: the first team stays, the others move on by one each day. */
  uint32_t away = game == 0 ? 0 : 1 + (game - 1 + round) % (TEAMS - 1);
  uint32_t home = 1 + (TEAMS - 2 - game + round) % (TEAMS - 1);
  day_code(day, at);
  text(ticker, sizeof ticker, "KXNBAGAME-%s%s%s", day, teams[away][0], teams[home][0]);
  text(title, sizeof title, "%s at %s winner?", teams[away][1], teams[home][1]);
  event_spec spec = {.ticker = ticker,
                     .title = title,
                     .sub_title = day,
                     .exclusive = true,
                     .model = KL_SIM_RACE,
                     .activity = 1.6,
                     .structure = "linear_cent",
                     .close_us = at + 28 * HOUR_US,
                     .rules = "the named team wins the game"};
  set_series(b, "KXNBAGAME", "Professional basketball game", "Sports", "custom", KL_FEE_QUADRATIC_MAKER);
  kl_sim_event *e = add_event(b, &spec);
  add_market(b, e, &spec, teams[away][0], teams[away][1], "structured", -INFINITY, INFINITY,
             0.5 * kl_sim_gauss(&b->random));
  add_market(b, e, &spec, teams[home][0], teams[home][1], "structured", -INFINITY, INFINITY,
             0.3 + 0.5 * kl_sim_gauss(&b->random));
}

static void election(builder *b, uint32_t k) {
  static const char *const states[] = {"NY", "GA", "PA", "AZ", "MI", "WI", "NV", "NC", "TX", "FL"};
  enum { STATES = sizeof states / sizeof *states };
  char ticker[48], title[160], sub[96];
  const char *state = states[k % STATES];
  uint32_t district = 1 + k / STATES;
  struct tm d = date_of(b->now_us);
  int year = d.tm_year + 1900 + 2 - d.tm_year % 2; /* of the next election at least a year ahead */
  struct tm day = {.tm_year = year - 1900, .tm_mon = 10, .tm_mday = 7, .tm_hour = 15};
  text(ticker, sizeof ticker, "KXHOUSERACE-%02d%s%02u", year % 100, state, district);
  text(title, sizeof title, "Who will win the House race in %s-%02u?", state, district);
  text(sub, sizeof sub, "%s-%02u in %d", state, district, year);
  event_spec spec = {.ticker = ticker,
                     .title = title,
                     .sub_title = sub,
                     .exclusive = true,
                     .model = KL_SIM_RACE,
                     .activity = 0.7,
                     .structure = "tapered_deci_cent",
                     .close_us = (int64_t)timegm(&day) * 1000000,
                     .rules = "the candidate of the named party wins the seat"};
  set_series(b, "KXHOUSERACE", "House race", "Elections", "custom", KL_FEE_QUADRATIC);
  kl_sim_event *e = add_event(b, &spec);
  double lean = 0.6 * kl_sim_gauss(&b->random);
  add_market(b, e, &spec, "D", "Democratic party", "custom", -INFINITY, INFINITY, lean);
  add_market(b, e, &spec, "R", "Republican party", "custom", -INFINITY, INFINITY, -lean);
  add_market(b, e, &spec, "I", "Independent", "custom", -INFINITY, INFINITY, -2.4);
}

static void inflation(builder *b, uint32_t k) {
  char month[16], ticker[48], sub[96], suffix[24], yes[64];
  int64_t close = month_of(b, k, month);
  text(ticker, sizeof ticker, "KXCPIYOY-%s", month);
  text(sub, sizeof sub, "Release of %s", month);
  double middle = 2.6 + 0.1 * floor(6 * kl_sim_uniform(&b->random));
  event_spec spec = {.ticker = ticker,
                     .title = "CPI, year over year",
                     .sub_title = sub,
                     .model = KL_SIM_VALUE,
                     .value = middle + 0.1 * kl_sim_gauss(&b->random),
                     .sd = 0.16,
                     .activity = 0.9,
                     .structure = "deci_cent",
                     .close_us = close,
                     .rules = "the consumer price index rose by more than the strike over twelve months"};
  set_series(b, "KXCPIYOY", "CPI, year over year", "Economics", "monthly", KL_FEE_QUADRATIC);
  kl_sim_event *e = add_event(b, &spec);
  for (int i = -2; i <= 2; i++) {
    double strike = middle + 0.1 * i;
    text(suffix, sizeof suffix, "T%.1f", strike);
    text(yes, sizeof yes, "Above %.1f%%", strike);
    add_market(b, e, &spec, suffix, yes, "greater", strike, INFINITY, 0);
  }
}

bool kl_sim_world_build(kl_sim_world *w, kl_exchange *x, uint64_t seed, int markets, int64_t now_us, kl_error *e) {
  static void (*const makers[])(builder *, uint32_t) = {high_temperature, fed_rate, bitcoin_range, bitcoin_above,
                                                        basketball,       election, inflation};
  enum { MAKERS = sizeof makers / sizeof *makers };
  builder b = {.w = w,
               .x = x,
               .random = kl_sim_random_new(seed, 1),
               .seed = seed,
               .now_us = now_us,
               .target = (size_t)markets,
               .day_us = (now_us - 5 * HOUR_US) / DAY_US * DAY_US + 5 * HOUR_US};
  w->markets = calloc(b.target, sizeof *w->markets);
  if (!w->markets) b.failed = true;
  for (uint32_t k = 0; !b.failed && w->n_markets < b.target; k++) {
    for (size_t i = 0; i < MAKERS && !b.failed && w->n_markets < b.target; i++)
      makers[i](&b, k);
  }
  if (b.failed) kl_error_set(e, KL_ERR_INTERNAL, "the simulator could not make its markets: not enough memory");
  return !b.failed;
}

void kl_sim_world_free(kl_sim_world *w) {
  free(w->events);
  free(w->markets);
  memset(w, 0, sizeof *w);
}

static double normal_cdf(double z) { return 0.5 * erfc(-z / sqrt(2.0)); }

/* Moves the hidden values on to a step, in one stride of whatever length. */
static void advance(kl_sim_world *w, kl_sim_event *e, uint64_t step) {
  if (step <= e->step) return;
  double seconds = (double)(step - e->step) * KL_SIM_STEP_MS / 1000.0;
  double keep = exp(-seconds / reversion_s);
  double noise = sqrt(reversion_s / 2 * (1 - keep * keep)); /* of a mean-reverting walk over the stride */
  bool jump = kl_sim_uniform(&e->random) < 1 - exp(-seconds / jump_every_s);
  e->step = step;
  if (e->model == KL_SIM_VALUE) {
    double z = value_volatility * noise * kl_sim_gauss(&e->random);
    if (jump) z += jump_size * kl_sim_gauss(&e->random);
    e->value = e->anchor + (e->value - e->anchor) * keep + e->sd * z;
    return;
  }
  for (uint32_t i = e->first; i < e->first + e->n; i++) {
    kl_sim_market *m = &w->markets[i];
    double z = logit_volatility * noise * kl_sim_gauss(&e->random);
    if (jump) z += jump_size * kl_sim_gauss(&e->random);
    m->logit = m->anchor + (m->logit - m->anchor) * keep + z;
  }
}

double kl_sim_world_fair(kl_sim_world *w, uint32_t market, uint64_t step) {
  const kl_sim_market *m = &w->markets[market];
  kl_sim_event *e = &w->events[m->event];
  advance(w, e, step);
  double p;
  if (e->model == KL_SIM_VALUE) {
    p = normal_cdf((m->high - e->value) / e->sd) - normal_cdf((m->low - e->value) / e->sd);
  } else if (e->n == 1) {
    p = 1 / (1 + exp(-m->logit));
  } else {
    double sum = 0;
    for (uint32_t i = e->first; i < e->first + e->n; i++)
      sum += exp(w->markets[i].logit);
    p = exp(m->logit) / sum;
  }
  return p < 0.006 ? 0.006 : p > 0.994 ? 0.994 : p;
}

/* Who wins a race: drawn with the hidden probabilities. */
static uint32_t winner(kl_sim_world *w, kl_sim_event *e) {
  double at = kl_sim_uniform(&e->random);
  for (uint32_t i = e->first; i + 1 < e->first + e->n; i++) {
    at -= kl_sim_world_fair(w, i, e->step);
    if (at < 0) return i;
  }
  return e->first + e->n - 1;
}

static void end_event(kl_sim_world *w, kl_sim_event *e, kl_exchange *x, int64_t now_us) {
  bool settle = e->stage == KL_SIM_DETERMINED;
  if (!settle) {
    e->outcome = e->value + e->sd * kl_sim_gauss(&e->random);
    e->winner = winner(w, e);
  }
  for (uint32_t i = e->first; i < e->first + e->n; i++) {
    kl_sim_market *m = &w->markets[i];
    bool yes = e->model == KL_SIM_VALUE ? e->outcome > m->low && e->outcome <= m->high : i == e->winner;
    kl_price value = yes ? KL_PRICE_ONE : 0;
    if (settle) {
      kl_exchange_settle(x, now_us, m->market, value);
    } else {
      kl_exchange_determine(x, now_us, m->market, value);
    }
  }
  e->stage = settle ? KL_SIM_SETTLED : KL_SIM_DETERMINED;
}

void kl_sim_world_settle(kl_sim_world *w, kl_exchange *x, int64_t now_us) {
  static const int64_t determination_us = 5000000; /* after the close */
  for (size_t i = 0; i < w->n_events; i++) {
    kl_sim_event *e = &w->events[i];
    if (e->n == 0 || e->stage == KL_SIM_SETTLED) continue;
    const kl_market *head = w->markets[e->first].market;
    int64_t due = head->close_us + determination_us;
    if (e->stage == KL_SIM_DETERMINED) due += head->settlement_timer_s * INT64_C(1000000);
    if (now_us >= due) end_event(w, e, x, now_us);
  }
}

const char *const *kl_sim_world_tags(const char *series_ticker) {
  static const struct {
    const char *series;
    const char *tags[3];
  } table[] = {{"KXHIGHNY", {"Daily temperature", "NYC"}},
               {"KXFED", {"Fed"}},
               {"KXBTC", {"BTC", "Hourly"}},
               {"KXBTCD", {"BTC"}},
               {"KXNBAGAME", {"Basketball"}},
               {"KXHOUSERACE", {"House"}},
               {"KXCPIYOY", {"Inflation"}}};
  static const char *const none[] = {NULL};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(table[i].series, series_ticker)) return table[i].tags;
  return none;
}
