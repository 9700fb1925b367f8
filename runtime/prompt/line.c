#include "prompt/line.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/text.h"

enum { UNDO_MAX = 256, UNDO_BYTES = 8 << 20, KILLS = 8 };

/* What the last command was, where the next one of the same kind goes on with it. */
typedef enum last { LAST_OTHER, LAST_TYPED, LAST_KILLED, LAST_YANKED, LAST_VERTICAL } last;

typedef struct snapshot {
  char *text;
  size_t n, cursor;
} snapshot;

struct kl_line {
  kl_buf text;
  size_t cursor;
  last last;
  size_t goal; /* columns, of moves up and down */
  snapshot undo[UNDO_MAX];
  size_t n_undo, undo_bytes;
  kl_buf kills[KILLS]; /* the newest first */
  size_t yanked, yanked_from;
};

kl_line *kl_line_new(void) {
  kl_line *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  if (kl_buf_reserve(&l->text, 256)) return l;
  free(l);
  return NULL;
}

static void forget(kl_line *l) {
  for (size_t i = 0; i < l->n_undo; i++)
    free(l->undo[i].text);
  l->n_undo = l->undo_bytes = 0;
}

void kl_line_free(kl_line *l) {
  if (!l) return;
  forget(l);
  for (size_t i = 0; i < KILLS; i++)
    kl_buf_free(&l->kills[i]);
  kl_buf_free(&l->text);
  free(l);
}

const char *kl_line_text(const kl_line *l, size_t *n) {
  *n = l->text.len;
  return l->text.data;
}

size_t kl_line_cursor(const kl_line *l) { return l->cursor; }

void kl_line_settle(kl_line *l) { l->last = LAST_OTHER; }

/* ---- changing ---- */

static void remember(kl_line *l) {
  while (l->n_undo > 0 && (l->n_undo == UNDO_MAX || l->undo_bytes + l->text.len > UNDO_BYTES)) {
    l->undo_bytes -= l->undo[0].n;
    free(l->undo[0].text);
    memmove(l->undo, l->undo + 1, --l->n_undo * sizeof l->undo[0]);
  }
  snapshot s = {malloc(l->text.len + 1), l->text.len, l->cursor};
  if (!s.text) return; /* then this cannot be undone */
  memcpy(s.text, l->text.data, l->text.len + 1);
  l->undo[l->n_undo++] = s;
  l->undo_bytes += s.n;
}

/* Bytes as they are, in place of others. */
static bool splice(kl_line *l, size_t from, size_t to, const char *p, size_t n) {
  kl_buf *b = &l->text;
  if (b->len - (to - from) + n > KL_LINE_MAX || !kl_buf_reserve(b, n)) {
    b->failed = false; /* what was there before is still whole */
    return false;
  }
  memmove(b->data + from + n, b->data + to, b->len - to);
  memcpy(b->data + from, p, n);
  b->len = b->len - (to - from) + n;
  b->data[b->len] = 0;
  l->cursor = from + n;
  return true;
}

/* What is behind the cursor may combine with what was put before it. */
static void leave_cluster(kl_line *l) {
  if (l->cursor == 0 || l->cursor == l->text.len) return;
  size_t before = kl_cluster_before(l->text.data, l->text.len, l->cursor);
  l->cursor = kl_cluster_next(l->text.data, l->text.len, before);
}

void kl_line_reset(kl_line *l) {
  forget(l);
  kl_buf_clear(&l->text);
  l->text.data[0] = 0;
  l->cursor = 0;
  l->last = LAST_OTHER;
}

bool kl_line_replace(kl_line *l, size_t from, size_t to, const char *p, size_t n) {
  kl_buf clean = {0};
  kl_text_clean(&clean, p, n);
  remember(l);
  bool ok = !clean.failed && splice(l, from, to, clean.data ? clean.data : "", clean.len);
  kl_buf_free(&clean);
  l->last = LAST_OTHER;
  leave_cluster(l);
  return ok;
}

void kl_line_set(kl_line *l, const char *p, size_t n) { kl_line_replace(l, 0, l->text.len, p, n); }

bool kl_line_insert(kl_line *l, const char *p, size_t n) { return kl_line_replace(l, l->cursor, l->cursor, p, n); }

