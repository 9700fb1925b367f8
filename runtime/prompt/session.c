#include "prompt/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_fields.h"
#include "prompt/debug_ops.h"
#include "prompt/internal.h"
#include "script/look.h"

enum { NAMES_MAX = 400 };

/* ---- reading ---- */

kl_prompt *kl_prompt_session_prompt(const kl_prompt_session *s) { return s->prompt; }
kl_strategy *kl_prompt_session_strategy(const kl_prompt_session *s) { return s->strategy; }
kl_script *kl_prompt_session_script(const kl_prompt_session *s) { return kl_strategy_script(s->strategy); }
bool kl_prompt_session_armed(const kl_prompt_session *s) { return s->armed; }

bool kl_prompt_session_may(const kl_prompt_session *s, const char *what, kl_error *e) {
  if (s->armed) return true;
  kl_error_coded(e, KL_ERR_PERMISSION, "arm_first", "%s changes what the script does: :arm first", what);
  return false;
}

kl_prompt_session *kl_prompt_session_of(kl_control_call *call, const json_t *fields, kl_error *e) {
  const json_t *id = json_object_get(fields, "session");
  kl_control_call *of = json_is_integer(id) ? kl_control_sibling(call, "prompt", json_integer_value(id)) : NULL;
  kl_prompt_session *s = of ? kl_control_call_get(of) : NULL;
  if (!s)
    kl_error_set(e, KL_ERR_VALIDATION,
                 "the request lacks `session`, the id of a request \"prompt\" of this connection that has not ended");
  return s;
}

void kl_prompt_session_event(kl_prompt_session *s, const char *event, kl_buf *fields) {
  kl_control_event(s->call, event, fields);
}

const kl_prompt_client *kl_prompt_session_client(const kl_prompt_session *s) { return &s->client; }

void kl_prompt_session_journal(const kl_prompt_session *s, const char *op, const char *text, size_t n,
                               const char *outcome, int64_t ns) {
  if (s->client.pid == getpid()) return;
  const kl_journal_entry e = {.client = &s->client,
                              .strategy = kl_strategy_name(s->strategy),
                              .env = s->prompt->env,
                              .armed = s->armed,
                              .op = op,
                              .text = text,
                              .n = n,
                              .outcome = outcome,
                              .ns = ns};
  kl_journal_put(s->prompt->journal, &e);
}

typedef struct telling {
  const kl_prompt_session *from;
  const char *text;
} telling;

static void tell_note(void *data, kl_prompt_session *s) {
  const telling *t = data;
  if (s == t->from) return;
  kl_buf b = {0};
  kl_json_field_str(&b, "text", t->text);
  kl_prompt_session_event(s, "note", &b);
}

void kl_prompt_session_tell_others(kl_prompt_session *s, const char *what) {
  kl_buf text = {0};
  kl_prompt_client_name(&s->client, &text);
  kl_buf_printf(&text, " %s", what);
  telling t = {.from = s, .text = text.data ? text.data : what};
  kl_prompt_each_session(s->prompt, s->strategy, tell_note, &t);
  kl_buf_free(&text);
}

void kl_prompt_each_session(kl_prompt *p, const kl_strategy *g, void (*fn)(void *data, kl_prompt_session *s),
                            void *data) {
  for (kl_list *n = p->sessions.next, *next; n != &p->sessions; n = next) {
    next = n->next;
    kl_prompt_session *s = KL_CONTAINER(n, kl_prompt_session, link);
    if (s->strategy == g) fn(data, s);
  }
}

/* ---- what it has in the version that runs ---- */

