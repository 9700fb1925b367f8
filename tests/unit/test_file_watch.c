/* A save is told once, and none is missed, in all the ways that editors and deployments have of saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "script/file_watch.h"

/* Long enough for a second report of the same save, had there been one. */
enum { AFTER_MS = 35, PATIENCE_MS = 20000, LATE_MS = 200 };

typedef struct kl_box {
  uv_loop_t loop;
  uv_timer_t timer;
  kl_file_watch *watch;
  int told;
  bool timed_out, late; /* late: this process did not get to run when it should have */
  char folder[64];
} kl_box;

static void on_changed(void *data) { ((kl_box *)data)->told++; }
static void on_timer(uv_timer_t *t) { ((kl_box *)t->data)->timed_out = true; }

static void run_for(kl_box *b, int ms) {
  b->timed_out = false;
  uv_update_time(&b->loop);
  uint64_t start = uv_now(&b->loop);
  uv_timer_start(&b->timer, on_timer, (uint64_t)ms, 0);
  while (!b->timed_out)
    uv_run(&b->loop, UV_RUN_ONCE);
  b->late = uv_now(&b->loop) - start > LATE_MS;
}

/* Until there was another report. */
static void run_until_told(kl_box *b) {
  int before = b->told;
  b->timed_out = false;
  uv_update_time(&b->loop);
  uv_timer_start(&b->timer, on_timer, PATIENCE_MS, 0);
  while (b->told == before && !b->timed_out)
    uv_run(&b->loop, UV_RUN_ONCE);
  uv_timer_stop(&b->timer);
  assert_false(b->timed_out);
}

#define assert_told_once(b)                                                                                            \
  do {                                                                                                                 \
    (b)->told = 0;                                                                                                     \
    run_until_told(b);                                                                                                 \
    run_for(b, AFTER_MS);                                                                                              \
    assert_int_equal((b)->told, 1);                                                                                    \
  } while (0)

#define assert_told_nothing(b, ms)                                                                                     \
  do {                                                                                                                 \
    (b)->told = 0;                                                                                                     \
    run_for(b, ms);                                                                                                    \
    assert_int_equal((b)->told, 0);                                                                                    \
  } while (0)

/* What is incomplete is waited for, but not for ever. */
#define assert_waits(b)                                                                                                \
  do {                                                                                                                 \
    (b)->told = 0;                                                                                                     \
    run_for(b, AFTER_MS);                                                                                              \
    assert_true((b)->told == 0 || (b)->late);                                                                          \
  } while (0)

static void shell(const char *command) { assert_int_equal(system(command), 0); }

static int open_for(const char *path, int flags) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (fd < 0) fail_msg("%s cannot be opened", path);
  return fd;
}

static void put(int fd, const char *text) { assert_int_equal(write(fd, text, strlen(text)), strlen(text)); }

static void save(const char *path, const char *text) {
  int fd = open_for(path, O_TRUNC);
  put(fd, text);
  close(fd);
}

static void watch(kl_box *b, size_t n, const char *const *paths) {
  kl_error e;
  if (!kl_file_watch_set(b->watch, paths, n, &e)) fail_msg("%s", e.message);
}
#define WATCH(b, ...)                                                                                                  \
  watch(b, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *), (const char *[]){__VA_ARGS__})

static int setup(void **state) {
  kl_box *b = calloc(1, sizeof *b);
  if (!b) return -1;
  strcpy(b->folder, "/tmp/kl_watch_XXXXXX");
  if (!mkdtemp(b->folder) || chdir(b->folder) != 0) return -1;
  uv_loop_init(&b->loop);
  uv_timer_init(&b->loop, &b->timer);
  b->timer.data = b;
  b->watch = kl_file_watch_new(&b->loop, on_changed, b);
  *state = b;
  return b->watch ? 0 : -1;
}

