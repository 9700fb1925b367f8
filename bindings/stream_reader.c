#include "bindings/stream_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/map.h"
#include "bindings/json.h"

enum { TYPE_MAX = 64, STATUS = 63 /* its bit among the channels */ };

static const char key_of_all[] = "subscriptions";

/* Of which session: channels of markets and of the account may be on two (bindings/sessions.h). */
enum { OF_MARKETS, OF_ACCOUNT, PARTS };

typedef struct part {
  kl_reader *reader;
  kl_feed *feed;
  kl_feed_sub *sub; /* NULL where no channel is of it */
} part;

struct kl_reader {
  kl_kept kept; /* first */
  kl_list handles;
  const kl_clock *clock;
  part parts[PARTS];         /* without a subscription when only the feed's own events were asked for */
  kl_feed_listener listener; /* for those */
  kl_error error;            /* the exchange refused it */
  bool refused;              /* a ticker was: who asks for it must hear so, and does not share this one */
  /* What was asked for. */
  kl_feed_sub_options o; /* without texts */
  uint64_t channels;     /* bits: places in kl_channel_table, and STATUS */
  bool all;
  kl_map *tickers; /* to themselves; empty with `all` */
  uint64_t sum;    /* over the tickers, for quick comparison */
  kl_queue queue;
  /* Of the last message. */
  char type[TYPE_MAX];
  size_t type_len;
  const kl_shape *shape;
  const kl_channel *channel;
  /* While messages are being moved. */
  kl_queue inbox;
};

/* In front of a message in the queue, whose tag is the shape of its `msg`. */
typedef struct entry {
  uint64_t number;
  uint32_t key_at, key_n; /* what it is about, within the text */
  uint32_t channel;
} entry;

static kl_reader *first_reader(const kl_script *s) { return (kl_reader *)kl_kept_first(s, key_of_all); }
static kl_reader *next_reader(const kl_reader *r) { return (kl_reader *)r->kept.next; }

static kl_feed_sub *any_sub(const kl_reader *r) {
  return r->parts[OF_MARKETS].sub ? r->parts[OF_MARKETS].sub : r->parts[OF_ACCOUNT].sub;
}

static bool is_ready(const kl_reader *r) {
  for (int i = 0; i < PARTS; i++)
    if (r->parts[i].sub && !kl_feed_sub_ready(r->parts[i].sub)) return false;
  return true;
}

kl_feed_sub *kl_reader_sub(const kl_reader_handle *h) { return h->reader ? any_sub(h->reader) : NULL; }
bool kl_reader_ready(const kl_reader_handle *h) { return !h->reader || is_ready(h->reader); }
const kl_error *kl_reader_error(const kl_reader_handle *h) { return h->reader ? &h->reader->error : &h->error; }

/* ---- what was asked for ---- */

static bool same_parameters(const kl_reader *a, const kl_reader *b) {
  return a->o.key == b->o.key && a->o.no_levels_in_no_prices == b->o.no_levels_in_no_prices &&
         a->o.only_own_rfqs == b->o.only_own_rfqs && a->o.shard_factor == b->o.shard_factor &&
         a->o.shard_key == b->o.shard_key;
}

static bool has_ticker(const kl_reader *r, const char *p, size_t n) {
  return r->all || kl_map_get(r->tickers, p, n) != NULL;
}

static bool has_all_of(const kl_reader *r, const kl_reader *of) {
  size_t cursor = 0, n;
  const char *p;
  void *value;
  while (kl_map_next(of->tickers, &cursor, &p, &n, &value))
    if (!has_ticker(r, p, n)) return false;
  return true;
}

/* Of the same account. */
static bool same_feeds(const kl_reader *a, const kl_reader *b) {
  return a->parts[OF_MARKETS].feed == b->parts[OF_MARKETS].feed &&
         a->parts[OF_ACCOUNT].feed == b->parts[OF_ACCOUNT].feed;
}

/* The same subscription, so that one will do for both. */
static bool is_same(const kl_reader *a, const kl_reader *b) {
  return same_feeds(a, b) && a->channels == b->channels && a->all == b->all && a->sum == b->sum &&
         same_parameters(a, b) && !a->o.send_initial_snapshot && !b->o.send_initial_snapshot &&
         kl_map_count(a->tickers) == kl_map_count(b->tickers) && has_all_of(a, b);
}

