#include "sim/milestones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/reference.h"
#include "sim/targets.h"

struct kl_sim_milestones {
  kl_sim_milestone *list;
  size_t n, cap;
  kl_map *by_id, *by_key, *by_event; /* values: number of the milestone plus one */
  uint64_t mark;                     /* of the events that were taken up */
  uint64_t answers;
};

struct kl_sim_milestones *kl_sim_milestones_new(void) {
  return calloc(1, sizeof(struct kl_sim_milestones));
}

static void clear(struct kl_sim_milestones *m) {
  for (size_t i = 0; i < m->n; i++)
    free(m->list[i].events);
  m->n = 0;
  kl_map_free(m->by_id);
  kl_map_free(m->by_key);
  kl_map_free(m->by_event);
  m->by_id = m->by_key = m->by_event = NULL;
  m->mark = 0;
}

void kl_sim_milestones_free(struct kl_sim_milestones *m) {
  if (!m) return;
  clear(m);
  free(m->list);
  free(m);
}

/* What events about the same occurrence have in common: the subject, and what follows the series in their tickers. */
static void key_of(const kl_market_event *e, const kl_sim_subject *about, char out[128]) {
  const char *dash = strchr(e->ticker, '-');
  const char *what = about->place[0] ? about->place : about->competition[0] ? about->competition : e->series->ticker;
  snprintf(out, 128, "%d/%s/%s", (int)about->about, what, dash ? dash + 1 : e->ticker);
}

static void title_of(const kl_market_event *e, const kl_sim_subject *about, char out[160]) {
  static const char winner[] = " winner?";
  size_t length = strlen(e->title), tail = sizeof winner - 1;
  if (about->about == KL_SIM_ABOUT_SPORTS || about->about == KL_SIM_ABOUT_ELECTION) {
    bool cut = length > tail && !strcmp(e->title + length - tail, winner);
    snprintf(out, 160, "%.*s", (int)(cut ? length - tail : length), e->title);
  } else {
    snprintf(out, 160, "%.100s, %.50s", e->title, e->sub_title);
  }
}

static void *number(size_t i) { return (void *)(uintptr_t)(i + 1); }

static kl_sim_milestone *numbered(const struct kl_sim_milestones *m, const kl_map *map, const char *key) {
  size_t i = map ? (size_t)(uintptr_t)kl_map_get(map, key, strlen(key)) : 0;
  return i ? &m->list[i - 1] : NULL;
}

static kl_sim_milestone *add(struct kl_sim_milestones *m, const kl_market_event *e, const kl_sim_subject *about,
                             const char *key) {
  if (m->n == m->cap) {
    size_t cap = m->cap ? m->cap * 2 : 32;
    kl_sim_milestone *grown = realloc(m->list, cap * sizeof *grown);
    if (!grown) return NULL;
    m->list = grown;
    m->cap = cap;
  }
  kl_sim_milestone *made = &m->list[m->n];
  *made = (kl_sim_milestone){.about = *about};
  kl_sim_name_uuid("milestone", key, made->id);
  title_of(e, about, made->title);
  snprintf(made->source_id, sizeof made->source_id, "%s", key + 2);
  if (!kl_map_set(m->by_key, key, strlen(key), number(m->n)) ||
      !kl_map_set(m->by_id, made->id, strlen(made->id), number(m->n)))
    return NULL;
  m->n++;
  return made;
}

static bool take(struct kl_sim_milestones *m, const kl_market_event *e) {
  kl_sim_subject about;
  char key[128];
  kl_sim_subject_of(e->series, &about);
  if (about.about == KL_SIM_ABOUT_NOTHING || e->n_markets == 0) return true;
  key_of(e, &about, key);
  kl_sim_milestone *of = numbered(m, m->by_key, key);
  if (!of) of = add(m, e, &about, key);
  if (!of) return false;
  if (of->n == of->cap) {
    size_t cap = of->cap ? of->cap * 2 : 2;
    const kl_market_event **grown = realloc(of->events, cap * sizeof(const kl_market_event *));
    if (!grown) return false;
    of->events = grown;
    of->cap = cap;
  }
  of->events[of->n++] = e;
  return kl_map_set(m->by_event, e->ticker, strlen(e->ticker), number((size_t)(of - m->list)));
}

bool kl_sim_milestones_sync(kl_sim *s) {
  struct kl_sim_milestones *m = s->reference->milestones;
  uint64_t mark = kl_sim_events_mark(s);
  if (m->mark == mark && m->by_id) return true;
  clear(m);
  m->by_id = kl_map_new();
  m->by_key = kl_map_new();
  m->by_event = kl_map_new();
  bool ok = m->by_id && m->by_key && m->by_event;
  for (size_t i = 0; ok && i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    if (e) ok = take(m, e);
  }
  if (ok) {
    m->mark = mark;
  } else {
    clear(m);
  }
  return ok;
}

size_t kl_sim_milestones_count(const struct kl_sim_milestones *m) { return m->n; }
kl_sim_milestone *kl_sim_milestone_at(const struct kl_sim_milestones *m, size_t i) {
  return i < m->n ? &m->list[i] : NULL;
}
kl_sim_milestone *kl_sim_milestone_find(const struct kl_sim_milestones *m, const char *id) {
  return numbered(m, m->by_id, id);
}
kl_sim_milestone *kl_sim_milestone_of(const struct kl_sim_milestones *m, const char *event_ticker) {
  return numbered(m, m->by_event, event_ticker);
}

