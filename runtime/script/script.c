#include "script/script.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "script/bounded.h"
#include "script/internal.h"
#include "script/rehearsal.h"

enum { DEFAULT_CAP_MB = 256, DEFAULT_CPU_MS = 1000, REPORT_RESERVE = 64 * 1024, LARGE = 512 * 1024 };

/* ---- reading ---- */

kl_script *kl_script_of(lua_State *L) { return *(kl_script **)lua_getextraspace(L); }
kl_host *kl_script_host(kl_script *s) { return s->host; }
const char *kl_script_name(const kl_script *s) { return s->name; }
uv_loop_t *kl_script_loop(kl_script *s) { return s->host->loop; }
const kl_clock *kl_script_clock(kl_script *s) { return s->host->o.clock; }
void *kl_script_data(kl_script *s) { return s->host->o.data; }
kl_permissions kl_script_permissions(const kl_script *s) { return s->o.allow; }
const kl_script_options *kl_script_get_options(const kl_script *s) { return &s->o; }
bool kl_script_live(const kl_script *s) { return s->live; }
bool kl_script_replaced(const kl_script *s) { return s->replaced; }
kl_strategy *kl_script_strategy(const kl_script *s) { return s->strategy; }
const char *kl_script_error(const kl_script *s) { return s->error; }
const char *kl_script_error_kind(const kl_script *s) { return s->error_kind; }
const char *kl_script_error_code(const kl_script *s) {
  return s->error_code && *s->error_code ? s->error_code : s->error_kind;
}
const char *kl_script_traceback(const kl_script *s) { return s->traceback; }

void kl_script_stats_get(const kl_script *s, kl_script_stats *out) {
  *out = (kl_script_stats){.memory = s->used,
                           .memory_peak = s->peak,
                           .resumes = s->resumes,
                           .errors = s->errors,
                           .tasks = s->n_tasks,
                           .generation = s->generation};
}

/* ---- members ---- */

void kl_script_adopt(kl_script *s, kl_member *m) { kl_list_append(&s->members, &m->link); }
void kl_script_disown(kl_member *m) { kl_list_remove(&m->link); }

/* ---- memory ---- */

static void *from(kl_host *h, void *p, size_t size) {
  if (h->o.memory) return h->o.memory(h->o.data, p, size);
  if (size > 0) return realloc(p, size);
  free(p);
  return NULL;
}

/* Over the cap Lua collects garbage, asks again, and then raises "not enough memory". So it does where a task that is
 * to be broken wants much: no hook runs inside of the interpreter, which for a value that is its own __call, say, works
 * for minutes until the stack is full. */
static void *capped(void *ud, void *p, size_t old, size_t size) {
  kl_script *s = ud;
  if (!p) old = 0; /* then it is a type, not a size */
  if (size > old && (s->used > s->cap || size - old > s->cap - s->used)) return NULL; /* sizes may be absurd */
  if (size > old && size >= LARGE && kl_watch_over(s)) return NULL;
  void *q = size > 0 || p ? from(s->host, p, size) : NULL;
  if (size > 0 && !q) {
    if (size > old) return NULL;
    q = p; /* Lua relies on it that shrinking works */
  }
  s->used = s->used - old + size;
  if (s->used > s->peak) s->peak = s->used;
  return q;
}

bool kl_script_protected(kl_script *s, int (*fn)(lua_State *), void *p, const char *what) {
  lua_State *L = s->L;
  int top = lua_gettop(L);
  s->cap += REPORT_RESERVE; /* the end of a task that ran out of memory must still be told */
  lua_pushcfunction(L, fn);
  lua_pushlightuserdata(L, p);
  bool ok = lua_pcall(L, 1, 0, 0) == LUA_OK;
  if (!ok && what) {
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without a text";
    kl_log_error(s->name, "%s: %s", what, text);
  }
  lua_settop(L, top);
  s->cap -= REPORT_RESERVE;
  return ok;
}

/* Nothing calls Lua outside of protected mode where it can raise; if something does all the same, going on is not
 * possible. */
