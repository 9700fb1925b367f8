/* Lines of standard input, read no further than somebody asks. */
#ifndef KL_PROMPT_LINES_H
#define KL_PROMPT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

typedef struct kl_input_lines kl_input_lines;

enum { KL_LINES_MAX = 16 << 20 }; /* bytes of one; the input ends at a longer one */

typedef enum kl_input_lines_state { KL_LINES_LATER, KL_LINES_LINE, KL_LINES_END, KL_LINES_FAILED } kl_input_lines_state;

/* `ready` is called when kl_input_lines_take may have something after it had not. NULL when memory is out. */
kl_input_lines *kl_input_lines_new(uv_loop_t *loop, int fd, void (*ready)(void *data), void *data);
/* The next line without its end, or for KL_LINES_FAILED why there is none; borrowed until the next call. */
kl_input_lines_state kl_input_lines_take(kl_input_lines *l, const char **p, size_t *n);
/* Frees, later, from the loop. Takes NULL. */
void kl_input_lines_close(kl_input_lines *l);

#endif
