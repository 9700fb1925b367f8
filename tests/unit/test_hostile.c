/* Scripts that try to get out, or to pull others down with them. The files of tests/hostile hold them, many in one:
 *
 *   --# name | option | option …
 *   Lua code, up to the next such line
 *
 * Each runs in a host of its own with all modules, beside a script with a secret, which must find itself unharmed
 * afterwards. The secrets (of the other script, of the key's file, of the environment) must not be in what it prints
 * or logs, all its memory must come back, and its outcome must be as expected: it ends well (it checks by itself that
 * it got nothing), or, with the option
 *
 *   fails: TEXT   it fails, and its error holds TEXT (none: any error)
 *   syntax: TEXT  it does not compile, and the error holds TEXT
 *
 * Other options: `mem: MB` [32], `cpu: MS` [30000], `allow: fs|ro|folder|run|env|all` (files below data/, only to read,
 * all of the folder with the key in it; programs; variables).
 *
 * A script has the functions denied(text, fn, …): fn raises an error that holds the text (or returns nil and it); and
 * home, the folder. */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>

#include "auth/key.h"
#include "counts.h"
#include "net/http.h"
#include "script_world.h"

#define SECRET "PEM-7c2a90"
#define CANARY "CANARY-5e1f44"

static uv_loop_t loop;
static kl_session *session;
static kl_http *http;
static kl_environment environment;
static char folder[64], key_path[96], data_path[96], read_only[100], log_path[96], secret_folder[112];
static char running[160]; /* file and case, for when nothing else can be said */
static kl_buf out, canary_out;
static size_t failed_scripts, n_cases;

/* ---- the surroundings ---- */

static void write_file(const char *name, const char *text) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void link_to(const char *target, const char *name) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  unlink(path);
  assert_int_equal(symlink(target, path), 0);
}

/* Some scripts write; each finds the same. */
static void fill_folder(void) {
  char path[160], other[160];
  write_file("data/plain.txt", "plain\n");
  write_file("data/module.lua", "return { 'of data' }");
  write_file("outside.txt", "outside " SECRET "\n");
  write_file("self.lua", "return require 'self'");
  write_file("raises.lua", "error({ kind = 'mine' })");
  write_file("nothing.lua", "");
  write_file("no.lua", "return false");
  write_file("binary.lua", "\x1bLua");
  write_file("waits.lua", "require 'task'.sleep(0.001) return { 'waited' }");
  write_file("replaces.lua", "string.format = nil return {}");
  link_to(key_path, "link_to_key.lua");
  link_to("stores/kept/other.db", "link_to_store.lua");
  link_to("/etc/passwd", "link_to_passwd.lua");
  link_to(key_path, "data/link_to_key");
  link_to("../outside.txt", "data/link_out");
  link_to("/", "data/root");
  link_to("nowhere", "data/dangling");
  link_to("loop", "data/loop");
  snprintf(path, sizeof path, "%s/data/pipe", folder);
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  snprintf(other, sizeof other, "%s/data/hard_link_to_key", folder);
  unlink(other);
  assert_int_equal(link(key_path, other), 0);
}

static void hang(int signal) {
  (void)signal;
  static const char text[] = "\nthis hostile script hangs: ";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0 || write(STDERR_FILENO, running, strlen(running)) < 0) _exit(3);
  _exit(2);
}

static void set_up(void) {
  kl_error e;
  kl_key *key = NULL;
  char path[160];
  snprintf(folder, sizeof folder, "/tmp/kalua-hostile-XXXXXX");
  assert_non_null(mkdtemp(folder));
  snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
  snprintf(data_path, sizeof data_path, "%s/data", folder);
  snprintf(read_only, sizeof read_only, "%s:ro", data_path);
  snprintf(log_path, sizeof log_path, "%s/log", folder);
  mkdir(data_path, 0700);
  snprintf(secret_folder, sizeof secret_folder, "%s/stores/kept", folder);
  snprintf(path, sizeof path, "%s/data/sub", folder);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/stores", folder);
  mkdir(path, 0700);
  mkdir(secret_folder, 0700);
  write_file("stores/kept/other.db", SECRET "\n");
  write_file("key.pem", "-----BEGIN PRIVATE KEY-----\n" SECRET "\n-----END PRIVATE KEY-----\n");
  setenv("KALSHI_PRIVATE_KEY", SECRET, 1);
  setenv("KALSHI_PRIVATE_KEY_PATH", key_path, 1);
  setenv("KALUA_TEST_ALLOWED", "a variable", 1);
  setenv("KALUA_TEST_OTHER", SECRET, 1);
  assert_true(kl_log_open(KL_LOG_DEBUG, false, log_path));
  signal(SIGALRM, hang);
  signal(SIGPIPE, SIG_IGN);
  uv_loop_init(&loop);
  assert_true(kl_key_generate(0, &key, &e));
  session = kl_session_new(&loop,
                           &(kl_session_options){.env = "sim",
                                                 .rest_url = "http://127.0.0.1:9/trade-api/v2",
                                                 .ws_url = "ws://127.0.0.1:9/trade-api/ws/v2",
                                                 .key_id = "0f1e2d3c",
                                                 .key = key,
                                                 .clock = kl_clock_real(),
                                                 .user_agent = "test"},
                           &e);
  kl_key_release(key);
  if (!session) fail_msg("%s", e.message);
  http = kl_http_new(&loop, &(kl_http_options){.user_agent = "test"}, &e);
  assert_non_null(http);
  environment = (kl_environment){.place = {.session = session, .env = "sim"},
                                 .http = http,
                                 .version = "1.2.3",
                                 .expectations = kl_expectations_new()};
}

