/* kalua.lua and folders: which strategies come of them, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/project.h"

static void put(const char *path, const char *text) {
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static int setup(void **state) {
  char *folder = strdup("/tmp/kl_project_XXXXXX");
  *state = folder;
  if (!folder || !mkdtemp(folder) || chdir(folder) != 0) return -1;
  put("maker.lua", "");
  put("taker.lua", "");
  return 0;
}

static int teardown(void **state) {
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
  free(*state);
  return chdir("/") == 0 ? system(command) : -1;
}

static kl_project_flags flags(void) { return (kl_project_flags){.all = {.watch = true}}; }

static kl_project *load_with(const kl_project_flags *f, const char *path) {
  kl_project *p = NULL;
  kl_error e;
  if (!kl_project_load(&path, 1, f, &p, &e)) fail_msg("%s", e.message);
  return p;
}

static kl_project *load(const char *path) {
  kl_project_flags f = flags();
  return load_with(&f, path);
}

static void refused(const char *path, const char *message) {
  kl_project_flags f = flags();
  kl_project *p = NULL;
  kl_error e;
  if (kl_project_load(&path, 1, &f, &p, &e)) fail_msg("%s was taken", path);
  assert_string_equal(e.message, message);
  assert_string_equal(e.kind, KL_ERR_CONFIG);
}

/* What kalua.lua with this text is refused for, after its name. */
static void text_refused(const char *text, const char *message) {
  char all[640];
  snprintf(all, sizeof all, "kalua.lua:%s", message);
  put("kalua.lua", text);
  refused("kalua.lua", all);
}

/* Compares a NULL-terminated list with texts joined by blanks. */
static void assert_list(const char *const *list, const char *expected) {
  char all[256] = "";
  for (size_t i = 0; list && list[i]; i++)
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "", list[i]);
  assert_string_equal(all, expected);
}

static void everything_that_can_be_said(void **state) {
  (void)state;
  mkdir("p", 0755);
  put("p/a.lua", "");
  put("p/b.lua", "");
  put("p/kalua.lua",
      "#!/usr/bin/env kalua\n"
      "local cities = { 'NY', 'CHI' }\n"
      "local t = {}\n"
      "for i, c in ipairs(cities) do t[i] = { 'a.lua', name = ('a-' .. c):lower(), args = { 'KXHIGH' .. c, i } } end\n"
      "table.insert(t, { 'b.lua', mem = 64, cpu_ms = 2000, allow_net = 'api.example.com', allow_run = true,\n"
      "  allow_env = { 'A', 'B' }, on_failure = 'last-good', probation = 0, watch = false, allow_fs = {}, max_tasks = "
      "9, max_queued = 3, order_rate = 0.5 })\n"
      "t[4] = '/dev/null'\n"
      "return { scripts = t, mem = 128, allow_fs = { 'data', '/srv' }, on_failure = 'restart', probation = 2.5 }\n");
  kl_project *p = load("p");
  assert_int_equal(kl_project_count(p), 4);
  const kl_strategy_options *o = kl_project_get(p, 0);
  assert_string_equal(o->script.path, "p/a.lua");
  assert_string_equal(o->script.name, "a-ny");
  assert_list((const char *const *)o->script.args, "KXHIGHNY 1");
  assert_int_equal(o->script.memory_cap, 128 << 20);
  assert_int_equal(o->script.cpu_ms, 0);
  assert_list(o->script.allow.fs, "p/data /srv");
  assert_list(o->script.allow.net, "");
  assert_false(o->script.allow.run || o->script.allow.all);
  assert_int_equal(o->on_failure, KL_FAILED_RESTART);
  assert_int_equal(o->probation_ms, 2500);
  assert_true(o->watch);
  o = kl_project_get(p, 2);
  assert_string_equal(o->script.name, "b");
  assert_list((const char *const *)o->script.args, "");
  assert_int_equal(o->script.memory_cap, 64 << 20);
  assert_int_equal(o->script.cpu_ms, 2000);
  assert_list(o->script.allow.fs, ""); /* its own in place of those for all */
  assert_list(o->script.allow.net, "api.example.com");
  assert_list(o->script.allow.env, "A B");
  assert_true(o->script.allow.run);
  assert_int_equal(o->on_failure, KL_FAILED_LAST_GOOD);
  assert_true(o->probation_ms < 0);
  assert_false(o->watch);
  assert_int_equal(o->script.limits.tasks, 9);
  assert_int_equal(o->script.limits.queued, 3 << 20);
  assert_true(o->script.limits.order_rate == 0.5);
  assert_string_equal(kl_project_get(p, 3)->script.path, "/dev/null");
  kl_project_free(p);
  p = load("p/kalua.lua");
  assert_int_equal(kl_project_count(p), 4);
  kl_project_free(p);
}

