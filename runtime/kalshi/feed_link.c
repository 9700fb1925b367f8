/* A connection of the feed: sign, connect, come back; and the commands that go over it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/feed_internal.h"

#define MS INT64_C(1000000)

enum {
  RETRY_MIN_MS = 500,
  RETRY_MAX_MS = 30000,
  STEADY_MS = 1000,
  /* The exchange pings every 10 s; a dead connection is to be found within 15. */
  SILENCE_MS = 14500
};

bool kl_feed_link_wanted(const kl_feed_link *l) {
  for (const kl_list *n = l->channels.next; n != &l->channels; n = n->next) {
    const kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_link);
    if (c->wanted && (!kl_feed_channel_covered(c) || kl_feed_channel_fills_in(c))) return true;
  }
  return false;
}

/* ---- commands ---- */

kl_buf *kl_feed_command_begin(kl_feed_link *l, const char *cmd) {
  kl_buf *out = &l->f->out;
  kl_buf_clear(out);
  kl_buf_printf(out, "{\"id\":%" PRId64 ",\"cmd\":\"%s\"", l->next_id, cmd);
  return out;
}

static bool command_note(kl_feed_link *l, kl_feed_cmd_kind kind, kl_feed_channel *c, kl_feed_request *r) {
  if (l->n_cmds == l->cap_cmds) {
    size_t cap = l->cap_cmds ? l->cap_cmds * 2 : 16;
    kl_feed_cmd *wide = realloc(l->cmds, cap * sizeof *wide);
    if (!wide) return false;
    l->cmds = wide;
    l->cap_cmds = cap;
  }
  l->cmds[l->n_cmds++] = (kl_feed_cmd){
      .id = l->next_id, .kind = kind, .channel = c, .request = r, .sid = c ? c->sid : 0, .sent_ns = kl_feed_now(l->f)};
  kl_feed_tick_on(l->f);
  return true;
}

bool kl_feed_command_send(kl_feed_link *l, kl_feed_cmd_kind kind, kl_feed_channel *c, kl_feed_request *r) {
  kl_feed *f = l->f;
  kl_buf_char(&f->out, '}');
  if (f->out.failed || !command_note(l, kind, c, r)) {
    kl_buf_free(&f->out);
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for a command of the feed");
    kl_feed_link_drop(l, &e);
    return false;
  }
  l->next_id++;
  l->stepped.commands++;
  return kl_ws_client_send(l->ws, f->out.data, f->out.len); /* false: its end is on the way to us */
}

bool kl_feed_command_is(const kl_feed_link *l, const kl_event *ev, kl_feed_cmd_kind kind) {
  for (size_t i = 0; (ev->has & KL_HAS_ID) && i < l->n_cmds; i++) {
    if (l->cmds[i].id == ev->id) return l->cmds[i].kind == kind;
  }
  return false;
}

bool kl_feed_deletes_before(const kl_feed_channel *c, int64_t id) {
  const kl_feed_link *l = c->link;
  for (size_t i = 0; i < l->n_cmds; i++) {
    if (l->cmds[i].kind == KL_CMD_DELETE && l->cmds[i].channel == c && l->cmds[i].id < id) return true;
  }
  return false;
}

bool kl_feed_command_take(kl_feed_link *l, int64_t id, kl_feed_cmd *out) {
  for (size_t i = 0; i < l->n_cmds; i++) {
    if (l->cmds[i].id != id) continue;
    *out = l->cmds[i];
    memmove(l->cmds + i, l->cmds + i + 1, (l->n_cmds - i - 1) * sizeof *l->cmds);
    l->n_cmds--;
    return true;
  }
  return false;
}

void kl_feed_request_cancel(kl_feed *f, kl_feed_request *r) {
  for (kl_list *n = f->links.next; n != &f->links; n = n->next) {
    kl_feed_link *l = KL_CONTAINER(n, kl_feed_link, in_feed);
    for (size_t i = 0; i < l->n_cmds; i++) {
      if (l->cmds[i].request == r) l->cmds[i].request = NULL;
    }
  }
}

/* Nobody answers the commands under way any more. */
static void commands_lost(kl_feed_link *l, const kl_error *e) {
  while (l->n_cmds) {
    kl_feed_request *r = l->cmds[--l->n_cmds].request;
    if (r) r->answer(r, NULL, 0, e);
  }
}

