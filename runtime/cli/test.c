/* kalua test: scripts that use the `test` module or its globals, each against a fresh embedded exchange. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/app_impl.h"
#include "cli/stage.h"
#include "cli/test_coverage.h"
#include "cli/test_files.h"
#include "cli/test_results.h"
#include "cli/tool.h"
#include "store/store.h"

static const char usage[] =
    "usage: kalua test [FILE|FOLDER]...\n\n"
    "Runs tests of scripts: test(), and describe() and it() as in busted. Each file has a state of its\n"
    "own and an embedded exchange of its own (or uses the one given). A folder stands for the files in\n"
    "it and below whose names are X_test.lua or test_X.lua; with neither, those here, in tests/ and in\n"
    "test/. docs/testing.md shows how to test a strategy.\n\n"
    "  kalua test maker_test.lua\n"
    "  kalua test --filter \"inside the spread\" --coverage\n"
    "  kalua test --junit report.xml tests\n";

typedef struct {
  kl_test_run run;
  kl_connect_options connect;
  const kl_test_reporter *reporter;
  void *reporter_data;
  kl_test_list list;
  kl_test_results all;
  kl_key *key; /* retained: that of the first file is that of all */
  kl_coverage *coverage;
  const char *junit_path, *lcov_path;
  FILE *junit, *lcov;
  bool fail_fast, tap, json, show_coverage;
  /* of the file that runs */
  kl_app *app;
  kl_strategy *strategy;
  const char *file;
  char *group, *name; /* of the test that runs; owned, NULL: none does */
  int64_t began_ns, file_began_ns;
  bool finished, stop;
  uv_mutex_t log_lock; /* of `output`, since the log may come from any thread */
  kl_buf output;       /* what was said since the test began, or the last one ended */
  size_t lines, more;  /* in `output`; that had no place in it */
} tests;

static volatile sig_atomic_t interrupted;
static void note_interrupt(int signum) {
  (void)signum;
  interrupted = 1;
}

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- what is said meanwhile ---- */

/* The first of a flood say what it is; the rest is counted. */
enum { OUTPUT_MOST = 1 << 16, LINES_MOST = 400 };

static void keep_line(tests *t, const char *prefix, const char *text, size_t n) {
  if (t->more || t->lines == LINES_MOST || t->output.len + n > OUTPUT_MOST) {
    t->more++;
    return;
  }
  t->lines++;
  if (prefix) kl_buf_printf(&t->output, "[%s] ", prefix);
  for (size_t i = 0; i < n; i++) { /* a zero byte would end it in the reports */
    kl_buf_char(&t->output, text[i] ? text[i] : '\\');
    if (!text[i]) kl_buf_char(&t->output, '0');
  }
  kl_buf_char(&t->output, '\n');
}

static void keep_output(tests *t, const char *prefix, const char *text, size_t n) {
  uv_mutex_lock(&t->log_lock);
  for (const char *end; (end = memchr(text, '\n', n)) != NULL; prefix = NULL) {
    keep_line(t, prefix, text, (size_t)(end - text));
    n -= (size_t)(end - text) + 1;
    text = end + 1;
  }
  keep_line(t, prefix, text, n);
  uv_mutex_unlock(&t->log_lock);
}

static void take_output(tests *t, kl_buf *out) {
  uv_mutex_lock(&t->log_lock);
  if (t->more) kl_buf_printf(&t->output, "(and %zu more line%s)\n", t->more, t->more == 1 ? "" : "s");
  *out = t->output;
  t->output = (kl_buf){0};
  t->lines = t->more = 0;
  uv_mutex_unlock(&t->log_lock);
}

/* Tests print when they fail; a file outside of its tests says what it says. */
static void printed(void *data, kl_script *s, const char *text, size_t n) {
  tests *t = data;
  bool own = kl_script_strategy(s) == t->strategy || !t->strategy;
  if (t->name || t->reporter != &kl_test_list_reporter) {
    keep_output(t, own ? NULL : kl_script_name(s), text, n);
    return;
  }
  fwrite(text, 1, n, stdout);
  putchar('\n');
}

