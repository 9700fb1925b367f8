/* What was entered before, in memory and on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "prompt/history.h"

static char folder[64], file[128];

static int in_a_folder(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/kalua-test-history-XXXXXX");
  assert_non_null(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/a/b/history", folder);
  return 0;
}

static int without_it(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command); /* NOLINT(cert-env33-c) */
}

static void add(kl_history *h, const char *text) {
  kl_error e = {0};
  if (!kl_history_add(h, text, strlen(text), &e)) fail_msg("%s", e.message);
}

static kl_history *opened(void) {
  kl_error e = {0};
  kl_history *h = kl_history_new();
  assert_non_null(h);
  if (!kl_history_open(h, file, &e)) fail_msg("%s", e.message);
  return h;
}

/* The entries, separated by "|". */
static void entries_are(const kl_history *h, const char *expected) {
  char all[4096] = "";
  for (size_t i = 0; i < kl_history_count(h); i++) {
    size_t n;
    const char *text = kl_history_at(h, i, &n);
    assert_int_equal(strlen(text), n);
    if (i > 0) strcat(all, "|");
    strcat(all, text);
  }
  assert_string_equal(all, expected);
}

static void entries_come_back(void **state) {
  (void)state;
  kl_history *h = opened();
  add(h, "one");
  add(h, "for i = 1, 2 do\n  print(\"\\n\", '\\\\')\nend");
  add(h, "caf\xC3\xA9 \\n");
  kl_history_free(h);
  h = opened();
  entries_are(h, "one|for i = 1, 2 do\n  print(\"\\n\", '\\\\')\nend|caf\xC3\xA9 \\n");
  kl_history_free(h);
}

