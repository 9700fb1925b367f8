/* Milestones and structured targets. All public. */
#include <string.h>

#include "sim/json_out.h"
#include "sim/milestones.h"
#include "sim/reference.h"
#include "sim/routes.h"
#include "sim/targets.h"

static void not_found(kl_sim_response *rs) { kl_sim_fail(rs, 404, "not_found", "not found", NULL); }
static void no_memory(kl_sim_response *rs) {
  kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
}

/* ---- milestones ---- */

typedef struct milestone_filter {
  const char *category, *competition, *source_id, *type, *event;
  int64_t min_start_us, min_updated_s;
} milestone_filter;

static bool fits(const kl_sim *s, const kl_sim_milestone *m, const milestone_filter *f) {
  kl_sim_milestone_state st;
  if ((f->category && strcmp(f->category, m->events[0]->series->category) != 0) ||
      (f->competition && strcmp(f->competition, m->about.competition) != 0) ||
      (f->source_id && strcmp(f->source_id, m->source_id) != 0) ||
      (f->type && strcmp(f->type, m->about.milestone_type) != 0))
    return false;
  bool found = !f->event;
  for (size_t i = 0; i < m->n && !found; i++)
    found = !strcmp(f->event, m->events[i]->ticker);
  if (!found || (f->min_start_us == INT64_MIN && f->min_updated_s == INT64_MIN)) return found;
  kl_sim_milestone_look(s, m, &st);
  return st.start_us >= f->min_start_us && st.updated_us / 1000000 >= f->min_updated_s;
}

static void get_milestones(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const struct kl_sim_milestones *list = s->reference->milestones;
  const char *from = kl_sim_arg_get(rq, "minimum_start_date");
  milestone_filter f = {.category = kl_sim_arg_get(rq, "category"),
                        .competition = kl_sim_arg_get(rq, "competition"),
                        .source_id = kl_sim_arg_get(rq, "source_id"),
                        .type = kl_sim_arg_get(rq, "type"),
                        .event = kl_sim_arg_get(rq, "related_event_ticker"),
                        .min_start_us = INT64_MIN};
  int64_t limit, n = 0;
  bool more = false;
  if (!kl_sim_arg_get(rq, "limit")) {
    kl_sim_fail_query(rq, rs, "limit is required");
    return;
  }
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 500, 500, &limit) ||
      !kl_sim_arg_int(rq, rs, "min_updated_ts", INT64_MIN, INT64_MAX, INT64_MIN, &f.min_updated_s))
    return;
  if (from && !kl_time_parse_rfc3339(from, strlen(from), &f.min_start_us)) {
    kl_sim_fail_query(rq, rs, "minimum_start_date is not an RFC 3339 time");
    return;
  }
  if (!kl_sim_milestones_sync(s)) {
    no_memory(rs);
    return;
  }
  /* Milestones come and go between two pages: the cursor is the number of an event, which does not change. */
  uint64_t from_event = kl_sim_page_start(rq, 'l');
  size_t i = 0;
  const kl_sim_milestone *m;
  while ((m = kl_sim_milestone_at(list, i)) && m->events[0]->serial < from_event)
    i++;
  kl_buf_str(&rs->body, "{\"milestones\":[");
  for (; (m = kl_sim_milestone_at(list, i)); i++) {
    if (!fits(s, m, &f)) continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_milestone(&rs->body, s, m);
  }
  kl_buf_char(&rs->body, ']');
  kl_sim_page_end(&rs->body, "cursor", 'l', more, more ? m->events[0]->serial : 0);
  kl_buf_char(&rs->body, '}');
}

static void get_milestone(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  if (!kl_sim_milestones_sync(s)) {
    no_memory(rs);
    return;
  }
  const kl_sim_milestone *m = kl_sim_milestone_find(s->reference->milestones, rq->params[0]);
  if (!m) {
    not_found(rs);
    return;
  }
  kl_buf_str(&rs->body, "{\"milestone\":");
  kl_sim_json_milestone(&rs->body, s, m);
  kl_buf_char(&rs->body, '}');
}

/* ---- structured targets ---- */

static void write_target(kl_buf *b, const kl_sim_target *t) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", t->id);
  kl_sim_field_str(b, "name", t->name);
  kl_sim_field_str(b, "type", t->type);
  kl_sim_key(b, "details");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "abbreviation", t->code);
  if (t->competition[0]) kl_sim_field_str(b, "league", t->competition);
  kl_buf_char(b, '}');
  kl_sim_field_str(b, "source_id", t->code);
  kl_sim_key(b, "source_ids");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "kalua", t->code);
  kl_buf_char(b, '}');
  kl_sim_field_time(b, "last_updated_ts", t->created_us);
  kl_buf_char(b, '}');
}

/* Any of the repeated values of a key; without the key everything fits. */
static bool among(const kl_sim_request *rq, const char *key, const char *value) {
  bool given = false;
  for (size_t i = 0; i < rq->n_args; i++) {
    if (strcmp(rq->args[i].key, key) != 0) continue;
    given = true;
    if (!strcmp(rq->args[i].value, value)) return true;
  }
  return !given;
}

static void get_targets(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const struct kl_sim_targets *list = s->reference->targets;
  const char *type = kl_sim_arg_get(rq, "type"), *competition = kl_sim_arg_get(rq, "competition");
  int64_t size, n = 0;
  bool more = false;
  if (!kl_sim_arg_int(rq, rs, "page_size", 1, 2000, 100, &size)) return;
  if (!kl_sim_targets_sync(s)) {
    no_memory(rs);
    return;
  }
  size_t i = kl_sim_page_start(rq, 'g');
  const kl_sim_target *t;
  kl_buf_str(&rs->body, "{\"structured_targets\":[");
  for (; (t = kl_sim_target_at(list, i)); i++) {
    if ((type && strcmp(type, t->type) != 0) || (competition && strcmp(competition, t->competition) != 0) ||
        !among(rq, "ids", t->id))
      continue;
    more = n == size;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    write_target(&rs->body, t);
  }
  kl_buf_char(&rs->body, ']');
  kl_sim_page_end(&rs->body, "cursor", 'g', more, i);
  kl_buf_char(&rs->body, '}');
}

static void get_target(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  if (!kl_sim_targets_sync(s)) {
    no_memory(rs);
    return;
  }
  const kl_sim_target *t = kl_sim_target_find(s->reference->targets, rq->params[0]);
  if (!t) {
    not_found(rs);
    return;
  }
  kl_buf_str(&rs->body, "{\"structured_target\":");
  write_target(&rs->body, t);
  kl_buf_char(&rs->body, '}');
}

const kl_sim_route kl_sim_routes_milestones[] = {
    {"GetMilestones", get_milestones, false},
    {"GetMilestone", get_milestone, false},
    {"GetStructuredTargets", get_targets, false},
    {"GetStructuredTarget", get_target, false},
    {NULL, NULL, false},
};
