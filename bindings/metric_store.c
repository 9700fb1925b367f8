#include "bindings/metric_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "net/utf8.h"

/* A name, whoever counts under it: Prometheus knows one type and one help of it. */
typedef struct family {
  kl_list link;
  kl_list metrics; /* of kl_metric.link */
  kl_metric_type type;
  char *help;
  char name[KL_METRIC_NAME_MOST + 1];
} family;

typedef struct owner { /* a script */
  size_t series, metrics;
  char name[];
} owner;

struct kl_metric {
  kl_list link;
  family *family;
  owner *owner;
  double *bounds; /* of a histogram; owned */
  size_t n_bounds;
  kl_list series; /* in the order in which they were made */
  kl_map *by_labels;
};

struct kl_series {
  kl_list link;
  kl_metric *metric;
  double value; /* of a histogram: the sum */
  uint64_t *counts;
  size_t n_labels;
  kl_label labels[KL_METRIC_LABELS_MOST + 1]; /* the first is the script's */
  char texts[];
};

struct kl_metric_store {
  kl_list families;
  kl_map *by_name, *owners;
};

static void no_memory(kl_error *e) { kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a metric"); }

/* ---- names ---- */

static bool is_name(const char *s, size_t most) {
  size_t n = strlen(s);
  if (n == 0 || n > most || (*s >= '0' && *s <= '9')) return false;
  return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

static bool ends_in(const char *s, const char *end) {
  size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

static bool name_ok(const char *name, kl_error *e) {
  if (!is_name(name, KL_METRIC_NAME_MOST))
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value",
                   "\"%.60s\" is no name of a metric: letters, digits and _, up to %d, without a digit in front", name,
                   KL_METRIC_NAME_MOST);
  else if (!strncmp(name, "kalua_", 6) || !strncmp(name, "process_", 8) || !strncmp(name, "__", 2))
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value",
                   "\"%.60s\": names that begin with kalua_, process_ or __ are taken", name);
  else if (ends_in(name, "_bucket") || ends_in(name, "_sum") || ends_in(name, "_count"))
    kl_error_coded(
        e, KL_ERR_VALIDATION, "malformed_value",
        "\"%.60s\": _bucket, _sum and _count are the ends of what a histogram shows; a counter ends in _total", name);
  else
    return true;
  return false;
}

bool kl_metric_label_ok(const char *name, const char *value, size_t value_n, kl_error *e) {
  if (!is_name(name, KL_METRIC_NAME_MOST) || !strncmp(name, "__", 2))
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value",
                   "\"%.60s\" is no name of a label: letters, digits and _, not __ in front", name);
  else if (!strcmp(name, "script") || !strcmp(name, "le"))
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value", "the label \"%s\" is set by Kalua", name);
  else if (value_n > KL_METRIC_VALUE_MOST)
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value", "label %.60s: a value has at most %d bytes, not %zu", name,
                   KL_METRIC_VALUE_MOST, value_n);
  else if (memchr(value, 0, value_n) || !kl_utf8_valid(value, value_n))
    kl_error_coded(e, KL_ERR_VALIDATION, "malformed_value", "label %.60s: its value is no text in UTF-8", name);
  else
    return true;
  return false;
}

/* ---- making ---- */

static kl_metric_store *store_of(kl_metric_store **m) {
  if (*m) return *m;
  kl_metric_store *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  kl_list_init(&s->families);
  s->by_name = kl_map_new();
  s->owners = kl_map_new();
  if (s->by_name && s->owners) return *m = s;
  kl_metric_store_free(s);
  return NULL;
}

static owner *owner_of(kl_metric_store *m, const char *script) {
  size_t n = strlen(script);
  owner *o = kl_map_get(m->owners, script, n);
  if (o) return o;
  o = calloc(1, sizeof *o + n + 1);
  if (!o) return NULL;
  memcpy(o->name, script, n + 1);
  if (kl_map_set(m->owners, script, n, o)) return o;
  free(o);
  return NULL;
}

