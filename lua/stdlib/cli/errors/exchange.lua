-- What the exchange answers in words.
return {
  {
    name = "exchange", title = "Codes of the exchange", kind = "http", source = "exchange",
    {
      "insufficient_balance", alias = { "available_balance_too_low" },
      what = "The account has not enough money for the order.",
      why = "What resting orders may cost is set aside. Money is kept on each shard apart: it may lie on another "
        .. "one than the market's.",
      todo = {
        "`kalua api get_balance --env ENV`",
        "Cancel what rests, order less, or move money between shards: `kalua api --list` names the transfers.",
      },
      see = { "operations.md" },
    },
    {
      "MARKET_INACTIVE", alias = { "market inactive" },
      what = "The market takes no orders now.",
      why = "It has not opened yet, has closed, or is paused.",
      todo = { "`kalua api get_market TICKER --env ENV`: look at `status`, `open_time` and `close_time`." },
    },
    {
      "trading_is_paused",
      what = "Trading is paused on the exchange.",
      why = "At night, for maintenance, or in this market.",
      todo = { "`kalua api get_exchange_schedule` and `get_exchange_status` say when it goes on." },
    },
    {
      "exchange_is_paused",
      what = "The whole exchange is paused.",
      why = "For maintenance, or because of an incident.",
      todo = { "`kalua api get_exchange_status`, and the exchange's status page." },
    },
    {
      "order_already_exists",
      what = "There was an order with this client_order_id before.",
      why = "A client_order_id names one order for ever, also one that has ended.",
      todo = { "Leave it out: each order then gets its own. After a lost answer: `kalshi.find_order(client_id)`." },
      see = { "orders.md" },
    },
    {
      "invalid_price",
      what = "The exchange does not take the price.",
      why = "It lies between two steps of the market's grid: one of 0.01, 0.001 or 0.0001 dollar, finer near 0 and 1 "
        .. "in some markets.",
      todo = {
        "`kalua -e 'kalshi.get_market(\"TICKER\").market.price_ranges'` shows the steps, each with the prices from "
          .. "and to which it holds.",
        "Round a price that you compute: `kalua explain price_off_grid` says how.",
      },
      see = { "two-sides.md" },
    },
    {
      "invalid_order_size",
      what = "The exchange does not take the count.",
      why = "It is 0, too large, or more than is held where the order may only reduce.",
      todo = { "Look at the position: `kalshi.positions()`." },
    },
    {
      "invalid_order",
      what = "The exchange does not take the order as it is; `details` say why.",
      why = "Mostly \"post only cross\": a `post_only` order would have taken at once.",
      todo = { "Price it behind the other side of the book; `orders.requote` does." },
      see = { "orders.md" },
    },
    {
      "invalid_parameters",
      what = "The exchange does not take a parameter; `details` say which.",
      why = "An expiration in the past, a value beyond its range, or two that do not go together.",
      todo = { "`kalua api OPERATION --help`" },
    },
    {
      "bad_request",
      what = "The exchange could not read the request.",
      why = "A value has another JSON type than it takes; mostly of `kalshi.call` and of `:=` in `kalua api`.",
      todo = {
        "Prices and counts of orders are texts in raw requests: \"0.4200\", \"10.00\". `kalshi.create_order` "
          .. "writes them so.",
      },
    },
    {
      "order_side_mismatch", alias = { "order_ticker_mismatch", "order_id_and_client_order_id_mismatch" },
      what = "An amend names another side, ticker or client_order_id than the order has.",
      why = "An amend changes price and count only.",
      todo = { "`order:amend{ price = … }` fills in the rest." },
    },
    {
      "not_found",
      what = "What was asked for is not there.",
      why = "A ticker is misspelt or of another environment; an order has ended, was never there, or is on a "
        .. "shard that was not asked. The answers are the same.",
      todo = {
        "`kalua api get_markets …` lists tickers. Of an order: give `market_ticker`, or use the order's object, "
          .. "which knows it.",
      },
      see = { "scripts.md" },
    },
    {
      "deprecated_v1_order_endpoint",
      what = "The way to send orders that was called is no more.",
      why = "The exchange answers orders in their present form only.",
      todo = { "`kalshi.order` or `kalshi.create_order`." },
      see = { "operations.md" },
    },
    {
      "authentication_error", kind = "auth", exit = 3, alias = { "incorrect_api_key_signature" },
      what = "The exchange does not know the key, or its signature is wrong.",
      why = "The id and the private key do not belong together, or the key is of another environment: demo and "
        .. "production have their own.",
      todo = { "`kalua doctor --env ENV`; compare the id with the exchange's page of API keys." },
      see = { "paper-to-live.md" },
    },
    {
      "header_timestamp_expired", kind = "auth", exit = 3,
      what = "The time in the signature is too far from the exchange's.",
      why = "This machine's clock is wrong. Kalua measures the difference and tries once more with the exchange's "
        .. "time.",
      todo = { "Set the clock by the network: `timedatectl set-ntp true`. `kalua doctor` measures it." },
    },
    {
      "signature_is_missing_from_headers", kind = "auth", exit = 3,
      what = "The request was not signed.",
      why = "It needs a key, and something between may have taken the headers away.",
      todo = { "`kalua explain key_missing`; a proxy must let headers through." },
    },
    {
      "forbidden", kind = "auth", exit = 3,
      what = "This key may not do that.",
      why = "A key has scopes: one that may only read sends no orders.",
      todo = { "Look at the key's scopes on the exchange's page of API keys, or make one that may trade." },
    },
    {
      "region_attestation_expired", kind = "auth", exit = 3,
      what = "The statement of where you are has run out for this account's keys.",
      why = "The exchange asks for it from time to time, for some categories of markets.",
      todo = { "Renew it on the exchange's website; `kalua doctor` shows its age." },
    },
    {
      "category_blocked", kind = "auth", exit = 3,
      what = "The account may not trade this category of markets.",
      why = "The exchange or the broker blocks it for the account.",
      todo = { "Ask who set it; choose other markets." },
    },
    {
      "too_many_requests", kind = "rate_limit",
      what = "The account's tokens were used up.",
      why = "Kalua waits for tokens by itself, so another program on the same account probably trades, too.",
      todo = { "`kalshi.budget()`; run what shares the account in one process, where calls wait for each other." },
      see = { "scripts.md" },
    },
    {
      "order_group_not_found",
      what = "There is no order group with that id.",
      why = "It was deleted, or is of another subaccount or shard.",
      todo = { "`kalua api get_order_groups --env ENV`" },
      see = { "risk.md" },
    },
    {
      "exceeded_order_group_risk_limit",
      what = "The order group has been triggered, and takes no orders until it is reset.",
      why = "More contracts filled in 15 seconds than the group allows: the seat belt.",
      todo = { "Find out why so much filled at once; then start the script anew, or reset the group." },
      see = { "risk.md" },
    },
    {
      "too_many_open_orders", alias = { "too_many_order_groups" },
      what = "The account has as many open orders or order groups as it may.",
      why = "The exchange's own ceiling.",
      todo = { "`kalshi.cancel_all()`, or cancel some." },
    },
    {
      "user_not_found",
      what = "The account has nothing on that shard.",
      why = "A subaccount or a shard was never used, or the number is wrong.",
      todo = { "`kalua api --list` names the operations on subaccounts and transfers; money must be there first." },
    },
    {
      "subaccount_locked",
      what = "The subaccount is locked.",
      why = "For an advance on a settlement.",
      todo = { "Wait until it is unlocked, or use another one." },
    },
    {
      "RFQ_CLOSED",
      what = "The request for quotes has ended.",
      why = "It was canceled, ran out, or another quote was taken.",
      todo = { "Nothing: wait for the next." },
    },
    {
      "invalid_market_combination", alias = { "duplicated_legs", "conflicting_leg_outcomes" },
      what = "There cannot be a combo of these markets.",
      why = "A leg is there twice, or two of them exclude each other, or the collection does not allow them together.",
      todo = { "Look at the collection: `kalua api get_multivariate_event_collections`." },
    },
    {
      "internal_error", alias = { "internal_server_error" },
      what = "The exchange failed.",
      why = "Not because of the request. Reads are repeated; of an order it is looked up what became of it.",
      todo = { "Nothing, when it is rare; else `kalua api get_exchange_status`." },
      see = { "scripts.md" },
    },
    {
      "service_unavailable", alias = { "bad_gateway", "gateway_timeout" },
      what = "The exchange, or what stands before it, is overloaded or in maintenance.",
      why = "Reads are repeated; of an order it is looked up what became of it.",
      todo = { "`kalua api get_exchange_status`; wait." },
    },
  },
}
