#include "synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers: xoshiro256**, seeded by splitmix64 (Blackman and Vigna, public domain algorithms) ---- */

static uint64_t splitmix(uint64_t *x) {
  uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t draw(synthetic *s) {
  uint64_t *r = s->random, result = rotate(r[1] * 5, 7) * 9, shifted = r[1] << 17;
  r[2] ^= r[0];
  r[3] ^= r[1];
  r[1] ^= r[2];
  r[0] ^= r[3];
  r[2] ^= shifted;
  r[3] = rotate(r[3], 45);
  return result;
}

static int below(synthetic *s, int n) { return (int)(((draw(s) >> 32) * (uint64_t)n) >> 32); }

static bool chance(synthetic *s, int per_mille) { return below(s, 1000) < per_mille; }

/* How often nothing happens before something of that chance does, `most` at the most. */
static int failures_before(synthetic *s, int per_mille, int most) {
  int n = 0;
  while (n < most && !chance(s, per_mille))
    n++;
  return n;
}

static void draw_uuid(synthetic *s, char out[40]) {
  uint64_t a = draw(s), b = draw(s);
  snprintf(out, 40, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
           (unsigned)a & 0xfff, 0x8000U | ((unsigned)(b >> 48) & 0x3fff), (unsigned long long)(b & 0xffffffffffff));
}

/* ---- prices ---- */

static int tick_at(synthetic_ticks ticks, int price) {
  switch (ticks) {
  case TICKS_DECI_CENT:
    return 10;
  case TICKS_TAPERED_DECI_CENT:
    return price < 1000 || price >= 9000 ? 10 : 100;
  case TICKS_CENTI_CENT_AT_EDGES:
    return price < 100 || price >= 9900 ? 1 : 10;
  case TICKS_CENT:
    break;
  }
  return 100;
}

static int on_grid(synthetic_ticks ticks, int price) {
  if (price < 1) price = 1;
  if (price > SYNTHETIC_ONE - 1) price = SYNTHETIC_ONE - 1;
  int tick = tick_at(ticks, price);
  price -= price % tick;
  return price > 0 ? price : tick;
}

/* ---- books ---- */

/* The best price below `price` that has contracts; -1 when there is none. */
static int next_below(const synthetic_market *m, int side, int price) {
  int p = price - 1;
  while (p >= 0 && !m->count[side][p])
    p--;
  return p;
}

static void set_level(synthetic_market *m, int side, int price, int64_t count) {
  int64_t old = m->count[side][price];
  m->count[side][price] = count;
  if (!old && count) {
    m->levels[side]++;
    if (price > m->best[side]) m->best[side] = price;
  } else if (old && !count) {
    m->levels[side]--;
    if (price == m->best[side]) m->best[side] = next_below(m, side, price);
  }
}

static int64_t draw_count(synthetic *s) {
  static const int usual[] = {1, 2, 5, 10, 10, 13, 20, 25, 50, 54, 100, 100, 250, 300, 500, 1000, 2500};
  int64_t count = INT64_C(100) * usual[below(s, (int)(sizeof usual / sizeof usual[0]))];
  if (chance(s, 150)) count += INT64_C(100) * below(s, 400);
  if (chance(s, 30)) count += 1 + below(s, 99); /* a fraction of a contract */
  return count;
}

/* Takes contracts away at or near the best price. A best price beyond `touch` is swept: all of it goes. */
static void take_away(synthetic *s, synthetic_market *m, int side, bool sweep, synthetic_event *e) {
  int price = m->best[side];
  if (!sweep) {
    for (int k = failures_before(s, 250, 30); k > 0; k--) {
      int lower = next_below(m, side, price);
      if (lower < 0) break;
      price = lower;
    }
  }
  int64_t there = m->count[side][price], gone = there;
  if (!sweep && chance(s, 400) && there > 100) {
    gone = there / 100 * (1 + below(s, 99)) / 100 * 100;
    if (gone <= 0) gone = 100;
    if (gone > there) gone = there;
  }
  set_level(m, side, price, there - gone);
  e->price = price;
  e->count = -gone;
}

/* Adds contracts at `touch` or some ticks behind it, never so that both sides together reach a dollar. */
static void add(synthetic *s, synthetic_market *m, int side, int touch, synthetic_event *e) {
  int price = touch;
  for (int k = failures_before(s, 110, 60); k > 0; k--)
    price -= tick_at(m->ticks, price - 1);
  price = on_grid(m->ticks, price);
  int most = m->best[!side] < 0 ? SYNTHETIC_ONE - 1 : SYNTHETIC_ONE - 1 - m->best[!side];
  if (price > most) price = on_grid(m->ticks, most);
  if (price > most) { /* the grid has nothing so low */
    if (most >= 1 && tick_at(m->ticks, 1) == 1)
      price = 1;
    else if (m->best[side] > 0)
      price = m->best[side];
  }
  e->price = price;
  e->count = draw_count(s);
  set_level(m, side, price, m->count[side][price] + e->count);
}

/* One change of a book: side, price and count of `e`. */
static void change(synthetic *s, synthetic_market *m, synthetic_event *e) {
  int side = e->side = below(s, 2);
  int fair = side ? SYNTHETIC_ONE - m->fair : m->fair;
  int touch = on_grid(m->ticks, fair - tick_at(m->ticks, fair) / 2 - 1);
  bool take = m->levels[side] > 0 && chance(s, m->levels[side] > m->wanted_levels ? 640 : 280);
  bool sweep = m->best[side] > touch && chance(s, 800);
  if (take || sweep)
    take_away(s, m, side, sweep, e);
  else
    add(s, m, side, touch, e);
}

/* ---- markets ---- */

static void make_market(synthetic *s, synthetic_market *m, int i) {
  static const char *const series[] = {"KXHIGHNY", "KXFED", "KXBTCD", "KXNFLGAME", "KXCPIYOY"};
  int kind = below(s, 100);
  m->ticks = kind < 75   ? TICKS_CENT
             : kind < 85 ? TICKS_DECI_CENT
             : kind < 93 ? TICKS_TAPERED_DECI_CENT
                         : TICKS_CENTI_CENT_AT_EDGES;
  bool combination = m->ticks == TICKS_CENTI_CENT_AT_EDGES;
  const char *name = combination ? "KXMVESPORTSMULTIGAME" : series[below(s, 5)];
  bool half = chance(s, 300);
  char letter = "BT"[below(s, 2)];
  int day = 1 + below(s, 28);
  snprintf(m->ticker, sizeof m->ticker, "%s-26NOV%02d-%c%d%s", name, day, letter, 100 + i, half ? ".5" : "");
  draw_uuid(s, m->uuid);
  m->wanted_levels = 5 + below(s, 36);
  m->best[0] = m->best[1] = -1;
  m->fair = combination ? 20 + below(s, 400) : 500 + below(s, 9000);
  m->last = on_grid(m->ticks, m->fair);
  m->volume = INT64_C(100) * below(s, 100000);
  m->open_interest = m->volume / 2;
  /* A few books have one side only. */
  bool one_sided = chance(s, 30), yes_only = one_sided, no_only = !one_sided && chance(s, 30);
  for (int k = 0; k < m->wanted_levels * 3; k++) {
    synthetic_event ignored;
    change(s, m, &ignored);
  }
  for (int side = 0; side < 2; side++) {
    if (side == 0 ? !no_only : !yes_only) continue;
    for (int p = 0; p < SYNTHETIC_PRICES; p++)
      if (m->count[side][p]) set_level(m, side, p, 0);
  }
}

bool synthetic_init(synthetic *s, int n, uint64_t seed) {
  *s = (synthetic){.n = n};
  s->markets = calloc((size_t)n, sizeof *s->markets);
  s->popularity = calloc((size_t)n, sizeof *s->popularity);
  if (!s->markets || !s->popularity) {
    synthetic_free(s);
    return false;
  }
  for (int i = 0; i < 4; i++)
    s->random[i] = splitmix(&seed);
  uint64_t total = 0;
  for (int i = 0; i < n; i++) {
    make_market(s, &s->markets[i], i);
    total += UINT64_C(1000000000) / (uint64_t)(i + 4);
    s->popularity[i] = total;
  }
  return true;
}

void synthetic_free(synthetic *s) {
  free(s->markets);
  free(s->popularity);
  *s = (synthetic){0};
}

static synthetic_market *draw_market(synthetic *s) {
  uint64_t x = draw(s) % s->popularity[s->n - 1];
  int low = 0, high = s->n - 1;
  while (low < high) {
    int middle = (low + high) / 2;
    if (s->popularity[middle] > x)
      high = middle;
    else
      low = middle + 1;
  }
  return &s->markets[low];
}

static void move_fair_price(synthetic *s, synthetic_market *m) {
  int direction = below(s, 2) ? 1 : -1;
  int least = m->ticks == TICKS_CENTI_CENT_AT_EDGES ? 10 : 300;
  m->fair += direction * tick_at(m->ticks, m->fair) * (1 + below(s, 3));
  if (m->fair < least) m->fair = least;
  if (m->fair > 9700) m->fair = 9700;
}

void synthetic_next(synthetic *s, synthetic_event *e) {
  synthetic_market *m = e->market = draw_market(s);
  int kind = below(s, 20000);
  e->id[0] = 0;
  if (chance(s, 20)) move_fair_price(s, m);
  if (kind == 0) {
    e->kind = EVENT_SNAPSHOT;
  } else if (kind < 2000) {
    e->kind = EVENT_TICKER;
  } else if (kind < 3000) {
    e->kind = EVENT_TRADE;
    e->side = below(s, 2);
    e->count = draw_count(s);
    draw_uuid(s, e->id);
    m->last = on_grid(m->ticks, m->fair);
    m->volume += e->count;
  } else {
    e->kind = EVENT_DELTA;
    change(s, m, e);
    if (chance(s, 5)) draw_uuid(s, e->id);
  }
}

/* ---- checksums ---- */

static uint32_t hash_text(uint32_t hash, const char *text) {
  for (; *text; text++)
    hash = (hash ^ (uint8_t)*text) * UINT32_C(16777619);
  return hash;
}

uint32_t synthetic_checksum(uint32_t hash, const synthetic_market *m) {
  hash = hash_text(hash_text(hash, m->ticker), "\n");
  for (int side = 0; side < 2; side++) {
    for (int p = 0; p < SYNTHETIC_PRICES; p++) {
      if (!m->count[side][p]) continue;
      char line[48];
      snprintf(line, sizeof line, "%c%d:%lld\n", side ? 'n' : 'y', p, (long long)m->count[side][p]);
      hash = hash_text(hash, line);
    }
  }
  return hash;
}

static int by_ticker(const void *a, const void *b) {
  const synthetic_market *const *x = a, *const *y = b;
  return strcmp((*x)->ticker, (*y)->ticker);
}

uint32_t synthetic_checksum_all(const synthetic *s) {
  const synthetic_market **sorted = malloc((size_t)s->n * sizeof *sorted);
  if (!sorted) return 0;
  for (int i = 0; i < s->n; i++)
    sorted[i] = &s->markets[i];
  qsort(sorted, (size_t)s->n, sizeof *sorted, by_ticker);
  uint32_t hash = SYNTHETIC_HASH;
  for (int i = 0; i < s->n; i++)
    hash = synthetic_checksum(hash, sorted[i]);
  free(sorted);
  return hash;
}
