/* Which processes run and what their scripts are called; the last lines that they said. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "control/lines.h"
#include "control/listing.h"

static char home[] = "/tmp/kl_test_listing.XXXXXX";

static kl_listing *list_me(void) {
  kl_listing *l = NULL;
  kl_error e = {0};
  if (!kl_listing_open(&l, &e) || !kl_listing_publish(l, &e)) fail_msg("%s", e.message);
  return l;
}

static void gets(kl_listing *l, const char *wanted, const char *expected) {
  char name[KL_LISTED_NAME];
  kl_error e = {0};
  if (!kl_listing_name(l, wanted, name, &e)) fail_msg("%s", e.message);
  assert_string_equal(name, expected);
}

/* A process that lists a script of this name and then waits to be killed; its number. */
static pid_t list_other(const char *name) {
  int ready[2];
  char byte;
  assert_int_equal(pipe(ready), 0);
  pid_t pid = fork();
  if (pid == 0) {
    kl_listing *l = NULL;
    kl_error e;
    char got[KL_LISTED_NAME];
    if (kl_listing_open(&l, &e) && kl_listing_publish(l, &e) && kl_listing_name(l, name, got, &e) &&
        write(ready[1], "x", 1) == 1)
      pause();
    _exit(1);
  }
  close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return pid;
}

static void names_are_those_of_one_script_each(void **state) {
  (void)state;
  kl_listing *l = list_me();
  pid_t other = list_other("maker");
  gets(l, "maker", "maker-2");
  gets(l, "maker", "maker-3");
  gets(l, "taker", "taker");
  gets(l, "taker", "taker-2");
  kl_listed *all;
  size_t n;
  kl_error e;
  assert_true(kl_listed_all(&all, &n, &e));
  assert_int_equal(n, 2);
  assert_int_equal(all[0].pid, getpid()); /* the oldest first */
  assert_int_equal(all[0].n_names, 4);
  assert_int_equal(all[1].pid, other);
  assert_string_equal(all[1].names[0], "maker");
  kl_listed_free(all, n);
  /* What a killed process leaves is nobody's, and goes. */
  kill(other, SIGKILL);
  waitpid(other, NULL, 0);
  gets(l, "maker", "maker");
  assert_true(kl_listed_all(&all, &n, &e));
  assert_int_equal(n, 1);
  kl_listed_free(all, n);
  kl_listing_close(l);
  assert_true(kl_listed_all(&all, &n, &e));
  assert_int_equal(n, 0);
  kl_listed_free(all, n);
}

static void names_disturb_no_terminal(void **state) {
  (void)state;
  char lengthy[600], name[KL_LISTED_NAME];
  kl_error e;
  kl_listing *l = list_me();
  gets(l, "a\x1b[31m\nb\x7f", "a_[31m_b_");
  gets(l, "Zürich \xF0\x9F\x99\x82", "Zürich \xF0\x9F\x99\x82");
  gets(l, "\xC3(\xFF\xC2\x9B\xED\xA0\x80", "_(______");
  gets(l, "", "_");
  memset(lengthy, 'x', sizeof lengthy - 1);
  lengthy[sizeof lengthy - 1] = 0;
  assert_true(kl_listing_name(l, lengthy, name, &e));
  assert_true(strlen(name) < KL_LISTED_NAME - 20);
  assert_true(kl_listing_name(l, lengthy, name, &e));
  assert_string_equal(name + strlen(name) - 2, "-2");
  kl_listing_close(l);
}

