/* Module `metrics`: what scripts count themselves, and what the whole process has counted. */
#include <math.h>
#include <string.h>

#include "bindings/bindings.h"
#include "bindings/check.h"
#include "bindings/metric_store.h"
#include "bindings/rest.h"
#include "script/guard.h"

typedef struct metric_type {
  const char *meta, *class;
} metric_type;
static const metric_type types[] = {[KL_METRIC_COUNTER] = {"metrics.Counter", "counter"},
                                    [KL_METRIC_GAUGE] = {"metrics.Gauge", "gauge"},
                                    [KL_METRIC_HISTOGRAM] = {"metrics.Histogram", "histogram"}};

/* ---- labels ---- */

typedef struct label_set {
  kl_label all[KL_METRIC_LABELS_MOST];
  size_t n;
} label_set;

/* One label, kept in the order of the names. */
static void add_label(label_set *out, kl_label l) {
  size_t i = out->n++;
  for (; i > 0 && strcmp(out->all[i - 1].name, l.name) > 0; i--)
    out->all[i] = out->all[i - 1];
  out->all[i] = l;
}

/* The value at the top as the text that it is in a label; what a number becomes stays in the table at `keep`. */
static const char *label_value(lua_State *L, int keep, const char *method, const char *name, size_t *n) {
  int type = lua_type(L, -1);
  if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
    kl_raisef(L, KL_ERR_VALIDATION, "%s: label %.60s must be a text, a number or a boolean, not a %s", method, name,
              lua_typename(L, type));
  const char *text = luaL_tolstring(L, -1, n); /* … value text */
  lua_pushvalue(L, -1);
  lua_rawseti(L, keep, (lua_Integer)lua_rawlen(L, keep) + 1);
  lua_pop(L, 1);
  return text;
}

/* The labels at idx (nil: none). The texts live as long as what is on the stack: pushes a table that keeps some. */
static void read_labels(lua_State *L, int idx, const char *method, label_set *out) {
  kl_error e;
  out->n = 0;
  if (lua_isnoneornil(L, idx)) {
    lua_pushnil(L);
    return;
  }
  kl_check_type(L, idx, LUA_TTABLE, method);
  lua_newtable(L);
  int keep = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      kl_raisef(L, KL_ERR_VALIDATION, "%s: labels are a table of names and values: { side = \"bid\" }", method);
    const char *name = lua_tostring(L, -2);
    size_t n;
    const char *value = label_value(L, keep, method, name, &n);
    if (strlen(name) != lua_rawlen(L, -2)) name = "\\0";
    if (!kl_metric_label_ok(name, value, n, &e)) kl_raise(L, &e);
    if (out->n == KL_METRIC_LABELS_MOST)
      kl_raisef(L, KL_ERR_VALIDATION, "%s: more than %d labels", method, KL_METRIC_LABELS_MOST);
    add_label(out, (kl_label){name, value});
  }
}

/* ---- counting ---- */

static kl_metric *check_metric(lua_State *L, kl_metric_type type, const char *method) {
  return *(kl_metric **)kl_check_self(L, types[type].meta, types[type].class, method);
}

static double check_finite(lua_State *L, int idx, const char *method) {
  if (lua_type(L, idx) != LUA_TNUMBER || !isfinite(lua_tonumber(L, idx)))
    return kl_bad_argument(L, idx, method, "a finite number");
  return lua_tonumber(L, idx);
}

/* Of the metric with the labels at idx. */
static kl_series *check_series(lua_State *L, kl_metric *x, int idx, const char *method) {
  label_set labels;
  kl_error e;
  lua_settop(L, idx);
  read_labels(L, idx, method, &labels);
  kl_series *s = kl_metric_series(x, labels.all, labels.n, &e);
  if (!s) kl_raise(L, &e);
  return s;
}

