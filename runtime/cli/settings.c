#include "cli/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dotenv.h"
#include "base/log.h"
#include "kalshi/operation.h"

enum { ENV_FILE_MAX = 1 << 20 };

typedef struct entry {
  struct entry *next;
  char *key, *value;
} entry;

struct kl_settings {
  entry *first;
  bool apart; /* of the environment */
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

/* Files that are named in .env as in a shell: ~/ is the folder of the user. Owned; NULL when there is no memory. */
static char *value_of(const char *key, const char *value) {
  const char *home = getenv("HOME");
  bool file = !strcmp(key, "KALSHI_PRIVATE_KEY_PATH") || !strcmp(key, "KALUA_CA");
  if (!file || strncmp(value, "~/", 2) != 0 || !home || !*home) return strdup(value);
  size_t size = strlen(home) + strlen(value); /* of ~ without its place, with the end */
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s%s", home, value + 1);
  return path;
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
  en->value = value_of(key, value);
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
    kl_error_coded(e, KL_ERR_CONFIG, "settings_unreadable", "cannot read %s: %s", path, strerror(errno));
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
    kl_error_coded(e, KL_ERR_CONFIG, "settings_unreadable", "cannot read %s: %s", path, strerror(why));
  } else {
    kl_error_coded(e, KL_ERR_CONFIG, "settings_unreadable", "%s is longer than %d bytes: not a settings file", path,
                   (int)ENV_FILE_MAX);
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
    if (!ok)
      kl_error_coded(e, KL_ERR_CONFIG, inner.code, "%s: %s", path, inner.kind ? inner.message : "not enough memory");
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

bool kl_settings_load_apart(kl_settings **out, const char *path, kl_error *e) {
  if (!kl_settings_load(out, path, e)) return false;
  (*out)->apart = true;
  return true;
}

static size_t word_of(const char *at) { return strcspn(at, "_"); }

/* The words of `some`, three at least, are all in `more`, in that order: KALSHI_API_KEY of KALSHI_API_KEY_ID. */
static bool lacks_words(const char *some, const char *more) {
  size_t words = 0;
  for (; *more; more += *more == '_') {
    size_t n = word_of(more), m = word_of(some);
    if (n == m && n && !strncmp(some, more, n)) {
      words++;
      some += m + (some[m] == '_');
    }
    more += n;
  }
  return !*some && words >= 3;
}

/* Misspelled, where the last word is meant to be the same one: not as KALUA_DB is to KALUA_CA. */
static bool misspelled(const char *name, const char *setting) {
  const char *last = strrchr(name, '_'), *theirs = strrchr(setting, '_');
  size_t d = kl_name_distance(name, setting, 2);
  bool same_word = last && theirs && (last[1] == theirs[1] || d == 1);
  return d <= 2 && same_word;
}

void kl_settings_warn(const kl_settings *s, const char *path) {
  static const char *const names[] = {"KALSHI_ENV",      "KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH",
                                      "KALSHI_REST_URL", "KALSHI_WS_URL",     "KALSHI_PRIVATE_KEY",
                                      "KALUA_CA",        "KALUA_RISK",        "KALUA_LOG",
                                      "KALUA_PATH"};
  for (const entry *en = s->first; en; en = en->next) {
    const char *near = kl_nearest(en->key, names, sizeof names / sizeof *names);
    if (near && strcmp(near, en->key) != 0 && (misspelled(en->key, near) || lacks_words(en->key, near)))
      kl_log_warn("kalua", "%s: %.64s is no setting of Kalua, and does nothing; did you mean %s?", path, en->key, near);
  }
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
  const char *value = s->apart ? NULL : getenv(variable);
  if (!value) {
    entry *en = *find(s, variable);
    value = en ? en->value : NULL;
  }
  return value && *value ? value : NULL;
}

const char *kl_settings_origin(const kl_settings *s, const char *option, const char *variable, bool *hidden) {
  const char *value = kl_settings_get(s, option, variable), *set = getenv(variable);
  const entry *en = *find(s, variable);
  if (hidden) *hidden = en && *en->value && (!value || strcmp(value, en->value) != 0);
  if (!value) return NULL;
  return option ? "option" : set ? "environment" : ".env";
}

void kl_settings_drop(kl_settings *s, const char *variable) {
  entry **at = find(s, variable);
  if (!*at) return;
  entry *old = *at;
  *at = old->next;
  entry_free(old);
}

void kl_settings_wipe(kl_settings *s, const char *variable) {
  wipe(getenv(variable));
  unsetenv(variable);
  kl_settings_drop(s, variable);
}
