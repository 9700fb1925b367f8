/* The seat belt and leases: the desk between a script and an exchange whose answers and channels the test speaks. */
#include "unit/desk_world.h"

#include "trading/lease.h"
#include "trading/seat_belt.h"

static struct {
  const char *make, *trigger; /* answers to these writes; NULL: a good one */
  bool triggered, gone;       /* as the group shows when it is read */
  const char *limit, *inside; /* the same */
  int groups, triggers, resets, limits, deletes, reads;
} belt;

static const char *market(const char *request) {
  if (is(request, GET "/markets/"))
    return json_answer(
        200, "{\"market\":{\"ticker\":\"T\",\"event_ticker\":\"E\",\"status\":\"active\",\"exchange_index\":2,"
             "\"price_level_structure\":\"linear_cent\",\"result\":\"\"}}");
  if (is(request, GET "/events/"))
    return json_answer(200, "{\"event\":{\"event_ticker\":\"E\",\"series_ticker\":\"S\",\"mutually_exclusive\":false,"
                            "\"title\":\"E\"}}");
  return json_answer(200, "{\"series\":{\"ticker\":\"S\",\"fee_type\":\"quadratic\",\"fee_multiplier\":1}}");
}

static const char *group(const char *request) {
  if (is(request, "POST")) {
    belt.groups++;
    return belt.make ? belt.make : json_answer(201, "{\"order_group_id\":\"g%d\",\"subaccount\":0}", belt.groups);
  }
  if (is(request, "GET")) {
    belt.reads++;
    if (belt.gone) return json_answer(404, REFUSED("not_found"));
    return json_answer(200, "{\"is_auto_cancel_enabled\":%s,\"contracts_limit_fp\":\"%s\",\"orders\":[%s]}",
                       belt.triggered ? "false" : "true", belt.limit ? belt.limit : "50.00",
                       belt.inside ? belt.inside : "");
  }
  if (is(request, "DELETE"))
    belt.deletes++;
  else if (strstr(request, "/trigger"))
    belt.triggers++;
  else if (strstr(request, "/reset"))
    belt.resets++;
  else
    belt.limits++;
  return strstr(request, "/trigger") && belt.trigger ? belt.trigger : json_answer(200, "{}");
}

static const char *belted(const char *request) {
  if (strstr(request, "/portfolio/order_groups")) return group(request);
  if (is(request, GET "/markets/") || is(request, GET "/events/") || is(request, GET "/series/"))
    return market(request);
  return NULL;
}

static char journal_path[64];

static void open_desk(kl_count group_limit, const char *limits) {
  open_with(limits, journal_path[0] ? journal_path : NULL, group_limit);
}

static int begin_desk(void **state, kl_count group_limit, const char *limits) {
  set_up(state);
  memset(&belt, 0, sizeof belt);
  begin_exchange();
  world.also = belted;
  open_desk(group_limit, limits);
  return 0;
}

static int begin_belted(void **state) {
  journal_path[0] = 0;
  return begin_desk(state, 5000, NULL);
}

static int begin_journaled(void **state) {
  static int n;
  snprintf(journal_path, sizeof journal_path, "/tmp/kl_belt_%d_%d.db", (int)getpid(), ++n);
  return begin_desk(state, 5000, NULL);
}

static int begin_leased(void **state) {
  journal_path[0] = 0;
  return begin_desk(state, 0, "max_position=10");
}

static int end_belted(void **state) {
  int result = end_world(state);
  for (int i = 0; journal_path[0] && i < 3; i++) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[96];
    snprintf(path, sizeof path, "%s%s", journal_path, ends[i]);
    unlink(path);
  }
  return result;
}

static bool was_asked_for(const char *channel) {
  for (int i = 0; i < link_peer.n_sent; i++)
    if (strstr(link_peer.sent[i], channel)) return true;
  return false;
}

static void open_channels(bool belted) {
  UNTIL(link_peer.ws != NULL);
  link_peer.ws->o.open(link_peer.ws->o.data, 0);
  UNTIL(was_asked_for("market_positions") && (!belted || was_asked_for("order_group_updates")));
  answer_subscribe("user_orders", 11);
  answer_subscribe("fill", 12);
  answer_subscribe("market_positions", 13);
  if (belted) answer_subscribe("order_group_updates", 14);
  link_peer.ws->o.burst_end(link_peer.ws->o.data);
  forget_sent();
}

