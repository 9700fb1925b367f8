/* Stores by themselves: what is on the disk when a write is answered, two of them over one file, files that are not
 * stores, a disk that takes no more, layers. And scripts over a reload and as a shadow. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "script_world.h"

#include "script/strategy.h"

static char folder[64], file[200];

typedef struct {
  uv_loop_t loop;
  kl_stores *all;
} bed;

static void open_bed(bed *b) {
  assert_int_equal(uv_loop_init(&b->loop), 0);
  b->all = kl_stores_new(&b->loop, "sim");
  assert_non_null(b->all);
}

static void close_bed(bed *b) {
  kl_stores_close(b->all);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

static void remove_all(void) {
  char command[96];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

static int fresh(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/kalua-store-%d", (int)getpid());
  remove_all();
  assert_int_equal(mkdir(folder, 0700), 0);
  setenv("XDG_STATE_HOME", folder, 1);
  snprintf(file, sizeof file, "%s/kalua/store/sim/one.db", folder);
  return 0;
}

static int gone(void **state) {
  (void)state;
  remove_all();
  return 0;
}

/* ---- one call after the other ---- */

static kl_store *take(bed *b, const char *name, uint64_t layer) {
  kl_error e;
  kl_store *s = kl_stores_take(b->all, name, false, layer, &e);
  if (!s) fail_msg("%s", e.message);
  return s;
}

static void done(kl_store_call *c) { *(bool *)c->data = true; }

/* Runs it to its end; the call is the caller's again. */
static void run(bed *b, kl_store *s, kl_store_call *c) {
  bool over = false;
  kl_error e;
  c->done = done;
  c->data = &over;
  c->most = c->most ? c->most : 64 << 20;
  if (!kl_store_submit(s, c, &e)) fail_msg("%s", e.message);
  while (!over)
    uv_run(&b->loop, UV_RUN_ONCE);
}

static kl_store_call *call(kl_store_verb verb, const char *key, kl_store_op **op) {
  kl_store_call *c = kl_store_call_new();
  assert_non_null(c);
  *op = kl_store_call_add(c, verb, key, strlen(key));
  assert_non_null(*op);
  return c;
}

/* "" or the code of what was raised. */
static const char *set(bed *b, kl_store *s, const char *key, int64_t n) {
  static char code[64];
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_SET, key, &op);
  op->value = (kl_store_value){.kind = KL_STORE_INTEGER, .integer = n};
  run(b, s, c);
  snprintf(code, sizeof code, "%s", c->error.kind ? c->error.code : "");
  kl_store_call_free(c);
  return code;
}

static int64_t get(bed *b, kl_store *s, const char *key) {
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_GET, key, &op);
  run(b, s, c);
  if (c->error.kind) fail_msg("%s", c->error.message);
  int64_t n = c->n_rows ? c->rows[0].value.integer : -1;
  kl_store_call_free(c);
  return n;
}

/* What a read raises. */
static const char *refused(bed *b, kl_store *s, const char *part) {
  static char code[64];
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_GET, "k", &op);
  run(b, s, c);
  snprintf(code, sizeof code, "%s", c->error.code);
  assert_contains(c->error.message, part);
  kl_store_call_free(c);
  return code;
}

static const char *set_bytes(bed *b, kl_store *s, const char *key, size_t n, size_t most) {
  static char code[64];
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_SET, key, &op);
  char *bytes = calloc(1, n);
  assert_non_null(bytes);
  op->value = (kl_store_value){.kind = KL_STORE_IMAGE, .n = n};
  assert_true(kl_store_call_bytes(c, bytes, n, &op->value.at));
  free(bytes);
  c->most = most;
  run(b, s, c);
  snprintf(code, sizeof code, "%s", c->error.kind ? c->error.code : "");
  kl_store_call_free(c);
  return code;
}

/* ---- */

