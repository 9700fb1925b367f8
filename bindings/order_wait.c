/* Waiting for news of an order: o:wait, o:wait_fill, o:changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/inspect.h"
#include "bindings/order.h"
#include "script/limits.h"

/* What ends a wait beside its time. */
typedef enum {
  FOR_ANSWER, /* the exchange, or whoever it was, has answered */
  FOR_NEWS,   /* that, and the order is another one than was seen, or has ended */
  FOR_END     /* it has ended */
} purpose;

typedef struct order_wait {
  kl_wait wait; /* first */
  kl_order_watcher watcher;
  kl_member member;
  kl_script *script;
  kl_desk_order *order; /* retained */
  purpose purpose;
  bool told; /* something was seen */
  uint64_t seen;
  bool timed, expired;
  kl_slot slot; /* of the timer */
  kl_timer timer;
} order_wait;

static bool is_over(const kl_desk_order *o, purpose p, bool told, uint64_t seen) {
  if (kl_desk_status_final(o->status)) return true;
  if (p == FOR_END || o->status == KL_DESK_PENDING) return false;
  return p == FOR_ANSWER || !told || o->version != seen;
}

static void freed(uv_handle_t *t) { free(t->data); }

static void drop(kl_wait *wait) {
  order_wait *w = (order_wait *)wait;
  kl_order_unwatch(&w->watcher);
  kl_script_disown(&w->member);
  kl_order_let_go(w->order);
  kl_slot_release(&w->slot);
  if (w->timed)
    kl_timer_close(&w->timer, freed);
  else
    free(w);
}

static void describe(const kl_wait *wait, kl_buf *out) {
  static const char *const words[] = {"the answer to", "news of", "the end of"};
  const order_wait *w = (const order_wait *)wait;
  char text[320];
  kl_order_text(w->order, text, sizeof text);
  kl_buf_printf(out, "%s the order: %s", words[w->purpose], text);
  if (w->timed) kl_wait_left(out, &w->timer);
}

static void look(order_wait *w) {
  if (is_over(w->order, w->purpose, w->told, w->seen)) kl_complete(&w->wait);
}

/* A version that is not live is not woken: it looks again when it becomes so. */
static void changed(kl_order_watcher *watcher, const kl_desk_order *o) {
  order_wait *w = watcher->data;
  (void)o;
  if (w->purpose == FOR_ANSWER || kl_script_live(w->script)) look(w);
}

static void member_close(kl_member *m) { (void)m; /* the wait goes with its task */ }
static void member_live(kl_member *m) { look(KL_CONTAINER(m, order_wait, member)); }

static void expired(uv_timer_t *t) {
  order_wait *w = t->data;
  w->expired = true;
  kl_complete(&w->wait);
}

/* timeout < 0: as long as it takes. */
static int await(lua_State *L, kl_desk_order *o, const order_wait *how, double timeout, const char *call) {
  kl_slot slot = {0};
  kl_check_await(L);
  if (timeout >= 0) kl_slot_take(L, &slot, KL_SLOT_TIMER, call);
  order_wait *w = malloc(sizeof *w);
  if (!w) {
    kl_slot_release(&slot);
    return kl_raisef(L, KL_ERR_INTERNAL, "%s: not enough memory to wait", call);
  }
  *w = *how;
  w->wait.drop = drop;
  w->wait.describe = describe;
  w->wait.kind = KL_WAIT_EVENT;
  w->script = kl_script_of(L);
  w->order = kl_order_retain(o);
  w->slot = slot;
  w->member = (kl_member){.close = member_close, .live = member_live};
  kl_script_adopt(w->script, &w->member);
  w->watcher = (kl_order_watcher){.data = w, .changed = changed};
  kl_order_watch(o, &w->watcher);
  if (timeout >= 0) {
    kl_timer_init(kl_script_loop(w->script), &w->timer, kl_script_clock(w->script));
    w->timer.uv.data = w;
    w->timed = true;
    kl_timer_start(&w->timer, expired, (uint64_t)ceil(timeout * 1e3), 0); /* cannot fail: it is not closing */
  }
  return kl_await(L, &w->wait);
}

