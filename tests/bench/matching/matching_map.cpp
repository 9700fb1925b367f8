// The textbook's engine: a std::map of price levels, a std::list of orders at each, a hash map from order to place. It
// matches and does nothing else: no accounts, fees, positions or checks.
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

extern "C" {
#include "flow_read.h"
}

namespace {

struct Order {
  uint32_t number, count;
  uint16_t price;
  bool buys;
};
using Queue = std::list<Order>;
struct Book {
  std::map<uint16_t, Queue, std::greater<>> bids;
  std::map<uint16_t, Queue> asks;
};
struct Place {
  Book *book;
  Queue::iterator at;
};

flow_sum sum;
std::unordered_map<uint32_t, Place> places;

template <class Side, class Crosses> void take(Side &side, Order &taker, Crosses crosses) {
  while (taker.count > 0 && !side.empty() && crosses(side.begin()->first)) {
    Queue &queue = side.begin()->second;
    Order &maker = queue.front();
    uint32_t n = std::min(maker.count, taker.count);
    flow_trade(&sum, maker.number, taker.number, maker.price, n);
    maker.count -= n;
    taker.count -= n;
    if (maker.count > 0) continue;
    places.erase(maker.number);
    queue.pop_front();
    if (queue.empty()) side.erase(side.begin());
  }
}

template <class Side> void rest(Side &side, Book &book, const Order &order) {
  Queue &queue = side[order.price];
  places[order.number] = {&book, queue.insert(queue.end(), order)};
}

template <class Side> void remove(Side &side, Queue::iterator at) {
  auto level = side.find(at->price);
  level->second.erase(at);
  if (level->second.empty()) side.erase(level);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size_t n;
  flow_command *all = flow_read(argv[1], &n);
  std::vector<Book> books(std::strtoul(argv[2], nullptr, 10));
  double start = flow_cpu();
  for (size_t i = 0; i < n; i++) {
    const flow_command &c = all[i];
    if (c.kind == FLOW_CANCEL) {
      auto place = places.find(c.order);
      if (place == places.end()) continue;
      if (place->second.at->buys)
        remove(place->second.book->bids, place->second.at);
      else
        remove(place->second.book->asks, place->second.at);
      places.erase(place);
      continue;
    }
    Book &book = books[c.market];
    Order order{c.order, c.count, c.price, c.buys != 0};
    if (order.buys) {
      take(book.asks, order, [&](uint16_t p) { return p <= order.price; });
      if (order.count) rest(book.bids, book, order);
    } else {
      take(book.bids, order, [&](uint16_t p) { return p >= order.price; });
      if (order.count) rest(book.asks, book, order);
    }
  }
  flow_report(n, flow_cpu() - start, &sum);
  std::free(all);
}
