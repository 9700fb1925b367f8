/* Counts what the program allocates, in all its libraries. Included by one file of a program; its definitions win over
 * those of the C library. */
#ifndef KL_TEST_ALLOCATIONS_H
#define KL_TEST_ALLOCATIONS_H

#include <stddef.h>
#include <stdint.h>

static uint64_t allocations;

#if defined(__SANITIZE_ADDRESS__)
#define KL_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KL_TEST_ASAN 1
#endif
#endif
#ifdef KL_TEST_ASAN
/* As <sanitizer/allocator_interface.h> has it, which not every compiler installs. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *p, size_t n),
                                                     void (*on_free)(const volatile void *p));
static void on_malloc(const volatile void *p, size_t n) {
  (void)p;
  (void)n;
  allocations++;
}
static void on_free(const volatile void *p) { (void)p; }
static void count_allocations(void) { __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free); }
#else
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t k, size_t n);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n) {
  allocations++;
  return __libc_malloc(n);
}
void *calloc(size_t k, size_t n) {
  allocations++;
  return __libc_calloc(k, n);
}
void *realloc(void *p, size_t n) {
  allocations++;
  return __libc_realloc(p, n);
}
static void count_allocations(void) {}
#endif

#endif