static void a_write_is_answered_once_it_is_in_the_file(void **state) {
  (void)state;
  bed b, other;
  open_bed(&b);
  open_bed(&other); /* as another process: it has a connection of its own */
  kl_store *s = take(&b, "one", 0), *t = take(&other, "one", 0);
  struct stat info;
  assert_int_equal(get(&b, s, "k"), -1);
  assert_int_equal(stat(file, &info), -1); /* reading makes no file */
  for (int i = 0; i < 20; i++) {
    assert_string_equal(set(&b, s, "k", i), "");
    assert_int_equal(get(&other, t, "k"), i);
    assert_string_equal(set(&other, t, "l", i), "");
    assert_int_equal(get(&b, s, "l"), i);
  }
  assert_int_equal(stat(file, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  close_bed(&b);
  assert_string_equal(set(&other, t, "k", 99), "");
  close_bed(&other);
  open_bed(&b);
  assert_int_equal(get(&b, take(&b, "one", 0), "k"), 99);
  close_bed(&b);
}

static void what_waits_at_the_end_is_written(void **state) {
  (void)state;
  enum { CALLS = 3000 };
  static bool over[CALLS];
  bed b;
  kl_error e;
  char key[16];
  kl_store_call *calls[CALLS];
  open_bed(&b);
  kl_store *s = take(&b, "one", 0);
  for (int i = 0; i < CALLS; i++) {
    kl_store_op *op;
    snprintf(key, sizeof key, "%d", i);
    calls[i] = call(KL_STORE_SET, key, &op);
    op->value = (kl_store_value){.kind = KL_STORE_INTEGER, .integer = i};
    calls[i]->done = done;
    calls[i]->data = &over[i];
    calls[i]->most = 64 << 20;
    assert_true(kl_store_submit(s, calls[i], &e));
  }
  assert_int_equal(kl_stores_pending(b.all), CALLS);
  close_bed(&b);
  for (int i = 0; i < CALLS; i++) {
    assert_true(over[i]);
    assert_null(calls[i]->error.kind);
    kl_store_call_free(calls[i]);
  }
  open_bed(&b);
  s = take(&b, "one", 0);
  assert_int_equal(get(&b, s, "0"), 0);
  assert_int_equal(get(&b, s, "2999"), 2999);
  close_bed(&b);
}

static void write_file(const char *text, size_t n) {
  FILE *f = fopen(file, "we");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, n, f), n);
  fclose(f);
}

static void sql(const char *text) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s: %s", text, sqlite3_errmsg(db));
  sqlite3_close(db);
}

static void files_that_are_no_stores_are_left_as_they_are(void **state) {
  (void)state;
  bed b;
  char text[64], aside[220];
  open_bed(&b);
  assert_string_equal(set(&b, take(&b, "one", 0), "k", 1), "");
  close_bed(&b);

  sql("PRAGMA user_version = 2");
  open_bed(&b);
  assert_string_equal(refused(&b, take(&b, "one", 0), "use the newer Kalua"), "store_newer");
  close_bed(&b);
  sql("PRAGMA user_version = 1; UPDATE entries SET number = 2");
  open_bed(&b);
  kl_store *s = take(&b, "one", 0);
  assert_string_equal(refused(&b, s, "checksum"), "store_damaged");
  assert_string_equal(set(&b, s, "k", 3), ""); /* a value that is damaged can be replaced */
  assert_int_equal(get(&b, s, "k"), 3);
  close_bed(&b);
  sql("INSERT INTO entries VALUES (1, x'6c', 9223372036854775807, 2, 1, NULL, 1)");
  open_bed(&b);
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_APPEND, "l", &op);
  op->value = (kl_store_value){.kind = KL_STORE_INTEGER, .integer = 1};
  run(&b, take(&b, "one", 0), c);
  assert_string_equal(c->error.code, "store_damaged");
  kl_store_call_free(c);
  close_bed(&b);
  sql("CREATE TABLE more (x)");
  open_bed(&b);
  assert_string_equal(refused(&b, take(&b, "one", 0), "its table is not as"), "store_damaged");
  close_bed(&b);

  write_file("these are my notes", 18);
  open_bed(&b);
  s = take(&b, "one", 0);
  assert_string_equal(refused(&b, s, "move it away"), "store_foreign");
  assert_string_equal(set(&b, s, "k", 1), "store_foreign");
  FILE *f = fopen(file, "re");
  assert_non_null(f);
  assert_int_equal(fread(text, 1, sizeof text, f), 18);
  fclose(f);
  snprintf(aside, sizeof aside, "%s.old", file); /* as the message says: no restart is needed */
  assert_int_equal(rename(file, aside), 0);
  assert_string_equal(set(&b, s, "k", 5), "");
  assert_int_equal(get(&b, s, "k"), 5);
  /* And while it is open: nobody would find what is written there. */
  assert_int_equal(rename(file, aside), 0);
  assert_int_equal(get(&b, s, "k"), -1);
  assert_string_equal(set(&b, s, "k", 6), "");
  close_bed(&b);
  open_bed(&b);
  assert_int_equal(get(&b, take(&b, "one", 0), "k"), 6);
  close_bed(&b);
}

