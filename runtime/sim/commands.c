/* The commands of a WebSocket client. Source: Kalshi, WebSocket "Connection" page and AsyncAPI description. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sim/channels.h"
#include "sim/json_out.h"
#include "sim/value_channels.h"

typedef enum {
  E_UNREADABLE = 1,
  E_PARAMS = 2,
  E_CHANNELS = 3,
  E_SIDS = 4,
  E_COMMAND = 5,
  E_UNKNOWN_SID = 7,
  E_UNKNOWN_CHANNEL = 8,
  E_INTERNAL = 10,
  E_PARAMETER = 11,
  E_ONE_SID = 12,
  E_ACTION_UNSUPPORTED = 13,
  E_TICKER = 14,
  E_ACTION = 15,
  E_SHARD_ZERO = 19,
  E_SHARD_NEEDED = 20,
  E_SHARD_KEY = 21,
  E_SHARD_MOST = 22,
  E_INDICES = 24,
  E_MARKETS_MOST = 26,
  E_COMMANDS_MOST = 27,
  E_UNDERLYINGS = 28
} error_code;

static const char *error_text(error_code code) {
  switch (code) {
  case E_UNREADABLE:
    return "Unable to process message";
  case E_PARAMS:
    return "Params required";
  case E_CHANNELS:
    return "Channels required";
  case E_SIDS:
    return "Subscription IDs required";
  case E_COMMAND:
    return "Unknown command";
  case E_UNKNOWN_SID:
    return "Unknown subscription ID";
  case E_UNKNOWN_CHANNEL:
    return "Unknown channel name";
  case E_INTERNAL:
    return "Channel error";
  case E_PARAMETER:
    return "Invalid parameter";
  case E_ONE_SID:
    return "Exactly one subscription ID is required";
  case E_ACTION_UNSUPPORTED:
    return "Unsupported action";
  case E_TICKER:
    return "Market Ticker required";
  case E_ACTION:
    return "Action required";
  case E_SHARD_ZERO:
    return "shard_factor must be > 0";
  case E_SHARD_NEEDED:
    return "shard_factor is required when shard_key is set";
  case E_SHARD_KEY:
    return "shard_key must be >= 0 and < shard_factor";
  case E_INDICES:
    return "Index IDs required";
  case E_UNDERLYINGS:
    return "Underlying tickers required";
  case E_MARKETS_MOST:
    return "Subscription market limit exceeded";
  case E_COMMANDS_MOST:
    return "Too many requests";
  default:
    return "shard_factor must be <= 100";
  }
}

typedef struct command {
  kl_sim_session *c;
  int64_t id; /* 0: none */
  const json_t *params;
} command;

static void start(kl_buf *b, const char *type, int64_t id) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "type", type);
  if (id) kl_sim_field_int(b, "id", id);
}

static void finish(kl_sim_session *c, kl_buf *b) {
  kl_buf_char(b, '}');
  kl_sim_session_send_text(c, b);
  kl_buf_free(b);
}

/* Answers an error. `unknown`: the tickers or ids that do not exist; NULL: none. */
static void fail_markets(const command *cmd, error_code code, const json_t *unknown) {
  kl_buf b = {0};
  start(&b, "error", cmd->id);
  kl_buf_printf(&b, ",\"msg\":{\"code\":%d", (int)code);
  kl_sim_key(&b, "msg");
  kl_buf_json_cstr(&b, unknown ? "Invalid parameter: market not found" : error_text(code));
  if (unknown) {
    size_t i;
    const json_t *name;
    if (json_array_size(unknown) == 1)
      kl_sim_field_str(&b, "market_ticker", json_string_value(json_array_get(unknown, 0)));
    kl_sim_key(&b, "market_tickers");
    kl_buf_char(&b, '[');
    json_array_foreach(unknown, i, name) {
      if (i) kl_buf_char(&b, ',');
      kl_buf_json_cstr(&b, json_string_value(name));
    }
    kl_buf_char(&b, ']');
  }
  kl_buf_char(&b, '}');
  finish(cmd->c, &b);
}

