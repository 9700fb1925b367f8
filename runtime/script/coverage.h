/* Which lines of the scripts' own files have run, and how often: for `kalua test --coverage`. Modules of the program
 * are not counted. One may be shared by hosts that come one after the other. */
#ifndef KL_SCRIPT_COVERAGE_H
#define KL_SCRIPT_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kl_coverage kl_coverage;

typedef struct kl_coverage_file {
  char *path;
  const unsigned char *has; /* by line, from 0: it has code */
  const uint32_t *counts;   /* by line: how often it ran */
  int lines;                /* lines in all, and one */
  size_t of, ran;           /* lines with code, and those of them that ran */
} kl_coverage_file;

kl_coverage *kl_coverage_new(void);    /* NULL when out of memory */
void kl_coverage_free(kl_coverage *c); /* takes NULL */
/* The lines of this file are not wanted. False when memory is out. */
bool kl_coverage_ignore(kl_coverage *c, const char *path);
/* The files of which a line ran, sorted by path, into *out (borrowed until the next call or the end). Once nothing runs
 * any more. False when memory ran out somewhere, so that lines are missing. */
bool kl_coverage_files(kl_coverage *c, const kl_coverage_file **out, size_t *n);

#endif
