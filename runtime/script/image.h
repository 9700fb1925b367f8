/* Plain data of Lua as bytes: how state crosses from one version of a strategy to the next, to a file, and over the
 * bus. Nil, booleans, integers, floats (kept apart, every bit kept), strings and tables of them, of any depth, with any
 * keys; cycles and shared tables stay what they are. The null pointer (json.null) crosses as itself.
 *
 * A table with a metatable is refused: its methods would be left behind in silence. Error objects and the empty arrays
 * of JSON, which are plain data with a mark, cross as what they are. */
#ifndef KL_IMAGE_H
#define KL_IMAGE_H

#include <lua.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the image of the value at idx. What cannot cross raises a "validation" error that names the path, as
 * `kalua.state.books[3].refresh: a function is not plain data: …`; `root` is how the path begins. Tables are read raw.
 * The same unchanged value gives the same bytes twice. May be used on a state whose tasks are suspended. `out` has to
 * be owned by something that frees it when this raises; its content is of no use then. */
void kl_image_write(lua_State *L, int idx, const char *root, kl_buf *out); /* raises */
/* Pushes the value of an image. One that is damaged raises "validation", whatever its bytes are; it never reads beyond
 * n, and takes no more memory than some 30 times n. `p` stays the caller's. */
void kl_image_read(lua_State *L, const void *p, size_t n); /* raises */

/* The metatables that cross. */
typedef enum { KL_MARK_ERROR = 1, KL_MARK_ARRAY } kl_image_mark;
/* Makes the table at the top, popped, the metatable of that mark in this state. */
void kl_image_set_mark(lua_State *L, kl_image_mark mark); /* raises */
/* Pushes it; an empty one is made where there is none yet. */
void kl_image_push_mark(lua_State *L, kl_image_mark mark); /* raises */

#endif
