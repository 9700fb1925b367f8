/* Module `cli.output`: standard output for commands whose body is in Lua and that must not lose a line. print puts up
 * with a reader that is slow by stopping the process; here only the task that writes waits, and the feed runs on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bindings/check.h"
#include "bindings/rest.h"
#include "bindings/writer.h"
#include "script/script.h"

#define OUTPUT_META "cli.Output"

enum { PENDING_MAX = 256 << 10, PENDING_LOW = 64 << 10 };

typedef struct output_wait output_wait;

/* In the memory of the userdata. */
typedef struct output {
  kl_member member;
  kl_writer *writer;     /* NULL once closed */
  const char *name;      /* of the script; borrowed from it */
  output_wait *waits[2]; /* write, flush: one task each */
} output;

struct output_wait {
  kl_wait wait; /* first */
  output *o;    /* NULL once its memory went */
  size_t until; /* so much may be pending when the wait is over */
  int slot;
};

/* Kind "broken_pipe": the reader has gone, which is how `… | head` ends and no error to speak of. */
static int raise_failed(lua_State *L, int why) {
  if (why == EPIPE || why == ECONNRESET)
    return kl_raisef(L, KL_ERR_BROKEN_PIPE, "the reader of standard output has gone");
  lua_pushfstring(L, "cannot write to standard output: %s", strerror(why)); /* as print has it told */
  return lua_error(L);
}

static bool is_over(const output_wait *w) {
  size_t pending;
  kl_writer_pending(w->o->writer, &pending);
  return pending <= w->until || kl_writer_error(w->o->writer);
}

static void on_progress(void *data) {
  output *o = data;
  for (size_t i = 0; i < 2; i++)
    if (o->waits[i] && is_over(o->waits[i])) kl_complete(&o->waits[i]->wait);
}

static int wait_push(lua_State *L, kl_wait *wait) {
  output_wait *w = (output_wait *)wait;
  output *o = w->o;
  if (o) o->waits[w->slot] = NULL; /* before anything raises: the task may write again */
  w->o = NULL;
  if (!o || !o->writer) return kl_raisef(L, KL_ERR_CLOSED, "the output is closed");
  int why = kl_writer_error(o->writer);
  return why ? raise_failed(L, why) : 0;
}

static void wait_drop(kl_wait *wait) {
  output_wait *w = (output_wait *)wait;
  if (w->o) w->o->waits[w->slot] = NULL;
  free(w);
}

/* Waits until at most `until` bytes are pending. */
static int await_pending(lua_State *L, output *o, size_t until, int slot) {
  int why = kl_writer_error(o->writer);
  size_t pending;
  kl_writer_pending(o->writer, &pending);
  if (why) return raise_failed(L, why);
  if (pending <= until) {
    kl_check_cancelled(L);
    return 0;
  }
  if (o->waits[slot]) return kl_raisef(L, KL_ERR_VALIDATION, "another task waits for the output");
  output_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  w->wait.push = wait_push;
  w->wait.drop = wait_drop;
  w->o = o;
  w->until = until;
  w->slot = slot;
  o->waits[slot] = w;
  return kl_await(L, &w->wait);
}

static output *self(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

/* write(text): adds it as it is. Waits while the reader is more than PENDING_MAX bytes behind. */
static int l_write(lua_State *L) {
  output *o = self(L);
  size_t n;
  const char *text = kl_check_text(L, 1, "output.write", &n);
  if (!o->writer) return kl_raisef(L, KL_ERR_CLOSED, "the output is closed");
  if (!kl_writer_add(o->writer, text, n)) return raise_failed(L, kl_writer_error(o->writer));
  size_t pending;
  kl_writer_pending(o->writer, &pending);
  return pending <= PENDING_MAX ? 0 : await_pending(L, o, PENDING_LOW, 0);
}

/* flush(): waits until all that was written has gone out. */
static int l_flush(lua_State *L) {
  output *o = self(L);
  if (!o->writer) return kl_raisef(L, KL_ERR_CLOSED, "the output is closed");
  kl_writer_flush(o->writer);
  return await_pending(L, o, 0, 1);
}

/* The script ends: what the reader has not taken yet is lost, and said. */
static void member_close(kl_member *m) {
  output *o = KL_CONTAINER(m, output, member);
  if (!o->writer) return;
  kl_writer_flush(o->writer);
  size_t n, lines = 0;
  const char *text = kl_writer_pending(o->writer, &n);
  for (size_t i = 0; i < n; i++)
    lines += text[i] == '\n';
  if (n && !kl_writer_error(o->writer))
    kl_log_error(o->name, "%zu lines are lost: what reads standard output had not taken them yet", lines);
  kl_writer_close(o->writer);
  o->writer = NULL;
}

static int l_gc(lua_State *L) {
  output *o = luaL_checkudata(L, 1, OUTPUT_META);
  for (size_t i = 0; i < 2; i++) {
    if (o->waits[i]) o->waits[i]->o = NULL;
    o->waits[i] = NULL;
  }
  return 0;
}

int luaopen_kl_output(lua_State *L) {
  static const luaL_Reg functions[] = {{"write", l_write}, {"flush", l_flush}, {NULL, NULL}};
  kl_script *s = kl_script_of(L);
  if (!kl_environment_of(L)->tool) return luaL_error(L, "cli.output is for the commands of kalua: scripts use print");
  luaL_newlibtable(L, functions);                 /* module */
  output *o = lua_newuserdatauv(L, sizeof *o, 0); /* module output */
  *o = (output){.name = kl_script_name(s), .member.close = member_close};
  if (luaL_newmetatable(L, OUTPUT_META)) {
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  o->writer = kl_writer_new(kl_script_loop(s), STDOUT_FILENO, on_progress, o);
  if (!o->writer) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  kl_list_init(&o->member.link);
  kl_script_adopt(s, &o->member);
  luaL_setfuncs(L, functions, 1); /* module */
  return 1;
}
