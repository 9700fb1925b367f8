#include "prompt/search.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/text.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool has_capital(const kl_buf *b) {
  for (size_t i = 0; i < b->len; i++)
    if (b->data[i] >= 'A' && b->data[i] <= 'Z') return true;
  return false;
}

static bool begins_here(const kl_buf *wanted, const char *p, bool exact) {
  for (size_t i = 0; i < wanted->len; i++)
    if (exact ? p[i] != wanted->data[i] : lower(p[i]) != lower(wanted->data[i])) return false;
  return true;
}

/* The last place of what is wanted in a text. */
static bool find(const kl_buf *wanted, const char *p, size_t n, size_t *place) {
  bool exact = has_capital(wanted);
  if (wanted->len > n) return false;
  for (size_t at = n - wanted->len + 1; at-- > 0;)
    if (begins_here(wanted, p + at, exact)) {
      *place = at;
      return true;
    }
  return false;
}

/* From entry `from` on, in the direction of the search. Entries that read the same as `but` (NULL: none) do not count.
 */
static void look(kl_search *s, const kl_history *h, size_t from, const char *but) {
  size_t count = kl_history_count(h), n, place;
  s->failed = false;
  if (s->wanted.len == 0 || s->wanted.failed) return;
  for (size_t at = from; at < count; s->forward ? at++ : at--) { /* 0 - 1 is no index either */
    const char *text = kl_history_at(h, at, &n);
    if ((but && strcmp(but, text) == 0) || !find(&s->wanted, text, n, &place)) continue;
    s->at = at;
    s->place = place;
    return;
  }
  s->failed = true;
}

/* Where it stands: what was found stays found while it has what is wanted. */
static size_t here(const kl_search *s, const kl_history *h) {
  size_t count = kl_history_count(h);
  if (s->at < count) return s->at;
  return s->forward ? 0 : count - 1; /* without entries: no index */
}

void kl_search_begin(kl_search *s, const kl_history *h, const char *text, size_t n, size_t cursor, size_t at,
                     bool forward) {
  kl_search_end(s);
  s->before = malloc(n + 1);
  if (s->before) memcpy(s->before, text, n + 1);
  s->before_n = s->before ? n : 0;
  s->before_cursor = cursor;
  s->before_at = at;
  s->on = true;
  s->forward = forward;
  s->at = at < kl_history_count(h) ? at : kl_history_count(h);
}

void kl_search_type(kl_search *s, const kl_history *h, uint32_t c) {
  kl_text_add(&s->wanted, c);
  look(s, h, here(s, h), NULL);
}

void kl_search_paste(kl_search *s, const kl_history *h, const char *p, size_t n) {
  kl_buf clean = {0};
  kl_text_clean(&clean, p, n);
  if (!clean.failed && clean.len > 0) {
    const char *end = memchr(clean.data, '\n', clean.len);
    kl_buf_add(&s->wanted, clean.data, end ? (size_t)(end - clean.data) : clean.len);
  }
  kl_buf_free(&clean);
  look(s, h, here(s, h), NULL);
}

void kl_search_shorten(kl_search *s, const kl_history *h) {
  kl_buf *b = &s->wanted;
  if (b->len == 0) return;
  b->len = kl_cluster_before(b->data, b->len, b->len);
  b->data[b->len] = 0;
  s->at = kl_history_count(h); /* with less to look for, a newer one may be found */
  look(s, h, here(s, h), NULL);
}

void kl_search_again(kl_search *s, const kl_history *h, bool forward) {
  size_t count = kl_history_count(h), n;
  s->forward = forward;
  if (s->at >= count) {
    look(s, h, here(s, h), NULL);
    return;
  }
  size_t was = s->at;
  look(s, h, forward ? s->at + 1 : s->at - 1, kl_history_at(h, s->at, &n));
  if (s->at == was && forward && was + 1 >= count) s->failed = true;
}

void kl_search_end(kl_search *s) {
  kl_buf_free(&s->wanted);
  free(s->before);
  memset(s, 0, sizeof *s);
}