static void fail(const command *cmd, error_code code) { fail_markets(cmd, code, NULL); }

/* ---- markets of a command ---- */

typedef struct market_list {
  uint32_t *markets;
  size_t n;
  bool given; /* the command named markets, or an empty list of them */
} market_list;

/* A market by ticker, or by id where the channel takes ids. */
static const kl_market *find_market(const kl_sim *s, const char *name, bool by_id) {
  if (!by_id) return kl_exchange_market(s->x, name);
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++)
    if (!strcmp(kl_exchange_market_at(s->x, i)->id, name)) return kl_exchange_market_at(s->x, i);
  return NULL;
}

/* Reads `market_ticker` or `market_tickers`, or the ids. False after answering an error; the list is then empty. A
 * ticker that does not exist fails the whole command, and the error names all such. */
static bool read_markets(const command *cmd, bool ids_allowed, market_list *out) {
  static const char *const keys[] = {"market_ticker", "market_tickers", "market_id", "market_ids"};
  const json_t *found = NULL;
  int which = -1, n_keys = 0;
  *out = (market_list){0};
  for (int i = 0; i < 4; i++) {
    const json_t *v = json_object_get(cmd->params, keys[i]);
    if (!v || json_is_null(v)) continue;
    found = v;
    which = i;
    n_keys++;
  }
  if (n_keys == 0) return true;
  bool single = which % 2 == 0, by_id = which >= 2;
  if (n_keys > 1 || (by_id && !ids_allowed) || !(single ? json_is_string(found) : json_is_array(found))) {
    fail(cmd, E_PARAMETER);
    return false;
  }
  size_t n = single ? 1 : json_array_size(found);
  json_t *unknown = json_array();
  out->given = true;
  out->markets = malloc((n ? n : 1) * sizeof *out->markets);
  error_code problem = unknown && out->markets ? 0 : E_INTERNAL;
  for (size_t i = 0; i < n && !problem; i++) {
    const json_t *v = single ? found : json_array_get(found, i);
    if (!json_is_string(v)) {
      problem = E_PARAMETER;
      break;
    }
    const kl_market *m = find_market(cmd->c->sim, json_string_value(v), by_id);
    if (m) {
      out->markets[out->n++] = m->index;
    } else if (json_array_append_new(unknown, json_copy((json_t *)v)) != 0) {
      problem = E_INTERNAL;
    }
  }
  if (!problem && json_array_size(unknown) > 0) {
    fail_markets(cmd, E_PARAMETER, unknown);
  } else if (problem) {
    fail(cmd, problem);
  }
  bool ok = !problem && json_array_size(unknown) == 0;
  json_decref(unknown);
  if (!ok) {
    free(out->markets);
    out->markets = NULL;
    out->n = 0;
  }
  return ok;
}

static bool flag(const command *cmd, const char *key) { return json_is_true(json_object_get(cmd->params, key)); }

/* ---- subscribe ---- */

static int channel_of(const char *name) {
  for (int i = 0; name && i < KL_CH_COUNT; i++)
    if (!strcmp(kl_sim_channels[i].name, name)) return i;
  return -1;
}

/* The rules of `shard_factor` and `shard_key`; false after answering. */
static bool check_shards(const command *cmd) {
  const json_t *factor = json_object_get(cmd->params, "shard_factor"), *key = json_object_get(cmd->params, "shard_key");
  bool has_factor = factor && !json_is_null(factor), has_key = key && !json_is_null(key);
  error_code code = 0;
  if ((has_factor && !json_is_integer(factor)) || (has_key && !json_is_integer(key))) {
    code = E_PARAMETER;
  } else if (has_key && !has_factor) {
    code = E_SHARD_NEEDED;
  } else if (has_factor && json_integer_value(factor) <= 0) {
    code = E_SHARD_ZERO;
  } else if (has_factor && json_integer_value(factor) > 100) {
    code = E_SHARD_MOST;
  } else if (has_key && (json_integer_value(key) < 0 || json_integer_value(key) >= json_integer_value(factor))) {
    code = E_SHARD_KEY;
  }
  if (code) fail(cmd, code);
  return !code;
}