static void logged(void *data, kl_log_level level, const char *source, const char *text, size_t n) {
  char prefix[160];
  snprintf(prefix, sizeof prefix, "%s %.120s", kl_log_level_name(level), source);
  keep_output(data, prefix, text, n);
}

/* ---- what comes of tests ---- */

static void forget_test(tests *t) {
  free(t->group);
  free(t->name);
  t->group = t->name = NULL;
}

static void test_began(void *data, const char *group, const char *name) {
  tests *t = data;
  kl_buf before = {0};
  kl_log_tap(logged, t);   /* a stage of the test before may have taken it */
  take_output(t, &before); /* of nobody who failed */
  kl_buf_free(&before);
  forget_test(t);
  kl_stores_forget(kl_app_environment(t->app)->stores);
  t->group = strdup(group);
  t->name = strdup(name);
  t->began_ns = now_ns();
}

static bool test_ended(void *data, const kl_test_report *r) {
  tests *t = data;
  kl_buf output = {0};
  double seconds = r->name && r->outcome != KL_TEST_LISTED && t->name ? (double)(now_ns() - t->began_ns) / 1e9 : 0;
  take_output(t, &output);
  forget_test(t);
  const kl_test_result *made = kl_test_results_add(&t->all, t->file, r, seconds, &output);
  kl_buf_free(&output);
  if (made) t->reporter->result(t->reporter_data, made, t->all.n);
  if (r->outcome == KL_TEST_FAILED && t->fail_fast) t->stop = true;
  return !t->stop;
}

/* What the file has started, and tests have left behind, is not waited for. */
static void file_finished(void *data) {
  tests *t = data;
  t->finished = true;
  kl_strategy *g = kl_app_strategy_next(t->app, NULL); /* the file itself: a test starts its own elsewhere */
  if (g) kl_strategy_stop(g, KL_STOP_EXIT, false);
}

/* The file, or the test that runs, came to an end that Lua cannot tell of. */
static void report_broken(tests *t, const char *message, const char *detail) {
  char *group = t->group, *name = t->name;
  kl_test_report r = {.outcome = KL_TEST_FAILED, .group = group, .name = name, .message = message, .detail = detail};
  t->group = t->name = NULL; /* test_ended would free them */
  test_ended(t, &r);
  free(group);
  free(name);
}

static void script_ended(void *data, kl_strategy *g, const char *message, const char *traceback) {
  tests *t = data;
  if (g != t->strategy) { /* one that a test has started */
    if (message) keep_output(t, kl_strategy_name(g), message, strlen(message));
    return;
  }
  if (t->finished && !message) return;
  if (t->run.stuck) {
    report_broken(t, "did not end, not even when its task was cancelled; the rest of the file was not run", NULL);
    return;
  }
  if (kl_app_interrupts(t->app)) return;
  report_broken(t, message && *message ? message : "the script ended before its tests did", traceback);
}

/* ---- a file ---- */

/* False: what runs was interrupted. */
static bool run_file(tests *t, const char *file) {
  kl_error e = {0};
  kl_app_listener listener = {t, printed, script_ended};
  t->file = file;
  t->finished = false;
  t->strategy = NULL;
  t->file_began_ns = now_ns();
  if (t->reporter->file) t->reporter->file(t->reporter_data, file);
  t->connect.key = t->key;
  t->connect.coverage = t->coverage;
  if (!kl_app_open(&t->connect, KL_VERSION, &t->app, &e)) {
    report_broken(t, e.message, NULL);
    t->stop = true; /* it would be the same for the others */
    return true;
  }
  if (!t->key && kl_app_key(t->app) && !kl_app_sim(t->app)) t->key = kl_key_retain(kl_app_key(t->app));
  kl_log_tap(logged, t);
  kl_app_set_listener(t->app, &listener);
  kl_test_run_open(&t->run, kl_app_loop(t->app));
  kl_app_environment(t->app)->tests = &t->run;
  kl_app_environment(t->app)->testing = &kl_stage_testing;
  kl_app_environment(t->app)->store = NULL; /* in memory */
  kl_strategy_options so;
  kl_app_strategy_options(t->app, &so);
  so.script.path = file;
  so.script.runner = "test_main";
  bool ended = true;
  if (kl_app_start_strategy(t->app, &so, &e)) {
    t->strategy = kl_app_strategy_next(t->app, NULL);
    ended = kl_app_run(t->app, 0) != KL_EXIT_INTERRUPTED;
  } else {
    report_broken(t, e.message, NULL);
    kl_app_abandon(t->app);
  }
  kl_test_run_close(&t->run);
  kl_log_tap(NULL, NULL);
  kl_app_close(t->app);
  t->app = NULL;
  forget_test(t);
  kl_buf_free(&t->output);
  t->lines = t->more = 0;
  return ended;
}

