/* What the files of the traders share. */
#ifndef KL_SIM_TRADERS_IMPL_H
#define KL_SIM_TRADERS_IMPL_H

#include "sim/traders.h"

enum { KL_MAKERS = 4, KL_LEVELS_MOST = 5, KL_GUESTS = 3 };

/* An order that a trader keeps in the book. */
typedef struct kl_quote {
  kl_uuid id; /* empty: none */
} kl_quote;

typedef struct kl_maker_view {
  double estimate;    /* of the market's probability */
  uint64_t step;      /* when it was formed */
  kl_count inventory; /* the maker's position */
} kl_maker_view;

/* A market as the traders see it. */
typedef struct kl_desk {
  const kl_market *market; /* NULL: none has this index */
  const kl_sim_event *event;
  double liquidity;   /* share of the trading, without what the price makes of it */
  double half_spread; /* of a maker of width 1, in dollars */
  double size;        /* typical contracts */
  double weight;      /* share of the trading now */
  double heat;        /* how much busier than usual news have made it, at heat_step */
  uint64_t heat_step, jumps;
  double fast, slow; /* averages of trade prices, in dollars; 0: no trade yet */
  kl_maker_view views[KL_MAKERS];
  kl_quote *quotes; /* by maker, side and level, best first; owned */
  kl_quote guests[KL_GUESTS];
  uint8_t next_guest;
} kl_desk;

/* How a maker differs from the others. */
typedef struct kl_maker_style {
  double width, size, delay_s;
} kl_maker_style;

struct kl_sim_traders {
  kl_exchange *x;
  kl_sim_world *w;
  kl_sim_random random;
  double rate;    /* messages a step */
  double tokens;  /* messages that may still be caused */
  kl_desk *desks; /* by market index */
  double *tree;   /* of the weights: sums of ranges, from 1 on (Fenwick 1994) */
  size_t cap;     /* of both; a power of two */
  size_t sweep;   /* event whose markets are weighed next */
  int levels, makers;
  uint32_t maker_users[KL_MAKERS], whim_user, knowing_user, momentum_user, arbitrage_user, guest_user;
  uint64_t step, orders, messages;
};

/* The grid's neighbours of a price; 0 or one dollar past its ends. */
kl_price kl_traders_below(const kl_market *m, kl_price p);
kl_price kl_traders_above(const kl_market *m, kl_price p);
static inline bool kl_traders_inside(kl_price p) { return p > 0 && p < KL_PRICE_ONE; }

/* Whole contracts mostly, now and then a fraction. */
kl_count kl_traders_size(kl_sim_traders *t, double contracts);
/* Creates an order; true with *id when it rests. */
bool kl_traders_place(kl_sim_traders *t, int64_t now_us, uint32_t user, const kl_market *m, kl_side side,
                      kl_price price, kl_count count, kl_tif tif, kl_uuid *id);

/* traders_makers.c: brings one level of a ladder to where it should be; true when that took a message. */
bool kl_traders_requote(kl_sim_traders *t, int64_t now_us, kl_desk *d, int maker, kl_side side, int k);

/* traders_takers.c: true when they did something. */
bool kl_traders_whim(kl_sim_traders *t, int64_t now_us, kl_desk *d);
bool kl_traders_knowledge(kl_sim_traders *t, int64_t now_us, kl_desk *d);
bool kl_traders_momentum(kl_sim_traders *t, int64_t now_us, kl_desk *d);
bool kl_traders_arbitrage(kl_sim_traders *t, int64_t now_us, kl_desk *d);
/* Someone joins the best price, or improves it, with a small order, and an older such order goes. */
bool kl_traders_join(kl_sim_traders *t, int64_t now_us, kl_desk *d);

#endif