static void say_group(const char *event, const char *id, int seq) {
  say("{\"type\":\"order_group_updates\",\"sid\":14,\"seq\":%d,\"msg\":{\"event_type\":\"%s\",\"order_group_id\":\"%"
      "s\","
      "\"ts_ms\":%lld}}",
      seq, event, id, (long long)now_ms());
}

static kl_desk_order *place_bid(outcome *o) {
  kl_order_intent i = bid();
  return place(&i, o);
}

static kl_desk_order *belted_order(void) {
  outcome o = {0};
  kl_desk_order *x = place_bid(&o);
  if (!link_peer.ws) open_channels(true);
  UNTIL(o.calls);
  assert_int_equal(x->status, KL_DESK_RESTING);
  return x;
}

/* ---- the belt ---- */

static void a_group_is_made_once(void **state) {
  (void)state;
  outcome a = {0}, b = {0};
  kl_desk_order *x = place_bid(&a), *y = place_bid(&b);
  assert_int_equal(world.creates, 0); /* both wait for it */
  open_channels(true);
  UNTIL(a.calls && b.calls);
  assert_int_equal(belt.groups, 1);
  assert_string_equal(x->group_id, "g1");
  assert_string_equal(y->group_id, "g1");
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"g1\""));
  kl_order_intent own = bid();
  own.group_id = "mine";
  a = (outcome){0};
  kl_desk_order *z = place(&own, &a);
  UNTIL(a.calls);
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"mine\""));
  assert_int_equal(belt.groups, 1);
  /* Its shard is the market's. */
  bool on_shard = false;
  for (size_t i = 0; i < peer.count; i++)
    on_shard = on_shard || (strstr(peer.requests[i], "/order_groups/create") &&
                            strstr(peer.requests[i], "{\"contracts_limit\":50,\"subaccount\":0,\"exchange_index\":2}"));
  assert_true(on_shard);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
  kl_desk_order_release(z);
}

static void a_batch_is_in_it(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  static const char one[] = "{\"ticker\":\"T\",\"side\":\"bid\",\"count\":\"1\",\"price\":\"0.42\",\"time_in_force\":"
                            "\"good_till_canceled\",\"self_trade_prevention_type\":\"maker\"%s}";
  char body[1024], a[300], b[300];
  snprintf(a, sizeof a, one, "");
  snprintf(b, sizeof b, one, ",\"order_group_id\":\"mine\"");
  snprintf(body, sizeof body, "{\"orders\":[%s,%s]}", a, b);
  world.batch = keep(0, json_answer(201, "{\"orders\":[{\"order_id\":\"o1\"},{\"order_id\":\"o2\"}]}"));
  kl_call_request r = {.op = kl_operation_find("BatchCreateOrdersV2"),
                       .path = "/portfolio/events/orders/batched",
                       .body = body,
                       .body_len = strlen(body),
                       .items = 2};
  if (!kl_desk_call(desk, maker, 1, &r, on_answer, &o, &e)) fail_msg("%s", e.message);
  open_channels(true);
  UNTIL(o.calls);
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"g1\""));
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"mine\""));
  assert_string_equal(kl_desk_find(desk, "o1")->group_id, "g1");
}

static void nothing_is_sent_outside_of_it(void **state) {
  (void)state;
  outcome o = {0};
  belt.make = keep(0, json_answer(400, REFUSED("too_many_order_groups")));
  kl_desk_order *x = place_bid(&o);
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_non_null(strstr(o.error.message, "no order is sent outside of it"));
  assert_int_equal(world.creates, 0);
  assert_int_equal(x->status, KL_DESK_REJECTED);
  kl_desk_order_release(x);
  belt.make = NULL; /* the next one tries again */
  x = belted_order();
  assert_int_equal(world.creates, 1);
  kl_desk_order_release(x);
}

static void refused_while_halted(void) {
  kl_error e;
  kl_desk_order *out = NULL;
  kl_order_intent i = bid();
  assert_false(kl_desk_place(desk, maker, 3, &i, &out, NULL, NULL, NULL, &e));
  assert_string_equal(e.code, "halted");
}