static void limits_of_scripts_and_of_the_account(void **state) {
  (void)state;
  put("kalua.lua",
      "return { scripts = { 'maker.lua', { 'taker.lua', risk = { max_position = 5, self_cross = false } } },\n"
      "  risk = { max_position = 100, max_order_cost = 12.5 }, account_risk = { max_exposure = 500 } }");
  kl_project *p = load(".");
  const kl_limit_values *maker = kl_project_risk(p, 0), *taker = kl_project_risk(p, 1);
  assert_int_equal(maker->set, 1u << KL_LIMIT_POSITION | 1u << KL_LIMIT_ORDER_COST);
  assert_int_equal(maker->value[KL_LIMIT_POSITION], 100 * KL_COUNT_ONE);
  assert_int_equal(taker->value[KL_LIMIT_POSITION], 5 * KL_COUNT_ONE);
  assert_int_equal(taker->value[KL_LIMIT_ORDER_COST], 12500000); /* what it does not say is as for all */
  assert_true(taker->set >> KL_LIMIT_SELF_CROSS & 1 && taker->value[KL_LIMIT_SELF_CROSS] == 0);
  assert_int_equal(kl_project_account_risk(p)->set, 1u << KL_LIMIT_EXPOSURE);
  assert_int_equal(kl_project_account_risk(p)->value[KL_LIMIT_EXPOSURE], 500 * KL_MONEY_ONE);
  kl_project_free(p);
  text_refused("return { scripts = { 'maker.lua' }, risk = { max_positions = 5 } }",
               " risk: no limit is called \"max_positions\"; did you mean max_position?");
  text_refused("return { scripts = { { 'maker.lua', risk = { max_position = true } } } }",
               " scripts[1]: risk: max_position is to be a number");
  text_refused("return { scripts = { 'maker.lua' }, risk = { self_cross = 0 } }",
               " risk: self_cross is to be true or false");
  text_refused(
      "return { scripts = { 'maker.lua' }, risk = { max_open_orders = 0.5 } }",
      " risk: max_open_orders is to be a whole number from 0, and \"0.5\" was given (orders that rest or are on "
      "their way)");
  text_refused("return { scripts = { 'maker.lua' }, risk = 5 }",
               " risk is to be a table of limits with their names: { max_position = 100 }");
  text_refused("return { scripts = { { 'maker.lua', account_risk = {} } } }",
               " scripts[1]: unknown key \"account_risk\"");
}

static void what_the_command_line_says_wins_or_is_added(void **state) {
  (void)state;
  put("kalua.lua",
      "return { scripts = { 'maker.lua', { 'taker.lua', mem = 64, args = { 'x' }, allow_net = { 'a.test' }, "
      "probation = 5, watch = false, on_failure = 'restart' } } }");
  kl_project_flags f = {.all = {.script = {.memory_cap = 7 << 20,
                                           .limits = {.sockets = 5, .order_rate = 2},
                                           .env = "sim",
                                           .args = (char *const[]){"y", NULL},
                                           .allow = {.run = true, .net = (const char *const[]){"b.test", NULL}}},
                                .on_failure = KL_FAILED_STOP,
                                .probation_ms = 1000,
                                .watch = true},
                        .on_failure = true};
  kl_project *p = load_with(&f, ".");
  for (size_t i = 0; i < 2; i++) {
    const kl_strategy_options *o = kl_project_get(p, i);
    assert_string_equal(o->script.path, i ? "taker.lua" : "maker.lua");
    assert_string_equal(o->script.env, "sim");
    assert_int_equal(o->script.memory_cap, 7 << 20);
    assert_int_equal(o->script.limits.sockets, 5);
    assert_true(o->script.limits.order_rate == 2);
    assert_list((const char *const *)o->script.args, i ? "x y" : "y");
    assert_list(o->script.allow.net, i ? "a.test b.test" : "b.test");
    assert_true(o->script.allow.run);
    assert_int_equal(o->on_failure, KL_FAILED_STOP);
    assert_int_equal(o->probation_ms, 1000);
    assert_int_equal(o->watch, i == 0);
  }
  kl_project_free(p);
  f.all.watch = f.on_failure = false;
  p = load_with(&f, "kalua.lua");
  assert_false(kl_project_get(p, 0)->watch);
  assert_int_equal(kl_project_get(p, 1)->on_failure, KL_FAILED_RESTART);
  kl_project_free(p);
}

