/* A strategy under thousands of random steps: versions of every kind come and go, it is paused, stopped and started,
 * files change, memory fails, the host closes. After each step what must always hold is looked at. Timers are real, so
 * a seed brings the same steps, not the same interleaving. KALUA_SEED=N begins at that world, KALUA_WORLDS=N runs so
 * many. */
#include "strategy_bed.h"

#include "script/internal.h"

enum {
  WORLDS = 10,
  STEPS = 120,
  GRACE_MS = 12,
  REQUESTS = 2 * STEPS,
  GENERATIONS = 4 * STEPS,
  TEXT = 4096,
  MUCH = 64 << 10,
  MESSAGES = 1 << 16,
  PATIENCE_MS = 10000
};

typedef struct {
  int answers;
} request;

typedef struct {
  bed b;
  uint64_t seed, dice;
  request requests[REQUESTS];
  size_t n_requests;
  kl_script *sender;
  uv_timer_t beat;        /* the loop never waits for long */
  lua_Integer sent, seen; /* numbers of messages */
  int seen_by;            /* generation */
  bool gap;               /* a version has gone since: the next one need not get the number behind `seen` */
  int gone;               /* its generation; it may go on to handle some */
  bool deaf[GENERATIONS]; /* has closed its subscription, and may be live for a while yet */
  bool handled[MESSAGES];
  bool faulty; /* memory has failed: a message may be lost with an error that says so */
  int starts;
  int generation; /* of the live version at the last look */
  uint64_t rolled_back;
} model;

static model *m;

/* ---- dice ---- */

static uint64_t roll(void) { /* xorshift64* */
  m->dice ^= m->dice >> 12;
  m->dice ^= m->dice << 25;
  m->dice ^= m->dice >> 27;
  return m->dice * UINT64_C(2685821657736338717) >> 33;
}

static int below(int n) { return (int)(roll() % (uint64_t)n); }

#define SHALL(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) broken(#condition, __LINE__);                                                                    \
  } while (0)

static void broken(const char *what, int line) {
  fprintf(stderr, "%s\n", text_of(&m->b.told));
  fail_msg("world KALUA_SEED=%llu: %s (line %d)", (unsigned long long)m->seed, what, line);
}

/* ---- what the scripts call ---- */

/* Those of the strategy that run: none, or the one that the strategy says it is. */
static bool is_the_live_one(const kl_script *s) {
  return s == kl_strategy_script(m->b.g) && (kl_script_live(s) || s->for_swap);
}

/* saw(n): a message was handled. */
static int l_saw(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  const kl_script *s = kl_script_of(L);
  bool may_miss = s->generation != m->seen_by && (m->gap || m->gone == m->seen_by);
  SHALL(is_the_live_one(s));
  SHALL(kl_script_live(s));
  SHALL(n > 0 && n < MESSAGES && !m->handled[n]);
  m->handled[n] = true;
  if (m->deaf[s->generation] && n < m->seen) return 0; /* took it along, and has come back since */
  SHALL(n > m->seen);
  if (n != m->seen + 1)
    kl_buf_printf(&m->b.told, "generation %d got message %lld behind %lld of generation %d\n", s->generation,
                  (long long)n, (long long)m->seen, m->seen_by);
  SHALL(n == m->seen + 1 || may_miss || m->faulty);
  m->seen = n;
  m->seen_by = s->generation;
  m->gap = false;
  return 0;
}

static int act_again(lua_State *L, int status, lua_KContext ctx);

/* act(): something that others see. */
static int l_act(lua_State *L) {
  if (!kl_may_act(L)) return kl_hold(L, 0, act_again);
  SHALL(is_the_live_one(kl_script_of(L)));
  return 0;
}

static int act_again(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return l_act(L);
}

static void goes(int generation) {
  m->gap = true;
  m->gone = generation;
  if (m->b.told.len < MUCH) kl_buf_printf(&m->b.told, "generation %d may take messages along\n", generation);
}

/* dies(closes): this version ends by itself now. What waits for it is lost with it, unless another one has it too and
 * it did not take it along. */
static int l_dies(lua_State *L) {
  int generation = kl_script_of(L)->generation;
  if (!kl_script_live(kl_script_of(L))) return 0;
  SHALL(generation < GENERATIONS);
  m->deaf[generation] = lua_toboolean(L, 1);
  if (m->deaf[generation] || !m->b.g->previous) goes(generation);
  return 0;
}

static int l_number(lua_State *L) {
  lua_pushinteger(L, ++m->sent);
  return 1;
}

/* read(ms): an answer that a start waits for; negative: none ever comes. */
typedef struct {
  kl_wait wait; /* first */
  uv_timer_t timer;
  lua_Integer ms;
} reading;

