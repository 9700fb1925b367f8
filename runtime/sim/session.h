/* One WebSocket client: its subscriptions and the messages that wait to be written to it. */
#ifndef KL_SIM_SESSION_H
#define KL_SIM_SESSION_H

#include "sim/faults.h"
#include "sim/keys.h"

struct lws;

typedef enum {
  KL_CH_BOOK,
  KL_CH_TICKER,
  KL_CH_TRADE,
  KL_CH_FILL,
  KL_CH_POSITIONS,
  KL_CH_ORDERS,
  KL_CH_LIFECYCLE,
  KL_CH_COMBO_LIFECYCLE,
  KL_CH_COMMUNICATIONS,
  KL_CH_GROUPS,
  KL_CH_CF,
  KL_CH_CF_FAST,
  KL_CH_PYTH,
  KL_CH_COUNT
} kl_sim_channel;

typedef enum { KL_FILTER_NONE, KL_FILTER_OPTIONAL, KL_FILTER_REQUIRED } kl_sim_filter;

typedef struct kl_sim_channel_info {
  const char *name;
  kl_sim_filter filter; /* by market */
  bool seq;             /* its messages carry one */
} kl_sim_channel_info;

extern const kl_sim_channel_info kl_sim_channels[KL_CH_COUNT];

/* A message's content, shared by all who get it. */
typedef struct kl_sim_payload {
  uint32_t refs, len;
  const char *type; /* a literal; NULL: `data` is the whole frame */
  char data[];
} kl_sim_payload;

/* NULL when out of memory. The text is copied. */
kl_sim_payload *kl_sim_payload_new(const char *type, const kl_buf *text);
void kl_sim_payload_release(kl_sim_payload *p); /* takes NULL */

typedef struct kl_sim_sub {
  uint32_t sid;
  kl_sim_channel channel;
  bool all; /* markets */
  bool use_yes_price, skip_ticker_ack;
  bool own_only;                   /* communications: requests of the account's own */
  uint8_t shard_factor, shard_key; /* communications: the part of the markets; factor 0: all */
  uint64_t seq;                    /* of the last message or answer that carried one */
  uint64_t *bits;                  /* which markets, by index */
  size_t words;                    /* of `bits` */
  uint32_t *order;                 /* the same, in the order in which they came */
  size_t n, cap;
  uint32_t values; /* channels of indices: which are chosen, by number */
  bool all_values;
  size_t queued; /* bytes that wait */
} kl_sim_sub;

static inline bool kl_sim_sub_wants(const kl_sim_sub *sub, uint32_t market) {
  return sub->all || (market / 64 < sub->words && (sub->bits[market / 64] >> (market % 64) & 1));
}

typedef struct kl_sim_item {
  kl_sim_payload *payload;
  uint64_t seq;   /* 0: none */
  int64_t id;     /* 0: none */
  uint32_t sid;   /* 0: none */
  uint32_t turn;  /* in which it came up */
  bool cut;       /* ends in the middle */
  int64_t due_ns; /* not written before; 0: at once */
} kl_sim_item;

/* What faults do to a connection. */
typedef struct kl_sim_session_fault {
  kl_fault_kind end; /* DISCONNECT, CLOSE or RESET: it ends so; NONE */
  int code;          /* of CLOSE */
  int64_t quiet_ns;  /* nothing is written before; 0: no limit */
  int64_t last_ns;   /* when the last queued message is due: what follows is not earlier */
  int64_t rate;      /* bytes a second; 0: no limit */
  uint32_t ending;   /* a bit for each channel whose subscription ends with the error `ending_code` */
  int ending_code;
  bool timed; /* some message has had a time of its own */
} kl_sim_session_fault;

typedef struct kl_sim_session {
  kl_list link;
  kl_sim *sim;
  kl_sim_account *account;
  kl_sim_api_key *key; /* that it was opened with; retained */
  struct lws *wsi;
  kl_sim_sub *subs[KL_CH_COUNT];
  uint32_t next_sid;
  kl_sim_item *ring;
  size_t cap, first, n;
  size_t bytes; /* that wait */
  bool ping_due, closing;
  kl_sim_session_fault fault;
  double commands; /* that it may still send at once */
  int64_t commands_ns;
  kl_buf received;      /* a message under way */
  uint64_t told, heard; /* frames that went out; commands that were handled */
} kl_sim_session;

/* Links a new session into the sim; NULL when out of memory. */
kl_sim_session *kl_sim_session_open(kl_sim *s, kl_sim_api_key *key, struct lws *wsi);
/* Whether it may be told of what happens to a user on a subaccount: its own, and not another than its key is locked to.
 */
static inline bool kl_sim_session_sees(const kl_sim_session *c, uint32_t user, int subaccount) {
  return c->account->user == user && kl_sim_key_sees(c->key, subaccount);
}
void kl_sim_session_close(kl_sim_session *c);

/* A subscription of the channel, made when there is none. NULL when out of memory. */
kl_sim_sub *kl_sim_session_subscribe(kl_sim_session *c, kl_sim_channel channel);
/* Ends it; what waits stays in the queue. */
void kl_sim_session_unsubscribe(kl_sim_session *c, kl_sim_sub *sub);
kl_sim_sub *kl_sim_session_find(const kl_sim_session *c, int64_t sid);
/* False when out of memory; a market that is there already is left where it is. */
bool kl_sim_sub_add(kl_sim_sub *sub, uint32_t market, bool *added);
void kl_sim_sub_remove(kl_sim_sub *sub, uint32_t market);

/* Queues a payload (retained) under a subscription, with the next seq where the channel has one, and `id` when not 0.
 * When too much waits, the largest subscription ends with error 25: `sub` may be gone afterwards. */
void kl_sim_session_send(kl_sim_session *c, kl_sim_sub *sub, kl_sim_payload *p, int64_t id);
/* Queues a complete frame without its newline. */
void kl_sim_session_send_text(kl_sim_session *c, const kl_buf *text);
/* Whether a frame may be told: with a state file, one of an earlier turn, whose changes are in the file. */
bool kl_sim_session_ready(const kl_sim_session *c);
/* Takes the next frame off the queue, newline included, and appends it to `out`; false when nothing waits. */
bool kl_sim_session_next(kl_sim_session *c, kl_buf *out);

/* When the next frame may be written, on the monotonic clock; 0: at once. */
int64_t kl_sim_session_due(const kl_sim_session *c);
/* The server ends a subscription with an error (10 or 25) that carries the next seq; what waits of it is dropped. */
void kl_sim_session_end(kl_sim_session *c, kl_sim_sub *sub, int code);

/* Handles a command of the client (n bytes of text). */
void kl_sim_session_command(kl_sim_session *c, const char *text, size_t n);

#endif
