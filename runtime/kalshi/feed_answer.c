/* What the exchange answers to commands: what is acknowledged, and what to do about each error. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

/* Error codes of the exchange that need an answer of their own (AsyncAPI, "error" message). */
enum {
  CODE_UNKNOWN_SID = 7,
  CODE_AUTH = 9,
  CODE_CHANNEL = 10,
  CODE_PARAMETER = 11,
  CODE_NOT_FOUND = 16,
  CODE_INTERNAL = 17,
  CODE_TIMEOUT = 18,
  CODE_BUFFER = 25,
  CODE_MARKETS = 26,
  CODE_RATE = 27
};

/* ---- answers ---- */

static void market_acked(kl_feed_market *m) {
  kl_list_remove(&m->in_flight);
  m->cmd = 0;
  if (!m->sent || m->acked) return;
  m->acked = true;
  kl_feed_market_awaits(m);
  kl_feed_subs_market_acked(m);
}

/* The first market in flight with that command. To be asked again after each: callbacks may change the list. */
static kl_feed_market *in_flight_with(kl_feed_channel *c, int64_t id) {
  for (kl_list *n = c->in_flight.next; n != &c->in_flight; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    if (m->cmd == id) return m;
  }
  return NULL;
}

static void all_acked(kl_feed_channel *c, int64_t id) {
  kl_feed_market *m;
  while ((m = in_flight_with(c, id)))
    market_acked(m);
}

/* The exchange has taken an addition: where its limit is being looked for, more is tried. */
static void addition_taken(kl_feed_channel *c) {
  c->chunk = c->chunk > KL_FEED_CHUNK / 2 ? KL_FEED_CHUNK : 2 * c->chunk;
  if (!kl_list_empty(&c->work)) kl_feed_channel_touch(c);
}

/* The channel that the answer is of: by its command, and by its name where it repeats no id. */
static kl_feed_channel *subscribing(kl_feed_link *l, const kl_event *ev) {
  kl_str name = ev->subscribed.channel;
  for (kl_list *n = l->channels.next; n != &l->channels; n = n->next) {
    kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_link);
    if (!c->subscribe_cmd || !kl_str_is(name, c->name, strlen(c->name))) continue;
    if (!(ev->has & KL_HAS_ID) || ev->id == c->subscribe_cmd) return c;
  }
  return NULL;
}

static void ask_later(kl_feed_channel *c) {
  c->not_before_ns = kl_feed_now(c->f) + 1000 * MS;
  kl_feed_tick_on(c->f);
}

/* The exchange was asked to end the subscription and has not: what it answers with is the old one, with the old choice
 * of markets. */
static void goes_on(kl_feed_channel *c) {
  c->ending = 0;
  c->seq = c->ending_seq;
  c->is_wide = false;
  c->restart = true;
  kl_feed_forget_markets(c);
  for (kl_feed_channel *o = c->next; o; o = o->next)
    kl_feed_channel_touch(o);
  ask_later(c);
}

void kl_feed_on_subscribed(kl_feed_link *l, const kl_event *ev) {
  kl_feed_channel *c = subscribing(l, ev);
  kl_feed_cmd cmd;
  if (!c || !(ev->has & KL_HAS_SID) || ev->sid <= 0) return; /* not what we wait for, and go on to wait for */
  int64_t id = c->subscribe_cmd;
  kl_feed_command_take(l, id, &cmd);
  c->subscribe_cmd = 0;
  c->sid = ev->sid;
  c->live_ns = kl_feed_now(l->f);
  if (ev->sid == c->ending) {
    goes_on(c);
    return;
  }
  c->ending = 0; /* its end was asked for before */
  c->seq = (kl_feed_seq){0};
  if (c->is_wide) { /* nothing is sent for single markets */
    while (!kl_list_empty(&c->work))
      kl_list_remove(c->work.next);
    for (kl_feed_channel *o = c->next; o; o = o->next) /* they may end now */
      kl_feed_channel_touch(o);
  } else {
    all_acked(c, id);
    addition_taken(c);
  }
  kl_feed_subs_acked(c);
  kl_feed_channel_touch(c);
}