static void reading_closed(uv_handle_t *h) { free(h->data); }
static void reading_drop(kl_wait *w) { uv_close((uv_handle_t *)&((reading *)w)->timer, reading_closed); }
static void reading_over(uv_timer_t *t) { kl_complete(&((reading *)t->data)->wait); }

static int reading_push(lua_State *L, kl_wait *w) {
  const reading *r = (const reading *)w;
  kl_rehearsal *record = kl_script_rehearsal(kl_script_of(L));
  if (record && r->ms % 2 == 0) kl_rehearsal_put(record, &r->ms, sizeof r->ms, &r->ms, sizeof r->ms);
  lua_pushinteger(L, r->ms);
  return 1;
}

static int l_read(lua_State *L) {
  lua_Integer ms = luaL_checkinteger(L, 1);
  size_t n;
  kl_rehearsal *record = kl_script_rehearsal(kl_script_of(L));
  if (record && kl_rehearsal_take(record, &ms, sizeof ms, &n)) {
    lua_pushinteger(L, ms);
    return 1;
  }
  reading *r = calloc(1, sizeof *r);
  assert_non_null(r);
  r->wait = (kl_wait){.push = reading_push, .drop = reading_drop, .kind = KL_WAIT_START};
  r->ms = ms;
  uv_timer_init(kl_script_loop(kl_script_of(L)), &r->timer);
  r->timer.data = r;
  if (ms >= 0) uv_timer_start(&r->timer, reading_over, (uint64_t)ms, 0);
  return kl_await(L, &r->wait);
}

