/* print: a line on standard output, where the program has it go. A task that prints faster than somebody reads waits;
 * no other one does. */
#include <stdio.h>
#include <stdlib.h>

#include "script/internal.h"

typedef struct printer {
  kl_wait wait; /* first */
  kl_list link; /* in the host's printers, oldest first */
} printer;

static int room_push(lua_State *L, kl_wait *w) {
  (void)L;
  (void)w;
  return 0;
}

static void room_drop(kl_wait *w) {
  printer *p = (printer *)w;
  kl_list_remove(&p->link);
  free(p);
}

static void room_describe(const kl_wait *w, kl_buf *out) {
  (void)w;
  kl_buf_str(out, "who reads its output");
}

int kl_await_room_lua(lua_State *L) { return kl_await(L, lua_touserdata(L, 1)); }

void kl_host_print_room(kl_host *h) {
  for (kl_list *n = h->printers.next; n != &h->printers; n = n->next)
    kl_complete(&KL_CONTAINER(n, printer, link)->wait);
}

void kl_script_print(kl_script *s, const char *text, size_t n) {
  const kl_host_options *o = &s->host->o;
  if (o->print) {
    o->print(o->data, s, text, n);
  } else {
    fwrite(text, 1, n, stdout);
    putchar('\n');
  }
}

/* An input of a prompt prints there. */
static bool has_room(kl_script *s) {
  kl_evaluation *x = kl_evaluation_current(s);
  const kl_host_options *o = &s->host->o;
  if (x) return kl_evaluation_has_room(x);
  return !o->print_room || o->print_room(o->data, s);
}

/* The text is at index 1. Whoever cannot wait prints all the same. */
static int print_k(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  kl_script *s = kl_script_of(L);
  size_t n;
  const char *text = lua_tolstring(L, 1, &n);
  if (s->starting) {
    kl_say_later(s, -1, text, n);
    return 0;
  }
  while (!has_room(s) && kl_can_await(L)) {
    printer *p = calloc(1, sizeof *p);
    if (!p) break;
    p->wait = (kl_wait){.push = room_push, .drop = room_drop, .describe = room_describe};
    kl_list_append(&s->host->printers, &p->link);
    lua_pushcfunction(L, kl_await_room_lua);
    lua_pushlightuserdata(L, p);
    lua_callk(L, 1, 0, 0, print_k);
  }
  kl_evaluation *x = kl_evaluation_current(s);
  if (x)
    kl_evaluation_print(x, text, n);
  else
    kl_script_print(s, text, n);
  return 0;
}

int kl_print_lua(lua_State *L) {
  int n = lua_gettop(L);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (int i = 1; i <= n; i++) {
    if (i > 1) luaL_addchar(&b, '\t');
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return print_k(L, LUA_OK, 0);
}
