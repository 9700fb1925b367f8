/* What the process has counted, family by family: the connection to the exchange, and the process itself. A sink may
 * longjmp, so nothing is held over a call of one. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <curl/curl.h>
#include <lua.h>
#include <openssl/crypto.h>

#include "base/decimal.h"
#include "base/log.h"
#include "cli/app_impl.h"
#include "cli/monitoring.h"
#include "kalshi/account.h"
#include "kalshi/channels.h"

#define COUNTER KL_METRIC_COUNTER
#define GAUGE KL_METRIC_GAUGE
#define HISTOGRAM KL_METRIC_HISTOGRAM

static void put(const kl_metric_sink *s, const char *name, kl_metric_type type, const char *help, double v) {
  kl_metric_put(s, name, type, help, v);
}

/* ---- the feed ---- */

/* The labels of a figure of an account: only those of profiles have one of their own. */
static size_t account_label(kl_label *out, const kl_app_account *x) {
  if (!x->profile.name[0]) return 0;
  *out = (kl_label){"account", x->profile.name};
  return 1;
}

/* A figure with one label of its own, of an account. */
static void put_of(const kl_metric_sink *s, const kl_app_account *x, const char *name, const char *value, double v) {
  kl_label labels[2] = {{name, value}};
  s->sample(s->data, labels, 1 + account_label(&labels[1], x), v);
}

typedef struct feed_figures {
  kl_feed_status f;
  double away_s;
} feed_figures;

#define FIGURE(name, field)                                                                                            \
  static double name(const feed_figures *x) { return (double)x->f.field; }
FIGURE(wanted, wanted)
FIGURE(connected, connected)
FIGURE(connections, connections)
FIGURE(messages, messages)
FIGURE(bytes, bytes)
FIGURE(delay, delay)
FIGURE(late, late)
FIGURE(reconnects, reconnects)
FIGURE(gaps, gaps)
FIGURE(malformed, malformed)
FIGURE(duplicates, duplicates)
FIGURE(ignored, ignored)
FIGURE(snapshots, snapshots)
FIGURE(desyncs, desyncs)
FIGURE(books, books)
FIGURE(stale, stale_books)
#undef FIGURE
static double away(const feed_figures *x) { return x->away_s; }

/* All samples of a family stand together, so each is asked of every account before the next one. */
static const struct {
  const char *name;
  kl_metric_type type;
  const char *help;
  double (*of)(const feed_figures *x);
} feed_families[] = {
    {"kalua_feed_wanted", GAUGE, "1 while a script or the desk subscribes to something", wanted},
    {"kalua_feed_connected", GAUGE, "1 while every connection that is wanted is open", connected},
    {"kalua_feed_connections", GAUGE, "Open WebSocket connections of the feed", connections},
    {"kalua_feed_received_messages_total", COUNTER, "Messages of the feed of all kinds, answers to commands too",
     messages},
    {"kalua_feed_received_bytes_total", COUNTER, "Bytes of the feed", bytes},
    {"kalua_feed_delay_seconds", GAUGE, "From the exchange's time of the last message that has one until it was here",
     delay},
    {"kalua_feed_away_seconds", GAUGE, "Since when a connection is missing that is wanted; 0: none is", away},
    {"kalua_feed_late", GAUGE, "1 while what comes is old when it comes", late},
    {"kalua_feed_reconnects_total", COUNTER, "Connections of the feed that were opened again", reconnects},
    {"kalua_feed_gaps_total", COUNTER, "Gaps in sequence numbers", gaps},
    {"kalua_feed_malformed_messages_total", COUNTER, "Messages that could not be read", malformed},
    {"kalua_feed_duplicate_messages_total", COUNTER, "Messages with a number that had been before", duplicates},
    {"kalua_feed_ignored_messages_total", COUNTER,
     "Messages of books that wait for their snapshot, or that nobody wants any more", ignored},
    {"kalua_feed_snapshots_total", COUNTER, "Snapshots of books", snapshots},
    {"kalua_feed_desyncs_total", COUNTER, "Changes that did not fit their book", desyncs},
    {"kalua_books", GAUGE, "Open order books", books},
    {"kalua_books_stale", GAUGE, "Open order books that may be wrong: after a gap, or before their first snapshot",
     stale},
};

static feed_figures figures_of(const kl_app_account *x) {
  feed_figures out = {0};
  kl_feed_status_get(kl_session_feed(x->session), &out.f);
  if (x->feed_away_ns) out.away_s = (double)(kl_mono_ns(kl_clock_real()) - x->feed_away_ns) / 1e9;
  return out;
}

