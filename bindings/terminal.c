/* Module `cli.terminal`: the terminal as a screen, for commands whose body is in Lua. While there is a screen, what
 * others write to standard error would be drawn into it, so it is kept and told when the screen is gone. */
#include "bindings/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bindings/check.h"
#include "bindings/rest.h"
#include "bindings/writer.h"
#include "script/script.h"

#define SCREEN_META "cli.Screen"

enum { TYPED_MAX = 256, KEPT_MAX = 1 << 20 };

/* The alternate screen without cursor and without wrapping, and all of it undone. What cancels a sequence that was
 * written in part comes first. */
static const char enter_codes[] = "\033[?1049h\033[?25l\033[?7l\033[0m\033[2J";
static const char leave_codes[] = "\030\033[0m\033[?7h\033[?25h\033[999;1H\033[?1049l";

/* Keys one by one and unseen; Ctrl-C and Ctrl-Z remain signals. */
static void key_modes(struct termios *modes) {
  modes->c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  modes->c_cc[VMIN] = 1;
  modes->c_cc[VTIME] = 0;
}

static const kl_tty_way way = {
    .modes = key_modes, .enter = enter_codes, .leave = leave_codes, .errors = KL_TTY_STDERR_KEPT};

/* ---- the screen ---- */

typedef struct screen_wait screen_wait;

/* Outlives the userdata until its handles are closed. */
typedef struct screen {
  kl_member member;
  bool adopted, closed;
  kl_writer *writer;
  uv_signal_t resize, suspend;
  uv_poll_t keys;
  int key_fd; /* standard input by a description of our own, which does not block; -1: no keys */
  int open_handles;
  bool changed; /* of another size, or to be drawn from nothing */
  char typed[TYPED_MAX];
  size_t n_typed;
  screen_wait *reader;
} screen;

struct screen_wait {
  kl_wait wait; /* first */
  screen *s;    /* NULL once it is closed */
};

static void wake(screen *s) {
  if (s->reader) kl_complete(&s->reader->wait);
}

static void handle_closed(uv_handle_t *h) {
  screen *s = h->data;
  if (--s->open_handles > 0) return;
  if (s->key_fd >= 0) close(s->key_fd);
  free(s);
}

static void screen_close(screen *s) {
  if (s->closed) return;
  s->closed = true;
  if (s->adopted) kl_script_disown(&s->member);
  if (s->reader) {
    s->reader->s = NULL;
    kl_complete(&s->reader->wait);
    s->reader = NULL;
  }
  kl_writer_close(s->writer);
  kl_tty_restore();
  uv_close((uv_handle_t *)&s->resize, handle_closed);
  uv_close((uv_handle_t *)&s->suspend, handle_closed);
  if (s->key_fd >= 0) uv_close((uv_handle_t *)&s->keys, handle_closed);
}

static void member_close(kl_member *m) {
  screen *s = KL_CONTAINER(m, screen, member);
  s->adopted = false;
  screen_close(s);
}

static void on_resize(uv_signal_t *h, int number) {
  screen *s = h->data;
  (void)number;
  s->changed = true;
  wake(s);
}

static void on_suspend(uv_signal_t *h, int number) {
  (void)number;
  kl_tty_suspend(&way);
  on_resize(h, SIGWINCH);
}

static void on_keys(uv_poll_t *h, int status, int events) {
  screen *s = h->data;
  (void)status;
  (void)events;
  char chunk[TYPED_MAX];
  ssize_t n = read(s->key_fd, chunk, sizeof chunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) { /* nobody types any more */
    uv_poll_stop(h);
    return;
  }
  size_t room = sizeof s->typed - s->n_typed; /* what was typed far ahead may be dropped */
  size_t taken_in = (size_t)n < room ? (size_t)n : room;
  memcpy(s->typed + s->n_typed, chunk, taken_in);
  s->n_typed += taken_in;
  wake(s);
}

static void open_keys(screen *s, uv_loop_t *loop) {
  s->key_fd = isatty(STDIN_FILENO) ? open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
  if (s->key_fd < 0) return;
  if (uv_poll_init(loop, &s->keys, s->key_fd) != 0) {
    close(s->key_fd);
    s->key_fd = -1;
    return;
  }
  s->keys.data = s;
  s->open_handles++;
  uv_poll_start(&s->keys, UV_READABLE, on_keys);
}

/* ---- what scripts call ---- */

static int l_size(lua_State *L) {
  int rows, columns;
  kl_tty_size(&rows, &columns);
  lua_pushinteger(L, rows);
  lua_pushinteger(L, columns);
  return 2;
}

