#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/client.h"

enum { CANDIDATES = 8 };

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return false;
}

/* ---- asking ---- */

static int left_ms(int64_t until_ns) {
  int64_t left = (until_ns - kl_mono_ns(kl_clock_real())) / 1000000;
  return left > 0 ? (int)left : 0;
}

/* It ended after it was found: then it has no scripts. Others that do not answer are shown as such. */
static bool has_gone(const kl_error *e) {
  return strcmp(e->kind, KL_ERR_NETWORK) == 0 || strcmp(e->kind, KL_ERR_CLOSED) == 0;
}

static bool ask_all(kl_running_list *l, kl_error *e) {
  size_t n = l->n_processes;
  kl_control_asked *asked = calloc(n ? n : 1, sizeof *asked);
  if (!asked) return no_memory(e);
  kl_control_ask_all(l->processes, n, "ps", asked);
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)KL_CONTROL_ANSWER_MS * 1000000;
  for (size_t i = 0; i < n; i++) {
    kl_control_asked *a = &asked[i];
    if (a->peer) l->answers[i] = kl_control_await(a->peer, a->id, left_ms(until), NULL, &a->error);
    if (!l->answers[i] && has_gone(&a->error)) l->answers[i] = json_object();
    kl_control_disconnect(a->peer);
  }
  free(asked);
  return true;
}

/* ---- the list ---- */

static bool add(kl_running_list *l, const kl_listed *process, const char *name, json_t *status) {
  kl_running *grown = realloc(l->items, (l->n + 1) * sizeof *grown);
  if (!grown) return false;
  l->items = grown;
  grown[l->n++] = (kl_running){.process = process, .name = name, .status = status};
  return true;
}

static bool add_process(kl_running_list *l, size_t i) {
  const kl_listed *p = &l->processes[i];
  json_t *all = json_object_get(l->answers[i], "strategies");
  bool ok = true;
  for (size_t k = 0; ok && all && k < json_array_size(all); k++) {
    json_t *one = json_array_get(all, k);
    const char *name = json_string_value(json_object_get(one, "name"));
    if (name) ok = add(l, p, name, one);
  }
  for (size_t k = 0; ok && !l->answers[i] && k < p->n_names; k++)
    ok = add(l, p, p->names[k], NULL);
  return ok;
}

bool kl_running_get(kl_running_list *out, kl_error *e) {
  *out = (kl_running_list){0};
  if (!kl_listed_all(&out->processes, &out->n_processes, e)) return false;
  out->answers = calloc(out->n_processes ? out->n_processes : 1, sizeof(json_t *));
  bool ok = out->answers ? ask_all(out, e) : no_memory(e);
  for (size_t i = 0; ok && i < out->n_processes; i++)
    ok = add_process(out, i) || no_memory(e);
  if (!ok) kl_running_free(out);
  return ok;
}

void kl_running_free(kl_running_list *l) {
  for (size_t i = 0; l->answers && i < l->n_processes; i++)
    json_decref(l->answers[i]);
  free(l->answers);
  free(l->items);
  kl_listed_free(l->processes, l->n_processes);
  *l = (kl_running_list){0};
}

/* ---- finding ---- */

static bool matches(const kl_running *r, int64_t pid, const char *name) {
  return (pid < 0 || r->process->pid == pid) && (!name || strcmp(r->name, name) == 0);
}

static size_t count(const kl_running_list *l, int64_t pid, const char *name) {
  size_t n = 0;
  for (size_t i = 0; i < l->n; i++)
    n += matches(&l->items[i], pid, name);
  return n;
}

/* ": a, b, c" of those that match, a few of them; as PID:NAME where the names do not tell them apart. */
static void name_some(const kl_running_list *l, const char *name, bool with_pid, char *out, size_t cap) {
  size_t len = 0, left = count(l, -1, name), shown = 0;
  out[0] = 0;
  for (size_t i = 0; i < l->n && len < cap; i++) {
    const kl_running *r = &l->items[i];
    if (!matches(r, -1, name)) continue;
    if (shown++ == CANDIDATES) {
      snprintf(out + len, cap - len, " and %zu more", left);
      return;
    }
    left--;
    int n = with_pid
                ? snprintf(out + len, cap - len, "%s %" PRId64 ":%s", shown > 1 ? "," : ":", r->process->pid, r->name)
                : snprintf(out + len, cap - len, "%s %s", shown > 1 ? "," : ":", r->name);
    len += n > 0 ? (size_t)n : 0;
  }
}

static bool not_found(const kl_running_list *l, const char *what, kl_error *e) {
  char those[400];
  name_some(l, NULL, false, those, sizeof those);
  if (l->n == 0)
    kl_error_coded(e, KL_ERR_VALIDATION, "no_script_running",
                   "no script of this user is running; start one by `kalua run SCRIPT`");
  else
    kl_error_coded(e, KL_ERR_VALIDATION, "no_such_script", "no running script is called \"%.100s\"; there %s%s", what,
                   l->n == 1 ? "is" : "are", those);
  return false;
}

bool kl_running_find(const kl_running_list *l, const char *what, const kl_running ***out, size_t *n, kl_error *e) {
  char *end;
  long long number = strtoll(what, &end, 10);
  bool numeric = end != what && what[0] >= '0' && what[0] <= '9';
  int64_t pid = -1;
  const char *name = what;
  *n = count(l, -1, what); /* a name that looks like a number is a name all the same */
  if (*n > 1) {
    char those[400];
    name_some(l, what, true, those, sizeof those);
    kl_error_coded(e, KL_ERR_VALIDATION, "script_ambiguous", "%zu running scripts are called \"%.100s\"; say which%s",
                   *n, what, those);
    return false;
  }
  if (*n == 0 && numeric && (*end == ':' || *end == 0)) {
    pid = number;
    name = *end == ':' ? end + 1 : NULL;
    *n = count(l, pid, name);
  }
  if (*n == 0) return not_found(l, what, e);
  *out = calloc(*n, sizeof(kl_running *));
  if (!*out) return no_memory(e);
  size_t k = 0;
  for (size_t i = 0; i < l->n; i++)
    if (matches(&l->items[i], pid, name)) (*out)[k++] = &l->items[i];
  return true;
}
