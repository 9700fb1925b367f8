/* Which lines of a Lua source have code that a debugger can stop at, functions inside of functions too. */
#ifndef KL_SCRIPT_CODE_LINES_H
#define KL_SCRIPT_CODE_LINES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_code_lines {
  unsigned char *has; /* by line, from 0; owned */
  int n;              /* lines in all, and one */
} kl_code_lines;

/* False, and `out` empty, where the text cannot be compiled or memory is out. */
bool kl_code_lines_of(const char *text, size_t n, kl_code_lines *out);
void kl_code_lines_free(kl_code_lines *lines);
/* The line itself, or the next one behind it that has code; 0: there is none. */
int kl_code_lines_next(const kl_code_lines *lines, int line);

#endif
