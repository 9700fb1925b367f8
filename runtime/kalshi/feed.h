/* The live feed of a session: subscriptions merged over all that ask, on one WebSocket connection while the exchange
 * takes them there and on several when it does not; books kept right. It reconnects by itself, subscribes again,
 * notices gaps and resnapshots. Loop thread only; callbacks must not run Lua, they queue. */
#ifndef KL_FEED_H
#define KL_FEED_H

#include <uv.h>

#include "base/clock.h"
#include "base/list.h"
#include "kalshi/book.h"
#include "kalshi/channels.h"
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
  /* A handshake that was sent at `sent_ms` by this machine's clock was refused for its timestamp, by an answer that is
   * dated `date_ms`: whoever signs may correct its clock by that. Signed anew, it is tried once more. May be NULL. */
  void (*expired)(void *sign_data, int64_t date_ms, int64_t sent_ms);
  bool can_connect; /* false: no key, subscribing is an error of kind "auth" */
  /* Asks for NO levels in NO prices instead of YES prices (`use_yes_price` false). */
  bool no_levels_in_no_prices;
  bool filters_here;           /* channels that can be had whole are: the exchange need not know the markets */
  int64_t snapshot_timeout_ms; /* how long a market's first snapshot may take; 0: 5,000 */
  int64_t command_timeout_ms;  /* how long an answer to a command may take; 0: 10,000 */
  int64_t late_ms;             /* data older than this when it comes is late; 0: 2,000 */
  uint32_t max_connections;    /* 0: 16 */
  bool stepped;                /* connections open and messages are told by kl_feed_step only */
  /* The exchange's time in ms, for the age of what comes; NULL: this machine's. */
  int64_t (*now_ms)(void *sign_data);
} kl_feed_options;

/* Connects when the first subscription is wanted, not before. Strings are copied. NULL with `e` for a URL without
 * scheme or when memory is out. */
kl_feed *kl_feed_new(uv_loop_t *loop, const kl_feed_options *o, kl_error *e);
/* Of a stepped feed: tells what came, or else opens a connection that is wanted; false: neither was due. */
bool kl_feed_step(kl_feed *f);
/* What was sent and received over its open connections, and how many they are; true: more is about to be sent. */
bool kl_feed_look(const kl_feed *f, uint64_t *commands, uint64_t *received, size_t *links);
/* Ends the connection; books and subscriptions still open fail with kind "closed", and their owners must give them back
 * before `closed` is called, from the loop. Takes NULL without a call. */
void kl_feed_close(kl_feed *f, void (*closed)(void *), void *data);

/* A market's book as the feed keeps it: one per ticker, shared by all that hold it. */
typedef struct kl_feed_book {
  kl_book *book;
  int64_t seq;      /* of the last message applied */
  int64_t ts_ms;    /* exchange's time of the last change that carried one */
  int64_t rx_ns;    /* monotonic time of the last change here */
  uint64_t changes; /* counts every change, snapshots and stale marks included */
  bool ts_last;     /* ts_ms is of the last change */
  bool ready;       /* had a snapshot at least once */
  bool stale;       /* may be wrong: gap, reconnect, or no snapshot yet */
  bool failed;      /* the exchange refused it: see error */
  void *priv;       /* the feed's */
  char ticker[64];
  kl_error error;
} kl_feed_book;

/* Opens (subscribing if nobody holds it yet) and retains. NULL with `e` if there is no way to connect or the ticker is
 * not one (empty, longer than 63 bytes, other bytes than letters, digits, '.', '_' and '-'). A book that failed is not
 * handed out again: the next open asks the exchange anew. */
kl_feed_book *kl_feed_book_open(kl_feed *f, const char *ticker, kl_error *e);
void kl_feed_book_release(kl_feed *f, kl_feed_book *b); /* the last one unsubscribes */
/* Seconds since the book's last change: by the time it came here, or by the exchange's time of it if that is longer
 * ago, so that a feed that is behind shows. */
double kl_feed_book_age(const kl_feed *f, const kl_feed_book *b);

/* A book that is current (ready, neither stale nor failed), by chance: the same `random` gives the same one while
 * nothing changes. Not retained. NULL when there is none. */
kl_feed_book *kl_feed_book_sample(const kl_feed *f, uint64_t random);
/* The book of a market that somebody holds; NULL when nobody does. Not retained. */
kl_feed_book *kl_feed_book_find(const kl_feed *f, const char *ticker);
/* Calls `each` for the books that somebody holds, in no particular order, until it returns false. Opens and releases
 * none within. */
void kl_feed_books_each(const kl_feed *f, bool (*each)(void *data, const kl_feed_book *b), void *data);
/* A book was found to be wrong in spite of unbroken numbers: it is stale until a snapshot has come, which is asked for.
 * The listeners are told `what` with `detail`. */
void kl_feed_book_distrust(kl_feed_book *b, const char *what, const char *detail);

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
 * twice. Books may be released inside callbacks. The last release of a book takes its watchers off: w->link is then in
 * no list, by which a watcher that holds no book of its own knows that `b` is gone. */
void kl_feed_watch(kl_feed_book *b, kl_book_watcher *w);
void kl_feed_unwatch(kl_book_watcher *w);

/* A subscription to channels other than books, or to the raw messages of any channel. Subscriptions are merged: the
 * exchange is asked for the union, and each gets the messages of its own tickers. A channel that the exchange does not
 * filter by market is filtered here, as are those of the account; a message that names no market reaches every
 * subscription of its channel. */
