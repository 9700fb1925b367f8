/* The live book of a market as it was told, and the notes that wait for their other half or for their time. */
#include <stdlib.h>
#include <string.h>

#include "sim/mirror_impl.h"

void *kl_m_grown(void *data, size_t *cap, size_t need, size_t size) {
  size_t n = *cap ? *cap : 16;
  while (n < need)
    n *= 2;
  if (data && n == *cap) return data;
  void *p = realloc(data, n * size);
  if (p) *cap = n;
  return p;
}

/* ---- levels ---- */

/* Where a price is or belongs: the number of worse levels. */
static size_t place(const kl_m_ladder *l, kl_side side, kl_price price) {
  size_t low = 0, high = l->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (kl_m_better(side, price, l->levels[middle]->price))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

kl_m_level *kl_m_level_find(const kl_m_market *mk, kl_side side, kl_price price) {
  const kl_m_ladder *l = &mk->sides[side];
  size_t i = place(l, side, price);
  return i < l->n && l->levels[i]->price == price ? l->levels[i] : NULL;
}

kl_m_level *kl_m_level_get(kl_m_market *mk, kl_side side, kl_price price) {
  kl_m_ladder *l = &mk->sides[side];
  size_t i = place(l, side, price);
  if (i < l->n && l->levels[i]->price == price) return l->levels[i];
  kl_m_level **levels = kl_m_grown((void *)l->levels, &l->cap, l->n + 1, sizeof(kl_m_level *));
  if (!levels) return NULL;
  l->levels = levels;
  kl_m_level *level = calloc(1, sizeof *level);
  if (!level) return NULL;
  level->market = mk;
  level->side = side;
  level->price = price;
  kl_list_init(&level->notes);
  kl_list_init(&level->dirty);
  memmove((void *)(levels + i + 1), (void *)(levels + i), (l->n - i) * sizeof(kl_m_level *));
  levels[i] = level;
  l->n++;
  return level;
}

void kl_m_soil(kl_m_level *l) {
  if (kl_list_empty(&l->dirty)) kl_list_append(&l->market->dirty, &l->dirty);
}

void kl_m_prune(kl_m_level *l) {
  if (l->live != 0 || l->printed != 0 || !kl_list_empty(&l->notes)) return;
  for (int v = 0; v < KL_VIEWS; v++)
    if (l->v[v].shown != 0) return;
  kl_m_ladder *ladder = &l->market->sides[l->side];
  size_t i = place(ladder, l->side, l->price);
  ladder->n--;
  memmove((void *)(ladder->levels + i), (void *)(ladder->levels + i + 1), (ladder->n - i) * sizeof(kl_m_level *));
  kl_list_remove(&l->dirty);
  free(l);
}

static void free_notes(kl_mirror *m, kl_m_level *l) {
  for (kl_list *i = l->notes.next, *next; i != &l->notes; i = next) {
    next = i->next;
    kl_m_note *note = KL_CONTAINER(i, kl_m_note, at_level);
    kl_m_note_take(m, note, note->count);
  }
}

void kl_m_market_free(kl_mirror *m, kl_m_market *mk) {
  for (int side = KL_BID; side <= KL_ASK; side++) {
    for (size_t i = 0; i < mk->sides[side].n; i++) {
      free_notes(m, mk->sides[side].levels[i]);
      free(mk->sides[side].levels[i]);
    }
    free((void *)mk->sides[side].levels);
  }
  for (kl_m_tally *t = mk->tallies, *next; t; t = next) {
    next = t->next;
    free(t);
  }
  kl_list_remove(&mk->engaged);
  free(mk);
}

/* ---- notes ---- */

/* What the level's sums have of a note changes by n. */
static void account(kl_m_note *note, kl_count n) {
  kl_m_level *l = note->level;
  note->count += n;
  if (note->kind == KL_M_PRINT) l->printed += n;
  if (note->kind == KL_M_CROSS) l->v[KL_VIEW_PESSIMISTIC].crossing += n;
  if (note->kind != KL_M_FALL) return;
  for (int v = 0; v < KL_VIEWS; v++)
    if (note->held & 1U << v) l->v[v].held += n;
}

void kl_m_note_take(kl_mirror *m, kl_m_note *note, kl_count n) {
  account(note, -n);
  if (note->count > 0) return;
  kl_list_remove(&note->at_level);
  kl_list_remove(&note->in_time);
  free(note);
  m->n_notes--;
}

kl_count kl_m_notes_take(kl_mirror *m, kl_m_level *l, kl_m_kind kind, kl_count n, bool latest) {
  kl_count left = n;
  for (kl_list *i = latest ? l->notes.prev : l->notes.next, *next; i != &l->notes && left > 0; i = next) {
    next = latest ? i->prev : i->next;
    kl_m_note *note = KL_CONTAINER(i, kl_m_note, at_level);
    if (note->kind != kind) continue;
    kl_count k = kl_m_least(note->count, left);
    kl_m_note_take(m, note, k);
    left -= k;
  }
  return n - left;
}

static kl_count toward_zero(kl_count a, kl_count n) { return a > 0 ? kl_m_positive(a - n) : -kl_m_positive(-a - n); }

/* What becomes of a note whose time has come; its level lives on. */
static void end(kl_mirror *m, kl_m_note *note) {
  kl_m_level *l = note->level;
  kl_m_kind kind = note->kind;
  kl_count n = note->count;
  kl_m_note_take(m, note, n);
  switch (kind) {
  case KL_M_FALL: /* no trade came: canceled, and what we took may have been among it */
    m->counts.canceled++;
    l->v[KL_VIEW_ESTIMATE].gone = toward_zero(l->v[KL_VIEW_ESTIMATE].gone, n);
    break;
  case KL_M_PRINT: /* the level did not fall by it: it is as it shows */
    m->counts.unseen_trades++;
    break;
  case KL_M_CROSS:
    n = kl_m_least(
        n, kl_m_positive(l->live - l->printed - l->v[KL_VIEW_PESSIMISTIC].gone - l->v[KL_VIEW_PESSIMISTIC].crossing));
    kl_m_cross(m, KL_VIEW_PESSIMISTIC, l, n, true);
    break;
  case KL_M_TAKEN:
    l->v[KL_VIEW_OPTIMISTIC].gone = kl_m_positive(l->v[KL_VIEW_OPTIMISTIC].gone - n);
    break;
  case KL_M_NOTES:
    break;
  }
  for (int v = 0; v < KL_VIEWS; v++)
    kl_m_fit_or_soil(m, (kl_mirror_view)v, l, KL_M_CANCELED);
}

/* The oldest of a kind; NULL: none waits. */
static kl_m_note *oldest(const kl_mirror *m, int kind) {
  const kl_list *waiting = &m->waiting[kind];
  return kl_list_empty(waiting) ? NULL : KL_CONTAINER(waiting->next, kl_m_note, in_time);
}

/* The next note that has waited long enough. */
static kl_m_note *due(const kl_mirror *m, int64_t now_us) {
  kl_m_note *first = NULL;
  for (int kind = 0; kind < KL_M_NOTES; kind++) {
    kl_m_note *note = oldest(m, kind);
    if (note && note->due_us <= now_us && (!first || note->due_us < first->due_us)) first = note;
  }
  return first;
}

void kl_m_advance(kl_mirror *m, int64_t now_us) {
  if (now_us > m->now_us) m->now_us = now_us;
  for (kl_m_note *note = m->n_notes ? due(m, m->now_us) : NULL; note; note = due(m, m->now_us)) {
    kl_m_level *l = note->level;
    end(m, note);
    kl_m_prune(l);
  }
}

/* Too many notes: the oldest window ends early. */
static void make_room(kl_mirror *m) {
  for (int kind = 0; kind < KL_M_NOTES; kind++) {
    kl_m_note *note = kind == KL_M_CROSS ? NULL : oldest(m, kind); /* ending one of those trades */
    if (!note) continue;
    end(m, note);
    return;
  }
}

bool kl_m_note_add(kl_mirror *m, kl_m_level *l, kl_m_kind kind, kl_count n, unsigned held) {
  if (!kl_list_empty(&l->notes)) {
    kl_m_note *last = KL_CONTAINER(l->notes.prev, kl_m_note, at_level);
    if (last->kind == kind && last->at_us == m->now_us && last->held == held) {
      account(last, n);
      return true;
    }
  }
  if (m->n_notes >= KL_M_MOST_NOTES) make_room(m);
  kl_m_note *note = calloc(1, sizeof *note);
  if (!note) return false;
  note->kind = kind;
  note->level = l;
  note->at_us = m->now_us;
  note->due_us = m->now_us + m->wait_us[kind];
  note->held = held;
  kl_list_append(&l->notes, &note->at_level);
  kl_list_append(&m->waiting[kind], &note->in_time);
  m->n_notes++;
  account(note, n);
  return true;
}
