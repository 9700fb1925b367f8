/* What can be asked of shadows by the control socket, and their lines in the summary. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "cli/shadow.h"

enum { DIFFERENCES_DEFAULT = 1000 };
/* Of all shadows together in one answer, so that it stays below what may wait for a client. */
enum { DIFFERENCES_MAX = 10000 };

static kl_strategy_status status_of(const kl_strategy *g) {
  kl_strategy_status s;
  kl_strategy_status_get(g, &s);
  return s;
}

static const char *name_of(const kl_shadow *s, kl_actor who) { return kl_strategy_name(kl_shadow_strategy(s, who)); }

static const char *phase_of(const kl_strategy_status *s) {
  if (s->phase == KL_STRATEGY_ENDED) return s->failed ? "failed" : "ended";
  return s->phase == KL_STRATEGY_WAITING ? "waiting" : "running";
}

/* ---- shadow ---- */

static void add_difference(kl_buf *b, const kl_difference *d) {
  const kl_act *a = kl_difference_act(d);
  char when[40];
  kl_time_rfc3339(when, sizeof when, a->wall_us, 3);
  if (b->data[b->len - 1] != '[') kl_buf_char(b, ',');
  kl_buf_char(b, '{');
  kl_json_field_str(b, "ts", when);
  kl_json_field_str(b, "who", kl_difference_who(d) == KL_ACTOR_OLD ? "old" : "new");
  kl_json_field_str(b, "operation", a->operation);
  kl_json_field_str(b, "ticker", a->ticker);
  kl_json_field_str(b, "side", a->side);
  kl_json_field_str(b, "price", a->price);
  kl_json_field_str(b, "count", a->count);
  kl_buf_char(b, '}');
}

static void add_shadow(kl_buf *b, const kl_shadow *s, uint64_t most) {
  const kl_comparison *c = kl_shadow_comparison(s);
  const kl_strategy_status status = status_of(kl_shadow_strategy(s, KL_ACTOR_NEW));
  int64_t now = kl_shadow_now_us();
  kl_comparison_counts n;
  kl_comparison_count(c, now, &n);
  uint64_t skipped = n.kept > most ? n.kept - most : 0;
  if (b->data[b->len - 1] != '[') kl_buf_char(b, ',');
  kl_buf_char(b, '{');
  kl_json_field_str(b, "name", name_of(s, KL_ACTOR_OLD));
  kl_json_field_str(b, "shadow", status.name);
  kl_json_field_str(b, "path", status.path);
  kl_json_field_str(b, "phase", phase_of(&status));
  kl_json_field_bool(b, "failed", status.failed);
  kl_json_field_str(b, "last_error", status.last_error);
  kl_json_field_int(b, "same", (int64_t)n.same);
  kl_json_field_int(b, "only_old", (int64_t)n.only[KL_ACTOR_OLD]);
  kl_json_field_int(b, "only_new", (int64_t)n.only[KL_ACTOR_NEW]);
  kl_json_field_int(b, "undecided", (int64_t)n.open);
  kl_json_field_int(b, "left_out", (int64_t)(n.only[KL_ACTOR_OLD] + n.only[KL_ACTOR_NEW] - n.kept + skipped));
  kl_json_key(b, "differences");
  kl_buf_char(b, '[');
  const kl_difference *d = kl_comparison_next(c, now, NULL);
  for (; d && !b->failed; d = kl_comparison_next(c, now, d)) {
    if (skipped)
      skipped--;
    else
      add_difference(b, d);
  }
  kl_buf_str(b, "]}");
}

/* The shadow of that name, or of the script of that name: the newest. */
static kl_shadow *find(const kl_environment *env, const char *name) {
  kl_shadow *found = NULL;
  for (kl_shadow *s = kl_shadow_next(env, NULL); s; s = kl_shadow_next(env, s))
    if (!strcmp(name_of(s, KL_ACTOR_OLD), name) || !strcmp(name_of(s, KL_ACTOR_NEW), name)) found = s;
  return found;
}

/* NULL after a refusal. */
static kl_shadow *named(const kl_environment *env, kl_control_call *call, const char *name) {
  kl_shadow *s = name ? find(env, name) : NULL;
  if (s) return s;
  kl_error e;
  if (name)
    kl_error_coded(&e, KL_ERR_VALIDATION, "no_shadow",
                   "%.100s has no shadow; `kalua shadow %.100s --start FILE` starts one", name, name);
  else
    kl_error_set(&e, KL_ERR_VALIDATION, "the request lacks `name`, that of a script");
  kl_control_refuse(call, &e, NULL);
  return NULL;
}

