/* Any bytes as a message of the exchange: nothing is read behind the 16 spare bytes, what those hold changes nothing,
 * and the way for usual messages agrees with the general one. What decodes to a book message is applied to a book. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/book.h"
#include "kalshi/wire_internal.h"
#include "tests/unit/wire_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
  if (!truth) abort();
}

static void use_str(kl_str s) {
  volatile char last = 0;
  if (s.n) last = s.p[s.n - 1];
  (void)last;
}

static void apply(kl_book *b, const kl_event *ev) {
  if (ev->type == KL_EV_SNAPSHOT)
    kl_book_snapshot(b, ev->snapshot.levels[KL_YES], ev->snapshot.n[KL_YES], ev->snapshot.levels[KL_NO],
                     ev->snapshot.n[KL_NO]);
  if (ev->type == KL_EV_DELTA) kl_book_apply(b, ev->delta.side, ev->delta.price, ev->delta.delta);
  kl_count filled;
  kl_money cost;
  kl_price worst, price;
  kl_book_sweep(b, KL_YES, true, INT64_MAX, &filled, &cost, &worst);
  require(filled >= 0 && cost >= 0);
  for (size_t i = 1; i < kl_book_levels(b, KL_YES); i++) {
    kl_price better;
    require(kl_book_bid_at(b, KL_YES, i, &price, &filled) && filled > 0);
    require(kl_book_bid_at(b, KL_YES, i - 1, &better, &filled) && better > price);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static kl_decoder *d;
  static kl_book *b;
  if (!d) d = kl_decoder_new();
  if (!b) b = kl_book_new();
  char *text = malloc(size + 16);
  require(d && b && text);
  if (size) memcpy(text, data, size);
  memset(text + size, '"', 16);
  kl_event ev, again;
  kl_error e = {0};
  bool ok = kl_wire_decode(d, text, size, &ev, &e);
  require(ok || (e.kind && e.message[0]));
  if (ok) {
    use_str(ev.type_name);
    use_str(ev.ticker);
    use_str(ev.market_id);
    apply(b, &ev);
  }
  if (ok && ev.type == KL_EV_USER_ORDER) use_str(ev.user_order.self_trade_prevention);
  if (ok && ev.type == KL_EV_POSITION) use_str(ev.position.user_id);
  if (ok && ev.type == KL_EV_FILL) use_str(ev.fill.client_order_id);
  static const char tail[16] = {'0', '}', ']', '}', '}', '"', '}', ']', '}', '}', '0', '"', '}', '}', '}', '}'};
  memcpy(text + size, tail, sizeof tail);
  require(kl_wire_decode_general(d, text, size, &again, &e) == ok);
  require(!ok || same_envelope(&ev, &again));
  bool usual = ev.type == KL_EV_DELTA || ev.type == KL_EV_TICKER || ev.type == KL_EV_TRADE;
  require(!ok || !usual || same_usual(&ev, &again));
  free(text);
  return 0;
}
