/* book:deltas(): every change of a book, in order, through a bounded queue. */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "bindings/book_handle.h"

#define DELTAS_META "kalshi.Deltas"

enum { QUEUE_MAX = 4096, QUEUE_FIRST = 64 };

typedef struct delta {
  kl_price price;
  kl_count change;
  int64_t seq, ts_ms; /* ts_ms 0: the message had none */
  kl_outcome side;
} delta;

typedef struct delta_wait delta_wait;

/* In the memory of the userdata. User value 1 is the table that the loop sees, 2 the book, which lives as long. */
typedef struct iterator {
  kl_list link; /* in the handle's iterators */
  kl_book_watcher watcher;
  bool ended; /* the book was closed, or the loop was left */
  delta *ring;
  size_t cap, head, count;
  uint64_t lost;
  kl_error error; /* of a book that the feed gave up */
  delta_wait *wait;
  char ticker[64];
} iterator;

struct delta_wait {
  kl_wait wait; /* first */
  iterator *it; /* NULL once its memory went */
};

static bool grow(iterator *it) {
  if (it->cap >= QUEUE_MAX) return false;
  size_t cap = it->cap ? it->cap * 2 : QUEUE_FIRST;
  delta *wide = malloc(cap * sizeof *wide);
  if (!wide) return false;
  for (size_t i = 0; i < it->count; i++)
    wide[i] = it->ring[(it->head + i) & (it->cap - 1)];
  free(it->ring);
  it->ring = wide;
  it->cap = cap;
  it->head = 0;
  return true;
}

static void wake(iterator *it) {
  if (it->wait) kl_complete(&it->wait->wait);
}

/* Once one is lost, none is taken until the loop has been told: a hole is where the error is. */
static void on_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  iterator *it = w->data;
  (void)b;
  if (it->lost || (it->count == it->cap && !grow(it))) {
    it->lost++;
    return;
  }
  it->ring[(it->head + it->count++) & (it->cap - 1)] = (delta){
      .price = own_price, .change = ev->delta.delta, .seq = ev->seq, .ts_ms = ev->ts_ms, .side = ev->delta.side};
  wake(it);
}

static void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  iterator *it = w->data;
  if (!b->failed) return;
  it->error = b->error;
  wake(it);
}

static void end(iterator *it) {
  if (it->ended) return;
  it->ended = true;
  kl_feed_unwatch(&it->watcher);
  kl_list_remove(&it->link);
  wake(it);
}

void kl_book_deltas_end(kl_book_handle *h) {
  while (!kl_list_empty(&h->iterators))
    end(KL_CONTAINER(h->iterators.next, iterator, link));
}

/* The next delta into the table of the iterator at index 1; nothing at the end. */
static int push_next(lua_State *L, iterator *it) {
  if (it->count) {
    const delta d = it->ring[it->head];
    it->head = (it->head + 1) & (it->cap - 1);
    it->count--;
    lua_getiuservalue(L, 1, 1);
    lua_pushnumber(L, kl_decimal_to_double(d.price, KL_PRICE_PLACES));
    lua_setfield(L, -2, "price");
    lua_pushnumber(L, kl_decimal_to_double(d.change, KL_COUNT_PLACES));
    lua_setfield(L, -2, "delta");
    lua_pushstring(L, d.side == KL_YES ? "yes" : "no"); /* interned: no allocation */
    lua_setfield(L, -2, "side");
    lua_pushinteger(L, (lua_Integer)d.seq);
    lua_setfield(L, -2, "seq");
    if (d.ts_ms) {
      lua_pushnumber(L, (double)d.ts_ms / 1e3);
    } else {
      lua_pushnil(L);
    }
    lua_setfield(L, -2, "ts");
    return 1;
  }
  if (it->lost) {
    unsigned long long lost = it->lost;
    it->lost = 0;
    return kl_raisef(L, KL_ERR_OVERFLOW,
                     "deltas of %s: %llu lost, the loop was more than %d behind; do less in it, or use book:changes()",
                     it->ticker, lost, QUEUE_MAX);
  }
  if (it->error.kind) {
    kl_error e = it->error;
    return kl_raise(L, &e);
  }
  lua_pushnil(L);
  return 1;
}

static int push_waited(lua_State *L, kl_wait *w) {
  delta_wait *dw = (delta_wait *)w;
  iterator *it = dw->it;
  if (!it) return 0;
  it->wait = NULL; /* before anything raises: the loop may be taken up again */
  dw->it = NULL;
  return push_next(L, it);
}

static void wait_drop(kl_wait *w) {
  delta_wait *dw = (delta_wait *)w;
  if (dw->it) dw->it->wait = NULL;
  free(dw);
}

static int l_next(lua_State *L) {
  iterator *it = luaL_checkudata(L, 1, DELTAS_META);
  lua_settop(L, 1);
  if (it->count || it->lost || it->error.kind || it->ended) {
    kl_check_cancelled(L);
    return push_next(L, it);
  }
  if (it->wait) return kl_raisef(L, KL_ERR_VALIDATION, "another task waits on this loop over deltas: give it its own");
  delta_wait *dw = calloc(1, sizeof *dw);
  if (!dw) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait for deltas of %s", it->ticker);
  dw->wait.push = push_waited;
  dw->wait.drop = wait_drop;
  dw->it = it;
  it->wait = dw;
  return kl_await(L, &dw->wait);
}

static int l_end(lua_State *L) {
  end(luaL_checkudata(L, 1, DELTAS_META));
  return 0;
}

static int l_gc(lua_State *L) {
  iterator *it = luaL_checkudata(L, 1, DELTAS_META);
  end(it);
  if (it->wait) it->wait->it = NULL;
  it->wait = NULL;
  free(it->ring);
  it->ring = NULL;
  it->cap = it->count = 0;
  return 0;
}

/* for d in book:deltas() do: next, iterator, nil, and the iterator once more to be closed with the loop. */
int kl_book_deltas_lua(lua_State *L) {
  kl_book_handle *h = kl_book_handle_check(L, "deltas");
  lua_pushcfunction(L, l_next);
  iterator *it = lua_newuserdatauv(L, sizeof *it, 2); /* … next iterator */
  memset(it, 0, sizeof *it);
  kl_list_init(&it->link);
  kl_list_init(&it->watcher.link);
  memcpy(it->ticker, h->ticker, sizeof it->ticker);
  luaL_setmetatable(L, DELTAS_META);
  lua_createtable(L, 0, 5);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 2);
  it->watcher.data = it;
  it->watcher.changed = on_changed;
  it->watcher.delta = on_delta;
  if (h->book->failed) it->error = h->book->error;
  kl_feed_watch(h->book, &it->watcher);
  kl_list_append(&h->iterators, &it->link);
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  return 4;
}

void kl_book_deltas_register(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_end}, {NULL, NULL}};
  luaL_newmetatable(L, DELTAS_META);
  luaL_setfuncs(L, meta, 0);
  lua_pushliteral(L, DELTAS_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
