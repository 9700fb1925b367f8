/* kalua tail: the messages of channels, one JSON object per line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tool.h"
#include "kalshi/channels.h"
#include "kalshi/operation.h"

static const char usage[] =
    "usage: kalua tail CHANNEL[,CHANNEL...] [TICKER...]\n\n"
    "Prints each message as one JSON object per line, as it comes: the fields of its payload, type,\n"
    "sid and seq. Without tickers it is about all markets. `kalua tail --list` names the channels.\n"
    "Channels of indices take their ids, or all, in place of tickers.\n\n"
    "  kalua tail ticker,trade KXHIGHNY-26NOV22-B51\n"
    "  kalua tail trade --max 100 > trades.jsonl\n"
    "  kalua tail orderbook_delta KXHIGHNY-26NOV22-B51 --raw\n"
    "  kalua tail cfbenchmarks_value BRTI\n"
    "  kalua tail kalshi.status\n";

/* Beside the exchange's: what happens to the connection itself. */
static const char status_channel[] = "kalshi.status";
static const char status_about[] = "the connection: what was lost, what is right again";

enum { MOST_CHANNELS = 64 };

typedef struct {
  bool raw, initial, self, list;
  int64_t max; /* 0: no limit */
  double seconds;
  const char *shard;
  kl_text_list words; /* the channels, then tickers or ids */
  char *channels;     /* owned; as they are written, without empty ones */
} request;

/* It has to be said which markets or indices. */
static bool needs_words(const kl_channel *c) { return c->filter == KL_FILTER_REQUIRED || c->key != KL_KEY_TICKER; }

static int print_channels(void) {
  for (size_t i = 0; i < kl_channel_count; i++) {
    const kl_channel *c = &kl_channel_table[i];
    printf("%-30s %s%s\n", c->name, c->about, needs_words(c) ? " (which must be named)" : "");
  }
  printf("%-30s %s\n", status_channel, status_about);
  return KL_EXIT_OK;
}

