#include "sim/shards.h"

#include <string.h>

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

int kl_sim_shard_of_series(const char *ticker, const char *category) {
  static const char *const third[] = {"KXATP", "KXWTA", "KXTENNIS", "KXMLB", "KXBASEBALL"};
  if (begins(ticker, "KXMVE")) return 1;
  if (strcmp(category, "Crypto") == 0) return 2;
  for (size_t i = 0; i < sizeof third / sizeof *third; i++)
    if (begins(ticker, third[i])) return 3;
  return 0;
}

bool kl_sim_shard_reaches(int64_t exchange_index, const char *ticker, const kl_market *m) {
  if (ticker && strcmp(ticker, m->ticker) != 0) return false;
  if (exchange_index == -1) exchange_index = ticker ? m->exchange_index : 0;
  return exchange_index == m->exchange_index;
}
