#include "kalshi/book.h"

#include <stdlib.h>
#include <string.h>

#include "base/line.h"

/* A level beyond 10^12 contracts is a broken message, not a market. The bound also keeps every sum over a side
 * (at most 9,999 levels) inside 64 bits. */
#define LEVEL_MAX ((kl_count)100000000000000)

enum {
  FIRST_LEVELS = 16,
  /* Most changes are near the best: so many levels are looked at from the back before the search halves the rest. */
  NEAR_LEVELS = 12
};

/* Bids of one outcome, ascending: the best is the last. */
typedef struct book_side {
  kl_level *levels;
  size_t n, cap;
} book_side;

struct kl_book {
  book_side sides[2];
};

kl_book *kl_book_new(void) { return kl_line_alloc(sizeof(kl_book)); }

void kl_book_free(kl_book *b) {
  if (!b) return;
  free(b->sides[KL_YES].levels);
  free(b->sides[KL_NO].levels);
  free(b);
}

void kl_book_clear(kl_book *b) { b->sides[KL_YES].n = b->sides[KL_NO].n = 0; }

static bool reserve(book_side *s, size_t n) {
  if (n <= s->cap) return true;
  size_t cap = s->cap ? s->cap : FIRST_LEVELS;
  while (cap < n)
    cap *= 2;
  kl_level *grown = realloc(s->levels, cap * sizeof *grown);
  if (!grown) return false;
  s->levels = grown;
  s->cap = cap;
  return true;
}

static bool valid_price(kl_price p) { return p > 0 && p < KL_PRICE_ONE; }

static void swap(kl_level *a, kl_level *b) {
  kl_level t = *a;
  *a = *b;
  *b = t;
}

static void sift(kl_level *a, size_t root, size_t n) {
  for (size_t child; (child = 2 * root + 1) < n; root = child) {
    if (child + 1 < n && a[child + 1].price > a[child].price) child++;
    if (a[child].price <= a[root].price) return;
    swap(&a[child], &a[root]);
  }
}

/* Heap sort: for input in no order, which is rare; qsort may allocate. */
static void sort(kl_level *a, size_t n) {
  for (size_t i = n / 2; i-- > 0;)
    sift(a, i, n);
  for (size_t end = n; end-- > 1;) {
    swap(&a[0], &a[end]);
    sift(a, 0, end);
  }
}

static bool ascending(const kl_level *a, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (a[i - 1].price >= a[i].price) return false;
  return true;
}

static bool fill_side(book_side *s, const kl_level *in, size_t n) {
  if (n >= KL_PRICE_ONE || !reserve(s, n)) return false;
  for (size_t i = 0; i < n; i++) {
    if (!valid_price(in[i].price) || in[i].count <= 0 || in[i].count > LEVEL_MAX) return false;
    s->levels[i] = in[i];
  }
  if (!ascending(s->levels, n)) {
    /* Descending is how NO levels come with use_yes_price. */
    if (s->levels[0].price > s->levels[n - 1].price)
      for (size_t i = 0; i < n / 2; i++)
        swap(&s->levels[i], &s->levels[n - 1 - i]);
    if (!ascending(s->levels, n)) sort(s->levels, n);
    if (!ascending(s->levels, n)) return false; /* a price twice */
  }
  s->n = n;
  return true;
}

bool kl_book_snapshot(kl_book *b, const kl_level *yes, size_t n_yes, const kl_level *no, size_t n_no) {
  kl_book_clear(b);
  if (fill_side(&b->sides[KL_YES], yes, n_yes) && fill_side(&b->sides[KL_NO], no, n_no)) return true;
  kl_book_clear(b);
  return false;
}

/* How many levels are priced below `price`. */
static size_t levels_below(const book_side *s, kl_price price) {
  size_t hi = s->n, near = hi > NEAR_LEVELS ? hi - NEAR_LEVELS : 0;
  while (hi > near && s->levels[hi - 1].price >= price)
    hi--;
  if (hi > near || near == 0) return hi;
  size_t lo = 0;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (s->levels[mid].price < price) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return lo;
}

static bool has_level(const book_side *s, size_t i, kl_price price) { return i < s->n && s->levels[i].price == price; }

/* A price outside the book's range and a size beyond LEVEL_MAX count as a desync, too: the message cannot belong to
 * this book. */
