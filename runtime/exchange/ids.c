#include <stdlib.h>
#include <string.h>

#include "exchange/internal.h"

/* splitmix64 (Steele, Lea, Flood 2014): a counter through a bijective mixer, so no value repeats. */
static uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t next(uint64_t *state) { return mixed(*state += UINT64_C(0x9e3779b97f4a7c15)); }

kl_x_id kl_x_id_next(uint64_t *state) {
  uint64_t hi = next(state), lo = next(state);
  return (kl_x_id){(hi & ~UINT64_C(0xf000)) | UINT64_C(0x4000), (lo >> 2) | UINT64_C(0x8000000000000000)};
}

static bool is_dash(int i) { return i == 8 || i == 13 || i == 18 || i == 23; }

void kl_x_id_format(kl_x_id id, char out[37]) {
  static const char digits[] = "0123456789abcdef";
  int shift = 60;
  uint64_t word = id.hi;
  for (int i = 0; i < 36; i++) {
    if (is_dash(i)) {
      out[i] = '-';
      continue;
    }
    out[i] = digits[(word >> shift) & 15];
    shift -= 4;
    if (shift < 0) {
      shift = 60;
      word = id.lo;
    }
  }
  out[36] = '\0';
}

bool kl_x_id_parse(const char *text, kl_x_id *out) {
  uint64_t words[2] = {0, 0};
  int n = 0;
  if (!text) return false;
  for (int i = 0; i < 36; i++) {
    char c = text[i];
    if (is_dash(i)) {
      if (c != '-') return false;
      continue;
    }
    unsigned digit;
    if (c >= '0' && c <= '9')
      digit = (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = (unsigned)(c - 'a') + 10;
    else
      return false;
    words[n / 16] = words[n / 16] << 4 | digit;
    n++;
  }
  if (text[36] != '\0') return false;
  *out = (kl_x_id){words[0], words[1]};
  return true;
}

/* The ids are random, so a part of one is its hash. Linear probing; tables stay at most half full. */
static size_t home(const kl_x_index *t, kl_x_id id) { return (size_t)(id.lo ^ id.hi >> 16) & (t->cap - 1); }

static void index_put(kl_x_index *t, kl_x_order *o) {
  size_t i = home(t, o->id);
  while (t->slots[i])
    i = (i + 1) & (t->cap - 1);
  t->slots[i] = o;
}

bool kl_x_index_reserve(kl_x_index *t) {
  if (t->n + 1 <= t->cap / 2) return true;
  size_t cap = t->cap ? t->cap * 2 : 1024;
  kl_x_order **slots = calloc(cap, sizeof(kl_x_order *));
  if (!slots) return false;
  kl_x_index old = *t;
  t->slots = slots;
  t->cap = cap;
  for (size_t i = 0; i < old.cap; i++)
    if (old.slots[i]) index_put(t, old.slots[i]);
  free((void *)old.slots);
  return true;
}

void kl_x_index_add(kl_x_index *t, kl_x_order *o) {
  index_put(t, o);
  t->n++;
}

void kl_x_index_remove(kl_x_index *t, const kl_x_order *o) {
  size_t mask = t->cap - 1, hole = home(t, o->id);
  while (t->slots[hole] != o)
    hole = (hole + 1) & mask;
  /* Later entries of the same run move into the hole unless they would pass their home. */
  for (size_t i = (hole + 1) & mask; t->slots[i]; i = (i + 1) & mask) {
    size_t h = home(t, t->slots[i]->id);
    if (((i - h) & mask) < ((i - hole) & mask)) continue;
    t->slots[hole] = t->slots[i];
    hole = i;
  }
  t->slots[hole] = NULL;
  t->n--;
}

kl_x_order *kl_x_index_find(const kl_x_index *t, kl_x_id id) {
  if (t->cap == 0) return NULL;
  for (size_t i = home(t, id); t->slots[i]; i = (i + 1) & (t->cap - 1))
    if (t->slots[i]->id.lo == id.lo && t->slots[i]->id.hi == id.hi) return t->slots[i];
  return NULL;
}

enum { TEXT_BLOCK = 1 << 16, TEXT_MAX = sizeof(((kl_order *)NULL)->client_order_id) };

static uint64_t client_hash(uint32_t user, const char *text) {
  return mixed(kl_hash_bytes(text, strlen(text)) + user * UINT64_C(0x9e3779b97f4a7c15));
}

void kl_x_client_ids_free(kl_x_client_ids *t) {
  free(t->slots);
  while (t->block) {
    char *previous;
    memcpy(&previous, t->block, sizeof previous);
    free(t->block);
    t->block = previous;
  }
  *t = (kl_x_client_ids){0};
}

/* The slot of that id, or the free one where it belongs. */
static size_t client_slot(const kl_x_client_ids *t, uint64_t hash, uint32_t user, const char *text) {
  size_t i = (size_t)hash & (t->cap - 1);
  while (t->slots[i].text) {
    const kl_x_client_id *c = &t->slots[i];
    if (c->hash == hash && c->user == user && strcmp(c->text, text) == 0) break;
    i = (i + 1) & (t->cap - 1);
  }
  return i;
}

bool kl_x_client_ids_has(const kl_x_client_ids *t, uint32_t user, const char *text) {
  if (t->cap == 0) return false;
  return t->slots[client_slot(t, client_hash(user, text), user, text)].text != NULL;
}

bool kl_x_client_ids_reserve(kl_x_client_ids *t) {
  if (t->left < TEXT_MAX) {
    char *block = malloc(TEXT_BLOCK);
    if (!block) return false;
    memcpy(block, &t->block, sizeof t->block);
    t->block = block;
    t->left = TEXT_BLOCK - sizeof t->block;
  }
  if (t->n + 1 <= t->cap / 2) return true;
  size_t cap = t->cap ? t->cap * 2 : 1024;
  kl_x_client_id *slots = calloc(cap, sizeof *slots);
  if (!slots) return false;
  for (size_t i = 0; i < t->cap; i++) {
    if (!t->slots[i].text) continue;
    size_t j = (size_t)t->slots[i].hash & (cap - 1);
    while (slots[j].text)
      j = (j + 1) & (cap - 1);
    slots[j] = t->slots[i];
  }
  free(t->slots);
  t->slots = slots;
  t->cap = cap;
  return true;
}

void kl_x_client_ids_add(kl_x_client_ids *t, uint32_t user, const char *text) {
  uint64_t hash = client_hash(user, text);
  size_t n = strlen(text) + 1;
  char *copy = t->block + TEXT_BLOCK - t->left;
  memcpy(copy, text, n);
  t->left -= n;
  t->slots[client_slot(t, hash, user, text)] = (kl_x_client_id){hash, copy, user};
  t->n++;
}