bool kl_line_type(kl_line *l, uint32_t c) {
  bool goes_on = l->last == LAST_TYPED && c != ' ' && c != '\n';
  kl_buf b = {0};
  kl_text_add(&b, c);
  if (!goes_on) remember(l);
  bool ok = !b.failed && splice(l, l->cursor, l->cursor, b.data, b.len);
  kl_buf_free(&b);
  l->last = LAST_TYPED;
  leave_cluster(l);
  return ok;
}

bool kl_line_undo(kl_line *l) {
  size_t n = l->text.len;
  l->last = LAST_OTHER;
  while (l->n_undo > 0) {
    snapshot s = l->undo[--l->n_undo];
    l->undo_bytes -= s.n;
    bool same = s.n == n && memcmp(s.text, l->text.data, n) == 0;
    if (!same && splice(l, 0, l->text.len, s.text, s.n)) l->cursor = s.cursor;
    free(s.text);
    if (!same) return true;
  }
  return false;
}

/* ---- moving ---- */

static size_t line_start(const kl_line *l, size_t at) {
  while (at > 0 && l->text.data[at - 1] != '\n')
    at--;
  return at;
}

static size_t line_end(const kl_line *l, size_t at) {
  const char *end = memchr(l->text.data + at, '\n', l->text.len - at);
  return end ? (size_t)(end - l->text.data) : l->text.len;
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

size_t kl_line_target(const kl_line *l, kl_motion m) {
  const char *p = l->text.data;
  size_t n = l->text.len, at = l->cursor;
  switch (m) {
  case KL_MOVE_LEFT:
    return at > 0 ? kl_cluster_before(p, n, at) : 0;
  case KL_MOVE_RIGHT:
    return at < n ? kl_cluster_next(p, n, at) : n;
  case KL_MOVE_WORD_LEFT:
    while (at > 0 && !is_word(p[at - 1]))
      at--;
    while (at > 0 && is_word(p[at - 1]))
      at--;
    return at;
  case KL_MOVE_WORD_RIGHT:
    while (at < n && !is_word(p[at]))
      at++;
    while (at < n && is_word(p[at]))
      at++;
    return at;
  case KL_MOVE_BLANK_LEFT:
    while (at > 0 && is_blank(p[at - 1]))
      at--;
    while (at > 0 && !is_blank(p[at - 1]))
      at--;
    return at;
  case KL_MOVE_LINE_START:
    return line_start(l, at);
  case KL_MOVE_LINE_END:
    return line_end(l, at);
  case KL_MOVE_START:
    return 0;
  case KL_MOVE_END:
    return n;
  }
  return at;
}

void kl_line_move_to(kl_line *l, size_t at) {
  size_t n = l->text.len;
  if (at > n) at = n;
  if (at > 0 && at < n) { /* not inside of a cluster */
    size_t before = kl_cluster_before(l->text.data, n, at);
    if (kl_cluster_next(l->text.data, n, before) != at) at = before;
  }
  l->cursor = at;
  l->last = LAST_OTHER;
}

void kl_line_move(kl_line *l, kl_motion m) { kl_line_move_to(l, kl_line_target(l, m)); }

/* Into the line that begins at `start`, to the goal. */
static void move_into(kl_line *l, size_t start) {
  size_t end = line_end(l, start), at = start, columns = 0;
  while (at < end) {
    bool sure;
    size_t next = kl_cluster_next(l->text.data, end, at);
    size_t width = (size_t)kl_cluster_width(l->text.data + at, next - at, &sure);
    if (columns + width > l->goal) break;
    columns += width;
    at = next;
  }
  kl_line_move_to(l, at);
  l->last = LAST_VERTICAL;
}

static void set_goal(kl_line *l, size_t start) {
  if (l->last != LAST_VERTICAL) l->goal = kl_text_columns(l->text.data + start, l->cursor - start);
}

bool kl_line_up(kl_line *l) {
  size_t start = line_start(l, l->cursor);
  if (start == 0) return false;
  set_goal(l, start);
  move_into(l, line_start(l, start - 1));
  return true;
}

bool kl_line_down(kl_line *l) {
  size_t start = line_start(l, l->cursor), end = line_end(l, l->cursor);
  if (end == l->text.len) return false;
  set_goal(l, start);
  move_into(l, end + 1);
  return true;
}

/* ---- cutting ---- */

static void order(size_t *from, size_t *to) {
  if (*from <= *to) return;
  size_t swap = *from;
  *from = *to;
  *to = swap;
}

bool kl_line_delete(kl_line *l, kl_motion m) {
  size_t from = l->cursor, to = kl_line_target(l, m);
  order(&from, &to);
  if (from == to) return false;
  remember(l);
  splice(l, from, to, "", 0);
  kl_line_move_to(l, from);
  return true;
}

bool kl_line_kill(kl_line *l, kl_motion m) {
  size_t from = l->cursor, to = kl_line_target(l, m);
  bool backwards = to < from, goes_on = l->last == LAST_KILLED;
  if (m == KL_MOVE_LINE_END && to == from && to < l->text.len) to++; /* then the next line comes up */
  order(&from, &to);
  if (from == to) return false;
  if (!goes_on) {
    kl_buf oldest = l->kills[KILLS - 1];
    memmove(l->kills + 1, l->kills, (KILLS - 1) * sizeof l->kills[0]);
    kl_buf_clear(&oldest);
    l->kills[0] = oldest;
  }
  kl_buf cut = {0};
  if (!backwards) kl_buf_add(&cut, l->kills[0].data ? l->kills[0].data : "", l->kills[0].len);
  kl_buf_add(&cut, l->text.data + from, to - from);
  if (backwards) kl_buf_add(&cut, l->kills[0].data ? l->kills[0].data : "", l->kills[0].len);
  if (cut.failed) {
    kl_buf_free(&cut);
    return false;
  }
  kl_buf_free(&l->kills[0]);
  l->kills[0] = cut;
  remember(l);
  splice(l, from, to, "", 0);
  kl_line_move_to(l, from);
  l->last = LAST_KILLED;
  return true;
}

bool kl_line_yank(kl_line *l) {
  size_t from = l->cursor;
  if (l->kills[0].len == 0 || !kl_line_insert(l, l->kills[0].data, l->kills[0].len)) return false;
  l->yanked = 0;
  l->yanked_from = from;
  l->last = LAST_YANKED;
  return true;
}

bool kl_line_yank_older(kl_line *l) {
  if (l->last != LAST_YANKED) return false;
  size_t from = l->yanked_from, next = (l->yanked + 1) % KILLS;
  while (l->kills[next].len == 0)
    next = (next + 1) % KILLS; /* the newest at the latest */
  if (!kl_line_replace(l, from, l->cursor, l->kills[next].data, l->kills[next].len)) return false;
  l->yanked = next;
  l->last = LAST_YANKED;
  return true;
}

bool kl_line_transpose(kl_line *l) {
  const char *p = l->text.data;
  size_t n = l->text.len, middle = l->cursor;
  if (middle > 0 && (middle == n || p[middle] == '\n')) middle = kl_cluster_before(p, n, middle);
  if (middle == 0 || middle >= n || p[middle] == '\n' || p[middle - 1] == '\n') return false;
  size_t from = kl_cluster_before(p, n, middle), to = kl_cluster_next(p, n, middle);
  kl_buf swapped = {0};
  kl_buf_add(&swapped, p + middle, to - middle);
  kl_buf_add(&swapped, p + from, middle - from);
  bool ok = !swapped.failed && kl_line_replace(l, from, to, swapped.data, swapped.len);
  kl_buf_free(&swapped);
  return ok;
}

static char cased(char c, bool capital) {
  if (capital && c >= 'a' && c <= 'z') return (char)(c - 32);
  return !capital && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool kl_line_change_case(kl_line *l, char how) {
  size_t from = l->cursor, to = kl_line_target(l, KL_MOVE_WORD_RIGHT);
  if (from == to) return false;
  kl_buf changed = {0};
  bool first = true;
  for (size_t i = from; i < to; i++) {
    char c = l->text.data[i];
    kl_buf_char(&changed, cased(c, how == 'u' || (how == 'c' && first)));
    if (is_word(c)) first = false;
  }
  bool ok = !changed.failed && kl_line_replace(l, from, to, changed.data, changed.len);
  kl_buf_free(&changed);
  return ok;
}
