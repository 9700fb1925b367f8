/* Breakpoints: where they are in the sources of a strategy, and who wants them. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "script/code_lines.h"
#include "script/debug_impl.h"

enum { MOST_BREAKS = 1000, NAMES_SHOWN = 20, TEXT_SHOWN = 60 };

/* ---- the sources of a strategy ---- */

/* The version whose files count: the one that starts, else the one that runs. */
static kl_script *version_of(const kl_strategy *g) { return g->attempt.next ? g->attempt.next : g->live; }

typedef struct text {
  const char *path, *text;
  size_t n;
} text;

/* File number i of a version; false behind the last one. */
static bool file_at(const kl_script *s, size_t i, text *out) {
  if (s->o.source) {
    *out = (text){s->name, s->o.source, strlen(s->o.source)};
    return i == 0;
  }
  for (size_t k = 0; k < s->sources.n; k++) {
    const kl_source *f = &s->sources.items[k];
    if (!f->text || i-- > 0) continue;
    *out = (text){f->path, f->text, f->n};
    return true;
  }
  return false;
}

/* The same path, or the end of it behind a '/'. */
static bool is_called(const char *path, const char *name) {
  if (name[0] == '.' && name[1] == '/') name += 2;
  if (path[0] == '.' && path[1] == '/') path += 2;
  size_t n = strlen(path), k = strlen(name);
  return k > 0 && k <= n && !strcmp(path + n - k, name) && (k == n || path[n - k - 1] == '/');
}

typedef enum { FOUND, NOWHERE, AMBIGUOUS } found;

static found find_file(const kl_script *s, const char *name, text *out) {
  found result = NOWHERE;
  text f;
  for (size_t i = 0; s && file_at(s, i, &f); i++) {
    if (!strcmp(f.path, name)) {
      *out = f;
      return FOUND;
    }
    if (!is_called(f.path, name)) continue;
    if (result == NOWHERE) *out = f;
    result = result == NOWHERE ? FOUND : AMBIGUOUS;
  }
  return result;
}

static void refuse_file(const kl_script *s, const char *name, found why, kl_error *e) {
  kl_buf list = {0};
  text f;
  size_t shown = 0;
  for (size_t i = 0; s && file_at(s, i, &f) && shown < NAMES_SHOWN; i++) {
    if (why == AMBIGUOUS && !is_called(f.path, name)) continue;
    kl_buf_printf(&list, "%s%s", shown++ ? ", " : "", f.path);
  }
  if (why == AMBIGUOUS)
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "several files are called %s, say more of the path: %s",
                   name, list.data ? list.data : "");
  else if (shown)
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "no file %s is loaded; there is %s", name,
                   list.data ? list.data : "");
  else
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "no file %s is loaded: the script does not run", name);
  kl_buf_free(&list);
}

const char *kl_debug_source(kl_strategy *g, const char *file, const char **path, size_t *n, kl_error *e) {
  text f;
  const kl_script *versions[] = {g->live, g->attempt.next, g->previous};
  found result = NOWHERE;
  for (size_t i = 0; i < sizeof versions / sizeof versions[0] && result == NOWHERE; i++)
    result = find_file(versions[i], file, &f);
  if (result != FOUND) {
    refuse_file(version_of(g), file, result, e);
    return NULL;
  }
  *path = f.path;
  *n = f.n;
  return f.text;
}

const char *kl_debug_file(const kl_strategy *g, size_t i) {
  text f;
  const kl_script *s = version_of(g);
  return s && file_at(s, i, &f) ? f.path : NULL;
}

/* A line without the blanks around it, as a copy; NULL where there is none. */
static char *line_of(const text *f, int line) {
  const char *p = f->text, *end = f->text + f->n;
  for (int i = 1; i < line && p; i++) {
    p = memchr(p, '\n', (size_t)(end - p));
    if (p) p++;
  }
  if (!p || p >= end) return NULL;
  const char *stop = memchr(p, '\n', (size_t)(end - p));
  if (!stop) stop = end;
  while (p < stop && strchr(" \t\r", *p))
    p++;
  while (stop > p && strchr(" \t\r", stop[-1]))
    stop--;
  return strndup(p, (size_t)(stop - p));
}

/* ---- the list ---- */

static void free_break(kl_break *b) {
  free(b->asked);
  free(b->file);
  free(b->condition);
  free(b->text);
  free(b->clients);
}

kl_break *kl_break_find(kl_debugger *d, int id) {
  for (size_t i = 0; i < d->n_breaks; i++)
    if (d->breaks[i].id == id) return &d->breaks[i];
  return NULL;
}

void kl_break_remove(kl_debugger *d, int id) {
  kl_break *b = kl_break_find(d, id);
  if (!b) return;
  free_break(b);
  size_t behind = (size_t)(d->breaks + d->n_breaks - b) - 1;
  memmove(b, b + 1, behind * sizeof *b);
  d->n_breaks--;
  kl_debug_update(d);
}