/* Whether a message of `from` is one that `r` asked for, too. */
static bool wants(const kl_reader *r, const kl_reader *from, uint32_t channel, const char *key, size_t n) {
  if (r->o.send_initial_snapshot || !(r->channels >> channel & 1)) return false;
  if (channel == STATUS) return true;
  return same_parameters(r, from) && (!n || has_ticker(r, key, n));
}

/* The version that runs holds it. */
static bool is_live(const kl_reader *r) {
  for (int i = 0; i < KL_KEPT_HOLDERS; i++)
    if (r->kept.holders[i] && kl_script_live(r->kept.holders[i])) return true;
  return false;
}

static bool share_a_version(const kl_reader *a, const kl_reader *b) {
  for (int i = 0; i < KL_KEPT_HOLDERS; i++)
    if (a->kept.holders[i] && kl_kept_held(&b->kept, a->kept.holders[i])) return true;
  return false;
}

static bool put_ticker(kl_reader *r, const char *ticker) {
  size_t n = strlen(ticker);
  if (kl_map_get(r->tickers, ticker, n)) return true;
  if (!kl_map_set(r->tickers, ticker, n, r)) return false;
  r->sum += kl_hash_bytes(ticker, n);
  return true;
}

static void drop_ticker(kl_reader *r, const char *ticker) {
  size_t n = strlen(ticker);
  if (kl_map_remove(r->tickers, ticker, n)) r->sum -= kl_hash_bytes(ticker, n);
}

/* ---- the queue ---- */

static void tell(kl_reader *r, kl_reader_news news, const kl_error *e) {
  for (kl_list *n = r->handles.next; n != &r->handles; n = n->next) {
    kl_reader_handle *h = KL_CONTAINER(n, kl_reader_handle, link);
    if (news != KL_READER_MESSAGE || kl_script_live(h->script)) h->told(h, news, e);
  }
}

/* While its version is not live, it need not note what a reader of the live one brings. */
static bool is_left_to_another(const kl_reader *r, uint32_t channel, const char *key, size_t n) {
  if (r->o.send_initial_snapshot || is_live(r)) return false;
  for (const kl_reader *other = first_reader(KL_CONTAINER(r->handles.next, kl_reader_handle, link)->script); other;
       other = next_reader(other))
    if (other != r && !other->error.kind && wants(other, r, channel, key, n) && is_live(other)) return true;
  return false;
}

static void enqueue(kl_reader *r, const entry *e, const char *raw, size_t n, const kl_shape *shape) {
  char *at = kl_queue_add(&r->queue, (intptr_t)shape, sizeof *e + n);
  if (at) {
    memcpy(at, e, sizeof *e);
    memcpy(at + sizeof *e, raw, n);
  }
  tell(r, KL_READER_MESSAGE, NULL);
}

static const kl_shape *shape_of(kl_reader *r, kl_str type) {
  if (type.n >= TYPE_MAX) return NULL;
  if (!kl_str_is(type, r->type, r->type_len)) {
    memcpy(r->type, type.p, type.n);
    r->type[type.n] = '\0';
    r->type_len = type.n;
    r->shape = kl_message_shape(r->type);
  }
  return r->shape;
}

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  const part *p = data;
  kl_reader *r = p->reader;
  const kl_feed_origin *o = kl_feed_origin_of(p->feed);
  if (!r->channel || strcmp(r->channel->name, o->channel) != 0) r->channel = kl_channel_find(o->channel);
  entry e = {.number = o->number, .channel = r->channel ? (uint32_t)(r->channel - kl_channel_table) : 0};
  if (o->key.n && o->key.p >= raw && o->key.p + o->key.n <= raw + n) {
    e.key_at = (uint32_t)(o->key.p - raw);
    e.key_n = o->key.n;
  }
  if (is_left_to_another(r, e.channel, raw + e.key_at, e.key_n)) return;
  enqueue(r, &e, raw, n, shape_of(r, ev->type_name));
}

static void on_ready(void *data, bool again) {
  kl_reader *r = ((part *)data)->reader;
  (void)again;
  if (is_ready(r)) tell(r, KL_READER_READY, NULL);
}

