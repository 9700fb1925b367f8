/* The seat belt and leases: the desk between a script and an exchange whose answers and channels the test speaks. */
#define peer link_peer
#include "unit/ws_peer.h"
#undef peer

#include "base/log.h"
#include "trading/lease.h"
#include "trading/seat_belt.h"
#include "unit/rest_peer.h"

enum { TEXT = 4096 };

static struct {
  const char *create, *cancel, *make, *trigger; /* answers to these writes; NULL: a good one */
  bool triggered, gone;                         /* as the group shows when it is read */
  const char *limit, *inside;                   /* the same */
  char row[1024];                               /* of the order in look-ups; "": none */
  char last_body[1024];                         /* of the last create */
  int creates, cancels, groups, triggers, resets, limits, deletes, reads;
} world;

static const char *json_answer(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *json_answer(int status, const char *fmt, ...) {
  static char body[TEXT], text[TEXT + 256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(body, sizeof body, fmt, ap);
  va_end(ap);
  snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
           status, strlen(body), body);
  return text;
}

static char kept[4][1024];
static const char *keep(int at, const char *answer) {
  snprintf(kept[at], sizeof kept[at], "%s", answer);
  return kept[at];
}

#define GET "GET /trade-api/v2"
#define REFUSED(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"no\"}}"
static bool is(const char *request, const char *line) { return !strncmp(request, line, strlen(line)); }
static int64_t now_ms(void) { return kl_wall_ms(kl_clock_real()); }

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
    world.groups++;
    return world.make ? world.make : json_answer(201, "{\"order_group_id\":\"g%d\",\"subaccount\":0}", world.groups);
  }
  if (is(request, "GET")) {
    world.reads++;
    if (world.gone) return json_answer(404, REFUSED("not_found"));
    return json_answer(200, "{\"is_auto_cancel_enabled\":%s,\"contracts_limit_fp\":\"%s\",\"orders\":[%s]}",
                       world.triggered ? "false" : "true", world.limit ? world.limit : "50.00",
                       world.inside ? world.inside : "");
  }
  if (is(request, "DELETE"))
    world.deletes++;
  else if (strstr(request, "/trigger"))
    world.triggers++;
  else if (strstr(request, "/reset"))
    world.resets++;
  else
    world.limits++;
  return strstr(request, "/trigger") && world.trigger ? world.trigger : json_answer(200, "{}");
}

static const char *exchange(const char *request) {
  if (strstr(request, "/portfolio/order_groups")) return group(request);
  if (is(request, GET "/markets/") || is(request, GET "/events/") || is(request, GET "/series/"))
    return market(request);
  if (is(request, "POST")) {
    const char *body = strstr(request, "\r\n\r\n");
    snprintf(world.last_body, sizeof world.last_body, "%s", body ? body + 4 : "");
    world.creates++;
    return world.create ? world.create
                        : json_answer(201,
                                      "{\"order_id\":\"o%d\",\"fill_count\":\"0.00\",\"remaining_count\":\"10.00\","
                                      "\"ts_ms\":%lld}",
                                      world.creates, (long long)now_ms());
  }
  if (is(request, "DELETE")) {
    world.cancels++;
    return world.cancel
               ? world.cancel
               : json_answer(200, "{\"order_id\":\"o\",\"reduced_by\":\"10.00\",\"ts_ms\":%lld}", (long long)now_ms());
  }
  if (is(request, GET "/portfolio/orders/"))
    return world.row[0] ? json_answer(200, "{\"order\":%s}", world.row) : json_answer(404, REFUSED("not_found"));
  if (is(request, GET "/portfolio/orders")) return json_answer(200, "{\"orders\":[],\"cursor\":\"\"}");
  if (is(request, GET "/portfolio/fills")) return json_answer(200, "{\"fills\":[],\"cursor\":\"\"}");
  if (is(request, GET "/portfolio/positions"))
    return json_answer(200, "{\"market_positions\":[],\"event_positions\":[],\"cursor\":\"\"}");
  if (is(request, GET "/portfolio/balance"))
    return json_answer(200, "{\"balance\":100000,\"balance_dollars\":\"1000.0000\",\"portfolio_value\":0,"
                            "\"updated_ts\":1,\"balance_breakdown\":[]}");
  if (is(request, GET "/portfolio/subaccounts/balances")) return json_answer(200, "{\"subaccount_balances\":[]}");
  if (is(request, GET "/exchange/user_data_timestamp")) {
    char time[40];
    kl_time_rfc3339(time, sizeof time, kl_wall_us(kl_clock_real()) + 5000, 6);
    return json_answer(200, "{\"as_of_time\":\"%s\"}", time);
  }
  return json_answer(404, REFUSED("not_found"));
}

