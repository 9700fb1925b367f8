/* What the files of the feed share: feed_link.c has the connections, feed.c the way of a message, feed_channel.c what
 * the exchange was asked for, feed_answer.c what it said to that, feed_market.c the markets of a channel and on which
 * connection they are, feed_books.c the books, feed_subs.c the subscriptions, feed_scan.c the fields of a raw message.
 */
#ifndef KL_FEED_INTERNAL_H
#define KL_FEED_INTERNAL_H

#include "base/buf.h"
#include "base/timer.h"
#include "kalshi/feed.h"
#include "net/ws_client.h"

enum {
  KL_FEED_TICKER_MAX = 64,
  KL_FEED_PARAMS_MAX = 96,
  KL_FEED_CHUNK = 500,  /* markets in one command */
  KL_FEED_HELD = 65536, /* deltas held back for snapshots, over all markets */
  /* Kalshi, "WebSocket connection": market subscriptions of one connection. */
  KL_FEED_LINK_MARKETS = 500000,
  KL_SEQ_UNKNOWN = -2 /* no number is the next one of it */
};

typedef struct kl_feed_link kl_feed_link;
typedef struct kl_feed_channel kl_feed_channel;
typedef struct kl_feed_market kl_feed_market;

/* A book as the feed has it. In front is what every delta touches, at the beginning of a cache line; of the public part
 * that are the first members. */
typedef struct kl_feed_book_own {
  kl_feed *f;
  kl_list dirty; /* in the feed's list when watchers have to be told */
  kl_list delta_watchers;
  kl_list watchers; /* the others */
  uint32_t refs;
  kl_feed_book pub;
  kl_feed_market *market; /* NULL once failed */
  kl_list dead;
} kl_feed_book_own;

/* A delta that came while a book waited for its snapshot. */
typedef struct kl_feed_held {
  kl_price price; /* as on the wire */
  kl_count delta;
  int64_t seq, ts_ms;
  kl_outcome side;
  bool has_ts;
} kl_feed_held;

/* A ticker (or index, or whatever else selects) of one channel: who wants it, and what the exchange was told. */
struct kl_feed_market {
  kl_list dead; /* first: see kl_feed_bury */
  /* What every message of the market looks at, together. */
  kl_feed_book_own *book;
  uint32_t len, hash;
  bool awaiting; /* the book ignores deltas until its snapshot */
  char ticker[KL_FEED_TICKER_MAX];
  kl_feed_channel *channel;
  kl_list all;       /* in the channel's markets */
  kl_list work;      /* in the channel's work while something is to be sent */
  kl_list in_flight; /* in the channel's list until the addition is answered */
  kl_list interests; /* of subscriptions */
  uint32_t refs;     /* the book and the interests */
  bool sent, acked;
  bool shown;         /* a snapshot came since it was sent */
  bool initial;       /* to be added (again) asking for the first state */
  bool need_snapshot; /* get_snapshot is to be sent */
  uint32_t tries;     /* snapshots asked for in vain */
  int64_t since_ns;   /* when the snapshot became due */
  int64_t desync_ns;  /* when a delta last did not fit; 0: never */
  int64_t held_from;  /* awaiting: a snapshot with this seq or a later one and `held` make the book; < 0: seq_after */
  kl_feed_held *held; /* NULL: none */
  uint32_t n_held, cap_held;
  int64_t cmd;      /* the addition in flight */
  int64_t added_by; /* the last addition */
};

typedef struct kl_feed_table {
  kl_feed_market **slots;
  size_t cap, count; /* cap: power of two or 0 */
} kl_feed_table;

/* Where the numbers of one subscription are. */
typedef struct kl_feed_seq {
  int64_t last;    /* the last seen; KL_SEQ_UNKNOWN: a message could not be read, the next later one is taken */
  int64_t before;  /* then: the last one before it */
  int64_t after;   /* and since: the one behind which nothing is missing */
  int64_t earlier; /* the last message had this number, though it was not its turn; 0: it had its own */
} kl_feed_seq;

