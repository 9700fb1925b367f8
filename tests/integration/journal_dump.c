/* Prints a journal of orders as JSON: {"orders": […], "fills": […]}, each row as it stands in the file. Exit code 1
 * when a row is not as it was written, or the file cannot be read. For the integration tests. */
#include <inttypes.h>
#include <stdio.h>

#include "trading/journal_impl.h"

static void put_text(kl_buf *b, const char *key, const char *value) {
  kl_buf_json_key(b, key);
  kl_buf_json_cstr(b, value);
  kl_buf_char(b, ',');
}

static void put_decimal(kl_buf *b, const char *key, int64_t v, int places) {
  kl_buf_json_key(b, key);
  kl_buf_json_decimal(b, v, places);
  kl_buf_char(b, ',');
}

static void put_order(kl_buf *b, const kl_journal_row *r) {
  put_text(b, "client_id", r->wanted.client_id);
  put_text(b, "id", r->known.id);
  put_text(b, "party", r->wanted.party);
  put_text(b, "ticker", r->wanted.ticker);
  put_text(b, "side", r->wanted.side == KL_BID ? "bid" : "ask");
  put_text(b, "status", kl_desk_status_name((kl_desk_status)r->known.status));
  put_text(b, "reason", r->known.reason);
  put_text(b, "error", r->known.error);
  put_decimal(b, "price", r->known.yes_price, KL_PRICE_PLACES);
  put_decimal(b, "count", r->known.count, KL_COUNT_PLACES);
  put_decimal(b, "filled", r->known.filled, KL_COUNT_PLACES);
  put_decimal(b, "remaining", r->known.remaining, KL_COUNT_PLACES);
  put_decimal(b, "seen", r->known.seen, KL_COUNT_PLACES);
  put_decimal(b, "cost", r->known.cost, KL_MONEY_PLACES);
  put_decimal(b, "fees", r->known.fees, KL_MONEY_PLACES);
  kl_buf_json_key(b, "run");
  kl_buf_int(b, r->wanted.run);
}

static void put_fill(kl_buf *b, const kl_journal_fill_row *r) {
  put_text(b, "trade_id", r->fill.trade_id);
  put_text(b, "order_id", r->fill.order_id);
  put_text(b, "party", r->party);
  put_text(b, "ticker", r->fill.ticker);
  put_text(b, "side", r->fill.side == KL_BID ? "bid" : "ask");
  put_decimal(b, "price", r->fill.yes_price, KL_PRICE_PLACES);
  put_decimal(b, "count", r->fill.count, KL_COUNT_PLACES);
  kl_buf_json_key(b, "fee");
  kl_buf_json_decimal(b, r->fill.fee, KL_MONEY_PLACES);
}

static bool put_all(sqlite3 *db, bool fills, kl_buf *b) {
  kl_buf sql = {0};
  sqlite3_stmt *q = NULL;
  kl_journal_select(fills, &sql);
  kl_buf_str(&sql, "ORDER BY number");
  bool ok = !sql.failed && sqlite3_prepare_v2(db, sql.data, -1, &q, NULL) == SQLITE_OK;
  kl_buf_free(&sql);
  int rc = SQLITE_DONE;
  for (int n = 0; ok && (rc = sqlite3_step(q)) == SQLITE_ROW; n++) {
    kl_journal_row row;
    kl_journal_fill_row fill;
    ok = fills ? kl_journal_read_fill(q, &fill) : kl_journal_read_row(q, &row);
    if (!ok) break;
    kl_buf_str(b, n ? ",\n{" : "{");
    if (fills)
      put_fill(b, &fill);
    else
      put_order(b, &row);
    kl_buf_char(b, '}');
  }
  sqlite3_finalize(q);
  return ok && rc == SQLITE_DONE;
}

int main(int argc, char **argv) {
  sqlite3 *db;
  kl_error e;
  kl_buf b = {0};
  if (argc != 2) {
    fputs("usage: journal_dump FILE\n", stderr);
    return 2;
  }
  if (!kl_journal_file_again(argv[1], &db, &e)) {
    fprintf(stderr, "%s\n", e.message);
    return 1;
  }
  kl_buf_str(&b, "{\"orders\":[");
  bool ok = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK && put_all(db, false, &b);
  kl_buf_str(&b, "],\"fills\":[");
  ok = ok && put_all(db, true, &b);
  kl_buf_str(&b, "]}");
  if (ok && !b.failed)
    puts(b.data);
  else
    fprintf(stderr, "%s cannot be read: %s\n", argv[1], sqlite3_errmsg(db));
  kl_buf_free(&b);
  sqlite3_close(db);
  return !ok;
}