static int panic(lua_State *L) {
  kl_log_error(kl_script_of(L)->name, "error outside of protected mode: %s",
               lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?");
  abort();
}

/* ---- handlers ---- */

const char kl_on_stop_key = 0, kl_on_error_key = 0, kl_on_probation_key = 0;

static void add_handler(lua_State *L, const char *key) {
  luaL_checktype(L, -1, LUA_TFUNCTION);
  lua_rawgetp(L, LUA_REGISTRYINDEX, key); /* fn list */
  lua_insert(L, -2);                      /* list fn */
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

void kl_script_on_stop(lua_State *L) { add_handler(L, &kl_on_stop_key); }
void kl_script_on_error(lua_State *L) { add_handler(L, &kl_on_error_key); }
void kl_script_on_probation(lua_State *L) { add_handler(L, &kl_on_probation_key); }

int kl_count_handlers(kl_script *s, const char *key) {
  int type = lua_rawgetp(s->L, LUA_REGISTRYINDEX, key);
  int n = type == LUA_TTABLE ? (int)lua_rawlen(s->L, -1) : 0;
  lua_pop(s->L, 1);
  return n;
}

/* ---- options ---- */

/* NULL stays NULL; clears *ok when there is no memory. */
static char *copy_text(const char *text, bool *ok) {
  char *copy = text ? strdup(text) : NULL;
  if (text && !copy) *ok = false;
  return copy;
}

static void free_list(const char *const *list) {
  for (const char *const *p = list; p && *p; p++)
    free((void *)(uintptr_t)*p);
  free((void *)(uintptr_t)list);
}

/* The same for a list of texts. */
static const char *const *copy_list(const char *const *list, bool *ok) {
  size_t n = 0;
  while (list && list[n])
    n++;
  const char **copy = list ? calloc(n + 1, sizeof *copy) : NULL;
  if (list && !copy) *ok = false;
  for (size_t i = 0; copy && i < n; i++)
    copy[i] = copy_text(list[i], ok);
  return copy;
}

bool kl_options_copy(kl_script_options *to, const kl_script_options *from) {
  bool ok = true;
  *to = *from;
  to->path = copy_text(from->path, &ok);
  to->source = copy_text(from->source, &ok);
  to->runner = copy_text(from->runner, &ok);
  to->name = copy_text(from->name, &ok);
  to->env = copy_text(from->env, &ok);
  to->args = (char *const *)copy_list((const char *const *)from->args, &ok);
  to->allow.fs = copy_list(from->allow.fs, &ok);
  to->allow.net = copy_list(from->allow.net, &ok);
  to->allow.env = copy_list(from->allow.env, &ok);
  if (!to->memory_cap) to->memory_cap = (size_t)DEFAULT_CAP_MB << 20;
  if (to->cpu_ms <= 0) to->cpu_ms = DEFAULT_CPU_MS;
  to->limits = kl_limits_filled(&from->limits);
  return ok;
}

void kl_options_free(kl_script_options *o) {
  free((void *)(uintptr_t)o->path);
  free((void *)(uintptr_t)o->source);
  free((void *)(uintptr_t)o->runner);
  free((void *)(uintptr_t)o->name);
  free((void *)(uintptr_t)o->env);
  free_list((const char *const *)o->args);
  free_list(o->allow.fs);
  free_list(o->allow.net);
  free_list(o->allow.env);
  *o = (kl_script_options){0};
}

/* The name, the folder and the name of the chunk, from the path. */
static bool name_it(kl_script *s, const kl_version *v) {
  const char *path = s->o.path;
  const char *slash = path ? strrchr(path, '/') : NULL;
  const char *file = slash ? slash + 1 : path ? path : "script";
  size_t n = strlen(file);
  if (n > 4 && strcmp(file + n - 4, ".lua") == 0) n -= 4;
  bool ok = true;
  if (!v) s->own_name = s->o.name ? strdup(s->o.name) : strndup(file, n);
  s->name = v ? v->name : s->own_name;
  if (path) s->folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : copy_text(".", &ok);
  const char *chunk = path ? path : s->name;
  if (!chunk || (path && !s->folder)) return false;
  s->chunk = malloc(strlen(chunk) + 2);
  if (!s->chunk) return false;
  s->chunk[0] = path ? '@' : '=';
  memcpy(s->chunk + 1, chunk, strlen(chunk) + 1);
  return ok;
}

void kl_script_free(kl_script *s) {
  if (s->keeper) kl_keeper_forget(s->keeper, s);
  kl_keeper_release(s->keeper);
  kl_options_free(&s->o);
  kl_sources_free(&s->sources);
  kl_rehearsal_free(s->rehearsal);
  kl_buf_free(&s->image);
  kl_buf_free(&s->said);
  free(s->own_name);
  free(s->folder);
  free(s->chunk);
  free(s->error);
  free(s->error_kind);
  free(s->error_code);
  free(s->traceback);
  free(s->late_error);
  free(s->late_trace);
  free(s);
}

/* ---- the start ---- */

/* Protected: (script, modules). The libraries, and the modules of the program that are wanted ahead. */
static int set_up(lua_State *L) {
  const kl_script *s = lua_touserdata(L, 1);
  uint64_t modules = *(const uint64_t *)lua_touserdata(L, 2);
  lua_pushliteral(L, "error in error handling"); /* Lua makes this text where running out of memory would be fatal */
  luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kl_on_stop_key);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kl_on_error_key);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kl_on_probation_key);
  kl_errors_open(L);
  kl_tasks_open(L);
  kl_sandbox_open(L);
  if (s->host->o.clock->line) { /* a test's: the same from run to run */
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, 1);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
  }
  for (int i = 0; modules >> i; i++) {
    if (!(modules >> i & 1)) continue;
    lua_getglobal(L, "require");
    lua_pushstring(L, s->host->o.modules[i].name);
    lua_call(L, 1, 0);
  }
  return 0;
}

