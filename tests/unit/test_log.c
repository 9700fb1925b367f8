#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

static char folder[] = "/tmp/kl_test_log.XXXXXX";
static char path[64];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/log", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static int close_log(void **state) {
  (void)state;
  kl_log_close();
  unlink(path);
  return 0;
}

static char *read_all(const char *name) {
  static char text[1 << 20];
  FILE *f = fopen(name, "rb");
  assert_non_null(f);
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = 0;
  return text;
}

static void open_log(kl_log_level level, bool json) {
  if (!kl_log_open(level, json, path)) fail_msg("%s: %s", path, strerror(errno));
}

/* "12:34:56.789 " */
static const char *behind_time(const char *line) {
  static const char shape[] = "dd:dd:dd.ddd ";
  for (size_t i = 0; shape[i]; i++) {
    bool digit = line[i] >= '0' && line[i] <= '9';
    if (shape[i] == 'd' ? !digit : line[i] != shape[i]) fail_msg("no time at the start of: %s", line);
  }
  return line + sizeof shape - 1;
}

static void writes_a_line_for_people(void **state) {
  (void)state;
  open_log(KL_LOG_INFO, false);
  kl_log_info("feed", "%d markets", 3);
  kl_log_error("sim", "gone");
  char *text = read_all(path);
  char *second = strchr(text, '\n') + 1;
  second[-1] = 0;
  assert_string_equal(behind_time(text), "info  feed 3 markets");
  assert_string_equal(behind_time(second), "error sim gone\n");
}

static void writes_json(void **state) {
  (void)state;
  open_log(KL_LOG_TRACE, true);
  kl_log_write(KL_LOG_TRACE, "a \"b\"", "line\nnext \xFF \x1b[31m");
  char *text = read_all(path);
  assert_memory_equal(text, "{\"ts\":\"20", 9);
  const char *rest = strchr(text + 7, '"');
  assert_non_null(rest);
  assert_int_equal(rest[-1], 'Z');
  assert_string_equal(
      rest, "\",\"level\":\"trace\",\"source\":\"a \\\"b\\\"\",\"msg\":\"line\\nnext \xEF\xBF\xBD \\u001b[31m\"}\n");
}

static void writes_only_the_levels_asked_for(void **state) {
  (void)state;
  kl_log_level level = KL_LOG_ERROR;
  open_log(KL_LOG_WARN, false);
  kl_log_info("x", "not this");
  kl_log_warn("x", "this");
  assert_false(kl_log_enabled(KL_LOG_INFO));
  assert_true(kl_log_enabled(KL_LOG_ERROR));
  kl_log_set_level(KL_LOG_DEBUG);
  kl_log_debug("x", "and this");
  char *text = read_all(path);
  assert_null(strstr(text, "not this"));
  assert_non_null(strstr(text, "warn  x this\n"));
  assert_non_null(strstr(text, "debug x and this\n"));
  assert_true(kl_log_level_parse("debug", &level));
  assert_int_equal(level, KL_LOG_DEBUG);
  assert_false(kl_log_level_parse("Debug", &level));
  assert_false(kl_log_level_parse("", &level));
  assert_int_equal(level, KL_LOG_DEBUG);
}

static void a_message_stays_one_line_and_moves_no_cursor(void **state) {
  (void)state;
  open_log(KL_LOG_INFO, false);
  kl_log_info("a\nb", "one\ntwo\r\x1b[2Jthree\tfour\x7f");
  assert_string_equal(behind_time(read_all(path)), "info  a\\nb one\\ntwo\\r\\x1b[2Jthree\tfour\\x7f\n");
}

static void long_messages_are_written_whole(void **state) {
  (void)state;
  enum { LENGTH = 200000 };
  char *big = malloc(LENGTH + 1);
  assert_non_null(big);
  memset(big, 'y', LENGTH);
  big[LENGTH] = 0;
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "<%s>", big);
  kl_log_info("x", "next");
  char *text = read_all(path);
  assert_int_equal(strchr(text, '\n') - text, 13 + 8 + LENGTH + 2);
  assert_string_equal(strchr(text, '\n') - 2, strstr(text, "y>\n"));
  free(big);
}

