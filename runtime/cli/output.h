/* Standard output of scripts. Nobody is ever kept waiting by whoever reads it but the script that prints more than is
 * read: lines wait in memory, a share of it for each script. */
#ifndef KL_CLI_OUTPUT_H
#define KL_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "script/script.h"

typedef struct kl_output kl_output;

/* `room` is called from the loop when a script that had none has room again, and when writing has failed. NULL when
 * memory is out. Standard output is looked at when the first line comes. */
kl_output *kl_output_new(uv_loop_t *loop, void (*room)(void *data), void *data);
/* Whether less than its share of the memory (a megabyte) waits of this script's lines; true once writing has failed. */
bool kl_output_has_room(kl_output *o, const kl_script *s);
/* Adds a line, behind "[prefix] " where that is not NULL. Far beyond its share (8 MiB) a line is dropped, which is
 * counted and said in the log. */
void kl_output_line(kl_output *o, const kl_script *s, const char *prefix, const char *text, size_t n);
/* Writes what can be written without waiting. */
void kl_output_flush(kl_output *o);
/* Bytes that wait for the reader. */
size_t kl_output_pending(const kl_output *o);
/* The errno of the write that failed: the rest is lost. 0: none has. */
int kl_output_error(const kl_output *o);
/* Frees, from the loop; says how many lines are lost that were not taken. Takes NULL. */
void kl_output_close(kl_output *o);

#endif