typedef struct {
  kl_script *s;
  const char *text;
  size_t n;
} source;

/* Protected: (source). Schedules the main chunk as the first task. */
static int compile(lua_State *L) {
  const source *src = lua_touserdata(L, 1);
  const char *runner = src->s->o.runner;
  if (runner) kl_require_module(L, runner);
  if (kl_load_text(L, src->text, src->n, src->s->chunk) != LUA_OK) return lua_error(L);
  src->s->main = kl_task_spawn(L, runner ? 1 : 0);
  return 0;
}

void kl_skip_shebang(const char **text, size_t *n) {
  static const char bom[] = "\xEF\xBB\xBF";
  if (*n >= 3 && memcmp(*text, bom, 3) == 0) {
    *text += 3;
    *n -= 3;
  }
  if (*n == 0 || **text != '#') return;
  const char *end = memchr(*text, '\n', *n);
  size_t skip = end ? (size_t)(end - *text) : *n;
  *text += skip;
  *n -= skip;
}

/* Calls a C function with one or two pointers in protected mode, before there is any task. */
static bool call(kl_script *s, lua_CFunction fn, const void *p, const void *q, kl_error *e) {
  lua_State *L = s->L;
  lua_pushcfunction(L, fn);
  lua_pushlightuserdata(L, (void *)(uintptr_t)p);
  lua_pushlightuserdata(L, (void *)(uintptr_t)q);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return true;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "the script could not be set up";
  kl_error_coded(e, KL_ERR_VALIDATION, "syntax_error", "%s", text);
  lua_settop(L, 0);
  return false;
}

static kl_script *new_script(kl_host *h, const kl_version *v) {
  kl_script *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->host = h;
  kl_list_init(&s->link);
  kl_list_init(&s->todo);
  kl_list_init(&s->tasks);
  kl_list_init(&s->members);
  kl_list_init(&s->start_ready);
  kl_list_init(&s->resting);
  kl_list_init(&s->bare);
  kl_list_init(&s->dropping);
  s->next_handler = 1;
  s->live = true;
  s->generation = 1;
  s->declared = 1;
  s->keeper = v ? kl_keeper_retain(v->keeper) : kl_keeper_new();
  if (v) s->strategy = v->strategy;
  return s;
}

void kl_script_drop_prepared(kl_script *s) {
  if (!s) return;
  lua_close(s->L);
  kl_script_free(s);
}

