/* A helper thread sees that one resume runs over its limit and signals the loop thread; the signal handler there checks
 * that it is still the same resume and sets a hook, which suspends the task for good. A count hook on every script
 * instead would slow all of Lua down. While nothing runs the helper sleeps without a timeout.
 *
 * A script is not blamed for what the machine did: neither the time in which the loop thread waited for a processor
 * counts, nor that in which the whole process stood still. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "script/hooks.h"
#include "script/internal.h"

/* Its default is to be ignored, so that one that comes too late or from elsewhere does nothing. */
#define WATCH_SIGNAL SIGURG

enum {
  TICK_MS = 25,
  IDLE_TICKS = 40,    /* without a pass, before the helper goes to sleep */
  INTERRUPT_MS = 100, /* what runs may end by itself */
  STRETCH_MS = 20,    /* less than a tick: what is seen running twice */
  STUCK_MS = 2000     /* after the limit: it is in C, where no hook can break it */
};

/* The host whose script runs on this thread; NULL between resumes. For the signal handler. */
static _Thread_local kl_host *volatile running_host;

/* ---- on the loop thread ---- */

static int64_t ms_since(int64_t now_ns, int64_t then_ns) { return (now_ns - then_ns) / 1000000; }

/* Where the breaking was noticed first is what the script's author wants to know. */
static void note_place(lua_State *L) {
  lua_Debug ar;
  char *out = kl_script_of(L)->broken_at;
  if (!*out && kl_find_place(L, &ar)) snprintf(out, KL_PLACE_MAX, "%s:%d: ", ar.short_src, ar.currentline);
}

/* Suspends a task that is to be broken for good, out of the reach of its pcalls; an error instead would have to pass
 * all of them, and each could go on. Where Lua cannot be suspended it raises, and the first instruction after that
 * comes here again. */
void kl_watch_break(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  kl_task *t = s->current;
  if (kl_debug_loop(L, t)) return;
  if (!lua_isyieldable(L) || s->no_wait) {
    kl_watch_check(L);
    return;
  }
  if (!t->broken_in) {
    t->broken_in = L;
    note_place(L); /* now: once suspended, the thread stands one instruction earlier */
  }
  lua_yield(L, 0);
}

/* It is stopped by a debugger as soon as the C function is done, which should not take for ever either. */
static bool is_put_off(lua_State *L, const kl_script *s) {
  kl_watch *w = &s->host->watch;
  if (!kl_debug_will_stop(L, s->current)) return false;
  int64_t now = kl_mono_ns(kl_clock_real());
  if (!w->put_off_ns) w->put_off_ns = now;
  return ms_since(now, w->put_off_ns) < STUCK_MS;
}

/* For a C function of ours; what yields without a continuation is not come back to. A state without a script is
 * one of a test. */
void kl_check_time(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  if (s && s->current && s->current->broken && !is_put_off(L, s)) kl_watch_break(L);
}

void kl_watch_push_error(lua_State *L, const kl_task *t, lua_State *co) {
  const kl_script *s = t->script;
  note_place(co);
  if (t->broken == KL_BROKEN_INTERRUPT)
    lua_pushfstring(L, "%sinterrupted", s->broken_at);
  else if (t->cpu_ms)
    lua_pushfstring(L, "%sran for more than %d ms without waiting, which is the limit of an input", s->broken_at,
                    t->cpu_ms);
  else
    lua_pushfstring(L, "%sran for more than %d ms without waiting; call task.yield in long loops, or raise --cpu-ms",
                    s->broken_at, s->o.cpu_ms);
}

void kl_watch_check(lua_State *L) {
  const kl_task *t = kl_task_current(L);
  if (!t || !t->broken) return;
  kl_watch_push_error(L, t, L);
  lua_error(L);
}

bool kl_watch_over(const kl_script *s) {
  const kl_task *t = s->current;
  if (!t || !t->broken || s->host->watch.task != t) return false;
  note_place(s->host->watch.co); /* an error for want of memory has no traceback */
  return true;
}

static void on_signal(int signum, siginfo_t *info, void *context) {
  (void)signum;
  (void)info;
  (void)context;
  kl_host *h = running_host;
  if (!h) return;
  kl_watch *w = &h->watch;
  if (atomic_load(&w->over) != atomic_load(&w->turn) || !w->task || !w->co) return;
  w->task->broken = atomic_load(&w->why);
  kl_hooks_set(w->co, w->task);
}