static void a_folder_that_was_removed_is_made_again(void **state) {
  (void)state;
  char path[400];
  kl_error e = {0};
  kl_listed *all;
  size_t n;
  kl_listing *l = list_me();
  gets(l, "maker", "maker");
  int socket = openat(kl_listing_folder(l), kl_listing_socket(l), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  close(socket); /* stands for it */
  assert_true(kl_listing_in_place(l));
  snprintf(path, sizeof path, "rm -r %s/kalua", home);
  assert_int_equal(system(path), 0);
  assert_false(kl_listing_in_place(l));
  assert_true(kl_listing_reopen(l, &e));
  assert_true(kl_listing_publish(l, &e));
  gets(l, "maker", "maker-2");
  assert_true(kl_listed_all(&all, &n, &e));
  assert_int_equal(n, 1);
  assert_string_equal(all[0].names[0], "maker");
  kl_listed_free(all, n);
  kl_listing_close(l);
}

static void a_folder_of_others_is_refused(void **state) {
  (void)state;
  char path[300];
  kl_listing *l = NULL;
  kl_error e = {0};
  snprintf(path, sizeof path, "%s/kalua", home);
  assert_int_equal(chmod(path, 0755), 0);
  assert_false(kl_listing_open(&l, &e));
  assert_non_null(strstr(e.message, path));
  assert_non_null(strstr(e.message, "closed to others"));
  assert_int_equal(chmod(path, 0700), 0);
}

/* ---- lines ---- */

static void count_news(void *data) { ++*(size_t *)data; }

static bool add_line(void *data, const kl_line *line) {
  kl_buf_printf(data, "%s:%s:%.*s ", line->level, line->source, (int)line->n, line->text);
  return true;
}

static void has_lines(kl_lines *l, const char *source, uint64_t after, const char *expected) {
  kl_buf b = {0};
  kl_buf_str(&b, "");
  kl_lines_read(l, source, &after, add_line, &b);
  assert_string_equal(b.data, expected);
  kl_buf_free(&b);
}

static void put(kl_lines *l, const char *source, const char *text) {
  kl_lines_put(l, "info", source, 0, text, strlen(text));
}

static void lines_are_kept_of_each_source(void **state) {
  (void)state;
  size_t news = 0;
  kl_lines *l = kl_lines_new(count_news, &news);
  assert_true(kl_lines_source(l, "a"));
  assert_true(kl_lines_source(l, "b"));
  assert_true(kl_lines_source(l, "b"));
  put(l, "a", "1");
  put(l, "feed", "2");
  put(l, "b", "");
  put(l, "a", "4");
  put(l, "sim", "5");
  assert_int_equal(news, 5);
  has_lines(l, "a", 0, "info:a:1 info:a:4 ");
  has_lines(l, "b", 0, "info:b: ");
  has_lines(l, NULL, 0, "info:a:1 info:feed:2 info:b: info:a:4 info:sim:5 ");
  has_lines(l, NULL, 3, "info:a:4 info:sim:5 ");
  has_lines(l, "a", kl_lines_last(l, "a", 1), "info:a:4 ");
  has_lines(l, NULL, kl_lines_last(l, NULL, 2), "info:a:4 info:sim:5 ");
  has_lines(l, NULL, kl_lines_last(l, NULL, 0), "");
  has_lines(l, NULL, kl_lines_last(l, NULL, 100), "info:a:1 info:feed:2 info:b: info:a:4 info:sim:5 ");
  kl_lines_free(l);
}

static bool count_line(void *data, const kl_line *line) {
  (void)line;
  return ++*(size_t *)data < 100;
}

static void a_flood_drops_its_own_oldest_lines(void **state) {
  (void)state;
  size_t news = 0, count = 0;
  uint64_t after = 0;
  kl_lines *l = kl_lines_new(count_news, &news);
  assert_true(kl_lines_source(l, "calm"));
  assert_true(kl_lines_source(l, "flood"));
  put(l, "calm", "x");
  for (int i = 0; i < 3 * KL_LINES_KEPT; i++)
    put(l, "flood", "y");
  has_lines(l, "calm", 0, "info:calm:x ");
  assert_int_equal(kl_lines_read(l, "calm", &after, count_line, &count), 0);
  after = 0;
  count = 0;
  assert_int_equal(kl_lines_read(l, "flood", &after, count_line, &count), 1 + 2 * KL_LINES_KEPT);
  assert_int_equal(count, 100); /* that was enough */
  assert_int_equal(after, 1 + 2 * KL_LINES_KEPT + 100);
  while (count % 100 == 0 && count < 2 * KL_LINES_KEPT)
    if (kl_lines_read(l, "flood", &after, count_line, &(size_t){0}) != 0 || after >= 1 + 3 * KL_LINES_KEPT) break;
  assert_int_equal(after, 1 + 3 * KL_LINES_KEPT);
  kl_lines_free(l);
}

static void long_lines_are_cut_between_characters(void **state) {
  (void)state;
  size_t news = 0;
  kl_buf text = {0}, got = {0};
  uint64_t after = 0;
  kl_lines *l = kl_lines_new(count_news, &news);
  kl_buf_char(&text, 'x');
  while (text.len < 2 * (size_t)KL_LINES_TEXT_MAX)
    kl_buf_str(&text, "ü");
  kl_lines_put(l, "print", "s", 0, text.data, text.len);
  kl_lines_read(l, NULL, &after, add_line, &got);
  assert_true(got.len <= KL_LINES_TEXT_MAX + 20);
  assert_string_equal(got.data + got.len - strlen("üü… "), "üü… ");
  /* Many of them are few. */
  for (int i = 0; i < 100; i++)
    kl_lines_put(l, "print", "s", 0, text.data, text.len);
  kl_buf_clear(&got);
  after = 0;
  kl_lines_read(l, NULL, &after, add_line, &got);
  assert_true(got.len <= KL_LINES_BYTES + 4096);
  kl_buf_free(&text);
  kl_buf_free(&got);
  kl_lines_free(l);
}

static void *put_many(void *p) {
  for (int i = 0; i < 2000; i++)
    put(p, "t", "x");
  return NULL;
}

static void ignore_news(void *data) { (void)data; }

static void many_threads_may_put(void **state) {
  (void)state;
  kl_lines *l = kl_lines_new(ignore_news, NULL);
  pthread_t threads[4];
  uint64_t after = 0;
  size_t count;
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, put_many, l), 0);
  while (after < 8000) {
    count = 0;
    kl_lines_read(l, NULL, &after, count_line, &count);
  }
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  kl_lines_free(l);
}

static int make_home(void **state) {
  (void)state;
  if (!mkdtemp(home)) return -1;
  return setenv("XDG_RUNTIME_DIR", home, 1);
}

static int remove_home(void **state) {
  char path[300];
  (void)state;
  snprintf(path, sizeof path, "%s/kalua/names.lock", home);
  unlink(path);
  snprintf(path, sizeof path, "%s/kalua", home);
  return rmdir(path) == 0 && rmdir(home) == 0 ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_those_of_one_script_each),      cmocka_unit_test(names_disturb_no_terminal),
      cmocka_unit_test(a_folder_that_was_removed_is_made_again), cmocka_unit_test(a_folder_of_others_is_refused),
      cmocka_unit_test(lines_are_kept_of_each_source),           cmocka_unit_test(a_flood_drops_its_own_oldest_lines),
      cmocka_unit_test(long_lines_are_cut_between_characters),   cmocka_unit_test(many_threads_may_put),
  };
  return cmocka_run_group_tests(tests, make_home, remove_home);
}
