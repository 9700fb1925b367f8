/* What counts as a script's own time, and what the machine took from it. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "script_world.h"

#define SECOND INT64_C(1000000000)

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

static int64_t own_ns(void) {
  struct timespec t;
  assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
  return t.tv_sec * SECOND + t.tv_nsec;
}

/* The whole process stands still for two seconds, in the midst of this call. */
static int stand_still(lua_State *L) {
  (void)L;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    usleep(150000); /* the helper has seen that something runs */
    kill(getppid(), SIGSTOP);
    sleep(2);
    kill(getppid(), SIGCONT);
    _exit(0);
  }
  int64_t last = now_ns();
  for (bool stood = false; !stood;) {
    usleep(1000);
    int64_t now = now_ns();
    stood = now - last > SECOND;
    last = now;
  }
  assert_int_equal(waitpid(child, NULL, 0), child);
  return 0;
}

static atomic_bool over;

static void *work(void *unused) {
  while (!atomic_load_explicit(&over, memory_order_relaxed)) {
  }
  return unused;
}

/* Works for 0.1 s on a processor that this thread shares with twenty others. */
static int share(lua_State *L) {
  (void)L;
  enum { OTHERS = 20 };
  pthread_t others[OTHERS];
  cpu_set_t all, one;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  size_t cpu = 0;
  while (!CPU_ISSET(cpu, &all))
    cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0); /* of this thread, and of what it starts */
  atomic_store(&over, false);
  for (size_t i = 0; i < OTHERS; i++)
    assert_int_equal(pthread_create(&others[i], NULL, work, NULL), 0);
  for (int64_t begin = own_ns(); own_ns() - begin < SECOND / 10;) {
  }
  atomic_store(&over, true);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
  for (size_t i = 0; i < OTHERS; i++)
    pthread_join(others[i], NULL);
  return 0;
}

static int rest(lua_State *L) {
  (void)L;
  int64_t begin = now_ns();
  while (now_ns() - begin < 2 * SECOND)
    usleep(1000);
  return 0;
}

static int open_act(lua_State *L) {
  luaL_newlib(L, ((luaL_Reg[]){{"stand_still", stand_still}, {"share", share}, {"rest", rest}, {NULL, NULL}}));
  return 1;
}

/* NULL: it came to its end. */
static const char *error_of(const char *source, char *out, size_t cap) {
  world w;
  world_open(&w, 500);
  kl_script_options o = {.source = source, .name = "s", .env = "sim", .cpu_ms = 1000};
  kl_script *s;
  kl_error e;
  assert_true(kl_script_start(w.host, &o, &s, &e));
  world_run(&w);
  snprintf(out, cap, "%s", w.failed ? kl_script_error(s) : "");
  world_close(&w);
  return *out ? out : NULL;
}

static void a_process_that_stood_still_blames_no_script(void **state) {
  (void)state;
  char error[512];
  assert_null(
      error_of("require 'act'.stand_still() local n = 0 for i = 1, 1000 do n = n + i end", error, sizeof error));
}

static void nor_does_one_that_waited_for_a_processor(void **state) {
  (void)state;
  int known = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
  if (known < 0) skip();
  close(known);
  char error[512];
  assert_null(error_of("require 'act'.share() local n = 0 for i = 1, 1000 do n = n + i end", error, sizeof error));
}

static void a_call_that_waits_holds_the_loop_all_the_same(void **state) {
  (void)state;
  char error[512];
  const char *e = error_of("require 'act'.rest() local n = 0 for i = 1, 1000 do n = n + i end", error, sizeof error);
  assert_non_null(e);
  assert_contains(e, "ran for more than 1000 ms without waiting");
}

int main(void) {
  world_modules_add("act", open_act);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_process_that_stood_still_blames_no_script),
      cmocka_unit_test(nor_does_one_that_waited_for_a_processor),
      cmocka_unit_test(a_call_that_waits_holds_the_loop_all_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
