/* A Lua value as a JSON tree that another process can draw: numbers exact, strings with any bytes, cycles named, size
 * bounded. It never runs code of a script's: no metamethods, but `__picture` of our own userdata.
 *
 *   null, true, false, integers       themselves
 *   {"n":"0.42"}                      a float: the shortest text that reads back equal, and as a float ("3.0"); "inf",
 *                                     "-inf", "nan"
 *   "text"                            a string of valid UTF-8
 *   {"b":"base64"}                    any other string
 *   {"s":"begin", "len":90000}        a long string, cut; likewise "b" with "len"
 *   {"t":1, "a":[…], "h":[[k,v],…]}   a table: values 1 to n, up to the first that is nil, then the other pairs (keys:
 *                                     numbers, strings, others, each in order). "na", "nh": so many more of each are
 *                                     left out; "cut": it was too large for all of it to be looked at, so "nh" are at
 *                                     least so many; "mt": it has a metatable (its `__name`, or true); "err": it is an
 *                                     error object. An empty "a" is an empty array of JSON
 *   {"t":1, "deep":true, "n":3}       a table that is too deep inside to be shown, with so many entries ("cut": or
 * more)
 *   {"ref":1}                         a table or userdata that was shown before
 *   {"fn":"json.encode", "c":true}    a function: its name, or "file:line" where it is defined; "c": it is one of C
 *   {"co":"suspended", "at":"f:12"}   a coroutine, and where it stands
 *   {"u":"kalshi.Book", "t":2, "v":…} a userdata: the name of its type, the portrait of its picture
 *   {"p":true}, {"null":true}         a light userdata; json.null
 *
 * A picture is what the metafield `__picture` of a userdata's, a C function, makes of it: a plain table for people,
 * with a `type`. It does not wait and does not raise, but for memory. */
#ifndef KL_PORTRAIT_H
#define KL_PORTRAIT_H

#include <lua.h>

#include "base/buf.h"

typedef struct kl_portrait_limits {
  int depth;    /* of tables inside tables */
  int rows;     /* values of a list, or pairs, of one table */
  size_t nodes; /* values in all */
  size_t text;  /* bytes of one string */
  size_t size;  /* bytes of the whole, about */
} kl_portrait_limits;
extern const kl_portrait_limits kl_portrait_draw;  /* what a person looks at */
extern const kl_portrait_limits kl_portrait_whole; /* what a program reads; size and depth still end somewhere */

/* Appends the portraits of the n values at the top of L, which stay there, as one JSON list. Tables and userdata are
 * numbered through. Raises when memory is out, and like kl_check_time; `out` must then be owned by something that frees
 * it. In "draw" it takes some ten milliseconds at most, whatever the values are. */
void kl_portrait_write(lua_State *L, int n, const kl_portrait_limits *limits, kl_buf *out); /* raises */

#endif
