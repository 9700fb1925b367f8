/* What the files of sim/ share. Nothing outside the folder includes it. */
#ifndef KL_SIM_IMPL_H
#define KL_SIM_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "auth/key.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "exchange/exchange.h"
#include "sim/candles.h"
#include "sim/limits.h"
#include "sim/sim.h"
#include "sim/store.h"
#include "sim/traders.h"
#include "sim/world.h"

struct lws_context;
struct lws_vhost;

typedef struct kl_sim_keys kl_sim_keys;
typedef struct kl_sim_fcm kl_sim_fcm;
typedef struct kl_sim_lag kl_sim_lag;
typedef struct kl_sim_archive kl_sim_archive;
struct kl_sim_subtrader;

/* What each account starts with, on each shard. */
#define KL_SIM_START_MONEY (INT64_C(10000) * KL_MONEY_ONE)

enum { KL_SIM_SUBTRADER_ID_MOST = 36 + 1 + 16 };

/* An account of the exchange: a member, or the subtrader of one. */
typedef struct kl_sim_account {
  kl_sim_user pub; /* of a member: the key it started with */
  uint32_t user;   /* of the exchange */
  kl_sim_limits limits;
  struct {
    bool upgraded;             /* has the permanent Advanced grant */
    const kl_sim_tier *earned; /* by volume; NULL: none */
    int64_t earned_until_s;
    kl_count volume; /* of the last thirty days, when last counted */
  } levels;
  bool fcm;                           /* an FCM member */
  struct kl_sim_subtrader *subtrader; /* what it is, when it is one: the member's tokens pay for it */
} kl_sim_account;

typedef struct kl_sim_counters {
  _Atomic uint64_t requests, rejected_auth, rate_limited, orders, trades, ws_messages, ws_clients;
} kl_sim_counters;

struct kl_sim {
  kl_sim_options o; /* with the defaults filled in */
  const kl_sim_tier *tier;
  kl_sim_store *store;            /* the state file; NULL: nothing is kept */
  struct kl_sim_persist *persist; /* what is written there */
  int n_saved;                    /* of the accounts: those that were in the file */
  uint32_t turn;                  /* of the loop: what came up in it is told when it is in the file */
  kl_list waiting;                /* connections whose answers wait for that */
  _Atomic bool broken;            /* the file could not be written: nothing is served any more */
  kl_exchange *x;
  kl_sim_world world;
  kl_sim_traders *traders;      /* NULL: quiet */
  struct kl_sim_mirror *mirror; /* NULL: the markets are its own */
  kl_sim_mirror_options mirror_options;
  kl_sim_candles *candles;
  struct kl_sim_reference *reference; /* reference.h */
  struct kl_sim_transfers *transfers;
  struct kl_sim_fee_changes *fee_changes;
  struct kl_sim_combos *combos;
  struct kl_sim_rfqs *rfqs;
  struct kl_sim_rfq_makers *rfq_makers; /* NULL: quiet */
  struct kl_sim_blocks *blocks;
  kl_sim_account *accounts;
  int n_accounts;
  int n_members;              /* of them, at the end: those that came while it ran (members.h) */
  const kl_clock *clock;      /* of all but the loop */
  int64_t now_us;             /* wall time of what is going on: set at the start of every request, command and tick */
  int64_t start_us;           /* wall time of the start, of the first one with this state file */
  bool had_past;              /* the markets of that start have a synthetic past */
  int past_markets;           /* how many they were */
  int64_t maintenance_end_us; /* of the last window for which trading was paused; 0: none */
  kl_sim_counters counters;

  /* Faults, and what can be made to happen. */
  struct kl_sim_faults *faults;
  struct kl_sim_journal *journal;
  int64_t clock_off_us; /* how wrong the clock of the doors is */
  uint32_t hands[2]; /* the parties of triggers, who takes and who rests: users of the exchange; UINT32_MAX: not yet */
  kl_pause fault_pause; /* what rules ask for */
  int listed_in, listed_fd;
  char listed[64]; /* the file that says where it is; "": not listed */

  /* Who may do what, and what is remembered. */
  kl_sim_known_key *known; /* the options' */
  kl_sim_keys *keys;
  kl_sim_fcm *fcm;
  kl_sim_lag *lag; /* NULL: reads do not lag */
  kl_sim_archive *archive;
  kl_count exchange_volume;  /* of all markets, when last counted */
  int64_t volumes_us;        /* when that was */
  int64_t region_expires_us; /* after it keys trade no sports, elections, entertainment; 0: never attested */

  /* Channels. */
  kl_list sessions;
  size_t n_sessions;
  uint32_t *dirty; /* indices of the markets whose ticker may have changed */
  size_t n_dirty;
  struct kl_sim_quote *quotes; /* by market index: what the last ticker said */
  size_t n_quotes;             /* markets that both have room for */
  int64_t text_us;             /* the time that `text` shows */
  char text[40];

  /* Thread and sockets. */
  pthread_t thread;
  uv_loop_t loop;
  uv_async_t stop;
  uv_timer_t step_timer, ticker_timer, second_timer;
  uv_prepare_t before_poll; /* with a state file: the ends of a turn */
  uv_check_t after_poll;
  struct lws_context *lws;
  struct lws_vhost *vhost;
  struct kl_sim_waits *waits;
  int port;
  char rest_url[96], ws_url[96], page_url[64], ca_folder[256], ca_path[300];
  unsigned char *tls_cert, *tls_key; /* DER; NULL without TLS */
  size_t tls_cert_len, tls_key_len;
  unsigned seconds; /* counted by second_timer */
  bool thread_started, stopping, outage;

  struct {
    uv_async_t asked;
    pthread_cond_t done;                    /* with `lock` */
    struct kl_sim_stage_question *question; /* NULL: none */
    bool asking;                            /* somebody waits for the answer to his */
    int64_t second;                         /* of its time: that kl_sim_run_second was last called in */
    uint64_t requests;                      /* handled when it was last looked at */
    int64_t busy_until_us;                  /* what was begun lately is looked at every second until then */
  } stage;
  size_t n_held; /* requests that wait for their time, or for good */

  /* The start, as the caller waits for it. */
  pthread_mutex_t lock;
  pthread_cond_t ready;
  bool is_ready, failed;
  kl_error error;
};

/* A simulator without its thread and its doors: nothing is served, and time passes only by the calls below. NULL with
 * an error; kl_sim_stop frees it. */
kl_sim *kl_sim_make(const kl_sim_options *o, kl_error *e);
/* What its timers do: every KL_SIM_STEP_MS, every tenth of a second, every second. */
void kl_sim_run_step(kl_sim *s);
void kl_sim_run_tick(kl_sim *s);
void kl_sim_run_second(kl_sim *s);
/* Sets now_us from the wall clock. */
void kl_sim_touch(kl_sim *s);
static inline void kl_sim_count(_Atomic uint64_t *c) { atomic_fetch_add_explicit(c, 1, memory_order_relaxed); }

#endif
