#include "cli/account.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

enum { PAGE_ROWS = 1000, PAGES_MAX = 50 };

/* One call whose answer is handed over as JSON; `answer` NULL means that it failed. */
typedef struct request {
  void (*take)(void *data, const json_t *answer);
  void *data;
} request;

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  request *r = data;
  json_t *root = res && !e ? json_loadb(res->body, res->body_len, 0, NULL) : NULL;
  r->take(r->data, root);
  json_decref(root);
  free(r);
}

/* False when it could not be started: `take` is then not called. */
static bool ask(kl_session *s, const char *operation, const char *query, int64_t timeout_ms,
                void (*take)(void *, const json_t *), void *data) {
  const kl_operation *op = kl_operation_find(operation);
  request *r = op ? malloc(sizeof *r) : NULL;
  if (!r) return false;
  *r = (request){take, data};
  kl_call_request cr = {.op = op, .path = op->path, .query = query, .timeout_ms = timeout_ms};
  kl_error e = {0};
  if (kl_session_call(s, &cr, answered, r, &e)) return true;
  free(r);
  return false;
}

static int64_t decimal_field(const json_t *object, const char *key, int places) {
  const json_t *v = json_object_get(object, key);
  int64_t out = 0;
  if (json_is_string(v)) kl_decimal_parse(json_string_value(v), json_string_length(v), places, &out);
  return out;
}

static void take_balance(void *data, const json_t *answer) {
  kl_account_snapshot *out = data;
  if (!answer) return;
  out->cash = decimal_field(answer, "balance_dollars", KL_MONEY_PLACES);
  out->portfolio_cents = json_integer_value(json_object_get(answer, "portfolio_value"));
  out->cash_known = true;
}

static void take_positions(void *data, const json_t *answer) {
  kl_account_snapshot *out = data;
  if (!answer) return;
  const json_t *rows = json_object_get(answer, "market_positions");
  out->contracts = out->no = 0;
  for (size_t i = 0; i < json_array_size(rows); i++) {
    kl_count position = decimal_field(json_array_get(rows, i), "position_fp", KL_COUNT_PLACES);
    out->contracts += llabs(position);
    if (position < 0) out->no -= position;
  }
  out->positions_known = true;
}

void kl_account_read(kl_session *s, kl_account_snapshot *out) {
  *out = (kl_account_snapshot){0};
  ask(s, "get_balance", "", 10000, take_balance, out);
  ask(s, "get_positions", "limit=1000", 10000, take_positions, out);
}

typedef struct waiter {
  int left;
  uv_timer_t timer;
  bool late;
  kl_account_snapshot fresh;
  char cursor[1024];
  int64_t rows;
  bool ok, open;
} waiter;

static void wake(uv_timer_t *t) { ((waiter *)t->data)->late = true; }
static void timer_closed(uv_handle_t *h) { ((waiter *)h->data)->open = false; }

static void waiter_start(waiter *w, uv_loop_t *loop, int timeout_ms) {
  uv_timer_init(loop, &w->timer);
  w->timer.data = w;
  w->open = true;
  uv_timer_start(&w->timer, wake, (uint64_t)timeout_ms, 0);
}

static void waiter_end(waiter *w, uv_loop_t *loop) {
  uv_close((uv_handle_t *)&w->timer, timer_closed);
  while (w->open)
    uv_run(loop, UV_RUN_ONCE);
}

static void got_balance(void *data, const json_t *answer) {
  waiter *w = data;
  take_balance(&w->fresh, answer);
  w->left--;
}
static void got_positions(void *data, const json_t *answer) {
  waiter *w = data;
  take_positions(&w->fresh, answer);
  w->left--;
}

/* The calls have deadlines of their own below the wait, so none outlives the waiter. */
void kl_account_read_wait(kl_session *s, uv_loop_t *loop, kl_account_snapshot *out, int timeout_ms) {
  waiter w = {0};
  waiter_start(&w, loop, timeout_ms);
  w.left += ask(s, "get_balance", "", timeout_ms, got_balance, &w);
  w.left += ask(s, "get_positions", "limit=1000", timeout_ms, got_positions, &w);
  while (w.left)
    uv_run(loop, UV_RUN_ONCE);
  waiter_end(&w, loop);
  *out = w.fresh;
}

static void got_page(void *data, const json_t *answer) {
  waiter *w = data;
  w->left--;
  w->ok = answer != NULL;
  char before[sizeof w->cursor];
  memcpy(before, w->cursor, sizeof before);
  w->cursor[0] = 0;
  if (!answer) return;
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)answer, key, value) {
    if (json_is_array(value)) w->rows += (int64_t)json_array_size(value);
  }
  const char *cursor = json_string_value(json_object_get(answer, "cursor"));
  if (!cursor) return;
  if (*cursor && !strcmp(cursor, before)) w->ok = false; /* the list would never end */
  snprintf(w->cursor, sizeof w->cursor, "%s", cursor);
}

int64_t kl_account_count(kl_session *s, uv_loop_t *loop, const char *operation, int64_t min_ts, int timeout_ms) {
  waiter w = {.ok = true};
  waiter_start(&w, loop, timeout_ms);
  int pages = 0;
  do {
    kl_buf query = {0};
    kl_buf_printf(&query, "limit=%d&min_ts=%" PRId64, PAGE_ROWS, min_ts);
    if (w.cursor[0]) kl_buf_query(&query, "cursor", w.cursor);
    w.left = query.failed ? 0 : ask(s, operation, query.data, timeout_ms, got_page, &w);
    kl_buf_free(&query);
    w.ok = w.left > 0;
    while (w.left)
      uv_run(loop, UV_RUN_ONCE);
    pages++;
  } while (w.ok && w.cursor[0] && pages < PAGES_MAX && !w.late);
  bool whole = w.ok && !w.cursor[0];
  waiter_end(&w, loop);
  return whole ? w.rows : -1;
}
