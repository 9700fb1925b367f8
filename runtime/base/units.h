/* Units of money. Everything inside Kalua is one of these integers; floats exist only at the border to Lua.
 * A price times a count is money without rounding: 1e-4 dollar * 1e-2 contract = 1e-6 dollar. */
#ifndef KL_UNITS_H
#define KL_UNITS_H

#include <stdint.h>

typedef int64_t kl_price; /* 1/10,000 dollar; 10000 is one dollar, the payout of a contract */
typedef int64_t kl_count; /* 1/100 contract */
typedef int64_t kl_money; /* 1/1,000,000 dollar */

enum { KL_PRICE_PLACES = 4, KL_COUNT_PLACES = 2, KL_MONEY_PLACES = 6 };
enum { KL_PRICE_ONE = 10000, KL_COUNT_ONE = 100, KL_MONEY_ONE = 1000000 };

/* The two legs of a market. A level of the NO side at q is an offer of YES at one dollar minus q. */
typedef enum { KL_YES = 0, KL_NO = 1 } kl_outcome;

/* Direction of an order on the YES leg: a bid buys YES, an ask sells YES (buys NO). Bid is to yes as ask is to no. */
typedef enum { KL_BID = 0, KL_ASK = 1 } kl_side;

#endif