static void a_trigger_halts_until_it_is_resumed(void **state) {
  (void)state;
  kl_desk_order *x = belted_order();
  say_fill("t1", "o1", "", "4.00");
  say_group("triggered", "g1", 1);
  assert_non_null(kl_party_halted(maker));
  assert_non_null(strstr(kl_party_halted(maker), "more than 50 contracts in 15 s"));
  assert_non_null(strstr(kl_party_halted(maker), "4.00 are known here"));
  refused_while_halted();
  assert_int_equal(belt.triggers, 0); /* it is triggered already */
  UNTIL(world.cancels == 1);          /* and what rests is canceled all the same */
  kl_party_resume(maker);
  outcome o = {0};
  kl_desk_order *y = place_bid(&o);
  UNTIL(o.calls);
  assert_int_equal(belt.resets, 1);
  assert_int_equal(y->status, KL_DESK_RESTING);
  assert_string_equal(y->group_id, "g1");
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

static void a_halt_triggers_first(void **state) {
  (void)state;
  kl_desk_order *x = belted_order();
  kl_party_halt(maker, "enough");
  UNTIL(belt.triggers == 1);
  assert_int_equal(world.cancels, 0);
  say_order("o1", x->client_id, "canceled", "0.00", "0.00", "");
  say_group("triggered", "g1", 1); /* what we have asked for is no reason of its own */
  assert_string_equal(kl_party_halted(maker), "enough");
  assert_int_equal(x->status, KL_DESK_CANCELED);
  kl_party_resume(maker);
  UNTIL(belt.resets == 1);
  kl_desk_order_release(x);
}

static void what_a_trigger_leaves_is_canceled(void **state) {
  (void)state;
  belt.trigger = keep(1, json_answer(500, REFUSED("internal_error")));
  kl_desk_order *x = belted_order();
  kl_party_halt(maker, "enough");
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_int_equal(world.cancels, 1);
  kl_desk_order_release(x);
}

static void a_refusal_tells_of_a_trigger(void **state) {
  (void)state;
  kl_desk_order_release(belted_order());
  world.create = keep(0, json_answer(400, REFUSED("exceeded_order_group_risk_limit")));
  belt.triggered = true;
  outcome o = {0};
  kl_desk_order *x = place_bid(&o);
  UNTIL(kl_party_halted(maker));
  assert_int_equal(x->status, KL_DESK_REJECTED);
  kl_desk_order_release(x);
}

static void a_group_that_is_gone_is_made_anew(void **state) {
  (void)state;
  kl_desk_order_release(belted_order());
  say_group("deleted", "g1", 1);
  kl_desk_order *x = belted_order();
  assert_string_equal(x->group_id, "g2");
  assert_null(kl_party_halted(maker));
  kl_desk_order_release(x);
}

static void a_reconnect_looks_at_the_group(void **state) {
  (void)state;
  kl_desk_order_release(belted_order());
  belt.triggered = true;
  link_breaks(0);
  link_peer.ws = NULL;
  open_channels(true);
  UNTIL(kl_party_halted(maker));
}

static void reopen(kl_count group_limit) {
  close_desk();
  open_desk(group_limit, NULL);
}

static void a_restart_goes_on_with_the_group(void **state) {
  (void)state;
  kl_desk_order_release(belted_order());
  reopen(3000); /* with another limit */
  outcome o = {0};
  kl_desk_order *x = place_bid(&o);
  UNTIL(o.calls);
  assert_string_equal(x->group_id, "g1");
  assert_int_equal(belt.groups, 1);
  assert_int_equal(belt.limits, 1);
  kl_desk_order_release(x);
  reopen(5000);
  belt.gone = true;
  o = (outcome){0};
  x = place_bid(&o);
  UNTIL(o.calls);
  assert_string_equal(x->group_id, "g2");
  kl_desk_order_release(x);
  reopen(5000);
  belt.gone = false;
  belt.triggered = true; /* while nobody was here */
  o = (outcome){0};
  x = place_bid(&o);
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_string_equal(o.error.code, "halted");
  kl_desk_order_release(x);
  reopen(5000); /* it is halted still, and resumed: no reason to halt it again */
  assert_non_null(kl_party_halted(maker));
  kl_party_resume(maker);
  o = (outcome){0};
  x = place_bid(&o);
  UNTIL(o.calls);
  assert_false(o.failed);
  assert_int_equal(belt.resets, 1);
  assert_int_equal(x->status, KL_DESK_RESTING);
  kl_desk_order_release(x);
}

static void at_the_end_it_goes_where_nothing_rests(void **state) {
  (void)state;
  kl_desk_order *x = belted_order();
  kl_desk_tidy(desk);
  assert_int_equal(kl_desk_writes_pending(desk), 0);
  outcome o = {0};
  kl_error e;
  if (!kl_desk_cancel(desk, x, on_answer, &o, NULL, &e)) fail_msg("%s", e.message);
  UNTIL(o.calls);
  belt.inside = "\"another's\"";
  kl_desk_tidy(desk);
  UNTIL(!kl_desk_writes_pending(desk));
  assert_int_equal(belt.deletes, 0);
  belt.inside = NULL;
  kl_desk_tidy(desk);
  UNTIL(!kl_desk_writes_pending(desk));
  assert_int_equal(belt.deletes, 1);
  kl_desk_order_release(x);
}

/* ---- leases ---- */

static kl_desk_entry *entry(kl_desk_order *x) { return (kl_desk_entry *)x; }

static kl_desk_order *leased(void) {
  outcome o = {0};
  kl_order_intent i = bid();
  i.lease_s = 3600;
  i.cancel_on_pause = true;
  kl_desk_order *x = place(&i, &o);
  open_channels(false);
  UNTIL(o.calls);
  assert_int_equal(x->status, KL_DESK_RESTING);
  assert_non_null(strstr(world.last_body, "\"expiration_time\":"));
  assert_true(x->expiration_ms > now_ms() + 3590 * 1000 && x->expiration_ms <= now_ms() + 3600 * 1000);
  return x;
}

static void fall_due(kl_desk_order *x) { entry(x)->lease_due_ns = 0; }

typedef struct {
  kl_order_watcher w;
  int ends;
} watch;
static void note_end(kl_order_watcher *w, const kl_desk_order *o) {
  if (kl_desk_status_final(o->status)) ((watch *)w->data)->ends++;
}

/* The channel's word of its placing has no reason. */
static void what_is_renewed_says_so_whoever_tells_of_it(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"10.00\",\"ts_ms\":%lld}", (long long)now_ms()));
  world.create = keep(1, json_answer(201,
                                     "{\"order_id\":\"o2\",\"fill_count\":\"0.00\",\"remaining_count\":\"10.00\","
                                     "\"ts_ms\":%lld}",
                                     (long long)now_ms()));
  fall_due(x);
  UNTIL(!strcmp(x->id, "o2") && x->status == KL_DESK_RESTING);
  say_order("o2", x->client_id, "resting", "0.00", "10.00", "");
  assert_string_equal(x->reason, "lease");
  say_order("o2", x->client_id, "resting", "0.00", "8.00", "Decrease");
  assert_string_equal(x->reason, "Decrease");
  kl_desk_order_release(x);
}