kl_book_result kl_book_apply(kl_book *b, kl_outcome side, kl_price price, kl_count delta) {
  if (!valid_price(price) || delta > LEVEL_MAX || delta < -LEVEL_MAX) return KL_BOOK_DESYNC;
  book_side *s = &b->sides[side];
  size_t i = levels_below(s, price);
  if (has_level(s, i, price)) {
    kl_count left = s->levels[i].count + delta;
    if (left < 0 || left > LEVEL_MAX) return KL_BOOK_DESYNC;
    if (left > 0) {
      s->levels[i].count = left;
    } else {
      memmove(&s->levels[i], &s->levels[i + 1], (s->n - i - 1) * sizeof *s->levels);
      s->n--;
    }
    return KL_BOOK_OK;
  }
  if (delta < 0) return KL_BOOK_DESYNC;
  if (delta == 0) return KL_BOOK_OK;
  if (!reserve(s, s->n + 1)) return KL_BOOK_NOMEM;
  memmove(&s->levels[i + 1], &s->levels[i], (s->n - i) * sizeof *s->levels);
  s->levels[i] = (kl_level){(int32_t)price, delta};
  s->n++;
  return KL_BOOK_OK;
}

static const book_side *own_side(const kl_book *b, kl_outcome view) { return &b->sides[view]; }
static const book_side *other_side(const kl_book *b, kl_outcome view) {
  return &b->sides[view == KL_YES ? KL_NO : KL_YES];
}

void kl_book_touch(const kl_book *b, kl_price *bid, kl_price *ask) {
  const book_side *yes = &b->sides[KL_YES], *no = &b->sides[KL_NO];
  *bid = yes->n ? yes->levels[yes->n - 1].price : 0;
  *ask = no->n ? KL_PRICE_ONE - no->levels[no->n - 1].price : 0;
}

bool kl_book_bid_at(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count) {
  const book_side *s = own_side(b, view);
  if (i >= s->n) return false;
  const kl_level *l = &s->levels[s->n - 1 - i];
  *price = l->price;
  *count = l->count;
  return true;
}

bool kl_book_ask_at(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count) {
  const book_side *s = other_side(b, view);
  if (i >= s->n) return false;
  const kl_level *l = &s->levels[s->n - 1 - i];
  *price = KL_PRICE_ONE - l->price;
  *count = l->count;
  return true;
}

bool kl_book_best_bid(const kl_book *b, kl_outcome view, kl_price *price, kl_count *count) {
  return kl_book_bid_at(b, view, 0, price, count);
}

bool kl_book_best_ask(const kl_book *b, kl_outcome view, kl_price *price, kl_count *count) {
  return kl_book_ask_at(b, view, 0, price, count);
}

size_t kl_book_levels(const kl_book *b, kl_outcome view) { return own_side(b, view)->n; }

kl_count kl_book_count_at(const kl_book *b, kl_outcome view, kl_price price) {
  const book_side *s = own_side(b, view);
  size_t i = levels_below(s, price);
  return has_level(s, i, price) ? s->levels[i].count : 0;
}

kl_count kl_book_depth(const kl_book *b, kl_outcome view, kl_price within) {
  const book_side *s = own_side(b, view);
  kl_count sum = 0;
  for (size_t i = s->n; i > 0 && s->levels[s->n - 1].price - s->levels[i - 1].price <= within; i--)
    sum += s->levels[i - 1].count;
  return sum;
}

void kl_book_sweep(const kl_book *b, kl_outcome view, bool buy, kl_count count, kl_count *filled, kl_money *cost,
                   kl_price *worst) {
  /* The cost of more than this might not fit; no book has so much near one dollar. */
  if (count > INT64_MAX / KL_PRICE_ONE) count = INT64_MAX / KL_PRICE_ONE;
  const book_side *s = buy ? other_side(b, view) : own_side(b, view);
  *filled = *cost = *worst = 0;
  for (size_t i = s->n; i > 0 && *filled < count; i--) {
    const kl_level *l = &s->levels[i - 1];
    kl_count take = l->count < count - *filled ? l->count : count - *filled;
    *worst = buy ? KL_PRICE_ONE - l->price : l->price;
    *filled += take;
    *cost += take * *worst;
  }
}

static kl_count top_count(const book_side *s, size_t levels) {
  kl_count sum = 0;
  for (size_t i = 0; i < levels && i < s->n; i++)
    sum += s->levels[s->n - 1 - i].count;
  return sum;
}

double kl_book_imbalance(const kl_book *b, kl_outcome view, size_t levels) {
  kl_count bids = top_count(own_side(b, view), levels), asks = top_count(other_side(b, view), levels);
  return bids + asks > 0 ? (double)(bids - asks) / (double)(bids + asks) : 0;
}

bool kl_book_microprice(const kl_book *b, kl_outcome view, double *dollars) {
  kl_price bid, ask;
  kl_count bid_count, ask_count;
  if (!kl_book_best_bid(b, view, &bid, &bid_count) || !kl_book_best_ask(b, view, &ask, &ask_count)) return false;
  double weighted = (double)bid * (double)ask_count + (double)ask * (double)bid_count;
  *dollars = weighted / (double)(bid_count + ask_count) / KL_PRICE_ONE;
  return true;
}

size_t kl_book_memory(const kl_book *b) {
  return sizeof *b + (b->sides[KL_YES].cap + b->sides[KL_NO].cap) * sizeof(kl_level);
}
