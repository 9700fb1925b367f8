#include "monitor/prometheus.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/utf8.h"

/* Only these three have an escape in the format. */
static void put_text(kl_buf *b, const char *s, bool quotes) {
  size_t n = 0; /* nearly always all of it is plain */
  while ((unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x7F && s[n] != '\\' && s[n] != '"')
    n++;
  kl_buf_add(b, s, n);
  s += n;
  bool valid = kl_utf8_valid(s, strlen(s));
  for (; *s; s++) {
    if (*s == '\\')
      kl_buf_str(b, "\\\\");
    else if (*s == '\n')
      kl_buf_str(b, "\\n");
    else if (*s == '"' && quotes)
      kl_buf_str(b, "\\\"");
    else if ((unsigned char)*s >= 0x80 && !valid)
      kl_buf_str(b, "\xEF\xBF\xBD");
    else
      kl_buf_char(b, (unsigned char)*s < 0x20 || *s == 0x7F ? ' ' : *s);
  }
}

/* As few digits as tell it from every other number. */
static void write_real(char text[40], double v) {
  snprintf(text, 40, "%.15g", v);
  if (strtod(text, NULL) != v) snprintf(text, 40, "%.17g", v);
}

static void put_number(kl_buf *b, double v) {
  char text[40];
  if (v == floor(v) && fabs(v) < 1e15) {
    kl_buf_int(b, (int64_t)v);
  } else if (isnan(v)) {
    kl_buf_str(b, "NaN");
  } else if (isinf(v)) {
    kl_buf_str(b, v > 0 ? "+Inf" : "-Inf");
  } else {
    write_real(text, v);
    kl_buf_str(b, text);
  }
}

/* `{a="b",le="0.5"} `; `le` may be NULL. */
static void put_labels(kl_buf *b, const kl_label *labels, size_t n, const char *le) {
  if (n == 0 && !le) {
    kl_buf_char(b, ' ');
    return;
  }
  kl_buf_char(b, '{');
  for (size_t i = 0; i < n; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_str(b, labels[i].name);
    kl_buf_str(b, "=\"");
    put_text(b, labels[i].value, true);
    kl_buf_char(b, '"');
  }
  if (le) {
    kl_buf_str(b, n ? ",le=\"" : "le=\"");
    kl_buf_str(b, le);
    kl_buf_char(b, '"');
  }
  kl_buf_str(b, "} ");
}

static void family(void *data, const char *name, kl_metric_type type, const char *help) {
  kl_prometheus *p = data;
  snprintf(p->name, sizeof p->name, "%s", name);
  kl_buf_printf(p->out, "# HELP %s ", name);
  put_text(p->out, help, false);
  kl_buf_printf(p->out, "\n# TYPE %s %s\n", name, kl_metric_type_names[type]);
}

static void sample(void *data, const kl_label *labels, size_t n, double value) {
  kl_prometheus *p = data;
  kl_buf_str(p->out, p->name);
  put_labels(p->out, labels, n, NULL);
  put_number(p->out, value);
  kl_buf_char(p->out, '\n');
}

static void buckets(void *data, const kl_label *labels, size_t n, const kl_metric_buckets *h) {
  kl_prometheus *p = data;
  uint64_t sum = 0;
  for (size_t i = 0; i <= h->n; i++) {
    char le[40] = "+Inf";
    if (i < h->n) write_real(le, h->bounds[i]);
    sum += h->counts[i];
    kl_buf_str(p->out, p->name);
    kl_buf_str(p->out, "_bucket");
    put_labels(p->out, labels, n, le);
    kl_buf_int(p->out, (int64_t)sum);
    kl_buf_char(p->out, '\n');
  }
  kl_buf_printf(p->out, "%s_sum", p->name);
  put_labels(p->out, labels, n, NULL);
  put_number(p->out, h->sum);
  kl_buf_printf(p->out, "\n%s_count", p->name);
  put_labels(p->out, labels, n, NULL);
  kl_buf_printf(p->out, "%" PRIu64 "\n", sum);
}

kl_metric_sink kl_prometheus_sink(kl_prometheus *p) {
  return (kl_metric_sink){.data = p, .family = family, .sample = sample, .buckets = buckets};
}