static screen *self(lua_State *L, const char *method) {
  screen *s = *(screen **)kl_check_self(L, SCREEN_META, "screen", method);
  if (!s || s->closed) kl_raisef(L, KL_ERR_CLOSED, "screen:%s: the screen is closed", method);
  return s;
}

static int l_close(lua_State *L) {
  screen **slot = luaL_checkudata(L, 1, SCREEN_META);
  if (*slot) screen_close(*slot);
  *slot = NULL;
  return 0;
}

/* screen() takes the terminal until the screen is closed or the script ends, whichever comes first. */
static int l_screen(lua_State *L) {
  kl_script *script = kl_script_of(L);
  uv_loop_t *loop = kl_script_loop(script);
  if (kl_tty_taken()) return kl_raisef(L, KL_ERR_VALIDATION, "terminal.screen: there is a screen already");
  screen **slot = lua_newuserdatauv(L, sizeof(screen *), 0); /* slot */
  *slot = NULL;
  luaL_setmetatable(L, SCREEN_META);
  screen *s = calloc(1, sizeof *s);
  kl_writer *writer = s ? kl_writer_new(loop, STDOUT_FILENO, NULL, NULL) : NULL;
  if (!writer) {
    free(s);
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  *slot = s;
  s->writer = writer;
  s->member.close = member_close;
  kl_list_init(&s->member.link);
  kl_tty_take(&way);
  uv_signal_init(loop, &s->resize);
  uv_signal_init(loop, &s->suspend);
  s->resize.data = s->suspend.data = s;
  s->open_handles = 2;
  uv_signal_start(&s->resize, on_resize, SIGWINCH);
  uv_signal_start(&s->suspend, on_suspend, SIGTSTP);
  open_keys(s, loop);
  kl_script_adopt(script, &s->member);
  s->adopted = true;
  return 1;
}

/* screen:draw(codes) writes them; false, and nothing written, while the terminal has not taken those before. */
static int l_draw(lua_State *L) {
  screen *s = self(L, "draw");
  size_t n, pending;
  const char *codes = kl_check_text(L, 2, "screen:draw", &n);
  struct stat kept;
  int kept_fd = kl_tty_stderr();
  if (kept_fd >= 0 && fstat(kept_fd, &kept) == 0 && kept.st_size > KEPT_MAX && ftruncate(kept_fd, 0) == 0)
    fputs("kalua: what was told before this is left out: it was too much\n", stderr);
  kl_writer_pending(s->writer, &pending);
  if (pending == 0) kl_writer_add(s->writer, codes, n);
  int why = kl_writer_error(s->writer);
  if (why) return kl_raisef(L, KL_ERR_INTERNAL, "cannot write to the terminal: %s", strerror(why));
  lua_pushboolean(L, pending == 0);
  return 1;
}

static int push_event(lua_State *L, screen *s) {
  lua_pushboolean(L, s->changed);
  lua_pushlstring(L, s->typed, s->n_typed);
  s->changed = false;
  s->n_typed = 0;
  return 2;
}

static int wait_push(lua_State *L, kl_wait *wait) {
  screen_wait *w = (screen_wait *)wait;
  screen *s = w->s;
  if (!s) return kl_raisef(L, KL_ERR_CLOSED, "screen:event: the screen is closed");
  s->reader = NULL;
  w->s = NULL;
  return push_event(L, s);
}

static void wait_drop(kl_wait *wait) {
  screen_wait *w = (screen_wait *)wait;
  if (w->s) w->s->reader = NULL;
  free(w);
}

/* screen:event() waits until the screen has another size or is to be drawn from nothing, or keys were pressed. Returns
 * whether the first was so, and the bytes of the keys. */
static int l_event(lua_State *L) {
  screen *s = self(L, "event");
  if (s->changed || s->n_typed) {
    kl_check_cancelled(L);
    return push_event(L, s);
  }
  if (s->reader) return kl_raisef(L, KL_ERR_VALIDATION, "screen:event: another task waits for events");
  screen_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  w->wait.push = wait_push;
  w->wait.drop = wait_drop;
  w->s = s;
  s->reader = w;
  return kl_await(L, &w->wait);
}

int luaopen_kl_terminal(lua_State *L) {
  static const luaL_Reg functions[] = {{"size", l_size}, {"screen", l_screen}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"draw", l_draw}, {"event", l_event}, {"close", l_close}, {NULL, NULL}};
  if (!kl_environment_of(L)->tool) return luaL_error(L, "cli.terminal is for the commands of kalua");
  luaL_newmetatable(L, SCREEN_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, SCREEN_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
  luaL_newlib(L, functions);
  return 1;
}