/* One subscription of the exchange (one sid): a channel on one connection. The first one, the head, is what others
 * hold; when a connection does not take all its markets, `next` has the same channel on another. */
struct kl_feed_channel {
  kl_feed *f;
  kl_feed_link *link;
  kl_list in_feed; /* in the feed's channels; heads only */
  kl_list in_link;
  kl_feed_channel *head, *next;
  char name[48];
  char params[KL_FEED_PARAMS_MAX]; /* further members of the parameters of subscribe, ",\"a\":1"; "" for none */
  kl_feed_key key;
  kl_channel_filter filter;
  uint8_t kind;     /* in kl_channel_table; behind it: unknown */
  bool books;       /* orderbook_delta as the books need it */
  bool snapshots;   /* orderbook_delta, that and the other */
  bool has_initial; /* knows send_initial_snapshot */
  kl_feed_table table;
  kl_list markets, work, in_flight;
  kl_list wide, narrow;  /* of a head: kl_feed_part of subscriptions to all markets, and to some */
  uint32_t wanted;       /* markets with refs, and subscriptions to all or to none yet */
  uint32_t markets_held; /* markets with refs */
  uint32_t wide_refs;
  uint32_t most;  /* markets that the exchange takes; learned from error 26 */
  uint32_t chunk; /* markets in one addition; smaller while `most` is being learned */
  uint32_t lot;   /* markets in one request for snapshots; learned from error 26 */
  bool initial;   /* a wide subscription asks for the first state */
  bool dirty;     /* to be looked at by the next flush */

  int64_t sid; /* 0: none */
  kl_feed_seq seq;
  int64_t ending;         /* the one that it had, until the exchange has ended it: its last messages are still wanted */
  kl_feed_seq ending_seq; /* of that */
  int64_t subscribe_cmd;  /* in flight; 0: none */
  bool is_wide;           /* the exchange was asked for all markets */
  bool restart;           /* unsubscribe and subscribe anew */
  int64_t not_before_ns;  /* nothing is asked for before */
  uint32_t failures;      /* subscriptions that the exchange ended, in a row */
  int64_t live_ns;        /* when the subscription was acknowledged */
  int64_t last_snapshot_ns;
};

/* A subscription's share in a channel, and its interest in one market there. */
typedef struct kl_feed_part {
  kl_list link; /* in the channel's wide or narrow */
  kl_feed_sub *sub;
  kl_feed_channel *channel; /* a head */
  bool acked;               /* or nothing to wait for: its markets tell */
} kl_feed_part;

typedef struct kl_feed_interest {
  kl_list dead; /* first */
  kl_list in_market, in_sub;
  kl_feed_sub *sub; /* NULL: a cursor */
  kl_feed_market *market;
  bool acked;
  bool going; /* to be dropped by the removal under way */
} kl_feed_interest;

struct kl_feed_sub {
  kl_list dead; /* first */
  kl_list link; /* in the feed's subs */
  kl_feed *f;
  kl_feed_key key;
  bool all, initial;
  bool keyless; /* to no index yet: nothing flows, but the list can be had */
  bool failed, closed;
  bool was_ready, again;
  size_t pending; /* parts and interests not acknowledged */
  kl_list interests;
  void *data;
  void (*message)(void *data, const kl_event *ev, const char *raw, size_t n);
  void (*ready)(void *data, bool again);
  void (*on_failed)(void *data, const kl_error *e);
  void (*refused)(void *data, const kl_error *e);
  size_t n_parts;
  kl_feed_part parts[];
};

typedef enum {
  KL_CMD_SUBSCRIBE,
  KL_CMD_UNSUBSCRIBE,
  KL_CMD_ADD,
  KL_CMD_DELETE,
  KL_CMD_SNAPSHOT,
  KL_CMD_LIST /* of indices, or of subscriptions */
} kl_feed_cmd_kind;

typedef struct kl_feed_cmd {
  int64_t id;
  kl_feed_cmd_kind kind;
  kl_feed_channel *channel; /* NULL: of none */
  kl_feed_request *request; /* of a list; NULL once nobody waits */
  int64_t sid;              /* the subscription that it changes or ends; 0: none */
  int64_t sent_ns;
  uint32_t markets; /* that it names, of an update */
} kl_feed_cmd;

