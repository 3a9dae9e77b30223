// SPDX-License-Identifier: Apache-2.0
// Jobs of a transform, as people see them.
#include <algorithm>
#include <iterator>
#include <vector>

#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/filter_sql.h"
#include "server/store/sqlite/keyset_sql.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/transform_rows.h"

namespace bitsweep::store {
namespace {

constexpr char kJobColumns[] =
    "t.job, t.number, t.assignment, t.state, j.attempt, j.worker, t.failure_reason, "
    "t.failure_message, t.accuracy, t.original_accuracy, t.loss, t.flops, t.bitops, t.size_bits, "
    "t.seconds, m.model_id, t.start_time, t.end_time";
constexpr int kJobColumnCount = 18;
constexpr char kJobFrom[] =
    " FROM transform_jobs t JOIN jobs j ON j.id = t.job "
    "LEFT JOIN models m ON m.transform = t.transform AND m.job_number = t.number ";

TransformJobRecord ReadJob(const Statement& row, const std::string& transform_id) {
  return {.job = JobId{row.Int(0)},
          .transform_id = transform_id,
          .number = row.Int(1),
          .assignment = row.Text(2),
          .state = spec::ParseJobState(row.Text(3)).value_or(spec::JobState::kQueued),
          .attempt = row.Int(4),
          .worker_id = row.Text(5),
          .failure = ReadFailure(row, 6),
          .metrics = {.accuracy = row.MaybeReal(8),
                      .original_accuracy = row.MaybeReal(9),
                      .loss = row.MaybeReal(10),
                      .flops = row.MaybeReal(11),
                      .bitops = row.MaybeReal(12),
                      .size_bits = row.MaybeInt(13)},
          .seconds = row.Real(14),
          .model_id = row.Text(15),
          .start_time = MaybeTime(row, 16),
          .end_time = MaybeTime(row, 17)};
}

// The highest accuracy of the transform's jobs for at most some bitops: what decides whether a job
// is Pareto optimal.
class Frontier {
 public:
  Frontier(Connection& db, SubmissionId transform) {
    Statement row = db.Query(
        "SELECT bitops, max(accuracy) FROM transform_jobs WHERE transform = ?1 AND accuracy IS NOT "
        "NULL AND bitops IS NOT NULL GROUP BY bitops ORDER BY bitops",
        transform.value);
    while (row.Step()) {
      const Point point{row.Real(0), row.Real(1)};
      if (points_.empty() || point.accuracy > points_.back().accuracy) points_.push_back(point);
    }
  }

  // No job has at least its accuracy for fewer bitops, or more accuracy for at most its bitops.
  bool IsOptimal(const TransformMetrics& metrics) const {
    if (!metrics.accuracy || !metrics.bitops) return false;
    const auto behind =
        std::upper_bound(points_.begin(), points_.end(), *metrics.bitops,
                         [](double bitops, const Point& point) { return bitops < point.bitops; });
    if (behind == points_.begin()) return false;
    const Point& best = *std::prev(behind);  // the most accuracy for at most these bitops
    return best.accuracy == *metrics.accuracy && best.bitops == *metrics.bitops;
  }

 private:
  struct Point {
    double bitops, accuracy;
  };
  std::vector<Point> points_;  // both rise
};

}  // namespace

absl::StatusOr<TransformJobRecord> SqliteStore::GetTransformJob(const std::string& transform_id,
                                                                std::int64_t number) {
  TransformJobRecord job;
  static const std::string sql =
      fmt::format("SELECT {} {} WHERE t.transform = ?1 AND t.number = ?2", kJobColumns, kJobFrom);
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(const TransformRecord transform, LoadTransform(db, transform_id));
    Statement row = db.Query(sql, transform.row.value, number);
    if (!row.Step()) {
      return NotFoundError("transform job", TransformJobNameText(transform_id, number));
    }
    job = ReadJob(row, transform_id);
    job.pareto_optimal = Frontier(db, transform.row).IsOptimal(job.metrics);
    Statement result =
        db.Query("SELECT result FROM pass_results WHERE job = ?1 ORDER BY position", job.job.value);
    while (result.Step()) job.results.push_back(result.Text(0));
    return absl::OkStatus();
  }));
  return job;
}

absl::StatusOr<Page<TransformJobRecord>> SqliteStore::ListTransformJobs(
    const std::string& transform_id, const PageQuery& query) {
  static const auto& fields = *new FieldTable{{"state", {"t.state", FieldType::kText}},
                                              {"number", {"t.number", FieldType::kNumber}},
                                              {"accuracy", {"t.accuracy", FieldType::kNumber}},
                                              {"bitops", {"t.bitops", FieldType::kNumber}}};
  static const auto& orders = *new OrderTable{{"number", ""},
                                              {"accuracy", "t.accuracy"},
                                              {"bitops", "t.bitops"},
                                              {"size_bits", "t.size_bits"},
                                              {"seconds", "t.seconds"}};
  ASSIGN_OR_RETURN(const KeysetSql keyset, ToKeysetSql(query, orders));
  ASSIGN_OR_RETURN(const WhereClause where, ToSql(query.conditions, fields, 5));
  Page<TransformJobRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(const TransformRecord transform, LoadTransform(db, transform_id));
    const Frontier frontier(db, transform.row);
    Statement row = db.Prepare(fmt::format(
        "SELECT {}, {} {} WHERE t.transform = ?1 AND {} {} ORDER BY {} LIMIT {}", kJobColumns,
        keyset.key, kJobFrom, keyset.after, where.sql, keyset.order_by, query.limit + 1));
    row.Bind(1, transform.row.value);
    BindCursor(row, query.after);
    where.BindTo(row, 5);
    std::optional<double> last_key;
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == query.limit) {
        page.next = Cursor{last_key, page.items.back().number};
        break;
      }
      page.items.push_back(ReadJob(row, transform_id));
      page.items.back().pareto_optimal = frontier.IsOptimal(page.items.back().metrics);
      last_key = row.MaybeReal(kJobColumnCount);
    }
    return absl::OkStatus();
  }));
  return page;
}

}  // namespace bitsweep::store