kl_evaluator *kl_prompt_session_evaluator(kl_prompt_session *s, kl_error *e) {
  if (s->evaluator) return s->evaluator;
  kl_script *script = kl_prompt_session_script(s);
  const char *name = kl_strategy_name(s->strategy);
  kl_strategy_status status;
  kl_strategy_status_get(s->strategy, &status);
  if (script)
    s->evaluator = kl_evaluator_new(script, e);
  else if (status.phase == KL_STRATEGY_WAITING)
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "%.100s has failed, and is started again soon: %s", name,
                   status.last_error);
  else
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "%.100s does not run: `kalua start %.100s` starts it", name, name);
  return s->evaluator;
}

bool kl_prompt_session_lookup(kl_prompt_session *s, lua_State *L, const char *name) {
  kl_error e;
  kl_evaluator *v = kl_prompt_session_evaluator(s, &e);
  return v && kl_evaluator_lookup(v, L, name);
}

void kl_prompt_session_each_name(kl_prompt_session *s, lua_State *L,
                                 void (*fn)(void *data, lua_State *L, const char *name), void *data) {
  kl_error e;
  kl_evaluator *v = kl_prompt_session_evaluator(s, &e);
  if (v) kl_evaluator_each(v, L, fn, data);
}

bool kl_prompt_session_frame(const kl_prompt_session *s, uint64_t *task, int *level) {
  return s->evaluator && kl_evaluator_selected(s->evaluator, task, level);
}

/* Another version runs, or none: what was evaluated in the one before is over, and its variables with it. */
static void version_changed(kl_strategy_observer *o, kl_strategy *g, kl_script *script) {
  kl_prompt_session *s = KL_CONTAINER(o, kl_prompt_session, observer);
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  kl_evaluator *v = s->evaluator;
  s->evaluator = NULL;
  kl_evaluator_free(v, script ? "another version of the script has taken over" : "the script has ended");
  kl_buf b = {0};
  kl_json_field_int(&b, "generation", status.generation);
  kl_json_field_str(&b, "phase", script ? "running" : status.phase == KL_STRATEGY_WAITING ? "waiting" : "ended");
  if (!script && status.last_error[0]) kl_json_field_str(&b, "error", status.last_error);
  kl_prompt_session_event(s, "version", &b);
}

/* ---- birth and end ---- */

/* The names of all strategies, as far as there is room. */
static void list_names(kl_host *h, char out[NAMES_MAX]) {
  size_t len = 0;
  out[0] = 0;
  for (kl_strategy *g = kl_strategy_next(h, NULL); g; g = kl_strategy_next(h, g)) {
    const char *name = kl_strategy_name(g);
    if (len + strlen(name) + 8 > NAMES_MAX) {
      memcpy(out + len, ", …", sizeof ", …");
      return;
    }
    len += (size_t)snprintf(out + len, NAMES_MAX - len, "%s%s", len ? ", " : "", name);
  }
}

/* The strategy that a request wants; NULL with `e`. */
static kl_strategy *wanted(kl_host *h, const json_t *fields, kl_error *e) {
  const char *name = json_string_value(json_object_get(fields, "name"));
  char names[NAMES_MAX];
  kl_strategy *first = kl_strategy_next(h, NULL), *g = first;
  if (name) {
    while (g && strcmp(kl_strategy_name(g), name) != 0)
      g = kl_strategy_next(h, g);
  } else if (g && kl_strategy_next(h, g)) {
    list_names(h, names);
    kl_error_coded(e, KL_ERR_VALIDATION, "script_ambiguous",
                   "this process runs several scripts, say which by `name`: %s", names);
    return NULL;
  }
  list_names(h, names);
  if (!g && !first)
    kl_error_coded(e, KL_ERR_VALIDATION, "no_script_running", "this process runs no scripts");
  else if (!g)
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_script",
                   "no script of this process is called \"%.100s\": there is %s", name, names);
  return g;
}