static int counter_inc(lua_State *L) {
  kl_metric *x = check_metric(L, KL_METRIC_COUNTER, "inc");
  double by = lua_isnoneornil(L, 2) ? 1 : check_finite(L, 2, "counter:inc");
  if (by < 0) return kl_bad_argument(L, 2, "counter:inc", "0 or more: a counter never goes back, a gauge does");
  kl_series *s = check_series(L, x, 3, "counter:inc");
  kl_series_set(s, kl_series_value(s) + by);
  return 0;
}

static int gauge_inc(lua_State *L) {
  kl_metric *x = check_metric(L, KL_METRIC_GAUGE, "inc");
  double by = lua_isnoneornil(L, 2) ? 1 : check_finite(L, 2, "gauge:inc");
  kl_series *s = check_series(L, x, 3, "gauge:inc");
  kl_series_set(s, kl_series_value(s) + by);
  return 0;
}

static int gauge_set(lua_State *L) {
  kl_metric *x = check_metric(L, KL_METRIC_GAUGE, "set");
  double v = check_finite(L, 2, "gauge:set");
  kl_series_set(check_series(L, x, 3, "gauge:set"), v);
  return 0;
}

static int histogram_observe(lua_State *L) {
  kl_metric *x = check_metric(L, KL_METRIC_HISTOGRAM, "observe");
  double v = check_finite(L, 2, "histogram:observe");
  kl_series_observe(check_series(L, x, 3, "histogram:observe"), v);
  return 0;
}

static int push_value(lua_State *L, kl_metric_type type, const char *method) {
  const kl_metric *x = check_metric(L, type, "value");
  label_set labels;
  lua_settop(L, 2);
  read_labels(L, 2, method, &labels);
  lua_pushnumber(L, kl_metric_value(x, labels.all, labels.n));
  return 1;
}
static int counter_value(lua_State *L) { return push_value(L, KL_METRIC_COUNTER, "counter:value"); }
static int gauge_value(lua_State *L) { return push_value(L, KL_METRIC_GAUGE, "gauge:value"); }

static int l_tostring(lua_State *L) {
  kl_metric *const *slot = lua_touserdata(L, 1);
  lua_pushfstring(L, "%s %s", types[kl_metric_type_of(*slot)].class, kl_metric_name(*slot));
  return 1;
}

/* ---- making ---- */

/* Bounds of the buckets at idx: a list of growing numbers. */
static size_t read_bounds(lua_State *L, int idx, double *out) {
  if (lua_isnoneornil(L, idx)) {
    memcpy(out, kl_duration_bounds, sizeof kl_duration_bounds);
    return KL_DURATION_BUCKETS;
  }
  kl_check_type(L, idx, LUA_TTABLE, "metrics.histogram");
  size_t n = lua_rawlen(L, idx);
  if (n == 0 || n > KL_METRIC_BUCKETS_MOST)
    kl_raisef(L, KL_ERR_VALIDATION, "metrics.histogram: 1 to %d buckets, not %d", KL_METRIC_BUCKETS_MOST, (int)n);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, idx, (lua_Integer)i + 1);
    bool ok = lua_type(L, -1) == LUA_TNUMBER && isfinite(lua_tonumber(L, -1));
    out[i] = ok ? lua_tonumber(L, -1) : 0;
    if (!ok || (i > 0 && out[i] <= out[i - 1]))
      kl_raisef(L, KL_ERR_VALIDATION, "metrics.histogram: bucket %d must be a number above the one before it",
                (int)i + 1);
    lua_pop(L, 1);
  }
  return n;
}

static int make(lua_State *L, kl_metric_type type, const char *function, int help_at, const double *bounds, size_t n) {
  kl_error e;
  size_t name_n, help_n = 0;
  const char *name = kl_check_text(L, 1, function, &name_n), *help = NULL;
  if (!lua_isnoneornil(L, help_at)) help = kl_check_text(L, help_at, function, &help_n);
  if (strlen(name) != name_n) name = "\\0";
  kl_metric **slot = lua_newuserdatauv(L, sizeof(kl_metric *), 0);
  *slot = NULL;
  kl_environment *env = kl_environment_of(L);
  kl_metric *x = kl_metric_get(&env->metrics, kl_script_name(kl_script_of(L)), type, name, help, bounds, n, &e);
  if (!x) return kl_raise(L, &e);
  *slot = x;
  luaL_setmetatable(L, types[type].meta);
  return 1;
}

