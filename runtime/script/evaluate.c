#include "script/evaluate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "script/bounded.h"
#include "script/guard.h"
#include "script/hooks.h"
#include "script/internal.h"
#include "script/scope.h"
#include "script/words.h"

struct kl_evaluator {
  kl_member member;
  kl_script *script; /* NULL once it has ended */
  int env;           /* in the registry */
  kl_scope *scope;
  kl_list running; /* of kl_evaluation.mine */
};

struct kl_evaluation {
  kl_joiner joiner;        /* first */
  kl_list mine;            /* in the evaluator's `running` */
  kl_list link;            /* in the host's `inputs` once its task has ended */
  kl_evaluator *evaluator; /* NULL: its end was told, and its task has still to end */
  kl_evaluation_options o;
  kl_task *task; /* NULL: there is none yet */
  int ref;       /* of the task's object, in the registry */
  int64_t began_ns;
  int64_t compile_until_ns; /* of kl_thread_cpu_ns */
  kl_evaluation_status status;
  bool values; /* it is an expression */
  const char *why;
  char *reason; /* of its cancelling, as `why`; owned */
};

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

static const char no_memory[] = "not enough memory";

/* ---- the end of an input ---- */

static void tell(kl_evaluation *x, int values) {
  const kl_evaluation_end end = {.status = x->status,
                                 .ns = now_ns() - x->began_ns,
                                 .waited = x->task && x->task->waited,
                                 .values = values,
                                 .why = x->why};
  kl_list_remove(&x->mine);
  x->evaluator = NULL;
  if (x->task) x->task->input = NULL;
  x->o.ended(x->o.data, &end);
}

static void drop(kl_evaluation *x, kl_script *s) {
  if (s && s->L) luaL_unref(s->L, LUA_REGISTRYINDEX, x->ref);
  free(x->reason);
  free(x);
}

/* Its end is told now, and the task, should it still run, ends without anybody. */
static void abandon(kl_evaluation *x, kl_script *s, const char *why) {
  bool over = !x->task || kl_task_ended(x->task);
  x->status = KL_EVALUATION_CANCELLED;
  x->why = why;
  tell(x, 0);
  if (!over) {
    kl_task_cancel_text(x->task, why); /* `why` may be of the session, which goes */
    return;
  }
  kl_list_remove(&x->link);
  drop(x, s);
}

/* The frames of what runs an input are nobody's business: those of C below its own chunk. */
static void trim(char *trace) {
  static const char below[] = "\n\t[C]: in ?";
  size_t n = strlen(trace), k = sizeof below - 1;
  while (n >= k && memcmp(trace + n - k, below, k) == 0)
    trace[n -= k] = 0;
}

/* Protected: (evaluation), after its task has ended. */
static int show(lua_State *L) {
  kl_evaluation *x = lua_touserdata(L, 1);
  kl_task *t = x->task;
  lua_settop(L, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, x->ref); /* object */
  if (t->status == KL_TASK_DONE) {
    int n = kl_task_results(L, 1, KL_EVALUATION_VALUES);
    if (n > 0 && !lua_isnil(L, 2) && !x->o.silent) {
      lua_rawgeti(L, LUA_REGISTRYINDEX, x->evaluator->env);
      lua_pushvalue(L, 2);
      kl_scope_declare(L, lua_gettop(L) - 1, "_"); /* object values env */
      lua_pop(L, 1);
    }
    x->o.show(x->o.data, L, n, NULL);
    return 0;
  }
  char *trace = NULL;
  if (lua_gettop(t->co) < 2) return luaL_error(L, no_memory); /* below the mark */
  if (lua_getiuservalue(L, 1, KL_UV_TRACE) == LUA_TSTRING) {  /* object trace */
    size_t n = lua_rawlen(L, 2) + 1;
    trace = lua_newuserdatauv(L, n, 0); /* object trace copy */
    memcpy(trace, lua_tostring(L, 2), n);
    trim(trace);
  }
  lua_pushvalue(t->co, 1);
  lua_xmove(t->co, L, 1);
  x->o.show(x->o.data, L, 1, trace);
  return 0;
}

static void end(kl_evaluation *x) {
  kl_task *t = x->task;
  kl_script *s = x->evaluator->script;
  int values = 0;
  x->status = t->status == KL_TASK_DONE     ? KL_EVALUATION_VALUE
              : t->status == KL_TASK_FAILED ? KL_EVALUATION_ERROR
                                            : KL_EVALUATION_CANCELLED;
  if (x->status == KL_EVALUATION_VALUE) values = t->results;
  if (x->status == KL_EVALUATION_CANCELLED) {
    x->why = x->reason ? x->reason : "cancelled";
  } else if (!kl_script_protected(s, show, x, NULL)) {
    x->status = KL_EVALUATION_ERROR;
    x->why = "not enough memory to show the value";
  }
  tell(x, values);
  drop(x, s);
}

