#include "base/explain.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error_codes.h"

static const char before[] = " (kalua explain ";
enum { BEFORE = sizeof before - 1 };

static const char *find(const char *code) {
  size_t low = 0, high = kl_error_code_count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int c = strcasecmp(code, kl_error_codes[mid]);
    if (c == 0) return kl_error_codes[mid];
    if (c < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

const char *kl_explained(const char *code, int http_status) {
  const char *found = code && *code ? find(code) : NULL;
  if (found || http_status < 100) return found;
  char number[16];
  snprintf(number, sizeof number, "%d", http_status);
  return find(number);
}

const char *kl_explained_text(const char *text) {
  for (size_t i = 0; text && i < kl_error_saying_count; i++)
    if (strstr(text, kl_error_sayings[i].says)) return kl_error_sayings[i].code;
  return NULL;
}

const char *kl_explain_hint(char out[KL_HINT_CAP], const char *code) {
  out[0] = 0;
  if (code) snprintf(out, KL_HINT_CAP, "%s%s)", before, code);
  return out;
}

const char *kl_error_hint(char out[KL_HINT_CAP], const kl_error *e) {
  return kl_explain_hint(out, kl_explained(e->code, e->status));
}

bool kl_explain_find(const char *text, size_t n, const char **code, size_t *len) {
  for (size_t i = n; i > BEFORE; i--) {
    const char *at = text + i - BEFORE;
    if (memcmp(at, before, BEFORE) != 0) continue;
    const char *end = memchr(text + i, ')', n - i);
    if (!end || end == text + i) return false;
    *code = text + i;
    *len = (size_t)(end - (text + i));
    return true;
  }
  return false;
}
