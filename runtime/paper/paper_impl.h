/* What the files of paper trading share: paper.c (its life, and who asks for what), live_market.c (one market). */
#ifndef KL_PAPER_IMPL_H
#define KL_PAPER_IMPL_H

#include <pthread.h>

#include "base/buf.h"
#include "base/map.h"
#include "paper/paper.h"
#include "trading/market_info.h"

/* A market that the paper exchange mirrors. What it is yet to be told is noted first and told when there is room. */
typedef struct kl_live_market {
  kl_paper_exchange *p;
  char ticker[64];
  kl_market_waiter waiter; /* for its description, at first */
  bool waits;
  int64_t told_ns;    /* read_ns of the description that was told; 0: none */
  bool ended;         /* it is settled: nothing changes any more */
  int64_t ended_ns;   /* when that was noticed */
  kl_feed_book *book; /* NULL: not open, or it was refused */
  kl_book_watcher watcher;
  bool whole;        /* the paper exchange has the book as it is; else it gets a snapshot next */
  bool told_stale;   /* and knows that it has not */
  bool due_ready;    /* the orders that wait for it are to go on */
  bool due_missing;  /* or to be refused, */
  bool unknown;      /* since there is no such market, or */
  char missing[160]; /* for this reason */
} kl_live_market;

struct kl_paper_exchange {
  uv_loop_t *loop;
  kl_session *market;
  kl_feed *feed;
  kl_sim *sim;
  kl_market_infos *infos;
  kl_map *markets;      /* kl_live_market by ticker */
  kl_feed_sub *trades;  /* of all of them; NULL before the first */
  kl_feed_sub *changes; /* of the life of all markets; the same */
  kl_feed_listener listener;
  kl_call *asked_status; /* under way */
  int64_t status_ns;     /* when it was asked for; 0: not yet */
  kl_pause pauses[KL_EXCHANGE_SHARDS];
  int64_t latency_us;
  kl_money start; /* what the account began with, */
  bool resumed;   /* unless it goes on from a file */
  unsigned ticks;
  uv_async_t *wanted; /* owned; freed when they are closed */
  uv_timer_t *tick;
  /* From the simulator's thread. */
  pthread_mutex_t lock;
  kl_buf names; /* of markets, each with its NUL */
};

/* Somebody wants it: it is described, opened and told. */
void kl_live_market_want(kl_live_market *m);
/* Tells what is due, as far as there is room. */
void kl_live_market_tell(kl_live_market *m);
/* Something of it found the way to the paper exchange full: false, and its book is told anew. */
bool kl_live_market_lose(kl_live_market *m);
/* A newer description than the one that was told is told. */
void kl_live_market_look(kl_live_market *m);
/* It has settled so long ago that nobody asks for it any more, most likely. */
bool kl_live_market_is_old(const kl_live_market *m);
void kl_live_market_free(kl_live_market *m); /* takes NULL */
/* paper.c: its trades are subscribed to, and the life of markets. False with `e`. */
bool kl_paper_exchange_follow(kl_paper_exchange *p, const char *ticker, kl_error *e);
/* paper.c: whether what was subscribed to is acknowledged. */
bool kl_paper_exchange_followed(const kl_paper_exchange *p);
void kl_paper_exchange_unfollow(kl_paper_exchange *p, const char *ticker);

#endif