/* `user_filter` is "self", "" or absent; false after answering. */
static bool check_user_filter(const command *cmd) {
  const json_t *filter = json_object_get(cmd->params, "user_filter");
  const char *text = json_string_value(filter);
  if (!filter || json_is_null(filter) || (text && (!*text || !strcmp(text, "self")))) return true;
  fail(cmd, E_PARAMETER);
  return false;
}

/* What the channel of communications is limited to, by the latest subscribe that names it. */
static void limit_communications(const command *cmd, kl_sim_sub *sub) {
  const char *filter = json_string_value(json_object_get(cmd->params, "user_filter"));
  sub->own_only = filter && *filter;
  sub->shard_factor = (uint8_t)json_integer_value(json_object_get(cmd->params, "shard_factor"));
  sub->shard_key = (uint8_t)json_integer_value(json_object_get(cmd->params, "shard_key"));
}

/* Everything that can be wrong with a subscribe before anything is done; false after answering. */
static bool check_channels(const command *cmd, const json_t *channels, bool *ids_allowed) {
  size_t i;
  const json_t *v;
  *ids_allowed = true;
  json_array_foreach(channels, i, v) {
    int ch = channel_of(json_string_value(v));
    if (ch < 0) {
      fail(cmd, json_is_string(v) ? E_UNKNOWN_CHANNEL : E_CHANNELS);
      return false;
    }
    if (ch == KL_CH_COMMUNICATIONS && (!check_shards(cmd) || !check_user_filter(cmd))) return false;
    if (kl_sim_is_value_channel((kl_sim_channel)ch) &&
        kl_sim_values_check((kl_sim_channel)ch, cmd->params) != KL_VALUES_OK) {
      fail(cmd, E_PARAMETER);
      return false;
    }
    if (ch != KL_CH_TICKER) *ids_allowed = false; /* only the ticker takes market ids */
  }
  return true;
}

/* Sends what a channel starts with for some markets. `sub` may end on the way, when the client does not read. */
static void send_first_states(const command *cmd, kl_sim_channel ch, const uint32_t *markets, size_t n, bool tickers) {
  kl_sim_session *c = cmd->c;
  kl_sim_sub *sub = c->subs[ch];
  for (size_t i = 0; i < n && sub && c->subs[ch] == sub; i++) {
    const kl_market *m = kl_exchange_market_by_index(c->sim->x, markets[i]);
    if (ch == KL_CH_BOOK) {
      kl_sim_send_snapshot(c, sub, m, 0);
    } else if (ch == KL_CH_TICKER && tickers) {
      kl_sim_send_ticker(c, sub, m);
    }
  }
}

/* Adds markets to a subscription; `markets` is cut down to those that are new. False when out of memory. */
static bool add_markets(kl_sim_sub *sub, market_list *list) {
  size_t kept = 0;
  for (size_t i = 0; i < list->n; i++) {
    bool added;
    if (!kl_sim_sub_add(sub, list->markets[i], &added)) return false;
    if (added) list->markets[kept++] = list->markets[i];
  }
  list->n = kept;
  return true;
}

/* How many markets of a list a channel's subscription does not have yet; a list with twice the same counts it twice. */
static int64_t new_markets(const kl_sim_session *c, kl_sim_channel ch, const market_list *list) {
  const kl_sim_sub *sub = c->subs[ch];
  int64_t n = 0;
  for (size_t i = 0; i < list->n; i++)
    n += !sub || !kl_sim_sub_wants(sub, list->markets[i]);
  return n;
}

/* Whether the session may have so many more market subscriptions; false after answering. */
static bool check_room(const command *cmd, int64_t more) {
  int64_t held = 0;
  for (int i = 0; i < KL_CH_COUNT; i++)
    if (cmd->c->subs[i]) held += (int64_t)cmd->c->subs[i]->n;
  if (held + more <= cmd->c->sim->o.ws_markets) return true;
  fail(cmd, E_MARKETS_MOST);
  return false;
}

