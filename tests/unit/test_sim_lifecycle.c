/* What the channels say of markets, events and order groups: fixtures/sim_lifecycle.jsonl, which the exchange's schemas
 * accept (integration/sim_life.test.mjs). And order groups in the state file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/channels.h"
#include "sim/keys.h"
#include "sim/order_groups.h"

#define SECOND INT64_C(1000000)

typedef struct box {
  kl_sim sim;
  kl_sim_account accounts[2];
  kl_sim_api_key keys[3];
  kl_sim_session *sessions[3]; /* of both accounts, and of a key of the first that is locked to another subaccount */
} box;

/* A session without a socket: something waits in its queue already, so nobody is woken to write it. */
static kl_sim_session *open_session(kl_sim *s, kl_sim_api_key *key) {
  kl_sim_session *c = kl_sim_session_open(s, key, NULL);
  assert_non_null(c);
  c->cap = 64;
  c->ring = calloc(c->cap, sizeof *c->ring);
  assert_non_null(c->ring);
  c->ring[0].payload = kl_sim_payload_new(NULL, &(kl_buf){0});
  assert_non_null(c->ring[0].payload);
  c->n = 1;
  c->bytes = 96;
  for (kl_sim_channel ch = KL_CH_LIFECYCLE; ch <= KL_CH_GROUPS; ch++)
    assert_non_null(kl_sim_session_subscribe(c, ch));
  return c;
}

static int setup(void **state) {
  box *b = calloc(1, sizeof *b);
  if (!b) return -1;
  kl_list_init(&b->sim.sessions);
  kl_exchange_options o = {.seed = 1, .sink = kl_sim_channels_sink(&b->sim)};
  b->sim.x = kl_exchange_new(&o);
  b->sim.now_us = INT64_C(1790000000000000);
  (void)kl_exchange_tick(b->sim.x, b->sim.now_us);
  for (uint32_t i = 0; i < 2; i++)
    b->accounts[i].user = kl_exchange_add_user(b->sim.x, 1000 * KL_MONEY_ONE);
  for (int i = 0; i < 3; i++) {
    kl_sim_account *a = &b->accounts[i % 2];
    b->keys[i] =
        (kl_sim_api_key){.owner = a, .account = a, .scopes = KL_SCOPE_FULL, .subaccount = i == 2 ? 3 : -1, .refs = 1};
    b->sessions[i] = open_session(&b->sim, &b->keys[i]);
  }
  *state = b;
  return 0;
}

static int teardown(void **state) {
  box *b = *state;
  for (int i = 0; i < 3; i++)
    kl_sim_session_close(b->sessions[i]);
  kl_exchange_free(b->sim.x);
  free(b->sim.dirty);
  free(b->sim.quotes);
  free(b);
  return 0;
}

static kl_market *add_market(box *b, const char *series, const char *event, const char *ticker) {
  kl_series s = {.fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = 1000000};
  kl_market_event e = {.title = "Snowfall in Oslo", .sub_title = "3 November 2026", .mutually_exclusive = true};
  kl_market m = {.title = "Snowfall in Oslo above 4.5 cm?",
                 .yes_sub_title = "Above 4.5 cm",
                 .no_sub_title = "4.5 cm or less",
                 .rules = "If it snows more than 4.5 cm, YES.",
                 .strike_type = "greater",
                 .has_floor = true,
                 .floor_strike = 4.5,
                 .created_us = b->sim.now_us,
                 .open_us = b->sim.now_us,
                 .close_us = b->sim.now_us + 3600 * SECOND,
                 .expected_expiration_us = b->sim.now_us + 7200 * SECOND,
                 .settlement_timer_s = 60};
  (void)snprintf(s.ticker, sizeof s.ticker, "%s", series);
  (void)snprintf(e.ticker, sizeof e.ticker, "%s", event);
  (void)snprintf(m.ticker, sizeof m.ticker, "%s", ticker);
  e.series = kl_exchange_add_series(b->sim.x, &s);
  m.event = kl_exchange_add_event(b->sim.x, &e);
  return kl_exchange_add_market(b->sim.x, &m);
}

/* A market through all that can become of it. */
static void live(box *b, kl_market *m) {
  kl_sim *s = &b->sim;
  kl_market_metadata d = {"Above 5 cm", "between", true, true, 5, 99.99};
  assert_int_equal(kl_exchange_set_active(s->x, s->now_us, m, false), KL_X_OK);
  assert_int_equal(kl_exchange_set_active(s->x, s->now_us, m, true), KL_X_OK);
  assert_int_equal(kl_exchange_set_structure(s->x, s->now_us, m, "tapered_deci_cent", NULL, 0), KL_X_OK);
  assert_int_equal(kl_exchange_set_metadata(s->x, s->now_us, m, &d), KL_X_OK);
  s->now_us += 3600 * SECOND;
  (void)kl_exchange_tick(s->x, s->now_us); /* it closes by time: not told */
  assert_int_equal(m->status, KL_MARKET_CLOSED);
  assert_int_equal(kl_exchange_set_close(s->x, s->now_us, m, s->now_us + 60 * SECOND), KL_X_OK);
  assert_int_equal(kl_exchange_set_close(s->x, s->now_us, m, s->now_us), KL_X_OK);
  assert_int_equal(kl_exchange_determine(s->x, s->now_us, m, KL_PRICE_ONE), KL_X_OK);
  assert_int_equal(kl_exchange_dispute(s->x, s->now_us, m), KL_X_OK); /* not told */
  s->now_us += 30 * SECOND;
  assert_int_equal(kl_exchange_amend_result(s->x, s->now_us, m, 3700), KL_X_OK);
  s->now_us += 60 * SECOND;
  (void)kl_exchange_tick(s->x, s->now_us);
  assert_int_equal(m->status, KL_MARKET_FINALIZED);
}

