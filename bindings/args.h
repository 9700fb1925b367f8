/* From the arguments of a script's call to the path, query and body of a request. Everything wrong is found here,
 * before anything is sent. */
#ifndef KL_BINDINGS_ARGS_H
#define KL_BINDINGS_ARGS_H

#include "base/buf.h"
#include "bindings/bindings.h"

typedef struct kl_args {
  kl_buf path, query, body;
  bool has_body;
  bool raw;           /* the answer as the exchange sent it: strings stay strings, null is json.null */
  bool text;          /* raw = "text": the answer as one string, undecoded */
  uint32_t items;     /* orders in a batch */
  int64_t timeout_ms; /* of the whole call; 0: the usual one */
  bool routed;        /* `shard` is the exchange_index that was given */
  int64_t shard;
} kl_args;

/* Reads the arguments from index `first` up: the path parameters in order as plain values (or by name in the table),
 * then one table for query and body, which may also hold `raw` and `timeout` (seconds). Raises "validation" with a
 * message that names operation and parameter. The result is on the stack and belongs to Lua. `whose`: the account of
 * the orders; NULL: they are nobody's. */
kl_args *kl_args_read(lua_State *L, kl_place *whose, const kl_operation *op, int first); /* raises */
/* Empty ones on the stack, which belong to Lua: for who fills them in himself. */
kl_args *kl_args_push(lua_State *L); /* raises */
/* For a free-form call: the table at `idx` (or none) goes into the body of a POST, PUT or a DELETE that has one, and
 * into the query otherwise. `op` is the operation that the path matches, NULL when none. */
kl_args *kl_args_read_free(lua_State *L, kl_place *whose, const char *method, const char *path, const kl_operation *op,
                           int idx); /* raises */

#endif
