/* The state file as such: what is committed is there again, what is not is not, and a file that cannot be trusted is
 * refused with a reason. */
#include "sim/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/store_file.h"

static char folder[] = "/tmp/kalua-store-XXXXXX", path[128], log_path[160];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(path, sizeof path, "%s/state", folder);
  (void)snprintf(log_path, sizeof log_path, "%s-wal", path);
  return 0;
}

static int remove_file(void **state) {
  (void)state;
  (void)chmod(folder, 0700);
  (void)unlink(path);
  (void)unlink(log_path);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder);
}

static kl_sim_store *opened(void) {
  kl_sim_store *st = NULL;
  kl_error e = {0};
  if (!kl_sim_store_open(path, &st, &e)) print_error("%s\n", e.message);
  assert_non_null(st);
  return st;
}

static void put(kl_sim_store *st, const char *kind, const char *id, const char *json) {
  kl_buf b = {0};
  kl_buf_str(&b, json);
  kl_sim_store_put(st, kind, id, &b);
  kl_buf_free(&b);
}

static void add_id(void *data, const char *id, const json_t *object) {
  char *all = data;
  (void)snprintf(all + strlen(all), 200 - strlen(all), "%s=%lld ", id,
                 json_integer_value(json_object_get(object, "n")));
}

static const char *all_of(kl_sim_store *st, const char *kind) {
  static char text[200];
  text[0] = '\0';
  assert_true(kl_sim_store_each(st, kind, add_id, text));
  return text;
}

static void refused(const char *because) {
  kl_sim_store *st = NULL;
  kl_error e = {0};
  assert_false(kl_sim_store_open(path, &st, &e));
  assert_null(st);
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  if (!strstr(e.message, because)) print_error("%s\n", e.message);
  assert_non_null(strstr(e.message, because));
  assert_non_null(strstr(e.message, path));
}

static void objects_are_kept_in_the_order_of_their_first_put(void **state) {
  (void)state;
  kl_sim_store *st = opened();
  put(st, "group", "b", "{\"n\":1}");
  put(st, "group", "a", "{\"n\":2}");
  put(st, "key", "a", "{\"n\":3}");
  put(st, "group", "c", "{\"n\":4}");
  put(st, "group", "b", "{\"n\":5}");
  kl_sim_store_delete(st, "group", "a");
  assert_true(kl_sim_store_pending(st));
  assert_string_equal(all_of(st, "group"), "b=5 c=4 ");
  assert_true(kl_sim_store_commit(st));
  assert_false(kl_sim_store_pending(st));
  kl_sim_store_close(st);
  st = opened();
  assert_string_equal(all_of(st, "group"), "b=5 c=4 ");
  assert_string_equal(all_of(st, "key"), "a=3 ");
  assert_string_equal(all_of(st, "other"), "");
  kl_sim_store_close(st);
}

static void what_was_not_committed_is_gone(void **state) {
  (void)state;
  kl_sim_store *st = opened();
  put(st, "group", "a", "{\"n\":1}");
  assert_true(kl_sim_store_commit(st));
  put(st, "group", "b", "{\"n\":2}");
  kl_sim_store_close(st);
  st = opened();
  assert_string_equal(all_of(st, "group"), "a=1 ");
  kl_sim_store_close(st);
}