kl_script *kl_script_prepare(kl_host *h, const kl_script_options *o, const kl_version *v, uint64_t modules,
                             kl_error *e) {
  kl_script *s = new_script(h, v);
  bool ok = s && s->keeper && kl_options_copy(&s->o, o) && name_it(s, v);
  if (ok) {
    s->cap = s->o.memory_cap;
    s->keeper->meter.most = (size_t)s->o.limits.queued;
    s->keeper->coverage = h->o.coverage;
    s->L = lua_newstate(capped, s);
  }
  if (!ok || !s->L) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to start a script");
    if (s) kl_script_free(s);
    return NULL;
  }
  lua_atpanic(s->L, panic);
  lua_gc(s->L, LUA_GCSTOP); /* nothing of what it is made of is garbage; see kl_version_run_start */
  *(kl_script **)lua_getextraspace(s->L) = s;
  if (call(s, set_up, s, &modules, e)) return s;
  kl_script_drop_prepared(s);
  return NULL;
}

/* `errno` says why, where there is a path. */
static void unreadable(const char *path, kl_error *e) {
  char with_ending[PATH_MAX];
  int why = errno;
  bool forgotten = path && why == ENOENT &&
                   snprintf(with_ending, sizeof with_ending, "%s.lua", path) < (int)sizeof with_ending &&
                   access(with_ending, R_OK) == 0;
  if (!path)
    kl_error_coded(e, KL_ERR_VALIDATION, "script_unreadable", "cannot read the script: give a path or a source");
  else if (forgotten)
    kl_error_coded(e, KL_ERR_VALIDATION, "script_unreadable", "there is no script %s; did you mean %s?", path,
                   with_ending);
  else
    kl_error_coded(e, KL_ERR_VALIDATION, "script_unreadable", "cannot read the script %s: %s", path, strerror(why));
}

static bool load(kl_script *s, kl_error *e) {
  const kl_script_options *o = &s->o;
  source src = {.s = s, .text = o->source, .n = o->source ? strlen(o->source) : 0};
  if (!o->source) {
    src.text = o->path ? kl_sources_read(&s->sources, s->snapshot, o->path, &src.n) : NULL;
    if (!src.text) {
      unreadable(o->path, e);
      return false;
    }
  }
  kl_skip_shebang(&src.text, &src.n);
  return call(s, compile, &src, NULL, e);
}

bool kl_script_begin(kl_script *s, const kl_version *v, kl_error *e) {
  if (v) {
    s->starting = v->starting;
    s->live = !v->starting;
    s->generation = v->generation;
    s->snapshot = v->snapshot;
    s->rehearsal = v->rehearsal;
  }
  bool ok = (!v || !v->image || kl_version_give_state(s, v->image, v->schema, e)) && load(s, e);
  if (!ok) {
    if (v && v->tried) {
      *v->tried = s->sources;
      s->sources = (kl_sources){0};
    }
    kl_script_drop_prepared(s);
    return false;
  }
  if (!s->starting) lua_gc(s->L, LUA_GCRESTART);
  kl_host *h = s->host;
  kl_timer_init(h->loop, &s->timer, h->o.clock);
  s->timer.uv.data = s;
  kl_list_append(&h->scripts, &s->link);
  kl_debug_began(s);
  if (h->running++ == 0) uv_ref((uv_handle_t *)&h->check);
  return true;
}

bool kl_script_start(kl_host *h, const kl_script_options *o, kl_script **out, kl_error *e) {
  *out = NULL;
  kl_script *s = kl_script_prepare(h, o, NULL, 0, e);
  if (!s || !kl_script_begin(s, NULL, e)) return false;
  *out = s;
  return true;
}

static void freed(uv_handle_t *timer) {
  kl_script *s = timer->data;
  timer->data = s->host;
  kl_host *h = s->host;
  kl_script_free(s);
  kl_host_release(h);
}

void kl_script_discard(kl_script *s) {
  s->discarded = true;
  s->live = false;
  kl_script_finish(s);
  kl_list_remove(&s->link);
  s->host->open_handles++;
  kl_timer_close(&s->timer, freed);
}
