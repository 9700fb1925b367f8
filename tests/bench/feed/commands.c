#include "commands.h"

#include <string.h>

#include "server_socket.h"

bool command_parse(const char *text, size_t n, command *c) {
  *c = (command){.json = json_loadb(text, n, 0, NULL)};
  const char *cmd = json_string_value(json_object_get(c->json, "cmd"));
  json_t *params = json_object_get(c->json, "params");
  if (!cmd) {
    json_decref(c->json);
    return false;
  }
  c->id = json_integer_value(json_object_get(c->json, "id"));
  c->channels = json_object_get(params, "channels");
  c->tickers = json_object_get(params, "market_tickers");
  c->yes_prices = json_is_true(json_object_get(params, "use_yes_price"));
  const char *action = json_string_value(json_object_get(params, "action"));
  if (!strcmp(cmd, "subscribe"))
    c->kind = COMMAND_SUBSCRIBE;
  else if (!strcmp(cmd, "update_subscription") && action && !strcmp(action, "add_markets"))
    c->kind = COMMAND_ADD;
  else if (!strcmp(cmd, "update_subscription") && action && !strcmp(action, "delete_markets"))
    c->kind = COMMAND_DELETE;
  else if (!strcmp(cmd, "update_subscription") && action && !strcmp(action, "get_snapshot"))
    c->kind = COMMAND_SNAPSHOT;
  return true;
}

void command_free(command *c) { json_decref(c->json); }

int64_t command_sid(const char *channel) {
  static const char *const known[] = {"orderbook_delta", "ticker", "trade", "market_lifecycle_v2"};
  enum { N = sizeof known / sizeof known[0] };
  for (int i = 0; i < N; i++)
    if (!strcmp(channel, known[i])) return i + 1;
  return N + 1;
}

static void put_frame(kl_buf *out, kl_buf *text) {
  server_put_frame_head(out, text->len);
  kl_buf_add(out, text->data, text->len);
  if (text->failed) out->failed = true;
  kl_buf_free(text);
}

void command_put_subscribed(kl_buf *out, int64_t id, const char *channel) {
  kl_buf text = {0};
  kl_buf_printf(&text, "{\"id\":%lld,\"type\":\"subscribed\",\"msg\":{\"channel\":\"%s\",\"sid\":%lld}}", (long long)id,
                channel, (long long)command_sid(channel));
  put_frame(out, &text);
}

void command_put_ok(kl_buf *out, int64_t id, int64_t sid) {
  kl_buf text = {0};
  kl_buf_printf(&text, "{\"id\":%lld,\"sid\":%lld,\"type\":\"ok\"}", (long long)id, (long long)sid);
  put_frame(out, &text);
}

void command_put_error(kl_buf *out, int64_t id, int code, const char *why) {
  kl_buf text = {0};
  kl_buf_printf(&text, "{\"id\":%lld,\"type\":\"error\",\"msg\":{\"code\":%d,\"msg\":\"%s\"}}", (long long)id, code,
                why);
  put_frame(out, &text);
}