static int teardown(void **state) {
  kl_box *b = *state;
  kl_file_watch_close(b->watch);
  uv_close((uv_handle_t *)&b->timer, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  int rc = uv_loop_close(&b->loop);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", b->folder);
  if (chdir("/") != 0 || system(command) != 0) rc = -1;
  free(b);
  return rc;
}

/* ---- one file ---- */

static void by_writing(void) { save("maker.lua", "return 2\n"); }

static void by_writing_in_pieces(void) {
  int fd = open_for("maker.lua", O_TRUNC);
  for (int i = 0; i < 50; i++)
    put(fd, "local a = 1\n");
  fsync(fd);
  close(fd);
}

static void by_truncating_first(void) {
  close(open_for("maker.lua", O_TRUNC));
  int fd = open_for("maker.lua", 0);
  put(fd, "return 3\n");
  close(fd);
}

static void by_renaming(void) {
  save("maker.lua.tmp", "return 4\n");
  assert_int_equal(rename("maker.lua.tmp", "maker.lua"), 0);
}

static void by_renaming_in_two_steps(void) {
  save("maker.lua.new", "return 5\n");
  assert_int_equal(rename("maker.lua", "maker.lua.old"), 0);
  assert_int_equal(rename("maker.lua.new", "maker.lua"), 0);
}

static void by_removing_first(void) {
  unlink("maker.lua");
  save("maker.lua", "return 6\n");
}

/* It looks whether the folder can be written to, moves the file away, writes it anew and removes the backup. */
static void as_vim(void) {
  close(open_for("4913", O_EXCL));
  unlink("4913");
  assert_int_equal(rename("maker.lua", "maker.lua~"), 0);
  int fd = open_for("maker.lua", O_TRUNC);
  put(fd, "return 7\n");
  close(fd);
  chmod("maker.lua", 0640);
  unlink("maker.lua~");
}

/* A lock that is a link, a copy as the backup, written in place. */
static void as_emacs(void) {
  assert_int_equal(symlink("me@here.1:2", ".#maker.lua"), 0);
  shell("cp -p maker.lua maker.lua~");
  int fd = open_for("maker.lua", O_TRUNC);
  put(fd, "return 8\n");
  fsync(fd);
  close(fd);
  unlink(".#maker.lua");
}

static void as_code(void) {
  int fd = open_for("maker.lua", 0);
  assert_int_equal(ftruncate(fd, 0), 0);
  put(fd, "return 9\n");
  close(fd);
}

static void by_sed(void) { shell("sed -i 's/return/return  /' maker.lua"); }
static void by_cp(void) { shell("echo return 10 > other; cp other maker.lua"); }
static void by_install(void) { shell("echo return 11 > other; install -m 644 other maker.lua"); }
static void by_hard_link(void) { shell("rm -f other; echo return 12 > other; ln -f other maker.lua"); }
static void by_symbolic_link(void) {
  unlink("maker.lua");
  save("other.lua", "return 13\n");
  assert_int_equal(symlink("other.lua", "maker.lua"), 0);
}

static void (*const ways[])(void) = {by_writing,
                                     by_writing_in_pieces,
                                     by_truncating_first,
                                     by_renaming,
                                     by_renaming_in_two_steps,
                                     by_removing_first,
                                     as_vim,
                                     as_emacs,
                                     as_code,
                                     by_sed,
                                     by_cp,
                                     by_install,
                                     by_hard_link,
                                     by_symbolic_link};
enum { WAYS = sizeof ways / sizeof *ways };

static void every_way_of_saving_is_told_once(void **state) {
  kl_box *b = *state;
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  assert_told_nothing(b, 20);
  for (size_t i = 0; i < WAYS; i++) {
    ways[i]();
    assert_told_once(b);
  }
}

/* The program itself, where it is there. */
static void vim_is_told_once(void **state) {
  kl_box *b = *state;
  if (system("command -v vim >/dev/null 2>&1") != 0) skip();
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  for (int i = 0; i < 2; i++) {
    shell(i ? "vim -u NONE -es -c 's/1/2/' -c 'set backupcopy=no' -c wq maker.lua"
            : "vim -u NONE -es -c 's/1/1 + 1/' -c 'set backupcopy=yes backup' -c wq maker.lua");
    assert_told_once(b);
  }
}

/* All ways but the last, after which another one of them would write through the link. */
static void a_thousand_saves_are_a_thousand_calls(void **state) {
  kl_box *b = *state;
  static void (*const quick[])(void) = {by_writing, by_renaming, by_removing_first, as_vim, as_code};
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  for (int i = 0; i < 1000; i++) {
    quick[i % 5]();
    run_until_told(b);
  }
  run_for(b, AFTER_MS);
  assert_int_equal(b->told, 1000);
}

static void what_is_not_complete_is_waited_for(void **state) {
  kl_box *b = *state;
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  /* open, half written */
  int fd = open_for("maker.lua", O_TRUNC);
  put(fd, "return ");
  assert_waits(b);
  put(fd, "2\n");
  assert_waits(b);
  close(fd);
  assert_told_once(b);
  /* empty */
  close(open_for("maker.lua", O_TRUNC));
  assert_waits(b);
  save("maker.lua", "return 3\n");
  assert_told_once(b);
  /* away */
  assert_int_equal(rename("maker.lua", "away.lua"), 0);
  assert_waits(b);
  save("maker.lua", "return 4\n");
  assert_told_once(b);
}

static void what_stays_incomplete_is_told_too(void **state) {
  kl_box *b = *state;
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  int fd = open_for("maker.lua", O_APPEND);
  put(fd, "-- never closed\n");
  assert_told_once(b);
  close(fd);
  assert_told_once(b);
  close(open_for("maker.lua", O_TRUNC));
  assert_told_once(b);
  unlink("maker.lua");
  assert_told_once(b);
  save("maker.lua", "return 2\n");
  assert_told_once(b);
}

static void other_files_are_nobodys_business(void **state) {
  kl_box *b = *state;
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  save("other.lua", "return 1\n");
  by_renaming();
  assert_told_once(b);
  save("other.lua", "return 2\n");
  shell("mkdir sub; touch sub/maker.lua; cat maker.lua > sub/x; mv sub/x y; rm -r sub; chmod 600 maker.lua");
  int log = open_for("log.txt", O_APPEND);
  for (int i = 0; i < 1000; i++)
    put(log, "a line\n");
  close(log);
  assert_told_nothing(b, 100);
}

/* ---- several ---- */

static void several_files_are_told_once(void **state) {
  kl_box *b = *state;
  shell(
      "mkdir -p lib new/lib; for f in maker lib/a lib/b lib/c; do echo return 1 > $f.lua; echo return 2 > new/$f.lua; "
      "done");
  WATCH(b, "maker.lua", "lib/a.lua", "lib/b.lua", "lib/c.lua");
  shell("cp -r new/. .");
  assert_told_once(b);
  shell("for f in maker lib/a lib/b lib/c; do mv new/$f.lua $f.lua; done");
  assert_told_once(b);
  shell("rm -r lib; mkdir lib; for f in a b c; do echo return 3 > lib/$f.lua; done");
  assert_told_once(b);
  if (system("command -v git >/dev/null 2>&1") != 0) skip();
  shell("git init -q . && git add maker.lua lib && git -c user.name=a -c user.email=a@b.test commit -qm 1 && "
        "git checkout -qb two && for f in maker lib/a lib/b lib/c; do echo return 4 > $f.lua; done && "
        "git -c user.name=a -c user.email=a@b.test commit -qam 2");
  assert_told_once(b);
  shell("git checkout -q -");
  assert_told_once(b);
  shell("git checkout -q two");
  assert_told_once(b);
}

/* The second file comes when the first was told already: what follows belongs together again. */
static void files_that_come_slowly_are_two_calls_at_most(void **state) {
  kl_box *b = *state;
  shell("for i in 1 2 3 4 5 6 7 8; do echo return 1 > m$i.lua; done");
  WATCH(b, "m1.lua", "m2.lua", "m3.lua", "m4.lua", "m5.lua", "m6.lua", "m7.lua", "m8.lua");
  save("m1.lua", "return 2\n");
  run_until_told(b);
  shell("for i in 2 3 4 5 6 7 8; do echo return 2 > m$i.lua; done");
  assert_told_once(b);
}

static void watches_of_one_loop_do_not_disturb_each_other(void **state) {
  kl_box *b = *state;
  kl_box other = {0};
  kl_file_watch *w = kl_file_watch_new(&b->loop, on_changed, &other);
  kl_error e;
  save("maker.lua", "return 1\n");
  save("taker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  assert_true(kl_file_watch_set(w, (const char *[]){"taker.lua", "maker.lua"}, 2, &e));
  save("taker.lua", "return 2\n");
  assert_told_nothing(b, AFTER_MS);
  assert_int_equal(other.told, 1);
  by_renaming();
  assert_told_once(b);
  assert_int_equal(other.told, 2);
  kl_file_watch_close(w);
  as_vim();
  assert_told_once(b);
  assert_int_equal(other.told, 2);
}

/* ---- folders and links ---- */

static void a_release_folder_is_switched(void **state) {
  kl_box *b = *state;
  shell("mkdir -p releases/1/lib releases/2/lib releases/3/lib; for i in 1 2 3; do echo return $i > "
        "releases/$i/maker.lua; echo return $i > releases/$i/lib/a.lua; done; ln -s releases/1 current");
  WATCH(b, "current/maker.lua", "current/lib/a.lua");
  shell("ln -sfn releases/2 current");
  assert_told_once(b);
  shell("ln -s releases/3 next; mv -T next current");
  assert_told_once(b);
  unlink("current");
  assert_int_equal(symlink("releases/1", "current"), 0);
  assert_told_once(b);
  shell("echo return 4 > releases/1/maker.lua"); /* the one it leads to now */
  assert_told_once(b);
  shell("echo return 4 > releases/2/maker.lua"); /* and no other */
  assert_told_nothing(b, AFTER_MS);
  shell("ln -sfn releases/1 current"); /* the same again */
  assert_told_nothing(b, AFTER_MS);
}

static void links_of_links_are_followed(void **state) {
  kl_box *b = *state;
  shell("mkdir -p a/b c; echo return 1 > a/b/real.lua; echo return 2 > a/b/real2.lua; ln -s ../a/b c/d; "
        "ln -s $PWD/c/d/real.lua maker.lua; ln -s loop loop");
  WATCH(b, "./maker.lua", "loop/x.lua");
  save("a/b/real.lua", "return 2\n");
  assert_told_once(b);
  shell("ln -sf c/d/../b/real2.lua maker.lua");
  assert_told_once(b);
  save("a/b/real2.lua", "return 5\n");
  assert_told_once(b);
  shell("mkdir -p x; cp a/b/real2.lua x; touch -d 2020-01-01 x/*; mkdir e; mv a/b e; mv x a/b"); /* a folder for another
                                                                                                  */
  assert_told_once(b);
}

static void folders_come_and_go(void **state) {
  kl_box *b = *state;
  WATCH(b, "deep/er/maker.lua", "deep/er/lib/a.lua");
  assert_told_nothing(b, 20);
  shell("mkdir -p deep/er; echo return 1 > deep/er/maker.lua");
  assert_told_once(b);
  save("deep/er/maker.lua", "return 2\n");
  assert_told_once(b);
  shell("mkdir deep/er/lib; echo return 1 > deep/er/lib/a.lua");
  assert_told_once(b);
  shell("rm -r deep; mkdir -p deep/er/lib; echo return 3 > deep/er/maker.lua; echo return 2 > deep/er/lib/a.lua");
  assert_told_once(b);
  save("deep/er/lib/a.lua", "return 3\n");
  assert_told_once(b);
  shell("cp -r deep other; echo return 4 > other/er/maker.lua; mv deep old; mv other deep");
  assert_told_once(b);
  save("deep/er/maker.lua", "return 5\n");
  assert_told_once(b);
  shell("rm -r deep");
  assert_told_once(b);
  shell("mkdir -p deep/er");
  assert_told_nothing(b, AFTER_MS);
  save("deep/er/maker.lua", "return 6\n");
  assert_told_once(b);
}

/* ---- the set ---- */

static void the_set_can_be_replaced(void **state) {
  kl_box *b = *state;
  shell("for f in a b c; do echo return 1 > $f.lua; done");
  WATCH(b, "a.lua", "b.lua", "a.lua");
  save("b.lua", "return 2\n");
  WATCH(b, "b.lua", "c.lua"); /* a change that waits is not forgotten */
  assert_told_once(b);
  save("a.lua", "return 2\n");
  assert_told_nothing(b, AFTER_MS);
  save("c.lua", "return 2\n");
  WATCH(b, "b.lua"); /* of one that is watched no more it is */
  assert_told_nothing(b, AFTER_MS);
  char longer[PATH_MAX + 8];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  kl_error e;
  assert_false(kl_file_watch_set(b->watch, (const char *[]){"c.lua", longer}, 2, &e));
  assert_non_null(strstr(e.message, "too long"));
  save("c.lua", "return 3\n");
  assert_told_nothing(b, AFTER_MS);
  save("b.lua", "return 3\n");
  assert_told_once(b);
}

static void close_it(void *data) {
  kl_box *b = data;
  b->told++;
  kl_file_watch_close(b->watch);
  b->watch = NULL;
}

static void it_may_be_closed_by_its_call(void **state) {
  kl_box *b = *state;
  kl_file_watch_close(b->watch);
  b->watch = kl_file_watch_new(&b->loop, close_it, b);
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  by_writing();
  assert_told_once(b);
  by_writing();
  assert_told_nothing(b, 20);
}

static size_t descriptors(void) {
  DIR *d = opendir("/proc/self/fd");
  assert_non_null(d);
  size_t n = 0;
  while (readdir(d))
    n++;
  closedir(d);
  return n;
}

static void nothing_is_left_open(void **state) {
  kl_box *b = *state;
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  size_t before = descriptors();
  for (int i = 0; i < 20; i++) {
    kl_file_watch *w = kl_file_watch_new(&b->loop, on_changed, b);
    kl_error e;
    assert_true(kl_file_watch_set(w, (const char *[]){"maker.lua", "x/y.lua"}, 2, &e));
    if (i % 2) run_for(b, 1);
    kl_file_watch_close(w);
  }
  run_for(b, 1);
  assert_int_equal(descriptors(), before); /* one for all watches of the loop */
  kl_file_watch_close(b->watch);
  b->watch = NULL;
  run_for(b, 1);
  assert_int_equal(descriptors(), before - 1);
}

/* A save whose events the kernel threw away, since nobody read them in time. */
static void lost_events_are_a_change(void **state) {
  kl_box *b = *state;
  long most = 0;
  FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
  char line[32] = "";
  if (f && fgets(line, sizeof line, f)) most = strtol(line, NULL, 10);
  if (f) fclose(f);
  if (most <= 0 || most > 20000) skip();
  save("maker.lua", "return 1\n");
  WATCH(b, "maker.lua");
  for (long i = 0; i <= most; i++) { /* a touched file is an event, when it is not the one before */
    char name[32];
    snprintf(name, sizeof name, "x%ld", i % 2);
    close(open_for(name, 0));
  }
  by_renaming();
  assert_told_once(b);
  by_writing();
  assert_told_once(b);
}

/* Without a descriptor for inotify the files are looked at, and that is said once. */
static void without_inotify_files_are_looked_at(void **state) {
  kl_box *b = *state;
  kl_file_watch_close(b->watch);
  run_for(b, 1);
  assert_true(kl_log_open(KL_LOG_INFO, false, "log.txt"));
  struct rlimit old, none;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  none = old;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  b->watch = kl_file_watch_new(&b->loop, on_changed, b);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
  save("maker.lua", "return 1\n");
  save("a.lua", "return 1\n");
  WATCH(b, "maker.lua", "a.lua");
  as_vim();
  save("a.lua", "return 2\n");
  assert_told_once(b);
  WATCH(b, "a.lua");
  kl_file_watch_close(b->watch);
  b->watch = NULL;
  kl_log_close();
  shell("test $(grep -c 'once a second' log.txt) = 1");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(every_way_of_saving_is_told_once),
      TEST(vim_is_told_once),
      TEST(a_thousand_saves_are_a_thousand_calls),
      TEST(what_is_not_complete_is_waited_for),
      TEST(what_stays_incomplete_is_told_too),
      TEST(other_files_are_nobodys_business),
      TEST(several_files_are_told_once),
      TEST(files_that_come_slowly_are_two_calls_at_most),
      TEST(watches_of_one_loop_do_not_disturb_each_other),
      TEST(a_release_folder_is_switched),
      TEST(links_of_links_are_followed),
      TEST(folders_come_and_go),
      TEST(the_set_can_be_replaced),
      TEST(it_may_be_closed_by_its_call),
      TEST(nothing_is_left_open),
      TEST(lost_events_are_a_change),
      TEST(without_inotify_files_are_looked_at),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