typedef enum { KL_LINK_IDLE, KL_LINK_SIGNING, KL_LINK_CONNECTING, KL_LINK_OPEN, KL_LINK_WAITING } kl_link_state;

/* One connection. Channels are put on the first one that has none of that name, since the exchange knows one
 * subscription to a channel on each. */
struct kl_feed_link {
  kl_feed *f;
  kl_list in_feed;
  uint32_t number; /* from 1 */
  kl_link_state state;
  kl_ws_client *ws;
  void *signing;
  uint32_t attempts;  /* connections lost or failed in a row */
  int64_t opened_ns;  /* when this one opened */
  int64_t asked_ms;   /* when its handshake began, by the wall clock */
  bool corrected;     /* the clock was, since one last opened or was refused */
  uint64_t old_bytes; /* of earlier connections */
  bool was_open;
  kl_timer retry;
  kl_list channels;
  kl_feed_channel *last; /* of the last look-up by sid */
  int64_t next_id;
  struct {
    kl_buf came; /* messages that are not told yet: each its length, as a size_t, and a multiple of that of bytes */
    uint64_t received, commands; /* since it opened */
    bool due;                    /* it is to be opened */
  } stepped;
  kl_feed_cmd *cmds;
  size_t n_cmds, cap_cmds;
  int64_t sent_ms;       /* the exchange's time of the newest message of this read; 0: none had one */
  int64_t late_since_ns; /* since when all that came was late; 0: it is not */
};

struct kl_feed {
  uv_loop_t *loop;
  kl_feed_options o;
  char *url, *ca_file, *path;
  kl_decoder *decoder;

  uv_prepare_t flush; /* sends what is wanted, once per loop turn */
  kl_timer tick;      /* looks at deadlines while there are any */
  int handles;
  bool closing, flush_on, tick_on;
  void (*closed)(void *);
  void *closed_data;
  uint64_t random;

  kl_list links;    /* at least one */
  kl_list channels; /* heads */
  uint32_t n_links;
  kl_feed_channel *books; /* head of channel orderbook_delta; NULL before it was wanted */
  kl_buf out;

  int depth;        /* of callbacks under way; memory is freed at 0 */
  kl_list dead;     /* plain memory, by its first member */
  kl_list dead_own; /* books */
  kl_list dirty;    /* books whose watchers are to be told */
  kl_list subs;
  kl_feed_origin origin;
  kl_list settled; /* subscriptions (by `dead`) whose owners are to hear that all is acknowledged */
  kl_list listeners;
  int64_t burst_ns;    /* time of the read under way; 0: not asked yet */
  kl_level *levels[2]; /* scratch: converted levels of a snapshot, and the book before it */
  size_t cap_levels[2];
  size_t n_held;    /* deltas that wait for snapshots, over all markets */
  bool resyncing;   /* some book is stale after a gap or a reconnect */
  bool late;        /* told so */
  int64_t delay_ms; /* of the last message that carried a time; 0 before */

  uint64_t by_channel[KL_CHANNELS_MOST]; /* messages, by kl_feed_channel.kind */
  uint64_t messages, gaps, malformed, snapshots, duplicates, ignored, desyncs, reconnects, n_books, n_stale;
  int64_t malformed_logged_ns;
  uint64_t malformed_quiet;
  char last_error[256];
};