static void tell_ready(kl_prompt_session *s) {
  kl_strategy_status status;
  kl_strategy_status_get(s->strategy, &status);
  kl_buf b = {0};
  kl_json_field_str(&b, "name", status.name);
  kl_json_key(&b, "path");
  if (status.path)
    kl_buf_json_cstr(&b, status.path);
  else
    kl_buf_str(&b, "null");
  kl_json_field_str(&b, "env", s->prompt->env);
  if (s->prompt->elsewhere) kl_json_field_str(&b, "simulator", s->prompt->elsewhere);
  kl_json_field_int(&b, "generation", status.generation);
  kl_json_field_bool(&b, "armed", s->armed);
  kl_json_field_int(&b, "pid", getpid());
  kl_json_field_int(&b, "client", s->client.pid);
  kl_json_field_str(&b, "version", KL_VERSION);
  kl_prompt_session_event(s, "ready", &b);
}

static void run_prompt(void *data, kl_control_call *call, const json_t *fields) {
  kl_prompt *p = data;
  kl_error e = {0};
  kl_strategy *g = wanted(p->host, fields, &e);
  kl_prompt_session *s = g ? calloc(1, sizeof *s) : NULL;
  if (!s) {
    if (g) kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for a session");
    kl_control_refuse(call, &e, NULL);
    return;
  }
  *s = (kl_prompt_session){.prompt = p,
                           .call = call,
                           .strategy = g,
                           .observer.changed = version_changed,
                           .armed = json_is_true(json_object_get(fields, "armed"))};
  kl_list_init(&s->link);
  kl_list_init(&s->observer.link);
  kl_list_init(&s->watches);
  kl_list_append(&p->sessions, &s->link);
  kl_strategy_observe(g, &s->observer);
  kl_control_call_set(call, s);
  kl_prompt_client_get(call, &s->client);
  kl_strategy_measure(g, true);
  /* A program that asks each second is of no interest to people. */
  if (s->armed || s->client.tty[0])
    kl_prompt_session_tell_others(s, s->armed ? "is here now, too, and armed" : "is here now, too");
  if (s->armed) kl_prompt_session_journal(s, "arm", NULL, 0, NULL, -1);
  tell_ready(s);
  kl_prompt_debug_begin(s);
}

void kl_prompt_session_end(kl_prompt_session *s, const char *why) {
  kl_control_call *call = s->call;
  kl_control_call_set(call, NULL);
  kl_list_remove(&s->link);
  kl_prompt_debug_end(s);
  kl_strategy_unobserve(&s->observer);
  kl_strategy_measure(s->strategy, false);
  kl_prompt_end_watches(s, why);
  kl_evaluator_free(s->evaluator, why);
  free(s);
  kl_control_answer(call, NULL);
}

static void cancel_prompt(void *data, kl_control_call *call) {
  (void)data;
  kl_prompt_session_end(kl_control_call_get(call), "the session has ended");
}

/* ---- requests about it ---- */

static void run_arm(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_error e = {0};
  kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  const json_t *on = json_object_get(fields, "on");
  if (s && !json_is_boolean(on)) kl_error_set(&e, KL_ERR_VALIDATION, "arm: `on` is true or false");
  if (!s || !json_is_boolean(on)) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  bool was = s->armed;
  s->armed = was || json_is_true(on);
  if (was != json_is_true(on)) { /* said as of an armed session either way */
    kl_prompt_session_journal(s, was ? "disarm" : "arm", NULL, 0, NULL, -1);
    kl_prompt_session_tell_others(s, was ? "is no longer armed" : "is armed now and can change the script");
  }
  s->armed = json_is_true(on);
  kl_error failing;
  kl_buf b = {0};
  if (s->armed && kl_journal_failing(s->prompt->journal, &failing)) kl_json_field_str(&b, "journal", failing.message);
  kl_json_field_bool(&b, "armed", s->armed);
  kl_control_answer(call, &b);
}

const kl_control_op kl_prompt_session_ops[] = {
    {"prompt", run_prompt, cancel_prompt, NULL}, {"arm", run_arm, NULL, NULL}, {NULL, NULL, NULL, NULL}};
