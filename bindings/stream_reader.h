/* What is behind a subscription of scripts: the feed's subscription and the messages that wait, shared by the versions
 * of a strategy, so that a reload neither loses a message nor has one handled twice.
 *
 * A version that asks for what another holds (same channels, parameters and markets as they are now) shares its reader,
 * the n-th of them the n-th. One that asks for something else, as a longer list of markets, has a reader of its own;
 * that one leaves to the live version what its readers bring, and when its own version becomes live it takes over what
 * they had not handed out yet of the markets it has too, and they leave the rest to it. A reader that is changed
 * (`add`, `remove`) while another version holds it becomes two, so that neither version gets what it never asked for.
 * One with send_initial_snapshot is never shared: each version begins with the state as it is. */
#ifndef KL_BINDINGS_STREAM_READER_H
#define KL_BINDINGS_STREAM_READER_H

#include "base/buf.h"
#include "bindings/queue.h"
#include "bindings/stream_options.h"
#include "script/script.h"

enum { KL_READER_MESSAGES = 10000, KL_READER_BYTES = 4 << 20 };

typedef struct kl_reader kl_reader;

/* What a handle is told; it must not run Lua. */
typedef enum {
  KL_READER_MESSAGE, /* there is something to take, or an error: only to a live version */
  KL_READER_READY,   /* all is acknowledged */
  KL_READER_FAILED,  /* the exchange refused it: see kl_reader_error */
  KL_READER_REFUSED  /* `e` says why one ticker of an addition was refused */
} kl_reader_news;

/* One version's share; the owner embeds it, zeroed but for `told`. */
typedef struct kl_reader_handle {
  kl_list link; /* the reader's */
  kl_script *script;
  kl_reader *reader; /* NULL once closed */
  kl_queue rest;     /* what can still be taken then */
  kl_error error;    /* the reader's, then */
  void (*told)(struct kl_reader_handle *h, kl_reader_news news, const kl_error *e);
} kl_reader_handle;

/* Takes or makes the reader for these options, with the channels of the account on a feed of their own where that is
 * another one. False with `e` as kl_feed_subscribe. */
bool kl_reader_open(kl_reader_handle *h, kl_script *s, kl_feed *markets, kl_feed *account, const kl_stream_options *o,
                    kl_error *e);
/* Lets go; the last handle ends the subscription. With `keep` a live version can still take what is there; without, all
 * memory of the handle is released. Harmless when repeated. */
void kl_reader_close(kl_reader_handle *h, bool keep);
/* As kl_feed_sub_add and kl_feed_sub_remove, for this version alone. */
bool kl_reader_add(kl_reader_handle *h, const char *const *tickers, kl_error *e);
bool kl_reader_remove(kl_reader_handle *h, const char *const *tickers, kl_error *e);
/* The version has become live: its readers get what the others had not handed out, and the handle is told. */
void kl_reader_live(kl_reader_handle *h);

/* NULL when it is closed, or only the feed's own events were asked for. */
kl_feed_sub *kl_reader_sub(const kl_reader_handle *h);
/* Nothing waits for an acknowledgement. */
bool kl_reader_ready(const kl_reader_handle *h);
const kl_error *kl_reader_error(const kl_reader_handle *h); /* without a kind while there is none */
/* The oldest message; false when there is none, and always while the version is not live. The text is valid until
 * something else happens. *shape is that of its `msg`, NULL where it has none. */
bool kl_reader_take(kl_reader_handle *h, const kl_shape **shape, const char **text, size_t *n);
/* How many were lost behind those that wait, once; for when none waits. *crowded: for want of --max-queued. */
uint64_t kl_reader_lost(kl_reader_handle *h, bool *crowded);
/* Whether there is something to take or to raise, for a version that is live. */
bool kl_reader_has_news(const kl_reader_handle *h);
/* Appends what it is in words: "ticker, trade, 12 markets". */
void kl_reader_describe(const kl_reader_handle *h, kl_buf *out);
/* Appends the same and what waits as fields of a JSON object: channels, markets (absent: all), queued, bytes, lost. */
void kl_reader_fields(const kl_reader_handle *h, kl_buf *out);

/* For the prompt: sets fields of the table at the top: channels, tickers (of them at most ten), ticker_count (nil: all
 * markets), queued, lost. Nothing where it is closed. */
void kl_reader_show(lua_State *L, const kl_reader_handle *h); /* raises */

#endif
