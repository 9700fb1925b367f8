/* What systemd is told, by a socket that stands in for its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/notify.h"

typedef struct kl_box {
  uv_loop_t loop;
  uv_timer_t other; /* what the loop runs for: the notifier does not hold it */
  kl_notifier *notifier;
  int fd;
  char path[64];
} kl_box;

static void on_other(uv_timer_t *t) { (void)t; }

/* Begins with '@' for a name in the abstract namespace. */
static void open_box(kl_box *b, const char *path, const char *watchdog_usec, const char *watchdog_pid) {
  memset(b, 0, sizeof *b);
  uv_loop_init(&b->loop);
  uv_timer_init(&b->loop, &b->other);
  uv_timer_start(&b->other, on_other, 1000000, 0);
  snprintf(b->path, sizeof b->path, "%s%d", path, (int)getpid());
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  size_t n = strlen(b->path);
  memcpy(at.sun_path, b->path, n);
  if (*at.sun_path == '@') *at.sun_path = 0;
  b->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  assert_true(b->fd >= 0);
  assert_int_equal(bind(b->fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
  setenv("NOTIFY_SOCKET", b->path, 1);
  if (watchdog_usec) setenv("WATCHDOG_USEC", watchdog_usec, 1);
  if (watchdog_pid) setenv("WATCHDOG_PID", watchdog_pid, 1);
  b->notifier = kl_notifier_open(&b->loop);
}

static void close_box(kl_box *b) {
  uv_timer_stop(&b->other);
  uv_run(&b->loop, UV_RUN_DEFAULT); /* ends, although the notifier is open */
  kl_notifier_close(b->notifier);
  uv_close((uv_handle_t *)&b->other, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->loop), 0);
  close(b->fd);
  if (*b->path == '/') unlink(b->path);
}

static void assert_told(const kl_box *b, const char *expected) {
  char text[512];
  ssize_t n = recv(b->fd, text, sizeof text - 1, MSG_DONTWAIT);
  text[n > 0 ? n : 0] = 0;
  assert_string_equal(text, expected);
}

static void everything_is_told(void **state) {
  (void)state;
  static const char *const paths[] = {"/tmp/kl_notify_", "@kl_notify_"};
  for (int i = 0; i < 2; i++) {
    kl_box b;
    open_box(&b, paths[i], NULL, NULL);
    assert_non_null(b.notifier);
    assert_told(&b, "");
    kl_notifier_ready(b.notifier);
    assert_told(&b, "READY=1");
    kl_notifier_status(b.notifier, "%d scripts run\nREADY=0", 3);
    assert_told(&b, "STATUS=3 scripts run READY=0");
    int64_t before = kl_mono_ns(kl_clock_real()) / 1000, at = 0;
    kl_notifier_reloading(b.notifier);
    char text[128] = "";
    assert_true(recv(b.fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    static const char head[] = "RELOADING=1\nMONOTONIC_USEC=";
    assert_memory_equal(text, head, strlen(head));
    at = strtoll(text + strlen(head), NULL, 10);
    assert_true(at >= before && at <= kl_mono_ns(kl_clock_real()) / 1000);
    kl_notifier_ready(b.notifier);
    assert_told(&b, "READY=1");
    kl_notifier_stopping(b.notifier);
    kl_notifier_stopping(b.notifier);
    kl_notifier_reloading(b.notifier); /* a reload that comes too late, and one that the end cuts off */
    kl_notifier_ready(b.notifier);
    assert_told(&b, "STOPPING=1");
    assert_told(&b, "");
    close_box(&b);
  }
}

static void the_watchdog_hears_of_the_loop(void **state) {
  (void)state;
  kl_box b;
  open_box(&b, "@kl_notify_", "40000", NULL);
  usleep(50000);
  uv_run(&b.loop, UV_RUN_NOWAIT);
  assert_told(&b, ""); /* not before it is ready */
  kl_notifier_ready(b.notifier);
  assert_told(&b, "READY=1");
  assert_told(&b, "WATCHDOG=1");
  for (int i = 0; i < 5; i++) {
    usleep(25000);
    assert_told(&b, ""); /* a loop that does not turn says nothing */
    uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_told(&b, "WATCHDOG=1");
  }
  close_box(&b);
}

static void a_watchdog_of_another_process_is_not_meant(void **state) {
  (void)state;
  static const char *const times[] = {"40000", "", "-", "0"};
  char own[24];
  snprintf(own, sizeof own, "%d", (int)getpid());
  for (int i = 0; i < 4; i++) {
    kl_box b;
    open_box(&b, "@kl_notify_", times[i], i ? own : "1");
    kl_notifier_ready(b.notifier);
    assert_told(&b, "READY=1");
    assert_told(&b, "");
    close_box(&b);
  }
}

static void scripts_do_not_see_it(void **state) {
  (void)state;
  kl_box b;
  open_box(&b, "@kl_notify_", "40000", "1");
  assert_null(getenv("NOTIFY_SOCKET"));
  assert_null(getenv("WATCHDOG_USEC"));
  assert_null(getenv("WATCHDOG_PID"));
  close_box(&b);
}

static void nobody_needs_to_listen(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  assert_null(kl_notifier_open(&loop));
  static const char *const bad[] = {
      "", "relative", "@", "vsock:2:1",
      "/a/path/that/is/longer/than/the/108/bytes/that/the/address/of/a/socket/has/room/for/so/that/it/cannot/be/one"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    setenv("NOTIFY_SOCKET", bad[i], 1);
    assert_null(kl_notifier_open(&loop));
  }
  kl_notifier_ready(NULL);
  kl_notifier_reloading(NULL);
  kl_notifier_stopping(NULL);
  kl_notifier_status(NULL, "x");
  kl_notifier_close(NULL);
  setenv("NOTIFY_SOCKET", "/nobody/listens", 1);
  kl_notifier *n = kl_notifier_open(&loop);
  assert_non_null(n);
  kl_notifier_ready(n);
  kl_notifier_close(n);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_is_told),
      cmocka_unit_test(the_watchdog_hears_of_the_loop),
      cmocka_unit_test(a_watchdog_of_another_process_is_not_meant),
      cmocka_unit_test(scripts_do_not_see_it),
      cmocka_unit_test(nobody_needs_to_listen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
