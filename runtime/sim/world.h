/* The world that is traded: series, events and markets made from the seed and the date of the start, and the processes
 * that decide them. World time runs `speed` times as fast as the clock on the wall; the names of events tell the date
 * that the world has then, every timestamp is wall time. A process moves with the steps of the traders only, so the
 * same seed and the same steps give the same world; an ended event is followed by the next of its series. */
#ifndef KL_SIM_WORLD_H
#define KL_SIM_WORLD_H

#include "base/error.h"
#include "exchange/exchange.h"
#include "sim/random.h"

typedef enum { KL_SIM_WEATHER, KL_SIM_SPORTS, KL_SIM_CRYPTO, KL_SIM_POLL, KL_SIM_ECONOMY } kl_sim_kind;

/* What the public can see of an event's process. */
typedef struct kl_sim_observation {
  kl_sim_kind kind;
  double value;   /* temperature now (F), spot price (dollars), share of the first contender in the polls (0 to 1), last
                     published reading */
  double extreme; /* WEATHER: the day's highest so far; -INFINITY before the day has begun */
  int score[2];   /* SPORTS: away, home */
  int period;     /* SPORTS: 1 to 4, above that an overtime; 0 before the game */
  int clock_s;    /* SPORTS: left in the period */
  bool started, over;
} kl_sim_observation;

struct kl_sim_process;

typedef struct kl_sim_event {
  kl_market_event *event; /* of the exchange, with its markets */
  kl_sim_kind kind;
  bool complete;            /* exclusive, and one of its markets ends YES for certain */
  double activity;          /* share of the trading, relative */
  int64_t start_us, end_us; /* wall time: when there is something to observe, when the outcome is due */
  uint64_t serial;          /* counts the events ever made */
  uint32_t series;          /* which kind of event follows it */
  uint64_t step;            /* up to which its process has been moved */
  uint64_t jumps;           /* how often its value has moved at once */
  double stirred;           /* by how much in probability the last time, about */
  bool followed;            /* the next event of the series was made */
  enum { KL_SIM_OPEN, KL_SIM_DETERMINED, KL_SIM_SETTLED } stage;
  int64_t stage_us;               /* wall time of that */
  struct kl_sim_process *process; /* owned */
} kl_sim_event;

/* What makes a market end YES. */
typedef struct kl_sim_claim {
  double low, high; /* the value is above low and not above high */
  int contender;    /* or this one wins, by order; -1: it is about a value */
} kl_sim_claim;

typedef struct kl_sim_market {
  kl_market *market; /* NULL: not of the world */
  kl_sim_event *event;
  kl_sim_claim claim;
} kl_sim_market;

typedef struct kl_sim_world_options {
  uint64_t seed;
  int markets;     /* how many are open at any time */
  double speed;    /* 0: 1 */
  int64_t now_us;  /* the start */
  int64_t keep_us; /* how long a settled event can be looked up; 0: for good */
  /* Told when an event was added while the world runs, and before one is forgotten, which the last may refuse for now.
   * Any may be NULL. */
  void *data;
  void (*added)(void *data, kl_sim_event *e);
  void (*retiring)(void *data, kl_sim_event *e);
  bool (*may_retire)(void *data, const kl_sim_event *e);
} kl_sim_world_options;

struct kl_sim_asset;

typedef struct kl_sim_world {
  kl_sim_world_options o;
  kl_exchange *x;
  kl_sim_event **events; /* in order of creation */
  size_t n_events, cap_events;
  kl_sim_market *markets; /* by kl_market.index */
  size_t cap_markets;
  struct kl_sim_asset *asset; /* the price that all events about it share */
  uint64_t made;              /* events ever */
  uint32_t next[16];          /* number of the next event, by series */
  double step_s;              /* world seconds of a step */
  uint64_t step;
  double next_end_s; /* world time at which the next process ends */
  size_t sweep;      /* event that is moved next when nobody looks */
} kl_sim_world;

enum { KL_SIM_STEP_MS = 20 }; /* world time of a step, but for worlds faster than KL_SIM_FINE_SPEED */
#define KL_SIM_FINE_SPEED 20.0

/* Fills the exchange, which is borrowed, and the world. False with `e` when memory is out. */
bool kl_sim_world_build(kl_sim_world *w, kl_exchange *x, const kl_sim_world_options *o, kl_error *e);
void kl_sim_world_free(kl_sim_world *w);

/* Moves the world on to a step; all processes follow within the next second's worth of steps. */
void kl_sim_world_step(kl_sim_world *w, uint64_t step);
/* How many steps the world has made by a wall time. */
uint64_t kl_sim_world_step_at(const kl_sim_world *w, int64_t wall_us);
/* Wall time of a world time in seconds since the start, and of the world's step. */
int64_t kl_sim_world_wall_us(const kl_sim_world *w, double world_s);

/* The probability of YES given everything that has happened in the world up to its step, hidden or not. Moves the
 * event's process there: for the traders, whose looks are part of what the seed determines. */
double kl_sim_world_fair(kl_sim_world *w, const kl_market *m);
/* The same as it stood when the process was last moved, at most a second's worth of steps ago; changes nothing. A
 * market that is not of the world has 0.5. */
double kl_sim_world_view(const kl_sim_world *w, const kl_market *m);
/* What the public can see of an event's process, as it was last moved; changes nothing. */
void kl_sim_world_observe(const kl_sim_world *w, const kl_sim_event *e, kl_sim_observation *out);
/* The world's event of an event of the exchange; NULL when it has none. */
kl_sim_event *kl_sim_world_event(const kl_sim_world *w, const kl_market_event *event);

/* News: moves what the market is about at once, `size` standard deviations of what is still open in its favour
 * (negative: against it). Returns the change of the market's probability; 0 when its event is over. */
double kl_sim_world_news(kl_sim_world *w, const kl_market *m, double size);

/* What time does to events: determines the markets of those that are over, settles them after their timer, makes the
 * next event of the series, forgets what was settled long ago. */
void kl_sim_world_settle(kl_sim_world *w, int64_t now_us);
/* The tags of a series, NULL-terminated; borrowed for good. */
const char *const *kl_sim_world_tags(const char *series_ticker);

#endif