/* Its value may be looked at when nothing runs. */
static bool task_ended(kl_joiner *j, kl_task *t) {
  kl_evaluation *x = (kl_evaluation *)j;
  kl_script *s = t->script;
  if (!x->evaluator) { /* nobody waits for it any more */
    drop(x, s);
    return true;
  }
  if (t->status == KL_TASK_CANCELLED && t->cancelled) x->reason = strdup(t->cancelled);
  kl_list_append(&s->host->inputs, &x->link);
  kl_host_wake(s->host);
  return true;
}

void kl_evaluations_tell(kl_host *h) {
  kl_list ended;
  kl_list_move(&ended, &h->inputs);
  while (!kl_list_empty(&ended)) {
    kl_evaluation *x = KL_CONTAINER(ended.next, kl_evaluation, link);
    kl_list_remove(&x->link);
    end(x);
  }
}

/* ---- what it prints ---- */

kl_evaluation *kl_evaluation_current(const kl_script *s) { return s->current ? s->current->input : NULL; }
void kl_evaluation_print(kl_evaluation *x, const char *text, size_t n) { x->o.print(x->o.data, text, n); }
bool kl_evaluation_has_room(kl_evaluation *x) { return !x->o.room || x->o.room(x->o.data); }

/* ---- compiling ---- */

static int longest_ms(const kl_evaluation *x) {
  if (x->o.cpu_ms > 0) return x->o.cpu_ms;
  return x->o.armed ? x->evaluator->script->o.cpu_ms : KL_EVALUATION_GUARDED_MS;
}

static bool ends_in_eof(lua_State *L, int idx) {
  static const char eof[] = "<eof>";
  size_t n, k = sizeof eof - 1;
  const char *text = lua_tolstring(L, idx, &n);
  return text && n >= k && memcmp(text + n - k, eof, k) == 0;
}

/* Pushes the chunk, or what is wrong; returns the status of kl_load_text_until. All that is tried of one input shares
 * its time. */
static int compile_as(lua_State *L, const kl_evaluation *x, const char *before, const char *after) {
  const kl_evaluation_options *o = &x->o;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  luaL_addstring(&b, before);
  luaL_addlstring(&b, o->source, o->n);
  luaL_addstring(&b, after);
  luaL_pushresult(&b); /* text */
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  lua_pushfstring(L, o->chunk ? "@%s" : "=prompt", o->chunk); /* text name */
  int status = kl_load_text_until(L, text, len, lua_tostring(L, -1), x->compile_until_ns);
  lua_rotate(L, -3, 1);
  lua_pop(L, 2); /* chunk or message */
  return status;
}

/* Whether the message is that of a first word which begins no statement: then what was meant is an expression. */
static bool begins_no_statement(const kl_evaluation_options *o, const char *as_statement) {
  static const char unexpected[] = "unexpected symbol near '";
  const char *word = strstr(as_statement, unexpected), *first = o->source;
  const char *end = o->source + o->n;
  while (first < end && strchr(" \t\r\n", *first))
    first++;
  if (!word) return false;
  word += sizeof unexpected - 1;
  size_t n = strlen(word) - 1; /* up to the quote */
  return n > 0 && (size_t)(end - first) >= n && memcmp(first, word, n) == 0;
}

/* Pushes the chunk and its arguments, and returns their count; or pushes what is wrong, and returns less than 0:
 * MORE, where only the end of the source is. */
enum { MORE = -1, WRONG = -2 };

static int compile(lua_State *L, kl_evaluation *x, int env) {
  const kl_evaluation_options *o = &x->o;
  /* A line end behind the source: a comment at its end hides nothing, and a quoted string ends with its line. A value
   * in front: then a call is no tail call, which would leave the input out of tracebacks. */
  x->compile_until_ns = kl_thread_cpu_ns() + (int64_t)longest_ms(x) * 1000000;
  int status = compile_as(L, x, "return nil, ", "\n");
  if (status == LUA_OK) {
    x->values = true;
    return 0;
  }
  if (status != LUA_ERRSYNTAX) return WRONG;
  int expression = lua_gettop(L);
  if (compile_as(L, x, "", "\n") != LUA_OK) { /* expression statement */
    if (ends_in_eof(L, -1) || ends_in_eof(L, -2)) return MORE;
    if (begins_no_statement(o, lua_tostring(L, -1))) lua_settop(L, expression);
    return WRONG;
  }
  if (!o->armed) {
    status = compile_as(L, x, "return ", "\n");
    if (status == LUA_OK) return 0; /* nothing */
    if (status != LUA_ERRSYNTAX) return WRONG;
    kl_error e;
    kl_error_coded(&e, KL_ERR_PERMISSION, "arm_first", "a statement may change what the script does: :arm first");
    kl_push_error(L, &e);
    return WRONG;
  }
  /* Where something can follow its last statement, its variables are taken over there. */
  status = compile_as(L, x, "", "\n;(...)()");
  if (status == LUA_ERRSYNTAX) {
    lua_pop(L, 1);
    return 0;
  }
  if (status != LUA_OK) return WRONG;
  kl_scope_push_take(L, env);
  return 1;
}