/* ---- feed.c ---- */
int64_t kl_feed_now(kl_feed *f);       /* monotonic ns, read once per burst */
void kl_feed_enter(kl_feed *f);        /* callbacks may run from here on: nothing is freed */
void kl_feed_leave(kl_feed *f);        /* the outermost one frees what was buried */
void kl_feed_bury(kl_feed *f, void *); /* takes memory that begins with an unlinked kl_list */
void kl_feed_wake(kl_feed *f);         /* flush in this loop turn, connect if need be */
void kl_feed_tick_on(kl_feed *f);
void kl_feed_tell(kl_feed *f, const char *what, const char *detail); /* the listeners */
void kl_feed_tell_owners(kl_feed *f);                                /* what is due to subscriptions and watchers */
void kl_feed_note(kl_feed *f, const char *text);                     /* last_error */
uint64_t kl_feed_random(kl_feed *f);
void kl_feed_message(kl_feed_link *l, const char *p, size_t n); /* one message of a connection */
/* The same for the spelling of today: false, and nothing done, where it is another. */
bool kl_feed_usual_message(kl_feed_link *l, const char *p, size_t n);
void kl_feed_burst_end(kl_feed_link *l); /* all messages of a read were handed over */
bool kl_feed_has_open_link(const kl_feed *f);
void kl_feed_refuse_waiters(kl_feed_link *l, const kl_error *e); /* fails all that never had what they wait for */
void kl_feed_handle_closed(uv_handle_t *h); /* close callback of every handle of the feed; h->data is the feed */

/* ---- feed_link.c ---- */
bool kl_feed_link_step(kl_feed_link *l);    /* as kl_feed_step */
kl_feed_link *kl_feed_link_new(kl_feed *f); /* appended to the feed's; NULL when out of memory */
void kl_feed_link_flush(kl_feed_link *l);   /* connects where something is wanted, sends what is to be sent */
bool kl_feed_link_check(kl_feed_link *l, int64_t now);      /* true while an answer is due */
void kl_feed_link_drop(kl_feed_link *l, const kl_error *e); /* end the connection, try again */
void kl_feed_link_close(kl_feed_link *l);                   /* for good; the memory goes with the feed */
void kl_feed_link_free(kl_feed_link *l);
bool kl_feed_link_wanted(const kl_feed_link *l);
/* Commands: begin writes up to the parameters into the feed's `out`, send completes it and notes that an answer is due.
 * False: there was no memory, and the connection is being dropped. */
kl_buf *kl_feed_command_begin(kl_feed_link *l, const char *cmd);
bool kl_feed_command_send(kl_feed_link *l, kl_feed_cmd_kind kind, kl_feed_channel *c, kl_feed_request *r);
/* Whether the message has the id of a command of that kind that waits for its answer. */
bool kl_feed_command_is(const kl_feed_link *l, const kl_event *ev, kl_feed_cmd_kind kind);
/* Whether a removal sent before the command `id` waits for its answer. */
bool kl_feed_deletes_before(const kl_feed_channel *c, int64_t id);
bool kl_feed_command_take(kl_feed_link *l, int64_t id, kl_feed_cmd *out);

/* ---- feed_market.c ---- */
kl_feed_market *kl_feed_market_find(kl_feed_channel *c, const char *ticker, size_t n);     /* in this one */
kl_feed_market *kl_feed_market_known(kl_feed_channel *head, const char *ticker, size_t n); /* on any connection */
/* One more holder; made where it is new. NULL when out of memory. */
kl_feed_market *kl_feed_market_want(kl_feed_channel *head, const char *ticker, size_t n);
void kl_feed_market_drop(kl_feed_market *m); /* one holder less; the last one frees it */
void kl_feed_market_free(kl_feed_market *m); /* that nobody holds */
void kl_feed_market_work(kl_feed_market *m); /* something is to be sent for it */
bool kl_feed_market_is_acked(const kl_feed_market *m);
/* Moves a market, which the exchange does not know, to another connection; false where none takes it. */
bool kl_feed_market_spill(kl_feed_market *m);
/* Moves half of the markets to another connection, where there may be one. */
void kl_feed_channel_split(kl_feed_channel *c);
bool kl_feed_key_check(kl_feed_key key, const char *ticker, kl_error *e);

