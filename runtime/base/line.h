/* Memory that begins with a cache line: for what every message touches, so that it touches few lines. */
#ifndef KL_LINE_H
#define KL_LINE_H

#include <stdlib.h>
#include <string.h>

enum { KL_LINE = 64 }; /* bytes; of the processors that matter here */

/* As calloc(1, size); to be freed with free. */
static inline void *kl_line_alloc(size_t size) {
  size_t whole = (size + KL_LINE - 1) / KL_LINE * KL_LINE;
  void *p = aligned_alloc(KL_LINE, whole);
  if (p) memset(p, 0, whole);
  return p;
}

#endif
