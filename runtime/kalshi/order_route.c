#include "kalshi/order_route.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char orders_path[] = "/portfolio/events/orders/";

bool kl_order_id_of_path(const char *path, char *out, size_t cap) {
  size_t base = sizeof orders_path - 1;
  if (strncmp(path, orders_path, base) != 0) return false;
  path += base;
  size_t n = strcspn(path, "/");
  if (n == 0 || n >= cap || memchr(path, '%', n)) return false;
  memcpy(out, path, n);
  out[n] = 0;
  return true;
}

bool kl_order_ticker_of_body(const char *body, char *out, size_t cap) {
  /* Inside of a text these quotes would be escaped; a ticker has nothing to escape. */
  static const char key[] = "\"ticker\":\"";
  const char *at = body ? strstr(body, key) : NULL;
  if (!at) return false;
  at += sizeof key - 1;
  size_t n = strcspn(at, "\"\\");
  if (n == 0 || n >= cap || at[n] != '"') return false;
  memcpy(out, at, n);
  out[n] = 0;
  return true;
}

/* NULL when it is not known. */
static const char *market_of(const kl_session *s, const char *order_id) {
  const kl_own_order *o = order_id ? kl_own_orders_by_id(s->own, order_id) : NULL;
  return o && o->ticker[0] ? o->ticker : NULL;
}

static bool names(const char *query, const char *name) {
  size_t n = strlen(name);
  for (const char *p = query; p && *p; p += strspn(p, "&")) {
    if (!strncmp(p, name, n) && p[n] == '=') return true;
    p += strcspn(p, "&");
  }
  return false;
}

static bool in_query(kl_call *c, const char *market) {
  size_t n = (c->query ? strlen(c->query) + 1 : 0) + sizeof "market_ticker=" + strlen(market);
  char *query = malloc(n);
  if (!query) return false;
  snprintf(query, n, "%s%smarket_ticker=%s", c->query ? c->query : "", c->query ? "&" : "", market);
  free(c->query);
  c->query = query;
  return true;
}

static bool is_routed(const json_t *o) {
  return json_object_get(o, "market_ticker") || json_object_get(o, "exchange_index");
}

static bool replace_body(kl_call *c, const json_t *body) {
  char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(17));
  if (!text) return false;
  free(c->body);
  c->body = text;
  c->body_len = strlen(text);
  return true;
}

static bool route_batch(kl_call *c) {
  json_t *body = json_loadb(c->body, c->body_len, 0, NULL), *one;
  bool changed = false;
  size_t i;
  json_array_foreach(json_object_get(body, "orders"), i, one) {
    const char *market = is_routed(one) ? NULL : market_of(c->s, json_string_value(json_object_get(one, "order_id")));
    if (market && json_object_set_new(one, "market_ticker", json_string(market)) == 0) changed = true;
  }
  bool ok = !changed || replace_body(c, body);
  json_decref(body);
  return ok;
}

static bool route_decrease(kl_call *c, const char *market) {
  json_t *body = json_loadb(c->body, c->body_len, 0, NULL);
  bool ok = true;
  if (json_is_object(body) && !is_routed(body)) {
    c->unrouted = !market;
    if (market) ok = json_object_set_new(body, "market_ticker", json_string(market)) == 0 && replace_body(c, body);
  }
  json_decref(body);
  return ok;
}

bool kl_order_route(kl_call *c) {
  const char *op = c->op ? c->op->id : "";
  char id[80];
  if (!strcmp(op, "BatchCancelOrdersV2")) return !c->body || route_batch(c);
  bool cancel = !strcmp(op, "CancelOrderV2");
  if (!cancel && strcmp(op, "DecreaseOrderV2") != 0) return true;
  const char *market = kl_order_id_of_path(c->path, id, sizeof id) ? market_of(c->s, id) : NULL;
  if (!cancel) return !c->body || route_decrease(c, market);
  if (names(c->query, "market_ticker") || names(c->query, "exchange_index")) return true;
  c->unrouted = !market;
  return !market || in_query(c, market);
}