void kl_debug_update(kl_debugger *d) {
  bool any = d->pause_any;
  memset(d->lines, 0, sizeof d->lines);
  for (size_t i = 0; i < d->n_breaks; i++) {
    unsigned line = (unsigned)d->breaks[i].line % LINE_BITS;
    if (d->breaks[i].line <= 0) continue;
    d->lines[line / 8] |= (unsigned char)(1U << line % 8);
    any = true;
  }
  d->keeper->looks_at_lines = any;
}

/* Remembers that the client wants it; NULL: nobody in particular. */
static bool add_client(kl_break *b, kl_debug_client *c) {
  if (!c) {
    b->stays = true;
    return true;
  }
  for (size_t i = 0; i < b->n_clients; i++)
    if (b->clients[i] == c) return true;
  kl_debug_client **wide = realloc(b->clients, (b->n_clients + 1) * sizeof(kl_debug_client *));
  if (!wide) return false;
  b->clients = wide;
  b->clients[b->n_clients++] = c;
  return true;
}

/* False when nobody wants it any more. */
static bool remove_client(kl_break *b, const kl_debug_client *c) {
  for (size_t i = 0; i < b->n_clients; i++) {
    if (b->clients[i] != c) continue;
    b->clients[i] = b->clients[--b->n_clients];
    return b->n_clients > 0 || b->stays;
  }
  return true;
}

void kl_breaks_leave(kl_debugger *d, const kl_debug_client *c) {
  for (size_t i = d->n_breaks; i-- > 0;)
    if (!remove_client(&d->breaks[i], c)) kl_break_remove(d, d->breaks[i].id);
}

/* ---- finding their lines ---- */

static void set_line(kl_break *b, const kl_code_lines *lines) {
  b->line = lines->n ? kl_code_lines_next(lines, b->wanted) : b->wanted;
}

/* A version has read this file: the breakpoints in it are found again. */
static void look_at(kl_debugger *d, const text *f) {
  kl_code_lines lines = {0};
  bool compiled = false;
  for (size_t i = 0; i < d->n_breaks; i++) {
    kl_break *b = &d->breaks[i];
    if (b->file ? strcmp(b->file, f->path) != 0 : !is_called(f->path, b->asked)) continue;
    if (!compiled) (void)kl_code_lines_of(f->text, f->n, &lines);
    compiled = true;
    char *now = line_of(f, b->wanted);
    bool first = !b->file, was_there = b->line > 0;
    if (first) b->file = strdup(f->path);
    if (!b->file) { /* no memory: it is found at the next reload */
      free(now);
      continue;
    }
    set_line(b, &lines);
    bool other = b->text && now ? strcmp(b->text, now) != 0 : b->text != now;
    if (b->line == 0 && (was_there || first))
      kl_debug_say(d, "breakpoint %d: %s has no code at line %d or behind it", b->id, b->file, b->wanted);
    else if (first && b->line != b->wanted)
      kl_debug_say(d, "breakpoint %d: line %d of %s has no code, it is at line %d", b->id, b->wanted, b->file, b->line);
    else if (!first && other && b->line > 0)
      kl_debug_say(d, "breakpoint %d: line %d of %s is another one now: %.*s", b->id, b->wanted, b->file, TEXT_SHOWN,
                   now && *now ? now : "(nothing)");
    free(b->text);
    b->text = now;
  }
  kl_code_lines_free(&lines);
}

void kl_debug_loaded(kl_script *s) {
  kl_debugger *d = kl_debugger_of(s);
  if (!d || d->n_breaks == 0) return;
  text f, last;
  bool any = false;
  for (size_t i = 0; file_at(s, i, &f); i++) {
    last = f;
    any = true;
  }
  if (any) look_at(d, &last);
  kl_debug_update(d);
}

void kl_debug_began(kl_script *s) {
  kl_debugger *d = kl_debugger_of(s);
  if (!d || d->n_breaks == 0) return;
  text f;
  for (size_t i = 0; file_at(s, i, &f); i++)
    look_at(d, &f);
  kl_debug_update(d);
}

/* ---- setting and removing ---- */

static bool same_text(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static void describe(const kl_break *b, kl_breakpoint *out) {
  *out = (kl_breakpoint){.id = b->id,
                         .file = b->file ? b->file : b->asked,
                         .line = b->file ? b->line : 0,
                         .wanted = b->wanted,
                         .condition = b->condition,
                         .once = b->once,
                         .stays = b->stays,
                         .hits = b->hits,
                         .passed = b->passed};
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a breakpoint");
  return false;
}

/* One more, in front of nothing else; NULL with `e`. */
static kl_break *add(kl_debugger *d, kl_error *e) {
  if (d->n_breaks == MOST_BREAKS) {
    kl_error_coded(e, KL_ERR_LIMIT, "breakpoint_wrong", "there are %d breakpoints already, remove some", MOST_BREAKS);
    return NULL;
  }
  if (d->n_breaks == d->cap) {
    size_t cap = d->cap ? d->cap * 2 : 8;
    kl_break *wide = realloc(d->breaks, cap * sizeof *wide);
    if (!wide) {
      no_memory(e);
      return NULL;
    }
    d->breaks = wide;
    d->cap = cap;
  }
  kl_break *b = &d->breaks[d->n_breaks++];
  *b = (kl_break){.id = d->last_id + 1};
  return b;
}

/* Where it will be; false with `e`. The file may be missing where nobody in particular asks. */
static bool place(kl_debugger *d, kl_break *b, bool may_be_missing, kl_error *e) {
  kl_script *s = version_of(d->strategy);
  text f;
  found result = find_file(s, b->asked, &f);
  if (result == NOWHERE && may_be_missing) return true;
  if (result != FOUND) {
    refuse_file(s, b->asked, result, e);
    return false;
  }
  kl_code_lines lines = {0};
  (void)kl_code_lines_of(f.text, f.n, &lines);
  set_line(b, &lines);
  kl_code_lines_free(&lines);
  if (b->line == 0) {
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "%s has no code at line %d or behind it", f.path,
                   b->wanted);
    return false;
  }
  b->file = strdup(f.path);
  b->text = line_of(&f, b->wanted);
  return b->file != NULL || no_memory(e);
}

