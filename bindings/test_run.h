/* What the module `test` tells of the tests that it runs, and how far they may go: between lua/stdlib/test.lua and
 * `kalua test`. */
#ifndef KL_BINDINGS_TEST_RUN_H
#define KL_BINDINGS_TEST_RUN_H

#include <uv.h>

#include "script/script.h"

typedef enum { KL_TEST_PASSED, KL_TEST_FAILED, KL_TEST_PENDING, KL_TEST_LISTED } kl_test_outcome;

/* How a test, or what stands around the tests of a file, has ended. Borrowed texts; NULL where there is none. */
typedef struct kl_test_report {
  kl_test_outcome outcome;
  const char *group,
      *name;        /* names of the describe blocks around it, joined; name NULL: no test, but the file itself */
  const char *file; /* where it failed, or of one that is listed, where it stands */
  int line;
  const char *message, *detail; /* of one line; of several */
  const char *calls;            /* the lines of the scripts' files that led there, "file:line" one below the other */
} kl_test_report;

typedef struct kl_test_run kl_test_run;
struct kl_test_run {
  void *data;
  const char *filter; /* NULL: all tests */
  bool list;          /* they are only named */
  bool shuffled;
  int64_t seed;
  double limit_s; /* of each test, in real time */
  void (*began)(void *data, const char *group, const char *name);
  /* False: no further tests are wanted. */
  bool (*ended)(void *data, const kl_test_report *r);
  /* The file is through: all of its tests were reported. */
  void (*finished)(void *data);
  /* Zeroed before kl_test_run_open. */
  uv_timer_t limit;
  kl_script *script; /* of the test that runs */
  uint64_t task;     /* its id; 0: none runs */
  bool open, over, stuck;
};

enum { KL_TEST_PATIENCE_S = 5 };

/* Its timer is opened and closed on this loop, which is to turn once more after that. `stuck` says that a test did not
 * even end when its task was cancelled, some seconds after its limit: its script is stopped then. */
void kl_test_run_open(kl_test_run *r, uv_loop_t *loop);
void kl_test_run_close(kl_test_run *r);

/* Module `test_runner`: see test_run.c. */
int luaopen_kl_test_runner(lua_State *L);

#endif
