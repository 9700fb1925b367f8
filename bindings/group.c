/* task.all, task.race and task.timeout: a call that waits for several tasks, and ends only when all of them have. */
#include <math.h>
#include <stdlib.h>

#include "bindings/check.h"
#include "bindings/inspect.h"
#include "bindings/task.h"
#include "script/limits.h"

typedef enum { GROUP_ALL, GROUP_RACE, GROUP_TIMEOUT } group_kind;

typedef struct group group;

typedef struct {
  kl_joiner joiner;
  group *of;
  kl_task *task; /* borrowed: the calling frame holds its object; NULL once it ended */
} member;

struct group {
  kl_wait wait; /* first */
  group_kind kind;
  size_t n, left;
  size_t first; /* index of the member that decided, n while none did */
  bool has_timer, timed_out;
  kl_slot slot; /* of the timer */
  kl_timer timer;
  double seconds;
  member members[];
};

/* The calling frame: 1 the list or the seconds, 2 the table of task objects. */
enum { TASKS = 2 };

static void group_freed(uv_handle_t *h) { free(h->data); }

static void cancel_others(group *g, const kl_task *by, const char *why) {
  for (size_t i = 0; i < g->n; i++) {
    if (!g->members[i].task) continue;
    if (by)
      kl_task_cancel_like(g->members[i].task, by);
    else
      kl_task_cancel(g->members[i].task, why);
  }
}

static void group_drop(kl_wait *w) {
  group *g = (group *)w;
  cancel_others(g, NULL, "the task that waited for it has ended");
  for (size_t i = 0; i < g->n; i++)
    kl_task_leave(&g->members[i].joiner);
  kl_slot_release(&g->slot);
  if (g->has_timer)
    kl_timer_close(&g->timer, group_freed);
  else
    free(g);
}

/* The caller is cancelled: so are the members, and the call goes on waiting for their ends. */
static bool group_cancel(kl_wait *w) {
  group *g = (group *)w;
  if (g->left == 0) return false;
  cancel_others(g, w->task, NULL);
  return true;
}

static bool group_ended(kl_joiner *j, kl_task *t) {
  member *m = KL_CONTAINER(j, member, joiner);
  group *g = m->of;
  kl_task_status status = kl_task_get_status(t);
  bool decides = g->first == g->n && !g->timed_out && (g->kind == GROUP_RACE || status != KL_TASK_DONE);
  m->task = NULL;
  g->left--;
  if (decides) {
    g->first = (size_t)(m - g->members);
    cancel_others(g, NULL,
                  g->kind == GROUP_RACE && status == KL_TASK_DONE ? "another task of the race was first"
                                                                  : "another task of the group failed");
  }
  if (g->left == 0) kl_complete(&g->wait);
  /* The caller is told of the first error only: a later one is for the log. */
  return decides || status == KL_TASK_CANCELLED;
}

/* The task object of member i on the stack. */
static int push_member(lua_State *L, size_t i) {
  lua_rawgeti(L, TASKS, (lua_Integer)i + 1);
  return lua_gettop(L);
}

/* The results of the n ended tasks; `first` is the index of the one that decided, n when none did. */
static int outcome(lua_State *L, group_kind kind, size_t n, size_t first) {
  if (first < n) {
    if (kl_task_results(L, push_member(L, first), 1) == 0) lua_pushnil(L);
    return 1;
  }
  if (kind == GROUP_TIMEOUT) return kl_task_results(L, push_member(L, 0), -1);
  lua_createtable(L, (int)n, 0);
  int results = lua_gettop(L);
  for (size_t i = 0; i < n; i++) {
    if (kl_task_results(L, push_member(L, i), 1) > 0) lua_rawseti(L, results, (lua_Integer)i + 1);
    lua_settop(L, results);
  }
  return 1;
}

static int group_push(lua_State *L, kl_wait *w) {
  const group *g = (group *)w;
  if (g->timed_out) return kl_raise_coded(L, KL_ERR_TIMEOUT, "task_timeout", "not done within %g seconds", g->seconds);
  return outcome(L, g->kind, g->n, g->first);
}

static void time_over(uv_timer_t *h) {
  group *g = h->data;
  if (g->left == 0 || g->first < g->n || !g->wait.task) return;
  g->timed_out = true;
  cancel_others(g, NULL, "its time was over");
}

enum { NAMED = 5 };

static void group_describe(const kl_wait *w, kl_buf *out) {
  static const char *const calls[] = {[GROUP_ALL] = "all", [GROUP_RACE] = "race", [GROUP_TIMEOUT] = "timeout"};
  const group *g = (const group *)w;
  size_t named = 0;
  kl_buf_str(out, g->left == 1 ? "task" : "tasks");
  for (size_t i = 0; i < g->n && named < NAMED; i++)
    if (g->members[i].task)
      kl_buf_printf(out, "%s%llu", named++ ? ", " : " ", (unsigned long long)kl_task_id(g->members[i].task));
  if (g->left > named) kl_buf_printf(out, " and %zu more", g->left - named);
  kl_buf_printf(out, " (task.%s)", calls[g->kind]);
  if (g->has_timer && !g->timed_out) kl_wait_left(out, &g->timer);
}

