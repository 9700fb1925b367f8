/* What a script can reach, and what it cannot. */
#include <fcntl.h>
#include <sys/stat.h>

#include "script_world.h"

static void offers_exactly_the_listed_functions(void **state) {
  (void)state;
  /* Everything that can be reached from the globals without a flag, by the names of its path. */
  runs("local names, seen = {}, {}\n"
       "local function walk(t, path)\n"
       "  if seen[t] then return end seen[t] = true\n"
       "  for k, v in pairs(t) do\n"
       "    local name = path .. tostring(k)\n"
       "    if type(v) == 'table' then walk(v, name .. '.') else names[#names + 1] = name end\n"
       "  end\n"
       "end\n"
       "walk(_G, '') table.sort(names) print(table.concat(names, ' '))",
       "_VERSION assert collectgarbage coroutine.close coroutine.create coroutine.isyieldable coroutine.resume "
       "coroutine.running coroutine.status coroutine.wrap coroutine.yield debug.traceback dofile error getmetatable "
       "io.close "
       "io.input io.lines io.open io.output io.popen io.read io.tmpfile io.type io.write ipairs "
       "load loadfile math.abs math.acos math.asin math.atan math.ceil math.cos math.deg math.exp math.floor math.fmod "
       "math.huge math.log math.max math.maxinteger math.min math.mininteger math.modf math.pi math.rad math.random "
       "math.randomseed math.sin math.sqrt math.tan math.tointeger math.type math.ult next os.clock os.date "
       "os.difftime os.execute os.exit os.getenv os.remove os.rename os.setlocale os.time os.tmpname pairs pcall print "
       "rawequal rawget rawlen rawset require select setmetatable string.byte "
       "string.char string.find string.format string.gmatch string.gsub string.len string.lower string.match "
       "string.pack string.packsize string.rep string.reverse string.sub string.unpack string.upper table.concat "
       "table.insert table.move table.pack table.remove table.sort table.unpack tonumber tostring type utf8.char "
       "utf8.charpattern utf8.codepoint utf8.codes utf8.len utf8.offset xpcall\n");
}

static void keeps_metatables_of_the_runtime_out_of_reach(void **state) {
  (void)state;
  runs("local task = require 'task'\n"
       "print(getmetatable(''), getmetatable(task.spawn(print)), getmetatable(task.channel()))\n"
       "print(pcall(setmetatable, {}, { __gc = print }))\n"
       "local mt = {} setmetatable({}, mt) mt.__gc = function() print 'never' end\n"
       "print(pcall(collectgarbage)) print(collectgarbage 'count' > 10)\n"
       "print(pcall(setmetatable, setmetatable({}, { __metatable = 1 }), nil))\n"
       "print(rawequal(setmetatable({}, nil), nil), getmetatable(setmetatable({}, { __index = print })).__index == "
       "print)",
       "false\ttask.Task\ttask.Channel\n"
       "false\tpermission: scripts cannot have finalizers (__gc): use __close, or kalua.on_stop\n"
       "false\tpermission: collectgarbage(\"collect\") is not for scripts: only \"count\" is\ntrue\n"
       "false\tcannot change a protected metatable\nfalse\ttrue\n\n");
}

static void loads_text_only(void **state) {
  (void)state;
  runs("print(load('return 1 + 1')()) print(load('return x', 'n', 't', { x = 5 })())\n"
       "print(load('x = 3', '=n')() == nil and x)\n"
       "print(load('\\27Lua')) print(load('\\27Lua', 'n', 'bt')) print(load('return 1', 'n', 'b'))\n"
       "local parts = { 'return ', '7' } print(load(function() return table.remove(parts, 1) end)())\n"
       "print(load('return +')) print(string.dump, pcall(load, nil))",
       "2\n5\n3\nnil\tattempt to load a binary chunk (mode is 't')\n"
       "nil\tattempt to load a binary chunk (mode is 't')\n"
       "nil\tonly text can be loaded (mode \"t\"), no binary chunks\n7\n"
       "nil\t[string \"return +\"]:1: unexpected symbol near '+'\n"
       "nil\tfalse\tbad argument #1 to 'load' (function expected, got nil)\n");
}

static void asks_the_clock_of_the_host(void **state) {
  (void)state;
  runs("local kalua = require 'kalua'\n"
       "print(math.abs(os.time() - kalua.now()) <= 1.5, math.type(os.time()), os.date('!%Y', 0), #os.date('%Y'))\n"
       "print(os.time{ year = 2026, month = 1, day = 2, hour = 12 } > 1.7e9, os.date('!*t', 86400).day, "
       "type(os.date()))",
       "true\tinteger\t1970\t4\ntrue\t2\tstring\n");
}

/* ---- require ---- */

static char folder[64];

