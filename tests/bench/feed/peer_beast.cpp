// The compiled peer of the feed bench: Boost.Beast and simdjson (on demand), as a careful C++ client would use them.
//
//   peer_beast PORT map|flat [tls]
//
// map: levels in a std::map, the usual code. flat: levels in an array with a slot for each price, the fast code.
// It counts what feed_generate.c tells and prints it as client_report() in client.c does.
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/core/buffered_read_stream.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <simdjson.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace beast = boost::beast;
namespace net = boost::asio;
namespace ws = beast::websocket;
using std::string_view;
using tcp = net::ip::tcp;

// Without a buffered layer below it Beast asks the socket for about 1.5 KB at a time.
using Buffered = beast::buffered_read_stream<tcp::socket, beast::flat_buffer>;

namespace boost::beast {
// Wanted by Beast where a WebSocket lies on a buffered stream.
inline void teardown(role_type role, Buffered &stream, error_code &ec) {
  websocket::teardown(role, stream.next_layer(), ec);
}
} // namespace boost::beast

constexpr int kOne = 10000; // a dollar

// ---- books: prices in own terms of their side ----

class MapSide {
public:
  int best() const { return levels_.empty() ? -1 : levels_.rbegin()->first; }
  void add(int price, int64_t change) {
    auto level = levels_.try_emplace(price, 0).first;
    if ((level->second += change) <= 0) levels_.erase(level);
  }
  template <class F> void each(F f) const {
    for (auto &[price, count] : levels_) f(price, count);
  }

private:
  std::map<int, int64_t> levels_;
};

class FlatSide {
public:
  int best() const { return best_; }
  void add(int price, int64_t change) {
    if ((counts_[price] += change) > 0) {
      if (price > best_) best_ = price;
      return;
    }
    counts_[price] = 0;
    if (price == best_)
      while (best_ >= 0 && !counts_[best_]) best_--;
  }
  template <class F> void each(F f) const {
    for (int price = 0; price <= kOne; price++)
      if (counts_[price]) f(price, counts_[price]);
  }

private:
  std::vector<int64_t> counts_ = std::vector<int64_t>(kOne + 1);
  int best_ = -1;
};

template <class Side> struct Book {
  Side yes, no;
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(string_view s) const { return std::hash<string_view>{}(s); }
};

// "-54.00" with two places: -5400.
static int64_t decimal(string_view text, int places) {
  bool negative = !text.empty() && text[0] == '-';
  int64_t value = 0;
  int after_point = -1;
  for (char c : text.substr(negative)) {
    if (c == '.') {
      after_point = 0;
      continue;
    }
    value = value * 10 + (c - '0');
    if (after_point >= 0) after_point++;
  }
  for (int i = after_point < 0 ? 0 : after_point; i < places; i++) value *= 10;
  return negative ? -value : value;
}

static int price_of(string_view text, bool no) {
  int yes = static_cast<int>(decimal(text, 4));
  return no ? kOne - yes : yes;
}

// ---- the client ----

