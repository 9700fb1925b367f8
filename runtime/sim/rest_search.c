/* What a list of series can be narrowed down by: sports with their competitions, and tags. All public, and made from
 * the series that exist. */
#include <stdio.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/routes.h"
#include "sim/subjects.h"

/* A small set of texts in order of appearance. */
enum { SET_MOST = 64 };
typedef struct text_set {
  char items[SET_MOST][48];
  size_t n;
} text_set;

static bool set_add(text_set *set, const char *text) {
  for (size_t i = 0; i < set->n; i++)
    if (!strcmp(set->items[i], text)) return false;
  if (set->n == SET_MOST) return false;
  snprintf(set->items[set->n++], sizeof set->items[0], "%s", text);
  return true;
}

static void write_set(kl_buf *b, const text_set *set) {
  kl_buf_char(b, '[');
  for (size_t i = 0; i < set->n; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, set->items[i]);
  }
  kl_buf_char(b, ']');
}

/* ---- sports ---- */

/* Scopes of a sport and a competition; NULL: of any. */
static void scopes_of(const kl_sim *s, const char *sport, const char *competition, text_set *out) {
  out->n = 0;
  for (size_t i = 0; i < kl_exchange_series_count(s->x); i++) {
    kl_sim_subject about;
    kl_sim_subject_of(kl_exchange_series_at(s->x, i), &about);
    if (about.about != KL_SIM_ABOUT_SPORTS || (sport && strcmp(sport, about.sport) != 0) ||
        (competition && strcmp(competition, about.competition) != 0))
      continue;
    set_add(out, about.scope);
  }
}

static void write_sport(kl_buf *b, const kl_sim *s, const char *sport) {
  text_set set, competitions = {.n = 0};
  scopes_of(s, sport, NULL, &set);
  kl_buf_char(b, '{');
  kl_sim_key(b, "scopes");
  write_set(b, &set);
  for (size_t i = 0; sport && i < kl_exchange_series_count(s->x); i++) {
    kl_sim_subject about;
    kl_sim_subject_of(kl_exchange_series_at(s->x, i), &about);
    if (about.about == KL_SIM_ABOUT_SPORTS && !strcmp(about.sport, sport)) set_add(&competitions, about.competition);
  }
  kl_sim_key(b, "competitions");
  kl_buf_char(b, '{');
  for (size_t i = 0; i < competitions.n; i++) {
    scopes_of(s, sport, competitions.items[i], &set);
    if (i) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, competitions.items[i]);
    kl_buf_str(b, ":{\"scopes\":");
    write_set(b, &set);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "}}");
}

static void get_filters_for_sports(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  text_set sports = {.n = 0};
  kl_buf *b = &rs->body;
  (void)rq;
  set_add(&sports, "All sports");
  for (size_t i = 0; i < kl_exchange_series_count(s->x); i++) {
    kl_sim_subject about;
    kl_sim_subject_of(kl_exchange_series_at(s->x, i), &about);
    if (about.about == KL_SIM_ABOUT_SPORTS) set_add(&sports, about.sport);
  }
  kl_buf_str(b, "{\"filters_by_sports\":{");
  for (size_t i = 0; i < sports.n; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, sports.items[i]);
    kl_buf_char(b, ':');
    write_sport(b, s, i ? sports.items[i] : NULL);
  }
  kl_buf_str(b, "},\"sport_ordering\":");
  write_set(b, &sports);
  kl_buf_char(b, '}');
}

/* ---- tags ---- */

static void get_tags(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  text_set categories = {.n = 0};
  kl_buf *b = &rs->body;
  (void)rq;
  for (size_t i = 0; i < kl_exchange_series_count(s->x); i++)
    set_add(&categories, kl_exchange_series_at(s->x, i)->category);
  kl_buf_str(b, "{\"tags_by_categories\":{");
  for (size_t c = 0; c < categories.n; c++) {
    text_set tags = {.n = 0};
    for (size_t i = 0; i < kl_exchange_series_count(s->x); i++) {
      const kl_series *series = kl_exchange_series_at(s->x, i);
      if (strcmp(series->category, categories.items[c]) != 0) continue;
      for (const char *const *tag = kl_sim_world_tags(series->ticker); *tag; tag++)
        set_add(&tags, *tag);
    }
    if (c) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, categories.items[c]);
    kl_buf_char(b, ':');
    write_set(b, &tags);
  }
  kl_buf_str(b, "}}");
}

const kl_sim_route kl_sim_routes_search[] = {
    {"GetFiltersForSports", get_filters_for_sports, false},
    {"GetTagsForSeriesCategories", get_tags, false},
    {NULL, NULL, false},
};
