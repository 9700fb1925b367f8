#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/explain.h"
#include "base/sink.h"

enum { MAX_SECRETS = 16, MIN_SECRET = 8, KEEP_BUFFER = 64 * 1024, PATIENCE_MS = 2000 };

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
enum { LEVELS = sizeof level_names / sizeof level_names[0] };

static atomic_int current_level = KL_LOG_INFO;
static atomic_uint_fast64_t lost_total;

typedef struct {
  char *text; /* owned */
  size_t n;
} secret;

/* Everything below is guarded by the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  int fd;
  bool owned; /* fd is closed with the log */
  bool json, colour;
  bool pipe_handled;
  kl_buf text;           /* the message without secrets; reused */
  kl_buf line;           /* the line being built; reused */
  kl_buf members;        /* those of it without secrets; reused */
  uint64_t lost_pending; /* lines lost since the last line that said so */
  int lost_errno;
  secret secrets[MAX_SECRETS]; /* longest first */
  size_t secret_count;
  const kl_clock *clock; /* NULL: the system's */
  kl_log_tap_fn *tap;
  void *tap_data;
} out = {.fd = STDERR_FILENO};

bool kl_log_level_parse(const char *name, kl_log_level *level) {
  for (int i = 0; i < LEVELS; i++) {
    if (strcmp(name, level_names[i]) == 0) {
      *level = (kl_log_level)i;
      return true;
    }
  }
  return false;
}

const char *kl_log_level_name(kl_log_level level) { return level_names[level]; }

bool kl_log_enabled(kl_log_level level) {
  return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

void kl_log_set_level(kl_log_level level) { atomic_store_explicit(&current_level, (int)level, memory_order_relaxed); }

uint64_t kl_log_lost(void) { return atomic_load(&lost_total); }

bool kl_log_has_stderr(void) {
  pthread_mutex_lock(&lock);
  bool has = out.json && !out.owned;
  pthread_mutex_unlock(&lock);
  return has;
}

static void count_lost(int why) {
  atomic_fetch_add(&lost_total, 1);
  out.lost_pending++;
  out.lost_errno = why;
}

/* A closed pipe must come back as EPIPE, not end the process. A handler that somebody else set is left alone. */
static void ignore_sigpipe(void) {
  if (out.pipe_handled) return;
  out.pipe_handled = true;
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL) {
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
  }
}

/* Where lines go when no file was named; also kl_stderr_printf. */
static kl_sink standard_error = KL_SINK_CLOSED;
static kl_sink log_file = KL_SINK_CLOSED;

static kl_sink *error_sink(void) {
  if (!standard_error.open) kl_sink_open(&standard_error, STDERR_FILENO);
  return &standard_error;
}

/* Under the lock. False with errno when nothing of the line was taken. */
static bool write_line(const char *p, size_t n) {
  bool cut = false;
  bool taken = kl_sink_write(out.owned ? &log_file : error_sink(), p, n, &cut);
  if (cut) count_lost(ENOMEM);
  return taken;
}

void kl_log_escape(kl_buf *b, const char *s, size_t n) {
  size_t plain = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c != 0x7F) continue;
    kl_buf_add(b, s + plain, i - plain);
    plain = i + 1;
    if (c == '\n') {
      kl_buf_str(b, "\\n");
    } else if (c == '\r') {
      kl_buf_str(b, "\\r");
    } else if (c == '\t') {
      kl_buf_char(b, '\t');
    } else {
      kl_buf_printf(b, "\\x%02x", c);
    }
  }
  kl_buf_add(b, s + plain, n - plain);
}

