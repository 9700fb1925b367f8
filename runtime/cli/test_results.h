/* What came of the tests of `kalua test`: kept until the end, and told to the reports as it comes. */
#ifndef KL_CLI_TEST_RESULTS_H
#define KL_CLI_TEST_RESULTS_H

#include "base/buf.h"
#include "bindings/test_run.h"

typedef struct kl_test_result {
  kl_test_outcome outcome;
  const char *file;   /* the script */
  char *group, *name; /* name "": the file itself, outside of its tests */
  double seconds;
  char *place; /* the file of the line where it failed, or where it stands; NULL: unknown */
  int line;
  char *source;                   /* that line, without its indentation; NULL: unknown */
  char *message, *detail, *calls; /* NULL: none */
  kl_buf output;                  /* what was printed and logged meanwhile: lines, each with its end */
} kl_test_result;

typedef struct kl_test_results {
  kl_test_result **items; /* owned */
  size_t n, cap;
  size_t passed, failed, pending, listed, files;
  double seconds;
  bool interrupted, lost; /* lost: memory ran out, so that some are missing */
} kl_test_results;

/* Adds one; `output` is taken and left empty. NULL when memory is out. The file's name is borrowed. */
const kl_test_result *kl_test_results_add(kl_test_results *all, const char *file, const kl_test_report *r,
                                          double seconds, kl_buf *output);
void kl_test_results_free(kl_test_results *all);

/* The bytes of the character that begins at p; 0 where those up to p + n are no UTF-8. */
size_t kl_test_character(const char *p, size_t n);
/* "describe it"; of a file itself its name. */
void kl_test_full_name(kl_buf *out, const kl_test_result *r);

/* How they are told: each, as it comes; at the end. Writes to standard output. */
typedef struct kl_test_reporter {
  void (*file)(void *data, const char *file); /* the tests of the next one follow; may be NULL */
  void (*result)(void *data, const kl_test_result *r, size_t number);
  void (*end)(void *data, const kl_test_results *all); /* may be NULL */
} kl_test_reporter;

/* For people; with `terminal` as a tree, with `colour` coloured. */
typedef struct kl_test_list {
  bool terminal, colour;
  kl_buf group; /* the last one that was shown */
  const char *file;
} kl_test_list;
extern const kl_test_reporter kl_test_list_reporter; /* data: kl_test_list */
extern const kl_test_reporter kl_test_tap_reporter;  /* data: NULL; TAP version 14 */
extern const kl_test_reporter kl_test_json_reporter; /* data: NULL; an object a line */

/* JUnit's XML. */
void kl_test_junit(kl_buf *out, const kl_test_results *all);

#endif