static void a_file_cut_in_two_is_damaged(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  assert_string_equal(set_bytes(&b, take(&b, "one", 0), "k", 200000, 64 << 20), "");
  close_bed(&b);
  assert_int_equal(truncate(file, 50000), 0);
  open_bed(&b);
  kl_store *s = take(&b, "one", 0);
  assert_string_equal(set(&b, s, "l", 1), "store_damaged");
  struct stat info;
  assert_int_equal(stat(file, &info), 0);
  assert_int_equal(info.st_size, 50000);
  close_bed(&b);
}

static void a_disk_that_takes_no_more_loses_nothing(void **state) {
  (void)state;
  bed b;
  struct rlimit before, small;
  open_bed(&b);
  kl_store *s = take(&b, "one", 0);
  assert_string_equal(set(&b, s, "k", 1), "");
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 300000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_string_equal(set_bytes(&b, s, "large", 1000000, 64 << 20), "store_unusable");
  assert_int_equal(get(&b, s, "k"), 1);
  assert_string_equal(set(&b, s, "k", 2), ""); /* what fits is written */
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_string_equal(set_bytes(&b, s, "large", 1000000, 64 << 20), "");
  assert_int_equal(get(&b, s, "k"), 2);
  close_bed(&b);
}

static void a_store_has_the_size_that_it_may_have(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  kl_store *s = take(&b, "one", 0);
  for (int i = 0; i < 3; i++) {
    char key[8];
    snprintf(key, sizeof key, "%d", i);
    assert_string_equal(set_bytes(&b, s, key, 300000, 1 << 20), "");
  }
  assert_string_equal(set_bytes(&b, s, "more", 300000, 1 << 20), "store_full");
  assert_string_equal(set_bytes(&b, s, "0", 300000, 1 << 20), "");    /* in the place of one */
  assert_string_equal(set_bytes(&b, s, "more", 100, 1 << 20), "");    /* there is room for that */
  assert_string_equal(set_bytes(&b, s, "more", 300000, 2 << 20), ""); /* who may have more */
  assert_string_equal(set_bytes(&b, s, "0", 299000, 1 << 20), "");    /* less than before always goes */
  close_bed(&b);
}

static void another_process_that_holds_it_is_waited_for(void **state) {
  (void)state;
  bed b;
  sqlite3 *db;
  open_bed(&b);
  kl_store *s = take(&b, "one", 0);
  assert_string_equal(set(&b, s, "k", 1), "");
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(get(&b, s, "k"), 1); /* that reads */
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_SET, "k", &op);
  bool over = false;
  kl_error e;
  op->value = (kl_store_value){.kind = KL_STORE_INTEGER, .integer = 2};
  c->done = done;
  c->data = &over;
  c->most = 1 << 20;
  assert_true(kl_store_submit(s, c, &e));
  usleep(100000);
  uv_run(&b.loop, UV_RUN_NOWAIT);
  assert_false(over);
  assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  while (!over)
    uv_run(&b.loop, UV_RUN_ONCE);
  assert_null(c->error.kind);
  kl_store_call_free(c);
  assert_int_equal(get(&b, s, "k"), 2);
  close_bed(&b);
}