static void list_answered(const kl_feed_cmd *cmd, const char *raw, size_t n) {
  if (cmd->request) cmd->request->answer(cmd->request, raw, n, NULL);
}

void kl_feed_on_ok(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n) {
  kl_feed_cmd cmd;
  if (!(ev->has & KL_HAS_ID) || kl_feed_command_is(l, ev, KL_CMD_SUBSCRIBE)) return; /* without a sid it is none */
  if (!kl_feed_command_take(l, ev->id, &cmd)) return;
  if (cmd.kind == KL_CMD_ADD) {
    all_acked(cmd.channel, cmd.id);
    addition_taken(cmd.channel);
  }
  if (cmd.kind == KL_CMD_LIST) list_answered(&cmd, raw, n);
}

bool kl_feed_on_list(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n) {
  kl_feed_cmd cmd;
  if (!kl_feed_command_is(l, ev, KL_CMD_LIST) || !kl_feed_command_take(l, ev->id, &cmd)) return false;
  list_answered(&cmd, raw, n);
  return true;
}

void kl_feed_on_unsubscribed(kl_feed_link *l, const kl_event *ev) {
  kl_feed_cmd cmd;
  if (kl_feed_command_is(l, ev, KL_CMD_UNSUBSCRIBE)) kl_feed_command_take(l, ev->id, &cmd);
  kl_feed_channel *c = (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(l, ev->sid) : NULL;
  if (!c) return;
  if (ev->sid == c->ending) {
    c->ending = 0;
  } else {
    kl_feed_channel_ended(c, "the exchange ended the subscription"); /* we had not asked: c->sid was ours */
  }
}

static bool is_transient(int code) { return code == CODE_INTERNAL || code == CODE_TIMEOUT || code == CODE_RATE; }

/* What to do about an error of the exchange, by its code (AsyncAPI, "error" message); "" where its own text says it. */
static const char *advice(int code) {
  switch (code) {
  case 1:
  case 2:
  case 3:
  case 4:
  case 5:
  case 12:
  case 13:
  case 14:
  case 15:
  case 23:
    return "; the command was not as the exchange wants it: please report this with the log";
  case 8:
    return "; the exchange has no such channel any more";
  case CODE_AUTH:
    return "; check the key, and that it belongs to this environment";
  case CODE_BUFFER:
    return "; it is subscribed again; subscribe to fewer markets if this keeps coming";
  case 24:
  case 28:
    return "; give the indices, or \"all\"";
  case CODE_MARKETS:
    return "; subscribe to fewer markets";
  case CODE_UNKNOWN_SID:
  case CODE_CHANNEL:
  case CODE_INTERNAL:
  case CODE_TIMEOUT:
  case CODE_RATE:
    return "; it is asked again";
  default:
    return "";
  }
}

static void refusal(kl_error *out, const kl_event *ev, const kl_feed_channel *c, const char *ticker) {
  const char *channel = c ? c->name : "a command", *what = c ? kl_feed_key_words[c->key].what : "market";
  int code = ev->error.code;
  int n = (int)(ev->error.message.n > 200 ? 200 : ev->error.message.n);
  if (ticker && (code == CODE_PARAMETER || code == CODE_NOT_FOUND)) {
    kl_error_set(out, KL_ERR_VALIDATION, "no such %s: the exchange refused %s on %s: %.*s (code %d)", what, ticker,
                 channel, n, ev->error.message.p, code);
  } else {
    kl_error_set(out, code == CODE_AUTH ? KL_ERR_AUTH : KL_ERR_WS, "the exchange refused %s%s%s: %.*s (code %d)%s",
                 channel, ticker ? " of " : "", ticker ? ticker : "", n, ev->error.message.p, code, advice(code));
  }
  out->status = code;
  snprintf(out->code, sizeof out->code, "%d", code);
  snprintf(out->operation, sizeof out->operation, "subscribe");
}

static void fail_market(kl_feed_market *m, const kl_error *e) {
  kl_list_remove(&m->in_flight);
  m->sent = m->acked = false;
  m->cmd = 0;
  if (!m->refs) {
    kl_feed_market_free(m);
    return;
  }
  m->refs++; /* stays while its holders let go */
  if (m->book) kl_feed_book_fail(m->book, e);
  kl_feed_subs_fail_market(m, e);
  kl_feed_market_drop(m);
}

static void fail_channel(kl_feed_channel *head, const kl_error *e) {
  for (kl_feed_channel *c = head; c; c = c->next) {
    for (kl_list *n = c->markets.next; n != &c->markets;) {
      kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
      n = n->next; /* failing a book calls nobody yet */
      if (m->book) kl_feed_book_fail(m->book, e);
    }
  }
  kl_feed_subs_fail_channel(head, e);
}

/* Does the error name this market? */
static bool is_named(const kl_feed_market *m, const kl_event *ev, kl_str list) {
  kl_str one = ev->error.market_ticker;
  if (one.n && kl_str_is(one, m->ticker, m->len)) return true;
  while (kl_feed_scan_string(&list, &one)) {
    if (kl_str_is(one, m->ticker, m->len)) return true;
  }
  return false;
}

/* An addition (or what is left of it) counts as never sent. */
static void addition_undone(kl_feed_channel *c, int64_t id) {
  kl_feed_market *m;
  while ((m = in_flight_with(c, id))) {
    kl_list_remove(&m->in_flight);
    m->sent = false;
    m->cmd = 0;
    kl_feed_subs_want_initial(m);
    if (m->book) kl_feed_books_stale(m); /* a snapshot may have come before the refusal, but changes may not */
    if (m->refs) {
      kl_feed_market_work(m);
    } else {
      kl_feed_market_free(m);
    }
  }
}

/* An addition was refused: the markets that the error names fail, the others are asked for again; all fail when it
 * names none of them. */
static void addition_refused(kl_feed_channel *c, int64_t id, const kl_event *ev, kl_str list) {
  bool named = false;
  for (kl_list *n = c->in_flight.next; n != &c->in_flight && !named; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    named = m->cmd == id && is_named(m, ev, list);
  }
  for (kl_list *n = c->in_flight.next; n != &c->in_flight;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    n = n->next;
    if (m->cmd != id || (named && !is_named(m, ev, list))) continue;
    kl_error e;
    refusal(&e, ev, c, m->ticker);
    fail_market(m, &e);
    n = c->in_flight.next; /* the holders may have let go of any other */
  }
  addition_undone(c, id);
}

/* A request for snapshots was refused: the markets it names are gone, the others get theirs when asked for again. */
static void snapshot_refused(kl_feed_channel *c, const kl_event *ev, kl_str list) {
  for (kl_list *n = c->markets.next; n != &c->markets;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    n = n->next;
    if (!m->book || !m->awaiting) continue;
    if (is_named(m, ev, list)) {
      kl_error e;
      refusal(&e, ev, c, m->ticker);
      kl_feed_book_fail(m->book, &e); /* calls nobody yet */
    } else {
      m->need_snapshot = true;
      kl_feed_market_work(m);
    }
  }
}

/* More snapshots at once than the exchange gives: fewer. A single one has a deadline that asks again. */
static void too_many_snapshots(kl_feed_channel *c, const kl_feed_cmd *cmd) {
  if (cmd->markets < 2) return;
  if (c->lot > cmd->markets / 2) c->lot = cmd->markets / 2;
  for (kl_list *n = c->markets.next; n != &c->markets; n = n->next) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    if (!m->book || !m->awaiting || !m->acked) continue;
    m->need_snapshot = true;
    kl_feed_market_work(m);
  }
}