static int l_counter(lua_State *L) { return make(L, KL_METRIC_COUNTER, "metrics.counter", 2, NULL, 0); }
static int l_gauge(lua_State *L) { return make(L, KL_METRIC_GAUGE, "metrics.gauge", 2, NULL, 0); }
static int l_histogram(lua_State *L) {
  double bounds[KL_METRIC_BUCKETS_MOST];
  size_t n = read_bounds(L, 2, bounds);
  return make(L, KL_METRIC_HISTOGRAM, "metrics.histogram", 3, bounds, n);
}

/* ---- reading ---- */

static void collect(lua_State *L, const kl_metric_sink *sink) {
  const kl_environment *env = kl_environment_of(L);
  if (env->collect) env->collect(env->collect_data, sink);
  kl_metric_store_read(env->metrics, sink);
}

/* metrics.read: the stack is all, then the samples of the family under way. */
enum { READ_ALL = 1, READ_SAMPLES = 2 };

static void read_family(void *data, const char *name, kl_metric_type type, const char *help) {
  lua_State *L = data;
  lua_settop(L, READ_ALL);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, kl_metric_type_names[type]);
  lua_setfield(L, -2, "type");
  lua_pushstring(L, help);
  lua_setfield(L, -2, "help");
  lua_newtable(L); /* all family samples */
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "samples");
  lua_insert(L, -2); /* all samples family */
  lua_setfield(L, READ_ALL, name);
}

static void push_sample(lua_State *L, const kl_label *labels, size_t n) {
  lua_createtable(L, 0, 2);
  lua_createtable(L, 0, (int)n);
  for (size_t i = 0; i < n; i++) {
    lua_pushstring(L, labels[i].value);
    lua_setfield(L, -2, labels[i].name);
  }
  lua_setfield(L, -2, "labels");
}

static void keep_sample(lua_State *L) { lua_rawseti(L, READ_SAMPLES, (lua_Integer)lua_rawlen(L, READ_SAMPLES) + 1); }

static void read_sample(void *data, const kl_label *labels, size_t n, double value) {
  lua_State *L = data;
  push_sample(L, labels, n);
  lua_pushnumber(L, value);
  lua_setfield(L, -2, "value");
  keep_sample(L);
}

static void read_buckets(void *data, const kl_label *labels, size_t n, const kl_metric_buckets *b) {
  lua_State *L = data;
  uint64_t sum = 0;
  push_sample(L, labels, n);
  lua_createtable(L, (int)b->n + 1, 0);
  for (size_t i = 0; i <= b->n; i++) {
    sum += b->counts[i];
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, i < b->n ? b->bounds[i] : (lua_Number)INFINITY);
    lua_setfield(L, -2, "le");
    lua_pushinteger(L, (lua_Integer)sum);
    lua_setfield(L, -2, "count");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "buckets");
  lua_pushnumber(L, b->sum);
  lua_setfield(L, -2, "sum");
  lua_pushinteger(L, (lua_Integer)sum);
  lua_setfield(L, -2, "count");
  keep_sample(L);
}

static int l_read(lua_State *L) {
  lua_settop(L, 0);
  luaL_checkstack(L, 12, NULL);
  lua_newtable(L);
  kl_metric_sink sink = {.data = L, .family = read_family, .sample = read_sample, .buckets = read_buckets};
  collect(L, &sink);
  lua_settop(L, READ_ALL);
  return 1;
}

/* metrics.value: adds up what fits. */
typedef struct search {
  const char *name;
  const label_set *wanted;
  bool here, found;
  double sum;
} search;