static void on_failed(void *data, const kl_error *e) {
  kl_reader *r = ((part *)data)->reader;
  r->error = *e;
  tell(r, KL_READER_FAILED, e);
  tell(r, KL_READER_MESSAGE, NULL);
}

static void on_refused(void *data, const kl_error *e) {
  kl_reader *r = ((part *)data)->reader;
  r->refused = true;
  tell(r, KL_READER_REFUSED, e);
}

/* {"type":"kalshi.status","msg":{…}} into the queue like any other message, so that it has its place among them. */
static void on_status(void *data, const char *what, const char *detail) {
  kl_reader *r = data;
  const entry e = {.number = kl_feed_origin_of(r->parts[OF_MARKETS].feed)->number, .channel = STATUS};
  kl_buf b = {0};
  if (is_left_to_another(r, STATUS, "", 0)) return;
  kl_buf_printf(&b, "{\"type\":\"" KL_STREAM_STATUS "\",\"msg\":{\"event\":\"%s\",\"ts\":%.3f,\"detail\":", what,
                (double)kl_wall_us(r->clock) / 1e6);
  kl_buf_json_cstr(&b, detail ? detail : "");
  kl_buf_str(&b, "}}");
  if (b.failed) {
    r->queue.lost++;
    tell(r, KL_READER_MESSAGE, NULL);
  } else {
    enqueue(r, &e, b.data, b.len, NULL);
  }
  kl_buf_free(&b);
}

/* ---- life ---- */

static void reader_free(kl_kept *k) {
  kl_reader *r = (kl_reader *)k;
  for (int i = 0; i < PARTS; i++)
    kl_feed_sub_close(r->parts[i].sub);
  kl_feed_unlisten(&r->listener);
  kl_queue_free(&r->queue);
  kl_map_free(r->tickers);
  free(r);
}

static kl_reader *reader_new(kl_script *s, kl_feed *markets, kl_feed *account) {
  kl_reader *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  kl_list_init(&r->handles);
  kl_list_init(&r->listener.link);
  r->kept.free = reader_free;
  r->clock = kl_script_clock(s);
  r->parts[OF_MARKETS] = (part){.reader = r, .feed = markets};
  r->parts[OF_ACCOUNT] = (part){.reader = r, .feed = account};
  r->queue.max_count = KL_READER_MESSAGES;
  r->queue.max_bytes = KL_READER_BYTES;
  r->queue.charge.meter = kl_script_meter(s);
  r->tickers = kl_map_new();
  if (r->tickers) return r;
  free(r);
  return NULL;
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a subscription");
  return false;
}

/* What is asked for, without asking. */
static bool describe(kl_reader *r, const kl_stream_options *given, kl_error *e) {
  const char *const *tickers = given->o.tickers;
  r->o = given->o;
  r->o.channels = r->o.tickers = NULL;
  for (size_t i = 0; given->o.channels[i]; i++)
    r->channels |= UINT64_C(1) << (kl_channel_find(given->o.channels[i]) - kl_channel_table);
  if (given->status) r->channels |= UINT64_C(1) << STATUS;
  if (r->o.key == KL_KEY_TICKER || r->o.key == KL_KEY_MARKET_ID)
    r->all = !tickers || !tickers[0];
  else
    r->all = tickers && tickers[0] && !tickers[1] && !strcmp(tickers[0], "all");
  for (size_t i = 0; tickers && tickers[i] && !r->all; i++)
    if (!put_ticker(r, tickers[i])) return no_memory(e);
  return true;
}

/* Asks the feeds for it; the texts need not stay. */
static bool subscribe(kl_reader *r, const char *const *channels, const char *const *tickers, kl_error *e) {
  bool apart = r->parts[OF_ACCOUNT].feed != r->parts[OF_MARKETS].feed;
  for (int i = 0; i < PARTS; i++) {
    const char *of_part[STATUS + 1];
    size_t n = 0;
    for (size_t k = 0; channels[k]; k++)
      if ((apart && kl_channel_find(channels[k])->own ? OF_ACCOUNT : OF_MARKETS) == i) of_part[n++] = channels[k];
    of_part[n] = NULL;
    if (n == 0) continue;
    kl_feed_sub_options o = r->o;
    o.channels = of_part;
    o.tickers = tickers;
    o.data = &r->parts[i];
    o.message = on_message;
    o.ready = on_ready;
    o.failed = on_failed;
    o.refused = on_refused;
    r->parts[i].sub = kl_feed_subscribe(r->parts[i].feed, &o, e);
    if (!r->parts[i].sub) return false;
  }
  if (r->channels >> STATUS & 1) {
    r->listener.data = r;
    r->listener.status = on_status;
    kl_feed_listen(r->parts[OF_MARKETS].feed, &r->listener);
  }
  return true;
}

