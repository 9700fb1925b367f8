/* The file of the scripts' states: what was put is there after the end, also after kill -9 and on a full disk; what is
 * no such file is refused and left as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "script/state_file.h"

typedef struct {
  uv_loop_t loop;
  char folder[64], path[96];
  kl_state_file *f;
} fixture;

static void begin(fixture *t) {
  snprintf(t->folder, sizeof t->folder, "/tmp/kalua-state-XXXXXX");
  assert_non_null(mkdtemp(t->folder));
  snprintf(t->path, sizeof t->path, "%s/state", t->folder);
  char log[96];
  snprintf(log, sizeof log, "%s/log", t->folder);
  assert_true(kl_log_open(KL_LOG_INFO, false, log));
  assert_int_equal(uv_loop_init(&t->loop), 0);
  t->f = NULL;
}

static void reopen(fixture *t) {
  kl_error e = {0};
  if (!kl_state_file_close(t->f, &e) || !kl_state_file_open(&t->loop, t->path, &t->f, &e)) fail_msg("%s", e.message);
}

static void end(fixture *t) {
  kl_error e = {0};
  if (!kl_state_file_close(t->f, &e)) fail_msg("%s", e.message);
  t->f = NULL;
  uv_run(&t->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&t->loop), 0);
  kl_log_close();
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", t->folder);
  assert_int_equal(system(command), 0);
}

static void put(kl_state_file *f, const char *name, const void *p, size_t n, int generation) {
  kl_buf b = {0};
  kl_error e = {0};
  kl_buf_add(&b, p, n);
  if (!kl_state_file_put(f, name, &(kl_saved_state){.generation = generation, .schema = 3, .hash = "00c0ffee00c0ffee"},
                         1700000000000000, &b, &e))
    fail_msg("%s", e.message);
  assert_null(b.data);
}

static void has(const kl_state_file *f, const char *name, const char *text, int generation) {
  size_t n = 0;
  kl_saved_state about;
  const char *p = kl_state_file_get(f, name, &n, &about);
  assert_non_null(p);
  assert_int_equal(n, strlen(text));
  assert_memory_equal(p, text, n);
  assert_int_equal(about.generation, generation);
  assert_int_equal(about.schema, 3);
  assert_string_equal(about.hash, "00c0ffee00c0ffee");
  assert_true(about.saved_us == 1700000000000000);
}

typedef struct {
  kl_state_waiter waiter;
  bool told;
  kl_error error;
} wait_for;

static void told(kl_state_waiter *w, const kl_error *e) {
  wait_for *x = (wait_for *)w;
  x->told = true;
  if (e) x->error = *e;
}

/* Waits until all is on the disk; the error of that, kind NULL when there is none. */
static kl_error written(fixture *t) {
  wait_for w = {.waiter.done = told};
  if (!kl_state_file_wait(t->f, &w.waiter)) return w.error;
  while (!w.told)
    uv_run(&t->loop, UV_RUN_ONCE);
  return w.error;
}

/* ---- */

