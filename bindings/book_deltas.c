/* Every change of a book, in order, through a bounded queue: book:deltas() and book:on_delta(). */
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "bindings/book_handle.h"
#include "bindings/task.h"

#define LOOP_META "kalshi.Deltas"

enum { RING_MAX = 4096, RING_FIRST = 64, FEW_ARGS = 5, ARGS_MAX = 7, KEY_MAX = 160 };

/* Prices in 1/10,000 dollar; bid and ask 0: that side is empty. */
typedef struct delta {
  int16_t price, bid, ask;
  uint8_t side; /* kl_outcome */
  kl_count change;
  int64_t seq, ts_ms; /* ts_ms 0: the message had none */
} delta;

typedef struct ring {
  delta *items;     /* owned */
  kl_charge charge; /* of `cap` */
  size_t cap, head, count;
  uint64_t lost;
  kl_error error; /* of a book that the feed gave up */
} ring;

/* What fills a ring: shared by the versions of a strategy that read this book, so that a reload loses no delta and has
 * none handled twice. The n-th loop over a book of one version goes on where the n-th of the other stopped. */
typedef struct reader {
  kl_kept kept;  /* first */
  kl_list loops; /* of versions, by in_reader */
  kl_feed *feed;
  kl_feed_book *book; /* a reference of its own */
  kl_book_watcher watcher;
  ring ring;
} reader;

typedef struct loop_wait loop_wait;

/* What takes from it: a loop over book:deltas(), or the task of on_delta. In the memory of the userdata; user value 1
 * is the book's handle, which lives as long. */
typedef struct loop {
  kl_member member;
  bool adopted;
  bool ended;   /* the book was closed, or the loop has gone */
  kl_list link; /* in the handle's queues */
  kl_list in_reader;
  reader *reader; /* NULL once ended */
  kl_script *script;
  ring *from;       /* the reader's, or `rest` */
  ring rest;        /* what can still be taken when the book was closed */
  const char *what; /* it is, for messages */
  int n_args;       /* that the function of on_delta looks at */
  loop_wait *wait;  /* while it waits */
  loop_wait *spare; /* kept for the next time: waiting allocates nothing */
  delta shown;      /* what the table of a loop is about */
  unsigned wanted;  /* its fields that were read */
  char ticker[64];
} loop;

struct loop_wait {
  kl_wait wait; /* first */
  loop *q;      /* NULL once its memory went */
};

/* ---- filling ---- */

static bool grow(ring *q) {
  if (q->cap >= RING_MAX) return false;
  size_t cap = q->cap ? q->cap * 2 : RING_FIRST;
  if (!kl_charge_set(&q->charge, cap * sizeof(delta))) return false;
  delta *wide = malloc(cap * sizeof *wide);
  if (!wide) {
    (void)kl_charge_set(&q->charge, q->cap * sizeof(delta));
    return false;
  }
  for (size_t i = 0; i < q->count; i++)
    wide[i] = q->items[(q->head + i) & (q->cap - 1)];
  free(q->items);
  q->items = wide;
  q->cap = cap;
  q->head = 0;
  return true;
}

static void wake(loop *q) {
  if (q->wait) kl_complete(&q->wait->wait);
}

/* The loop of the version that runs. */
static void wake_live(reader *r) {
  for (kl_list *n = r->loops.next; n != &r->loops; n = n->next) {
    loop *q = KL_CONTAINER(n, loop, in_reader);
    if (kl_script_live(q->script)) wake(q);
  }
}

/* Once one is lost, none is taken until the loop has been told: a hole is where the error is. */
static void on_delta(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price) {
  reader *r = w->data;
  ring *q = &r->ring;
  if (q->lost || (q->count == q->cap && !grow(q))) {
    q->lost++;
    if (!q->count) wake_live(r); /* no memory, not even for the first */
    return;
  }
  kl_price bid, ask;
  kl_book_touch(b->book, &bid, &ask);
  q->items[(q->head + q->count++) & (q->cap - 1)] = (delta){.price = (int16_t)own_price,
                                                            .bid = (int16_t)bid,
                                                            .ask = (int16_t)ask,
                                                            .side = (uint8_t)ev->delta.side,
                                                            .change = ev->delta.delta,
                                                            .seq = ev->seq,
                                                            .ts_ms = ev->ts_ms};
  if (q->count == 1) wake_live(r); /* who waits found it empty */
}

