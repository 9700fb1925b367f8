-- The way to the exchange, its feed, and servers of scripts.
return {
  {
    name = "network", title = "The way to the exchange and other servers", kind = "network", exit = 4,
    {
      "host_not_found",
      what = "The name of the host has no address.",
      why = "It is misspelt, or this machine has no network or no DNS.",
      todo = { "`getent hosts NAME`; `kalua doctor` tries the way to the exchange." },
    },
    {
      "connection_failed",
      what = "Nobody took the connection.",
      why = "Nothing listens at that address and port, or a firewall stands between.",
      todo = {
        "Of a server of yours: is it running, and is the port right? Of the exchange: `kalua doctor`, and `kalua "
          .. "api get_exchange_status`.",
      },
    },
    {
      "connection_lost",
      what = "The connection broke off before the answer was whole.",
      why = "The server or something between ended it. Reads are repeated by themselves; of an order it is looked "
        .. "up what became of it.",
      todo = { "Nothing, when it is rare. When it is not: the network of this machine, its proxy, its sleep." },
      see = { "scripts.md" },
    },
    {
      "no_answer", kind = "timeout",
      what = "The server said nothing for as long as was waited.",
      why = "It is overloaded or unreachable, or the answer takes longer than the time limit.",
      todo = { "For a call of a script: `timeout = 60` in its table. For the exchange: `kalua doctor`." },
    },
    {
      "no_connection_in_time", kind = "timeout",
      what = "There was no connection within the time limit.",
      why = "A firewall that drops in silence, a network that is gone, or a server that is overloaded.",
      todo = { "`kalua doctor`; for a server of your own, try it with curl." },
    },
    {
      "tls_failed",
      what = "The encrypted connection could not be made.",
      why = "What answers speaks no TLS there, or one too old, or something between interferes.",
      todo = { "Is it the right port? `openssl s_client -connect HOST:443` shows more." },
    },
    {
      "certificate_untrusted", kind = "config", exit = 3,
      what = "The server's certificate is not one that is trusted.",
      why = "It is for another name, has expired, or is signed by an authority that this machine does not know: a "
        .. "company's proxy, or a server of your own. Your key and orders would be seen by whoever holds it.",
      todo = {
        "Is this machine's date right, and are ca-certificates installed?",
        "For an authority of your own: `--ca FILE`, or `KALUA_CA`.",
      },
    },
    {
      "ca_file_wrong", kind = "config", exit = 3,
      what = "The certificates that servers are checked with cannot be loaded.",
      why = "The file of `--ca` is not there or no PEM, or the system has none.",
      todo = { "`apt-get install ca-certificates`, or `--ca FILE` with a PEM file." },
    },
    {
      "proxy_failed",
      what = "The proxy did not let the connection through.",
      why = "`https_proxy` or `all_proxy` in the environment names it.",
      todo = { "Mend the address, with `user:password@` where it asks for that, or set `no_proxy` to the host." },
    },
    {
      "answer_unreadable", kind = "protocol",
      what = "The answer is not what the exchange or server should send.",
      why = "Something else answers at that address: a login page of a network, a proxy, another service. Or the "
        .. "exchange has changed.",
      todo = { "Look at the part that the message shows; check the URL; `kalua doctor`." },
    },
    {
      "answer_too_long", kind = "protocol",
      what = "The answer is longer than was allowed.",
      why = "An answer of `http` is held in memory whole, up to `max_body`.",
      todo = { "`max_body = 64 * 1024 * 1024` in the request, or `http.stream`, which hands it out in pieces." },
      see = { "scripts.md" },
    },
    {
      "redirect_refused", kind = "protocol",
      what = "The server sends on to somewhere that is not followed.",
      why = "From https to http, to something that is no address, or once too often.",
      todo = { "Ask the address that it leads to, or raise `redirects`." },
      see = { "scripts.md" },
    },
    {
      "header_reserved", kind = "validation",
      what = "A header of the request is one that a script cannot set.",
      why = "The client sets it, or it belongs to signed calls of the exchange, which would then pass by limits "
        .. "and the record of orders.",
      todo = { "Leave it out; calls to the exchange are `kalshi.…`." },
    },
    {
      "sent", kind = "network",
      what = "A request of the module `http` got no answer, and the server may have got it.",
      why = "The connection broke, or the time was over, after the request had begun to leave.",
      todo = { "What may be done twice can be sent again; else look first what became of it." },
      see = { "scripts.md" },
    },
    {
      "unsent", kind = "network",
      what = "A request of the module `http` got no answer, and the server has surely not got it.",
      why = "There was no connection.",
      todo = { "It can be sent again." },
      see = { "scripts.md" },
    },
    {
      "session_closed", kind = "closed",
      what = "The connection to the exchange was closed by this process.",
      why = "It is ending.",
      todo = { "Nothing: it is the end. What must be done before belongs into `kalua.on_stop`." },
    },
    {
      "tokens_exhausted", kind = "timeout",
      what = "The call waited for its rate-limit tokens until its time was over.",
      why = "The account may spend so many tokens a second, and all scripts and other programs on it together "
        .. "want more. Orders go first.",
      todo = {
        "`kalshi.budget()` shows tokens, rates and how many calls wait.",
        "Read less often, use the feed in place of polling, or give `timeout`.",
      },
      see = { "scripts.md" },
    },
    {
      "timeout_unsent", kind = "timeout",
      what = "The time of the call was over before it left.",
      why = "It was held up by what must come first: tokens, or the exchange's clock.",
      todo = { "Nothing happened at the exchange: it can be sent again." },
    },
    {
      "batch_too_large", kind = "validation",
      what = "The batch costs more tokens than the account's bucket ever holds.",
      why = "It could wait for ever.",
      todo = { "Send as many orders at once as the message says." },
      see = { "scripts.md" },
    },
  },
  {
    name = "feed", title = "Books, subscriptions, messages", kind = "ws",
    {
      "no_such_market", kind = "validation",
      what = "There is no market with that ticker.",
      why = "It is misspelt, or an event's or a series' ticker, or of the other environment: demo, prod and the "
        .. "embedded exchange have different markets.",
      todo = { "`kalua api get_markets series_ticker=KXFED status=open --env ENV` lists those of a series." },
      see = { "feed.md" },
    },
    {
      "unknown_channel", kind = "validation",
      what = "The feed has no channel of that name.",
      why = "The message proposes the nearest.",
      todo = { "`kalua tail --list`" },
      see = { "feed.md" },
    },
    {
      "gap", kind = "ws",
      what = "An event of the channel `kalshi.status`: numbers of a subscription are missing.",
      why = "A message was lost. The books that it may concern are stale until their new snapshots are there, "
        .. "which is asked for at once.",
      todo = { "Nothing: it heals by itself. Do not quote on a book while `book.stale` is true." },
      see = { "feed.md" },
    },
    {
      "late", kind = "ws",
      what = "An event of the channel `kalshi.status`: data comes, but more than two seconds old.",
      why = "The exchange, the network or this process is behind. When it is this process, `kalua ps` and "
        .. "`kalshi.status()` show it busy.",
      todo = { "Look at `book.age` before an order, or set the limit `max_book_age`." },
      see = { "feed.md" },
    },
    {
      "overflow", kind = "overflow",
      what = "The loop fell so far behind that messages were dropped; the error says how many. It may go on from "
        .. "there.",
      why = "A queue keeps 4,096 changes of a book, 10,000 messages or 4 MiB of a subscription. A loop that waits "
        .. "inside, as for an order, falls behind.",
      todo = {
        "`for book in kalshi.book(t):changes()` never overflows: it gives the newest state.",
        "Do the slow part in a task of its own: `task.spawn(…)`.",
      },
      see = { "feed.md" },
    },
    {
      "reader_taken", kind = "validation",
      what = "Another task reads there already.",
      why = "Each message is handed out once; two readers would each get a part.",
      todo = { "Open one for each task, or hand messages on by `task.channel()`." },
    },
    {
      "handle_closed", kind = "closed",
      what = "The book, subscription, stream, connection or channel was closed before.",
      why = "By `:close()`, by leaving the block of a `<close>` variable, or by the server.",
      todo = { "Open it again; what was closed stays closed." },
    },
    {
      "feed_key_refused", kind = "auth", exit = 3,
      what = "The exchange refused the key when the feed connected.",
      why = "The id and the private key do not belong together, the key is of another environment, or this "
        .. "machine's clock is wrong.",
      todo = { "`kalua doctor --env ENV`" },
      see = { "paper-to-live.md" },
    },
    {
      "feed_too_many_connections", kind = "auth", exit = 3,
      what = "The exchange refused one more connection of the feed while others are open.",
      why = "An account may have so many, of all programs together.",
      todo = { "Close other programs that use this key, or subscribe to fewer markets." },
      see = { "feed.md" },
    },
    {
      "feed_no_answer", kind = "ws",
      what = "The exchange did not answer a command of the feed.",
      why = "The connection is dead, or the exchange is overloaded.",
      todo = { "Nothing: it is connected to anew, books are stale until then." },
      see = { "feed.md" },
    },
    {
      "feed_not_connected", kind = "ws",
      what = "The feed is not connected at this moment.",
      why = "A connection has ended and the next is being made.",
      todo = { "Try again; `kalshi.status()` says whether it is connected, and the last error." },
      see = { "feed.md" },
    },
    {
      "ws_closed", kind = "ws",
      what = "The server closed the WebSocket; the number is its reason.",
      why = "1001 and 1012: it restarts. 1008: it does not want this client. 1009: a message was too long.",
      todo = {
        "The exchange's feed is connected to anew by itself. A connection of your own: connect again, with "
          .. "growing pauses.",
      },
      see = { "scripts.md", "feed.md" },
    },
    {
      "account_unread", kind = "timeout", exit = 4,
      what = "Orders and positions of the account could not be read in time. It is tried further.",
      why = "The feed or REST does not answer; the message says which.",
      todo = { "`kalua doctor --env ENV`; ask again later." },
    },
  },
}