static void states_outlive_the_file_being_closed(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  reopen(&t);
  size_t n;
  assert_null(kl_state_file_get(t.f, "maker", &n, NULL));
  put(t.f, "maker", "one", 3, 1);
  put(t.f, "taker", "other", 5, 9);
  has(t.f, "maker", "one", 1);   /* at once */
  for (int i = 0; i < 20; i++) { /* also while a transaction is under way */
    char text[16];
    snprintf(text, sizeof text, "%d", i);
    put(t.f, "maker", text, strlen(text), i);
    uv_run(&t.loop, UV_RUN_NOWAIT);
  }
  reopen(&t);
  has(t.f, "maker", "19", 19);
  has(t.f, "taker", "other", 9);
  assert_null(kl_state_file_get(t.f, "nobody", &n, NULL));
  struct stat info;
  assert_int_equal(stat(t.path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  end(&t);
}

static void who_waits_hears_of_it_once_it_is_on_the_disk(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  reopen(&t);
  assert_null(written(&t).kind); /* nothing to wait for */
  put(t.f, "maker", "one", 3, 1);
  assert_null(written(&t).kind);
  char copy[128], command[300];
  snprintf(copy, sizeof copy, "%s/copy", t.folder);
  snprintf(command, sizeof command, "cp '%s' '%s'", t.path, copy); /* as after a kill: the file alone */
  assert_int_equal(system(command), 0);
  struct stat before, after;
  assert_int_equal(stat(t.path, &before), 0);
  put(t.f, "maker", "one", 3, 1); /* the same again is not written again */
  assert_null(written(&t).kind);
  assert_int_equal(stat(t.path, &after), 0);
  assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
  put(t.f, "maker", "two", 3, 1);
  wait_for left = {.waiter.done = told};
  assert_true(kl_state_file_wait(t.f, &left.waiter));
  kl_state_file_leave(&left.waiter);
  snprintf(t.path, sizeof t.path, "%s/copy", t.folder);
  reopen(&t);
  assert_false(left.told);
  has(t.f, "maker", "one", 1);
  end(&t);
}

static void refused(fixture *t, const char *part) {
  kl_error e = {0};
  kl_state_file *f = NULL;
  assert_false(kl_state_file_open(&t->loop, t->path, &f, &e));
  assert_null(f);
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  if (!strstr(e.message, part)) fail_msg("\"%s\" is not in: %s", part, e.message);
}

static void with_bytes(const char *path, const void *p, size_t n) {
  FILE *f = fopen(path, "wbe");
  assert_non_null(f);
  assert_int_equal(fwrite(p, 1, n, f), n);
  fclose(f);
}

static void a_file_of_something_else_is_refused_and_left_alone(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  with_bytes(t.path, "my only copy of a novel", 23);
  refused(&t, "is not a state file of Kalua");
  struct stat info;
  assert_int_equal(stat(t.path, &info), 0);
  assert_int_equal(info.st_size, 23);
  static const struct {
    int application, version;
    const char *part;
  } cases[] = {{0x4b414c53, 1, "is the state file of a simulator"},
               {7, 1, "is not a state file of Kalua"},
               {0x4b414c54, 2, "use the newer Kalua"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unlink(t.path);
    sqlite3 *db;
    char sql[128];
    assert_int_equal(sqlite3_open(t.path, &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; CREATE TABLE t(a)",
             cases[i].application, cases[i].version);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    refused(&t, cases[i].part);
  }
  char plain[96];
  snprintf(plain, sizeof plain, "%s", t.path);
  snprintf(t.path, sizeof t.path, "%s", t.folder);
  refused(&t, "cannot be opened for writing");
  snprintf(t.path, sizeof t.path, "%s/no/such", t.folder);
  refused(&t, "No such file or directory");
  t.path[0] = 0;
  refused(&t, "needs a name");
  snprintf(t.path, sizeof t.path, "%s", plain);
  end(&t);
}

/* Wherever a byte is changed: the file is refused as damaged, or what it gives is what was put. */
static void damage_is_noticed(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  reopen(&t);
  char big[9000];
  for (size_t i = 0; i < sizeof big; i++)
    big[i] = (char)(i * 7 + i / 256);
  put(t.f, "maker", big, sizeof big, 5);
  kl_error e = {0};
  assert_true(kl_state_file_close(t.f, &e));
  t.f = NULL;
  FILE *f = fopen(t.path, "rbe");
  assert_non_null(f);
  char file[65536];
  size_t n = fread(file, 1, sizeof file, f), caught = 0;
  fclose(f);
  assert_true(n > sizeof big && n < sizeof file);
  for (size_t at = 0; at < n; at += 61) {
    file[at] ^= 0x55;
    with_bytes(t.path, file, n);
    file[at] ^= 0x55;
    if (!kl_state_file_open(&t.loop, t.path, &t.f, &e)) {
      assert_string_equal(e.kind, KL_ERR_CONFIG);
      caught++;
      continue;
    }
    size_t k = 0;
    kl_saved_state about;
    const void *p = kl_state_file_get(t.f, "maker", &k, &about);
    if (p) {
      assert_int_equal(k, sizeof big);
      assert_memory_equal(p, big, k);
      assert_int_equal(about.generation, 5);
    }
    assert_true(kl_state_file_close(t.f, &e));
    t.f = NULL;
  }
  assert_true(caught >= sizeof big / 61); /* the rest of the pages is empty */
  with_bytes(t.path, file, n / 2);
  refused(&t, "damaged");
  unlink(t.path);
  end(&t);
}

/* ---- other processes ---- */

static void wait_for_end(pid_t pid, int expected) {
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), expected);
}

/* Forks; the child runs fn on a loop of its own and ends with what it returns. */
static pid_t child(fixture *t, int (*fn)(fixture *t, int to), int to) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) return pid;
  fixture own = *t;
  own.f = NULL;
  if (uv_loop_init(&own.loop) != 0) _exit(99);
  _exit(fn(&own, to));
}

static int opens(fixture *t, int to) {
  kl_error e = {0};
  (void)to;
  if (kl_state_file_open(&t->loop, t->path, &t->f, &e)) return 0;
  return e.kind && !strcmp(e.kind, KL_ERR_CONFIG) && strstr(e.message, "another process uses it") ? 3 : 98;
}

static void a_second_process_is_refused(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  reopen(&t);
  wait_for_end(child(&t, opens, -1), 3);
  put(t.f, "maker", "one", 3, 1);
  assert_null(written(&t).kind);
  wait_for_end(child(&t, opens, -1), 3);
  reopen(&t);
  has(t.f, "maker", "one", 1);
  end(&t);
}