static void run_shadow(void *data, kl_control_call *call, const json_t *fields) {
  const kl_environment *env = kl_app_environment(data);
  const char *name = json_string_value(json_object_get(fields, "name"));
  const json_t *n = json_object_get(fields, "n");
  const kl_shadow *only = name ? named(env, call, name) : NULL;
  if (name && !only) return;
  int64_t most = n ? json_integer_value(n) : DIFFERENCES_DEFAULT;
  if (n && (!json_is_integer(n) || most < 0)) {
    kl_error e;
    kl_error_set(&e, KL_ERR_VALIDATION, "shadow: `n` is an integer from 0 up");
    kl_control_refuse(call, &e, NULL);
    return;
  }
  int64_t shadows = 0, room;
  for (kl_shadow *s = kl_shadow_next(env, NULL); s; s = kl_shadow_next(env, s))
    shadows++;
  room = only || !shadows ? DIFFERENCES_MAX : DIFFERENCES_MAX / shadows;
  if (most > room) most = room;
  kl_buf b = {0};
  kl_json_key(&b, "shadows");
  kl_buf_char(&b, '[');
  for (kl_shadow *s = kl_shadow_next(env, NULL); s && !b.failed; s = kl_shadow_next(env, s))
    if (!only || s == only) add_shadow(&b, s, (uint64_t)most);
  kl_buf_char(&b, ']');
  kl_control_answer(call, &b);
}

/* ---- shadow_start ---- */

static kl_strategy *strategy_named(kl_app *a, const char *name) {
  kl_strategy *g = kl_app_strategy_next(a, NULL);
  while (g && name && strcmp(kl_strategy_name(g), name) != 0)
    g = kl_app_strategy_next(a, g);
  return name ? g : NULL;
}

static bool begin_shadow(kl_app *a, const char *name, const char *path, kl_error *e) {
  kl_strategy *of = strategy_named(a, name);
  if (!of || !path)
    kl_error_set(e, KL_ERR_VALIDATION, "shadow_start takes `name`, that of a script of this process, and `path`");
  else if (kl_strategy_shadow_of(of))
    kl_error_set(e, KL_ERR_VALIDATION, "%s is a shadow itself", name);
  else if (!kl_strategy_script(of) || status_of(of).stopping)
    kl_error_coded(e, KL_ERR_VALIDATION, "not_running", "%s does not run", name);
  else {
    kl_strategy_options o = *kl_strategy_get_options(of);
    o.script.path = path;
    o.script.source = NULL;
    return kl_app_start_shadow(a, of, &o, e);
  }
  return false;
}

static void run_start(void *data, kl_control_call *call, const json_t *fields) {
  const char *name = json_string_value(json_object_get(fields, "name"));
  kl_error e = {0};
  if (!begin_shadow(data, name, json_string_value(json_object_get(fields, "path")), &e)) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  kl_buf b = {0};
  kl_json_field_str(&b, "shadow", name_of(find(kl_app_environment(data), name), KL_ACTOR_NEW));
  kl_control_answer(call, &b);
}

/* ---- promote ---- */

typedef struct promotion {
  kl_control_call *call;
  kl_shadow *shadow;
  int64_t since_ns;
} promotion;

static void promoted(void *data, kl_strategy *g, const kl_error *e) {
  promotion *p = data;
  kl_buf b = {0};
  kl_json_field_int(&b, "generation", status_of(g).generation);
  kl_json_key(&b, "ms");
  kl_buf_decimal(&b, (kl_mono_ns(kl_clock_real()) - p->since_ns) / 1000, 3);
  if (e) {
    kl_control_refuse(p->call, e, &b);
  } else {
    kl_strategy_stop(kl_shadow_strategy(p->shadow, KL_ACTOR_NEW), KL_STOP_EXIT, false);
    kl_control_answer(p->call, &b);
  }
  free(p);
}

static void run_promote(void *data, kl_control_call *call, const json_t *fields) {
  kl_shadow *s = named(kl_app_environment(data), call, json_string_value(json_object_get(fields, "name")));
  if (!s) return;
  const kl_strategy_status status = status_of(kl_shadow_strategy(s, KL_ACTOR_NEW));
  kl_error e = {0};
  if (status.phase == KL_STRATEGY_ENDED) {
    kl_error_coded(&e, KL_ERR_VALIDATION, "no_shadow", "its shadow has %s%s%s; `kalua start %s` starts it again",
                   status.failed ? "failed: " : "ended", status.failed ? status.last_error : "", "", status.name);
    kl_control_refuse(call, &e, NULL);
    return;
  }
  promotion *p = malloc(sizeof *p);
  if (!p) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
  } else {
    *p = (promotion){.call = call, .shadow = s, .since_ns = kl_mono_ns(kl_clock_real())};
    if (kl_strategy_promote(kl_shadow_strategy(s, KL_ACTOR_OLD), status.path, promoted, p, &e)) return;
  }
  free(p);
  kl_control_refuse(call, &e, NULL);
}

const kl_control_op kl_shadow_ops[] = {{"shadow", run_shadow, NULL, NULL},
                                       {"shadow_start", run_start, NULL, NULL},
                                       {"promote", run_promote, NULL, NULL},
                                       {NULL, NULL, NULL, NULL}};

/* ---- the summary ---- */

void kl_shadow_summary(const kl_environment *env) {
  for (kl_shadow *s = kl_shadow_next(env, NULL); s; s = kl_shadow_next(env, s)) {
    kl_comparison_counts n;
    kl_comparison_count(kl_shadow_comparison(s), INT64_MAX, &n);
    kl_stderr_printf("  shadow    of %s: %" PRIu64 " same, %" PRIu64 " only old, %" PRIu64 " only new\n",
                     name_of(s, KL_ACTOR_OLD), n.same, n.only[KL_ACTOR_OLD], n.only[KL_ACTOR_NEW]);
  }
}
