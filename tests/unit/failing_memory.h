/* A process that has no memory for once: the program's own allocations, of which a test chooses the one that fails. The
 * test is linked with --wrap for each of the functions (tests/CMakeLists.txt). */
#ifndef KL_FAILING_MEMORY_H
#define KL_FAILING_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The linker leads all calls of the program here. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long allocations_left; /* of the program: allocations until the one that fails; 0: none does */
static bool failed;

/* Counts one allocation of those that *count is for. */
static bool fails(long *count) {
  if (*count == 0 || --*count > 0) return false;
  failed = true;
  return true;
}

void *__wrap_malloc(size_t n) { return fails(&allocations_left) ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t k, size_t n) { return fails(&allocations_left) ? NULL : __real_calloc(k, n); }
void *__wrap_realloc(void *p, size_t n) { return fails(&allocations_left) ? NULL : __real_realloc(p, n); }

char *__wrap_strndup(const char *s, size_t n) {
  size_t k = strnlen(s, n);
  char *copy = fails(&allocations_left) ? NULL : __real_malloc(k + 1);
  if (!copy) return NULL;
  memcpy(copy, s, k);
  copy[k] = 0;
  return copy;
}

char *__wrap_strdup(const char *s) { return __wrap_strndup(s, strlen(s)); }

#endif