/* Waits for the n tasks in the table at index 2. */
static int wait_for(lua_State *L, group_kind kind, size_t n, double seconds) {
  group *g = calloc(1, sizeof *g + n * sizeof g->members[0]);
  if (!g) {
    for (size_t i = 0; i < n; i++)
      kl_task_cancel(kl_task_test(L, push_member(L, i)), "not enough memory to wait for it");
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  g->wait = (kl_wait){.push = group_push,
                      .drop = group_drop,
                      .cancel = group_cancel,
                      .describe = group_describe,
                      .kind = KL_WAIT_INNER,
                      .timed = kind == GROUP_TIMEOUT};
  g->kind = kind;
  g->n = g->first = n;
  for (size_t i = 0; i < n; i++) {
    member *m = &g->members[i];
    m->of = g;
    m->joiner.ended = group_ended;
    kl_list_init(&m->joiner.link);
    kl_task *t = kl_task_test(L, push_member(L, i));
    lua_pop(L, 1);
    if (kl_task_ended(t)) continue;
    m->task = t;
    g->left++;
    kl_task_join(t, &m->joiner);
  }
  /* Tasks that had ended before: the first of them in the list decides, as if it had ended now. */
  for (size_t i = 0; i < n && g->first == n; i++) {
    if (g->members[i].task) continue;
    kl_task_status status = kl_task_get_status(kl_task_test(L, push_member(L, i)));
    lua_pop(L, 1);
    if (kind != GROUP_RACE && status == KL_TASK_DONE) continue;
    g->first = i;
    cancel_others(g, NULL, "another task of the group ended before");
  }
  if (kind == GROUP_TIMEOUT) {
    kl_slot_take(L, &g->slot, KL_SLOT_TIMER, "task.timeout"); /* there is one: it was looked for before the start */
    g->has_timer = true;
    g->seconds = seconds;
    kl_timer_init(kl_script_loop(kl_script_of(L)), &g->timer, kl_script_clock(kl_script_of(L)));
    g->timer.uv.data = g;
    uv_update_time(g->timer.uv.loop);
    kl_timer_start(&g->timer, time_over, (uint64_t)ceil(seconds * 1e3), 0);
  }
  if (g->left == 0) {
    size_t first = g->first;
    group_drop(&g->wait);
    return outcome(L, kind, n, first);
  }
  return kl_await(L, &g->wait);
}

/* ---- the members ---- */

/* Protected: (tasks, list). Fills `tasks` with a task for each entry of the list. */
static int spawn_members(lua_State *L) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  for (lua_Integer i = 1; i <= n; i++) {
    if (lua_rawgeti(L, 2, i) == LUA_TFUNCTION) kl_task_spawn(L, 0);
    lua_rawseti(L, 1, i);
  }
  return 0;
}

static void check_members(lua_State *L, const char *name) {
  if (lua_type(L, 1) != LUA_TTABLE)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "task.%s takes a list: functions or tasks, not %s", name,
                   luaL_typename(L, 1));
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  lua_Integer entries = 0;
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
    entries++;
  if (entries != n)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                   "task.%s takes a list: functions or tasks without names or gaps", name);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    const kl_task *t = kl_task_test(L, -1);
    if (!t && !lua_isfunction(L, -1))
      kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "task.%s: entry %d is a %s, not a function or a task",
                     name, (int)i, luaL_typename(L, -1));
    if (t && t == kl_task_current(L))
      kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                     "task.%s: entry %d is the task that calls it, which cannot wait for itself", name, (int)i);
    lua_pop(L, 1);
  }
}

static int run_group(lua_State *L, group_kind kind, const char *name) {
  kl_check_cancelled(L);
  check_members(L, name);
  lua_settop(L, 1);
  size_t n = lua_rawlen(L, 1);
  lua_createtable(L, (int)n, 0); /* list tasks */
  if (n == 0) {
    if (kind == GROUP_ALL) return 1;
    return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                          "task.race: the list is empty, so nothing can be first");
  }
  lua_pushcfunction(L, spawn_members);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) { /* half of them run: end those */
    for (size_t i = 0; i < n; i++) {
      lua_rawgeti(L, 1, (lua_Integer)i + 1);
      bool ours = lua_isfunction(L, -1);
      lua_rawgeti(L, 2, (lua_Integer)i + 1);
      kl_task *t = ours ? kl_task_test(L, -1) : NULL;
      if (t) kl_task_cancel(t, "the group it belongs to could not be started");
      lua_pop(L, 2);
    }
    return lua_error(L);
  }
  return wait_for(L, kind, n, 0);
}

int kl_group_all_lua(lua_State *L) { return run_group(L, GROUP_ALL, "all"); }
int kl_group_race_lua(lua_State *L) { return run_group(L, GROUP_RACE, "race"); }

/* task.timeout(seconds, fn, ...) */
int kl_group_timeout_lua(lua_State *L) {
  kl_check_seconds(L, 1, "task.timeout");
  double seconds = lua_tonumber(L, 1);
  kl_check_type(L, 2, LUA_TFUNCTION, "task.timeout");
  kl_check_await(L);
  kl_slot slot;
  kl_slot_take(L, &slot, KL_SLOT_TIMER, "task.timeout");
  kl_slot_release(&slot);
  lua_createtable(L, 1, 0);
  lua_insert(L, 2); /* seconds tasks fn args */
  lua_pushnil(L);
  lua_rawseti(L, 2, 1);                /* room, so that nothing raises once the task runs */
  kl_task_spawn(L, lua_gettop(L) - 3); /* seconds tasks object */
  lua_rawseti(L, 2, 1);                /* seconds tasks */
  return wait_for(L, GROUP_TIMEOUT, 1, seconds);
}