bool kl_feed_link_check(kl_feed_link *l, int64_t now) {
  const int64_t limit_ms = l->f->o.command_timeout_ms;
  for (size_t i = 0; i < l->n_cmds;) {
    kl_feed_cmd *cmd = &l->cmds[i];
    if (now - cmd->sent_ns < limit_ms * MS) {
      i++;
      continue;
    }
    if (cmd->kind == KL_CMD_SNAPSHOT) { /* the book's own deadline sees to it */
      memmove(cmd, cmd + 1, (l->n_cmds - i - 1) * sizeof *cmd);
      l->n_cmds--;
      continue;
    }
    kl_error e;
    kl_error_coded(&e, KL_ERR_WS, "feed_no_answer",
                   "the exchange did not answer a command%s%s for %" PRId64 " ms: reconnecting",
                   cmd->channel ? " on channel " : "", cmd->channel ? cmd->channel->name : "", limit_ms);
    e.retryable = true;
    kl_feed_link_drop(l, &e);
    return false;
  }
  return l->n_cmds > 0;
}

/* ---- the end of a connection ---- */

/* All that the exchange knew of us there is gone. */
static void forget(kl_feed_link *l, const kl_error *e) {
  if (l->ws) l->old_bytes += kl_ws_client_bytes(l->ws);
  l->ws = NULL;
  l->state = KL_LINK_IDLE; /* before anyone is called: who asks again is told so */
  l->late_since_ns = l->sent_ms = 0;
  commands_lost(l, e);
  for (kl_list *n = l->channels.next; n != &l->channels; n = n->next)
    kl_feed_channel_reset(KL_CONTAINER(n, kl_feed_channel, in_link));
}

static void on_retry(uv_timer_t *t) {
  kl_feed_link *l = KL_CONTAINER(t, kl_feed_link, retry);
  l->state = KL_LINK_IDLE;
  kl_feed_wake(l->f);
}

/* The first try after a connection that worked comes at once: each moment costs prices. From then on the pauses begin
 * with half a second and double up to 30 s, each between half and all of it. */
static void retry_later(kl_feed_link *l) {
  uint64_t ms = 0;
  if (l->attempts) {
    uint32_t shift = l->attempts - 1 > 6 ? 6 : l->attempts - 1;
    uint64_t most = (uint64_t)RETRY_MIN_MS << shift;
    if (most > RETRY_MAX_MS) most = RETRY_MAX_MS;
    ms = most / 2 + kl_feed_random(l->f) % (most / 2 + 1);
  }
  if (l->attempts < 1000) l->attempts++;
  l->state = KL_LINK_WAITING;
  kl_timer_start(&l->retry, on_retry, ms, 0);
}

/* The connection ended or never came about. */
static void lost(kl_feed_link *l, const kl_error *e, bool refused) {
  kl_feed *f = l->f;
  bool was_open = l->state == KL_LINK_OPEN;
  if (was_open && kl_feed_now(f) - l->opened_ns >= STEADY_MS * MS) l->attempts = 0;
  kl_feed_note(f, e->message);
  forget(l, e);
  if (refused) {
    kl_log_error("feed", "%s", e->message);
    kl_feed_refuse_waiters(l, e);
  } else {
    kl_log_warn("feed", "%s", e->message);
  }
  if (was_open) kl_feed_tell(f, "disconnected", e->message);
  if (f->closing) return;
  if (kl_feed_link_wanted(l)) {
    retry_later(l);
  } else {
    l->state = KL_LINK_IDLE;
  }
  kl_feed_tell_owners(f);
}

void kl_feed_link_drop(kl_feed_link *l, const kl_error *e) {
  if (!l->ws) return;
  kl_ws_client *ws = l->ws;
  l->old_bytes += kl_ws_client_bytes(ws);
  l->ws = NULL;
  kl_ws_client_close(ws);
  kl_feed_enter(l->f);
  lost(l, e, false);
  kl_feed_leave(l->f);
}

/* ---- callbacks of the connection ---- */

static void on_open(void *data, int64_t server_date_ms) {
  kl_feed_link *l = data;
  kl_feed *f = l->f;
  (void)server_date_ms;
  f->burst_ns = 0;
  kl_feed_enter(f);
  l->state = KL_LINK_OPEN;
  l->stepped.received = l->stepped.commands = 0;
  l->opened_ns = kl_feed_now(f);
  l->corrected = false;
  if (l->was_open) f->reconnects++;
  l->was_open = true;
  if (l->number == 1) {
    kl_log_info("feed", "connected to %s", f->url);
  } else {
    kl_log_info("feed", "connected to %s, connection %u", f->url, (unsigned)l->number);
  }
  for (kl_list *n = l->channels.next; n != &l->channels; n = n->next)
    kl_feed_channel_touch(KL_CONTAINER(n, kl_feed_channel, in_link));
  kl_feed_tell(f, "connected", f->url);
  f->burst_ns = 0;
  kl_feed_leave(f);
}

