// The order matcher that comes with QuickFIX, a C++ library of the finance field (Debian: libquickfix-doc), on the
// bench's commands. Built with its own Market.cpp by matching.mjs. It trades at the ask's price; which orders met and
// how many contracts are compared, prices are not.
#include <queue>
#include <string>
#include <vector>

#include "OrderMatcher.h"

extern "C" {
#include "flow_read.h"
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size_t n;
  flow_command *all = flow_read(argv[1], &n);
  std::vector<Market> markets(std::strtoul(argv[2], nullptr, 10));
  std::vector<std::string> symbols;
  for (size_t i = 0; i < markets.size(); i++)
    symbols.push_back("M" + std::to_string(i));
  flow_sum sum = {};
  std::queue<Order> updates;
  const std::string owner = "O", target = "T";
  double start = flow_cpu();
  for (size_t i = 0; i < n; i++) {
    const flow_command &c = all[i];
    Order order(std::to_string(c.order), symbols[c.market], owner, target, c.buys ? Order::buy : Order::sell,
                Order::limit, c.price / 10000.0, static_cast<long>(c.count));
    if (c.kind == FLOW_CANCEL) {
      markets[c.market].erase(order);
      continue;
    }
    markets[c.market].insert(order);
    markets[c.market].match(updates);
    for (; !updates.empty(); updates.pop()) { // both parties of each trade, one after the other
      Order bid = updates.front();
      updates.pop();
      sum.trades++;
      sum.contracts += static_cast<uint64_t>(bid.getLastExecutedQuantity());
    }
  }
  flow_report(n, flow_cpu() - start, &sum);
  std::free(all);
}