/* The exchange could not just now: the same again, later. A snapshot has a deadline of its own, and a market too many
 * does no harm. */
static void ask_again(kl_feed_channel *c, const kl_feed_cmd *cmd, const char *why) {
  if (cmd->kind == KL_CMD_SUBSCRIBE) {
    kl_feed_channel_ended(c, why);
  } else if (cmd->kind == KL_CMD_ADD) {
    addition_undone(c, cmd->id);
    ask_later(c);
  }
}

/* Markets that one subscription does not take go to another connection; where no further one may be opened, they fail.
 */
static void spill(kl_feed_market *m, const kl_error *e) {
  kl_list_remove(&m->in_flight);
  kl_list_remove(&m->work);
  m->sent = m->acked = false;
  m->cmd = 0;
  kl_feed_subs_want_initial(m);
  if (!m->refs || !kl_feed_market_spill(m)) fail_market(m, e);
}

/* More markets than one subscription may have; how many that is, is not published. Where the error names them, they are
 * those. Otherwise half of what was refused is tried, down to one: then it is known, and the rest goes elsewhere. */
static void too_many(kl_feed_channel *c, const kl_feed_cmd *cmd, const kl_event *ev, kl_str list) {
  uint32_t refused = 0, named = 0, taken = 0;
  for (const kl_list *n = c->markets.next; n != &c->markets; n = n->next) {
    const kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, all);
    bool asked = m->cmd == cmd->id && m->sent && !m->acked;
    refused += asked;
    named += asked && is_named(m, ev, list);
    taken += m->acked; /* answers come in order: what is still in flight is behind the refusal */
  }
  if (!named && refused > 1) {
    c->chunk = refused / 2;
    addition_undone(c, cmd->id);
    kl_feed_channel_touch(c);
    return;
  }
  c->chunk = KL_FEED_CHUNK;
  c->most = named ? taken + refused - named : taken;
  if (!c->most) { /* none at all is no limit but a refusal: another connection takes no more */
    c->most = 1;
    addition_refused(c, cmd->id, ev, list);
    kl_feed_channel_touch(c);
    return;
  }
  kl_log_info("feed", "the exchange takes %u markets on one subscription to %s", (unsigned)c->most, c->name);
  for (kl_list *n = c->in_flight.next; n != &c->in_flight;) {
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, in_flight);
    n = n->next;
    if (m->cmd != cmd->id || (named && !is_named(m, ev, list))) continue;
    kl_error e;
    refusal(&e, ev, c, m->ticker);
    spill(m, &e);
    n = c->in_flight.next; /* the holders may have let go of any other */
  }
  addition_undone(c, cmd->id);
  for (kl_list *n = c->work.next; n != &c->work;) { /* what had not been tried yet has no place here, either */
    kl_feed_market *m = KL_CONTAINER(n, kl_feed_market, work);
    n = n->next;
    if (c->markets_held <= c->most) break;
    if (!m->refs || m->sent || kl_feed_market_spill(m)) continue;
    kl_error e;
    refusal(&e, ev, c, m->ticker);
    fail_market(m, &e);
    n = c->work.next; /* the holders may have let go of any other */
  }
  kl_feed_channel_touch(c);
}

