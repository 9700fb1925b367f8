#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/state_folder.h"

static char root[] = "/tmp/kalua-state-XXXXXX";

static int make_root(void **state) {
  (void)state;
  return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
  char path[256];
  static const char *const made[] = {"/a/b/kalua", "/a/b", "/a", "/.local/state/kalua", "/.local/state", "/.local", ""};
  (void)state;
  for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
    snprintf(path, sizeof path, "%s%s", root, made[i]);
    if (rmdir(path) != 0) return -1;
  }
  return 0;
}

static void is_made_for_this_user_alone(void **state) {
  char path[256], base[256], wanted[512];
  struct stat st;
  (void)state;
  snprintf(base, sizeof base, "%s/a/b", root);
  snprintf(wanted, sizeof wanted, "%s/kalua/history", base);
  setenv("XDG_STATE_HOME", base, 1);
  assert_true(kl_state_path(path, sizeof path, "history", false));
  assert_string_equal(path, wanted);
  assert_int_equal(stat(base, &st), -1);
  assert_true(kl_state_path(path, sizeof path, "history", true));
  assert_true(kl_state_path(path, sizeof path, "history", true));
  assert_string_equal(path, wanted);
  *strrchr(wanted, '/') = 0;
  assert_int_equal(stat(wanted, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
}

static void is_below_home_without_the_variable(void **state) {
  char path[256], wanted[256];
  (void)state;
  setenv("HOME", root, 1);
  snprintf(wanted, sizeof wanted, "%s/.local/state/kalua/journal", root);
  static const char *const unusable[] = {NULL, "", "not/absolute"};
  for (size_t i = 0; i < 3; i++) {
    unsetenv("XDG_STATE_HOME");
    if (unusable[i]) setenv("XDG_STATE_HOME", unusable[i], 1);
    assert_true(kl_state_path(path, sizeof path, "journal", true));
    assert_string_equal(path, wanted);
  }
}

static void says_where_it_cannot_be(void **state) {
  char path[256], small[16];
  (void)state;
  unsetenv("XDG_STATE_HOME");
  unsetenv("HOME");
  assert_false(kl_state_path(path, sizeof path, "journal", true));
  assert_int_equal(errno, ENOENT);
  assert_string_equal(path, "$XDG_STATE_HOME/kalua/journal");
  setenv("XDG_STATE_HOME", "/dev/null", 1);
  assert_false(kl_state_path(path, sizeof path, "journal", true));
  assert_int_equal(errno, ENOTDIR);
  assert_string_equal(path, "/dev/null/kalua/journal");
  assert_false(kl_state_path(small, sizeof small, "journal", true));
  assert_int_equal(errno, ENAMETOOLONG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(is_made_for_this_user_alone),
                                     cmocka_unit_test(is_below_home_without_the_variable),
                                     cmocka_unit_test(says_where_it_cannot_be)};
  return cmocka_run_group_tests(tests, make_root, remove_root);
}
