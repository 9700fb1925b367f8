/* What scripts do, what their orders become, and what they hold: the families with a label "script". */
#include <string.h>

#include "base/decimal.h"
#include "cli/app_impl.h"
#include "cli/monitoring.h"
#include "cli/trading_view.h"
#include "script/look.h"
#include "trading/desk_portfolio.h"

static double dollars(kl_money v) { return kl_decimal_to_double(v, KL_MONEY_PLACES); }
static double contracts(kl_count v) { return kl_decimal_to_double(v, KL_COUNT_PLACES); }

/* ---- scripts ---- */

typedef double script_figure(const kl_strategy_status *s, const kl_run_time *t);

static double generation(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, s->generation; }
static double restarts(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, (double)s->restarts; }
static double failed(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, s->failed; }
static double memory(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, (double)s->script.memory; }
static double peak(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, (double)s->script.memory_peak; }
static double tasks(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, (double)s->script.tasks; }
static double errors(const kl_strategy_status *s, const kl_run_time *t) { return (void)t, (double)s->script.errors; }
static double started(const kl_strategy_status *s, const kl_run_time *t) {
  return (void)t, (double)s->version_started_ms / 1e3;
}
static double ran(const kl_strategy_status *s, const kl_run_time *t) { return (void)s, (double)t->ran_ns / 1e9; }
static double longest(const kl_strategy_status *s, const kl_run_time *t) {
  return (void)s, (double)t->longest_ns / 1e9;
}
static double resumes(const kl_strategy_status *s, const kl_run_time *t) { return (void)s, (double)t->resumes; }

static const struct script_row {
  const char *name, *help;
  kl_metric_type type;
  script_figure *of;
} script_rows[] = {
    {"kalua_script_generation", "The version that runs: 1, and one more at each reload", KL_METRIC_GAUGE, generation},
    {"kalua_script_restarts_total", "Starts after a failure", KL_METRIC_COUNTER, restarts},
    {"kalua_script_failed", "1 when it was ended by an error", KL_METRIC_GAUGE, failed},
    {"kalua_script_version_start_time_seconds", "Start of the version that runs, in seconds since the epoch",
     KL_METRIC_GAUGE, started},
    {"kalua_script_memory_bytes", "Memory of its Lua state", KL_METRIC_GAUGE, memory},
    {"kalua_script_memory_peak_bytes", "The most that this version had", KL_METRIC_GAUGE, peak},
    {"kalua_script_tasks", "Tasks that have not ended", KL_METRIC_GAUGE, tasks},
    {"kalua_script_errors_total", "Errors that nobody took; begins anew with each version", KL_METRIC_COUNTER, errors},
    {"kalua_script_run_seconds_total", "Time that its tasks ran", KL_METRIC_COUNTER, ran},
    {"kalua_script_longest_run_seconds", "The longest that a task ran without waiting", KL_METRIC_GAUGE, longest},
    {"kalua_script_resumes_total", "How often a task of it went on", KL_METRIC_COUNTER, resumes},
};

static void put_row(kl_app *a, const struct script_row *row, const kl_metric_sink *s) {
  s->family(s->data, row->name, row->type, row->help);
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status status;
    kl_run_time time;
    kl_strategy_status_get(g, &status);
    kl_strategy_run_time(g, &time);
    s->sample(s->data, &(kl_label){"script", status.name}, 1, row->of(&status, &time));
  }
}

static void put_states(kl_app *a, const kl_metric_sink *s) {
  s->family(s->data, "kalua_script_state", KL_METRIC_GAUGE, "1 for the state that a script is in");
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status status;
    kl_strategy_status_get(g, &status);
    for (int i = 0; i <= KL_STRATEGY_ENDED; i++) {
      kl_label labels[] = {{"script", status.name}, {"state", kl_strategy_phase_names[i]}};
      s->sample(s->data, labels, 2, (int)status.phase == i);
    }
  }
}

