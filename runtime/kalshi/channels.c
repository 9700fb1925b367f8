#include "kalshi/channels.h"

#include <string.h>

const kl_feed_words kl_feed_key_words[] = {
    [KL_KEY_TICKER] = {"market_tickers", "add_markets", "delete_markets", NULL, "market_ticker", "market"},
    [KL_KEY_MARKET_ID] = {"market_ids", "add_markets", "delete_markets", NULL, "market_id", "market"},
    [KL_KEY_INDEX] = {"index_ids", "subscribe_indices", "unsubscribe_indices", "indexlist", "index_id", "index"},
    [KL_KEY_UNDERLYING] = {"underlying_tickers", "subscribe_underlyings", "unsubscribe_underlyings", "underlying_list",
                           "underlying_ticker", "underlying"},
};

const kl_channel kl_channel_table[] = {
    {"orderbook_delta", KL_FILTER_REQUIRED, KL_KEY_TICKER, true, false, "use_yes_price",
     "the book of a market: a snapshot, then every change"},
    {"ticker", KL_FILTER_OPTIONAL, KL_KEY_TICKER, true, false, "", "best prices, last price, volume and open interest"},
    {"trade", KL_FILTER_OPTIONAL, KL_KEY_TICKER, true, false, "", "every trade"},
    {"fill", KL_FILTER_OPTIONAL, KL_KEY_TICKER, true, true, "", "fills of your orders"},
    {"market_positions", KL_FILTER_OPTIONAL, KL_KEY_TICKER, true, true, "", "changes of your positions"},
    {"user_orders", KL_FILTER_OPTIONAL, KL_KEY_TICKER, true, true, "", "changes of your orders"},
    {"market_lifecycle_v2", KL_FILTER_NONE, KL_KEY_TICKER, true, false, "",
     "markets and events that open, close and settle"},
    {"multivariate_market_lifecycle", KL_FILTER_NONE, KL_KEY_TICKER, true, false, "", "the same of combinations"},
    {"communications", KL_FILTER_NONE, KL_KEY_TICKER, true, false, "user_filter shard_factor shard_key",
     "requests for quotes, and quotes"},
    {"order_group_updates", KL_FILTER_NONE, KL_KEY_TICKER, false, true, "", "changes of your order groups"},
    {"cfbenchmarks_value", KL_FILTER_OPTIONAL, KL_KEY_INDEX, true, false, "",
     "values of CF Benchmarks indices, by index id"},
    {"cfbenchmarks_value_5hz", KL_FILTER_OPTIONAL, KL_KEY_INDEX, true, false, "", "the same, five times a second"},
    {"pyth_value", KL_FILTER_OPTIONAL, KL_KEY_UNDERLYING, true, false, "", "values of Pyth, by underlying"},
};
const size_t kl_channel_count = sizeof kl_channel_table / sizeof kl_channel_table[0];

const kl_channel *kl_channel_find(const char *name) {
  for (size_t i = 0; i < kl_channel_count; i++) {
    if (!strcmp(kl_channel_table[i].name, name)) return &kl_channel_table[i];
  }
  return NULL;
}
