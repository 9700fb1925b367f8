/* kalua.lua: Lua that returns a table, evaluated without anything but string, table and math. Its keys are the options
 * of `kalua run` with _ for -. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "cli/project_impl.h"
#include "kalshi/operation.h"
#include "net/permit.h"
#include "trading/desk.h"

enum { MEMORY_MAX = 16 << 20, HOOK_EVERY = 100000, HOOKS_MAX = 100, NAME_CAP = 64, LIST_MAX = 10000 };

typedef enum {
  NAME,
  MEMORY,
  WHOLE,
  CEILING,
  MEGABYTES,
  RATE,
  SECONDS,
  YES_NO,
  ON_FAILURE,
  TEXTS,
  HOSTS,
  PATHS,
  RISK,        /* limits of the item */
  ORDER_GROUP, /* of the item */
  PORT,        /* of the project: an int of kl_project */
  ACCOUNT_RISK /* of the project */
} kl_key_kind;

typedef struct kl_key {
  const char *name;
  kl_key_kind kind;
  size_t at; /* in kl_strategy_options */
  double min, max;
} kl_key;

#define AT(field) offsetof(kl_strategy_options, field)
static const kl_key keys[] = {
    {"name", NAME, AT(script.name), 0, 0},
    {"args", TEXTS, AT(script.args), 0, 0},
    {"mem", MEMORY, AT(script.memory_cap), 1, 65536},
    {"cpu_ms", WHOLE, AT(script.cpu_ms), 1, 3600000},
    {"max_tasks", CEILING, AT(script.limits.tasks), 1, 1e6},
    {"max_timers", CEILING, AT(script.limits.timers), 1, 1e6},
    {"max_sockets", CEILING, AT(script.limits.sockets), 1, 1e5},
    {"max_handles", CEILING, AT(script.limits.handles), 1, 1e6},
    {"max_queued", MEGABYTES, AT(script.limits.queued), 1, 65536},
    {"max_store", MEGABYTES, AT(script.limits.store), 1, 65536},
    {"log_rate", CEILING, AT(script.limits.log_rate), 1, 1e6},
    {"order_rate", RATE, AT(script.limits.order_rate), 0.001, 1e5},
    {"allow_fs", PATHS, AT(script.allow.fs), 0, 0},
    {"allow_net", HOSTS, AT(script.allow.net), 0, 0},
    {"allow_env", TEXTS, AT(script.allow.env), 0, 0},
    {"allow_run", YES_NO, AT(script.allow.run), 0, 0},
    {"allow_all", YES_NO, AT(script.allow.all), 0, 0},
    {"on_failure", ON_FAILURE, AT(on_failure), 0, 0},
    {"probation", SECONDS, AT(probation_ms), 0, 86400},
    {"watch", YES_NO, AT(watch), 0, 0},
    {"risk", RISK, 0, 0, 0},
    {"order_group", ORDER_GROUP, 0, 1, KL_BELT_MOST},
    {"account_risk", ACCOUNT_RISK, 0, 0, 0},
    {"metrics", PORT, offsetof(kl_project, ports.metrics), 0, 65535},
    {"web", PORT, offsetof(kl_project, ports.web), 0, 65535},
};
enum { KEYS = sizeof keys / sizeof *keys };

/* While a project file is read. */
typedef struct kl_reader {
  kl_project *project;
  const char *path, *dir;
  kl_project_item defaults;
  size_t memory;
  int hooks;
  kl_error *e;
  bool ok;
} kl_reader;

static bool no_memory(const kl_reader *r) {
  kl_error_set(r->e, KL_ERR_INTERNAL, "%.300s: not enough memory", r->path);
  return false;
}

/* ---- values ---- */

static bool wrong(const kl_reader *r, const char *where, const char *key, const char *wanted) {
  kl_error_coded(r->e, KL_ERR_CONFIG, "project_wrong", "%s: %s is to be %s", where, key, wanted);
  return false;
}

