/* Writes the commands of the matching bench: flow_generate FILE COMMANDS MARKETS SEED. Half are new orders, of which
 * about a third meet others at once; the rest cancels one of the last few thousand. */
#include <stdio.h>
#include <stdlib.h>

#include "flow.h"
#include "sim/random.h"

enum { RECENT = 4096 };

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: flow_generate FILE COMMANDS MARKETS SEED\n");
    return 2;
  }
  long total = strtol(argv[2], NULL, 10);
  uint32_t markets = (uint32_t)strtoul(argv[3], NULL, 10);
  kl_sim_random r = kl_sim_random_new(strtoull(argv[4], NULL, 10), 1);
  FILE *f = fopen(argv[1], "wb");
  double *middle = malloc(markets * sizeof *middle);
  static flow_command recent[RECENT];
  if (!f || !middle) {
    perror(argv[1]);
    return 1;
  }
  for (uint32_t i = 0; i < markets; i++)
    middle[i] = 20 + 60 * kl_sim_uniform(&r);
  uint32_t made = 0;
  for (long i = 0; i < total; i++) {
    flow_command c = {0};
    if (made >= RECENT && kl_sim_uniform(&r) < 0.48) {
      c = recent[kl_sim_below(&r, RECENT)];
      c.kind = FLOW_CANCEL;
    } else {
      c.market = (uint16_t)kl_sim_below(&r, markets);
      double *m = &middle[c.market];
      *m += 0.05 * kl_sim_gauss(&r);
      if (*m < 15 || *m > 85) *m = 50;
      c.buys = kl_sim_below(&r, 2) == 0;
      double away =
          kl_sim_uniform(&r) < 0.33 ? -3 * kl_sim_uniform(&r) : 1 + 6 * kl_sim_uniform(&r) * kl_sim_uniform(&r);
      int cents = (int)(c.buys ? *m - away : *m + away);
      c.price = (uint16_t)(100 * (cents < 1 ? 1 : cents > 99 ? 99 : cents));
      c.count = 1 + kl_sim_below(&r, 100);
      c.order = made++;
      c.user = (uint16_t)(2 * kl_sim_below(&r, 32) + (c.buys ? 0 : 1));
      c.kind = FLOW_NEW;
      recent[c.order % RECENT] = c;
    }
    fwrite(&c, sizeof c, 1, f);
  }
  free(middle);
  return fclose(f) == 0 ? 0 : 1;
}
