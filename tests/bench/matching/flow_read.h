/* Reading the commands and saying what came of them, for the engines of the bench. */
#ifndef KL_BENCH_FLOW_READ_H
#define KL_BENCH_FLOW_READ_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "flow.h"

static inline flow_command *flow_read(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) {
    perror(path);
    exit(1);
  }
  long bytes = ftell(f);
  rewind(f);
  flow_command *all = (flow_command *)malloc((size_t)bytes + 1);
  *n = (size_t)bytes / sizeof *all;
  if (!all || fread(all, sizeof *all, *n, f) != *n) {
    fprintf(stderr, "%s cannot be read\n", path);
    exit(1);
  }
  fclose(f);
  return all;
}

static inline double flow_cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void flow_report(size_t commands, double seconds, const flow_sum *s) {
  printf("{\"commands\":%zu,\"seconds\":%.6f,\"trades\":%" PRIu64 ",\"contracts\":%" PRIu64 ",\"check\":%" PRIu64 "}\n",
         commands, seconds, s->trades, s->contracts, s->check);
}

#endif
