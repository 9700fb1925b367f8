#include "cli/trading_notes.h"

#include <stdio.h>

#include "cli/app_impl.h"

void kl_trading_notes(void *data, const kl_strategy *g, kl_buf *list) {
  kl_app *a = kl_app_of(data);
  char text[256];
  if (a->killed) kl_buf_json_item(list, "trading was stopped by `kalua kill`");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_party *p = kl_desk_party_find(x->desk, kl_strategy_name(g));
    const char *at = x->profile.name[0] ? "account " : "", *colon = x->profile.name[0] ? ": " : "";
    const kl_standstill *all;
    if (!p) continue;
    if (kl_party_halted(p)) kl_buf_json_item(list, "%s%s%shalted: %s", at, x->profile.name, colon, kl_party_halted(p));
    size_t n = kl_party_standstills(p, &all);
    for (size_t i = 0; i < n; i++)
      kl_buf_json_item(list, "%s%s%s%s", at, x->profile.name, colon,
                       kl_standstill_text(text, sizeof text, &all[i], kl_wall_ms(kl_clock_real())));
  }
}
