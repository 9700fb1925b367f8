#include "cli/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dotenv.h"

enum { ENV_FILE_MAX = 1 << 20 };

typedef struct entry {
  struct entry *next;
  char *key, *value;
} entry;

struct kl_settings {
  entry *first;
};

static void wipe(char *s) {
  if (s) explicit_bzero(s, strlen(s));
}

static void entry_free(entry *en) {
  wipe(en->value);
  free(en->value);
  free(en->key);
  free(en);
}

static entry **find(const kl_settings *s, const char *key) {
  entry **at = (entry **)&s->first;
  while (*at && strcmp((*at)->key, key) != 0)
    at = &(*at)->next;
  return at;
}

static bool add(void *data, const char *key, const char *value) {
  kl_settings *s = data;
  entry **at = find(s, key);
  if (*at) { /* the last line of a key wins, as in a shell */
    entry *old = *at;
    *at = old->next;
    entry_free(old);
  }
  entry *en = calloc(1, sizeof *en);
  if (!en) return false;
  en->key = strdup(key);
  en->value = strdup(value);
  if (!en->key || !en->value) {
    entry_free(en);
    return false;
  }
  en->next = s->first;
  s->first = en;
  return true;
}

/* The whole file into *text (owned, NUL-terminated); 1 read, 0 there is none, -1 error. */
static int read_file(const char *path, char **text, size_t *len, kl_error *e) {
  FILE *f = fopen(path, "rb");
  if (!f) {
    if (errno == ENOENT) return 0;
    kl_error_set(e, KL_ERR_CONFIG, "cannot read %s: %s", path, strerror(errno));
    return -1;
  }
  *text = malloc(ENV_FILE_MAX + 1);
  *len = *text ? fread(*text, 1, ENV_FILE_MAX + 1, f) : 0;
  bool failed = ferror(f);
  int why = errno;
  fclose(f);
  if (*text && !failed && *len <= ENV_FILE_MAX) {
    (*text)[*len] = 0;
    return 1;
  }
  if (!*text) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  } else if (failed) {
    kl_error_set(e, KL_ERR_CONFIG, "cannot read %s: %s", path, strerror(why));
  } else {
    kl_error_set(e, KL_ERR_CONFIG, "%s is longer than %d bytes: not a settings file", path, (int)ENV_FILE_MAX);
  }
  if (*text) explicit_bzero(*text, *len);
  free(*text);
  return -1;
}

bool kl_settings_load(kl_settings **out, const char *path, kl_error *e) {
  kl_settings *s = calloc(1, sizeof *s);
  if (!s) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  char *text = NULL;
  size_t len = 0;
  int got = read_file(path, &text, &len, e);
  bool ok = got >= 0;
  if (got > 0) {
    kl_error inner = {0};
    ok = kl_dotenv_parse(text, len, add, s, &inner);
    if (!ok) kl_error_set(e, KL_ERR_CONFIG, "%s: %s", path, inner.kind ? inner.message : "not enough memory");
    explicit_bzero(text, len);
    free(text);
  }
  if (!ok) {
    kl_settings_free(s);
    return false;
  }
  *out = s;
  return true;
}

void kl_settings_free(kl_settings *s) {
  if (!s) return;
  while (s->first) {
    entry *next = s->first->next;
    entry_free(s->first);
    s->first = next;
  }
  free(s);
}

const char *kl_settings_get(const kl_settings *s, const char *option, const char *variable) {
  if (option) return option;
  const char *value = getenv(variable);
  if (!value) {
    entry *en = *find(s, variable);
    value = en ? en->value : NULL;
  }
  return value && *value ? value : NULL;
}

void kl_settings_wipe(kl_settings *s, const char *variable) {
  wipe(getenv(variable));
  unsetenv(variable);
  entry **at = find(s, variable);
  if (!*at) return;
  entry *old = *at;
  *at = old->next;
  entry_free(old);
}