static void collect_channels(const kl_app *a, const kl_metric_sink *s) {
  s->family(s->data, "kalua_feed_messages_total", COUNTER, "Messages of the feed, by channel");
  for (const kl_app_account *x = &a->first; x; x = x->next) {
    const kl_feed *f = kl_session_feed(x->session);
    for (size_t i = 0; i < kl_channel_count; i++)
      if (kl_feed_channel_messages(f, i))
        put_of(s, x, "channel", kl_channel_table[i].name, (double)kl_feed_channel_messages(f, i));
    uint64_t others = kl_feed_channel_messages(f, kl_channel_count);
    if (others) put_of(s, x, "channel", "other", (double)others);
  }
}

/* Of those that have a connection. */
static void collect_ages(const kl_app *a, const kl_metric_sink *s) {
  bool any = false;
  for (const kl_app_account *x = &a->first; x; x = x->next) {
    kl_label label;
    feed_figures now = figures_of(x);
    if (now.f.age < 0) continue;
    if (!any)
      s->family(s->data, "kalua_feed_last_message_age_seconds", GAUGE,
                "Since the last byte of the quietest connection");
    any = true;
    s->sample(s->data, &label, account_label(&label, x), now.f.age);
  }
}

static void collect_feeds(const kl_app *a, const kl_metric_sink *s) {
  for (size_t i = 0; i < sizeof feed_families / sizeof *feed_families; i++) {
    s->family(s->data, feed_families[i].name, feed_families[i].type, feed_families[i].help);
    for (const kl_app_account *x = &a->first; x; x = x->next) {
      kl_label label;
      feed_figures now = figures_of(x);
      s->sample(s->data, &label, account_label(&label, x), feed_families[i].of(&now));
    }
  }
  collect_channels(a, s);
  collect_ages(a, s);
}

static void collect_audits(const kl_app *a, const kl_metric_sink *s) {
  kl_session_stats t;
  s->family(s->data, "kalua_book_audits_total", COUNTER, "Comparisons of a live book with REST, by verdict");
  for (const kl_app_account *x = &a->first; x; x = x->next) {
    kl_session_stats_get(x->session, &t);
    put_of(s, x, "verdict", "same", (double)(t.audits - t.audit_differences));
    put_of(s, x, "verdict", "different", (double)t.audit_differences);
    put_of(s, x, "verdict", "undecided", (double)t.audits_undecided);
  }
  kl_session_stats_get(a->first.session, &t);
  if (t.clock_known)
    put(s, "kalua_exchange_clock_offset_seconds", GAUGE, "The exchange's clock minus this machine's",
        (double)t.clock_offset_ms / 1e3);
}

/* ---- REST ---- */

/* A session of an account. Of paper trading there are two: the account's and the market's. */
typedef struct side {
  const kl_app_account *of; /* NULL: behind the last */
  kl_session *session;
  const char *name;
} side;

static side account_side(const kl_app_account *x) { return (side){x, x ? kl_app_session_of(x) : NULL, "account"}; }

static side next_side(side i) {
  if (i.session != i.of->session) return (side){i.of, i.of->session, "market"};
  return account_side(i.of->next);
}

/* The labels of a figure of a session, and how many: the session's is put before `n` that are there from labels[1] on,
 * the account's behind them. */
static size_t side_labels(kl_label *labels, size_t n, const side *i) {
  labels[0] = (kl_label){"session", i->name};
  return 1 + n + account_label(&labels[1 + n], i->of);
}

static void collect_requests(const kl_app *a, const kl_metric_sink *s) {
  static const char *const ends[KL_REQUEST_ENDS] = {"none", "2xx", "3xx", "4xx", "5xx"};
  s->family(s->data, "kalua_rest_requests_total", COUNTER,
            "Requests by operation and class of the answer's status (none: no answer); each try counts");
  for (side at = account_side(&a->first); at.of; at = next_side(at)) {
    for (size_t i = 0; i <= kl_operation_count; i++) {
      const kl_request_counts *c = kl_session_requests(at.session, i);
      for (int end = 0; end < KL_REQUEST_ENDS; end++) {
        if (!c->ends[end]) continue;
        const char *name = i < kl_operation_count ? kl_operations[i].name : "other";
        kl_label labels[4] = {{NULL, NULL}, {"operation", name}, {"status", ends[end]}};
        size_t n = side_labels(labels, 2, &at);
        s->sample(s->data, labels, n, (double)c->ends[end]);
      }
    }
  }
}

static void put_times(const side *at, const char *kind, const kl_durations *d, const kl_metric_sink *s) {
  kl_label labels[3] = {{NULL, NULL}, {"kind", kind}};
  size_t n = side_labels(labels, 1, at);
  kl_metric_durations(s, labels, n, d);
}