/* ---- messages of a stepped feed ---- */

enum { READABLE = 16 }; /* bytes behind a message, as the decoder may have them */

static size_t room_of(size_t n) { return (n + READABLE + sizeof n - 1) / sizeof n * sizeof n; }

static void keep(kl_feed_link *l, const char *p, size_t n) {
  kl_buf *b = &l->stepped.came;
  size_t room = room_of(n);
  if (!kl_buf_reserve(b, sizeof n + room)) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for a message of the feed");
    kl_feed_link_drop(l, &e);
    return;
  }
  kl_buf_add(b, &n, sizeof n);
  kl_buf_add(b, p, n);
  memset(b->data + b->len, 0, room - n);
  b->len += room - n;
  l->stepped.received++;
}

/* All that came, as one read. */
static bool tell_kept(kl_feed_link *l) {
  kl_buf came = l->stepped.came;
  const kl_ws_client *ws = l->ws;
  l->stepped.came = (kl_buf){0};
  for (size_t at = 0, n; at < came.len && l->ws == ws; at += sizeof n + room_of(n)) {
    memcpy(&n, came.data + at, sizeof n);
    const char *p = came.data + at + sizeof n;
    if (!kl_feed_usual_message(l, p, n)) kl_feed_message(l, p, n);
  }
  bool some = came.len > 0;
  kl_buf_free(&came);
  if (some && l->ws == ws) kl_feed_burst_end(l);
  return some;
}

static void on_message(void *data, const char *p, size_t n) {
  kl_feed_link *l = data;
  if (l->f->o.stepped)
    keep(l, p, n);
  else
    kl_feed_message(l, p, n);
}

static bool on_usual(void *data, const char *p, size_t n) {
  kl_feed_link *l = data;
  return !l->f->o.stepped && kl_feed_usual_message(l, p, n);
}

static void on_burst_end(void *data) {
  kl_feed_link *l = data;
  if (!l->f->o.stepped) kl_feed_burst_end(l);
}

/* A clock that is wrong is no wrong key: the answer says what time it is, and the next handshake is signed for that. */
static bool correct_clock(kl_feed_link *l, const kl_error *e) {
  int64_t date_ms = l->ws ? kl_ws_client_date_ms(l->ws) : 0;
  bool expired = l->state != KL_LINK_OPEN && e->status == 401 && !strcmp(e->code, "header_timestamp_expired");
  if (!expired || l->corrected || !date_ms || !l->f->o.expired) {
    l->corrected = false;
    return false;
  }
  l->corrected = true;
  l->f->o.expired(l->f->o.sign_data, date_ms, l->asked_ms);
  return true;
}

static void on_closed(void *data, const kl_error *e) {
  kl_feed_link *l = data;
  if (tell_kept(l) && !l->ws) return; /* what came last made us drop it */
  kl_error own;
  bool corrected = correct_clock(l, e);
  bool key_refused = !corrected && l->state != KL_LINK_OPEN && (e->status == 401 || e->status == 403);
  /* Nor does waiting help against a certificate that is not trusted. */
  bool refused = key_refused || (l->state != KL_LINK_OPEN && !strcmp(e->kind, KL_ERR_CONFIG));
  if (key_refused && kl_feed_has_open_link(l->f)) {
    kl_error_coded(
        &own, KL_ERR_AUTH, "feed_too_many_connections",
        "the exchange refused connection %u of the feed (HTTP %d) while others are open: it may allow no more; "
        "subscribe to fewer markets, or close other programs that use this key",
        (unsigned)l->number, e->status);
    own.status = e->status;
    e = &own;
  } else if (key_refused) {
    kl_error_coded(
        &own, KL_ERR_AUTH, "feed_key_refused",
        "the exchange refused the key at the feed's handshake (HTTP %d): check the key id, that the key belongs "
        "to this environment, and this machine's clock (kalua doctor --env ENV)",
        e->status);
    own.status = e->status;
    e = &own;
  } else if (corrected) {
    kl_error_set(&own, KL_ERR_NETWORK,
                 "the exchange refused the timestamp of the feed's handshake; its clock is about %lld s from ours, "
                 "corrected",
                 (long long)((kl_ws_client_date_ms(l->ws) - l->asked_ms) / 1000));
    e = &own;
  }
  l->f->burst_ns = 0;
  kl_feed_enter(l->f);
  lost(l, e, refused);
  l->f->burst_ns = 0;
  kl_feed_leave(l->f);
}

