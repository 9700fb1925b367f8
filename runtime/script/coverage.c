#include "script/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "script/code_lines.h"
#include "script/internal.h"

typedef struct file {
  char *path; /* owned */
  kl_code_lines lines;
  uint32_t *counts; /* of lines.n; owned */
  bool ignored;
} file;

struct kl_coverage {
  kl_map *files; /* of file */
  file **all;    /* owned, in order of appearance */
  size_t n, cap;
  kl_coverage_file *shown; /* owned */
  const char *last_source; /* Lua's own text: only ever compared */
  file *last;              /* the file of that source */
  bool failed;
};

kl_coverage *kl_coverage_new(void) {
  kl_coverage *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->files = kl_map_new();
  if (c->files) return c;
  free(c);
  return NULL;
}

void kl_coverage_free(kl_coverage *c) {
  if (!c) return;
  for (size_t i = 0; i < c->n; i++) {
    kl_code_lines_free(&c->all[i]->lines);
    free(c->all[i]->counts);
    free(c->all[i]->path);
    free(c->all[i]);
  }
  free(c->all);
  free(c->shown);
  kl_map_free(c->files);
  free(c);
}

/* As people name it. */
static const char *plain(const char *path) {
  while (path[0] == '.' && path[1] == '/')
    path += 2;
  return path;
}

static file *add(kl_coverage *c, const char *path) {
  if (c->n == c->cap) {
    size_t cap = c->cap ? c->cap * 2 : 16;
    file **grown = realloc(c->all, cap * sizeof(file *));
    if (!grown) return NULL;
    c->all = grown;
    c->cap = cap;
  }
  file *f = calloc(1, sizeof *f);
  if (f) f->path = strdup(path);
  if (f && f->path && kl_map_set(c->files, path, strlen(path), f)) return c->all[c->n++] = f;
  if (f) free(f->path);
  free(f);
  return NULL;
}

static file *get(kl_coverage *c, const char *path) {
  file *f = kl_map_get(c->files, path, strlen(path));
  return f ? f : add(c, path);
}

bool kl_coverage_ignore(kl_coverage *c, const char *path) {
  file *f = get(c, plain(path));
  if (f) f->ignored = true;
  return f != NULL;
}

/* As the script has read it; what it loaded in another way is read from the disk. */
static bool measure(file *f, const kl_script *s, const char *path) {
  const char *text = NULL;
  char *read = NULL;
  size_t n = 0;
  for (size_t i = 0; i < s->sources.n && !text; i++) {
    const kl_source *source = &s->sources.items[i];
    if (!source->text || strcmp(source->path, path) != 0) continue;
    text = source->text;
    n = source->n;
  }
  if (!text) text = read = kl_read_file(path, &n);
  bool ok = text && kl_code_lines_of(text, n, &f->lines);
  free(read);
  if (ok) f->counts = calloc((size_t)f->lines.n, sizeof *f->counts);
  return f->counts != NULL;
}

static file *find(kl_coverage *c, lua_State *L, lua_Debug *ar) {
  if (!lua_getinfo(L, "S", ar) || ar->source[0] != '@') return NULL;
  const char *path = plain(ar->source + 1);
  if (ar->source == c->last_source && c->last && strcmp(c->last->path, path) == 0) return c->last;
  file *f = get(c, path);
  if (f && !f->counts && !f->ignored && !measure(f, kl_script_of(L), ar->source + 1)) f->ignored = true;
  if (!f) c->failed = true;
  c->last_source = ar->source;
  return c->last = f;
}

void kl_coverage_line(kl_coverage *c, lua_State *L, lua_Debug *ar) {
  file *f = find(c, L, ar);
  if (!f || f->ignored) return;
  int line = ar->currentline;
  if (line > 0 && line < f->lines.n && f->counts[line] < UINT32_MAX) f->counts[line]++;
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const kl_coverage_file *)a)->path, ((const kl_coverage_file *)b)->path);
}

bool kl_coverage_files(kl_coverage *c, const kl_coverage_file **out, size_t *n) {
  *n = 0;
  free(c->shown);
  c->shown = calloc(c->n ? c->n : 1, sizeof *c->shown);
  *out = c->shown;
  if (!c->shown) return false;
  for (size_t i = 0; i < c->n; i++) {
    const file *f = c->all[i];
    if (f->ignored || !f->counts) continue;
    kl_coverage_file *x = &c->shown[(*n)++];
    *x = (kl_coverage_file){.path = f->path, .has = f->lines.has, .counts = f->counts, .lines = f->lines.n};
    for (int line = 1; line < f->lines.n; line++) {
      x->of += f->lines.has[line] != 0;
      x->ran += f->lines.has[line] && f->counts[line];
    }
  }
  qsort(c->shown, *n, sizeof *c->shown, by_path);
  return !c->failed;
}
