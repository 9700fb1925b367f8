#include "script/look.h"

#include <inttypes.h>
#include <string.h>

#include "script/debugger.h"
#include "script/frames.h"
#include "script/internal.h"

/* ---- protected calls ---- */

typedef struct look {
  int (*fn)(lua_State *L);
  void *p;
  kl_error *e;
  bool ok;
} look;

/* Protected: (look). Its error is read where reading it may raise again. */
static int guarded(lua_State *L) {
  look *k = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, k->fn);
  lua_pushlightuserdata(L, k->p);
  k->ok = lua_pcall(L, 1, 0, 0) == LUA_OK;
  if (k->ok) return 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without a text";
  kl_error_set(k->e, KL_ERR_INTERNAL, "%s", text);
  return 0;
}

bool kl_script_look(kl_script *s, int (*fn)(lua_State *L), void *p, kl_error *e) {
  look k = {.fn = fn, .p = p, .e = e};
  if (!s->L) {
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "the script has ended");
    return false;
  }
  if (kl_script_protected(s, guarded, &k, NULL)) return k.ok;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to look into the script");
  return false;
}

/* ---- tasks ---- */

kl_task *kl_task_next(const kl_script *s, const kl_task *after) {
  const kl_list *n = after ? after->link.next : s->tasks.next;
  return n == &s->tasks ? NULL : KL_CONTAINER(n, kl_task, link);
}

bool kl_task_is_main(const kl_task *t) { return t == t->script->main; }

bool kl_task_is_input(const kl_task *t) { return t->prompt; }

const char *kl_task_place(const kl_task *t, int *line) {
  *line = t->line;
  return t->line > 0 ? t->source : NULL;
}

bool kl_task_is_ready(const kl_task *t) { return !kl_list_empty(&t->ready); }

void kl_task_describe_wait(const kl_task *t, kl_buf *out) {
  if (kl_task_is_ready(t))
    kl_buf_str(out, t->started ? "its turn" : "its first turn");
  else if (t->wait && t->wait->describe)
    t->wait->describe(t->wait, out);
  else
    kl_buf_str(out, t->wait ? "an event" : "nothing");
  if (t->cancelled && t->wait) kl_buf_printf(out, "; it is being cancelled: %s", t->cancelled);
}

/* ---- frames ---- */

void kl_frames_begin(kl_frames *it, kl_task *t) {
  it->depth = it->in_thread = it->level = 0;
  if (!t->started || kl_task_ended(t)) return;
  for (lua_State *co = t->co; co && it->depth < KL_FRAMES_DEPTH; co = kl_coroutine_inner(co))
    it->chain[it->depth++] = co;
}

/* Frame number `at` of the thread number `depth` of the chain; false where it has not so many. */
static bool frame_at(const kl_frames *it, int depth, int at, lua_Debug *ar) {
  lua_Debug above;
  lua_State *co = it->chain[depth - 1];
  /* The outermost function of a task is what runs it. */
  return at >= 0 && lua_getstack(co, at, ar) && (depth > 1 || lua_getstack(co, at + 1, &above));
}

static void fill(kl_frame *out, lua_State *co, int level) {
  lua_getinfo(co, "nSltu", &out->ar);
  kl_debug_correct_line(co, &out->ar);
  out->co = co;
  out->level = level;
}

bool kl_frames_next(kl_frames *it, kl_frame *out) {
  for (; it->depth > 0; it->depth--, it->in_thread = 0) {
    if (!frame_at(it, it->depth, it->in_thread, &out->ar)) continue;
    it->in_thread++;
    fill(out, it->chain[it->depth - 1], it->level++);
    return true;
  }
  return false;
}

bool kl_task_frame(kl_task *t, int level, kl_frame *out) {
  kl_frames it;
  int at = level; /* in the thread that is looked at */
  for (kl_frames_begin(&it, t); it.depth > 0; it.depth--) {
    if (frame_at(&it, it.depth, at, &out->ar)) {
      fill(out, it.chain[it.depth - 1], level);
      return true;
    }
    at -= kl_frame_count(it.chain[it.depth - 1]);
  }
  return false;
}

int kl_task_frames(kl_task *t) {
  kl_frames it;
  int n = 0;
  for (kl_frames_begin(&it, t); it.depth > 0; it.depth--)
    n += kl_frame_count(it.chain[it.depth - 1]) - (it.depth == 1); /* what runs a task is none of its frames */
  return n;
}

int kl_task_usual_frame(kl_task *t) {
  kl_frame f;
  bool stopped = kl_debug_is_stopped(t);
  int step = stopped ? 1 : -1;
  for (int level = stopped ? 0 : kl_task_frames(t) - 1; level >= 0 && kl_task_frame(t, level, &f); level += step)
    if (*f.ar.what != 'C') return level;
  return 0;
}

void kl_task_no_frame(kl_task *t, int level, kl_error *e) {
  if (kl_task_frames(t) == 0)
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_task", "task %" PRIu64 " has not begun: it has no frame",
                   kl_task_id(t));
  else
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_task", "task %" PRIu64 " has no frame %d", kl_task_id(t), level);
}

/* ---- what a script holds ---- */

void kl_script_each_member(const kl_script *s, void (*fn)(void *data, const kl_member *m), void *data) {
  for (const kl_list *at = s->members.next; at != &s->members; at = at->next) {
    const kl_member *m = KL_CONTAINER(at, kl_member, link);
    if (m->describe) fn(data, m);
  }
}

void kl_script_slots(const kl_script *s, kl_slot_kind kind, int64_t *used, int64_t *most) {
  const kl_limits *l = &s->o.limits;
  *used = s->slots[kind];
  *most = kind == KL_SLOT_TIMER ? l->timers : kind == KL_SLOT_SOCKET ? l->sockets : l->handles;
}

void kl_script_queued(const kl_script *s, size_t *used, size_t *most) {
  *used = s->keeper->meter.used;
  *most = s->keeper->meter.most;
}

/* ---- run time ---- */

void kl_strategy_measure(kl_strategy *g, bool on) {
  kl_timing *m = &g->keeper->timing;
  if (on && m->lookers++ == 0) {
    *m = (kl_timing){.lookers = 1};
    m->time = (kl_run_time){.on = true, .since_ns = kl_mono_ns(g->host->o.clock)};
  } else if (!on && m->lookers > 0 && --m->lookers == 0) {
    m->time.on = false;
  }
}

void kl_strategy_run_time(const kl_strategy *g, kl_run_time *out) { *out = g->keeper->timing.time; }

int64_t kl_timing_begin(const kl_script *s) { return kl_mono_ns(s->host->o.clock); }

void kl_timing_end(kl_script *s, int64_t began_ns) {
  kl_run_time *m = &s->keeper->timing.time;
  int64_t ns = kl_mono_ns(s->host->o.clock) - began_ns;
  m->ran_ns += ns;
  m->resumes++;
  if (ns > m->longest_ns) m->longest_ns = ns;
}