void kl_watch_begin(kl_script *s, kl_task *t, lua_State *co) {
  kl_host *h = s->host;
  kl_watch *w = &h->watch;
  w->task = t;
  w->co = co;
  atomic_store_explicit(&w->limit_ms, t && t->cpu_ms ? t->cpu_ms : s->o.cpu_ms, memory_order_relaxed);
  atomic_store_explicit(&w->name, s->name, memory_order_relaxed);
  uint_fast64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
  atomic_store_explicit(&w->turn, turn + 1, memory_order_release);
  running_host = h;
  s->broken_at[0] = 0;
  w->put_off_ns = 0;
  if (t && kl_needs_hook(t)) kl_hooks_set(co, t);
}

void kl_watch_end(kl_script *s) {
  kl_watch *w = &s->host->watch;
  running_host = NULL;
  uint_fast64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
  atomic_store_explicit(&w->turn, turn + 1, memory_order_release);
  w->task = NULL;
  w->co = NULL;
}

bool kl_watch_stretched(kl_host *h) {
  kl_watch *w = &h->watch;
  return atomic_load_explicit(&w->stretched, memory_order_relaxed) ==
         atomic_load_explicit(&w->turn, memory_order_relaxed);
}

void kl_watch_done(kl_task *t) {
  t->script->host->watch.task = NULL; /* the signal handler looks at this first */
  t->broken = KL_BROKEN_NOT;
  kl_hooks_set(t->co, t);
}

void kl_watch_switch(kl_script *s, lua_State *co) {
  kl_watch *w = &s->host->watch;
  w->co = co;
  const kl_task *t = w->task;
  if (t && kl_needs_hook(t)) kl_hooks_set(co, t);
}

bool kl_watch_pass_is_long(kl_host *h) {
  kl_watch *w = &h->watch;
  return atomic_load_explicit(&w->held, memory_order_relaxed) == atomic_load_explicit(&w->pass, memory_order_relaxed);
}

void kl_watch_pass(kl_host *h) {
  atomic_fetch_add(&h->watch.pass, 1);
  if (!atomic_load(&h->watch.asleep)) return;
  atomic_store(&h->watch.asleep, false);
  (void)eventfd_write(h->watch.wake, 1);
}

void kl_host_interrupt(kl_host *h) {
  int keep = errno;
  atomic_store(&h->watch.interrupt, true);
  (void)eventfd_write(h->watch.wake, 1);
  errno = keep;
}

/* ---- on the helper thread ---- */

typedef struct {
  uint_fast64_t turn;   /* that was seen running */
  int64_t looked_ns;    /* when it was looked at last */
  int64_t delayed_ns;   /* what `delayed_ns` was then */
  int64_t ran_ns;       /* since the first look */
  int64_t interrupt_ns; /* 0: none is pending */
  bool told;
} sight;

static void fire(kl_watch *w, const sight *at, kl_broken why) {
  atomic_store(&w->why, (int)why);
  atomic_store(&w->over, at->turn);
  pthread_kill(w->loop_thread, WATCH_SIGNAL);
}

static int tick_ms(const kl_watch *w) {
  int tick = atomic_load_explicit(&w->limit_ms, memory_order_relaxed) / 8;
  return tick < 1 ? 1 : tick > TICK_MS ? TICK_MS : tick;
}

/* How long the loop thread has waited for a processor in its life; 0 where the system does not say. */
static int64_t delayed_ns(const kl_watch *w) {
  char text[64]; /* ns that it ran, ns that it waited to, how often */
  ssize_t n = w->delays < 0 ? -1 : pread(w->delays, text, sizeof text - 1, 0);
  if (n <= 0) return 0;
  text[n] = 0;
  char *at;
  (void)strtoll(text, &at, 10);
  return strtoll(at, NULL, 10);
}

/* The time since the last look, without that in which the loop thread waited for a processor. This is told when the
 * wait is over, so that a later look may take back what an earlier one counted. A helper that comes much too late stood
 * still itself, and the loop thread most likely with it. */
static int64_t ran_since(const sight *at, int64_t now, int64_t delayed, int limit_ms) {
  int64_t most = (int64_t)limit_ms * 1000000 / 4, ran = now - at->looked_ns - (delayed - at->delayed_ns);
  return ran > most ? most : ran;
}

