/* What the files of the module `store` share: store.c (the module, what reads), store_write.c (what writes),
 * store_call.c (a call as something that a task waits for, values). */
#ifndef KL_BINDINGS_STORE_H
#define KL_BINDINGS_STORE_H

#include "bindings/bindings.h"
#include "script/limits.h"
#include "script/script.h"
#include "store/store.h"

/* A store as a script has it: upvalue 1 of each of its functions. */
typedef struct kl_store_handle {
  kl_store *store; /* held; NULL until it is first used */
  bool shared;
  kl_buf scratch; /* the image of the value that is being written */
  char name[];    /* of a shared one */
} kl_store_handle;

/* A call that is under way. */
typedef struct kl_store_wait kl_store_wait;
struct kl_store_wait {
  kl_wait wait; /* first */
  kl_store *store;
  kl_store_call *call; /* owned while it is not under way; NULL where an answer has taken it */
  kl_store_turn *turn; /* owned; NULL: none is taken */
  bool under_way;
  kl_charge charge;                              /* of what the call holds */
  int (*answer)(lua_State *L, kl_store_wait *w); /* pushes the results, or waits again; raises */
};

/* The key or the name of a list at idx. */
const char *kl_store_check_key(lua_State *L, int idx, const char *function, size_t *n); /* raises */

/* The handle, upvalue 1, with its store there. Raises what a wait would raise here: before a call is made, since
 * nothing owns that. */
kl_store_handle *kl_store_begin(lua_State *L); /* raises */
/* Hands the call, NULL where there was no memory for it, to the store of the handle, and waits. Takes the call,
 * whatever happens. `answer` is called where all went well. Returns as a C function returns. */
int kl_store_await(lua_State *L, kl_store_handle *h, kl_store_call *c,
                   int (*answer)(lua_State *L, kl_store_wait *w)); /* raises */
/* The same in its turn: of the calls for this key it is handed over when the one before has been answered. */
int kl_store_await_turn(lua_State *L, kl_store_handle *h, kl_store_call *c, const char *key, size_t n,
                        int (*answer)(lua_State *L, kl_store_wait *w)); /* raises */
/* A call of one operation; NULL when out of memory. */
kl_store_call *kl_store_call_of(kl_store_verb verb, const void *key, size_t n, kl_store_op **op);

/* The value at idx, its image in the scratch of the handle. `what`: "store.set: the value". */
void kl_store_read_value(lua_State *L, int idx, kl_store_handle *h, const char *what, kl_store_value *v); /* raises */
/* Copies that into the call. False when out of memory. */
bool kl_store_add_value(kl_store_call *c, const kl_store_handle *h, kl_store_value *v);
/* Pushes a value of an answer. */
void kl_store_push_value(lua_State *L, const kl_store_call *c, const kl_store_value *v); /* raises */
/* The first row of the answer; nil where there is none. */
int kl_store_push_first(lua_State *L, kl_store_wait *w); /* raises */

/* The functions that write; with kl_store_handle as upvalue 1. */
extern const luaL_Reg kl_store_writers[];

#endif