/* The text at the top of the stack: kept, *out NULL when memory is out. False for what is none. Numbers are texts too:
 * nobody writes args = {"10"}. */
static bool text_of(const kl_reader *r, lua_State *L, char **out) {
  if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) return false;
  lua_pushvalue(L, -1); /* a number is converted in its place, which would confuse lua_next */
  size_t n;
  const char *s = lua_tolstring(L, -1, &n);
  bool ok = strlen(s) == n;
  if (ok) *out = kl_project_keep(r->project, strdup(s));
  lua_pop(L, 1);
  return ok;
}

/* One of a list of texts, as its kind wants it. */
static bool list_item(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, const char **out) {
  char *text = NULL;
  if (!text_of(r, L, &text)) return wrong(r, where, k->name, "a text or a list of texts");
  kl_error why;
  if (text && k->kind == HOSTS && !kl_permit_check(text, &why)) {
    kl_error_coded(r->e, KL_ERR_CONFIG, why.code, "%s: %s: %s", where, k->name, why.message);
    return false;
  }
  if (text && k->kind == PATHS) text = kl_project_path(r->project, r->dir, text);
  *out = text;
  return text || no_memory(r);
}

/* A list of texts, or one text alone. */
static bool read_list(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, void *to) {
  bool table = lua_istable(L, -1);
  size_t n = table ? (size_t)lua_rawlen(L, -1) : 1, named = 0;
  if (table) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
      named++;
  }
  if (table && (named != n || n > LIST_MAX)) return wrong(r, where, k->name, "a list of texts, without gaps or names");
  const char **list = kl_project_keep(r->project, calloc(n + 1, sizeof *list));
  if (!list) return no_memory(r);
  for (size_t i = 0; i < n; i++) {
    if (table) lua_rawgeti(L, -1, (lua_Integer)i + 1);
    bool ok = list_item(r, L, k, where, &list[i]);
    if (table) lua_pop(L, 1);
    if (!ok) return false;
  }
  memcpy(to, &list, sizeof list);
  return true;
}

static bool read_number(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, double *out) {
  double v = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
  *out = v;
  bool whole = k->kind != SECONDS && k->kind != RATE;
  if (v >= k->min && v <= k->max && (!whole || v == floor(v))) return true;
  char wanted[80];
  snprintf(wanted, sizeof wanted, "a %snumber from %.15g to %.15g", whole ? "whole " : "", k->min, k->max);
  return wrong(r, where, k->name, wanted);
}

static void store_number(const kl_key *k, double v, void *to) {
  if (k->kind == MEMORY)
    *(size_t *)to = (size_t)v << 20;
  else if (k->kind == WHOLE)
    *(int *)to = (int)v;
  else if (k->kind == CEILING)
    *(int64_t *)to = (int64_t)v;
  else if (k->kind == MEGABYTES)
    *(int64_t *)to = (int64_t)v << 20;
  else if (k->kind == RATE)
    *(double *)to = v;
  else /* seconds; none at all is negative, for 0 is the default */
    *(int *)to = v > 0 ? (int)ceil(v * 1000) : -1;
}

static bool read_failure(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, void *to) {
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  for (int i = 0; i < KL_FAILED_COUNT; i++) {
    if (strcmp(text, kl_on_failure_names[i]) != 0) continue;
    *(kl_on_failure *)to = (kl_on_failure)i;
    return true;
  }
  return wrong(r, where, k->name, "\"stop\", \"restart\" or \"last-good\"");
}

/* Names are typed in commands and stand in front of lines of the log. */
static bool read_name(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, const char **to) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  char *text = NULL;
  bool ok = lua_type(L, -1) == LUA_TSTRING && text_of(r, L, &text);
  if (ok && !text) return no_memory(r);
  size_t n = ok ? strlen(text) : 0;
  if (n == 0 || n >= NAME_CAP || strspn(text, allowed) != n || *text == '-' || *text == '.')
    return wrong(r, where, k->name,
                 "a text of up to 63 letters, digits, '_', '-' and '.', and begin with none of the last two");
  *to = text;
  return true;
}