static void hides_secrets(void **state) {
  (void)state;
  open_log(KL_LOG_INFO, false);
  kl_log_redact("correct horse");
  kl_log_redact("correct horse battery");
  kl_log_redact("with\nnewline");
  kl_log_redact("short");
  kl_log_redact(NULL);
  kl_log_info("x", "a correct horse, a correct horse battery, a short with\nnewline.correct horse");
  assert_string_equal(behind_time(read_all(path)), "info  x a [secret], a [secret], a short [secret].[secret]\n");
  kl_log_close();
  open_log(KL_LOG_INFO, true);
  kl_log_redact("quo\"ted secret");
  kl_log_info("x", "a quo\"ted secret");
  assert_non_null(strstr(read_all(path), "\"msg\":\"a [secret]\""));
}

static void says_when_it_cannot_hide_another_secret(void **state) {
  (void)state;
  open_log(KL_LOG_INFO, false);
  for (int i = 0; i < 16; i++) {
    char secret[32];
    snprintf(secret, sizeof secret, "secret number %02d", i);
    kl_log_redact(secret);
    kl_log_redact(secret);
  }
  assert_string_equal(read_all(path), "");
  kl_log_redact("one too many");
  assert_non_null(strstr(read_all(path), "error log more than 16 texts to hide"));
}

static void a_full_disk_is_counted_and_said_later(void **state) {
  (void)state;
  uint64_t before = kl_log_lost();
  assert_true(kl_log_open(KL_LOG_INFO, false, "/dev/full"));
  for (int i = 0; i < 5; i++)
    kl_log_info("x", "lost %d", i);
  assert_int_equal(kl_log_lost() - before, 5);
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "works again");
  kl_log_info("x", "and goes on");
  char *text = read_all(path);
  assert_string_equal(behind_time(strtok(text, "\n")), "warn  log log lines lost: 5 (No space left on device)");
  assert_string_equal(behind_time(strtok(NULL, "\n")), "info  x works again");
  assert_string_equal(behind_time(strtok(NULL, "\n")), "info  x and goes on");
  assert_null(strtok(NULL, "\n"));
  assert_int_equal(kl_log_lost() - before, 5);
}

/* Sends the log into a pipe by way of stderr; gives the reading end. */
static int log_into_pipe(int *saved) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  *saved = dup(STDERR_FILENO);
  assert_true(*saved >= 0);
  assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  close(ends[1]);
  bool ok = kl_log_open(KL_LOG_INFO, false, NULL);
  if (!ok) dup2(*saved, STDERR_FILENO);
  assert_true(ok);
  return ends[0];
}

static void restore_stderr(int saved) {
  dup2(saved, STDERR_FILENO);
  close(saved);
}

static void a_closed_pipe_does_not_end_the_process(void **state) {
  (void)state;
  uint64_t before = kl_log_lost();
  int saved;
  close(log_into_pipe(&saved));
  kl_log_info("x", "nobody reads");
  restore_stderr(saved);
  assert_int_equal(kl_log_lost() - before, 1);
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "on disk now");
  assert_non_null(strstr(read_all(path), "log log lines lost: 1 (Broken pipe)\n"));
}

/* Reads until the text holds `end`, which another thread of the log may write; false when that takes for ever. */
static bool drain_until(int reader, char *text, size_t cap, size_t *n, const char *end) {
  struct pollfd p = {.fd = reader, .events = POLLIN};
  while (poll(&p, 1, 10000) == 1 && *n < cap - 1) {
    ssize_t got = read(reader, text + *n, cap - 1 - *n);
    if (got <= 0) return false;
    size_t look = *n > 100 ? *n - 100 : 0; /* it may be cut in two */
    *n += (size_t)got;
    text[*n] = 0;
    if (strstr(text + look, end)) return true;
  }
  return false;
}

