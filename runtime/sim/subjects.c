#include "sim/subjects.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"

/* Sports, by the beginning of the series' ticker. */
static const struct {
  const char *prefix, *sport, *competition, *milestone, *target;
} sports[] = {
    {"KXNBA", "Basketball", "Pro Basketball (M)", "basketball_game", "basketball_team"},
    {"KXWNBA", "Basketball", "Pro Basketball (W)", "basketball_game", "basketball_team"},
    {"KXNCAAMB", "Basketball", "College Basketball (M)", "basketball_game", "basketball_team"},
    {"KXNFL", "Football", "Pro Football", "football_game", "football_team"},
    {"KXNCAAF", "Football", "College Football", "football_game", "football_team"},
    {"KXMLB", "Baseball", "Pro Baseball", "baseball_game", "baseball_team"},
    {"KXNHL", "Hockey", "Pro Hockey", "hockey_match", "hockey_team"},
    {"KXEPL", "Soccer", "English Premier League", "soccer_game", "soccer_team"},
    {"KXMLS", "Soccer", "Major League Soccer", "soccer_game", "soccer_team"},
    {"KXATP", "Tennis", "ATP", "tennis_match", "tennis_competitor"},
    {"KXWTA", "Tennis", "WTA", "tennis_match", "tennis_competitor"},
};

/* What follows the competition in a ticker. */
static const struct {
  const char *suffix, *scope;
} scopes[] = {{"GAME", "Games"},    {"MATCH", "Games"},   {"SPREAD", "Spreads"}, {"TOTAL", "Totals"},
              {"POINTS", "Totals"}, {"SERIES", "Series"}, {"", "Futures"}};

/* Cities, by what follows KXHIGH or KXLOW (with or without the T) in a ticker. */
static const struct {
  const char *code, *id;
} cities[] = {{"NYC", "nyc"},          {"NY", "nyc"},      {"CHI", "chicago"},       {"MIA", "miami"},
              {"AUS", "austin"},       {"DEN", "denver"},  {"LAX", "los_angeles"},   {"PHIL", "philadelphia"},
              {"PHX", "phoenix"},      {"SEA", "seattle"}, {"SFO", "san_francisco"}, {"BOS", "boston"},
              {"DC", "washington_dc"}, {"ATL", "atlanta"}, {"DAL", "dallas"},        {"HOU", "houston"}};

static bool starts_with(const char *text, const char *prefix) { return !strncmp(text, prefix, strlen(prefix)); }

static void put(char *out, size_t cap, const char *text) {
  size_t n = strlen(text);
  if (n >= cap) n = cap - 1;
  memcpy(out, text, n);
  out[n] = '\0';
}

static void sports_of(const kl_series *series, kl_sim_subject *out) {
  const char *rest = series->ticker;
  out->about = KL_SIM_ABOUT_SPORTS;
  put(out->sport, sizeof out->sport, "Other");
  put(out->competition, sizeof out->competition, series->title);
  put(out->milestone_type, sizeof out->milestone_type, "game");
  put(out->target_type, sizeof out->target_type, "team");
  for (size_t i = 0; i < sizeof sports / sizeof *sports; i++) {
    if (!starts_with(series->ticker, sports[i].prefix)) continue;
    put(out->sport, sizeof out->sport, sports[i].sport);
    put(out->competition, sizeof out->competition, sports[i].competition);
    put(out->milestone_type, sizeof out->milestone_type, sports[i].milestone);
    put(out->target_type, sizeof out->target_type, sports[i].target);
    rest = series->ticker + strlen(sports[i].prefix);
    break;
  }
  size_t i = 0;
  while (scopes[i].suffix[0] && !strstr(rest, scopes[i].suffix))
    i++;
  put(out->scope, sizeof out->scope, scopes[i].scope);
}

static void weather_of(const kl_series *series, kl_sim_subject *out) {
  const char *rest = series->ticker;
  out->about = KL_SIM_ABOUT_WEATHER;
  put(out->milestone_type, sizeof out->milestone_type, "daily_temperature");
  rest += starts_with(rest, "KXHIGH") ? 6 : starts_with(rest, "KXLOW") ? 5 : 0;
  for (int with_t = 0; with_t < 2; with_t++) {
    for (size_t i = 0; i < sizeof cities / sizeof *cities; i++) {
      if (strcmp(rest, cities[i].code) != 0) continue;
      put(out->place, sizeof out->place, cities[i].id);
      return;
    }
    if (rest[0] != 'T') break;
    rest++;
  }
  for (size_t i = 0; rest[i] && i + 1 < sizeof out->place; i++)
    out->place[i] = (char)tolower((unsigned char)rest[i]);
}

static void crypto_of(const kl_series *series, kl_sim_subject *out) {
  static const char *const coins[] = {"BTC", "ETH", "SOL", "XRP", "DOGE"};
  out->about = KL_SIM_ABOUT_CRYPTO;
  put(out->milestone_type, sizeof out->milestone_type, "crypto_price");
  for (size_t i = 0; i < sizeof coins / sizeof *coins; i++)
    if (starts_with(series->ticker, "KX") && starts_with(series->ticker + 2, coins[i]))
      put(out->place, sizeof out->place, coins[i]);
  if (!out->place[0]) put(out->place, sizeof out->place, series->ticker);
}

void kl_sim_subject_of(const kl_series *series, kl_sim_subject *out) {
  memset(out, 0, sizeof *out);
  out->about = KL_SIM_ABOUT_NOTHING;
  if (!strcmp(series->category, "Sports") && !starts_with(series->ticker, "KXMVE")) {
    sports_of(series, out);
  } else if (!strcmp(series->category, "Climate and Weather")) {
    weather_of(series, out);
  } else if (!strcmp(series->category, "Crypto")) {
    crypto_of(series, out);
  } else if (!strcmp(series->category, "Elections") || !strcmp(series->category, "Politics")) {
    out->about = KL_SIM_ABOUT_ELECTION;
    put(out->milestone_type, sizeof out->milestone_type, "political_race");
    put(out->target_type, sizeof out->target_type, "political_party");
  } else if (!strcmp(series->category, "Economics")) {
    out->about = KL_SIM_ABOUT_ECONOMY;
    put(out->milestone_type, sizeof out->milestone_type, "economic_release");
  }
}

void kl_sim_name_uuid(const char *kind, const char *name, kl_uuid out) {
  char text[320];
  int n = snprintf(text, sizeof text, "%s/%s", kind, name);
  size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
  uint64_t high = kl_hash_bytes(text, length);
  text[0] = (char)(text[0] ^ 0x20); /* another hash of the same name */
  uint64_t low = kl_hash_bytes(text, length);
  /* Version 8: made from a name in a way of one's own (RFC 9562). */
  snprintf(out, sizeof(kl_uuid), "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(high >> 32),
           (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(0x8000 | (low >> 48 & 0x3fff)),
           (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}
