#include "script/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "script/internal.h"

enum { DIGEST = 32 };

static void free_source(kl_source *f) {
  free(f->path);
  free(f->text);
}

void kl_sources_free(kl_sources *s) {
  for (size_t i = 0; i < s->n; i++)
    free_source(&s->items[i]);
  free(s->items);
  *s = (kl_sources){0};
}

static bool reserve(kl_sources *s, size_t more) {
  if (s->n + more <= s->cap) return true;
  size_t cap = s->cap ? s->cap * 2 : 8;
  while (cap < s->n + more)
    cap *= 2;
  kl_source *wide = realloc(s->items, cap * sizeof *wide);
  if (!wide) return false;
  s->items = wide;
  s->cap = cap;
  return true;
}

static const kl_source *find(const kl_sources *s, const char *path) {
  for (size_t i = 0; s && i < s->n; i++)
    if (!strcmp(s->items[i].path, path)) return &s->items[i];
  return NULL;
}

/* What the path means now; false with errno, which is kept at 0 for a file that merely is not there. */
static bool load(kl_source *f, const kl_sources *snapshot) {
  const kl_source *kept = find(snapshot, f->path);
  struct stat st;
  f->watched = kept ? kept->watched : stat(f->path, &st) != 0 || S_ISREG(st.st_mode);
  if (!kept) {
    f->text = kl_read_file(f->path, &f->n);
    if (f->text) return true;
    if (errno != ENOENT && errno != ENOTDIR) return false;
    errno = 0;
    return true;
  }
  if (!kept->text) return true;
  f->text = malloc(kept->n + 1);
  if (!f->text) return false;
  memcpy(f->text, kept->text, kept->n + 1);
  f->n = kept->n;
  return true;
}

const char *kl_sources_read(kl_sources *s, const kl_sources *snapshot, const char *path, size_t *n) {
  const kl_source *known = find(s, path);
  if (!known) {
    if (!reserve(s, 1)) {
      errno = ENOMEM;
      return NULL;
    }
    kl_source *f = &s->items[s->n];
    *f = (kl_source){.path = strdup(path)};
    if (!f->path || !load(f, snapshot)) {
      int why = f->path ? errno : ENOMEM;
      free_source(f);
      errno = why;
      return NULL;
    }
    s->n++;
    known = f;
  }
  *n = known->n;
  if (!known->text) errno = ENOENT;
  return known->text;
}

bool kl_sources_unchanged(const kl_sources *s) {
  for (size_t i = 0; i < s->n; i++) {
    const kl_source *f = &s->items[i];
    struct stat st;
    bool there = stat(f->path, &st) == 0;
    if (!f->watched || (there && !S_ISREG(st.st_mode))) continue; /* reading a pipe would wait */
    if (there != (f->text != NULL)) return false;
    if (!there) continue;
    size_t n = 0;
    char *text = (size_t)st.st_size == f->n ? kl_read_file(f->path, &n) : NULL;
    bool same = text && n == f->n && !memcmp(text, f->text, n);
    free(text);
    if (!same) return false;
  }
  return true;
}

static void digest(const void *p, size_t n, unsigned char out[DIGEST]) {
  if (!EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL)) memset(out, 0, DIGEST);
}

void kl_sources_hash(const kl_sources *s, char out[KL_HASH_MAX]) {
  unsigned char one[DIGEST];
  kl_buf all = {0};
  for (size_t i = 0; i < s->n; i++) {
    if (!s->items[i].text) continue;
    digest(s->items[i].text, s->items[i].n, one);
    kl_buf_add(&all, one, sizeof one);
  }
  if (all.len != DIGEST) digest(all.data ? all.data : "", all.len, one);
  kl_buf_free(&all);
  for (int i = 0; i < KL_HASH_MAX / 2; i++)
    snprintf(out + 2 * i, 3, "%02x", one[i]);
}

bool kl_sources_append(kl_sources *to, kl_sources *from) {
  if (from->n == 0) return true;
  if (!reserve(to, from->n)) return false;
  memcpy(to->items + to->n, from->items, from->n * sizeof *from->items);
  to->n += from->n;
  free(from->items);
  *from = (kl_sources){0};
  return true;
}
