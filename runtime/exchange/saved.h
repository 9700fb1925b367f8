/* The exchange as plain records, for a file: what has changed since it was last asked, and an exchange made from
 * records again. Everything that can be read is the same afterwards, and so is whatever happens next, but for the
 * resting orders of synthetic users, which are not saved. Still no I/O: the caller keeps the records. */
#ifndef KL_EXCHANGE_SAVED_H
#define KL_EXCHANGE_SAVED_H

#include "base/error.h"
#include "exchange/exchange.h"

/* In the order in which they are restored. */
typedef enum {
  KL_SAVED_TOTALS,
  KL_SAVED_SERIES,
  KL_SAVED_EVENT,
  KL_SAVED_MARKET,
  KL_SAVED_USER,
  KL_SAVED_ACCOUNT,
  KL_SAVED_HOLDING,
  KL_SAVED_CLIENT_ID,
  KL_SAVED_ORDER,
  KL_SAVED_FILL,
  KL_SAVED_TRADE,
  KL_SAVED_SETTLEMENT,
  KL_SAVED_KINDS
} kl_saved_kind;

/* Each record begins with the number that it is known by among its kind: a record with the same number replaces it.
 * Numbers grow in the order in which things came to be. Pointers inside are not read or written. */
typedef struct kl_saved_totals {
  uint64_t number; /* 1 */
  uint64_t random, seq, numbers;
  int64_t now_us, hour;
  int pauses[4]; /* kl_pause by shard */
  int64_t resumes_us[4];
  kl_money deposits, fees, transit, retired, precision;
  uint64_t market_serial, event_serial;
} kl_saved_totals;

typedef struct kl_saved_series {
  uint64_t number;
  kl_series s;
} kl_saved_series;

typedef struct kl_saved_event {
  uint64_t number;
  char series[sizeof((kl_series *)NULL)->ticker];
  kl_market_event e;
} kl_saved_event;

typedef struct kl_saved_market {
  uint64_t number;
  char event[sizeof((kl_market_event *)NULL)->ticker];
  kl_market m;
  kl_count hours[24]; /* volume by hour of the day */
} kl_saved_market;

/* What a synthetic user is for. */
typedef enum {
  KL_SYNTHETIC_NONE, /* it is none */
  KL_SYNTHETIC_TRADER,
  KL_SYNTHETIC_QUOTER, /* of requests for quote */
  KL_SYNTHETIC_TAKER_HAND,
  KL_SYNTHETIC_RESTER_HAND,
  KL_SYNTHETIC_PAST, /* traded before the start */
  KL_SYNTHETIC_KINDS
} kl_synthetic;

typedef struct kl_saved_user {
  uint64_t number; /* of the user, and one */
  kl_uuid id;
  kl_synthetic synthetic;
  uint64_t keep_orders, keep_fills;
} kl_saved_user;

typedef struct kl_saved_account {
  uint64_t number;
  uint32_t user;
  int subaccount, shard;
  bool open, locked, netting;
  kl_money cash;
} kl_saved_account;

typedef struct kl_saved_holding {
  uint64_t number, account, market;
  kl_position p;
} kl_saved_holding;

typedef struct kl_saved_client_id {
  uint64_t number;
  uint32_t user;
  char text[sizeof((kl_order *)NULL)->client_order_id];
} kl_saved_client_id;

typedef struct kl_saved_order {
  uint64_t number, account, market;
  kl_count closing;
  kl_money accumulator;
  kl_fee_schedule reserve;
  kl_order o;
} kl_saved_order;

typedef struct kl_saved_fill {
  uint64_t number, market;
  kl_fill f;
} kl_saved_fill;

typedef struct kl_saved_trade {
  uint64_t number, market;
  kl_trade t;
} kl_saved_trade;

typedef struct kl_saved_settlement {
  uint64_t number, market;
  uint32_t user;
  kl_settlement s;
} kl_saved_settlement;

typedef struct kl_exchange_writer {
  void *data;
  void (*put)(void *data, kl_saved_kind kind, const void *record); /* new or changed; borrowed */
  void (*drop)(void *data, kl_saved_kind kind, uint64_t number);   /* forgotten; it may never have been put */
} kl_exchange_writer;

/* The exchange must have been made with the option `journal`, by which it notes what changes. */

/* Whether there is anything to save. */
bool kl_exchange_changed(const kl_exchange *x);
/* Tells what has changed since the last time. False: memory was short and something was not noted; what was told is
 * then incomplete. */
bool kl_exchange_save(kl_exchange *x, const kl_exchange_writer *w);
/* For those who change a market or an event without the engine: notes that it has changed. */
void kl_exchange_touch_market(kl_exchange *x, const kl_market *m);
void kl_exchange_touch_event(kl_exchange *x, const kl_market_event *e);

/* The number of a market, by which records of others may name it, and back; NULL: there is none. */
uint64_t kl_market_number(const kl_market *m);
kl_market *kl_exchange_market_numbered(const kl_exchange *x, uint64_t number);

/* Puts one record into an exchange that is new, or being restored: kind by kind in the order of kl_saved_kind, by
 * number within a kind. False when it makes no sense beside the others; the exchange is then of no use but to be freed.
 */
bool kl_exchange_restore(kl_exchange *x, kl_saved_kind kind, const void *record, kl_error *e);
/* After the last one: books, collateral and alarms are made, and it must all add up. From here on changes are noted;
 * what did not fit the bounds of this exchange is dropped with the next save. */
bool kl_exchange_restored(kl_exchange *x, kl_error *e);

/* A user whose resting orders need not be saved: a trader that quotes anew. Before the first order. */
void kl_exchange_set_synthetic(kl_exchange *x, uint32_t user, kl_synthetic kind);
/* KL_SYNTHETIC_NONE also for a user that does not exist. */
kl_synthetic kl_exchange_synthetic(const kl_exchange *x, uint32_t user);
/* The i-th user of a kind; UINT32_MAX past the last. */
uint32_t kl_exchange_synthetic_at(const kl_exchange *x, kl_synthetic kind, size_t i);

#endif
