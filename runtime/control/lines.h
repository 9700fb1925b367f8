/* The last lines that a process said, for `kalua logs`: of each strategy its own, and those that belong to none. A line
 * of one strategy never pushes out another's. Safe from any thread. */
#ifndef KL_CONTROL_LINES_H
#define KL_CONTROL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  KL_LINES_KEPT = 1000,         /* of each source */
  KL_LINES_BYTES = 256 << 10,   /* of each source */
  KL_LINES_TEXT_MAX = 16 << 10, /* of one line; what is longer ends in "…" */
};

typedef struct kl_lines kl_lines;
/* Called after each put, from its thread; must be quick. */
kl_lines *kl_lines_new(void (*news)(void *data), void *data); /* NULL when out of memory */
void kl_lines_free(kl_lines *l);                              /* takes NULL */
/* From now on the lines of this source are kept apart. False when memory is out. */
bool kl_lines_source(kl_lines *l, const char *source);
/* `level` is static: "error", "info", …, or "print". A line for which there is no memory is counted as lost. */
void kl_lines_put(kl_lines *l, const char *level, const char *source, int64_t wall_us, const char *text, size_t n);

typedef struct kl_line {
  uint64_t number; /* in the order of all sources, from 1 */
  int64_t wall_us;
  const char *level;
  const char *source;
  const char *text; /* not terminated */
  size_t n;
} kl_line;

/* Calls fn for the lines behind number `*after`, oldest first, until it returns false (that line counts as given), and
 * moves `*after` to the last one given. `source` NULL: of all. fn may not call kl_lines_…, nor log. Returns the number
 * of the newest line behind `*after` that was dropped before it was read; 0: none. */
uint64_t kl_lines_read(kl_lines *l, const char *source, uint64_t *after, bool (*fn)(void *data, const kl_line *line),
                       void *data);
/* What to give as `*after` for the last n lines. */
uint64_t kl_lines_last(kl_lines *l, const char *source, size_t n);

#endif