static kl_queue empty_like(const kl_queue *q) {
  return (kl_queue){.max_count = q->max_count, .max_bytes = q->max_bytes};
}

static void attach(kl_reader_handle *h, kl_script *s, kl_reader *r) {
  h->script = s;
  h->reader = r;
  kl_list_init(&h->link);
  kl_list_append(&r->handles, &h->link);
}

/* Where the exchange has yet to say what it thinks of it, each hears that for itself. */
static bool can_be_shared(const kl_reader *r) { return !r->error.kind && !r->refused && is_ready(r); }

/* The one that another version holds, those of the live one first. */
static kl_reader *find_same(kl_script *s, const kl_reader *asked) {
  for (int live = 1; live >= 0; live--)
    for (kl_reader *r = first_reader(s); r; r = next_reader(r))
      if (is_live(r) == live && can_be_shared(r) && is_same(r, asked) && kl_kept_hold(s, &r->kept)) return r;
  return NULL;
}

bool kl_reader_open(kl_reader_handle *h, kl_script *s, kl_feed *markets, kl_feed *account, const kl_stream_options *o,
                    kl_error *e) {
  kl_reader *r = reader_new(s, markets, account);
  if (!r) return no_memory(e);
  if (!describe(r, o, e)) {
    reader_free(&r->kept);
    return false;
  }
  kl_reader *same = find_same(s, r);
  if (same) {
    reader_free(&r->kept);
    attach(h, s, same);
    return true;
  }
  if (!subscribe(r, o->o.channels, o->o.tickers, e)) {
    reader_free(&r->kept);
    return false;
  }
  if (!kl_kept_add(s, &r->kept, key_of_all)) {
    reader_free(&r->kept);
    return no_memory(e);
  }
  attach(h, s, r);
  return true;
}

void kl_reader_close(kl_reader_handle *h, bool keep) {
  kl_reader *r = h->reader;
  if (r) {
    h->reader = NULL;
    h->error = r->error;
    kl_list_remove(&h->link);
    if (keep && kl_script_live(h->script)) {
      h->rest = r->queue;
      r->queue = empty_like(&h->rest);
      r->queue.charge.meter = h->rest.charge.meter;
    }
    kl_kept_release(h->script, &r->kept);
  }
  if (!keep) kl_queue_free(&h->rest);
}

/* ---- taking over ---- */

/* `by` was made without a meter, so that nothing is counted twice. */
static void replace(kl_queue *q, const kl_queue *by) {
  kl_meter *meter = q->charge.meter;
  kl_queue_free(q);
  *q = *by;
  q->charge.meter = meter;
  (void)kl_charge_set(&q->charge, q->cap);
}

/* One of `s` (or `only` that one) that may have asked for the same, and had none of its own of it so far. */
static bool takes_from(const kl_reader *r, const kl_script *s, const kl_reader *from, const kl_reader *only) {
  return (!only || r == only) && same_feeds(r, from) && kl_kept_held(&r->kept, s) && (r->channels & from->channels) &&
         !share_a_version(r, from);
}