static void run_all(tests *t, const kl_test_files *files) {
  int64_t began_ns = now_ns();
  struct sigaction note = {.sa_handler = note_interrupt};
  for (size_t i = 0; i < files->n && !t->stop && !interrupted; i++) {
    sigaction(SIGINT, &note, NULL); /* while no loop looks after it */
    if (!run_file(t, files->items[i])) interrupted = 1;
    t->all.files++;
  }
  signal(SIGINT, SIG_DFL);
  t->all.interrupted = interrupted != 0;
  t->all.seconds = (double)(now_ns() - began_ns) / 1e9;
}

/* ---- reports ---- */

static bool open_report(const char *option, const char *path, FILE **out, int *code) {
  if (!path) return true;
  *out = fopen(path, "we");
  if (*out) return true;
  *code = kl_cli_usage("test", "--%s: cannot write %s: %s", option, path, strerror(errno));
  return false;
}

/* Closes it. False after saying why it was not written. */
static bool write_report(FILE *f, const char *path, kl_buf *text) {
  if (!f) return true;
  errno = text->failed ? ENOMEM : 0;
  bool ok = !text->failed && (text->len == 0 || fwrite(text->data, 1, text->len, f) == text->len);
  int why = errno;
  if (fclose(f) != 0 && ok) {
    ok = false;
    why = errno;
  }
  if (!ok) fprintf(stderr, "kalua: cannot write %s: %s\n", path, strerror(why));
  kl_buf_free(text);
  return ok;
}

static bool write_reports(tests *t) {
  kl_buf junit = {0}, lcov = {0}, table = {0};
  if (t->junit) kl_test_junit(&junit, &t->all);
  if (t->lcov) kl_test_coverage_lcov(&lcov, t->coverage);
  if (t->show_coverage) kl_test_coverage_table(&table, t->coverage);
  FILE *to = t->reporter == &kl_test_list_reporter ? stdout : stderr; /* the others are for programs */
  if (table.data) fwrite(table.data, 1, table.len, to);
  kl_buf_free(&table);
  bool ok = write_report(t->junit, t->junit_path, &junit);
  ok = write_report(t->lcov, t->lcov_path, &lcov) && ok;
  t->junit = t->lcov = NULL;
  if (t->all.lost) fputs("kalua: not enough memory: some results are missing\n", stderr);
  return ok && !t->all.lost;
}

static int exit_code(const tests *t, bool written) {
  if (t->all.interrupted) return KL_EXIT_INTERRUPTED;
  if (t->all.failed || !written) return KL_EXIT_FAILED;
  if (t->run.filter && t->all.n == 0)
    return kl_cli_usage("test", "no test has \"%s\" in its name; --list names them", t->run.filter);
  return KL_EXIT_OK;
}

