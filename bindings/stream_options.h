/* What the files of kalshi.subscribe share: its arguments, and questions over the feed. */
#ifndef KL_BINDINGS_STREAM_OPTIONS_H
#define KL_BINDINGS_STREAM_OPTIONS_H

#include "bindings/bindings.h"
#include "bindings/check.h"
#include "kalshi/feed.h"
#include "kalshi/operation.h"

/* A channel that is ours: what the feed itself has to tell. */
#define KL_STREAM_STATUS "kalshi.status"

typedef struct kl_stream_options {
  kl_feed_sub_options o; /* without callbacks; channels is empty when only KL_STREAM_STATUS was given */
  bool status;           /* KL_STREAM_STATUS was among the channels */
  bool raw;              /* messages are handed out as their texts */
  const char *one[2];
} kl_stream_options;

/* Reads the table at idx and leaves values on the stack that *out borrows from. Raises. */
void kl_stream_options_read(lua_State *L, int idx, kl_stream_options *out);
/* The strings of the array at idx, borrowed from it, as a NULL-terminated list that Lua owns and that is left on the
 * stack. `what` is for messages. Raises. */
const char *const *kl_stream_strings(lua_State *L, int idx, const char *what);

/* Asks for what the index channel of a subscription has to offer; waits, and returns one list. Raises. */
int kl_stream_available(lua_State *L, kl_feed *feed, kl_feed_sub *sub);

#endif