static void write_file(const char *name, const char *text) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void open_folder(void) {
  snprintf(folder, sizeof folder, "/tmp/kalua-test-XXXXXX");
  assert_non_null(mkdtemp(folder));
}

static void remove_folder(void) {
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

/* Runs FOLDER/main.lua with these permissions. */
static kl_script *run_file(world *w, const char *text, kl_permissions allow) {
  char path[160];
  write_file("main.lua", text);
  snprintf(path, sizeof path, "%s/main.lua", folder);
  char *const args[] = {(char[]){"one"}, (char[]){"two"}, NULL};
  kl_script_options o = {.path = path, .env = "sim", .allow = allow, .args = args};
  kl_script *s;
  kl_error e;
  if (!kl_script_start(w->host, &o, &s, &e)) fail_msg("%s", e.message);
  world_run(w);
  return s;
}

static void requires_modules_of_its_folder_once(void **state) {
  (void)state;
  world w;
  open_folder();
  world_open(&w, 500);
  char sub[96];
  snprintf(sub, sizeof sub, "%s/sub", folder);
  mkdir(sub, 0700);
  write_file("one.lua", "print('loading', ...) require 'task'.sleep(0.001) return { n = 1 }");
  write_file("sub/init.lua", "return 'package'");
  write_file("sub/two.lua", "return 'two'");
  write_file("quiet.lua", "");
  kl_script *s =
      run_file(&w,
               "#!/usr/bin/env kalua\n"
               "local one = require 'one' print(one.n, require 'one' == one)\n"
               "print((require 'sub'), (require 'sub.two'), require 'quiet')\n"
               "print(require 'string' == string, (select(2, pcall(error, 'here', 0))))\n"
               "local kalua = require 'kalua' print(kalua.name, #kalua.args, kalua.args[2], kalua.env, kalua.version)",
               (kl_permissions){0});
  if (w.failed) fail_msg("%s", kl_script_error(s));
  char expected[400];
  snprintf(
      expected, sizeof expected,
      "loading\tone\t%s/one.lua\n1\ttrue\npackage\ttwo\ttrue\t%s/quiet.lua\ntrue\there\nmain\t2\ttwo\tsim\t1.2.3\n",
      folder, folder);
  assert_string_equal(world_out(&w), expected);
  world_close(&w);
  remove_folder();
}

static void says_why_a_module_cannot_be_required(void **state) {
  (void)state;
  world w;
  open_folder();
  world_open(&w, 500);
  write_file("bad.lua", "local x = = 1");
  write_file("breaks.lua", "error 'in the module'");
  write_file("a.lua", "require 'b'");
  write_file("b.lua", "require 'a'");
  write_file("binary.lua", "\x1bLua");
  run_file(&w,
           "for _, name in ipairs{ 'nothing', 'bad', 'breaks', 'breaks', 'a', 'a', 'binary', '../main', 'x..y', "
           "'/etc/passwd', '' } do\n"
           "  print(select(2, pcall(require, name)))\n"
           "end",
           (kl_permissions){0});
  const char *out = world_out(&w);
  assert_contains(out, "module 'nothing' not found: it is no module of kalua, and there is\n\tno file ");
  assert_contains(out, "/nothing.lua\n\tno file ");
  assert_contains(out, "/bad.lua:1: unexpected symbol near '='");
  assert_contains(out, "/breaks.lua:1: in the module");
  assert_contains(out, "/b.lua:1: module 'a' is being loaded already");
  assert_contains(out, "attempt to load a binary chunk");
  assert_contains(out, "'../main' is not the name of a module");
  assert_contains(out, "'x..y' is not the name of a module");
  assert_contains(out, "'/etc/passwd' is not the name of a module");
  assert_contains(out, "'' is not the name of a module");
  /* What failed once is tried again, not taken for a circle. */
  const char *first = strstr(out, "in the module");
  assert_contains(first + 1, "in the module");
  world_close(&w);
  remove_folder();
}

static void looks_into_the_folders_of_kalua_path_first(void **state) {
  (void)state;
  world w;
  open_folder();
  char path[200], lib[100];
  snprintf(lib, sizeof lib, "%s/lib", folder);
  mkdir(lib, 0700);
  snprintf(path, sizeof path, "/nonexistent:%s", lib);
  setenv("KALUA_PATH", path, 1);
  world_open(&w, 500);
  unsetenv("KALUA_PATH");
  write_file("lib/mine.lua", "return 'of the path'");
  write_file("mine.lua", "return 'of the folder'");
  write_file("other.lua", "return 'other'");
  run_file(&w, "print((require 'mine'), (require 'other'))", (kl_permissions){0});
  assert_string_equal(world_out(&w), "of the path\tother\n");
  world_close(&w);
  remove_folder();
}

/* ---- permissions ---- */

/* Each call is there, and says by its error which flag gives it, or what to use where none does. */
static void names_the_flag_that_gives_what_is_refused(void **state) {
  (void)state;
  runs(
      "for _, case in ipairs{\n"
      "  { io.open, '--allow-fs PATH', '/etc/passwd' }, { io.open, '--allow-fs PATH', 'x', 'w' },\n"
      "  { io.lines, '--allow-fs PATH', 'x' }, { os.remove, '--allow-fs PATH', 'x' },\n"
      "  { os.rename, '--allow-fs PATH', 'x', 'y' }, { loadfile, '--allow-fs PATH', 'x' },\n"
      "  { dofile, '--allow-fs PATH', 'x' }, { dofile, 'use require', 'x' }, { os.tmpname, '--allow-fs /tmp' },\n"
      "  { io.tmpfile, '--allow-fs /tmp' }, { os.getenv, '--allow-env HOME', 'HOME' },\n"
      "  { os.execute, '--allow-run', 'true' }, { io.popen, '--allow-run', 'true' },\n"
      "  { io.read, 'no standard input' }, { io.input, 'no standard input' }, { io.lines, 'no standard input' },\n"
      "  { loadfile, 'no standard input' }, { dofile, 'no standard input' }, { io.write, 'use print' },\n"
      "  { io.output, 'use print' }, { io.close, 'print' }, { os.exit, 'return from the script' },\n"
      "  { os.setlocale, 'share the locale', 'de_DE' }, { function() return io.stdout:write 'x' end, 'use print' },\n"
      "  { function() return io.stdin end, 'no standard input' },\n"
      "} do\n"
      "  local ok, err = pcall(case[1], table.unpack(case, 3))\n"
      "  if ok or err.kind ~= 'permission' or not err.message:find(case[2], 1, true) then print(case[2], ok, err) end\n"
      "end\n"
      "print(os.execute(), io.type(1), io.nothing, getmetatable(io), package)",
      "false\tnil\tnil\tfalse\tnil\n");
}

static void uses_files_below_an_allowed_path_only(void **state) {
  (void)state;
  world w;
  open_folder();
  world_open(&w, 500);
  char sub[100], link_path[130], dangling[130];
  snprintf(sub, sizeof sub, "%s/data", folder);
  mkdir(sub, 0700);
  snprintf(link_path, sizeof link_path, "%s/out", sub);
  assert_int_equal(symlink("/etc/passwd", link_path), 0);
  snprintf(dangling, sizeof dangling, "%s/dangling", sub);
  assert_int_equal(symlink("/tmp/kalua-test-escape", dangling), 0);
  const char *const fs[] = {sub, NULL};
  kl_script *s =
      run_file(&w,
               "local here = debug.traceback():match '(/tmp/kalua%-test%-%w+)/'\n"
               "local d = here .. '/data'\n"
               "local f = assert(io.open(d .. '/x.txt', 'w')) f:write('a\\nb\\n') f:close()\n"
               "for line in io.lines(d .. '/x.txt') do print(line) end\n"
               "print(getmetatable(f), io.type(f), io.open(d .. '/none'))\n"
               "for _, p in ipairs{ '/etc/passwd', d .. '/../main.lua', d .. '/out', d .. '/../datum', here .. "
               "'/main.lua' } do\n"
               "  print(select(2, pcall(io.open, p)).kind)\n"
               "end\n"
               "print(io.open(d .. '/dangling', 'w')) print(io.open(d)) print(pcall(io.lines, d .. '/none'))",
               (kl_permissions){.fs = fs});
  if (w.failed) fail_msg("%s", kl_script_error(s));
  const char *out = world_out(&w);
  assert_contains(out, "a\nb\nfalse\tclosed file\tnil\t");
  assert_contains(out, "/none: No such file or directory\t2\n");
  assert_contains(out, "permission\npermission\npermission\npermission\npermission\n");
  assert_contains(out, "Is a directory");
  assert_int_not_equal(access("/tmp/kalua-test-escape", F_OK), 0);
  world_close(&w);
  remove_folder();
}

static void reads_allowed_variables_and_runs_programs_when_told(void **state) {
  (void)state;
  world w;
  open_folder();
  world_open(&w, 500);
  setenv("KALUA_TEST_A", "a", 1);
  setenv("KALUA_TEST_B", "b", 1);
  const char *const env[] = {"KALUA_TEST_A", NULL};
  run_file(&w, "print(os.getenv 'KALUA_TEST_A') print(select(2, pcall(os.getenv, 'KALUA_TEST_B')))",
           (kl_permissions){.env = env, .run = true});
  assert_contains(world_out(&w), "a\npermission: the script may not read the environment variable KALUA_TEST_B");
  run_file(&w, "print(io.popen('echo popen'):read 'l', (os.execute 'true'), pcall(io.open, 'x'))",
           (kl_permissions){.run = true});
  assert_contains(world_out(&w), "popen\ttrue\tfalse\tpermission: io.open: the script may not use files");
  run_file(&w, "print(os.getenv 'KALUA_TEST_B', io.open('/etc/passwd'):read 'l' ~= nil)",
           (kl_permissions){.all = true});
  assert_contains(world_out(&w), "b\ttrue\n");
  world_close(&w);
  remove_folder();
}

/* ---- kalua and log ---- */

static void keeps_expectations_for_the_command(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  world_start(&w,
              "local kalua = require 'kalua'\n"
              "kalua.expect{ errors = '==0', seconds = ' < 2.5 ' } kalua.expect{ fills = '>=1' }\n"
              "for _, bad in ipairs{ '200', '< x', '!1', '', '<1 2', '<' } do\n"
              "  print(select(2, pcall(kalua.expect, { fills = bad })))\n"
              "end\n"
              "print(select(2, pcall(kalua.expect, { fill = '<1' }))) print(select(2, pcall(kalua.expect, { '<1' })))");
  world_run(&w);
  const kl_expectations *x = w.environment.expectations;
  assert_int_equal(kl_expectations_count(x), 3);
  for (size_t i = 0; i < 3; i++) {
    const kl_expectation *e = kl_expectations_at(x, i);
    assert_string_equal(e->script, "s");
    if (strcmp(e->metric, "seconds") == 0) {
      assert_string_equal(e->op, "<");
      assert_true(e->value == 2.5);
    }
  }
  const char *out = world_out(&w);
  for (int i = 0; i < 6; i++) {
    assert_contains(out, "validation: expect: fills takes a text like");
    out = strchr(out, '\n') + 1;
  }
  assert_contains(out, "unknown metric \"fill\" (did you mean \"fills\"?)");
  assert_contains(out, "the keys are names of metrics");
  world_close(&w);
}

static void offers_what_a_script_knows_of_its_process(void **state) {
  (void)state;
  runs("local kalua = require 'kalua'\n"
       "print(kalua.generation, next(kalua.state), kalua.env, kalua.name, kalua.version, #kalua.args)\n"
       "print(kalua.now() > 1.7e9, math.type(kalua.now()), kalua.stats().tasks, kalua.stats().errors)\n"
       "print(pcall(kalua.on_stop, 1)) print(pcall(kalua.on_error))",
       "1\tnil\tsim\ts\t1.2.3\t0\ntrue\tfloat\t1\t0\n"
       "false\tvalidation: kalua.on_stop: argument 1 must be a function, not 1\n"
       "false\tvalidation: kalua.on_error: argument 1 is missing: it must be a function\n");
}

static void logs_a_line_with_fields(void **state) {
  (void)state;
  world w;
  world_open(&w, 500);
  world_start(&w,
              "local log = require 'log'\n"
              "log.info('started', { b = 2, a = 'x', c = 'two words', d = '', [1] = true, e = 'q\"' })\n"
              "log.warn(42) log.error(nil) log.debug(setmetatable({}, { __tostring = function() return 'obj' end }))\n"
              "log.info('100%d %s', nil) print(pcall(log.info, 'x', 3)) print(pcall(log.info))");
  world_run(&w);
  const char *log = world_log(&w);
  assert_contains(log, "info  s started 1=true a=x b=2 c=\"two words\" d=\"\" e=\"q\\\"\"\n");
  assert_contains(log, "warn  s 42\n");
  assert_contains(log, "error s nil\n");
  assert_contains(log, "debug s obj\n");
  assert_contains(log, "info  s 100%d %s\n");
  assert_contains(world_out(&w), "validation: log.info: argument 2 must be a table, not 3");
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(offers_exactly_the_listed_functions),
                                     cmocka_unit_test(keeps_metatables_of_the_runtime_out_of_reach),
                                     cmocka_unit_test(loads_text_only),
                                     cmocka_unit_test(asks_the_clock_of_the_host),
                                     cmocka_unit_test(requires_modules_of_its_folder_once),
                                     cmocka_unit_test(says_why_a_module_cannot_be_required),
                                     cmocka_unit_test(looks_into_the_folders_of_kalua_path_first),
                                     cmocka_unit_test(names_the_flag_that_gives_what_is_refused),
                                     cmocka_unit_test(uses_files_below_an_allowed_path_only),
                                     cmocka_unit_test(reads_allowed_variables_and_runs_programs_when_told),
                                     cmocka_unit_test(keeps_expectations_for_the_command),
                                     cmocka_unit_test(offers_what_a_script_knows_of_its_process),
                                     cmocka_unit_test(logs_a_line_with_fields)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
