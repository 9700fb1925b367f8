/* Plain data of Lua as bytes: how state crosses from one version of a strategy to the next, to a file, and over the bus.
 * Nil, booleans, integers, floats (kept apart, every bit kept), strings and tables of them; cycles and shared tables
 * stay what they are. Metatables do not cross. */
#ifndef KL_IMAGE_H
#define KL_IMAGE_H

#include <lua.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the image of the value at idx. What cannot cross raises a "validation" error that names the path, as
 * `kalua.state.books[3].refresh: a function cannot …`; `root` is how the path begins. Tables are read raw. The same
 * unchanged value gives the same bytes twice. May be used on a state whose tasks are suspended. */
void kl_image_write(lua_State *L, int idx, const char *root, kl_buf *out); /* raises */
/* Pushes the value of an image. An image that is damaged raises, whatever its bytes are; it never reads beyond n. */
void kl_image_read(lua_State *L, const void *p, size_t n); /* raises */

#endif
