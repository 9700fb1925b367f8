/* The live feed of a session: one WebSocket connection, subscriptions merged over all that ask, books kept right. It
 * reconnects by itself, subscribes again, notices gaps and resnapshots. Loop thread only; callbacks must not run Lua,
 * they queue. */
#ifndef KL_FEED_H
#define KL_FEED_H

#include <uv.h>

#include "base/clock.h"
#include "base/list.h"
#include "kalshi/book.h"
#include "kalshi/wire.h"

typedef struct kl_feed kl_feed;

/* How the feed gets signed headers for a handshake: must call `done` later (never from within) with complete header
 * lines, NULL-terminated, or an error. Returns a handle for `cancel`. */
typedef void (*kl_feed_headers_cb)(void *feed, const char *const *headers, const kl_error *e);

typedef struct kl_feed_options {
  const char *ws_url;
  const char *ca_file;
  const kl_clock *clock;
  void *sign_data;
  void *(*sign)(void *sign_data, const char *method, const char *path, kl_feed_headers_cb done, void *feed);
  void (*sign_cancel)(void *handle);
  bool can_connect; /* false: no key, subscribing is an error of kind "auth" */
  /* Asks for NO levels in NO prices instead of YES prices (`use_yes_price` false). */
  bool no_levels_in_no_prices;
  int64_t snapshot_timeout_ms; /* how long a market's first snapshot may take; 0: 5,000 */
  int64_t command_timeout_ms;  /* how long an answer to a command may take; 0: 10,000 */
} kl_feed_options;

/* Connects when the first subscription is wanted, not before. Strings are copied. NULL with `e` for a URL without
 * scheme or when memory is out. */
kl_feed *kl_feed_new(uv_loop_t *loop, const kl_feed_options *o, kl_error *e);
/* Ends the connection; books and subscriptions still open fail with kind "closed", and their owners must give them back
 * before `closed` is called, from the loop. Takes NULL without a call. */
void kl_feed_close(kl_feed *f, void (*closed)(void *), void *data);

/* A market's book as the feed keeps it: one per ticker, shared by all that hold it. */
typedef struct kl_feed_book {
  char ticker[64];
  kl_book *book;
  bool ready;  /* had a snapshot at least once */
  bool stale;  /* may be wrong: gap, reconnect, or no snapshot yet */
  bool failed; /* the exchange refused it: see error */
  kl_error error;
  int64_t seq;      /* of the last message applied */
  int64_t ts_ms;    /* exchange's time of the last change */
  int64_t rx_ns;    /* monotonic time of the last change here */
  uint64_t changes; /* counts every change, snapshots and stale marks included */
  void *priv;       /* the feed's */
} kl_feed_book;

/* Opens (subscribing if nobody holds it yet) and retains. NULL with `e` if there is no way to connect or the ticker is
 * not one (empty, longer than 63 bytes, other bytes than letters, digits, '.', '_' and '-'). A book that failed is not
 * handed out again: the next open asks the exchange anew. */
kl_feed_book *kl_feed_book_open(kl_feed *f, const char *ticker, kl_error *e);
void kl_feed_book_release(kl_feed *f, kl_feed_book *b); /* the last one unsubscribes */

/* A watcher of one book. The owner embeds it; both callbacks are optional. */
typedef struct kl_book_watcher kl_book_watcher;
struct kl_book_watcher {
  kl_list link; /* the feed's */
  void *data;
  /* Once per read burst in which the book changed (or became stale, ready or failed). */
  void (*changed)(kl_book_watcher *w, kl_feed_book *b);
  /* For every delta, in order, after the book has it, with the price in own terms of its side. A snapshot comes as the
   * deltas that lead from the book as it was to the book as it is, so that whoever adds up deltas stays right over a
   * gap or a reconnect. */
  void (*delta)(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price);
};
/* The owner keeps w where it is until kl_feed_unwatch, which may be called at any time, from inside callbacks too, and
 * twice. Books may be released inside callbacks. */
void kl_feed_watch(kl_feed_book *b, kl_book_watcher *w);
void kl_feed_unwatch(kl_book_watcher *w);

/* A subscription to channels other than books, or to the raw messages of any channel. Subscriptions are merged: the
 * exchange is asked for the union, and each gets the messages of its own tickers. A channel that the exchange does not
 * filter by market is filtered here; a message that names no market reaches every subscription of its channel. */
typedef struct kl_feed_sub kl_feed_sub;
typedef struct kl_feed_sub_options {
  const char *const *channels; /* names, NULL-terminated */
  const char *const *tickers;  /* NULL or empty: all markets, where the channel allows it; copied */
  bool send_initial_snapshot;
  void *data;
  /* Every message of these channels that concerns one of the tickers. Valid during the call. */
  void (*message)(void *data, const kl_event *ev, const char *raw, size_t n);
  /* Every channel and ticker was acknowledged: first, after an addition, and after a reconnect (`again` true). */
  void (*ready)(void *data, bool again);
  /* The exchange refused a channel or a ticker; nothing comes any more, what is left is to close it. */
  void (*failed)(void *data, const kl_error *e);
} kl_feed_sub_options;
/* Callbacks come later, never from within. NULL with `e`: no way to connect, no channel, a malformed ticker, or
 * orderbook_delta without tickers. */
kl_feed_sub *kl_feed_subscribe(kl_feed *f, const kl_feed_sub_options *o, kl_error *e);
/* Adds tickers (those it has already are skipped) or removes them (unknown ones are skipped). False with `e` where it
 * covers all markets, has failed, or when the last ticker would go (close it instead). */
bool kl_feed_sub_add(kl_feed_sub *s, const char *const *tickers, kl_error *e);
bool kl_feed_sub_remove(kl_feed_sub *s, const char *const *tickers, kl_error *e);
/* Nothing waits for an acknowledgement. */
bool kl_feed_sub_ready(const kl_feed_sub *s);
void kl_feed_sub_close(kl_feed_sub *s); /* takes NULL */

typedef struct kl_feed_status {
  bool connected;
  double age; /* seconds since the last byte; negative before the first */
  uint64_t reconnects, messages, bytes, gaps, malformed, snapshots;
  uint64_t duplicates; /* messages with a seq that had been before */
  uint64_t ignored;    /* deltas of a market that waits for its snapshot or is no longer wanted */
  uint64_t desyncs;    /* deltas that would have made a level negative */
  uint64_t books, stale_books;
  char last_error[256];
} kl_feed_status;
void kl_feed_status_get(const kl_feed *f, kl_feed_status *out);

/* The owner is told when the connection came, went or a gap was seen ("connected", "disconnected", "gap", "resync"). */
typedef struct kl_feed_listener {
  kl_list link;
  void *data;
  void (*status)(void *data, const char *what, const char *detail);
} kl_feed_listener;
void kl_feed_listen(kl_feed *f, kl_feed_listener *l);
void kl_feed_unlisten(kl_feed_listener *l);

#endif