/* A limit and its value at the top of the stack. */
static bool read_limit(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, kl_limit_values *to) {
  kl_error why;
  size_t n = 0;
  const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &n) : NULL;
  if (!name) return wrong(r, where, k->name, "a table of limits with their names: { max_position = 100 }");
  kl_limit l = kl_limit_find(name, n, &why);
  bool ok = l != KL_LIMITS;
  if (ok && l == KL_LIMIT_SELF_CROSS && lua_isboolean(L, -1)) {
    ok = kl_limits_set(to, l, lua_toboolean(L, -1), &why);
  } else if (ok && l != KL_LIMIT_SELF_CROSS && lua_type(L, -1) == LUA_TNUMBER) {
    ok = kl_limits_set(to, l, lua_tonumber(L, -1), &why);
  } else if (ok) {
    kl_error_coded(&why, KL_ERR_CONFIG, "project_wrong", "%s is to be %s", kl_limit_table[l].name,
                   l == KL_LIMIT_SELF_CROSS ? "true or false" : "a number");
    ok = false;
  }
  if (!ok) kl_error_coded(r->e, KL_ERR_CONFIG, why.code, "%s: %s: %s", where, k->name, why.message);
  return ok;
}

static bool read_limits(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, kl_limit_values *to) {
  if (!lua_istable(L, -1))
    return wrong(r, where, k->name, "a table of limits with their names: { max_position = 100 }");
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
    if (!read_limit(r, L, k, where, to)) return false;
  return true;
}

static bool read_account_limits(const kl_reader *r, lua_State *L, const kl_key *k, const char *where) {
  kl_limit_values v = {0};
  if (!read_limits(r, L, k, where, &v)) return false;
  kl_limits_tighten(&r->project->account_risk, &v);
  return true;
}

/* A process has one, whatever project files it is started with. */
static bool set_port(const kl_reader *r, const kl_key *k, const char *where, int port) {
  int *to = (int *)(void *)((char *)r->project + k->at);
  if (*to >= 0 && *to != port) {
    kl_error_set(r->e, KL_ERR_CONFIG, "%s: %s is %d here and %d in another project file: say one with --%s PORT", where,
                 k->name, port, *to, k->name);
    return false;
  }
  *to = port;
  return true;
}

/* The value at the top of the stack goes to its place in the item. */
static bool read_value(const kl_reader *r, lua_State *L, const kl_key *k, const char *where, kl_project_item *it) {
  void *to = (char *)&it->o + k->at;
  double v = 0;
  switch (k->kind) {
  case NAME:
    return read_name(r, L, k, where, to);
  case MEMORY:
  case WHOLE:
  case CEILING:
  case MEGABYTES:
  case RATE:
  case SECONDS:
    if (!read_number(r, L, k, where, &v)) return false;
    store_number(k, v, to);
    return true;
  case YES_NO:
    if (!lua_isboolean(L, -1)) return wrong(r, where, k->name, "true or false");
    *(bool *)to = lua_toboolean(L, -1);
    return true;
  case ON_FAILURE:
    return read_failure(r, L, k, where, to);
  case TEXTS:
  case HOSTS:
  case PATHS:
    return read_list(r, L, k, where, to);
  case ORDER_GROUP:
    if (!read_number(r, L, k, where, &v)) return false;
    it->order_group = (kl_count)v * KL_COUNT_ONE;
    return true;
  case PORT:
    return read_number(r, L, k, where, &v) && set_port(r, k, where, (int)v);
  case RISK:
    return read_limits(r, L, k, where, &it->risk);
  case ACCOUNT_RISK:
    return read_account_limits(r, L, k, where);
  }
  return false;
}

/* What one script has is not what all have, and the other way round. */
static bool belongs(const kl_key *k, bool entry) {
  return entry ? k->kind != ACCOUNT_RISK && k->kind != PORT : k->kind != NAME;
}