static int open_model(lua_State *L) {
  static const luaL_Reg functions[] = {{"saw", l_saw},       {"act", l_act},   {"dies", l_dies},
                                       {"number", l_number}, {"read", l_read}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

/* ---- scripts ---- */

#define BEGIN                                                                                                          \
  "local kalua, task, bus, model = require 'kalua', require 'task', require 'bus', require 'model'\n"                  \
  "local s = kalua.state\n"                                                                                            \
  "s.n = (s.n or 0) + 1\n"                                                                                             \
  "local function wait_on() while true do task.sleep(0.002) end end\n"                                                 \
  "local function act_on() while true do task.yield(); model.act() end end\n"

#define LISTEN                                                                                                         \
  "sub = bus.listen 'c'\n"                                                                                             \
  "task.spawn(function() for n in sub:messages() do model.saw(n); s.last = n end end)\n"

static const char sender[] = "local task, bus, model = require 'task', require 'bus', require 'model'\n"
                             "while true do for i = 1, 3 do bus.send('c', model.number()) end task.sleep(0.001) end\n";

/* What comes before it has started. */
static const char *const before[] = {
    "",
    "",
    "",
    "model.read(1)\n",
    "model.read(4)\n",
    "task.all{function() model.read(2) end, function() model.read(3) end}\n",
    "task.spawn(function() model.read(6) end)\n",
    "for i = 1, 30 do task.yield() end\n",
    "kalua.on_stop(function(why) s.why = why; task.sleep(0.002); model.act() end)\n",
    "kalua.on_stop(function() task.sleep(9) end)\n",
    "kalua.on_stop(function() task.spawn(act_on); task.sleep(0.001) end)\n",
    "kalua.on_stop(function() error 'in a handler' end)\n",
    "kalua.on_stop(function() local x <close> = setmetatable({}, {__close = model.act}); task.sleep(9) end)\n",
    "kalua.on_probation(function() return true end)\n",
    "kalua.on_probation(function() task.sleep(9) end)\n",
    "kalua.on_error(function() task.sleep(0.001) end)\n",
    "task.spawn(model.act)\n",
    "task.spawn(function() while true do model.act(); task.sleep(0.001) end end)\n",
    "task.every(0.002, model.act, {keep = 'beat'})\n",
    "task.spawn(function() bus.send('other', s) end)\n",
    "task.spawn(function() pcall(task.timeout, 0.003, task.sleep, 9); s.timed = true end)\n",
    "local a = task.channel(1); task.spawn(function() a:recv() end); task.spawn(function() a:send(1); a:recv() end)\n",
};

/* How it goes on. */
static const char *const after[] = {
    "while true do task.sleep(0.002); s.n = s.n + 1 end\n",
    "while true do task.sleep(0.002); s.n = s.n + 1 end\n",
    "wait_on()\n",
    "task.channel():recv()\n",
    "task.sleep(0.004); model.dies(); error 'late'\n",
    "task.sleep(0.015); model.dies(); error 'later'\n",
    "task.spawn(function() task.sleep(0.003); model.dies(); error 'in a task' end)\nwait_on()\n",
    "kalua.on_probation(function() model.dies(); error 'in a check' end)\nwait_on()\n",
    "kalua.on_probation(function() model.dies(); return false end)\nwait_on()\n",
    "task.sleep(0.006); s.f = print\nwait_on()\n",                               /* its state cannot cross */
    "task.sleep(0.005); model.dies(true); sub:close()\n",                        /* ends by itself */
    "task.sleep(0.002); model.dies(true); sub:close(); task.channel():recv()\n", /* waits for ever */
};

/* Those that are refused. */
static const char *const wrong[] = {
    "this is = no Lua\n",
    BEGIN LISTEN "model.dies(); error 'at the start'\n",
    BEGIN LISTEN "model.read(2); model.dies(); error 'behind a read'\n",
    BEGIN LISTEN "task.spawn(function() model.read(3); model.dies(); error 'in a task of the start' end)\nwhile true "
                 "do task.sleep(1) end\n",
    BEGIN LISTEN "model.read(-1)\n",
    BEGIN LISTEN "while true do task.yield() end\n",
    BEGIN "model.dies(true); kalua.migrate(3, function() end)\n",
    BEGIN "model.dies(true)\n",
    "",
    "require 'no.such.module'\n",
};

#define COUNT(list) ((int)(sizeof(list) / sizeof(list)[0]))

static const char *random_script(void) {
  static char text[TEXT];
  if (below(4) == 0) return wrong[below(COUNT(wrong))];
  int at = snprintf(text, sizeof text, "%s%s", BEGIN, LISTEN);
  for (int i = below(4); i > 0; i--)
    at += snprintf(text + at, sizeof text - (size_t)at, "%s", before[below(COUNT(before))]);
  snprintf(text + at, sizeof text - (size_t)at, "%s", after[below(COUNT(after))]);
  return text;
}

static void write_random(void) {
  const char *text = random_script();
  const char *own = strstr(text, LISTEN); /* what they all have is not told */
  if (m->b.told.len > MUCH) kl_buf_clear(&m->b.told);
  kl_buf_printf(&m->b.told, "---- saved:\n%s----\n", own ? own + strlen(LISTEN) : text);
  write_script(&m->b, text);
}

/* ---- what must hold ---- */

static void answered(void *data, kl_strategy *g, const kl_error *e) {
  request *r = data;
  (void)g;
  (void)e;
  r->answers++;
}

static void look(void) {
  const kl_strategy *g = m->b.g;
  kl_strategy_status st = status(&m->b);
  const kl_script *live = kl_strategy_script(m->b.g);
  int n = 0, n_live = 0;
  for (const kl_list *i = g->host->scripts.next; i != &g->host->scripts; i = i->next) {
    const kl_script *s = KL_CONTAINER(i, kl_script, link);
    if (s->strategy != g) continue;
    n++;
    n_live += kl_script_live(s);
    SHALL(!kl_script_live(s) || s == live);
    SHALL(s->phase != KL_PHASE_ENDED);
    SHALL(s->n_inner <= s->n_tasks);
  }
  SHALL(n <= KL_KEPT_HOLDERS);
  SHALL(n_live <= 1);
  bool rests = st.phase == KL_STRATEGY_PAUSED || g->attempt.last || g->attempt.handlers;
  SHALL(!live || kl_script_live(live) == !rests);
  SHALL(live || st.phase == KL_STRATEGY_ENDED || st.phase == KL_STRATEGY_WAITING || g->attempt.next);
  SHALL(st.phase != KL_STRATEGY_ENDED || (n == 0 && m->b.ended == m->starts));
  SHALL(st.phase == KL_STRATEGY_ENDED || m->b.ended == m->starts - 1);
  SHALL(kl_list_empty(&g->waiters) || g->attempt.next);
  SHALL(kl_list_empty(&g->waiters_again) || !kl_list_empty(&g->wanted) || g->again);
  SHALL(!g->previous || live);
  SHALL(st.generation >= m->generation || st.rolled_back > m->rolled_back);
  m->generation = st.generation;
  if (live ? m->deaf[live->generation] : !g->attempt.next) m->gap = true;
  m->rolled_back = st.rolled_back;
  for (size_t i = 0; i < m->n_requests; i++)
    SHALL(m->requests[i].answers <= 1);
}

/* ---- steps ---- */

static void ask(void) {
  kl_error e = {0};
  request *r = &m->requests[m->n_requests];
  if (kl_strategy_reload(m->b.g, answered, r, &e)) m->n_requests++;
}

static void stop(void) {
  goes(status(&m->b).generation);
  kl_strategy_stop(m->b.g, KL_STOP_EXIT, below(3) == 0);
}

static void start_again(void) {
  kl_error e = {0};
  kl_strategy_phase was = status(&m->b).phase;
  if (kl_strategy_start_again(m->b.g, &e) && was == KL_STRATEGY_ENDED) m->starts++;
}

static void fail_memory(void) {
  m->faulty = true;
  m->b.w.fail_at = m->b.w.allocations + 1 + (size_t)below(400);
  m->b.w.fail_count = 1 + (size_t)below(3);
}

static void pause_or_resume(void) {
  kl_error e = {0};
  (void)kl_strategy_pause(m->b.g, status(&m->b).phase != KL_STRATEGY_PAUSED, &e);
}

static void step(void) {
  switch (below(20)) {
  case 0:
    stop();
    break;
  case 1:
  case 2:
    start_again();
    break;
  case 3:
    if (below(4) == 0) fail_memory();
    break;
  case 4:
  case 5:
    pause_or_resume();
    break;
  case 6:
    write_random();
    break;
  case 7:
    ask();
    break;
  case 8: /* twice, of different files */
    write_random();
    ask();
    write_random();
    ask();
    break;
  default:
    write_random();
    ask();
    break;
  }
  look();
  for (int i = below(8) * below(4); i > 0; i--) {
    uv_run(&m->b.w.loop, below(3) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    look();
  }
  kl_script_stats stats;
  kl_script_stats_get(m->sender, &stats);
  if (stats.tasks == 0) m->sender = world_start(&m->b.w, sender); /* it met a failure of memory */
}

static bool all_answered(void) {
  for (size_t i = 0; i < m->n_requests; i++)
    if (m->requests[i].answers != 1) return false;
  return true;
}

/* Whatever was asked for comes to its end by itself. */
static void come_to_rest(void) {
  kl_error e = {0};
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)PATIENCE_MS * 1000000;
  while (!all_answered() || m->b.g->attempt.next) {
    (void)kl_strategy_pause(m->b.g, false, &e);
    uv_run(&m->b.w.loop, UV_RUN_ONCE);
    look();
    SHALL(kl_mono_ns(kl_clock_real()) < until);
  }
}

static void end_all(void) {
  bed *b = &m->b;
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)PATIENCE_MS * 1000000;
  kl_script_stop(m->sender, KL_STOP_EXIT, true);
  kl_strategy_stop(b->g, KL_STOP_EXIT, below(2) == 0);
  while (kl_host_running(b->w.host) > 0 || status(b).phase != KL_STRATEGY_ENDED) {
    uv_run(&b->w.loop, UV_RUN_ONCE);
    SHALL(kl_mono_ns(kl_clock_real()) < until);
  }
  SHALL(b->ended == m->starts);
  look();
}

static void close_world(void) {
  bed *b = &m->b;
  b->w.fail_at = 0;
  if (below(2)) come_to_rest();
  if (below(2)) end_all(); /* else the host closes on what runs */
  uv_close((uv_handle_t *)&m->beat, NULL);
  kl_host_close(b->w.host);
  uv_run(&b->w.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->w.loop), 0);
  SHALL(all_answered());
  kl_expectations_free(b->w.environment.expectations);
  kl_bus_free(b->w.environment.bus);
  kl_log_close();
  unlink(b->w.log_path);
  unlink(b->path);
  kl_buf *bufs[] = {&b->w.out, &b->w.log, &b->told, &b->outcomes};
  for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
    kl_buf_free(bufs[i]);
}

