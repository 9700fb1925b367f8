/* Module `bus`: messages between the scripts of a process, on channels with names. A message is the image of a plain
 * value, so that each listener gets a copy of its own. Whoever sends puts it into the queues of all listeners at once:
 * all of them see the messages of a channel in the same order.
 *
 * A listener's queue is shared by the versions of its strategy, the n-th of a channel the n-th, and only the live one
 * takes from it: a reload loses nothing and has nothing handled twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/map.h"
#include "bindings/check.h"
#include "bindings/queue.h"
#include "bindings/rest.h"
#include "bindings/shadow.h"
#include "script/guard.h"
#include "script/image.h"

#define BUS_META "bus.Subscription"

enum {
  QUEUE_MESSAGES = 10000,
  QUEUE_BYTES = 16 << 20,
  NAME_MOST = 200,
  SCRATCH_KEPT = 1 << 20 /* memory that stays after a long message */
};

/* ---- the hub ---- */

typedef struct channel {
  kl_list listeners; /* of listener.link */
  size_t n;          /* of the name */
  char *last;        /* the message that was sent last; owned, NULL: none */
  size_t last_n;
  kl_charge charge; /* of that, to its sender */
  char name[];
} channel;

struct kl_bus {
  kl_map *channels;
  kl_buf scratch; /* the message that is being sent */
};

/* A queue of a strategy, or of a script of its own. */
typedef struct listener {
  kl_kept kept; /* first */
  kl_list link;
  channel *ch;
  kl_bus *bus;
  kl_list handles; /* of sub.link, one for each version that holds it */
  kl_queue queue;
} listener;

/* What a script has of it. In the memory of the userdata. */
typedef struct sub {
  kl_member member;
  kl_list link;
  kl_script *script;
  listener *l;             /* NULL once closed */
  kl_queue rest;           /* what can still be taken then */
  struct sub_wait *reader; /* the task that waits for a message */
  kl_slot slot;
} sub;

typedef struct sub_wait {
  kl_wait wait; /* first */
  sub *s;       /* NULL once it is over for the subscription */
} sub_wait;

static void channel_free(channel *ch) {
  free(ch->last);
  free(ch);
}

void kl_bus_free(kl_bus *bus) {
  if (!bus) return;
  size_t cursor = 0, n;
  const char *name;
  void *ch;
  while (bus->channels && kl_map_next(bus->channels, &cursor, &name, &n, &ch))
    channel_free(ch); /* whoever it was charged to has gone */
  kl_map_free(bus->channels);
  kl_buf_free(&bus->scratch);
  free(bus);
}

__attribute__((noreturn)) static void no_memory(lua_State *L) {
  kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for a channel of the bus");
  abort(); /* the call above does not return */
}

static kl_bus *bus_of(lua_State *L) {
  kl_environment *env = kl_environment_of(L);
  if (env->bus) return env->bus;
  kl_bus *bus = calloc(1, sizeof *bus);
  if (bus) bus->channels = kl_map_new();
  if (!bus || !bus->channels) {
    kl_bus_free(bus);
    no_memory(L);
  }
  env->bus = bus;
  return bus;
}

static channel *find_channel(const kl_bus *bus, const char *name, size_t n) {
  return kl_map_get(bus->channels, name, n);
}

static channel *make_channel(lua_State *L, kl_bus *bus, const char *name, size_t n) {
  channel *ch = find_channel(bus, name, n);
  if (ch) return ch;
  ch = calloc(1, sizeof *ch + n + 1);
  if (!ch || !kl_map_set(bus->channels, name, n, ch)) {
    free(ch);
    no_memory(L);
  }
  kl_list_init(&ch->listeners);
  memcpy(ch->name, name, n);
  ch->n = n;
  return ch;
}

/* A channel that nobody listens to and that has no value is none. */
static void drop_if_unused(kl_bus *bus, channel *ch) {
  if (ch->last || !kl_list_empty(&ch->listeners)) return;
  (void)kl_map_remove(bus->channels, ch->name, ch->n);
  channel_free(ch);
}

static const char *check_channel(lua_State *L, int idx, const char *function, size_t *n) {
  const char *name = kl_check_text(L, idx, function, n);
  if (*n == 0 || *n > NAME_MOST)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: the name of a channel has 1 to %d bytes, not %zu",
                   function, NAME_MOST, *n);
  return name;
}

/* ---- messages: the length of the sender's name in 4 bytes, the name, the image ---- */

/* Pushes the value and the name of the sender. */
static int push_message(lua_State *L, const char *p, size_t n) {
  uint32_t k;
  memcpy(&k, p, sizeof k);
  kl_image_read(L, p + sizeof k + k, n - sizeof k - k);
  lua_pushlstring(L, p + sizeof k, k);
  return 2;
}