static void check_words(lua_State *L, const kl_evaluation_options *o) {
  if (!o->armed && kl_words_has(o->source, o->n, "function"))
    kl_raise_coded(L, KL_ERR_PERMISSION, "arm_first",
                   "a function of its own may change what the script does: :arm first");
}

/* ---- running ---- */

/* `ctx`: the first value is none of the input's. */
static int input_end(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  if (ctx) lua_remove(L, 1);
  if (kl_task_current(L)->guarded) kl_guard_set(L, false);
  return lua_gettop(L);
}

/* What the task of an input runs: (chunk, arguments…). The guard is on from its first call to its end. */
static int run_input(lua_State *L) {
  kl_task *t = kl_task_current(L);
  const kl_evaluation *x = t->input;
  if (!x) return kl_raise_cancelled(L, "nobody waits for it any more");
  if (!x->o.armed) kl_guard_set(L, true);
  lua_KContext ctx = x->values;
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, ctx, input_end);
  return input_end(L, LUA_OK, ctx);
}

/* Protected: (evaluation). */
static int start(lua_State *L) {
  kl_evaluation *x = lua_touserdata(L, 1);
  const kl_evaluation_options *o = &x->o;
  lua_settop(L, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, x->evaluator->env); /* env */
  kl_scope_check_frame(L, 1);
  int nargs = compile(L, x, 1);
  if (nargs == MORE) {
    x->status = KL_EVALUATION_MORE;
    return 0;
  }
  if (nargs == WRONG) {
    o->show(o->data, L, 1, NULL);
    return 0;
  }
  check_words(L, o);
  kl_scope_load_modules(L, 1, o->source, o->n);
  int chunk = lua_gettop(L) - nargs;
  lua_pushvalue(L, 1);
  if (!lua_setupvalue(L, chunk, 1)) lua_pop(L, 1);
  if (!o->armed) kl_guard_allow(L, chunk);
  lua_pushboolean(L, 1);
  x->ref = luaL_ref(L, LUA_REGISTRYINDEX); /* now: from the birth of the task on nothing may raise */
  lua_pushcfunction(L, run_input);
  lua_insert(L, chunk); /* env … run_input chunk arguments */
  kl_task *t = kl_task_spawn(L, nargs + 1);
  lua_rawseti(L, LUA_REGISTRYINDEX, x->ref);
  x->task = t;
  t->input = x;
  t->prompt = true;
  t->exempt = false;
  t->cpu_ms =
      longest_ms(x) == t->script->o.cpu_ms ? 0 : longest_ms(x); /* 0: that of the script, said so in the error */
  kl_task_join(t, &x->joiner);
  kl_list_remove(&t->ready);
  kl_ready(t); /* also where its strategy is paused */
  return 0;
}

/* Protected: (evaluation), error value. Shows why it could not be started. */
static int show_refusal(lua_State *L) {
  kl_evaluation *x = lua_touserdata(L, 1);
  x->o.show(x->o.data, L, 1, NULL);
  return 0;
}

/* Protected: (evaluation). An error of `start` is one of the input. */
static int try_to_start(lua_State *L) {
  lua_pushcfunction(L, start);
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return 0;
  lua_pushcfunction(L, show_refusal);
  lua_insert(L, -2);
  lua_pushvalue(L, 1);
  lua_insert(L, -2); /* show_refusal evaluation error */
  lua_call(L, 2, 0);
  return 0;
}