static void collect_times(const kl_app *a, const kl_metric_sink *s) {
  s->family(s->data, "kalua_rest_request_duration_seconds", HISTOGRAM, "From a request's leaving to its answer");
  for (side at = account_side(&a->first); at.of; at = next_side(at)) {
    put_times(&at, "read", &kl_session_times_get(at.session)->reads, s);
    put_times(&at, "write", &kl_session_times_get(at.session)->writes, s);
  }
  s->family(s->data, "kalua_rest_token_wait_seconds", HISTOGRAM,
            "How long requests waited for their rate-limit tokens");
  for (side at = account_side(&a->first); at.of; at = next_side(at)) {
    kl_label labels[2];
    size_t n = side_labels(labels, 0, &at);
    kl_metric_durations(s, labels, n, &kl_session_times_get(at.session)->waits);
  }
}

static void put_side(const side *at, double v, const kl_metric_sink *s) {
  kl_label labels[2];
  size_t n = side_labels(labels, 0, at);
  s->sample(s->data, labels, n, v);
}

static void collect_lost(const kl_app *a, const kl_metric_sink *s) {
  kl_session_stats t;
  s->family(s->data, "kalua_rest_retries_total", COUNTER, "Requests that were sent again");
  for (side at = account_side(&a->first); at.of; at = next_side(at)) {
    kl_session_stats_get(at.session, &t);
    put_side(&at, (double)t.retries, s);
  }
  s->family(s->data, "kalua_rest_rate_limited_total", COUNTER,
            "Requests that the exchange refused for want of tokens (429)");
  for (side at = account_side(&a->first); at.of; at = next_side(at)) {
    kl_session_stats_get(at.session, &t);
    put_side(&at, (double)t.rate_limited, s);
  }
  s->family(s->data, "kalua_lost_answers_total", COUNTER,
            "Writes of orders whose answer was lost, by what a look-up showed");
  for (const kl_app_account *x = &a->first; x; x = x->next) {
    kl_session_stats_get(kl_app_session_of(x), &t);
    put_of(s, x, "outcome", "done", (double)t.lost_done);
    put_of(s, x, "outcome", "not_done", (double)t.lost_not_done);
    put_of(s, x, "outcome", "unknown", (double)t.lost_unknown);
  }
}

static void collect_balance(kl_app *a, const kl_metric_sink *s) {
  bool any = false;
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_label label;
    kl_account *k = kl_session_account(kl_app_session_of(x));
    kl_account_balance b = k ? kl_account_balance_get(k) : (kl_account_balance){0};
    if (!b.read_ns) continue; /* nobody has asked for it */
    if (!any) s->family(s->data, "kalua_balance_dollars", GAUGE, "Cash of the account, as it was read last");
    any = true;
    s->sample(s->data, &label, account_label(&label, x), kl_decimal_to_double(b.balance, KL_MONEY_PLACES));
  }
}

typedef double budget_figure(const kl_budget *b);
static double read_left(const kl_budget *b) { return b->read; }
static double write_left(const kl_budget *b) { return b->write; }
static double read_most(const kl_budget *b) { return b->read_capacity; }
static double write_most(const kl_budget *b) { return b->write_capacity; }

static void put_bucket(const kl_app_account *x, const char *bucket, budget_figure *of, const kl_metric_sink *s) {
  kl_label labels[2] = {{"bucket", bucket}};
  kl_budget b;
  kl_session_budget(kl_app_session_of(x), &b);
  s->sample(s->data, labels, 1 + account_label(&labels[1], x), of(&b));
}

static void collect_budget(kl_app *a, const kl_metric_sink *s) {
  s->family(s->data, "kalua_rest_tokens", GAUGE, "Rate-limit tokens that are left");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    put_bucket(x, "read", read_left, s);
    put_bucket(x, "write", write_left, s);
  }
  s->family(s->data, "kalua_rest_tokens_capacity", GAUGE, "Rate-limit tokens of a full bucket");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    put_bucket(x, "read", read_most, s);
    put_bucket(x, "write", write_most, s);
  }
  s->family(s->data, "kalua_rest_waiting_requests", GAUGE, "Requests that wait for tokens");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_label label;
    kl_budget b;
    kl_session_budget(kl_app_session_of(x), &b);
    s->sample(s->data, &label, account_label(&label, x), (double)b.waiting);
  }
  s->family(s->data, "kalua_rest_writes_pending", GAUGE, "Writes that are not answered yet");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_label label;
    s->sample(s->data, &label, account_label(&label, x), (double)kl_session_writes_pending(kl_app_session_of(x)));
  }
}

/* ---- the process ---- */

static void collect_loop(const kl_app *a, const kl_metric_sink *s) {
  const kl_loop_times *t = kl_monitoring_loop(a);
  if (!t) return;
  s->family(s->data, "kalua_loop_turn_seconds", HISTOGRAM, "How long a turn of the event loop works");
  kl_metric_durations(s, NULL, 0, &t->turns);
  s->family(s->data, "kalua_loop_lag_seconds", HISTOGRAM,
            "How late a timer of the event loop comes; five a second are looked at");
  kl_metric_durations(s, NULL, 0, &t->lag);
}