static void a_folder_without_a_file_is_all_its_scripts(void **state) {
  (void)state;
  assert_int_equal(
      system("mkdir -p f/lib f/x.lua empty; touch f/b.lua f/a.lua f/c.lua f/.hidden.lua f/README f/lib/m.lua; "
             "ln -s nowhere 'f/.#a.lua'"),
      0);
  kl_project *p = load("f/");
  assert_int_equal(kl_project_count(p), 3);
  assert_string_equal(kl_project_get(p, 0)->script.path, "f/a.lua");
  assert_string_equal(kl_project_get(p, 2)->script.name, "c");
  kl_project_free(p);
  refused("empty", "empty has neither a kalua.lua nor other scripts (*.lua)");
}

static void names_are_told_apart(void **state) {
  (void)state;
  put("kalua.lua", "return { scripts = { 'maker.lua', 'maker.lua', { 'taker.lua', name = 'maker' } } }");
  const char *paths[] = {"kalua.lua", "maker.lua", "missing.lua"};
  kl_project_flags f = flags();
  kl_project *p = NULL;
  kl_error e;
  assert_true(kl_project_load(paths, 3, &f, &p, &e)); /* that one is missing is for who starts it to say */
  static const char *const names[] = {"maker-2", "maker-3", "maker", "maker-4", "missing"};
  assert_int_equal(kl_project_count(p), 5);
  for (size_t i = 0; i < 5; i++)
    assert_string_equal(kl_project_get(p, i)->script.name, names[i]);
  kl_project_free(p);
  text_refused("return { scripts = { { 'maker.lua', name = 'a' }, { 'taker.lua', name = 'a' } } }",
               " scripts[2]: the name \"a\" is that of kalua.lua: scripts[1], too");
}

static void mistakes_say_where(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"return {", "1: unexpected symbol near <eof>"},
      {"\nerror('no city')", "2: no city"},
      {"error({})", " raised an error that is no text"},
      {"return 1", " is to return a table: return { scripts = { \"maker.lua\" } }"},
      {"return {}", " scripts = { ... } is missing: which scripts shall run?"},
      {"return { 'maker.lua' }", " nothing here is without a name: scripts go into scripts = { ... }"},
      {"return { script = { 'maker.lua' } }", " unknown key \"script\"; did you mean scripts?"},
      {"return { name = 'x', scripts = { 'maker.lua' } }", " unknown key \"name\""},
      {"return { scripts = {} }", " scripts is to be a list of one or more, without gaps or names: { \"maker.lua\", { "
                                  "\"taker.lua\", mem = 64 } }"},
      {"return { scripts = { maker = 'maker.lua' } }", " scripts is to be a list of one or more, without gaps or "
                                                       "names: { \"maker.lua\", { \"taker.lua\", mem = 64 } }"},
      {"return { scripts = { 'maker.lua', {} } }",
       " scripts[2]: the file is missing: { \"maker.lua\", args = { ... } }"},
      {"return { scripts = { 7 } }", " scripts[1]: the file is missing: { \"maker.lua\", args = { ... } }"},
      {"return { scripts = { 'maler.lua' } }", " scripts[1]: cannot read maler.lua: No such file or directory"},
      {"return { scripts = { { 'maker.lua', alow_net = 'a.test' } } }",
       " scripts[1]: unknown key \"alow_net\"; did you mean allow_net?"},
      {"return { scripts = { { 'maker.lua', scripts = {} } } }", " scripts[1]: unknown key \"scripts\""},
      {"return { scripts = { { 'maker.lua', 'taker.lua' } } }",
       " scripts[1]: one file is the only thing without a name"},
      {"return { scripts = { { 'maker.lua', mem = '64' } } }",
       " scripts[1]: mem is to be a whole number from 1 to 65536"},
      {"return { mem = 1.5, scripts = { 'maker.lua' } }", " mem is to be a whole number from 1 to 65536"},
      {"return { scripts = { { 'maker.lua', probation = -1 } } }",
       " scripts[1]: probation is to be a number from 0 to 86400"},
      {"return { scripts = { { 'maker.lua', probation = 0/0 } } }",
       " scripts[1]: probation is to be a number from 0 to 86400"},
      {"return { scripts = { { 'maker.lua', allow_run = 1 } } }", " scripts[1]: allow_run is to be true or false"},
      {"return { scripts = { { 'maker.lua', allow_env = true } } }",
       " scripts[1]: allow_env is to be a text or a list of texts"},
      {"return { scripts = { { 'maker.lua', allow_env = { 'A', nil, 'B' } } } }",
       " scripts[1]: allow_env is to be a list of texts, without gaps or names"},
      {"return { scripts = { { 'maker.lua', args = { a = 1 } } } }",
       " scripts[1]: args is to be a list of texts, without gaps or names"},
      {"return { scripts = { { 'maker.lua', args = { 'a\\0b' } } } }",
       " scripts[1]: args is to be a text or a list of texts"},
      {"return { scripts = { { 'maker.lua', on_failure = 'retry' } } }",
       " scripts[1]: on_failure is to be \"stop\", \"restart\" or \"last-good\""},
      {"return { scripts = { { 'maker.lua', name = 'a b' } } }",
       " scripts[1]: name is to be a text of up to 63 letters, digits, '_', '-' and '.', and begin with none of the "
       "last two"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    text_refused(cases[i].text, cases[i].message);
  put("kalua.lua", "return { scripts = { { 'maker.lua', allow_net = { 'https://a.test/x' } } } }");
  kl_project_flags f = flags();
  kl_project *p = NULL;
  kl_error e;
  assert_false(kl_project_load(&(const char *){"kalua.lua"}, 1, &f, &p, &e));
  assert_non_null(strstr(e.message, "kalua.lua: scripts[1]: allow_net: "));
}