static void a_lease_is_renewed_with_what_is_left(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  watch seen = {.w = {.data = &seen, .changed = note_end}};
  kl_desk_watch(x, &seen.w);
  char name[65];
  memcpy(name, x->client_id, sizeof name);
  say_fill("t1", "o1", "", "4.00");
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"6.00\",\"ts_ms\":%lld}", (long long)now_ms()));
  fall_due(x);
  UNTIL(world.cancels == 1);
  assert_int_equal(x->status, KL_DESK_PENDING);
  say_order("o1", name, "canceled", "4.00", "0.00", ""); /* before the answer: no end */
  assert_int_equal(x->status, KL_DESK_PENDING);
  world.create = keep(1, json_answer(201,
                                     "{\"order_id\":\"o2\",\"fill_count\":\"0.00\",\"remaining_count\":\"6.00\","
                                     "\"ts_ms\":%lld}",
                                     (long long)now_ms()));
  UNTIL(x->status == KL_DESK_RESTING);
  assert_string_equal(x->id, "o2");
  assert_string_equal(x->reason, "lease");
  assert_string_not_equal(x->client_id, name);
  assert_non_null(strstr(world.last_body, "\"count\":\"6.00\""));
  assert_non_null(strstr(world.last_body, "\"cancel_order_on_pause\":true"));
  assert_non_null(strstr(world.last_body, "\"expiration_time\":"));
  assert_int_equal(x->before, 400);
  assert_int_equal(x->before_cost, 400 * 4200);
  assert_int_equal(x->before_fees, 10000);
  assert_int_equal(x->filled, 0);
  assert_int_equal(x->remaining, 600);
  assert_int_equal(seen.ends, 0);
  assert_ptr_equal(kl_desk_find(desk, "o1"), x); /* by its older names, too */
  assert_ptr_equal(kl_desk_find(desk, name), x);
  /* max_position is 10, and no more than that is reserved at any time. */
  kl_error e;
  kl_order_intent more = bid();
  more.count = 1;
  kl_desk_order *out = NULL;
  assert_false(kl_desk_place(desk, maker, 3, &more, &out, NULL, NULL, NULL, &e));
  assert_string_equal(e.code, "max_position");
  say_fill("t2", "o2", "", "6.00");
  assert_int_equal(x->status, KL_DESK_FILLED);
  assert_int_equal(seen.ends, 1);
  kl_desk_counts c;
  kl_desk_counts_get(desk, maker, &c);
  assert_int_equal(c.placed, 1);
  assert_int_equal(c.filled, 1);
  assert_int_equal(c.fills, 2);
  assert_int_equal(c.resting + c.pending + c.unknown, 0);
  kl_desk_unwatch(&seen.w);
  kl_desk_order_release(x);
}

