#include "sim/order_groups.h"

#include <stdio.h>
#include <string.h>

#include "sim/json_out.h"

static const char kind[] = "order_group";

void kl_sim_groups_keep(kl_sim *s, const kl_order_group *g, const char *event_type) {
  if (!s->store) return;
  if (!strcmp(event_type, "deleted")) {
    kl_sim_store_delete(s->store, kind, g->id);
    return;
  }
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "user", kl_exchange_user_id(s->x, g->user));
  kl_sim_field_int(&b, "subaccount", g->subaccount);
  kl_sim_field_int(&b, "shard", g->shard);
  kl_sim_field_int(&b, "limit", g->limit);
  kl_sim_field_bool(&b, "triggered", g->triggered);
  kl_sim_field_int(&b, "created_us", g->created_us);
  kl_sim_field_int(&b, "counted_from_us", g->counted_from_us);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, kind, g->id, &b);
  kl_buf_free(&b);
}

typedef struct loading {
  kl_sim *s;
  kl_error *e;
  bool ok;
} loading;

static int64_t integer_of(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

/* The number of the user with that id; UINT32_MAX when there is none. */
static uint32_t find_user(const kl_sim *s, const char *id) {
  const char *other;
  for (uint32_t i = 0; id && (other = kl_exchange_user_id(s->x, i)); i++)
    if (!strcmp(other, id)) return i;
  return UINT32_MAX;
}

static void load_one(void *data, const char *id, const json_t *object) {
  loading *l = data;
  kl_order_group g = {.user = find_user(l->s, json_string_value(json_object_get(object, "user"))),
                      .subaccount = (int)integer_of(object, "subaccount"),
                      .shard = (int)integer_of(object, "shard"),
                      .limit = integer_of(object, "limit"),
                      .triggered = json_is_true(json_object_get(object, "triggered")),
                      .created_us = integer_of(object, "created_us"),
                      .counted_from_us = integer_of(object, "counted_from_us")};
  (void)snprintf(g.id, sizeof g.id, "%s", id);
  kl_exchange_result result = kl_exchange_group_restore(l->s->x, &g);
  if (result == KL_X_OK || !l->ok) return;
  l->ok = false;
  kl_error_set(l->e, result == KL_X_NOMEM ? KL_ERR_INTERNAL : KL_ERR_CONFIG,
               "the state file has an order group (%s) that cannot be put back: %s", id,
               kl_exchange_error_message(result));
}

bool kl_sim_groups_load(kl_sim *s, kl_error *e) {
  loading l = {s, e, true};
  if (kl_sim_store_each(s->store, kind, load_one, &l)) return l.ok;
  const kl_error *why = kl_sim_store_error(s->store);
  if (why) *e = *why;
  return false;
}
