/* The text of a .env file: keys are names, values hold no NUL, and an error names a line and nothing of the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check(void *data, const char *key, const char *value) {
  size_t *room = data;
  size_t n = strlen(key) + strlen(value);
  if (n == 0 || n > *room) abort(); /* never longer than the text it came from */
  *room -= n;
  if (key[0] >= '0' && key[0] <= '9') abort();
  for (const char *p = key; *p; p++) {
    if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_')) abort();
  }
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  kl_error e = {0};
  size_t room = size, lines = 1;
  bool ok = kl_dotenv_parse((const char *)data, size, check, &room, &e);
  if (ok && memchr(data, 0, size)) abort();
  for (size_t i = 0; i < size; i++)
    lines += data[i] == '\n';
  if (ok) return 0;
  char *end = NULL;
  if (strncmp(e.message, "line ", 5) != 0) abort();
  unsigned long line = strtoul(e.message + 5, &end, 10);
  if (line == 0 || line > lines || *end != ':') abort();
  return 0;
}
