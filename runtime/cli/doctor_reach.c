#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/doctor_impl.h"
#include "net/reach.h"

/* One call with a short deadline. A script's call would go on trying for half a minute before it says what is wrong. */
enum { CALL_MS = 6000, NAME_MS = 6000, LOOK_MS = 20, SOON_DAYS = 14 };

/* ---- waiting, until Ctrl-C ---- */

typedef struct vigil {
  uv_signal_t on_int;
  uv_timer_t tick;
  int open;
  bool interrupted;
} vigil;

static void interrupted(uv_signal_t *h, int number) {
  vigil *v = h->data;
  (void)number;
  v->interrupted = true;
}

static void nothing(uv_timer_t *h) { (void)h; }

static void vigil_begin(vigil *v, uv_loop_t *loop) {
  *v = (vigil){.open = 2};
  uv_signal_init(loop, &v->on_int);
  uv_timer_init(loop, &v->tick);
  v->on_int.data = v->tick.data = v;
  uv_signal_start(&v->on_int, interrupted, SIGINT);
  uv_timer_start(&v->tick, nothing, LOOK_MS, LOOK_MS);
}

static void handle_closed(uv_handle_t *h) {
  vigil *v = h->data;
  v->open--;
}

static void vigil_end(vigil *v, uv_loop_t *loop) {
  uv_close((uv_handle_t *)&v->on_int, handle_closed);
  uv_close((uv_handle_t *)&v->tick, handle_closed);
  while (v->open)
    uv_run(loop, UV_RUN_ONCE);
}

/* ---- names and TLS ---- */

static double ms(int64_t us) { return round((double)us / 100) / 10; }

static void say_names(kl_report *r, const char *host, const kl_reach_facts *f) {
  char text[700];
  if (f->proxy[0]) {
    snprintf(text, sizeof text, "%s is reached by way of the proxy %s, which the environment names", host, f->proxy);
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "DNS",
                                 .text = text,
                                 .remedy = "each order takes that way: put the host into no_proxy where it need not",
                                 .fields = json_pack("{s:s, s:s}", "host", host, "proxy", f->proxy)});
    return;
  }
  if (!f->resolved) {
    snprintf(text, sizeof text, "%s is not found: %s", host, f->resolve_error);
    kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG,
                                 .name = "DNS",
                                 .text = text,
                                 .remedy = "check the name, the network and /etc/resolv.conf",
                                 .kind = KL_ERR_NETWORK,
                                 .fields = json_pack("{s:s}", "host", host)});
    return;
  }
  snprintf(text, sizeof text, "%s is %s%s, found in %.1f ms", host, f->address, f->addresses > 1 ? " and others" : "",
           ms(f->resolve_us));
  kl_report_add(r, &(kl_check){.name = "DNS",
                               .text = text,
                               .fields = json_pack("{s:s, s:s, s:i, s:f}", "host", host, "address", f->address,
                                                   "addresses", f->addresses, "ms", ms(f->resolve_us))});
}

/* False where nobody should be spoken to. */
static bool say_tls(kl_report *r, const char *host, const kl_reach_facts *f) {
  char text[1024];
  double days = f->ends_ms ? floor((double)(f->ends_ms - kl_wall_ms(kl_clock_real())) / 864e5) : 0;
  if (!f->trusted && !f->connect_us) return true; /* the call says it */
  if (!f->trusted) {
    snprintf(text, sizeof text, "%s: %s%s%s%s", host, f->error, f->issuer[0] ? " (the certificate is from " : "",
             f->issuer, f->issuer[0] ? ")" : "");
    bool seen = f->ends_ms != 0, over = seen && days < 0;
    const char *remedy =
        over ? "the certificate has ended, unless this machine's clock is wrong: set it by NTP"
        : seen
            ? "a proxy or a virus scanner in between shows its own certificate: name its authority with --ca FILE only "
              "where you trust it with your orders; a kalua sim --tls prints its file; or install ca-certificates"
            : "something between here and the exchange breaks TLS: try another network";
    kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG,
                                 .name = "TLS",
                                 .text = text,
                                 .remedy = remedy,
                                 .kind = seen ? KL_ERR_CONFIG : KL_ERR_NETWORK,
                                 .fields = json_pack("{s:s, s:s}", "host", host, "issuer", f->issuer)});
    return false;
  }
  bool soon = days < SOON_DAYS;
  snprintf(text, sizeof text,
           "%s: %s, certificate from %s, good for %.0f days; connected in %.1f ms, shaken hands in %.1f", host,
           f->tls_version, f->issuer[0] ? f->issuer : "an unnamed issuer", days, ms(f->connect_us), ms(f->tls_us));
  kl_report_add(r, &(kl_check){.state = soon ? KL_CHECK_NOTE : KL_CHECK_OK,
                               .name = "TLS",
                               .text = text,
                               .remedy = soon ? "the exchange renews it; one of your own you have to renew" : NULL,
                               .fields = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "host", host, "version",
                                                   f->tls_version, "issuer", f->issuer, "days", days, "connect_ms",
                                                   ms(f->connect_us), "tls_ms", ms(f->tls_us))});
  return true;
}

