/* task.channel: a queue between the tasks of a script. Values wait in the channel's table; who may put one in or take
 * one out next is counted here, so that a value is neither lost nor handed out twice when a task is cancelled. */
#include <stdlib.h>

#include "bindings/check.h"
#include "bindings/task.h"

#define CHANNEL_TYPE "task.Channel"

typedef struct {
  lua_Integer capacity;
  lua_Integer head, tail;     /* the values are at head + 1 … tail of the table */
  lua_Integer promised;       /* values that woken receivers will take */
  lua_Integer admitted;       /* woken senders that will put a value */
  kl_list senders, receivers; /* that wait, of party.link, oldest first */
  lua_Integer n_receivers;
  bool closed;
} channel;

/* A task that waits at a channel. */
typedef struct {
  kl_wait wait; /* first */
  kl_list link; /* in senders or receivers; alone once woken */
  channel *ch;  /* borrowed: the waiting frame holds its object; NULL once the wait is over for the channel */
  bool woken;
  bool sends;
  bool closed; /* woken by the closing */
} party;

/* The waiting frame: 1 the channel, 2 the value to send. */

static lua_Integer values(const channel *ch) { return ch->tail - ch->head; }
static bool can_take(const channel *ch) { return values(ch) > ch->promised; }
/* A receiver that waits is as good as a free place. */
static bool can_put(const channel *ch) {
  return values(ch) - ch->promised + ch->admitted < ch->capacity + ch->n_receivers;
}

static void wake(party *p) {
  kl_list_remove(&p->link);
  p->woken = true;
  kl_complete(&p->wait);
}

/* Wakes whoever can go on. */
static void settle(channel *ch) {
  while (!kl_list_empty(&ch->receivers) && can_take(ch)) {
    ch->n_receivers--;
    ch->promised++;
    wake(KL_CONTAINER(ch->receivers.next, party, link));
  }
  while (!kl_list_empty(&ch->senders) && can_put(ch)) {
    ch->admitted++;
    wake(KL_CONTAINER(ch->senders.next, party, link));
  }
}

/* The party no longer counts; what it was promised is free again. */
static void leave(party *p) {
  channel *ch = p->ch;
  if (!ch) return;
  p->ch = NULL;
  kl_list_remove(&p->link);
  if (p->closed) return;
  if (p->sends) {
    if (p->woken) ch->admitted--;
  } else if (p->woken) {
    ch->promised--;
  } else {
    ch->n_receivers--;
  }
}

static void party_drop(kl_wait *w) {
  party *p = (party *)w;
  channel *ch = p->ch;
  leave(p);
  if (ch) settle(ch);
  free(p);
}

static int closed_error(lua_State *L) {
  return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "the channel is closed");
}

/* Puts the value at index 2 of the stack. */
static void put(lua_State *L, channel *ch) {
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, ch->tail + 1);
  ch->tail++;
  settle(ch);
}

static int take(lua_State *L, channel *ch) {
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, -1, ch->head + 1); /* … table value */
  lua_pushnil(L);
  lua_rawseti(L, -3, ch->head + 1);
  ch->head++;
  if (ch->head == ch->tail) ch->head = ch->tail = 0; /* the table stays small */
  settle(ch);
  return 1;
}

static int send_push(lua_State *L, kl_wait *w) {
  party *p = (party *)w;
  channel *ch = p->ch;
  leave(p);
  if (p->closed || ch->closed) return closed_error(L);
  put(L, ch);
  return 0;
}

static int recv_push(lua_State *L, kl_wait *w) {
  party *p = (party *)w;
  channel *ch = p->ch;
  leave(p);
  if (!p->closed) return take(L, ch);
  lua_pushnil(L);
  return 1;
}

static void party_describe(const kl_wait *w, kl_buf *out) {
  const party *p = (const party *)w;
  if (p->sends)
    kl_buf_str(out, "room in a channel");
  else
    kl_buf_str(out, "a value from a channel");
  if (p->sends && p->ch && p->ch->capacity > 0)
    kl_buf_printf(out, " that holds %lld of %lld", (long long)values(p->ch), (long long)p->ch->capacity);
}