static void a_layer_is_seen_by_its_holders_alone_and_thrown_away(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  kl_store *s = take(&b, "one", 0), *shadow = take(&b, "one", 7), *same = take(&b, "one", 7);
  assert_ptr_equal(shadow, same);
  assert_string_equal(set(&b, shadow, "early", 1), ""); /* before there is a file */
  assert_int_equal(access(file, F_OK), -1);
  assert_string_equal(set(&b, s, "k", 1), "");
  assert_string_equal(set(&b, s, "l", 1), "");
  assert_int_equal(get(&b, shadow, "early"), 1);
  assert_int_equal(get(&b, shadow, "k"), 1); /* it shines through */
  assert_string_equal(set(&b, shadow, "k", 2), "");
  assert_string_equal(set(&b, s, "l", 5), "");
  assert_int_equal(get(&b, shadow, "k"), 2);
  assert_int_equal(get(&b, shadow, "l"), 5);
  assert_int_equal(get(&b, s, "k"), 1);
  assert_int_equal(get(&b, s, "early"), -1);
  kl_store_op *op;
  kl_store_call *c = call(KL_STORE_DELETE, "l", &op);
  run(&b, shadow, c);
  assert_int_equal(c->rows[0].value.integer, 1);
  kl_store_call_free(c);
  c = call(KL_STORE_KEYS, "", &op);
  op->n = 100;
  run(&b, shadow, c);
  assert_int_equal(c->n_rows, 2);
  assert_memory_equal(c->out.data, "earlyk", 6);
  kl_store_call_free(c);
  assert_int_equal(get(&b, s, "l"), 5);
  for (int i = 1; i <= 2; i++) {
    c = call(KL_STORE_APPEND, "list", &op);
    op->value = (kl_store_value){.kind = KL_STORE_INTEGER, .integer = i};
    run(&b, i == 1 ? s : shadow, c);
    assert_int_equal(c->rows[0].value.integer, i); /* behind that of the other one */
    kl_store_call_free(c);
  }
  c = call(KL_STORE_LAST, "list", &op);
  op->n = 10;
  run(&b, s, c);
  assert_int_equal(c->n_rows, 1);
  kl_store_call_free(c);
  kl_store_release(shadow);
  kl_store_release(same);
  shadow = take(&b, "one", 7);
  assert_int_equal(get(&b, shadow, "k"), 1);
  close_bed(&b);
}

/* ---- scripts ---- */

typedef struct {
  world w;
  kl_strategy *g;
  char path[96], outcome[1024];
} reload_bed;

static void write_script(const reload_bed *b, const char *text) {
  FILE *f = fopen(b->path, "we");
  assert_non_null(f);
  fprintf(f, "local store, task, kalua = require 'store', require 'task', require 'kalua' %s task.sleep(100)", text);
  fclose(f);
}

static void reloaded(void *data, kl_strategy *g, const kl_error *e) {
  reload_bed *b = data;
  (void)g;
  snprintf(b->outcome, sizeof b->outcome, "%s", e ? e->message : "ok");
}

static const char *reload(reload_bed *b, const char *text) {
  kl_error e = {0};
  write_script(b, text);
  b->outcome[0] = 0;
  if (!kl_strategy_reload(b->g, reloaded, b, &e)) fail_msg("%s", e.message);
  while (!b->outcome[0])
    uv_run(&b->w.loop, UV_RUN_ONCE);
  return b->outcome;
}

static void run_until(reload_bed *b, const char *text) {
  for (int i = 0; i < 200000 && !strstr(world_out(&b->w), text); i++)
    uv_run(&b->w.loop, UV_RUN_ONCE);
  assert_contains(world_out(&b->w), text);
}