template <class Side> class Client {
public:
  void message(const char *text, size_t n, size_t room) {
    messages_++;
    simdjson::ondemand::document doc = parser_.iterate(text, n, room);
    auto object = doc.get_object(); // looked up in the order of the documentation: one pass
    string_view type;
    if (object["type"].get(type)) return;
    if (type == "orderbook_delta") delta(object);
    if (type == "orderbook_snapshot") snapshot(object);
  }

  void report(double cpu) const {
    std::printf("{\"messages\":%lu,\"cpu\":%.6f,\"rss_kb\":%ld,\"snapshots\":%lu,\"deltas\":%lu,\"callbacks\":%lu,"
                "\"bids\":%lu,\"spreads\":%lu,\"checksum\":\"%08x\"}\n",
                messages_, cpu, peak_kb(), snapshots_, deltas_, callbacks_, bids_, spreads_, checksum());
  }

private:
  using Object = simdjson::simdjson_result<simdjson::ondemand::object>;

  void delta(Object &object) {
    follow(object["seq"].get_uint64());
    deltas_++;
    auto msg = object["msg"].get_object();
    string_view ticker = msg["market_ticker"], price = msg["price_dollars"], change = msg["delta_fp"],
                side = msg["side"];
    auto found = books_.find(ticker);
    if (found == books_.end()) return;
    Book<Side> &book = found->second;
    bool no = side == "no";
    (no ? book.no : book.yes).add(price_of(price, no), decimal(change, 2));
    int bid = book.yes.best(), no_bid = book.no.best();
    if (bid >= 0 && no_bid >= 0) on_delta_(book, bid, kOne - no_bid);
  }

  void snapshot(Object &object) {
    follow(object["seq"].get_uint64());
    snapshots_++;
    auto msg = object["msg"].get_object();
    string_view ticker = msg["market_ticker"];
    Book<Side> &book = books_[std::string(ticker)];
    book = Book<Side>{};
    levels(msg, "yes_dollars_fp", book.yes, false);
    levels(msg, "no_dollars_fp", book.no, true);
  }

  void levels(Object &msg, string_view key, Side &side, bool no) {
    simdjson::ondemand::array all;
    if (msg[key].get_array().get(all)) return; // an empty side has no key
    for (auto level : all) {
      string_view fields[2];
      int n = 0;
      for (auto value : level.get_array()) {
        string_view text = value.get_string();
        if (n < 2) fields[n++] = text;
      }
      side.add(price_of(fields[0], no), decimal(fields[1], 2));
    }
  }

  void follow(uint64_t seq) {
    if (seq != ++seq_) {
      std::fputs("peer_beast: a gap\n", stderr);
      std::exit(1);
    }
  }

  // See synthetic.h.
  uint32_t checksum() const {
    uint32_t hash = 2166136261u;
    auto add = [&](string_view s) {
      for (unsigned char c : s) hash = (hash ^ c) * 16777619u;
    };
    std::map<string_view, const Book<Side> *> sorted;
    for (auto &[ticker, book] : books_) sorted[ticker] = &book;
    for (auto &[ticker, book] : sorted) {
      add(ticker);
      add("\n");
      auto line = [&](char side) {
        return [&, side](int price, int64_t count) {
          add(side + std::to_string(price) + ":" + std::to_string(count) + "\n");
        };
      };
      book->yes.each(line('y'));
      book->no.each(line('n'));
    }
    return hash;
  }

  static long peak_kb() {
    std::ifstream status("/proc/self/status");
    std::string word;
    long kb = 0;
    while (status >> word)
      if (word == "VmHWM:") status >> kb;
    return kb;
  }

  std::unordered_map<std::string, Book<Side>, TextHash, std::equal_to<>> books_;
  simdjson::ondemand::parser parser_;
  uint64_t messages_ = 0, snapshots_ = 0, deltas_ = 0, callbacks_ = 0, bids_ = 0, spreads_ = 0, seq_ = 0;
  // The strategy.
  std::function<void(Book<Side> &, int, int)> on_delta_ = [this](Book<Side> &, int bid, int ask) {
    callbacks_++;
    bids_ += static_cast<uint64_t>(bid);
    spreads_ += static_cast<uint64_t>(ask - bid);
  };
};

static double cpu_seconds() {
  rusage r;
  getrusage(RUSAGE_SELF, &r);
  return static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

template <class Side, class Stream> static void follow_feed(Stream &stream) {
  static constexpr char subscribe[] =
      R"({"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta","ticker","trade","market_lifecycle_v2"],)"
      R"("use_yes_price":true}})";
  Client<Side> client;
  beast::flat_buffer buffer;
  beast::error_code ec;
  buffer.reserve(1 << 16);
  stream.handshake("127.0.0.1", "/trade-api/ws/v2");
  stream.text(true);
  stream.read_message_max(0);
  double began = cpu_seconds();
  stream.write(net::buffer(string_view(subscribe)));
  while (stream.read(buffer, ec), !ec) {
    buffer.prepare(simdjson::SIMDJSON_PADDING);
    client.message(static_cast<const char *>(buffer.cdata().data()), buffer.size(),
                   buffer.size() + simdjson::SIMDJSON_PADDING);
    buffer.consume(buffer.size());
  }
  client.report(cpu_seconds() - began);
}

template <class Side> static void run(unsigned short port, bool tls) {
  net::io_context io;
  tcp::endpoint server(net::ip::make_address("127.0.0.1"), port);
  if (tls) {
    net::ssl::context context(net::ssl::context::tls_client);
    context.set_verify_mode(net::ssl::verify_none);
    ws::stream<beast::ssl_stream<tcp::socket>> stream(io, context);
    beast::get_lowest_layer(stream).connect(server);
    beast::get_lowest_layer(stream).set_option(tcp::no_delay(true));
    stream.next_layer().handshake(net::ssl::stream_base::client);
    follow_feed<Side>(stream);
    return;
  }
  ws::stream<Buffered> stream(io);
  stream.next_layer().capacity(1 << 18);
  stream.next_layer().buffer().reserve(1 << 18);
  stream.next_layer().next_layer().connect(server);
  stream.next_layer().next_layer().set_option(tcp::no_delay(true));
  follow_feed<Side>(stream);
}

int main(int argc, char **argv) {
  string_view kind = argc >= 3 ? argv[2] : "";
  if (kind != "map" && kind != "flat") {
    std::fputs("usage: peer_beast PORT map|flat [tls]\n", stderr);
    return 2;
  }
  auto port = static_cast<unsigned short>(std::atoi(argv[1]));
  if (kind == "flat")
    run<FlatSide>(port, argc > 3);
  else
    run<MapSide>(port, argc > 3);
}
