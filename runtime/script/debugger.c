#include "script/debugger.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/debug_impl.h"

kl_debugger *kl_debugger_for(kl_strategy *g) {
  kl_keeper *keeper = g->keeper;
  if (keeper->debugger) return keeper->debugger;
  kl_debugger *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->strategy = g;
  d->keeper = keeper;
  kl_list_init(&d->clients);
  kl_list_init(&d->stops);
  keeper->debugger = d;
  return d;
}

void kl_debugger_free(kl_debugger *d) {
  if (!d) return;
  while (!kl_list_empty(&d->clients)) {
    kl_debug_client *c = KL_CONTAINER(d->clients.next, kl_debug_client, link);
    kl_list_remove(&c->link);
    c->debugger = NULL;
  }
  kl_breaks_free(d);
  kl_buf_free(&d->said);
  free(d);
}

/* ---- telling ---- */

void kl_debug_say(kl_debugger *d, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (n > 0) kl_buf_add(&d->said, text, strlen(text) + 1);
}

static void tell_note(kl_debugger *d, const char *text) {
  if (kl_list_empty(&d->clients)) kl_log_warn(d->strategy->name, "%s", text);
  for (kl_list *n = d->clients.next, *next; n != &d->clients; n = next) {
    kl_debug_client *c = KL_CONTAINER(n, kl_debug_client, link);
    next = n->next;
    if (c->note) c->note(c, text);
  }
}

static void tell_stop(kl_debugger *d, kl_stop *stop) {
  kl_debug_stop out;
  kl_stop_describe(stop, &out);
  stop->told = true;
  if (kl_list_empty(&d->clients))
    kl_log_warn(d->strategy->name,
                "task %llu is stopped at %s:%d (breakpoint %d) and waits for a debugger: `kalua attach %s` looks at "
                "it, and lets it go on",
                (unsigned long long)out.task, out.file, out.line, out.breakpoint, d->strategy->name);
  for (kl_list *n = d->clients.next, *next; n != &d->clients; n = next) {
    kl_debug_client *c = KL_CONTAINER(n, kl_debug_client, link);
    next = n->next;
    if (c->stopped) c->stopped(c, &out);
  }
}

void kl_debug_tell(kl_script *s) {
  kl_debugger *d = s->keeper->debugger;
  if (!d) return;
  kl_buf said = d->said;
  d->said = (kl_buf){0};
  for (size_t at = 0; at < said.len; at += strlen(said.data + at) + 1)
    tell_note(d, said.data + at);
  kl_buf_free(&said);
  for (kl_list *n = d->stops.next, *next; n != &d->stops; n = next) {
    kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    next = n->next;
    if (!stop->told && !stop->ended) tell_stop(d, stop);
  }
}

/* ---- clients ---- */

bool kl_debug_attach(kl_strategy *g, kl_debug_client *c) {
  kl_debugger *d = kl_debugger_for(g);
  if (!d) return false;
  c->debugger = d;
  kl_list_init(&c->link);
  kl_list_append(&d->clients, &c->link);
  for (kl_list *n = d->stops.next, *next; n != &d->stops && c->stopped; n = next) {
    kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    next = n->next;
    kl_debug_stop out;
    kl_stop_describe(stop, &out);
    if (!stop->ended && stop->told) c->stopped(c, &out);
  }
  return true;
}

void kl_debug_on_loop(kl_debug_client *c, bool on) {
  kl_debugger *d = c->debugger;
  if (!d || c->on_loop == on) return;
  c->on_loop = on;
  if (on)
    d->n_on_loop++;
  else
    d->n_on_loop--;
}

/* What it asked of tasks that run. */
static void forget_steps(kl_script *s, const kl_debug_client *c) {
  for (kl_list *n = s ? s->tasks.next : NULL; n && n != &s->tasks; n = n->next) {
    kl_debug_task *dt = KL_CONTAINER(n, kl_task, link)->debug;
    if (dt && dt->client == c) *dt = (kl_debug_task){0};
  }
}

void kl_debug_detach(kl_debug_client *c) {
  kl_debugger *d = c->debugger;
  if (!d) return;
  kl_debug_on_loop(c, false);
  c->debugger = NULL;
  kl_list_remove(&c->link);
  kl_breaks_leave(d, c);
  if (d->pause_client == c) {
    d->pause_any = false;
    d->pause_client = NULL;
  }
  kl_debug_update(d);
  const kl_strategy *g = d->strategy;
  forget_steps(g->live, c);
  forget_steps(g->attempt.next, c);
  forget_steps(g->previous, c);
  kl_stops_leave(d, c);
}

/* ---- versions ---- */

void kl_debug_let_go(kl_script *s, const char *because) {
  kl_debugger *d = s->keeper->debugger;
  for (kl_list *n = d ? d->stops.next : NULL, *next; n && n != &d->stops; n = next) {
    kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    next = n->next;
    if (stop->script == s) kl_stop_end(stop, because);
  }
}