typedef struct kl_feed_sub kl_feed_sub;
typedef struct kl_feed_sub_options {
  const char *const *channels; /* names, NULL-terminated; all must take the same kind of key */
  kl_feed_key key;
  /* NULL or empty: all markets, where the channel allows it; no index yet, where it is chosen by index. Copied. */
  const char *const *tickers;
  bool send_initial_snapshot;
  bool no_levels_in_no_prices; /* orderbook_delta with use_yes_price false */
  bool only_own_rfqs;          /* communications with user_filter "self" */
  int shard_factor, shard_key; /* communications; factor 0: not sharded */
  void *data;
  /* Every message of these channels that concerns one of the tickers. Valid during the call. */
  void (*message)(void *data, const kl_event *ev, const char *raw, size_t n);
  /* Every channel and ticker was acknowledged: first, after an addition, and after a reconnect (`again` true). */
  void (*ready)(void *data, bool again);
  /* The exchange refused a channel or a ticker; nothing comes any more, what is left is to close it. */
  void (*failed)(void *data, const kl_error *e);
  /* The exchange refused one ticker of a subscription that works: it goes on with the others. */
  void (*refused)(void *data, const kl_error *e);
} kl_feed_sub_options;
/* Callbacks come later, never from within. NULL with `e`: no way to connect, no channel, a malformed ticker, a
 * parameter that a channel does not have, or orderbook_delta without tickers. */
kl_feed_sub *kl_feed_subscribe(kl_feed *f, const kl_feed_sub_options *o, kl_error *e);
/* Adds tickers (those it has already are skipped) or removes them (unknown ones are skipped). False with `e` where it
 * covers all markets, has failed, or when the last ticker would go (close it instead). */
bool kl_feed_sub_add(kl_feed_sub *s, const char *const *tickers, kl_error *e);
bool kl_feed_sub_remove(kl_feed_sub *s, const char *const *tickers, kl_error *e);
/* Nothing waits for an acknowledgement. */
bool kl_feed_sub_ready(const kl_feed_sub *s);
void kl_feed_sub_close(kl_feed_sub *s); /* takes NULL */

/* Of the message that subscriptions are being given, or were last: its number, which is the same for all that get it
 * and grows; its channel; and what it is about, of the subscription's kind of key (empty where it names nothing). The
 * texts are valid during the call of `message`. */
typedef struct kl_feed_origin {
  uint64_t number;
  const char *channel;
  kl_str key;
} kl_feed_origin;
const kl_feed_origin *kl_feed_origin_of(const kl_feed *f);

/* A question to the exchange over the feed; the owner embeds it and keeps it where it is until it was answered or
 * cancelled. */
typedef struct kl_feed_request kl_feed_request;
struct kl_feed_request {
  void *data;
  /* Once, from the loop: the whole message that answered (valid during the call), or why there is none. */
  void (*answer)(kl_feed_request *r, const char *raw, size_t n, const kl_error *e);
};
/* What the index channel of this subscription has to offer: `msg` of the answer has the list. False with `e`: not a
 * channel that has a list, or it is not connected. */
bool kl_feed_sub_list(kl_feed_sub *s, kl_feed_request *r, kl_error *e);
/* The subscriptions that the exchange has on connection `i` (from 0): `msg` of the answer is the list. False with `e`
 * where that is not open. */
bool kl_feed_subscriptions(kl_feed *f, uint32_t i, kl_feed_request *r, kl_error *e);
void kl_feed_request_cancel(kl_feed *f, kl_feed_request *r); /* it is not called any more */

typedef struct kl_feed_status {
  bool wanted;               /* somebody subscribes to something */
  bool connected;            /* every connection that is needed is open, and there is one */
  uint32_t connections;      /* open ones */
  uint32_t connections_made; /* that there may be: the bound of kl_feed_subscriptions */
  double age;                /* seconds since the last byte, of the quietest connection; negative before the first */
  double delay; /* seconds from the exchange's time of the last message that carried one until it was here */
  bool late;    /* the delay has been above the bound for a second and more */
  uint64_t reconnects, messages, bytes, gaps, malformed, snapshots;
  uint64_t duplicates; /* messages with a seq that had been before */
  uint64_t ignored;    /* deltas of a market that waits for its snapshot or is no longer wanted */
  uint64_t desyncs;    /* deltas that would have made a level negative */
  uint64_t books, stale_books;
  char last_error[256];
} kl_feed_status;
void kl_feed_status_get(const kl_feed *f, kl_feed_status *out);
/* Messages of the channel kl_channel_table[i]; of channels that are not there with i = kl_channel_count. */
uint64_t kl_feed_channel_messages(const kl_feed *f, size_t i);

/* The owner is told when a connection came or went ("connected", "disconnected"), a gap was seen ("gap"), all books are
 * current again after one or after a reconnect ("resync"), data is old when it comes ("late") and no longer
 * ("current"), a ticker of a subscription that works was refused ("refused"), and when the audit found a book that was
 * wrong ("audit"). */
typedef struct kl_feed_listener {
  kl_list link;
  void *data;
  void (*status)(void *data, const char *what, const char *detail);
} kl_feed_listener;
void kl_feed_listen(kl_feed *f, kl_feed_listener *l);
void kl_feed_unlisten(kl_feed_listener *l);

#endif