bool kl_debug_break(kl_strategy *g, kl_debug_client *c, const char *file, int line, const char *condition, bool once,
                    kl_breakpoint *out, kl_error *e) {
  if (line < 1) {
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "lines are counted from 1, not %d", line);
    return false;
  }
  if (condition && !kl_condition_check(condition, e)) return false;
  kl_debugger *d = kl_debugger_for(g);
  kl_break *b = d ? add(d, e) : NULL;
  if (!b) return d ? false : no_memory(e);
  b->asked = strdup(file);
  b->condition = condition ? strdup(condition) : NULL;
  b->wanted = line;
  b->once = once;
  bool ok = (b->asked && (!condition || b->condition)) || no_memory(e);
  ok = ok && place(d, b, !c, e);
  kl_break *same = NULL;
  for (size_t i = 0; ok && b->file && i + 1 < d->n_breaks; i++) {
    kl_break *x = &d->breaks[i];
    if (x->file && x->line == b->line && x->once == once && !strcmp(x->file, b->file) &&
        same_text(x->condition, condition))
      same = x;
  }
  ok = ok && (add_client(same ? same : b, c) || no_memory(e));
  if (!ok || same) {
    free_break(b);
    d->n_breaks--;
  } else {
    d->last_id++;
  }
  if (!ok) return false;
  kl_debug_update(d);
  describe(same ? same : b, out);
  return true;
}

bool kl_debug_unbreak(kl_strategy *g, int id, kl_error *e) {
  kl_debugger *d = g->keeper->debugger;
  if (id == 0) {
    while (d && d->n_breaks > 0)
      kl_break_remove(d, d->breaks[0].id);
    return true;
  }
  if (!d || !kl_break_find(d, id)) {
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong", "there is no breakpoint %d", id);
    return false;
  }
  kl_break_remove(d, id);
  return true;
}

bool kl_debug_breakpoint(const kl_strategy *g, size_t i, kl_breakpoint *out) {
  const kl_debugger *d = g->keeper->debugger;
  if (!d || i >= d->n_breaks) return false;
  describe(&d->breaks[i], out);
  return true;
}

/* The colon before the number that ends FILE:LINE; NULL when there is none. */
static const char *find_colon(const char *from) {
  for (const char *p = strchr(from, ':'); p; p = strchr(p + 1, ':')) {
    size_t digits = strspn(p + 1, "0123456789");
    if (p > from && digits > 0 && strchr(" \t", p[1 + digits])) return p; /* the end, too */
  }
  return NULL;
}

bool kl_debug_parse(const char *from, char **file, int *line, char **condition, kl_error *e) {
  *file = *condition = NULL;
  const char *start = from + strspn(from, " \t"), *colon = find_colon(start), *rest = "";
  errno = 0;
  long v = colon ? strtol(colon + 1, NULL, 10) : 0;
  bool ok = v >= 1 && v <= INT32_MAX && errno == 0;
  if (ok) {
    rest = colon + 1 + strspn(colon + 1, "0123456789");
    rest += strspn(rest, " \t");
  }
  if (*rest) {
    size_t blanks = !strncmp(rest, "if", 2) ? strspn(rest + 2, " \t") : 0;
    ok = blanks > 0 && rest[2 + blanks];
    if (ok) rest += 2 + blanks;
  }
  if (!ok) {
    kl_error_coded(e, KL_ERR_VALIDATION, "breakpoint_wrong",
                   "where to stop is said as FILE:LINE, or FILE:LINE if CONDITION, not \"%s\"", from);
    return false;
  }
  *file = strndup(start, (size_t)(colon - start));
  *condition = *rest ? strdup(rest) : NULL;
  *line = (int)v;
  if (*file && (!*rest || *condition)) return true;
  free(*file);
  free(*condition);
  *file = *condition = NULL;
  return no_memory(e);
}

/* ---- the end ---- */

void kl_breaks_free(kl_debugger *d) {
  for (size_t i = 0; i < d->n_breaks; i++)
    free_break(&d->breaks[i]);
  free(d->breaks);
}
