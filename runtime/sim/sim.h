/* The exchange simulator: exchange/ behind the exchange's REST and WebSocket protocol on loopback, with synthetic
 * traders. Runs on a thread and a loop of its own, and is reached only through its sockets. */
#ifndef KL_SIM_H
#define KL_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/key.h"
#include "base/clock.h"
#include "base/error.h"

typedef struct kl_sim kl_sim;

enum { KL_SIM_KEY_ID_MOST = 64 };

/* An account for a key that somebody has already. */
typedef struct kl_sim_known_key {
  char id[KL_SIM_KEY_ID_MOST + 1];
  kl_public_key *key;
} kl_sim_known_key;

/* A simulator without a world: its markets are mirrors of those of a live exchange, which somebody tells it of through
 * mirror_door.h. What reaches the account (one user) is what would have happened to its orders there. */
typedef struct kl_sim_mirror_options {
  /* What is sent reaches the market so much later: the way there and back, since what is known here of the market is
   * as old as the way back takes. */
  int64_t latency_us;
  int64_t start[4]; /* what the account has on each shard at first, in millionths of a dollar */
  int64_t keep_us;  /* how long an event can still be looked up once it has settled; 0: a day */
  void *data;
  /* An order names a market that is not mirrored, or is wanted for what the account has there. From the simulator's
   * thread; repeated while nothing is told of it. Not called any more once kl_sim_stop has returned. */
  void (*wanted)(void *data, const char *ticker);
} kl_sim_mirror_options;

typedef struct kl_sim_options {
  /* What is traded. */
  uint64_t seed;
  double speed;     /* 1: real time; 0 is taken as 1 */
  double rate;      /* book messages a second over all markets that the traders aim at; 0: by the number of markets */
  int markets;      /* 0: 36 */
  bool quiet;       /* no synthetic traders */
  bool quick_keys;  /* Ed25519 instead of RSA, which takes a tenth of a second or more to make */
  bool maintenance; /* trading pauses in the weekly maintenance window, Thursday 03:00 to 05:00 Eastern */
  bool tls;         /* serve https and wss with a self-signed certificate, written to ca_path */
  int port;         /* 0: any */
  const kl_sim_mirror_options *mirror; /* copied; NULL: a world of its own */
  /* A stage (sim/stage.h): nothing is traded but what its owner puts there, and time is what this clock says, which its
   * owner moves; signatures of any time are good. Borrowed; NULL: the system's clock, and a world of its own. */
  const kl_clock *clock;
  /* Who trades. */
  int users;                     /* accounts with keys of their own; 0: 1 */
  const kl_sim_known_key *known; /* further accounts, behind the others; copied, and the keys are taken, also on
                                    failure */
  int n_known;
  bool fcm;                  /* the first account is an FCM member */
  bool fcm_fix_only;         /* keys bound to a subtrader may not use REST or WebSocket, as on the exchange */
  const char *tier;          /* of every account, by name: its rate limits; NULL: "prestige" */
  int64_t balance_precision; /* of every account, in millionths of a dollar: 100, or 10000, which is 0 */
  int64_t region_s;          /* seconds until location attestations lapse; -1: they have; 0: never attested */
  int64_t max_clock_skew_ms; /* 0: 15,000 */
  int post_only_throttle;    /* how many post-only orders a minute may fail by crossing; 0: any number */
  int ws_connections;        /* WebSocket connections of an account at once; 0: 200 */
  int64_t ws_markets;        /* market subscriptions of a connection; 0: 500,000 */
  int64_t ws_commands;       /* commands of a connection a second; 0: 10,000 */
  /* What is remembered. */
  const char *state;   /* the file that the exchange is kept in; NULL: it ends with the process */
  int64_t read_lag_ms; /* how far reads of what an account has lag behind; 0: not at all */
  int64_t history_s;   /* older than this is only in the historical tier; 0: as on the exchange */
  /* What goes wrong. */
  const char *faults; /* rules of faults, see fault_spec.h; NULL: none */
  const char *title;  /* what `kalua trigger` calls it; NULL: it is not listed for others to find */
} kl_sim_options;

typedef struct kl_sim_user {
  char key_id[KL_SIM_KEY_ID_MOST + 1];
  kl_key *key; /* borrowed from the sim; NULL of a known key */
} kl_sim_user;

/* Whether rules of faults can be understood, the triggers in them too; false with an error of kind "config". */
bool kl_sim_faults_check(const char *spec, kl_error *e);

/* Starts the thread; returns when the port listens. */
bool kl_sim_start(const kl_sim_options *o, kl_sim **out, kl_error *e);
/* Stops and joins the thread, frees all. */
void kl_sim_stop(kl_sim *s);

int kl_sim_port(const kl_sim *s);
const char *kl_sim_rest_url(const kl_sim *s);
const char *kl_sim_page_url(const kl_sim *s); /* of the page for a browser */
const char *kl_sim_ws_url(const kl_sim *s);
const char *kl_sim_ca_path(const kl_sim *s); /* with tls: the certificate to trust; NULL otherwise */
int kl_sim_users(const kl_sim *s);
const kl_sim_user *kl_sim_user_at(const kl_sim *s, int i);

/* The member of that name: an account that comes while it runs, with money and a key of its own, which is made at the
 * first call; the same one for the same name, also of a state file. *key is retained for the caller. Waits for the
 * simulator's thread: from any thread but that one, and a loop should not wait so long. False with `e`. */
enum { KL_SIM_MEMBERS_MOST = 64 };
bool kl_sim_member(kl_sim *s, const char *name, char key_id[KL_SIM_KEY_ID_MOST + 1], kl_key **key, kl_error *e);

/* Whether the state file could not be written any more: every request is then answered with 503, since what cannot be
 * kept is not done. From any thread. */
bool kl_sim_broken(const kl_sim *s, kl_error *e);

/* Counters, readable from any thread. */
typedef struct kl_sim_stats {
  uint64_t requests, rejected_auth;
  uint64_t rate_limited; /* answered 429 */
  uint64_t orders, trades, ws_messages, ws_clients;
} kl_sim_stats;
void kl_sim_stats_get(const kl_sim *s, kl_sim_stats *out);

#endif
