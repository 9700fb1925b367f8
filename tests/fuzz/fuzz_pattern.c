/* Patterns: our matcher beside that of Lua, on the same texts, to the same results and errors. */
#include <stdint.h>

#include "lua_twins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static twins pair;

/* Few enough ways to match that the one of Lua comes to an end. */
static bool is_quick(const twin_text *text, const twin_text *pattern) {
  double ways = 1;
  for (size_t i = 0; i < pattern->n; i++)
    if (strchr("*+-?", pattern->p[i])) ways *= (double)text->n + 1;
  return ways < 1e5;
}

/* A number, then the three texts with a 0xff between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  twin_text texts[3] = {{"", 0}, {"", 0}, {"", 0}};
  if (size < 2 || size > 300) return 0;
  if (!pair.stock) twins_open(&pair, twins_of_patterns);
  const char *p = (const char *)data + 2, *end = (const char *)data + size;
  for (int i = 0; i < 3 && p < end; i++) {
    const char *mark = memchr(p, 0xff, (size_t)(end - p));
    const char *to = mark ? mark : end;
    texts[i] = (twin_text){p, (size_t)(to - p)};
    p = mark ? mark + 1 : end;
  }
  if (!is_quick(&texts[0], &texts[1])) return 0;
  const char *why = twins_differ(&pair, data[0] + 256 * data[1], texts, 3);
  if (why) {
    fprintf(stderr, "%s\n", why);
    abort();
  }
  return 0;
}