static void build_line(kl_buf *b, kl_log_level level, const char *source, const char *text, size_t n,
                       const kl_buf *members) {
  static const char *const colours[LEVELS] = {"\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[36m", "\x1b[90m"};
  char when[40];
  kl_buf_clear(b);
  size_t length = kl_time_rfc3339(when, sizeof when, kl_wall_us(out.clock ? out.clock : kl_clock_real()), 3);
  if (out.json) {
    kl_buf_str(b, "{\"ts\":\"");
    kl_buf_str(b, when);
    kl_buf_str(b, "\",\"level\":\"");
    kl_buf_str(b, level_names[level]);
    kl_buf_str(b, "\",\"source\":");
    kl_buf_json_cstr(b, source);
    kl_buf_str(b, ",\"msg\":");
    kl_buf_json_string(b, text, n);
    bool more = members && members->len && !members->failed;
    const char *code;
    size_t code_len;
    if (!(more && memmem(members->data, members->len, ",\"code\":", 8)) && kl_explain_find(text, n, &code, &code_len)) {
      kl_buf_str(b, ",\"code\":");
      kl_buf_json_string(b, code, code_len);
    }
    if (more) kl_buf_add(b, members->data, members->len);
    kl_buf_str(b, "}\n");
    return;
  }
  /* HH:MM:SS.mmm, the tail of the timestamp without its Z */
  enum { CLOCK_LENGTH = sizeof "HH:MM:SS.mmm" - 1 };
  if (length > CLOCK_LENGTH) kl_buf_add(b, when + length - 1 - CLOCK_LENGTH, CLOCK_LENGTH);
  kl_buf_char(b, ' ');
  if (out.colour) kl_buf_str(b, colours[level]);
  kl_buf_printf(b, "%-5s", level_names[level]);
  if (out.colour) kl_buf_str(b, "\x1b[0m");
  kl_buf_char(b, ' ');
  kl_log_escape(b, source, strlen(source));
  kl_buf_char(b, ' ');
  kl_log_escape(b, text, n);
  kl_buf_char(b, '\n');
}

/* Says how many lines were lost, as soon as something can be written. */
static bool report_lost(void) {
  char text[160], why[64];
  const char *reason =
      out.lost_errno == EAGAIN ? "what reads the log is too slow" : strerror_r(out.lost_errno, why, sizeof why);
  int n = snprintf(text, sizeof text, "log lines lost: %llu (%s)", (unsigned long long)out.lost_pending, reason);
  if (n < 0) return false;
  build_line(&out.line, KL_LOG_WARN, "log", text, strlen(text), NULL);
  if (out.line.failed || !write_line(out.line.data, out.line.len)) return false;
  out.lost_pending = 0;
  return true;
}

/* Length of the secret that starts at p, 0 when there is none. */
static size_t secret_at(const char *p, const char *end) {
  for (size_t i = 0; i < out.secret_count; i++) {
    const secret *s = &out.secrets[i];
    if (*p == s->text[0] && (size_t)(end - p) >= s->n && memcmp(p, s->text, s->n) == 0) return s->n;
  }
  return 0;
}

static void redact_into(kl_buf *b, const char *s, size_t n) {
  const char *end = s + n, *plain = s;
  kl_buf_clear(b);
  for (const char *p = s; p < end && out.secret_count > 0;) {
    size_t length = secret_at(p, end);
    if (length == 0) {
      p++;
      continue;
    }
    kl_buf_add(b, plain, (size_t)(p - plain));
    kl_buf_str(b, "[secret]");
    p += length;
    plain = p;
  }
  kl_buf_add(b, plain, (size_t)(end - plain));
}

static void trim(kl_buf *b) {
  if (b->cap > KEEP_BUFFER) kl_buf_free(b);
}