static void put_reloads(kl_app *a, const kl_metric_sink *s) {
  s->family(s->data, "kalua_script_reloads_total", KL_METRIC_COUNTER, "Reloads, by what came of them");
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status status;
    kl_strategy_status_get(g, &status);
    kl_label labels[] = {{"script", status.name}, {"result", "done"}};
    s->sample(s->data, labels, 2, (double)status.reloads);
    labels[1].value = "refused";
    s->sample(s->data, labels, 2, (double)status.refused);
    labels[1].value = "rolled_back";
    s->sample(s->data, labels, 2, (double)status.rolled_back);
  }
}

/* ---- what they trade ---- */

typedef double trading_figure(const kl_traded *t);

static double placed(const kl_traded *t) { return (double)t->counts.placed; }
static double rejected(const kl_traded *t) { return (double)t->counts.rejected; }
static double filled(const kl_traded *t) { return (double)t->counts.filled; }
static double fills(const kl_traded *t) { return (double)t->totals.fills; }
static double traded(const kl_traded *t) { return contracts(t->totals.traded); }
static double halted(const kl_traded *t) { return t->halted != NULL; }
static double positions(const kl_traded *t) { return (double)t->totals.open; }
static double held(const kl_traded *t) { return contracts(t->totals.contracts); }
static double value(const kl_traded *t) { return dollars(t->totals.cost + t->totals.unrealized); }
static double realized(const kl_traded *t) { return dollars(t->totals.realized); }
static double unrealized(const kl_traded *t) { return dollars(t->totals.unrealized); }
static double fees(const kl_traded *t) { return dollars(t->totals.fees); }
static double profit(const kl_traded *t) { return dollars(t->totals.profit); }
static double profit_today(const kl_traded *t) { return dollars(t->risk.profit_today); }
static double drawdown(const kl_traded *t) { return dollars(t->totals.drawdown); }
static double exposure(const kl_traded *t) { return dollars(t->risk.exposure); }

static const struct trading_row {
  const char *name, *help;
  kl_metric_type type;
  trading_figure *of;
} trading_rows[] = {
    {"kalua_orders_placed_total", "Orders that were sent", KL_METRIC_COUNTER, placed},
    {"kalua_orders_filled_total", "Orders that were filled whole", KL_METRIC_COUNTER, filled},
    {"kalua_orders_rejected_total", "Orders that the exchange refused", KL_METRIC_COUNTER, rejected},
    {"kalua_fills_total", "Fills, those of earlier runs too", KL_METRIC_COUNTER, fills},
    {"kalua_traded_contracts_total", "Contracts bought and sold, those of earlier runs too", KL_METRIC_COUNTER, traded},
    {"kalua_script_halted", "1 while it may send nothing but cancels", KL_METRIC_GAUGE, halted},
    {"kalua_positions", "Markets with a position", KL_METRIC_GAUGE, positions},
    {"kalua_position_contracts", "Contracts held, whichever side", KL_METRIC_GAUGE, held},
    {"kalua_position_value_dollars", "What is held at its mark, or at its cost where none is known", KL_METRIC_GAUGE,
     value},
    {"kalua_exposure_dollars", "What all of it, with open orders, may lose at worst", KL_METRIC_GAUGE, exposure},
    {"kalua_profit_realized_dollars", "Realized profit, before fees", KL_METRIC_GAUGE, realized},
    {"kalua_profit_unrealized_dollars", "Profit of what is held, at its mark", KL_METRIC_GAUGE, unrealized},
    {"kalua_fees_dollars_total", "Fees paid", KL_METRIC_COUNTER, fees},
    {"kalua_profit_dollars", "Realized and unrealized profit, after fees", KL_METRIC_GAUGE, profit},
    {"kalua_profit_today_dollars", "The same since midnight in New York", KL_METRIC_GAUGE, profit_today},
    {"kalua_drawdown_dollars", "How far the profit is below its peak", KL_METRIC_GAUGE, drawdown},
};