static family *family_new(kl_metric_store *m, kl_metric_type type, const char *name, const char *help) {
  family *f = calloc(1, sizeof *f);
  if (!f) return NULL;
  f->type = type;
  snprintf(f->name, sizeof f->name, "%s", name);
  f->help = strndup(help ? help : "counted by scripts", KL_METRIC_HELP_MOST);
  kl_list_init(&f->metrics);
  kl_list_init(&f->link);
  if (f->help && kl_map_set(m->by_name, name, strlen(name), f)) {
    kl_list_append(&m->families, &f->link);
    return f;
  }
  free(f->help);
  free(f);
  return NULL;
}

static kl_metric *metric_new(family *f, owner *o, const double *bounds, size_t n) {
  kl_metric *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->family = f;
  x->owner = o;
  x->n_bounds = n;
  kl_list_init(&x->series);
  x->by_labels = kl_map_new();
  x->bounds = n ? malloc(n * sizeof *bounds) : NULL;
  if (!x->by_labels || (n && !x->bounds)) {
    kl_map_free(x->by_labels);
    free(x->bounds);
    free(x);
    return NULL;
  }
  if (n) memcpy(x->bounds, bounds, n * sizeof *bounds);
  kl_list_append(&f->metrics, &x->link);
  o->metrics++;
  return x;
}

static kl_metric *find_metric(const family *f, const owner *o) {
  for (const kl_list *at = f->metrics.next; at != &f->metrics; at = at->next) {
    kl_metric *x = KL_CONTAINER(at, kl_metric, link);
    if (x->owner == o) return x;
  }
  return NULL;
}

kl_metric *kl_metric_get(kl_metric_store **store, const char *script, kl_metric_type type, const char *name,
                         const char *help, const double *bounds, size_t n_bounds, kl_error *e) {
  if (!name_ok(name, e)) return NULL;
  kl_metric_store *m = store_of(store);
  owner *o = m ? owner_of(m, script) : NULL;
  family *f = m ? kl_map_get(m->by_name, name, strlen(name)) : NULL;
  kl_metric *x = f && o ? find_metric(f, o) : NULL;
  if (!o) {
    no_memory(e);
    return NULL;
  }
  if (f && f->type != type) {
    kl_error_coded(e, KL_ERR_VALIDATION, "metric_taken", "%s is a %s already%s: a name has one type in a process", name,
                   kl_metric_type_names[f->type], x ? "" : ", of another script");
    return NULL;
  }
  if (x) {
    bool same = x->n_bounds == n_bounds && (!n_bounds || !memcmp(x->bounds, bounds, n_bounds * sizeof *bounds));
    if (same) return x;
    kl_error_coded(e, KL_ERR_VALIDATION, "metric_taken",
                   "%s has other buckets already, and what it has counted would be lost: take a new name", name);
    return NULL;
  }
  if (o->metrics >= KL_METRICS_MOST) {
    kl_error_coded(e, KL_ERR_LIMIT, "resource_ceiling",
                   "%s: a script has at most %d metrics; use labels for what varies", name, KL_METRICS_MOST);
    return NULL;
  }
  if (!f) f = family_new(m, type, name, help);
  x = f ? metric_new(f, o, bounds, n_bounds) : NULL;
  if (!x) no_memory(e);
  return x;
}

static kl_series *series_new(kl_metric *x, const kl_label *labels, size_t n, const kl_buf *key) {
  kl_series *s = calloc(1, sizeof *s + key->len + 1);
  if (!s) return NULL;
  s->metric = x;
  s->labels[s->n_labels++] = (kl_label){"script", x->owner->name};
  char *at = s->texts;
  for (size_t i = 0; i < n; i++) {
    size_t a = strlen(labels[i].name) + 1, b = strlen(labels[i].value) + 1;
    memcpy(at, labels[i].name, a);
    memcpy(at + a, labels[i].value, b);
    s->labels[s->n_labels++] = (kl_label){at, at + a};
    at += a + b;
  }
  bool histogram = x->family->type == KL_METRIC_HISTOGRAM;
  s->counts = histogram ? calloc(x->n_bounds + 1, sizeof *s->counts) : NULL;
  if ((histogram && !s->counts) || !kl_map_set(x->by_labels, key->data ? key->data : "", key->len, s)) {
    free(s->counts);
    free(s);
    return NULL;
  }
  kl_list_append(&x->series, &s->link);
  x->owner->series++;
  return s;
}