static void a_reader_that_does_not_read_stops_nobody_and_loses_whole_lines_only(void **state) {
  (void)state;
  enum { TEXT = 2 << 20 };
  static char text[TEXT];
  uint64_t before = kl_log_lost();
  int saved, reader = log_into_pipe(&saved);
  (void)fcntl(reader, F_SETPIPE_SZ, 4096);
  /* Lines longer than PIPE_BUF are the ones that a pipe takes in part. */
  char filler[3001];
  memset(filler, 'z', 3000);
  filler[3000] = 0;
  int sent = 0;
  for (; kl_log_lost() == before && sent < 1000; sent++)
    kl_log_info("x", "%s%s.", filler, filler);
  kl_log_info("x", "%s%s.", filler, filler);
  uint64_t lost = kl_log_lost() - before;
  bool blocks = !(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK); /* it may be the terminal of others */
  size_t n = 0;
  bool all = drain_until(reader, text, TEXT, &n, "z.\n") && n > 0;
  kl_log_info("x", "after");
  kl_stderr_printf("as it is\n");
  all = all && drain_until(reader, text, TEXT, &n, "\nas it is\n");
  kl_log_close();
  restore_stderr(saved);
  close(reader);
  assert_true(all);
  assert_true(blocks);
  assert_int_equal(lost, 2);
  int whole = 0;
  unsigned long long said = 0;
  bool after = false;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (!strcmp(line, "as it is")) continue;
    const char *message = behind_time(line);
    size_t length = strlen(message);
    if (strncmp(message, "info  x z", 9) == 0) {
      whole++;
      assert_int_equal(length, 8 + 6000 + 1);
    }
    if (strncmp(message, "warn  log log lines lost: ", 26) == 0) {
      assert_non_null(strstr(message, "(what reads the log is too slow)"));
      said += strtoull(message + 26, NULL, 10);
    }
    after = after || strcmp(message, "info  x after") == 0;
  }
  assert_int_equal(whole, sent - 1);
  assert_int_equal(said, 2);
  assert_true(after);
}

static void a_log_that_is_closed_waits_a_while_for_its_reader(void **state) {
  (void)state;
  uint64_t before = kl_log_lost();
  int saved, reader = log_into_pipe(&saved);
  (void)fcntl(reader, F_SETPIPE_SZ, 4096);
  char filler[3001];
  memset(filler, 'z', 3000);
  filler[3000] = 0;
  for (int i = 0; i < 10; i++)
    kl_log_info("x", "%s", filler);
  kl_log_close(); /* nobody reads: returns all the same */
  uint64_t lost = kl_log_lost() - before;
  restore_stderr(saved);
  close(reader);
  assert_in_range(lost, 7, 10);
}

static void a_file_that_hits_its_limit_goes_on_where_it_stopped(void **state) {
  (void)state;
  struct rlimit old, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  small = old;
  small.rlim_cur = 60;
  uint64_t before = kl_log_lost();
  open_log(KL_LOG_INFO, false);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  kl_log_info("x", "abcdefghij"); /* 32 bytes */
  kl_log_info("x", "klmnopqrst"); /* cut in two */
  kl_log_info("x", "lost");
  setrlimit(RLIMIT_FSIZE, &old);
  kl_log_info("x", "uvw");
  signal(SIGXFSZ, handler);
  assert_int_equal(kl_log_lost() - before, 1);
  char *text = read_all(path);
  assert_string_equal(behind_time(strtok(text, "\n")), "info  x abcdefghij");
  assert_string_equal(behind_time(strtok(NULL, "\n")), "info  x klmnopqrst");
  assert_string_equal(behind_time(strtok(NULL, "\n")), "warn  log log lines lost: 1 (File too large)");
  assert_string_equal(behind_time(strtok(NULL, "\n")), "info  x uvw");
}

