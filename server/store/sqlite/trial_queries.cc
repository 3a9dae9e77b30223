// SPDX-License-Identifier: Apache-2.0
#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/filter_sql.h"
#include "server/store/sqlite/keyset_sql.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace bitsweep::store {
namespace {

void LoadEpochs(Connection& db, TrialRecord& trial) {
  Statement row = db.Query(
      "SELECT epoch, learning_rate, train_loss, train_loss_last_step, train_acc_last_step, "
      "val_acc, val_loss, "
      "val_loss_batch_mean, seconds FROM epochs WHERE job = ?1 ORDER BY epoch",
      trial.job.value);
  while (row.Step()) {
    trial.epochs.push_back({row.Int(0), row.Real(1), row.Real(2), row.Real(3), row.Real(4),
                            row.Real(5), row.Real(6), row.Real(7), row.Real(8)});
  }
}

void LoadAttempts(Connection& db, TrialRecord& trial) {
  Statement row = db.Query(
      "SELECT number, worker, lease_time, start_time, end_time, outcome, failure_reason, "
      "failure_message "
      "FROM attempts WHERE job = ?1 ORDER BY number",
      trial.job.value);
  while (row.Step()) {
    trial.attempts.push_back({.number = row.Int(0),
                              .worker_id = row.Text(1),
                              .lease_time = FromMicros(row.Int(2)),
                              .start_time = MaybeTime(row, 3),
                              .end_time = MaybeTime(row, 4),
                              .outcome = row.Text(5),
                              .failure = ReadFailure(row, 6)});
  }
}

}  // namespace

absl::StatusOr<TrialRecord> SqliteStore::GetTrial(const std::string& sweep_id,
                                                  std::int64_t number) {
  TrialRecord trial;
  static const std::string sql = fmt::format(
      "SELECT {} {} JOIN sweeps s ON s.id = t.sweep WHERE s.sweep_id = ?1 AND t.number = ?2",
      kTrialColumns, kTrialFrom);
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    RETURN_IF_ERROR(LoadSweep(db, sweep_id).status());
    Statement row = db.Query(sql, sweep_id, number);
    if (!row.Step()) return NotFoundError("trial", TrialNameText(sweep_id, number));
    trial = ReadTrial(row, sweep_id);
    LoadEpochs(db, trial);
    LoadAttempts(db, trial);
    return absl::OkStatus();
  }));
  return trial;
}

absl::StatusOr<Page<TrialRecord>> SqliteStore::ListTrials(const std::string& sweep_id,
                                                          const PageQuery& query,
                                                          TrialDetail detail) {
  static const auto& fields =
      *new FieldTable{{"state", {"t.state", FieldType::kText}},
                      {"number", {"t.number", FieldType::kNumber}},
                      {"configuration", {"t.configuration", FieldType::kNumber}},
                      {"repeat", {"t.repeat", FieldType::kNumber}},
                      {"attempt", {"j.attempt", FieldType::kNumber}},
                      {"val_acc", {"t.val_acc", FieldType::kNumber}},
                      {"val_loss", {"t.val_loss", FieldType::kNumber}},
                      {"worker", {"j.worker", FieldType::kText}},
                      {"failure_reason", {"t.failure_reason", FieldType::kText}},
                      {"max_epochs", {"c.max_epochs", FieldType::kNumber}},
                      {"learning_rate", {"c.learning_rate", FieldType::kNumber}},
                      {"batch_size", {"c.batch_size", FieldType::kNumber}},
                      {"optimizer", {"c.optimizer", FieldType::kText}},
                      {"weight_decay", {"c.weight_decay", FieldType::kNumber}},
                      {"schedule", {"c.schedule", FieldType::kText}}};
  static const auto& orders = *new OrderTable{{"number", ""},
                                              {"val_acc", "t.val_acc"},
                                              {"val_loss", "t.val_loss"},
                                              {"seconds", "t.seconds"}};
  ASSIGN_OR_RETURN(const KeysetSql keyset, ToKeysetSql(query, orders));
  ASSIGN_OR_RETURN(const WhereClause where, ToSql(query.conditions, fields, 5));
  Page<TrialRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(const SweepRecord sweep, LoadSweep(db, sweep_id));
    const std::string sql = fmt::format(
        "SELECT {}, {} {} WHERE t.sweep = ?1 AND {} {} ORDER BY {} LIMIT {}", kTrialColumns,
        keyset.key, kTrialFrom, keyset.after, where.sql, keyset.order_by, query.limit + 1);
    Statement row = db.Prepare(sql);
    row.Bind(1, sweep.row.value);
    BindCursor(row, query.after);
    where.BindTo(row, 5);
    std::optional<double> last_key;
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == query.limit) {
        page.next = Cursor{last_key, page.items.back().number};
        break;
      }
      page.items.push_back(ReadTrial(row, sweep_id));
      last_key = row.MaybeReal(kTrialColumnCount);
    }
    if (detail == TrialDetail::kFull) {
      for (TrialRecord& trial : page.items) {
        LoadEpochs(db, trial);
        LoadAttempts(db, trial);
      }
    }
    return absl::OkStatus();
  }));
  return page;
}

absl::StatusOr<std::vector<EventRecord>> SqliteStore::EventsAfter(SubmissionId submission,
                                                                  std::int64_t revision,
                                                                  std::int64_t limit) {
  std::vector<EventRecord> events;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT id, number, from_state, to_state, attempt, worker, actor, cause, time FROM events "
        "WHERE submission = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        submission.value, revision, limit);
    while (row.Step()) {
      events.push_back({.revision = row.Int(0),
                        .trial = row.IsNull(1) ? -1 : row.Int(1),
                        .from = spec::ParseJobState(row.Text(2)),
                        .to = spec::ParseJobState(row.Text(3)),
                        .attempt = row.Int(4),
                        .worker_id = row.Text(5),
                        .actor = row.Text(6),
                        .cause = row.Text(7),
                        .time = FromMicros(row.Int(8))});
    }
    return absl::OkStatus();
  }));
  return events;
}

absl::StatusOr<std::int64_t> SqliteStore::CountEventsAfter(SubmissionId submission,
                                                           std::int64_t revision,
                                                           std::int64_t limit) {
  std::int64_t count = 0;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT count(*) FROM (SELECT 1 FROM events WHERE submission = ?1 AND id > ?2 LIMIT ?3)",
        submission.value, revision, limit);
    if (row.Step()) count = row.Int(0);
    return absl::OkStatus();
  }));
  return count;
}

}  // namespace bitsweep::store
