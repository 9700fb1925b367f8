/* Orders that were refused are in the log, whatever the script does with the error: who wonders why nothing is traded
 * looks there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/explain.h"
#include "base/log.h"
#include "trading/desk_impl.h"

enum { PAUSE_S = 60 };

/* What was said of this reason before; the oldest makes room for a new one. */
static kl_desk_told *told_of(kl_party *p, const char *reason) {
  kl_desk_told *oldest = &p->told[0];
  for (size_t i = 0; i < sizeof p->told / sizeof *p->told; i++) {
    kl_desk_told *t = &p->told[i];
    if (!strncmp(t->reason, reason, sizeof t->reason - 1)) return t;
    if (t->at_ns < oldest->at_ns) oldest = t;
  }
  *oldest = (kl_desk_told){0};
  snprintf(oldest->reason, sizeof oldest->reason, "%s", reason);
  return oldest;
}

void kl_desk_say_refused(kl_party *p, const char *by, const kl_error *e) {
  kl_desk_told *t = told_of(p, e->code[0] ? e->code : e->kind);
  int64_t now = kl_desk_now_ns(p->d);
  if (t->at_ns && now - t->at_ns < PAUSE_S * INT64_C(1000000000)) {
    t->held_back++;
    return;
  }
  char hint[KL_HINT_CAP], more[64] = "";
  if (t->held_back) snprintf(more, sizeof more, ", and %" PRIu64 " like it before", t->held_back);
  kl_log_info(p->name, "an order was refused %s%s: %s%s", by, more, e->message, kl_error_hint(hint, e));
  t->at_ns = now;
  t->held_back = 0;
}
