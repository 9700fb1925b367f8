/* Messages of the exchange's WebSocket, decoded. One pass, no tree, no allocation once warm. Keys may come in any
 * order; the order that the exchange uses today has a path of its own, every literal verified. Facts: AsyncAPI of the
 * exchange (docs.kalshi.com, websockets). */
#ifndef KL_WIRE_H
#define KL_WIRE_H

#include <stddef.h>

#include "base/error.h"
#include "base/units.h"

/* Bytes borrowed from the message (or, where the text had escapes, from the decoder) until the next decode. */
typedef struct kl_str {
  const char *p;
  uint32_t n;
} kl_str;

typedef struct kl_level {
  int32_t price; /* kl_price */
  kl_count count;
} kl_level;

typedef enum {
  KL_EV_OTHER, /* a type that is not decoded here: `type`, sid and seq are set, the rest is for a JSON reader */
  KL_EV_SUBSCRIBED,
  KL_EV_UNSUBSCRIBED,
  KL_EV_OK,
  KL_EV_ERROR,
  KL_EV_SNAPSHOT,
  KL_EV_DELTA,
  KL_EV_TICKER,
  KL_EV_TRADE,
  KL_EV_FILL,
  KL_EV_USER_ORDER,
  KL_EV_POSITION
} kl_event_type;

/* Which optional fields a message had. */
enum {
  KL_HAS_ID = 1 << 0,
  KL_HAS_SID = 1 << 1,
  KL_HAS_SEQ = 1 << 2,
  KL_HAS_TS = 1 << 3,         /* ts_ms */
  KL_HAS_SUBACCOUNT = 1 << 4, /* subaccount or subaccount_number */
  KL_HAS_EXCHANGE_INDEX = 1 << 5,
  KL_HAS_EXPIRATION = 1 << 6,
  KL_HAS_SENDING_TS = 1 << 7
};

typedef struct kl_event {
  kl_event_type type;
  uint32_t has;
  kl_str type_name;
  int64_t id, sid, seq;
  int64_t ts_ms;         /* when it happened, by the exchange; 0 without KL_HAS_TS */
  int64_t sending_ts_ms; /* when it was sent */
  kl_str ticker;         /* market_ticker or ticker */
  kl_str market_id;
  int32_t subaccount, exchange_index;
  union {
    struct {
      kl_str channel;
    } subscribed;
    struct {
      int32_t code;
      kl_str message;
      kl_str market_ticker;
    } error;
    struct {
      /* As on the wire, ascending; with use_yes_price the NO levels hold YES prices. Borrowed from the decoder. */
      const kl_level *levels[2];
      uint32_t n[2];
    } snapshot;
    struct {
      kl_price price; /* as on the wire */
      kl_count delta;
      kl_outcome side;
      kl_str client_order_id; /* of one's own order, "" otherwise */
    } delta;
    struct {
      kl_price price, yes_bid, yes_ask;
      kl_count yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest;
      int64_t dollar_volume, dollar_open_interest;
    } ticker_;
    struct {
      kl_str trade_id;
      kl_price yes_price, no_price;
      kl_count count;
      kl_outcome taker_outcome;
      kl_side taker_side;
      bool is_block_trade;
    } trade;
    struct {
      kl_str trade_id, order_id, client_order_id;
      kl_price yes_price;
      kl_count count, post_position;
      kl_money fee;
      bool is_taker;
      kl_outcome outcome;
      kl_side side;
    } fill;
    struct {
      kl_str order_id, user_id, client_order_id, order_group_id, status, last_update_reason, self_trade_prevention;
      kl_price yes_price;
      kl_count filled, remaining, initial;
      kl_money taker_fill_cost, maker_fill_cost, taker_fees, maker_fees;
      kl_outcome outcome;
      kl_side side;
      int64_t created_ts_ms, updated_ts_ms, expiration_ts_ms; /* 0 where absent or null */
    } user_order;
    struct {
      kl_str user_id;
      kl_count position;                            /* + YES, - NO */
      kl_money cost, realized, fees, position_fees; /* cost and position_fees: of what is open */
      kl_count volume;
    } position;
  };
} kl_event;

typedef struct kl_decoder kl_decoder;

kl_decoder *kl_decoder_new(void); /* NULL when out of memory */
void kl_decoder_free(kl_decoder *d);

/* Decodes one message of n bytes; at least 16 readable bytes must follow it (their values do not matter). True: *ev is
 * filled. False: not JSON, or a known type with a missing or malformed field; e->kind is "protocol" and the message
 * names what and the byte offset. */
bool kl_wire_decode(kl_decoder *d, const char *p, size_t n, kl_event *ev, kl_error *e);

/* An orderbook_delta, ticker or trade in the key order and spelling of today, without escapes; what it takes is ASCII
 * throughout. False: try the general way; *ev may then be half written. Sets only what every event has and the member
 * of its type. */
bool kl_wire_decode_usual(const char *p, size_t n, kl_event *ev);

/* Allocations made so far by this decoder; tests assert that it stands still once warm. */
uint64_t kl_decoder_allocations(const kl_decoder *d);

static inline bool kl_str_is(kl_str s, const char *lit, size_t n) { return s.n == n && !__builtin_memcmp(s.p, lit, n); }
#define KL_STR_IS(s, lit) kl_str_is((s), (lit), sizeof(lit) - 1)

#endif