static void search_family(void *data, const char *name, kl_metric_type type, const char *help) {
  search *s = data;
  (void)type;
  (void)help;
  s->here = !strcmp(name, s->name);
}

static bool has_label(const kl_label *labels, size_t n, const kl_label *wanted) {
  for (size_t i = 0; i < n; i++)
    if (!strcmp(labels[i].name, wanted->name)) return !strcmp(labels[i].value, wanted->value);
  return false;
}

static void search_sample(void *data, const kl_label *labels, size_t n, double value) {
  search *s = data;
  if (!s->here) return;
  for (size_t i = 0; i < s->wanted->n; i++)
    if (!has_label(labels, n, &s->wanted->all[i])) return;
  s->found = true;
  s->sum += value;
}

static void search_buckets(void *data, const kl_label *labels, size_t n, const kl_metric_buckets *b) {
  uint64_t sum = 0;
  for (size_t i = 0; i <= b->n; i++)
    sum += b->counts[i];
  search_sample(data, labels, n, (double)sum);
}

/* The labels of a search may be any that a sample has, "script" too. */
static void read_wanted(lua_State *L, label_set *out) {
  out->n = 0;
  if (lua_isnoneornil(L, 2)) return;
  kl_check_type(L, 2, LUA_TTABLE, "metrics.value");
  lua_newtable(L);
  int keep = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    size_t n;
    if (lua_type(L, -2) != LUA_TSTRING || out->n == KL_METRIC_LABELS_MOST)
      kl_raisef(L, KL_ERR_VALIDATION,
                "metrics.value: labels are a table of up to %d names and values: { script = \"a\" }",
                KL_METRIC_LABELS_MOST);
    const char *name = lua_tostring(L, -2);
    add_label(out, (kl_label){name, label_value(L, keep, "metrics.value", name, &n)});
  }
}

static int l_value(lua_State *L) {
  size_t n;
  label_set wanted;
  lua_settop(L, 2);
  search s = {.name = kl_check_text(L, 1, "metrics.value", &n), .wanted = &wanted};
  read_wanted(L, &wanted);
  kl_metric_sink sink = {.data = &s, .family = search_family, .sample = search_sample, .buckets = search_buckets};
  collect(L, &sink);
  if (s.found)
    lua_pushnumber(L, s.sum);
  else
    lua_pushnil(L);
  return 1;
}

/* ---- the module ---- */

static void register_type(lua_State *L, kl_metric_type type, const luaL_Reg *methods) {
  luaL_newmetatable(L, types[type].meta); /* mt */
  lua_pushcfunction(L, l_tostring);
  lua_setfield(L, -2, "__tostring");
  kl_guard_allow_fields(L, -1, "__tostring");
  lua_newtable(L); /* mt methods */
  luaL_setfuncs(L, methods, 0);
  kl_guard_allow_fields(L, -1, "value");
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, types[type].meta);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

int luaopen_kl_metrics(lua_State *L) {
  static const luaL_Reg counter_methods[] = {{"inc", counter_inc}, {"value", counter_value}, {NULL, NULL}};
  static const luaL_Reg gauge_methods[] = {
      {"inc", gauge_inc}, {"set", gauge_set}, {"value", gauge_value}, {NULL, NULL}};
  static const luaL_Reg histogram_methods[] = {{"observe", histogram_observe}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"counter", l_counter}, {"gauge", l_gauge}, {"histogram", l_histogram},
                                       {"read", l_read},       {"value", l_value}, {NULL, NULL}};
  register_type(L, KL_METRIC_COUNTER, counter_methods);
  register_type(L, KL_METRIC_GAUGE, gauge_methods);
  register_type(L, KL_METRIC_HISTOGRAM, histogram_methods);
  luaL_newlib(L, functions);
  kl_guard_allow_fields(L, -1, "read value");
  return 1;
}
