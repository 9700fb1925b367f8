-- Orders: what keeps one from being sent, and what becomes of those that were.
return {
  {
    name = "orders", title = "Orders", kind = "validation",
    {
      "not_sent", kind = "timeout", exit = 4,
      what = "The order did not leave this process.",
      why = "It was cancelled before, or had to wait for something that did not come in time: tokens, the "
        .. "account, a book that a limit compares with, its order group.",
      todo = { "Nothing is at the exchange: it can be sent again. The message says what it waited for." },
      see = { "orders.md", "risk.md" },
    },
    {
      "not_done", kind = "network", exit = 4,
      what = "The answer was lost, and it is known that nothing happened.",
      why = "It was looked up by client_order_id.",
      todo = { "It can be sent again." },
      see = { "scripts.md" },
    },
    {
      "outcome_unknown", kind = "timeout", exit = 4, alias = { "order_outcome_unknown" },
      what = "The call was sent, no answer came, and nobody can tell yet whether it happened.",
      why = "The connection broke or the exchange failed in between, and its reads do not show it yet. The "
        .. "look-up goes on for half a minute and ends in the log; limits count the order as if it were there.",
      todo = {
        "Do not send it again. `order:wait()`, or `kalshi.find_order(client_id)`, tells what became of it.",
        "`kalua api get_orders --all ticker=TICKER` shows from the shell what the exchange has.",
      },
      see = { "scripts.md", "orders.md" },
    },
    {
      "order_not_placed", kind = "closed",
      what = "The order object stands for an order that was never placed.",
      why = "Placing it failed, and the object was kept.",
      todo = { "Look at the error that `kalshi.order` raised." },
    },
    {
      "no_orders_here", kind = "config", exit = 3,
      what = "No orders are kept here.",
      why = "Order objects, limits and portfolios belong to scripts of `kalua run` and to a prompt.",
      todo = { "Run it as a script." },
      see = { "orders.md" },
    },
    {
      "orders_left", kind = "timeout", exit = 4,
      what = "Orders were to be cancelled, and some may still rest at the exchange.",
      why = "The exchange did not say that they are gone. In markets that are closed or paused they go when the "
        .. "exchange lets them.",
      todo = {
        "`kalua kill` cancels all, and says what is left.",
        "`kalua api get_orders status=resting --env ENV` lists them; the exchange's website can cancel them, too.",
      },
      see = { "orders.md" },
    },
    {
      "pending", kind = "validation", alias = { "status pending" },
      what = "Status of an order: it is on its way, and was not answered yet.",
      why = "It waits for tokens, for what limits compare with, or for the exchange. It cannot be amended before.",
      todo = { "`order:wait()`" },
      see = { "orders.md" },
    },
    {
      "unknown", kind = "", alias = { "status unknown" },
      what = "Status of an order: it was sent, and nobody can tell what became of it.",
      why = "Its answer was lost, or the process was killed while it was under way. It is looked up until it is "
        .. "known, and limits count all of it.",
      todo = { "`order:wait(30)`; do not send another one in its place before it is known." },
      see = { "orders.md" },
    },
    {
      "rejected", kind = "", alias = { "status rejected" },
      what = "Status of an order: it never rested or filled.",
      why = "A limit, a check or the exchange refused it, or it was not sent: `order.reason` is the code, "
        .. "`order.error` the whole error.",
      todo = { "`kalua explain CODE` with the code in `order.reason`." },
      see = { "orders.md" },
    },
    {
      "canceled", kind = "closed", alias = { "status canceled", "cancelled order" },
      what = "Status of an order: it has ended, maybe with a part filled. As an error: it ended before it could "
        .. "be changed.",
      why = "You or the exchange canceled it: at its expiration, as `immediate_or_cancel` with nothing to take, "
        .. "as `post_only` that would have crossed, by a self trade, at the end of the market. `order.reason` has "
        .. "the exchange's word.",
      todo = { "Look at `order.filled`; place another order." },
      see = { "orders.md" },
    },
    {
      "filled", kind = "closed", alias = { "status filled" },
      what = "Status of an order: all of it has filled. As an error: it filled before it could be changed.",
      why = "A fill and a change crossed on the way.",
      todo = { "Look at `order.filled` and the position." },
      see = { "orders.md" },
    },
    {
      "halted", kind = "risk",
      what = "Trading is stopped, for this script or for all, until a person lifts it.",
      why = "`max_daily_loss` was reached, or somebody ran `kalua kill`. The message says which.",
      todo = {
        "Find out why first: `kalua logs NAME`, docs/risk.md.",
        "Of the breaker: `kalua start NAME --resume`, or `kalua run … --resume`. Of `kalua kill`: `kalua kill "
          .. "--release`.",
      },
      see = { "risk.md", "orders.md" },
    },
    {
      "limit_data_missing", kind = "risk",
      what = "A limit could not be compared, so the order was not sent.",
      why = "What it compares with could not be read: the account, the market's event, the book, a quote. The "
        .. "message says which and why.",
      todo = { "Mend what the message says, then send it again. A limit that is not set needs nothing." },
      see = { "risk.md" },
    },
    {
      "unknown_size", kind = "risk",
      what = "The call may become a position, and how large a one is not known, while limits are set.",
      why = "Limits are compared before anything is sent. Legacy operations and paths that no operation has "
        .. "cannot be compared.",
      todo = { "Use today's operation: `kalshi.order`, `kalshi.create_order`." },
      see = { "risk.md" },
    },
    {
      "unknown_order", kind = "risk",
      what = "An order that this process does not know was to be amended, and could not be looked up.",
      why = "What it may come to has to be compared with the limits.",
      todo = { "Is the id right, and of this account? Cancel it and place a new one." },
      see = { "risk.md" },
    },
    {
      "limit_not_wider",
      what = "A script asked for a limit that is wider than the one in force.",
      why = "A script may make its limits tighter, never wider.",
      todo = { "Change it where it is set: `--risk`, `KALUA_RISK`, kalua.lua." },
      see = { "risk.md" },
    },
  },
  {
    name = "risk", title = "Risk limits", kind = "risk",
    {
      "max_order_count",
      what = "The order is for more contracts than one order may have.",
      why = "Your limit, against a count that a mistake made too large.",
      todo = { "Order less, or raise `max_order_count`." }, see = { "risk.md" },
    },
    {
      "max_order_cost",
      what = "The order costs more than one order may.",
      why = "Contracts times price; of a sale of YES, one dollar minus the price. What closes a position costs "
        .. "nothing.",
      todo = { "Order less, or raise `max_order_cost`." }, see = { "risk.md" },
    },
    {
      "max_position",
      what = "With this order the position in one market could become larger than it may.",
      why = "All orders of that side that rest or are on their way are counted as filled. Closing is never refused.",
      todo = {
        "`kalshi.limits()` shows the limits and what is counted; `kalshi.own_orders{ ticker = t }` what rests.",
        "Cancel what rests, order less, or raise `max_position`.",
      },
      see = { "risk.md" },
    },
    {
      "max_market_exposure",
      what = "With this order one market could lose more than it may.",
      why = "The worst outcome of what is held and of all that may still fill.",
      todo = { "`kalshi.limits()`; cancel what rests, or raise `max_market_exposure`." }, see = { "risk.md" },
    },
    {
      "max_event_exposure",
      what = "With this order an event could lose more than it may.",
      why = "The worst of its outcomes, over all its markets. Closing one of several positions that protect each "
        .. "other makes the worst case worse.",
      todo = { "`kalshi.limits()`; cancel what rests, or raise `max_event_exposure`." }, see = { "risk.md" },
    },
    {
      "max_exposure",
      what = "With this order everything together could lose more than it may.",
      why = "The worst cases of all events add up, with all that rests.",
      todo = { "`kalshi.limits()` has `exposure`; cancel what rests, close something, or raise `max_exposure`." },
      see = { "risk.md" },
    },
    {
      "max_market_share",
      what = "With this order one market could lose more than its share of the account.",
      why = "In percent of balance and portfolio value.",
      todo = { "Order less, or raise `max_market_share`." }, see = { "risk.md" },
    },
    {
      "max_open_orders",
      what = "There are as many open orders as there may be.",
      why = "Those that rest and those on their way count; one whose outcome is unknown, too.",
      todo = { "`kalshi.cancel_mine()`, or cancel some; or raise `max_open_orders`." }, see = { "risk.md" },
    },
    {
      "max_orders_per_second",
      what = "More orders and changes within a second than there may be.",
      why = "Often a loop that places an order at each change of the book. Cancels are not counted.",
      todo = {
        "Wait and send it again, the error is `retryable`: `task.sleep(1)`; or raise the limit." }, see = { "risk.md",
      },
    },
    {
      "max_contracts_per_second",
      what = "More contracts ordered within a second than there may be.",
      why = "All orders of that second count, filled or not.",
      todo = { "Wait and send it again, the error is `retryable`; or raise the limit." }, see = { "risk.md" },
    },
    {
      "max_daily_loss",
      what = "The loss of the day has reached its limit, and trading is halted.",
      why = "Realized and unrealized, with fees, since midnight in New York.",
      todo = { "`kalua explain halted` says how it goes on." }, see = { "risk.md" },
    },
    {
      "max_daily_trades",
      what = "As many orders of the day have filled, or may still fill, as there may be.",
      why = "The day begins at midnight in New York.",
      todo = { "Cancel what rests, wait for the next day, or raise `max_daily_trades`." }, see = { "risk.md" },
    },
    {
      "min_balance",
      what = "The order could leave less of the balance than must be left.",
      why = "Its price, the taker's fee and a cent for rounding are counted, and what newer orders took.",
      todo = { "Cancel or close something, or lower `min_balance`." }, see = { "risk.md" },
    },
    {
      "max_price_distance",
      what = "The price is too far from the middle of the book.",
      why = "Against a price that a mistake made. An empty side of the book counts as 0 or 1 dollar.",
      todo = { "Look at the book; or raise `max_price_distance`." }, see = { "risk.md" },
    },
    {
      "max_book_age",
      what = "It is too long ago that the book was known to be right.",
      why = "The feed is late, or was lost and is not back yet.",
      todo = { "`kalshi.status()` and `book.stale` say what is known; send it again when the book is current." },
      see = { "risk.md", "feed.md" },
    },
    {
      "max_clock_skew", alias = { "clock_skew" },
      what = "This machine's clock is too far from the exchange's.",
      why = "Signatures allow for it, but what you measure by the clock is wrong.",
      todo = { "`timedatectl` shows whether the clock is set by the network; `kalua doctor` measures the difference." },
      see = { "risk.md" },
    },
    {
      "self_cross",
      what = "The order would meet another order of the account.",
      why = "Of whichever script, resting or on its way: who trades with himself pays fees for nothing.",
      todo = { "Cancel the other first; `kalshi.orders{ ticker = t }` shows all of the account." }, see = { "risk.md" },
    },
    {
      "paper_overloaded", kind = "internal",
      what = "The paper exchange cannot keep up with the live market just now.",
      why = "Too much happened at once to be told to it.",
      todo = { "Try again in a moment; follow fewer markets." }, see = { "paper.md" },
    },
  },
}
