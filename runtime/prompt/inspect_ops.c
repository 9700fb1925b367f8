/* The operations of prompt/inspect.h. */
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "prompt/inspect.h"
#include "prompt/internal.h"

static void refuse(kl_control_call *call, const kl_error *e, kl_buf *unused) {
  if (unused) kl_buf_free(unused);
  kl_control_refuse(call, e, NULL);
}

/* An integer field from 0 to `most`; left as it is where absent. False with `e`. */
static bool number_field(const json_t *fields, const char *op, const char *key, int64_t most, int64_t *out,
                         kl_error *e) {
  const json_t *v = json_object_get(fields, key);
  if (!v) return true;
  *out = json_integer_value(v);
  if (json_is_integer(v) && *out >= 0 && *out <= most) return true;
  kl_error_set(e, KL_ERR_VALIDATION, "%s: `%s` is an integer from 0 to %lld", op, key, (long long)most);
  return false;
}

/* The version that runs in the session's strategy; NULL with `e`. */
static kl_script *script_of(kl_control_call *call, const json_t *fields, kl_error *e) {
  const kl_prompt_session *s = kl_prompt_session_of(call, fields, e);
  kl_script *script = s ? kl_prompt_session_script(s) : NULL;
  if (s && !script) kl_error_coded(e, KL_ERR_CLOSED, "not_running", "no version of the strategy runs now");
  return script;
}

static void run_tasks(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e = {0};
  kl_buf b = {0};
  int64_t after = 0, task = 0, n = KL_INSPECT_TASKS;
  bool one = json_object_get(fields, "task") != NULL;
  int64_t frames = one ? KL_INSPECT_FRAMES_MOST : KL_INSPECT_FRAMES;
  (void)data;
  kl_script *s = script_of(call, fields, &e);
  if (!s || !number_field(fields, "tasks", "after", INT64_MAX, &after, &e) ||
      !number_field(fields, "tasks", "task", INT64_MAX, &task, &e) ||
      !number_field(fields, "tasks", "n", KL_INSPECT_TASKS_MOST, &n, &e) ||
      !number_field(fields, "tasks", "frames", KL_INSPECT_FRAMES_MOST, &frames, &e)) {
    refuse(call, &e, NULL);
    return;
  }
  kl_inspect_tasks o = {.after = (uint64_t)after, .task = (uint64_t)task, .n = (size_t)n, .frames = (int)frames};
  kl_prompt_session_frame(kl_prompt_session_of(call, fields, &e), &o.selected_task, &o.selected);
  if (kl_inspect_write_tasks(s, &o, &b, &e))
    kl_control_answer(call, &b);
  else
    refuse(call, &e, &b);
}

static void run_locals(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e = {0};
  kl_buf list = {0}, frame = {0};
  int64_t task = 0, level = KL_FRAME_USUAL;
  uint64_t selected;
  int at;
  (void)data;
  kl_script *s = script_of(call, fields, &e);
  if (!s || !number_field(fields, "locals", "task", INT64_MAX, &task, &e) ||
      !number_field(fields, "locals", "frame", INT32_MAX, &level, &e)) {
    refuse(call, &e, NULL);
    return;
  }
  if (level == KL_FRAME_USUAL && kl_prompt_session_frame(kl_prompt_session_of(call, fields, &e), &selected, &at) &&
      selected == (uint64_t)task)
    level = at;
  if (!kl_inspect_write_locals(s, (uint64_t)task, (int)level, &list, &frame, &e)) {
    kl_buf_free(&list);
    refuse(call, &e, &frame);
    return;
  }
  kl_prompt_answer_parts(call, &list, &frame);
}

/* ---- figures ---- */

typedef struct sessions {
  kl_buf *out;
  const kl_prompt_session *own;
  bool any;
} sessions;

static void add_session(void *data, kl_prompt_session *s) {
  sessions *all = data;
  kl_buf who = {0};
  kl_prompt_client_name(kl_prompt_session_client(s), &who);
  kl_buf_str(all->out, all->any ? ",{" : "{");
  all->any = true;
  kl_json_field_str(all->out, "who", who.data ? who.data : "");
  kl_json_field_bool(all->out, "armed", kl_prompt_session_armed(s));
  if (s == all->own) kl_json_field_bool(all->out, "own", true);
  kl_buf_char(all->out, '}');
  kl_buf_free(&who);
}

static void run_inspect(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e = {0};
  kl_buf b = {0};
  int64_t n = KL_INSPECT_OPEN;
  (void)data;
  const kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  if (!s || !number_field(fields, "inspect", "n", KL_INSPECT_OPEN_MOST, &n, &e)) {
    refuse(call, &e, NULL);
    return;
  }
  kl_inspect_strategy(kl_prompt_session_strategy(s), (size_t)n, &b);
  sessions all = {.out = &b, .own = s};
  kl_json_key(&b, "sessions");
  kl_buf_char(&b, '[');
  kl_prompt_each_session(kl_prompt_session_prompt(s), kl_prompt_session_strategy(s), add_session, &all);
  kl_buf_char(&b, ']');
  kl_control_answer(call, &b);
}

/* ---- the log ---- */

static kl_log_level level_now(void) {
  int level = KL_LOG_TRACE;
  while (level > KL_LOG_ERROR && !kl_log_enabled((kl_log_level)level))
    level--;
  return (kl_log_level)level;
}

static void run_log_level(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e = {0};
  kl_buf b = {0};
  kl_prompt *p = data;
  const json_t *given = json_object_get(fields, "level");
  const char *name = json_string_value(given);
  kl_log_level was = level_now(), level = was;
  if (given && (!name || !kl_log_level_parse(name, &level))) {
    kl_error_set(&e, KL_ERR_VALIDATION, "log_level: `level` is error, warn, info, debug or trace");
    refuse(call, &e, NULL);
    return;
  }
  if (level != was) {
    kl_prompt_client who;
    kl_prompt_client_get(call, &who);
    kl_log_set_level(level);
    kl_journal_put(
        p->journal,
        &(kl_journal_entry){
            .client = &who, .strategy = "", .env = p->env, .op = "log", .text = name, .n = strlen(name), .ns = -1});
  }
  kl_json_field_str(&b, "was", kl_log_level_name(was));
  kl_json_field_str(&b, "level", kl_log_level_name(level));
  kl_control_answer(call, &b);
}

/* ---- commands ---- */

/* A command that was typed at the other end and has its effect by another operation, as a reload. */
static void run_journal(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e = {0};
  (void)data;
  const kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  const json_t *text = json_object_get(fields, "text");
  if (s && !json_is_string(text)) kl_error_set(&e, KL_ERR_VALIDATION, "journal: `text` is what was typed");
  if (!s || !json_is_string(text)) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  kl_prompt_session_journal(s, "command", json_string_value(text), json_string_length(text), NULL, -1);
  kl_control_answer(call, NULL);
}

const kl_control_op kl_prompt_inspect_ops[] = {
    {"tasks", run_tasks, NULL, NULL},     {"locals", run_locals, kl_prompt_parts_cancel, kl_prompt_parts_room},
    {"inspect", run_inspect, NULL, NULL}, {"log_level", run_log_level, NULL, NULL},
    {"journal", run_journal, NULL, NULL}, {NULL, NULL, NULL, NULL}};
