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

/* Where the bytes of the two words stand in the text: 8-4-4-4-12 digits. */
static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

void kl_x_id_format(kl_x_id id, char out[37]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < 16; i++) {
    unsigned byte = (unsigned)((i < 8 ? id.hi : id.lo) >> (56 - 8 * (i % 8))) & 255;
    out[places[i]] = digits[byte >> 4];
    out[places[i] + 1] = digits[byte & 15];
  }
  out[8] = out[13] = out[18] = out[23] = '-';
  out[36] = '\0';
}

/* The value of a hexadecimal digit in lower case, or 16 and more. */
static unsigned hex_value(char c) {
  unsigned digit = (unsigned)(unsigned char)c - '0', letter = (unsigned)(unsigned char)c - 'a';
  return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

bool kl_x_id_parse(const char *text, kl_x_id *out) {
  uint64_t words[2] = {0, 0};
  if (!text || strnlen(text, 37) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
    return false;
  unsigned seen = 0;
  for (int i = 0; i < 16; i++) {
    unsigned high = hex_value(text[places[i]]), low = hex_value(text[places[i] + 1]);
    seen |= high | low;
    words[i / 8] = words[i / 8] << 8 | high << 4 | low;
  }
  *out = (kl_x_id){words[0], words[1]};
  return seen < 16;
}

typedef struct kl_x_index_slot {
  uint64_t lo; /* of the order's id */
  kl_x_order *order;
} slot;

/* The ids are random, so a part of one is its hash. Linear probing; tables stay at most half full. */
static size_t home(const kl_x_index *t, uint64_t lo) { return (size_t)lo & (t->cap - 1); }

static void index_put(kl_x_index *t, slot s) {
  size_t i = home(t, s.lo);
  while (t->slots[i].order)
    i = (i + 1) & (t->cap - 1);
  t->slots[i] = s;
}

bool kl_x_index_reserve(kl_x_index *t) {
  if (t->n + 1 <= t->cap / 2) return true;
  size_t cap = t->cap ? t->cap * 2 : 1024;
  slot *slots = calloc(cap, sizeof *slots);
  if (!slots) return false;
  kl_x_index old = *t;
  t->slots = slots;
  t->cap = cap;
  for (size_t i = 0; i < old.cap; i++)
    if (old.slots[i].order) index_put(t, old.slots[i]);
  free(old.slots);
  return true;
}

void kl_x_index_prefetch(const kl_x_index *t, kl_x_id id) {
  if (t->cap) __builtin_prefetch(&t->slots[home(t, id.lo)], 1);
}

void kl_x_index_add(kl_x_index *t, kl_x_order *o) {
  index_put(t, (slot){o->id.lo, o});
  t->n++;
}

void kl_x_index_remove(kl_x_index *t, const kl_x_order *o) {
  size_t mask = t->cap - 1, hole = home(t, o->id.lo);
  while (t->slots[hole].order != o)
    hole = (hole + 1) & mask;
  /* Later entries of the same run move into the hole unless they would pass their home. */
  for (size_t i = (hole + 1) & mask; t->slots[i].order; i = (i + 1) & mask) {
    size_t h = home(t, t->slots[i].lo);
    if (((i - h) & mask) < ((i - hole) & mask)) continue;
    t->slots[hole] = t->slots[i];
    hole = i;
  }
  t->slots[hole] = (slot){0};
  t->n--;
}

kl_x_order *kl_x_index_find(const kl_x_index *t, kl_x_id id) {
  if (t->cap == 0) return NULL;
  for (size_t i = home(t, id.lo); t->slots[i].order; i = (i + 1) & (t->cap - 1))
    if (t->slots[i].lo == id.lo && t->slots[i].order->id.hi == id.hi) return t->slots[i].order;
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

void kl_x_client_ids_prefetch(const kl_x_client_ids *t, uint32_t user, const char *text) {
  if (t->cap) __builtin_prefetch(&t->slots[(size_t)client_hash(user, text) & (t->cap - 1)]);
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
