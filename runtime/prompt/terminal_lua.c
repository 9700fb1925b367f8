/* Module `prompt.terminal`: the terminal of the prompt for its front end, which is in Lua. One task at a time waits for
 * events; any may draw. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/check.h"
#include "prompt/front_impl.h"
#include "prompt/terminal.h"
#include "prompt/text.h"
#include "script/script.h"

#define TERMINAL_META "prompt.Terminal"

enum { OFFERS_MAX = 2000 };

typedef enum wait_for { WAIT_EVENT, WAIT_ROOM, WAIT_DRAINED, WAIT_KINDS } wait_for;

typedef struct terminal terminal;

typedef struct terminal_wait {
  kl_wait wait; /* first */
  kl_list link; /* of terminal.waits */
  terminal *o;  /* NULL once it has gone */
  wait_for what;
} terminal_wait;

/* In the memory of the userdata. */
struct terminal {
  kl_member member;
  kl_terminal *t; /* NULL once closed */
  kl_list waits;
};

static bool is_over(const terminal_wait *w) {
  int why;
  if (!w->o->t || w->what == WAIT_EVENT) return true; /* push looks whether there is one */
  return w->what == WAIT_ROOM ? kl_terminal_has_room(w->o->t, &why) : kl_terminal_drained(w->o->t);
}

static void wake(void *data) {
  terminal *o = data;
  for (kl_list *l = o->waits.next; l != &o->waits; l = l->next) {
    terminal_wait *w = KL_CONTAINER(l, terminal_wait, link);
    if (is_over(w)) kl_complete(&w->wait);
  }
}

static void close_terminal(terminal *o, bool wait) {
  if (!o->t) return;
  kl_terminal_close(o->t, wait);
  o->t = NULL;
  wake(o);
}

static void member_close(kl_member *m) { close_terminal(KL_CONTAINER(m, terminal, member), true); }

static int l_gc(lua_State *L) {
  terminal *o = lua_touserdata(L, 1);
  if (o->member.close) kl_script_disown(&o->member);
  close_terminal(o, true);
  while (!kl_list_empty(&o->waits)) {
    terminal_wait *w = KL_CONTAINER(o->waits.next, terminal_wait, link);
    kl_list_remove(&w->link);
    w->o = NULL;
  }
  return 0;
}

static terminal *self(lua_State *L, const char *method) {
  terminal *o = kl_check_self(L, TERMINAL_META, "terminal", method);
  if (!o->t) kl_raisef(L, KL_ERR_CLOSED, "terminal:%s: the terminal is closed", method);
  return o;
}

/* The text at idx; NULL for nil. */
static const char *text_or_nil(lua_State *L, int idx, const char *function) {
  size_t n;
  return lua_isnoneornil(L, idx) ? NULL : kl_check_text(L, idx, function, &n);
}

/* ---- waiting ---- */

static void wait_drop(kl_wait *wait) {
  terminal_wait *w = (terminal_wait *)wait;
  kl_list_remove(&w->link);
  free(w);
}

static int await(lua_State *L, terminal *o, wait_for what, int (*push)(lua_State *L, kl_wait *wait)) {
  terminal_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  w->wait.push = push;
  w->wait.drop = wait_drop;
  w->o = o;
  w->what = what;
  kl_list_init(&w->link);
  kl_list_append(&o->waits, &w->link);
  return kl_await(L, &w->wait);
}

