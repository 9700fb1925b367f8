/* What a long run has counted, for a person to see: on stderr, and in front of the summary of scripts/test. */
#ifndef KL_TEST_COUNTS_H
#define KL_TEST_COUNTS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A line without its newline. Appended whole to the file that TEST_COUNTS names. */
static inline void count_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void count_line(const char *fmt, ...) {
  char line[512];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(line, sizeof line - 1, fmt, ap);
  va_end(ap);
  if (n < 0) return;
  fprintf(stderr, "%s\n", line);
  const char *path = getenv("TEST_COUNTS");
  FILE *f = path ? fopen(path, "a") : NULL;
  if (!f) return;
  fprintf(f, "%s\n", line);
  fclose(f);
}

#endif