static void a_log_that_cannot_be_opened_leaves_the_old_one(void **state) {
  (void)state;
  open_log(KL_LOG_INFO, false);
  errno = 0;
  assert_false(kl_log_open(KL_LOG_INFO, false, "/nonexistent/log"));
  assert_int_equal(errno, ENOENT);
  kl_log_info("x", "still here");
  assert_non_null(strstr(read_all(path), "still here"));
}

static void the_file_is_appended_to_and_private(void **state) {
  (void)state;
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "first");
  kl_log_close();
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "second");
  char *text = read_all(path);
  assert_non_null(strstr(text, "first\n"));
  assert_non_null(strstr(text, "second\n"));
  struct stat s;
  assert_int_equal(stat(path, &s), 0);
  assert_int_equal(s.st_mode & 0777, 0600);
  assert_null(strstr(text, "\x1b[")); /* colour is for terminals */
}

static void logging_keeps_errno(void **state) {
  (void)state;
  assert_true(kl_log_open(KL_LOG_INFO, false, "/dev/full"));
  errno = ENOENT;
  kl_log_info("x", "y");
  assert_int_equal(errno, ENOENT);
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "so that nothing is left to say");
}

enum { THREADS = 4, LINES = 500 };

static void *write_lines(void *arg) {
  for (int i = 0; i < LINES; i++)
    kl_log_info((const char *)arg, "line %d of this thread", i);
  return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state) {
  (void)state;
  static char names[THREADS][4] = {"t0", "t1", "t2", "t3"};
  pthread_t threads[THREADS];
  open_log(KL_LOG_INFO, false);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  int next[THREADS] = {0};
  for (char *line = strtok(read_all(path), "\n"); line; line = strtok(NULL, "\n")) {
    const char *message = behind_time(line);
    assert_memory_equal(message, "info  t", 7);
    int t = message[7] - '0';
    char want[64];
    snprintf(want, sizeof want, "info  t%d line %d of this thread", t, next[t]++);
    assert_string_equal(message, want);
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(next[i], LINES);
}

static void keep_tapped(void *data, kl_log_level level, const char *source, const char *text, size_t n) {
  kl_buf_printf(data, "%s %s %.*s\n", kl_log_level_name(level), source, (int)n, text);
}

static void a_tap_gets_what_is_written_without_secrets(void **state) {
  (void)state;
  kl_buf got = {0};
  assert_true(kl_log_open(KL_LOG_INFO, true, "/dev/full"));
  kl_log_redact("hunter2-hunter2");
  kl_log_tap(keep_tapped, &got);
  kl_log_info("a", "the key is hunter2-hunter2");
  kl_log_debug("a", "not written");
  kl_log_error("b", "%s", "");
  kl_log_tap(NULL, NULL);
  kl_log_info("a", "not tapped");
  assert_string_equal(got.data, "info a the key is [secret]\nerror b \n");
  kl_buf_free(&got);
  open_log(KL_LOG_INFO, false);
  kl_log_info("x", "so that nothing is left to say");
}

#define TEST(f) cmocka_unit_test_teardown(f, close_log)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(writes_a_line_for_people),
      TEST(writes_json),
      TEST(writes_only_the_levels_asked_for),
      TEST(a_message_stays_one_line_and_moves_no_cursor),
      TEST(long_messages_are_written_whole),
      TEST(hides_secrets),
      TEST(says_when_it_cannot_hide_another_secret),
      TEST(a_full_disk_is_counted_and_said_later),
      TEST(a_closed_pipe_does_not_end_the_process),
      TEST(a_reader_that_does_not_read_stops_nobody_and_loses_whole_lines_only),
      TEST(a_log_that_is_closed_waits_a_while_for_its_reader),
      TEST(a_file_that_hits_its_limit_goes_on_where_it_stopped),
      TEST(a_log_that_cannot_be_opened_leaves_the_old_one),
      TEST(the_file_is_appended_to_and_private),
      TEST(logging_keeps_errno),
      TEST(lines_of_many_threads_do_not_mix),
      TEST(a_tap_gets_what_is_written_without_secrets),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
