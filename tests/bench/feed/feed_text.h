/* The messages of the synthetic feed as the exchange writes them: key order and forms of its documentation, NO levels
 * in YES prices (`use_yes_price`), a `seq` for each sid of books and trades. */
#ifndef BENCH_FEED_TEXT_H
#define BENCH_FEED_TEXT_H

#include "base/buf.h"
#include "synthetic.h"

enum { SID_BOOKS = 1, SID_TICKER = 2, SID_TRADE = 3 };

/* Where the feed is: counters of what was sent, and the exchange's time. */
typedef struct feed_position {
  int64_t seq_books, seq_trade; /* of the last message */
  int64_t ms;                   /* since the epoch */
} feed_position;

/* Appends a market's book; `id` is that of the command which asked for it, 0 for none. Counts in `at`. */
void feed_put_snapshot(kl_buf *out, const synthetic_market *m, int64_t id, feed_position *at);
/* Appends what an event is on the wire; counts in `at`. */
void feed_put_event(kl_buf *out, const synthetic_event *e, feed_position *at);

#endif
