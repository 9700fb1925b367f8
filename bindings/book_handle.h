/* A script's handle of a book, shared by the two files of its binding. */
#ifndef KL_BINDINGS_BOOK_HANDLE_H
#define KL_BINDINGS_BOOK_HANDLE_H

#include "bindings/bindings.h"
#include "script/limits.h"

#define KL_BOOK_META "kalshi.Book"

/* In the memory of the userdata: no libuv handle inside. */
typedef struct kl_book_handle {
  kl_member member;
  bool adopted;
  kl_script *script;
  const kl_place *place; /* whose session has the feed */
  kl_feed *feed;
  kl_feed_book *book; /* NULL once closed */
  kl_book_watcher watcher;
  uint64_t seen; /* changes when wait last returned */
  kl_list waits; /* of tasks that wait for a change */
  struct kl_book_wait *spare;
  kl_list queues; /* of deltas */
  kl_slot slot;   /* while `book` is there */
  char ticker[64];
} kl_book_handle;

/* The handle at index 1; raises "closed" once it is. `method` is for messages. */
kl_book_handle *kl_book_handle_check(lua_State *L, const char *method); /* raises */
/* "yes" unless the argument says "no". */
kl_outcome kl_book_arg_side(lua_State *L, int idx, const char *method); /* raises */

/* book_deltas.c: book:deltas() and book:on_delta(), their metatable, and the end of what reads deltas of a handle. */
int kl_book_deltas_lua(lua_State *L);
int kl_book_on_delta_lua(lua_State *L);
void kl_book_deltas_register(lua_State *L);
void kl_book_deltas_end(kl_book_handle *h);

/* book_picture.c: (book) -> what a person is shown of it, as a plain table. */
int kl_book_picture(lua_State *L);

#endif
