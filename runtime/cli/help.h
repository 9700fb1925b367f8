/* The pages of --help: as text, and as data for what is generated from them. */
#ifndef KL_HELP_H
#define KL_HELP_H

#include <stdio.h>

#include "base/buf.h"
#include "cli/cli.h"

typedef struct kl_help_page {
  const char *command;
  const char *usage; /* as for kl_opts_parse */
  const kl_opt *const *tables;
} kl_help_page;

/* Prints the page, or hands it to whoever has asked by kl_help_take. */
void kl_help_show(const kl_help_page *page);
/* The page of a command, borrowed for the call of `take`: the command is run with --help. */
void kl_help_take(const kl_command *c, void (*take)(void *data, const kl_help_page *page), void *data);

/* The options of `table` from `from` up to the next group, as lines of at most `width` columns. Where the group ends.
 */
const kl_opt *kl_help_options(kl_buf *b, const kl_opt *from, int width, bool (*shown)(const kl_opt *o));
/* A line that begins with `name` and goes on with `text` at `column`, wrapped to `width`. */
void kl_help_entry(kl_buf *b, const char *name, int column, const char *text, int width);
/* A paragraph. */
void kl_help_paragraph(kl_buf *b, const char *text, int width);
/* The columns to keep to: those of the terminal, at most 100; 80 where there is none. */
int kl_help_width(void);
/* Whether an option says all its values: "yes|no". */
bool kl_opt_has_values(const kl_opt *o);

/* What `kalua` alone prints. */
void kl_help_overview(FILE *out);
/* Every command with its options as one JSON object, which docs/generate reads. */
void kl_help_json(kl_buf *b);

#endif