/* The exchange has ended the subscription (Kalshi, "error" message: codes 10 and 25), or does not know it. A buffer
 * that overflowed asks for a smaller one. */
static void ended_by_error(kl_feed_channel *c, int code, const kl_error *e) {
  kl_feed_channel_ended(c, e->message);
  if (code == CODE_BUFFER) kl_feed_channel_split(c);
}

/* An answer about a subscription that is not the channel's any more: it says nothing of the one that it has now. */
static bool is_of_the_past(const kl_feed_channel *c, const kl_feed_cmd *cmd) {
  return cmd->kind == KL_CMD_SUBSCRIBE ? c->subscribe_cmd != cmd->id : c->sid != cmd->sid;
}

/* `gone`: there is no such subscription, which is what was asked for. Otherwise the exchange still has it, and adds to
 * it what is to be a new one: its end is asked for again. */
static void unsubscribe_refused(kl_feed_channel *c, const kl_feed_cmd *cmd, bool gone) {
  const kl_feed_seq unknown = {.last = KL_SEQ_UNKNOWN};
  if (gone) {
    if (c->ending == cmd->sid) c->ending = 0;
  } else if (c->subscribe_cmd) { /* the answer to that shows it: goes_on */
    if (c->ending == cmd->sid || c->snapshots) return;
    c->ending = cmd->sid;
    c->ending_seq = unknown;
  } else if (!c->sid) {
    c->sid = cmd->sid;
    c->seq = unknown;
    ask_later(c);
  }
}

