/* A version of a strategy: how its start runs beside another one, how it becomes live and rests, and how its state
 * comes and goes. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "script/image.h"
#include "script/internal.h"
#include "script/rehearsal.h"

enum { START_PASSES = 64, START_STRETCH_MS = 5 };

static const char kalua_key = 0; /* the module kalua, whose field `state` is the state */

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- the start ---- */

void kl_version_run_start(kl_script *s) {
  int64_t until = now_ns() + (int64_t)START_STRETCH_MS * 1000000;
  kl_watch_pass(s->host); /* the swap may go on out of a timer */
  for (int i = 0; i < START_PASSES && !kl_list_empty(&s->start_ready) && now_ns() < until; i++) {
    kl_list pass;
    kl_list_move(&pass, &s->start_ready);
    while (!kl_list_empty(&pass)) {
      kl_task *t = KL_CONTAINER(pass.next, kl_task, ready);
      kl_list_remove(&t->ready);
      kl_task_resume(t);
      if (now_ns() < until) continue;
      while (!kl_list_empty(&s->start_ready)) { /* what is left of the pass stays in front of what came after it */
        kl_list *n = s->start_ready.next;
        kl_list_remove(n);
        kl_list_append(&pass, n);
      }
      kl_list_move(&s->start_ready, &pass);
    }
  }
  if (!kl_list_empty(&s->start_ready)) kl_script_touch(s);
  lua_gc(s->L, LUA_GCRESTART); /* it collects what it leaves behind, but not while the other version rests */
}

static bool is_part_of_start(const kl_task *t) {
  if (t->held) return false;
  bool inner = t->wait && t->wait->kind == KL_WAIT_INNER && kl_list_empty(&t->ready);
  return !inner;
}

bool kl_version_has_started(const kl_script *s) {
  for (const kl_list *n = s->tasks.next; n != &s->tasks; n = n->next)
    if (is_part_of_start(KL_CONTAINER(n, kl_task, link))) return false;
  return true;
}

/* ---- live and suspended ---- */

static void ready_again(kl_list *list) {
  kl_list waiting;
  kl_list_move(&waiting, list);
  while (!kl_list_empty(&waiting)) {
    kl_task *t = KL_CONTAINER(waiting.next, kl_task, ready);
    kl_list_remove(&t->ready);
    kl_ready(t);
  }
}

static void write_log(const kl_script *s, kl_log_level level, const char *members, size_t n_members, const char *text,
                      size_t n) {
  kl_buf all = {0};
  if (!kl_log_enabled(level)) return;
  kl_log_number(&all, "generation", s->generation);
  if (n_members) kl_buf_add(&all, members, n_members);
  kl_log_write_with(level, s->name, all, "%.*s", (int)n, text);
}

typedef struct {
  int level;           /* -1: printed */
  size_t n_members, n; /* of what comes behind it */
} said;

static void say_later(kl_script *s, int level, const kl_buf *members, const char *text, size_t n) {
  enum { SAID_MAX = 4 << 20 };
  const said head = {.level = level, .n_members = members ? members->len : 0, .n = n};
  s->said.most = SAID_MAX;
  kl_buf_add(&s->said, &head, sizeof head);
  if (head.n_members) kl_buf_add(&s->said, members->data, head.n_members);
  kl_buf_add(&s->said, text, n);
}

void kl_say_later(kl_script *s, int level, const char *text, size_t n) { say_later(s, level, NULL, text, n); }

static void say_now(kl_script *s) {
  for (size_t at = 0; at + sizeof(said) <= s->said.len;) {
    said head;
    memcpy(&head, s->said.data + at, sizeof head);
    const char *members = s->said.data + at + sizeof head, *text = members + head.n_members;
    at += sizeof head + head.n_members + head.n;
    if (at > s->said.len) break; /* memory was out within it */
    if (head.level >= 0)
      write_log(s, (kl_log_level)head.level, members, head.n_members, text, head.n);
    else
      kl_script_print(s, text, head.n);
  }
  if (s->said.failed) kl_log_warn(s->name, "some of what it said while it started is lost: it was more than 4 MiB");
  kl_buf_free(&s->said);
}