/* ---- a desk against it ---- */

static kl_desk *desk;
static kl_party *maker;
static char journal_path[64];

static void open_desk(kl_count group_limit, const char *limits) {
  kl_error e;
  kl_limit_values values = {0};
  if (limits && !kl_limits_parse(limits, &values, &e)) fail_msg("%s", e.message);
  kl_desk_options o = {.loop = &loop,
                       .session = session,
                       .clock = kl_clock_real(),
                       .journal_path = journal_path[0] ? journal_path : NULL,
                       .limits = values,
                       .group_limit = group_limit};
  if (!kl_desk_open(&o, &desk, &e)) fail_msg("%s", e.message);
  maker = kl_desk_party(desk, "maker one");
  assert_non_null(maker);
}

static int begin_with(void **state, kl_count group_limit, const char *limits) {
  set_up(state);
  memset(&world, 0, sizeof world);
  memset(&link_peer, 0, sizeof link_peer);
  peer.choose = exchange;
  start(true);
  open_desk(group_limit, limits);
  return 0;
}

static int begin_belted(void **state) {
  journal_path[0] = 0;
  return begin_with(state, 5000, NULL);
}

static int begin_journaled(void **state) {
  static int n;
  snprintf(journal_path, sizeof journal_path, "/tmp/kl_belt_%d_%d.db", (int)getpid(), ++n);
  return begin_with(state, 5000, NULL);
}

static int begin_leased(void **state) {
  journal_path[0] = 0;
  return begin_with(state, 0, "max_position=10");
}

static void note_desk_closed(void *data) { *(int *)data = 1; }

static void close_desk(void) {
  int closed = 0;
  kl_desk_close(desk, note_desk_closed, &closed);
  while (!closed)
    uv_run(&loop, UV_RUN_ONCE);
  desk = NULL;
}

static int end_world(void **state) {
  if (desk) close_desk();
  forget_sent();
  for (int i = 0; journal_path[0] && i < 3; i++) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[96];
    snprintf(path, sizeof path, "%s%s", journal_path, ends[i]);
    unlink(path);
  }
  return tear_down(state);
}

#define UNTIL(condition)                                                                                               \
  do {                                                                                                                 \
    uv_timer_t guard_;                                                                                                 \
    uv_timer_init(&loop, &guard_);                                                                                     \
    uv_timer_start(&guard_, too_long, 10000, 0);                                                                       \
    while (!(condition))                                                                                               \
      uv_run(&loop, UV_RUN_ONCE);                                                                                      \
    uv_close((uv_handle_t *)&guard_, NULL);                                                                            \
    uv_run(&loop, UV_RUN_NOWAIT);                                                                                      \
  } while (0)

static bool was_asked_for(const char *channel) {
  for (int i = 0; i < link_peer.n_sent; i++)
    if (strstr(link_peer.sent[i], channel)) return true;
  return false;
}