void kl_feed_on_error(kl_feed_link *l, const kl_event *ev, const char *raw, size_t n) {
  kl_feed_cmd cmd = {.channel = NULL};
  int code = ev->error.code;
  bool answered = (ev->has & KL_HAS_ID) && kl_feed_command_take(l, ev->id, &cmd);
  kl_feed_channel *c = answered ? cmd.channel : (ev->has & KL_HAS_SID) ? kl_feed_channel_of_sid(l, ev->sid) : NULL;
  kl_error e;
  refusal(&e, ev, c, NULL);
  kl_feed_note(l->f, e.message);
  kl_log_warn("feed", "%s", e.message);
  if (answered && cmd.kind == KL_CMD_LIST) {
    if (cmd.request) cmd.request->answer(cmd.request, NULL, 0, &e);
    return;
  }
  if (!c) return;
  bool ends = code == CODE_CHANNEL || code == CODE_BUFFER;
  if (!answered && ev->sid == c->ending) { /* its end was on its way */
    if (ends) c->ending = 0;
    return;
  }
  if (answered && cmd.kind == KL_CMD_UNSUBSCRIBE) {
    unsubscribe_refused(c, &cmd, ends || code == CODE_UNKNOWN_SID);
    return;
  }
  if (answered && is_of_the_past(c, &cmd)) return;
  if (ends || (code == CODE_UNKNOWN_SID && answered && c->sid)) {
    ended_by_error(c, code, &e);
    return;
  }
  if (!answered) return;
  if (is_transient(code)) {
    ask_again(c, &cmd, e.message);
    return;
  }
  if (cmd.kind == KL_CMD_SUBSCRIBE) {
    c->subscribe_cmd = 0;
    kl_feed_channel_touch(c);
  }
  kl_str list = {NULL, 0};
  bool has_list = kl_feed_scan_msg(raw, n, kl_feed_key_words[c->key].param, &list);
  if (code == CODE_MARKETS && !c->is_wide && (cmd.kind == KL_CMD_SUBSCRIBE || cmd.kind == KL_CMD_ADD)) {
    too_many(c, &cmd, ev, list);
    return;
  }
  if (code == CODE_MARKETS && cmd.kind == KL_CMD_SNAPSHOT) {
    too_many_snapshots(c, &cmd);
    return;
  }
  bool names = ev->error.market_ticker.n || (has_list && list.n > 2);
  switch (cmd.kind) {
  case KL_CMD_SUBSCRIBE:
    if (c->is_wide || !names) {
      c->is_wide = false;
      fail_channel(c->head, &e);
      kl_feed_forget_markets(c);
    } else {
      addition_refused(c, cmd.id, ev, list);
    }
    break;
  case KL_CMD_ADD:
    addition_refused(c, cmd.id, ev, list);
    break;
  case KL_CMD_SNAPSHOT:
    if (names) snapshot_refused(c, ev, list); /* otherwise the deadline asks again */
    break;
  case KL_CMD_UNSUBSCRIBE:
  case KL_CMD_DELETE:
  case KL_CMD_LIST:
    break;
  }
}
