#include "base/map.h"

#include <stdlib.h>
#include <string.h>

/* Linear probing over a table that is a power of two large and at most three quarters full. A removal shifts the run
 * behind it back, so there are no tombstones and a table that churns does not slow down. A slot is a line of the cache
 * and has its key within where that is short, as ids and tickers are: one that is found has cost one line. */
enum { LINE = 64, SHORT = 40 };
typedef struct {
  uint64_t hash;
  size_t used; /* the key's length + 1; 0 in an empty slot */
  void *value;
  union {
    char within[SHORT]; /* when `used` <= SHORT; a NUL behind it in either case */
    char *apart;        /* owned */
  } key;
} slot;
_Static_assert(sizeof(slot) == LINE, "a slot is a line");

static const char *key_of(const slot *s) { return s->used <= SHORT ? s->key.within : s->key.apart; }

static void free_key(slot *s) {
  if (s->used > SHORT) free(s->key.apart);
}

struct kl_map {
  slot *slots;
  size_t cap; /* 0 until the first key */
  size_t count;
};

static uint64_t fold_multiply(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load8(const unsigned char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

uint64_t kl_hash_bytes(const void *p, size_t n) {
  /* Two odd constants with balanced bits: the fractional parts of the golden ratio and of the square root of two. */
  const uint64_t k1 = 0x9E3779B97F4A7C15u, k2 = 0x6A09E667F3BCC909u;
  const unsigned char *s = p;
  uint64_t h = (uint64_t)n * k1;
  size_t i = 0;
  for (; n - i > 16; i += 16)
    h = fold_multiply(load8(s + i) ^ k1 ^ h, load8(s + i + 8) ^ k2);
  /* The last 1 to 16 bytes, some of them for the second time where that spares a copy of any length. */
  uint64_t first = 0, last = 0;
  if (n >= 16) {
    first = load8(s + n - 16);
    last = load8(s + n - 8);
  } else if (n >= 8) {
    first = load8(s);
    last = load8(s + n - 8);
  } else if (n > 0) {
    memcpy(&first, s, n);
  }
  return fold_multiply(fold_multiply(first ^ k1 ^ h, last ^ k2) ^ k2, k1);
}

kl_map *kl_map_new(void) { return calloc(1, sizeof(kl_map)); }

void kl_map_free(kl_map *m) {
  if (!m) return;
  for (size_t i = 0; i < m->cap; i++)
    free_key(&m->slots[i]);
  free(m->slots);
  free(m);
}

/* The slot of the key, or the empty one where it belongs. The table has an empty slot always. */
static size_t find(const kl_map *m, const char *key, size_t n, uint64_t hash) {
  size_t mask = m->cap - 1;
  size_t i = (size_t)hash & mask;
  for (;; i = (i + 1) & mask) {
    const slot *s = &m->slots[i];
    if (!s->used || (s->hash == hash && s->used == n + 1 && (n == 0 || memcmp(key_of(s), key, n) == 0))) return i;
  }
}

void *kl_map_get(const kl_map *m, const char *key, size_t n) {
  if (m->count == 0) return NULL;
  const slot *s = &m->slots[find(m, key, n, kl_hash_bytes(key, n))];
  return s->used ? s->value : NULL;
}

static bool grow(kl_map *m) {
  size_t cap = m->cap ? m->cap * 2 : 16;
  slot *slots = aligned_alloc(LINE, cap * sizeof *slots);
  if (!slots) return false;
  memset(slots, 0, cap * sizeof *slots);
  for (size_t i = 0; i < m->cap; i++) {
    if (!m->slots[i].used) continue;
    size_t j = (size_t)m->slots[i].hash & (cap - 1);
    while (slots[j].used)
      j = (j + 1) & (cap - 1);
    slots[j] = m->slots[i];
  }
  free(m->slots);
  m->slots = slots;
  m->cap = cap;
  return true;
}

bool kl_map_set(kl_map *m, const char *key, size_t n, void *value) {
  uint64_t hash = kl_hash_bytes(key, n);
  size_t i = 0;
  if (m->cap > 0) {
    i = find(m, key, n, hash);
    if (m->slots[i].used) {
      m->slots[i].value = value;
      return true;
    }
  }
  if (m->count >= m->cap - m->cap / 4) {
    if (!grow(m)) return false;
    i = find(m, key, n, hash);
  }
  slot made = {.hash = hash, .used = n + 1, .value = value};
  char *copy = n < SHORT ? made.key.within : malloc(n + 1);
  if (!copy) return false;
  if (n) memcpy(copy, key, n);
  copy[n] = 0;
  if (n >= SHORT) made.key.apart = copy;
  m->slots[i] = made;
  m->count++;
  return true;
}

void *kl_map_remove(kl_map *m, const char *key, size_t n) {
  if (m->count == 0) return NULL;
  size_t hole = find(m, key, n, kl_hash_bytes(key, n));
  if (!m->slots[hole].used) return NULL;
  void *value = m->slots[hole].value;
  free_key(&m->slots[hole]);
  size_t mask = m->cap - 1;
  for (size_t i = (hole + 1) & mask; m->slots[i].used; i = (i + 1) & mask) {
    size_t home = (size_t)m->slots[i].hash & mask;
    /* It may move back only if that does not put it before its home. */
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      m->slots[hole] = m->slots[i];
      hole = i;
    }
  }
  m->slots[hole] = (slot){0};
  m->count--;
  return value;
}

size_t kl_map_count(const kl_map *m) { return m->count; }

bool kl_map_next(const kl_map *m, size_t *cursor, const char **key, size_t *n, void **value) {
  while (*cursor < m->cap) {
    const slot *s = &m->slots[(*cursor)++];
    if (!s->used) continue;
    if (key) *key = key_of(s);
    if (n) *n = s->used - 1;
    if (value) *value = s->value;
    return true;
  }
  return false;
}