static bool read_memory(double *resident, double *virtual) {
  FILE *f = fopen("/proc/self/statm", "re");
  char line[256], *all = line, *here, *end;
  bool ok = f && fgets(line, sizeof line, f);
  if (f) (void)fclose(f);
  if (!ok) return false;
  double page = (double)sysconf(_SC_PAGESIZE);
  *virtual = (double)strtoul(all, &here, 10) * page;
  *resident = (double)strtoul(here, &end, 10) * page;
  return here > all && end > here;
}

static double count_descriptors(void) {
  DIR *d = opendir("/proc/self/fd");
  int n = 0;
  if (!d) return -1;
  while (readdir(d))
    n++;
  closedir(d);
  return n - 3; /* ".", "..", and this one */
}

static void collect_process(const kl_app *a, const kl_metric_sink *s) {
  struct rusage use;
  struct rlimit most;
  double resident, virtual, open = count_descriptors();
  if (getrusage(RUSAGE_SELF, &use) == 0)
    put(s, "process_cpu_seconds_total", COUNTER, "Time of all threads on a processor",
        (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
            (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
  if (read_memory(&resident, &virtual)) {
    put(s, "process_resident_memory_bytes", GAUGE, "Memory that is in RAM", resident);
    put(s, "process_virtual_memory_bytes", GAUGE, "Address space", virtual);
  }
  if (open >= 0) put(s, "process_open_fds", GAUGE, "Open file descriptors", open);
  if (getrlimit(RLIMIT_NOFILE, &most) == 0)
    put(s, "process_max_fds", GAUGE, "Open file descriptors that there may be", (double)most.rlim_cur);
  put(s, "process_start_time_seconds", GAUGE, "Start, in seconds since the epoch", (double)a->opened_ms / 1e3);
}

static void collect_build(const kl_app *a, const kl_metric_sink *s) {
  char uv[32], openssl[64], curl[32];
  snprintf(uv, sizeof uv, "%s", uv_version_string());
  snprintf(openssl, sizeof openssl, "%s", OpenSSL_version(OPENSSL_VERSION_STRING));
  snprintf(curl, sizeof curl, "%s", curl_version_info(CURLVERSION_NOW)->version);
  kl_label build[] = {{"version", KL_VERSION},
                      {"lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE},
                      {"libuv", uv},
                      {"openssl", openssl},
                      {"libcurl", curl}};
  s->family(s->data, "kalua_build_info", GAUGE, "1; what it was built with and runs on is in the labels");
  s->sample(s->data, build, sizeof build / sizeof *build, 1);
  kl_label run[] = {{"env", a->first.env_name}, {"paper", a->first.paper ? "true" : "false"}};
  s->family(s->data, "kalua_run_info", GAUGE, "1; which exchange it trades on is in the labels");
  s->sample(s->data, run, 2, 1);
  for (const kl_app_account *x = a->first.next; x; x = x->next) {
    kl_label more[] = {{"env", x->env_name}, {"paper", x->paper ? "true" : "false"}, {"account", x->profile.name}};
    s->sample(s->data, more, 3, 1);
  }
}

/* Of the accounts whose orders are kept. */
static void collect_journals(const kl_app *a, const kl_metric_sink *s) {
  static const struct {
    const char *name, *help;
  } families[] = {{"kalua_journal_waiting_entries", "Changes of orders that are not in the journal yet"},
                  {"kalua_journal_broken", "1 while the journal of orders cannot be written"}};
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    bool any = false;
    for (const kl_app_account *x = &a->first; x; x = x->next) {
      kl_label label;
      size_t waiting = 0;
      kl_error broken = {0};
      if (!x->desk || !kl_desk_journal(x->desk, &waiting, &broken)) continue;
      if (!any) s->family(s->data, families[i].name, GAUGE, families[i].help);
      any = true;
      s->sample(s->data, &label, account_label(&label, x), i == 0 ? (double)waiting : broken.kind != NULL);
    }
  }
}

static void collect_keeping(const kl_app *a, const kl_metric_sink *s) {
  collect_journals(a, s);
  put(s, "kalua_log_lost_lines_total", COUNTER, "Lines of the log that could not be written", (double)kl_log_lost());
}

void kl_monitoring_collect(void *data, const kl_metric_sink *s) {
  kl_app *a = data;
  if (!a->first.session) return; /* the end */
  kl_monitoring_measure(a);
  collect_build(a, s);
  collect_feeds(a, s);
  collect_audits(a, s);
  collect_requests(a, s);
  collect_times(a, s);
  collect_lost(a, s);
  collect_budget(a, s);
  collect_balance(a, s);
  kl_monitoring_collect_trading(a, s);
  collect_loop(a, s);
  collect_keeping(a, s);
  collect_process(a, s);
}