void kl_script_log(kl_script *s, kl_log_level level, const char *text, size_t n) {
  kl_script_log_with(s, level, NULL, text, n);
}

void kl_script_log_with(kl_script *s, kl_log_level level, const kl_buf *members, const char *text, size_t n) {
  if (s->starting)
    say_later(s, (int)level, members, text, n);
  else
    write_log(s, level, members ? members->data : NULL, members ? members->len : 0, text, n);
}

static bool has_state(kl_script *s) {
  bool has = lua_rawgetp(s->L, LUA_REGISTRYINDEX, &kalua_key) == LUA_TTABLE;
  lua_pop(s->L, 1);
  return has;
}

void kl_version_go_live(kl_script *s) {
  bool first = s->starting;
  s->starting = false;
  s->live = true;
  for (kl_list *n = s->tasks.next; n != &s->tasks; n = n->next) {
    kl_task *t = KL_CONTAINER(n, kl_task, link);
    t->held = false;
    if (t->wait && kl_is_hold(t->wait)) kl_ready(t);
  }
  ready_again(&s->start_ready);
  ready_again(&s->resting);
  for (kl_list *n = s->members.next; n != &s->members; n = n->next) {
    kl_member *m = KL_CONTAINER(n, kl_member, link);
    if (m->live) m->live(m);
  }
  if (first) {
    /* One that did not ask for its state yet may do so later, or a prompt in it. */
    if (has_state(s)) kl_buf_free(&s->image);
    kl_rehearsal_free(s->rehearsal);
    s->rehearsal = NULL;
    s->snapshot = NULL;
    say_now(s);
  }
  kl_script_touch(s);
}

void kl_version_suspend(kl_script *s) {
  s->live = false;
  for (kl_list *n = s->tasks.next; n != &s->tasks; n = n->next) {
    kl_task *t = KL_CONTAINER(n, kl_task, link);
    if (kl_list_empty(&t->ready) || kl_task_runs_paused(t)) continue;
    kl_list_remove(&t->ready);
    kl_list_append(&s->resting, &t->ready);
  }
}

/* ---- state ---- */

/* The module is at the top. */
void kl_script_open_state(lua_State *L) {
  kl_script *s = kl_script_of(L);
  if (s->image.len)
    kl_image_read(L, s->image.data, s->image.len);
  else
    lua_newtable(L);
  lua_setfield(L, -2, "state");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kalua_key);
}

bool kl_version_write_state(lua_State *L, kl_buf *out) {
  luaL_checkstack(L, 2, NULL);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kalua_key) != LUA_TTABLE) return false;
  lua_pushliteral(L, "state");
  if (lua_rawget(L, -2) != LUA_TTABLE)
    kl_raise_coded(L, KL_ERR_VALIDATION, "state_not_a_table", "kalua.state: it must be a table, not %s",
                   luaL_typename(L, -1));
  kl_image_write(L, -1, "kalua.state", out);
  lua_pop(L, 2);
  return true;
}

/* Protected. The module was opened before the version had its state and its number, as another module needed it. */
static int fill_module(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kalua_key) != LUA_TTABLE) return 0;
  kl_script_open_state(L);
  lua_pushinteger(L, kl_script_of(L)->generation);
  lua_setfield(L, -2, "generation");
  return 0;
}

bool kl_version_give_state(kl_script *s, const kl_buf *image, int schema, kl_error *e) {
  kl_buf_clear(&s->image);
  if (image->len) {
    kl_buf_add(&s->image, image->data, image->len);
    s->schema = schema;
  }
  lua_pushcfunction(s->L, fill_module);
  bool ok = !s->image.failed && lua_pcall(s->L, 0, 0, 0) == LUA_OK;
  lua_settop(s->L, 0);
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for kalua.state in the new version");
  return ok;
}

typedef struct {
  kl_script *s;
  kl_buf *out;
  bool has;
  kl_error *e;
} capture;

/* Protected: (capture). */
static int write_state(lua_State *L) {
  capture *c = lua_touserdata(L, 1);
  c->has = kl_version_write_state(L, c->out);
  return 0;
}

