/* The exchange's commands as the benches' servers understand them, and their answers. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

typedef enum {
  COMMAND_OTHER, /* nothing that is served here */
  COMMAND_SUBSCRIBE,
  COMMAND_ADD,
  COMMAND_DELETE,
  COMMAND_SNAPSHOT
} command_kind;

typedef struct command {
  command_kind kind;
  int64_t id;
  json_t *json;     /* owned */
  json_t *channels; /* borrowed from json, as the others; NULL where absent */
  json_t *tickers;  /* "market_tickers" */
  bool yes_prices;  /* "use_yes_price" */
} command;

/* False for what is no command at all; otherwise command_free is to be called. */
bool command_parse(const char *text, size_t n, command *c);
void command_free(command *c);

/* The sid of a channel: 1 books, 2 ticker, 3 trade, 4 market_lifecycle_v2, 5 any other. */
int64_t command_sid(const char *channel);

/* Append whole frames. An `ok` carries no seq: the prepared messages count theirs without answers. */
void command_put_subscribed(kl_buf *out, int64_t id, const char *channel);
void command_put_ok(kl_buf *out, int64_t id, int64_t sid);
void command_put_error(kl_buf *out, int64_t id, int code, const char *why);

#endif