/* ---- tables ---- */

/* Finds the key at index -2, which is no file name of an entry. NULL after setting the error. */
static const kl_key *find_key(const kl_reader *r, lua_State *L, const char *where, bool entry) {
  const char *names[KEYS + 1];
  size_t n = 0;
  if (lua_type(L, -2) != LUA_TSTRING) {
    kl_error_coded(r->e, KL_ERR_CONFIG, "project_wrong", "%s: %s", where,
                   entry ? "one file is the only thing without a name"
                         : "nothing here is without a name: scripts go into scripts = { ... }");
    return NULL;
  }
  const char *name = lua_tostring(L, -2);
  for (size_t i = 0; i < KEYS; i++) {
    if (!belongs(&keys[i], entry)) continue;
    if (!strcmp(keys[i].name, name)) return &keys[i];
    names[n++] = keys[i].name;
  }
  if (!entry) names[n++] = "scripts";
  const char *near = kl_nearest(name, names, n);
  kl_error_coded(r->e, KL_ERR_CONFIG, "project_key_unknown", "%s: unknown key \"%.60s\"%s%s%s", where, name,
                 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  return NULL;
}

/* The file of an entry, at the top of the stack. */
static bool read_path(const kl_reader *r, lua_State *L, const char *where, kl_strategy_options *o) {
  char *text = NULL;
  bool ok = lua_type(L, -1) == LUA_TSTRING && text_of(r, L, &text);
  if (ok && text) text = kl_project_path(r->project, r->dir, text);
  if (ok && !text) return no_memory(r);
  if (!ok || !*text) {
    kl_error_coded(r->e, KL_ERR_CONFIG, "project_wrong", "%s: the file is missing: { \"maker.lua\", args = { ... } }",
                   where);
    return false;
  }
  o->script.path = text;
  if (access(text, R_OK) == 0) return true;
  kl_error_coded(r->e, KL_ERR_CONFIG, "project_unreadable", "%s: cannot read %.300s: %s", where, text, strerror(errno));
  return false;
}

/* The entry at the top of the stack: a file, or a table with one. */
static bool read_entry(const kl_reader *r, lua_State *L, size_t number) {
  kl_project_item *it = kl_project_add(r->project);
  if (!it) return no_memory(r);
  snprintf(it->where, sizeof it->where, "%.200s: scripts[%zu]", r->path, number);
  it->o = r->defaults.o;
  it->risk = r->defaults.risk;
  it->order_group = r->defaults.order_group;
  if (!lua_istable(L, -1)) return read_path(r, L, it->where, &it->o);
  lua_rawgeti(L, -1, 1);
  bool ok = read_path(r, L, it->where, &it->o);
  lua_pop(L, 1);
  lua_pushnil(L);
  while (ok && lua_next(L, -2)) {
    if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) != 1) {
      const kl_key *k = find_key(r, L, it->where, true);
      ok = k && read_value(r, L, k, it->where, it);
    }
    if (ok) lua_pop(L, 1);
  }
  return ok;
}

static bool read_entries(const kl_reader *r, lua_State *L) {
  if (lua_isnil(L, -1) || !lua_istable(L, -1)) {
    kl_error_coded(r->e, KL_ERR_CONFIG, "project_wrong",
                   "%.300s: scripts = { ... } is missing: which scripts shall run?", r->path);
    return false;
  }
  size_t n = (size_t)lua_rawlen(L, -1), named = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
    named++;
  if (n == 0 || named != n || n > LIST_MAX) {
    kl_error_coded(r->e, KL_ERR_CONFIG, "project_wrong",
                   "%.300s: scripts is to be a list of one or more, without gaps or names: { \"maker.lua\", { "
                   "\"taker.lua\", mem = 64 } }",
                   r->path);
    return false;
  }
  for (size_t i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i);
    if (!read_entry(r, L, i)) return false;
    kl_project_item *it = &r->project->items[r->project->n - 1];
    it->by_file = it->o.script.allow;
    lua_pop(L, 1);
  }
  return true;
}

