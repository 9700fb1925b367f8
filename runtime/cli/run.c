/* kalua run: strategies and tools, until they end or a signal comes. */
#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/app.h"
#include "cli/breaker.h"
#include "cli/monitoring.h"
#include "cli/project.h"
#include "cli/shadow.h"
#include "script/debugger.h"
#include "script/file_watch.h"

/* Whether a file can be read and compiled. */
static bool compiles(const char *path) {
  lua_State *L = luaL_newstate();
  bool ok = L && luaL_loadfilex(L, path, "t") == LUA_OK;
  if (L) lua_close(L);
  return ok;
}

/* Starts all or none: half of a set-up is not what was asked for, and a script that was started has its first turn
 * before it can be stopped. */
static bool start_all(kl_app *app, const kl_project *p, kl_error *e) {
  size_t first = 0, n = kl_project_count(p);
  for (size_t i = 0; n > 1 && i < n; i++) {
    if (compiles(kl_project_get(p, i)->script.path)) continue;
    first = i; /* the host says what is wrong with it */
    break;
  }
  for (size_t i = 0; i < n; i++) {
    size_t k = (first + i) % n;
    if (!kl_app_start_limited(app, kl_project_get(p, k), kl_project_risk(p, k), kl_project_order_group(p, k), e))
      return false;
  }
  return true;
}

/* What `run` has beyond the options of every command that connects. */
typedef struct kl_run_options {
  bool quiet, resume;
  const char *on_failure;
  double probation; /* seconds; negative: not said */
  kl_text_list shadows, breaks;
  int64_t metrics, web; /* ports; -1: not said */
} kl_run_options;
enum { RUN_OPT_COUNT = 9 };