/* ---- sending ---- */

static bool keep_last(channel *ch, kl_script *s, const kl_buf *m, kl_error *e) {
  kl_charge charge = {.meter = kl_script_meter(s)};
  size_t own = ch->charge.meter == charge.meter ? ch->charge.n : 0; /* counts no more than once */
  (void)kl_charge_set(&ch->charge, ch->charge.n - own);
  if (!kl_charge_set(&charge, m->len)) {
    kl_charge_refused(&charge, m->len, "a message of the bus", e);
    (void)kl_charge_set(&ch->charge, ch->charge.n + own);
    return false;
  }
  char *copy = realloc(ch->last, m->len);
  if (!copy) {
    (void)kl_charge_set(&charge, 0);
    (void)kl_charge_set(&ch->charge, ch->charge.n + own);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a message of the bus");
    return false;
  }
  memcpy(copy, m->data, m->len);
  ch->last = copy;
  ch->last_n = m->len;
  (void)kl_charge_set(&ch->charge, 0);
  ch->charge = charge;
  return true;
}

static void wake(listener *l) {
  for (kl_list *n = l->handles.next; n != &l->handles; n = n->next) {
    const sub *s = KL_CONTAINER(n, sub, link);
    if (s->reader && kl_script_live(s->script)) kl_complete(&s->reader->wait);
  }
}

static int send_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  kl_script *s = kl_script_of(L);
  kl_bus *bus = bus_of(L);
  size_t n;
  const char *name = lua_tolstring(L, 1, &n);
  const char *from = kl_script_name(s);
  uint32_t k = (uint32_t)strlen(from);
  kl_buf *m = &bus->scratch;
  kl_buf_clear(m);
  kl_buf_add(m, &k, sizeof k);
  kl_buf_add(m, from, k);
  kl_image_write(L, 2, "bus.send: the value", m);
  kl_actor who;
  kl_shadow *shadow = kl_shadow_here(L, NULL, &who);
  if (shadow) kl_shadow_note(shadow, who, "bus.send", name);
  if (kl_script_is_shadow(s)) { /* nobody gets it */
    lua_pushinteger(L, 0);
    return 1;
  }
  channel *ch = make_channel(L, bus, name, n);
  kl_error e;
  if (!keep_last(ch, s, m, &e)) {
    drop_if_unused(bus, ch);
    return kl_raise(L, &e);
  }
  lua_Integer reached = 0;
  for (kl_list *node = ch->listeners.next; node != &ch->listeners; node = node->next) {
    listener *l = KL_CONTAINER(node, listener, link);
    uint64_t lost = l->queue.lost;
    kl_queue_put(&l->queue, 0, m->data, m->len);
    reached += l->queue.lost == lost;
    wake(l);
  }
  if (m->cap > SCRATCH_KEPT) kl_buf_free(m);
  lua_pushinteger(L, reached);
  return 1;
}

/* bus.send(channel, value): the number of listeners that get it. */
static int l_send(lua_State *L) {
  size_t n;
  check_channel(L, 1, "bus.send", &n);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) return kl_bad_argument(L, 2, "bus.send", "a value");
  return kl_may_pretend(L) ? send_now(L, LUA_OK, 0) : kl_hold(L, 0, send_now);
}

/* bus.last(channel): value, from; nil when nothing was sent. */
static int l_last(lua_State *L) {
  size_t n;
  const char *name = check_channel(L, 1, "bus.last", &n);
  const channel *ch = find_channel(bus_of(L), name, n);
  if (ch && ch->last) return push_message(L, ch->last, ch->last_n);
  lua_pushnil(L);
  return 1;
}

typedef struct {
  const channel *ch;
} listed;