static void run_world(uint64_t seed) {
  static const int probations[] = {-1, 8, 20, 60};
  static model it;
  m = &it;
  memset(m, 0, sizeof *m);
  m->seed = seed;
  m->dice = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
  world_modules[2] = (luaL_Reg){"model", open_model};
  open_bed_with(&m->b, GRACE_MS);
  kl_log_set_level(KL_LOG_ERROR);
  m->gap = true;
  uv_timer_init(&m->b.w.loop, &m->beat);
  uv_timer_start(&m->beat, poked, 2, 2);
  m->sender = world_start(&m->b.w, sender);
  start(&m->b, BEGIN LISTEN "wait_on()\n",
        (kl_strategy_options){.watch = below(2) == 0,
                              .on_failure = (kl_on_failure)below(KL_FAILED_COUNT),
                              .probation_ms = probations[below(COUNT(probations))],
                              .start_ms = 10 + below(30)});
  m->starts = 1;
  for (int i = 0; i < STEPS; i++)
    step();
  close_world();
}

static long long number_from(const char *name, long long preset) {
  const char *text = getenv(name);
  return text ? strtoll(text, NULL, 10) : preset;
}

static void whatever_comes_one_version_runs_and_nothing_is_lost(void **state) {
  (void)state;
  long long first = number_from("KALUA_SEED", 1), n = number_from("KALUA_WORLDS", WORLDS);
  for (long long i = 0; i < n; i++)
    run_world((uint64_t)(first + i));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_comes_one_version_runs_and_nothing_is_lost)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
