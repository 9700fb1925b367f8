/* When the states of strategies go into the file that keeps them over a restart: at a swap, at the end, when a script
 * asks for it, and now and then. Reading a state takes the loop's time, so that is done the less often the longer it
 * takes. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/internal.h"
#include "script/reload.h"
#include "script/state_file.h"

enum { TICK_MS = 1000, LEAST_MS = 1000, MOST_MS = 60000, SHARE = 100, SHARE_OF_DISK = 10 };

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- what is kept ---- */

bool kl_saver_load(kl_strategy *g, kl_error *e) {
  const kl_state_file *f = g->o.shadow_of ? NULL : g->host->o.state_file;
  size_t n;
  kl_saved_state about;
  const void *image = f ? kl_state_file_get(f, g->name, &n, &about) : NULL;
  if (!image) return true;
  kl_buf_clear(&g->image);
  kl_buf_add(&g->image, image, n);
  g->schema = about.schema;
  g->last_generation = about.generation;
  if (!g->image.failed) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the state that was kept of %s", g->name);
  return false;
}

/* Takes the memory of `image`. */
static bool put(kl_strategy *g, int generation, int schema, kl_buf *image, kl_error *e) {
  kl_host *h = g->host;
  kl_saved_state about = {.generation = generation, .schema = schema};
  memcpy(about.hash, g->hash, sizeof about.hash);
  return kl_state_file_put(h->o.state_file, g->name, &about, kl_wall_us(h->o.clock), image, e);
}

void kl_saver_put(kl_strategy *g, const kl_buf *image, int generation, int schema) {
  if (!g->host->o.state_file || g->o.shadow_of || !image->len) return;
  kl_buf copy = {0};
  kl_error e = {0};
  kl_buf_add(&copy, image->data, image->len);
  if (!put(g, generation, schema, &copy, &e)) kl_log_error(g->name, "kalua.state is not saved: %s", e.message);
  g->save_at_ns = 0; /* what the next version makes of it follows soon */
}

/* Told once for each reason. */
static void not_saved(kl_strategy *g, const kl_error *e) {
  if (g->not_saved && strcmp(g->not_saved, e->message) == 0) return;
  kl_log_error(g->name, "kalua.state is not saved, what was saved last stays in the file: %s", e->message);
  free(g->not_saved);
  g->not_saved = strdup(e->message);
}

static void save(kl_strategy *g) {
  kl_error e = {0};
  kl_buf image = {0};
  int schema = 0;
  bool ok = kl_reload_capture(g, &image, &schema, &e);
  if (ok && image.len) ok = put(g, g->live->generation, schema, &image, &e);
  kl_buf_free(&image);
  if (!ok) {
    not_saved(g, &e);
  } else if (g->not_saved) {
    kl_log_info(g->name, "kalua.state is saved again");
    free(g->not_saved);
    g->not_saved = NULL;
  }
}

static void tick(uv_timer_t *timer) {
  kl_host *h = timer->data;
  for (kl_list *n = h->strategies.next; n != &h->strategies; n = n->next) {
    kl_strategy *g = KL_CONTAINER(n, kl_strategy, link);
    int64_t began = now_ns();
    if (!g->live || g->o.shadow_of || g->attempt.next || g->attempt.handlers || began < g->save_at_ns) continue;
    save(g);
    int64_t took = now_ns() - began;
    int64_t pause = took * SHARE, disk = kl_state_file_took_us(h->o.state_file) * 1000 * SHARE_OF_DISK;
    if (pause < disk) pause = disk;
    if (pause < LEAST_MS * INT64_C(1000000)) pause = LEAST_MS * INT64_C(1000000);
    if (pause > MOST_MS * INT64_C(1000000)) pause = MOST_MS * INT64_C(1000000);
    g->save_at_ns = began + pause - TICK_MS * INT64_C(500000); /* the tick that is nearest */
  }
}

void kl_saver_open(kl_host *h) {
  uv_timer_init(h->loop, &h->save_timer);
  h->save_timer.data = h;
  h->open_handles++;
  if (!h->o.state_file) return;
  uv_timer_start(&h->save_timer, tick, TICK_MS, TICK_MS);
  uv_unref((uv_handle_t *)&h->save_timer);
}

/* ---- kalua.save ---- */

typedef struct {
  kl_wait wait; /* first */
  kl_state_waiter waiter;
  kl_error error;
} save_wait;

static int push_saved(lua_State *L, kl_wait *w) {
  const save_wait *sw = (const save_wait *)w;
  if (sw->error.kind) {
    kl_error e = sw->error;
    return kl_raise(L, &e);
  }
  lua_pushboolean(L, true);
  return 1;
}

static void drop_save(kl_wait *w) {
  save_wait *sw = (save_wait *)w;
  kl_state_file_leave(&sw->waiter);
  free(sw);
}

static void describe_save(const kl_wait *w, kl_buf *out) {
  (void)w;
  kl_buf_str(out, "kalua.state to be on the disk");
}

static void saved(kl_state_waiter *w, const kl_error *e) {
  save_wait *sw = KL_CONTAINER(w, save_wait, waiter);
  if (e) sw->error = *e;
  kl_complete(&sw->wait);
}

/* Protected: (buffer). */
static int write_state(lua_State *L) {
  kl_version_write_state(L, lua_touserdata(L, 1));
  return 0;
}

static int save_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  kl_script *s = kl_script_of(L);
  kl_strategy *g = s->strategy;
  kl_state_file *f = s->host->o.state_file;
  kl_buf image = {0};
  kl_error e = {0};
  lua_pushcfunction(L, write_state);
  lua_pushlightuserdata(L, &image);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    kl_buf_free(&image);
    return lua_error(L);
  }
  if (!put(g, s->generation, s->schema ? s->schema : s->declared, &image, &e)) return kl_raise(L, &e);
  save_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait");
  w->wait = (kl_wait){.push = push_saved, .drop = drop_save, .describe = describe_save, .kind = KL_WAIT_EVENT};
  w->waiter.done = saved;
  if (kl_state_file_wait(f, &w->waiter)) return kl_await(L, &w->wait);
  free(w);
  kl_check_cancelled(L);
  lua_pushboolean(L, true);
  return 1;
}

int kl_script_save_lua(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  lua_settop(L, 0);
  if (!s->strategy || s->strategy->o.shadow_of || !s->host->o.state_file) {
    lua_pushboolean(L, false);
    return 1;
  }
  return kl_may_act(L) ? save_now(L, LUA_OK, 0) : kl_hold(L, 0, save_now);
}