static void what_was_committed_survives_a_kill(void **state) {
  (void)state;
  for (int round = 0; round < 3; round++) {
    pid_t child = fork();
    if (child == 0) {
      kl_sim_store *st = NULL;
      kl_error e;
      char id[8];
      if (!kl_sim_store_open(path, &st, &e)) _exit(1);
      (void)snprintf(id, sizeof id, "r%d", round);
      put(st, "group", id, "{\"n\":7}");
      if (!kl_sim_store_commit(st)) _exit(1);
      put(st, "group", "lost", "{\"n\":8}");
      (void)raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
  }
  kl_sim_store *st = opened();
  assert_string_equal(all_of(st, "group"), "r0=7 r1=7 r2=7 ");
  kl_sim_store_close(st);
}

static void only_the_owner_may_read_it(void **state) {
  struct stat info;
  (void)state;
  FILE *f = fopen(path, "w"); /* an empty file is as good as none */
  assert_non_null(f);
  fclose(f);
  assert_int_equal(chmod(path, 0644), 0);
  kl_sim_store *st = opened();
  put(st, "key", "a", "{\"n\":1}");
  assert_true(kl_sim_store_commit(st));
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  assert_int_equal(stat(log_path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  kl_sim_store_close(st);
}

static void one_at_a_time_has_it(void **state) {
  (void)state;
  kl_sim_store *st = opened();
  refused("in use by another");
  assert_true(kl_sim_store_commit(st));
  put(st, "key", "a", "{\"n\":1}");
  assert_true(kl_sim_store_commit(st));
  refused("in use by another");
  pid_t child = fork();
  if (child == 0) {
    kl_sim_store *other = NULL;
    kl_error e = {0};
    _exit(!kl_sim_store_open(path, &other, &e) && strstr(e.message, "in use by another") ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  kl_sim_store_close(st);
  kl_sim_store_close(opened());
}

static void write_file(const char *text, size_t n) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

static void run_sql(const char *sql) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) print_error("%s\n", sqlite3_errmsg(db));
  assert_int_equal(sqlite3_errcode(db), SQLITE_OK);
  sqlite3_close(db);
}

static void a_foreign_file_is_left_alone(void **state) {
  static const char text[] = "KALSHI_API_KEY_ID=1234\n";
  char read[64] = {0};
  (void)state;
  write_file(text, sizeof text - 1);
  refused("not a state file");
  FILE *f = fopen(path, "r");
  assert_int_equal(fread(read, 1, sizeof read, f), sizeof text - 1);
  assert_string_equal(read, text);
  fclose(f);
  unlink(path);
  run_sql("CREATE TABLE mine(a)"); /* another program's database */
  refused("not a state file");
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  refused("state file");
  assert_int_equal(rmdir(path), 0);
}

static void made(void) {
  kl_sim_store *st = opened();
  for (int i = 0; i < 500; i++) {
    char id[16];
    (void)snprintf(id, sizeof id, "id%d", i);
    put(st, "group", id, "{\"n\":1}");
  }
  assert_true(kl_sim_store_commit(st));
  kl_sim_store_close(st);
}

static void other_versions_are_named(void **state) {
  (void)state;
  made();
  run_sql("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
  refused("newer Kalua");
  run_sql("PRAGMA user_version = 1; DROP TABLE objects; CREATE TABLE objects(number INTEGER PRIMARY KEY)");
  refused("its table \"objects\" is not as");
}

static void an_unwritable_place_is_named(void **state) {
  (void)state;
  if (geteuid() == 0) skip(); /* root may write anywhere */
  made();
  assert_int_equal(chmod(path, 0400), 0);
  refused("cannot be opened for writing");
  assert_int_equal(chmod(path, 0600), 0);
  assert_int_equal(chmod(folder, 0500), 0);
  refused("must be writable");
}

static void an_edited_object_is_found(void **state) {
  (void)state;
  made();
  run_sql("UPDATE objects SET json = '{\"n\":2}' WHERE id = 'id300'");
  kl_sim_store *st = opened();
  char text[200] = "";
  assert_false(kl_sim_store_each(st, "group", add_id, text));
  assert_non_null(strstr(kl_sim_store_error(st)->message, "does not match its checksum"));
  assert_false(kl_sim_store_commit(st));
  kl_sim_store_close(st);
}

static void nothing_is_taken_after_a_failure(void **state) {
  (void)state;
  kl_sim_store *st = opened();
  kl_buf failed = {.failed = true};
  put(st, "group", "a", "{\"n\":1}");
  kl_sim_store_put(st, "group", "b", &failed);
  assert_non_null(kl_sim_store_error(st));
  put(st, "group", "c", "{\"n\":1}");
  assert_false(kl_sim_store_commit(st));
  kl_sim_store_close(st);
  st = opened();
  assert_string_equal(all_of(st, "group"), "");
  kl_sim_store_close(st);
}

static void without_a_file_nothing_is_kept(void **state) {
  (void)state;
  put(NULL, "group", "a", "{}");
  kl_sim_store_delete(NULL, "group", "a");
  assert_true(kl_sim_store_each(NULL, "group", add_id, NULL));
  assert_false(kl_sim_store_pending(NULL));
  assert_true(kl_sim_store_commit(NULL));
  assert_null(kl_sim_store_error(NULL));
  kl_sim_store_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(objects_are_kept_in_the_order_of_their_first_put, remove_file),
      cmocka_unit_test_teardown(what_was_not_committed_is_gone, remove_file),
      cmocka_unit_test_teardown(what_was_committed_survives_a_kill, remove_file),
      cmocka_unit_test_teardown(only_the_owner_may_read_it, remove_file),
      cmocka_unit_test_teardown(one_at_a_time_has_it, remove_file),
      cmocka_unit_test_teardown(a_foreign_file_is_left_alone, remove_file),
      cmocka_unit_test_teardown(other_versions_are_named, remove_file),
      cmocka_unit_test_teardown(an_unwritable_place_is_named, remove_file),
      cmocka_unit_test_teardown(an_edited_object_is_found, remove_file),
      cmocka_unit_test_teardown(nothing_is_taken_after_a_failure, remove_file),
      cmocka_unit_test(without_a_file_nothing_is_kept),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
