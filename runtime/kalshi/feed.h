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
} kl_feed_options;

kl_feed *kl_feed_new(uv_loop_t *loop, const kl_feed_options *o, kl_error *e);
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
 * longer than 63 bytes. */
kl_feed_book *kl_feed_book_open(kl_feed *f, const char *ticker, kl_error *e);
void kl_feed_book_release(kl_feed *f, kl_feed_book *b); /* the last one unsubscribes */

/* A watcher of one book. The owner embeds it; both callbacks are optional. */
typedef struct kl_book_watcher kl_book_watcher;
struct kl_book_watcher {
  kl_list link; /* the feed's */
  kl_list dirty;
  void *data;
  /* Once per read burst in which the book changed (or became stale, ready or failed). */
  void (*changed)(kl_book_watcher *w, kl_feed_book *b);
  /* For every delta, in order, with price in own terms of its side. A snapshot that replaces the book comes as NULL. */
  void (*delta)(kl_book_watcher *w, kl_feed_book *b, const kl_event *ev, kl_price own_price);
};
void kl_feed_watch(kl_feed_book *b, kl_book_watcher *w);
void kl_feed_unwatch(kl_book_watcher *w);

/* A subscription to channels other than books, or to the raw messages of any channel. */
typedef struct kl_feed_sub kl_feed_sub;
typedef struct kl_feed_sub_options {
  const char *const *channels; /* names, NULL-terminated */
  const char *const *tickers;  /* NULL or empty: all markets, where the channel allows it */
  bool send_initial_snapshot;
  void *data;
  /* Every message of these channels that concerns one of the tickers. Valid during the call. */
  void (*message)(void *data, const kl_event *ev, const char *raw, size_t n);
  /* Every channel was acknowledged (again, after a reconnect: `again` true), or the exchange refused one. */
  void (*ready)(void *data, bool again);
  void (*failed)(void *data, const kl_error *e);
} kl_feed_sub_options;
kl_feed_sub *kl_feed_subscribe(kl_feed *f, const kl_feed_sub_options *o, kl_error *e);
bool kl_feed_sub_add(kl_feed_sub *s, const char *const *tickers, kl_error *e);
bool kl_feed_sub_remove(kl_feed_sub *s, const char *const *tickers, kl_error *e);
void kl_feed_sub_close(kl_feed_sub *s);

typedef struct kl_feed_status {
  bool connected;
  double age; /* seconds since the last byte; negative before the first */
  uint64_t reconnects, messages, bytes, gaps, malformed, snapshots;
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
