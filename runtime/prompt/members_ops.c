/* The operation `members`: what names, fields and methods mean something at this prompt. */
#include <string.h>

#include "prompt/members.h"
#include "prompt/session.h"
#include "script/look.h"

enum { LONGEST_PATH = 100 };

typedef struct question {
  kl_prompt_session *session;
  const json_t *path;
  kl_members_wish wish;
  kl_members members;
  kl_buf *out;
} question;

/* ---- the names that an input can begin with ---- */

static void add_name(void *data, lua_State *L, const char *name) {
  question *q = data;
  if (lua_isnil(L, -1)) /* a module that is not loaded yet */
    kl_members_add_type(&q->members, name, strlen(name), "table");
  else
    kl_members_add(&q->members, L, name, strlen(name));
}

/* What the compiler keeps for itself has a name in parentheses. */
static bool is_name(const char *name) { return *name && *name != '(' && strcmp(name, "_ENV") != 0; }

/* Of several local variables of a name the last one is meant: it comes first. */
static void add_locals(question *q, lua_State *L, const kl_frame *f) {
  lua_Debug ar = f->ar;
  int n = 0;
  while (lua_getlocal(f->co, &ar, n + 1)) {
    lua_pop(f->co, 1);
    n++;
  }
  for (int i = n; i > 0; i--) {
    const char *name = lua_getlocal(f->co, &ar, i);
    lua_xmove(f->co, L, 1);
    if (is_name(name)) kl_members_add(&q->members, L, name, strlen(name));
    lua_pop(L, 1);
  }
}

static void add_upvalues(question *q, lua_State *L, const kl_frame *f) {
  lua_Debug ar = f->ar;
  lua_getinfo(f->co, "f", &ar);
  lua_xmove(f->co, L, 1); /* fn */
  const char *name;
  for (int i = 1; !lua_iscfunction(L, -1) && (name = lua_getupvalue(L, -1, i)); i++) {
    if (is_name(name)) kl_members_add(&q->members, L, name, strlen(name));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void add_frame(question *q, lua_State *L) {
  uint64_t task;
  int level;
  kl_frame f;
  if (!kl_prompt_session_frame(q->session, &task, &level)) return;
  kl_task *t = kl_task_find(kl_prompt_session_script(q->session), task);
  if (!t || !kl_task_frame(t, level, &f) || !lua_checkstack(f.co, 4)) return;
  add_locals(q, L, &f);
  add_upvalues(q, L, &f);
}

static void add_names(question *q, lua_State *L) {
  kl_members_begin(&q->members, q->out, &q->wish);
  add_frame(q, L);
  kl_prompt_session_each_name(q->session, L, add_name, q);
  lua_pushglobaltable(L);
  kl_members_walk(&q->members, L);
  kl_members_end(&q->members);
}

/* ---- the answer ---- */

/* Protected: (question). */
static int look(lua_State *L) {
  question *q = lua_touserdata(L, 1);
  size_t n = json_array_size(q->path);
  luaL_checkstack(L, 12, NULL);
  if (n == 0) {
    add_names(q, L);
    return 0;
  }
  const char *first = json_string_value(json_array_get(q->path, 0));
  if (!kl_prompt_session_lookup(q->session, L, first)) lua_pushnil(L);
  for (size_t i = 1; i < n; i++)
    kl_members_step(L, json_array_get(q->path, i));
  kl_members_self(L, q->out);
  kl_members_begin(&q->members, q->out, &q->wish);
  kl_members_walk(&q->members, L);
  kl_members_end(&q->members);
  return 0;
}

/* A list of names and integers that begins with a name; empty, or absent. */
static bool check_path(const json_t *path, kl_error *e) {
  bool ok = !path || (json_array_size(path) <= LONGEST_PATH &&
                      (json_is_array(path) || (json_is_object(path) && json_object_size(path) == 0)));
  for (size_t i = 0; ok && i < json_array_size(path); i++) {
    const json_t *part = json_array_get(path, i);
    ok = json_is_string(part) || (json_is_integer(part) && i > 0);
  }
  if (!ok)
    kl_error_set(e, KL_ERR_VALIDATION, "members: `path` is a list of at most %d names and integers, first a name",
                 LONGEST_PATH);
  return ok;
}

static void run_members(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_error e = {0};
  kl_buf out = {0};
  const json_t *prefix = json_object_get(fields, "prefix");
  question q = {.session = kl_prompt_session_of(call, fields, &e),
                .path = json_object_get(fields, "path"),
                .wish = {.prefix = json_string_value(prefix),
                         .prefix_len = json_string_length(prefix),
                         .method = json_is_true(json_object_get(fields, "method"))},
                .out = &out};
  kl_script *script = q.session ? kl_prompt_session_script(q.session) : NULL;
  bool ok = q.session && check_path(q.path, &e);
  if (ok && !script) {
    kl_error_coded(&e, KL_ERR_CLOSED, "not_running", "%.100s does not run",
                   kl_strategy_name(kl_prompt_session_strategy(q.session)));
    ok = false;
  }
  if (ok && kl_script_look(script, look, &q, &e)) {
    kl_control_answer(call, &out);
    return;
  }
  kl_buf_free(&out);
  kl_control_refuse(call, &e, NULL);
}

const kl_control_op kl_prompt_members_ops[] = {{"members", run_members, NULL, NULL}, {NULL, NULL, NULL, NULL}};