static void subscribe_one(const command *cmd, kl_sim_channel ch, const market_list *wanted) {
  kl_sim_session *c = cmd->c;
  bool fresh = c->subs[ch] == NULL, filtered = wanted->given && kl_sim_channels[ch].filter != KL_FILTER_NONE;
  kl_sim_sub *sub = kl_sim_session_subscribe(c, ch);
  market_list list = {.n = wanted->n, .markets = malloc((wanted->n ? wanted->n : 1) * sizeof *list.markets)};
  if (sub && list.markets && list.n) memcpy(list.markets, wanted->markets, list.n * sizeof *list.markets);
  bool turned = ch == KL_CH_BOOK && sub && flag(cmd, "use_yes_price") != sub->use_yes_price;
  if (!sub || !list.markets || (filtered && !add_markets(sub, &list))) {
    fail(cmd, E_INTERNAL);
    free(list.markets);
    return;
  }
  if (!filtered) sub->all = true;
  if (kl_sim_is_value_channel(ch)) kl_sim_values_choose(c->sim, sub, cmd->params);
  if (fresh || json_object_get(cmd->params, "skip_ticker_ack")) sub->skip_ticker_ack = flag(cmd, "skip_ticker_ack");
  sub->use_yes_price = ch == KL_CH_BOOK && flag(cmd, "use_yes_price");
  if (ch == KL_CH_COMMUNICATIONS) limit_communications(cmd, sub);
  kl_buf b = {0};
  start(&b, "subscribed", cmd->id);
  kl_sim_key(&b, "msg");
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "channel", kl_sim_channels[ch].name);
  kl_sim_field_int(&b, "sid", sub->sid);
  kl_buf_char(&b, '}');
  finish(c, &b);
  bool tickers = flag(cmd, "send_initial_snapshot");
  if (turned && !fresh) { /* the other convention holds for all its markets from now on */
    uint32_t *all = malloc((sub->n ? sub->n : 1) * sizeof *all);
    if (all) {
      size_t n = sub->n;
      memcpy(all, sub->order, n * sizeof *all);
      send_first_states(cmd, ch, all, n, tickers);
    }
    free(all);
  } else if (filtered) {
    send_first_states(cmd, ch, list.markets, list.n, tickers);
  } else if (ch == KL_CH_TICKER && tickers) {
    for (size_t i = 0; i < kl_exchange_market_count(c->sim->x); i++)
      send_first_states(cmd, ch, &kl_exchange_market_at(c->sim->x, i)->index, 1, true);
  }
  free(list.markets);
}

static void subscribe(const command *cmd) {
  const json_t *channels = json_object_get(cmd->params, "channels"), *v;
  market_list list;
  bool ids_allowed;
  size_t i;
  if (!json_is_array(channels) || json_array_size(channels) == 0) {
    fail(cmd, E_CHANNELS);
    return;
  }
  if (!check_channels(cmd, channels, &ids_allowed) || !read_markets(cmd, ids_allowed, &list)) return;
  bool missing = false, only_values = true;
  int64_t more = 0;
  json_array_foreach(channels, i, v) {
    kl_sim_channel ch = (kl_sim_channel)channel_of(json_string_value(v));
    if (!kl_sim_is_value_channel(ch)) only_values = false;
    if (kl_sim_channels[ch].filter == KL_FILTER_REQUIRED && list.n == 0) missing = true;
    if (kl_sim_channels[ch].filter != KL_FILTER_NONE) more += new_markets(cmd->c, ch, &list);
  }
  if (missing) {
    fail(cmd, E_TICKER);
  } else if (list.given && only_values) {
    fail(cmd, E_PARAMETER); /* these channels are not about markets */
  } else if (check_room(cmd, more)) {
    json_array_foreach(channels, i, v) { subscribe_one(cmd, (kl_sim_channel)channel_of(json_string_value(v)), &list); }
  }
  free(list.markets);
}