/* Moves what `from` has not handed out into the inboxes of those that asked for it too. */
static void hand_over(kl_script *s, kl_reader *from, const kl_reader *only) {
  kl_queue rest = empty_like(&from->queue);
  intptr_t tag;
  const char *text;
  size_t n;
  bool moved_any = false, hole_alone = !from->queue.count;
  const kl_reader *any = first_reader(s);
  while (any && !takes_from(any, s, from, only))
    any = next_reader(any);
  if (!any) return;
  while (kl_queue_take(&from->queue, &tag, &text, &n)) {
    entry e;
    bool moved = false;
    memcpy(&e, text, sizeof e);
    for (kl_reader *r = first_reader(s); r; r = next_reader(r)) {
      if (!takes_from(r, s, from, only) || !wants(r, from, e.channel, text + sizeof e + e.key_at, e.key_n)) continue;
      r->inbox.max_count = r->inbox.max_bytes = SIZE_MAX;
      kl_queue_put(&r->inbox, tag, text, n);
      moved = moved_any = true;
    }
    if (!moved) kl_queue_put(&rest, tag, text, n);
  }
  rest.lost += from->queue.lost;
  rest.crowded = from->queue.crowded;
  if ((moved_any || hole_alone) && rest.lost) { /* the hole is behind what was moved, or was taken before */
    for (kl_reader *r = first_reader(s); r; r = next_reader(r)) {
      if (hole_alone ? !takes_from(r, s, from, only) : !r->inbox.count) continue;
      r->inbox.lost += rest.lost;
      r->inbox.crowded |= rest.crowded;
    }
    rest.lost = 0;
    rest.crowded = false;
  }
  replace(&from->queue, &rest);
}

typedef struct item {
  entry e;
  size_t place; /* keeps the order of equals */
  intptr_t tag;
  const char *text;
  size_t n;
} item;

static int by_number(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->e.number != y->e.number) return x->e.number < y->e.number ? -1 : 1;
  if (x->e.channel != y->e.channel) return x->e.channel < y->e.channel ? -1 : 1; /* of two feeds */
  return x->place < y->place ? -1 : 1;
}

static size_t take_items(kl_queue *q, item *out, size_t place) {
  size_t i = 0;
  while (kl_queue_take(q, &out[i].tag, &out[i].text, &out[i].n)) {
    memcpy(&out[i].e, out[i].text, sizeof out[i].e);
    out[i].place = place + i;
    i++;
  }
  return i;
}

/* Puts what came into the inbox in its place among what the reader has; what came from two is taken once. */
static void merge_inbox(kl_reader *r) {
  if (!r->inbox.count && !r->inbox.lost) return;
  kl_queue merged = empty_like(&r->queue);
  uint64_t lost = r->queue.lost + r->inbox.lost;
  item *items = malloc((r->queue.count + r->inbox.count + 1) * sizeof *items); /* taking looks one further */
  if (items) {
    size_t n = take_items(&r->inbox, items, 0);
    n += take_items(&r->queue, items + n, n);
    qsort(items, n, sizeof *items, by_number);
    for (size_t i = 0; i < n; i++) {
      const item *before = i ? &items[i - 1] : NULL;
      if (before && before->e.number == items[i].e.number && before->n == items[i].n &&
          !memcmp(before->text, items[i].text, items[i].n))
        continue;
      kl_queue_put(&merged, items[i].tag, items[i].text, items[i].n);
    }
    free(items);
    merged.lost += lost;
    merged.crowded = r->queue.crowded || r->inbox.crowded;
    replace(&r->queue, &merged);
  } else {
    r->queue.lost += r->inbox.count + r->inbox.lost;
  }
  kl_queue_free(&r->inbox);
  r->inbox = (kl_queue){0};
}

/* `only`: for this reader; NULL: for all of the version. */
static void take_over(kl_script *s, const kl_reader *only) {
  bool any = false;
  for (kl_reader *r = first_reader(s); r; r = next_reader(r)) {
    bool empty = !r->queue.count && !r->queue.lost;
    if (empty || kl_kept_held(&r->kept, s) || r->o.send_initial_snapshot) continue;
    hand_over(s, r, only);
    any = true;
  }
  for (kl_reader *r = any ? first_reader(s) : NULL; r; r = next_reader(r))
    merge_inbox(r);
}

void kl_reader_live(kl_reader_handle *h) {
  if (!h->reader) return;
  take_over(h->script, NULL); /* of all its readers; at those that follow nothing is left to do */
  if (kl_reader_has_news(h)) h->told(h, KL_READER_MESSAGE, NULL);
}

/* ---- changes ---- */