/* Under the lock. `text` is the formatted message, NULL when there was no memory for it. */
static void write_message(kl_log_level level, const char *source, const char *text, size_t n, const kl_buf *members) {
  ignore_sigpipe();
  if (out.lost_pending > 0) (void)report_lost();
  if (text) redact_into(&out.text, text, n);
  if (!text || out.text.failed) {
    count_lost(ENOMEM);
    return;
  }
  if (out.tap) out.tap(out.tap_data, level, source, out.text.data ? out.text.data : "", out.text.len);
  bool more = out.json && members && members->len > 0;
  if (more) redact_into(&out.members, members->data, members->len);
  build_line(&out.line, level, source, out.text.data, out.text.len, more ? &out.members : NULL);
  trim(&out.members);
  if (out.line.failed) {
    count_lost(ENOMEM);
  } else if (!write_line(out.line.data, out.line.len)) {
    count_lost(errno);
  }
  trim(&out.line);
  trim(&out.text);
}

/* Borrows the members, which may be NULL. */
static void write_formatted(kl_log_level level, const char *source, const kl_buf *members, const char *fmt,
                            va_list ap) {
  int keep = errno; /* a log line must not disturb the error being handled */
  char small[1024];
  char *text = small, *heap = NULL;
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  if (n >= (int)sizeof small) {
    text = heap = malloc((size_t)n + 1);
    if (heap) n = vsnprintf(heap, (size_t)n + 1, fmt, again);
  }
  va_end(again);
  if (n < 0) text = NULL;
  pthread_mutex_lock(&lock);
  write_message(level, source ? source : "kalua", text, text ? (size_t)n : 0, members);
  pthread_mutex_unlock(&lock);
  free(heap);
  errno = keep;
}

void kl_log_write(kl_log_level level, const char *source, const char *fmt, ...) {
  if (!kl_log_enabled(level)) return;
  va_list ap;
  va_start(ap, fmt);
  write_formatted(level, source, NULL, fmt, ap);
  va_end(ap);
}

void kl_log_write_with(kl_log_level level, const char *source, kl_buf members, const char *fmt, ...) {
  if (kl_log_enabled(level)) {
    va_list ap;
    va_start(ap, fmt);
    write_formatted(level, source, &members, fmt, ap);
    va_end(ap);
  }
  kl_buf_free(&members);
}

void kl_log_text(kl_buf *members, const char *name, const char *value) {
  if (!value || !value[0]) return;
  kl_buf_printf(members, ",\"%s\":", name);
  kl_buf_json_cstr(members, value);
}

void kl_log_number(kl_buf *members, const char *name, double value) {
  if (isfinite(value))
    kl_buf_printf(members, ",\"%s\":%.15g", name, value);
  else
    kl_buf_printf(members, ",\"%s\":null", name);
}

kl_buf kl_log_of_error(const kl_error *e) {
  kl_buf b = {0};
  kl_log_text(&b, "kind", e->kind);
  kl_log_text(&b, "code", e->code);
  kl_log_text(&b, "operation", e->operation);
  if (e->status) kl_log_number(&b, "status", e->status);
  return b;
}

/* Under the lock. Who reads the log's lines there reads all lines there. */
static void write_as_json(const char *p, size_t n) {
  for (const char *end = p + n, *next; p < end; p = next) {
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    next = newline ? newline + 1 : end;
    size_t line = (size_t)((newline ? newline : end) - p);
    if (line == 0) continue;
    redact_into(&out.text, p, line);
    build_line(&out.line, KL_LOG_INFO, "kalua", out.text.data, out.text.len, NULL);
    if (!out.text.failed && !out.line.failed) (void)write_line(out.line.data, out.line.len);
  }
}

void kl_stderr_printf(const char *fmt, ...) {
  int keep = errno;
  kl_buf text = {0};
  char small[1024];
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  if (n >= (int)sizeof small && kl_buf_reserve(&text, (size_t)n + 1)) {
    vsnprintf(text.data, (size_t)n + 1, fmt, again);
    text.len = (size_t)n;
  }
  va_end(again);
  va_end(ap);
  const char *p = text.len ? text.data : small;
  size_t length = text.len ? text.len : strlen(small);
  pthread_mutex_lock(&lock);
  ignore_sigpipe();
  if (n > 0 && out.json && !out.owned)
    write_as_json(p, length);
  else if (n > 0)
    (void)kl_sink_write(error_sink(), p, length, NULL);
  pthread_mutex_unlock(&lock);
  kl_buf_free(&text);
  errno = keep;
}