static void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  reader *r = w->data;
  if (!b->failed) return;
  r->ring.error = b->error;
  wake_live(r);
}

static void ring_free(ring *q) {
  free(q->items);
  (void)kl_charge_set(&q->charge, 0);
  q->items = NULL;
  q->cap = q->head = q->count = 0;
}

/* ---- life ---- */

static void reader_free(kl_kept *k) {
  reader *r = (reader *)k;
  kl_feed_unwatch(&r->watcher);
  if (r->book) kl_feed_book_release(r->feed, r->book);
  ring_free(&r->ring);
  free(r);
}

/* Takes the one of another version that goes on, or makes one. NULL with `e`. */
static reader *reader_of(kl_script *s, const kl_book_handle *h, kl_error *e) {
  char key[KEY_MAX];
  snprintf(key, sizeof key, "deltas:%s:%s", kl_place_name(h->place), h->ticker);
  for (kl_kept *k = kl_kept_first(s, key); k; k = k->next)
    if (!((reader *)k)->ring.error.kind && kl_kept_hold(s, k)) return (reader *)k;
  reader *r = calloc(1, sizeof *r);
  if (!r) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the deltas of %s", h->ticker);
    return NULL;
  }
  kl_list_init(&r->loops);
  kl_list_init(&r->watcher.link);
  r->kept.free = reader_free;
  r->feed = h->feed;
  r->ring.charge.meter = kl_script_meter(s);
  r->watcher.data = r;
  r->watcher.changed = on_changed;
  r->watcher.delta = on_delta;
  r->book = kl_feed_book_open(h->feed, h->ticker, e);
  if (r->book && !kl_kept_add(s, &r->kept, key)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the deltas of %s", h->ticker);
    kl_feed_book_release(r->feed, r->book);
    r->book = NULL;
  }
  if (!r->book) {
    free(r);
    return NULL;
  }
  kl_feed_watch(r->book, &r->watcher);
  return r;
}

/* With `keep` a live version can still take what is there. */
static void end(loop *q, bool keep) {
  if (q->adopted) kl_script_disown(&q->member);
  q->adopted = false;
  if (q->ended) return;
  q->ended = true;
  kl_list_remove(&q->link);
  reader *r = q->reader;
  q->reader = NULL;
  q->from = &q->rest;
  if (r) {
    kl_list_remove(&q->in_reader);
    q->rest.error = r->ring.error;
    if (keep && kl_script_live(q->script)) {
      q->rest = r->ring;
      r->ring = (ring){.charge.meter = q->rest.charge.meter, .error = q->rest.error};
    }
    kl_kept_release(q->script, &r->kept);
  }
  wake(q);
}

void kl_book_deltas_end(kl_book_handle *h) {
  while (!kl_list_empty(&h->queues))
    end(KL_CONTAINER(h->queues.next, loop, link), true);
}

static void member_close(kl_member *m) {
  loop *q = KL_CONTAINER(m, loop, member);
  q->adopted = false; /* the scope has unlinked it */
  end(q, false);
}

static void member_describe(const kl_member *m, kl_buf *out) {
  const loop *q = KL_CONTAINER(m, loop, member);
  kl_json_field_str(out, "kind", "deltas");
  kl_json_field_str(out, "ticker", q->ticker);
  kl_json_field_int(out, "queued", (int64_t)q->from->count);
  kl_json_field_int(out, "most", RING_MAX);
  kl_json_field_int(out, "lost", (int64_t)q->from->lost);
}

static bool has_something(const loop *q) {
  return q->ended || (kl_script_live(q->script) && (q->from->count || q->from->lost || q->from->error.kind));
}

static void member_live(kl_member *m) {
  loop *q = KL_CONTAINER(m, loop, member);
  if (has_something(q)) wake(q);
}

static int l_close(lua_State *L) {
  loop *q = luaL_checkudata(L, 1, LOOP_META);
  end(q, false);
  ring_free(&q->rest);
  return 0;
}

static int l_gc(lua_State *L) {
  loop *q = luaL_checkudata(L, 1, LOOP_META);
  end(q, false);
  if (q->wait) q->wait->q = NULL;
  q->wait = NULL;
  free(q->spare);
  q->spare = NULL;
  ring_free(&q->rest);
  return 0;
}