static void only_this_user_can_read_it(void **state) {
  (void)state;
  struct stat st;
  char above[128];
  kl_history_free(opened());
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  snprintf(above, sizeof above, "%s/a/b", folder);
  assert_int_equal(stat(above, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  chmod(file, 0644);
  kl_history_free(opened());
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static void the_same_again_and_blanks_are_no_entries(void **state) {
  (void)state;
  kl_history *h = opened();
  add(h, "one");
  add(h, "one\n");
  add(h, "  ");
  add(h, "");
  add(h, "two");
  add(h, "one");
  entries_are(h, "one|two|one");
  kl_history_free(h);
  h = opened();
  entries_are(h, "one|two|one");
  kl_history_free(h);
}

static void secrets_are_remembered_but_not_written(void **state) {
  (void)state;
  static const char *const kept[] = {
      "kalshi.get_market(\"KXHIGHNY-26NOV22-B51\")",
      "kalshi.cancel_order(\"f47ac10b-58cc-4372-a567-0e02b2c3d479\")", /* the id of an order */
      "if key == \"x\" then print(key) end", "for k, v in pairs(budget.tokens) do print(k, v) end",
      "dofile \"/home/someone/strategies/weather/market_maker.lua\""};
  static const char *const secret[] = {" x = 1",
                                       "\tx = 1",
                                       "api_key = \"12345678\"",
                                       "local password = 'hunter22'",
                                       "settings.key = \"abcdef\"",
                                       "t = { [\"key\"] = \"abcdef\" }",
                                       "connect{ key_id = \"f47ac10b-58cc-4372-a567-0e02b2c3d479\" }",
                                       "\"f47ac10b-58cc-4372-a567-0e02b2c3d479\"",
                                       "x = [[-----BEGIN RSA PRIVATE KEY-----\nMIIEow",
                                       "x = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
                                       "x = \"MIIEowIBAAKCAQEAx9JX3v8Zy1pQbQmK2u7tYfH0aWcD4eR5sT6uV7wX8yZ9\""};
  kl_history *h = opened();
  for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
    if (kl_history_keeps(secret[i], strlen(secret[i]))) fail_msg("kept: %s", secret[i]);
    add(h, secret[i]);
  }
  assert_int_equal(kl_history_count(h), sizeof secret / sizeof secret[0]);
  for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
    if (!kl_history_keeps(kept[i], strlen(kept[i]))) fail_msg("not kept: %s", kept[i]);
    add(h, kept[i]);
  }
  kl_history_free(h);
  h = opened();
  assert_int_equal(kl_history_count(h), sizeof kept / sizeof kept[0]);
  kl_history_free(h);
}

static void several_prompts_write_one_file(void **state) {
  (void)state;
  enum { WRITERS = 4, EACH = 100 };
  for (int w = 0; w < WRITERS; w++) {
    if (fork() != 0) continue;
    kl_history *h = opened();
    for (int i = 0; i < EACH; i++) {
      char text[300];
      snprintf(text, sizeof text, "writer %d entry %d %*s.", w, i, 20 + i * 2, "");
      add(h, text);
    }
    _exit(0);
  }
  for (int w = 0, status; w < WRITERS; w++) {
    wait(&status);
    assert_int_equal(status, 0);
  }
  kl_history *h = opened();
  assert_int_equal(kl_history_count(h), WRITERS * EACH);
  int seen[WRITERS] = {0};
  for (size_t i = 0; i < kl_history_count(h); i++) {
    int w, entry;
    size_t n;
    assert_int_equal(sscanf(kl_history_at(h, i, &n), "writer %d entry %d", &w, &entry), 2);
    assert_in_range(w, 0, WRITERS - 1);
    assert_int_equal(entry, seen[w]++); /* each in its order, none lost */
  }
  kl_history_free(h);
}

static void it_is_cut_down_to_its_newest_part(void **state) {
  (void)state;
  kl_history *h = opened();
  char text[60001];
  for (int i = 0; i < 60; i++) {
    snprintf(text, sizeof text, "-- %2d %*s", i, 50000, ".");
    add(h, text);
  }
  kl_history_free(h);
  struct stat st;
  assert_int_equal(stat(file, &st), 0);
  assert_in_range(st.st_size, 500000, 2200000);
  h = opened();
  size_t n;
  assert_memory_equal(kl_history_at(h, kl_history_count(h) - 1, &n), "-- 59 ", 6);
  for (size_t i = 0; i < kl_history_count(h); i++) { /* whole entries only */
    kl_history_at(h, i, &n);
    assert_int_equal(n, 50006);
  }
  kl_history_free(h);
}

static void memory_is_bounded(void **state) {
  (void)state;
  kl_history *h = kl_history_new();
  char text[32];
  for (int i = 0; i < 6000; i++) {
    snprintf(text, sizeof text, "x%d", i);
    add(h, text);
  }
  size_t n;
  assert_int_equal(kl_history_count(h), 5000);
  assert_string_equal(kl_history_at(h, 0, &n), "x1000");
  assert_string_equal(kl_history_at(h, 4999, &n), "x5999");
  kl_history_free(h);
}

static void a_file_that_was_torn_is_gone_on_with(void **state) {
  (void)state;
  kl_history_free(opened());
  FILE *f = fopen(file, "we");
  fputs("one\n\ntw\x1b[2Jo\\q\\", f); /* no newline at its end, and what no prompt has written */
  fclose(f);
  kl_history *h = opened();
  add(h, "three");
  kl_history_free(h);
  h = opened();
  entries_are(h, "one|tw\xEF\xBF\xBD[2Jo\\q\\|three");
  kl_history_free(h);
}

static void what_cannot_be_written_is_said_once(void **state) {
  (void)state;
  kl_error e = {0};
  kl_history *h = kl_history_new();
  assert_false(kl_history_open(h, "/proc/nothing/history", &e));
  assert_non_null(strstr(e.message, "/proc/nothing/history"));
  add(h, "goes on"); /* in memory */
  entries_are(h, "goes on");
  kl_history_free(h);

  h = kl_history_new();
  assert_false(kl_history_open(h, folder, &e));
  assert_non_null(strstr(e.message, "directory"));
  kl_history_free(h);
}

static void a_full_disk_tears_nothing(void **state) {
  (void)state;
  kl_history *h = opened();
  kl_error e = {0};
  struct rlimit before, tight;
  add(h, "one");
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  tight = before;
  tight.rlim_cur = 10;
  setrlimit(RLIMIT_FSIZE, &tight);
  bool ok = kl_history_add(h, "much longer than that", 21, &e);
  bool again = kl_history_add(h, "and on", 6, &e);
  setrlimit(RLIMIT_FSIZE, &before);
  assert_false(ok);
  assert_non_null(strstr(e.message, "File too large"));
  assert_true(again); /* told once */
  entries_are(h, "one|much longer than that|and on");
  kl_history_free(h);
  h = opened();
  entries_are(h, "one");
  kl_history_free(h);
}

static void a_link_to_nowhere_keeps_nothing(void **state) {
  (void)state;
  kl_history_free(opened());
  unlink(file);
  assert_int_equal(symlink("/dev/null", file), 0);
  kl_history *h = opened();
  add(h, "one");
  kl_history_free(h);
  h = opened();
  entries_are(h, "");
  kl_history_free(h);
}

static void its_place_is_the_users(void **state) {
  (void)state;
  char path[200];
  setenv("XDG_STATE_HOME", "/state", 1);
  assert_true(kl_history_path(path, sizeof path));
  assert_string_equal(path, "/state/kalua/history");
  setenv("XDG_STATE_HOME", "relative", 1); /* is to be passed over, says the specification */
  setenv("HOME", "/home/x", 1);
  assert_true(kl_history_path(path, sizeof path));
  assert_string_equal(path, "/home/x/.local/state/kalua/history");
  unsetenv("XDG_STATE_HOME");
  unsetenv("HOME");
  assert_false(kl_history_path(path, sizeof path));
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, in_a_folder, without_it)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_A_FOLDER(entries_come_back),
      IN_A_FOLDER(only_this_user_can_read_it),
      IN_A_FOLDER(the_same_again_and_blanks_are_no_entries),
      IN_A_FOLDER(secrets_are_remembered_but_not_written),
      IN_A_FOLDER(several_prompts_write_one_file),
      IN_A_FOLDER(it_is_cut_down_to_its_newest_part),
      IN_A_FOLDER(memory_is_bounded),
      IN_A_FOLDER(a_file_that_was_torn_is_gone_on_with),
      IN_A_FOLDER(what_cannot_be_written_is_said_once),
      IN_A_FOLDER(a_full_disk_tears_nothing),
      IN_A_FOLDER(a_link_to_nowhere_keeps_nothing),
      IN_A_FOLDER(its_place_is_the_users),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