kl_evaluation *kl_evaluate(kl_evaluator *v, const kl_evaluation_options *o) {
  kl_evaluation_end end = {.status = KL_EVALUATION_CANCELLED, .why = "the script has ended"};
  kl_evaluation *x = v->script ? calloc(1, sizeof *x) : NULL;
  if (!x) {
    if (v->script) end = (kl_evaluation_end){.status = KL_EVALUATION_ERROR, .why = no_memory};
    o->ended(o->data, &end);
    return NULL;
  }
  *x = (kl_evaluation){.joiner.ended = task_ended,
                       .evaluator = v,
                       .o = *o,
                       .ref = LUA_NOREF,
                       .began_ns = now_ns(),
                       .status = KL_EVALUATION_ERROR};
  kl_list_init(&x->joiner.link);
  kl_list_init(&x->mine);
  kl_list_init(&x->link);
  if (!kl_script_protected(v->script, try_to_start, x, NULL)) x->why = no_memory;
  if (x->task) {
    x->o.source = x->o.chunk = NULL;
    kl_list_append(&v->running, &x->mine);
    return x;
  }
  tell(x, 0);
  drop(x, v->script);
  return NULL;
}

void kl_evaluation_cancel(kl_evaluation *x, const char *why) { kl_task_cancel_text(x->task, why); }
kl_task *kl_evaluation_task(const kl_evaluation *x) { return x->task; }

/* ---- the evaluator ---- */

static void abandon_all(kl_evaluator *v, const char *why) {
  kl_list all;
  kl_list_move(&all, &v->running);
  for (kl_list *n = all.next, *next; n != &all; n = next) {
    next = n->next;
    abandon(KL_CONTAINER(n, kl_evaluation, mine), v->script, why);
  }
}

/* The script closes. Its tasks have ended; what they gave is not shown any more. */
static void script_closes(kl_member *m) {
  kl_evaluator *v = KL_CONTAINER(m, kl_evaluator, member);
  abandon_all(v, "the script has ended");
  v->script = NULL;
}

/* Protected: (evaluator). */
static int set_up(lua_State *L) {
  kl_evaluator *v = lua_touserdata(L, 1);
  kl_scope_new(L, &v->scope);
  v->env = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

kl_evaluator *kl_evaluator_new(kl_script *s, kl_error *e) {
  if (!s->L || s->phase == KL_PHASE_ENDED) {
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "%s has ended", s->name);
    return NULL;
  }
  kl_evaluator *v = calloc(1, sizeof *v);
  if (v) v->script = s;
  if (!v || !kl_script_protected(s, set_up, v, NULL)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a prompt in %s", s->name);
    free(v);
    return NULL;
  }
  kl_list_init(&v->running);
  kl_list_init(&v->member.link);
  v->member.close = script_closes;
  kl_script_adopt(s, &v->member);
  return v;
}

void kl_evaluator_free(kl_evaluator *v, const char *why) {
  if (!v) return;
  abandon_all(v, why);
  if (v->script) {
    kl_script_disown(&v->member);
    kl_scope_forget(v->scope); /* functions that inputs have left behind may keep it */
    luaL_unref(v->script->L, LUA_REGISTRYINDEX, v->env);
  }
  free(v);
}

typedef struct {
  kl_evaluator *v;
  kl_task *task;
  int level;
  kl_error *e;
  bool ok;
} selection;

/* Protected: (selection). */
static int select_frame(lua_State *L) {
  selection *x = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, x->v->env);
  x->ok = kl_scope_select(L, lua_gettop(L), x->task, x->level, x->e);
  return 0;
}

bool kl_evaluator_select(kl_evaluator *v, uint64_t task, int level, kl_error *e) {
  selection x = {.v = v, .level = level, .e = e};
  if (!v->script) {
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "the script has ended");
    return false;
  }
  x.task = task ? kl_task_find(v->script, task) : NULL;
  if (task && !x.task) {
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_task", "%s has no task %" PRIu64 " that has not ended",
                   v->script->name, task);
    return false;
  }
  if (kl_script_protected(v->script, select_frame, &x, NULL)) return x.ok;
  kl_error_set(e, KL_ERR_INTERNAL, no_memory);
  return false;
}

bool kl_evaluator_selected(const kl_evaluator *v, uint64_t *task, int *level) {
  const kl_task *t = v->script ? kl_scope_selected(v->scope, level) : NULL;
  if (t) *task = t->id;
  return t != NULL;
}

kl_script *kl_evaluator_script(const kl_evaluator *v) { return v->script; }

bool kl_evaluator_lookup(kl_evaluator *v, lua_State *L, const char *name) {
  luaL_checkstack(L, 2, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, v->env);
  bool known = kl_scope_lookup(L, lua_gettop(L), name);
  lua_remove(L, known ? -2 : -1);
  return known;
}

void kl_evaluator_each(kl_evaluator *v, lua_State *L, void (*fn)(void *data, lua_State *L, const char *name),
                       void *data) {
  luaL_checkstack(L, 2, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, v->env);
  kl_scope_each(L, lua_gettop(L), fn, data);
  lua_pop(L, 1);
}