/* It is started by whoever trusts it with trading, but it has no business beyond its table. */
static void it_can_do_nothing_but_return(void **state) {
  (void)state;
  static const char *const globals[] = {
      "os",    "io",     "require",      "load",         "loadfile", "dofile",         "debug", "coroutine",
      "pcall", "xpcall", "setmetatable", "getmetatable", "rawset",   "collectgarbage", "print", "_G"};
  for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
    char text[128];
    snprintf(text, sizeof text, "assert(%s == nil) return { scripts = { 'maker.lua' } }", globals[i]);
    put("kalua.lua", text);
    kl_project_free(load("."));
  }
  text_refused("while true do end",
               "1: has not come to an end after 10 million steps: it is to return a table, not to work");
  text_refused("local t = {} for i = 1, 1e9 do t[i] = i end", " not enough memory");
  text_refused("return { scripts = { ('x'):rep(1e9) } }", " not enough memory");
  put("binary.luac", "");
  assert_int_equal(system("printf '\\033LuaT' > kalua.lua"), 0);
  refused("kalua.lua", "kalua.lua: attempt to load a binary chunk (mode is 't')");
  unlink("kalua.lua");
  refused("kalua.lua", "cannot read kalua.lua: No such file or directory");
}

static void permissions_of_files_are_logged(void **state) {
  (void)state;
  put("kalua.lua",
      "return { allow_net = { 'a.test', 'b.test' }, scripts = { { 'maker.lua', allow_fs = '.', allow_run = true }, "
      "{ 'taker.lua', allow_all = true }, { 'taker.lua', allow_net = {} } } }");
  kl_project *p = load(".");
  assert_true(kl_log_open(KL_LOG_INFO, false, "log.txt"));
  kl_project_log_permissions(p);
  kl_log_close();
  assert_int_equal(system("grep -q 'maker.*allowed by kalua.lua: scripts.1.: files below ..*; connections to a.test, "
                          "b.test; programs$' log.txt && grep -q 'taker.*scripts.2.: everything$' log.txt && "
                          "test $(wc -l < log.txt) = 2"),
                   0);
  kl_project_free(p);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(everything_that_can_be_said),
      TEST(limits_of_scripts_and_of_the_account),
      TEST(what_the_command_line_says_wins_or_is_added),
      TEST(a_folder_without_a_file_is_all_its_scripts),
      TEST(names_are_told_apart),
      TEST(mistakes_say_where),
      TEST(it_can_do_nothing_but_return),
      TEST(permissions_of_files_are_logged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
