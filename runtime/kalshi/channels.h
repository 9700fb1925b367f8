/* The channels of the feed: by what each is chosen, and what else it can be asked for. Source: the exchange's AsyncAPI,
 * "subscribe". */
#ifndef KL_CHANNELS_H
#define KL_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

/* What selects within a channel. */
typedef enum {
  KL_KEY_TICKER,    /* market_tickers */
  KL_KEY_MARKET_ID, /* market_ids; channel ticker only */
  KL_KEY_INDEX,     /* index_ids of cfbenchmarks_value and cfbenchmarks_value_5hz; "all" alone for all */
  KL_KEY_UNDERLYING /* underlying_tickers of pyth_value; "all" alone for all */
} kl_feed_key;

/* Whether the exchange filters by it. */
typedef enum { KL_FILTER_NONE, KL_FILTER_OPTIONAL, KL_FILTER_REQUIRED } kl_channel_filter;

/* The words of commands and messages about a kind of key. */
typedef struct kl_feed_words {
  const char *param;               /* of the list in subscribe and update_subscription */
  const char *add, *remove, *list; /* actions; list: NULL where there is none */
  const char *member;              /* of `msg`, that says what a message is about */
  const char *what;                /* for messages to people */
} kl_feed_words;
extern const kl_feed_words kl_feed_key_words[]; /* by kl_feed_key */

typedef struct kl_channel {
  const char *name;
  kl_channel_filter filter;
  kl_feed_key key;
  bool names_key;     /* its messages say what they are about */
  bool own;           /* what an account does and has */
  const char *params; /* that it has beside the filter; separated by blanks, "" for none */
  const char *about;  /* for people */
} kl_channel;

extern const kl_channel kl_channel_table[];
extern const size_t kl_channel_count;
enum { KL_CHANNELS_MOST = 32 }; /* no fewer than these, and one more */

const kl_channel *kl_channel_find(const char *name); /* NULL: unknown */

#endif