static void look(kl_watch *w, sight *at) {
  int64_t now = kl_mono_ns(kl_clock_real());
  uint_fast64_t turn = atomic_load_explicit(&w->turn, memory_order_acquire);
  int limit = atomic_load_explicit(&w->limit_ms, memory_order_relaxed);
  int64_t delayed = turn % 2 ? delayed_ns(w) : 0;
  if (turn != at->turn)
    *at = (sight){.turn = turn};
  else
    at->ran_ns += ran_since(at, now, delayed, limit);
  if (at->ran_ns < 0) at->ran_ns = 0;
  at->looked_ns = now;
  at->delayed_ns = delayed;
  bool interrupt = atomic_load(&w->interrupt);
  if (turn % 2 == 0) { /* nothing runs: the loop thread itself sees to the interrupt */
    if (interrupt) atomic_store(&w->interrupt, false);
    return;
  }
  if (interrupt && !at->interrupt_ns) at->interrupt_ns = now;
  int64_t ran = at->ran_ns / 1000000;
  if (ran >= STRETCH_MS) atomic_store_explicit(&w->stretched, turn, memory_order_relaxed);
  if (ran >= limit) {
    fire(w, at, KL_BROKEN_TIME);
  } else if (at->interrupt_ns && ms_since(now, at->interrupt_ns) >= INTERRUPT_MS) {
    atomic_store(&w->interrupt, false);
    fire(w, at, KL_BROKEN_INTERRUPT);
  }
  if (ran >= limit + STUCK_MS && !at->told) {
    at->told = true;
    kl_log_warn(
        atomic_load(&w->name),
        "one instruction or call has run for %.1f s and cannot be broken (a huge table or text, a program that is "
        "waited for?); no script and no connection is served meanwhile",
        (double)ran / 1e3);
  }
}

static void *help(void *arg) {
  kl_watch *w = arg;
  sight at = {0};
  uint_fast64_t pass = atomic_load(&w->pass);
  int quiet = 0;
  while (!atomic_load(&w->quit)) {
    uint_fast64_t now = atomic_load(&w->pass);
    bool runs = atomic_load_explicit(&w->turn, memory_order_relaxed) % 2 == 1;
    if (now == pass && runs) atomic_store_explicit(&w->held, now, memory_order_relaxed);
    quiet = now == pass && !runs && !atomic_load(&w->interrupt) ? quiet + 1 : 0;
    pass = now;
    bool sleeps = false;
    if (quiet > IDLE_TICKS) {
      atomic_store(&w->asleep, true);
      sleeps = atomic_load(&w->pass) == pass; /* a pass that began meanwhile may not have seen `asleep` */
      if (!sleeps) atomic_store(&w->asleep, false);
    }
    struct pollfd p = {.fd = w->wake, .events = POLLIN};
    if (poll(&p, 1, sleeps ? -1 : tick_ms(w)) > 0) {
      eventfd_t value;
      (void)eventfd_read(w->wake, &value);
      quiet = 0;
    }
    look(w, &at);
  }
  return NULL;
}

/* ---- opening and closing ---- */

static pthread_once_t handler_once = PTHREAD_ONCE_INIT;

static void install_handler(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(WATCH_SIGNAL, &action, NULL);
}

static void close_descriptors(const kl_watch *w) {
  close(w->wake);
  if (w->delays >= 0) close(w->delays);
}

bool kl_watch_open(kl_host *h) {
  kl_watch *w = &h->watch;
  pthread_once(&handler_once, install_handler);
  atomic_store(&w->limit_ms, 1000);
  w->loop_thread = pthread_self();
  w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (w->wake < 0) return false;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", (int)gettid());
  w->delays = open(path, O_RDONLY | O_CLOEXEC); /* not every kernel keeps it, and without a descriptor it must do */
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old); /* the helper takes no signals of the process */
  int failed = pthread_create(&w->helper, NULL, help, w);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (failed) close_descriptors(w);
  return !failed;
}

void kl_watch_close(kl_host *h) {
  kl_watch *w = &h->watch;
  atomic_store(&w->quit, true);
  (void)eventfd_write(w->wake, 1);
  pthread_join(w->helper, NULL);
  close_descriptors(w);
}