/* What comes of one host; false where nothing should be asked of it. */
static bool conclude(kl_report *r, const kl_url *u, kl_reach *reach) {
  kl_reach_facts f = {0};
  if (!kl_reach_done(reach, &f)) {
    char text[400];
    snprintf(text, sizeof text, "nothing is known of %.255s after %d s", u->host, NAME_MS / 1000);
    kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG,
                                 .name = "DNS",
                                 .text = text,
                                 .remedy = "the name server or the way to it does not answer: check the network and "
                                           "/etc/resolv.conf",
                                 .kind = KL_ERR_TIMEOUT});
    return false;
  }
  if (u->is_ip && !f.proxy[0])
    kl_report_say(r, "DNS", "not needed for the address %s", u->host);
  else
    say_names(r, u->host, &f);
  if (!f.proxy[0] && !f.resolved) return false;
  return !u->tls || say_tls(r, u->host, &f);
}

/* Both hosts at once; false where the first, that of REST, should not be asked. */
static bool ways(kl_report *r, kl_app *a, const char *ca_file, vigil *v) {
  enum { REST, WS, WAYS };
  const char *const addresses[WAYS] = {kl_app_rest_url(a), kl_app_ws_url(a)};
  kl_url urls[WAYS] = {0};
  kl_reach *reaches[WAYS] = {0};
  kl_reach_facts unused;
  bool ok = true;
  for (int i = 0; i < WAYS; i++) {
    kl_error e = {0};
    if (!kl_url_parse(&urls[i], i == REST ? KL_URL_HTTP : KL_URL_WS, addresses[i], NULL)) continue;
    if (i == WS && urls[REST].host && !strcmp(urls[REST].authority, urls[WS].authority)) continue;
    reaches[i] = kl_reach_start(&urls[i], ca_file, NAME_MS - 1000, &e);
    if (!reaches[i])
      kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG,
                                   .name = "DNS",
                                   .text = e.message,
                                   .remedy = e.kind && !strcmp(e.kind, KL_ERR_CONFIG)
                                                 ? "mend the proxy's address in the environment, or unset it"
                                                 : "free some memory",
                                   .kind = e.kind});
    ok = ok && reaches[i];
  }
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)NAME_MS * 1000000;
  bool started = ok;
  for (int i = 0; i < WAYS && started; i++) {
    while (reaches[i] && !kl_reach_done(reaches[i], &unused) && !v->interrupted && kl_mono_ns(kl_clock_real()) < until)
      uv_run(kl_app_loop(a), UV_RUN_ONCE);
    if (reaches[i] && !v->interrupted && !conclude(r, &urls[i], reaches[i]) && i == REST) ok = false;
  }
  for (int i = 0; i < WAYS; i++) {
    kl_reach_release(reaches[i]);
    kl_url_free(&urls[i]);
  }
  return ok;
}

/* ---- the first call ---- */

typedef struct first_call {
  bool done;
  kl_error error; /* no kind: there was an answer */
} first_call;

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  first_call *c = data;
  (void)res;
  c->done = true;
  if (e) c->error = *e;
}

/* An answer of any kind is left to the script. */
static int call(kl_report *r, kl_app *a, vigil *v) {
  const kl_operation *op = kl_operation_find("get_exchange_status");
  kl_call_request request = {.op = op, .path = op->path, .query = "", .timeout_ms = CALL_MS, .anonymous = true};
  first_call c = {0};
  kl_call *one = kl_session_call(kl_app_session(a), &request, answered, &c, &c.error);
  while (one && !c.done && !v->interrupted)
    uv_run(kl_app_loop(a), UV_RUN_ONCE);
  if (one && !c.done) kl_call_cancel(one);
  if (v->interrupted) return KL_EXIT_INTERRUPTED;
  if (!c.error.kind || c.error.status) return KL_EXIT_OK;
  kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG,
                               .name = "REST",
                               .text = c.error.message,
                               .remedy = "check the network, a firewall in between, and the REST URL",
                               .kind = c.error.kind});
  return kl_exit_code_of(c.error.kind);
}

int kl_doctor_reach(kl_report *r, kl_app *a, const char *ca_file) {
  vigil v;
  vigil_begin(&v, kl_app_loop(a));
  bool ok = kl_app_sim(a) || ways(r, a, ca_file, &v);
  int code = v.interrupted ? KL_EXIT_INTERRUPTED : ok ? call(r, a, &v) : kl_exit_code_of(kl_report_kind(r));
  vigil_end(&v, kl_app_loop(a));
  return code;
}