static void a_fill_between_is_told_of_late(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"7.00\",\"ts_ms\":%lld}", (long long)now_ms()));
  fall_due(x);
  UNTIL(world.creates == 2 && x->status == KL_DESK_RESTING);
  assert_non_null(strstr(world.last_body, "\"count\":\"7.00\""));
  assert_int_equal(x->before, 300);
  assert_int_equal(x->before_cost, 0);
  uint64_t version = x->version;
  say_fill("t1", "o1", "", "3.00");
  assert_int_equal(x->before, 300);
  assert_int_equal(x->before_cost, 300 * 4200);
  assert_true(x->version > version);
  kl_desk_order_release(x);
}

static void what_is_filled_is_not_renewed(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.cancel = keep(0, json_answer(404, REFUSED("not_found")));
  fall_due(x);
  UNTIL(world.cancels == 1);
  say_fill("t1", "o1", "", "10.00");
  UNTIL(!x->writes);
  assert_int_equal(x->status, KL_DESK_FILLED);
  assert_int_equal(world.creates, 1);
  kl_desk_order_release(x);
}

/* The exchange, or somebody, was faster. */
static void what_others_have_canceled_is_not_renewed(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.cancel = keep(0, json_answer(404, REFUSED("not_found")));
  fall_due(x);
  UNTIL(world.cancels == 1);
  say_order("o1", x->client_id, "canceled", "0.00", "0.00", "ExpiryCancel");
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_string_equal(x->reason, "ExpiryCancel");
  assert_int_equal(world.creates, 1);
  kl_desk_order_release(x);
}

static void a_cancel_meanwhile_ends_it(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  outcome o = {0};
  kl_error e;
  fall_due(x);
  UNTIL(entry(x)->renewing);
  if (!kl_desk_cancel(desk, x, on_answer, &o, NULL, &e)) fail_msg("%s", e.message);
  UNTIL(o.calls);
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_int_equal(world.creates, 1);
  kl_desk_order_release(x);
}

static void a_halt_meanwhile_ends_it(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  fall_due(x);
  UNTIL(entry(x)->renewing);
  kl_party_halt(maker, "enough");
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_int_equal(world.creates, 1);
  kl_desk_order_release(x);
}

static void one_that_is_refused_has_ended(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  say_fill("t1", "o1", "", "4.00");
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"6.00\",\"ts_ms\":%lld}", (long long)now_ms()));
  world.create = keep(1, json_answer(400, REFUSED("insufficient_balance")));
  fall_due(x);
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_string_equal(x->reason, "insufficient_balance");
  assert_string_equal(x->error->code, "insufficient_balance");
  assert_int_equal(x->before + x->filled, 400);
  assert_int_equal(x->remaining, 0);
  kl_desk_counts c;
  kl_desk_counts_get(desk, maker, &c);
  assert_int_equal(c.rejected, 0);
  kl_desk_order_release(x);
}

static void a_lost_renewal_is_looked_up(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.create = DROP;
  fall_due(x);
  UNTIL(world.creates >= 2);
  say_order("o2", x->client_id, "resting", "0.00", "10.00", "");
  UNTIL(x->status == KL_DESK_RESTING && !x->writes);
  assert_string_equal(x->id, "o2");
  kl_desk_order_release(x);
}

static void a_lost_cancel_is_looked_up(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.cancel = DROP;
  fall_due(x);
  UNTIL(world.cancels >= 1);
  say_order("o1", x->client_id, "canceled", "2.00", "0.00", "");
  UNTIL(world.creates == 2 && x->status == KL_DESK_RESTING);
  assert_non_null(strstr(world.last_body, "\"count\":\"8.00\""));
  assert_int_equal(x->before, 200);
  kl_desk_order_release(x);
}

