/* The journal of what is typed inside running strategies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/log.h"
#include "prompt/journal.h"

static char root[] = "/tmp/kalua-journal-XXXXXX";
static char path[64], old[80], log_path[64];

static int make_root(void **state) {
  (void)state;
  if (!mkdtemp(root)) return -1;
  snprintf(path, sizeof path, "%s/journal", root);
  snprintf(old, sizeof old, "%s.1", path);
  snprintf(log_path, sizeof log_path, "%s/log", root);
  return 0;
}

static int remove_root(void **state) {
  (void)state;
  return rmdir(root);
}

static int begin(void **state) {
  (void)state;
  return kl_log_open(KL_LOG_INFO, false, log_path) ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  kl_log_close();
  unlink(path);
  unlink(old);
  unlink(log_path);
  return 0;
}

static const kl_prompt_client ann = {.pid = 4711, .uid = 1000, .user = "ann", .tty = "/dev/pts/3"};

static void put(kl_journal *j, bool armed, const char *text, const char *outcome) {
  kl_journal_put(j, &(kl_journal_entry){.client = &ann,
                                        .strategy = "maker",
                                        .env = "prod",
                                        .armed = armed,
                                        .op = "eval",
                                        .text = text,
                                        .n = strlen(text),
                                        .outcome = outcome,
                                        .ns = 1204000});
}

static char *read_file(const char *name, size_t *n) {
  FILE *f = fopen(name, "re");
  kl_buf b = {0};
  char piece[4096];
  size_t got;
  if (!f) fail_msg("%s: %s", name, strerror(errno));
  while ((got = fread(piece, 1, sizeof piece, f)) > 0)
    kl_buf_add(&b, piece, got);
  fclose(f);
  if (n) *n = b.len;
  return b.data ? b.data : strdup("");
}

static json_t *first_line(const char *name) {
  char *text = read_file(name, NULL);
  json_t *line = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
  free(text);
  assert_non_null(line);
  return line;
}

static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static void says_who_typed_what_and_what_came_of_it(void **state) {
  struct stat st;
  (void)state;
  kl_journal *j = kl_journal_new(path);
  put(j, true, "api_key = \"abc\" quote(0.42)\nmore", "value");
  kl_journal_free(j);
  json_t *line = first_line(path);
  assert_string_equal(text_of(line, "user"), "ann");
  assert_string_equal(text_of(line, "tty"), "/dev/pts/3");
  assert_string_equal(text_of(line, "strategy"), "maker");
  assert_string_equal(text_of(line, "env"), "prod");
  assert_string_equal(text_of(line, "op"), "eval");
  assert_string_equal(text_of(line, "text"), "api_key = \"[secret]\" quote(0.42)\nmore");
  assert_string_equal(text_of(line, "outcome"), "value");
  assert_int_equal(json_integer_value(json_object_get(line, "client")), 4711);
  assert_int_equal(json_integer_value(json_object_get(line, "pid")), getpid());
  assert_true(json_is_true(json_object_get(line, "armed")));
  assert_true(json_real_value(json_object_get(line, "ms")) == 1.204);
  json_decref(line);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  char *log = read_file(log_path, NULL);
  assert_non_null(strstr(log, "info  maker prompt of ann on /dev/pts/3 (process 4711): eval api_key"));
  assert_null(strstr(log, "abc"));
  free(log);
}

static void what_only_looks_is_not_in_the_log(void **state) {
  (void)state;
  kl_journal *j = kl_journal_new(path);
  put(j, false, "kalua.state", "value");
  kl_journal_free(j);
  char *log = read_file(log_path, NULL), *journal = read_file(path, NULL);
  assert_string_equal(log, "");
  assert_non_null(strstr(journal, "\"armed\":false"));
  free(log);
  free(journal);
}

static void long_inputs_are_cut_at_a_character(void **state) {
  (void)state;
  kl_buf b = {0};
  for (int i = 0; i < 100000; i++)
    kl_buf_str(&b, "é");
  kl_journal *j = kl_journal_new(path);
  put(j, false, b.data, "value");
  kl_journal_free(j);
  json_t *line = first_line(path);
  assert_int_equal(strlen(text_of(line, "text")), 16 << 10);
  assert_true(json_integer_value(json_object_get(line, "cut")) > 0);
  json_decref(line);
  kl_buf_free(&b);
}

static void a_full_file_is_put_aside_once(void **state) {
  struct stat st;
  (void)state;
  FILE *f = fopen(path, "we");
  for (int i = 0; i < (5 << 20) / 64; i++)
    fprintf(f, "%63d\n", 1);
  fclose(f);
  kl_journal *j = kl_journal_new(path);
  put(j, false, "first", "value");
  put(j, false, "second", "value");
  kl_journal_free(j);
  assert_int_equal(stat(old, &st), 0);
  assert_true(st.st_size >= 5 << 20);
  char *text = read_file(path, NULL);
  assert_non_null(strstr(text, "\"text\":\"first\""));
  assert_non_null(strstr(text, "\"text\":\"second\""));
  free(text);
}

static void processes_share_it_without_tearing_lines(void **state) {
  enum { WRITERS = 4, LINES = 500 };
  (void)state;
  for (int i = 0; i < WRITERS; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) continue;
    kl_journal *j = kl_journal_new(path);
    for (int k = 0; k < LINES; k++)
      put(j, false, "a line that is somewhat longer than most, so that a torn one would show", "value");
    kl_journal_free(j);
    _exit(0);
  }
  for (int i = 0; i < WRITERS; i++) {
    int status;
    assert_true(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  char *text = read_file(path, NULL);
  int lines = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
    json_t *o = json_loads(line, 0, NULL);
    assert_non_null(o);
    json_decref(o);
  }
  assert_int_equal(lines, WRITERS * LINES);
  free(text);
}

static void one_that_cannot_be_written_is_said_once(void **state) {
  kl_error e = {0};
  (void)state;
  kl_journal *j = kl_journal_new("/dev/null/journal");
  assert_false(kl_journal_failing(j, &e));
  put(j, false, "a", "value");
  for (int i = 0; i < 1000 && !kl_journal_failing(j, &e); i++)
    usleep(10000);
  put(j, false, "b", "value");
  assert_string_equal(e.message, "/dev/null/journal: Not a directory");
  kl_journal_free(j);
  char *log = read_file(log_path, NULL);
  const char *said = strstr(log, "is not in the journal: /dev/null/journal: Not a directory");
  assert_non_null(said);
  assert_null(strstr(said + 1, "is not in the journal"));
  free(log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(says_who_typed_what_and_what_came_of_it, begin, end),
      cmocka_unit_test_setup_teardown(what_only_looks_is_not_in_the_log, begin, end),
      cmocka_unit_test_setup_teardown(long_inputs_are_cut_at_a_character, begin, end),
      cmocka_unit_test_setup_teardown(a_full_file_is_put_aside_once, begin, end),
      cmocka_unit_test_setup_teardown(processes_share_it_without_tearing_lines, begin, end),
      cmocka_unit_test_setup_teardown(one_that_cannot_be_written_is_said_once, begin, end)};
  return cmocka_run_group_tests(tests, make_root, remove_root);
}