static int wait_at(lua_State *L, channel *ch, bool sends) {
  party *p = calloc(1, sizeof *p);
  if (!p) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  p->wait = (kl_wait){
      .push = sends ? send_push : recv_push, .drop = party_drop, .describe = party_describe, .kind = KL_WAIT_INNER};
  p->ch = ch;
  p->sends = sends;
  kl_list_init(&p->link);
  kl_list_append(sends ? &ch->senders : &ch->receivers, &p->link);
  if (!sends) {
    ch->n_receivers++;
    settle(ch); /* a sender may have waited for a receiver */
  }
  return kl_await(L, &p->wait);
}

static int l_send(lua_State *L) {
  channel *ch = kl_check_self(L, CHANNEL_TYPE, "channel", "send");
  if (lua_isnoneornil(L, 2))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter",
                          "channel:send: nil cannot be sent: recv gives it when the channel is closed");
  lua_settop(L, 2);
  kl_check_cancelled(L);
  if (ch->closed) return closed_error(L);
  if (!can_put(ch) || !kl_list_empty(&ch->senders)) return wait_at(L, ch, true);
  put(L, ch);
  return 0;
}

static int l_recv(lua_State *L) {
  channel *ch = kl_check_self(L, CHANNEL_TYPE, "channel", "recv");
  lua_settop(L, 1);
  kl_check_cancelled(L);
  if (can_take(ch)) return take(L, ch);
  if (!ch->closed) return wait_at(L, ch, false);
  lua_pushnil(L);
  return 1;
}

static int l_close(lua_State *L) {
  channel *ch = kl_check_self(L, CHANNEL_TYPE, "channel", "close");
  if (ch->closed) return 0;
  ch->closed = true;
  kl_list *lists[] = {&ch->senders, &ch->receivers};
  for (size_t i = 0; i < 2; i++) {
    while (!kl_list_empty(lists[i])) {
      party *p = KL_CONTAINER(lists[i]->next, party, link);
      p->closed = true;
      wake(p);
    }
  }
  ch->n_receivers = 0;
  return 0;
}

int kl_channel_new_lua(lua_State *L) {
  int whole = 1;
  lua_Integer capacity = lua_isnoneornil(L, 1) ? 0 : lua_tointegerx(L, 1, &whole);
  if (!whole || lua_type(L, 1) == LUA_TSTRING || capacity < 0 || capacity > 1 << 30)
    return kl_bad_argument(L, 1, "task.channel", "a whole number of 0 or more");
  channel *ch = lua_newuserdatauv(L, sizeof *ch, 1);
  *ch = (channel){.capacity = capacity};
  kl_list_init(&ch->senders);
  kl_list_init(&ch->receivers);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, CHANNEL_TYPE);
  return 1;
}

/* For the prompt: see prompt/portrait.h. */
static int l_picture(lua_State *L) {
  const channel *ch = lua_touserdata(L, 1);
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, 0, 6);
  lua_pushliteral(L, "channel");
  lua_setfield(L, -2, "type");
  lua_pushinteger(L, ch->capacity);
  lua_setfield(L, -2, "capacity");
  lua_pushinteger(L, values(ch));
  lua_setfield(L, -2, "queued");
  lua_pushinteger(L, ch->n_receivers);
  lua_setfield(L, -2, "receivers");
  lua_Integer senders = 0;
  for (const kl_list *n = ch->senders.next; n != &ch->senders; n = n->next)
    senders++;
  lua_pushinteger(L, senders);
  lua_setfield(L, -2, "senders");
  lua_pushboolean(L, ch->closed);
  lua_setfield(L, -2, "closed");
  return 1;
}

void kl_channel_register(lua_State *L) {
  static const luaL_Reg methods[] = {{"send", l_send}, {"recv", l_recv}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, CHANNEL_TYPE); /* mt */
  luaL_newlib(L, methods);            /* mt methods */
  lua_setfield(L, -2, "__index");     /* mt */
  lua_pushcfunction(L, l_close);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, l_picture);
  lua_setfield(L, -2, "__picture");
  lua_pushliteral(L, CHANNEL_TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
}