static int by_name(const void *a, const void *b) {
  const channel *x = ((const listed *)a)->ch, *y = ((const listed *)b)->ch;
  int order = memcmp(x->name, y->name, x->n < y->n ? x->n : y->n);
  return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* bus.channels(): the names of all that have a listener or a value, sorted. */
static int l_channels(lua_State *L) {
  const kl_bus *bus = bus_of(L);
  size_t count = kl_map_count(bus->channels), cursor = 0, n, i = 0;
  listed *all = lua_newuserdatauv(L, (count + 1) * sizeof *all, 0);
  const char *name;
  void *ch;
  while (i < count && kl_map_next(bus->channels, &cursor, &name, &n, &ch))
    all[i++].ch = ch;
  qsort(all, i, sizeof *all, by_name);
  lua_createtable(L, (int)i, 0);
  for (size_t j = 0; j < i; j++) {
    lua_pushlstring(L, all[j].ch->name, all[j].ch->n);
    lua_rawseti(L, -2, (lua_Integer)j + 1);
  }
  return 1;
}

/* ---- listening ---- */

static kl_queue *queue_of(sub *s) { return s->l ? &s->l->queue : &s->rest; }

/* Something to take or to raise, for a version that is live. */
static bool has_news(sub *s) {
  const kl_queue *q = queue_of(s);
  return kl_script_live(s->script) && (q->count || q->lost);
}

static void listener_free(kl_kept *k) {
  listener *l = (listener *)k;
  kl_list_remove(&l->link);
  drop_if_unused(l->bus, l->ch);
  kl_queue_free(&l->queue);
  free(l);
}

/* With `keep` the loops over it get what is there, and then end. */
static void sub_close(sub *s, bool keep) {
  listener *l = s->l;
  kl_slot_release(&s->slot);
  if (l) {
    kl_script_disown(&s->member);
    kl_list_remove(&s->link);
    s->l = NULL;
    if (keep && kl_script_live(s->script)) {
      s->rest = l->queue;
      l->queue =
          (kl_queue){.max_count = QUEUE_MESSAGES, .max_bytes = QUEUE_BYTES, .charge.meter = kl_script_meter(s->script)};
    }
    kl_kept_release(s->script, &l->kept);
    if (s->reader) kl_complete(&s->reader->wait);
  }
  if (!keep) kl_queue_free(&s->rest);
}

static void member_close(kl_member *m) { sub_close(KL_CONTAINER(m, sub, member), false); }

static void member_live(kl_member *m) {
  sub *s = KL_CONTAINER(m, sub, member);
  if (s->reader && has_news(s)) kl_complete(&s->reader->wait);
}

static void member_describe(const kl_member *m, kl_buf *out) {
  const sub *s = KL_CONTAINER(m, sub, member);
  const kl_queue *q = s->l ? &s->l->queue : &s->rest;
  kl_json_field_str(out, "kind", "bus");
  kl_json_field_str(out, "channel", s->l ? s->l->ch->name : "");
  kl_json_field_int(out, "queued", (int64_t)q->count);
  kl_json_field_int(out, "most", QUEUE_MESSAGES);
  kl_json_field_int(out, "lost", (int64_t)q->lost);
}

static int l_close(lua_State *L) {
  sub_close(kl_check_self(L, BUS_META, "subscription", "close"), true);
  return 0;
}

static int l_gc(lua_State *L) {
  sub *s = luaL_checkudata(L, 1, BUS_META);
  sub_close(s, false);
  if (s->reader) s->reader->s = NULL;
  s->reader = NULL;
  return 0;
}

/* The queue that another version of the strategy has for this channel, or a new one. */
static listener *take_listener(lua_State *L, kl_script *s, const char *name, size_t n) {
  char key[sizeof "bus:" + 2 * NAME_MOST];
  size_t k = (size_t)snprintf(key, sizeof key, "bus:");
  for (size_t i = 0; i < n; i++) /* a name may have bytes of any kind, a key has no 0 */
    k += (size_t)snprintf(key + k, sizeof key - k, "%02x", (unsigned char)name[i]);
  listener *l = (listener *)kl_kept_take(s, key);
  if (l) return l;
  kl_bus *bus = bus_of(L);
  channel *ch = make_channel(L, bus, name, n);
  l = calloc(1, sizeof *l);
  if (l) {
    l->kept.free = listener_free;
    l->ch = ch;
    l->bus = bus;
    kl_list_init(&l->handles);
    l->queue = (kl_queue){.max_count = QUEUE_MESSAGES, .max_bytes = QUEUE_BYTES, .charge.meter = kl_script_meter(s)};
  }
  if (!l || !kl_kept_add(s, &l->kept, key)) {
    free(l);
    drop_if_unused(bus, ch);
    no_memory(L);
  }
  kl_list_init(&l->link);
  kl_list_append(&ch->listeners, &l->link);
  return l;
}

static int l_listen(lua_State *L) {
  size_t n;
  const char *name = check_channel(L, 1, "bus.listen", &n);
  lua_settop(L, 1);
  sub *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  s->script = kl_script_of(L);
  s->member.close = member_close;
  s->member.live = member_live;
  s->member.describe = member_describe;
  luaL_setmetatable(L, BUS_META);
  kl_slot_take(L, &s->slot, KL_SLOT_HANDLE, "bus.listen");
  listener *l = take_listener(L, s->script, name, n);
  kl_list_init(&s->link);
  kl_list_append(&l->handles, &s->link);
  s->l = l;
  kl_script_adopt(s->script, &s->member);
  return 1;
}

/* ---- messages ---- */

static int push_next(lua_State *L, sub *s) {
  kl_queue *q = queue_of(s);
  intptr_t tag;
  const char *p;
  size_t n;
  if (kl_script_live(s->script) && kl_queue_take(q, &tag, &p, &n)) return push_message(L, p, n);
  if (kl_script_live(s->script) && q->lost) {
    unsigned long long lost = q->lost;
    bool crowded = q->crowded;
    q->lost = 0;
    q->crowded = false;
    return kl_raise_coded(L, KL_ERR_OVERFLOW, "overflow",
                          "%llu messages lost: the loop over this channel was more than %d messages or %d MiB behind%s",
                          lost, QUEUE_MESSAGES, QUEUE_BYTES >> 20, crowded ? KL_QUEUE_CROWDED : "");
  }
  lua_pushnil(L);
  return 1;
}

static int await_message(lua_State *L, sub *s);

static int push_waited(lua_State *L, kl_wait *w) {
  sub_wait *sw = (sub_wait *)w;
  sub *s = sw->s;
  if (!s) return 0;
  s->reader = NULL; /* before anything raises: the loop may be taken up again */
  sw->s = NULL;
  /* Woken, and then another version was live for a while and took it. */
  if (s->l && !has_news(s)) return await_message(L, s);
  return push_next(L, s);
}

static void wait_drop(kl_wait *w) {
  sub_wait *sw = (sub_wait *)w;
  if (sw->s && sw->s->reader == sw) sw->s->reader = NULL;
  free(sw);
}

static void wait_describe(const kl_wait *w, kl_buf *out) {
  const sub *s = ((const sub_wait *)w)->s;
  kl_buf_printf(out, "messages of the bus channel %s", s && s->l ? s->l->ch->name : "that was closed");
}

static int await_message(lua_State *L, sub *s) {
  sub_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait for a message");
  w->wait = (kl_wait){.push = push_waited, .drop = wait_drop, .describe = wait_describe, .kind = KL_WAIT_EVENT};
  w->s = s;
  s->reader = w;
  return kl_await(L, &w->wait);
}

/* The subscription is upvalue 1, so that the iterator may also be called by hand. */
static int next_message(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  sub *s = luaL_checkudata(L, lua_upvalueindex(1), BUS_META);
  lua_settop(L, 0);
  if (!s->l || has_news(s)) {
    kl_check_cancelled(L);
    return push_next(L, s);
  }
  if (s->reader)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "reader_taken",
                          "another task waits for messages of this subscription: give it its own");
  return await_message(L, s);
}