/* Whether another process may take the whole file for itself. */
static bool another_may_have_it(void) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    int fd = open(file, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool free_of_locks = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
    _exit(free_of_locks);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status) != 0;
}

/* Else another process that is the last to close it would put away what is still being written to. */
static void its_locks_outlive_the_look_at_its_beginning(void **state) {
  (void)state;
  bed b;
  open_bed(&b);
  assert_string_equal(set(&b, take(&b, "one", 0), "k", 1), "");
  assert_false(another_may_have_it());
  close_bed(&b);
  assert_true(another_may_have_it());
  open_bed(&b);
  kl_store *shadow = take(&b, "one", 7);
  assert_int_equal(get(&b, shadow, "k"), 1);
  assert_false(another_may_have_it());
  assert_string_equal(set(&b, take(&b, "one", 0), "k", 2), "");
  assert_false(another_may_have_it());
  kl_store_release(shadow);
  close_bed(&b);
}

static void a_version_that_fails_has_written_nothing(void **state) {
  (void)state;
  reload_bed b = {0};
  kl_error e = {0};
  world_open(&b.w, 200);
  b.w.environment.store = "sim";
  snprintf(b.path, sizeof b.path, "%s/s.lua", folder);
  write_script(&b, "store.set('k', 1) print('first')");
  kl_strategy_options o = {.probation_ms = 1000000,
                           .script = {.path = b.path, .name = "one", .env = "sim", .cpu_ms = 60000}};
  if (!kl_strategy_start(b.w.host, &o, &b.g, &e)) fail_msg("%s", e.message);
  run_until(&b, "first");
  assert_contains(reload(&b, "assert(store.get 'k' == 1) task.spawn(function() store.set('k', 2) end) error 'no'"),
                  "no");
  assert_contains(reload(&b, "assert(store.get 'k' == 1) task.spawn(function() store.set('k', 2) end) "
                             "store.add('sum', store.get('k')) print('held')"),
                  "ok");
  run_until(&b, "held"); /* the write waited for the swap; the version before that failed has written nothing */
  assert_contains(reload(&b, "print('now', store.get 'k', store.get 'sum')"), "ok");
  run_until(&b, "now\t2\t1");
  kl_strategy_options so = o;
  kl_strategy *shadow = NULL;
  so.shadow_of = b.g;
  so.script.name = "one+shadow";
  write_script(&b, "print('shadow', store.get 'k', store.add('sum', 10), store.add('sum', 10))");
  if (!kl_strategy_start(b.w.host, &so, &shadow, &e)) fail_msg("%s", e.message);
  run_until(&b, "shadow\t2\t11\t21");
  kl_strategy_stop(shadow, KL_STOP_EXIT, true);
  assert_contains(reload(&b, "print('after', store.get 'sum')"), "ok");
  run_until(&b, "after\t1");
  kl_strategy_stop(b.g, KL_STOP_EXIT, true);
  world_run(&b.w);
  world_close(&b.w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_write_is_answered_once_it_is_in_the_file, fresh, gone),
      cmocka_unit_test_setup_teardown(what_waits_at_the_end_is_written, fresh, gone),
      cmocka_unit_test_setup_teardown(files_that_are_no_stores_are_left_as_they_are, fresh, gone),
      cmocka_unit_test_setup_teardown(a_file_cut_in_two_is_damaged, fresh, gone),
      cmocka_unit_test_setup_teardown(a_disk_that_takes_no_more_loses_nothing, fresh, gone),
      cmocka_unit_test_setup_teardown(a_store_has_the_size_that_it_may_have, fresh, gone),
      cmocka_unit_test_setup_teardown(another_process_that_holds_it_is_waited_for, fresh, gone),
      cmocka_unit_test_setup_teardown(a_layer_is_seen_by_its_holders_alone_and_thrown_away, fresh, gone),
      cmocka_unit_test_setup_teardown(its_locks_outlive_the_look_at_its_beginning, fresh, gone),
      cmocka_unit_test_setup_teardown(a_version_that_fails_has_written_nothing, fresh, gone)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