/* ---- feed_channel.c ---- */
/* The channel of that name and those parameters, made where it is new; NULL with `e`. A head. */
kl_feed_channel *kl_feed_channel_get(kl_feed *f, const char *name, kl_feed_key key, const char *params, kl_error *e);
/* The same channel on one connection more; NULL when out of memory or no more are allowed. */
kl_feed_channel *kl_feed_channel_extend(kl_feed_channel *head);
kl_feed_channel *kl_feed_channel_of_sid(kl_feed_link *l, int64_t sid); /* NULL: none */
void kl_feed_channel_free(kl_feed_channel *c);                         /* this one, not those behind it */
/* On a further connection, while the first asks for all markets. */
bool kl_feed_channel_covered(const kl_feed_channel *c);
/* Its subscription brings what that one does not yet. */
bool kl_feed_channel_fills_in(const kl_feed_channel *c);
void kl_feed_channel_touch(kl_feed_channel *c);
void kl_feed_channel_flush(kl_feed_channel *c);
/* The connection is gone: nothing is subscribed any more. */
void kl_feed_channel_reset(kl_feed_channel *c);
/* The exchange ended the subscription: ask again, later each time. */
void kl_feed_channel_ended(kl_feed_channel *c, const char *why);
void kl_feed_forget_markets(kl_feed_channel *c); /* nothing of them is known to the exchange */

/* ---- feed_answer.c ---- */
void kl_feed_on_subscribed(kl_feed_link *l, const kl_event *ev);
void kl_feed_on_ok(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n);
void kl_feed_on_unsubscribed(kl_feed_link *l, const kl_event *ev);
void kl_feed_on_error(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n);
/* A message that carries the id of a command: true when it was the answer to a list. */
bool kl_feed_on_list(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n);

/* ---- feed_books.c ---- */
void kl_feed_books_message(kl_feed *f, kl_feed_market *m, const kl_event *ev);
void kl_feed_books_stale(kl_feed_market *m);     /* marks; nothing is asked for */
void kl_feed_books_resync(kl_feed_channel *c);   /* all of that subscription stale, all snapshots asked for */
void kl_feed_book_resync(kl_feed_market *m);     /* one */
void kl_feed_market_awaiting(kl_feed_market *m); /* deltas are held back until a snapshot */
void kl_feed_market_unheld(kl_feed_market *m);   /* drops what was held back */
void kl_feed_market_awaits(kl_feed_market *m);   /* its subscription is live: a snapshot is due */
void kl_feed_book_fail(kl_feed_book_own *b, const kl_error *e);
void kl_feed_books_tell(kl_feed *f);                       /* watchers of books that changed */
bool kl_feed_books_check(kl_feed_channel *c, int64_t now); /* true while a snapshot is due */
void kl_feed_book_free(kl_feed_book_own *b);

/* ---- feed_subs.c ---- */
void kl_feed_subs_message(kl_feed_channel *c, kl_feed_market *m, bool has_ticker, const kl_event *ev, const char *raw,
                          size_t n);
void kl_feed_subs_acked(kl_feed_channel *c); /* the channel itself was acknowledged; no owner is called yet */
void kl_feed_subs_market_acked(kl_feed_market *m);
void kl_feed_subs_unacked(kl_feed_channel *c); /* nothing is acknowledged any more */
/* What the exchange knew of the market is gone: whoever asked for its first state wants it again. */
void kl_feed_subs_want_initial(kl_feed_market *m);
void kl_feed_subs_settle(kl_feed *f); /* tells the owners of those that became ready */
void kl_feed_sub_fail(kl_feed_sub *s, const kl_error *e);
void kl_feed_subs_fail_all(kl_feed *f, const kl_error *e, bool only_waiting);
void kl_feed_subs_fail_channel(kl_feed_channel *c, const kl_error *e);
void kl_feed_subs_fail_market(kl_feed_market *m, const kl_error *e);

/* ---- feed_scan.c ---- */
/* Finds a member of `msg` in a message that is known to be valid JSON; *value is borrowed from it. */
bool kl_feed_scan_msg(const char *raw, size_t n, const char *key, kl_str *value);
/* The next string of an array's text: advances *array. Escapes are left as they are. False at the end. */
bool kl_feed_scan_string(kl_str *array, kl_str *out);
/* A string's bytes without its quotes; false when the value is none. */
bool kl_feed_scan_unquote(kl_str value, kl_str *out);
/* The number behind the key, given with its quotes, anywhere in bytes that may be anything; 0 when there is none. */
int64_t kl_feed_scan_number(const char *raw, size_t n, const char *key);

#endif