static int start(tests *t, const kl_test_files *files) {
  int code = KL_EXIT_OK;
  if (!open_report("junit", t->junit_path, &t->junit, &code) ||
      !open_report("coverage-lcov", t->lcov_path, &t->lcov, &code))
    return code;
  if (t->show_coverage || t->lcov) {
    t->coverage = kl_coverage_new();
    bool ok = t->coverage != NULL;
    for (size_t i = 0; ok && i < files->n; i++)
      ok = kl_coverage_ignore(t->coverage, files->items[i]);
    if (!ok) return kl_cli_fail(&(kl_error){.kind = KL_ERR_INTERNAL, .message = "not enough memory"});
  }
  t->list = (kl_test_list){.terminal = kl_tool_terminal(), .colour = kl_tool_terminal() && kl_tool_colour()};
  t->reporter = t->tap ? &kl_test_tap_reporter : t->json ? &kl_test_json_reporter : &kl_test_list_reporter;
  t->reporter_data = &t->list;
  run_all(t, files);
  if (t->reporter->end) t->reporter->end(t->reporter_data, &t->all);
  return exit_code(t, write_reports(t));
}

static int find_files(const kl_text_list *names, kl_test_files *files) {
  kl_error e = {0};
  if (!kl_test_files_find(names->items, names->n, files, &e)) return kl_cli_fail(&e);
  if (files->n > 0) return -1;
  if (names->n > 0) return kl_cli_usage("test", "there is no X_test.lua or test_X.lua in %s", names->items[0]);
  return kl_cli_usage("test", "there is no X_test.lua or test_X.lua here, in tests/ or in test/; `kalua new DIR` makes "
                              "a strategy with tests");
}

int kl_command_test(int argc, char **argv) {
  enum { OPTIONS = 11 };
  static tests t; /* large */
  t = (tests){.run = {.data = &t, .limit_s = 60, .began = test_began, .ended = test_ended, .finished = file_finished},
              .run.seed = -1};
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&t.connect, connect);
  const kl_opt own[OPTIONS] = {
      {"filter", KL_OPT_TEXT, &t.run.filter, "PATTERN",
       "only tests with this in their full name: a part, or a Lua pattern", 0, 0},
      {"list", KL_OPT_FLAG, &t.run.list, NULL, "name the tests, run none", 0, 0},
      {"fail-fast", KL_OPT_FLAG, &t.fail_fast, NULL, "end at the first test that fails", 0, 0},
      {"shuffle", KL_OPT_INT, &t.run.seed, "SEED", "the tests of each block in another order, the same for a SEED", 0,
       1e15},
      {"limit", KL_OPT_REAL, &t.run.limit_s, "SECONDS", "a test that takes longer fails", 0.01, 1e6, .fallback = "60"},
      {"tap", KL_OPT_FLAG, &t.tap, NULL, "print TAP version 14", 0, 0},
      {"json", KL_OPT_FLAG, &t.json, NULL, "print one JSON object per test", 0, 0},
      {"junit", KL_OPT_TEXT, &t.junit_path, "FILE", "write the results as JUnit's XML, too", 0, 0},
      {"coverage", KL_OPT_FLAG, &t.show_coverage, NULL, "say which lines of strategies and modules ran", 0, 0},
      {"coverage-lcov", KL_OPT_TEXT, &t.lcov_path, "FILE", "write that in the format of lcov", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list names = {0};
  kl_test_files files = {0};
  int code = kl_opts_parse("test", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &names, NULL);
  if (code < 0 && t.tap && t.json) code = kl_cli_usage("test", "either --tap or --json");
  if (code < 0) code = find_files(&names, &files);
  if (code < 0) {
    t.run.shuffled = t.run.seed >= 0;
    /* What is logged belongs to a test; who asks for the log gets it besides. */
    t.connect.log_default = "warn";
    if (!t.connect.log_level && !t.connect.log_file && !t.connect.log_json) t.connect.log_file = "/dev/null";
    uv_mutex_init(&t.log_lock);
    code = start(&t, &files);
    uv_mutex_destroy(&t.log_lock);
  }
  if (t.junit) fclose(t.junit);
  if (t.lcov) fclose(t.lcov);
  kl_coverage_free(t.coverage);
  kl_key_release(t.key);
  kl_test_results_free(&t.all);
  kl_test_files_free(&files);
  kl_text_list_free(&names);
  kl_connect_options_free(&t.connect);
  return code;
}