/* Names and values, each with its NUL. */
static void add_key(kl_buf *key, const kl_label *labels, size_t n) {
  for (size_t i = 0; i < n; i++) {
    kl_buf_add(key, labels[i].name, strlen(labels[i].name) + 1);
    kl_buf_add(key, labels[i].value, strlen(labels[i].value) + 1);
  }
}

static kl_series *find_series(const kl_metric *x, const kl_buf *key) {
  return key->failed ? NULL : kl_map_get(x->by_labels, key->data ? key->data : "", key->len);
}

kl_series *kl_metric_series(kl_metric *x, const kl_label *labels, size_t n, kl_error *e) {
  kl_buf key = {0};
  add_key(&key, labels, n);
  kl_series *s = find_series(x, &key);
  if (!s && x->owner->series >= KL_METRIC_SERIES_MOST) {
    kl_error_coded(e, KL_ERR_LIMIT, "resource_ceiling",
                   "%s: a script has at most %d series (a metric with one set of labels each): a label is for what has "
                   "few values, not for tickers or order ids",
                   x->family->name, KL_METRIC_SERIES_MOST);
  } else if (!s) {
    s = key.failed ? NULL : series_new(x, labels, n, &key);
    if (!s) no_memory(e);
  }
  kl_buf_free(&key);
  return s;
}

double kl_metric_value(const kl_metric *x, const kl_label *labels, size_t n) {
  kl_buf key = {0};
  add_key(&key, labels, n);
  const kl_series *s = find_series(x, &key);
  kl_buf_free(&key);
  return s ? s->value : 0;
}

kl_metric_type kl_metric_type_of(const kl_metric *x) { return x->family->type; }
const char *kl_metric_name(const kl_metric *x) { return x->family->name; }

/* ---- counting ---- */

double kl_series_value(const kl_series *s) { return s->value; }
void kl_series_set(kl_series *s, double v) { s->value = v; }

void kl_series_observe(kl_series *s, double v) {
  const kl_metric *x = s->metric;
  size_t i = 0;
  while (i < x->n_bounds && v > x->bounds[i])
    i++;
  s->counts[i]++;
  s->value += v;
}

/* ---- reading ---- */

static void read_series(const kl_series *s, const kl_metric_sink *sink) {
  const kl_metric *x = s->metric;
  if (x->family->type != KL_METRIC_HISTOGRAM) {
    sink->sample(sink->data, s->labels, s->n_labels, s->value);
    return;
  }
  kl_metric_buckets b = {.bounds = x->bounds, .counts = s->counts, .n = x->n_bounds, .sum = s->value};
  sink->buckets(sink->data, s->labels, s->n_labels, &b);
}

void kl_metric_store_read(const kl_metric_store *m, const kl_metric_sink *sink) {
  if (!m) return;
  for (const kl_list *at = m->families.next; at != &m->families; at = at->next) {
    const family *f = KL_CONTAINER(at, family, link);
    sink->family(sink->data, f->name, f->type, f->help);
    for (const kl_list *mt = f->metrics.next; mt != &f->metrics; mt = mt->next) {
      const kl_metric *x = KL_CONTAINER(mt, kl_metric, link);
      for (const kl_list *st = x->series.next; st != &x->series; st = st->next)
        read_series(KL_CONTAINER(st, kl_series, link), sink);
    }
  }
}

/* ---- the end ---- */

static void metric_free(kl_metric *x) {
  while (!kl_list_empty(&x->series)) {
    kl_series *s = KL_CONTAINER(kl_list_take(&x->series), kl_series, link);
    free(s->counts);
    free(s);
  }
  kl_map_free(x->by_labels);
  free(x->bounds);
  free(x);
}

void kl_metric_store_free(kl_metric_store *m) {
  if (!m) return;
  while (!kl_list_empty(&m->families)) {
    family *f = KL_CONTAINER(kl_list_take(&m->families), family, link);
    while (!kl_list_empty(&f->metrics))
      metric_free(KL_CONTAINER(kl_list_take(&f->metrics), kl_metric, link));
    free(f->help);
    free(f);
  }
  size_t cursor = 0, n;
  const char *name;
  void *o;
  while (m->owners && kl_map_next(m->owners, &cursor, &name, &n, &o))
    free(o);
  kl_map_free(m->owners);
  kl_map_free(m->by_name);
  free(m);
}
