#include "sim/registry.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/runtime_folder.h"
#include "sim/impl.h"
#include "sim/json_out.h"

#define PREFIX "sim-"
#define SUFFIX ".json"

enum { FILE_MOST = 4096 };

/* ---- of the simulator ---- */

void kl_sim_registry_add(kl_sim *s) {
  char folder[400];
  kl_buf b = {0};
  s->listed_fd = -1;
  s->listed_in = kl_runtime_folder_open(folder, sizeof folder, true);
  snprintf(s->listed, sizeof s->listed, PREFIX "%ld-%d" SUFFIX, (long)getpid(), s->port);
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "rest_url", s->rest_url);
  kl_sim_field_str(&b, "ca_path", s->ca_path);
  kl_sim_field_str(&b, "title", s->o.title);
  kl_sim_field_int(&b, "pid", getpid());
  kl_sim_field_int(&b, "started_ms", kl_wall_ms(kl_clock_real()));
  kl_buf_str(&b, "}\n");
  if (b.failed)
    errno = ENOMEM;
  else if (s->listed_in >= 0)
    s->listed_fd = kl_runtime_list(s->listed_in, s->listed, b.data, b.len);
  if (s->listed_fd < 0) {
    kl_log_warn("sim", "not listed in %s: %s; `kalua trigger` finds it by --rest-url %s", folder, strerror(errno),
                s->rest_url);
    s->listed[0] = '\0';
    if (s->listed_in >= 0) close(s->listed_in);
  }
  kl_buf_free(&b);
}

void kl_sim_registry_remove(kl_sim *s) {
  if (!s->listed[0]) return;
  kl_runtime_unlist(s->listed_in, s->listed, s->listed_fd);
  close(s->listed_in);
  s->listed[0] = '\0';
}

/* ---- of those who look for one ---- */

static void copy_text(char *out, size_t cap, const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  snprintf(out, cap, "%s", text ? text : "");
}

typedef struct found {
  kl_sim_listed *all;
  size_t n;
  bool failed; /* memory */
} found;

/* What cannot be read is passed over. */
static bool add_found(void *data, const char *name, const char *text, size_t n) {
  found *f = data;
  (void)name;
  kl_sim_listed *grown = realloc(f->all, (f->n + 1) * sizeof *grown);
  f->failed = !grown;
  if (!grown) return false;
  f->all = grown;
  json_t *o = json_loadb(text, n, 0, NULL);
  kl_sim_listed *one = &grown[f->n];
  *one = (kl_sim_listed){.pid = json_integer_value(json_object_get(o, "pid")),
                         .started_ms = json_integer_value(json_object_get(o, "started_ms"))};
  copy_text(one->rest_url, sizeof one->rest_url, o, "rest_url");
  copy_text(one->ca_path, sizeof one->ca_path, o, "ca_path");
  copy_text(one->title, sizeof one->title, o, "title");
  json_decref(o);
  if (one->rest_url[0]) f->n++;
  return true;
}

static int by_start(const void *a, const void *b) {
  const kl_sim_listed *x = a, *y = b;
  return (x->started_ms > y->started_ms) - (x->started_ms < y->started_ms);
}

bool kl_sim_registry_list(kl_sim_listed **out, size_t *n) {
  found f = {0};
  int folder = kl_runtime_folder_open(NULL, 0, false);
  kl_runtime_visit v = {.prefix = PREFIX, .suffix = SUFFIX, .most = FILE_MOST, .listed = add_found, .data = &f};
  bool ok = folder < 0 || kl_runtime_each(folder, &v) || errno != ENOMEM;
  if (folder >= 0) close(folder);
  if (f.n > 1) qsort(f.all, f.n, sizeof *f.all, by_start);
  *out = f.all;
  *n = f.n;
  return ok && !f.failed;
}