/* Pushes what takes from the book whose handle is at index 1. */
static loop *new_loop(lua_State *L, kl_book_handle *h, const char *what) {
  kl_error e;
  kl_script *s = kl_script_of(L);
  loop *q = lua_newuserdatauv(L, sizeof *q, 1);
  memset(q, 0, sizeof *q);
  kl_list_init(&q->link);
  kl_list_init(&q->in_reader);
  q->from = &q->rest;
  q->script = s;
  q->what = what;
  memcpy(q->ticker, h->ticker, sizeof q->ticker);
  q->member.close = member_close;
  q->member.live = member_live;
  q->member.describe = member_describe;
  luaL_setmetatable(L, LOOP_META);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  if (h->book->failed) { /* that is all it will ever tell */
    q->rest.error = h->book->error;
  } else {
    q->reader = reader_of(s, h, &e);
    if (!q->reader) {
      q->ended = true;
      kl_raise(L, &e);
      return NULL;
    }
    kl_list_append(&q->reader->loops, &q->in_reader);
    q->from = &q->reader->ring;
  }
  kl_script_adopt(s, &q->member);
  q->adopted = true;
  kl_list_append(&h->queues, &q->link);
  return q;
}

/* ---- emptying ---- */

static delta take(ring *q) {
  delta d = q->items[q->head];
  q->head = --q->count ? (q->head + 1) & (q->cap - 1) : 0; /* from the front again: memory that is still warm */
  return d;
}

/* What there is to raise behind the last delta; returns where there is nothing. */
static void raise_pending(lua_State *L, loop *q) {
  if (!kl_script_live(q->script)) return;
  if (q->from->lost) {
    unsigned long long lost = q->from->lost;
    q->from->lost = 0;
    kl_raise_coded(L, KL_ERR_OVERFLOW, "overflow",
                   "deltas of %s: %llu lost, the %s was more than %d behind; do less in it, or use book:changes()",
                   q->ticker, lost, q->what, RING_MAX);
  }
  if (q->from->error.kind) {
    kl_error e = q->from->error;
    kl_raise(L, &e);
  }
}

static void wait_drop(kl_wait *w) {
  loop_wait *qw = (loop_wait *)w;
  loop *q = qw->q;
  if (q && q->wait == qw) q->wait = NULL;
  if (q && !q->spare) {
    q->spare = qw;
  } else {
    free(qw);
  }
}

static void wait_describe(const kl_wait *w, kl_buf *out) {
  const loop *q = ((const loop_wait *)w)->q;
  kl_buf_printf(out, "deltas of %s", q ? q->ticker : "?");
}

/* Waits until there is something; `push` then gives the results. */
static int await_more(lua_State *L, loop *q, int (*push)(lua_State *, kl_wait *)) {
  loop_wait *qw = q->spare ? q->spare : malloc(sizeof *qw);
  if (!qw) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait for deltas of %s", q->ticker);
  q->spare = NULL;
  *qw = (loop_wait){.wait = {.push = push, .drop = wait_drop, .describe = wait_describe}, .q = q};
  q->wait = qw;
  return kl_await(L, &qw->wait);
}

/* A price that may be absent, a time that may be. */
static void push_best(lua_State *L, int32_t price) {
  if (price) {
    lua_pushnumber(L, price / (double)KL_PRICE_ONE);
  } else {
    lua_pushnil(L);
  }
}

static void push_time(lua_State *L, int64_t ts_ms) {
  if (ts_ms) {
    lua_pushnumber(L, (double)ts_ms / 1e3);
  } else {
    lua_pushnil(L);
  }
}

/* The names of the outcomes, kept where they need not be looked up. */
static void push_sides(lua_State *L) {
  _Static_assert(KL_YES == 0 && KL_NO == 1, "they are found by their number");
  lua_pushliteral(L, "yes");
  lua_pushliteral(L, "no");
}

static void push_price(lua_State *L, const delta *d) { lua_pushnumber(L, d->price / (double)KL_PRICE_ONE); }
static void push_change(lua_State *L, const delta *d) { lua_pushnumber(L, (double)d->change / KL_COUNT_ONE); }

/* ---- for d in book:deltas() ---- */

/* The table that the loop sees. A field is first worked out when it is read; from then on it is set at every turn, so
 * that a loop pays for what it reads. */
enum { F_PRICE, F_DELTA, F_SIDE, F_BID, F_ASK, F_SEQ, F_TS, FIELDS };
static const char *const field_names[FIELDS] = {"price", "delta", "side", "bid", "ask", "seq", "ts"};