static int unknown_channel(const char *name) {
  const char *names[MOST_CHANNELS], *near = NULL;
  size_t n = 0;
  if (name[strcspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
    return kl_cli_usage("tail", "there is no channel \"%.60s\"; the channel comes first: kalua tail trade %.60s", name,
                        name);
  for (; n < kl_channel_count && n + 1 < MOST_CHANNELS; n++)
    names[n] = kl_channel_table[n].name;
  names[n++] = status_channel;
  for (size_t i = 0; i < n && !near; i++)
    if (!strncmp(names[i], name, strlen(name))) near = names[i];
  if (!near) near = kl_nearest(name, names, n);
  if (near) return kl_cli_usage("tail", "there is no channel \"%.60s\"; did you mean %s?", name, near);
  return kl_cli_usage("tail", "there is no channel \"%.60s\"; `kalua tail --list` names them", name);
}

/* Looks at every channel. What its words are is in *words, the option of kalshi.subscribe; NULL where there are none.
 * -1 to go on, or an exit code after an error. */
static int check_channels(const request *r, const char **option) {
  static const char *const wanted[] = {"markets", "markets", "index ids, or all", "underlyings, or all"};
  static const char *const examples[] = {"KXHIGHNY-26NOV22-B51", "", "BRTI", "all"};
  bool words = r->words.n > 1, ticker = false, communications = false;
  const kl_channel *first = NULL;
  *option = NULL;
  for (const char *name = r->channels; *name; name += strlen(name) + 1) {
    const kl_channel *c = kl_channel_find(name);
    if (!c && !strcmp(name, status_channel)) continue;
    if (!c) return unknown_channel(name);
    if (needs_words(c) && !words)
      return kl_cli_usage("tail", "channel %s needs %s: kalua tail %s %s", name, wanted[c->key], name,
                          examples[c->key]);
    ticker = ticker || !strcmp(name, "ticker");
    communications = communications || !strcmp(name, "communications");
    if (!c->names_key) continue;
    if (words && first && c->key != first->key)
      return kl_cli_usage("tail", "channels %s and %s take different words: %s, and %s; one command for each",
                          first->name, name, wanted[first->key], wanted[c->key]);
    first = c;
    *option = kl_feed_key_words[c->key].param;
  }
  if (words && !*option)
    return kl_cli_usage("tail", "channel %s takes no tickers: \"%.60s\" is one too many", r->channels,
                        r->words.items[1]);
  if (r->initial && !ticker) return kl_cli_usage("tail", "--initial is for channel ticker only");
  if ((r->self || r->shard) && !communications)
    return kl_cli_usage("tail", "--%s is for channel communications only", r->self ? "self" : "shard");
  return -1;
}

/* "KEY/FACTOR", as the exchange bounds them. */
static int check_shard(const char *text) {
  char *end = NULL;
  errno = 0;
  long key = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
  long factor = key >= 0 && end && *end == '/' && end[1] >= '0' && end[1] <= '9' ? strtol(end + 1, &end, 10) : -1;
  if (!errno && factor >= 1 && factor <= 100 && key < factor && !*end) return -1;
  return kl_cli_usage(
      "tail", "--shard takes KEY/FACTOR, like 0/4: a factor of 1 to 100 and a key below it, not \"%.40s\"", text);
}

/* The channels of the first word, one after the other, each with a NUL, and one more at the end. -1, or an exit code.
 * More than one word of them may not be: blanks around a comma are a likely mistake. */
static int split_channels(request *r) {
  if (r->words.n == 0) return kl_cli_usage("tail", "which channel? `kalua tail --list` names them");
  const char *text = r->words.items[0];
  size_t n = strlen(text), count = 0;
  if (n == 0 || text[0] == ',' || text[n - 1] == ',' || strstr(text, ",,"))
    return kl_cli_usage("tail", "channels are separated by single commas, without blanks: ticker,trade");
  r->channels = calloc(n + 2, 1);
  if (!r->channels) return KL_EXIT_FAILED;
  for (size_t i = 0; i < n; i++) {
    r->channels[i] = text[i] == ',' ? '\0' : text[i];
    count += text[i] == ',';
  }
  if (count >= MOST_CHANNELS) return kl_cli_usage("tail", "more than %d channels", MOST_CHANNELS);
  for (size_t i = 1; i < r->words.n; i++) {
    if (!r->words.items[i][0]) return kl_cli_usage("tail", "word %zu after the channel is empty", i);
    if (strchr(r->words.items[i], ','))
      return kl_cli_usage("tail", "tickers are separated by blanks: \"%.60s\"", r->words.items[i]);
  }
  return -1;
}

static int follow(const kl_connect_options *o, const request *r, const char *option) {
  char list[MOST_CHANNELS * 40], words[40], max[40], seconds[48], shard[64];
  if (snprintf(list, sizeof list, "channels=%s", r->words.items[0]) >= (int)sizeof list)
    return kl_cli_usage("tail", "too many channels");
  kl_text_list args = {0};
  bool ok = kl_text_list_add(&args, list);
  if (option) {
    snprintf(words, sizeof words, "words=%s", option);
    ok = ok && kl_text_list_add(&args, words);
  }
  if (r->raw) ok = ok && kl_text_list_add(&args, "raw=1");
  if (r->initial) ok = ok && kl_text_list_add(&args, "initial=1");
  if (r->self) ok = ok && kl_text_list_add(&args, "self=1");
  if (r->max > 0) {
    snprintf(max, sizeof max, "max=%lld", (long long)r->max);
    ok = ok && kl_text_list_add(&args, max);
  }
  if (r->seconds > 0) {
    snprintf(seconds, sizeof seconds, "seconds=%.9g", r->seconds);
    ok = ok && kl_text_list_add(&args, seconds);
  }
  if (r->shard) {
    snprintf(shard, sizeof shard, "shard=%s", r->shard);
    ok = ok && kl_text_list_add(&args, shard);
  }
  ok = ok && kl_text_list_add(&args, "--");
  for (size_t i = 1; ok && i < r->words.n; i++)
    ok = kl_text_list_add(&args, r->words.items[i]);
  int code = KL_EXIT_FAILED;
  if (ok) {
    code = kl_tool_run(o, "cli.tail", "tail", (char *const *)args.items, 0, false);
  } else {
    fputs("kalua: not enough memory\n", stderr);
  }
  kl_text_list_free(&args);
  return code;
}

int kl_command_tail(int argc, char **argv) {
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "warn";
  request r = {0};
  const char *w = NULL;
  const kl_opt own[] = {
      {"list", KL_OPT_FLAG, &r.list, NULL, "name the channels", 0, 0},
      {"raw", KL_OPT_FLAG, &r.raw, NULL, "each message as the exchange sent it", 0, 0},
      {"initial", KL_OPT_FLAG, &r.initial, NULL, "channel ticker: first the present state of each market", 0, 0},
      {"max", KL_OPT_INT, &r.max, "N", "end after N messages", 1, 1e15},
      {"seconds", KL_OPT_REAL, &r.seconds, "S", "end after S seconds", 0.01, 1e6},
      {"shard", KL_OPT_TEXT, &r.shard, "KEY/FACTOR", "channel communications: one of FACTOR parts, from 0", 0, 0},
      {"self", KL_OPT_FLAG, &r.self, NULL, "channel communications: your own requests only", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code = kl_opts_parse("tail", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &r.words, NULL);
  if (code < 0 && r.list) code = print_channels();
  if (code < 0) code = split_channels(&r);
  if (code < 0) code = check_channels(&r, &w);
  if (code < 0 && r.shard) code = check_shard(r.shard);
  if (code < 0) code = follow(&o, &r, w);
  free(r.channels);
  kl_text_list_free(&r.words);
  kl_connect_options_free(&o);
  return code;
}