/* -1 where it is absent. */
static double timeout_argument(lua_State *L, const char *method) {
  if (lua_isnoneornil(L, 2)) return -1;
  double seconds = lua_type(L, 2) == LUA_TNUMBER ? lua_tonumber(L, 2) : -1;
  if (!(seconds >= 0 && seconds <= 1e6))
    kl_raise_coded(L, KL_ERR_VALIDATION, "out_of_range", "order:%s: the timeout must be 0 to 1,000,000 seconds",
                   method);
  return seconds;
}

/* ---- o:wait ---- */

static int push_news(lua_State *L, kl_wait *wait) {
  const order_wait *w = (const order_wait *)wait;
  kl_order_handle *h = lua_touserdata(L, 1);
  bool over = is_over(h->order, FOR_NEWS, h->told, h->seen);
  if (over) {
    h->told = true;
    h->seen = h->order->version;
  }
  lua_pushboolean(L, over || !w->expired);
  return 1;
}

int kl_order_wait_lua(lua_State *L) {
  kl_order_handle *h = kl_order_check(L, "wait");
  double timeout = timeout_argument(L, "wait");
  order_wait how = {.purpose = FOR_NEWS, .told = h->told, .seen = h->seen};
  how.wait.push = push_news;
  if (is_over(h->order, FOR_NEWS, h->told, h->seen) && kl_script_live(kl_script_of(L))) {
    kl_check_cancelled(L);
    return push_news(L, &how.wait);
  }
  return await(L, h->order, &how, timeout, "order:wait");
}

/* ---- o:wait_fill ---- */

static int push_filled(lua_State *L, kl_wait *wait) {
  const kl_order_handle *h = lua_touserdata(L, 1);
  (void)wait;
  lua_pushboolean(L, h->order->status == KL_DESK_FILLED);
  return 1;
}

int kl_order_wait_fill_lua(lua_State *L) {
  kl_order_handle *h = kl_order_check(L, "wait_fill");
  double timeout = timeout_argument(L, "wait_fill");
  order_wait how = {.purpose = FOR_END};
  how.wait.push = push_filled;
  if (kl_desk_status_final(h->order->status) && kl_script_live(kl_script_of(L))) {
    kl_check_cancelled(L);
    return push_filled(L, &how.wait);
  }
  return await(L, h->order, &how, timeout, "order:wait_fill");
}

/* ---- the answer ---- */

static int push_answered(lua_State *L, kl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

int kl_order_answered_lua(lua_State *L) {
  kl_order_handle *h = kl_order_check(L, "wait");
  order_wait how = {.purpose = FOR_ANSWER};
  how.wait.push = push_answered;
  if (is_over(h->order, FOR_ANSWER, false, 0)) return 0;
  return await(L, h->order, &how, -1, "order");
}

/* ---- o:changes ---- */

/* Upvalue 1: the order; 2: the version that was seen, or nil; 3: its end was. So loops do not take news from each
 * other. */
static int push_change(lua_State *L, kl_wait *wait) {
  const kl_order_handle *h = lua_touserdata(L, lua_upvalueindex(1));
  (void)wait;
  lua_pushinteger(L, (lua_Integer)h->order->version);
  lua_replace(L, lua_upvalueindex(2));
  lua_pushboolean(L, kl_desk_status_final(h->order->status));
  lua_replace(L, lua_upvalueindex(3));
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

static int l_next_change(lua_State *L) {
  const kl_order_handle *h = lua_touserdata(L, lua_upvalueindex(1));
  if (lua_toboolean(L, lua_upvalueindex(3))) return 0;
  order_wait how = {.purpose = FOR_NEWS, .told = !lua_isnil(L, lua_upvalueindex(2))};
  how.seen = (uint64_t)lua_tointeger(L, lua_upvalueindex(2));
  how.wait.push = push_change;
  lua_settop(L, 0);
  if (is_over(h->order, FOR_NEWS, how.told, how.seen) && kl_script_live(kl_script_of(L))) {
    kl_check_cancelled(L);
    return push_change(L, &how.wait);
  }
  return await(L, h->order, &how, -1, "order:changes");
}

int kl_order_changes_lua(lua_State *L) {
  kl_order_check(L, "changes");
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  lua_pushboolean(L, 0);
  lua_pushcclosure(L, l_next_change, 3);
  return 1;
}
