#include "sim/incentives.h"

#include <stdio.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/routes.h"
#include "sim/subjects.h"

enum { EVERY = 6, FIRST = 2, LEAST_PERIOD_S = 10, PERIOD_S = 6 * 3600, PAID_AFTER = 8 };

static int64_t period_us(const kl_sim *s) {
  double seconds = PERIOD_S / s->o.speed;
  return (int64_t)(seconds < LEAST_PERIOD_S ? LEAST_PERIOD_S : seconds) * 1000000;
}

bool kl_sim_incentive_of(const kl_sim *s, const kl_market *m, int period, kl_sim_incentive *out) {
  char name[96];
  int64_t length = period_us(s), start = (s->now_us / length + period - 2) * length;
  if (m->index % EVERY != FIRST || !strncmp(m->ticker, "KXMVE", 5)) return false;
  if (start < m->open_us || start >= m->close_us) return false;
  *out = (kl_sim_incentive){.market = m,
                            .start_us = start,
                            .end_us = start + length < m->close_us ? start + length : m->close_us,
                            .discount_bps = 5000,
                            .target = 30000};
  out->reward = 100000 * (1 + m->index / EVERY % 10); /* 10 to 100 dollars */
  out->pay_us = out->end_us + length / PAID_AFTER;
  out->status = s->now_us < out->start_us ? KL_SIM_UPCOMING
                : s->now_us < out->end_us ? KL_SIM_RUNNING
                : s->now_us < out->pay_us ? KL_SIM_ENDED
                                          : KL_SIM_PAID_OUT;
  snprintf(name, sizeof name, "%s/%lld", m->ticker, (long long)start);
  kl_sim_name_uuid("incentive", name, out->id);
  return true;
}

/* ---- REST ---- */

/* The word's place in the list; -1 when it is none of them. */
static int word_of(const char *text, const char *const *words, int n) {
  for (int i = 0; i < n; i++)
    if (!strcmp(text, words[i])) return i;
  return -1;
}

static void write_programme(kl_buf *b, const kl_sim_incentive *p, const char *description) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", p->id);
  kl_sim_field_str(b, "market_id", p->market->id);
  kl_sim_field_str(b, "market_ticker", p->market->ticker);
  kl_sim_field_str(b, "incentive_type", "liquidity");
  kl_sim_field_str(b, "incentive_description", description);
  kl_sim_field_time(b, "start_date", p->start_us);
  kl_sim_field_time(b, "end_date", p->end_us);
  kl_sim_field_int(b, "period_reward", p->reward);
  kl_sim_field_bool(b, "paid_out", p->status == KL_SIM_PAID_OUT);
  kl_sim_field_int(b, "discount_factor_bps", p->discount_bps);
  kl_sim_field_count(b, "target_size_fp", p->target);
  kl_buf_char(b, '}');
}

static void get_incentive_programs(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  static const char *const statuses[] = {"upcoming", "active", "closed", "paid_out", "all"};
  static const char *const types[] = {"liquidity", "all", "volume", "margin_maker_volume"};
  static const char description[] = "Liquidity incentive";
  const char *status_text = kl_sim_arg_get(rq, "status"), *type_text = kl_sim_arg_get(rq, "type");
  const char *wanted = kl_sim_arg_get(rq, "incentive_description");
  int status = word_of(status_text ? status_text : "all", statuses, 5);
  int type = word_of(type_text ? type_text : "all", types, 4);
  int64_t limit, n = 0;
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 10000, 100, &limit)) return;
  if (status < 0 || type < 0) {
    kl_sim_fail_query(rq, rs,
                      status < 0 ? "status must be one of all, active, upcoming, closed, paid_out"
                                 : "type must be one of all, liquidity, volume, margin_maker_volume");
    return;
  }
  bool none = type > 1 || (wanted && strcmp(wanted, description) != 0), more = false;
  /* The cursor is the number of a market, which does not change when others are forgotten, and of a period. */
  uint64_t from = kl_sim_page_start(rq, 'i'), at = from;
  kl_buf_str(&rs->body, "{\"incentive_programs\":[");
  for (size_t i = kl_exchange_market_from(s->x, from / KL_SIM_INCENTIVE_PERIODS);
       !none && !more && i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    for (int period = 0; !more && period < KL_SIM_INCENTIVE_PERIODS; period++) {
      kl_sim_incentive p;
      at = m->serial * KL_SIM_INCENTIVE_PERIODS + (uint64_t)period;
      if (at < from || !kl_sim_incentive_of(s, m, period, &p) || (status < 4 && (int)p.status != status)) continue;
      more = n == limit;
      if (more) break;
      if (n++) kl_buf_char(&rs->body, ',');
      write_programme(&rs->body, &p, description);
    }
  }
  kl_buf_char(&rs->body, ']');
  kl_sim_page_end(&rs->body, "next_cursor", 'i', more, at);
  kl_buf_char(&rs->body, '}');
}

const kl_sim_route kl_sim_routes_incentives[] = {
    {"GetIncentivePrograms", get_incentive_programs, false},
    {NULL, NULL, false},
};