/* Puts states that grow and shrink, and tells the numbers of those that are on the disk. */
static int writes_on(fixture *t, int to) {
  kl_error e = {0};
  if (!kl_state_file_open(&t->loop, t->path, &t->f, &e)) return 97;
  size_t k;
  kl_saved_state about = {0};
  (void)kl_state_file_get(t->f, "maker", &k, &about);
  for (int i = about.generation + 1;; i++) {
    kl_buf b = {0};
    for (int j = 0; j < 200 + i % 7 * 2000; j++)
      kl_buf_add(&b, &i, sizeof i);
    if (!kl_state_file_put(t->f, "maker", &(kl_saved_state){.generation = i, .schema = 3, .hash = "00c0ffee00c0ffee"},
                           1, &b, &e))
      return 96;
    if (i % 3 == 0) continue; /* several to a transaction */
    if (written(t).kind) return 95;
    if (write(to, &i, sizeof i) != sizeof i) return 94;
  }
}

static void a_kill_at_any_moment_leaves_the_last_state(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  int last = 0;
  for (int round = 0; round < 20; round++) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = child(&t, writes_on, ends[1]);
    close(ends[1]);
    /* After a few acknowledged states, and a time that differs. */
    for (int i = 0; i < 1 + round % 3; i++)
      assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
    usleep((useconds_t)(round * 731 % 9000));
    kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &last, sizeof last) == sizeof last)
      continue;
    close(ends[0]);
    reopen(&t);
    size_t n = 0;
    kl_saved_state about;
    const char *p = kl_state_file_get(t.f, "maker", &n, &about);
    assert_non_null(p);
    assert_true(about.generation >= last);
    last = about.generation;
    assert_int_equal(n, (size_t)(200 + last % 7 * 2000) * sizeof last);
    for (size_t i = 0; i < n; i += sizeof last)
      assert_memory_equal(p + i, &last, sizeof last);
    kl_error e = {0};
    assert_true(kl_state_file_close(t.f, &e));
    t.f = NULL;
  }
  end(&t);
}

/* A kill while the file is made can leave a database without anything in it, not even whose it is. */
static void one_that_was_begun_is_made(void **state) {
  (void)state;
  fixture t;
  sqlite3 *db;
  begin(&t);
  assert_int_equal(sqlite3_open(t.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  struct stat info;
  assert_int_equal(stat(t.path, &info), 0);
  assert_true(info.st_size > 0);
  reopen(&t);
  put(t.f, "maker", "x", 1, 1);
  reopen(&t);
  has(t.f, "maker", "x", 1);
  end(&t);
}

/* A limit of the size of files fails as a full disk does. */
static int fills_up(fixture *t, int to) {
  (void)to;
  signal(SIGXFSZ, SIG_IGN);
  kl_error e = {0};
  if (!kl_state_file_open(&t->loop, t->path, &t->f, &e)) return 90;
  put(t->f, "maker", "one", 3, 1);
  if (written(t).kind) return 91;
  struct rlimit old, low = {20000, RLIM_INFINITY};
  getrlimit(RLIMIT_FSIZE, &old);
  low.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &low);
  static char big[100000];
  put(t->f, "maker", big, sizeof big, 2);
  kl_error why = written(t);
  if (!why.kind || strcmp(why.kind, KL_ERR_CONFIG) != 0 || !strstr(why.message, "state file")) return 92;
  why = written(t); /* tried again, with the same end */
  if (!why.kind) return 93;
  kl_state_file *f = t->f;
  size_t n;
  if (!kl_state_file_get(f, "maker", &n, NULL) || n != sizeof big) return 94;
  setrlimit(RLIMIT_FSIZE, &old);
  if (written(t).kind) return 95; /* there is room again */
  setrlimit(RLIMIT_FSIZE, &low);
  big[0] = 1;
  put(t->f, "maker", big, sizeof big, 3);
  put(t->f, "maker", big, sizeof big - 1, 4);
  if (kl_state_file_close(f, &e) || !e.kind) return 96; /* the end says so, too */
  return 0;
}

static void a_full_disk_is_an_error_and_what_was_there_stays(void **state) {
  (void)state;
  fixture t;
  begin(&t);
  wait_for_end(child(&t, fills_up, -1), 0);
  reopen(&t);
  size_t n = 0;
  kl_saved_state about;
  assert_non_null(kl_state_file_get(t.f, "maker", &n, &about));
  assert_int_equal(about.generation, 2);
  assert_int_equal(n, 100000);
  end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(states_outlive_the_file_being_closed),
      cmocka_unit_test(who_waits_hears_of_it_once_it_is_on_the_disk),
      cmocka_unit_test(a_file_of_something_else_is_refused_and_left_alone),
      cmocka_unit_test(damage_is_noticed),
      cmocka_unit_test(a_second_process_is_refused),
      cmocka_unit_test(a_kill_at_any_moment_leaves_the_last_state),
      cmocka_unit_test(one_that_was_begun_is_made),
      cmocka_unit_test(a_full_disk_is_an_error_and_what_was_there_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
