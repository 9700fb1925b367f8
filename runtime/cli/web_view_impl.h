/* What the files of the view share: web_view.c (routes, samples, streams), web_view_state.c (the process and its
 * scripts), web_view_rows.c (orders, positions, fills), web_view_book.c (a book, lines of the log). Each of them
 * appends one JSON object. */
#ifndef KL_WEB_VIEW_IMPL_H
#define KL_WEB_VIEW_IMPL_H

#include "base/clock.h"
#include "cli/app_impl.h"
#include "cli/web_view.h"
#include "monitor/samples.h"

enum {
  KL_WEB_SCRIPTS_MOST = 200,
  KL_WEB_BOOKS_MOST = 500,
  KL_WEB_LEVELS_MOST = 100, /* of each side */
  KL_WEB_OWN_MOST = 200,    /* orders in one book */
  KL_WEB_OPEN_SHOWN = 200,  /* orders that the stream tells of, and ended ones beside them */
  KL_WEB_ENDED_SHOWN = 50,
  KL_WEB_ORDERS_MOST = 1000, /* that one may ask for */
  KL_WEB_POSITIONS_MOST = 500,
  KL_WEB_FILLS_KEPT = 512,
  KL_WEB_FILLS_SHOWN = 100,
  KL_WEB_LINES_MOST = 1000,
  KL_WEB_LINES_BYTES = 256 << 10
};

/* What is shown of a fill. */
typedef struct kl_web_fill {
  char trade_id[64], order_id[64], ticker[64], script[KL_LISTED_NAME];
  char profile[KL_PROFILE_NAME + 1];
  bool of_script, is_taker;
  kl_side side;
  kl_price yes_price;
  kl_count count;
  kl_money fee;
  int64_t ts_ms;
} kl_web_fill;

/* One account: what its desk tells is heard from its opening on. */
typedef struct kl_web_account {
  kl_list link;
  struct kl_web_view *v;
  const kl_app_account *of;
  kl_desk_listener listener;
} kl_web_account;

/* Of a party, or with `party` NULL of the account. */
typedef struct kl_web_series {
  kl_list link;
  const kl_app_account *of;
  const kl_party *party;
  kl_samples *samples;
} kl_web_series;

struct kl_web_view {
  kl_app *app;
  uv_timer_t tick;
  kl_list accounts;
  kl_web_fill *fills; /* a ring of KL_WEB_FILLS_KEPT; owned */
  size_t fills_first, n_fills;
  kl_list series; /* that of the first account first */
  int64_t sampled_ns;
  kl_list streams;
  bool orders_changed, fills_changed;
  /* What the streams were last told: text and its number. */
  struct kl_web_part {
    kl_buf text;
    uint64_t version;
  } state, orders, positions, fills_text;
  uint64_t orders_version; /* grows with every change of an order */
  uint64_t state_key;      /* of what cannot wait a second */
  int64_t state_ns, positions_ns;
};

/* Fields of an object: money in dollars to six places, prices to four, contracts to two, all as texts. */
void kl_web_money(kl_buf *b, const char *key, kl_money v);
void kl_web_price(kl_buf *b, const char *key, kl_price v);
void kl_web_count(kl_buf *b, const char *key, kl_count v);
void kl_web_null(kl_buf *b, const char *key);

/* Whose rows are wanted. */
typedef struct kl_web_choice {
  const char *profile; /* "": the first account; NULL: all */
  const char *script;  /* NULL: all */
} kl_web_choice;
bool kl_web_chooses(const kl_web_choice *c, const kl_app_account *x);

/* Appends the state; returns a number that differs when something happened that one wants to see at once. */
uint64_t kl_web_state(const kl_web_view *v, kl_buf *b);
/* Orders that are open, then ended ones; of each account so many at most, the newest first. */
void kl_web_orders(const kl_web_view *v, const kl_web_choice *c, size_t open, size_t ended, kl_buf *b);
/* What each account and each script hold. */
void kl_web_positions(const kl_web_view *v, const kl_web_choice *c, kl_buf *b);
/* The newest first. */
void kl_web_fills(const kl_web_view *v, const kl_web_choice *c, size_t most, kl_buf *b);
/* The book of the first account that holds it, NULL: none does. `feed` is the one it is of. */
const kl_feed_book *kl_web_held(const kl_web_view *v, const char *ticker, kl_feed **feed);
/* A book that somebody holds; false where nobody does, and then it says that. */
bool kl_web_book(const kl_web_view *v, const char *ticker, kl_buf *b);
/* The lines behind number `*after` of a source (NULL: of all), which moves on. True when there were some. */
bool kl_web_lines(const kl_web_view *v, const char *source, uint64_t *after, size_t most, kl_buf *b);

#endif