/* The texts of what was asked for, borrowed; NULL without memory. */
static const char **list_tickers(const kl_reader *r, kl_buf *texts) {
  size_t cursor = 0, n, i = 0, at = 0;
  const char *p;
  void *value;
  const char **list = calloc(kl_map_count(r->tickers) + 1, sizeof *list);
  while (kl_map_next(r->tickers, &cursor, &p, &n, &value)) {
    kl_buf_add(texts, p, n);
    kl_buf_char(texts, '\0');
  }
  if (!list || texts->failed) {
    free((void *)list);
    return NULL;
  }
  for (; at < texts->len; at += strlen(texts->data + at) + 1)
    list[i++] = texts->data + at;
  return list;
}

/* A reader of the same for this version alone, in place of the one it shares. */
static bool leave_shared(kl_reader_handle *h, kl_error *e) {
  kl_reader *old = h->reader;
  const char *channels[STATUS + 1];
  size_t n_channels = 0;
  kl_buf texts = {0};
  if (old->handles.next->next == &old->handles) return true;
  for (size_t i = 0; i < kl_channel_count; i++)
    if (old->channels >> i & 1) channels[n_channels++] = kl_channel_table[i].name;
  channels[n_channels] = NULL;
  const char **tickers = list_tickers(old, &texts);
  kl_reader *r = tickers ? reader_new(h->script, old->parts[OF_MARKETS].feed, old->parts[OF_ACCOUNT].feed) : NULL;
  bool good = r != NULL;
  if (!good) no_memory(e);
  if (good) {
    r->o = old->o;
    r->channels = old->channels;
    r->all = old->all;
    for (size_t i = 0; good && tickers[i]; i++)
      good = put_ticker(r, tickers[i]) || no_memory(e);
    good = good && subscribe(r, channels, tickers, e) && (kl_kept_add(h->script, &r->kept, key_of_all) || no_memory(e));
    if (!good) reader_free(&r->kept);
  }
  free((void *)tickers);
  kl_buf_free(&texts);
  if (!good) return false;
  kl_list_remove(&h->link);
  kl_kept_release(h->script, &old->kept); /* others hold it */
  attach(h, h->script, r);
  if (kl_script_live(h->script)) take_over(h->script, r);
  return true;
}

bool kl_reader_add(kl_reader_handle *h, const char *const *tickers, kl_error *e) {
  size_t known = 0;
  while (tickers[known] && !h->reader->all && has_ticker(h->reader, tickers[known], strlen(tickers[known])))
    known++;
  if (!tickers[known] && !h->reader->error.kind && !h->reader->all) return true;
  if (!leave_shared(h, e)) return false;
  for (int i = 0; i < PARTS; i++)
    if (h->reader->parts[i].sub && !kl_feed_sub_add(h->reader->parts[i].sub, tickers, e)) return false;
  for (size_t i = 0; tickers[i]; i++)
    if (!put_ticker(h->reader, tickers[i])) return no_memory(e);
  if (kl_script_live(h->script)) take_over(h->script, h->reader); /* the version before may have had them */
  return true;
}

bool kl_reader_remove(kl_reader_handle *h, const char *const *tickers, kl_error *e) {
  if (!leave_shared(h, e)) return false;
  for (int i = 0; i < PARTS; i++)
    if (h->reader->parts[i].sub && !kl_feed_sub_remove(h->reader->parts[i].sub, tickers, e)) return false;
  for (size_t i = 0; tickers[i]; i++)
    drop_ticker(h->reader, tickers[i]);
  return true;
}

/* ---- taking ---- */

static kl_queue *queue_of(kl_reader_handle *h) { return h->reader ? &h->reader->queue : &h->rest; }

bool kl_reader_has_news(const kl_reader_handle *h) {
  const kl_queue *q = h->reader ? &h->reader->queue : &h->rest;
  return kl_script_live(h->script) && (q->count || q->lost || kl_reader_error(h)->kind);
}

bool kl_reader_take(kl_reader_handle *h, const kl_shape **shape, const char **text, size_t *n) {
  intptr_t tag;
  if (!kl_script_live(h->script) || !kl_queue_take(queue_of(h), &tag, text, n)) return false;
  *shape = (const kl_shape *)tag;
  *text += sizeof(entry);
  *n -= sizeof(entry);
  return true;
}