static void tear_down(void) {
  kl_session_close(session, NULL, NULL);
  kl_http_close(http, NULL, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  kl_expectations_free(environment.expectations);
  kl_buf_free(&out);
  kl_buf_free(&canary_out);
  kl_log_close();
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

/* ---- one case ---- */

typedef struct {
  char name[80];
  char fails[200], syntax[200], allow[16];
  size_t memory_mb;
  int cpu_ms, line;
  bool must_fail;
} options;

static void ended(void *data, kl_script *s, bool failed) {
  (void)data;
  (void)s;
  failed_scripts += failed;
}

static void print(void *data, kl_script *s, const char *text, size_t n) {
  (void)data;
  kl_buf *b = strcmp(kl_script_name(s), "canary") == 0 ? &canary_out : &out;
  if (b->len < 1 << 20) kl_buf_add(b, text, n);
  kl_buf_char(b, '\n');
}

/* What the other script has, and looks at again when it is told to stop. */
static const char canary_source[] =
    "local task, kalua, kalshi, json = require 'task', require 'kalua', require 'kalshi', require 'json'\n"
    "local secret = '" CANARY "' SECRET = secret kalua.state.secret = secret\n"
    "local function look()\n"
    "  local seen, parts = {}, {}\n"
    "  local function walk(t, path)\n"
    "    if seen[t] then return end seen[t] = true\n"
    "    for k, v in next, t do\n"
    "      parts[#parts + 1] = path .. tostring(k) .. '=' .. tostring(v)\n"
    "      if type(v) == 'table' then walk(v, path .. tostring(k) .. '.') end\n"
    "    end\n"
    "  end\n"
    "  walk(_G, '') walk(kalshi, 'kalshi.') walk(task, 'task.') walk(kalua, 'kalua.')\n"
    "  table.sort(parts) return table.concat(parts, ' ')\n"
    "end\n"
    "local before = look()\n"
    "kalua.on_stop(function()\n"
    "  local n = 0 for i = 1, 100 do n = n + i end\n"
    "  local well = look() == before and n == 5050 and ('x'):rep(3) == 'xxx' and SECRET == secret\n"
    "    and getmetatable('') == false and json.decode '[1]'[1] == 1 and not pcall(error)\n"
    "  print(well and 'well' or 'harmed')\n"
    "end)\n"
    "task.sleep(3600)\n";

static const char prelude[] =
    "function denied(text, fn, ...) local ok, err, why = pcall(fn, ...)"
    " local said = ok and why or not ok and (type(err) == 'table' and tostring(err) or err)"
    " if (ok and err) or type(said) ~= 'string' or not said:find(text, 1, true) then"
    " error('not denied with \"' .. text .. '\": ' .. tostring(ok) .. ' ' .. tostring(err) .. ' ' .. tostring(why), 2)"
    " end return said end home = require 'kalua'.args[1] ";

static kl_permissions permissions(const options *o) {
  static const char *data_only[2], *read[2], *all_folder[2];
  static const char *const variables[] = {"KALUA_TEST_ALLOWED", "KALSHI_PRIVATE_KEY", NULL};
  data_only[0] = data_path;
  read[0] = read_only;
  all_folder[0] = folder;
  if (!strcmp(o->allow, "all")) return (kl_permissions){.all = true};
  if (!strcmp(o->allow, "run")) return (kl_permissions){.run = true};
  if (!strcmp(o->allow, "fs")) return (kl_permissions){.fs = data_only};
  if (!strcmp(o->allow, "ro")) return (kl_permissions){.fs = read};
  if (!strcmp(o->allow, "folder")) return (kl_permissions){.fs = all_folder};
  if (!strcmp(o->allow, "env")) return (kl_permissions){.env = variables};
  if (o->allow[0]) fail_msg("%s: no such permission: %s", o->name, o->allow);
  return (kl_permissions){0};
}

static size_t log_size(void) {
  struct stat st;
  return stat(log_path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* What was logged from there on. */
static void read_log(size_t from, kl_buf *b) {
  FILE *f = fopen(log_path, "re");
  assert_non_null(f);
  fseek(f, (long)from, SEEK_SET);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    kl_buf_add(b, part, n);
  fclose(f);
}

static bool has(const kl_buf *b, const char *text) {
  return b->data && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

/* Adds what went wrong to `wrong`. */
static void run_case(const char *file, const options *o, const char *code, kl_buf *wrong) {
  static const char *const files[] = {key_path, NULL};
  static const char *const variables[] = {"KALSHI_PRIVATE_KEY", "KALSHI_PRIVATE_KEY_PATH", NULL};
  kl_host_options ho = {.clock = kl_clock_real(),
                        .data = &environment,
                        .modules = kl_modules,
                        .grace_ms = 1000,
                        .script_ended = ended,
                        .print = print,
                        .secret_files = files,
                        .secret_folder = secret_folder,
                        .secret_variables = variables};
  kl_buf source = {0}, log = {0};
  kl_error e = {0};
  kl_script *canary = NULL, *s = NULL;
  snprintf(running, sizeof running, "%s: %s\n", file, o->name);
  if (getenv("HOSTILE_VERBOSE")) fputs(running, stderr);
  alarm(100);
  uint64_t begun = uv_hrtime();
  kl_buf_clear(&out);
  kl_buf_clear(&canary_out);
  if (o->allow[0] || n_cases == 0) fill_folder();
  size_t log_from = log_size();
  failed_scripts = 0;
  kl_host *host = kl_host_new(&loop, &ho);
  assert_non_null(host);
  if (!kl_script_start(host, &(kl_script_options){.source = canary_source, .name = "canary", .env = "sim"}, &canary,
                       &e))
    fail_msg("%s", e.message);
  uv_run(&loop, UV_RUN_NOWAIT);
  kl_buf_str(&source, prelude);
  kl_buf_str(&source, code);
  char script_path[96];
  snprintf(script_path, sizeof script_path, "%s/main.lua", folder);
  write_file("main.lua", source.data);
  char *const args[] = {folder, NULL};
  bool started = kl_script_start(host,
                                 &(kl_script_options){.path = script_path,
                                                      .env = "sim",
                                                      .args = args,
                                                      .memory_cap = o->memory_mb << 20,
                                                      .cpu_ms = o->cpu_ms,
                                                      .allow = permissions(o)},
                                 &s, &e);
  while (started && kl_host_running(host) > 1)
    uv_run(&loop, UV_RUN_ONCE);
  char where[200];
  snprintf(where, sizeof where, "%s:%d: %s", file, o->line, o->name);
  size_t failed = failed_scripts;
  const char *error = started ? kl_script_error(s) : NULL;
  if (o->syntax[0]) {
    if (started || !strstr(e.message, o->syntax))
      kl_buf_printf(wrong, "%s: it compiles, or says \"%s\"\n", where, started ? "" : e.message);
  } else if (!started) {
    kl_buf_printf(wrong, "%s: it does not compile: %s\n", where, e.message);
  } else if (o->must_fail) {
    if (!failed || (o->fails[0] && (!error || !strstr(error, o->fails))))
      kl_buf_printf(wrong, "%s: no failure with \"%s\" but %.400s\n", where, o->fails, error ? error : "none");
  } else if (failed) {
    kl_buf_printf(wrong, "%s: it failed: %.600s\n", where, error ? error : "?");
  }
  kl_script_stats stats;
  if (started) {
    kl_script_stats_get(s, &stats);
    if (stats.memory || stats.tasks) kl_buf_printf(wrong, "%s: %zu bytes are left of it\n", where, stats.memory);
  }
  kl_script_stop(canary, KL_STOP_EXIT, false);
  while (kl_host_running(host) > 0)
    uv_run(&loop, UV_RUN_ONCE);
  read_log(log_from, &log);
  if (!canary_out.data || strcmp(canary_out.data, "well\n") != 0)
    kl_buf_printf(wrong, "%s: the other script is %s%s; the log: %.600s\n", where,
                  canary_out.len ? canary_out.data : "lost", kl_script_error(canary) ? kl_script_error(canary) : "",
                  log.data ? log.data : "empty");
  if (has(&out, SECRET) || has(&log, SECRET) || (error && strstr(error, SECRET)) || strstr(e.message, SECRET))
    kl_buf_printf(wrong, "%s: it has the secret of the key, the environment or a file\n", where);
  if (has(&out, CANARY) || has(&log, CANARY))
    kl_buf_printf(wrong, "%s: it has the secret of the other script\n", where);
  if (has(&log, "\n2026-01-01T00:00:00.000Z error canary"))
    kl_buf_printf(wrong, "%s: it forged a line of the log\n", where);
  if (has(&out, "ESCAPED")) kl_buf_printf(wrong, "%s: it says that it got out: %.300s\n", where, out.data);
  kl_host_close(host);
  kl_stores_close(environment.stores);
  environment.stores = NULL;
  uv_run(&loop, UV_RUN_NOWAIT);
  alarm(0);
  if (getenv("HOSTILE_VERBOSE")) fprintf(stderr, "%6.0f ms\n", (double)(uv_hrtime() - begun) / 1e6);
  kl_buf_free(&source);
  kl_buf_free(&log);
  n_cases++;
}

/* ---- the files ---- */

static void option(options *o, const char *file, char *text) {
  text += strspn(text, " ");
  size_t n = strlen(text);
  while (n > 0 && text[n - 1] == ' ')
    text[--n] = 0;
  if (!strncmp(text, "fails:", 6)) {
    o->must_fail = true;
    snprintf(o->fails, sizeof o->fails, "%s", text + 6 + strspn(text + 6, " "));
  } else if (!strncmp(text, "syntax: ", 8))
    snprintf(o->syntax, sizeof o->syntax, "%s", text + 8);
  else if (!strncmp(text, "allow: ", 7))
    snprintf(o->allow, sizeof o->allow, "%s", text + 7);
  else if (!strncmp(text, "mem: ", 5))
    o->memory_mb = (size_t)strtol(text + 5, NULL, 10);
  else if (!strncmp(text, "cpu: ", 5))
    o->cpu_ms = (int)strtol(text + 5, NULL, 10);
  else
    fail_msg("%s: %s: unknown option \"%s\"", file, o->name, text);
}

static void run_file(void **state) {
  const char *file = *state;
  char path[300];
  snprintf(path, sizeof path, "hostile/%s", file);
  FILE *f = fopen(path, "re");
  if (!f) fail_msg("%s: cannot be read", path);
  kl_buf text = {0}, wrong = {0};
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    kl_buf_add(&text, part, n);
  fclose(f);
  assert_non_null(text.data);
  const char *only = getenv("HOSTILE_ONLY");
  size_t before = n_cases;
  char *at = strncmp(text.data, "--# ", 4) ? strstr(text.data, "\n--# ") : text.data;
  while (at) {
    at += at[0] == '\n';
    options o = {.memory_mb = 32, .cpu_ms = 30000, .line = 1};
    for (const char *p = text.data; p < at; p++)
      o.line += *p == '\n';
    char *code = strchr(at, '\n'), *next = code ? strstr(code, "\n--# ") : NULL;
    assert_non_null(code);
    *code++ = 0;
    if (next) *next = 0;
    char *bar = strstr(at, " | ");
    if (bar) *bar = 0;
    snprintf(o.name, sizeof o.name, "%s", at + 4);
    while (bar) {
      char *words = bar + 3;
      bar = strstr(words, " | ");
      if (bar) *bar = 0;
      option(&o, file, words);
    }
    if (!only || strstr(o.name, only)) run_case(file, &o, code, &wrong);
    at = next;
    if (at) *at = '\n';
  }
  kl_buf_free(&text);
  if (wrong.len) {
    fputs(wrong.data, stderr);
    kl_buf_free(&wrong); /* fail_msg does not return */
    fail_msg("%s", file);
  }
  assert_true(only || n_cases > before);
}

/* ---- what can be reached ---- */

/* Everything: from the globals, from each module, and the methods of each kind of object that a script gets. */
static const char walk_source[] =
    "local names, seen = {}, {}\n"
    "local function walk(v, path)\n"
    "  local kind = type(v)\n"
    "  local mt = getmetatable(v)\n"
    "  if mt ~= nil and kind ~= 'string' then\n"
    "    names[#names + 1] = path .. ' (metatable: ' .. (type(mt) == 'table' and 'open' or tostring(mt)) .. ')'\n"
    "  end\n"
    "  if kind == 'table' then\n"
    "    if seen[v] then return end seen[v] = true\n"
    "    for k, x in next, v do walk(x, path .. '.' .. tostring(k)) end\n"
    "    if type(mt) == 'table' then walk(mt, path .. '<metatable>') end\n"
    "  else names[#names + 1] = path .. ': ' .. kind end\n"
    "end\n"
    "local function methods(v, path, list)\n"
    "  walk(v, path)\n"
    "  for name in list:gmatch '%a+' do names[#names + 1] = path .. ':' .. name .. ': ' .. type(v[name]) end\n"
    "end\n"
    "local g = {} for k, v in next, _G do g[k] = v end g._G, g.denied, g.home = nil, nil, nil\n"
    "walk(g, '_G')\n"
    "for _, name in ipairs{ 'kalshi', 'task', 'kalua', 'json', 'log', 'http', 'ws', 'bus', 'store', 'metrics', 'test', "
    "'request_options' } do\n"
    "  walk((require(name)), name)\n"
    "end\n"
    "local task = require 'task'\n"
    "local t = task.spawn(function() end)\n"
    "methods(t, 'a task', 'await cancel status')\n"
    "methods(task.channel(1), 'a channel', 'send recv close')\n"
    "methods(io.open(home .. '/data/plain.txt'), 'a file', 'close flush lines read seek setvbuf write')\n"
    "methods(io.popen 'true', 'a program', 'close flush lines read seek setvbuf write')\n"
    "methods(require 'bus'.listen 'x', 'a listener', 'messages close')\n"
    "methods(require 'metrics'.counter 'x', 'a counter', 'inc value')\n"
    "methods(require 'metrics'.gauge 'y', 'a gauge', 'inc set value')\n"
    "methods(require 'metrics'.histogram 'z', 'a histogram', 'observe')\n"
    "methods(select(2, pcall(os.exit)), 'an error', '')\n"
    "walk(require 'json'.decode '[]', 'an empty array')\n"
    "walk('', 'a string')\n"
    "table.sort(names)\n"
    "print(table.concat(names, '\\n'))";

static void reaches_exactly_what_is_listed(void **state) {
  (void)state;
  options o = {.name = "walk", .allow = "all", .memory_mb = 32, .cpu_ms = 30000};
  kl_buf wrong = {0}, list = {0};
  run_case("walk", &o, walk_source, &wrong);
  if (wrong.len) fail_msg("%s", wrong.data);
  const char *path = "hostile/reachable.txt";
  bool write_it = getenv("REACHABLE_WRITE") != NULL;
  FILE *f = fopen(path, write_it ? "we" : "re");
  if (!f) fail_msg("%s: cannot be opened", path);
  if (write_it) fwrite(out.data, 1, out.len, f);
  char part[4096];
  for (size_t n; !write_it && (n = fread(part, 1, sizeof part, f)) > 0;)
    kl_buf_add(&list, part, n);
  fclose(f);
  if (!write_it && (!list.data || strcmp(list.data, out.data) != 0)) {
    for (char *line = out.data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
      *end = 0;
      char wanted[300];
      snprintf(wanted, sizeof wanted, "%s\n", line);
      if (!list.data || !strstr(list.data, wanted)) fprintf(stderr, "not listed: %s\n", line);
    }
    kl_buf_free(&list);
    fail_msg("what a script can reach is not what %s lists: look at each name that is new, then write the list anew "
             "with REACHABLE_WRITE=1 (git diff shows what went)",
             path);
  }
  kl_buf_free(&list);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(void) {
  char *names[64];
  size_t n = 0;
  DIR *d = opendir("hostile");
  if (!d) {
    fputs("run it in tests/\n", stderr);
    return 1;
  }
  for (const struct dirent *x; (x = readdir(d)) && n < 64;)
    if (strstr(x->d_name, ".lua")) names[n++] = strdup(x->d_name);
  closedir(d);
  qsort(names, n, sizeof *names, by_name);
  set_up();
  struct CMUnitTest tests[65] = {cmocka_unit_test(reaches_exactly_what_is_listed)};
  for (size_t i = 0; i < n; i++)
    tests[i + 1] = (struct CMUnitTest){.name = names[i], .test_func = run_file, .initial_state = names[i]};
  const struct CMUnitTest *all = tests;
  int failures = _cmocka_run_group_tests("hostile scripts", all, n + 1, NULL, NULL);
  tear_down();
  count_line("hostile scripts: %zu in %zu files, each stopped beside another script that did not notice", n_cases, n);
  for (size_t i = 0; i < n; i++)
    free(names[i]);
  return failures;
}
