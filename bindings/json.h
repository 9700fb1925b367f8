/* The JSON reader and writer behind bindings.h, for bindings that word their own errors. */
#ifndef KL_BINDINGS_JSON_H
#define KL_BINDINGS_JSON_H

#include "base/buf.h"
#include "bindings/bindings.h"

enum { KL_JSON_DEPTH = 100, KL_JSON_MESSAGE = 192 };

/* As kl_json_decode, but bad text leaves the stack as it was, fills `why` with one line and its byte offset, and
 * returns false. Raises only when Lua is out of memory. */
bool kl_json_read(lua_State *L, const char *p, size_t n, const kl_shape *shape, bool null_absent,
                  char why[KL_JSON_MESSAGE]);
/* As kl_json_encode, but what JSON cannot hold fills `why` and returns false; `out` then ends in the middle. Never
 * raises. Keys of objects are sorted, so equal values give equal text. */
bool kl_json_write(lua_State *L, int idx, kl_buf *out, char why[KL_JSON_MESSAGE]);

/* An empty buffer on the stack, released by Lua: for text that is built where Lua may raise. */
kl_buf *kl_push_buffer(lua_State *L); /* raises */

#endif