uint64_t kl_reader_lost(kl_reader_handle *h, bool *crowded) {
  kl_queue *q = queue_of(h);
  uint64_t lost = q->lost;
  *crowded = q->crowded;
  if (!kl_script_live(h->script)) return 0;
  q->lost = 0;
  q->crowded = false;
  return lost;
}

/* ---- for the prompt ---- */

enum { SHOWN = 10 /* tickers */ };

void kl_reader_show(lua_State *L, const kl_reader_handle *h) {
  const kl_reader *r = h->reader;
  if (!r) return;
  luaL_checkstack(L, 4, NULL);
  lua_newtable(L);
  lua_Integer n = 0;
  for (size_t i = 0; i < kl_channel_count; i++) {
    if (!(r->channels >> i & 1)) continue;
    lua_pushstring(L, kl_channel_table[i].name);
    lua_rawseti(L, -2, ++n);
  }
  if (r->channels >> STATUS & 1) {
    lua_pushliteral(L, "kalshi.status");
    lua_rawseti(L, -2, ++n);
  }
  lua_setfield(L, -2, "channels");
  if (!r->all) {
    lua_newtable(L);
    size_t cursor = 0, length;
    const char *ticker;
    void *value;
    for (n = 0; n < SHOWN && kl_map_next(r->tickers, &cursor, &ticker, &length, &value);) {
      lua_pushlstring(L, ticker, length);
      lua_rawseti(L, -2, ++n);
    }
    lua_setfield(L, -2, "tickers");
    lua_pushinteger(L, (lua_Integer)kl_map_count(r->tickers));
    lua_setfield(L, -2, "ticker_count");
  }
  lua_pushinteger(L, (lua_Integer)r->queue.count);
  lua_setfield(L, -2, "queued");
  lua_pushinteger(L, (lua_Integer)r->queue.lost);
  lua_setfield(L, -2, "lost");
}

/* ---- looking ---- */

/* Calls add for each channel, with its place in the list. */
static void each_channel(const kl_reader *r, void (*add)(kl_buf *out, size_t i, const char *name), kl_buf *out) {
  size_t n = 0;
  for (size_t i = 0; i < kl_channel_count; i++)
    if (r->channels >> i & 1) add(out, n++, kl_channel_table[i].name);
  if (r->channels >> STATUS & 1) add(out, n, KL_STREAM_STATUS);
}

static void add_word(kl_buf *out, size_t i, const char *name) {
  if (i > 0) kl_buf_str(out, ", ");
  kl_buf_str(out, name);
}

static void add_json(kl_buf *out, size_t i, const char *name) {
  if (i > 0) kl_buf_char(out, ',');
  kl_buf_json_cstr(out, name);
}

void kl_reader_describe(const kl_reader_handle *h, kl_buf *out) {
  const kl_reader *r = h->reader;
  if (!r) {
    kl_buf_str(out, "a subscription that was closed");
    return;
  }
  size_t n = kl_map_count(r->tickers), cursor = 0, length;
  const char *ticker;
  void *value;
  each_channel(r, add_word, out);
  if (r->all || n != 1) {
    kl_buf_printf(out, r->all ? ", all markets" : ", %zu markets", n);
  } else if (kl_map_next(r->tickers, &cursor, &ticker, &length, &value)) {
    kl_buf_str(out, " of ");
    kl_buf_add(out, ticker, length);
  }
}

void kl_reader_fields(const kl_reader_handle *h, kl_buf *out) {
  const kl_queue *q = h->reader ? &h->reader->queue : &h->rest;
  kl_json_key(out, "channels");
  kl_buf_char(out, '[');
  if (h->reader) each_channel(h->reader, add_json, out);
  kl_buf_char(out, ']');
  if (h->reader && !h->reader->all) kl_json_field_int(out, "markets", (int64_t)kl_map_count(h->reader->tickers));
  kl_json_field_int(out, "queued", (int64_t)q->count);
  kl_json_field_int(out, "most", (int64_t)q->max_count);
  kl_json_field_int(out, "bytes", (int64_t)(q->tail - q->head));
  kl_json_field_int(out, "lost", (int64_t)q->lost);
  if (kl_reader_error(h)->kind) kl_json_field_str(out, "error", kl_reader_error(h)->message);
}