/* Of a script at an account; the label of the account is that of profiles only, so that the series of the first stay
 * what they are. Returns how many there are. */
enum { LABELS_MOST = 4 };
static size_t put_labels(kl_label out[LABELS_MOST], const kl_app_account *x, const kl_party *p) {
  size_t n = 0;
  if (p) out[n++] = (kl_label){"script", kl_party_name(p)};
  if (x->profile.name[0]) out[n++] = (kl_label){"account", x->profile.name};
  return n;
}

static void put_trading(kl_app *a, const struct trading_row *row, const kl_metric_sink *s) {
  kl_label labels[LABELS_MOST];
  s->family(s->data, row->name, row->type, row->help);
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    for (kl_party *p = kl_desk_party_next(x->desk, NULL); p; p = kl_desk_party_next(x->desk, p)) {
      kl_traded t;
      kl_traded_get(x->desk, p, &t);
      s->sample(s->data, labels, put_labels(labels, x, p), row->of(&t));
    }
  }
}

static void put_open(kl_app *a, const kl_metric_sink *s) {
  kl_label labels[LABELS_MOST];
  s->family(s->data, "kalua_orders_open", KL_METRIC_GAUGE,
            "Orders that have not ended: resting, pending (on their way), unknown (being looked up)");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    for (kl_party *p = kl_desk_party_next(x->desk, NULL); p; p = kl_desk_party_next(x->desk, p)) {
      kl_desk_counts c;
      kl_desk_counts_get(x->desk, p, &c);
      size_t n = put_labels(labels, x, p);
      labels[n] = (kl_label){"state", "resting"};
      s->sample(s->data, labels, n + 1, (double)c.resting);
      labels[n].value = "pending";
      s->sample(s->data, labels, n + 1, (double)c.pending);
      labels[n].value = "unknown";
      s->sample(s->data, labels, n + 1, (double)c.unknown);
    }
  }
}

static void put_refused(kl_app *a, const kl_metric_sink *s) {
  kl_label labels[LABELS_MOST];
  s->family(s->data, "kalua_orders_refused_total", KL_METRIC_COUNTER,
            "Orders and changes that were not sent, by the limit that refused them");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    for (kl_party *p = kl_desk_party_next(x->desk, NULL); p; p = kl_desk_party_next(x->desk, p)) {
      const kl_desk_refusals *all;
      size_t many = kl_party_refusals(p, &all), n = put_labels(labels, x, p);
      for (size_t i = 0; i < many; i++) {
        labels[n] = (kl_label){"reason", all[i].reason};
        s->sample(s->data, labels, n + 1, (double)all[i].n);
      }
    }
  }
}

static void put_answers(kl_app *a, const kl_metric_sink *s) {
  static const char *const names[KL_ANSWERS] = {"create", "amend", "decrease", "cancel"};
  kl_label labels[LABELS_MOST];
  s->family(s->data, "kalua_order_answer_seconds", KL_METRIC_HISTOGRAM,
            "From a script's call to the exchange's answer to its write");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    for (int i = 0; i < KL_ANSWERS; i++) {
      size_t n = put_labels(labels, x, NULL);
      labels[n] = (kl_label){"write", names[i]};
      kl_metric_durations(s, labels, n + 1, kl_desk_answer_times(x->desk, (kl_desk_answers)i));
    }
  }
}

void kl_monitoring_collect_trading(kl_app *a, const kl_metric_sink *s) {
  put_states(a, s);
  for (size_t i = 0; i < sizeof script_rows / sizeof *script_rows; i++)
    put_row(a, &script_rows[i], s);
  put_reloads(a, s);
  if (!a->first.desk) return;
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    kl_ledger_value(kl_desk_ledger(x->desk));
  for (size_t i = 0; i < sizeof trading_rows / sizeof *trading_rows; i++)
    put_trading(a, &trading_rows[i], s);
  put_open(a, s);
  put_refused(a, s);
  put_answers(a, s);
}