/* ---- connecting ---- */

static void open_socket(kl_feed_link *l, const char *const *headers) {
  kl_error e;
  const kl_ws_client_options o = {
      .url = l->f->url,
      .headers = headers,
      .ca_file = l->f->ca_file,
      .silence_timeout_ms = SILENCE_MS,
      .data = l,
      .open = on_open,
      .message = on_message,
      .unchecked = on_usual,
      .burst_end = on_burst_end,
      .closed = on_closed,
  };
  l->state = KL_LINK_CONNECTING;
  l->asked_ms = kl_wall_ms(l->f->o.clock);
  l->ws = kl_ws_client_open(l->f->loop, &o, &e);
  if (!l->ws) lost(l, &e, true);
}

static void on_headers(void *link, const char *const *headers, const kl_error *e) {
  kl_feed_link *l = link;
  l->signing = NULL;
  if (l->f->closing) return;
  l->f->burst_ns = 0;
  kl_feed_enter(l->f);
  if (headers) {
    open_socket(l, headers);
  } else {
    lost(l, e, true);
  }
  l->f->burst_ns = 0;
  kl_feed_leave(l->f);
}

static void connect_now(kl_feed_link *l) {
  kl_feed *f = l->f;
  if (!f->o.sign) {
    static const char *const none[] = {NULL};
    open_socket(l, none);
    return;
  }
  l->state = KL_LINK_SIGNING;
  l->signing = f->o.sign(f->o.sign_data, "GET", f->path, on_headers, l);
  if (!l->signing) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "the handshake of the feed could not be signed: not enough memory");
    lost(l, &e, false);
  }
}

/* A further connection of which nothing is wanted any more; the first stays, for what comes next. */
static void hang_up(kl_feed_link *l) {
  kl_error e;
  kl_error_set(&e, KL_ERR_CLOSED, "nothing of this connection was wanted any more");
  kl_log_info("feed", "connection %u is not needed any more", (unsigned)l->number);
  kl_ws_client *ws = l->ws;
  forget(l, &e);
  l->state = KL_LINK_IDLE;
  l->was_open = false;
  kl_ws_client_close(ws);
}

void kl_feed_link_flush(kl_feed_link *l) {
  bool wanted = kl_feed_link_wanted(l);
  l->stepped.due = l->state == KL_LINK_IDLE && wanted && l->f->o.stepped;
  if (l->state == KL_LINK_IDLE && wanted && !l->stepped.due) connect_now(l);
  if (l->state != KL_LINK_OPEN) return;
  if (!wanted && l->number > 1) {
    hang_up(l);
    return;
  }
  for (kl_list *n = l->channels.next; n != &l->channels && l->state == KL_LINK_OPEN; n = n->next) {
    kl_feed_channel *c = KL_CONTAINER(n, kl_feed_channel, in_link);
    if (c->dirty) kl_feed_channel_flush(c);
  }
}

bool kl_feed_link_step(kl_feed_link *l) {
  if (tell_kept(l)) return true;
  if (!l->stepped.due) return false;
  l->stepped.due = false;
  if (l->state != KL_LINK_IDLE || !kl_feed_link_wanted(l)) return false;
  connect_now(l);
  return true;
}

/* ---- birth and death ---- */

kl_feed_link *kl_feed_link_new(kl_feed *f) {
  kl_feed_link *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  kl_timer_init(f->loop, &l->retry, f->o.clock);
  l->retry.uv.data = f;
  f->handles++;
  l->f = f;
  l->number = ++f->n_links;
  l->next_id = 1;
  kl_list_init(&l->channels);
  kl_list_append(&f->links, &l->in_feed);
  return l;
}

void kl_feed_link_close(kl_feed_link *l) {
  kl_feed *f = l->f;
  kl_error e;
  kl_error_set(&e, KL_ERR_CLOSED, "the session was closed");
  if (l->signing && f->o.sign_cancel) f->o.sign_cancel(l->signing);
  l->signing = NULL;
  kl_ws_client *ws = l->ws;
  l->state = KL_LINK_IDLE;
  forget(l, &e);
  if (ws) kl_ws_client_close(ws);
  kl_timer_close(&l->retry, kl_feed_handle_closed);
}

void kl_feed_link_free(kl_feed_link *l) {
  while (!kl_list_empty(&l->channels))
    kl_feed_channel_free(KL_CONTAINER(l->channels.next, kl_feed_channel, in_link));
  kl_buf_free(&l->stepped.came);
  free(l->cmds);
  free(l);
}