/* Under the lock, as who reads it is: the clock before may be freed after this. */
void kl_log_set_clock(const kl_clock *clock) {
  pthread_mutex_lock(&lock);
  out.clock = clock;
  pthread_mutex_unlock(&lock);
}

void kl_log_tap(kl_log_tap_fn *tap, void *data) {
  pthread_mutex_lock(&lock);
  out.tap = tap;
  out.tap_data = data;
  pthread_mutex_unlock(&lock);
}

static void wipe(secret *s) {
  explicit_bzero(s->text, s->n);
  free(s->text);
}

static void redact(const char *s) {
  secret copy = {.text = strdup(s), .n = strlen(s)};
  if (!copy.text) {
    kl_log_error("log", "not enough memory to hide a secret from the log");
    return;
  }
  bool kept = false, known = false;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < out.secret_count; i++)
    known = known || strcmp(out.secrets[i].text, s) == 0;
  if (!known && out.secret_count < MAX_SECRETS) {
    size_t i = out.secret_count++;
    /* Longest first, so that a secret that begins with another one is hidden whole. */
    for (; i > 0 && out.secrets[i - 1].n < copy.n; i--)
      out.secrets[i] = out.secrets[i - 1];
    out.secrets[i] = copy;
    kept = true;
  }
  pthread_mutex_unlock(&lock);
  if (kept) return;
  wipe(&copy);
  if (!known) kl_log_error("log", "more than %d texts to hide from the log; the last one is not hidden", MAX_SECRETS);
}

void kl_log_redact(const char *s) {
  if (!s || strlen(s) < MIN_SECRET) return;
  redact(s);
  /* As it would stand in a field of --log-json. */
  kl_buf quoted = {0};
  (void)kl_buf_reserve(&quoted, strlen(s) * 6 + 2); /* at once: growing would leave copies behind */
  kl_buf_json_cstr(&quoted, s);
  if (!quoted.failed && quoted.len > strlen(s) + 2) {
    quoted.data[quoted.len - 1] = '\0';
    redact(quoted.data + 1);
  }
  if (quoted.data) explicit_bzero(quoted.data, quoted.cap);
  kl_buf_free(&quoted);
}

/* Under the lock. What a reader or a full disk did not take is lost. */
static void close_output(void) {
  size_t lost = kl_sink_close(&log_file, PATIENCE_MS) + kl_sink_close(&standard_error, PATIENCE_MS);
  atomic_fetch_add(&lost_total, lost);
  if (out.owned) (void)close(out.fd);
  out.fd = STDERR_FILENO;
  out.owned = out.json = out.colour = false;
}

bool kl_log_open(kl_log_level level, bool json, const char *path) {
  int fd = STDERR_FILENO;
  if (path) {
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0) return false;
  }
  const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
  bool plain = (no_colour && *no_colour) || (terminal && strcmp(terminal, "dumb") == 0);
  bool colour = !json && !plain && isatty(fd);
  pthread_mutex_lock(&lock);
  ignore_sigpipe();
  close_output();
  out.fd = fd;
  out.owned = path != NULL;
  if (out.owned) kl_sink_open(&log_file, fd);
  out.json = json;
  out.colour = colour;
  pthread_mutex_unlock(&lock);
  kl_log_set_level(level);
  return true;
}

void kl_log_close(void) {
  pthread_mutex_lock(&lock);
  if (out.lost_pending > 0) (void)report_lost();
  close_output();
  kl_buf_free(&out.text);
  kl_buf_free(&out.line);
  kl_buf_free(&out.members);
  out.json = false;
  for (size_t i = 0; i < out.secret_count; i++)
    wipe(&out.secrets[i]);
  out.secret_count = 0;
  pthread_mutex_unlock(&lock);
}
