/* What `kalua test` lends to the module test_market: an exchange of a test's own, strategies in a host of their own,
 * and a clock that is moved by hand (cli/stage.h). */
#ifndef KL_BINDINGS_TESTING_H
#define KL_BINDINGS_TESTING_H

#include <uv.h>

#include "base/buf.h"
#include "script/strategy.h"
#include "trading/desk.h"

typedef struct kl_stage kl_stage;
typedef struct kl_stores kl_stores;

/* A strategy on a stage, for as long as that is there. */
typedef struct kl_stage_script {
  kl_list link;
  kl_stage *stage;
  kl_strategy *strategy;
  kl_party *party;
  kl_buf printed, errors; /* lines, each with a NUL at its end */
  bool failed;
  bool reloading;       /* asked for, and not over */
  kl_error not_swapped; /* why the last reload did not come about; kind NULL: it did */
} kl_stage_script;

typedef struct kl_stage_market {
  const char *ticker, *event_ticker, *series_ticker, *title, *structure;
  int64_t close_us;
  bool exclusive;
} kl_stage_market;

typedef struct kl_stage_order {
  kl_side side;
  kl_price price; /* of YES */
  kl_count count;
} kl_stage_order;

typedef struct kl_testing {
  /* On the loop of that host, whose coverage counts the strategies' lines, too; with the stores of the test, borrowed.
   */
  bool (*open)(const kl_host *of, const char *version, kl_stores *stores, int64_t now_us, kl_stage **out, kl_error *e);
  /* Everything on it ends at once; it is gone some turns of the loop later, and then `gone`, which may be NULL. Until
   * that was called it may be said again, with another `gone` in place of the one before. */
  void (*close)(kl_stage *g, void (*gone)(void *data), void *data);
  int64_t (*now_us)(const kl_stage *g);
  bool (*add)(kl_stage *g, const kl_stage_market *m, kl_error *e);
  bool (*orders)(kl_stage *g, const char *ticker, const kl_stage_order *orders, size_t n, bool replace, kl_error *e);
  bool (*trigger)(kl_stage *g, const char *kind, const char *const *words, kl_buf *out, kl_error *e);
  /* Starts it; *out is borrowed. */
  bool (*run)(kl_stage *g, const kl_strategy_options *o, const kl_limit_values *risk, kl_count order_group,
              kl_stage_script **out, kl_error *e);
  bool (*reload)(kl_stage_script *s, const char *path, kl_error *e); /* path NULL: its own */
  /* Time moves to `until_us`, if that is later than now, and everything comes to rest; then `done`, from the loop,
   * with `e` where it does not. One at a time: false while another is under way. */
  bool (*settle)(kl_stage *g, int64_t until_us, void (*done)(void *data, const kl_error *e), void *data);
  void (*leave)(kl_stage *g); /* `done` is not called */
  /* The fills of a strategy (NULL: of all), the oldest first; NULL begins, NULL ends. */
  const kl_account_fill *(*fill_next)(const kl_stage *g, const kl_party *p, const kl_account_fill *after);
  kl_desk *(*desk)(kl_stage *g);
} kl_testing;

#endif