/* ---- unsubscribe, list ---- */

static void unsubscribe(const command *cmd) {
  const json_t *sids = json_object_get(cmd->params, "sids"), *v;
  size_t i;
  if (!json_is_array(sids) || json_array_size(sids) == 0) {
    fail(cmd, E_SIDS);
    return;
  }
  json_array_foreach(sids, i, v) {
    kl_sim_sub *sub = json_is_integer(v) ? kl_sim_session_find(cmd->c, json_integer_value(v)) : NULL;
    if (!sub) {
      fail(cmd, E_UNKNOWN_SID);
      continue;
    }
    kl_buf b = {0};
    start(&b, "unsubscribed", cmd->id);
    kl_sim_field_int(&b, "sid", sub->sid);
    kl_sim_field_int(&b, "seq", (int64_t)++sub->seq);
    kl_sim_session_unsubscribe(cmd->c, sub);
    finish(cmd->c, &b);
  }
}

static void list_subscriptions(const command *cmd) {
  kl_buf b = {0};
  bool any = false;
  start(&b, "ok", cmd->id);
  kl_sim_key(&b, "msg");
  kl_buf_char(&b, '[');
  for (uint32_t sid = 1; sid < cmd->c->next_sid; sid++) {
    const kl_sim_sub *sub = kl_sim_session_find(cmd->c, sid);
    if (!sub) continue;
    kl_buf_str(&b, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(&b, "channel", kl_sim_channels[sub->channel].name);
    kl_sim_field_int(&b, "sid", sub->sid);
    kl_buf_char(&b, '}');
  }
  kl_buf_char(&b, ']');
  finish(cmd->c, &b);
}

/* ---- update ---- */

/* `ok` with all tickers of the subscription. */
static void acknowledge(const command *cmd, kl_sim_sub *sub) {
  kl_buf b = {0};
  start(&b, "ok", cmd->id);
  kl_sim_field_int(&b, "sid", sub->sid);
  kl_sim_field_int(&b, "seq", (int64_t)++sub->seq);
  if (!sub->skip_ticker_ack) {
    kl_buf_str(&b, ",\"msg\":{\"market_tickers\":[");
    for (size_t i = 0; i < sub->n; i++) {
      if (i) kl_buf_char(&b, ',');
      kl_buf_json_cstr(&b, kl_exchange_market_by_index(cmd->c->sim->x, sub->order[i])->ticker);
    }
    kl_buf_str(&b, "]}");
  }
  finish(cmd->c, &b);
}

static void update_values(const command *cmd, kl_sim_sub *sub, const char *action) {
  switch (kl_sim_values_update(cmd->c, sub, action, cmd->params, cmd->id)) {
  case KL_VALUES_PARAMETER:
    fail(cmd, E_PARAMETER);
    break;
  case KL_VALUES_NO_IDS:
    fail(cmd, sub->channel == KL_CH_PYTH ? E_UNDERLYINGS : E_INDICES);
    break;
  case KL_VALUES_UNSUPPORTED:
    fail(cmd, E_ACTION_UNSUPPORTED);
    break;
  default:
    break;
  }
}

static void add_to_subscription(const command *cmd, kl_sim_sub *sub, market_list *list) {
  kl_sim_session *c = cmd->c;
  if (!sub->all && !check_room(cmd, new_markets(c, sub->channel, list))) return;
  if (!sub->all && !add_markets(sub, list)) {
    fail(cmd, E_INTERNAL);
    return;
  }
  acknowledge(cmd, sub);
  send_first_states(cmd, sub->channel, list->markets, list->n, flag(cmd, "send_initial_snapshot"));
}

static void update_markets(const command *cmd, kl_sim_sub *sub, const char *action) {
  kl_sim_session *c = cmd->c;
  kl_sim_channel ch = sub->channel;
  bool add = !strcmp(action, "add_markets"), get = !strcmp(action, "get_snapshot");
  market_list list;
  if (kl_sim_channels[ch].filter == KL_FILTER_NONE || (!add && !get && strcmp(action, "delete_markets") != 0) ||
      (get && ch != KL_CH_BOOK)) {
    fail(cmd, E_ACTION_UNSUPPORTED);
    return;
  }
  if (!read_markets(cmd, ch == KL_CH_TICKER, &list)) return;
  if (list.n == 0) {
    fail(cmd, E_TICKER);
  } else if (get) {
    for (size_t i = 0; i < list.n && c->subs[ch] == sub; i++)
      kl_sim_send_snapshot(c, sub, kl_exchange_market_by_index(c->sim->x, list.markets[i]), cmd->id);
  } else if (sub->all && !add) {
    fail(cmd, E_PARAMETER); /* it has no list that something could be taken from */
  } else if (add) {
    add_to_subscription(cmd, sub, &list);
  } else {
    for (size_t i = 0; i < list.n; i++)
      kl_sim_sub_remove(sub, list.markets[i]);
    acknowledge(cmd, sub);
  }
  free(list.markets);
}

static void update_subscription(const command *cmd) {
  const json_t *sid = json_object_get(cmd->params, "sid"), *sids = json_object_get(cmd->params, "sids");
  const json_t *action = json_object_get(cmd->params, "action");
  if (json_is_array(sids) && json_array_size(sids) == 1 && !sid)
    sid = json_array_get(sids, 0);
  else if (sids)
    sid = NULL;
  if (!json_is_integer(sid)) {
    fail(cmd, E_ONE_SID);
    return;
  }
  if (!json_is_string(action) || !*json_string_value(action)) {
    fail(cmd, E_ACTION);
    return;
  }
  kl_sim_sub *sub = kl_sim_session_find(cmd->c, json_integer_value(sid));
  if (!sub) {
    fail(cmd, E_UNKNOWN_SID);
  } else if (kl_sim_is_value_channel(sub->channel)) {
    update_values(cmd, sub, json_string_value(action));
  } else {
    update_markets(cmd, sub, json_string_value(action));
  }
}

/* A bucket of commands that holds a second's worth. */
static bool take_command(kl_sim_session *c) {
  int64_t now_ns = kl_mono_ns(c->sim->clock);
  double most = (double)c->sim->o.ws_commands;
  c->commands += c->commands_ns ? (double)(now_ns - c->commands_ns) / 1e9 * most : most;
  if (c->commands > most) c->commands = most;
  c->commands_ns = now_ns;
  if (c->commands < 1) return false;
  c->commands -= 1;
  return true;
}

void kl_sim_session_command(kl_sim_session *c, const char *text, size_t n) {
  static const struct {
    const char *name;
    void (*run)(const command *);
    bool params;
  } commands[] = {{"subscribe", subscribe, true},
                  {"unsubscribe", unsubscribe, true},
                  {"update_subscription", update_subscription, true},
                  {"list_subscriptions", list_subscriptions, false}};
  command cmd = {.c = c};
  json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
  const json_t *id = json_object_get(root, "id"), *name = json_object_get(root, "cmd");
  if (!json_is_object(root) || (id && !json_is_integer(id) && !json_is_null(id)) ||
      (json_is_integer(id) && json_integer_value(id) < 0)) {
    fail(&cmd, E_UNREADABLE);
    json_decref(root);
    return;
  }
  cmd.id = json_is_integer(id) ? (int64_t)json_integer_value(id) : 0;
  cmd.params = json_object_get(root, "params");
  if (!take_command(c)) {
    fail(&cmd, E_COMMANDS_MOST);
    json_decref(root);
    return;
  }
  size_t i = 0, known = sizeof commands / sizeof *commands;
  while (i < known && (!json_is_string(name) || strcmp(commands[i].name, json_string_value(name)) != 0))
    i++;
  if (i == known) {
    fail(&cmd, E_COMMAND);
  } else if (commands[i].params && !json_is_object(cmd.params)) {
    fail(&cmd, E_PARAMS);
  } else {
    commands[i].run(&cmd);
  }
  json_decref(root);
}