static void channels_open(bool belted) {
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

static void say_order(const char *id, const char *client_id, const char *status, const char *filled,
                      const char *remaining, const char *reason) {
  say("{\"type\":\"user_order\",\"sid\":11,\"msg\":{\"order_id\":\"%s\",\"user_id\":\"u\",\"ticker\":\"T\","
      "\"exchange_index\":0,\"status\":\"%s\",\"side\":\"yes\",\"is_yes\":true,\"outcome_side\":\"yes\",\"book_side\":"
      "\"bid\",\"yes_price_dollars\":\"0.4200\",\"fill_count_fp\":\"%s\",\"remaining_count_fp\":\"%s\","
      "\"initial_count_fp\":\"10.00\",\"taker_fill_cost_dollars\":\"0.0000\",\"maker_fill_cost_dollars\":\"0.0000\","
      "\"taker_fees_dollars\":\"0.0000\",\"maker_fees_dollars\":\"0.0000\",\"client_order_id\":\"%s\","
      "\"created_time\":null,\"created_ts_ms\":%lld,\"last_updated_ts_ms\":%lld,\"last_update_reason\":\"%s\"}}",
      id, status, filled, remaining, client_id, (long long)now_ms(), (long long)now_ms(), reason);
}

static void say_fill(const char *trade, const char *order, const char *count) {
  say("{\"type\":\"fill\",\"sid\":12,\"msg\":{\"trade_id\":\"%s\",\"order_id\":\"%s\",\"client_order_id\":\"\","
      "\"market_ticker\":\"T\",\"exchange_index\":0,\"is_taker\":false,\"side\":\"yes\",\"yes_price_dollars\":\"0."
      "4200\",\"count_fp\":\"%s\",\"fee_cost\":\"0.0100\",\"action\":\"buy\",\"outcome_side\":\"yes\",\"book_side\":"
      "\"bid\",\"ts\":1,\"ts_ms\":%lld,\"post_position_fp\":\"4.00\",\"purchased_side\":\"yes\"}}",
      trade, order, count, (long long)now_ms());
}

static kl_order_intent bid(void) {
  return (kl_order_intent){.ticker = "T", .side = KL_BID, .yes_price = 4200, .count = 1000};
}

static kl_desk_order *place_as(const kl_order_intent *i, outcome *o) {
  kl_error e;
  kl_desk_order *out = NULL;
  kl_desk_write *w = NULL;
  if (!kl_desk_place(desk, maker, 3, i, &out, on_answer, o, &w, &e)) fail_msg("%s", e.message);
  assert_int_equal(o->calls, 0);
  return out;
}

static kl_desk_order *place(outcome *o) {
  kl_order_intent i = bid();
  return place_as(&i, o);
}

static kl_desk_order *resting(void) {
  outcome o = {0};
  kl_desk_order *x = place(&o);
  if (!link_peer.ws) channels_open(true);
  UNTIL(o.calls);
  assert_int_equal(x->status, KL_DESK_RESTING);
  return x;
}

/* ---- the belt ---- */

static void a_group_is_made_once(void **state) {
  (void)state;
  outcome a = {0}, b = {0};
  kl_desk_order *x = place(&a), *y = place(&b);
  assert_int_equal(world.creates, 0); /* both wait for it */
  channels_open(true);
  UNTIL(a.calls && b.calls);
  assert_int_equal(world.groups, 1);
  assert_string_equal(x->group_id, "g1");
  assert_string_equal(y->group_id, "g1");
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"g1\""));
  kl_order_intent own = bid();
  own.group_id = "mine";
  a = (outcome){0};
  kl_desk_order *z = place_as(&own, &a);
  UNTIL(a.calls);
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"mine\""));
  assert_int_equal(world.groups, 1);
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
  world.create = keep(0, json_answer(201, "{\"orders\":[{\"order_id\":\"o1\"},{\"order_id\":\"o2\"}]}"));
  kl_call_request r = {.op = kl_operation_find("BatchCreateOrdersV2"),
                       .path = "/portfolio/events/orders/batched",
                       .body = body,
                       .body_len = strlen(body),
                       .items = 2};
  if (!kl_desk_call(desk, maker, 1, &r, on_answer, &o, &e)) fail_msg("%s", e.message);
  channels_open(true);
  UNTIL(o.calls);
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"g1\""));
  assert_non_null(strstr(world.last_body, "\"order_group_id\":\"mine\""));
  assert_string_equal(kl_desk_find(desk, "o1")->group_id, "g1");
}

