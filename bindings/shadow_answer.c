/* What a shadow is answered: in the shape of the exchange, from what it was told before. */
#include "bindings/shadow_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static void put_key(kl_buf *b, const char *key) {
  if (b->len && b->data[b->len - 1] != '{') kl_buf_char(b, ',');
  kl_buf_json_key(b, key);
}

static void put_text(kl_buf *b, const char *key, const char *text) {
  put_key(b, key);
  kl_buf_json_cstr(b, text);
}

static void put_fixed(kl_buf *b, const char *key, int64_t v) {
  put_key(b, key);
  kl_buf_json_decimal(b, v, KL_COUNT_PLACES);
}

/* What every answer about an order has. */
static void put_order(kl_buf *b, const kl_paper_order *o) {
  put_text(b, "order_id", o->id);
  if (o->client_order_id[0]) put_text(b, "client_order_id", o->client_order_id);
  put_key(b, "ts_ms");
  kl_buf_int(b, kl_wall_ms(kl_clock_real()));
}

static void no_memory(kl_error *e) { kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order of a shadow"); }

/* Rests where it is good till canceled; else it has ended, unfilled. */
static bool answer_create(kl_shadow *s, const json_t *body, kl_buf *b, kl_error *e) {
  kl_paper_order o;
  const char *force = kl_shadow_text(body, "time_in_force");
  kl_shadow_read_order(body, &o);
  snprintf(o.id, sizeof o.id, "shadow-%llu", (unsigned long long)++s->numbers);
  o.ended = force && strcmp(force, "good_till_canceled") != 0;
  if (o.ended) o.remaining = 0;
  if (!kl_paper_add(&s->paper[KL_ACTOR_NEW], &o)) {
    no_memory(e);
    return false;
  }
  kl_buf_char(b, '{');
  put_order(b, &o);
  put_fixed(b, "fill_count", 0);
  put_fixed(b, "remaining_count", o.remaining);
  kl_buf_char(b, '}');
  return true;
}

/* The order that a call changes; NULL with `e`: as the exchange says it of one that rests no more. */
static kl_paper_order *resting(kl_shadow *s, const char *name, const char *id, kl_error *e) {
  kl_paper_order *o = kl_shadow_order(s, KL_ACTOR_NEW, id);
  if (o && !o->ended) return o;
  if (o) {
    kl_error_coded(e, KL_ERR_HTTP, "not_found", "%s answered 404 not_found", name);
    e->status = 404;
  } else {
    kl_error_coded(
        e, KL_ERR_SHADOW, "shadow_no_answer",
        "%s was noted and not sent: this is a shadow, and no order %.80s is known whose answer could be made up", name,
        id);
  }
  kl_paper_copy(e->operation, sizeof e->operation, name);
  return NULL;
}

/* An order as the item of a batch: what is wrong with it is a part of the answer. */
static void put_cancelled(kl_buf *b, kl_paper_order *o, const char *id, const kl_error *e) {
  kl_buf_char(b, '{');
  if (o) {
    put_order(b, o);
    put_fixed(b, "reduced_by", o->remaining);
    o->remaining = 0;
    o->ended = true;
  } else {
    put_text(b, "order_id", id);
    put_fixed(b, "reduced_by", 0);
    put_key(b, "error");
    kl_buf_char(b, '{');
    put_text(b, "code", e->code[0] ? e->code : e->kind);
    put_text(b, "message", e->code[0] ? "not found" : e->message);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, '}');
}

static bool answer_amend(kl_paper_order *o, const json_t *body, kl_buf *b) {
  const char *renamed = kl_shadow_text(body, "updated_client_order_id");
  kl_count count;
  (void)kl_shadow_fixed(body, "price", KL_PRICE_PLACES, &o->price);
  /* It is the whole size. Not more than has filled is refused by the exchange, and changes nothing. */
  if (kl_shadow_fixed(body, "count", KL_COUNT_PLACES, &count) && count > o->filled) o->remaining = count - o->filled;
  if (renamed) kl_paper_copy(o->client_order_id, sizeof o->client_order_id, renamed);
  kl_buf_char(b, '{');
  put_order(b, o);
  put_fixed(b, "fill_count", 0);
  put_fixed(b, "remaining_count", o->remaining);
  kl_buf_char(b, '}');
  return true;
}

static bool answer_decrease(kl_paper_order *o, const json_t *body, kl_buf *b) {
  kl_count n = 0;
  if (kl_shadow_fixed(body, "reduce_to", KL_COUNT_PLACES, &n))
    o->remaining = n < o->remaining ? n : o->remaining;
  else if (kl_shadow_fixed(body, "reduce_by", KL_COUNT_PLACES, &n))
    o->remaining -= n;
  if (o->remaining < 0) o->remaining = 0;
  o->ended = o->remaining == 0;
  kl_buf_char(b, '{');
  put_order(b, o);
  put_fixed(b, "remaining_count", o->remaining);
  kl_buf_char(b, '}');
  return true;
}

static bool answer_one(kl_shadow *s, const kl_operation *op, const char *name, const char *id, const json_t *body,
                       kl_buf *b, kl_error *e) {
  kl_paper_order *o = resting(s, name, id, e);
  if (!o) return false;
  if (kl_shadow_is(op, "amend_order")) return answer_amend(o, body, b);
  if (kl_shadow_is(op, "decrease_order")) return answer_decrease(o, body, b);
  put_cancelled(b, o, id, NULL);
  return true;
}

static bool answer_batch(kl_shadow *s, const kl_operation *op, const char *name, const json_t *body, kl_buf *b,
                         kl_error *e) {
  const json_t *one;
  size_t i;
  kl_buf_str(b, "{\"orders\":[");
  json_array_foreach(json_object_get(body, "orders"), i, one) {
    if (i) kl_buf_char(b, ',');
    if (kl_shadow_is(op, "batch_create_orders")) {
      kl_buf item = {0};
      bool ok = answer_create(s, one, &item, e);
      kl_buf_add(b, item.data, item.len);
      kl_buf_free(&item);
      if (!ok) return false;
      continue;
    }
    const char *id = kl_shadow_text(one, "order_id");
    if (!id) id = "";
    kl_error why = {0};
    put_cancelled(b, resting(s, name, id, &why), id, &why);
  }
  kl_buf_str(b, "]}");
  return true;
}

static bool answer_group(kl_shadow *s, const kl_operation *op, const char *id, const json_t *body, kl_buf *b) {
  if (kl_shadow_is(op, "create_order_group")) {
    kl_buf_printf(b, "{\"order_group_id\":\"shadow-group-%llu\",\"subaccount\":%lld,\"exchange_index\":%lld}",
                  (unsigned long long)++s->numbers, (long long)json_integer_value(json_object_get(body, "subaccount")),
                  (long long)json_integer_value(json_object_get(body, "exchange_index")));
    return true;
  }
  if (kl_shadow_is(op, "trigger_order_group") || kl_shadow_is(op, "delete_order_group"))
    kl_paper_end(&s->paper[KL_ACTOR_NEW], id);
  kl_buf_str(b, "{}");
  return true;
}

static bool answer(kl_shadow *s, const kl_operation *op, const char *name, const kl_args *args, const json_t *body,
                   kl_buf *b, kl_error *e) {
  char id[80];
  kl_shadow_path_id(op, args, id, sizeof id);
  if (kl_shadow_is(op, "create_order")) return answer_create(s, body, b, e);
  if (kl_shadow_is(op, "cancel_order") || kl_shadow_is(op, "amend_order") || kl_shadow_is(op, "decrease_order"))
    return answer_one(s, op, name, id, body, b, e);
  if (kl_shadow_is(op, "batch_create_orders") || kl_shadow_is(op, "batch_cancel_orders"))
    return answer_batch(s, op, name, body, b, e);
  if (kl_shadow_is(op, "cancel_all_orders")) {
    kl_paper_end(&s->paper[KL_ACTOR_NEW], NULL);
    return true;
  }
  if (op && !op->legacy && !strcmp(op->tag, "order-groups")) return answer_group(s, op, id, body, b);
  kl_error_coded(
      e, KL_ERR_SHADOW, "shadow_no_answer",
      "%s was noted and not sent: this is a shadow, and what the exchange would have answered cannot be known", name);
  kl_paper_copy(e->operation, sizeof e->operation, name);
  return false;
}

bool kl_shadow_answer(kl_shadow *s, const kl_operation *op, const char *method, const kl_args *args, kl_buf *b,
                      kl_error *e) {
  char name[64];
  if (op)
    kl_paper_copy(name, sizeof name, op->name);
  else
    snprintf(name, sizeof name, "%.8s %.50s", method, args->path.data);
  json_t *body = kl_shadow_body(args);
  kl_shadow_note_request(s, KL_ACTOR_NEW, op, method, args, body);
  bool ok = answer(s, op, name, args, body, b, e);
  json_decref(body);
  if (op && !op->legacy) kl_shadow_refresh_orders(s);
  if (ok && b->failed) {
    no_memory(e);
    return false;
  }
  return ok;
}