/* Upvalues of the loop's function, and of what reads a field for the first time. */
enum { UP_LOOP = 1, UP_VIEW, UP_SIDES, UPVALUES = UP_SIDES + 1 };

static void push_field(lua_State *L, const delta *d, int field) {
  switch (field) {
  case F_PRICE:
    push_price(L, d);
    break;
  case F_DELTA:
    push_change(L, d);
    break;
  case F_SIDE:
    lua_pushvalue(L, lua_upvalueindex(UP_SIDES + (int)d->side));
    break;
  case F_BID:
    push_best(L, d->bid);
    break;
  case F_ASK:
    push_best(L, d->ask);
    break;
  case F_SEQ:
    lua_pushinteger(L, (lua_Integer)d->seq);
    break;
  default:
    push_time(L, d->ts_ms);
    break;
  }
}

/* Is it in the table as it was for the delta before? */
static bool is_same(const delta *d, const delta *before, int field) {
  switch (field) {
  case F_PRICE:
    return d->price == before->price;
  case F_DELTA:
    return d->change == before->change;
  case F_SIDE:
    return d->side == before->side;
  case F_BID:
    return d->bid == before->bid;
  case F_ASK:
    return d->ask == before->ask;
  case F_SEQ:
    return d->seq == before->seq;
  default:
    return d->ts_ms == before->ts_ms;
  }
}

/* The next delta in the loop's table; nil at the end. */
static int push_next(lua_State *L, loop *q) {
  if (!q->from->count) {
    raise_pending(L, q);
    lua_pushnil(L);
    return 1;
  }
  const delta before = q->shown;
  q->shown = take(q->from);
  lua_pushvalue(L, lua_upvalueindex(UP_VIEW));
  for (unsigned left = q->wanted; left; left &= left - 1) {
    int field = __builtin_ctz(left);
    if (is_same(&q->shown, &before, field)) continue;
    push_field(L, &q->shown, field);
    lua_setfield(L, -2, field_names[field]);
  }
  return 1;
}

static int field_of(lua_State *L, int idx) {
  if (lua_type(L, idx) != LUA_TSTRING) return FIELDS;
  const char *name = lua_tostring(L, idx);
  int field = 0;
  while (field < FIELDS && strcmp(name, field_names[field]) != 0)
    field++;
  return field;
}

/* __index of the table: a field that was not read yet, or has no value now. */
static int l_field(lua_State *L) { /* view key */
  loop *q = lua_touserdata(L, lua_upvalueindex(UP_LOOP));
  int field = field_of(L, 2);
  if (field == FIELDS) return 0;
  lua_settop(L, 2);
  push_field(L, &q->shown, field);
  q->wanted |= 1U << field;
  if (lua_isnil(L, -1)) return 1;
  lua_pushvalue(L, -1);
  lua_setfield(L, 1, field_names[field]);
  return 1;
}

static int l_next_field(lua_State *L) { /* view key */
  lua_settop(L, 2);
  return lua_next(L, 1) ? 2 : 0;
}

/* __pairs: all that there is. */
static int l_pairs(lua_State *L) { /* view */
  for (int field = 0; field < FIELDS; field++) {
    lua_getfield(L, 1, field_names[field]);
    lua_pop(L, 1);
  }
  lua_pushcfunction(L, l_next_field);
  lua_pushvalue(L, 1);
  return 2;
}

static int push_waited(lua_State *L, kl_wait *w) {
  loop *q = ((loop_wait *)w)->q;
  if (!q) return 0;
  q->wait = NULL; /* before anything raises: the loop may be taken up again */
  /* Woken, and then another version was live for a while and took it. */
  if (!has_something(q)) return await_more(L, q, push_waited);
  return push_next(L, q);
}

static int next_delta(lua_State *L, int status, lua_KContext ctx) {
  loop *q = lua_touserdata(L, lua_upvalueindex(UP_LOOP));
  (void)status;
  (void)ctx;
  if (has_something(q)) {
    kl_check_cancelled(L);
    return push_next(L, q);
  }
  if (q->wait)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "reader_taken",
                          "another task waits on this loop over deltas: give it its own");
  return await_more(L, q, push_waited);
}

/* A loop that works through what is queued gives the others their turn now and then. */
static int l_next(lua_State *L) { return kl_stretched(L) ? kl_yield_to(L, 0, next_delta) : next_delta(L, LUA_OK, 0); }

