// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace bitsweep::store {
namespace {

// Two passes: exact to rounding, whatever the values.
MetricSummary Summarize(const std::vector<double>& values) {
  MetricSummary summary{.n = static_cast<std::int64_t>(values.size())};
  if (values.empty()) return summary;
  double sum = 0;
  for (const double value : values) sum += value;
  summary.mean = sum / static_cast<double>(values.size());
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  summary.min = *min;
  summary.max = *max;
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
    summary.sd = std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
  return summary;
}

// Trials of one configuration are neighbours in the plan.
void LoadRepeats(Connection& db, const SweepRecord& sweep, ConfigurationRecord& configuration) {
  const std::int64_t first = configuration.number * sweep.spec.repeats;
  std::vector<double> columns[7];
  Statement row = db.Query(
      "SELECT state, val_acc, val_loss, val_loss_batch_mean, train_acc_last_step, best_val_acc, "
      "seconds, "
      "rows_per_second FROM trials WHERE sweep = ?1 AND number >= ?2 AND number < ?3 ORDER BY "
      "number",
      sweep.row.value, first, first + sweep.spec.repeats);
  while (row.Step()) {
    if (const auto state = spec::ParseJobState(row.Text(0))) ++configuration.counts.Of(*state);
    for (int i = 0; i < 7; ++i) {
      if (!row.IsNull(i + 1)) columns[i].push_back(row.Real(i + 1));
    }
  }
  configuration.val_acc = Summarize(columns[0]);
  configuration.val_loss = Summarize(columns[1]);
  configuration.val_loss_batch_mean = Summarize(columns[2]);
  configuration.train_acc_last_step = Summarize(columns[3]);
  configuration.best_val_acc = Summarize(columns[4]);
  configuration.seconds = Summarize(columns[5]);
  configuration.rows_per_second = Summarize(columns[6]);
}

}  // namespace

absl::StatusOr<Page<ConfigurationRecord>> SqliteStore::ListConfigurations(
    const std::string& sweep_id, const PageQuery& query) {
  static constexpr std::string_view kOrders[] = {
      "val_acc",      "val_loss", "val_loss_batch_mean", "train_acc_last_step",
      "best_val_acc", "seconds"};
  const bool natural = query.order_field.empty() || query.order_field == "number";
  if (!natural &&
      std::find(std::begin(kOrders), std::end(kOrders), query.order_field) == std::end(kOrders)) {
    return InvalidSpecError(
        {{"order_by",
          fmt::format("no order \"{}\": expected number, val_acc, val_loss, val_loss_batch_mean, "
                      "train_acc_last_step, best_val_acc or seconds",
                      query.order_field)}},
        "INVALID_ORDER");
  }
  const bool descending = query.direction == Direction::kDescending;
  std::string sql;
  if (natural) {
    sql = fmt::format(
        "SELECT c.number, {}, NULL FROM configurations c WHERE c.sweep = ?1 AND "
        "(?2 = 0 OR (c.number {} ?4 AND ?3 IS NULL)) ORDER BY c.number {} LIMIT {}",
        kHyperparameterColumns, descending ? "<" : ">", descending ? "DESC" : "ASC",
        query.limit + 1);
  } else {
    sql = fmt::format(
        "SELECT c.number, {0}, m.mean FROM configurations c JOIN (SELECT configuration, avg({1}) "
        "AS mean "
        "FROM trials WHERE sweep = ?1 GROUP BY configuration) m ON m.configuration = c.number "
        "WHERE c.sweep = ?1 AND (?2 = 0 OR (?3 IS NOT NULL AND (m.mean {2} ?3 OR (m.mean = ?3 AND "
        "c.number > ?4) "
        "OR m.mean IS NULL)) OR (?3 IS NULL AND m.mean IS NULL AND c.number > ?4)) "
        "ORDER BY m.mean IS NULL, m.mean {3}, c.number LIMIT {4}",
        kHyperparameterColumns, query.order_field, descending ? "<" : ">",
        descending ? "DESC" : "ASC", query.limit + 1);
  }
  Page<ConfigurationRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(const SweepRecord sweep, LoadSweep(db, sweep_id));
    Statement row = db.Prepare(sql);
    row.Bind(1, sweep.row.value);
    row.Bind(2, query.after.has_value());
    row.Bind(3, query.after ? query.after->key : std::nullopt);
    row.Bind(4, query.after ? query.after->id : std::int64_t{-1});
    std::optional<double> last_key;
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == query.limit) {
        page.next = Cursor{last_key, page.items.back().number};
        break;
      }
      page.items.push_back({.number = row.Int(0), .hyperparameters = ReadHyperparameters(row, 1)});
      last_key = row.MaybeReal(7);
    }
    for (ConfigurationRecord& configuration : page.items) LoadRepeats(db, sweep, configuration);
    return absl::OkStatus();
  }));
  return page;
}

absl::StatusOr<WorkSummary> SqliteStore::SummarizeWork(SubmissionId submission) {
  WorkSummary work;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT total(iif(t.state = 'SUCCEEDED', c.max_epochs * (1.0 / c.batch_size + 0.004), 0)), "
        "total(iif(t.state = 'SUCCEEDED', t.seconds, 0)), "
        "total(iif(t.end_time IS NULL, c.max_epochs * (1.0 / c.batch_size + 0.004), 0)) "
        "FROM trials t JOIN configurations c ON c.sweep = t.sweep AND c.number = t.configuration "
        "WHERE t.sweep = ?1",
        submission.value);
    if (row.Step()) work = {row.Real(0), row.Real(1), row.Real(2)};
    Statement jobs = db.Query(
        "SELECT total(state = 'SUCCEEDED'), total(iif(state = 'SUCCEEDED', seconds, 0)), "
        "total(end_time IS NULL) FROM transform_jobs WHERE transform = ?1",
        submission.value);
    if (jobs.Step()) {
      work.finished_cost += jobs.Real(0);
      work.finished_seconds += jobs.Real(1);
      work.open_cost += jobs.Real(2);
    }
    return absl::OkStatus();
  }));
  return work;
}

}  // namespace bitsweep::store