/* The frames that wait, after the one that stands for the sleeping socket. */
static void take_all(kl_sim_session *c, kl_buf *out) {
  kl_buf first = {0};
  assert_true(kl_sim_session_next(c, &first));
  kl_buf_free(&first);
  while (kl_sim_session_next(c, out))
    ;
}

static void every_message_is_as_in_the_fixture(void **state) {
  box *b = *state;
  kl_sim *s = &b->sim;
  live(b, add_market(b, "KXSNOWOSL", "KXSNOWOSL-26NOV03", "KXSNOWOSL-26NOV03-T4.5"));
  live(b, add_market(b, "KXMVEDEMO", "KXMVEDEMO-S2026A1B2", "KXMVEDEMO-S2026A1B2-C3"));
  const kl_order_group *g;
  assert_int_equal(kl_exchange_group_create(s->x, s->now_us, b->accounts[0].user, 0, 0, 50000, &g), KL_X_OK);
  kl_group_key k = {b->accounts[0].user, 0, 0, g->id};
  assert_int_equal(kl_exchange_group_set_limit(s->x, s->now_us, &k, 75050), KL_X_OK);
  assert_int_equal(kl_exchange_group_trigger(s->x, s->now_us, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_reset(s->x, s->now_us, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_delete(s->x, s->now_us, &k), KL_X_OK);
  kl_buf got[3] = {{0}, {0}, {0}};
  char wanted[16384];
  FILE *f = fopen("fixtures/sim_lifecycle.jsonl", "r");
  assert_non_null(f);
  size_t n = fread(wanted, 1, sizeof wanted - 1, f);
  fclose(f);
  wanted[n] = '\0';
  for (int i = 0; i < 3; i++)
    take_all(b->sessions[i], &got[i]);
  for (int i = 0; i < 3; i++)
    kl_buf_char(&got[i], '\0');
  assert_false(got[0].failed || got[1].failed || got[2].failed);
  assert_string_equal(got[0].data, wanted);
  /* The others hear the same, but for the group. */
  char *group = strstr(wanted, "{\"type\":\"order_group_updates\"");
  assert_non_null(group);
  *group = '\0';
  for (int i = 1; i < 3; i++)
    assert_string_equal(got[i].data, wanted);
  for (int i = 0; i < 3; i++)
    kl_buf_free(&got[i]);
}

/* The exchange of a simulator with the users that every start makes. */
static void open_exchange(kl_sim *s, const char *path) {
  kl_error e = {0};
  kl_list_init(&s->sessions);
  kl_exchange_options o = {.seed = 1, .sink = kl_sim_channels_sink(s)};
  s->x = kl_exchange_new(&o);
  s->now_us = INT64_C(1790000000000000);
  assert_true(kl_sim_store_open(path, &s->store, &e));
  for (int i = 0; i < 2; i++)
    (void)kl_exchange_add_user(s->x, 1000 * KL_MONEY_ONE);
}

static void close_exchange(kl_sim *s) {
  kl_sim_store_close(s->store);
  kl_exchange_free(s->x);
}

static void groups_survive_in_the_state_file(void **state) {
  (void)state;
  char folder[] = "/tmp/kalua-groups-XXXXXX", path[64];
  assert_non_null(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/state", folder);
  kl_sim *s = calloc(1, sizeof *s), *again = calloc(1, sizeof *again);
  assert_true(s && again);
  open_exchange(s, path);
  const kl_order_group *kept, *gone;
  assert_int_equal(kl_exchange_group_create(s->x, s->now_us, 1, 0, 2, 75050, &kept), KL_X_OK);
  assert_int_equal(kl_exchange_group_create(s->x, s->now_us, 0, 0, 0, 500, &gone), KL_X_OK);
  kl_group_key k = {1, 0, 2, kept->id}, other = {0, 0, 0, gone->id};
  assert_int_equal(kl_exchange_group_reset(s->x, s->now_us + SECOND, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_trigger(s->x, s->now_us + SECOND, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_delete(s->x, s->now_us + SECOND, &other), KL_X_OK);
  assert_true(kl_sim_store_commit(s->store));
  kl_order_group was = *kept;
  close_exchange(s);

  kl_error e = {0};
  open_exchange(again, path);
  assert_true(kl_sim_groups_load(again, &e));
  assert_null(kl_exchange_group_next(again->x, 0, NULL));
  const kl_order_group *back = kl_exchange_group_next(again->x, 1, NULL);
  assert_non_null(back);
  assert_string_equal(back->id, was.id);
  assert_int_equal(back->shard, 2);
  assert_int_equal(back->limit, 75050);
  assert_true(back->triggered);
  assert_int_equal(back->created_us, was.created_us);
  assert_int_equal(back->counted_from_us, was.counted_from_us);
  assert_null(kl_exchange_group_next(again->x, 1, back));
  close_exchange(again);
  free(s);
  free(again);
  char side[96];
  (void)snprintf(side, sizeof side, "%s/state-wal", folder);
  (void)remove(side);
  (void)snprintf(side, sizeof side, "%s/state-shm", folder);
  (void)remove(side);
  (void)remove(path);
  assert_int_equal(remove(folder), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_message_is_as_in_the_fixture, setup, teardown),
      cmocka_unit_test(groups_survive_in_the_state_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
