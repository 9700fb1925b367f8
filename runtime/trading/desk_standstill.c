/* Where nothing is traded, by what the exchange said of the last orders there: a script that goes on asking is told so
 * itself, and a person who looks at it from outside is told here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trading/desk_impl.h"

enum { FORGOTTEN_MS = 3600 * 1000 }; /* the market has gone on, or nobody wants to trade there any more */

static bool is_code(const kl_error *e, const char *code) { return !strcmp(e->code, code); }

static void drop(kl_party *p, size_t i) {
  memmove(&p->standstills[i], &p->standstills[i + 1], (--p->n_standstills - i) * sizeof *p->standstills);
}

static void drop_of(kl_party *p, const char *ticker) {
  for (size_t i = p->n_standstills; i-- > 0;)
    if (!strcmp(p->standstills[i].ticker, ticker)) drop(p, i);
}

void kl_desk_standstill_refused(kl_party *p, const char *ticker, const kl_error *e) {
  enum { MOST = sizeof p->standstills / sizeof *p->standstills };
  bool whole = is_code(e, "trading_is_paused") || is_code(e, "exchange_is_paused");
  if (!whole && !is_code(e, "MARKET_INACTIVE")) return;
  if (whole) ticker = "";
  drop_of(p, ticker);
  if (p->n_standstills == MOST) drop(p, 0); /* the oldest */
  kl_standstill *s = &p->standstills[p->n_standstills++];
  snprintf(s->ticker, sizeof s->ticker, "%s", ticker);
  snprintf(s->code, sizeof s->code, "%.31s", e->code);
  s->at_ms = kl_wall_ms(p->d->clock);
}

void kl_desk_standstill_over(kl_desk *d, const char *ticker) {
  for (kl_party *p = kl_desk_party_next(d, NULL); p; p = kl_desk_party_next(d, p)) {
    if (!p->n_standstills) continue;
    drop_of(p, ticker);
    drop_of(p, "");
  }
}

size_t kl_party_standstills(kl_party *p, const kl_standstill **out) {
  int64_t now = kl_wall_ms(p->d->clock);
  while (p->n_standstills && now - p->standstills[0].at_ms > FORGOTTEN_MS)
    drop(p, 0);
  *out = p->standstills;
  return p->n_standstills;
}

const char *kl_standstill_text(char *out, size_t cap, const kl_standstill *s, int64_t now_ms) {
  int64_t ago = now_ms > s->at_ms ? (now_ms - s->at_ms) / 1000 : 0;
  bool minutes = ago >= 120;
  snprintf(out, cap, "%s%s: the exchange refused an order %" PRId64 " %s ago (%s)",
           s->ticker[0] ? s->ticker : "trading is paused on the exchange", s->ticker[0] ? " is paused or closed" : "",
           minutes ? ago / 60 : ago, minutes ? "min" : "s", s->code);
  return out;
}