/* Nor is it placed anew where the cancel may have come too late. */
static void a_lost_cancel_of_an_expired_one_ends_it(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  world.cancel = DROP;
  fall_due(x);
  UNTIL(world.cancels >= 1);
  say_order("o1", x->client_id, "canceled", "2.00", "0.00", "ExpiryCancel");
  UNTIL(!x->writes && x->status != KL_DESK_PENDING);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  assert_int_equal(x->filled, 200);
  assert_int_equal(world.creates, 1);
  kl_desk_order_release(x);
}

static void nothing_is_renewed_without_a_feed(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  link_breaks(0);
  link_peer.ws = NULL;
  fall_due(x);
  int64_t since = now_ms();
  UNTIL(now_ms() > since + 200);
  assert_int_equal(world.cancels, 0);
  open_channels(false);
  UNTIL(world.creates == 2 && x->status == KL_DESK_RESTING);
  kl_desk_order_release(x);
}

static void an_amend_counts_what_was_before(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  kl_error e;
  say_fill("t1", "o1", "", "4.00");
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"6.00\",\"ts_ms\":%lld}", (long long)now_ms()));
  fall_due(x);
  UNTIL(entry(x)->renewing);
  assert_false(kl_desk_amend(desk, x, 4100, 0, NULL, NULL, NULL, &e));
  assert_true(e.retryable);
  UNTIL(x->status == KL_DESK_RESTING);
  assert_false(kl_desk_amend(desk, x, 0, 400, NULL, NULL, NULL, &e)); /* as much has filled */
  outcome o = {0};
  if (!kl_desk_amend(desk, x, 0, 900, on_answer, &o, NULL, &e)) fail_msg("%s", e.message);
  UNTIL(o.calls);
  assert_non_null(strstr(world.last_body, "\"count\":\"5.00\""));
  kl_desk_order_release(x);
}

static void many_renewals_are_one_order(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  for (int i = 2; i <= 6; i++) {
    fall_due(x);
    UNTIL(world.creates == i && x->status == KL_DESK_RESTING);
  }
  assert_string_equal(x->id, "o6");
  assert_int_equal(x->count, 1000);
  for (int i = 1; i <= 6; i++) {
    char id[8];
    snprintf(id, sizeof id, "o%d", i);
    assert_ptr_equal(kl_desk_find(desk, id), x);
  }
  close_desk(); /* with older ones that hold on to it */
  kl_desk_order_release(x);
}

#define BELTED(begin, name) cmocka_unit_test_setup_teardown(name, begin, end_belted)

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      BELTED(begin_belted, a_group_is_made_once),
      BELTED(begin_belted, a_batch_is_in_it),
      BELTED(begin_belted, nothing_is_sent_outside_of_it),
      BELTED(begin_belted, a_trigger_halts_until_it_is_resumed),
      BELTED(begin_belted, a_halt_triggers_first),
      BELTED(begin_belted, what_a_trigger_leaves_is_canceled),
      BELTED(begin_belted, a_refusal_tells_of_a_trigger),
      BELTED(begin_belted, a_group_that_is_gone_is_made_anew),
      BELTED(begin_belted, a_reconnect_looks_at_the_group),
      BELTED(begin_journaled, a_restart_goes_on_with_the_group),
      BELTED(begin_belted, at_the_end_it_goes_where_nothing_rests),
      BELTED(begin_leased, a_lease_is_renewed_with_what_is_left),
      BELTED(begin_leased, what_is_renewed_says_so_whoever_tells_of_it),
      BELTED(begin_leased, a_fill_between_is_told_of_late),
      BELTED(begin_leased, what_is_filled_is_not_renewed),
      BELTED(begin_leased, what_others_have_canceled_is_not_renewed),
      BELTED(begin_leased, a_cancel_meanwhile_ends_it),
      BELTED(begin_leased, a_halt_meanwhile_ends_it),
      BELTED(begin_leased, one_that_is_refused_has_ended),
      BELTED(begin_leased, a_lost_renewal_is_looked_up),
      BELTED(begin_leased, a_lost_cancel_is_looked_up),
      BELTED(begin_leased, a_lost_cancel_of_an_expired_one_ends_it),
      BELTED(begin_leased, nothing_is_renewed_without_a_feed),
      BELTED(begin_leased, an_amend_counts_what_was_before),
      BELTED(begin_leased, many_renewals_are_one_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