/* for d in book:deltas() do: the loop's function, its object, nil, and the object once more to be closed with the loop.
 */
int kl_book_deltas_lua(lua_State *L) {
  kl_book_handle *h = kl_book_handle_check(L, "deltas");
  new_loop(L, h, "loop"); /* … loop */
  int queue_at = lua_gettop(L);
  lua_createtable(L, 0, FIELDS); /* … loop view */
  lua_createtable(L, 0, 2);      /* … loop view meta */
  lua_pushvalue(L, queue_at);
  lua_pushnil(L);
  push_sides(L);
  lua_pushcclosure(L, l_field, UPVALUES);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_pairs);
  lua_setfield(L, -2, "__pairs");
  lua_pushliteral(L, "kalshi.Delta");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2); /* … loop view */
  lua_pushvalue(L, queue_at);
  lua_insert(L, -2); /* … loop loop view */
  push_sides(L);
  lua_pushcclosure(L, l_next, UPVALUES); /* … loop next */
  lua_insert(L, -2);                     /* … next loop */
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  return 4;
}

/* ---- book:on_delta(fn) ---- */

/* Stack of the task. */
enum { ARG_LOOP = 1, ARG_FUNCTION, ARG_SIDES, ARGS = ARG_SIDES + 1 };

static int nothing_waited(lua_State *L, kl_wait *w) {
  (void)L;
  loop *q = ((loop_wait *)w)->q;
  if (q) q->wait = NULL;
  return 0;
}

static int wait_for_more(lua_State *L) { return await_more(L, lua_touserdata(L, 1), nothing_waited); }
static int yield(lua_State *L) { return kl_yield(L); }

static void push_call(lua_State *L, loop *q) {
  const delta d = take(q->from);
  lua_pushvalue(L, ARG_FUNCTION);
  push_price(L, &d);
  push_change(L, &d);
  lua_pushvalue(L, ARG_SIDES + (int)d.side);
  push_best(L, d.bid);
  push_best(L, d.ask);
  if (q->n_args == FEW_ARGS) return;
  lua_pushinteger(L, (lua_Integer)d.seq);
  push_time(L, d.ts_ms);
}

/* What a function without `...` has no name for need not be handed over. */
static int args_of(lua_State *L, int idx) {
  lua_Debug ar;
  lua_pushvalue(L, idx);
  lua_getinfo(L, ">u", &ar);
  return !ar.isvararg && ar.nparams <= FEW_ARGS ? FEW_ARGS : ARGS_MAX;
}

/* Calls the function for each delta until the book is closed. */
static int call_each(lua_State *L, int status, lua_KContext ctx) {
  loop *q = lua_touserdata(L, ARG_LOOP);
  (void)status;
  (void)ctx;
  lua_settop(L, ARGS);
  for (;;) {
    if (q->ended) return 0;
    kl_check_cancelled(L);
    bool any = q->from->count && kl_script_live(q->script);
    if (any && !kl_stretched(L)) {
      push_call(L, q);
      lua_callk(L, q->n_args, 0, 0, call_each);
      continue;
    }
    if (!any) raise_pending(L, q);
    lua_pushcfunction(L, any ? yield : wait_for_more);
    lua_pushvalue(L, ARG_LOOP);
    lua_callk(L, 1, 0, 0, call_each);
  }
}

static int call_body(lua_State *L) {
  lua_toclose(L, ARG_LOOP); /* however the task ends, the book is not watched any more */
  return call_each(L, LUA_OK, 0);
}

/* book:on_delta(fn) --> task. */
int kl_book_on_delta_lua(lua_State *L) {
  kl_book_handle *h = kl_book_handle_check(L, "on_delta");
  if (lua_type(L, 2) != LUA_TFUNCTION) {
    return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "book:on_delta: give it a function to call, not %s",
                          luaL_typename(L, 2));
  }
  lua_settop(L, 2);
  lua_pushcfunction(L, call_body);
  new_loop(L, h, "function")->n_args = args_of(L, 2);
  lua_pushvalue(L, 2);
  push_sides(L);
  kl_task_spawn(L, ARGS);
  return 1;
}

void kl_book_deltas_register(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_close}, {NULL, NULL}};
  kl_task_register(L); /* on_delta returns a task, also to a script that never asked for that module */
  luaL_newmetatable(L, LOOP_META);
  luaL_setfuncs(L, meta, 0);
  lua_pushliteral(L, LOOP_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