/* A loop that works through what is queued gives the others their turn now and then. */
static int l_next(lua_State *L) {
  return kl_stretched(L) ? kl_yield_to(L, 0, next_message) : next_message(L, LUA_OK, 0);
}

static int l_messages(lua_State *L) {
  const sub *s = kl_check_self(L, BUS_META, "subscription", "messages");
  if (!s->l)
    return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "subscription:messages: this subscription is closed");
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, l_next, 1);
  return 1;
}

static int l_tostring(lua_State *L) {
  const sub *s = luaL_checkudata(L, 1, BUS_META);
  if (s->l)
    lua_pushfstring(L, "subscription to %s of the bus", s->l->ch->name);
  else
    lua_pushliteral(L, "subscription to the bus (closed)");
  return 1;
}

static int l_picture(lua_State *L) {
  const sub *s = lua_touserdata(L, 1);
  luaL_checkstack(L, 4, NULL);
  lua_newtable(L);
  lua_pushliteral(L, "bus subscription");
  lua_setfield(L, -2, "type");
  lua_pushboolean(L, !s->l);
  lua_setfield(L, -2, "closed");
  if (!s->l) return 1;
  lua_pushlstring(L, s->l->ch->name, s->l->ch->n);
  lua_setfield(L, -2, "channel");
  lua_pushinteger(L, (lua_Integer)s->l->queue.count);
  lua_setfield(L, -2, "queued");
  return 1;
}

static void register_sub(lua_State *L) {
  static const luaL_Reg meta[] = {
      {"__gc", l_gc}, {"__close", l_close}, {"__tostring", l_tostring}, {"__picture", l_picture}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"messages", l_messages}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, BUS_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  kl_guard_allow_fields(L, -1, "__tostring");
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, BUS_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

int luaopen_kl_bus(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"send", l_send}, {"listen", l_listen}, {"last", l_last}, {"channels", l_channels}, {NULL, NULL}};
  register_sub(L);
  luaL_newlib(L, functions);
  kl_guard_allow_fields(L, -1, "last channels");
  return 1;
}