static void nothing_is_sent_outside_of_it(void **state) {
  (void)state;
  outcome o = {0};
  world.make = keep(0, json_answer(400, REFUSED("too_many_order_groups")));
  kl_desk_order *x = place(&o);
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_non_null(strstr(o.error.message, "no order is sent outside of it"));
  assert_int_equal(world.creates, 0);
  assert_int_equal(x->status, KL_DESK_REJECTED);
  kl_desk_order_release(x);
  world.make = NULL; /* the next one tries again */
  x = resting();
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
  kl_desk_order *x = resting();
  say_fill("t1", "o1", "4.00");
  say_group("triggered", "g1", 1);
  assert_non_null(kl_party_halted(maker));
  assert_non_null(strstr(kl_party_halted(maker), "more than 50 contracts in 15 s"));
  assert_non_null(strstr(kl_party_halted(maker), "4.00 are known here"));
  refused_while_halted();
  assert_int_equal(world.triggers, 0); /* it is triggered already */
  UNTIL(world.cancels == 1);           /* and what rests is canceled all the same */
  kl_party_resume(maker);
  outcome o = {0};
  kl_desk_order *y = place(&o);
  UNTIL(o.calls);
  assert_int_equal(world.resets, 1);
  assert_int_equal(y->status, KL_DESK_RESTING);
  assert_string_equal(y->group_id, "g1");
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

static void a_halt_triggers_first(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_party_halt(maker, "enough");
  UNTIL(world.triggers == 1);
  assert_int_equal(world.cancels, 0);
  say_order("o1", x->client_id, "canceled", "0.00", "0.00", "");
  say_group("triggered", "g1", 1); /* what we have asked for is no reason of its own */
  assert_string_equal(kl_party_halted(maker), "enough");
  assert_int_equal(x->status, KL_DESK_CANCELED);
  kl_party_resume(maker);
  UNTIL(world.resets == 1);
  kl_desk_order_release(x);
}

static void what_a_trigger_leaves_is_canceled(void **state) {
  (void)state;
  world.trigger = keep(1, json_answer(500, REFUSED("internal_error")));
  kl_desk_order *x = resting();
  kl_party_halt(maker, "enough");
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_int_equal(world.cancels, 1);
  kl_desk_order_release(x);
}

static void a_refusal_tells_of_a_trigger(void **state) {
  (void)state;
  kl_desk_order_release(resting());
  world.create = keep(0, json_answer(400, REFUSED("exceeded_order_group_risk_limit")));
  world.triggered = true;
  outcome o = {0};
  kl_desk_order *x = place(&o);
  UNTIL(kl_party_halted(maker));
  assert_int_equal(x->status, KL_DESK_REJECTED);
  kl_desk_order_release(x);
}

static void a_group_that_is_gone_is_made_anew(void **state) {
  (void)state;
  kl_desk_order_release(resting());
  say_group("deleted", "g1", 1);
  kl_desk_order *x = resting();
  assert_string_equal(x->group_id, "g2");
  assert_null(kl_party_halted(maker));
  kl_desk_order_release(x);
}

static void a_reconnect_looks_at_the_group(void **state) {
  (void)state;
  kl_desk_order_release(resting());
  world.triggered = true;
  link_breaks(0);
  link_peer.ws = NULL;
  channels_open(true);
  UNTIL(kl_party_halted(maker));
}

static void reopen(kl_count group_limit) {
  close_desk();
  open_desk(group_limit, NULL);
}

static void a_restart_goes_on_with_the_group(void **state) {
  (void)state;
  kl_desk_order_release(resting());
  reopen(3000); /* with another limit */
  outcome o = {0};
  kl_desk_order *x = place(&o);
  UNTIL(o.calls);
  assert_string_equal(x->group_id, "g1");
  assert_int_equal(world.groups, 1);
  assert_int_equal(world.limits, 1);
  kl_desk_order_release(x);
  reopen(5000);
  world.gone = true;
  o = (outcome){0};
  x = place(&o);
  UNTIL(o.calls);
  assert_string_equal(x->group_id, "g2");
  kl_desk_order_release(x);
  reopen(5000);
  world.gone = false;
  world.triggered = true; /* while nobody was here */
  o = (outcome){0};
  x = place(&o);
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_string_equal(o.error.code, "halted");
  kl_desk_order_release(x);
  reopen(5000); /* it is halted still, and resumed: no reason to halt it again */
  assert_non_null(kl_party_halted(maker));
  kl_party_resume(maker);
  o = (outcome){0};
  x = place(&o);
  UNTIL(o.calls);
  assert_false(o.failed);
  assert_int_equal(world.resets, 1);
  assert_int_equal(x->status, KL_DESK_RESTING);
  kl_desk_order_release(x);
}

static void at_the_end_it_goes_where_nothing_rests(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_desk_tidy(desk);
  assert_int_equal(kl_desk_writes_pending(desk), 0);
  outcome o = {0};
  kl_error e;
  if (!kl_desk_cancel(desk, x, on_answer, &o, NULL, &e)) fail_msg("%s", e.message);
  UNTIL(o.calls);
  world.inside = "\"another's\"";
  kl_desk_tidy(desk);
  UNTIL(!kl_desk_writes_pending(desk));
  assert_int_equal(world.deletes, 0);
  world.inside = NULL;
  kl_desk_tidy(desk);
  UNTIL(!kl_desk_writes_pending(desk));
  assert_int_equal(world.deletes, 1);
  kl_desk_order_release(x);
}

/* ---- leases ---- */

static kl_desk_entry *entry(kl_desk_order *x) { return (kl_desk_entry *)x; }

static kl_desk_order *leased(void) {
  outcome o = {0};
  kl_order_intent i = bid();
  i.lease_s = 3600;
  i.cancel_on_pause = true;
  kl_desk_order *x = place_as(&i, &o);
  channels_open(false);
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

static void a_lease_is_renewed_with_what_is_left(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  watch seen = {.w = {.data = &seen, .changed = note_end}};
  kl_desk_watch(x, &seen.w);
  char name[65];
  memcpy(name, x->client_id, sizeof name);
  say_fill("t1", "o1", "4.00");
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
  say_fill("t2", "o2", "6.00");
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
  say_fill("t1", "o1", "3.00");
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
  say_fill("t1", "o1", "10.00");
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
  say_fill("t1", "o1", "4.00");
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
  channels_open(false);
  UNTIL(world.creates == 2 && x->status == KL_DESK_RESTING);
  kl_desk_order_release(x);
}

static void an_amend_counts_what_was_before(void **state) {
  (void)state;
  kl_desk_order *x = leased();
  kl_error e;
  say_fill("t1", "o1", "4.00");
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

#define IN(world_of, name) cmocka_unit_test_setup_teardown(name, world_of, end_world)

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      IN(begin_belted, a_group_is_made_once),
      IN(begin_belted, a_batch_is_in_it),
      IN(begin_belted, nothing_is_sent_outside_of_it),
      IN(begin_belted, a_trigger_halts_until_it_is_resumed),
      IN(begin_belted, a_halt_triggers_first),
      IN(begin_belted, what_a_trigger_leaves_is_canceled),
      IN(begin_belted, a_refusal_tells_of_a_trigger),
      IN(begin_belted, a_group_that_is_gone_is_made_anew),
      IN(begin_belted, a_reconnect_looks_at_the_group),
      IN(begin_journaled, a_restart_goes_on_with_the_group),
      IN(begin_belted, at_the_end_it_goes_where_nothing_rests),
      IN(begin_leased, a_lease_is_renewed_with_what_is_left),
      IN(begin_leased, a_fill_between_is_told_of_late),
      IN(begin_leased, what_is_filled_is_not_renewed),
      IN(begin_leased, what_others_have_canceled_is_not_renewed),
      IN(begin_leased, a_cancel_meanwhile_ends_it),
      IN(begin_leased, a_halt_meanwhile_ends_it),
      IN(begin_leased, one_that_is_refused_has_ended),
      IN(begin_leased, a_lost_renewal_is_looked_up),
      IN(begin_leased, a_lost_cancel_is_looked_up),
      IN(begin_leased, a_lost_cancel_of_an_expired_one_ends_it),
      IN(begin_leased, nothing_is_renewed_without_a_feed),
      IN(begin_leased, an_amend_counts_what_was_before),
      IN(begin_leased, many_renewals_are_one_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