/* What the file returned, at the top of the stack. First the defaults, for they hold wherever they stand. */
static bool read_table(kl_reader *r, lua_State *L) {
  char where[256];
  snprintf(where, sizeof where, "%.250s", r->path);
  if (!lua_istable(L, -1)) {
    kl_error_coded(r->e, KL_ERR_CONFIG, "project_wrong",
                   "%s: is to return a table: return { scripts = { \"maker.lua\" } }", where);
    return false;
  }
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING && !strcmp(lua_tostring(L, -2), "scripts")) continue;
    const kl_key *k = find_key(r, L, where, false);
    if (!k || !read_value(r, L, k, where, &r->defaults)) return false;
  }
  lua_getfield(L, -1, "scripts");
  return read_entries(r, L);
}

/* ---- the state ---- */

static void *allocate(void *data, void *p, size_t old, size_t size) {
  kl_reader *r = data;
  size_t had = p ? old : 0; /* of a new object, `old` is its type */
  if (size == 0) {
    free(p);
    r->memory -= had;
    return NULL;
  }
  if (size > had && r->memory + (size - had) > MEMORY_MAX) return NULL;
  void *grown = realloc(p, size);
  if (grown) r->memory = r->memory - had + size;
  return grown;
}

static kl_reader *reader_of(lua_State *L) {
  void *data;
  lua_getallocf(L, &data);
  return data;
}

static void count(lua_State *L, lua_Debug *ar) {
  if (++reader_of(L)->hooks < HOOKS_MAX) return;
  lua_getinfo(L, "Sl", ar);
  luaL_error(L, "%s:%d: has not come to an end after 10 million steps: it is to return a table, not to work",
             ar->short_src, ar->currentline);
}

/* Nothing that could catch an error of `count`, reach a metatable or load code. */
static void open_libraries(lua_State *L) {
  static const char *const kept[] = {"assert", "error",    "ipairs",   "next", "pairs",
                                     "select", "tonumber", "tostring", "type"};
  lua_newtable(L); /* own */
  luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    lua_getfield(L, -1, kept[i]);
    lua_setfield(L, -3, kept[i]);
  }
  lua_pop(L, 1);
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0); /* own string */
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_setfield(L, -2, LUA_STRLIBNAME);
  luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
  lua_setfield(L, -2, LUA_TABLIBNAME);
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
  lua_setfield(L, -2, LUA_MATHLIBNAME);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); /* */
}

static int evaluate(lua_State *L) {
  kl_reader *r = reader_of(L);
  open_libraries(L);
  if (luaL_loadfilex(L, r->path, "t") != LUA_OK) return lua_error(L);
  lua_sethook(L, count, LUA_MASKCOUNT, HOOK_EVERY);
  lua_call(L, 0, 1);
  lua_sethook(L, NULL, 0, 0);
  luaL_checkstack(L, 16, NULL);
  r->ok = read_table(r, L);
  return 0;
}

bool kl_project_read(kl_project *p, const char *path, const char *dir, kl_error *e) {
  if (access(path, R_OK) != 0) {
    kl_error_coded(e, KL_ERR_CONFIG, "project_unreadable", "cannot read %.300s: %s", path, strerror(errno));
    return false;
  }
  kl_reader r = {.project = p, .path = path, .dir = dir, .defaults = {.o.watch = true}, .e = e};
  lua_State *L = lua_newstate(allocate, &r);
  if (!L) return no_memory(&r);
  lua_pushcfunction(L, evaluate);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    r.ok = false;
    const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "raised an error that is no text";
    if (!strncmp(why, path, strlen(path)))
      kl_error_coded(e, KL_ERR_CONFIG, "project_wrong", "%.500s", why); /* has its place */
    else
      kl_error_coded(e, KL_ERR_CONFIG, "project_wrong", "%.300s: %.300s", path, why);
  }
  lua_close(L);
  return r.ok;
}