static int push_nothing(lua_State *L, kl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

/* Waits while too much was not written yet, where the task can wait. */
static int await_room(lua_State *L, terminal *o) {
  int why = 0;
  bool room = kl_terminal_has_room(o->t, &why);
  if (!lua_isyieldable(L)) return 0; /* somebody else is told */
  if (why == EPIPE || why == ECONNRESET)
    return kl_raisef(L, KL_ERR_BROKEN_PIPE, "the reader of standard output has gone");
  if (why) return kl_raisef(L, KL_ERR_INTERNAL, "cannot write to standard output: %s", strerror(why));
  return room ? 0 : await(L, o, WAIT_ROOM, push_nothing);
}

/* ---- events ---- */

static const char *const kind_names[] = {
    [KL_TERMINAL_ENTER] = "enter",  [KL_TERMINAL_COMPLETE] = "complete", [KL_TERMINAL_INTERRUPT] = "interrupt",
    [KL_TERMINAL_EOF] = "eof",      [KL_TERMINAL_RESIZE] = "resize",     [KL_TERMINAL_HINT] = "hint",
    [KL_TERMINAL_FAILED] = "failed"};

/* False: there is none yet. */
static bool push_event(lua_State *L, terminal *o, int *results) {
  kl_terminal_event e = {0};
  if (!kl_terminal_next(o->t, &e)) return false;
  if (e.kind == KL_TERMINAL_FAILED) kl_raisef(L, KL_ERR_CONFIG, "cannot read standard input: %.*s", (int)e.n, e.text);
  lua_pushstring(L, kind_names[e.kind]);
  *results = 1;
  if (!e.text) return true;
  lua_pushlstring(L, e.text, e.n);
  lua_pushinteger(L, (lua_Integer)e.cursor);
  *results = 3;
  return true;
}

static int push_next(lua_State *L, kl_wait *wait);

static int event(lua_State *L, terminal *o) {
  int results;
  return push_event(L, o, &results) ? results : await(L, o, WAIT_EVENT, push_next);
}

static int push_next(lua_State *L, kl_wait *wait) {
  terminal *o = ((terminal_wait *)wait)->o;
  if (!o || !o->t) return kl_raisef(L, KL_ERR_CLOSED, "terminal:event: the terminal is closed");
  return event(L, o); /* it may have been for another task */
}

/* t:event() waits for what happens at the terminal and returns its kind, and of some a text and how many bytes of it
 * are before the cursor:
 *
 * - "enter", text: shall this input run? Then t:accept(), or t:newline() where it is not complete. What is typed
 *   meanwhile is kept.
 * - "complete", text, cursor: t:offer() is the answer. What is typed before it, or before the next t:event(), is kept.
 * - "hint", text, cursor: something was typed, and nothing for a moment: t:hint()
 * - "interrupt": Ctrl-C; what was being typed is gone already
 * - "eof", text: Ctrl-D, or the end of standard input; text, or nil: an input that was not complete
 * - "resize": t:size() is another
 *
 * While an input runs (t:busy) there is "interrupt" only, and the rest waits. Raises kind "closed" when the terminal
 * was closed, "config" when standard input cannot be read. */
static int l_event(lua_State *L) {
  terminal *o = self(L, "event");
  kl_terminal_want(o->t);
  kl_check_cancelled(L);
  return event(L, o);
}

/* ---- the input ---- */

/* t:accept(instead) takes the text of "enter": it (or another text instead of it) stays on the screen as it was
 * entered, is added to the history, and the next one begins, below, with the next t:event() or after t:busy(). Does
 * nothing where nothing was entered. */
static int l_accept(lua_State *L) {
  kl_terminal_accept(self(L, "accept")->t, text_or_nil(L, 2, "terminal:accept"));
  return 0;
}

/* t:newline() instead goes on with it in a new line; without a terminal the next "enter" has the lines so far, too. */
static int l_newline(lua_State *L) {
  kl_terminal_newline(self(L, "newline")->t);
  return 0;
}

/* Takes what an item of a list has in a field; NULL where it is nil, or memory is out. */
static char *take_field(lua_State *L, const char *field) {
  kl_buf clean = {0};
  size_t n;
  lua_getfield(L, -1, field);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
  if (text) kl_text_clean(&clean, text, n);
  if (text && n == 0) kl_buf_reserve(&clean, 0);
  lua_pop(L, 1);
  if (!clean.failed) return clean.data;
  kl_buf_free(&clean);
  return NULL;
}

/* t:offer(list, from, partial) answers "complete" with what can stand in place of the bytes between the first `from` of
 * the text and the cursor: {text=, hint=} each. The only one is put in; of several what they have in common, and they
 * are shown to choose from. `partial`: there are more than these, so that nothing is put in. */
static int l_offer(lua_State *L) {
  terminal *o = self(L, "offer");
  kl_check_type(L, 2, LUA_TTABLE, "terminal:offer");
  if (!lua_isinteger(L, 3)) return kl_bad_argument(L, 3, "terminal:offer", "a whole number");
  lua_Integer from = lua_tointeger(L, 3);
  bool partial = lua_toboolean(L, 4);
  lua_Integer count = luaL_len(L, 2), most = count < OFFERS_MAX ? count : OFFERS_MAX;
  for (lua_Integer i = 1; i <= most; i++) { /* what may raise comes first */
    if (lua_geti(L, 2, i) != LUA_TTABLE || lua_getfield(L, -1, "text") != LUA_TSTRING)
      return kl_raisef(L, KL_ERR_VALIDATION, "terminal:offer: item %d has no text", (int)i);
    lua_pop(L, 2);
  }
  kl_menu_item *items = calloc((size_t)most + 1, sizeof *items);
  size_t taken = 0;
  for (lua_Integer i = 1; items && i <= most; i++) {
    lua_rawgeti(L, 2, i);
    char *text = lua_type(L, -1) == LUA_TTABLE ? take_field(L, "text") : NULL;
    if (text) items[taken++] = (kl_menu_item){text, take_field(L, "hint")};
    lua_pop(L, 1);
  }
  kl_terminal_offer(o->t, items, taken, from < 0 ? SIZE_MAX : (size_t)from, partial || count > most);
  return 0;
}

/* t:hint(text) shows a text (lines, at most ten) below what is typed, until the next one; nil takes it away. */
static int l_hint(lua_State *L) {
  kl_terminal_hint(self(L, "hint")->t, text_or_nil(L, 2, "terminal:hint"));
  return 0;
}

/* t:prompt(first, next) sets what stands before the first line of an input, and before the others. */
static int l_prompt(lua_State *L) {
  terminal *o = self(L, "prompt");
  size_t n;
  const char *first = kl_check_text(L, 2, "terminal:prompt", &n);
  const char *next = text_or_nil(L, 3, "terminal:prompt");
  kl_terminal_prompt(o->t, first, next ? next : first);
  return 0;
}

/* ---- what is shown ---- */

/* t:above(text, where) shows lines above what is typed; colours (SGR sequences) in them count, other control characters
 * are written out. Without a terminal they go to standard output, or for where == "error" to standard error. Waits
 * while the terminal is far behind, and raises kind "broken_pipe" when the reader of standard output has gone (after
 * which t:event() gives "interrupt" and then "eof"), where the task can wait. */
static int l_above(lua_State *L) {
  terminal *o = self(L, "above");
  size_t n;
  const char *text = kl_check_text(L, 2, "terminal:above", &n);
  const char *where = text_or_nil(L, 3, "terminal:above");
  kl_terminal_above(o->t, text, n, where && strcmp(where, "error") == 0);
  return await_room(L, o);
}

/* t:busy(text) says that an input runs: text, a line that may change, is in place of what is typed ("": nothing), and
 * keys are kept; t:busy(nil) that none does any more. */
static int l_busy(lua_State *L) {
  kl_terminal_busy(self(L, "busy")->t, text_or_nil(L, 2, "terminal:busy"));
  return 0;
}

/* t:size() returns columns and rows; 80 and 24 where that is not known. */
static int l_size(lua_State *L) {
  int columns, rows;
  kl_terminal_get_size(self(L, "size")->t, &columns, &rows);
  lua_pushinteger(L, columns);
  lua_pushinteger(L, rows);
  return 2;
}

/* t:colour(): whether colours are wanted. */
static int l_colour(lua_State *L) {
  lua_pushboolean(L, kl_terminal_colour(self(L, "colour")->t));
  return 1;
}

/* t:plain(): lines of standard input and plain text, no terminal to draw on. */
static int l_plain(lua_State *L) {
  lua_pushboolean(L, kl_terminal_plain(self(L, "plain")->t));
  return 1;
}

/* t:asks(): somebody sits there and is asked for inputs, with plain text where the terminal can do no more. */
static int l_asks(lua_State *L) {
  lua_pushboolean(L, kl_terminal_asks(self(L, "asks")->t));
  return 1;
}

/* lost() -> nil, or why what was written to standard output is lost; "" where only its reader has gone. */
static int l_lost(lua_State *L) {
  int why = kl_terminal_lost(self(L, "lost")->t);
  if (why == EPIPE || why == ECONNRESET)
    lua_pushliteral(L, "");
  else if (why)
    lua_pushstring(L, strerror(why));
  else
    lua_pushnil(L);
  return 1;
}

/* ---- opening and closing ---- */

static int push_closed(lua_State *L, kl_wait *wait) {
  terminal *o = ((terminal_wait *)wait)->o;
  (void)L;
  if (o) close_terminal(o, false);
  return 0;
}

/* t:close() gives the terminal back as it was, once all that was shown has been written. Harmless when repeated. */
static int l_close(lua_State *L) {
  terminal *o = luaL_checkudata(L, 1, TERMINAL_META);
  if (!o->t) return 0;
  if (!kl_terminal_drained(o->t) && lua_isyieldable(L)) return await(L, o, WAIT_DRAINED, push_closed);
  close_terminal(o, true);
  return 0;
}

static bool flag(lua_State *L, const char *name, bool *given) {
  lua_getfield(L, 1, name);
  bool on = lua_toboolean(L, -1);
  *given = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return on;
}

/* open{ plain=, colour=, history= } takes the terminal until t:close() or the end of the script. plain = true: as
 * without one. colour = false: none, whatever it can do. history: the file that keeps what was entered, false: none
 * does; by default $XDG_STATE_HOME/kalua/history or ~/.local/state/kalua/history. Raises kind "validation" when it is
 * taken. */
static int l_open(lua_State *L) {
  bool given;
  kl_error e = {0};
  kl_check_type(L, 1, LUA_TTABLE, "terminal.open");
  kl_terminal_options options = {.plain = flag(L, "plain", &given), .wake = wake};
  options.no_colour = !flag(L, "colour", &given) && given;
  options.no_history = !flag(L, "history", &given) && given;
  lua_getfield(L, 1, "history");
  if (lua_type(L, -1) == LUA_TSTRING) options.history = lua_tostring(L, -1);
  terminal *o = lua_newuserdatauv(L, sizeof *o, 0); /* options history terminal */
  memset(o, 0, sizeof *o);
  kl_list_init(&o->waits);
  options.data = o;
  luaL_setmetatable(L, TERMINAL_META);
  kl_script *script = kl_script_of(L);
  o->t = kl_terminal_open(kl_script_loop(script), &options, &e);
  if (!o->t) return kl_raise(L, &e);
  o->member.close = member_close;
  kl_list_init(&o->member.link);
  kl_script_adopt(script, &o->member);
  return 1;
}

/* width(text): how many columns a line of text takes; colours (SGR sequences) take none. */
static int l_width(lua_State *L) {
  size_t n;
  const char *text = kl_check_text(L, 1, "terminal.width", &n);
  lua_pushinteger(L, (lua_Integer)kl_text_columns(text, n));
  return 1;
}

int luaopen_kl_prompt_terminal(lua_State *L) {
  static const luaL_Reg functions[] = {{"open", l_open}, {"width", l_width}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_close}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"event", l_event},   {"accept", l_accept}, {"newline", l_newline}, {"offer", l_offer}, {"hint", l_hint},
      {"prompt", l_prompt}, {"above", l_above},   {"busy", l_busy},       {"size", l_size},   {"colour", l_colour},
      {"plain", l_plain},   {"asks", l_asks},     {"lost", l_lost},       {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, TERMINAL_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, TERMINAL_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
  luaL_newlib(L, functions);
  return 1;
}
