/* Passes standard output through a jq filter. The filter runs in a process of its own that can do nothing but compute
 * and write: no environment, no files, a memory ceiling; Ctrl-C ends it whatever it does. */
#ifndef KL_FILTER_H
#define KL_FILTER_H

#include "cli/cli.h"

typedef struct kl_filter_options {
  bool indent;      /* results over several lines */
  bool json;        /* strings with their quotes too */
  bool terminal;    /* control characters of results are shown and not sent */
  size_t memory_mb; /* ceiling */
} kl_filter_options;

typedef struct kl_filter kl_filter;

/* From here to kl_filter_finish standard output takes JSON texts, each of which is filtered. To be called before any
 * thread is started. False, with kind "usage", for an expression that is no filter. */
bool kl_filter_start(const char *expression, const kl_filter_options *o, kl_filter **out, kl_error *e);
/* Flushes standard output, waits for the filter to have done all and gives standard output back. `code` is the exit
 * code of what wrote: one that is not 0 stays, and says that the last text may be unfinished. Takes f. Returns the exit
 * code of both. */
int kl_filter_finish(kl_filter *f, int code);

#endif