/* ---- where it stands ---- */

void kl_sim_milestone_look(const kl_sim *s, const kl_sim_milestone *m, kl_sim_milestone_state *out) {
  *out = (kl_sim_milestone_state){.start_us = INT64_MAX};
  for (size_t i = 0; i < m->n; i++) {
    const kl_market *head = m->events[i]->markets[0];
    const kl_sim_event *e = kl_sim_world_event(&s->world, m->events[i]);
    int64_t start = e ? e->start_us : head->open_us, end = e ? e->end_us : head->close_us;
    if (start < out->start_us) out->start_us = start;
    if (end > out->end_us) out->end_us = end;
    if (head->created_us > out->updated_us) out->updated_us = head->created_us;
    if (!e || out->observed) continue;
    kl_sim_world_observe(&s->world, e, &out->seen);
    out->observed = true;
  }
  if (!out->observed) out->seen.over = s->now_us >= out->end_us;
  if (s->now_us >= out->start_us && out->start_us > out->updated_us) out->updated_us = out->start_us;
  if (out->seen.over && out->end_us > out->updated_us)
    out->updated_us = out->end_us < s->now_us ? out->end_us : s->now_us;
}

const char *kl_sim_milestone_status(const kl_sim_milestone_state *st) {
  return st->seen.over ? "closed" : st->seen.started ? "inprogress" : "scheduled";
}

/* ---- JSON ---- */

void kl_sim_json_teams(kl_buf *b, const kl_sim_milestone *m) {
  static const char *const sides[] = {"away", "home"};
  const kl_market_event *e = m->events[0];
  for (size_t i = 0; i < 2 && i < e->n_markets; i++) {
    char key[32], type[32];
    kl_uuid id;
    if (!kl_sim_target_of(e->markets[i], id, type)) continue;
    snprintf(key, sizeof key, "%s_team_id", sides[i]);
    kl_sim_field_str(b, key, id);
    snprintf(key, sizeof key, "%s_team_name", sides[i]);
    kl_sim_field_str(b, key, e->markets[i]->yes_sub_title);
  }
}

static void write_details(kl_buf *b, const kl_sim_milestone *m, const kl_sim_milestone_state *st) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "status", kl_sim_milestone_status(st));
  switch (m->about.about) {
  case KL_SIM_ABOUT_SPORTS:
    kl_sim_field_str(b, "league", m->about.competition);
    kl_sim_json_teams(b, m);
    break;
  case KL_SIM_ABOUT_WEATHER:
    kl_sim_field_str(b, "city", m->about.place);
    break;
  case KL_SIM_ABOUT_CRYPTO:
    kl_sim_field_str(b, "coin", m->about.place);
    break;
  case KL_SIM_ABOUT_ELECTION:
    kl_sim_key(b, "contender_ids");
    kl_buf_char(b, '[');
    for (size_t i = 0, n = 0; i < m->events[0]->n_markets; i++) {
      char type[32];
      kl_uuid id;
      if (!kl_sim_target_of(m->events[0]->markets[i], id, type)) continue;
      if (n++) kl_buf_char(b, ',');
      kl_buf_json_cstr(b, id);
    }
    kl_buf_char(b, ']');
    break;
  default:
    break;
  }
  kl_buf_char(b, '}');
}

static void write_tickers(kl_buf *b, const char *key, const kl_sim_milestone *m, bool primary) {
  size_t n = 0;
  kl_sim_key(b, key);
  kl_buf_char(b, '[');
  for (size_t i = 0; i < m->n; i++) {
    if (primary && m->events[i]->series != m->events[0]->series) continue;
    if (n++) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, m->events[i]->ticker);
  }
  kl_buf_char(b, ']');
}

void kl_sim_json_milestone(kl_buf *b, const kl_sim *s, const kl_sim_milestone *m) {
  kl_sim_milestone_state st;
  kl_sim_milestone_look(s, m, &st);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", m->id);
  kl_sim_field_str(b, "category", m->events[0]->series->category);
  kl_sim_field_str(b, "type", m->about.milestone_type);
  kl_sim_field_time(b, "start_date", st.start_us);
  kl_sim_field_time(b, "end_date", st.end_us);
  write_tickers(b, "related_event_tickers", m, false);
  write_tickers(b, "primary_event_tickers", m, true);
  kl_sim_field_str(b, "title", m->title);
  kl_sim_field_str(b, "notification_message", m->title);
  kl_sim_field_str(b, "source_id", m->source_id);
  kl_sim_key(b, "source_ids");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "kalua", m->source_id);
  kl_buf_char(b, '}');
  kl_sim_key(b, "details");
  write_details(b, m, &st);
  kl_sim_field_time(b, "last_updated_ts", st.updated_us);
  kl_buf_char(b, '}');
}

void kl_sim_json_milestones_of(kl_buf *b, kl_sim *s, const kl_market_event *const *events, size_t n) {
  struct kl_sim_milestones *m = s->reference->milestones;
  bool any = false;
  kl_buf_str(b, ",\"milestones\":[");
  if (!kl_sim_milestones_sync(s)) b->failed = true;
  m->answers++;
  for (size_t i = 0; i < n; i++) {
    kl_sim_milestone *of = kl_sim_milestone_of(m, events[i]->ticker);
    if (!of || of->listed == m->answers) continue;
    of->listed = m->answers;
    if (any) kl_buf_char(b, ',');
    any = true;
    kl_sim_json_milestone(b, s, of);
  }
  kl_buf_char(b, ']');
}