static void run_opts(kl_run_options *o, kl_opt table[RUN_OPT_COUNT]) {
  *o = (kl_run_options){.probation = -1, .metrics = -1, .web = -1};
  const kl_opt opts[RUN_OPT_COUNT] = {
      {"quiet", KL_OPT_FLAG, &o->quiet, NULL, "no summary at the end", 0, 0},
      {"resume", KL_OPT_FLAG, &o->resume, NULL, "scripts that their breaker halted in an earlier run go on", 0, 0},
      {"on-failure", KL_OPT_TEXT, &o->on_failure, "stop|restart|last-good",
       "what comes of a script that fails: it has ended, it is started again, or its last good version is",
       .fallback = "stop"},
      {"probation", KL_OPT_REAL, &o->probation, "SECONDS", "an error so soon after a reload undoes it; 0: never", 0,
       86400, .fallback = "10"},
      {"shadow", KL_OPT_LIST, &o->shadows, "NEW=OLD",
       "run NEW on the same events beside the script OLD, without effect", 0, 0},
      {"break", KL_OPT_LIST, &o->breaks, "PLACE",
       "FILE:LINE, maybe with \" if CONDITION\" behind it: a task that comes there stops for kalua attach"},
      {"metrics", KL_OPT_INT, &o->metrics, "PORT", "serve /metrics and /health on 127.0.0.1; 0: any free port", 0,
       65535},
      {"web", KL_OPT_INT, &o->web, "PORT", "serve a page to look at, on 127.0.0.1; 0: any free port", 0, 65535},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  memcpy(table, opts, sizeof opts);
}

/* KL_FAILED_COUNT for what is none. */
static kl_on_failure failure_named(const char *name) {
  kl_on_failure f = 0;
  while (f < KL_FAILED_COUNT && strcmp(name, kl_on_failure_names[f]) != 0)
    f++;
  return f;
}

/* What the command line says for all scripts. */
static kl_project_flags flags_of(const kl_app *app, const kl_run_options *o, char *const *args) {
  kl_project_flags f = {0};
  kl_app_strategy_options(app, &f.all);
  f.all.script.args = args;
  if (o->probation >= 0) f.all.probation_ms = o->probation > 0 ? (int)ceil(o->probation * 1000) : -1;
  f.on_failure = o->on_failure != NULL;
  if (o->on_failure) f.all.on_failure = failure_named(o->on_failure);
  return f;
}

/* What runs, for looking at its project files again. */
typedef struct kl_run {
  kl_app *app;
  kl_text_list *paths;
  const kl_text_list *shadows, *breaks;
  kl_monitoring_ports ports; /* of the command line, which wins */
  kl_project_flags flags;
  kl_file_watch *watch;
  uv_work_t look;
  bool looking, again;
  bool good;
  kl_error wrong;
} kl_run;

/* On a thread of the pool: a project file may take its time. */
static void look(uv_work_t *w) {
  kl_run *r = w->data;
  kl_project *p = NULL;
  r->good = kl_project_load(r->paths->items, r->paths->n, &r->flags, &p, &r->wrong);
  kl_project_free(p);
}

static void project_saved(void *data);

static void looked(uv_work_t *w, int status) {
  kl_run *r = w->data;
  r->looking = false;
  if (!r->watch || status != 0) return; /* the end */
  if (r->again)
    project_saved(r);
  else if (r->good)
    kl_log_info("kalua", "kalua.lua was saved: what it lists now holds from the next start");
  else
    kl_log_warn("kalua", "kalua.lua was saved, and the next start would fail: %s", r->wrong.message);
}

/* A project file is read at the start only, but mistakes are better known before the next one. */
static void project_saved(void *data) {
  kl_run *r = data;
  r->again = r->looking;
  if (r->looking) return;
  r->look.data = r;
  r->looking = uv_queue_work(kl_app_loop(r->app), &r->look, look, looked) == 0;
}

static void watch_files(kl_run *r, const kl_project *p) {
  const char *const *files = NULL;
  size_t n = kl_project_files(p, &files);
  if (n == 0) return;
  kl_error e = {0};
  r->watch = kl_file_watch_new(kl_app_loop(r->app), project_saved, r);
  if (!r->watch || !kl_file_watch_set(r->watch, files, n, &e))
    kl_log_warn("kalua", "kalua.lua is not watched: %s", e.kind ? e.message : "not enough memory");
}

/* A breakpoint in those scripts that have this file, or where none has it in all, for when it is loaded. */
static bool set_break(kl_app *app, const char *place, kl_error *e) {
  char *file, *condition;
  const char *path;
  int line;
  size_t n;
  bool known = false;
  kl_breakpoint b;
  kl_error ignored;
  if (!kl_debug_parse(place, &file, &line, &condition, e)) return false;
  for (kl_strategy *g = kl_app_strategy_next(app, NULL); g; g = kl_app_strategy_next(app, g))
    if (kl_debug_source(g, file, &path, &n, &ignored)) known = true;
  bool ok = true;
  for (kl_strategy *g = kl_app_strategy_next(app, NULL); ok && g; g = kl_app_strategy_next(app, g)) {
    if (known && !kl_debug_source(g, file, &path, &n, &ignored)) continue;
    ok = kl_debug_break(g, NULL, file, line, condition, false, &b, e);
    if (ok && b.line != 0 && b.line != line)
      kl_log_info(kl_strategy_name(g), "breakpoint %d: line %d of %s has no code, it is at line %d", b.id, line, b.file,
                  b.line);
  }
  if (ok && !known) kl_log_info("kalua", "--break %s: no script has loaded that file; it stops when one does", place);
  free(file);
  free(condition);
  return ok;
}

/* NULL where each of them says a place; else the first that does not. */
static const char *wrong_break(const kl_text_list *breaks) {
  for (size_t i = 0; i < breaks->n; i++) {
    char *file, *condition;
    int line;
    kl_error e;
    bool ok = kl_debug_parse(breaks->items[i], &file, &line, &condition, &e);
    free(file);
    free(condition);
    if (!ok) return breaks->items[i];
  }
  return NULL;
}

static bool set_breaks(kl_app *app, const kl_text_list *breaks, kl_error *e) {
  bool ok = true;
  for (size_t i = 0; ok && i < breaks->n; i++)
    ok = set_break(app, breaks->items[i], e);
  return ok;
}

static bool open_monitoring(kl_run *r, const kl_project *p, kl_error *e) {
  kl_monitoring_ports ports = kl_project_ports(p);
  if (r->ports.metrics >= 0) ports.metrics = r->ports.metrics;
  if (r->ports.web >= 0) ports.web = r->ports.web;
  return kl_monitoring_open(r->app, ports, e);
}

static bool start(kl_run *r, bool watch, kl_error *e) {
  kl_project *p = NULL;
  bool ok = kl_shadow_project(r->paths, r->shadows, &r->flags, &p, e);
  if (ok) {
    kl_project_log_permissions(p);
    kl_breaker_limit_account(r->app, kl_project_account_risk(p));
    kl_app_prefix_output(r->app, kl_project_count(p) > 1);
    ok = open_monitoring(r, p, e) && start_all(r->app, p, e) && kl_shadow_start_all(r->app, p, r->shadows, e);
    ok = ok && set_breaks(r->app, r->breaks, e);
    if (ok && watch) watch_files(r, p);
  }
  kl_project_free(p);
  return ok;
}

/* The first word behind the first that is no script: most likely an argument of it. NULL: there is none. */
static const char *no_script(const kl_text_list *paths) {
  for (size_t i = 1; i < paths->n; i++) {
    const char *dot = strrchr(paths->items[i], '.');
    if ((!dot || strcmp(dot, ".lua") != 0) && access(paths->items[i], F_OK) != 0) return paths->items[i];
  }
  return NULL;
}

/* .env is read where kalua is started. One that lies beside a script instead, where the key is missed, is a mistake. */
static void say_other_env(const kl_text_list *paths) {
  for (size_t i = 0; i < paths->n; i++) {
    struct stat s;
    const char *path = paths->items[i], *slash = strrchr(path, '/');
    bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
    char file[PATH_MAX], here[PATH_MAX], there[PATH_MAX];
    if (!folder && !slash) continue;
    snprintf(file, sizeof file, "%.*s/.env", folder ? (int)strlen(path) : (int)(slash - path), path);
    if (!realpath(file, there) || (realpath(".env", here) && !strcmp(here, there))) continue;
    kl_log_warn("kalua",
                "%s is not read: .env counts in the folder where kalua is started; change to that folder first", file);
    return;
  }
}

int kl_command_run(int argc, char **argv) {
  static const char usage[] = "usage: kalua [run] [SCRIPT|FOLDER]... [-- ARG...]\n\n"
                              "Runs Lua scripts, each in a state of its own, on one event loop. Without options they\n"
                              "trade on the embedded exchange. A folder stands for the scripts that its kalua.lua\n"
                              "lists, or for all its *.lua files; without any, the kalua.lua here. What follows -- is\n"
                              "kalua.args.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT], own[RUN_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.memory_mb = o.cpu_ms = 0; /* not said: as the project has it */
  kl_run_options run;
  run_opts(&run, own);
  kl_text_list paths = {0}, args = {0};
  int code = kl_opts_parse("run", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &paths, &args);
  if (code < 0 && run.shadows.n) code = kl_shadow_parse(&run.shadows, &paths);
  if (code < 0 && paths.n == 0 && (access("kalua.lua", F_OK) != 0 || !kl_text_list_add(&paths, "kalua.lua")))
    code = kl_cli_usage("run", "which script? There is no kalua.lua here; `kalua new DIR` makes a folder with one");
  if (code < 0 && no_script(&paths))
    code = kl_cli_usage("run", "there is no script \"%s\"; arguments of a script stand behind --: kalua run %s -- %s",
                        no_script(&paths), paths.items[0], no_script(&paths));
  if (code < 0 && wrong_break(&run.breaks))
    code = kl_cli_usage("run", "--break takes FILE:LINE, or \"FILE:LINE if CONDITION\", not \"%s\"",
                        wrong_break(&run.breaks));
  kl_app *app = NULL;
  kl_run r = {.paths = &paths, .shadows = &run.shadows, .breaks = &run.breaks}; /* until the loop has ended */
  kl_error e = {0};
  o.keeps_state = o.trades = true;
  if (code < 0 && !kl_app_open(&o, KL_VERSION, &app, &e)) code = kl_cli_fail(&e);
  if (code < 0) {
    say_other_env(&paths);
    kl_app_strategies(app);
    if (run.resume) kl_app_resume(app);
    r.app = app;
    r.ports = (kl_monitoring_ports){(int)run.metrics, (int)run.web};
    r.flags = flags_of(app, &run, (char *const *)args.items);
    if (!run.quiet) kl_app_show_status(app);
    if (start(&r, !o.no_watch, &e)) {
      kl_app_say_real(app);
      code = kl_app_run(app, 0);
      kl_file_watch_close(r.watch);
      r.watch = NULL;
      int missed = kl_app_summary(app, run.quiet);
      if (code == KL_EXIT_OK) code = missed;
      if (!kl_app_save(app, &e)) {
        int failed = kl_cli_fail(&e);
        if (code == KL_EXIT_OK) code = failed;
      }
    } else {
      code = kl_cli_fail(&e);
      kl_app_abandon(app);
    }
  }
  kl_app_close(app);
  kl_text_list_free(&paths);
  kl_text_list_free(&args);
  kl_text_list_free(&run.shadows);
  kl_text_list_free(&run.breaks);
  kl_connect_options_free(&o);
  return code;
}
