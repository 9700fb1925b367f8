#include "kalshi/operation.h"

#include <string.h>

#include "kalshi/operation_tables.h"

static const kl_operation *find(const char *name, bool legacy) {
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    if (op->legacy == legacy && (!strcmp(op->name, name) || !strcmp(op->id, name))) return op;
  }
  return NULL;
}

const kl_operation *kl_operation_find(const char *name) {
  const kl_operation *op = find(name, false);
  return op ? op : find(name, true);
}

const kl_operation *kl_operation_find_legacy(const char *name) { return find(name, true); }

/* How well a concrete path fits a template: -1 not at all, otherwise higher for more literal segments, the leftmost
 * counting most ("/markets/orderbooks" is rather itself than "/markets/{ticker}"). `wild` lets the last parameter take
 * the rest of the path. */
static int fit(const char *template, const char *path, bool wild) {
  int score = 0;
  while (*template || *path) {
    if (*template != '/' || *path != '/') return -1;
    template ++;
    path++;
    size_t tn = strcspn(template, "/"), pn = strcspn(path, "/");
    if (pn == 0) return -1;
    score *= 2;
    if (template[0] == '{') {
      if (wild && !template[tn]) pn = strlen(path);
    } else if (tn == pn && !memcmp(template, path, tn)) {
      score++;
    } else {
      return -1;
    }
    template += tn;
    path += pn;
  }
  return score;
}

static bool takes_slashes(const kl_operation *op) {
  for (uint16_t i = 0; i < op->n_params && op->params[i].in == KL_IN_PATH; i++)
    if (op->params[i].explode) return true;
  return false;
}

const kl_operation *kl_operation_match(const char *method, const char *path) {
  const kl_operation *best = NULL;
  int best_score = -1;
  for (size_t i = 0; i < kl_operation_count; i++) {
    const kl_operation *op = &kl_operations[i];
    if (strcmp(op->method, method) != 0) continue;
    int score = fit(op->path, path, takes_slashes(op));
    if (score > best_score) {
      best = op;
      best_score = score;
    }
  }
  return best;
}

enum { LONGEST_NAME = 96 };

/* With transpositions of neighbours (optimal string alignment). */
size_t kl_name_distance(const char *a, const char *b, size_t limit) {
  size_t n = strlen(a), m = strlen(b);
  size_t gap = n > m ? n - m : m - n;
  if (n >= LONGEST_NAME || m >= LONGEST_NAME || gap > limit) return SIZE_MAX;
  uint8_t rows[3][LONGEST_NAME + 1];
  uint8_t *before = rows[0], *above = rows[1], *row = rows[2];
  for (size_t j = 0; j <= m; j++)
    above[j] = (uint8_t)j;
  memset(before, 0, sizeof rows[0]);
  for (size_t i = 1; i <= n; i++) {
    row[0] = (uint8_t)i;
    for (size_t j = 1; j <= m; j++) {
      unsigned v = above[j - 1] + (a[i - 1] != b[j - 1] ? 1U : 0U);
      if (above[j] + 1U < v) v = above[j] + 1U;
      if (row[j - 1] + 1U < v) v = row[j - 1] + 1U;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1U < v)
        v = before[j - 2] + 1U;
      row[j] = (uint8_t)v;
    }
    uint8_t *t = before;
    before = above;
    above = row;
    row = t;
  }
  return above[m] <= limit ? above[m] : SIZE_MAX;
}

/* A third of the letters may be wrong; a name of up to three letters allows one. */
static size_t tolerance(const char *name) {
  size_t n = strlen(name) / 3;
  return n ? n : 1;
}

const char *kl_nearest(const char *name, const char *const *candidates, size_t n) {
  const char *best = NULL;
  size_t limit = tolerance(name);
  for (size_t i = 0; i < n; i++) {
    size_t d = kl_name_distance(name, candidates[i], limit);
    if (d <= limit) {
      best = candidates[i];
      if (d == 0) return best;
      limit = d - 1; /* only a nearer one replaces it */
    }
  }
  return best;
}

const char *kl_operation_nearest(const char *name) {
  const char *best = NULL;
  size_t limit = tolerance(name);
  for (size_t i = 0; i < kl_operation_count; i++) {
    if (kl_operations[i].legacy) continue;
    size_t d = kl_name_distance(name, kl_operations[i].name, limit);
    if (d <= limit) {
      best = kl_operations[i].name;
      if (d == 0) return best;
      limit = d - 1;
    }
  }
  return best;
}

const kl_shape *kl_message_shape(const char *type) {
  size_t low = 0, high = kl_message_shape_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    int order = strcmp(type, kl_message_shapes[mid].type);
    if (order == 0) return kl_message_shapes[mid].msg;
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}