/* Protected: (capture), error value. */
static int note_error(lua_State *L) {
  capture *c = lua_touserdata(L, 1);
  lua_pushliteral(L, "message");
  if (!lua_istable(L, 2) || lua_rawget(L, 2) != LUA_TSTRING) kl_describe(L, 2, false);
  kl_error_set(c->e, KL_ERR_VALIDATION, "%s", lua_tostring(L, -1));
  return 0;
}

bool kl_version_capture(kl_script *s, kl_buf *out, int *schema, bool *has, kl_error *e) {
  capture c = {.s = s, .out = out, .e = e};
  lua_State *L = s->L;
  int top = lua_gettop(L);
  kl_buf_clear(out);
  lua_pushcfunction(L, note_error);
  lua_pushlightuserdata(L, &c);
  lua_pushcfunction(L, write_state);
  lua_pushlightuserdata(L, &c); /* note_error c write_state c */
  bool ok = lua_pcall(L, 1, 0, 0) == LUA_OK && !out->failed;
  if (!ok) {
    kl_error_set(e, KL_ERR_INTERNAL, "kalua.state: not enough memory to carry it over");
    if (!out->failed && lua_pcall(L, 2, 0, 0) != LUA_OK)
      kl_error_set(e, KL_ERR_INTERNAL, "kalua.state: not enough memory to carry it over");
  }
  lua_settop(L, top);
  *has = c.has;
  *schema = s->schema ? s->schema : s->declared;
  return ok;
}

enum { MIGRATE_STATE = 3 };

int kl_script_migrate_lua(lua_State *L) {
  kl_script *s = kl_script_of(L);
  int from = (int)lua_tointeger(L, 1);
  if (from + 1 > s->declared) s->declared = from + 1;
  if (!s->schema || from < s->schema) return 0;
  if (from > s->schema)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "state_schema",
                          "kalua.migrate(%d, …): kalua.state is of schema %d; the step from %d to %d must come first",
                          from, s->schema, s->schema, s->schema + 1);
  lua_settop(L, 2);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kalua_key);
  lua_getfield(L, -1, "state"); /* from fn module state */
  lua_remove(L, MIGRATE_STATE);
  lua_pushvalue(L, 2);
  lua_insert(L, MIGRATE_STATE); /* from fn fn state */
  lua_call(L, 1, 1);            /* it cannot wait: half a state must not go live */
  if (!lua_isnil(L, -1)) {      /* else it was changed in place */
    if (!lua_istable(L, -1))
      return kl_raise_coded(L, KL_ERR_VALIDATION, "state_not_a_table",
                            "kalua.migrate: the function must return a table or nothing, not %s", luaL_typename(L, -1));
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kalua_key); /* … state module */
    lua_insert(L, -2);
    lua_setfield(L, -2, "state");
  }
  s->schema = from + 1;
  return 0;
}

/* ---- checks of kalua.on_probation ---- */

/* The body of such a task: (check). */
static int checked(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  if (lua_type(L, -1) != LUA_TBOOLEAN || lua_toboolean(L, -1)) return 0;
  lua_Debug ar;
  lua_pushvalue(L, 1);
  lua_getinfo(L, ">S", &ar);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "probation_failed",
                        "a check of kalua.on_probation failed: that of %s:%d returned false", ar.short_src,
                        ar.linedefined);
}

static int check(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_callk(L, 0, 1, 0, checked);
  return checked(L, LUA_OK, 0);
}

/* Protected. */
static int start_checks(lua_State *L) {
  lua_settop(L, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kl_on_probation_key);
  for (lua_Integer i = 1; lua_rawgeti(L, 1, i) == LUA_TFUNCTION; i++) {
    lua_pushcfunction(L, check);
    lua_insert(L, -2);
    kl_task *t = kl_task_spawn(L, 1);
    t->check = true;
    t->script->n_checks++;
    lua_settop(L, 1);
  }
  return 0;
}

void kl_version_check(kl_script *s) {
  if (s->n_checks) return;
  if (!kl_script_protected(s, start_checks, NULL, "a check of kalua.on_probation could not be started")) s->errors++;
}
